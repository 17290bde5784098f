#include "unit.h"
#include "../../src/prog.c"

static const struct prog_option options[] = {
	{ 'f', "file", "FILE", "a file,\nor not" },
	{ 'l', "list", NULL, "all" },
	{ PROG_LONG, "only-long", NULL, "no letter" },
	{ 'v', "verbose", NULL, "more" },
	{ 0, NULL, NULL, NULL },
};

/* What came of a command line. */
struct seen {
	int last;          /* option */
	const char *value; /* of the last that has one */
	int words;
	bool ran;
};

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct seen *seen = request;

	seen->last = letter;
	if (value == NULL)
		return 0;
	if (str_eq(value, "wrong"))
		return err_set(e, EXIT_LOCAL, "--file: wrong");
	seen->value = value;
	return 0;
}

static int
words(void *request, int n, char **v, struct err *e)
{
	struct seen *seen = request;

	if (n > 0 && str_eq(v[0], "wrong"))
		return err_set(e, EXIT_LOCAL, "word: wrong");
	seen->words = n;
	return 0;
}

static int
work(void *request, struct err *e)
{
	struct seen *seen = request;

	(void)e;
	seen->ran = true;
	return EXIT_NOT_READY;
}

static int
failing(void *request, struct err *e)
{
	(void)request;
	return err_set(e, EXIT_TIMEOUT, "it: timed out");
}

static const struct prog program = { .name = "prog",
	.usage = "usage: prog\n",
	.options = options,
	.exits = 1U << EXIT_OK | 1U << EXIT_USAGE,
	.set = set,
	.words = words,
	.run = work };

/* Go through the words after argv[0] up to the work: as prog_parse(). */
static int
run(struct seen *seen, struct err *e, const char *a, const char *b,
    const char *c)
{
	static char name[] = "prog", word[3][64];
	char *argv[5] = { name, NULL, NULL, NULL, NULL };
	const char *given[3] = { a, b, c };
	struct table table;
	int argc = 1, rc;

	for (; argc <= 3 && given[argc - 1] != NULL; argc++) {
		(void)snprintf(
		    word[argc - 1], sizeof(word[0]), "%s", given[argc - 1]);
		argv[argc] = word[argc - 1];
	}
	err_clear(e);
	memset(seen, 0, sizeof(*seen));
	optind = 0; /* glibc: begin anew */
	table_make(&table, options);
	rc = prog_parse(&program, &table, seen, argc, argv, e);
	table_free(&table);
	return rc;
}

static void
test_good(void **state)
{
	struct seen seen;
	struct err e;

	(void)state;
	assert_int_equal(run(&seen, &e, NULL, NULL, NULL), 1);
	assert_int_equal(seen.last, 0);
	assert_int_equal(run(&seen, &e, "-l", NULL, NULL), 1);
	assert_int_equal(seen.last, 'l');
	assert_int_equal(run(&seen, &e, "--list", "word", "--verbose"), 1);
	assert_int_equal(seen.last, 'v');
	assert_int_equal(seen.words, 1);
	assert_int_equal(run(&seen, &e, "-lv", NULL, NULL), 1);
	assert_int_equal(seen.last, 'v');
	assert_int_equal(run(&seen, &e, "--only-long", NULL, NULL), 1);
	assert_int_equal(seen.last, PROG_LONG);
	assert_int_equal(run(&seen, &e, "-f", "-l", NULL), 1);
	assert_int_equal(seen.last, 'f');
	assert_string_equal(seen.value, "-l");
	assert_int_equal(run(&seen, &e, "--file=x", NULL, NULL), 1);
	assert_string_equal(seen.value, "x");
	assert_int_equal(run(&seen, &e, "--", "-x", NULL), 1);
	assert_int_equal(seen.words, 1);
	assert_int_equal(run(&seen, &e, "-", NULL, NULL), 1);
	assert_int_equal(seen.words, 1);
	assert_int_equal(run(&seen, &e, "--verb", NULL, NULL), 1);
	assert_int_equal(seen.last, 'v');
	assert_int_equal(e.code, EXIT_OK);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *words[3], *says;
	} cases[] = {
		{ { "-x" }, "-x: no such option" },
		{ { "-lx" }, "-x: no such option (in '-lx')" },
		{ { "word", "-x" }, "-x: no such option" },
		{ { "-f" }, "-f: needs a value" },
		{ { "-lf" }, "-f: needs a value" },
		{ { "--file" }, "--file" },
		{ { "--list=x" }, "--list=x" },
		{ { "--only-long=x" }, "--only-long=x" },
		{ { "--lisst" }, "did you mean --list?" },
		{ { "word", "--lsit", "word" }, "did you mean --list?" },
		{ { "--nothing-like-it" }, "--nothing-like-it: no such" },
	};
	struct seen seen;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		assert_int_equal(run(&seen, &e, cases[i].words[0],
				     cases[i].words[1], cases[i].words[2]),
		    -1);
		assert_err(e, EXIT_USAGE, cases[i].says);
		assert_null(strchr(e.msg, '\n'));
	}
	assert_int_equal(run(&seen, &e, "-f", "wrong", NULL), -1);
	assert_err(e, EXIT_LOCAL, "--file: wrong");
	assert_int_equal(run(&seen, &e, "wrong", NULL, NULL), -1);
	assert_err(e, EXIT_LOCAL, "word: wrong");
}

