# SPDX-License-Identifier: GPL-2.0-or-later
"""A mail host of its own below a temporary directory: Postfix, Dovecot, users
with Maildirs, and the programs under test.

All users are one system user, nobody, as on a host with virtual mailboxes;
asnd tells them apart by their Maildirs.  The programs run as nobody, too:
privileges are other tests' business.  Runs as root, because Postfix and
Dovecot do.
"""
import base64
import grp
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

import guard
import known
import mail
import tap
from known import DAY, HISTORY, NETWORKS

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get('ASND_BUILD', TOP + '/build'))
PROGRAMS = ('milter/asn-milter', 'asnd/asnd', 'asnd/asnd-mailwatch',
            'asnctl/asnctl')
NOBODY = pwd.getpwnam('nobody')
POSTFIX_GROUP = grp.getgrnam('postfix').gr_gid


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Daemon:
    def __init__(self, process, log):
        self.process, self.log = process, log

    def stop(self, what=signal.SIGTERM):
        """Sends the signal; returns the seconds until it was gone."""
        start = time.monotonic()
        self.process.send_signal(what)
        self.process.wait(tap.DEADLINE)
        return time.monotonic() - start

    def said(self, text):
        """How many lines of its log hold the text."""
        with open(self.log, errors='replace') as f:
            return sum(text in line for line in f)


