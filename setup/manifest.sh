# shellcheck shell=bash disable=SC2034,SC2154
# manifest.sh - what install.sh changes, written down so that it can be undone.
#
# $manifest has one record a line, fields between tabs: STEP KIND PATH EXTRA.
# A record is written before the change that it speaks of: whatever a killed
# run did stands there, and undoing what was not done does nothing.
#
#   dir PATH          a folder that was missing
#   file PATH SUM     a file of ours, by its sha256
#   link PATH TARGET  a link of ours
#   backup PATH COPY  what stood in the place of one of those before
#   copy PATH COPY    how a file was that we edit
#   scratch PATH      a temporary folder, perhaps with a tmux server
#   choice NAME VALUE what an option said, for a later run without it
#
# install.sh has more kinds; undo_KIND PATH EXTRA belongs to each.
#
#   put SOURCE TARGET MODE, put_link TO TARGET     install one
#   make_dir FOLDER      with its parents
#   record KIND PATH [EXTRA], recorded KIND PATH [EXTRA]
#   choose NAME VALUE, chosen NAME
#   settle STEP...       after a whole run: undo what an earlier one did in
#                        these steps and this one did not ask for again
#   undo_all             newest first

state=$HOME/.local/state/panemesh
manifest=$state/manifest
uid=$(id -u)
step='' plan=''
changes=0 same=0 removed=0 left=0
declare -A seen=()

say() { printf '%s\n' "${*//"$HOME"\//"~/"}"; }
die() {
	printf 'install.sh: %s\n' "$*" >&2
	exit 9
}

# A change and how it is made; only said while planning.
act() {
	changes=$((changes + 1))
	say "  $1"
	shift
	[ -n "$plan" ] || "$@"
}

