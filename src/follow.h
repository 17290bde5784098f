/* follow - fetch messages from a peer as they come, while a link is kept. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdint.h>

#include "err.h"
#include "fetch.h"
#include "home.h"
#include "peers.h"
#include "register.h"

enum { FOLLOW_WAIT_MS = 30000 }; /* that one request waits at the peer */

/*
 * Ask `peer` for the messages that wait there for this host (fetch.h), and go
 * on as they come, until none did for `idle_ms`, or one was refused for good:
 * `refused` was called then, as in struct fetch, and the caller tells its
 * sender and calls again. *n counts them. One process a peer: 1 where another
 * does it. 0; -1 with EXIT_WIRE when the link ends, EXIT_REFUSED, EXIT_LOCAL.
 */
int follow(const struct registrar *reg, const struct peer *peer,
    int64_t idle_ms,
    void (*refused)(
	void *arg, const struct mail *m, const char *word, const char *why),
    void *arg, unsigned *n, struct err *e);

/* Have a process of its own do it, for `idle_s` seconds, unless one does.
 * Nothing is said where it cannot be started: the next sync fetches too. */
void follow_start(const struct home *h, const char *alias, int64_t idle_s);

#endif
