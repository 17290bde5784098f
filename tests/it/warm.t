#!/bin/bash
# Links that are kept: one connection for many messages, found dead and
# replaced whatever happens to either end, and every message shown once.
# time-limit: 400
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
plan 38

# --- one for many ---
on a agent-link --stop
n=$(dialled)
for i in 1 2 3 4 5; do
	sent a b-s-comp "many $i"
done
is "$(messages b comp | grep -c many)" 5 'five messages'
is "$(($(dialled) - n))" 1 'on one connection'
on a agent-sync -q
is "$? $(($(dialled) - n))" '0 1' 'and a sync'
sent a --check b-s-comp
is "$? $(($(dialled) - n))" '0 1' 'and a check'
head -c 3000000 /dev/urandom >"$world/mib"
sent a b-s-comp -f "$world/mib" 'a file'
is "$? $(($(dialled) - n)) $(sha256sum <"$(echo "$home_b"/.agent-inbox/*/mib)")" \
	"0 1 $(sha256sum <"$world/mib")" 'and a file'
pid=$(holder)
is "$(on a agent-link --status)" \
	"b: kept by process $pid, used by 0, 0 without answer" 'status says so'
fds=$(for fd in "/proc/$pid/fd"/*; do
	case $(readlink "$fd") in
	socket:* | /dev/null | "$world"/*) ;;
	*) readlink "$fd" ;;
	esac
done | grep -cv 'anon_inode')
is "$fds $(readlink "/proc/$pid/cwd") $(ps -o sid= -p "$pid" | xargs)" \
	"0 / $pid" 'its holder has nothing of who started it'
is "$(stat -c %a "$world"/hosts/a/.agents/run/*.sock \
	/run/user/"$(id -u)"/panemesh/*.sock 2>/dev/null | sort -u)" 600 \
	'its socket is ours alone'

# --- many at once ---
on a agent-link --stop
check 'it is stopped' not_held
n=$(dialled)
jobs=
for i in $(seq 20); do
	on a notify-pane b-s-one "at once $i" >"$world/once.$i" 2>&1 &
	jobs="$jobs $!"
done
bad=0
for pid in $jobs; do
	wait "$pid" || bad=$((bad + 1))
done
is "$bad" 0 'twenty that begin at once'
[ "$bad" = 0 ] || note "$(cat "$world"/once.*)"
dials=$(($(dialled) - n))
check "end with one link ($dials connections)" [ "$dials" -le 3 ]

# --- a holder that dies, freezes, is asked to end ---
pid=$(holder)
kill -9 "$pid"
sent a b-s-comp 'after its death'
once 'after its death' 'a holder that was killed'
check 'is replaced' other_than "$pid"
pid=$(holder)
kill -STOP "$pid"
began=$SECONDS
sent a b-s-comp 'while it stands still'
once 'while it stands still' 'a holder that is stopped'
check 'in time' [ $((SECONDS - began)) -lt 10 ]
check 'is replaced too' other_than "$pid"
on a agent-link --stop b
check '--stop NAME' not_held
sent a b-s-comp 'after the end'
once 'after the end' 'then there is another'

# --- the far end dies, freezes ---
kill -9 "$(server)"
sent a b-s-comp 'far end killed'
once 'far end killed' 'a far end that was killed'
far=$(server)
kill -STOP "$far"
sent a b-s-comp 'far end stopped'
once 'far end stopped' 'a far end that is stopped'
kill -CONT "$far" 2>/dev/null
sent a --check b-s-comp
until_true 20 held
far=$(server)
kill -STOP "$far"
echo small >"$world/small"
sent a b-s-comp -f "$world/small" 'with a file to one that is stopped'
once 'with a file to one that is stopped' 'and one that is stopped under a file'
is "$(cat "$home_b"/.agent-inbox/*/small)" small 'which comes once'
kill -CONT "$far" 2>/dev/null
until_true 20 held
tmx b new-window -d -n slow "exec composer -l $world/b-slow.log"
until_true 10 drawn b slow
until_true 10 there a b-s-slow
tmx b send-keys -t =s:slow typed
on a notify-pane --wait 60 b-s-slow 'waits for long' >"$out" 2>"$err" &
waiter=$!
waits() {
	on a agent-link --status | grep -q '1 without answer'
}
check 'one that waits is counted' until_true 10 waits
pid=$(pgrep -x agent-link | grep -x "$(holder)")
kill -9 "$pid"
tmx b send-keys -t =s:slow C-u
wait "$waiter"
is "$? $(submitted b slow 'waits for long')" '0 1' \
	'a link that dies under a message that waits'

# --- a caller that dies ---
until_true 10 held || sent a --check b-s-comp
truncate -s 300M "$world/huge"
on a sh -c "notify-pane b-s-comp -f $world/huge & echo \$! >$world/caller
	wait" >"$out" 2>&1 &
caller=$!
arrives() {
	find "/proc/$(server)/fd" -lname "$home_b/.agent-inbox/*" | grep -q .
}
check 'a long file begins' until_true 20 arrives
sent a b-s-comp 'beside a file'
once 'beside a file' 'a message beside it'
kill -9 "$(cat "$world/caller")"
wait "$caller" 2>/dev/null
left_alone() {
	! arrives
}
check 'a caller that dies leaves no half file' until_true 20 left_alone
sent a b-s-comp 'after the caller'
once 'after the caller' 'nor a broken link'
rm -f "$world/huge"

# --- what it was made with changes ---
pid=$(holder)
peers a 'b serve='"$BUILD/agent-serve"
sent a b-s-comp 'another line'
once 'another line' 'a changed line in peers.conf'
check 'makes another link' other_than "$pid"
check 'the old one ends' until_true 10 sh -c "! kill -0 $pid 2>/dev/null"
pid=$(holder)
echo '# a comment' >>"$world/hosts/a/.ssh/known_hosts"
check 'so does known_hosts' not_held
sent a b-s-comp 'known hosts'
once 'known hosts' 'and messages go on'

# --- the far end reads what changed there ---
n=$(dialled)
pid=$(holder)
rm "$home_b/.agents/profiles.d/composer.toml"
sent a b-s-comp 'without a profile'
is "$? $(submitted b comp 'without a profile')" '3 0' \
	'a profile that is gone there counts at once'
echo nonsense >"$home_b/.agents/profiles.d/composer.toml"
sent a b-s-comp 'with a bad one'
is "$? $(submitted b comp 'with a bad one')" '9 0' 'and so does a bad one'
install -m 600 "$here/composer.toml" "$home_b/.agents/profiles.d/"
sent a b-s-comp 'with one'
once 'with one' 'and a good one'
is "$(holder)" "$pid" 'all on one link'

# --- it ends by itself ---
echo 'link_idle = 1' >"$world/hosts/a/.agents/config.toml"
sent a b-s-comp idle
none_left() {
	local pid
	for pid in $(pgrep -x agent-link); do
		! grep -qzs "^HOME=$world/hosts/a\$" "/proc/$pid/environ" ||
			return 1
	done
}
check 'unused, it ends, and those before it' until_true 15 none_left
