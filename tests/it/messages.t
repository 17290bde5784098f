#!/bin/bash
# The log of messages: a line for each that was sent or came, one for a group;
# agent-feed --messages, and agent-inbox thread with both directions.
# time-limit: 150
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
composer a ask
composer a two
composer b help
plan 32

# said HOST: "from>to:body" of each line there.
said() {
	on "$1" agent-feed --messages --json -n 400 | python3 -c 'import json, sys
for m in map(json.loads, sys.stdin):
	print(m["from"] + ">" + " ".join(m["to"]) + ":" + m["body"])'
}
# last HOST N WANT: is that what the last N lines there say?
last() {
	[ "$(said "$1" | tail -n "$2")" = "$3" ]
}
on a agent-sync >"$out"
on b agent-sync >"$out"

is "$(on a agent-feed --messages)" '' 'nothing yet'
AGENT_NAME=a-s-ask sent a a-s-two 'on this host'
check 'a message on one host is one line' \
	until_true 5 last a 9 'a-s-ask>a-s-two:on this host'
AGENT_NAME=a-s-ask sent a b-s-help 'is it
green?'
want='a-s-ask>b-s-help:is it
green?'
check 'one to another host is one here' until_true 5 last a 2 "$want"
check 'and one there' until_true 5 last b 9 "$want"
is "$(stat -c %a "$world"/hosts/a/.agents/log/messages-*.jsonl)" 600 \
	'nobody else reads it'
AGENT_NAME=a-s-ask sent a b-s-help,a-s-two 'to both'
is "$?" 0 'one to several'
is "$(said a | tail -n 1)" 'a-s-ask>b-s-help a-s-two:to both' 'is one line here'
check 'and one where it came' until_true 5 last b 1 'a-s-ask>b-s-help:to both'
sent a b-s-nobody x
is "$(said a | wc -l)" 4 'one that went nowhere is none'

newest() { # HOST ADDRESS: of the newest message there
	on "$1" agent-inbox -j -n 1 -a "$2" |
		python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["id"])'
}
thread() { # HOST ADDRESS WHAT...: "state who body" of each
	local h=$1 address=$2
	shift 2
	on "$h" agent-inbox thread -j -a "$address" "$@" | python3 -c 'import json, sys
for m in json.load(sys.stdin):
	who = "to " + m["to"] if m["state"] == "sent" else m["from"]
	print(m["state"], who, m["body"].split()[0])'
}
question=$(on b agent-inbox -j -a b-s-help | python3 -c 'import json, sys
print([m["id"] for m in json.load(sys.stdin) if "green" in m["body"]][0])')
AGENT_NAME=b-s-help sent b --reply "$question" 'yes'
is "$?" 0 'an answer'
check 'is told of where it came' until_true 5 last a 1 'b-s-help>a-s-ask:yes'
is "$(thread a a-s-ask b-s-help)" 'sent to b-s-help is
sent to b-s-help a-s-two to
shown b-s-help yes' 'with an agent: both ways, in order'
is "$(thread a a-s-ask -n 1 b-s-help)" 'shown b-s-help yes' 'the newest'
is "$(thread b b-s-help "$question")" 'answered a-s-ask is
sent to a-s-ask yes' 'of a question, where it was answered'
is "$(thread a a-s-ask "${question:0:8}")" 'sent to b-s-help is
shown b-s-help yes' 'and where it was asked: by the id of what was sent'
is "$(on a agent-inbox thread -a a-s-ask b-s-help | head -n 1 |
	grep -cE "^${question:0:8}  .*Z  sent         to b-s-help  +is it . green\?$")" \
	1 'a line for people'
is "$(thread a a-s-two "$question")" '' 'no other agent sees it'
out=$(on a agent-feed --messages -n 1)
[[ $out == *" b-s-help → a-s-ask, answers ${question:0:8}  yes" ]] ||
	note "$out"
