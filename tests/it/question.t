#!/bin/bash
# --ask: a question to an agent of any host, its answer awaited without polling,
# checked against a schema; what expired, failed or goes on without end is told.
# time-limit: 240
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
plan 88
at_end() {
	mesh_down
	umount "$world/hosts/a/.agents/mail" 2>/dev/null
}

# asks FROM ARGS...: as agent FROM of a; leaves $id.
asks() {
	local from=$1
	shift
	AGENT_NAME=$from sent a --ask "$@"
	status=$?
	id=$(cat "$out")
	return "$status"
}
answer() {
	AGENT_NAME=b-s-help sent b --reply "$@"
}
# inbox ARGS...: of a-s-ask, into $out and $err.
inbox() {
	on a timeout 100 agent-inbox "$@" -a a-s-ask >"$out" 2>"$err"
}
# says CODE OUT PART NAME: what inbox or sent left.
says() {
	local status=$?
	if [ "$status" = "$1" ] && [ "$(cat "$out")" = "$2" ] &&
		grep -qF -- "${3:-}" <(cat "$err" && echo); then
		ok "$4"
	else
		not_ok "$4"
		note "status $status"
		note "$(cat "$out" "$err")"
	fi
}
asked=$world/hosts/a/.agents/mail/by-name/a-s-ask/asked
# Somebody awaits the answer to $id.
awaited() {
	! flock -n -x "$asked/$id" true
}
await() {
	# shellcheck disable=SC2016
	on a sh -c 'echo $$ >"$1" && exec agent-inbox await "$2" -a a-s-ask' \
		sh "$world/await.pid" "$id" >"$world/awaited" \
		2>"$world/await.err" &
	waiter=$!
	until_true 10 awaited || note 'nobody awaits'
}
# The whole last line that HOST's composer NAME was given.
line() {
	python3 -c 'import sys
print(bytes.fromhex(sys.stdin.readlines()[-1].split()[1]).decode().split("\n")[-1])' \
		<"$world/$1-$2.log"
}
block() {
	tmx "$1" send-keys -t "=s:$2" -l half
	until_true 5 sh -c "HOME=$world/hosts/$1 TMUX_TMPDIR=$world/hosts/$1/tmux \
		tmux -L main capture-pane -p -t =s:$2 | grep -q half"
}

composer a ask
composer b help
on a agent-sync >"$out"
on b agent-sync >"$out"

# --- asked, awaited, answered ---
asks a-s-ask b-s-help 'is it green?'
is "$? $(cat "$err") $(tr -d 'a-z0-9' <"$out" | wc -c) ${#id}" '0  1 20' \
	'--ask prints an id and nothing else'
is "$(line b help | sed 's/^[^]]*] //')" \
	"is it green? [question ${id:0:8}: answer by notify-pane --reply ${id:0:8} 'TEXT']" \
	'the pane is told how to answer'
inbox get "$id"
says 8 '' "$id: no answer from b-s-help yet" 'get: no answer yet'
inbox await "${id:0:8}" -t 1s
says 8 '' 'no answer from b-s-help yet' 'await: none in time'
AGENT_TIMEOUT_MS=100 inbox await "$id"
says 8 '' 'no answer from b-s-help yet' 'nor in the time of AGENT_TIMEOUT_MS'
AGENT_TIMEOUT_MS=1h inbox await "$id"
says 1 '' "AGENT_TIMEOUT_MS: '1h' is no number from 0" 'which is a number'
sent a --status "$id"
is "$? $(sed 's/:.*//' "$out")" '0 submitted' '--status: submitted'
await
await2=$waiter
on a agent-inbox await "$id" -j -a a-s-ask >"$world/other" &
other=$!
answer "${id:0:8}" 'it is
green'
is "$? $(tail -n 1 "$out" | sed 's/ .*//') $(cat "$err")" '0 queued ' \
	'the answer is kept for who awaits it'
wait "$await2"
is "$? $(cat "$world/awaited" "$world/await.err")" '0 it is
green' 'await prints it'
wait "$other"
is "$? $(python3 -c 'import json, sys
q = json.load(sys.stdin)
print(q["state"], q["to"], q["answer"]["body"], q["answer"]["from"])' <"$world/other")" \
	'0 answered b-s-help it is
