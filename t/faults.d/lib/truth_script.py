# SPDX-License-Identifier: GPL-2.0-or-later
"""What senders, users and the administrator do, by chance from a seed."""
import base64
import email.utils
import hashlib
import hmac
import os

import mail
import truth_model as model
from tap import until

DAY = 86400
FOLDERS = ('.Work', '.Lists', '.Lists.dev', '.Archive', '.Old', '.Muell')
JUNKS = ('.Junk', '.Junk', '.Junk', '.Junk.2026', '.Spam')
MOST_USERS = 2000  # that ever were


class Script:
    def __init__(self, world, users):
        self.world, self.rng = world, world.rng
        self.smtp = None
        self.sent = []       # (token, user, folder, client, lives) on its way
        self.counts = {}
        self.number = self.user_number = 0
        self.want_users = users

    # --- the beginning ------------------------------------------------------

    def prepare(self):
        """Users, and mail from the time before asnd."""
        world, rng = self.world, self.rng
        for n in range(self.want_users):
            self.new_user()
        world.have_marker()
        now = world.now()
        for user in list(world.users.values()):
            for _ in range(rng.randrange(20, 40)):
                age = rng.choice((4, 5, 8, 13, 21, 34, 47, 70)) * DAY \
                    + rng.randrange(DAY // 2)
                folder = rng.choice(('', '', '', '.Lists', '.Junk', '.Trash'))
                self.old_mail(user, folder, int(now - age),
                              rng.choice(('', 'S', 'S', 'RS', 'FS')))

    @staticmethod
    def all_names():
        return ['u%04d' % n for n in range(MOST_USERS)]

    def new_name(self):
        """Never one of before."""
        self.user_number += 1
        return 'u%04d' % (self.user_number % MOST_USERS)

    def new_user(self):
        user = self.world.have_user(self.new_name())
        self.world.have_folder(user, '.Junk')
        return user

    def old_mail(self, user, folder, when, flags):
        world = self.world
        ip = self.rng.choice(world.networks.clients)
        self.number += 1
        ident = 'old%d' % self.number
        text = ('Received: from client.example (unknown [%s%s])\n'
                '\tby mx.example.org (Postfix) with ESMTP id 4%05d\n'
                '\tfor <user@example.org>; %s\n'
                'Subject: %s\n\nHello.\n' % (
                    'IPv6:' if ':' in ip else '', ip, self.number,
                    email.utils.formatdate(when), ident)).encode()
        letter = world.letter(user, ident, time=when, ip=ip, votes=True,
                              sealed=False, flagged=False, early=True)
        letter.old = when < world.now() - model.WINDOW
        world.adopt(*world.write_file(user, folder, text, flags, True, when),
                    letter)

    # --- deliveries ---------------------------------------------------------

    def deliver(self):
        """Through Postfix and the milter, to one to four users at once."""
        world, rng = self.world, self.rng
        client = rng.choice(world.networks.clients)
        users = rng.sample(list(world.users.values()),
                           rng.choice((1, 1, 2, 4)))
        # a rule of the user files some into Junk
        to = [(u, '.Junk' if rng.random() < 0.15 else '') for u in users]
        for user, folder in to:
            world.have_folder(user, folder)
        names = [u.name + ('+junk' if f else '') for u, f in to]
        try:
            token = self.session(client).mail_to(names)
        except OSError:
            self.smtp = None
            token = self.session(client).mail_to(names)
        self.sent += [(token, u, f, client, world.lives) for u, f in to]
        return len(to)

    def session(self, client):
        if self.smtp is None:
            self.smtp, self.played = mail.Smtp(self.world.smtp_port), None
        if self.played != client:
            self.smtp.play(client)
            self.played = client
        return self.smtp

    def collect(self, wait=True):
        """Adopts what Postfix delivered."""
        if not wait:
            self.look()
            return
        until(lambda: self.look() or not self.sent, 'all mail arrives', 120)

    def look(self):
        for user, folder in {(u, f) for _, u, f, _, _ in self.sent}:
            known = {f.name for f in self.world.in_folder(user, folder)
                     if not f.cur}
            directory = self.world.folder(user, folder) + '/new'
            for name in os.listdir(directory):
                if name not in known:
                    self.arrived(user, folder, name, directory)

    def arrived(self, user, folder, name, directory):
        world = self.world
        letter = mail.Mail(world.maildir(user.name), folder,
                           directory + '/' + name)
        token = letter.one('Subject')
        for sent in self.sent:
            if sent[0] == token and sent[1] is user and sent[2] == folder:
                break
        else:
            raise RuntimeError('a mail nobody sent: %s/%s' % (directory, name))
        self.sent.remove(sent)
        known = self.letter_of(user, letter, sent[3], token)
        file = world.adopt(user, folder, False, name, known)
        # it was there before we looked
        file.letter.events[-1].visible = (world.live(), sent[4])

    def letter_of(self, user, letter, client, token):
        """By what the milter put on it.  Without a seal (the milter was away)
        it never votes."""
        seal = letter.one('X-ASN-Seal')
        if seal is None:
            return self.world.letter(
                user, token, time=0, ip=client, votes=False, sealed=False,
                flagged=False, early=False)
        if not mail.seal_is_good(seal, self.world.key):
            raise RuntimeError('a seal that is not good: ' + seal)
        said = dict(x.split('=', 1) for x in seal.split('; '))
        if said['ip'] != client:
            raise RuntimeError('sealed %s, sent by %s' % (seal, client))
        return self.world.letter(
            user, seal, time=int(said['t']), ip=client, votes=True,
            sealed=True, flagged=said['f'] == '1', early=False)

    def put_aside(self):
        """Mail that comes late (fetched, restored, from another store): sealed
        days ago, or with a forged seal, or none."""
        world, rng = self.world, self.rng
        user = rng.choice(list(world.users.values()))
        ip = rng.choice(world.networks.clients)
        self.number += 1
        age = rng.choice((3600, DAY, 2 * DAY, 4 * DAY, 9 * DAY))
        when = int(world.now() - age - rng.randrange(3000))
        flagged = rng.random() < 0.3
        said = 'v=1; k=0; t=%d; ip=%s; q=4A%05d; f=%d' % (
            when, ip, self.number, flagged)
        kind = rng.choice(('sealed', 'sealed', 'sealed', 'forged', 'none'))
        key = world.key if kind == 'sealed' else b'x' * 32
        mac = hmac.new(key, said.encode(), hashlib.sha256).digest()
        seal = '%s; b=%s' % (said, base64.b64encode(mac).decode())
        text = ('%sReceived: from a.example (unknown [%s%s])\n'
                '\tby mx.example.org (Postfix) with ESMTP id 4A%05d\n'
                '\tfor <u@example.org>; %s\nSubject: aside %d\n\nHello.\n' % (
                    '' if kind == 'none' else 'X-ASN-Seal: %s\n' % seal,
                    'IPv6:' if ':' in ip else '', ip, self.number,
                    email.utils.formatdate(when), self.number)).encode()
        folder = rng.choice(('', '', '', '.Junk', '.Trash', '.Lists'))
        good = kind == 'sealed'
        letter = world.letter(
            user, seal if good else 'aside%d' % self.number, time=when, ip=ip,
            votes=good, sealed=good, flagged=good and flagged, early=False)
        world.adopt(*world.write_file(user, folder, text), letter)

    # --- what users do with a mail ------------------------------------------

    def pick(self, *kinds, alone=True):
        """A file in a folder of one of these kinds; alone: the only one of
        its letter."""
        rng, world = self.rng, self.world
        for _ in range(40):
            user = rng.choice(list(world.users.values()))
            if not user.files:
                continue
            file = user.files[rng.choice(list(user.files))]
            if kinds and world.config.kind(file.folder) not in kinds:
                continue
            if alone and len(file.letter.state.files) > 1:
                continue
            if file.letter.events and rng.random() > self.again:
                continue
            return file
        return None

    again = 0.1  # how often a mail is touched that was touched a moment ago

    def read(self):
        file = self.pick()
        return file is not None and self.world.flag_file(file, file.flags + 'S')

    def answer(self):
        file = self.pick(model.OTHER)
        return file is not None and self.world.flag_file(
            file, file.flags + self.rng.choice(('RS', 'F')))

    def unflag(self):
        file = self.pick(model.OTHER)
        return file is not None and self.world.flag_file(
            file, set(file.flags) - {self.rng.choice('SRFT')})

    def mark_deleted(self):
        file = self.pick(model.OTHER, model.TRASH)
        return file is not None and self.world.flag_file(file, file.flags + 'T')

    def move(self, file, folder):
        """By rename, or as IMAP has it: a copy, and the first one goes."""
        world, rng = self.world, self.rng
        if file is None or file.folder == folder:
            return
        if rng.random() < 0.75 or not file.letter.sealed:
            world.move_file(file, folder)
            return
        if file.letter.events:
            return
        user = world.users[file.user]
        link = rng.random() < 0.5
        new = world.copy_file(file, user, folder, link)
        world.adopt(*new, file.letter, file.id if link else None)
        world.delete_file(file)

    def junk(self):
        self.move(self.pick(model.OTHER, model.OTHER, model.TRASH),
                  self.rng.choice(JUNKS))

    def rejunk(self):
        self.move(self.pick(model.JUNK), self.rng.choice(JUNKS))

    def rescue(self):
        self.move(self.pick(model.JUNK), self.rng.choice(('',) + FOLDERS))

    def file_away(self):
        self.move(self.pick(model.OTHER), self.rng.choice(('',) + FOLDERS))

    def trash(self):
        self.move(self.pick(), '.Trash')

    def untrash(self):
        self.move(self.pick(model.TRASH), self.rng.choice(('', '.Archive')))

    def delete(self):
        file = self.pick(alone=False)
        return file and self.world.delete_file(file)

    def copy_within(self):
        """A second copy beside the first; neither says anything new."""
        file = self.pick()
        if file is None or file.letter.events or not file.letter.sealed:
            return
        world = self.world
        kind = world.config.kind(file.folder)
        folders = {model.OTHER: FOLDERS[:5] + ('',), model.JUNK: JUNKS,
                   model.TRASH: ('.Trash',)}[kind]
        folder = self.rng.choice(folders)
        new = world.copy_file(file, world.users[file.user], folder)
        world.adopt(*new, file.letter)

    def share(self):
        """Somebody gives another user a sealed mail: a mail of that user."""
        file = self.pick(model.OTHER)
        user = self.rng.choice(list(self.world.users.values()))
        if file is None or user.name == file.user:
            return
        old = file.letter
        key = user.name, old.ident
        if key in self.world.letters:
            return
        letter = self.world.letter(
            user, old.ident, time=old.time, ip=old.ip, votes=old.votes,
            sealed=old.sealed, flagged=old.flagged, early=False)
        if not old.sealed:  # too new here to be believed without a seal
            letter.votes = False
        self.world.adopt(*self.world.copy_file(file, user, ''), letter)

    # --- folders and users --------------------------------------------------

    def user(self):
        return self.rng.choice(list(self.world.users.values()))

    def rename_folder(self):
        self.collect()
        user = self.user()
        old = [f for f in user.folders if f not in ('', '.Junk', '.Trash')]
        new = [f for f in FOLDERS + JUNKS + ('.Box%d' % self.rng.randrange(9),)
               if f not in user.folders]
        if old and new:
            self.world.rename_folder(user, self.rng.choice(sorted(old)),
                                     self.rng.choice(new))

    def remove_folder(self):
        user = self.user()
        old = [f for f in user.folders if f not in ('', '.Junk')]
        if old:
            self.world.remove_folder(user, self.rng.choice(sorted(old)))

    def come_and_go(self):
        """One user comes, another one goes or is called otherwise."""
        self.collect()
        user = self.user()
        if self.rng.random() < 0.5:
            self.world.rename_user(user, self.new_name())
        else:
            self.world.remove_user(user)
            self.new_user()

    # --- all together -------------------------------------------------------

    WEIGHTS = (('deliver', 70), ('put_aside', 30), ('read', 200),
               ('answer', 60), ('unflag', 30), ('mark_deleted', 15),
               ('junk', 140), ('rejunk', 15), ('rescue', 80),
               ('file_away', 110), ('trash', 60), ('untrash', 25),
               ('delete', 85), ('copy_within', 12), ('share', 12),
               ('rename_folder', 4), ('remove_folder', 2),
               ('come_and_go', 1))

    def step(self):
        """One thing that somebody does."""
        names, weights = zip(*self.WEIGHTS)
        world, before = self.world, None
        while before is None or before == (world.told, len(self.sent)):
            before = world.told, len(self.sent)
            name = self.rng.choices(names, weights)[0]
            n = getattr(self, name)()
        n = n if name == 'deliver' else 1
        self.counts[name] = self.counts.get(name, 0) + n
        world.ops += n
