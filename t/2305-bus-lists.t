#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Networks and Export on the bus: the same as asnctl networks and asnctl export,
# few at a time, and asnd answers other calls meanwhile.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use List::Util qw(max);
use Test::More;
use Time::HiRes qw(time);
use lib "$FindBin::Bin/lib";
use Bus;
use Pair;

my $bus = Bus->new;
my $p = Pair->new(networks => 0, conf => "[milter]\nlocal-networks=127.0.0.0/8;198.18.200.0/28");
$bus->take($p);
my $dir = $p->{dir};
my $asnctl = "$Bus::build/asnctl/asnctl";
my %anyone = %Bus::STRANGER;

sub put { my ($file, $text) = @_; open my $f, '>', $file or die "$file: $!"; print $f $text; close $f or die }
sub slurp { open my $f, '<:raw', $_[0] or die "$_[0]: $!"; local $/; scalar <$f> }

# --- a world: two ASs, and one with very many networks -------------------------
# Every second network of AS64510 is another country's: none can be merged.

my @world = (
	['198.18.0.0/16', 64500, "Bad \xc3\x96 (Holder)", 'AA'],
	['198.18.64.0/20', 64501, 'Good Neighbour', 'BB'],
	['198.18.68.0/24', 64500, "Bad \xc3\x96 (Holder)", 'BB'],
	['203.0.113.0/24', 64503, 'One Host', ''],
	['2001:db8::/32', 64500, "Bad \xc3\x96 (Holder)", 'AA'],
	['172.20.0.0/14', '', '', 'EE'],
);
push @world, map { [sprintf('10.%d.%d.%d/30', $_ >> 14, ($_ >> 6) & 255, ($_ << 2) & 255), $_ & 1 ? 64510 : 64511, 'Many', 'CC'] } 0 .. 49_999;
mkdir "$dir/made";
put("$dir/world.tsv", join '', map { join("\t", @$_) . "\n" } @world);
is(system($asnctl, 'import', '-o', "$dir/made/networks.mmdb", "$dir/world.tsv"), 0, 'networks.mmdb');
put("$dir/votes", join '', map { "$_\n" } ('198.18.9.9 spam') x 30, ('198.18.200.3 spam') x 30, (map { "198.18.1.$_ spam" } 1 .. 100),
    (map { "198.18.65.$_ ham" } 1 .. 200), ('2001:db8:1::9 spam') x 40, ('203.0.113.5 spam') x 20);
is(system("$Bus::build/t/make-db", "$dir/made", 'votes', "$dir/votes"), 0, 'reputation.mmdb');

rename "$dir/made/networks.mmdb", "$dir/db/networks.mmdb" or die;
$p->start_both;
$bus->ready;
# asnd publishes what it knows, which is nothing: it may not any more, and what
# there is to ask for comes in its place.
ok($p->wait_for('the first publication', sub { -e "$dir/db/reputation.mmdb" }), 'asnd has published');
chown 0, 0, "$dir/db" or die;
rename "$dir/made/reputation.mmdb", "$dir/db/reputation.mmdb" or die;
unlink "$dir/db/recent.mmdb";

sub plain { # busctl's {type, data} without the types
	my ($v) = @_;
	return [map { plain($_) } @$v] if ref $v eq 'ARRAY';
	return $v if ref $v ne 'HASH';
	return plain($v->{data}) if exists $v->{data} && exists $v->{type};
	return { map { $_ => plain($v->{$_}) } keys %$v };
}
sub ask {
	my ($method, @args) = @_;
	my ($status, $out, $err) = $bus->call(\%anyone, $method, @args);
	return $status == 0 ? plain(decode_json($out))->[0] : $err;
}
sub asnctl {
	my ($status, $out, $err) = $bus->asnctl(\%anyone, @_, '--config', "$dir/asnd.conf");
	return $status == 0 ? $out : $err;
}

# --- Networks --------------------------------------------------------------------

