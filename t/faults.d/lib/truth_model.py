# SPDX-License-Identifier: GPL-2.0-or-later
"""What must be: the votes that follow from what users did.

Written from SCORE.md ("Votes") and asnd-mail(7), not from asnd.  A letter is
one mail of one user: all files with one seal (or one header block).  What was
done to its files since everything was last quiet are its events; simulate()
runs those that asnd saw and says which entries the journal gets.

LENIENCY, all there is:
 1. Nobody promises that asnd sees a state that lasted milliseconds: a file
    moved twice in a row may be seen at its last place only.  So each event
    but the last one of a file may have been seen or not, whatever follows
    from one of these is right, and letters for which that makes a difference
    are counted (Letter.outcomes).  What happened and was undone while nobody
    watched was certainly not seen: that is strict (Event.visible).  In the
    same way read mail may become ham before or after what follows, and a hard
    link may be seen when the first name is gone: then only the seal tells that
    it is the same mail, which does not count for what we flagged a moment ago.
 2. What a mail is by its age or by the two minutes of a delivery is left
    open while it is within SOON seconds of the border, and counted.
 3. A vote cast while networks.mmdb was being replaced has the AS of the old
    one or of the new one (truth_check.py).
"""
import itertools

DAY = 86400
SOON = 20          # seconds: see 2.
LATE = 120         # after that an arrival in Junk is a move
HAM_AGE = 3 * DAY
WINDOW = 60 * DAY  # reporters, and mail learnt at the first run
OTHER, JUNK, TRASH = 'other', 'junk', 'trash'
SPAM, HAM, BACK = 'spam', 'ham', 'back'
GONE = None


class Config:
    """Of asnd.conf what decides on votes."""

    def __init__(self, junk=('.Junk', '.Spam'), trash=('.Trash',)):
        self.junk, self.trash = tuple(junk), tuple(trash)

    def kind(self, folder):
        for names, kind in ((self.junk, JUNK), (self.trash, TRASH)):
            if any(folder == n or folder.startswith(n + '.') for n in names):
                return kind
        return OTHER


class Event:
    """A file was found in a folder with flags; folder GONE: it is no more.
    arrived: when it was made.  link: the file of which it is a hard link.  anew: the
    folder became one of another kind."""
    __slots__ = ('file', 'folder', 'kind', 'flags', 'arrived', 'visible',
                 'anew', 'wave', 'link')

    def __init__(self, file, folder, kind, flags, arrived, wave, anew=False,
                 link=None):
        self.file, self.folder, self.kind = file, folder, kind
        self.link = link
        self.flags, self.arrived = flags, arrived
        self.anew, self.wave = anew, wave
        self.visible = True

    def __str__(self):
        if self.folder is GONE:
            return 'wave %d: file %d goes' % (self.wave, self.file)
        return 'wave %d: file %d in %r (%s%s) flags %s made %d%s' % (
            self.wave, self.file, self.folder or 'INBOX', self.kind,
            ', anew' if self.anew else '', self.flags or '-', self.arrived,
            '' if self.visible else ', unseen')


class Seen:
    """A file as asnd saw it last."""
    __slots__ = ('folder', 'kind', 'flags', 'came', 'late', 'unread')

    def copy(self):
        new = Seen()
        for name in Seen.__slots__:
            setattr(new, name, getattr(self, name))
        return new


class State:
    """What asnd knows of one letter."""

    def __init__(self):
        self.files = {}       # file: Seen
        self.places = set()   # folders where it was ever seen: (name, kind)
        self.standing = None

    def copy(self):
        new = State()
        new.files = {k: v.copy() for k, v in self.files.items()}
        new.places = set(self.places)
        new.standing = self.standing
        return new


class Letter:
    """One mail of one user.  votes: its client can be trusted, so it may be
    voted on.  early: it was there before the installation."""

    def __init__(self, user, ident, time, ip, votes, sealed, flagged, early):
        self.user, self.ident = user, ident
        self.time, self.ip = time, ip
        self.votes, self.sealed = votes, sealed
        self.flagged, self.early = flagged, early
        self.old = False  # written 60 days before the first run
        self.state = State()
        self.events = []
        self.history = []
        self.digest = None

    def last_of_files(self):
        last = {}
        for n, event in enumerate(self.events):
            last[event.file] = n
        return set(last.values())

    def known(self, file):
        return file in self.state.files

    def choices(self):
        """Every sequence of events that asnd may have seen."""
        last = self.last_of_files()
        sure, maybe = [], []
        for n, event in enumerate(self.events):
            if n in last:
                sure.append(n)
            elif event.visible:
                maybe.append(n)
        maybe = maybe[-8:]  # 256 ways are enough
        for k in range(len(maybe) + 1):
            for some in itertools.combinations(maybe, k):
                yield [self.events[n] for n in sorted(sure + list(some))]


