#!/bin/bash
# A host that cannot be dialled fetches its messages: kept at its peer until
# then, shown there once and in order, and what became of them is told here.
# time-limit: 300
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a l
plan 119
home_a=$world/hosts/a home_l=$world/hosts/l

block() {
	tmx "$1" send-keys -t "=s:$2" -l half
	until_true 10 sh -c "HOME=$world/hosts/$1 TMUX_TMPDIR=$world/hosts/$1/tmux \
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
	on a notify-pane --status "$1" | grep -q "^$2"
}
syncs() {
	on l timeout 60 agent-sync >"$world/synced" 2>&1
}
# arrived NAME N: the composer there has N messages.
arrived() {
	[ "$(messages l "$1" | wc -l)" = "$2" ]
}
# What waits on a: files, in whatever state.
kept() {
	find "$home_a/.agents/outbox" -path '*/new/*' -o -path '*/cur/*' |
		wc -l
}

is_kept() {
	[ "$(kept)" = "$1" ]
}

composer l comp
composer l third
composer l other
composer a author
peers a ''
peers l 'a accept=mail'
rm -rf "$home_a/.agents/outbox"

# --- who fetches, and who does not ---
refuses 4 'no route; agent-sync peer add l' 'of one that never fetched nothing is kept' \
	-q l-s-comp 'too early'
check 'the laptop syncs' syncs
is "$(ls "$home_a/.agents/outbox")" \
	"l.$(sed -n 's/^host_id = "\(.*\)"/\1/p' "$home_l/.agents/local.toml")" \
	'which makes its outbox'
refuses 4 'add --queue' 'without --queue it is refused, with a hint' \
	l-s-comp 'now or never'
refuses 1 'and no files' 'a file is refused' -q -f "$home_a/.agents/peers.conf" \
	l-s-comp 'with a file'
refuses 1 '65536 bytes' 'so is what is too long' -q l-s-comp \
	"$(head -c 70000 /dev/zero | tr '\0' x)"
is "$(kept)" 0 'nothing of that is kept'

# --- kept, fetched, shown, told ---
block l comp
AGENT_NAME=a-s-author sent a -q l-s-comp 'the first'
is "$? $(cat "$err")" '0 ' 'is accepted'
first=$(ident)
is "$(cat "$out")" "→ l-s-comp (l[s:1]): the first
queued $first" 'as queued'
sent a -q l-s-comp 'the second'
second=$(ident)
sent a -q l-s-other 'to another'
third=$(ident)
check 'told so' says "$first" 'queued: it waits here until host l fetches it'
is "$(kept) $(ls "$home_l/.agents/mail" 2>/dev/null)" '3 ' \
	'kept here, not there'
check 'a sync' syncs
check 'brings one to a pane that is ready' until_true 20 arrived other 1
is "$(states l l-s-comp)" '2 queued' 'the others are in their mailbox'
check 'told so' says "$first" 'queued: host l has fetched it'
check 'what was shown is told by itself' until_true 20 says "$third" submitted
free l comp
check 'and when the pane is free they are shown' until_true 20 arrived comp 2
is "$(messages l comp)" 'the first
the second' 'in order'
is "$(tags l comp | head -n 1)" 'from a-s-author' 'their sender is known'
check 'which is told too' until_true 20 says "$second" submitted
check 'of each' until_true 20 says "$first" submitted
is "$(kept) $(find "$home_l/.agents/fetched" -type f | wc -l)" '0 0' \
	'and nothing is left behind'
check 'another sync' syncs
is "$(messages l comp | wc -l) $(messages l other | wc -l)" '2 1' \
	'shows nothing twice'

# --- answers go the ordinary way, and theirs wait again ---
on l env AGENT_NAME=l-s-comp notify-pane -q --reply "$first" 'the answer' \
	>"$out" 2>&1
answered() {
	messages a author | grep -q '^the answer'
}
check 'an answer comes' until_true 20 answered
check 'until a sync it is told as shown' says "$first" submitted
check 'a sync' syncs
check 'tells that it was answered' says "$first" answered

