#!/bin/bash
# A disk that stands still while a file is synced: others on the same link do
# not wait for it, and whoever is killed meanwhile leaves the file whole or not
# at all.
# time-limit: 240
export LINK_IDLE=600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
# shellcheck source=tests/it/kept.sh
. "$here/kept.sh"
if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	echo '1..0 # skip missing strace'
	exit 0
fi
far_up a b
composer b comp
plan 21
head -c 3000000 /dev/urandom >"$world/big"

# watch WHAT: this happens to every fsync of the server and its children.
watch() {
	serve=$(server)
	strace -f -qq -o /dev/null -e trace=fsync -e "inject=fsync:$1" \
		-p "$serve" 2>/dev/null &
	tracer=$!
	until_true 10 traced || note "strace does not see process $serve"
}

traced() {
	grep -q "^TracerPid:[[:space:]]*$tracer\$" "/proc/$serve/status"
}

unwatch() {
	kill "$tracer" 2>/dev/null
	wait "$tracer" 2>/dev/null
}

# send_file TEXT: while we go on; `filed` waits for its $status.
send_file() {
	rm -f "$world/filed"
	(
		on a notify-pane -f "$world/big" b-s-comp "$1" \
			>"$world/file.out" 2>&1
		echo $? >"$world/filed"
	) &
	sender_pid=$!
}

filed() {
	wait "$sender_pid"
	status=$(cat "$world/filed")
}

# Is the file all there, and being synced? By who holds it: a look at the pane
# is a child of the server too.
syncing() {
	for child in $(pgrep -P "$serve"); do
		[ -z "$(find "/proc/$child/fd" -lname "$home_b/.agent-inbox/*" \
			2>/dev/null)" ] || return 0
	done
	return 1
}

inbox() {
	find "$home_b/.agent-inbox" -type f 2>/dev/null | wc -l
}

descriptors() {
	find "/proc/$(server)/fd" -mindepth 1 | wc -l
}

sent a b-s-comp 'first'
once first 'a link'
fds=$(descriptors)

# --- others go on ---
watch delay_enter=600000000
send_file 'a slow one'
check 'a file whose disk stands still' until_true 20 syncing
sent a b-s-comp 'a text beside'
once 'a text beside' 'a text beside it'
sent a --check b-s-comp
is $? 0 'and a check'
is "$(test -e "$world/filed"; echo $?) $(inbox)" '1 0' \
	'while the file is not there yet'
unwatch
filed
is "$status $(inbox)" '0 1' 'it is, once the disk goes on'
is "$(sha256sum <"$(echo "$home_b"/.agent-inbox/*/big)")" \
	"$(sha256sum <"$world/big")" 'and whole'
is "$(submitted b comp 'a slow one')" 1 'and its message shown'
is "$(descriptors)" "$fds" 'nothing of it stays open'

# --- who syncs it is killed ---
rm -rf "$home_b/.agent-inbox"
watch signal=KILL
send_file 'a lost one'
filed
unwatch
check "its process is killed: an error ($status)" [ "$status" != 0 ]
check 'which says so' grep -q 'on b: the process that finished it was killed' \
	"$world/file.out"
is "$(inbox) $(submitted b comp 'a lost one')" '0 0' 'nothing is there'
is "$(descriptors)" "$fds" 'nor open'
sent a b-s-comp 'after it'
once 'after it' 'the link goes on'

# --- the server is killed ---
watch delay_enter=600000000
send_file 'without a server'
until_true 20 syncing
kill -9 "$serve"
gone() {
	! grep -qs '^State:[[:space:]][^ZX]' "/proc/$1/status"
}
# Before that whoever syncs may go on, and name the file.
until_true 20 gone "$serve"
unwatch
check 'the server is killed: so is who syncs' until_true 20 gone "$child"
filed
check "an error ($status)" [ "$status" != 0 ]
is "$(inbox) $(submitted b comp 'without a server')" '0 0' 'nothing is there'

# --- the link is cut ---
sent a b-s-comp 'again'
once again 'another link'
watch delay_enter=600000000
send_file 'without a link'
until_true 20 syncing
kill -9 "$(holder)"
unwatch
filed
# Shown and proven, or neither, or not known to be.
became="$status $(submitted b comp 'without a link')"
what="its link is cut: its sender is told the truth ($status)"
case $became in
'0 1' | '4 0' | '5 '?) ok "$what" ;;
*) not_ok "$what" ;;
esac
note "$(cat "$world/file.out")"
ended() {
	! kill -0 "$serve" 2>/dev/null
}
check 'and its server ends' until_true 20 ended
sent a b-s-comp 'at last'
once 'at last' 'another takes its place'
