#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# Reports to an abuse desk, from end to end: mail comes in through Postfix and
# asn-milter, users move it to Junk, asnd and asnd-mailwatch hand it to
# asnd-report, and what the private Postfix's sendmail delivers to the desk is
# read by Python's mail parser.
import email
import email.policy
import email.utils
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))
import host as hosts
import mail
from mail import JUNK
import tap
from tap import diag, done, equal, ok, until

USERS = 'alice', 'bob', 'carol'
DESK, SENDER = 'desk@example.org', 'reports@mx.example.org'
TICK = 10  # seconds between two looks of asnd at what is due


# sendmail takes a configuration from elsewhere from root alone, so the private
# Postfix's is mounted where it looks.  As the unit has it: the group postdrop,
# and no new privileges.
NAMESPACE = '''
{ mount --make-rprivate / || nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /; } 2>/dev/null
mount --bind "$1" /etc/postfix || exit 99
shift
exec setpriv --reuid=nobody --regid=nogroup --groups=postdrop --no-new-privs -- "$@"
'''


class Channel:
    """What asnd-report.socket does: each connection is a process."""

    def __init__(self, h, path):
        self.h, self.path, self.processes = h, path, []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(path)
        os.chown(path, hosts.NOBODY.pw_uid, hosts.NOBODY.pw_gid)
        self.socket.listen(8)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, open(self.h.path('log/asnd-report'), 'ab') as log:
                self.processes.append(subprocess.Popen(
                    ['unshare', '--mount', '--propagation', 'unchanged', 'sh', '-c', NAMESPACE,
                     'sh', self.h.path('pf/conf'), self.h.path('bin/asnd-report'), '--config',
                     self.h.path('asnd.conf')], stdin=connection, stdout=log, stderr=log))

    def finished(self):
        return [p.wait(60) for p in list(self.processes)]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        os.unlink(self.path)


def report_config(h, form, delay, more=''):
    h.configure(mail_section=(
        '[paths]\nreport-socket = {0}/run/report.sock\n'
        '[report]\nformat = {1}\nto = {2}\nfrom = {3}\ndelay = {4}\nlimit = 400\n{5}\n').format(
            h.dir, form, DESK, SENDER, delay, more))


def prepare():
    h = hosts.Host()
    shutil.copy(hosts.BUILD + '/asnd/asnd-report', h.path('bin'))
    for user in USERS + ('desk',):
        h.add_user(user)
    report_config(h, 'arf', 1)
    h.import_networks()
    h.start_postfix('virtual', 'virtual_mailbox_maps=inline:{%s}' % ', '.join(
        '%s@example.org=%s/Maildir/' % (u, u) for u in USERS + ('desk',)),
        master='pickup unix n - n 60 1 pickup\n')
    h.start_learning(USERS)
    h.start_milter()
    return h


def at_desk(h):
    """What arrived, oldest first."""
    box = h.path('vm/desk/Maildir/new')
    found = []
    for name in sorted(os.listdir(box)):
        with open(os.path.join(box, name), 'rb') as f:
            found.append(f.read())
    return found


def state(h, where='state = 0'):
    return h.evidence('SELECT count(*) FROM reports WHERE ' + where)[0][0]


def settled(h, what):
    """Nothing waits any more, and what was handed over has gone out."""
    until(lambda: state(h) == 0, 'every report is decided: ' + what, 3 * TICK)
    h.channel.finished()


def rewrite(letter, data):
    """The user edits the mail: another file under another name, with its seal."""
    base = '%d.M%dP1.edited' % (time.time(), time.monotonic_ns() % 1000000000)
    tmp = os.path.join(letter.maildir, 'tmp', base)
    with open(tmp, 'wb') as f:
        f.write(data)
    shutil.chown(tmp, 'nobody')
    path = os.path.join(letter.maildir, 'cur', base + ':2,S')
    os.rename(tmp, path)
    os.unlink(letter.path)
    letter.path = path
    return letter


def content(letter):
    with open(letter.path, 'rb') as f:
        return f.read()


def junk(h, letter):
    before = state(h, where='1')
    letter.move(JUNK)
    until(lambda: state(h, where='1') > before, 'the junked mail is queued')


def parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.SMTP)


