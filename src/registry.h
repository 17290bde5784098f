/* registry - all slices together: registry.toml, and finding an agent in it. */
#ifndef REGISTRY_H
#define REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "buf.h"
#include "err.h"
#include "home.h"

enum {
	REGISTRY_SIZE_MAX = 64 * 1024 * 1024, /* bytes of registry.toml */
	REGISTRY_NEAR_MAX = 5, /* names an error suggests or lists */
};

/* How long a peer's slice is listed that its host no longer confirms: ms. */
#define REGISTRY_KEEP_MS (7LL * 24 * 3600 * 1000)

/*
 * registry.toml: five comment lines, the [slices.HOST] tables, then every
 * [agents.ADDRESS] of every host, each sorted. It is made from local.toml and
 * hosts/HOST.toml, which are the truth. Two hosts that publish one address: our
 * own entry stands, else that of the host whose name begins the address, else
 * that of the first host; the others are left out and logged. A slice that does
 * not parse is left out and logged; one that came more than REGISTRY_KEEP_MS
 * ago is left out.
 *
 * run/registry.stamp says which registry.toml is ours (inode, size, mtime) and
 * from which inputs it was made. Anybody else's, or one older than its inputs,
 * is not read: the bash agent-mesh overwrites it in place.
 */

/* Write registry.toml and its stamp, under a lock. `now` is real ms. */
int registry_assemble(const struct home *h, int64_t now, struct err *e);

/* Is registry.toml ours, and made of what the slices say now? */
bool registry_fresh(const struct home *h);

/* Does `address` begin with the name of `host`, and of no other known host
 * whose name is longer? */
bool registry_names(
    const struct home *h, const char *address, const char *host);

/* Nobody has `address`: may that be since the slice of a host, by whose name it
 * begins, cannot be read? 1 and EXIT_UNKNOWN with which and why; else 0. */
int registry_unread(const struct home *h, const char *address, struct err *e);

/* The registry as it stands: the file while it is fresh, else memory. */
struct registry {
	int fd;          /* the file; -1: all is in `text` */
	struct buf text; /* read or assembled so far as needed */
	size_t size;     /* bytes of the file, or of `text` */
};

#define REGISTRY_INIT                                             \
	{                                                         \
		.fd = -1, .text = BUF_INIT_MAX(REGISTRY_SIZE_MAX) \
	}

/* Open it for looking up; `r` is to be closed in any case. */
int registry_open(
    struct registry *r, const struct home *h, int64_t now, struct err *e);
void registry_close(struct registry *r);

/*
 * Find `name`: an address, else an alias that has not ended at `now`. *alias
 * says which. -1 with EXIT_UNKNOWN, the nearest names in `e`, when nobody has
 * it or, as an alias, several have; EXIT_LOCAL when the registry cannot be
 * read. `a` is initialised here and to be freed in any case.
 *
 * A lookup by address reads a few pages of the file, whatever its size.
 */
int registry_find(struct registry *r, const char *name, int64_t now,
    struct agent *a, bool *alias, struct err *e);

/*
 * All entries, sorted by address: start with *at 0. 1 and an entry in `a` (to
 * be freed), 0 at the end, -1 with `e`.
 */
int registry_next(
    struct registry *r, size_t *at, struct agent *a, struct err *e);

/*
 * Address and role of all entries, in that order, and whether they are hidden:
 * what a list shows, in one pass over the text. It knows the lines as
 * slice_write_agent() writes them, which is the only writer of what a registry
 * is read from.
 */
int registry_each(struct registry *r,
    void (*each)(void *arg, const char *address, const char *role, bool hidden),
    void *arg, struct err *e);

#endif
