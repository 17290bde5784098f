#include "unit.h"

#include "buf.h"
#include "mem.h"
#include "toml.h"

static struct toml *
parse(const char *text)
{
	struct err e;
	struct toml *t;

	err_clear(&e);
	t = toml_parse("t", text, strlen(text), &e);
	if (t == NULL)
		fail_msg("%s", e.msg);
	return t;
}

static void
assert_error_of(const char *text, size_t len, const char *want)
{
	struct err e;

	err_clear(&e);
	assert_null(toml_parse("t", text, len, &e));
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_string_equal(e.msg, want);
}

static void
assert_error(const char *text, const char *want)
{
	assert_error_of(text, strlen(text), want);
}

/* A copy with no byte behind it, for AddressSanitizer and valgrind. */
static struct toml *
parse_exactly(const char *text, size_t len)
{
	char *copy = x_malloc(len == 0 ? 1 : len);
	struct toml *t;

	memcpy(copy, text, len);
	t = toml_parse("t", copy, len, NULL);
	x_free(copy);
	return t;
}

/* "x" n times. */
static void
repeat(struct buf *b, const char *x, size_t n)
{
	while (n-- > 0)
		buf_adds(b, x);
}

static void
test_scalars(void **state)
{
	struct toml *t = parse("s = 'x' # c\nt = true\nf=false\n\ti\t=\t-17\n");

	(void)state;
	assert_int_equal(toml_type(t), TOML_TABLE);
	assert_int_equal(toml_count(t), 4);
	assert_string_equal(toml_string(toml_get(t, "s"), "no"), "x");
	assert_true(toml_boolean(toml_get(t, "t"), false));
	assert_false(toml_boolean(toml_get(t, "f"), true));
	assert_int_equal(toml_integer(toml_get(t, "i"), 0), -17);
	assert_int_equal(toml_line(toml_get(t, "i")), 4);
	assert_int_equal(toml_line(t), 1);
	toml_free(t);
	toml_free(NULL);
}

static void
test_empty(void **state)
{
	struct toml *t;

	(void)state;
	t = toml_parse("t", NULL, 0, NULL);
	assert_non_null(t);
	assert_int_equal(toml_count(t), 0);
	assert_null(toml_at(t, 0, NULL));
	assert_null(toml_get(t, ""));
	toml_free(t);
	t = parse(" \t\n# only this\r\n");
	assert_int_equal(toml_count(t), 0);
	toml_free(t);
}

static void
test_fallbacks(void **state)
{
	struct toml *t = parse("i = 1\ns = 'x'\na = [1]\nz = \"a\\u0000b\"\n");
	const struct toml *i = toml_get(t, "i"), *s = toml_get(t, "s");
	const char *key = "kept";
	size_t len = 0;

	(void)state;
	assert_null(toml_get(t, "none"));
	assert_null(toml_get(NULL, "i"));
	assert_null(toml_get(i, "i"));
	assert_null(toml_get(toml_get(t, "a"), "i"));
	assert_string_equal(toml_string(i, "f"), "f");
	assert_string_equal(toml_string(NULL, "f"), "f");
	assert_int_equal(toml_integer(s, 5), 5);
	assert_int_equal(toml_integer(NULL, 5), 5);
	assert_true(toml_boolean(i, true));
	assert_true(toml_boolean(NULL, true));
	assert_int_equal(toml_count(i), 0);
	assert_int_equal(toml_count(NULL), 0);
	assert_null(toml_at(i, 0, &key));
	assert_null(key);
	assert_null(toml_at(NULL, 0, NULL));
	assert_null(toml_bytes(i, &len));
	assert_null(toml_bytes(NULL, &len));
	assert_null(toml_key(i, 0, &len));
	assert_null(toml_key(t, 4, &len));
	assert_null(toml_key(NULL, 0, &len));
	/* a string with a NUL has bytes, but is no C string */
	assert_string_equal(toml_string(toml_get(t, "z"), "f"), "f");
	assert_memory_equal(toml_bytes(toml_get(t, "z"), &len), "a\0b", 4);
	assert_int_equal(len, 3);
	toml_free(t);
}

