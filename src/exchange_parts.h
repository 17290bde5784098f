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

/* exchange_way.c: is the alias by which it came before `alias`, or still
 * another of ours? */
bool exchange_way_stands(
    const struct home *home, const struct slice_came *came, const char *alias);

#endif
