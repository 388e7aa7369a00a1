#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# The recipe of asnd-mail(7) for mail in no Maildir: a real Dovecot with mdbox
# hands what users move into and out of Junk to asnctl learn, by imapsieve.
use strict;
use warnings;
use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::Bin/lib";
use Bus;
use IO::Socket::INET;
use Pair;
use Test::More;

plan skip_all => 'needs root: Dovecot starts as root' if $> != 0;

my $bus = Bus->new;
my $p = Pair->new;
$bus->take($p);
$p->folder('bob', '');
ok($p->start_both && $bus->ready, 'asnd is on the bus');
my $dir = $p->{dir};

# --- the recipe, as the manual has it, with paths of the test -----------------------
my $page = Bus::slurp("$FindBin::Bin/../man/asnd-mail.7");
my %file = $page =~ /^\.Pa (\S+)\n\.Bd -literal[^\n]*\n(.*?)^\.Ed$/msg;
my %at = ('/etc/dovecot/conf.d/99-asnd.conf' => 'recipe.conf', '/etc/dovecot/sieve/asnd-spam.sieve' => 'asnd-spam.sieve',
	'/etc/dovecot/sieve/asnd-ham.sieve' => 'asnd-ham.sieve', '/usr/local/libexec/asnd-learn' => 'asnd-learn');
is(join(' ', grep { !defined $file{$_} } sort keys %at), '', 'every file of the recipe stands in the manual');
# Where Dovecot's users may execute it: the clone may be in /root.
my $asnctl = "$dir/asnctl";
copy("$Bus::build/asnctl/asnctl", $asnctl) or die "$asnctl: $!";
chmod 0755, $asnctl;
for my $path (sort keys %at) {
	my $text = $file{$path} // '';
	$text =~ s{/etc/dovecot/sieve/}{$dir/}g;
	$text =~ s{/usr/local/libexec/}{$dir/}g;
	$text =~ s{^exec asnctl}{DBUS_SYSTEM_BUS_ADDRESS=$bus->{address}\nexport DBUS_SYSTEM_BUS_ADDRESS\nexec $asnctl}m;
	# Users and groups that need not exist here: nobody stands in for both.
	$text =~ s{user = (asnd|vmail)$}{user = nobody}mg;
	$p->spew($at{$path}, $text);
}
chmod 0755, "$dir/asnd-learn";
mkdir "$dir/$_" for qw(store dc);
chmod 0755, "$dir/$_" for qw(store dc);
$p->spew('log/dovecot', '');
chmod 0666, "$dir/log/dovecot";
chown 65534, 65534, "$dir/store";
my $listen = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
my $port = $listen->sockport;
close $listen;
$p->spew('dovecot.conf', <<"CONF");
base_dir = $dir/dc
state_dir = $dir/dc
log_path = $dir/log/dovecot
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
first_valid_gid = 1
mail_location = mdbox:$dir/store/%n
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=$dir/store/%n
}
namespace inbox {
  inbox = yes
}
service imap-login {
  inet_listener imap {
    port = $port
  }
  inet_listener imaps {
    port = 0
  }
}
!include $dir/recipe.conf
CONF
for ('asnd-spam', 'asnd-ham') {
	my ($status, $out, $err) = $bus->run({}, 'sievec', '-c', "$dir/dovecot.conf", "$dir/$_.sieve");
	is($status, 0, "$_.sieve compiles") or diag "$out$err";
}
my $master = $bus->spawn({}, 'dovecot', '-F', '-c', "$dir/dovecot.conf");
END { if ($master) { kill 'TERM', $master->{pid}; waitpid $master->{pid}, 0; } }

# --- an IMAP client ------------------------------------------------------------------
my ($imap, $tag);
ok($p->wait_for('dovecot', sub { $imap = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port") }), 'Dovecot answers')
    or BAIL_OUT(Bus::slurp($master->{err}) . Bus::slurp("$dir/log/dovecot"));
sub answer {
	my ($until) = @_;
	while (defined(my $line = <$imap>)) {
		return $line if $line =~ $until;
	}
	return '';
}
sub command {
	my ($text, $literal) = @_;
	my $t = 'a' . ++$tag;
	print $imap "$t $text\r\n";
	if (defined $literal) {
		answer(qr/^\+/);
		print $imap "$literal\r\n";
	}
	my $said = answer(qr/^$t /);
	like($said, qr/^$t OK/, substr $text, 0, 40);
}
$imap->autoflush(1);
command('LOGIN ann secret');
command('CREATE Junk');
my $text = $p->mail(ip => '192.0.2.7') =~ s/\n/\r\n/gr;
command(sprintf('APPEND INBOX {%d}', length $text), $text);
is($p->journal, '', 'a mail arrives: no vote');
command('SELECT INBOX');
command('MOVE 1 Junk');
ok($p->wait_for('spam', sub { $p->journal eq '1:1' }), 'moved to Junk: spam') or diag Bus::slurp("$dir/log/dovecot");
is($p->sql("SELECT CAST(u.path AS TEXT) || ' ' || v.sealed FROM votes v JOIN users u ON u.id=v.user"), 'user:ann 1',
	'... the vote of that user, on the sealed mail');
command('SELECT Junk');
command('MOVE 1 INBOX');
ok($p->wait_for('ham', sub { $p->journal eq '1:1 2:1 1:2' }), 'moved back: ham') or diag Bus::slurp("$dir/log/dovecot");
command('SELECT INBOX');
command('COPY 1 Junk');
ok($p->wait_for('spam', sub { $p->journal eq '1:1 2:1 1:2 2:2 1:1' }), 'copied to Junk: spam');
command('LOGOUT');
done_testing;
