#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# Descriptors of every kind where asnd wants a mail: it answers each at once and
# keeps none; and the pipes of maildrop and procmail that end in asnctl learn.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use Pair;
use POSIX qw(mkfifo);
use Test::More;

plan skip_all => 'needs root: commands run as other users' if $> != 0;

my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
$p->folder('ann', '');
ok($p->start_both && $bus->ready, 'asnd is on the bus');
my $dir = $p->{dir};
my $pid = $p->{pid}{asnd};
sub give { my ($as, @arg) = @_; return ($bus->run($as, "$Bus::build/t/pass-fd", @arg))[1] }
sub descriptors { opendir my $d, "/proc/$pid/fd" or die; my @n = grep { /\d/ } readdir $d; scalar @n }
sub file_of { my ($name, $text) = @_; $p->spew($name, $text); chmod 0666, "$dir/$name"; return "$dir/$name" }

# --- every kind --------------------------------------------------------------------
my $mail = file_of('good', $p->mail(ip => '192.0.2.7'));
like(give({}, 'file', $mail), qr/^ok/, 'a file is read');
my $fds = descriptors();
like(give({}, $_, $mail), qr/^ok/, "$_ is read") for 'memfd', 'sealed';
like(give(\%Bus::STRANGER, 'file', $mail), qr/^ok/, 'of anybody');
mkfifo("$dir/fifo", 0666) or die;
chmod 0666, "$dir/fifo";
file_of('empty', '');
open my $sparse, '>', "$dir/sparse" or die;
truncate $sparse, 1 << 30 or die;
close $sparse;
my $invalid = 'org.asnd1.Error.InvalidArgument: ';
for (['directory', $dir, 'no regular file'], ['fifo', "$dir/fifo", 'no regular file'], ['pipe', $mail, 'no regular file'],
	['socket', $mail, 'no regular file'], ['listener', $mail, 'no regular file'], ['epoll', $mail, 'no regular file'],
	['write-only', $mail, 'not opened for reading'], ['path-only', $mail, 'not opened for reading'],
	['file', "$dir/empty", 'the mail is empty'])
{
	my ($how, $path, $why) = @$_;
	my $said = give(\%Bus::STRANGER, $how, $path);
	like($said, qr/^\Q$invalid\E.*$why/, "$how: refused");
	my ($ms) = $said =~ /(\d+)$/;
	cmp_ok($ms // 1e9, '<', 5000, '... without waiting');
}
like(give({}, 'file', "$dir/sparse", 'spam', 'ann'), qr/^\Q$invalid\Ethis is no mail: it has no header/, 'a sparse file of 1 GB');
like(give({}, 'file', file_of('garbage', join '', map { chr int rand 256 } 1 .. 300000), 'spam', 'ann'), qr/^\Q$invalid\E/,
	'garbage');
like(give({}, 'file', $mail, 'maybe', 'ann'), qr/^\Q$invalid\E"maybe" is no class: spam or ham/, 'a class that is none');
like(give({}, 'file', file_of('mail2', $p->mail(ip => '192.0.2.8')), 'spam', ''), qr/^ok/, 'Learn of a file');
is($p->journal, '1:1', '... is a vote');

# --- callers that are gone ------------------------------------------------------------
my @files = map { file_of("gone$_", $p->mail(ip => "198.51.100.$_")) } 1 .. 20;
my @gone = map { $bus->spawn({}, "$Bus::build/t/pass-fd", 'vanish', $_, 'spam', 'ann') } @files;
$bus->finish($_) for @gone;
like(give({}, 'file', $mail), qr/^ok/, 'callers leave before the answer: asnd answers others');
ok($p->wait_for('closed', sub { descriptors() <= $fds }), '... and keeps no descriptor')
    or diag descriptors() . " instead of $fds";
# Dropped as the bus tells that they left, or learnt: never half.
is($p->sql('SELECT count(*) FROM votes WHERE weight > 1 OR digest IS NULL'), 0, '... the journal is sound');
unlike($p->log('asnd'), qr/CRITICAL|assert/, '... without a complaint');

# --- pipes -------------------------------------------------------------------------------
# As a filter sees it: with a From line, the whole mail, body and all.
my $asnctl = "$Bus::build/asnctl/asnctl";
sub filtered {
	my ($name, $ip, @command) = @_;
	my $before = $p->journal;
	my $mail = file_of("in$ip", "From a\@example.net Sat Nov 21 02:16:57 2026\n" . $p->mail(ip => $ip) . "x\n" x 200000);
	my ($status, $out, $err) = $bus->run({ stdin => $mail }, @command);
	is($status, 0, "$name: its filter is content") or diag "$out$err";
	is($p->journal, "$before 1:1", "... and the mail is learnt") or diag "$out$err";
}
file_of('maildroprc', <<"RC");
DEFAULT="$dir/inbox"
cc "| $asnctl learn --spam --user ann"
RC
chmod 0600, "$dir/maildroprc";
filtered('maildrop', '203.0.113.1', 'maildrop', "$dir/maildroprc");
file_of('procmailrc', <<"RC");
DEFAULT=$dir/inbox2
LOGFILE=$dir/log/procmail
DBUS_SYSTEM_BUS_ADDRESS=$bus->{address}
:0 cw
| $asnctl learn --spam --user ann
RC
chmod 0644, "$dir/procmailrc";
filtered('procmail', '203.0.113.2', 'procmail', "$dir/procmailrc");
filtered('a shell', '203.0.113.3', 'sh', '-c', "'$asnctl' learn --spam --user ann >/dev/null");
done_testing;
