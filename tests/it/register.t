#!/bin/bash
# What tmux does, the address book follows: every event of a real server.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 91

host=$(sed -n 1p /proc/sys/kernel/hostname | cut -d. -f1 | tr -c 'A-Za-z0-9_\n' -)
fake_agent

start_server -s dev -n build
hooks
settles 'sourcing the hooks registers what is there'
is "$(field address @0)" "$host-dev-build" 'an address is host, session, window'
id=$(field id @0)

# --- windows ---
w=$(tm new-window -d -t dev: -n Tests -P -F '#{window_id}')
settles 'new-window'
is "$(field address "$w")" "$host-dev-tests" 'its slug is in lower case'
tm rename-window -t "$w" 'unit tests!'
settles 'rename-window'
is "$(field address "$w") $(field aliases "$w")" \
	"$host-dev-unit-tests $host-dev-tests" \
	'an explicit rename moves the address and leaves an alias'
w2=$(tm new-window -d -t dev: -n tests -P -F '#{window_id}')
settles 'a window with the old name'
is "$(field address "$w2")" "$host-dev-tests-2" \
	'an alias is not handed out'
tm rename-window -t "$w" tests
settles 'renamed back'
is "$(field address "$w") $(field aliases "$w")" \
	"$host-dev-tests $host-dev-unit-tests" 'an alias of its own it may take'
tm kill-window -t "$w2"
settles 'kill-window'
tm move-window -s "$w" -t dev:7
settles 'move-window to another index'
is "$(field address "$w") $(field target "$w")" "$host-dev-tests dev:7" \
	'its address stays'
tm swap-window -d -s dev:0 -t dev:7
# Nothing is called by swap-window: the next scan finds it.
check 'discover after swap-window' agent-discover -q
settles 'swap-window'
is "$(field address @0) $(field target @0)" "$host-dev-build dev:7" \
	'addresses stay with the windows'

# --- panes ---
p=$(tm split-window -d -t "$w" -P -F '#{pane_id}')
settles 'split-window'
p0=$(tm list-panes -t "$w" -F '#{pane_id}' | head -1)
is "$(field address "$p0") $(field address "$p")" \
	"$host-dev-tests-p0 $host-dev-tests-p1" 'each pane has its own address'
p2=$(tm split-window -d -t "$p0" -P -F '#{pane_id}')
settles 'a pane split between two'
is "$(field address "$p") $(field address "$p2")" \
	"$host-dev-tests-p1 $host-dev-tests-p2" \
	'a pane keeps its number, a new one gets a free one'
tm kill-pane -t "$p2"
settles 'kill-pane'
tm break-pane -d -s "$p" -n moved
settles 'break-pane'
wp=$(tm display-message -p -t "$p" '#{window_id}')
is "$(field address "$wp") $(field aliases "$wp")" \
	"$host-dev-moved $host-dev-tests-p1" \
	'the address it had is an alias of the pane that lives on'
idp=$(field id "$wp")
tm join-pane -d -s "$p" -t "$w"
settles 'join-pane'
is "$(field id "$p")" "$idp" 'the id goes with the pane'
is "$(field aliases "$p")" "$host-dev-moved" 'so does the alias'
tm swap-pane -d -s "$p" -t @0
check 'discover after swap-pane' agent-discover -q
settles 'swap-pane between windows'
tm swap-pane -d -s "$p" -t "$p0"
check 'discover after swapping back' agent-discover -q
settles 'swap-pane again'
tm send-keys -t "$p" 'exit' Enter
settles 'a pane that ends by itself'
tm set-option -w -t "$w" remain-on-exit on
tm respawn-pane -k -t "$w" 'sleep 1000'
check 'discover after respawn-pane' agent-discover -q
settles 'respawn-pane'
is "$(field id @0)" "$id" 'an id is for ever'
tm respawn-pane -k -t "$w" true
# tmux does not always run pane-died after a respawn; a discover sees it.
is_dead() {
	[ "$(tm display-message -p -t "$w" '#{pane_dead}')" = 1 ]
}
until_true 10 is_dead
agent-discover -q
settles 'a dead pane that stays'
is "$(field state "$w")" dead 'it is marked dead'

