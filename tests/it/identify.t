#!/bin/bash
# agent-self-identify: who the agent in a pane is.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 43

mkdir -m 700 "$HOME/.agents"
echo hub >"$HOME/.agents/self.conf"
fake_agent
start_server -s dev -n a
hooks
settles 'a server'

# in_pane TARGET COMMAND - type it at the pane's shell; $out, $rc
in_pane() {
	rm -f "$world/out" "$world/rc"
	tm send-keys -t "$1" "$2 >$world/out 2>&1; echo \$? >$world/rc" Enter
	until_true 10 test -s "$world/rc"
	out=$(cat "$world/out")
	rc=$(cat "$world/rc")
}

in_pane @0 "agent-self-identify --role 'the; tester;' --scope '#(date) \$HOME'"
is "$rc $out" '0 hub-dev-a' 'it prints the address'
settles 'the book agrees'
is "$(field role @0)" 'the; tester;' 'the role, byte for byte'
is "$(field scope @0)" "#(date) \$HOME" 'the scope'
in_pane @0 'agent-self-identify --name fred'
is "$rc $(field aliases @0)" '0 fred' 'a name is an alias'
is "$(field role @0)" 'the; tester;' 'the role stays'
check 'it is found by its name' sh -c \
	'notify-pane --list -v | grep -q "also: fred"'
notify-pane -w 10 fred hello >"$world/said" 2>&1
is $? 0 'and gets messages by it'
is "$(grep -c 'is called' "$world/said")" 0 'without being told of another'
w=$(tm new-window -d -t dev: -n b -P -F '#{window_id}')
in_pane "$w" 'agent-self-identify -n fred'
is "$rc $(field aliases "$w")" '0 fred2' 'a name that is taken gets a number'
in_pane @0 "agent-self-identify --role '' --name ''"
is "$rc $(field aliases @0)" '0 ' 'an empty text takes it away'
is "$(field role @0)" sh 'the role is inferred again'
# Of another host, whose slice came.
cat >"$HOME/.agents/hosts/web.toml" <<END
# came $(date -u +%FT%TZ) $(date +%s)000 by web
[slices.web]
version = 1
host_id = "0123456789abcdef"
generation = $(date +%s)000
written = "2026-01-01T00:00:00Z"
[agents.web-s-w]
host = "web"
target = "s:0"
id = "0123456789abcdefghij"
socket = "/s"
server = "12.34"
pane = "%1"
window_id = "@1"
END
in_pane @0 'agent-self-identify --name web-s-w 2>&1'
check 'the address of an agent of another host: it is warned of' \
	grep -qF "'web-s-w' is the address of an agent of host web" <<<"$out"
is "$rc" 0 'and taken all the same'
in_pane @0 "agent-self-identify --name web-s-x 2>&1"
is "$rc $out" '0 hub-dev-a' 'one that nobody has is not'
rm "$HOME/.agents/hosts/web.toml"
in_pane @0 'agent-self-identify --clear'
is "$rc" 0 '--clear'
is "$(tm show-options -p -t @0)" '' 'nothing is left'

# --- several panes ---
p0=$(pane @0)
p1=$(tm split-window -d -t @0 -P -F '#{pane_id}')
settles 'a second pane'
in_pane "$p1" 'agent-self-identify --name joe'
is "$rc $out" '0 hub-dev-a' 'the window means it now'
is "$(field pane @0) $(field aliases "$p1")" "$p1 joe" \
	'its name is that of the pane'
in_pane "$p0" agent-self-identify
is "$rc $(field pane @0)" "0 $p0" 'the last that says so is meant'
settles 'the book agrees'

# --- which pane ---
in_pane "$p1" "setsid -w agent-self-identify --role far"
is "$rc $(field role "$p1")" '0 far' \
	'without a terminal: TMUX_PANE, if that server has it'
in_pane "$p1" "TMUX_PANE=$p0 agent-self-identify --role near"
is "$(field role "$p0") $(field role "$p1")" 'sh near' \
	'with one, TMUX_PANE is not believed'
in_pane "$p1" "TMUX=/nonexistent,1,0 agent-self-identify --role near2"
is "$rc $(field role "$p1")" '0 near2' 'nor is TMUX'
run() {
	out=$("$@" 2>&1)
	rc=$?
}
run agent-self-identify --pane "$p1" --role outside
is "$rc $(field role "$p1")" '0 outside' '--pane, from outside'
run setsid -w agent-self-identify --role nowhere
is "$rc" 2 'outside of tmux without --pane'
run env TMUX="$(socket),1,0" TMUX_PANE="$p1" setsid -w agent-self-identify
is "$rc" 2 "TMUX of a server that is not the one that runs"
run agent-self-identify --pane %999
is "$rc" 2 'a pane that does not exist'
server=two
start_server -s dev -n a
server=main
run agent-self-identify --pane "$p0" --role x
is "$rc" 2 'a pane id that two servers have'
server=two tm kill-server
cat >"$world/old" <<'EOF'
#!/bin/sh
tmux "$@" | sed "s/$(tmux -V | sed 's/.* //')/3.1c/"
EOF
chmod 700 "$world/old"
run env TMUX_BIN="$world/old" agent-self-identify --pane "$p0" --role x
is "$rc $(grep -c 'tmux 3.1c is too old: 3.2 or later' <<<"$out")" '4 1' \
	'--pane on a server that is too old: which, and why'

# --- agent seen, and left by choice ---
tm send-keys -t "$w" "$world/bin/claude 1000" Enter
running() {
	pgrep -f "^$world/bin/claude" >/dev/null
}
until_true 5 running
agent-discover -q
is "$(tm show-options -pqv -t "$w" @agent-seen)" 1 'a known agent is marked'
run agent-self-identify --pane "$(pane "$w")" --role agent
is "$rc $(tm show-options -pqv -t "$w" @agent-seen)" '0 1' \
	'the mark stays while the agent runs'
tm send-keys -t "$w" C-c
until_true 5 sh -c "! pgrep -f '^$world/bin/claude'"
in_pane "$w" 'agent-self-identify --role shell'
is "$rc $(tm show-options -pqv -t "$w" @agent-seen)" '0 ' \
	'a shell that says who it is does so by choice'

# --- usage ---
run agent-self-identify --name '-x' --pane "$p0"
is "$rc" 1 'a name that is none'
run agent-self-identify --name 'a b' --pane "$p0"
is "$rc" 1 'nor this'
run agent-self-identify --pane 3
is "$rc" 1 'a pane that is none'
run agent-self-identify --clear --role x
is "$rc" 1 '--clear with more'
run agent-self-identify word
is "$rc" 1 'a word'
run agent-self-identify --rol=x
is "$rc" 2 'an option may be shortened'
run agent-self-identify --help
is "$rc" 0 '--help'
run agent-self-identify --version
is "$rc" 0 '--version'
