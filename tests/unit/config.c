#include "unit.h"

#include "config.h"
#include "str.h"

static int
parse(struct config *c, const char *text, struct err *e)
{
	return config_parse(c, "config.toml", text, strlen(text), e);
}

static void
test_defaults(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(config_load(&c, "/nonexistent/config.toml", &e), 0);
	assert_int_equal(c.alias_hours, 24);
	assert_int_equal(c.link_idle, 600);
	assert_int_equal(c.mail_keep, 7);
	assert_false(c.queue);
	assert_int_equal(c.inbox_max, 1 << 30);
	assert_non_null(config_ignored(&c, "scratch"));
	assert_string_equal(config_ignored(&c, "test-1"), "test-*");
	assert_string_equal(config_ignored(&c, "_x"), "_*");
	assert_null(config_ignored(&c, "tests"));
	assert_null(config_ignored(&c, "dev"));
	config_free(&c);
}

static void
test_values(void **state)
{
	struct config c;
	struct err e;

	(void)state;
	assert_int_equal(parse(&c,
			     "alias_hours = 1\ninbox_max = 0\n"
			     "ignore_sessions = [\"a*\", 'b']\nlink_idle = 0\n"
			     "mail_keep = 0\nqueue = true\n",
			     &e),
	    0);
	assert_int_equal(c.alias_hours, 1);
	assert_int_equal(c.inbox_max, 0);
	assert_int_equal(c.link_idle, 0);
	assert_int_equal(c.mail_keep, 0);
	assert_true(c.queue);
	assert_int_equal(c.ignore_sessions.n, 2);
	assert_non_null(config_ignored(&c, "abc"));
	assert_null(config_ignored(&c, "tmp"));
	config_free(&c);
	assert_int_equal(parse(&c, "ignore_sessions = []\n", &e), 0);
	assert_null(config_ignored(&c, "tmp"));
	config_free(&c);
}

static void
test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "\ninbox = 1\n",
		    "config.toml:2: unknown key 'inbox'; known "
		    "are alias_hours" },
		{ "alias_hours = \"1\"",
		    "config.toml:1: alias_hours: must be "
		    "a whole number" },
		{ "alias_hours = -1", "must be 0 to 8760" },
		{ "alias_hours = 8761", "must be 0 to 8760" },
		{ "ignore_sessions = 'x'", "array of strings" },
		{ "ignore_sessions = ['x', 1]", "array of strings" },
		{ "ignore_sessions = [\"a\\u0000\"]", "array of strings" },
		{ "inbox_max = 1.5", "config.toml:1" },
		{ "[alias_hours]", "whole number" },
		{ "x", "config.toml:1" },
	};
	struct config c;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		assert_int_equal(parse(&c, bad[i].text, &e), -1);
		assert_err(e, EXIT_LOCAL, bad[i].error);
		config_free(&c);
	}
}

static void
test_file(void **state)
{
	char *dir = unit_dir();
	struct config c;
	struct err e;

	(void)state;
	unit_file(unit_path(dir, "c"), "link_idle = 5\n", 0600);
	assert_int_equal(config_load(&c, unit_path(dir, "c"), &e), 0);
	assert_int_equal(c.link_idle, 5);
	config_free(&c);
	unit_file(unit_path(dir, "c"), "link_idle = 5\n", 0602);
	assert_int_equal(config_load(&c, unit_path(dir, "c"), &e), -1);
	assert_err(e, EXIT_LOCAL, "chmod");
	config_free(&c);
	unit_dir_remove(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
