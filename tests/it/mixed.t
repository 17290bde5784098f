#!/bin/bash
# A host that runs the bash agent-mesh beside ours, until it is moved over.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
mesh_up a b old || exit 1
plan 38

logins() {
	grep -c 'Accepted publickey' "$world/hosts/$1/sshd.log"
}
# Sessions begin in HOME, as they do on hosts that are real.
for h in a old; do
	# shellcheck disable=SC2016  # the shell there expands it
	echo 'ForceCommand cd "$HOME" && exec sh -c "$SSH_ORIGINAL_COMMAND"' \
		>>"$world/hosts/$h/sshd_config"
done
sed -i 's/ PATH=[^ ]*/ PATH=\/usr\/bin:\/bin/' "$world/hosts/old/sshd_config"
for h in a old; do
	sshd_stop "$h"
	sshd_start "$h"
done
old() {
	local dir=$world/hosts/old
	on old env SSH="ssh -F $dir/.ssh/config -o BatchMode=yes -o UserKnownHostsFile=$dir/.ssh/known_hosts" \
		SOCKET="$dir/tmux/tmux-$(id -u)/main" \
		REMOTE_SOCKET="$world/hosts/a/tmux/tmux-$(id -u)/main" \
		"$here/agent-mesh" "$@"
}

mesh_tmux a
mesh_tmux b
tmx old new-session -d -s s -n one
peers a b
peers b a
peers old a
old register
until_true 10 there a a-s-one
until_true 10 there b b-s-one
on a agent-sync >/dev/null

is "$(code on a agent-sync peer add old)" 0 'peer add'
check 'says that there is no panemesh' said 'without panemesh.*install panemesh'
check 'its panes are listed' there a old-s-one
is "$(code on a notify-pane old-s-one hello)" 4 'a message is refused'
check 'and why' said 'install panemesh there'
is "$(code on a agent-sync status)" 0 'status'
check 'shows what it is' said '^old +old +ok .* bash$'
tmx old new-window -d -n 'My Tests'
old register
on a agent-sync -q
check 'a new window there' there a old-s-my-tests
n=$(logins old)
on a agent-sync -q
is $(($(logins old) - n)) 1 'one login suffices for a known one'
tmx old kill-window -t 'My Tests'
old register
on a agent-sync -q
check 'a window that is gone' gone a old-s-my-tests

# --- it syncs ---
old sync
check "it has our panes" grep -q '^\[agents.a-s-one\]' \
	"$world/hosts/old/.agents/registry.toml"
check 'its view stands in our registry.toml' grep -q 'assembled by old' \
	"$world/hosts/a/.agents/registry.toml"
check 'which lacks b' gone a b-s-one
is "$(on a notify-pane --list | grep -cE '^(a|b|old)-s-one')" 3 \
	'our lookups know better'
is "$(code on a notify-pane b-s-one 'hello b')" 0 'and so do messages'
on a agent-sync -q
check 'the next sync mends the file' there a b-s-one
: >"$world/hosts/a/.agents/registry.toml"
is "$(on a notify-pane --list | grep -cE '^(a|b|old)-s-one')" 3 \
	'an empty one is no harm either'
printf '[agents.a-s-one]\nhost = "evil"\ntarget = "x"\n' \
	>"$world/hosts/a/.agents/registry.toml"
is "$(code on a notify-pane --check a-s-one)" 0 'nor one that lies'
on a agent-sync -q
old sync

# --- it overwrites at any moment, and ours go on ---
books=$world/hosts/a/.agents
storm() {
	while [ ! -e "$world/calm" ]; do
		"$@"
	done
}
# In place, as it does: empty, half, a view of its own, a lie.
scribble() {
	: >"$books/registry.toml"
	head -c 300 "$world/view" >"$books/registry.toml"
	cat "$world/view" >"$books/registry.toml"
	printf '[agents.a-s-one]\nhost = "evil"\ntarget = "x"\n' \
		>"$books/registry.toml"
}
# tries N COMMAND...: how often it fails.
tries() {
	local n=$1 bad=0
	shift
	for _ in $(seq "$n"); do
		"$@" >"$world/out" 2>&1 || bad=$((bad + 1))
	done
	echo "$bad"
}
lists_all() {
	[ "$(on a notify-pane --list | grep -cE '^(a|b|old)-s-one')" = 3 ]
}
cp "$books/registry.toml" "$world/view"
rm -f "$world/calm"
storm scribble &
storm old sync &
is "$(tries 40 lists_all)" 0 'every list has everybody'
is "$(tries 20 on a notify-pane --check a-s-one)" 0 'every look-up here is right'
is "$(tries 20 on a notify-pane b-s-one 'hello b')" 0 'every message there'
is "$(tries 5 on a agent-sync -q)" 0 'every sync'
touch "$world/calm"
wait
on a agent-sync -q
check 'then the file is mended' there a b-s-one

# Its hooks on our own host: local.toml is its, or half of it.
as_a() {
	on a env SOCKET="$world/hosts/a/tmux/tmux-$(id -u)/main" \
		"$here/agent-mesh" register
}
as_a
is "$(code on a notify-pane a-s-one 'hello a')" 0 'its local.toml: a message here'
check 'and it is ours again' grep -q '^\[slices.a\]' "$books/local.toml"
rm -f "$world/calm"
storm as_a &
is "$(tries 20 on a notify-pane a-s-one 'hello a')" 0 'written all the time: too'
touch "$world/calm"
wait
on a agent-discover -q
check 'and in the end' there a a-s-one

# --- it delivers ---
is "$(code old notify a-s-one 'echo from-old')" 0 'it types into our pane'
arrived() {
	tmx a capture-pane -p -t s:one | grep -qF '[from old] echo from-old'
}
check 'and the text is there' until_true 5 arrived

# --- it is moved over ---
sed -i "s|PATH=/usr/bin:/bin|PATH=$PATH|" "$world/hosts/old/sshd_config"
sshd_stop old
sshd_start old
tmx old source-file "$BUILD/panemesh.tmux.conf"
registered() {
	grep -q '^\[slices.old\]' "$world/hosts/old/.agents/local.toml"
}
check 'panemesh takes over its local.toml' until_true 10 registered
on a agent-sync -q
check 'the slice still comes' there a old-s-one
is "$(code on a agent-sync)" 0 'a sync by hand'
is "$(code on a agent-sync status)" 0 'status'
check 'finds panemesh there' said '^old +old +ok .* [0-9]+\.[0-9]+\.[0-9]+$'
is "$(code on a notify-pane old-s-one 'hello old')" 0 'messages arrive'

# --- and back ---
tmx old set-hook -gu 'after-set-hook[77]'
tmx old set-hook -gu 'window-renamed[77]'
old register
before=$(md5sum <"$world/hosts/a/.agents/hosts/old.toml")
is "$(code on a agent-sync)" 6 'going back is not taken silently'
check 'and the mend is said' said 'install panemesh there again'
is "$(md5sum <"$world/hosts/a/.agents/hosts/old.toml")" "$before" \
	'what is known stays'
