#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl history, forget and lookup MAIL: the votes behind a score are shown,
# taken out, and stay out: over a rescan, a restart and the third day.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use Test::More;

plan skip_all => 'needs root: commands run as other users' if $> != 0;
use constant { LEARN_SPAM => '1:1', LEARN_HAM => '1:2', BACK_SPAM => '2:1' };

my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
$p->folder($_, ''), $p->folder($_, '.Junk') for qw(ann bob);
ok($p->start_both && $bus->ready, 'asnd is on the bus');
my $dir = $p->{dir};
sub maildir { "$dir/mail/$_[0]/Maildir" }
sub ctl { $bus->asnctl(@_) }
sub read_mails { $p->sql('SELECT count(*) FROM mails WHERE state=1') }
my $read = 0;
# Delivered and read by asnd.
sub arrives {
	my $name = $p->deliver(@_);
	$read++;
	$p->wait_for('read', sub { read_mails() == $read }) or BAIL_OUT('a mail is not read');
	return $name;
}
sub junked {
	my ($user, %m) = @_;
	my $votes = split / /, $p->journal;
	my $name = $p->move($user, '', arrives($user, '', %m), '.Junk');
	$p->wait_for('vote', sub { split(/ /, $p->journal) > $votes }) or BAIL_OUT('no vote');
	return $name;
}

# --- history --------------------------------------------------------------------
my $first = junked('ann', ip => '192.0.2.7');
junked('bob', ip => '192.0.2.7');
junked('ann', ip => '192.0.2.99');
junked('bob', ip => '203.0.113.5');
$p->move('ann', '.Junk', $first, '', 'S');
$p->wait_for('back', sub { $p->journal =~ /2:1 1:2$/ });
my ($status, $out, $err) = ctl({}, 'history', '192.0.2.7');
is($status, 0, 'history of an address') or diag $err;
my @row = map { [split /\t/] } split /\n/, $out;
is(scalar @row, 3, '... three votes');
is(join(' ', map { "$_->[1]:$_->[2]" } @row), 'ham:stands spam:stands spam:taken-back', '... newest first, and what became of them');
is_deeply([@{ $row[0] }[3 .. 5, 7 .. 9]], ['192.0.2.7', 'AS64496', '192.0.2.0/24', 'sealed', '-', maildir('ann')],
	'... with address, AS, prefix, seal, flag and user');
like($row[0][$_], qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, '... and a time') for 0, 6;
for (['192.0.2.0/24', 4], ['AS64496', undef], ['0.0.0.0/0', 5], ['192.0.2.96/28', 1]) {
	my ($what, $want) = @$_;
	$want //= $p->sql('SELECT count(*) FROM votes WHERE kind=1 AND asn=64496');
	($status, $out) = ctl({}, 'history', '--json', $what);
	is(scalar @{ decode_json($out) }, $want, "history of $what: those inside");
}
($status, $out) = ctl({}, 'history', '--limit', 2, '0.0.0.0/0');
is(() = $out =~ /\n/g, 2, '--limit');
is((ctl(\%Bus::MEMBER, 'history', '192.0.2.7'))[0], 0, 'a member of the group asnd may ask');
for (
	[64, qr{has host bits; the network is 192\.0\.2\.0/24}, {}, '192.0.2.1/24'],
	[64, qr/AS0/, {}, 'AS0'], [64, qr/name one address/, {}], [64, qr/--limit is 1 to 2000/, {}, '--limit', 0, 'AS1'],
	[64, qr/--limit is 1 to 2000/, {}, '--limit', 2001, 'AS1'],
	[69, qr/no votes on mail from 192\.0\.2\.200 are known/, {}, '192.0.2.200'],
	[77, qr/only root and members of the group asnd/, \%Bus::STRANGER, '192.0.2.7'])
{
	my ($want, $like, $as, @arg) = @$_;
	($status, $out, $err) = ctl($as, 'history', @arg);
	is($status, $want, "history @arg: exit code $want");
	like($err, qr/\A[^\n]*$like[^\n]*\n\z/, '... says why in one line');
}

