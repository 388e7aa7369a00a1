#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Started as root without a service manager: none of the daemons stays that,
# --user gives up all else, for good, and is proven to.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MilterTest;
use Pair;
use POSIX ();
use Test::More;

BAIL_OUT('this is about root') if $> != 0;
my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
my $p = Pair->new;
my $as = $p->{as};
$p->{as} = {};
config();
my %program = (
	'asn-milter' => "$build/milter/asn-milter --config $tmp/conf",
	'asnd' => "$build/asnd/asnd --config $p->{dir}/asnd.conf",
	'asnd-mailwatch' => "$build/asnd/asnd-mailwatch --config $p->{dir}/asnd.conf",
);
sub run { my $out = qx(@_ 2>&1 </dev/null); return ($? >> 8, $out) }

# --- refused ----------------------------------------------------------------
for my $name (sort keys %program) {
	my ($rc, $out) = run("timeout 20 $program{$name}");
	is($rc, 64, "$name does not run as root");
	like($out, qr/does not run as root: add --user NAME/, '... and says how');
	for (['no-such-user', qr/no such user/], ['root', qr/is root/]) {
		my ($user, $why) = @$_;
		($rc, $out) = run("timeout 20 $program{$name} --user $user");
		is($rc, 77, "$name --user $user");
		like($out, $why, '... why');
	}
	($rc, $out) = run("timeout 20 setpriv --reuid=$uid --regid=$gid --clear-groups $program{$name} --user daemon");
	is($rc, 64, "$name: nobody becomes another user");
	like($out, qr/only root can become another user/, '... why');
	my $options = join ':', $ENV{ASAN_OPTIONS} // (), 'verify_asan_link_order=0';
	($rc, $out) = run("ASAN_OPTIONS=$options LD_PRELOAD=$build/t/still-root.so timeout 20 $program{$name} --user nobody");
	is($rc, 77, "$name: root can be had back: leaves");
	like($out, qr/root can be had back/, '... why');
}

# --- given up ------------------------------------------------------------------
sub status_of {
	my ($pid) = @_;
	return { slurp("/proc/$pid/status") =~ /^(\w+):\s+(.*)$/mg };
}
# caps: what CapPrm and CapEff are.
sub check_process {
	my ($name, $pid, $caps) = @_;
	my $none = '0' x 16;
	my $seen = 0;
	for my $task (glob "/proc/$pid/task/*") {
		my ($tid) = $task =~ /(\d+)$/;
		my $s = eval { status_of($tid) } // next; # threads of libmilter end
		is($s->{Uid}, join("\t", ($uid) x 4), "$name: uid") or diag $s->{Name};
		is($s->{Gid}, join("\t", ($gid) x 4), '... gid');
		unlike(" $s->{Groups} ", qr/ 0 /, '... no group of root');
		is($s->{$_}, $caps, "... $_") for qw(CapPrm CapEff);
		is($s->{$_}, $none, "... $_") for qw(CapInh CapAmb CapBnd);
		is($s->{NoNewPrivs}, 1, '... nothing by exec');
		$seen++;
	}
	cmp_ok($seen, '>=', 1, "... $name has threads");
}
make_db('networks');
spew("$tmp/key", '0 ' . 'A' x 43 . "=\n");
chmod 0600, "$tmp/key";
mkdir "$tmp/theirs"; # of root, as Postfix's would be
# It listens as root: only an answer says that it runs.
sub started {
	my (@args) = @_;
	my $pid = start_milter(@args);
	my ($spec) = "@args" =~ /(unix:\S+)/;
	talk("connect 4 127.0.0.1\neom\n", $spec);
	return $pid;
}
my $pid = started('--socket', "unix:$tmp/theirs/sock");
check_process('asn-milter', $pid, '0' x 16);
is((stat "$tmp/theirs/sock")[4], $uid, 'the socket is its own');
is((stat "$tmp/theirs/sock")[2] & 0777, 0660, '... mode 0660');
ok((grep { /X-ASN-Seal/ } talk("connect 4 192.0.2.7\nmacro E i 4XyZ\neom\n", "unix:$tmp/theirs/sock")),
	"root's key was read before");
my ($status) = stop_milter($pid);
is($status, 0, 'leaves cleanly');
$pid = start_milter('--socket', "unix:$tmp/theirs/sock");
ok((grep { /X-ASN:/ } talk("connect 4 192.0.2.7\neom\n", "unix:$tmp/theirs/sock")),
	'the next one starts over the socket that it could not remove');
stop_milter($pid);

mkdir "$tmp/postfix";
chown 0, 12, "$tmp/postfix";
chmod 02750, "$tmp/postfix";
chown $uid, -1, "$tmp/postfix";
$pid = started('--socket', "unix:$tmp/postfix/sock");
is((stat "$tmp/postfix/sock")[5], 12, 'a set-group-ID folder says whose group may use the socket');
stop_milter($pid);
ok(!-e "$tmp/postfix/sock", '... and one that is its own is cleaned up');

