#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# Users who read their mail by IMAP: Postfix hands it to Dovecot, whose Sieve
# rule files it, and a real IMAP client moves, copies, flags, renames.
import email.utils
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))
import host as hosts
import imap
import mail
from mail import JUNK, compose
from tap import done, equal, until

USERS = 'fred', 'gina'


def prepare():
    h = hosts.Host()
    for user in USERS:
        h.add_user(user)
    h.import_networks()
    imap.start_dovecot(h)
    h.start_postfix(imap.lda(h))
    h.start_learning(USERS)
    h.start_milter()
    return h


class Counts:
    """Votes of one user beyond the history."""

    def __init__(self, h, user):
        self.h, self.user = h, user
        self.first = self.now()

    def now(self):
        votes = self.h.votes()
        return [votes.get((self.user, c), 0) for c in ('spam', 'ham')]

    def become(self, spam, ham, name):
        want = [self.first[0] + spam, self.first[1] + ham]
        until(lambda: self.now() == want, name)
        equal(self.now(), want, name)

    def stay(self, spam, ham, name):
        equal(self.now(), [self.first[0] + spam, self.first[1] + ham], name)


def new_mail(h, user, address):
    letter = h.send(user, address)
    h.noticed(letter)
    return letter.one('Subject')


def where(h, user, token):
    """Waits for asnd to know the mail where it is; says in which folder.  The
    server may rename files at any time, so it is looked for again."""
    return until(lambda: [m.folder for m in mail.find(h.maildir(user), token)
                          if h.knows(m)], 'asnd knows ' + token)[0]


def check_move(h, client, counts):
    token = new_mail(h, 'fred', '198.51.100.1')
    client.move(token, 'INBOX', 'Junk')
    counts.become(1, 0, 'IMAP MOVE to Junk: spam')
    client.move(token, 'Junk', 'INBOX')
    counts.become(0, 1, 'IMAP MOVE back: taken back, ham')
    client.move(token, 'INBOX', 'Junk')
    counts.become(1, 0, 'and to Junk again: spam, the ham is taken back')
    client.move(token, 'Junk', 'Trash')
    equal(where(h, 'fred', token), '.Trash', 'emptied into Trash')
    counts.stay(1, 0, 'Junk to Trash: no rescue')


def check_copy(h, client, counts):
    token = new_mail(h, 'fred', '198.51.100.2')
    client.copy_and_expunge(token, 'INBOX', 'Junk')
    counts.become(2, 0, 'COPY and EXPUNGE to Junk: spam')
    client.copy_and_expunge(token, 'Junk', 'INBOX')
    counts.become(1, 1, 'and back: ham')


def check_append(h, client, counts):
    """What a user writes into Junk came from nowhere we saw, whatever date it
    bears: before asnd was installed, or after."""
    # What changed in the very second of the installation counts as before.
    with open(h.path('state/install-time')) as f:
        installed = int(f.read())
    until(lambda: time.time() >= installed + 1, 'the next second')
    client.append('Junk', compose('appended'))
    equal(where(h, 'fred', 'appended'), JUNK, 'APPEND into Junk is seen')
    for token, when in (('before', time.time() - hosts.DAY),
                        ('after', time.time())):
        client.append('Junk', compose(token, (
            'Received: from x (x [192.0.2.9])\r\n\tby mx.example.org (Postfix)'
            ' with ESMTP id 4FORGED; %s\r\nX-ASN-Seal: v=1; k=0; t=%d;'
            ' ip=192.0.2.9; q=4FORGED; f=0; b=%s=\r\n' % (
                email.utils.formatdate(when), when, 'A' * 43)).encode()))
        equal(where(h, 'fred', token), JUNK, 'one with forged headers, too')
    counts.stay(1, 1, 'APPEND: no vote')


def check_folders(h, client, counts):
    client.create('Lists')
    client.create('Lists.Example')
    token = new_mail(h, 'fred', '203.0.113.77')
    client.move(token, 'INBOX', 'Lists.Example')
    equal(where(h, 'fred', token), '.Lists.Example',
          'a folder made a moment ago is watched')
    counts.stay(1, 1, 'a move between folders of one kind: no vote')
    client.rename('Lists', 'Papers')
    equal(where(h, 'fred', token), '.Papers.Example',
          'a renamed folder is known by its new name')
    counts.stay(1, 1, 'a renamed folder: no vote')
    client.move(token, 'Papers.Example', 'Junk')
    counts.become(2, 1, 'from there to Junk: spam')


def check_flags(h, client, counts):
    seen = new_mail(h, 'gina', '192.0.2.1')
    answered = new_mail(h, 'gina', '198.18.100.1')
    starred = new_mail(h, 'gina', '198.18.200.1')
    client.flag(seen, 'INBOX', '\\Seen')
    equal(where(h, 'gina', seen), '', '\\Seen is noticed')
    counts.stay(0, 0, '\\Seen: no vote before three days')
    client.flag(answered, 'INBOX', '\\Answered')
    counts.become(0, 1, '\\Answered: ham at once')
    client.flag(starred, 'INBOX', '\\Flagged')
    counts.become(0, 2, '\\Flagged: ham at once')
    unread = new_mail(h, 'gina', '192.0.2.2')
    deleted = new_mail(h, 'gina', '192.0.2.3')
    client.flag(deleted, 'INBOX', '\\Seen \\Deleted')
    equal(where(h, 'gina', deleted), '', '\\Deleted is noticed')
    return [seen, unread, deleted]


def check_three_days_later(h, counts):
    """gina reported spam in the history, so what she read and kept is ham."""
    h.daemons['asnd'].stop()
    h.start_asnd('--clock-offset', str(3 * hosts.DAY + 60))
    counts.become(0, 3, 'three days later: the read mail is ham')
    counts.stay(0, 3, 'the unread and the deleted are not')


def check_sieve(h, fred, gina):
    owners = ('gina', gina), ('gina', gina), ('fred', fred)
    tokens = [new_mail(h, user, '2001:db8:%x::1' % n)
              for n, (user, client) in enumerate(owners)]
    for token, (user, client) in zip(tokens, owners):
        client.move(token, 'INBOX', 'Junk')
        equal(where(h, user, token), JUNK, token + ' is moved to Junk')
    until(lambda: h.lookup('2001:db8:99::1')['flag'], 'that is published')
    before = h.votes()
    letter = h.send_until('fred', 'Yes', '2001:db8:%x::1')
    equal(letter.folder, JUNK, 'flagged: the Sieve rule files it in Junk')
    h.noticed(letter)
    equal(h.votes(), before, 'delivered to Junk by Sieve: no vote')


h = prepare()
fred, gina = imap.Client(h, 'fred'), imap.Client(h, 'gina')
fred.create('Trash')
counts = Counts(h, 'fred')
check_move(h, fred, counts)
check_copy(h, fred, counts)
check_append(h, fred, counts)
check_folders(h, fred, counts)
check_sieve(h, fred, gina)
counts = Counts(h, 'gina')
check_flags(h, gina, counts)
check_three_days_later(h, counts)
done()
