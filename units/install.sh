# SPDX-License-Identifier: GPL-2.0-or-later
# install.sh: `./setup install`, sourced by setup, which has `build` and the
# packages.  units/uninstall takes all of it back, by the record kept here.
#
# Every step looks first whether there is anything to do, so a second run changes
# nothing, and a run after a failure goes on where that one stopped.
# shellcheck shell=bash

record=/usr/share/asnd/installed # see units/uninstall
log=$top/build-install.log
stage=$top/build-usr/stage
sealkey_old=/etc/asnd/seal.key # of a time without these services
sealkey=/etc/credstore/asnd.seal-key
sealkey_encrypted=/etc/credstore.encrypted/asnd.seal-key
conf=/etc/asnd/asnd.conf
bus=/run/dbus/system_bus_socket
enabled='asn-milter.socket asnd.socket asnd-mailwatch.service asnd-import.path'

# stop EXIT-CODE message...
stop() {
	local rc=$1
	shift
	printf 'setup: %s\n' "$*" >&3
	exit "$rc"
}

verb_install() {
	local arg
	exec 3>&2 # while a step's output goes to the log
	postfix=ask
	for arg; do
		case $arg in
		--no-postfix) postfix=no ;;
		--yes) [ $postfix = no ] || postfix=yes ;;
		*) usage >&2; exit 64 ;;
		esac
	done
	check_host
	take_lock
	: > "$log" || exit 1
	mapfile -t changed < <(recorded changed) # by a run that failed, and nothing restarted yet
	begun=$SECONDS
	trap interrupted INT TERM HUP
	install_all 9>&- # nothing that runs for us inherits the lock
}

# Of uninstall, too, from whatever clone.  One that ends removes the file, and
# a lock on a file that is gone is none.
take_lock() {
	local file=/run/asnd-setup.lock
	umask 077 # whoever can open it can hold it
	while :; do
		exec 9> $file || exit 1
		flock -n 9 || stop 75 'another ./setup install or uninstall is at work'
		[ ! $file -ef /dev/fd/9 ] || break
	done
	umask 022
	trap "rm -f $file" EXIT
}

interrupted() { echo >&3; stop 130 'interrupted; ./setup install goes on, ./setup uninstall takes back.'; }

# Refuses before anything is changed.
check_host() {
	[ "$(id -u)" = 0 ] || stop 77 'not root: ./setup install wants root'
	[ -d /run/systemd/system ] || stop 69 'this host was not started by systemd, which asnd'"'"'s services need.
Nothing was changed.  What works here:
  ./setup demo      shows all of it at work, on a Postfix of its own
  man ./man/asnd-mail.7, WITHOUT SYSTEMD, tells how to run it by hand'
	command -v postconf > /dev/null ||
		stop 69 'there is no Postfix here: install and configure it first.  Nothing was changed.'
}

install_all() {
	local want
	selinuxenabled 2> /dev/null || for_install=${for_install/selinux-policy-dev/}
	want=$(missing $for_build $for_install)
	[ -z "$want" ] || say "Packages to install: $want"
	step 'Packages' packages
	step 'Build' build_usr
	step 'Files' install_files
	step 'Users and groups' make_users
	! selinuxenabled 2> /dev/null || step 'SELinux policy' load_policy
	step 'Directories' make_directories
	step "Configuration, $conf" make_config
	step 'Seal key' make_seal_key
	step 'Units' enable_units
	[ ! -S $bus ] || step 'D-Bus' reload_bus
	step 'Table of networks' import_networks
	step 'Services' start_services
	sed -i '/^changed /d' $record
	wire_postfix
	. "$top/units/selftest.sh"
	step 'Self-test' selftest
	show_selftest
	say "Installed in $((SECONDS - begun)) s.  The log is $log."
	closing_words
}

# --- steps ------------------------------------------------------------------

# step "what" command...: one line that tells what was done and how long it took.
# The command runs in this shell; it sets note (what was done) and, when it
# fails, advice.  Its output goes to the log.
step() {
	local what=$1 start=$SECONDS from
	shift
	note='' advice=''
	printf '%-34s ' "$what"
	printf '\n== %s: %s\n' "$(date -u +%FT%TZ)" "$what" >> "$log"
	from=$(wc -c < "$log")
	if "$@" >> "$log" 2>&1 < /dev/null; then
		printf '%s\n' "${note:-nothing to do} ($((SECONDS - start)) s)"
		return
	fi
	echo FAILED
	tail -c "+$((from + 1))" "$log" | tail -n 20 | sed 's/^/    /' >&2
	stop 1 "step '$what' failed (above; all of it: $log).
${advice:+$advice
}What was done so far stays, and ./setup install goes on from there.
To take it back: ./setup uninstall"
}

