#include "unit.h"

#include "buf.h"
#include "clock.h"
#include "sshconf.h"

static char *dir;

static int
setup(void **state)
{
	(void)state;
	dir = unit_dir();
	assert_int_equal(mkdir(unit_path(dir, ".ssh"), 0700), 0);
	assert_int_equal(mkdir(unit_path(dir, ".ssh/d"), 0700), 0);
	assert_int_equal(setenv("SHELL", "/bin/sh", 1), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unit_dir_remove(dir);
	return 0;
}

/* Ask about `alias` with this configuration; 0 or -1. */
static int
ask(struct sshconf *c, const char *alias, const char *text, struct err *e)
{
	char user[4096], system[4096];
	const struct sshconf_files files = {
		.home = dir, .user_file = user, .system_file = system
	};

	(void)snprintf(user, sizeof(user), "%s/.ssh/config", dir);
	(void)snprintf(system, sizeof(system), "%s/system", dir);
	unit_file(user, text, 0600);
	err_clear(e);
	return sshconf_load(c, alias, &files, clock_deadline(2000), e);
}

/* "host user port identities..." of an answer. */
static void
check(const char *alias, const char *text, const char *want)
{
	struct buf got = BUF_INIT;
	struct sshconf c;
	struct err e;
	size_t i;

	if (ask(&c, alias, text, &e) != 0)
		fail_msg("%s", e.msg);
	buf_addf(&got, "%s %s %s", c.host,
	    strcmp(c.user, c.local_user) == 0 ? "me" : c.user, c.port);
	for (i = 0; i < c.value[SSHCONF_IDENTITY_FILE].n; i++)
		buf_addf(&got, " %s", c.value[SSHCONF_IDENTITY_FILE].v[i]);
	if (strcmp(got.data, want) != 0)
		fail_msg("'%s' for:\n%s\nnot '%s'", got.data, text, want);
	buf_free(&got);
	sshconf_free(&c);
}

static void
test_values(void **state)
{
	(void)state;
	check("a", "", "a me 22");
	check("u@a", "User other\n", "a u 22");
	check("a", "# x\n\n  Port 5 # five\n\tport 6\nUser=u\n", "a u 5");
	check("a", "HostName = \"b c\"\nuser 'x y'\n", "b c x y 22");
	check("a", "HOSTNAME %h.example\nPort\t7\r\n", "a.example me 7");
	check("a", "Unknown x\nUser u\n", "a u 22");
	check("a", "User u\\ v", "a u v 22");
}

static void
test_host(void **state)
{
	(void)state;
	check("web1", "Host db\nPort 1\nHost web?\nPort 2\n", "web1 me 2");
	check("web1", "Host web* !web1\nPort 1\nHost *\nPort 2", "web1 me 2");
	check("web1", "Host !db *\nPort 1\n", "web1 me 1");
	check("web1", "Host !db\nPort 1\n", "web1 me 22");
	/* Host goes on looking at the name that was asked for. */
	check("a", "Host a\nHostName b\nHost a c\nUser u\nHost b\nPort 9\n",
	    "b u 22");
	check("a", "Host b\nPort 1\nHost *b*a*\nPort 2\n", "a me 22");
}

static void
test_match(void **state)
{
	(void)state;
	check("a", "Match all\nPort 1\n", "a me 1");
	check("a", "HostName b\nMatch host b\nPort 1\n", "b me 1");
	check("a", "HostName b\nMatch host a\nPort 1\n", "b me 22");
	check("a", "HostName b\nMatch originalhost a,c\nPort 1\n", "b me 1");
	check("a", "User u\nMatch user u host a\nPort 1\n", "a u 1");
	check("a", "User u\nMatch user u host b\nPort 1\n", "a u 22");
	check("a", "Match !host b\nPort 1\n", "a me 1");
	check("a", "Match host *,!a\nPort 1\n", "a me 22");
	check("a", "Match localuser *\nPort 1\n", "a me 1");
	check("a", "Match exec \"test %n = a\"\nPort 1\n", "a me 1");
	check("a", "Match exec \"test %n = b\"\nPort 1\n", "a me 22");
	check("a", "Match !exec false\nPort 1\n", "a me 1");
	check("a", "Match final all\nPort 1\n", "a me 22");
	check("a", "Match tagged x\nPort 1\n", "a me 22");
	check("a", "Match canonical\nPort 1\nMatch all\nPort 2\n", "a me 2");
	/* A command that hangs is not waited for. */
	check("a", "Match exec \"sleep 60\"\nPort 1\n", "a me 22");
}

static void
test_identities(void **state)
{
	char want[8192];

	(void)state;
	assert_int_equal(setenv("WHERE", "/w", 1), 0);
	(void)snprintf(want, sizeof(want),
	    "a me 22 /1 %s/.ssh/2 %s/3 /w/a /%%n", dir, dir);
	check("a",
	    "IdentityFile /1\nHost a\nIdentityFile ~/.ssh/2\nHost *\n"
	    "IdentityFile %d/3\nIdentityFile ${WHERE}/%n\n"
	    "IdentityFile /%%n\n",
	    want);
}

static void
test_include(void **state)
{
	(void)state;
	unit_file(unit_path(dir, ".ssh/d/1"), "Host b\nPort 1\n", 0600);
	unit_file(unit_path(dir, ".ssh/d/2"), "Host a\nPort 2\n", 0600);
	unit_file(unit_path(dir, ".ssh/d/3"), "User u\n", 0600);
	check("a", "Include d/*\nPort 9\n", "a u 2");
	check("a", "Include ~/.ssh/d/[13] \"none\"\n", "a u 22");
	/* In a block it applies with that block, and does not end it. */
	check("c", "Host a\nInclude d/*\nPort 9\n", "c me 22");
	check("a", "Host a\nInclude d/1\nPort 9\n", "a me 9");
	unit_file(unit_path(dir, "system"), "Port 8\nUser s\n", 0644);
	check("a", "Include d/3\n", "a u 8");
	assert_int_equal(unlink(unit_path(dir, "system")), 0);
}

static void
test_others(void **state)
{
	struct sshconf c;
	struct err e;

	(void)state;
	assert_int_equal(ask(&c, "a",
			     "Port 9\nProxyCommand nc -X 5 %h %p \"x y\"\n"
			     "ProxyJump j\nUserKnownHostsFile ~/k /l\n"
			     "UserKnownHostsFile /m\n"
			     "PubkeyAcceptedKeyTypes +ssh-rsa\n",
			     &e),
	    0);
	assert_string_equal(
	    sshconf_get(&c, SSHCONF_PROXY_COMMAND), "nc -X 5 a 9 \"x y\"");
	assert_string_equal(sshconf_get(&c, SSHCONF_PROXY_JUMP), "");
	assert_int_equal(c.value[SSHCONF_USER_KNOWN_HOSTS].n, 2);
	assert_string_equal(
	    sshconf_get(&c, SSHCONF_USER_KNOWN_HOSTS), unit_path(dir, "k"));
	assert_string_equal(
	    sshconf_get(&c, SSHCONF_PUBKEY_ALGORITHMS), "+ssh-rsa");
	sshconf_free(&c);
	assert_int_equal(ask(&c, "a", "ProxyJump j\nProxyCommand x\n", &e), 0);
	assert_string_equal(sshconf_get(&c, SSHCONF_PROXY_COMMAND), "");
	assert_string_equal(sshconf_get(&c, SSHCONF_PROXY_JUMP), "j");
	sshconf_free(&c);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "\nPort\n", "config:2: Port: needs a value" },
		{ "ProxyCommand  \n", "config:1: ProxyCommand" },
		{ "Match\n", "needs a criterion" },
		{ "Match host\n", "Match host: needs a value" },
		{ "Port 0\n", "no port" },
		{ "Port 65536\n", "no port" },
		{ "Port ssh\n", "no port" },
		{ "IdentityFile %z\n", "%-token" },
		{ "IdentityFile x%\n", "%-token" },
		{ "Include config\n", "too deep" },
	};
	struct sshconf c;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		if (ask(&c, "a", cases[i].text, &e) != -1)
			fail_msg("taken: %s", cases[i].text);
		assert_err(e, EXIT_LOCAL, cases[i].why);
		sshconf_free(&c);
	}
	assert_int_equal(ask(&c, "a", "", &e), 0);
	sshconf_free(&c);
	assert_int_equal(chmod(unit_path(dir, ".ssh/config"), 0620), 0);
	assert_int_equal(sshconf_load(&c, "a",
			     &(const struct sshconf_files){ .home = dir,
				 .user_file = unit_path(dir, ".ssh/config"),
				 .system_file = "/nonexistent" },
			     clock_deadline(1000), &e),
	    -1);
	assert_err(e, EXIT_LOCAL, "chmod");
	sshconf_free(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
