#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asn-milter's life: sockets, databases that come, change and break, actions,
# --test-config, killed and started again, swaps under load.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use IO::Socket::INET;
use MilterTest;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);

my $mail = "connect 4 198.51.100.7\nheader Subject hi\nmacro E i 4XyZ\neom\n";
sub verdict { my ($line) = grep(/X-ASN-Spam/, talk($mail)); $line && $line =~ /Spam: (\w+)/ ? $1 : '-' }
sub run_once { # config text, args -> (exit code, output)
	my @args = (@user, @_);
	my $out = qx($build/milter/asn-milter @args 2>&1 </dev/null);
	return ($? >> 8, $out);
}

# --- before there is a database ------------------------------------------------
config();
my $pid = start_milter();
is_deeply([talk($mail)], ['continue'], 'no database: the mail passes untouched');
talk($mail);
my @said = log_text() =~ /no database in/g;
is(scalar @said, 1, 'said once');
like(log_text(), qr{/key: not there, so mail gets no seal}, 'and that there is no key');
make_db('networks');
ok(wait_until(sub { grep /X-ASN: AS64497/, talk($mail) }), 'networks.mmdb is taken up');
is(verdict(), '-', 'no reputation, no verdict');
make_db('base', 1);
ok(wait_until(sub { verdict() eq 'No' }), 'reputation.mmdb is taken up');
make_db('recent', 1, '198.51.100.0/24');
ok(wait_until(sub { verdict() eq 'Yes' }), 'recent.mmdb is taken up');

# --- broken files -------------------------------------------------------------
for my $name (qw(networks reputation recent)) {
	my $file = "$tmp/db/$name.mmdb";
	my $good = slurp($file);
	spew("$file.new", substr($good, 0, length($good) - 20));
	rename "$file.new", $file or die;
	ok(wait_until(sub { log_text() =~ /refused: \S*\Q$name\E/ }), "broken $name.mmdb: refused")
		or diag(log_text());
	is(verdict(), 'Yes', 'the old one stays in use');
	my @times = log_text() =~ /refused: \S*$name/g;
	# recent.mmdb is read with the reputation.mmdb that came just before, too.
	cmp_ok(scalar @times, '<=', $name eq 'recent' ? 2 : 1, 'said once');
	spew("$file.new", $good);
	rename "$file.new", $file or die;
}
ok(wait_until(sub { verdict() eq 'Yes' }), 'in use again');

# --- killed; a dead socket in the way -------------------------------------------
stop_milter($pid, 'KILL');
ok(-S "$tmp/sock", 'kill -9 leaves the socket');
$pid = start_milter();
is(verdict(), 'Yes', 'the next one starts over it');
is((stat "$tmp/sock")[2] & 0777, 0660, 'mode 0660');
my ($rc, $out) = run_once("--config $tmp/conf");
isnt($rc, 0, 'two on one socket: the second leaves');
like($out, qr{unix:$tmp/sock: another process answers}, 'and says why');
is(verdict(), 'Yes', 'the first is unharmed');
stop_milter($pid);

spew("$tmp/plain", 'precious');
($rc, $out) = run_once("--config $tmp/conf --socket unix:$tmp/plain");
isnt($rc, 0, 'a file in the way: leaves');
like($out, qr/something else than a socket/, 'says why');
is(slurp("$tmp/plain"), 'precious', 'and does not touch it');
($rc, $out) = run_once("--config $tmp/conf --socket unix:$tmp/no/dir/s");
isnt($rc, 0, 'no directory');
like($out, qr{unix:$tmp/no/dir/s: }, 'named');
($rc, $out) = run_once("--config $tmp/conf --socket fd:9");
isnt($rc, 0, 'no such descriptor');
like($out, qr{fd:9: no listening stream socket}, 'named');

# --- passed by systemd; inet ------------------------------------------------------
sub talk_until_up { my ($spec) = @_; my @a; wait_until(sub { @a = talk($mail, $spec); @a && $a[0] ne 'refused' }); @a }
my $passed = IO::Socket::UNIX->new(Local => "$tmp/passed", Listen => 8) or die;
my $child = fork // die;
if (!$child) {
	# A shell, since only it knows the pid that LISTEN_PID must name.
	open STDOUT, '>>', "$tmp/log"; open STDERR, '>>', "$tmp/log";
	open(my $keep, '<&', $passed) or die;
	POSIX::dup2(fileno $keep, 3) // die;
	exec 'sh', '-c', "LISTEN_PID=\$\$ LISTEN_FDS=1 exec $build/milter/asn-milter --config $tmp/conf @user";
}
my @a = talk_until_up("unix:$tmp/passed");
ok(scalar(grep /X-ASN-Spam: Yes/, @a), "systemd's socket is used");
ok(!-e "$tmp/sock", "and the config's is not");
kill 'TERM', $child; waitpid $child, 0;
is($?, 0, 'leaves cleanly');
ok(-S "$tmp/passed", "systemd's socket stays");
ok(IO::Socket::UNIX->new(Peer => "$tmp/passed"), 'and still takes connections');

