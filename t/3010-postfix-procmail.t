#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# The loop with procmail as the delivery: one user of a small host moves mails
# to Junk, and the next is filed there by the procmail rule; IPv6 this time.
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))
import host as hosts
from mail import JUNK
from tap import done, equal, until

h = hosts.Host()
for user in ('dora', 'emil'):
    h.add_user(user)
h.import_networks()
rules = h.write('procmailrc',
                open(hosts.TOP + '/postfix-conf/procmailrc').read())
h.start_postfix('/usr/bin/procmail -m HOME=%s/${user} %s' % (
    h.path('vm'), rules))
h.start_learning(['dora', 'emil'])
h.start_milter()

letters = [h.send('dora', '2001:db8:%x::1' % n) for n in (1, 2)]
letters += [h.send('emil', '2001:db8:3::1')]
equal([(m.verdict(), m.folder) for m in letters], [('No', '')] * 3,
      'not flagged yet: in the inbox')
equal(letters[0].one('X-ASN'), 'AS64502 2001:db8::/32 AT (Example Six)',
      'X-ASN of an IPv6 client')
for letter in letters:
    h.noticed(letter)

letters[0].move(JUNK)
until(lambda: h.lookup('2001:db8:4::1')['evidence'] > 0.9, 'it is published')
letter = h.send('emil', '2001:db8:4::1')
equal((letter.verdict(), letter.folder), ('No', ''),
      'one vote: not enough evidence')
for letter in letters[1:]:
    letter.move(JUNK)
until(lambda: (h.votes()['dora', 'spam'], h.votes()['emil', 'spam'])
      == (3, 2), 'the other moves are votes')
until(lambda: h.lookup('2001:db8:4::1')['flag'], 'enough evidence')
letter = h.send_until('dora', 'Yes', '2001:db8:%x::1')
equal(letter.folder, JUNK, 'flagged: the procmail rule files it in Junk')
h.noticed(letter)
equal(h.votes()['dora', 'spam'], 3, 'delivered to Junk: no vote')

letter.move('')
until(lambda: h.votes()['dora', 'ham'] == hosts.HISTORY + 1, 'taken out of Junk: ham')
done()
