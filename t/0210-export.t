#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl networks and asnctl export: what they write is given to the programs it
# is for, and what those say of an address to what asnctl lookup says of it.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use FindBin;
use JSON::PP;
use Test::More;
use lib "$FindBin::Bin/lib";
use Lists;

my $src    = dirname(dirname(abs_path($0)));
my $build  = abs_path($ENV{ASND_BUILD} // "$src/build");
my $asnctl = "$build/asnctl/asnctl";
my $tmp    = tempdir(CLEANUP => 1);
chmod 0755, $tmp; # rbldnsd reads as a user of its own
my $seed   = $ENV{SEED} // time;
srand $seed;
diag "SEED=$seed";

sub slurp {
	open my $f, '<:raw', $_[0] or return undef;
	local $/;
	return <$f> // '';
}

sub put {
	my ($file, $text) = @_;
	open my $f, '>:raw', $file or die "$file: $!";
	print $f $text;
	close $f or die;
	return $file;
}

sub run { # exit code, or -signal; output in $tmp/out and $tmp/err
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>', "$tmp/out" or die;
		open STDERR, '>', "$tmp/err" or die;
		exec @_ or die "exec $_[0]: $!";
	}
	waitpid $pid, 0;
	return $? & 127 ? -($? & 127) : $? >> 8;
}
sub out { slurp("$tmp/out") }
sub err { slurp("$tmp/err") }

# --- a world ----------------------------------------------------------------
# AS64500 is bad all over, with a network of another AS, a good block and good
# hosts inside; of AS64502 one network is bad; of AS64503 one host.

my @world = (
	['198.18.0.0/16', 64500, 'Bad Holder', 'AA'],
	['198.18.64.0/20', 64501, 'Good Neighbour', 'BB'],
	['198.18.68.0/24', 64500, 'Bad Holder', 'BB'],
	['198.19.0.0/17', 64502, 'Half Bad', 'AA'],
	['198.19.128.0/17', 64502, 'Half Bad', 'BB'],
	['203.0.113.0/24', 64503, 'One Host', 'CC'],
	['192.0.2.0/24', 64496, 'Ham', 'DD'],
	['2001:db8::/32', 64500, 'Bad Holder', 'AA'],
	['2001:db8:5::/48', 64501, 'Good Neighbour', 'BB'],
	['2001:db8:8000::/33', 64504, 'Good Six', 'BB'],
	['172.20.0.0/14', '', '', 'EE'],
);
my $db = "$tmp/db";
my $conf = put("$tmp/asnd.conf", "[paths]\ndatabase-dir = $db\n"
	. "[milter]\nlocal-networks = 127.0.0.0/8;198.18.200.0/28\ntrusted-relays = 2001:db8:77::1\n");
mkdir $db;
put("$tmp/world.tsv", join '', map { join("\t", @$_) . "\n" } @world);
is(run($asnctl, 'import', '-o', "$db/networks.mmdb", "$tmp/world.tsv"), 0, 'networks.mmdb');

my @votes;
sub vote { my ($class, $n, @nets) = @_; push @votes, map { inside($nets[rand @nets]) . " $class" } 1 .. $n }
vote('ham', 150, '192.0.2.0/24', '198.18.64.0/22', '198.18.72.0/21', '2001:db8:5::/48', '2001:db8:8000::/33');
vote('spam', 150, '198.18.0.0/18', '198.18.80.0/20', '198.18.128.0/17', '2001:db8:100::/40', '2001:db8::/48');
vote('spam', 40, '198.19.0.0/17');
vote('ham', 60, '198.18.33.0/24');
push @votes, ("$_ ham") x 25 for '198.18.34.56', '198.19.9.9', '2001:db8:100:1::25';
push @votes, ('203.0.113.66 spam') x 30, ('198.18.66.6 spam') x 60, ('172.20.1.1 spam') x 30, ('100.64.9.9 spam') x 30;
push @votes, map { inside('203.0.113.0/24') . ' ham' } 1 .. 40;
is(run("$build/t/make-db", $db, 'votes', put("$tmp/votes", join '', map { "$_\n" } @votes)), 0, 'reputation.mmdb');

