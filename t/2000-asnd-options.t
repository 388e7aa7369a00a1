#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd by itself: options, bad configuration, a socket in use, quick stop.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Pair;
use Test::More;

my $p = Pair->new;
my $asnd = "$Pair::build/asnd/asnd";
my $user = $> == 0 ? '--user nobody' : '';

sub run {
	my $out = qx(@_ 2>&1 < /dev/null);
	return ($? >> 8, $out);
}

my ($rc, $out) = run("$asnd --version");
is($rc, 0, '--version');
like($out, qr/^asnd \d+\.\d+/, '--version prints it');
($rc, $out) = run("$asnd --help");
is($rc, 0, '--help');
like($out, qr/--test-config/, '--help names the options');
($rc, $out) = run("$asnd --nonsense");
is($rc, 64, 'an unknown option: EX_USAGE');
($rc, $out) = run("$asnd here");
is($rc, 64, 'an argument: EX_USAGE');
($rc, $out) = run("$asnd --config $p->{dir}/none --test-config");
is($rc, 78, 'no such config: EX_CONFIG');
for my $program ("$asnd $user", "$Pair::build/asnd/asnd-mailwatch --test-config") {
	($rc, $out) = run("LC_ALL=C.UTF-8 $program --config $p->{dir}/n\xc3\xa9ant");
	like($out, qr{/n\xc3\xa9ant}, 'a name that is not ASCII is shown as it is');
}
($rc, $out) = run("$asnd --config $p->{dir}/asnd.conf --test-config");
is($rc, 0, 'a good one') or diag $out;
ok(!-e "$p->{dir}/state/evidence.sqlite", '--test-config changes nothing');

my $good = do { local (@ARGV, $/) = "$p->{dir}/asnd.conf"; <> };
for my $bad (["[mail]\ntypo=1\n", qr/typo/], ["[score]\nthreshold=7\n", qr/threshold/],
	["[paths]\ndatabase-dir=$p->{dir}/nowhere\n", qr/nowhere/]) {
	$p->spew('bad.conf', $bad->[0]);
	($rc, $out) = run("$asnd --config $p->{dir}/bad.conf --test-config");
	is($rc, 78, "refused: $bad->[0]");
	like($out, $bad->[1], '... by name');
}
(my $keyless = $good) =~ s/seal\.key/broken.key/;
$p->spew('broken.key', "0 tooshort\n");
$p->spew('bad.conf', $keyless);
($rc, $out) = run("$asnd --config $p->{dir}/bad.conf --test-config");
is($rc, 78, 'a broken seal key');
like($out, qr/broken\.key/, '... by name');
($rc, $out) = run("timeout 10 $asnd $user --config $p->{dir}/bad.conf");
is($rc, 78, '... and no start with it') or diag $out;

ok($p->start_asnd, 'starts without asnd-mailwatch');
($rc, $out) = run("timeout 10 $asnd $user --config $p->{dir}/asnd.conf");
is($rc, 69, 'a second one does not');
like($out, qr/another asnd listens/, '... and says why');
ok($p->running('asnd'), 'the first one stays');
ok($p->wait_for('files', sub { -e "$p->{dir}/db/recent.mmdb" }), 'publishes at once');
for my $file (qw(reputation.mmdb recent.mmdb)) {
	($rc) = run("$Pair::build/asnctl/asnctl check $p->{dir}/db/$file");
	is($rc, 0, "asnctl check $file");
}
kill XFSZ => $p->{pid}{asnd};
($rc) = run("timeout 10 $asnd $user --config $p->{dir}/asnd.conf");
is($rc, 69, 'a file size limit is a failed write, not the end');
ok($p->running('asnd'), '... it lives');
is((stat "$p->{dir}/state/evidence.sqlite")[2] & 07, 0, 'evidence is not for others');
my ($status, $took) = $p->stop('asnd');
is($status, 0, 'SIGTERM: a clean exit');
cmp_ok($took, '<', 1, '... within a second');
ok(!-e "$p->{dir}/run/mailwatch.sock", 'its socket is gone');
$p->start_asnd;
$p->stop('asnd', 'KILL');
ok(-e "$p->{dir}/run/mailwatch.sock", 'kill -9 leaves the socket');
$p->start('asnd');
ok($p->wait_for('start', sub { -s "$p->{dir}/db/recent.mmdb" && $p->running('asnd') }),
	'... which does not hinder the next start');
done_testing;
