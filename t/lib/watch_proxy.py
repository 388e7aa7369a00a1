# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands between asnd-mailwatch and asnd: passes every packet on, looks at
every byte that asnd would get, and asks for mails of its own, as an asnd in
an attacker's hands would.

What it finds wrong goes into a file, a line each.  It runs as a process of
its own (root), so that it costs the test nothing.
"""
import fcntl
import os
import random
import select
import socket
import struct
import sys
import threading
import time

# lib/watch-protocol.h; what is not named here only passes through
HEADER = struct.Struct('=II')
MAILDIR, MAILDIR_GONE, FOLDER, FOLDER_GONE, ENTRY = 2, 3, 4, 6, 7
BLOCK, READ = 10, 64
ID_UID = struct.Struct('=II')      # AsnWatchMaildir, AsnWatchFolder
ENTRY_HEAD = struct.Struct('=QQqqI')
BLOCK_HEAD = struct.Struct('=IIQ')
READ_FIXED = struct.Struct('=QQIIB7x')
OURS = 0xF0000000                  # requests from here on are not asnd's
SEALS = 0xF                        # F_SEAL_SEAL | SHRINK | GROW | WRITE


class Rules:
    """never: byte strings nobody may get; mails: uid -> byte string that only
    folders of this uid may show; inodes: (dev, ino) -> uid whose mail it is,
    None: nobody's."""

    def __init__(self, never, mails, inodes):
        self.never, self.mails, self.inodes = never, mails, inodes

    def wrong(self, data, uid):
        for canary in self.never:
            if canary in data:
                return canary
        for owner, canary in self.mails.items():
            if owner != uid and canary in data:
                return canary
        return None


