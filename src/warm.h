/*
 * warm - the socket of a link that is kept: where it is, and who may use it.
 *
 * agent-link holds an authenticated session behind a socket of its own for each
 * peer, and programs speak frames on it (mux.h). The name says what the link
 * was made with: the peer's line in peers.conf, the files of ~/.ssh, our own
 * alias and settings. When one of them changes, everybody looks for another
 * name, and the link behind the old one is never used again.
 */
#ifndef WARM_H
#define WARM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "home.h"
#include "peers.h"

enum {
	WARM_ALIAS_MAX = 40,  /* bytes of the alias in a name */
	WARM_GREET_MAX = 256, /* bytes of the first line */
	WARM_GREET_MS = 500,  /* until the holder has said anything at all */
	WARM_PROVE_MS = 3000, /* for a doubtful link to prove that it stands */
	WARM_BACKLOG = 256,   /* callers not yet taken */
};

/* What the holder says first of all, at once, on a line. Then it is not
 * frozen; the HELLO comes once the link is known to stand. */
#define WARM_GREETING "panemesh-link"

/* The paths are malloc'd. */
struct warm {
	char *dir;  /* /run/user/UID/panemesh if that is ours, else run/ */
	char *sock; /* dir/ALIAS-HASH.sock */
	char *lock; /* dir/ALIAS-HASH.lock: held by who makes or keeps it */
};

/* Name it; nothing is made but the folder. -1 with EXIT_LOCAL when there is no
 * folder that is ours alone. To be freed in any case. */
int warm_name(struct warm *w, const struct home *home, const struct peer *peer,
    struct err *e);
void warm_free(struct warm *w);

/*
 * Connect to the holder, if there is one and it runs as us. A descriptor of the
 * caller's, non-blocking; -1 if not. *pid (may be NULL) is the holder's.
 */
int warm_connect(const struct warm *w, pid_t *pid);

/* Is that process stopped, so that its socket will never answer? */
bool warm_stopped(pid_t pid);

/* Listen, in the place of what a dead holder left; the caller has the lock. A
 * descriptor, or -1 with EXIT_LOCAL. */
int warm_listen(const struct warm *w, struct err *e);

/* The next caller, if one waits and runs as us: a descriptor, non-blocking;
 * else -1. */
int warm_accept(int fd);

#endif
