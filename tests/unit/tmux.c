/* The tmux client: what it is told, what it answers, with a stand-in for tmux
 * for its failures and a real server for the rest. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "../../src/tmux_look.c"
#include "../../src/tmux_scan.c"

#include "clock.h"

static char *dir, *old_bin;
static char path_buf[512];
static struct tmux server; /* a real one */

static const char *
in_dir(const char *name)
{
	(void)snprintf(path_buf, sizeof(path_buf), "%s/%s", dir, name);
	return path_buf;
}

static int
setup(void **state)
{
	struct argv args = ARGV_INIT;
	char conf[512];
	struct err e;
	int rc;

	(void)state;
	dir = unit_dir();
	old_bin = getenv("TMUX_BIN");
	if (tmux_open(&server, in_dir("real.sock"), &e) != 0)
		return -1;
	/* whoever runs this may have no shell that runs commands */
	(void)snprintf(conf, sizeof(conf), "%s/conf", dir);
	unit_file(conf, "set -g default-shell /bin/sh\n", 0600);
	argv_addl(&args, "-f", conf, "new-session", "-d", "-s", "main", "-n",
	    "first", "-x", "80", "-y", "24", "exec sleep 1000", NULL);
	rc = tmux_call(&server, &args, NULL, 0, NULL, &e) == TMUX_OK ? 0 : -1;
	argv_free(&args);
	return rc;
}

static int
teardown(void **state)
{
	struct argv args = ARGV_INIT;

	(void)state;
	argv_add(&args, "kill-server");
	(void)tmux_call(&server, &args, NULL, 0, NULL, NULL);
	argv_free(&args);
	unit_dir_remove(dir);
	return 0;
}

/* From now on tmux is this script; NULL: the real one again. */
static void
fake(const char *script)
{
	char *text, *path;

	if (script == NULL) {
		if (old_bin == NULL)
			(void)unsetenv("TMUX_BIN");
		else
			(void)setenv("TMUX_BIN", old_bin, 1);
		return;
	}
	text = x_asprintf("#!/bin/sh\n%s\n", script);
	path = x_asprintf("%s/fake", dir);
	unit_file(path, text, 0700);
	(void)setenv("TMUX_BIN", path, 1);
	x_free(path);
	x_free(text);
}

static enum tmux_result
call(struct tmux *t, const char *word, struct buf *out, struct err *e)
{
	struct argv args = ARGV_INIT;
	enum tmux_result result;

	argv_add(&args, word);
	err_clear(e);
	result = tmux_call(t, &args, NULL, 0, out, e);
	argv_free(&args);
	return result;
}

static void
test_open(void **state)
{
	char path[PANE_SOCKET_MAX + 2];
	struct tmux t;
	struct err e;

	(void)state;
	assert_int_equal(tmux_open(&t, "/nowhere/at/all", &e), 0);
	assert_int_equal(t.timeout_ms, TMUX_TIMEOUT_MS);
	assert_int_equal(tmux_open(&t, "relative", &e), -1);
	assert_err(e, EXIT_USAGE, "relative: is no path of a tmux socket");
	assert_int_equal(tmux_open(&t, "", &e), -1);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[PANE_SOCKET_MAX - 1] = '\0';
	assert_int_equal(tmux_open(&t, path, &e), 0);
	path[PANE_SOCKET_MAX - 1] = 'x';
	path[PANE_SOCKET_MAX] = '\0';
	assert_int_equal(tmux_open(&t, path, &e), -1);
	assert_err(e, EXIT_USAGE, "at most 107 bytes");
	if (geteuid() == 0) {
		unit_file(in_dir("theirs"), "", 0600);
		assert_int_equal(chown(in_dir("theirs"), UNIT_NOBODY, 0), 0);
		assert_int_equal(tmux_open(&t, in_dir("theirs"), &e), -1);
		assert_err(e, EXIT_LOCAL, "tmux server of uid 65534");
	}
}

