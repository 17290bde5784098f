#!/bin/bash
# Completions in the real shells: bash and zsh at a terminal, fish by its own
# `complete -C`. Options are those of --help, addresses live, and what stands
# in a role or a file of ours is never run.
# time-limit: 600
# What stands in '...' is for another shell.
# shellcheck disable=SC2016
. tests/it/lib.sh
for shell in zsh fish; do
	command -v "$shell" >/dev/null || {
		echo "1..0 # SKIP missing $shell"
		exit 0
	}
done
plan 82

# As `make install` puts them.
make -s -C "$here/../.." BUILD="$BUILD" DESTDIR="$world/dest" PREFIX=/usr install \
	>"$world/install.out" 2>&1 || note "$(cat "$world/install.out")"
share=$world/dest/usr/share
check "installed for bash, by each program's name" \
	test -e "$share/bash-completion/completions/agent-sync"
check "installed for zsh" test -e "$share/zsh/site-functions/_panemesh"
check "installed for fish, by each program's name" \
	test -e "$share/fish/vendor_completions.d/notify-pane.fish"

start_server -s dev -n one
hooks
tm set-option -w -t dev:one @agent-role "\$(touch $world/owned) \`touch $world/owned\`; 'x"
tm new-window -d -n 'two $(touch owned)'
settles "registered"
agent-discover -q
host=$(cat "$HOME/.agents/self.conf")
printf '# comment\nbox via=ssh\n$(touch${IFS}owned) x\nhub\n' >"$HOME/.agents/peers.conf"
mkdir -p "$HOME/.ssh"
printf 'Host far\n\tHostName 127.0.0.1\n' >"$HOME/.ssh/config"
cp "$HOME/.agents/peers.conf" "$world/peers"
echo x >"$world/a file"

is "$(notify-pane --addresses | sort | tr '\n' ' ')" \
	"$host-dev-one $host-dev-two-touch-owned " "--addresses prints bare addresses"
is "$(notify-pane --groups | grep -v '^@role:[a-z]*$' | tr '\n' ' ')" \
	"@all @host:$host @session:dev " \
	"--groups prints groups, and no role that a shell would run"
check "nor with a body" sh -c '! notify-pane --groups x'
check "and nothing with a body" sh -c '! notify-pane --addresses x'

# What SHELL offers for a line.
asked() {
	case $1 in
	fish) fish --no-config -c "source '$share/fish/vendor_completions.d/notify-pane.fish'; complete -C \$argv" -- "$2" ;;
	bash) python3 "$here/ask.py" bash "$share/bash-completion/completions/notify-pane" "$2" ;;
	zsh) python3 "$here/ask.py" zsh "$share/zsh/site-functions" "$2" ;;
	esac >"$world/asked" 2>&1
}

# offers SHELL LINE WORD [NOT]: WORD ("": nothing certain) is offered, NOT is
# not.
offers() {
	asked "$1" "$2"
	if { [ -z "$3" ] || grep -qF -- "$3" "$world/asked"; } &&
		! grep -qF -- "${4:-nothing of the sort}" "$world/asked"; then
		ok "$1: $2"
	else
		not_ok "$1: $2"
		note "want $3${4:+, not $4}: $(cat "$world/asked")"
	fi
}

for shell in bash zsh fish; do
	offers $shell "notify-pane $host-dev-o" "$host-dev-one"
	offers $shell "notify-pane $host-dev-t" "$host-dev-two-touch-owned"
	offers $shell "notify-pane -w 3 $host-dev-o" "$host-dev-one"
	offers $shell "notify-pane x,$host-dev-o" "x,$host-dev-one"
	offers $shell "notify-pane @al" '@all' 'two'
	offers $shell "notify-pane @host:${host:0:1}" "@host:$host" 'touch'
	offers $shell "notify-pane -w 3 x,@se" "x,@session:dev" 'touch'
	offers $shell "notify-pane @all,$host-dev-o" "@all,$host-dev-one"
	offers $shell "notify-pane $host-dev-one @al" "" '@all'
	offers $shell "notify-pane --check $host-dev-o" "$host-dev-one"
	offers $shell "notify-pane $host-dev-one ${host:0:1}" "" "two"
	offers $shell "notify-pane -f a" 'file'
	offers $shell "notify-pane --addr" '--addresses'
	offers $shell "agent-sync " 'status' 'box'
	offers $shell "agent-sync peer l" 'leave' 'status'
	offers $shell "agent-sync peer rm b" 'box' 'touch'
	offers $shell "agent-sync peer add fa" 'far'
	offers $shell "agent-link h" 'hub'
	offers $shell "agent-doctor --j" '--json'
	offers $shell "agent-self-identify --sc" '--scope'
	offers $shell "agent-status wh" 'whois'
	offers $shell "agent-status whois $host-dev-o" "$host-dev-one"
	# Every option of every program.
	missing=
	for program in notify-pane agent-discover agent-doctor agent-feed agent-inbox agent-link \
		agent-register-hook agent-self-identify agent-serve agent-status agent-sync; do
		asked $shell "$program --"
		for option in $("$program" --help |
			sed -nE 's/^  -., (--[a-z-]+).*/\1/p'); do
			grep -qF -- "$option" "$world/asked" ||
				missing="$missing $program$option"
		done
	done
	is "$missing" "" "$shell: every option of --help"
done
for shell in bash zsh fish; do
	PATH=${PATH/$BUILD:/} asked $shell "notify-pane "
	check "$shell: no complaint without the programs" \
		sh -c '! grep -qiE "error|not found|unknown command" "$0"' "$world/asked"
done
check "nothing of a role, a window's name or peers.conf was run" \
	sh -c '! find "$0" -name "owned*" | grep .' "$world"
make -s -C "$here/../.." BUILD="$BUILD" DESTDIR="$world/dest" PREFIX=/usr uninstall \
	>"$world/install.out" 2>&1
is "$(find "$share" -name '*panemesh*' -o -name 'agent-*' -o -name 'notify-pane*')" "" \
	"uninstall takes them away"