my $port = do { my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die; $s->sockport };
$pid = fork // die;
if (!$pid) {
	open STDOUT, '>>', "$tmp/log"; open STDERR, '>>', "$tmp/log";
	exec "$build/milter/asn-milter", '--config', "$tmp/conf", @user, '--socket', "inet:$port\@127.0.0.1";
}
@a = talk_until_up("inet:$port\@127.0.0.1");
ok(scalar(grep /X-ASN-Spam: Yes/, @a), 'inet socket');
kill 'TERM', $pid; waitpid $pid, 0;

# --- actions ------------------------------------------------------------------------
for (['defer', 'reply 451 4.7.1 '], ['reject', 'reply 550 5.7.1 ']) {
	my ($action, $reply) = @$_;
	config("flagged-action=$action\n");
	$pid = start_milter();
	@a = talk($mail);
	like($a[-1], qr/^\Q$reply\E/, "flagged-action=$action");
	@a = talk("connect 4 192.0.2.7\nmacro E i 4XyZ\neom\n");
	is($a[-1], 'continue', 'the others pass');
	stop_milter($pid);
}

# --- --test-config ---------------------------------------------------------------------
config();
spew("$tmp/key", '0 ' . 'A' x 43 . "=\n");
($rc, $out) = run_once("--config $tmp/conf --test-config");
is($rc, 0, '--test-config: all fine');
like($out, qr/^ok \Q$tmp\/db\/$_\E$/m, $_) for qw(networks.mmdb reputation.mmdb recent.mmdb);
like($out, qr/^ok \Q$tmp\E\/key$/m, 'key');
config("sokcet=unix:/x\n");
($rc, $out) = run_once("--config $tmp/conf --test-config");
is($rc, 78, 'config error: 78');
like($out, qr{\Q$tmp\E/conf:6: \[milter\] sokcet: no such key; did you mean \[milter\] socket\?},
	'file, line, key');
($rc, $out) = run_once("--config $tmp/conf");
is($rc, 78, 'the same when it is to run');
config();
spew("$tmp/key", "0 short\n");
($rc, $out) = run_once("--config $tmp/conf --test-config");
isnt($rc, 0, 'bad key');
like($out, qr{FAILED \Q$tmp\E/key:1: }, 'file and line');
($rc, $out) = run_once("--config $tmp/conf");
is($rc, 78, 'and it does not start');
unlink "$tmp/key";
spew("$tmp/db/networks.mmdb", 'x');
($rc, $out) = run_once("--config $tmp/conf --test-config --socket unix:$tmp/no/s");
isnt($rc, 0, 'broken database, no directory');
like($out, qr/^FAILED \S*networks\.mmdb/m, 'named');
like($out, qr/^FAILED unix:\S+: directory \S+: No such file/m, 'each');
make_db('networks');
($rc, $out) = run_once('--nonsense');
is($rc, 64, 'bad option: 64');
($rc, $out) = run_once('here');
is($rc, 64, 'an argument: 64');
like($out, qr/here: no such argument/, '... by name');
($rc, $out) = run_once('--version');
is($out =~ /^asn-milter \d/ && $rc, 0, '--version');

