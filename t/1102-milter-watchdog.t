#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# What asn-milter tells the service manager: ready, a true status, and a ping
# only when it answered a negotiation on its own socket.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use IPC::Open2;
use MilterTest;
use Notify;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Test::More;
use Time::HiRes qw(time sleep);

use constant WATCHDOG => 0.6; # seconds: pings every 0.2
my $mail = "connect 4 198.51.100.7\nheader Subject hi\nmacro E i 4XyZ\neom\n";
my $seconds = WATCHDOG;
sub start_watched { # notify, args -> pid
	my ($notify, @args) = @_;
	local %ENV = (%ENV, $notify->env($seconds));
	return start_milter(@args);
}
sub blocked { # of a thread
	my ($mask) = (eval { slurp("/proc/$_[0]/status") } // '') =~ /^SigBlk:\s+(\w+)/m;
	return defined $mask ? hex substr $mask, -8 : undef;
}
sub pings_again { my ($notify) = @_; $notify->forget; $notify->wait_for(sub { $notify->pings >= 2 }) }

# --- both kinds of notify socket, three kinds of own ones --------------------------
my $port = do { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport };
config();
for (['pathname', 0, "unix:$tmp/sock"], ['abstract', 1, "unix:$tmp/sock"], ['inet', 0, "inet:$port\@127.0.0.1"]) {
	my ($name, $abstract, $spec) = @$_;
	my $notify = Notify->new(abstract => $abstract);
	my $pid;
	if ($name eq 'inet') {
		# start_milter waits for a file
		$pid = fork // die;
		if (!$pid) {
			%ENV = (%ENV, $notify->env(WATCHDOG));
			open STDERR, '>>', "$tmp/log";
			exec "$build/milter/asn-milter", '--config', "$tmp/conf", @user, '--socket', $spec;
		}
	} else {
		$pid = start_watched($notify, '--socket', $spec);
	}
	ok($notify->wait_for(sub { grep { $_ eq 'READY=1' } $notify->said }), "$name: ready");
	ok($notify->wait_for(sub { $notify->pings >= 3 }), '... and pings');
	# HUP, INT, USR1, TERM; the main thread takes them once all others are there
	ok(wait_until(sub { !(blocked($pid) & 0x4203) }), '... the main thread takes signals');
	for my $task (grep { !m{/$pid$} } glob "/proc/$pid/task/*") {
		my $mask = blocked($task =~ m{(\d+)$}) // next; # it ended
		is($mask & 0x4203, 0x4203, '... and no other one');
	}
	my @order = grep { /^(READY|STATUS|WATCHDOG)/ } $notify->said;
	like($order[0], qr/^STATUS=/, '... after a status');
	my ($status, $took) = stop_milter($pid);
	is($status, 0, '... leaves cleanly');
	cmp_ok($took, '<', 3, '... not with libmilter, which takes four seconds');
	ok((grep { $_ eq 'STOPPING=1' } $notify->said), '... and says so');
}

# --- the status --------------------------------------------------------------------
my $notify = Notify->new;
my $pid = start_watched($notify);
$notify->wait_for(sub { $notify->status ne '' });
like($notify->status, qr/^0 mails judged, 0 flagged; no networks\.mmdb: .*import.*; no reputation\.mmdb.*; no seal key: /,
	'the status tells what is missing and what to do');
my $before = log_text();
ok(pings_again($notify), 'pings');
is(log_text(), $before, 'a probe is not logged');
stop_milter($pid);
make_db('networks');
make_db('base', 1, '198.51.100.0/24');
make_db('recent', 1, '198.51.100.0/24');
spew("$tmp/key", '0 ' . 'A' x 43 . "=\n");
$pid = start_watched($notify);
talk($mail) for 1 .. 3;
talk("connect 4 192.0.2.7\nmacro E i 4XyZ\neom\n");
talk("connect 4 127.0.0.1\nmacro E i 4XyZ\neom\n");
ok($notify->wait_for(sub { $notify->status =~ /^4 mails judged, 3 flagged; networks of \d{4}-\d\d-\d\d; reputation of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/ }),
	'what was done, and with what; probes and local mail are not counted') or diag $notify->status;

# --- frozen --------------------------------------------------------------------------
sub freeze {
	my ($name) = @_;
	my $child = open2(my $out, my $in, "$build/t/freeze-thread", $pid, $name);
	my $said = <$out> // '';
	return { child => $child, in => $in, out => $out, ok => $said eq "frozen\n" };
}
sub thaw { my ($f) = @_; close $f->{in}; waitpid $f->{child}, 0 }

my $frozen = freeze('libmilter');
ok($frozen->{ok}, "libmilter's thread is stopped");
# One whose answer was on its way may still come.
$notify->wait_for(sub { log_text() =~ /no answer on our own socket/ });
is($notify->pings_in(3 * WATCHDOG), 0, 'no ping');
like(log_text(), qr/no answer on our own socket \(no answer came in time\)/, '... and the reason');
my @kept;
while (@kept < 5000) { # until the queue is full
	my $s = IO::Socket::UNIX->new(Type => SOCK_STREAM, Blocking => 0);
	socket(my $raw, Socket::PF_UNIX, SOCK_STREAM | Socket::SOCK_NONBLOCK, 0) or die "socket: $!";
	connect($raw, Socket::pack_sockaddr_un("$tmp/sock")) or last;
	push @kept, $raw;
}
cmp_ok(scalar @kept, '<', 5000, 'its queue is full: ' . @kept);
is($notify->pings_in(3 * WATCHDOG), 0, '... no ping');
my @warnings = log_text() =~ /no answer on our own socket/g;
is(scalar @warnings, 1, 'one warning');
thaw($frozen);
close $_ for splice @kept;
ok(pings_again($notify), 'it goes on: pings again');
ok(wait_until(sub { log_text() =~ /our own socket answers again/ }), '... said, too');

# --- 1,000 connections -----------------------------------------------------------------
stop_milter($pid);
$seconds = 9; # as short as anybody would have it
$notify = Notify->new;
$pid = start_watched($notify);
my $load = fork // die;
if (!$load) {
	open STDOUT, '>', '/dev/null';
	exec "$build/t/mta", '--load', 1000, 5, 25, "unix:$tmp/sock";
}
my ($last, $longest) = (time, 0);
$notify->forget;
my $seen = 0;
until (waitpid($load, POSIX::WNOHANG) == $load) {
	$notify->wait_for(sub { $notify->pings > $seen }, 0.1);
	if ($notify->pings > $seen) {
		my $now = time;
		$longest = $now - $last if $now - $last > $longest;
		($last, $seen) = ($now, $notify->pings);
	}
}
is($?, 0, '1,000 connections at once are served');
cmp_ok($longest, '<', $seconds, sprintf 'never longer than %.2f s without a ping meanwhile', $longest);
$notify->forget;
ok($notify->wait_for(sub { $notify->pings >= 1 }), 'and after');
is(() = log_text() =~ /warning: no answer/g, 1, 'no false alarm');
$load = fork // die;
if (!$load) {
	open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
	exec "$build/t/mta", '--load', 200, 100000, 25, "unix:$tmp/sock";
}
my $size = -s "$tmp/log";
$notify->wait_for(sub { -s "$tmp/log" > $size + 10000 });
my ($status, $took) = stop_milter($pid);
is($status, 0, 'SIGTERM under load: exit 0');
cmp_ok($took, '<', 3, 'not with libmilter, which takes four seconds');
kill 'KILL', $load; waitpid $load, 0;

# --- connections take all descriptors ----------------------------------------------------------
$seconds = WATCHDOG * 2;
$notify = Notify->new;
@with = ('prlimit', '--nofile=128:128');
$pid = start_watched($notify);
@with = ();
ok(pings_again($notify), 'few descriptors: pings');
$size = -s "$tmp/log";
my $crowd = open2(my $crowd_out, my $crowd_in, "$build/t/mta-crowd", 300, 1, 300, "unix:$tmp/sock");
my ($open, $waiting) = (readline $crowd_out) =~ /^open (\d+) waiting (\d+)/;
cmp_ok($waiting, '>', 100, "connections take all of them: $open, and $waiting wait");
cmp_ok($notify->pings_in(5 * $seconds), '>=', 5, '... pings all the same');
unlike(substr(log_text(), $size), qr/no answer/, '... and no alarm');
$frozen = freeze('libmilter');
ok($frozen->{ok}, "... libmilter's thread is stopped");
$notify->wait_for(sub { substr(log_text(), $size) =~ /no answer/ });
is($notify->pings_in(2 * $seconds), 0, '... no ping');
thaw($frozen);
ok(pings_again($notify), '... it goes on: pings again');
kill 'KILL', $crowd; waitpid $crowd, 0;
ok(pings_again($notify), 'they leave: pings');
ok((grep { /^insert 0 X-ASN-Spam: Yes/ } talk($mail)), 'and mail is judged');
($status) = stop_milter($pid);
is($status, 0, 'it leaves cleanly');

# --- a socket that is closed for all -------------------------------------------------------
$notify = Notify->new;
my $passed = IO::Socket::UNIX->new(Local => "$tmp/passed", Listen => 8) or die;
chmod 0666, "$tmp/passed";
$pid = fork // die;
if (!$pid) {
	%ENV = (%ENV, $notify->env(WATCHDOG), LISTEN_PID => $$, LISTEN_FDS => 1);
	open STDERR, '>>', "$tmp/log";
	open(my $keep, '<&', $passed) or die;
	POSIX::dup2(fileno $keep, 3) // die;
	exec "$build/milter/asn-milter", '--config', "$tmp/conf", @user;
}
ok($notify->wait_for(sub { $notify->pings >= 3 }), "systemd's socket: pings");
shutdown($passed, 2) or die "shutdown: $!";
$notify->pings_in(WATCHDOG / 2);
is($notify->pings_in(3 * WATCHDOG), 0, 'closed for all: no ping');
kill 'KILL', $pid; waitpid $pid, 0;

# --- nobody asks ------------------------------------------------------------------------------
$notify = Notify->new;
{
	local %ENV = (%ENV, $notify->env);
	$pid = start_milter();
}
ok($notify->wait_for(sub { grep { $_ eq 'READY=1' } $notify->said }), 'without WATCHDOG_USEC: ready');
is($notify->pings_in(WATCHDOG), 0, '... and no pings');
stop_milter($pid);
unlike(log_text(), qr/Sanitizer|critical|CRITICAL/, 'a clean log');
done_testing();
