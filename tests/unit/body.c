#include "unit.h"

#include "body.h"
#include "utf8.h"

/* Clean `len` bytes; the result is malloc'd, NULL when it was refused. */
static char *
cleaned(const char *body, size_t len, enum body_form form, struct err *e)
{
	struct buf out = BUF_INIT;

	err_clear(e);
	if (body_clean(&out, body, len, form, e) == 0)
		return buf_steal(&out);
	assert_int_equal(out.len, 0);
	buf_free(&out);
	return NULL;
}

static void
test_clean(void **state)
{
	/* what goes in, in BODY_LINES, in BODY_FOLDED */
	static const char *const cases[][3] = {
		{ "plain", "plain", "plain" },
		{ "a\nb", "a\n  b", "a \u23ce b" },
		{ "a\r\nb\rc", "a\n  b\n  c", "a \u23ce b \u23ce c" },
		{ "a\n\nb", "a\n  \n  b", "a \u23ce  \u23ce b" },
		{ "a\tb", "a\tb", "a b" },
		{ "end\n\r\n\n", "end", "end" },
		{ "\nfirst", "\n  first", " \u23ce first" },
		{ "blanks  \n", "blanks  ", "blanks  " },
		{ "a;b;", "a;b;", "a;b;" },
		{ "-x", "-x", "-x" },
		{ "#(touch x) #{pid} %d", "#(touch x) #{pid} %d",
		    "#(touch x) #{pid} %d" },
		{ "a\033[201~b", "a[201~b", "a[201~b" },
		{ "\001\002\003x\177\b", "x", "x" },
		{ "\xc2\x85x\xc2\x9b", "x", "x" },
		{ "\u2028x\u2029", "x", "x" },
		{ "\u202ax\u202e\u2066\u2069\u200e\u200f\u061c", "x", "x" },
		{ "\U000e0041x\U000e007f\ufeff\ufff9", "x", "x" },
		{ "ä語😀\u0301\u200d", "ä語😀\u0301\u200d", "ä語😀\u0301\u200d" },
		{ "x\n[from a @ b] y", "x\n  [from a @ b] y",
		    "x \u23ce [from a @ b] y" },
		{ "x\n\001", "x", "x" },
	};
	struct err e;
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		text =
		    cleaned(cases[i][0], strlen(cases[i][0]), BODY_LINES, &e);
		assert_non_null(text);
		assert_string_equal(text, cases[i][1]);
		free(text);
		text =
		    cleaned(cases[i][0], strlen(cases[i][0]), BODY_FOLDED, &e);
		assert_non_null(text);
		assert_string_equal(text, cases[i][2]);
		free(text);
	}
}

/* Each character by itself between two others: kept or left out as
 * utf8_unsafe() says, and nothing else happens to it. */
static void
test_each(void **state)
{
	struct buf out = BUF_INIT;
	char body[16], want[16];
	uint32_t ch;
	size_t n;

	(void)state;
	for (ch = 0; ch <= 0x10ffff; ch += ch < 0x3000 ? 1 : 61) {
		body[0] = 'a';
		n = utf8_encode(ch, body + 1);
		if (n == 0 || ch == '\n' || ch == '\r' || ch == '\t')
			continue;
		body[n + 1] = 'z';
		body[n + 2] = '\0';
		memcpy(want, utf8_unsafe(ch) ? "az" : body,
		    utf8_unsafe(ch) ? 3 : n + 3);
		buf_reset(&out);
		assert_int_equal(
		    body_clean(&out, body, n + 2, BODY_LINES, NULL), 0);
		assert_string_equal(out.data, want);
	}
	buf_free(&out);
}

static void
test_refused(void **state)
{
	static const char *const empty[] = { "", "\n", " \t ", "\r\n\r\n",
		"\001\033", "\u200e\n\u2028" };
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(empty); i++) {
		assert_null(
		    cleaned(empty[i], strlen(empty[i]), BODY_LINES, &e));
		assert_err(e, EXIT_USAGE, "body: is empty");
	}
	assert_null(cleaned("ab\xff", 3, BODY_LINES, &e));
	assert_err(e, EXIT_USAGE, "body: byte 3 is not valid UTF-8");
	assert_null(cleaned("\xc3", 1, BODY_FOLDED, &e));
	assert_err(e, EXIT_USAGE, "byte 1 ");
	assert_null(cleaned("x\xed\xa0\x80", 4, BODY_FOLDED, &e));
	assert_err(e, EXIT_USAGE, "byte 2 ");
	assert_null(cleaned("x\xc0\x80", 3, BODY_FOLDED, &e));
	assert_null(cleaned("\xf4\x90\x80\x80", 4, BODY_FOLDED, &e));
}

