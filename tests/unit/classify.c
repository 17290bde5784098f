#include "unit.h"

#include "classify.h"
#include "mem.h"

/* A pane as the tests describe it; the rest is that of an ordinary one. */
struct pane {
	const char *program; /* comm and command line alike */
	const char *screen;
	unsigned x, y;
	unsigned cols, rows; /* 0: 60 x 12 */
	const char *title;
	bool cooked, echo, hidden, alternate, no_tty;
	bool agent_seen, running;
	enum ps_reading reading;
	const char *profile;
	unsigned history;
};

static struct profile_set set;
static struct pane_facts facts;
static struct screen screen;
static struct readiness r;

static void
forget(void)
{
	classify_free(&r);
	screen_free(&screen);
	pane_facts_free(&facts);
	memset(&facts, 0, sizeof(facts));
}

static void
set_facts(const struct pane *p)
{
	forget();
	facts.width = p->cols == 0 ? 60 : p->cols;
	facts.height = p->rows == 0 ? 12 : p->rows;
	facts.cursor_x = p->x;
	facts.cursor_y = p->y;
	facts.cursor_shown = !p->hidden;
	facts.alternate = p->alternate;
	facts.agent_seen = p->agent_seen;
	facts.reading = p->reading;
	facts.history = p->history;
	facts.modes_tty =
	    (struct tty_modes){ !p->no_tty, p->cooked, p->echo, true };
	(void)snprintf(facts.title, sizeof(facts.title), "%s",
	    p->title == NULL ? "" : p->title);
	(void)snprintf(facts.profile, sizeof(facts.profile), "%s",
	    p->profile == NULL ? "" : p->profile);
	(void)snprintf(facts.command, sizeof(facts.command), "%s", p->program);
	facts.foreground.v = x_calloc(1, sizeof(struct ps));
	facts.foreground.n = 1;
	(void)snprintf(
	    facts.foreground.v[0].comm, PS_COMM_MAX, "%s", p->program);
	facts.foreground.v[0].state = p->running ? 'R' : 'S';
	argv_add(&facts.lines, p->program);
}

static void
judge(void)
{
	classify_free(&r);
	assert_int_equal(classify(&facts, &screen, &set, &r), 0);
	assert_true(r.reason[0] != '\0');
}

static enum classify_state
look(const struct pane *p)
{
	struct err e;

	set_facts(p);
	assert_int_equal(screen_parse(&screen, p->screen, strlen(p->screen),
			     facts.width, facts.height, &e),
	    0);
	judge();
	return r.state;
}

#define LOOK(...) look(&(struct pane){ __VA_ARGS__ })
#define assert_state(state, ...)                                             \
	do {                                                                 \
		enum classify_state got = LOOK(__VA_ARGS__);                 \
		if (got != (state))                                          \
			fail_msg("%s, not %s: %s", classify_state_name(got), \
			    classify_state_name(state), r.reason);           \
	} while (0)

#define NBSP "\xc2\xa0"
#define RULE "────────────────────────────────────────────────────────────\n"
#define BLOCK "\033[7m \033[0m"
#define CLAUDE(row)                        \
	"said before\n" RULE row "\n" RULE \
	"  \033[38;5;246m? for shortcuts\033[0m\n"
#define CLAUDE_AT .program = "claude", .title = "✳ x", .hidden = true, .y = 2

static void
pane_facts_come_first(void **state)
{
	(void)state;
	assert_state(
	    CLASSIFY_IDLE, CLAUDE_AT, .x = 2, .screen = CLAUDE("❯" NBSP BLOCK));
	facts.dead = true;
	judge();
	assert_int_equal(r.state, CLASSIFY_DEAD);
	facts.dead = false;
	facts.modes = 2;
	judge();
	assert_int_equal(r.state, CLASSIFY_COPY_MODE);
	facts.modes = 0;
	facts.input_off = true;
	judge();
	assert_int_equal(r.state, CLASSIFY_MODAL);
	facts.input_off = false;
	facts.synchronized = true;
	judge();
	assert_int_equal(r.state, CLASSIFY_MODAL);
	assert_int_equal(r.way, CLASSIFY_WAY_NONE);
	facts.synchronized = false;
	facts.cursor_y = 99;
	judge();
	assert_int_equal(r.state, CLASSIFY_UNKNOWN);
	facts.cursor_y = 2;
	facts.width = 99;
	judge();
	assert_int_equal(r.state, CLASSIFY_UNKNOWN);
}

static void
no_echo_is_a_password(void **state)
{
	(void)state;
	assert_state(CLASSIFY_PASSWORD, .program = "bash", .cooked = true,
	    .x = 10, .screen = "Password: ");
	assert_state(CLASSIFY_PASSWORD, .program = "ssh", .cooked = true,
	    .x = 10, .screen = "Password: ");
	assert_state(
	    CLASSIFY_PASSWORD, .program = "frob", .cooked = true, .screen = "");
	/* Without the terminal's modes the words must do. */
	assert_state(CLASSIFY_PASSWORD, .program = "bash", .no_tty = true,
	    .x = 28, .screen = "[sudo] password for nobody: ");
}

static void
claude_box(void **state)
{
	(void)state;
	assert_state(
	    CLASSIFY_IDLE, CLAUDE_AT, .x = 2, .screen = CLAUDE("❯" NBSP BLOCK));
	assert_int_equal(r.way, CLASSIFY_WAY_COMPOSE);
	assert_true(r.composer_empty);
	assert_string_equal(r.profile->name, "claude");
	assert_string_equal(r.guard, "^❯[ " NBSP "]*$");
	assert_int_equal(r.guard_row, 2);
	assert_true(r.evidence.n > 0);
	assert_state(CLASSIFY_TYPED, CLAUDE_AT, .x = 5,
	    .screen = CLAUDE("❯" NBSP "fix" BLOCK));
	/* A lone blank shows only in the cursor's column. */
	assert_state(CLASSIFY_TYPED, CLAUDE_AT, .x = 3,
	    .screen = CLAUDE("❯" NBSP " " BLOCK));
	/* The cursor moved home. */
	assert_state(CLASSIFY_TYPED, CLAUDE_AT, .x = 2,
	    .screen = CLAUDE("❯" NBSP "\033[7mh\033[0mello"));
	assert_state(CLASSIFY_TYPED, CLAUDE_AT, .x = 2,
	    .screen = CLAUDE("❯" NBSP "\033[7mh\033[0m"));
	/* Ghost text, its first cell under the cursor. */
	assert_state(CLASSIFY_IDLE, CLAUDE_AT, .x = 2,
	    .screen = CLAUDE("❯" NBSP "\033[7mP\033[0;2mress up\033[0m"));
	/* A glyph for shell mode, memory or another frame. */
	assert_state(
	    CLASSIFY_MODAL, CLAUDE_AT, .x = 2, .screen = CLAUDE("! " BLOCK));
	assert_state(
	    CLASSIFY_UNKNOWN, CLAUDE_AT, .x = 2, .screen = CLAUDE("? " BLOCK));
	assert_state(CLASSIFY_UNKNOWN, CLAUDE_AT, .x = 2,
	    .screen = "said\n\n❯" NBSP BLOCK "\n\nx");
	/* Below the top of a screen too short for the frame. */
	assert_state(CLASSIFY_UNKNOWN, .program = "claude", .x = 2, .y = 0,
	    .rows = 2, .screen = "❯" NBSP BLOCK "\n" RULE);
}

