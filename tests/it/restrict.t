#!/bin/bash
# A key that is good for panemesh only, and for one host's name.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
mesh_up a r || exit 1
plan 18

for h in a r; do
	mesh_tmux "$h"
	until_true 10 there "$h" "$h-s-one"
done
keys=$world/hosts/a/.ssh/authorized_keys
grep -v "$(cut -d' ' -f2 "$world/hosts/r/.ssh/id_ed25519.pub")" "$keys" \
	>"$world/keys"

# --- the recipe ---
serve=$(readlink -f "$BUILD")/agent-serve
[ "$serve" = "${serve//[^A-Za-z0-9\/._+-]/}" ] || serve="'$serve'"
on r agent-sync peer add --restrict a >"$world/line" 2>"$world/out"
is $? 0 'peer add --restrict'
check 'says where the line belongs' said 'authorized_keys on a'
is "$(cat "$world/line")" \
	"restrict,command=\"$serve --peer r\" $(cut -d' ' -f1,2 \
		"$world/hosts/r/.ssh/id_ed25519.pub") r" 'the line'
[ -e "$world/hosts/r/.agents/peers.conf" ]
is $? 1 'and does nothing else'
cat "$world/line" >>"$world/keys"
cp "$world/keys" "$keys"
is "$(code on r agent-sync peer add a)" 0 'peer add with that key'
check 'cannot make the other side dial' said 'could not be asked'

# --- what it may see and say ---
check 'its panes are listed there' there a r-s-one
check 'ours are listed here' there r a-s-one
is "$(grep -cE '^(target|socket|path|pane|id) ' \
	"$world/hosts/r/.agents/hosts/a.toml")" 0 \
	'with address, role and scope only'
is "$(grep -c '^narrow = true' "$world/hosts/r/.agents/hosts/a.toml")" 1 \
	'and the slice says so'
is "$(on r notify-pane --list | grep -c a-s-one)" 1 'notify-pane lists it'
is "$(code on r agent-sync)" 0 'a sync by hand'
is "$(code ssh -F "$world/hosts/r/.ssh/config" -o BatchMode=yes \
	-o UserKnownHostsFile="$world/hosts/r/.ssh/known_hosts" a \
	"touch '$world/owned'" </dev/null)" 0 'another command'
[ -e "$world/owned" ]
is $? 1 'is not run'
echo x >"$world/hosts/r/.agents/self.conf"
is "$(code on r agent-sync)" 4 'another name'
check 'is refused' said 'key of peer r was used by a host that calls itself x'
echo r >"$world/hosts/r/.agents/self.conf"
check 'what is known stays' there a r-s-one
is "$(code on r agent-sync)" 0 'its own name is taken'
