#!/bin/bash
# install.sh and agent-doctor with a real systemd of a user: started by hand in
# a mount namespace of its own, where it finds a /run like that of a system.
# What loginctl says of lingering is in doctor.t, with a stand-in: it needs a
# login.
# shellcheck disable=SC2016,SC2119,SC2120  # for eval and sh -c
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
systemd=/usr/lib/systemd/systemd
if [ -z "${IN_NAMESPACE:-}" ]; then
	why=
	[ -x $systemd ] && command -v dbus-daemon >/dev/null ||
		why='missing systemd or dbus-daemon'
	[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null ||
		why='not root, or no namespaces'
	if [ -n "$why" ]; then
		echo "1..0 # SKIP $why"
		exit 0
	fi
	cd "${here%/tests/it}" || exit 1
	IN_NAMESPACE=yes unshare -m --propagation private \
		bash tests/it/timer.t
	exit
fi
# shellcheck source=tests/it/doctor.sh
. "$here/doctor.sh"
root=${here%/tests/it}
log=$world/log
mount -t tmpfs none /run
mkdir -p /run/systemd/system "/run/user/$(id -u)"
chmod 700 "/run/user/$(id -u)"
XDG_RUNTIME_DIR=/run/user/$(id -u)
export XDG_RUNTIME_DIR
unset DBUS_SESSION_BUS_ADDRESS XDG_CONFIG_HOME
$systemd --user --log-target=console >"$world/systemd.log" 2>&1 &
if ! until_true 10 systemctl --user show-environment; then
	echo '1..0 # SKIP systemd does not start here'
	exit 0
fi
plan 16
install() {
	"$root/install.sh" --build "$BUILD" --no-demo --no-packages \
		--no-tmux-conf "$@" >"$log" 2>&1 </dev/null || {
		cat "$log"
		return 1
	}
}
unit() { systemctl --user show "$1" -p "$2" --value; }

check 'installed' install
PATH=$HOME/.local/bin:$PATH
is "$(unit agent-resync.timer ActiveState) $(unit agent-resync.timer UnitFileState)" \
	'active enabled' 'the timer runs, also next time'
well 'the doctor says so' timer agent-resync
check 'the service runs' systemctl --user start agent-resync.service
is "$(unit agent-resync.service Result)" success 'and does its work'
systemctl --user stop agent-resync.timer
mends 'the timer was stopped' timer 'not running'
systemctl --user disable --now agent-resync.timer 2>"$log"
mends 'the timer was disabled' timer 'not running'
is "$(unit agent-resync.timer UnitFileState)" enabled 'it is enabled too'
echo '!!' >"$HOME/.agents/self.conf"
systemctl --user start agent-resync.service 2>"$log"
rm "$HOME/.agents/self.conf"
mends 'the service failed' timer 'failed when it last ran'
rm "$HOME/.config/systemd/user/agent-resync.timer"
systemctl --user daemon-reload
check 'a unit that was removed' install
is "$(unit agent-resync.timer ActiveState)" active 'is put back and runs'
check 'uninstalled' "$root/install.sh" --uninstall
is "$(unit agent-resync.timer LoadState) $(find "$HOME/.config" 2>/dev/null)" \
	'not-found ' 'nothing of it is left'