static void
claude_busy_and_dialogs(void **state)
{
	(void)state;
	assert_state(CLASSIFY_BUSY, .program = "claude", .x = 2, .y = 2,
	    .title = "\xe2\xa0\x90 x", .screen = CLAUDE("❯" NBSP BLOCK));
	assert_true(r.composer_empty);
	assert_int_equal(r.way, CLASSIFY_WAY_COMPOSE);
	/* A person's text outranks work: it would be sent with ours. */
	assert_state(CLASSIFY_TYPED, .program = "claude", .x = 4, .y = 2,
	    .title = "\xe2\xa0\x90 x", .screen = CLAUDE("❯" NBSP "hi"));
	assert_state(CLASSIFY_BUSY, .program = "claude", .x = 2, .y = 2,
	    .screen =
		"x\n" RULE "❯" NBSP BLOCK "\n" RULE "  esc to interrupt\n");
	assert_state(CLASSIFY_MODAL, .program = "claude", .x = 1, .y = 3,
	    .title = "✳ x",
	    .screen = RULE " Do you want to proceed?\n\n ❯ 1. Yes\n   2. No\n"
			   "\n Esc to cancel\n");
	/* Words that scrolled by decide nothing. */
	assert_state(CLASSIFY_IDLE, .program = "claude", .x = 2, .y = 11,
	    .rows = 14, .title = "✳ x",
	    .screen = " ❯ 1. Yes\n Esc to cancel\n\n\n\n\n\n\n\n\n" RULE
		      "❯" NBSP BLOCK "\n" RULE);
}

static void
guard_needs_to_be_first(void **state)
{
	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "claude", .x = 2, .y = 3,
	    .title = "✳ x", .screen = "❯\nx\n" RULE "❯" NBSP BLOCK "\n" RULE);
	assert_string_equal(r.guard, "");
	assert_state(CLASSIFY_IDLE, .program = "claude", .x = 2, .y = 3,
	    .title = "✳ x",
	    .screen = "❯ said\nx\n" RULE "❯" NBSP BLOCK "\n" RULE);
	assert_int_equal(r.guard_row, 3);
	assert_true(r.guard[0] == '^');
	/* With text in it, for Enter: no other row begins as it does. */
	assert_state(CLASSIFY_TYPED, .program = "claude", .x = 3, .y = 3,
	    .title = "✳ x",
	    .screen = "❯ said\nx\n" RULE "❯" NBSP "a" BLOCK "\n" RULE);
	assert_string_equal(r.guard, "");
	assert_state(CLASSIFY_TYPED, .program = "qwen", .x = 0, .y = 6,
	    .hidden = true,
	    .screen =
		"  > said\n\n" RULE "> [from" BLOCK "\n  more\n" RULE "  ?\n");
	assert_string_equal(r.guard, "^>");
	assert_int_equal(r.guard_row, 3);
}

/* Prompts that end in no sign are known by the commands after them above. */
static void
unmarked_prompts(void **state)
{
	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 5, .y = 4,
	    .screen = "foo: ls\nx\nfoo: pwd\ny\nfoo: ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 7, .y = 4,
	    .screen = "foo: ls\nx\nfoo: pwd\ny\nfoo: ec");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 9, .y = 4,
	    .screen = "foo: git log\nx\nfoo: ls\ny\nfoo: git ");
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 5, .y = 4,
	    .screen = "/tmp ls\nx\n/tmp pwd\ny\n/tmp ");
	/* Seen once, with one command, or what may be the command's start. */
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 5, .y = 2,
	    .screen = "foo: ls\nx\nfoo: ");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 5, .y = 2,
	    .screen = "foo: ls\nfoo: ls\nfoo: ");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 9, .y = 4,
	    .screen = "foo: git log\nx\nfoo: git add\ny\nfoo: git ");
	/* One that its shell draws anew in grey once a command is entered. */
	assert_state(CLASSIFY_IDLE, .program = "zsh", .x = 2, .y = 3,
	    .screen = "\033[90m❯\033[0m ls\nx\n~\n\033[32m❯\033[0m ");
	/* A question, asked again and again by a command. */
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 6, .y = 3,
	    .screen = "root@h:/# ./ask\nName: al\nName: bo\nName: ");
}

/* A line that wrapped, at a letter or at a blank. */
static void
wrapped_lines(void **state)
{
	(void)state;
	assert_state(CLASSIFY_TYPED, .program = "dash", .cols = 20, .x = 4,
	    .y = 3, .cooked = true, .echo = true, .reading = PS_READING_YES,
	    .screen = "$ ls\nx\n$ echo one two three\nfour");
	assert_true(r.show_ok);
	assert_int_equal(r.prompt_rows, 1);
	assert_state(CLASSIFY_TYPED, .program = "dash", .cols = 20, .x = 4,
	    .y = 3, .cooked = true, .echo = true, .reading = PS_READING_YES,
	    .screen = "$ ls\nx\n$ echo one two thre \nfour");
	/* Output of that width, and a question. */
	assert_state(CLASSIFY_MODAL, .program = "dash", .cols = 20, .x = 4,
	    .y = 3, .cooked = true, .echo = true, .reading = PS_READING_YES,
	    .screen = "$ ls\nx\nname one two three so\nfour");
}

/* "node", and nothing says what it runs. */
static void
veiled(void **state)
{
	static const char box[] =
	    RULE " > Type your message or @path/to/file\n" RULE;
	static const char screen_of_codex[] =
	    "said\n\n› \033[2mAsk Codex to do anything\033[0m\n\n"
	    "  mock-1 default · /home/u\n";

	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "node", .x = 3, .y = 1,
	    .title = "◇  Ready (x)", .hidden = true, .screen = box);
	assert_string_equal(r.profile->name, "gemini");
	/* The title may be an older program's: this may be node's REPL. */
	assert_state(CLASSIFY_UNKNOWN, .program = "node", .x = 3, .y = 1,
	    .title = "◇  Ready (x)", .screen = box);
	assert_string_equal(r.profile->name, "node");
	assert_state(CLASSIFY_UNKNOWN, .program = "node", .x = 3, .y = 1,
	    .title = "x", .hidden = true, .screen = box);
	assert_state(CLASSIFY_BUSY, .program = "node", .x = 2, .y = 2,
	    .alternate = true, .title = "\xe2\xa0\xa6 proj",
	    .screen = screen_of_codex);
	assert_string_equal(r.profile->name, "codex");
	/* At node's own prompt it is node, whatever was said above. */
	assert_state(CLASSIFY_IDLE, .program = "node", .x = 2, .y = 5,
	    .title = "proj",
	    .screen = "› Ask Codex to do anything\n\n  mock-1\n\n> 1\n> ");
	assert_string_equal(r.profile->name, "node");
	assert_state(CLASSIFY_IDLE, .program = "python3", .x = 2, .y = 3,
	    .screen = "Aider v0.86.1\nMain model: x\n\n> ");
	assert_string_equal(r.profile->name, "aider");
	assert_state(CLASSIFY_IDLE, .program = "python3", .x = 4, .y = 3,
	    .screen = "Aider v0.86.1\nMain model: x\n\n>>> ");
	assert_string_equal(r.profile->name, "python");
	assert_state(CLASSIFY_IDLE, .program = "node", .x = 2, .y = 3,
	    .screen = "Aider v0.86.1\nMain model: x\n\n> ");
	assert_string_equal(r.profile->name, "node");
	assert_state(CLASSIFY_MODAL, .program = "htop", .x = 2, .y = 2,
	    .alternate = true, .title = "proj", .screen = screen_of_codex);
}