class Host(known.Evidence):
    def __init__(self):
        if os.getuid() != 0:
            sys.exit('needs root, as Postfix does')
        self.dir = guard.directory()
        super().__init__(self.dir + '/state/evidence.sqlite')
        self.key = os.urandom(32)
        self.milter_socket = self.dir + '/pf/queue/asn-milter/milter.sock'
        self.db = self.dir + '/db'
        self.daemons = {}
        self.environment = {}  # of the daemons, besides
        self.smtp_port = self.imap_port = None
        for name in ('bin', 'log', 'vm', 'db', 'state', 'run'):
            os.mkdir(self.path(name))
        for name in ('vm', 'db', 'state', 'run'):
            self.give(self.path(name))
        for program in PROGRAMS:
            shutil.copy(os.path.join(BUILD, program), self.path('bin'))
        self.write('seal.key',
                   '0 %s\n' % base64.b64encode(self.key).decode(), 0o600)
        self.configure()
        tap.on_failure.append(self.show_logs)

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def give(self, path):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), 'w') as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        self.give(self.path(name))
        return self.path(name)

    def configure(self, milter='', mail_section=''):
        """asnd.conf; the arguments are lines for two of its sections."""
        return self.write('asnd.conf', (
            '[paths]\ndatabase-dir = {0}/db\nstate-dir = {0}/state\n'
            'seal-key = {0}/seal.key\nwatch-socket = {0}/run/watch.sock\n'
            '[milter]\nsocket = unix:{1}\n{2}\n'
            '[mail]\nmaildirs = {0}/vm/*/Maildir\n'
            'host-names = mx.example.org\n{3}\n').format(
                self.dir, self.milter_socket, milter, mail_section))

    # --- processes ----------------------------------------------------------

    def run(self, *argv):
        """A command that must succeed; returns its output."""
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, cwd=self.dir,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            tap.diag(done.stderr.decode(errors='replace'))
            raise RuntimeError('%s: exit %d' % (argv, done.returncode))
        return done.stdout.decode()

    def spawn(self, name, argv, group=NOBODY.pw_gid, user=NOBODY.pw_uid,
              env=()):
        """Starts a daemon; its log is DIR/log/NAME."""
        log = self.path('log', name)
        with open(log, 'ab') as out:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                cwd=self.dir, user=user, group=group, extra_groups=[],
                start_new_session=True, env=dict(
                    {n: v for n, v in os.environ.items()
                     if n == 'PATH' or n.startswith('GCOV_') or
                     n.endswith('SAN_OPTIONS')},
                    **self.environment, **dict(env)))
        guard.remember(self.dir, process.pid)
        self.daemons[name] = Daemon(process, log)
        return self.daemons[name]

    def spawn_ready(self, name, argv, **how):
        """The same, and waits for its READY=1 (sd_notify(3))."""
        path = self.path('run', 'notify-' + name)
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            os.chmod(path, 0o666)
            notify.settimeout(0.05)
            daemon = self.spawn(name, argv, env={'NOTIFY_SOCKET': path}, **how)

            def ready():
                if daemon.process.poll() is not None:
                    raise RuntimeError('%s left: %d' % (
                        name, daemon.process.returncode))
                try:
                    return b'READY=1' in notify.recv(4096).split(b'\n')
                except socket.timeout:
                    return False
            tap.until(ready, name + ' is ready')
        return daemon

    def start_milter(self, *options):
        """With Postfix's group, which may then use the socket."""
        return self.spawn_ready('asn-milter', [
            self.path('bin/asn-milter'), '--config', self.path('asnd.conf'),
            *options], group=POSTFIX_GROUP)

    def start_asnd(self, *options):
        return self.spawn_ready('asnd', [
            self.path('bin/asnd'), '--config', self.path('asnd.conf'),
            *options])

    def start_mailwatch(self):
        return self.spawn('asnd-mailwatch', [
            self.path('bin/asnd-mailwatch'), '--config',
            self.path('asnd.conf')])

    def start_learning(self, users):
        """asnd and asnd-mailwatch over the users' history, until it is learnt
        and published."""
        votes = self.add_history(users)
        self.start_asnd()
        self.start_mailwatch()
        tap.until(lambda: sum(self.votes().values()) == votes,
                  'the history is learnt')
        tap.until(lambda: os.path.exists(self.path('db/reputation.mmdb')) and
                  self.lookup('192.0.2.1')['ham_in_all'] >
                  HISTORY * len(users) / 2, 'the history is published')

    def import_networks(self, text=NETWORKS):
        """networks.mmdb, put in place by rename."""
        source = self.write('networks.tsv', text)
        self.run(self.path('bin/asnctl'), 'import', '-o',
                 self.path('db/networks.mmdb'), source)

    # --- Postfix ------------------------------------------------------------

    def start_postfix(self, transport, *settings, master=''):
        """transport: an argv of pipe(8) for a delivery, or 'virtual'; master: more
        lines for master.cf."""
        self.smtp_port = free_port()
        pipe = ('deliver unix - n n - 4 pipe flags=DRhu user=nobody:nogroup'
                ' argv=%s\nvirtual unix - n n - - virtual\n' % transport)
        subprocess.run(
            [TOP + '/t/lib/private-postfix', self.path('pf'),
             str(self.smtp_port),
             'virtual_transport=' +
             ('virtual' if transport == 'virtual' else 'deliver'),
             'deliver_destination_recipient_limit=1',
             'virtual_mailbox_base=' + self.path('vm'),
             'virtual_uid_maps=static:%d' % NOBODY.pw_uid,
             'virtual_gid_maps=static:%d' % NOBODY.pw_gid,
             *settings],
            input=(pipe + master).encode(), check=True)
        os.chown(self.path('pf/queue/asn-milter'), NOBODY.pw_uid,
                 POSTFIX_GROUP)
        os.chmod(self.path('pf/queue/asn-milter'), 0o750)
        self.run(TOP + '/postfix-conf/asn-postfix', 'enable', '--config-dir',
                 self.path('pf/conf'))
        main_cf = self.path('pf/conf/main.cf')
        os.utime(main_cf, (time.time() - 10,) * 2)  # see private-postfix
        self.run('postfix', '-c', self.path('pf/conf'), 'start')
        with open(self.path('pf/queue/pid/master.pid')) as f:
            guard.remember(self.dir, int(f.read()))
        tap.until(self.smtp_answers, 'Postfix answers')

    def smtp_answers(self):
        try:
            with mail.Smtp(self.smtp_port):
                return True
        except OSError:
            return False

    def postfix_said(self, text):
        with open(self.path('pf/postfix.log'), errors='replace') as f:
            return sum(text in line for line in f)

    def send(self, user, client, extra=b''):
        """One mail in a session of its own; returns it once delivered."""
        with mail.Smtp(self.smtp_port, client) as session:
            token = session.mail_to([user], extra)
        return self.arrived(user, token)

    def send_until(self, user, verdict, pattern, first=100):
        """Mails from ever new clients (a number goes into the pattern) until one
        arrives with this verdict, which is returned: publishing takes
        milliseconds, but nobody promises how many."""
        for n in range(first, first + 60):
            letter = self.send(user, pattern % n)
            if letter.verdict() == verdict:
                return letter
        tap.ok(False, 'a mail with X-ASN-Spam: ' + verdict)
        sys.exit(1)

    def arrived(self, user, token):
        return tap.until(lambda: mail.find(self.maildir(user), token),
                         'mail %s for %s arrives' % (token, user))[0]

    # --- users --------------------------------------------------------------

    def maildir(self, user):
        return self.path('vm', user, 'Maildir')

    def add_user(self, user):
        os.mkdir(self.path('vm', user), 0o700)
        self.give(self.path('vm', user))
        os.mkdir(self.maildir(user), 0o700)
        self.give(self.maildir(user))
        mail.make_folder(self.maildir(user), '')

    def add_history(self, users):
        return known.add_history([self.maildir(user) for user in users])

    # --- what asnd knows ----------------------------------------------------

    def lookup(self, address):
        return json.loads(self.run(
            self.path('bin/asnctl'), 'lookup', '--db', self.db, '--json',
            address))

    # --- failures -----------------------------------------------------------

    def show_logs(self):
        for table in ('mails', 'entries', 'votes'):
            for row in self.evidence('SELECT * FROM %s' % table)[-12:]:
                tap.diag('%s: %r' % (table, row))
        logs = [d.log for d in self.daemons.values()]
        for log in logs + [self.path('pf/postfix.log')]:
            try:
                with open(log, errors='replace') as f:
                    tail = f.readlines()[-25:]
            except OSError:
                continue
            tap.diag('--- %s\n%s' % (log, ''.join(tail)))
