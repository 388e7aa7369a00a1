# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh: `./setup demo`, sourced by setup, which has `build` and the packages.
#
# Everything lives in demo/.  The demo runs in a mount namespace of its own,
# where demo/ is /mnt and /etc/passwd has three more lines: so the daemons can
# be users of their own without an account on this host, and the clone may be
# where other users cannot go.  With the last process the namespace is gone.
# Where a container forbids that, all runs in place, under one user.
# shellcheck shell=bash

demo_uid_milter=64900 demo_uid_asnd=64901 demo_uid_watch=64902 demo_gid=64900
mailuser=nobody # owns the demo's mailboxes

demo_usage() { usage >&2; exit 64; }

verb_demo() {
	case "${1-}" in
	'' | --keep) ;;
	--stop) demo_stop "$top/demo" && say 'The demo is stopped.'; exit ;;
	*) demo_usage ;;
	esac
	[ $# -le 1 ] || demo_usage
	[ "$(id -u)" = 0 ] || die 'not root: a Postfix of its own needs root to start'
	if [ -z "${ASND_DEMO-}" ]; then
		install_packages $for_build $for_demo
		say 'Building ...'
		build build || exit 1
		demo_stop "$top/demo"
		rm -rf "$top/demo"
		install -d -m 755 "$top/demo"
		if demo_private true; then
			export ASND_DEMO=/mnt
			demo_private "$top/setup" demo "$@"
			exit
		fi
		setpriv --reuid=$mailuser test -x "$top/demo" ||
			die "other users cannot reach $top: clone to a place like /srv"
		ASND_DEMO=$top/demo
		demo_uid_milter=$mailuser demo_uid_asnd=$mailuser
		demo_uid_watch=$mailuser demo_gid=nogroup
		say 'No namespaces here: all daemons run as one user.'
	else
		mount --bind "$top/demo" /mnt || exit 1
		demo_accounts
	fi
	D=$ASND_DEMO keep=${1-}
	trap 'demo_end 130' INT TERM HUP
	trap 'demo_end $?' EXIT
	demo_run
}

# Runs a command in a mount namespace whose mounts nobody else sees.  In a
# chroot, "/" is no mount that could be made private: nsenter(1) steps out for it.
demo_private() {
	unshare --mount --propagation unchanged /bin/sh -c '
		{ mount --make-rprivate / ||
		  nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /
		} 2>/dev/null && "$@"' sh "$@"
}

# The same /etc/passwd with the daemons' users, in this namespace only.
demo_accounts() {
	{
		cat /etc/passwd
		echo "asn-milter:x:$demo_uid_milter:$demo_gid::/:/usr/sbin/nologin"
		echo "asnd:x:$demo_uid_asnd:$demo_gid::/:/usr/sbin/nologin"
		echo "asnd-mailwatch:x:$demo_uid_watch:$demo_gid::/:/usr/sbin/nologin"
	} > "$top/demo/passwd"
	mount --bind "$top/demo/passwd" /etc/passwd || exit 1
}

demo_end() {
	trap - EXIT INT TERM HUP
	if [ "$1" != 0 ]; then
		say "The demo failed; its logs are demo/*.log." >&2
		tail -n 5 "$top"/demo/*.log >&2 2>/dev/null
	fi
	if [ "$1" != 0 ] || [ -z "$keep" ]; then demo_stop "$top/demo"; fi
	exit "$1"
}

# Is process $1 one of the demo in folder $2?  A pid in a file may be somebody
# else's by now; ours stand in demo/ or in its queue, whatever they call it.
demo_owns() {
	local at
	at=$(stat -Lc %d:%i "/proc/$1/cwd" 2>/dev/null) || return
	[ "$at" = "$(stat -c %d:%i "$2")" ] ||
		[ "$at" = "$(stat -c %d:%i "$2/queue" 2>/dev/null)" ]
}
gone() { [ ! -e "/proc/$1/cwd" ] || ! readlink "/proc/$1/cwd" > /dev/null; }

# Ends what demo/pids and Postfix's own pid file name, and waits for it.
demo_stop() {
	local pid file
	for file in "$1"/pids/* "$1"/queue/pid/master.pid; do
		[ -s "$file" ] && read -r pid < "$file" && demo_owns "$pid" "$1" || continue
		kill "$pid" 2>/dev/null
		wait_for 10 gone "$pid" || kill -9 "$pid"
		[[ $file == */master.pid ]] || rm -f "$file"
	done
	return 0
}

