#!/bin/bash
# What messages cost that does not depend on the machine: programs, forks, calls
# of tmux, connections. Times are for `make bench`.
# time-limit: 240
export LINK_IDLE=600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
command -v strace >/dev/null || {
	echo "1..0 # SKIP missing strace"
	exit 0
}
far_up a b
at_end() {
	on a agent-link --stop
	on b agent-link --stop
	mesh_down
}
composer b comp -t
plan 11

# costs HOST ARGS...: "programs forks tmux" of one notify-pane there.
costs() {
	local h=$1
	shift
	# No leak can be looked for under ptrace.
	on "$h" env ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" \
		strace -f -qq -o "$world/trace" \
		-e trace=execve,fork,vfork,clone,clone3 notify-pane "$@" \
		>"$out" 2>&1 || note "$(cat "$out")" >&2
	awk '/execve\("/ { path[$1] = $0 }
		/execve(\(| resumed).* = 0$/ {
			programs++
			tmux += path[$1] ~ /execve\("[^"]*\/tmux"/
		}
		/(fork|clone3?)\(.* = [1-9][0-9]*$/ { forks++ }
		/(fork|clone3?) resumed.* = [1-9][0-9]*$/ { forks++ }
		END { print programs + 0, forks + 0, tmux + 0 }' "$world/trace"
}

# at_most WANT GOT NAME: no number is larger.
at_most() {
	local i want got
	read -ra want <<<"$1"
	read -ra got <<<"$2"
	for i in "${!want[@]}"; do
		[ "${got[i]:-99}" -le "${want[i]}" ] || {
			not_ok "$3"
			note "got: $2, at most: $1"
			return
		}
	done
	ok "$3"
}

logins() {
	grep -c '^Accepted' "$world/hosts/b/sshd.log"
}

at_most '3 2 2' "$(costs b b-s-one 'tests green')" 'a text shown in a shell'
# One more for each look that came before the program had reacted, which it
# need not in time where the machine has other work.
quick() {
	n=$(costs b b-s-comp 'tests green')
	[ "$n" = '4 3 3' ]
}
until_true 60 quick
at_most '4 3 3' "$n" 'a text to a composer that reacts at once'
sent a b-s-one 'makes the link'
n=$(logins)
at_most '1 0 0' "$(costs a b-s-one 'tests green')" \
	'to another host: no other program here'
at_most '1 0 0' "$(costs a b-s-comp 'tests green')" 'nor to a composer there'
is "$(($(logins) - n))" 0 'and no connection'

# --- round trips, beside those of ssh ---
relay=$(free_port)
port_base=$((relay + 1))
python3 "$here/relay.py" "$relay" "$(host_port b)" 20 "$world/counts" &
relay_pid=$!
until_true 10 test -s "$world/counts"
sed "s/Port $(host_port b)\$/Port $relay/" "$world/hosts/a/.ssh/config" \
	>"$world/relayed"
echo "[127.0.0.1]:$relay $(cut -d' ' -f1,2 "$world/hosts/b/host_key.pub")" \
	>>"$world/hosts/a/.ssh/known_hosts"
on a agent-link --stop
cp "$world/hosts/a/.ssh/config" "$world/direct"
cp "$world/relayed" "$world/hosts/a/.ssh/config"

# trips COMMAND...: "connections round-trips" of it, run on a.
trips() {
	local c t c2 t2
	read -r c t <"$world/counts"
	on a "$@" >"$out" 2>&1 || note "$* failed: $(cat "$out")" >&2
	read -r c2 t2 <"$world/counts"
	echo "$((c2 - c)) $((t2 - t))"
}
floor=$(trips ssh -F "$world/relayed" -o BatchMode=yes \
	-o UserKnownHostsFile="$world/hosts/a/.ssh/known_hosts" b true)
cold=$(trips notify-pane b-s-one cold)
warm=$(trips notify-pane b-s-one warm)
on a agent-link --stop
echo x >"$world/small"
file=$(trips notify-pane -f "$world/small" b-s-one file)
on a agent-link --stop
sync=$(trips agent-sync -q)
note "connections, round trips: ssh b true $floor; a message cold $cold," \
	"warm $warm; a file cold $file; a sync cold $sync"
at_most "$floor" "$cold" 'a message: no more round trips than ssh b true'
is "$warm" '0 1' 'over a link that is kept: one'
at_most "$floor" "$file" 'with a file: no more either'
at_most "$floor" "$sync" 'nor for a sync'
on a agent-link --stop
cp "$world/direct" "$world/hosts/a/.ssh/config"
kill "$relay_pid"
wait "$relay_pid" 2>/dev/null

# --- fifty windows at once ---
on b agent-sync >/dev/null # which makes the link to a
serves() {
	pgrep -x agent-serve | while read -r pid; do
		grep -qzs "^HOME=$world/hosts/a\$" "/proc/$pid/environ" &&
			echo "$pid"
	done | head -n 1
}
# What its far end there reads: a sync pushes once.
strace -qq -o "$world/trace" -e trace=read -s 65536 -p "$(serves)" \
	2>/dev/null &
tracer=$!
traced() {
	on b agent-sync -q
	[ -s "$world/trace" ]
}
if until_true 10 traced; then
	pushes() {
		grep -o ' PUSH push\.' "$world/trace" | wc -l
	}
	before=$(pushes)
	# One after the other. They are one burst unless the machine pauses
	# in between, or its scans take longer than a sync waits for more.
	began=${EPOCHREALTIME/./} pauses=0
	now=$began
	for i in $(seq 50); do
		tmx b new-window -d -n "burst$i" 'exec sleep 1000'
		last=$now now=${EPOCHREALTIME/./}
		[ $((now - last)) -lt 75000 ] || pauses=$((pauses + 1))
	done
	more=$((pauses + (now - began) / 750000))
	seen() {
		there a b-s-burst1 && there a b-s-burst50
	}
	check 'fifty windows reach a peer' until_true 30 seen
	more=$((more + (${EPOCHREALTIME/./} - now) / 1000000))
	syncs=$(($(pushes) - before))
	check "in at most two syncs, and $more for a slow machine ($syncs)" \
		[ "$syncs" -le $((2 + more)) ]
	kill "$tracer"
	wait "$tracer" 2>/dev/null || :
else
	ok 'fifty windows # SKIP it cannot be traced'
	ok 'few syncs # SKIP it cannot be traced'
fi
