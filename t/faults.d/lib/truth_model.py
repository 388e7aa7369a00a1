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
    And what comes is read a moment after its name is seen: what happened to it
    meanwhile is judged all at once, by where it is then and where it was.
 2. What a mail is by its age or by the two minutes of a delivery is left
    open while it is within SOON seconds of the border, and counted.
 3. A vote cast while networks.mmdb was being replaced has the AS of the old
    one or of the new one (truth_check.py).
 4. A Maildir that went while nobody watched may come back (an automounted
    home): what was read in it may become ham.
 5. What is known by the seal of a file that went is forgotten after a while.
    And a hard link that is not yet listed when the first name is gone is
    another file.
Where nothing is left to chance (truth_dry.py), nothing of this is left open,
but for links that came while nobody watched.
"""
import itertools

DAY = 86400
SOON = 20          # seconds: see 2.
FORGET = 300       # seconds: asnd forgets at 600 what it saw go before us
LATE = 120         # after that an arrival in Junk is a move
HAM_AGE = 3 * DAY
STATES = 64        # of one letter: more is too much to follow
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
    """A file as asnd saw it last.  saw: the kinds of folder that it, or one
    with its seal, was in so far; came: before it came where it is."""
    __slots__ = ('folder', 'kind', 'flags', 'came', 'saw', 'late', 'unread',
                 'judged')

    def copy(self):
        new = Seen()
        for name in Seen.__slots__:
            setattr(new, name, getattr(self, name))
        new.saw = set(self.saw)
        return new

    def key(self):
        return tuple(frozenset(x) if isinstance(x, set) else x for x in (
            getattr(self, name) for name in Seen.__slots__))


class State:
    """What asnd knows of one letter."""

    def __init__(self):
        self.files = {}       # file: Seen
        self.past = {}        # file that is gone: (Seen.saw, since when)
        self.standing = None
        self.believed = True  # what has no seal

    def copy(self):
        new = State()
        new.files = {k: v.copy() for k, v in self.files.items()}
        new.past = dict(self.past)
        new.standing, new.believed = self.standing, self.believed
        return new

    def key(self):
        return (self.standing, self.believed,
                frozenset((k, v.key()) for k, v in self.files.items()),
                frozenset((k, frozenset(saw), since)
                          for k, (saw, since) in self.past.items()))


class Letter:
    """One mail of one user.  votes: its client can be trusted, so it may be
    voted on.  early: it was there before the installation."""

    def __init__(self, user, ident, time, ip, votes, sealed, flagged, early):
        self.user, self.ident = user, ident
        self.time, self.ip = time, ip
        self.votes, self.sealed = votes, sealed
        self.flagged, self.early = flagged, early
        self.old = False  # written 60 days before the first run
        self.states = [State()]  # any of these, whatever was seen
        self.events = []
        self.history = []
        self.digest = None

    @property
    def state(self):
        return self.states[0]

    def last_of_files(self):
        last = {}
        for n, event in enumerate(self.events):
            last[event.file] = n
        return set(last.values())

    def first(self, event):
        """Is it the first one of its file?"""
        return event is next(e for e in self.events if e.file == event.file)

    def known(self, file):
        return file in self.state.files

    def choices(self, strict):
        """Every sequence of events that asnd may have seen; strict: that of
        all that could be seen."""
        last = self.last_of_files()
        sure, maybe = [], []
        for n, event in enumerate(self.events):
            if n in last:
                sure.append(n)
            elif event.visible:
                maybe.append(n)
        if strict:
            yield [self.events[n] for n in sorted(sure + maybe)]
            return
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
        self.forgot = None   # files that went before that
        self.strict = False  # asnd sees all, when it happens
        self.links_lost = True


def on_event(letter, state, event, clock, linked):
    if event.folder is GONE:
        seen = state.files.pop(event.file, None)
        if seen is not None and not seen.unread:
            state.past[event.file] = seen.saw, clock.now
        return None
    seen = state.files.get(event.file)
    if seen is None or seen.folder != event.folder:
        seen = state.files[event.file] = came_to(
            letter, state, event, clock, linked)
    elif seen.kind == OTHER and seen.judged:
        seen.came = set()  # how it came there was judged
    seen.folder, seen.kind, seen.flags = event.folder, event.kind, event.flags
    seen.saw.add(event.kind)
    return seen


def came_to(letter, state, event, clock, linked):
    """A file in a folder where it was not before."""
    before = state.files.get(event.file) or (
        linked and state.files.get(event.link)) or None
    new = Seen()
    new.judged = False
    # Old mail is not read until it moves: by what seal it is the same as
    # another file nobody knows, only the inode tells.
    new.unread = before is None and letter.old
    new.came = set(before.saw) if before else set()
    new.late = event.arrived - letter.time > LATE + clock.slack
    # The seal is asked when a file is read, which is once; from then on where
    # that file was is known.  And a filter may file flagged mail twice: never
    # learn from our own output.
    asked = not new.unread and (before is None or before.unread)
    ours = letter.flagged and not new.late
    if asked and not ours:
        new.came |= by_seal(state, event.file, clock)
    new.saw = set(new.came)
    return new


def by_seal(state, file, clock):
    """Where others with its seal were seen."""
    found = set()
    for other, seen in state.files.items():
        if other != file and not seen.unread:
            found |= seen.saw
    for saw, since in state.past.values():
        if clock.forgot is None or since >= clock.forgot:
            found |= saw
    return found


def judge(letter, seen, standing, clock, reporter):
    """The vote that a file makes as it is, or None."""
    if seen.kind == TRASH:
        return None
    if seen.unread:
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
    if standing is not None:
        return None  # of a copy: the last act counts
    if 'R' in seen.flags or 'F' in seen.flags:
        return HAM
    if 'S' in seen.flags and reporter and \
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


class Way:
    """One of the ways that asnd may have seen it."""

    def __init__(self, state, events, reporter, linked, due_first, forgot,
                 unread):
        self.state, self.events = state, events
        self.reporter, self.linked = reporter, linked
        self.due_first, self.forgot, self.unread = due_first, forgot, unread


def simulate(letter, clock, way):
    """-> (entries the journal gets, state after)"""
    state, rows, clock.forgot = way.state.copy(), [], way.forgot
    if way.due_first:
        fall_due(letter, state, clock, rows)
    for n, event in enumerate(way.events):
        new = event.file not in state.files
        seen = on_event(letter, state, event, clock, way.linked)
        if new and letter.early and not letter.first(event):
            state.believed = False  # somebody touched it before
        late = n < way.unread and not letter.known(event.file)
        if seen is None or late or not letter.votes or not state.believed:
            continue
        if seen.kind == JUNK and seen.judged:
            continue
        if event.anew and seen.kind == OTHER and state.standing == SPAM:
            rows.append((BACK, SPAM))  # that folder was no junk folder
            state.standing = None
        seen.judged = 'T' not in seen.flags
        cast(state, judge(letter, seen, state.standing, clock, way.reporter),
             rows)
    fall_due(letter, state, clock, rows)
    return tuple(rows), state


def fall_due(letter, state, clock, rows):
    """Read mail has become old enough, or its owner reported spam."""
    if letter.votes and state.believed and state.standing is None:
        for seen in state.files.values():
            cast(state, judge_due(letter, seen, clock), rows)


def judge_due(letter, seen, clock):
    if seen.kind != OTHER or JUNK in seen.came:
        return None
    return judge(letter, seen, None, clock, clock.after)


def outcomes(letter, clock):
    """{entries: [states]} of all that asnd may have seen."""
    found = {}
    for clock.slack in (0, -SOON, SOON) if near_border(letter, clock) else (0,):
        for way in ways(letter, clock):
            rows, state = simulate(letter, clock, way)
            found.setdefault(rows, {}).setdefault(state.key(), state)
    return {rows: list(states.values())[:STATES]
            for rows, states in found.items()}


def may_come_back(letter):
    """See 4. in the preface."""
    for state in letter.outcomes.get((), ()):
        if letter.votes and state.standing is None:
            after = state.copy()
            after.standing = HAM
            letter.outcomes.setdefault(((HAM, None),), []).append(after)


def ways(letter, clock):
    linked = {True}
    if clock.links_lost and letter.flagged and any(
            e.link for e in letter.events):
        linked = {True, False}
    for state, events, reporter, link, due_first, forgot in itertools.product(
            letter.states, letter.choices(clock.strict),
            {clock.before, clock.after}, linked,
            (False, True) if letter.events else (False,),
            forgets(letter, clock)):
        for unread in range(reads(letter, events, clock)):
            yield Way(state, events, reporter, link, due_first, forgot, unread)


def forgets(letter, clock):
    """Files that went before these times are forgotten."""
    if clock.strict:
        return clock.forgets
    old = clock.now - FORGET
    if any(since < old for state in letter.states
           for _, since in state.past.values()):
        return (None, old)
    return (None,)


def reads(letter, events, clock):
    """After how many of them a new file may have been read first, and one."""
    new = [e.file for e in events if not letter.known(e.file)]
    if clock.strict or len(new) == len(set(new)):
        return 1
    return len(events)


def near_border(letter, clock):
    """Left open, see 2. in the preface."""
    if clock.strict:
        return False
    if abs(letter.time + HAM_AGE - clock.now) < SOON:
        return True
    return any(e.folder is not GONE and e.kind == JUNK and
               abs(e.arrived - letter.time - LATE) < SOON
               for e in letter.events)
