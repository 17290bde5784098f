#!/bin/bash
# lane-kill.t - long files over a distance: a link takes a second session for
# their bytes, and whatever dies, a file is whole or not there.
# time-limit: 240
LINK_IDLE=600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
# shellcheck source=tests/it/kept.sh
. "$here/kept.sh"
plan 24

# The way from a to b takes 50 ms, and as long back, and 40 MB a second: twice
# what one window of 2 MiB lets through.
cat >"$world/away" <<'END'
#!/usr/bin/python3
import os, socket, sys, threading, time, collections
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def pump(get, put):
    line, more = collections.deque(), threading.Condition()
    def read():
        while True:
            data = get()
            with more:
                line.append((time.monotonic() + 0.05, data))
                more.notify()
                while len(line) > 400:
                    more.wait()
            if not data:
                return
    threading.Thread(target=read, daemon=True).start()
    while True:
        with more:
            while not line:
                more.wait()
            due, data = line.popleft()
            more.notify()
        time.sleep(max(0, due - time.monotonic()))
        if not data:
            os._exit(0)
        put(data)
        time.sleep(len(data) / 40e6)
def write(data):
    while data:
        data = data[os.write(1, data):]
threading.Thread(target=pump, args=(lambda: s.recv(32768), write),
    daemon=True).start()
pump(lambda: os.read(0, 32768), s.sendall)
END
chmod +x "$world/away"
far_up a b
on a agent-link --stop
printf '\tProxyCommand %s %%p\n' "$world/away" >"$world/proxy"
sed -i "/^Host b\$/r $world/proxy" "$world/hosts/a/.ssh/config"
composer b comp
head -c 25000000 /dev/urandom >"$world/long"
head -c 80000000 /dev/urandom >"$world/longer"

lanes() {
	[ "$(servers | wc -l)" = "$1" ]
}
inbox() {
	find "$home_b/.agent-inbox" -type f -name "$1*"
}
sums() {
	inbox "$1" | xargs -r sha256sum | cut -c1-64 | sort | uniq -c |
		awk '{ print $1, $2 }'
}
# send FILE: in the background, its status in $world/status in the end.
send() {
	rm -f "$world/status"
	written_before=$(written)
	(
		on a notify-pane b-s-comp "about $1" -f "$world/$1" >"$world/out.$1" 2>&1
		echo $? >"$world/status"
	) &
}
ended() {
	until_true 60 test -s "$world/status"
	cat "$world/status"
}
# settled WHAT: the longer file is there once, whole and told, and that is what
# its sender says (it was sent again), or it is not and it says so.
settled() {
	local status told
	status=$(ended)
	told=$(submitted b comp 'about longer')
	case "$status $((told - told_before)) $(sums longer)" in
	"0 1 1 $(sha256sum <"$world/longer" | cut -c1-64)") ok "$1: it came" ;;
	"4 0 " | "5 0 ") ok "$1: it did not come, and that is said" ;;
	*) not_ok "$1: status $status, told $((told - told_before)), $(sums longer)" ;;
	esac
	told_before=$told
	rm -f "$home_b"/.agent-inbox/*/longer*
}
told_before=0
# How much those there have written so far.
written() {
	local pid all=0
	for pid in $(servers); do
		all=$((all + $(awk '/^wchar/ { print $2 }' "/proc/$pid/io")))
	done
	echo "$all"
}
# So many bytes of what is being sent are there.
begun() {
	[ "$(written)" -gt $((written_before + $1)) ]
}
the_lane() {
	servers | grep -vx "$main"
}

sent a b-s-comp hello
is $? 0 'a text'
main=$(server)
check 'a link has one session' lanes 1
sent a b-s-comp "the first" -f "$world/long"
is $? 0 'a long file'
is "$(sums long)" "1 $(sha256sum <"$world/long" | cut -c1-64)" 'is what was sent'
check 'it took a second session' lanes 2
before=$(holder)
for i in 2 3 4; do
	on a notify-pane b-s-comp "number $i" -f "$world/long" >"$world/out.$i" 2>&1 &
	jobs[i]=$!
done
for i in 1 2 3 4 5; do
	sent a b-s-comp "between $i" || note "$(cat "$out" "$err")"
done
status=
for i in 2 3 4; do
	wait "${jobs[i]}"
	status+=$?
done
is "$status" 000 'three at once, and texts'
is "$(sums long)" "4 $(sha256sum <"$world/long" | cut -c1-64)" 'are what was sent'
is "$(submitted b comp 'between')" 5 'and so are the texts'
check 'by the same two' lanes 2

# --- the second agent-serve is killed
send longer
check 'a longer one is under way' until_true 20 begun 20000000
kill -9 "$(the_lane)"
settled 'its second session is killed'
sent a b-s-comp "after" -f "$world/long"
is "$? $(holder)" "0 $before" 'the link goes on'
check 'with one session' lanes 1

# --- who sends it is killed
on a agent-link --stop
sent a b-s-comp "again" -f "$world/long"
check 'two sessions again' lanes 2
send longer
until_true 20 begun 20000000
pkill -9 -f "notify-pane b-s-comp about longer"
is "$(ended)" 137 'the sender is killed'
sent a b-s-comp "after that" -f "$world/long"
is $? 0 'the next one goes'
is "$(inbox longer)" '' 'nothing of the other is left'

# --- the link is
send longer
until_true 20 begun 20000000
kill -9 "$(holder)"
settled 'the link is killed'

# --- and the first agent-serve
on a agent-link --stop
check 'all sessions end with their link' until_true 10 lanes 0
sent a b-s-comp "once more" -f "$world/long"
main=$(server)
send longer
until_true 20 begun 20000000
# The first is who writes.
for pid in $(servers); do
	[ "$(awk '/^wchar/ { print $2 }' "/proc/$pid/io")" -gt 1000000 ] &&
		kill -9 "$pid"
done
settled 'agent-serve is killed'

# --- a server that gives one session, and a bound key
on a agent-link --stop
sshd_stop b
echo "MaxSessions 1" >>"$home_b/sshd_config"
sshd_start b
rm -rf "$home_b/.agent-inbox"
sent a b-s-comp "alone" -f "$world/long"
is $? 0 'MaxSessions 1: it goes by one'
sent a b-s-comp "still"
is "$? $(servers | wc -l)" "0 1" 'and the link is well'
on a agent-link --stop
sshd_stop b
sed -i /MaxSessions/d "$home_b/sshd_config"
sed -i "s|^ssh-ed25519 \\(.* a\\)\$|restrict,command=\"agent-serve --peer a\" ssh-ed25519 \\1|" \
	"$home_b/.ssh/authorized_keys"
sshd_start b
sent a b-s-comp "bound" -f "$world/long"
is $? 0 'a bound key'
is "$(sums long)" "2 $(sha256sum <"$world/long" | cut -c1-64)" 'as it was sent'