static void
test_order(void **state)
{
	struct toml *t = parse("z = 1\n[b]\nc = [7, 8]\n[a]\n");
	const struct toml *c;
	const char *key;

	(void)state;
	assert_int_equal(toml_integer(toml_at(t, 0, &key), 0), 1);
	assert_string_equal(key, "z");
	assert_non_null(toml_at(t, 1, &key));
	assert_string_equal(key, "b");
	assert_non_null(toml_at(t, 2, &key));
	assert_string_equal(key, "a");
	assert_null(toml_at(t, 3, &key));
	assert_null(key);
	c = toml_get(toml_get(t, "b"), "c");
	assert_int_equal(toml_count(c), 2);
	key = "x";
	assert_int_equal(toml_integer(toml_at(c, 1, &key), 0), 8);
	assert_null(key);
	toml_free(t);
}

static void
test_nul_key(void **state)
{
	struct toml *t = parse("\"a\\u0000b\" = 1\na = 2\n\"a\\u0000\" = 3\n");
	size_t len;

	(void)state;
	assert_int_equal(toml_count(t), 3);
	assert_int_equal(toml_integer(toml_get(t, "a"), 0), 2);
	assert_memory_equal(toml_key(t, 0, &len), "a\0b", 4);
	assert_int_equal(len, 3);
	toml_free(t);
}

static void
assert_string(const char *text, const char *want, size_t want_len)
{
	struct toml *t = parse_exactly(text, strlen(text));
	const char *s;
	size_t len = 0;

	assert_non_null(t);
	s = toml_bytes(toml_get(t, "a"), &len);
	assert_non_null(s);
	assert_int_equal(len, want_len);
	assert_memory_equal(s, want, len + 1);
	toml_free(t);
}

#define STRING(text, want) assert_string(text, want, sizeof(want) - 1)

static void
test_strings(void **state)
{
	(void)state;
	STRING("a=\"\"", "");
	STRING("a=''", "");
	STRING("a=\"\"\"\"\"\"", "");
	STRING("a=''''''", "");
	STRING("a='\\n\"'", "\\n\"");
	STRING("a=\"it's\"", "it's");
	STRING("a=\"\\b\\t\\n\\f\\r\\\"\\\\\"", "\b\t\n\f\r\"\\");
	STRING("a=\"\\u0000\\u00e9\\uD7FF\\U0001F600\\U0010ffff\"",
	    "\0\xc3\xa9\xed\x9f\xbf\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf");
	STRING("a=\"\xc3\xa9\t\"", "\xc3\xa9\t");
	STRING("a=\"\"\"\nx\ny\"\"\"", "x\ny");
	STRING("a=\"\"\"\r\nx\r\n\r\ny\"\"\"", "x\n\ny");
	STRING("a='''\r\nx\r\ny\\'''", "x\ny\\");
	STRING("a='''\n\nx'''", "\nx");
	STRING("a=\"\"\"x\\  \n \t\r\n  y\\\r\n\"\"\"", "xy");
	STRING("a=\"\"\"\"x\"\"\"\"", "\"x\"");
	STRING("a=\"\"\"\"\"x\"\"\"\"\"", "\"\"x\"\"");
	STRING("a='''''x'y''z'''''", "''x'y''z''");
	STRING("a=\"\"\"\\\"\"\"\\\\\"\"\"", "\"\"\"\\");
}

static void
test_string_errors(void **state)
{
	(void)state;
	assert_error("a = \"x", "t:1:5: the string has no end on its line");
	assert_error("a = 'x\n'", "t:1:5: the string has no end on its line");
	assert_error("a='x\r\n'", "t:1:3: the string has no end on its line");
	assert_error("a=\"\\\n\"", "t:1:3: the string has no end on its line");
	assert_error("a=\"x\\", "t:1:3: the string has no end on its line");
	assert_error("a='''x''", "t:1:3: the string has no end");
	assert_error("\na=\"\"\"\nx\\", "t:2:3: the string has no end");
	assert_error(
	    "a='''x''''''", "t:1:12: expected the end of the line, found '''");
	assert_error("a='x\ry'", "t:1:5: a CR without LF");
	assert_error("a='''x\ry'''", "t:1:7: a CR without LF");
	assert_error("a='\x1b'", "t:1:4: control character U+001B");
	assert_error("a=\"\"\"\n\x7f\"\"\"", "t:2:1: control character U+007F");
	assert_error("a='\xc3\xa9\xed\xa0\x80'", "t:1:5: not UTF-8: byte 0xed");
	assert_error_of("a=\"\0\"", 5, "t:1:4: control character U+0000");
	assert_error_of("a=\"\xc3", 4, "t:1:4: not UTF-8: byte 0xc3");
}

