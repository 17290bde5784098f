/*
 * link - a peer reached over SSH, and byte streams to programs there, for
 * agent-link alone.
 *
 * A link is one authenticated session (or a program that stands in for it:
 * via=ssh, command=). A pipe ties one stream of it to two descriptors here. One
 * loop serves them. A link may be kept for those who come after: link_keep.c.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "home.h"
#include "peers.h"

/* What runs there. */
enum link_what {
	LINK_SERVE, /* agent-serve */
	LINK_SLICE, /* what prints ~/.agents/local.toml; nothing is sent */
};

/* Whom to reach, and how. All is the caller's. */
struct link_to {
	const char *name;        /* as on ssh's command line */
	const struct peer *peer; /* its line in peers.conf; NULL: none */
	const struct home *home; /* for the log */
	int64_t timeout_ms;      /* to be connected within */
};

/*
 * Connect, then carry `in` to the stream and the stream to `out` until both
 * ends are through. Pipes and sockets among them become non-blocking; a
 * terminal stays as it is. SIGPIPE is to be ignored.
 *
 * 0 when the program there ended well or nobody reads `out` any more; -1 with
 * EXIT_WIRE, EXIT_REFUSED (asking again changes nothing), EXIT_UNKNOWN (there
 * is no panemesh) or EXIT_LOCAL: "NAME: reason; mend". As long as nothing came
 * from there, nothing is read from `in`: what is still in it when this returns
 * has reached nobody. Something must come within the timeout.
 *
 * Connecting has a deadline. Since parts of it cannot be interrupted (the
 * resolver, an agent), a timer half a second later ends the process with
 * EXIT_WIRE and the same words: SIGALRM is ours until then.
 */
int link_run(const struct link_to *to, enum link_what what, int in, int out,
    struct err *e);

/*
 * Carry frames between `in` and `out` and agent-serve there, and keep the link
 * for `idle_ms` after its last use. As link_run(), but:
 *
 * If a link to the peer is kept or being made, frames go through that. Else the
 * process forks: the child, in a session of its own, makes the link, and holds
 * it as soon as the far end said HELLO, behind a socket (warm.h); this process
 * ends with it, or when the child holds: *ended is then true, and there is
 * nothing more to be done. Where no link can be kept it is link_run().
 */
int link_keep(const struct link_to *to, int64_t idle_ms, int in, int out,
    bool *ended, struct err *e);

/* Which links of ours are kept: a line each, or JSON. 0. */
int link_status(const struct home *home, const struct peers *peers, bool json,
    struct buf *out);

/* End them all, or that to `name`: 0 when they are gone; -1 with EXIT_LOCAL
 * if one does not end. */
int link_stop(const struct home *home, const struct peers *peers,
    const char *name, struct err *e);

#endif
