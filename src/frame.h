/* frame - the wire: one frame is a line, headers, a blank line and a body.
 * Bytes <-> values; who says what when is docs/PROTOCOL.md. */
#ifndef FRAME_H
#define FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

enum {
	FRAME_VERSION = 1,
	FRAME_LINE_MAX = 1024,  /* bytes of any one line */
	FRAME_HEADERS_MAX = 32, /* headers of a frame */
	FRAME_ID_MAX = 40,      /* bytes of an id: [A-Za-z0-9._-] */
	FRAME_BODY_MAX =
	    20 * 1024 * 1024, /* bytes of a body: a slice, a text */
	/* Bytes of a file that a DATA frame carries: with its headers it fits
	 * one packet of SSH, and two fit 64 KiB. */
	FRAME_CHUNK = 32 * 1024 - 256,
	FRAME_NOISE_MAX =
	    64 * 1024, /* before the first frame: start-up files */
};

/* What a frame says. Requests go either way; each is answered by one DONE (or
 * SLICE) with the same id. */
#define FRAME_VERBS(X)                                                         \
	X(FRAME_HELLO, "HELLO")     /* who speaks, what it can; first */       \
	X(FRAME_DELIVER, "DELIVER") /* body: the message */                    \
	X(FRAME_FILE, "FILE")       /* a file is coming: name, size */         \
	X(FRAME_DATA, "DATA")       /* body: its next bytes; empty: the end */ \
	X(FRAME_LANE, "LANE")       /* a second stream for files is coming */  \
	X(FRAME_CHECK, "CHECK")     /* may a message be typed now? */          \
	X(FRAME_STATUS, "STATUS")   /* what became of a message? */            \
	X(FRAME_FETCH, "FETCH")     /* asks for mail that waits for us */      \
	X(FRAME_PULL, "PULL")       /* asks for the slice */                   \
	X(FRAME_PUSH, "PUSH")       /* body: my slice */                       \
	X(FRAME_PING, "PING")       /* are you there? */                       \
	X(FRAME_SLICE, "SLICE")     /* answer to PULL; body: the slice */      \
	X(FRAME_PROGRESS, "PROGRESS") /* no answer yet, it is worked on */     \
	X(FRAME_DONE, "DONE")         /* answer: Code, Verdict; body: words */

enum frame_verb {
#define X(symbol, word) symbol,
	FRAME_VERBS(X)
#undef X
	    FRAME_OTHER, /* a verb of a later version: answered "not supported"
			  */
};

struct frame_header {
	char *name;  /* [A-Za-z-]+, as written */
	char *value; /* printable UTF-8, may be empty */
};

/* One frame. Owns its headers and body. */
struct frame {
	enum frame_verb verb;
	char word[16]; /* the verb as written */
	char id[FRAME_ID_MAX + 1];
	struct frame_header headers[FRAME_HEADERS_MAX];
	size_t headers_n;
	struct buf body;
};

#define FRAME_INIT                                   \
	{                                            \
		.body = BUF_INIT_MAX(FRAME_BODY_MAX) \
	}

void frame_init(struct frame *f, enum frame_verb verb, const char *id);
void frame_free(struct frame *f);

/* Add a header. Bytes that may not stand in one (controls, newlines) become
 * '?'; a value too long for a line is cut between characters. */
void frame_add(struct frame *f, const char *name, const char *value);
void frame_addf(struct frame *f, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The first header of that name (any case), or `fallback`. */
const char *frame_get(
    const struct frame *f, const char *name, const char *fallback);

/* Does the header of that name list `word`, between blanks? */
bool frame_lists(const struct frame *f, const char *name, const char *word);

/* The same as a number without sign, at most `max`; `fallback` if there is
 * none or it is no such number. */
uint64_t frame_number(
    const struct frame *f, const char *name, uint64_t max, uint64_t fallback);

/* Append the frame as bytes. */
void frame_write(struct buf *out, const struct frame *f);

/* The same but for its body: `body` bytes, which the caller writes next. */
void frame_write_head(struct buf *out, const struct frame *f, size_t body);

enum frame_result {
	FRAME_BAD = -1,  /* `e` says why: the stream cannot be read on */
	FRAME_MORE = 0,  /* not all of it is there yet */
	FRAME_READY = 1, /* `f` is it; its bytes are consumed */
};

/*
 * Take one frame off the front of `in`. A FRAME_BAD stream must be closed.
 * `f` is initialised here when FRAME_READY, and then to be freed.
 */
enum frame_result frame_read(struct buf *in, struct frame *f, struct err *e);

/*
 * The same without taking it: `f` has no body, *size is the whole frame's
 * length in bytes, as soon as its head is there; `in` is left as it is. On
 * FRAME_MORE *size is 0 while the head is not complete, and `f` is freed.
 */
enum frame_result frame_peek(
    const struct buf *in, struct frame *f, size_t *size, struct err *e);

/*
 * Before the first frame: drop what login shells print. Consumes bytes of `in`
 * until a line that begins a HELLO; *dropped counts them, over all calls.
 * FRAME_READY: the HELLO is at the front. FRAME_BAD past FRAME_NOISE_MAX.
 */
enum frame_result frame_skip_noise(
    struct buf *in, size_t *dropped, struct err *e);

#endif
