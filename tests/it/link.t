#!/bin/bash
# time-limit: 300
# link.t - agent-link against real sshds on loopback ports.
#
# Each is a process of ours with its own host key, authorized_keys and
# configuration; $far is the home folder that its sessions see. In the place of
# agent-serve stands a script that says a word and then echoes.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"

sshd=$(command -v sshd || echo /usr/sbin/sshd)
for tool in "$sshd" ssh ssh-keygen ssh-agent python3; do
	command -v "$tool" >/dev/null || {
		echo "1..0 # skip missing $tool (openssh-server)"
		exit 0
	}
done
if [ "$(id -u)" = 0 ]; then
	mkdir -p /run/sshd
fi

far=$world/far
out=$world/out err=$world/err
conf=$HOME/.ssh/config
unset SSH_AUTH_SOCK
mkdir -m 700 "$HOME/.ssh" "$HOME/.agents" "$far"
mkdir -p "$far/.local/bin" "$far/.agents"
cat >"$far/.local/bin/agent-serve" <<'SERVE'
#!/bin/sh
echo serve
exec cat
SERVE
chmod +x "$far/.local/bin/agent-serve"
ssh-keygen -q -t ed25519 -N '' -C me -f "$HOME/.ssh/id_ed25519"
cp "$HOME/.ssh/id_ed25519.pub" "$world/authorized_keys"
rm "$HOME/.ssh/id_ed25519.pub"

# free_port: one that nobody listens on now.
free_port() {
	python3 -c 'import socket
s = socket.socket(socket.AF_INET6); s.bind(("::", 0)); print(s.getsockname()[1])'
}

