#include "unit.h"

#include "buf.h"
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
test_write_lines(void **state)
{
	static const char *const words[] = { "a", "b\"c", "" };
	struct buf b = BUF_INIT;

	(void)state;
	toml_write_header(&b, "agents", "hub-dev_1");
	toml_write_header(&b, "agents", "a.b");
	toml_write_header(&b, "x", NULL);
	toml_write_string(&b, "k", "plain / it's \xc3\xa9");
	toml_write_string(&b, "", "\b\t\n\f\r\"\\\x01\x1f\x7f");
	toml_write_string(&b, "\xc3\xa9", "\xc2\x85\xe2\x80\xa8\xe2\x80\xae");
	toml_write_string(&b, "t", "\xf3\xa0\x81\x81");
	toml_write_string(&b, "bad", "a\xff\xe2\x82z\xc3");
	toml_write_integer(&b, "min", INT64_MIN);
	toml_write_boolean(&b, "t", true);
	toml_write_boolean(&b, "f", false);
	toml_write_strings(&b, "w", words, 3);
	toml_write_strings(&b, "none", NULL, 0);
	assert_string_equal(b.data,
	    "[agents.hub-dev_1]\n"
	    "[agents.\"a.b\"]\n"
	    "[x]\n"
	    "k = \"plain / it's \xc3\xa9\"\n"
	    "\"\" = \"\\b\\t\\n\\f\\r\\\"\\\\\\u0001\\u001F\\u007F\"\n"
	    "\"\xc3\xa9\" = \"\\u0085\\u2028\\u202E\"\n"
	    "t = \"\\U000E0041\"\n"
	    "bad = \"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd\"\n"
	    "min = -9223372036854775808\n"
	    "t = true\n"
	    "f = false\n"
	    "w = [\"a\", \"b\\\"c\", \"\"]\n"
	    "none = []\n");
	buf_free(&b);
}

static void
test_write_tree(void **state)
{
	struct toml *t =
	    parse("[t.s]\nb = [1, {y = [], x = true}]\n[e]\n"
		  "[[l]]\nz = 1\n[[l.m]]\n[[l]]\n[l.o.p]\nq = 'r'\n"
		  "[d]\nab = 2\na = 1\na-b = 3\n[d.c]\n");
	struct buf b = BUF_INIT, again = BUF_INIT;

	(void)state;
	toml_write(&b, t);
	toml_free(t);
	assert_string_equal(b.data,
	    "[d]\na = 1\na-b = 3\nab = 2\n[d.c]\n[e]\n[[l]]\nz = 1\n[[l.m]]\n"
	    "[[l]]\n[l.o.p]\nq = \"r\"\n"
	    "[t.s]\nb = [1, {x = true, y = []}]\n");
	t = parse(b.data);
	toml_write(&again, t);
	assert_string_equal(again.data, b.data);
	toml_free(t);
	buf_free(&b);
	buf_free(&again);
}

/* A key with U+0000 in it, next to one that it begins with. */
static void
test_write_nul_key(void **state)
{
	struct toml *t = parse("\"a\\u0000b\" = 1\na = 2\n\"a\\u0000\" = 3\n");
	struct buf b = BUF_INIT;

	(void)state;
	toml_write(&b, t);
	assert_string_equal(
	    b.data, "a = 2\n\"a\\u0000\" = 3\n\"a\\u0000b\" = 1\n");
	toml_free(t);
	buf_free(&b);
}

static void
test_write_overflow(void **state)
{
	struct toml *t = parse("a = 'xxxxxxxxxx'\n[b]\n");
	struct buf b = BUF_INIT_MAX(8);
	struct err e;

	(void)state;
	toml_write(&b, t);
	assert_true(b.overflow);
	assert_true(b.len <= 8);
	assert_int_equal(buf_check(&b, "x", &e), -1);
	toml_free(t);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_lines),
		cmocka_unit_test(test_write_tree),
		cmocka_unit_test(test_write_nul_key),
		cmocka_unit_test(test_write_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
