/* schema - what an answer must be: JSON with these keys, of these types. */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

enum {
	SCHEMA_MAX = 800,       /* bytes of a schema without blanks */
	SCHEMA_DEPTH_MAX = 32,  /* objects and arrays in one another */
	SCHEMA_KEYS_MAX = 64,   /* in all */
	SCHEMA_PLACE_MAX = 200, /* bytes of "a.b.c" in an error */
};

/*
 * A schema is a JSON object: each key's value is the name of a type, "string",
 * "number", "integer", "boolean", "array", "object", "null" or "any", with a
 * "?" behind it where the key may be missing, or an object that says the same
 * of the object that is to stand there:
 *
 *	{"ok": "boolean", "why": "string?", "where": {"line": "integer"}}
 *
 * Other keys may stand in the answer too.
 */

/* Append the schema that a text holds, without blanks. -1 with EXIT_USAGE
 * "name: reason" if it is none or larger than SCHEMA_MAX. */
int schema_read(struct buf *out, const char *name, const char *text, size_t len,
    struct err *e);

/* Is this one, of at most SCHEMA_MAX bytes, as schema_read() gives it? */
bool schema_ok(const char *schema);

/*
 * Is `text` what `schema` wants? -1 with EXIT_USAGE: "answer: is no JSON at
 * byte N", "answer: key 'where.line': is missing, must be integer", "... is
 * string, must be integer".
 */
int schema_check(
    const char *schema, const char *text, size_t len, struct err *e);

#endif
