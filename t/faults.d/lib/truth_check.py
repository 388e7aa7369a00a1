# SPDX-License-Identifier: GPL-2.0-or-later
"""Waits until asnd has seen everything, then holds its journal and what it
published against the model."""
import ipaddress
import json
import math
import os
import sqlite3
import sys
import time

import tap
import truth_model as model

sys.path.insert(0, os.path.join(os.path.dirname(__file__), '../../data'))
import refmodel  # noqa: E402

DEADLINE = 120
HURRY = 0.3   # seconds: who waits longer makes asnd's clock leap
LEAP, MOST_LEAPS = 5, 12
MARKER = 'zz-marker'  # of truth_world.py
CLASSES = {1: model.SPAM, 2: model.HAM}
ROW = ('id kind ref user digest class addr asn country prefix mail_time '
       'vote_time weight sealed flagged').split()


class Mismatch(Exception):
    def __init__(self, what, letters=()):
        super().__init__(what)
        self.letters = list(letters)


def address(blob):
    """struct AsnAddr (lib/addr.h)"""
    if blob[16] == 4:
        return str(ipaddress.IPv4Address(blob[12:16]))
    return str(ipaddress.IPv6Address(blob[:16]))


def network(blob):
    if not blob or blob[16] == 0:
        return ''
    return '%s/%d' % (address(blob), blob[17])


class Row:
    def __init__(self, values):
        self.__dict__.update(zip(ROW, values))
        self.vote = model.BACK if self.kind == 2 else CLASSES[self.class_]

    def __str__(self):
        if self.kind == 2:
            return 'entry %d takes %d back' % (self.id, self.ref)
        return 'entry %d: %s weight %d of %s mail %d at %d' % (
            self.id, self.vote, self.weight, address(self.addr),
            self.mail_time, self.vote_time)


ROW[ROW.index('class')] = 'class_'


class Waiter:
    """Waits for asnd, whose clock goes faster after a while; up to a minute."""

    def __init__(self, world):
        self.world, self.leaps = world, 0
        self.next = time.monotonic() + HURRY

    def sleep(self, seconds):
        time.sleep(seconds)
        if time.monotonic() > self.next and self.leaps < MOST_LEAPS:
            self.leaps += 1
            self.next = time.monotonic() + HURRY
            self.world.hurry(LEAP)


