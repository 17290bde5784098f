/* origin - who sends what came from another host, as far as this one can tell.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "allow.h"
#include "body.h"
#include "frame.h"
#include "home.h"
#include "hops.h"
#include "mail.h"

enum { ORIGIN_FOLDER_MAX = BODY_SENDER_MAX + 16 };

/* For what is vouched where a message is handed on. */
#define ORIGIN_HOST "host"     /* the host that it began at */
#define ORIGIN_SENDER "sender" /* that, and who sent it there */

struct origin {
	char name[BODY_SENDER_MAX + 1];
	const char *note; /* about it, or NULL; a constant, or: */
	char through[MAIL_NOTE_MAX + 1]; /* ... who vouches for it */
	const char *host; /* it comes from, as far as that is believed */
	struct hops path; /* the hosts that handed it on; n 0: none */
	char folder[ORIGIN_FOLDER_MAX];     /* in the inbox */
	char verified[BODY_SENDER_MAX + 1]; /* for @agent-allow; "": nobody */
	struct mail_card card;              /* by the slice that names it */
};

/*
 * Who sends the message, file or check that `f` announces, which came from the
 * host `host`? `From` is what it calls itself: not taken at its word unless it
 * is in the slice that its host published. `Sender` is what its host found out,
 * and no name that would be another host's. -1 with EXIT_USAGE where `From` is
 * no name, `Path` no way. `host` outlives `from`, which is not copied.
 *
 * What was handed on says in `Path` where it began. Nothing of that is verified
 * here: its sender is "unverified", and nobody for @agent-allow. Where who
 * brought it vouches for the host that it began at, peers.conf names that host
 * as known through that one, and it is the machine whose slice we hold,
 * from->host is where it began; where it also vouches for the sender, who
 * stands in that slice, the note says so (MAIL_THROUGH).
 */
int origin_read(const struct home *home, const char *host,
    const struct frame *f, struct origin *from, struct err *e);

/*
 * For what can be vouched where it is handed on: ORIGIN_SENDER, ORIGIN_HOST, or
 * NULL for nothing. As origin_read() has it: the name, the note about it (or
 * NULL), the host that it comes from; and the way so far (hops.h).
 */
const char *origin_vouch(
    const char *from, const char *note, const char *host, const char *path);

/* Who it is for @agent-allow. */
struct allow_sender origin_sender(const struct origin *from, const char *host);

#endif
