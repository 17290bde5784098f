#!/bin/bash
# time-limit: 400
# agent-doctor on one host: every row is seen when it is broken, and gone once
# the command that the row prints was run.
# What stands in '...' is for eval or sh -c; functions get their arguments there.
# shellcheck disable=SC2016,SC2119,SC2120
. tests/it/lib.sh
# shellcheck source=tests/it/doctor.sh
. "$here/doctor.sh"
plan 225
export PATH=$BUILD/helpers:$PATH
agents=$HOME/.agents
root=$([ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null && echo yes)

# N tests that only root can make.
skip() {
	local i
	for ((i = 0; i < $1; i++)); do
		ok "$2 # SKIP not root, or no namespaces"
	done
}

tree() {
	find "$HOME" "$agents" -printf '%p %i %s %T@ %C@ %m\n' | sort
}

# A person's systemctl, loginctl and crontab, told by files in $fake.
fake=$world/fake
mkdir "$fake" "$world/systemd"
cat >"$world/systemd/systemctl" <<'EOF'
#!/bin/sh
[ "$1" = --user ] || exit 1
case "$2 $3" in
"show agent-resync.timer") cat "$FAKE/timer" ;;
"show agent-resync.service") cat "$FAKE/service" ;;
"enable --now" | "restart agent-resync.timer")
	printf 'LoadState=loaded\nActiveState=active\nLastTriggerUSec=Wed 2026-11-25 10:00:00 UTC\n' >"$FAKE/timer"
	;;
"restart agent-resync.service") echo Result=success >"$FAKE/service" ;;
*) exit 1 ;;
esac
EOF
cat >"$world/systemd/loginctl" <<'EOF'
#!/bin/sh
case $1 in
show-user) cat "$FAKE/linger" ;;
enable-linger) echo Linger=yes >"$FAKE/linger" ;;
esac
EOF
cat >"$world/systemd/crontab" <<'EOF'
#!/bin/sh
case $1 in
-l) cat "$FAKE/crontab" ;;
-) cat >"$FAKE/crontab.new" && mv "$FAKE/crontab.new" "$FAKE/crontab" ;;
esac
EOF
chmod +x "$world"/systemd/*
export FAKE=$fake
plain_path=$world/systemd:$PATH

# ---- nothing there yet ----
row home .
check "a first look makes nothing" test ! -e "$agents"
mends "no folder" home 'nothing has run'
check "the configuration is one of the checks" grep -q '"tmux.conf"' "$world/doctor.json"
printf '%s\n' 'set -g default-shell /bin/sh' 'set -g default-command "exec /bin/sh"' >"$world/tmux.conf"
mends "hooks are not loaded" tmux.conf 'does not load'
tmux -L loads -f "$HOME/.tmux.conf" new-session -d
until_true 5 sh -c 'tmux -L loads show-hooks -g | grep -q session-created.77'
check "what was mended loads the hooks" \
	sh -c 'tmux -L loads show-hooks -g | grep -q session-created.77'
tmux -L loads kill-server
ln -s "$HOME/.tmux.conf" "$world/link"
mv "$HOME/.tmux.conf" "$HOME/dot.conf"
ln -s dot.conf "$HOME/.tmux.conf"
echo 'source-file -q "/gone with a blank/panemesh.tmux.conf" # old' >"$HOME/dot.conf"
mends "hooks of another place" tmux.conf 'is not there'
check "a link stays a link" test -L "$HOME/.tmux.conf"
printf '%s\n' "set-hook -g session-created \"run-shell -b '~/bin/agent-register-hook on x'\"" >>"$HOME/dot.conf"
mends "the predecessor's hooks in tmux.conf" tmux.conf 'bash agent-mesh'
echo 'source-file ~/more.conf' >"$HOME/dot.conf"
echo "source-file '$BUILD/panemesh.tmux.conf'" >"$HOME/more.conf"
well "a file that is sourced counts" tmux.conf .
echo 'source "$TMUX_CONF_LOCAL"' >"$HOME/dot.conf"
mends "its users have another file" tmux.conf 'does not load'
printf '# : << EOF\nset -g mouse on\n# EOF\n# "$@"\n' >"$HOME/.tmux.conf.local"
mends "which is there" tmux.conf 'does not load'
is "$(sed -n '2s/ .*//p;3p' "$HOME/.tmux.conf.local")" "source-file
set -g mouse on" "the line stands where sh does not run it"
rm "$HOME/.tmux.conf.local"
echo 'source-file ~/more.conf' >"$HOME/dot.conf"

