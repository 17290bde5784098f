#include "unit.h"

#include "buf.h"
#include "profile.h"
#include "str.h"

static struct profile_set set;

static int
add(const char *name, const char *text, struct err *e)
{
	return profile_set_add(&set, name, "x.toml", text, strlen(text), e);
}

static int
setup(void **state)
{
	struct err e;

	(void)state;
	profile_set_free(&set);
	if (profile_set_load(&set, NULL, &e) != 0) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	profile_set_free(&set);
	return 0;
}

/* Who is it? `lines` are command lines; the comm is each one's first word up
 * to a '|', as in "node|node /usr/bin/gemini". */
static const char *
who(const char *title, const char *first, const char *second)
{
	const char *lines[] = { first, second };
	struct profile_clues clues = { .title = title };
	struct ps_list list = { .v = NULL };
	struct argv argv = ARGV_INIT;
	const struct profile *p;
	struct ps ps[2];
	char why[128];
	size_t i, len;

	memset(ps, 0, sizeof(ps));
	for (i = 0; i < 2 && lines[i] != NULL; i++) {
		len = strcspn(lines[i], "|");
		memcpy(ps[i].comm, lines[i], len);
		argv_add(&argv, lines[i] + len + (lines[i][len] == '|'));
		list.n++;
	}
	list.v = ps;
	clues.foreground = &list;
	clues.lines = &argv;
	p = profile_recognise(&set, &clues, why, sizeof(why));
	assert_true((p != NULL) == (why[0] != '\0'));
	argv_free(&argv);
	return p == NULL ? "nobody" : p->name;
}

static const char *
who_by_command(const char *title, const char *command)
{
	struct profile_clues clues = { .title = title, .command = command };
	const struct profile *p = profile_recognise(&set, &clues, NULL, 0);

	return p == NULL ? "nobody" : p->name;
}

static void
shipped_ones_load(void **state)
{
	const struct profile *p;
	const char *names[] = { "claude", "codex", "gemini", "qwen", "opencode",
		"copilot", "pi", "aider", "bash", "zsh", "fish", "dash", "ksh",
		"tcsh", "python", "ipython", "node", "remote", "editor",
		"pager", "fullscreen", "lines", "database", "debugger" };
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(names); i++)
		assert_non_null(profile_find(&set, names[i]));
	assert_null(profile_find(&set, "nosuch"));
	p = profile_find(&set, "claude");
	assert_string_equal(p->label, "Claude Code");
	assert_int_equal(p->kind, PROFILE_AGENT);
	assert_int_equal(p->paste, PROFILE_YES);
	assert_int_equal(p->busy, PROFILE_BUSY_QUEUES);
	assert_true(p->settle_ms >= 400);
	assert_true(strchr(p->command_chars, '!') != NULL);
	assert_string_equal(profile_kind_name(PROFILE_REPL), "repl");
}

static void
by_process(void **state)
{
	(void)state;
	assert_string_equal(who("", "claude|/u/.bin/claude", NULL), "claude");
	assert_string_equal(who("", "bash|-bash", NULL), "bash");
	assert_string_equal(who("", "bash|bash --rcfile /x/rc", NULL), "bash");
	assert_string_equal(
	    who("", "fish|fish", "python3|python3 -B x.py"), "fish");
	assert_string_equal(who("", "sh|sh", NULL), "dash");
	assert_string_equal(
	    who("", "tmux: client|tmux -L x new", NULL), "remote");
	assert_string_equal(who("", "ssh|ssh host", NULL), "remote");
	assert_string_equal(who("", "python3|python3 -q", NULL), "python");
	assert_string_equal(who("", "vim|vim a.c", NULL), "editor");
	assert_string_equal(who("", "frobnicate|frobnicate", NULL), "nobody");
	assert_string_equal(who("", NULL, NULL), "nobody");
}

static void
by_group(void **state)
{
	(void)state;
	assert_string_equal(
	    who("", "node|node /n/.bin/codex", "codex|/n/vendor/codex"),
	    "codex");
	assert_string_equal(
	    who("", "git|git commit -a", "vim|/usr/bin/vim MSG"), "editor");
	/* make's sh is no shell that anybody types into. */
	assert_string_equal(
	    who("", "make|make ask", "sh|/bin/sh -c read x"), "nobody");
	assert_string_equal(who("", "seq|seq 9", "less|less"), "pager");
	/* A picker that a shell's line editor has opened. */
	assert_string_equal(
	    who("", "zsh|-zsh", "fzf|fzf --height 40%"), "fullscreen");
	assert_string_equal(who("", "zsh|-zsh", "worker|worker"), "zsh");
}

