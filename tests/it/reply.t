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
plan 21

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

answer b b-s-help "${question:0:6}" 'it is'
is "$? $(cat "$err") $(head -n 1 "$out")" '0  → a-s-ask (a[s:1]): it is' \
	'an answer finds its host'
is "$(messages a ask)" 'it is' 'and its pane'
check 'and its mailbox' until_true 5 came a a-s-ask 'it is'
is "$(newest a a-s-ask in_reply_to) $(newest a a-s-ask hops)" "$question 1" \
	'which tells what it answers'
is "$(newest b b-s-help state)" answered 'the question is answered'
is "$(on a agent-inbox thread "$(newest a a-s-ask id)" -a a-s-ask | wc -l)" 1 \
	'a thread'

answer a a-s-ask "$(newest a a-s-ask id)" 'thanks'
is "$? $(messages b help | tail -n 1)" '0 thanks' 'and an answer to that'
until_true 5 came b b-s-help thanks
is "$(newest b b-s-help thread)" "$question" 'is of the same thread'
is "$(on b agent-inbox thread "$question" -a b-s-help | wc -l)" 2 \
	'of two messages there'

# --- no end to it ---
answer b b-s-help "$(newest b b-s-help id)" three
until_true 5 came a a-s-ask three
answer a a-s-ask "$(newest a a-s-ask id)" four
is "$?" 0 'the fourth answer'
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
