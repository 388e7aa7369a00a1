#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl quality and asnctl top against a running asnd: what the test did with
# mails is what they tell, once, whatever happens in between.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use POSIX qw(strftime);
use Test::More;

plan skip_all => 'needs root' if $> != 0;
my $DAY = 86400;
my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
for my $user (qw(ann bob)) { $p->folder($user, $_) for '', '.Junk' }
ok $p->start_both, 'asnd and asnd-mailwatch run';
ok $bus->ready, 'asnd is on the bus';

sub json {
	my ($status, $out, $err) = $bus->asnctl({ %Bus::STRANGER }, @_, '--json');
	is $status, 0, "asnctl @_ --json" or diag $err;
	return decode_json($out);
}
sub fails {
	my ($want, $like, @arg) = @_;
	my ($status, $out, $err) = $bus->asnctl({}, @arg);
	is $status, $want, "asnctl @arg: $want";
	like $err, qr/\Aasnctl \w+: $like\n\z/, 'one line says why';
	is $out, '', 'and nothing else';
}

# --- nothing yet ---------------------------------------------------------------
is_deeply json('quality')->{rows}, [], 'no mail, no rows';
is json('quality')->{total}{flagged}, 0, 'a total of nothing';
is_deeply json('top'), [], 'no votes, no neighbourhoods';
my ($status, $out, $err) = $bus->asnctl({}, 'quality');
is "$status $out", '0 ', 'nothing to show is no error';
like $err, qr/no mail with a seal/, 'and it says so';

# --- what users do ---------------------------------------------------------------
# The model: a list of what was delivered and what became of it.
my $now = time;
my @mails;
my %where = (Junk => '.Junk', INBOX => '');
sub mail { # user, flagged, level, weeks ago, first folder, folders it moves to
	my ($user, $flagged, $level, $weeks, $first, @to) = @_;
	my $time = $now - 7 * $DAY * $weeks;
	my $ip = $flagged ? '203.0.113.' : '192.0.2.';
	$ip = '203.0.113.' if grep { $_ eq 'Junk' } @to;
	push @mails, { user => $user, flagged => $flagged, level => $level, time => $time,
		first => $first, to => \@to, ip => $ip . (1 + @mails % 250) };
}
for my $user (qw(ann bob)) {
	mail($user, 1, 'prefix', 0, 'Junk') for 1 .. 6;                 # flagged, left there
	mail($user, 1, 'prefix', 0, 'Junk', 'INBOX') for 1 .. 2;        # rescued
	mail($user, 1, 'block', 1, 'Junk', 'INBOX', 'Junk');            # rescued, and put back
	mail($user, 1, 'AS', 1, 'INBOX', 'Junk');                       # confirmed: no filter
	mail($user, 0, 'AS', 1, 'INBOX') for 1 .. 5;
	mail($user, 0, 'address', 2, 'INBOX', 'Junk') for 1 .. 3;       # missed
	mail($user, 0, 'address', 2, 'INBOX', 'Junk', 'INBOX');         # a slip, taken back
	mail($user, 0, undef, 2, 'INBOX');                              # no score then
}
# The last one belongs to a week that is not asked for.
mail('ann', 1, 'AS', 6, 'Junk', 'INBOX');

for my $m (@mails) {
	$m->{qid} = sprintf '4Q%05d', ++our $n;
	$m->{name} = $p->deliver($m->{user}, $where{ $m->{first} }, map { $_ => $m->{$_} } qw(ip time flagged level qid));
	$m->{folder} = $m->{first};
}
my $sealed = sub { $p->sql('SELECT count(*) FROM seals') == @mails };
ok $p->wait_for('all are read', $sealed, 30), 'all mails were read';
for my $m (@mails) {
	for my $to (@{ $m->{to} }) {
		my $before = $p->sql('SELECT coalesce(max(id), 0) FROM votes');
		$m->{name} = $p->move($m->{user}, $where{ $m->{folder} }, $m->{name}, $where{$to});
		$m->{folder} = $to;
		$m->{standing} = $to eq 'Junk' ? 'spam' : 'ham';
		$p->wait_for("the vote on $m->{qid}",
			sub { $p->sql('SELECT coalesce(max(id), 0) FROM votes') > $before }) or BAIL_OUT('no vote');
	}
}

