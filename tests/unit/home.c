#include "unit.h"

#include "file.h"
#include "home.h"
#include "mem.h"

struct fix {
	char *dir;
	char *agents;
};

static int
setup(void **state)
{
	struct fix *f = x_calloc(1, sizeof(*f));

	f->dir = unit_dir();
	f->agents = x_asprintf("%s/agents", f->dir);
	(void)setenv("HOME", f->dir, 1);
	(void)setenv("AGENTS_DIR", f->agents, 1);
	(void)unsetenv("AGENT_INBOX_DIR");
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;

	(void)unsetenv("AGENTS_DIR");
	unit_dir_remove(f->dir);
	x_free(f->agents);
	x_free(f);
	return 0;
}

static void
test_first_run(void **state)
{
	struct fix *f = *state;
	struct home h;
	struct stat st;
	struct err e;
	char machine[HOME_ID_LEN + 1];

	assert_int_equal(home_open(&h, &e), 0);
	assert_string_equal(h.dir, f->agents);
	assert_string_equal(h.inbox, unit_path(f->dir, ".agent-inbox"));
	assert_int_equal(stat(h.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(h.run, &st), 0);
	assert_int_equal(stat(h.log, &st), 0);
	assert_int_equal(stat(h.hosts, &st), 0);
	assert_int_equal(stat(unit_path(h.dir, "self.conf"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(str_host_ok(h.host));
	home_machine(machine, h.dir);
	assert_string_equal(h.host_id, machine);
	assert_int_equal(strlen(machine), HOME_ID_LEN);
	home_close(&h);
	/* It does not change by itself. */
	unit_file(unit_path(f->agents, "self.conf"),
	    "# mine\n\n  my.hub # and more\nmore\n", 0600);
	assert_int_equal(home_open(&h, &e), 0);
	assert_string_equal(h.host, "my-hub");
	home_close(&h);
	home_close(&h);
}

static void
test_alias(void **state)
{
	static const struct {
		const char *text, *alias;
	} good[] = {
		{ "hub", "hub" },
		{ "hub\n", "hub" },
		{ "# a\n#b\n\t hub # c\n", "hub" },
		{ "hub#c", "hub" },
		{ "h.u.b\r\n", "h-u-b" },
		{ "hub \t\r\nnext line", "hub" },
		{ "12345678901234567890123456789012",
		    "12345678901234567890123456789012" },
	};
	static const char *const bad[] = { "", "\n", "# only", "-x", "_x",
		"a/b", "a b", "bad name!", "a\tb # c", "a\xff",
		"123456789012345678901234567890123", ".x" };
	char out[HOST_MAX + 1];
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(good); i++) {
		assert_int_equal(home_alias("p", good[i].text, out, &e), 0);
		assert_string_equal(out, good[i].alias);
	}
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		assert_int_equal(home_alias("p", bad[i], out, &e), -1);
		assert_err(e, EXIT_LOCAL, "write");
	}
}

static void
test_short_name(void **state)
{
	static const struct {
		const char *name, *alias;
	} cases[] = {
		{ "hub", "hub" },
		{ "hub.example.org", "hub" },
		{ "_-hub x", "hub-x" },
		{ "", "host" },
		{ ".x", "host" },
		{ "...", "host" },
		{ "a2345678901234567890123456789012345",
		    "a2345678901234567890123456789012" },
	};
	char out[HOST_MAX + 1];
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		home_short_name(out, cases[i].name);
		assert_string_equal(out, cases[i].alias);
		assert_true(str_host_ok(out));
	}
}

static void
test_empty_conf(void **state)
{
	struct fix *f = *state;
	struct home h;
	struct err e;

	assert_int_equal(mkdir(f->agents, 0700), 0);
	unit_file(unit_path(f->agents, "self.conf"), "# nothing\n", 0600);
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "self.conf: names no host; write");
	home_close(&h);
	unit_file(unit_path(f->agents, "self.conf"), "hub\n", 0666);
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "chmod go-w");
	home_close(&h);
}

static void
test_writable_folder(void **state)
{
	struct fix *f = *state;
	struct home h;
	struct err e;

	assert_int_equal(mkdir(f->agents, 0700), 0);
	assert_int_equal(chmod(f->agents, 0770), 0);
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "chmod go-w");
	home_close(&h);
	assert_int_equal(chmod(f->agents, 0755), 0);
	assert_int_equal(home_open(&h, &e), 0);
	home_close(&h);
	/* A file in its place; a path that is none. */
	(void)setenv("AGENTS_DIR", unit_path(f->agents, "self.conf"), 1);
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "not a folder");
	assert_err(e, EXIT_LOCAL, "set AGENTS_DIR");
	home_close(&h);
	(void)setenv("AGENTS_DIR", "/proc/agents", 1);
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "set AGENTS_DIR");
	home_close(&h);
	(void)setenv("AGENTS_DIR", "relative", 1);
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "absolute");
	home_close(&h);
}

