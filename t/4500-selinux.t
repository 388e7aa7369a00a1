#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-2.0-or-later
# The SELinux policy compiles without a warning, and linked into Debian's it
# keeps what it promises: what our domains may not do stands in no rule.
# The policy is made in a temporary directory; this machine's is not touched.
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get('ASND_BUILD', TOP + '/build')
sys.path.insert(0, TOP + '/t/lib')
os.environ['PATH'] += ':/usr/sbin:/sbin'

import setools
import tap

DEBIAN = '/usr/share/selinux/default'  # selinux-policy-default
DEVEL = '/usr/share/selinux/devel'
DOMAINS = ('asn_milter_t', 'asnd_t', 'asnd_mailwatch_t', 'asnd_import_t', 'asnd_report_t')
FILES = ['file', 'dir', 'lnk_file', 'sock_file', 'fifo_file', 'chr_file', 'blk_file']
DIR = tempfile.TemporaryDirectory()
ROOT = DIR.name + '/root'


def run(*command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)


# --- compiling -----------------------------------------------------------------

source = DIR.name + '/source'
os.mkdir(source)
for name in glob.glob(TOP + '/selinux/asnd.*'):
    shutil.copy(name, source)
made = run('make', '-s', '-C', source, '-f', DEVEL + '/Makefile', 'AWK=awk',
           'header_interfaces=$(filter-out %/asnd.if,'
           '$(wildcard $(addsuffix /*.if,$(header_layers))))', 'asnd.pp')
tap.equal(made.returncode, 0, 'the policy compiles')
tap.equal([l for l in made.stdout.splitlines() if not l.startswith(('Compiling', 'Creating'))],
          [], 'without a word')
tap.ok(os.path.exists(BUILD + '/selinux/asnd.pp'), 'and meson has built it')

# --- linking with Debian's policy ------------------------------------------------

for d in ('/etc/selinux/default/policy', '/etc/selinux/default/contexts/files',
          '/etc/selinux/default/contexts/users', '/var/lib/selinux'):
    os.makedirs(ROOT + d)
shutil.copy('/etc/selinux/semanage.conf', ROOT + '/etc/selinux')
with open(ROOT + '/etc/selinux/config', 'w') as config:
    config.write('SELINUX=enforcing\nSELINUXTYPE=default\n')
modules = glob.glob(DEBIAN + '/*.pp.bz2')
linked = run('semodule', '-p', ROOT, '-s', 'default', '-N', '-i', *modules, '-i',
             source + '/asnd.pp')
if not tap.equal(linked.returncode, 0, "it links with Debian's %d modules" % len(modules)):
    tap.diag(linked.stdout)
    tap.done()
POLICY = glob.glob(ROOT + '/etc/selinux/default/policy/policy.*')[0]
CONTEXTS = ROOT + '/etc/selinux/default/contexts/files/file_contexts'
policy = setools.SELinuxPolicy(POLICY)


def holds(rule, booleans):
    """Whether a rule holds with these booleans on, others as Debian has them."""
    try:
        cond = rule.conditional
    except setools.exception.RuleNotConditional:
        return True
    state = {str(b): str(b) in booleans or b.state for b in cond.booleans}
    return cond.evaluate(**state) == rule.conditional_block


ALLOW = [r for r in policy.terules() if r.ruletype == setools.TERuletype.allow]
EXPANDED = {}


def types(t):
    """The types that an attribute stands for; of a type, itself."""
    if t not in EXPANDED:
        EXPANDED[t] = {str(x) for x in t.expand()}
    return EXPANDED[t]


OF = {}


def of(source):
    if source not in OF:
        OF[source] = [r for r in ALLOW if source in types(r.source)]
    return OF[source]


def rules(source, target=None, tclass=None, perms=None, booleans=()):
    return [r for r in of(source)
            if (target is None or target in types(r.target)) and
            (tclass is None or str(r.tclass) in tclass) and
            (perms is None or r.perms & set(perms)) and holds(r, booleans)]


def allowed(*args, **query):
    return sorted({str(r) for r in rules(*args, **query)})


def never(what, exempt=lambda rule: False, **query):
    for domain in DOMAINS:
        tap.equal([r for r in allowed(domain, **query) if not exempt(r)], [],
                  '%s: %s' % (domain, what))


# The query itself must be able to find: the same questions about a domain that
# may do it all.
INET = ['tcp_socket', 'udp_socket', 'rawip_socket', 'icmp_socket', 'sctp_socket',
        'dccp_socket', 'packet_socket', 'netlink_route_socket', 'bluetooth_socket',
        'vsock_socket']
