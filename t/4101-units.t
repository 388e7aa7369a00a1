#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# The units as meson installs them, in a root of their own: systemd finds
# nothing to say against them, their exposure stays below what is promised, users,
# directories and presets come out as they must, and the paths are those of the
# configuration's defaults.  Needs no systemd as process 1.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

my $top = dirname(dirname(abs_path(__FILE__)));
my $build = abs_path($ENV{ASND_BUILD} // "$top/build");
my $root = tempdir(CLEANUP => 1);
my %exposure = ( # tenths
	'asn-milter.service' => 5, 'asnd.service' => 8,
	'asnd-mailwatch.service' => 10, 'asnd-import.service' => 5,
	'asnd-report@.service' => 8,
);
my @units = (sort(keys %exposure), 'asn-milter.socket', 'asnd.socket', 'asnd-import.path', 'asnd-report.socket');

sub slurp { local (@ARGV, $/) = @_; return scalar <> }

# run(command...): (exit status, all it said)
sub run {
	my @command = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		exec @command or die "$command[0]: $!";
	}
	my $said = do { local $/; <$out> } // '';
	close $out;
	return ($?, $said);
}

my ($rc, $said) = run('env', "DESTDIR=$root", 'meson', 'install', '--no-rebuild', '-C', $build);
is($rc, 0, 'meson install') or diag $said;
my $dir = dirname((split /\n/, `find '$root' -name asn-milter.service`)[0] // die 'no units');
my %text = map { $_ => slurp("$dir/$_") } @units;
unlike($text{$_}, qr/\@\w+\@/, "$_: everything is filled in") for @units;

# --- systemd's opinion --------------------------------------------------------

# What the units lean on: the distribution's own units, and kill for a reload.
system('cp', '-an', "$_/.", $dir) for dirname($dir =~ s/^\Q$root\E//r) . '/system';
make_path("$root/bin");
system('cp', '-L', '/bin/kill', "$root/bin/");

sub verify {
	my $unit = shift;
	my ($rc, $said) = run('systemd-analyze', 'verify', '--man=no',
		'--recursive-errors=no', "--root=$root", $unit);
	return $rc == 0 && $said eq '' ? '' : "exit $rc: $said";
}
is(verify($_), '', "$_: systemd-analyze verify") for @units;
{
	open my $unit, '>', "$dir/broken.service" or die $!;
	print $unit "[Service]\nExecStart=/bin/kill\nProtectSystem=a little\n";
	close $unit;
	isnt(verify('broken.service'), '', 'and it would say what is wrong');
}
for my $unit (sort keys %exposure) {
	my ($rc, $said) = run('systemd-analyze', 'security', '--no-pager', '--offline=true',
		"--threshold=$exposure{$unit}", "$dir/$unit");
	my ($level) = $said =~ /Overall exposure level .*: ([\d.]+)/;
	is($rc, 0, "$unit: exposure $level, at most " . $exposure{$unit} / 10) or diag $said;
}
# The same gate closes for a unit that is not confined.
{
	make_path("$root/open");
	open my $unit, '>', "$root/open/open.service" or die $!;
	print $unit "[Service]\nExecStart=/bin/true\n";
	close $unit;
	my ($rc) = run('systemd-analyze', 'security', '--no-pager', '--offline=true',
		'--threshold=10', "$root/open/open.service");
	isnt($rc, 0, 'an open service is above every threshold here');
}

# --- documentation and examples -----------------------------------------------

my %page = map { basename($_) => 1 } split /\n/, `find '$root' -path '*/man/*' -type f`;
for my $unit (@units) {
	my @named = $text{$unit} =~ /man:([\w.-]+\(\d\))/g;
	ok(@named > 0, "$unit: names a page");
	ok($page{s/\((\d)\)$/.$1/r}, "$unit: $_ is installed") for @named;
}
my %example = (
	'maildirs.conf' => ['asnd-mailwatch.service'], 'memory.conf' => ['asnd.service'],
	'plain-seal-key.conf' => ['asnd.service', 'asn-milter.service'],
	'tcp-service.conf' => ['asn-milter.service'], 'tcp-socket.conf' => ['asn-milter.socket'],
);
my @whole = ('asnd-metrics.service', 'asnd-metrics.timer'); # units of their own
my ($examples) = split /\n/, `find '$root' -type d -name examples -path '*/asnd/*'`;
is(join(' ', sort map { basename($_) } grep { !/asnd\.conf$/ } glob "$examples/*"),
	join(' ', sort @whole, keys %example), 'every example is known here');
system('cp', map({ "$examples/$_" } @whole), $dir);
for my $unit (@whole) {
	is(verify($unit), '', "$unit: systemd-analyze verify");
	like(slurp("$examples/$unit"), qr{/etc/systemd/system/}, "$unit: tells where it goes");
}
($rc, $said) = run('systemd-analyze', 'security', '--no-pager', '--offline=true', '--threshold=20',
	"$dir/asnd-metrics.service");
is($rc, 0, 'asnd-metrics.service: confined, though it is root') or diag $said;
for my $name (sort keys %example) {
	for my $unit (@{$example{$name}}) {
		my $dropin = "$root/etc/systemd/system/$unit.d";
		make_path($dropin);
		system('cp', "$examples/$name", $dropin);
		is(verify($unit), '', "$name: good for $unit");
		like(slurp("$examples/$name"), qr{/etc/systemd/system/\Q$unit\E\.d/},
			"$name: tells where it goes") ;
		unlink "$dropin/$name";
	}
}

# --- users, directories, presets ------------------------------------------------

make_path("$root/etc");
for my $file ('passwd', 'group') {
	open my $out, '>', "$root/etc/$file" or die $!;
	print $out $file eq 'group' ? "root:x:0:\npostfix:x:105:\n"
	    : "root:x:0:0::/root:/bin/sh\npostfix:x:105:105::/:/bin/false\n";
}
($rc, $said) = run('systemd-sysusers', "--root=$root", 'asnd.conf');
is($rc, 0, 'systemd-sysusers') or diag $said;
my %uid = slurp("$root/etc/passwd") =~ /^([^:]+):[^:]*:(\d+):/mg;
my %gid = slurp("$root/etc/group") =~ /^([^:]+):[^:]*:(\d+):/mg;
is(join(' ', sort keys %uid), 'asnd asnd-mailwatch asnd-report postfix root', 'the users');
is(join(' ', sort keys %gid), 'asn-milter-socket asnd asnd-mailwatch asnd-report postfix root', 'the groups');
is(() = slurp("$root/etc/passwd") =~ m{^asnd.*/nologin$}mg, 3, 'nobody logs in as one of them');

($rc, $said) = run('systemd-tmpfiles', '--create', "--root=$root", 'asnd.conf');
is($rc, 0, 'systemd-tmpfiles') or diag $said;
my %want = (
	'/var/lib/asnd' => '755 asnd:asnd', '/var/lib/asnd/db' => '755 asnd:asnd',
	'/run/asnd' => '750 root:asnd-mailwatch', '/run/asnd-report' => '750 root:asnd-mailwatch',
	'/var/spool/postfix/asn-milter' => '711 root:asn-milter-socket',
	map({ ("/run/asnd-root$_" => '755 root:root') } '', map { "/$_" =~ s/\@?\.service$//r } keys %exposure),
);
my %user = reverse %uid;
my %group = reverse %gid;
for my $path (sort keys %want) {
	my @st = stat "$root$path";
	is(@st ? sprintf('%o %s:%s', $st[2] & 07777, $user{$st[4]}, $group{$st[5]}) : 'missing',
		$want{$path}, $path);
}

my @started = ('asn-milter.socket', 'asnd.socket', 'asnd-mailwatch.service', 'asnd-import.path');
run('systemctl', "--root=$root", 'preset', $_) for @units;
is(join(' ', sort map { basename($_) } glob "$root/etc/systemd/system/*.wants/*"),
	join(' ', sort @started), 'the preset enables what starts the rest');

# --- the paths that all parts must agree on --------------------------------------

my %key;
for (split /\n/, `'$build/t/list-config-keys'`) {
	my ($section, $name, $value) = split /\t/;
	$key{$name} = $value;
}
like($text{'asn-milter.socket'}, qr{^ListenStream=\Q@{[ $key{socket} =~ s/^unix://r ]}\E$}m,
	'the socket of the milter is the default');
like($text{'asnd.socket'}, qr{^ListenSequentialPacket=\Q$key{'watch-socket'}\E$}m,
	'the socket of asnd is the default');
like($text{'asnd-report.socket'}, qr{^ListenSequentialPacket=\Q$key{'report-socket'}\E$}m,
	'the socket of asnd-report is the default');
like($text{'asnd-report@.service'}, qr{^BindReadOnlyPaths=\Q$key{sendmail}\E }m, 'and so is its sendmail');
like($text{'asn-milter.service'}, qr{^BindReadOnlyPaths=.*-\Q$key{'database-dir'}\E( |$)}m,
	'the milter sees the databases, read-only');
like($text{'asnd.service'}, qr{^BindReadOnlyPaths=-/run/dbus$}m, 'asnd sees the system bus, where there is one');
like($text{'asnd.service'}, qr{^Environment=DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/}m, 'and looks for it there');
unlike($text{$_}, qr{^[^#\n]*dbus}m, "$_: does not") for grep { $_ ne 'asnd.service' } keys %exposure;
unlike($text{'asn-milter.service'}, qr{^(?:BindPaths|ReadWritePaths|StateDirectory)=}m,
	'and can write nothing');
is(join(' ', $text{'asnd-mailwatch.service'} =~ /^(\w+=CAP_.*)$/mg),
	'CapabilityBoundingSet=CAP_DAC_READ_SEARCH AmbientCapabilities=CAP_DAC_READ_SEARCH',
	'asnd-mailwatch may have one capability');
unlike($text{$_}, qr/^\w+=.*CAP_/m, "$_: none") for grep { !/mailwatch/ } keys %exposure;
for my $base (map { m{^(/\w+(?:/vmail)?)} } split /;/, $key{maildirs}) {
	like($text{'asnd-mailwatch.service'}, qr{^BindReadOnlyPaths=.*-\Q$base\E( |$)}m,
		"asnd-mailwatch sees $base");
}
unlike(join("\n", $text{$_} =~ /^(SystemCallFilter=.*)$/mg),
	qr/open_by_handle_at|\@privileged|\@file-system|\@system-service/,
	"$_: no call opens files past its root") for sort keys %exposure;
is(join(' ', sort grep { $text{$_} =~ /^SystemCallFilter=.*\bmemfd_/m } keys %exposure),
	'asnd-import.service asnd-mailwatch.service asnd-report@.service', 'no other makes files that NoExecPaths= does not cover');

# --- what the programs call is allowed ---------------------------------------------

my (%calls, $set);
for (split /\n/, (run('systemd-analyze', 'syscall-filter'))[1]) {
	$set = $1, next if /^(\@\S+)/;
	push @{ $calls{$set} }, $1 if /^\s+(\@?\w[\w-]*)\s*$/;
}
sub each_call { return map { /^@/ ? each_call(@{ $calls{$_} }) : $_ } @_ }
my %is_call = map { $_ => 1 } each_call('@known');
my %other_name = (recv => 'recvfrom', send => 'sendto', syscall => 'openat2');
# Imported, and not called by a service.
my @as_root = qw(chdir chroot fchown fchownat setgid setgroups setresuid setuid);
my %elsewhere = (
	'asn-milter.service' => ['bind', 'unlink'], # a socket of its own
	'asnd.service' => ['bind', 'memfd_create'], # that, and copies of headers (asnd-mailwatch)
	'asnd-import.service' => ['mkdir', 'fchmodat', 'openat2'], # asnctl seal-key, replay --maildir
);
for my $unit (sort keys %exposure) {
	my ($program) = $text{$unit} =~ /^ExecStart=(\S+)/m;
	my %fine = map { $_ => 1 } @as_root, @{ $elsewhere{$unit} // [] },
	    each_call(map { split } $text{$unit} =~ /^SystemCallFilter=(.*)$/mg);
	my $traced = (run('nm', "$root$program"))[1] =~ /__(?:gcov|asan|tsan)_/;
	$fine{$_} = 1 for $traced ? qw(mkdir syslog) : (); # libgcov's
	my @imported = map { /\bU (\w+)/ ? $other_name{$1} // $1 : () }
	    split /\n/, (run('nm', '-D', '--undefined-only', "$root$program"))[1];
	cmp_ok(scalar @imported, '>', 20, "$program calls something");
	is(join(' ', grep { $is_call{$_} && !$fine{$_} } @imported), '', "$unit allows what $program calls");
}

# --- the system bus ----------------------------------------------------------------

my ($share) = map { dirname($_) } split /\n/, `find '$root' -type d -name system.d -path '*/dbus-1/*'`;
my %file = map { basename($_) => slurp($_) } glob("$share/system.d/*"), glob("$share/system-services/*");
is(join(' ', sort keys %file), 'org.asnd1.conf org.asnd1.service', 'a policy and a way to start asnd are installed');
my %service = $file{'org.asnd1.service'} =~ /^(\w+)=(.*)$/mg;
is($service{Name}, 'org.asnd1', 'of that name');
ok($text{$service{SystemdService} // ''}, 'by a unit that is there');
my ($user) = $text{'asnd.service'} =~ /^User=(.*)$/m;
is($service{User}, $user, 'as its user');
like($file{'org.asnd1.conf'}, qr{<policy user="$user">\s*<allow own="org.asnd1"/>}, 'who may own the name');
# A disk that does not answer may come back after hours.
for my $unit ('asnd.service', 'asnd-mailwatch.service') {
	like($text{$unit}, qr/^StartLimitIntervalSec=0$/m, "$unit: systemd tries for ever");
	like($text{$unit}, qr/^Restart=(on-failure|always)$/m, '... and by itself');
}
done_testing();
