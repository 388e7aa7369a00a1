# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for asnctl(1).  Verbs, options and what they take are read from
# asnctl's own --help, so that nothing can be forgotten here.

_asnctl_verbs() { # "  lookup     tell what ..."
	"$1" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

_asnctl_options() { # "  -o, --output=FILE   Write there ..."
	"$1" "$2" --help 2>/dev/null |
		sed -n 's/^  \(-[a-zA-Z], \)\{0,1\}\(--[a-z][a-z0-9-]*=\{0,1\}\).*/\2/p'
}

# What an option takes, as --help calls it: FILE, DIR, FORMAT ...
_asnctl_takes() {
	local option=$3
	case $option in
	--*) "$1" "$2" --help 2>/dev/null | sed -n "s/^  \(-[a-zA-Z], \)\{0,1\}$option=\([^ ]*\).*/\2/p" ;;
	-?) "$1" "$2" --help 2>/dev/null | sed -n "s/^  $option, --[a-z0-9-]*=\([^ ]*\).*/\1/p" ;;
	esac
}

# "  asnctl top [OPTION...] [as|prefix]": what stands behind the options.
_asnctl_arguments() {
	"$1" "$2" --help 2>/dev/null |
		sed -n '2,/^$/s/^  asnctl [a-z-]* *\(\[OPTION[^]]*\]\)\{0,1\}//p' | tr '[]|.,' '     '
}

# "FORMAT is json, csv or mmdb." in --help names what an option takes.
_asnctl_values() {
	"$1" "$2" --help 2>/dev/null | sed -n "s/^$3 is \(.*\)\.\$/\1/p" | sed 's/,/ /g; s/ or / /g'
}

_asnctl_complete_value() { # asnctl verb what
	case $3 in
	FILE*) _filedir ;;
	DIR*) _filedir -d ;;
	*) COMPREPLY=($(compgen -W "$(_asnctl_values "$1" "$2" "$3")" -- "$cur")) ;;
	esac
}

_asnctl_complete_argument() {
	local what words=''
	for what in $(_asnctl_arguments "$1" "$2"); do
		case $what in
		FILE* | MAIL* | SOURCE*) _filedir ;;
		DIR*) _filedir -d ;;
		-*) ;;
		[a-z]*) words+=" $what" ;;
		esac
	done
	COMPREPLY+=($(compgen -W "$words" -- "$cur"))
}

_asnctl() {
	local cur prev words cword split takes verb
	_init_completion -s || return
	if ((cword == 1)); then
		COMPREPLY=($(compgen -W "$(_asnctl_verbs "$1") --help --version" -- "$cur"))
		return
	fi
	verb=${words[1]}
	[[ $verb == [a-z]* ]] || return
	takes=$(_asnctl_takes "$1" "$verb" "$prev")
	if [[ -n $takes ]]; then
		_asnctl_complete_value "$1" "$verb" "$takes"
	elif [[ $split != true && $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(_asnctl_options "$1" "$verb")" -- "$cur"))
		[[ ${COMPREPLY-} != *= ]] || compopt -o nospace
	elif [[ $split != true ]]; then
		_asnctl_complete_argument "$1" "$verb"
	fi
} &&
	complete -F _asnctl asnctl
