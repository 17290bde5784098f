#!/bin/bash
# A host's part of the address book comes through another one: l dials h only,
# x dials h only, and x lists l's agents.
# time-limit: 400
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/it/mesh.sh
. "$here/mesh.sh"
mesh_up h l x || exit 1
plan 67

home_h=$world/hosts/h home_x=$world/hosts/x
# The first line of what HOST has of l.
came() {
	head -n 1 "$world/hosts/$1/.agents/hosts/l.toml" | cut -d' ' -f5-
}
generation() {
	sed -n 's/^generation = //p' "$1" | head -n 1
}
# There is a new window on l, and h was told.
renew() {
	tmx l new-window -d -n "$1"
	until_true 10 grep -q "^\[agents.l-s-$1\]" \
		"$world/hosts/l/.agents/local.toml"
	on l agent-sync >"$world/out" 2>&1 || note "$(cat "$world/out")"
}
# h by a program of ours at x.
evil() {
	cat >"$world/bin/$1"
	chmod 755 "$world/bin/$1"
	peers x "h command=$world/bin/$1" 'l through=h'
}
# Nobody reaches these two, so they have no listener.
sshd_stop l
sshd_stop x
for h in h l x; do
	peers "$h" ''
	mesh_tmux "$h"
	until_true 10 grep -q "^\[agents.$h-s-one\]" \
		"$world/hosts/$h/.agents/local.toml"
done

# --- only where peers.conf says so ---
peers l h
is "$(code on l agent-sync)" 0 'l tells h of itself'
check 'h lists it' there h l-s-one
peers x h
is "$(code on x agent-sync)" 0 'x asks h'
check 'and lists h' there x h-s-one
check 'but not l, which its peers.conf does not name' gone x l-s-one
peers x h 'l through=h'
is "$(code on x agent-sync)" 0 'named, it is asked for'
check 'a line for h' said '^h: '
check 'and one for l' said '^l: updated'
check 'x lists l' there x l-s-one
is "$(came x)" 'through h 1' 'and says how that came'
is "$(code on x agent-sync)" 0 'once more'
check 'there is nothing new' said '^l: up to date'
is "$(code on x agent-sync status)" 0 'the status'
check 'has a row' said '^l +l +ok '
check 'which says so' said '^  its slice comes through host h$'
is "$(on x agent-sync status -j | python3 -c 'import json, sys
print([p["through"] for p in json.load(sys.stdin)["peers"]])')" \
	"[None, 'h']" 'as JSON too'
renew two
is "$(code on x agent-sync)" 0 'a window more'
check 'comes too' there x l-s-two
is "$(code on h agent-sync)" 0 'h asks nobody'
check 'and has no listing of x yet but what x pushed' there h x-s-one

# --- what does not go that way ---
is "$(code on x notify-pane l-s-one hello)" 7 'a message is not handed on'
check 'which is said' said \
	'host l: h hands nothing on for x; relay=yes in the line of x'
is "$(code on x agent-link l </dev/null)" 4 'nor is it dialled'
check 'as is said too' said 'l: is not dialled, but known through h'
# asks HOST-NAME NAME [OPTION...]: h's answer to such a one
asks() {
	local as=$1 of=$2
	shift 2
	printf 'panemesh/1 HELLO 0 0\nHost: %s\nHost-Id: 0123456789abcdef\n\npanemesh/1 PULL p 0\nOf: %s\n\n' \
		"$as" "$of" | on h agent-serve "$@" >"$world/out" 2>&1
}
asks l l
check 'a host is not told of itself' said 'its slice comes from l itself'
asks x nobody
check 'nor anybody of one that is not known' said 'no slice of it is here'
asks x h
check 'nor of h as if it were another' said 'no slice of it is here'
asks x ../registry
check 'nor of what is no host' said "'../registry' is no host"
asks x l --peer x
check 'nor a key that is bound' said '^Code: 7'
asks x l
check 'others are, over one host' said '^Hops: 1$'