for my $case (['AS64500', 'false'], ['64500', 'true'], ['198.18.68.1', 'true'], ['2001:db8::1', 'false'], ['AS64501', 'false'], ['203.0.113.9', 'false']) {
	my ($what, $exact) = @$case;
	my $want = decode_json(asnctl('networks', '--json', $exact eq 'true' ? '--exact' : (), $what));
	my @want = map { { %$_, asn => $want->{asn}, holder => $want->{holder} } } @{ $want->{networks} };
	is_deeply(ask('Networks', 'sb', $what, $exact), \@want, "Networks $what exact=$exact") or diag explain ask('Networks', 'sb', $what, $exact);
}
my $many = ask('Networks', 'sb', 'AS64510', 'false');
is(scalar @$many, 25_000, 'a long answer comes whole');

for my $case (['AS0', 'InvalidArgument', 'reserved'], ['198.18.0.1/16', 'InvalidArgument', 'host bits; the network is 198\.18\.0\.0/16'],
	['198.18.0.0/16', 'InvalidArgument', 'name an AS, or an address in it'], ["\e[31m", 'InvalidArgument', 'is no address'],
	['AS64499', 'NotFound', 'AS64499: no known network'], ['192.0.2.1', 'NotFound', '192\.0\.2\.1: in no known AS'], ['172.20.0.1', 'NotFound', 'in no known AS']) {
	my ($what, $error, $text) = @$case;
	like(ask('Networks', 'sb', $what, 'false'), qr/$text/, ($what =~ s/\e/ESC/r) . ": $error");
	my ($status, $out, $err) = $bus->run(\%anyone, 'gdbus', 'call', '--system', '-d', 'org.asnd1', '-o', '/org/asnd1', '-m', 'org.asnd1.Manager.Networks', $what, 'false');
	like($err, qr/org\.asnd1\.Error\.$error/, "... $error");
}

# --- Export ----------------------------------------------------------------------

# The date of the export is the one thing that may differ.
sub undated { $_[0] =~ s/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/DATE/gr }
for my $format (qw(postfix-cidr rbldnsd json csv nftables)) {
	for my $case ([[], {}], [['AS64500', '64503'], {}], [[], { 'min-score' => 0.95 }], [[], { rule => 'REJECT {asn} {prefix} {country}' }]) {
		my ($ases, $option) = @$case;
		next if $option->{rule} && $format ne 'postfix-cidr';
		my @asnctl = map { ("--$_", $option->{$_}) } keys %$option;
		my @busctl = map { ($_, exists $option->{rule} ? 's' : 'd', $option->{$_}) } keys %$option;
		my $got = ask('Export', 'sasa{sv}', $format, scalar @$ases, @$ases, scalar keys %$option, @busctl);
		my $text = ref $got ? join '', map { chr } @$got : $got;
		is(undated($text), undated(asnctl('export', '--format', $format, @asnctl, @$ases)), "Export $format @$ases @{[%$option]}");
		like($text, qr/198\.18\./, 'and something is in it');
	}
}
my $mmdb = ask('Export', 'sasa{sv}', 'mmdb', 1, 'AS64500', 0);
put("$dir/export.mmdb", ref $mmdb ? join '', map { chr } @$mmdb : '');
like(`mmdblookup --file $dir/export.mmdb --ip 198.18.1.1 2>&1`, qr/64500/, 'Export mmdb: a database');
is(system("$asnctl check $dir/export.mmdb >/dev/null"), 0, '... that is sound');

