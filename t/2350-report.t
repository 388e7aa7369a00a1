#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl report: in lines, as JSON and as a page; with and without asnd; what
# holders may call themselves; that nobody is in it; and the page in a real
# browser (t/lib/report-page.py).
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use JSON::PP;
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(time);
use lib "$FindBin::Bin/lib";
use Bus;
use Pair;

my $src    = dirname(dirname(abs_path($0)));
my $build  = abs_path($ENV{ASND_BUILD} // "$src/build");
my $asnctl = "$build/asnctl/asnctl";
my $tmp    = tempdir(CLEANUP => 1);
chmod 0755, $tmp;
$ENV{DBUS_SYSTEM_BUS_ADDRESS} = "unix:path=$tmp/no-bus";

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

my $stdout; # a handle: there instead
sub run { # exit code, or -signal; output in $tmp/out and $tmp/err
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		$stdout ? open STDOUT, '>&', $stdout : open STDOUT, '>', "$tmp/out" or die;
		open STDERR, '>', "$tmp/err" or die;
		exec @_ or die "exec $_[0]: $!";
	}
	waitpid $pid, 0;
	return $? & 127 ? -($? & 127) : $? >> 8;
}
sub out { slurp("$tmp/out") }
sub err { slurp("$tmp/err") }

# --- a world ------------------------------------------------------------------

my $evil = '</script><img src=x onerror=window.pwned=1><!-- "&amp;\'';
my $db = "$tmp/db";
my $conf = put("$tmp/asnd.conf", "[paths]\ndatabase-dir = $db\n");
mkdir $db;
put("$tmp/world.tsv", join '', map { join("\t", @$_) . "\n" }
	['192.0.2.0/24', 64496, 'Good Mail', 'DE'],
	['198.18.0.0/15', 64500, 'Half Bad', 'NL'],
	['203.0.113.0/24', 64503, $evil, 'BR'],
	['172.20.0.0/14', 64505, 'Quiet', 'FR'],
	['2001:db8::/32', 64504, "Six \xe2\x80\xae xiS", 'AT']);
is(run($asnctl, 'import', '-o', "$db/networks.mmdb", "$tmp/world.tsv"), 0, 'networks.mmdb') or diag err();

is(run($asnctl, 'report', '-c', $conf), 0, 'before anything was learned there is a report');
like(out(), qr/nothing was learned yet/, '... that says so');

my @votes = map { "192.0.2." . (1 + $_ % 40) . ' ham' } 1 .. 150;
push @votes, map { "203.0.113." . (1 + $_ % 40) . ' spam' } 1 .. 120;
push @votes, map { "198.18.7." . (1 + $_ % 9) . ' spam' } 1 .. 20;
push @votes, map { "198.19.200." . (1 + $_ % 9) . ' ham' } 1 .. 60;
push @votes, map { "2001:db8:77:$_\::25 spam" } 1 .. 40;
is(run("$build/t/make-db", $db, 'votes', put("$tmp/votes", join '', map { "$_\n" } @votes)), 0, 'reputation.mmdb');

# --- without asnd -------------------------------------------------------------

is(run($asnctl, 'report', '-c', $conf), 0, 'a report without asnd');
my @lines = split /\n/, err();
ok(@lines == 1 && $lines[0] =~ /^asnctl report: asnd cannot be reached/, '... why it lacks something is one line') or diag err();
like(out(), qr/^Left out\nasnd could not be asked/m, '... and in it is said what is left out');
like(out(), qr/^AS64503\t0\.9\d\d\tflagged\t\d+\.\d\t0\.0\tBR\t<\/script>/m, 'the worst provider, in tabs');
like(out(), qr/^203\.0\.113\.0\/24\tAS64503\t0\.9/m, 'the worst block');
unlike(out(), qr/^(?:AS64496|192\.0\.2\.0)/m, 'who sends what is wanted is not among the worst');

is(run($asnctl, 'report', '-c', $conf, '--json'), 0, 'as JSON');
my $j = decode_json(out());
is($j->{worst}{block}[0]{network}, '203.0.113.0/24', '... with the worst block');
is($j->{worst}{as}[0]{holder}, $evil, '... whose holder is called what it is called');
is_deeply([@{ $j->{ipv4} }{qw(spam_blocks ham_blocks allocated_addresses)}], [2, 2, 256 + 131072 + 256 + 262144], '... blocks are counted');
cmp_ok($j->{ipv4}{flagged_addresses}, '>=', 200, '... and what is flagged');
ok(!$j->{warming_up} && @{ $j->{weeks} } == 0 && @{ $j->{left_out} } == 1, '... and what is not there');