# --- the truth ---------------------------------------------------------------

my %truth;
sub truth {
	my @new = grep { !$truth{$_} } @_;
	while (my @some = splice @new, 0, 1000) {
		run($asnctl, 'lookup', '--config', $conf, '--json', @some) == 0 or die err();
		my @said = map { decode_json($_) } split /\n/, out();
		$truth{$some[$_]} = $said[$_] for 0 .. $#some;
	}
}
my @exempt = map { bits($_) } '127.0.0.0/8', '198.18.200.0/28', '2001:db8:77::1';
sub exempt { my $b = bits($_[0]); scalar grep { index($b, $_) == 0 } @exempt }
sub flagged { $truth{$_[0]}{flag} && !exempt($_[0]) }

# All borders there are, and random places.
my @places = map { s/ .*//r } @votes;
my @asked = map { neighbours($_) } (map { $_->[0] } @world), '198.18.200.0/28', '2001:db8:77::1/128', '198.18.33.0/24',
    (map { /:/ ? "$_/64" : ("$_/32", "$_/24" =~ s/\d+\//0\//r) } @places[0 .. 60], @places[-120 .. -1]);
push @asked, map { inside($world[rand @world][0]) } 1 .. 400;
push @asked, map { inside('0.0.0.0/0') } 1 .. 50;
@asked = grep { !/^(?:2002)?:/ } @asked; # left out: 6to4, ::/16
{ my %seen; @asked = grep { !$seen{$_}++ } @asked }
truth(@asked);
my @bad = grep { flagged($_) } @asked;
cmp_ok(scalar @bad, '>', 150, 'flagged places to ask for: ' . @bad . ' of ' . @asked);
cmp_ok(scalar(@asked) - @bad, '>', 150, 'and others');
ok((grep { /:/ } @bad) && (grep { exempt($_) && $truth{$_}{flag} } @asked), 'IPv6, and local networks among them');

sub same { # what a program found against which addresses should be in
	my ($found, $wanted, $what) = @_;
	my %wanted = map { $_ => 1 } @$wanted;
	my @wrong = grep { !!$wanted{$_} != !!defined $found->{$_} } @asked;
	is_deeply(\@wrong, [], $what) or diag explain $truth{$wrong[0]};
}

sub export { # returns the file
	my ($format, @args) = @_;
	my $file = "$tmp/" . join('-', 'list', $format, map { tr/A-Za-z0-9.//cdr } @args);
	is(run($asnctl, 'export', '--config', $conf, '-f', $format, '-o', $file, @args), 0, "export -f $format @args")
	    or diag err();
	is(err(), '', '... and not a word');
	return $file;
}

# What networks with a value say: the longest that contains the address.
sub table_says {
	my (@rows) = @_; # [network, value]
	my @table = map { [bits($_->[0]), $_->[1]] } @rows;
	my %found;
	for my $addr (@asked) {
		my $b = bits($addr);
		my @in = grep { index($b, $_->[0]) == 0 } @table;
		@in <= 1 or die "$addr is in two networks";
		$found{$addr} = $in[0][1] if @in;
	}
	return \%found;
}
sub json_rows { my $j = decode_json(slurp($_[0])); map { [$_->{network}, $_] } @{ $j->{networks} } }
sub csv_rows {
	my ($head, @lines) = split /\r\n/, slurp($_[0]);
	is($head, 'network,asn,holder,country,score,rule', 'csv: header');
	map { my @f = /^([^,]+),(\d*),"((?:[^"]|"")*)",(\w*),([\d.]*),([\w:.\/]*)$/ or die "csv: $_"; [$f[0], \@f] } @lines;
}

# --- what is flagged, in every format ----------------------------------------

my $cidr = export('postfix-cidr');
my $found = postfix_says($cidr, @asked);
like(slurp($cidr), qr/\A# asnctl export, \d{4}-.*: flagged, score from 0\.900 on\n# networks of .*, reputation of .*\n# unknown AS\n100\.64\.9\.0\/24 PREPEND X-Spam-ASN: AS0\n/, 'comment: date, AS');
like(slurp($cidr), qr/^# AS64500 Bad Holder\n198/m, '... and holder');
like(slurp($cidr), qr/^[\d.]+\/\d+ DUNNO$/m, 'an exception stands there');
is_deeply([grep { $found->{$_} ne 'DUNNO' && $found->{$_} ne 'PREPEND X-Spam-ASN: AS' . ($truth{$_}{asn} // 0) } keys %$found], [],
    'postmap: the rule with the AS');
delete $found->{$_} for grep { $found->{$_} eq 'DUNNO' } keys %$found;
same($found, \@bad, 'postmap: as lookup says');

my $zone = export('rbldnsd');
$found = rbldnsd_says($zone, @asked, '127.0.0.2', '::ffff:127.0.0.2', '127.0.0.1');
ok(delete $found->{'127.0.0.2'} && !$found->{'127.0.0.1'}, 'rbldnsd: test entry');
same($found, \@bad, 'rbldnsd: as lookup says');
is_deeply([grep { $found->{$_} ne ($truth{$_}{asn} ? "AS$truth{$_}{asn} $truth{$_}{holder}" : 'unknown AS') } grep { !/ffff/ } keys %$found], [], 'rbldnsd: TXT is AS and holder');
like(slurp($zone), qr/^!/m, 'rbldnsd: an exclusion');

# What was there before is replaced, rules beside it stay.
my $old = put("$tmp/old.nft", "table inet asnd {\nset flagged4 { type ipv4_addr; flags interval; elements = { 8.8.8.0/24, 198.18.0.0/16 } }\nset flagged6 { type ipv6_addr; flags interval; }\n"
	. "chain input { type filter hook input priority 0; ip saddr \@flagged4 tcp dport 25 drop; }\n}\n");
same(nft_says(export('nftables'), $old, @asked), \@bad, 'nft: as lookup says');

my $mmdb = export('mmdb');
is(run($asnctl, 'check', $mmdb), 0, 'mmdb: asnctl check');
$found = mmdb_says($mmdb, @asked);
same($found, \@bad, 'mmdblookup: as lookup says');
is_deeply([grep { $found->{$_} != ($truth{$_}{asn} // 0) } keys %$found], [], 'mmdb: the AS');

for my $format ('json', 'csv') {
	my $file = export($format);
	my @rows = $format eq 'json' ? json_rows($file) : csv_rows($file);
	$found = table_says(@rows);
	same($found, \@bad, "$format: as lookup says");
	my @wrong = grep {
		my ($t, $v) = ($truth{$_}, $found->{$_});
		my ($asn, $country, $score) = $format eq 'json' ? @$v{qw(asn country score)} : @$v[1, 3, 4];
		($asn || 0) != ($t->{asn} // 0) || ($country // '') ne ($t->{country} // '') || abs($score - $t->{score}) > 0.00051;
	} keys %$found;
	is_deeply(\@wrong, [], "$format: AS, country and score as lookup says");
	is(slurp(export($format)) =~ s/"exported": "[^"]*"//r, slurp($file) =~ s/"exported": "[^"]*"//r, "$format: the same again");
}

# Another score, and rules that tell networks apart.
my ($some) = sort { $a <=> $b } map { $truth{$_}{score} } @bad;
my $higher = sprintf '%.4f', ($some + 1) / 2;
$found = postfix_says(export('postfix-cidr', '--min-score', $higher), @asked);
delete $found->{$_} for grep { $found->{$_} eq 'DUNNO' } keys %$found;
same($found, [grep { $truth{$_}{score} >= $higher } @bad], "--min-score $higher");
$found = postfix_says(export('postfix-cidr', '--rule', 'PREPEND X-Why: {prefix} {country} {score}'), @asked);
same($found, \@bad, '--rule: as lookup says');
is_deeply([grep {
	my $t = $truth{$_};
	my ($prefix, $country, $score) = $found->{$_} =~ /^PREPEND X-Why: (\S+) (\S+) (\d\.\d{3})$/ or die;
	$prefix ne ($t->{prefix} // 'unknown') || $country ne ($t->{country} // 'unknown') || abs($score - $t->{score}) > 0.00051
} keys %$found], [], '--rule: prefix, country and score as lookup says');

# --- given ASs ---------------------------------------------------------------

sub of_as { my %want = map { $_ => 1 } @_; grep { $want{ $truth{$_}{asn} // 0 } && !exempt($_) } @asked }
my @want = of_as(64500, 64501);
$found = postfix_says(export('postfix-cidr', 'AS64500', '64501'), @asked);
delete $found->{$_} for grep { $found->{$_} eq 'DUNNO' } keys %$found;
same($found, \@want, 'postmap: two ASs');
same(nft_says(export('nftables', 'as64500'), $old, @asked), [of_as(64500)], 'nft: one AS');
same(table_says(json_rows(export('json', 'AS64501', 'AS64500'))), \@want, 'json: two ASs');
unlike(slurp("$tmp/list-json-AS64501-AS64500"), qr/score/, 'no score');
rename "$db/reputation.mmdb", "$db/away" or die;
export('csv', 'AS64504');
rename "$db/away", "$db/reputation.mmdb" or die;

# --- networks ----------------------------------------------------------------

sub networks { run($asnctl, 'networks', '--config', $conf, @_) }
for my $as (64500 .. 64504) {
	is(networks('--json', "AS$as"), 0, "networks AS$as");
	my $said = decode_json(out());
	$found = table_says(map { [$_->{network}, 1] } @{ $said->{networks} });
	same($found, [grep { ($truth{$_}{asn} // 0) == $as } @asked], '... as lookup says');
}
is(networks('198.18.68.9', 'AS64500', '203.0.113.5'), 0, 'networks of an address');
is(out() =~ s/^198\.18\.[^\n]*\n//mgr, "2001:db8::/46\tAS64500\tAA\tBad Holder\n2001:db8:4::/48\tAS64500\tAA\tBad Holder\n"
	. join('', map { "2001:db8:$_\tAS64500\tAA\tBad Holder\n" } '6::/47', '8::/45', '10::/44', '20::/43', '40::/42', '80::/41', '100::/40', '200::/39', '400::/38', '800::/37', '1000::/36', '2000::/35', '4000::/34')
	. "203.0.113.0/24\tAS64503\tCC\tOne Host\n", '... each AS once, tabs in a pipe');
is(networks('--exact', 'AS64500'), 0, 'networks --exact');
is(out(), join('', map { "$_->[0]\tAS64500\t$_->[3]\t$_->[2]\n" } grep { $_->[1] eq '64500' } @world), '... as announced');
is(networks('AS64502'), 0, 'networks: halves of two countries');
is(out(), "198.19.0.0/16\tAS64502\tAA,BB\tHalf Bad\n", '... are one network');
is(system("script -qec \"'$asnctl' networks --config '$conf' --exact AS64500\" /dev/null > '$tmp/out' 2>&1 < /dev/null"), 0, 'on a terminal');
like(out(), qr/^\e\[1m198\.18\.0\.0\/16 \e\[0m  AS64500  AA  Bad Holder\r?$/m, '... in columns');

# --- hostile holders ----------------------------------------------------------

my $evil = qq{x"} . "\n0.0.0.0/0 REJECT\r\n};{ 8.8.8.8 # \$1 \$ \\\x01\x1b[31m\x7f(\xc3\xa9\xe2\x80\xa8\xe2\x80\xae\xc2\x85),=cmd|'\t:127.0.0.3:!;";
mkdir "$tmp/evil";
is(run("$build/t/make-db", "$tmp/evil", 'networks', $evil), 0, 'a hostile holder');
is(run("$build/t/make-db", "$tmp/evil", 'base', 1, '203.0.113.0/24', '2001:db8:9::/64'), 0, '... with evidence');
my @evil = ('203.0.113.5', '203.0.113.255', '203.0.112.255', '8.8.8.8', '1.2.3.4', '2001:db8:9::1');
for my $what ([], ['AS64498', 'AS64499']) {
	my %file = map { $_ => export($_, '--db', "$tmp/evil", @$what) } 'postfix-cidr', 'rbldnsd', 'nftables', 'json', 'csv', 'mmdb';
	my %said = (
		'postfix-cidr' => postfix_says($file{'postfix-cidr'}, @evil),
		rbldnsd => rbldnsd_says($file{rbldnsd}, @evil),
		nftables => nft_says($file{nftables}, $old, @evil),
		mmdb => mmdb_says($file{mmdb}, @evil),
	);
	for my $format (sort keys %said) {
		is_deeply([sort keys %{ $said{$format} }], ['2001:db8:9::1', '203.0.113.255', '203.0.113.5'], "$format: what is listed");
	}
	for my $format ('postfix-cidr', 'rbldnsd', 'nftables', 'csv') {
		unlike(slurp($file{$format}), qr/[^\x20-\x7e\t\r\n]/, "$format: no odd byte");
		unlike(slurp($file{$format}), qr/^\s*(?:0\.0\.0\.0|8\.8)/m, "$format: no line of the holder's");
	}
	like($said{rbldnsd}{'203.0.113.5'}, qr/ \$1 \$ /, 'rbldnsd: dollar signs are nothing but that');
	ok(decode_json(slurp($file{json}))->{networks}[0]{holder}, 'json: readable');
	csv_rows($file{csv});
}

# What a spreadsheet would run.
mkdir "$tmp/formula";
is(run("$build/t/make-db", "$tmp/formula", 'networks', '=HYPERLINK("http://example.org")'), 0, 'a holder that is a formula');
is(run("$build/t/make-db", "$tmp/formula", 'base', 1, '203.0.113.0/24'), 0, '... with evidence');
like(slurp(export('csv', '--db', "$tmp/formula")), qr/,"'=HYPERLINK\[""http/, 'csv: a text it is');

# --- nothing to tell ----------------------------------------------------------

mkdir "$tmp/cold";
put("$tmp/cold/networks.mmdb", slurp("$db/networks.mmdb"));
is(run("$build/t/make-db", "$tmp/cold", 'votes', put("$tmp/few", "198.18.0.1 spam\n" x 20)), 0, 'a host that is warming up');
for my $format ('postfix-cidr', 'rbldnsd', 'nftables', 'json', 'csv', 'mmdb') {
	export($format, '--db', "$tmp/cold");
}
like(slurp("$tmp/list-postfix-cidr-db-" . "$tmp/cold" =~ tr/A-Za-z0-9.//cdr), qr/warming up: nothing is flagged yet/, 'says that it is warming up');
my %cold = map { $_ => "$tmp/list-$_-db-" . "$tmp/cold" =~ tr/A-Za-z0-9.//cdr } 'postfix-cidr', 'rbldnsd', 'nftables', 'mmdb';
is_deeply(postfix_says($cold{'postfix-cidr'}, '198.18.0.1'), {}, 'postmap: an empty list');
is_deeply(rbldnsd_says($cold{rbldnsd}, '198.18.0.1'), {}, 'rbldnsd: an empty list');
is_deeply(nft_says($cold{nftables}, $old, '198.18.0.1', '8.8.8.8'), {}, 'nft: an empty list empties the set');
is_deeply(mmdb_says($cold{mmdb}, '198.18.0.1'), {}, 'mmdblookup: an empty list');

# --- nonsense and trouble -----------------------------------------------------

sub refused { # code, what it says, command
	my ($code, $why, @cmd) = @_;
	is(run(@cmd), $code, "$code: " . join(' ', map { s/.*\///r } @cmd) =~ s/[^ -~]/?/gr);
	my $err = err();
	like($err, $why, '... says why');
	is($err =~ tr/\n//, 1, '... in one line') or diag $err;
}
my @export = ($asnctl, 'export', '--config', $conf);
my @networks = ($asnctl, 'networks', '--config', $conf);
refused(64, qr/--format is missing/, @export);
refused(64, qr/no format "yaml"/, @export, '-f', 'yaml');
refused(64, qr/no format "\\x1b/, @export, '-f', "\e[31m");
refused(64, qr/exclude each other/, @export, '-f', 'json', '--min-score', '0.9', 'AS64500');
refused(64, qr/"$_": a number from/, @export, '-f', 'json', '--min-score', $_) for 'x', '0.4', '1.1', 'nan', '-1', '0.9x';
refused(64, qr/is no AS number/, @export, '-f', 'json', $_) for 'AS0', 'AS', 'ASx', '4294967296', '192.0.2.1', 'AS-1';
refused(64, qr/rule is for postfix-cidr/, @export, '-f', 'csv', '--rule', 'OK');
refused(64, qr/rule must be one line/, @export, '-f', 'postfix-cidr', '--rule', $_) for "OK\n0.0.0.0/0 REJECT", '', ' OK', "caf\xc3\xa9", 'x' x 257;
refused(64, qr/in braces there may be/, @export, '-f', 'postfix-cidr', '--rule', $_) for '{as}', '{asn', '}', '{}';
refused(64, qr/Unknown option/, @export, '--nonsense');
refused(69, qr/AS64511: no known network/, @export, '-f', 'csv', 'AS64500', 'AS64511');
is(out(), '', '... nothing written');
refused(66, qr/networks\.mmdb: No such file.*asnctl import/, @export, '-f', 'csv', '--db', "$tmp/none");
mkdir "$tmp/half";
put("$tmp/half/networks.mmdb", slurp("$db/networks.mmdb"));
refused(66, qr/reputation\.mmdb: No such file.*no score/, @export, '-f', 'csv', '--db', "$tmp/half");
put("$tmp/half/reputation.mmdb", 'x');
refused(65, qr/reputation\.mmdb: offset/, @export, '-f', 'csv', '--db', "$tmp/half");
put("$tmp/half/reputation.mmdb", slurp("$db/reputation.mmdb"));
put("$tmp/half/recent.mmdb", 'x');
refused(65, qr/recent\.mmdb: offset/, @export, '-f', 'csv', '--db', "$tmp/half");
put("$tmp/half/networks.mmdb", 'x');
refused(65, qr/networks\.mmdb: offset/, @export, '-f', 'csv', '--db', "$tmp/half");
refused(65, qr/networks\.mmdb: offset/, @networks, '--db', "$tmp/half", 'AS64500');
refused(78, qr/no\.conf/, $asnctl, 'export', '--config', "$tmp/no.conf", '-f', 'csv');
refused(73, qr/none: No such file/, @export, '-f', 'csv', '-o', "$tmp/none/x");
refused(73, qr/is a directory/, @export, '-f', 'csv', '-o', $db);
put("$tmp/big", 'as it was');
refused(73, qr/File too large/, 'sh', '-c', 'ulimit -f 1; exec "$@"', 'sh', @export, '-f', 'csv', '-o', "$tmp/big");
is(slurp("$tmp/big"), 'as it was', '... the old file stays');
is(system("script -qec \"'$asnctl' export --config '$conf' -f mmdb\" /dev/null > '$tmp/out' 2>&1 < /dev/null") >> 8, 64, 'mmdb on a terminal: 64');
like(out(), qr/use -o FILE/, '... says what to do');

refused(64, qr/name an AS number or an address/, @networks);
refused(64, qr/$_->[1]/, @networks, $_->[0]) for ['AS0', 'no AS'], ['4294967296', 'no AS number'], ['192.0.2.0/24', 'name an AS, or an address'],
	['192.0.2.1/24', 'has host bits'], ['mail.example.org', 'is no address'], ["x\e", 'x\\\\x1b'];
refused(69, qr/AS64511: no known network/, @networks, 'AS64511');
refused(69, qr/100\.64\.9\.9: in no known AS/, @networks, '100.64.9.9');
refused(66, qr/networks\.mmdb: No such file/, @networks, '--db', "$tmp/none", 'AS64500');

for my $verb ([@export, '-f', 'csv'], [@networks, 'AS64500']) {
	for my $case (['>/dev/full', 'No space left'], ['>&-', 'Bad file descriptor'], ['| true', 'Broken pipe']) {
		my ($to, $why) = @$case;
		# The reader is gone before the writer starts.
		my $cmd = $to eq '| true' ? 'mkfifo "$0.fifo"; exec 4<>"$0.fifo" 5>"$0.fifo" 4<&-; "$@" >&5; c=$?; rm "$0.fifo"; exit $c' : "exec \"\$@\" $to";
		refused(74, qr/standard output: $why/, 'sh', '-c', $cmd, "$tmp/x", @$verb);
	}
}
done_testing();