for my $case ([['yaml', 0, 0], 'no format "yaml"'], [['json', 1, 'AS0', 0], 'is no AS number'],
	[['json', 0, 1, 'rule', 's', 'OK'], 'rule is for postfix-cidr'], [['postfix-cidr', 0, 1, 'rule', 's', "OK\n0/0 REJECT"], 'rule must be one line'],
	[['json', 0, 1, 'min-score', 'd', '0.2'], 'min-score: a number'], [['json', 0, 1, 'min-score', 'd', 'nan'], 'no option "min-score" of this type'],
	[['json', 0, 1, 'min-score', 's', '0.9'], 'no option "min-score" of this type'], [['json', 0, 1, 'x', 's', ''], 'no option "x"'],
	[['csv', 101, (map { "AS$_" } 64500 .. 64600), 0], 'more than 100 ASs; asnctl export takes any number'], [['json', 1, 'AS64500', 1, 'min-score', 'd', '0.9'], 'exclude each other'], [['csv', 1, 'AS64499', 0], 'AS64499: no known network']) {
	my ($args, $text) = @$case;
	like(ask('Export', 'sasa{sv}', @$args), qr/$text/, "refused: $text");
}

# --- many at once -----------------------------------------------------------------
# asnd answers others while lists are made, and turns away who is too many.

my @long = ('busctl', '--system', '--timeout=120', 'call', 'org.asnd1', '/org/asnd1', 'org.asnd1.Manager', 'Export', 'sasa{sv}', 'csv', 2, 'AS64510', 'AS64511', 0);
my $start = time;
my ($status, $alone) = $bus->run({}, @long);
is($status, 0, sprintf 'a long list: %.2f s', time - $start);
my @jobs = map { $bus->spawn({}, @long) } 1 .. 8;
my ($answered, $slowest) = (0, 0);
for (1 .. 5) {
	my $asked = time;
	$answered++ if ($bus->call({}, 'GetStatus', ''))[0] == 0;
	$slowest = max($slowest, time - $asked);
}
my @done = map { [$bus->finish($_)] } @jobs;
my @good = grep { $_->[0] == 0 } @done;
my @busy = grep { $_->[2] =~ /other lists at the moment: try again/ } @done;
is(@good + @busy, 8, 'each is answered or told to try again') or diag explain [map { $_->[2] } @done];
cmp_ok(scalar @good, '>=', 2, 'two at a time: ' . @good . ' of 8 were made');
is((grep { $_->[1] ne $alone } @good) + 0, 0, 'all the same');
is($answered, 5, sprintf 'other calls are answered meanwhile (the slowest after %.2f s)', $slowest);

# One user has one list made at a time, and root another one.
my @mine = map { $bus->spawn(\%anyone, @long) } 1 .. 4;
my @mine_done = map { [$bus->finish($_)] } @mine;
is((grep { $_->[0] == 0 && $_->[1] eq $alone || $_->[2] =~ /try again/ } @mine_done) + 0, 4, 'the same for others');
ok((grep { $_->[0] == 0 } @mine_done) > 0, 'one at least');

# Who goes away in the middle takes nothing along.
for (1 .. 5) {
	my $job = $bus->spawn({}, @long);
	select undef, undef, undef, rand 0.05;
	kill 'KILL', $job->{pid};
	$bus->finish($job);
}
$p->wait_for('a list again', sub { ref ask('Export', 'sasa{sv}', 'nftables', 0, 0) });
ok(1, 'after clients that went away lists are made again');

# A database that is not there, and one that is broken.
rename "$dir/db/networks.mmdb", "$dir/made/networks.mmdb" or die;
my ($gone, undef, $why) = $bus->call(\%anyone, 'Networks', 'sb', 'AS64500', 'false');
ok($gone && $why =~ /networks\.mmdb: No such file.*asnctl import/, 'no networks.mmdb: says what to do') or diag $why;
put("$dir/db/networks.mmdb", 'nonsense');
like(ask('Export', 'sasa{sv}', 'csv', 0, 0), qr/networks\.mmdb.*asnctl import/, 'a broken one');
rename "$dir/made/networks.mmdb", "$dir/db/networks.mmdb" or die;

# Stopped in the middle of one.
my $job = $bus->spawn({}, @long);
my ($exit) = $p->stop('asnd');
$bus->finish($job);
is($exit, 0, 'asnd stops while it makes a list');

done_testing;
