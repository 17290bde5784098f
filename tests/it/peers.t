#!/bin/bash
# agent-sync peer install, leave, uninstall: a host joins and leaves in one
# command. It builds there with what is built here: tests/lab does it in full.
# time-limit: 500
# shellcheck disable=SC2016  # for other shells
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
mesh_up a b || exit 1
plan 67

log=$world/log
root=${here%/tests/it}
a=$world/hosts/a b=$world/hosts/b

# ssh(1) reads the configuration of the passwd entry's home.
cat >"$world/bin/ssh" <<SH
#!/bin/sh
exec $(command -v ssh) -F "\$HOME/.ssh/config" \\
	-o UserKnownHostsFile="\$HOME/.ssh/known_hosts" "\$@"
SH
cat >"$world/bin/make" <<SH
#!/bin/sh
exec $(command -v make) "\$@" BUILD=$BUILD
SH
# No timer, no cron of this machine.
for name in systemctl crontab; do
	printf '#!/bin/sh\nexit 1\n' >"$world/bin/$name"
done
chmod +x "$world/bin"/*
export PATH=$world/bin:$PATH
# There it is not in PATH but where install.sh puts it.
far_path=$world/bin:/usr/local/bin:/usr/bin:/bin
# far SETTING...: b's sshd again, with more in its configuration.
cp "$b/sshd_config" "$world/sshd_config"
far() {
	sshd_stop b
	{
		cat "$world/sshd_config"
		[ $# = 0 ] || printf '%s\n' "$@"
	} | sed "s|PATH=$BUILD:[^ ]*|PATH=$far_path|" >"$b/sshd_config"
	sshd_start b
}
far
peer() {
	on a timeout 100 "$a/.local/bin/agent-sync" peer "$@" >"$log" 2>&1 \
		</dev/null
	echo $?
}
said() {
	grep -qE -- "$1" "$log" || {
		cat "$log"
		return 1
	}
}
tree() {
	(cd "$b" && find . \( -path ./.agents -o -name 'sshd*' -o -path ./tmux \) \
		-prune -o -printf '%p %y %m %l\n' | sort)
}
# A bash agent-mesh is there.
mkdir "$b/bin"
printf '#!/bin/bash\n# reads ~/.agents/registry.toml\n' >"$b/bin/notify-pane"
chmod 755 "$b/bin/notify-pane"
before=$(tree)
on a "$root/install.sh" --build "$BUILD" --no-demo --no-timer >"$log" 2>&1 ||
	note "$(cat "$log")"
is "$(on a "$BUILD/agent-sync" peer install b 2>&1 | grep -c 'installed panemesh')" \
	1 'from a build folder it cannot'

# doctor PATTERN - its command in $mend
doctor() {
	on a "$a/.local/bin/agent-doctor" --json >"$world/doctor.json" \
		2>"$log"
	mend=$(python3 "$here/doctor.py" "$world/doctor.json" peer "$1")
}
no_row() {
	doctor "$1"
	[ $? = 1 ]
}
# What doctor says, pasted.
mend() {
	on a env PATH="$a/.local/bin:$PATH" timeout 100 bash -c "$mend" \
		>"$log" 2>&1 </dev/null
	echo $?
}

# --- it joins ---
peers a b
doctor 'b: no agent-serve there'
is "$mend" 'agent-sync peer install b' 'agent-doctor names the command'
is "$(mend)" 0 'peer install'
check 'the installer there is heard' said '^  b: panemesh for '
check 'both ways are seen' said '^b: reaches us: a'
check 'a message there' said '^  b: \| \[from a-hello-x[0-9]*a @ '
check 'and back' said '^  a: \| \[from b-hello-x[0-9]*b @ '
is "$(readlink "$b/bin/notify-pane")" "$b/.local/bin/notify-pane" \
	'an agent-mesh there is taken over'
check 'programs are there' test -x "$b/.local/bin/agent-serve"
is "$(cat "$a/.agents/peers.conf") $(cat "$b/.agents/peers.conf")" 'b a' \
	'each has the name of the other'
no_hello() {
	! grep -q -- -hello- "$a/.agents/local.toml" "$b/.agents/local.toml"
}
check 'the windows of the trial are forgotten' until_true 10 no_hello
check 'agent-doctor is content' no_row 'b: no agent-serve there'
# The far end is killed in the middle of a trial.
setup=$b/.local/share/panemesh/setup
sed 's/TMOUT=600/TMOUT=20/' "$setup/peer" >"$setup/hasty"
mkdir "$world/trial"
mkfifo "$world/asks"
exec 8<>"$world/asks"
on b env TMPDIR="$world/trial" PATH="$b/.local/bin:$PATH" \
	bash "$setup/hasty" far <"$world/asks" >"$log" 2>&1 8>&- &
echo 'hello xkilled' >&8
check 'a trial' until_true 60 said '^window b-hello-xkilled$'
pkill -9 -f "$setup/hasty far"
server=$(pgrep -f "^tmux .*$world/trial/")
check 'killed there: its server is left' test -n "$server"
no_server() {
	! kill -0 "$server" 2>/dev/null
}
check 'but not for long' until_true 60 no_server
exec 8>&-
rm "$setup/hasty"
is "$(peer install b)" 0 'again'
check 'changes nothing there' said '^  b:   nothing had to be changed'
check 'nor here' said '^b: stands in .*peers.conf already'
mesh_tmux a
until_true 10 there a a-s-one
is "$(on b "$b/.local/bin/agent-sync" >/dev/null 2>&1
	on b "$b/.local/bin/notify-pane" a-s-one hello 2>&1 | tail -n 1)" shown \
	'and b can write to a'

# --- in another folder there ---
into() {
	on b "$root/install.sh" --build "$BUILD" --prefix "$1" --no-demo \
		--files >"$log" 2>&1
	echo $?
}
is "$(into "$b/its own")" 0 'b moves it'
is "$(peer install b)" 0 'again'
check 'it stays there' said 'programs, manual pages and hooks into ~.its own'
check 'all of it' test -x "$b/its own/bin/agent-serve" -a \
	! -e "$b/.local/share/panemesh/setup/peer"
is "$(into "$b/.local")" 0 'b moves it back'

# --- an older one there ---
mv "$b/.local/bin/agent-serve" "$b/serve"
cat >"$b/.local/bin/agent-serve" <<SH
#!/bin/sh
$b/serve "\$@" | sed -u 's/^Version: .*/Version: 0.0.1/'
SH
chmod 755 "$b/.local/bin/agent-serve"
# The installer there takes it for what an older one put there.
sum() {
	sha256sum <"$1" | cut -d' ' -f1
}
sed -i "s/$(sum "$b/serve")/$(sum "$b/.local/bin/agent-serve")/" \
	"$b/.local/state/panemesh/manifest"
