# SPDX-License-Identifier: GPL-2.0-or-later
"""Clients elsewhere: a network namespace, tied to this host by a pair of virtual
Ethernet ends, from which smtp-source(1) comes with the addresses that we want.
And users who move mail, and what became of their votes."""
import concurrent.futures
import json
import os
import subprocess
import threading
import time

import guest
import mail
import tap
from guest import sh

NETWORKD = '/run/systemd/network'
INSIDE, OUTSIDE = '02:00:00:00:00:01', '02:00:00:00:00:02'
OLD_FRIENDS = 40  # networks 198.18.N.0/24 in known.NETWORKS
HOST = 60 + int(time.time()) % 190  # clients that no earlier check was


def client(n):
    return '198.18.%d.%d' % (n, HOST)


def leave_alone(interface):
    """systemd-networkd takes away what it did not configure itself."""
    os.makedirs(NETWORKD, exist_ok=True)
    with open(NETWORKD + '/00-check.network', 'w') as f:
        f.write('[Match]\nName=%s\n[Link]\nUnmanaged=yes\n' % interface)
    sh('networkctl reload', check=False)


class Outside:
    """client(N) is the one that connects to 10.77.0.N, counted from 1."""

    def __init__(self):
        self.sending = []
        leave_alone('inside0')
        # It says when it has its namespace.
        self.holder = subprocess.Popen(
            ['unshare', '--net', 'sh', '-c', 'echo; exec cat'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.enter = ['nsenter', '-t', str(self.holder.pid), '-n']
        sh('ip link add inside0 address %s type veth peer name outside0'
           ' address %s netns %d' % (INSIDE, OUTSIDE, self.holder.pid))
        inside, outside = ['link set inside0 up'], [
            'link set lo up', 'link set outside0 up']
        for n in range(OLD_FRIENDS):
            host = '10.77.0.%d' % (n + 1)
            # No ARP: a busy machine may be too late with its answers.
            inside += ['addr add %s/32 dev inside0' % host,
                       'route add %s/32 dev inside0 src %s' % (client(n), host),
                       'neigh add %s lladdr %s dev inside0' % (client(n), OUTSIDE)]
            outside += ['addr add %s/32 dev outside0' % client(n),
                        'route add %s/32 dev outside0 src %s' % (host, client(n)),
                        'neigh add %s lladdr %s dev outside0' % (host, INSIDE)]
        for command, lines in ((['ip', '-batch', '-'], inside),
                               (self.enter + ['ip', '-batch', '-'], outside)):
            subprocess.run(command, input='\n'.join(lines).encode(), check=True)

    def send(self, n, user, count, subject):
        """smtp-source: `count` mails of client N, each in its own session.
        Returns what was wrong, '' for nothing."""
        process = subprocess.Popen(
            self.enter + ['smtp-source', '-m', str(count), '-s', '1', '-S',
                          subject, '-f', 'sender@client.example', '-t',
                          user + '@example.org', 'inet:10.77.0.%d:25' % (n + 1)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, errors='replace')
        self.sending.append(process)
        said = process.communicate()[0]
        return said if process.returncode != 0 else ''

    def close(self):
        for process in self.sending:
            if process.poll() is None:
                process.kill()
        self.holder.stdin.close()
        self.holder.wait()
        sh('ip link delete inside0', check=False)
        os.unlink(NETWORKD + '/00-check.network')


class Load:
    """`total` mails from all clients to all users, five sessions at a time; a
    part of the clients comes with each go_on()."""

    def __init__(self, outside, total, subject, parts):
        self.outside, self.subject, self.total = outside, subject, total
        self.seen, self.parts = {}, []
        self.size = OLD_FRIENDS // parts
        self.since = Journal('_SYSTEMD_UNIT=postfix@-.service')
        self.pool = concurrent.futures.ThreadPoolExecutor(5)

    def go_on(self):
        start = len(self.parts)
        for n in range(start, min(start + self.size, OLD_FRIENDS)):
            self.parts.append(self.pool.submit(
                self.outside.send, n, guest.USERS[n % len(guest.USERS)],
                self.total // OLD_FRIENDS + (n < self.total % OLD_FRIENDS),
                self.subject))

    def in_the_middle(self):
        """Waits until the first client of the last go_on() is done."""
        tap.until(lambda: any(part.done() for part in self.parts[-self.size:]),
                  'the first of these clients is done')

    def unfinished(self):
        return any(not part.done() for part in self.parts)

    def errors(self):
        """Waits for all to be sent; returns what went wrong."""
        return [e for e in (part.result() for part in self.parts) if e]

    def arrived(self):
        """All mails of this load, in whatever folder."""
        found = []
        for user in guest.USERS:
            maildir = '/home/%s/Maildir' % user
            for folder in mail.folders(maildir):
                for part in ('new', 'cur'):
                    found += self.look(maildir, folder, part)
        return found

    def look(self, maildir, folder, part):
        """A file is read once; the part of the name before ':' never changes."""
        directory = os.path.join(maildir, folder, part)
        found = []
        for name in os.listdir(directory) if os.path.isdir(directory) else ():
            path, key = os.path.join(directory, name), name.partition(':')[0]
            if key not in self.seen:
                try:
                    letter = mail.Mail(maildir, folder, path)
                except OSError:
                    continue
                self.seen[key] = letter if letter.one(
                    'Subject') == self.subject else None
            letter = self.seen[key]
            if letter:
                letter.folder, letter.path = folder, path
                found.append(letter)
        return found

    def reached(self, count):
        """Looks seldom: that costs time in which mail could arrive."""
        tap.until(lambda: len(self.arrived()) >= count,
                  '%d mails arrived' % count, 240, 0.5)

    def cancel(self):
        self.pool.shutdown(wait=False, cancel_futures=True)


class Journal:
    """What a unit, or whatever matches, has said since now."""

    def __init__(self, *matches):
        self.matches = matches
        self.anew()

    def anew(self):
        """From a mark of our own: journalctl --after-cursor would leave out
        one line more whenever the one at the cursor does not match."""
        shown = sh('logger -t asnd-check here && journalctl --sync &&'
                   ' journalctl -b -q -t asnd-check -n 1 --show-cursor')
        self.cursor = shown.partition('cursor: ')[2].strip()

    def lines(self):
        return guest.journal('--cursor', self.cursor, *self.matches)

    def said(self, text):
        return sum(text in line for line in self.lines())


class Insisting:
    """A mail server that tries again until its mail is taken."""

    def __init__(self, user, client):
        self.user, self.client = user, client
        self.token, self.refused, self.stop = None, [], False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.token and not self.stop:
            try:
                with mail.Smtp(25, self.client) as session:
                    self.token = session.mail_to([self.user])
            except Exception as e:  # refused, broken off: later again
                self.refused.append(str(e))
                time.sleep(0.2)

    def arrived(self, deadline=None):
        tap.until(lambda: self.token, 'the mail is taken', deadline)
        return tap.until(
            lambda: mail.find('/home/%s/Maildir' % self.user, self.token),
            'the mail arrives', deadline)[0]


# --- users ------------------------------------------------------------------


def sealed(letter):
    """Only such mail votes."""
    return letter.one('X-ASN-Seal') is not None


def client_of(letter):
    return letter.one('X-ASN-Seal').partition('ip=')[2].partition(';')[0]


def to_junk(letter):
    letter.move(mail.JUNK)
    return letter


def known(g):
    """Names of all files that asnd has seen and judged."""
    return {os.fsdecode(name) for name, in g.evidence(
        'SELECT entries.name FROM entries JOIN mails ON mails.id = mail'
        ' WHERE pending = 0 AND state <> 0')}


def spam_votes(g, letter):
    """How many spam votes for this mail, in its folder, stand."""
    name = os.path.basename(letter.path)
    return g.evidence(
        'SELECT count(*) FROM entries JOIN folders ON folders.id = entries.folder'
        ' JOIN mails ON mails.id = mail JOIN users ON users.id = folders.user'
        ' JOIN votes ON votes.user = users.id AND votes.digest = mails.digest'
        ' WHERE users.path = ? AND entries.name = ? AND votes.kind = 1'
        ' AND votes.class = 1 AND votes.id NOT IN'
        ' (SELECT ref FROM votes WHERE kind = 2)',
        letter.maildir.encode(), name.encode())[0][0]


def learnt(g, letter, what, deadline=None):
    """Waits for its one vote; returns the seconds."""
    start = time.monotonic()
    tap.until(lambda: spam_votes(g, letter) == 1, what, deadline)
    return time.monotonic() - start


def published(*clients):
    """Spam that is known of each of these addresses to whoever reads the
    databases, the least and the most."""
    spam = [sum(level['spam'] for level in json.loads(line)['levels']
                if level['level'] == 'address')
            for line in sh('asnctl lookup --json ' + ' '.join(clients)).splitlines()]
    return min(spam), max(spam)


def once(*clients):
    """There is one vote for each."""
    least, most = published(*clients)
    return .9 < least and most < 1.1


# --- services ---------------------------------------------------------------


def again(name, old):
    """The new main process of a unit that was ended, once it is ready."""
    values = guest.unit(name, 'MainPID', 'ActiveState')
    pid = int(values['MainPID'])
    return pid if values['ActiveState'] == 'active' and pid not in (0, old) \
        else None
