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
plan 120
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

# light HOST...: without tmux and sshd; others reach them by what `at` says.
light() {
	local h dir
	for h in "$@"; do
		dir=$world/hosts/$h
		mkdir -p "$dir/.agents" "$dir/tmux"
		chmod 700 "$dir" "$dir/.agents" "$dir/tmux"
		echo "$h" >"$dir/.agents/self.conf"
		echo 'link_idle = 0' >"$dir/.agents/config.toml"
		chmod 600 "$dir/.agents/config.toml"
	done
}
at() {
	local dir=$world/hosts/$1
	cat >"$world/bin/at-$1" <<END
#!/bin/sh
HOME=$dir AGENTS_DIR=$dir/.agents AGENT_SSH_HOME=$dir \\
	AGENT_INBOX_DIR=$dir/.agent-inbox TMUX_TMPDIR=$dir/tmux exec agent-serve
END
	chmod 755 "$world/bin/at-$1"
	echo "command=$world/bin/at-$1"
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
check 'h writes down that it went by, not what it was' sh -c \
	"grep relayed '$home_h/.agents/log/feed.jsonl' | grep x-s-one |
		grep l-s-comp | grep 'to host l: submitted' | grep -qv of-an-agent"
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

# --- groups, and who may ---
composer l two
for h in l h x; do
	syncs "$h" || note "$h: $(cat "$world/synced")"
done
check 'a group of hosts' goes 0 x @host:l,@host:h 'to a group'
is "$(got l comp 'to a group' 1 && got l two 'to a group' 1 && echo both)" \
	both 'is reached by way of h and without'
peers h x l
check 'where h does not allow it' goes 6 x @host:l,@host:h 'to less'
check 'each is told what to write, and where' said \
	'h hands nothing on for x; relay=yes in the line of x in its peers.conf'
check 'and nobody got it' got l comp 'to less' 0
peers h 'x relay=yes'
rm "$home_h/.agents/hosts/l.toml"
syncs l
check 'where h has no way itself' goes 4 x l-s-comp nowhere
check 'that is said of h' said 'on h: host l: no route; agent-sync peer add l'
peers h 'x relay=yes' 'l relay=yes'
peers x h
check 'what came through h, and no line says so any more' goes 4 x l-s-comp lost
check 'is told which one' said "no route; 'l through=h' in peers.conf"
peers x h 'l through=h'
tmx l set-option -p -t =s:two @agent-allow '* @*'
check 'who comes by way of h is nobody for @agent-allow' goes 7 x l-s-two no
check 'as is said' said 'a sender whose name is not verified may not send there'

# --- reports come back ---
tmx l send-keys -t =s:comp -l half
told() {
	grep -rqF -- "$1" "$world/hosts/x/.agents/mail"
}
is "$(author 'notify-pane -q --ttl 2s l-s-comp in-vain >/dev/null')" 0 \
	'one that waits there'
check 'and expires, which who sent it is told' until_true 60 told 'in-vain'
tmx l send-keys -t =s:comp C-u

# --- what is not handed on ---
echo bytes >"$world/file"
check 'no file' goes 1 x -f "$world/file" l-s-comp
check 'which is said' said 'which hands on messages only'
peers h x l
check 'nothing for whom h does not allow it' goes 7 x l-s-comp not-this
check 'which is said too' said 'relay=yes in the line of x'
peers h 'x relay=yes' 'l relay=yes'
# frame HEADERS...: $via's answer to such a message of host $as for host $for.
as=x for=l via=h mid=
frame() {
	{
		printf 'panemesh/1 HELLO 0 0\nHost: %s\nHost-Id: %s\nCan: relay\n\n' \
			"$as" "$(host_id "$as")"
		printf 'panemesh/1 DELIVER 01k%023d 4\n' "${mid:-$RANDOM}"
		[ -z "$for" ] || echo "For: $for"
		printf '%s\n' "$@"
		printf '\nevil'
	} | on "$via" agent-serve "${bound[@]}" >"$said" 2>&1
}
to_l=('To: l-s-comp' 'From: x-s-one')
bound=()
frame "${to_l[@]}" "For-Id: 0123456789abcdef"
check 'another machine than who sends means' said 'is another machine'
frame "${to_l[@]}" "For-Id: $(host_id l)" "Path: h.$(host_id h)"
check 'what came by h before' said 'in a circle'
frame "${to_l[@]}" "For-Id: $(host_id l)" \
	"Path: a.$(host_id l) b.$(host_id l) c.$(host_id l) d.$(host_id l) e.$(host_id l)"
check 'what came over five' said 'goes no further'
frame "${to_l[@]}" "For-Id: $(host_id l)" "Files: a"
check 'what has files' said 'neither files nor Ask are handed on'
bound=(--peer x)
frame "${to_l[@]}" "For-Id: $(host_id l)"
check 'what a bound key sends' said 'allow=relay in the line of x'
check 'which h writes down' sh -c \
	"tail -n 1 '$home_h/.agents/log/feed.jsonl' | grep refused |
		grep 'x-s-one' | grep -qF 'allow=relay in the line of x'"
bound=()
for=../l
frame "${to_l[@]}" "For-Id: $(host_id l)"
check 'what is for no host' said 'are no hosts'
for=h
frame "${to_l[@]}" "For-Id: $(host_id h)"
check 'what is for h itself' said 'in a circle'
for=l
check 'none of it was shown' got l comp evil 0

# --- y says that x sent it ---
light y
peers y "h $(at h)"
peers h 'x relay=yes' 'l relay=yes' "y relay=yes $(at y)"
check 'y is known to h' syncs y
as=y
frame "${to_l[@]}" "For-Id: $(host_id l)" "Path: x.$(host_id x)" \
	'Vouched: sender'
check 'it is handed on' said 'Verdict: submitted'
is "$(tags l comp | tail -n 1)" 'from x-s-one (unverified)' \
	'but h does not vouch for that'
is "$(grep -hs '^From: .*x-s-one' "$world"/hosts/l/.agents/mail/*/cur/* |
	tail -n 1)" 'From: "x-s-one" <x-s-one@h>' 'and it is of h, not of x'
