#!/usr/bin/env bash
# install.sh - build and install panemesh for this user, and show that it works.
#
# usage: ./install.sh [--prefix DIR] [--no-packages] [--no-tmux-conf]
#                     [--no-demo] [--dry-run] [--uninstall]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
prefix=$HOME/.local
packages=yes tmux_conf=yes demo=yes dry='' uninstall=''
begin='# >>> panemesh >>>' end='# <<< panemesh <<<'

say() { printf '%s\n' "$*"; }
die() {
	printf 'install.sh: %s\n' "$*" >&2
	exit "${2:-9}"
}
usage() { sed -n '4,5s/^# \{0,1\}//p' "$0"; }
run() {
	say "  $*"
	[ -n "$dry" ] || "$@"
}

while [ $# -gt 0 ]; do
	case $1 in
	--prefix)
		[ $# -ge 2 ] || die "--prefix: needs a folder"
		prefix=$2
		shift
		;;
	--no-packages) packages='' ;;
	--no-tmux-conf) tmux_conf='' ;;
	--no-demo) demo='' ;;
	--dry-run) dry=yes ;;
	--uninstall) uninstall=yes ;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		die "'$1': no such option"
		;;
	esac
	shift
done
case $prefix in
/*) ;;
*) die "--prefix: '$prefix' is not an absolute path" ;;
esac

# The configuration that tmux reads: the first of these that exists.
conf=$HOME/.tmux.conf
if [ ! -e "$conf" ] && [ -e "${XDG_CONFIG_HOME:-$HOME/.config}/tmux/tmux.conf" ]; then
	conf=${XDG_CONFIG_HOME:-$HOME/.config}/tmux/tmux.conf
fi
hooks=$prefix/share/panemesh/panemesh.tmux.conf

# The file without our block, on stdout.
without_block() {
	[ ! -e "$conf" ] || awk -v b="$begin" -v e="$end" \
		'$0 == b { skip = 1 } !skip { print } $0 == e { skip = 0 }' "$conf"
}

# Replace the tmux configuration by stdin, only if that changes it. A link is
# followed, so that a configuration kept in another folder stays there.
write_conf() {
	local target new
	target=$(readlink -f "$conf")
	new=$(mktemp "$target.XXXXXX")
	cat >"$new"
	if [ -e "$target" ] && cmp -s "$new" "$target"; then
		rm -f "$new"
	else
		[ ! -e "$target" ] || chmod --reference="$target" "$new"
		mv "$new" "$target"
	fi
}

# tmux servers of this user that answer.
servers() {
	local s
	for s in "/tmp/tmux-$(id -u)"/* ${TMUX:+"${TMUX%%,*}"}; do
		[ -S "$s" ] && timeout 5 tmux -S "$s" list-sessions >/dev/null 2>&1 &&
			printf '%s\n' "$s"
	done | sort -u
}

if [ -n "$uninstall" ]; then
	say "Removing panemesh from $prefix"
	if [ -e "$conf" ] && grep -qxF "$begin" "$conf"; then
		say "  the block in $conf"
		[ -n "$dry" ] || without_block | write_conf
	fi
	while read -r s; do
		say "  hooks of the tmux server $s"
		[ -n "$dry" ] || tmux -S "$s" show-hooks -g 2>/dev/null |
			awk '/^[a-z-]*\[77\] .*(agent-register-hook|panemesh)/ { print $1 }' |
			while read -r h; do tmux -S "$s" set-hook -gu "$h"; done
	done < <(servers)
	run make -s -C "$here" uninstall PREFIX="$prefix"
	say "Left as they are: ~/.agents and ~/.agent-inbox"
	exit 0
fi

say "panemesh will be installed for $(id -un) into $prefix${dry:+ (dry run)}"

need=()
command -v tmux >/dev/null || need+=(tmux)
command -v make >/dev/null || need+=(make)
if ! command -v gcc >/dev/null && ! command -v clang >/dev/null; then
	need+=(gcc libc6-dev)
fi
if ! command -v pkg-config >/dev/null || ! pkg-config --exists libssh; then
	need+=(pkg-config libssh-dev)
fi
if [ ${#need[@]} -gt 0 ]; then
	[ -n "$packages" ] || die "missing: ${need[*]}; install them, or leave --no-packages out"
	command -v apt-get >/dev/null ||
		die "missing: ${need[*]}; install them with this system's package manager (dnf, pacman, apk), then run this again"
	sudo=''
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "missing: ${need[*]}; ask root to install them"
		sudo=sudo
	fi
	say "Packages: ${need[*]}"
	run $sudo apt-get update -qq
	run $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends "${need[@]}" >/dev/null
fi

say "Building"
cc=gcc
command -v gcc >/dev/null || cc=clang
run make -s -C "$here" CC="$cc" BUILD="build/install" -j "$(nproc)" all
say "Installing"
run make -s -C "$here" CC="$cc" BUILD="build/install" install PREFIX="$prefix"

if [ -n "$tmux_conf" ]; then
	say "tmux: a block in $conf"
	if [ -z "$dry" ]; then
		mkdir -p "$(dirname "$conf")"
		{
			without_block
			printf '%s\nsource-file -q "%s"\n%s\n' "$begin" "$hooks" "$end"
		} | write_conf
	fi
	while read -r s; do
		say "tmux: hooks in the running server $s"
		[ -n "$dry" ] || tmux -S "$s" source-file "$hooks"
	done < <(servers)
fi
[ -n "$dry" ] || "$prefix/bin/agent-discover" || say "(agent-discover: see above)"

case ":$PATH:" in
*":$prefix/bin:"*) ;;
*) say "Put $prefix/bin into your PATH: export PATH=\"$prefix/bin:\$PATH\"" ;;
esac
[ -n "$demo" ] && [ -z "$dry" ] || exit 0

# A message and a file between two windows of a server of our own.
tmp=$(mktemp -d)
export PATH="$prefix/bin:$PATH" AGENTS_DIR=$tmp/agents AGENT_INBOX_DIR=$tmp/inbox
mkdir -p "$AGENTS_DIR"
echo here >"$AGENTS_DIR/self.conf"
t() { env -u TMUX tmux -S "$tmp/socket" "$@"; }
# The last hooks of that server may still be writing when it is gone.
clean_up() {
	t kill-server 2>/dev/null || true
	for _ in $(seq 50); do
		rm -rf "$tmp" 2>/dev/null && return
		sleep 0.1
	done
	say "left behind: $tmp"
}
trap clean_up EXIT
say "Trying it out between two windows of a private tmux server"
t -f /dev/null new-session -d -s demo -n one -x 80 -y 12 "PS1='$ ' exec bash --norc"
t source-file "$hooks"
t new-window -d -n two "PS1='$ ' exec bash --norc"
for _ in $(seq 100); do
	notify-pane --list 2>/dev/null | grep -q here-demo-two && break
	sleep 0.1
done
echo "the log" >"$tmp/build.log"
notify-pane -w 10 here-demo-two "hello from one"
notify-pane -w 10 here-demo-two -f "$tmp/build.log" "and a file"
say "The recipient's screen:"
t capture-pane -p -t demo:two | sed '/^$/d; s/^/  | /'
say "Done. Open a tmux window and try: notify-pane --list"
