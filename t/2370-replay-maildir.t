#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl replay --maildir: the mails of Maildirs, read with care, give the same
# as the same mails in a file; what is left out is counted; nothing is changed.
use strict;
use warnings;
use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use File::Basename;
use File::Find;
use File::Path qw(make_path);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use FindBin;
use JSON::PP;
use POSIX qw(mkfifo strftime);
use Test::More;
use lib "$FindBin::Bin/lib";
use Lists qw(bits);

my $src    = dirname(dirname(abs_path($0)));
my $build  = abs_path($ENV{ASND_BUILD} // "$src/build");
my $tmp    = tempdir(CLEANUP => 1);
chmod 0755, $tmp;
# Where other users may execute it, too: the clone may be in /root.
my $asnctl = "$tmp/asnctl";
copy("$build/asnctl/asnctl", $asnctl) or die "$asnctl: $!";
chmod 0755, $asnctl;
my $uid = 54321; # nobody's

sub slurp {
	open my $f, '<:raw', $_[0] or return undef;
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

# Exit code, or -signal; whoever blocks dies of SIGALRM.
sub run_as {
	my ($as, @cmd) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDOUT, '>', "$tmp/out" or die;
		open STDERR, '>', "$tmp/err" or die;
		if ($as) {
			$( = $) = "$as $as";
			$< = $> = $as;
			die "still root" if $> == 0 || $< == 0;
		}
		alarm 120;
		exec @cmd or die "exec $cmd[0]: $!";
	}
	waitpid $pid, 0;
	return $? & 127 ? -($? & 127) : $? >> 8;
}
sub run { run_as(0, @_) }
sub out { slurp("$tmp/out") }
sub err { slurp("$tmp/err") }
sub values_of { my ($text) = @_; return { $text =~ /^(\w[\w.]*)\t(.*)$/mg } }
sub replay { run($asnctl, 'replay', '--config', "$tmp/asnd.conf", @_) }

# --- Maildirs ----------------------------------------------------------------

my $number = 0;

sub mail {
	my ($time, $client, $host) = @_;
	my $date = strftime('%a, %d %b %Y %H:%M:%S +0000', gmtime $time);
	return 'Received: from client.example (client.example [' . ($client =~ /:/ ? "IPv6:$client" : $client) . "])\n"
	    . "\tby " . ($host // 'mx.example.org') . " (Postfix) with ESMTP id Q" . ++$number . "\n"
	    . "\tfor <user\@example.org>; $date\nSubject: SECRET\nMessage-ID: <$number\@client.example>\n\nSECRET\n";
}

sub maildir {
	my ($dir, @folders) = @_;
	make_path(map { my $f = $_; map { "$dir$f/$_" } qw(cur new tmp) } '', map { "/$_" } @folders);
	return $dir;
}

# All names and contents, to see that nothing changes.
sub fingerprint {
	my ($dir) = @_;
	my @all;
	find({ no_chdir => 1, wanted => sub {
		my @st = lstat $_;
		push @all, join ' ', $_, @st[1, 2, 4, 5, 7, 9], -f _ ? sha256_hex(slurp($_)) : '';
	} }, $dir);
	return join "\n", sort @all;
}

mkdir "$tmp/db";
my %net;
open my $synthetic, '<', "$src/t/data/synthetic.tsv" or die;
my @rows = map { chomp; [split /\t/] } grep { !/^#/ } <$synthetic>;
sub has_host_bits { # the made-up stream has such prefixes, a registry has not
	my ($addr, $len) = split m{/}, $_[0];
	return substr(bits($addr), 1 + $len) =~ /1/;
}
$net{$_->[2]} = [@$_[3, 4]] for grep { $_->[2] ne '-' && !has_host_bits($_->[2]) } @rows;
put("$tmp/world.tsv", join '', map {
	my ($as, $country) = @{ $net{$_} };
	join("\t", $_, $as ? ($as, "Holder of AS$as") : ('', ''), $country =~ s/-//r) . "\n";
} sort keys %net);
is(run($asnctl, 'import', '-o', "$tmp/db/networks.mmdb", "$tmp/world.tsv"), 0, 'networks.mmdb') or diag err();
put("$tmp/asnd.conf", "[paths]\ndatabase-dir = $tmp/db\nseal-key = $tmp/none\n[mail]\nhost-names = mx.example.org\n"
	. "maildirs = $tmp/home/*/Maildir\n");

# --- the same as the same mails in a file --------------------------------------
# Answered ham is heard at once, as a file's ham is.

my $one = maildir("$tmp/one", '.Junk');
for my $row (@rows) {
	my ($t, $client, undef, undef, undef, $spam) = @$row;
	my $text = mail(int $t, $client);
	put($spam ? "$one/.Junk/" . (rand() < .5 ? "cur/$number.host:2,S" : "new/$number.host") : "$one/cur/$number.host:2,RS", $text);
}
my $before = fingerprint($one);
is(replay('--maildir', $one, '--write', "$tmp/one.tsv", '--dump', "$tmp/dump"), 0, 'replay --maildir') or diag err();
is(err(), '', 'says nothing beside it');
is(fingerprint($one), $before, 'nothing in the Maildir changed');
my ($text, $dumped) = (out(), slurp("$tmp/dump"));
my $got = values_of($text);
my @written = map { [split /\t/] } split /\n/, slurp("$tmp/one.tsv");
is_deeply([sort map { join ' ', $_->[0], bits($_->[1]), $_->[5] } @written], [sort map { join ' ', int $_->[0], bits($_->[1]), $_->[5] } @rows], '--write: time, address and class of every mail');
is_deeply([map { $_->[0] } @written], [sort { $a <=> $b } map { $_->[0] } @written], 'oldest first');
is(scalar(grep { $_->[2] ne '-' && $net{$_->[2]} && $net{$_->[2]}[0] != $_->[3] } @written), 0, 'AS and prefix as networks.mmdb has them');
is(run($asnctl, 'replay', "$tmp/one.tsv", '--users', 1, '--dump', "$tmp/dump2"), 0, 'the written file');
my $want = values_of(out());
delete $want->{file};
is_deeply({ map { $_ => $got->{$_} } keys %$want }, $want, 'the same metrics');
is($dumped, slurp("$tmp/dump2"), 'the same for each mail');
cmp_ok($got->{flag_tp}, '>', 100, 'much spam would have been flagged');
is("$got->{maildirs} $got->{looked_at} $got->{left_unread}", '1 ' . @rows . ' 0', 'counted');
like($text, qr/^ +$got->{flag_tp} of $got->{spam} spam \(/m, 'spam in words');
like($text, qr/^ +$got->{flag_fp} of $got->{ham} ham \(/m, 'ham in words');

# False flags by network.
my (%false, $i);
my @flag = map { (split /\t/)[5] } split /\n/, $dumped;
for my $n (@written / 2 .. $#written) {
	next if $written[$n][5] || !$flag[$n];
	my $key = $written[$n][2] ne '-' ? $written[$n][2] : 'block';
	$false{$key}++;
}
is(replay('--maildir', $one, '--json'), 0, '--json');
my $json = decode_json(out());
my %told = map { $_->{network} => $_->{mails} } @{ $json->{false_flags} };
my $known = 0;
$known += $told{$_} // 0 for keys %false;
is($json->{flag_fp}, $got->{flag_fp}, '--json: flagged ham');
my $sum = 0;
$sum += $_ for values %told;
is($sum, $got->{flag_fp}, '--json: each in one network');
is_deeply({ map { $_ => $told{$_} } grep { $_ ne 'block' } keys %false }, { map { $_ => $false{$_} } grep { $_ ne 'block' } keys %false }, '--json: by routed network');
is((grep { $_->{asn} && $_->{holder} ne "Holder of AS$_->{asn}" } @{ $json->{false_flags} }) + 0, 0, '--json: holders');
my ($worst) = sort { $b->{mails} <=> $a->{mails} } @{ $json->{false_flags} };
like($text, qr/^ +$worst->{mails}  \Q$worst->{network}\E +AS/m, 'the worst in words');
unlike($text . encode_json($json) . $dumped, qr/SECRET|client\.example|$tmp/, 'nothing personal');

is(replay('--maildir', $one, '--explain', 17), 0, '--explain');
like(out(), qr/^mail 17 time .*\nall mail .*\n(?:.*\n)*score /, 'explains a mail');
is(replay('--maildir', $one, '--threshold', '0.99', '--half-life', 30), 0, 'options of the score');
isnt(values_of(out())->{flag_tp}, $got->{flag_tp}, 'other options, other flags');
put("$tmp/strict.conf", slurp("$tmp/asnd.conf") . "[score]\nthreshold = 0.99\nhalf-life = 30\n");
my $options = values_of(out());
is(run($asnctl, 'replay', '--config', "$tmp/strict.conf", '--maildir', $one), 0, 'another config');
is_deeply(values_of(out()), $options, 'thresholds and half-life of the config count');

# --- what is left out -----------------------------------------------------------

my $two = maildir("$tmp/two", '.Junk', '.Junk.2025', '.Trash', '.Sent', '.Mist', 'plain');
my $t = time - 40 * 86400;
sub in_two { my ($where, $text) = @_; put("$two/$where", $text // mail($t += 60, '192.0.2.' . int rand 256)) }
in_two('cur/a:2,S');                # ham
in_two('cur/b:2,F');                # ham
in_two('.Sent/cur/c:2,R');          # ham
in_two('plain/cur/d:2,S');          # ham
in_two('.Junk/cur/e:2,');           # spam
in_two('.Junk/new/f');              # spam
in_two('.Junk.2025/cur/g:2,ST');    # spam
in_two('new/h');                    # unread
in_two('cur/i:2,');                 # unread
in_two('.Trash/cur/j:2,S');         # trash
in_two('cur/k:2,ST');               # deleted
in_two('cur/l:2,DS');               # a draft
in_two('cur/m:2,S', mail($t, '192.0.2.9', 'mx.elsewhere.example')); # another host wrote it
in_two('cur/n:2,S', "Subject: SECRET\n\nsent\n");
in_two('cur/o:2,S', mail($t, '127.0.0.1'));
in_two('cur/p:2,S', '');
in_two('cur/q:2,S', join '', map { chr int rand 256 } 1 .. 5000);
in_two('cur/r:2,S', slurp("$two/cur/a:2,S")); # a copy
in_two('.Junk/cur/s:2,S', slurp("$two/cur/b:2,F")); # a copy: now it is spam
in_two('.Mist/cur/t:2,S');          # ham, or spam with --junk
put("$two/cur/.hidden", mail($t, '192.0.2.1'));
is(replay('--maildir', '--from', 0, $two, '--write', "$tmp/two.tsv"), 0, 'a mixed Maildir') or diag err();
$got = values_of(out());
is_deeply({ map { $_ => $got->{$_} } qw(looked_at mails spam ham left_unread left_trash left_deleted left_no_client left_copy) },
    { looked_at => 20, mails => 8, spam => 4, ham => 4, left_unread => 2, left_trash => 1, left_deleted => 2, left_no_client => 5, left_copy => 2 },
    'each mail counts once') or diag out();
like(out(), qr/^ +2  unread/m, 'and why is told');
is(replay('--maildir', '--from', 0, $two, '--junk', '.Mist', '--json'), 0, '--junk');
$got = decode_json(out());
is("$got->{spam} $got->{ham}", '1 4', '--junk NAME instead of the config\'s') or diag out();
is(replay('--maildir', '--from', 0, $two, '--junk', '.Mist', '--junk', 'Junk', '--json'), 0, '--junk twice');
is(decode_json(out())->{spam}, 5, 'two junk folders');

# --- users ------------------------------------------------------------------------
# The patterns of the config; another one's Maildir behind a symlink, and one
# that does not belong to whom the directory does, are none.

make_path("$tmp/home/$_") for qw(anna ben carl eve);
for my $user (qw(anna ben carl)) {
	maildir("$tmp/home/$user/Maildir", '.Junk');
	put("$tmp/home/$user/Maildir/.Junk/cur/$_:2,S", mail($t += 60, "198.51.100.$_")) for 1 .. 5;
	put("$tmp/home/$user/Maildir/cur/$_:2,RS", mail($t += 60, "203.0.113.$_")) for 1 .. 5;
}
symlink "$tmp/home/anna/Maildir", "$tmp/home/eve/Maildir" or die;
is(replay('--maildir', '--from', 0), 0, 'Maildirs of the config') or diag err();
$got = values_of(out());
is("$got->{maildirs} $got->{spam} $got->{ham}", '3 15 15', 'each of the three once, no symlink');
is(replay('--maildir', '--from', 0, map { "$tmp/home/$_/Maildir" } qw(anna ben anna)), 0, 'Maildirs by name');
is(values_of(out())->{maildirs}, 2, 'one that is named twice is one');

# A flag needs two reporters once three users report (SCORE.md).
my @home = map { maildir("$tmp/many/$_", '.Junk') } 1 .. 3;
my $day = time - 50 * 86400;
put("$home[0]/cur/h$_:2,RS", mail($day + $_, '192.0.2.' . $_)) for 1 .. 90;
put("$home[0]/.Junk/cur/s$_:2,S", mail($day + $_ * 86400, "198.51.100.$_")) for 1 .. 30;
my $alone = sub {
	is(replay('--maildir', '--min-ham', 1, '--from', 0, '--json', @_), 0, "@_");
	return decode_json(out())->{flag_tp};
};
my $flagged = $alone->(@home[0 .. 2]);
cmp_ok($flagged, '>', 5, 'one reporter of one is enough');
put("$home[$_]/.Junk/cur/x:2,S", mail($day + 10, "203.0.113.$_")) for 1, 2;
is($alone->(@home), 0, 'one of three is not');
cmp_ok($alone->('--min-reporters', 1, @home), '>=', $flagged, '--min-reporters 1');

# --- hostile Maildirs ----------------------------------------------------------------

SKIP: {
	skip 'not root: nobody can own what is not ours', 22 if $>;
	my $bad = maildir("$tmp/users/mallory/Maildir", '.Junk', '.Theirs');
	my $secret = put("$tmp/secret", mail($t, '192.0.2.66'));
	chmod 0600, $secret;
	put("$bad/cur/good$_:2,S", mail($t += 60, "192.0.2.$_")) for 1 .. 3;
	put("$bad/.Junk/cur/junk:2,S", mail($t += 60, '192.0.2.99'));
	put("$bad/cur/foreign:2,S", mail($t, '192.0.2.67'));
	put("$bad/.Theirs/cur/foreign:2,S", mail($t, '192.0.2.68'));
	put("$bad/cur/head\ner\xff\xfe:2,S", mail($t += 60, '192.0.2.70'));
	system('chown', '-hR', "$uid:$uid", "$tmp/users/mallory") == 0 or die;
	chown 0, 0, "$bad/cur/foreign:2,S" or die;
	chown $uid + 1, $uid + 1, "$bad/.Theirs/cur" or die;
	symlink $secret, "$bad/cur/link:2,S" or die;
	link $secret, "$bad/cur/hardlink:2,S" or die;
	symlink "$tmp/one/.Junk", "$bad/.Elsewhere" or die;
	mkfifo("$bad/cur/fifo:2,S", 0666) or die;
	mkdir "$bad/cur/dir:2,S" or die;
	open my $huge, '>:raw', "$bad/cur/huge:2,S" or die;
	print $huge mail($t += 60, '192.0.2.71') =~ s/\n\n.*/\n/sr, 'X: ', 'x' x 300_000;
	truncate $huge, 1 << 40 or die "truncate: $!";
	close $huge;
	chown $uid, $uid, "$bad/cur/huge:2,S" or die;
	for my $as (0, $uid) {
		is(run_as($as, $asnctl, 'replay', '--config', "$tmp/asnd.conf", '--maildir', '--from', 0, $bad, $as ? () : ('--write', "$tmp/bad.tsv")), 0, "hostile, as uid $as") or diag err();
		$got = values_of(out());
		is("$got->{mails} $got->{spam}", '6 1', "uid $as: the good ones");
		is("$got->{refused_no_file} $got->{refused_not_theirs} $got->{refused_folders} $got->{refused_unreadable}",
		    '3 2 1 0', "uid $as: what is passed over") or diag out();
	}
	unlike(slurp("$tmp/bad.tsv"), qr/192\.0\.2\.6[678]\t/, 'nothing of others');

	# Whose directory it is counts.
	put("$tmp/users.conf", slurp("$tmp/asnd.conf") =~ s{maildirs = .*}{maildirs = $tmp/users/*/Maildir}r);
	is(run($asnctl, 'replay', '--config', "$tmp/users.conf", '--maildir', '--from', 0), 0, 'by pattern');
	is(values_of(out())->{maildirs}, 1, 'mallory\'s own');
	chown $uid + 1, -1, "$tmp/users/mallory" or die;
	is(run($asnctl, 'replay', '--config', "$tmp/users.conf", '--maildir', '--from', 0), 66, 'a Maildir in somebody else\'s directory');
	like(err(), qr/^asnctl replay: maildirs in asnd\.conf\(5\) matches no Maildir that may be read: [^\n]+\n$/, 'one line');
	chown $uid, -1, "$tmp/users/mallory" or die;

	# A symlink that a user made leads nowhere, one of root's does.
	symlink "$tmp/one", "$tmp/users/mallory/link" or die;
	system('chown', '-h', "$uid:$uid", "$tmp/users/mallory/link") == 0 or die;
	is(replay('--maildir', "$tmp/users/mallory/link"), 66, 'a user\'s symlink');
	symlink "$tmp/two", "$tmp/rootlink" or die;
	is(replay('--maildir', '--from', 0, "$tmp/rootlink"), 0, 'root\'s symlink');

	# An ordinary user reads what they may, and is told what not.
	chmod 0700, "$tmp/home/ben", "$tmp/home/ben/Maildir";
	is(run_as($uid, $asnctl, 'replay', '--config', "$tmp/asnd.conf", '--maildir', '--from', 0), 0, 'an ordinary user, all Maildirs');
	$got = values_of(out());
	is("$got->{maildirs} $got->{refused_maildirs}", '2 2', 'those that may be read') or diag out();
	is(run_as($uid, $asnctl, 'replay', '--config', "$tmp/asnd.conf", '--maildir', "$tmp/home/ben/Maildir"), 66, 'one that may not');
	like(err(), qr/^asnctl replay: .*Maildir: Permission denied\n$/, 'says so');
	chmod 0, "$bad/cur/good1:2,S";
	is(run_as($uid, $asnctl, 'replay', '--config', "$tmp/asnd.conf", '--maildir', '--from', 0, $bad), 0, 'a mail that may not be read');
	is(values_of(out())->{refused_unreadable}, 1, 'is counted');
	is(run_as($uid, $asnctl, 'replay', '--config', "$tmp/asnd.conf", '--maildir', '--from', 0, $bad, '--write', "$tmp/db/x"), 73, 'no room for --write');
}

# --- what is refused -------------------------------------------------------------------

sub refused {
	my ($code, $why, @args) = @_;
	is(replay(@args), $code, "$code: @args") or diag err();
	like(err(), qr/^asnctl replay: [^\n]*$why[^\n]*\n$/, 'one line says why');
	is(out(), '', 'and nothing else');
}
my $empty = maildir("$tmp/empty");
refused(65, qr/no mail to measure: 0 mails in 1 Maildirs/, '--maildir', $empty);
put("$empty/cur/a:2,S", mail($t, '192.0.2.1', 'mx.elsewhere.example'));
refused(65, qr/host-names in asnd\.conf/, '--maildir', $empty);
refused(65, qr/no mail to measure/, '--maildir', $one, '--from', 1);
refused(66, qr/there is no Maildir/, '--maildir', "$tmp/db");
refused(66, qr/there is no Maildir/, '--maildir', "$tmp/none");
refused(66, qr/Not a directory|there is no Maildir/, '--maildir', "$tmp/asnd.conf");
refused(66, qr/networks\.mmdb/, '--maildir', $one, '--db', "$tmp/none");
refused(64, qr/real one/, '--maildir', $one, '--users', 3);
refused(64, qr/real one/, '--maildir', $one, '--implicit');
refused(64, qr/--threshold must/, '--maildir', $one, '--threshold', -1);
refused(64, qr/--explain/, '--maildir', $one, '--explain', 1e9);
refused(64, qr/--explain/, '--maildir', $one, '--explain', 1, '--json');
refused(73, qr/cannot write/, '--maildir', $one, '--write', "$tmp/none/x");
is(run($asnctl, 'replay', "$tmp/one.tsv", '--junk', 'x'), 64, '--junk without --maildir');

# Whoever stops it gets what a signal gives.
{
	my $pid = fork // die;
	if (!$pid) {
		open STDOUT, '>', "$tmp/out";
		open STDERR, '>', "$tmp/err";
		exec $asnctl, 'replay', '--config', "$tmp/asnd.conf", '--maildir', $one, map { "$tmp/home/$_/Maildir" } qw(anna carl);
	}
	my $end = time + 30;
	my $reads = 0;
	until ($reads || time > $end) {
		$reads = grep { (readlink($_) // '') =~ m{^\Q$one\E/} } glob "/proc/$pid/fd/*";
	}
	kill 'INT', $pid;
	waitpid $pid, 0;
	is($? & 127, 2, 'interrupted while it reads: dies of SIGINT') or diag "reads $reads, $?", err();
	is(out() . err(), '', 'and prints nothing');
}

# A progress bar on a terminal only.
is(run('script', '-qefc', "$asnctl replay --config $tmp/asnd.conf --maildir $one >$tmp/none.out", "$tmp/tty"), 0, 'on a terminal');
like(slurp("$tmp/tty"), qr/reading mails \[#+ *\] +\d+ %.*\r\e\[K/s, 'a progress bar, and gone');
like(slurp("$tmp/none.out"), qr/^flag_tpr\t.*^Of the /ms, 'what goes into a file has the numbers');
is(run('script', '-qefc', "$asnctl replay --config $tmp/asnd.conf --maildir $one", "$tmp/tty"), 0, 'all of it on a terminal');
like(slurp("$tmp/tty"), qr/^Of the /m, '... is told in words');
unlike(slurp("$tmp/tty"), qr/flag_tpr/, '... and in words alone');

done_testing;
