#include "unit.h"

#include "file.h"
#include "peers.h"

UNIT_FOLDER

static int
parse(struct peers *p, const char *text, struct err *e)
{
	err_clear(e);
	return peers_parse(p, "p", text, strlen(text), e);
}

static void
test_lines(void **state)
{
	static const char text[] =
	    "# the mesh\n"
	    "\n"
	    "hub\n"
	    "  web.1  serve=/opt/pm+1/agent-serve identity=~/.ssh/k  # mine\r\n"
	    "u@db:22\tvia=ssh accept=mail allow=type,force\n"
	    "box allow=urgent command=docker exec -i box=1 agent-serve # x\n"
	    "lap through=u@db:22 # not dialled\n"
	    "r relay=yes allow=relay\n"
	    "lt dial=no relay=yes allow=urgent\n"
	    "last";
	const struct peer *peer;
	struct peers p;
	struct err e;

	(void)state;
	assert_int_equal(parse(&p, text, &e), 0);
	assert_int_equal(p.n, 7);
	peer = peers_find(&p, "hub");
	assert_non_null(peer);
	assert_string_equal(peer->serve, "");
	assert_string_equal(peer->identity, "");
	assert_int_equal(peer->command.n, 0);
	assert_false(peer->via_ssh || peer->accept_mail || peer->allow_type ||
	    peer->allow_urgent || peer->allow_force);
	peer = peers_find(&p, "web.1");
	assert_string_equal(peer->serve, "/opt/pm+1/agent-serve");
	assert_string_equal(peer->identity, "~/.ssh/k");
	peer = peers_find(&p, "u@db:22");
	assert_true(peer->via_ssh && peer->accept_mail && peer->allow_type &&
	    !peer->allow_urgent && peer->allow_force);
	peer = peers_find(&p, "box");
	assert_true(peer->allow_urgent);
	assert_int_equal(peer->command.n, 5);
	assert_string_equal(peer->command.v[0], "docker");
	assert_string_equal(peer->command.v[3], "box=1");
	assert_string_equal(peer->command.v[4], "agent-serve");
	assert_string_equal(peer->through, "");
	assert_false(peer->relay || peer->allow_relay);
	peer = peers_find(&p, "r");
	assert_true(peer->relay && peer->allow_relay);
	assert_false(peer->dials);
	assert_null(peers_find(&p, "lt"));
	assert_int_equal(p.dialling_n, 1);
	peer = peers_find_any(&p, "lt");
	assert_true(peer->dials && peer->relay && peer->allow_urgent);
	assert_ptr_equal(peers_find_any(&p, "r"), peers_find(&p, "r"));
	assert_null(peers_find_any(&p, "nobody"));
	peer = peers_find(&p, "lap");
	assert_string_equal(peer->through, "u@db:22");
	assert_non_null(peers_find(&p, "last"));
	assert_null(peers_find(&p, "hu"));
	assert_null(peers_find(&p, "#"));
	peers_free(&p);
	peers_free(&p);
}

static void
test_bad_lines(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "-oProxyCommand=x\n", "p:1: '-oProxyCommand=x' is no alias" },
		{ "a\n\nb c\n", "p:3: 'c' is no key=value" },
		{ "a x=1\n", "x=: no such key" },
		{ "a serve=/x serve=/x\n", "serve= stands twice" },
		{ "a serve=x\n", "absolute path" },
		{ "a serve=/x;y\n", "absolute path" },
		{ "a serve=/$HOME\n", "absolute path" },
		{ "a serve=\n", "absolute path" },
		{ "a identity=k\n", "neither" },
		{ "a via=telnet\n", "not ssh" },
		{ "a accept=all\n", "not mail" },
		{ "a allow=\n", "none of" },
		{ "a relay=no\n", "relay=: 'no' is not yes" },
		{ "a relay=yes through=b\n", "through= stands alone" },
		{ "a dial=yes\n", "dial=: 'yes' is not no" },
		{ "a dial=no through=b\n", "only allow= and relay=" },
		{ "a accept=mail dial=no\n", "only allow= and relay=" },
		{ "a dial=no command=x\n", "only allow= and relay=" },
		{ "a@b dial=no\n", "'a@b' can be none" },
		{ "a dial=no\na\n", "stands in a line above" },
		{ "a allow=type,\n", "none of" },
		{ "a allow=types\n", "'types'" },
		{ "a command=\n", "no program" },
		{ "a via=ssh command=x\n", "beside command=" },
		{ "a serve=/x command=x\n", "beside command=" },
		{ "a\nb\na\n", "p:3: 'a' stands in a line above" },
		{ "a through=\n", "no alias of another peer" },
		{ "a through=-b\n", "no alias of another peer" },
		{ "a through=a\n", "no alias of another peer" },
		{ "a.b through=h\n", "'a.b' can be none" },
		{ "a through=h through=h\n", "stands twice" },
		{ "a through=h accept=mail\n", "stands alone" },
		{ "a via=ssh through=h\n", "stands alone" },
		{ "a through=h command=x\n", "stands alone" },
	};
	struct peers p;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		if (parse(&p, cases[i].text, &e) != -1)
			fail_msg("taken: %s", cases[i].text);
		assert_err(e, EXIT_LOCAL, cases[i].why);
		peers_free(&p);
	}
	assert_int_equal(peers_parse(&p, "p", "a\0b", 3, &e), -1);
	assert_err(e, EXIT_LOCAL, "NUL");
	peers_free(&p);
}

