#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl seal-key: makes, renews and shows the keys; what milter and asnd make
# of them; files, and credentials of systemd, encrypted and not.
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(LOCK_EX);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use MilterTest;
use POSIX qw(strftime);
use Test::More;

my $asnctl = abs_path("$build/asnctl/asnctl");
sub run { my $out = qx(@_ 2>&1 </dev/null); return ($? >> 8, $out) }
my ($rc, $out);
my $file = "$tmp/seal.key";

# --- a file -----------------------------------------------------------------
($rc, $out) = run("$asnctl seal-key status --file $file");
is($rc, 66, 'status without a file');
like($out, qr/"asnctl seal-key new" makes one/, '... says what to do');
($rc, $out) = run("$asnctl seal-key rotate --file $file");
is($rc, 66, 'rotate without a file');
ok(!-e $file, '... makes none');
($rc, $out) = run("$asnctl seal-key new --file $file");
is($rc, 0, 'new');
like($out, qr/reload asn-milter and asnd/, '... says what comes next');
is((stat $file)[2] & 07777, 0600, '... mode 0600');
my $first = slurp($file);
like($first, qr{\A# made \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n0 [A-Za-z0-9+/]{43}=\n\z}, '... one key of 32 bytes');
unlike($out, qr{[A-Za-z0-9+/]{43}=}, '... which is not shown');
($rc, $out) = run("$asnctl seal-key new --file $file");
is($rc, 73, 'new again is refused');
is(slurp($file), $first, '... and changes nothing');
chmod 0640, $file;
($rc, $out) = run("$asnctl seal-key rotate --file $file");
is($rc, 0, 'rotate');
like(slurp($file), qr{\A# made \S+\n1 [A-Za-z0-9+/]{43}=\n\Q$first\E\z}, '... a new key in front, the old one stays');
is((stat $file)[2] & 07777, 0640, '... the mode stays');
my ($a, $b) = slurp($file) =~ /^\d (\S+)$/mg;
isnt($a, $b, '... and is another');
($rc, $out) = run("$asnctl seal-key status --file $file");
is($rc, 0, 'status');
like($out, qr/^key 1  signs    made \S+ \(0 days ago\)\nkey 0  accepted made \S+ \(0 days ago\), dropped by a rotation after \S+$/m,
	'... which signs, how old, until when');
unlike($out, qr{[A-Za-z0-9+/]{43}=}, '... without the keys');

# --- when old ones are dropped ------------------------------------------------
sub aged { my ($days) = @_; '# made ' . strftime('%Y-%m-%dT%H:%M:%SZ', gmtime(time - 86400 * $days)) . "\n" }
my $key = ' ' . 'A' x 43 . "=\n";
spew($file, "# of mine\n" . aged(200) . "7$key" . aged(239) . "5$key" . aged(241) . "4$key" . aged(400) . "3$key" . "2$key");
($rc, $out) = run("$asnctl seal-key rotate --file $file");
like($out, qr/^2 dropped: replaced more than 240 days ago$/m, 'replaced more than four half-lives ago: dropped');
is(join(' ', slurp($file) =~ /^(\d+) /mg), '8 7 5 4', '... the others stay, in their order');
like(slurp($file), qr/^# of mine$/m, '... and so do comments');
spew("$tmp/short", "[score]\nhalf-life=10\n");
($rc, $out) = run("$asnctl seal-key rotate --file $file --config $tmp/short");
is(join(' ', slurp($file) =~ /^(\d+) /mg), '9 8 7', 'the half-life is that of the configuration');
spew($file, "3$key" . "2$key");
run("$asnctl seal-key rotate --file $file") for 1 .. 2;
is(join(' ', slurp($file) =~ /^(\d+) /mg), '5 4 3 2', 'a key whose age is unknown stays');
spew($file, join '', map { "$_$key" } 99, 0 .. 97);
run("$asnctl seal-key rotate --file $file");
like(slurp($file), qr/^98 /m, 'the number that is left');
($rc, $out) = run("$asnctl seal-key rotate --file $file");
is($rc, 65, 'a hundred keys: no more');
spew($file, "0 short\n");
($rc, $out) = run("$asnctl seal-key rotate --file $file");
is($rc, 65, 'a broken file is not touched');
like($out, qr/\Q$file\E:1: /, '... and named with its line');
is(slurp($file), "0 short\n", '... as it was');
for ('', 'old', 'new rotate', 'new --nonsense') {
	($rc) = run("$asnctl seal-key $_");
	is($rc, 64, "usage: '$_'");
}
($rc, $out) = run("$asnctl seal-key new --file $tmp/no/dir/key");
is($rc, 73, 'no such directory');

# --- several at once ------------------------------------------------------------
# The lock is this test's while it changes the file: what comes next must be
# made of what is there then.
sub start { # arguments -> pid
	my $pid = fork // die;
	return $pid if $pid;
	open STDOUT, '>', '/dev/null';
	exec $asnctl, 'seal-key', @_;
	die;
}
sub exit_of { waitpid $_[0], 0; return $? >> 8 }
sub waits { # the process has the lock's file open
	my ($pid) = @_;
	return wait_until(sub { grep { (readlink($_) // '') =~ m{/\.seal\.key\.lock$} } glob "/proc/$pid/fd/*" });
}
spew($file, "3$key");
my $lock = "$tmp/.seal.key.lock";
open my $held, '>', $lock or die;
flock $held, LOCK_EX or die;
my $waits = start('rotate', '--file', $file);
ok(waits($waits), 'rotate waits for another one');
spew($file, "4$key" . "3$key");
close $held;
is(exit_of($waits), 0, '... and goes on after it');
is(join(' ', slurp($file) =~ /^(\d+) /mg), '5 4 3', '... without the loss of its key');
ok(!-e $lock, '... and leaves no lock behind');
unlink $file;
open $held, '>', $lock or die;
flock $held, LOCK_EX or die;
$waits = start('new', '--file', $file);
ok(waits($waits), 'new waits, too');
spew($file, "4$key");
close $held;
is(exit_of($waits), 73, '... and overwrites no key');
is(slurp($file), "4$key", '... not by a byte');
for my $round (1 .. 10) {
	my @pids = map { start('rotate', '--file', $file) } 1 .. 2;
	is(join(' ', map { exit_of($_) } @pids), '0 0', "two at once, $round");
}
is(join(' ', slurp($file) =~ /^(\d+) /mg), join(' ', reverse 4 .. 24), '... no key is lost');
ok(!-e $lock, '... and the lock is gone');
spew($lock, '');
is(exit_of(start('rotate', '--file', $file)), 0, 'the lock of one that was killed is in nobody\'s way');
symlink "$tmp/elsewhere", $lock or die;
($rc, $out) = run("$asnctl seal-key rotate --file $file");
is($rc, 73, 'a link in its place is refused');
like($out, qr/\Q$lock\E: /, '... by its name');
ok(!-e "$tmp/elsewhere", '... and not followed');
unlink $lock;

# --- the milter takes what was made -----------------------------------------------
make_db('networks');
make_db('base', 1, '198.51.100.0/24');
config();
run("$asnctl seal-key new --config $tmp/conf");
ok(-e "$tmp/key", 'without --file: where the configuration says');
run("$asnctl seal-key rotate --config $tmp/conf");
my $pid = start_milter();
ok((grep { /X-ASN-Seal: v=1; k=1; / } talk("connect 4 198.51.100.7\nmacro E i 4XyZ\neom\n")), 'the new key signs');
stop_milter($pid);

# --- credentials ---------------------------------------------------------------------
# In a mount namespace with an /etc and a /run of its own, and a place for the
# host's key that is on a disk, as systemd-creds wants it.
BAIL_OUT('a mount namespace needs root') if $> != 0;
my $disk = tempdir('asnd-creds-XXXXXX', DIR => '/var/tmp', CLEANUP => 1);
mkdir "$disk/$_" for qw(host bin);
mkdir "$tmp/etc";
sub booted { # script -> (exit code, output)
	my ($script) = @_;
	spew("$tmp/script.sh", <<"END");
set -e
{ mount --make-rprivate / || nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /; } 2>/dev/null
cp /etc/machine-id $tmp/etc/ 2>/dev/null || echo 0123456789abcdef0123456789abcdef > $tmp/etc/machine-id
cp /etc/passwd /etc/group $tmp/etc/
mount --bind $tmp/etc /etc
mkdir -p /var/lib/systemd
mount --bind $disk/host /var/lib/systemd
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/systemd/system
set +e
$script
END
	return run("unshare --mount --propagation unchanged sh $tmp/script.sh");
}
($rc, $out) = booted("$asnctl seal-key new");
is($rc, 0, 'under systemd: new') or diag $out;
my $home = "$tmp/etc/credstore.encrypted/asnd.seal-key";
ok(-e $home, '... an encrypted credential') or diag $out;
is((stat $home)[2] & 07777, 0600, '... mode 0600');
is((stat "$tmp/etc/credstore.encrypted")[2] & 07777, 0700, '... in a folder for root alone');
like($out, qr/systemctl try-restart asn-milter\.service asnd\.service/, '... what comes next');
unlike(slurp($home), qr/made|^0 /, '... not to be read');
($rc, $out) = booted("$asnctl seal-key new");
is($rc, 73, 'again: refused');
($rc, $out) = booted("$asnctl seal-key rotate && $asnctl seal-key status && systemd-creds decrypt --name=asnd.seal-key /etc/credstore.encrypted/asnd.seal-key -");
is($rc, 0, 'rotate, status') or diag $out;
like($out, qr{asnd\.seal-key \(encrypted\)\nkey 1  signs .*\nkey 0  accepted }, '... of the encrypted one');
like($out, qr{^1 [A-Za-z0-9+/]{43}=\n# made \S+\n0 [A-Za-z0-9+/]{43}=$}m, '... as systemd would hand it over');
spew("$disk/bin/systemctl", "#!/bin/sh\necho \"called: \$*\"\n");
chmod 0755, "$disk/bin/systemctl";
($rc, $out) = booted("PATH=$disk/bin:\$PATH $asnctl seal-key rotate --restart");
is($rc, 0, '--restart') or diag $out;
like($out, qr/^called: try-restart asn-milter\.service asnd\.service$/m, '... restarts by systemctl');
spew("$disk/bin/systemctl", "#!/bin/sh\nexit 1\n");
($rc, $out) = booted("PATH=$disk/bin:\$PATH $asnctl seal-key rotate --restart");
is($rc, 69, '... and says when that fails');

# A host that cannot encrypt.
unlink $home or die;
spew("$disk/bin/systemd-creds", "#!/bin/sh\necho 'no key for that' >&2; exit 1\n");
chmod 0755, "$disk/bin/systemd-creds";
($rc, $out) = booted("PATH=$disk/bin:\$PATH $asnctl seal-key new");
is($rc, 0, 'a host that cannot encrypt: new');
# It may be gone before it was given anything.
like($out, qr/encrypts no credentials \((systemd-creds: no key for that|.*[Bb]roken pipe.*)\)/, '... says why');
is((stat "$tmp/etc/credstore/asnd.seal-key")[2] & 07777, 0600, '... a plain credential, mode 0600');
($rc, $out) = booted("$asnctl seal-key rotate && $asnctl seal-key status");
like($out, qr{^/etc/credstore/asnd\.seal-key\nkey 1  signs}m, '... stays plain');
done_testing();