static void
test_arguments(void **state)
{
	struct buf out = BUF_INIT;
	struct err e;

	(void)state;
	/* which arguments, and nothing of our environment but a few */
	fake("printf '%s|' \"$@\"; echo \"$LC_ALL $TERM $SECRET$TMUX\"");
	(void)setenv("SECRET", "s3cret", 1);
	(void)setenv("TMUX", "/tmp/other,1,0", 1);
	assert_int_equal(call(&server, "a;b", &out, &e), TMUX_OK);
	(void)unsetenv("TMUX");
	(void)unsetenv("SECRET");
	assert_true(str_starts(out.data, "-u|-S|/"));
	assert_true(str_ends(out.data, "/real.sock|a;b|C.UTF-8 dumb \n"));
	buf_free(&out);
	fake(NULL);
}

static void
test_failures(void **state)
{
	static const struct {
		const char *script;
		enum tmux_result result;
		enum exit_code code;
		const char *says;
	} cases[] = {
		{ "echo 'no server running on /x' >&2; exit 1", TMUX_NO_SERVER,
		    EXIT_WIRE, "no tmux server is running there" },
		{ "echo 'error connecting to /x (No such file or directory)' "
		  ">&2; exit 1",
		    TMUX_NO_SERVER, EXIT_WIRE, "no tmux server is running" },
		{ "echo 'error connecting to /x (Connection refused)' >&2; "
		  "exit 1",
		    TMUX_NO_SERVER, EXIT_WIRE, "no tmux server is running" },
		{ "echo 'error connecting to /x (Permission denied)' >&2; "
		  "exit 1",
		    TMUX_FAILED, EXIT_LOCAL, "may not be reached from here" },
		{ "echo 'error connecting to /x (Operation not permitted)' "
		  ">&2; exit 1",
		    TMUX_FAILED, EXIT_LOCAL, "sandbox" },
		{ "echo 'protocol version mismatch (client 7, server 8)' >&2; "
		  "exit 1",
		    TMUX_FAILED, EXIT_WIRE, "set TMUX_BIN" },
		{ "exit 3", TMUX_FAILED, EXIT_WIRE, "failed with status 3" },
		{ "kill -9 $$", TMUX_FAILED, EXIT_WIRE, "status 137" },
		{ "printf 'one\\ntwo\\n' >&2; exit 1", TMUX_FAILED, EXIT_WIRE,
		    "tmux: one" },
	};
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		fake(cases[i].script);
		assert_int_equal(call(&server, "x", NULL, &e), cases[i].result);
		assert_err(e, cases[i].code, cases[i].says);
		assert_null(strchr(e.msg, '\n'));
	}
	(void)setenv("TMUX_BIN", "/nonexistent/tmux", 1);
	assert_int_equal(call(&server, "x", NULL, &e), TMUX_FAILED);
	if (!unit_valgrind())
		assert_err(e, EXIT_WIRE, "/nonexistent/tmux: cannot run it");
	fake(NULL);
}

/* A server that never answers, and one that never stops. */
static void
test_bounds(void **state)
{
	struct buf out = BUF_INIT_MAX(100);
	int64_t begun = clock_mono_ms();
	struct tmux t = server;
	struct err e;

	(void)state;
	fake("sleep 100");
	t.timeout_ms = 200;
	assert_int_equal(call(&t, "x", NULL, &e), TMUX_FAILED);
	assert_err(e, EXIT_WIRE, "the tmux server does not answer");
	assert_true(clock_mono_ms() - begun < 2500);
	fake("head -c 200000 /dev/zero | tr '\\0' x");
	assert_int_equal(call(&server, "x", &out, &e), TMUX_FAILED);
	assert_err(e, EXIT_LOCAL, "answer of tmux: larger than");
	buf_free(&out);
	fake(NULL);
}

static void
test_mark(void **state)
{
	const char *mark = tmux_mark();
	size_t i;

	(void)state;
	assert_ptr_equal(mark, tmux_mark());
	assert_int_equal(strlen(mark), 18);
	for (i = 0; mark[i] != '\0'; i++)
		assert_non_null(strchr("~0123456789abcdef", mark[i]));
}