static void
test_escape_errors(void **state)
{
	static const char none[] =
	    "t:1:5: no such escape; write \\\\ for a backslash, or use '";

	(void)state;
	assert_error("a=\"x\\q\"", none);
	assert_error("a=\"x\\e\"", none);
	assert_error("a=\"x\\x41\"", none);
	assert_error("a=\"x\\ \"", none);
	assert_error("a=\"\"\"\\ x\"\"\"",
	    "t:1:6: no such escape; write \\\\ for a backslash, or use '");
	assert_error("a=\"\\u12\"", "t:1:4: \\u wants 4 hexadecimal digits");
	assert_error(
	    "a=\"\\U0001F60g\"", "t:1:4: \\U wants 8 hexadecimal digits");
	assert_error("a=\"\\ud800\"", "t:1:4: U+D800 is no Unicode character");
	assert_error(
	    "a=\"\\U00110000\"", "t:1:4: U+110000 is no Unicode character");
	assert_error("a=\"\"\"\n\\z\"\"\"",
	    "t:2:1: no such escape; write \\\\ for a backslash, or use '");
	assert_error("\"\\z\" = 1",
	    "t:1:2: no such escape; write \\\\ for a backslash, or use '");
}

static void
test_integers(void **state)
{
	static const struct {
		const char *text;
		int64_t want;
	} rows[] = {
		{ "0", 0 },
		{ "+0", 0 },
		{ "-0", 0 },
		{ "1_2_3", 123 },
		{ "+99", 99 },
		{ "0xDEAD_beef", 0xdeadbeef },
		{ "0x00", 0 },
		{ "0o0_17", 15 },
		{ "0b101", 5 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
		{ "0x7fffffffffffffff", INT64_MAX },
	};
	char text[64];
	struct toml *t;
	size_t i;
	int n;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = snprintf(text, sizeof(text), "a=%s", rows[i].text);
		t = parse_exactly(text, (size_t)n);
		assert_non_null(t);
		assert_int_equal(toml_type(toml_get(t, "a")), TOML_INTEGER);
		assert_true(toml_integer(toml_get(t, "a"), 77) == rows[i].want);
		toml_free(t);
	}
}

static void
test_integer_errors(void **state)
{
	static const char *const past[] = { "9223372036854775808",
		"-9223372036854775809", "0x8000000000000000",
		"99999999999999999999999", "0xffffffffffffffffffffff" };
	static const char *const no[] = { "1__2", "1_", "0x_1", "0x", "+0x1",
		"0b2", "0o8", "1a", "0X1", "1.", "1.e2", "1e", "1_.5", "01.5",
		"1.5.5", "1e5.5", "19-05-27", "1979-13-01", "1979-05-00",
		"1979-05-27T", "1979-05-27T24:00:00", "07:32", "07:60:00",
		"1979-05-27T07:32:00+24:00", "07:32:00Z", "07:32:00." };
	char text[64], want[96];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
		(void)snprintf(text, sizeof(text), "a=%s", past[i]);
		assert_error(text, "t:1:3: an integer past 64 bits");
	}
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		(void)snprintf(text, sizeof(text), "a=%s", no[i]);
		(void)snprintf(
		    want, sizeof(want), "t:1:3: no value: %s", no[i]);
		assert_error(text, want);
	}
	assert_error("a=01", "t:1:3: a number begins with a zero");
	assert_error("a=-00", "t:1:3: a number begins with a zero");
	assert_error("a=_1", "t:1:3: no value: _1; a string needs quotes");
	assert_error("a=yes", "t:1:3: no value: yes; a string needs quotes");
}

static void
test_unsupported(void **state)
{
	static const char *const floats[] = { "1.5", "-0.0", "+1e3", "1E-0_3",
		"6.626e-34", "inf", "-inf", "+nan", "1_0.0_1" };
	static const char *const dates[] = { "1979-05-27", "07:32:00",
		"07:32:60.123", "1979-05-27T07:32:00", "1979-05-27 07:32:00",
		"1979-05-27t07:32:00z", "1979-05-27T07:32:00.5-07:00",
		"1979-05-27 # c" };
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(floats) / sizeof(floats[0]); i++) {
		(void)snprintf(text, sizeof(text), "a=[%s]", floats[i]);
		assert_error(text, "t:1:4: unsupported: float");
	}
	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		(void)snprintf(text, sizeof(text), "\na = %s", dates[i]);
		assert_error(text, "t:2:5: unsupported: date or time");
	}
}

