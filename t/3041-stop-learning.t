#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd and asnd-mailwatch are stopped and killed in the middle of the first
# scan: they leave at once, nothing is half-written, and in the end every vote
# is there once.
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))
import host as hosts
import mail
from tap import done, equal, ok, until

USERS = ['user%03d' % n for n in range(100)]
EACH = 100  # mails; more than can be learnt between two steps of this test


def prepare():
    """EACH mails a user from EACH networks: no cap, every mail is a vote."""
    h = hosts.Host()
    now = int(time.time())
    for number, user in enumerate(USERS):
        h.add_user(user)
        for n in range(EACH):
            mail.write_old(h.maildir(user), mail.JUNK if n % 4 == 0 else '',
                           '198.18.%d.%d' % (n, number + 1),
                           now - (5 + n % 40) * hosts.DAY, 'RS')
    h.import_networks(hosts.NETWORKS + ''.join(
        '198.18.%d.0/24\t%d\tPlace %d\tDE\n' % (n, 65000 + n, n)
        for n in range(EACH)))
    return h


def known(h):
    return h.evidence('SELECT count(*) FROM mails WHERE state = 1')[0][0] \
        if h.evidence('SELECT 1 FROM mails LIMIT 1') else 0


def sound(h, name):
    equal(h.evidence('PRAGMA integrity_check'), [('ok',)],
          name + ': the evidence is sound')
    for path in ('reputation.mmdb', 'recent.mmdb'):
        if os.path.exists(h.path('db', path)):
            ok(h.run(h.path('bin/asnctl'), 'check', h.path('db', path)),
               '%s: %s is sound' % (name, path))


def check_stops(h):
    """Each signal in the middle of the scan; the sender of the other end lives
    on and connects again."""
    times = {'asnd': [], 'asnd-mailwatch': []}
    for turn in range(6):
        before = known(h)
        until(lambda: known(h) > before or known(h) == len(USERS) * EACH,
              'the scan goes on')
        name = ('asnd', 'asnd-mailwatch')[turn % 2]
        what = signal.SIGTERM if turn < 4 else signal.SIGKILL
        ok(before < len(USERS) * EACH, 'in the middle of the scan')
        seconds = h.daemons[name].stop(what)
        if what == signal.SIGTERM:
            times[name].append(seconds)
            equal(h.daemons[name].process.returncode, 0,
                  'SIGTERM: %s exits 0' % name)
        sound(h, '%s after signal %d' % (name, what))
        if name == 'asnd':
            h.start_asnd()
        else:
            h.start_mailwatch()
    for name in times:
        # The better of two: a slow machine is no failure.
        ok(min(times[name]) < 1, name + ' left in under a second')


def check_result(h):
    until(lambda: sum(h.votes().values()) == len(USERS) * EACH,
          'every mail is a vote', 60)
    ham, spam = EACH * 3 // 4, EACH // 4
    equal(h.votes(), {(u, c): n for u in USERS
                      for c, n in (('spam', spam), ('ham', ham))},
          'every mail is one vote, in its class')
    equal(h.evidence('SELECT count(*) FROM votes'), [(len(USERS) * EACH,)],
          'no vote was cast twice, none taken back')
    until(lambda: os.path.exists(h.path('db/reputation.mmdb')), 'published')
    sound(h, 'in the end')
    # asnd may be publishing while this looks
    until(lambda: not [n for n in os.listdir(h.db) if '.tmp' in n],
          'no temporary file')
    ok(True, 'no temporary file is left')


h = prepare()
h.start_asnd()
h.start_mailwatch()
check_stops(h)
check_result(h)
done()
