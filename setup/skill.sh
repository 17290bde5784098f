# shellcheck shell=bash disable=SC2034,SC2154
# skill.sh - tell agents how to use panemesh: a file where each looks for it.
#
#   skill_known NAME    is it an agent that we know the folder of, or "all"?
#   step_skill NAME...   also those of an earlier run: they may have changed

# An agent and its own folder, under which skills/ stands.
skill_folders() {
	cat <<-END
		claude ${CLAUDE_CONFIG_DIR:-$HOME/.claude}
		codex ${CODEX_HOME:-$HOME/.codex}
		gemini $HOME/.gemini
		qwen $HOME/.qwen
		opencode ${XDG_CONFIG_HOME:-$HOME/.config}/opencode
		copilot $HOME/.copilot
		pi $HOME/.pi/agent
	END
}

skill_names() { skill_folders | cut -d' ' -f1 | tr '\n' ' '; }

skill_known() {
	[ "$1" = all ] || [[ " $(skill_names)" == *" $1 "* ]]
}

step_skill() {
	local name folder target wanted=" $* " before found=''
	step=skill
	while read -r name folder; do
		target=$folder/skills/panemesh/SKILL.md
		[[ $wanted == *" $name "* ]] || recorded file "$target" ||
			{ [[ $wanted == *" all "* ]] && [ -d "$folder" ]; } || continue
		found=yes
		if [ -n "$plan" ]; then
			say "  what $name should know into $target"
			continue
		fi
		before=$changes
		put "$here/skills/panemesh/SKILL.md" "$target" 644
		[ "$changes" = "$before" ] || say "  $target"
	done < <(skill_folders)
	[ $# = 0 ] || [ -n "$found" ] || [ -n "$plan" ] ||
		say "  no agent's folder is here to tell how to use it; name it" \
			"(--skill claude)"
}
