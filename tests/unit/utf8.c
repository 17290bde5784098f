#include "unit.h"

#include <locale.h>

#include "utf8.h"

/* Every character there is: its encoding decodes to itself. */
static void
test_round(void **state)
{
	char out[4];
	uint32_t ch, back;
	size_t n, i;

	(void)state;
	for (ch = 0; ch <= 0x10ffff; ch++) {
		n = utf8_encode(ch, out);
		if (ch >= 0xd800 && ch <= 0xdfff) {
			assert_int_equal(n, 0);
			continue;
		}
		if (n !=
		    (ch < 0x80             ? 1U
			    : ch < 0x800   ? 2U
			    : ch < 0x10000 ? 3U
					   : 4U))
			fail_msg("U+%04X takes %zu bytes", ch, n);
		if (utf8_decode(out, n, &back) != n || back != ch)
			fail_msg("U+%04X does not come back", ch);
		/* Cut short it is not valid. */
		for (i = 0; i < n; i++)
			if (utf8_decode(out, i, &back) != 0)
				fail_msg("U+%04X cut is valid", ch);
	}
	assert_int_equal(utf8_encode(0x110000, out), 0);
	assert_int_equal(utf8_encode(UINT32_MAX, out), 0);
}

static void
test_invalid(void **state)
{
	static const char *const bad[] = {
		"\x80",
		"\xbf", /* a lone follower */
		"\xc0\x80",
		"\xc1\xbf", /* overlong, two bytes */
		"\xe0\x80\x80",
		"\xe0\x9f\xbf", /* overlong, three */
		"\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", /* overlong, four */
		"\xed\xa0\x80",
		"\xed\xbf\xbf", /* surrogates */
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", /* past U+10FFFF */
		"\xf8\x88\x80\x80\x80",
		"\xfc\x84\x80\x80\x80\x80",
		"\xfe",
		"\xff",
		"\xc3",
		"\xe2\x82",
		"\xf0\x9f\x98",
		"\xc3(",
		"\xe2(\xa1",
		"\xe2\x82(",
		"\xf0(\x8c\xbc",
		"\xf0\x90(\xbc",
		"\xf0\x90\x8c(",
		"\xc3\xc3",
	};
	uint32_t ch;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		if (utf8_decode(bad[i], strlen(bad[i]), &ch) != 0)
			fail_msg("case %zu decodes", i);
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	}
	assert_int_equal(utf8_decode("a", 0, &ch), 0);
	assert_true(utf8_valid("", 0));
	assert_true(utf8_valid("a\0b", 3));
	assert_true(utf8_valid("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 9));
	assert_false(utf8_valid("\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", 8));
	assert_false(utf8_valid("ok\xff", 3));
}

static void
test_unsafe(void **state)
{
	static const struct {
		uint32_t from, to;
		bool unsafe;
	} ranges[] = {
		{ 0, 0x1f, true },
		{ 0x20, 0x7e, false },
		{ 0x7f, 0x9f, true },
		{ 0xa0, 0xff, false },
		{ 0x61b, 0x61b, false },
		{ 0x61c, 0x61c, true },
		{ 0x200d, 0x200d, false }, /* joins emoji */
		{ 0x200e, 0x200f, true },
		{ 0x2010, 0x2027, false },
		{ 0x2028, 0x202e, true },
		{ 0x202f, 0x202f, false },
		{ 0x2065, 0x2065, false },
		{ 0x2066, 0x2069, true },
		{ 0xfe0f, 0xfe0f, false },
		{ 0xfeff, 0xfeff, true },
		{ 0xfff9, 0xfffb, true },
		{ 0xfffd, 0xfffd, false },
		{ 0x1f600, 0x1f64f, false },
		{ 0xe0000, 0xe007f, true },
		{ 0xe0080, 0xe0080, false },
	};
	uint32_t ch;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(ranges); i++)
		for (ch = ranges[i].from; ch <= ranges[i].to; ch++)
			if (utf8_unsafe(ch) != ranges[i].unsafe)
				fail_msg("U+%04X", ch);
}

static void
test_plain(void **state)
{
	(void)state;
	assert_true(utf8_plain(""));
	assert_true(utf8_plain("/tmp/jos\xc3\xa9 x"));
	assert_false(utf8_plain("/tmp/jos\xe9"));
	assert_false(utf8_plain("a\tb"));
	assert_false(utf8_plain("a\xe2\x80\xae"
				"b"));
	assert_false(utf8_plain("a\xc3"));
}

/* The width is that of C.UTF-8 whatever locale the process has. */
static void
test_width(void **state)
{
	(void)state;
	assert_string_equal(setlocale(LC_ALL, "C"), "C");
	assert_int_equal(utf8_width(0), 0);
	assert_int_equal(utf8_width('\n'), 0);
	assert_int_equal(utf8_width(' '), 1);
	assert_int_equal(utf8_width('~'), 1);
	assert_int_equal(utf8_width(0x7f), 0);
	assert_int_equal(utf8_width(0xe9), 1);
	assert_int_equal(utf8_width(0x301), 0);
	assert_int_equal(utf8_width(0x4e2d), 2);
	assert_int_equal(utf8_width(0x1f680), 2);
	assert_int_equal(utf8_width(0xd800), 0);
	assert_int_equal(utf8_width(0x85), 0);
	assert_int_equal(utf8_width(0x202e), 0);
	/* not assigned: tmux since 3.5 shows it, older ones do not */
	assert_int_equal(utf8_width(0x378), 1);
	assert_int_equal(utf8_width(0x9d517), 1);
	assert_false(utf8_assigned(0x378));
	assert_true(utf8_assigned(0x377));
	assert_true(utf8_assigned('a'));
	assert_true(utf8_assigned(0xe000));
	assert_string_equal(setlocale(LC_ALL, NULL), "C");
}

static void
test_columns(void **state)
{
	/* e with a combining accent, a wide character, a bad byte, x */
	static const char s[] = "e\xcc\x81\xe4\xb8\xad\xffx";

	(void)state;
	assert_int_equal(utf8_columns("", 0), 0);
	assert_int_equal(utf8_columns(s, strlen(s)), 5);
	assert_int_equal(utf8_fit(s, strlen(s), 0), 0);
	assert_int_equal(utf8_fit(s, strlen(s), 1), 3);
	assert_int_equal(utf8_fit(s, strlen(s), 2), 3);
	assert_int_equal(utf8_fit(s, strlen(s), 3), 6);
	assert_int_equal(utf8_fit(s, strlen(s), 4), 7);
	assert_int_equal(utf8_fit(s, strlen(s), 5), 8);
	assert_int_equal(utf8_fit(s, strlen(s), UINT32_MAX), 8);
	/* An emoji may be as wide as two, or be made so by U+FE0F. */
	assert_int_equal(utf8_fit_most(s, strlen(s), 3), 6);
	assert_int_equal(utf8_fit("✌✌x", 7, 3), 7);
	assert_int_equal(utf8_fit_most("✌✌x", 7, 3), 3);
	assert_int_equal(utf8_fit_most("✌✌x", 7, 5), 7);
	assert_int_equal(utf8_fit_most("©\xef\xb8\x8fx", 6, 1), 0);
	assert_int_equal(utf8_fit_most("©\xef\xb8\x8fx", 6, 2), 5);
	assert_int_equal(utf8_fit_most("©x", 3, 2), 3);
	/* A character that the length cuts counts byte by byte. */
	assert_int_equal(utf8_columns(s, 5), 3);
	assert_int_equal(utf8_fit(s, 5, 9), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_unsafe),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_width),
		cmocka_unit_test(test_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
