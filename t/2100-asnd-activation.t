#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd on a socket that systemd passes: whoever connects before asnd is there
# waits in its queue, asnd comes and goes, the socket stays, nothing is lost.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use Pair;
use Socket qw(SOCK_SEQPACKET SOCK_STREAM);
use Test::More;

my $p = Pair->new;
my $path = "$p->{dir}/run/mailwatch.sock";
sub listener {
	my ($where, $type, %more) = @_;
	my $s = IO::Socket::UNIX->new(Local => $where, Type => $type, Listen => 8, %more) or die "$where: $!";
	chmod 0666, $where;
	return $s;
}
my $socket = listener($path, SOCK_SEQPACKET);
my $inode = (stat $path)[1];
$p->{pass}{asnd} = { sockets => [$socket] };

# --- asnd-mailwatch first ------------------------------------------------------
$p->folder('ann', $_) for '', '.Junk';
$p->deliver('ann', '', ip => "192.0.2.$_", flags => 'RS') for 1 .. 5;
$p->start('asnd-mailwatch');
ok($p->wait_for('connection', sub { $p->log('asnd-mailwatch') =~ /connected to asnd/ }),
	'asnd-mailwatch connects while asnd is not there');
$p->start('asnd');
ok($p->wait_for('the scan', sub { $p->scans == 1 }), 'asnd comes, and what waited is scanned');
is($p->sql('SELECT count(*) FROM mails WHERE state=1'), 5, '... all of it');

# --- asnd leaves, dies and comes while users move mail --------------------------
my $moved = 0;
sub connections { my @n = $p->log('asnd-mailwatch') =~ /connected to asnd/g; scalar @n }
for my $signal (qw(TERM KILL TERM)) {
	my $before = $p->sql("SELECT count(*) FROM votes WHERE class=1 AND kind=1");
	my @names = map { $p->deliver('ann', '', ip => "198.51.100.$_") } 1 .. 20;
	$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1 AND gone=0') >= 25 + $moved });
	my $calls = connections();
	my ($status, $took) = $p->stop('asnd', $signal);
	cmp_ok($took, '<', 1, "SIG$signal: gone within a second");
	is($status, 0, '... cleanly') if $signal eq 'TERM';
	is((stat $path)[1], $inode, '... and the socket stays');
	$p->move('ann', '', $_, '.Junk') for @names;
	ok($p->wait_for('the next connection', sub { connections() > $calls }),
		'asnd-mailwatch waits in its queue');
	my $scans = $p->scans;
	$p->start('asnd');
	ok($p->wait_for('the scan', sub { $p->scans > $scans }), 'asnd again');
	$moved += 20;
	ok($p->wait_for('votes', sub {
		$p->sql("SELECT count(*) FROM votes WHERE class=1 AND kind=1") - $before == 20 }),
		'every move voted') or diag $p->journal;
}
is($p->sql('SELECT count(*) FROM (SELECT DISTINCT user, digest FROM votes WHERE class=1)'), 60, 'none twice');
my ($status, $took) = $p->stop('asnd-mailwatch');
is($status, 0, 'asnd-mailwatch leaves cleanly');
$p->stop('asnd');
my $calls = connections();
$p->start('asnd-mailwatch');
$p->wait_for('connection', sub { connections() > $calls });
($status, $took) = $p->stop('asnd-mailwatch');
cmp_ok($took, '<', 1, '... and at once while it waits for asnd');

# --- which socket, and what is refused -------------------------------------------
$p->stop_both;
my $other = listener("$p->{dir}/run/other", SOCK_SEQPACKET);
my $stream = listener("$p->{dir}/run/stream", SOCK_STREAM);
my $unlistened = IO::Socket::UNIX->new(Local => "$p->{dir}/run/mute", Type => SOCK_SEQPACKET) or die;
$p->{pass}{asnd} = { sockets => [$other, $socket], names => 'other:mailwatch' };
my $scans = $p->scans;
$p->start($_) for qw(asnd asnd-mailwatch);
ok($p->wait_for('the scan', sub { $p->scans > $scans }), 'of two, the one named mailwatch');
$p->stop_both;
for (['two, none by that name', [$other, $socket], 'a:b', qr/FileDescriptorName=mailwatch/],
	['a stream socket', [$stream], undef, qr/ListenSequentialPacket/],
	['one that does not listen', [$unlistened], 'mailwatch', qr/ListenSequentialPacket/]) {
	my ($name, $sockets, $names, $says) = @$_;
	$p->{pass}{asnd} = { sockets => $sockets, names => $names };
	my $pid = $p->start('asnd');
	waitpid $pid, 0;
	delete $p->{pid}{asnd};
	is($? >> 8, 69, "$name: no start");
	my ($last) = $p->log('asnd') =~ /([^\n]*)\n\z/;
	like($last, $says, '... and what to do');
}
is((stat $path)[1], $inode, 'the socket was never replaced');
ok(-S "$p->{dir}/run/other", 'nor another one removed');
done_testing;