tap.ok(allowed('postfix_smtp_t', tclass=INET, perms=['create']),
       'such a rule would be found: Postfix creates network sockets')
tap.ok(allowed('postfix_local_t', perms=['transition']),
       'and its local has transitions')
tap.ok(allowed('dovecot_t', target='mail_home_rw_t', tclass=['file'], perms=['write']),
       'and Dovecot writes mail')

never('no socket of a network', tclass=INET, perms=['create'])
never('no connection to a port', perms=['name_connect'])
never('executes nothing', perms=['execute_no_trans'])
never('no executable memory',
      # textrel_shlib_t: Debian's base policy gives it to every domain, for
      # the libraries that an admin labelled so.
      exempt=lambda r: ' textrel_shlib_t:file ' in r,
      perms=['execmem', 'execheap', 'execstack', 'execmod'])
# asnd-report runs sendmail, and may end it.
SENDMAIL = 'allow asnd_report_t system_mail_t:process '
never('no other domain is entered', perms=['transition', 'dyntransition'],
      exempt=lambda r: r.startswith(SENDMAIL) and 'dyntransition' not in r)
never('traces nobody', perms=['ptrace', 'sigkill', 'sigstop'],
      exempt=lambda r: r.startswith(SENDMAIL) and not re.search('ptrace|sigstop', r))
never('loads no module', perms=['module_load', 'module_request', 'sys_module', 'load_policy',
                                'setenforce', 'setbool'])
never('no password hash', target='shadow_t', tclass=FILES)
never('no device memory, no disk', tclass=['chr_file', 'blk_file'],
      target='fixed_disk_device_t')
never('does not read the key of the seal where it is kept', target='asnd_seal_key_t',
      tclass=FILES)
never('no mount', tclass=['filesystem'], perms=['mount', 'remount', 'unmount'])
never('no user namespace', tclass=['cap_userns', 'cap2_userns'])

CAPABILITIES = {'asnd_mailwatch_t': ['dac_read_search']}
for domain in DOMAINS:
    perms = sorted({p for r in rules(domain, tclass=['capability', 'capability2'])
                    for p in r.perms})
    tap.equal(perms, CAPABILITIES.get(domain, []), domain + ': its capabilities')

# --- what each may write ----------------------------------------------------------

WRITE = ['write', 'append', 'create', 'setattr', 'unlink', 'rename', 'link',
         'add_name', 'remove_name', 'rmdir', 'relabelto', 'relabelfrom']
# Everybody's: null and terminals, what init handed over, sockets of the
# journal and of init; /proc/self.
COMMON = {'null_device_t', 'zero_device_t', 'devtty_t', 'console_device_t', 'initrc_devpts_t',
          'init_t', 'initrc_t', 'init_tmpfs_t', 'init_runtime_t', 'devlog_t',
          'setrans_runtime_t', 'nscd_runtime_t'}
OWN = {
    'asn_milter_t': {'asn_milter_data_t', 'asn_milter_t'},
    'asnd_t': {'asnd_t', 'asnd_var_lib_t', 'asnd_db_t', 'asnd_runtime_t',
               'asnd_mailwatch_tmpfs_t',
               'system_dbusd_runtime_t', 'user_tmpfs_t'},  # the bus, and mail passed over it
    'asnd_mailwatch_t': {'asnd_mailwatch_t', 'asnd_mailwatch_tmpfs_t', 'asnd_runtime_t',
                         'asnd_report_runtime_t'},
    'asnd_report_t': {'asnd_report_t', 'asnd_report_tmpfs_t'},
    'asnd_import_t': {'asnd_import_t', 'asnd_import_tmpfs_t', 'asnd_db_t'},
}
for domain in DOMAINS:
    written = set()
    for rule in rules(domain, tclass=FILES, perms=WRITE):
        written |= types(rule.target)
    tap.equal(sorted(written - COMMON - OWN[domain]), [], domain + ': writes nothing else')
tap.equal(allowed('asnd_mailwatch_t', target='asnd_runtime_t', tclass=['dir', 'file'],
                  perms=WRITE), [], 'asnd_mailwatch_t: connects in /run/asnd, creates nothing')

HOME = ('user_home_dir_t', 'user_home_t', 'mail_home_rw_t', 'mail_home_t', 'mail_spool_t',
        'ssh_home_t', 'gpg_secret_t', 'xdg_documents_t', 'nfs_t', 'cifs_t')
