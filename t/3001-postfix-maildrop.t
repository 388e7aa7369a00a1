#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole loop on real parts: Postfix receives, asn-milter adds headers,
# maildrop files, users move mail to Junk, asnd learns, and the next mail from
# the neighbourhood arrives flagged and is filed into Junk by the user's rule.
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))
import host as hosts
from host import HISTORY
from mail import JUNK, seal_is_good
from tap import diag, done, equal, ok, until

USERS = 'alice', 'bob', 'carol'


def prepare():
    h = hosts.Host()
    with open(hosts.TOP + '/postfix-conf/maildroprc') as f:
        rule = f.read()
    for user in USERS:
        h.add_user(user)
        h.write('vm/%s/.mailfilter' % user, rule.replace(
            '$HOME', h.path('vm', user)), 0o600)
    h.import_networks()
    h.start_postfix('/usr/bin/maildrop %s/${user}/.mailfilter' % h.path('vm'))
    return h


def check_first_run(h):
    """The history is learnt at once, and published."""
    h.start_learning(USERS)
    equal(h.votes(), {(u, c): n for u in USERS
                      for c, n in (('spam', 1), ('ham', HISTORY))},
          'first run: junk counts as spam, answered mail as ham')


def check_grammar(h, letter, address):
    """DESIGN.md "Trace headers"."""
    equal(letter.ours(), ['X-ASN', 'X-ASN-Spam', 'X-ASN-Seal'],
          'three trace headers, each once')
    equal(letter.one('X-ASN'),
          'AS64500 198.51.100.0/24 NL (Junk Hosting [Example])', 'X-ASN')
    ok(re.fullmatch(r'(Yes|No), score=[01]\.\d{3} threshold=0\.900'
                    r' level=(address|block|prefix|AS|none)'
                    r' spam=\d+\.\d ham=\d+\.\d',
                    letter.one('X-ASN-Spam') or ''), 'X-ASN-Spam: grammar')
    seal = letter.one('X-ASN-Seal') or ''
    m = re.fullmatch(r'v=1; k=0; t=(\d+); ip=(\S+); q=([0-9A-Za-z]+);'
                     r' f=([01]); b=[A-Za-z0-9+/]{43}=', seal)
    if not ok(m, 'X-ASN-Seal: grammar'):
        diag(seal)
        return
    equal(m[2], address, 'X-ASN-Seal: the client')
    ok(abs(int(m[1]) - time.time()) < 60, 'X-ASN-Seal: the time')
    ok(m[3] in letter.one('Received'), 'X-ASN-Seal: the queue id')
    equal(m[4] == '1', letter.verdict() == 'Yes', 'X-ASN-Seal: the verdict')
    ok(seal_is_good(seal, h.key), 'X-ASN-Seal: the HMAC')


def learn(h):
    """Two users move mails of four machines in one block to Junk."""
    moved = []
    for n, user in enumerate(('alice', 'alice', 'bob', 'bob')):
        letter = h.send(user, '198.51.100.%d' % (10 + n))
        equal((letter.verdict(), letter.folder), ('No', ''),
              'mail %d from the neighbourhood is not flagged yet' % (n + 1))
        h.noticed(letter)
        moved.append((user, letter))
    check_grammar(h, moved[0][1], '198.51.100.10')
    for user, letter in moved:
        letter.move(JUNK)
    until(lambda: h.votes().get(('bob', 'spam')) == 3,
          'the moves to Junk are votes')
    equal([h.votes()[u, 'spam'] for u in USERS], [3, 3, 1],
          'each move is one vote of its user')
    return moved


def check_flagged(h):
    letter = h.send_until('carol', 'Yes', '198.51.100.%d')
    equal(letter.folder, JUNK, "flagged: the user's rule files it in Junk")
    check_grammar(h, letter, letter.one('X-ASN-Seal').split('ip=')[1]
                  .partition(';')[0])
    h.noticed(letter)
    equal(h.votes()[('carol', 'spam')], 1, 'delivered to Junk: no vote')
    other = h.send('carol', '192.0.2.1')
    equal((other.verdict(), other.folder), ('No', ''),
          'mail from elsewhere: not flagged, in the inbox')
    return letter


def check_rescue(h, flagged, moved):
    flagged.move('')
    until(lambda: h.votes().get(('carol', 'ham')) == HISTORY + 1,
          'taken out of Junk: a ham vote')
    for user, letter in moved:
        letter.move('')
    until(lambda: (h.votes()[('alice', 'spam')], h.votes()[('bob', 'spam')])
          == (1, 1), 'moved back: the spam votes are taken back')
    equal([h.votes()[u, 'ham'] for u in USERS], [HISTORY + n for n in (2, 2, 1)],
          'and count as ham')
    letter = h.send_until('alice', 'No', '198.51.100.%d', 180)
    equal(letter.folder, '', 'the neighbourhood is not flagged any more')


h = prepare()
check_first_run(h)
h.start_milter()
moved = learn(h)
check_rescue(h, check_flagged(h), moved)
for name, daemon in h.daemons.items():
    equal(daemon.process.poll(), None, name + ' still runs')
done()
