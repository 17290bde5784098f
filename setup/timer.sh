# shellcheck shell=bash disable=SC2034,SC2154
# timer.sh - what looks after the address book every five minutes: a timer of
# systemd for this user, or cron.

units=$config_home/systemd/user
# As it stands here, and in what agent-doctor proposes.
cron_line="^[*]/5 [*] [*] [*] [*] .*/agent-discover'? --quiet"

# The user's own systemd is found by its folder, which ssh and su do not
# always name.
user_systemd() {
	command -v systemctl >/dev/null || return 1
	XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} \
		timeout 30 systemctl --user "$@" 2>/dev/null </dev/null
}

# The crontab, in $tmp/crontab. Fails where it cannot be read: then it must
# not be written either.
read_crontab() {
	command -v crontab >/dev/null || return 1
	if crontab -l >"$tmp/crontab" 2>"$tmp/crontab.err" </dev/null; then
		return 0
	fi
	: >"$tmp/crontab"
	grep -qi 'no crontab' "$tmp/crontab.err"
}

# The PATH in which tmux is found, which neither cron nor systemd need have.
tmux_path() {
	local folder
	folder=$(command -v tmux || echo /usr/bin/tmux)
	folder=${folder%/*}
	case $folder in
	/usr/local/bin | /usr/bin | /bin) folder='' ;;
	esac
	printf '%s/usr/local/bin:/usr/bin:/bin' "${folder:+$folder:}"
}

cron_text() {
	printf "*/5 * * * * PATH='%s' " "$(tmux_path)"
	printf "'%s/agent-discover' --quiet >/dev/null 2>&1" "$bin"
}

write_cron() {
	recorded cron crontab || record cron crontab
	crontab "$tmp/crontab.new" || die "crontab: refuses our line"
}

why_no_cron() {
	if command -v crontab >/dev/null; then
		echo "crontab fails: $(head -n 1 "$tmp/crontab.err")"
	else
		echo "crontab is not installed (apt-get install cron)"
	fi
}

no_timer() {
	say "  no timer: $1, and $(why_no_cron)"
	[ -n "$plan" ] || say "  The hooks keep the address book; what they" \
		"cannot see, such as a tmux server that crashed, is found when" \
		"you run agent-discover."
}

timer_by_cron() {
	seen["cron crontab"]=1
	[ -z "$with_linger" ] || say "  --linger: only a timer of systemd needs it"
	if ! read_crontab; then
		[ "$1" != asked ] || die "--cron: $(why_no_cron); or use --timer"
		no_timer "$1"
		return
	fi
	edit_block "$(cron_text)" "$cron_line" <"$tmp/crontab" \
		>"$tmp/crontab.new"
	if cmp -s "$tmp/crontab" "$tmp/crontab.new"; then
		same=$((same + 1))
		[ -n "$plan" ] || recorded cron crontab || record cron crontab
		return
	fi
	[ "$1" = asked ] || say "  $1: cron it is"
	act "three lines in the crontab: agent-discover every 5 minutes" write_cron
}

enable_timer() {
	make_dir "$units/timers.target.wants"
	record timer agent-resync.timer
	{
		user_systemd daemon-reload &&
			user_systemd enable agent-resync.timer &&
			user_systemd restart agent-resync.timer
	} || die "systemctl --user enable agent-resync.timer: failed; look \
with systemctl --user status, or use --cron"
}

lingers() {
	[ -e "/var/lib/systemd/linger/$(id -un)" ]
}

linger() {
	record linger -
	loginctl enable-linger "$(id -un)" 2>/dev/null </dev/null ||
		sudo -n loginctl enable-linger "$(id -un)" 2>/dev/null ||
		say "  it is not allowed; ask root: loginctl enable-linger $(id -un)"
}

# As it was installed; a distribution has another place for it. The service with
# tmux's folder, if systemd would not look there.
unit_file() {
	local path
	path=$(tmux_path)
	case $1$path in
	agent-resync.service/usr/local/bin:*) ;;
	agent-resync.service*[[:cntrl:]\"\\%\$]*) ;;
	agent-resync.service*)
		sed "s|^\[Service\]\$|&\nEnvironment=\"PATH=${path//[&|]/\\&}\"|" \
			"$(installed_unit "$1")" >"$tmp/$1"
		printf '%s\n' "$tmp/$1"
		return
		;;
	esac
	installed_unit "$1"
}

installed_unit() {
	if [ -e "$prefix/share/systemd/user/$1" ]; then
		printf '%s\n' "$prefix/share/systemd/user/$1"
	else
		printf '%s\n' "$prefix/lib/systemd/user/$1"
	fi
}

step_timer() {
	local unit before=$changes
	step=timer
	if [ "$timer" = cron ]; then
		timer_by_cron asked
		return
	fi
	if ! user_systemd show-environment >/dev/null; then
		timer_by_cron "this user has no systemd running"
		return
	fi
	seen["timer agent-resync.timer"]=1
	if [ -n "$plan" ]; then
		recorded timer agent-resync.timer ||
			act "a timer of systemd: agent-discover every 5 minutes"
	else
		for unit in agent-resync.service agent-resync.timer; do
			put "$(unit_file "$unit")" "$units/$unit" 644
		done
		if [ "$changes" != "$before" ] ||
			! user_systemd is-active agent-resync.timer >/dev/null; then
			act "a timer of systemd: agent-discover every 5 minutes" \
				enable_timer
		fi
	fi
	step_linger
}

step_linger() {
	seen["linger -"]=1
	lingers && return
	if [ -n "$with_linger" ]; then
		act "lingering: the timer also runs while you are logged out" linger
	elif [ -z "$plan" ]; then
		cat <<-TEXT
		  The timer runs while you are logged in: systemd ends what is yours
		  with your last session, unless you "linger". On a machine whose tmux
		  you leave running, let it:  loginctl enable-linger $(id -un)
		  (or ./install.sh --linger; --cron needs no lingering)
		TEXT
	fi
}

undo_timer() {
	say "  the timer of systemd"
	[ -n "$plan" ] || user_systemd disable --now "$1" || true
	# Its units go next.
	[ -n "$plan" ] || timer_gone=yes
}

undo_cron() {
	read_crontab && grep -qxF "$begin" "$tmp/crontab" || return 0
	say "  our lines in the crontab"
	[ -z "$plan" ] || return 0
	edit_block '' "$cron_line" <"$tmp/crontab" >"$tmp/crontab.new"
	if [ -s "$tmp/crontab.new" ]; then
		crontab "$tmp/crontab.new"
	else
		crontab -r
	fi
}

undo_linger() {
	say "  lingering"
	[ -n "$plan" ] || loginctl disable-linger "$(id -un)" 2>/dev/null ||
		sudo -n loginctl disable-linger "$(id -un)" 2>/dev/null ||
		say "  it is not allowed; ask root: loginctl disable-linger $(id -un)"
}