listens() {
	(exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# daemon NAME ADDRESS [LINE...]: start one; $port and $pid are its.
daemon() {
	local name=$1 address=$2
	shift 2
	port=$(free_port)
	[ -e "$world/key-$name" ] ||
		ssh-keygen -q -t ed25519 -N '' -f "$world/key-$name"
	{
		printf '%s\n' "$@"
		cat <<-CONF
			Port $port
			ListenAddress $address
			HostKey $world/key-$name
			AuthorizedKeysFile $world/authorized_keys
			PidFile none
			StrictModes no
			PasswordAuthentication no
			KbdInteractiveAuthentication no
			PrintMotd no
			SetEnv HOME=$far PATH=/usr/local/bin:/usr/bin:/bin
		CONF
	} >"$world/conf-$name"
	"$sshd" -D -f "$world/conf-$name" -E "$world/log-$name" &
	pid=$!
	until_true 10 listens "$address" "$port" ||
		note "sshd $name does not listen: $(cat "$world/log-$name")"
}

# host ALIAS ADDRESS PORT [LINE...]: into ~/.ssh/config and peers.conf.
host() {
	local alias=$1 address=$2 at=$3
	shift 3
	printf '%s\n' "Host $alias" "HostName $address" "Port $at" "$@" \
		>>"$conf"
	grep -q "^$alias\b" "$HOME/.agents/peers.conf" 2>/dev/null ||
		echo "$alias" >>"$HOME/.agents/peers.conf"
}

# trust NAME ADDRESS PORT: its host key into known_hosts.
trust() {
	echo "[$2]:$3 $(cut -d' ' -f1,2 "$world/key-$1.pub")" \
		>>"$HOME/.ssh/known_hosts"
}

# peer LINE...: peers.conf is these lines.
peer() {
	printf '%s\n' "$@" >"$HOME/.agents/peers.conf"
}

# link ARGS... <INPUT: run it; output, error, status and time are kept.
link() {
	local began=${EPOCHREALTIME/./}
	timeout 60 agent-link "$@" >"$out" 2>"$err"
	status=$?
	took=$(((${EPOCHREALTIME/./} - began) / 1000))
}

# works NAME ARGS...: it says its word and echoes.
works() {
	local name=$1
	shift
	link "$@" <<<hello
	is "$status $(tail -n 2 "$out" | xargs) $(cat "$err")" \
		"0 serve hello " "$name"
}

# fails STATUS WORDS NAME ARGS...: with one line that has those words.
fails() {
	local want=$1 words=$2 name=$3
	shift 3
	link "$@" </dev/null
	if [ "$status" = "$want" ] && [ "$(wc -l <"$err")" = 1 ] &&
		grep -qF -- "$words" "$err" && grep -q '^agent-link: ' "$err"
	then
		ok "$name"
	else
		not_ok "$name"
		note "status $status, not $want; stderr, which is to be one" \
			"line with '$words':"
		note "$(cat "$err")"
	fi
}

# within MS NAME: the last one took no longer.
within() {
	if [ "$took" -le "$1" ]; then
		ok "$2 ($took ms)"
	else
		not_ok "$2 ($took ms, not $1)"
	fi
}

# session SIGNAL PID: to the processes that serve a connection of that daemon:
# one for root, two (one of them the monitor) for others.
session() {
	local pid monitors
	mapfile -t monitors < <(pgrep -P "$2" sshd)
	for pid in "${monitors[@]}"; do
		mapfile -t -O "${#monitors[@]}" monitors < <(pgrep -P "$pid" sshd)
	done
	kill "-$1" "${monitors[@]}"
}

plan 94

daemon box 127.0.0.1
box=$port box_pid=$pid
host box 127.0.0.1 "$box"

# --- whom do we speak to ---

fails 7 "ssh box true" "an unknown host key is refused, with the mend" box
is "$(ls "$HOME/.ssh")" "$(printf 'config\nid_ed25519')" \
	"and nothing was written to ~/.ssh"
ssh-keygen -q -t ed25519 -N '' -f "$world/key-other"
trust other 127.0.0.1 "$box"
fails 7 "ssh-keygen -f" "a changed one too, with another mend" box
rm "$HOME/.ssh/known_hosts"
trust box 127.0.0.1 "$box"
cp "$HOME/.ssh/known_hosts" "$world/good_hosts"
works "a known one is taken; the constant command finds ~/.local/bin" box
is "$(ls "$HOME/.ssh")" "$(printf 'config\nid_ed25519\nknown_hosts')" \
	"no .pub is written beside a key"
cmp -s "$world/good_hosts" "$HOME/.ssh/known_hosts"
is $? 0 "nor into known_hosts"
echo "@revoked * $(cut -d' ' -f1,2 "$world/key-box.pub")" \
	>>"$HOME/.ssh/known_hosts"
fails 7 "@revoked" "a revoked one is refused" box
ssh-keygen -q -H -f "$world/good_hosts" >/dev/null 2>&1
cp "$world/good_hosts" "$HOME/.ssh/known_hosts"
works "hashed known_hosts" box
{
	head -c 3000 /dev/urandom
	printf '\n127.0.0.1\n[127.0.0.1]:%s ssh-ed25519 AAAAbroken\n' "$box"
	printf '[127.0.0.1]:%s ssh-new AAAA\n\0\0\n<<<<<<<\n' "$box"
	head -c 200000 /dev/zero | tr '\0' x
	echo
	cat "$world/good_hosts"
} >"$HOME/.ssh/known_hosts"
works "broken, long and strange lines before its own" box
printf '[127.0.0.1]:%s ssh-ed25519 AAAAbroken\n' "$box" \
	>"$HOME/.ssh/known_hosts"
fails 7 "libssh cannot read" "only a broken line" box
echo "@cert-authority * $(cut -d' ' -f1,2 "$world/key-other.pub")" \
	>"$HOME/.ssh/known_hosts"
fails 7 "via=ssh" "only who certifies its keys: not a mend that does nothing" \
	box
echo "127.0.0.1 $(cut -d' ' -f1,2 "$world/key-box.pub")" \
	>"$HOME/.ssh/known_hosts"
works "a line without the port will do, as for ssh" box
echo "127.0.0.1 $(cut -d' ' -f1,2 "$world/key-other.pub")" \
	>"$HOME/.ssh/known_hosts"
fails 7 "ssh box true" "with another key it will not" box
cp "$world/good_hosts" "$HOME/.ssh/known_hosts"
host revoked 127.0.0.1 "$box" "RevokedHostKeys $world/revoked"
fails 7 "RevokedHostKeys" "a list of revoked keys that is not there" revoked
printf '# mine\n%s\n' "$(cat "$world/key-other.pub")" >"$world/revoked"
works "one that has other keys" revoked
cat "$world/key-box.pub" >>"$world/revoked"
fails 7 "is revoked by" "one that has its key" revoked
ssh-keygen -q -k -f "$world/revoked" "$world/key-other.pub"
fails 7 "via=ssh" "one that libssh cannot read" revoked
ssh-keygen -q -t rsa -b 2048 -N '' -f "$world/key-both"
daemon both 127.0.0.1 "HostKey $world/key-box"
host both 127.0.0.1 "$port"
trust both 127.0.0.1 "$port"
works "its second kind of key is the one that is known" both
cp "$world/good_hosts" "$HOME/.ssh/known_hosts"
rm "$HOME/.ssh/known_hosts"
cp "$world/good_hosts" "$HOME/.ssh/known_hosts2"
works "known_hosts2" box
mv "$HOME/.ssh/known_hosts2" "$HOME/.ssh/known_hosts"
echo "called $(cut -d' ' -f1,2 "$world/key-box.pub")" >"$world/aliased"
host aliased 127.0.0.1 "$box" "HostKeyAlias called" \
	"UserKnownHostsFile /nonexistent $world/aliased"
works "HostKeyAlias, and several UserKnownHostsFile" aliased

# --- who are we ---

ssh-keygen -q -t ed25519 -N '' -f "$HOME/.ssh/stranger"
rm "$HOME/.ssh/stranger.pub"
host nokey 127.0.0.1 "$box" "IdentityFile ~/.ssh/stranger"
fails 7 "/.ssh/stranger" "a key that is not accepted is named" nokey
ssh-keygen -q -t ed25519 -N secret -f "$HOME/.ssh/locked"
host locked 127.0.0.1 "$box" "IdentityFile ~/.ssh/locked"
fails 7 "/.ssh/locked needs a passphrase" "so is one with a passphrase" \
	locked
host two 127.0.0.1 "$box" "IdentityFile ~/.ssh/stranger" \
	"IdentityFile %d/.ssh/id_ed25519"
works "the second IdentityFile is tried too" two
chmod 644 "$HOME/.ssh/id_ed25519"
fails 7 "chmod 600" "a key open to others is not used" box
chmod 600 "$HOME/.ssh/id_ed25519"
ssh-keygen -q -t rsa -b 2048 -m PEM -N '' -f "$HOME/.ssh/id_rsa"
cat "$HOME/.ssh/id_rsa.pub" >>"$world/authorized_keys"
echo "not a public key" >"$HOME/.ssh/id_rsa.pub"
host rsa 127.0.0.1 "$box" "IdentityFile ~/.ssh/id_rsa"
works "RSA in PEM, with a broken .pub beside it" rsa
rm "$HOME/.ssh/id_rsa" "$HOME/.ssh/id_rsa.pub"
peer "box identity=$HOME/.ssh/stranger"
fails 7 "/.ssh/stranger" "identity= is the only key" box
peer "box identity=~/.ssh/id_ed25519"
works "identity= with a tilde" box
peer box nokey two

eval "$(ssh-agent -s)" >/dev/null
for i in 1 2 3 4 5 6 7; do
	ssh-keygen -q -t ed25519 -N '' -f "$world/many-$i"
	ssh-add -q "$world/many-$i" 2>/dev/null
done
works "an agent with too many keys does not lock the right file out" box
ssh-add -qD 2>/dev/null
ssh-add -q "$HOME/.ssh/id_ed25519" 2>/dev/null
mv "$HOME/.ssh/id_ed25519" "$world/away"
works "a key of the agent" box
echo "garbage" >"$HOME/.ssh/id_ed25519"
works "with a broken key file too" box
mv "$world/away" "$HOME/.ssh/id_ed25519"
ssh-agent -k >/dev/null
unset SSH_AUTH_SOCK SSH_AGENT_PID
cat >"$world/deaf.py" <<'PY'
import socket, sys, time
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
held = []
while True:
    held.append(s.accept())
PY
python3 "$world/deaf.py" "$world/agent.sock" &
until_true 10 test -S "$world/agent.sock"
export SSH_AUTH_SOCK=$world/agent.sock
fails 4 "agent" "an agent that does not answer is given up" -t 2 box
within 3000 "in time"
unset SSH_AUTH_SOCK

# --- how do we get there ---

fails 4 "agent-sync peer add nobody" "a peer that is not listed" nobody
peer "# none"
fails 4 "agent-sync peer add box" "even if ssh knows it" box
works "unless it is asked for" --unlisted box
peer box
host shut 127.0.0.1 "$(free_port)"
fails 4 "Connection refused" "nobody listens" shut
host nowhere no-such-host.invalid 22
host strange 'x;id' 22 "ProxyCommand true"
fails 4 "HostName in" "a name that a shell would run" --unlisted strange
fails 4 "no-such-host.invalid" "a name without an address" nowhere

daemon six ::1
six=$port
host six ::1 "$six"
trust six ::1 "$six"
works "IPv6" six

daemon jump 127.0.0.1
trust jump 127.0.0.1 "$port"
host jump 127.0.0.1 "$port" "IdentityFile $HOME/.ssh/id_ed25519"
host jumped 127.0.0.1 "$box" "ProxyJump jump"
works "ProxyJump" jumped
host proxied 127.0.0.1 "$box" \
	"ProxyCommand ssh -F $conf -o BatchMode=yes -o UserKnownHostsFile=$HOME/.ssh/known_hosts -W %h:%p jump"
works "ProxyCommand" proxied
host broken 127.0.0.1 "$box" "ProxyCommand echo no way there >&2; exit 1"
fails 4 "no way there" "a proxy command that fails is quoted" broken
host stuck 127.0.0.1 "$box" "ProxyCommand sleep 87654"
fails 4 "no answer in time" "one that hangs is given up" -t 1 stuck
within 2000 "in time"
is "$(pgrep -f '^sleep 87654')" "" "and ended"

mkdir "$HOME/.ssh/config.d"
mv "$conf" "$HOME/.ssh/config.d/all"
printf 'Include config.d/*\nHost *\nPort 1\n' >"$conf"
works "Include, relative" box
mv "$HOME/.ssh/config.d/all" "$conf"
cp "$conf" "$world/config"
host odd 127.0.0.1 "$box" "Ciphers no-such-cipher"
fails 4 "via=ssh" "a cipher that libssh does not know" odd
printf 'Host box\nPort\n' >"$conf"
fails 9 "config:2: Port: needs a value" "a broken configuration" \
	--unlisted box
cp "$world/config" "$conf"
chmod 666 "$conf"
fails 9 "chmod" "one that others can write" --unlisted box
chmod 600 "$conf"
peer box six

# --- what is there ---

cat >"$far/.bashrc" <<'NOISE'
echo "Welcome to this host"
printf 'no newline at the end'
echo "a warning" >&2
NOISE
link box <<<hello
is "$status $(tail -n 1 "$out")" "0 hello" "noisy start-up files"
mv "$far/.bashrc" "$far/noise"
echo 'yes noise | head -c 20000000 >&2' >"$far/.bashrc"
works "20 MB of complaints before it" box
within 5000 "in time"
rm "$far/.bashrc"
for shell in bash zsh fish dash tcsh; do
	path=$(command -v "$shell")
	if [ -z "$path" ]; then
		ok "login shell $shell # skip missing $shell"
		continue
	fi
	daemon "$shell" 127.0.0.1 \
		"ForceCommand exec $path -c \"\$SSH_ORIGINAL_COMMAND\""
	host "$shell" 127.0.0.1 "$port"
	trust "$shell" 127.0.0.1 "$port"
	works "login shell $shell" "$shell"
	kill "$pid"
done
# A start-up file that runs something else: that is not given our input, which
# a shell would run.
mkdir -p "$far/.config/fish"
for shell in bash zsh fish tcsh; do
	path=$(command -v "$shell")
	if [ -z "$path" ]; then
		ok "start-up file of $shell # skip missing $shell"
		continue
	fi
	daemon "$shell" 127.0.0.1 "ForceCommand cd $far && BASH_ENV=.bashrc \
exec $path -c \"\$SSH_ORIGINAL_COMMAND\""
	host "start-$shell" 127.0.0.1 "$port"
	trust "$shell" 127.0.0.1 "$port"
	echo 'exec sh' | tee "$far/.bashrc" "$far/.zshenv" "$far/.cshrc" \
		>"$far/.config/fish/config.fish"
	link -t 2 "start-$shell" <<<"touch $far/RUN"
	is "$status $(grep -c 'start-up file' "$err") $(ls "$far/RUN" 2>&-)" \
		"4 1 " "start-up file of $shell that runs a shell"
	kill "$pid"
done
rm -r "$far/.bashrc" "$far/.zshenv" "$far/.cshrc" "$far/.config"
mv "$far/noise" "$far/.bashrc"
printf '[agents.x]\n' >"$far/.agents/local.toml"
link --slice box </dev/null
is "$status $(cat "$out")" "0 [agents.x]" "--slice, without the noise"
rm "$far/.bashrc" "$far/.agents/local.toml"
fails 2 "install panemesh" "--slice without one" --slice box
mv "$far/.local/bin/agent-serve" "$far/serve+1"
fails 2 "install panemesh there" "no agent-serve there" box
peer "box serve=$far/serve+1"
works "serve=" box
printf '#!/bin/sh\necho "\033[31mout of order" >&2\nexit 3\n' \
	>"$far/.local/bin/agent-serve"
chmod +x "$far/.local/bin/agent-serve"
peer box
fails 4 'status 3: \x1b[31mout of order' "one that fails is quoted" box
check "and logged" grep -qF 'box: \x1b[31mout of order' \
	"$HOME/.agents/log/link"
mv "$far/serve+1" "$far/.local/bin/agent-serve"

# --- without libssh ---

peer "box via=ssh identity=~/.ssh/id_ed25519" \
	"nokey via=ssh identity=~/.ssh/stranger" \
	"here command=sh -c $far/.local/bin/agent-serve" \
	"mute command=sleep 76543"
cp "$conf" "$world/config"
sed -i 's/^Host box$/&\nRemoteCommand uname\nRequestTTY force/' "$conf"
works "via=ssh, whatever a login by hand runs there" box
mv "$world/config" "$conf"
# Where the user's ssh looks: in the passwd home, whatever HOME says.
passwd_home=$(getent passwd "$(id -u)" | cut -d: -f6)
(
	unset AGENT_SSH_HOME
	# shellcheck disable=SC2030  # for this subshell
	PATH=$world/bin:$PATH
	printf '#!/bin/sh\necho "$*" >"%s"\n' "$world/ssh-args" >"$world/bin/ssh"
	chmod +x "$world/bin/ssh"
	agent-link -t 2 box </dev/null
) >/dev/null 2>&1
is "$(grep -cE ' -F |UserKnown' "$world/ssh-args") \
$(grep -oE -e '-i [^ ]*' "$world/ssh-args")" \
	"0 -i $passwd_home/.ssh/id_ed25519" "via=ssh: where ssh itself looks"
(
	unset AGENT_SSH_HOME
	peer box
	agent-link -t 2 box </dev/null
) >/dev/null 2>"$err"
is "$? $(grep -c '^agent-link: box: no address' "$err")" "4 1" \
	"so does libssh: what stands in HOME alone is not read"
rm "$world/bin/ssh"
peer "box via=ssh identity=~/.ssh/id_ed25519" \
	"nokey via=ssh identity=~/.ssh/stranger" \
	"here command=sh -c $far/.local/bin/agent-serve" \
	"mute command=sleep 76543"
fails 7 "Permission denied" "via=ssh: a key that is not accepted" nokey
works "command=" here
printf '#!/bin/sh\nyes 45678 >&2 &\necho serve\nexec cat\n' >"$far/loud"
chmod +x "$far/loud"
echo "loud command=$far/loud" >>"$HOME/.agents/peers.conf"
works "command=: one that complains without end" loud
is "$(pgrep -f '^yes 45678')" "" "is ended"
fails 4 "says nothing" "command=: one that hangs" -t 1 mute
is "$(pgrep -f '^sleep 76543')" "" "is ended"
peer box six

# --- silence, ends and bulk ---

kill -STOP "$box_pid"
fails 4 "waiting for the first words" "sshd frozen before its banner" \
	-t 2 box
within 3000 "in time"
kill -CONT "$box_pid"

daemon one 127.0.0.1 "MaxSessions 1"
host one 127.0.0.1 "$port"
trust one 127.0.0.1 "$port"
one_pid=$pid
peer box one
works "MaxSessions 1" one

cat >"$world/rude.py" <<'PY'
import socket, sys
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
n = 0
while True:
    s.accept()[0].close()
    n += 1
    open(sys.argv[2], "w").write(str(n))
PY
rude=$(free_port)
python3 "$world/rude.py" "$rude" "$world/rude" &
until_true 10 listens 127.0.0.1 "$rude"
until_true 10 test -s "$world/rude"
host rude 127.0.0.1 "$rude"
before=$(cat "$world/rude")
fails 4 "MaxStartups" "closed before the banner" --unlisted rude
within 6000 "is given up in time"
n=$(($(cat "$world/rude") - before))
[ "$n" -ge 4 ] && [ "$n" -le 40 ]
is $? 0 "is tried again, $n times, with pauses"
host hasty 127.0.0.1 1 "ProxyCommand python3 $world/shut.py $world/tries"
echo 'open(__import__("sys").argv[1], "a").write("x")' >"$world/shut.py"
fails 4 "MaxStartups" "a proxy that ends at once" --unlisted hasty
is "$(cat "$world/tries")" xx "is tried once more: it may have logged in"

# One may be logging in at a time, and six come together.
daemon narrow 127.0.0.1 "MaxStartups 1"
host narrow 127.0.0.1 "$port"
trust narrow 127.0.0.1 "$port"
crowd=
for i in 1 2 3 4 5 6; do
	agent-link narrow <<<hello >"$world/crowd.$i" 2>&1 &
	crowd="$crowd $!"
done
for i in $crowd; do
	wait "$i" || note "status $?"
done
is "$(cat "$world"/crowd.? | sort | uniq -c | xargs)" '6 hello 6 serve' \
	"MaxStartups 1 and six at once: all get in"
note "$(grep -c 'MaxStartups' "$world/log-narrow") were shut out at first"

daemon closed 127.0.0.1 "ForceCommand echo not available; exit 1"
host closed 127.0.0.1 "$port"
trust closed 127.0.0.1 "$port"
fails 4 "try: ssh closed agent-serve" "an account that runs nothing" closed

head -c 200M /dev/urandom >"$world/big"
printf '#!/bin/sh\necho serve\nexec cat\n' >"$far/cat"
chmod +x "$far/cat"
peer "box serve=$far/cat" "one serve=$far/cat"
link box <"$world/big"
note "200 MiB there and back: $took ms," \
	"$((400 * 1000 / (took + 1))) MiB/s"
is "$status $(tail -c +7 "$out" | cmp - "$world/big" 2>&1)" "0 " \
	"200 MiB there and back are the same bytes"
rm -f "$world/big" "$out"
is "$(yes | timeout 20 agent-link box 2>"$err" | sed -n 2p\;2q) $(cat "$err")" \
	"y " "a reader that goes ends it"
mkfifo "$world/in"
sleep 600 >"$world/in" &
agent-link one <"$world/in" >"$out" 2>"$err" &
mine=$!
printf x >"$world/in"
until_true 10 test -s "$out"
began=$SECONDS
session KILL "$one_pid"
wait "$mine"
is "$? $((SECONDS - began < 3)) $(grep -c 'connection broke' "$err")" \
	"4 1 1" "sshd killed: it ends at once and says so"

: >"$out"
agent-link one <"$world/in" >"$out" 2>"$err" &
mine=$!
printf x >"$world/in"
until_true 10 test -s "$out"
check "its program runs" pgrep -f "^cat$"
kill -9 "$mine"
wait "$mine" 2>/dev/null
gone() {
	! pgrep -P "$one_pid" >/dev/null
}
check "killed itself, it leaves nothing there" until_true 5 gone

: >"$out"
agent-link one <"$world/in" >"$out" 2>"$err" &
mine=$!
printf x >"$world/in"
until_true 10 test -s "$out"
began=$SECONDS
session STOP "$one_pid"
wait "$mine"
is "$? $((SECONDS - began <= 17)) $(grep -c 'sign of life' "$err")" "4 1 1" \
	"a session frozen: found within 15 s"
session CONT "$one_pid"

# A far end that is no agent-serve, and a caller that is killed.
printf '#!/bin/sh\necho hello\nexec sleep 65432\n' >"$far/noisy"
chmod +x "$far/noisy"
peer "noisy command=$far/noisy"
mkfifo "$world/words"
cat "$world/words" >"$out" &
reader=$!
agent-link -k -t 2 noisy <"$world/in" >"$world/words" 2>"$err" &
mine=$!
check "a far end that says no HELLO runs" \
	until_true 10 pgrep -f "^sleep 65432"
kill -9 "$reader"
wait "$reader" 2>/dev/null
no_link() {
	! pgrep -f "agent-link -k -t 2 noisy|^sleep 65432" >/dev/null
}
check "the link is given up when its caller is gone" until_true 20 no_link
kill "$mine" 2>/dev/null || true
