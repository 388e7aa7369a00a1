#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Every verb of asnctl, and everything that goes wrong in a day: nonsense on the
# command line, files that are none, no room, no reader, no daemon, no rights, odd
# surroundings.  Always one clear line and a fitting exit code, never a crash, a
# hang or a word of GLib's.  The table below has every verb: a new one without a
# line in it fails.
use strict;
use warnings;
use FindBin;
use POSIX qw(mkfifo);
use Test::More;
use Time::HiRes qw(time);
use lib "$FindBin::Bin/lib";
use Bus;
use Pair;

my $asnctl = "$Bus::build/asnctl/asnctl";
my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
my $dir = $p->{dir};
my @config = ('--config', "$dir/asnd.conf");

sub slurp { open my $f, '<:raw', $_[0] or return ''; local $/; <$f> // '' }
sub put { my ($file, $text) = @_; open my $f, '>:raw', $file or die "$file: $!"; print $f $text; close $f or die; return $file }

# --- the table ------------------------------------------------------------------
# good      arguments that work and print something
# ok        its exit codes (0)
# config    takes --config; [good] then has one
# bus       asks asnd; the exit code without it
# root      only root and the group of asnd may
# bare      exit code without an argument (64)
# what      takes ADDRESS|NETWORK|ASn behind these arguments
# file      reads a file behind these arguments
# writes    writes a file behind these arguments
# bad       more nonsense: [code, regex, arguments...]

my $mail = put("$dir/mail.eml", $p->mail(ip => '192.0.2.7'));
my $tsv = put("$dir/stream.tsv", join '', map { "$_\t192.0.2.$_\t-\t0\t-\t" . ($_ & 1) . "\n" } 1 .. 200);
my $world = put("$dir/world.tsv", "192.0.2.0/24\t64496\tExample\tZZ\n");
my $keys = put("$dir/keys", "0 " . 'a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=' . "\n");
my @until = map { [64, qr/until|date|day/i, '192.0.2.1', '--until', $_] }
    'yesterday', '2020-13-01', '2026-02-30', '1999-01-01', '', 'x' x 300, "2030-01-01\n", '20300101T', '-1', '99999999999999999999';
my %verb = (
	allow => { good => ['192.0.2.8'], bus => 75, root => 1, what => [], bad => [@until, [64, qr/note/, '192.0.2.1', '--note', "a\nallow 0.0.0.0/0"]] },
	block => { good => ['192.0.2.9'], bus => 75, root => 1, what => [], bad => [@until, [64, qr/note/, '192.0.2.1', '--note', 'x' x 5000]] },
	check => { good => ["$dir/db/networks.mmdb"], file => [], garbage => 65, bare_lines => 1 },
	export => { good => [@config, '-f', 'nftables', 'AS64496'], config => 1, bad => [[64, qr/--format is missing/], [64, qr/no format/, '-f', 'xml'], [64, qr/is no AS number/, '-f', 'csv', 'AS0'],
		[64, qr/is no AS number/, '-f', 'csv', 'AS99999999999'], [64, qr/min-score/, '-f', 'csv', '--min-score', '1e9'], [73, qr/No such file/, @config, '-f', 'csv', '-o', "$dir/none/x", 'AS64496']], db => ['-f', 'csv'] },
	forget => { good => ['198.51.100.77', '--yes'], ok => [0, 69], bus => 75, root => 1, what => [], file => [], garbage => 69, bad => [[64, qr/./, '--user', 'x', '192.0.2.1'], [69, qr/./, '--user', 'nobodysuch'], [64, qr/wants a name/, '--user', '']] },
	history => { good => ['192.0.2.0/24'], ok => [0, 69], bus => 75, root => 1, what => [], bad => [[64, qr/limit/, '192.0.2.1', '--limit', 0], [64, qr/limit/, '192.0.2.1', '--limit', -1],
		[64, qr/limit/i, '192.0.2.1', '--limit', '99999999999'], [64, qr/./, '192.0.2.1', '192.0.2.2']] },
	import => { good => [@config, '-o', "$dir/new.mmdb", $world], bad => [[78, qr/none/, '--config', "$dir/none"], [78, qr/garbage/, '--config', "$dir/garbage"]], bare => undef, file => [@config, '-o', "$dir/new2.mmdb"], garbage => 65, writes => [@config, $world, '-o'] },
	learn => { good => ['--spam', $mail], bus => 75, root => 1, file => ['--spam'], garbage => 69, bad => [[64, qr/--spam|--ham/, $mail], [64, qr/--spam|--ham/, '--spam', '--ham', $mail]] },
	lookup => { good => [@config, '192.0.2.7'], config => 1, what => [@config], file => [@config], garbage => 69 },
	metrics => { good => [@config], config => 1, bus => undef, bare => undef, bad => [[64, qr/./, 'x']], writes => [@config, '-o'] },
	networks => { good => [@config, 'AS64496'], config => 1, what => [@config], db => ['AS64496'] },
	quality => { good => [], bus => 75, bare => undef, bad => [[64, qr/weeks/, '--weeks', 0], [64, qr/weeks/, '--weeks', -1], [64, qr/weeks/i, '--weeks', '99999999999'], [64, qr/./, 'x']] },
	replay => { good => [$tsv], file => [], garbage => 65, fifo => 1, bad => [[64, qr/threshold/, $tsv, '--threshold', 'nan'], [64, qr/users/, $tsv, '--users', '1e9'], [73, qr/cannot write/, $tsv, '--dump', "$dir/none/x"],
		[66, qr/no Maildir/, '--maildir', @config, "$dir/db"]], db => ['--maildir', "$dir"] },
	report => { good => [@config], config => 1, bus => undef, bare => undef, ok => [0], bad => [[64, qr/./, 'x']], writes => [@config, '--html'] },
	rules => { good => [], bus => 75, bare => undef, ok => [0] },
	'seal-key' => { good => ['status', '--file', $keys], config => 1, bad => [[64, qr/./, 'destroy'], [64, qr/./, 'new', 'rotate'], [66, qr/./, 'status', '--file', "$dir/none"]] },
	status => { good => [@config], ok => [0, 1, 2], config => 1, bus => 2, bare => undef, bad => [[64, qr/./, 'x']] },
	top => { good => [], bus => 75, bare => undef, bad => [[64, qr/level|as, prefix|no such/i, 'galaxy'], [64, qr/by|order/i, '--by', 'luck'], [64, qr/limit/, '--limit', 0], [64, qr/limit/i, '--limit', '99999999999'], [64, qr/./, 'as', 'block']] },
	watch => { bus => 75, root => 1, bare => undef, endless => 1, bad => [[64, qr/./, 'x']] },
);

$verb{explain} = $verb{lookup};

# --- running ---------------------------------------------------------------------

my %plain = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL => 'C', DBUS_SYSTEM_BUS_ADDRESS => $bus->{address},
	map { /^GCOV_/ ? ($_ => $ENV{$_}) : () } keys %ENV);

