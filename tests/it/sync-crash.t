#!/bin/bash
# A sync killed anywhere, at either end: what is known stays valid, the next
# sync mends the rest.
# time-limit: 400
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
if ! command -v strace >/dev/null || ! strace -o /dev/null true 2>/dev/null; then
	echo '1..0 # skip missing strace'
	exit 0
fi
plan 4

# Two hosts; the far end of b is run as a program, so no sshd is needed.
for h in a b; do
	mkdir -p "$world/$h/.agents"
	chmod 700 "$world/$h" "$world/$h/.agents"
	echo "$h" >"$world/$h/.agents/self.conf"
	# Each sync has a far end of its own, which is the one that is watched.
	echo 'link_idle = 0' >"$world/$h/.agents/config.toml"
	chmod 600 "$world/$h/.agents/config.toml"
done
on() {
	local h=$1
	shift
	env -u AGENTS_DIR HOME="$world/$h" AGENT_SSH_HOME="$world/$h" "$@"
}
calls=mkdir,openat,write,rename,unlink,unlinkat,flock,clone,vfork,fork
cat >"$world/far" <<EOF
#!/bin/sh
# far HOST: agent-serve there; watched as the file "strace" says.
export HOME=$world/\$1
[ -e "$world/strace" ] || exec agent-serve
exec strace -o "$world/far-trace" \$(cat "$world/strace") agent-serve
EOF
chmod +x "$world/far"
echo "b command=$world/far b" >"$world/a/.agents/peers.conf"
echo "a command=$world/far a" >"$world/b/.agents/peers.conf"
chmod 600 "$world"/?/.agents/peers.conf

# A slice as register writes it, with a window whose name changes.
slice() {
	cat <<EOF
[slices.$1]
version = 1
host_id = "$(sed -n 's/^host_id = //p' "$world/$1/.agents/local.toml" | tr -d '"')"
generation = $((${EPOCHREALTIME/./} / 1000))
written = "2026-01-02T03:04:05Z"
[agents.$1-s-$2]
host = "$1"
target = "s:0"
session = "s"
window = "$2"
role = "r"
scope = "s"
id = "0123456789abcdefghij"
state = "live"
command = "sh"
path = "/"
socket = "/none"
server = "12.34"
pane = "%0"
pane_pid = 5
window_id = "@0"
base = "$1-s-$2"
slug = "$2"
EOF
}
turn=0
change() {
	local h
	turn=$((turn + 1))
	for h in a b; do
		slice "$h" "w$turn" >"$world/slice"
		cp "$world/slice" "$world/$h/.agents/local.toml"
		chmod 600 "$world/$h/.agents/local.toml"
	done
	sleep 0.002
}
on a agent-sync >/dev/null
on b agent-sync >/dev/null
change
is "$(on a agent-sync)" 'b: updated' 'a sync'

# Every file that counts parses, and nobody is missed: old or new.
valid() {
	local h other
	python3 - "$world"/?/.agents/*.toml "$world"/?/.agents/hosts/*.toml \
		"$world"/?/.agents/run/peers/[ab] <<'EOF' || return 1
import os, sys, tomllib
for name in filter(os.path.exists, sys.argv[1:]):
    with open(name, "rb") as f:
        tomllib.load(f)
EOF
	for h in a b; do
		other=b
		[ "$h" = a ] || other=a
		on "$h" notify-pane --list | grep -qE \
			"^$other-s-w($turn|$((turn - 1)))\b" || {
			echo "$h lost $other"
			return 1
		}
	done
}
healed() {
	on a agent-sync >/dev/null || return 1
	on b agent-sync >/dev/null || return 1
	if ! on a notify-pane --list | grep -qE "^b-s-w$turn\b" ||
		! on b notify-pane --list | grep -qE "^a-s-w$turn\b" ||
		[ -n "$(find "$world"/?/.agents -name '*.tmp.*')" ]; then
		on a notify-pane --list
		on b notify-pane --list
		find "$world"/?/.agents -name '*.tmp.*'
		return 1
	fi
}
points() {
	awk '
	{ call = $1; sub(/\(.*/, "", call); n[call]++ }
	/^openat/ && !/O_CREAT|O_WRONLY|O_RDWR/ { next }
	/^openat.*"\/dev\/null"/ { next }
	/^[a-z]+\(/ { print call, n[call] }' "$1"
}

sweep_near() {
	local call n killed=0 wanted=0 wrong=0
	change
	on a strace -o "$world/trace" -e "trace=$calls" agent-sync >/dev/null 2>&1
	points "$world/trace" >"$world/points"
	while read -r call n; do
		wanted=$((wanted + 1))
		change
		{
			on a strace -o /dev/null -e "trace=$call" \
				-e "inject=$call:signal=KILL:when=$n" \
				agent-sync >/dev/null
		} 2>/dev/null
		[ $? != 137 ] || killed=$((killed + 1))
		if ! valid >"$world/why" 2>&1 || ! healed >"$world/why" 2>&1; then
			wrong=$((wrong + 1))
			note "after $call $n: $(cat "$world/why")"
		fi
	done <"$world/points"
	note "$killed of $wanted points killed at"
	[ "$wrong" = 0 ] && [ "$killed" -ge 15 ]
}

sweep_far() {
	local call n killed=0 wanted=0 wrong=0
	change
	echo "-e trace=$calls" >"$world/strace"
	on a agent-sync >/dev/null 2>&1
	points "$world/far-trace" >"$world/points"
	while read -r call n; do
		wanted=$((wanted + 1))
		change
		echo "-e trace=$call -e inject=$call:signal=KILL:when=$n" \
			>"$world/strace"
		on a agent-sync >/dev/null 2>&1
		rm "$world/strace"
		grep -q 'killed by SIGKILL' "$world/far-trace" &&
			killed=$((killed + 1))
		if ! valid >"$world/why" 2>&1 || ! healed >"$world/why" 2>&1; then
			wrong=$((wrong + 1))
			note "after $call $n: $(cat "$world/why")"
		fi
	done <"$world/points"
	note "$killed of $wanted points killed at"
	[ "$wrong" = 0 ] && [ "$killed" -ge 10 ]
}

sweep_near
is $? 0 'killed at each point of a sync'
sweep_far
is $? 0 'the far end killed at each point'
none_left() {
	! pgrep -f "$world/far|agent-(sync|serve|link)" -a | grep -q "$world"
}
check 'no process is left' until_true 10 none_left
