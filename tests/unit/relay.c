#include "unit.h"

#include "relay.h"

#define ID_X "0123456789abcdef"
#define ID_L "fedcba9876543210"

static void
ways(void **state)
{
	static const char *const bad[] = { " ", "x", "x.0", "x." ID_X " ",
		" x." ID_X, "x." ID_X "  y." ID_X, "x/." ID_X,
		"x.0123456789ABCDEF", "x." ID_X "0",
		"a." ID_X " b." ID_X " c." ID_X " d." ID_X " e." ID_X
		" f." ID_X };
	char out[HOPS_TEXT_MAX + 1];
	struct hops h;
	size_t i;

	(void)state;
	assert_int_equal(hops_read(&h, ""), 0);
	assert_int_equal(h.n, 0);
	assert_false(hops_text_ok(""));
	assert_int_equal(hops_read(&h, "x." ID_X " y." ID_L), 0);
	assert_int_equal(h.n, 2);
	assert_true(hops_has(&h, "y") && !hops_has(&h, "z"));
	hops_write(out, &h);
	assert_string_equal(out, "x." ID_X " y." ID_L);
	for (i = 0; i < UNIT_COUNT(bad); i++)
		assert_int_equal(hops_read(&h, bad[i]), -1);
}

static enum exit_code
judged(const struct relay_ask *ask)
{
	struct hops path;
	struct err e;

	err_clear(&e);
	return relay_judge(ask, &path, &e) == 0 ? EXIT_OK : e.code;
}

static void
decisions(void **state)
{
	const struct peer yes = { .relay = true }, no = { .relay = false };
	const struct peer bound = { .allow_relay = true };
	const struct relay_ask good = { .self = "h",
		.host = "x",
		.host_id = ID_X,
		.known_id = ID_X,
		.line = &yes,
		.target = "l",
		.pin = ID_L,
		.target_id = ID_L,
		.path = "" };
	struct relay_ask ask = good;
	struct hops path;
	struct err e;

	(void)state;
	assert_int_equal(relay_judge(&ask, &path, &e), 0);
	assert_int_equal(path.n, 1);
	assert_string_equal(path.v[0].host, "x");
	/* who may */
	ask.line = NULL;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask.line = &no;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask.line = &bound;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask.bound = true;
	assert_int_equal(judged(&ask), EXIT_OK);
	ask.line = &yes;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	/* another machine */
	ask = good;
	ask.pin = ID_X;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask.pin = "";
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask = good;
	ask.host_id = ID_L;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask = good;
	ask.known_id = ask.host_id = "";
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	/* not known */
	ask = good;
	ask.target_id = ask.pin = "";
	assert_int_equal(judged(&ask), EXIT_WIRE);
	/* in a circle */
	ask = good;
	ask.target = "h";
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask.target = "x";
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask = good;
	ask.path = "h." ID_L;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	ask.path = "y." ID_L " l." ID_L;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	/* too far */
	ask.path = "a." ID_L " b." ID_L " c." ID_L " d." ID_L;
	assert_int_equal(judged(&ask), EXIT_OK);
	ask.path = "a." ID_L " b." ID_L " c." ID_L " d." ID_L " e." ID_L;
	assert_int_equal(judged(&ask), EXIT_REFUSED);
	/* no names */
	ask = good;
	ask.target = "../l";
	assert_int_equal(judged(&ask), EXIT_USAGE);
	ask = good;
	ask.path = "nonsense";
	assert_int_equal(judged(&ask), EXIT_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways),
		cmocka_unit_test(decisions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
