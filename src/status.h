/* status - what agent-status prints: who is there and what they are doing. */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "register.h"
#include "sender.h"
#include "ship.h"

enum { STATUS_EVENTS = 10 }; /* of the feed, in whois */

/* What all of it needs; nothing is owned. */
struct status {
	const struct registrar *reg;
	const struct sender *self;
	struct ship *ship;
	bool ask; /* other hosts too, not only this one */
	bool as_json;
};

/*
 * Every agent that is not hidden: of this host looked at, of others as their
 * host says if `ask`, else unknown. Tells the feed who is stuck. An exit code:
 * EXIT_WIRE when a host could not be asked, with a line in the log; -1.
 */
int status_peers(const struct status *s, FILE *to, struct err *e);

/* One agent in full, wherever it is, with its last events here. EXIT_OK, or
 * EXIT_WIRE when its host could not be asked; -1. */
int status_whois(
    const struct status *s, const char *name, FILE *to, struct err *e);

/*
 * "ADDRESS (N peers) ●3" for a status line: the agent in pane `pane` of the
 * server at `socket` (NULL: none, and the host's name stands there), how many
 * others there are and how many messages nobody has seen. Reads the address
 * book and that agent's mailbox, and nothing else.
 */
int status_line(const struct home *home, const char *pane, const char *socket,
    FILE *to, struct err *e);

#endif
