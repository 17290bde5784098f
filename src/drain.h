/* drain - show what waits in a mailbox, as soon as its pane is ready. */
#ifndef DRAIN_H
#define DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "mail.h"
#include "register.h"

enum {
	DRAIN_MS = 30 * 60 * 1000, /* that one process waits for a pane */
	DRAIN_NAP_MS = 500,        /* between two looks at it */
};

/*
 * Show the messages that wait in the mailbox of agent `id`, one after the
 * other: the urgent before those that were put first, these before the others,
 * otherwise in the order they came. Returns when none waits any more, when the
 * pane is gone or cannot be looked at, and after `patience_ms`: EXIT_OK or
 * EXIT_TIMEOUT. EXIT_OK at once where another process does this. -1 with `e`.
 *
 * It looks at the pane every DRAIN_NAP_MS, and sees at once what comes into the
 * mailbox or leaves it. A mailbox whose agent is gone goes to the one that has
 * the address now. A message that expires, may have been shown, or is taken
 * away or damaged by another program is reported to its sender's mailbox if
 * that is an agent; a killed process leaves each message waiting, or in the
 * ring what is known of it, and the next goes on.
 */
int drain(const struct registrar *reg, const char *id, int64_t patience_ms,
    struct err *e);

/* Does `a` go before `b`, which came before it? */
bool drain_before(const struct mail *a, const struct mail *b);

/* Tell the sender of a message, in his mailbox, what became of it: "was WORD,
 * WHY". Nothing where the sender is no agent. */
void drain_report(const struct registrar *reg, const struct mail *m,
    const char *word, const char *why);

/* What waits here for hosts that fetch it, and does so for too long, is taken
 * out and reported. */
void drain_outboxes(const struct registrar *reg);

#endif