def parts_of(raw):
    """The body parts as bytes, split at our boundary and by nothing else."""
    head, _, body = raw.partition(b'\n\n')
    boundary = re.search(rb'boundary="?(=_[0-9a-f]{32})"?', head)[1]
    pieces = re.split(rb'(?:^|\n)--' + re.escape(boundary) + rb'(?:--)?(?:\n|$)', body)
    return [piece.partition(b'\n\n') for piece in pieces[1:-1]]


def check_arf(raw, client, letter_text):
    """RFC 5965."""
    m = parse(raw)
    equal(m.get_content_type(), 'multipart/report', 'ARF: multipart/report')
    equal(m.get_param('report-type'), 'feedback-report', 'ARF: report-type')
    equal(m.defects, [], 'ARF: Python finds no defect')
    equal([p.get_content_type() for p in m.iter_parts()],
          ['text/plain', 'message/feedback-report', 'message/rfc822'], 'ARF: its three parts')
    equal((m['From'], m['To'], m['Auto-Submitted']), (SENDER, DESK, 'auto-generated'),
          'ARF: from, to')
    equal(m['Return-Path'], '<%s>' % SENDER, 'ARF: the envelope sender')
    for name in 'From', 'To', 'Subject', 'Date', 'Message-ID', 'MIME-Version':
        equal(len(m.get_all(name, [])), 1, 'ARF: one ' + name)
    ok(abs(email.utils.parsedate_to_datetime(m['Date']).timestamp() - time.time()) < 300,
       'ARF: dated now')
    parts = parts_of(raw)
    equal(len(parts), 3, 'ARF: three parts, split by hand')
    fields = dict(line.split(': ', 1) for line in parts[1][2].decode().splitlines())
    arrived = fields.pop('Arrival-Date')
    equal(fields, {'Feedback-Type': 'abuse', 'User-Agent': 'asnd/' + version(), 'Version': '1',
                   'Source-IP': client}, 'ARF: the fields')
    ok(abs(email.utils.parsedate_to_datetime(arrived).timestamp() - time.time()) < 300,
       'ARF: the time of arrival')
    head, _, body = letter_text.partition(b'\n\n')
    got_head, _, got_body = parts[2][2].partition(b'\n\n')
    equal(got_body.rstrip(b'\n'), body.rstrip(b'\n'), 'ARF: the body is the same')
    return got_head


def version():
    return subprocess.run([hosts.BUILD + '/asnd/asnd-report', '--version'], check=True,
                          stdout=subprocess.PIPE, text=True).stdout.split()[1]


def one_report(h):
    """A user junks a mail: after the delay there is one report, and no more."""
    letter = h.send('alice', '198.51.100.10', b'X-Note: =?utf-8?q?x?=\r\n'
                    b'Envelope-To: alice@example.org\r\nCc: alice@example.org\r\n')
    text = content(letter)
    h.noticed(letter)
    junk(h, letter)
    raw, = until(lambda: at_desk(h), 'a report arrives', 3 * TICK)
    head = check_arf(raw, '198.51.100.10', text)
    for name in (b'Delivered-To', b'X-Original-To', b'Envelope-To', b'Return-Path', b'X-ASN'):
        ok(not re.search(rb'(?mi)^' + name, head), 'not in the report: ' + name.decode())
    ok(b'for <' not in head and re.search(rb'(?m)^Received: from .*\n(?:\s.*\n)*', head),
       'Received is there, its recipient is not')
    ok(b'Cc: alice@example.org' in head, 'Cc stays where it is not hidden')
    equal(parse(raw)['Subject'], 'FW: ' + letter.one('Subject'), 'the subject, as forwarded')


