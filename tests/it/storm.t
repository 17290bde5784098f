#!/bin/bash
# Many senders, many panes, links killed at random: each message is shown at
# most once, its status is true, and what one sender sent to one pane stays in
# order. STORM_SENDERS, STORM_EACH and STORM_PANES make it larger.
# time-limit: 500
export LINK_IDLE=600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
senders=${STORM_SENDERS:-20} each=${STORM_EACH:-50} panes=${STORM_PANES:-2}
hosts='a b c'
far_up a b c
at_end() {
	local h
	for h in $hosts; do
		on "$h" agent-link --stop
	done
	mesh_down
}
for h in b c; do
	for p in $(seq "$panes"); do
		composer "$h" "p$p"
	done
done
plan 5

# A sender: its messages in turn to all panes, the status of each.
sender() {
	local i=$1 k h status
	for k in $(seq "$each"); do
		case $(((i + k) % 2)) in
		0) h=b ;;
		*) h=c ;;
		esac
		on a timeout 120 notify-pane --wait 60 \
			"$h-s-p$(((i + k) % panes + 1))" "from $i number $k end" \
			>"$world/said.$i.$k" 2>&1
		status=$?
		echo "$i $k $status" >>"$world/status.$i"
	done
}

# Those of its children that deliver are for remote-kill.t.
is_link() {
	local parent
	parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
	[ "$(cat "/proc/${parent:-x}/comm" 2>/dev/null)" != agent-serve ] &&
		grep -qzs "^HOME=$world/" "/proc/$1/environ"
}

# Somebody ends the far end or the holder of a link: about once a message,
# however slow the machine is.
killer() {
	local pids kills=0
	while [ ! -e "$world/done" ]; do
		if [ "$kills" -gt $((senders + $(
			cat "$world"/status.* 2>/dev/null | wc -l
		))) ]; then
			read -rt 0.05 <>"$world/pipe" || :
			continue
		fi
		mapfile -t pids < <(pgrep -x 'agent-link|agent-serve' |
			while read -r pid; do
				is_link "$pid" && echo "$pid"
			done)
		if [ ${#pids[@]} -gt 0 ] && kill -9 \
			"${pids[RANDOM % ${#pids[@]}]}" 2>/dev/null; then
			kills=$((kills + 1))
			echo x >>"$world/kills"
		fi
		read -rt "0.0$((RANDOM % 5 + 3))" <>"$world/pipe" || :
	done
}

mkfifo "$world/pipe"
killer &
killing=$!
jobs=
for i in $(seq "$senders"); do
	sender "$i" &
	jobs="$jobs $!"
done
for pid in $jobs; do
	wait "$pid"
done
touch "$world/done"
wait "$killing"
for h in b c; do
	for p in $(seq "$panes"); do
		messages "$h" "p$p" | sed "s/^/$h-s-p$p /"
	done
done >"$world/shown"
cat "$world"/status.* >"$world/statuses"
n=$((senders * each))
is "$(wc -l <"$world/statuses")" "$n" "$n messages, $(wc -l <"$world/kills") kills"
judge() {
	python3 - "$world" "$1" <<'PY'
import re, sys
world, what = sys.argv[1:]
shown, order = {}, {}
for line in open(world + "/shown"):
    m = re.match(r"(\S+) from (\d+) number (\d+) end$", line)
    if not m:
        print("broken:", line)
        continue
    key = (int(m[2]), int(m[3]))
    shown[key] = shown.get(key, 0) + 1
    order.setdefault((m[1], key[0]), []).append(key[1])
status = {}
for line in open(world + "/statuses"):
    i, k, s = map(int, line.split())
    status[i, k] = s
    if what == "true" and (s == 0) != (shown.get((i, k), 0) > 0) and s != 5:
        print(i, k, "status", s, "shown", shown.get((i, k), 0),
              open("%s/said.%d.%d" % (world, i, k)).read())
if what == "once":
    print("\n".join(str(x) for x in shown.items() if x[1] > 1), end="")
if what == "order":
    print("\n".join(str(x) for x in order.items() if x[1] != sorted(x[1])), end="")
if what == "most":
    good = sum(s == 0 for s in status.values())
    print("" if good * 10 >= len(status) * 9 else "%d of %d" % (good, len(status)), end="")
PY
}
is "$(judge once)" '' 'none is shown twice'
is "$(judge true)" '' 'no status lies'
is "$(judge order)" '' 'order is kept'
is "$(judge most)" '' 'nine in ten arrive all the same'
note "statuses: $(cut -d' ' -f3 "$world/statuses" | sort | uniq -c | xargs)"