start_server -s dev -n one
hooks
settles "registered"
tm kill-session -t nobody 2>/dev/null
"$doctor" --json >"$world/doctor.json"
is "$(python3 "$here/doctor.py" "$world/doctor.json" bad .)" "" "a healthy host has no bad row"

# ---- it changes nothing, is quick, prints rows and JSON ----
before=$(tree)
"$doctor" >"$world/out" 2>"$world/err"
is "$(tree)" "$before" "nothing changed"
is "$(cat "$world/err")" "" "nothing on stderr"
# Of the processor, since others may be using it too; children count.
best=9999 TIMEFORMAT='%3U %3S'
for _ in 1 2 3 4 5; do
	took=$({ time TMUX_TMPDIR=$world/empty "$doctor" >/dev/null; } 2>&1 |
		awk '{ print int(($1 + $2) * 1000) }')
	[ "$took" -ge "$best" ] || best=$took
done
note "best of 5: $best ms of the processor"
check "a look costs less than 100 ms" test "$best" -lt 100
check "the JSON has what the manual says" python3 - "$world/doctor.json" <<'EOF'
import json, sys
d = json.load(open(sys.argv[1]))
assert set(d) == {"host", "ok", "rows"} and d["rows"]
for r in d["rows"]:
    assert set(r) == {"check", "state", "object", "cause", "mend"}
    assert r["state"] in ("ok", "note", "bad")
EOF
TMUX_BIN=/nonexistent "$doctor" >/dev/null
is $? 9 "a fault here: status 9"
"$doctor" --bad >"$world/out" 2>"$world/err"
is "$? $(wc -l <"$world/err")" "1 1" "a wrong option: status 1, one line"
"$doctor" word >"$world/out" 2>"$world/err"
is "$? $(wc -l <"$world/err")" "1 1" "a word: status 1, one line"
"$doctor" -t 0 >"$world/out" 2>"$world/err"
is "$? $(wc -l <"$world/err")" "1 1" "a wrong time: status 1, one line"
check "no room for its output is said" sh -c '! agent-doctor >/dev/full'

# ---- home, files ----
export AGENTS_DIR=here
mends "AGENTS_DIR is no path" home 'not an absolute path'
unset AGENTS_DIR
echo '!!' >"$agents/self.conf"
mends "self.conf names no host" home 'self.conf'
mv "$agents/self.conf" "$world/self.conf"
mkdir "$agents/self.conf"
mends "self.conf is a folder" home 'self.conf'
rm -rf "$agents"/self.conf*
mends "self.conf is missing" home 'self.conf'
mv "$agents" "$world/agents"
: >"$agents"
mends "the folder is a file" home 'is no folder'
rm -rf "$agents" "$agents.away"
mv "$world/agents" "$agents"
sed -i 's/^host_id = .*/host_id = "0123456789abcdef"/' "$agents/local.toml"
mends "local.toml of another machine" home 'another machine'
mv "$agents/log" "$world/log"
: >"$agents/log"
mends "the log folder is a file" home 'log'
chmod g+w "$agents/config.toml" "$agents/local.toml" "$agents/run" 2>/dev/null
mends "files that others can write" files 'written by others'
chmod 000 "$agents/registry.toml"
mends "files that we cannot read" files 'read and write'
mkfifo "$agents/it's
a \$(fifo)"
mends "a fifo with a hostile name" files 'neither'
mkfifo "$agents/"$'\xff\e[31m\u202e"\\'
mends "a fifo with a name that is no UTF-8" files 'neither'
if [ "$root" ]; then
	chown 4321 "$agents/local.toml"
	mends "files of another uid" files 'not ours'
else
	skip 2 "files of another uid"
fi
touch -d '1 hour ago' "$agents/local.toml.tmp.aBcD12" "$agents/run/x.tmp.000000"
mends "temporary files" leftovers 'left behind'
touch "$agents/local.toml.tmp.aBcD12"
well "a fresh temporary is somebody's" leftovers .
rm "$agents/local.toml.tmp.aBcD12"

