/* sync_parts - what the parts of a sync share. Only sync.c, sync_talk.c,
 * sync_third.c and sync_bare.c include this. */
#ifndef SYNC_PARTS_H
#define SYNC_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "buf.h"
#include "contact.h"
#include "err.h"
#include "fetch.h"
#include "file.h"
#include "frame.h"
#include "home.h"
#include "peers.h"
#include "proc.h"
#include "remote.h"
#include "sync.h"
#include "turn.h"

enum {
	SYNC_SAID_MAX = 8192, /* bytes of a link's complaints */
};

enum talk_stage {
	TALK_TURN,   /* wait for our turn with this peer */
	TALK_SETTLE, /* wait for more to change here */
	TALK_FRAMES, /* a conversation with its agent-serve */
	TALK_THIRD,  /* in the conversation with another peer */
	TALK_SLICE,  /* its local.toml is read */
	TALK_DONE,
};

/* Everything with one peer. */
struct talk {
	const struct peer *peer;
	enum talk_stage stage;
	struct turn turn;
	struct remote remote;
	bool open;               /* `remote` is to be closed */
	struct proc_child child; /* TALK_SLICE: agent-link --slice */
	struct buf text;         /* TALK_SLICE: its stdout */
	struct buf complaints;   /* ... and stderr */
	int64_t connect_by, done_by;
	bool said, pushed, pulled, ponged;
	size_t thirds;              /* slices of other hosts that are due */
	bool due;                   /* TALK_THIRD: ours is one of them */
	bool fetched;               /* nothing is to be asked for (any more) */
	bool asked;                 /* ... and something is */
	int64_t fetch_by;           /* the rest is left to the next time */
	struct fetch fetch;         /* begun if its host is set */
	bool again;                 /* it goes on over a link of its own */
	char tag[AGENT_ID_MAX + 1]; /* behind the names of our requests */
	char back[ERR_MSG_MAX];
	struct contact contact;
	struct sync_result result;
};

struct sync {
	const struct home *home;
	const struct sync_options *options;
	void (*report)(void *arg, const struct sync_result *result);
	void *arg;
	struct talk *talks;
	size_t n;
	/* Our slice as text, and which local.toml it is. */
	struct buf slice;
	struct file_stamp stamp;
	int64_t generation;
	int64_t sum; /* of the text: not 0 */
	/* When local.toml was last seen to change, by monotonic ms. */
	struct file_stamp settling;
	int64_t changed, begun;
	int64_t dirty; /* monotonic ms since when the registry is behind; 0 */
	struct err e;  /* of our own files */
};

/* ---- sync_talk.c: the conversation with a peer's agent-serve ---- */

/* It is our turn: open the conversation, or read the slice alone where there
 * is no agent-serve. 0, or -1 with `e`. */
int talk_begin(struct sync *s, struct talk *t, struct err *e);

/* Move the conversation on as far as it goes. 0: more is to come; 1: it is
 * done; -1 with `e`. */
int talk_frames(struct sync *s, struct talk *t, struct err *e);

/* The end, well or not: closes what is open, keeps the contact, reports. */
void talk_finish(struct sync *s, struct talk *t);

/* `f` becomes a request of this conversation. `name`: which, with no dot. The
 * caller frees it. */
void talk_frame_init(const struct talk *t, struct frame *f,
    enum frame_verb verb, const char *name);

/* Is `f` the answer to that one? */
bool talk_answers(
    const struct talk *t, const struct frame *f, const char *name);

/* Keep a slice that came; what it changed is marked. 0, or -1 with `e`. */
int talk_take(struct sync *s, struct talk *t, const char *host,
    const char *text, size_t len, struct err *e);

/* The exit status of a link that is ending. */
int link_status(struct proc_child *link);

/* ---- sync_bare.c: a peer that has no agent-serve ---- */

/* Read its local.toml by `agent-link --slice`. 0, or -1 with `e`. */
int talk_read_slice(struct sync *s, struct talk *t, struct err *e);

/* Move that on. As talk_frames(). */
int talk_slice(struct sync *s, struct talk *t, struct err *e);

/* ---- sync_third.c: hosts that are known through a peer ---- */

/* A host that is known through a peer: nothing is done for it but in the
 * conversation with that one, if there is one. */
void sync_begin_third(
    struct sync *s, struct talk *t, const struct peers *peers);

/* Ask for the slices of hosts that are known through this peer. */
void talk_thirds(struct sync *s, struct talk *t);

/* Is `f` the answer to one of these? Then it is dealt with. */
bool talk_third(struct sync *s, struct talk *t, const struct frame *f);

/* The conversation ends: what did not come in it does not come. */
void talk_thirds_end(struct sync *s, struct talk *t);

#endif
