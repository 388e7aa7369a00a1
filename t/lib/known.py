# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests give asnd to know, and what it then knows: networks, a history of
mail that honest users answered, and the evidence made of it."""
import os
import sqlite3
import time

import mail
import tap

DAY = 86400
HISTORY = 35  # answered mails of each user; two users are enough for min-ham

# Documentation (RFC 5737, 3849) and benchmark (RFC 2544) networks.
NETWORKS = (
    '192.0.2.0/24\t64496\tExample Networks\tDE\n'
    '198.51.100.0/24\t64500\tJunk Hosting (Example)\tNL\n'
    '203.0.113.0/24\t64501\tThird Example\tFR\n'
    '2001:db8::/32\t64502\tExample Six\tAT\n' +
    ''.join('198.18.%d.0/24\t%d\tOld Friend %d\tDE\n' % (n, 64600 + n, n)
            for n in range(40)))


def add_history(maildirs):
    """What honest users left in the last weeks: mail they answered, from
    many places, and each some junk from elsewhere.  Returns how many
    votes that is: each counts, no more than two a user, AS and day."""
    now, votes = int(time.time()), 0
    for number, maildir in enumerate(maildirs):
        for n in range(HISTORY):
            mail.write_old(maildir, '', '198.18.%d.%d' % (n, number + 1),
                           now - (4 + n // 2) * DAY, 'RS')
            votes += 1
        mail.write_old(maildir, mail.JUNK, '203.0.113.%d' % (number + 1),
                       now - 9 * DAY, 'S')
        votes += 1
    return votes


class Evidence:
    def __init__(self, path):
        self.evidence_path = path

    def evidence(self, sql, *values):
        try:
            db = sqlite3.connect('file:%s?mode=ro' % self.evidence_path,
                                 uri=True, timeout=5)
        except sqlite3.OperationalError:
            return []
        try:
            return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError as e:
            if 'no such table' not in str(e):  # not yet
                raise
            return []
        finally:
            db.close()

    def votes(self):
        """Standing votes that count, as {(user, folder kind): number}."""
        counted = {}
        for path, kind in self.evidence(
                'SELECT users.path, class FROM votes JOIN users ON'
                ' users.id = votes.user WHERE kind = 1 AND votes.id NOT IN'
                ' (SELECT ref FROM votes WHERE kind = 2)'):
            user = os.path.basename(os.path.dirname(os.fsdecode(path)))
            key = user, 'spam' if kind == 1 else 'ham'
            counted[key] = counted.get(key, 0) + 1
        return counted

    def knows(self, letter):
        """asnd knows this mail where it is, with its flags, and judged it."""
        name = os.path.basename(letter.path)
        kind = 'cur' in letter.path.split('/')[-2]
        return bool(self.evidence(
            'SELECT 1 FROM entries JOIN folders ON folders.id ='
            ' entries.folder JOIN mails ON mails.id = mail JOIN users ON users.id ='
            ' folders.user WHERE users.path = ? AND folders.name = ?'
            ' AND entries.name = ? AND cur = ? AND pending = 0 AND state <> 0',
            letter.maildir.encode(), letter.folder.encode(), name.encode(),
            int(kind)))

    def noticed(self, letter):
        tap.until(lambda: self.knows(letter), 'asnd knows %s in %r' % (
            os.path.basename(letter.path), letter.folder))
