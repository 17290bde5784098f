#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "buf.h"
#include "clock.h"
#include "feed.h"
#include "file.h"

UNIT_FOLDER

enum { WRITERS = 8 };

static struct home
home(const char *name)
{
	static char path[4096];
	struct home h = HOME_INIT;

	(void)snprintf(path, sizeof(path), "%s", unit_path(dir, name));
	assert_int_equal(mkdir(path, 0700), 0);
	h.log = path;
	return h;
}

static void
put(const struct home *h, const char *type, const char *agent,
    const char *target, const char *preview)
{
	const struct feed_event event = { type, agent, target, preview };
	struct err e;

	if (feed_append(h, &event, &e) != 0)
		fail_msg("%s", e.msg);
}

/* Lines as "type agent target preview;" */
static int
collect(void *arg, const struct feed_line *line)
{
	buf_addf(arg, "%s %s %s %s;", line->type, line->agent, line->target,
	    line->preview);
	return 0;
}

static void
has(const struct home *h, const char *want)
{
	struct buf out = BUF_INIT;
	struct feed f;
	struct err e;

	assert_int_equal(feed_open(&f, h, false, collect, &out, &e), 0);
	assert_string_equal(out.data, want);
	feed_close(&f);
	buf_free(&out);
}

static void
test_lines(void **state)
{
	struct home h = home("lines");
	struct buf text = BUF_INIT;
	struct err e;
	struct stat st;

	(void)state;
	has(&h, "");
	clock_freeze(1764090000000);
	put(&h, "join", "hub-dev-a", NULL, "");
	put(&h, "delivered", "hub-dev-a", "hub-dev-b",
	    "a \"b\" \\c\nd\te\033[31m \xff \xe2\x80\xae\xc3\xa9");
	clock_freeze(-1);
	has(&h,
	    "join hub-dev-a  ;"
	    "delivered hub-dev-a hub-dev-b a \"b\" \\c d e [31m ? \xc3\xa9;");
	assert_int_equal(
	    file_read(unit_path(h.log, "feed.jsonl"), &text, &e), FILE_READ);
	assert_string_equal(text.data,
	    "{\"ts\":\"2025-11-25T17:00:00Z\",\"type\":\"join\","
	    "\"agent\":\"hub-dev-a\"}\n"
	    "{\"ts\":\"2025-11-25T17:00:00Z\",\"type\":\"delivered\","
	    "\"agent\":\"hub-dev-a\",\"target\":\"hub-dev-b\","
	    "\"preview\":\"a \\\"b\\\" \\\\c d e [31m ? \xc3\xa9\"}\n");
	assert_int_equal(stat(unit_path(h.log, "feed.jsonl"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_free(&text);
}

static void
test_cut(void **state)
{
	struct home h = home("cut");
	char longer[2000], want[2000];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	put(&h, "file", longer, NULL, longer);
	(void)snprintf(want, sizeof(want), "file %.*s  %.*s;", FEED_NAME_MAX,
	    longer, FEED_PREVIEW_MAX, longer);
	has(&h, want);
}

static bool
parses(const char *text)
{
	struct feed_line line;

	return feed_parse(text, strlen(text), &line);
}

static void
test_parse(void **state)
{
	static const char good[] =
	    "{\"ts\":\"t\",\"later\":\"x\",\"type\":\"y\",\"agent\":"
	    "\"\\u00e9\\n\\/\"}";
	struct feed_line line;
	size_t i;

	(void)state;
	assert_true(feed_parse(good, strlen(good), &line));
	assert_string_equal(line.agent, "\xc3\xa9\n/");
	/* Every part of a line is none. */
	for (i = 0; i < strlen(good); i++)
		assert_false(feed_parse(good, i, &line));
	assert_false(parses("{}"));
	assert_false(parses("{\"ts\":\"t\"}"));
	assert_false(parses("{\"ts\":\"t\",\"type\":1}"));
	assert_false(parses("{\"ts\":\"t\",\"type\":\"\\u0000\"}"));
	assert_false(parses("{\"ts\":\"t\",\"type\":\"\\ud800\"}"));
	assert_false(parses("{\"ts\":\"t\",\"type\":\"\\x\"}"));
	assert_false(parses("{\"ts\":\"t\",\"type\":\"\xff\"}"));
	assert_false(parses("{\"ts\":\"t\",\"type\":\"y\"} "));
	assert_false(feed_parse("{\"ts\":\"t\0\",", 11, &line));
}

/* A part of a line stands there, as a killed writer leaves it. */
static void
test_torn(void **state)
{
	struct home h = home("torn");

	(void)state;
	put(&h, "join", "a", NULL, NULL);
	assert_int_equal(
	    file_append(unit_path(h.log, "feed.jsonl"), "{\"ts\":\"x", 8, NULL),
	    0);
	put(&h, "join", "b", NULL, NULL);
	put(&h, "join", "c", NULL, NULL);
	has(&h, "join a  ;join b  ;join c  ;");
}

/* Too little space for the line: none of it is left, later ones are whole. */
static int
fill(void *arg)
{
	const struct rlimit limit = { 150, 150 };
	const struct feed_event event = { "join", "bbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"cccccccccccccccccc", NULL };
	struct err e;

	(void)signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 2;
	return feed_append(arg, &event, &e) == -1 && e.code == EXIT_LOCAL ? 0
									  : 1;
}

static void
test_full(void **state)
{
	struct home h = home("full");
	struct stat before, after;
	const char *path = unit_path(h.log, "feed.jsonl");

	(void)state;
	put(&h, "join", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "x", NULL);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(unit_child(fill, &h), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
	put(&h, "join", "c", NULL, NULL);
	has(&h, "join aaaaaaaaaaaaaaaaaaaaaaaaaaaa x ;join c  ;");
}

static void
test_hostile(void **state)
{
	struct home h = home("hostile");
	const struct feed_event event = { "join", "a", NULL, NULL };
	struct err e;

	(void)state;
	assert_int_equal(mkfifo(unit_path(h.log, "feed.jsonl"), 0600), 0);
	assert_int_equal(feed_append(&h, &event, &e), -1);
	assert_err(e, EXIT_LOCAL, "feed.jsonl");
	has(&h, "");
	assert_int_equal(unlink(unit_path(h.log, "feed.jsonl")), 0);
	assert_int_equal(
	    symlink("/etc/passwd", unit_path(h.log, "feed.jsonl")), 0);
	assert_int_equal(feed_append(&h, &event, &e), -1);
	has(&h, "");
}

static void
test_rotate(void **state)
{
	const char *path = unit_path(dir, "rotate.jsonl");
	struct feed_event event = { "join", "a", NULL, NULL };
	struct stat st;
	int i;

	(void)state;
	for (i = 0; i < 100; i++)
		assert_int_equal(feed_append_to(path, 500, &event, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_in_range(st.st_size, 1, 600);
	assert_int_equal(stat(unit_path(dir, "rotate.jsonl.1"), &st), 0);
	assert_in_range(st.st_size, 500, 600);
}

/* One that is stopped under the lock delays others, but stops nobody. */
static void
test_stopped(void **state)
{
	struct home h = home("stopped");
	int64_t begun;
	int fd;

	(void)state;
	put(&h, "join", "a", NULL, NULL);
	fd = open(unit_path(h.log, "feed.jsonl"), O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	begun = clock_mono_ms();
	put(&h, "join", "b", NULL, NULL);
	assert_in_range(clock_mono_ms() - begun, FEED_LOCK_MS, 5000);
	(void)close(fd);
	has(&h, "join a  ;join b  ;");
}

static int
write_many(void *arg)
{
	static const char text[] =
	    "three hundred bytes are cut to two hundred: "
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
	int i, n = unit_valgrind() ? 100 : 3000;
	char name[32];
	const struct feed_event event = { "delivered", name, NULL, text };

	for (i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "w%d-%d", (int)getpid(), i);
		if (feed_append_to(arg, 4UL * 1024 * 1024, &event, NULL) != 0)
			return 1;
	}
	return 0;
}

/* What a follower has seen: how many, and each writer's next number. */
struct seen {
	int total, want, bad, writers;
	struct {
		int pid, next;
	} v[WRITERS];
};

static int
count(void *arg, const struct feed_line *line)
{
	struct seen *s = arg;
	int pid, number, i;

	if (sscanf(line->agent, "w%d-%d", &pid, &number) != 2) {
		s->bad++;
		return 1;
	}
	for (i = 0; i < s->writers && s->v[i].pid != pid; i++)
		continue;
	if (i == s->writers && s->writers < WRITERS)
		s->v[s->writers++].pid = pid;
	s->bad += i == WRITERS || s->v[i].next++ != number;
	return ++s->total == s->want || s->bad > 0;
}

/* Many at once, over several files, and one who follows from the beginning:
 * every line is seen whole, once and in its writer's order. */
static void
test_many(void **state)
{
	struct home h = home("many");
	struct seen seen = { .want = WRITERS * (unit_valgrind() ? 100 : 3000) };
	char path[4096];
	pid_t pids[WRITERS];
	struct feed f;
	struct err e;
	int i, status;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/feed.jsonl", h.log);
	assert_int_equal(feed_open(&f, &h, true, count, &seen, &e), 0);
	for (i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(write_many(path));
	}
	assert_int_equal(feed_follow(&f, STDERR_FILENO, &e), 0);
	feed_close(&f);
	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(seen.bad, 0);
	assert_int_equal(seen.total, seen.want);
}

/* Killed anywhere, over and over: nothing but whole lines is read. */
static void
test_killed(void **state)
{
	struct home h = home("killed");
	struct buf out = BUF_INIT, text = BUF_INIT;
	char path[4096];
	const char *at;
	struct feed f;
	struct err e;
	pid_t pid;
	int i;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/feed.jsonl", h.log);
	for (i = 0; i < 50; i++) {
		pid = fork();
		if (pid == 0)
			_exit(write_many(path));
		clock_nap(i % 7, clock_deadline(i % 7));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		put(&h, "join", "x", NULL, NULL);
	}
	assert_int_equal(feed_open(&f, &h, false, collect, &out, &e), 0);
	feed_close(&f);
	assert_int_equal(file_read(path, &text, &e), FILE_READ);
	/* No line is glued to another one. */
	for (at = text.data; (at = strstr(at, "}{")) != NULL; at++)
		fail_msg("%.80s", at);
	buf_free(&text);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_rotate),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
