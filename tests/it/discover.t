#!/bin/bash
# agent-discover: all servers, missing hooks, and everything that can be wrong.
# time-limit: 300
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 44

# run ARGS... - output in $out, status in $rc
run() {
	out=$("$@" 2>&1)
	rc=$?
}
agents=$HOME/.agents

run agent-discover
is "$rc $out" '0 ' 'no server: nothing to say'
start_server -s dev -n a
server=two
start_server -s dev -n a
server=main
run agent-discover --dry-run
is "$rc" 0 '--dry-run'
case $out in
*'1 panes, 1 entries, 0 with a known agent; would change'*'hooks are missing'*) ok 'says what it would do' ;;
*) not_ok 'says what it would do' && note "$out" ;;
esac
check 'and does not' test ! -e "$agents/local.toml"
check 'no hook either' sh -c "! tmux -L main show-hooks -g | grep -q '\[77\]'"
run agent-discover
is "$rc" 0 'discover'
settles 'both servers are in the book'
installed() {
	tm show-hooks -g "$1" | grep -qF "$1[77]"
}
missing=
for h in session-created session-closed session-renamed window-linked \
	window-unlinked window-renamed window-layout-changed pane-exited \
	pane-died after-split-window after-kill-pane window-pane-changed \
	session-window-changed client-session-changed after-set-hook; do
	installed $h || missing="$missing $h"
done
is "$missing" '' 'all hooks are put in place'
tm rename-window -t @0 b
settles 'and work'
run agent-discover -q
is "$rc $out" '0 ' 'nothing needs attention'
agent-discover --json >"$world/found.json"
is "$?" 0 '--json'
check 'its fields are what the manual says' python3 - "$world/found.json" \
	"$TMUX_TMPDIR/" <<'EOF'
import json, sys
found = json.load(open(sys.argv[1]))
# Sockets of other servers of this user may lie about in /tmp.
found = [f for f in found if f["socket"].startswith(sys.argv[2])]
assert len(found) == 2, found
assert {f["socket"].rsplit("/", 1)[1] for f in found} == {"main", "two"}
for f in found:
    assert set(f) == {"socket", "error", "server", "changed", "panes",
        "entries", "known", "hooks_missing", "hooks_hidden", "buffers"}, f
    assert f["error"] is None and f["server"] is True, f
    assert f["panes"] == f["entries"] == 1 and f["known"] == 0, f
    assert f["hooks_missing"] == f["hooks_hidden"] == [], f
    assert f["buffers"] == 0 and f["changed"] in (True, False), f
EOF
tm set-hook -gu 'pane-died[77]'
# Our own after-set-hook may have put it back already.
tm set-hook -gu 'after-set-hook[77]'
tm set-hook -gu 'pane-died[77]'
run agent-discover -q
case $out in
*'hooks were missing: put back'*) ok 'a hook that is gone is put back' ;;
*) not_ok 'a hook that is gone is put back' && note "$out" ;;
esac
check 'it is there' installed pane-died
tm set-hook -t dev session-renamed 'display-message x'
tm set-hook -w -t dev:0 window-renamed 'display-message x'
run agent-discover -q
case $out in
*"session \$0: session-renamed: a hook of its own hides ours"*) ok "a session's own hook is named" ;;
*) not_ok "a session's own hook is named" && note "$out" ;;
esac
case $out in
*'window @0: window-renamed: a hook of its own hides ours'*) ok "and a window's" ;;
*) not_ok "and a window's" && note "$out" ;;
esac
tm set-hook -u -t dev session-renamed
tm set-hook -uw -t dev:0 window-renamed

# --- a server that does not answer ---
pid=$(server=two tm display-message -p '#{pid}')
kill -STOP "$pid"
run agent-discover -q
kill -CONT "$pid"
is "$rc" 4 'a server that does not answer is a failure'
case $out in
*'does not answer'*) ok 'which is said' ;;
*) not_ok 'which is said' && note "$out" ;;
esac
is "$(grep -c '^\[agents' "$agents/local.toml")" 2 'its entries stay'
settles 'nothing is lost'
server=two tm kill-server
run agent-discover
# Either it says so, or a scan of the other server was here before it.
is "$(grep -c '/two"' "$agents/local.toml")" 0 'a server that ended is dropped'
settles 'nothing is stale'

# --- usage ---
run agent-discover --help
is "$rc" 0 '--help'
run agent-discover --version
is "$rc" 0 '--version'
run agent-discover --nosuch
is "$rc" 1 'an unknown option'
run agent-discover word
is "$rc" 1 'a word'
run agent-discover --hooks "$world/none"
is "$rc" 0 'a hooks file that is not needed is not looked at'

# --- bad files ---
# bad NAME PATTERN - discover must fail with 9 and one line that says so.
bad() {
	run agent-discover
	# shellcheck disable=SC2053 # a pattern
	if [ "$rc" = 9 ] && [ "$(echo "$out" | wc -l)" = 1 ] &&
		[[ $out == $2 ]]; then
		ok "$1"
	else
		not_ok "$1"
		note "status $rc: $out"
	fi
}
printf 'inbox_max = 1\nignore = []\n' >"$agents/config.toml"
bad 'config.toml: an unknown key' '*config.toml:2: unknown key*'
printf 'alias_hours = "x"\n' >"$agents/config.toml"
bad 'config.toml: a wrong type' '*config.toml:1: alias_hours*'
chmod 666 "$agents/config.toml"
bad 'config.toml: writable by others' "*config.toml: writable by others*chmod go-w '*"
rm "$agents/config.toml"
cp "$agents/self.conf" "$world/self.conf"
: >"$agents/self.conf"
bad 'self.conf: names no host' '*self.conf: names no host; write*'
echo 'a/b' >"$agents/self.conf"
bad 'self.conf: no alias' "*self.conf: 'a/b' is no host alias*"
cp "$world/self.conf" "$agents/self.conf"
mv "$agents/run" "$world/run"
: >"$agents/run"
bad 'run is a file' '*/run: is not a folder; move it away*'
rm "$agents/run"
mv "$world/run" "$agents/run"
chmod 777 "$agents"
bad 'the folder is writable by others' '*.agents: writable by others*'
chmod 700 "$agents"
before=$(cat "$agents/local.toml")
chmod 622 "$agents/local.toml"
bad 'local.toml is writable by others' '*local.toml: writable by others*'
chmod 600 "$agents/local.toml"
sed -i 's/^host_id = .*/host_id = "0123456789abcdef"/' "$agents/local.toml"
bad "another machine's home" '*written by another machine*mkdir*'
mkdir -m 700 "$agents.d" "$agents.d/$(hostname | cut -d. -f1)"
run agent-discover -q
is "$rc" 0 'a folder of its own mends that'
check 'which is used' test -s "$agents.d/$(hostname | cut -d. -f1)/local.toml"
rm -r "$agents.d"
echo "$before" >"$agents/local.toml"
run env AGENTS_DIR=relative agent-discover
is "$rc" 9 'AGENTS_DIR that is no path'
run env AGENTS_DIR=/dev/null/x agent-discover
is "$rc" 9 'AGENTS_DIR that cannot be'
run env TMUX_BIN=/nonexistent/tmux agent-discover
is "$rc" 4 'no tmux to run'
case $out in
*'/nonexistent/tmux: cannot run it'*) ok 'which is said' ;;
*) not_ok 'which is said' && note "$out" ;;
esac
run agent-discover -q
is "$rc" 0 'and well again'
settles 'the book is right'
