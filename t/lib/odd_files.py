# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors of every kind, for who expects a mail."""
import ctypes
import fcntl
import os
import socket
import threading


def letter(address):
    return ('Received: from a (b [%s])\n\tby mx.example.org (Postfix) with ESMTP id 4X'
            '\n\tfor <u@example.org>; Sat, 21 Nov 2026 10:00:00 +0000\nSubject: %s\n\nx\n'
            % (address, address))


def memfd(text, seals=None):
    fd = os.memfd_create('mail', os.MFD_ALLOW_SEALING)
    os.write(fd, text.encode())
    if seals:
        fcntl.fcntl(fd, 1033, seals)  # F_ADD_SEALS
    return fd


def node(h, name, minor):
    """A device like /dev/zero, of our own."""
    path = h.path(name)
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, minor))
    try:
        return os.open(path, os.O_RDWR)
    except PermissionError:  # mounted nodev
        return os.open(path, os.O_PATH)


def endless():
    """A pipe that never ends, and its writer."""
    r, w = os.pipe()

    def write():
        try:
            while True:
                os.write(w, b'X-Header: x\n' * 1000)
        except OSError:
            pass
    threading.Thread(target=write, daemon=True).start()
    return r


def kinds(h):
    """(name, descriptor, whether it is a mail); h: a Host with a mail at h.mail."""
    mail = h.mail
    sparse = os.open(h.path('sparse'), os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(sparse, 1 << 40)
    os.mkfifo(h.path('fifo'))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(h.path('listener'))
    listener.listen()
    a, b = socket.socketpair()
    deleted = os.open(h.write('deleted', letter('192.0.2.78')), os.O_RDONLY)
    os.unlink(h.path('deleted'))
    libc = ctypes.CDLL(None, use_errno=True)
    at_end = os.open(mail, os.O_RDONLY)
    os.lseek(at_end, 1 << 40, os.SEEK_SET)
    return [
        ('a file', os.open(mail, os.O_RDONLY), True),
        ('a file read to far beyond its end', at_end, True),
        ('a deleted file', deleted, True),
        ('an unsealed memfd', memfd(letter('192.0.2.79')), True),
        ('a sealed memfd', memfd(letter('192.0.2.80'), 0xf), True),
        ('a memfd sealed against growing only',
         memfd(letter('192.0.2.81'), 4), True),
        ('a file in O_APPEND | O_RDWR',
         os.open(mail, os.O_RDWR | os.O_APPEND), True),
        ('a directory', os.open(h.dir, os.O_RDONLY), False),
        ('/proc/self/mem', os.open('/proc/self/mem', os.O_RDONLY), False),
        ('/proc/self/maps', os.open('/proc/self/maps', os.O_RDONLY), False),
        ('O_PATH', os.open(mail, os.O_PATH), False),
        ('O_PATH of a directory', os.open(h.dir, os.O_PATH), False),
        ('O_WRONLY', os.open(mail, os.O_WRONLY), False),
        ('a sparse file of 1 TB', sparse, False),
        ('a FIFO without a writer',
         os.open(h.path('fifo'), os.O_RDONLY | os.O_NONBLOCK), False),
        ('a FIFO in O_RDWR', os.open(h.path('fifo'), os.O_RDWR), False),
        ('a pipe that never ends', endless(), False),
        ('a pipe that says nothing', os.pipe()[0], False),
        ('a listening socket', os.dup(listener.fileno()), False),
        ('a socket', a.detach(), False),
        ('its other end', b.detach(), False),
        ('a device like zero', node(h, 'zero', 5), False),
        ('a device like full', node(h, 'full', 7), False),
        ('a device like null', node(h, 'null', 3), False),
        ('an eventfd', libc.eventfd(0, 0), False),
        ('an epoll', libc.epoll_create1(0), False),
        ('an inotify', libc.inotify_init1(0), False),
        ('a timerfd', libc.timerfd_create(1, 0), False),
        ('a pidfd', os.pidfd_open(os.getpid()), False)]
