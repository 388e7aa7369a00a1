# SPDX-License-Identifier: GPL-2.0-or-later
"""An operation of a daemon again and again, each time with another of its calls
failing; see faults.d/nth."""
import errno
import random
import re
import time

import faulty
import tap

E = errno
ONCE, LASTING = 1, 2 ** 62
# What each kind of call may meet, the usual first.
FAULTS = {
    'open': [E.EMFILE, E.EIO, E.ENOMEM],
    'read': [E.EIO, 'short', E.EINTR],
    'write': [E.ENOSPC, E.EIO, 'short', E.EINTR],
    'sync': [E.EIO, E.ENOSPC, E.EINTR],
    'rename': [E.ENOSPC, E.EIO],
    'unlink': [E.EIO],
    'truncate': [E.ENOSPC, E.EINTR],
    'mmap': [E.ENOMEM],
    'stat': [E.EIO, E.ENOMEM],
    'accept': [E.EMFILE, E.ENOMEM, E.EINTR, E.ECONNABORTED],
    'poll': [E.EINTR],
    'watch': [E.ENOSPC, E.ENOMEM, E.EMFILE],
    'send': [E.EAGAIN, E.EINTR, E.ENOMEM, E.EPIPE],
    'receive': [E.EINTR, E.ENOMEM, E.ECONNRESET],
    'directory': [E.EIO, E.ENOMEM],
    'memfd': [E.EMFILE, E.ENOMEM],
    'socket': [E.EMFILE, E.ECONNREFUSED],
    'lock': [E.ENOLCK, E.EINTR],
    'mode': [E.EIO],
    'mkdir': [E.ENOSPC],
    'sqlite-memory': [E.ENOMEM],
    'try-memory': [E.ENOMEM],
    'thread': [E.EAGAIN],
}
# Calls on what has no name in the file system; of the others those count that
# are on something of the host's.
NAMELESS = ('mmap accept poll send receive memfd socket sqlite-memory '
            'try-memory thread').split()
# What a daemon says when something begins to go wrong, and when that is over.
TROUBLE = [
    ('cannot publish in', 'publishing works again'),
    ('cannot write the evidence', 'the evidence can be written again'),
    ('does not answer', 'answers again'),
    ('cannot be looked at now', 'everything could be looked at again'),
    ('cannot be read now', 'all databases can be read and watched again'),
    ('only rescanned on a timer', 'inotify has room for all folders again'),
]


SOME = 4


def name_of(what):
    return what if isinstance(what, str) else errno.errorcode[what]


