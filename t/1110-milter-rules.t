#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# The admin's word in asn-milter: it beats the score, with and without one, for
# those who get headers at all; rules.mmdb comes, goes bad and is replaced.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MilterTest;
use Test::More;

my $key = '0 ' . 'A' x 43 . "=\n";
my $score = qr/score=\d\.\d{3} threshold=0\.900 level=\w+ spam=\d+\.\d ham=\d+\.\d/;

# Lines as in rules.d become the rules.mmdb of the milter.
sub rules {
	spew("$tmp/rules", join '', map {"$_\n"} @_);
	make_db('rules', "$tmp/rules");
}
my $n = 0;
sub rules_taken { # after rules(): until the milter has said so
	$n++;
	ok(wait_until(sub { (() = log_text() =~ m{rules\.mmdb: in use}g) == $n }), 'rules.mmdb is taken up');
}
sub ask {
	my ($ip, $more) = @_;
	return talk('connect ' . ($ip =~ /:/ ? 6 : 4) . " $ip\n" . ($more // '') . "macro E i 4XyZ\neom\n");
}
sub spam_of { my ($line) = grep {s/^insert 0 X-ASN-Spam: //} ask(@_); $line // '-' }
sub iso { my @t = gmtime(shift); sprintf '%d-%02d-%02dT%02d:%02d:%02dZ', $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0] }

# --- nothing but rules -------------------------------------------------------
spew("$tmp/key", $key);
config("flag-headers=X-Spam-Flag: YES;X-Spam-ASN: AS{asn} {score}\n");
my $pid = start_milter();
is_deeply([ask('192.0.2.7')], ['continue'], 'no database');
unlike(log_text(), qr/rules/, 'no rules.mmdb: no complaint');
rules('block 192.0.2.0/24', 'allow 192.0.2.9', 'block 2001:db8::/32', 'allow AS64496');
rules_taken();
my @a = ask('192.0.2.7');
is_deeply([grep { !/Seal/ } @a], ['insert 0 X-Spam-ASN: AS0 unknown', 'insert 0 X-Spam-Flag: YES',
	'insert 0 X-ASN-Spam: Yes, rule=block:192.0.2.0/24', 'continue'], 'blocked, without any other database');
ok((grep { /X-ASN-Seal: .* f=1; / } @a), 'the seal says so');
like(log_text(), qr{client=192\.0\.2\.7 asn=0 score=- verdict=Yes reason=rule rule=block:192\.0\.2\.0/24\n}, 'so does the journal');
is(spam_of('192.0.2.9'), 'No, rule=allow:192.0.2.9', 'allowed');
is(spam_of('2001:db8:5::1'), 'Yes, rule=block:2001:db8::/32', 'IPv6');
is(spam_of('::ffff:192.0.2.7'), 'Yes, rule=block:192.0.2.0/24', 'IPv4-mapped');
is(spam_of('2002:c000:207::1'), 'Yes, rule=block:192.0.2.0/24', '6to4');
is(spam_of('192.0.3.1'), '-', 'no rule, no score');
unlike(join("\n", ask('192.0.3.1')), qr/X-Spam/, '... and no flag header');

# --- beside a score --------------------------------------------------------------
make_db('networks');
make_db('base', 1, '198.51.100.0/24');
ok(wait_until(sub { spam_of('198.51.100.7') =~ /^Yes, $score$/ }), 'the score, where no rule is');
rules('block 192.0.2.0/24', 'allow AS64497', 'block 198.51.100.9', 'allow 2001:db8:1::/48');
rules_taken();
like(spam_of('192.0.2.7'), qr{^Yes, rule=block:192\.0\.2\.0/24 score=0.* ham=\d}, 'a good one is blocked');
like(spam_of('192.0.2.7'), qr{^Yes, rule=block:192\.0\.2\.0/24 $score$}, '... in the grammar of the header');
like(spam_of('198.51.100.7'), qr/^No, rule=allow:AS64497 $score$/, 'a bad one is allowed, by its AS');
ok(!(grep {/X-Spam-Flag/} ask('198.51.100.7')), '... without flag headers');
ok((grep {/X-ASN-Seal: .* f=0; /} ask('198.51.100.7')), '... and sealed as such');
like(spam_of('198.51.100.9'), qr/^Yes, rule=block:198\.51\.100\.9 $score$/, 'the address beats the AS');
like(spam_of('2001:db8:1::1'), qr{^No, rule=allow:2001:db8:1::/48 $score$}, 'the network beats the score');
like(log_text(), qr{asn=64497 score=1\.000 verdict=No reason=rule rule=allow:AS64497\n}, 'the journal names rule and score');
@a = ask('192.0.2.7', "header X-ASN-Spam No, rule=allow:192.0.2.7\n");
ok((grep { $_ eq 'change 1 X-ASN-Spam: ' } @a), 'a forged one is removed');

# --- while it lasts ------------------------------------------------------------------
my $end = time + 4;
rules("block 192.0.2.0/24 until " . iso($end), 'block 10.0.0.0/8 until 2001-01-01',
	"allow 198.51.100.0/28 until " . iso($end), 'block 198.51.100.0/24');
rules_taken();
like(spam_of('192.0.2.7'), qr/^Yes, rule=block/, 'until: it lasts') if time < $end;
like(spam_of('10.1.2.3'), qr/^No, $score$/, 'one that has ended long ago is none');
ok(wait_until(sub { spam_of('192.0.2.7') =~ /^No, score/ }), '... and ends by itself, with the same file');
cmp_ok(time, '>=', $end, '... not before');
ok(wait_until(sub { spam_of('198.51.100.7') =~ m{^Yes, rule=block:198\.51\.100\.0/24} }), 'what is wider holds again');

# --- who gets no verdict gets none by a rule ---------------------------------------------
rules('block 127.0.0.0/8', 'block 10.0.0.0/8', 'block 192.0.2.0/24', 'block 203.0.113.0/24');
rules_taken();
config("local-networks=10.0.0.0/8\ntrusted-relays=203.0.113.1\nflagged-action=reject\n");
kill 'HUP', $pid;
ok(wait_until(sub { (ask('192.0.2.7'))[-1] =~ /^reply 550/ }), 'flagged-action is for blocked mail, too');
like((ask('192.0.2.7'))[-1], qr/^reply 550 5\.7\.1 Your network is blocked here$/, '... and says that a rule did it');
is_deeply([ask('127.0.0.1')], ['continue'], 'loopback');
is_deeply([ask('10.1.2.3')], ['continue'], 'local-networks');
is_deeply([talk("connect 4 192.0.2.7\nmacro E i 4XyZ\\x00{auth_authen}\\x00joe\neom\n")], ['continue'], 'authenticated');
is_deeply([ask('203.0.113.1')], ['continue'], 'a trusted relay that does not say from whom');
my $received = sub { "header Received from x (y [$_[0]]) by z\n" };
like((ask('203.0.113.1', $received->('192.0.2.7')))[-1], qr/^reply 550/, 'behind a trusted relay: the client counts');
is((ask('203.0.113.1', $received->('100.64.0.1')))[-1], 'continue', '... and not the relay');
is((ask('203.0.113.1', $received->('100::3:0:fbf0')))[-1], 'continue', '... nor an address where rules of ASs stand');

# --- a bad file ------------------------------------------------------------------------------
my $whole = slurp("$tmp/db/rules.mmdb");
sub put_raw { spew("$tmp/db/.rules.mmdb.new", $_[0]); rename "$tmp/db/.rules.mmdb.new", "$tmp/db/rules.mmdb" or die }
my $refused = sub { () = log_text() =~ m{refused: \Q$tmp\E/db/rules\.mmdb: .*stays in use}g };
my @bad = ('', 'x', substr($whole, 0, -1), $whole . 'x', $whole =~ s/block/blocc/r, $whole =~ s/asnd-Rules/asnd-Rulez/r,
	slurp("$tmp/db/networks.mmdb"), "\0" x 4096);
my $warned = 0;
for my $bytes (@bad) {
	put_raw($bytes);
	ok(wait_until(sub { $refused->() == $warned + 1 }), 'refused, with file and reason') or last;
	$warned++;
}
like(log_text(), qr{rules\.mmdb: (?:offset \d+: )?.+; the one before}, 'offset and reason');
like((ask('192.0.2.7'))[-1], qr/^reply 550/, 'the old one stays in use');
put_raw($bad[0]);
wait_until(sub { $refused->() == $warned + 1 });
my ($status) = stop_milter($pid);
is($status, 0, 'leaves cleanly');
is(scalar(() = qx($build/milter/asn-milter --config $tmp/conf --test-config 2>&1) =~ m{^FAILED \Q$tmp\E/db/rules\.mmdb: }mg), 1,
	'--test-config says which file is broken');

# --- warming up ------------------------------------------------------------------------------
spew("$tmp/votes", "198.51.100.7 spam\n" x 3);
make_db('votes', "$tmp/votes");
unlink "$tmp/db/recent.mmdb";
config();
rules('block 198.51.100.7', 'allow 192.0.2.0/24');
$pid = start_milter();
like(spam_of('198.51.100.7'), qr/^Yes, rule=block:198\.51\.100\.7 $score$/, 'while warming up a block is a block');
like(spam_of('198.51.100.8'), qr/^No, $score$/, '... and the score none yet');
like(spam_of('192.0.2.7'), qr{^No, rule=allow:192\.0\.2\.0/24 $score$}, '... and an allow is one');
rules();
$n = () = log_text() =~ m{rules\.mmdb: in use}g;
ok(wait_until(sub { spam_of('198.51.100.7') =~ /^No, $score$/ }), 'no rules any more');
stop_milter($pid);
unlike(log_text(), qr/Sanitizer|critical|CRITICAL/, 'a clean log');
done_testing();
