# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with a bus of its own, asnd on it, and callers of every right."""
import os
import re
import time

import dbus
import host as hosts
from odd_files import letter
from tap import diag, ok, until

USER = 'canary-user'
NAME, PATH, MANAGER = 'org.asnd1', '/org/asnd1', 'org.asnd1.Manager'
DBUS = 'org.freedesktop.DBus'
NOBODY = hosts.NOBODY.pw_uid
# asnd runs as nobody, whose group stands in for the group asnd.
CALLERS = {'stranger': (2, 2, ()), 'other': (5, 60, (4, 27)),
           'root': (0, 0, ()), 'asnd': (NOBODY, NOBODY, ()),
           'member': (1, 1, (NOBODY,))}
MAY = 'root', 'asnd', 'member'
POLICY = ('<busconfig><policy context="default"><allow own="org.asnd1"/>'
          '<allow send_destination="org.asnd1"/></policy></busconfig>')


def prepare():
    h = hosts.Host()
    h.add_user(USER)
    h.import_networks()
    h.bus = dbus.Bus(h.dir, POLICY)
    h.environment['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=' + h.bus.path
    h.start_learning([USER])
    h.asnd = h.daemons['asnd'].process.pid
    h.slowest = []
    until(lambda: honest(h), 'asnd is on the bus')
    with open(hosts.TOP + '/units/org.asnd1.xml') as f:
        text = f.read()
    privileged = text.index('Only root and members')
    h.methods = {m[1]: (''.join(re.findall(
        r'type="(\S+)" direction="in"', m[2])), m.start() > privileged)
        for m in re.finditer(r'<method name="(\w+)">(.*?)</method>|'
                             r'<method name="(\w+)"/>', text, re.S)}
    h.mail = h.write('letter', letter('192.0.2.77'))
    return h


def client(h, who='root'):
    return dbus.Client(h.bus.path, *CALLERS[who])


def manager(c, method, *rest, **named):
    return c.call(NAME, PATH, MANAGER, method, *rest, **named)


def honest(h):
    """asnd answers a new caller, who tries again when it is busy; how long that
    took is kept."""
    start = time.monotonic()
    with client(h) as c:
        reply = manager(c, 'Lookup', 's', ['192.0.2.1'])
        while reply.error == NAME + '.Error.Busy' and \
                time.monotonic() - start < 30:
            time.sleep(0.02)
            reply = manager(c, 'Lookup', 's', ['192.0.2.1'])
    h.slowest.append(time.monotonic() - start)
    return reply.kind == dbus.RETURN


def descriptors(h):
    return len(os.listdir('/proc/%d/fd' % h.asnd))


def memory(h):
    with open('/proc/%d/status' % h.asnd) as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])


def changed(h):
    """What nobody without the right may change."""
    rules = h.path('state/rules')
    return (h.evidence('SELECT count(*) FROM votes'), h.evidence(
        'SELECT count(*), sum(state) FROM mails'),
        open(rules).read() if os.path.exists(rules) else '')


def room(h):
    """KiB by which asnd may grow; ASan keeps what was freed."""
    with open(hosts.BUILD + '/asnd/asnd', 'rb') as f:
        return 1 << 20 if b'__asan' in f.read() else 128 * 1024


def still_well(h, what, fds, kb):
    ok(h.daemons['asnd'].process.poll() is None and honest(h),
       what + ': asnd answers')
    until(lambda: descriptors(h) <= fds, 'descriptors are closed')
    until(lambda: memory(h) - kb < room(h), what + ': memory is bound')
    diag('%s: %d KiB more' % (what, memory(h) - kb))


def peak(h):
    with open('/proc/%d/status' % h.asnd) as f:
        return int(re.search(r'VmHWM:\s+(\d+)', f.read())[1])
