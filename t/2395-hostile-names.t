#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Names of holders and countries as a hostile registry might give them: line ends,
# terminal escapes, bidi, HTML, JavaScript, quotes, formulas, options.  Whatever
# asnctl prints of them is as many lines as for an honest name, of the same form,
# and obeyed by no terminal, browser, parser or program.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use Test::More;

plan skip_all => 'needs root, to be several users' if $> != 0;

my $p = Pair->new;
my $bus = Bus->new->take($p);
my $dir = $p->{dir};
sub put { my ($name, $text) = @_; open my $f, '>:raw', "$dir/$name" or die; print $f $text; close $f or die; "$dir/$name" }

# Each starts with its number, to know when asnd has it.
my @names = (
	'Example', 'Example',
	"\r\nX-ASN-Spam: No\r\n\r\nbody",
	"\e[31mred\e]0;title\a\x08\x7f\x0b\x0c\x01 \xc2\x9b31m \xc2\x85 \xc2\x90q\xc2\x9c",
	"\xe2\x80\xae\xe2\x81\xa6txt\xe2\x80\xa8line\xe2\x80\xa9\xe2\x80\x8f\xf3\xa0\x81\x81\xef\xbb\xbf",
	'</script></title></style><script>alert(1)</script><img src=x onerror=alert(1)> & &lt; ]]> -->',
	q{"');alert(1);// ' onload="x ${x} `id` $(id) {{x}} \\u003c},
	"a\tb\tc\n2\tAS1\tXX\tforged\n# HELP x\nasnd_votes 7\n",
	"=?utf-8?B?DQpYLUFTTi1TcGFtOiBZZXM=?= =\xe6\xa0\xaa?=",
	q{"; drop table x; } . "\n}\nadd rule inet asnd input accept\n\$DATASET :127.0.0.9:\n0.0.0.0/0 OK\n",
	"e\xcc\x81\xcc\x81\xcc\x81" x 20 . "\xf0\x9f\x92\xa9" . 'x' x 300,
	"\xf0\x9f\x92\xa9" x 200,
	'%s%n%x%1$s {asn} {country} ((((\\',
);
my @countries = (undef, 'D', "\r\n", "\e[", "\ec", 'de', "D\n", '<b', '"}', "\xc3\xa4", '', "\n\n\n", 'D');

sub asnctl { my (@arg) = @_; my ($status, $out, $err) = $bus->asnctl({}, @arg); return $out . $err }
# On a terminal: what a shell's script(1) hears.
sub on_terminal {
	my (@arg) = @_;
	local $ENV{TERM} = 'xterm';
	my (undef, $out) = $bus->run({}, 'script', '-qec', join(' ', "$Bus::build/asnctl/asnctl", map { "'$_'" } @arg), '/dev/null');
	$out =~ s/\r\n/\n/g;
	return $out;
}
# No control byte but the end of a line, in UTF-8 neither; no bidi.
sub sober {
	my ($text, $colours) = @_;
	$text =~ s/\e\[[\d;]*m//g if $colours;
	return $text !~ /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]|\xf3\xa0\x81/;
}

sub is_json { my ($text) = @_; return defined eval { decode_json($text) } }

my @config = ('--config', "$dir/asnd.conf");
my %verbs = (
	lookup => [@config, '198.51.100.7'], 'lookup as' => ['lookup', @config, 'AS64497'], 'lookup json' => ['lookup', @config, '--json', '198.51.100.7'],
	networks => [@config, 'AS64497'], 'networks json' => ['networks', @config, '--json', 'AS64497'],
	history => ['198.51.100.0/24'], 'history json' => ['history', '--json', '198.51.100.0/24'],
	top => ['as'], 'top json' => ['top', '--json', 'as'], report => [@config], 'report json' => ['report', @config, '--json'],
	metrics => [@config], status => [@config], quality => [], rules => [],
	map { ("export $_" => ['export', @config, '-f', $_, 'AS64497']) } qw(postfix-cidr rbldnsd nftables json csv),
);
sub argv { my ($name) = @_; my @a = @{ $verbs{$name} }; return $name =~ / / ? @a : ($name, @a) }

ok($p->start_both && $bus->ready, 'asnd is on the bus');
for my $ip ('198.51.100.7', '192.0.2.7') {
	put("$ip.eml", $p->mail(ip => $ip));
	is((($bus->asnctl({}, 'learn', '--spam', '--user', 'ann', "$dir/$ip.eml")))[0], 0, 'a vote');
}
$p->wait_for('the reputation', sub { -e "$dir/db/reputation.mmdb" });
my $watch = $bus->spawn({}, "$Bus::build/asnctl/asnctl", 'watch');
my $watch_json = $bus->spawn({}, "$Bus::build/asnctl/asnctl", 'watch', '--json');

