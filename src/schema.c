/*
 * Only whether a text is JSON and what types stand in it is asked, so values
 * are passed over and nothing is built. Reading JSON for what it says is not
 * for this file.
 */
#include "schema.h"

#include <stdio.h>
#include <string.h>

#include "str.h"
#include "utf8.h"

enum type {
	TYPE_STRING,
	TYPE_NUMBER,
	TYPE_INTEGER,
	TYPE_BOOLEAN,
	TYPE_ARRAY,
	TYPE_OBJECT,
	TYPE_NULL,
	TYPE_ANY,
	TYPES,
};

static const char *const type_names[TYPES] = { "string", "number", "integer",
	"boolean", "array", "object", "null", "any" };

/* A place in a text. */
struct cursor {
	const char *p, *end;
};

static int skip_value(struct cursor *c, enum type *type, unsigned depth);

/* ---- passing over ---- */

static void
skip_blanks(struct cursor *c)
{
	while (c->p < c->end &&
	    (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

/* Take this character, behind blanks. */
static bool
skip_char(struct cursor *c, char ch)
{
	skip_blanks(c);
	if (c->p >= c->end || *c->p != ch)
		return false;
	c->p++;
	return true;
}

/* Four hexadecimal digits. */
static int
skip_hex(struct cursor *c, uint32_t *value)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at;
	unsigned i;

	*value = 0;
	for (i = 0; i < 4; i++, c->p++) {
		at = c->p >= c->end || *c->p == '\0' ? NULL
						     : strchr(digits, *c->p);
		if (at == NULL)
			return -1;
		*value = *value * 16 + ((uint32_t)(at - digits) & 15);
	}
	return 0;
}

/* What stands behind a backslash. */
static int
skip_escape(struct cursor *c, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	uint32_t ch, low;
	const char *at;
	char bytes[4];
	size_t n;

	if (c->p >= c->end || *c->p == '\0')
		return -1;
	at = strchr(from, *c->p);
	if (at != NULL) {
		buf_addc(out, to[at - from]);
		c->p++;
		return 0;
	}
	if (*c->p != 'u')
		return -1;
	c->p++;
	if (skip_hex(c, &ch) != 0)
		return -1;
	if (ch >= 0xd800 && ch < 0xdc00) {
		if (c->end - c->p < 6 || c->p[0] != '\\' || c->p[1] != 'u')
			return -1;
		c->p += 2;
		if (skip_hex(c, &low) != 0 || low < 0xdc00 || low > 0xdfff)
			return -1;
		ch = 0x10000 + ((ch - 0xd800) << 10) + (low - 0xdc00);
	}
	n = utf8_encode(ch, bytes);
	if (n == 0)
		return -1;
	buf_add(out, bytes, n);
	return 0;
}

/* A string; what it says goes to `out`. */
static int
skip_string(struct cursor *c, struct buf *out)
{
	uint32_t ch;
	size_t n;

	if (!skip_char(c, '"'))
		return -1;
	while (c->p < c->end && *c->p != '"') {
		if (*c->p == '\\') {
			c->p++;
			if (skip_escape(c, out) != 0)
				return -1;
			continue;
		}
		n = utf8_decode(c->p, (size_t)(c->end - c->p), &ch);
		if (n == 0 || ch < ' ')
			return -1;
		buf_add(out, c->p, n);
		c->p += n;
	}
	return skip_char(c, '"') ? 0 : -1;
}

static size_t
skip_digits(struct cursor *c)
{
	const char *begin = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return (size_t)(c->p - begin);
}

static int
skip_number(struct cursor *c, enum type *type)
{
	const char *first;
	size_t n;

	*type = TYPE_INTEGER;
	(void)skip_char(c, '-');
	first = c->p;
	n = skip_digits(c);
	if (n == 0 || (n > 1 && *first == '0'))
		return -1;
	if (c->p < c->end && *c->p == '.') {
		*type = TYPE_NUMBER;
		c->p++;
		if (skip_digits(c) == 0)
			return -1;
	}
	if (c->p < c->end && (*c->p == 'e' || *c->p == 'E')) {
		*type = TYPE_NUMBER;
		c->p++;
		if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
			c->p++;
		if (skip_digits(c) == 0)
			return -1;
	}
	return 0;
}

/* An array, or an object, whose members have keys. */
static int
skip_members(struct cursor *c, bool keys, unsigned depth)
{
	char close = keys ? '}' : ']';
	struct buf key = BUF_INIT;
	enum type type = TYPE_ANY;
	int rc = 0;

	c->p++;
	if (skip_char(c, close))
		return 0;
	do {
		buf_reset(&key);
		if (keys && (skip_string(c, &key) != 0 || !skip_char(c, ':')))
			rc = -1;
		else
			rc = skip_value(c, &type, depth + 1);
	} while (rc == 0 && skip_char(c, ','));
	buf_free(&key);
	return rc == 0 && skip_char(c, close) ? 0 : -1;
}

static int
skip_word(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(c->end - c->p) < len || memcmp(c->p, word, len) != 0)
		return -1;
	c->p += len;
	return 0;
}

static int
skip_value(struct cursor *c, enum type *type, unsigned depth)
{
	struct buf text = BUF_INIT;
	int rc;

	skip_blanks(c);
	if (c->p >= c->end || depth > SCHEMA_DEPTH_MAX)
		return -1;
	switch (*c->p) {
	case '{':
		*type = TYPE_OBJECT;
		return skip_members(c, true, depth);
	case '[':
		*type = TYPE_ARRAY;
		return skip_members(c, false, depth);
	case '"':
		*type = TYPE_STRING;
		rc = skip_string(c, &text);
		buf_free(&text);
		return rc;
	case 't':
		*type = TYPE_BOOLEAN;
		return skip_word(c, "true");
	case 'f':
		*type = TYPE_BOOLEAN;
		return skip_word(c, "false");
	case 'n':
		*type = TYPE_NULL;
		return skip_word(c, "null");
	default:
		return skip_number(c, type);
	}
}

/* All of it: one value. */
static int
skip_text(struct cursor *c, enum type *type, const char *name, struct err *e)
{
	const char *begin = c->p;

	if (skip_value(c, type, 0) == 0) {
		skip_blanks(c);
		if (c->p == c->end)
			return 0;
	}
	return err_set(e, EXIT_USAGE, "%s: is no JSON at byte %zu", name,
	    (size_t)(c->p - begin) + 1);
}

/* ---- members ---- */

/* The next member of an object, `c` being behind its '{' or the value before:
 * its key; `c` then is before its value. The text is known to be JSON. */
static bool
next_member(struct cursor *c, struct buf *key)
{
	buf_reset(key);
	(void)skip_char(c, ',');
	skip_blanks(c);
	return c->p < c->end && *c->p == '"' && skip_string(c, key) == 0 &&
	    skip_char(c, ':');
}

/* Find key `want` in the object at `c`: a cursor before its value. */
static bool
find_member(struct cursor c, const struct buf *want, struct cursor *value)
{
	struct buf key = BUF_INIT;
	bool found = false;
	enum type type = TYPE_ANY;

	(void)skip_char(&c, '{');
	while (next_member(&c, &key)) {
		/* Of several the last counts, as for most readers. */
		if (key.len == want->len &&
		    memcmp(key.data, want->data, key.len) == 0) {
			found = true;
			*value = c;
		}
		if (skip_value(&c, &type, 0) != 0)
			break;
	}
	buf_free(&key);
	return found;
}

/* The type that a schema's word names, without its "?". */
static enum type
type_find(const char *word, bool *optional)
{
	size_t len = strlen(word), i;

	*optional = len > 0 && word[len - 1] == '?';
	len -= *optional;
	for (i = 0; i < TYPES; i++)
		if (strlen(type_names[i]) == len &&
		    memcmp(type_names[i], word, len) == 0)
			break;
	return (enum type)i;
}

/* "a.b" of "a" and "b", for people. */
static void
place_of(struct buf *out, const char *above, const struct buf *key)
{
	buf_addf(
	    out, "%s%s%.64s", above, above[0] == '\0' ? "" : ".", key->data);
}

/* ---- a schema ---- */

/* Walk an object of a schema, written without blanks to `out`. */
static int
read_object(struct cursor *c, struct buf *out, unsigned *keys, const char *name,
    struct err *e)
{
	struct buf key = BUF_INIT, word = BUF_INIT;
	const char *begin, *end;
	bool optional, first = true;
	int rc = 0;

	(void)skip_char(c, '{');
	buf_addc(out, '{');
	for (; rc == 0; first = false) {
		(void)skip_char(c, ',');
		skip_blanks(c);
		begin = c->p;
		if (c->p >= c->end || *c->p != '"')
			break;
		buf_reset(&key);
		(void)skip_string(c, &key);
		end = c->p;
		(void)skip_char(c, ':');
		skip_blanks(c);
		if (++*keys > SCHEMA_KEYS_MAX)
			rc = err_set(e, EXIT_USAGE, "%s: more than %d keys",
			    name, SCHEMA_KEYS_MAX);
		buf_addf(out, "%s%.*s:", first ? "" : ",", (int)(end - begin),
		    begin);
		if (rc == 0 && *c->p == '{') {
			rc = read_object(c, out, keys, name, e);
			continue;
		}
		buf_reset(&word);
		if (rc == 0 &&
		    (*c->p != '"' || skip_string(c, &word) != 0 ||
			type_find(word.data, &optional) == TYPES))
			rc = err_set(e, EXIT_USAGE,
			    "%s: key '%.64s': must be string, number, integer, "
			    "boolean, array, object, null, any, or one of "
			    "these with a '?', or an object of keys",
			    name, key.data);
		buf_addf(out, "\"%s\"", word.data);
	}
	(void)skip_char(c, '}');
	buf_addc(out, '}');
	buf_free(&key);
	buf_free(&word);
	return rc;
}

/* May it stand in a header and in a pane? */
static bool
schema_plain(const struct buf *b)
{
	uint32_t ch;
	size_t at, n;

	for (at = 0; at < b->len; at += n) {
		n = utf8_decode(b->data + at, b->len - at, &ch);
		if (n == 0 || utf8_unsafe(ch))
			return false;
	}
	return true;
}

int
schema_read(struct buf *out, const char *name, const char *text, size_t len,
    struct err *e)
{
	struct cursor c = { text, text + len };
	struct buf flat = BUF_INIT;
	unsigned keys = 0;
	enum type type = TYPE_ANY;
	int rc;

	rc = skip_text(&c, &type, name, e);
	c.p = text;
	if (rc == 0 && type != TYPE_OBJECT)
		rc = err_set(e, EXIT_USAGE,
		    "%s: is no object of keys and types, such as "
		    "{\"ok\": \"boolean\", \"why\": \"string?\"}",
		    name);
	if (rc == 0)
		rc = read_object(&c, &flat, &keys, name, e);
	if (rc == 0 && flat.len > SCHEMA_MAX)
		rc = err_set(e, EXIT_USAGE,
		    "%s: has more than %d bytes without blanks", name,
		    SCHEMA_MAX);
	if (rc == 0 && !schema_plain(&flat))
		rc = err_set(e, EXIT_USAGE,
		    "%s: has an invisible character in a key", name);
	if (rc == 0)
		buf_add(out, flat.data, flat.len);
	buf_free(&flat);
	return rc;
}

bool
schema_ok(const char *schema)
{
	struct buf flat = BUF_INIT;
	size_t len = strlen(schema);
	bool good = len <= SCHEMA_MAX &&
	    schema_read(&flat, "schema", schema, len, NULL) == 0;

	buf_free(&flat);
	return good;
}

/* ---- an answer ---- */

static int check_object(
    struct cursor schema, struct cursor text, const char *above, struct err *e);

/* One key: `schema` stands before what it must be. */
static int
check_key(struct cursor schema, struct cursor text, const struct buf *key,
    const char *place, struct err *e)
{
	struct cursor value = text, at;
	struct buf word = BUF_INIT;
	enum type want = TYPE_OBJECT, got = TYPE_ANY;
	bool optional = false, deeper, there;
	int rc = 0;

	skip_blanks(&schema);
	deeper = schema.p < schema.end && *schema.p == '{';
	if (!deeper && skip_string(&schema, &word) == 0)
		want = type_find(word.data, &optional);
	there = find_member(text, key, &value);
	at = value;
	if (there)
		(void)skip_value(&at, &got, 0);
	if (!there && !optional)
		rc = err_set(e, EXIT_USAGE,
		    "answer: key '%s': is missing, must be %s", place,
		    type_names[want]);
	else if (there && want != TYPE_ANY && got != want &&
	    !(want == TYPE_NUMBER && got == TYPE_INTEGER) &&
	    !(optional && got == TYPE_NULL))
		rc = err_set(e, EXIT_USAGE,
		    "answer: key '%s': is %s, must be %s", place,
		    type_names[got], type_names[want]);
	else if (there && deeper)
		rc = check_object(schema, value, place, e);
	buf_free(&word);
	return rc;
}

static int
check_object(
    struct cursor schema, struct cursor text, const char *above, struct err *e)
{
	struct buf key = BUF_INIT, place = BUF_INIT_MAX(SCHEMA_PLACE_MAX);
	enum type type = TYPE_ANY;
	int rc = 0;

	(void)skip_char(&schema, '{');
	while (rc == 0 && next_member(&schema, &key)) {
		buf_reset(&place);
		place_of(&place, above, &key);
		rc = check_key(schema, text, &key, place.data, e);
		if (skip_value(&schema, &type, 0) != 0)
			break;
	}
	buf_free(&key);
	buf_free(&place);
	return rc;
}

int
schema_check(const char *schema, const char *text, size_t len, struct err *e)
{
	struct cursor s = { schema, schema + strlen(schema) };
	struct cursor t = { text, text + len }, all = t;
	enum type type = TYPE_ANY;

	if (skip_text(&all, &type, "answer", e) != 0)
		return -1;
	if (type != TYPE_OBJECT)
		return err_set(e, EXIT_USAGE,
		    "answer: is %s, must be an object with the keys of %s",
		    type_names[type], schema);
	return check_object(s, t, "", e);
}
