#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# What asnd tells the service manager: ready, a true status, and a ping only
# when its loop runs and the evidence file answered.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IPC::Open2;
use Notify;
use Pair;
use Test::More;

BAIL_OUT('making a directory unwritable for asnd needs root') if $> != 0;
use constant WATCHDOG => 0.9; # seconds: pings every 0.3

my $p = Pair->new(networks => 0);
my $notify;
sub started {
	my (%opt) = @_;
	$p->{notify} = $notify = Notify->new(%opt);
	$p->{env}{asnd} = { $notify->env(WATCHDOG) };
	$p->start_asnd;
	return $notify->wait_for(sub { $notify->pings >= 2 });
}
sub pings_again { $notify->forget; $notify->wait_for(sub { $notify->pings >= 2 }) }
sub status_is { my ($re, $name) = @_; ok($notify->wait_for(sub { $notify->status =~ $re }), $name) or diag $notify->status }

for my $abstract (0, 1) {
	ok(started(abstract => $abstract), ($abstract ? 'abstract' : 'pathname') . ' socket: pings');
	my @said = grep { /^(READY|STATUS|WATCHDOG|EXTEND)/ } $notify->said;
	my ($ready) = grep { $said[$_] eq 'READY=1' } 0 .. $#said;
	my @before = @said[0 .. $ready - 1];
	is($before[0], 'STATUS=checking the evidence', '... what it does first');
	ok((grep { /^EXTEND_TIMEOUT_USEC=6\d{7}$/ } @before), '... asks for time for that');
	ok(!(grep { $_ eq 'WATCHDOG=1' } @before), '... and pings when it is ready');
	$p->stop('asnd') if !$abstract;
}

# --- the status -------------------------------------------------------------------
status_is(qr/^0 votes since the start; nothing published yet; asnd-mailwatch is not connected; no networks\.mmdb: run 'asnctl import'$/,
	'the status: what is missing and what to do');
$p->make_networks;
$p->folder('ann', $_) for '', '.Junk';
$p->start('asnd-mailwatch');
$p->wait_for('scan', sub { $p->scans > 0 });
my $name = $p->deliver('ann', '', ip => '192.0.2.7');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 1 });
$p->move('ann', '', $name, '.Junk');
status_is(qr/^1 votes since the start; published [^;]*; watching$/, 'and what it does');

# --- the store is locked --------------------------------------------------------------
my $sqlite = open2(my $out, my $in, @{ $p->{as}{asnd} }, 'sqlite3', "$p->{dir}/state/evidence.sqlite");
print $in "BEGIN EXCLUSIVE;\nSELECT 'locked';\n";
$in->flush;
is(<$out>, "locked\n", 'the store is locked by somebody');
status_is(qr/^the evidence cannot be used, votes wait: database is locked; /, 'the status says so');
is($notify->pings_in(3 * WATCHDOG), 0, 'no ping');
my @said = $p->log('asnd') =~ /does not answer \(database is locked\)/g;
is(scalar @said, 1, 'one warning');
print $in ".quit\n";
close $in;
waitpid $sqlite, 0;
ok(pings_again(), 'unlocked: pings again');
status_is(qr/^\d+ votes/, '... and the status is as before');
like($p->log('asnd'), qr/the evidence answers again/, '... said, too');

# --- the file is damaged below SQLite's cache --------------------------------------------
sub overwrite {
	my ($bytes) = @_;
	open my $f, '+<', "$p->{dir}/state/evidence.sqlite" or die;
	syswrite $f, $bytes;
	close $f;
}
overwrite("\0" x 15);
status_is(qr/it is no database; /, 'overwritten on disk: it is noticed');
is($notify->pings_in(2 * WATCHDOG), 0, '... no ping');
overwrite('SQLite format 3');
ok(pings_again(), '... put back: pings again');

# --- publishing is not possible ---------------------------------------------------------------
chown 0, 0, "$p->{dir}/db";
$name = $p->deliver('ann', '.Junk', ip => '192.0.2.9');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 2 });
$p->move('ann', '.Junk', $name, '');
status_is(qr/^cannot publish, the old files stay in use: .*Permission denied/, 'cannot publish: the status says so');
ok(pings_again(), '... but it is alive: a restart would not help');
chown 65534, 65534, "$p->{dir}/db";
status_is(qr/^\d+ votes/, 'it can: as before');

# --- the loop is frozen -----------------------------------------------------------------------
my $freeze = open2($out, $in, "$Pair::build/t/freeze-thread", $p->{pid}{asnd}, 'asnd');
is(<$out>, "frozen\n", 'the main loop stands');
is($notify->pings_in(3 * WATCHDOG), 0, 'no ping');
close $in;
waitpid $freeze, 0;
ok(pings_again(), 'it goes on: pings again');
my ($status, $took) = $p->stop('asnd');
is($status, 0, 'leaves cleanly');
ok((grep { $_ eq 'STOPPING=1' } $notify->said), 'and says so');

# --- the file is gone ----------------------------------------------------------------------------
ok(started(), 'again');
rename "$p->{dir}/state/evidence.sqlite", "$p->{dir}/state/moved" or die;
waitpid $p->{pid}{asnd}, 0;
is($? >> 8, 74, 'the file was moved away: it leaves');
delete $p->{pid}{asnd};
like($p->log('asnd'), qr/evidence file is damaged or gone/, '... and says why');
ok(started(), 'the next start makes a new one');
ok($p->wait_for('votes', sub { $p->sql('SELECT count(*) FROM votes') > 0 }), '... from the Maildirs');
$p->stop_both;

# --- nobody asks ---------------------------------------------------------------------------------
$p->{notify} = $notify = Notify->new;
$p->{env}{asnd} = { $notify->env };
$p->start_asnd;
ok($notify->wait_for(sub { grep { $_ eq 'READY=1' } $notify->said }), 'without WATCHDOG_USEC: ready');
is($notify->pings_in(WATCHDOG), 0, '... and no pings');
done_testing;