# wait_for SECONDS command...: until it succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# start NAME command...: in demo/, in the background, logging to demo/NAME.log
start() {
	local name=$1
	shift
	(cd "$D" && exec "$@" > "$D/$name.log" 2>&1 < /dev/null) &
	echo $! > "$D/pids/$name"
}
step() {
	if [ -t 1 ]; then printf '\n\033[1m%s\033[0m\n' "$*"; else printf '\n%s\n' "$*"; fi
}
# Output of a program, set in; as seen from outside the namespace.
shown() { sed "s|$D/|demo/|g; s/^\(.\)/    \1/"; }

# --- the parts ----------------------------------------------------------------

demo_config() {
	install -d -m 755 "$D/bin" "$D/db" "$D/state" "$D/pids" "$D/mail"
	install -m 755 "$top"/build/{milter/asn-milter,asnd/asnd,asnd/asnd-mailwatch,asnctl/asnctl} "$D/bin/"
	chown "$demo_uid_asnd:$demo_gid" "$D/db" "$D/state"
	chmod 700 "$D/state"
	(umask 027 && echo "0 $(head -c 32 /dev/urandom | base64)" > "$D/seal.key")
	chgrp "$demo_gid" "$D/seal.key"
	cat > "$D/asnd.conf" <<-END
		[paths]
		database-dir = $D/db
		state-dir = $D/state
		seal-key = $D/seal.key
		watch-socket = $D/state-run/mailwatch.sock

		[milter]
		socket = unix:$D/queue/asn-milter/milter.sock

		[mail]
		maildirs = $D/mail/*/Maildir
		host-names = mx.example.org
	END
	install -d -m 755 -o "$demo_uid_asnd" -g "$demo_gid" "$D/state-run"
	# RFC 5737, 3849 and 5398: addresses and AS numbers nobody has, so that no
	# real operator is shown as a spammer.  The holders are made up.
	printf '%s\t%s\t%s\t%s\n' \
		192.0.2.0/24 64496 'Example Broadband' '' \
		198.51.100.0/24 64497 'Example Mail Hosting' '' \
		203.0.113.0/24 64500 'Example Bulk Senders' '' \
		2001:db8::/32 64498 'Example IPv6 Carrier' '' > "$D/documentation.tsv"
}

# old_mail USER FOLDER FLAGS DAYS ADDRESS: a mail that came that many days ago,
# as Postfix and maildrop left it, read and answered as FLAGS say.
old_mail() {
	local user=$1 dir=$D/mail/$1/Maildir$2/cur date
	local when=$((now - $4 * 86400))
	serial=$((serial + 1))
	TZ=UTC LC_ALL=C printf -v date '%(%a, %d %b %Y %T +0000 (UTC))T' $when
	printf '%s\n' "Return-Path: <sender@example.net>" \
		"Delivered-To: $user@example.org" \
		"Received: from client.example.net (unknown [$5])" \
		"	by mx.example.org (Postfix) with ESMTP id 4A$serial" \
		"	for <$user@example.org>; $date" \
		"From: sender@example.net" "To: $user@example.org" \
		"Subject: an older mail" "Date: $date" \
		"Message-Id: <$serial@example.net>" "" "Text." \
		> "$dir/$when.M${serial}P1.mx.example.org:2,$3"
	touch -d "@$when" "$dir/$when.M${serial}P1.mx.example.org:2,$3"
}

demo_mailboxes() {
	local user day
	serial=1000 now=$(date +%s)
	for user in alice bob carol; do
		mkdir -p "$D/mail/$user/Maildir/"{,.Junk/}{cur,new,tmp}
		cp "$top/postfix-conf/maildroprc" "$D/mail/$user/.mailfilter"
	done
	for day in {5..40}; do
		old_mail alice '' S $day "192.0.2.$((10 + day % 5))"
		old_mail bob '' RS $day "198.51.100.$((20 + day % 3))"
		old_mail carol '' S $day "192.0.2.$((30 + day % 4))"
	done
	old_mail bob /.Junk S 20 203.0.113.5
	old_mail bob /.Junk S 9 203.0.113.6
	old_mail alice /.Junk S 15 198.51.100.78
	old_mail carol /.Junk S 12 198.51.100.77
	cat > "$D/mailfilter" <<-END
		HOME="$D/mail/\$1"
		include "\$HOME/.mailfilter"
		to "\$HOME/Maildir/"
	END
	chmod 600 "$D/mailfilter" "$D"/mail/*/.mailfilter
	chmod 700 "$D"/mail/*/Maildir
	chown -R "$mailuser" "$D/mail" "$D/mailfilter"
}

demo_postfix() {
	port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
		Listen => 1, LocalAddr => "127.0.0.1")->sockport')
	"$top/t/lib/private-postfix" "$D" "$port" virtual_transport=maildrop \
		maildrop_destination_recipient_limit=1 <<-END
		maildrop unix - n n - - pipe flags=DRhu user=$mailuser
		    argv=/usr/bin/maildrop $D/mailfilter \${user}
	END
	"$top/postfix-conf/asn-postfix" enable --config-dir "$D/conf" | shown
	touch -d '10 seconds ago' "$D/conf/main.cf" # Postfix waits for a new file to settle
	postfix -c "$D/conf" start > "$D/postfix-start.log" 2>&1 || die 'Postfix does not start'
}

# What is asked of asnd goes over a D-Bus of the demo's own.
demo_bus() {
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$D/bus
	cat > "$D/bus.conf" <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		  <type>system</type>
		  <listen>$DBUS_SYSTEM_BUS_ADDRESS</listen>
		  <policy context="default">
		    <allow user="*"/>
		    <allow own="*"/>
		    <allow send_destination="*"/>
		    <allow receive_sender="*"/>
		  </policy>
		</busconfig>
	END
	start dbus-daemon dbus-daemon --config-file="$D/bus.conf" --nofork --nopidfile
	wait_for 10 test -S "$D/bus" || die 'dbus-daemon does not start'
}

demo_daemons() {
	local sock=$D/queue/asn-milter/milter.sock
	demo_bus
	start asnd setpriv --reuid="$demo_uid_asnd" --regid="$demo_gid" \
		--clear-groups "$D/bin/asnd" --config "$D/asnd.conf"
	wait_for 10 test -S "$D/state-run/mailwatch.sock" || die 'asnd does not start'
	start asnd-mailwatch setpriv --reuid="$demo_uid_watch" \
		--regid="$demo_gid" --clear-groups \
		--inh-caps=-all,+dac_read_search --ambient-caps=-all,+dac_read_search \
		--bounding-set=-all,+dac_read_search --no-new-privs \
		"$D/bin/asnd-mailwatch" --config "$D/asnd.conf"
	start asn-milter systemd-socket-activate -l "$sock" \
		setpriv --reuid="$demo_uid_milter" --regid="$demo_gid" \
		--clear-groups --bounding-set=-all --no-new-privs \
		"$D/bin/asn-milter" --config "$D/asnd.conf"
	wait_for 10 test -S "$sock" || die 'systemd-socket-activate does not start'
	chgrp postfix "$sock" && chmod 660 "$sock"
	wait_for 30 grep -q 'scan complete' "$D/asnd.log" || die 'asnd does not finish its first scan'
	wait_for 10 test -s "$D/db/reputation.mmdb" || die 'asnd publishes nothing'
}

# --- the loop -----------------------------------------------------------------

# send USER SUBJECT ADDRESS [header]: one SMTP session from that address; sets
# $got to the file that maildrop wrote.
send() {
	printf '%s\n' "From: sender@example.net" "To: $1@example.org" "Subject: $2" \
		${4+"$4"} '' 'Hello.' > "$D/sent"
	"$top/t/lib/smtp" "$port" "$3" sender@example.net "$1@example.org" \
		< "$D/sent" > "$D/smtp.log" 2>&1 || die "Postfix refused the mail: $(cat "$D/smtp.log")"
	wait_for 15 find_mail "$1" "$2" || die 'the mail was not delivered'
}
find_mail() { # by its subject, in any folder
	got=$(grep -rlx "Subject: $2" "$D/mail/$1/Maildir" | grep -v /tmp/ | head -n 1)
	[ -n "$got" ]
}
headers() { sed '/^$/q' "$1" | grep -E '^(Subject|X-ASN)' | cut -c -150 | shown; }

# expect FOLDER YES|NO: the mail in $got is there, with that verdict.
expect() {
	headers "$got"
	case $got in
	*/Maildir/.Junk/*) where=Junk ;;
	*) where=Inbox ;;
	esac
	grep -q "^X-ASN-Spam: $2, " "$got" || die "expected X-ASN-Spam: $2"
	[ $where = "$1" ] || die "expected it in $1, but it is in $where"
	say "    -> filed into $where"
}

# asnctl over the bus, as a person at a terminal sees it, but for colours.
asnctl() {
	NO_COLOR=1 script -qec "$(printf '%q ' "$D/bin/asnctl" "$@")" /dev/null < /dev/null | tr -d '\r' | shown
	[ "${PIPESTATUS[0]}" = 0 ] || die "asnctl $1 failed"
}

published() { ls -iL --time-style=full-iso -l "$D"/db/*.mmdb; }
# move FILE USER FOLDER: what a mail program does; waits until it was learnt.
move() {
	local before start name=${1##*/}
	before=$(published)
	start=${EPOCHREALTIME/./}
	mv "$1" "$D/mail/$2/Maildir$3/cur/${name%:2,*}:2,S" || die 'the move failed'
	until [ "$(published)" != "$before" ]; do
		[ $((${EPOCHREALTIME/./} - start)) -lt 10000000 ] || die 'nothing was learnt'
	done
	say "    learnt and published $(((${EPOCHREALTIME/./} - start) / 1000)) ms after the move"
	got=$D/mail/$2/Maildir$3/cur/${name%:2,*}:2,S
}

