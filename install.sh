#!/usr/bin/env bash
# install.sh - build and install panemesh for this user, and show that it works.
#
# usage: ./install.sh [--prefix DIR] [--timer | --cron | --no-timer] [--linger]
#            [--tmux-conf | --no-tmux-conf] [--files] [--no-packages] [--no-demo]
#            [--build DIR] [--skill AGENT]... [--dry-run]
#        ./install.sh --uninstall [--dry-run]
#
#   --prefix DIR    programs, manual pages and hooks go there (~/.local)
#   --timer         systemd looks after the address book, else cron (the default)
#   --cron          cron does
#   --no-timer      neither does; one that is there goes
#   --linger        let systemd run the timer while you are logged out
#   --no-packages   install no packages, say what is missing
#   --tmux-conf     have tmux's configuration load the hooks (the default)
#   --no-tmux-conf  leave it alone
#   --files         leave that and the timer as they are, this once
#   --no-demo       do not try it out at the end
#   --build DIR     where to build, or has been built (build/local)
#   --skill AGENT   tell claude, codex, gemini, qwen, opencode, copilot or pi how
#                   to use it, or "all" that are here (docs/AGENTS.md)
#   --dry-run       say what would be done, touch nothing
#   --uninstall     undo what this script did
#
# It says first what it will do. Running it again changes nothing, repairs a
# run that was interrupted, or brings a later version; the folder, the timer and
# tmux's configuration are then as they were chosen before, if nothing else is
# said. What it changes is written down in ~/.local/state/panemesh. Exit status
# 1: wrong usage; 9: it could not be done, and why.

# As `sh install.sh` too.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set +o posix -euo pipefail

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
prefix='' build=build/local timer='' uninstall=''
with_linger='' packages=yes tmux_conf='' files_only='' demo=yes dry=''
skills=()

usage() { sed -n '4,7p; 8,23s/^#$//p; 9,23p' "$0" | sed 's/^# \{0,1\}//'; }
usage_error() {
	printf 'install.sh: %s; try --help\n' "$1" >&2
	exit 1
}

while [ $# -gt 0 ]; do
	case $1 in
	--prefix | --build)
		[ $# -ge 2 ] || usage_error "$1: needs a folder"
		[ -n "${2%/}" ] || usage_error "$1: '$2' is no folder for this"
		[ "$1" = --build ] && build=$2 || prefix=${2%/}
		shift
		;;
	--skill)
		[ $# -ge 2 ] || usage_error "$1: needs an agent's name, or all"
		skills+=("$2")
		shift
		;;
	--timer) timer=systemd ;;
	--cron) timer=cron ;;
	--no-timer) timer=none ;;
	--linger) with_linger=yes ;;
	--no-packages) packages='' ;;
	--tmux-conf) tmux_conf=yes ;;
	--no-tmux-conf) tmux_conf=no ;;
	--files) files_only=yes ;;
	--no-demo) demo='' ;;
	--dry-run) dry=yes ;;
	--uninstall) uninstall=yes ;;
	-h | --help)
		usage
		exit 0
		;;
	*) usage_error "'$1': no such option" ;;
	esac
	shift
done

# ---- what must hold before anything is touched ----

