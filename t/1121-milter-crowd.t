#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# A thousand connections at once: each is served, each answer is right.  More
# than there are descriptors for: they wait, and the milter neither spins nor
# leaves, and still takes up databases.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open2;
use MilterTest;
use Test::More;

my %asn = ('192.0.2' => 'AS64496 192.0.2.0/24 ZZ', '198.51.100' => 'AS64497 198.51.100.0/24 DE',
	'203.0.113' => 'AS64498 203.0.113.0/24 NL');

# A line of mta-crowd: what is wrong with it, or ''.
sub wrong {
	my ($line, $holder) = @_;
	my ($what, @answer) = split /\t/, $line;
	my ($connection, $message, $address) = split / /, $what;
	my $net = $address =~ s/\.\d+$//r;
	my $verdict = $net eq '198.51.100' ? 'Yes' : 'No';
	my $flag = $verdict eq 'Yes' ? 1 : 0;
	my $seal = sprintf 'ip=%s; q=4C%05uq%u; f=%d; b=', $address, $connection, $message, $flag;
	my @want = ((map { qr/^change 1 \Q$_\E: $/ } qw(X-ASN X-ASN-Spam X-ASN-Seal)),
		qr/^insert 0 X-ASN-Seal: v=1; k=0; t=\d+; \Q$seal\E/,
		qr/^insert 0 X-ASN-Spam: $verdict, /,
		qr/^insert 0 X-ASN: \Q$asn{$net} ($holder)\E$/, qr/^continue$/);
	return "$#answer answers: $line" if @answer != @want;
	for my $i (0 .. $#want) {
		return "answer $i: $line" if $answer[$i] !~ $want[$i];
	}
	return '';
}

# A mta-crowd to talk to.
sub crowd {
	my $pid = open2(my $out, my $in, "$build/t/mta-crowd", @_, "unix:$tmp/sock");
	return { pid => $pid, out => $out, in => $in };
}
sub go { my $in = $_[0]{in}; print $in "\n"; $in->flush }
# Its lines up to and with one that matches; the last is in $_[0]{last}.
sub read_to {
	my ($crowd, $what) = @_;
	my @lines;
	while (my $line = readline $crowd->{out}) {
		chomp $line;
		$crowd->{last} = $line;
		return @lines if $line =~ $what;
		push @lines, $line;
	}
	$crowd->{last} = 'left';
	return @lines;
}
sub descriptors { my @fds = glob "/proc/$_[0]/fd/*"; scalar @fds }
sub all_right {
	my ($name, $holder, @lines) = @_;
	my @wrong = grep { $_ ne '' } map { wrong($_, $holder) } @lines;
	is(scalar @wrong, 0, $name) or diag @wrong[0 .. (@wrong > 3 ? 3 : $#wrong)];
}

make_db('networks');
make_db('base', 1, '198.51.100.0/24');
spew("$tmp/key", '0 ' . 'A' x 43 . "=\n");
config();

# --- a thousand ---------------------------------------------------------------
my $n = 1000;
# As a login shell has it: it must help itself to more.
@with = ('prlimit', '--nofile=256:4096');
my $pid = start_milter();
# When all of it is up, and nobody is connected.
talk("connect 4 192.0.2.1\neom\n");
wait_until(sub { 1 == grep { (readlink($_) // '') =~ /^socket/ } glob "/proc/$pid/fd/*" }) or die;
my $before = descriptors($pid);
my $c = crowd($n, 3, 20000);
read_to($c, qr/^open/);
is($c->{last}, "open $n waiting 0 refused 0", 'a thousand at once: all are served, none is refused');
is(descriptors($pid), $before + $n, '... a descriptor each');
go($c);
my @lines = read_to($c, qr/^answered/);
is($c->{last}, 'answered ' . 3 * $n . ' lost 0', '... three mails each are answered');
all_right('... each with its own headers', 'Example Networks', @lines);
go($c);
read_to($c, qr/^done/);
waitpid $c->{pid}, 0;
ok(wait_until(sub { descriptors($pid) == $before }), '... and no descriptor stays open');
my ($status) = stop_milter($pid);
is($status, 0, 'it leaves cleanly');

# --- more than there are descriptors ---------------------------------------------
my $limit = 128;
@with = ('prlimit', "--nofile=$limit:$limit");
$pid = start_milter();
$c = crowd(300, 1, 300);
my ($served, $turns, @all) = (0, 0);
while (1) {
	read_to($c, qr/^(open|done)/);
	last if $c->{last} !~ /^open (\d+) waiting (\d+) refused (\d+)/;
	my ($open, $waiting, $refused) = ($1, $2, $3);
	$served += $open;
	if ($turns++ == 0) {
		cmp_ok($open, '>=', $limit / 2, "with $limit descriptors: many are served");
		is($open + $waiting, 300, '... the others wait');
		is($refused, 0, '... none is refused');
		my $cpu = cpu($pid);
		select undef, undef, undef, 1; # what it costs, not a condition
		cmp_ok(cpu($pid) - $cpu, '<', 0.2, '... without a spin');
		make_db('networks', 'New Holder');
		ok(wait_until(sub { (() = log_text() =~ /networks\.mmdb: in use/g) >= 3 }),
			'... a new database is taken up');
	}
	go($c);
	push @all, read_to($c, qr/^answered/);
	go($c);
}
is($c->{last}, 'done', 'they have their turn');
is($served, 300, '... all of them');
is(scalar @all, 300, '... and an answer each');
all_right('... the right one', 'New Holder', @all);
waitpid $c->{pid}, 0;
is(scalar(() = log_text() =~ /connections take all descriptors/g), 1, '... which is said once');
ok(kill(0, $pid), 'it lived through it');
($status) = stop_milter($pid);
is($status, 0, '... and leaves cleanly');
unlike(log_text(), qr/Sanitizer|critical|CRITICAL/, 'a clean log');
done_testing();

sub cpu { my @stat = split ' ', slurp("/proc/$_[0]/stat") =~ s/^.*\) //sr; ($stat[11] + $stat[12]) / 100 }
