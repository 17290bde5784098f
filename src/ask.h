/* ask - a question to an agent, and waiting for its answer. */
#ifndef ASK_H
#define ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "asked.h"
#include "send.h"

/*
 * Send s->body as a question to `address`: remembered in the mailbox of who
 * sends, with s->id, before it leaves, and forgotten if it is not delivered.
 * It may be answered for s->ttl_ms (0: ASKED_TTL_MS), by --reply, as s->schema
 * says. Fills `result` as send_message() does, and returns its code;
 * EXIT_UNKNOWN if who sends has no mailbox, EXIT_WIRE if the other host knows
 * no questions.
 */
enum exit_code ask(
    const struct send *s, const char *address, struct send_result *result);

/* Whose question, which, and how its answer is printed. */
struct ask_view {
	const char *agent; /* id of the mailbox's owner */
	const char *id;    /* or a begin of it */
	bool json;
	bool wait;           /* for an answer that is not there yet */
	int64_t patience_ms; /* no longer than that; the question's time ends it
				in any case */
};

/*
 * Print the answer to a question, which then counts as read. Waiting is one
 * sleep on inotify: the answer comes to this mailbox from whatever host.
 * EXIT_TIMEOUT: there is none yet; EXIT_REFUSED: there will be none (it has
 * expired, or was not delivered); EXIT_UNKNOWN: no such question. With `json`
 * something is printed in the first two cases too.
 */
int ask_answer(const struct home *h, const struct ask_view *view,
    struct buf *out, struct err *e);

#endif
