#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Single steps of ./setup install and uninstall, in a mount namespace with an
# /etc of its own, and a place for the host's key that is on a disk, as
# systemd-creds wants it.  t/vm has all of them, in order, on a real host.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

BAIL_OUT('a mount namespace needs root') if $> != 0;
my $top = dirname(dirname(abs_path(__FILE__)));
my $tmp = tempdir('asnd-steps-XXXXXX', DIR => '/var/tmp', CLEANUP => 1);
mkdir "$tmp/$_" for qw(host bin);
my $key = '7 ' . 'A' x 43 . "=\n";
my $encrypted = "$tmp/etc/credstore.encrypted/asnd.seal-key";
my $plain = "$tmp/etc/credstore/asnd.seal-key";

sub spew { open my $f, '>', $_[0] or die "$_[0]: $!"; print $f $_[1]; close $f }
sub slurp { open my $f, '<', $_[0] or return undef; local $/; <$f> }
sub program { spew("$tmp/bin/$_[0]", "#!/bin/sh\n$_[1]\n"); chmod 0755, "$tmp/bin/$_[0]" }
sub new_etc { # of a host that knows nothing of asnd
	system("rm -rf '$tmp/etc' '$tmp/record' && mkdir -p '$tmp/etc/asnd' '$tmp/etc/sysusers.d'") == 0 or die;
	system("cp -a /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/login.defs /etc/nsswitch.conf /etc/pam.d '$tmp/etc/'") == 0 or die;
	spew("$tmp/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	system("cp '$top/units/sysusers.conf' '$tmp/etc/sysusers.d/asnd.conf'") == 0 or die;
	for my $file (qw(passwd group shadow gshadow)) {
		my $text = slurp("$tmp/etc/$file") // next;
		spew("$tmp/etc/$file", $text =~ s/^asn[^\n]*\n//mgr);
	}
}
sub step { # functions of which file, script -> (exit code, output)
	my ($file, $script) = @_;
	spew("$tmp/script.sh", <<"END");
{ mount --make-rprivate / || nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /; } 2>/dev/null
mount --bind $tmp/etc /etc && mkdir -p /var/lib/systemd &&
	mount --bind $tmp/host /var/lib/systemd && mount -t tmpfs tmpfs /usr/share/doc || exit 99
mkdir -p /usr/share/doc/asnd/examples
cp $top/units/examples/plain-seal-key.conf /usr/share/doc/asnd/examples/
top=$tmp
sed '/^main "/,\$d' $top/units/$file > $tmp/functions.sh # and do not begin
. $tmp/functions.sh
record=$tmp/record note='' changed=()
relabel() { :; }
export PATH=$tmp/bin:\$PATH
$script
END
	my $out = qx(unshare --mount --propagation unchanged bash $tmp/script.sh 2>&1 </dev/null);
	return ($? >> 8, $out);
}
my ($rc, $out);
my $make_key = "make_seal_key; rc=\$?; echo \"note: \$note\"; exit \$rc";
sub old_key { spew("$tmp/etc/asnd/seal.key", $_[0]); chmod 0640, "$tmp/etc/asnd/seal.key" }

# --- the key of a time without these services -------------------------------------
new_etc();
old_key($key);
($rc, $out) = step('install.sh', $make_key);
is($rc, 0, 'the old key is taken over') or diag $out;
like($out, qr{^note: taken over from /etc/asnd/seal\.key, encrypted for this host, /etc/asnd/seal\.key removed}m, '... and says what it did');
ok(!-e "$tmp/etc/asnd/seal.key", '... and is no file that a group can read');
is((stat $encrypted)[2] & 07777, 0600, '... but a credential');
is_deeply([glob "$encrypted?*"], [], '... and nothing beside it');
unlike($out, qr/A{43}/, '... and is not in the log');
my $show = 'systemd-creds decrypt --name=asnd.seal-key /etc/credstore.encrypted/asnd.seal-key -';
is((step('install.sh', $show))[1], $key, '... that holds it');
($rc, $out) = step('install.sh', $make_key);
like($out, qr{^note: $}m, 'again: nothing to take over');

old_key($key);
($rc, $out) = step('install.sh', $make_key);
ok(!-e "$tmp/etc/asnd/seal.key", 'one that an earlier installation left behind is removed, too') or diag $out;
old_key('8 ' . 'B' x 43 . "=\n");
($rc, $out) = step('install.sh', $make_key);
is($rc, 0, 'one with other keys');
like($out, qr{/etc/asnd/seal\.key is not used and not the same}, '... is named');
like(slurp("$tmp/etc/asnd/seal.key"), qr/^8 B/, '... and kept');
is((step('install.sh', $show))[1], $key, '... as is the credential');
unlink "$tmp/etc/asnd/seal.key";
spew("$tmp/etc/key-of-mine", $key);
symlink 'key-of-mine', "$tmp/etc/asnd/seal.key";
step('install.sh', $make_key);
ok(-l "$tmp/etc/asnd/seal.key" && -e "$tmp/etc/key-of-mine", 'a link is left to the one who made it');

# --- a host that cannot encrypt, and says so half-way --------------------------------
new_etc();
old_key($key);
program('systemd-creds', 'for to; do :; done; echo half > "$to"; exit 1');
program('cp', 'for to; do :; done; case $to in *seal-key*) echo "[Serv" > "$to"; exit 1;; esac; exec /bin/cp "$@"');
($rc, $out) = step('install.sh', $make_key);
isnt($rc, 0, 'a drop-in that is cut short');
is_deeply([glob "$tmp/etc/systemd/system/asn*.d/*.conf"], [], '... has not its name yet') or diag $out;
ok(!-e $encrypted, 'half an encrypted key is none');
is(slurp($plain), $key, '... and the plain one is whole');
is((stat $plain)[2] & 07777, 0600, '... for root alone');
unlink "$tmp/bin/cp";
($rc, $out) = step('install.sh', $make_key);
is($rc, 0, 'again') or diag $out;
for my $name (qw(asn-milter asnd)) {
	is(slurp("$tmp/etc/systemd/system/$name.service.d/asnd-seal-key.conf"),
		slurp("$top/units/examples/plain-seal-key.conf"), "... the whole drop-in of $name");
}
is_deeply([glob "$tmp/etc/systemd/system/asn*.d/*-new"], [], '... and nothing beside it');
ok(!-e "$tmp/etc/asnd/seal.key", '... the old key is removed');
is(slurp($plain), $key, '... the plain one stays');
unlink "$tmp/bin/systemd-creds";

# --- users and groups ----------------------------------------------------------------
# Who of ours is there: "asnd:u asnd:g ..."
sub ours {
	my %letter = (passwd => 'u', group => 'g');
	return join ' ', sort map { my $f = $_; map { "$_:$letter{$f}" } slurp("$tmp/etc/$f") =~ /^(asn[^:]*)/mg } keys %letter;
}
my $all = 'asn-milter-socket:g asnd-mailwatch:g asnd-mailwatch:u asnd-report:g asnd-report:u asnd:g asnd:u';
for (['nobody', '', ''],
	['groups', 'groupadd --system asnd && groupadd --system asnd-mailwatch && groupadd --system asn-milter-socket',
		'asn-milter-socket:g asnd-mailwatch:g asnd:g'],
	['a user and its group', 'useradd --system --user-group asnd', 'asnd:g asnd:u'],
	['a user in another group', 'useradd --system -g daemon asnd', 'asnd:u']) {
	my ($who, $make, $there) = @$_;
	new_etc();
	($rc, $out) = step('install.sh', "$make\nexit 0");
	is(ours(), $there, "there before: $who") or diag $out;
	($rc, $out) = step('install.sh', 'make_users; rc=$?; echo "note: $note"; exit $rc');
	is($rc, 0, '... make_users') or diag $out;
	is(ours(), $all, '... all are there');
	($rc, $out) = step('uninstall', 'remove_users');
	is($rc, 0, '... remove_users') or diag $out;
	is(ours(), $there, '... leaves what was there, and only that') or diag $out, slurp("$tmp/record");
}

# --- one at a time ---------------------------------------------------------------------
for my $file (qw(install.sh uninstall)) {
	($rc, $out) = step($file, <<'END');
mount -t tmpfs tmpfs /run || exit 99
second() { (exec 3>&2; take_lock) 2>&1; echo "second: $?"; }
at_work() { ls -l /proc/self/fd; second; }
(take_lock; at_work 9>&-)
ls /run
take_lock; rm /run/asnd-setup.lock; second
END
	like($out, qr{^\w+: another ./setup install or uninstall is at work\nsecond: 75$}m, "$file: a second one is refused") or diag $out;
	unlike($out, qr{asnd-setup\.lock}, '... what it runs does not inherit the lock, which is gone at the end');
	like($out, qr{^second: 0\Z}m, '... a lock on a file that is gone is none');
}
done_testing();
