#!/bin/bash
# Several hosts keep one address book: agent-sync between real sshds.
# time-limit: 400
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
mesh_up a b c || exit 1
plan 85

now_ms() {
	echo $((${EPOCHREALTIME/./} / 1000))
}
# The whole address book of a host, as addresses.
addresses() {
	sed -n 's/^\[agents\.\(.*\)\]$/\1/p' \
		"$world/hosts/$1/.agents/registry.toml" | sort
}
own() {
	sed -n 's/^\[agents\.\(.*\)\]$/\1/p' \
		"$world/hosts/$1/.agents/local.toml" | sort
}
# Do these hosts have the same book, made of what each says of itself?
agree() {
	local h want
	want=$(for h in "$@"; do own "$h"; done | sort)
	for h in "$@"; do
		[ "$(addresses "$h")" = "$want" ] || return 1
	done
}
lasting() {
	local pid
	# Of this world: other tests run beside us.
	for pid in $(pgrep -x 'agent-(sync|link|serve)'); do
		grep -qzs "^HOME=$world/" "/proc/$pid/environ" && return 1
	done
	return 0
}
logins() {
	grep -c 'Accepted publickey\|Connection from\|Connection closed' \
		"$world/hosts/$1/sshd.log"
}

# --- no peers, one peer ---
is "$(code on a agent-sync)" 0 'no peers: done'
check 'and it says how to add one' said 'agent-sync peer add'
is "$(code on a agent-sync status)" 0 'status without peers'
check 'says so, and how to add one' said '^no peers; agent-sync peer add'
is "$(code on a agent-sync peer add gone.invalid)" 4 'a peer without address'
check 'is named once' said '^agent-sync: gone.invalid: no address'
for h in a b c; do
	mesh_tmux "$h"
	until_true 10 there "$h" "$h-s-one"
done
is "$(code on a agent-sync peer add b)" 0 'peer add'
check 'it was reached' said '^b: reached: host b, panemesh [0-9]'
check 'that b has no way to us is said, with the mend' said \
	'does not reach us: .*agent-sync peer add a'
check 'its panes are there at once' there a b-s-one
check 'and ours there' there b a-s-one
is "$(cat "$world/hosts/a/.agents/peers.conf")" b 'peers.conf has the line'
is "$(code on b agent-sync peer add a)" 0 'the other way round'
check 'now both ways work' said '^a: reaches us: b'
is "$(code on a agent-sync peer add nowhere.invalid)" 4 'one that is not there'
check 'the reason' said 'nowhere.invalid'
is "$(cat "$world/hosts/a/.agents/peers.conf")" b 'is not written'
is "$(code on a agent-sync peer add -- -oProxyCommand=x)" 1 'nor an option'
is "$(code on a agent-sync peer add a)" 7 'nor this host itself'
check 'the reason' said '^agent-sync: a: leads back to this host itself'
is "$(cat "$world/hosts/a/.agents/peers.conf")" b 'it is not written'
is "$(code on a agent-sync status; grep -c refused "$world/out")" "0
0" 'and leaves nothing in status'
mv "$world/hosts/a/.agents/hosts" "$world/kept"
: >"$world/hosts/a/.agents/hosts"
is "$(code on a agent-sync peer add b; grep -c 'hosts/b.toml' "$world/out")" "9
1" 'where no slice can be kept: said once'
rm "$world/hosts/a/.agents/hosts"
mv "$world/kept" "$world/hosts/a/.agents/hosts"
truncate -s -40 "$world/hosts/a/.agents/hosts/b.toml"
is "$(code on a agent-sync)" 0 'a damaged slice of a peer'
check 'comes again' there a b-s-one
peers a b a
is "$(code on a agent-sync)" 6 'in peers.conf it fails'
check 'and the mend is said' said 'own peer: agent-sync peer rm a$'
peers a 'gone command=/nonexistent/agent-serve'
is "$(code on a agent-sync)" 4 'a command= that is not there'
check 'is what is said' said 'gone: no agent-serve there: the program cannot'

