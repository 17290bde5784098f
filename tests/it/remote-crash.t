#!/bin/bash
# kill -9 before each system call that changes something, of each party to a
# message and to a file that go to another host by a real sshd: notify-pane and
# agent-link here, which may hold a link that is kept, agent-serve and what it
# forked there. Shown once at most, the exit status is true, and so is what the
# far end says to whoever asks again by the id; a file is whole or absent and
# replaces nothing.
# time-limit: 600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
# No leak can be looked for under ptrace.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0"
kill-at "$world/log" 0 true 2>/dev/null
if [ $? = 77 ]; then
	echo '1..0 # skip no ptrace here'
	exit 0
fi
far_up a b
plan 28

ring=$world/hosts/b/.agents/run/verdicts
inbox=$world/hosts/b/.agent-inbox
log=$world/log

# Each party, behind a program that kills it where "$world/at-PARTY" says.
cp "$BUILD/notify-pane" "$world/bin/notify-pane"
cat >"$world/bin/agent-link" <<EOF
#!/bin/sh
[ -e "$world/at-link" ] || exec "$BUILD/agent-link" "\$@"
exec kill-at "$log" "\$(cat "$world/at-link")" "$BUILD/agent-link" "\$@"
EOF
cat >"$world/bin/serve" <<EOF
#!/bin/sh
[ ! -e "$world/at-serve" ] ||
	exec kill-at "$log" "\$(cat "$world/at-serve")" "$BUILD/agent-serve"
[ ! -e "$world/at-child" ] ||
	exec kill-at -c "$log" "\$(cat "$world/at-child")" "$BUILD/agent-serve"
exec "$BUILD/agent-serve"
EOF
chmod +x "$world/bin/agent-link" "$world/bin/serve"
peers a "b serve=$world/bin/serve"

settled() {
	local pid
	for pid in $(pgrep -x 'agent-serve|agent-link'); do
		! grep -qzs "^HOME=$world/hosts/" "/proc/$pid/environ" ||
			return 1
	done
}

# How often the composer "to" was given $text.
arrived() {
	grep -c "$(printf %s "$text" | od -An -v -tx1 | tr -d ' \n')" \
		"$world/b-$to.log" 2>/dev/null
}

# A link that is kept, and its end.
held() {
	on a agent-link --status | grep -q '^b: kept' || grep -q '^killed$' "$log"
}
hold() {
	on a kill-at -c "$log" "$1" "$BUILD/agent-link" -k b \
		<"$world/nothing" >/dev/null 2>&1 &
	holder=$!
	until_true 10 held || wrong 'no link is kept'
}
let_go() {
	on a agent-link --stop >/dev/null
	wait "$holder" 2>/dev/null
}

# One run: $party is killed before its call number $1, 0: not at all.
run_once() {
	local n=$1
	shift
	rm -f "$log"
	if [ "$party" = holder ]; then
		hold "$n"
		on a "$world/bin/notify-pane" "$@"
	elif [ "$party" = notify ]; then
		on a kill-at "$log" "$n" "$world/bin/notify-pane" "$@"
	else
		echo "$n" >"$world/at-$party"
		on a "$world/bin/notify-pane" "$@"
	fi >"$out" 2>"$err" </dev/null
	code=$?
	rm -f "$world"/at-*
	[ "$party" != holder ] || let_go
	until_true 15 settled || wrong "something stays"
}

wrong() {
	wrongs=$((wrongs + 1))
	note "$party, $what, killed before call $point ($(sed -n "${point}p" \
		"$log")): $*"
}

# Is this status true of a message that was shown so often?
true_word() {
	case $1/$2 in
	0/1 | 5/[01] | 137/[01] | [346789]/0) ;;
	*) wrong "$3: status $1, shown $2: $(cat "$err")" ;;
	esac
}