static void
by_script(void **state)
{
	(void)state;
	assert_string_equal(
	    who("", "node|node /n/node_modules/.bin/gemini -y", NULL),
	    "gemini");
	assert_string_equal(
	    who("", "node|node --max-old-space-size=4096 /n/.bin/qwen", NULL),
	    "qwen");
	assert_string_equal(
	    who("", "MainThread|/n/@github/copilot-linux-x64/copilot", NULL),
	    "copilot");
	assert_string_equal(
	    who("", "python|/p/python /p/bin/ipython --no-banner", NULL),
	    "ipython");
	assert_string_equal(who("", "python3|python3 -m aider", NULL), "aider");
	assert_string_equal(
	    who("", "node|node /n/@anthropic-ai/claude-code/cli.js", NULL),
	    "claude");
	/* An argument is no script; a script is no REPL, nor a shell. */
	assert_string_equal(
	    who("", "node|node build.js --out claude", NULL), "nobody");
	assert_string_equal(
	    who("", "node|node /home/u/proj-claude/server.js", NULL), "nobody");
	assert_string_equal(who("", "node|node -e 1", NULL), "nobody");
	assert_string_equal(who("", "python3|python3 -c x", NULL), "nobody");
	assert_string_equal(who("", "bash|bash deploy.sh", NULL), "nobody");
	assert_string_equal(who("", "sh|sh -c read", NULL), "nobody");
	assert_string_equal(who("", "bash|bash -o vi", NULL), "bash");
}

static void
by_title(void **state)
{
	(void)state;
	assert_string_equal(
	    who("◇  Ready (x)", "node|node /opt/x.js", NULL), "gemini");
	assert_string_equal(
	    who("✳ task", "node|node /opt/x.js", NULL), "claude");
	assert_string_equal(
	    who("\xe2\xa0\x90 task", "node|node x.js", NULL), "claude");
	/* A title alone is nothing: anybody sets it. */
	assert_string_equal(who("◇  Ready", "frob|frob", NULL), "nobody");
	assert_string_equal(who("◇  Ready", "bash|bash", NULL), "bash");
}

static void
by_command(void **state)
{
	(void)state;
	assert_string_equal(who_by_command("", "zsh"), "zsh");
	assert_string_equal(who_by_command("", "node"), "node");
	assert_string_equal(who_by_command("π - x", "node"), "pi");
	assert_string_equal(who_by_command("", "frob"), "nobody");
	assert_string_equal(who_by_command("", ""), "nobody");
	assert_string_equal(who_by_command(NULL, NULL), "nobody");
}

static void
spinner_patterns(void **state)
{
	struct argv words = ARGV_INIT;

	(void)state;
	assert_true(profile_match("⠿ *", "\xe2\xa0\x8b Working"));
	assert_true(profile_match("⠿*", "\xe2\xa3\xbf"));
	assert_false(profile_match("⠿ *", "x Working"));
	/* The empty braille cell shows nothing. */
	assert_false(profile_match("⠿ *", "\xe2\xa0\x80 x"));
	assert_false(profile_match("⠿ *", ""));
	assert_true(profile_match("a*c", "abc"));
	argv_addl(&words, "x*", "*y", NULL);
	assert_string_equal(profile_match_any(&words, "aay"), "*y");
	assert_null(profile_match_any(&words, "aaz"));
	argv_free(&words);
}

