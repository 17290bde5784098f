# shellcheck shell=bash
# lib.sh - what the integration tests share; a test in bash sources it first.
#
# It makes a world of its own in a temporary folder: HOME, tmux sockets, a
# tmux.conf; $BUILD (default build) is where the programs are. Whatever
# happens, the tmux servers of that world are killed and the folder is removed.
#
#   plan N                    how many tests follow
#   ok|not_ok NAME            one test's result
#   is GOT WANT NAME          ok if both are equal
#   check NAME COMMAND...     ok if the command succeeds (its output is shown
#                             when it does not)
#   until_true SECONDS CMD... poll until the command succeeds
#   settles NAME              ok once address book and tmux agree
#   tm ARGS...                tmux on the server $server (default "main")
#   start_server ARGS...      start $server; ARGS as for new-session
#   hooks                     source our hooks on $server
#   window NAME|ID            the window's id
#   field KEY PANE|WINDOW-ID  a key of an entry in local.toml ("address" too)

set -u
BUILD=$(cd "${BUILD:-build}" && pwd) || exit 1
export BUILD
unset TMUX TMUX_PANE TMUX_SOCKET AGENT_NAME AGENTS_DIR AGENT_INBOX_DIR \
	FORCE_SEND ENV
world=$(mktemp -d "${TMPDIR:-/tmp}/it.XXXXXX") || exit 1
# The ssh of this suite; OpenSSH does not ask HOME.
export AGENT_SSH_HOME=$world/home
export HOME=$world/home TMUX_TMPDIR=$world/tmux SHELL=/bin/sh
export PATH=$BUILD:$PATH PS1='$ ' LC_ALL=C.UTF-8
mkdir -m 700 "$HOME" "$TMUX_TMPDIR" "$world/bin"
cd "$world" || exit 1
here=$OLDPWD/tests/it
export server=main
failures=0
count=0

# What a test has to take down beside its processes and tmux servers.
at_end() { :; }

finish() {
	local status=$? socket pid
	trap - EXIT
	at_end 2>/dev/null
	for pid in $(jobs -p); do
		kill -CONT "$pid"
		kill "$pid"
	done 2>/dev/null
	for socket in "$TMUX_TMPDIR/tmux-$(id -u)"/* "$world"/*.sock; do
		[ -S "$socket" ] || continue
		tmux -S "$socket" kill-server 2>/dev/null
	done
	wait 2>/dev/null
	cd / || exit 1
	# A last hook may still be writing.
	for pid in 1 2 3 4 5 6 7 8 9 10; do
		rm -rf "$world" 2>/dev/null && break
		sleep 0.1
	done
	[ "$status" = 0 ] && [ "$failures" != 0 ] && status=1
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

plan() {
	echo "1..$1"
}

ok() {
	count=$((count + 1))
	echo "ok $count - $1"
}

not_ok() {
	count=$((count + 1))
	failures=$((failures + 1))
	echo "not ok $count - $1"
}

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

is() {
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3"
		note "got:  $1"
		note "want: $2"
	fi
}

check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name"
		note "$* failed:"
		note "$out"
	fi
}

until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.05
	done
}

tm() {
	tmux -L "$server" -f "$world/tmux.conf" "$@"
}

socket() {
	echo "$TMUX_TMPDIR/tmux-$(id -u)/$server"
}

start_server() {
	# No login shells: they would set another PATH.
	[ -e "$world/tmux.conf" ] || {
		echo 'set -g default-shell /bin/sh'
		echo 'set -g default-command "exec /bin/sh"'
	} >"$world/tmux.conf"
	tm new-session -d "$@"
}

hooks() {
	tm source-file "$BUILD/panemesh.tmux.conf"
}

book() {
	python3 "$here/book.py" "$@"
}

# One that fails late must say what differs.
agrees() {
	book check
}

settles() {
	if until_true 15 agrees; then
		ok "$1"
	else
		not_ok "$1"
		note "$(agrees 2>&1)"
	fi
}

window() {
	tm display-message -p -t "$1" '#{window_id}'
}

pane() {
	tm display-message -p -t "$1" '#{pane_id}'
}

field() {
	book get "$@"
}

# A program that the shipped profiles know as an agent: it only sleeps.
fake_agent() {
	cp "$(command -v sleep)" "$world/bin/claude"
}