static void
test_split(void **state)
{
	char line[] = "a~x~~x~b~x~", *f[8];

	(void)state;
	assert_int_equal(tmux_split(line, "~x~", f, 8), 4);
	assert_string_equal(f[0], "a");
	assert_string_equal(f[1], "");
	assert_string_equal(f[2], "b");
	assert_string_equal(f[3], "");
	memcpy(line, "a~x~b~x~c", 10);
	assert_int_equal(tmux_split(line, "~x~", f, 2), 2);
	assert_string_equal(f[1], "b");
	assert_int_equal(tmux_split(line, "~x~", f, 0), 0);
}

/* A row as tmux prints it, with one field replaced. */
static void
add_row(struct buf *b, size_t field, const char *value)
{
	static const char *const row[] = { "123", "1700000000", "3.3a", "$1",
		"@2", "0", "%3", "456", "0", "1", "0", "1", "/dev/pts/3", "",
		"", "", "main", "win\tdow\nname", "title", "role", "", "name",
		"profile", "project", "status" };
	size_t i;

	assert_int_equal(UNIT_COUNT(row), ROW_END);
	for (i = 0; i < UNIT_COUNT(row); i++)
		buf_addf(b, "%s~m~", i == field ? value : row[i]);
	buf_addc(b, '\n');
}

static void
test_rows(void **state)
{
	struct tmux_rows rows = { .v = NULL };
	struct buf b = BUF_INIT;

	(void)state;
	add_row(&b, ROW_DEAD, "0");
	add_row(&b, ROW_PANE_PID, "-1"); /* of a dead pane */
	add_row(&b, ROW_WINDOW_NAME, "bad\xff");
	add_row(&b, ROW_AGENT_SEEN, "on");
	assert_int_equal(tmux_parse_rows(b.data, b.len, "~m~", "/s", &rows), 0);
	assert_int_equal(rows.n, 4);
	assert_int_equal(rows.v[0].ident.server_pid, 123);
	assert_int_equal(rows.v[0].ident.server_start, 1700000000);
	assert_int_equal(rows.v[0].ident.pane_pid, 456);
	assert_string_equal(rows.v[0].ident.pane, "%3");
	assert_string_equal(rows.v[0].ident.socket, "/s");
	assert_int_equal(rows.v[0].session_number, 1);
	assert_true(rows.v[0].pane_active);
	assert_true(rows.v[0].automatic_rename);
	assert_false(rows.v[0].dead);
	assert_false(rows.v[0].agent_seen);
	assert_string_equal(rows.v[0].window_name, "win\tdow\nname");
	assert_string_equal(rows.v[0].name, "name");
	assert_int_equal(rows.v[1].ident.pane_pid, 0);
	assert_string_equal(rows.v[2].window_name, "bad?");
	assert_true(rows.v[3].agent_seen);
	tmux_rows_free(&rows);
	assert_int_equal(rows.n, 0);
	buf_free(&b);
}

static void
test_bad_rows(void **state)
{
	static const struct {
		size_t field;
		const char *value;
	} bad[] = {
		{ ROW_SERVER_PID, "" },
		{ ROW_SERVER_PID, "1x" },
		{ ROW_SERVER_START, "-5" },
		{ ROW_PANE, "3" },
		{ ROW_PANE, "%" },
		{ ROW_PANE, "%12345678901" },
		{ ROW_WINDOW, "$1" },
		{ ROW_SESSION, "@1" },
		{ ROW_SESSION, "$9999999999" },
		{ ROW_WINDOW_INDEX, "x" },
		{ ROW_PANE_INDEX, "4294967296" },
		{ ROW_VERSION, "a version that is far too long" },
		{ ROW_TTY,
		    "/dev/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxx" },
		{ ROW_TITLE, "a~m~b" },
	};
	struct tmux_rows rows = { .v = NULL };
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++)
		add_row(&b, bad[i].field, bad[i].value);
	buf_adds(&b, "rubbish~m~\n~m~\n");
	add_row(&b, ROW_DEAD, "1"); /* good again */
	buf_adds(&b, "cut off");
	assert_int_equal(tmux_parse_rows(b.data, b.len, "~m~", "/s", &rows),
	    UNIT_COUNT(bad) + 3);
	assert_int_equal(rows.n, 1);
	assert_true(rows.v[0].dead);
	tmux_rows_free(&rows);
	assert_int_equal(tmux_parse_rows("", 0, "~m~", "/s", &rows), 0);
	assert_int_equal(rows.n, 0);
	tmux_rows_free(&rows);
	buf_free(&b);
}

