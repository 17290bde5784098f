#!/bin/bash
# Messages over a third host: x and l both know h only, and h hands on what
# its peers.conf lets x and l send to each other.
# time-limit: 600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
sender=h
far_up h l x
plan 41
home_h=$world/hosts/h said=$world/said

# goes CODE HOST ARGS...: notify-pane there ends so.
goes() {
	local want=$1 status
	shift
	local at=$1
	shift
	on "$at" timeout 200 notify-pane "$@" </dev/null >"$said" 2>&1
	status=$?
	[ "$status" = "$want" ] || {
		note "status $status, want $want: $(cat "$said")"
		return 1
	}
}
said() {
	grep -qF -- "$1" "$said" || {
		note "$(cat "$said")"
		return 1
	}
}
syncs() {
	on "$1" timeout 60 agent-sync >"$world/synced" 2>&1
}
ident() {
	sed -n 's/^queued \([0-9a-z]*\)$/\1/p' "$said"
}
says() {
	on x notify-pane --status "$1" >"$said" 2>&1
	grep -q "^$2" "$said"
}
got() {
	[ "$(submitted "$1" "$2" "$3")" = "$4" ]
}
# As an agent of x.
author() {
	tmx x send-keys -t =s:one "$1; echo \$? >$world/rc" Enter
	until_true 30 test -s "$world/rc"
	cat "$world/rc"
	rm -f "$world/rc"
}
host_id() {
	sed -n 's/^host_id = "\(.*\)"/\1/p' "$world/hosts/$1/.agents/local.toml"
}

composer l comp
composer x comp
rm -f "$world"/hosts/x/.agents/hosts/l.toml "$world"/hosts/l/.agents/hosts/x.toml
peers x h 'l through=h'
peers l h 'x through=h'
peers h 'x relay=yes' 'l relay=yes'
for h in h l x h l x; do
	syncs "$h" || note "$h: $(cat "$world/synced")"
done
check 'x lists l' there x l-s-comp
check 'l lists x' there l x-s-comp

# --- there, while l can be dialled ---
check 'a message goes' goes 0 x l-s-comp 'by way of h'
check 'is shown there once' got l comp 'by way of h' 1
check 'from a name that is no agent' sh -c \
	"case '$(tags l comp | tail -n 1)' in *'@x'*'no reply'*) ;; *) exit 1 ;; esac"
is "$(author 'notify-pane l-s-comp of-an-agent')" 0 'one of an agent'
is "$(tags l comp | tail -n 1)" 'from x-s-one (unverified, through h)' \
	'says who vouches for it'
id=$(ids l comp | tail -n 1)
check 'l knows it by the same id' on l agent-inbox list -a l-s-comp
tmx l send-keys -t =s:one \
	"AGENT_NAME=l-s-comp notify-pane --reply $id answered; echo \$? >$world/rc" Enter
until_true 30 test -s "$world/rc"
is "$(cat "$world/rc")" 0 'it is answered'
rm -f "$world/rc"
check '--queue goes too' goes 0 x -q l-s-comp 'kept or shown'
for n in 1 2 3 4 5; do
	goes 0 x l-s-comp "number $n"
done
is "$(messages l comp | grep -o 'number .' | tr -dc 0-9)" 12345 'in order'

# --- questions ---
is "$(author "notify-pane --ask l-s-comp what >$world/asked")" 0 'a question'
question=$(cat "$world/asked")
check 'is there' until_true 20 got l comp what 1
check 'is known as sent' goes 0 x --status "${question##* }"
tmx l send-keys -t =s:one \
	"AGENT_NAME=l-s-comp notify-pane --reply ${question##* } that; echo \$? >$world/rc" Enter
