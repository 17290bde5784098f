/* ship - a message to another host: files, then the text, one conversation. */
#ifndef SHIP_H
#define SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent.h"
#include "deliver.h"
#include "home.h"
#include "peers.h"
#include "presence.h"
#include "remote.h"
#include "sender.h"

enum {
	SHIP_ANSWER_MS = 45000, /* for the far end to deliver */
	SHIP_DISK_RATE = 4096,  /* bytes a ms that its disk takes at least */
	SHIP_STALL_MS = 30000,  /* in which a file must get on */
	SHIP_FILES_MAX = 16,    /* in a message */
};

/* Conversations of one program: one for each host, kept open. */
struct ship {
	const struct home *home;
	struct peers peers;
	bool loaded; /* peers.conf was read */
	struct remote *remotes;
	size_t remotes_n;
};

/* One message. The caller owns all of it. */
struct ship_message {
	const char *id;
	const char *to;   /* address */
	const char *host; /* of the recipient */
	const struct sender *sender;
	char *const *files;
	size_t files_n;
	const char *body; /* NULL: files only */
	size_t len;
	int64_t wait_ms;
	const char *reply_to; /* the message it answers; NULL: none */
	const char *thread;   /* the first of these; NULL: none */
	const char *chain;    /* those between; NULL, "": none */
	unsigned hops;        /* how many answers before it */
	bool question;        /* EXIT_WIRE where no questions are known */
	const char *schema;   /* of the answer; NULL: any */
	bool queue;           /* it may be kept there: EXIT_WIRE if it cannot */
	int64_t ttl_ms;       /* for how long; 0: as that host has it */
	/* One that is handed on: the hosts it came over (hops.h), the host that
	 * it is believed to come from, the id of `host` that it is for, and our
	 * parent, without whom it is not sent any more. NULL: ours. */
	const char *path;
	const char *origin;
	const char *pin;
	pid_t parent;
	bool type;
	bool urgent;
	bool force;
	/* Called while a file is sent; NULL: not. */
	void (*progress)(const char *name, int64_t done, int64_t size);
};

/* Begin; nothing is read or started yet. To be closed. */
void ship_open(struct ship *s, const struct home *home);
void ship_close(struct ship *s);

/* Is `host` reached through another one, which is to hand messages on? */
bool ship_relays(struct ship *s, const char *host);

/* Does peers.conf name a way to `host`? Also true when it cannot be read: then
 * ship_send() says why. */
bool ship_dials(struct ship *s, const char *host);

/*
 * Send it. 0 and the far end's verdict in `v`, its name for the recipient in
 * `to`, *renamed, and in *dropped (malloc'd or NULL) what it says of files; or
 * -1 with EXIT_WIRE (no route, no connection), EXIT_USAGE (a file).
 *
 * When the connection breaks after the message may have left, it is asked for
 * again by its id, on a new connection: the far end answers what it recorded,
 * and never types it twice. A host that is known through another one is reached
 * by that, which hands the message on (EXIT_WIRE if it does not know how,
 * EXIT_USAGE for files). Where that one breaks too, a few times more. No
 * answer then is EXIT_UNPROVEN.
 */
int ship_send(struct ship *s, const struct ship_message *m, struct agent *to,
    bool *renamed, char **dropped, struct deliver_verdict *v, struct err *e);

/* What became of a message that was queued on `host`: 0 and the verdict, or -1
 * with EXIT_UNKNOWN, EXIT_WIRE, EXIT_REFUSED. `path`: it is asked for others;
 * NULL: for us. */
int ship_status(struct ship *s, const char *host, const char *id,
    const char *path, struct deliver_verdict *v, struct err *e);

/* What --check says of an agent there, as text or JSON, to `sender`: its exit
 * code, or -1. `now` (may be NULL) is what it is doing; unknown where its host
 * has an older version. */
int ship_check(struct ship *s, const char *host, const char *address,
    const struct sender *sender, bool as_json, bool verbose, struct buf *out,
    struct presence *now, struct err *e);

#endif
