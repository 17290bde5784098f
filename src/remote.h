/* remote - our end of a conversation with a peer's agent-serve. */
#ifndef REMOTE_H
#define REMOTE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argv.h"
#include "buf.h"
#include "err.h"
#include "frame.h"
#include "home.h"
#include "peers.h"
#include "proc.h"

enum {
	REMOTE_FDS = 3,            /* descriptors of one conversation */
	REMOTE_CONNECT_MS = 15000, /* until the peer's HELLO */
	REMOTE_SILENT_MS = 10000,  /* while an answer is due */
	REMOTE_VERSION_MAX = 32,   /* bytes kept of the peer's version */
	REMOTE_QUEUE_MAX = 64 * 1024 * 1024, /* bytes of frames not yet sent */
};

/*
 * We speak frames over the link that agent-link keeps to the peer (warm.h): on
 * its socket, with no process in between. Nothing is said there before the
 * holder has passed on the far end's HELLO. If there is none, or it is silent,
 * agent-link runs as a child and carries bytes.
 *
 * All is non-blocking: the caller polls what remote_poll() names, calls
 * remote_turn(), takes frames with remote_next(), and keeps the deadline.
 */
struct remote {
	struct proc_child link; /* warm: its `in` and `out` are the socket */
	bool warm;              /* on a link that is kept */
	bool greeted;           /* its holder lives */
	bool alone;             /* no such link, whatever there is */
	int timer;              /* for a holder that does not; -1 */
	int connect_ms;         /* for a connection of our own */
	struct argv cold;       /* the command that makes one */
	struct buf in;          /* from the peer, not yet taken apart */
	struct buf out;         /* to the peer, not yet written */
	int file;               /* whose bytes are written next, or -1 */
	int64_t file_at;        /* from here */
	size_t file_left;       /* so many */
	int file_errno;         /* why they could not be read; or 0 */
	struct buf said; /* the link's stderr: the reason when it fails */
	char *alias;     /* in peers.conf */
	const struct home *home; /* ours; it outlives this */
	int64_t begun;           /* monotonic ms */
	int64_t hello_by;        /* when the peer must have said HELLO */
	/* Once it said HELLO and owes an answer: how long it may be silent. It
	 * tells every few seconds that it goes on, unless its version does not
	 * know how: then so much longer. The caller may set both. */
	int64_t silent_ms; /* REMOTE_SILENT_MS; more for much to be written to
			    * disk there */
	int64_t untold_ms; /* 0; the time that it was asked to wait */
	bool tells;        /* PROGRESS */
	bool offers;       /* it knows a PUSH with Offer */
	bool queues;       /* it keeps messages, and knows STATUS */
	bool fetches;      /* it keeps messages for us, and knows FETCH */
	bool asks;         /* it knows questions */
	bool passes;       /* it gives slices of others: PULL with Of */
	bool relays;       /* it knows messages that are handed on */
	int64_t moved;     /* monotonic ms: when a byte last came or left */
	size_t written;    /* bytes the link was given */
	bool hello;        /* the peer's HELLO came */
	bool ended;        /* no more will come */
	size_t noise;      /* bytes dropped before it */
	char host[HOST_MAX + 1]; /* from its HELLO */
	char host_id[HOME_ID_LEN + 1];
	char version[REMOTE_VERSION_MAX]; /* of its panemesh, for people */
	int64_t time;                     /* its real ms as its HELLO says; 0 */
	int64_t came;                     /* our real ms when that came */
};

/* Go through the link to `peer` that is kept, or start one, to be connected
 * within connect_ms (rounded up to seconds); queue our HELLO. To be closed in
 * any case. */
int remote_open_within(struct remote *r, const struct home *home,
    const struct peer *peer, int connect_ms, struct err *e);

/* The same within REMOTE_CONNECT_MS. */
int remote_open(struct remote *r, const struct home *home,
    const struct peer *peer, struct err *e);

/* The same over a connection of its own, for whom a link that is kept gave no
 * answer. */
int remote_open_alone(struct remote *r, const struct home *home,
    const struct peer *peer, int connect_ms, struct err *e);
void remote_close(struct remote *r);

/* Queue a frame. Bytes leave when remote_turn() is called, and not before the
 * peer's HELLO. */
void remote_put(struct remote *r, const struct frame *f);

/* The same for one whose body is `len` bytes of the file `fd` from `at`: they
 * go from file to socket without being copied here. Until remote_queued() is 0
 * `fd` stays open and nothing else is queued. Where they cannot be read, or the
 * file ends before, file_errno is set (ENODATA for an end) and nothing more is
 * written to this peer. */
void remote_put_file(
    struct remote *r, const struct frame *f, int fd, int64_t at, size_t len);

/* Bytes queued and not written yet: a sender of a file waits for this to fall
 * before it reads on. */
size_t remote_queued(const struct remote *r);

/* What to poll for: REMOTE_FDS entries, fd -1 where there is nothing. */
void remote_poll(const struct remote *r, struct pollfd *pfd);

/* Move bytes both ways as far as they go. */
void remote_turn(struct remote *r);

/*
 * The next frame from the peer; its HELLO is checked and kept in `r`, not
 * handed out. On a link that we dialled the peer may only answer: anything but
 * DONE, SLICE and PROGRESS, which is not handed out either, is FRAME_BAD, as is
 * an end before all is there (EXIT_WIRE with what the link said).
 */
enum frame_result remote_next(struct remote *r, struct frame *f, struct err *e);

/* EXIT_WIRE: there is no HELLO by now. Returns -1. */
int remote_late(const struct remote *r, struct err *e);

/* A conversation failed: is it sure that nothing we said reached the peer? So
 * it is as long as it said no HELLO. */
bool remote_unsent(const struct remote *r);

/* Turn until the peer's HELLO is there, to know what it can: -1, EXIT_WIRE. */
int remote_greet(struct remote *r, struct err *e);

/*
 * Turn until the answer to `id` is there: 0 and the frame, to be freed; or -1,
 * EXIT_WIRE. Answers to other ids are dropped. For one peer at a time. A peer
 * that is late with its HELLO, or silent after it for as long as `r` says, is
 * not waited for until `deadline`.
 */
int remote_wait(struct remote *r, const char *id, int64_t deadline,
    struct frame *f, struct err *e);

#endif