#define CODEX_AT .program = "codex", .alternate = true, .title = "proj"
#define CODEX_FOOT "\n\n  mock-1 default · /home/u\n  ? for shortcuts\n"

static void
codex_box(void **state)
{
	(void)state;
	assert_state(CLASSIFY_IDLE, CODEX_AT, .x = 2, .y = 2,
	    .screen = "› old\n\n\033[1m›\033[0m \033[2mAsk Codex to do "
		      "anything\033[0m" CODEX_FOOT);
	/* Only its title tells that it streams. Older ones set none; one that
	 * has set none yet is not up, and takes Enter half a minute later. */
	facts.untitled = true;
	judge();
	assert_int_equal(r.state, CLASSIFY_UNKNOWN);
	facts.alternate = false;
	judge();
	assert_int_equal(r.state, CLASSIFY_UNKNOWN);
	assert_state(CLASSIFY_TYPED, CODEX_AT, .x = 4, .y = 3,
	    .screen = "x\n\n› one\n  two" CODEX_FOOT);
	assert_int_equal(r.composer.first, 2);
	assert_int_equal(r.composer.last, 3);
	assert_state(CLASSIFY_BUSY, .program = "codex", .x = 2, .y = 2,
	    .title = "\xe2\xa0\xa6 proj",
	    .screen =
		"x\n\n› \033[2mAsk Codex to do anything\033[0m" CODEX_FOOT);
	assert_true(r.profile->enter_interrupts);
	assert_int_equal(r.profile->busy, PROFILE_BUSY_TAKES);
	assert_state(CLASSIFY_MODAL, CODEX_AT, .x = 60, .y = 4, .hidden = true,
	    .screen = "Would you like to run it?\n\n› 1. Yes, proceed (y)\n"
		      "  2. No\n");
	/* Its letters would answer: the title alone is enough. */
	assert_state(CLASSIFY_MODAL, .program = "codex", .x = 2, .y = 2,
	    .title = "[ ! ] Action Required | x",
	    .screen = "x\n\n› " CODEX_FOOT);
	assert_state(CLASSIFY_MODAL, CODEX_AT, .x = 2, .y = 2,
	    .screen = "x\n\n! " CODEX_FOOT);
}

static void
other_agents(void **state)
{
	(void)state;
	/* gemini: half blocks, a placeholder in grey or without colours. */
	assert_state(CLASSIFY_IDLE, .program = "gemini", .x = 3, .y = 1,
	    .title = "◇  Ready",
	    .screen = "▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄\n"
		      " > " BLOCK "\033[38;2;175;175;175m Type your message or "
		      "@path/to/file\033[0m\n"
		      "▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀\n");
	assert_state(CLASSIFY_IDLE, .program = "gemini", .x = 3, .y = 1,
	    .screen = "▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄\n"
		      " > " BLOCK " Type your message or @path/to/file\n"
		      "▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀\n");
	/* A box with edges at its sides. */
	assert_state(CLASSIFY_IDLE, .program = "gemini", .x = 4, .y = 1,
	    .cols = 40,
	    .screen = "╭──────────────────────────────────────╮\n"
		      "│ > " BLOCK "                                  │\n"
		      "╰──────────────────────────────────────╯\n");
	/* Older versions draw the cursor and leave the real one below. */
	assert_state(CLASSIFY_IDLE, .program = "gemini", .x = 0, .y = 4,
	    .cols = 40, .hidden = true,
	    .screen = "╭──────────────────────────────────────╮\n"
		      "│ > " BLOCK "                                  │\n"
		      "╰──────────────────────────────────────╯\n");
	assert_state(CLASSIFY_TYPED, .program = "gemini", .x = 0, .y = 4,
	    .cols = 40, .hidden = true,
	    .screen = "╭──────────────────────────────────────╮\n"
		      "│ > hi" BLOCK "                                │\n"
		      "╰──────────────────────────────────────╯\n");
	/* A cursor that shows is the cursor. */
	assert_state(CLASSIFY_UNKNOWN, .program = "gemini", .x = 0, .y = 4,
	    .cols = 40,
	    .screen = "╭──────────────────────────────────────╮\n"
		      "│ > " BLOCK "                                  │\n"
		      "╰──────────────────────────────────────╯\n");
	assert_state(CLASSIFY_IDLE, .program = "copilot", .x = 0, .y = 5,
	    .hidden = true, .screen = "x\n" RULE " > " BLOCK "\n" RULE);
	/* qwen: the terminal's cursor is elsewhere. */
	assert_state(CLASSIFY_IDLE, .program = "qwen", .x = 0, .y = 4,
	    .hidden = true,
	    .screen = RULE "> " BLOCK "\033[38;2;108;112;134m Type your "
			   "message or @path/to/file\033[0m\n" RULE "  ?\n");
	assert_state(CLASSIFY_TYPED, .program = "qwen", .x = 0, .y = 4,
	    .hidden = true,
	    .screen = RULE ">  \033[7m \xe2\x80\x8b\033[0m\n" RULE "  ?\n");
	/* The last frame of one that was killed, and another program below. */
	assert_state(CLASSIFY_UNKNOWN, .program = "node", .title = "Qwen - x",
	    .x = 0, .y = 8, .hidden = true,
	    .screen = RULE "> " BLOCK "\n" RULE "  ?\nKilled\n$ npm create\n"
			   "? Overwrite?\n  yes\n  no\n");
	/* pi: no glyph at all. */
	assert_state(CLASSIFY_IDLE, .program = "pi", .x = 0, .y = 2,
	    .screen = "x\n" RULE BLOCK "\n" RULE "/home\n");
	assert_string_equal(r.guard, "");
	assert_state(CLASSIFY_TYPED, .program = "pi", .x = 1, .y = 2,
	    .screen = "x\n" RULE "@" BLOCK "\n" RULE "/home\n");
	assert_state(CLASSIFY_BUSY, .program = "pi", .x = 0, .y = 4,
	    .screen = "x\n \xe2\xa0\x99 Working...\n\n" RULE BLOCK "\n" RULE);
	/* opencode: a bar with an end below. */
	assert_state(CLASSIFY_IDLE, .program = "opencode", .x = 5, .y = 2,
	    .alternate = true,
	    .screen = "\n  ┃\n  ┃\n  ┃\n  ┃  Build · Mock\n  ╹▀▀▀▀▀▀\n");
	assert_state(CLASSIFY_MODAL, .program = "opencode", .x = 5, .y = 2,
	    .alternate = true,
	    .screen = "\n  ┃\n  ┃\n  ┃\n  ┃  Shell\n  ╹▀▀▀▀▀▀\n");
	assert_state(CLASSIFY_UNKNOWN, .program = "opencode", .x = 5, .y = 2,
	    .alternate = true,
	    .screen = "\n  ┃\n  ┃\n  ┃\n  ┃  Build · Mock\n");
	/* copilot: what completes a command has no colour of its own. */
	assert_state(CLASSIFY_TYPED, .program = "copilot", .x = 3, .y = 2,
	    .alternate = true, .screen = "x\n" RULE "❯ /add-dir\n" RULE);
	assert_state(CLASSIFY_MODAL, .program = "copilot", .x = 2, .y = 2,
	    .alternate = true, .hidden = true,
	    .screen = "x\n" RULE "❯ \n" RULE);
	/* Between its turns with a cooked terminal: starting or ending. */
	assert_state(CLASSIFY_UNKNOWN, CLAUDE_AT, .x = 2, .cooked = true,
	    .echo = true, .screen = CLAUDE("❯" NBSP BLOCK));
}

