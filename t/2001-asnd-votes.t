#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd and asnd-mailwatch as two processes: what users do becomes votes, votes
# are published, and no restart of either loses, doubles or reads again.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Pair;
use Test::More;

use constant { LEARN_SPAM => '1:1', LEARN_HAM => '1:2', BACK_SPAM => '2:1', BACK_HAM => '2:2' };

my $p = Pair->new;
$p->folder('ann', $_) for '', '.Junk', '.Trash', '.Work';
$p->folder('bob', $_) for '', '.Junk';
ok($p->start_both, 'both start and scan');

sub journal_is {
	my ($want, $name) = @_;
	ok($p->wait_for($name, sub { $p->journal eq $want }), $name)
	    or diag 'journal: ' . $p->journal . " instead of $want";
}

my $name = $p->deliver('ann', '', ip => '192.0.2.7');
ok($p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 1 }),
	'a mail in INBOX is read');
is($p->journal, '', '... and is no vote');
$name = $p->move('ann', '', $name, '.Junk');
journal_is(LEARN_SPAM, 'moved into Junk: spam');
ok($p->wait_for('published', sub { $p->spam('192.0.2.7') > 0.99 }), '... and published');
is($p->sql('SELECT asn, country FROM votes'), '64496|ZZ', 'with AS and country');
$name = $p->move('ann', '.Junk', $name, '', 'S');
journal_is(join(' ', LEARN_SPAM, BACK_SPAM, LEARN_HAM), 'moved back: taken back, ham');
ok($p->wait_for('published', sub { $p->spam('192.0.2.7') < 0.01 && $p->ham('192.0.2.7') > 0.99 }),
	'... and published');

my $before = $p->journal;
$name = $p->deliver('bob', '.Junk', ip => '198.51.100.1', flagged => 1);
my $other = $p->deliver('bob', '.Junk', ip => '198.51.100.2');
ok($p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 3 }),
	'mails delivered into Junk are read');
is($p->journal, $before, '... and are no votes');
$p->move('bob', '.Junk', $name, '');
journal_is("$before " . LEARN_HAM, 'a flagged one rescued: ham');
$before = $p->journal;

# Dovecot: a link under another name, then the old one goes.
$name = $p->deliver('ann', '', ip => '203.0.113.5', flags => 'S');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 4 });
link $p->folder('ann', '') . "/$name", $p->folder('ann', '.Junk') . '/cur/new.name:2,S' or die;
unlink $p->folder('ann', '') . "/$name" or die;
journal_is("$before " . LEARN_SPAM, 'link and unlink: spam');
$before = $p->journal;
rename $p->folder('ann', '.Junk') . '/cur/new.name:2,S', $p->folder('ann', '.Trash') . '/cur/new.name:2,S' or die;
$name = $p->deliver('ann', '', ip => '203.0.113.6', flags => 'S');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 5 });
is($p->journal, $before, 'Junk to Trash is no rescue');
rename $p->folder('ann', '') . "/$name", $p->folder('ann', '') . '/cur/answered:2,RS' or die;
journal_is("$before " . LEARN_HAM, 'answered: ham at once');
$before = $p->journal;

# A header typed into one's own Maildir.
$p->deliver('ann', '', ip => '192.0.2.66', unsealed => 1, name => 'forged');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 6 });
$p->move('ann', '', 'new/forged', '.Junk');
$name = $p->deliver('bob', '', ip => '192.0.2.67');
$p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 7 });
$p->move('bob', '', $name, '.Junk');
journal_is("$before " . LEARN_SPAM, 'a mail without a seal does not vote, the next one does');
$before = $p->journal;

# Restarts.
sub mails { $p->sql('SELECT count(*) FROM mails WHERE gone=0') }
my $mails = mails();
for my $round (1 .. 2) {
	my $scans = $p->scans;
	my ($status, $took) = $p->stop('asnd-mailwatch');
	is($status, 0, 'asnd-mailwatch leaves cleanly');
	$p->start('asnd-mailwatch');
	ok($p->wait_for('scan', sub { $p->scans > $scans }), 'asnd-mailwatch again');
	$scans = $p->scans;
	($status, $took) = $p->stop('asnd', $round == 2 ? 'KILL' : 'TERM');
	cmp_ok($took, '<', 1, 'asnd leaves within a second');
	$p->start_asnd;
	ok($p->wait_for('scan', sub { $p->scans > $scans }), 'asnd again, asnd-mailwatch finds it');
	is($p->last_read, 0, '... and no mail is read again');
	is($p->journal, $before, '... and the journal is the same');
	is(mails(), $mails, '... and so are the mails');
	cmp_ok(abs($p->spam('192.0.2.67') - 1), '<', 0.01, '... and what is published');
}

# What happens while either is away.
$p->stop('asnd-mailwatch');
$name = $p->deliver('bob', '', ip => '198.51.100.9');
my $scans = $p->scans;
$p->start('asnd-mailwatch');
$p->wait_for('scan', sub { $p->scans > $scans });
$p->stop('asnd');
$p->move('bob', '', $name, '.Junk');
$scans = $p->scans;
$p->start_asnd;
ok($p->wait_for('scan', sub { $p->scans > $scans }), 'asnd comes back');
journal_is("$before " . LEARN_SPAM, 'moved while asnd was away: spam, once');
is($p->last_read, 0, '... known by its inode, not read again');
$before = $p->journal;

# Three days later.
$p->stop_both;
$p->deliver('bob', '', ip => '192.0.2.80', flags => 'S');
$p->start_both;
is($p->journal, $before, 'a read mail is no vote yet');
$p->stop_both;
$p->start_both('--clock-offset', 3 * 86400 - 600);
is($p->journal, $before, '... nor ten minutes before three days');
$p->stop_both;
$p->start_both('--clock-offset', 3 * 86400 + 60);
ok($p->wait_for('ham', sub { $p->ham('192.0.2.80') > 0.9 }), '... but then it is ham');
done_testing;
