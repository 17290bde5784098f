#!/bin/bash
# install.sh: what it does it can undo, whatever it finds; and what it says
# where it can do nothing.
# time-limit: 500
# shellcheck disable=SC2016,SC2088  # as it is shown
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 142

root=${here%/tests/it}
log=$world/log
export PATH=$world/bin:$PATH
unset XDG_CONFIG_HOME

# --- what this machine may not have, or not for a test ---
cat >"$world/bin/crontab" <<'SH'
#!/bin/sh
table=$HOME/../crontab
case $1 in
-l) [ -e "$table" ] && exec cat "$table"
	echo "no crontab for me" >&2; exit 1 ;;
-r) exec rm -f "$table" ;;
*) exec cat "${1:--}" >"$table" ;;
esac
SH
cat >"$world/bin/systemctl" <<'SH'
#!/bin/sh
# Without a file "systemd" there is none for this user.
[ -e "$HOME/../systemd" ] || exit 1
shift
units=$HOME/.config/systemd/user wants=$HOME/.config/systemd/user/timers.target.wants
echo "$*" >>"$HOME/../systemd"
case $1 in
is-enabled) [ -L "$wants/$2" ] ;;
is-active) [ -L "$wants/$2" ] && [ -e "$HOME/../active" ] ;;
enable)
	[ "$2" != --now ] || { shift; touch "$HOME/../active"; }
	[ -e "$units/$2" ] && mkdir -p "$wants" && ln -sf "$units/$2" "$wants/" ;;
