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
 * Floats and dates, which nothing here needs, are "unsupported: ...". Lines and
 * columns count from 1, columns in characters. CR LF within a string becomes
 * LF. Time and memory are linear in `len`, whatever the keys are: at the very
 * worst 64 bytes of memory for each of the text's.
 */
struct toml *toml_parse(
    const char *name, const char *text, size_t len, struct err *e);

/* Release a root table with all that it leads to; NULL is fine. */
void toml_free(struct toml *root);

enum toml_type toml_type(const struct toml *t);

/* Members of a table by exact key (one part, no dots); NULL if `t` is NULL, not
 * a table or has no such key. Constant time, whatever the table's size. */
const struct toml *toml_get(const struct toml *t, const char *key);

/* Table or array size (0 for NULL and scalars), and its i-th child: for a table
 * in document order, with *key (if wanted) set to its key, for an array to
 * NULL. NULL past the end. */
size_t toml_count(const struct toml *t);
const struct toml *toml_at(const struct toml *t, size_t i, const char **key);

/* The i-th key of a table with its length: the only way to see one with U+0000
 * in it whole. NULL past the end and for what is no table. */
const char *toml_key(const struct toml *t, size_t i, size_t *len);

/* Scalars; the fallback if `t` is NULL or of another type. toml_string()
 * returns the fallback also for a string with a NUL inside. */
const char *toml_string(const struct toml *t, const char *fallback);
int64_t toml_integer(const struct toml *t, int64_t fallback);
bool toml_boolean(const struct toml *t, bool fallback);

/* The bytes of a string and their number; NULL if it is none. */
const char *toml_bytes(const struct toml *t, size_t *len);

/* Where the value stood: 1-based line of the document. For a table the line of
 * its header, or of what first named it if it has none. */
unsigned toml_line(const struct toml *t);

/*
 * Writing: one line "key = value\n" each, or a table header: [table], or
 * [table.name] if `name` is not NULL. Keys are written bare where TOML allows
 * it, else quoted; strings as basic strings with everything escaped that
 * utf8_unsafe() names, so that a value never spans lines and is safe to show.
 * Invalid UTF-8 is written as one U+FFFD a byte. Order is the caller's
 * business. What does not fit sets `b->overflow`.
 */
void toml_write_header(struct buf *b, const char *table, const char *name);
void toml_write_string(struct buf *b, const char *key, const char *value);
void toml_write_integer(struct buf *b, const char *key, int64_t value);
void toml_write_boolean(struct buf *b, const char *key, bool value);
void toml_write_strings(
    struct buf *b, const char *key, const char *const *values, size_t n);

/*
 * Write a whole tree back, which toml_parse() reads as the same tree: in each
 * table scalars and mixed arrays first, then tables and arrays of tables, keys
 * sorted by bytes.
 */
void toml_write(struct buf *b, const struct toml *root);

#endif
