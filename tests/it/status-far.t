#!/bin/bash
# agent-status between hosts: what is known, what is asked, hosts that are down.
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
far_up a b
composer b far1 "-d -t"
plan 12

status() {
	on a agent-status "$@" >"$out" 2>"$err" </dev/null
	echo $?
}
state() {
	python3 -c 'import json, sys
print(next(p["state"] for p in json.load(open(sys.argv[1]))
	if p["address"] == sys.argv[2]))' "$out" "$1"
}
is "$(status -j peers)" 0 'peers'
is "$(state b-s-far1)" unknown 'are not asked of other hosts'
is "$(status -j -a peers)" 0 'peers --ask'
is "$(state b-s-far1) $(state b-s-one) $(state a-s-one)" 'active shell shell' 'are'
sent a b-s-far1 'may I'
asks() {
	on a agent-status whois b-s-far1 >"$world/asked" &&
		grep -q '^state .*asking, quiet for' "$world/asked"
}
check 'whois asks too' until_true 10 asks
check 'and says why' grep -q 'asking.*: .*dialog' "$world/asked"
tmx b set-option -p -t =s:far1 @agent-allow nobody
is "$(status whois b-s-far1)" 0 'to one who may not send there'
check 'it says nothing' grep -q '^state .*unknown$' "$out"
sshd_stop b
is "$(status -a peers)" 4 'a host that is down'
is "$(wc -l <"$err")" 1 'is asked once'
check 'and listed all the same' grep -q 'b-s-far1 .*unknown' "$out"
is "$(status whois b-s-far1)" 4 'whois says so too'