# record KIND VALUE: before it is done
record() {
	mkdir -p "${record%/*}" || return
	grep -qxF "$*" $record 2> /dev/null || printf '%s\n' "$*" >> $record
}
recorded() { [ ! -e $record ] || sed -n "s/^$1 //p" $record; }

# A directory, and those above it, recorded where they are not there.
make_dir() {
	local dir=$1 missing=
	while [ ! -d "$dir" ]; do
		missing="$dir $missing"
		dir=${dir%/*}
		dir=${dir:-/}
	done
	for dir in $missing; do
		record dir "$dir" && { [ -d "$dir" ] || mkdir "$dir"; } || return
	done
}

# --- packages, building, files ------------------------------------------------

packages() {
	local package
	[ -n "$want" ] || return 0
	(install_packages $want) || return
	for package in $want; do record package "$package" || return; done
	note='installed'
}

build_usr() {
	build build-usr --prefix=/usr --sysconfdir=/etc --buildtype=debugoptimized \
		-Dwerror=false || return
	if selinuxenabled 2> /dev/null && [ ! -e build-usr/selinux/asnd.pp ]; then
		# configured before selinux-policy-dev was there
		meson setup --reconfigure -Dselinux=enabled build-usr &&
			ninja -C build-usr || return
	fi
	grep -qx 'ninja: no work to do.' build-usr.log || note=built
}

# All that meson installs goes to a stage first, so that what is there already
# is left alone, what changed is known, and a file is replaced as a whole.
install_files() {
	local path before=${#changed[@]}
	rm -rf "$stage"
	DESTDIR=$stage meson install -C build-usr --no-rebuild --quiet &&
		find "$stage" -type f -printf '/%P\n' | sort > "$stage.list" || return
	not_a_package || return
	record dir "${record%/*}" || return
	for path in $(recorded file); do # of an earlier version
		grep -qxF "$path" "$stage.list" || rm -f "$path" || return
	done
	while read -r path; do
		install_file "$path" || return
	done < "$stage.list"
	[ ${#changed[@]} = $before ] || note="installed $((${#changed[@]} - before))"
	rm -rf "$stage"
}

install_file() {
	local path=$1
	record file "$path" || return
	! cmp -s "$stage$path" "$path" || return 0
	make_dir "${path%/*}" && cp --preserve=mode "$stage$path" "$path.asnd-new" &&
		record changed "$path" && mv -T "$path.asnd-new" "$path" || return
	changed+=("$path")
}
is_changed() { # one of these files, and what uses it does not know yet
	local path
	for path in "${changed[@]}"; do
		[[ " $* " != *" ${path##*/} "* ]] || return 0
	done
	return 1
}

not_a_package() {
	local theirs
	theirs=$(xargs dpkg -S 2> /dev/null < "$stage.list" | head -n 5)
	[ -z "$theirs" ] && return
	echo "$theirs"
	advice='These files belong to a Debian package: remove it first.'
	return 1
}

# --- users, SELinux, directories ---------------------------------------------

make_users() {
	local name made=
	for name in asnd asnd-mailwatch asnd-report asn-milter-socket; do # a group may be there without its user
		getent group $name > /dev/null && continue
		made+=" $name"
		record group $name || return
	done
	for name in asnd asnd-mailwatch asnd-report; do
		getent passwd $name > /dev/null && continue
		[[ " $made " == *" $name "* ]] || made+=" $name"
		record user $name || return
	done
	[ -n "$made" ] || return 0
	systemd-sysusers asnd.conf && note="made$made"
}

load_policy() {
	local pp=/usr/share/selinux/packages/asnd.pp
	semodule -l | grep -qx asnd && ! is_changed asnd.pp ||
		{ record module asnd && semodule -i $pp && note=loaded; } || return
	if [ -n "$note" ] && [ -d /var/vmail ] && ! matchpathcon -V /var/vmail > /dev/null; then
		record relabelled /var/vmail && restorecon -R /var/vmail &&
			note='loaded, /var/vmail relabelled' || return
	fi
	relabel $(recorded file)
}
relabel() {
	! selinuxenabled 2> /dev/null || restorecon -R "$@"
}