def not_reported(h):
    """Taken back, deleted, in the trash, copied, or of a user who opted out."""
    before = len(at_desk(h))
    report_config(h, 'arf', 12)
    h.daemons['asnd'].process.send_signal(signal.SIGHUP)
    letters = [h.send(user, '198.51.100.%d' % (20 + n)) for n, user in enumerate(
        ('alice', 'alice', 'alice', 'alice', 'carol'))]
    mail.make_folder(h.maildir('alice'), '.Trash')
    copy = os.path.join(h.maildir('bob'), 'cur', '%d.M1P1.copy:2,S' % time.time())
    shutil.copy(letters[3].path, copy)
    shutil.chown(copy, 'nobody')
    h.write('vm/carol/Maildir/asnd-no-report', '')
    for letter in letters:
        h.noticed(letter)
        junk(h, letter)
    until(lambda: h.evidence("SELECT count(*) FROM entries WHERE CAST(name AS TEXT) LIKE '%.copy:%'")[0][0],
          'the copy is seen')
    os.makedirs(h.path('vm/bob/Maildir', JUNK, 'cur'), exist_ok=True)
    mail.make_folder(h.maildir('bob'), JUNK)
    os.rename(copy, h.path('vm/bob/Maildir', JUNK, 'cur', os.path.basename(copy)))
    until(lambda: state(h, where='1') == 7, 'the copy of a second user is queued, too')
    equal(len(at_desk(h)), before, 'nothing is reported before its time')
    letters[0].move('')
    letters[1].move('.Trash')
    os.unlink(letters[2].path)
    settled(h, 'of five')
    until(lambda: len(at_desk(h)) > before, 'the fourth is reported')
    reports = at_desk(h)
    equal(len(reports), before + 1, 'of the five mails only one')
    ok(b'Source-IP: 198.51.100.23\n' in reports[-1], 'that which two users junked, once')
    equal(state(h, where='state = 1'), before + 1, 'and so it stands in the evidence')


HOSTILE = {
    'injection': (b'Subject: =?utf-8?q?a=0d=0aBcc:_victim=40example.org=0d=0a=0d=0ahi?=\r\n'
                  b' =?utf-8?b?CkJjYzogdmljdGltQGV4YW1wbGUub3JnCg==?=\nFrom: x\n', b'\nBody\n'),
    'bare CR': (b'Subject: a\rBcc: victim@example.org\nFrom: x\n', b'\n.\r\n\r.\rMAIL FROM:<x>\r\n'),
    'NUL': (b'Subject: a\0b\n', b'\nN\0UL\0\n\0\0'),
    'nested': (b'Content-Type: multipart/report; boundary=x\nSubject: n\n',
               b'\n--x\nContent-Type: message/rfc822\n\n' * 2000),
    'broken': (b'Content-Type: multipart/mixed; boundary="\nSubject: \xff\xfe' + b'A' * 50000 +
               b'\n', b'\n--\xff\n\n' + bytes(range(1, 10)) * 1000),
    'long lines': (b'Subject: l\n', b'\n' + b'x' * 100000),
}


def edited(h, client, edit):
    """A mail of bob's with a good seal, and then other text in it; junked."""
    letter = h.send('bob', client)
    h.noticed(letter)
    own = re.match(rb'(?s).*?\nFrom: ', content(letter))[0][:-6]
    letter = rewrite(letter, edit(own))
    h.noticed(letter)
    junk(h, letter)


def hostile(h):
    """Edited mails: what leaves is one report each, well-formed."""
    report_config(h, 'arf', 0, 'hide = Delivered-To;X-Original-To;Return-Path;To;Cc')
    h.daemons['asnd'].process.send_signal(signal.SIGHUP)
    before = len(at_desk(h))
    for n, (name, (head, body)) in enumerate(HOSTILE.items()):
        edited(h, '198.51.100.%d' % (40 + n), lambda own: own + head + body)
    edited(h, '198.51.100.60', lambda own: own + b'X-Big: ' + b'x' * 10485760 + b'\nFrom: x\n\n')
    settled(h, 'of the hostile mails')
    until(lambda: len(at_desk(h)) >= before + len(HOSTILE), 'a report on each')
    reports = at_desk(h)[before:]
    for n, name in enumerate(HOSTILE):
        source = ('\nSource-IP: 198.51.100.%d\n' % (40 + n)).encode()
        found = [raw for raw in reports if source in raw]
        if not equal(len(found), 1, name + ': one report, and the address is the seal\'s'):
            continue
        m = parse(found[0])
        equal(len(parts_of(found[0])), 3, name + ': three parts')
        equal([m.get_all(n) for n in ('Bcc', 'To', 'From')], [None, [DESK], [SENDER]],
              name + ': our header is ours alone')
        ok(b'\0' not in found[0] and b'\r' not in found[0], name + ': no NUL, no bare CR')
    equal(len(reports), len(HOSTILE), 'a header of 10 MB is not reported')
    log = open(h.path('log/asnd-report')).read()
    ok('not reported: client=198.51.100.60: it has no header, or too large a one' in log,
       'and that is said')
    ok(not re.search('ERROR|CRITICAL|Sanitizer', log), 'asnd-report broke nowhere')


