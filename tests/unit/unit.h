/* unit - what the unit tests share: cmocka's headers and a few helpers. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "err.h"

enum { UNIT_NOBODY = 65534 };

#define UNIT_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Under valgrind (tests/valgrind says so): there everything takes twenty times
 * as long, and an exec that fails shows only as the child's status 127.
 */
static inline bool
unit_valgrind(void)
{
	return getenv("UNIT_VALGRIND") != NULL;
}

/* `e` carries this code and a message with `part` in it. */
#define assert_err(e, expected, part)                                   \
	do {                                                            \
		assert_int_equal((e).code, expected);                   \
		if (strstr((e).msg, part) == NULL)                      \
			fail_msg("\"%s\" lacks \"%s\"", (e).msg, part); \
	} while (0)

/* A fresh folder of mode 0755, an absolute path; malloc'd. */
static inline char *
unit_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = NULL;

	if (asprintf(&dir, "%s/unit.XXXXXX", tmp == NULL ? "/tmp" : tmp) < 0 ||
	    mkdtemp(dir) == NULL || chmod(dir, 0755) != 0)
		fail_msg("cannot make a folder");
	return dir;
}

/* Remove a folder made by unit_dir() and all in it, and free its name. */
static inline void
unit_dir_remove(char *dir)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	free(dir);
}

/*
 * A folder `dir` for all tests of a program: with cmocka_run_group_tests(tests,
 * setup, teardown).
 */
#define UNIT_FOLDER                       \
	static char *dir;                 \
                                          \
	static int setup(void **state)    \
	{                                 \
		(void)state;              \
		dir = unit_dir();         \
		return 0;                 \
	}                                 \
                                          \
	static int teardown(void **state) \
	{                                 \
		(void)state;              \
		unit_dir_remove(dir);     \
		return 0;                 \
	}

/* "dir/name"; one of four static buffers in turn. */
static inline const char *
unit_path(const char *dir, const char *name)
{
	static char path[4][4096];
	static unsigned turn;
	char *out = path[turn++ % 4];

	(void)snprintf(out, sizeof(path[0]), "%s/%s", dir, name);
	return out;
}

/* Write `text` to a file, made with `mode` whatever the umask. */
static inline void
unit_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/*
 * Run `f` in a child process and return its exit status, or 128 + signal. The
 * child must not use cmocka's assertions: it says what it found by its status.
 */
static inline int
unit_child(int (*f)(void *), void *arg)
{
	pid_t pid;
	int status;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(f(arg));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* For a child: become an ordinary user if we are root. */
static inline int
unit_drop_root(void)
{
	if (geteuid() != 0)
		return 0;
	return setresgid(UNIT_NOBODY, UNIT_NOBODY, UNIT_NOBODY) != 0 ||
	    setresuid(UNIT_NOBODY, UNIT_NOBODY, UNIT_NOBODY) != 0;
}

#endif
