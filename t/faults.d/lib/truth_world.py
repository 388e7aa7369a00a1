# SPDX-License-Identifier: GPL-2.0-or-later
"""A running host whose clock, calls and processes the script can break, and
the files in its Maildirs.  What is done here to a file is told to the model
(Event) in the same breath."""
import os
import shutil
import signal
import time

import host as hosts
import mail
import truth_model as model
from fault import Fault
from tap import until
from truth_networks import Networks

DAEMONS = ('asn-milter', 'asnd', 'asnd-mailwatch')
MARKER = 'zz-marker'
KEPT = 500  # inodes, below the usual limit of descriptors


class File:
    __slots__ = ('id', 'user', 'letter', 'folder', 'cur', 'base', 'flags',
                 'ino')

    @property
    def name(self):
        return self.base + ':2,' + self.flags if self.cur else self.base


class User:
    def __init__(self, name):
        self.name = name
        self.folders = {''}
        self.files = {}  # id: File


class World(hosts.Host):
    def show_logs(self):
        """Without what the model knows better."""
        self.evidence_path, path = '/nowhere', self.evidence_path
        super().show_logs()
        self.evidence_path = path

    def __init__(self, rng):
        super().__init__()
        self.rng = rng
        self.offset = 0.0
        self.faults = {}
        for name in DAEMONS + ('asnctl',):
            self.faults[name] = Fault(self.path('run', 'fault-' + name), name)
        self.hurry(0)
        self.config = model.Config()
        self.networks = Networks(self, rng)
        self.users, self.letters, self.files = {}, {}, {}
        self.inodes = {}    # (user, inode): letter, also of files that went
        self.kept = []      # descriptors of files that went
        self.touched = {}   # letters with events since all was quiet
        self.next_file = self.next_name = 0
        self.wave = 0
        self.up = set()
        self.lives = 0      # grows whenever asnd begins or ceases to see
        self.ops = self.told = 0
        self.installed = self.tables_said = 0
        self.networks_broken = False
        self.tables = []    # (number, table) networks that asnd may use; the last one: now
        self.reconfigure()

    # --- time ---------------------------------------------------------------

    def now(self):
        return time.time() + self.offset

    def let_pass(self, seconds):
        """Days go by for all three programs; what asnd does every ten seconds
        it does at once."""
        self.offset += seconds
        for fault in self.faults.values():
            fault.clock(self.offset)
        self.hurry(11)

    def hurry(self, seconds):
        """What the two that learn do after a while they do sooner: timers go
        by the monotonic clock.  Only what they sleep through is cut short."""
        for name in ('asnd', 'asnd-mailwatch'):
            self.faults[name].leap(seconds)

    # --- processes ----------------------------------------------------------

    def spawn(self, name, argv, env=(), **how):
        daemon = super().spawn(
            name, argv, env=dict(self.faults[name].env(), **dict(env)), **how)
        self.up.add(name)
        self.lives += 1
        return daemon

    def start(self, name):
        {'asn-milter': self.start_milter, 'asnd': self.start_asnd,
         'asnd-mailwatch': self.start_mailwatch}[name]()

    def end(self, name, what=signal.SIGKILL):
        self.daemons[name].stop(what)
        self.up.discard(name)
        self.lives += 1

    def live(self):
        return 'asnd' in self.up and 'asnd-mailwatch' in self.up

    def reconfigure(self):
        self.configure(mail_section=(
            'junk-folders = %s\ntrash-folders = %s' % (
                ';'.join(self.config.junk), ';'.join(self.config.trash))
            + '\nrescan-interval = 86400'))  # nothing is to need one

    def asnctl(self, *args):
        return self.run('env', *('%s=%s' % x for x in
                                 self.faults['asnctl'].env().items()),
                        self.path('bin/asnctl'), *args)

    def table_taken(self):
        """asnd says that it uses the networks of last."""
        return self.daemons['asnd'].said('networks.mmdb is in use') > \
            self.tables_said

    def expect_table(self, entry):
        """From now on asnd may use this one."""
        self.tables.append(entry)
        self.tables_said = self.daemons['asnd'].said('networks.mmdb is in use')

    def start_asnd(self, *options):
        """A start takes what is there."""
        if self.networks_broken:
            self.tables.append((-1, None))
        return super().start_asnd(*options)

    # --- events -------------------------------------------------------------

    def tell(self, file, folder=model.GONE, anew=False, kind=None, link=None):
        """The file is in this folder now, with its flags."""
        letter, arrived = file.letter, 0
        self.told += 1
        if folder is not model.GONE:
            # maildir(5): the second that it was made in comes first
            arrived = int(file.base.partition('.')[0])
            kind = kind or self.config.kind(folder)
        event = model.Event(file.id, folder, kind, file.flags, arrived,
                            self.wave, anew, link)
        event.visible = (self.live(), self.lives)  # until it is replaced
        for old in reversed(letter.events):
            if old.file == file.id:
                self.settle(old)
                break
        letter.events.append(event)
        letter.history.append(event)
        self.touched[id(letter)] = letter

    def settle(self, event):
        """Another event follows: could asnd have seen this one?"""
        if isinstance(event.visible, tuple):
            live, lives = event.visible
            event.visible = live or self.live() or lives != self.lives

    def letter(self, user, ident, **what):
        key = user.name, ident
        if key not in self.letters:
            self.letters[key] = model.Letter(user.name, ident, **what)
        return self.letters[key]

    # --- files --------------------------------------------------------------

    def folder(self, user, folder):
        return os.path.join(self.path('vm', user.name, 'Maildir'), folder)

    def where(self, file):
        return os.path.join(self.folder(self.users[file.user], file.folder),
                            'cur' if file.cur else 'new', file.name)

    def have_folder(self, user, folder):
        if folder not in user.folders:
            mail.make_folder(self.maildir(user.name), folder)
            user.folders.add(folder)

    def have_user(self, name):
        self.add_user(name)
        self.users[name] = User(name)
        return self.users[name]

    def inode(self, file):
        return os.stat(self.where(file)).st_ino

    def adopt(self, user, folder, cur, name, letter, link=None):
        """A file that appeared."""
        file = File()
        self.next_file += 1
        file.id = self.next_file
        file.base, _, file.flags = name.partition(':2,')
        file.user, file.folder, file.cur = user.name, folder, cur
        file.letter = letter
        file.ino = self.inode(file)
        self.inodes[user.name, file.ino] = letter
        user.files[file.id] = self.files[file.id] = file
        self.tell(file, folder, link=link)
        return file

    def new_name(self):
        self.next_name += 1
        return '%d.M%dP1.mx' % (time.time(), self.next_name)

    def write_file(self, user, folder, text, flags='', cur=False, mtime=None):
        """As a delivery or an IMAP copy: tmp, then rename.  Returns what
        adopt() wants."""
        self.have_folder(user, folder)
        base = self.new_name()
        aside = os.path.join(self.folder(user, folder), 'tmp', base)
        with open(aside, 'wb') as f:
            f.write(text)
        self.give(aside)
        if mtime is not None:
            os.utime(aside, (mtime, mtime))
        name = base + ':2,' + flags if cur else base
        os.rename(aside, os.path.join(self.folder(user, folder),
                                      'cur' if cur else 'new', name))
        return user, folder, cur, name

    def copy_file(self, file, user, folder, link=False):
        """The same mail once more; link: as Dovecot does within a Maildir."""
        base = self.new_name()
        if link:
            self.have_folder(user, folder)
            os.link(self.where(file), os.path.join(
                self.folder(user, folder), 'cur', base + ':2,' + file.flags))
            return user, folder, True, base + ':2,' + file.flags
        with open(self.where(file), 'rb') as f:
            text = f.read()
        return self.write_file(user, folder, text, file.flags, True)

    def move_file(self, file, folder, flags=None):
        user = self.users[file.user]
        self.have_folder(user, folder)
        old = self.where(file)
        file.folder, file.cur = folder, True
        if flags is not None:
            file.flags = flags
        os.rename(old, self.where(file))
        self.tell(file, folder)

    def flag_file(self, file, flags):
        self.move_file(file, file.folder, ''.join(sorted(set(flags))))

    def forget_file(self, file):
        """It is gone already."""
        del self.users[file.user].files[file.id], self.files[file.id]
        self.tell(file)

    def keep_inode(self, file):
        """asnd knows a mail by its inode and the second of its mtime.  A real
        mailbox does not lose a mail and get another, with the same inode, in
        one second in which nobody watches; this script would."""
        self.kept.append(os.open(self.where(file), os.O_PATH))
        if len(self.kept) > KEPT:
            os.close(self.kept.pop(0))

    def delete_file(self, file):
        self.keep_inode(file)
        os.unlink(self.where(file))
        self.forget_file(file)

    # --- folders and users --------------------------------------------------

    def in_folder(self, user, folder):
        return [f for f in user.files.values() if f.folder == folder]

    def rename_folder(self, user, old, new):
        os.rename(self.folder(user, old), self.folder(user, new))
        user.folders.remove(old)
        user.folders.add(new)
        for file in self.in_folder(user, old):
            file.folder = new
            self.tell(file, new)

    def remove_folder(self, user, folder):
        for file in self.in_folder(user, folder):
            self.keep_inode(file)
        shutil.rmtree(self.folder(user, folder))
        user.folders.remove(folder)
        for file in self.in_folder(user, folder):
            self.forget_file(file)

    def remove_user(self, user):
        for file in user.files.values():
            self.keep_inode(file)
        shutil.rmtree(self.path('vm', user.name))
        for file in list(user.files.values()):
            self.forget_file(file)
        del self.users[user.name]

    def rename_user(self, user, name):
        """Another Maildir is another user, who has all of this at once."""
        os.rename(self.path('vm', user.name), self.path('vm', name))
        new = self.users[name] = User(name)
        new.folders = set(user.folders)
        files = list(user.files.values())
        for file in files:
            self.forget_file(file)
        del self.users[user.name]
        for file in files:
            old = file.letter
            letter = self.letter(
                new, old.ident, time=old.time, ip=old.ip, votes=old.votes,
                sealed=old.sealed, flagged=old.flagged, early=old.early)
            letter.old = old.old
            if not old.sealed:  # believed as long as nobody touched the file
                letter.votes = old.votes and self.ctime(
                    new, file) < self.installed
            self.adopt(new, file.folder, file.cur, file.name, letter)

    def ctime(self, user, file):
        return os.stat(os.path.join(
            self.folder(user, file.folder), 'cur' if file.cur else 'new',
            file.name)).st_ctime

    # --- quiet --------------------------------------------------------------

    def mark(self):
        """A file of a user of its own gets another name: once asnd knows that,
        it knows all that happened before (inotify(7): events are in order)."""
        self.marks = getattr(self, 'marks', 0) + 1
        directory = self.maildir(MARKER) + '/cur'
        old = os.path.join(directory, 'mark:2,')
        new = os.path.join(directory, 'mark%d:2,' % self.marks)
        if self.marks > 1:
            old = os.path.join(directory, 'mark%d:2,' % (self.marks - 1))
        os.rename(old, new)

    def have_marker(self):
        self.add_user(MARKER)
        path = self.maildir(MARKER) + '/cur/mark:2,'
        with open(path, 'w') as f:
            f.write('Subject: mark\n\n')
        self.give(path)

    def tree(self):
        """{(user, folder, cur, name): inode} of what there is."""
        found = {(f.user, f.folder, int(f.cur), f.name): f.ino
                 for f in self.files.values()}
        return found
