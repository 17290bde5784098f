#include "unit.h"

#include "exit.h"
#include "mem.h"

/* A size that no machine has, in a variable that the compiler cannot see. */
static volatile size_t too_much = PTRDIFF_MAX - 4096;

static void
test_allocates(void **state)
{
	unsigned char *p;
	char *s;
	size_t i;

	(void)state;
	p = x_malloc(0);
	assert_non_null(p);
	x_free(p);
	p = x_calloc(7, 3);
	for (i = 0; i < 21; i++)
		assert_int_equal(p[i], 0);
	p = x_realloc(p, 100, 2);
	for (i = 0; i < 21; i++)
		assert_int_equal(p[i], 0);
	p[199] = 1;
	/* Shrinking to nothing is not a free. */
	p = x_realloc(p, 0, 5);
	assert_non_null(p);
	X_CLEAR(p);
	assert_null(p);
	X_CLEAR(p);
	p = x_calloc(0, 5);
	assert_non_null(p);
	x_free(p);
	s = x_strdup("");
	assert_string_equal(s, "");
	x_free(s);
	s = x_strndup("abcdef", 3);
	assert_string_equal(s, "abc");
	x_free(s);
	s = x_strndup("ab", 10);
	assert_string_equal(s, "ab");
	x_free(s);
	s = x_asprintf("%s-%d", "a", 1);
	assert_string_equal(s, "a-1");
	x_free(s);
	x_free(NULL);
}

static int
die_malloc(void *arg)
{
	(void)arg;
	x_free(x_malloc(too_much));
	return 0;
}

static int
die_calloc(void *arg)
{
	(void)arg;
	x_free(x_calloc(too_much, 2));
	return 0;
}

/* The product wraps round to a small number. */
static int
die_realloc(void *arg)
{
	(void)arg;
	x_free(x_realloc(NULL, too_much + 4097, 4));
	return 0;
}

static void
check_death(int (*f)(void *))
{
	char text[4096];
	ssize_t n;
	int fd[2], saved;

	assert_int_equal(pipe(fd), 0);
	saved = dup(STDERR_FILENO);
	assert_int_equal(dup2(fd[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(unit_child(f, NULL), EXIT_LOCAL);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	(void)close(saved);
	(void)close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	(void)close(fd[0]);
	assert_true(n > 0);
	text[n] = '\0';
	/* A sanitizer adds lines of its own before ours. */
	assert_non_null(strstr(text, "panemesh: out of memory\n"));
}

static void
test_dies(void **state)
{
	(void)state;
	check_death(die_malloc);
	check_death(die_calloc);
	check_death(die_realloc);
}

/* AddressSanitizer would end the process itself; the name is its. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocates),
		cmocka_unit_test(test_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
