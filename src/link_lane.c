/*
 * A second stream to the peer, for the bytes of long files: it is another
 * agent-serve, which gives what it hears to the first (serve_lane.c there).
 *
 *   NONE -> ASKED -> OPENING -> JOINING -> UP
 *
 * A server that gives only one session a connection (MaxSessions), or an older
 * agent-serve, leaves it at OVER: files go as they went before.
 */
#include <string.h>

#include "clock.h"
#include "frame.h"
#include "link_parts.h"

enum {
	LANE_UP_MS = 15000,  /* for it to stand */
	LANE_HEAR_MS = 1000, /* between looks at what it says then */
	/* ... and before: others may have read for it. */
	LANE_LOOK_MS = 10,
};

/* It is of no use, or none any more. */
static void
lane_over(struct link_lane *n, struct mux *m)
{
	mux_lane(m, NULL, NULL);
	link_lane_close(n);
	n->state = LANE_OVER;
}

void
link_lane_close(struct link_lane *n)
{
	ssh_stream_close(n->stream);
	n->stream = NULL;
	buf_free(&n->in);
	buf_free(&n->out);
}

static ssize_t
lane_send(void *arg, const char *p, size_t len)
{
	struct link_lane *n = arg;
	struct err e;

	return ssh_stream_write(n->stream, p, len, &e);
}

int
link_lane_patience(const struct link_lane *n, const struct mux *m, int ms)
{
	switch (n->state) {
	case LANE_NONE:
		return mux_wants_lane(m) ? 0 : ms;
	case LANE_ASKED:
		return mux_lane_asked(m) != 0 ? 0 : ms;
	case LANE_OPENING:
	case LANE_JOINING:
		return ms >= 0 && ms < LANE_LOOK_MS ? ms : LANE_LOOK_MS;
	case LANE_UP:
		return mux_lane_due(m) && ssh_stream_ready(n->stream) ? 0 : ms;
	case LANE_OVER:
		break;
	}
	return ms;
}

/* We are who the link is of, and whose second stream it is. */
static void
lane_greet(struct link_lane *n, const struct link_to *to)
{
	struct frame f;

	frame_init(&f, FRAME_HELLO, "0");
	frame_add(&f, "Host", to->home->host);
	frame_add(&f, "Host-Id", to->home->host_id);
	frame_add(&f, "Lane", n->token);
	frame_write(&n->out, &f);
	frame_free(&f);
}

/* Its HELLO, then its word that it was taken. 1: it was; 0: not yet; -1. */
static int
lane_join(struct link_lane *n, const struct link_to *to)
{
	enum frame_result result = FRAME_READY;
	struct frame f;
	struct err e;
	ssize_t sent;
	int rc = -1;

	if (n->out.len > 0) {
		sent = ssh_stream_write(n->stream, n->out.data, n->out.len, &e);
		if (sent < 0)
			return -1;
		buf_consume(&n->out, (size_t)sent);
	}
	if (!n->hello)
		result = frame_skip_noise(&n->in, &n->noise, &e);
	if (result == FRAME_READY)
		result = frame_read(&n->in, &f, &e);
	if (result != FRAME_READY)
		return result == FRAME_MORE ? 0 : -1;
	if (!n->hello && f.verb == FRAME_HELLO) {
		n->hello = true;
		lane_greet(n, to);
		rc = 0;
	} else if (f.verb == FRAME_DONE) {
		rc = frame_number(&f, "Code", EXIT_UNPROVEN, EXIT_WIRE) ==
			EXIT_OK
		    ? 1
		    : -1;
	}
	frame_free(&f);
	return rc;
}

/* What its agent-serve and the shell that began it say is of no interest. */
static bool
lane_hear(struct link_lane *n)
{
	int status;

	if (clock_left(n->by) == 0) {
		n->by = clock_deadline(LANE_HEAR_MS);
		(void)ssh_stream_read(n->stream, true, &n->out);
		(void)ssh_stream_read(n->stream, false, &n->in);
		buf_reset(&n->in);
		buf_reset(&n->out);
	}
	return !ssh_stream_ended(n->stream, &status);
}

static int
lane_begin(struct link_lane *n, struct link *link, const struct link_to *to)
{
	struct err e;

	buf_init(&n->in, 2UL * SSH_COME_MAX);
	buf_init(&n->out, 2UL * SSH_COME_MAX);
	n->stream =
	    ssh_stream_begin(link->ssh, link_command(to, LINK_SERVE), &e);
	return n->stream == NULL ? -1 : 1;
}

void
link_lane_turn(struct link_lane *n, struct link *link, const struct link_to *to,
    struct mux *m)
{
	struct err e;
	int rc = 0;

	switch (n->state) {
	case LANE_NONE:
		if (!mux_wants_lane(m))
			return;
		/* The far end's disk was slow, and not the way there. */
		if (ssh_link_rtt(link->ssh) >= 0 &&
		    ssh_link_rtt(link->ssh) < MUX_LANE_RTT_MS) {
			n->state = LANE_OVER;
			return;
		}
		agent_id_new(n->token);
		mux_ask_lane(m, n->token);
		n->by = clock_deadline(LANE_UP_MS);
		rc = 1;
		break;
	case LANE_ASKED:
		rc = mux_lane_asked(m);
		if (rc == 1)
			rc = lane_begin(n, link, to);
		break;
	case LANE_OPENING:
		rc = ssh_stream_opened(n->stream, &e);
		break;
	case LANE_JOINING:
		(void)ssh_stream_read(n->stream, false, &n->in);
		rc = lane_join(n, to);
		if (rc == 1)
			mux_lane(m, lane_send, n);
		break;
	case LANE_UP:
		if (!lane_hear(n))
			lane_over(n, m);
		return;
	case LANE_OVER:
		return;
	}
	if (rc == 1)
		n->state++;
	else if (rc < 0 || clock_left(n->by) == 0)
		lane_over(n, m);
}
