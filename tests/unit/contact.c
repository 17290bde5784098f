#include "unit.h"

#include "contact.h"
#include "str.h"

static struct home home;
static char *dir;

static int
setup(void **state)
{
	struct err e;

	(void)state;
	dir = unit_dir();
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(setenv("AGENT_SSH_HOME", dir, 1), 0);
	assert_int_equal(setenv("AGENTS_DIR", unit_path(dir, "agents"), 1), 0);
	assert_int_equal(unsetenv("SSH_AUTH_SOCK"), 0);
	assert_int_equal(mkdir(unit_path(dir, ".ssh"), 0700), 0);
	assert_int_equal(home_open(&home, &e), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	home_close(&home);
	unit_dir_remove(dir);
	return 0;
}

static void
test_round_trip(void **state)
{
	struct contact c = { .host = "hub",
		.version = "0.1.0\xff\x1b[31m",
		.bash = true,
		.tried = 1790000000001,
		.answered = 1790000000000,
		.failed = "hub: no \"answer\"\n",
		.held = UINT64_MAX };
	struct contact back;
	char name[256];
	struct err e;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	contact_load(&back, &home, "h");
	assert_int_equal(back.tried, 0);
	assert_string_equal(back.host, "");
	assert_int_equal(contact_save(&c, &home, "h", &e), 0);
	assert_int_equal(contact_save(&c, &home, name, &e), 0);
	contact_load(&back, &home, name);
	assert_string_equal(back.host, "hub");
	contact_load(&back, &home, "h");
	assert_string_equal(back.host, "hub");
	assert_string_equal(back.failed, c.failed);
	assert_true(back.bash);
	assert_int_equal(back.tried, c.tried);
	assert_int_equal(back.answered, c.answered);
	assert_true(back.held == c.held);
	contact_remove(&home, "h");
	contact_load(&back, &home, "h");
	assert_int_equal(back.tried, 0);
}

static void
test_not_valid(void **state)
{
	struct contact c = { .host = "hub" };
	struct err e;

	(void)state;
	assert_int_equal(contact_save(&c, &home, "h", &e), 0);
	unit_file(unit_path(home.run, "peers/h"),
	    "host = \"../x\"\ntried = -1\nheld = 7\nbash = 1\n", 0600);
	contact_load(&c, &home, "h");
	assert_string_equal(c.host, "");
	assert_int_equal(c.tried, 0);
	assert_true(c.held == 0);
	assert_false(c.bash);
	unit_file(unit_path(home.run, "peers/h"), "garbage", 0600);
	contact_load(&c, &home, "h");
	assert_string_equal(c.host, "");
}

static void
test_keys(void **state)
{
	char identity[] = "~/key", none[] = "";
	struct peer peer = { .identity = none };
	uint64_t before, now;

	(void)state;
	before = contact_keys(&home, &peer);
	assert_true(before != 0);
	assert_true(contact_keys(&home, &peer) == before);

	unit_file(unit_path(home.dir, "peers.conf"), "h\n", 0600);
	now = contact_keys(&home, &peer);
	assert_true(now != before);
	before = now;
	unit_file(unit_path(dir, ".ssh/id_x"), "x", 0600);
	now = contact_keys(&home, &peer);
	assert_true(now != before);
	before = now;
	unit_file(unit_path(dir, ".ssh/id_x"), "xy", 0600);
	now = contact_keys(&home, &peer);
	assert_true(now != before);
	before = now;
	peer.identity = identity;
	now = contact_keys(&home, &peer);
	assert_true(now != before);
	before = now;
	unit_file(unit_path(dir, "key"), "xy", 0600);
	now = contact_keys(&home, &peer);
	assert_true(now != before);
	before = now;
	assert_int_equal(setenv("SSH_AUTH_SOCK", unit_path(dir, "key"), 1), 0);
	assert_true(contact_keys(&home, &peer) != before);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_round_trip),
		T(test_not_valid),
		T(test_keys),
	};
#undef T

	return cmocka_run_group_tests(tests, NULL, NULL);
}
