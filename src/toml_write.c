#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "toml.h"
#include "toml_scan.h"
#include "quote.h"

/* One member of a table while it is sorted. */
struct entry {
	const char *key;
	size_t len;
	const struct toml *value;
};

/* The headers' words from the root to the table being written. */
struct writer {
	struct buf *b;
	struct entry path[TOML_DEPTH_MAX + 1];
	size_t n;
};

static void write_section(struct writer *w, const struct toml *t);
static void write_value(struct buf *b, const struct toml *v);

static bool
is_bare(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!toml_scan_bare(s[i]))
			return false;
	return len > 0;
}

static void
write_escape(struct buf *b, uint32_t ch)
{
	if (ch > 0xffff)
		buf_addf(b, "\\U%08" PRIX32, ch);
	else
		buf_addf(b, "\\u%04" PRIX32, ch);
}

static void
write_quoted(struct buf *b, const char *s, size_t len)
{
	quote(b, s, len, write_escape);
}

static void
write_key(struct buf *b, const char *key, size_t len)
{
	if (is_bare(key, len))
		buf_add(b, key, len);
	else
		write_quoted(b, key, len);
}

static void
write_start(struct buf *b, const char *key)
{
	write_key(b, key, strlen(key));
	buf_adds(b, " = ");
}

void
toml_write_header(struct buf *b, const char *table, const char *name)
{
	buf_addc(b, '[');
	write_key(b, table, strlen(table));
	if (name != NULL) {
		buf_addc(b, '.');
		write_key(b, name, strlen(name));
	}
	buf_adds(b, "]\n");
}

void
toml_write_string(struct buf *b, const char *key, const char *value)
{
	write_start(b, key);
	write_quoted(b, value, strlen(value));
	buf_addc(b, '\n');
}

void
toml_write_integer(struct buf *b, const char *key, int64_t value)
{
	write_start(b, key);
	buf_addf(b, "%" PRId64 "\n", value);
}

void
toml_write_boolean(struct buf *b, const char *key, bool value)
{
	write_start(b, key);
	buf_adds(b, value ? "true\n" : "false\n");
}

void
toml_write_strings(
    struct buf *b, const char *key, const char *const *values, size_t n)
{
	size_t i;

	write_start(b, key);
	buf_addc(b, '[');
	for (i = 0; i < n; i++) {
		buf_adds(b, i > 0 ? ", " : "");
		write_quoted(b, values[i], strlen(values[i]));
	}
	buf_adds(b, "]\n");
}

static int
entry_compare(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);

	return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

/* The members of a table, sorted; for the caller to x_free(). */
static struct entry *
entries(const struct toml *t)
{
	struct entry *list = x_calloc(toml_count(t) + 1, sizeof(*list));
	size_t i;

	for (i = 0; i < toml_count(t); i++) {
		list[i].key = toml_key(t, i, &list[i].len);
		list[i].value = toml_at(t, i, NULL);
	}
	qsort(list, i, sizeof(*list), entry_compare);
	return list;
}

/* Depth is bounded by TOML_DEPTH_MAX, as that of the tree. */
static void
write_inline(struct buf *b, const struct toml *v)
{
	struct entry *list = entries(v);
	size_t i;

	buf_addc(b, '{');
	for (i = 0; i < toml_count(v); i++) {
		buf_adds(b, i > 0 ? ", " : "");
		write_key(b, list[i].key, list[i].len);
		buf_adds(b, " = ");
		write_value(b, list[i].value);
	}
	buf_addc(b, '}');
	x_free(list);
}

static void
write_value(struct buf *b, const struct toml *v)
{
	const char *s;
	size_t len, i;

	switch (toml_type(v)) {
	case TOML_STRING:
		s = toml_bytes(v, &len);
		write_quoted(b, s, len);
		break;
	case TOML_INTEGER:
		buf_addf(b, "%" PRId64, toml_integer(v, 0));
		break;
	case TOML_BOOLEAN:
		buf_adds(b, toml_boolean(v, false) ? "true" : "false");
		break;
	case TOML_ARRAY:
		buf_addc(b, '[');
		for (i = 0; i < toml_count(v); i++) {
			buf_adds(b, i > 0 ? ", " : "");
			write_value(b, toml_at(v, i, NULL));
		}
		buf_addc(b, ']');
		break;
	case TOML_TABLE:
		write_inline(b, v);
		break;
	}
}

static void
write_path(struct writer *w, const char *before, const char *after)
{
	size_t i;

	buf_adds(w->b, before);
	for (i = 0; i < w->n; i++) {
		buf_adds(w->b, i > 0 ? "." : "");
		write_key(w->b, w->path[i].key, w->path[i].len);
	}
	buf_adds(w->b, after);
}

/* Does a value get headers: a table, or an array of nothing but tables? */
static bool
has_header(const struct toml *v)
{
	size_t i, n = toml_count(v);

	if (toml_type(v) != TOML_ARRAY)
		return toml_type(v) == TOML_TABLE;
	for (i = 0; i < n; i++)
		if (toml_type(toml_at(v, i, NULL)) != TOML_TABLE)
			return false;
	return n > 0;
}

/* Would its header say nothing that those of its tables do not say? */
static bool
only_tables(const struct toml *t)
{
	size_t i, n = toml_count(t);

	for (i = 0; i < n; i++)
		if (!has_header(toml_at(t, i, NULL)))
			return false;
	return n > 0;
}

static void
write_child(struct writer *w, const struct entry *child)
{
	const struct toml *v = child->value;
	size_t i;

	w->path[w->n++] = *child;
	if (toml_type(v) == TOML_TABLE) {
		if (!only_tables(v))
			write_path(w, "[", "]\n");
		write_section(w, v);
	} else {
		for (i = 0; i < toml_count(v); i++) {
			write_path(w, "[[", "]]\n");
			write_section(w, toml_at(v, i, NULL));
		}
	}
	w->n--;
}

static void
write_section(struct writer *w, const struct toml *t)
{
	struct entry *list = entries(t);
	size_t i;

	for (i = 0; i < toml_count(t); i++) {
		if (has_header(list[i].value))
			continue;
		write_key(w->b, list[i].key, list[i].len);
		buf_adds(w->b, " = ");
		write_value(w->b, list[i].value);
		buf_addc(w->b, '\n');
	}
	for (i = 0; i < toml_count(t); i++)
		if (has_header(list[i].value))
			write_child(w, &list[i]);
	x_free(list);
}

void
toml_write(struct buf *b, const struct toml *root)
{
	struct writer w = { .b = b };

	write_section(&w, root);
}
