#!/bin/bash
# A link that is kept carries frames for hours: neither its holder nor the
# agent-serve at its end may grow, and valgrind has nothing to say of either.
# GROWTH_FRAMES=100000 makes it a long one.
# time-limit: 240
export LINK_IDLE=600
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
# shellcheck source=tests/it/far.sh
. "$here/far.sh"
frames=${GROWTH_FRAMES:-10000}
far_up a b
at_end() {
	on a agent-link --stop
	on b agent-link --stop
	mesh_down
}
sanitized=
! grep -q __asan_init "$BUILD/agent-serve" || sanitized=' # SKIP sanitized programs'

# link WRAPPER...: make one whose two ends run in that program, or in none;
# $holder and $server are they.
link() {
	printf '#!/bin/sh\necho $$ >%s\nexec %s %s/agent-serve\n' \
		"$world/server" "$*" "$BUILD" >"$world/serve"
	chmod 755 "$world/serve"
	on a agent-link --stop
	peers a "b serve=$world/serve"
	on a "$@" "$BUILD/agent-link" -k -t 60 b </dev/null >/dev/null
	holder=$(on a agent-link --status -j |
		sed -n 's/.*"pid":\([0-9]*\).*/\1/p')
	server=$(cat "$world/server")
}

# carry N: so many frames go through it, and are answered as they should.
carry() {
	on a python3 "$here/frames.py" "$holder" "$server" "$1" \
		agent-link -k b >"$world/looks" 2>"$err"
	is "$? $(tail -n 1 "$world/looks" | cut -d' ' -f1) $(cat "$err")" \
		"0 $1 " "$1 frames"
}

# The fifth part has made all that is kept. A block of malloc that is lost, 32
# bytes, comes to this in 4,000 frames.
grown() {
	awk -v column="$1" -v most="$2" -v all="$frames" '
		$1 < all / 5 { next }
		low == "" || $column < low { low = $column }
		{ last = $column }
		END {
			print last - low " more than once"
			exit last - low > most
		}' "$world/looks"
}

plan 8
link
carry "$frames"
note 'frames; KiB and descriptors of the holder, of agent-serve:'
note "$(cat "$world/looks")"
if [ -n "$sanitized" ]; then
	ok "memory of the holder$sanitized"
	ok "memory of agent-serve$sanitized"
else
	check 'memory of the holder' grown 2 128
	check 'memory of agent-serve' grown 4 128
fi
check 'descriptors of the holder' grown 3 2
check 'descriptors of agent-serve' grown 5 2

if [ -n "$sanitized" ] || ! command -v valgrind >/dev/null; then
	sanitized=${sanitized:- # SKIP missing valgrind}
	for name in 'frames under valgrind' 'the holder' 'agent-serve'; do
		ok "$name$sanitized"
	done
	exit
fi
mkdir "$world/said"
link valgrind -q --leak-check=full --log-file="$world/said/%p" \
	--show-leak-kinds=definite,indirect,possible
carry 1000
on a agent-link --stop
ended() {
	! kill -0 "$holder" && ! kill -0 "$server"
}
until_true 20 ended
is "$(cat "$world/said/$holder")" '' 'valgrind says nothing of the holder'
is "$(cat "$world/said/$server")" '' 'nor of agent-serve'