is "${out#*  *  }" "b-s-help → a-s-ask, answers ${question:0:8}  yes" \
	'agent-feed --messages'

# --- who only says so ---
AGENT_NAME=a-s-ask sent b b-s-help 'forged'
check 'a name of another host has a note' until_true 5 \
	grep -qs '"note":"unregistered","to":"b-s-help"' \
	"$world"/hosts/b/.agents/log/messages-*.jsonl
is "$(on b agent-feed --messages -n 1 | sed 's/^[^ ]* *[^ ]* *//')" \
	'a-s-ask (unregistered) → b-s-help  forged' 'which people see'
AGENT_NAME=a-s-two sent b a-s-ask 'forged too'
before=$(thread a a-s-two a-s-ask)
is "$(grep -c forged <<<"$before")" 0 'and it is not what that agent sent'

# --- a crew's worker ---
AGENT_CREW_WORKER=1 sent a @all "$(printf '%0201d' 0)"
is "$? $(grep -c 'at most 200 go to a group' "$err")" '1 1' \
	'the feed takes no long text'
AGENT_CREW_WORKER=1 sent a @all "$(printf '%0200d' 0)"
is "$? $(on a agent-feed --json --type told -n 1 | grep -c "$(printf '%0200d' 0)")" '0 1' \
	'and one that fits whole'

# --- who says it ---
mkdir -p "$world/grün/.git" "$world/grün/src"
echo 'ref: refs/heads/fix/a' >"$world/grün/.git/HEAD"
tmx a new-window -d -n proj -c "$world/grün/src" \
	"exec composer -l $world/a-proj.log"
until_true 10 drawn a proj
until_true 10 there a a-s-proj
on a agent-discover -q
on a agent-sync >"$world/o"
card() { # HOST ADDRESS: of the sender of the newest message there
	on "$1" agent-inbox read -a "$2" "$(newest "$1" "$2")" | head -n 5 |
		sed -n '/^To:/q; 2,$p'
}
AGENT_NAME=a-s-proj sent a a-s-two 'from a project'
check 'a message of a project' until_true 5 last a 1 'a-s-proj>a-s-two:from a project'
is "$(card a a-s-two)" "Project: grün, branch fix/a
Program: composer
Folder: $world/grün/src" 'says which, and what its sender is'
AGENT_NAME=a-s-proj sent a b-s-help 'from a project'
until_true 5 last b 1 'a-s-proj>b-s-help:from a project'
is "$(card b b-s-help)" "Project: grün
Program: composer
Folder: $world/grün/src" 'on another host too, as far as the book has it'
is "$(grep -h '^X-Panemesh-Project' "$world"/hosts/b/.agents/mail/*/cur/*)" \
	'X-Panemesh-Project: grün' 'and the file has it'

# --- those who are gone ---
tmx b kill-window -t =s:help
until_true 10 gone a b-s-help
is "$(thread a a-s-ask b-s-help | wc -l)" 3 'with an agent that is gone'

# --- bad days ---
on a agent-feed --messages -f >"$world/o" 2>&1
is "$? $(grep -c 'not with --follow' "$world/o")" '1 1' 'it cannot be followed'
on a agent-feed --messages -n 401 >"$world/o" 2>&1
is "$? $(grep -c 'at most 400' "$world/o")" '1 1' 'no more than 400'
log=$(echo "$world"/hosts/a/.agents/log/messages-*.jsonl)
printf '{"ts":"x","id":"../x","from":"a","to":"b","body":"\033"}\nhalf' >>"$log"
AGENT_NAME=a-s-ask sent a a-s-two after
check 'a line after half a line' until_true 5 last a 1 'a-s-ask>a-s-two:after'
rm "$log"
mkdir "$log"
AGENT_NAME=a-s-ask sent a a-s-two 'without it'
is "$? $(cat "$err")" '0 ' 'a log that cannot be written stops nobody'
