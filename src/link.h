/*
 * link - a peer reached over SSH, and byte streams to programs there, for
 * agent-link alone.
 *
 * A link is one authenticated session (or a program that stands in for it:
 * via=ssh, command=). A pipe ties one stream of it to two descriptors here. One
 * loop serves them: today one pipe, whose end is the link's.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