# What quality must say, by week and level.
sub expected {
	my ($weeks) = @_;
	my %rows;
	for my $m (@mails) {
		my $week = strftime('%G-W%V', gmtime $m->{time});
		next if !grep { $week eq strftime('%G-W%V', gmtime $now - 7 * $DAY * $_) } 0 .. $weeks - 1;
		my $level = $m->{level} // 'unknown';
		my $r = $rows{"$week $level"} //= { week => $week, level => $level,
			map { $_ => 0 } qw(flagged unflagged rescued confirmed missed) };
		my $standing = $m->{standing} // '';
		$r->{ $m->{flagged} ? 'flagged' : 'unflagged' }++;
		$r->{rescued}++ if $m->{flagged} && $standing eq 'ham';
		$r->{confirmed}++ if $m->{flagged} && $standing eq 'spam';
		$r->{missed}++ if !$m->{flagged} && $standing eq 'spam';
	}
	for my $r (values %rows) {
		my $caught = $r->{flagged} - $r->{rescued};
		$r->{precision} = sprintf '%.6f', $caught / $r->{flagged} if $r->{flagged};
		$r->{recall} = sprintf '%.6f', $caught / ($caught + $r->{missed}) if $caught + $r->{missed};
	}
	return [sort { "$a->{week} $a->{level}" cmp "$b->{week} $b->{level}" } values %rows];
}
sub told {
	my ($weeks) = @_;
	my $j = json('quality', '--weeks', $weeks);
	for my $r (@{ $j->{rows} }) {
		delete $r->{start};
		exists $r->{$_} and $r->{$_} = sprintf '%.6f', $r->{$_} for qw(precision recall);
	}
	return [sort { "$a->{week} $a->{level}" cmp "$b->{week} $b->{level}" } @{ $j->{rows} }];
}
is_deeply told(4), expected(4), 'quality tells what users did';
is_deeply told(20), expected(20), 'of all weeks, too';
is scalar(@{ told(1) }), 1, 'and of this one alone';

my $all = json('quality', '--weeks', 4);
my $caught = 2 * (6 + 1 + 1);
is $all->{total}{flagged}, 2 * 10, 'total: flagged';
is $all->{total}{rescued}, 2 * 2, 'rescued';
is $all->{total}{missed}, 2 * 3, 'missed';
is sprintf('%.6f', $all->{total}{precision}), sprintf('%.6f', $caught / 20), 'precision';
is sprintf('%.6f', $all->{total}{recall}), sprintf('%.6f', $caught / ($caught + 6)), 'recall';
is scalar(@{ $all->{weeks} }), 3, 'three weeks had mail';
my ($none) = grep { $_->{level} eq 'unknown' } @{ $all->{levels} };
ok !exists $none->{precision} && !exists $none->{recall}, 'nothing to divide, no number';

