#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl metrics: what Prometheus' own parser reads in it is what asnd says of
# itself, also while asnd is away, and a reader never sees half of a file.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use Test::More;

plan skip_all => 'needs root' if $> != 0;
my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
$p->folder('ann', $_) for '', '.Junk';
my $db = "$p->{dir}/db";

# What the OpenMetrics parser makes of a text: { name{label="value"} => number },
# and the families with their types.
sub parse {
	my ($text) = @_;
	$p->spew('metrics.txt', $text);
	open my $out, '-|', '/usr/bin/python3', '-c', <<'PY', "$p->{dir}/metrics.txt" or die "python3: $!";
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as om
from prometheus_client.parser import text_string_to_metric_families as old
text = open(sys.argv[1]).read()
def samples(families):
    return {s.name + ''.join('{%s=%s}' % kv for kv in sorted(s.labels.items())): s.value
            for f in families for s in f.samples}
families = list(om(text))
print(json.dumps({'samples': samples(families), 'old': samples(old(text)),
    'families': {f.name: [f.type, f.unit, f.documentation] for f in families}}))
PY
	local $/;
	my $j = eval { decode_json(<$out>) } // {};
	close $out;
	return $j;
}
sub metrics {
	my ($status, $text, $err) = $bus->asnctl({ %Bus::STRANGER }, 'metrics', '--db', $db, @_);
	return ($status, $text, $err, parse($text));
}

# --- asnd is away ----------------------------------------------------------------
my ($status, $text, $err, $j) = metrics();
is $status, 0, 'no asnd: exit 0';
is $j->{samples}{asnd_up}, 0, 'asnd_up is 0';
like $err, qr/\Aasnctl metrics: GetStatus: asnd does not run.*\n\z/, 'stderr says why';
is $j->{samples}{'asnd_database_usable{database=networks}'}, 1, 'the databases are told';
is $j->{samples}{'asnd_database_usable{database=reputation}'}, 0, 'also what is not there';
ok !exists $j->{samples}{'asnd_database_usable{database=rules}'}, 'rules are there only where there are some';
is $j->{samples}{'asnd_database_size_bytes{database=networks}'}, -s "$db/networks.mmdb", 'and their size';
{
	local $ENV{G_DBUS_DEBUG} = 'message';
	my (undef, $said) = $bus->asnctl({}, 'metrics', '--db', $db);
	my ($flags) = $said =~ /Flags:\s+([^\n]*)(?=(?:(?!Flags:).)*member -> 'GetStatus')/s;
	like $flags, qr/no-auto-start/, 'it does not make the bus start asnd';
}

# --- asnd is there -----------------------------------------------------------------
ok $p->start_both, 'asnd runs';
ok $bus->ready, 'on the bus';
my %m = map { $_ => $p->deliver('ann', '.Junk', ip => "203.0.113.$_", flagged => 1, level => 'block') } 1 .. 4;
my $missed = $p->deliver('ann', '', ip => '203.0.113.9', flagged => 0, level => 'AS');
ok $p->wait_for('the mails', sub { $p->sql('SELECT count(*) FROM seals') == 5 }), 'mails came';
$p->move('ann', '.Junk', $m{1}, '');
$p->move('ann', '', $missed, '.Junk');
ok $p->wait_for('the votes', sub { $p->sql('SELECT count(*) FROM votes') == 2 }), 'and votes';

