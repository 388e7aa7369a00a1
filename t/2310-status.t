#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl status against everything running, and then with one thing after the
# other broken: each is named, with what to do, and shows in the exit code.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use Test::More;
use Time::Local qw(timegm);
use Time::HiRes qw(time);

plan skip_all => 'needs root, to be several users' if $> != 0;

my $tmp = tempdir(CLEANUP => 1);
chmod 0777, $tmp;
sub spew { my ($path, $text) = @_; open my $f, '>', $path or die "$path: $!"; print $f $text; close $f }

# asn-postfix as it is, with a Postfix that asks the milter, and one that does not.
symlink abs_path("$FindBin::Bin/../postfix-conf/asn-postfix"), "$tmp/asn-postfix";
$ENV{PATH} = "$tmp:$ENV{PATH}";
for my $name ('wired', 'plain') {
	mkdir "$tmp/$name";
	spew("$tmp/$name/main.cf", "compatibility_level = 3.6\n"
		. ($name eq 'wired' ? "smtpd_milters = unix:asn-milter/milter.sock\n" : ''));
	spew("$tmp/$name/master.cf", '');
}
$ENV{MAIL_CONFIG} = "$tmp/wired";

# A policy that lets our stand-in of systemd have its name.
my $policy = Bus::slurp("$FindBin::Bin/../units/org.asnd1.conf");
$policy =~ s{</busconfig>}{<policy user="root"><allow own="org.freedesktop.systemd1"/></policy>
<policy context="default"><allow send_destination="org.freedesktop.systemd1"/></policy></busconfig>};
my $bus = Bus->new(policy => $policy);
my $conf = "[milter]\nsocket=unix:$tmp/milter.sock\n";
my $p = Pair->new(conf => $conf, networks => 0);
$bus->take($p);
$p->folder('ann', $_) for '', '.Junk';
spew("$tmp/networks.tsv", "192.0.2.0/24\t64496\tExample\tZZ\n");
system("$Bus::build/asnctl/asnctl", 'import', '-o', "$p->{dir}/db/networks.mmdb", "$tmp/networks.tsv");

my ($milter, $systemd);
sub start_milter {
	$milter = fork // die;
	return $p->wait_for('the milter', sub { Bus::listens("$tmp/milter.sock") }) if $milter;
	open STDERR, '>>', "$tmp/milter.log";
	exec "$Bus::build/milter/asn-milter", '--user', 'nobody', '--config', "$p->{dir}/asnd.conf"
	    or POSIX::_exit(127);
}
sub stop_milter { kill 'KILL', $milter; waitpid $milter, 0; unlink "$tmp/milter.sock" }

my @units = ('asn-milter.socket=active:running', 'asn-milter.service=active:running',
	'asnd.socket=active:running', 'asnd.service=active:running',
	'asnd-mailwatch.service=active:running', 'asnd-import.path=active:waiting');
# with(unit => state): systemd, with that changed.
sub with {
	my (%other) = @_;
	kill('TERM', $systemd->{pid}), $bus->finish($systemd) if $systemd;
	$systemd = $bus->spawn({}, "$Bus::build/t/fake-systemd",
		map { my ($name) = /^([^=]+)/; exists $other{$name} ? "$name=$other{$name}" : $_ } @units);
	$p->wait_for('systemd', sub { ($bus->run({}, 'busctl', '--system', 'status', 'org.freedesktop.systemd1'))[0] == 0 });
}

