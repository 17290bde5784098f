#!/bin/bash
# What may not take agents out of the address book: a look from a sandbox that
# sees no server, another name for this host, another spelling of a socket.
# time-limit: 300
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 22

agents=$HOME/.agents
addresses() {
	notify-pane --list --json | python3 -c '
import json, sys
print(*sorted(a["address"] for a in json.load(sys.stdin)))'
}
ids() {
	grep '^id = ' "$agents/local.toml" | sort | sha256sum
}
known() {
	grep -c '^agent = "claude"' "$agents/local.toml"
}

fake_agent
start_server -s dev -n one
server=two
start_server -s ops -n two "exec $world/bin/claude 1000"
server=main
agent-discover -q >/dev/null
server=two until_true 10 sh -c "agent-discover -q >/dev/null; grep -q claude $agents/local.toml"
host=$(cat "$agents/self.conf")
both="$host-dev-one $host-ops-two"
is "$(addresses)" "$both" 'two servers'
is "$(known)" 1 'and an agent on one'
before=$(ids)

# --- a sandbox ---
if bwrap --ro-bind / / true 2>/dev/null; then
	box() { # ARGS...: bwrap's own, --, the command
		bwrap --unshare-pid --ro-bind / / --dev-bind /dev /dev --proc /proc \
			--bind "$HOME" "$HOME" "$@"
	}
	# Neither the servers' processes nor their sockets are to be seen.
	box --tmpfs "$TMUX_TMPDIR" notify-pane "$host-dev-one" hi >/dev/null 2>"$world/err"
	is "$?" 4 'no server in a sandbox with a folder of its own'
	is "$(addresses)" "$both" 'which takes nobody away'
	box --tmpfs "$TMUX_TMPDIR" agent-discover -q >/dev/null 2>&1
	is "$(addresses) $(ids)" "$both $before" 'nor does a discover there'
	# The sockets are, the processes are not.
	box notify-pane "$host-dev-one" hi >/dev/null 2>&1
	box agent-discover -q >/dev/null 2>&1
	is "$(addresses) $(ids)" "$both $before" 'nor one that reaches the servers'
	is "$(known)" 1 'and the agent is one still'
	# Only /tmp is another one.
	bwrap --ro-bind / / --dev-bind /dev /dev --bind /proc /proc \
		--bind "$HOME" "$HOME" --tmpfs "$TMUX_TMPDIR" \
		agent-discover -q >/dev/null 2>&1
	is "$(addresses) $(ids)" "$both $before" 'nor one with a private /tmp'
	# A window that is new is seen from there all the same.
	tm new-window -d -n fresh
	box agent-discover -q >/dev/null 2>&1
	is "$(addresses)" "$host-dev-fresh $both" 'a new window is seen'
	tm kill-window -t =dev:fresh
	agent-discover -q >/dev/null 2>&1
	is "$(addresses) $(ids)" "$both $before" 'and one that is gone is not'
else
	for _ in 1 2 3 4 5 6 7 8; do
		ok '# skip no bwrap'
	done
fi
pid=$(server=two tm display-message -p '#{pid}')
kill -9 "$pid"
until_true 10 sh -c "! kill -0 $pid"
agent-discover -q >/dev/null 2>&1
is "$(addresses)" "$host-dev-one" 'a server that was killed is gone'
server=two
start_server -s ops -n two
server=main
agent-discover -q >/dev/null 2>&1
is "$(addresses)" "$both" 'and comes again'

# --- another name for this host ---
before=$(ids)
echo other >"$agents/self.conf"
agent-discover -q >/dev/null 2>&1
is "$(addresses)" 'other-dev-one other-ops-two' 'a host with a new name'
is "$(ids)" "$before" 'has the same agents'
is "$(notify-pane "$host-ops-two" hi >/dev/null 2>&1; echo $?)" 0 \
	'which have their old names for a day'
echo third >"$agents/self.conf"
hooks
until_true 15 sh -c "notify-pane --list | grep -q third-dev-one"
is "$(addresses)" 'other-ops-two third-dev-one' 'a hook of one server'
check 'leaves a slice that is valid' sh -c "! ls $agents | grep -q bad"
agent-discover -q >/dev/null 2>&1
is "$(addresses) $(ids)" "third-dev-one third-ops-two $before" 'and a discover renames the rest'

# --- sockets by another name ---
ln -s "$TMUX_TMPDIR" "$world/link"
TMUX_TMPDIR=$world/link agent-discover -q >/dev/null 2>&1
TMUX_TMPDIR=$TMUX_TMPDIR/ agent-discover -q >/dev/null 2>&1
is "$(addresses)" 'third-dev-one third-ops-two' 'a link to the folder makes no second server'
odd=$(printf '%s/\xe9.sock' "$world")
tmux -S "$odd" -f "$world/tmux.conf" new-session -d -s odd
TMUX_SOCKET=$odd agent-discover >/dev/null 2>"$world/err"
check 'a socket that cannot be written down is refused' \
	grep -q 'not printable UTF-8' "$world/err"
tmux -S "$odd" kill-server
is "$(addresses)" 'third-dev-one third-ops-two' 'and the others stay'
check 'in a valid slice' sh -c "! ls $agents | grep -q bad"
