#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd on the bus: who may what, by the policy and by asnd itself; who hears of
# votes; life without a bus; and clients that flood, send nonsense and vanish,
# while mail goes on being learned.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use IO::Socket::UNIX;
use Pair;
use Test::More;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs root, to be several users' if $> != 0;

my $xml = Bus::slurp("$FindBin::Bin/../units/org.asnd1.xml");
my ($open, $closed) = $xml =~ /Anyone may call(.*?)Only root and members(.*)/s or die;
my @open = $open =~ /<method name="(\w+)"/g;
my @closed = $closed =~ /<method name="(\w+)"/g;
cmp_ok(@open + @closed, '>=', 15, 'the methods of the interface');
# Arguments of every method, in busctl's way.
my %args = (
	Lookup => ['s', '192.0.2.1'], LookupMail => ['h', '0'], GetStatus => [], ListRules => [],
	Top => ['ssu', 'as', 'spam', '3'], Quality => ['u', '4'], Networks => ['sb', 'AS64496', 'false'],
	Export => ['sasa{sv}', 'json', '0', '0'], History => ['su', '192.0.2.1', '3'],
	Learn => ['shs', 'spam', '0', ''], Forget => ['s', '192.0.2.1'], ForgetMail => ['h', '0'],
	ForgetUser => ['s', 'nobody-of-this-name'],
	SetRule => ['ssxs', 'allow', '192.0.2.77', '0', ''], RemoveRule => ['s', '192.0.2.77'],
);
is(join(' ', sort keys %args), join(' ', sort @open, @closed), 'are known to this test');

