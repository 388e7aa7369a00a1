# SPDX-License-Identifier: GPL-2.0-or-later
"""The same script without processes and files: what asnd-mailwatch would tell
goes to vote-script, which judges as asnd does.  Everything is seen, in order,
at a clock that stands still meanwhile: so the model has one answer, not many."""
import os
import random
import subprocess

import host as hosts
import truth_model as model
from tap import diag
from truth_networks import Networks
from truth_script import Script
from truth_world import User, World

BEGIN = 1800000000
CLASSES = {'1': model.SPAM, '2': model.HAM}


class DryWorld(World):
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.key, self.clock = b'k' * 32, BEGIN
        self.config = model.Config()
        self.networks = Networks(self, self.rng)
        self.users, self.letters, self.files = {}, {}, {}
        self.inodes, self.touched = {}, {}
        self.next_file = self.next_name = self.next_inode = 0
        self.wave = self.lives = self.ops = self.told = 0
        self.installed, self.watching = BEGIN, False
        self.numbers, self.nodes, self.by_number = {}, {}, {}
        self.lines, self.lost = [], {}
        self.judge = subprocess.Popen(
            [hosts.BUILD + '/t/vote-script'], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, universal_newlines=True,
            env=dict(os.environ, TMPDIR='/dev/shm')
            if os.path.isdir('/dev/shm') else None)
        self.say('now', self.clock)

    # --- asnd ---------------------------------------------------------------

    def say(self, *words):
        self.lines.append(' '.join(map(str, words)))

    def ask(self):
        """The entries of the journal since the last time."""
        self.say('tick')
        self.say('votes')
        self.judge.stdin.write('\n'.join(self.lines) + '\n')
        self.judge.stdin.flush()
        self.lines = []
        while True:
            words = self.judge.stdout.readline().split()
            if words == ['.']:
                return
            if not words:
                raise RuntimeError('vote-script ended')
            yield words

    def now(self):
        return self.clock

    def let_pass(self, seconds):
        self.clock += int(seconds)
        self.say('now', self.clock)

    def live(self):
        return self.watching

    def number(self, letter):
        if letter.ident not in self.numbers:
            self.numbers[letter.ident] = len(self.numbers) + 1
            self.say('mail', self.numbers[letter.ident], letter.time,
                     letter.ip, int(letter.sealed), int(letter.flagged))
        n = self.numbers[letter.ident]
        self.by_number[letter.user, n] = letter
        return n

    @staticmethod
    def place(user, folder):
        return '/v/%s/Maildir' % user, folder or '-'

    def told_entry(self, file, live=True):
        number = self.number(file.letter)
        if self.watching or not live:
            self.say('entry', *self.place(file.user, file.folder),
                     int(file.cur), file.name, *self.nodes[file.ino],
                     int(live), number)

    def told_gone(self, file):
        if self.watching:
            self.say('gone', *self.place(file.user, file.folder),
                     int(file.cur), file.name)

    def list_folder(self, user, folder):
        if not self.watching:
            return
        self.say('list', *self.place(user.name, folder))
        for file in self.in_folder(user, folder):
            self.told_entry(file, False)
        self.say('listed', *self.place(user.name, folder))

    def watch(self, on):
        """off: nobody looks; on: everything is listed."""
        if self.watching == on:
            return
        self.watching, self.lives = on, self.lives + 1
        if not on:
            return
        for user in self.users.values():
            folders = sorted(user.folders)
            self.rng.shuffle(folders)
            for folder in folders:
                self.list_folder(user, folder)
            for folder in sorted(self.lost.pop(user.name, ())):
                if folder not in user.folders:
                    self.say('folder-gone', *self.place(user.name, folder))

    # --- files --------------------------------------------------------------

    def have_marker(self):
        pass

    def have_folder(self, user, folder):
        if folder not in user.folders:
            user.folders.add(folder)
            self.list_folder(user, folder)

    def have_user(self, name):
        self.users[name] = User(name)
        self.list_folder(self.users[name], '')
        return self.users[name]

    def inode(self, file):
        return self.made

    def new_inode(self, mtime):
        self.next_inode += 1
        self.made = self.next_inode
        self.nodes[self.made] = [self.made, int(mtime), self.clock]

    def new_name(self):
        self.next_name += 1
        return '%d.M%dP1.mx' % (self.clock, self.next_name)

    def write_file(self, user, folder, text, flags='', cur=False, mtime=None):
        self.have_folder(user, folder)
        self.new_inode(mtime or self.clock)
        name = self.new_name()
        return user, folder, cur, name + ':2,' + flags if cur else name

    def copy_file(self, file, user, folder, link=False):
        if not link:
            return self.write_file(user, folder, b'', file.flags, True)
        self.have_folder(user, folder)
        self.made = file.ino
        self.nodes[self.made][2] = self.clock
        return user, folder, True, self.new_name() + ':2,' + file.flags

    def adopt(self, user, folder, cur, name, letter, link=None):
        file = super().adopt(user, folder, cur, name, letter, link)
        self.told_entry(file)
        return file

    def move_file(self, file, folder, flags=None):
        self.have_folder(self.users[file.user], folder)
        self.told_gone(file)
        file.folder, file.cur = folder, True
        if flags is not None:
            file.flags = flags
        self.nodes[file.ino][2] = self.clock
        self.told_entry(file)
        self.tell(file, folder)

    def delete_file(self, file):
        self.told_gone(file)
        self.forget_file(file)

    # --- folders and users --------------------------------------------------

    def drop_folder(self, user, folder):
        user.folders.remove(folder)
        if self.watching:
            self.say('folder-gone', *self.place(user.name, folder))
        else:
            self.lost.setdefault(user.name, set()).add(folder)

    def rename_folder(self, user, old, new):
        first = self.rng.random() < 0.5
        if first:
            self.drop_folder(user, old)
        user.folders.add(new)
        for file in self.in_folder(user, old):
            file.folder = new
            self.tell(file, new)
        self.list_folder(user, new)
        if not first:
            self.drop_folder(user, old)

    def remove_folder(self, user, folder):
        for file in self.in_folder(user, folder):
            self.delete_file(file)
        self.drop_folder(user, folder)

    def remove_user(self, user):
        for file in list(user.files.values()):
            self.delete_file(file)
        for folder in sorted(user.folders):
            self.drop_folder(user, folder)
        del self.users[user.name]

    def rename_user(self, user, name):
        self.remove_user(user)
        self.have_user(name)