green b-s-help' 'and to another one, as JSON'
is "$(messages a ask)" '' 'no pane shows it'
inbox get "$id"
says 0 'it is
green' '' 'get prints it too'
sent a --status "$id"
is "$? $(sed 's/ [^ ]*$//' "$out")" '0 answered: by message' '--status: answered'
sent b --status "$id"
is "$? $(sed 's/:.*//' "$out")" '0 answered' 'there too'
answer "$id" 'it is red'
says 7 '' 'was answered already' 'a second answer is none'

# --- nobody awaits ---
asks a-s-ask b-s-help -v 'and now?'
is "$? $(sed 1d "$out" | head -n 1)" '0 → b-s-help (b[s:1]): and now?' '--verbose'
id=$(head -n 1 "$out")
answer "$id" 'now too'
is "$? $(tail -n 1 "$out") $(messages a ask)" '0 submitted now too' \
	'an answer that nobody awaits is shown'
inbox get "$id"
says 0 'now too' '' 'and kept'
asks a-s-ask b-s-help 'a third?'
block a ask
answer "$id" 'a third'
is "$? $(tail -n 1 "$out" | sed 's/ .*//')" '0 queued' 'where the pane is not ready it waits'
inbox await "$id"
says 0 'a third' '' 'await takes it from there'
tmx a send-keys -t =s:ask C-u
until_true 10 on a notify-pane --check a-s-ask
is "$(messages a ask)" 'now too' 'so it is not shown as well'

# --- on one host ---
composer a near
asks a-s-ask a-s-near 'near?'
await
AGENT_NAME=a-s-near sent a --reply "${id:0:8}" 'very'
is "$?" 0 'answered on the same host'
wait "$waiter"
is "$? $(cat "$world/awaited")" '0 very' 'and awaited'
sent a --status "$id"
is "$(sed 's/ [^ ]*$//' "$out")" 'answered: by message' '--status: answered'
await_killed() {
	asks a-s-ask a-s-near 'will you wait?'
	await
	kill -KILL "$(cat "$world/await.pid")"
	wait "$waiter" 2>/dev/null
	until_true 5 eval '! awaited'
}
await_killed 2>/dev/null
AGENT_NAME=a-s-near sent a --reply "$id" 'to nobody'
is "$? $(messages a ask | tail -n 1)" '0 to nobody' \
	'who was killed awaits nothing'

# Whom @agent-allow keeps out may answer what he was asked, once.
tmx a set-option -p -t =s:ask @agent-allow a-s-nobody
asks a-s-ask a-s-near 'may you?'
AGENT_NAME=a-s-near sent a --reply "$id" 'I was asked'
is "$?" 0 'an answer that was asked for passes @agent-allow'
inbox get "$id"
says 0 'I was asked' '' 'and is there'
AGENT_NAME=a-s-near sent a a-s-ask 'by the way'
is "$?" 7 'nothing else does'
tmx a set-option -p -u -t =s:ask @agent-allow

# --- its time ---
asks a-s-ask b-s-help --ttl 2s 'quick?'
question=$id
inbox await "$id" --timeout 30m
says 7 '' "$id: expired at" 'await ends when the question expires'
inbox get "$id"
says 7 '' 'without an answer from b-s-help' 'which is remembered'
inbox get "$id" -j 2>/dev/null
is "$(grep -c '"state": "expired"' "$out")" 1 'as JSON'
sent a --status "$id"
is "$? $(cat "$out")" '8 expired: no answer within its time' '--status: expired'
answer "$id" 'too late'
says 7 '' ' has expired' 'too late to answer'
# One who does not know that it is.
printf 'panemesh/1 HELLO 0 0\nHost: b\n\npanemesh/1 DELIVER %s 4\nTo: a-s-ask\nFrom: b-s-help\nSender: b-s-help\nIn-Reply-To: %s\n\nlate' \
	lateaaaaaaaaaaaaaaaa "$question" | on a agent-serve >"$world/answers"
is "$(sed -n 's/^Code: //p' "$world/answers") $(grep -c 'has expired' "$world/answers")" \
	'7 1' 'nor does it come'
