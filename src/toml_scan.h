/* toml_scan - the words of TOML: keys, strings, numbers, what is between. For
 * toml.c and toml_write.c only. */
#ifndef TOML_SCAN_H
#define TOML_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "toml_tree.h"

/* Where reading stands. The text ends at `end`, not at a NUL. */
struct toml_scan {
	const char *name; /* of the document, for errors */
	const char *start;
	const char *at;
	const char *end;
	uint32_t line; /* of `at`, from 1 */
	struct toml_doc *doc;
	struct err *e;
};

/* One part of a dotted key; `s` may point into the text. */
struct toml_key {
	const char *s;
	size_t len;
	const char *at; /* where it stands */
};

/* Fail with "name:line:column: reason", for the place `at`. Returns -1. Columns
 * are characters, from 1. */
int toml_scan_fail(const struct toml_scan *s, const char *at, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Fail with "expected WANT, found ..." at the place reached. Returns -1. */
int toml_scan_expected(const struct toml_scan *s, const char *want);

/* May c stand in a key without quotes? */
bool toml_scan_bare(char c);

/* The byte reached as 0 to 255, or -1 at the end. */
int toml_scan_peek(const struct toml_scan *s);

/* Past blanks and tabs. */
void toml_scan_blanks(struct toml_scan *s);

/* Past blanks, a comment, and the end of the line or document. */
int toml_scan_line_end(struct toml_scan *s);

/* Past blanks, comments and line ends, as many as there are. */
int toml_scan_gap(struct toml_scan *s);

/* The functions below return 0 with the place reached behind what they read,
 * or -1 with the error set. */

int toml_scan_key(struct toml_scan *s, struct toml_key *key);

/* Any of the four kinds, from its first quote on, into the document's memory.
 */
int toml_scan_string(struct toml_scan *s, const char **out, uint32_t *len);

/* An integer; floats and dates fail as "unsupported", all else as no value. */
int toml_scan_number(struct toml_scan *s, int64_t *out);

#endif
