#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl import and asnctl check as an admin calls them: exit codes, messages,
# what stands on the disk afterwards.
use strict;
use warnings;
use Cwd qw(abs_path);
use Fcntl qw(:flock);
use File::Basename;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $src    = dirname(dirname(abs_path($0)));
my $build  = abs_path($ENV{ASND_BUILD} // "$src/build");
my $asnctl = "$build/asnctl/asnctl";
my $loc    = '/usr/share/libloc-location/location.db';
my $tmp    = tempdir(CLEANUP => 1);

sub slurp {
	my ($file) = @_;
	open my $f, '<:raw', $file or return undef;
	local $/;
	return <$f> // '';
}

sub put {
	my ($file, $text) = @_;
	open my $f, '>:raw', $file or die "$file: $!";
	print $f $text;
	close $f or die;
	return $file;
}

sub start {
	my (@cmd) = @_;
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	open STDOUT, '>', "$tmp/out" or die;
	open STDERR, '>', "$tmp/err" or die;
	exec @cmd or die "exec $cmd[0]: $!";
}

# exit code, or -signal
sub run {
	my (@cmd) = @_;
	waitpid start(@cmd), 0;
	return $? & 127 ? -($? & 127) : $? >> 8;
}

sub out { return slurp("$tmp/out") }
sub err { return slurp("$tmp/err") }

mkdir "$tmp/db";
sub files { return join ' ', sort map { basename $_ } glob("$tmp/db/* $tmp/db/.*.tmp") }

my $good = put("$tmp/good.tsv",
	"192.0.2.0/24\tAS64496\tExample Networks\tZZ\n2001:db8::/32\t64497\t\t\n");
my $bad = put("$tmp/bad.tsv", "192.0.2.0/24\t1\t\t\n192.0.2.0/99\t1\t\t\n");
my $db = "$tmp/db/networks.mmdb";

# --- what goes well
is(run($asnctl, 'import', '-o', $db, $good), 0, 'import');
like(out(), qr/^\Q$db\E: 2 networks from 1 source, .* passed over: 0 /, 'one summary line');
is(err(), '', 'no progress bar without a terminal');
is(files(), 'networks.mmdb', 'one file');
is((stat $db)[2] & 07777, 0644, 'readable by the milter');
is(run($asnctl, 'check', $db), 0, 'check');
like(out(), qr/^\Q$db\E: ok, asnd-ASN \(compat=GeoLite2-ASN\), 2 networks, \d+ nodes, built \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, checksum ok$/, 'check says what it is');
is(run('mmdblookup', '--file', $db, '--ip', '192.0.2.9', 'prefix_length'), 0, 'mmdblookup reads it');
like(out(), qr/24 <uint16>/, '... and finds the prefix');

is(run($asnctl, 'import', '--json', '-o', $db, $good, $good), 0, 'import --json');
my $json = decode_json(out());
is($json->{networks}, 2, 'json: networks');
is($json->{bytes}, -s $db, 'json: bytes');
is_deeply([map { $_->{format} } @{ $json->{sources} }], ['networks', 'networks'], 'json: formats');
is(run($asnctl, 'check', '--json', $db), 0, 'check --json');
$json = decode_json(out());
ok($json->{ok} && $json->{checksum} eq 'ok' && $json->{networks} == 2, 'json of a sound file');

# --- refused: the file and the line or offset named, nothing written
my $before = slurp($db);
sub refused {
	my ($code, $why, @args) = @_;
	is(run($asnctl, 'import', '-o', $db, @args), $code, "exit $code: @args");
	like(err(), $why, '... says why');
	is(slurp($db), $before, '... the old file stays');
	is(files(), 'networks.mmdb', '... nothing beside it');
}
refused(65, qr/\Q$bad\E: line 2: /, $bad);
refused(65, qr/\Q$bad\E: line 2: /, $good, $bad);
refused(65, qr/half\.tsv: line 2: the last line has no end: the file is cut short/, put("$tmp/half.tsv", substr slurp($good), 0, -1));
refused(65, qr/line 1: not a format/, put("$tmp/x", "PK\x03\x04 zip\n"));
refused(65, qr/offset \d+: /, put("$tmp/cut.mmdb", substr $before, 0, -1));
refused(65, qr/no network left/, put("$tmp/no.tsv", "127.0.0.0/8\t1\t\t\n"));
refused(66, qr/No such file/, "$tmp/missing");
refused(66, qr/\Q$tmp\E/, $tmp);
{
	my $cut = substr slurp($loc), 0, 20_000_000;
	refused(65, qr/cut\.db: offset \d+: /, put("$tmp/cut.db", $cut));
	unlink "$tmp/cut.db";
}
is(run($asnctl, 'import', '-o', "$tmp/none/x.mmdb", $good), 73, 'no such directory: 73');
is(run($asnctl, 'import', '--nonsense'), 64, 'usage: 64');
is(run($asnctl, 'import', '-c', "$tmp/no.conf", $good), 78, 'no such config: 78');

# --- the new file cannot be written: 73, the old one stays
my $many = put("$tmp/many.tsv", join '',
	map { sprintf "10.%d.%d.0/24\t%d\tName %d\tZZ\n", $_ >> 8, $_ & 255, $_ + 1, $_ } 0 .. 4999);
sub unwritable {
	my ($dir, $why, $what, @prefix) = @_;
	put("$dir/networks.mmdb", 'the old one');
	is(run(@prefix, $asnctl, 'import', '-o', "$dir/networks.mmdb", $many), 73, $what);
	like(err(), qr/\Q$dir\E: cannot write .*: $why$/m, '... says why');
	is(slurp("$dir/networks.mmdb"), 'the old one', '... the old file stays');
	is(join(' ', map { basename $_ } glob("$dir/* $dir/.*.tmp")), 'networks.mmdb', '... nothing beside it');
}
mkdir "$tmp/full";
unwritable("$tmp/full", 'File too large', 'a file size limit', 'sh', '-c', 'ulimit -f 32; exec "$@"', 'sh');
SKIP: {
	skip 'only root mounts a small file system', 5 if $> != 0;
	is(run('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=0755', 'tmpfs', "$tmp/full"), 0, 'a small file system');
	unwritable("$tmp/full", 'No space left on device', 'a full disk');
	run('umount', "$tmp/full");
}
unwritable_kind($_) for qw(fifo link);
sub unwritable_kind {
	my ($kind) = @_;
	my $to = "$tmp/$kind.mmdb";
	run($kind eq 'fifo' ? ('mkfifo', $to) : ('ln', '-s', $good, $to));
	is(run($asnctl, 'import', '-o', $to, $good), 73, "a $kind is not replaced");
	like(err(), qr/\Q$kind\E\.mmdb is a .*, and only a regular file is replaced/i, '... says why');
	ok($kind eq 'fifo' ? -p $to : -l $to, '... and stays');
	unlink $to;
}

# --- several at once: each writes a whole file, the last one stays
{
	my @pid = map { start($asnctl, 'import', '-o', $db, $many) } 1 .. 12;
	my @failed = grep { waitpid $_, 0; $? != 0 } @pid;
	is(scalar @failed, 0, 'twelve at once: all write') or diag(err());
	is(run($asnctl, 'check', $db), 0, '... and the file is sound') or diag(err());
	is(files(), 'networks.mmdb', '... nothing beside it');
}
# SIGINT ends the wait for one that holds the temporary file.
for my $delay (0.02, 0.3) {
	put("$tmp/db/.networks.mmdb.tmp", 'half');
	open my $other, '<', "$tmp/db/.networks.mmdb.tmp" or die;
	flock $other, LOCK_EX or die;
	my $pid = start($asnctl, 'import', '-o', $db, $good);
	select undef, undef, undef, $delay;
	local $SIG{ALRM} = sub { kill KILL => $pid };
	alarm 20;
	kill INT => $pid;
	waitpid $pid, 0;
	alarm 0;
	is($? & 127, 2, "SIGINT after $delay s while another one writes");
	is(slurp("$tmp/db/.networks.mmdb.tmp"), 'half', '... whose file stays');
}
is(run($asnctl, 'import', '-o', $db, $good), 0, 'what a dead one left is in nobody\'s way');
is(files(), 'networks.mmdb', '... and goes');
$before = slurp($db);

# --- check
is(run($asnctl, 'check', put("$tmp/broken.mmdb", substr($before, 0, 100) . 'x' . substr($before, 101))), 65, 'check: one changed byte');
like(err(), qr/\Q$tmp\E\/broken\.mmdb: offset \d+: /, '... with its offset');
is(run($asnctl, 'check', "$tmp/missing", $db, "$tmp/broken.mmdb"), 65, 'check: broken outweighs missing');
is(run($asnctl, 'check', "$tmp/missing"), 66, 'check: missing');
is(run($asnctl, 'check'), 64, 'check: nothing named');

# --- the defaults: location.db, then networks.d in the order of its names
mkdir "$tmp/etc";
mkdir "$tmp/etc/networks.d";
put("$tmp/etc/asnd.conf", "[paths]\ndatabase-dir = $tmp/db\n");
put("$tmp/etc/networks.d/20-b.tsv", "192.0.2.0/24\t64499\tSecond\tZZ\n");
put("$tmp/etc/networks.d/10-a.tsv", "192.0.2.0/24\t64498\tFirst\tZZ\n");
put("$tmp/etc/networks.d/ignored.txt", "nonsense\n");
is(run($asnctl, 'import', '--config', "$tmp/etc/asnd.conf", '--json'), 0, 'import with defaults') or diag(err());
$json = decode_json(out());
is_deeply([map { $_->{format} } @{ $json->{sources} }], [qw(libloc networks networks)], 'location.db and two local files');
ok($json->{networks} > 1_000_000, 'all networks');
like($json->{description}, qr/CC BY-SA 4\.0/, 'licence named');
run('mmdblookup', '--file', $db, '--ip', '192.0.2.9', 'autonomous_system_number');
like(out(), qr/64499 /, 'the later local file wins');

# --- a source that changes while it works: what counts is what is there at the end
{
	# It is held where it writes, when all is read: there it looks every 5 ms.
	open my $other, '>', "$tmp/db/.networks.mmdb.tmp" or die;
	flock $other, LOCK_EX or die;
	my $pid = start($asnctl, 'import', '--config', "$tmp/etc/asnd.conf");
	my $until = time + 60;
	my $naps = sub { (slurp("/proc/$pid/status") =~ /^voluntary_ctxt_switches:\s*(\d+)/m)[0] };
	my ($last, $now) = (1 << 30, 0);
	while (time < $until && $now < $last + 20) {
		$last = $now || 1 << 30;
		select undef, undef, undef, 0.3;
		$now = $naps->();
	}
	put("$tmp/etc/networks.d/30-c.tsv", "192.0.2.0/24\t64500\tThird\tZZ\n");
	unlink "$tmp/db/.networks.mmdb.tmp";
	close $other;
	waitpid $pid, 0;
	is($?, 0, 'a source that appears during an import') or diag(err());
	like(err(), qr/a source changed meanwhile/, '... is seen');
	run('mmdblookup', '--file', $db, '--ip', '192.0.2.9', 'autonomous_system_number');
	like(out(), qr/64500 /, '... and read');
}
unlink glob("$tmp/etc/networks.d/*");

# --- a signal at any moment: the old file or the whole new one
$before = slurp($db);
for my $signal (qw(INT TERM)) {
	for my $delay (0.05, 0.2, 0.5, 0.8) {
		my $pid = start($asnctl, 'import', '-o', $db, $loc);
		select undef, undef, undef, $delay;
		kill $signal, $pid;
		waitpid $pid, 0;
		my $code = $?;
		is(files(), 'networks.mmdb', "SIG$signal after $delay s: nothing half-written");
		my $now = slurp($db);
		if ($code & 127) { ok($now eq $before, '... the old file stays') }
		else { is(run($asnctl, 'check', $db), 0, '... it was done before'); $before = slurp($db) }
	}
}

done_testing();
