#!/bin/sh
# floors.sh - hold the sources to the order that docs/ARCHITECTURE.md lists.
#
# Each file of src/ includes only files that stand before it in the list (and
# its own header); every file of src/ is in the list, where NAME_part belongs
# to NAME; a library has the one file that the list gives it. Prints what
# breaks this; exit 0 or 1.
set -eu
cd "$(dirname "$0")/.."

set -- src/*.[ch]
for f in bin/*.c; do
	[ ! -e "$f" ] || set -- "$@" "$f"
done

exec awk '
function base(path) {
	sub(/.*\//, "", path)
	sub(/\.[ch]$/, "", path)
	# A module in several files has the place of its first name.
	if (!(path in place))
		sub(/_.*/, "", path)
	return path
}
function bad(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	failed = 1
}

# The list: "floor NAME: file file ..." and "only FILE includes <PREFIX".
FILENAME == ARGV[1] {
	if (/<!-- floors/)
		listing = 1
	else if (/<!-- end of floors/)
		listing = 0
	else if (listing && $1 == "floor") {
		for (i = 3; i <= NF; i++) {
			if ($i in place)
				bad($i " stands in the list twice")
			place[$i] = ++places
		}
	} else if (listing && $1 == "only")
		owner[$4] = $2
	next
}

FNR == 1 {
	name = base(FILENAME)
	in_src = FILENAME ~ /^src\//
	seen[name] = 1
	if (in_src && !(name in place))
		bad("is not in the list of docs/ARCHITECTURE.md")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	want = base(part[2])
	if (part[2] ~ /\//)
		bad("includes \"" part[2] "\" by a path")
	else if (want == "ssh" && name != "ssh" && name != "link")
		bad("only link may use ssh.h")
	else if (want == "link" && name != "link" && name != "agent-link")
		bad("only agent-link may use link.h")
	else if (!(want in place)) {
		if (in_src)
			bad("includes \"" part[2] "\", which is not listed")
	} else if (in_src && name in place && place[want] > place[name])
		bad("includes \"" part[2] "\" of a higher place")
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	header = $0
	sub(/^[^<]*/, "", header)
	for (prefix in owner)
		if (index(header, prefix) == 1 && owner[prefix] != name)
			bad("includes " header "; only " owner[prefix] " may")
}

END {
	if (places == 0) {
		print "docs/ARCHITECTURE.md: no list of floors"
		failed = 1
	}
	exit failed
}
' docs/ARCHITECTURE.md "$@"
