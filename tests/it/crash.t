#!/bin/bash
# Killed anywhere, all at once, stopped, without disk: the files say the old or
# the new, nothing is lost, tmux never waits.
# time-limit: 600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 21

agents=$HOME/.agents
start_server -s dev -n w0
for i in 1 2 3 4 5; do
	tm new-window -d -t dev: -n "w$i"
done
tm split-window -d -t dev:w1
sock=$(socket)

# --- eight hooks at once, a hundred rounds, tmux changing meanwhile ---
valid() {
	while [ ! -e "$world/stop" ]; do
		book valid || return 1
	done
}
valid >"$world/valid" 2>&1 &
reader=$!
for round in $(seq 100); do
	tm rename-window -t dev:3 "name$((round % 7))"
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		agent-register-hook -p 1 -S "$sock" >"$world/hook.$i" 2>&1 &
		pids="$pids $!"
	done
	for i in $pids; do
		wait "$i" || echo "status $?" >>"$world/bad"
	done
done
touch "$world/stop"
wait "$reader"
is "$? $(cat "$world/valid")" '0 ' 'every reader saw valid files'
check '8 hooks x 100 rounds: the book is right without another scan' agrees
is "$(cat "$world/bad" "$world"/hook.? 2>/dev/null)" '' \
	'none of them printed or failed'
is "$(cat "$agents/log/hook.log")" '' 'nor logged'