static void
shells(void **state)
{
	(void)state;
	assert_state(
	    CLASSIFY_IDLE, .program = "bash", .x = 7, .screen = "u@h:~$ ");
	assert_int_equal(r.way, CLASSIFY_WAY_SHOW);
	assert_true(r.show_ok);
	assert_state(
	    CLASSIFY_TYPED, .program = "bash", .x = 9, .screen = "u@h:~$ ls");
	assert_true(r.show_ok);
	assert_state(
	    CLASSIFY_TYPED, .program = "bash", .x = 8, .screen = "u@h:~$  ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 7,
	    .screen = "u@h:~$ git status");
	/* Text that ends like a prompt. */
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 17,
	    .screen = "u@h:~$ echo hi > ");
	/* An empty prompt, if nothing was ever there. */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 0, .screen = "");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 0, .screen = "",
	    .history = 3);
	assert_true(r.show_ok);
	/* vi's command mode, where the prompt says so. */
	assert_state(CLASSIFY_MODAL, .program = "fish", .x = 13,
	    .screen = "[N] u@h ~/a> ");
	assert_state(CLASSIFY_IDLE, .program = "fish", .x = 13,
	    .screen = "[I] u@h ~/a> ");
	assert_true(r.show_ok);
	/* A line that was emptied: vi's keys may be commands now. */
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 7,
	    .screen = "u@h:~$    ");
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 7, .cols = 40,
	    .screen = "u@h:~$    ");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 22,
	    .screen = "(reverse-i-search)`': ");
	/* A right prompt; a completion menu below. */
	assert_state(CLASSIFY_IDLE, .program = "zsh", .x = 9, .cols = 40,
	    .screen = "h proj #                           12:34\n");
	assert_state(CLASSIFY_TYPED, .program = "zsh", .x = 9,
	    .screen = "h proj % \nbin/ lib/\n");
	/* "➜  proj" begins a prompt, it does not end one. */
	assert_state(
	    CLASSIFY_IDLE, .program = "zsh", .x = 10, .screen = "➜  proj ✗ ");
	assert_state(
	    CLASSIFY_IDLE, .program = "zsh", .x = 8, .screen = "➜  proj ");
	assert_state(
	    CLASSIFY_TYPED, .program = "zsh", .x = 11, .screen = "➜  proj ls ");
	assert_state(CLASSIFY_IDLE, .program = "zsh", .x = 19,
	    .screen = "➜  proj git:(main) ");
	assert_state(CLASSIFY_IDLE, .program = "zsh", .x = 21,
	    .screen = "➜  proj git:(main) ✗ ");
	assert_state(CLASSIFY_TYPED, .program = "zsh", .x = 23,
	    .screen = "➜  proj git:(main) ✗ ls");
	/* The corner of a prompt of two rows. */
	assert_state(CLASSIFY_IDLE, .program = "zsh", .x = 3, .y = 1,
	    .cols = 20, .screen = "╭─ ~/proj main\n╰─                ─╯");
	assert_state(CLASSIFY_TYPED, .program = "zsh", .x = 5, .y = 1,
	    .screen = "┌──(u㉿h)-[~]\n└─ ls");
}

/* Where the prompt is not known, what ends like one may be typed. */
static void
prompts_in_doubt(void **state)
{
	(void)state;
	assert_state(
	    CLASSIFY_UNKNOWN, .program = "bash", .x = 5, .screen = "ls > ");
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 5,
	    .screen = "\033[32mls\033[0m > ");
	assert_state(
	    CLASSIFY_IDLE, .program = "bash", .x = 4, .screen = "~ $ ");
	/* The rows above show a shorter prompt. */
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 13, .y = 2,
	    .screen = "~/a: ls\nb\n~/a: cat b > ");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 2, .y = 1,
	    .screen = "$ls\n$ ");
	/* No blank after it, but seen twice. */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 1, .y = 4,
	    .screen = "$ls\na\n$ls\na\n$");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 1, .y = 2,
	    .screen = "$ls\na\n$");
}

/* A job in the background wrote over the prompt. */
static void
overwritten_prompts(void **state)
{
	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 0, .y = 3,
	    .screen = "u@h:~$ make &\n[1] 234\nu@h:~$ make: done\n");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 0, .y = 2,
	    .screen = "[x] hi\nu@h:~$ make: done\n");
	/* Pasted, with a newline at its end. */
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 0, .y = 2,
	    .screen = "[1] 234\nu@h:~$ \033[7mmake\033[0m\n");
}

/* The option stays on a pane whose agent has gone. */
static void
option_outlives(void **state)
{
	static const char screen_of_aider[] = "Aider v0.86.1\n\n> ";

	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "wrapper", .x = 2, .y = 2,
	    .profile = "aider", .screen = screen_of_aider);
	assert_state(CLASSIFY_SHELL_LEFT, .program = "bash", .x = 2, .y = 2,
	    .profile = "aider", .screen = screen_of_aider);
	assert_state(CLASSIFY_SHELL_LEFT, .program = "zsh", .x = 2, .y = 2,
	    .profile = "lines", .screen = screen_of_aider);
	assert_false(r.show_ok);
	assert_state(CLASSIFY_SHELL_LEFT, .program = "dash", .x = 2,
	    .profile = "lines", .cooked = true, .echo = true, .screen = "$ ");
	/* while read -r line; do ...; done */
	assert_state(CLASSIFY_IDLE, .program = "bash", .profile = "lines",
	    .y = 1, .cooked = true, .echo = true, .reading = PS_READING_YES,
	    .screen = "$ while read -r l; do echo; done\n");
	/* a shell that is meant */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 7,
	    .profile = "bash", .screen = "u@h:~$ ");
}

static void
squeezed(void **state)
{
	struct buf out = BUF_INIT;
	/* man, joiner, woman; a letter joined to another one stays */
	static const char text[] = "a \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91"
				   "\xa9" NBSP "b\xe2\x80\x8d"
				   "c";

	(void)state;
	classify_squeeze(text, sizeof(text) - 1, &out);
	assert_string_equal(out.data,
	    "a\xf0\x9f\x91\xa8"
	    "bc");
	buf_free(&out);
}

static void
unfinished_entries(void **state)
{
	(void)state;
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 2, .y = 1,
	    .screen = "u@h:~$ echo \"abc\n> ");
	assert_true(r.unfinished);
	/* Nothing can go on with an entry when nothing was there before. */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 2, .screen = "> ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 2, .screen = "> ",
	    .history = 1);
	assert_state(CLASSIFY_TYPED, .program = "zsh", .x = 8, .y = 1,
	    .screen = "h % echo \"a\ndquote> ");
	/* PS1 is "> ", and the row above is output. */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 2, .y = 2,
	    .screen = "> make\nall done\n> ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 2, .y = 2,
	    .screen = "> echo 'a\n> b\n> ");
	/* What stands above is whole, and the prompt was seen before. */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 2, .y = 4,
	    .screen = "> cat mail\nBob wrote:\n> hi\n> ho\n> ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 2, .y = 2,
	    .screen = "Bob wrote:\n> hi\n> ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 2, .y = 3,
	    .screen = "> ls\na\n> for i in 1; do\n> ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 2, .y = 1,
	    .screen = "~: cat <<E\n> ");
	/* A wrapped first row. */
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 2, .y = 2,
	    .cols = 20, .screen = "u@h:~$ cat > /tmp/lo\nng-name <<EOF\n> ");
	/* The end of a long line looks like a prompt. */
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 6, .y = 1,
	    .cols = 20, .screen = "u@h:~$ cat a b c d e\nfoo > ");
}

