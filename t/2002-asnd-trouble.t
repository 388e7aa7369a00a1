#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd in trouble: a stop in the middle of the first scan, a corrupt evidence
# file, a full disk, a replaced networks.mmdb, two users of two processes.
use strict;
use warnings;
use File::Copy;
use FindBin;
use lib "$FindBin::Bin/lib";
use Pair;
use Test::More;
use Time::HiRes qw(time);

my $now = int time;
sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; scalar <$f> }

# --- stopped in the middle of the first scan -----------------------------------
sub fill {
	my ($p, $users, $each) = @_;
	for my $u (1 .. $users) {
		$p->deliver("u$u", $_ % 3 ? '' : '.Junk', flags => 'S', unsealed => 1,
		    time => $now - 86400 * (4 + ($u + $_) % 50) - $u * 100 - $_,
		    name => "$u.$_.mx", ip => "203.$u.$_.7") for 1 .. $each;
	}
}
my $p = Pair->new(networks => 0);
fill($p, 20, 60);
my $stops = 0;
sub connections { my @n = $p->log('asnd') =~ /is connected/g; scalar @n }
for my $after (50, 300, 700) {
	my $connections = connections();
	$p->start_asnd;
	$p->start('asnd-mailwatch');
	# Until then SIGTERM just kills; all may have been read the time before.
	$p->wait_for("the loop", sub { connections() > $connections });
	$p->wait_for("$after mails", sub {
		($p->sql('SELECT count(*) FROM mails WHERE state=1') || 0) >= $after });
	my ($status, $took) = $p->stop('asnd', $stops++ == 1 ? 'KILL' : 'TERM');
	cmp_ok($took, '<', 1, "stopped after $after mails, within a second");
	is($status, 0, '... cleanly') if $stops != 2;
	is($p->sql('PRAGMA integrity_check'), 'ok', '... evidence is whole');
	$p->stop('asnd-mailwatch');
}
my $scans = $p->scans;
$p->start_asnd;
$p->start('asnd-mailwatch');
ok($p->wait_for('first run', sub { $p->log('asnd') =~ /first run learnt/ && $p->scans > $scans }, 30),
	'and goes on');
is($p->sql('SELECT count(*) FROM votes'), 1200, 'every mail votes once');
is($p->sql('SELECT count(*) FROM (SELECT DISTINCT user, digest FROM votes)'), 1200, '... and none twice');
is($p->sql('SELECT count(*) FROM votes WHERE class=1'), 400, '... by where it is');
is($p->sql('SELECT count(*) FROM votes WHERE vote_time<>mail_time'), 0, "... on its own date's day");
cmp_ok($p->last_read, '<=', 1200 - 700, 'what was read was not read again');

# --- corrupt evidence ------------------------------------------------------------
$p->stop_both;
my $base = slurp("$p->{dir}/db/reputation.mmdb");
my $install = slurp("$p->{dir}/state/install-time");
open my $f, '+<', "$p->{dir}/state/evidence.sqlite" or die;
seek $f, 8192, 0;
print $f 'x' x 20000;
close $f;
$p->start_asnd;
my ($aside) = glob "$p->{dir}/state/evidence.sqlite.corrupt-*";
ok($aside, 'a corrupt evidence file is set aside under a dated name');
like($p->log('asnd'), qr/CRITICAL.*corrupt.*rebuilt/s, '... and that is said loudly');
is(slurp("$p->{dir}/db/reputation.mmdb"), $base,
	'... what was published stays until the Maildirs are read');
$p->start('asnd-mailwatch');
ok($p->wait_for('votes', sub { my @n = $p->log('asnd') =~ /first run learnt/g; @n == 2 }, 30),
	'... and rebuilt');
is($p->sql('SELECT count(*) FROM votes'), 1200, '... with every vote');
is(slurp("$p->{dir}/state/install-time"), $install, '... and the installation time');

# --- networks.mmdb comes and is replaced --------------------------------------------
like($p->log('asnd'), qr/no networks\.mmdb/, 'without networks.mmdb there is a warning');
sub junk {
	my ($ip) = @_;
	my $before = $p->sql('SELECT coalesce(max(id), 0) FROM votes');
	my $name = $p->deliver('u1', '', ip => $ip);
	my $inode = (stat $p->folder('u1', '') . "/$name")[1];
	$p->wait_for('read', sub { $p->sql("SELECT count(*) FROM mails WHERE ino=$inode AND state=1") == 1 });
	$p->move('u1', '', $name, '.Junk');
	$p->wait_for('vote', sub { $p->sql('SELECT coalesce(max(id), 0) FROM votes') > $before });
	return $p->sql("SELECT asn || ' ' || country FROM votes ORDER BY id DESC LIMIT 1");
}
is(junk('198.51.100.1'), '0 ', 'votes are cast without AS and country');
$p->make_networks;
ok($p->wait_for('networks', sub { $p->log('asnd') =~ /networks\.mmdb is in use/ }), 'it appears: taken up');
is(junk('198.51.100.2'), '64497 DE', '... for the votes to come');
is($p->sql("SELECT asn FROM votes ORDER BY id DESC LIMIT 1 OFFSET 1"), 0, '... older ones keep theirs');
open $f, '>', "$p->{dir}/db/.broken" or die;
print $f 'no database';
close $f;
rename "$p->{dir}/db/.broken", "$p->{dir}/db/networks.mmdb" or die;
ok($p->wait_for('refusal', sub { $p->log('asnd') =~ /WARNING.*networks\.mmdb.*old one stays/s }),
	'a broken one is refused');
