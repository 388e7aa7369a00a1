#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl learn and forget while the disk of the evidence is full: they say so,
# nothing is half done, and both work once there is room.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use Pair;
use Test::More;

plan skip_all => 'needs root, to mount a small disk' if $> != 0;

my $bus = Bus->new;
my $p = Pair->new;
my $state = "$p->{dir}/state";
system('mount', '-t', 'tmpfs', '-o', 'size=2m,mode=0777', 'tmpfs', $state) == 0 or BAIL_OUT('mount failed');
END { if ($p) { $p->stop_both; system('umount', $state); } }
$bus->take($p);
$p->folder('ann', '');
ok($p->start_both && $bus->ready, 'asnd is on the bus');
my @mails = map { $p->spew("m$_", $p->mail(ip => "192.0.2.$_")); "$p->{dir}/m$_" } 1 .. 200;
sub learn { $bus->asnctl({}, 'learn', '--spam', '--user', 'ann', @_) }
is((learn(@mails[0, 1]))[0], 0, 'two mails are learnt');
sub fill {
	open my $f, '>', "$state/filler" or die;
	$f->autoflush(1);
	1 while syswrite $f, 'x' x 512;
	close $f;
}
fill();
# What SQLite has already may hold a few more.
my ($n, $status, $out, $err) = (1);
($status, $out, $err) = learn($mails[++$n]) while !$status && $n < $#mails;
is($status, 74, 'the disk is full: learn fails') or diag "$n: $err";
like($err, qr/\A[^\n]*the evidence cannot be written; see "systemctl status asnd"\n\z/, '... and says so');
($status, $out, $err) = $bus->asnctl({}, 'forget', '192.0.2.1');
is($status, 74, 'forget fails');
like($err, qr/\A[^\n]*the evidence cannot be written, nothing is forgotten;[^\n]*\n\z/, '... and says so');
is((split /\n/, ($bus->asnctl({}, 'history', '--limit', 2000, '192.0.2.0/24'))[1]), $n, 'every vote that was said to be learnt is there');
ok($p->running('asnd'), 'asnd lives');
is((() = $p->log('asnd') =~ /cannot write the evidence/g) + 0, 1, '... and warns once');
unlink "$state/filler";
is((learn($mails[$n]))[0], 0, 'room again: the mail is learnt');
like((learn($mails[$n]))[1], qr/learnt as spam before/, '... once');
is((split /\n/, ($bus->asnctl({}, 'history', '--limit', 2000, '192.0.2.0/24'))[1]), $n + 1, '... with all before it');
is((($bus->asnctl({}, 'forget', '192.0.2.1'))[0]), 0, 'and forget forgets');
is((split /\n/, ($bus->asnctl({}, 'history', '--limit', 2000, '192.0.2.0/24'))[1]), $n, '... that one');
done_testing;