# ---- settings ----
printf '# one\nignore_sessions = ["x"]\ninbox_max = "much"\n' >"$agents/config.toml"
mends "config.toml has an error" config 'config.toml'
rm "$agents/config.toml"
printf 'box serve=relative\n' >"$agents/peers.conf"
mends "peers.conf has an error" config 'peers.conf'
printf 'box command=false\n' >"$agents/peers.conf"
chmod 666 "$agents/peers.conf"
mends "peers.conf that others can write" config 'writable by others'
rm "$agents/peers.conf"
mkdir -m 700 "$agents/profiles.d"
echo 'nonsense = true' >"$agents/profiles.d/my prog.toml"
mends "a profile has an error" config 'my prog'
rm -rf "$agents/profiles.d"

# ---- disk ----
mkdir -m 700 "$HOME/.agent-inbox" "$HOME/.agent-inbox/hub-x"
echo 'inbox_max = 1048576' >"$agents/config.toml"
for i in 1 2 3 4; do
	head -c 250000 /dev/zero >"$HOME/.agent-inbox/hub-x/f $i"
	touch -d "$i hours ago" "$HOME/.agent-inbox/hub-x/f $i"
done
mends "the inbox is full" disk 'inbox_max'
check "the newest file is kept" test -e "$HOME/.agent-inbox/hub-x/f 1"
rm -rf "$agents/config.toml" "$HOME/.agent-inbox"
if [ "$root" ]; then
	cat >"$world/full" <<'EOF'
. "$here/doctor.sh"
ok() { echo "ok $1"; }
not_ok() { echo "not ok $1"; }
mkdir -m 700 "$HOME/.agent-inbox"
mount -t tmpfs -o size=4m,mode=700 none "$HOME/.agent-inbox" || exit
mkdir -m 700 "$HOME/.agent-inbox/hub-x"
head -c 3000000 /dev/zero >"$HOME/.agent-inbox/hub-x/old"
touch -d '1 day ago' "$HOME/.agent-inbox/hub-x/old"
cat /dev/zero >"$HOME/.agent-inbox/hub-x/new" 2>/dev/null
mends "the disk is full" disk 'less than'
umount "$HOME/.agent-inbox"
mount -t tmpfs -o size=4m,mode=700,nr_inodes=200 none "$HOME/.agent-inbox"
mkdir -m 700 "$HOME/.agent-inbox/hub-x"
for i in $(seq 190); do echo x >"$HOME/.agent-inbox/hub-x/$i"; done
find "$HOME/.agent-inbox" -name '[1-9]*' -exec touch -d '1 day ago' {} +
touch "$HOME/.agent-inbox/hub-x/7"
mends "no inodes are left" disk 'inodes'
echo 0123 >"$world/machine-id"
mount --bind "$world/machine-id" /etc/machine-id || exit
[ ! -e /var/lib/dbus/machine-id ] ||
	mount --bind "$world/machine-id" /var/lib/dbus/machine-id
mends "no machine id" machine 'holds no id'
id=$(sed -n 's/^host_id = "\(.*\)"/\1/p' "$HOME/.agents/local.toml")
sed "s/^\[slices\.[^]]*/[slices.twin/; /^\[agents/,\$d" "$HOME/.agents/local.toml" >"$HOME/.agents/hosts/twin.toml"
mends "a copied machine" machine 'twin'
rm "$HOME/.agents/hosts/twin.toml"
mount --bind "$HOME/.agents" "$HOME/.agents" && mount -o remount,bind,ro "$HOME/.agents"
row files 'read-only' && ok "a read-only folder is seen" || not_ok "a read-only folder is seen"
eval "$mend" >/dev/null 2>&1 && agent-discover >/dev/null
none_of files 'read-only' && ok "elsewhere it works" || not_ok "elsewhere it works"
rm -rf "$AGENTS_DIR"
unset AGENTS_DIR AGENT_INBOX_DIR
if ! command -v sshfs >/dev/null || [ ! -x /usr/lib/openssh/sftp-server ]; then
	echo 'missing sshfs or sftp-server' >"$world/unshared"
	exit
