# shellcheck shell=bash
# lab.sh - hosts of tests/lab, each in namespaces of its own; a test in bash
# sources it after lib.sh. Where they cannot be made the test is skipped.
#
#   "$LAB" COMMAND...         tests/lab/lab, on a lab of this test's own, which
#                             is in $LAB_STATE and ends with the test
#   lab_up N [OPTION...]      hosts h1 to hN, or the test ends
#   on HOST COMMAND...        run a command there
#   home_of HOST              its home, as we see it
#   panemesh_on HOST IDLE LINE...
#                             panemesh there: its link_idle, the lines of its
#                             peers.conf; to be called before its tmux starts
#   knows HOST ADDRESS        is ADDRESS in its address book?

world=${world:?} here=${here:?} BUILD=${BUILD:?}
LAB=${here%/it}/lab/lab
LAB_NAME=pmlab$$ LAB_STATE=$world/lab LAB_SHARE=$BUILD
export LAB_NAME LAB_STATE LAB_SHARE
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # skip not root"
	exit 0
fi
for tool in ip nsenter unshare /usr/sbin/sshd ssh; do
	command -v "$tool" >/dev/null || {
		echo "1..0 # skip missing $tool (iproute2, util-linux, openssh)"
		exit 0
	}
done
# In a plain chroot / is no mount point, and no host can have its own. Asked
# first, since ip netns leaves a mount behind where this fails.
if ! unshare -m mount --make-rslave / 2>/dev/null; then
	echo "1..0 # skip no mount namespaces here"
	exit 0
fi
if ! ip netns add "$LAB_NAME-try" 2>/dev/null; then
	echo "1..0 # skip no network namespaces here"
	exit 0
fi
ip netns del "$LAB_NAME-try"
at_end() { "$LAB" down; }

on() {
	"$LAB" exec "$@"
}

lab_up() {
	local n=$1
	shift
	"$LAB" up "$n" "$@" >"$world/up" 2>&1 || {
		cat "$world/up"
		exit 1
	}
}

home_of() {
	echo "$LAB_STATE/$1/home"
}

panemesh_on() {
	local dir idle=$2
	dir=$(home_of "$1")
	shift 2
	mkdir -p "$dir/.local/bin"
	mkdir -m 700 "$dir/.agents" "$dir/.agents/profiles.d"
	ln -s "$BUILD/agent-serve" "$dir/.local/bin/"
	printf '%s\n' "$@" >"$dir/.agents/peers.conf"
	echo "link_idle = $idle" >"$dir/.agents/config.toml"
	cp "$here/composer.toml" "$dir/.agents/profiles.d/"
	chmod 600 "$dir"/.agents/*.* "$dir"/.agents/profiles.d/*
}

knows() {
	grep -qs "^\[agents.$2\]" "$(home_of "$1")/.agents/registry.toml"
}
