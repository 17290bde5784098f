#include "unit.h"

#include <signal.h>

#include "clock.h"
#include "lock.h"
#include "turn.h"

UNIT_FOLDER

/* One runs, one waits, the third leaves; then the waiting one is next. */
static void
test_order(void **state)
{
	struct turn a, b, c, other;
	struct err e;

	(void)state;
	turn_open(&a, dir, "k", "x");
	turn_open(&b, dir, "k", "x");
	turn_open(&c, dir, "k", "x");
	turn_open(&other, dir, "k", "y");
	assert_int_equal(turn_try(&a, &e), TURN_MINE);
	assert_int_equal(turn_try(&b, &e), TURN_LATER);
	assert_int_equal(turn_try(&c, &e), TURN_LEFT);
	assert_int_equal(turn_take(&c, false, 0, &e), TURN_LEFT);
	assert_int_equal(turn_try(&b, &e), TURN_LATER);
	assert_int_equal(turn_try(&other, &e), TURN_MINE);
	turn_close(&a);
	assert_int_equal(turn_try(&b, &e), TURN_MINE);
	assert_int_equal(turn_try(&c, &e), TURN_LATER);
	turn_close(&b);
	assert_int_equal(turn_try(&c, &e), TURN_MINE);
	turn_close(&c);
	turn_close(&other);
}

static void
test_deadline(void **state)
{
	struct turn a, b;
	int64_t begun;
	struct err e;

	(void)state;
	turn_open(&a, dir, "k", "x");
	turn_open(&b, dir, "k", "x");
	assert_int_equal(turn_try(&a, &e), TURN_MINE);
	begun = clock_mono_ms();
	assert_int_equal(turn_take(&b, true, 60, &e), TURN_FAILED);
	assert_err(e, EXIT_LOCAL, "still locked");
	assert_true(clock_mono_ms() - begun >= 60);
	turn_close(&b);
	turn_close(&a);
}

struct pair {
	struct turn mine;
	int done[2];
};

static int
hold_and_die(void *arg)
{
	struct pair *p = arg;
	struct err e;
	char c = 0;

	turn_open(&p->mine, dir, "k", "x");
	if (turn_try(&p->mine, &e) != TURN_MINE)
		return 1;
	(void)!write(p->done[1], &c, 1);
	(void)raise(SIGKILL);
	return 2;
}

/* A killed program's turn is over. */
static void
test_killed(void **state)
{
	struct pair p;
	struct turn b;
	struct err e;

	(void)state;
	assert_int_equal(pipe(p.done), 0);
	assert_int_equal(unit_child(hold_and_die, &p), 128 + SIGKILL);
	turn_open(&b, dir, "k", "x");
	assert_int_equal(turn_take(&b, false, 0, &e), TURN_MINE);
	turn_close(&b);
	(void)close(p.done[0]);
	(void)close(p.done[1]);
}

static void
test_cannot_lock(void **state)
{
	struct turn t;
	struct err e;

	(void)state;
	turn_open(&t, unit_path(dir, "none"), "k", "x");
	assert_int_equal(turn_take(&t, true, 1000, &e), TURN_FAILED);
	assert_err(e, EXIT_LOCAL, "none/k-");
	turn_close(&t);
	turn_close(&t);
}

static void
test_need(void **state)
{
	const char *path = unit_path(dir, "need.lock");
	int fd = -1, other = -1;
	struct err e;

	(void)state;
	assert_int_equal(lock_need(path, 0, &fd, &e), 0);
	assert_int_equal(lock_need(path, 20, &other, &e), -1);
	assert_err(e, EXIT_LOCAL, "still locked");
	assert_int_equal(other, -1);
	assert_int_equal(
	    lock_need(unit_path(dir, "none/x.lock"), 0, &other, &e), -1);
	assert_err(e, EXIT_LOCAL, "none/x.lock");
	lock_drop(&fd);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_order),
		T(test_deadline),
		T(test_killed),
		T(test_cannot_lock),
		T(test_need),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
