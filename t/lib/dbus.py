# SPDX-License-Identifier: GPL-2.0-or-later
"""D-Bus as its specification has it on the wire, and as it must not be: a client
that sends what it likes, as whatever user, with whatever descriptors.  And a bus
of our own."""
import array
import ctypes
import os
import re
import select
import socket
import struct
import subprocess
import time

import guard
import tap

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
NO_REPLY = 1
_ALIGN = {'y': 1, 'b': 4, 'n': 2, 'q': 2, 'i': 4, 'u': 4, 'x': 8, 't': 8, 'd': 8,
          'h': 4, 's': 4, 'o': 4, 'g': 1, 'a': 4, 'v': 1, '(': 8, '{': 8}
_FORMAT = {'y': 'B', 'b': 'I', 'n': 'h', 'q': 'H', 'i': 'i', 'u': 'I', 'x': 'q',
           't': 'Q', 'd': 'd', 'h': 'I'}


def types(signature):
    """The single complete types of a signature."""
    out = []
    while signature:
        n = _one(signature)
        out.append(signature[:n])
        signature = signature[n:]
    return out


def _one(s):
    if s[0] == 'a':
        return 1 + _one(s[1:])
    if s[0] not in '({':
        return 1
    depth = 0
    for i, c in enumerate(s):
        depth += (c in '({') - (c in ')}')
        if depth == 0:
            return i + 1
    raise ValueError(s)


def _pad(out, n):
    out.extend(b'\0' * (-len(out) % n))


class Raw(bytes):
    """Bytes that stand for a value as they are."""


def put(out, kind, value):
    """Appends a value of one complete type; a variant is (signature, value),
    text may be bytes that are no text."""
    _pad(out, _ALIGN[kind[0]])
    if isinstance(value, Raw):
        out.extend(value)
    elif kind in _FORMAT:
        out.extend(struct.pack('<' + _FORMAT[kind], value))
    elif kind in 'sog':
        text = value if isinstance(value, bytes) else value.encode()
        size = '<B' if kind == 'g' else '<I'
        out.extend(struct.pack(size, len(text)) + text + b'\0')
    elif kind == 'v':
        put(out, 'g', value[0])
        put(out, value[0], value[1])
    elif kind[0] == 'a':
        at = len(out)
        out.extend(b'\0\0\0\0')
        _pad(out, _ALIGN[kind[1]])
        start = len(out)
        for item in value.items() if isinstance(value, dict) else value:
            put(out, kind[1:], item)
        out[at:at + 4] = struct.pack('<I', len(out) - start)
    else:
        for part, item in zip(types(kind[1:-1]), value):
            put(out, part, item)


def marshal(signature, values):
    out = bytearray()
    for kind, value in zip(types(signature), values):
        put(out, kind, value)
    return bytes(out)


def message(kind, serial, fields, signature='', body=b'', flags=0):
    """fields: {code: (type, value)} as the header has them."""
    fields = dict(fields)
    if signature:
        fields[8] = ('g', signature)
    out = bytearray(struct.pack('<BBBBII', ord('l'), kind, flags, 1, len(body),
                                serial))
    put(out, 'a(yv)', list(fields.items()))
    _pad(out, 8)
    return bytes(out) + body


class Gone(Exception):
    """The bus closed the connection."""


class Reply:
    def __init__(self, kind, fields, body):
        self.kind, self.fields, self.body = kind, fields, body
        self.error = fields.get(4) if kind == ERROR else None
        self.text = ''
        if self.error and len(body) > 4:
            n = struct.unpack_from('<I', body)[0]
            self.text = body[4:4 + n].decode(errors='replace')


def _header(data):
    """(kind, reply serial, fields that are text) of a whole message."""
    end = 16 + struct.unpack_from('<I', data, 12)[0]
    fields, at = {}, 16
    while at < end:
        at += -at % 8
        code, kind = data[at], chr(data[at + 2])
        at += 4
        if kind == 'g':
            fields[code] = data[at + 1:at + 1 + data[at]].decode()
            at += data[at] + 2
            continue
        at += -at % 4
        n = struct.unpack_from('<I', data, at)[0]
        at += 4
        if kind in 'so':
            fields[code] = data[at:at + n].decode()
            at += n + 1
        else:
            fields[code] = n
    return fields