static void
prompts_seen_before(void **state)
{
	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 18, .y = 1,
	    .screen = "u@h:~$ printf x\nno newline u@h:~$ ");
	assert_int_equal(r.composer.column, 18);
	/* A short one only right below the command. */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 7, .y = 1,
	    .screen = "# printf x\na > b# ");
	assert_state(CLASSIFY_TYPED, .program = "bash", .x = 7, .y = 2,
	    .screen = "# printf x\ny\na > b# ");
	/* A question of `read -e`, not the prompt that is in use. */
	assert_state(CLASSIFY_UNKNOWN, .program = "fish", .x = 6, .y = 1,
	    .screen = "u@h ~# read x\nread> ");
	/* Another folder, the same shell. */
	assert_state(CLASSIFY_IDLE, .program = "bash", .x = 10, .y = 1,
	    .screen = "u@h:~$ cd /tmp\nu@h:/tmp$ ");
}

static void
cooked_shells(void **state)
{
	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "dash", .x = 2, .cooked = true,
	    .echo = true, .screen = "$ ");
	assert_true(r.show_ok);
	assert_state(CLASSIFY_TYPED, .program = "dash", .x = 4, .cooked = true,
	    .echo = true, .screen = "$ ls");
	assert_state(CLASSIFY_TYPED, .program = "dash", .x = 2, .y = 1,
	    .cooked = true, .echo = true, .screen = "$ echo \"\n> ");
	assert_state(CLASSIFY_BUSY, .program = "dash", .x = 2, .cooked = true,
	    .echo = true, .reading = PS_READING_NO, .screen = "$ ");
	assert_state(CLASSIFY_MODAL, .program = "bash", .x = 6, .cooked = true,
	    .echo = true, .screen = "Name? ");
	assert_false(r.show_ok);
	assert_state(CLASSIFY_BUSY, .program = "bash", .x = 0, .cooked = true,
	    .echo = true, .screen = "");
	assert_state(CLASSIFY_MODAL, .program = "bash", .x = 3, .echo = true,
	    .screen = "...");
}

static void
agents_gone_and_remote(void **state)
{
	(void)state;
	assert_state(CLASSIFY_SHELL_LEFT, .program = "bash", .x = 7,
	    .agent_seen = true, .screen = "u@h:~$ ");
	assert_int_equal(r.way, CLASSIFY_WAY_NONE);
	assert_state(CLASSIFY_IDLE, CLAUDE_AT, .x = 2, .agent_seen = true,
	    .screen = CLAUDE("❯" NBSP BLOCK));
	assert_state(
	    CLASSIFY_REMOTE, .program = "ssh", .x = 7, .screen = "u@h:~$ ");
	assert_state(CLASSIFY_MODAL, .program = "ssh", .cooked = true,
	    .echo = true, .x = 12, .screen = "(yes/no)? > ");
	assert_state(CLASSIFY_REMOTE, .program = "tmux: client", .x = 7,
	    .alternate = true, .screen = "u@h:~$ ");
	assert_state(CLASSIFY_UNKNOWN, .program = "bash", .x = 7,
	    .alternate = true, .screen = "u@h:~$ ");
}

static void
repls(void **state)
{
	(void)state;
	assert_state(
	    CLASSIFY_IDLE, .program = "python3", .x = 4, .screen = ">>> ");
	assert_int_equal(r.way, CLASSIFY_WAY_SHOW);
	assert_state(
	    CLASSIFY_TYPED, .program = "python3", .x = 8, .screen = ">>> a > ");
	assert_state(CLASSIFY_TYPED, .program = "python3", .x = 4, .y = 1,
	    .screen = ">>> def f():\n... ");
	assert_state(
	    CLASSIFY_UNKNOWN, .program = "python3", .x = 6, .screen = "help> ");
	assert_state(CLASSIFY_BUSY, .program = "python3", .x = 0, .y = 1,
	    .cooked = true, .echo = true, .screen = ">>> f()\n");
	assert_state(CLASSIFY_IDLE, .program = "redis-cli", .x = 16,
	    .screen = "127.0.0.1:6399> ");
	assert_state(CLASSIFY_TYPED, .program = "redis-cli", .x = 22,
	    .screen = "127.0.0.1:6399> get > ");
	assert_state(CLASSIFY_IDLE, .program = "ipython", .x = 8,
	    .screen = "\033[32mIn [\033[1m1\033[0;32m]: \033[0m");
	assert_state(CLASSIFY_IDLE, .program = "node", .x = 2, .y = 1,
	    .screen = "undefined\n> ");
	assert_state(CLASSIFY_TYPED, .program = "node", .x = 4, .y = 1,
	    .screen = "> f(x) {\n... ");
	/* The earliest prompt ends before the blanks of what was typed. */
	assert_state(CLASSIFY_UNKNOWN, .program = "irb", .x = 23,
	    .screen = "irb(main):002:0* foo > ");
	/* Numbers count entries: the same once more goes on with one. */
	assert_state(CLASSIFY_UNKNOWN, .program = "erl", .x = 3, .y = 1,
	    .screen = "1> 1+\n1> ");
	assert_state(CLASSIFY_IDLE, .program = "erl", .x = 3, .y = 2,
	    .screen = "1> 1+1.\n2\n2> ");
	assert_state(CLASSIFY_UNKNOWN, .program = "octave", .x = 2, .y = 1,
	    .screen = "octave:1> for i=1:2\n> ");
	/* No prompt at all. */
	assert_state(CLASSIFY_IDLE, .program = "bc", .x = 0, .y = 2,
	    .screen = "3 > 2\n1\n");
	assert_state(CLASSIFY_BUSY, .program = "bc", .x = 0, .y = 1,
	    .running = true, .screen = "f(9)\n");
	assert_state(CLASSIFY_TYPED, .program = "bc", .x = 0, .y = 1,
	    .screen = "define f(x) {\n");
}

/* A reader of lines whose prompt is known, as panemesh-profile(5) has it: it
 * waits at that, and an empty row is one that it has printed. */
static void
lines_with_a_prompt(void **state)
{
	static const char text[] = "kind = \"lines\"\n"
				   "[recognise]\ncommands = [\"go-deploy\"]\n"
				   "[prompt]\nprompts = [\"go> \"]\n";
	struct err e;

	(void)state;
	assert_int_equal(
	    profile_set_add(&set, "go", "go.toml", text, sizeof(text) - 1, &e),
	    0);
	assert_state(CLASSIFY_IDLE, .program = "go-deploy", .cooked = true,
	    .echo = true, .reading = PS_READING_YES, .x = 4, .screen = "go> ");
	assert_int_equal(r.way, CLASSIFY_WAY_LINE);
	assert_state(CLASSIFY_UNKNOWN, .program = "go-deploy", .cooked = true,
	    .echo = true, .y = 1, .screen = "go> up\n");
	assert_state(CLASSIFY_UNKNOWN, .program = "go-deploy", .cooked = true,
	    .echo = true, .reading = PS_READING_YES, .y = 2,
	    .screen = "go> up\nlights on\n");
	assert_state(CLASSIFY_UNKNOWN, .program = "go-deploy", .screen = "");
	assert_state(CLASSIFY_MODAL, .program = "go-deploy", .cooked = true,
	    .echo = true, .x = 6, .screen = "go> up");
}

