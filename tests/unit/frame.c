#include "unit.h"

#include "frame.h"

/* Read `bytes` as one frame. */
static enum frame_result
parse(const char *bytes, size_t len, struct frame *f, struct err *e)
{
	struct buf in = BUF_INIT_MAX(FRAME_BODY_MAX + 65536);
	enum frame_result rc;

	buf_add(&in, bytes, len);
	rc = frame_read(&in, f, e);
	if (rc == FRAME_MORE)
		assert_int_equal(in.len, len);
	buf_free(&in);
	return rc;
}

static void
check_same(const struct frame *a, const struct frame *b)
{
	size_t i;

	assert_int_equal(a->verb, b->verb);
	assert_string_equal(a->word, b->word);
	assert_string_equal(a->id, b->id);
	assert_int_equal(a->headers_n, b->headers_n);
	for (i = 0; i < a->headers_n; i++) {
		assert_string_equal(a->headers[i].name, b->headers[i].name);
		assert_string_equal(a->headers[i].value, b->headers[i].value);
	}
	assert_int_equal(a->body.len, b->body.len);
	assert_memory_equal(a->body.data, b->body.data, a->body.len);
}

static void
make(struct frame *f)
{
	frame_init(f, FRAME_DELIVER, "a.b_C-9");
	frame_add(f, "To", "hub-dev-build");
	frame_add(f, "Empty", "");
	frame_add(f, "Blanks", "  two before, one after ");
	frame_addf(f, "Size", "%d", 42);
	frame_add(f, "Text", "gr\xc3\xbc\xc3\x9f : x");
	buf_add(&f->body, "line\n\0panemesh/1 HELLO x 0\n\n", 29);
}

static void
test_round_trip(void **state)
{
	struct buf out = BUF_INIT;
	struct frame f, g;
	struct err e;

	(void)state;
	make(&f);
	frame_write(&out, &f);
	assert_memory_equal(out.data, "panemesh/1 DELIVER a.b_C-9 29\n", 30);
	assert_int_equal(parse(out.data, out.len, &g, &e), FRAME_READY);
	check_same(&f, &g);
	frame_free(&g);
	frame_free(&f);
	buf_free(&out);
}

static void
test_every_verb(void **state)
{
	struct buf out = BUF_INIT;
	struct frame f, g;
	struct err e;
	int verb;

	(void)state;
	for (verb = 0; verb <= FRAME_OTHER; verb++) {
		frame_init(&f, (enum frame_verb)verb, "1");
		buf_reset(&out);
		frame_write(&out, &f);
		assert_int_equal(parse(out.data, out.len, &g, &e), FRAME_READY);
		check_same(&f, &g);
		frame_free(&g);
		frame_free(&f);
	}
	buf_free(&out);
	assert_int_equal(
	    parse("panemesh/1 NEWVERB 1 0\n\n", 24, &g, &e), FRAME_READY);
	assert_int_equal(g.verb, FRAME_OTHER);
	assert_string_equal(g.word, "NEWVERB");
	frame_free(&g);
}

static void
test_half_frames(void **state)
{
	struct buf out = BUF_INIT, in = BUF_INIT;
	struct frame f, g;
	struct err e;
	size_t i;

	(void)state;
	make(&f);
	frame_write(&out, &f);
	for (i = 0; i < out.len; i++)
		assert_int_equal(parse(out.data, i, &g, &e), FRAME_MORE);
	/* Two in a row, byte by byte. */
	frame_write(&out, &f);
	for (i = 0; i < out.len; i++) {
		buf_addc(&in, out.data[i]);
		if (frame_read(&in, &g, &e) == FRAME_READY) {
			assert_int_equal((i + 1) % (out.len / 2), 0);
			assert_int_equal(in.len, 0);
			check_same(&f, &g);
			frame_free(&g);
		}
	}
	buf_free(&in);
	buf_free(&out);
	frame_free(&f);
}