# The far end is asked once more by the id, for the whole of it or, with a
# file, what became of it.
asked_again() {
	local ask='' said
	[ "$what" = message ] || ask=$'Ask: 1\n'
	{
		printf 'panemesh/1 HELLO 0 0\nHost: a\nHost-Id: %s\n\n' "$host_id"
		printf 'panemesh/1 DELIVER %s %d\nTo: b-s-%s\nFrom: a-s-one\n%s\n%s' \
			"$1" ${#text} "$to" "$ask" "$text"
	} | on b agent-serve >"$world/answer" 2>/dev/null
	said=$(sed -n "/ DONE $1 /,\$s/^Code: //p" "$world/answer" | head -n 1)
	true_word "${said:-none}" "$(arrived)" 'asked again'
}

standing() {
	tmx b capture-pane -p -t "=s:$to" | grep -qF "$text"
}
not_standing() {
	! standing
}

# All files that came are whole; the older one is what it was.
whole() {
	local f
	while read -r f; do
		case $f in
		*/kept) [ "$(cat "$f")" = older ] || wrong "$f was replaced" ;;
		*) cmp -s "$f" "$world/kept" || wrong "$f is torn" ;;
		esac
	done < <(find "$inbox" -type f)
	[ -e "$kept" ] || wrong "the older file is gone"
	# These have been looked at.
	find "${inbox:?}" -type f ! -name kept -delete
}

# Kill $party at each point of such a run, until a run has no more points.
sweep() {
	local fewest=999 killed=0 n id before codes=''
	party=$1 what=$2 to=$3
	shift 3
	wrongs=0 point=0
	for n in 1 2; do
		text="$party-$what-whole-$n."
		run_once 0 "$@" "b-s-$to" "$text"
		true_word "$code" "$(arrived)" 'not killed'
		[ "$code" = 0 ] || wrong "not killed, but status $code"
		n=$(wc -l <"$log")
		[ "$n" -ge "$fewest" ] || fewest=$n
	done
	[ "$what" = message ] || whole
	while [ "$point" -lt 400 ]; do
		point=$((point + 1))
		text="$party-$what-$point."
		before=$(wc -l <"$ring")
		run_once "$point" "$@" "b-s-$to" "$text"
		if ! grep -q '^killed$' "$log"; then
			n=$(wc -l <"$log")
			[ "$n" -ge "$fewest" ] || fewest=$n
			break
		fi
		killed=$((killed + 1))
		n=$(arrived)
		true_word "$code" "$n" 'it said'
		codes="$codes $code/$n"
		[ "$what" = message ] || whole
		id=
		[ "$(wc -l <"$ring")" = "$before" ] ||
			id=$(tail -n 1 "$ring" | cut -d' ' -f2)
		# Twice: what is answered the second time was recorded.
		[ -z "$id" ] || asked_again "$id"
		[ -z "$id" ] || asked_again "$id"
		! standing || tmx b send-keys -t "=s:$to" C-u
		until_true 5 not_standing || wrong 'it stays in the composer'
	done
	note "$party, $what: killed at $killed points, $fewest in a whole run"
	note "status/shown: $(tr ' ' '\n' <<<"$codes" | sort | uniq -c |
		awk 'NF > 1 { printf "%s x %d, ", $2, $1 }')"
	[ "$killed" -ge "$fewest" ] && [ "$killed" -ge 5 ]
	is $? 0 "$party killed at every point of a $what: $killed"
	is "$wrongs" 0 'shown once at most, and all that is said is true'
	sent a "b-s-$to" 'and on'
	is "$? $(find "$world"/hosts/*/.agents "$world"/hosts/*/.agent-inbox \
		-name '*.tmp*' -o -name '.*.*' -type f)" '0 ' \
		'the next goes through, no temporary stays'
}

host_id=$(sed -n 's/^host_id = "\(.*\)"/\1/p' \
	"$world/hosts/a/.agents/local.toml")
composer b text
composer b file
head -c 150000 /dev/urandom >"$world/kept"
sent a -f "$world/kept" b-s-file first
kept=$(find "$inbox" -name kept)
echo older >"$kept"
for p in notify link serve child; do
	sweep "$p" message text
	sweep "$p" file file -f "$world/kept"
done
echo 'link_idle = 600' >"$world/hosts/a/.agents/config.toml"
mkfifo "$world/nothing"
exec 7<>"$world/nothing"
sweep holder message text
is "$(on b notify-pane --check b-s-text | cut -d: -f2 | cut -d' ' -f2)" idle \
	'the composer is as it was'
