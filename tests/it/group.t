#!/bin/bash
# One message to many: @all, hosts, sessions, projects, roles; who is left out;
# verdicts of each, at once, and where hosts are down.
# time-limit: 180
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
composer a one1
composer a two2
composer b far1
plan 54

status() {
	"$@" >"$out" 2>"$err" </dev/null
	echo $?
}
# What the JSON of the last message says: a python expression of `m`.
json() {
	python3 -c 'import json, sys
m = json.load(open(sys.argv[1]))
r = {x["address"] or x["asked"]: x for x in m["recipients"]}
print(eval(sys.argv[2]))' "$out" "$1"
}
known() { # HOST KEY VALUE: does a's book have such an entry of that host?
	on a notify-pane --list --json --include-explicit | python3 -c 'import json, sys
host, key, value = sys.argv[1:]
sys.exit(not any(x["host"] == host and str(x[key]) == value
	for x in json.load(sys.stdin)))' "$@"
}

# --- everybody ---
is "$(status on a notify-pane @all 'to all of you')" 0 '@all'
is "$(submitted a one1 'to all of you') $(submitted a two2 'to all of you') \
$(submitted b far1 'to all of you')" '1 1 1' 'each hears it once, on every host'
is "$(grep -c '^→' "$out")" 5 'shells too'
is "$(grep '^→' "$out" | sort -c 2>&1)" '' 'in the order of the book'
is "$(status on a notify-pane -j @all again)" 0 '@all --json'
is "$(json 'len(r), m["code"], m["status"]')" "(5, 0, 'ok')" 'has each'
is "$(json 'sorted(x["id"] for x in m["recipients"]) == [m["id"] + "." + str(i) for i in range(1, 6)]')" \
	True 'under one id'
is "$(json 'r["b-s-far1"]["verdict"], r["b-s-far1"]["host"], r["a-s-one"]["verdict"]')" \
	"('submitted', 'b', 'shown')" 'with its verdict'
group=$(json 'm["id"]')
is "$(status on a notify-pane --status "$group")" 0 '--status of all'
check 'tells of each' test "$(grep -c "^$group\.[1-5] s" "$out")" -ge 3
# The sender's own pane is left out.
tmx a new-window -d -n me "until [ -e $world/go ]; do sleep 0.05; done
	notify-pane -j @all from-me >$world/me.out 2>$world/me.err
	echo \$? >$world/me.rc; exec sleep 1000"
until_true 10 there a a-s-me
: >"$world/go"
until_true 30 test -s "$world/me.rc"
is "$(cat "$world/me.rc")" 0 'from a pane'
cp "$world/me.out" "$out"
is "$(json 'len(r), "a-s-me" in r')" '(5, False)' 'which does not send to itself'
tmx a kill-window -t =s:me
until_true 10 gone a a-s-me

# --- kinds ---
is "$(status on a notify-pane -j @b hosts)" 0 '@HOST'
is "$(json 'sorted(r)')" "['b-s-far1', 'b-s-one']" 'that host'
is "$(status on a notify-pane -j @s sessions)" 0 '@SESSION'
is "$(json 'len(r)')" 5 'on every host'
tmx a set-option -p -t =s:one1 @agent-role 'reviews C'
tmx b set-option -p -t =s:far1 @agent-role 'reviews Go'
tmx a set-option -t =s: @agent-project mesh
git -C "$world" init -q repo
mkdir "$world/repo/src"
tmx b new-window -d -n inrepo -c "$world/repo/src"
tmx b set-option -p -t =s:one @agent-explicit 1
on a agent-discover -q
on b agent-discover -q
on b agent-sync >/dev/null 2>&1
check 'a project reaches the peers' until_true 10 known b project repo
check 'and who is hidden' known b explicit True
is "$(on a notify-pane --list | grep -c '^b-s-one ')" 0 'which a list leaves out'
is "$(on a notify-pane -lx | grep -c '^b-s-one ')" 1 'unless it is told not to'
is "$(on a notify-pane -lvx | grep -c '^b-s-one ')" 1 'at length too'
is "$(on a notify-pane --addresses | grep -c '^b-s-one$')" 0 'nor is it completed'
is "$(on a notify-pane -lp repo | cut -d' ' -f1)" b-s-inrepo 'a list of one project'
is "$(status on a notify-pane -j '@reviews*' roles)" 0 '@ROLE*'
is "$(json 'sorted(r)')" "['a-s-one1', 'b-s-far1']" 'by their roles'
is "$(status on a notify-pane -j '@role:* C' roles)" 0 '@role: with blanks'
is "$(json 'sorted(r)')" "['a-s-one1']" 'by its end'
is "$(status on a notify-pane -j @mesh projects)" 0 '@PROJECT by the option'
is "$(json 'sorted(r)')" "['a-s-one', 'a-s-one1', 'a-s-two2']" 'of a session'
is "$(status on a notify-pane -j @project:repo projects)" 0 '@PROJECT by its git folder'
is "$(json 'sorted(r)')" "['b-s-inrepo']" 'on another host'

