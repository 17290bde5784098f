#!/bin/bash
# time-limit: 200
# lab.t - agent-link between hosts of tests/lab: dead addresses, partitions,
# distance, loss. As root, where network namespaces can be made.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/it/lab.sh
. "$here/lab.sh"

# took NAME MIN MAX: the last `run` was within these ms.
took() {
	if [ "$ms" -ge "$2" ] && [ "$ms" -le "$3" ]; then
		ok "$1 ($ms ms)"
	else
		not_ok "$1 ($ms ms, not $2 to $3)"
	fi
}

# run ARGS...: agent-link on h1; $got, $status, $ms.
run() {
	local began=${EPOCHREALTIME/./}
	got=$(echo hello | on h1 timeout 60 "$BUILD/agent-link" "$@" 2>&1 |
		tr '\n' ' '; exit "${PIPESTATUS[1]}")
	status=$?
	ms=$(((${EPOCHREALTIME/./} - began) / 1000))
}

lab_up 2
plan 13
# shellcheck disable=SC2016  # the host's shell expands it
on h2 sh -c 'mkdir -p ~/.local/bin; cat >~/.local/bin/agent-serve
	chmod +x ~/.local/bin/agent-serve' <<'SERVE'
#!/bin/sh
echo serve
exec cat
SERVE
on h1 mkdir -m 700 /root/.agents
on h1 sh -c 'printf "%s\n" h2 many only-dead >/root/.agents/peers.conf'
# The resolver sorts by common prefix: this one comes last.
ip -n "$LAB_NAME-h2" addr add 10.77.0.130/24 dev eth0
for address in 10.77.0.99 10.77.0.98 10.77.0.130; do
	echo "$address many.lab" >>"$LAB_STATE/etc-hosts"
done
echo "10.77.0.99 only-dead" >>"$LAB_STATE/etc-hosts"
# Packets to these vanish.
for address in 10.77.0.99 10.77.0.98; do
	ip -n "$LAB_NAME-h1" neigh replace "$address" \
		lladdr 02:dd:00:00:00:00 nud permanent dev eth0
done
on h1 sh -c 'printf "%s\n" "Host many" "HostName many.lab" \
	"HostKeyAlias h2" >>/root/.ssh/config'

run h2
is "$status $got" "0 serve hello " "a peer in the next room"
run many
is "$status $got" "0 serve hello " "two dead addresses before the good one"
took "cost a quarter of a second each" 300 5000
run -t 2 only-dead
is "$status $(grep -c 'no answer' <<<"$got")" "4 1" "only a dead one"
took "within the deadline" 1900 3000

"$LAB" freeze h2
run -t 2 h2
is "$status $(grep -c 'no answer in time' <<<"$got")" "4 1" "a frozen sshd"
took "within the deadline" 1900 3000
"$LAB" thaw h2
"$LAB" stop-sshd h2
run h2
is "$status $(grep -c 'refused' <<<"$got")" "4 1" "no sshd"
"$LAB" start-sshd h2

# A link that is up, then cut.
mkfifo "$world/in"
sleep 600 >"$world/in" &
on h1 "$BUILD/agent-link" h2 <"$world/in" >"$world/out" 2>"$world/err" &
mine=$!
until_true 10 grep -q serve "$world/out"
"$LAB" partition h1 h2
began=$SECONDS
wait "$mine"
is "$? $((SECONDS - began <= 17)) $(grep -c 'sign of life' "$world/err")" \
	"4 1 1" "a partition is found within 15 s"
"$LAB" heal

"$LAB" net --rtt 100 2>/dev/null
run h2
is "$status $got" "0 serve hello " "100 ms away"
floor=${EPOCHREALTIME/./}
on h1 ssh -o BatchMode=yes h2 true
floor=$(((${EPOCHREALTIME/./} - floor) / 1000))
note "ssh h2 true: $floor ms"
took "not slower than ssh" 500 $((floor + floor / 2))
"$LAB" net --rtt 20 --loss 2 2>/dev/null
head -c 3M /dev/urandom >"$world/data"
on h1 "$BUILD/agent-link" h2 <"$world/data" >"$world/back" 2>&1
is "$(tail -c +7 "$world/back" | cmp - "$world/data" 2>&1)" "" \
	"3 MiB there and back at 20 ms and 2 % loss"
"$LAB" net 2>/dev/null
run -v h2
is "$status $(grep -c 'libssh:' <<<"$got")" "0 1" "and the room is as it was"
