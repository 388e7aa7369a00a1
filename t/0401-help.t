#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl --help: all verbs, in groups; each verb's --help works, fits a terminal
# and needs nothing.  4000-man.t holds the options against the manual.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $src   = dirname(dirname(abs_path($0)));
my $build = abs_path($ENV{ASND_BUILD} // "$src/build");
my $tmp   = tempdir(CLEANUP => 1);

sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; <$f> // '' }
sub run { # exit code, stdout, stderr
	my ($env, @args) = @_;
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		%ENV = (PATH => '/nowhere', %$env); # no HOME, no bus, nothing
		open STDIN, '<', '/dev/null' or die;
		open STDOUT, '>', "$tmp/out" or die;
		open STDERR, '>', "$tmp/err" or die;
		alarm 20;
		exec "$build/asnctl/asnctl", @args or die;
	}
	waitpid $pid, 0;
	return ($? & 127 ? -($? & 127) : $? >> 8, slurp("$tmp/out"), slurp("$tmp/err"));
}
sub fits {
	my ($text, $what) = @_;
	utf8::decode($text);
	is_deeply([grep { length > 80 || /\s$/ || /\t/ } split /\n/, $text], [], "$what: no line beyond 80 columns");
}

# What main.c can run, to see that --help hides nothing.
my ($table) = slurp("$src/asnctl/main.c") =~ /^static const Verb verbs\[\] = \{\n(.*?)^\};/ms;
my @table = ($table // '') =~ /\{"([\w-]+)", asnctl_/g;
cmp_ok(scalar @table, '>=', 7, 'verbs in main.c');

my ($code, $out, $err) = run({}, '--help');
is("$code $err", '0 ', 'asnctl --help');
fits($out, 'asnctl --help');
my %group;
my $title = '';
for (split /\n/, $out) {
	$title = $1 if /^(\S.*):$/;
	push @{ $group{$title} }, $1 if /^  ([a-z][\w-]*) +\S/;
}
is_deeply([sort map { @$_ } values %group], [sort @table], 'each verb once, in a group') or diag $out;
is_deeply([sort keys %group], ['Correcting it', 'Databases and keys', 'Lists of networks', 'Seeing what asnd knows and does', 'Trying it out'], 'groups');
like($out, qr/"asnctl VERB --help"/, 'says how to go on');
is_deeply([run({}, '-h')], [0, $out, ''], '-h is the same');
like((run({}, '--version'))[1], qr/^asnctl \d+\.\d+\.\d+\n$/, '--version');

for my $verb (@table) {
	my ($code, $out, $err) = run({}, $verb, '--help');
	is($code, 0, "$verb --help: exit 0");
	is($err, '', "$verb --help: nothing on stderr");
	like($out, qr/\AUsage:\n  asnctl $verb \[OPTION.*\n\n\S/, "$verb --help: usage, and what it does");
	fits($out, "$verb --help");
	is_deeply([run({}, $verb, '-h')], [0, $out, ''], "$verb -h is the same");
	is_deeply([map { s/\[OPTION[^]]*\]/[OPTION]/r } run({ COLUMNS => 20, LC_ALL => 'C.UTF-8', TERM => 'xterm' }, $verb, '--help')], [0, $out =~ s/\[OPTION[^]]*\]/[OPTION]/r, ''], "$verb --help is the same everywhere");
	for my $line (grep { /^  (?:-\w, )?--/ } split /\n/, $out) {
		like($line, qr/^  (?:-\w, )?--[a-z][a-z0-9-]*(?:=[A-Z][A-Za-z.|]*)?  +[A-Za-z0-9]\S*(?: .*)?[^.]$/, "$verb: " . $line =~ s/ +/ /gr);
	}
}

# Nothing, or nonsense: one line that says how to go on, as an error.
for my $case ([], ['nosuchverb'], ["\e[31m"], ['']) {
	my ($code, $out, $err) = run({}, @$case);
	is("$code $out", '64 ', 'no such verb: exit 64');
	like($err, qr/^asnctl: [ -~]*"asnctl --help" lists them\n$/, 'one line');
}
done_testing;
