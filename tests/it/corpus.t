#!/bin/bash
# corpus.t - the classifier on recorded screens: none that is not idle may be
# called idle. CORPUS=DIR, a folder of case folders (tests/screens/pack.py),
# judges those instead and prints the table of every program; LEAVE=PROFILE
# takes one profile away.
set -u

dir=tests/screens
if [ -n "${CORPUS:-}" ]; then
	dir=$(mktemp -d) || exit 1
	trap 'rm -rf "$dir"' EXIT
	python3 tests/screens/pack.py "$dir" "$CORPUS"/*/ || exit 1
fi
out=$("$BUILD/helpers/judge" ${LEAVE:+-x "$LEAVE"} "$dir"/*.screen) || {
	echo "Bail out! judge failed"
	exit 1
}

# Columns: state, verdict, program, variant, file, reason.
# Rows: program and state; columns: verdicts.
table() {
	awk -F '\t' '
	BEGIN {
		n = split("idle typed busy modal password shell-left remote " \
		    "copy-mode dead unknown", verdict, " ")
		printf "# %-18s %-10s", "program", "state"
		for (v = 1; v <= n; v++)
			printf " %6.6s", verdict[v]
		printf "\n"
	}
	{
		rows[$3 "\t" $1]
		count[$3 "\t" $1, $2]++
	}
	END {
		for (r in rows) {
			split(r, part, "\t")
			line = sprintf("# %-18s %-10s", part[1], part[2])
			for (v = 1; v <= n; v++) {
				c = count[r, verdict[v]]
				line = line sprintf(" %6s", c + 0 == 0 ? "." : c)
			}
			print line | "sort"
		}
	}'
}

[ -z "${CORPUS:-}" ] || echo "$out" | table
echo "$out" | awk -F '\t' '
$1 == "idle" {
	idle[$3]++
	all++
	if ($2 == "idle") {
		taken[$3]++
		right++
	} else
		missed = missed "# refused: " $5 ": " $6 "\n"
}
$1 != "idle" && $2 == "idle" {
	unsafe++
	wrong = wrong "# UNSAFE: " $1 " judged idle: " $5 "\n"
}
END {
	for (p in idle) {
		programs++
		sum += taken[p] / idle[p]
	}
	print "1..3"
	print (NR > 100 ? "ok" : "not ok") " 1 - " NR " screens judged"
	print (unsafe ? "not ok" : "ok") " 2 - no unsafe screen judged idle"
	printf "%s", wrong
	fine = (right * 100 >= all * 98)
	for (p in idle)
		fine = fine && taken[p] * 10 >= idle[p] * 9
	printf("%s 3 - idle accepted: %d of %d, mean of programs %.1f %%\n",
	    fine ? "ok" : "not ok", right, all, 100 * sum / programs)
	printf "%s", missed
}'
