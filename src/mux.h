/*
 * mux - one conversation with a far agent-serve, shared by many callers.
 *
 * Descriptors and frames only: what carries the bytes to the far end is not
 * known here. Frames are passed on whole and as they came, answers go by their
 * id to who asked. See the head of mux.c.
 */
#ifndef MUX_H
#define MUX_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

enum {
	MUX_CALLERS_MAX = 300, /* at a time */
	MUX_WAITS_MAX = 1024,  /* requests that wait for their answer */
	MUX_BUSY = 200,        /* of them: further callers had better not */
	MUX_AHEAD = 32 * 1024, /* bytes behind which the far end gets no more */
	MUX_LANE_RTT_MS = 5,   /* below, a window is no limit worth a stream */
	MUX_FDS_MAX = 1 + 2 * MUX_CALLERS_MAX, /* descriptors to poll */
};

struct mux;

/* `far` is a stream socket to the far end, non-blocking and the caller's; with
 * `alias` errors begin. */
struct mux *mux_new(const char *alias, int far);
void mux_free(struct mux *m);

/* What is to be sent goes there instead of to `far`: it returns how many bytes
 * it took, 0 for later, -1 where the far end is gone. Called from mux_turn()
 * whenever there is something, and with mux_due(). */
void mux_sends(struct mux *m,
    ssize_t (*send)(void *arg, const char *p, size_t len), void *arg);

/* Does it have bytes that were not taken? */
bool mux_due(const struct mux *m);

/* Call mux_turn() in so many ms, whatever happens; -1: when something does. */
int mux_patience(const struct mux *m);

/*
 * One more caller, that writes to `in` and reads from `out` (the same for a
 * socket); both are non-blocking and now ours. The first one's HELLO is the
 * one that the far end hears. A later one is greeted at once (WARM_GREETING).
 * False if there is no room: the descriptors are closed.
 */
bool mux_add(struct mux *m, int in, int out);

/* What to poll for: at most MUX_FDS_MAX entries; how many. The next call after
 * poll(2) must be mux_turn() with them. */
size_t mux_poll(struct mux *m, struct pollfd *pfd);

/* Move on as far as it goes. -1 with EXIT_WIRE when the far end broke the
 * rules; 1 when it ended. */
int mux_turn(struct mux *m, const struct pollfd *pfd, struct err *e);

/* The link may be gone: nobody is told the far end's HELLO, and so says
 * anything, until it has answered a PING that this queues. */
void mux_doubt(struct mux *m);

/* Ask the far end for a sign of life, unless that is being asked. */
void mux_ping(struct mux *m);

/* Has it said HELLO; does it owe an answer to mux_doubt() or mux_ping(); how
 * many callers and unanswered requests are there; frames that came from it. */
bool mux_hello(const struct mux *m);
bool mux_doubted(const struct mux *m);
bool mux_pinged(const struct mux *m);
size_t mux_callers(const struct mux *m);
size_t mux_waits(const struct mux *m);
unsigned long mux_heard(const struct mux *m);

/* Are there files under way? */
bool mux_files(const struct mux *m);

/*
 * The lane: a second stream to the far end for the bytes of long files, where a
 * round trip takes so long that one stream is held up by its window
 * (serve_lane.c says why). Who can make one says so by mux_may_lane(); when
 * mux_wants_lane() it asks with a token (agent_id_new()), and once
 * mux_lane_asked() is 1 another agent-serve there can join by it; -1: it will
 * not be.
 */
void mux_may_lane(struct mux *m);
bool mux_wants_lane(const struct mux *m);
void mux_ask_lane(struct mux *m, const char *token);
int mux_lane_asked(const struct mux *m);

/* It is there: `send` as for mux_sends(); NULL: not any more. */
void mux_lane(struct mux *m,
    ssize_t (*send)(void *arg, const char *p, size_t len), void *arg);

/* Does it have bytes that were not taken? */
bool mux_lane_due(const struct mux *m);

/* The link is gone: tell all callers why, as far as they read at once. */
void mux_end(struct mux *m, const struct err *why);

#endif
