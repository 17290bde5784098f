/* contact - what we remember of each peer that we dial: run/peers/ALIAS. */
#ifndef CONTACT_H
#define CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "home.h"
#include "peers.h"

enum { CONTACT_VERSION_MAX = 32, CONTACT_FILE_MAX = 64 * 1024 };

/* All empty and 0 of a peer that was never tried. */
struct contact {
	char host[HOST_MAX + 1];           /* what it calls itself */
	char version[CONTACT_VERSION_MAX]; /* of its panemesh */
	bool bash;        /* it has no agent-serve: its local.toml is read */
	int64_t tried;    /* real ms of the last attempt */
	int64_t answered; /* of the last one that succeeded */
	int64_t pushed;   /* which slice of ours it took last: a sum of it */
	char failed[ERR_MSG_MAX]; /* why the last one failed; "" */
	/*
	 * Not 0: it refused us, or we its host key. Trying again by itself
	 * would get us onto ban lists, so that waits until this number, which
	 * contact_keys() makes of peers.conf and all key files, is another.
	 */
	uint64_t held;
};

/* What is known; a file that is missing or not valid says nothing. */
void contact_load(
    struct contact *c, const struct home *home, const char *alias);

/* Replace the file (not durable: it can be lost). -1 with EXIT_LOCAL. */
int contact_save(const struct contact *c, const struct home *home,
    const char *alias, struct err *e);

void contact_remove(const struct home *home, const char *alias);

/* A number, not 0, that changes when peers.conf, a file in ~/.ssh, the peer's
 * identity file or the agent's socket does. */
uint64_t contact_keys(const struct home *home, const struct peer *peer);

/* The same for what a link that stands was made with: its line in peers.conf
 * instead of the whole file, and not the agent, which is another for cron. */
uint64_t contact_line(const struct home *home, const struct peer *peer);

#endif