static void
test_value_errors(void **state)
{
	(void)state;
	assert_error(
	    "a = ", "t:1:5: expected a value, found the end of the document");
	assert_error(
	    "a = \n", "t:1:5: expected a value, found the end of the line");
	assert_error("a = ?", "t:1:5: expected a value, found '?'");
	assert_error(
	    "a = True", "t:1:5: no value: True; a string needs quotes");
	assert_error(
	    "a = true1", "t:1:9: expected the end of the line, found '1'");
	assert_error(
	    "a=1 b=2", "t:1:5: expected the end of the line, found 'b'");
	assert_error("a=[1 2]", "t:1:6: expected ',' or ']', found '2'");
	assert_error("a=[,]", "t:1:4: expected a value, found ','");
	assert_error("a=[1,\n",
	    "t:2:1: expected a value, found the end of the document");
	assert_error("a={b=1,}", "t:1:8: expected a key, found '}'");
	assert_error("a={b=1 c=2}", "t:1:8: expected ',' or '}', found 'c'");
	assert_error("a={b=1\n}",
	    "t:1:7: expected ',' or '}', found the end of the line");
	assert_error("a=[1]# \x01", "t:1:8: control character U+0001");
	assert_error("a=[ # \xff\n]", "t:1:7: not UTF-8: byte 0xff");
	assert_error(
	    "a=[1 # \xc3\xa9\x02\n]", "t:1:9: control character U+0002");
	assert_error("a=[ # x\ry\n]", "t:1:8: a CR without LF");
	assert_error("a=1\r", "t:1:4: a CR without LF");
}

static void
test_key_errors(void **state)
{
	(void)state;
	assert_error("= 1", "t:1:1: expected a key, found '='");
	assert_error("a", "t:1:2: expected '=', found the end of the document");
	assert_error("a b = 1", "t:1:3: expected '=', found 'b'");
	assert_error("a. = 1", "t:1:4: expected a key, found '='");
	assert_error("\"\"\"a\"\"\" = 1", "t:1:3: expected '=', found '\"'");
	assert_error("\xc3\xa9 = 1", "t:1:1: expected a key, found '\xc3\xa9'");
	assert_error("\xef\xbb\xbf"
		     "a = 1",
	    "t:1:1: expected a key, found a byte order mark; remove it");
	assert_error("[]", "t:1:2: expected a key, found ']'");
	assert_error(
	    "[a", "t:1:3: expected ']', found the end of the document");
	assert_error("[[a] ]", "t:1:4: expected ']]', found ']'");
	assert_error("[ [a]]", "t:1:3: expected a key, found '['");
	assert_error("[a] x", "t:1:5: expected the end of the line, found 'x'");
}

