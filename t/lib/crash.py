# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose programs are killed and whose disk is cut: sealed mails, the
journal, and what must be published of it."""
import base64
import hashlib
import hmac
import ipaddress
import itertools
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import host as hosts
import mail
import tap

sys.path.insert(0, os.path.join(hosts.TOP, 't', 'data'))
import refmodel

LONG = os.environ.get('FAULTS_LONG') == '1'
SEED = int(os.environ.get('FAULTS_SEED') or time.time_ns() % 10**9)
JOURNAL = ('SELECT id, kind, ref, user, digest, class, addr, asn, country,'
           ' prefix, mail_time, vote_time, weight FROM votes ORDER BY id')
Busy = sqlite3.OperationalError
_numbers = itertools.count(1)


def budget(short, long):
    return long if LONG else short


def text_of(blob):
    """struct AsnAddr (lib/addr.h)"""
    return str(ipaddress.ip_address(
        blob[12:16] if blob[16] == 4 else blob[:16]))


def net_of(blob):
    return '%s/%d' % (text_of(blob), blob[17]) if blob and blob[16] else '-'


class Host(hosts.Host):
    def __init__(self):
        super().__init__()
        self.extra = {}  # more environment of a program, by its name
        for shim in 'fault-shim.so', 'write-log.so':  # nobody can read these
            shutil.copy(os.path.join(hosts.BUILD, 't', shim), self.path('bin'))

    def spawn(self, name, argv, env=(), **how):
        return super().spawn(
            name, argv, env=dict(dict(env), **self.extra.get(name, {})), **how)

    def seal(self, client, when, number):
        said = 'v=1; k=0; t=%d; ip=%s; q=4S%05d; f=0' % (when, client, number)
        mac = hmac.new(self.key, said.encode(), hashlib.sha256).digest()
        return said + '; b=' + base64.b64encode(mac).decode()

    def deliver(self, user, client, folder=''):
        """A sealed mail, by way of tmp; returns its name."""
        number, when = next(_numbers), int(time.time())
        path = os.path.join(self.maildir(user), folder)
        mail.make_folder(self.maildir(user), folder)
        name = '%d.M%dP2.mx' % (when, number)
        with open(path + '/tmp/' + name, 'w') as f:
            f.write('X-ASN-Seal: %s\nReceived: from a (a [%s])\n\tby'
                    ' mx.example.org (Postfix) with ESMTP id 4S%05d;\n\t%s\n'
                    'Subject: %d\n\nHello.\n' % (
                        self.seal(client, when, number), client, number,
                        mail.email.utils.formatdate(when), number))
        self.give(path + '/tmp/' + name)
        os.rename(path + '/tmp/' + name, path + '/new/' + name)
        return name

    def read(self, name):
        """asnd has read the mail of this name."""
        return bool(self.evidence(
            'SELECT 1 FROM entries JOIN mails ON mails.id = mail WHERE'
            ' entries.name = ? AND state = 1', name.encode()))

    def move(self, user, name, source, target):
        """Out of new or cur of one folder into cur of another."""
        mail.make_folder(self.maildir(user), target)
        base = name.partition(':2,')[0]
        old = os.path.join(self.maildir(user), source)
        new = os.path.join(self.maildir(user), target, 'cur', base + ':2,S')
        part = 'cur' if ':2,' in name else 'new'
        os.rename(os.path.join(old, part, name), new)
        return base + ':2,S'

    def journal(self):
        return self.evidence(JOURNAL)

    def standing(self):
        """{(user, digest): class} of the votes that stand."""
        votes = {}
        for row in self.journal():
            if row[1] == 2:
                votes.pop((row[3], row[4]), None)
            else:
                votes[row[3], row[4]] = row[5]
        return votes

    # --- what is published --------------------------------------------------

    def expected(self, address, when):
        """(score, evidence) of the definition, from the journal."""
        model = refmodel.Model(min_reporters=2)  # three users reported
        receipts, one = {}, None
        for (n, kind, ref, user, digest, vote, addr, asn, cc, prefix,
             mail_time, vote_time, weight) in self.journal():
            if kind == 2:
                if ref in receipts:
                    model.unlearn(receipts.pop(ref))
                continue
            key = text_of(addr), net_of(prefix), str(asn), (
                (cc or b'').decode() or '-')
            if key[0] == address:
                one = key
            if weight:
                receipts[n] = model.learn(
                    refmodel.keys(*key), float(mail_time), int(vote == 1),
                    float(weight), user)
        if one is None:
            return None
        score, evidence, _, _ = model.predict(refmodel.keys(*one), float(when))
        return score, evidence

    def published_is_the_journal(self, address):
        """What the milter would say is the definition's score, but for the
        seconds that pass between the two."""
        want = self.expected(address, time.time())
        said = self.lookup(address)
        return want and all(
            abs(got - w) < 1e-5 * max(1, w) for got, w in
            zip((said['score'], said['evidence']), want))

    # --- the milter, without Postfix -----------------------------------------

    def start_milter(self, *options):
        os.makedirs(os.path.dirname(self.milter_socket), exist_ok=True)
        os.chown(os.path.dirname(self.milter_socket),
                 hosts.NOBODY.pw_uid, hosts.POSTFIX_GROUP)
        return super().start_milter(*options)

    def milter_says(self, client, mails=1):
        """What the milter does to mails from there, as t/mta.c prints it."""
        script = ('connect 4 %s\nmacro E i 4XyZ\neom\nagain\n' %
                  client) * (mails - 1) + (
                      'connect 4 %s\nmacro E i 4XyZ\neom\n' % client)
        done = subprocess.run(
            [hosts.BUILD + '/t/mta', 'unix:' + self.milter_socket],
            input=script, stdout=subprocess.PIPE, text=True, check=False)
        return [line for line in done.stdout.splitlines()
                if not line.startswith('steps')]

    def gets_headers(self, client):
        said = self.milter_says(client)
        return sum(line.startswith('insert') for line in said) == 3 and \
            said[-1] == 'continue'
