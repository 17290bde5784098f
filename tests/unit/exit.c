#include "unit.h"

#include "exit.h"

static void
test_values(void **state)
{
	(void)state;
	/* Scripts rely on the numbers: 0 to 4 are agent-mesh's too. */
	assert_int_equal(EXIT_OK, 0);
	assert_int_equal(EXIT_USAGE, 1);
	assert_int_equal(EXIT_UNKNOWN, 2);
	assert_int_equal(EXIT_NOT_READY, 3);
	assert_int_equal(EXIT_WIRE, 4);
	assert_int_equal(EXIT_UNPROVEN, 5);
	assert_int_equal(EXIT_PARTIAL, 6);
	assert_int_equal(EXIT_REFUSED, 7);
	assert_int_equal(EXIT_TIMEOUT, 8);
	assert_int_equal(EXIT_LOCAL, 9);
}

static void
test_names(void **state)
{
	int a, b;

	(void)state;
	for (a = EXIT_OK; a <= EXIT_LOCAL; a++) {
		assert_string_not_equal(exit_name((enum exit_code)a), "?");
		assert_string_not_equal(exit_sentence((enum exit_code)a), "?");
		for (b = EXIT_OK; b < a; b++)
			assert_string_not_equal(exit_name((enum exit_code)a),
			    exit_name((enum exit_code)b));
	}
	assert_string_equal(exit_name((enum exit_code)10), "?");
	assert_string_equal(exit_sentence((enum exit_code)99), "?");
}

static void
test_help(void **state)
{
	const char *text;
	unsigned lines = 0;

	(void)state;
	assert_string_equal(exit_help(0), "");
	assert_string_equal(exit_help(1U << EXIT_USAGE), "  1  wrong usage\n");
	assert_string_equal(exit_help(1U << 31), "");
	for (text = exit_help(~0U); *text != '\0'; text++)
		lines += *text == '\n';
	assert_int_equal(lines, 10);
	assert_non_null(strstr(exit_help(~0U), exit_sentence(EXIT_LOCAL)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