static void
test_alias(void **state)
{
	char long_one[PEERS_ALIAS_MAX + 2];

	(void)state;
	assert_true(peers_alias_ok("a"));
	assert_true(peers_alias_ok("u@h.example_x-1:2"));
	assert_false(peers_alias_ok(""));
	assert_false(peers_alias_ok("-a"));
	assert_false(peers_alias_ok(".a"));
	assert_false(peers_alias_ok("a b"));
	assert_false(peers_alias_ok("a/b"));
	assert_false(peers_alias_ok("a\n"));
	assert_false(peers_alias_ok("\xc3\xa9"));
	memset(long_one, 'x', sizeof(long_one));
	long_one[PEERS_ALIAS_MAX] = '\0';
	assert_true(peers_alias_ok(long_one));
	long_one[PEERS_ALIAS_MAX] = 'x';
	long_one[PEERS_ALIAS_MAX + 1] = '\0';
	assert_false(peers_alias_ok(long_one));
}

static void
test_caps(void **state)
{
	struct buf b = BUF_INIT;
	struct peers p;
	struct err e;
	int i;

	(void)state;
	for (i = 0; i < PEERS_MAX; i++)
		buf_addf(&b, "h%d\n", i);
	assert_int_equal(parse(&p, b.data, &e), 0);
	assert_int_equal(p.n, PEERS_MAX);
	peers_free(&p);
	buf_adds(&b, "one-more\n");
	assert_int_equal(parse(&p, b.data, &e), -1);
	assert_err(e, EXIT_LOCAL, "more than 1000 peers");
	peers_free(&p);
	while (b.len <= PEERS_SIZE_MAX)
		buf_adds(&b, "# filler filler filler filler filler filler\n");
	unit_file(unit_path(dir, "big"), b.data, 0600);
	assert_int_equal(peers_load(&p, unit_path(dir, "big"), &e), -1);
	assert_err(e, EXIT_LOCAL, "larger than");
	peers_free(&p);
	buf_free(&b);
}

static void
test_load(void **state)
{
	struct peers p;
	struct err e;

	(void)state;
	assert_int_equal(peers_load(&p, unit_path(dir, "none"), &e), 0);
	assert_int_equal(p.n, 0);
	peers_free(&p);
	unit_file(unit_path(dir, "c"), "a\n", 0600);
	assert_int_equal(peers_load(&p, unit_path(dir, "c"), &e), 0);
	assert_int_equal(p.n, 1);
	peers_free(&p);
	unit_file(unit_path(dir, "open"), "a\n", 0622);
	assert_int_equal(peers_load(&p, unit_path(dir, "open"), &e), -1);
	assert_err(e, EXIT_LOCAL, "chmod");
	peers_free(&p);
}

static void
check_file(const char *path, const char *want)
{
	struct buf b = BUF_INIT;

	assert_int_equal(file_read(path, &b, NULL), FILE_READ);
	assert_string_equal(b.data, want);
	buf_free(&b);
}

static void
test_add_remove(void **state)
{
	const char *path = unit_path(dir, "peers.conf");
	char *real = strdup(unit_path(dir, "elsewhere"));
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(peers_add(path, "hub", &e), 0);
	check_file(path, "hub\n");
	assert_int_equal(peers_add(path, "hub", &e), 1);
	assert_int_equal(peers_add(path, "-x", &e), -1);
	assert_err(e, EXIT_USAGE, "no alias");
	/* What people wrote stays; a link stays a link. */
	unit_file(real, "# mine\n\tweb serve=/s # web\nwebb", 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(peers_add(path, "hub", &e), 0);
	check_file(real, "# mine\n\tweb serve=/s # web\nwebb\nhub\n");
	assert_int_equal(peers_remove(path, "web", &e), 0);
	check_file(real, "# mine\nwebb\nhub\n");
	assert_int_equal(peers_remove(path, "web", &e), 1);
	assert_int_equal(peers_remove(path, "# mine", &e), 1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* One that cannot be read is not rewritten. */
	unit_file(real, "a b\n", 0600);
	assert_int_equal(peers_add(path, "hub", &e), -1);
	assert_err(e, EXIT_LOCAL, ":1: ");
	assert_int_equal(peers_remove(path, "hub", &e), -1);
	check_file(real, "a b\n");
	free(real);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_add_remove),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