# --- lookup MAIL ------------------------------------------------------------------
my $text = $p->mail(ip => '192.0.2.7', flagged => 1);
$text =~ s/^/X-ASN-Spam: Yes, score=0.973 threshold=0.900 level=prefix spam=41.300 ham=0.800\n/;
my @conf = ('--config', "$dir/asnd.conf");
$p->spew('sealed', $text);
($status, $out, $err) = ctl({}, 'lookup', @conf, "$dir/sealed");
is($status, 0, 'lookup of a mail') or diag $err;
like($out, qr/^  seal +sound: it came from 192\.0\.2\.7, \d{4}-/m, '... its seal');
like($out, qr/^  then +flagged; its header says score 0\.973, decided by prefix$/m, '... the verdict then');
like($out, qr/^  votes +none$/m, '... no votes');
like($out, qr/\n\n192\.0\.2\.7\n/, '... apart from that the address');
like($out, qr/^  score +0\.\d+/m, '... and the score now');
is((ctl({}, 'learn', '--spam', '--user', 'bob', "$dir/sealed"))[0], 0, 'it is learnt');
($status, $out) = ctl({}, 'lookup', @conf, "$dir/sealed");
like($out, qr{^    \S+\tspam\t(stands|beyond-cap)\t192\.0\.2\.7\t.*\Q@{[maildir('bob')]}\E$}m, '... then the vote is shown');
($status, $out) = ctl(\%Bus::STRANGER, 'lookup', @conf, "$dir/sealed");
is($status, 0, 'anybody may ask');
like($out, qr/^  votes +only root and members/m, '... but sees no votes');
unlike($out, qr/bob/, '... and no users');
($status, $out) = ctl({ stdin => "$dir/sealed" }, 'lookup', @conf, '--json', '-');
my $j = decode_json($out)->{mail};
is("$j->{address} $j->{was_flagged} $j->{sealed} $j->{was_decided_by}", '192.0.2.7 1 1 prefix', '--json from a pipe');
is($j->{levels}[-1]{level}, 'address', '... with the chain');
$p->spew('forged', $text =~ s/f=1/f=0/r =~ s/mx\.example\.org/mx.example.net/r);
($status, $out) = ctl({}, 'lookup', @conf, "$dir/forged");
is($status, 65, 'a forged seal');
like($out, qr/its X-ASN-Seal does not verify/, '... is called so');

# The same from asnd's memory as from what is published, once it is.
my ($published, $live);
ok($p->wait_for('agreement', sub {
	$published = decode_json((ctl({}, 'lookup', @conf, '--json', '192.0.2.7'))[1]);
	$live = decode_json((ctl({}, 'lookup', @conf, '--json', "$dir/sealed"))[1])->{mail};
	abs($published->{score} - $live->{score}) < 1e-5;
}), 'asnd and its databases agree on the score') or diag "$published->{score} $live->{score}";
is_deeply([map { $_->{key} } @{ $live->{levels} }], [map { $_->{key} } @{ $published->{levels} }], '... and the chain');
is_deeply([grep { !exists $live->{$_} } keys %$published], ['reputation_built'], '... in the same keys');

# --- forget -----------------------------------------------------------------------
sub forgets {
	my ($name, $n, @arg) = @_;
	my ($status, $out, $err) = ctl({}, 'forget', @arg);
	is($status, 0, "forget $name") or diag $err;
	like($out, qr/^$n votes? .*forgotten$/, "... $n votes");
}
my $other = $p->spam('203.0.113.5');
cmp_ok($other, '>', 0.9, 'another address is reported, too');
forgets('an address', 4, '192.0.2.7');
ok($p->wait_for('published', sub { $p->spam('192.0.2.7') + $p->ham('192.0.2.7') == 0 }), '... published without them');
ok($p->wait_for('others', sub { abs($p->spam('203.0.113.5') - $other) < 1e-4 }), '... and others as before');
like($p->log('asnd'), qr/uid 0 had 4 votes on 192\.0\.2\.7 forgotten/, '... logged');
my $mail = junked('ann', ip => '198.51.100.7');
forgets('a mail', 1, $p->folder('ann', '.Junk') . "/$mail");
forgets('what is left of a network', 1, '192.0.2.0/24');
for ([{}, 69, qr/no votes on mail from 192\.0\.2\.0\/24 are known/, '192.0.2.0/24'],
	[{}, 69, qr/no user "nemo" is known/, '--user', 'nemo'], [{}, 64, qr/host bits/, '192.0.2.1/24'],
	[{}, 64, qr/name one address/, 'AS1', 'AS2'], [{}, 64, qr/name one address/, '--user', 'ann', 'AS1'],
	[{}, 65, qr/it is empty/, '/dev/null'], [{}, 65, qr/this is no mail/, "$Bus::build/asnctl/asnctl"],
	[\%Bus::STRANGER, 77, qr/only root/, 'AS64496'])
{
	my ($as, $want, $like, @arg) = @$_;
	($status, $out, $err) = ctl($as, 'forget', @arg);
	is($status, $want, "forget @arg: exit code $want");
	like($err, qr/\A[^\n]*$like[^\n]*\n\z/, '... says why in one line');
}

