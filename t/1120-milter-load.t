#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Databases are swapped, broken ones among them, and the configuration is taken
# anew while mail passes, most of all for TSan: each answer is of one database of
# each kind, no matter which, and each one that stood there long enough is used.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MilterTest;
use POSIX qw(WNOHANG);
use Test::More;
use Time::HiRes qw(time sleep);

my @nets = ('192.0.2', '198.51.100', '203.0.113');
my ($sessions, $messages) = (40, 20);
my $least = 120; # swaps
spew("$tmp/key", '0 ' . 'A' x 43 . "=\n");

# --- the files, as bytes -------------------------------------------------------
sub bytes { my $bytes = slurp("$tmp/db/$_[0]"); unlink "$tmp/db/$_[0]"; $bytes }
my (@networks, @reputation);
for my $holder ('Example One', 'Example Two') {
	make_db('networks', $holder);
	push @networks, bytes('networks.mmdb');
}
for ([1, '198.51.100.0/24'], [2, '203.0.113.0/24'], [3, '198.51.100.0/24', '203.0.113.0/24']) {
	make_db('base', @$_);
	push @reputation, bytes('reputation.mmdb');
}
make_db('recent', 1, '203.0.113.0/24');
my $recent = bytes('recent.mmdb'); # of the first
spew("$tmp/rules", "block 192.0.2.10 until 2099-12-31\n");
make_db('rules', "$tmp/rules");
my $rules = bytes('rules.mmdb');

# As every writer does.
sub put {
	my ($name, $bytes) = @_;
	spew("$tmp/db/aside", $bytes);
	rename "$tmp/db/aside", "$tmp/db/$name" or die "$name: $!";
}

# --- what each reputation makes of each network ----------------------------------
# X-ASN-Spam of one more mail from each network, with these files and no other.
sub verdicts {
	my %file = @_;
	unlink glob "$tmp/db/*";
	put($_, $file{$_}) for keys %file;
	config();
	my $pid = start_milter();
	my %is;
	for my $net (@nets) {
		my ($line) = grep { /X-ASN-Spam: / } talk("connect 4 $net.7\nmacro E i 4XyZ\neom\n");
		$is{$net} = $line =~ s/.*X-ASN-Spam: //r;
	}
	stop_milter($pid);
	return \%is;
}
my @verdicts = ((map { verdicts('networks.mmdb', $networks[0], 'reputation.mmdb', $_) } @reputation),
	verdicts('networks.mmdb', $networks[1], 'reputation.mmdb', $reputation[0], 'recent.mmdb', $recent));
is(scalar(keys %{ { map { join(' ', map { /^Yes/ ? 1 : 0 } @$_{@nets}) => 1 } @verdicts } }), 3,
	'three kinds of verdicts over the networks');

# --- under load --------------------------------------------------------------------
my $pid = start_milter();
my ($swaps, $crowds, @lines) = (0, 0);
sub start_crowd {
	my $crowd = fork // die;
	return $crowd if $crowd;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>', "$tmp/crowd." . $crowds;
	exec "$build/t/mta-crowd", $sessions, $messages, 20000, "unix:$tmp/sock";
}
my @turns = (
	sub { put('networks.mmdb', $networks[$swaps / 10 % 2]) },
	sub { put('reputation.mmdb', $reputation[$swaps / 10 % 3]) },
	sub { put('recent.mmdb', $recent) },
	sub { put('rules.mmdb', $rules) },
	sub { put('networks.mmdb', substr $networks[0], 0, length($networks[0]) / 2) },
	sub { put('reputation.mmdb', $reputation[0] =~ s/(.{300})./$1\xff/sr) },
	sub { config("flag-headers=X-Spam-Flag: YES\n"); kill 'HUP', $pid },
	sub { put('recent.mmdb', '') },
	sub { config(); kill 'USR1', $pid },
);
my $crowd = start_crowd();
my $left = 0;
while (1) {
	$turns[$swaps++ % @turns]->();
	sleep 0.004;
	next if waitpid($crowd, WNOHANG) != $crowd;
	$left ||= $?;
	push @lines, split /\n/, slurp("$tmp/crowd.$crowds");
	last if ++$crowds >= 2 && $swaps >= $least;
	$crowd = start_crowd();
}
is($left, 0, 'every session came to its end');
my $mails = $crowds * $sessions * $messages;
my @mails = grep { /\t/ } @lines;
is(scalar @mails, $mails, "an answer to each of $mails mails under $swaps swaps");
is(scalar(grep { $_ eq 'done' } @lines), $crowds, '... and none is missing');

my (%holder, %verdict, @wrong);
sub judge {
	my ($what, @answer) = split /\t/, $_[0];
	my ($net, $host) = $what =~ /^\d+ \d+ (.*)\.(\d+)$/ or return "what is that";
	# "change" comes before "insert", a flag header is inserted first
	my %said = map { /^insert 0 ([^:]+): (.*)$/ ? ($1 => $2) : () } @answer;
	return 'no X-ASN' if ($said{'X-ASN'} // '') !~ / \Q$net\E\.0\/24 .. \((Example (?:One|Two))\)$/;
	$holder{$1}++;
	return 'forged ones stay' if join(' ', grep { /^change/ } @answer)
	    ne 'change 1 X-ASN:  change 1 X-ASN-Spam:  change 1 X-ASN-Seal: ';
	return 'last is ' . $answer[-1] if $answer[-1] ne 'continue';
	my $spam = $said{'X-ASN-Spam'} // return 'no X-ASN-Spam';
	$verdict{$net}{ $spam =~ s/,.*//r }++;
	my $flag = $spam =~ /^Yes/ ? 1 : 0;
	return 'seal' if ($said{'X-ASN-Seal'} // '') !~ /; ip=\Q$net.$host\E; q=4C\d+q\d+; f=$flag; b=.{44}$/;
	return '' if $net eq '192.0.2' && $host == 10 && $spam =~ /rule=/; # or the rules were not there yet
	# What is known of the address itself differs; the verdict may not.
	return (grep { substr($_->{$net}, 0, 3) eq substr($spam, 0, 3) } @verdicts) ? '' : "no database says $spam";
}
for (@mails) {
	my $why = judge($_);
	push @wrong, "$why: $_" if $why ne '';
}
is(scalar @wrong, 0, '... each is what one of the databases says') or diag join "\n", @wrong[0 .. ($#wrong > 4 ? 4 : $#wrong)];
is_deeply([sort keys %holder], ['Example One', 'Example Two'], '... both networks.mmdb were used');
for my $net (@nets[1, 2]) {
	is_deeply([sort keys %{ $verdict{$net} }], ['No', 'Yes'], "... $net flagged by some, not by others");
}
like(log_text(), qr/refused: .*$_.mmdb/, "a broken $_.mmdb was refused") for qw(networks reputation recent);
ok(kill(0, $pid), 'it lived through it');
put('networks.mmdb', $networks[1]);
put('reputation.mmdb', $reputation[2]);
ok(wait_until(sub {
	my @answer = talk("connect 4 203.0.113.77\neom\n");
	(grep { /Example Two/ } @answer) && (grep { /X-ASN-Spam: Yes/ } @answer);
}), 'the last ones are what is used in the end');
my ($status) = stop_milter($pid);
is($status, 0, 'it leaves cleanly');
unlike(log_text(), qr/Sanitizer|critical|CRITICAL/, 'a clean log');
done_testing();
