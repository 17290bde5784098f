/* send - one message to one agent, whatever host it is on. */
#ifndef SEND_H
#define SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "deliver.h"
#include "json.h"
#include "register.h"
#include "sender.h"
#include "ship.h"

/* A message for any number of recipients. The caller owns all of it. */
struct send {
	const struct registrar *reg;
	const char *id;    /* the message's; NULL: a new one */
	struct ship *ship; /* links to other hosts */
	struct sender sender;
	char *const *files; /* paths to be dropped first */
	size_t files_n;
	const char *body; /* NULL: files only */
	size_t len;
	int64_t wait_ms;
	const char *reply_to; /* the message it answers; NULL: none */
	const char *thread;   /* the first of these; NULL: none */
	const char *chain;    /* those between: mail.h; NULL: none */
	unsigned hops;        /* how many answers before it */
	unsigned hops_max;    /* as reply() allows; 0: MAIL_HOPS_MAX */
	bool question;        /* of which ask.h has more */
	const char *schema;   /* of the answer: schema_read(); NULL: any */
	bool queue;           /* kept there where the pane is not ready */
	int64_t ttl_ms;       /* for how long then, or may it be answered; 0: as
				 queue.h says */
	bool grouped; /* one to several: group_send() tells messages.h */
	bool type;
	bool urgent;
	bool force;
	/* Called while a file goes to another host; NULL: not. */
	void (*progress)(const char *name, int64_t done, int64_t size);
};

/* What became of it at one recipient. */
struct send_result {
	struct agent to; /* as found; empty if not found */
	bool found;
	bool renamed; /* it was asked for by an older name: `asked` */
	char asked[BODY_SENDER_MAX + 1];
	char id[AGENT_ID_MAX + 1];
	struct deliver_verdict verdict;
	char *dropped; /* "file dropped at ...; ..." or NULL */
};

/*
 * Find `address` and deliver. Always fills `result`, which is to be freed;
 * returns its verdict's code. When the pane turns out to be gone or another
 * one, its server is scanned once and the address looked up again. With `queue`
 * and a host that fetches its messages (outbox.h) it is kept here, where there
 * is no way to dial that host, where it was not reached, or where others wait
 * for the agent already.
 */
enum exit_code send_message(
    const struct send *s, const char *address, struct send_result *result);
/* What became of a message that was queued here, for a host that fetches it, or
 * on another host; see queue_status(). -1 with EXIT_UNKNOWN, or EXIT_WIRE where
 * that host cannot be asked. */
int send_status(const struct home *h, struct ship *ship, const char *id,
    struct deliver_verdict *v, struct err *e);

/* Write down that it was sent `at` that time (real ms), to `to` (a blank
 * between two), where a body is missing by its files: `dropped`, or NULL. */
void send_note(const struct send *s, const char *id, int64_t at, const char *to,
    const char *dropped);

void send_result_free(struct send_result *result);

/* One message as JSON: an object with its id and, for each recipient, what was
 * asked for and what became of it; at the end the code of all. */
void send_json_begin(struct json *j, const char *id);
void send_result_json(
    struct json *j, const char *asked, const struct send_result *result);
void send_json_end(struct json *j, enum exit_code code);

#endif
