# shellcheck shell=bash
# bash completion for panemesh. Options are read from --help and addresses from
# the address book, so they are those of the version that is installed. No
# word list is expanded by the shell: text from outside stays text.

# The options of $1, a line each: "-f --file FILE", the last if it has a value.
_panemesh_options() {
	"$1" --help 2>/dev/null | sed -nE \
		's/^  (-.), (--[a-z-]+)( [A-Z%]+)?( .*)?$/\1 \2\3/p'
}

# The lines of stdin that are one plain word and begin with $cur, into
# COMPREPLY, with $1 before each.
_panemesh_take() {
	local word
	while IFS= read -r word; do
		[[ $word == "$cur"* && $word != *[!A-Za-z0-9._@:-]* ]] &&
			COMPREPLY+=("${1-}$word")
	done
}

_panemesh_peers() {
	awk '$1 ~ /^[A-Za-z0-9]/ { print $1 }' \
		"${AGENTS_DIR:-$HOME/.agents}/peers.conf" 2>/dev/null
}

_panemesh_hosts() {
	awk 'tolower($1) == "host" { for (i = 2; i <= NF; i++) print $i }' \
		"$HOME/.ssh/config" 2>/dev/null
}

_panemesh_addresses() {
	local before=
	[[ $cur != *,* ]] || before=${cur%,*},
	cur=${cur##*,}
	_panemesh_take "$before" < <(notify-pane --addresses 2>/dev/null)
}

# Recipients with a group among them: "@host:NAME" is four words for readline,
# which puts what it is given in the place of those behind the last ":", or from
# the last "@" on. 1 if the cursor is elsewhere.
_panemesh_group() {
	local word=${COMP_LINE:0:COMP_POINT} whole=$cur at=$COMP_CWORD
	local before="" stays what=--addresses group
	word=${word##*[[:space:]]}
	[[ ${1##*/} == notify-pane && $word == *@* && $word != -* ]] || return 1
	while [[ $whole != "$word" && at -gt 1 ]]; do
		at=$((at - 1))
		whole=${COMP_WORDS[at]}$whole
	done
	_panemesh_words "$at"
	[[ -z $skip && ${#words[@]} == 0 ]] || return 1
	[[ $word != *,* ]] || before=${word%,*},
	[[ ${word##*,} != @* ]] || what=--groups
	stays=${word%"${word##*[@:]}"}
	stays=${stays%@}
	while IFS= read -r group; do
		group=$before$group
		[[ $group == "$word"* && ${group#"$before"} != *[!A-Za-z0-9._@:-]* ]] &&
			COMPREPLY+=("${group#"$stays"}")
	done < <(notify-pane "$what" 2>/dev/null)
	return 0
}

# The words before word $1 that are neither options nor their values; the
# last was an option that wants one: $skip.
_panemesh_words() {
	local i word
	skip=
	words=()
	for ((i = 1; i < $1; i++)); do
		word=${COMP_WORDS[i]}
		if [[ -n $skip || $word == = ]]; then
			skip=
			[[ $word != = ]] || skip=yes
		elif [[ $word != -* || $word == - ]]; then
			words+=("$word")
		elif [[ ${COMP_WORDS[i + 1]} != = ]] &&
			grep -qE -- "(^| )$word( .*)? [A-Z%]+\$" <<<"$options"; then
			skip=yes
		fi
	done
}

_panemesh() {
	local prog=${1##*/} cur=${COMP_WORDS[COMP_CWORD]} options prev words skip
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	options=$(_panemesh_options "$1")
	_panemesh_group "$1" && return
	# --file=NAME comes as three words.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ $prev == -?* ]] &&
		grep -qE -- "(^| )$prev( .*)? [A-Z%]+\$" <<<"$options"; then
		if grep -qE -- "(^| )$prev( .*)? (FILE|SOCKET)\$" <<<"$options"; then
			compopt -o filenames 2>/dev/null
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		return
	fi
	if [[ $cur == -* ]]; then
		_panemesh_take < <(tr ' ' '\n' <<<"$options" | grep '^-')
		return
	fi
	_panemesh_words "$COMP_CWORD"
	case "$prog ${words[*]}" in
	"notify-pane ")
		[[ " ${COMP_WORDS[*]} " == *\ @(-l|--list|-W|--whoami)\ * ]] ||
			_panemesh_addresses
		;;
	"agent-inbox ") _panemesh_take <<<$'ack\nawait\ndrain\nget\nlist\nqueue\nread\nreply\nsearch\nthread' ;;
	"agent-inbox read" | "agent-inbox reply" | "agent-inbox thread" | "agent-inbox ack"*)
		_panemesh_take < <(agent-inbox list 2>/dev/null | awk '{ print $1 }')
		;;
	"agent-inbox queue") _panemesh_take <<<$'delete\nedit\nfirst\nlist' ;;
	"agent-inbox queue delete"* | "agent-inbox queue edit" | \
		"agent-inbox queue first")
		_panemesh_take < <(agent-inbox queue 2>/dev/null | awk '{ print $1 }')
		;;
	"agent-sync ") _panemesh_take <<<$'fetch\npeer\nstatus' ;;
	"agent-status ") _panemesh_take <<<$'line\npeers\nset\nwhois' ;;
	"agent-status whois") _panemesh_addresses ;;
	"agent-sync peer")
		_panemesh_take <<<$'add\ninstall\nleave\nrm\nuninstall'
		;;
	"agent-sync fetch" | "agent-sync peer rm" | "agent-sync peer leave" | \
		"agent-sync peer uninstall" | "agent-link ")
		_panemesh_take < <(_panemesh_peers)
		;;
	"agent-sync peer add" | "agent-sync peer install")
		_panemesh_take < <(_panemesh_hosts)
		;;
	esac
}

complete -F _panemesh notify-pane agent-discover agent-doctor agent-feed \
	agent-inbox agent-link agent-register-hook agent-self-identify \
	agent-serve agent-status agent-sync