/* A program nobody knows that edits lines at a prompt seen before. */
static void
unknown_consoles(void **state)
{
	(void)state;
	assert_state(
	    CLASSIFY_UNKNOWN, .program = "foosh", .x = 6, .screen = "foosh$ ");
	assert_state(CLASSIFY_IDLE, .program = "foosh", .x = 7, .y = 2,
	    .screen = "foosh$ ls\na\nfoosh$ ");
	assert_int_equal(r.way, CLASSIFY_WAY_SHOW);
	assert_state(CLASSIFY_TYPED, .program = "foosh", .x = 9, .y = 2,
	    .screen = "foosh$ ls\na\nfoosh$ ls");
	/* The pointer of a menu, one that hides its cursor, a question. */
	assert_state(CLASSIFY_UNKNOWN, .program = "foo", .x = 2, .y = 2,
	    .screen = "> one\n  two\n> ");
	assert_state(CLASSIFY_UNKNOWN, .program = "foosh", .x = 7, .y = 2,
	    .hidden = true, .screen = "foosh$ ls\na\nfoosh$ ");
	assert_state(CLASSIFY_MODAL, .program = "foosh", .x = 7, .y = 2,
	    .cooked = true, .echo = true, .screen = "foosh$ ls\na\nfoosh$ ");
	assert_state(CLASSIFY_UNKNOWN, .program = "foosh", .x = 7, .y = 2,
	    .agent_seen = true, .screen = "foosh$ ls\na\nfoosh$ ");
}

static void
others(void **state)
{
	(void)state;
	assert_state(CLASSIFY_MODAL, .program = "less", .x = 1, .y = 11,
	    .alternate = true, .screen = "a\nb\n:");
	assert_state(CLASSIFY_MODAL, .program = "frob", .alternate = true,
	    .screen = "> ");
	assert_state(
	    CLASSIFY_UNKNOWN, .program = "frob", .x = 2, .screen = "> ");
	assert_state(CLASSIFY_MODAL, .program = "apt", .x = 30, .cooked = true,
	    .echo = true, .screen = "Do you want to continue? [Y/n] ");
	assert_state(CLASSIFY_MODAL, .program = "cat", .cooked = true,
	    .echo = true, .reading = PS_READING_YES, .screen = "");
	assert_state(CLASSIFY_BUSY, .program = "sleep", .cooked = true,
	    .echo = true, .reading = PS_READING_NO, .screen = "");
	assert_state(CLASSIFY_UNKNOWN, .program = "sleep", .cooked = true,
	    .echo = true, .screen = "");
}

static void
chosen_profiles(void **state)
{
	(void)state;
	assert_state(CLASSIFY_IDLE, .program = "cat", .cooked = true,
	    .echo = true, .reading = PS_READING_YES, .profile = "lines",
	    .screen = "");
	assert_int_equal(r.way, CLASSIFY_WAY_LINE);
	assert_state(CLASSIFY_BUSY, .program = "cat", .cooked = true,
	    .echo = true, .reading = PS_READING_NO, .profile = "lines",
	    .screen = "");
	assert_state(CLASSIFY_MODAL, .program = "cat", .cooked = true,
	    .echo = true, .x = 3, .profile = "lines", .screen = "abc");
	assert_state(CLASSIFY_TYPED, .program = "cat", .cooked = true,
	    .echo = true, .x = 0, .profile = "lines", .screen = "abc");
	assert_state(CLASSIFY_PASSWORD, .program = "cat", .cooked = true,
	    .profile = "lines", .screen = "");
	assert_state(CLASSIFY_UNKNOWN, .program = "cat", .cooked = true,
	    .echo = true, .profile = "nosuch", .screen = "");
	assert_true(strstr(r.reason, "nosuch") != NULL);
	assert_state(CLASSIFY_IDLE, .program = "frob", .profile = "claude",
	    .x = 2, .y = 2, .screen = CLAUDE("❯" NBSP BLOCK));
}

static void
assert_holds(enum classify_holds want, const char *text, const char *body)
{
	struct buf b = BUF_INIT;

	classify_composer_text(&screen, &r, &b);
	assert_string_equal(b.data, text);
	assert_int_equal(
	    classify_composer_holds(&screen, &r, body, strlen(body)), want);
	buf_free(&b);
}

#define GEMINI(row)                                           \
	"▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄▄\n" row "\n" \
	"▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀\n"
#define GEMINI_AT .program = "gemini", .title = "◇  Ready", .y = 1

/* Solarized Dark draws typed text in #839496, as grey as any placeholder. */
#define SOLARIZED "\033[38;2;131;148;150m"

static void
grey_text_that_is_ours(void **state)
{
	(void)state;
	LOOK(GEMINI_AT, .x = 15,
	    .screen = GEMINI(" > " SOLARIZED "[from a@b] x" BLOCK));
	assert_holds(CLASSIFY_HOLDS_EXACT, "", "[from a@b] x");
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "[from a@b] xy");
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "[from a@b]");
	/* A part of it stands out. */
	LOOK(GEMINI_AT, .x = 15,
	    .screen = GEMINI(
		" > " SOLARIZED "[from \033[35ma@b" SOLARIZED "] x" BLOCK));
	assert_holds(CLASSIFY_HOLDS_EXACT, "[from a@b", "[from a@b] x");
	LOOK(GEMINI_AT, .x = 26,
	    .screen = GEMINI(" > " SOLARIZED "[Pasted Text: 12 lines]" BLOCK));
	assert_holds(CLASSIFY_HOLDS_COLLAPSED, "",
	    "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12");
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "1\n2\n3");
	/* A suggestion behind it is not. */
	LOOK(GEMINI_AT, .x = 8,
	    .screen = GEMINI(" > hello" SOLARIZED " you" BLOCK));
	assert_holds(CLASSIFY_HOLDS_EXACT, "hello", "hello");
	assert_holds(CLASSIFY_HOLDS_EXACT, "hello", "hello you");
	/* The empty composer's placeholder. */
	LOOK(GEMINI_AT, .x = 3,
	    .screen = GEMINI(" > " BLOCK SOLARIZED
			     " Type your message or @path/to/file\033[0m"));
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "[from a@b] x");
}

/* The program thought less of a character's width than the terminal. */
static void
rows_that_the_terminal_wrapped(void **state)
{
	static const char *const body = "[from a@b] one two three";

	(void)state;
	LOOK(.program = "claude", .title = "✳ x", .x = 3, .y = 3,
	    .screen = CLAUDE("❯" NBSP "[from a@b] one tw\no\n  three"));
	assert_holds(CLASSIFY_HOLDS_EXACT, "[from a@b] one tw\no\nthree", body);
	LOOK(.program = "claude", .title = "✳ x", .x = 3, .y = 3,
	    .screen = CLAUDE("❯" NBSP "[from a@b] one tw\nox\n  three"));
	assert_holds(
	    CLASSIFY_HOLDS_OTHER, "[from a@b] one tw\nox\nthree", body);
	/* Not assigned: tmux since 3.5 shows it, older ones do not. */
	LOOK(CLAUDE_AT, .x = 15,
	    .screen = CLAUDE("❯" NBSP "[from a@b] \u0378x"));
	assert_holds(CLASSIFY_HOLDS_EXACT, "[from a@b] \u0378x",
	    "[from a@b] \U0009d517x");
	LOOK(CLAUDE_AT, .x = 14, .screen = CLAUDE("❯" NBSP "[from a@b] x"));
	assert_holds(
	    CLASSIFY_HOLDS_EXACT, "[from a@b] x", "[from a@b] \U0009d517x");
}

