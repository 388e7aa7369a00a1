#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual is held against the programs: the pages are sound mdoc, every key
# and default of asnd.conf and every option of every program stands in its page
# and the other way round, and so does the sample configuration.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Temp qw(tempdir);
use Test::More;

my $top = dirname(dirname(abs_path(__FILE__)));
my $build = abs_path($ENV{ASND_BUILD} // "$top/build")
    or BAIL_OUT('no build directory: set ASND_BUILD');
my $keys_of = "$build/t/list-config-keys";
my %program = (
	'asn-milter.8' => "$build/milter/asn-milter",
	'asn-postfix.8' => "$top/postfix-conf/asn-postfix",
	'asnd-mailwatch.8' => "$build/asnd/asnd-mailwatch",
	'asnd-report.8' => "$build/asnd/asnd-report",
	'asnd.8' => "$build/asnd/asnd",
);
my $asnctl = "$build/asnctl/asnctl";

sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; scalar <$f> }
sub lines { split /\n/, slurp($_[0]) }

# --- sound mdoc -----------------------------------------------------------

my @pages = sort map { basename($_) } glob "$top/man/*.[1-8]";
cmp_ok(scalar @pages, '>=', 7, 'pages are there');
for my $page (@pages) {
	my $said = `mandoc -T lint -W warning '$top/man/$page' 2>&1`;
	is($said, '', "$page: mandoc has no warning");
	is($? >> 8, 0, "$page: mandoc takes it");
}
my %installed = map { $_ => 1 } slurp("$top/man/meson.build") =~ /'([\w.-]+\.[1-8])'/g;
is_deeply([sort keys %installed], \@pages, 'man/meson.build installs every page');

# Every .Xr to a page of ours must meet one.
for my $page (@pages) {
	my @lost = grep { /^asn/ && !-e "$top/man/$_" }
	    map { "$1.$2" if /\bXr ([\w.-]+) (\d)/ } lines("$top/man/$page");
	is_deeply(\@lost, [], "$page: no reference to a page that is not there");
}

# --- asnd.conf(5) and the sample against the program ------------------------

my @known = `'$keys_of'`;
chomp @known;
cmp_ok(scalar @known, '>', 10, 'list-config-keys lists keys');

# ".Ss [group]", ".It Cm key", "Default:" + ".Dl value" or "Default: empty."
sub keys_in_page {
	my ($group, $key, $default, @found) = ('', '');
	my @line = lines("$top/man/asnd.conf.5");
	for my $i (0 .. $#line) {
		$group = $1 if $line[$i] =~ /^\.Ss \[(\w+)\]/;
		$key = $1 if $line[$i] =~ /^\.It Cm ([a-z-]+)/;
		if ($line[$i] eq 'Default: empty.') {
			push @found, "$group\t$key\t";
		} elsif ($line[$i] eq 'Default:') {
			my ($value) = $line[$i + 1] =~ /^\.Dl "?(.*?)"?$/;
			push @found, "$group\t$key\t" . ($value // 'no .Dl');
		}
	}
	return @found;
}
is_deeply([keys_in_page()], \@known, 'asnd.conf(5): every key with its default');

my $sample = "$top/units/asnd.conf";
sub keys_in_sample {
	my ($group, @found) = ('');
	for (lines($sample)) {
		$group = $1 if /^\[(\w+)\]$/;
		push @found, "$group\t$1\t$2" if /^#([a-z-]+) =(?: (.*))?$/ && defined $2;
		push @found, "$group\t$1\t" if /^#([a-z-]+) =$/;
	}
	return @found;
}
is_deeply([keys_in_sample()], \@known, 'the sample: every key with its default');

sub accepted {
	my ($path, $name) = @_;
	my $said = `'$keys_of' '$path' 2>&1`;
	is($?, 0, $name) or diag $said;
}
accepted($sample, 'the sample is a good configuration');
my $tmp = tempdir(CLEANUP => 1);
my $all = slurp($sample) =~ s/^#(?=[a-z-]+ =)//gmr;
open my $out, '>', "$tmp/all.conf" or die $!;
print $out $all;
close $out;
accepted("$tmp/all.conf", 'the sample with every key taken in is a good configuration');

# The example in the page, too.
my ($example) = slurp("$top/man/asnd.conf.5")
    =~ /^\.Sh EXAMPLES\n.*?^\.Bd[^\n]*\n(.*?)^\.Ed/ms;
ok(defined $example, 'asnd.conf(5) has an example');
open $out, '>', "$tmp/example.conf" or die $!;
print $out $example;
close $out;
accepted("$tmp/example.conf", 'the example in asnd.conf(5) is a good configuration');

# --- options ----------------------------------------------------------------

# "  -o, --output=FILE  what" -> -o, --output
sub options_in_help {
	my %seen;
	for (split /\n/, $_[0]) {
		next unless /^\s+(?:(-\w), )?(--[a-z][\w-]*)/;
		$seen{$_} = 1 for grep { defined } $1, $2;
	}
	return sort keys %seen;
}

# ".It Fl o , Fl -output Ar file" -> -o, --output
sub options_in_page {
	my %seen;
	for (grep { /^\.It Fl/ } split /\n/, $_[0]) {
		$seen{"-$1"} = 1 while /\bFl (-?[\w-]+)/g;
	}
	return sort keys %seen;
}

sub help_of {
	my $help = `$_[0] --help 2>&1`;
	is($?, 0, "$_[0] --help");
	return $help;
}

for my $page (sort keys %program) {
	is_deeply([options_in_page(slurp("$top/man/$page"))],
	    [options_in_help(help_of("'$program{$page}'"))],
	    "$page: every option of --help, and no other");
}

# asnctl(1): "  verb  what it does" in --help, ".Ss verb" below ".Sh VERBS".
my @verbs = help_of("'$asnctl'") =~ /^  ([a-z][\w-]*) /mg;
my ($section) = slurp("$top/man/asnctl.1") =~ /^\.Sh VERBS\n(.*?)^\.Sh /ms;
my %text = ($section // '') =~ /^\.Ss ([\w-]+)\n(.*?)(?=^\.Ss |\z)/msg;
is_deeply([sort keys %text], [sort @verbs], 'asnctl(1): every verb, and no other');
for my $verb (@verbs) {
	# -h, --help are told once for all verbs.
	my @has = grep { !/^(-h|--help)$/ } options_in_help(help_of("'$asnctl' $verb"));
	is_deeply([options_in_page($text{$verb} // '')], \@has,
	    "asnctl(1): every option of $verb, and no other");
}
done_testing();
