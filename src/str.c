#include "str.h"

#include <string.h>

bool
str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

bool
str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool
str_glob(const char *pattern, const char *s)
{
	return str_glob_one(pattern, s, '*');
}

bool
str_glob_one(const char *pattern, const char *s, char one)
{
	const char *star = NULL, *retry = NULL;

	while (*s != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			retry = s;
		} else if (*pattern == *s || *pattern == one) {
			pattern++;
			s++;
		} else if (star != NULL) {
			pattern = star;
			s = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

int
str_number(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0, digit;

	if (*s == '\0')
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		digit = (uint64_t)(*s - '0');
		if (digit > max || n > (max - digit) / 10)
			return -1;
		n = n * 10 + digit;
	}
	*out = n;
	return 0;
}

static bool
is_lower_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, digits, '_' and '-', in ASCII whatever the locale. */
static bool
is_word(char c)
{
	return is_lower_digit(c) || (c >= 'A' && c <= 'Z') || c == '_' ||
	    c == '-';
}

void
str_slug(char out[SLUG_MAX + 1], const char *name)
{
	size_t n = 0;
	bool gap = false;
	char c;

	for (; *name != '\0' && n < SLUG_MAX; name++) {
		c = *name;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (!is_lower_digit(c)) {
			gap = n > 0;
			continue;
		}
		if (gap)
			out[n++] = '-';
		gap = false;
		if (n < SLUG_MAX)
			out[n++] = c;
	}
	if (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
}

void
str_session(char out[SESSION_MAX + 1], const char *name)
{
	size_t n = 0;
	bool gap = false;

	for (; *name != '\0' && n < SESSION_MAX; name++) {
		if (is_word(*name)) {
			out[n++] = *name;
			gap = false;
		} else if (!gap) {
			out[n++] = '-';
			gap = true;
		}
	}
	out[n] = '\0';
}

bool
str_host_ok(const char *s)
{
	size_t n = strlen(s), i;

	if (n == 0 || n > HOST_MAX || s[0] == '_' || s[0] == '-')
		return false;
	for (i = 0; i < n; i++)
		if (!is_word(s[i]))
			return false;
	return true;
}

bool
str_address_ok(const char *s)
{
	size_t n = strlen(s), i;

	if (n == 0 || n > ADDRESS_MAX)
		return false;
	for (i = 0; i < n; i++)
		if (!is_word(s[i]))
			return false;
	return true;
}

bool
str_id_ok(const char *s, char mark)
{
	size_t n;

	if (s[0] != mark)
		return false;
	n = strspn(s + 1, "0123456789");
	return n >= 1 && n <= 10 && s[n + 1] == '\0';
}

unsigned
str_distance(const char *a, const char *b, unsigned cap)
{
	/* Three rows of the usual table; names past the width are far apart. */
	unsigned row[3][ADDRESS_MAX + 2], *before, *last, *now, *spare, best;
	size_t n = strlen(a), m = strlen(b), i, j;

	if (n > ADDRESS_MAX || m > ADDRESS_MAX)
		return cap;
	before = row[0];
	last = row[1];
	now = row[2];
	for (j = 0; j <= m; j++)
		last[j] = before[j] = (unsigned)j;
	for (i = 1; i <= n; i++) {
		now[0] = (unsigned)i;
		for (j = 1; j <= m; j++) {
			best = last[j - 1] + (a[i - 1] != b[j - 1]);
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[m] < cap ? last[m] : cap;
}

uint64_t
str_hash(const void *p, size_t len)
{
	const unsigned char *s = p;
	uint64_t hash = 0xcbf29ce484222325U;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ s[i]) * 0x100000001b3U;
	return hash;
}