# --- a person is asked ------------------------------------------------------------------
# script(1) of util-linux gives it a terminal.
sub at_terminal {
	my ($type, @arg) = @_;
	$p->spew('typed', $type);
	return $bus->run({ stdin => "$dir/typed" }, 'script', '-qec',
		join(' ', "$Bus::build/asnctl/asnctl", 'forget', @arg), "$dir/typescript");
}
is((ctl({}, 'learn', '--spam', '--user', $_, "$dir/sealed"))[0], 0, "a vote of $_") for qw(u1 u2 u3 u4);
($status, $out) = at_terminal("n\n", '192.0.2.7');
like($out, qr/Forget 4 votes on mail from 192\.0\.2\.7 for good\? \[y\/N\]/, 'at a terminal it asks');
like($out, qr/nothing is forgotten/, '... and takes a no');
is($status, 69, '... with an exit code');
is(scalar @{ decode_json((ctl({}, 'history', '--json', '192.0.2.7'))[1]) }, 4, '... nothing went');
($status, $out) = at_terminal("y\n", '192.0.2.7');
like($out, qr/4 votes on mail from 192\.0\.2\.7 forgotten/, '... and a yes');
ctl({}, 'learn', '--spam', '--user', $_, "$dir/sealed") for qw(u1 u2 u3 u4);
($status, $out) = at_terminal('', '--yes', '192.0.2.7');
unlike($out, qr/\?/, 'not with --yes');
is($status, 0, '... it just does it');
ctl({}, 'learn', '--spam', '--user', 'u1', "$dir/sealed");
($status, $out) = at_terminal('', '192.0.2.7');
unlike($out, qr/\?/, 'nor about a single vote');

# --- and it stays out ----------------------------------------------------------------
junked('ann', ip => '192.0.2.50');
arrives('ann', '', ip => '192.0.2.51', flags => 'S');
arrives('ann', '', ip => '203.0.113.51', flags => 'S');
forgets('a network once more', 1, '192.0.2.0/24');
my $before = $p->journal;
my $scans = $p->scans;
$p->stop('asnd-mailwatch');
$p->start('asnd-mailwatch');
ok($p->wait_for('scan', sub { $p->scans > $scans }), 'a rescan');
is($p->journal, $before, '... learns nothing of it again');
$p->stop_both;
$p->start_both;
$bus->ready;
is($p->journal, $before, '... nor does a restart');
# ann still reports: what she read becomes ham on its third day, but for this.
junked('ann', ip => '203.0.113.77');
$p->stop_both;
$p->start_both('--clock-offset', 3 * 86400 + 60);
ok($p->wait_for('ham', sub { $p->ham('203.0.113.51') > 0.9 }), 'three days later what she read is ham');
is($p->ham('192.0.2.51'), 0, '... but not what was forgotten');
forgets('a user', $p->sql("SELECT count(*) FROM votes v JOIN users u ON u.id=v.user WHERE kind=1 AND CAST(u.path AS TEXT)='@{[maildir('ann')]}'"),
	'--user', 'ann');
is($p->sql("SELECT last_spam FROM users WHERE CAST(path AS TEXT)='@{[maildir('ann')]}'"), 0, '... who never reported');
my ($again) = glob $p->folder('ann', '.Junk') . '/cur/*';
my ($base) = $again =~ m{/(cur/[^/]*)$};
$p->move('ann', '.Junk', $base, '', 'S');
ok($p->wait_for('anew', sub { $p->journal =~ /1:2$/ }), 'what she does from then on counts');
is((ctl({}, 'forget', '--json', '0.0.0.0/0'))[1] =~ /"votes": \d+/, 1, '--json');
is($p->journal, '', 'everything can go');
my $status_now = decode_json(($bus->call({}, 'GetStatus'))[1])->{data}[0];
is(join(' ', map { $status_now->{$_}{data} } qw(spam_votes ham_votes taken_back reporters)), '0 0 0 0', '... and asnd counts none');
done_testing;
