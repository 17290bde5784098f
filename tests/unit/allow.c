#include "unit.h"

#include "allow.h"

static bool
may(const char *list, const char *name, const char *host)
{
	const struct allow_sender from = { .name = name, .host = host };
	struct err e = { .code = EXIT_OK };
	bool ok = allow_check(list, &from, &e) == 0;

	assert_int_equal(e.code, ok ? EXIT_OK : EXIT_REFUSED);
	return ok;
}

static void
test_everybody(void **state)
{
	(void)state;
	assert_true(may(NULL, NULL, NULL));
	assert_true(may("", "", "hub"));
}

static void
test_words(void **state)
{
	(void)state;
	assert_true(may("hub-dev-a", "hub-dev-a", "hub"));
	assert_true(may("x, hub-dev-a,y", "hub-dev-a", "hub"));
	assert_true(may("\n\thub-dev-*\r\n", "hub-dev-a", "hub"));
	assert_true(may("ann@hub", "ann@hub", "hub"));
	assert_true(may("*@hub", "ann@hub", "hub"));
	assert_true(may("*", "hub-dev-a", "hub"));
	assert_true(may("@hub", "", "hub"));
	assert_true(may("@h*", NULL, "hub"));
	assert_false(may("hub-dev-a", "hub-dev-ab", "hub"));
	assert_false(may("hub-dev-ab", "hub-dev-a", "hub"));
	assert_false(may("HUB-DEV-A", "hub-dev-a", "hub"));
	assert_false(may("@hub", "hub-dev-a", "hub2"));
	assert_false(may("@", "hub-dev-a", ""));
	assert_false(may("@hub", "@hub", NULL));
	/* A list of nothing is a list all the same. */
	assert_false(may(" ,\n", "hub-dev-a", "hub"));
	assert_false(may("-", "hub-dev-a", "hub"));
}

static void
test_unverified(void **state)
{
	(void)state;
	/* Whose name is not known passes by its host only. */
	assert_false(may("*", "", "hub"));
	assert_false(may("*", NULL, "hub"));
	assert_false(may("* hub-*", NULL, NULL));
	assert_true(may("* @hub", NULL, "hub"));
}

static void
test_hostile(void **state)
{
	char list[ALLOW_MAX + 3], stars[ALLOW_MAX + 1];

	(void)state;
	/* Not cut, where a part of a word might take more. */
	memset(list, ' ', sizeof(list) - 1);
	list[0] = '*';
	list[ALLOW_MAX] = '\0';
	assert_true(may(list, "hub-dev-a", "hub"));
	list[ALLOW_MAX] = ' ';
	list[ALLOW_MAX + 1] = '\0';
	assert_false(may(list, "hub-dev-a", "hub"));
	memset(stars, '*', sizeof(stars) - 1);
	stars[ALLOW_MAX] = '\0';
	stars[ALLOW_MAX - 1] = 'x';
	assert_false(may(stars,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a"));
	assert_false(may("\xff\xfe #{pane_id} $(id) \033[31m", "a", "hub"));
}

static void
test_says(void **state)
{
	struct allow_sender from = { .name = "hub-dev-a", .host = "hub" };
	char list[ALLOW_MAX];
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(allow_check(" b,\n\tc ", &from, &e), -1);
	assert_string_equal(
	    e.msg, "hub-dev-a may not send there; its @agent-allow has: b c");
	from.name = "";
	assert_int_equal(allow_check(",", &from, &e), -1);
	assert_string_equal(e.msg,
	    "a sender whose name is not verified, from host hub, may not send "
	    "there; its @agent-allow has: nobody");
	for (i = 0; i + 6 < sizeof(list); i += 5)
		memcpy(list + i, "abcd ", 6);
	assert_int_equal(allow_check(list, &from, &e), -1);
	assert_true(strlen(e.msg) < ERR_MSG_MAX - 1);
	assert_string_equal(e.msg + strlen(e.msg) - 9, " abcd ...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everybody),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_unverified),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