# --- automatic-rename ---
a=$(tm new-window -d -t dev: -P -F '#{window_id}')
settles 'a window that tmux names itself'
is "$(field address "$a")" "$host-dev-sh" 'the slug is that of the first sight'
before=$(md5sum <"$HOME/.agents/local.toml")
tm send-keys -t "$a" 'sleep 1000' Enter
until_true 10 sh -c "tmux -L main list-windows -a -F '#{window_name}' | grep -q sleep"
for _ in 1 2 3 4 5; do
	agent-register-hook -S "$(socket)"
done
is "$(md5sum <"$HOME/.agents/local.toml")" "$before" \
	'tmux renaming it writes nothing'
tm send-keys -t "$a" C-c
# A name of before, other than a shell's, would be taken for the agent's.
at_shell() {
	tm send-keys -t "$a" Enter
	[ "$(tm display-message -p -t "$a" '#{window_name}')" = sh ]
}
until_true 20 at_shell
tm send-keys -t "$a" "$world/bin/claude 1000" Enter
running() {
	pgrep -f "^$world/bin/claude" >/dev/null
}
# tmux looks at the program's name only after output.
until_true 5 running
tm send-keys -t "$a" Enter
follows() {
	# tmux looks at the name when the pane shows something new.
	tm send-keys -t "$a" Enter
	[ "$(field address "$a")" = "$host-dev-claude" ]
}
check 'a known agent: the address follows its name' until_true 10 follows
is "$(field agent "$a") $(field aliases "$a")" "claude $host-dev-sh" \
	'the agent is known, the old address an alias'
seen() {
	[ "$(tm show-options -pqv -t "$a" @agent-seen)" = 1 ]
}
check 'its pane is marked' until_true 5 seen
tm send-keys -t "$a" C-c
tm send-keys -t "$a" 'sleep 999' Enter
until_true 10 sh -c "tmux -L main list-windows -a -F '#{window_name}' | grep -q sleep"
agent-register-hook -S "$(socket)"
is "$(field address "$a")" "$host-dev-claude" 'it follows only once'

# --- sessions ---
tm new-session -d -s api -n srv
tm new-session -d -s dev-api -n srv
settles 'sessions of which one begins the other'
tm kill-session -t =api
settles 'one of them closed'
is "$(field session "$(window dev-api:srv)")" dev-api \
	'the other is not taken for it'
tm rename-session -t dev-api 'my proj'
settles 'rename-session'
is "$(field address "$(window '=my proj:srv')") $(field aliases "$(window '=my proj:srv')")" \
	"$host-my-proj-srv $host-dev-api-srv" 'its addresses move'
tm new-session -d -s group -t dev
settles 'a grouped session'
is "$(field address "$w")" "$host-dev-tests" \
	'one address, from the lowest session'
check 'the other name is an alias' grep -qE \
	"^aliases = .*\"$host-group-tests\"" "$HOME/.agents/local.toml"
tm kill-session -t group
settles 'the group closed'
tm link-window -d -s "$w" -t '=my proj:9'
settles 'link-window'
tm unlink-window -t "=dev:$(tm list-windows -t =dev: -F '#{window_id} #{window_index}' |
	sed -n "s/^$w //p")"
settles 'unlink-window from the session that named it'
is "$(field address "$w")" "$host-my-proj-tests" 'the other session names it now'
tm rename-session -t 'my proj' test
settles 'a session that is ignored from now on'
is "$(grep -c my-proj "$HOME/.agents/local.toml")" 0 'nothing of it is left'
tm rename-session -t test 'a]b'
settles 'and not any more'
is "$(field aliases "$w" | tr ' ' '\n' | grep -c "^$host-my-proj-tests$")" 1 \
	'its old name leads there all the same'
ida=$(field id "$w")
tm rename-session -t 'a]b' tmp
settles 'ignored once more'
agent-register-hook -S "$(socket)"
tm rename-session -t tmp 'a]b'
settles 'and back'
is "$(field id "$w") $(field address "$w")" "$ida $host-a-b-tests" \
	'with the id and the address that it had'