fi
# A home that machines share. Not every kernel has NFS; sshfs has its limits: no
# files without a name, no rename that replaces nothing, no sockets.
mkdir "$world/far" "$world/net"
printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' >"$world/sftp"
chmod +x "$world/sftp"
if ! sshfs -o ssh_command="$world/sftp" "far:$world/far" "$world/net"; then
	echo 'FUSE may not be used here' >"$world/unshared"
	exit
fi
export HOME="$world/net"
agent-discover -q
address=$(notify-pane --list | sed -n 's/^\([^ ]*-dev-one\) .*/\1/p')
echo text >"$world/a file"
notify-pane "$address" -f "$world/a file" && notify-pane "$address" -f "$world/a file" &&
	[ "$(cat "$HOME"/.agent-inbox/*/"a file.1")" = text ] &&
	ok "files arrive on a shared home" || not_ok "files"
first=$(cat "$HOME/.agents/local.toml")
echo 0123456789abcdef0123456789abcdef >"$world/other-id"
mount --bind "$world/other-id" /etc/machine-id
mends "a home of another machine too" home 'another machine'
notify-pane "$address" hello && ok "it works on that machine" || not_ok "it works"
umount /etc/machine-id
agent-discover -q && [ "$(grep host_id "$HOME/.agents/local.toml")" = "$(grep host_id <<<"$first")" ] &&
	ok "and on the first" || not_ok "and on the first"