class DryScript(Script):
    def deliver(self):
        world, rng = self.world, self.rng
        client = rng.choice(world.networks.clients)
        users = rng.sample(list(world.users.values()),
                           rng.choice((1, 1, 2)))
        self.number += 1
        sealed = rng.random() < 0.95
        flagged = sealed and rng.random() < 0.4
        for user in users:
            letter = world.letter(
                user, 'new%d' % self.number, time=world.now(), ip=client,
                votes=sealed, sealed=sealed, flagged=flagged, early=False)
            folder = '.Junk' if rng.random() < 0.3 else ''
            world.adopt(*world.write_file(user, folder, b''), letter)
        return len(users)

    def come_and_go(self):
        if self.world.live():
            super().come_and_go()

    def collect(self, wait=True):
        pass


class DryRun:
    def __init__(self, seed, users):
        self.world = DryWorld(seed)
        self.script = DryScript(self.world, users)
        self.last_spam, self.first_run = {}, True
        self.unseen, self.purged = False, 0
        self.compared = self.votes = self.open = 0

    def reports(self, user, also=0):
        last = max(self.last_spam.get(user, 0), also)
        return last > 0 and self.world.clock - last <= model.WINDOW

    def votes_since(self):
        """{id: (letter, entries of the journal)}, {user: last report}"""
        world, rows, fresh = self.world, {}, {}
        for _, path, number, kind, vote in world.ask():
            letter = world.by_number[path.split('/')[2], int(number)]
            vote = CLASSES[vote]
            rows.setdefault(id(letter), (letter, []))[1].append(
                (model.BACK, vote) if kind == '2' else (vote, None))
            self.votes += 1
            if kind == '1' and vote == model.SPAM:
                when = min(letter.time, world.clock) if self.first_run \
                    else world.clock
                fresh[letter.user] = max(fresh.get(letter.user, 0), when)
        return rows, fresh

    def suspects(self, rows):
        world = self.world
        found = {k: letter for k, (letter, _) in rows.items()}
        found.update(world.touched)
        for letter in world.letters.values():
            if letter.votes and letter.state.standing is None and \
               letter.state.files and \
               letter.time + model.HAM_AGE <= world.clock:
                found[id(letter)] = letter
        return found.items()

    def quiet(self):
        """Votes so far are the model's; returns what is wrong or None."""
        world = self.world
        rows, fresh = self.votes_since()
        for key, letter in self.suspects(rows):
            wrong = self.compare(letter, tuple(rows.get(key, (0, ()))[1]),
                                 fresh)
            if wrong:
                return wrong
        for user, when in fresh.items():
            self.last_spam[user] = max(self.last_spam.get(user, 0), when)
        world.touched, self.first_run = {}, False
        self.purged = world.clock - 600  # by the last tick
        return None

    def compare(self, letter, got, fresh):
        clock = model.Clock(
            self.world.clock, self.reports(letter.user),
            self.reports(letter.user, fresh.get(letter.user, 0)),
            self.first_run)
        clock.strict, clock.links_lost = True, self.unseen
        clock.forgets = (self.purged,)
        right = model.outcomes(letter, clock)
        if got not in right:
            self.show(letter)
            return 'the journal got %r, right is %r' % (got, list(right))
        self.open += len(right) > 1
        self.compared += 1
        letter.states, letter.events = right[got], []
        return None

    def show(self, letter):
        diag('time %d, mail of %s, time %d, sealed %r, flagged %r, early %r' %
             (self.world.clock, letter.user, letter.time, letter.sealed,
              letter.flagged, letter.early))
        for event in letter.history[-20:]:
            diag('  %s' % event)

    def batch(self):
        world, rng = self.world, self.world.rng
        world.wave += 1
        roll = rng.random()
        if roll < 0.02:
            world.say('restart')
        elif roll < 0.08:
            world.watch(False)
        world.let_pass(rng.choice((0, 1, 30, 90, 200, 200, 700)))
        if rng.random() < 0.01:
            world.let_pass(model.DAY * rng.choice((0.3, 0.7, 1.2, 2.6)))
        wrong = world.watching and self.quiet()
        if wrong:
            return wrong
        self.script.again = rng.choice((0, 0.1, 0.4))
        for _ in range(rng.choice((1, 1, 2, 5)) if world.watching else
                       rng.choice((3, 10))):
            self.script.step()
        self.unseen = not world.watching
        world.watch(True)
        return self.quiet()

    def run(self, ops):
        """-> what is wrong, or None"""
        self.script.prepare()
        self.world.watch(True)
        wrong = self.quiet()
        while not wrong and self.world.ops < ops:
            wrong = self.batch()
        self.world.judge.stdin.close()
        if self.world.judge.wait() != 0:
            return wrong or 'vote-script ended with %d' % (
                self.world.judge.returncode)
        return wrong


def run(seed, ops, users):
    it = DryRun(seed, users)
    wrong = it.run(ops)
    if wrong:
        diag('seed %d without processes, batch %d: %s' % (
            seed, it.world.wave, wrong))
    return {'wrong': wrong, 'operations by kind': it.script.counts, 'sums': {
        'operations': it.world.ops, 'letters compared': it.compared,
        'votes': it.votes, 'left open': it.open}}
