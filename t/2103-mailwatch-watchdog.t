#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# What asnd-mailwatch tells the service manager: ready, a true status, and a
# ping only when its loop held its watches against the kernel's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open2;
use Notify;
use Pair;
use Test::More;

use constant WATCHDOG => 0.9; # seconds: pings every 0.3

my $p = Pair->new;
$p->folder('ann', $_) for '', '.Junk';
my $notify;
sub started {
	$p->{notify} = $notify = Notify->new(@_);
	$p->{env}{'asnd-mailwatch'} = { $notify->env(WATCHDOG) };
	$p->start('asnd-mailwatch');
	return $notify->wait_for(sub { $notify->pings >= 2 });
}
sub pings_again { $notify->forget; $notify->wait_for(sub { $notify->pings >= 2 }) }
sub status_is { my ($re, $name) = @_; ok($notify->wait_for(sub { $notify->status =~ $re }), $name) or diag $notify->status }

# --- waiting for asnd --------------------------------------------------------------
for my $abstract (0, 1) {
	ok(started(abstract => $abstract), ($abstract ? 'abstract' : 'pathname') . ' socket: pings while it waits');
	my @said = grep { /^(READY|WATCHDOG)/ } $notify->said;
	is($said[0], 'READY=1', '... ready first');
	status_is(qr{^waiting for asnd at \Q$p->{dir}\E/run/mailwatch\.sock: No such file}, '... the status says for what');
	$p->stop('asnd-mailwatch') if !$abstract;
}

# --- watching ---------------------------------------------------------------------------
$p->start_asnd;
status_is(qr/^in step with asnd; \d+ watches$/, 'connected: how many watches there are')
	or diag $p->log('asnd-mailwatch');
ok(pings_again(), 'and pings');

# --- asnd reads nothing more: our own work goes on ------------------------------------------
kill 'STOP', $p->{pid}{asnd};
my $name = $p->deliver('ann', '', ip => "192.0.2.$_") for 1 .. 200;
ok(pings_again(), 'asnd stands still: that is not ours, pings');
kill 'CONT', $p->{pid}{asnd};
ok($p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 200 }), 'it goes on');

# --- a watch is lost -------------------------------------------------------------------------
sub steal { my ($dir) = @_; scalar qx($Pair::build/t/steal-watch $p->{pid}{'asnd-mailwatch'} '$dir' 2>/dev/null) }
my $new = $p->folder('ann', '') . '/new';
is(steal($new), "stolen\n", 'a watch is taken away behind its back');
my $mail = $p->deliver('ann', '', ip => '198.51.100.1'); # no event
ok($p->wait_for('noticed', sub { $p->log('asnd-mailwatch') =~ /does not have the watches/ }), 'noticed');
ok($p->wait_for('healed', sub { $p->log('asnd-mailwatch') =~ /all watches are there again/ }), 'made good');
ok($p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 201 }),
	'what came meanwhile was found');
$p->deliver('ann', '', ip => '198.51.100.2');
ok($p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 202 }), 'and what comes now');
ok(pings_again(), 'pings');

# --- folders come and go: no false alarm --------------------------------------------------------
# Each flood has a user of its own: whose Maildir floods is not watched for a while.
$p->folder('flood', '');
my $until = Time::HiRes::time() + 4 * WATCHDOG;
$notify->forget;
while (Time::HiRes::time() < $until) {
	my $path = $p->folder('flood', '.Tmp');
	rmdir "$path/$_" for qw(tmp new cur);
	rmdir $path;
}
cmp_ok($notify->pings, '>=', 3, 'folders come and go: pings');
my @alarms = $p->log('asnd-mailwatch') =~ /does not have the watches/g;
is(scalar @alarms, 1, '... and no false alarm');

# --- an overflow swallows a folder's end while the last rescan is young: no false alarm ---------------
my $junk = $p->folder('big', '.Junk') . '/cur';
open my $seed, '>', "$junk/0" or die;
chown 12345, 12345, "$junk/0"; # looked at in a rescan, not read
link "$junk/0", "$junk/$_" or die "$!" for 1 .. 50000;
my $overflows = sub { scalar(() = $p->log('asnd-mailwatch') =~ /queue overflowed/g) };
for my $n (1 .. 5) {
	my $flood = $p->folder("flood$n", '') . '/new';
	my $path = $p->folder('ann', ".Over$n");
	$p->deliver("flood$n", '', ip => "203.0.113.$n");
	ok($p->wait_for('watched', sub { $p->sql("SELECT count(*) FROM mails WHERE state=1") == 202 + $n }),
		"a new user is watched");
	pings_again();
	kill 'STOP', $p->{pid}{'asnd-mailwatch'}; # events wait
	open my $file, '>', "$flood/a" or die;
	for (1 .. 12000) { rename "$flood/a", "$flood/b"; rename "$flood/b", "$flood/a" }
	rmdir "$path/$_" for qw(tmp new cur);
	rmdir $path;
	kill 'CONT', $p->{pid}{'asnd-mailwatch'};
	pings_again();
}
ok($p->wait_for('overflows', sub { $overflows->() >= 2 }), 'overflows');
ok(pings_again(), '... pings');
@alarms = $p->log('asnd-mailwatch') =~ /does not have the watches/g;
is(scalar @alarms, 1, '... and no false alarm');

# --- watches are lost as fast as they are made good ------------------------------------------------
$notify->forget;
my $stolen = 0;
$p->wait_for('helpless', sub {
	$stolen++ if steal($new) eq "stolen\n";
	$p->log('asnd-mailwatch') =~ /that did not help/;
});
cmp_ok($stolen, '>=', 2, 'lost again and again');
like($p->log('asnd-mailwatch'), qr/did not help: the watchdog gets no ping/, '... it gives up');
is($notify->pings_in(3 * WATCHDOG), 0, '... and does not ping');

# --- the loop is frozen -----------------------------------------------------------------------------
$p->stop('asnd-mailwatch');
ok(started(), 'again');
my $freeze = open2(my $out, my $in, "$Pair::build/t/freeze-thread", $p->{pid}{'asnd-mailwatch'}, 'asnd-mailwatch');
is(<$out>, "frozen\n", 'the loop stands');
is($notify->pings_in(3 * WATCHDOG), 0, 'no ping');
close $in;
waitpid $freeze, 0;
ok(pings_again(), 'it goes on: pings again');
my ($status, $took) = $p->stop('asnd-mailwatch');
is($status, 0, 'leaves cleanly');
cmp_ok($took, '<', 1, '... at once');
ok((grep { $_ eq 'STOPPING=1' } $notify->said), '... and says so');

# --- nobody asks ---------------------------------------------------------------------------------------
$p->{notify} = $notify = Notify->new;
$p->{env}{'asnd-mailwatch'} = { $notify->env };
$p->start('asnd-mailwatch');
ok($notify->wait_for(sub { grep { $_ eq 'READY=1' } $notify->said }), 'without WATCHDOG_USEC: ready');
is($notify->pings_in(WATCHDOG), 0, '... and no pings');
done_testing;
