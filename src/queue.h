/* queue - messages that wait in a mailbox until their pane is ready. */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>

#include "agent.h"
#include "delivery.h"
#include "home.h"
#include "post.h"

enum {
	QUEUE_DAYS = 7, /* that a message waits where nobody says how long */

	/* Questions and answers from one agent to another */
	QUEUE_RATE_MS = 60 * 1000, /* within such a time, */
	QUEUE_RATE_ALL = 10,       /* at most so many, */
	QUEUE_RATE_SAME = 3,       /* and with the same text; */
	QUEUE_RATE_LOOK = 256,     /* among the newest messages there */
};

/* Words and reasons of what people do, for queue_record(). */
#define QUEUE_READ "read", "by agent-inbox"
#define QUEUE_DELETED "deleted", "by agent-inbox"

/* And of what others do to a mailbox's files. */
#define QUEUE_TAKEN "deleted", "by another program"
#define QUEUE_DAMAGED "failed", "its file in the mailbox was damaged"

/* The reason of one that expired. */
#define QUEUE_LATE "before its pane was ready"

/*
 * post() with a mailbox behind it.
 *
 * With p->queue a message that the pane is not ready for is kept instead of
 * refused: verdict "queued", EXIT_OK, synced to disk, and a process of its own
 * waits for the pane (wake.h). Behind messages that wait already it is not
 * tried, unless it is urgent. EXIT_REFUSED when the mailbox is full.
 *
 * Without it nothing is kept; a sender whose earlier messages wait there is
 * refused (EXIT_NOT_READY), since this one would overtake them.
 *
 * EXIT_REFUSED too for an answer that is the fifth in a row, for questions and
 * answers that come too fast, for the answer to a question that was answered
 * already or has expired, and for a question whose sender cannot be answered.
 * An answer that somebody awaits (ask.h) is kept for him and not shown: verdict
 * "queued".
 *
 * An id that is in the mailbox already answers what became of it. With p->later
 * the pane is not tried at all, but left to the process that waits for it; then
 * an id that any mailbox of this host has, or that came to its end here,
 * answers so.
 */
enum exit_code queue_post(
    const struct post *p, struct agent *to, struct deliver_verdict *v);

/*
 * What became of a message that this host was given: "queued", "submitted",
 * "shown", "read", "answered", "unsubmitted", "indeterminate", "expired",
 * "deleted", "failed", "refused"; "expired" as soon as its time is over. -1
 * with EXIT_UNKNOWN if it is not known (any more).
 */
int queue_status(const struct home *h, const char *id,
    struct deliver_verdict *v, struct err *e);

/* Was it here before, whatever its recipient was called then? What became of
 * it, as of a repeated one. Where nothing was kept or shown it may be tried
 * again: false. `id` is a message's. */
bool queue_before(
    const struct home *h, const char *id, struct deliver_verdict *v);

/* Is it being shown, or was it: can nobody take it back any more? Told in time
 * only under its mailbox's lock. */
bool queue_begun(const struct home *h, const char *id);

/* `word` as a constant, if it ends a message; else NULL. Does it say that the
 * message was seen? */
const char *queue_word(const char *word);
bool queue_proven(const char *word);

/* Write down why a message came to its end, for queue_status(). */
void queue_record(const struct home *h, const char *id, enum exit_code code,
    const char *word, const char *why);

#endif