# --- three hosts ---
peers a b c
peers b a c
peers c a b
is "$(code on a agent-sync)" 0 'a sync with two'
on b agent-sync >/dev/null
check 'all three have one book' until_true 10 agree a b c
is "$(on a notify-pane --list | grep -c 's-one')" 3 'notify-pane lists it'
t=$(now_ms)
ssh -F "$world/hosts/a/.ssh/config" -o BatchMode=yes \
	-o UserKnownHostsFile="$world/hosts/a/.ssh/known_hosts" b true
floor=$(($(now_ms) - t))
t=$(now_ms)
tmx b new-window -d -n fresh
until_true 10 there a b-s-fresh && until_true 10 there c b-s-fresh
t=$(($(now_ms) - t))
note "a new window was with the peers after $t ms; ssh b true took $floor ms"
[ "$t" -le $((floor + 1000)) ]
is $? 0 'a new window is with the peers within ssh b true plus a second'
for i in 1 2 3 4 5 6 7 8; do
	for h in a b c; do
		tmx "$h" new-window -d -n "w$i"
	done
	for h in a b c; do
		[ "$i" -lt 3 ] || tmx "$h" kill-window -t "w$((i - 2))"
	done
done
settled() {
	[ "$(own a | wc -l) $(own b | wc -l) $(own c | wc -l)" = '3 4 3' ] &&
		agree a b c
}
check 'windows open and close on all three: one book in the end' \
	until_true 20 settled
check 'and nothing runs any more' until_true 30 lasting

# --- many at once ---
for i in 1 2 3 4 5 6 7 8 9 10; do
	on a agent-sync -q &
done
on a agent-sync >"$world/o1" 2>&1 &
p1=$!
on a agent-sync >"$world/o2" 2>&1 &
p2=$!
wait "$p1"
is $? 0 'two by hand beside ten by hooks: one'
wait "$p2"
is $? 0 'and the other'
wait
for i in 1 2 3 4 5 6 7 8 9 10; do
	for h in a b c; do
		on "$h" agent-sync -q &
	done
done
wait
check 'all hosts at once: one book' agree a b c
is "$(find "$world/hosts/a/.agents" -name '*.tmp.*' | wc -l)" 0 \
	'nothing is left behind'
touch "$world/syncing"
while [ -e "$world/syncing" ]; do
	tmx b rename-window -t =s:0 one
	on a agent-sync
	tmx b rename-window -t =s:0 other
	on a agent-sync
done >/dev/null 2>&1 &
syncing=$!
lookups() {
	local i
	for i in $(seq 300); do
		on a notify-pane --list | grep -q c-s-one || return 1
	done
}
check 'no lookup fails while books come in' lookups
rm "$world/syncing"
wait "$syncing"
tmx b rename-window -t =s:0 one
check 'and all agree' until_true 20 agree a b c

