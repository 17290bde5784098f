/* outbox - messages that wait here for a host that cannot be dialled, until it
 * fetches them. */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "delivery.h"
#include "err.h"
#include "home.h"
#include "mail.h"
#include "mailbox.h"

/*
 * ~/.agents/outbox/HOST.HOST-ID/, a Maildir as mailbox.h has it: nobody but
 * that machine and user, under that name, gets what is in it. It is made when
 * the host asks for the first time, so one that never does has none and
 * nothing is kept for it.
 *
 * MAILBOX_QUEUED waits to be fetched, at most MAILBOX_UNREAD_MAX of them, and
 * OUTBOX_SHARE of one sender, so that none keeps the others out: an agent of
 * this host, what comes from no pane of it, or all of another host, whose names
 * of its agents nobody verifies.
 * MAILBOX_UNREAD was fetched and waits in the mailbox there. What came to its
 * end is taken out; the ring of verdicts remembers it.
 */
enum {
	OUTBOX_SHARE = MAILBOX_UNREAD_MAX / 2, /* that wait of one sender */
	OUTBOX_NUMBER_MAX = 2147483647,        /* of a message's place */
	OUTBOX_OVERDUE_MS = 24 * 3600 * 1000,  /* for a receipt, past its end */
	OUTBOX_LINES_MAX = 1000, /* of the index, before a sweep trims it */
	OUTBOX_EMPTY_S = 365 * 24 * 3600, /* `ends` of an empty one, ahead */
};

/* Does this host fetch its messages here? */
bool outbox_known(const struct home *h, const char *host, const char *host_id);

/*
 * Keep a message for it, synced: 0, 1 if its id is there already; -1 with
 * EXIT_REFUSED when it is full, or its sender's share is, EXIT_LOCAL. Without
 * m->expires it gets that of a queued message.
 */
int outbox_add(const struct home *h, const char *host, const char *host_id,
    struct mail *m, struct err *e);

/* Open, make and lock that of a host; to be closed by mailbox_close() in any
 * case. -1 with EXIT_LOCAL. */
int outbox_open(struct mailbox *b, const struct home *h, const char *host,
    const char *host_id, struct err *e);

/* The first message that waits behind number `past` and has not expired: 0,
 * and its number; 1 if there is none. `m` is to be freed in any case. */
int outbox_next(
    struct mailbox *b, uint64_t past, uint64_t *number, struct mail *m);

/*
 * The host says what became of a message: "queued", it has it, or a verdict
 * that ends it; of one that was seen there, later, that it was answered. 1: of
 * one that is not there (any more), or that is known to be queued, nothing is
 * noted. -1 with EXIT_LOCAL, EXIT_USAGE for an unknown word.
 */
int outbox_settle(const struct home *h, struct mailbox *b, const char *id,
    enum exit_code code, const char *word, const char *why, struct err *e);

/* How many wait for a host that have not expired, to the address `to` or, NULL,
 * any; -1: it does not fetch here. */
int outbox_waiting(const struct home *h, const char *host, const char *host_id,
    const char *to);

/* What is known of a message in any outbox: 0; 1 if none has it. One whose time
 * is over is "expired", or "indeterminate" if it was fetched. */
int outbox_status(
    const struct home *h, const char *id, struct deliver_verdict *v);

/*
 * May an outbox have something for outbox_sweep()? One look at each: the time
 * of its file `ends` is the first end in it.
 */
bool outbox_due(const struct home *h, int64_t now);

/* If so, have agent-discover see to it, in the background: for whoever comes by
 * and cannot wait for that. */
void outbox_wake(const struct home *h);

/*
 * Take out what expired: `expired` is called for each that was not fetched,
 * after it was recorded. Those that were, and of which no receipt came for
 * OUTBOX_OVERDUE_MS past their end, are forgotten: the mailbox there tells. Nor
 * does what went out long ago leave more than OUTBOX_LINES_MAX lines behind.
 */
void outbox_sweep(const struct home *h, int64_t now,
    void (*expired)(void *arg, const struct mail *m), void *arg);

#endif
