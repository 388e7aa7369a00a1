# SPDX-License-Identifier: GPL-2.0-or-later
# selftest.sh: one mail through the installed milter, sourced by install.sh.
#
# asn-milter leaves mail from this host alone, so the mail must come from
# elsewhere.  For that a Postfix of its own runs for some seconds on a loopback
# port, with its own configuration and queue, which believes an XCLIENT command;
# it talks to the installed milter's socket as user postfix, as the host's own
# does.  The mail goes to a file.  The host's Postfix, its queue and all
# mailboxes are not touched.
#
# Where SELinux lets no administrator start a Postfix, which is so in Debian's
# policy, the milter is told of the mail in Postfix's stead, over the same socket.
# shellcheck shell=bash

milter_socket=/var/spool/postfix/asn-milter/milter.sock
client=193.0.6.139 # www.ripe.net, which stands in every table of networks

selftest() {
	local port rc
	systemctl -q is-active asn-milter.socket || {
		advice='asn-milter.socket is not active: systemctl start asn-milter.socket'
		return 1
	}
	postfix -h > /dev/null 2>&1
	[ $? != 126 ] || { selftest_direct; return; }
	selftest_dir=$(mktemp -d /var/tmp/asnd-selftest.XXXXXX) && chmod 755 "$selftest_dir" || return
	trap 'selftest_end; interrupted' INT TERM HUP
	port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
		Listen => 1, LocalAddr => "127.0.0.1")->sockport') &&
		selftest_postfix "$port" && selftest_send "$port"
	rc=$?
	[ $rc = 0 ] || tail -n 12 "$selftest_dir/postfix.log"
	selftest_end
	trap interrupted INT TERM HUP
	return $rc
}
selftest_end() {
	postfix -c "$selftest_dir/conf" stop 3>&- > /dev/null 2>&1
	rm -rf "$selftest_dir"
}

selftest_postfix() {
	local d=$selftest_dir
	install -d -o nobody -m 700 "$d/mail" || return
	t/lib/private-postfix "$d" "$1" virtual_transport=tofile \
		"smtpd_milters={ unix:$milter_socket, connect_timeout=30s, command_timeout=30s, default_action=tempfail }" <<-END || return
		tofile unix - n n - 1 pipe flags=R user=nobody argv=/bin/dd status=none of=$d/mail/it
	END
	postfix -c "$d/conf" start 3>&-
}

selftest_send() {
	local end=$((SECONDS + 60))
	printf '%s\n' 'From: sender@example.net' 'To: postmaster@example.org' \
		'Subject: self-test of asnd' '' 'Hello.' |
		t/lib/smtp "$1" $client sender@example.net postmaster@example.org || return
	until [ -s "$selftest_dir/mail/it" ] && grep -q '^Hello' "$selftest_dir/mail/it"; do
		[ $SECONDS -lt $end ] || { echo 'the mail did not arrive within 60 s'; return 1; }
		sleep 0.1
	done
	selftest_headers=$(sed '/^$/q' "$selftest_dir/mail/it" | grep -aE '^(X-ASN|Subject)')
	selftest_how="Sent to a Postfix of its own, with its own queue, that was told by XCLIENT
that the client is $client, and used the installed milter's socket."
	selftest_judge
}
selftest_judge() {
	printf '%s\n' "$selftest_headers"
	advice='journalctl -u asn-milter tells what it is missing.'
	grep -q '^X-ASN: AS' <<< "$selftest_headers" && grep -q '^X-ASN-Seal: ' <<< "$selftest_headers" &&
		note="a mail from $client got its headers"
}

selftest_direct() {
	local said
	said=$(build-usr/t/mta "unix:$milter_socket" <<-END
		connect 4 $client
		header From sender@example.net
		header Subject self-test of asnd
		macro E i 4SELFTEST
		eom
		quit
		END
	) || { printf '%s\n' "$said"; return 1; }
	selftest_headers=$(sed -n 's/^insert [0-9]* \(X-ASN\)/\1/p' <<< "$said" | tac)
	selftest_how="SELinux lets root start no Postfix here, so the milter was told of a mail from
$client in its stead, over its socket."
	selftest_judge
}

show_selftest() {
	printf '%s\n' "$selftest_headers" | sed 's/^/    /'
	printf '(%s\nYour Postfix and your mailboxes had no part in it.)\n' "$selftest_how"
}