# These paths go into tmux's configuration, unit files, crontabs.
is_plain() {
	case $1 in
	*[[:cntrl:]]* | *[\'\"\$\`\\\#\&\|\;\<\>\(\)\{\}\[\]\*\?\!%^]*)
		return 1
		;;
	esac
}
readonly unplain='has a character that shells, tmux or systemd would read'

user=$(id -un 2>/dev/null) || user=$(id -u)
{ [[ ${HOME:-} == /* ]] && [ -d "$HOME" ]; } || {
	echo "install.sh: HOME: '${HOME:-}' is no folder; $user needs a home" >&2
	exit 9
}
while [[ $HOME == ?*/ ]]; do
	HOME=${HOME%/}
done
# Make knows no path with a space.
case ${TMPDIR:=/tmp} in
*[[:space:]]*) TMPDIR=/tmp ;;
*) [ -w "$TMPDIR" ] || TMPDIR=/tmp ;;
esac
export HOME TMPDIR
# Called from where it was installed, it takes the programs as they are.
installed=''
[ -e "$here/Makefile" ] || installed=${here%/share/panemesh}
is_plain "$HOME" || {
	echo "install.sh: HOME: '$HOME' $unplain; $user needs another home" >&2
	exit 9
}
# shellcheck source=setup/manifest.sh
. "$here/setup/manifest.sh"
# What is not said is as it was chosen before.
said_prefix=$prefix said_timer=$timer said_tmux_conf=$tmux_conf
prefix=${prefix:-${installed:-$(chosen prefix)}}
prefix=${prefix:-$HOME/.local}
timer=${timer:-$(chosen timer)}
tmux_conf=${tmux_conf:-$(chosen tmux_conf)}
case $prefix in
/*) ;;
*) usage_error "--prefix: '$prefix' is not an absolute path" ;;
esac
is_plain "$prefix" ||
	usage_error "--prefix: '$prefix' $unplain; choose another --prefix"
bin=$prefix/bin hooks=$prefix/share/panemesh/panemesh.tmux.conf
# shellcheck source=setup/tmux.sh
. "$here/setup/tmux.sh"
# shellcheck source=setup/timer.sh
. "$here/setup/timer.sh"
# shellcheck source=setup/takeover.sh
. "$here/setup/takeover.sh"
# shellcheck source=setup/skill.sh
. "$here/setup/skill.sh"
for name in "${skills[@]}"; do
	skill_known "$name" ||
		usage_error "--skill: '$name' is none of: $(skill_names)all"
done

check_home() {
	[ "$(stat -Lc %u "$HOME")" = "$uid" ] ||
		die "$HOME: belongs to $(stat -Lc %U "$HOME"), and you are $user;\
 run it as the user who will use it (sudo changes the user, not HOME)"
	[ -w "$HOME" ] ||
		die "$HOME: is read-only; panemesh keeps its state in ~/.agents \
and this script its own in ~/.local/state"
	[ ! -L "$conf" ] || [ -e "$conf" ] ||
		die "$conf: leads to a file that is not there"
	[ ! -d "$conf" ] || die "$conf: is a folder; move it away"
	[ -n "$files_only" ] || [ "$tmux_conf" = no ] || [ ! -e "$conf" ] || conf_is_ready || {
		[ -w "$conf" ] && [ -w "$(dirname "$(readlink -f "$conf")")" ]
	} || die "$conf: is read-only; use --no-tmux-conf and have this line \
there: source-file -q \"$hooks\""
}

check_prefix() {
	local folder
	[ -z "$installed" ] || {
		[ "$installed" = "$prefix" ] && [ -x "$bin/notify-pane" ]
	} || die "$here: has no sources; they are in panemesh-*.tar.gz beside it"
	existing "$prefix"
	[ -z "$installed" ] && [ ! -w "$folder" ] || return 0
	[ "$uid" != 0 ] || die "$folder: is read-only; choose another --prefix"
	can_sudo || die "$folder: $user may not write there; choose another \
--prefix"
}

# room FOLDER MB WHAT: is there so much room where FOLDER is or will be?
room() {
	local folder free
	existing "$1"
	free=$(df -Pk "$folder" 2>/dev/null |
		awk 'NR == 2 && $4 ~ /^[0-9]+$/ { print int($4 / 1024) }') || true
	[ -z "$free" ] || [ "$free" -ge "$2" ] ||
		die "$folder: has room for $free MB, $3 need $2: make room"
}

check_space() {
	room "$HOME" 2 'what it keeps in ~/.agents and ~/.local/state'
	[ -z "$installed" ] || return 0
	room "$prefix" "$([ -e "$bin/notify-pane" ] && echo 4 || echo 20)" \
		'the programs'
	room "$tmp" 20 'temporary files'
	[ "$build" != build/local ] || [ ! -w "$here" ] ||
		[ -e "$here/$build/whole" ] || room "$here" 40 'what is built'
}

# Before anything is undone.
check_undo() {
	local file
	[ -w "$state" ] ||
		die "$state: is read-only: nothing can be undone"
	while IFS= read -r file; do
		[ ! -e "$file" ] || [ -w "$(dirname "$(readlink -f "$file")")" ] ||
			die "$file: its folder is read-only, and our lines are in it"
	done < <(awk -F '\t' '$2 == "block" || $2 == "muted" { print $3 }' \
		"$manifest")
}

can_sudo() {
	command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }
}

# ---- packages ----

missing_packages() {
	command -v tmux >/dev/null || echo tmux
	command -v make >/dev/null || echo make
	command -v gcc >/dev/null || command -v clang >/dev/null ||
		echo gcc libc6-dev
	{ command -v pkg-config >/dev/null && pkg-config --exists libssh; } ||
		echo pkg-config libssh-dev
}

# The whole command for this system; all it names may be there already.
packages_command() {
	if command -v apt-get >/dev/null; then
		echo "apt-get install $*"
	elif command -v dnf >/dev/null; then
		echo "dnf install gcc make tmux pkgconf-pkg-config libssh-devel"
	elif command -v pacman >/dev/null; then
		echo "pacman -S --needed gcc make tmux pkgconf libssh"
	elif command -v apk >/dev/null; then
		echo "apk add gcc make musl-dev linux-headers tmux pkgconf" \
			"libssh-dev tar coreutils util-linux"
	else
		echo "install gcc, make, tmux 3.2, pkg-config and the headers of" \
			"libssh 0.10"
	fi
}

# Waits for another that installs, such as what a killed run has left.
apt() {
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
		-o DPkg::Lock::Timeout=300 --no-install-recommends "$@"
} >>"$tmp/apt.log" 2>&1 9>&- </dev/null

apt_install() {
	local sudo=()
	[ "$uid" = 0 ] || sudo=(sudo)
	record packages "$*"
	apt update && apt install "$@" && return
	# Packages that are half configured.
	if grep -q 'dpkg --configure -a' "$tmp/apt.log" &&
		"${sudo[@]}" dpkg --configure -a >>"$tmp/apt.log" 2>&1 &&
		apt install "$@"; then
		return
	fi
	tail -n 5 "$tmp/apt.log" >&2
	die "apt-get failed, see above; packages: $*"
}

step_packages() {
	local need
	step=packages
	[ -z "$installed" ] || return 0
	mapfile -t need < <(missing_packages | tr ' ' '\n')
	[ ${#need[@]} != 0 ] || return 0
	if [ -z "$packages" ]; then
		die "missing: ${need[*]}; as root: $(packages_command "${need[@]}")"
	elif ! command -v apt-get >/dev/null; then
		die "missing: ${need[*]} (Debian's names); as root:" \
			"$(packages_command "${need[@]}"); then run this again"
	elif [ "$uid" != 0 ] && ! can_sudo; then
		die "missing: ${need[*]}; $user cannot become root here: ask for" \
			"$(packages_command "${need[@]}"), then run this again"
	fi
	act "packages, by apt-get: ${need[*]}" apt_install "${need[@]}"
}

check_tmux() {
	local version
	version=$(tmux -V 2>/dev/null || true)
	if [[ $version =~ ^tmux\ (next-)?([0-9]+)\.([0-9]+) ]] &&
		((BASH_REMATCH[2] * 100 + BASH_REMATCH[3] < 302)); then
		die "$version is too old: 3.2 or later is needed"
	fi
}

# Not undone: somebody else may need them by now. A killed run has named them
# before.
undo_packages() {
	local word
	for word in $1; do
		[[ " $stay " == *" $word "* ]] || stay="$stay $word"
	done
}

# ---- build and files ----

make_it() {
	local cc=gcc
	command -v gcc >/dev/null || cc=clang
	# What others mean by these is not for us.
	env -u MAKEFLAGS -u MAKEFILES -u GNUMAKEFLAGS -u BINDIR -u DATADIR \
		-u MANDIR -u UNITDIR -u BASHDIR -u ZSHDIR -u FISHDIR -u SAN \
		-u DIST TMPDIR="$tmp" make -s -C "$here" CC="$cc" BUILD="$build" "$@" 9>&- </dev/null
}

run_build() {
	local whole=$here/build/local/whole log=$tmp/make.log
	# A compiler that was killed leaves half an object behind.
	[ "$build" != build/local ] || [ -e "$whole" ] ||
		rm -rf "$here/build/local"
	[ "$build" != build/local ] || rm -f "$whole"
	make_it -j "$(nproc)" all >"$log" 2>&1 || {
		tail -n 20 "$log" >&2
		die "it does not build, see above"
	}
	[ "$build" != build/local ] || {
		mkdir -p "${whole%/*}"
		: >"$whole"
	}
}

step_build() {
	[ -z "$installed" ] || return 0
	# A checkout that is not ours to write in is built elsewhere.
	if [ ! -w "$here" ] && [ "$build" = build/local ]; then
		build=$tmp/build
	fi
	[ -z "$plan" ] || say "  build in $(cd "$here" && realpath -m "$build")"
	[ -n "$plan" ] || {
		say "  building"
		run_build
	}
}

step_files() {
	local file target mode before=$changes undoers
	local -A runs=()
	undoers=(\( -path '*/share/panemesh/install.sh' -o
		-path '*/share/panemesh/setup/*' \))
	step=files
	[ -z "$installed" ] || return 0
	if [ -n "$plan" ]; then
		say "  programs, manual pages and hooks into $prefix"
		return
	fi
	stage=$tmp/stage
	make_it install DESTDIR="$stage" PREFIX="$prefix" >"$tmp/make.log" 2>&1 || {
		tail -n 5 "$tmp/make.log" >&2
		die "make install failed, see above"
	}
	# Not by test -x: nothing has that where the file system is noexec.
	while IFS= read -r -d '' file; do
		runs[$file]=1
	done < <(find "$stage" -type f -perm -100 -print0)
	# First what can undo the rest.
	while IFS= read -r -d '' file; do
		target=${file#"$stage"}
		mode=644
		[ -z "${runs[$file]:-}" ] || mode=755
		put "$file" "$target" "$mode"
	done < <(
		find "$stage" -type f "${undoers[@]}" -print0 | sort -z
		find "$stage" -type f ! "${undoers[@]}" -print0 | sort -z
	)
	# Where other hosts look for it.
	case $bin in
	"$HOME/.local/bin" | "$HOME/bin" | /usr/local/bin | /usr/bin) ;;
	*) put_link "$bin/agent-serve" "$HOME/.local/bin/agent-serve" ;;
	esac
	[ "$changes" = "$before" ] ||
		say "  $((changes - before)) files in $prefix"
}