umount -l "$world/net"
EOF
	export here world
	out=$(unshare -m bash -c "$(declare -f until_true note)
		. '$world/full'" 2>"$world/full.err")
	for name in "the disk is full: seen" "the disk is full: mended" \
		"no inodes are left: seen" "no inodes are left: mended" \
		"no machine id: seen" "no machine id: mended" \
		"a copied machine: seen" "a copied machine: mended" \
		"a read-only folder is seen" "elsewhere it works" \
		"files arrive on a shared home" \
		"a home of another machine too: seen" \
		"a home of another machine too: mended" \
		"it works on that machine" "and on the first"; do
		if [ -e "$world/unshared" ] && [[ $name =~ (shared home|machine too|that machine|the first) ]]; then
			ok "$name # SKIP $(cat "$world/unshared")"
		elif grep -qxF "ok $name" <<<"$out"; then
			ok "$name"
		else
			not_ok "$name"
			note "$out"
			note "$(cat "$world/full.err")"
		fi
	done
	# The host id there was another.
	rm -f "$agents/local.toml"
	agent-discover -q
else
	skip 15 "disk, machine id, read-only"
fi

# ---- slices, registry ----
rm -f "$agents/local.toml"
mends "local.toml is missing" slices 'nobody knows'
echo '[[[' >"$agents/local.toml"
mends "local.toml is not valid" slices 'rebuilt from tmux'
rm -f "$agents"/local.toml.away
sed -i 's/^generation = .*/generation = 9000000000000/' "$agents/local.toml"
mends "local.toml is from the future" slices 'future'
printf '[agents.x]\nhost = "x"\ntarget = "a:0"\n' >"$agents/local.toml"
mends "local.toml of the predecessor" slices 'written by the bash'
cp "$agents/self.conf" "$world/self"
echo other >"$agents/self.conf"
mends "this host has another name now" slices 'self.conf says other'
cp "$world/self" "$agents/self.conf"
agent-discover -q
sed -i 's/^generation = .*/generation = 1700000000000/' "$agents/local.toml"
echo 'nobody command=false' >"$agents/peers.conf"
chmod 600 "$agents/peers.conf"
mends "local.toml was not confirmed" slices 'was confirmed'
rm "$agents/peers.conf"
: >"$agents/local.toml.bad-20260101T000000Z"
mends "a quarantined slice" slices 'put aside'
printf '# refused 2026-11-25T10:00:00Z by web: web: forged \033[31m\nx\n' >"$agents/hosts/web.bad"
mends "a refused slice" slices 'forged'
printf '# refused 2026-11-25T10:00:00Z: host_id a is not the known b\n' >"$agents/hosts/web.bad"
: >"$agents/hosts/web.toml"
mends "a slice of a new machine" slices 'host_id'
echo '[[[' >"$agents/hosts/web.toml"
mends "a slice that is not TOML" slices 'web: .*not known'
slice_came() {
	printf '# came 2026-11-01T00:00:00Z %s by web\n' "$1" >"$agents/hosts/web.toml"
	sed "s/^\[slices\.[^]]*/[slices.web/; s/^host_id.*/host_id = \"00000000000000aa\"/; /^\[agents/,\$d" \
		"$agents/local.toml" >>"$agents/hosts/web.toml"
}
slice_came "$((($(date +%s) - 30 * 3600) * 1000))"
seen "a slice that is old" slices 'web: was not heard of for 30 h'
slice_came "$((($(date +%s) - 9 * 86400) * 1000))"
mends "a slice that was given up" slices 'no longer'
echo '# by another' >"$agents/registry.toml"
mends "the registry was overwritten" registry 'overwritten'
rm "$agents/registry.toml"
mends "there is no registry" registry 'not there'
slice_came "$(date +%s)000"
mends "the registry is older than a slice" registry 'older'
rm "$agents/hosts/web.toml"
agent-sync >"$world/out"

# ---- locks ----
(exec flock "$agents/run/local.lock" sleep 1000) &
flock_pid=$!
until_true 5 sh -c '! flock -n "$0" true' "$agents/run/local.lock"
kill -STOP "$flock_pid"
mends "a lock of a stopped process" locks 'stopped'
pkill -P "$flock_pid"
kill "$flock_pid" 2>/dev/null
wait "$flock_pid" 2>/dev/null
bash -c 'exec 9>"$0"; flock 9; sleep 1000 & exit 0' "$agents/run/local.lock" </dev/null >/dev/null 2>&1
mends "a lock inherited from one that ended" locks 'has ended'

# ---- log ----
mkdir "$agents/log/sync.log"
mends "a log that is a folder" log 'no regular file'
rm -rf "$agents"/log/*
head -c 2000000 /dev/zero >"$agents/log/link"
mends "a log that was never put away" log 'KiB'
rm -rf "$agents"/log/*
: >"$agents/log/hook.log"
chmod 400 "$agents/log/hook.log"
# Root writes into it all the same.
if [ "$(id -u)" = 0 ]; then
	mends "a log that cannot be written" files 'read and write'
else
	mends "a log that cannot be written" log 'cannot be written'
fi
rm -rf "$agents"/log/*
echo 'agent-sync: box: no route' >"$agents/log/sync.log"
mends "what was logged" log 'box: no route'

# ---- PATH ----
full=$PATH
mkdir "$world/old"
printf '#!/bin/sh\n' >"$world/old/notify-pane"
chmod +x "$world/old/notify-pane"
SHELL=/bin/bash
doctor=$BUILD/agent-doctor
PATH=/usr/bin:/bin
mends "not in PATH" path 'in no folder'
PATH=$world/old:$full
mends "another one first in PATH" path 'another one'
PATH=$full
doctor=agent-doctor
mkdir "$world/part"
cp "$BUILD/agent-doctor" "$world/part/"
doctor=$world/part/agent-doctor
seen "programs are missing" path 'notify-pane: is missing'
printf '#!/bin/sh\nexit 127\n' >"$world/part/agent-link"
chmod +x "$world/part/agent-link"
seen "libssh is missing" path 'libssh'
manager=$(for name in apt-get dnf pacman apk; do command -v "$name" && break; done)
manager=${manager##*/}
check "the package is named" grep -q "${manager:-apt-get} .* \(libssh\|libssh-4\)\$" <<<"$mend"
# As make installed it, with the source beside it.
make -s -C "${here%/tests/it}" BUILD="$BUILD" install PREFIX="$world/pre fix" >"$world/out" 2>&1
rm "$world/pre fix/bin/notify-pane" "$world/pre fix/bin/agent-sync"
PATH=$world/pre\ fix/bin:$full
doctor="$world/pre fix/bin/agent-doctor"
mends "installed programs are missing" path 'notify-pane: is missing'
rm "$world/pre fix/share/panemesh/panemesh.tmux.conf"
seen "the hooks file is missing" tmux.conf 'panemesh.tmux.conf: is not there'
check "what mends it is the same" grep -q 'install.sh --prefix' <<<"$mend"
"$world/pre fix/share/panemesh/install.sh" --uninstall >/dev/null
PATH=$full
doctor=agent-doctor
hooks
doctor=agent-doctor
check "a new shell has it too" grep -qF "$(readlink -f "$BUILD")" "$HOME/.bashrc"
SHELL=/bin/sh

