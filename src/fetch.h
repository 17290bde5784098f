/* fetch - a host that cannot be dialled asks a peer for the messages that wait
 * there for it, keeps them, and tells what became of them. */
#ifndef FETCH_H
#define FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argv.h"
#include "err.h"
#include "frame.h"
#include "home.h"
#include "mail.h"
#include "peers.h"
#include "register.h"

enum { FETCH_MOST = 500 }; /* messages that one sync asks for */

/*
 * One conversation's part. The requests follow one another: first what became
 * of messages that were fetched earlier, which ~/.agents/fetched/HOST.HOST-ID/
 * names, one empty file each; then each FETCH brings a message and tells what
 * became of the one before it.
 *
 * A message goes into its agent's mailbox, synced, and from there on as any
 * that is queued (queue.h). It stays with the peer where that cannot be: its
 * agent is not known, its mailbox is full, nothing can be written. Then later
 * ones for that agent stay too.
 */
struct fetch {
	const struct registrar *reg;
	const struct peer *peer;
	const char *host; /* what the peer calls itself */
	char *owed;       /* the folder */
	struct argv receipts;
	size_t at; /* of them */
	uint64_t past;
	unsigned asked; /* how many messages came */
	bool done;      /* there are no more; set false to ask again */
	bool last;      /* set: only tell of the last one, ask for none */
	bool refusal;   /* `refused` was called */
	/* What is to be told of the last one; "": nothing. */
	char took[MAIL_ID_MAX + 1];
	enum exit_code code;
	const char *word;
	char why[ERR_MSG_MAX];
	struct argv stay; /* agents whose messages stay */
	/* One was refused for good: its sender is to be told. */
	void (*refused)(
	    void *arg, const struct mail *m, const char *word, const char *why);
	void *arg;
};

/*
 * Begin, with the peer that calls itself `host` and says `host_id`: -1 with
 * EXIT_REFUSED unless the slice of that host came by this very alias and has
 * that id. To be closed in any case. All that is given outlives it.
 */
int fetch_open(struct fetch *t, const struct registrar *reg,
    const struct peer *peer, const char *host, const char *host_id,
    struct err *e);
void fetch_close(struct fetch *t);

/* Fill in the next request, a FETCH that was initialised; false: all is said.
 * Until it was answered it is the same one again. */
bool fetch_next(struct fetch *t, struct frame *f);

/* The answer to it: 0; -1 with the code that it has, after which no other is
 * asked for, but with EXIT_LOCAL: this host could not keep that message. */
int fetch_take(struct fetch *t, const struct frame *f, struct err *e);

/* EXIT_WIRE: that peer, of this version, knows no FETCH. Returns -1. */
int fetch_unable(const struct peer *peer, const char *version, struct err *e);

/* A message of a mailbox was answered, whatever else was told of it: the peer
 * that it was fetched from, if any, will want to hear that. */
void fetch_answered(const struct home *h, const struct mail *m);

/* Is there a message that was fetched, came to its end and was not told of? */
bool fetch_owes(const struct home *h);

#endif