# --- who is left out, and what is wrong ---
is "$(status on a notify-pane -j @all hidden)" 0 '@all again'
is "$(json '"b-s-one" in r, len(r)')" '(False, 5)' 'does not name a hidden one'
is "$(status on a notify-pane b-s-one hidden)" 0 'whom its own name reaches'
tmx a set-option -t =s: @agent-project b
on a agent-discover -q
is "$(status on a notify-pane @b x)" 2 'a host and a project of one name'
check 'are told apart' grep -qF 'say @host:b or @project:b' "$err"
is "$(status on a notify-pane @project:b x)" 0 'by saying which'
is "$(status on a notify-pane @nobody x)" 2 'nobody of that name'
is "$(status on a notify-pane @all "$(printf 'a\377b')")" 1 'a text that is none'
is "$(wc -l <"$err")" 1 'is said once'

# --- a crew's worker ---
n=$(decoded a one1 body | wc -l)
export AGENT_CREW_WORKER=1
is "$(status on a env AGENT_NAME=a-s-two2 notify-pane @all 'step 3 done')" 0 \
	'a worker to a group'
is "$(head -n 1 "$out")" '→ @all (the feed): step 3 done' 'says where it went'
is "$(on a agent-feed -n 1 | sed 's/^[^ ]* *//')" \
	'told       a-s-two2 → @all  step 3 done' 'which is the feed'
is "$(status on a notify-pane @all,a-s-one1 x) $(grep -c 'to the feed only' "$err")" \
	'1 1' 'with an agent beside it: neither'
is "$(decoded a one1 body | wc -l)" "$n" 'nobody was sent it'
is "$(status on a notify-pane a-s-one1,a-s-two2 'to you two')" 0 'agents are'
unset AGENT_CREW_WORKER

# --- some fail ---
tmx a copy-mode -t =s:one1
is "$(status on a notify-pane -j a-s-one1,a-s-two2,a-s-none,b-s-far1 some)" 6 \
	'some are not ready, some unknown'
is "$(json '[r[k]["code"] for k in ("a-s-one1", "a-s-two2", "a-s-none", "b-s-far1")], m["code"]')" \
	'([3, 0, 2, 0], 6)' 'each has its code'
tmx a send-keys -t =s:one1 -X cancel
echo file >"$world/plan.txt"
is "$(status on a notify-pane -f "$world/plan.txt" @s 'see this')" 0 'a file to all'
is "$(find "$world"/hosts/?/.agent-inbox -type f -exec cat {} + | grep -c '^file$')" \
	5 'is dropped for each'

# At once: eight that need a second each.
for n in 1 2 3 4 5 6 7 8; do
	tmx a new-window -d -n "slow$n" \
		"exec composer -e 1000 -l $world/a-slow$n.log"
done
for n in 1 2 3 4 5 6 7 8; do
	until_true 10 there a "a-s-slow$n"
	until_true 10 drawn a "slow$n"
done
begun=$(date +%s%N)
is "$(status on a notify-pane "$(echo a-s-slow{1..8} | tr ' ' ,)" together)" 0 'slow ones'
took=$((($(date +%s%N) - begun) / 1000000))
check "do not wait for each other ($took ms)" test "$took" -lt 7000
# A host that is down costs its own agents, once.
sshd_stop b
is "$(status on a notify-pane -j a-s-two2,@host:b,a-s-one down)" 6 'a host is down'
is "$(json 'r["a-s-two2"]["code"], r["a-s-one"]["code"], set(r[k]["code"] for k in r if k[0] == "b")')" \
	'(0, 0, {4})' 'the others hear it'
