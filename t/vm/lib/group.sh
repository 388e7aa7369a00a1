# SPDX-License-Identifier: GPL-2.0-or-later
# group.sh: for t/vm/N-*.t, each a group of checks on the machine named $ASND_VM.
#
#   . "$(dirname "$0")/lib/group.sh"
#   in_vm NAME [ARGUMENT...]   runs t/vm/inside/NAME there; its TAP becomes ours
#   check NAME COMMAND...      one result of our own
#   finish
#
# The scripts inside print TAP with a plan at the end (t/lib/tap.py); one that
# ends without its plan, or with a plan that is not met, is a failure.
set -u
vm=$(dirname "${BASH_SOURCE[0]}")/../vm
: "${ASND_VM:?t/vm/suite gives the name of a machine}"
results=0 bad=0

result() { # result OK NAME
	results=$((results + 1))
	[ -z "$1" ] && bad=$((bad + 1))
	printf '%s %d - %s\n' "${1:-not ok}" $results "$2"
}

check() {
	local name=$1
	shift
	if "$@"; then result ok "$name"; else result '' "$name"; fi
}

in_vm() {
	local line seen=0 plan= rc
	while IFS= read -r line; do
		case $line in
		'not ok '*) seen=$((seen + 1)) && result '' "${line#* - }" ;;
		'ok '*) seen=$((seen + 1)) && result ok "${line#* - }" ;;
		1..*) plan=${line#1..} ;;
		'exit '*) rc=${line#exit } ;;
		*) printf '# %s\n' "$line" ;;
		esac
	done < <("$vm" run "$ASND_VM" "cd /root/asnd && exec t/vm/inside/$*"; echo "exit $?")
	[ "$plan" = $seen ] && [ $seen != 0 ] && { [ "$rc" = 0 ] || [ $bad != 0 ]; } ||
		result '' "$1 came to its end ($seen results, planned: ${plan:-no plan}, exit $rc)"
}

reboot() { check 'the machine boots again' "$vm" reboot "$ASND_VM"; }

finish() {
	echo "1..$results"
	[ $bad = 0 ]
	exit
}