MAIL = ('user_home_t', 'mail_home_rw_t', 'mail_spool_t')
for domain in DOMAINS:
    for target in HOME:
        if domain == 'asnd_mailwatch_t' and target in (
                'user_home_dir_t', 'user_home_t', 'mail_home_rw_t', 'mail_spool_t'):
            continue
        if domain == 'asnd_report_t' and target in MAIL:
            continue
        tap.equal(allowed(domain, target=target, tclass=['file', 'dir', 'sock_file']), [],
                  '%s: no access to %s' % (domain, target))
for target in MAIL:
    tap.equal(sorted({p for r in rules('asnd_report_t', target=target) for p in r.perms}),
              ['getattr', 'read'], 'asnd_report_t: opens no ' + target)
    tap.ok(allowed('asnd_mailwatch_t', target=target, tclass=['file'], perms=['read']) and
           allowed('asnd_mailwatch_t', target=target, tclass=['dir'], perms=['watch']),
           'asnd_mailwatch_t: reads and watches ' + target)

# --- who may come to us -------------------------------------------------------------

ENTRY = [r for r in policy.terules() if r.ruletype == setools.TERuletype.type_transition and
         str(r.tclass) == 'process']
for domain in DOMAINS:
    who = {str(t) for r in ENTRY if str(r.default) == domain for t in types(r.source)}
    tap.equal(sorted(who), ['init_t', 'initrc_t'], domain + ': entered from init and its scripts')
KEY = {(str(r.source), r.filename) for r in policy.terules()
       if r.ruletype == setools.TERuletype.type_transition and
       isinstance(r, setools.policyrep.FileNameTERule) and str(r.default) == 'asnd_seal_key_t'}
tap.equal(KEY, {(who, name) for who in ('sysadm_t', 'unconfined_t') for name in (
    'asnd.seal-key', '.asnd.seal-key.tmp', 'seal.key', '.seal.key.tmp')},
          'the key of the seal has its type when an admin makes it')
tap.ok(allowed('postfix_smtpd_t', target='asn_milter_t', tclass=['unix_stream_socket'],
               perms=['connectto']) and
       allowed('postfix_smtpd_t', target='asn_milter_data_t', tclass=['sock_file'],
               perms=['write']), 'Postfix may talk to the milter')
tap.equal(allowed('postfix_smtpd_t', target='asnd_t',
                  tclass=['unix_stream_socket']), [], 'and not to asnd')

# --- the system bus -----------------------------------------------------------------

USERDOMAIN = policy.lookup_typeattr('userdomain')
USERS = {str(t) for t in USERDOMAIN.expand()}


def peers(domain, perm):
    return set().union(*(types(r.target) for r in rules(domain, tclass=['dbus'], perms=[perm])))


tap.ok({'unconfined_t', 'sysadm_t', 'staff_t', 'user_t'} <= USERS, 'users of all kinds')
tap.equal(peers('asnd_t', 'acquire_svc'), {'system_dbusd_t'}, 'asnd_t: has a name on the system bus')
tap.equal(peers('asnd_t', 'send_msg'), USERS | {
    'asnd_t', 'system_dbusd_t', 'initrc_t', 'system_cronjob_t'},
          'asnd_t: answers users and scripts of the host, no other service')
for domain in DOMAINS:
    if domain != 'asnd_t':
        tap.equal(allowed(domain, tclass=['dbus']), [], domain + ': not on the bus')
for domain in sorted(USERS | {'initrc_t', 'system_cronjob_t'}):
    tap.ok(allowed(domain, target='asnd_t', tclass=['dbus'], perms=['send_msg']),
           domain + ': may call asnd')
for domain in ('postfix_smtpd_t', 'dovecot_t', 'httpd_t', 'asn_milter_t'):
    tap.equal(allowed(domain, target='asnd_t', tclass=['dbus']), [], domain + ': may not')
# A mail passed is a memfd, which has this type whoever of them made it.
for domain in ('unconfined_t', 'sysadm_t', 'staff_t', 'user_t'):
    made = {str(r.default) for r in policy.terules()
            if r.ruletype == setools.TERuletype.type_transition and str(r.tclass) == 'file' and
            str(r.target) == 'tmpfs_t' and domain in types(r.source)}
    tap.equal(made, {'user_tmpfs_t'}, domain + ': its memfd')
for domain, most in (('asnd_t', {'getattr', 'read', 'write'}),
                     ('system_dbusd_t', {'read', 'write'})):
    tap.equal({p for r in rules(domain, target='user_tmpfs_t', tclass=['file']) for p in r.perms},
              most, domain + ': takes such a file, and cannot open one')
    tap.equal(USERS - set().union(*(types(r.target) for r in rules(
        domain, tclass=['fd'], perms=['use']))), set(), domain + ': from all users')

