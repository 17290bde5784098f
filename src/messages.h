/* messages - what was sent from here and came here, a line a message:
 * log/messages-YYYYMM.jsonl. */
#ifndef MESSAGES_H
#define MESSAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "clock.h"
#include "err.h"
#include "home.h"
#include "json.h"
#include "mail.h"

enum {
	MESSAGES_SIZE_MAX = 5 * 1024 * 1024, /* bytes of a file: two a month */
	MESSAGES_MONTHS = 3,                 /* that are kept, this one too */
	MESSAGES_BODY_MAX = 2000,            /* bytes kept of a body */
	MESSAGES_TO_MAX = 4000,              /* bytes of recipients' names */
	MESSAGES_LINE_MAX = 20000,           /* bytes of a line */
};

/* One message. Strings are the caller's; NULL or "" where there is none. */
struct message {
	const char *id;
	const char *from;
	const char
	    *note;      /* what the tag says beside it, "unverified" for one */
	const char *to; /* a blank between two: one event, however many */
	const char *reply_to;
	const char *thread;
	bool urgent;
	bool question;
	const char *body; /* from anywhere; it is cleaned and cut */
	size_t len;
	int64_t at; /* when it was sent, real ms; 0: now */
};

/*
 * Append one, as feed_append() does it: unsynced, whole lines, mode 0600, safe
 * with many writers. A JSON object of strings: `ts id from note to reply_to
 * thread urgent question body`. Each month has a file; over MESSAGES_SIZE_MAX
 * it is put aside once; of more than MESSAGES_MONTHS months the oldest is
 * deleted, but not this one.
 * Nobody's work depends on it: what fails is left.
 */
void messages_add(const struct home *h, const struct message *m);

/* The same for what a mailbox took. */
void messages_add_mail(const struct home *h, const struct mail *m);

/* One as it was read: ids and names are what they should be, the body is not
 * cleaned. `to` may end with " +N": so many more. */
struct message_line {
	char ts[CLOCK_TEXT_MAX];
	char id[MAIL_ID_MAX + 1];
	char from[BODY_SENDER_MAX + 1];
	char note[MAIL_NOTE_MAX + 1]; /* ASCII */
	char to[MESSAGES_TO_MAX + 32];
	char reply_to[MAIL_ID_MAX + 1];
	char thread[MAIL_ID_MAX + 1];
	bool urgent;
	bool question;
	char body[MESSAGES_BODY_MAX + 1];
};

/* Read a line without its newline; false for anything that is none. */
bool messages_parse(const char *text, size_t len, struct message_line *m);

/* Call `each` with every message that is there, the oldest first, until it
 * returns something else than 0, which is returned. -1 with EXIT_LOCAL. */
int messages_each(const struct home *h,
    int (*each)(void *arg, const struct message_line *m), void *arg,
    struct err *e);

/* Is `name` one of the recipients? */
bool messages_to(const struct message_line *m, const char *name);

/* Are these ids of one message? One to several has ".1", ".2" behind its id in
 * their mailboxes. */
bool messages_same(const char *a, const char *b);

/* As a JSON object. */
void messages_json(struct json *j, const struct message_line *m);

#endif
