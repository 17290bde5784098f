#!/bin/bash
# @agent-allow: who may send to a pane, on one host and between hosts; text and
# files; who can pass for whom.
# time-limit: 180
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
sender=a composer a rec
sender=a composer b rec
plan 56

# as_pane HOST WINDOW ARGS...: notify-pane in a window of its own there, whose
# address is HOST-s-WINDOW: its status; what it says is in $out and $err.
as_pane() {
	local h=$1 name=$2
	shift 2
	rm -f "$world"/pane.*
	tmx "$h" new-window -d -n "$name" "until [ -e $world/pane.go ]; do
		sleep 0.05; done; ${prefix:-} notify-pane $* >$world/pane.out 2>$world/pane.err
		echo \$? >$world/pane.rc; exec sleep 1000"
	until_true 10 there "$h" "$h-s-$name" || note "$name is not registered"
	# The recipient's host has to know it too.
	on "$h" agent-sync >/dev/null 2>&1
	: >"$world/pane.go"
	until_true 30 test -s "$world/pane.rc" || note "$name: no end"
	cp "$world/pane.out" "$out"
	cp "$world/pane.err" "$err"
	tmx "$h" kill-window -t "=s:$name"
	cat "$world/pane.rc"
}
allow() { # HOST LIST
	tmx "$1" set-option -p -t =s:rec @agent-allow "$2"
}
files() { # HOST: files in its inbox
	find "$world/hosts/$1/.agent-inbox" -type f 2>/dev/null | wc -l
}
said() {
	grep -qF -- "$1" "$err" || {
		cat "$out" "$err"
		return 1
	}
}
person=$(id -un | tr -c 'A-Za-z0-9_.\n-' _)
echo hello >"$world/note.txt"

# --- on one host ---
is "$(as_pane a one1 a-s-rec hi)" 0 'without the option everybody may'
allow a "a-s-good,$person@nowhere"
is "$(as_pane a good a-s-rec by-name)" 0 'an agent that it names'
is "$(as_pane a evil a-s-rec not-me)" 7 'another one'
check 'hears who may' said "a-s-evil may not send there; its @agent-allow has: a-s-good $person@nowhere"
is "$(prefix='env AGENT_NAME=a-s-good' as_pane a evil a-s-rec forged)" 7 \
	'under whatever name'
is "$(as_pane a evil --wait 20 a-s-rec waits)" 7 'nor one that would wait'
is "$(FORCE_SEND=1 on a notify-pane a-s-rec forced >"$out" 2>"$err"; echo $?)" 7 \
	'FORCE_SEND changes nothing'
check 'a person is told by user and host' said "$person@a may not"
is "$(AGENT_NAME=a-s-good on a notify-pane a-s-rec forged >"$out" 2>"$err"; echo $?)" 7 \
	'AGENT_NAME is a claim'
is "$(on a notify-pane -f "$world/note.txt" a-s-rec >"$out" 2>"$err"; echo $?)" 7 \
	'a file is refused'
is "$(files a)" 0 'and not kept'
is "$(on a notify-pane -c a-s-rec >"$out" 2>"$err"; echo $?)" 7 '--check says 7'
check 'and why' grep -q "(refused): $person@a may not" "$out"
is "$(on a notify-pane -cj a-s-rec | python3 -c '
import json, sys
j = json.load(sys.stdin)
print(j["outcome"], j["allow"], j["barred"] is not None)')" \
	"refused a-s-good,$person@nowhere True" '--check --json too'
allow a "*@a"
is "$(on a notify-pane a-s-rec from-a-script >"$out" 2>"$err"; echo $?)" 0 \
	'*@HOST takes those without a pane'
allow a "@a"
is "$(as_pane a any a-s-rec from-anybody-here)" 0 '@HOST takes everybody there'
allow a ","
is "$(as_pane a any a-s-rec nobody)" 7 'a list of nothing takes nobody'
tmx a set-option -p -u -t =s:rec @agent-allow
tmx a set-option -w -t =s:rec @agent-allow a-s-good
is "$(as_pane a evil a-s-rec window)" 7 "a window's option"
tmx a set-option -p -t =s:rec @agent-allow '@*'
is "$(as_pane a evil a-s-rec pane-first)" 0 "gives way to the pane's"
tmx a set-option -p -u -t =s:rec @agent-allow
tmx a set-option -w -u -t =s:rec @agent-allow
tmx a set-option -t =s: @agent-allow a-s-good
is "$(as_pane a evil a-s-rec session)" 7 "a session's option"
tmx a set-option -u -t =s: @agent-allow
allow a "$(printf 'x%.0s' {1..5000}) *"
is "$(as_pane a evil a-s-rec long)" 7 'one that is too long'
check 'takes nobody' said 'is longer than 4096 bytes'
# shellcheck disable=SC2016  # none of this may be run
allow a '#(touch '"$world"'/owned) $(touch '"$world"'/owned) %H %n'
is "$(as_pane a evil a-s-rec hostile)" 7 'a hostile value'
[ -e "$world/owned" ]
is $? 1 'runs nothing'
is "$(submitted a rec by-name) $(submitted a rec pane-first)" '1 1' \
	'who may was heard'
is "$(messages a rec | grep -cE 'not-me|forged|forced|waits|window|session|long|hostile|nobody')" \
	0 'nobody else was'