is "$(author "notify-pane --ask l-s-comp sure >$world/asked")" 0 'x asks l'
question=$(sed 's/.* //' "$world/asked")
for=x
frame 'To: x-s-one' 'From: l-s-comp' "For-Id: $(host_id x)" \
	"Path: l.$(host_id l)" 'Vouched: sender' "In-Reply-To: $question"
check 'y answers as if it were l' said 'Verdict: shown'
is "$(author "agent-inbox get $question 2>/dev/null")" 8 \
	'which is no answer to x'
as=x for=l
peers h 'x relay=yes' 'l relay=yes'

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

# --- l without it ---
stripped() {
	cat >"$world/bin/$1" <<END
#!/bin/sh
$2 | $world/bin/at-$3 | $4
END
	chmod 755 "$world/bin/$1"
}
at l >/dev/null
older="sed -u '1,/^\$/s/^\\(Can: .*\\) relay/\\1/'"
stripped older-l cat l "$older"
peers h 'x relay=yes' "l relay=yes command=$world/bin/older-l"
peers x h 'l through=h'
check 'l of an older version' goes 4 x l-s-comp too-old
check 'is named too' said 'takes no messages that were handed on; update it'
peers h 'x relay=yes' 'l relay=yes'

# --- h is killed on the way ---
dying h
peers x "h command=$world/bin/dying-h" 'l through=h'
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

# The process of h that hands it on, before each call that changes anything.
at h >/dev/null
cat >"$world/bin/struck" <<END
#!/bin/sh
HOME=$home_h AGENTS_DIR=$home_h/.agents AGENT_SSH_HOME=$home_h \\
	AGENT_INBOX_DIR=$home_h/.agent-inbox TMUX_TMPDIR=$home_h/tmux \\
	exec kill-at -c "$world/log.\$(cat "$world/n")" \\
	"\$(cat "$world/at")" agent-serve
