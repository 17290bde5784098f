/* mux_parts - what the parts of mux share. Only mux*.c include this. */
#ifndef MUX_PARTS_H
#define MUX_PARTS_H

#include <stdint.h>

#include "buf.h"
#include "frame.h"
#include "mux.h"

enum {
	MUX_CHUNK = 64 * 1024,           /* bytes read at a time */
	MUX_UNREAD_MAX = 1024 * 1024,    /* answers a caller may leave unread */
	MUX_FILES_MAX = 256,             /* files under way */
	MUX_UNASKED_MAX = 1000,          /* answers in a row to nobody */
	MUX_LOST_MS = 2 * 3600 * 1000,   /* an answer nobody waits for */
	MUX_ASIDE_MS = 100,              /* files stand aside for one request */
	MUX_ASIDE_MAX_MS = 400,          /* ... and for many, without a pause */
	MUX_ASIDE_SHARE = 3,             /* ms aside for each ms of going on */
	MUX_LANE_SIZE = 4 * 1024 * 1024, /* bytes of a file that is long */
};

/* The id of our own PINGs; no caller's. */
#define MUX_OUR_ID ".."
#define MUX_PING_ID "..link"
#define MUX_LANE_ID "..lane"
#define MUX_FILE_ID "..file." /* behind a FILE; then its id */

/* A program that speaks with us. */
struct caller {
	uint64_t serial; /* its number, from 1 on */
	int in, out;
	struct buf from;   /* what it said, not yet passed on */
	struct buf to;     /* answers */
	struct frame head; /* of the frame at the front of `from` */
	size_t size; /* of that frame, or that there must be to look again */
	bool ready;  /* it is complete */
	bool knows;  /* it was told the far end's HELLO */
	bool ended;  /* it says no more */
	bool gone;   /* to be forgotten */
};

/* A request that was passed on. */
struct wait {
	char id[FRAME_ID_MAX + 1];
	enum frame_verb verb;
	uint64_t serial; /* who asked; 0: is gone */
	bool brief;      /* answered in a moment, as a rule */
	int64_t since;
};

/* A file whose bytes come, or that waits for its message. */
struct mux_file {
	char id[FRAME_ID_MAX + 1];
	uint64_t serial;
	int64_t size;
	int64_t asked; /* when the far end was asked whether it knows it; 0 */
	bool known;    /* it does: its bytes may go another way */
};

struct mux {
	char *alias;
	int far;
	ssize_t (*send)(void *arg, const char *p, size_t len); /* or NULL */
	void *send_arg;
	struct buf up, down; /* to the far end; from it, not yet taken apart */
	struct buf own;      /* our own frames for the far end */
	struct buf hello;    /* the far end's, as it came */
	size_t noise;
	bool ended, doubted, pinged;
	bool said_hello; /* to the far end */
	unsigned long heard;
	unsigned unasked; /* answers in a row that nobody waits for */
	uint64_t serials;
	struct caller callers[MUX_CALLERS_MAX];
	size_t callers_n, turn;
	struct wait waits[MUX_WAITS_MAX];
	size_t waits_n;
	struct mux_file files[MUX_FILES_MAX];
	size_t files_n;
	bool aside;              /* files are held back */
	int64_t aside_ms;        /* for how long they may be yet */
	int64_t aside_seen;      /* when that was true */
	bool may_lane, can_lane; /* here; there */
	bool wants_lane;         /* a long file goes a long way */
	bool asks_lane;          /* the far end, and waits for its answer */
	int lane_asked;          /* 1: it waits for one; -1: it does not */
	struct buf lane;         /* a frame to go that way */
	bool lane_begun;         /* some of it went */
	ssize_t (*lane_send)(
	    void *arg, const char *p, size_t len); /* or NULL */
	void *lane_arg;
};

/* mux_caller.c: read and write; look at the frame in front, dropping what goes
 * no further; pass it on; tell it the HELLO; the end of it. */
void caller_read(struct caller *c);
void caller_write(struct caller *c);
void caller_look(struct mux *m, struct caller *c);
void caller_take(struct mux *m, struct caller *c, struct buf *to);
void caller_told(struct mux *m, struct caller *c);
void caller_free(struct mux *m, struct caller *c);

/* Is the frame in front of it one that goes before bulk data? One that may go
 * by the lane? */
bool caller_urgent(const struct caller *c);
bool caller_lane(struct mux *m, const struct caller *c);

/* The far end knows that file. False: nobody asked. */
bool file_known(struct mux *m, const char *id);

#endif