# ---- tmux ----
printf '#!/bin/sh\necho tmux 3.1c\n' >"$world/old-tmux"
chmod +x "$world/old-tmux"
export TMUX_BIN=$world/old-tmux
mends "tmux is too old" tmux '3.1c'
unset TMUX_BIN
export TMUX_BIN=$world/nothing
mends "tmux is missing" tmux 'cannot be run'
unset TMUX_BIN
# A client of another version than the server's.
real_tmux=$(command -v tmux)
cat >"$world/next-tmux" <<EOF
#!/bin/sh
case " \$* " in
*" -V "*) echo tmux 3.9 ;;
*" list-buffers "*) $real_tmux "\$@" | awk '{ \$1 -= 3600; print }' ;;
*) [ ! -e $world/mismatch ] || { echo 'protocol version mismatch (client 9, server 8)' >&2; exit 1; }
	exec $real_tmux "\$@" ;;
esac
EOF
chmod +x "$world/next-tmux"
export TMUX_BIN=$world/next-tmux
mends "client and server differ" server "$server: the server is tmux"
unset TMUX_BIN
: >"$world/mismatch"
export TMUX_BIN=$world/next-tmux
mends "client and server do not speak" server "$server: .*do not understand"
unset TMUX_BIN
rm "$world/mismatch"

# ---- a server ----
pid=$(tm display-message -p '#{pid}')
kill -STOP "$pid"
started=${EPOCHREALTIME/./}
row server stopped
note "with a frozen server: $(((${EPOCHREALTIME/./} - started) / 1000)) ms"
mends "a frozen server" server "$TMUX_TMPDIR.*stopped"
tm set-hook -gu 'after-set-hook[77]'
tm set-hook -gu 'window-renamed[77]'
mends "hooks are wiped" server 'not set, first window-renamed'
tm set-hook -g session-renamed 'display-message hello'
well "a plain set-hook -g is mended by itself" server "$server: .*not set"
tm set-hook -gu 'session-renamed[0]'
tm set-hook -t dev: session-renamed 'display-message mine'
mends "a session hides a hook" server 'session .0 has a hook session-renamed'
check "the session keeps its own hook" sh -c "$real_tmux -L $server show-hooks -t dev: | grep -q mine"
tm set-hook -u -t dev: session-renamed
tm set-hook -w -t dev:one pane-exited 'display-message mine'
mends "a window hides a hook" server 'window @0 has a hook pane-exited'
tm set-hook -u -w -t dev:one pane-exited
tm set-hook -p -t dev:one pane-died 'display-message mine'
mends "a pane hides a hook" server 'pane %0 has a hook pane-died'
tm set-hook -u -p -t dev:one pane-died
tm set-hook -g 'session-created[77]' "run-shell -b \"'/gone/agent-register-hook' -p 1\""
tm set-hook -gu 'after-set-hook[77]'
tm set-hook -g 'session-created[77]' "run-shell -b \"'/gone/agent-register-hook' -p 1\""
mends "hooks call what is gone" server 'hooks call /gone'
tm set-hook -g 'session-closed[3]' "run-shell -b '~/bin/agent-register-hook off x'"
mends "the predecessor's live hooks" server 'bash agent-mesh'
tm new-session -d -s test -n w
mends "an ignored session" server "session test has no addresses"
tm new-session -d -s "test-it's \"a\\\$(touch $world/owned)\"; #{pid} é" -n w
mends "an ignored session of a hostile name" server 'session test-it'
check "what it says is not run" test ! -e "$world/owned"
tm new-session -d -s 'test-##(touch owned)' -n w
mends "one whose name tmux would expand" server 'session test-#'
until_true 5 tm run-shell true
check "nor is that" test ! -e "$world/owned"
settles "it has addresses now"
python3 - "$agents/local.toml" <<'EOF'
import re, sys
text = open(sys.argv[1]).read()
open(sys.argv[1], "w").write(re.sub(r"\[agents\.[^\]]*-one\][^\[]*", "", text))
EOF
mends "a window is not registered" server 'not in the address book'
tty=$(tm display-message -p -t dev:one '#{pane_tty}')
chmod u-w "$tty"
mends "a terminal that may not be written" server 'may not be written'
if [ "$root" ]; then
	chown 4321 "$tty"
	mends "a terminal of another uid" server 'belongs to uid'
