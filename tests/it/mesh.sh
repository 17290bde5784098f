# shellcheck shell=bash
# mesh.sh - several hosts on one machine; a test in bash sources it after
# lib.sh. A host is a HOME, an agents folder, a tmux server and an sshd on a
# loopback port, all of one user; aliases in ~/.ssh/config lead from each to
# each.
#
#   mesh_up HOST...           make them, start their sshds
#   on HOST COMMAND...        run a command there
#   peers HOST PEER...        write its peers.conf
#   sshd_start|sshd_stop HOST
#   there HOST ADDRESS        is ADDRESS in the address book of HOST?
#   gone HOST ADDRESS         is it not?
#   dying HOST                $world/bin/dying-HOST: an agent-serve of HOST that
#                             is killed after as many bytes as $world/left says
#   ours HOST REGEX           processes there whose command line has this
#   code COMMAND...           run it and print its exit code; then
#   said REGEX                was that in what it wrote?

world=${world:?}
# Below the ports that clients are given, and far from those of the next pids.
port_base=$((10000 + $$ * 7919 % 20000))
mesh_hosts=()

host_dir() {
	echo "$world/hosts/$1"
}

code() {
	"$@" >"$world/out" 2>&1
	echo $?
}

said() {
	grep -qE -- "$1" "$world/out" || {
		cat "$world/out"
		return 1
	}
}

on() {
	local dir=$world/hosts/$1
	shift
	env -u TMUX -u TMUX_PANE HOME="$dir" AGENT_SSH_HOME="$dir" \
		TMUX_TMPDIR="$dir/tmux" \
		AGENTS_DIR="$dir/.agents" AGENT_INBOX_DIR="$dir/.agent-inbox" \
		"$@"
}

ours() {
	local pid
	for pid in $(pgrep -f "$2"); do
		grep -qzs "^HOME=$world/hosts/$1\$" "/proc/$pid/environ" &&
			echo "$pid"
	done
}

host_port() {
	cat "$world/hosts/$1/port"
}

# The next port that nobody listens on.
free_port() {
	while (exec 3<>"/dev/tcp/127.0.0.1/$port_base") 2>/dev/null; do
		port_base=$((port_base + 1))
	done
	echo "$port_base"
}

sshd_start() {
	local dir=$world/hosts/$1
	"$(command -v sshd || echo /usr/sbin/sshd)" -f "$dir/sshd_config" \
		-E "$dir/sshd.log" || return 1
	until_true 5 test -s "$dir/sshd.pid"
}

# The listener; connections that stand go on.
sshd_stop() {
	local dir=$world/hosts/$1
	kill "$(cat "$dir/sshd.pid")" 2>/dev/null
	until_true 5 test ! -e "$dir/sshd.pid"
	rm -f "$dir/sshd.pid"
}

mesh_host() {
	local h=$1 dir=$world/hosts/$1
	mkdir -p "$dir/.ssh" "$dir/.agents" "$dir/tmux"
	chmod 700 "$dir" "$dir/.ssh" "$dir/.agents" "$dir/tmux"
	echo "$h" >"$dir/.agents/self.conf"
	# Most tests count on a connection for each message; warm.t does not.
	echo "link_idle = ${LINK_IDLE:-0}" >"$dir/.agents/config.toml"
	chmod 600 "$dir/.agents/config.toml"
	ssh-keygen -q -t ed25519 -N '' -C "$h" -f "$dir/.ssh/id_ed25519"
	ssh-keygen -q -t ed25519 -N '' -C "$h" -f "$dir/host_key"
	free_port >"$dir/port"
	port_base=$((port_base + 1))
	# A session begins in the real home folder, whatever HOME says.
	cat >"$dir/sshd_config" <<EOF
Port $(cat "$dir/port")
ListenAddress 127.0.0.1
HostKey $dir/host_key
PidFile $dir/sshd.pid
AuthorizedKeysFile $dir/.ssh/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv HOME=$dir AGENT_SSH_HOME=$dir AGENTS_DIR=$dir/.agents AGENT_INBOX_DIR=$dir/.agent-inbox TMUX_TMPDIR=$dir/tmux PATH=$PATH PANEMESH_TEST=${PANEMESH_TEST:-x} ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1}
EOF
}