# And of another host than the one that was asked it is no answer.
asks a-s-ask b-s-help 'whose answer?'
printf 'panemesh/1 HELLO 0 0\nHost: c\n\npanemesh/1 DELIVER %s 4\nTo: a-s-ask\nFrom: b-s-help\nSender: b-s-help\nIn-Reply-To: %s\n\nmine' \
	fakeaaaaaaaaaaaaaaaa "$id" | on a agent-serve >"$world/answers"
inbox get "$id"
says 8 '' 'no answer' 'another host does not answer it'

# --- what the answer must be ---
echo '{ "ok": "boolean", "at": { "line": "integer" }, "why": "string?" }' >"$world/schema"
asks a-s-ask b-s-help -S "$world/schema" 'which line?'
is "$?" 0 'with a schema'
is "$(line b help | sed 's/.*JSON/JSON/')" \
	"JSON', of {\"ok\":\"boolean\",\"at\":{\"line\":\"integer\"},\"why\":\"string?\"}]" \
	'the pane is told'
answer "$id" 'line 3'
says 1 '' 'answer: is no JSON at byte 1' 'no JSON'
answer "$id" '{"ok": true, "at": {"line": "3"}}'
says 1 '' "answer: key 'at.line': is string, must be integer" 'a wrong type'
answer "$id" '{"at": {"line": 3}}'
says 1 '' "answer: key 'ok': is missing, must be boolean" 'a missing key'
await
answer "$id" '{"ok": true, "at": {"line": 3}}'
wait "$waiter"
is "$? $(cat "$world/awaited")" '0 {"ok": true, "at": {"line": 3}}' 'what it must be'
echo '{ "a": "string" }' >"$world/schema"
asks a-s-ask b-s-help -S "$world/schema" 'and a long one?'
python3 -c 'print("{\"a\": \"" + "z" * 70000 + "\"}", end="")' >"$world/long"
answer "$id" - <"$world/long"
is "$?" 0 'an answer of more than 64 KiB'
inbox get "$id"
says 0 "$(cat "$world/long")" '' 'get prints all of it'
inbox get "$id" -j
file=$(python3 -c 'import json, sys
q = json.load(sys.stdin)["answer"]
print(q["file"] if q["body"] == open(sys.argv[1]).read() else "")' \
	"$world/long" <"$out")
check 'so does --json, with its path' cmp "$world/long" "$file"
mv "$file" "$world/moved" && ln -s "$world/long" "$file"
inbox get "$id"
says 9 '' "$file: " 'a link in its place is not followed'
rm "$file"
inbox get "$id"
says 2 '' 'it is there no more' 'a file that is gone'
echo '{ "ok": "bool" }' >"$world/schema"
asks a-s-ask b-s-help -S "$world/schema" x
says 1 '' "schema: key 'ok': must be string, number" 'a schema that is none'

# --- one that comes to nothing ---
remembered() {
	find "$asked" -type f | wc -l
}
block b help
before=$(remembered)
asks a-s-ask b-s-help 'not ready?'
says 3 '' 'refused' 'a pane that is not ready refuses a question'
is "$(remembered)" "$before" 'and it is forgotten'
asks a-s-ask b-s-help -q 'waits?'
is "$? ${#id}" '0 20' 'with --queue it waits'
await
on b agent-inbox queue delete "$id" -a b-s-help >"$out"
wait "$waiter"
is "$? $(sed 's/.*will/will/' "$world/await.err")" \
	"7 will not be answered: your message $id to b-s-help was deleted, by agent-inbox: waits?" \
	'deleted there: await ends'
sent a --status "$id"
is "$? $(sed 's/:.*//' "$out")" '7 failed' '--status: failed'
tmx b send-keys -t =s:help C-u
until_true 10 on b notify-pane --check b-s-help
sent a --ask b-s-help x
says 2 '' 'has no mailbox' 'who has no mailbox cannot ask'
asks a-s-ask b-s-help,a-s-near x
says 1 '' 'takes one agent, not 2' 'one agent is asked'
for args in '-A -r x' '-S x b-s-help y' '-A b-s-help' '-A -s x'; do
	# shellcheck disable=SC2086
	refuses 1 '' "notify-pane $args" $args
done
inbox get zzzzzz
says 2 '' 'no such question' 'a question that nobody asked'
inbox get "$(printf '%.0sa' {1..300})"
says 2 '' 'no such question' 'no id'

# --- no end to it ---
composer a loop
for i in 1 2 3 4; do
	asks a-s-loop a-s-near 'again?'
	codes="${codes-}$status "
done
is "$codes $(grep -c 'rate limit reached: 3 times the same' "$err")" '0 0 0 7  1' \
	'the same text four times in a minute'
codes=
for i in 4 5 6 7 8 9 10 11; do
	asks a-s-loop a-s-near "question $i?"
	codes="$codes$status "
done
is "$codes $(grep -c 'rate limit reached: 10 questions' "$err")" \
	'0 0 0 0 0 0 0 7  1' 'eleven in a minute'
sent a a-s-near 'a plain message'
is "$?" 0 'other messages are not counted'

# --- a full disk where the answer is to be kept ---
mail=$world/hosts/a/.agents/mail
if [ "$(id -u)" != 0 ] || ! small "$mail"; then
	for _ in $(seq 18); do
		ok 'a full disk # SKIP only root may mount'
	done
else
	composer a disk
	for from in near help; do
		where=a to=a-s-near
		[ $from = near ] || where=b to=b-s-help
		asks a-s-disk "$to" "and on $where?"
		is "$?" 0 "$where: asked"
		before=$(messages a disk)
		fill "$mail"
		AGENT_NAME=$to sent $where --reply "$id" 'lost?'
		says 9 '' 'No space left' "$where: the answer is not taken"
		is "$(wc -l <"$err") $(messages a disk)" "1 $before" \
			"$where: nor is it typed"
		[ $from = help ] || refuses 9 'No space left' \
			'nor is a plain message' a-s-disk 'also lost?'
		is "$(messages a disk)" "$before" "$where: nothing is shown"
		question=$id
		asks a-s-disk "$to" 'and on a full disk?'
		says 9 '' ": $mail/" "$where: nor is a question"
		id=$question
		room "$mail"
		on a timeout 100 agent-inbox get "$id" -a a-s-disk \
			>"$out" 2>"$err"
		says 8 '' 'no answer' "$where: the question is open"
		AGENT_NAME=$to sent $where --reply "$id" "found on $where"
		is "$?" 0 "$where: with space it is answered"
		on a timeout 100 agent-inbox get "$id" -a a-s-disk \
			>"$out" 2>"$err"
		says 0 "found on $where" '' "$where: and has its answer"
	done
	is "$(find "$mail" -path "$mail/*/tmp/*" -o -name '*.coming')" '' \
		'nothing is left behind'
fi

# --- whoever is asked goes, and another one comes ---
composer b heir
on b agent-sync >"$out"
on a agent-sync >"$out"
asks a-s-ask b-s-heir 'who is there?'
is "$?" 0 'one is asked'
tmx b kill-window -t =s:heir
until_true 20 gone b b-s-heir
inbox get "$id"
says 8 '' 'no answer' 'it is gone: the question is open'
composer b heir
until_true 20 there b b-s-heir
on b agent-inbox list -a b-s-heir >"$out"
is "$(grep -c 'who is there' "$out")" 1 'a new one at its address has its mailbox'
AGENT_NAME=b-s-heir sent b --reply "$id" 'its heir'
is "$?" 0 'and answers'
inbox get "$id"
says 0 'its heir' '' 'which is the answer'

# --- a host that cannot ---
cat >"$world/bin/old" <<END
#!/bin/sh
"$BUILD/agent-serve" | python3 "$world/older"
END
cat >"$world/older" <<'END'
import os, re
while data := os.read(0, 65536):
    os.write(1, re.sub(rb"(\nCan: [^\n]*) ask\b", rb"\1", data))
END
chmod +x "$world/bin/old"
peers a "b serve=$world/bin/old"
before=$(remembered)
asks a-s-ask b-s-help 'do you know questions?'
says 4 '' 'knows no questions; update it' 'an older panemesh there'
is "$(remembered)" "$before" 'and nothing is remembered'
