/* relay - a peer asks us to hand a message on to a host that it cannot dial:
 * may it? */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>

#include "err.h"
#include "home.h"
#include "hops.h"
#include "peers.h"

/* Who asks, and for what. Strings, never NULL. */
struct relay_ask {
	const char *self;        /* our own name */
	const char *host;        /* of who asks, as it calls itself */
	const char *host_id;     /* as it says */
	const char *known_id;    /* as its slice says; "": we have none */
	bool bound;              /* by a key for this peer alone */
	const struct peer *line; /* its line in peers.conf; NULL: none */
	const char *target;      /* for the host of that name */
	const char *pin;         /* and this id, says who asks */
	const char *target_id;   /* and our slice of it; "": we have none */
	const char *path;        /* the hosts before who asks */
};

/*
 * Is it to be handed on? *path then is the way so far, who asks included. -1
 * with EXIT_REFUSED (it may not, another machine is meant than the one we know,
 * the way leads back, HOPS_MAX hosts handed it on already), EXIT_WIRE (no such
 * host is known), EXIT_USAGE (no names).
 */
int relay_judge(const struct relay_ask *ask, struct hops *path, struct err *e);

/*
 * The same with what our book and peers.conf say of the two. `bound` is the
 * name that the key is bound to, or NULL: then the line is that by which its
 * slice came, else the one that begins with its name.
 */
int relay_may(const struct home *home, const struct peers *peers,
    struct relay_ask *ask, const char *bound, struct hops *path, struct err *e);

#endif
