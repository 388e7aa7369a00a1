# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails: sending them as any client, writing and reading them in Maildirs."""
import base64
import email.utils
import hashlib
import hmac
import itertools
import os
import re
import smtplib
import time

JUNK = '.Junk'
_numbers = itertools.count(1)
_run = '%x' % time.time_ns()  # mails of an earlier test are others


class Smtp(smtplib.SMTP):
    """A session with the private Postfix that plays a client of any address."""

    def __init__(self, port, client=None, name='[UNAVAILABLE]'):
        super().__init__('127.0.0.1', port, local_hostname='client.example')
        self.ehlo()
        if client is not None:
            self.play(client, name)

    def play(self, client, name='[UNAVAILABLE]'):
        """XCLIENT (Postfix's XCLIENT_README): IPv6 has a prefix there."""
        if ':' in client:
            client = 'IPV6:' + client
        self.expect(220, 'XCLIENT', 'ADDR=%s NAME=%s' % (client, name))
        self.ehlo()

    def expect(self, code, command, args=''):
        got, text = self.docmd(command, args)
        if got != code:
            raise RuntimeError('%s %s: %d %r' % (command, args, got, text))

    def mail_to(self, users, extra=b''):
        """One mail; extra: header lines that the client wrote, with their line
        ends.  Returns the token by which to find it."""
        token = 'm%s-%d' % (_run, next(_numbers))
        self.expect(250, 'MAIL', 'FROM:<sender@client.example>')
        for user in users:
            self.expect(250, 'RCPT', 'TO:<%s@example.org>' % user)
        code, text = self.data(compose(token, extra))
        if code != 250:
            raise RuntimeError('DATA: %d %r' % (code, text))
        return token


def compose(token, extra=b''):
    return extra + (
        'From: Sender <sender@client.example>\r\n'
        'Subject: %s\r\n'
        'Date: %s\r\n'
        'Message-ID: <%s@client.example>\r\n'
        '\r\n'
        'Hello.\r\n' % (token, email.utils.formatdate(), token)).encode()


class Mail:
    """A file in a Maildir, read once: path, folder ("" for the inbox), and its
    headers in order as (name, value) with folds taken out."""

    def __init__(self, maildir, folder, path):
        self.maildir, self.folder, self.path = maildir, folder, path
        with open(path, 'rb') as f:
            block = f.read().partition(b'\n\n')[0]
        unfolded = re.sub(rb'\r?\n([ \t])', rb'\1', block)
        lines = unfolded.decode('utf-8', 'surrogateescape').split('\n')
        self.headers = [(n, v.strip()) for n, c, v in
                        (line.partition(':') for line in lines) if c]

    def all(self, name):
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def one(self, name):
        """Its value when it is there exactly once, else None."""
        values = self.all(name)
        return values[0] if len(values) == 1 else None

    def ours(self):
        """Names of the trace headers, in order, whoever wrote them."""
        return [n for n, v in self.headers if n.lower().startswith('x-asn')]

    def verdict(self):
        return (self.one('X-ASN-Spam') or '').partition(',')[0]

    def move(self, folder, flags='S'):
        """As a mail client on the host does: one rename."""
        make_folder(self.maildir, folder)
        base = os.path.basename(self.path).partition(':2,')[0]
        path = os.path.join(self.maildir, folder, 'cur', base + ':2,' + flags)
        os.rename(self.path, path)
        self.folder, self.path = folder, path


def make_folder(maildir, folder):
    owner = os.stat(maildir)
    for part in ('', 'tmp', 'new', 'cur'):
        path = os.path.join(maildir, folder, part)
        if not os.path.isdir(path):
            os.mkdir(path, 0o700)
            os.chown(path, owner.st_uid, owner.st_gid)


def folders(maildir):
    return [''] + [n for n in os.listdir(maildir) if n.startswith('.')]


def find(maildir, token):
    """All copies of the mail with this token, in any folder."""
    wanted, found = '<%s@client.example>' % token, []
    for folder in folders(maildir):
        for part in ('new', 'cur'):
            directory = os.path.join(maildir, folder, part)
            try:
                names = os.listdir(directory)
            except OSError:
                continue
            for name in names:
                try:
                    mail = Mail(maildir, folder, os.path.join(directory, name))
                except OSError:
                    continue  # moved on meanwhile
                if mail.one('Message-ID') == wanted:
                    found.append(mail)
    return found


def write_old(maildir, folder, client, when, flags=''):
    """A mail that this host received at `when`, before asnd was there, as
    Postfix and a Maildir delivery write it."""
    n = next(_numbers)
    date = email.utils.formatdate(when)
    text = (
        'Return-Path: <sender@client.example>\n'
        'Delivered-To: user@example.org\n'
        'Received: from client.example (unknown [%s%s])\n'
        '\tby mx.example.org (Postfix) with ESMTP id 4OLD%05d\n'
        '\tfor <user@example.org>; %s\n'
        'From: sender@client.example\n'
        'Subject: old %d\n'
        'Message-ID: <old%d@client.example>\n'
        '\n'
        'Hello.\n' % ('IPv6:' if ':' in client else '', client, n, date, n, n))
    make_folder(maildir, folder)
    name = '%d.M%dP1.mx:2,%s' % (when, n, flags)
    path = os.path.join(maildir, folder, 'cur', name)
    with open(path, 'w') as f:
        f.write(text)
    owner = os.stat(maildir)
    os.chown(path, owner.st_uid, owner.st_gid)
    os.utime(path, (when, when))


def seal_is_good(value, key):
    """X-ASN-Seal, checked without any code of ours."""
    said, _, mac = value.partition('; b=')
    want = hmac.new(key, said.encode(), hashlib.sha256).digest()
    try:
        return hmac.compare_digest(base64.b64decode(mac, validate=True), want)
    except ValueError:
        return False