class Client:
    def __init__(self, path, uid=0, gid=0, groups=()):
        self.socket = _connect_as(path, uid, gid, groups)
        self.socket.settimeout(30)
        self.data, self.serial, self.replies = b'', 0, {}
        self.socket.sendall(b'\0AUTH EXTERNAL %s\r\n' %
                            str(uid).encode().hex().encode())
        self._line(b'OK')
        self.socket.sendall(b'NEGOTIATE_UNIX_FD\r\n')
        self._line(b'AGREE_UNIX_FD')
        self.socket.sendall(b'BEGIN\r\n')
        hello = self.call('org.freedesktop.DBus', '/org/freedesktop/DBus',
                          'org.freedesktop.DBus', 'Hello')
        self.name = re.search(rb':[\d.]+', hello.body)[0].decode()

    def _line(self, word):
        while b'\r\n' not in self.data:
            self._more()
        line, _, self.data = self.data.partition(b'\r\n')
        if not line.startswith(word):
            raise RuntimeError(line)

    def _more(self):
        try:
            got, passed, _, _ = self.socket.recvmsg(1 << 16, 4096)
        except (ConnectionError, BrokenPipeError):
            got, passed = b'', []
        for _, _, fds in passed:
            for fd in array.array('i', fds[:len(fds) // 4 * 4]):
                os.close(fd)
        if not got:
            raise Gone()
        self.data += got

    def send(self, data, fds=()):
        aux = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', fds))]
        try:
            n = self.socket.sendmsg([data], aux if fds else [])
            self.socket.sendall(data[n:])
        except (ConnectionError, BrokenPipeError):
            raise Gone() from None

    def send_call(self, dest, path, interface, member, signature='', values=(),
                  fds=(), flags=0, **fields):
        """Sends, and returns the serial.  values may be bytes: the body."""
        self.serial += 1
        head = {1: ('o', path), 2: ('s', interface), 3: ('s', member),
                6: ('s', dest)}
        if fds:
            head[9] = ('u', fields.get('fd_count', len(fds)))
        body = values if isinstance(values, bytes) else marshal(signature, values)
        self.send(message(CALL, self.serial, head, signature, body, flags), fds)
        return self.serial

    def receive(self):
        while True:
            if len(self.data) >= 16:
                body, _, fields = struct.unpack_from('<III', self.data, 4)
                size = 16 + fields + -fields % 8 + body
                if len(self.data) >= size:
                    break
            self._more()
        data, self.data = self.data[:size], self.data[size:]
        return data[1], _header(data), data[size - body:]

    def answer(self, serial, timeout=30):
        end = time.monotonic() + timeout
        while serial not in self.replies:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            kind, fields, body = self.receive()
            if kind in (RETURN, ERROR):
                self.replies[fields[5]] = Reply(kind, fields, body)
        return self.replies.pop(serial)

    def call(self, *args, timeout=30, **named):
        return self.answer(self.send_call(*args, **named), timeout)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def _connect_as(path, uid, gid, groups):
    """The credentials of a Unix socket are those at connect(2), unix(7)."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mine = os.getgroups()
    try:
        os.setgroups(list(groups))
        os.setegid(gid)
        os.seteuid(uid)
        s.connect(path)
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(mine)
    return s


def root_of_a_namespace(path):
    """What the bus at path says to one who is uid 2 outside; the caller is a child
    of its own."""
    os.setgroups([])
    os.setgid(2)
    os.setuid(2)
    libc = ctypes.CDLL(None)
    libc.prctl(4, 1)  # PR_SET_DUMPABLE, or /proc/self is root's
    if libc.unshare(0x10000000) != 0:  # CLONE_NEWUSER
        return 'no namespaces here'
    with open('/proc/self/uid_map', 'w') as f:
        f.write('0 2 1')
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    s.sendall(b'\0AUTH EXTERNAL 30\r\n')  # "0"
    return s.recv(100).decode().split()[0]


class Bus:
    """dbus-daemon with Debian's system.conf, less what starts programs."""

    def __init__(self, directory, policy):
        self.path = directory + '/system_bus_socket'
        with open('/usr/share/dbus-1/system.conf') as f:
            text = f.read()
        for pattern in (r'<(user|pidfile|servicehelper|listen)>.*?</\1>',
                        r'<(standard_system_servicedirs|fork|syslog|keep_umask)\s*/>',
                        r'<include.*?</include>|<include[^>]*/>|'
                        r'<includedir>.*?</includedir>'):
            text = re.sub(pattern, '', text, flags=re.S)
        with open(directory + '/asnd-bus.conf', 'w') as f:
            f.write(policy)
        with open(directory + '/system-bus.conf', 'w') as f:
            f.write(text.replace('</busconfig>', '<listen>unix:path=%s</listen>'
                                 '<include>%s/asnd-bus.conf</include></busconfig>'
                                 % (self.path, directory)))
        self.process = subprocess.Popen(
            ['dbus-daemon', '--config-file=%s/system-bus.conf' % directory,
             '--nofork', '--nopidfile'], stdin=subprocess.DEVNULL, cwd=directory,
            stderr=open(directory + '/log/dbus', 'ab'))
        guard.remember(directory, self.process.pid)
        tap.until(lambda: os.path.exists(self.path), 'a bus')


def readable(fd, seconds):
    return bool(select.select([fd], [], [], seconds)[0])