mesh_up() {
	local h p dir
	if ! command -v sshd >/dev/null && [ ! -x /usr/sbin/sshd ]; then
		echo "1..0 # SKIP missing sshd"
		exit 0
	fi
	[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
	mesh_hosts=("$@")
	for h in "$@"; do
		mesh_host "$h"
	done
	for h in "$@"; do
		dir=$world/hosts/$h
		for p in "$@"; do
			cat "$world/hosts/$p/.ssh/id_ed25519.pub" \
				>>"$dir/.ssh/authorized_keys"
			printf 'Host %s\n\tHostName 127.0.0.1\n\tPort %s\n\tIdentityFile ~/.ssh/id_ed25519\n' \
				"$p" "$(host_port "$p")" >>"$dir/.ssh/config"
			echo "[127.0.0.1]:$(host_port "$p") $(cut -d' ' -f1,2 \
				"$world/hosts/$p/host_key.pub")" >>"$dir/.ssh/known_hosts"
		done
		# "~" of ssh(1) is the real home folder.
		sed -i "s|~/|$dir/|" "$dir/.ssh/config"
		chmod 600 "$dir"/.ssh/*
		sshd_start "$h" || {
			note "$(cat "$dir/sshd.log")"
			return 1
		}
	done
}

# What a last hook began after all else was stopped, and kept links.
mesh_links() {
	local pid
	for pid in $(pgrep -x 'agent-link|agent-sync'); do
		grep -qzs "^HOME=$world/hosts/" "/proc/$pid/environ" &&
			echo "$pid"
	done
}

mesh_down() {
	local h pid
	for h in "${mesh_hosts[@]}"; do
		sshd_stop "$h"
		on "$h" tmux -L main kill-server 2>/dev/null
	done
	for pid in $(pgrep -f "$world/"); do
		[ "$pid" = $$ ] || kill "$pid" 2>/dev/null
	done
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -n "$(mesh_links)" ] || break
		for pid in $(mesh_links); do
			kill "$pid" 2>/dev/null
		done
		sleep 0.1
	done
}
at_end() { mesh_down; }

peers() {
	local dir=$world/hosts/$1/.agents
	shift
	printf '%s\n' "$@" >"$dir/peers.conf"
	chmod 600 "$dir/peers.conf"
}

there() {
	grep -q "^\[agents\.$2\]" "$world/hosts/$1/.agents/registry.toml"
}

gone() {
	! there "$@"
}

dying() {
	mkdir -p "$world/bin"
	cat >"$world/bin/dying-$1" <<END
#!/usr/bin/env python3
import os, subprocess, threading
left = int(open("$world/left").read())
home = "$world/hosts/$1"
env = dict(os.environ, HOME=home, AGENTS_DIR=home + "/.agents",
    AGENT_SSH_HOME=home, TMUX_TMPDIR=home + "/tmux")
child = subprocess.Popen(["agent-serve"], stdin=subprocess.PIPE,
    stdout=subprocess.PIPE, env=env)
def feed():
    try:
        while data := os.read(0, 65536):
            child.stdin.write(data)
            child.stdin.flush()
        child.stdin.close()
    except OSError:
        pass
threading.Thread(target=feed, daemon=True).start()
while left > 0 and (data := os.read(child.stdout.fileno(), min(left, 64))):
    os.write(1, data)
    left -= len(data)
child.kill()
os._exit(1)
END
	chmod 755 "$world/bin/dying-$1"
}

# tmux of a host.
tmx() {
	local h=$1
	shift
	on "$h" tmux -L main -f "$world/tmux.conf" "$@"
}

# A tmux server there with our hooks, and one window "one" in session "s".
mesh_tmux() {
	{
		echo 'set -g default-shell /bin/sh'
		echo 'set -g default-command "exec /bin/sh"'
	} >"$world/tmux.conf"
	tmx "$1" new-session -d -s s -n one
	tmx "$1" source-file "$BUILD/panemesh.tmux.conf"
}
