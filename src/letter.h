/* letter - the message that a DELIVER carries, or the answer to a FETCH: its
 * headers to values, whoever reads them. */
#ifndef LETTER_H
#define LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "frame.h"
#include "origin.h"
#include "peers.h"
#include "post.h"

enum { LETTER_WAIT_MAX_MS = 3600000 }; /* the longest wait one may ask for */

/* The longest that a message may be kept. */
#define LETTER_TTL_MAX_MS (30ULL * 24 * 3600 * 1000)

/* As its headers have it; what it points to is the frame's. */
struct letter {
	const struct frame *frame; /* the body is there */
	const char *id;   /* the DELIVER's own, or what `Message` says: any */
	const char *to;   /* any text: whoever looks it up judges it */
	const char *path; /* hops_text_ok(), or NULL */
	const char *reply_to; /* mail_id_ok(), or NULL */
	const char *thread;   /* the same */
	const char *chain;    /* mail_chain_ok(), or NULL */
	const char *schema;   /* schema_ok(), or NULL */
	unsigned hops;   /* at most MAIL_HOPS_MAX, which is one too many; that
			  * too where it is no number */
	int64_t wait_ms; /* to LETTER_WAIT_MAX_MS; 0 for any other */
	int64_t ttl_ms;  /* to LETTER_TTL_MAX_MS; 0 for any other */
	bool question;
	bool queue;
	bool ask;
	bool type; /* these three until letter_bind() */
	bool urgent;
	bool force;
};

/* Read `f`, which outlives `l`. -1 with EXIT_USAGE where Path, In-Reply-To,
 * Thread, Chain or Schema is no such thing. */
int letter_read(struct letter *l, const struct frame *f, struct err *e);

/* Of Type, Urgent and Force keep what the line of `peer` allows; NULL: none. */
void letter_bind(struct letter *l, const struct peer *peer);

/*
 * As it is posted here, with the frame's body; `from` is who sends it, `host`
 * who brought it. Whoever calls adds what is its own: `reg`, `wait_ms`, ...
 * Points to what `l`, `from` and `host` do.
 */
struct post letter_post(
    const struct letter *l, const struct origin *from, const char *host);

#endif
