#!/bin/bash
# A partition: a laptop whose kept link goes dead and a host in both directions.
# What was accepted meanwhile is shown once and in order or reported, and what
# was refused is kept nowhere.
#
# PARTITION=3600 makes it a long one: so many seconds.
# time-limit: 300
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/lab.sh
. "$here/lab.sh"

seconds=${PARTITION:-10} rounds=5
[ "$seconds" -lt 60 ] || rounds=60
out=$world/out err=$world/err
lab_up 3 --rtt 20
plan 19

# h1 is the peer of a laptop, h2, that it cannot dial, and of h3.
panemesh_on h1 600 'h2 dial=no' h3
panemesh_on h2 600 'h1 accept=mail'
panemesh_on h3 600 h1
for h in h1 h2 h3; do
	on "$h" tmux new-session -d -s s -n comp \
		"exec $BUILD/helpers/composer -l /root/log"
	on "$h" tmux source-file "$BUILD/panemesh.tmux.conf"
done

synced() {
	on "$1" timeout 60 "$BUILD/agent-sync" >"$world/synced.$1" 2>&1
}
# meet HOST ADDRESS: syncs until it knows that.
meet() {
	synced "$1"
	knows "$@"
}
# sends HOST ARGS...: notify-pane there, as its composer; $code.
sends() {
	local from=$1
	shift
	on "$from" env AGENT_NAME="$from-s-comp" timeout 120 \
		"$BUILD/notify-pane" "$@" >"$out" 2>"$err" </dev/null
	code=$?
}
# shown HOST: the messages whose text begins "round", a line each.
shown() {
	python3 - "$(home_of "$1")/log" <<'PY'
import re, sys
for line in open(sys.argv[1]):
    text = bytes.fromhex(line.split()[1]).decode()
    body = re.sub(r"^\[from [^]]*\] | \[id [^]]*\]$", "", text)
    if body.startswith("round"):
        print(body)
PY
}
shows() {
	shown "$1" | grep -qxF "$2"
}
# told WORDS: the sender on h1 was given a report that has them.
told() {
	python3 -c 'import sys
sys.exit(not any(sys.argv[2].encode() in bytes.fromhex(line.split()[1])
                 for line in open(sys.argv[1])))' "$(home_of h1)/log" "$1"
}
says() {
	on h1 "$BUILD/notify-pane" --status "$1" | grep -q "^$2"
}
kept() {
	find "$(home_of "$1")/.agents/outbox" \
		\( -path '*/new/*' -o -path '*/cur/*' \) -type f 2>/dev/null | wc -l
}
none_kept() {
	[ "$(kept h1)" = 0 ]
}
following() {
	on h2 pgrep -f 'agent-sync -q -t 600 fetch h1' >/dev/null
}

check 'the hosts know each other' until_true 30 meet h1 h3-s-comp
check 'and the laptop its peer' until_true 30 meet h2 h1-s-comp
check 'which knows it' until_true 30 knows h1 h2-s-comp
until_true 30 meet h3 h1-s-comp
sends h1 -q h2-s-comp 'round 0'
is "$code" 0 'a message before'
check 'is fetched' until_true 30 shows h2 'round 0'
check 'and that is known here' until_true 30 none_kept
check 'and its link is kept' until_true 30 following

# --- cut ---
"$LAB" partition h1 all
sends h1 -q -e 5s h2-s-comp 'round too late'
is "$code" 0 'one that lives for 5 s is kept'
late=$(sed -n 's/^queued //p' "$out")
from=$SECONDS
echo 'round 0' >"$world/expected"
: >"$world/unproven"
# refused ROUND FROM TO: dialled, and not reached: 4, or 5 where the kept link
# was still open.
refused() {
	local out=$world/out.$2.$3 err=$world/err.$2.$3 code
	sends "$2" -q "$3-s-comp" "round $1 of $2"
	case $code in
	4) ;;
	5) echo "round $1 of $2" >>"$world/unproven" ;;
	*) echo "$2 to $3: $code $(cat "$err")" >>"$world/odd" ;;
	esac
}
for i in $(seq "$rounds"); do
	sends h1 -q h2-s-comp "round $i"
	[ "$code" = 0 ] && echo "round $i" >>"$world/expected"
	if [ "$i" = 1 ] || [ "$i" = "$rounds" ] || [ $((i % 10)) = 0 ]; then
		refused "$i" h2 h1 &
		there=$!
		refused "$i" h1 h3 &
		refused "$i" h3 h1
		wait "$there" "$!"
		synced h2 && echo "h2 syncs in round $i" >>"$world/odd"
	fi
	until [ $((SECONDS - from)) -ge $((seconds * i / rounds)) ]; do
		sleep 0.5
	done
	on h1 "$BUILD/agent-discover" -q
done
note "cut for $((SECONDS - from)) s, $(wc -l <"$world/unproven") unproven"
is "$(cat "$world/odd" 2>/dev/null)" '' 'nothing comes through, and each says so'
is "$(kept h1)" "$rounds" 'those for the laptop wait'
check 'what lived for 5 s has expired' says "$late" expired
check 'and its sender was told' until_true 30 told 'was expired'

# --- and healed ---
"$LAB" heal
check 'the laptop syncs' until_true 60 synced h2
check 'and has the last one' until_true 60 shows h2 "round $rounds"
is "$(shown h2 | grep -vxFf "$world/unproven")" "$(cat "$world/expected")" \
	'each that was accepted once, in order, and no other'
check 'nothing waits any more' until_true 60 none_kept
for h in h1 h3; do
	sends h1 -q "$h-s-comp" 'round last'
done
until_true 30 shows h1 'round last'
check 'the other host is reached again' until_true 30 shows h3 'round last'
is "$(shown h1 | sort | uniq -d)$(shown h3 | sort | uniq -d)" '' \
	'nothing is shown twice'
is "$({ shown h1 && shown h3; } | grep -vx 'round last' |
	grep -vxFf "$world/unproven")" '' 'nor what was refused'
