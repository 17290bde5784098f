#include "unit.h"

#include "str.h"

/* A small generator, the same in every run. */
static uint32_t
next_random(void)
{
	static uint32_t x = 1;

	x = x * 1664525U + 1013904223U;
	return x >> 16;
}

static void
random_text(char *out, size_t max, const char *letters)
{
	size_t n = next_random() % (max + 1), i;

	for (i = 0; i < n; i++)
		out[i] = letters[next_random() % strlen(letters)];
	out[n] = '\0';
}

static void
test_ends(void **state)
{
	(void)state;
	assert_true(str_eq("", ""));
	assert_false(str_eq("a", "A"));
	assert_true(str_starts("abc", ""));
	assert_true(str_starts("abc", "abc"));
	assert_false(str_starts("ab", "abc"));
	assert_true(str_ends("abc", ""));
	assert_true(str_ends("abc", "abc"));
	assert_true(str_ends("abc", "c"));
	assert_false(str_ends("bc", "abc"));
	assert_false(str_ends("abd", "c"));
}

/* What `*` means, said by recursion. */
static bool
glob_reference(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (*p == '*')
		return glob_reference(p + 1, s) ||
		    (*s != '\0' && glob_reference(p, s + 1));
	return *s == *p && glob_reference(p + 1, s + 1);
}

static void
test_glob(void **state)
{
	char p[9], s[11], many[1000];
	int i;

	(void)state;
	assert_true(str_glob("", ""));
	assert_false(str_glob("", "a"));
	assert_true(str_glob("*", ""));
	assert_true(str_glob("**", "abc"));
	assert_true(str_glob("test-*", "test-"));
	assert_false(str_glob("test-*", "test"));
	assert_true(str_glob("_*", "_x"));
	assert_false(str_glob("a*b", "abc"));
	assert_true(str_glob("a*b*c", "aXbXbXc"));
	/* No other character is special. */
	assert_false(str_glob("a?c", "abc"));
	assert_false(str_glob("[a]", "a"));
	assert_true(str_glob("\\*", "\\x"));
	for (i = 0; i < 20000; i++) {
		random_text(p, sizeof(p) - 1, "ab*");
		random_text(s, sizeof(s) - 1, "ab");
		if (str_glob(p, s) != glob_reference(p, s))
			fail_msg("pattern '%s' against '%s'", p, s);
	}
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	assert_false(str_glob("*a*a*a*a*a*a*a*a*a*a*a*a*b", many));
}

