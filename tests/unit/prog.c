#include "unit.h"

#include <fcntl.h>

#include "prog.h"
#include "str.h"

static const struct option options[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "list", no_argument, NULL, 'l' },
	{ "verbose", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static const char *value; /* the last option's */

/* Go through the words after argv[0]; the last option's answer. */
static int
run(struct err *e, const char *a, const char *b, const char *c)
{
	static char name[] = "prog", word[3][64];
	char *argv[5] = { name, NULL, NULL, NULL, NULL };
	const char *words[3] = { a, b, c };
	int argc = 1, option, last = -1;

	for (; argc <= 3 && words[argc - 1] != NULL; argc++) {
		(void)snprintf(
		    word[argc - 1], sizeof(word[0]), "%s", words[argc - 1]);
		argv[argc] = word[argc - 1];
	}
	err_clear(e);
	optind = 0; /* glibc: begin anew */
	while ((option = prog_option(argc, argv, "f:lv", options, e)) != -1) {
		last = option;
		value = optarg;
		if (option == '?')
			break;
	}
	return last;
}

static void
test_good(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(run(&e, NULL, NULL, NULL), -1);
	assert_int_equal(run(&e, "-l", NULL, NULL), 'l');
	assert_int_equal(run(&e, "--list", "word", "--verbose"), 'v');
	assert_int_equal(run(&e, "-lv", NULL, NULL), 'v');
	assert_int_equal(run(&e, "-f", "-l", NULL), 'f');
	assert_string_equal(value, "-l");
	assert_int_equal(run(&e, "--file=x", NULL, NULL), 'f');
	assert_string_equal(value, "x");
	assert_int_equal(run(&e, "--", "-x", NULL), -1);
	assert_int_equal(optind, 2);
	assert_int_equal(run(&e, "-", NULL, NULL), -1);
	assert_int_equal(optind, 1);
	assert_int_equal(run(&e, "--verb", NULL, NULL), 'v');
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
		{ { "--lisst" }, "did you mean --list?" },
		{ { "word", "--lsit", "word" }, "did you mean --list?" },
		{ { "--nothing-like-it" }, "--nothing-like-it: no such" },
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		assert_int_equal(run(&e, cases[i].words[0], cases[i].words[1],
				     cases[i].words[2]),
		    '?');
		assert_err(e, EXIT_USAGE, cases[i].says);
		assert_null(strchr(e.msg, '\n'));
	}
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

static int
texts(void *arg)
{
	static char text[8192];
	const char *path = arg;
	FILE *f;

	if (freopen(path, "w", stdout) == NULL)
		return 99;
	prog_help("usage: prog\n", 1U << EXIT_OK | 1U << EXIT_USAGE);
	prog_version("prog");
	if (prog_end(EXIT_OK) != EXIT_OK || (f = fopen(path, "r")) == NULL)
		return 98;
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	(void)fclose(f);
	if (!str_starts(text, "usage: prog\n\nExit status:\n"))
		return 1;
	if (strstr(text, "wrong usage") == NULL)
		return 2;
	if (strstr(text, "timed out") != NULL)
		return 3;
	return str_ends(text, "prog (panemesh) " VERSION "\n") ? 0 : 4;
}

static void
test_texts(void **state)
{
	char *dir = unit_dir(), path[512];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(unit_child(texts, path), 0);
	unit_dir_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