static void
test_versions(void **state)
{
	static const char *const good[] = { "3.2", "3.3a", "3.10", "4.0",
		"next-3.4", "openbsd-7.4", "master" };
	static const char *const old[] = { "3.1c", "2.9a", "1.8", "next-3.1",
		"3.0" };
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(good); i++)
		assert_true(tmux_version_ok(good[i]));
	for (i = 0; i < UNIT_COUNT(old); i++)
		assert_false(tmux_version_ok(old[i]));
}

static void
test_scan(void **state)
{
	struct tmux_rows rows = { .v = NULL };
	struct tmux none;
	struct err e;

	(void)state;
	assert_int_equal(tmux_scan(&server, &rows, &e), TMUX_OK);
	assert_int_equal(rows.n, 1);
	assert_string_equal(rows.v[0].session_name, "main");
	assert_string_equal(rows.v[0].window_name, "first");
	tmux_rows_free(&rows);
	assert_int_equal(tmux_open(&none, in_dir("none.sock"), &e), 0);
	assert_int_equal(tmux_scan(&none, &rows, &e), TMUX_NO_SERVER);
	assert_err(e, EXIT_WIRE, "no tmux server is running");
	assert_int_equal(rows.n, 0);
	/* an old one: the row comes back with its version */
	fake("for a; do f=$a; done; echo \"$f\" | sed 's/#{pid}/1/; "
	     "s/#{start_time}/1/; s/#{version}/3.1c/; s/#{session_id}/$1/; "
	     "s/#{window_id}/@1/; s/#{window_index}/0/; s/#{pane_id}/%1/; "
	     "s/#{pane_pid}/1/; s/#{pane_index}/0/'");
	assert_int_equal(tmux_scan(&server, &rows, &e), TMUX_FAILED);
	assert_err(e, EXIT_WIRE, "tmux 3.1c is too old");
	assert_int_equal(rows.n, 0);
	fake(NULL);
}

static void
test_look(void **state)
{
	struct tmux_rows rows = { .v = NULL };
	struct buf cells = BUF_INIT;
	struct pane_facts facts;
	struct pane_ident ident;
	struct err e;

	(void)state;
	assert_int_equal(tmux_scan(&server, &rows, &e), TMUX_OK);
	ident = rows.v[0].ident;
	tmux_rows_free(&rows);
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), 0);
	assert_int_equal(facts.width, 80);
	assert_int_equal(facts.height, 24);
	assert_true(facts.active);
	assert_false(facts.dead);
	assert_string_equal(facts.people, "");
	assert_int_equal(facts.last_key, 0); /* made, and nobody came since */
	assert_true(facts.modes_tty.known);
	assert_int_equal(facts.foreground.n, 1);
	assert_string_equal(facts.foreground.v[0].comm, "sleep");
	pane_facts_free(&facts);

	ident.pane_pid = 0; /* any process */
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), 0);
	pane_facts_free(&facts);
	ident.pane_pid = 1;
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "is another pane now");
	pane_facts_free(&facts);
	ident.pane_pid = 0;
	ident.server_start++;
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "is another pane now");
	pane_facts_free(&facts);
	memcpy(ident.pane, "%99", 4);
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "%99: the pane is gone");
	pane_facts_free(&facts);

	fake("echo rubbish");
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), -1);
	assert_err(e, EXIT_WIRE, "not understood");
	pane_facts_free(&facts);
	/* How clients end whose server ends. */
	fake("exit 0");
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), -1);
	assert_err(e, EXIT_WIRE, "the tmux server ended before it answered");
	pane_facts_free(&facts);
	fake("echo server exited unexpectedly >&2; exit 1");
	assert_int_equal(tmux_look(&server, &ident, &facts, &cells, &e), -1);
	assert_err(e, EXIT_WIRE, "the tmux server ended before it answered");
	pane_facts_free(&facts);
	fake(NULL);
	buf_free(&cells);
}