# --- killed ---
stamps() {
	stat -c '%n %i' "$world/hosts/a/.agents/registry.toml" \
		"$world/hosts/a/.agents/hosts"/*.toml
}
# How far is the sync that runs as $pid?
at_stage() {
	local links
	links=$(pgrep -cP "$pid" -x agent-link)
	case $1 in
	0) ;;
	1) [ "$links" -ge 1 ] ;;
	2) [ "$links" -ge 2 ] ;;
	3) [ "$(stamps)" != "$stamp" ] ;;
	*) [ "$(stamps | grep registry)" != "$(grep registry <<<"$stamp")" ] ;;
	esac
}
for i in 0 1 2 3 4 5 6 7 8 9; do
	tmx b rename-window -t one "one$i" 2>/dev/null ||
		tmx b rename-window -t "one$((i - 1))" "one$i"
	stamp=$(stamps)
	on a agent-sync >/dev/null 2>&1 &
	pid=$!
	until at_stage $((i % 5)) || ! kill -0 "$pid" 2>/dev/null; do
		:
	done
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	on a notify-pane --list | grep -q c-s-one ||
		note "after kill $i the book lacks c-s-one"
done
is "$(code on a agent-sync)" 0 'killed at ten moments: the next one works'
tmx b rename-window -t one9 one
check 'and all agree' until_true 20 agree a b c

# --- a dead peer, one that does not answer ---
sshd_stop c
is "$(code on a agent-sync)" 6 'one of two is down: 6'
check 'which one' said '^agent-sync: c: '
is "$(code on a agent-sync status)" 0 'status'
check 'says so' said '^c +c +failed'
check 'its last slice is kept' there a c-s-one
silent=$(free_port)
python3 -c "
import socket, time
s = socket.create_server(('127.0.0.1', $silent))
time.sleep(300)" &
silent_pid=$!
listens() {
	(exec 3<>"/dev/tcp/127.0.0.1/$silent")
}
until_true 10 listens
sed -i "/^Host c/,/Port/s/Port .*/Port $silent/" "$world/hosts/a/.ssh/config"
t=$(now_ms)
on a agent-sync -t 4 >"$world/out" 2>&1 &
pid=$!
tmx b new-window -d -n late
until_true 10 there a b-s-late
t2=$(($(now_ms) - t))
wait "$pid"
is $? 6 'one that never answers: 6'
t=$(($(now_ms) - t))
note "b's slice after $t2 ms, the end after $t ms"
[ "$t" -ge 2000 ] && [ "$t" -le 5000 ]
is $? 0 'after the time-out, and not more than a second later'
[ "$t2" -le 1500 ]
is $? 0 'the other came at once'
on a agent-sync -q -t 8 &
hung=$!
# What the turn with a peer is kept by.
held() {
	local f
	for f in "$world/hosts/a/.agents/run"/sync-*."$1"; do
		grep -q ":$(stat -c %i "$f") " /proc/locks && return 0
	done
	return 1
}
only_c() {
	[ "$(pgrep -cP "$hung" -x agent-link)" = 1 ]
}
until_true 5 held lock
until_true 5 only_c
on a agent-sync -q -t 8 &
second=$!
until_true 5 held wait
t=$(now_ms)
on a agent-sync -q -t 8
t=$(($(now_ms) - t))
[ "$t" -le 1500 ]
is $? 0 'while two wait for it, a third leaves it to them'
kill "$hung" "$second"
wait "$hung" "$second" 2>/dev/null
kill "$silent_pid"
sed -i "/^Host c/,/Port/s/Port .*/Port $(host_port c)/" \
	"$world/hosts/a/.ssh/config"
is "$(code on a agent-sync -t 3)" 6 'still down'
sshd_start c
is "$(code on a agent-sync)" 0 'back again'
# What it missed it asks for itself, as its timer would.
on c agent-sync >/dev/null
check 'and in one book' until_true 20 agree a b c

# --- refused ---
mv "$world/hosts/b/.ssh/authorized_keys" "$world/keys"
is "$(code on a agent-sync)" 6 'a key that is not taken'
check 'with the mend' said 'ssh -o BatchMode=yes b true'
is "$(code on a agent-sync status)" 0 'status'
check 'says refused' said '^b +b +refused'
n=$(logins b)
on a agent-sync -q
on a agent-sync -q
is "$(logins b)" "$n" 'is not tried again by itself'
mv "$world/keys" "$world/hosts/b/.ssh/authorized_keys"
is "$(code on a agent-sync)" 0 'by hand it is'
sed -i "s/^\[127.0.0.1\]:$(host_port b) .*//" "$world/hosts/a/.ssh/known_hosts"
is "$(code on a agent-sync)" 6 'a host key that is not known'
check 'with the mend' said 'ssh b true'
n=$(logins b)
on a agent-sync -q
is "$(logins b)" "$n" 'nor is that one'
echo "[127.0.0.1]:$(host_port b) $(cut -d' ' -f1,2 \
	"$world/hosts/b/host_key.pub")" >>"$world/hosts/a/.ssh/known_hosts"
on a agent-sync -q
[ "$(logins b)" != "$n" ]
is $? 0 'until a file of keys changes'

# --- lies ---
mkdir -p "$world/hosts/liar"
cp -r "$world/hosts/c/." "$world/hosts/liar/"
rm -rf "$world/hosts/liar/.agents"
mkdir -m 700 "$world/hosts/liar/.agents"
echo b >"$world/hosts/liar/.agents/self.conf"
cp "$world/hosts/c/.agents/config.toml" "$world/hosts/liar/.agents/"
peers liar a
tmx_before=$(md5sum <"$world/hosts/a/.agents/hosts/b.toml")
is "$(code on liar agent-sync)" 4 'another host that says it is b'
check 'is told so' said 'host_id'
is "$(md5sum <"$world/hosts/a/.agents/hosts/b.toml")" "$tmx_before" \
	'the slice of b stays'
is "$(code on a agent-sync status)" 0 'status'
check 'shows what was refused' said 'refused 20.*host_id .*hosts/b.bad'
echo liar >"$world/hosts/liar/.agents/self.conf"
on liar agent-sync >/dev/null
sed -i 's/^\[slices.liar\]/&\n# x/; $a[agents.b-s-one]\nhost = "b"\ntarget = "x"' \
	"$world/hosts/liar/.agents/local.toml"
is "$(code on liar agent-sync)" 4 "a slice with somebody else's entry"
check 'is refused' said "in a slice of 'liar'"

# --- something here is wrong: said once, and as such ---
echo 'nosuch = 1' >"$world/hosts/a/.agents/config.toml"
is "$(code on a agent-sync) $(wc -l <"$world/out")" '9 1' 'config.toml is not valid'
check 'so it is said' said "config.toml:1: unknown key 'nosuch'"
cp "$world/hosts/c/.agents/config.toml" "$world/hosts/a/.agents/"
chmod 666 "$world/hosts/a/.agents/local.toml"
is "$(code on a agent-sync) $(wc -l <"$world/out")" '9 1' "local.toml is everybody's"
check 'so it is said' said 'local.toml: writable by others'
chmod 600 "$world/hosts/a/.agents/local.toml"
check 'mended, it goes on' on a agent-sync

# --- peer rm ---
is "$(code on a agent-sync peer rm c)" 0 'peer rm'
check 'forgets its panes' gone a c-s-one
is "$(code on a agent-sync peer rm c)" 2 'twice is an error'
is "$(code on a agent-sync peer rm liar)" 0 \
	'a host that was only refused can be forgotten'
check 'and is' test ! -e "$world/hosts/a/.agents/hosts/liar.bad"
on a agent-sync status --json >"$world/json"
check 'status --json is JSON' python3 -c "
import json
s = json.load(open('$world/json'))
assert s['host'] == 'a' and s['peers'][0]['alias'] == 'b', s
assert s['peers'][0]['state'] == 'ok' and s['peers'][0]['agents'] > 0, s"

# --- several at once ---
peers a b gone1 gone2 gone3 gone4 gone5 gone6
printf 'Host b1 b2 b3\n\tHostName 127.0.0.1\n\tPort %s\n\tIdentityFile %s/.ssh/id_ed25519\n' \
	"$(host_port b)" "$world/hosts/a" >>"$world/hosts/a/.ssh/config"
pids=()
for n in 1 2 3 4 5 6; do
	on a agent-sync peer rm "gone$n" >"$world/out$n" 2>&1 &
	pids+=($!)
done
for n in 1 2 3; do
	on a agent-sync peer add "b$n" >"$world/out1$n" 2>&1 &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do
	wait "$pid" || failed=$((failed + 1))
done
is "$failed" 0 'peers are added and taken out at once'
is "$(sort "$world/hosts/a/.agents/peers.conf" | xargs)" 'b b1 b2 b3' \
	'and each line is as it was asked for' || note "$(cat "$world"/out*)"
