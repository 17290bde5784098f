# shellcheck shell=bash
# far.sh - messages between the hosts of mesh.sh, as the tests of remote
# delivery need them; sourced after mesh.sh.
#
#   far_up A B...          hosts that know each other, tmux on each
#   composer HOST NAME [OPTION...]
#                          a composer in a window; its address is HOST-s-NAME
#   messages HOST NAME     what it was given, a line each: the body alone,
#                          without the id behind it
#   ids HOST NAME          those ids
#   answers HOST NAME      and the ids of what they answer
#   tags HOST NAME         likewise the part in brackets, without the time
#   submitted HOST NAME TEXT
#                          how often a message has TEXT in it
#   sent HOST ARGS...      notify-pane there: $out, $err and the status
#   refuses CODE PART NAME ARGS...
#                          from a: this status, PART on stderr, nothing else
#   small FOLDER           a file system of its own for it, with what is in it;
#                          only root may. To be unmounted at the end
#   fill FOLDER            until there is no room for a byte or a file
#   room FOLDER            there is again

world=${world:?} here=${here:?}
export PATH=$BUILD/helpers:$PATH
out=$world/out err=$world/err

far_up() {
	local h p
	mesh_up "$@" || exit 1
	for h in "$@"; do
		mkdir -m 700 "$world/hosts/$h/.agents/profiles.d"
		cp "$here/composer.toml" "$world/hosts/$h/.agents/profiles.d/"
		chmod 600 "$world/hosts/$h/.agents/profiles.d/composer.toml"
		: >"$world/peers"
		for p in "$@"; do
			[ "$p" = "$h" ] || echo "$p" >>"$world/peers"
		done
		install -m 600 "$world/peers" "$world/hosts/$h/.agents/peers.conf"
		mesh_tmux "$h"
	done
	for h in "$@"; do
		until_true 10 grep -q "^\[agents.$h-s-one\]" \
			"$world/hosts/$h/.agents/local.toml"
		on "$h" agent-sync >"$out" 2>&1 || note "$h: $(cat "$out")"
	done
}

drawn() {
	tmx "$1" capture-pane -p -t "=s:$2" | grep -q ready
}

composer() {
	local h=$1 name=$2
	shift 2
	tmx "$h" new-window -d -n "$name" \
		"exec composer -l $world/$h-$name.log $*"
	until_true 10 drawn "$h" "$name" || note "$h: $name does not start"
	until_true 10 there "${sender:-a}" "$h-s-$name" ||
		note "$h-s-$name is not known to ${sender:-a}"
}

decoded() {
	python3 - "$world/$1-$2.log" "$3" <<'PY'
import os, re, sys
if os.path.exists(sys.argv[1]):
    for line in open(sys.argv[1]):
        text = bytes.fromhex(line.split()[1]) if " " in line else b"?"
        tag, _, body = text.partition(b"] ")
        tag = re.sub(rb" @ \S+$", b"", tag[1:])
        body, ident, answers = re.fullmatch(
            rb"(.*?)(?: \[(?:id (\w+)(?:, )?)?(?:answers (\w+))?\])?", body, re.S).groups()
        part = {"tag": tag, "body": body, "id": ident or b"-",
                "answers": answers or b"-"}[sys.argv[2]]
        sys.stdout.buffer.write(part + b"\n")
PY
}

messages() {
	decoded "$1" "$2" body
}

ids() {
	decoded "$1" "$2" id
}

answers() {
	decoded "$1" "$2" answers
}

tags() {
	decoded "$1" "$2" tag
}

submitted() {
	messages "$1" "$2" | grep -cF -- "$3"
}

sent() {
	local h=$1
	shift
	on "$h" timeout 200 notify-pane "$@" >"$out" 2>"$err"
}

refuses() {
	local code=$1 part=$2 name=$3 status
	shift 3
	sent a "$@" </dev/null
	status=$?
	if [ "$status" = "$code" ] && grep -qF -- "$part" "$err" &&
		[ "$(wc -l <"$err")" = 1 ] && [ ! -s "$out" ]; then
		ok "$name"
	else
		not_ok "$name"
		note "status $status, want $code and '$part'"
		note "$(cat "$out" "$err")"
	fi
}

small() {
	mkdir -p "$1" "$world/aside" && cp -a "$1/." "$world/aside/" &&
		mount -t tmpfs -o size=512k,nr_inodes=999,mode=700 none "$1" &&
		cp -a "$world/aside/." "$1/" && rm -rf "$world/aside"
}

fill() {
	local i
	head -c 1M /dev/zero >"$1/fill" 2>/dev/null
	for i in $(seq 999); do
		: 2>/dev/null >"$1/fill$i" || break
	done
}

room() {
	rm "$1"/fill*
}
