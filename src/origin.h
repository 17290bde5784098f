/* origin - who sends what came from another host, as far as this one can tell.
 */
#ifndef ORIGIN_H
#define ORIGIN_H

#include "allow.h"
#include "body.h"
#include "frame.h"
#include "home.h"

enum { ORIGIN_FOLDER_MAX = BODY_SENDER_MAX + 16 };

struct origin {
	char name[BODY_SENDER_MAX + 1];
	const char *note;                   /* about it, or NULL; a constant */
	char folder[ORIGIN_FOLDER_MAX];     /* in the inbox */
	char verified[BODY_SENDER_MAX + 1]; /* for @agent-allow; "": nobody */
};

/*
 * Who sends the message, file or check that `f` announces, which came from the
 * host `host`? `From` is what it calls itself: not taken at its word unless it
 * is in the slice that its host published. `Sender` is what its host found out,
 * and no name that would be another host's. -1 with EXIT_USAGE where `From` is
 * no name.
 */
int origin_read(const struct home *home, const char *host,
    const struct frame *f, struct origin *from, struct err *e);

/* Who it is for @agent-allow. */
struct allow_sender origin_sender(const struct origin *from, const char *host);

#endif
