# SPDX-License-Identifier: GPL-2.0-or-later
"""One seed from the beginning to the end."""
import os
import random
import signal
import time

import tap
import truth_model as model
from tap import diag, until
from truth_check import Check, Mismatch
from truth_faults import Faults
from truth_script import Script
from truth_stories import Stories
from truth_world import World

WAVE = 150         # steps at most between two moments of quiet
SCORES_EVERY = 12  # waves


def begin(world, script):
    script.prepare()
    # virtual(8) takes no pattern that makes paths; users come later, too
    world.write('mailboxes', ''.join(
        '{0}@example.org {0}/Maildir/\n'
        '{0}+junk@example.org {0}/Maildir/.Junk/\n'.format(name)
        for name in script.all_names()))
    world.start_postfix('virtual', 'virtual_mailbox_maps=texthash:'
                        + world.path('mailboxes'),
                        # a session plays one client after the other
                        'smtpd_authorized_xclient_hosts=127.0.0.1'
                        ' 198.18.0.0/15 [2001:db8::]/32')
    number = 0
    table = world.networks.make_table()
    world.networks.compile(table, world.path('run/new.mmdb'))
    with open(world.path('run/new.mmdb'), 'rb') as f:
        world.good_networks = f.read()
    world.networks.put(world.good_networks)
    world.tables = [(number, table)]
    newest = int(time.time())
    until(lambda: int(time.time()) > newest, 'the next second')
    world.installed = int(time.time())
    for name in ('asn-milter', 'asnd', 'asnd-mailwatch'):
        world.start(name)


def wave(world, script, faults, check):
    """Some steps, in the midst of them perhaps a fault; then quiet."""
    rng = world.rng
    world.wave += 1
    steps = rng.randrange(WAVE // 2, WAVE)
    name, fault = faults.pick() if rng.random() < 0.7 else (None, iter(()))
    script.again = rng.choice((0, 0.1, 0.4))
    if name == 'days':
        next(fault, None)
    turns = sorted(rng.randrange(steps) for _ in range(6))
    for n in range(steps):
        while turns and turns[0] == n:
            turns.pop(0)
            next(fault, None)
        script.step()
        if n % 25 == 24:
            script.collect(wait=False)
    for _ in fault:
        pass
    script.collect()
    check.settle('wave %d, %s' % (world.wave, name or 'no fault'))
    if name or world.wave % SCORES_EVERY == 0:
        check.check_scores(rng.sample(world.networks.clients, 12))


MAIL = ('id user ino mtime place came_from seen flags arrived state pending gone'
        ' time due sealed flagged early anew lost').split()


def show(world, check, mismatch, letters):
    """All that asnd and the model go by, whoever of them is wrong."""
    diag('seed %d, wave %d: %s' % (world.seed, world.wave, mismatch))
    now = world.now()
    diag('their clock: %d, ahead by %.2f days' % (
        now, world.offset / model.DAY))
    for letter in letters[:3]:
        diag('mail of %s, client %s, time %d, %s%s: %s' % (
            letter.user, letter.ip, letter.time,
            'sealed' if letter.sealed else 'early' if letter.early else
            'no seal', ', flagged' if letter.flagged else '',
            letter.ident[:60]))
        reported = check.last_spam.get(letter.user)
        diag('  ham by age in %d s; %s reported last: %s' % (
            letter.time + model.HAM_AGE - now, letter.user,
            '%d s ago' % (now - reported) if reported else 'never'))
        for what in letter.history[-20:]:
            diag('  %s' % what)
        for row in getattr(letter, 'outcomes', ()):
            diag('  right is: %s' % check.words(row))
        show_asnd(world, letter)


def show_asnd(world, letter):
    inodes = [f.ino for f in world.files.values() if f.letter is letter]
    users = set()
    for row in world.evidence(
            'SELECT %s FROM mails WHERE digest = ? OR ino = ?' %
            ', '.join(MAIL), letter.digest, inodes[0] if inodes else 0):
        diag('  asnd: mail: %s' % ' '.join(
            '%s=%s' % x for x in zip(MAIL, row)))
        users.add(row[1])
        for name in world.evidence(
                'SELECT f.name, f.place, cur, e.name FROM entries e JOIN'
                ' folders f ON f.id = folder WHERE mail = ?', row[0]):
            diag('    named %r' % (name,))
    for user in users:
        diag('  asnd: user %d last reported at %r, %r mails wait' % (
            user, world.evidence('SELECT last_spam FROM users WHERE id = ?',
                                 user),
            world.evidence('SELECT count(*) FROM mails WHERE user = ? AND'
                           ' pending = 1 AND state = 1', user)))
    for row in world.evidence(
            'SELECT id, kind, ref, class, vote_time, weight FROM votes'
            ' WHERE digest = ?', letter.digest):
        diag('  asnd: entry %d kind %d of %r class %d at %d weight %d' % row)


def restarted(world, check):
    """Is it the journal's replay that is wrong, or what was in memory?"""
    for row in list(check.rows.values())[-12:]:
        diag('  %s' % row)
    diag('entries since then: %r' % world.evidence(
        'SELECT * FROM votes WHERE id > ?', check.last_row))
    world.end('asnd', signal.SIGTERM)
    world.start('asnd')
    try:
        check.check_scores()
        diag('after a restart of asnd the scores are right')
    except Mismatch as e:
        diag('after a restart of asnd: %s' % e)


def run(seed, ops, users):
    world = World(random.Random(seed))
    world.seed = seed
    script = Script(world, users)
    check, wrong = Check(world), None
    faults = Faults(world, script, check)
    try:
        begin(world, script)
        check.first_run = True
        check.settle('the first run')
        check.check_scores()
        # what is as old as the installation by the second is from before it
        until(lambda: time.time() > world.installed + 2, 'the next second')
        Stories(world, script, check).tell()
        while world.ops < ops:
            wave(world, script, faults, check)
        check.check_scores()
    except Mismatch as e:
        wrong = str(e)
        show(world, check, wrong, e.letters)
        if wrong.startswith('scores'):
            restarted(world, check)
        world.show_logs()
    return {'wrong': wrong, 'operations by kind': script.counts,
            'faults': faults.counts,
            'sums': {'operations': world.ops, 'waves': world.wave,
                     'deliveries': script.counts.get('deliver', 0),
                     'faults': sum(faults.counts.values()),
                     'letters compared': check.compared,
                     'journal entries': len(check.rows),
                     'votes': check.votes, 'scores': check.scores,
                     'left open': check.lenient}}