disable) rm -f "$wants/$3" "$HOME/../active" ;;
restart) touch "$HOME/../active" ;;
esac
SH
cat >"$world/bin/getent" <<'SH'
#!/bin/sh
echo "me:x:0:0::/home/me:${LOGIN_SHELL:-/bin/bash}"
SH
chmod +x "$world/bin"/*

# A clone whose path has a space; nothing is compiled again.
ln -s "$root" "$world/my clone"
installs() {
	"$world/my clone/install.sh" --build "$BUILD" "$@" >"$log" 2>&1 </dev/null ||
		{
			cat "$log"
			return 1
		}
}
env_installs() {
	local -x MAKEFLAGS=-n BINDIR=$world/x MANDIR=$world/x TMPDIR=/nonexistent
	installs "$@"
}
# setsid: no terminal of ours either.
fails() {
	local code=$1 part=$2 name=$3
	shift 3
	"$@" >"$log" 2>&1 </dev/null
	is "$? $(grep -cF -- "$part" "$log")" "$code 1" "$name"
}
said() {
	grep -qF -- "$1" "$log" || {
		cat "$log"
		return 1
	}
}
# Everything in HOME but what an uninstall leaves.
tree() {
	(cd "$HOME" && find . -path ./.agents -prune -o \
		-printf '%p %y %m %l\n' | sort &&
		find . -path ./.agents -prune -o -type f -print0 | sort -z |
		xargs -0r sha256sum)
	cat "$HOME/../crontab" 2>/dev/null
}
our_hooks() {
	{
		tm show-hooks -g
		tm show-hooks -gw
	} | grep -c '\[77\]'
}

mkdir "$HOME/dotfiles"
printf 'set -g mouse on\nset -g status off' >"$HOME/dotfiles/tmux.conf"
chmod 640 "$HOME/dotfiles/tmux.conf"
ln -s dotfiles/tmux.conf "$HOME/.tmux.conf"
start_server -s dev -n build
# A server that is known by its process alone: its socket is elsewhere, and its
# one session is none that is registered.
odd="$world/a socket"
tmux -S "$odd" -f /dev/null new-session -d -s scratch
odd_hooks() { tmux -S "$odd" show-hooks -g | grep -c '\[77\]'; }
before=$(tree)
hooks_before=$(tm show-hooks -g)

# --- a dry run ---
check 'a dry run' installs --dry-run --prefix "$HOME/pane mesh" --cron
is "$(tree)" "$before" 'touches nothing'
is "$(tm show-hooks -g)" "$hooks_before" 'nor the running server'
check 'says where' said 'into ~/pane mesh'
fails 0 'panemesh for' 'by sh, called by a relative path with CDPATH set' \
	env CDPATH="$root:$world" sh -c 'cd "$1" && exec sh "my clone/install.sh" \
	--build "$BUILD" --dry-run' sh "$world"
check 'says what it does to tmux' said 'three lines in ~/.tmux.conf'
check 'and to the running server' said "$(socket)"

# --- once, twice ---
check 'into a folder with a space in its name' installs \
	--prefix "$HOME/pane mesh" --cron
check 'it said first what it would do' said 'panemesh for '
check 'a text was shown, from the other window' \
	said '| [from here-demo-one @ '
check 'and a file' said 'build.log (8 bytes): and a file'
check 'the configuration is still a link' test -L "$HOME/.tmux.conf"
is "$(stat -c %a "$HOME/dotfiles/tmux.conf")" 640 'with the rights it had'
is "$(sed -n 2,3p "$HOME/.tmux.conf")" 'set -g status off
# >>> panemesh >>>' 'our lines stand on lines of their own'
is "$(our_hooks)" 15 'the running server has the hooks'
is "$(odd_hooks)" 10 'one whose socket is elsewhere too'
tm new-window -d -n fresh
check 'and they work' until_true 10 grep -q 'dev-fresh\]' \
	"$HOME/.agents/local.toml"
check 'cron has an absolute path' grep -qF \
	"'$HOME/pane mesh/bin/agent-discover' --quiet" "$world/crontab"
is "$(sh -c "$(sed -n 's/^.\/5 . . . . //p' "$world/crontab")" 2>&1; echo $?)" \
	0 'and sh runs that line'
is "$(readlink "$HOME/.local/bin/agent-serve")" \
	"$HOME/pane mesh/bin/agent-serve" 'other hosts find agent-serve'
installed=$(tree)
check 'again, with nothing said' installs --no-demo
check 'changes nothing and says so' said 'nothing had to be changed'
is "$(tree)" "$installed" 'which is true'
# A new server reads the configuration.
server=second
tmux -L second -f "$HOME/.tmux.conf" new-session -d
is "$(our_hooks)" 15 'a new server has the hooks'
tm kill-server
server=main

# --- it is changed meanwhile ---
echo 'set -g base-index 1' >>"$HOME/.tmux.conf"
sed -i --follow-symlinks '/<<< panemesh/d' "$HOME/.tmux.conf"
tm set-hook -gu 'after-set-hook[77]'
tm set-hook -gu 'window-linked[77]'
rm "$HOME/pane mesh/bin/notify-pane"
: >"$HOME/pane mesh/bin/agent-sync"
check 'what was broken' installs --prefix "$HOME/pane mesh" --cron --no-demo
is "$(our_hooks)" 15 'is mended: hooks'
is "$(tail -n 2 "$HOME/.tmux.conf")" '# <<< panemesh <<<
set -g base-index 1' 'tmux.conf, and the line behind stays'
check 'programs' sh -c "\"$HOME/pane mesh/bin/notify-pane\" --version &&
	\"$HOME/pane mesh/bin/agent-sync\" --version"
# What was put there was not ours: it is kept.
check 'another file in that place was kept' said 'as it was, kept as'

# --- elsewhere ---
check 'into another folder, with what others mean in the environment' \
	env_installs --prefix "$HOME/.local" --no-timer --no-demo
is "$(find "$HOME/pane mesh" | sort)" "$HOME/pane mesh
$HOME/pane mesh/bin
$HOME/pane mesh/bin/agent-sync" 'the old one is empty but for what was not ours'
is "$(grep -c 'left there' "$log")" 0 'nothing is complained of'
is "$(grep -c source-file "$HOME/.tmux.conf")" 1 'one line in tmux.conf'
is "$(tm show-hooks -g | grep -c "'$HOME/.local/bin/agent-register-hook'")" 7 \
	'the running server has the new hooks'
check 'from where it is installed' "$HOME/.local/share/panemesh/install.sh" \
	--no-timer --no-demo

# --- undone ---
sed -i --follow-symlinks '/base-index/d' "$HOME/.tmux.conf"
rm -r "$HOME/pane mesh"
mkdir -p "$HOME/.agent-inbox/x"
echo mail >"$HOME/.agent-inbox/x/y"
check 'uninstall, by the installed script' \
	"$HOME/.local/share/panemesh/install.sh" --uninstall
is "$(cat "$HOME/.agent-inbox/x/y")" mail 'what came stays'
rm -rf "$HOME/.agent-inbox"
is "$(tree)" "$before" 'all else is as it was'
is "$(our_hooks) $(odd_hooks)" '0 0' 'the running servers too'
tmux -S "$odd" kill-server
check 'again' installs --uninstall
check 'there is nothing to do' said 'Nothing to undo'

# --- a timer ---
touch "$world/systemd"
check 'with systemd' installs --no-demo
check 'the unit has an absolute path' grep -qxF \
	"ExecStart=\"$HOME/.local/bin/agent-discover\" --quiet" \
	"$HOME/.config/systemd/user/agent-resync.service"
check 'the timer runs' systemctl --user is-active agent-resync.timer
check 'what lingering means is said' said 'loginctl enable-linger'
printf '%s\n' '# >>> panemesh >>>' \
	"*/5 * * * * $HOME/.local/bin/agent-discover --quiet >/dev/null 2>&1" \
	'# <<< panemesh <<<' >"$world/crontab"