my $DENIED = qr/Access denied|not permitted|may do this|AccessDenied/;
# gdbus tells the name of the error.
sub denied {
	my ($bus, $as, $method) = @_;
	return 0 if grep { $_ eq 'h' } split //, $args{$method}[0] // '';
	my ($status, $out, $err) = $bus->call($as, $method, @{ $args{$method} });
	return $status != 0 && $err =~ $DENIED;
}
sub who_may {
	my ($bus, $what) = @_;
	my @plain = grep { ($args{$_}[0] // '') !~ /h/ } @closed;
	for my $as ([root => \%Bus::ROOT], [asnd => \%Bus::ASND], ['the group' => \%Bus::MEMBER]) {
		is(join(' ', grep { denied($bus, $as->[1], $_) } @open, @plain), '',
			"$what: $as->[0] may call everything");
	}
	is(join(' ', grep { denied($bus, \%Bus::STRANGER, $_) } @open), '',
		"$what: others may call what only looks");
	is(join(' ', grep { denied($bus, \%Bus::STRANGER, $_) } @plain), join(' ', @plain),
		"$what: and nothing else");
}

my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
$p->folder('ann', $_) for '', '.Junk';
ok($p->start_both, 'asnd and asnd-mailwatch start');
ok($bus->ready, 'asnd is on the bus');

# --- who may what ---------------------------------------------------------------

who_may($bus, 'policy');
sub request_name {
	my ($as) = @_;
	return $bus->run($as, 'gdbus', 'call', '--address', $bus->{address}, '--dest', 'org.freedesktop.DBus',
		'--object-path', '/org/freedesktop/DBus', '--method', 'org.freedesktop.DBus.RequestName',
		'org.asnd1', '4');
}
for my $as (\%Bus::MEMBER, \%Bus::STRANGER) {
	my ($status, $out, $err) = request_name($as);
	like($err, qr/AccessDenied/, "uid $as->{uid} cannot take the name");
}
like((request_name(\%Bus::ROOT))[1], qr/\(uint32 3,\)/, 'root could, but it is taken');

my ($status, $out, $err) = $bus->run(\%Bus::STRANGER, 'gdbus', 'call', '--address', $bus->{address},
	'--dest', 'org.asnd1', '--object-path', '/org/asnd1', '--method',
	'org.freedesktop.DBus.Properties.GetAll', 'org.asnd1.Manager');
like($out, qr/'Version': <'\d[\w.]*'>/, 'anyone reads the properties') or diag $err;
($status, $out, $err) = $bus->run({}, 'busctl', '--system', 'set-property', 'org.asnd1', '/org/asnd1',
	'org.asnd1.Manager', 'Votes', 't', '7');
isnt($status, 0, 'and nobody sets one');

my @missing = grep { (($bus->call(\%Bus::MEMBER, $_, @{ $args{$_} }))[2] // '') =~ /this asnd cannot do that/ }
    grep { ($args{$_}[0] // '') !~ /h/ } @open, @closed;
is(join(' ', @missing), '', 'every method that needs no file is there');

# --- who hears of votes -----------------------------------------------------------

my $match = "type='signal',interface='org.asnd1.Manager'";
sub listeners {
	my ($as) = @_;
	return ($bus->spawn($as, 'dbus-monitor', '--address', $bus->{address}, $match),
		$bus->spawn($as, 'dbus-monitor', '--address', $bus->{address}, "eavesdrop=true,$match"),
		$bus->spawn($as, 'gdbus', 'monitor', '--address', $bus->{address}, '--dest', 'org.asnd1'),
		$bus->spawn($as, 'busctl', '--system', 'monitor', 'org.asnd1'));
}
my @member = listeners(\%Bus::MEMBER);
my @stranger = listeners(\%Bus::STRANGER);
my $root = $bus->spawn(\%Bus::ROOT, 'busctl', '--system', 'monitor', 'org.asnd1');
my $seq = 0;
sub spam_vote {
	my ($ip) = @_;
	my $name = $p->deliver('ann', '', ip => $ip);
	my $read = sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') };
	my $before = ++$seq;
	$p->wait_for("mail $before read", sub { $read->() >= $before });
	my $from = time;
	$p->move('ann', '', $name, '.Junk');
	$p->wait_for('the vote', sub { (() = $p->journal =~ /1:1/g) >= $before });
	return time - $from;
}
# Until all of them listen: what is published wakes everybody.
my $heard = sub { my ($job, $what) = @_; Bus::slurp($job->{out}) =~ /$what/ };
ok($p->wait_for('those that may listen', sub {
	spam_vote('192.0.2.' . ($seq + 1));
	return !grep { !$heard->($_, 'VoteCounted') } $member[0], $member[2], $root;
}, 30), 'those that may hear of votes');
ok($p->wait_for('and those that may not', sub {
	spam_vote('192.0.2.' . ($seq + 1));
	return !grep { !$heard->($_, 'ReputationChanged') } $stranger[0], $stranger[2];
}, 30), 'and the others of what is published: they listen');
spam_vote('192.0.2.200');
$p->wait_for('the last vote to be told', sub {
	return !grep { !$heard->($_, '192.0.2.200') } $member[0], $member[2], $root;
});
kill 'TERM', $_->{pid} for @member, @stranger, $root;
for my $job ($member[0], $member[2], $root) {
	my (undef, $out) = $bus->finish($job);
	like($out, qr/VoteCounted/, 'who may hears of votes');
	like($out, qr/VerdictSeen/, 'and of verdicts');
	unlike($out, qr/\bann\b/, 'and never of a user');
}
$bus->finish($_) for @member[1, 3];
for my $job (@stranger) {
	my (undef, $out) = $bus->finish($job);
	unlike($out, qr/VoteCounted|VerdictSeen|192\.0\.2/, 'others hear of neither, whatever they try');
}

# --- floods -------------------------------------------------------------------------

my $pid = $p->{pid}{asnd};
sub descriptors { opendir my $d, "/proc/$pid/fd" or die; my @n = grep { /\d/ } readdir $d; scalar @n }
sub memory { my ($kb) = Bus::slurp("/proc/$pid/status") =~ /^VmRSS:\s+(\d+)/m; $kb }
my ($fds, $kb) = (descriptors(), memory());
# Under sanitizers everything is slower.
my $patience = $ENV{ASND_SLOW} // 1;
my $seconds = 10 * $patience; # other tests run beside this one
# ASan keeps up to 256 MiB of what was freed, and room around everything.
my $kept = Bus::slurp("$Bus::build/asnd/asnd") =~ /__asan_init/ ? 384 * 1024 : 0;
my @flood = map { $bus->spawn(\%Bus::STRANGER, "$Bus::build/t/bus-flood", $_, 6) }
    qw(good denied nonsense fds vanish);
push @flood, $bus->spawn(\%Bus::MEMBER, "$Bus::build/t/bus-flood", 'nonsense', 6);
my @took;
my $until = time + 4.5;
while (time < $until) {
	push @took, spam_vote('198.51.100.' . ($seq % 200 + 1));
	sleep 0.05;
}
my ($slowest) = sort { $b <=> $a } @took;
cmp_ok($slowest, '<', $seconds, sprintf '%d votes during a flood, the slowest took %.3f s', scalar @took, $slowest);
my $peak = memory();
ok(kill(0, $pid), 'asnd lives');
for my $job (@flood) {
	my ($status, $out, $err) = $bus->finish($job);
	is($status, 0, 'a client of the flood ends: ' . $out =~ s/\n//r) or diag $err;
}
ok($p->wait_for('no descriptor is left', sub { descriptors() <= $fds }), 'every descriptor is closed')
    or diag descriptors() . " instead of $fds";
cmp_ok($peak - $kb, '<', 64 * 1024 * $patience + $kept, "asnd grew by @{[ $peak - $kb ]} KiB");
ok($p->wait_for('asnd to answer again', sub { ($bus->call(\%Bus::STRANGER, 'GetStatus'))[0] == 0 }),
	'and answers');
like(($bus->call({}, 'GetStatus'))[1], qr/"calls_refused":\{"type":"t","data":[1-9]/, 'and tells what it refused');
unlike($p->log('asnd'), qr/CRITICAL|assertion/i, 'without a complaint of its own');

# --- without a bus, and with it again --------------------------------------------------

$bus->stop;
ok($p->wait_for('asnd to notice', sub { $p->log('asnd') =~ /cannot reach asnd/ }), 'the bus goes: one message');
cmp_ok(spam_vote('203.0.113.1'), '<', $seconds, 'and votes are learned');
$bus->start;
ok($p->wait_for('asnd to come back', sub { $p->log('asnd') =~ /D-Bus reaches asnd again/ }, 30), 'the bus comes back');
($status, $out, $err) = $bus->call(\%Bus::STRANGER, 'GetStatus');
is($status, 0, '... and asnd answers') or diag $err;
$p->stop_both;

{
	my $alone = Pair->new;
	$alone->folder('ann', $_) for '', '.Junk';
	ok($alone->start_both, 'asnd starts without a bus');
	$p = $alone;
	$seq = 0;
	cmp_ok(spam_vote('203.0.113.2'), '<', $seconds, 'and learns');
	my $told = sub { my @said = $alone->log('asnd') =~ /asnctl and D-Bus cannot reach asnd/g; scalar @said };
	ok($alone->wait_for('its message', sub { $told->() > 0 }), 'and says so');
	# Longer than the first pause: it has tried again.
	my $end = time + 6;
	$alone->wait_for('nothing', sub { time > $end });
	is($told->(), 1, 'once');
	$alone->stop_both;
}

# A bus that lets in and never says a word.
{
	my $q = Pair->new;
	my $path = "$q->{dir}/run/hung";
	my $hung = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die;
	chmod 0777, $path;
	$q->{env}{asnd}{DBUS_SYSTEM_BUS_ADDRESS} = "unix:path=$path";
	$q->folder('ann', $_) for '', '.Junk';
	ok($q->start_both, 'asnd starts on a bus that hangs');
	my $peer = $hung->accept;
	$p = $q;
	$seq = 0;
	cmp_ok(spam_vote('203.0.113.3'), '<', $seconds, 'and learns');
	my ($status, $took) = $q->stop('asnd');
	is($status, 0, 'and leaves');
	cmp_ok($took, '<', $seconds, 'at once');
	$q->stop_both;
}

# --- what asnd refuses by itself ----------------------------------------------------------

{
	my $lax = Bus->new(policy => <<'CONF');
<busconfig><policy context="default">
<allow own="org.asnd1"/><allow send_destination="org.asnd1"/>
</policy></busconfig>
CONF
	my $q = Pair->new;
	$lax->take($q);
	ok($q->start_both && $lax->ready, 'on a bus that allows everything');
	who_may($lax, 'asnd itself');

	# Another asnd beside it gets no name, and works.
	my $other = Pair->new;
	$lax->take($other);
	ok($other->start_both, 'a second asnd works');
	ok($other->wait_for('its message', sub { $other->log('asnd') =~ /another process has the name/ }),
		'and says that the name is taken');
	$q->stop_both;
	ok($other->wait_for('the name', sub { $other->log('asnd') =~ /D-Bus reaches asnd again/ }, 30),
		'until the first one leaves');
	$other->stop_both;
}

# --- the session bus --------------------------------------------------------------------------

{
	my $q = Pair->new;
	my $session = "unix:path=$q->{dir}/run/session";
	my @nobody = @{ $q->{as}{asnd} };
	my $daemon = fork // die;
	if (!$daemon) {
		open STDERR, '>', '/dev/null';
		exec @nobody, 'dbus-daemon', '--session', '--nofork', '--nopidfile', "--address=$session"
		    or POSIX::_exit(127);
	}
	$q->wait_for('the session bus', sub { -S "$q->{dir}/run/session" });
	$q->{env}{asnd}{DBUS_SESSION_BUS_ADDRESS} = $session;
	ok($q->start_asnd('--session'), 'asnd --session');
	ok($q->wait_for('an answer', sub {
		(system(@nobody, 'sh', '-c', "DBUS_SESSION_BUS_ADDRESS=$session busctl --user call org.asnd1 /org/asnd1"
			. ' org.asnd1.Manager GetStatus > /dev/null 2>&1') == 0) }), 'answers on the session bus');
	$q->stop('asnd');
	kill 'TERM', $daemon;
	waitpid $daemon, 0;
}
done_testing;
