#!/bin/sh
# picture.t - the picture in the README is what the programs show today.
echo "1..1"
if ! docs/picture "$TMPDIR/picture.svg" >"$TMPDIR/out" 2>&1; then
	echo "not ok 1 - it can be taken"
elif cmp -s "$TMPDIR/picture.svg" docs/picture.svg; then
	echo "ok 1 - it is the same"
else
	echo "not ok 1 - it is the same (make picture)"
	diff "$TMPDIR/picture.svg" docs/picture.svg >"$TMPDIR/out"
fi
sed 's/^/# /' "$TMPDIR/out"
