# shellcheck shell=bash disable=SC2034,SC2154
# tmux.sh - our lines in tmux's configuration, our hooks in running servers.
#
# sets $conf, the configuration that tmux reads; needs $hooks, our hooks file.

begin='# >>> panemesh >>>' end='# <<< panemesh <<<'
config_home=${XDG_CONFIG_HOME:-$HOME/.config}
# The specification has one that is not absolute ignored.
[[ $config_home == /* ]] || config_home=$HOME/.config

# Those that exist, the one first that a person would look into.
tmux_confs() {
	local file
	for file in "$HOME/.tmux.conf" "$config_home/tmux/tmux.conf" \
		"$HOME/.config/tmux/tmux.conf"; do
		[ ! -e "$file" ] || printf '%s\n' "$file"
	done | awk '!seen[$0]++'
}
conf=$(tmux_confs | head -n 1)
conf=${conf:-$HOME/.tmux.conf}
# "Oh my tmux!" also runs its file through sh, and has another for its users.
if grep -q TMUX_CONF_LOCAL "$conf" 2>/dev/null; then
	conf=$conf.local
fi

# stdin with $1 between our marks: where they stand, else at the end, but before
# a line "# EOF", behind which "Oh my tmux!" keeps what sh runs. Without $1 they
# go. $2 is what our lines look like: if somebody has cut off the end mark, what
# follows is theirs.
edit_block() {
	BLOCK=$1 OURS=$2 awk -v b="$begin" -v e="$end" '
		function block() {
			if (!done++ && ENVIRON["BLOCK"] != "")
				printf "%s\n%s\n%s\n", b, ENVIRON["BLOCK"], e
		}
		$0 == b { block(); inside = 1; next }
		inside && $0 == e { inside = 0; next }
		inside && $0 ~ ENVIRON["OURS"] { next }
		$0 == "# EOF" { block() }
		{ inside = 0; print }
		END { block() }'
}
source_line='^source-file -q ".*/panemesh[.]tmux[.]conf"$'

# Give a file another text, from stdin. A link stays one: people keep their
# configuration in another folder.
write_text() {
	local target new
	target=$(readlink -f "$1")
	new=$target.panemesh-new
	{
		if [ -e "$target" ]; then
			cp -p "$target" "$new" && chmod u+w "$new" && cat >"$new" &&
				chmod --reference="$target" "$new"
		else
			cat >"$new"
		fi && mv -fT "$new" "$target"
	} || {
		rm -f "$new"
		die "$1: cannot be written"
	}
}

# Sockets of tmux servers that this user runs with this home, wherever they
# are, by what the kernel knows.
kernel_sockets() {
	local process name
	for process in /proc/[0-9]*; do
		[ -O "$process" ] && read -r name 2>/dev/null <"$process/comm" &&
			[ "$name" = 'tmux: server' ] &&
			grep -qzxF "HOME=$HOME" "$process/environ" 2>/dev/null ||
			continue
		# Those that listen (flag 10000), and are descriptors of it.
		find "$process/fd" -lname 'socket:*' -printf '%l\n' 2>/dev/null |
			awk 'NR == FNR { mine[$1] = 1; next }
			$4 == "00010000" && ("socket:[" $7 "]") in mine {
				sub(/^[^\/]*/, "")
				print
			}' - "$process/net/unix" 2>/dev/null || true
	done
}

# tmux servers of this user that answer: where tmux puts its sockets, ours,
# those that are known, and those of processes.
servers() {
	local socket code
	for socket in "${TMUX_TMPDIR:-/tmp}/tmux-$uid"/* \
		${TMUX:+"${TMUX%%,*}"}; do
		printf '%s\n' "$socket"
	done | {
		cat
		sed -n 's/^socket = "\(.*\)"$/\1/p' \
			"${AGENTS_DIR:-$HOME/.agents}/local.toml" 2>/dev/null || true
		kernel_sockets
	} | sort -u | while IFS= read -r socket; do
		[ -S "$socket" ] && [ -O "$socket" ] &&
			! grep -qsxF "$socket" "$tmp/mute" || continue
		code=0
		on_server "$socket" list-sessions >/dev/null 2>&1 || code=$?
		case $code in
		0) printf '%s\n' "$socket" ;;
		124)
			# Waited for once.
			printf '%s\n' "$socket" >>"$tmp/mute"
			say "  $socket: this tmux server does not answer, and is left alone" >&2
			;;
		esac
	done
}

on_server() {
	local socket=$1
	shift
	timeout 10 tmux -S "$socket" "$@" </dev/null
}

write_block() {
	local how=kept
	if [ ! -e "$conf" ]; then
		how=created
	elif [ -n "$(tail -c 1 "$conf")" ]; then
		how=unended
	fi
	if ! recorded block "$conf"; then
		[ "$how" = created ] || recorded copy "$conf" ||
			back_up copy "$conf"
		make_dir "${conf%/*}"
		record block "$conf" "$how"
	fi
	write_text "$conf" <"$tmp/conf"
}

# What it is to be, in $tmp/conf; is it so?
conf_is_ready() {
	{ cat "$conf" 2>/dev/null || true; } |
		edit_block "source-file -q \"$hooks\"" "$source_line" >"$tmp/conf"
	cmp -s "$tmp/conf" "$conf"
}

step_tmux() {
	local socket
	step=tmux
	seen["block $conf"]=1
	if ! conf_is_ready; then
		act "three lines in $conf that load the hooks" write_block
	elif [ -z "$plan" ] && ! recorded block "$conf"; then
		# From an installation whose record is lost.
		record block "$conf" kept
	fi
	record_hooks
	while IFS= read -r socket; do
		# Names of ours, as this server shows its hooks.
		if on_server "$socket" show-hooks -g 2>/dev/null |
			awk -v bin="$bin/agent-register-hook" -v file="$hooks" '
			index($0, bin) { a = 1 } index($0, file) { b = 1 }
			index($0, "@agent-visits") { c = 1 }
			END { exit !(a && b && c) }'; then
			same=$((same + 1))
		else
			act "hooks into the running tmux server $socket" \
				load_hooks "$socket"
		fi
	done < <(servers)
}

record_hooks() {
	seen["hooks -"]=1
	[ -n "$plan" ] || recorded hooks - || record hooks -
}

load_hooks() {
	[ -e "$hooks" ] || die "$hooks: is missing"
	on_server "$1" source-file "$hooks" ||
		say "  $1: refuses them; see above"
}

undo_block() {
	local text=$tmp/conf
	[ -n "$plan" ] || rm -f "$(readlink -f "$1").panemesh-new"
	[ -e "$1" ] && grep -qxF "$begin" "$1" || return 0
	say "  our lines in $1"
	[ -z "$plan" ] || return 0
	edit_block '' "$source_line" <"$1" >"$text"
	if [ "$2" = created ] && [ ! -s "$text" ]; then
		rm -f "$1"
		return
	fi
	if [ "$2" = unended ] && [ "$(tail -n 1 "$1")" = "$end" ]; then
		truncate -s -1 "$text"
	fi
	write_text "$1" <"$text"
}

undo_hooks() {
	local socket name
	while IFS= read -r socket; do
		on_server "$socket" show-hooks -g 2>/dev/null |
			grep -q '^after-set-hook\[77\] .*panemesh' || continue
		say "  hooks in the running tmux server $socket"
		[ -z "$plan" ] || continue
		# The one that puts the others back goes first.
		on_server "$socket" set-hook -gu 'after-set-hook[77]'
		for name in $({
			on_server "$socket" show-hooks -g
			on_server "$socket" show-hooks -gw
		} | awk '/^[a-z-]*\[77\] .*(agent-register-hook|@agent-visits)/ { print $1 }'); do
			on_server "$socket" set-hook -gu "$name"
		done
	done < <(servers)
}
