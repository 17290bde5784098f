#!/bin/bash
# Whoever is killed between a host that cannot be dialled and the peer that
# keeps its mail: what was accepted is shown there once, and told of.
# time-limit: 600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
kill-at "$world/x" 0 true
if [ "$?" = 77 ]; then
	echo '1..0 # SKIP no ptrace here'
	exit 0
fi
far_up a l
plan 19

composer l comp
peers a ''
peers l 'a accept=mail'
on l agent-sync >"$out" 2>&1 || note "$(cat "$out")"

# What a said it queued, a line each: id and text.
accepted=$world/accepted
: >"$accepted"
queue() {
	sent a -q l-s-comp "$1"
	sed -n "s/^queued \(.*\)/\1 $1/p" "$out" >>"$accepted"
}
killed() {
	[ "$(tail -n 1 "$world/log.$1" 2>/dev/null)" = killed ]
}
shown() {
	! cut -d' ' -f2- "$accepted" | grep -qvFxf <(messages l comp)
}
# Everything accepted is shown once, whole and in order; others once at most.
judge() {
	local what=$1 id rest
	on l agent-sync >"$out" 2>&1
	is "$?" 0 "$what: then a sync goes through"
	until_true 120 shown || note "$(wc -l <"$accepted") accepted," \
		"$(messages l comp | wc -l) shown"
	is "$(messages l comp | sort | uniq -d)" '' "$what: nothing is shown twice"
	is "$(messages l comp | grep -Fxf <(cut -d' ' -f2- "$accepted"))" \
		"$(cut -d' ' -f2- "$accepted")" \
		"$what: all that was accepted is shown, in order"
	: >"$world/untold"
	on l agent-sync >"$out" 2>&1
	while read -r id rest; do
		until_true 20 told "$id" || echo "$id $rest: $(on a \
			notify-pane --status "$id")" >>"$world/untold"
	done < <(tail -n 5 "$accepted")
	is "$(cat "$world/untold")" '' "$what: and told of"
}
told() {
	on a notify-pane --status "$1" | grep -q '^submitted'
}

# --- who sends ---
n=0
while
	n=$((n + 1))
	on a kill-at "$world/log.s$n" "$n" "$BUILD/notify-pane" -q l-s-comp \
		"sent $n." >"$out" 2>&1
	sed -n "s/^queued \(.*\)/\1 sent $n./p" "$out" >>"$accepted"
	killed "s$n"
do :; done
note "the sender is killed at $((n - 1)) calls, $(wc -l <"$accepted") accepted"
judge 'the sender'

# --- who fetches ---
n=0 points=0
while
	n=$((n + 1))
	queue "fetched $n."
	on l kill-at "$world/log.f$n" "$n" "$BUILD/agent-sync" >"$out" 2>&1
	killed "f$n"
do points=$((points + 1)); done
note "the fetching host is killed at $points calls"
check 'the fetching host is killed at every call' test "$points" -gt 30
judge 'the fetching host'

# --- who hands over ---
cat >"$world/bin/killed" <<END
#!/bin/sh
exec "$BUILD/helpers/kill-at" "$world/log.h\$(cat "$world/n")" \
	"\$(cat "$world/n")" "$BUILD/agent-serve"
END
chmod +x "$world/bin/killed"
peers l "a accept=mail serve=$world/bin/killed"
n=0 points=0
while
	n=$((n + 1))
	echo "$n" >"$world/n"
	queue "handed $n."
	on l agent-sync >"$out" 2>&1
	killed "h$n"
do points=$((points + 1)); done
note "the peer is killed at $points calls"
peers l 'a accept=mail'
judge 'the peer'

# --- nobody there ---
sshd_stop a
queue 'while nobody is there.'
is "$(tail -n 1 "$accepted" | cut -d' ' -f2-)" 'while nobody is there.' \
	'a message is accepted while no link can be made'
on l agent-sync >"$out" 2>&1
is "$?" 4 'the sync says that nobody is there'
sshd_start a
judge 'afterwards'
