# SPDX-License-Identifier: GPL-2.0-or-later
"""A private Dovecot over a host's Maildirs, and a real IMAP client."""
import imaplib
import shutil

import host as hosts
import tap

PASSWORD = 'secret'

# Every name logs in with the one password; logins and mail processes alike
# stay below the host's directory.
CONF = '''
base_dir = {0}/dc/run
state_dir = {0}/dc/state
log_path = {0}/log/dovecot
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
passdb {{
  driver = static
  args = password={1}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={0}/vm/%n
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = {2}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service auth {{
  unix_listener auth-userdb {{
    mode = 0666
  }}
  unix_listener {0}/dc/sasl {{
    mode = 0666
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
protocol lda {{
  log_path = {0}/log/dovecot-lda
  mail_plugins = sieve
}}
plugin {{
  sieve_before = {0}/dc/asn.sieve
}}
'''


def start_dovecot(host):
    """Before Postfix, which wants the SASL socket DIR/dc/sasl at once."""
    host.imap_port = hosts.free_port()
    host.run('mkdir', host.path('dc'), host.path('dc/run'))
    host.write('log/dovecot-lda', '')
    shutil.copy(hosts.TOP + '/postfix-conf/asn.sieve', host.path('dc'))
    host.run('sievec', host.path('dc/asn.sieve'))
    conf = host.write('dc/dovecot.conf', CONF.format(
        host.dir, PASSWORD, host.imap_port))
    host.spawn('dovecot', ['dovecot', '-F', '-c', conf], user=0, group=0)
    tap.until(lambda: answers(host), 'Dovecot answers')


def lda(host):
    """Delivery for Postfix's pipe(8): through Dovecot, with its Sieve rules."""
    return '/usr/lib/dovecot/dovecot-lda -c %s/dc/dovecot.conf -d ${user}' % (
        host.dir)


def answers(host):
    try:
        imaplib.IMAP4('127.0.0.1', host.imap_port).logout()
        return True
    except OSError:
        return False


class Client:
    """A logged-in session; every command must be answered OK."""

    def __init__(self, host, user):
        self.imap = imaplib.IMAP4('127.0.0.1', host.imap_port)
        self.ok(self.imap.login(user, PASSWORD))
        self.ok(self.imap.capability())

    @staticmethod
    def ok(answer):
        if answer[0] != 'OK':
            raise RuntimeError('IMAP: %r' % (answer,))
        return answer[1]

    def create(self, folder):
        self.ok(self.imap.create(folder))

    def rename(self, old, new):
        self.ok(self.imap.rename(old, new))

    def uid_of(self, folder, token):
        """Selects the folder and finds the mail, which may just be coming."""
        def search():
            self.ok(self.imap.select(folder))
            found = self.ok(self.imap.uid(
                'SEARCH', 'HEADER', 'Message-ID', '<%s@client.example>' % token))
            return found[0].decode()
        return tap.until(search, '%s in %s' % (token, folder))

    def move(self, token, source, target):
        self.ok(self.imap.uid('MOVE', self.uid_of(source, token), target))

    def copy_and_expunge(self, token, source, target):
        """What clients do that know no MOVE."""
        uid = self.uid_of(source, token)
        self.ok(self.imap.uid('COPY', uid, target))
        self.ok(self.imap.uid('STORE', uid, '+FLAGS', '(\\Deleted)'))
        self.ok(self.imap.expunge())

    def flag(self, token, folder, flags):
        uid = self.uid_of(folder, token)
        self.ok(self.imap.uid('STORE', uid, '+FLAGS', '(%s)' % flags))

    def append(self, folder, text):
        self.ok(self.imap.append(folder, None, None, text))

    def close(self):
        self.imap.logout()
