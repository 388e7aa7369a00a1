#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd and asnd-mailwatch take their configuration anew on SIGHUP and say what
# they cannot.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Notify;
use Pair;
use Test::More;

my $p = Pair->new;
my $conf = do { local (@ARGV, $/) = "$p->{dir}/asnd.conf"; <> };
my %notify = map { $_ => Notify->new } qw(asnd asnd-mailwatch);
$p->{env}{$_} = { $notify{$_}->env } for keys %notify;
$p->folder('ann', $_) for '', '.Junk', '.Muell';
ok($p->start_both, 'both start');
sub reloaded {
	my ($name, $signal) = @_;
	my $n = $notify{$name};
	$n->forget;
	kill $signal // 'HUP', $p->{pid}{$name};
	my $order = sub { join ' ', grep { /^(RELOADING=1|READY=1)$/ } $n->said };
	$n->wait_for(sub { $order->() eq 'RELOADING=1 READY=1' });
	return $order->();
}
sub read_mails { my ($n) = @_; $p->wait_for("$n read", sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == $n }) }
is(reloaded('asnd', $_), 'RELOADING=1 READY=1', "asnd: SIG$_ is told, and when it is done") for qw(HUP USR1);
is(reloaded('asnd-mailwatch', $_), 'RELOADING=1 READY=1', "asnd-mailwatch: SIG$_, too") for qw(HUP USR1);

# --- junk-folders ------------------------------------------------------------------
my $name = $p->deliver('ann', '', ip => '192.0.2.1');
read_mails(1);
$p->move('ann', '', $name, '.Muell');
$p->spew('asnd.conf', "${conf}junk-folders=.Junk;.Muell\n");
reloaded('asnd');
ok($p->wait_for('vote', sub { $p->journal eq '1:1' }), 'a folder became a junk folder: what is in it counts as spam');

# --- the seal key ---------------------------------------------------------------------
$p->spew('seal.key', '1 ' . Pair::b64('n' x 32) . "\n");
reloaded('asnd');
my $before = $p->journal;
$name = $p->deliver('ann', '', ip => '192.0.2.2'); # sealed with key 0
my $other = $p->deliver('ann', '', ip => '192.0.2.3');
read_mails(3);
is($p->sql('SELECT count(*) FROM mails WHERE sealed=1'), 1, 'the key is gone: its seals count no more');
$p->spew('seal.key', '1 ' . Pair::b64('n' x 32) . "\n0 " . Pair::b64('k' x 32) . "\n");
reloaded('asnd');
$name = $p->deliver('ann', '', ip => '192.0.2.4');
read_mails(4);
is($p->sql('SELECT count(*) FROM mails WHERE sealed=1'), 2, 'a second one verifies');

# --- host-names --------------------------------------------------------------------------
$p->spew('asnd.conf', $conf =~ s/^host-names=.*/host-names=other.example.org/mr);
reloaded('asnd');
$p->deliver('ann', '', ip => '192.0.2.5', unsealed => 1, time => time - 86400 * 30);
read_mails(5);
is($p->sql('SELECT count(*) FROM mails WHERE addr=zeroblob(17)'), 1, 'host-names: Received lines of another host');

# --- maildirs -----------------------------------------------------------------------------
my $scans = $p->scans;
$p->spew('asnd.conf', $conf =~ s{^maildirs=.*}{maildirs=$p->{dir}/mail/b*/Maildir}mr);
$p->folder('bob', $_) for '', '.Junk';
reloaded('asnd-mailwatch');
ok($p->wait_for('scan', sub { $p->scans > $scans }), 'maildirs: asnd-mailwatch scans anew');
$p->deliver('bob', '', ip => '192.0.2.6');
ok(read_mails(6), '... what is named now');

# --- networks.mmdb ----------------------------------------------------------------------------
# GLib tells of one rename twice.
my $in_use = sub { scalar(() = $p->log('asnd') =~ /networks\.mmdb is in use/g) };
my $taken = $in_use->();
for my $n (1 .. 10) {
	$p->make_networks("Holder $n");
	$p->wait_for('taken up', sub { $in_use->() >= $taken + $n });
}
reloaded('asnd');
is($in_use->() - $taken, 10 + 1, 'networks.mmdb is taken up once for a rename, and once for a reload');

# --- what is wrong, what cannot change ---------------------------------------------------------
$p->spew('asnd.conf', "${conf}typo=1\n");
reloaded($_) for qw(asnd asnd-mailwatch);
like($p->log($_), qr/old configuration stays in use: \S+asnd\.conf:\d+: \[mail\] typo/, "$_: a broken one is not taken")
    for qw(asnd asnd-mailwatch);
$p->spew('asnd.conf', $conf =~ s{^state-dir=.*}{state-dir=/nowhere}mr . "[score]\nhalf-life=5\n");
reloaded('asnd');
my @said = $p->log('asnd') =~ /only a restart takes it up: (.*)/g;
is_deeply(\@said, ['[paths] state-dir, [score] half-life'], 'what needs a restart is named, once');
ok($p->running('asnd'), 'and it runs');
my ($status) = $p->stop('asnd');
is($status, 0, 'and leaves cleanly');
done_testing;
