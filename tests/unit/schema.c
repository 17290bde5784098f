#include "unit.h"

#include "schema.h"

static const char *
read_it(const char *text)
{
	static char out[SCHEMA_MAX + 1];
	struct buf b = BUF_INIT;
	struct err e;

	if (schema_read(&b, "s", text, strlen(text), &e) != 0) {
		assert_int_equal(e.code, EXIT_USAGE);
		assert_int_equal(b.len, 0);
		(void)snprintf(out, sizeof(out), "%s", e.msg);
	} else {
		(void)snprintf(out, sizeof(out), "%s", b.data);
	}
	buf_free(&b);
	return out;
}

static const char *
check_it(const char *schema, const char *text)
{
	static struct err e;

	err_clear(&e);
	if (schema_check(schema, text, strlen(text), &e) == 0)
		return "";
	assert_int_equal(e.code, EXIT_USAGE);
	return e.msg;
}

static void
test_read(void **state)
{
	(void)state;
	assert_string_equal(read_it("{}"), "{}");
	assert_string_equal(
	    read_it(
		" {\n\t\"ok\" : \"boolean\" ,\r\"w\":{\"l\": \"integer?\"}, "
		"\"\\u00e4\":\"any\"}\n"),
	    "{\"ok\":\"boolean\",\"w\":{\"l\":\"integer?\"},"
	    "\"\\u00e4\":\"any\"}");
	/* What was read once is read again as it is. */
	assert_string_equal(read_it("{\"a\":{\"b\":{}},\"c\":\"null?\"}"),
	    "{\"a\":{\"b\":{}},\"c\":\"null?\"}");
}

static void
test_read_bad(void **state)
{
	char long_text[SCHEMA_MAX + 64];

	(void)state;
	assert_string_equal(read_it(""), "s: is no JSON at byte 1");
	assert_string_equal(
	    read_it("{\"a\":\"any\",}"), "s: is no JSON at byte 12");
	assert_string_equal(read_it("{} x"), "s: is no JSON at byte 4");
	assert_non_null(strstr(read_it("[\"any\"]"), "no object of keys"));
	assert_non_null(
	    strstr(read_it("{\"a\":\"text\"}"), "key 'a': must be"));
	assert_non_null(strstr(read_it("{\"a\":1}"), "key 'a': must be"));
	assert_non_null(strstr(read_it("{\"a\":\"?\"}"), "key 'a': must be"));
	assert_non_null(
	    strstr(read_it("{\"a\xe2\x80\xae\":\"any\"}"), "invisible"));
	(void)snprintf(
	    long_text, sizeof(long_text), "{\"%0*d\":\"any\"}", SCHEMA_MAX, 0);
	assert_non_null(strstr(read_it(long_text), "more than 800 bytes"));
}

static void
test_types(void **state)
{
	static const char *const values[] = { "\"x\"", "1.5", "-3", "true",
		"[]", "{}", "null" };
	static const char *const names[] = { "string", "number", "integer",
		"boolean", "array", "object", "null" };
	char schema[64], text[64], want[128];
	size_t i, k;

	(void)state;
	for (i = 0; i < 7; i++) {
		for (k = 0; k < 7; k++) {
			(void)snprintf(
			    schema, sizeof(schema), "{\"k\":\"%s\"}", names[i]);
			(void)snprintf(
			    text, sizeof(text), " { \"k\" : %s } ", values[k]);
			(void)snprintf(want, sizeof(want),
			    "answer: key 'k': is %s, must be %s", names[k],
			    names[i]);
			assert_string_equal(check_it(schema, text),
			    i == k || (i == 1 && k == 2) ? "" : want);
			assert_string_equal(
			    check_it("{\"k\":\"any\"}", text), "");
		}
	}
}

static void
test_keys(void **state)
{
	static const char schema[] = "{\"ok\":\"boolean\",\"why\":\"string?\","
				     "\"at\":{\"line\":\"integer\"}}";

	(void)state;
	assert_string_equal(
	    check_it(schema, "{\"ok\":true,\"at\":{\"line\":3,\"x\":[1,{}]}}"),
	    "");
	assert_string_equal(
	    check_it(schema, "{\"at\":{\"line\":3},\"why\":null,\"ok\":false}"),
	    "");
	assert_string_equal(check_it(schema, "{\"ok\":true}"),
	    "answer: key 'at': is missing, must be object");
	assert_string_equal(check_it(schema, "{\"ok\":true,\"at\":{}}"),
	    "answer: key 'at.line': is missing, must be integer");
	assert_string_equal(
	    check_it(schema, "{\"ok\":true,\"why\":3,\"at\":{\"line\":3}}"),
	    "answer: key 'why': is integer, must be string");
	assert_string_equal(
	    check_it(schema, "{\"ok\":true,\"at\":{\"line\":\"3\"}}"),
	    "answer: key 'at.line': is string, must be integer");
	/* A key is what it says, however it is written; the last one counts. */
	assert_string_equal(
	    check_it("{\"ok\":\"null\"}", "{\"\\u006fk\":null}"), "");
	assert_string_equal(
	    check_it("{\"ok\":\"null\"}", "{\"ok\":null,\"ok\":1}"),
	    "answer: key 'ok': is integer, must be null");
	assert_non_null(
	    strstr(check_it(schema, "[]"), "is array, must be an object"));
	assert_string_equal(check_it("{}", "{}"), "");
}

static void
test_json(void **state)
{
	static const char *const good[] = { "{\"a\":\"\\ud83d\\ude00\\n\\/\"}",
		"{\"a\":[0,-0,1e9,1.25E-3,\"\xc3\xa4\"]}",
		"{\"a\":{\"b\":[[]]}}" };
	static const char *const bad[] = { "{", "{\"a\"}", "{\"a\":}", "{a:1}",
		"{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}", "{\"a\":.5}",
		"{\"a\":1e}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}",
		"{\"a\":\"\\ud83d\"}", "{\"a\":\"\\ude00\"}", "{\"a\":\"\t\"}",
		"{\"a\":\"\xff\"}", "{\"a\":tru}", "{\"a\":[1,]}",
		"{\"a\":1 2}", "{\"a\":\"", "{\"a\":\"\\", "{\"a\":nul", "{}{}",
		"yes" };
	char deep[2 * (SCHEMA_DEPTH_MAX + 8) + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_string_equal(check_it("{\"a\":\"any\"}", good[i]), "");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(strstr(
		    check_it("{\"a\":\"any\"}", bad[i]), "is no JSON at"));
	memset(deep, '[', sizeof(deep));
	memset(deep + sizeof(deep) / 2, ']', sizeof(deep) / 2 + 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_non_null(strstr(check_it("{}", deep), "is no JSON at"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_bad),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
