/* body - what of a message's bytes reaches a pane. */
#ifndef BODY_H
#define BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

enum {
	BODY_MAX = 16 * 1024 * 1024, /* bytes of a body in all */
	BODY_INLINE_MAX = 8000,      /* bytes shown in a pane; more is a file */
	BODY_COOKED_MAX = 4000,      /* where the kernel edits lines: 4095 */
	BODY_LINES_MAX = 60,         /* lines shown in a pane */
	BODY_SENDER_MAX = 160,       /* bytes of a sender's name */
};

/* How the recipient takes text. */
enum body_form {
	BODY_LINES,  /* bracketed paste: newlines and tabs are kept */
	BODY_FOLDED, /* newlines become " \u23ce ", tabs become spaces */
};

/*
 * Append the cleaned body to `out`: CR LF and CR become LF; C0 but newline and
 * tab, DEL, C1, U+2028/9, bidi controls, tags and the like are left out;
 * newlines at the end are dropped; in BODY_LINES every line after the first is
 * indented by two spaces, so that none of them can pass for a message's start.
 * -1 with EXIT_USAGE when it is not valid UTF-8 (naming the byte) or nothing
 * is left of it.
 */
int body_clean(struct buf *out, const char *body, size_t len,
    enum body_form form, struct err *e);

/* Append text from outside for people to read: lines and tabs are kept where
 * `lines` says so, everything else that utf8_unsafe() names, and what is not
 * UTF-8, becomes '?'. */
void body_plain(struct buf *out, const char *p, size_t len, bool lines);

/* Number of lines, at least 1. */
size_t body_lines(const char *text, size_t len);

/* Does the last word hold one of `chars`, so that it opens a completion in an
 * agent's composer ("@...")? */
bool body_ends_open(const char *text, size_t len, const char *chars);

/*
 * Is this a sender's name: 1 to BODY_SENDER_MAX bytes of [A-Za-z0-9._@+-],
 * neither '.' nor '-' first? It names a folder, and stands in brackets.
 */
bool body_sender_ok(const char *name);

/* "[from NAME @ UTC] " or "[from NAME (NOTE) @ UTC] " with note not NULL. */
void body_tag(
    struct buf *out, const char *name, const char *note, int64_t now_ms);

#endif