/* Whoever starts us with 0 to 2 closed: what we open next is 3 or more. */
static int
closed(void *arg)
{
	unsigned mask = *(unsigned *)arg;
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (mask & 1U << fd)
			(void)close(fd);
	prog_start("dir/prog");
	fd = open("/dev/null", O_RDONLY);
	if (fd <= 2)
		return 1;
	if (umask(0) != 077)
		return 2;
	return fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 ||
		fcntl(2, F_GETFD) < 0
	    ? 3
	    : 0;
}

static void
test_start(void **state)
{
	unsigned mask;

	(void)state;
	for (mask = 0; mask < 8; mask++)
		assert_int_equal(unit_child(closed, &mask), 0);
}

static int
to_full(void *arg)
{
	(void)arg;
	if (freopen("/dev/full", "w", stdout) == NULL ||
	    freopen("/dev/null", "w", stderr) == NULL)
		return 99;
	(void)printf("something");
	return prog_end(EXIT_OK);
}

static int
to_full_after_error(void *arg)
{
	(void)arg;
	if (freopen("/dev/full", "w", stdout) == NULL)
		return 99;
	return prog_end(EXIT_NOT_READY);
}

static void
test_end(void **state)
{
	(void)state;
	assert_int_equal(prog_end(EXIT_OK), EXIT_OK);
	assert_int_equal(prog_end(EXIT_REFUSED), EXIT_REFUSED);
	assert_int_equal(unit_child(to_full, NULL), EXIT_LOCAL);
	/* nothing was to be written: nothing failed */
	assert_int_equal(unit_child(to_full_after_error, NULL), EXIT_NOT_READY);
}

/* All of a main that is given one word, its output in the file `to`. */
struct whole {
	struct prog prog;
	const char *word, *to;
	bool worked;
};

