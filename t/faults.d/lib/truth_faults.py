# SPDX-License-Identifier: GPL-2.0-or-later
"""What breaks while the script goes on.  Each fault is a generator: a step of
it is taken after some of the script's steps, the last one mends all."""
import errno
import os
import random
import signal
import threading

import tap
import truth_model as model
from fault import FOREVER

DISK = ('write', 'sync', 'truncate', 'open', 'rename', 'unlink')
MOST_DAYS = 50  # all days that pass; mail of 60 days ago is old


class Faults:
    def __init__(self, world, script, check):
        self.world, self.script, self.rng = world, script, world.rng
        self.check = check
        self.counts, self.deck = {}, []
        self.number = 0

    KINDS = (('kill', 6), ('restart', 3), ('stop', 3), ('killed_inside', 6),
             ('both_down', 3), ('disk', 2), ('publish', 2), ('overflow', 1),
             ('lost_events', 2), ('new_networks', 3), ('bad_networks', 2),
             ('reload', 3), ('days', 5))

    def pick(self):
        """Each kind once, then by weight."""
        if not self.deck:
            self.deck = [k for k, n in self.KINDS for _ in range(
                n if self.counts else 1)]
            self.rng.shuffle(self.deck)
        name = self.deck.pop()
        return name, getattr(self, name)()

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    def some(self):
        return self.rng.choice(('asnd', 'asnd', 'asnd-mailwatch',
                                'asnd-mailwatch', 'asn-milter'))

    # --- processes ----------------------------------------------------------

    def kill(self):
        name = self.some()
        self.count('kill -9 ' + name)
        yield
        self.world.end(name)
        yield
        self.world.start(name)

    def restart(self):
        name = self.some()
        self.count('restart ' + name)
        yield
        self.world.end(name, signal.SIGTERM)
        self.world.start(name)

    def both_down(self):
        """Users go on while nobody looks."""
        self.count('asnd and asnd-mailwatch down')
        names = ['asnd', 'asnd-mailwatch']
        self.rng.shuffle(names)
        yield
        for name in names:
            self.world.end(name, self.rng.choice((9, 15)))
        self.rng.shuffle(names)
        yield
        yield
        for name in names:
            self.world.start(name)

    def stop(self):
        name = self.some()
        self.count('SIGSTOP ' + name)
        yield
        process = self.world.daemons[name].process
        process.send_signal(signal.SIGSTOP)
        if name == 'asn-milter':  # a mail waits meanwhile
            threading.Timer(0.3, process.send_signal,
                            (signal.SIGCONT,)).start()
            return
        yield
        process.send_signal(signal.SIGCONT)

    def killed_inside(self):
        """kill -9 before or after the n-th call of its kind: inside a commit,
        a publication, between rename and fsync, in a scan."""
        world, rng = self.world, self.rng
        name, classes, prefix, most = rng.choice((
            ('asnd', ['write', 'sync'], world.path('state'), 60),
            ('asnd', ['write', 'sync', 'rename', 'open'], world.db, 40),
            ('asnd-mailwatch', ['open', 'stat', 'send'], '', 400)))
        fault = world.faults[name]
        self.count('killed inside ' + name)
        yield
        fault.count(classes, prefix)
        fault.fail(rng.randrange(1, most), what=rng.choice(('kill', 'killed')))
        yield
        yield
        fault.off()
        if fault.hits():
            world.end(name)
            self.count('... and was')
        yield
        if name not in world.up:
            world.start(name)

    # --- disk ---------------------------------------------------------------

    def disk(self):
        """The state directory is full, fails, or is read-only."""
        error = self.rng.choice((errno.ENOSPC, errno.EIO, errno.EROFS))
        self.count('state directory: ' + os.strerror(error))
        yield
        fault = self.world.faults['asnd']
        fault.count(DISK, self.world.path('state'))
        fault.fail(self.rng.randrange(1, 20), error, times=FOREVER)
        yield
        yield
        fault.off()

    def publish(self):
        """So is the directory of the databases."""
        error = self.rng.choice((errno.ENOSPC, errno.EIO, errno.EROFS))
        self.count('database directory: ' + os.strerror(error))
        yield
        fault = self.world.faults['asnd']
        fault.count(DISK, self.world.db)
        fault.fail(self.rng.randrange(1, 8), error, times=FOREVER)
        yield
        yield
        fault.off()

    # --- inotify ------------------------------------------------------------

    def overflow(self):
        """More events than the kernel keeps, while asnd-mailwatch sleeps."""
        self.count('inotify overflow')
        process = self.world.daemons['asnd-mailwatch'].process
        yield
        process.send_signal(signal.SIGSTOP)
        with open('/proc/sys/fs/inotify/max_queued_events') as f:
            most = int(f.read())
        path = self.world.maildir('zz-marker') + '/cur/'
        with open(path + 'a', 'w'):
            pass
        for n in range(most // 4 + 100):  # two events each
            os.rename(path + 'a', path + 'b')
            os.rename(path + 'b', path + 'a')
        os.unlink(path + 'a')
        yield
        yield
        process.send_signal(signal.SIGCONT)

    def lost_events(self):
        """The same without so many."""
        self.count('events lost')
        yield
        fault = self.world.faults['asnd-mailwatch']
        fault.count(['read'], 'anon_inode:inotify')
        fault.fail(self.rng.randrange(1, 5), what='overflow')
        yield
        yield
        fault.off()

    # --- databases, configuration, time -------------------------------------

    def fresh_table(self):
        self.number += 1
        world = self.world
        table = world.networks.make_table()
        world.networks.compile(table, world.path('run/new.mmdb'))
        with open(world.path('run/new.mmdb'), 'rb') as f:
            return (self.number, table), f.read()

    def new_networks(self):
        self.count('networks.mmdb replaced')
        entry, content = self.fresh_table()
        yield
        self.use(entry, content)

    def use(self, entry, content):
        world = self.world
        world.expect_table(entry)
        world.networks.put(content)
        world.good_networks = content

    def bad_networks(self):
        """A broken one: what was there stays in use, unless asnd starts."""
        world, rng = self.world, self.rng
        self.count('networks.mmdb broken')
        yield
        good = world.good_networks
        half = len(good) // 2
        world.networks.put(rng.choice((
            b'', good[:half], os.urandom(4000),
            good[:half] + bytes([good[half] ^ 1]) + good[half + 1:])))
        world.networks_broken = True
        yield
        if rng.random() < 0.5:
            self.count('... at the start of asnd')
            world.end('asnd')
            world.start('asnd')
        yield
        entry, content = self.fresh_table()
        world.networks_broken = False
        self.use(entry, content)

    def reload(self):
        self.count('reload')
        for name in ('asnd', 'asnd-mailwatch', 'asn-milter'):
            yield
            self.world.daemons[name].process.send_signal(
                self.rng.choice((signal.SIGHUP, signal.SIGUSR1)))

    def days(self):
        days = self.rng.choice((0.3, 0.7, 1.2, 2.6))
        if self.world.offset / model.DAY + days > MOST_DAYS:
            return
        self.count('days pass')
        yield from ()
        # published is all there is, or a publication would seem to take long
        self.check.check_scores(self.world.networks.clients[:1])
        self.world.let_pass(days * model.DAY)