for domain, may in (('asnd_mailwatch_t', True), ('asnd_t', False), ('postfix_smtpd_t', False),
                    ('asn_milter_t', False)):
    tap.equal(bool(allowed(domain, target='asnd_report_t', tclass=['unix_stream_socket'],
                           perms=['connectto'])), may,
              '%s: %s hand mail to asnd-report' % (domain, 'may' if may else 'may not'))

# --- booleans -----------------------------------------------------------------------

tap.ok(allowed('asn_milter_t', booleans=['asn_milter_use_tcp'], tclass=['tcp_socket'],
               perms=['create']), 'asn_milter_use_tcp: the milter may make a TCP socket')
tap.equal(allowed('asn_milter_t', booleans=['asn_milter_use_tcp'],
                  perms=['name_connect']), [], 'but not connect it')
for boolean, target in (('use_nfs_home_dirs', 'nfs_t'), ('use_samba_home_dirs', 'cifs_t')):
    tap.ok(allowed('asnd_mailwatch_t', booleans=[boolean], target=target,
                   tclass=['file'], perms=['read']), boolean + ': mailwatch reads ' + target)
    tap.equal(allowed('asnd_mailwatch_t', booleans=[boolean], target=target,
                      perms=WRITE), [], 'and does not write there')

# --- labels -------------------------------------------------------------------------

checked = run('setfiles', '-c', POLICY, CONTEXTS)
tap.equal((checked.returncode, checked.stdout), (0, ''), 'setfiles takes the file contexts')
LABELS = {
    '/usr/sbin/asn-milter': 'asn_milter_exec_t',
    '/usr/libexec/asnd/asnd': 'asnd_exec_t',
    '/usr/libexec/asnd/asnd-mailwatch': 'asnd_mailwatch_exec_t',
    '/usr/bin/asnctl': 'asnctl_exec_t',
    '/usr/sbin/asn-postfix': 'bin_t',
    '/etc/asnd': 'asnd_etc_t',
    '/etc/asnd/asnd.conf': 'asnd_etc_t',
    '/etc/asnd/networks.d/own.tsv': 'asnd_etc_t',
    '/etc/asnd/seal.key': 'asnd_seal_key_t',
    '/etc/credstore/asnd.seal-key': 'asnd_seal_key_t',
    '/etc/credstore.encrypted/asnd.seal-key': 'asnd_seal_key_t',
    '/etc/credstore/another': 'etc_t',
    '/var/lib/asnd': 'asnd_var_lib_t',
    '/var/lib/asnd/evidence.sqlite-wal': 'asnd_var_lib_t',
    '/var/lib/asnd/db': 'asnd_db_t',
    '/var/lib/asnd/db/reputation.mmdb': 'asnd_db_t',
    '/run/asnd': 'asnd_runtime_t',
    '/run/asnd/mailwatch.sock': 'asnd_runtime_t',
    '/run/asnd-report/report.sock': 'asnd_report_runtime_t',
    '/run/asnd-root/asnd-report/usr/libexec/asnd/asnd-report': 'asnd_report_exec_t',
    '/usr/libexec/asnd/asnd-report': 'asnd_report_exec_t',
    '/usr/lib/systemd/system/asnd-report@.service': 'asnd_unit_t',
    '/usr/lib/systemd/system/asnd-report.socket': 'asnd_unit_t',
    '/run/asnd-root/asn-milter/usr/sbin/asn-milter': 'asn_milter_exec_t',
    '/run/asnd-root/asnd/usr/libexec/asnd/asnd': 'asnd_exec_t',
    '/var/spool/postfix/asn-milter': 'asn_milter_data_t',
    '/var/spool/postfix/asn-milter/milter.sock': 'asn_milter_data_t',
    '/var/spool/postfix/private/smtp': 'postfix_private_t',
    '/usr/lib/systemd/system/asnd.service': 'asnd_unit_t',
    '/usr/lib/systemd/system/asnd-import.path': 'asnd_unit_t',
    '/usr/lib/systemd/system/asn-milter.socket': 'asnd_unit_t',
    '/var/vmail/example.org/jo/Maildir/.Junk/cur/1': 'mail_spool_t',
}
for path, want in LABELS.items():
    got = run('matchpathcon', '-n', '-f', CONTEXTS, path).stdout.strip()
    tap.equal(got.split(':')[2:3], [want], path)
tap.done()
