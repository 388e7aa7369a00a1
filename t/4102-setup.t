#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# ./setup install and uninstall where they must not do anything: no systemd, not
# root, a wrong command line.  t/vm has the rest, on a host that was booted.
# A private /run makes any host one that systemd did not start.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use Test::More;

my $top = dirname(dirname(abs_path(__FILE__)));
plan skip_all => 'not root' if $>;

# Runs it without /run, stdin closed; its output and exit status.
sub setup {
	my ($arguments, $as) = (@_, '');
	my $said = `unshare --mount --propagation unchanged sh -c '
	    { mount --make-rprivate / || # in a chroot / is no mount point
		nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /; } 2>/dev/null &&
	    mount -t tmpfs tmpfs /run && exec $as "$top/setup" $arguments' < /dev/null 2>&1`;
	return ($said, $? >> 8);
}
sub host {
	return join '', map { -e $_ ? `stat -c '%n %i %Z' $_` : "$_ no\n" } qw(/etc/passwd
	    /etc/group /etc/asnd /etc/postfix/main.cf /usr/share/asnd /usr/libexec/asnd
	    /var/lib/asnd /etc/credstore.encrypted /etc/systemd/system);
}

my $before = host();
my ($said, $rc) = setup('install --yes');
is($rc, 69, 'install without systemd: 69');
like($said, qr/systemd.*Nothing was changed.*\.\/setup demo.*asnd-mail/s, 'and what works there');
for (['install --maybe', 64, 'usage'], ['uninstall --maybe', 64, 'usage'],
	['uninstall', 0, 'Nothing is installed'],
	['uninstall --purge', 64, 'without a terminal']) {
	my ($arguments, $code, $says) = @$_;
	next if $arguments eq 'uninstall' && -e '/usr/share/asnd/installed'; # for real
	($said, $rc) = setup($arguments);
	is($rc, $code, "$arguments: $code");
	like($said, qr/$says/, "$arguments: says why");
}
SKIP: {
	my $nobody = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
	skip 'other users cannot reach the source tree', 4
	    if system("$nobody test -x '$top/setup'");
	for my $verb (qw(install uninstall)) {
		($said, $rc) = setup($verb, $nobody);
		is($rc, 77, "$verb, not root: 77");
		like($said, qr/not root/, "$verb: says so");
	}
}
is(host(), $before, 'the host is as it was');

like((setup('--help'))[0], qr/^usage:.*setup install \[--no-postfix\] \[--yes\]\n.*setup uninstall /s,
	'the usage names both');
done_testing();
