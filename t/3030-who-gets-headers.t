#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# Who gets trace headers, and what happens to those that others wrote.
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))
import host as hosts
import imap
import mail
from tap import diag, done, equal, ok

THREE = ['X-ASN', 'X-ASN-Spam', 'X-ASN-Seal']
USER = 'hugo'


def prepare():
    h = hosts.Host()
    h.add_user(USER)
    h.configure('local-networks = 127.0.0.0/8;::1;192.0.2.128/25\n'
                'trusted-relays = 203.0.113.5;2001:db8:ffff::/48')
    h.import_networks()
    imap.start_dovecot(h)
    h.start_postfix(
        'virtual', 'virtual_mailbox_maps=static:%s/Maildir/' % USER,
        'smtpd_authorized_xclient_hosts=0.0.0.0/0',  # XCLIENT again
        'mynetworks=127.0.0.0/8 192.0.2.128/25', 'smtpd_sasl_auth_enable=yes',
        'smtpd_sasl_type=dovecot', 'smtpd_sasl_path=%s/dc/sasl' % h.dir)
    h.start_learning([USER])
    h.start_milter()
    return h


def judged_as(h, letter, address, name):
    """The three headers, once each, ours, and about this client."""
    if not equal(letter.ours(), THREE, name + ': three headers, once each'):
        diag('\n'.join('%s: %s' % x for x in letter.headers))
        return
    seal = letter.one('X-ASN-Seal')
    ok(mail.seal_is_good(seal, h.key) and '; ip=%s; ' % address in seal,
       '%s: the seal is ours and says %s' % (name, address))


def check_clients(h):
    judged_as(h, h.send(USER, '192.0.2.7'), '192.0.2.7', 'IPv4')
    six = h.send(USER, '2001:db8:1::25')
    judged_as(h, six, '2001:db8:1::25', 'IPv6')
    equal(six.one('X-ASN'), 'AS64502 2001:db8::/32 AT (Example Six)',
          'IPv6: X-ASN')
    mapped = h.send(USER, '::ffff:192.0.2.7')
    judged_as(h, mapped, '192.0.2.7', 'IPv4 mapped into IPv6')
    equal(mapped.one('X-ASN'), 'AS64496 192.0.2.0/24 DE (Example Networks)',
          'IPv4 mapped into IPv6: X-ASN')
    named = mail.Smtp(h.smtp_port, '192.0.2.9', 'mail.client.example')
    judged_as(h, h.arrived(USER, named.mail_to([USER])), '192.0.2.9',
              'a client with a name')
    named.quit()
    nowhere = h.send(USER, '100.64.1.1')
    ok(nowhere.one('X-ASN') is None and nowhere.one('X-ASN-Seal'),
       'an address in no network: a seal, no X-ASN')


def check_untouched(h):
    for client, name in (('127.0.0.1', 'loopback'), ('::1', 'IPv6 loopback'),
                         ('192.0.2.200', 'mynetworks')):
        equal(h.send(USER, client).ours(), [], name + ': no header')
    equal(h.send(USER, '[UNAVAILABLE]').ours(), [], 'no address: no header')
    with mail.Smtp(h.smtp_port, '198.51.100.7') as session:
        session.login(USER, imap.PASSWORD)
        letter = h.arrived(USER, session.mail_to([USER]))
        ok('ESMTPA' in letter.one('Received'), 'the client did authenticate')
        equal(letter.ours(), [], 'authenticated client: no header')
    with mail.Smtp(h.smtp_port, '198.51.100.7') as session:
        judged_as(h, h.arrived(USER, session.mail_to([USER])), '198.51.100.7',
                  'the same client without a password')


def forged(lines):
    return ''.join(line + '\r\n' for line in lines).encode()