timers() {
	echo "$(grep -cs agent-discover "$world/crontab" || [ -e "$world/crontab" ] || echo 0)" \
		"$(systemctl --user is-enabled agent-resync.timer; echo $?)"
}
check 'then by cron, as agent-doctor wrote it' installs --no-demo --cron
is "$(timers)" '1 1' 'the timer is gone'
check 'again, with nothing said' installs --no-demo
is "$(timers)" '1 1' 'it is by cron still'
check 'without a timer' installs --no-demo --no-timer
is "$(timers)" '0 1' 'there is none'
check 'again' installs --no-demo --no-tmux-conf
is "$(timers)" '0 1' 'there is none still'
check 'by systemd' installs --no-demo --timer
is "$(timers)" '0 0' 'it is there'
check 'uninstalled' installs --uninstall
is "$(tree)" "$before" 'all is as it was'

# --- built in two folders: the same, so that nothing is changed ---
for at in one "it's two"; do
	mkdir "$world/$at"
	cp -R "$root/Makefile" "$root/src" "$root/profiles" "$world/$at/"
	make -s -C "$world/$at" BUILD=out out/clock.o out/profiles.gen.o \
		>"$log" 2>&1 || note "$(cat "$log")"
done
check 'an object' cmp "$world/one/out/clock.o" "$world/it's two/out/clock.o"
check 'and a generated one' cmp "$world/one/out/profiles.gen.o" \
	"$world/it's two/out/profiles.gen.o"

# --- killed at any step, run again ---
rm "$world/systemd"
check 'a reference' installs --no-demo --cron
wanted=$(tree | grep -v '/panemesh/manifest$\|/backup')
installs --uninstall
# --- it breaks off ---
mkdir -p "$HOME/.local/bin/notify-pane"
fails 9 "undo it: ~/.local/share/panemesh/install.sh --uninstall" \
	'broken off, it says how it is undone' \
	"$world/my clone/install.sh" --build "$BUILD" --no-demo
check 'which works' "$HOME/.local/share/panemesh/install.sh" --uninstall
rm -r "$HOME/.local"
is "$(tree)" "$before" 'all is as it was'

crashes=0
manifest=$HOME/.local/state/panemesh/manifest
for lines in 0 12 45 63 67; do
	setsid "$world/my clone/install.sh" --build "$BUILD" --no-demo --cron \
		>"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" && [ "$(wc -l <"$manifest" || echo 0)" -le \
		"$lines" ]; do :; done 2>/dev/null
	kill -KILL -- "-$pid" 2>/dev/null && crashes=$((crashes + 1))
	wait "$pid" 2>/dev/null
	if [ $((lines % 2)) = 0 ]; then
		installs --no-demo --cron
		is "$(tree | grep -v '/panemesh/manifest$\|/backup')" "$wanted" \
			"killed after $lines changes, run again"
	fi
	installs --uninstall
	[ "$(tree)" = "$before" ] || {
		note "killed after $lines changes, then undone:"
		note "$(diff <(echo "$before") <(tree))"
		crashes=-100
	}
done
note "$crashes of 5 were killed"
[ "$crashes" -ge 3 ]
is $? 0 'killed anywhere and undone: all is as it was'