# Sets $folder: the nearest one at or above a path that is there. These two
# run for every file: no subshell.
existing() {
	folder=$1
	until [ -d "$folder" ]; do
		folder=${folder%/*}
		folder=${folder:-/}
	done
}

# With sudo where only root may write: a system prefix.
as_owner() {
	local folder
	existing "${1%/*}"
	shift
	if [ -w "$folder" ] || [ "$uid" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

record() {
	seen["$1 $2"]=1
	printf '%s\t%s\t%s\t%s\n' "$step" "$1" "$2" "${3:-}" >>"$manifest"
}

recorded() {
	[ -e "$manifest" ] && KIND=$1 NAME=$2 EXTRA=${3:-} awk -F '\t' '
		$2 == ENVIRON["KIND"] && $3 == ENVIRON["NAME"] &&
		    (ENVIRON["EXTRA"] == "" || $4 == ENVIRON["EXTRA"]) {
			found = 1
		}
		END { exit !found }' "$manifest"
}

choose() {
	step=choice
	[ -z "$2" ] || record choice "$1" "$2"
}

chosen() {
	[ ! -e "$manifest" ] || NAME=$1 awk -F '\t' '
		$2 == "choice" && $3 == ENVIRON["NAME"] { value = $4 }
		END { print value }' "$manifest"
}

undo_choice() { :; }

sum_of() {
	local sum
	sum=$(sha256sum <"$1") && printf '%s\n' "${sum%% *}"
}

there() { [ -e "$1" ] || [ -L "$1" ]; }

make_dir() {
	local folder=$1 missing=() mode=()
	until [ -d "$folder" ]; do
		missing=("$folder" "${missing[@]}")
		folder=${folder%/*}
		folder=${folder:-/}
	done
	# Where others look too, whatever the umask.
	[[ $1 == "$HOME"/* ]] || mode=(-m 755)
	for folder in "${missing[@]}"; do
		record dir "$folder"
		as_owner "$folder" mkdir "${mode[@]}" "$folder" || die "$folder: cannot be made"
	done
}

# A copy of what is there, under a name of its own; sets $copy.
back_up() {
	local number='' name=root$2
	# Under the name that it has in the home folder.
	[[ $2 != "$HOME"/* ]] || name=${2#"$HOME"/}
	copy=$state/backup/$name
	while there "$copy"; do
		number=$((number + 1))
		copy=$state/backup/$name.$number
	done
	mkdir -p "${copy%/*}"
	record "$1" "$2" "$copy"
	# What we edit is what a link leads to; what we replace is the link.
	if [ "$1" = copy ]; then
		cp -pL "$2" "$copy.part"
	else
		cp -a "$2" "$copy.part"
	fi
	mv -fT "$copy.part" "$copy"
	say "  $2: as it was, kept as $copy"
}

# Before something is put there: what is not ours is kept.
make_room() {
	make_dir "${1%/*}"
	there "$1" || return 0
	[ -L "$1" ] || [ ! -d "$1" ] || die "$1: is a folder; move it away"
	if [ -L "$1" ]; then
		recorded link "$1" "$(readlink "$1")" && return
	elif recorded file "$1" "$(sum_of "$1")"; then
		return
	fi
	back_up backup "$1"
}

put() {
	seen["file $2"]=1
	if [ -f "$2" ] && [ ! -L "$2" ] && cmp -s "$1" "$2" &&
		{ [ "$3" != 755 ] || [ -x "$2" ]; }; then
		same=$((same + 1))
		return
	fi
	changes=$((changes + 1))
	[ -z "$plan" ] || return 0
	make_room "$2"
	record file "$2" "$(sum_of "$1")"
	{
		as_owner "$2" install -m "$3" "$1" "$2.panemesh-new" &&
			as_owner "$2" mv -fT "$2.panemesh-new" "$2"
	} || {
		as_owner "$2" rm -f "$2.panemesh-new"
		die "$2: cannot be written"
	}
}

put_link() {
	seen["link $2"]=1
	if [ "$(readlink "$2" 2>/dev/null)" = "$1" ]; then
		same=$((same + 1))
		return
	fi
	changes=$((changes + 1))
	[ -z "$plan" ] || return 0
	make_room "$2"
	record link "$2" "$1"
	{
		as_owner "$2" ln -sfn "$1" "$2.panemesh-new" &&
			as_owner "$2" mv -fT "$2.panemesh-new" "$2"
	} || die "$2: cannot be written"
}

undo_dir() {
	[ -n "$plan" ] || as_owner "$1" rmdir "$1" 2>/dev/null || true
}

remove() {
	removed=$((removed + 1))
	[ -n "$plan" ] || as_owner "$1" rm -f "$1"
}

keep() {
	left=$((left + 1))
	say "  $1"
}

undo_file() {
	[ -n "$plan" ] || [ ! -e "$1.panemesh-new" ] ||
		as_owner "$1" rm -f "$1.panemesh-new"
	there "$1" || return 0
	if [ -f "$1" ] && [ ! -L "$1" ] && [ "$(sum_of "$1")" = "$2" ]; then
		remove "$1"
	else
		keep "$1: is not as it was installed: left there"
	fi
}

undo_link() {
	[ -n "$plan" ] || [ ! -L "$1.panemesh-new" ] ||
		as_owner "$1" rm -f "$1.panemesh-new"
	there "$1" || return 0
	if [ "$(readlink "$1")" = "$2" ]; then
		remove "$1"
	else
		keep "$1: is not as it was installed: left there"
	fi
}

# At once, or when an earlier run was killed before it could.
undo_scratch() {
	# Ours of now goes at our end.
	[ -z "$plan" ] && [ -d "$1" ] && [ "$1" != "$tmp" ] || return 0
	[ ! -S "$1/socket" ] || tmux -S "$1/socket" kill-server 2>/dev/null || true
	# The last hooks of that server may still be writing when it is gone.
	for _ in $(seq 50); do
		rm -rf "$1" 2>/dev/null && return
		sleep 0.1
	done
	keep "$1: cannot be removed"
}

undo_backup() {
	[ -n "$plan" ] || rm -rf "$2.part"
	there "$2" || return 0
	if [ -n "$plan" ]; then
		say "  $1: would be put back as it was"
	elif ! there "$1"; then
		say "  $1: as it was before"
		as_owner "$1" mv -fT "$2" "$1"
	else
		undo_copy "$1" "$2"
	fi
}

undo_copy() {
	[ -z "$plan" ] || return 0
	rm -f "$2.part"
	there "$2" || return 0
	if cmp -s "$1" "$2"; then
		rm -f "$2"
	else
		keep "$1: has changed; as it was before: $2"
	fi
}

undo() {
	step=$1
	"undo_$2" "$3" "$4"
}

undo_all() {
	local lines i a b c d
	mapfile -t lines <"$manifest"
	for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
		IFS=$'\t' read -r a b c d <<<"${lines[i]}"
		# Where the manifest stands: last of all.
		[ "$b $a" != 'dir -' ] || continue
		undo "$a" "$b" "$c" "$d"
	done
}

# After that: the folder of the manifest, which the first records speak of.
undo_state() {
	local lines i a b c d
	[ -z "$plan" ] || return 0
	mapfile -t lines < <(grep $'^-\tdir\t' "$manifest")
	[ ! -d "$state/backup" ] ||
		find "$state/backup" -depth -type d -empty -delete
	rm -f "$manifest" "$state/lock"
	for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
		IFS=$'\t' read -r a b c d <<<"${lines[i]}"
		undo_dir "$c" "$d"
	done
}

# For settle alone: with its variables.
undo_unwanted() {
	if [ "$b" != scratch ]; then
		[ -n "$told" ] || say "No longer wanted, and undone:"
		told=yes
		changes=$((changes + 1))
	fi
	undo "$a" "$b" "$c" "$d"
}

settle() {
	local steps=" $* " lines keep=() told='' i a b c d
	local -A have=()
	mapfile -t lines <"$manifest"
	for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
		IFS=$'\t' read -r a b c d <<<"${lines[i]}"
		case $b in
		copy) ;;
		dir)
			# Empty, and not needed any more?
			if [[ $steps == *" $a "* ]] &&
				as_owner "$c" rmdir "$c" 2>/dev/null; then
				continue
			fi
			;;
		backup)
			# As long as ours is in its place.
			if [ -z "${seen[file $c]:-}${seen[link $c]:-}" ] &&
				[[ $steps == *" $a "* ]]; then
				undo_unwanted
				continue
			fi
			;;
		*)
			[ -z "${have[$b $c]:-}" ] || continue
			have["$b $c"]=1
			# A link where a file was, or the other way round.
			[ -n "${seen[$b $c]:-}" ] ||
				[ -z "${seen[file $c]:-}${seen[link $c]:-}" ] || continue
			if [ -z "${seen[$b $c]:-}" ] && [[ $steps == *" $a "* ]]; then
				undo_unwanted
				continue
			fi
			;;
		esac
		keep=("${lines[i]}" "${keep[@]}")
	done
	[ "$removed" = 0 ] || say "  $removed files"
	printf '%s\n' "${keep[@]}" >"$manifest.new"
	mv -f "$manifest.new" "$manifest"
}

# Open the manifest; nobody else installs meanwhile. The lock is descriptor 9:
# whatever outlives us must not inherit it.
open_state() {
	local folder=$state missing=()
	until [ -d "$folder" ]; do
		missing=("$folder" "${missing[@]}")
		folder=${folder%/*}
	done
	mkdir -p "$state" 2>/dev/null ||
		die "$state: cannot be made; is the home folder read-only?"
	chmod 700 "$state" || die "$state: is not ours"
	exec 9>>"$state/lock" || die "$state: cannot be written"
	flock -n 9 || case $? in
	1)
		say "Waiting for another install.sh"
		flock -w 300 9 || die "another install.sh does not end"
		;;
	*) die "$state: cannot be locked; the home's file system must have locks" ;;
	esac
	step=-
	for folder in "${missing[@]}"; do
		record dir "$folder"
	done
	step=scratch
	record scratch "$tmp"
	unset "seen[scratch $tmp]"
}
