#!/bin/bash
# Messages, files and syncs between hosts of tests/lab while the way between
# them, or who is at its end, fails in the middle: a deadline is kept, what is
# said is true, nothing is shown twice, no part of a file stays.
# time-limit: 400
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/lab.sh
. "$here/lab.sh"

out=$world/out err=$world/err
lab_up 3 --rtt 20
plan 30

panemesh_on h1 0 h2 h3
panemesh_on h2 0 h1 h3
panemesh_on h3 0 h1 h2
for h in h1 h2 h3; do
	on "$h" tmux new-session -d -s s -n one 'PS1="$ " exec bash --norc'
	on "$h" tmux source-file "$BUILD/panemesh.tmux.conf"
done

# composer NAME [OPTION...]: one on h2 that h1 knows; it writes to ~/NAME.log.
composer() {
	local name=$1
	shift
	on h2 tmux new-window -d -n "$name" \
		"exec $BUILD/helpers/composer -l /root/$name.log $*"
	until_true 10 knows h1 "h2-s-$name" || note "$name is not known"
}

# How often the composer NAME was given TEXT.
shown() {
	grep -c "$(printf %s "$2" | od -An -v -tx1 | tr -d ' \n')" \
		"$(home_of h2)/$1.log" 2>/dev/null
}
is_shown() {
	[ "$(shown "$@")" -ge 1 ]
}

# begin N ARGS...: notify-pane on h1; `ended N` waits for it: $code, $ms, and
# what it said in $out.N and $err.N.
declare -A began sender
begin() {
	local n=$1
	shift
	began[$n]=${EPOCHREALTIME/./}
	on h1 timeout 120 "$BUILD/notify-pane" "$@" >"$out.$n" 2>"$err.$n" \
		</dev/null &
	sender[$n]=$!
}
ended() {
	wait "${sender[$1]}"
	code=$?
	ms=$(((${EPOCHREALTIME/./} - ${began[$1]}) / 1000))
}

# within SECONDS NAME: the last one took no longer.
within() {
	if [ "$ms" -le "$(($1 * 1000))" ]; then
		ok "$2 ($ms ms)"
	else
		not_ok "$2 ($ms ms, not $1 s)"
	fi
}

# said N CODE WORDS NAME: the one that ended so, with one line.
said() {
	if [ "$code" = "$2" ] && grep -qF -- "$3" "$err.$1" &&
		[ "$(wc -l <"$err.$1")" -le 1 ]; then
		ok "$4"
	else
		not_ok "$4"
		note "status $code: $(cat "$err.$1")"
	fi
}

# How many messages h2 has begun with; one more than before.
begun() {
	grep -c ' accepted ' "$(home_of h2)/.agents/run/verdicts" 2>/dev/null
}
one_more() {
	[ "$(begun)" -gt "$1" ]
}

# waits N NAME TEXT: one for the composer NAME, whose dialog stands in the way;
# h2 has it now.
waits() {
	local before
	before=$(begun)
	begin "$1" -w 60 "h2-s-$2" "$3"
	until_true 10 one_more "$before" || note "$3 does not come to h2"
}
asks() {
	on h2 tmux capture-pane -p -t "=s:$1" | grep -q proceed
}
# dialog NAME: a composer with one.
dialog() {
	composer "$1" "-d -t"
	on h1 "$BUILD/notify-pane" "h2-s-$1" first >/dev/null 2>&1
	until_true 10 asks "$1" || note "no dialog in $1"
}
answer() {
	on h2 tmux send-keys -t "=s:$1" Enter
}

serving() {
	on "$1" pgrep -x agent-serve
}
idle() {
	! serving "$1"
}

# has_come HOST BYTES: so much of a file is there.
has_come() {
	# shellcheck disable=SC2016  # the host's shell expands it
	on "$1" sh -c 'for f in $(pgrep -x agent-serve | sed "s|.*|/proc/&/fd/*|")
	do
		case $(readlink $f) in
		/root/.agent-inbox*)
			[ "$(stat -Lc %s $f)" -lt "$1" ] || exit 0 ;;
		esac
	done
	exit 1' sh "$2" 2>/dev/null
}
# What stands in the inbox of a host, and what a file without a name holds.
inbox() {
	find "$(home_of "$1")/.agent-inbox" -type f 2>/dev/null
	for pid in $(serving "$1"); do
		on "$1" ls -l "/proc/$pid/fd" | grep -F .agent-inbox
	done
}

composer plain
on h1 sh -c 'head -c 300M /dev/urandom >/root/big'

# --- a first address that is dead ---
for h in h1 h2; do
	ip -n "$LAB_NAME-$h" addr add "2001:db8::${h#h}/64" dev eth0 nodad
done
ip -n "$LAB_NAME-h1" neigh replace 2001:db8::99 \
	lladdr 02:dd:00:00:00:00 nud permanent dev eth0
printf '%s\n' '2001:db8::99 two.lab' '10.77.0.2 two.lab' \
	>>"$LAB_STATE/etc-hosts"
config=$(home_of h1)/.ssh/config
cp "$config" "$world/config"
sed -i 's/HostName 10.77.0.2$/HostName two.lab/' "$config"
is "$(on h1 getent ahosts two.lab | sed -n '1s/ .*//p')" 2001:db8::99 \
	'an IPv6 address comes first, and is dead'
begin 1 h2-s-plain over-ipv4.
ended 1
is "$code $(shown plain over-ipv4.)" '0 1' 'the message arrives by the other'
within 5 'in time'
cp "$world/config" "$config"

