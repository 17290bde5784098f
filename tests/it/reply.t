#!/bin/bash
# --reply: an answer goes to the sender of a message, on whatever host, and both
# mailboxes tell what belongs together.
# time-limit: 150
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
plan 35

# newest HOST ADDRESS KEY: of the newest message there.
newest() {
	on "$1" agent-inbox -j -n 1 -a "$2" | python3 -c 'import json, sys
print(json.load(sys.stdin)[0][sys.argv[1]])' "$3"
}
# The mailbox has it a moment after the pane.
came() {
	[ "$(newest "$1" "$2" body)" = "$3" ]
}
answer() {
	local h=$1 from=$2
	shift 2
	AGENT_NAME=$from sent "$h" --reply "$@"
}

composer a ask
composer b help
on a agent-sync >"$out"
on b agent-sync >"$out"
AGENT_NAME=a-s-ask sent a b-s-help 'is it green?'
is "$? $(tail -n 1 "$out")" '0 submitted' 'a question'
check 'is in the mailbox' until_true 5 came b b-s-help 'is it green?'
question=$(newest b b-s-help id)
is "$(newest b b-s-help note)" None 'from somebody who can be answered'
is "$(ids b help)" "${question:0:8}" 'its line ends with the begin of its id'

AGENT_MAX_HOPS=1 answer b b-s-help "${question:0:6}" x
is "$? $(grep -c 'hop limit reached' "$err")" '7 1' \
	'AGENT_MAX_HOPS: one message and no answer'
AGENT_MAX_HOPS=6 answer b b-s-help "${question:0:6}" x
is "$? $(grep -c "AGENT_MAX_HOPS: '6' is no number from 1 to 5" "$err")" '1 1' \
	'no more than every host takes'
answer b b-s-help "${question:0:6}" 'it is'
is "$? $(cat "$err") $(head -n 1 "$out")" '0  → a-s-ask (a[s:1]): it is' \
	'an answer finds its host'
is "$(messages a ask)" 'it is' 'and its pane'
is "$(answers b help) $(answers a ask)" "- ${question:0:8}" \
	'whose line says what it answers'
check 'and its mailbox' until_true 5 came a a-s-ask 'it is'
is "$(newest a a-s-ask in_reply_to) $(newest a a-s-ask hops)" "$question 1" \
	'which tells what it answers'
is "$(newest b b-s-help state)" answered 'the question is answered'
is "$(on a agent-inbox thread "$(newest a a-s-ask id)" -a a-s-ask | wc -l)" 2 \
	'a thread'

answer a a-s-ask "$(newest a a-s-ask id)" 'thanks'
is "$? $(messages b help | tail -n 1)" '0 thanks' 'and an answer to that'
until_true 5 came b b-s-help thanks
is "$(newest b b-s-help thread)" "$question" 'is of the same thread'
is "$(on b agent-inbox thread "$question" -a b-s-help | wc -l)" 3 \
	'of two messages there, and the answer'

# --- agent-inbox reply; a begin that is not enough ---
on a agent-inbox reply -a a-s-ask "${question:0:8}" x >"$out" 2>"$err"
is "$? $(grep -c 'no such message' "$err")" '2 1' 'agent-inbox reply: not there'
printf 'by\nstdin' | on b agent-inbox reply -a b-s-help "${question:0:8}" - \
	>"$out" 2>"$err"
is "$? $(tail -n 1 "$out") $(cat "$err")" '0 submitted ' 'agent-inbox reply'
is "$(messages a ask | tail -n 2)" 'by
  stdin' 'arrives'
is "$(newest a a-s-ask in_reply_to)" "$question" 'as an answer'
# as_id ID TEXT: a message to b-s-help with this id.
as_id() {
	printf 'panemesh/1 HELLO 0 0\nHost: a\n\npanemesh/1 DELIVER %s %s\nTo: b-s-help\nFrom: a-s-ask\nSender: a-s-ask\n\n%s' \
		"$1" "${#2}" "$2" | on b agent-serve >"$world/answers"
}
as_id twinaaaaaaaaaaaaaaaa one
as_id twinbbbbbbbbbbbbbbbb two
is "$(grep -c '^Verdict: submitted' "$world/answers") $(ids b help | tail -n 1)" \
	'1 twinbbbb' 'two messages whose ids begin alike'
answer b b-s-help twin x
is "$? $(grep -c 'several messages: twin[ab]*, twin[ab]*; give more' "$err")" \
	'2 1' 'are both named'
answer b b-s-help twinb 'to two'
is "$? $(messages a ask | tail -n 1)" '0 to two' 'and told apart by one letter more'

# --- no end to it ---
# The thread is that of the thanks.
thanks() {
	on b agent-inbox list -j -n 0 -a b-s-help | python3 -c 'import json, sys
print([m["id"] for m in json.load(sys.stdin) if m["body"] == "thanks"][0])'
}
answer b b-s-help "$(thanks)" three
until_true 5 came a a-s-ask three
answer a a-s-ask "$(newest a a-s-ask id)" four
is "$?" 0 'the fourth answer'
until_true 5 came b b-s-help four
is "$(on b agent-inbox -j -n 0 -a b-s-help | python3 -c 'import json, sys
print([m["id"] for m in json.load(sys.stdin) if m["body"] in ("thanks", "four")])' |
	tr -cd ' a-z0-9' | wc -w)" 2 'of the same thread'
references=$(grep -h '^References:' "$world"/hosts/b/.agents/mail/by-name/b-s-help/*/*."$(newest b b-s-help id)"*)
is "$(grep -o '<[a-z0-9]*@panemesh>' <<<"$references" | wc -l) $(grep -c "^References: <$question@.*<$(newest b b-s-help in_reply_to)@panemesh>$" <<<"$references")" \
	'4 1' 'whose References name all that it answers, first to last'
is "$(ids b help | tail -n 1) $(answers b help | tail -n 1 | wc -c)" '- 9' \
	'says what it answers, and no id, since it cannot be answered'
until_true 5 came b b-s-help four
answer b b-s-help "$(newest b b-s-help id)" five
is "$? $(grep -c 'hop limit reached' "$err")" '7 1' 'is the last'
is "$(messages a ask | tail -n 1)" three 'nothing was sent'

# --- who cannot ---
sent b b-s-help 'from a person'
until_true 5 came b b-s-help 'from a person'
answer b b-s-help "$(newest b b-s-help id)" x
is "$? $(grep -c 'no reply' "$err")" '7 1' 'a person without a pane'
answer b b-s-help zzzzzz x
is "$? $(grep -c 'no such message' "$err")" '2 1' 'a message that is not there'
answer b b-s-nobody "$question" x
is "$? $(grep -c 'no agent of this host' "$err")" '2 1' 'who has no mailbox'
answer b b-s-help "$question"
is "$? $(grep -c 'body is missing' "$err")" '1 1' 'nothing to say'

# --- it waits as any other ---
tmx a send-keys -t =s:ask -l half
until_true 5 sh -c "HOME=$world/hosts/a TMUX_TMPDIR=$world/hosts/a/tmux \
	tmux -L main capture-pane -p -t =s:ask | grep -q half"
answer b b-s-help "$question" -q 'later'
is "$? $(grep -c '^queued ' "$out")" '0 1' 'an answer may wait'
tmx a send-keys -t =s:ask C-u
later() {
	[ "$(messages a ask | tail -n 1)" = later ] &&
		[ "$(newest a a-s-ask in_reply_to)" = "$question" ]
}
check 'and says what it answers all the same' until_true 20 later