static int
whole(void *arg)
{
	static char name[] = "prog";
	struct whole *w = arg;
	char word[64];
	char *argv[3] = { name, word, NULL };
	struct seen seen = { .last = 0 };
	int rc;

	(void)snprintf(word, sizeof(word), "%s", w->word);
	if (freopen(w->to, "w", stdout) == NULL ||
	    dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		return 99;
	optind = 0;
	rc = prog_main(&w->prog, &seen, 2, argv);
	return seen.ran == w->worked ? rc : 98;
}

static void
test_main(void **state)
{
	char *dir = unit_dir(), path[512], text[4096];
	struct whole w = { .prog = program, .to = path };
	FILE *f;
	const struct {
		const char *word;
		int (*run)(void *, struct err *);
		bool silent, no_words, worked;
		int code;
		const char *says;
	} cases[] = {
		{ "-v", work, false, false, true, EXIT_NOT_READY, "" },
		{ "x", work, false, false, true, EXIT_NOT_READY, "" },
		{ "x", work, false, true, false, EXIT_USAGE,
		    "prog: 'x': takes no words\n" },
		{ "-x", work, false, false, false, EXIT_USAGE,
		    "prog: -x: no such option (in '-x'); see --help, and "
		    "write -- before a word that begins with '-'\n" },
		{ "-x", work, true, false, false, EXIT_OK, "" },
		{ "-v", failing, false, false, false, EXIT_TIMEOUT,
		    "prog: it: timed out\n" },
		{ "--version", work, false, false, false, EXIT_OK,
		    "prog (panemesh) " VERSION "\n" },
		{ "-h", work, false, false, false, EXIT_OK,
		    "usage: prog\n\n"
		    "  -f, --file FILE  a file,\n"
		    "                   or not\n"
		    "  -h, --help       this text\n"
		    "  -l, --list       all\n"
		    "      --only-long  no letter\n"
		    "  -v, --verbose    more\n"
		    "  -V, --version    print the version\n"
		    "\nExit status:\n"
		    "  0  done; for a message: delivered\n"
		    "  1  wrong usage\n" },
	};
	size_t i;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		w.word = cases[i].word;
		w.prog.run = cases[i].run;
		w.prog.silent = cases[i].silent;
		w.prog.words = cases[i].no_words ? NULL : words;
		w.worked = cases[i].worked;
		assert_int_equal(unit_child(whole, &w), cases[i].code);
		f = fopen(path, "r");
		assert_non_null(f);
		text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
		(void)fclose(f);
		assert_string_equal(text, cases[i].says);
	}
	unit_dir_remove(dir);
}

static void
test_number(void **state)
{
	uint64_t n;
	struct err e;

	(void)state;
	assert_int_equal(prog_number("wait", "", "7", 0, 7, &n, &e), 0);
	assert_int_equal(n, 7);
	assert_int_equal(prog_number("wait", "", "8", 0, 7, &n, &e), -1);
	assert_err(e, EXIT_USAGE, "--wait: '8' is no number from 0 to 7");
	assert_int_equal(
	    prog_number("wait", " of seconds", "0", 1, 7, &n, &e), -1);
	assert_err(
	    e, EXIT_USAGE, "--wait: '0' is no number of seconds from 1 to 7");
	assert_int_equal(prog_number("wait", "", "1x", 0, 7, &n, &e), -1);
}

static void
test_time(void **state)
{
	static const struct {
		const char *word;
		int64_t ms;
	} good[] = { { "7", 7000 }, { "90s", 90000 }, { "30m", 1800000 },
		{ "4h", 14400000 }, { "2d", 172800000 } };
	static const char *const bad[] = { "", "s", "0", "0s", "3d", "49h",
		"1w", "-1s", "1.5h", "1 s", "99999999999999999999s" };
	int64_t ms;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(
		    prog_time("ttl", good[i].word, 1, 172800, &ms, &e), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(
		    prog_time("ttl", bad[i], 1, 172800, &ms, &e), -1);
		assert_err(e, EXIT_USAGE, "is no time from 1s to 2d");
	}
	assert_int_equal(prog_time("t", "0", 0, 60, &ms, &e), 0);
	assert_int_equal(ms, 0);
}

static void
test_env(void **state)
{
	uint64_t n = 7;
	struct err e;

	(void)state;
	assert_int_equal(unsetenv("UNIT_N"), 0);
	assert_int_equal(prog_env("UNIT_N", 1, 5, &n, &e), 0);
	assert_int_equal(setenv("UNIT_N", "", 1), 0);
	assert_int_equal(prog_env("UNIT_N", 1, 5, &n, &e), 0);
	assert_int_equal(n, 7);
	assert_int_equal(setenv("UNIT_N", "5", 1), 0);
	assert_int_equal(prog_env("UNIT_N", 1, 5, &n, &e), 0);
	assert_int_equal(n, 5);
	assert_int_equal(setenv("UNIT_N", "0", 1), 0);
	assert_int_equal(prog_env("UNIT_N", 1, 5, &n, &e), -1);
	assert_int_equal(setenv("UNIT_N", "6", 1), 0);
	assert_int_equal(prog_env("UNIT_N", 1, 5, &n, &e), -1);
	assert_int_equal(setenv("UNIT_N", "-1", 1), 0);
	assert_int_equal(prog_env("UNIT_N", 1, 5, &n, &e), -1);
	assert_err(e, EXIT_USAGE, "UNIT_N: '-1' is no number from 1 to 5");
	assert_int_equal(n, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_main),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
