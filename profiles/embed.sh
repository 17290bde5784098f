#!/bin/sh
# Write the profiles FILE... as C to stdout, so that the programs carry them:
# an array of name and text, ended by NULL. Used by the Makefile.
set -eu
LC_ALL=C
export LC_ALL
tab=$(printf '\t')

echo '/* Made by profiles/embed.sh; do not edit. */'
echo '#include "profile.h"'
echo
echo 'const struct profile_source profile_sources[] = {'
for file; do
	name=${file##*/}
	printf '\t{ "%s",\n' "${name%.toml}"
	# One C string a line. A comment line keeps its place, so that errors
	# name the right line, but costs nothing at run time. A question mark
	# is escaped because two of them begin a trigraph.
	sed -e "s/^[ $tab]*#.*//" -e 's/\\/\\\\/g' -e 's/"/\\"/g' \
	    -e "s/$tab/\\\\t/g" -e 's/?/\\?/g' \
	    -e "s/^/$tab    \"/" -e 's/$/\\n"/' "$file"
	printf '\t    "" },\n'
done
printf '\t{ NULL, NULL },\n};\n'
