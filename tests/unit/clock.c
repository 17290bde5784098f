#include "unit.h"

#include <limits.h>

#include "clock.h"

static void
test_text(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 999, "1970-01-01T00:00:00Z" },
		{ 951782400000, "2000-02-29T00:00:00Z" },
		{ 1767323045000, "2026-01-02T03:04:05Z" },
		{ 253402300799999, "9999-12-31T23:59:59Z" },
		{ 253402300800000, "1970-01-01T00:00:00Z" },
		{ -62135596800000, "0001-01-01T00:00:00Z" },
		{ -62135596801000, "1970-01-01T00:00:00Z" },
		{ INT64_MAX, "1970-01-01T00:00:00Z" },
		{ INT64_MIN, "1970-01-01T00:00:00Z" },
	};
	char out[CLOCK_TEXT_MAX];
	size_t i;

	(void)state;
	/* Not the local time. */
	assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		clock_text(out, cases[i].ms);
		assert_string_equal(out, cases[i].text);
	}
}

static void
test_freeze(void **state)
{
	int64_t now;

	(void)state;
	clock_freeze(42);
	assert_int_equal(clock_real_ms(), 42);
	clock_nap(5, clock_deadline(1000));
	assert_int_equal(clock_real_ms(), 42);
	clock_freeze(0);
	assert_int_equal(clock_real_ms(), 0);
	clock_freeze(-1);
	now = clock_real_ms();
	/* after 2024-01-01 */
	assert_true(now > 1704067200000);
}

static void
test_deadline(void **state)
{
	int64_t before, deadline;

	(void)state;
	before = clock_mono_ms();
	deadline = clock_deadline(1000);
	assert_in_range(clock_left(deadline), 1, 1000);
	assert_int_equal(clock_left(before - 5), 0);
	assert_int_equal(clock_left(clock_deadline(0)), 0);
	assert_int_equal(clock_left(clock_deadline(-7)), 0);
	assert_int_equal(clock_left(clock_deadline(INT64_MAX / 2)), INT_MAX);
	assert_true(clock_mono_ms() >= before);
}

static void
test_nap(void **state)
{
	int64_t before = clock_mono_ms();

	(void)state;
	clock_nap(20, clock_deadline(10000));
	assert_true(clock_mono_ms() - before >= 20);
	/* Never past the deadline, and not at all after it. */
	before = clock_mono_ms();
	clock_nap(60000, clock_deadline(10));
	clock_nap(60000, before - 1);
	clock_nap(-5, clock_deadline(1000));
	clock_nap(0, clock_deadline(1000));
	assert_true(clock_mono_ms() - before < 20000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_nap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