# --- what l shows to h alone ---
home_l=$world/hosts/l
cat >"$world/bin/bound-l" <<END
#!/bin/sh
HOME=$home_l AGENTS_DIR=$home_l/.agents AGENT_SSH_HOME=$home_l \\
	TMUX_TMPDIR=$home_l/tmux exec agent-serve --peer h
END
chmod 755 "$world/bin/bound-l"
rm "$home_h/.agents/hosts/l.toml"
peers h "l command=$world/bin/bound-l"
is "$(code on h agent-sync)" 0 'h by a key that l bound'
check 'is shown a part of it' grep -q '^narrow = true' \
	"$home_h/.agents/hosts/l.toml"
asks x l
check 'and hands none of it on' said 'that is not handed on'
check 'no address' sh -c "! grep -q l-s-one '$world/out'"
peers h ''
rm "$home_h/.agents/hosts/l.toml"
is "$(code on l agent-sync)" 0 'what l gives to h itself'
asks x l
check 'is handed on' said '^Hops: 1$'

# --- no further than five, and not back ---
sed -i '1s/ from the host itself/ through y 4/' "$home_h/.agents/hosts/l.toml"
asks x l
check 'over five' said '^Hops: 5$'
asks y l
check 'but not to the one it came from' said 'its slice comes from y itself'
sed -i '1s/ through y 4/ through y 5/' "$home_h/.agents/hosts/l.toml"
asks x l
check 'and no further' said 'its slice came over 5 hosts; it goes no further'
is "$(code on l agent-sync)" 0 'from l itself'
renew three
is "$(came h)" 'from the host itself' 'it is believed again'

# --- round and round: each has it through the other ---
sshd_start x
rm -f "$home_h/.agents/hosts/l.toml"
peers h x 'l through=x'
is "$(code on h agent-sync)" 6 'what x has through h'
check 'h does not get from x' said \
	'x gives no slice of it: host l: its slice comes from h itself'
rm -f "$home_x/.agents/hosts/l.toml"
is "$(code on h agent-sync) $(code on x agent-sync)" '6 6' \
	'none of both has it any more'
check 'nor gets it' said 'no slice of it is here'
peers h ''
sshd_stop x
renew four
is "$(code on x agent-sync) $(came x)" '0 through h 1' 'until l comes by'

# --- h ends in the middle of what it says ---
dying h
peers x "h command=$world/bin/dying-h" 'l through=h'
cp "$home_x/.agents/hosts/l.toml" "$world/before"
renew five
size=$(asks x l; wc -c <"$world/out")
broken=0
for left in 0 1 100 300 $((size / 2)) $((size - 100)) "$size"; do
	echo "$left" >"$world/left"
	if [ "$(code on x timeout 60 agent-sync)" = 0 ] ||
		! cmp -s "$world/before" "$home_x/.agents/hosts/l.toml"; then
		note "$left bytes: $(cat "$world/out")"
		broken=1
	fi
done
is "$broken" 0 'killed anywhere: an error, and what x has stays whole'
check 'of both' said '^agent-sync: l: known through h, which gave no answer'
peers x h 'l through=h'
is "$(code on x agent-sync)" 0 'and the next one'
check 'brings it' there x l-s-five

# --- an older one, and one who lies ---
evil older <<END
#!/bin/sh
exec python3 "$world/bin/liar" old
END
cat >"$world/bin/liar" <<END
import sys
r, w = sys.stdin.buffer, sys.stdout.buffer
how = sys.argv[1]
can = "pull push" if how == "old" else "pull push third"
w.write(b"panemesh/1 HELLO 0 0\nHost: h\nHost-Id: $(sed -n \
	's/^host_id = "\(.*\)"/\1/p' "$home_h/.agents/local.toml")\nVersion: 0.0.9\nCan: %b\n\n" % can.encode())
w.flush()
def line():
    s = r.readline()
    if not s:
        sys.exit(0)
    return s.decode().rstrip("\n")