/* What was in the buffer before stays, whatever happens. */
static void
test_appends(void **state)
{
	struct buf out = BUF_INIT, small = BUF_INIT_MAX(8);
	struct err e;

	(void)state;
	buf_adds(&out, "[tag] ");
	assert_int_equal(body_clean(&out, "x", 1, BODY_LINES, &e), 0);
	assert_string_equal(out.data, "[tag] x");
	assert_int_equal(body_clean(&out, "\n\n", 2, BODY_LINES, &e), -1);
	assert_string_equal(out.data, "[tag] x");
	/* a NUL is a control character like others */
	assert_int_equal(body_clean(&out, "a\0b", 3, BODY_LINES, &e), 0);
	assert_string_equal(out.data, "[tag] xab");
	buf_free(&out);
	assert_int_equal(
	    body_clean(&small, "123456789", 9, BODY_LINES, &e), -1);
	assert_err(e, EXIT_LOCAL, "body");
	buf_free(&small);
}

static void
test_lines(void **state)
{
	(void)state;
	assert_int_equal(body_lines("", 0), 1);
	assert_int_equal(body_lines("a", 1), 1);
	assert_int_equal(body_lines("a\nb", 3), 2);
	assert_int_equal(body_lines("\n\n", 2), 3);
}

static void
test_ends_open(void **state)
{
	static const char *const open[] = { "@", "@file", "see @src/x.c",
		"a\n@b", "a\t@b", "mail me@host", "@a@b" };
	static const char *const shut[] = { "", "file", "@file ", "@file it",
		"x@y\nz", "@\t" };
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(open); i++)
		assert_true(body_ends_open(open[i], strlen(open[i]), "@"));
	for (i = 0; i < UNIT_COUNT(shut); i++)
		assert_false(body_ends_open(shut[i], strlen(shut[i]), "@"));
	assert_true(body_ends_open("see #12", 7, "@#"));
	assert_true(body_ends_open("see @12", 7, "@#"));
	assert_false(body_ends_open("see #12", 7, "@"));
	assert_false(body_ends_open("see @12", 7, ""));
	assert_false(body_ends_open("#\0x", 3, "@"));
}

static void
test_sender(void **state)
{
	static const char *const good[] = { "a", "hub-dev-build", "root@host",
		"A.b_c+1", "_", "0", "+x", "@x" };
	static const char *const bad[] = { "", ".", "..", ".x", "-x", "a b",
		"a/b", "a]b", "a\nb", "x;>PWNED;", "$(id)", "ä", "a'b",
		"#{pid}" };
	char name[BODY_SENDER_MAX + 2];
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(good); i++)
		assert_true(body_sender_ok(good[i]));
	for (i = 0; i < UNIT_COUNT(bad); i++)
		assert_false(body_sender_ok(bad[i]));
	memset(name, 'x', sizeof(name));
	name[BODY_SENDER_MAX] = '\0';
	assert_true(body_sender_ok(name));
	name[BODY_SENDER_MAX] = 'x';
	name[BODY_SENDER_MAX + 1] = '\0';
	assert_false(body_sender_ok(name));
}

static void
test_tag(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	body_tag(&out, "hub-dev-x", NULL, 0);
	assert_string_equal(
	    out.data, "[from hub-dev-x @ 1970-01-01T00:00:00Z] ");
	buf_reset(&out);
	body_tag(&out, "me@hub", "no reply", INT64_C(1795341600000));
	assert_string_equal(
	    out.data, "[from me@hub (no reply) @ 2026-11-22T10:00:00Z] ");
	buf_free(&out);
}

static void
test_plain(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	body_plain(&out, "a\n\033b\t\r\n", 7, true);
	assert_string_equal(out.data, "a\n?b\t?\n");
	buf_reset(&out);
	body_plain(&out, "a\n\t\342\200\256\377c", 8, false);
	assert_string_equal(out.data, "a????c");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_appends),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_ends_open),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_tag),
		cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