END
chmod 755 "$world/bin/struck"
# strikes NAME WORDS...: send "NAME N." until it goes through untouched. One
# that is said to be there is named in $world/taken, others in $world/unsure.
strikes() {
	local name=$1 status n=0
	shift
	: >"$world/taken"
	: >"$world/unsure"
	while
		n=$((n + 1))
		echo "$n" >"$world/at"
		echo "$name$n" >"$world/n"
		sent x "$@" l-s-comp "$name $n." </dev/null
		status=$?
		case $status in
		0) echo "$name $n." >>"$world/taken" ;;
		5) echo "$name $n." >>"$world/unsure" ;;
		*) note "$name $n: status $status: $(cat "$err")" ;;
		esac
		[ "$(tail -n 1 "$world/log.$name$n" 2>/dev/null)" = killed ]
	do :; done
	points=$((n - 1))
	note "$name: $points points, $(wc -l <"$world/unsure") unsure"
}
# There once, if it was taken; otherwise once at most.
once() {
	local text
	while read -r text; do
		got l comp "$text" 1 || return 1
	done <"$world/taken"
	while read -r text; do
		[ "$(submitted l comp "$text")" -le 1 ] || return 1
	done <"$world/unsure"
}
if kill-at "$world/k" 0 true; then
	peers x "h command=$world/bin/struck" 'l through=h'
	strikes struck
	check 'killed at every call of it' test "$points" -gt 3
	is "$(cat "$world/taken" "$world/unsure" | wc -l)" $((points + 1)) \
		'who sent it is told that nothing is sure'
	check 'and it is there once at most' once
else
	for n in 1 2 3; do
		ok 'killed # SKIP no ptrace here'
	done
fi
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
check 'and where no line of l says so, l sends nothing by way of h' goes 7 \
	l x-s-one not-this
peers h 'x relay=yes' 'l dial=no relay=yes'
check 'where one does, h' syncs h
check 'does not dial l' sh -c "! grep -q '^l:' '$world/synced'"
check 'and hands on what l sends' goes 0 l x-s-comp 'of the laptop'
check 'and keeps what is for it' goes 0 x -q l-s-comp 'for the laptop'
check 'until' syncs l
check 'it comes for it' until_true 20 got l comp 'for the laptop' 1
is "$(author "notify-pane -q --ask l-s-comp where >$world/asked")" 0 'x asks it'
question=$(sed 's/.* //' "$world/asked")
check 'which h keeps' goes 0 x --status "$question"
check 'and says so' said queued
syncs l
check 'l has the question' until_true 20 got l comp where 1
tmx l send-keys -t =s:one \
	"AGENT_NAME=l-s-comp notify-pane --reply $question here; echo \$? >$world/rc" Enter
until_true 30 test -s "$world/rc"
is "$(cat "$world/rc")" 0 'and answers by way of h'
rm -f "$world/rc"
is "$(author "agent-inbox await $question --timeout 20s >$world/answer")" 0 \
	'which x gets'
is "$(cat "$world/answer")" here 'as it was given'
is "$(author 'notify-pane -q --ttl 1s l-s-comp too-late >/dev/null')" 0 \
	'what l does not fetch in time'
late() {
	on h agent-discover >/dev/null 2>&1
	told too-late
}
check 'is reported by h' until_true 30 late
syncs l
check 'and not shown' got l comp too-late 0
is "$(on h agent-link l 2>&1 </dev/null)" \
	'agent-link: l: is not dialled: dial=no (peers.conf)' 'agent-link says why'
is "$(on h agent-sync peer add l 2>&1 | grep -c 'with dial=no; take')" 1 \
	'agent-sync peer add too'
is "$(on h agent-sync peer rm l 2>&1 | grep -c 'taken out of')" 1 \
	'and peer rm takes it out'
peers h 'x relay=yes'
syncs l

# --- one message, two ways ---
mid=99999
there_once=$(submitted l comp evil)
frame "${to_l[@]}" "For-Id: $(host_id l)" 'Queue: 1'
check 'h keeps it' said 'Verdict: queued'
as=h for='' via=l
frame "${to_l[@]}" "Path: x.$(host_id x)" 'Vouched: sender'
check 'and it comes another way meanwhile' said 'Verdict: submitted'
frame "${to_l[@]}" "Path: x.$(host_id x)" 'Vouched: sender'
check 'and once more' said 'Verdict: submitted'
as=x for=l via=h
frame "${to_l[@]}" "For-Id: $(host_id l)" 'Queue: 1'
check 'h has it still' said 'it waits here until host l fetches it'
syncs l
check 'l, which fetches it, has it' got l comp evil $((there_once + 1))
frame "${to_l[@]}" "For-Id: $(host_id l)" 'Queue: 1'
check 'and h knows' said 'Verdict: submitted'
check 'it is there once' got l comp evil $((there_once + 1))
mid=
stripped older-x "$older" h cat
peers l "h accept=mail command=$world/bin/older-x" 'x through=h'
check 'one more is kept' goes 0 x -q l-s-comp 'for a newer one'
id=$(ident)
check 'l of an older version' syncs l
check 'is not given it' says "$id" queued
peers l 'h accept=mail' 'x through=h'
syncs l
check 'a newer one is' until_true 20 got l comp 'for a newer one' 1
if kill-at "$world/k" 0 true; then
	peers x "h command=$world/bin/struck" 'l through=h'
	strikes kept -q
	check 'killed at every call that keeps it' test "$points" -gt 10
	is "$(cat "$world/taken" "$world/unsure" | wc -l)" $((points + 1)) \
		'who sent it is told that nothing is sure'
	syncs l
	check 'and it is there once at most' until_true 60 once
