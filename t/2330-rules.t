#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# The admin's rules: asnctl allow, block and rules, rules.d, what is published of
# them and what the milter makes of it; faults of files, and nonsense.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use Lists qw(postfix_says);
use JSON::PP;
use MilterTest ();
use Pair;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs root, to be several users' if $> != 0;
my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
my ($dir, $d, $db) = ($p->{dir}, "$p->{dir}/rules.d", "$p->{dir}/db/rules.mmdb");

sub asnctl { $bus->asnctl({}, @_) }
sub ok_asnctl { my ($status, $out, $err) = asnctl(@_); is("$status $err", '0 ', "asnctl @_"); $out }
sub rules { my ($s, $out) = asnctl('rules'); [map { [split /\t/, $_, -1] } split /\n/, $out] }
sub rule_of { my ($what) = @_; my ($r) = grep { $_->[2] eq $what } @{ rules() }; $r ? "@$r[0, 1]" : '-' }
# As the milter sees it: action of the longest match, by another reader.
sub published {
	my ($ip) = @_;
	my $out = qx(mmdblookup --file $db --ip $ip 2>&1);
	return join ' ', $out =~ /"(allow|block)" <utf8/g;
}
sub comes { my ($what, $cond) = @_; ok($p->wait_for($what, $cond, 30), $what) }
sub iso { POSIX::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime shift) }
sub slurp { Bus::slurp(@_) }
sub logged { my ($re) = @_; scalar(() = $p->log('asnd') =~ /$re/g) }
sub restart { $p->stop('asnd'); $p->start_asnd(@_); $bus->ready }

ok($p->start_asnd, 'asnd starts without rules');
ok($bus->ready, 'it is on the bus');
ok(!-e $db, 'no rules: no rules.mmdb');
is_deeply([asnctl('rules')], [0, '', "asnctl rules: there are no rules\n"], 'rules: there are none');
is((asnctl('rules', '--json'))[1], "[]\n", '... in JSON');

# --- a milter on the same databases -------------------------------------------
MilterTest::spew("$MilterTest::tmp/conf", "[paths]\ndatabase-dir=$dir/db\nseal-key=$MilterTest::tmp/none\n" .
	"[milter]\nsocket=unix:$MilterTest::tmp/sock\n");