until_true 30 test -s "$world/rc"
is "$(cat "$world/rc")" 0 'is answered'
rm -f "$world/rc"
is "$(author "agent-inbox await ${question##* } --timeout 20s >$world/answer")" 0 \
	'and the answer comes'
is "$(cat "$world/answer")" that 'as it was given'

# --- what is not handed on ---
echo bytes >"$world/file"
check 'no file' goes 1 x -f "$world/file" l-s-comp
check 'which is said' said 'which hands on messages only'
peers h x l
check 'nothing for whom h does not allow it' goes 7 x l-s-comp not-this
check 'which is said too' said 'relay=yes in the line of x'
peers h 'x relay=yes' 'l relay=yes'
# frame HEADERS...: h's answer to such a message of x.
frame() {
	{
		printf 'panemesh/1 HELLO 0 0\nHost: x\nHost-Id: %s\nCan: relay\n\n' \
			"$(host_id x)"
		printf 'panemesh/1 DELIVER 01kxxxxxxxxxxxxxxxx%s 4\nTo: l-s-comp\nFrom: x-s-one\nFor: l\n' \
			"$RANDOM"
		printf '%s\n' "$@"
		printf '\nevil'
	} | on h agent-serve "${bound[@]}" >"$said" 2>&1
}
bound=()
frame "For-Id: 0123456789abcdef"
check 'another machine than who sends means' said 'is another machine'
frame "For-Id: $(host_id l)" "Path: h.$(host_id h)"
check 'what came by h before' said 'in a circle'
frame "For-Id: $(host_id l)" \
	"Path: a.$(host_id l) b.$(host_id l) c.$(host_id l) d.$(host_id l) e.$(host_id l)"
check 'what came over five' said 'goes no further'
frame "For-Id: $(host_id l)" "Files: a"
check 'what has files' said 'file a: did not come'
bound=(--peer x)
frame "For-Id: $(host_id l)"
check 'what a bound key sends' said 'allow=relay in the line of x'
check 'none of it was shown' got l comp evil 0

# --- h without it ---
cat >"$world/bin/older" <<END
#!/bin/sh
env HOME=$home_h AGENTS_DIR=$home_h/.agents AGENT_SSH_HOME=$home_h \
	TMUX_TMPDIR=$home_h/tmux agent-serve |
	sed -u 's/^\(Can: .*\) relay/\1/'
END
chmod 755 "$world/bin/older"
peers x "h command=$world/bin/older" 'l through=h'
check 'h of an older version' goes 4 x l-s-comp too-old
check 'is named' said 'hands no messages on; update it'

# --- h is killed on the way ---
cat >"$world/bin/dies" <<END
#!/usr/bin/env python3
import os, subprocess, threading
left = int(open("$world/left").read())
home = "$home_h"
env = dict(os.environ, HOME=home, AGENTS_DIR=home + "/.agents",
    AGENT_SSH_HOME=home, TMUX_TMPDIR=home + "/tmux")
child = subprocess.Popen(["agent-serve"], stdin=subprocess.PIPE,
    stdout=subprocess.PIPE, env=env)
def feed():
    try:
        while data := os.read(0, 65536):
            child.stdin.write(data)
            child.stdin.flush()
        child.stdin.close()
    except OSError:
        pass
threading.Thread(target=feed, daemon=True).start()
while left > 0 and (data := os.read(child.stdout.fileno(), min(left, 64))):
    os.write(1, data)
    left -= len(data)
child.kill()
os._exit(1)
END
chmod 755 "$world/bin/dies"
peers x "h command=$world/bin/dies" 'l through=h'
wrong=0
for left in 0 200 230 260 330 100000; do
	echo "$left" >"$world/left"
	sent x l-s-comp "killed $left" </dev/null
	status=$?
	shown=$(submitted l comp "killed $left")
	note "$left: status $status, shown $shown"
	case $status.$shown in
	0.1 | 4.0 | 5.[01]) ;;
	*) wrong=1 ;;
	esac
done
is "$wrong" 0 'killed anywhere: never twice, and never a wrong word'
peers x h 'l through=h'

# --- l is not dialled, and fetches ---
sshd_stop l
peers h 'x relay=yes'
peers l 'h accept=mail' 'x through=h'
check 'l fetches at h' syncs l
check 'what is not to be queued' goes 4 x l-s-comp now
check 'has no way' said 'fetches its messages at h; add --queue'
check 'the rest is kept at h' goes 0 x -q l-s-comp 'later on'
id=$(ident)
check 'under its id' test -n "$id"
check 'which x is told' says "$id" queued
check 'and is there after a sync' syncs l
check 'once' until_true 20 got l comp 'later on' 1
syncs l
check 'of which x is told' until_true 20 says "$id" submitted
sshd_stop h
check 'without h' goes 4 x l-s-comp nobody
check 'which is said' said 'h'
