#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
# asn-milter as a mail server meets it: who gets headers, what they look like,
# what a hostile or broken peer can do.  t/mta.c plays the mail server.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use MilterTest;
use Test::More;

spew("$tmp/key", '0 ' . 'A' x 43 . "=\n");
make_db('networks');
make_db('base', 1, '198.51.100.0/24');
config("local-networks=10.0.0.0/8\ntrusted-relays=203.0.113.1;203.0.113.2\n" .
	"flag-headers=X-Spam-Flag: YES;X-Spam-ASN: AS{asn}\n");
my $pid = start_milter('--clock-offset', '5');

my $bad = "connect 4 198.51.100.7\n";
my $end = "macro E i 4XyZ\neom\n";
my $spam = qr/^insert 0 X-ASN-Spam: Yes, score=\d\.\d{3} threshold=0\.900 level=\w+ spam=\d+\.\d ham=\d+\.\d$/;
my $ham = qr/^insert 0 X-ASN-Spam: No, score=\d\.\d{3} threshold=0\.900 level=\w+ spam=\d+\.\d ham=\d+\.\d$/;
sub seal { my ($ip, $f) = @_;
	qr/^insert 0 X-ASN-Seal: v=1; k=0; t=\d+; ip=\Q$ip\E; q=4XyZ; f=$f; b=[A-Za-z0-9+\/]{43}=$/ }

# --- flagged, not flagged, unknown ------------------------------------------
my @a = talk($bad . "header Subject hi\n" . $end);
is(scalar @a, 6, 'flagged: five headers');
is($a[0], 'insert 0 X-Spam-ASN: AS64497', 'flag headers last');
is($a[1], 'insert 0 X-Spam-Flag: YES', 'in their order');
like($a[2], seal('198.51.100.7', 1), 'seal');
like($a[3], $spam, 'verdict');
is($a[4], 'insert 0 X-ASN: AS64497 198.51.100.0/24 DE (Example Networks)',
	'X-ASN ends up first');
is($a[5], 'continue', 'and the mail passes');
my ($t) = $a[2] =~ /t=(\d+)/;
cmp_ok(abs($t - time - 5), '<', 20, 'the time is the clock plus its offset');

@a = talk("connect 4 192.0.2.7\n$end");
like($a[0], seal('192.0.2.7', 0), 'ham: seal');
like($a[1], $ham, 'ham: verdict');
is($a[2], 'insert 0 X-ASN: AS64496 192.0.2.0/24 ZZ (Example Networks)', 'ham: X-ASN');
is($a[3], 'continue', 'no flag headers');

@a = talk("connect 4 100.64.1.1\n$end");
ok(!grep(/X-ASN:/, @a), 'no network record: no X-ASN');
ok(grep(/X-ASN-Spam/, @a), 'but a verdict');

@a = talk("connect 6 2001:db8::1\n$end");
like($a[0], seal('2001:db8::1', 0), 'IPv6');
is($a[2], 'insert 0 X-ASN: AS64499 2001:db8::/32 FR (Example Networks)', 'its network');
@a = talk("connect 6 ::ffff:198.51.100.7\n$end");
like($a[2], seal('198.51.100.7', 1), 'v4-mapped is IPv4');
@a = talk("connect 6 IPv6:2001:db8::1\n$end");
like($a[0], seal('2001:db8::1', 0), "Postfix's way to write IPv6");

# --- who gets nothing ---------------------------------------------------------
my $forged = "header X-ASN-Spam No, score=0.000\n";
is_deeply([talk("connect 4 127.0.0.1\n$forged$end")], ['continue'], 'loopback');
is_deeply([talk("connect 6 ::1\n$forged$end")], ['continue'], 'IPv6 loopback');
is_deeply([talk("connect 4 10.9.8.7\n$forged$end")], ['continue'], 'local network');
is_deeply([talk("connect U\n$forged$end")], ['continue'], 'unknown client');
is_deeply([talk("connect L /run/x\n$forged$end")], ['continue'], 'unix client');
is_deeply([talk($forged . $end)], ['continue'], 'no connect event at all');
is_deeply([talk($bad . $forged . "macro E i 4XyZ\\x00{auth_authen}\\x00u\neom\n")], ['continue'],
	'authenticated');
is_deeply([talk($bad . $forged . "macro E i 4XyZ\\x00{auth_type}\\x00PLAIN\neom\n")], ['continue'],
	'authenticated without a name');
@a = talk($bad . "macro E i 4XyZ\\x00{auth_authen}\\x00\neom\n");
is(scalar @a, 6, 'an empty auth macro is no authentication');
ok(!grep(/Seal/, talk("${bad}eom\n")), 'no queue id: no seal');
ok(!grep(/Seal/, talk("${bad}macro E i a\\x0ab\neom\n")), 'odd queue id: no seal');

# --- forged copies --------------------------------------------------------------
@a = talk("connect 4 192.0.2.7\n" .
	"header x-asn AS1\nheader X-ASN-SPAM Yes,\\n\\tscore=1\nheader Subject X-ASN: no\n" .
	"header X-ASN \nheader X-Asn-Seal v=1\nheader X-ASN-Spammer stays\nheader X-aSn 3\n$end");