# --- few may log in, and do little ---
sshd=$LAB_STATE/h2/ssh/sshd_config
cp "$sshd" "$world/sshd_config"
sed -i '1iMaxStartups 1\nMaxSessions 1' "$sshd"
"$LAB" stop-sshd h2
"$LAB" start-sshd h2
for n in 1 2 3 4 5 6; do
	begin "$n" h2-s-plain "crowd-$n."
done
codes='' all=0
for n in 1 2 3 4 5 6; do
	ended "$n"
	codes="$codes$code"
	all=$((all + $(shown plain "crowd-$n.")))
done
is "$codes $all" '000000 6' \
	'MaxStartups 1, MaxSessions 1 and six at once: all are shown'
head -c 100k "$(home_of h1)/big" >"$(home_of h1)/small"
begin 1 -f /root/small h2-s-plain with-file.
ended 1
is "$code $(shown plain with-file.)" '0 1' 'a file too'
cp "$world/sshd_config" "$sshd"
"$LAB" stop-sshd h2
"$LAB" start-sshd h2

# --- cut in the middle of a message, and healed ---
dialog cut
waits 1 cut late.
"$LAB" partition h1 h2
answer cut
until_true 10 is_shown cut late. || note 'it is not shown'
"$LAB" heal
ended 1
is "$code $(shown cut late.)" '0 1' \
	'cut until it was shown: the answer comes all the same'

# --- cut, given up, and healed while it is asked for once more ---
dialog ask
waits 1 ask late.
old=$(on h1 pgrep -x agent-link)
"$LAB" partition h1 h2
another() {
	local new
	new=$(on h1 pgrep -x agent-link) && [ "$new" != "$old" ]
}
answer ask
until_true 30 another || note 'it is not asked for again'
"$LAB" heal
ended 1
is "$code $(shown ask late.)" '0 1' \
	'healed while it is asked for again: a true answer, shown once'
within 40 'in time'

# --- cut for good: a message, a file, a sync ---
dialog lost
waits 1 lost late.
begin 2 -f /root/big h2-s-plain file-cut.
until_true 20 has_come h2 1000000 || note 'the file does not come'
"$LAB" partition h1 h2
answer lost
ended 1
said 1 5 'it may have been delivered' \
	'a message and no way back: it may have been delivered'
within 35 'in time'
ended 2
said 2 4 'h2: ' 'a file that is cut: not delivered'
within 50 'in time'
"$LAB" heal
until_true 20 is_shown lost late.
is "$(shown lost late.) $(shown plain file-cut.)" '1 0' 'and so it is'
check 'the far end ends' until_true 60 idle h2
is "$(inbox h2 | grep -v /small)" '' 'and nothing of the file stays'

on h2 tmux new-window -d -n new
until_true 10 on h2 grep -q h2-s-new /root/.agents/local.toml
"$LAB" net --rtt 100 2>/dev/null
conns=$("$LAB" conns h3)
called() {
	[ "$("$LAB" conns h3)" -gt "$conns" ]
}
from=${EPOCHREALTIME/./}
on h1 "$BUILD/agent-sync" -t 5 >"$out.s" 2>&1 &
syncing=$!
until_true 5 called
"$LAB" partition h1 h3
wait "$syncing"
code=$?
ms=$(((${EPOCHREALTIME/./} - from) / 1000))
is "$code $(grep -c '^agent-sync: h3: ' "$out.s")" '6 1' \
	'cut in the middle of a sync'
within 6 'in time'
check 'the other peer is there' knows h1 h2-s-new
"$LAB" heal
"$LAB" net --rtt 20 2>/dev/null
check 'and healed' on h1 "$BUILD/agent-sync"

# --- who is at its end is stopped ---
begin 1 -f /root/big h2-s-plain file-frozen.
begin 2 -f /root/big h3-s-one file-stopped.
until_true 20 has_come h2 1000000 || note 'the file does not come to h2'
"$LAB" freeze h2
until_true 20 has_come h3 1000000 || note 'the file does not come to h3'
stopped=$(serving h3 | xargs)
# shellcheck disable=SC2086  # several
on h3 kill -STOP $stopped
begin 3 h2-s-plain to-frozen.
ended 3
said 3 4 'h2: ' 'a frozen sshd'
within 18 'in time'
ended 1
said 1 4 'h2: ' 'an sshd frozen within a file'
within 50 'in time'
ended 2
said 2 4 'h3: ' 'agent-serve stopped within a file'
within 50 'in time'
"$LAB" thaw h2
# shellcheck disable=SC2086
on h3 kill -CONT $stopped
until_true 20 idle h2
until_true 20 idle h3
is "$(inbox h2 | grep -v /small)$(inbox h3)" '' 'nothing stays of either'

# --- a link that is kept ---
on h1 sh -c 'echo "link_idle = 600" >/root/.agents/config.toml'
begin 1 h2-s-plain warm.
ended 1
"$LAB" partition h1 h2
begin 1 h2-s-plain into-the-dark.
ended 1
case $code in
4) said 1 4 'h2: ' 'a kept link that is cut' ;;
*) said 1 5 'it may have been delivered' 'a kept link that is cut' ;;
esac
within 35 'in time'
"$LAB" heal
begin 2 h2-s-plain again-light.
ended 2
is "$code $(shown plain warm.) $(shown plain again-light.)" '0 1 1' \
	'and healed'
[ "$(shown plain into-the-dark.)" -le 1 ]
is $? 0 'never twice'
on h1 "$BUILD/agent-link" --stop >/dev/null
