#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Completion in a real bash and a real zsh: every verb, every option of every
# verb, what options take, and files; held against --help in both directions.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename;
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $src    = dirname(dirname(abs_path($0)));
my $build  = abs_path($ENV{ASND_BUILD} // "$src/build");
my $folder = "$src/asnctl/completion";
my $tmp    = tempdir(CLEANUP => 1);
$ENV{PATH} = "$build/asnctl:$ENV{PATH}";
$ENV{HOME} = $tmp;
chdir $tmp or die;

sub put { my ($file, $text) = @_; open my $f, '>', $file or die "$file: $!"; print $f $text; close $f or die }
sub said { my $out = `@{[join ' ', map { "'" . s/'/'\\''/gr . "'" } @_]} 2>&1`; return ($out, $? >> 8) }

# --- what there is -------------------------------------------------------------

my ($usage) = said('asnctl', '--help');
my @verbs = $usage =~ /^  ([a-z][\w-]*) /mg;
cmp_ok(scalar @verbs, '>=', 7, "verbs: @verbs");
my (%option, %takes);
for my $verb (@verbs) {
	my ($help) = said('asnctl', $verb, '--help');
	while ($help =~ /^  (?:-\w, )?(--[\w-]+)(?:=(\S+))?/mg) {
		$option{$verb}{$1} = 1;
		$takes{$verb}{$1} = $2 if $2;
	}
	ok($option{$verb}{'--help'}, "$verb --help tells options");
}

# --- how to ask -----------------------------------------------------------------

# Each returns what is offered for the last word, sorted, once each.
put("$tmp/ask.bash", <<'END');
source /usr/share/bash-completion/bash_completion
file=$1; shift
source "$file"
COMP_WORDS=(asnctl "$@") COMP_CWORD=$# COMP_LINE="asnctl $*" COMP_TYPE=9 COMP_KEY=9
COMP_LINE=${COMP_LINE/ = /=} # as it was typed
COMP_POINT=${#COMP_LINE}
compopt() { :; } # only within readline
_asnctl asnctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
END
sub unique { my %seen; return [sort grep { length && !$seen{$_}++ } @_] }
sub bash {
	my @words = map { /^(--[\w-]+)=(.*)$/ ? ($1, '=', $2) : $_ } @_; # as readline cuts them
	my ($out, $code) = said('bash', '--norc', "$tmp/ask.bash", "$folder/asnctl.bash", @words);
	is($code, 0, 'bash is well') or diag $out if $code;
	return unique(split /\n/, $out);
}
sub zsh {
	my ($out, $code) = said("$src/t/lib/zsh-complete", $folder, join ' ', 'asnctl', map { s/(?=[ ])/\\/gr } @_);
	is($code, 0, 'zsh is well') or diag $out if $code;
	return unique(split /\n/, $out);
}

# --- verbs and options -------------------------------------------------------------

my %ask = (bash => \&bash, zsh => \&zsh);
for my $shell (sort keys %ask) {
	my $ask = $ask{$shell};
	is_deeply($ask->(''), [sort @verbs, $shell eq 'bash' ? ('--help', '--version') : ()], "$shell: every verb, and no other");
	is_deeply($ask->('--'), ['--help', '--version'], "$shell: asnctl's own options");
	is_deeply($ask->('expo'), ['export'], "$shell: a verb that has begun");
	for my $verb (@verbs) {
		is_deeply(unique(map { s/=$//r } @{ $ask->($verb, '--') }), [sort keys %{ $option{$verb} }], "$shell: every option of $verb, and no other");
	}
	is_deeply($ask->('nosuchverb', '--'), [], "$shell: nothing for a verb that there is not");
}

# --- what they take -------------------------------------------------------------------

my ($formats) = (said('asnctl', 'export'))[0] =~ /--format is missing: (.*)/;
my @formats = sort split /, | or /, $formats // '';
is(scalar @formats, 6, 'formats of export');
make_path("$tmp/some dir/Maildir", "$tmp/other", "$tmp/share");
put("$tmp/$_", '') for 'mail one.eml', 'other/two.tsv', 'zebra';
for my $shell (sort keys %ask) {
	my $ask = $ask{$shell};
	is_deeply($ask->('export', '--format', ''), \@formats, "$shell: --format FORMAT");
	is_deeply($ask->('export', '--format=n'), ['nftables'], "$shell: --format=FORMAT");
	is_deeply($ask->('top', '--by', ''), [qw(ham score spam)], "$shell: --by ORDER");
	is_deeply($ask->('export', '-f', 'p'), ['postfix-cidr'], "$shell: -f FORMAT");
	is_deeply($ask->('export', '--json', 'AS645'), [], "$shell: no word for an AS");
	is_deeply($ask->('seal-key', ''), [qw(new rotate status)], "$shell: what seal-key can do");
	my $plain = sub { unique(map { s{/$}{}r =~ s/\\//gr } @{ $ask->(@_) }) };
	is_deeply($plain->('import', '--config', 'some'), ['some dir'], "$shell: the way to a file");
	is_deeply([map { basename($_) } @{ $plain->('import', '-o', 'other/') }], ['two.tsv'], "$shell: a file on that way");
	is_deeply($plain->('lookup', '--db', ''), ['other', 'share', 'some dir'], "$shell: --db DIR offers directories");
	is_deeply($plain->('check', 'z'), ['zebra'], "$shell: FILE...");
	is_deeply($plain->('check', 'm'), ['mail one.eml'], "$shell: a file with a space");
}

# Every option that takes something takes it in both shells: a file, a directory,
# or one of the values that --help names.
for my $verb (@verbs) {
	my ($help) = said('asnctl', $verb, '--help');
	for my $option (sort keys %{ $takes{$verb} }) {
		my $what = $takes{$verb}{$option};
		my @want = $what =~ /^FILE/ ? 'zebra' : $help =~ /^\Q$what\E is ([a-z].*)\.$/m ? split(/, | or /, $1) : next;
		is_deeply(bash($verb, $option, $what =~ /^FILE/ ? 'z' : ''), [sort @want], "bash: $verb $option $what");
	}
}

# --- where they are ---------------------------------------------------------------------

my $installed = decode_json((said('meson', 'introspect', '--installed', $build))[0]);
like($installed->{"$folder/asnctl.bash"}, qr{/share/bash-completion/completions/asnctl$}, 'bash finds its own');
like($installed->{"$folder/_asnctl"}, qr{/share/zsh/(?:site-functions|vendor-completions)/_asnctl$}, 'zsh finds its own');
make_path("$tmp/share/bash-completion/completions");
copy("$folder/asnctl.bash", "$tmp/share/bash-completion/completions/asnctl") or die;
$ENV{XDG_DATA_DIRS} = "$tmp/share";
my ($loaded) = said('bash', '--norc', '-c', '. /usr/share/bash-completion/bash_completion; _completion_loader asnctl; complete -p asnctl');
like($loaded, qr/-F _asnctl asnctl$/, 'bash-completion loads it when asnctl is typed');

# Without asnctl nothing is said and nothing breaks.
$ENV{PATH} =~ s/^[^:]*://;
is_deeply(bash('export', '--'), [], 'bash: no asnctl, no offer');
is_deeply(zsh('export', '--'), [], 'zsh: no asnctl, no offer');

done_testing;