# The score of an address there that nobody knows is what lookup says of it.
run($asnctl, 'lookup', '--config', $conf, '--json', '203.0.113.250');
my $lookup = decode_json(out());
is(sprintf('%.3f', $j->{worst}{block}[0]{score}), sprintf('%.3f', $lookup->{score}), 'the score is that of lookup');

# --- asnd ----------------------------------------------------------------------
# Two users: flagged mail in Junk that stays and one that is taken back; junk
# that was missed.

my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
my $now = int time;
my $day = 86400;
my (@back, @missed);
for my $week (0 .. 3) {
	for my $n (1 .. 5) {
		my %m = (ip => "203.0.113.$n", time => $now - $week * 7 * $day - 3600, flagged => 1);
		my $name = $p->deliver('wilhelmina', '.Junk', %m);
		push @back, $name if $n == 1 && $week < 2;
	}
	push @missed, $p->deliver('wilhelmina', '', ip => '198.18.7.1', time => $now - $week * 7 * $day - 3600);
}
ok($p->start_both && $bus->ready, 'asnd and asnd-mailwatch') or BAIL_OUT('no asnd');
$p->move('wilhelmina', '.Junk', $_, '') for @back;
$p->move('wilhelmina', '', $_, '.Junk') for @missed;
ok($p->wait_for('votes', sub { $p->journal =~ /^(?:\S+ ?){6}/ }), 'users moved mail');
$ENV{DBUS_SYSTEM_BUS_ADDRESS} = $bus->{address};

is(run($asnctl, 'report', '-c', $conf, '--json'), 0, 'with asnd');
is(err(), '', '... not a word');
$j = decode_json(out());
my %sum;
for my $w (@{ $j->{weeks} }) { $sum{$_} += $w->{$_} for qw(flagged rescued missed) }
is_deeply(\%sum, { flagged => 20, rescued => 2, missed => 4 }, '... flagged, taken back, missed') or diag out();
cmp_ok(scalar @{ $j->{weeks} }, '>=', 4, '... week by week');
is_deeply([grep { strftime('%u', gmtime(POSIX::mktime(0, 0, 12, substr($_, 8), substr($_, 5, 2) - 1, substr($_, 0, 4) - 1900))) != 1 }
	map { $_->{week} } @{ $j->{weeks} }], [], '... that start on Mondays');
is_deeply($j->{left_out}, [], '... and nothing is left out');
is($j->{votes}, 6, '... votes');

is(run($asnctl, 'report', '-c', $conf), 0, 'in lines');
like(out(), qr/^flagged\t20 mails in \d weeks; precision 90\.0 %, recall 81\.8 %$/m, '... with their sum');