doctor 'b: has panemesh 0.0.1'
is "$mend" 'agent-sync peer install b' 'agent-doctor names the upgrade'
is "$(mend)" 0 'which works'
check 'agent-doctor is content again' no_row 'b: has panemesh'
check 'the program there is ours again' cmp "$b/serve" \
	"$b/.local/bin/agent-serve"
rm -f "$b/serve"

# --- other login shells ---
for shell in fish tcsh dash; do
	if ! command -v "$shell" >/dev/null; then
		ok "# skip missing $shell"
		ok "# skip missing $shell"
		continue
	fi
	far "ForceCommand exec $shell -c \"\$SSH_ORIGINAL_COMMAND\""
	is "$(peer install b)" 0 "$shell there"
	check 'a message back' said '^  a: \| \[from b-hello-'
done
far
rm -rf "$b/.config" "$b/.local/share/fish"

# --- a start file there that prints something ---
far 'ForceCommand echo Welcome; exec sh -c "$SSH_ORIGINAL_COMMAND"'
is "$(peer install b)" 0 'a host that greets'
check 'a message back' said '^  a: \| \[from b-hello-'
far

# --- one way only ---
sed -i 's/^Host a$/Host hub/' "$b/.ssh/config"
is "$(peer install b)" 4 'b has no way to a'
check 'the message arrives there' said '^  b: \| \[from a-hello-'
check 'and what is missing is said' said \
	'^agent-sync: b: cannot reach this host as .a., .*--as NAME$'
is "$(peer install --as hub b)" 0 'by the name that b knows'
check 'a message back' said '^  a: \| \[from b-hello-'
check 'with that name there' grep -qx hub "$b/.agents/peers.conf"

# --- two hosts of one name ---
cp "$b/.agents/self.conf" "$world/self.conf"
on a "$a/.local/bin/agent-sync" peer rm b >"$log" 2>&1
echo a >"$b/.agents/self.conf"
is "$(peer install --as hub b)" 4 'a host that has our name'
mend=$(sed -n 's/.*one of its own: \(ssh .*\); then run this again/\1/p' "$log")
is "${mend:0:5}" 'ssh b' 'is told how it gets another'
on a bash -c "$mend" >"$world/mend.log" 2>&1 </dev/null
is "$(cat "$b/.agents/self.conf")" b 'which works'
is "$(peer install --as hub b)" 0 'and it joins'

# --- what cannot be done ---
mkdir "$world/farm"
ln -s /usr/local/bin/* /usr/bin/* /bin/* "$world/farm/" 2>/dev/null
rm -f "$world/farm"/{apt-get,pkg-config}
far_path=$world/farm
far
is "$(peer install b)" 9 'packages are missing there'
check 'which is said' said 'b: install.sh: missing: pkg-config libssh-dev'
far_path=$world/bin:/usr/local/bin:/usr/bin:/bin
far 'ForceCommand printf "\\033]0;title\\007\\302\\233x\\n" >&2; exit 1'
is "$(peer install b)" 4 'a host that only talks'
is "$(LC_ALL=C grep -c $'[\x01-\x08\x0b-\x1f\x7f]\\|\xc2\x9b' "$log")" 0 \
	'what it says is cleaned'
is "$(peer install -- -oProxyCommand=x)" 1 'an option for ssh is no host'
is "$(peer install --as 'x;y' b)" 1 'nor is that a name'
is "$(peer install)" 1 'no host'
echo 'box command=docker exec -i box agent-serve' >>"$a/.agents/peers.conf"
is "$(peer install box)" 1 'a container is not reached by ssh'
check 'and its mend' said 'install.sh there by hand'
peers a b
far

# --- it leaves ---
is "$(peer leave b)" 0 'peer leave'
is "$(cat "$a/.agents/peers.conf" "$b/.agents/peers.conf")" '' \
	'neither knows the other'
check 'panemesh is there still' test -x "$b/.local/bin/notify-pane"
is "$(peer install --as hub b)" 0 'it joins again'
is "$(peer uninstall b)" 0 'peer uninstall'
is "$(tree)" "$before" 'all is gone there'
# An installation that broke off.
mkdir -p "$b/.local/bin/notify-pane"
is "$(peer install --as hub b)" 9 'one that breaks off'
check 'it is said how it is undone' said 'or: agent-sync peer uninstall b$'
rm -f "$b/.agents/peers.conf"
is "$(peer uninstall b)" 0 'which works'
rm -r "$b/.local"
is "$(tree)" "$before" 'all is gone there'
peers a b
sshd_stop b
is "$(peer leave b)" 4 'one that does not answer'
is "$(cat "$a/.agents/peers.conf")" '' 'is taken out here'