# An uninstall too.
installs --no-demo --cron
setsid "$world/my clone/install.sh" --uninstall >"$log" 2>&1 </dev/null &
pid=$!
until [ ! -e "$HOME/.local/share/man" ] || ! kill -0 "$pid" 2>/dev/null; do
	:
done
kill -KILL -- "-$pid" 2>/dev/null
wait "$pid" 2>/dev/null
check 'an uninstall that was killed' test -e "$HOME/.local/bin/notify-pane"
installs --uninstall --dry-run
check 'a dry run of it touches nothing' test -e "$HOME/.local/bin/notify-pane"
installs --uninstall
is "$(tree)" "$before" 'is finished by another'

# --- two at once ---
installs --no-demo --cron &
pid=$!
is "$("$world/my clone/install.sh" --build "$BUILD" --no-demo --cron \
	>"$world/log2" 2>&1 </dev/null; echo $?)" 0 'two at once: one'
wait "$pid"
is $? 0 'and the other'
is "$(tree | grep -v '/panemesh/manifest$\|/backup')" "$wanted" \
	'it is as if there was one'
installs --uninstall
is "$(tree)" "$before" 'undone once'

# --- its record is lost ---
cp -p "$HOME/dotfiles/tmux.conf" "$world/tmux.conf.before"
installs --no-demo --cron
rm -r "$HOME/.local"
check 'with the record lost' installs --no-demo --cron
installs --uninstall
is "$(grep -l panemesh "$HOME/.tmux.conf" "$world/crontab" 2>/dev/null)" '' \
	'what is found of ours is undone'
cp -p "$world/tmux.conf.before" "$HOME/dotfiles/tmux.conf"

# --- a home that is a link, and ends with a slash ---
ln -s home "$world/link"
[ "$(id -u)" != 0 ] || chown -h 65534 "$world/link"
check 'a home that is a link' env HOME="$world/link/" \
	AGENTS_DIR="$HOME/.agents" \
	"$world/my clone/install.sh" --build "$BUILD" --no-demo --no-timer
check 'no path has two slashes' grep -qxF \
	"source-file -q \"$world/link/.local/share/panemesh/panemesh.tmux.conf\"" \
	"$HOME/.tmux.conf"
HOME=$world/link installs --uninstall
is "$(tree)" "$before" 'all is as it was'

# --- a package of the distribution has brought the programs ---
make -s -C "$root" BUILD="$BUILD" install PREFIX="$world/usr" >"$log" 2>&1
check 'by the script that came with it' "$world/usr/share/panemesh/install.sh" \
	--no-demo --cron
is "$(grep -c "$world/usr" "$HOME/.tmux.conf" "$world/crontab" | cut -d: -f2 |
	tr '\n' ' ')" '1 1 ' 'this user gets the hooks and the timer'
check 'only that is undone' "$world/usr/share/panemesh/install.sh" --uninstall
check 'the programs stay' test -x "$world/usr/bin/notify-pane"
# Where other hosts look for agent-serve is up to the package.
is "$(tree)" "$before" 'and HOME is as it was'

# --- a bash agent-mesh is in place ---
touch "$world/systemd"
rm -f "$world/crontab"
mkdir -p "$HOME/bin" "$HOME/scripts" "$HOME/.config/systemd/user"
for name in bin/notify-pane bin/agent-register-hook bin/agent-discover \
	scripts/sync-agent-registry.sh; do
	printf '#!/usr/bin/env bash\n# %s\nREGISTRY="$HOME/.agents/registry.toml"\n' \
		"$name" >"$HOME/$name"
	chmod 755 "$HOME/$name"
done
# One as a link into its checkout.
mkdir "$HOME/agent-mesh"
mv "$HOME/bin/notify-pane" "$HOME/agent-mesh/"
ln -s ../agent-mesh/notify-pane "$HOME/bin/notify-pane"
printf '#!/usr/bin/env bash\n~/bin/agent-register-hook on dev\n' \
	>"$HOME/bin/agent-self-identify"