static void
test_init_cleans_id(void **state)
{
	char id[FRAME_ID_MAX + 10];
	struct frame f;

	(void)state;
	frame_init(&f, FRAME_PING, "");
	assert_string_equal(f.id, "-");
	frame_init(&f, FRAME_PING, "a b\n\xc3\xa9");
	assert_string_equal(f.id, "a-b---");
	memset(id, 'x', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	frame_init(&f, FRAME_PING, id);
	assert_int_equal(strlen(f.id), FRAME_ID_MAX);
	frame_free(&f);
}

static void
test_add_cleans(void **state)
{
	char big[2 * FRAME_LINE_MAX];
	struct buf out = BUF_INIT;
	struct frame f, g;
	struct err e;
	int i;

	(void)state;
	frame_init(&f, FRAME_PING, "1");
	frame_add(&f, "A", "x\ny\r\tz\x7f\xff\xe2\x80\xae!");
	assert_string_equal(frame_get(&f, "a", ""),
	    "x?y??z??"
	    "?!");
	frame_add(&f, "bad name", "x");
	frame_add(&f, "", "x");
	frame_add(&f, "B\n", "x");
	assert_int_equal(f.headers_n, 1);
	/* Cut between characters, so that the line has at most its bytes. */
	for (i = 0; i + 2 < (int)sizeof(big); i += 2)
		memcpy(big + i, "\xc3\xa9", 3);
	frame_add(&f, "Bb", big);
	assert_int_equal(strlen(frame_get(&f, "Bb", "")), FRAME_LINE_MAX - 4);
	frame_add(&f, "Bbb", big);
	assert_int_equal(strlen(frame_get(&f, "Bbb", "")), FRAME_LINE_MAX - 6);
	frame_addf(&f, "C", "%s", big);
	while (f.headers_n < FRAME_HEADERS_MAX)
		frame_add(&f, "Fill", "x");
	frame_add(&f, "Late", "x");
	assert_null(frame_get(&f, "Late", NULL));
	frame_write(&out, &f);
	assert_int_equal(parse(out.data, out.len, &g, &e), FRAME_READY);
	check_same(&f, &g);
	frame_free(&g);
	frame_free(&f);
	buf_free(&out);
}

static void
test_get(void **state)
{
	struct frame f;

	(void)state;
	frame_init(&f, FRAME_FILE, "1");
	frame_add(&f, "Size", "18446744073709551615");
	frame_add(&f, "size", "1");
	frame_add(&f, "Zero", "0");
	frame_add(&f, "Sign", "-1");
	frame_add(&f, "Over", "18446744073709551616");
	frame_add(&f, "Blank", " 1");
	assert_true(frame_number(&f, "SIZE", UINT64_MAX, 7) == UINT64_MAX);
	assert_int_equal(frame_number(&f, "Size", 100, 7), 7);
	assert_int_equal(frame_number(&f, "Zero", 100, 7), 0);
	assert_int_equal(frame_number(&f, "Sign", 100, 7), 7);
	assert_int_equal(frame_number(&f, "Over", UINT64_MAX, 7), 7);
	assert_int_equal(frame_number(&f, "Blank", 100, 7), 7);
	assert_int_equal(frame_number(&f, "None", 100, 7), 7);
	frame_free(&f);
}

static void
test_bad(void **state)
{
	static const struct {
		const char *bytes, *why;
	} cases[] = {
		{ "\n", "does not begin a frame" },
		{ "HTTP/1.1 200 OK\n", "does not begin a frame" },
		{ "panemesh/ HELLO 1 0\n", "does not begin a frame" },
		{ "panemesh/1\n", "no verb" },
		{ "panemesh/2 HELLO 1 0\n", "version 2" },
		{ "panemesh/1 hello 1 0\n", "no verb" },
		{ "panemesh/1  HELLO 1 0\n", "no verb" },
		{ "panemesh/1 ABCDEFGHIJKLMNOP 1 0\n", "no verb" },
		{ "panemesh/1 HELLO\n", "no id" },
		{ "panemesh/1 HELLO a/b 0\n", "bad id" },
		{ "panemesh/1 HELLO "
		  "12345678901234567890123456789012345678901 0\n",
		    "no id" },
		{ "panemesh/1 HELLO 1\n", "length" },
		{ "panemesh/1 HELLO 1 -1\n", "length" },
		{ "panemesh/1 HELLO 1 0 \n", "length" },
		{ "panemesh/1 HELLO 1 0 0\n", "length" },
		{ "panemesh/1 HELLO 1 0\r\n", "length" },
		{ "panemesh/1 HELLO 1 20971521\n", "too large" },
		{ "panemesh/1 HELLO 1 99999999999999999999\n", "too large" },
		{ "panemesh/1 HELLO 1 0\nno colon\n", "bad header" },
		{ "panemesh/1 HELLO 1 0\n: x\n", "bad header" },
		{ "panemesh/1 HELLO 1 0\nA1: x\n", "bad header" },
		{ "panemesh/1 HELLO 1 0\nA: x\r\n", "printable" },
		{ "panemesh/1 HELLO 1 0\nA: \xff\n", "printable" },
		{ "panemesh/1 HELLO 1 0\nA: \x1b[2J\n", "printable" },
	};
	struct frame f;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		err_clear(&e);
		if (parse(cases[i].bytes, strlen(cases[i].bytes), &f, &e) !=
		    FRAME_BAD)
			fail_msg("taken: %s", cases[i].bytes);
		assert_err(e, EXIT_WIRE, cases[i].why);
	}
	assert_int_equal(
	    parse("panemesh/1 HELLO 1\0 0\n\n", 23, &f, &e), FRAME_BAD);
}