class Campaign:
    """One daemon of a Faulty host, one operation.

    act(): does it; returns what done() is asked with.  done(x): it has had
    its effect, all of it.  ready(): before each case.  sound(): what is wrong
    now, or ''.  leaves: it may end, with a word, and be started again.  most:
    calls of one kind of which each fails in the short form.  where: how the name
    of what a call is on begins, as the kernel has it."""

    def __init__(self, host, name, title, act, done, ready=None, leaves=False,
                 sound=None, most=40, where=None):
        self.host, self.name, self.title = host, name, title
        self.act, self.done, self.ready = act, done, ready
        self.leaves, self.most = leaves, most
        self.sound, self.where = sound or host.unsound, where or host.dir + '/'
        self.random = random.Random('%d %s %s' % (faulty.SEED, name, title))
        self.injected, self.slowest, self.calls = 0, 0, {}

    def choose(self, kind):
        prefix = '' if kind in NAMELESS else self.where
        self.host.fault(self.name).count([kind], prefix)

    def count(self, kind):
        """How many calls of this kind the operation makes: the fewest of
        three, as now and then there is other work."""
        f, calls = self.host.fault(self.name), []
        for _ in range(1 if self.leaves else 3):
            if self.ready:
                self.ready()
            self.choose(kind)
            thing = self.act()
            if self.host.mend(lambda: self.done(thing)) is None:
                self.fail('works at all', thing)
                return
            calls.append(f.seen())
        self.calls[kind] = min(calls)

    def numbers(self, kind, usual):
        """Which calls: all, in the short form of what is not usual some."""
        n = self.calls[kind]
        most = self.most if usual else min(SOME, self.most)
        if faulty.LONG or n <= most:
            return range(1, n + 1)
        return sorted(self.random.sample(range(1, n + 1), most))

    def run(self, kinds, lasting=True):
        for kind in kinds:
            self.count(kind)
        tap.diag('%s, %s: calls: %s' % (self.name, self.title, ' '.join(
            '%s %d' % x for x in self.calls.items())))
        for kind in kinds:
            for number, what in enumerate(FAULTS[kind]):
                for times in (ONCE, LASTING):
                    if times == LASTING and (not lasting or name_of(what) in
                                             ('EINTR', 'EAGAIN')):
                        continue
                    self.series(kind, what, times, number == 0 and
                                times == ONCE)
        tap.diag('%s, %s: %d injected, mended within %d s' % (
            self.name, self.title, self.injected, self.slowest))

    def series(self, kind, what, times, usual):
        hit, wrong = 0, []
        numbers = self.numbers(kind, usual)
        for n in numbers:
            problem, hits = self.case(kind, what, times, n)
            hit += hits > 0
            if problem:
                wrong.append('call %d: %s' % (n, problem))
            if len(wrong) > 1:
                break
        self.injected += hit
        if self.calls[kind] and (hit or wrong):
            tap.ok(not wrong, '%s, %s: %s of %s%s at %d of %d calls' % (
                self.name, self.title, name_of(what), kind,
                ', lasting' if times == LASTING else '', hit,
                self.calls[kind]))
            for text in wrong:
                tap.diag(text)

    def case(self, kind, what, times, n):
        """(what is wrong or '', how often it was hit)"""
        h = self.host
        if self.ready:
            self.ready()
        h.mark()
        f = h.fault(self.name)
        self.choose(kind)
        if isinstance(what, str):
            f.fail(n, what=what, times=times)
        else:
            f.fail(n, what, times=times)
        thing = self.act()
        if times == LASTING:
            self.suffer(f, thing)
        restarted = self.start_again()
        took = h.mend(lambda: self.well(thing) or self.died())
        hits = f.hits()
        f.off()
        if not restarted:
            restarted = self.start_again()
            if restarted:
                took = h.mend(lambda: self.well(thing))
        problem = self.judge(took, restarted)
        if problem:
            h.moved = h.n_votes()[0]  # the next case has its own
        return problem, hits

    def well(self, thing):
        """It had its effect, and every trouble is said to be over."""
        log = self.host.log(self.name)
        return self.done(thing) and not any(
            log.rfind(start) > log.rfind(end) for start, end in TROUBLE)

    def died(self):
        return not self.host.alive(self.name)

    def suffer(self, f, thing):
        """Until it was hit, and tried again; then it is over."""
        h = self.host
        end = time.monotonic() + 2
        while f.hits() == 0 and time.monotonic() < end:
            if self.done(thing) or self.died():
                break
            time.sleep(faulty.PAUSE)
        for _ in range(3):
            seen = f.seen()
            f.leap(4)
            end = time.monotonic() + 0.1
            while f.seen() == seen and time.monotonic() < end:
                time.sleep(faulty.PAUSE)
        f.off()

    def start_again(self):
        """As systemd does.  The exit status as wait gives it, None: it runs."""
        process = self.host.daemons[self.name].process
        if process.poll() is None:
            return None
        self.host.fault(self.name).off()
        self.host.begin(self.name)
        return process.returncode

    def judge(self, took, restarted):
        h = self.host
        log = h.log(self.name)
        if restarted is not None and (not self.leaves or restarted < 0):
            return 'it left with %d: %s' % (restarted, log[-600:])
        if restarted is not None and log.strip() == '':
            return 'it left without a word'
        if took is None:
            return 'no recovery: %s' % log[-1500:]
        self.slowest = max(self.slowest, took)
        warnings = re.findall(r'(?:WARNING|CRITICAL|ERROR) \*\*: .*', log)
        if self.too_many(warnings):
            return '%d warnings: %s' % (len(warnings), log[-1500:])
        if took >= 10 and not re.search(
                'WARNING|CRITICAL|cannot be|works again', log):
            return 'silence for %d s: %r' % (took, log[-1500:])
        return self.sound()

    def too_many(self, warnings):
        """One a thing that went wrong: the evidence and what is published may
        both, and either only once, or once a start.  That there is no
        networks.mmdb is no fault; each start says it."""
        said = [re.sub(r'.*?: [\d:.]+: ', '', w)[:14] for w in warnings
                if 'no networks.mmdb in' not in w]
        return len(said) > 2 or (len(set(said)) < len(said) and
                                 not self.leaves)

    def fail(self, what, thing):
        tap.ok(False, '%s, %s: %s' % (self.name, self.title, what))
        tap.diag(self.host.log(self.name)[-2000:])