class Proxy:
    def __init__(self, listen, asnd, rules, wants, report, seed):
        """wants: (uid of the Maildir, folder, name, dev, ino) to ask for;
        report: the file for what is wrong."""
        self.asnd_path, self.rules, self.wants = asnd, rules, wants
        self.report = open(report, 'a', buffering=1)
        self.random = random.Random(seed)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(listen)
        os.chmod(listen, 0o666)
        self.listener.listen(5)
        self.maildirs, self.folders, self.uids = {}, {}, {}
        self.asked = self.answered = None
        self.count = {'packets': 0, 'bytes': 0, 'blocks': 0, 'connections': 0,
                      'asked': 0, 'given': 0, 'refused': 0}

    def say(self, text):
        self.report.write(text.replace('\n', ' ') + '\n')

    # --- what asnd-mailwatch says -------------------------------------------

    def judge(self, data, uid, what):
        canary = self.rules.wrong(data, uid)
        if canary is not None:
            self.say('%s of a folder of uid %s holds %s' % (
                what, uid, canary.decode()))

    def uid_of(self, folder):
        """Also of one that just went: asnd may not have heard of it."""
        return self.uids.get(folder)

    def on_entry(self, packet):
        dev, ino, _, _, folder = ENTRY_HEAD.unpack_from(packet, 8)
        uid = self.uid_of(folder)
        owner = self.rules.inodes.get((dev, ino), uid)
        if owner != uid:
            self.say('an entry of uid %s names inode %d of %s' % (
                uid, ino, owner))
        self.judge(packet, uid, 'an entry')

    def on_block(self, packet, fds):
        """FALSE: it answers our own request; asnd does not get it."""
        request, status, length = BLOCK_HEAD.unpack_from(packet, 8)
        ours = request >= OURS
        uid = self.asked[0] if ours else self.reads.pop(request, None)
        if uid is None:
            self.say('a block that nobody asked for')
        self.count['blocks'] += 1
        for fd in fds:
            data = os.pread(fd, length + 4096, 0)
            self.count['bytes'] += len(data)
            if len(data) != length or fcntl.fcntl(fd, 1034) != SEALS:
                self.say('a block is not as long as it says, or not sealed')
            self.judge(data, uid, 'a block')
            if ours and self.asked[1]:
                self.say('uid %s was given an inode of others' % uid)
        if ours:
            self.count['given' if status == 0 else 'refused'] += 1
            self.answered.set()
        return not ours

    def from_mailwatch(self, packet, fds):
        kind, _ = HEADER.unpack_from(packet)
        self.count['packets'] += 1
        self.count['bytes'] += len(packet)
        if kind == BLOCK:
            return self.on_block(packet, fds)
        if fds:
            self.say('a descriptor with packet %d' % kind)
        if kind == MAILDIR:
            number, uid = ID_UID.unpack_from(packet, 8)
            self.maildirs[number] = uid
            self.judge(packet, uid, 'a Maildir')
        elif kind == FOLDER:
            number, maildir = ID_UID.unpack_from(packet, 8)
            self.folders[number] = (maildir, packet[16:])
            self.uids[number] = self.maildirs.get(maildir)
            self.judge(packet, self.maildirs.get(maildir), 'a folder')
        elif kind in (MAILDIR_GONE, FOLDER_GONE):
            number, = struct.unpack_from('=I', packet, 8)
            (self.maildirs if kind == MAILDIR_GONE else
             self.folders).pop(number, None)
            if kind == MAILDIR_GONE:
                self.folders = {n: f for n, f in self.folders.items()
                                if f[0] != number}
        elif kind == ENTRY:
            self.on_entry(packet)
        else:
            self.judge(packet, None, 'packet %d' % kind)
        return True

    def from_asnd(self, packet, fds):
        kind, _ = HEADER.unpack_from(packet)
        if kind == READ:
            _, _, request, folder, _ = READ_FIXED.unpack_from(packet, 8)
            self.reads[request] = self.uid_of(folder)
        return True

    # --- asking -------------------------------------------------------------

    def ask(self, mailwatch):
        """One at a time: an inode of others under each name and folder that an
        attacker exchanges, and their own for comparison."""
        while not self.over:
            uid, folder, name, dev, ino, others = self.random.choice(
                self.wants)
            number = next((n for n, (m, f) in list(self.folders.items())
                           if f == folder and self.maildirs.get(m) == uid),
                          None)
            if number is None:
                time.sleep(0.002)
                continue
            self.count['asked'] += 1
            self.asked = (uid, others)
            self.answered = threading.Event()
            packet = READ_FIXED.pack(dev, ino, OURS + self.count['asked'] %
                                     1000000, number, 1) + name
            try:
                mailwatch.send(HEADER.pack(READ, 8 + len(packet)) + packet)
            except OSError:
                return
            while not self.over and not self.answered.wait(1):
                pass
            time.sleep(0.001)

    # --- passing on ---------------------------------------------------------

    def relay(self, source, to, look):
        while True:
            try:
                packet, fds, _, _ = socket.recv_fds(source, 8192, 4)
                if not packet:
                    break
                if look(packet, fds):
                    socket.send_fds(to, [packet], fds)
            except OSError:
                break
            for fd in fds:
                os.close(fd)
        self.over = True
        for s in (source, to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def connection(self):
        mailwatch, _ = self.listener.accept()
        asnd = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        asnd.connect(self.asnd_path)
        self.count['connections'] += 1
        self.maildirs, self.folders, self.reads = {}, {}, {}
        self.uids = {}  # of each folder there ever was
        self.over = False
        threads = [
            threading.Thread(target=self.relay, args=a, daemon=True) for a in (
                (mailwatch, asnd, self.from_mailwatch),
                (asnd, mailwatch, self.from_asnd))]
        threads.append(threading.Thread(target=self.ask, args=(mailwatch,),
                                        daemon=True))
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        mailwatch.close()
        asnd.close()

    def serve(self, shared):
        """Until killed; the counts are in shared (a mapping) all the while."""
        def write():
            while True:
                struct.pack_into('=%dQ' % len(self.count), shared, 0,
                                 *self.count.values())
                time.sleep(0.05)
        threading.Thread(target=write, daemon=True).start()
        while True:
            try:
                self.connection()
            except OSError as e:
                print('proxy: %s' % e, file=sys.stderr)
                select.select([], [], [], 0.05)
