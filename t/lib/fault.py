# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the calls of a running program fail: the other end of fault-shim.so.
What classes, rules and prefixes are stands in ../fault-shim.h.

    fault = Fault('/tmp/x/control', program='asnd')
    start asnd with fault.env() added to its environment
    fault.count(['open', 'write'], prefix='/tmp/x/db')   # then publish once
    n = fault.seen()
    fault.fail(3, errno.ENOSPC)         # the third call from now on
    ... fault.hits() ... fault.off()
"""
import mmap
import os
import struct

MAGIC = 0x31746c756166
PATH, RULES = 512, 4
RULE_SIZE, CALLS_AT, RULES_AT = 584, 568, 824
SIZE = RULES_AT + RULES * RULE_SIZE
CLASSES = ('open read write sync rename unlink truncate mmap stat accept poll '
           'watch send receive directory memfd socket lock mode mkdir thread '
           'sqlite-memory try-memory').split()
WHAT = 'errno short overflow kill killed stop delay'.split()
FOREVER = 2 ** 62
_FIELDS = 'classes seen at times hits what error value thread'.split()


class Fault:
    """One control file; the program may be started again and again with it.
    Rule 0 is meant where no rule is named."""

    def __init__(self, path, program=None):
        self.path, self.program = path, program
        with open(path, 'wb') as f:
            f.write(struct.pack('=Q', MAGIC).ljust(SIZE, b'\0'))
        os.chmod(path, 0o666)
        with open(path, 'r+b') as f:
            self.map = mmap.mmap(f.fileno(), SIZE)

    def env(self, library=None):
        """What to add to the environment of the program.  library: a copy of
        the shim, for who may not read the build."""
        top = os.path.dirname(os.path.dirname(os.path.dirname(
            os.path.abspath(__file__))))
        build = os.environ.get('ASND_BUILD') or top + '/build'
        asan = os.environ.get('ASAN_OPTIONS')
        env = {'FAULT_CONTROL': self.path,
               'LD_PRELOAD': library or
               os.path.abspath(build) + '/t/fault-shim.so',
               'ASAN_OPTIONS': (asan + ':' if asan else '')
               + 'verify_asan_link_order=0'}
        if self.program:
            env['FAULT_PROGRAM'] = self.program
        return env

    def _put(self, at, value, kind='=Q'):
        struct.pack_into(kind, self.map, at, value)

    def _get(self, at):
        return struct.unpack_from('=Q', self.map, at)[0]

    def _at(self, rule, field):
        return RULES_AT + rule * RULE_SIZE + 8 * _FIELDS.index(field)

    def set(self, rule, **values):
        for field, value in values.items():
            self._put(self._at(rule, field), value)

    def get(self, rule, field):
        return self._get(self._at(rule, field))

    def count(self, classes, prefix='', thread=0, rule=0):
        """From now on counts these; nothing fails.  classes: names."""
        self.set(rule, classes=0, times=0)
        at = RULES_AT + rule * RULE_SIZE + 8 * len(_FIELDS)
        self.map[at:at + PATH] = os.fsencode(prefix).ljust(PATH, b'\0')
        self.set(rule, thread=thread, seen=0, hits=0)
        self.set(rule, classes=sum(1 << CLASSES.index(c) for c in classes))

    def fail(self, n, error=0, what='errno', times=1, value=0, rule=0):
        """Of what is counted, the n-th from now on (1: the next) is hit."""
        self.set(rule, times=0)
        self.set(rule, hits=0, seen=0, at=n, what=WHAT.index(what),
                 error=error, value=value)
        self.set(rule, times=times)

    def off(self, rule=0):
        self.set(rule, times=0)

    def seen(self, rule=0):
        return self.get(rule, 'seen')

    def hits(self, rule=0):
        return self.get(rule, 'hits')

    def clock(self, seconds, monotonic=False):
        """Offset of the program's clock."""
        self._put(16 if monotonic else 8, int(seconds * 1e6), '=q')

    def leap(self, seconds):
        """The monotonic clock goes forward when the main thread polls next:
        timers are due, within 20 ms."""
        self._put(24, 20)
        self._put(32, int(seconds * 1e6), '=q')

    def pid(self):
        """Of the program that mapped it last, 0: none yet."""
        return self._get(40)

    def last(self):
        """(class, path) of the last hit."""
        path = self.map[56:56 + PATH].split(b'\0')[0]
        return CLASSES[self._get(48)], os.fsdecode(path)

    def calls(self):
        """{class: calls since the control file was made}"""
        return {c: self._get(CALLS_AT + 8 * i) for i, c in enumerate(CLASSES)}