# ---- at the end ----

step_discover() {
	[ -z "$plan" ] || return 0
	"$bin/agent-discover" --hooks "$hooks" 9>&- </dev/null || {
		case $? in
		9)
			doing=''
			die "it is installed, but cannot work yet: see above"
			;;
		126 | 127) die "$bin: programs do not run from there" ;;
		esac
		say "  (agent-discover: see above)"
	}
}

# What the user types to have $bin in PATH, in the words of their shell.
path_words() {
	local shell
	shell=$(getent passwd "$(id -u)" | cut -d: -f7)
	shell=${shell:-${SHELL:-sh}}
	case ${shell##*/} in
	fish) echo "fish_add_path '$bin'" ;;
	tcsh | csh)
		echo "echo 'set path = (\"$bin\" \$path)' >>~/.${shell##*/}rc; rehash"
		;;
	zsh) echo "echo 'path=(\"$bin\" \$path)' >>~/.zshrc; exec zsh" ;;
	bash) echo "echo 'PATH=\"$bin:\$PATH\"' >>~/.bashrc; exec bash" ;;
	*) echo "echo 'PATH=\"$bin:\$PATH\"' >>~/.profile; . ~/.profile" ;;
	esac
}

hints() {
	local first
	case ":$PATH:" in
	*":$bin:"*)
		first=$(command -v notify-pane || true)
		[ "$(readlink -f "$first")" = "$(readlink -f "$bin/notify-pane")" ] ||
			say "In your PATH $first comes before ours."
		;;
	*)
		say "Your PATH lacks $bin; do:"
		# As it is: no "~" would be read within these quotes.
		printf '  %s\n' "$(path_words)"
		;;
	esac
	case $(stat -f -c %T "$HOME" 2>/dev/null) in
	nfs | cifs | smb* | afs | fuse* | 9p)
		say "Your home is on a network: a second machine that shares it" \
			"needs a folder of its own: mkdir -p -m 700" \
			"its home/.agents.d/HOSTNAME."
		;;
	esac
}