# run({env, as, stdout, stdin}, arguments): exit code or -signal, stdout, stderr.
sub run {
	my ($how, @args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		%ENV = (%plain, %{ $how->{env} // {} });
		chdir '/' or die;
		open STDIN, '<', $how->{stdin} // '/dev/null' or die;
		open STDERR, '>', "$dir/err" or die;
		if (ref $how->{stdout}) { open STDOUT, '>&', $how->{stdout} or die }
		elsif (($how->{stdout} // '') eq 'closed') { close STDOUT }
		else { open STDOUT, '>', $how->{stdout} // "$dir/out" or die }
		exec 'timeout', '--signal=ABRT', 60, $bus->as($how->{as} // {}), $asnctl, @args or die;
	}
	waitpid $pid, 0;
	my $code = $? & 127 ? -($? & 127) : $? >> 8;
	return ($code, slurp("$dir/out"), slurp("$dir/err"));
}

sub show { join ' ', map { my $s = length > 60 ? substr($_, 0, 60) . '...' : $_; $s =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger } @_ }
my $line = qr/[^\x00-\x1f\x7f]{1,1000}\n/; # printable, one line

# code: a number or several.
sub refused {
	my ($codes, $why, $how, $verb, @args) = @_;
	my ($code, $out, $err) = run($how, $verb, @args);
	my $name = show($verb, @args);
	my @codes = ref $codes ? @$codes : $codes;
	ok((grep { $code == $_ } @codes), "$name: exit @codes") or diag "got $code\n$err";
	ok(scalar($err =~ /\A(?:asnctl $verb: @{[$verb{$verb}{bare_lines} ? '|' : '']})(?!.*(?:GLib|\(process:|CRITICAL|WARNING))$line\z/ && $err =~ $why), '... and one line') or diag show($err);
	return;
}

# --- every verb has a line -----------------------------------------------------------

my @verbs = (run({}, '--help'))[1] =~ /^  ([a-z][\w-]*) /mg;
cmp_ok(scalar @verbs, '>=', 7, "verbs: @verbs");
is_deeply([grep { !$verb{$_} } @verbs], [], 'every verb is in the table above');

$p->start_both;
$bus->ready;
$p->wait_for('databases', sub { -e "$dir/db/reputation.mmdb" });
for my $n (1 .. 3) { # something to tell of
	my $file = put("$dir/mail$n", $p->mail(ip => "192.0.2.$n"));
	is((run({}, 'learn', '--spam', '--user', "user$n", $file))[0], 0, 'a vote');
}

my @nonsense = ('192.0.2.256', '192.0.2', '192.0.2.1/24', '192.0.2.0/33', '2001:db8::1/32', '2001:db8::/129', '2001:db8:::1', 'AS0', 'AS', 'ASx', 'AS99999999999',
	'AS-1', '4294967296', "AS1\n", '', ' ', "\e[31mred", "caf\xc3\xa9", "\xff\xfe", '%s%n%x', 'x' x 3000, '0x7f000001', '192.0.2.01', 'fe80::1%eth0');
my @odd = (['no HOME', {}], ['LANG=C', { LC_ALL => 'C', HOME => '/nonexistent' }], ['UTF-8', { LC_ALL => 'C.UTF-8', HOME => '/' }], ['no such locale', { LC_ALL => 'xx_YY.nonsense' }],
	['COLUMNS=20', { COLUMNS => 20, LINES => 5, TERM => 'xterm' }], ['debugging', { G_MESSAGES_DEBUG => '' }], ['no TERM', { TERM => '' }], ['NO_COLOR', { NO_COLOR => 1, TERM => 'dumb' }]);
my $garbage = put("$dir/garbage", join '', map { chr int rand 256 } 1 .. 20_000);
mkdir "$dir/folder";
mkfifo("$dir/fifo", 0600) or die;
my $secret = put("$dir/secret", 'x');
chmod 0600, $secret;

for my $verb (@verbs) {
	my $v = $verb{$verb} or next;
	my @good = @{ $v->{good} // [] };
	my %ok = map { $_ => 1 } @{ $v->{ok} // [0] };

	# The command line.
	refused(64, qr/--no-such/, {}, $verb, @good, '--no-such');
	refused(64, qr/./, {}, $verb, @good, '-%');
	for my $option ((run({}, $verb, '--help'))[1] =~ /^  (?:-\w, )?(--[\w-]+)=/mg) {
		refused(64, qr/\Q$option\E/, {}, $verb, @good, $option);
	}
	refused($v->{bare} // 64, qr/./, {}, $verb) if !exists $v->{bare};
	refused(@$_[0, 1], {}, $verb, @$_[2 .. $#$_]) for @{ $v->{bad} // [] };
	if ($v->{what}) {
		# Where a file may stand, too, what is no address is one that is not there.
		refused($v->{file} ? [64, 66] : 64, qr/./, {}, $verb, @{ $v->{what} }, $_) for @nonsense;
	}

	# Files.
	if (my $file = $v->{file}) {
		refused($v->{what} ? 64 : 66, qr{No such file|/none}, {}, $verb, @$file, "$dir/none");
		refused([65, 66], qr/directory|regular file/i, {}, $verb, @$file, "$dir/folder");
		# A pipe may be fed by another program, or be for ever silent.
		refused([65, 66, 69], qr/./, {}, $verb, @$file, "$dir/fifo") unless $v->{fifo};
		refused([65, 66, 69], qr/./, {}, $verb, @$file, '/dev/null');
		if ($verb =~ /lookup|explain/) { # it tells what is known of any mail
			my ($c, $o, $e) = run({}, $verb, @$file, $garbage);
			ok($c == 65 && $o =~ /\S/ && $e eq '', 'lookup of garbage: nothing known, and said so') or diag "$c\n$o\n$e";
		} else {
			refused([$v->{garbage}, 65], qr/./, {}, $verb, @$file, $garbage);
		}
		refused([66, 77], qr/Permission denied|only root/, { as => \%Bus::STRANGER }, $verb, @$file, $secret);
	}
	if (my $writes = $v->{writes}) {
		refused(73, qr/No such file/, {}, $verb, @$writes, "$dir/none/x");
		refused(73, qr/./, {}, $verb, @$writes, "$dir/folder");
		refused(73, qr/Permission denied/, { as => \%Bus::STRANGER }, $verb, @$writes, "$dir/forbidden");
		ok(!-e "$dir/forbidden", 'and nothing is there');
	}
	if ($v->{config}) {
		my @rest = grep { $_ ne $config[0] && $_ ne $config[1] } @good;
		refused(78, qr/none/, {}, $verb, @rest, '--config', "$dir/none") unless $verb eq 'seal-key';
		refused(78, qr/garbage/, {}, $verb, @rest, '--config', $garbage) unless $verb eq 'seal-key';
		refused(78, qr/folder/, {}, $verb, @rest, '--config', "$dir/folder") unless $verb eq 'seal-key';
	}
	if (my $db = $v->{db}) {
		refused([64, 66, 69], qr/./, {}, $verb, @$db, '--db', "$dir/none");
	}

	# No bus, a bus without asnd, no rights.
	if (defined $v->{bus}) {
		my $gone = { env => { DBUS_SYSTEM_BUS_ADDRESS => "unix:path=$dir/no-bus" } };
		if ($verb eq 'status') {
			is((run($gone, $verb, @good))[0], 2, 'status without a bus');
			is((run($gone, $verb, @good))[2], '', '... says so on stdout');
		} else {
			refused($v->{bus}, qr/systemctl start|cannot be reached|D-Bus/, $gone, $verb, @good);
			refused($v->{bus}, qr/./, { env => { DBUS_SYSTEM_BUS_ADDRESS => 'nonsense' } }, $verb, @good);
		}
	}
	refused(77, qr/only root and members of the group asnd/, { as => \%Bus::STRANGER }, $verb, @good) if $v->{root};
	next if $v->{endless};

	# What works does so in any surroundings, and says the same when piped.
	my ($code, $out, $err) = run({}, $verb, @good);
	ok($ok{$code}, "$verb @{[show(@good)]}: works") or diag "$code $err";
	is($err, '', '... and is silent on stderr') if $code == 0 && length $out;
	for (@odd) {
		my ($name, $env) = @$_;
		my ($c, $o, $e) = run({ env => $env }, $verb, @good);
		is($c, $code, "$verb, $name: the same exit code");
		unlike($o . $e, qr/\e|GLib|CRITICAL/, '... no colour, no alarm');
	}
	next if !length $out;

	# Nowhere to write to.
	if ($code == 0 || $verb eq 'status') {
		refused(74, qr/No space left/, { stdout => '/dev/full' }, $verb, @good);
		pipe my $r, my $w or die;
		close $r;
		refused(74, qr/Broken pipe/, { stdout => $w }, $verb, @good);
		refused(74, qr/Bad file descriptor/, { stdout => 'closed' }, $verb, @good);
	}
}

# --- without asnd ----------------------------------------------------------------------

$p->stop_both;
for my $verb (@verbs) {
	my $v = $verb{$verb} or next;
	next if !defined $v->{bus};
	next if $v->{endless}; # waits for it
	if ($verb eq 'status') {
		is((run({}, $verb, @{ $v->{good} }))[0], 2, 'status without asnd');
	} else {
		refused($v->{bus}, qr/systemctl start asnd/, {}, $verb, @{ $v->{good} // [] });
	}
}
done_testing;
