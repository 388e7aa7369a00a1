#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asn-milter behind a real Postfix: where the headers end up, forged copies go,
# what Postfix tells of authenticated clients, trusted relays, a dead milter.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use MilterTest;
use POSIX ();
use Test::More;

my $port = do { my $s = IO::Socket::INET->new(Listen => 1,
	LocalAddr => '127.0.0.1') or die; $s->sockport };
my $pf = "$tmp/pf";
my $sock = "$pf/queue/asn-milter/milter.sock";
my $auth;
END { local $?; system("postfix -c $pf/conf stop >/dev/null 2>&1") if -d "$pf/conf";
	kill 'KILL', $auth if $auth }

# Mail is kept as files: one a mail, in $tmp/mail.
mkdir "$tmp/mail"; chmod 0777, "$tmp/mail";
spew("$tmp/keep", "#!/bin/sh\nf=\$(mktemp $tmp/mail/.tmp.XXXXXX) && cat > \$f && mv \$f $tmp/mail/\$\$.\$(date +%s%N)\n");
chmod 0755, "$tmp/keep";
open my $setup, '|-', "$top/t/lib/private-postfix", $pf, $port,
	'smtpd_milters=unix:asn-milter/milter.sock', 'virtual_transport=keep',
	'smtpd_sasl_auth_enable=yes', 'smtpd_sasl_type=dovecot',
	'smtpd_sasl_path=sasl/auth', 'smtpd_sasl_security_options=',
	'keep_destination_recipient_limit=1',
	'smtpd_recipient_restrictions=permit_sasl_authenticated,reject_unauth_destination'
	or die;
print $setup "keep unix - n n - - pipe flags=R user=nobody argv=$tmp/keep\n";
close $setup or die 'private-postfix';

# An SASL server that believes everybody (Dovecot's auth protocol 1.2).
mkdir "$pf/queue/sasl"; chmod 0755, "$pf/queue/sasl";
my $listen = IO::Socket::UNIX->new(Local => "$pf/queue/sasl/auth", Listen => 8) or die;
chmod 0666, "$pf/queue/sasl/auth";
$auth = fork // die;
if (!$auth) {
	$SIG{CHLD} = 'IGNORE';
	while (my $c = $listen->accept) {
		next if fork;
		$c->autoflush(1);
		print $c "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t00000000000000000000000000000000\nDONE\n";
		while (my $line = <$c>) {
			print $c "OK\t$1\tuser=joe\n" if $line =~ /^AUTH\t(\d+)\tPLAIN/;
		}
		POSIX::_exit(0);
	}
	POSIX::_exit(0);
}
system("postfix -c $pf/conf start >$tmp/pf.out 2>&1") == 0 or die "postfix: $? $!\n", slurp("$tmp/pf.out"), slurp("$pf/postfix.log");

spew("$tmp/key", '0 ' . 'A' x 43 . "=\n");
make_db('networks');
make_db('base', 1, '198.51.100.0/24');
config("trusted-relays=203.0.113.1\n");
# config() names another socket; the option wins.
sub start { my $pid = start_milter('--socket', "unix:$sock"); system('chgrp', 'postfix', $sock); $pid }
my $pid = start();

# Sends one mail, returns its header block as delivered.
sub send_mail {
	my ($client, $headers, @opt) = @_;
	spew("$tmp/mail.in", "$headers" . "From: a\@example.net\nSubject: t\n\nbody\n");
	my $out = qx($top/t/lib/smtp @opt $port $client a\@example.net u\@example.org < $tmp/mail.in 2>&1);
	return "refused: $out" if $?;
	wait_until(sub { glob("$tmp/mail/*") }) or return 'not delivered: ' . slurp("$pf/postfix.log");
	my ($file) = glob("$tmp/mail/*");
	my $text = slurp($file);
	unlink $file;
	$text =~ s/\n\n.*//s;
	$text =~ s/\AReturn-Path:.*\n//;
	return $text;
}
my $forged = "x-asn: AS1\nX-ASN-Spam: No,\n\tscore=0\nSubject2: x\nX-ASN-Seal: v=1\nX-asn-SPAM: No\n";

my $m = send_mail('198.51.100.7', $forged);
like($m, qr/\AX-ASN: AS64497 198\.51\.100\.0\/24 DE \(Example Networks\)\nX-ASN-Spam: Yes, score=.*\nX-ASN-Seal: v=1; k=0;.* ip=198\.51\.100\.7; q=\w+; f=1; b=.*\nReceived: /,
	'ours on top, in their order') or diag($m);
is(scalar(() = $m =~ /^x-asn/gim), 3, 'and no others');
like($m, qr/^Subject2: x$/m, 'the rest is as it was');
my ($q) = $m =~ /q=(\w+);/;
like($m, qr/\bid \Q$q\E\b/, "the seal has Postfix's queue id");
$m = send_mail('2001:db8::1', '');
like($m, qr/\AX-ASN: AS64499 2001:db8::\/32 FR/, 'IPv6') or diag($m);
$m = send_mail('198.51.100.7', $forged, '--auth', 'joe:x');
unlike($m, qr/AS64497/, 'an authenticated client: nothing added') or diag($m);
like($m, qr/^X-ASN-Seal: v=1$/m, 'and nothing removed');
like($m, qr/with ESMTPA/, '(it was authenticated)');
$m = send_mail('-', $forged);
like($m, qr/^X-ASN-Seal: v=1$/m, 'loopback: untouched');
$m = send_mail('203.0.113.1', "Received: from h (r [198.51.100.7])\n\tby relay (Postfix) with ESMTP id 1;\n\tSat, 21 Nov 2026 02:16:57 +0000\n");
like($m, qr/ip=198\.51\.100\.7; q=\w+; f=1/, 'behind a relay, as Postfix folds it') or diag($m);
$m = send_mail('203.0.113.1', '');
unlike($m, qr/X-ASN/, "the relay's own: Postfix's own Received line is not taken for one") or diag($m);


stop_milter($pid, 'KILL');
$m = send_mail('198.51.100.7', "");
like($m, qr/^(refused|Received)/, 'a dead milter: Postfix decides (default here: tempfail)');
$pid = start();
ok(wait_until(sub { send_mail('198.51.100.7', '') =~ /X-ASN-Spam: Yes/ }), 'back again');
my ($status, $seconds) = stop_milter($pid);
is($status, 0, 'leaves cleanly');
done_testing();