static void
errors_name_file_and_line(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "kind = ", "x.toml:1" },
		{ "label = 'x'\n", "kind: is missing" },
		{ "kind = 'fish'\n",
		    "x.toml:1: kind: must be one of agent, shell" },
		{ "kind = 'shell'\nnosuch = 1\n", "x.toml:2: nosuch: no such" },
		{ "kind = 'shell'\n[composer]\nnosuch = 1\n",
		    "x.toml:3: nosuch: no such" },
		{ "kind = 'shell'\n[nosuch]\n", "nosuch: no such" },
		{ "kind = 'shell'\nlabel = 3\n", "must be a short string" },
		{ "kind = 'shell'\n[recognise]\ncommands = 'x'\n",
		    "x.toml:3: commands: must be a list" },
		{ "kind = 'shell'\n[recognise]\ncommands = [1]\n",
		    "must hold strings only" },
		{ "kind = 'shell'\n[recognise]\ncommands = ['']\n",
		    "empty or too long" },
		{ "kind = 'shell'\n[composer]\nindent = 'x'\n",
		    "must be a number from -1 to 100" },
		{ "kind = 'shell'\n[composer]\nindent = 101\n",
		    "must be a number" },
		{ "kind = 'shell'\n[composer]\nghost = ['pink']\n",
		    "\"dim\" or \"grey\"" },
		{ "kind = 'shell'\n[composer]\nghost = 1\n", "a list" },
		{ "kind = 'shell'\n[composer]\ncursor = 'x'\n",
		    "terminal, drawn" },
		{ "kind = 'shell'\n[prompt]\ncooked = 1\n", "true or false" },
		{ "kind = 'shell'\n[deliver]\npaste = 'maybe'\n",
		    "unknown, no, yes" },
		{ "kind = 'shell'\n[deliver]\npaste_ms = -1\n", "from 0 to" },
		{ "kind = 'agent'\n", "needs a glyph or a rule" },
		{ "kind = 'agent'\n[composer]\nframe = 'bar'\n"
		  "glyphs = ['a', 'b']\n",
		    "a bar is one glyph" },
		{ "kind = 'agent'\n[composer]\nglyphs = ['#']\n", "tmux" },
		{ "kind = 'agent'\n[composer]\nglyphs = ['{']\n", "tmux" },
		{ "kind = 'agent'\n[composer]\nglyphs = ['}']\n", "tmux" },
		{ "kind = 'agent'\n[composer]\nglyphs = [',']\n", "tmux" },
		{ "kind = 'agent'\n[composer]\nglyphs = [\"'\"]\n", "tmux" },
		{ "kind = 'agent'\n[composer]\nglyphs = ['x']\n"
		  "placeholders = ['#(reboot)']\n",
		    "x.toml:4: placeholders" },
	};
	size_t i, n = set.n;
	struct err e;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		assert_int_equal(add("t", bad[i].text, &e), -1);
		assert_err(e, EXIT_LOCAL, bad[i].says);
		assert_err(e, EXIT_LOCAL, "x.toml");
	}
	assert_int_equal(set.n, n);
}

static void
all_keys_are_read(void **state)
{
	const char *text =
	    "label = 'L'\nkind = 'agent'\n[recognise]\ncommands = ['c']\n"
	    "scripts = ['s']\ntitles = ['t']\n[composer]\nframe = 'rule'\n"
	    "glyphs = ['>']\nshell_glyphs = ['!']\nindent = 2\ncolumn = 3\n"
	    "status_rows = 4\ncursor = 'drawn'\nghost = ['grey']\n"
	    "placeholders = ['p']\nsuggestions = true\n"
	    "collapsed = ['[*]']\nidle_words = ['i']\n"
	    "[busy]\ntitles = ['b']\nwords = ['w']\ndoes = 'takes'\n"
	    "enter_interrupts = true\n[modal]\ntitles = ['m']\nwords = ['n']\n"
	    "hidden_cursor = true\n[prompt]\nprompts = ['# ']\nends = ['$']\n"
	    "heads = ['h']\ncontinuation = ['> ']\ncooked = true\n[deliver]\n"
	    "paste = 'no'\npaste_ms = 5\nsettle_ms = 7\ncommand_chars = '/'\n"
	    "completion_chars = '#'\ninline_bytes = 6\ninline_lines = 7\n";
	const struct profile *p;
	struct err e;

	(void)state;
	assert_int_equal(add("t", text, &e), 0);
	p = profile_find(&set, "t");
	assert_string_equal(p->label, "L");
	assert_string_equal(p->origin, "x.toml");
	assert_int_equal(p->frame, PROFILE_FRAME_RULE);
	assert_int_equal(p->indent, 2);
	assert_int_equal(p->column, 3);
	assert_int_equal(p->status_rows, 4);
	assert_true(p->cursor_drawn && p->ghost_grey && !p->ghost_dim);
	assert_true(p->suggests);
	assert_int_equal(p->busy, PROFILE_BUSY_TAKES);
	assert_true(p->enter_interrupts && p->modal_cursor && p->cooked);
	assert_int_equal(p->paste, PROFILE_NO);
	assert_int_equal(p->paste_ms, 5);
	assert_int_equal(p->settle_ms, 7);
	assert_string_equal(p->command_chars, "/");
	assert_string_equal(p->completion_chars, "#");
	assert_int_equal(p->inline_bytes, 6);
	assert_int_equal(p->inline_lines, 7);
	assert_int_equal(p->prompt_heads.n, 1);
	assert_string_equal(p->idle_words.v[0], "i");
}

static void
too_many(void **state)
{
	struct buf b = BUF_INIT;
	struct err e;
	char name[16];
	int i, rc = 0;

	(void)state;
	for (i = 0; i < PROFILE_COUNT_MAX + 1 && rc == 0; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		rc = add(name, "kind = 'lines'\n", &e);
	}
	assert_int_equal(rc, -1);
	assert_err(e, EXIT_LOCAL, "more than 512 profiles");
	assert_int_equal(set.n, PROFILE_COUNT_MAX);
	(void)setup(NULL);
	buf_adds(&b, "kind = 'lines'\n[recognise]\ncommands = [");
	for (i = 0; i <= PROFILE_WORDS_MAX; i++)
		buf_adds(&b, "'x',");
	buf_adds(&b, "]\n");
	assert_int_equal(add("w", b.data, &e), -1);
	assert_err(e, EXIT_LOCAL, "too many patterns");
	buf_reset(&b);
	buf_adds(&b, "kind = 'lines'\n[recognise]\ncommands = ['");
	for (i = 0; i <= PROFILE_WORD_MAX; i++)
		buf_addc(&b, 'x');
	buf_adds(&b, "']\n");
	assert_int_equal(add("w", b.data, &e), -1);
	assert_err(e, EXIT_LOCAL, "too long");
	buf_free(&b);
}