/* A document that is refused because something is there already. */
static void
test_twice(void **state)
{
	static const struct {
		const char *text;
		const char *want;
	} rows[] = {
		{ "a=1\n\na=2", "t:3:1: 'a' is defined in line 1 already" },
		{ "a=1\n'a'=2", "t:2:1: 'a' is defined in line 1 already" },
		{ "[a]\n[a]", "t:2:2: 'a' is defined in line 1 already" },
		{ "[a.b]\n[a]\n[a]",
		    "t:3:2: 'a' is defined in line 2 already" },
		{ "[a]\n[[a]]", "t:2:3: 'a' is defined in line 1 already" },
		{ "[[a]]\n[a]", "t:2:2: 'a' is defined in line 1 already" },
		{ "a=[]\n[[a]]", "t:2:3: 'a' is defined in line 1 already" },
		{ "[a.b]\n[[a]]", "t:2:3: 'a' is defined in line 1 already" },
		{ "a.b=1\n[a]", "t:2:2: 'a' is defined in line 1 already" },
		{ "a={}\n[a]", "t:2:2: 'a' is defined in line 1 already" },
		{ "a={b=1,b=2}", "t:1:8: 'b' is defined in line 1 already" },
		{ "a=1\na.b=2", "t:2:1: 'a' is no table to add to" },
		{ "a=1\n[a.b]", "t:2:2: 'a' is no table to add to" },
		{ "a=[{}]\n[a.b]", "t:2:2: 'a' is no table to add to" },
		{ "[[a.b]]\n[a]\nb.c=1", "t:3:1: 'b' is no table to add to" },
		{ "a={}\na.b=1", "t:2:1: 'a' is complete within its braces" },
		{ "a={b.c=1}\n[a.b.d]",
		    "t:2:2: 'a' is complete within its braces" },
		{ "a={b={},b.c=1}",
		    "t:1:9: 'b' is complete within its braces" },
		{ "[a.b]\n[a]\nb.c=1",
		    "t:3:1: 'b' is a table of another place; add the key "
		    "there" },
		{ "[a]\nb.c=1\n[b]\n[a.b.x]\n[a.b]",
		    "t:5:4: 'b' is defined in line 2 already" },
		{ "[a.b.c]\n[a]\nb.d=1\n[a.b]",
		    "t:4:4: 'b' is defined in line 1 already" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_error(rows[i].text, rows[i].want);
}

static void
test_long_key_shown_short(void **state)
{
	struct buf b = BUF_INIT, want = BUF_INIT;
	int i;

	(void)state;
	/* 59 bytes, then a character of two: not cut in its middle */
	for (i = 0; i < 2; i++) {
		buf_adds(&b, "[\"");
		repeat(&b, "x", 59);
		buf_adds(&b, "\xc3\xa9zzz\"]\n");
	}
	buf_adds(&want, "t:2:2: '");
	repeat(&want, "x", 59);
	buf_adds(&want, "...' is defined in line 1 already");
	assert_error(b.data, want.data);
	buf_free(&b);
	buf_free(&want);
}

static void
test_tables(void **state)
{
	struct toml *t = parse("[a.b.c]\nx = 1\n[a]\ny = 2\nb.z = 3\nb.w = 4\n"
			       "[a.b.d]\n[[l]]\nn = 1\n[l.sub]\nm = 1\n"
			       "[[l]]\nn = 2\n[[l.sub]]\n[[l.sub]]\n");
	const struct toml *a = toml_get(t, "a"), *b = toml_get(a, "b");
	const struct toml *l = toml_get(t, "l");

	(void)state;
	assert_int_equal(toml_count(t), 2);
	assert_int_equal(toml_line(a), 3);
	assert_int_equal(toml_line(b), 1);
	assert_int_equal(toml_count(b), 4);
	assert_int_equal(toml_integer(toml_get(b, "w"), 0), 4);
	assert_int_equal(toml_type(l), TOML_ARRAY);
	assert_int_equal(toml_count(l), 2);
	assert_int_equal(toml_line(l), 8);
	assert_int_equal(toml_line(toml_at(l, 1, NULL)), 12);
	assert_int_equal(
	    toml_type(toml_get(toml_at(l, 0, NULL), "sub")), TOML_TABLE);
	assert_int_equal(toml_count(toml_get(toml_at(l, 1, NULL), "sub")), 2);
	toml_free(t);
}

static void
test_inline(void **state)
{
	struct toml *t = parse("a = [\n\t1, # one\n\r\n\t{ b.c = 'x', b.d = {} "
			       "},\n\t[], [[true]],\n]\n");
	const struct toml *a = toml_get(t, "a"), *v;

	(void)state;
	assert_int_equal(toml_count(a), 4);
	v = toml_get(toml_at(a, 1, NULL), "b");
	assert_int_equal(toml_line(v), 4);
	assert_string_equal(toml_string(toml_get(v, "c"), ""), "x");
	assert_int_equal(toml_count(toml_get(v, "d")), 0);
	v = toml_at(toml_at(toml_at(a, 3, NULL), 0, NULL), 0, NULL);
	assert_true(toml_boolean(v, false));
	toml_free(t);
}

static void
test_key_bound(void **state)
{
	struct buf b = BUF_INIT;
	struct toml *t;

	(void)state;
	repeat(&b, "k", TOML_KEY_MAX);
	buf_adds(&b, " = 1");
	t = parse(b.data);
	toml_free(t);
	buf_reset(&b);
	repeat(&b, "k", TOML_KEY_MAX + 1);
	buf_adds(&b, " = 1");
	assert_error(b.data, "t:1:1: a key longer than 1024 bytes");
	buf_free(&b);
}

/* n times `open`, `middle`, n times `close`: fine up to `bound` times. */
static void
assert_depth(const char *start, const char *open, const char *middle,
    const char *close, size_t bound, const char *want)
{
	struct buf b = BUF_INIT;
	size_t n;

	for (n = bound; n <= bound + 1; n++) {
		buf_reset(&b);
		buf_adds(&b, start);
		repeat(&b, open, n);
		buf_adds(&b, middle);
		repeat(&b, close, n);
		if (n == bound)
			toml_free(parse(b.data));
		else
			assert_error(b.data, want);
	}
	buf_free(&b);
}

static void
test_depth_bound(void **state)
{
	size_t max = TOML_DEPTH_MAX;

	(void)state;
	assert_depth(
	    "a=", "[", "", "]", max, "t:1:35: nested deeper than 32 levels");
	assert_depth(
	    "a=", "{b=", "1", "}", max, "t:1:99: nested deeper than 32 levels");
	assert_depth(
	    "", "a.", "a=1", "", max, "t:1:65: nested deeper than 32 levels");
	assert_depth("[", "a.", "a]", "", max - 1,
	    "t:1:66: nested deeper than 32 levels");
	assert_depth("[[", "a.", "a]]", "", max - 2,
	    "t:1:65: nested deeper than 32 levels");
	/* sections and braces count together */
	assert_depth("[[a.a]]\nb=", "[", "", "]", max - 3,
	    "t:2:32: nested deeper than 32 levels");
}

/* Which error comes tells which bound was looked at. */
static void
test_size_bound(void **state)
{
	char *text = x_calloc((size_t)TOML_SIZE_MAX + 1, 1);

	(void)state;
	text[0] = '=';
	assert_error_of(
	    text, TOML_SIZE_MAX, "t:1:1: expected a key, found '='");
	assert_error_of(text, (size_t)TOML_SIZE_MAX + 1,
	    "t:1:1: larger than 67108864 bytes");
	x_free(text);
}

/* Large tables, arrays and strings, with memory that has to grow often. */
static void
test_large(void **state)
{
	struct buf b = BUF_INIT;
	const struct toml *v;
	struct toml *t;
	const char *s;
	char key[32];
	unsigned i;
	size_t len;

	(void)state;
	for (i = 0; i < 30000; i++)
		buf_addf(&b, "key-%u.a = %u\nkey-%u.b = 'x'\n", i, i, i);
	buf_adds(&b, "[list]\nl = [");
	for (i = 0; i < 30000; i++)
		buf_addf(&b, "%u,", i);
	buf_adds(&b, "]\ns = \"\\\\");
	repeat(&b, "x", 2 * 1024 * 1024);
	buf_adds(&b, "\"\n");
	t = parse_exactly(b.data, b.len);
	assert_int_equal(toml_count(t), 30001);
	for (i = 0; i < 30000; i++) {
		(void)snprintf(key, sizeof(key), "key-%u", i);
		v = toml_get(t, key);
		assert_ptr_equal(v, toml_at(t, i, &s));
		assert_string_equal(s, key);
		assert_int_equal(toml_integer(toml_get(v, "a"), -1), i);
		key[0] = 'q';
		assert_null(toml_get(t, key));
	}
	v = toml_get(t, "list");
	assert_int_equal(toml_count(toml_get(v, "l")), 30000);
	assert_non_null(toml_bytes(toml_get(v, "s"), &len));
	assert_int_equal(len, 2 * 1024 * 1024 + 1);
	toml_free(t);
	buf_adds(&b, "[key-29999]\n");
	assert_error_of(b.data, b.len,
	    "t:60004:2: 'key-29999' is defined in line 59999 already");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scalars),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_fallbacks),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_nul_key),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_string_errors),
		cmocka_unit_test(test_escape_errors),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_integer_errors),
		cmocka_unit_test(test_unsupported),
		cmocka_unit_test(test_value_errors),
		cmocka_unit_test(test_key_errors),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_long_key_shown_short),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_inline),
		cmocka_unit_test(test_key_bound),
		cmocka_unit_test(test_depth_bound),
		cmocka_unit_test(test_size_bound),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
