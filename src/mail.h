/* mail - a message as it is kept: a text as RFC 5322 has it. Bytes <-> values.
 */
#ifndef MAIL_H
#define MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "body.h"
#include "buf.h"
#include "err.h"
#include "hops.h"
#include "schema.h"
#include "str.h"

enum {
	MAIL_ID_MIN = 16, /* of a message's id, [0-9a-z] */
	MAIL_ID_MAX = 26,
	MAIL_SHORT = 8,            /* bytes of an id that are shown */
	MAIL_BODY_MAX = 64 * 1024, /* bytes of a body; more is a file */
	MAIL_SIZE_MAX = MAIL_BODY_MAX + 32 * 1024, /* bytes in all */
	MAIL_NOTE_MAX = 64,       /* bytes of what is said of the sender */
	MAIL_FOLDER_MAX = 176,    /* bytes of the sender's folder */
	MAIL_SUBJECT_MAX = 60,    /* columns of the body's begin in Subject */
	MAIL_ENCODED_MAX = 75,    /* bytes of an encoded word: RFC 2047 */
	MAIL_HOPS_MAX = 5,        /* answers to answers */
	MAIL_CARD_MAX = 128,      /* bytes of what is told of a sender */
	MAIL_DIRECTORY_MAX = 512, /* of the folder that he works in */
	MAIL_CHAIN_MAX = 8,       /* ids of a chain; of more the last ones */
	MAIL_LINE_MAX = 998,      /* bytes of a header's line: RFC 5322 */
	MAIL_HEADERS_MAX = 100,   /* lines of all headers */
};

enum { MAIL_CHAIN_TEXT_MAX = MAIL_CHAIN_MAX * (MAIL_ID_MAX + 1) };

/* What the recipient's host knows of who sends, by its own book, as it was
 * then; each mail_card_ok(), or "" where it is not known. */
struct mail_card {
	char project[MAIL_CARD_MAX + 1];
	char branch[MAIL_CARD_MAX + 1]; /* of that; only of the same host */
	char program[MAIL_CARD_MAX + 1];
	char directory[MAIL_DIRECTORY_MAX + 1];
};

/*
 * One message. Strings are "" where there is nothing. The names in `from` and
 * `to` are those that the pane shows; `from_host`, `to_host` are aliases.
 */
struct mail {
	char id[MAIL_ID_MAX + 1];
	char from[BODY_SENDER_MAX + 1];
	char from_host[HOST_MAX + 1];
	char sender[BODY_SENDER_MAX + 1]; /* who it is, for @agent-allow */
	char note[MAIL_NOTE_MAX + 1];     /* "unverified", "no reply", ... */
	char folder[MAIL_FOLDER_MAX + 1]; /* the sender's, in the inbox */
	char to[ADDRESS_MAX + 1];
	char to_host[HOST_MAX + 1];
	int64_t date;                   /* real ms, kept in whole seconds */
	char reply_to[MAIL_ID_MAX + 1]; /* the message that this answers */
	char thread[MAIL_ID_MAX + 1];   /* the first of the thread */
	/* Those between the two, a blank between each. */
	char chain[MAIL_CHAIN_TEXT_MAX + 1];
	char path[HOPS_TEXT_MAX + 1]; /* who handed it on; "": nobody */
	bool urgent;
	bool first;    /* before others of its kind: agent-inbox queue first */
	bool type;     /* to be typed at a shell's prompt */
	bool question; /* its sender waits for an answer */
	char schema[SCHEMA_MAX + 1]; /* which must be like that; "": any */
	unsigned hops;
	int64_t expires; /* real ms, whole seconds; 0: never */
	struct mail_card card;
	struct buf body; /* UTF-8 */
};

#define MAIL_INIT                                   \
	{                                           \
		.body = BUF_INIT_MAX(MAIL_BODY_MAX) \
	}

void mail_free(struct mail *m);

/* Is this an id that a mailbox keeps: 16 to 26 of [0-9a-z], the last of which
 * may be a dot and digits (one of several recipients)? */
bool mail_id_ok(const char *s);

/* Is this a text for a card: not empty, UTF-8, safe to show, no blank first? */
bool mail_card_ok(const char *s);

/* Keep in a card's `field` what of `text` may stand there; else "". */
void mail_card_set(char *field, size_t size, const char *text);

/* Are these ids of messages, a blank between each, at most MAIL_CHAIN_MAX? */
bool mail_chain_ok(const char *s);

/* Append an id to such a text, from which the first goes where it is full. */
void mail_chain_add(char chain[MAIL_CHAIN_TEXT_MAX + 1], const char *id);

/* Begins the note of a sender that a host vouched for which handed the message
 * on, and whom answers reach by it. */
#define MAIL_THROUGH "unverified, through "

/* Can `from`, of whom `note` is said (NULL or "": nothing), be answered: is it
 * an agent, and was that proved, or vouched for? */
bool mail_answerable(const char *from, const char *note);

/* Is its time over at `now` (real ms)? */
bool mail_over(const struct mail *m, int64_t now);

/*
 * Append it as text:
 *
 *	From: "web-main-review" <web-main-review@web>
 *	To: "hub-dev-build" <hub-dev-build@hub>
 *	Date: Thu, 01 Jan 2026 00:00:00 +0000
 *	Message-ID: <ID@panemesh>
 *	In-Reply-To:			for an answer, and
 *	References:			from the first of the thread to that
 *	Subject: the body's begin, encoded as RFC 2047 says
 *	MIME-Version: 1.0
 *	Content-Type: text/plain; charset=utf-8
 *	Content-Transfer-Encoding: 8bit
 *	X-Panemesh-Urgency: urgent
 *	X-Panemesh-Question, -Schema, -Hops, -Expires, -Note, -Folder, -First,
 *	-Type, -Sender, -Host, -Path, -Project, -Branch, -Program, -Directory
 *
 *	the body's bytes, and one newline
 */
void mail_write(struct buf *out, const struct mail *m);

/*
 * Read it back; headers that other mail programs added are passed over. -1 with
 * EXIT_LOCAL "name: reason" for anything that is no message of ours. `m` is
 * initialised here and to be freed in any case.
 */
int mail_parse(struct mail *m, const char *name, const char *text, size_t len,
    struct err *e);

/* The body's begin: one line of at most `columns`, cleaned, "..." where it was
 * cut. */
void mail_brief(
    struct buf *out, const char *body, size_t len, unsigned columns);

#endif
