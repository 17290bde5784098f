/* exchange_parts - what the parts of exchange share. Only exchange*.c include
 * this. */
#ifndef EXCHANGE_PARTS_H
#define EXCHANGE_PARTS_H

#include <stdbool.h>

#include "exchange.h"
#include "home.h"
#include "slice.h"

enum { EXCHANGE_HEAD = 4096 }; /* bytes that hold a slice's own table */

/* What we hold of a host. */
struct held {
	struct slice_came came;
	struct slice slice; /* its table only */
	bool there;
};

/* hosts/HOST.SUFFIX; malloc'd. */
char *exchange_path(
    const struct home *home, const char *host, const char *suffix);

/* What we hold of `host`, which is str_host_ok(), by the head of its file. What
 * cannot be read is none. Nothing is to be freed. */
void exchange_held(
    const struct home *home, const char *host, struct held *held);

/*
 * exchange_way.c: does the name `host`, whose slice `came` so (all empty: there
 * is none), belong to another line of peers.conf than `alias`, which brings one
 * now? A host_id is no secret, so who says it may still be another host; only
 * ssh, and so the line, tells who is who. The name is of the line by which the
 * slice came, else of the one of that very name, unless that line led to
 * another host the last time.
 *
 * 0: no. 1: yes, to one that answers: it brings what is new itself. -1 with
 * EXIT_REFUSED: to one that failed the last time or is not dialled; a person
 * has to say which of the two lines is the host's. -1 with EXIT_LOCAL:
 * peers.conf cannot be read.
 */
int exchange_other_way(const struct home *home, const char *host,
    const struct slice_came *came, const char *alias, struct err *e);

#endif
