# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine from inside, for the scripts beside this one: its units, its
mail, what asnd knows.  Postfix, maildrop and the users are the host's own."""
import errno
import json
import os
import pwd
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
sys.path.insert(0, TOP + '/t/lib')
import known
import mail
import tap

tap.DEADLINE = 120  # an emulated machine
USERS = 'alice', 'bob'
DOMAINS = {'asn-milter.service': 'asn_milter_t', 'asnd.service': 'asnd_t',
           'asnd-mailwatch.service': 'asnd_mailwatch_t'}
SERVICES = tuple(DOMAINS)
# That a new domain does not inherit the environment, signals and limits of systemd,
# and sendmail those of asnd-report, is the policy's will for every service.
INHERITED = r'denied  \{ (?:noatsecure|rlimitinh|siginh| )+ \} .* scontext=\w+:\w+:(?:init_t|asnd_report_t):.* tclass=process'
OURS = tuple(DOMAINS.values()) + ('asnd_import_t', 'asnd_report_t')
SOCKETS = 'asn-milter.socket', 'asnd.socket'
UNITS = SERVICES + SOCKETS + ('asnd-import.path',)
CONNECT = '''import socket, sys
s = socket.socket(socket.AF_UNIX, getattr(socket, sys.argv[2]))
sys.exit(s.connect_ex(sys.argv[1]))'''
BEFORE = '/root/before'  # how the host was before the installation


def sh(command, check=True):
    """A shell command's output; it must succeed unless check is False."""
    done = subprocess.run(command, shell=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          errors='replace')
    if check and done.returncode != 0:
        tap.diag(done.stdout)
        raise RuntimeError('%s: exit %d' % (command, done.returncode))
    return done.stdout


def unit(name, *properties):
    """The values that systemd has for them; one alone is given as it is."""
    values = {}
    for line in sh('systemctl show %s -p %s' % (
            name, ','.join(properties))).splitlines():
        key, _, value = line.partition('=')
        values[key] = value
    if len(properties) == 1:
        return values.get(properties[0], '')
    return values


def main_pid(name):
    return int(unit(name, 'MainPID'))


def pids(name):
    """All processes of a unit."""
    group = unit(name, 'ControlGroup')
    if not group:
        return []
    with open('/sys/fs/cgroup%s/cgroup.procs' % group) as f:
        return [int(line) for line in f]


def context(pid):
    """SELinux context of a process: user:role:type:level."""
    with open('/proc/%d/attr/current' % pid) as f:
        return f.read().strip('\0\n')


def status(pid):
    """/proc/PID/status as a dictionary."""
    with open('/proc/%d/status' % pid) as f:
        return {k: v.strip() for k, _, v in
                (line.partition(':') for line in f)}


def connect(user, path, kind):
    """The errno that user gets, as a name."""
    who = pwd.getpwnam(user)
    code = subprocess.run([sys.executable, '-c', CONNECT, path, kind], cwd='/', user=who.pw_uid,
                          group=who.pw_gid,
                          extra_groups=os.getgrouplist(user, who.pw_gid)).returncode
    return errno.errorcode.get(code, code)


def program(pid):
    """Name of the file that a process executes; a kernel thread has none."""
    try:
        return os.path.basename(os.readlink('/proc/%s/exe' % pid))
    except OSError:
        return ''


def denials(since, ours=True):
    """What the kernel and systemd denied since that time, from the audit log:
    our domains, and others what is ours; or anybody."""
    found = []
    for line in sh('cat /var/log/audit/audit.log').splitlines():
        m = re.match(r'type=(?:USER_)?(?:AVC|SELINUX_ERR) msg=audit\(([0-9.]+):', line)
        if not m or float(m[1]) < since or 'context=' not in line:
            continue
        if not ours or not re.search(INHERITED, line) and (
                re.search(r'scontext=\w+:\w+:(?:%s):' % '|'.join(OURS), line) or
                re.search(r'tcontext=\w+:\w+:asn\w*_t:', line)):
            found.append(line)
    return found


def no_denials(since):
    lost = re.search(r'^lost (\d+)', sh('auditctl -s'), re.M)
    tap.equal(lost and lost[1], '0', 'the audit log has lost nothing')
    # As many rules hide denials of others, there must be some.
    tap.ok(denials(since, ours=False), 'and shows what it denied to others')
    found = denials(since)
    tap.ok(not found, 'SELinux denied our domains nothing, and nobody what is ours') or \
        tap.diag('\n'.join(found[:40]))


def journal(*matches):
    """Messages of this boot, e.g. journal('-u', 'asnd')."""
    return subprocess.run(['journalctl', '-b', '-q', '-o', 'cat', *matches],
                          stdout=subprocess.PIPE, errors='replace',
                          check=True).stdout.splitlines()


class Guest(known.Evidence):
    def __init__(self):
        super().__init__('/var/lib/asnd/evidence.sqlite')
        tap.on_failure.append(self.show_state)

    def maildir(self, user):
        return '/home/%s/Maildir' % user

    def send(self, user, client, extra=b''):
        """One mail in a session of its own; returns it once delivered."""
        with mail.Smtp(25, client) as session:
            token = session.mail_to([user], extra)
        return tap.until(lambda: mail.find(self.maildir(user), token),
                         'mail %s for %s arrives' % (token, user))[0]

    def send_until(self, user, verdict, pattern, first=100):
        """Mails from ever new clients (a number goes into the pattern) until
        one arrives with this verdict, which is returned."""
        for n in range(first, first + 60):
            letter = self.send(user, pattern % n)
            if letter.verdict() == verdict:
                return letter
        tap.ok(False, 'a mail with X-ASN-Spam: ' + verdict)
        sys.exit(1)

    def lookup(self, *what):
        return json.loads(sh('asnctl lookup --json ' + ' '.join(what)))

    def running(self, name):
        return unit(name, 'ActiveState') == 'active'

    def show_state(self):
        tap.diag(sh('systemctl --no-pager --full status -n 3 %s' % ' '.join(UNITS),
                    check=False))
        tap.diag(sh('journalctl -b -q --no-pager -n 200 | grep -v -e audit -e AVC | tail -n 40', check=False))
        tap.diag(sh('ausearch -m avc,selinux_err -ts boot 2>&1 | tail -n 20',
                    check=False))