/* The same text as tmux prints, from the sessions that look. */
static void
test_people(void **state)
{
	struct pane_facts facts = { .window = "@2" };
	char one[] = "$1 @2 100 1 0;$2 @3 200 1 0;$3 @2 150 2 1;$4 @2 170 0 1;";
	char none[] = "$2 @3 200 1 0;", left[] = "$1 @2 100 0 0;";
	char bad[] = "x;$1 @2;$x @2 5 1 0;$1 @2 5 1;;";
	char many[PANE_TEXT_MAX * 4];
	size_t n = 0;
	unsigned i;

	(void)state;
	look_people(&facts, one, "", "", true);
	assert_string_equal(facts.people, "$1=100 $3=150 ");
	assert_int_equal(facts.last_key, 150);
	facts.last_key = 0;
	/* who has gone pressed keys before */
	look_people(&facts, left, "", "", true);
	assert_string_equal(facts.people, "");
	assert_int_equal(facts.last_key, 100);
	facts.last_key = 0;
	look_people(&facts, none, "", "", true);
	assert_string_equal(facts.people, "");
	assert_int_equal(facts.last_key, 0);
	look_people(&facts, bad, "", "", true);
	assert_string_equal(facts.people, "");
	look_people(&facts, one, "", "", false);
	assert_string_equal(facts.people, "away ");
	assert_int_equal(facts.last_key, 0);
	/* a visit, and when it ended */
	look_people(&facts, one, "12", "180", false);
	assert_string_equal(facts.people, "away 12");
	assert_int_equal(facts.last_key, 180);
	facts.last_key = 0;
	look_people(&facts, one, "#(touch x)", "#{pid}", false);
	assert_string_equal(facts.people, "away ");
	assert_int_equal(facts.last_key, 0);
	for (i = 0; n + 40 < sizeof(many); i++)
		n +=
		    (size_t)snprintf(many + n, 40, "$%u @2 1700000000 1 0;", i);
	look_people(&facts, many, "", "", true);
	assert_string_equal(facts.people, "too many");
	assert_int_equal(facts.last_key, 1700000000);
}

static void
make_socket(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_true(strlen(path) < sizeof(sa.sun_path));
	memcpy(sa.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	(void)close(fd);
}

static bool
listed(const struct argv *a, const char *path)
{
	size_t i, n = 0;

	for (i = 0; i < a->n; i++)
		n += str_eq(a->v[i], path);
	assert_true(n <= 1);
	return n == 1;
}

static void
test_sockets(void **state)
{
	char *folder, *first, *second, *plain, *env;
	const char *old_tmpdir = getenv("TMUX_TMPDIR");
	char *keep = old_tmpdir == NULL ? NULL : x_strdup(old_tmpdir);
	struct argv found = ARGV_INIT;

	(void)state;
	folder = x_asprintf("%s/tmux-%u", dir, (unsigned)geteuid());
	assert_int_equal(mkdir(folder, 0700), 0);
	first = x_asprintf("%s/first", folder);
	second = x_asprintf("%s/second", folder);
	plain = x_asprintf("%s/plain", folder);
	make_socket(first);
	make_socket(second);
	unit_file(plain, "", 0600);
	(void)setenv("TMUX_TMPDIR", dir, 1);
	env = x_asprintf("%s,123,0", first);
	(void)setenv("TMUX", env, 1);
	(void)setenv("TMUX_SOCKET", first, 1);
	tmux_sockets(&found);
	assert_true(listed(&found, first));
	assert_true(listed(&found, second));
	assert_false(listed(&found, plain));
	(void)unsetenv("TMUX");
	(void)setenv("TMUX_SOCKET", "relative", 1);
	tmux_sockets(&found);
	assert_false(listed(&found, "relative"));
	(void)unsetenv("TMUX_SOCKET");
	if (keep == NULL)
		(void)unsetenv("TMUX_TMPDIR");
	else
		(void)setenv("TMUX_TMPDIR", keep, 1);
	argv_free(&found);
	x_free(keep);
	x_free(env);
	x_free(folder);
	x_free(first);
	x_free(second);
	x_free(plain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_people),
		cmocka_unit_test(test_sockets),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