is_deeply([@a[0 .. 4]], ['change 3 X-ASN: ', 'change 2 X-ASN: ',
	'change 1 X-ASN: ', 'change 1 X-ASN-Spam: ', 'change 1 X-ASN-Seal: '],
	'removed last to first, before ours go in');
is(scalar(grep /^change/, @a), 5, 'and no more than those');

@a = talk($bad . "header X-ASN-Spam No\n" x 5000 . $end);
like(scalar(join "\n", grep /^insert/, @a), qr/X-ASN-Spam: Yes/, 'the verdict stands above the rest');

# --- several messages, aborts ------------------------------------------------------
@a = talk("$bad${forged}macro E i 4XyZ\neom\nheader Subject two\n$end");
is(scalar(grep /^insert/, @a), 10, 'two messages a connection');
is(scalar(grep /^change/, @a), 1, 'copies are counted for each message alone');
@a = talk("$bad${forged}abort\nheader Subject two\n$end");
is(scalar(grep /^change/, @a), 0, 'an aborted message leaves nothing behind');
@a = talk("$bad${forged}again\n$bad$end");
is(scalar(grep /^insert/, @a), 5, 'a dropped connection leaves nothing behind');

# --- trusted relays ----------------------------------------------------------------
sub hop { "header Received from h (r [$_[0]])\\n\\tby $_[1] (Postfix) with ESMTP id 1\\n\\tfor <u\@x>; d\n" }
my $relay = "connect 4 203.0.113.1\n";
@a = talk($relay . hop('198.51.100.7', 'relay') . hop('192.0.2.7', 'x') . $end);
like($a[2], seal('198.51.100.7', 1), 'behind a relay: its client');
@a = talk($relay . hop('203.0.113.2', 'r1') . hop('198.51.100.7', 'r2') . $end);
like($a[2], seal('198.51.100.7', 1), 'behind two');
is_deeply([talk($relay . $end)], ['continue'], 'a relay without Received: untouched');
is_deeply([talk($relay . hop('unknown', 'relay') . $end)], ['continue'], 'nor one that does not know');
is_deeply([talk($relay . hop('10.1.1.1', 'relay') . $end)], ['continue'], "a relay's local client");
@a = talk($relay . hop('198.51.100.7', 'relay') . "macro E i 4XyZ\neom\n" .
	hop('192.0.2.7', 'relay') . $end);
like($a[6], seal('192.0.2.7', 0), 'the next message has its own');
@a = talk("connect 4 192.0.2.7\n" . hop('198.51.100.7', 'mx') . $end);
like($a[0], seal('192.0.2.7', 0), 'who is no relay is not believed');

# --- hostile -------------------------------------------------------------------------
@a = talk("${bad}big 60000 X-Big\nbig 60000 X-ASN\n$end");
is($a[-1], 'continue', 'long header lines');
@a = talk("${bad}big 1048576 X-Big\n$end");
is_deeply(\@a, ['lost'], 'a packet of 1 MiB: libmilter, which takes 64 KiB, hangs up');
@a = talk($bad . $end);
is($a[-1], 'continue', 'and the next mail is answered');
ok(kill(0, $pid), 'by the same process');
@a = talk($relay . "repeat 100000 Received from a (b [203.0.113.2])\\n\\tby c with SMTP\n" . $end);
is_deeply(\@a, ['continue'], '100,000 Received lines: passed over');
@a = talk("${bad}header X-Nul a\\x00X-ASN-Spam: b\nheader \\x00 \nheader X-\\xff\\x80 \\x01\n$end");
is($a[-1], 'continue', 'NULs and control bytes');
@a = talk("${bad}repeat 3000 X-ASN-Spam Yes\n$end");
is(scalar(grep /^change/, @a), 100, '3000 forged copies: as many removed as Postfix can take');
for my $raw ('00000000', 'ffffffff4f', '7fffffff43', '0000000143', '000000024341',
	'00000002ff00', '0000000548414243', '000000014c', '0000000344') {
	talk("raw $raw\n");
	talk("${bad}raw $raw\n");
	talk("${bad}packet L $raw\n$end");
}
talk($bad . "packet C 00\npacket C 7800340000\npacket C 780034\n" . $end);
@a = talk($bad . $end);
is($a[-1], 'continue', 'alive after broken packets');
ok(kill(0, $pid), 'the same process');

# --- signals, the log ------------------------------------------------------------------
kill $_, $pid for ('HUP', 'HUP', 'USR1', 'HUP');
@a = talk($bad . $end);
is($a[-1], 'continue', 'SIGHUP and SIGUSR1 do no harm');
my ($status, $seconds) = stop_milter($pid);
is($status, 0, 'SIGTERM: exit 0');
cmp_ok($seconds, '<', 1, 'in less than a second');
ok(!-e "$tmp/sock", 'its socket is gone');
my $log = log_text();
like($log, qr/4XyZ: client=198\.51\.100\.7 asn=64497 score=\d\.\d{3} verdict=Yes reason=flagged/,
	'a line for each judged mail');
like($log, qr/4XyZ: client=127\.0\.0\.1 asn=0 score=- verdict=- reason=local/, 'the untouched too');
unlike($log, qr/[^\x20-\x7e\n]/, 'outside text is escaped');
like($log, qr/a\\x0ab: client/, 'as \xHH');
done_testing();
