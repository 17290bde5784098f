#include "unit.h"

#include "letter.h"

#define ID "abcdefghijklmnopqrst"

static void
read_one(struct letter *l, struct frame *f, const char *name, const char *value)
{
	struct err e;

	frame_init(f, FRAME_DELIVER, ID);
	frame_add(f, "To", "h-s-w");
	if (name != NULL)
		frame_add(f, name, value);
	assert_int_equal(letter_read(l, f, &e), 0);
}

static void
nothing_said(void **state)
{
	struct letter l;
	struct frame f;

	(void)state;
	read_one(&l, &f, NULL, NULL);
	assert_string_equal(l.id, ID);
	assert_string_equal(l.to, "h-s-w");
	assert_null(l.path);
	assert_null(l.reply_to);
	assert_null(l.thread);
	assert_null(l.schema);
	assert_int_equal(l.hops, 0);
	assert_int_equal(l.wait_ms, 0);
	assert_int_equal(l.ttl_ms, 0);
	assert_false(
	    l.question || l.queue || l.ask || l.type || l.urgent || l.force);
	frame_free(&f);
}

/* A number that is none is no number, but for Hops, where it is the last. */
static void
numbers(void **state)
{
	static const struct {
		const char *name, *value;
		int64_t wait, ttl;
		unsigned hops;
	} rows[] = {
		{ "Wait-Ms", "3600000", LETTER_WAIT_MAX_MS, 0, 0 },
		{ "Wait-Ms", "3600001", 0, 0, 0 },
		{ "Wait-Ms", "-1", 0, 0, 0 },
		{ "Ttl-Ms", "2592000000", 0, (int64_t)LETTER_TTL_MAX_MS, 0 },
		{ "Ttl-Ms", "2592000001", 0, 0, 0 },
		{ "Ttl-Ms", "x", 0, 0, 0 },
		{ "Hops", "4", 0, 0, 4 },
		{ "Hops", "6", 0, 0, MAIL_HOPS_MAX },
		{ "Hops", "-1", 0, 0, MAIL_HOPS_MAX },
		{ "Hops", "", 0, 0, MAIL_HOPS_MAX },
		{ "Hops", "99999999999999999999", 0, 0, MAIL_HOPS_MAX },
	};
	struct letter l;
	struct frame f;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(rows); i++) {
		read_one(&l, &f, rows[i].name, rows[i].value);
		assert_int_equal(l.wait_ms, rows[i].wait);
		assert_int_equal(l.ttl_ms, rows[i].ttl);
		assert_int_equal(l.hops, rows[i].hops);
		frame_free(&f);
	}
}

static void
what_is_none(void **state)
{
	static const char *const bad[][2] = { { "Path", "x" },
		{ "In-Reply-To", "../../x" }, { "In-Reply-To", "" },
		{ "Thread", "short" }, { "Chain", "" },
		{ "Chain", "kq3v0d7xaaaaaaaaaaaa ../x" },
		{ "Schema", "{\"a\": 1}" }, { "Schema", "" } };
	struct letter l;
	struct frame f;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		frame_init(&f, FRAME_DELIVER, ID);
		frame_add(&f, bad[i][0], bad[i][1]);
		assert_int_equal(letter_read(&l, &f, &e), -1);
		assert_err(e, EXIT_USAGE, bad[i][0]);
		frame_free(&f);
	}
	read_one(&l, &f, "Path", "");
	assert_null(l.path);
	frame_free(&f);
}

/* Only "1" is a yes, and only what the line allows. */
static void
bound(void **state)
{
	const struct peer urgent = { .allow_urgent = true };
	struct letter l;
	struct frame f;
	struct err e;

	(void)state;
	read_one(&l, &f, "Queue", "yes");
	assert_false(l.queue);
	frame_free(&f);
	frame_init(&f, FRAME_DELIVER, ID);
	frame_add(&f, "Type", "1");
	frame_add(&f, "Urgent", "1");
	frame_add(&f, "Force", "1");
	assert_int_equal(letter_read(&l, &f, &e), 0);
	assert_true(l.type && l.urgent && l.force);
	letter_bind(&l, &urgent);
	assert_true(!l.type && l.urgent && !l.force);
	letter_bind(&l, NULL);
	assert_false(l.urgent);
	frame_free(&f);
}

/* One that was fetched has its id in a header; what is posted is what stood
 * there. */
static void
posted(void **state)
{
	const struct origin from = { .name = "b-s-w",
		.host = "b",
		.note = "no reply",
		.folder = "b-s-w" };
	struct letter l;
	struct post p;
	struct frame f;
	struct err e;

	(void)state;
	frame_init(&f, FRAME_DONE, "fetch");
	frame_add(&f, "Message", ID);
	frame_add(&f, "In-Reply-To", ID);
	frame_add(&f, "Question", "1");
	frame_add(&f, "Ttl-Ms", "60000");
	buf_adds(&f.body, "hello");
	assert_int_equal(letter_read(&l, &f, &e), 0);
	p = letter_post(&l, &from, "b");
	assert_string_equal(p.id, ID);
	assert_string_equal(p.reply_to, ID);
	assert_string_equal(p.body, "hello");
	assert_string_equal(p.sender, "b-s-w");
	assert_string_equal(p.host, "b");
	assert_true(p.question && p.repeat && p.expires > 60000);
	assert_null(p.path);
	frame_free(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_said),
		cmocka_unit_test(numbers),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(bound),
		cmocka_unit_test(posted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