is(junk('198.51.100.3'), '64497 DE', '... the old one stays in use');
undef $p;

# --- a full disk ------------------------------------------------------------------
{
	BAIL_OUT('mounting a small disk needs root') if $> != 0;
	$p = Pair->new(networks => 0);
	my $db = "$p->{dir}/db";
	system("mount -t tmpfs -o size=64k,mode=0777 tmpfs $db") == 0 or BAIL_OUT('mount failed');
	$p->folder('u1', $_) for '', '.Junk';
	$p->start_both;
	junk('192.0.2.1');
	ok($p->wait_for('published', sub { $p->spam('192.0.2.1') > 0.9 }), 'published on a small disk');
	system("dd if=/dev/zero of=$db/filler bs=1k count=100 2>/dev/null");
	my $recent = slurp("$db/recent.mmdb");
	junk("20.$_.0.6") for 2 .. 6;
	ok($p->wait_for('the warning', sub { $p->log('asnd') =~ /cannot publish/ }), 'full: a warning');
	is(slurp("$db/recent.mmdb"), $recent, '... the old file is whole');
	is($p->sql('SELECT count(*) FROM votes'), 6, '... votes go on');
	unlink "$db/filler";
	ok($p->wait_for('recovery', sub { $p->log('asnd') =~ /publishing works again/ }, 30),
		'room again: it recovers by itself');
	ok($p->spam("20.6.0.6") > 0.9, "... with what had waited");
	my @warnings = $p->log('asnd') =~ /cannot publish/g;
	is(scalar @warnings, 1, '... after one warning');
	$p->stop_both;
	system("umount $db");
	undef $p;

	# --- two users ------------------------------------------------------------
	# The name asnd-mailwatch is known to a passwd file of this test's own.
	my ($asnd, $watch) = (64001, 64002);
	my $etc = File::Temp::tempdir(CLEANUP => 1);
	chmod 0755, $etc;
	copy('/etc/passwd', "$etc/passwd");
	open $f, '>>', "$etc/passwd" or die;
	print $f "asnd-mailwatch:x:${watch}:${watch}::/:/bin/false\n" if !getpwnam 'asnd-mailwatch';
	$watch = getpwnam('asnd-mailwatch') // $watch;
	close $f;
	chmod 0644, "$etc/passwd";
	# As t/lib/demo.sh: in a chroot, "/" is no mount that could be made private.
	my $own = "{ mount --make-rprivate / || nsenter --mount=/proc/self/ns/mnt " .
		"mount --make-rprivate /; } 2>/dev/null && " .
		"mount --bind $etc/passwd /etc/passwd && exec \"\$@\"";
	my @own = ('unshare', '--mount', '--propagation', 'unchanged', 'sh', '-c', $own, 'sh');
	$p = Pair->new(as => {
		asnd => [@own, 'setpriv', "--reuid=$asnd", "--regid=$asnd", '--clear-groups', '--bounding-set=-all', '--'],
		'asnd-mailwatch' => ['setpriv', "--reuid=$watch", "--regid=$watch", "--groups=$asnd",
			'--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search',
			'--bounding-set=-all,+dac_read_search', '--'] });
	chown $asnd, $asnd, map { "$p->{dir}/$_" } qw(db state run);
	chmod 0750, "$p->{dir}/run", "$p->{dir}/state";
	$p->folder('u1', $_) for '', '.Junk';
	chmod 0700, "$p->{dir}/mail/u1/Maildir";
	ok($p->start_both, 'two users: asnd-mailwatch is let in by its name');
	is(junk('198.51.100.9'), '64497 DE', '... and hands over mail that asnd could not read');
	$p->stop('asnd-mailwatch');
	$p->{as}{'asnd-mailwatch'} = ['setpriv', '--reuid=64003', '--regid=64003', "--groups=$asnd", '--'];
	$p->start('asnd-mailwatch');
	ok($p->wait_for('refusal', sub { $p->log('asnd') =~ /refused a connection of uid 64003/ }),
		'... but nobody else is');
}
done_testing;