my $milter = MilterTest::start_milter();
sub header {
	my ($line) = grep {s/^insert 0 X-ASN-Spam: //}
		MilterTest::talk("connect " . ($_[0] =~ /:/ ? 6 : 4) . " $_[0]\nmacro E i 4XyZ\neom\n");
	return $line // '-';
}

# --- a note in a locale that knows no umlaut, as cron has it ---
{
	local @ENV{qw(LC_ALL LANG LC_CTYPE)} = ('C') x 3;
	ok_asnctl('block', 'AS64999', '--note', "J\xc3\xbcrgen");
	is((rules())[0][0][5], "J\xc3\xbcrgen", 'a note without a locale is as it was written');
	is(ok_asnctl('block', '--json', '--until', '2126-12-31', 'as64999', '192.0.2.99'),
		qq({"action": "block", "what": "AS64999", "until": "2127-01-01T00:00:00Z"}\n{"action": "block", "what": "192.0.2.99", "until": "2127-01-01T00:00:00Z"}\n), '--json');
	is(ok_asnctl('allow', '--json', '192.0.2.99'), qq({"action": "allow", "what": "192.0.2.99"}\n), '... for ever');
	ok_asnctl('rules', '--remove', 'AS64999', '--remove', '192.0.2.99');
}

# --- block, allow -----------------------------------------------------------------
is(ok_asnctl('block', '192.0.2.0/24', '--until', '2126-12-31', '--note', 'they know why # really'),
	"mail from 192.0.2.0/24 is blocked until the end of 2126-12-31 UTC\n", 'said in words');
is(published('192.0.2.9'), 'block', 'it is published when asnctl returns');
comes('the milter has it', sub { header('192.0.2.9') =~ m{^Yes, rule=block:192\.0\.2\.0/24(?: score=|$)} });
is(ok_asnctl('allow', '192.0.2.7', 'as64497', '2001:DB8::/32'),
	"mail from 192.0.2.7 is allowed\nmail from AS64497 is allowed\nmail from 2001:db8::/32 is allowed\n", 'several');
comes('the milter has these', sub { header('192.0.2.7') =~ /^No, rule=allow:192\.0\.2\.7/ });
like(header('198.51.100.1'), qr/^No, rule=allow:AS64497/, '... by AS');
like(header('2001:db8::1'), qr{^No, rule=allow:2001:db8::/32}, '... IPv6');
like(header('192.0.2.9'), qr/^Yes, rule=block/, '... and the network around');
is_deeply(rules(), [['in force', 'block', '192.0.2.0/24', '2126-12-31', 'asnctl', 'they know why # really'],
	['in force', 'allow', '192.0.2.7', '-', 'asnctl', ''], ['in force', 'allow', '2001:db8::/32', '-', 'asnctl', ''],
	['in force', 'allow', 'AS64497', '-', 'asnctl', '']], 'rules lists them, in order');
my $json = decode_json((asnctl('rules', '--json'))[1]);
is_deeply([sort keys %{ $json->[0] }], [qw(action in_force note until what)], 'JSON');
is($json->[0]{until}, '2127-01-01T00:00:00Z', 'until is the first second after');
is_deeply([@{ $json->[3] }{qw(action what)}], ['allow', 'AS64497'], '...');
ok_asnctl('block', 'AS64497');
is(rule_of('AS64497'), 'in force block', 'set again: replaced');
is(scalar @{ rules() }, 4, '... not added');
like($p->log('asnd'), qr/uid 0 set the rule block:AS64497/, 'the log says who');
like(slurp("$dir/state/rules"), qr{^block 192\.0\.2\.0/24 until 2126-12-31 # they know why # really$}m, 'kept as text');
is((stat "$dir/state/rules")[2] & 07777, 0640, '... that not everybody reads');

# --- who may --------------------------------------------------------------------------
my ($status, $out, $err) = $bus->asnctl(\%Bus::STRANGER, 'block', '203.0.113.1');
is($status, 77, 'a stranger may not');
like($err, qr/^asnctl block: only root and members of the group asnd may do this\n$/, '... and is told who may');
is(($bus->asnctl(\%Bus::STRANGER, 'rules', '--remove', '192.0.2.7'))[0], 77, '... nor remove');
# A note may name a customer.
sub seen { my ($s, $o) = $bus->asnctl($_[0], 'rules'); [$s, $o =~ /^([^\n]*\t192\.0\.2\.0\/24\t[^\n]*)$/m] }
my @seen = ("in force\tblock\t192.0.2.0/24\t2126-12-31\t", "asnctl\tthey know why # really");
is_deeply(seen(\%Bus::STRANGER), [0, "$seen[0]-\t"], '... but look: neither who wrote it nor why');
is_deeply(seen(\%Bus::MEMBER), [0, join '', @seen], '... which a member sees');
is(($bus->asnctl(\%Bus::MEMBER, 'block', '203.0.113.1', '--until', '+2h'))[0], 0, 'a member of the group may');
is(rule_of('203.0.113.1'), 'in force block', '... and it holds');

# --- taking back ------------------------------------------------------------------------
is(ok_asnctl('rules', '--remove', '203.0.113.1', '--remove', '192.0.2.7/32'),
	"the rule for 203.0.113.1 is removed\nthe rule for 192.0.2.7/32 is removed\n", 'removed');
comes('the milter knows', sub { header('192.0.2.7') =~ /^Yes, rule=block/ });
is_deeply([asnctl('rules', '--remove', '192.0.2.7')], [69, '',
	"asnctl rules: there is no rule for 192.0.2.7; \"asnctl rules\" lists all\n"], 'a second time: there is none');

# --- this host itself, which is not judged --------------------------------------------------
for my $what ('127.0.0.1', '127.0.0.0/8') {
	is_deeply([asnctl('block', $what)], [0, "mail from $what is blocked\n", "asnctl block: warning: mail from $what, this host itself, " .
		"gets no header: the rule has no effect on it\n"], "$what is blocked, with a warning");
	ok_asnctl('rules', '--remove', $what);
}

# --- an end -------------------------------------------------------------------------------
my $end = int(time) + 3;
ok_asnctl('allow', '192.0.2.128/25', '--until', iso($end));
is(published('192.0.2.200'), 'allow block', 'a rule with an end, and what holds then');
comes('it has ended', sub { header('192.0.2.200') =~ /^Yes, rule=block/ });
cmp_ok(time, '>=', $end, '... not early');
comes('rules.mmdb is published anew', sub { published('192.0.2.200') eq 'block' });
is(rule_of('192.0.2.128/25'), 'ended allow', 'rules shows that it has ended');
ok_asnctl('rules', '--remove', '192.0.2.128/25');

# --- rules.d ------------------------------------------------------------------------------
mkdir $d or die;
chmod 0755, $d;
sub file { my ($name, $text) = @_; $p->spew("rules.d/$name", $text); chmod 0644, "$d/$name" }
file('05-here.rules', "block 203.0.113.200 # a customer's\n");
comes('a new file in a new directory', sub { rule_of('203.0.113.200') eq 'in force block' });
$out = ($bus->asnctl(\%Bus::STRANGER, 'rules', '--json'))[1];
unlike($out, qr/note|file|line|customer|here/, '... JSON neither');
is_deeply([sort keys %{ decode_json($out)->[0] }], [qw(action in_force until what withheld)], '... but all else');
like((asnctl('rules'))[1], qr{\t\Q$d/05-here.rules:1\E\ta customer's$}m, '... root sees it');
unlink "$d/05-here.rules";
comes('... which goes again', sub { rule_of('203.0.113.200') eq '-' });
file('10-us.rules', "# ours\nblock 198.51.100.0/24\nallow AS64499 # partners\nblock 192.0.2.0/24\n");
comes('another one', sub { rule_of('198.51.100.0/24') eq 'in force block' });
is_deeply([grep { $_->[2] eq 'AS64499' } @{ rules() }],
	[['in force', 'allow', 'AS64499', '-', "$d/10-us.rules:3", 'partners']], 'where it stands');
is_deeply([map {"@$_[0, 4]"} grep { $_->[2] eq '192.0.2.0/24' } @{ rules() }],
	['in force asnctl', "hidden $d/10-us.rules:4"], 'the same from asnctl comes first');
file('20-more.rules', "allow 198.51.100.0/24\r\nblock AS64499\n");
comes('a later file', sub { published('198.51.100.1') eq 'allow' });
is(join(' ', map { $_->[0] } grep { $_->[2] eq 'AS64499' } @{ rules() }), 'in force hidden', '... wins over an earlier one');
file('30.conf', "block 198.51.100.0/24\n");
file('.30.rules', "block 198.51.100.0/24\n");
file('20-more.rules', "allow 198.51.100.0/25\nburn AS1\nblock 192.0.2.1/24\nblock 10.0.0.0/7\nallow 198.51.100.130\n");
comes('a changed file', sub { rule_of('198.51.100.130') eq 'in force allow' });
is(published('198.51.100.130'), 'allow', '... is taken up');
is(published('198.51.100.200'), 'block', '... is all that counts of it; other names do not');
like($p->log('asnd'), qr{\Q$d\E/20-more\.rules:2: "burn" is neither allow nor block; a rule is: .*passed over}, 'a bad line is named');
like($p->log('asnd'), qr{20-more\.rules:3: "192\.0\.2\.1/24" has host bits; the network is 192\.0\.2\.0/24; this line}, '... with the cure');
like($p->log('asnd'), qr{20-more\.rules:4: 10\.0\.0\.0/7 is too wide for a rule; /8 is the widest}, '...');
is(logged('20-more\.rules:2: "burn"'), 1, '... once');
($status, $out, $err) = asnctl('rules', '--remove', '198.51.100.130');
is("$status $err", "69 asnctl rules: the rule for 198.51.100.130 stands in $d/20-more.rules:5; remove that line\n",
	'one of rules.d cannot be removed, but found');
my ($trouble) = ($bus->call({}, 'GetStatus'))[1] =~ /"rules_trouble":\{"type":"s","data":"(.*?)"/;
is($trouble, "$d/20-more.rules: 3 lines are no rules, the log names them", 'the status tells');

# what cannot be read changes nothing
chmod 0, "$d/20-more.rules";
utime 1, 1, "$d/20-more.rules";
comes('a file that may not be read is named', sub { logged(qr{20-more\.rules: Permission denied; 2 rules of before stay}) == 1 });
is(published('198.51.100.130'), 'allow', '... and what it said stays');
file('10-us.rules', "block 198.51.100.0/24\nallow AS64496\n");
comes('another one is read all the same', sub { rule_of('AS64496') eq 'in force allow' });
is(logged(qr{20-more\.rules: Permission}), 1, '... and nothing said twice');
chmod 0644, "$d/20-more.rules";
file('20-more.rules', "block 198.51.100.131\n");
comes('readable again', sub { published('198.51.100.130') eq 'block' });
POSIX::mkfifo("$d/40.rules", 0666) or die;
symlink '/dev/zero', "$d/41.rules" or die;
mkdir "$d/42.rules" or die;
file('43.rules', join '', map { chr(($_ * 7919) % 256) } 1 .. 20000);
file('44.rules', "block 203.0.113.7\n");
comes('what is no file does no harm', sub { published('203.0.113.7') eq 'block' });
like($p->log('asnd'), qr{$_: not a regular file}, "$_ is named") for '40.rules', '41.rules', '42.rules';
like($p->log('asnd'), qr{43\.rules: \d+ lines more are passed over}, 'of a binary file not every line is');
cmp_ok(logged(qr{43\.rules}), '<=', 12, '... but some');
unlink map {"$d/$_"} '40.rules', '41.rules', '43.rules', '44.rules', '.30.rules', '30.conf';
rmdir "$d/42.rules";
comes('a file that goes takes its rules along', sub { published('203.0.113.7') eq '' });

# SIGHUP, for a file system that tells of no change
my $n = logged('rules are in force');
kill 'HUP', $p->{pid}{asnd};
comes('SIGHUP reads all again', sub { logged('rules are in force') > $n });

# --- many ---------------------------------------------------------------------------------
my $few = @{ rules() };
file('50-many.rules', join '', map { sprintf "block 10.%d.%d.0/24 until 2126-01-01 # list\n", $_ / 256, $_ % 256 } 0 .. 9999);
my $start = time;
comes('10,000 lines', sub { published('10.39.15.1') eq 'block' });
diag sprintf '10,000 rules were in force %.2f s after the file was written (of which 0.1 s for it to settle)', time - $start;
$start = time;
ok_asnctl('block', '203.0.113.0/24');
diag sprintf 'one more beside them took asnctl %.2f s', time - $start;
$start = time;
is(scalar @{ rules() }, 10000 + $few + 1, 'all are listed');
diag sprintf 'to list them took %.2f s', time - $start;
unlink "$d/50-many.rules";
comes('and gone again', sub { published('10.39.15.1') eq '' });

# --- they outlive what happens ----------------------------------------------------------------
my $before = rules();
restart();
is_deeply(rules(), $before, 'after a restart they are there');
$p->stop('asnd');
unlink $db;
$p->spew('state/evidence.sqlite', "this is no database\n" x 1000);
$p->start_asnd;
$bus->ready;
is_deeply(rules(), $before, 'after the evidence was lost, too');
is(published('203.0.113.9'), 'block', '... and published');
like($p->log('asnd'), qr/evidence was corrupt/, '... and it was');

# --- faults -------------------------------------------------------------------------------------
my $own = slurp("$dir/state/rules");
chmod 0500, "$dir/state";
($status, $out, $err) = asnctl('block', '203.0.113.77');
is($status, 74, 'a state directory that cannot be written');
like($err, qr{^asnctl block: the rule cannot be kept: .*Permission denied\n$}, '... is said');
is(rule_of('203.0.113.77'), '-', '... and nothing changed');
is(slurp("$dir/state/rules"), $own, '... in the file either');
chmod 0700, "$dir/state";
chmod 0555, "$dir/db";
($status, $out, $err) = asnctl('block', '203.0.113.77');
is($status, 74, 'a database directory that cannot be written');
like($err, qr{it is kept, but not in force yet: the rules cannot be published: .*Permission denied}, '... is said');
chmod 0755, "$dir/db";
comes('it is published when that is over', sub { published('203.0.113.77') eq 'block' });
comes('... and said', sub { logged('the rules are published again') });
$p->spew('state/rules', $own . "nonsense\n");
chmod 0644, "$dir/state/rules";
($status, $out, $err) = asnctl('block', '203.0.113.78');
is("$status $err", "74 asnctl block: 1 lines of $dir/state/rules are no rules, asnd's log names them; correct or remove them first\n",
	'a line in our file that is no rule is not lost');
$p->spew('state/rules', $own);
ok_asnctl('block', '203.0.113.78');
unlink "$dir/state/rules";
symlink '/etc/passwd', "$dir/state/rules" or die;
($status, $out, $err) = asnctl('block', '203.0.113.79');
is($status, 74, 'a symbolic link in its place is not written through');
unlink "$dir/state/rules";

# --- nonsense, by asnctl and by whatever program ------------------------------------------------------
my $long = 'x' x 201;
my @bad = (
	[64, qr/has host bits; the network is 192\.0\.2\.0\/24/, 'block', '192.0.2.1/24'],
	[64, qr/AS1 to AS4294967295/, 'block', 'AS0'],
	[64, qr/AS1 to AS4294967295/, 'allow', '4294967296'],
	[64, qr/is too wide for a rule; \/8 is the widest/, 'block', '0.0.0.0/0'],
	[64, qr/is too wide for a rule; \/16 is the widest/, 'block', '2000::/3'],
	[64, qr/a rule for 192\.0\.2\.0\/24 holds there too/, 'block', '2002:c000:200::/40'],
	[64, qr/reserved \(RFC 4291\)/, 'block', '100::3:0:1'],
	[64, qr/"mail\.example\.org" is no address/, 'block', 'mail.example.org'],
	[64, qr/: the argument "\\xff\\x01" is not valid UTF-8; only text is allowed there$/, 'block', "\xff\x01"],
	[64, qr/: the argument "\\xff" after --note is not valid UTF-8; only text is allowed there$/, 'block', 'AS1', '--note', "\xff"],
	[64, qr/name an address/, 'block'],
	[64, qr/is past; name a day/, 'block', 'AS1', '--until', '2020-01-01'],
	[64, qr/is no date; 2026-12-31, .* and \+30d are/, 'block', 'AS1', '--until', 'tomorrow'],
	[64, qr/"\+0d" ends at once; \+1h is the shortest$/, 'block', 'AS1', '--until', '+0d'],
	[64, qr/is no date/, 'block', 'AS1', '--until', '2126-02-30'],
	[64, qr/is no date/, 'block', 'AS1', '--until', ''],
	[64, qr/the note is longer than 200 bytes/, 'block', 'AS1', '--note', $long],
	[64, qr/the note is more than one line/, 'block', 'AS1', '--note', "a\nb"],
	[64, qr/Unknown option/, 'block', 'AS1', '--burn'],
	[64, qr/no arguments expected/, 'rules', 'AS1'],
	[64, qr/has host bits/, 'rules', '--remove', '192.0.2.1/24'],
	[64, qr/--json goes with/, 'rules', '--json', '--remove', 'AS1'],
	[69, qr/there is no rule for AS1;/, 'rules', '--remove', 'AS1'],
);
my $rules = (asnctl('rules'))[1];
for (@bad) {
	my ($want, $re, @args) = @$_;
	($status, $out, $err) = asnctl(@args);
	is($status, $want, "asnctl @{[map { s/[^ -~]/?/gr } map { substr $_, 0, 40 } @args]}: exit code");
	like($err, qr/\Aasnctl $args[0]: [^\n]*\n\z/, '... one line');
	like($err, $re, '... that says what is wrong');
	is($out, '', '... and nothing else');
}
is((asnctl('rules'))[1], $rules, 'nothing of that became a rule');
for (['ssxs', 'burn', 'AS1', '0', ''], ['ssxs', 'block', '192.0.2.1/24', '0', ''], ['ssxs', 'block', 'AS1', '1', ''],
	['ssxs', 'block', 'AS1', '--', '-5', ''], ['ssxs', 'block', 'AS1', '9223372036854775807', ''],
	['ssxs', 'block', 'AS1', '0', $long], ['ssxs', 'block', 'AS1', '0', "a\nb"], ['ssxs', 'block', '::/0', '0', '']) {
	my @args = grep { $_ ne '--' } @$_;
	($status, $out, $err) = $bus->run({}, 'gdbus', 'call', '--address', $bus->{address}, '--dest', 'org.asnd1',
		'--object-path', '/org/asnd1', '--method', 'org.asnd1.Manager.SetRule', '--', map { s/\n/\\n/r } map {"'$_'" =~ s/^'(-?\d+)'$/$1/r} @args[1 .. 4]);
	like($err, qr/org\.asnd1\.Error\.InvalidArgument/, "SetRule @{[map { substr s/\n/?/r, 0, 30 } @args[1 .. 4]]}: refused by asnd itself");
}
is((asnctl('rules'))[1], $rules, 'nothing of that either');
is(($bus->run({}, 'sh', '-c', "$Bus::build/asnctl/asnctl rules >&-"))[0], 74, 'a closed stdout');
ok($p->running('asnd'), 'asnd is there');

# --- --test-config ------------------------------------------------------------------------------------
sub test_config { qx(setpriv --reuid=65534 --regid=65534 --clear-groups -- $Pair::build/asnd/asnd --config $dir/asnd.conf --test-config 2>&1) }
file('20-more.rules', "block AS1\n");
test_config();
is($? >> 8, 0, '--test-config: all well');
file('60.rules', "block AS1\nblok AS2\n");
$out = test_config();
is($? >> 8, 78, '... a bad line');
like($out, qr{\Q$d\E/60\.rules:2: "blok" is neither allow nor block}, '... is named');
unlink "$d/60.rules";

# --- what they explain and export ------------------------------------------------------------------------
mkdir "$dir/db2";
sub make_db { system("$Bus::build/t/make-db", "$dir/db2", @_) == 0 or die "make-db @_" }
make_db('networks');
make_db('base', 1, '198.51.100.0/24');
$p->spew('rules.txt', "block 192.0.2.0/25 until 2126-12-31\nallow 192.0.2.7\nallow 198.51.100.0/28\nblock 203.0.113.9\n" .
	"block AS64499\nallow 2001:db8:9::/48\nblock 127.0.0.0/8\n");
make_db('rules', "$dir/rules.txt");
sub lookup { decode_json(ok_asnctl('lookup', '--json', '--db', "$dir/db2", @_)) }
my $a = lookup('192.0.2.9');
is_deeply([@$a{qw(rule rule_until flag)}], ['block:192.0.2.0/25', '2127-01-01T00:00:00Z', JSON::PP::true], 'lookup: a block');
cmp_ok($a->{score}, '<', 0.5, '... and the score');
$a = lookup('198.51.100.7');
is_deeply([@$a{qw(rule flag)}], ['allow:198.51.100.0/28', JSON::PP::false], '... an allow');
is($a->{rule_until}, undef, '... for ever');
is(lookup('192.0.2.200')->{rule}, undef, '... none');
is(lookup('2001:db8::1')->{rule}, 'block:AS64499', '... by AS');
is(lookup('AS64499')->{rule}, 'block:AS64499', '... of an AS');
$a = lookup('192.0.2.0/26');
is_deeply([@$a{qw(network rule prefix)}], ['192.0.2.0/26', 'block:192.0.2.0/25', '192.0.2.0/24'], '... of a network: what is narrower does not count');
is(join(' ', map { $_->{level} } @{ $a->{levels} }), 'all mail country AS prefix block', '... nor is there a level of an address');
is(lookup('192.0.2.0/24')->{rule}, undef, '... of one that is wider than the rule');
is(lookup('192.0.0.0/16')->{prefix}, undef, '... of one with several owners');
$out = ok_asnctl('explain', '--db', "$dir/db2", '192.0.2.0/25');
like($out, qr{^192\.0\.2\.0/25\n}, 'explain is lookup');
like($out, qr{^  rule        block 192\.0\.2\.0/25 until 2126-12-31: flagged, whatever the score$}m, '... says the rule');
like($out, qr{^  score       0\.\d+ for a new address there$}m, '... and whose score it is');
like($out, qr{^  flagged     yes, by the rule \(the score alone: no\)$}m, '... and what comes of it');
my $on_bus = decode_json(($bus->call({}, 'Lookup', 's', '198.51.100.9'))[1]);
is($on_bus->{data}[0]{rule}{data}, 'block:198.51.100.0/24', 'so does Lookup on the bus');
is(($bus->call({}, 'Lookup', 's', '198.51.100.0/25'))[1] =~ /"rule":\{"type":"s","data":"block:198.51.100.0\/24"/, 1, '... of a network');
for my $what ('192.0.2.1/24', 'AS0', '0', 'nobody.example', '192.0.2.0/33') {
	($status, $out, $err) = asnctl('explain', '--db', "$dir/db2", $what);
	is($status, 64, "explain $what: exit code");
	like($err, qr/\Aasnctl explain: "\Q$what\E" (?:has host bits; the network is|is|has no) [^\n]*\n\z/, '... one line with the cure');
	is($err =~ /, and there is no such file$/ ? 1 : 0, $what eq 'nobody.example' ? 1 : 0, '... of a file only where it may be one');
}
my $list = ok_asnctl('export', '--db', "$dir/db2", '--format', 'postfix-cidr', '--rule', 'REJECT');
like($list, qr/^# asnctl export, \S+: flagged, by a rule or a score from 0\.900 on( \(warming up: by rules alone\))?$/m, 'export: why they are in');
my @list = grep { !/^#/ } split /\n/, $list;
my %wanted = ('192.0.2.9' => 1, '192.0.2.7' => 0, '192.0.2.200' => 0, '198.51.100.7' => 0, '198.51.100.200' => 1,
	'203.0.113.9' => 1, '203.0.113.8' => 0, '2001:db8::1' => 1, '2001:db8:9::1' => 0, '127.0.0.1' => 0);
$p->spew('list.cidr', join '', map {"$_\n"} @list);
my $says = postfix_says("$dir/list.cidr", keys %wanted);
is_deeply({ map { $_ => ($says->{$_} // '') eq 'REJECT' ? 1 : 0 } keys %wanted }, \%wanted, 'export: blocked networks are in, allowed ones out') or diag join "\n", @list;
my %by = map { $_->{network} => $_->{rule} // '' } @{ decode_json(ok_asnctl('export', '--db', "$dir/db2", '--format', 'json'))->{networks} };
my %seen = map { $_ => 1 } values %by;
is_deeply(\%seen, { map { $_ => 1 } '', 'block:192.0.2.0/25', 'block:203.0.113.9', 'block:AS64499' }, 'JSON tells which rules') or diag explain \%by;
is_deeply([@by{'192.0.2.64/26', '203.0.113.9/32', '2001:db8:8000::/33', '198.51.100.128/25'}],
	['block:192.0.2.0/25', 'block:203.0.113.9', 'block:AS64499', ''], '... where one blocks');
my %csv = map { /^([^,]*),.*,([^,]*)$/ } grep { !/^network/ } split /\r\n/, ok_asnctl('export', '--db', "$dir/db2", '--format', 'csv');
is_deeply(\%csv, \%by, '... and CSV');
$p->spew('db2/rules.mmdb', 'x' x 100);
is((asnctl('export', '--db', "$dir/db2", '--format', 'csv'))[0], 65, '... a broken rules.mmdb is no list');
($status, $out, $err) = asnctl('lookup', '--db', "$dir/db2", '192.0.2.9');
is($status, 65, '... and lookup says so');
like($err, qr{rules\.mmdb: .*; restart asnd to write it anew\n}, '... with what to do');
like($out, qr/score/, '... but tells the rest');

# --- too many to tell ------------------------------------------------------------------------------------
# Whoever sends more than 32 MiB is thrown off the system bus.
file('90-long.rules', join '', map { sprintf "block 21.%d.%d.0/24 # %s\n", $_ >> 8, $_ & 255, 'x' x 180 } 1 .. 40000);
comes('a long file', sub { published('21.0.9.1') eq 'block' });
is_deeply([($bus->asnctl(\%Bus::STRANGER, 'rules'))[0, 2]], [74, 'asnctl rules: 40003 rules are too many for one answer;' .
	" look into rules.d and $dir/state/rules\n"], 'a list that is too long is refused');
is(($bus->call(\%Bus::STRANGER, 'Lookup', 's', '21.0.9.1'))[0], 0, '... and asnd stays on the bus');
unlink "$d/90-long.rules";
comes('a shorter list', sub { (asnctl('rules'))[0] == 0 });

# --- without asnd ---------------------------------------------------------------------------------------
$p->stop('asnd');
like(header('203.0.113.77'), qr/^-|^Yes|^No/, 'the milter answers without asnd');
($status, $out, $err) = asnctl('block', 'AS1');
is($status, 75, 'no asnd: exit code');
like($err, qr/^asnctl block: asnd does not run; start it with "systemctl start asnd"\n$/, '... and what to do');
MilterTest::stop_milter($milter);
unlike($p->log('asnd') . MilterTest::log_text(), qr/Sanitizer|runtime error|CRITICAL(?!.*evidence was corrupt)/, 'clean logs');
done_testing();
