#!/bin/bash
# Whoever is killed between two hosts, and whenever: a message is shown once or
# not at all, and the exit status is true: 0 only if it was shown, and when it
# is 3, 4 or 8 it was not.
# time-limit: 300
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
plan 21

home_b=$world/hosts/b

# Processes of the far end by what they are; each of them is ours.
serves() {
	pgrep -x agent-serve |
		while read -r pid; do
			grep -qzs "^HOME=$home_b\$" "/proc/$pid/environ" &&
				echo "$pid"
		done
}

# The first one is the loop, what it forked delivers.
of_kind() {
	local kind=$1 pids pid parent
	case $kind in
	notify) echo "$notify" ;;
	link) pgrep -P "$notify" -x agent-link ;;
	*)
		pids=$(serves)
		for pid in $pids; do
			parent=$(awk '/^PPid/ { print $2 }' \
				"/proc/$pid/status" 2>/dev/null)
			case "$kind $(cat "/proc/$parent/comm" 2>/dev/null)" in
			'serve sshd') echo "$pid" ;;
			'deliver agent-serve') echo "$pid" ;;
			'session sshd') echo "$parent" ;;
			esac
		done
		;;
	esac
}

settled() {
	[ -z "$(serves)" ]
}

# How far is the message on its way? What its host has recorded of messages...
ring=$home_b/.agents/run/verdicts
count_of() {
	grep -c " $1 " "$ring" 2>/dev/null
}

# ... and what is there by now. `before` is what was recorded before it.
at_stage() {
	local pid fd
	case $1 in
	now) ;;
	link) [ -n "$(of_kind link)" ] ;;
	serve) [ -n "$(of_kind serve)" ] ;;
	accepted | started) [ "$(count_of "$1")" -gt "${before[$1]}" ] ;;
	standing) tmx b capture-pane -p -t "=s:$to" | grep -qF "$text" ;;
	submitted) [ "$(submitted b "$to" "$text")" -gt 0 ] ;;
	*) # so many bytes of a file have come
		for pid in $(of_kind serve); do
			for fd in "/proc/$pid/fd/"*; do
				[[ $(readlink "$fd") == "$home_b/.agent-inbox"* ]] &&
					[ "$(stat -Lc %s "$fd")" -ge "$1" ] &&
					return 0
			done
		done 2>/dev/null
		return 1
		;;
	esac
}

remember() {
	before=([accepted]=$(count_of accepted) [started]=$(count_of started))
}

# Kill what there is of this kind once the message is so far, or through.
strike() {
	local kind=$1 stage=$2 pids
	until at_stage "$stage" || ! kill -0 "$notify" 2>/dev/null; do
		:
	done
	pids=$(of_kind "$kind")
	# shellcheck disable=SC2086 # a word each
	[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
	[ -z "$pids" ] || struck=$((struck + 1))
}

# Becomes notify-pane, so that $! is its pid.
send_off() {
	local dir=$world/hosts/a
	exec env HOME="$dir" AGENT_SSH_HOME="$dir" TMUX_TMPDIR="$dir/tmux" AGENTS_DIR="$dir/.agents" \
		notify-pane "$@"
}

# One kind at each of these stages, twice.
wave() {
	local kind=$1 to=$2 i code n lied=0 twice=0 codes='' stage text rounds=0
	shift 2
	struck=0
	for stage in "$@" "$@"; do
		rounds=$((rounds + 1))
		i=$rounds
		text=$kind-$i.
		remember
		send_off "b-s-$to" "$text" >"$out" 2>"$err" &
		notify=$!
		strike "$kind" "$stage"
		wait "$notify" 2>/dev/null
		code=$?
		until_true 10 settled || note "$kind $i: agent-serve stays"
		n=$(submitted b "$to" "$text")
		codes="$codes $stage:$code/$n"
		[ "$n" -le 1 ] || twice=$((twice + 1))
		case "$code/$n" in
		0/1 | 5/? | 137/?) ;;
		[34678]/0) ;;
		*)
			lied=$((lied + 1))
			note "$kind $i: status $code, shown $n: $(cat "$err")"
			;;
		esac
		# What was left standing in the composer is not for the next.
		[ "$code/$n" != 5/0 ] || tmx b send-keys -t "=s:$to" C-u
	done
	note "$kind: $struck of $rounds struck; status/shown:$codes"
	is "$twice $lied" '0 0' "$kind killed: never twice, never a false word"
	[ "$struck" -gt $((rounds / 3)) ]
	is $? 0 "$kind killed: most of them in time"
}
declare -A before
# Each stage lasts long enough to be seen on a loaded machine.
composer b slow -e 800
wave link slow link serve accepted started standing submitted
wave serve slow serve accepted started standing submitted
wave session slow serve accepted started standing submitted
wave deliver slow accepted started standing submitted
wave notify slow now link accepted started standing submitted