# --- as text ---------------------------------------------------------------------
($status, $out) = $bus->asnctl({}, 'quality', '--weeks', 4);
my @lines = map { [split /\t/] } split /\n/, $out;
is_deeply [grep { @$_ != 9 } @lines], [], 'piped: nine fields a line';
my ($total) = grep { $_->[0] eq 'total' && $_->[1] eq 'all' } @lines;
is "@$total", 'total all 20 4 4 20 6 0.8000 0.7273', 'the last line is the sum';
my ($unknown) = grep { $_->[0] eq 'total' && $_->[1] eq 'unknown' } @lines;
is "@$unknown[7, 8]", '- -', '"-" where there is nothing to divide';
sub on_terminal {
	my ($s, $text) = $bus->run({}, 'script', '-qec', "'$Bus::build/asnctl/asnctl' @_", '/dev/null');
	$text =~ s/\r//g;
	return ($s, $text, $text =~ s/\033\[[0-9;]*m//gr);
}
my ($s, $coloured, $plain) = on_terminal('quality --weeks 4');
is $s, 0, 'on a terminal';
like $plain, qr/^week +level +flagged +rescued +confirmed +not flagged +missed +precision +recall$/m, 'has a head';
my %width = map { length($_) => 1 } grep { /^(?:week|20\d\d-W|total)/ } split /\n/, $plain;
is scalar(keys %width), 1, 'all lines end in one column';

# --- once and only once ------------------------------------------------------------
my $before = told(20);
$p->deliver('ann', '', name => "copy.$_", flags => 'S', map { my $k = $_; $k => $mails[0]{$k} } qw(ip time flagged level qid))
    for 1 .. 3;
ok $p->wait_for('the copies', sub { $p->sql("SELECT count(*) FROM mails WHERE state = 1") >= @mails + 3 }), 'copies of a mail are read';
# They are copies outside of Junk of what is there: a vote like any other.
is_deeply [map { [@$_{qw(week level flagged unflagged missed)}] } @{ told(20) }],
    [map { [@$_{qw(week level flagged unflagged missed)}] } @$before], 'and count no mail anew';
$before = told(20);
$p->stop('asnd', 'KILL');
$p->stop('asnd-mailwatch');
ok $p->start_both, 'asnd was killed and is there again';
ok $bus->ready, 'also on the bus';
is_deeply told(20), $before, 'after kill -9 the numbers are the same';
$p->stop_both;
# Mails that go away for so long that they are forgotten, and come back.
mkdir "$p->{dir}/away" or die $!;
sub carry {
	my ($from, $to) = @_;
	my $n = 0;
	for my $file (glob "$from/*") {
		my $name = $file =~ s{.*/}{}r;
		rename $file, "$to/$name" or die "$file: $!";
		$n++;
	}
	return $n;
}
my $junk = $p->folder('bob', '.Junk') . '/cur';
my $carried = carry($junk, "$p->{dir}/away");
cmp_ok $carried, '>', 0, 'mails are carried away';
ok $p->start_both, 'asnd sees it';
$p->stop_both;
ok $p->start_both('--clock-offset', 700), 'ten minutes pass';
ok $p->wait_for('its mails', sub { $p->sql('SELECT count(*) FROM mails') <= @mails + 3 - $carried }, 30), 'they are forgotten';
is carry("$p->{dir}/away", $junk), $carried, 'they come back';
ok $p->wait_for('its mails', sub { $p->sql('SELECT count(*) FROM mails WHERE state = 1') == @mails + 3 }), 'and are read anew';
ok $bus->ready, 'on the bus';
is_deeply told(20), $before, 'its mails count once';

# --- top -----------------------------------------------------------------------------
my $top = json('top', 'address', '--limit', 1000);
my %spam;
for my $m (@mails) {
	$spam{ $m->{ip} } = 1 if ($m->{standing} // '') eq 'spam';
}
is_deeply [grep { $_->{spam} > 0.5 && !$spam{ $_->{what} } } @$top], [], 'addresses in top were voted spam';
ok @$top > 0, 'there are some';
is_deeply [sort { $b <=> $a } map { $_->{spam} } @$top], [map { $_->{spam} } @$top], 'most spam first';
my $as = json('top', 'as');
is $as->[0]{what}, 'AS64498', 'the worst AS';
is_deeply [@{ $as->[0] }{qw(asn country holder)}], [64498, 'NL', 'Example'], 'its country and holder';
is json('top', 'as', '--by', 'ham')->[0]{what}, $as->[0]{ham} > ($as->[1]{ham} // 0) ? 'AS64498' : 'AS64496', 'by ham';
for my $level (qw(prefix block)) {
	my $rows = json('top', $level, '--by', 'score');
	is $rows->[0]{what}, '203.0.113.0/24', "$level by score";
	is $rows->[0]{asn}, 64498, 'and its AS';
	my $chain = $p->published('203.0.113.250');
	cmp_ok abs($chain->{$level}{theta} - $rows->[0]{score}), '<', 1e-4, 'the score is that of lookup';
	cmp_ok abs($chain->{$level}{spam} - $rows->[0]{spam}), '<', 1e-4, 'and so is the weight';
}
is scalar(@{ json('top', 'address', '--limit', 2) }), 2, '--limit';
($status, $out) = $bus->asnctl({ %Bus::STRANGER }, 'top', 'block');
like $out, qr{\A203\.0\.113\.0/24\t0\.\d{3}\t\d+\.\d\t\d+\.\d\t(?:flagged|-)\tAS64498\tNL\tExample\n}, 'piped: fields with tabs';
($s, $coloured, $plain) = on_terminal('top as');
like $plain, qr/^from +score +spam +ham +flag +country +holder\n *AS64498 +0\./, 'on a terminal: columns';

# --- many at once, some of whom leave ------------------------------------------------
my @jobs = map { $bus->spawn({}, 'busctl', '--system', '--timeout=30', 'call', 'org.asnd1', '/org/asnd1',
	'org.asnd1.Manager', 'Top', 'ssu', $_ % 2 ? 'address' : 'as', 'score', 1000) } 1 .. 30;
kill 'KILL', $_->{pid} for @jobs[0 .. 4];
my $votes = $p->sql('SELECT count(*) FROM votes');
my $late = $p->deliver('ann', '', ip => '203.0.113.99', flagged => 0, level => 'AS');
$p->wait_for('a mail', sub { $p->sql("SELECT count(*) FROM seals") == @mails + 1 });
$p->move('ann', '', $late, '.Junk');
ok $p->wait_for('a vote', sub { $p->sql('SELECT count(*) FROM votes') > $votes }), 'votes count meanwhile';
my %end;
$end{ $_->[0] == 0 ? 'answered' : $_->[2] =~ /try again/ ? 'busy' : $_->[2] }++ for map { [$bus->finish($_)] } @jobs[5 .. 29];
is_deeply [grep { !/^(?:answered|busy)$/ } keys %end], [], 'each is answered, or told to try again';
cmp_ok $end{answered} // 0, '>', 0, 'some are answered';
waitpid $_->{pid}, 0 for @jobs[0 .. 4];
is json('top', 'as')->[0]{what}, 'AS64498', 'and asnd goes on';

# --- nonsense ---------------------------------------------------------------------
fails(64, '"nets" is no neighbourhood; it can be .*', 'top', 'nets');
fails(64, '"bad\\\\x0a" is no order; .*', 'top', '--by', "bad\n");
fails(64, 'one of as.*', 'top', 'as', 'block');
fails(64, '--limit 0: .*', 'top', '--limit', 0);
fails(64, '--limit 1001: .*', 'top', '--limit', 1001);
fails(64, '--weeks -1: .*', 'quality', '--weeks=-1');
fails(64, 'it takes no arguments.*', 'quality', 'now');
fails(64, '.*integer.*', 'quality', '--weeks', 'x');
my ($code, undef, $why) = $bus->call({ %Bus::STRANGER }, 'Top', 'ssu', 'country', 'spam', 5);
like $why, qr/the level is as, prefix, block or address/, 'asnd, too, says what would be right';
($code, undef, $why) = $bus->call({ %Bus::STRANGER }, 'Quality', 'u', 0);
like $why, qr/0 weeks: 1 to/, 'and how many weeks';
$p->stop_both;
fails(75, '.*systemctl.*', 'quality');
fails(75, '.*systemctl.*', 'top');

done_testing;