class Clock:
    """now, when asnd judged; reporter: the owner cast a spam vote in the last
    60 days (a set: if that changed meanwhile, either may hold)."""

    def __init__(self, now, before, after, first_run=False):
        self.now, self.before, self.after = now, before, after
        self.first_run = first_run
        self.slack = 0  # see 2. in the preface


def on_event(letter, state, event, clock, linked):
    if event.folder is GONE:
        state.files.pop(event.file, None)
        return None
    seen = state.files.get(event.file)
    place = event.folder, event.kind
    if seen is None or seen.folder != event.folder:
        seen = state.files[event.file] = came_to(
            letter, state, event, clock, linked)
    seen.folder, seen.kind, seen.flags = place + (event.flags,)
    if not seen.unread:
        state.places = {(f, k) for f, k in state.places if f != event.folder}
        state.places.add(place)
    return seen


def came_to(letter, state, event, clock, linked):
    """A file in a folder where it was not before."""
    before = state.files.get(event.file) or (
        linked and state.files.get(event.link)) or None
    new = Seen()
    # Trash and old mail is not read until it moves: by what seal it is the
    # same as another file nobody knows, only the inode tells.
    new.unread = before is None and (event.kind == TRASH or letter.old)
    new.came = set()
    if before is not None:
        new.came |= before.came | {before.kind}
        new.unread = before.unread and event.kind == TRASH
    new.late = event.arrived - letter.time > LATE + clock.slack
    # The seal is asked when a file is read, which is once; from then on where
    # that file was is known.  And a filter may file flagged mail twice: never
    # learn from our own output.
    asked = not new.unread and (before is None or before.unread)
    ours = letter.flagged and not new.late
    if asked and not ours:
        new.came |= {k for f, k in state.places if f != event.folder}
    return new


def judge(letter, seen, standing, clock, reporter):
    """The vote that a file makes as it is, or None."""
    if seen.kind == TRASH:
        return None
    if letter.old and not seen.came:
        return None  # "of the last 60 days"; older mail is read when it moves
    if seen.kind == JUNK:
        moved = OTHER in seen.came or TRASH in seen.came
        unseen = not seen.came
        if moved or (unseen and seen.late and not letter.flagged) or \
           (unseen and clock.first_run and letter.early):
            return SPAM
        return None
    if 'T' in seen.flags:  # "deleted: no vote"
        return None
    if JUNK in seen.came:
        return HAM
    if 'R' in seen.flags or 'F' in seen.flags:
        return HAM
    if 'S' in seen.flags and reporter and standing is None and \
       letter.time + HAM_AGE <= clock.now + clock.slack:
        return HAM
    return None


def cast(state, vote, rows):
    if vote is None or vote == state.standing:
        return
    if state.standing is not None:
        rows.append((BACK, state.standing))
    rows.append((vote, None))
    state.standing = vote


def simulate(letter, events, clock, reporter, linked, due_first):
    """-> (entries the journal gets, state after)"""
    state, rows = letter.state.copy(), []
    if due_first:
        fall_due(letter, state, clock, rows)
    for event in events:
        seen = on_event(letter, state, event, clock, linked)
        if seen is not None and letter.votes:
            if event.anew and seen.kind == OTHER and state.standing == SPAM:
                rows.append((BACK, SPAM))  # that folder was no junk folder
                state.standing = None
            cast(state, judge(letter, seen, state.standing, clock, reporter),
                 rows)
    fall_due(letter, state, clock, rows)
    return tuple(rows), state


def fall_due(letter, state, clock, rows):
    """Read mail has become old enough, or its owner reported spam."""
    if letter.votes and state.standing is None:
        for seen in state.files.values():
            cast(state, judge_due(letter, seen, clock), rows)


def judge_due(letter, seen, clock):
    if seen.kind != OTHER or JUNK in seen.came:
        return None
    return judge(letter, seen, None, clock, clock.after)


def outcomes(letter, clock):
    """{entries: state} of all that asnd may have seen."""
    found = {}
    linked = {True}
    if letter.flagged and any(e.link for e in letter.events):
        linked = {True, False}
    for clock.slack in (0, -SOON, SOON) if near_border(letter, clock) else (0,):
        for events, reporter, link, due_first in itertools.product(
                letter.choices(), {clock.before, clock.after}, linked,
                (False, True) if letter.events else (False,)):
            rows, state = simulate(letter, events, clock, reporter, link,
                                   due_first)
            found.setdefault(rows, state)
    return found


def near_border(letter, clock):
    """Left open, see 2. in the preface."""
    if abs(letter.time + HAM_AGE - clock.now) < SOON:
        return True
    return any(e.folder is not GONE and e.kind == JUNK and
               abs(e.arrived - letter.time - LATE) < SOON
               for e in letter.events)