static int
child_foreign(void *arg)
{
	struct home h;
	struct err e = { .code = EXIT_OK };

	(void)arg;
	if (unit_drop_root() != 0)
		return 1;
	if (home_open(&h, &e) == 0)
		return 2;
	home_close(&h);
	return e.code == EXIT_LOCAL && strstr(e.msg, "chown") != NULL ? 0 : 3;
}

static void
test_foreign_folder(void **state)
{
	struct fix *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(f->agents, 0755), 0);
	/* root's is fine for anybody; another user's is not */
	assert_int_equal(chown(f->agents, 12345, 12345), 0);
	assert_int_equal(unit_child(child_foreign, NULL), 0);
}

static void
write_local(const struct fix *f, const char *folder, const char *host_id)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "[slices.hub]\nversion = 1\nhost_id = \"%s\"\n"
	    "generation = 1\n[agents.x]\nhost_id = \"0\"\n",
	    host_id);
	(void)f;
	unit_file(unit_path(folder, "local.toml"), text, 0600);
}

static void
test_shared_home(void **state)
{
	struct fix *f = *state;
	char name[256] = "", shown[HOST_MAX + 1], own[HOME_ID_LEN + 1];
	char *other;
	struct home h;
	struct err e;

	home_machine(own, f->agents);
	assert_int_equal(mkdir(f->agents, 0700), 0);
	write_local(f, f->agents, own);
	assert_int_equal(home_open(&h, &e), 0);
	assert_string_equal(h.dir, f->agents);
	home_close(&h);
	/* Another machine's: refused, then its own folder is taken. */
	write_local(f, f->agents, "0123456789abcdef");
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "another machine");
	assert_err(e, EXIT_LOCAL, "mkdir");
	home_close(&h);
	(void)gethostname(name, sizeof(name) - 1);
	home_short_name(shown, name);
	other = x_asprintf("%s.d/%s", f->agents, shown);
	assert_int_equal(file_make_dir(other, &e), 0);
	assert_int_equal(home_open(&h, &e), 0);
	assert_string_equal(h.dir, other);
	assert_int_equal(strncmp(h.local, other, strlen(other)), 0);
	home_close(&h);
	write_local(f, other, "0123456789abcdef");
	assert_int_equal(home_open(&h, &e), -1);
	assert_err(e, EXIT_LOCAL, "remove that file");
	home_close(&h);
	x_free(other);
}

static void
test_no_owner(void **state)
{
	struct fix *f = *state;
	static const char *const texts[] = { "", "[agents.x]\nhost = \"y\"\n",
		"[agents.x]\nhost_id = \"0123456789abcdef\"\n",
		"[slices.x]\nhost_id = \"0123\"\n", "\nhost_id = \"" };
	struct home h;
	struct err e;
	size_t i;

	assert_int_equal(mkdir(f->agents, 0700), 0);
	for (i = 0; i < UNIT_COUNT(texts); i++) {
		unit_file(unit_path(f->agents, "local.toml"), texts[i], 0600);
		assert_int_equal(home_open(&h, &e), 0);
		home_close(&h);
	}
}

static void
test_sweep_and_log(void **state)
{
	struct fix *f = *state;
	static char big[HOME_LOG_MAX + 2];
	struct home h;
	struct stat st;
	struct err e;
	int fd;

	assert_int_equal(home_open(&h, &e), 0);
	unit_file(unit_path(f->agents, "local.toml.tmp.AbCdEf"), "x", 0600);
	unit_file(unit_path(f->agents, "local.tomlx"), "x", 0600);
	unit_file(unit_path(h.hosts, "a.toml.tmp.AbCdEf"), "x", 0600);
	home_sweep(&h, "local.toml");
	home_sweep(&h, "hosts/a.toml");
	assert_int_not_equal(
	    stat(unit_path(h.hosts, "a.toml.tmp.AbCdEf"), &st), 0);
	assert_int_not_equal(
	    stat(unit_path(f->agents, "local.toml.tmp.AbCdEf"), &st), 0);
	assert_int_equal(stat(unit_path(f->agents, "local.tomlx"), &st), 0);

	memset(big, 'x', sizeof(big) - 1);
	unit_file(unit_path(h.log, "hook.log"), big, 0600);
	fd = home_log(&h, "hook.log", &e);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 0);
	(void)close(fd);
	assert_int_equal(stat(unit_path(h.log, "hook.log.1"), &st), 0);
	assert_int_equal(st.st_size, HOME_LOG_MAX + 1);
	assert_int_equal(home_log(&h, "no/such", &e), -1);
	assert_err(e, EXIT_LOCAL, "no/such");
	home_close(&h);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_first_run),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_short_name),
		TEST(test_empty_conf),
		TEST(test_writable_folder),
		TEST(test_foreign_folder),
		TEST(test_shared_home),
		TEST(test_no_owner),
		TEST(test_sweep_and_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