$p->folder('ann', '');
chmod 0700, "$p->{dir}/mail/ann/Maildir";
chown 12345, 12345, map { "$p->{dir}/mail/ann$_" } '', '/Maildir', map { "/Maildir/$_" } qw(cur new tmp);
$p->start_asnd('--user', 'nobody');
$p->start('asnd-mailwatch', '--user', 'nobody');
ok($p->wait_for('scan', sub { $p->scans > 0 }), 'asnd and asnd-mailwatch start as root and find each other');
check_process('asnd', $p->{pid}{asnd}, '0' x 16);
check_process('asnd-mailwatch', $p->{pid}{'asnd-mailwatch'}, '0' x 15 . '4'); # CAP_DAC_READ_SEARCH
$p->{as} = $as;
like($p->sql('SELECT path FROM users'), qr{/mail/ann/Maildir}, 'which reads a Maildir that is closed to it');
$p->stop_both;

# --- groups of the user -----------------------------------------------------------
# Somebody who is in more groups than one, in a passwd of this test's own.
mkdir "$tmp/etc";
spew("$tmp/etc/passwd", "root:x:0:0::/:/bin/sh\nasnd-test:x:64010:64010::/:/bin/false\n");
spew("$tmp/etc/group", "root:x:0:\nasnd-test:x:64010:\nmore:x:64011:asnd-test\n");
chmod 0755, "$tmp/etc"; chmod 0644, glob "$tmp/etc/*";
my $child = fork // die;
if (!$child) {
	open STDERR, '>>', "$tmp/log"; open STDOUT, '>&', \*STDERR;
	exec 'unshare', '--mount', '--propagation', 'unchanged', 'sh', '-c',
	    '{ mount --make-rprivate / || nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /; } 2>/dev/null && '
	    . "mount --bind $tmp/etc/passwd /etc/passwd && mount --bind $tmp/etc/group /etc/group && "
	    . "exec $program{'asn-milter'} --user asnd-test --socket unix:$tmp/theirs/groups";
}
ok(wait_until(sub { -S "$tmp/theirs/groups" && (status_of($child)->{Uid} // '') =~ /^64010\t/ }), 'a user with groups');
is(status_of($child)->{Groups} =~ s/ +$//r, '64010 64011', '... has those of /etc/group');
# Again until it is heard: under TSan, which passes signals on by itself, one of a
# thousand right after the start is not (the handler was set, none pending, none
# blocked); without TSan none of 600 was.
ok(wait_until(sub { kill 'TERM', $child; waitpid($child, POSIX::WNOHANG()) == $child }), '... and it ends');

# --- chroot ---------------------------------------------------------------------------
mkdir "$tmp/jail";
mkdir "$tmp/jail/$_" for qw(db run);
system("$build/t/make-db", "$tmp/jail/db", 'networks') == 0 or die;
chmod 0755, "$tmp/jail", "$tmp/jail/db";
spew("$tmp/conf", "[paths]\ndatabase-dir=/db\nseal-key=$tmp/key\n[milter]\nsocket=unix:$tmp/jail/run/sock\n");
$pid = started('--chroot', "$tmp/jail", '--socket', "unix:$tmp/jail/run/sock");
is(readlink "/proc/$pid/root", "$tmp/jail", '--chroot: it sees nothing else');
is(readlink "/proc/$pid/cwd", "$tmp/jail", '... and stands in it');
ok(wait_until(sub { grep { /X-ASN: / } talk("connect 4 192.0.2.7\neom\n", "unix:$tmp/jail/run/sock") }),
	'... and has its databases from there');
check_process('asn-milter', $pid, '0' x 16);
stop_milter($pid);
if (!($pid = fork // die)) {
	open STDERR, '>', "$tmp/jail.log" or die;
	exec "$build/milter/asn-milter", '--user', 'nobody', '--chroot', "$tmp/jail", '--socket', "unix:$tmp/jail/run/sock" or die;
}
ok(wait_until(sub { (eval { slurp("$tmp/jail.log") } // '') =~ /listens on/ && (status_of($pid)->{SigBlk} // '') =~ /0$/ }), 'without --config');
ok(wait_until(sub { kill 'HUP', $pid; slurp("$tmp/jail.log") =~ /old configuration and keys stay in use: .*asnd\.conf/ }),
	'... reloaded: what cannot be read from there stays') or diag slurp("$tmp/jail.log");
kill 'TERM', $pid;
waitpid $pid, 0;
my ($rc, $out) = run("$program{'asn-milter'} --user nobody --chroot $tmp/none");
is($rc, 77, 'no such folder: leaves');
($rc, $out) = run("setpriv --reuid=$uid --regid=$gid --clear-groups $program{'asn-milter'} --chroot /");
is($rc, 64, '--chroot needs root');
done_testing();
