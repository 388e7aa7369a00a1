#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl replay against refmodel.py, run live, and against SCORE.md's table.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $src   = dirname(dirname(abs_path($0)));
my $build = abs_path($ENV{ASND_BUILD} // "$src/build");
my $asnctl = "$build/asnctl/asnctl";
my $ref    = "$src/t/data/refmodel.py";
my $synthetic = "$src/t/data/synthetic.tsv";
my $real   = "$src/../shared/eval/sa.tsv";
my $tmp    = tempdir(CLEANUP => 1);

sub run {
	my (@cmd) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open STDOUT, '>', "$tmp/out" or die;
		open STDERR, '>', "$tmp/err" or die;
		exec @cmd or die "exec $cmd[0]: $!";
	}
	waitpid $pid, 0;
	return ($?, slurp("$tmp/out"), slurp("$tmp/err"));
}

sub slurp {
	my ($file) = @_;
	open my $f, '<', $file or die "$file: $!";
	local $/;
	return <$f> // '';
}

# Every word equal, numbers to 1e-9.
sub first_difference {
	my ($got, $want) = @_;
	my @got = split /\n/, $got;
	my @want = split /\n/, $want;
	return scalar(@got) . ' lines, wanted ' . scalar(@want) if @got != @want;
	for my $i (0 .. $#got) {
		my @g = split ' ', $got[$i];
		my @w = split ' ', $want[$i];
		my $same = @g == @w;
		for my $j (0 .. $#w) {
			last unless $same;
			next if $g[$j] eq $w[$j];
			my $num = qr/^-?\d+\.\d+$/;
			$same = $g[$j] =~ $num && $w[$j] =~ $num
			    && abs($g[$j] - $w[$j]) <= 1.001e-9;
		}
		return "line $i: $got[$i] wanted: $want[$i]" unless $same;
	}
	return '';
}

sub same_as_reference {
	my ($file, @options) = @_;
	my ($s1, $want, $e1) = run('python3', '-B', $ref, $file, @options, '--dump', "$tmp/ref");
	my ($s2, $got, $e2) = run($asnctl, 'replay', $file, @options, '--dump', "$tmp/our");
	my $name = join ' ', basename($file), @options;
	is("$s1 $s2 $e1 $e2", '0 0  ', "$name: both run");
	is(first_difference($got, $want), '', "$name: metrics");
	is(first_difference(slurp("$tmp/our"), slurp("$tmp/ref")), '', "$name: each mail");
	return $got;
}

# SCORE.md "Acceptance"
sub acceptance {
	my ($file, $options, $auc, $logloss, $tp, $fp, $score, $evidence) = @_;
	my %v = same_as_reference($file, split ' ', $options) =~ /^(\S+)\t(.*)$/mg;
	is("$v{auc} $v{logloss} $v{flag_tp} $v{flag_fp} $v{sum_score} $v{sum_evidence}",
	    "$auc $logloss $tp $fp $score $evidence",
	    basename($file) . " $options: SCORE.md's numbers");
}

acceptance($synthetic, '',
    '0.941775048654', '0.290252732185', 452, 30, '2113.795485326', '36234.900689111');
acceptance($synthetic, '--users 7 --min-reporters 2 --miss 0.05 --delay 3600',
    '0.940718883485', '0.298330722529', 309, 16, '2002.933036923', '34991.059664567');
acceptance($synthetic, '--active .5 --levels GAPI --half-life 30',
    '0.938109005145', '0.304156067404', 365, 24, '2104.503127118', '17147.441494856');
SKIP: {
	skip 'no ../shared/eval/sa.tsv here', 8 unless -e $real;
	acceptance($real, '',
	    '0.945019619225', '0.175469413146', 198, 6, '2149.261634918', '91323.507007229');
	acceptance($real, '--users 10 --min-reporters 2',
	    '0.950247305380', '0.183611997560', 191, 1, '2232.901280735', '82859.120173232');
}