def check_forged(h):
    fake_seal = 'v=1; k=0; t=1795217323; ip=192.0.2.1; q=4X; f=0; b=' + \
        'A' * 43 + '='
    judged_as(h, h.send(USER, '198.51.100.8', forged([
        'X-ASN: AS1 192.0.2.0/24 US (Good People)', 'X-ASN-Spam: No, score=0',
        'X-ASN-Seal: ' + fake_seal])), '198.51.100.8', 'forged')
    judged_as(h, h.send(USER, '198.51.100.8', forged([
        'x-asn: AS1', 'X-aSn-SPAM: No', 'X-ASN-SEAL:' + fake_seal,
        'x-AsN-sPaM: Yes'])), '198.51.100.8', 'forged in other letters')
    judged_as(h, h.send(USER, '198.51.100.8', forged([
        'X-ASN-Spam:', '\tNo,', '  score=0.000', 'X-ASN:', ' ', '\tAS1',
        'X-ASN-Seal: v=1;', ' k=0'])), '198.51.100.8', 'forged and folded')
    judged_as(h, h.send(USER, '198.51.100.8', forged([
        'X-ASN-Spam:', 'X-ASN:', 'X-ASN-Seal:'])), '198.51.100.8',
        'forged and empty')
    many = []
    for n in range(100):
        many += ['X-ASN-Spam: No, %d' % n, 'X-Other-%d: x' % n,
                 'X-ASN: AS%d' % n, 'X-ASN-Seal: ' + fake_seal]
    letter = h.send(USER, '198.51.100.8', forged(many))
    judged_as(h, letter, '198.51.100.8', 'forged a hundred times')
    equal(sum(n.startswith('X-Other-') for n, v in letter.headers), 100,
          'the headers in between stay')
    letter = h.send(USER, '198.51.100.8', forged([
        'X-ASN-Spammer: stays', 'X-AS: stays', 'My-X-ASN-Spam: stays']))
    equal([v for n, v in letter.headers if v == 'stays'], ['stays'] * 3,
          'headers with similar names stay')


def received(client, by):
    return [
        'Received: from x.example (x.example [%s])' % client,
        '\tby %s (Postfix) with ESMTPS id 4RELAY' % by,
        '\tfor <hugo@example.org>; Fri, 20 Nov 2026 10:00:00 +0000 (UTC)']


def check_relays(h):
    relay, second = '203.0.113.5', '2001:db8:ffff::25'
    sender, other = '198.51.100.66', '192.0.2.66'
    chain = received(sender, 'backup.example.org') + received(
        other, 'sender.example')
    judged_as(h, h.send(USER, relay, forged(chain)), sender,
              'trusted relay: the first hop outside')
    judged_as(h, h.send(USER, second, forged(
        received(relay, 'second.example.org') + chain)), sender,
        'two trusted relays')
    judged_as(h, h.send(USER, relay, forged(received(
        'IPv6:2001:db8:66::1', 'backup.example.org'))), '2001:db8:66::1',
        'trusted relay, IPv6 sender')
    judged_as(h, h.send(USER, '198.51.100.99', forged(chain)),
              '198.51.100.99', 'not trusted: its Received lines mean nothing')
    letter = h.send(USER, relay)
    equal(letter.ours(), [], 'mail of the relay itself: no header')
    letter = h.send(USER, relay, forged(['X-ASN-Spam: No'] + chain))
    judged_as(h, letter, sender, 'forged through a trusted relay')
    letter = h.send(USER, relay, forged(chain).replace(
        b'ESMTPS', b'ESMTPSA', 1))
    equal(letter.ours(), [], 'a user who authenticated at the relay')


def check_sessions(h):
    with mail.Smtp(h.smtp_port, '192.0.2.30') as session:
        letters = [h.arrived(USER, session.mail_to([USER], extra))
                   for extra in (b'', forged(['X-ASN-Spam: Yes']))]
        session.expect(250, 'MAIL', 'FROM:<a@client.example>')
        session.expect(250, 'RCPT', 'TO:<hugo@example.org>')
        session.expect(250, 'RSET')
        letters.append(h.arrived(USER, session.mail_to([USER])))
    for n, letter in enumerate(letters):
        judged_as(h, letter, '192.0.2.30', 'mail %d of a session' % (n + 1))
    ids = [re.search(r'q=(\w+)', m.one('X-ASN-Seal') or 'q=0')[1]
           for m in letters]
    ok(all(i in m.one('Received') for i, m in zip(ids, letters)),
       'each with its own queue id')
    with mail.Smtp(h.smtp_port, '192.0.2.31') as session:
        first = h.arrived(USER, session.mail_to([USER]))
        session.play('198.51.100.31')
        second = h.arrived(USER, session.mail_to([USER]))
        session.play('127.0.0.1')
        third = h.arrived(USER, session.mail_to([USER]))
    judged_as(h, first, '192.0.2.31', 'before XCLIENT')
    judged_as(h, second, '198.51.100.31', 'after XCLIENT')
    equal(third.ours(), [], 'after XCLIENT to loopback')


h = prepare()
check_clients(h)
check_untouched(h)
check_forged(h)
check_relays(h)
check_sessions(h)
equal(h.daemons['asn-milter'].process.poll(), None, 'asn-milter still runs')
done()