printf '#!/bin/sh\necho mine\n' >"$HOME/bin/mine"
chmod 755 "$HOME/bin/mine" "$HOME/bin/agent-self-identify"
their_hooks() {
	cat <<-'HOOKS'
	set-hook -g session-created "run-shell -b '~/bin/agent-register-hook on  #{session_name}'"
	set-hook -g session-closed  "run-shell -b '~/bin/agent-register-hook off #{hook_session_name}'"
	set-hook -g window-linked   "run-shell -b '~/bin/agent-register-hook on  #{session_name}'"
	set-hook -g window-unlinked "run-shell -b '~/bin/agent-register-hook on  #{hook_session_name}'"
	set-hook -g window-renamed  "run-shell -b '~/bin/agent-register-hook on  #{session_name}'"
	HOOKS
}
{
	echo
	echo '# === agent-mesh tmux hooks (managed) ==='
	their_hooks
} >>"$HOME/.tmux.conf"
their_hooks >"$world/hooks"
tm source-file "$world/hooks"
tm set-hook -g 'session-renamed[3]' 'display-message mine'
printf '[Service]\nExecStart=%%h/bin/agent-discover\n' \
	>"$HOME/.config/systemd/user/agent-resync.service"
printf '[Timer]\nOnUnitActiveSec=5min\n' \
	>"$HOME/.config/systemd/user/agent-resync.timer"
systemctl --user enable --now agent-resync.timer
printf '0 4 * * * backup\n*/5 * * * * $HOME/bin/agent-discover\n' \
	>"$world/crontab"
rm -rf "$HOME/.agents"
mkdir -m 700 "$HOME/.agents"
echo 'oldname   # as the others call us' >"$HOME/.agents/self.conf"
printf '# the mesh\noldname\nother\n' >"$HOME/.agents/peers.conf"
chmod 600 "$HOME/.agents"/*.conf
SOCKET=$(socket) "$here/agent-mesh" register
conf=$(cat "$HOME/.agents"/*.conf)
before=$(tree)
hooks_before=$(tm show-hooks -g)
check 'taking over' installs --dry-run
is "$(tree)" "$before" 'a dry run touches nothing'
check 'taking over' installs --no-demo
check 'a backup is named' said \
	"~/bin/notify-pane: as it was, kept as ~/.local/state/panemesh/backup/bin/notify-pane"
is "$(cat "$HOME/.agents"/*.conf)" "$conf" 'peers.conf and self.conf are kept'
for name in notify-pane agent-register-hook agent-discover \
	agent-self-identify; do
	"$HOME/bin/$name" --version
done >"$log" 2>&1
is "$(grep -c panemesh "$log") $("$HOME/bin/mine")" '4 mine' \
	'its programs are ours, others are not touched'
is "$("$HOME/bin/agent-register-hook" on dev 2>&1; echo $?)" 0 \
	'what its hooks would call does no harm'
is "$(tm show-hooks -g | grep -c 'agent-register-hook o') $(our_hooks) $(
	tm show-hooks -g | grep -c 'display-message mine')" '0 15 1' \
	'hooks in the running server: ours, and those of others'
is "$(grep -c '^#panemesh# set-hook' "$HOME/.tmux.conf")" 5 'in tmux.conf too'
is "$(cat "$world/crontab")" '0 4 * * * backup
#panemesh# */5 * * * * $HOME/bin/agent-discover' 'cron'
check 'the timer is ours' grep -q "ExecStart=\"$HOME/.local/bin" \
	"$HOME/.config/systemd/user/agent-resync.service"
check 'the panes have their addresses' grep -q '^\[agents.oldname-dev-build\]' \
	"$HOME/.agents/registry.toml"
is "$("$HOME/bin/notify-pane" oldname-dev-build hello 2>&1 | tail -n 1)" \
	shown 'a message by the old path'
check 'again' installs --no-demo
check 'changes nothing' said 'nothing had to be changed'
check 'and back' installs --uninstall
is "$(tree)" "$before" 'all is as it was'
is "$(tm show-hooks -g)" "$hooks_before" 'the running server too'
check 'its timer runs' systemctl --user is-active agent-resync.timer
is "$(cat "$HOME/.agents"/*.conf)" "$conf" 'peers.conf and self.conf are kept'
check 'taking over, by cron' installs --no-demo --cron
is "$(systemctl --user is-active agent-resync.timer; echo $?) $(
	grep -c '^[^#]*agent-discover' "$world/crontab")" '1 1' 'cron alone'
check 'and back' installs --uninstall
is "$(tree)" "$before" 'all is as it was'
check 'its timer runs' systemctl --user is-active agent-resync.timer