# --- while it waits there for its pane ---
blocked() {
	tmx b capture-pane -p -t "=s:$1" | grep -q proceed
}
# On a new connection it is asked for.
asked_again() {
	local pid
	for pid in $(of_kind deliver); do
		[[ " $old " == *" $pid "* ]] || return 0
	done
	return 1
}
for kind in link serve session; do
	composer b "wait$kind" "-d -t"
	sent a "b-s-wait$kind" first
	until_true 5 blocked "wait$kind"
	remember
	send_off -w 15 "b-s-wait$kind" late. >"$out" 2>"$err" &
	notify=$!
	until_true 10 at_stage accepted
	old=$(of_kind deliver | xargs)
	struck=0
	strike "$kind" now
	until_true 10 asked_again
	tmx b send-keys -t "=s:wait$kind" Enter
	wait "$notify"
	is "$struck $? $(submitted b "wait$kind" late.)" '1 0 1' \
		"$kind killed while it waits: asked again, shown once"
	until_true 10 settled || note 'agent-serve stays'
done
composer b lost "-d -t"
sent a b-s-lost first
until_true 5 blocked lost
remember
send_off -w 15 b-s-lost late. >"$out" 2>"$err" &
notify=$!
until_true 10 at_stage accepted
sshd_stop b
strike session now
wait "$notify"
is "$? $(grep -c 'it may have been delivered' "$err")" '5 1' \
	'no way back to ask: it may have been delivered'
nobody_delivers() {
	[ -z "$(of_kind deliver)" ]
}
check 'the far end gives it up' until_true 10 nobody_delivers
tmx b send-keys -t =s:lost Enter
is "$(submitted b lost late.)" 0 'but it is not, once nobody waits for it'

sshd_start b
until_true 10 settled

# --- with a file ---
composer b file
head -c 60M /dev/urandom >"$world/big"
wrong=0 codes="" i=0 struck=0
for stage in link serve 1 10000000 20000000 30000000 40000000 55000000; do
	i=$((i + 1))
	case $((i % 3)) in
	0) kind=serve ;;
	1) kind='link' ;;
	2) kind=session ;;
	esac
	send_off b-s-file -f "$world/big" "file-$i." >"$out" 2>"$err" &
	notify=$!
	strike "$kind" "$stage"
	wait "$notify"
	code=$?
	until_true 15 settled || note "$kind $i: agent-serve stays"
	n=$(submitted b file "file-$i.")
	codes="$codes $stage:$kind:$code/$n"
	case "$code/$n" in
	0/1 | 4/0 | 5/?) ;;
	*)
		wrong=$((wrong + 1))
		note "$kind $i: status $code, shown $n: $(cat "$err")"
		;;
	esac
done
note "$struck of $i struck; status/shown:$codes"
is "$wrong" 0 'killed while a file is under way: no false word'
torn=0
while read -r f; do
	cmp -s "$f" "$world/big" || torn=$((torn + 1))
done < <(find "$home_b/.agent-inbox" -type f)
is "$torn" 0 'and no part of a file'
is "$(find "$world/hosts" -name '*.tmp*' | wc -l)" 0 'nothing is left behind'
is "$(for pid in $(pgrep -x agent-link; pgrep -x notify-pane); do
	grep -qzs "^HOME=$world/hosts/" "/proc/$pid/environ" && echo "$pid"
done)" '' 'and nothing runs any more'
sent a b-s-file 'after all'
is "$? $(tail -n 1 "$out")" '0 submitted' 'the next one goes through'