is "$(on a agent-feed -n 100 -t refused | grep -c 'a-s-evil → a-s-rec.*may not send')" \
	5 'each refusal is in the feed'

# --- between hosts ---
allow b a-s-good
is "$(as_pane a good b-s-rec by-name)" 0 'an agent of another host'
is "$(as_pane a evil b-s-rec not-me)" 7 'another one there'
check 'hears who may' said 'a-s-evil may not send there; its @agent-allow has: a-s-good'
is "$(AGENT_NAME=a-s-good on a notify-pane b-s-rec forged >"$out" 2>"$err"; echo $?)" 7 \
	'AGENT_NAME is a claim there too'
before=$(files b)
is "$(on a notify-pane -f "$world/note.txt" b-s-rec see >"$out" 2>"$err"; echo $?)" 7 \
	'a file is refused'
is "$(files b)" "$before" 'and not kept'
check 'with who may' said "$person@a may not send there; its @agent-allow has: a-s-good"
is "$(on a notify-pane -c b-s-rec >"$out" 2>"$err"; echo $?)" 7 '--check says 7'
check 'and why' grep -q "(refused): $person@a may not" "$out"
allow b "$person@a"
is "$(on a notify-pane -f "$world/note.txt" b-s-rec see >"$out" 2>"$err"; echo $?)" 0 \
	'a person of another host'
is "$(files b)" "$((before + 1))" 'whose file is kept'
is "$(on b agent-feed -n 100 -t file | grep -c note.txt)" 1 'and told of'
allow b '@a'
is "$(as_pane a evil b-s-rec any-of-a)" 0 'everybody of a host'
allow b '@b'
is "$(as_pane a evil b-s-rec any-of-b)" 7 'of another host'

# --- what a far end may say of itself: frames by hand ---
# frames HOST HEADERS...: a message from HOST; the far end's code.
frames() {
	local h=$1
	shift
	{
		printf 'panemesh/1 HELLO 0 0\nHost: %s\n\n' "$h"
		printf 'panemesh/1 DELIVER m%s 6\nTo: b-s-rec\n' "$RANDOM$RANDOM"
		printf '%s\n' "$@"
		printf '\nframes'
	} | on b agent-serve 2>"$err" | tr -d '\r' |
		sed -n 's/^Code: //p' | tail -n 1
}
allow b a-s-one
is "$(frames a 'From: a-s-one' 'Sender: a-s-one')" 0 'the peer that has it may say it'
is "$(frames a 'From: a-s-one')" 7 'an older version, which only claims it, may not'
is "$(frames x 'From: a-s-one' 'Sender: a-s-one')" 7 'another peer may not'
is "$(frames a 'From: x' 'Sender: a-s-nobody')" 7 'nor a name that is in no slice'
allow b 'b-s-one a-s-o*'
is "$(frames a 'From: b-s-one' 'Sender: b-s-one')" 7 'nor one of ours'
allow b "$person@b $person@a"
is "$(frames x "From: $person@a" "Sender: $person@a")" 7 'nor a person elsewhere'
allow b '*'
is "$(frames a 'From: a-s-one' 'Sender: a-s-one; x')" 7 'nor what is no name'
# A host "a-s" has the longer name: what a publishes under it is not a's word.
cp "$world/hosts/b/.agents/hosts/a.toml" "$world/a-s.toml"
sed -i 's/^\[slices.a\]/[slices.a-s]/; s/^host = "a"/host = "a-s"/; /^\[agents/,$d' \
	"$world/a-s.toml"
install -m 600 "$world/a-s.toml" "$world/hosts/b/.agents/hosts/a-s.toml"
is "$(frames a 'From: a-s-one' 'Sender: a-s-one')" 7 \
	"nor a name that begins with another host's"
rm "$world/hosts/b/.agents/hosts/a-s.toml"
is "$(frames a 'From: a-s-one' 'Sender: a-s-one')" 0 'which it does not without that host'

# An older version names no recipient with its file: it goes with its message.
allow b b-s-one
before=$(files b)
{
	printf 'panemesh/1 HELLO 0 0\nHost: a\n\n'
	printf 'panemesh/1 FILE f1 0\nFrom: a-s-one\nName: old.txt\nSize: 4\n\n'
	printf 'panemesh/1 DATA f1 4\n\nold\n'
	printf 'panemesh/1 DATA f1 0\n\n'
	printf 'panemesh/1 DELIVER mold 4\nTo: b-s-rec\nFrom: a-s-one\nFiles: f1\n\nsee\n'
} | on b agent-serve >"$out" 2>"$err"
check 'a file from an older version' grep -q '^Code: 7' "$out"
is "$(files b)" "$before" 'is not kept either'
is "$(grep -c '^Dropped' "$out")" 0 'nor said to be there'

# A long one is refused before its bytes come; a short one with its message.
announce() { # SIZE: the answers to a FILE that nothing follows
	{
		printf 'panemesh/1 HELLO 0 0\nHost: a\n\n'
		printf 'panemesh/1 FILE f1 0\nFrom: a-s-one\nSender: a-s-one\n'
		printf 'To: b-s-rec\nName: big.txt\nSize: %s\n\n' "$1"
	} | on b agent-serve 2>"$err"
}
check 'a long file is refused at once' grep -q '^Code: 7' <(announce 65537)
is "$(announce 65536 | grep -c '^Code')" 0 'a short one with its message'
is "$(files b)" "$before" 'and nothing of it is kept'