/* Fields of dialogs that look like the composer. */
static void
fields_that_look_alike(void **state)
{
#define CODEX_FIELD .program = "codex", .x = 2, .y = 1, .title = "proj"
#define FORM_RULE "─────────────────────────────────────────────────────────── "

	(void)state;
	assert_state(CLASSIFY_IDLE, CODEX_FIELD,
	    .screen = "\n› \033[2mAsk Codex to do anything\033[0m\n\n  mock");
	assert_state(CLASSIFY_IDLE, CODEX_FIELD,
	    .screen = "\n› \033[2mSummarize recent commits\033[0m\n\n  mock");
	assert_state(CLASSIFY_UNKNOWN, CODEX_FIELD,
	    .screen = "\n› \033[2mAsk a follow-up question\033[0m\n\n  mock");
	assert_state(CLASSIFY_MODAL, CODEX_FIELD,
	    .screen = "  Custom review instructions\n"
		      "› \033[2mType instructions and press Enter\033[0m\n\n"
		      "  enter submit · esc back");
	/* A title that the shell has set tells nothing of its work. */
	assert_state(CLASSIFY_UNKNOWN, .program = "codex", .x = 2, .y = 1,
	    .title = "codex ~/proj",
	    .screen = "\n› \033[2mAsk Codex to do anything\033[0m\n\n  mock");
	assert_state(CLASSIFY_UNKNOWN, .program = "codex", .x = 2, .y = 1,
	    .title = "me@box: ~/proj",
	    .screen = "\n› \033[2mAsk Codex to do anything\033[0m\n\n  mock");
	/* A field within a frame, which goes on below. */
	assert_state(CLASSIFY_MODAL, .program = "copilot", .x = 3, .y = 4,
	    .alternate = true,
	    .screen = RULE " Copilot needs information.\n Your name\n"
			   " " FORM_RULE "\n ❯ \n " FORM_RULE "\n"
			   " enter accept · ctrl+d decline\n" RULE);
	assert_state(CLASSIFY_UNKNOWN, .program = "copilot", .x = 3, .y = 4,
	    .alternate = true,
	    .screen = RULE " It needs something.\n Your name\n"
			   " " FORM_RULE "\n ❯ \n " FORM_RULE "\n"
			   " enter to go on\n" RULE);
	/* Another picture of the composer's lower edge, left over. */
	assert_state(CLASSIFY_IDLE, .program = "copilot", .x = 2, .y = 2,
	    .alternate = true,
	    .screen = "\n" RULE "❯ \n" RULE " a · b\n" RULE " a · b\n");
	assert_state(CLASSIFY_BUSY, .program = "copilot", .x = 2, .y = 2,
	    .alternate = true,
	    .screen = "\n" RULE "❯ \n" RULE
		      " Plan · ● Working · 466 B esc again to interrupt\n");
	/* Claude's list of agents: what is typed there makes a new one. */
	assert_state(CLASSIFY_MODAL, .program = "claude", .x = 2, .y = 2,
	    .title = "1 awaiting input · claude agents", .hidden = true,
	    .screen = "∙ bg stopped\n" RULE
		      "❯ \033[38;5;246mdescribe a task\033[0m\n" RULE);
	assert_state(CLASSIFY_BUSY, CLAUDE_AT, .x = 2,
	    .screen = "* Precipitating… (2s · thinking)\n" RULE "❯" NBSP BLOCK
		      "\n" RULE "  ⏸ manual mode on\n");
	/* An empty command line below zsh's select. */
	assert_state(CLASSIFY_TYPED, .program = "zsh", .x = 3, .y = 3,
	    .screen = "vm# select x in a b; do echo; done\n1) a  2) b\n\n?# ");
}

/* A draft with the cursor at its start, in a theme like that. */
static void
grey_text_that_may_be_typed(void **state)
{
	(void)state;
	assert_state(CLASSIFY_UNKNOWN, GEMINI_AT, .x = 3,
	    .screen = GEMINI(" > " SOLARIZED "a draft of mine\033[0m"));
	assert_state(CLASSIFY_UNKNOWN, GEMINI_AT, .x = 3,
	    .screen = GEMINI(" > \033[7mo\033[0m" SOLARIZED "ne draft\033[0m"));
	assert_state(CLASSIFY_UNKNOWN, GEMINI_AT, .x = 3,
	    .screen = GEMINI(" > " SOLARIZED "Type\033[0m"));
	assert_state(CLASSIFY_IDLE, GEMINI_AT, .x = 3,
	    .screen = GEMINI(
		" > " SOLARIZED "Type your message or @path/to/file\033[0m"));
	/* In a narrow pane. */
	assert_state(CLASSIFY_IDLE, GEMINI_AT, .x = 3,
	    .screen = GEMINI(" > " SOLARIZED "Type your message or\n"
			     "   @path/to/file\033[0m"));
	/* Dim is no colour of a theme. */
	assert_state(CLASSIFY_IDLE, GEMINI_AT, .x = 3,
	    .screen = GEMINI(" > \033[2mnext: run the tests\033[0m"));
	/* qwen shows ever new suggestions. */
	assert_state(CLASSIFY_IDLE, .program = "qwen", .x = 0, .y = 4,
	    .hidden = true,
	    .screen = RULE "> " BLOCK "\033[38;2;108;112;134m run the tests"
			   "\033[0m\n" RULE "  ?\n");
	/* As later ones do, where the cursor is the terminal's. */
	assert_state(CLASSIFY_IDLE, .program = "qwen", .x = 2, .y = 1,
	    .screen =
		RULE "> \033[4;39mO\033[0m\033[38;2;108;112;134mK, got it."
		     "\033[0m\n" RULE "  ?\n");
	assert_state(CLASSIFY_IDLE, .program = "qwen", .x = 2, .y = 1,
	    .screen =
		RULE "> \033[4;39mI\033[0m\033[38;2;108;112;134m want tests"
		     "\033[0m\n" RULE "  ?\n");
	assert_state(CLASSIFY_TYPED, .program = "qwen", .x = 2, .y = 1,
	    .screen = RULE "> \033[4;39mI\033[0m want tests\n" RULE "  ?\n");
	assert_state(CLASSIFY_TYPED, .program = "qwen", .x = 2, .y = 1,
	    .screen = RULE "> \033[4;39mO\033[0m\n" RULE "  ?\n");
	assert_state(CLASSIFY_TYPED, .program = "qwen", .x = 2, .y = 1,
	    .screen = RULE "> \033[4;39mO\033[0mK\n" RULE "  ?\n");
	assert_state(CLASSIFY_TYPED, .program = "qwen", .x = 3, .y = 1,
	    .screen =
		RULE "> O\033[4;38;2;108;112;134mK\033[0m\n" RULE "  ?\n");
}

