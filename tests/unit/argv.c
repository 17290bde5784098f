#include "unit.h"

#include "argv.h"

static void
test_add(void **state)
{
	struct argv a = ARGV_INIT;
	char word[32];
	size_t i;

	(void)state;
	argv_free(&a);
	assert_null(a.v);
	argv_add(&a, "");
	assert_int_equal(a.n, 1);
	assert_string_equal(a.v[0], "");
	assert_null(a.v[1]);
	argv_addf(&a, "%s=%d", "a", 1);
	argv_addf(&a, "%s", "");
	argv_addl(&a, "x", "y", (char *)NULL);
	argv_addl(&a, (char *)NULL);
	assert_int_equal(a.n, 5);
	assert_string_equal(a.v[1], "a=1");
	assert_string_equal(a.v[2], "");
	assert_string_equal(a.v[3], "x");
	assert_string_equal(a.v[4], "y");
	assert_null(a.v[5]);
	argv_free(&a);
	assert_null(a.v);
	assert_int_equal(a.n, 0);
	for (i = 0; i < 1000; i++) {
		argv_addf(&a, "%zu", i);
		assert_null(a.v[i + 1]);
	}
	for (i = 0; i < 1000; i++) {
		(void)snprintf(word, sizeof(word), "%zu", i);
		assert_string_equal(a.v[i], word);
	}
	argv_free(&a);
}

/* The list owns copies. */
static void
test_copies(void **state)
{
	struct argv a = ARGV_INIT;
	char word[] = "one";

	(void)state;
	argv_add(&a, word);
	word[0] = 'x';
	assert_string_equal(a.v[0], "one");
	argv_free(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_copies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
