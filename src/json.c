#include "json.h"

#include <inttypes.h>
#include <string.h>

#include "quote.h"

/* The bit of the innermost level; depth > 0. */
static uint64_t
level(const struct json *j)
{
	return UINT64_C(1) << (j->depth - 1);
}

static bool
in_object(const struct json *j)
{
	return j->depth > 0 && (j->objects & level(j)) != 0;
}

static void
new_line(struct json *j)
{
	unsigned i;

	if (!j->pretty)
		return;
	buf_addc(j->b, '\n');
	for (i = 0; i < j->depth; i++)
		buf_adds(j->b, "  ");
}

/* What comes before a key, or before a value of an array. */
static void
separate(struct json *j)
{
	if ((j->filled & level(j)) != 0)
		buf_addc(j->b, ',');
	j->filled |= level(j);
	new_line(j);
}

/* Get ready for a value; false if none may stand here. */
static bool
value_may(struct json *j)
{
	if (j->wrong || j->done || (in_object(j) && !j->keyed)) {
		j->wrong = true;
		return false;
	}
	if (j->depth == 0)
		j->done = true;
	else if (!in_object(j))
		separate(j);
	j->keyed = false;
	return true;
}

static void
begin(struct json *j, bool object)
{
	if (j->depth == JSON_DEPTH_MAX)
		j->wrong = true;
	if (!value_may(j))
		return;
	j->done = false;
	j->depth++;
	j->filled &= ~level(j);
	j->objects &= ~level(j);
	if (object)
		j->objects |= level(j);
	buf_addc(j->b, object ? '{' : '[');
}

static void
end(struct json *j, bool object)
{
	bool filled;

	if (j->wrong || j->depth == 0 || j->keyed || in_object(j) != object) {
		j->wrong = true;
		return;
	}
	filled = (j->filled & level(j)) != 0;
	j->depth--;
	if (filled)
		new_line(j);
	buf_addc(j->b, object ? '}' : ']');
	j->done = j->depth == 0;
}

void
json_object_begin(struct json *j)
{
	begin(j, true);
}

void
json_object_end(struct json *j)
{
	end(j, true);
}

void
json_array_begin(struct json *j)
{
	begin(j, false);
}

void
json_array_end(struct json *j)
{
	end(j, false);
}

/* RFC 8259, section 7: beyond U+FFFF a pair of surrogates. */
static void
add_escape(struct buf *b, uint32_t ch)
{
	if (ch > 0xffff) {
		ch -= 0x10000;
		buf_addf(b, "\\u%04" PRIx32, 0xd800 | ch >> 10);
		ch = 0xdc00 | (ch & 0x3ff);
	}
	buf_addf(b, "\\u%04" PRIx32, ch);
}

static void
add_string(struct buf *b, const char *s, size_t len)
{
	quote(b, s, len, add_escape);
}

void
json_key(struct json *j, const char *key)
{
	json_key_bytes(j, key, strlen(key));
}

void
json_key_bytes(struct json *j, const char *key, size_t len)
{
	if (j->wrong || !in_object(j) || j->keyed) {
		j->wrong = true;
		return;
	}
	separate(j);
	add_string(j->b, key, len);
	buf_adds(j->b, j->pretty ? ": " : ":");
	j->keyed = true;
}

void
json_string(struct json *j, const char *s, size_t len)
{
	if (value_may(j))
		add_string(j->b, s, len);
}

void
json_text(struct json *j, const char *s)
{
	if (s == NULL)
		json_null(j);
	else
		json_string(j, s, strlen(s));
}

void
json_integer(struct json *j, int64_t value)
{
	if (value_may(j))
		buf_addf(j->b, "%" PRId64, value);
}

void
json_boolean(struct json *j, bool value)
{
	if (value_may(j))
		buf_adds(j->b, value ? "true" : "false");
}

void
json_null(struct json *j)
{
	if (value_may(j))
		buf_adds(j->b, "null");
}

int
json_check(const struct json *j, const char *what, struct err *e)
{
	if (j->wrong)
		return err_set(
		    e, EXIT_LOCAL, "%s: JSON put together wrongly", what);
	if (!j->done)
		return err_set(e, EXIT_LOCAL, "%s: JSON not complete", what);
	return buf_check(j->b, what, e);
}
