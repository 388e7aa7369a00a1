#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asn-milter takes its configuration and keys anew on SIGHUP and SIGUSR1, also
# under load, and says what it cannot.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MilterTest;
use Notify;
use POSIX ();
use Test::More;

my $mail = "connect 4 198.51.100.7\nheader Subject hi\nmacro E i 4XyZ\neom\n";
my $key = ' ' . 'A' x 43 . "=\n";
make_db('networks');
make_db('base', 1, '198.51.100.0/24');
make_db('recent', 1, '198.51.100.0/24');
spew("$tmp/key", "0$key");
config();
my $notify = Notify->new;
my $pid = do { local %ENV = (%ENV, $notify->env); start_milter() };
$notify->wait_for(sub { grep { $_ eq 'READY=1' } $notify->said });

sub reloaded { # signal: sends it and waits until it is done
	my ($signal) = @_;
	$notify->forget;
	kill $signal // 'HUP', $pid;
	my $order = sub { join ' ', grep { /^(RELOADING=1|READY=1)$/ } $notify->said };
	$notify->wait_for(sub { $order->() eq 'RELOADING=1 READY=1' });
	return $order->();
}
for my $signal (qw(HUP USR1)) {
	config();
	reloaded();
	is((talk($mail))[-1], 'continue', 'as before');
	config("flagged-action=reject\n");
	is(reloaded($signal), 'RELOADING=1 READY=1', "SIG$signal: told, and when it is done");
	like((talk($mail))[-1], qr/^reply 550 5\.7\.1 Your network neighbourhood has a bad reputation here$/, '... flagged-action');
}
ok((grep { /^MONOTONIC_USEC=\d+$/ } $notify->said), 'with the time');
config("local-networks=198.51.100.0/24\n");
reloaded();
is_deeply([talk($mail)], ['continue'], 'local-networks');
config("trusted-relays=198.51.100.7\n");
reloaded();
my $relayed = $mail =~ s/header/header Received from x (y [192.0.2.7]) by z\nheader/r;
ok((grep { /ip=192\.0\.2\.7/ } talk($relayed)), 'trusted-relays') or diag join "\n", talk($relayed);
config("flag-headers=X-Spam-Flag: YES\n[score]\nthreshold=0.5\n");
reloaded();
ok((grep { /X-Spam-Flag: YES/ } talk($mail)), 'flag-headers');
ok((grep { /threshold=0\.500/ } talk($mail)), '[score] threshold');
config();
spew("$tmp/key", "3$key" . "0$key");
reloaded();
ok((grep { /X-ASN-Seal: v=1; k=3; / } talk($mail)), 'the seal key');

# --- what is wrong changes nothing ---------------------------------------------
config("local-networks=198.51.100.0/24\nsokcet=x\n");
is(reloaded(), 'RELOADING=1 READY=1', 'a broken configuration');
ok((grep { /X-ASN-Spam: Yes/ } talk($mail)), '... is not taken');
like(log_text(), qr{old configuration and keys stay in use: \Q$tmp\E/conf:7: \[milter\] sokcet}, '... and named');
config("local-networks=198.51.100.0/24\n");
spew("$tmp/key", "0 short\n");
reloaded();
ok((grep { /X-ASN-Seal: v=1; k=3; / } talk($mail)), 'a broken key: nothing is taken');
unlink "$tmp/key";
config();
reloaded();
ok(!(grep { /X-ASN-Seal/ } talk($mail)), 'no key any more: no seal');
like($notify->status, qr/no seal key/, '... and the status says so');
spew("$tmp/key", "3$key");

# --- what cannot change ------------------------------------------------------------
spew("$tmp/conf", "[paths]\ndatabase-dir=$tmp/other\nseal-key=$tmp/key\n[milter]\nsocket=unix:$tmp/othersock\nflagged-action=defer\n");
reloaded();
my @said = log_text() =~ /only a restart takes it up: (.*)/g;
is_deeply(\@said, ['[paths] database-dir, [milter] socket'], 'what needs a restart is named, once');
like((talk($mail))[-1], qr/^reply 451/, '... the rest is taken');
config();
reloaded();
@said = log_text() =~ /only a restart takes it up/g;
is(scalar @said, 1, 'back as it was: nothing to say');

# --- under load ------------------------------------------------------------------------
sub start_load {
	my $load = fork // die;
	return $load if $load;
	open STDOUT, '>', '/dev/null';
	exec "$build/t/mta", '--load', 8, 400, 25, "unix:$tmp/sock";
}
my ($load, $failed) = (start_load(), 0);
for my $n (1 .. 30) {
	config($n % 2 ? "trusted-relays=192.0.2.0/24\n" : "local-networks=10.0.0.0/8;::1\nflag-headers=X-A: b\n");
	reloaded();
	next if waitpid($load, POSIX::WNOHANG) != $load;
	$failed ||= $?;
	$load = start_load();
}
waitpid $load, 0;
is($failed || $?, 0, 'thirty reloads under load: every message was answered');
my ($status, $took) = stop_milter($pid);
is($status, 0, 'leaves cleanly');

# --- right after the start ----------------------------------------------------------------
# libmilter must not be the one that gets the signal: it would leave.
my $left = 0;
config();
for (1 .. 60) {
	$notify = Notify->new;
	$pid = do { local %ENV = (%ENV, $notify->env); start_milter() };
	$notify->wait_for(sub { grep { $_ eq 'READY=1' } $notify->said });
	kill 'HUP', $pid;
	$notify->wait_for(sub { (grep { $_ eq 'STOPPING=1' } $notify->said)
		|| (grep { $_ eq 'READY=1' } $notify->said) == 2 });
	$left += grep { $_ eq 'STOPPING=1' } $notify->said;
	stop_milter($pid, 'KILL');
}
is($left, 0, 'a reload right after the start is none to leave');
unlike(log_text(), qr/Sanitizer|critical|CRITICAL/, 'a clean log');
done_testing();
