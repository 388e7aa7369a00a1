#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# On the bus: what Lookup tells of an AS and of a network, and that the end of
# warming up is told as it comes.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use Test::More;

plan skip_all => 'needs root, to be several users' if $> != 0;

my $bus = Bus->new;
my $p = Pair->new(conf => "[score]\nmin-ham=0.5\n");
$bus->take($p);
$p->folder('ann', $_) for '', '.Junk';
ok($p->start_both && $bus->ready, 'asnd is on the bus');
sub lookup {
	my ($what) = @_;
	my ($status, $out, $err) = $bus->call({}, 'Lookup', 's', $what);
	return { error => $err } if $status;
	my $answer = decode_json($out)->{data}[0];
	return { map { $_ => $answer->{$_}{data} } keys %$answer };
}
sub votes { my ($n) = @_; $p->wait_for("$n votes", sub { $p->sql('SELECT count(*) FROM votes') == $n }, 30) }

# --- an AS -------------------------------------------------------------------------
my $before = lookup('AS64496');
is($before->{asn}, 64496, 'an AS without a vote is known by its number');
ok(!defined $before->{holder}, '... and by that alone') or diag explain $before;
my $name = $p->deliver('ann', '', ip => '192.0.2.1');
ok($p->wait_for('it is read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 1 }, 30), 'a mail is read');
$p->move('ann', '', $name, '.Junk');
ok(votes(1), 'a vote');
my $as = lookup('AS64496');
is($as->{holder}, 'Example', 'with a vote, its holder is told') or diag explain $as;
my $net = lookup('192.0.2.0/24');
is($net->{asn}, 64496, 'a network is of that AS');
cmp_ok($as->{score}, '>', $before->{score}, 'the vote counts for the AS');
cmp_ok($net->{score}, '>=', $as->{score}, '... and more for the network that it came from');
like(lookup('AS0x1')->{error}, qr/AS0x1/, 'what is neither is refused by name');

# --- what cannot be asked: each is refused by name -----------------------------------
for (['History', 'su', ['nonsense', 3], qr/nonsense/], ['Forget', 's', ['nonsense'], qr/nonsense/],
	['Top', 'ssu', ['street', 'spam', 3], qr/the level is/], ['Top', 'ssu', ['as', 'hue', 3], qr/the order is/],
	['Top', 'ssu', ['as', 'spam', 0], qr/0 rows/], ['ForgetUser', 's', ['nobody-of-this-name'], qr/nobody-of-this-name/],
	['ForgetUser', 's', ['user77777'], qr/user77777/], ['ForgetUser', 's', ['/no/such/Maildir'], qr/\/no\/such/],
	['SetRule', 'ssxs', ['allow', 'nonsense', 0, ''], qr/nonsense/]) {
	my ($method, $signature, $args, $says) = @$_;
	my ($status, undef, $err) = $bus->call({}, $method, $signature, @$args);
	isnt($status, 0, "$method @$args: refused");
	like($err, $says, '... says why');
}

# --- warming up --------------------------------------------------------------------
my $listen = $bus->spawn({}, 'gdbus', 'monitor', '--address', $bus->{address}, '--dest', 'org.asnd1',
	'--object-path', '/org/asnd1');
sub heard { Bus::slurp($listen->{out}) }
ok($p->wait_for('the listener', sub { heard() =~ /owned by/ }, 30), 'one listens');
is(($bus->run({}, 'busctl', '--system', 'get-property', 'org.asnd1', '/org/asnd1', 'org.asnd1.Manager',
	'WarmingUp'))[1], "b true\n", 'without ham it is warming up');
my $junk = $p->deliver('ann', '.Junk', ip => '198.51.100.1');
ok($p->wait_for('it is read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 2 }, 30), 'another mail');
$p->move('ann', '.Junk', $junk, '', 'S');
ok($p->wait_for('the end', sub { heard() =~ /PropertiesChanged.*'WarmingUp': <false>/ }, 60),
	'ham came: that warming up is over is told') or diag heard();
kill 'TERM', $listen->{pid};
$bus->finish($listen);
done_testing;
