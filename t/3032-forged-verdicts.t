#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# What maildrop, procmail and Sieve make of forged verdicts, with the rules of
# postfix-conf: mail that Postfix and asn-milter delivered is filed by our verdict
# alone, however the sender wrote his.
#
# Beyond what the milter takes out there are two ways left for a Yes of the
# sender's: more than 100 copies, and mail that gets no headers of ours at all
# (authenticated, local).  Such a Yes files the sender's own mail into Junk, and
# nobody else's; a No never takes mail out.
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'lib'))
import host as hosts
import mail
from mail import JUNK
from tap import diag, done, equal, ok, until

YES = b'Yes, score=1.000 threshold=0.900 level=address spam=99.9 ham=0.0'
NO = b'No, score=0.000 threshold=0.900 level=AS spam=0.0 ham=99.9'


def forgeries(word):
    """(name, header lines) of a forged verdict in every shape."""
    return [(name, text % {b'w': word}) for name, text in (
        ('plain', b'X-ASN-Spam: %(w)s\r\n'),
        ('small letters', b'x-asn-spam: %(w)s\r\n'),
        ('mixed letters, no space', b'x-AsN-sPaM:%(w)s\r\n'),
        ('a space before the colon', b'X-ASN-Spam : %(w)s\r\n'),
        ('a tab before the colon', b'X-ASN-Spam\t:%(w)s\r\n'),
        ('folded', b'X-ASN-Spam:\r\n %(w)s\r\n'),
        ('folded over an empty-looking line', b'X-ASN-Spam:\r\n \r\n\t%(w)s\r\n'),
        ('three times', b'X-ASN-Spam: %(w)s\r\n' * 3),
        ('a hundred times', b'X-ASN-Spam: %(w)s\r\n' * 100),
        ('in a fold of another', b'X-Other: a\r\n X-ASN-Spam: %(w)s\r\n'),
        ('in a fold, after a bare CR', b'X-Other: a\rX-ASN-Spam: %(w)s\r\n'),
        ('after a bare LF', b'X-Other: a\nX-ASN-Spam: %(w)s\r\n'),
        ('after CR CR LF', b'X-Other: a\r\r\nX-ASN-Spam: %(w)s\r\n'),
        ('after a NUL', b'X-Other: a\0X-ASN-Spam: %(w)s\r\n'),
        ('as an encoded word',
         b'X-Other: =?utf-8?q?=0D=0AX-ASN-Spam:_%(w)s?=\r\n'),
        ('in its name', b'=?utf-8?q?X-ASN-Spam?=: %(w)s\r\n'),
        ('in 8 bit letters', b'X-ASN-Spam\xc2\xa0: %(w)s\r\n'),
        ('behind 50 KB', b'X-Other: ' + b'y' * 50000 + b'\r\nX-ASN-Spam: %(w)s\r\n'),
        ('in a header of 100 KB',
         b'X-ASN-Spam: %(w)s' + b'\r\n y' * 25000 + b'\r\n'),
        ('with a vertical tab', b'X-ASN-Spam:\x0b%(w)s\r\n'),
        ('behind the end of the header', b'\r\nX-ASN-Spam: %(w)s\r\n'),
        ('behind a line that is no header', b'no header\r\nX-ASN-Spam: %(w)s\r\n'),
        ('in a part', b'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n'
         b'X-ASN-Spam: %(w)s\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n'))]


def prepare():
    h = hosts.Host()
    for user in ('ann', 'maildrop', 'procmail', 'sieve'):
        h.add_user(user)
    h.run(hosts.BUILD + '/t/make-db', h.db, 'networks')
    h.run(hosts.BUILD + '/t/make-db', h.db, 'base', '1', '198.51.100.0/24')
    h.start_postfix('virtual', 'virtual_mailbox_maps=static:ann/Maildir/',
                    'local_header_rewrite_clients=')
    h.start_milter()
    conf = hosts.TOP + '/postfix-conf/'
    with open(conf + 'maildroprc') as f:
        h.write('vm/maildrop/.mailfilter',
                f.read().replace('$HOME', h.path('vm/maildrop')), 0o600)
    with open(conf + 'asn.sieve') as f:
        h.write('asn.sieve', f.read())
    with open(conf + 'procmailrc') as f:
        h.write('procmailrc', f.read())
    return h