# --- tmux configurations that are not one plain file ---
conf=$HOME/dotfiles/tmux.conf
rm -f "$HOME/.tmux.conf"
mkdir -p "$HOME/.config/tmux"
printf 'if-shell true "source-file ~/.config/tmux/more.conf"' >"$HOME/.config/tmux/tmux.conf"
echo 'set -g @mine yes' >"$HOME/.config/tmux/more.conf"
before=$(tree)
check 'XDG, if-shell and source-file' installs --no-demo --no-timer
server=second
tmux -L second new-session -d
is "$(our_hooks) $(tm show-option -gv @mine)" '15 yes' 'a new server has both'
tm kill-server
installs --uninstall
is "$(tree)" "$before" 'all is as it was'
# A file that tmux reads and sh too, as "Oh my tmux!" has it.
rm -r "$HOME/.config/tmux"
cat >"$conf" <<'CONF'
# : << 'EOF'
set-environment -g TMUX_CONF_LOCAL "$HOME/.tmux.conf.local"
run 'tmux -S #{socket_path} source "$TMUX_CONF_LOCAL"'
run 'cut -c3- "$TMUX_CONF_LOCAL" | sh -s mine >$HOME/ran 2>&1; echo $? >>$HOME/ran'
# EOF
# "$@"
CONF
cat >"$HOME/.tmux.conf.local" <<'CONF'
# : << 'EOF'
set -g @mine yes
# EOF
# mine() { echo I run; }
# "$@"
# # do not write below this line
CONF
ln -s dotfiles/tmux.conf "$HOME/.tmux.conf"
before=$(tree)
check 'a file that sh runs too' installs --no-demo --no-timer
is "$(grep -c panemesh "$conf")" 0 'the file that is not for its users is left alone'
tmux -L second new-session -d
until_true 10 grep -q '^[0-9]' "$HOME/ran"
is "$(our_hooks) $(tm show-option -gv @mine) $(tr '\n' ' ' <"$HOME/ran")" \
	'15 yes I run 0 ' 'a new server has both, and sh no complaint'
tm kill-server
rm "$HOME/ran"
check 'again' installs --no-demo --no-timer
installs --uninstall
is "$(tree)" "$before" 'all is as it was'
rm "$HOME/.tmux.conf.local"
server=main

# --- where it can do nothing ---
mv "$HOME/.tmux.conf" "$world/tmux.link"
mkdir "$HOME/.tmux.conf"
fails 9 'is a folder; move it away' 'a configuration that is a folder' \
	"$root/install.sh" --build "$BUILD"
rmdir "$HOME/.tmux.conf"
ln -s gone "$HOME/.tmux.conf"
fails 9 'leads to a file that is not there' 'one that leads nowhere' \
	"$root/install.sh" --build "$BUILD"
