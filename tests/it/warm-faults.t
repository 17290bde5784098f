#!/bin/bash
# What goes wrong around links that are kept: keys made anew on the way, another
# host key, a host that was started anew, a machine that slept, and callers that
# are no shell of a person.
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
far_up a b
composer b comp
plan 40

# --- the server makes new keys, all the time ---
on a agent-link --stop
sshd_stop b
printf 'RekeyLimit 1M 3s\nLogLevel DEBUG1\n' >>"$home_b/sshd_config"
sshd_start b
n=$(dialled)
head -c 30000000 /dev/urandom >"$world/large"
sent a b-s-comp -f "$world/large" 'a large file'
is "$? $(sha256sum <"$(echo "$home_b"/.agent-inbox/*/large)")" \
	"0 $(sha256sum <"$world/large")" 'a file across new keys'
[ ! -s "$err" ] || note "$(cat "$err")"
began=$SECONDS
i=0
while [ $((SECONDS - began)) -lt 12 ]; do
	i=$((i + 1))
	sent a b-s-comp "rekeyed $i" || note "$i: $(cat "$err")"
done
is "$(messages b comp | grep -c rekeyed)" "$i" "$i messages across them"
rekeys=$(grep -c 'SSH2_MSG_KEXINIT sent' "$home_b/sshd.log")
check "$rekeys times" [ "$rekeys" -gt 10 ]
is "$(($(dialled) - n))" 1 'on one connection'

# --- another host key, while a link stands ---
pid=$(holder)
sshd_stop b
cp "$home_b/host_key" "$world/old_key"
cp "$home_b/host_key.pub" "$world/old_key.pub"
rm "$home_b/host_key" "$home_b/host_key.pub"
ssh-keygen -q -t ed25519 -N '' -f "$home_b/host_key"
sed -i '/^RekeyLimit/d' "$home_b/sshd_config"
sshd_start b
sent a b-s-comp 'another host key'
once 'another host key' 'a link that stands is what it was'
is "$(holder)" "$pid" 'and stays'
on a agent-link --stop
sent a b-s-comp 'not to a stranger'
is "$? $(submitted b comp 'not to a stranger') $(grep -c 'ssh-keygen -f' "$err")" \
	'4 0 1' 'the next one is not made, and the mend is named'
held_links() {
	on a agent-link --status | wc -l
}
is "$(held_links)" 0 'none is kept then'
sshd_stop b
cp "$world/old_key" "$home_b/host_key"
cp "$world/old_key.pub" "$home_b/host_key.pub"
sshd_start b
sent a b-s-comp 'the known key'
once 'the known key' 'with the known key there is one again'

# --- the peer is taken out of peers.conf ---
pid=$(holder)
peers a '# nobody'
sent a b-s-comp 'to nobody'
is "$? $(submitted b comp 'to nobody')" '4 0' 'a peer that is listed no more'
check 'its link ends, though it was the only one' \
	until_true 15 sh -c "! kill -0 $pid 2>/dev/null"
peers a b

# --- b is started anew ---
sent a b-s-comp 'before the start'
once 'before the start' 'a link before b goes down'
pid=$(holder)
sessions() {
	local p
	for p in $(pgrep -P "$(cat "$home_b/sshd.pid")" sshd); do
		echo "$p"
		pgrep -P "$p" sshd
	done
}
# Its sshd, and what carries its HOME.
down() {
	local p
	for p in $(cat "$home_b/sshd.pid") $(sessions) $(pgrep -x \
		'tmux: server|agent-serve|agent-link|composer|sh'); do
		if [ "$(cat "/proc/$p/comm")" = sshd ] ||
			grep -qzs "^HOME=$home_b\$" "/proc/$p/environ"; then
			kill -9 "$p"
		fi
	done 2>/dev/null
	rm -f "$home_b/sshd.pid"
}
down
sent a b-s-comp 'while it is down'
is "$? $(submitted b comp 'while it is down')" '4 0' 'a message while it is down'
sshd_start b
mesh_tmux b
composer b comp
sent a b-s-comp 'after the start'
once 'after the start' 'and after it came up'
check 'on a new link' other_than "$pid"

# --- this machine slept, and the way to b is gone since ---
# Both ends stand still for longer than a silence is trusted (13 s); then ours
# wakes up, and what it holds leads nowhere.
passed() {
	[ "$SECONDS" -ge "$1" ]
}
pid=$(holder)
mapfile -t far < <(sessions)
kill -STOP "$pid" "${far[@]}"
until_true 20 passed $((SECONDS + 15))
kill -CONT "$pid"
began=$SECONDS
sent a b-s-comp 'after the sleep'
once 'after the sleep' 'a message after a sleep'
check "in time ($((SECONDS - began)) s)" [ $((SECONDS - began)) -le 8 ]
check 'on another link' other_than "$pid"
kill -9 "${far[@]}" 2>/dev/null

# --- the holder stops under a message ---
tmx b new-window -d -n slow "exec composer -l $world/b-slow.log"
until_true 10 drawn b slow
until_true 10 there a b-s-slow
tmx b send-keys -t =s:slow typed
on a notify-pane --wait 60 b-s-slow 'stopped on the way' >"$out" 2>"$err" &
waiter=$!
waits() {
	on a agent-link --status | grep -q '1 without answer'
}
until_true 10 waits
pid=$(holder)
n=$(dialled)
kill -STOP "$pid"
again() {
	[ "$(dialled)" -gt "$n" ]
}
# 10 s without a byte are allowed.
check 'a holder that stops under a message is found' until_true 15 again
tmx b send-keys -t =s:slow C-u
wait "$waiter"
is "$? $(submitted b slow 'stopped on the way')" '0 1' 'the message comes once'

sent a b-s-comp 'after it'
once 'after it' 'and so does the next'
check 'on another link' other_than "$pid"

# --- callers that are no person's shell ---
# from NAME COMMAND...: started by that, with no link before, a message NAME is
# submitted, nobody waits for anything else, and the link is nobody's.
from() {
	local who=$1 pid
	shift
	on a agent-link --stop
	if on a timeout 10 "$@" >"$world/from" 2>&1; then
		ok "$who ends"
	else
		not_ok "$who ends"
		note "status $?: $(cat "$world/from")"
	fi
	came() {
		[ "$(submitted b comp "$who")" = 1 ]
	}
	check "$who: the message comes" until_true 10 came ||
		note "$(cat "$world/from")"
	pid=$(holder)
	# A command in the background is not done when its message is there.
	check "$who: its link is nobody's" until_true 10 nobodys "$pid" ||
		note "$(tied "$pid"); $(find "/proc/$pid/fd" -lname 'pipe:*')"
}

# tied PID: its parent, its terminal and how many pipes it has.
tied() {
	echo "$(ps -o ppid=,tty= -p "$1" | xargs) $(find "/proc/$1/fd" \
		-lname 'pipe:*' | wc -l)"
}

nobodys() {
	[ "$(tied "$1")" = '1 ? 0' ]
}

# As crontab gives it: three variables, and mail of what is said.
cat >"$world/cron" <<EOF
exec env -i HOME="$world/hosts/a" PATH=/usr/bin:/bin SHELL=/bin/sh \
	AGENT_SSH_HOME="$world/hosts/a" PANEMESH_TEST="${PANEMESH_TEST:-x}" \
	sh -c '"$BUILD/notify-pane" b-s-comp cron'
EOF
from cron sh -c "sh $world/cron | cat"
pid=$(holder)
on a agent-sync -q
is "$(holder)" "$pid" 'others find the same link'

# From a hook of tmux, and as a job that tmux waits for.
cat >"$world/tell" <<EOF
#!/bin/sh
exec $BUILD/notify-pane b-s-comp "\$1"
EOF
chmod 755 "$world/tell"
tmx a set-hook -g 'after-new-window[77]' "run-shell -b '$world/tell hook'"
from hook tmux -L main new-window -d -n hooked
tmx a set-hook -gu 'after-new-window[77]'
from run-shell tmux -L main run-shell "$world/tell run-shell"
pid=$(holder)
tmx a new-session -d -s other 'exec sleep 1000'
on a tmux -L main kill-server
check 'tmux ends, the link does not' held
is "$(holder)" "$pid" 'and is the same'
mesh_tmux a

# A service of systemd that ran once: what is left of its process group is
# killed; the link is in none of its own kind.
# shellcheck disable=SC2016 # its shell's
from oneshot sh -c \
	'setsid -w sh -c "notify-pane b-s-comp oneshot; kill -9 0"; [ $? = 137 ]'

# --- twenty that begin at once ---
on a agent-link --stop
n=$(dialled)
for i in $(seq 20); do
	on a agent-link -k b </dev/null >/dev/null 2>"$world/once.$i" &
done
bad=0
for pid in $(jobs -p); do
	wait "$pid" || bad=$((bad + 1))
done
is "$bad $(cat "$world"/once.*)" '0 ' 'twenty that begin at once'
one_server() {
	[ "$(servers | wc -l)" = 1 ]
}
check 'end with one link' until_true 10 one_server
dials=$(($(dialled) - n))
check "after few connections ($dials)" [ "$dials" -le 3 ]
