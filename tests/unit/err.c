#include "unit.h"

#include "err.h"

static void
test_set(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(err_set(&e, EXIT_WIRE, "%s: %d", "host", 7), -1);
	assert_int_equal(e.code, EXIT_WIRE);
	assert_string_equal(e.msg, "host: 7");
	err_clear(&e);
	assert_int_equal(e.code, EXIT_OK);
	assert_string_equal(e.msg, "");
	assert_int_equal(err_set(NULL, EXIT_WIRE, "x"), -1);
	assert_int_equal(err_prefix(NULL, "x"), -1);
}

static void
test_set_cuts(void **state)
{
	char text[ERR_MSG_MAX + 2];
	struct err e;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[ERR_MSG_MAX - 1] = '\0';
	(void)err_set(&e, EXIT_LOCAL, "%s", text);
	assert_string_equal(e.msg, text);
	text[ERR_MSG_MAX - 1] = 'x';
	text[ERR_MSG_MAX + 1] = '\0';
	(void)err_set(&e, EXIT_LOCAL, "%s", text);
	assert_int_equal(strlen(e.msg), ERR_MSG_MAX - 1);
}

static void
test_prefix(void **state)
{
	struct err e;

	(void)state;
	(void)err_set(&e, EXIT_LOCAL, "no room");
	assert_int_equal(err_prefix(&e, "%s", "file"), -1);
	assert_int_equal(err_prefix(&e, "%s", "file"), -1); /* once */
	assert_string_equal(e.msg, "file: no room");
	assert_int_equal(e.code, EXIT_LOCAL);
	(void)err_prefix(&e, "%s", "");
	assert_string_equal(e.msg, ": file: no room");
}

/* Every pair of lengths around the bounds: no overrun, both ends kept. */
static void
test_prefix_cuts(void **state)
{
	char msg[ERR_MSG_MAX], prefix[ERR_MSG_MAX + 8];
	size_t i, j, kept;
	struct err e;

	(void)state;
	for (i = 0; i < sizeof(msg); i += i < 240 || i > 260 ? 37 : 1) {
		for (j = 0; j < sizeof(prefix); j++) {
			memset(msg, 'm', i);
			msg[i] = '\0';
			memset(prefix, 'p', j);
			prefix[j] = '\0';
			(void)err_set(&e, EXIT_LOCAL, "%s", msg);
			(void)err_prefix(&e, "%s", prefix);
			kept = j < ERR_MSG_MAX / 2 ? j : ERR_MSG_MAX / 2 - 1;
			assert_int_equal(strspn(e.msg, "p"), kept);
			assert_memory_equal(e.msg + kept, ": ", 2);
			if (kept + 2 + i < ERR_MSG_MAX)
				assert_int_equal(strlen(e.msg), kept + 2 + i);
			else
				assert_true(strlen(e.msg) < ERR_MSG_MAX);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_set_cuts),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_prefix_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