# status(\%as): (exit code, JSON)
sub status {
	my ($as, @arg) = @_;
	my ($code, $out, $err) = $bus->asnctl($as // {}, 'status', '--json', '--config', "$p->{dir}/asnd.conf", @arg);
	my $j = eval { decode_json($out) };
	diag "$code: $out$err" if !$j;
	return ($code, $j // {});
}
# One problem and no other.
sub problem {
	my ($want, $code, $text, $cure, $name) = @_;
	my ($got, $j);
	$p->wait_for($name, sub { ($got, $j) = status(); $got == $code && @{ $j->{problems} // [] } == 1 }, 5);
	is($got, $code, "$name: exit code $code");
	my @all = @{ $j->{problems} // [] };
	is(scalar @all, 1, '... one problem') or diag explain \@all;
	is($all[0]{health}, $want, "... $want");
	like($all[0]{problem}, $text, '... is named');
	like($all[0]{cure}, $cure, '... with what to do');
}

# --- healthy --------------------------------------------------------------------

ok($p->start_both && $bus->ready && start_milter(), 'everything runs');
with();
my $name = $p->deliver('ann', '', ip => '192.0.2.7');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 1 });
$p->move('ann', '', $name, '.Junk');
$p->wait_for('the vote', sub { $p->journal });
$name = $p->deliver('ann', '', ip => '192.0.2.8');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 2 });
$name = $p->move('ann', '', $name, '.Junk');
$p->wait_for('another vote', sub { $p->journal eq '1:1 1:1' });
$p->move('ann', '.Junk', $name, '');
$p->wait_for('and the rescue', sub { $p->journal eq '1:1 1:1 2:1 1:2' });

my ($code, $j) = status();
is($code, 0, 'healthy: exit code 0') or diag explain $j->{problems};
is($j->{health}, 'healthy', 'and says so');
is_deeply($j->{problems}, [], 'no problem');
# Seconds since a time in JSON, ISO 8601 in UTC.
sub ago {
	my ($y, $mon, $d, $h, $min, $s) = $_[0] =~ /\A(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z\z/ or return 1e9;
	return abs(time - timegm($s, $min, $h, $d, $mon - 1, $y));
}
my @votes = qw(spam_votes ham_votes taken_back mails_known);
is(join(' ', @{ $j->{asnd} }{@votes}), '1 1 1 2', 'votes and mails are counted');
is($j->{asnd}{reporters}, 1, 'and the reporter');
cmp_ok(ago($j->{asnd}{last_vote}), '<', 60, 'and when it was');
ok($j->{asnd}{warming_up}, 'warming up is told');
is($j->{asnd}{min_ham}, 50, 'and what is needed');
cmp_ok($j->{asnd}{watches}, '>', 3, 'the watches');
cmp_ok($j->{watch_limit}, '>', $j->{asnd}{watches}, 'and their limit');
is($j->{milter}, 'answers', 'the milter answers');
is($j->{postfix}, 'enabled', 'Postfix asks it');
is($j->{networks}{state}, 'ok', 'networks.mmdb is sound');
cmp_ok(ago($j->{reputation}{built}), '<', 60, 'reputation.mmdb is new');
is($j->{units}{'asnd.service'}, 'active', 'and the units run');

my ($c, $out, $err) = $bus->asnctl({}, 'status', '--config', "$p->{dir}/asnd.conf");
like($out, qr/\Aasnd is healthy, and warming up/, 'the first line for a person');
like($out, qr/^votes\t1 spam, 1 ham, 1 taken back; the last one just now$/m, 'tabs when piped');
unlike($out, qr/\033/, 'and no colour');
# Anybody may ask; the milter's socket is for Postfix alone.
chmod 0700, "$tmp/milter.sock";
($code, $j) = status(\%Bus::STRANGER);
is($code, 0, 'healthy for any user') or diag explain $j->{problems};
is($j->{milter}, 'unknown', 'who cannot ask the milter');

# --- one thing after the other ---------------------------------------------------------

with('asnd-mailwatch.service' => 'failed:failed');
problem('broken', 2, qr/asnd-mailwatch\.service has failed/, qr/journalctl -u asnd-mailwatch/, 'asnd-mailwatch failed');
with('asnd-mailwatch.service' => 'inactive:dead');
problem('broken', 2, qr/asnd-mailwatch is off/, qr/systemctl enable --now asnd-mailwatch/, 'asnd-mailwatch is disabled');
with('asn-milter.socket' => 'inactive:dead', 'asn-milter.service' => 'inactive:dead');
problem('broken', 2, qr/asn-milter is off/, qr/systemctl enable --now asn-milter\.socket/, 'asn-milter is disabled');
with('asn-milter.service' => 'inactive:dead');
is((status())[0], 0, 'a milter that waits for its first mail is healthy');
with('asnd-import.path' => 'inactive:dead');
problem('warning', 1, qr/not refreshed/, qr/asnd-import\.path/, 'no import');
with();

$p->stop('asnd-mailwatch');
problem('broken', 2, qr/asnd-mailwatch is not connected/, qr/restart asnd-mailwatch/, 'asnd-mailwatch is not connected');
$p->start('asnd-mailwatch');
$p->wait_for('it again', sub { (status())[0] == 0 });

stop_milter();
problem('broken', 2, qr/asn-milter does not answer/, qr/restart asn-milter/, 'the milter is gone');
# Somebody else listens there.
my $pid = fork // die;
if (!$pid) {
	open STDIN, '<', '/dev/null';
	open STDERR, '>', '/dev/null'; # who asked leaves before it has spoken
	exec 'socat', "UNIX-LISTEN:$tmp/milter.sock,fork", 'SYSTEM:head -c 17 > /dev/null; echo no milter speaks like this'
	    or POSIX::_exit(127);
}
$p->wait_for('socat', sub { Bus::listens("$tmp/milter.sock") });
problem('broken', 2, qr/that is no milter/, qr/restart asn-milter/, 'and something else answers');
kill 'KILL', $pid;
waitpid $pid, 0;
unlink "$tmp/milter.sock";
start_milter();

rename "$p->{dir}/db/networks.mmdb", "$tmp/networks.mmdb";
problem('warning', 1, qr/networks\.mmdb: No such file/, qr/^asnctl import$/, 'networks.mmdb is missing');
spew("$p->{dir}/db/networks.mmdb", 'rubbish');
problem('broken', 2, qr/networks\.mmdb: /, qr/^asnctl import$/, 'networks.mmdb is broken');
# As built by make-db: in 1970.
$p->make_networks;
problem('warning', 1, qr/networks\.mmdb is \d+ weeks old/, qr/location update; asnctl import/, 'networks.mmdb is old');
rename "$tmp/networks.mmdb", "$p->{dir}/db/networks.mmdb";
is((status())[0], 0, 'healthy again');

system('truncate', '-s', '3000', "$p->{dir}/db/reputation.mmdb");
problem('broken', 2, qr/reputation\.mmdb/, qr/restart asnd/, 'reputation.mmdb is cut');
$p->stop('asnd');
ok($p->start_asnd && $bus->ready, 'a restart mends it');
$p->wait_for('connected', sub { (status())[0] == 0 });
($code, $j) = status();
is($code, 0, 'healthy again');
is(join(' ', @{ $j->{asnd} }{@votes}), '1 1 1 2', 'and the numbers are the same');
cmp_ok(ago($j->{asnd}{last_mail}), '<', 120, 'and when the last mail came');

# --- rules ---------------------------------------------------------------------------

is((status())[1]{rules}{state}, 'missing', 'without a rule there is no rules.mmdb, and no problem');
mkdir "$p->{dir}/rules.d";
spew("$p->{dir}/rules.d/a.rules", "block 192.0.2.0/24\n");
ok($p->wait_for('the rule', sub { ((status())[1]{asnd}{rules} // 0) == 1 }), 'a rule is counted');
spew("$p->{dir}/rules.d/b.rules", "block 192.0.2.1/24\n");
problem('warning', 1, qr/rules are not all in use: .*b\.rules/, qr/asnctl rules/, 'a rule that is none');
unlink "$p->{dir}/rules.d/b.rules";
$p->wait_for('healthy', sub { (status())[0] == 0 });
system('truncate', '-s', '600', "$p->{dir}/db/rules.mmdb");
problem('broken', 2, qr/rules\.mmdb/, qr/restart asnd/, 'rules.mmdb is cut');
$p->stop('asnd');
$p->start_asnd && $bus->ready;
ok($p->wait_for('healthy', sub { (status())[0] == 0 }), 'a restart mends it');

# --- learning that died --------------------------------------------------------------------

# The clock of asnctl cannot be moved, so the vote is: fifteen days back.
$p->stop_both;
$p->sql('UPDATE votes SET vote_time = vote_time - 15 * 86400');
$p->start_both && $bus->ready;
problem('warning', 1, qr/mail arrives, but the last vote was 15 days ago/, qr/junk-folders/, 'nobody votes any more');
$p->stop_both;
$p->sql('UPDATE votes SET vote_time = vote_time - 60 * 86400');
$p->start_both && $bus->ready;
is((status())[0], 0, 'after 75 days it is what users want');
$p->stop_both;
$p->sql('UPDATE votes SET vote_time = vote_time + 62 * 86400');
$p->start_both && $bus->ready;
is((status())[0], 0, 'thirteen days without a vote are nothing');
$p->stop_both;
$p->sql('DELETE FROM votes');
$p->sql("UPDATE meta SET value = value - 15 * 86400 WHERE CAST(key AS TEXT) = 'install_time'");
$p->start_both && $bus->ready;
problem('warning', 1, qr/no user has ever moved any to Junk/, qr/junk-folders/, 'nobody ever voted');

# --- more than one, and none to ask ------------------------------------------------------------

$p->stop_both;
with('asnd.service' => 'failed:failed', 'asnd.socket' => 'inactive:dead');
problem('broken', 2, qr/asnd\.service has failed/, qr/journalctl -u asnd\.service/, 'asnd failed: told once');
with('asnd.service' => 'inactive:dead', 'asnd.socket' => 'active:listening');
problem('broken', 2, qr/nothing is learned: asnd does not run/, qr/restart asnd/, 'asnd does not run');
$ENV{MAIL_CONFIG} = "$tmp/plain";
spew("$tmp/default.conf", "[paths]\ndatabase-dir=$p->{dir}/db\n");
($c, $out, $err) = $bus->asnctl({}, 'status', '--config', "$tmp/default.conf");
is($c, 2, 'several at once');
like($out, qr/\Aasnd is broken: nothing is learned: asnd does not run\n    systemctl restart asnd/, 'the first line says the worst');
like($out, qr/^broken: Postfix does not ask asn-milter.*\n    asn-postfix enable/m, 'Postfix without the milter');
kill 'TERM', $systemd->{pid};
$bus->finish($systemd);
$bus->stop;
($code, $j) = status();
is($code, 2, 'without a bus');
like($j->{problems}[0]{problem}, qr/asnd cannot be reached: the system bus/, 'it is named');
is($j->{problems}[0]{cure}, 'systemctl start dbus', '... with what helps');
ok(!exists $j->{units}, 'and nothing is said of units');
unlink "$p->{dir}/db/reputation.mmdb";
($code, $j) = status();
my ($reputation) = grep { $_->{problem} =~ /reputation\.mmdb: No such file/ } @{ $j->{problems} };
like($reputation->{cure}, qr/^nothing to do here: asnd writes it once it runs/, 'a missing reputation.mmdb where asnd is off is no reason to restart it');

# --- nonsense ------------------------------------------------------------------------------------

($c, $out, $err) = $bus->asnctl({}, 'status', 'now');
is($c, 64, 'an argument is refused');
is($err, "asnctl status: no arguments expected; \"asnctl status --help\" tells more\n", 'in one line');
spew("$tmp/bad.conf", "[score]\nthreshold=7\n");
($c, $out, $err) = $bus->asnctl({}, 'status', '--config', "$tmp/bad.conf");
is($c, 78, 'a wrong configuration is one');
like($err, qr/\Aasnctl status: .*threshold.*\n\z/, 'and named in one line');
($c, $out, $err) = $bus->run({}, 'sh', '-c', "'$Bus::build/asnctl/asnctl' status --config '$p->{dir}/asnd.conf' >&-");
is($c, 74, 'a closed output is told');
stop_milter();
done_testing;