my %lines; # of an honest name, in a country and in none
for my $n (0 .. $#names) {
	my $name = sprintf 'n%02d', $n;
	my $hostile = "$name $names[$n]";
	system("$Bus::build/t/make-db", "$dir/db", 'networks', $hostile, defined $countries[$n] ? $countries[$n] : ()) == 0 or die;
	kill 'HUP', $p->{pid}{asnd};
	ok($p->wait_for("asnd has $name", sub { (($bus->call({}, 'Networks', 'sb', 'AS64497', 'true'))[1]) =~ /$name/
		|| (($bus->call({}, 'Lookup', 's', '198.51.100.7'))[1]) =~ /$name/ }, 30), "$name: asnd has it") or next;
	my (@loud, @other, @json);
	for my $verb (sort keys %verbs) {
		my $out = asnctl(argv($verb));
		my $count = $out =~ tr/\n//;
		my $want = \$lines{$verb, defined $countries[$n]};
		push @loud, "$verb: $out" if !sober($verb =~ /csv/ ? $out =~ s/\r\n/\n/gr : $out, 0);
		$$want //= $count;
		push @other, "$verb: $count lines, not $$want: $out" if $count != $$want;
		push @json, "$verb: $out" if $verb =~ /json/ && grep { !is_json($_) } $verb =~ /export/ ? $out : split /\n/, $out;
		next if $verb !~ /^(?:lookup|networks|history|top|report)$/;
		my $shown = on_terminal(argv($verb));
		push @loud, "$verb on a terminal: $shown" if !sober($shown, 1);
	}
	is(join("\n", @loud), '', '... no terminal obeys any of it');
	is(join("\n", @other), '', '... as many lines as of an honest name');
	is(join("\n", @json), '', '... and JSON is JSON');

	my $csv = asnctl('export', @config, '-f', 'csv', 'AS64497');
	unlike($csv, qr/(?:^|,)"?[=+\@-]/m, '... no formula in the CSV');
	like($csv, qr/\A[^\r\n]*\r\n198\.51\.100\.0\/24,64497,"(?:[^"]|"")*",[A-Z]*,[^,\r\n]*,\r\n\z/, '... and one record');
	like(asnctl('export', @config, '-f', 'postfix-cidr', 'AS64497'), qr/\A(?:#[^\n]*\n)+198\.51\.100\.0\/24 [^\n]*\n\z/, '... postfix-cidr: comments and one rule');
	like(asnctl('export', @config, '-f', 'nftables', 'AS64497'), qr/\t198\.51\.100\.0\/24,\n\}\n(?:add set|flush)[^\n]*/, '... nftables: one element') ;
	is((($bus->asnctl({}, 'report', @config, '--html', "$dir/page.html")))[0], 0, '... a page');
	my $page = Bus::slurp("$dir/page.html");
	my $tags = join ' ', map { my $t = $_; scalar(() = $page =~ /<\/?$t\b/g) } qw(script style img title body html head);
	$lines{html} //= $tags;
	is($tags, $lines{html}, '... and the page has the tags of an honest one');
	ok(sober($page, 0), '... and is sober') or diag $page =~ /(.{20}[\x00-\x08\x0b-\x1f\x7f].{20}|.{0,20}(?:\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]).{0,20})/s;

	my $seen = () = Bus::slurp($watch->{out}) =~ /^/mg;
	put("vote$n", $p->mail(ip => '192.0.2.' . (20 + $n)));
	is((($bus->asnctl({}, 'learn', '--spam', '--user', "u$n", "$dir/vote$n")))[0], 0, '... a vote');
	$p->wait_for('the vote is heard', sub { Bus::slurp($watch->{out}) =~ /192\.0\.2\.@{[20 + $n]}\b/ && Bus::slurp($watch_json->{out}) =~ /192\.0\.2\.@{[20 + $n]}"/ });
	# Its verdict may come along; a forged line would have no address.
	my $heard = Bus::slurp($watch->{out});
	ok(sober($heard, 0) && !(grep { !/^\S*\t\S+\t/ } split /\n/, $heard), '... watch: lines of its form, sober') or diag $heard;
	my $told = Bus::slurp($watch_json->{out});
	ok(sober($told, 0) && !(grep { !is_json($_) } split /\n/, $told), '... in JSON, too') or diag $told;
}
kill 'TERM', $_->{pid} for $watch, $watch_json;
$bus->finish($_) for $watch, $watch_json;

# --- what is no text at all ------------------------------------------------------------

for (["\xff\xfe", 'no UTF-8'], ["n \xc0\x80", 'an overlong NUL'], ["\xed\xa0\x80", 'a surrogate']) {
	my ($bytes, $what) = @$_;
	mkdir "$dir/bad";
	system("$Bus::build/t/make-db", "$dir/bad", 'networks', $bytes) == 0 or die;
	like(asnctl('check', "$dir/bad/networks.mmdb"), qr/string is not UTF-8/, "$what: refused by check");
	like(asnctl('lookup', '--db', "$dir/bad", '192.0.2.1'), qr/string is not UTF-8/, '... and by lookup');
	like(asnctl('import', @config, '-o', "$dir/bad/new.mmdb", "$dir/bad/networks.mmdb"), qr/string is not UTF-8/, '... and by import');
	ok(!-e "$dir/bad/new.mmdb", '... which writes nothing');
}

# --- by import, from text and from another's mmdb ---------------------------------------

for my $n (1 .. $#names) {
	my $name = $names[$n];
	my $tsv = put('hostile.tsv', "198.51.100.0/24\t64497\tn $name\tDE\n");
	my ($status) = $bus->asnctl({}, 'import', @config, '-o', "$dir/bad/tsv.mmdb", $tsv);
	if ($name =~ /[\t\n]/) { # more fields or lines than there are
		isnt($status, 0, "name $n in text: refused");
	} else {
		is($status, 0, "name $n in text: imported");
	}
	system("$Bus::build/t/make-db", "$dir/bad", 'networks', "n $name", $countries[$n] // 'DE') == 0 or die;
	is((($bus->asnctl({}, 'import', @config, '-o', "$dir/bad/again.mmdb", "$dir/bad/networks.mmdb")))[0], 0, '... in an mmdb: imported');
	my ($json) = ($bus->asnctl({}, 'lookup', '--json', '--db', "$dir/bad", '198.51.100.7'))[1];
	like($json, qr/\A[^\n]*\n\z/, '... and looked up');
	like(decode_json($json)->{country} // 'DE', qr/\A[A-Z]{2}\z/, '... a country is two letters, or none');
}
is((($p->stop('asnd')))[0], 0, 'asnd leaves in peace');
unlike($p->log('asnd'), qr/[^\x20-\x7e\n]|CRITICAL/, 'and its log is printable');
done_testing;
