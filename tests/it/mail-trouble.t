#!/bin/bash
# Mail when a disk is full, clocks jump and a host is away for long: what was
# accepted is shown once or reported, what was not is kept nowhere.
# time-limit: 300
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a l
home_a=$world/hosts/a home_l=$world/hosts/l
at_end() {
	mesh_down
	umount "$home_a/.agents/outbox" "$home_l/.agents/mail" \
		"$home_l/.agents/fetched" 2>/dev/null
}

ident() {
	sed -n 's/^queued \([0-9a-z]*\)$/\1/p' "$out"
}
says() {
	on a notify-pane --status "$1" | grep -q "^$2"
}
syncs() {
	on l timeout 60 agent-sync >"$world/synced" 2>&1
}
arrived() {
	[ "$(messages l comp | wc -l)" = "$1" ]
}
# reported ID WHAT: its sender was told so.
reported() {
	messages a author | grep -q "^your message $1 to l-s-comp was $2"
}
kept() {
	find "$home_a/.agents/outbox" -path '*/new/*' -o -path '*/cur/*' |
		wc -l
}
keeps() {
	[ "$(kept)" = "$1" ]
}
block() {
	tmx l send-keys -t =s:comp -l half
	until_true 10 sh -c "HOME=$home_l TMUX_TMPDIR=$home_l/tmux \
		tmux -L main capture-pane -p -t =s:comp | grep -q half"
}
free() {
	tmx l send-keys -t =s:comp C-u
}
plan 52
composer l comp
composer a author
peers a ''
peers l 'a accept=mail'
check 'the laptop syncs' syncs

# --- clocks ---
sanitized=
! grep -q __asan_init "$BUILD/agent-serve" || sanitized=yes
# ahead HOST SECONDS COMMAND...: its clock is ahead by so much.
ahead() {
	local h=$1
	python3 -c 'import struct, sys
open(sys.argv[1], "wb").write(struct.pack("qq", int(sys.argv[2]), 0))' \
		"$world/skew" "$2"
	shift 2
	on "$h" env SKEW="$world/skew" LD_PRELOAD="$BUILD/helpers/skew.so" "$@"
}
# jumps SECONDS WORDS: its clock when it fetches what lives an hour.
jumps() {
	local before
	before=$(messages l comp | wc -l)
	on a notify-pane -q -e 1h l-s-comp "$2" >"$out" 2>"$err"
	is "$?" 0 "$2: kept"
	ahead l "$1" agent-sync >"$world/synced" 2>&1
	check "$2: shown" until_true 20 arrived $((before + 1))
	check "$2: told" until_true 20 says "$(ident)" submitted
	ahead l "$1" agent-sync >"$world/synced" 2>&1
	check "$2: once" arrived $((before + 1))
}
if [ -n "$sanitized" ]; then
	for _ in $(seq 20); do
		ok 'clocks # SKIP sanitized programs cannot be preloaded'
	done
else
	jumps 7200 'a laptop two hours ahead'
	jumps -7200 'a laptop two hours behind'
	jumps 0 'and right again'
	before=$(messages l comp | wc -l)
	AGENT_NAME=a-s-author sent a -q -e 1h l-s-comp 'an hour later'
	ahead a 3700 agent-discover -q >"$world/said" 2>&1
	check 'its time is over: expired' says "$(ident)" expired
	check 'and reported' until_true 20 reported "$(ident)" expired
	check 'a sync, the clock being right again' syncs
	check 'does not bring it' arrived "$before"
	ahead a 86400 notify-pane -q l-s-comp 'kept tomorrow' >"$out" 2>"$err"
	is "$?" 0 'kept with a clock a day ahead'
	check 'a sync' syncs
	check 'brings it' until_true 20 arrived $((before + 1))
	check 'and tells' until_true 20 says "$(ident)" submitted
fi

# --- full disks ---
if [ "$(id -u)" != 0 ] || ! small "$home_a/.agents/outbox"; then
	for _ in $(seq 24); do
		ok 'full disks # SKIP only root may mount'
	done
else
	before=$(messages l comp | wc -l)
	sent a -q l-s-comp 'before the disk was full'
	is "$?" 0 'with space it is kept'
	fill "$home_a/.agents/outbox"
	refuses 9 'No space left' 'a full disk where it waits: refused' \
		-q l-s-comp "no space $(printf '%04096d' 0)"
	is "$(kept)" 1 'nothing of it is kept'
	check 'a sync' syncs
	check 'fetches what was accepted' until_true 20 arrived $((before + 1))
	room "$home_a/.agents/outbox"
	check 'and another, with space' syncs
	check 'there is no more' until_true 30 keeps 0
	sent a -q l-s-comp 'with space again'
	is "$?" 0 'then one is kept'
	check 'and fetched' syncs
	check 'and shown' until_true 20 arrived $((before + 2))
	# Its verdict is told a moment later.
	until_true 30 keeps 0

	for folder in mail fetched; do
		small "$home_l/.agents/$folder"
		block
		before=$(messages l comp | wc -l)
		sent a -q l-s-comp "while $folder is full"
		id=$(ident)
		fill "$home_l/.agents/$folder"
		syncs
		is "$?" 9 "$folder full where it goes: the sync says so"
		check "$folder: clearly" grep -q 'No space left' "$world/synced"
		check "$folder: it waits at the peer" says "$id" queued
		is "$(kept)" 1 "$folder: there"
		room "$home_l/.agents/$folder"
		check "$folder: with space, a sync" syncs
		free
		check "$folder: brings it" until_true 20 arrived $((before + 1))
		check "$folder: and tells" until_true 20 says "$id" submitted
	done
fi

umount "$home_a/.agents/outbox" 2>/dev/null

# --- a long partition, with a kill on either side of it ---
before=$(messages l comp | wc -l)
sshd_stop a
for i in $(seq 25); do
	sent a -q l-s-comp "while it was away $i"
done
is "$(kept)" 25 'all wait'
syncs
is "$?" 4 'a sync while the host is away'
sshd_start a
on l timeout -s KILL 0.3 agent-sync >"$world/synced" 2>&1
check 'a sync after one that was killed' syncs
check 'another' syncs
check 'all are shown' until_true 60 arrived $((before + 25))
is "$(messages l comp | tail -n 25)" \
	"$(seq -f 'while it was away %.0f' 25)" 'each once, in order'
# By itself: whoever shows the last one tells.
nothing_left() {
	[ "$(kept) $(find "$home_l/.agents/fetched" -type f | wc -l)" = '0 0' ]
}
check 'and nothing is left behind' until_true 30 nothing_left
