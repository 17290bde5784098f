#!/bin/bash
# While a link is kept, a host that cannot be dialled gets its messages as they
# come: a request waits at its peer. Whoever dies, no message does.
# time-limit: 300
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
LINK_IDLE=60
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
at_end() {
	on a agent-link --stop
	on l agent-link --stop
	mesh_down
}
far_up a l
plan 40

follower() {
	ours l 'agent-sync -q -t 60 fetch a' | head -n 1
}
follows() {
	[ -n "$(follower)" ]
}
follows_not() {
	! follows
}
# A request of it waits on a: a process that agent-serve forked.
waits() {
	local pid
	for pid in $(ours a agent-serve); do
		grep -qsx agent-serve "/proc/$(awk '/^PPid/ { print $2 }' \
			"/proc/$pid/status")/comm" && return
	done
	return 1
}
waits_not() {
	! waits
}
serves_not() {
	[ -z "$(ours a agent-serve)" ]
}
arrived() {
	[ "$(messages l comp | wc -l)" = "$1" ]
}
says() {
	on a notify-pane --status "$1" | grep -q "^$2"
}
ident() {
	sed -n 's/^queued \([0-9a-z]*\)$/\1/p' "$out"
}
syncs() {
	on l timeout 60 agent-sync >"$world/synced" 2>&1
}

# Only who follows is at work. What was shown is owed to its host: agent-inbox,
# which showed it, begins a sync for that.
settled() {
	[ -z "$(ours l agent-inbox)" ] && [ -z "$(ours l 'agent-sync -q$')" ] &&
		waits
}

composer l comp
composer a author
peers a ''
on a agent-link --stop >"$out" 2>&1
peers l 'a accept=mail'
check 'a sync' syncs
check 'is followed by a process that fetches' until_true 20 follows
check 'whose request waits there' until_true 20 waits
on l agent-sync fetch a >"$out" 2>&1
is "$? $(cat "$out")" '0 a: another process fetches' 'one at a time'
for n in 1 2 3; do
	sent a -q l-s-comp "number $n"
	is "$?" 0 "message $n is accepted"
done
third=$(ident)
check 'they come by themselves' until_true 20 arrived 3
is "$(messages l comp)" 'number 1
number 2
number 3' 'in order'
check 'and so does what became of them' until_true 20 says "$third" submitted
check 'it goes on' follows

# --- what is refused is told of while it goes on ---
tmx l set-option -p -t =s:comp @agent-allow nobody
reported() {
	[ "$(messages a author | grep -c 'to l-s-comp was refused')" = "$1" ]
}
for n in 1 2; do
	AGENT_NAME=a-s-author sent a -q l-s-comp "unwanted $n"
	unwanted=$(ident)
	check "what is refused ($n) is told of" until_true 20 says "$unwanted" \
		refused
	check 'and reported, before the link is idle' until_true 30 reported \
		"$n"
done
tmx l set-option -pu -t =s:comp @agent-allow
check 'it still goes on' until_true 20 follows

# --- it is killed ---
kill -KILL "$(follower)"
until_true 20 follows_not
sent a -q l-s-comp 'number 4'
fourth=$(ident)
check 'a sync after it was killed' syncs
check 'brings what came meanwhile' until_true 60 arrived 4
check 'and another follows' until_true 20 follows
check 'told too' until_true 20 says "$fourth" submitted

# --- its line changes, while a request waits there ---
for n in 5 6; do
	check "all is told before its line changes ($n)" until_true 20 settled
	if [ "$n" = 5 ]; then
		peers l a
	else
		on l agent-sync peer rm a >"$out" 2>&1
	fi
	sent a -q l-s-comp "number $n"
	check "what comes after its line changed ($n)" until_true 60 follows_not
	check 'is left there' says "$(ident)" 'queued: it waits here'
	peers l 'a accept=mail'
	check 'with accept=mail again' syncs
	check 'it comes' until_true 20 arrived "$n"
	check 'and another follows' until_true 20 follows
done

# --- the link ends ---
check 'all is told before the link ends' until_true 20 settled
on l agent-link --stop >"$out" 2>&1
check 'it ends with its link' until_true 20 follows_not
check 'and what waited for it there' until_true 20 serves_not

# --- by hand, where nobody takes it first ---
sent a -q l-s-comp 'number 7'
on l agent-sync fetch -t 1 a >"$out" 2>&1
is "$? $(cat "$out")" '0 a: 1 fetched' 'by hand'
check 'it is shown' until_true 20 arrived 7
on l agent-sync fetch nobody >"$out" 2>&1
is "$? $(cat "$out")" \
	'4 agent-sync: nobody: no such peer; agent-sync peer add nobody' \
	'of nobody'
peers l a
on l agent-sync fetch a >"$out" 2>&1
is "$? $(cat "$out")" \
	'7 agent-sync: a: its line in peers.conf does not say accept=mail' \
	'of a peer whose mail we do not take'
is "$(messages l comp | sort | uniq -d)" '' 'nothing came twice'
