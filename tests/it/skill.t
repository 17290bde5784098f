#!/bin/bash
# install.sh --skill: the file that agents read, put there and taken away.
# shellcheck disable=SC2088  # as it is shown
# shellcheck source=tests/it/lib.sh
. "$(dirname "$0")/lib.sh"
plan 13

root=${here%/tests/it}
log=$world/log
skill=$root/skills/panemesh/SKILL.md
unset CLAUDE_CONFIG_DIR CODEX_HOME XDG_CONFIG_HOME
printf '#!/bin/sh\nexit 1\n' >"$world/bin/systemctl"
cp "$world/bin/systemctl" "$world/bin/crontab"
chmod +x "$world/bin"/*
export PATH=$world/bin:$PATH
installs() {
	"$root/install.sh" --build "$BUILD" --no-demo --no-timer --no-packages \
		"$@" >"$log" 2>&1 </dev/null || {
		cat "$log"
		return 1
	}
}
there() {
	cmp "$skill" "$HOME/$1/skills/panemesh/SKILL.md"
}

# What every reader of such files asks for.
is "$(sed -n '1p;2s/:.*//p;3s/:.*//p;4p' "$skill" | tr '\n' ' ')" \
	'--- name description --- ' 'it begins with name and description'
check 'which are of the length that is read' awk \
	'/^description:/ && length > 1024 + 13 { exit 1 }' "$skill"

! installs --skill vi
is "$? $(grep -c "'vi' is none of: claude codex" "$log")" '0 1' \
	'an agent that nobody knows'
is "$(ls -A "$HOME")" '' 'and nothing was done'

check 'said beforehand' installs --skill claude --dry-run
check 'with its path' grep -qF '~/.claude/skills/panemesh/SKILL.md' "$log"
mkdir -p "$HOME/.codex" "$HOME/.claude/skills/mine"
check 'for two' installs --skill opencode --skill all
check 'the one asked for' there .config/opencode
check 'and those that are here' eval 'there .codex && there .claude'
is "$(find "$HOME" -name SKILL.md | grep -c -e gemini -e qwen)" 0 'no others'
rm "$HOME/.codex/skills/panemesh/SKILL.md"
check 'a later run without the option keeps them' installs
check 'and mends them' there .codex
installs --uninstall
is "$(cd "$HOME" && find .codex .claude .config | sort | tr '\n' ' ')" \
	'.claude .claude/skills .claude/skills/mine .codex ' \
	'uninstall leaves what was there before'
