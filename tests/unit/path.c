#include "unit.h"

#include <pwd.h>

#include "path.h"

static void
check(char *got, const char *want)
{
	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static int
setup(void **state)
{
	(void)state;
	return setenv("HOME", "/home/ann", 1) != 0 ||
	    unsetenv("AGENTS_DIR") != 0 || unsetenv("AGENT_INBOX_DIR") != 0;
}

static void
test_home(void **state)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct err e;

	(void)state;
	check(path_home(&e), "/home/ann");
	if (pw == NULL || pw->pw_dir == NULL || pw->pw_dir[0] != '/') {
		skip();
		return;
	}
	assert_int_equal(unsetenv("HOME"), 0);
	check(path_home(&e), pw->pw_dir);
	assert_int_equal(setenv("HOME", "relative", 1), 0);
	check(path_home(&e), pw->pw_dir);
	assert_int_equal(setenv("HOME", "", 1), 0);
	check(path_home(NULL), pw->pw_dir);
}

/* ssh asks the passwd file, not HOME. */
static void
test_ssh_home(void **state)
{
	const struct passwd *pw = getpwuid(getuid());
	struct err e;

	(void)state;
	if (pw == NULL || pw->pw_dir == NULL || pw->pw_dir[0] != '/')
		skip();
	assert_int_equal(unsetenv("AGENT_SSH_HOME"), 0);
	check(path_ssh_home(&e), pw->pw_dir);
	assert_int_equal(setenv("HOME", "/elsewhere", 1), 0);
	check(path_ssh_home(&e), pw->pw_dir);
	assert_int_equal(setenv("AGENT_SSH_HOME", "", 1), 0);
	check(path_ssh_home(&e), pw->pw_dir);
	assert_int_equal(setenv("AGENT_SSH_HOME", "/world", 1), 0);
	check(path_ssh_home(&e), "/world");
	assert_int_equal(setenv("AGENT_SSH_HOME", "world", 1), 0);
	assert_null(path_ssh_home(&e));
	assert_err(e, EXIT_LOCAL, "AGENT_SSH_HOME: 'world'");
	assert_int_equal(unsetenv("AGENT_SSH_HOME"), 0);
}

/* A uid that no passwd entry names. */
static int
homeless(void *arg)
{
	struct err e;

	(void)arg;
	if (setresuid(3999999999U, 3999999999U, 3999999999U) != 0)
		return 1;
	if (unsetenv("HOME") != 0 || path_home(&e) != NULL ||
	    e.code != EXIT_LOCAL || strstr(e.msg, "set HOME") == NULL)
		return 2;
	return path_agents(&e) != NULL || path_inbox(NULL) != NULL ? 3 : 0;
}

static void
test_homeless(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(unit_child(homeless, NULL), 0);
}

static void
test_choose(void **state)
{
	struct err e;

	(void)state;
	check(path_agents(&e), "/home/ann/.agents");
	check(path_inbox(&e), "/home/ann/.agent-inbox");
	assert_int_equal(setenv("AGENTS_DIR", "/a", 1), 0);
	assert_int_equal(setenv("AGENT_INBOX_DIR", "/i", 1), 0);
	check(path_agents(&e), "/a");
	check(path_inbox(&e), "/i");
	assert_int_equal(setenv("AGENTS_DIR", "", 1), 0);
	check(path_agents(&e), "/home/ann/.agents");
	assert_int_equal(setenv("AGENTS_DIR", "a/b", 1), 0);
	assert_null(path_agents(&e));
	assert_err(e, EXIT_LOCAL, "AGENTS_DIR: 'a/b' is not an absolute path");
	assert_int_equal(setenv("AGENT_INBOX_DIR", "./i", 1), 0);
	assert_null(path_inbox(&e));
	assert_err(e, EXIT_LOCAL, "AGENT_INBOX_DIR: './i'");
}

static void
test_names(void **state)
{
	(void)state;
	check(path_join("/a", "b"), "/a/b");
	check(path_join("/a/", "b"), "/a/b");
	check(path_join("/", "b"), "/b");
	assert_string_equal(path_base("/a/b"), "b");
	assert_string_equal(path_base("b"), "b");
	assert_string_equal(path_base("/a/"), "");
	assert_string_equal(path_base(""), "");
}

static void
test_show(void **state)
{
	(void)state;
	check(path_show("/home/ann/x/y"), "~/x/y");
	check(path_show("/home/ann"), "~");
	check(path_show("/home/anna/x"), "/home/anna/x");
	check(path_show("/home"), "/home");
	check(path_show("x"), "x");
	check(path_show(""), "");
	assert_int_equal(setenv("HOME", "/home/ann/", 1), 0);
	check(path_show("/home/ann/x"), "~/x");
	assert_int_equal(setenv("HOME", "/", 1), 0);
	check(path_show("/x"), "/x");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_home, setup),
		cmocka_unit_test_setup(test_ssh_home, setup),
		cmocka_unit_test_setup(test_homeless, setup),
		cmocka_unit_test_setup(test_choose, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_show, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
