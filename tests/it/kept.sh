# shellcheck shell=bash
# kept.sh - the link that a keeps to b, as tests watch it; sourced after far.sh.
#
#   dialled                   how often b was dialled
#   holder                    the process at a's end; nothing: no link is kept
#   held, not_held            is one kept?
#   other_than PID            ... by another process than this?
#   server, servers           the agent-serve at b's end; those of all links
#   once TEXT NAME            after `sent`: it was submitted to b's composer
#                             "comp", and stands there once

world=${world:?} err=${err:?}
home_b=$world/hosts/b
at_end() {
	on a agent-link --stop
	on b agent-link --stop
	mesh_down
}

dialled() {
	grep -c '^Accepted publickey ' "$home_b/sshd.log"
}

holder() {
	on a agent-link --status -j | sed -n 's/.*"pid":\([0-9]*\).*/\1/p'
}

held() {
	[ -n "$(holder)" ]
}

not_held() {
	! held
}

other_than() {
	local now
	now=$(holder)
	[ -n "$now" ] && [ "$now" != "$1" ]
}

servers() {
	local pid
	for pid in $(pgrep -x agent-serve); do
		grep -qzs "^HOME=$home_b\$" "/proc/$pid/environ" &&
			[ "$(cat "/proc/$(awk '/^PPid/ { print $2 }' \
				"/proc/$pid/status")/comm")" = sshd ] && echo "$pid"
	done
}

server() {
	servers | head -n 1
}

once() {
	local status=$?
	is "$status $(submitted b comp "$1")" '0 1' "$2"
	[ "$status" = 0 ] || note "$(cat "$err")"
}
