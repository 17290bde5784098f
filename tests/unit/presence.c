#include "unit.h"

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "presence.h"
#include "str.h"

UNIT_FOLDER

static const struct profile shell = { .kind = PROFILE_SHELL };
static const struct profile agent = { .kind = PROFILE_AGENT };
static const struct profile editor = { .kind = PROFILE_MODAL };

static const char *
state(enum classify_state classified, const struct profile *profile,
    int64_t quiet_s, int64_t stuck_s)
{
	const struct readiness r = { .state = classified, .profile = profile };

	return presence_name(presence_of(&r, quiet_s, stuck_s));
}

static void
test_states(void **unused)
{
	(void)unused;
	assert_string_equal(state(CLASSIFY_IDLE, &agent, 0, 900), "active");
	assert_string_equal(state(CLASSIFY_IDLE, &agent, 29, 900), "active");
	assert_string_equal(state(CLASSIFY_IDLE, &agent, 30, 900), "idle");
	assert_string_equal(state(CLASSIFY_TYPED, &agent, 299, 900), "idle");
	assert_string_equal(state(CLASSIFY_IDLE, &agent, 300, 900), "away");
	/* Waiting for a message is no fault, however long. */
	assert_string_equal(state(CLASSIFY_IDLE, &agent, 9000, 900), "away");
	assert_string_equal(state(CLASSIFY_BUSY, &agent, 899, 900), "active");
	assert_string_equal(state(CLASSIFY_BUSY, &agent, 900, 900), "stuck");
	assert_string_equal(state(CLASSIFY_BUSY, &agent, 90000, 0), "active");
	/* A threshold below the other ones is taken at its word. */
	assert_string_equal(state(CLASSIFY_BUSY, &agent, 10, 10), "stuck");
	assert_string_equal(state(CLASSIFY_MODAL, &agent, 5, 900), "asking");
	assert_string_equal(state(CLASSIFY_MODAL, &agent, 900, 900), "stuck");
	/* No agent: nobody expects anything of it. */
	assert_string_equal(state(CLASSIFY_MODAL, NULL, 900, 900), "asking");
	assert_string_equal(state(CLASSIFY_BUSY, NULL, 900, 900), "active");
	assert_string_equal(state(CLASSIFY_MODAL, &editor, 900, 9), "away");
	assert_string_equal(state(CLASSIFY_PASSWORD, NULL, 5, 900), "asking");
	assert_string_equal(state(CLASSIFY_SHELL_LEFT, &shell, 0, 9), "shell");
	assert_string_equal(state(CLASSIFY_IDLE, &shell, 0, 900), "shell");
	assert_string_equal(state(CLASSIFY_MODAL, &shell, 0, 900), "asking");
	assert_string_equal(state(CLASSIFY_DEAD, &agent, 0, 900), "gone");
	assert_string_equal(state(CLASSIFY_UNKNOWN, NULL, 0, 900), "active");
	assert_string_equal(state(CLASSIFY_UNKNOWN, NULL, 400, 900), "away");
}

static void
test_words(void **unused)
{
	size_t i;

	(void)unused;
	for (i = 0; i < PRESENCE_STATES; i++) {
		enum presence_state s = (enum presence_state)i;

		assert_int_equal(presence_find(presence_name(s)), s);
		assert_true(strlen(presence_sign(s)) > 0);
	}
	assert_int_equal(presence_find(""), PRESENCE_UNKNOWN);
	assert_int_equal(presence_find("\x1b[31m"), PRESENCE_UNKNOWN);
}

/* How often the feed has been told. */
static int
told(void)
{
	struct buf text = BUF_INIT;
	const char *at;
	int n = 0;

	(void)file_read(unit_path(dir, "log/feed.jsonl"), &text, NULL);
	for (at = text.data; (at = strstr(at, "\"stuck\"")) != NULL; at++)
		n++;
	buf_free(&text);
	return n;
}

static void
test_notice(void **unused)
{
	struct home home = HOME_INIT;
	struct agent a, b;
	struct presence_seen seen[2] = { { .agent = &a }, { .agent = &b } };
	const struct presence_list list = {
		.own = SLICE_AHEAD_INIT, .v = seen, .n = 2
	};
	char run[4096], log[4096];
	struct err e;

	(void)unused;
	(void)snprintf(run, sizeof(run), "%s", unit_path(dir, "run"));
	(void)snprintf(log, sizeof(log), "%s", unit_path(dir, "log"));
	assert_int_equal(mkdir(run, 0700), 0);
	assert_int_equal(mkdir(log, 0700), 0);
	home.run = run;
	home.log = log;
	agent_init(&a);
	agent_init(&b);
	(void)snprintf(a.id, sizeof(a.id), "aaaaaaaaaaaaaaaaaaaa");
	(void)snprintf(b.id, sizeof(b.id), "bbbbbbbbbbbbbbbbbbbb");
	clock_freeze(1000000000);
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 0);
	seen[0].now =
	    (struct presence){ .state = PRESENCE_STUCK, .quiet_s = 900 };
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 1);
	/* Later, and a second off: the same time. */
	clock_freeze(1000300000);
	seen[0].now.quiet_s = 1201;
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 1);
	/* Another one beside it. */
	seen[1].now = seen[0].now;
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 2);
	/* It printed something in between, seen by nobody, and is stuck again.
	 */
	clock_freeze(1002000000);
	seen[0].now.quiet_s = 1000;
	seen[1].now.quiet_s = 2901;
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 3);
	/* It is not seen to be, or not seen at all, and then is again. */
	seen[0].now.state = PRESENCE_ACTIVE;
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	seen[0].now =
	    (struct presence){ .state = PRESENCE_UNKNOWN, .quiet_s = -1 };
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	seen[0].now =
	    (struct presence){ .state = PRESENCE_STUCK, .quiet_s = 1000 };
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 3);
	/* Only what it prints ends it. */
	seen[0].now =
	    (struct presence){ .state = PRESENCE_ACTIVE, .quiet_s = 1 };
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	seen[0].now =
	    (struct presence){ .state = PRESENCE_STUCK, .quiet_s = 900 };
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 4);
	/* A file that makes no sense. */
	unit_file(unit_path(dir, "run/stuck"),
	    "x\n\n\xff 1 2\naaaaaaaaaaaaaaaaaaa", 0600);
	assert_int_equal(presence_notice(&home, &list, &e), 0);
	assert_int_equal(told(), 6);
	clock_freeze(-1);
	agent_free(&a);
	agent_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_notice),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