# A message and a file between two windows of a server of our own.
step_demo() {
	local folder t n
	step=scratch
	if [ -n "$plan" ]; then
		say "  a text and a file between two windows of a private tmux server"
		return
	fi
	folder=$(mktemp -d)
	record scratch "$folder"
	unset TMUX TMUX_PANE AGENT_NAME
	export PATH="$bin:$PATH" AGENTS_DIR=$folder/agents \
		AGENT_INBOX_DIR=$folder/inbox
	mkdir -m 700 "$AGENTS_DIR"
	echo here >"$AGENTS_DIR/self.conf"
	echo "the log" >"$folder/build.log"
	# What runs in the first window, where it is the sender.
	cat >"$folder/one" <<-'SH'
	cd "$1" || exit
	for n in $(seq 150); do
		[ "$(notify-pane --list | grep -c '^here-demo-')" != 2 ] || break
		sleep 0.1
	done 2>/dev/null
	notify-pane -w 10 here-demo-two "hello from one" >said 2>&1 &&
		notify-pane -w 10 here-demo-two -f build.log "and a file" >>said 2>&1
	echo $? >status.new
	mv status.new status
	exec sleep 100
	SH
	t="tmux -u -S $folder/socket -f /dev/null"
	$t new-session -d -s demo -n one -x 80 -y 12 sh "$folder/one" "$folder" 9>&-
	$t source-file "$hooks"
	$t new-window -d -n two env PS1='$ ' bash --norc
	say "Trying it out between two windows of a private tmux server:"
	for n in $(seq 600); do
		[ ! -e "$folder/status" ] || break
		sleep 0.1
	done
	n=$(cat "$folder/status" 2>/dev/null || echo 8)
	sed 's/^/  /' "$folder/said" 2>/dev/null || true
	[ "$n" != 0 ] || {
		say "The recipient's screen:"
		$t capture-pane -p -t demo:two | sed '/^$/d; s/^/  | /'
	}
	undo_scratch "$folder"
	unset "seen[scratch $folder]"
	[ "$n" = 0 ] || die "the message was not delivered, see above"
}

