#!/bin/bash
# Names that try to be something else: code, formats, TOML, other agents; and
# the known defects of the bash agent-mesh's registration.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 28

mkdir -m 700 "$HOME/.agents"
echo h.ub >"$HOME/.agents/self.conf"
start_server -s dev -n build
hooks
settles 'a host alias with a dot'
is "$(field address @0)" h-ub-dev-build 'becomes one without'

# Formats in names are expanded by tmux itself: ## is a plain #.
names=(
	"x'; touch $world/pwned; '"
	'"; touch pwned; "'
	"##(touch $world/pwned)"
	"\$(touch $world/pwned)"
	"\`touch $world/pwned\`"
	'a;b;'
	'; kill-server'
	'a]b'
	'[agents.evil]'
	'x"
[agents.evil]
host = "evil"'
	$'tab\tnewline\ncr\resc\e[31m\e]0;t\a'
	$'\u202egnp.exe\u200b\U000e0041'
	$'\xff\xfe bad utf8'
	'日本語'
	'-n'
	'--'
	'%1'
	'@1'
	'{last}'
	'../../etc/passwd'
	'~'
	"$(printf 'long%.0s' $(seq 50))"
)
for n in "${names[@]}"; do
	tm new-window -d -t =dev: -n "$n" 2>/dev/null
	tm rename-window -t =dev:0 -- "$n" 2>/dev/null
done
tm rename-window -t @0 build
settles "windows called: quotes, \$( ), #( ), ;, newlines, TOML, 200 bytes"
for n in "${names[@]}"; do
	tm new-session -d -s "$n" -n "w" 2>/dev/null
done
settles 'sessions called so'
# shellcheck disable=SC2016 # that is the point
check 'all of them' test "$(tm list-sessions | wc -l)" -ge 15
[ ! -e "$world/pwned" ] && [ ! -e pwned ]
is $? 0 'nothing was run'
is "$(grep -c evil <(grep '^\[' "$HOME/.agents/local.toml"))" \
	"$(grep -c 'agents.h-ub-.*evil' "$HOME/.agents/local.toml")" \
	'no table was forged'
check 'no control character is in the files' \
	sh -c "! LC_ALL=C grep -nP '[\\x00-\\x09\\x0b-\\x1f\\x7f]' \
	    '$HOME/.agents/local.toml' '$HOME/.agents/registry.toml'"
check 'and none in what a person reads' \
	sh -c "! notify-pane --list -v | LC_ALL=C grep -nP '[\\x00-\\x08\\x0b-\\x1f\\x7f]'"

# A program in a pane may name its window.
tm set-option -g allow-rename on
w=$(tm new-window -d -t =dev: -P -F '#{window_id}' \
	"printf '\\033k\$(touch $world/pwned)#(touch $world/pwned)\\033\\\\'; exec sleep 1000")
named() {
	tm display-message -p -t "$w" '#{window_name}' | grep -q touch
}
until_true 5 named
settles 'a window named by an escape sequence'
[ ! -e "$world/pwned" ]
is $? 0 'nothing was run'

# Options, too.
# shellcheck disable=SC2016
tm set-option -p -t @0 @agent-role 'x"; [agents.evil2]
#(touch pwned) $(touch pwned)'
tm set-option -p -t @0 @agent-name 'a b; rm'
tm set-option -p -t "$w" @agent-name 'h-ub-dev-build'
check 'discover' agent-discover -q
settles 'hostile options'
[ ! -e "$world/pwned" ] && [ ! -e "$HOME/pwned" ] && [ ! -e pwned ]
is $? 0 'nothing was run'
# It may have been seen while it was called "printf": an alias, too.
is "$(field aliases "$w" | tr ' ' '\n' | grep build)" h-ub-dev-build2 \
	'a name does not take an address'
is "$(grep -c '"a b; rm' "$HOME/.agents/local.toml")" 0 \
	'a name that is none is ignored'

# --- what the bash version got wrong ---
for s in $(tm list-sessions -F '#{session_id}' | sed 1d); do
	tm kill-session -t "$s"
done
settles 'only one session left'
tm new-session -d -s dev-api -n srv
tm new-window -d -t =dev-api: -n 'Fix: API'
tm new-window -d -t =dev-api: -n 'fix api'
settles 'X4: two windows of one slug'
is "$(grep -c '^\[agents.h-ub-dev-api-fix-api' "$HOME/.agents/local.toml")" 2 \
	'are two entries'
agent-register-hook off dev
agent-register-hook on dev
settles 'X1: on and off strip nothing'
id=$(tm list-windows -t =dev-api: -F '#{window_id}' | sed -n 2p)
tm swap-window -d -s =dev-api:1 -t =dev-api:2
check 'a swap' agent-discover -q
is "$(field target "$id")" dev-api:2 'X17: addresses stay with windows'
rm -r "$HOME/.agents"
check 'X27: a lookup without any file' sh -c \
	'notify-pane --check nobody-here 2>&1 | grep -q "no such agent"'
[ -d "$HOME/.agents" ] || mkdir -m 700 "$HOME/.agents"
printf '[agents.hub-dev-build]\nhost   = "hub"\ntarget = "dev:0"\n' \
	>"$HOME/.agents/local.toml"
check "the bash version's own slice" agent-discover -q
settles 'is taken over'
printf '[agents.a]\nhost = "x"\n[agents.a]\n' >"$HOME/.agents/local.toml"
check 'a slice that is not valid' agent-discover -q
settles 'is rebuilt'
is "$(cat "$HOME"/.agents/local.toml.bad-* | wc -l)" 3 'and kept'
