#include "unit.h"

#include "buf.h"
#include "json.h"

static void
test_values(void **state)
{
	struct buf b = BUF_INIT;
	struct json j = JSON_INIT(&b);
	struct err e;

	(void)state;
	json_object_begin(&j);
	json_key(&j, "s");
	json_text(&j, "x");
	json_key(&j, "list");
	json_array_begin(&j);
	json_integer(&j, INT64_MIN);
	json_integer(&j, INT64_MAX);
	json_boolean(&j, true);
	json_boolean(&j, false);
	json_null(&j);
	json_text(&j, NULL);
	json_array_begin(&j);
	json_array_end(&j);
	json_object_begin(&j);
	json_object_end(&j);
	json_array_end(&j);
	json_key(&j, "");
	json_string(&j, "a\0b", 3);
	json_key_bytes(&j, "\0\"", 2);
	json_integer(&j, 0);
	assert_int_equal(json_check(&j, "x", &e), -1);
	json_object_end(&j);
	assert_int_equal(json_check(&j, "x", &e), 0);
	assert_string_equal(b.data,
	    "{\"s\":\"x\",\"list\":[-9223372036854775808,9223372036854775807,"
	    "true,false,null,null,[],{}],\"\":\"a\\u0000b\",\"\\u0000\\\"\":"
	    "0}");
	buf_free(&b);
}

static void
test_pretty(void **state)
{
	struct buf b = BUF_INIT;
	struct json j = JSON_INIT(&b);

	(void)state;
	j.pretty = true;
	json_array_begin(&j);
	json_object_begin(&j);
	json_key(&j, "a");
	json_integer(&j, 1);
	json_key(&j, "b");
	json_array_begin(&j);
	json_array_end(&j);
	json_object_end(&j);
	json_null(&j);
	json_array_end(&j);
	assert_int_equal(json_check(&j, "x", NULL), 0);
	assert_string_equal(
	    b.data, "[\n  {\n    \"a\": 1,\n    \"b\": []\n  },\n  null\n]");
	buf_free(&b);
}

static void
assert_string(const char *s, size_t len, const char *want)
{
	struct buf b = BUF_INIT;
	struct json j = JSON_INIT(&b);

	json_string(&j, s, len);
	assert_int_equal(json_check(&j, "x", NULL), 0);
	assert_string_equal(b.data, want);
	buf_free(&b);
}

#define STRING(s, want) assert_string(s, sizeof(s) - 1, want)

static void
test_strings(void **state)
{
	(void)state;
	STRING("", "\"\"");
	STRING("a/b \xc3\xa9 \xf0\x9f\x98\x80",
	    "\"a/b \xc3\xa9 \xf0\x9f\x98\x80\"");
	STRING("\"\\\b\f\n\r\t", "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
	STRING("x\0\x01\x1f\x7f", "\"x\\u0000\\u0001\\u001f\\u007f\"");
	STRING("\xc2\x80\xc2\x9fx", "\"\\u0080\\u009fx\"");
	STRING("\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"");
	STRING("\xe2\x80\xae", "\"\\u202e\"");
	STRING("\xf3\xa0\x81\x81", "\"\\udb40\\udc41\"");
}

#define BAD "\xef\xbf\xbd"

static void
test_invalid_utf8(void **state)
{
	(void)state;
	STRING("a\xffz", "\"a" BAD "z\"");
	STRING("\xc3", "\"" BAD "\"");
	STRING("\xe2\x82", "\"" BAD BAD "\"");
	STRING("\xe2\x82\"", "\"" BAD BAD "\\\"\"");
	STRING("\xed\xa0\x80", "\"" BAD BAD BAD "\"");
	STRING("\xc0\x80", "\"" BAD BAD "\"");
	STRING("\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\"");
	/* the last byte is not ours to read */
	assert_string("\xc3\xa9", 1, "\"" BAD "\"");
}

/* The steps of a text: '{' '}' '[' ']', 'k'ey, any other an integer. */
static void
steps(struct json *j, const char *s)
{
	for (; *s != '\0'; s++) {
		switch (*s) {
		case '{':
			json_object_begin(j);
			break;
		case '}':
			json_object_end(j);
			break;
		case '[':
			json_array_begin(j);
			break;
		case ']':
			json_array_end(j);
			break;
		case 'k':
			json_key(j, "k");
			break;
		default:
			json_integer(j, 1);
			break;
		}
	}
}

static void
test_wrong(void **state)
{
	static const char *const rows[] = { "11", "]", "}", "[}", "{]", "{1",
		"{kk", "{k}", "{k]", "k", "[k", "[]1", "[]]", "[][", "{}k",
		"1]", "{k1k" };
	struct buf b = BUF_INIT;
	struct err e;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json j = JSON_INIT(&b);

		buf_reset(&b);
		steps(&j, rows[i]);
		assert_int_equal(json_check(&j, "x", &e), -1);
		assert_int_equal(e.code, EXIT_LOCAL);
		if (!j.wrong)
			continue;
		assert_string_equal(e.msg, "x: JSON put together wrongly");
		/* and so it stays, whatever comes */
		len = b.len;
		steps(&j, "1{}[]k1");
		assert_true(j.wrong);
		assert_int_equal(b.len, len);
	}
	assert_int_equal(i, 17);
	buf_free(&b);
}

static void
test_incomplete(void **state)
{
	static const char *const rows[] = { "", "[", "{", "{k", "{k1", "[[]",
		"{k{}" };
	struct buf b = BUF_INIT;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json j = JSON_INIT(&b);

		steps(&j, rows[i]);
		assert_false(j.wrong);
		assert_int_equal(json_check(&j, "x", &e), -1);
		assert_string_equal(e.msg, "x: JSON not complete");
	}
	buf_free(&b);
}

static void
test_depth(void **state)
{
	struct buf b = BUF_INIT;
	struct json j = JSON_INIT(&b), deeper = JSON_INIT(&b);
	unsigned i;

	(void)state;
	for (i = 0; i < JSON_DEPTH_MAX / 2; i++)
		steps(&j, "[{k");
	steps(&j, "1");
	for (i = 0; i < JSON_DEPTH_MAX / 2; i++)
		steps(&j, "}]");
	assert_int_equal(json_check(&j, "x", NULL), 0);
	for (i = 0; i < JSON_DEPTH_MAX; i++)
		steps(&deeper, "[");
	assert_false(deeper.wrong);
	steps(&deeper, "[");
	assert_true(deeper.wrong);
	assert_int_equal(json_check(&deeper, "x", NULL), -1);
	buf_free(&b);
}

static void
test_overflow(void **state)
{
	struct buf b = BUF_INIT_MAX(4);
	struct json j = JSON_INIT(&b);
	struct err e;

	(void)state;
	json_text(&j, "abcdef");
	assert_int_equal(json_check(&j, "x", &e), -1);
	assert_string_equal(e.msg, "x: larger than 4 bytes");
	buf_free(&b);
}

/* Several texts in one buffer, as lines. */
static void
test_lines(void **state)
{
	struct buf b = BUF_INIT;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct json j = JSON_INIT(&b);

		steps(&j, "{k[1]}");
		assert_int_equal(json_check(&j, "x", NULL), 0);
		buf_addc(&b, '\n');
	}
	assert_string_equal(b.data, "{\"k\":[1]}\n{\"k\":[1]}\n");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_pretty),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