else
	for n in 1 2 3; do
		ok 'killed # SKIP no ptrace here'
	done
fi
peers x h 'l through=h'
sshd_stop h
check 'without h' goes 4 x l-s-comp nobody
check 'which is said' said 'h'
sshd_start h

# --- five hosts hand it on, and no more ---
light c2 c3 c4 c5
rm -f "$world"/hosts/[xh]/.agents/hosts/l.toml "$world"/hosts/[lh]/.agents/hosts/x.toml
peers x h 'l through=h'
peers h 'x relay=yes' "c2 relay=yes $(at c2)" 'l through=c2'
peers c2 "h relay=yes $(at h)" "c3 relay=yes $(at c3)" 'l through=c3' 'x through=h'
peers c3 "c2 relay=yes $(at c2)" "c4 relay=yes $(at c4)" 'l through=c4' 'x through=c2'
peers c4 "c3 relay=yes $(at c3)" "c5 relay=yes $(at c5)" 'l through=c5' 'x through=c3'
peers c5 "c4 relay=yes $(at c4)" "l relay=yes $(at l)" 'x through=c4'
peers l "c5 $(at c5)" 'x through=c5'
for h in l c5 c4 c3 c2 h x h c2 c3 c4 c5 l; do
	syncs "$h" || true
done
check 'x lists l over five' there x l-s-comp
check 'and l lists x' there l x-s-one
is "$(author 'notify-pane l-s-comp over-five')" 0 'a message goes over five'
check 'is there once' got l comp over-five 1
is "$(tags l comp | tail -n 1)" 'from x-s-one (unverified, through c5)' \
	'and each vouches for it to the next'
id=$(ids l comp | tail -n 1)
tmx l send-keys -t =s:one \
	"AGENT_NAME=l-s-comp notify-pane --reply $id over-five-back; echo \$? >$world/rc" Enter
until_true 60 test -s "$world/rc"
is "$(cat "$world/rc")" 0 'the answer goes back over five'
rm -f "$world/rc"
check 'and is known at x' told over-five-back
tmx l send-keys -t =s:comp -l half
check 'one that waits' goes 0 x -q l-s-comp 'waits far off'
id=$(ident)
check 'is asked for over five' says "$id" queued
tmx l send-keys -t =s:comp C-u
check 'till it is shown' until_true 60 says "$id" submitted
# y one further; x does not hand the slice of l so far.
peers x h 'l through=h' "y relay=yes $(at y)"
peers y "x $(at x)" 'l through=x'
syncs y || true
check 'y is not told of l' gone y l-s-comp
sed '1s/through h 5/through x 1/' "$world/hosts/x/.agents/hosts/l.toml" \
	>"$world/hosts/y/.agents/hosts/l.toml"
chmod 600 "$world/hosts/y/.agents/hosts/l.toml"
rm -f "$world/hosts/y/.agents/registry.toml"
check 'and over six' goes 7 y l-s-comp 'too far'
check 'it is not handed on' said 'host l: 5 hosts handed it on already'
check 'nor shown' got l comp 'too far' 0
# Each leads to the other.
peers c3 "c2 relay=yes $(at c2)" "c4 relay=yes $(at c4)" 'l through=c4' 'x through=c2'
peers c4 "c3 relay=yes $(at c3)" "c5 relay=yes $(at c5)" 'l through=c3' 'x through=c3'
check 'round and round' goes 7 x l-s-comp circle
check 'is seen' said 'in a circle, by c3'
