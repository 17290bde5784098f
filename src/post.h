/* post - a message for an agent of this host, by its address: found, checked,
 * delivered; whether it came from here or over a link. */
#ifndef POST_H
#define POST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent.h"
#include "allow.h"
#include "deliver.h"
#include "mail.h"
#include "register.h"

/* The caller owns all of it. */
struct post {
	const struct registrar *reg;
	const char *id;     /* ring_id_ok() */
	const char *sender; /* body_sender_ok() */
	const char *host;   /* the sender's; NULL: this one */
	const char *note;   /* about the sender, or NULL */
	const char *path;   /* who handed it on: hops.h; NULL: nobody */
	struct allow_sender verified; /* for @agent-allow */
	const struct mail_card *card; /* of the sender; NULL: none */
	const char *folder; /* in the inbox, for what is too long to show */
	const char *body;
	size_t len;
	/* The pane it comes from, which it may not go to; NULL: none here. */
	const struct pane_ident *from;
	bool repeat; /* the id came over a link */
	bool ask;    /* only tell what became of the id */
	int64_t wait_ms;
	bool (*nap)(void *arg, int64_t ms); /* as in struct deliver */
	void *nap_arg;
	bool (*known)(void *arg); /* as in struct deliver */
	void *known_arg;
	bool (*begin)(void *arg, bool recorded); /* as in struct deliver */
	void *begin_arg;
	pid_t parent;         /* as in struct deliver */
	const char *reply_to; /* the message it answers; NULL: none */
	const char *thread;   /* the first of these; NULL: none */
	const char *chain;    /* those between: mail.h; NULL, "": none */
	unsigned hops;        /* how many answers before it */
	bool question;        /* its sender waits for an answer */
	const char *schema;   /* which must be like that; NULL: any */
	bool queue;           /* it is kept where the pane is not ready */
	bool grouped;    /* one to several: who sends it tells messages.h */
	bool later;      /* ... without a look whether it is; see queue.h */
	int64_t expires; /* real ms; then it is not shown any more; 0: never */
	bool type;
	bool urgent;
	bool force;
};

/* How the body of what is too long for a mailbox begins there: the file that
 * has it and " (N bytes)" follow. */
#define POST_TOO_LONG "message too long to keep: "

/* What is sent as a mailbox keeps it, to `to`; to be freed. A body of more than
 * MAIL_BODY_MAX is left to who calls. */
void post_mail(struct mail *m, const struct post *p, const struct agent *to);

/*
 * Deliver to `to`, an entry of this host, which is looked up again (and its
 * server scanned) once if its pane turns out to be gone or another one; `to`
 * then is the new entry. Always fills `v`; returns its code.
 *
 * It is written into the agent's mailbox before it is shown, and has its place
 * there when it was, or may have been: not synced, since the pane has it and
 * the verdict claims no more. Without room nothing is typed (EXIT_LOCAL);
 * should it not get its place afterwards, the verdict is "indeterminate".
 */
enum exit_code post(
    const struct post *p, struct agent *to, struct deliver_verdict *v);

/*
 * Would @agent-allow of `to` let p->verified in? To be asked before files are
 * taken; post() asks again. EXIT_REFUSED if not, which the feed is told of; any
 * other code when it cannot be found out. `to` may become a new entry, as with
 * post(). Only `reg`, `sender` and `verified` need be set.
 */
int post_may(const struct post *p, struct agent *to, struct err *e);

/* Is `to` another pane than `from`, the sender's (NULL: nobody's)? EXIT_USAGE
 * if not. */
int post_check_other(
    const struct pane_ident *from, const struct agent *to, struct err *e);

/* Would post() take this body at all? EXIT_USAGE if it is not UTF-8 or empty.
 */
int post_check(const char *body, size_t len, struct err *e);

#endif
