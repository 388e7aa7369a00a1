#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl watch: a line for what happens, when it happens; asnd that goes and
# comes back; who may; and every way to end.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use IO::Handle;
use JSON::PP;
use Pair;
use POSIX ();
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'needs root, to be several users' if $> != 0;

my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
$p->folder('ann', $_) for '', '.Junk';
ok($p->start_both && $bus->ready, 'asnd is on the bus');
my $watch = ["$Bus::build/asnctl/asnctl", 'watch'];

sub out { Bus::slurp($_[0]{out}) }
sub err { Bus::slurp($_[0]{err}) }
my $seq = 0;
# A mail comes to INBOX; returns its name once it was read.
sub mail {
	my (%m) = @_;
	my $name = $p->deliver('ann', '', %m);
	my $n = ++$seq;
	$p->wait_for("mail $n", sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') >= $n });
	return $name;
}
# Votes until this one hears them; then the last vote was heard, too.
sub hears {
	my (@jobs) = @_;
	return $p->wait_for('those who watch', sub {
		$p->move('ann', '', mail(ip => '203.0.113.' . ($seq + 1)), '.Junk');
		return !grep { out($_) !~ /spam/ } @jobs;
	}, 30) && $p->wait_for('the last vote', sub {
		return !grep { out($_) !~ /^(?=.*spam).*\b203\.0\.113\.$seq\b/m } @jobs;
	});
}

my $text = $bus->spawn(\%Bus::MEMBER, @$watch);
my $json = $bus->spawn(\%Bus::ROOT, @$watch, '--json');
ok(hears($text, $json), 'root and a member of the group hear of votes');

# --- what happens, in order -----------------------------------------------------

my ($before, $jbefore) = map { length out($_) } $text, $json;
my $name = mail(ip => '192.0.2.9', flagged => 1);
ok($p->wait_for('the verdict', sub { substr(out($text), $before) =~ /192\.0\.2\.9/ }), 'a verdict is there at once');
my $from = time;
$name = $p->move('ann', '', $name, '.Junk');
ok($p->wait_for('spam', sub { substr(out($text), $before) =~ /spam\t[^\n]*192\.0\.2\.9/ }), 'a vote for spam');
cmp_ok(time - $from, '<', $ENV{ASND_SLOW} // 1, 'within a second');
$p->move('ann', '.Junk', $name, '', 'S');
ok($p->wait_for('ham', sub { substr(out($text), $before) =~ /ham\t/ }), 'and the rescue');
my @rows = map { [split /\t/, $_, -1] } split /\n/, substr(out($text), $before);
is(join(' ', map { $_->[1] } @rows), 'flagged spam ham', 'each once, in order');
like($_->[0], qr/^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'the time in full') for @rows;
is(join(' ', @{$_}[4 .. 8]), '192.0.2.9 AS64496 ZZ 192.0.2.0/24 Example', 'whence') for @rows;
is($rows[1][3], 'weight 1', 'the weight of a vote');
cmp_ok($rows[1][2], '>', 0.9, 'the score after spam');
cmp_ok($rows[2][2], '<', $rows[1][2], 'and after ham');

ok($p->wait_for('json', sub { substr(out($json), $jbefore) =~ /"ham"/ }), 'the same as JSON');
my @json = map { decode_json($_) } split /\n/, substr(out($json), $jbefore);
is(join(' ', map { $_->{event} } @json), 'verdict vote vote', 'an object a line');
is($json[0]{flagged}, JSON::PP::true, 'flagged');
is($json[1]{class}, 'spam', 'spam');
is($json[1]{asn}, 64496, 'a number is a number');
is($json[1]{holder}, 'Example', 'the holder');
unlike(out($json), qr/\bann\b/, 'no user');

# --- many at once --------------------------------------------------------------

my @names = map { mail(ip => "198.51.100.$_") } 1 .. 200;
$_ = $p->move('ann', '', $_, '.Junk') for @names;
ok($p->wait_for('200 votes', sub { $p->sql('SELECT count(*) FROM votes') > 200 }), 'two hundred votes at once');
$p->wait_for('what was left out', sub {
	$p->move('ann', '', mail(ip => '192.0.2.' . (100 + $seq % 100)), '.Junk');
	return err($text) =~ /left out/;
});
like(err($text), qr/^asnctl watch: \d+ left out: there were too many at once$/m, 'some are left out, and counted');

# --- asnd goes and comes back ------------------------------------------------------

$p->stop('asnd');
ok($p->wait_for('the word', sub { err($text) =~ /asnd does not run; waiting/ }), 'asnd goes: told');
$p->start_asnd;
$bus->ready;
ok($p->wait_for('the word', sub { err($text) =~ /asnd is there/ }), 'and comes back: told');
$before = length out($text);
$p->wait_for('scan', sub { $p->scans > 1 });
$name = mail(ip => '192.0.2.77');
ok($p->wait_for('a verdict', sub { substr(out($text), $before) =~ /passed\t[^\n]*192\.0\.2\.77/ }), 'and it goes on');

# --- the ends --------------------------------------------------------------------------

kill 'INT', $text->{pid};
my ($code) = $bus->finish($text);
is($code, 0, 'SIGINT ends it well');
kill 'TERM', $json->{pid};
($code) = $bus->finish($json);
is($code, 0, 'and SIGTERM');

# Nobody reads any more: it notices without an event.
pipe(my $r, my $w) or die;
my $pid = fork // die;
if (!$pid) {
	close $r;
	$ENV{DBUS_SYSTEM_BUS_ADDRESS} = $bus->{address};
	POSIX::dup2(fileno $w, 1);
	open STDERR, '>', "$bus->{dir}/err.pipe";
	exec @$watch or POSIX::_exit(127);
}
close $w;
my $line = '';
$p->wait_for('a line in the pipe', sub {
	mail(ip => '192.0.2.78');
	$r->blocking(0);
	$line = <$r> // '';
	return $line ne '';
}, 30);
like($line, qr/\tpassed\t/, 'a pipe gets its line at once');
close $r;
ok($p->wait_for('its end', sub { waitpid($pid, POSIX::WNOHANG()) == $pid && ($code = $?, 1) }), 'the reader goes: it ends');
is($code, 0, 'well');
is(Bus::slurp("$bus->{dir}/err.pipe"), '', 'without a word');

my ($status, $out, $err) = $bus->run(\%Bus::STRANGER, @$watch);
is($status, 77, 'others may not');
is($err, "asnctl watch: only root and members of the group asnd may watch\n", 'and are told so in one line');
is($out, '', 'and nothing else');
($status, $out, $err) = $bus->run({}, @$watch, 'everything');
is($status, 64, 'an argument is refused');

my $last = $bus->spawn({}, @$watch);
$p->stop_both;
ok($p->wait_for('the word', sub { err($last) =~ /asnd does not run; waiting/ }), 'without asnd it waits');
$bus->stop;
($status, $out, $err) = $bus->finish($last);
is($status, 75, 'the bus goes: it ends');
like($err, qr/the bus is gone$/m, 'and says why');
($status, $out, $err) = $bus->run({}, @$watch);
is($status, 75, 'no bus at all');
like($err, qr/\Aasnctl watch: asnd cannot be reached: the system bus: .*; "systemctl start dbus" starts it\n\z/, 'in one line');

# --- on a terminal -----------------------------------------------------------------------

$bus->start;
$p->start_both && $bus->ready;
local $ENV{TERM} = 'xterm';
my $tty = $bus->spawn({}, 'script', '-qefc', "@$watch", "$bus->{dir}/typescript");
ok(hears_tty(), 'on a terminal');
sub hears_tty {
	return $p->wait_for('the terminal', sub {
		mail(ip => '192.0.2.79');
		return Bus::slurp("$bus->{dir}/typescript") =~ /192\.0\.2\.79/;
	}, 30);
}
kill 'INT', $tty->{pid};
$bus->finish($tty);
my $seen = Bus::slurp("$bus->{dir}/typescript");
like($seen, qr/WHAT.*ADDRESS.*HOLDER/, 'it has a head');
like($seen, qr/\033\[/, 'and colour');
my ($head, $row) = grep { /ADDRESS|192\.0\.2\.79/ } map { s/\033\[[\d;]*m//gr } split /\r?\n/, $seen;
is(index($row, '192.0.2.79'), index($head, 'ADDRESS'), 'and columns');
done_testing;