# Rules: one for all of a block of wanted mail, one for a single address.
$bus->asnctl({}, 'block', '192.0.2.0/24', '--note', 'wilhelmina asked for it');
$bus->asnctl({}, 'block', '203.0.113.77');
put("$db/rules.mmdb", slurp("$p->{dir}/db/rules.mmdb") // '');
is(run($asnctl, 'report', '-c', $conf, '--json'), 0, 'with rules');
$j = decode_json(out());
is_deeply($j->{rules}, [{ action => 'block', what => '192.0.2.0/24' }, { action => 'block', inside => '203.0.113.0/24' }],
	'... one of a single address is told of its block') or diag out(), err();

# --- the page ------------------------------------------------------------------

my $page = "$tmp/report.html";
is(run($asnctl, 'report', '-c', $conf, '--html', $page), 0, 'a page');
is(out() . err(), '', '... not a word');
is((stat $page)[2] & 07777, 0644, '... that a web server may read');
is_deeply([glob "$tmp/.report*"], [], '... and nothing beside it');
my $html = slurp($page);
is(run($asnctl, 'report', '-c', $conf, '--html', '-'), 0, '--html -');
like(out(), qr/^<!DOCTYPE html>.*<\/html>\n\z/s, '... is the page on standard output');

# Nobody is in it.
for my $form (['the page', $html], ['JSON', do { run($asnctl, 'report', '-c', $conf, '--json'); out() }],
	['the lines', do { run($asnctl, 'report', '-c', $conf); out() }]) {
	my ($what, $text) = @$form;
	unlike($text, qr/wilhelmina|Maildir|\Q$tmp\E|$p->{dir}/, "$what: no user, no folder, no path");
	my %addresses = map { $_ => 1 } $text =~ /(?<![\d.\/])(\d+\.\d+\.\d+\.\d+)(?!\/(?:8|9|1\d|2[0-4]|0)\b)/g;
	is_deeply([keys %addresses], [], "$what: no single address");
	unlike($text, qr/2001:db8:77:[0-9a-f]+::/, "$what: nor one of IPv6");
}

# Nothing from elsewhere, and nothing of a name but text.
like($html, qr/<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+';/, 'a strict policy');
my @urls = $html =~ /\b(?:src|href|action|data|srcset|url)\s*[=(]\s*["']?([^"'\s>)]+)/gi;
is_deeply([grep { !/^(?:x|data:,)$/ } @urls], [], 'no URL') or diag explain \@urls; # x: in a name
unlike($html, qr{https?://|//[a-z]+\.|\@import|<img}i, '... no host, no import, no picture');
my @scripts = $html =~ /<\/script/g;
like($html, qr/<tr><th scope="row">inside 203\.0\.113\.0\/24<\/th><td>flagged always</, 'rules are there');
is(scalar @scripts, 2, 'two scripts end, and those are ours');
unlike($html, qr/\xe2\x80[\xa8\xa9\xae]/, 'no line separator, nothing that turns text around');
cmp_ok(length $html, '<', 60000, 'small: ' . length($html) . ' bytes');

my $shots = "$build/t/report-page";
make_path($shots);
my $start = time;
open my $browser, '-|', 'python3', '-B', "$src/t/lib/report-page.py", $page, $shots or die "python3: $!";
my ($n, $plan) = (0);
while (<$browser>) {
	chomp;
	if (/^(not )?ok \d+ - (.*)/) { ok(!$1, "browser: $2"); $n++ }
	elsif (/^1\.\.(\d+)/) { $plan = $1 }
	else { diag $_ }
}
close $browser;
is($plan, $n, 'the browser came to its end');
note sprintf 'the browser took %.1f s; screenshots are in %s', time - $start, $shots;

# --- trouble -------------------------------------------------------------------

sub trouble {
	my ($code, $pattern, $what, @args) = @_;
	is(run($asnctl, 'report', @args), $code, "$what: exit $code") or diag err();
	my @said = split /\n/, err();
	ok(@said == 1 && $said[0] =~ $pattern, '... and one line') or diag err();
}
my @c = ('-c', $conf);
trouble(64, qr/exclude each other/, '--html and --json', @c, '--html', "$tmp/x", '--json');
trouble(64, qr/nothing to name/, 'an argument', @c, 'AS64496');
trouble(64, qr/needs the name/, '--html without a name', @c, '--html', '');
trouble(73, qr/No such file/, 'a directory that is not there', @c, '--html', "$tmp/none/x.html");
trouble(73, qr/not a regular file|directory/i, 'a directory', @c, '--html', $db);
trouble(66, qr/networks\.mmdb.*asnctl import/, 'no networks.mmdb', @c, '--db', "$tmp/none");
trouble(78, qr/none\.conf/, 'no configuration', '-c', "$tmp/none.conf");
is(slurp($page), $html, 'the page of before stays');
pipe my $nobody_reads, $stdout or die;
close $nobody_reads;
is(run($asnctl, 'report', @c, '--html', '-'), 74, 'a closed pipe: exit 74');
undef $stdout;
is(run('sh', '-c', "'$asnctl' report -c '$conf' --html - >/dev/full"), 74, 'a full device: exit 74');
mkdir "$tmp/broken";
put("$tmp/broken/networks.mmdb", slurp("$db/networks.mmdb"));
put("$tmp/broken/reputation.mmdb", substr(slurp("$db/reputation.mmdb"), 0, 999));
trouble(65, qr/reputation\.mmdb/, 'a broken reputation.mmdb', @c, '--db', "$tmp/broken");
put("$tmp/broken/reputation.mmdb", slurp("$db/reputation.mmdb"));
put("$tmp/broken/rules.mmdb", 'nonsense');
trouble(0, qr/rules\.mmdb/, 'a broken rules.mmdb costs the rules', @c, '--db', "$tmp/broken");
like(out(), qr/rules could not be read/, '... which is said');
done_testing;
