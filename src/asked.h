/* asked - the questions that an agent sent, and which message answers each. */
#ifndef ASKED_H
#define ASKED_H

#include <stdbool.h>
#include <stdint.h>

#include "delivery.h"
#include "mailbox.h"

enum {
	ASKED_TTL_MS = 30 * 60 * 1000,       /* where nobody says how long */
	ASKED_KEEP_MS = 24 * 60 * 60 * 1000, /* remembered after that time */
	ASKED_MAX = 1000,                    /* that a mailbox remembers */
};

/*
 * In the mailbox of who asks, beside his messages:
 *
 *	asked/ID	the question as it was sent, a message as in cur/;
 *			whoever awaits the answer has a shared lock on it
 *	asked/ID.answer	a link that names the id of the answer, which is a
 *			message of this mailbox
 *	asked/ID.failed	likewise of the report that it will not be answered
 *	asked/ID.coming	likewise of one of these that is being shown, or was not
 *			after all: it means nothing yet, and becomes the link
 *
 * The answer comes to this mailbox from whatever host was asked, so whoever
 * watches asked/ needs no link to that host.
 */
enum asked_state {
	ASKED_OPEN,
	ASKED_ANSWERED,
	ASKED_FAILED,  /* it was deleted, say, before it was shown */
	ASKED_EXPIRED, /* no answer within its time */
};

struct asked {
	struct mail question;
	enum asked_state state;
	char answer[MAIL_ID_MAX + 1]; /* answered or failed: that message */
};

#define ASKED_INIT                    \
	{                             \
		.question = MAIL_INIT \
	}

/* "pending", "answered", "failed", "expired". */
const char *asked_word(enum asked_state state);

/*
 * With the lock: remember a question, synced, before it is sent. Those that
 * expired ASKED_KEEP_MS ago are forgotten. EXIT_REFUSED where ASKED_MAX are
 * remembered.
 */
int asked_put(struct mailbox *b, const struct mail *m, struct err *e);

/* With the lock: it was not sent after all. */
void asked_drop(struct mailbox *b, const char *id);

/* The question with this id, or with this begin of one: 0; -1 with
 * EXIT_UNKNOWN. `a` is to be freed in any case. */
int asked_find(
    const struct mailbox *b, const char *id, struct asked *a, struct err *e);
void asked_free(struct asked *a);

/* Would a message from `host` that answers message `id` come too late? -1 with
 * EXIT_REFUSED: it was answered, or has expired. 0 also where nothing of the
 * sort was asked of that host. */
int asked_may(
    const struct mailbox *b, const char *id, const char *host, struct err *e);

/* Was question `id` asked of `host`, and does somebody await its answer now? */
bool asked_awaited(const struct mailbox *b, const char *id, const char *host);

/* Be one who does, until lock_drop(). */
int asked_await(
    const struct mailbox *b, const char *id, int *fd, struct err *e);

/* With the lock, before `m` is kept or shown: make the link that asked_settle()
 * needs, if it does. -1 with EXIT_LOCAL: there is no room for it. */
int asked_reserve(struct mailbox *b, const struct mail *m, struct err *e);

/* With the lock, when `m` was kept: if it answers a question, or reports that
 * it will not be answered, note that. -1 with EXIT_LOCAL: it could not be, so
 * the question is still open. */
int asked_settle(struct mailbox *b, const struct mail *m, struct err *e);

/* What became of question `id` of this mailbox, for --status: false if it is
 * none or still open. */
bool asked_tell(
    const struct mailbox *b, const char *id, struct deliver_verdict *v);

#endif
