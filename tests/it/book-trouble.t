#!/bin/bash
# What stands in the way of the address book of peers: folders in the place of
# files, and a host that got another name.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 22

# Two hosts whose far ends are run as programs.
for h in a b; do
	mkdir -m 700 "$world/$h" "$world/$h/.agents" "$world/$h/tmux"
	echo "$h" >"$world/$h/.agents/self.conf"
	echo 'link_idle = 0' >"$world/$h/.agents/config.toml"
done
on() {
	local h=$1
	shift
	env -u AGENTS_DIR HOME="$world/$h" AGENT_SSH_HOME="$world/$h" \
		TMUX_TMPDIR="$world/$h/tmux" "$@"
}
at_end() {
	on a tmux -L main kill-server
	on b tmux -L main kill-server
}
for h in a b; do
	printf '#!/bin/sh\nexport HOME=%s TMUX_TMPDIR=%s\nexec agent-serve\n' \
		"$world/$h" "$world/$h/tmux" >"$world/far-$h"
	chmod +x "$world/far-$h"
	on "$h" tmux -L main -f /dev/null new-session -d -s s -n one 'exec sh'
done
echo "b command=$world/far-b" >"$world/a/.agents/peers.conf"
chmod 600 "$world"/?/.agents/*
scan() {
	on "$1" agent-register-hook -S "$world/$1/tmux/tmux-$(id -u)/main"
}
scan a
scan b

out=$world/out
# says STATUS WORDS NAME COMMAND...: on a, with one such line.
says() {
	local want=$1 words=$2 name=$3 code
	shift 3
	on a "$@" >"$out" 2>&1
	code=$?
	if [ "$code" = "$want" ] && [ "$(grep -cF -- "$words" "$out")" = 1 ]
	then
		ok "$name"
	else
		not_ok "$name"
		note "status $code, not $want; one line is to have '$words':"
		note "$(cat "$out")"
	fi
}
# mended WHAT: by the command below its row.
mended() {
	local mend
	mend=$(on a agent-doctor | grep -A 1 "^BAD.*$1" | sed -n '2s/^ *//p')
	note "$mend"
	on a sh -c "$mend" >"$out" 2>&1
	is "$? $(on a agent-doctor | grep -c "^BAD.*$1")" '0 0' \
		"$2 mends it"
}
agents=$world/a/.agents

says 0 'b: u' 'a sync' agent-sync
says 0 'b-s-one' 'they know each other' notify-pane --list
rm "$agents/hosts/b.toml"
mkdir "$agents/hosts/b.toml"
says 9 'b.toml: is a folder, where a file is to be; move it away' \
	'a folder in the place of a slice' agent-sync
says 0 'b.toml: is a folder' 'status shows it' agent-sync status
says 2 'b-s-one: not known, since what its host said last cannot be read:' \
	'a message there' notify-pane b-s-one hello
is "$(wc -l <"$out")" 1 'in one line'
says 2 'c-s-one: no such agent' 'one elsewhere is just unknown' \
	notify-pane c-s-one hello
says 0 's-one' 'the others are listed' notify-pane --list
says 9 'b.toml is no regular file' 'agent-doctor shows it' agent-doctor
mended 'b.toml is no regular' 'its command'
says 0 'b-s-one' 'and all is as it was' notify-pane --list

rm "$agents/registry.toml"
mkdir "$agents/registry.toml"
says 9 'registry.toml: is a folder, where a file is to be; move it away' \
	'a folder in the place of the registry' agent-sync
says 9 'registry.toml: is a folder' 'agent-discover' agent-discover
says 0 'b-s-one' 'lookups go on' notify-pane --list
says 0 'shown' 'and messages' notify-pane b-s-one hello
says 9 'is no regular file: the registry cannot be written' \
	'agent-doctor shows it' agent-doctor
mended 'the registry cannot be written' 'its command'

# --- another name ---
echo "a command=$world/far-a" >"$world/b/.agents/peers.conf"
chmod 600 "$world/b/.agents/peers.conf"
on b agent-sync -q # it pushes too
echo c >"$world/b/.agents/self.conf"
scan b
on b agent-sync -q
says 0 'same machine and user as c: if that is the new name, agent-sync peer rm b' \
	'a host that dials us got another name: status says so' \
	sh -c 'mv ~/.agents/peers.conf ~/peers; agent-sync status
		mv ~/peers ~/.agents/peers.conf'
says 0 'b: calls itself c now, not b' 'where we dial it, it is followed' \
	agent-sync
is "$(cd "$agents/hosts" && echo *.toml)" c.toml 'its old slice is forgotten'
is "$(on a notify-pane --list | grep -c 's-one')" 2 'it is listed once'
says 0 'shown' 'a message' notify-pane c-s-one hello
