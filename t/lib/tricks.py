# SPDX-License-Identifier: GPL-2.0-or-later
"""What a user does with files to see what is not theirs, each in a loop and
in a process of its own, as that user, until killed.

Where a user's own rights are not enough (a hard link to a file they may not
read, which fs.protected_hardlinks forbids) a process of root does it in their
place, as on a host where that is off.
"""
import ctypes
import errno
import fcntl
import os
import random
import signal
import socket
import time

_libc = ctypes.CDLL(None, use_errno=True)
EXCHANGE = 2  # renameat2(2)
LONG = 248    # bytes of a name before its number: 255 in all


def exchange(a, b):
    if _libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b),
                       EXCHANGE) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), a)


def flips(pairs, pace):
    """Exchanges each pair and back, in turn; a generator that yields after
    each round."""
    def run(rng):
        while True:
            for a, b in pairs:
                exchange(a, b)
                time.sleep(rng.random() * pace)
                exchange(a, b)
                time.sleep(rng.random() * pace)
            yield
    return run


def hard_links(targets, box, aside):
    """As root.  A mail's name leads to another's file and back, by rename."""
    def run(rng):
        good, name = box + '/good', box + '/1'
        while True:
            for target in targets:
                for what in (target, good):
                    os.link(what, aside)
                    os.rename(aside, name)
                    if os.path.lexists(aside):  # both were one file already
                        os.unlink(aside)
                    time.sleep(rng.random() * 0.001)
            yield
    return run


def kinds(box, good, aside):
    """What is no mail, or too much of one, exchanged for a mail."""
    def make(path, kind):
        if kind == 0:
            os.mkfifo(path, 0o600)
        elif kind == 1:
            s = socket.socket(socket.AF_UNIX)
            s.bind(path)
            s.close()
        elif kind == 2:
            os.mkdir(path)
        else:  # 1 TB, with no line in it or behind a header without end
            with open(path, 'wb') as f:
                f.write(b'A: b\n' if kind == 3 else b'')
                f.truncate(1 << 40)

    def run(rng):
        while True:
            for kind in range(5):
                make(aside, kind)
                for _ in range(20):
                    exchange(aside, good)
                    time.sleep(rng.random() * 0.001)
                    exchange(aside, good)
                # and as a mail that just came
                os.rename(aside, box + '/new%d' % kind)
                time.sleep(0.01)
                os.rename(box + '/new%d' % kind, aside)
                (os.rmdir if kind == 2 else os.unlink)(aside)
            yield
    return run


def moved_out(folder, outside, secret):
    """A folder, and a box of it, leave the tree; a mail in it is the user's
    private file while it is outside, and a mail again when it comes back."""
    def run(rng):
        while True:
            for inside, out in ((folder, outside),
                                (folder + '/cur', outside)):
                os.rename(inside, out)
                mail = out + ('/cur/1' if inside == folder else '/1')
                exchange(mail, secret)
                time.sleep(rng.random() * 0.002)
                exchange(mail, secret)
                os.rename(out, inside)
                time.sleep(rng.random() * 0.005)
            yield
    return run


def many(full, inside, outside, names):
    """100,000 entries with names of 255 bytes come and go at once, and some of
    them change their names."""
    def run(rng):
        while True:
            os.rename(outside, inside)
            end = time.monotonic() + 4
            while time.monotonic() < end:
                name = full(rng.randrange(names))
                other = name[:-1] + 'x'
                os.rename(inside + '/cur/' + name, inside + '/cur/' + other)
                os.rename(inside + '/cur/' + other, inside + '/cur/' + name)
                time.sleep(0.002)
            os.rename(inside, outside)
            yield
    return run


def storm(box):
    """Renames without end, to names that are no text."""
    def run(rng):
        now = 0
        while True:
            for _ in range(100):
                now += 1
                name = bytes(rng.randrange(1, 256) for _ in range(20))
                path = os.fsencode(box) + b'/' + name.replace(b'/', b'\n')
                try:
                    os.rename(box + '/1', path)
                    os.rename(path, box + '/1')
                except OSError as e:  # "." and such
                    if e.errno not in (errno.EEXIST, errno.EBUSY,
                                       errno.EISDIR, errno.ENOTEMPTY):
                        raise
                time.sleep(0.0002)
            yield
    return run


def folders(maildir):
    """Folders come and go, more than are looked at."""
    def run(rng):
        while True:
            for n in range(1200):
                try:
                    os.makedirs('%s/.F%d/cur' % (maildir, n))
                except FileExistsError:
                    pass
                time.sleep(0.0005)
            for n in range(1200):
                os.rmdir('%s/.F%d/cur' % (maildir, n))
                os.rmdir('%s/.F%d' % (maildir, n))
                time.sleep(0.0005)
            yield
    return run


def leases(mail):
    """A write lease holds up who opens the file (fcntl(2))."""
    def run(rng):
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        while True:
            fd = os.open(mail, os.O_RDWR)
            try:
                fcntl.fcntl(fd, 1024, fcntl.F_WRLCK)
            except OSError:  # open elsewhere
                pass
            time.sleep(0.02)
            os.close(fd)
            exchange(mail, mail + '.2')
            yield
    return run


def modes(folder):
    """Directories nobody may enter, as far as mode bits go."""
    def run(rng):
        while True:
            for path in (folder + '/cur', folder):
                os.chmod(path, 0)
                time.sleep(rng.random() * 0.001)
                os.chmod(path, 0o700)
            time.sleep(0.005)
            yield
    return run


def alone(keep=()):
    """In a child of a test: it ends with the test, and holds nothing of it."""
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for fd in os.listdir('/proc/self/fd'):
        if int(fd) > 2 and int(fd) not in keep:
            try:
                os.close(int(fd))
            except OSError:  # that of the listing
                pass


def start(run, uid, rounds, index, seed):
    """A process that does it; rounds: a mapping of 64-bit counters.  Its pid."""
    pid = os.fork()
    if pid != 0:
        return pid
    try:
        if uid != 0:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
        alone()
        for _ in run(random.Random(seed * 100 + index)):
            n = int.from_bytes(rounds[8 * index:8 * index + 8], 'little') + 1
            rounds[8 * index:8 * index + 8] = n.to_bytes(8, 'little')
    except BaseException as e:
        os.write(2, ('# trick %d: %r\n' % (index, e)).encode())
    os._exit(1)