demo_run() {
	local begun=$SECONDS mail
	step 'Who owns which address: the world, and four networks made up for this demo'
	demo_config
	"$D/bin/asnctl" import -o "$D/db/networks.mmdb" \
		/usr/share/libloc-location/location.db "$D/documentation.tsv" 2>&1 | shown
	[ "${PIPESTATUS[0]}" = 0 ] || die 'the import failed'

	step 'Three mailboxes with some weeks of mail, read, answered, or moved to Junk'
	demo_mailboxes
	say "    $(find "$D/mail" -path '*/Maildir/cur/*' -type f | wc -l) mails kept, \
$(find "$D/mail" -path '*/.Junk/cur/*' -type f | wc -l) in Junk; \
2 of those, both of bob, from 203.0.113.0/24"

	step 'A private Postfix, asn-milter on its socket, asnd and asnd-mailwatch'
	demo_postfix
	demo_daemons
	grep -hE 'first run|scan complete' "$D/asnd.log" | tail -n 2 | sed 's/.*: //' | shown
	"$top/postfix-conf/asn-postfix" status --config-dir "$D/conf" \
		--asnd-conf "$D/asnd.conf" | shown

	step '1. A mail for alice from 203.0.113.20.  As sent, with a forged header:'
	send alice 'Cheap watches' 203.0.113.20 'X-ASN-Spam: No, this is a good mail'
	headers "$D/sent"
	say '   As delivered:'
	expect Inbox No
	say '    The network has a bad score already, but only bob ever reported it:'
	say '    a flag needs reports of two users.'
	mail=$got

	step '2. Alice moves it to Junk.'
	move "$mail" alice /.Junk
	mail=$got

	step '3. The next mail, from a neighbour never seen before, 203.0.113.77:'
	send bob 'Cheaper watches' 203.0.113.77
	expect Junk Yes

	step '4. Mail from elsewhere is as before:'
	send bob 'Lunch?' 192.0.2.99
	expect Inbox No
	send carol 'Minutes of the meeting' 2001:db8::25
	expect Inbox No

	step '5. What is known about that network:'
	"$D/bin/asnctl" lookup --db "$D/db" 203.0.113.77 2>&1 | shown

	step '6. Alice made a mistake: she moves her mail back to the inbox.'
	move "$mail" alice ''

	step '7. The next mail from there is not flagged any more:'
	send bob 'Watches again' 203.0.113.78
	expect Inbox No

	step '8. The postmaster asks for the votes behind it:'
	asnctl history 203.0.113.0/24

	step '9. and knows better than the score:'
	asnctl block 203.0.113.0/24 --until +30d --note 'they promised to stop'
	asnctl rules
	send bob 'Watches for ever' 203.0.113.79
	expect Junk Yes

	step "That is all: $((SECONDS - begun)) s."
	[ -z "$keep" ] || demo_howto
}

demo_howto() {
	cat <<-END
		It still runs.  To play with it, here:
		  send a mail:   printf 'Subject: hi\n\nHello.\n' |
		                 t/lib/smtp $port 203.0.113.9 me@example.net alice@example.org
		  mailboxes:     demo/mail/{alice,bob,carol}/Maildir
		  to Junk:       mv demo/mail/alice/Maildir/new/* demo/mail/alice/Maildir/.Junk/cur/
		  what is known: build/asnctl/asnctl lookup --db demo/db 203.0.113.9
		  ask asnd:      DBUS_SYSTEM_BUS_ADDRESS=unix:path=demo/bus build/asnctl/asnctl top
		  logs:          demo/*.log
		  to stop it:    ./setup demo --stop
	END
}