static void
users_own(void **state)
{
	char *dir = unit_dir();
	struct buf big = BUF_INIT;
	struct profile_set own;
	const struct profile *p;
	struct err e;
	size_t shipped = set.n;

	(void)state;
	assert_int_equal(chmod(dir, 0700), 0);
	unit_file(unit_path(dir, "claude.toml"),
	    "kind = 'lines'\nlabel = 'mine'\n", 0600);
	unit_file(unit_path(dir, "frob.toml"),
	    "kind = 'modal'\n[recognise]\ncommands = ['bash']\n", 0600);
	unit_file(unit_path(dir, ".hidden.toml"), "junk", 0600);
	unit_file(unit_path(dir, "notes.txt"), "junk", 0600);
	assert_int_equal(profile_set_load(&own, dir, &e), 0);
	assert_int_equal(own.n, shipped + 1);
	p = profile_find(&own, "claude");
	assert_string_equal(p->label, "mine");
	assert_string_equal(p->origin, unit_path(dir, "claude.toml"));
	assert_int_equal(p->glyphs.n, 0);
	profile_set_free(&set);
	set = own;
	/* Theirs are asked first. */
	assert_string_equal(who("", "bash|bash", NULL), "frob");

	unit_file(unit_path(dir, "z.toml"), "kind = 'lines'\nx = 1\n", 0600);
	assert_int_equal(profile_set_load(&own, dir, &e), -1);
	assert_err(e, EXIT_LOCAL, "z.toml:2: x: no such key");
	profile_set_free(&own);
	unit_file(unit_path(dir, "z.toml"), "kind = 'lines'\n", 0666);
	assert_int_equal(profile_set_load(&own, dir, &e), -1);
	profile_set_free(&own);
	buf_adds(&big, "kind = 'lines'\n");
	while (big.len <= PROFILE_SIZE_MAX)
		buf_adds(&big, "# and so on\n");
	unit_file(unit_path(dir, "z.toml"), big.data, 0600);
	assert_int_equal(profile_set_load(&own, dir, &e), -1);
	assert_err(e, EXIT_LOCAL, "larger than");
	profile_set_free(&own);
	buf_free(&big);
	unit_dir_remove(dir);
	assert_int_equal(profile_set_load(&own, "/nonexistent/x", &e), 0);
	profile_set_free(&own);
}

static void
same_words(const struct argv *a, const struct argv *b)
{
	size_t i;

	assert_int_equal(a->n, b->n);
	for (i = 0; i < a->n; i++)
		assert_string_equal(a->v[i], b->v[i]);
}

/* Whatever a program is recognised by is there in the part, and the user's own
 * are whole: one that is wrong is told of. */
static void
part_of_them(void **state)
{
	struct profile_set part;
	const struct profile *a, *b;
	char *dir = unit_dir();
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(profile_set_load_part(&part, NULL, &e), 0);
	assert_int_equal(part.n, set.n);
	for (i = 0; i < set.n; i++) {
		a = &part.v[i];
		b = &set.v[i];
		assert_string_equal(a->name, b->name);
		assert_string_equal(a->label, b->label);
		assert_int_equal(a->kind, b->kind);
		same_words(&a->commands, &b->commands);
		same_words(&a->scripts, &b->scripts);
		same_words(&a->titles, &b->titles);
		same_words(&a->screens, &b->screens);
	}
	profile_set_free(&part);
	unit_file(unit_path(dir, "own.toml"),
	    "kind = \"agent\"\n[recognise]\n[composer]\nnosuch = 1\n", 0600);
	assert_int_equal(profile_set_load_part(&part, dir, &e), -1);
	assert_err(e, EXIT_LOCAL, "own.toml:4");
	profile_set_free(&part);
	unit_dir_remove(dir);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shipped_ones_load),
		TEST(by_process),
		TEST(by_group),
		TEST(by_script),
		TEST(by_title),
		TEST(by_command),
		TEST(spinner_patterns),
		TEST(errors_name_file_and_line),
		TEST(all_keys_are_read),
		TEST(too_many),
		TEST(users_own),
		TEST(part_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