# --- killed at every system call that changes state ---
# points CALL... - a trace of one run, as "call ordinal" lines: what creates,
# writes, renames, removes or locks a file.
calls=mkdir,openat,write,rename,unlinkat,flock
points() {
	strace -o "$world/trace" -e "trace=$calls" "$@" >/dev/null 2>&1
	awk '
	{ call = $1; sub(/\(.*/, "", call); n[call]++ }
	/^openat/ && !/O_CREAT|O_WRONLY|O_RDWR/ { next }
	/^openat.*"\/dev\/null"/ { next }
	/^write\([012],/ { next }
	/^[a-z]+\(/ { print call, n[call] }' "$world/trace"
}

# One sweep: kill at each point of $2..., after $1 has made the situation.
sweep() {
	local before=$1 call n killed=0 wanted=0 wrong=0
	shift
	"$before"
	points "$@" >"$world/points"
	while read -r call n; do
		wanted=$((wanted + 1))
		"$before"
		cp "$agents/local.toml" "$world/old" 2>/dev/null ||
			: >"$world/old"
		# Shells say "Killed".
		{
			strace -o /dev/null -e "trace=$call" \
				-e "inject=$call:signal=KILL:when=$n" \
				"$@" >/dev/null
		} 2>/dev/null
		[ $? != 137 ] || killed=$((killed + 1))
		if ! book valid >"$world/why" 2>&1; then
			wrong=$((wrong + 1))
			note "torn after $call $n: $(cat "$world/why")"
		elif ! cmp -s "$agents/local.toml" "$world/old" &&
			! is_new; then
			wrong=$((wrong + 1))
			note "neither old nor new after $call $n"
		fi
		# Readers find everybody, whatever registry.toml is.
		if [ -s "$agents/local.toml" ] &&
			[ "$(notify-pane --list | wc -l)" != \
				"$(grep -c '^\[agents' "$agents/local.toml")" ]; then
			wrong=$((wrong + 1))
			note "a lookup misses agents after $call $n"
		fi
		agent-register-hook -S "$sock"
		if ! agrees >"$world/why"; then
			wrong=$((wrong + 1))
			note "not healed after $call $n: $(cat "$world/why")"
		fi
		if [ -n "$(find "$agents" -name '*.tmp.*')" ]; then
			wrong=$((wrong + 1))
			note "a temporary stays after $call $n"
		fi
	done <"$world/points"
	note "$killed of $wanted points killed at"
	[ "$wrong" = 0 ] && [ "$killed" = "$wanted" ] && [ "$wanted" -ge 10 ]
}

# After is_new the slice must be exactly what tmux says.
is_new() {
	if [ -e "$agents/local.toml" ]; then
		cp "$agents/local.toml" "$world/saved"
		agent-register-hook -S "$sock"
		cmp -s "$agents/local.toml" "$world/saved"
	fi
}

if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
	flip=0
	a_change() {
		flip=$((flip + 1))
		tm rename-window -t dev:3 "flip$((flip % 20))"
	}
	sweep a_change agent-register-hook -S "$sock"
	is $? 0 'killed at each point of a change'
	a_first_run() {
		rm -rf "$agents"
	}
	sweep a_first_run agent-register-hook -S "$sock"
	is $? 0 'killed at each point of the first run'
	a_bad_slice() {
		echo 'torn' >"$agents/local.toml"
	}
	bad_sweep() {
		local n i=0
		a_bad_slice
		points agent-register-hook -S "$sock" >"$world/points"
		n=$(wc -l <"$world/points")
		while read -r call k; do
			a_bad_slice
			{
				strace -o /dev/null -e "trace=$call" \
					-e "inject=$call:signal=KILL:when=$k" \
					agent-register-hook -S "$sock"
			} >/dev/null 2>&1
			[ $? != 137 ] || i=$((i + 1))
			agent-register-hook -S "$sock"
			agrees >/dev/null || return 1
		done <"$world/points"
		note "$i of $n points killed at"
		[ "$i" = "$n" ]
	}
	bad_sweep
	is $? 0 'killed at each point of rebuilding a torn slice'
	rm -f "$agents"/local.toml.bad-*
else
	for t in change 'first run' 'torn slice'; do
		ok "killed: $t # skip missing strace"
	done
fi

# --- a handler that is stopped ---
hooks
settles 'hooks'
median() {
	local i
	for i in $(seq 31); do
		local t=${EPOCHREALTIME/./}
		tm display-message -p x >/dev/null
		echo $((${EPOCHREALTIME/./} - t))
	done | sort -n | sed -n 16p
}
quiet=$(median)
exec 9<>"$agents/run/local.lock"
flock 9
tm new-window -d -t dev: -n late
handler() {
	pgrep -f "/agent-register-hook -p $(tm display-message -p '#{pid}') "
}
check 'a handler waits for the slice' until_true 10 handler
stopped=$(handler | head -1)
kill -STOP "$stopped"
exec 9>&-
busy=$(median)
note "display-message: $quiet us, with a stopped handler $busy us"
check 'tmux answers while a handler is stopped' test "$busy" -lt $((quiet * 3))
for i in $(seq 20); do
	tm new-window -d -t dev: -n "late$i"
done
few() {
	[ "$(handler | wc -l)" -le 2 ]
}
check 'one runs, one waits, the others are gone' until_true 10 few
check 'readers go on' sh -c 'notify-pane --list | grep -q w0'
kill -CONT "$stopped"
settles 'when it goes on, nothing is lost'

# --- killed for good ---
tm set-option -g @x 1
exec 9<>"$agents/run/local.lock"
flock 9
tm new-window -d -t dev: -n killed
until_true 10 handler
# shellcheck disable=SC2046 # several
kill -KILL $(handler) 2>/dev/null
exec 9>&-
tm new-window -d -t dev: -n after
settles 'a killed handler leaves no lock'

# --- no space ---
full=$world/full
mkdir "$full"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=256k none "$full" 2>/dev/null; then
	at_end() { umount "$full"; }
	export AGENTS_DIR=$full/agents
	check 'on a small disk' agent-discover -q
	cp "$AGENTS_DIR/local.toml" "$world/old"
	head -c 1M /dev/zero >"$full/fill" 2>/dev/null
	tm rename-window -t dev:3 nospace
	until_true 1 false
	agent-register-hook -S "$sock" >"$world/out" 2>&1
	is "$? $(cat "$world/out")" '0 ' 'the hook is silent on a full disk'
	check 'the slice is the old one' cmp "$AGENTS_DIR/local.toml" "$world/old"
	out=$(agent-discover -q 2>&1)
	case "$? $out" in
	'9 '*'No space left'*) ok 'discover says so' ;;
	*) not_ok 'discover says so' && note "$out" ;;
	esac
	is "$(find "$full" -name '*.tmp.*')" '' 'nothing half-done is left'
	rm "$full/fill"
	check 'with space again' agent-discover -q
	settles 'the book is right'
	umount "$full"
else
	# A limit on file size is what an ordinary user can make.
	for i in $(seq 60); do
		tm new-window -d -t dev: -n "big$i"
	done
	settles 'a larger slice'
	cp "$agents/local.toml" "$world/old"
	tm set-option -g @y 1
	tm rename-window -t dev:3 nospace
	(
		trap '' XFSZ
		ulimit -f 8
		agent-register-hook -S "$sock"
	) >"$world/out" 2>&1
	is "$? $(cat "$world/out")" '0 ' 'the hook is silent at a limit'
	check 'the files are valid' book valid
	out=$(trap '' XFSZ; ulimit -f 8; rm "$agents/registry.toml"; agent-discover -q 2>&1)
	case "$? $out" in
	'9 '*) ok 'discover says so' ;;
	*) not_ok 'discover says so' && note "$out" ;;
	esac
	is "$(find "$agents" -name '*.tmp.*')" '' 'nothing half-done is left'
	check 'without the limit' agent-discover -q
	settles 'the book is right'
fi