# ---- all together ----

steps() {
	step_packages
	[ -n "$plan" ] || check_tmux
	step_build
	step_files
	step_takeover
	ran=''
	[ -n "$installed" ] || ran=files
	if [ -z "$files_only" ] && [ "$tmux_conf" != no ]; then
		step_tmux
		ran="$ran tmux"
	fi
	if [ -z "$files_only" ]; then
		[ "$timer" = none ] || step_timer
		ran="$ran timer"
	fi
	step_skill "${skills[@]}"
	step_discover
}

# Whatever ended it in the middle.
finish() {
	local code=$? script=$prefix/share/panemesh/install.sh
	rm -rf "$tmp"
	[ "$code" != 0 ] && [ -n "$doing" ] || return 0
	[ -e "$script" ] || script=$here/install.sh
	say "install.sh: $doing; when what stands above is mended, run it again\
${uninstall:+.}${uninstall:-, or undo it: $script --uninstall}" >&2
	exit 9
}

doing=''
tmp=$(mktemp -d)
trap finish EXIT

if [ -n "$uninstall" ]; then
	if [ ! -e "$manifest" ]; then
		say "Nothing to undo: $manifest is not there."
		exit 0
	fi
	timer_gone='' stay=''
	if [ -n "$dry" ]; then
		plan=yes
		say "This would be undone (nothing is touched):"
	else
		check_undo
		doing='not all of it is undone'
		open_state
		say "Undoing what was installed:"
	fi
	undo_all
	[ "$removed" = 0 ] || say "  $removed files"
	undo_state
	doing=''
	[ -z "$stay" ] || say "  packages stay:$stay"
	[ -z "$timer_gone" ] || user_systemd daemon-reload || true
	say "Left as they are: ~/.agents (address book, mail) and ~/.agent-inbox" \
		"(files that came)."
	[ -n "$dry" ] || [ ! -e "$here/build/local" ] ||
		say "What was built is in $here/build/local."
	exit 0
fi

check_home
check_prefix
check_space
plan=yes
say "panemesh for $user on $(uname -n)${dry:+ (dry run: nothing is touched)}:"
steps
[ -z "$demo" ] || step_demo
[ -z "$dry" ] || exit 0
say "(all of it is undone by: $prefix/share/panemesh/install.sh --uninstall)"
plan='' changes=0 same=0 seen=()
doing='not all of it is done'
open_state
say "Doing it:"
choose prefix "$said_prefix"
choose timer "$said_timer"
choose tmux_conf "$said_tmux_conf"
steps
# shellcheck disable=SC2086  # the words
settle $ran
doing=''
if [ "$changes" = 0 ]; then
	say "  nothing had to be changed"
fi
hints
[ -z "$demo" ] || step_demo
settle scratch
say "Done. In a tmux window:  notify-pane --list"