# --- not asked, not given ---
sent a -q l-s-comp 'patience'
waits=$(ident)
peers l a
check 'without accept=mail' syncs
check 'nothing is fetched' says "$waits" 'queued: it waits here'
peers l 'a accept=mail'
host_id=$(sed -n 's/^host_id = "\(.*\)"/\1/p' "$home_l/.agents/local.toml")
# fetches HOST HOST-ID: a's answer to such a one
fetches() {
	printf 'panemesh/1 HELLO 0 0\nHost: %s\nHost-Id: %s\n\n' "$1" "$2"
	printf 'panemesh/1 FETCH f1 0\nPast: 0\n\n'
}
fetches l 0123456789abcdef | on a agent-serve >"$world/answers" 2>&1
is "$(grep -c '^Code: 7' "$world/answers") $(grep -c '^Message' \
	"$world/answers")" '1 0' 'another machine by that name gets nothing'
fetches x "$host_id" | on a agent-serve >"$world/answers" 2>&1
is "$(grep -c '^Code: 7' "$world/answers") $(grep -c '^Message' \
	"$world/answers")" '1 0' 'nor another name of that machine'
fetches l "$host_id" | on a agent-serve --peer x >"$world/answers" 2>&1
is "$(grep -c '^Message' "$world/answers")" 0 'nor a key of another peer'
fetches l "$host_id" | on a agent-serve >"$world/answers" 2>&1
is "$(grep '^Message' "$world/answers")" "Message: $waits" \
	'the right one is offered it'
fetches l "$host_id" | on a agent-serve --peer l >"$world/answers" 2>&1
is "$(grep '^Message' "$world/answers")" "Message: $waits" \
	'by a key that is bound to it too'
on a agent-sync status >"$world/synced"
check 'the status counts it' grep -q \
	'^  fetches its messages; 1 wait here for it$' "$world/synced"
is "$(on a agent-sync status -j | python3 -c 'import json, sys
print([p["waiting"] for p in json.load(sys.stdin)["peers"]])')" '[1]' \
	'as JSON too'
check 'and until it says that it took it' says "$waits" 'queued: it waits here'

# --- one who is not who it says ---
cat >"$world/bin/evil" <<END
#!/usr/bin/env python3
import os, sys
slice = b""
if os.path.exists("$world/slice"):
    slice = open("$world/slice", "rb").read()
r, w = sys.stdin.buffer, sys.stdout.buffer
w.write(b"panemesh/1 HELLO 0 0\nHost: a\nHost-Id: $(sed -n \
	's/^host_id = "\(.*\)"/\1/p' "$home_a/.agents/local.toml")\nCan: deliver pull push fetch\n\n")
w.flush()
for line in r:
    if not line.startswith(b"panemesh/1 "):
        continue
    verb, id = line.split()[1:3]
    if verb == b"PUSH" or verb == b"PULL" and not slice:
        w.write(b"panemesh/1 DONE " + id + b" 0\nCode: 0\nUnchanged: 1\n\n")
    elif verb == b"PULL":
        w.write(b"panemesh/1 SLICE %s %d\n\n%s" % (id, len(slice), slice))
    if verb == b"FETCH":
        w.write(b"panemesh/1 DONE " + id + b" 4\nCode: 0\nPlace: 1\n"
                b"Message: evilaaaaaaaaaaaaaaaa\nTo: l-s-comp\n"
                b"From: a-s-author\n\nevil")
    w.flush()
END
chmod +x "$world/bin/evil"
peers l "evil accept=mail command=$world/bin/evil" 'a accept=mail'
syncs
is "$?" 6 'a peer that says it is another one fails'
check 'for that reason' grep -q 'evil: calls itself a, .*mail is not taken' \
	"$world/synced"
check 'the other is asked' until_true 20 arrived comp 3
is "$(submitted l comp evil)" 0 'nothing of the first is shown'

