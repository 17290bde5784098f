#!/bin/bash
# time-limit: 400
# agent-doctor and other hosts: each row of a peer is seen when it is broken,
# and gone once the command that it prints was run.
# What stands in '...' is for eval or sh -c; functions get their arguments there.
# shellcheck disable=SC2016,SC2119,SC2120
. tests/it/lib.sh
# shellcheck source=tests/it/doctor.sh
. "$here/doctor.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
plan 77

# "~" of ssh(1) is the real home folder, so it is told where ours is.
real_ssh=$(command -v ssh)
cat >"$world/bin/ssh" <<EOF
#!/bin/sh
exec $real_ssh -F "\$HOME/.ssh/config" -o UserKnownHostsFile="\$HOME/.ssh/known_hosts" "\$@"
EOF
chmod +x "$world/bin/ssh"
export PATH=$world/bin:$PATH
mesh_up a b c || exit 1
a=$world/hosts/a
b=$world/hosts/b
for h in a b c; do
	mesh_tmux "$h"
	echo "source-file -q '$BUILD/panemesh.tmux.conf'" >"$world/hosts/$h/.tmux.conf"
	until_true 10 grep -q "^\[agents.$h-s-one\]" "$world/hosts/$h/.agents/local.toml"
done
peers a b c
peers b a
peers c a
on a agent-sync >"$world/out" 2>&1 || note "$(cat "$world/out")"

on_a() { on a agent-doctor "$@"; }
doctor=on_a
# A person at a terminal, who says yes.
paste() {
	on a python3 - "$1" <<'EOF'
import os, pty, select, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "-c", sys.argv[1]])
seen = b""
while select.select([fd], [], [], 60)[0]:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    seen += data
    if b"(yes/no" in seen:
        seen = b""
        os.write(fd, b"yes\n")
    sys.stdout.buffer.write(data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
}
# It listens when it has written its pid again.
reload() {
	local pid
	pid=$(cat "$b/sshd.pid")
	rm "$b/sshd.pid"
	kill -HUP "$pid"
	until_true 10 test -s "$b/sshd.pid"
}
ms() {
	local started=${EPOCHREALTIME/./}
	"$@"
	took=$(((${EPOCHREALTIME/./} - started) / 1000))
}

well "all is well" peer .
check "says which version and how long" grep -q 'host b, panemesh .*, there and back in' "$world/doctor.json"
tree() {
	find "$a" "$b" -printf '%p %i %s %T@ %m\n' | grep -v sshd.log | sort
}
before=$(tree)
on_a >"$world/out"
is "$(tree)" "$before" "nothing changed on either side"

# ---- ssh there ----
cp "$a/.ssh/known_hosts" "$world/known"
grep -v "]:$(host_port b) " "$world/known" >"$a/.ssh/known_hosts"
mends "a host key is not known" peer 'b: its host key'
sed "s|^\([^ ]*]:$(host_port b)\) .*|\1 $(cut -d' ' -f1,2 "$world/hosts/c/host_key.pub")|" "$world/known" >"$a/.ssh/known_hosts"
mends "a host key changed" peer 'b: its host key is not the one'
sed "s|^\([^ ]*]:$(host_port b)\) .*|\1 ssh-ed25519 AAAAnokey|" "$world/known" >"$a/.ssh/known_hosts"
cat "$world/known" >>"$a/.ssh/known_hosts"
well "a line of known_hosts that libssh cannot read does no harm" peer '^b:'
cp "$world/known" "$a/.ssh/known_hosts"
peers a b c
chmod 644 "$a/.ssh/id_ed25519"
mends "a private key is open" peer 'b: .*chmod 600'
ssh-keygen -q -t ed25519 -N '' -f "$a/.ssh/new"
peers a "b identity=$a/.ssh/new" c
mends "it takes none of our keys" peer 'b: .*none of our keys'
peers a "b identity=$a/.ssh/none" c
mends "there is no key" peer 'b: .*none of our keys'
peers a b c
printf 'KexAlgorithms sntrup761x25519-sha512@openssh.com\n' >>"$b/sshd_config"
reload
mends "libssh cannot talk to it" peer 'b: .*via=ssh'
sed -i '/^Kex/d' "$b/sshd_config"
reload
peers a b c
until_true 5 none_of peer '^b: .*'
peers a "b serve=/gone/agent-serve" c
seen "no panemesh there" peer 'b: no agent-serve there'
peers a b c

# ---- and back ----
peers b
mends "it has no route back" peer 'b: does not reach us: .*no route'
cp "$a/.ssh/authorized_keys" "$world/keys"
grep -v "$(cut -d' ' -f2 "$b/.ssh/id_ed25519.pub")" "$world/keys" >"$a/.ssh/authorized_keys"
mends "we take none of its keys" peer 'b: does not reach us: .*none of our keys'
mv "$b/.ssh/known_hosts" "$world/b.known"
seen "it does not know our host key" peer 'b: does not reach us: .*host key'
paste "$mend" >"$world/mend.out" 2>&1
check "what it prints is the doctor there" grep -q 'BAD *peer *a *its host key' "$world/mend.out"
mv "$world/b.known" "$b/.ssh/known_hosts"