make_directories() {
	local dir queue
	queue=$(postconf -xh queue_directory) || return
	[ "$(readlink -f "$queue")" = /var/spool/postfix ] || {
		advice="Postfix's queue_directory is $queue, and asn-milter.socket is in /var/spool/postfix."
		return 1
	}
	# kept by an uninstallation, which gave it to root
	[ "$(stat -c %U /var/lib/asnd 2> /dev/null)" != root ] ||
		{ chown -Rh asnd:asnd /var/lib/asnd && note='evidence taken over'; } || return
	for dir in /var/lib/asnd/db /run/asnd /run/asnd-report /var/spool/postfix/asn-milter; do
		[ -d $dir ] || note=${note:-made}
	done
	systemd-tmpfiles --create asnd.conf || return
	relabel /var/lib/asnd /run/asnd /run/asnd-report /run/asnd-root /var/spool/postfix/asn-milter
}

# --- configuration and key ----------------------------------------------------

make_config() {
	local networks names
	make_dir /etc/asnd/networks.d && make_dir /etc/asnd/rules.d || return
	if [ ! -e $conf ]; then
		# asn-postfix prints the line that covers Postfix's mynetworks
		cp /usr/share/doc/asnd/examples/asnd.conf $conf.new || return
		networks=$(asn-postfix status | sed -n 's/^ *\(local-networks = .*\)/\1/p')
		[ -z "$networks" ] || sed -i "s|^#local-networks = .*|$networks|" $conf.new
		names="host-names = $(postconf -xh myhostname)"
		sed -i "s|^#host-names =.*|$names|" $conf.new
		mv $conf.new $conf && chmod 644 $conf || return
		echo "${networks:-local-networks: the default covers mynetworks}"$'\n'"$names"
		note='made'
	else
		note='kept as it is'
	fi
	relabel /etc/asnd
	asn-milter --test-config --config $conf
	[ $? != 78 ] || { advice="Mend $conf."; return 1; }
}