else
	skip 2 "a terminal of another uid"
fi
(exec flock "$tty" sleep 1000) &
flock_pid=$!
until_true 5 sh -c '! flock -n "$0" true' "$tty"
kill -STOP "$flock_pid"
mends "a terminal locked by a stopped sender" server 'every message to that pane'
pkill -P "$flock_pid"
kill "$flock_pid" 2>/dev/null
wait "$flock_pid" 2>/dev/null
tm set-buffer -b panemesh-abc 'left'
tm set-buffer -b mine 'kept'
export TMUX_BIN=$world/next-tmux
mends "messages left in buffers" server 'buffers'
unset TMUX_BIN
is "$(tm list-buffers -F '#{buffer_name}')" mine "a person's buffer is kept"
tmux -L killed -f /dev/null new-session -d
kill -9 "$(tmux -L killed display-message -p '#{pid}')"
until_true 5 sh -c '! tmux -L killed list-sessions 2>/dev/null'
mends "a socket without a server" server 'without a server'

# One that takes connections and never answers.
python3 -c '
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(9)
held = []
while True:
    held.append(s.accept()[0])' "$TMUX_TMPDIR/tmux-$(id -u)/hangs" &
hangs=$!
until_true 5 test -S "$TMUX_TMPDIR/tmux-$(id -u)/hangs"
started=${EPOCHREALTIME/./}
row server 'hangs: the tmux server does not answer'
took=$(((${EPOCHREALTIME/./} - started) / 1000))
note "with a server that hangs: $took ms"
check "it is given up after its deadline" test "$took" -lt 6000
check "the others are looked at" grep -q "$server\",\?$" "$world/doctor.json"
mends "a server that hangs" server 'hangs: the tmux server does not answer'
wait "$hangs" 2>/dev/null
is $? 137 "it was ended"

# ---- the timer ----
seen "no timer" timer '.'
PATH=$plain_path
: >"$fake/crontab"
rm -f "$fake/timer"
mends "neither systemd nor cron" timer 'does not run'
cp "$(command -v sleep)" "$fake/cron"
cat >"$world/systemd/service" <<'EOF'
#!/bin/sh
setsid "$FAKE/cron" 300 </dev/null >/dev/null 2>&1 &
EOF
chmod +x "$world/systemd/service"
if [ "$root" ] && ! pgrep -x 'cron|crond' >/dev/null; then
	mends "cron does not run" timer 'no cron is running'
	pkill -f "$fake/cron"
else
	skip 2 "cron runs here, or not root"
fi
check "cron has the line" grep -q \
	"^\*/5 .*agent-discover'\{0,1\} --quiet >/dev/null 2>&1\$" "$fake/crontab"
is "$(sed -n '1p;3p' "$fake/crontab" | xargs)" \
	'# >>> panemesh >>> # <<< panemesh <<<' "between the marks of install.sh"
: >"$fake/crontab"
printf 'LoadState=loaded\nActiveState=inactive\nLastTriggerUSec=n/a\n' >"$fake/timer"
echo Result=success >"$fake/service"
echo Linger=yes >"$fake/linger"
mends "the timer is off" timer 'not running'
echo Result=exit-code >"$fake/service"
mends "the service failed" timer 'failed'
printf 'LoadState=loaded\nActiveState=active\nLastTriggerUSec=n/a\nActiveEnterTimestampMonotonic=1\n' >"$fake/timer"
if [ "$(cut -d. -f1 /proc/uptime)" -gt 700 ]; then
	mends "the timer never ran" timer 'never ran'
else
	skip 2 "the machine was just started"
fi
echo Linger=no >"$fake/linger"
mends "no linger" timer 'linger'
PATH=$full

