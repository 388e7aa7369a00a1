#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Every key that a verb prints with --json is named in asnctl(1), section JSON
# OUTPUT, under that verb; and every verb that has the option stands there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use Test::More;

plan skip_all => 'needs root, to be several users' if $> != 0;

my $p = Pair->new;
my $bus = Bus->new->take($p);
my $dir = $p->{dir};
my @config = ('--config', "$dir/asnd.conf");
$p->folder('ann', $_) for '', '.Junk';
ok($p->start_both && $bus->ready, 'asnd is on the bus');
sub put { my ($name, $text) = @_; open my $f, '>', "$dir/$name" or die; print $f $text; close $f or die; "$dir/$name" }
my @mails = map { put("mail$_", $p->mail(ip => "198.51.100.$_", flagged => $_ & 1, level => 'prefix')) } 1 .. 4;
$p->deliver('ann', $_ & 1 ? '.Junk' : '', ip => "198.51.100.$_", flags => 'RS', time => time - 86400 * $_) for 5 .. 9;
my $tsv = put('tsv', "192.0.2.0/24\t64496\tExample\tDE\n");
my $stream = put('stream', join '', map { "$_\t192.0.2.$_\t-\t0\t-\t" . ($_ & 1) . "\n" } 1 .. 200);
put('broken', 'x' x 5000);

sub keys_of {
	my ($value, $to) = @_;
	if (ref $value eq 'HASH') {
		# Names of ASs, units and the like are no keys of ours.
		$to->{$_} = 1 for keys %$value;
		keys_of($_, $to) for values %$value;
	} elsif (ref $value eq 'ARRAY') {
		keys_of($_, $to) for @$value;
	}
}

my @runs = (
	['learn', '--spam', '--user', 'ann', @mails[0, 1]], ['learn', '--ham', '--user', 'ann', $mails[0]], ['learn', '--spam', '--user', 'ann', $mails[1]],
	['allow', '192.0.2.1'], ['block', '--until', '2099-01-01', '--note', 'why', '192.0.2.2'], ['rules'],
	['lookup', @config, '198.51.100.1', '198.51.100.0/24', 'AS64497', '192.0.2.2', @mails], ['history', '198.51.100.0/24'],
	['top', 'as'], ['top', 'prefix'], ['top', 'address'], ['quality'], ['networks', @config, 'AS64497'], ['status', @config], ['report', @config],
	['check', "$dir/db/networks.mmdb", "$dir/db/reputation.mmdb", "$dir/broken"], ['import', @config, '-o', "$dir/new.mmdb", $tsv],
	['replay', $stream], ['replay', '--maildir', @config, "$dir/mail/ann/Maildir"], ['forget', '--yes', '198.51.100.1'],
);
my %found;
for my $run (@runs) {
	my ($verb, @args) = @$run;
	my ($status, $out, $err) = $bus->asnctl({}, $verb, '--json', @args);
	ok(length $out, "$verb: prints") or diag $err;
	my $parser = JSON::PP->new;
	$parser->incr_parse($out);
	while (defined(my $value = $parser->incr_parse)) { keys_of($value, $found{$verb} //= {}) }
}
my $man = Bus::slurp("$FindBin::Bin/../man/asnctl.1");
my ($section) = $man =~ /^\.Sh JSON OUTPUT\n(.*?)^\.Sh /ms;
my %named;
for my $item (split /^\.It Cm /m, $section // '') {
	my ($verbs, $text) = $item =~ /\A([^\n]*)\n(.*)\z/s or next;
	my %words = map { $_ => 1 } map { split /[\s,]+/ } $text =~ /^\.(?:Cm|Li) (.*)/mg;
	$named{$_} = \%words for split /[\s,]+/, $verbs;
}
for my $verb (sort keys %found) {
	is(join(' ', grep { !$named{$verb}{$_} } sort keys %{ $found{$verb} }), '', "$verb: its keys are named");
}
my @have = grep { (($bus->asnctl({}, $_, '--help'))[1]) =~ /--json/ } (($bus->asnctl({}, '--help'))[1]) =~ /^  ([a-z][\w-]*) /mg;
is(join(' ', grep { !$named{$_} && $_ ne 'explain' } @have), '', 'every verb with --json is there');
$p->stop_both;
done_testing;