# It brings a newer slice of that host, with the host_id that all know.
forge() {
	cat >"$world/slice" <<-END
		[slices.a]
		version = 1
		host_id = "$(sed -n 's/^host_id = "\(.*\)"/\1/p' "$home_a/.agents/local.toml")"
		generation = $((($(date +%s) + 540) * 1000))
		[agents.a-s-author]
		host = "a"
		target = "s:author"
		role = "forged"
		id = "0123456789abcdefghij"
		socket = "/s"
		server = "12.34"
		pane = "%1"
		window_id = "@1"
	END
}
# by ALIAS: it is by that line that a is reached, and a's own words count.
by() {
	sed -n 1p "$home_l/.agents/hosts/a.toml" | grep -q " by $1\$" &&
		! grep -q forged "$home_l/.agents/hosts/a.toml" "$home_l/.agents/registry.toml"
}
forge
syncs
is "$? $(grep -c 'evil: calls itself a, .*mail is not taken' "$world/synced")" '6 1' \
	'with a newer slice it fails too'
check 'that is not taken' by a
is "$(submitted l comp evil)" 0 'nor mail'
sent l a-s-author 'for the right one'
is "$(tail -n 1 "$out") $(submitted a author 'for the right one')" 'submitted 1' \
	'what is for a goes to a'
sshd_stop a
forge
syncs
syncs
check 'while a fails it is said which line has to go' grep -q \
	"slice of 'a': not taken from evil, .* is of a in peers.conf, which failed; .*: agent-sync peer rm a" \
	"$world/synced"
check 'the name stays' by a
sent l a-s-author 'for nobody else'
is "$?" 4 'and its messages'
sshd_start a
rm "$world/slice"

# --- one host by two lines ---
printf 'Host aa\n\tHostName 127.0.0.1\n\tPort %s\n\tIdentityFile %s/.ssh/id_ed25519\n' \
	"$(host_port a)" "$home_l" >>"$home_l/.ssh/config"
peers l 'a accept=mail' aa
check 'a sync with both lines' syncs
for n in 1 2 3; do
	sender=a composer a "new$n"
	check 'and another' syncs
	check 'tells what is new' there l "a-s-new$n"
done
check 'reached by the first' by a
peers l 'aa accept=mail'
check 'the other one takes its place' syncs
check 'as the way there' by aa
sent a -q l-s-comp 'by the other line'
check 'a sync' syncs
check 'and fetches the mail' until_true 20 arrived comp 4
peers l a 'aa accept=mail'
check 'both again' syncs
check 'reached as before' by aa
peers l 'a accept=mail'
check 'back to one' syncs
check 'that is left' by a

# --- one who answers what he was not asked ---
sed -e 's/^Host: .*//; s/nHost: a.nHost-Id: [0-9a-f]*/nHost: eager\\nHost-Id: 0123456789abcdef/' \
	-e 's/^    if verb == b"PUSH".*/    if verb == b"PUSH":\
        w.write(b"panemesh\/1 DONE " + id.replace(b"push", b"fetch") + b" 0\\nCode: 4\\n\\n")\
&/' "$world/bin/evil" >"$world/bin/eager"
chmod +x "$world/bin/eager"
for accept in 'accept=mail ' ''; do
	peers l "eager ${accept}command=$world/bin/eager" 'a accept=mail'
	syncs
	is "$? $(grep -c 'eager: hands over what was not asked for' \
		"$world/synced")" '6 1' "an answer before its question, ${accept:-no mail}"
done
peers l 'a accept=mail'

# --- a peer that hands over what is no message ---
sent a -q l-s-comp 'a healthy text'
cat >"$world/bin/odd" <<END
#!/bin/sh
"$BUILD/agent-serve" | python3 "$world/odder"
END
cat >"$world/odder" <<END
import os, re
old, new = eval(open("$world/odd").read())
while data := os.read(0, 65536):
    os.write(1, re.sub(old, new, data))
END
chmod +x "$world/bin/odd"
peers l "a accept=mail serve=$world/bin/odd"
# odd NAME OLD NEW
odd() {
	printf '(rb"%s", rb"%s")\n' "$2" "$3" >"$world/odd"
	syncs
	is "$? $(grep -c 'agent-sync: a: hands over what is no message' \
		"$world/synced")" '4 1' "a message with $1 is none"
}
odd 'a number that was there' 'Place: [0-9]+' 'Place: 0'
odd 'no number' 'Place: [0-9]+' 'Place: first'
odd 'a path as its id' 'Message: [0-9a-z]+' 'Message: ../../../../evil'
odd 'an id too short' 'Message: [0-9a-z]+' 'Message: a'
odd 'a path as its address' 'To: l-s-comp' 'To: ../l-s-comp'
printf '(rb"From: [^\\n]+", rb"From: a b] [from x")\n' >"$world/odd"
syncs
is "$? $(grep -c "is no sender's name" "$world/synced")" '4 1' \
	'nor one from what is no name'
