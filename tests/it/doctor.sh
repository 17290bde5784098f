# shellcheck shell=bash
# doctor.sh - how the tests of agent-doctor break and mend things; a test in
# bash sources it after lib.sh.
#
#   row CHECK PATTERN         its command is in $mend; fails if no row that is
#                             not ok matches
#   seen NAME CHECK PATTERN   ok if there is one
#   mends NAME CHECK PATTERN  two tests: there is one, and once its command was
#                             run there is none
#   well NAME CHECK PATTERN   ok if there is none

world=${world:?} here=${here:?}
doctor=agent-doctor
mend=
export doctor

# As a person does: into this shell.
paste() {
	eval "$1"
}

row() {
	"$doctor" --json >"$world/doctor.json" 2>"$world/doctor.err"
	mend=$(python3 "$here/doctor.py" "$world/doctor.json" "$1" "$2")
}

rows_of() {
	python3 -c '
import json, sys
for r in json.load(open(sys.argv[1]))["rows"]:
    if r["check"] == sys.argv[2]:
        print(r)' "$world/doctor.json" "$1" 2>&1
}

seen() {
	row "$2" "$3"
	case $? in
	0 | 2) ok "$1" ;;
	*)
		not_ok "$1"
		note "no row of $2 with $3: $(rows_of "$2")"
		;;
	esac
}

well() {
	row "$2" "$3"
	if [ $? = 1 ]; then
		ok "$1"
	else
		not_ok "$1"
		note "$(rows_of "$2")"
	fi
}

none_of() {
	row "$1" "$2"
	[ $? = 1 ]
}

mends() {
	local said
	seen "$1: seen" "$2" "$3"
	[ -n "$mend" ] || {
		not_ok "$1: has no command"
		return
	}
	said=$mend
	paste "$mend" >"$world/mend.out" 2>&1 </dev/null
	if until_true 5 none_of "$2" "$3"; then
		ok "$1: mended"
	else
		not_ok "$1: mended"
		note "$said"
		note "$(cat "$world/mend.out")"
		note "$(rows_of "$2")"
	fi
}
