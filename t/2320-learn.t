#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asnctl learn: mails are voted on without a move, by file, by pipe, by whom.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use JSON::PP;
use Pair;
use POSIX qw(mkfifo);
use Test::More;

plan skip_all => 'needs root: commands run as other users' if $> != 0;
use constant { LEARN_SPAM => '1:1', LEARN_HAM => '1:2', BACK_SPAM => '2:1', BACK_HAM => '2:2' };

my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
$p->folder('ann', $_) for '', '.Junk';
$p->folder('bob', $_) for '', '.Junk';
ok($p->start_both && $bus->ready, 'asnd is on the bus');
my $dir = $p->{dir};
my $ann = "$dir/mail/ann/Maildir";
my $n = 0;

# A mail in a file that anybody may read.
sub file_of {
	my ($text, $name) = @_;
	$name //= 'mail' . ++$n;
	$p->spew($name, $text);
	return "$dir/$name";
}
sub learn { $bus->asnctl(@_[0 .. $#_]) }
sub fails {
	my ($want, $like, $name, $as, @arg) = @_;
	my $before = $p->journal;
	my ($status, $out, $err) = $bus->asnctl($as, 'learn', @arg);
	is($status, $want, "$name: exit code $want");
	like($err, $like, '... says why');
	is(() = $err =~ /\n/g, 1, '... in one line') or diag $err;
	is($p->journal, $before, '... and is no vote');
}

# --- one mail ------------------------------------------------------------------
my $mail = $p->mail(ip => '192.0.2.7');
my $file = file_of($mail);
my ($status, $out, $err) = learn(\%Bus::ROOT, 'learn', '--spam', '--user', 'ann', $file);
is($status, 0, 'a mail is learnt as spam') or diag $err;
like($out, qr{^192\.0\.2\.7: learnt as spam, user \Q$ann\E$}m, '... and says so');
is($err, '', '... and nothing else');
is($p->journal, LEARN_SPAM, '... a vote');
is($p->sql('SELECT u.path FROM votes v JOIN users u ON u.id=v.user'), $ann, '... of the Maildir');
is($p->sql('SELECT asn, country, sealed, weight FROM votes'), '64496|ZZ|1|1', '... with origin and weight');
ok($p->wait_for('published', sub { $p->spam('192.0.2.7') > 0.99 }), '... published');
cmp_ok($p->sql("SELECT last_spam FROM users WHERE CAST(path AS TEXT)='$ann'"), '>', 0, '... its user reports');
for my $whom ('ann', $ann, "$ann/", 'user:ann2') {
	($status, $out) = learn(\%Bus::ROOT, 'learn', '--spam', '--json', '--user', $whom, $file);
	is($status, 0, "again as $whom");
	is(decode_json($out)->{vote}{result}, $whom eq 'user:ann2' ? 'learnt' : 'known', '... is known, or another user');
}
is($p->journal, join(' ', (LEARN_SPAM) x 2), '... and no vote more');
($status, $out) = learn(\%Bus::ROOT, 'learn', '--ham', '--user', 'ann', $file);
like($out, qr/learnt as ham.*the vote for spam is taken back/, 'the other vote takes the first one back');
is($p->journal, join(' ', (LEARN_SPAM) x 2, BACK_SPAM, LEARN_HAM), '... in the journal');

# --- one vote, whether moved or said ------------------------------------------------
my $before = $p->journal;
my $name = $p->deliver('ann', '', ip => '192.0.2.8');
my $moved = $p->folder('ann', '') . "/$name";
ok($p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 1 }), 'a mail in a Maildir');
is((learn({ uid => 65534, gid => 65534 }, 'learn', '--spam', '--user', 'ann', $moved))[0], 0, '... is learnt');
is($p->journal, "$before " . LEARN_SPAM, '... a vote');
$name = $p->move('ann', '', $name, '.Junk');
ok($p->wait_for('moved', sub { $p->sql('SELECT place FROM mails') == 2 }), '... then moved to Junk');
$p->deliver('ann', '', ip => '192.0.2.9');
ok($p->wait_for('read', sub { $p->sql('SELECT count(*) FROM mails WHERE state=1') == 2 }), '... and the next one read');
is($p->journal, "$before " . LEARN_SPAM, '... the same vote');
$name = $p->move('ann', '.Junk', $name, '', 'S');
ok($p->wait_for('back', sub { $p->journal eq "$before " . join(' ', LEARN_SPAM, BACK_SPAM, LEARN_HAM) }),
	'... until it is moved back');

# --- whose vote -----------------------------------------------------------------------
$before = $p->journal;
my $own = file_of($p->mail(ip => '198.51.100.1'));
($status, $out) = learn(\%Bus::MEMBER, 'learn', '--spam', $own);
is($status, 0, 'a member of the group asnd');
like($out, qr/user uid:1$/m, '... without a Maildir votes as his uid');
($status, $out) = learn({}, 'learn', '--spam', '--user', "m\xc3\xbcller", file_of($p->mail(ip => '198.51.100.3')));
like($out, qr/, user m\xc3\xbcller$/m, 'a user without a Maildir is called as he was named');
my $two = file_of($p->mail(ip => '198.51.100.2'));
fails(69, qr/uid:65534 has several Maildirs \(.*\): say which/, 'who owns several Maildirs', \%Bus::ASND,
	'--spam', $two);
$p->folder('cyd', '');
system('chown', '-R', '3:3', "$dir/mail/cyd") == 0 or die;
ok($p->wait_for('cyd', sub { $p->sql('SELECT count(*) FROM owners WHERE uid=3') == 1 }), 'a Maildir of uid 3 appears');
($status, $out) = learn({ uid => 3, gid => 3, groups => 65534 }, 'learn', '--spam', $two);
like($out, qr{user \Q$dir\E/mail/cyd/Maildir$}m, 'who owns one votes as that');
fails(77, qr/only root and members of the group asnd may/, 'a stranger', \%Bus::STRANGER, '--spam', $two);
fails(69, qr/neither a user nor the path/, 'no user at all', {}, '--spam', '--user', "a\nb", $two);
fails(69, qr/without "\.\."/, 'a path with ..', {}, '--spam', '--user', '/home/../x', $two);

# --- how it comes -----------------------------------------------------------------------
sub same_as_plain {
	my ($how, $change) = @_;
	for my $unsealed (0, 1) {
		my $text = $p->mail(ip => '198.51.100.' . ++$n, unsealed => $unsealed);
		my $plain = file_of($text);
		my $changed = file_of($change->($text));
		my $kind = $unsealed ? 'unsealed' : 'sealed';
		is((learn({}, 'learn', '--spam', '--user', 'ann', $changed))[0], 0, "$how, $kind: learnt");
		($status, $out) = learn({}, 'learn', '--spam', '--json', '--user', 'ann', $plain);
		is(decode_json($out)->{vote}{result}, 'known', '... and is the mail it was');
	}
}
same_as_plain('with CR LF', sub { $_[0] =~ s/\n/\r\n/gr });
same_as_plain('out of an mbox', sub { "From ann\@example.org Sat Nov 21 02:16:57 2026\n$_[0]" });
same_as_plain('both', sub { "From ann\@example.org Sat Nov 21 02:16:57 2026\n$_[0]" =~ s/\n/\r\n/gr });

for my $arg ([], ['-']) {
	$before = $p->journal;
	my $ip = '203.0.113.' . ++$n;
	($status, $out) = learn({ stdin => file_of($p->mail(ip => $ip)) }, 'learn', '--ham', '--user', 'bob', @$arg);
	is($status, 0, "from standard input (@$arg)");
	like($out, qr/^\Q$ip\E: learnt as ham/, '... learnt');
}
# A writer whose pipe was closed early would call it a failure.
$p->spew('writer', <<'SH');
set -o pipefail
{ cat "$1"; head -c 3000000 /dev/zero; } | "$2" learn --spam --user bob
SH
($status, $out, $err) = $bus->run({}, 'bash', "$dir/writer", file_of($p->mail(ip => '203.0.113.200')), "$Bus::build/asnctl/asnctl");
is($status, 0, 'a mail of 3 MB through a pipe: its writer is happy') or diag $err;

# --- several ------------------------------------------------------------------------------
my @files = map { file_of($p->mail(ip => "192.0.2.$_")) } 20 .. 24;
($status, $out, $err) = learn({}, 'learn', '--spam', '--user', 'dora', @files, $files[0]);
is($status, 0, 'several mails');
is($out, "6 of 6 mails learnt as spam, 1 of them before, 3 with weight 0 (cap)\n", '... a summary');
is($p->sql("SELECT sum(weight) FROM votes v JOIN users u ON u.id=v.user WHERE CAST(u.path AS TEXT)='user:dora'"), 2,
	'... two of an AS and day weigh');
($status, $out, $err) = learn({}, 'learn', '--spam', '--user', 'eve', $files[0], "$dir/none", $files[1], file_of("x\n"));
is($status, 66, 'one cannot be read, one is no mail: the first tells the exit code');
is($out, "2 of 4 mails learnt as spam\n", '... the rest is learnt');
like($err, qr{^asnctl learn: \Q$dir\E/none: No such file or directory\nasnctl learn: [^\n]*: this is no mail: it has no header\n\z},
	'... a line for each failure');
($status, $out) = learn({}, 'learn', '--ham', '--json', '--user', 'eve', $files[3], "$dir/none");
my @json = map { decode_json($_) } split /\n/, $out;
is($json[0]{vote}{address}, '192.0.2.23', '--json: an object a mail');
like($json[1]{error}, qr/No such file/, '... also for a failure');

# --- nonsense -----------------------------------------------------------------------------
mkfifo("$dir/fifo", 0644) or die;
open my $sparse, '>', "$dir/sparse" or die;
truncate $sparse, 1 << 30 or die;
close $sparse;
my @who = ('--spam', '--user', 'ann');
fails(65, qr/it is empty/, 'an empty file', {}, @who, file_of(''));
fails(65, qr/it is empty/, '/dev/null', {}, @who, '/dev/null');
fails(66, qr/it is a directory; name the mails in it/, 'a directory', {}, @who, $dir);
fails(65, qr/it is empty/, 'a FIFO that nobody writes', {}, @who, "$dir/fifo");
fails(65, qr/no header/, 'a sparse file of 1 GB', {}, @who, "$dir/sparse");
fails(65, qr/no header/, 'one line of 1 MB', {}, @who, file_of('x' x 1000000));
fails(65, qr/this is no mail/, 'binary garbage', {}, @who, $Bus::build . '/asnctl/asnctl');
fails(65, qr/it has no X-ASN-Seal, and it has no Received line/, 'a mail that came from nowhere', {}, @who,
	file_of("From: a\@example.org\nSubject: x\n\nbody\n"));
fails(65, qr/no Received line is of this host; .*\(now: mx\.example\.org\)/, 'a mail of another host', {}, @who,
	file_of($p->mail(ip => '192.0.2.90', unsealed => 1) =~ s/mx\.example\.org/mx.example.net/r));
fails(65, qr/its X-ASN-Seal does not verify/, 'a forged seal', {}, @who,
	file_of($p->mail(ip => '192.0.2.91') =~ s/ip=192\.0\.2\.91/ip=192.0.2.92/r =~ s/mx\.example\.org/mx.example.net/r));
fails(64, qr/: the argument "\\xff" after --user is not valid UTF-8; only text/, 'a user that is no text', {}, '--spam', '--user', "\xff", $file);
fails(64, qr/either --spam or --ham/, 'no class', {}, $file);
fails(64, qr/either --spam or --ham/, 'both classes', {}, '--spam', '--ham', $file);
($status, $out, $err) = $bus->call({}, 'Learn', 'shs', 'maybe', '0', '');
isnt($status, 0, 'busctl without a descriptor is refused');
ok($p->running('asnd'), 'asnd lives');

# --- a flood ------------------------------------------------------------------------------
@files = map { file_of($p->mail(ip => '10.' . int($_ / 250) . '.0.' . $_ % 250)) } 1 .. 520;
($status, $out, $err) = learn({}, 'learn', '--spam', '--user', 'flood', @files);
is($status, 75, 'a flood of one user is stopped');
like($err, qr/cast so many votes.*\n.*19 mails more were not tried\n\z/, '... and said');
is($p->sql("SELECT count(*) FROM votes v JOIN users u ON u.id=v.user WHERE CAST(u.path AS TEXT)='user:flood'"), 500,
	'... after what a flood of moves may do');

# --- without asnd ---------------------------------------------------------------------------
$p->stop_both;
fails(75, qr/asnd does not run; start it with "systemctl start asnd"/, 'no asnd', {}, @who, $file);
$bus->stop;
fails(75, qr/asnd cannot be reached/, 'no bus', {}, @who, $file);
done_testing;