static void
test_caps(void **state)
{
	struct buf b = BUF_INIT_MAX(FRAME_BODY_MAX + 65536);
	struct frame f;
	struct err e;
	int i;

	(void)state;
	/* The longest line, and one byte more, with and without an end. */
	buf_adds(&b, "panemesh/1 PING 1 0\nA: ");
	for (i = 3; i < FRAME_LINE_MAX; i++)
		buf_addc(&b, 'x');
	assert_int_equal(parse(b.data, b.len, &f, &e), FRAME_MORE);
	buf_adds(&b, "\n\n");
	assert_int_equal(parse(b.data, b.len, &f, &e), FRAME_READY);
	frame_free(&f);
	buf_truncate(&b, b.len - 2);
	buf_addc(&b, 'x');
	assert_int_equal(parse(b.data, b.len, &f, &e), FRAME_BAD);
	assert_err(e, EXIT_WIRE, "too long");
	buf_adds(&b, "\n\n");
	assert_int_equal(parse(b.data, b.len, &f, &e), FRAME_BAD);
	/* As many headers as may be, and one more. */
	buf_reset(&b);
	buf_adds(&b, "panemesh/1 PING 1 0\n");
	for (i = 0; i < FRAME_HEADERS_MAX; i++)
		buf_adds(&b, "A: x\n");
	buf_adds(&b, "\n");
	assert_int_equal(parse(b.data, b.len, &f, &e), FRAME_READY);
	frame_free(&f);
	buf_truncate(&b, b.len - 1);
	buf_adds(&b, "A: x\n\n");
	assert_int_equal(parse(b.data, b.len, &f, &e), FRAME_BAD);
	assert_err(e, EXIT_WIRE, "too many headers");
	/* The largest body. */
	buf_reset(&b);
	buf_addf(&b, "panemesh/1 PUSH 1 %d\n\n", FRAME_BODY_MAX);
	for (i = 0; i < FRAME_BODY_MAX / 1024; i++)
		buf_addf(&b, "%1024s", "");
	assert_int_equal(parse(b.data, b.len, &f, &e), FRAME_READY);
	assert_int_equal(f.body.len, FRAME_BODY_MAX);
	frame_free(&f);
	buf_free(&b);
	/* A reader whose buffer was too small hears of it. */
	buf_init(&b, 8);
	buf_adds(&b, "panemesh/1");
	assert_int_equal(frame_read(&b, &f, &e), FRAME_BAD);
	assert_err(e, EXIT_WIRE, "8 bytes");
	buf_free(&b);
}

static void
test_noise(void **state)
{
	static const char *const noise[] = {
		"",
		"Welcome to Debian\n\nLast login: today\n",
		"no newline at its end ",
		"\x1b]0;title\x07panemesh/1 panemesh/ panemesh/1 HELLOpane",
		"panemesh/12345 HELLO panemesh/x HELLO p",
	};
	const char *hello = "panemesh/1 HELLO 1 0\n\n";
	struct buf in = BUF_INIT;
	enum frame_result rc;
	size_t i, j, dropped;
	struct err e;

	(void)state;
	for (i = 0; i < UNIT_COUNT(noise); i++) {
		struct buf all = BUF_INIT;

		buf_adds(&all, noise[i]);
		buf_adds(&all, hello);
		/* At once, then byte by byte. */
		dropped = 0;
		buf_add(&in, all.data, all.len);
		assert_int_equal(
		    frame_skip_noise(&in, &dropped, &e), FRAME_READY);
		assert_int_equal(dropped, strlen(noise[i]));
		assert_string_equal(in.data, hello);
		assert_int_equal(
		    frame_skip_noise(&in, &dropped, &e), FRAME_READY);
		assert_int_equal(dropped, strlen(noise[i]));
		buf_reset(&in);
		dropped = 0;
		rc = FRAME_MORE;
		for (j = 0; j < all.len; j++) {
			buf_addc(&in, all.data[j]);
			rc = frame_skip_noise(&in, &dropped, &e);
			assert_true(rc != FRAME_BAD);
			assert_int_equal(dropped + in.len, j + 1);
		}
		assert_int_equal(rc, FRAME_READY);
		assert_string_equal(in.data, hello);
		buf_free(&all);
		buf_reset(&in);
	}
	buf_free(&in);
}

static void
test_noise_cap(void **state)
{
	struct buf in = BUF_INIT;
	size_t dropped = 0;
	struct err e;
	int i;

	(void)state;
	for (i = 0; i < FRAME_NOISE_MAX; i++)
		buf_addc(&in, i % 80 == 79 ? '\n' : 'p');
	/* Its last byte may begin a HELLO. */
	assert_int_equal(frame_skip_noise(&in, &dropped, &e), FRAME_MORE);
	buf_adds(&in, "xx");
	assert_int_equal(frame_skip_noise(&in, &dropped, &e), FRAME_BAD);
	assert_err(e, EXIT_WIRE, "before a HELLO");
	buf_free(&in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_verb),
		cmocka_unit_test(test_half_frames),
		cmocka_unit_test(test_init_cleans_id),
		cmocka_unit_test(test_add_cleans),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_noise_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