class Check:
    def __init__(self, world):
        self.world = world
        self.rows = {}         # id: Row
        self.last_row = 0
        self.taken_back = {}   # id: by which entry
        self.of_cap = {}       # (user, neighbourhood, class, day): votes
        self.receipts = {}
        self.last_spam = {}
        self.model = refmodel.Model()
        self.digests = {}      # (user, digest): letter
        self.user_ids = {}
        self.open_rows = {}    # letters with entries since all was quiet
        self.votes = self.compared = self.lenient = self.border = 0
        self.scores = 0
        self.first_run = False
        self.since = world.now()

    # --- asnd's file --------------------------------------------------------

    def read(self):
        """One snapshot of the evidence; None: there is none now."""
        try:
            db = sqlite3.connect('file:%s?mode=ro' % self.world.evidence_path,
                                 uri=True, timeout=5)
        except sqlite3.OperationalError:
            return None
        try:
            db.execute('BEGIN')
            return self.snapshot(db)
        except sqlite3.OperationalError:
            return None
        finally:
            db.close()

    def snapshot(self, db):
        s = {'waiting': []}
        s['mark'] = db.execute(
            'SELECT count(*) FROM entries WHERE name = ?',
            (b'mark%d:2,' % self.world.marks,)).fetchone()[0]
        s['rows'] = [Row(r) for r in db.execute(
            'SELECT id, kind, ref, user, digest, class, addr, asn, country,'
            ' prefix, mail_time, vote_time, weight, sealed, flagged FROM votes'
            ' WHERE id > ? ORDER BY id', (self.last_row,))]
        if not s['mark']:
            return s
        s['users'] = {i: os.path.basename(os.path.dirname(os.fsdecode(p)))
                      for i, p in db.execute('SELECT id, path FROM users')}
        # of users who went while nobody watched their mail seems to be there
        went = ', '.join(str(i) for i, name in s['users'].items()
                         if name not in self.world.users)
        s['gone'] = db.execute(
            'SELECT user, digest, ino FROM mails WHERE digest NOT NULL AND'
            ' (gone > 0 OR user IN (%s))' % went).fetchall()
        s['entries'] = {}
        s['digests'] = []
        for user, folder, cur, name, ino, digest, state, pending in db.execute(
                'SELECT folders.user, folders.name, cur, entries.name, ino,'
                ' digest, state, pending FROM entries JOIN folders ON folders.id ='
                ' entries.folder JOIN mails ON mails.id = entries.mail'):
            user = s['users'][user]
            key = user, os.fsdecode(folder), cur, os.fsdecode(name)
            if user not in self.world.users and user != MARKER:
                continue  # a Maildir that went may come back: it is kept
            s['entries'][key] = ino
            if state in (0, 4) or (state == 1 and pending):
                s['waiting'].append(key)
            s['digests'].append((user, digest, ino))
        return s

    def lag(self, s):
        """What keeps this from being quiet; None: nothing."""
        if s is None:
            return 'no evidence'
        if not s['mark']:
            return 'the mark is not seen'
        if s['waiting']:
            return '%d mails wait to be read or judged: %r' % (
                len(s['waiting']), s['waiting'][:3])
        tree = self.world.tree()
        got = {k: i for k, i in s['entries'].items()
               if k[0] != MARKER}
        if got != tree:
            extra = [k for k in got if k not in tree]
            lost = [k for k in tree if k not in got]
            return ('asnd knows %d names that are not there and not %d that'
                    ' are: %r %r' % (len(extra), len(lost), extra[:3],
                                     lost[:3]))
        return None

    def lost_letters(self, s):
        if s is None or 'entries' not in s:
            return []
        return [f.letter for f in self.world.files.values() if
                (f.user, f.folder, int(f.cur), f.name) not in s['entries'] or
                (f.user, f.folder, int(f.cur), f.name) in s['waiting']]

    def settle(self, why=''):
        """Everything done is seen; the journal is as it must be."""
        self.world.mark()
        end, waiter = time.monotonic() + DEADLINE, Waiter(self.world)
        pause = 0.005
        while True:
            s = self.read()
            lag = self.lag(s)
            problem = None if lag else self.compare(s)
            if not lag and not problem:
                break
            if time.monotonic() > end:
                raise Mismatch('%s: not in %d s: %s' % (
                    why or 'quiet', DEADLINE, lag or problem[0]),
                    problem[1] if problem else self.lost_letters(s))
            waiter.sleep(pause)
            pause = min(pause * 1.5, 0.1)
        self.accept(s)

    # --- membership ---------------------------------------------------------

    def map_digests(self, s):
        of_ino = {(f.user, f.ino): f.letter
                  for f in self.world.files.values()}
        for user, digest, ino in s['digests']:
            letter = of_ino.get((user, ino))
            if letter is None or digest is None:
                continue
            known = self.digests.setdefault((user, digest), letter)
            if known is not letter:
                raise Mismatch('one digest for two mails', [known, letter])
            if letter.digest not in (None, digest):
                raise Mismatch('two digests for one mail', [letter])
            letter.digest = digest
        self.user_ids = s['users']
        for user, digest, ino in s['gone']:  # read, voted on, and deleted
            letter = self.world.inodes.get((s['users'][user], ino))
            if letter and letter.digest is None and \
               (s['users'][user], digest) not in self.digests:
                self.digests[s['users'][user], digest] = letter
                letter.digest = digest

    def clock(self, user):
        """What reporter may mean for this user's mail in this wave."""
        now = self.world.now()
        before = self.reports(user, self.last_spam.get(user, 0), now)
        fresh = max([r.vote_time for r in self.fresh
                     if r.vote == model.SPAM and
                     self.user_ids.get(r.user) == user] or [0])
        after = before or self.reports(user, fresh, now)
        return model.Clock(now, before, after, self.first_run)

    @staticmethod
    def reports(user, last, now):
        return last > 0 and now - last < model.WINDOW

    def compare(self, s):
        """-> None, or (what is wrong, letters)"""
        self.map_digests(s)
        self.fresh = s['rows']
        rows = {}
        for row in s['rows']:
            user = self.user_ids[row.user]
            letter = self.digests.get((user, row.digest))
            if letter is None:
                return 'a vote on a mail nobody knows: %s' % row, (
                    self.stranger(row, user),)
            rows.setdefault(id(letter), (letter, []))[1].append(row)
        self.judged = list(self.suspects(rows))
        for key, letter in self.judged:
            wrong = self.compare_letter(letter, rows.get(key, (0, []))[1])
            if wrong:
                return wrong, [letter]
        self.fresh_rows = rows
        return None

    def stranger(self, row, user):
        """For the story of it."""
        found = [x for x in self.world.letters.values()
                 if x.user == user and x.time == row.mail_time]
        letter = found[0] if found else model.Letter(
            user, '?', row.mail_time, address(row.addr), False, row.sealed,
            row.flagged, False)
        letter.digest = letter.digest or row.digest
        return letter

    def suspects(self, rows):
        """Letters on which there is something to say: touched, voted on, or
        waiting to become old enough."""
        found = {k: letter for k, (letter, _) in rows.items()}
        found.update(self.world.touched)
        now = self.world.now()
        for letter in self.world.letters.values():
            if letter.votes and letter.state.standing is None and \
               letter.state.files and letter.time + model.HAM_AGE <= \
               now + model.SOON:
                found[id(letter)] = letter
        return found.items()

    def compare_letter(self, letter, rows):
        clock = self.clock(letter.user)
        got = tuple((r.vote, self.taken(r)) for r in rows)
        letter.outcomes = model.outcomes(letter, clock)
        if letter.user not in self.world.users:
            model.may_come_back(letter)
        if got in letter.outcomes:
            return None
        return 'the journal got %s, right is %s' % (
            self.words(got), ' or '.join(map(self.words, letter.outcomes)))

    @staticmethod
    def words(rows):
        return ' then '.join('back (%s)' % w if v == model.BACK else v
                             for v, w in rows) or 'nothing'

    def taken(self, row):
        if row.vote != model.BACK:
            return None
        ref = self.rows.get(row.ref) or next(
            (r for r in self.fresh if r.id == row.ref), None)
        return ref.vote if ref else 'an unknown entry'

    # --- what was found right becomes the past ------------------------------

    def accept(self, s):
        wave_start, now = self.since, self.world.now()
        for key, letter in self.judged:
            rows = self.fresh_rows.get(key, (0, []))[1]
            got = tuple((r.vote, self.taken(r)) for r in rows)
            if len(letter.outcomes) > 1 and letter.user in self.world.users:
                self.lenient += 1
            letter.states = letter.outcomes[got]
            letter.events = []
            self.compared += 1
        for row in s['rows']:
            self.check_row(row, wave_start, now)
            self.learn(row)
        self.world.touched = {}
        self.since = now
        self.first_run = False
        if len(self.world.tables) > 1 and self.world.table_taken():
            self.world.tables = self.world.tables[-1:]

    def check_row(self, row, wave_start, now):
        letter = self.digests[self.user_ids[row.user], row.digest]
        letter.history.append(row)
        if row.vote == model.BACK:
            if row.ref in self.taken_back:
                raise Mismatch('%s a second time' % row, [letter])
            self.taken_back[row.ref] = row.id
            return
        if address(row.addr) != str(ipaddress.ip_address(letter.ip)):
            raise Mismatch('%s: the address is %s' % (row, letter.ip),
                           [letter])
        if row.mail_time != letter.time:
            raise Mismatch('%s: the time is %d' % (row, letter.time), [letter])
        if bool(row.sealed) != letter.sealed or \
           bool(row.flagged) != letter.flagged:
            raise Mismatch('%s: sealed %r flagged %r' % (
                row, row.sealed, row.flagged), [letter])
        if self.first_run:
            wave_start, now = letter.time, letter.time
        if not wave_start - 3 <= row.vote_time <= now + 3:
            raise Mismatch('%s: not between %d and %d' % (
                row, wave_start, now), [letter])
        self.check_origin(row, letter)

    def check_origin(self, row, letter):
        got = row.asn or 0, (row.country or b'').decode(), network(row.prefix)
        world = self.world
        want = [world.networks.origin(n, t, letter.ip) if t is not None
                else (0, '', '') for n, t in world.tables]
        if got not in want:
            raise Mismatch('%s: from %r, right is %r' % (row, got, want),
                           [letter])
        row.key = self.key(letter.ip, got)

    @staticmethod
    def key(ip, origin):
        asn, country, prefix = origin
        return refmodel.keys(ip, prefix or '-', str(asn), country or '-')

    def learn(self, row):
        """As SCORE.md has it, in the order of the journal."""
        self.rows[row.id] = row
        self.last_row = row.id
        user = self.user_ids[row.user]
        letter = self.digests[user, row.digest]
        if row.vote == model.BACK:
            receipt = self.receipts.pop(row.ref, None)
            if receipt:
                self.model.unlearn(receipt)
            return
        self.votes += 1
        allowed = self.model.allowed(row.key, row.vote == model.SPAM, user,
                                     row.vote_time)
        if row.weight != int(allowed):
            raise Mismatch('%s: the weight is %d' % (row, allowed), [letter])
        if row.vote == model.SPAM:
            self.last_spam[user] = max(self.last_spam.get(user, 0),
                                       row.vote_time)
        if allowed:
            self.receipts[row.id] = self.model.learn(
                row.key, row.mail_time, row.vote == model.SPAM, 1.0, user)

    # --- scores -------------------------------------------------------------

    def check_scores(self, clients=None):
        """asnctl on the published files; they may be a moment behind."""
        end, waiter = time.monotonic() + DEADLINE, Waiter(self.world)
        while True:
            wrong = self.compare_scores(clients or
                                        self.world.networks.clients)
            if not wrong:
                return
            if time.monotonic() > end:
                raise Mismatch('scores: ' + wrong)
            waiter.sleep(0.1)

    def compare_scores(self, clients):
        world, before = self.world, self.world.now()
        try:
            said = world.asnctl('lookup', '--db', world.db, '--json', *clients)
        except RuntimeError as e:
            return str(e)
        answers = [json.loads(line) for line in said.splitlines()]
        if len(answers) != len(clients):
            return '%d answers' % len(answers)
        when = self.time_of(answers[0], before)
        if when is None:
            return 'weight of all ham %r, right is %r (%s)' % (
                answers[0]['ham_in_all'], self.model.at(
                    self.model.raw, before)[1], self.levels(
                        self.key(clients[0], (0, '', '')), before,
                        answers[0]))
        reporters = sum(when - t < model.WINDOW
                        for t in self.last_spam.values())
        self.model.min_reporters = 2 if reporters >= 3 else 1
        for client, answer in zip(clients, answers):
            wrong = self.compare_answer(client, answer, when)
            if wrong:
                return '%s: %s' % (client, wrong)
            self.scores += 1
        return None

    def time_of(self, answer, before):
        """When asnctl looked, by how far the weight of all ham has decayed:
        a second is 1e-7 of it, too much to be left open."""
        raw, got = self.model.raw, answer['ham_in_all']
        if got <= 0 or raw.h <= 0:
            return before if got == raw.h else None
        when = raw.t - self.model.H * math.log2(got / raw.h)
        now = self.world.now()
        return when if before - 0.5 < when < now + 0.5 else None

    def compare_answer(self, client, answer, when):
        number, table = self.world.tables[-1]
        origin = self.world.networks.origin(number, table, client) \
            if table is not None else (0, '', '')
        key = self.key(client, origin)
        score, evidence, warm, flag = self.model.predict(key, when)
        want = {'score': score, 'evidence': evidence}
        for name, value in want.items():
            if not math.isclose(answer[name], value, rel_tol=1e-9,
                                abs_tol=1e-9):
                return '%s is %.12g, right is %.12g (%s)' % (
                    name, answer[name], value, self.levels(
                        key, when, answer))
        if (answer['warm'], answer['flag']) != (warm, flag):
            return 'warm, flag: %r, right is %r' % (
                (answer['warm'], answer['flag']), (warm, flag))
        return None

    def levels(self, key, when, answer):
        ours = '; '.join('%s %s spam %.9f ham %.9f' % x[:4]
                         for x in self.model.chain(key, when))
        return 'right: %s; got: %s' % (ours, '; '.join(
            '%(level)s %(key)s spam %(spam).9f ham %(ham).9f' % x
            for x in answer['levels']))
