/* json - writing JSON (RFC 8259) into a buffer. No reader. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/* Nested objects and arrays; one bit each in struct json. */
enum { JSON_DEPTH_MAX = 64 };

/*
 * One JSON text being written to `b`, which the caller owns. Commas and colons
 * come by themselves. A call that cannot stand where it is made (a value
 * without a key in an object, an end that closes nothing, a second value at
 * the top, too deep) writes nothing and marks the text as wrong for good.
 */
struct json {
	struct buf *b;
	bool pretty; /* one value a line, indented by two blanks a level */
	bool keyed;  /* a key waits for its value */
	bool done;   /* the value at the top is complete */
	bool wrong;
	unsigned depth;
	uint64_t objects; /* bit d: level d is an object, else an array */
	uint64_t filled;  /* bit d: level d has a member */
};

#define JSON_INIT(buffer)     \
	{                     \
		.b = (buffer) \
	}

void json_object_begin(struct json *j);
void json_object_end(struct json *j);
void json_array_begin(struct json *j);
void json_array_end(struct json *j);

/* A key, cleaned as a string is. That no object gets one twice is the caller's
 * business. */
void json_key(struct json *j, const char *key);
void json_key_bytes(struct json *j, const char *key, size_t len);

/*
 * `len` bytes from anywhere: what utf8_unsafe() names (control characters, DEL,
 * C1, U+2028/9, invisible ones) is escaped, an invalid byte becomes U+FFFD.
 */
void json_string(struct json *j, const char *s, size_t len);

/* A NUL-terminated string; NULL becomes null. */
void json_text(struct json *j, const char *s);

void json_integer(struct json *j, int64_t value);
void json_boolean(struct json *j, bool value);
void json_null(struct json *j);

/*
 * 0 if `b` ends with one complete JSON text, else -1 with EXIT_LOCAL "what:
 * reason" in `e`: not complete, wrong (see above), larger than the buffer.
 */
int json_check(const struct json *j, const char *what, struct err *e);

#endif