# Encrypted for this host where that works, else a file that root alone can read.
make_seal_key() {
	[ -e /var/lib/systemd/credential.secret ] || record hostkey made || return
	if [ ! -e $sealkey_encrypted ] && [ ! -e $sealkey ]; then
		note=made
		if [ -s $sealkey_old ]; then
			note="taken over from $sealkey_old"
			take_key_over
		else
			asnctl seal-key new
		fi || return
	fi
	if [ -e $sealkey_encrypted ]; then
		note+=${note:+, encrypted for this host}
		relabel $sealkey_encrypted
	else
		note+=${note:+, for root alone: systemd-creds encrypt does not work here}
		plain_key_drop_ins && relabel $sealkey
	fi && remove_old_key
}
take_key_over() { # aside first: half a key must not pass for one
	local to=$sealkey_encrypted
	mkdir -p -m 700 ${to%/*} && (umask 077 &&
		systemd-creds encrypt --name=asnd.seal-key $sealkey_old $to.asnd-new) || {
		rm -f $to.asnd-new
		to=$sealkey
		mkdir -p -m 700 ${to%/*} && install -m 600 $sealkey_old $to.asnd-new || return
	}
	mv -T $to.asnd-new $to
}
# The manual has it readable by the group asnd, and nothing reads it any more.
remove_old_key() {
	[ -s $sealkey_old ] || return 0
	if [ ! -L $sealkey_old ] && show_key | cmp - $sealkey_old; then
		rm $sealkey_old && note+="${note:+, }$sealkey_old removed: the credential holds the same"
	else
		note+="${note:+, }$sealkey_old is not used and not the same: look at it, remove it"
	fi
}
show_key() {
	if [ -e $sealkey_encrypted ]; then
		systemd-creds decrypt --name=asnd.seal-key $sealkey_encrypted -
	else
		cat $sealkey
	fi
}
plain_key_drop_ins() {
	local file name
	for name in asn-milter asnd; do
		file=/etc/systemd/system/$name.service.d/asnd-seal-key.conf
		[ ! -e $file ] || continue
		changed+=("$file")
		make_dir ${file%/*} && record dropin $file && record changed $file &&
			cp /usr/share/doc/asnd/examples/plain-seal-key.conf $file.asnd-new &&
			mv -T $file.asnd-new $file || return
	done
}

# --- units --------------------------------------------------------------------

# What the admin disabled since stays disabled.
enable_units() {
	local unit off=
	systemctl daemon-reload || return
	for unit in $enabled; do
		recorded unit | grep -qx $unit && continue
		record unit $unit && systemctl -q preset $unit || return
		note=enabled
	done
	for unit in $enabled; do
		systemctl -q is-enabled $unit || off+=" $unit"
	done
	[ -z "$off" ] || note="disabled on this host:$off"
}

# The daemon may have read its new files before the group asnd was there.
reload_bus() {
	is_changed org.asnd1.conf org.asnd1.service || return 0
	busctl -q call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig && note=reloaded
}

import_networks() {
	local source db=/var/lib/asnd/db/networks.mmdb fresh=1
	[ -e $db ] || fresh=
	for source in /var/lib/location/database.db /usr/share/libloc-location/location.db \
		/etc/asnd/networks.d /etc/asnd/networks.d/*.tsv; do
		[ ! "$source" -nt $db ] || fresh=
	done
	[ -z "$fresh" ] || return 0
	advice='asnctl import tells which source it refuses.'
	systemctl start asnd-import.service ||
		{ journalctl -q --no-pager "_SYSTEMD_INVOCATION_ID=$(systemctl show -p InvocationID \
			--value asnd-import.service)"; return 1; }
	note="made, $(($(stat -c %s $db) / 1000000)) MB"
}

start_services() {
	local unit name
	for name in asn-milter asnd asnd-mailwatch; do
		restart_changed $name || return
	done
	# only where the admin switched it on
	! is_changed asnd-report.socket || systemctl try-restart asnd-report.socket || return
	for unit in $enabled; do
		systemctl -q is-enabled $unit && ! systemctl -q is-active $unit || continue
		systemctl start $unit || { unit_failed $unit; return 1; }
		note+="${note:+, }started $unit"
	done
}
# asnd and asn-milter are started by their sockets.
restart_changed() {
	local name=$1
	systemctl -q is-active $name.service $name.socket || return 0
	if is_changed $name.socket; then
		systemctl stop $name.service && systemctl restart $name.socket
	elif is_changed $name $name.service asnd-seal-key.conf; then
		systemctl try-restart $name.service
	else
		return 0
	fi || { unit_failed $name.service; return 1; }
	note+="${note:+, }restarted $name"
}
unit_failed() {
	systemctl --no-pager --full -n 15 status $1
	advice="journalctl -u $1 tells more."
}

# --- Postfix ------------------------------------------------------------------

wire_postfix() {
	local answer
	if asn-postfix status | grep -q '^asn-milter: enabled'; then
		step 'Postfix' true
		return
	fi
	if [ $postfix = ask ] && [ -t 0 ]; then
		say "Postfix asks asn-milter when one line is added to smtpd_milters in $(postconf -h config_directory)/main.cf;" \
			'mail passes without headers whenever asn-milter does not answer.'
		read -rp "Add it and reload Postfix? [y/N] " answer
		case $answer in [yY]*) postfix=yes ;; *) postfix=no ;; esac
	fi
	if [ $postfix = yes ]; then
		step 'Postfix' enable_in_postfix
	else
		say 'Postfix                            not touched; when you want it: asn-postfix enable && systemctl reload postfix'
	fi
}
enable_in_postfix() {
	advice='asn-postfix enable says what is in its way.'
	asn-postfix enable || return
	note='enabled in main.cf; Postfix does not run'
	! postfix_runs || { postfix_reload && note='enabled in main.cf, reloaded'; }
}
# By systemd first: Debian's SELinux policy lets no administrator execute
# /usr/sbin/postfix.
postfix_runs() { systemctl -q is-active postfix@-.service || postfix status; }
postfix_reload() { systemctl reload postfix@-.service || postfix reload; }

closing_words() {
	local maildirs
	maildirs=$(sed -n 's/^#\{0,1\}maildirs = //p' $conf | head -n 1)
	cat <<-END
		It learns from Maildirs in $maildirs; another place: maildirs in $conf.
		Rules that file flagged mail into Junk: /usr/share/asnd/postfix-conf/
		What it does: systemctl status 'asn*'; journalctl -u asn-milter; asn-postfix status
		To take all of it back: ./setup uninstall, or /usr/libexec/asnd/uninstall
	END
}