# ---- its slice ----
came=$((($(date +%s) - 30 * 3600) * 1000))
sed -i "s/^# came [^ ]* [0-9]*/# came 2026-01-01T00:00:00Z $came/; s/^generation = .*/generation = $came/" "$a/.agents/hosts/b.toml"
mends "a slice that is old" slices 'b: was not heard of for 30 h'

# ---- names, versions, clocks, limits ----
echo a >"$b/.agents/self.conf"
mends "a peer of our own name" peer 'b: calls itself a'
printf 'Host bb\n\tHostName 127.0.0.1\n\tPort %s\n\tIdentityFile %s/.ssh/id_ed25519\n' "$(host_port b)" "$a" >>"$a/.ssh/config"
on a agent-sync >"$world/out" 2>&1
peers a b bb c
mends "one host by two names" peer 'bb: is host b'
check "the other is kept" grep -qx b "$a/.agents/peers.conf"
cat >"$world/serve" <<EOF
#!/bin/sh
agent-serve "\$@" | sed -u "\$(cat $world/edit)"
EOF
chmod +x "$world/serve"
echo "s/^Version: .*/Version: 0.0.1/" >"$world/edit"
peers a "b serve=$world/serve" c
seen "an older panemesh" peer 'b: has panemesh 0.0.1'
is "$mend" "agent-sync peer install b" "it is to be upgraded there"
echo "s/^Version: .*/Version: 99.0/" >"$world/edit"
seen "a newer panemesh" peer 'b: has panemesh 99.0'
echo "s/^Time: .*/Time: $((($(date +%s) - 100) * 1000))/" >"$world/edit"
seen "a clock that is late" peer 'b: its clock is 10[0-9] s behind'
echo "s/^Time: .*/Time: $((($(date +%s) + 4000) * 1000))/" >"$world/edit"
row peer 'b: its clock is [34][0-9]* s ahead'
check "that is bad" grep -q '"bad"' "$world/doctor.json"
# One clock for all of this machine: who sets it is a stand-in.
cat >"$world/bin/timedatectl" <<EOF
#!/bin/sh
echo "\$HOME \$*" >>$world/ntp
: >$world/edit
EOF
printf '#!/bin/sh\nexec "$@"\n' >"$world/bin/sudo"
chmod +x "$world/bin/timedatectl" "$world/bin/sudo"
mends "a clock that is wrong" peer 'b: its clock is'
if [ "$(id -u)" = 0 ]; then
	is "$(cat "$world/ntp")" "$b set-ntp true
$a set-ntp true" "it is set on both"
else
	ok "it is set on both # SKIP not root: sudo there has a PATH of its own"
fi
# Words of a peer are never a command.
cat >"$world/serve" <<'EOF'
#!/usr/bin/env python3
import sys
w = sys.stdout.buffer
def frame(verb, i, headers, body=b""):
    w.write(b"panemesh/1 %s %s %d\n%s\n\n%s" % (verb, i, len(body), headers, body))
    w.flush()
frame(b"HELLO", b"0", b"Host: b\nVersion: \x1b[2Jx")
frame(b"DONE", b"back", b"Code: 4\nBack: 1",
      b"no route \x1b[31m; agent-sync peer add $(touch owned); ssh-keygen -f '$(touch owned)'")
sys.stdin.buffer.read()
EOF
row peer '^b:'
check "a peer's words are no command of ours" sh -c '! grep -q "touch owned" <<EOF
$0
EOF' "$mend"
on_a >"$world/out"
check "and no escape of its reaches the terminal" sh -c '! grep -q "$(printf "\033")" "$0"' "$world/out"
peers a b c
cp "$b/.ssh/authorized_keys" "$world/keys"
sed -i "s|^\(ssh-ed25519 $(cut -d' ' -f2 "$a/.ssh/id_ed25519.pub").*\)|restrict,command=\"$BUILD/agent-serve --peer a\" \1|" "$b/.ssh/authorized_keys"
seen "our key is bound there" peer 'b: .*bound there'
on b agent-doctor --json >"$world/doctor.json"
check "the other side says what it may do" grep -q 'bound to host a: messages' "$world/doctor.json"
cp "$world/keys" "$b/.ssh/authorized_keys"