mv -f "$world/tmux.link" "$HOME/.tmux.conf"
before=$(tree)
mkdir "$world/farm"
ln -s /usr/local/bin/* /usr/bin/* /bin/* "$world/farm/" 2>/dev/null
rm -f "$world/farm"/{apt-get,pkg-config,dnf,pacman,apk}
farm() {
	ln -sf /bin/true "$world/farm/$1"
	PATH=$world/farm "$root/install.sh" --no-demo
	set -- $? "$1"
	rm "$world/farm/$2"
	return "$1"
}
fails 9 'as root: dnf install gcc make tmux pkgconf-pkg-config libssh-devel' \
	'Fedora' farm dnf
fails 9 'as root: pacman -S --needed gcc make tmux pkgconf libssh' 'Arch' \
	farm pacman
fails 9 'as root: apk add gcc make musl-dev linux-headers tmux pkgconf libssh-dev' \
	'Alpine' farm apk
fails 9 'missing: pkg-config libssh-dev' 'no packages wanted' env \
	PATH="$world/farm" "$root/install.sh" --no-packages
fails 1 'is not an absolute path' 'a prefix that is none' \
	"$root/install.sh" --prefix here
fails 1 'is no folder for this' 'nor that' "$root/install.sh" --prefix /
fails 1 'has a character' 'nor one that shells would read' \
	"$root/install.sh" --prefix "$HOME/\$(date)"
ln -sf /bin/false "$world/farm/crontab"
fails 9 'crontab fails' 'no cron, which was asked for' env \
	PATH="$world/farm:$PATH" "$root/install.sh" --cron
rm "$world/farm/crontab"
# A file system that has no room.
full() {
	unshare -m sh -c 'mount -t tmpfs -o size=1m none "$HOME" || exit 77
		"$0" --build "$BUILD" --no-demo; code=$?
		find "$HOME" -mindepth 1
		exit $code' "$root/install.sh"
}
# One that runs no programs.
noexec() {
	unshare -m sh -c 'mount -t tmpfs -o noexec none "$TMPDIR" || exit 77
		exec "$0" --build "$BUILD" --no-demo --no-timer' "$root/install.sh"
}
mkdir "$world/full" "$world/noexec"
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	HOME=$world/full fails 9 'make room' 'a home that is full' full
	is "$(wc -l <"$log")" 1 'nothing is begun there'
	TMPDIR=$world/noexec fails 0 'Done.' 'temporary files that cannot be run' \
		noexec
	installs --uninstall
else
	ok '# skip not root'
	ok '# skip not root'
	ok '# skip not root'
fi
fails 9 'is no folder' 'no home' env HOME=/nonexistent "$root/install.sh"
is "$(tree)" "$before" 'and nothing was touched'
mv "$HOME/.agents" "$world/agents"
mkdir -m 700 "$HOME/.agents"
printf '[slices.me]\nformat = 1\nhost = "me"\nhost_id = "0123456789abcdef"\ngeneration = 1\nwritten = "2026-01-01T00:00:00Z"\n' \
	>"$HOME/.agents/local.toml"
echo me >"$HOME/.agents/self.conf"
chmod 600 "$HOME/.agents"/*
fails 9 'cannot work yet' 'a home that another machine uses too' \
	"$root/install.sh" --build "$BUILD" --no-demo
check 'the mend is named' said '.agents.d/'
installs --uninstall
rm -r "$HOME/.agents"
mv "$world/agents" "$HOME/.agents"

# --- as a user who may not do everything ---
mkdir -p "$world/user/home" "$world/user/tmp"
chmod 755 "$world" "$world/bin" "$world/user"
as_user() {
	local who=()
	if [ "$(id -u)" = 0 ]; then
		chown -R 65534:65534 "$world/user"
		who=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	fi
	"${who[@]}" env HOME="$world/user/home" TMPDIR="$world/user/tmp" \
		TMUX_TMPDIR="$world/user/tmp" "$@"
}
if ! as_user test -r "$root/install.sh" -a -x "$BUILD/notify-pane"; then
	for name in 1 2 3 4 5 6 7; do
		ok "# skip the checkout is not readable by others"
	done
else
	chmod 555 "$world/user/home"
	fails 9 'is read-only' 'a home that is read-only' \
		as_user "$root/install.sh" --build "$BUILD"
	chmod 755 "$world/user/home"
	rm -f "$world/farm/sudo"
	echo 'set -g mouse on' >"$world/user/home/.tmux.conf"
	fails 9 'may not write there; choose another --prefix' \
		'a prefix of the system without sudo' as_user env \
		PATH="$world/farm" "$root/install.sh" --prefix /usr/local
	if as_user env SHELL=/usr/bin/fish LOGIN_SHELL=/usr/bin/fish \
		"$root/install.sh" --build "$BUILD" >"$log" 2>&1 </dev/null; then
		ok 'an ordinary user with fish'
	else
		not_ok 'an ordinary user with fish'
		note "$(cat "$log")"
	fi
	check 'who is told how PATH is set there' said \
		"fish_add_path '$world/user/home/.local/bin'"
	chmod 444 "$world/user/home/.tmux.conf"
	fails 0 'nothing had to be changed' \
		'again, with a configuration that became read-only' \
		as_user "$root/install.sh" --build "$BUILD" --no-demo
	fails 0 'our lines in ~/.tmux.conf' 'uninstalled' \
		as_user "$root/install.sh" --uninstall
	is "$(cd "$world/user/home" && cat .tmux.conf && find . -name .agents \
		-prune -o -printf '%p %m ')" 'set -g mouse on
. 755 ./.tmux.conf 444 ' 'all is as it was'
fi
export SHELL=/bin/tcsh LOGIN_SHELL=/bin/tcsh
check 'tcsh' installs
check 'is told its own way' said 'set path = ('
