/* What toml_parse() takes, toml_write() writes so that it reads as the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "toml.h"

/* Past this quotes and headers may grow a document past any bound. */
enum { OUT_MAX = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool same(const struct toml *a, const struct toml *b);

static const struct toml *
find(const struct toml *t, const char *key, size_t len)
{
	const char *other;
	size_t i, n;

	for (i = 0; (other = toml_key(t, i, &n)) != NULL; i++)
		if (n == len && memcmp(other, key, len) == 0)
			return toml_at(t, i, NULL);
	return NULL;
}

static bool
same_table(const struct toml *a, const struct toml *b)
{
	const struct toml *v;
	const char *key;
	size_t i, len;

	for (i = 0; (key = toml_key(a, i, &len)) != NULL; i++) {
		v = find(b, key, len);
		if (v == NULL || !same(toml_at(a, i, NULL), v))
			return false;
		if (strlen(key) == len && toml_get(b, key) != v)
			return false;
	}
	return true;
}

static bool
same_string(const struct toml *a, const struct toml *b)
{
	size_t alen, blen;
	const char *as = toml_bytes(a, &alen), *bs = toml_bytes(b, &blen);

	return alen == blen && memcmp(as, bs, alen) == 0 && as[alen] == '\0';
}

static bool
same(const struct toml *a, const struct toml *b)
{
	size_t i;

	if (toml_type(a) != toml_type(b) || toml_count(a) != toml_count(b))
		return false;
	switch (toml_type(a)) {
	case TOML_STRING:
		return same_string(a, b);
	case TOML_INTEGER:
		return toml_integer(a, 0) == toml_integer(b, 1);
	case TOML_BOOLEAN:
		return toml_boolean(a, false) == toml_boolean(b, true);
	case TOML_TABLE:
		return same_table(a, b);
	case TOML_ARRAY:
		for (i = 0; i < toml_count(a); i++)
			if (!same(toml_at(a, i, NULL), toml_at(b, i, NULL)))
				return false;
		return true;
	}
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf b = BUF_INIT_MAX(OUT_MAX), again = BUF_INIT_MAX(OUT_MAX);
	struct toml *first, *second;
	struct err e;

	err_clear(&e);
	first = toml_parse("fuzz", (const char *)data, len, &e);
	if (first == NULL) {
		if (strncmp(e.msg, "fuzz:", 5) != 0)
			abort();
		return 0;
	}
	toml_write(&b, first);
	if (!b.overflow) {
		second = toml_parse("again", b.data, b.len, &e);
		if (second == NULL || !same(first, second))
			abort();
		toml_write(&again, second);
		if (again.len != b.len ||
		    memcmp(again.data, b.data, b.len) != 0)
			abort();
		toml_free(second);
	}
	toml_free(first);
	buf_free(&b);
	buf_free(&again);
	return 0;
}