# ---- inside an agent's sandbox ----
if sandbox true; then
	boxed() { sandbox "$BUILD/agent-doctor" "$@"; }
	doctor=boxed
	seen "a sandbox keeps us from tmux" sandbox 'Operation not permitted'
	CODEX_SANDBOX_NETWORK_DISABLED=1 row sandbox .codex/rules
	is "$(sh -c "$mend"; cat "$HOME/.codex/rules/panemesh.rules")" \
		'prefix_rule(pattern = [["notify-pane", "agent-inbox"]], decision = "allow")' \
		"Codex: a rule"
	rm -r "$HOME/.codex"
	CODEX_HOME="$world/codex" CODEX_SANDBOX_NETWORK_DISABLED=1 row sandbox 'setting:'
	check "where Codex keeps them" grep -qF ">>$world/codex/rules/panemesh.rules" <<<"$mend"
	CLAUDECODE=1 row sandbox excludedCommands
	check "Claude Code: settings that are JSON" sh -c "${mend/#claude --settings/printf %s} | python3 -m json.tool"
	doctor=agent-doctor
else
	skip 4 "no seccomp"
fi

# As Gemini's for single tools: a /tmp and a /dev of its own, the rest read-only.
if bwrap --ro-bind / / true 2>/dev/null; then
	mkdir "$HOME/.gemini" "$HOME/real"
	echo '{"security":{"toolSandboxing" : true}}' >"$HOME/real/settings.json"
	ln -s ../real/settings.json "$HOME/.gemini/settings.json"
	gemini() {
		local box=()
		! grep -q true "$HOME/.gemini/settings.json" ||
			box=(bwrap --unshare-all --new-session --ro-bind / /
				--dev /dev --proc /proc --tmpfs "$TMUX_TMPDIR")
		GEMINI_CLI=1 "${box[@]}" "$BUILD/agent-doctor" "$@"
	}
	doctor=gemini
	mends "a sandbox that hides tmux" sandbox 'No such file.*toolSandboxing'
	echo '{"security":{"toolSandboxing":true}}' >"$HOME/real/settings.json"
	seen "the folder is read-only there" sandbox 'agents: .*Read-only.*Gemini'
	is "$(rows_of files | grep -c bad) $(rows_of log | grep -c bad) $(
		rows_of server | grep -c 'without a server')" '0 0 0' \
		"which is the fault of nothing else"
	rm -r "$HOME/.gemini" "$HOME/real"
	box() {
		bwrap --bind / / --dev /dev "$BUILD/agent-doctor" "$@"
	}
	doctor=box
	seen "a sandbox with a /dev of its own" server 'terminal is not here'
	doctor=agent-doctor
else
	skip 5 "no bwrap"
fi

# ---- keys ----
mkdir -m 700 "$HOME/.ssh"
ssh-keygen -q -t ed25519 -N '' -C web -f "$world/key"
keys=$HOME/.ssh/authorized_keys
public=$(cat "$world/key.pub")
echo "restrict,command=\"$BUILD/agent-serve --peer web\" $public" >"$keys"
well "a bound key" keys .
check "what it may do" grep -q 'bound to host web' "$world/doctor.json"
chmod g+w "$keys"
mends "keys that others can write" keys 'others'
echo "restrict,command=\"/gone/agent-serve --peer web\" $public" >"$keys"
mends "a key that runs what is gone" keys '/gone'
echo "command=\"$BUILD/agent-serve --peer web\" $public" >"$keys"
mends "a key without restrict" keys 'forward'
printf '%s\n' "# mine" "$public" "restrict,command=\"$BUILD/agent-serve --peer web\" $public" >"$keys"
mends "a key let in before its limits" keys 'without its limits'
echo "restrict,command=\"$BUILD/agent-serve\" ${public% web} me@web" >"$keys"
mends "a forced command without --peer" keys 'without --peer NAME'
check "it is bound now" grep -q 'bound to host web' "$world/doctor.json"
rm "$keys"
well "no keys and no peers" keys .
echo 'nobody command=false' >"$agents/peers.conf"
chmod 600 "$agents/peers.conf"
seen "no keys, so no peer can come" keys 'authorized_keys: is not there'
