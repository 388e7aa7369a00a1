# SPDX-License-Identifier: GPL-2.0-or-later
"""What a power cut may leave of files that were written as a log of
write-log.so says (see ../write-log.h).

A file has what its last fsync made durable, and the writes since; a directory
the names that its last fsync made durable, and the changes since.  An image
keeps some of what is not durable:

    none     nothing of it
    all      all of it: the same as a kill -9
    names    every name, no data: a new file is there and empty
    zeros    the same, with the lengths: zeros where the data is not
    data     all data, no name
    torn     names up to a random one; of the data a random part, in random
             order, sectors of 512 bytes torn out of the last write
    random   each name and each write by itself: as no journal would have it
"""
import os
import struct

CREATE, DATA, TRUNCATE, SYNC, SYNC_DIR, RENAME, UNLINK = range(1, 8)
RECORD = struct.Struct('=IIIIQQ')
WAYS = 'none all names zeros data torn random'.split()


def read_log(path):
    """[(op, inode, offset, name, name2, data)], and where each record ends."""
    records, ends = [], []
    with open(path, 'rb') as f:
        text = f.read()
    at = 0
    while at + RECORD.size <= len(text):
        op, n, n2, length, ino, offset = RECORD.unpack_from(text, at)
        at += RECORD.size
        name, name2 = text[at:at + n], text[at + n:at + n + n2]
        at += n + n2
        records.append((op, ino, offset, os.fsdecode(name), os.fsdecode(name2),
                        text[at:at + length]))
        at += length
        ends.append(at)
    return records, ends


def apply_data(content, change):
    kind, at, data = change
    if kind == TRUNCATE:
        del content[at:]
        content.extend(bytes(at - len(content)))
    else:
        if len(content) < at:
            content.extend(bytes(at - len(content)))
        content[at:at + len(data)] = data


class File:
    def __init__(self):
        self.durable, self.now, self.pending = b'', bytearray(), []

    def change(self, *change):
        self.pending.append(change)
        apply_data(self.now, change)

    def sync(self):
        self.durable, self.pending = bytes(self.now), []

    def left(self, way, rng):
        if way in ('all', 'data') or not self.pending:
            return bytes(self.now)
        if way in ('none', 'names'):
            return self.durable
        if way == 'zeros':
            return (self.durable + bytes(len(self.now)))[:max(
                len(self.now), 0)]
        content = bytearray(self.durable)
        kept = [c for c in self.pending if rng.random() < 0.5]
        if way == 'torn':
            kept = self.pending[:rng.randrange(len(self.pending) + 1)]
        for n, change in enumerate(kept):
            if change[0] == DATA and (way == 'random' or n == len(kept) - 1):
                self.tear(content, change, rng)
            else:
                apply_data(content, change)
        return bytes(content)

    @staticmethod
    def tear(content, change, rng):
        """Some sectors of a write."""
        _, at, data = change
        unit = rng.choice((512, 4096))
        for start in range(0, len(data), unit):
            if rng.random() < 0.6:
                apply_data(content, (DATA, at + start,
                                     data[start:start + unit]))


class Disk:
    """Play the records in order; left() at any point."""

    def __init__(self):
        self.inodes, self.durable, self.now, self.pending = {}, {}, {}, {}

    def load(self, directory):
        """What is there is there for good."""
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if name.endswith('-shm') or not os.path.isfile(path):
                continue
            with open(path, 'rb') as f:
                file = self.inodes[os.stat(path).st_ino] = File()
                file.durable = f.read()
            file.now = bytearray(file.durable)
            self.durable[path] = self.now[path] = file

    def play(self, record):
        op, ino, offset, name, name2, data = record
        if op == CREATE:
            self.inodes[ino] = File()
            self.name(name, self.inodes[ino])
        elif op == RENAME:
            assert os.path.dirname(name) == os.path.dirname(name2)
            self.rename(name, name2)
        elif op == UNLINK:
            self.name(name, None)
        elif op == SYNC_DIR:
            self.sync_dir(name)
        elif op == SYNC:
            self.inodes[ino].sync()
        else:
            self.inodes[ino].change(op, offset, data)

    @staticmethod
    def put(names, changes):
        for name, file in changes:
            if file is None:
                names.pop(name, None)
            else:
                names[name] = file

    def change(self, *changes):
        """Happens whole or not at all, as rename(2) does."""
        self.put(self.now, changes)
        directory = os.path.dirname(changes[0][0])
        self.pending.setdefault(directory, []).append(changes)

    def name(self, name, file):
        self.change((name, file))

    def rename(self, name, name2):
        self.change((name2, self.now[name]), (name, None))

    def sync_dir(self, directory):
        for changes in self.pending.pop(directory, []):
            self.put(self.durable, changes)

    def left(self, way, rng):
        """{path: content}"""
        names = dict(self.durable)
        for changes in self.pending.values():
            if way in ('all', 'names', 'zeros'):
                kept = changes
            elif way == 'torn':
                kept = changes[:rng.randrange(len(changes) + 1)]
            elif way == 'random':
                kept = [c for c in changes if rng.random() < 0.5]
            else:
                kept = []
            for change in kept:
                self.put(names, change)
        return {name: file.left(way, rng) for name, file in names.items()}
