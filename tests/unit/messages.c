#include "unit.h"

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "messages.h"

UNIT_FOLDER

#define ID "kq3v0d7xaaaaaaaaaaaa"
#define DAY_MS (24LL * 3600 * 1000)

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
put(const struct home *h, const char *to, const char *body)
{
	messages_add(h,
	    &(struct message){ .id = ID,
		.from = "hub-dev-a",
		.to = to,
		.body = body,
		.len = strlen(body) });
}

static int
collect(void *arg, const struct message_line *m)
{
	buf_addf(arg, "%s>%s:%s;", m->from, m->to, m->body);
	return 0;
}

static void
has(const struct home *h, const char *want)
{
	struct buf out = BUF_INIT;
	struct err e;

	assert_int_equal(messages_each(h, collect, &out, &e), 0);
	assert_string_equal(out.data, want);
	buf_free(&out);
}

static void
test_lines(void **state)
{
	struct home h = home("lines");
	struct buf text = BUF_INIT;
	struct stat st;
	struct err e;

	(void)state;
	has(&h, "");
	clock_freeze(1764090000000);
	messages_add(&h,
	    &(struct message){ .id = ID,
		.from = "hub-dev-a",
		.to = "hub-dev-b",
		.reply_to = "7f3mzq1caaaaaaaaaaaa",
		.thread = "7f3mzq1caaaaaaaaaaaa",
		.urgent = true,
		.question = true,
		.body = "a \"b\"\n\xc3\xa9\x1b[31m\xff",
		.len = 14 });
	clock_freeze(-1);
	has(&h, "hub-dev-a>hub-dev-b:a \"b\"\n\xc3\xa9?[31m?;");
	assert_int_equal(
	    file_read(unit_path(h.log, "messages-202511.jsonl"), &text, &e),
	    FILE_READ);
	assert_string_equal(text.data,
	    "{\"ts\":\"2025-11-25T17:00:00Z\",\"id\":\"" ID "\","
	    "\"from\":\"hub-dev-a\",\"to\":\"hub-dev-b\","
	    "\"reply_to\":\"7f3mzq1caaaaaaaaaaaa\","
	    "\"thread\":\"7f3mzq1caaaaaaaaaaaa\","
	    "\"urgent\":\"yes\",\"question\":\"yes\","
	    "\"body\":\"a \\\"b\\\"\\n\xc3\xa9?[31m?\"}\n");
	assert_int_equal(
	    stat(unit_path(h.log, "messages-202511.jsonl"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	buf_free(&text);
}

static int
keep(void *arg, const struct message_line *m)
{
	memcpy(arg, m, sizeof(*m));
	return 7;
}

/* However long the parts are, the line has its bound and is read whole. */
static void
test_cut(void **state)
{
	struct home h = home("cut");
	struct buf to = BUF_INIT, body = BUF_INIT;
	struct message_line m;
	struct err e;
	int i;

	(void)state;
	for (i = 0; i < 2000; i++)
		buf_addf(&to, "%shub-dev-window%d", i == 0 ? "" : " ", i);
	buf_addc(&body, 'x');
	for (i = 0; i < MESSAGES_BODY_MAX; i++)
		buf_adds(&body, "\xc3\xa9");
	put(&h, to.data, body.data);
	assert_int_equal(messages_each(&h, keep, &m, &e), 7);
	assert_int_equal(strlen(m.body), MESSAGES_BODY_MAX - 1);
	assert_memory_equal(m.body + MESSAGES_BODY_MAX - 3, "\xc3\xa9", 2);
	assert_true(messages_to(&m, "hub-dev-window0"));
	assert_true(messages_to(&m, "hub-dev-window100"));
	assert_false(messages_to(&m, "hub-dev-window"));
	assert_false(messages_to(&m, "hub-dev-window1999"));
	assert_non_null(strstr(m.to, " +1"));
	/* The worst to escape. */
	buf_reset(&body);
	for (i = 0; i < 2 * MESSAGES_BODY_MAX; i++)
		buf_addc(&body, i % 2 == 0 ? '"' : '\n');
	put(&h, to.data, body.data);
	memset(&m, 0, sizeof(m));
	assert_int_equal(messages_each(&h, keep, &m, &e), 7);
	buf_free(&to);
	buf_free(&body);
}

static bool
parses(const char *text)
{
	struct message_line m;

	return messages_parse(text, strlen(text), &m);
}

#define LINE(id, from, to)                                                    \
	"{\"ts\":\"0T\",\"id\":\"" id "\",\"from\":\"" from "\",\"to\":\"" to \
	"\",\"later\":\"x\",\"body\":\"b\"}"

static void
test_parse(void **state)
{
	static const char good[] = LINE(ID, "a@b", "hub-dev-b hub-dev-c +12");
	struct message_line m;
	size_t i;

	(void)state;
	assert_true(parses(good));
	for (i = 0; i < strlen(good); i++)
		assert_false(messages_parse(good, i, &m));
	assert_false(parses(LINE("../../etc", "a", "b")));
	assert_false(parses(LINE(ID, "a\\u001b[31m", "b")));
	assert_false(parses(LINE(ID, "a", "b\\u202e")));
	assert_false(parses(LINE(ID, "a", "")));
	assert_true(parses(LINE(ID, "a\",\"note\":\"unverified", "b")));
	assert_false(parses(LINE(ID, "a\",\"note\":\"\\u001b[31m", "b")));
	assert_false(parses("{}"));
	assert_false(parses("{\"ts\":\"\\u001b\",\"id\":\"" ID
			    "\",\"from\":\"a\",\"to\":\"b\"}"));
}

static void
test_months(void **state)
{
	struct home h = home("months");
	int i;

	(void)state;
	assert_int_equal(
	    file_append(unit_path(h.log, "messages-x.jsonl"), "x", 1, NULL), 0);
	for (i = 0; i < 6; i++) {
		clock_freeze(1764090000000 + i * 31 * DAY_MS);
		put(&h, "hub-dev-b", (char[]){ (char)('0' + i), '\0' });
		put(&h, "hub-dev-b", "again");
	}
	clock_freeze(-1);
	has(&h,
	    "hub-dev-a>hub-dev-b:3;hub-dev-a>hub-dev-b:again;"
	    "hub-dev-a>hub-dev-b:4;hub-dev-a>hub-dev-b:again;"
	    "hub-dev-a>hub-dev-b:5;hub-dev-a>hub-dev-b:again;");
	assert_int_equal(
	    access(unit_path(h.log, "messages-202511.jsonl"), F_OK), -1);
	assert_int_equal(access(unit_path(h.log, "messages-x.jsonl"), F_OK), 0);
}

/* A clock that was ahead for months, and is right again. */
static void
test_ahead(void **state)
{
	struct home h = home("ahead");
	int i;

	(void)state;
	for (i = 3; i >= 0; i--) {
		clock_freeze(
		    1764090000000 + (i == 0 ? 0 : i + 9) * 31 * DAY_MS);
		put(&h, "hub-dev-b", (char[]){ (char)('0' + i), '\0' });
	}
	put(&h, "hub-dev-b", "again");
	clock_freeze(-1);
	has(&h,
	    "hub-dev-a>hub-dev-b:0;hub-dev-a>hub-dev-b:again;"
	    "hub-dev-a>hub-dev-b:2;hub-dev-a>hub-dev-b:3;");
}

/* Of a month only what was put aside: somebody was killed then. */
static void
test_aside(void **state)
{
	struct home h = home("aside");
	int i;

	(void)state;
	clock_freeze(1764090000000);
	put(&h, "hub-dev-b", "old");
	assert_int_equal(rename(unit_path(h.log, "messages-202511.jsonl"),
			     unit_path(h.log, "messages-202511.jsonl.1")),
	    0);
	has(&h, "hub-dev-a>hub-dev-b:old;");
	for (i = 1; i < 4; i++) {
		clock_freeze(1764090000000 + i * 31 * DAY_MS);
		put(&h, "hub-dev-b", "new");
	}
	clock_freeze(-1);
	assert_int_equal(
	    access(unit_path(h.log, "messages-202511.jsonl.1"), F_OK), -1);
}

/* What stands there is no file: nobody is stopped by it. */
static void
test_hostile(void **state)
{
	struct home h = home("hostile");

	(void)state;
	clock_freeze(1764090000000);
	assert_int_equal(
	    mkfifo(unit_path(h.log, "messages-202511.jsonl"), 0600), 0);
	put(&h, "hub-dev-b", "x");
	has(&h, "");
	assert_int_equal(unlink(unit_path(h.log, "messages-202511.jsonl")), 0);
	put(&h, "hub-dev-b", "y");
	has(&h, "hub-dev-a>hub-dev-b:y;");
	clock_freeze(-1);
}

static void
test_same(void **state)
{
	(void)state;
	assert_true(messages_same(ID, ID));
	assert_true(messages_same(ID, ID ".2"));
	assert_true(messages_same(ID ".2", ID ".2"));
	assert_false(messages_same(ID ".1", ID ".2"));
	assert_false(messages_same(ID, ID "b"));
	assert_false(messages_same("", ""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_months),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_aside),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
