/* toml - TOML 1.0 <-> a tree of values. No files, no clock. */
#ifndef TOML_H
#define TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

enum toml_type {
	TOML_STRING,
	TOML_INTEGER,
	TOML_BOOLEAN,
	TOML_ARRAY,
	TOML_TABLE,
};

/* Bounds of what toml_parse() takes; past one is an error that says so. */
enum {
	TOML_SIZE_MAX = 64 * 1024 * 1024, /* bytes of a document */
	TOML_DEPTH_MAX = 32,              /* nested arrays and tables */
	TOML_KEY_MAX = 1024,              /* bytes of one key part */
};

/*
 * A value. Tables and arrays own their children; a root table owns all.
 * Strings are valid UTF-8 of `len` bytes, NUL-terminated, and may hold U+0000.
 */
struct toml;

/*
 * Parse `len` bytes. Returns the root table, to be released by toml_free(), or
 * NULL with EXIT_LOCAL and "name:line:column: reason" in `e`. Everything that
 * TOML 1.0 (toml.io/en/v1.0.0) forbids is an error: bad UTF-8, a duplicate key
 * or table, an extended inline table, control characters, CR without LF.
 * Floats and dates, which nothing here needs, are "unsupported".
 */
struct toml *toml_parse(
    const char *name, const char *text, size_t len, struct err *e);
void toml_free(struct toml *t);

enum toml_type toml_type(const struct toml *t);

/* Members of a table by exact key (one part, no dots); NULL if `t` is not a
 * table or has no such key. Logarithmic or better in the table's size. */
const struct toml *toml_get(const struct toml *t, const char *key);

/* Table or array size, and its i-th child: for a table in document order,
 * with *key (if wanted) set to its key. NULL past the end. */
size_t toml_count(const struct toml *t);
const struct toml *toml_at(const struct toml *t, size_t i, const char **key);

/* Scalars; the fallback if `t` is NULL or of another type. toml_string()
 * returns the fallback also for a string with a NUL inside. */
const char *toml_string(const struct toml *t, const char *fallback);
int64_t toml_integer(const struct toml *t, int64_t fallback);
bool toml_boolean(const struct toml *t, bool fallback);

/* The bytes of a string and their number; NULL if it is none. */
const char *toml_bytes(const struct toml *t, size_t *len);

/* Where the value stood: 1-based line of the document. */
unsigned toml_line(const struct toml *t);

/*
 * Writing: one line "key = value\n" each, or a table header. Keys are written
 * bare where TOML allows it, else quoted; strings as basic strings with every
 * control character escaped, so that a value never spans lines. Invalid UTF-8
 * in a value is written as U+FFFD. Order is the caller's business.
 */
void toml_write_header(struct buf *b, const char *table, const char *name);
void toml_write_string(struct buf *b, const char *key, const char *value);
void toml_write_integer(struct buf *b, const char *key, int64_t value);
void toml_write_boolean(struct buf *b, const char *key, bool value);
void toml_write_strings(
    struct buf *b, const char *key, const char *const *values, size_t n);

/* Write a whole tree back: scalars first, then tables, keys sorted by bytes. */
void toml_write(struct buf *b, const struct toml *root);

#endif
