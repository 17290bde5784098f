#!/bin/bash
# --queue to panes of another host: kept and shown there, told here, and a
# clear word from a host that cannot.
# time-limit: 200
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
plan 21

block() {
	tmx "$1" send-keys -t "=s:$2" -l half
	until_true 5 sh -c "HOME=$world/hosts/$1 TMUX_TMPDIR=$world/hosts/$1/tmux \
		tmux -L main capture-pane -p -t =s:$2 | grep -q half"
}
free() {
	tmx "$1" send-keys -t "=s:$2" C-u
}
ident() {
	sed -n 's/^queued \([0-9a-z]*\)$/\1/p' "$out"
}
# states HOST ADDRESS
states() {
	on "$1" agent-inbox list -a "$2" | awk '{ print $3 }' | sort | uniq -c |
		awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }'
}
says() {
	[ "$(on a notify-pane --status "$1" | sed 's/:.*//')" = "$2" ]
}

composer b comp
block b comp
sent a -q b-s-comp 'the first'
is "$? $(cat "$err")" '0 ' 'is accepted'
first=$(ident)
is "$(tail -n 1 "$out")" "queued $first" 'as queued'
is "$(head -n 1 "$out")" '→ b-s-comp (b[s:1]): the first' 'by its name there'
sent a -q -e 1h b-s-comp 'the second'
second=$(ident)
is "$(states b b-s-comp) $(ls "$world/hosts/a/.agents/mail" 2>/dev/null)" \
	'2 queued ' 'kept there, and nowhere else'
check 'known here' says "$first" queued
sent a b-s-comp 'overtakes'
is "$?" 3 'one that would overtake them is refused'
sent a -q -f "$world/hosts/a/.agents/peers.conf" b-s-comp 'with a file'
is "$?" 0 'a file is accepted'
free b comp
# arrived N: the composer has N messages.
arrived() {
	[ "$(messages b comp | wc -l)" = "$1" ]
}
until_true 20 arrived 3
is "$(messages b comp | sed 's/^file dropped at .*: /file: /')" 'the first
the second
file: with a file' 'shown in order, each once'
check 'told here' until_true 5 says "$second" submitted
is "$(states b b-s-comp)" '3 shown' 'and there'

# --- the link breaks: the same frame again ---
block b comp
python3 - >"$world/frames" <<'PY'
hello = "panemesh/1 HELLO 0 0\nHost: a\nCan: progress\n\n"
text = "from a wire"
frame = (f"panemesh/1 DELIVER wireaaaaaaaaaaaaaaaa {len(text)}\nTo: b-s-comp\n"
         f"From: x@a\nQueue: 1\n\n{text}")
print(hello + frame + frame, end="")
PY
on b agent-serve <"$world/frames" >"$world/answers"
on b agent-serve <"$world/frames" >"$world/more"
told=$(cat "$world/answers" "$world/more" | grep -c '^Verdict: queued')
is "$told" 4 'an id that comes four times is told four times'
[ "$told" = 4 ] || note "$(cat "$world/answers" "$world/more")
$(grep wire "$world/hosts/b/.agents/run/verdicts")"
is "$(states b b-s-comp)" '1 queued, 3 shown' 'and kept once'
free b comp
until_true 20 arrived 4
# What is shown is known a moment after it is there.
all_shown() {
	[ "$(states b b-s-comp)" = '4 shown' ]
}
until_true 20 all_shown
on b agent-serve <"$world/frames" >"$world/answers"
is "$(grep -c '^Verdict: submitted' "$world/answers")" 2 \
	'after it was shown that is told'
is "$(submitted b comp 'from a wire')" 1 'shown once'

# --- it expires: its sender, an agent here, hears of it ---
composer a author
composer b deaf
on a agent-sync >/dev/null
block b deaf
AGENT_NAME=a-s-author sent a -q -e 1s b-s-deaf 'too late'
lost=$(ident)
check 'expired, as is told here' until_true 20 says "$lost" expired
on a notify-pane --status "$lost" >/dev/null
is "$?" 8 'by status 8'
reported() {
	messages a author | grep -q "^your message $lost to b-s-deaf was expired"
}
check 'and in the mailbox of its sender' until_true 20 reported
sent a --status 00000000000000000000
is "$? $(cat "$out")" '2 ' 'an unknown id'

# --- a host that cannot ---
cat >"$world/bin/old" <<END
#!/bin/sh
"$BUILD/agent-serve" | python3 "$world/older"
END
cat >"$world/older" <<'END'
import os
while data := os.read(0, 65536):
    os.write(1, data.replace(b" queue", b""))
END
chmod +x "$world/bin/old"
peers a "b serve=$world/bin/old"
block b comp
refuses 4 'keeps no messages; update it' 'an older panemesh there' \
	-q b-s-comp 'nobody keeps this'
is "$(messages b comp | wc -l)" 4 'and nothing came'
free b comp
until_true 10 on b notify-pane --check b-s-comp
sent a b-s-comp 'as before'
is "$? $(tail -n 1 "$out")" '0 submitted' 'without --queue it works as before'