def done(i):
    w.write(b"panemesh/1 DONE %b 0\nCode: 0\nUnchanged: 1\n\n" % i)
while True:
    word, verb, i, n = line().split()
    heads = {}
    while h := line():
        k, v = h.split(":", 1)
        heads[k] = v.strip()
    r.read(int(n))
    if verb == "PULL" and "Of" in heads:
        body = open("$world/lie", "rb").read()
        w.write(b"panemesh/1 SLICE %b %d\nHops: %b\nAge-Ms: 0\n\n%b" %
            (i.encode(), len(body), sys.argv[2].encode(), body))
    elif verb in ("PULL", "PUSH"):
        done(i.encode())
    w.flush()
END
is "$(code on x timeout 60 agent-sync)" 6 'h of an older version'
check 'is named, and what mends it' said \
	'l: h has panemesh 0.0.9, which gives no slices of other hosts; update'
cp "$home_x/.agents/hosts/l.toml" "$world/before"
# lies HOPS REASON: x refuses $world/lie, shows it, and keeps what it has.
lies() {
	printf '#!/bin/sh\nexec python3 %s new %s\n' "$world/bin/liar" "$1" |
		evil lies
	[ "$(code on x timeout 60 agent-sync)" = 6 ] && said "$2" &&
		cmp "$world/before" "$home_x/.agents/hosts/l.toml" &&
		grep -q '^# refused .* through h: ' \
			"$home_x/.agents/hosts/l.bad"
}
grep -v '^# came' "$world/before" >"$world/true"
now=$(($(date +%s) * 1000 + 5000))
sed "s/^host_id = .*/host_id = \"0123456789abcdef\"/
	s/^generation = .*/generation = $now/" "$world/true" >"$world/lie"
check 'another machine by that name is refused' lies 1 'is not the known'
sed "s/^generation = .*/generation = 1790000000000/
	s/l-s-five/l-s-lie/" "$world/true" >"$world/lie"
sed -i '1s/ [0-9]* through/ 1 through/' "$home_x/.agents/hosts/l.toml"
cp "$home_x/.agents/hosts/l.toml" "$world/before"
sed -i "s/^generation = .*/generation = 1600000000000/" "$world/lie"
check 'so is an older one' lies 1 'not newer than the one we have'
sed "s/^generation = .*/generation = $now/" "$world/true" >"$world/lie"
check 'and one over no host' lies 0 'comes over 0 hosts'
check 'or over too many' lies 6 'comes over 6 hosts; 5 at most'
sed 's/\([.-]\)l\([]-]\)/\1m\2/; s/host = "l"/host = "m"/' "$world/true" \
	>"$world/lie"
check 'and one of another host' lies 1 "publishes only its own|host is '"
is "$(code on x agent-sync status)" 0 'the status'
check 'shows the last that was refused' said '^  .*through h: .*hosts/l\.bad'

# --- from the host itself, and nobody there ---
sed "s/^generation = .*/generation = $now/" "$world/true" >"$world/lie"
printf '#!/bin/sh\nexec python3 %s new 1\n' "$world/bin/liar" | evil lies
is "$(code on x timeout 60 agent-sync) $(generation \
	"$home_x/.agents/hosts/l.toml")" "0 $now" 'one that is ahead is taken'
sshd_start x
peers l h x
is "$(code on l agent-sync) $(came x)" '0 from the host itself' \
	'until l says so itself, which counts more'
is "$(generation "$home_x/.agents/hosts/l.toml")" \
	"$(generation "$world/hosts/l/.agents/local.toml")" 'whatever was said'
sshd_stop h
peers x h 'l through=h'
is "$(code on x agent-sync)" 4 'h is gone'
check 'l is listed on' there x l-s-five
peers x 'l through=h'
is "$(code on x agent-sync)" 4 'and h is no peer any more'
check 'which is said' said 'l: through=h: is no peer'
check 'and l can be removed' on x agent-sync peer rm l