tm rename-session -t 'a]b' tmp
settles 'ignored a third time'
tm new-session -d -s a-b -n tests
settles 'its name is taken meanwhile'
tm rename-session -t tmp back
settles 'and back under another'
is "$(field address "$(window '=a-b:tests')") $(field address "$w")" \
	"$host-a-b-tests $host-back-tests" 'the name stays where it is'
[ ! -e "$HOME/.agents/run/parked.toml" ]
is $? 0 'and nothing is remembered any more'
tm kill-session -t =a-b
settles 'that one closed'

# --- many at once ---
for i in $(seq 50); do
	tm new-window -d -t dev: -n "burst $((i % 10))"
done
settles '50 windows in a loop'
for i in $(seq 50); do
	tm kill-window -t "$(tm list-windows -t dev -F '#{window_id} #{window_name}' |
		sed -n 's/ burst.*//p' | head -1)"
done
settles 'and gone again'
for i in $(seq 20); do
	tm new-session -d -s "many$i" -n w
done
settles '20 sessions in a loop'
for i in $(seq 20); do
	tm kill-session -t "=many$i"
done
settles 'and gone again'

# --- the user's own hooks ---
tm set-hook -g window-renamed "set-option -g @user-hook ran"
tm set-hook -ga session-created "set-option -g @user-hook2 ran"
installed() {
	tm show-hooks -g "$1" | grep -qF "$1[77]"
}
check 'a plain set-hook wipes ours for a moment only' \
	until_true 5 installed window-renamed
tm rename-window -t @0 again
user_ran() {
	[ "$(tm show-options -gqv @user-hook)" = ran ]
}
check 'the hook of the user runs' until_true 5 user_ran
settles 'and so does ours'
before=$(tm show-hooks -g; tm show-hooks -gw)
for _ in 1 2 3 4 5 6 7 8 9 10; do
	hooks
done
is "$(tm show-hooks -g; tm show-hooks -gw)" "$before" \
	'sourcing ten times changes nothing'

# --- several servers, restarts ---
server=second
start_server -s dev -n again
hooks
settles 'a second server'
is "$(field address @0)" "$host-dev-again-2" 'its address is unique'
tm kill-server
# tmux kills its hooks when it ends: the next scan of any server notices.
noticed() {
	server=main agent-register-hook -S "$TMUX_TMPDIR/tmux-$(id -u)/main"
	agrees
}
check 'kill-server' until_true 10 noticed
start_server -s dev -n again
hooks
settles 'the server again'
ids=$(field id @0)
kill -KILL "$(tm display-message -p '#{pid}')"
until_true 5 sh -c "! tmux -L second has-session 2>/dev/null"
start_server -s dev -n other
hooks
settles 'a crash and a new server that uses the ids again'
[ "$(field id @0)" != "$ids" ]
is $? 0 'the id is a new one'
tm kill-server
# Nobody can tell that a server was killed: the next hook of another one sees
# that its process is gone, even where nobody waits for it (a container).
server=third
start_server -s dev -n doomed
hooks
settles 'a third server'
kill -9 "$(tm display-message -p '#{pid}')"
server=main
doomed_is_gone() {
	! grep -q doomed "$HOME/.agents/local.toml"
}
tm new-window -d -n poke 'exec sleep 1000'
check 'a killed one, at the next hook' until_true 10 doomed_is_gone
tm kill-window -t poke
settles 'and nothing else'
server=main

# --- reading meanwhile ---
lookups() {
	local i
	for i in $(seq 200); do
		notify-pane --list | grep -q "$host-dev-again" || return 1
	done
}
while [ -e "$world" ] && agent-discover -q >/dev/null; do :; done &
writer=$!
check 'no lookup fails while the book is rebuilt' lookups
kill "$writer" 2>/dev/null
wait "$writer" 2>/dev/null
rm "$HOME/.agents/registry.toml"
check 'nor without registry.toml' lookups
check 'a hook prints nothing and succeeds' sh -c \
	"out=\$(agent-register-hook -S '$(socket)' 2>&1) && [ -z \"\$out\" ]"
check 'even when it fails' sh -c \
	"out=\$(agent-register-hook -S relative 2>&1) && [ -z \"\$out\" ]"
check 'which the log knows' grep -q relative "$HOME/.agents/log/hook.log"
check "the bash version's arguments are accepted" agent-register-hook on dev
