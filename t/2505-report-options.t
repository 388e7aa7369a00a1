#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd-report by itself: options, --test-config, and what it must not take for a
# mail to report.  2380 has real reports.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Pair;
use Socket;
use Test::More;

plan skip_all => 'not root' if $>;

my $p = Pair->new;
my $report = "$Pair::build/asnd/asnd-report";
my $desk = "[report]\nformat=arf\nto=desk\@example.org\nfrom=reports\@example.org\n";
$p->spew('off.conf', "[report]\nformat=off\n");
$p->spew('arf.conf', "${desk}delay=60\nlimit=7\n");
$p->spew('nowhere.conf', "[paths]\nsendmail=/nowhere/sendmail\n$desk");
$p->spew('typo.conf', "${desk}typo=1\n");

# Its exit status and all that it says; socket: what it gets as its stdin.
sub run {
	my ($socket, @args) = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		POSIX::dup2(fileno $socket, 0) if $socket;
		exec $report, @args or POSIX::_exit(127);
	}
	local $/;
	my $said = <$out> // '';
	close $out;
	return ($? >> 8, $said);
}
sub conf { ('--config', "$p->{dir}/$_[0].conf") }
my @user = ('--user', 'nobody');

for (['a version', 0, qr/^asnd-report \d/, '--version'],
	['help', 0, qr/--test-config/, '--help'],
	['an unknown option', 64, qr/--typo.*see asnd-report --help/, '--typo'],
	['an argument', 64, qr/no arguments expected/, 'mail'],
	['a missing configuration', 78, qr/none\.conf/, @user, conf('none')],
	['a wrong one', 78, qr/typo/, '--test-config', conf('typo')],
	['root without --user', 64, qr/--user NAME/, conf('arf')],
	['a user that is not there', 77, qr/no such user/, '--user', 'no-such-user', conf('arf')],
	['off', 0, qr/Nothing is reported/, '--test-config', conf('off')],
	['on', 0, qr/^Format ARF, from <reports\@example\.org> to <desk\@example\.org>, after 60 s, at most 7 a day, /,
		'--test-config', conf('arf')],
	['no sendmail', 69, qr{/nowhere/sendmail: No such file}, '--test-config', conf('nowhere')],
	['run while it is off', 78, qr/format is off/, @user, conf('off')]) {
	my ($what, $code, $says, @args) = @$_;
	my ($rc, $said) = run(undef, @args);
	is($rc, $code, "$what: exit $code") or diag $said;
	like($said, $says, '... and what it says');
}

# --- what is no mail -----------------------------------------------------------
my ($rc, $said) = run(undef, @user, conf('arf'));
is($rc, 76, 'stdin is no socket: exit 76') or diag $said;
like($said, qr/nothing is reported: standard input is not the socket of asnd-mailwatch/, '... says why');
for (['words', 'nonsense'], ['a packet without a mail', pack('x64')]) {
	my ($name, $packet) = @$_;
	socketpair my $ours, my $its, AF_UNIX, SOCK_SEQPACKET, 0 or die "socketpair: $!";
	send $ours, $packet, 0 or die "send: $!";
	($rc, $said) = run($its, @user, conf('arf'));
	is($rc, 76, "$name: exit 76") or diag $said;
	like($said, qr/nothing is reported: a packet that is not of this version/, '... says why');
}
done_testing;
