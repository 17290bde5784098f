/* follow - fetch messages from a peer as they come, while a link is kept. */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdint.h>

#include "err.h"
#include "fetch.h"
#include "file.h"
#include "home.h"
#include "peers.h"
#include "register.h"

enum {
	FOLLOW_WAIT_MS = 30000,      /* that one request waits at the peer */
	FOLLOW_MOST_MS = 3600 * 1000 /* as long as a link is kept */
};

/* When to end, however much comes: a line that was taken out, or says no more
 * that mail is taken, counts at once. */
struct follow_end {
	struct file_stamp peers; /* of peers.conf, before it was read */
	int64_t by;              /* clock_deadline() */
};

/* To be called before `peers_conf` is read. */
struct follow_end follow_end(const char *peers_conf);

/*
 * Ask `peer` for the messages that wait there for this host (fetch.h), and go
 * on as they come, until none did for `idle_ms`, or it is to `end` (what came
 * since peers.conf changed stays with the peer), or one was refused for good:
 * `refused` was called then, as in struct fetch, and the caller tells its
 * sender and calls again. *n counts them. One process a peer: 1 where another
 * does it. 0; -1 with EXIT_WIRE when the link ends, EXIT_REFUSED, EXIT_LOCAL.
 */
int follow(const struct registrar *reg, const struct peer *peer,
    const struct follow_end *end, int64_t idle_ms,
    void (*refused)(
	void *arg, const struct mail *m, const char *word, const char *why),
    void *arg, unsigned *n, struct err *e);

/* Have a process of its own do it, for `idle_s` seconds, unless one does.
 * Nothing is said where it cannot be started: the next sync fetches too. */
void follow_start(const struct home *h, const char *alias, int64_t idle_s);

#endif
