#include "host.h"

#include "exchange.h"
#include "file.h"
#include "origin.h"
#include "str.h"

#define T0 ((int64_t)1790000000 * 1000)
#define ID_X "0123456789abcdef"
#define ID_Z "fedcba9876543210"

static struct home home;
static char *dir;

/* x is known through h, z is not; both have an agent. */
static int
setup(void **state)
{
	static const char *const hosts[] = { "x", "z" },
				 *ids[] = { ID_X, ID_Z };
	static const char peers[] = "h\nx through=h\n";
	bool changed;
	char *text;
	size_t i;
	struct err e;

	(void)state;
	dir = host_up(&home, T0);
	assert_int_equal(file_replace(unit_path(home.dir, "peers.conf"), peers,
			     sizeof(peers) - 1, FILE_FAST, &e),
	    0);
	for (i = 0; i < UNIT_COUNT(hosts); i++) {
		text = host_slice(hosts[i], ids[i], T0, "");
		assert_int_equal(exchange_take_third(&home, "h", hosts[i], 1, 0,
				     text, strlen(text), &changed, &e),
		    0);
		x_free(text);
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	host_down(&home, dir);
	return 0;
}

static struct origin from;

/* A message that `host` brought. */
static void
brought(
    const char *host, const char *name, const char *path, const char *vouched)
{
	struct frame f;
	struct err e;

	frame_init(&f, FRAME_DELIVER, "a");
	frame_add(&f, "From", name);
	frame_add(&f, "Sender", name);
	if (path != NULL)
		frame_add(&f, "Path", path);
	if (vouched != NULL)
		frame_add(&f, "Vouched", vouched);
	assert_int_equal(origin_read(&home, host, &f, &from, &e), 0);
	frame_free(&f);
}

static void
assert_from(const char *host, const char *note, const char *vouch)
{
	static const char path[] = "x." ID_X " h." ID_Z;
	const char *is = origin_vouch(from.name, from.note, from.host, path);
	struct allow_sender sender = origin_sender(&from, "h");

	assert_string_equal(from.host, host);
	assert_string_equal(from.note, note);
	if (vouch == NULL)
		assert_null(is);
	else
		assert_string_equal(is, vouch);
	assert_string_equal(sender.name, "");
	assert_null(sender.host);
	assert_string_equal(from.folder, "unverified-h");
}

/* What is believed of one that was handed on. */
static void
test_handed_on(void **state)
{
	static const char path[] = "x." ID_X;
	const char *through = MAIL_THROUGH "h";

	(void)state;
	brought("h", "x-dev-w", path, ORIGIN_SENDER);
	assert_from("x", through, ORIGIN_SENDER);
	assert_true(mail_answerable(from.name, from.note));
	/* not vouched for, or not for all of it */
	brought("h", "x-dev-w", path, NULL);
	assert_from("h", "unverified", NULL);
	brought("h", "x-dev-w", path, "1");
	assert_from("h", "unverified", NULL);
	brought("h", "x-dev-w", path, ORIGIN_HOST);
	assert_from("x", "unverified", ORIGIN_HOST);
	/* no agent of it */
	brought("h", "x-s-other", path, ORIGIN_SENDER);
	assert_from("x", "unverified", ORIGIN_HOST);
	brought("h", "z-dev-w", path, ORIGIN_SENDER);
	assert_from("x", "unverified", ORIGIN_HOST);
	brought("h", "root@x", path, ORIGIN_SENDER);
	assert_from("x", "no reply", ORIGIN_HOST);
	brought("h", "root@z", path, ORIGIN_SENDER);
	assert_from("x", "unverified", ORIGIN_HOST);
	/* another machine, and a host that no line names */
	brought("h", "x-dev-w", "x." ID_Z, ORIGIN_SENDER);
	assert_from("h", "unverified", NULL);
	brought("h", "z-dev-w", "z." ID_Z, ORIGIN_SENDER);
	assert_from("h", "unverified", NULL);
	/* only its begin counts */
	brought("h", "x-dev-w", "z." ID_Z " x." ID_X, ORIGIN_SENDER);
	assert_from("h", "unverified", NULL);
	brought("h", "x-dev-w", "x." ID_X " z." ID_Z, ORIGIN_SENDER);
	assert_from("x", through, ORIGIN_SENDER);
}

/* Brought by one that the line of x does not name. */
static void
test_by_another(void **state)
{
	(void)state;
	brought("z", "x-dev-w", "x." ID_X, ORIGIN_SENDER);
	assert_string_equal(from.host, "z");
	assert_string_equal(from.note, "unverified");
	assert_false(mail_answerable(from.name, from.note));
}

static void
test_no_way(void **state)
{
	struct frame f;
	struct err e;

	(void)state;
	frame_init(&f, FRAME_DELIVER, "a");
	frame_add(&f, "From", "x-dev-w");
	frame_add(&f, "Path", "../x." ID_X);
	assert_int_equal(origin_read(&home, "h", &f, &from, &e), -1);
	assert_int_equal(e.code, EXIT_USAGE);
	frame_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    test_handed_on, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_by_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_way, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