static void
what_the_composer_shows(void **state)
{
	(void)state;
	LOOK(CLAUDE_AT, .x = 2, .screen = CLAUDE("❯" NBSP BLOCK));
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "hello");
	/* A suggestion with its first letter under the cursor. */
	LOOK(CLAUDE_AT, .x = 2,
	    .screen = CLAUDE("❯" NBSP "\033[7mh\033[0m\033[2mi there\033[0m"));
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "hello");
	assert_holds(CLASSIFY_HOLDS_EXACT, "", "hi there");
	LOOK(.program = "qwen", .x = 2, .y = 1,
	    .screen =
		RULE "> \033[4;39mO\033[0m\033[38;2;108;112;134mK, got it."
		     "\033[0m\n" RULE "  ?\n");
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "hello");
	LOOK(.program = "qwen", .x = 2, .y = 1,
	    .screen = RULE "> \033[4;39mO\033[0mK\n" RULE "  ?\n");
	assert_holds(CLASSIFY_HOLDS_FOREIGN, "OK", "hello");
	LOOK(CLAUDE_AT, .x = 7, .screen = CLAUDE("❯" NBSP "hello" BLOCK));
	assert_holds(CLASSIFY_HOLDS_EXACT, "hello", "hello");
	assert_holds(CLASSIFY_HOLDS_EXACT, "hello", "hel\n  lo ");
	assert_holds(CLASSIFY_HOLDS_OTHER, "hello", "hell");
	assert_holds(CLASSIFY_HOLDS_OTHER, "hello", "hello you");
	assert_holds(CLASSIFY_HOLDS_OTHER, "hello", "");
	assert_holds(CLASSIFY_HOLDS_OTHER, "hello", "say hello you");
	assert_holds(CLASSIFY_HOLDS_FOREIGN, "hello", "goodbye");
	assert_holds(CLASSIFY_HOLDS_EXACT, "hello", "hel\u0301lo\U0001fae8");
	LOOK(CLAUDE_AT, .x = 5,
	    .screen = CLAUDE("❯" NBSP "one two\n  three four five" BLOCK));
	assert_holds(CLASSIFY_HOLDS_EXACT, "one two\nthree four five",
	    "one two three four five");
	/* Two rows are no box that scrolled: the beginning was lost. */
	assert_holds(CLASSIFY_HOLDS_OTHER, "one two\nthree four five",
	    "zero one two three four five");
	LOOK(CLAUDE_AT, .x = 5,
	    .screen = CLAUDE(
		"❯" NBSP "one two\n  three four five\n  six seven" BLOCK));
	assert_holds(CLASSIFY_HOLDS_PART, "one two\nthree four five\nsix seven",
	    "zero one two three four five six seven");
	assert_holds(CLASSIFY_HOLDS_OTHER,
	    "one two\nthree four five\nsix seven",
	    "one two three four five six seven eight");
	LOOK(CLAUDE_AT, .x = 28,
	    .screen = CLAUDE("❯" NBSP "[Pasted text #1 +29 lines]" BLOCK));
	assert_holds(
	    CLASSIFY_HOLDS_FOREIGN, "[Pasted text #1 +29 lines]", "a\nb\nc");
	LOOK(CLAUDE_AT, .x = 28,
	    .screen = CLAUDE("❯" NBSP "[Pasted text #1 +2 lines]" BLOCK));
	assert_holds(
	    CLASSIFY_HOLDS_COLLAPSED, "[Pasted text #1 +2 lines]", "a\nb\nc");
	LOOK(CLAUDE_AT, .x = 18,
	    .screen = CLAUDE("❯" NBSP "[Pasted text #1]" BLOCK));
	assert_holds(CLASSIFY_HOLDS_COLLAPSED, "[Pasted text #1]", "a b c");
	/* What the program took for a second paste, or for keys. */
	LOOK(CLAUDE_AT, .x = 20,
	    .screen = CLAUDE("❯" NBSP "[Pasted text #1]!c" BLOCK));
	assert_holds(CLASSIFY_HOLDS_FOREIGN, "[Pasted text #1]!c", "a b !c");
	LOOK(CLAUDE_AT, .x = 32,
	    .screen = CLAUDE(
		"❯" NBSP "[Pasted text #1 +1 lines][Pasted text #2]" BLOCK));
	assert_holds(CLASSIFY_HOLDS_FOREIGN,
	    "[Pasted text #1 +1 lines][Pasted text #2]", "a\nb c");
	LOOK(CODEX_AT, .x = 30, .y = 2,
	    .screen = "  said\n\n› [Pasted Content 3 chars]" CODEX_FOOT);
	assert_holds(CLASSIFY_HOLDS_COLLAPSED, "[Pasted Content 3 chars]",
	    "\xe8\xaa\x9e\xf0\x9f\x98\x80x");
	assert_holds(CLASSIFY_HOLDS_FOREIGN, "[Pasted Content 3 chars]", "ab");
	assert_holds(
	    CLASSIFY_HOLDS_FOREIGN, "[Pasted Content 3 chars]", "abcd");
	/* The first row has scrolled away, and its glyph with it. */
	LOOK(CLAUDE_AT, .x = 7,
	    .screen = CLAUDE("  two three\n  four five six\n  seven" BLOCK));
	assert_holds(
	    CLASSIFY_HOLDS_TAIL, "", "one two three four five six seven");
	assert_holds(CLASSIFY_HOLDS_OTHER, "", "one two three four five six");
	assert_holds(CLASSIFY_HOLDS_OTHER, "", "two three four five six seven");
	LOOK(CLAUDE_AT, .x = 7,
	    .screen = CLAUDE("  four five six\n  seven eight nine" BLOCK));
	assert_holds(CLASSIFY_HOLDS_OTHER, "",
	    "one two three four five six seven eight nine");
	LOOK(CODEX_AT, .x = 7, .y = 4,
	    .screen =
		"  said\n\n  two three\n  four five six\n  seven" CODEX_FOOT);
	assert_holds(
	    CLASSIFY_HOLDS_TAIL, "", "one two three four five six seven");
	/* Ghost text is nobody's. */
	LOOK(CODEX_AT, .x = 2, .y = 2,
	    .screen =
		"x\n\n› \033[2mAsk Codex to do anything\033[0m" CODEX_FOOT);
	assert_holds(CLASSIFY_HOLDS_NOTHING, "", "hello");
	LOOK(.program = "frob", .screen = "x");
	assert_holds(CLASSIFY_HOLDS_OTHER, "", "hello");
}

static void
names(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < CLASSIFY_STATES; i++)
		assert_non_null(classify_state_name((enum classify_state)i));
	assert_string_equal(
	    classify_state_name(CLASSIFY_SHELL_LEFT), "shell-left");
	assert_string_equal(classify_way_name(CLASSIFY_WAY_SHOW), "show");
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	return profile_set_load(&set, NULL, &e);
}

static int
teardown(void **state)
{
	(void)state;
	forget();
	profile_set_free(&set);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pane_facts_come_first),
		cmocka_unit_test(no_echo_is_a_password),
		cmocka_unit_test(claude_box),
		cmocka_unit_test(claude_busy_and_dialogs),
		cmocka_unit_test(guard_needs_to_be_first),
		cmocka_unit_test(unmarked_prompts),
		cmocka_unit_test(wrapped_lines),
		cmocka_unit_test(veiled),
		cmocka_unit_test(codex_box),
		cmocka_unit_test(other_agents),
		cmocka_unit_test(shells),
		cmocka_unit_test(prompts_in_doubt),
		cmocka_unit_test(overwritten_prompts),
		cmocka_unit_test(option_outlives),
		cmocka_unit_test(squeezed),
		cmocka_unit_test(unfinished_entries),
		cmocka_unit_test(prompts_seen_before),
		cmocka_unit_test(cooked_shells),
		cmocka_unit_test(agents_gone_and_remote),
		cmocka_unit_test(repls),
		cmocka_unit_test(unknown_consoles),
		cmocka_unit_test(others),
		cmocka_unit_test(chosen_profiles),
		cmocka_unit_test(lines_with_a_prompt),
		cmocka_unit_test(grey_text_that_is_ours),
		cmocka_unit_test(rows_that_the_terminal_wrapped),
		cmocka_unit_test(fields_that_look_alike),
		cmocka_unit_test(grey_text_that_may_be_typed),
		cmocka_unit_test(what_the_composer_shows),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