static void
test_number(void **state)
{
	static const char *const bad[] = { "", " 1", "1 ", "+1", "-1", "0x1",
		"1.0", "a", "18446744073709551616", "99999999999999999999",
		"184467440737095516150" };
	uint64_t n, max, i;
	char text[32];
	size_t k;

	(void)state;
	for (k = 0; k < UNIT_COUNT(bad); k++) {
		n = 77;
		assert_int_equal(str_number(bad[k], UINT64_MAX, &n), -1);
		assert_int_equal(n, 77);
	}
	assert_int_equal(str_number("0", 0, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(str_number("007", 7, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(str_number("18446744073709551615", UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(str_number("2147483648", INT32_MAX, &n), -1);
	assert_int_equal(str_number("2147483647", INT32_MAX, &n), 0);
	for (max = 0; max < 130; max++) {
		for (i = 0; i < 140; i++) {
			(void)snprintf(text, sizeof(text), "%u", (unsigned)i);
			assert_int_equal(
			    str_number(text, max, &n), i <= max ? 0 : -1);
		}
	}
}

static void
test_slug(void **state)
{
	static const struct {
		const char *name, *slug;
	} cases[] = {
		{ "", "" },
		{ "build", "build" },
		{ "Build Log", "build-log" },
		{ "  --x-- ", "x" },
		{ "a__b", "a-b" },
		{ "ZAZ09", "zaz09" },
		{ "@[`{/:", "" },
		{ "...", "" },
		{ "gr\xc3\xbc\xc3\x9f", "gr" },
		{ "\xf0\x9f\x9a\x80 go \xf0\x9f\x9a\x80", "go" },
		{ "a\nb\tc", "a-b-c" },
		{ "0123456789012345678901234567890123456789",
		    "0123456789012345678901234567890123456789" },
		{ "01234567890123456789012345678901234567890",
		    "0123456789012345678901234567890123456789" },
		{ "012345678901234567890123456789012345678 9",
		    "012345678901234567890123456789012345678" },
		{ "01234567890123456789012345678901234567 89",
		    "01234567890123456789012345678901234567-8" },
		{ "----------------------------------------------z", "z" },
	};
	char out[SLUG_MAX + 1], again[SLUG_MAX + 1], name[121];
	size_t k;
	int i;

	(void)state;
	for (k = 0; k < UNIT_COUNT(cases); k++) {
		str_slug(out, cases[k].name);
		assert_string_equal(out, cases[k].slug);
	}
	for (i = 0; i < 20000; i++) {
		random_text(name, sizeof(name) - 1, "abZ09-_ .\xc3\xbc");
		str_slug(out, name);
		assert_true(strlen(out) <= SLUG_MAX);
		assert_int_equal(
		    strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789-"),
		    strlen(out));
		assert_null(strstr(out, "--"));
		assert_true(out[0] != '-' && !str_ends(out, "-"));
		str_slug(again, out);
		assert_string_equal(again, out);
	}
}

static void
test_session(void **state)
{
	char out[SESSION_MAX + 1], name[SESSION_MAX + 10];

	(void)state;
	str_session(out, "");
	assert_string_equal(out, "");
	str_session(out, "Dev_1-x");
	assert_string_equal(out, "Dev_1-x");
	str_session(out, " a..b \xc3\xbc$c ");
	assert_string_equal(out, "-a-b-c-");
	/* A '-' of the name's own is no part of a run. */
	str_session(out, "a- b");
	assert_string_equal(out, "a--b");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	str_session(out, name);
	assert_int_equal(strlen(out), SESSION_MAX);
}

static void
test_names_ok(void **state)
{
	char name[ADDRESS_MAX + 2];

	(void)state;
	assert_true(str_host_ok("a"));
	assert_true(str_host_ok("Z9_-"));
	assert_false(str_host_ok(""));
	assert_false(str_host_ok("-a"));
	assert_false(str_host_ok("_a"));
	assert_false(str_host_ok("a.b"));
	assert_false(str_host_ok("a b"));
	assert_false(str_host_ok("\xc3\xbc"));
	assert_false(str_host_ok("a\n"));
	memset(name, 'a', sizeof(name));
	name[HOST_MAX] = '\0';
	assert_true(str_host_ok(name));
	name[HOST_MAX] = 'a';
	name[HOST_MAX + 1] = '\0';
	assert_false(str_host_ok(name));

	assert_true(str_address_ok("-"));
	assert_true(str_address_ok("hub-dev-build-p1"));
	assert_false(str_address_ok(""));
	assert_false(str_address_ok("a/b"));
	assert_false(str_address_ok("a b"));
	memset(name, 'a', sizeof(name));
	name[ADDRESS_MAX] = '\0';
	assert_true(str_address_ok(name));
	name[ADDRESS_MAX] = 'a';
	name[ADDRESS_MAX + 1] = '\0';
	assert_false(str_address_ok(name));

	assert_true(str_id_ok("%0", '%'));
	assert_true(str_id_ok("@4294967295", '@'));
	assert_false(str_id_ok("", '%'));
	assert_false(str_id_ok("%", '%'));
	assert_false(str_id_ok("%1", '@'));
	assert_false(str_id_ok("%1x", '%'));
	assert_false(str_id_ok("%-1", '%'));
	assert_false(str_id_ok("$12345678901", '$'));
}

static unsigned
smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* The definition, said by recursion: the last letters decide. */
static unsigned
distance_reference(const char *a, size_t n, const char *b, size_t m)
{
	unsigned best;

	if (n == 0 || m == 0)
		return (unsigned)(n + m);
	best = distance_reference(a, n - 1, b, m - 1) + (a[n - 1] != b[m - 1]);
	best = smaller(best, distance_reference(a, n - 1, b, m) + 1);
	best = smaller(best, distance_reference(a, n, b, m - 1) + 1);
	if (n > 1 && m > 1 && a[n - 1] == b[m - 2] && a[n - 2] == b[m - 1])
		best =
		    smaller(best, distance_reference(a, n - 2, b, m - 2) + 1);
	return best;
}

static void
test_distance(void **state)
{
	char a[6], b[6], many[ADDRESS_MAX + 2], none[1] = "";
	unsigned want, got;
	int i;

	(void)state;
	assert_int_equal(str_distance("", "", 9), 0);
	assert_int_equal(str_distance("abc", "", 9), 3);
	assert_int_equal(str_distance("ab", "ba", 9), 1);
	assert_int_equal(str_distance("kitten", "sitting", 9), 3);
	assert_int_equal(str_distance("kitten", "sitting", 2), 2);
	for (i = 0; i < 4000; i++) {
		random_text(a, sizeof(a) - 1, "abc");
		random_text(b, sizeof(b) - 1, "abc");
		want = distance_reference(a, strlen(a), b, strlen(b));
		got = str_distance(a, b, 99);
		if (got != want)
			fail_msg("'%s' to '%s': %u, not %u", a, b, got, want);
		assert_int_equal(str_distance(b, a, 99), want);
		assert_int_equal(str_distance(a, b, 2), smaller(want, 2));
	}
	memset(many, 'a', sizeof(many));
	many[ADDRESS_MAX] = '\0';
	assert_int_equal(str_distance(many, none, 999), ADDRESS_MAX);
	assert_int_equal(str_distance(many, many, 999), 0);
	many[ADDRESS_MAX] = 'a';
	many[ADDRESS_MAX + 1] = '\0';
	assert_int_equal(str_distance(many, many, 5), 5);
}

static void
test_hash(void **state)
{
	(void)state;
	/* Test vectors of the FNV authors. */
	assert_true(str_hash("", 0) == 0xcbf29ce484222325U);
	assert_true(str_hash("a", 1) == 0xaf63dc4c8601ec8cU);
	assert_true(str_hash("foobar", 6) == 0x85944171f73967e8U);
	assert_true(str_hash("a\0", 2) != str_hash("a", 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_glob),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_slug),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_names_ok),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