# ---- mail that is fetched there ----
older() {
	printf '#!/bin/sh\nagent-serve "$@" | sed -u "/^Can:/s/ fetch//"\n' >"$world/serve"
}
peers a 'b accept=mail' c
rm "$a/.agents/hosts/b.toml"
: >"$a/.agents/run/peers/b"
mends "never synced with" peer 'b: mail that waits there is not fetched: no sync'
well "mail is fetched" peer '^b:'
check "and so it says" grep -q 'host b, .*mail is fetched' "$world/doctor.json"
peers a 'b accept=mail' 'bb accept=mail' c
mends "two aliases of one host, both with accept=mail" peer 'bb: the slice of host b comes by b'
peers a b 'bb accept=mail' c
mends "the other alias alone has accept=mail" peer 'bb: the slice of host b comes by b: .*no mail'
is "$(sed -n 1p "$a/.agents/peers.conf")" 'bb accept=mail' "that is the one which stays"
peers a 'b accept=mail' c
on a agent-sync >"$world/out" 2>&1
sed -i 's/^host_id = .*/host_id = "0123456789abcdef"/' "$a/.agents/hosts/b.toml"
mends "another host of that name" peer 'b: is not the host b whose slice'
older
peers a "b accept=mail serve=$world/serve" c
seen "an older panemesh keeps no mail" peer 'b: its panemesh keeps no mail'
peers a b c
on a agent-sync >"$world/out" 2>&1

# ---- known through another ----
peers b a c
peers c a b
on b agent-sync >"$world/out" 2>&1
peers a b 'c through=b'
mends "what is for c is not handed on" peer 'c: host b hands nothing on for us: .* line of a needs relay=yes'
is "$(cat "$b/.agents/peers.conf")" 'a relay=yes
c' "as it was told"
check "it is handed on" grep -q 'is not dialled: known through b, which hands messages on' "$world/doctor.json"
peers b c
mends "there is no line of ours at all" peer 'c: host b hands nothing on'
is "$(cat "$b/.agents/peers.conf")" 'c
a dial=no relay=yes' "one is written"
rm "$b/.agents/hosts/a.toml"
mends "it has no slice of ours" peer 'c: b hands nothing on to it: .*gave us no slice'
sed -i 's/^host_id = .*/host_id = "0123456789abcdef"/' "$a/.agents/hosts/c.toml"
mends "it knows another machine of that name" peer 'c: b hands nothing on to it: .*another machine'
peers b 'a relay=yes' c
sshd_stop c
seen "it does not reach it" peer 'c: b hands messages on, but does not reach it now'
sshd_start c
# Whoever answers for b writes no command of ours.
cat >"$world/serve" <<EOF
#!/bin/sh
agent-serve "\$@" | sed -u "\$(cat $world/edit)"
EOF
echo 's/in the line of a in/in the line of $(touch${IFS}owned) in/' >"$world/edit"
peers b a c
peers a "b serve=$world/serve" 'c through=b'
row peer 'c: host b hands nothing on for us'
check "its words are no command of ours" sh -c '! grep -q touch <<EOF
$0
EOF' "$mend"
printf '%s\n' 's/^\(Can: .*\) relay/\1/' >"$world/edit"
seen "an older panemesh hands no messages on" peer 'c: .*hands no messages on'
is "$mend" "agent-sync peer install b" "it is to be upgraded there too"
peers a b 'c through=d'
seen "known through nobody" peer 'c: is known through d, which is no peer'
peers b a
peers a b c
on a agent-sync >"$world/out" 2>&1

# ---- dead and silent ----
python3 - "$world/port" <<'EOF' &
import socket, sys, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(50)
open(sys.argv[1], "w").write(str(s.getsockname()[1]))
held = []
while True:
    held.append(s.accept()[0])
EOF
silent=$!
until_true 5 test -s "$world/port"
for n in 1 2 3 4 5 6; do
	printf 'Host silent%s\n\tHostName 127.0.0.1\n\tPort %s\n' "$n" "$(cat "$world/port")"
done >>"$a/.ssh/config"
peers a silent1 silent2 b silent3 silent4 silent5 c silent6
on_quick() { on a agent-doctor -t 4 "$@"; }
doctor=on_quick
ms row peer silent6
is "$(python3 "$here/doctor.py" "$world/doctor.json" peer '^(b|c):'; echo $?)" 1 "silent peers do not harm the others"
note "six silent peers with -t 4: $took ms"
check "nor do they add up" test "$took" -lt 8000
kill "$silent"
wait "$silent" 2>/dev/null
doctor=on_a
peers a b c
sshd_stop b
mends "a peer that is gone" peer 'b: .*gone for good'
check "it is no peer any more" sh -c '! grep -qx b "$0"' "$a/.agents/peers.conf"
on_a >"$world/out"
is $? 0 "all is well: status 0" || note "$(grep -v "^ok" "$world/out")"
sshd_start b
peers a b
sshd_stop b
on_a >"$world/out"
is $? 4 "only others are at fault: status 4"
