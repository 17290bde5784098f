/* str - byte strings: comparing, numbers, slugs, nearest names. */
#ifndef STR_H
#define STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SLUG_MAX = 40,     /* bytes of a window's slug */
	HOST_MAX = 32,     /* bytes of a host alias */
	SESSION_MAX = 64,  /* bytes of a session's part of an address */
	ADDRESS_MAX = 160, /* bytes of an address with its suffixes */
};

bool str_eq(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* A glob with `*` only, over the whole string. No recursion; at most the
 * product of both lengths in steps. */
bool str_glob(const char *pattern, const char *s);

/* The same, in which `one` stands for any one byte. */
bool str_glob_one(const char *pattern, const char *s, char one);

/* A whole decimal number, no sign, no blank, at most `max`: 0, else -1. */
int str_number(const char *s, uint64_t max, uint64_t *out);

/*
 * The slug of a window name: ASCII lower case, each run of other bytes than
 * [a-z0-9] one '-', none at the ends, at most SLUG_MAX bytes. May be empty.
 */
void str_slug(char out[SLUG_MAX + 1], const char *name);

/* The session's part of an address: each run of bytes outside [A-Za-z0-9_-]
 * one '-', cut at SESSION_MAX. */
void str_session(char out[SESSION_MAX + 1], const char *name);

/* Is this a host alias, [A-Za-z0-9][A-Za-z0-9_-]{0,31}? */
bool str_host_ok(const char *s);

/* Is this an address as we make them: [A-Za-z0-9_-]{1,ADDRESS_MAX}? */
bool str_address_ok(const char *s);

/* A tmux id: `mark` ('%' pane, '@' window, '$' session) and 1 to 10 digits. */
bool str_id_ok(const char *s, char mark);

/* Number of single edits (insert, delete, replace, swap of neighbours) between
 * two names, at most `cap`: past that `cap` is returned. For suggestions. */
unsigned str_distance(const char *a, const char *b, unsigned cap);

/* FNV-1a, 64 bits (RFC draft-eastlake-fnv): names of lock files. */
uint64_t str_hash(const void *p, size_t len);

#endif