same_as_reference($synthetic, split ' ', $_) for (
	'--implicit --spam-frac .3 --from 0',
	'--users 2 --cap 1 --delay 0',
	'--users 40 --cap 0 --min-reporters 2 --ham-frac .4',
	'--levels CAN --k 3 --m .2',
	'--levels G --k0 .01 --from .9',
	'--half-life .5 --threshold .6 --evidence .1 --min-ham 3',
	'--half-life 1000 --k0 7 --k .3 --m 4 --users 5',
);

for my $mail (0, 17, 2500, 5999) {
	my @o = ('--explain', $mail, '--users', 7);
	my (undef, $want) = run('python3', '-B', $ref, $synthetic, @o);
	my ($status, $got) = run($asnctl, 'replay', $synthetic, @o);
	is($got, $want, "--explain $mail");
}

# Only one class in the measured part.
open my $f, '>', "$tmp/one.tsv" or die;
print $f "#\n1\t192.0.2.1\t-\t0\t-\t0\n2\t192.0.2.2\t-\t0\t-\t0";
close $f;
same_as_reference("$tmp/one.tsv");

# --- what is refused ---------------------------------------------------------
my $good = "5\t192.0.2.1\t192.0.2.0/24\t64496\tAA\t1\n";
for my $case (
	["x\n", 1, qr/fewer than 6 fields/],
	["$good\n", 2, qr/fewer than 6 fields/],
	["$good$good" . "nan\t192.0.2.1\t-\t0\t-\t1\n", 3, qr/field 1: "nan": time/],
	["1e300\t192.0.2.1\t-\t0\t-\t1\n", 1, qr/field 1/],
	["5\t192.0.2.256\t-\t0\t-\t1\n", 1, qr/field 2: "192.0.2.256": not an IP/],
	["5\t192.0.2.1\t192.0.2.0/33\t0\t-\t1\n", 1, qr/field 3/],
	["5\t192.0.2.1\t2001:db8::/32\t0\t-\t1\n", 1, qr/field 3.*family/],
	["5\t192.0.2.1\t-\t4294967296\t-\t1\n", 1, qr/field 4/],
	["5\t192.0.2.1\t-\t0\tABC\t1\n", 1, qr/field 5/],
	["5\t192.0.2.1\t-\t0\tAA\t2\n", 1, qr/field 6/],
	["5\t\033[31m\t-\t0\tAA\t1\n", 1, qr/\\033\[31m/],
) {
	my ($content, $line, $why) = @$case;
	open my $bad, '>', "$tmp/bad.tsv" or die;
	print $bad $content;
	close $bad;
	my ($status, $out, $err) = run($asnctl, 'replay', "$tmp/bad.tsv");
	is($status >> 8, 65, "refused: $why");
	like($err, qr/\Q$tmp\E\/bad\.tsv:$line: /, 'names file and line');
	like($err, $why, 'names the reason');
	is($out, '', 'prints nothing else');
}
for my $bad ('--k 0', '--half-life -1', '--from 1.5', '--levels PA', '--levels X',
	'--users -1', '--min-reporters 3', '--m nan', '--explain 6000', '--explain -2',
	'--no-such', '--delay x', 'second.tsv') {
	my ($status, $out, $err) = run($asnctl, 'replay', $synthetic, split ' ', $bad);
	is($status >> 8, 64, "usage: $bad");
	like($err, qr/^asnctl replay: /, 'says why');
}
is((run($asnctl, 'replay'))[0] >> 8, 64, 'no file');
is((run($asnctl, 'replay', "$tmp/none"))[0] >> 8, 66, 'no such file');
is((run($asnctl, 'replay', $synthetic, '--from', 1))[0] >> 8, 65, 'nothing to measure');
is((run($asnctl, 'replay', $synthetic, '--dump', "$tmp/none/x"))[0] >> 8, 73, 'no dump');

done_testing;