def stalled(h):
    """Nobody behind the socket, or somebody who does nothing: votes go on."""
    path = h.path('run/report.sock')
    h.channel.close()
    letter = h.send('alice', '198.51.100.70')
    h.noticed(letter)
    junk(h, letter)
    until(lambda: h.daemons['asnd-mailwatch'].said('nothing is reported'),
          'asnd-mailwatch says that nobody listens', 3 * TICK)
    # asnd hears of it after the log
    until(lambda: state(h) == 1, 'the report waits')
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    dead.bind(path)
    shutil.chown(path, 'nobody')
    dead.listen(0)
    held = []
    try:  # fill its queue: another connection must wait
        for _ in range(8):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.setblocking(False)
            held.append(s)
            s.connect(path)
    except BlockingIOError:
        pass
    letter = h.send('alice', '198.51.100.71')
    h.noticed(letter)
    junk(h, letter)
    until(lambda: h.evidence('SELECT count(*) FROM reports WHERE state = 0 AND due > '
                             "strftime('%s', 'now') + 300")[0][0] == 2,
          'a socket that takes nobody: the report waits, too', 3 * TICK)
    start = time.monotonic()
    letter = h.send('alice', '198.51.100.72')
    h.noticed(letter)
    before = h.votes()['alice', 'spam']
    letter.move(JUNK)
    until(lambda: h.votes()['alice', 'spam'] == before + 1, 'votes are counted meanwhile')
    ok(time.monotonic() - start < 10, 'at once')
    for s in held + [dead]:
        s.close()
    os.unlink(path)


def spamcop(h):
    """The other format, through the socket that is there again."""
    report_config(h, 'spamcop', 0)
    h.daemons['asnd'].process.send_signal(signal.SIGHUP)
    h.channel = Channel(h, h.path('run/report.sock'))
    letter = h.send('bob', '198.51.100.80')
    h.noticed(letter)
    before = len(at_desk(h))
    text = content(letter)
    junk(h, letter)
    raw = until(lambda: [r for r in at_desk(h)[before:] if letter.one('Subject').encode() in r],
                'a report for SpamCop', 3 * TICK)[0]
    m = parse(raw)
    equal([(p.get_content_type(), p.get_content_disposition()) for p in m.iter_parts()],
          [('text/plain', None), ('message/rfc822', 'attachment')], 'the mail is attached')
    equal(m.defects, [], 'and Python finds no defect')
    equal(parts_of(raw)[1][2].partition(b'\n\n')[2].rstrip(b'\n'),
          text.partition(b'\n\n')[2].rstrip(b'\n'), 'with the same body')


def off(h):
    """Switched off: what waits is forgotten, and what is junked not queued."""
    h.configure()
    waiting = state(h)
    h.daemons['asnd'].process.send_signal(signal.SIGHUP)
    ok(waiting > 0, 'something waits')
    until(lambda: state(h) == 0, 'format = off: nothing waits any more')
    rows = state(h, where='1')
    letter = h.send('bob', '198.51.100.90')
    h.noticed(letter)
    before = h.votes()['bob', 'spam']
    letter.move(JUNK)
    until(lambda: h.votes()['bob', 'spam'] == before + 1, 'a vote')
    equal(state(h, where='1'), rows, 'and nothing is queued')


def show(h):
    for row in h.evidence('SELECT id, user, state, due, asked FROM reports'):
        diag('reports: %r' % (row,))
    if os.path.exists(h.path('log/asnd-report')):
        diag(open(h.path('log/asnd-report')).read())


h = prepare()
tap.on_failure.append(lambda: show(h))
h.channel = Channel(h, h.path('run/report.sock'))
one_report(h)
not_reported(h)
hostile(h)
stalled(h)
spamcop(h)
off(h)
for name, daemon in h.daemons.items():
    equal(daemon.process.poll(), None, name + ' still runs')
done()