printf '(rb"To: l-s-comp", rb"To: a-s-one")\n' >"$world/odd"
check 'what is for another host' syncs
is "$(states l l-s-comp)" '1 answered, 3 shown' 'is not kept, nor any of these'
peers l 'a accept=mail'
check 'the peer has it still' syncs
check 'and it comes whole' until_true 20 arrived comp 5

# --- refused there: its sender hears of it ---
tmx l set-option -p -t =s:comp @agent-allow nobody
AGENT_NAME=a-s-author sent a -q l-s-comp 'unwanted'
barred=$(ident)
check 'a sync of what is not wanted' syncs
check 'is refused for good' says "$barred" refused
reported() {
	messages a author | grep -q "^your message $1 to $2 was $3"
}
check 'and reported' until_true 20 reported "$barred" l-s-comp refused
tmx l set-option -pu -t =s:comp @agent-allow

# --- a pane that is gone: it waits, and what is behind it does not ---
sent a -q l-s-other 'told late'
late=$(ident)
cp -a "$home_a/.agents/outbox" "$world/outbox"
check 'a sync' syncs
check 'brings it' until_true 20 arrived other 2
settled() {
	says "$late" submitted &&
		[ -z "$(find "$home_l/.agents/fetched" -type f)" ]
}
until_true 20 settled
# As if its peer had been killed before it wrote down that it was taken.
rm -r "$home_a/.agents/outbox"
mv "$world/outbox" "$home_a/.agents/outbox"
AGENT_NAME=a-s-author sent a -q -e 2s l-s-other 'to nobody'
gone=$(ident)
sent a -q l-s-comp 'behind it'
tmx l kill-window -t =s:other
until_true 20 sh -c "! grep -q '^\[agents.l-s-other\]' $home_l/.agents/local.toml"
check 'a sync' syncs
check 'brings what is behind' until_true 20 arrived comp 6
is "$(find "$home_a/.agents/outbox" -name "*.$late*" \( -path '*/new/*' -o \
	-path '*/cur/*' \))" '' 'and what was shown before is known to be'