# --- --socket -----------------------------------------------------------------
for my $bad ('inet:99999@127.0.0.1', 'inet:0', 'inet:0@127.0.0.1', 'inet6:65536@::1', 'inet:25',
	'unix:', 'unix:rel', '', 'tcp:1', 'fd:', 'fd:x', 'unix:/' . 'x' x 107) {
	for my $test ('', '--test-config') {
		# One that listens would never end.
		$out = qx(timeout 5 $build/milter/asn-milter --config $tmp/conf @user $test --socket '$bad' 2>&1 </dev/null);
		is($? >> 8, 64, "--socket '$bad' $test: 64");
		my $shown = length $bad < 100 ? "$bad'" : 'unix:/xxx';
		like($out, qr/--socket '\Q$shown\E.*: allowed are 'unix:\/path'/, 'and what is allowed');
	}
}
sub test_socket { # spec, shell redirections -> exit code, its line
	my ($spec, $more) = (@_, '');
	my $said = qx(sh -c '$build/milter/asn-milter --config $tmp/conf -t --socket $spec 2>&1 $more' </dev/null);
	my $status = $? >> 8;
	my ($line) = $said =~ /^((?:ok|FAILED) \Q$spec\E(?::.*)?)$/m;
	return "$status " . ($line // $said);
}
config();
my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
my $spec = 'inet:' . $taken->sockport . '@127.0.0.1';
is(test_socket($spec), "69 FAILED $spec: Address already in use", '-t: a port that is taken');
close $taken;
is(test_socket($spec), "0 ok $spec", 'a free one');
ok(IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $spec =~ /:(\d+)/), 'is free after it');
$spec =~ s/@.*/\@192.0.2.1/;
is(test_socket($spec), "69 FAILED $spec: Cannot assign requested address", 'an address of another host');
$spec =~ s/@.*/\@no.such.invalid/;
like(test_socket($spec), qr/^69 FAILED \Q$spec\E: \w/, 'no such host');
$spec =~ s/@.*/\@[127.0.0.1]/;
is(test_socket($spec), "0 ok $spec", 'brackets');
is(test_socket('fd:9'), '69 FAILED fd:9: no listening stream socket', 'no descriptor');
is(test_socket('fd:9', '9>/dev/null'), '69 FAILED fd:9: no listening stream socket', 'a file');
{
	open(my $keep, '<&', $passed) or die;
	POSIX::dup2(fileno $keep, 9) // die;
	is(test_socket('fd:9'), '0 ok fd:9', 'a listening socket');
	POSIX::close(9);
}
is(test_socket("unix:$tmp/new"), "0 ok unix:$tmp/new", 'a unix socket that can be made');
ok(!-e "$tmp/new", 'is not made');
is(test_socket("unix:$tmp/plain"), "69 FAILED unix:$tmp/plain: something else than a socket is there", 'a file');
is(test_socket("unix:$tmp/plain/s"), "69 FAILED unix:$tmp/plain/s: Not a directory",
	'a file as directory');
is(test_socket("unix:$tmp/passed"), "0 ok unix:$tmp/passed", 'somebody answers');
SKIP: {
	skip 'needs root to be another user', 3 if $> != 0;
	chmod 0755, $tmp;
	chmod 0644, "$tmp/conf";
	mkdir "$tmp/theirs"; chmod 0755, "$tmp/theirs";
	my $theirs = IO::Socket::UNIX->new(Local => "$tmp/theirs/s", Listen => 1) or die;
	local $build = "setpriv --reuid=65534 --regid=65534 --clear-groups $build";
	chmod 0666, "$tmp/theirs/s";
	is(test_socket("unix:$tmp/theirs/s"), "0 ok unix:$tmp/theirs/s", "others' that answers");
	chmod 0600, "$tmp/theirs/s";
	is(test_socket("unix:$tmp/theirs/s"), "69 FAILED unix:$tmp/theirs/s: Permission denied",
		"others' that does not");
	is(test_socket("unix:$tmp/theirs/new"), "69 FAILED unix:$tmp/theirs/new: directory $tmp/theirs: Permission denied",
		'a folder that this user cannot write');
}

# --- swaps and a SIGTERM under load ---------------------------------------------------------
config();
$pid = start_milter();
my $load = fork // die;
if (!$load) {
	open STDOUT, '>', "$tmp/load";
	exec "$build/t/mta", '--load', 4, 800, 25, "unix:$tmp/sock";
}
my $swaps = 0;
until (waitpid($load, POSIX::WNOHANG) == $load) {
	make_db('base', 10 + $swaps, '198.51.100.0/24');
	make_db('recent', 10 + $swaps, '203.0.113.0/24');
	make_db('networks', "Holder $swaps");
	$swaps++;
}
is($?, 0, 'every message under load was answered') or diag(log_text() =~ s/.*client=.*\n//gr);
cmp_ok($swaps, '>', 0, "$swaps rounds of new databases meanwhile");
is(verdict(), 'Yes', 'the last ones are in use');
$load = fork // die;
if (!$load) {
	open STDOUT, '>', '/dev/null'; open STDERR, '>', '/dev/null';
	exec "$build/t/mta", '--load', 4, 100000, 25, "unix:$tmp/sock";
}
my $before = () = log_text() =~ /client=/g;
wait_until(sub { (() = log_text() =~ /client=/g) > $before + 50 });
my ($status, $seconds) = stop_milter($pid);
is($status, 0, 'SIGTERM under load: exit 0');
cmp_ok($seconds, '<', 1, 'in less than a second');
kill 'KILL', $load; waitpid $load, 0;
unlike(log_text(), qr/Sanitizer|critical|CRITICAL/, 'a clean log');
done_testing();
