#!/bin/bash
# sshconf.t - what we read in ~/.ssh/config against what `ssh -G` reads.
#
# Each case is a configuration and an alias; host name, user, port, identity
# files, proxies and the rest must be the same. ssh looks into the home of the
# passwd file and not into $HOME: paths are absolute here.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"

command -v ssh >/dev/null || {
	echo "1..0 # skip missing ssh (openssh-client)"
	exit 0
}
conf=$world/config
keys='hostname|user|port|identityfile|proxyjump|proxycommand|hostkeyalias'
keys+='|identitiesonly|addressfamily|userknownhostsfile'

theirs() {
	ssh -G -F "$conf" "$1" 2>/dev/null </dev/null |
		grep -E "^($keys) " | sort -s -k1,1
}

ours() {
	"$BUILD/helpers/sshconf" "$1" "$conf" </dev/null |
		grep -E "^($keys) " | sort -s -k1,1
}

# What ssh says of a keyword that stands nowhere is its own business: only
# those that we have are compared, and ours must have every other.
same() {
	local name=$1 alias=$2 a b
	cat >"$conf"
	chmod 600 "$conf"
	a=$(ours "$alias")
	b=$(theirs "$alias" | grep -E "^($(printf '%s\n' "$a" |
		cut -d' ' -f1 | sort -u | paste -sd'|')) ")
	is "$a" "$b" "$name"
}

# And what is not set there is not set here.
plan 16

same "nothing" a <<<""
same "user@host" u@a <<<"User x"
same "first value wins" a <<'C'
Port 5
Port 6
Host a
User x
User y
C
same "Host with wildcards and negation" web1 <<'C'
Host web? !web2
Port 1
Host * !web1
Port 2
User x
Host web1 db
User y
C
same "Host after HostName" a <<'C'
Host a
HostName b.example
Host b.example
Port 9
Host a
User u
C
same "HostName with tokens" a <<'C'
HostName %h.example.%%
Port 7
C
same "equals signs, quotes, case, tabs" a <<'C'
	HOSTNAME = "b.example"
user=u
	pOrT	=	8
IdentityFile "/tmp/with blank"
C
same "comments" a <<'C'
# Port 1
  # Port 2
Port 3 # four
C
same "identity files add up" a <<'C'
IdentityFile /1
Host b
IdentityFile /2
Host a
IdentityFile /3
IdentityFile /4
Match all
IdentityFile /1
IdentitiesOnly yes
C
same "Match" a <<'C'
HostName b
User u
Match host b user u
Port 1
Match originalhost a
HostKeyAlias k
Match host a
AddressFamily inet6
Match !user u
AddressFamily inet
C
same "Match exec" a <<'C'
Match exec "test %n = a"
Port 1
Match exec "test %n != a"
User no
Match host a exec true
User yes
C
same "Match all and nothing" a <<'C'
Match canonical
Port 1
Match all
Port 2
C
mkdir "$world/d"
printf 'Host b\nUser no\n' >"$world/d/1"
printf 'Host a\nPort 4\nMatch all\nHostKeyAlias k\n' >"$world/d/2"
same "Include" a <<C
Include $world/d/* $world/none
User me
C
same "Include in a block" b <<C
Host a
Include $world/d/*
User u
C
same "ProxyCommand before ProxyJump" a <<'C'
ProxyCommand nc -X 5 "x  y" host
ProxyJump j
C
same "ProxyJump before ProxyCommand" a <<'C'
ProxyJump u@j:22
ProxyCommand nc
UserKnownHostsFile /k1 "/k 2"
C
