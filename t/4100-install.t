#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# What meson installs: every program that has a page, the rules for Postfix's
# deliveries, and an asn-postfix that reads this installation's configuration.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $top = dirname(dirname(abs_path(__FILE__)));
my $build = abs_path($ENV{ASND_BUILD} // "$top/build");
my $tmp = tempdir(CLEANUP => 1);

my $said = `DESTDIR='$tmp' meson install --no-rebuild -C '$build' 2>&1`;
is($?, 0, 'meson install') or diag $said;
my %path = map { basename($_) => $_ }
    split /\n/, `find '$tmp' -type f`;
for my $page (glob "$top/man/*.[18]") {
	my $program = basename($page) =~ s/\.\d$//r;
	ok(-x ($path{$program} // ''), "$program: is there, and not just its page");
}
like($path{'asn-postfix'} // '', qr{/sbin/asn-postfix$}, 'asn-postfix is beside asn-milter');
for (qw(maildroprc procmailrc asn.sieve main.cf.asn-milter)) {
	like($path{$_} // '', qr{/share/asnd/postfix-conf/\Q$_\E$}, "$_ is there");
}

# But for the path of the configuration it is the one that the other tests try.
my @diff = grep { /^[<>]/ } `diff '$top/postfix-conf/asn-postfix' '$path{'asn-postfix'}'`;
is(scalar @diff, 2, 'one line of it differs from the source') or diag @diff;
like($diff[0] // '', qr/ASND_CONF/, 'the one that names the configuration');

my ($config) = `'$build/asnd/asnd' --help` =~ m{default: (/\S*/asnd/asnd\.conf)};
my $help = `'$path{'asn-postfix'}' --help`;
is($?, 0, 'the installed asn-postfix runs');
like($help, qr{default: \Q$config\E$}m, "and reads asnd's configuration");
like(`'$top/postfix-conf/asn-postfix' --help`, qr{default: /etc/asnd/asnd\.conf$}m,
	'the one in the source tree reads /etc/asnd/asnd.conf');
done_testing();
