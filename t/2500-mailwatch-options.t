#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# asnd-mailwatch: options, exit codes, --test-config, no root, no capability.
mailwatch="${ASND_BUILD:-build}/asnd/asnd-mailwatch"
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
chmod 755 "$tmp"
n=0

# ok NAME COMMAND...: one TAP line
ok() {
	name=$1
	shift
	n=$((n + 1))
	if "$@"; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		sed 's/^/# /' "$tmp/out" "$tmp/err"
	fi
}

# run COMMAND...: its status, stdout and stderr
run() {
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	status=$?
}

said() { grep -qF -- "$1" "$tmp/out"; }
complained() { grep -qF -- "$1" "$tmp/err"; }

# as_user COMMAND...: as an unprivileged user, without any capability
as_user() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=20009 --regid=20009 --clear-groups \
			--inh-caps=-all "$@"
	else
		"$@"
	fi
}

run "$mailwatch" --version
ok '--version' [ $status = 0 ]
ok '--version says it' said 'asnd-mailwatch '
run "$mailwatch" -V
ok '-V' [ $status = 0 ]
ok '-V says it' said 'asnd-mailwatch '
run "$mailwatch" --help
ok '--help' [ $status = 0 ]
ok '--help names --test-config' said --test-config
run "$mailwatch" --nonsense
ok 'unknown option: EX_USAGE' [ $status = 64 ]
run "$mailwatch" argument
ok 'argument: EX_USAGE' [ $status = 64 ]

run as_user "$mailwatch" --config "$tmp/none"
ok 'no such file: EX_CONFIG' [ $status = 78 ]
ok 'no such file: named' complained "$tmp/none"
for bad in relative/Maildir /home/../etc/x /home/./x /; do
	printf '[mail]\nmaildirs=%s\n' "$bad" >"$tmp/bad"
	run as_user "$mailwatch" --config "$tmp/bad"
	ok "pattern $bad: EX_CONFIG" [ $status = 78 ]
	ok "pattern $bad: file and line named" complained "$tmp/bad:2: [mail] maildirs: "
done

mkdir -p "$tmp/home/a/Maildir/cur" "$tmp/home/a/Maildir/new" \
	"$tmp/home/a/Maildir/.Junk/cur" "$tmp/home/a/Maildir/.not" \
	"$tmp/home/b/Maildir/new" "$tmp/home/c"
mkdir -p "$tmp/home/b/Maildir/$(printf '.odd\nname')/cur"
printf '[mail]\nmaildirs=%s/home/*/Maildir\n' "$tmp" >"$tmp/conf"
run as_user "$mailwatch" --config "$tmp/conf" --test-config
ok '--test-config' [ $status = 0 ]
ok 'shows a Maildir' said ": $tmp/home/a/Maildir (uid $(id -u))"
ok 'shows INBOX' said 'INBOX'
ok 'shows .Junk' said ': .Junk'
ok 'escapes a name' said ': .odd\x0aname'
# /home, 3 homes, 2 Maildirs; 2+1 boxes and .Junk itself, .not itself in a;
# 1 box, 1 box and the folder itself in b
ok 'counts' said '2 Maildirs, 4 folders, 14 inotify watches'
ok 'shows the limit' said "$(cat /proc/sys/fs/inotify/max_user_watches)"
ok 'says that the capability is missing' said 'Without CAP_DAC_READ_SEARCH'

# A closed home: not seen without the capability, and said so
chmod 700 "$tmp/home/a"
if [ "$(id -u)" = 0 ]; then
	run as_user "$mailwatch" --config "$tmp/conf" --test-config
	ok 'closed home without the capability' said '1 Maildirs, 2 folders'
	ok 'closed home: the reason' complained 'CAP_DAC_READ_SEARCH'
	run setpriv --reuid=20009 --regid=20009 --clear-groups \
		--inh-caps=-all,+dac_read_search \
		--ambient-caps=-all,+dac_read_search \
		"$mailwatch" --config "$tmp/conf" --test-config
	ok 'closed home with the capability' said '2 Maildirs, 4 folders'
	run "$mailwatch" --config "$tmp/conf" --test-config
	ok 'root may test the config' said '2 Maildirs, 4 folders'
	run "$mailwatch" --config "$tmp/conf"
	ok 'does not run as root' [ $status = 64 ]
	ok 'and says how' complained '--user NAME'
else
	ok 'root is there for the other half' false
fi
echo "1..$n"