def as_nobody(h, argv, text, user):
    return subprocess.run(
        argv, input=text, cwd=h.dir, user=hosts.NOBODY.pw_uid,
        group=hosts.NOBODY.pw_gid, extra_groups=[], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env={'PATH': os.environ['PATH'], 'HOME':
                                     h.path('vm', user), 'LOGNAME': 'nobody'})


def where(h, user):
    """In which folder one mail is, which is then gone."""
    found = []
    for folder in mail.folders(h.maildir(user)):
        for part in ('new', 'cur'):
            path = os.path.join(h.maildir(user), folder, part)
            for name in os.listdir(path) if os.path.isdir(path) else ():
                found.append(folder)
                os.unlink(os.path.join(path, name))
    return found


def filed(h, letter):
    """What each of the three makes of it: {name: folder}."""
    with open(letter, 'rb') as f:
        text = f.read()
    as_nobody(h, ['maildrop', h.path('vm/maildrop/.mailfilter')], text, 'maildrop')
    as_nobody(h, ['procmail', '-m', 'HOME=' + h.path('vm/procmail'),
                  h.path('procmailrc')], text, 'procmail')
    sieve = as_nobody(h, ['sieve-test', h.path('asn.sieve'), letter], b'', 'sieve').stdout
    return {'maildrop': where(h, 'maildrop'), 'procmail': where(h, 'procmail'),
            'sieve': [JUNK if b'store message in folder: Junk' in sieve else ''
                      if b'store message in folder: INBOX' in sieve else sieve]}


def deliver(h, client, lines):
    """One mail through Postfix; the path of what arrived."""
    new = h.maildir('ann') + '/new'
    with mail.Smtp(h.smtp_port, client) as session:
        token = session.mail_to(['ann'], lines)

    def arrived():
        for name in os.listdir(new):
            with open(os.path.join(new, name), 'rb') as f:
                if token.encode() in f.read():
                    return os.path.join(new, name)
        return None
    path = until(arrived, 'a mail arrives')
    os.chmod(path, 0o644)
    return path


def check(h, client, word, folder):
    bad = []
    for name, lines in forgeries(word):
        path = deliver(h, client, lines)
        got = filed(h, path)
        if set(map(tuple, got.values())) != {(folder,)}:
            with open(path, 'rb') as f:
                bad.append('%s: %r\n%r' % (name, got, f.read()[:1500]))
        os.unlink(path)
    ok(not bad, '%s, and the sender says %s: %d ways to say it, filed by our'
       ' verdict' % (client, word[:3].decode(), len(forgeries(word))))
    diag('\n'.join(bad))


h = prepare()
check(h, '192.0.2.7', YES, '')
check(h, '198.51.100.7', NO, JUNK)
check(h, '198.51.100.7', YES, JUNK)
check(h, '192.0.2.7', NO, '')
# What is left to the sender, and hits himself.
path = deliver(h, '192.0.2.7', b'X-ASN-Spam: ' + YES + b'\r\n' +
               (b'X-ASN-Spam: ' + YES + b'\r\n') * 100)
equal(set(map(tuple, filed(h, path).values())), {(JUNK,)},
      'a Yes 101 times: one is left, and files the mail of its sender')
path = deliver(h, '198.51.100.7', (b'X-ASN-Spam: ' + NO + b'\r\n') * 5000)
equal(set(map(tuple, filed(h, path).values())), {(JUNK,)},
      'a No 5,000 times: flagged all the same')
done()