# The numbers of votes may be some ms old.
ok $p->wait_for('the numbers', sub {
	($status, $text, $err, $j) = metrics();
	($j->{samples}{'asnd_votes{class=ham}'} // 0) == 1 && ($j->{samples}{'asnd_votes{class=spam}'} // 0) == 1;
}), 'votes by class';
my $s = $j->{samples};
is "$status $err", '0 ', 'exit 0, nothing said';
is $s->{asnd_up}, 1, 'asnd_up';
is $s->{asnd_mailwatch_connected}, 1, 'asnd-mailwatch is there';
is $s->{'asnd_failing{what=evidence}'} + $s->{'asnd_failing{what=publishing}'}, 0, 'nothing fails';
cmp_ok abs($s->{asnd_last_vote_timestamp_seconds} - time), '<', 60, 'the last vote is of now';
is $s->{'asnd_quality_mails{level=block}{verdict=flagged}'}, 4, 'quality: flagged';
is $s->{'asnd_quality_opinions{level=block}{opinion=rescued}'}, 1, 'rescued';
is $s->{'asnd_quality_opinions{level=AS}{opinion=missed}'}, 1, 'missed';
is $s->{asnd_quality_precision_ratio}, 0.75, 'precision';
is $s->{asnd_quality_recall_ratio}, 0.75, 'recall';
like $text, qr/^# EOF\n\z/m, 'ends with # EOF';
is_deeply $j->{old}, $s, 'the older format, which node_exporter reads, has the same numbers';
is_deeply [grep { $j->{families}{$_}[0] ne 'gauge' || $j->{families}{$_}[2] !~ /\.$/ } keys %{ $j->{families} }],
    [], 'each has its type and help';
is $j->{families}{asnd_last_vote_timestamp_seconds}[1], 'seconds', 'and its unit';

# What asnd says of itself, in its own words.
my (undef, $call) = $bus->call({}, 'GetStatus');
my $own = decode_json($call)->{data}[0];
my %same = (since => 'asnd_start_timestamp_seconds', mails_known => 'asnd_mails',
	reporters => 'asnd_reporters', watches => 'asnd_mailwatch_watches',
	votes_since_start => 'asnd_votes_since_start', min_ham => 'asnd_ham_weight_needed');
is $s->{ $same{$_} }, $own->{$_}{data}, "$same{$_} is its $_" for sort keys %same;
is $s->{asnd_warming_up}, $own->{warming_up}{data} ? 1 : 0, 'warming up';
unlike $text, qr/\bann\b|203\.0\.113/, 'no user, no address';

# --- --output --------------------------------------------------------------------
my $file = "$p->{dir}/asnd.prom";
sub slurp { open my $f, '<', $_[0] or return ''; local $/; scalar <$f> }
is +($bus->asnctl({}, 'metrics', '--db', $db, '--output', $file))[0], 0, '--output';
is sprintf('%o', (stat $file)[2] & 07777), '644', 'for everybody to read';
is parse(slurp($file))->{samples}{asnd_up}, 1, 'the same numbers';
my ($reads, $torn) = (0, 0);
for my $round (1 .. 8) {
	my $job = $bus->spawn({}, "$Bus::build/asnctl/asnctl", 'metrics', '--db', $db, '-o', $file);
	my $inode = (stat $file)[1];
	do {
		my $got = slurp($file);
		$reads++;
		$torn++ if $got !~ /\A# HELP asnd_up .*# EOF\n\z/s;
	} until waitpid($job->{pid}, 1);
}
is $torn, 0, "whole at each of $reads looks";
is_deeply [map { s{.*/}{}r } glob "$p->{dir}/*.prom $p->{dir}/.*.prom*"], ['asnd.prom'], 'and nothing is left behind';
my $old = slurp($file);
my ($code, undef, $why) = $bus->asnctl({ %Bus::STRANGER }, 'metrics', '--db', $db, '-o', $file);
is $code, 73, 'not allowed to write there: 73';
like $why, qr/\Aasnctl metrics: .*\n\z/, 'one line';
is slurp($file), $old, 'the old file stays';

# --- what is broken ----------------------------------------------------------------
$p->stop_both;
rename "$db/networks.mmdb", "$db/away" or die $!;
$p->spew('db/networks.mmdb', 'no database' x 100);
($status, $text, $err, $j) = metrics();
is $status, 0, 'a broken database: exit 0';
is $j->{samples}{'asnd_database_usable{database=networks}'}, 0, 'it is not usable';
is $j->{samples}{'asnd_database_usable{database=reputation}'}, 1, 'another one is';
like $err, qr/networks\.mmdb: /, 'stderr says what it is';
for my $to ('/dev/full') {
	my ($rc, undef, $said) = $bus->run({}, 'sh', '-c', "'$Bus::build/asnctl/asnctl' metrics --db '$db' > $to");
	is $rc, 74, "a full $to: 74";
	like $said, qr/standard output/, 'it says where';
}
for my $bad ([64, 'now'], [64, '--weeks'], [78, '--config', '/nowhere.conf']) {
	my ($want, @arg) = @$bad;
	my ($rc, $o, $e) = $bus->asnctl({}, 'metrics', @arg);
	is $rc, $want, "metrics @arg: $want";
	is $o, '', 'no numbers';
}
{
	local $bus->{address} = "unix:path=$p->{dir}/no-bus";
	($status, $text, $err, $j) = metrics();
	is $status, 0, 'no bus: exit 0';
	is $j->{samples}{asnd_up}, 0, 'asnd_up is 0';
}

done_testing;
