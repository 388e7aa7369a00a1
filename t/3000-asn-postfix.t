#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asn-postfix on private copies of main.cf: idempotent, reversible to the byte,
# other milters stay, status tells the truth.  Uses the real postconf.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use IO::Socket::UNIX;
use Test::More;

my $top = dirname(dirname(abs_path(__FILE__)));
my $tool = "$top/postfix-conf/asn-postfix";
my $tmp = tempdir(CLEANUP => 1);
chmod 0755, $tmp;
my $ours = '{ unix:asn-milter/milter.sock, connect_timeout=2s,'
    . ' command_timeout=5s, content_timeout=10s, default_action=accept }';

sub spew { open my $f, '>', $_[0] or die "$_[0]: $!"; print $f $_[1]; close $f }
sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; scalar <$f> }

my $n = 0;
sub conf_dir {
	my $dir = "$tmp/conf" . $n++;
	mkdir $dir; mkdir "$dir/queue";
	spew("$dir/main.cf", "queue_directory = $dir/queue\n" . $_[0]);
	age("$dir/main.cf");
	spew("$dir/master.cf", $_[1] // "smtp inet n - n - - smtpd\n");
	return $dir;
}
sub run { # verb, dir, more -> (exit code, output)
	my ($verb, $dir, @more) = @_;
	open my $out, '-|', "'$tool' $verb --config-dir '$dir' @more 2>&1" or die;
	local $/;
	my $text = <$out> // '';
	close $out;
	my $rc = $? >> 8;
	age("$dir/main.cf") if -e "$dir/main.cf";
	return ($rc, $text);
}
# Postfix reads a file again and again until it is a second old.
sub age { utime time - 10, time - 10, $_[0] }
sub milters { # as Postfix sees them; warnings fail the test
	my $text = `postconf -c '$_[0]' -h smtpd_milters 2>&1`;
	$text =~ s/\s+/ /g;
	return $text =~ s/^ | $//gr;
}

# Every shape of main.cf: text, milters before.
my @shapes = (
	['unset', "myhostname = a.example\n", ''],
	['empty file otherwise', '', ''],
	['commented out', "#smtpd_milters = inet:127.0.0.1:1\nbiff = no\n", ''],
	['set to nothing', "smtpd_milters =\nbiff = no\n", ''],
	['one', "smtpd_milters = inet:127.0.0.1:1\nbiff = no\n", 'inet:127.0.0.1:1'],
	['one, last line', "smtpd_milters = inet:127.0.0.1:1\n", 'inet:127.0.0.1:1'],
	['two in two lines', "smtpd_milters = inet:127.0.0.1:1,\n\tunix:/run/b\nbiff = no\n",
	    'inet:127.0.0.1:1, unix:/run/b'],
	['comments and blanks inside', "smtpd_milters =\n# dkim\n  inet:127.0.0.1:1\n\n# dmarc\n"
	    . "  { unix:/run/b, default_action=tempfail }\n# end\n\nbiff = no\n",
	    'inet:127.0.0.1:1 { unix:/run/b, default_action=tempfail }'],
	['no blanks around =', "smtpd_milters=inet:127.0.0.1:1\n", 'inet:127.0.0.1:1'],
	['a variable', "m = inet:127.0.0.1:1\nsmtpd_milters = \$m\n", '$m'],
	['non_smtpd_milters', "non_smtpd_milters = \$smtpd_milters\nsmtpd_milters = inet:127.0.0.1:1\n",
	    'inet:127.0.0.1:1'],
	['blanks at the line end', "smtpd_milters = inet:127.0.0.1:1  \n\n\n", 'inet:127.0.0.1:1'],
	['CR LF elsewhere', "biff = no\r\nsmtpd_milters = inet:127.0.0.1:1\n", 'inet:127.0.0.1:1'],
);
for (@shapes) {
	my ($name, $text, $before) = @$_;
	my $dir = conf_dir($text);
	my $old = slurp("$dir/main.cf");
	chmod 0640, "$dir/main.cf";
	my $non = `postconf -c $dir -h non_smtpd_milters`;
	my ($rc, $said) = run('enable', $dir);
	is $rc, 0, "$name: enable" or diag $said;
	is milters($dir), $before eq '' ? $ours : "$before $ours",
	    "$name: ours comes after the others";
	is `postconf -c $dir -h non_smtpd_milters`, $non, "$name: non_smtpd_milters stays";
	my $enabled = slurp("$dir/main.cf");
	($rc, $said) = run('enable', $dir);
	is "$rc " . slurp("$dir/main.cf"), "0 $enabled", "$name: enabling twice is once";
	like $said, qr/already/, "$name: and says so";
	($rc, $said) = run('disable', $dir);
	is "$rc " . slurp("$dir/main.cf"), "0 $old", "$name: disable restores every byte";
	is sprintf('%o', (stat "$dir/main.cf")[2] & 07777), '640', "$name: mode kept";
	($rc, $said) = run('disable', $dir);
	is "$rc " . slurp("$dir/main.cf"), "0 $old", "$name: disabling twice is once";
	is_deeply [map { basename $_ } glob "$dir/*"], [qw(main.cf master.cf queue)],
	    "$name: nothing left beside";
}

# What the admin edits in between stays.
my $dir = conf_dir("biff = no\n");
run('enable', $dir);
spew("$dir/main.cf", slurp("$dir/main.cf") . "    inet:127.0.0.1:9\nmyhostname = b.example\n");
my ($rc, $said) = run('disable', $dir);
is "$rc " . slurp("$dir/main.cf"), "0 queue_directory = $dir/queue\nbiff = no\n"
    . "smtpd_milters =\n    inet:127.0.0.1:9\nmyhostname = b.example\n",
    'edits after enable stay';

# A link is followed.
$dir = conf_dir("biff = no\n");
rename "$dir/main.cf", "$dir/real.cf";
symlink 'real.cf', "$dir/main.cf";
my $old = slurp("$dir/real.cf");
run('enable', $dir);
ok -l "$dir/main.cf", 'a linked main.cf stays a link';
is milters($dir), $ours, 'and its target is changed';
run('disable', $dir);
is slurp("$dir/real.cf"), $old, 'and restored';

# What cannot be undone is refused, and nothing is changed.
$dir = conf_dir("smtpd_milters = inet:127.0.0.1:1");
$old = slurp("$dir/main.cf");
($rc, $said) = run('enable', $dir);
is $rc, 1, 'no newline at the end: refused';
like $said, qr/newline/, 'the reason is named';
is slurp("$dir/main.cf"), $old, 'nothing changed';
$dir = conf_dir("smtpd_milters = inet:127.0.0.1:1, unix:asn-milter/milter.sock\n");
$old = slurp("$dir/main.cf");
($rc, $said) = run('enable', $dir);
is $rc, 0, 'entered by hand: enabled already';
($rc, $said) = run('disable', $dir);
is $rc, 1, 'entered by hand: not taken out';
like $said, qr/by hand/, 'and says who must do it';
is slurp("$dir/main.cf"), $old, 'nothing changed';
($rc, $said) = run('enable', "$tmp/nowhere");
isnt $rc, 0, 'a missing directory is an error';
($rc, $said) = run('dance', $dir);
is $rc, 64, 'an unknown verb is a usage error';

# Status.
$dir = conf_dir("mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n",
	"smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd\n  -o smtpd_milters=\n");
($rc, $said) = run('status', $dir, "--asnd-conf $tmp/none");
is $rc, 1, 'status of a disabled one is not success';
like $said, qr/not enabled/, 'said';
run('enable', $dir);
($rc, $said) = run('status', $dir, "--asnd-conf $tmp/none");
like $said, qr/^asn-milter: enabled/m, 'enabled';
like $said, qr/cannot be reached: No such file/, 'no socket';
like $said, qr{does not use it: submission/inet/smtpd_milters}, 'master.cf override named';
like $said, qr/left alone/, 'loopback is covered by default';
mkdir "$dir/queue/asn-milter";
chmod 0755, $dir, "$dir/queue", "$dir/queue/asn-milter";
my $sock = "$dir/queue/asn-milter/milter.sock";
my $listen = IO::Socket::UNIX->new(Local => $sock, Listen => 5) or die $!;
chmod 0666, $sock;
($rc, $said) = run('status', $dir, "--asnd-conf $tmp/none");
is $rc, 0, 'all well' or diag $said;
like $said, qr/milter.sock answers/, 'the socket answers';
SKIP: {
	skip 'needs root to look as the postfix user', 1 if $> != 0;
	chmod 0600, $sock;
	($rc, $said) = run('status', $dir, "--asnd-conf $tmp/none");
	like $said, qr/Permission denied.*user postfix/, 'looked at as the postfix user';
}
close $listen;
chmod 0666, $sock;
($rc, $said) = run('status', $dir, "--asnd-conf $tmp/none");
like $said, qr/refused \(left behind/, 'a dead socket is told from a live one';

spew("$dir/main.cf", slurp("$dir/main.cf")
    =~ s/^mynetworks.*/mynetworks = 127.0.0.0\/8 192.0.2.0\/24 [2001:db8::]\/32 hash:\/x/mr);
spew("$tmp/asnd.conf", "[milter]\nlocal-networks = 127.0.0.0/8;::1;192.0.2.0/25\n");
($rc, $said) = run('status', $dir, "--asnd-conf $tmp/asnd.conf");
is $rc, 1, 'mynetworks not covered';
like $said, qr{judge mail from 192.0.2.0/24 \[2001:db8::\]/32}, 'which';
like $said, qr{local-networks = 127.0.0.0/8;::1;192.0.2.0/25;192.0.2.0/24;2001:db8::/32$}m,
    'the line to write';
like $said, qr{hash:/x is a table}, 'a table is named';
spew("$tmp/asnd.conf", "[milter]\nlocal-networks = 127.0.0.0/8; ::1; 192.0.0.0/16; 2001:db8::/32\n");
($rc, $said) = run('status', $dir, "--asnd-conf $tmp/asnd.conf");
unlike $said, qr/would judge/, 'covered by wider networks';
done_testing;
