# SPDX-License-Identifier: GPL-2.0-or-later
"""asnd, asnd-mailwatch and asn-milter whose calls fail as a test says, and what
must hold whatever failed."""
import base64
import hashlib
import hmac
import json
import os
import random
import shutil
import sqlite3
import subprocess
import time

import fault
import host as hosts
import tap

LONG = os.environ.get('FAULTS_LONG') == '1'
SEED = int(os.environ.get('FAULTS_SEED') or random.randrange(10 ** 6))
USERS = 4
PAUSE = 0.005
PATIENCE = 60    # seconds of ours that a condition may take
RECOVERY = 150   # seconds on the daemons' clock that mending may take


class Faulty(hosts.Host):
    """extra: lines for [mail] of the configuration."""

    def __init__(self, extra=''):
        super().__init__()
        self.milter_socket = self.path('run/milter.sock')
        self.configure(mail_section=extra)
        shutil.copy(hosts.BUILD + '/t/fault-shim.so', self.path('bin'))
        os.mkdir(self.path('ctl'))
        self.faults, self.delivered, self.moved = {}, 0, 0
        self.marks = {}
        for n in range(USERS):
            self.add_user('u%d' % n)
            for folder in ('', '.Junk'):
                hosts.mail.make_folder(self.maildir('u%d' % n), folder)

    # --- processes ----------------------------------------------------------

    def fault(self, name):
        if name not in self.faults:
            self.faults[name] = fault.Fault(self.path('ctl', name), name)
        return self.faults[name]

    def begin(self, name, *options):
        """Starts a daemon that can be made to fail, waits for nothing."""
        env = self.fault(name).env(self.path('bin/fault-shim.so'))
        env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=/nonexistent'
        return self.spawn(name, [self.path('bin', name), '--config',
                                 self.path('asnd.conf'), *options], env=env)

    def milter_says(self, ip, patience=60):
        """What a mail from there gets: the milter's answers, in order; none,
        when they do not come within so many seconds."""
        try:
            done = subprocess.run(
                [hosts.BUILD + '/t/mta', 'unix:' + self.milter_socket],
                input='connect 4 %s\nmacro E i 4XyZ\nheader Subject hi\neom\n' %
                ip, stdout=subprocess.PIPE, universal_newlines=True,
                timeout=patience)
        except subprocess.TimeoutExpired:
            return []
        return [x for x in done.stdout.splitlines()
                if not x.startswith('steps ')]

    def alive(self, name):
        return self.daemons[name].process.poll() is None

    def begin_pair(self):
        self.begin('asnd')
        self.begin('asnd-mailwatch')
        self.wait(lambda: 'scan complete' in self.log('asnd'), 'the scan')

    # --- logs ---------------------------------------------------------------

    def log(self, name):
        """What it said since the last mark()."""
        with open(self.daemons[name].log, errors='replace') as f:
            f.seek(self.marks.get(name, 0))
            return f.read()

    def mark(self):
        for name, daemon in self.daemons.items():
            self.marks[name] = os.path.getsize(daemon.log)

    # --- mail ---------------------------------------------------------------

    def deliver(self, folder='', ahead=0):
        """A sealed mail from an address of its own; (user, path, address)."""
        self.delivered += 1
        n = self.delivered
        user = 'u%d' % (n % USERS)
        ip = '20.%d.%d.7' % (n // 250, n % 250)
        now = int(time.time()) + ahead
        said = 'v=1; k=0; t=%d; ip=%s; q=4X%05d; f=0' % (now, ip, n)
        mac = base64.b64encode(hmac.new(
            self.key, said.encode(), hashlib.sha256).digest()).decode()
        text = ('X-ASN-Seal: %s; b=%s\nFrom: a@example.net\nSubject: %d\n'
                '\nbody\n' % (said, mac, n))
        path = os.path.join(self.maildir(user), folder, 'new', '%d.M%d.mx'
                            % (now, n))
        aside = os.path.join(self.maildir(user), 'tmp', 'm%d' % n)
        with open(aside, 'w') as f:
            f.write(text)
        self.give(aside)
        os.utime(aside, (now, now))
        os.rename(aside, path)
        return user, path, ip

    def known(self, letter):
        """asnd has seen and read it."""
        return bool(self.ask(
            "SELECT 1 FROM entries JOIN mails ON mails.id = mail WHERE"
            " name = CAST('%s' AS BLOB) AND state = 1"
            % os.path.basename(letter[1])))

    def in_junk(self, letter):
        name = os.path.basename(letter[1]).partition(':')[0] + ':2,S'
        return os.path.join(self.maildir(letter[0]), '.Junk/cur', name)

    def move(self, letter):
        """Into Junk; what asnd must then know is one vote more."""
        os.rename(letter[1], self.in_junk(letter))
        self.moved += 1
        return letter[2]

    # --- what came of it ----------------------------------------------------

    def ask(self, sql):
        """The evidence, as root might look at it."""
        try:
            db = sqlite3.connect('file:%s?mode=ro' % self.evidence_path,
                                 uri=True, timeout=5)
        except sqlite3.OperationalError:
            return []
        try:
            return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()

    def n_votes(self):
        rows = self.ask('SELECT count(*), count(DISTINCT digest) FROM votes')
        return rows[0] if rows else (0, 0)

    def published(self, ip):
        done = subprocess.run(
            [self.path('bin/asnctl'), 'lookup', '--json', '--db', self.db, ip],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        levels = json.loads(done.stdout or '{}').get('levels', [])
        return any(x['level'] == 'address' and x['spam'] > 0 for x in levels)

    def unsound(self):
        """What is wrong with the files on disk right now, or ''."""
        names = [n for n in ('networks.mmdb', 'reputation.mmdb', 'recent.mmdb')
                 if os.path.exists(self.path('db', n))]
        done = subprocess.run(
            [self.path('bin/asnctl'), 'check'] +
            [self.path('db', n) for n in names],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            return done.stdout.decode(errors='replace')
        whole = self.ask('PRAGMA integrity_check')
        return '' if whole in ([('ok',)], []) else repr(whole)

    # --- waiting ------------------------------------------------------------

    def wait(self, condition, what):
        tap.until(condition, what, PATIENCE, PAUSE)

    def mend(self, condition, step=5):
        """Waits with the daemons' clock leaping; their seconds that it took,
        None: not within RECOVERY."""
        took, look = 0, time.monotonic() + 0.12
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                return None
            if time.monotonic() > look and took < RECOVERY:
                took += step
                for f in self.faults.values():
                    f.leap(step)
                look = time.monotonic() + 0.12
            time.sleep(PAUSE)
        return took
