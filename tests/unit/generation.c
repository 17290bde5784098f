#include "unit.h"

#include "generation.h"
#include "mem.h"
#include "slice.h"

enum { HOUR_MS = 60 * 60 * 1000 };

static const int64_t NOW = 1800000000000;

static struct home home;

static int
setup(void **state)
{
	char *dir = unit_dir(), *agents = x_asprintf("%s/agents", dir);
	struct err e;

	(void)setenv("HOME", dir, 1);
	(void)setenv("AGENTS_DIR", agents, 1);
	assert_int_equal(home_open(&home, &e), 0);
	x_free(agents);
	*state = dir;
	return 0;
}

static int
teardown(void **state)
{
	home_close(&home);
	(void)unsetenv("AGENTS_DIR");
	unit_dir_remove(*state);
	return 0;
}

static int64_t
next(int64_t last, int64_t now)
{
	int64_t generation = -1;
	struct err e;

	assert_int_equal(generation_next(&home, last, now, &generation, &e), 0);
	return generation;
}

static void
test_grows(void **state)
{
	(void)state;
	assert_int_equal(next(0, NOW), NOW);
	assert_int_equal(next(NOW, NOW), NOW + 1);
	assert_int_equal(next(NOW - 5, NOW), NOW);
	/* As far ahead as peers take. */
	assert_int_equal(
	    next(NOW + SLICE_AHEAD_MS, NOW), NOW + SLICE_AHEAD_MS + 1);
	assert_false(generation_overtaken(&home, NOW, NOW));
}

/* The clock was ahead: begin anew, and that is all. */
static void
test_was_ahead(void **state)
{
	(void)state;
	assert_int_equal(next(NOW + HOUR_MS, NOW), NOW);
	assert_false(generation_overtaken(&home, NOW, NOW));
	assert_int_equal(next(NOW, NOW + 1), NOW + 1);
}

/* The clock goes back by an hour, something is written, and it is right
 * again: above what peers have. */
static void
test_went_back(void **state)
{
	int64_t behind = next(NOW, NOW - HOUR_MS), right;

	(void)state;
	assert_int_equal(behind, NOW - HOUR_MS);
	assert_false(generation_overtaken(&home, behind, NOW - HOUR_MS));
	assert_true(generation_overtaken(&home, behind, NOW + 1));
	right = next(behind, NOW + 1);
	assert_int_equal(right, NOW + 1);
	assert_false(generation_overtaken(&home, right, NOW + 2));
	/* Almost right: above it all the same. */
	assert_true(generation_overtaken(&home, behind, NOW - 1000));
	assert_int_equal(next(behind, NOW - 1000), NOW + 1);
}

/* A little ahead, which peers take, then far, which they do not, then right. */
static void
test_ahead_twice(void **state)
{
	int64_t little = next(NOW, NOW + 2 * 60 * 1000), far, right;

	(void)state;
	far = next(little, NOW + 400LL * 24 * HOUR_MS);
	assert_int_equal(far, NOW + 400LL * 24 * HOUR_MS);
	assert_false(generation_overtaken(&home, far, far));
	right = next(far, NOW + 10);
	assert_int_equal(right, little + 1);
	assert_int_equal(next(right, NOW + 20), right + 1);
}

/* Any number of jumps, and what peers took before them is remembered. */
static void
test_many_jumps(void **state)
{
	const int64_t day = 24LL * HOUR_MS;
	int64_t taken = next(NOW, NOW + 5 * 60 * 1000), last = taken, i;

	(void)state;
	for (i = 0; i < 50; i++) {
		last = next(last, NOW + (400 + i) * day);
		last = next(last, NOW - 30 * day + i * 1000);
	}
	assert_true(last < NOW);
	assert_true(generation_overtaken(&home, last, NOW + 10));
	last = next(last, NOW + 10);
	assert_int_equal(last, taken + 1);
	/* And after years of a machine that is used now and then. */
	for (i = 1; i < 50; i++)
		last = next(last, NOW + i * HOUR_MS);
	assert_int_equal(last, NOW + 49 * (int64_t)HOUR_MS);
	last = next(last, NOW + 50 * (int64_t)HOUR_MS + 400 * day);
	last = next(last, NOW + 49 * (int64_t)HOUR_MS + 5);
	assert_int_equal(last, NOW + 49 * (int64_t)HOUR_MS + 5);
}

/* The file may hold anything. */
static void
test_garbage(void **state)
{
	char *path = x_asprintf("%s/generation", home.run);

	(void)state;
	unit_file(
	    path, "x 99999999999999999999999 -1 1800000000005 12 12", 0600);
	assert_int_equal(next(NOW, NOW), NOW + 6);
	x_free(path);
}

/* What cannot be kept is not begun. */
static void
test_unwritable(void **state)
{
	int64_t generation = -1;
	struct err e;
	char *path = x_asprintf("%s/generation", home.run);

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(
	    generation_next(&home, NOW, NOW - HOUR_MS, &generation, &e), -1);
	assert_err(e, EXIT_LOCAL, "generation");
	assert_int_equal(generation, -1);
	x_free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_grows, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_was_ahead, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_went_back, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_ahead_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_many_jumps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_unwritable, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