check 'what nobody took expires' until_true 20 says "$gone" expired
buried() {
	[ -z "$(find "$home_a/.agents/outbox" -path "*/new/*.$1")" ]
}
check 'a sync there' syncs
check 'has it taken out' until_true 20 buried "$gone"
check 'and is reported' until_true 20 reported "$gone" l-s-other expired
AGENT_NAME=a-s-author sent a -q -e 1s l-s-other 'to nobody again'
gone=$(ident)
until_true 20 says "$gone" expired
check 'our own sync' on a timeout 60 agent-sync -q
check 'has it taken out too' buried "$gone"

# --- questions, both ways ---
id=$(AGENT_NAME=l-s-comp on l notify-pane --ask a-s-author 'up to date?')
AGENT_NAME=a-s-author sent a --reply "${id:0:8}" 'I am'
is "$? $(tail -n 1 "$out" | sed 's/ .*//')" '0 queued' \
	'the answer to its question waits'
check 'a sync' syncs
is "$(on l agent-inbox get "$id" -a l-s-comp)" 'I am' 'brings it'
AGENT_NAME=a-s-author sent a -q --ask l-s-comp 'and you?'
id=$(cat "$out")
is "$? ${#id}" '0 20' 'a question to it waits'
check 'a sync' syncs
asked_there() {
	messages l comp | grep -q "^and you? \[question ${id:0:8}: answer"
}
until_true 20 asked_there
AGENT_NAME=l-s-comp on l notify-pane --reply "${id:0:8}" 'I am too' >"$out" 2>&1
is "$(on a agent-inbox await "$id" -t 20s -a a-s-author)" 'I am too' \
	'brings it, and its answer comes'

# --- a bound key: what it tells of its messages is not counted ---
peers l a
# Waits for one that is under way, and still fetches.
syncs || note "$(cat "$world/synced")"
for n in 1 2 3 4 5 6 7 8 9 10; do
	sent a -q l-s-comp "counted $n" || note "$(cat "$err")"
	ident
done >"$world/ids"
many() {
	local n
	fetches l "$host_id"
	for n in {1..198}; do
		printf 'panemesh/1 FETCH n%s 0\nPast: 4294967295\n\n' "$n"
	done
	while read -r id; do
		for n in queued submitted; do
			printf 'panemesh/1 FETCH %s.%s 0\nTook: %s\n' \
				"$n" "$id" "$id"
			printf 'Code: 0\nVerdict: %s\nOnly: 1\n\n' "$n"
		done
	done <"$world/ids"
}
many | on a agent-serve --peer l >"$world/answers" 2>&1
is "$(wc -l <"$world/ids") $(grep -c '^Code: 0' "$world/answers")" '10 219' \
	'a bound key may tell of each message'
check 'and does' says "$(tail -n 1 "$world/ids")" submitted

# --- a peer that cannot ---
cat >"$world/bin/old" <<END
#!/bin/sh
"$BUILD/agent-serve" | python3 "$world/older"
END
cat >"$world/older" <<'END'
import os
while data := os.read(0, 65536):
    os.write(1, data.replace(b" fetch", b""))
END
chmod +x "$world/bin/old"
peers l "a accept=mail serve=$world/bin/old"
syncs
is "$?" 4 'an older panemesh there'
check 'is told apart' grep -q 'keeps no mail for us; update it' \
	"$world/synced"

# --- one sender leaves room for others ---
peers l 'a accept=mail'
syncs
before=$(messages l comp | wc -l)
block l comp
for n in {1..50}; do
	AGENT_NAME=a-s-author sent a -q l-s-comp "much $n" || note "$(cat "$err")"
done
is "$(kept)" 50 'half of the places are for one sender'
AGENT_NAME=a-s-author refuses 7 \
	"host l: 50 messages of $(id -un)@a wait here for it, and no more may" \
	'more are refused' -q l-s-third "too much"
tmx a send-keys -t =s:one "notify-pane -q l-s-third 'of another sender'" Enter
check 'another one has room' until_true 20 is_kept 51
free l comp
syncs
check 'fetched, each' until_true 60 arrived comp $((before + 50))
check 'there is room again' until_true 20 is_kept 0
sent a -q l-s-comp 'room again'
is "$? $(kept)" '0 1' 'for the first as well'
syncs

# Nothing of it goes on by itself any more: no sync, and none that is due.
calm() {
	[ -z "$(find "$home_l/.agents/fetched" -type f)" ] &&
		[ -z "$(ours l 'agent-(sync|inbox|discover|register)')" ]
}
until_true 20 arrived comp $((before + 51))
until_true 20 calm

# --- one that can be dialled now and then ---
peers l 'a accept=mail'
peers a l
syncs
before=$(messages l comp | wc -l)
sent a l-s-comp 'dialled'
is "$?" 0 'a host that can be dialled is dialled'
sshd_stop l
sent a l-s-comp 'lost'
is "$?" 4 'without --queue nothing waits for it while it cannot'
sent a -q l-s-comp 'while it sleeps'
is "$? $(grep -c '^queued' "$out")" '0 1' 'with --queue it waits here'
sshd_start l
sent a -q l-s-comp 'behind it'
is "$? $(kept)" '0 2' 'and so do later ones, for order'
refuses 4 'add --queue' 'or are refused' l-s-comp 'overtakes'
sent a l-s-one 'to another'
is "$? $(tail -n 1 "$out")" '0 shown' 'what goes to another agent is dialled'
check 'a sync' syncs
check 'brings both' until_true 20 arrived comp $((before + 3))
is "$(messages l comp | tail -n 3)" 'dialled
while it sleeps
behind it' 'in order'

# --- its slice came first by itself ---
# As if the peer had pushed it before we asked.
check 'a sync' syncs
sed -i '1s/ by a$/ from the host itself/' "$home_l/.agents/hosts/a.toml"
syncs
is "$?" 0 'its mail is fetched all the same'
check 'since the slice came by our own link too' grep -q '^# came .* by a$' \
	"$home_l/.agents/hosts/a.toml"
