# shellcheck shell=bash disable=SC2034,SC2154
# takeover.sh - from the bash agent-mesh to panemesh, in place.
#
# Its configuration (~/.agents) is used as it is. Its programs in ~/bin and
# ~/scripts become links to ours, because people, agents and scripts call them
# by these paths; its hooks and its cron lines become comments; its timer,
# which has the name of ours, is replaced. All of it comes back by --uninstall.

mute='#panemesh# '
their_programs="bin/notify-pane bin/agent-register-hook bin/agent-discover
bin/agent-self-identify scripts/sync-agent-registry.sh"
their_lines='^[^#]*(agent-register-hook (on|off) |agent-mesh/tmux/hooks[.]conf)'
their_cron='^[^#]*/(agent-discover|sync-agent-registry[.]sh)'

# Is this one of its programs, or a link to it: a script that speaks of the
# others?
theirs() {
	[ -f "$1" ] && head -n 1 "$1" | grep -qa '^#!.*sh' &&
		grep -q '[.]agents/\|agent-mesh\|agent-register-hook' "$1"
}

# stdin with the lines that match $1 turned into comments, but for ours.
muted() {
	MUTE=$mute LINES_=$1 awk -v b="$begin" -v e="$end" '
		$0 == b { inside = 1 } $0 == e { inside = 0 }
		!inside && $0 ~ ENVIRON["LINES_"] { $0 = ENVIRON["MUTE"] $0 }
		{ print }'
}

replace_program() {
	local to=$bin/${1##*/}
	[ "${1##*/}" != sync-agent-registry.sh ] || to=$bin/agent-sync
	put_link "$to" "$HOME/$1"
}

mute_conf() {
	back_up copy "$1"
	record muted "$1"
	muted "$their_lines" <"$1" >"$tmp/muted"
	# Without its last newline if it had none.
	[ -z "$(tail -c 1 "$1")" ] || truncate -s -1 "$tmp/muted"
	write_text "$1" <"$tmp/muted"
}

unhook() {
	local name rest
	while read -r name rest; do
		record oldhook "$1 $name" "$rest"
		on_server "$1" set-hook -gu "$name"
	done < <(their_hooks "$1")
}

their_hooks() {
	on_server "$1" show-hooks -g 2>/dev/null |
		grep -E '^[a-z-]+\[[0-9]+\] .*agent-register-hook (on|off) ' || true
}

mute_cron() {
	record mutedcron crontab
	cp "$tmp/crontab" "$state/crontab"
	say "  the crontab as it was: $state/crontab"
	muted "$their_cron" <"$tmp/crontab" | crontab -
}

end_timer() {
	record oldtimer agent-resync.timer
	user_systemd disable --now agent-resync.timer || true
}

step_takeover() {
	local name file socket was_here=''
	step=takeover
	for name in $their_programs; do
		[ "$HOME/$name" != "$bin/${name##*/}" ] || continue
		if theirs "$HOME/$name"; then
			was_here=yes
			act "$HOME/$name: a link to ours" replace_program "$name"
		elif recorded link "$HOME/$name"; then
			was_here=yes
			replace_program "$name"
		fi
	done
	while IFS= read -r file; do
		! grep -qE "$their_lines" "$file" ||
			act "the hooks of agent-mesh in $file: comments" \
				mute_conf "$file"
	done < <(tmux_confs)
	while IFS= read -r socket; do
		[ -z "$(their_hooks "$socket")" ] ||
			act "the hooks of agent-mesh in the running tmux server \
$socket: gone" unhook "$socket"
	done < <(servers)
	# Another's cron lines and units of these names are none of ours to end.
	[ -n "$was_here" ] || return 0
	if read_crontab && [ "$(edit_block '' "$cron_line" <"$tmp/crontab" |
		grep -cE "$their_cron")" != 0 ]; then
		act "the lines of agent-mesh in the crontab: comments" mute_cron
	fi
	# Its timer, if it runs: ours takes its files.
	file=$config_home/systemd/user/agent-resync.service
	if [ -f "$file" ] && ! grep -q panemesh "$file" &&
		user_systemd is-enabled agent-resync.timer >/dev/null 2>&1; then
		act "the timer of agent-mesh: gone" end_timer
	fi
}

undo_muted() {
	[ -e "$1" ] && grep -qF "$mute" "$1" || return 0
	say "  the hooks of agent-mesh in $1: in force again"
	[ -z "$plan" ] || return 0
	sed "s/^$mute//" "$1" >"$tmp/muted"
	write_text "$1" <"$tmp/muted"
}

undo_mutedcron() {
	read_crontab && grep -qF "$mute" "$tmp/crontab" || return 0
	say "  the lines of agent-mesh in the crontab: in force again"
	[ -z "$plan" ] || return 0
	sed "s/^$mute//" "$tmp/crontab" | crontab -
	rm -f "$state/crontab"
}

undo_oldhook() {
	[ -z "$plan" ] && [ -S "${1% *}" ] || return 0
	on_server "${1% *}" set-hook -g "${1##* }" "$2" 2>/dev/null || true
}

undo_oldtimer() {
	say "  the timer of agent-mesh: runs again"
	[ -z "$plan" ] || return 0
	user_systemd daemon-reload || true
	user_systemd enable --now "$1" ||
		say "  systemctl --user enable --now $1: failed"
}
