#!/bin/bash
# docs.sh - what the documents say against what is there: tests/docs.sh BUILD
#
# With --commands it prints the commands under "Two commands" in the README.
# Every program has a manual page with EXIT STATUS and EXAMPLES; its --help and
# its page name the same long options; the exit codes in a page carry the
# sentences of src/exit.h, those of panemesh(7) all of them, and that page names
# every program; README and docs/ name only files and programs that
# exist; CHANGELOG.md has the version of the Makefile. Prints what is wrong.
set -u

readme_commands() {
	awk '/^## / { section = /^## Two commands/ }
		section && /^```/ { if (on) exit; on = 1; next }
		on && NF && !/^#/' README.md
}

if [ "${1:-}" = --commands ]; then
	cd "$(dirname "$0")/.." && readme_commands
	exit
fi
build=$(cd "${1:-build}" && pwd) || exit 1
cd "$(dirname "$0")/.." || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

bad() {
	echo "$*"
	failed=1
}

# "code sentence" lines of src/exit.h.
awk '/^[ \t]*X\(EXIT_/ { row = 1; text = "" }
	row {
		line = $0
		sub(/[ \t]*\\$/, "", line)
		text = text line
		if (text ~ /"\)[ \t]*$/) {
			split(text, part, ",")
			code = part[2] + 0
			sub(/"\)[ \t]*$/, "", text)
			sub(/.*"/, "", text)
			print code, text
			row = 0
		}
	}' src/exit.h >"$work/codes"
[ "$(wc -l <"$work/codes")" -ge 10 ] || bad "src/exit.h: cannot read its table"

# `Fl -long`, in the list of options and elsewhere in an mdoc page.
options_of_page() {
	grep -oE '\bFl -[a-z][a-z0-9-]*' "$1" | sed 's/^Fl -//' | sort -u
}

options_of_help() {
	grep -oE '(^|[^[:alnum:]-])--[a-z][a-z0-9-]*' "$1" |
		sed 's/.*--//' | sort -u
}

check_program() {
	local name=$1 page=bin/$1.1 status option
	if [ ! -e "$page" ]; then
		bad "$name: has no page $page"
		return
	fi
	grep -q '^\.Sh EXIT STATUS' "$page" || bad "$page: no EXIT STATUS"
	grep -q '^\.Sh EXAMPLES' "$page" || bad "$page: no EXAMPLES"
	grep -q "^\.Nm $name\$" "$page" || bad "$page: does not name $name"
	if [ ! -x "$build/$name" ]; then
		bad "$name: is not built"
		return
	fi
	HOME=$work/home "$build/$name" --help >"$work/help" 2>"$work/err" \
		</dev/null
	status=$?
	[ "$status" = 0 ] || bad "$name --help: status $status"
	[ -s "$work/help" ] || bad "$name --help: nothing on stdout"
	[ ! -s "$work/err" ] || bad "$name --help: something on stderr"
	awk 'length > 80 { print FILENAME ": longer than 80 columns: " $0 }' \
		"$work/help" >"$work/long"
	[ ! -s "$work/long" ] || bad "$name --help: $(head -n 1 "$work/long")"
	options_of_help "$work/help" >"$work/in-help"
	options_of_page "$page" >"$work/in-page"
	while read -r option; do
		bad "$page: lacks --$option, which --help has"
	done < <(comm -23 "$work/in-help" "$work/in-page")
	while read -r option; do
		bad "$name --help: lacks --$option, which $page has"
	done < <(comm -13 "$work/in-help" "$work/in-page")
	HOME=$work/home "$build/$name" --version >"$work/version" 2>&1 \
		</dev/null || bad "$name --version: status $?"
	grep -qF "$version" "$work/version" ||
		bad "$name --version: is not $version"

	check_codes "$page"
	# What --help says of them is printed from the table itself.
	sed -n 's/^  \([0-9]\)  .*/\1/p' "$work/help" | sort -u >"$work/help-codes"
	cut -d' ' -f1 "$work/said" | sort -u >"$work/page-codes"
	cmp -s "$work/help-codes" "$work/page-codes" ||
		bad "$page: its exit codes are not those of --help"
}

# EXIT STATUS of a page: .It N and, on the next line, the sentence. They are
# left in $work/said.
check_codes() {
	local page=$1 code sentence number
	awk '/^\.Sh/ { on = /EXIT STATUS/ }
		on && /^\.It (Li |Sy |Cm )?[0-9]+$/ { code = $NF; getline; print code, $0 }' \
		"$page" >"$work/said"
	[ -s "$work/said" ] || bad "$page: EXIT STATUS lists no code (.It N)"
	while read -r code sentence; do
		number=$(sed -n "s/^$code //p" "$work/codes")
		if [ -z "$number" ]; then
			bad "$page: exit status $code is not in src/exit.h"
		elif [[ "${sentence,}" != "${number,}"* ]]; then
			bad "$page: exit status $code: '$sentence'," \
				"not '$number'"
		fi
	done <"$work/said"
}

# The overview: all codes, all programs, and the sections of every page.
check_overview() {
	local page=$1 source name
	grep -q '^\.Sh EXIT STATUS' "$page" || bad "$page: no EXIT STATUS"
	grep -q '^\.Sh EXAMPLES' "$page" || bad "$page: no EXAMPLES"
	check_codes "$page"
	cut -d' ' -f1 "$work/said" | sort -u >"$work/page-codes"
	cut -d' ' -f1 "$work/codes" | sort -u | cmp -s - "$work/page-codes" ||
		bad "$page: its exit codes are not all of src/exit.h"
	for source in bin/*.c; do
		name=${source##*/}
		grep -q "^\.It Xr ${name%.c} 1" "$page" ||
			bad "$page: does not say what ${name%.c} does"
	done
}

version=$(sed -n 's/^VERSION *= *//p' Makefile)
mkdir "$work/home"
for source in bin/*.c; do
	[ -e "$source" ] || continue
	name=${source##*/}
	check_program "${name%.c}"
done
check_overview docs/panemesh.7

# Every key that a profile may have stands in its page.
sed -n 's/.*{ "[a-z]*", "\([a-z_]*\)", FIELD_.*/\1/p; s/.*{ "[a-z]*", "\([a-z_]*\)",$/\1/p' \
	src/profile.c | sort -u >"$work/keys"
[ "$(wc -l <"$work/keys")" -ge 30 ] || bad "src/profile.c: cannot read its keys"
while read -r key; do
	grep -qE "^\.It Cm (.* )?$key\b" docs/panemesh-profile.5 ||
		bad "docs/panemesh-profile.5: does not say what $key means"
done <"$work/keys"
for page in bin/*.1; do
	[ -e "$page" ] || continue
	[ -e "${page%.1}.c" ] || bad "$page: has no program"
done

if [ ! -e CHANGELOG.md ]; then
	bad "CHANGELOG.md: missing"
elif ! grep -qE "^## .*\b${version//./\\.}\b" CHANGELOG.md; then
	bad "CHANGELOG.md: has no heading for version $version"
fi

# `path/file` and `make target` in code marks, and links, are there.
check_names() {
	local text=$1 name
	# shellcheck disable=SC2016  # backquotes of Markdown
	grep -oE '`[^`]+`' "$text" | tr -d '`' | sort -u >"$work/names"
	while IFS= read -r name; do
		case $name in
		make\ *)
			for word in ${name#make }; do
				case $word in
				[a-z]*[!=]) [[ $word == *=* ]] ||
					grep -qE "(^|[ 	])$word([ :]|\$)" Makefile ||
					bad "$text: no make target $word" ;;
				esac
			done
			;;
		*[\ \*\<\$~{}\"\'\(\|=]* | /* | *[A-Z][A-Z]*) ;;
		src/* | bin/* | tests/* | docs/* | hooks/* | profiles/* | \
			systemd/* | ./*.sh)
			[ -e "$name" ] || bad "$text: $name does not exist" ;;
		notify-pane | agent-*)
			[ -e "bin/$name.c" ] || grep -qF "$name\` (later)" "$text" ||
				bad "$text: $name is no program" ;;
		esac
	done <"$work/names"
	grep -oE '\]\([^)#]+' "$text" | sed 's/^](//' |
		grep -vE '^[a-z]+:' | sort -u >"$work/links"
	while IFS= read -r name; do
		[ -e "$(dirname "$text")/$name" ] ||
			bad "$text: link to $name, which does not exist"
	done <"$work/links"
}

[ -e README.md ] || bad "README.md: missing"
for text in README.md docs/*.md; do
	[ ! -e "$text" ] || check_names "$text"
done

# Continuous integration runs what the README tells people to run.
if [ -e README.md ]; then
	readme_commands >"$work/commands"
	[ "$(wc -l <"$work/commands")" = 2 ] ||
		bad "README.md: no two commands under that heading"
	second=$(sed -n 2p "$work/commands")
	grep -qF "exec ${second:-?}" .ci/run ||
		bad ".ci/run: does not run '$second'"
fi
exit "$failed"
