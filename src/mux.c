/*
 * Many callers, one stream to agent-serve.
 *
 * Callers are programs of ours; each speaks the frames of docs/PROTOCOL.md as
 * if it were alone. What they say is passed on a whole frame at a time, so one
 * that dies in the middle of a frame disturbs nobody. The order:
 *
 *   our own frames, then those of callers that are no bulk data, in turns, then
 *   one frame of a file, in turns again. What one caller says stays in order.
 *
 * The far end is given frames until they make MUX_AHEAD bytes, two of a file,
 * and more when they are gone: so much stands in line before a message, however
 * long the file behind it. A caller is read no faster than that, which holds it
 * back in its turn.
 *
 * Order is not all: where a file goes, the programs that move it take the time
 * in which a message would be answered. So files stand aside while a short
 * request is under way, for a moment each and for a share of the time in all.
 *
 * A request's id leads its answer back. A message may be asked for once more by
 * its id (ship.h): while the first asking is under way the second waits beside
 * it, also when the first caller is gone. Answers for those who are gone are
 * dropped; a file that one of them leaves unfinished is given up there (DATA
 * with Abort), so that it does not take a place for as long as the link lasts.
 */
#include "mux.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "mux_parts.h"
#include "str.h"
#include "warm.h"

struct mux *
mux_new(const char *alias, int far)
{
	struct mux *m = x_calloc(1, sizeof(*m));

	m->alias = x_strdup(alias);
	m->far = far;
	buf_init(&m->up, 0);
	m->up.max = 2UL * FRAME_BODY_MAX;
	buf_init(&m->down, 2UL * FRAME_BODY_MAX);
	buf_init(&m->own, FRAME_BODY_MAX);
	buf_init(&m->hello, FRAME_BODY_MAX);
	buf_init(&m->lane, 2UL * FRAME_BODY_MAX);
	m->aside_ms = MUX_ASIDE_MAX_MS;
	m->aside_seen = clock_mono_ms();
	return m;
}

void
mux_free(struct mux *m)
{
	if (m == NULL)
		return;
	while (m->callers_n > 0)
		caller_free(m, &m->callers[--m->callers_n]);
	buf_free(&m->up);
	buf_free(&m->down);
	buf_free(&m->own);
	buf_free(&m->hello);
	buf_free(&m->lane);
	x_free(m->alias);
	x_free(m);
}

bool
mux_add(struct mux *m, int in, int out)
{
	struct caller *c;

	if (m->callers_n == MUX_CALLERS_MAX ||
	    (m->serials > 0 && m->waits_n >= MUX_BUSY)) {
		if (in != out)
			(void)close(out);
		(void)close(in);
		return false;
	}
	c = &m->callers[m->callers_n++];
	memset(c, 0, sizeof(*c));
	c->serial = ++m->serials;
	c->in = in;
	c->out = out;
	buf_init(&c->from, 2UL * FRAME_BODY_MAX);
	buf_init(&c->to, 4UL * FRAME_BODY_MAX);
	if (c->serial > 1) {
		buf_addf(&c->to,
		    WARM_GREETING " pid=%ld callers=%zu open=%zu\n",
		    (long)getpid(), m->callers_n, m->waits_n);
		caller_write(c);
	}
	caller_told(m, c);
	return true;
}

size_t
mux_poll(struct mux *m, struct pollfd *pfd)
{
	size_t i, n = 0;

	pfd[n++] = (struct pollfd){ .fd = m->ended ? -1 : m->far,
		.events = m->up.len > 0 && m->send == NULL ? POLLIN | POLLOUT
							   : POLLIN };
	for (i = 0; i < m->callers_n; i++) {
		const struct caller *c = &m->callers[i];
		size_t most = c->size > MUX_CHUNK ? c->size : MUX_CHUNK;

		pfd[n++] = (struct pollfd){ .fd = mux_hello(m) && !c->ended &&
				c->from.len < most
			    ? c->in
			    : -1,
			.events = POLLIN };
		/* Without POLLOUT too: it says when the reader is gone. */
		pfd[n++] = (struct pollfd){ .fd = c->out,
			.events = c->to.len > 0 ? POLLOUT : 0 };
	}
	return n;
}

/* ---- to the far end ---- */

/* Is there room to remember the frame in front of it until its answer? */
static bool
mux_room(const struct mux *m, const struct caller *c)
{
	if (c->head.verb == FRAME_DATA)
		return true;
	return m->waits_n < MUX_WAITS_MAX &&
	    (c->head.verb != FRAME_FILE || m->files_n < MUX_FILES_MAX);
}

/* For how long yet a short request is young, in ms. */
static int64_t
mux_young(const struct mux *m, int64_t now)
{
	int64_t left = 0;
	size_t i;

	for (i = 0; i < m->waits_n; i++) {
		const struct wait *w = &m->waits[i];

		if (w->brief && w->since + MUX_ASIDE_MS - now > left)
			left = w->since + MUX_ASIDE_MS - now;
	}
	return left;
}

/* Do files stand aside now? */
static void
mux_stand(struct mux *m)
{
	int64_t now = clock_mono_ms(), gone = now - m->aside_seen;

	m->aside_seen = now;
	m->aside_ms += m->aside ? -gone : MUX_ASIDE_SHARE * gone;
	/* What stood still meanwhile held nothing back. */
	if (m->aside_ms < 0)
		m->aside_ms = 0;
	if (m->aside_ms > MUX_ASIDE_MAX_MS)
		m->aside_ms = MUX_ASIDE_MAX_MS;
	m->aside = m->files_n > 0 && m->aside_ms > 0 && mux_young(m, now) > 0;
}

int
mux_patience(const struct mux *m)
{
	int64_t left;

	if (!m->aside ||
	    (m->up.len > 0 && (m->lane_send == NULL || m->lane.len > 0)))
		return -1;
	left = mux_young(m, m->aside_seen);
	return (int)(left < m->aside_ms ? left : m->aside_ms);
}

/* The next caller in turn with a frame to pass on, urgent ones first. */
static struct caller *
mux_next(struct mux *m)
{
	struct caller *c, *bulk = NULL;
	size_t i;

	for (i = 0; i < m->callers_n; i++) {
		c = &m->callers[(m->turn + i) % m->callers_n];
		caller_look(m, c);
		if (!c->ready || c->gone || c->to.len > MUX_UNREAD_MAX ||
		    !mux_room(m, c))
			continue;
		if (caller_urgent(c)) {
			m->turn = (m->turn + i + 1) % m->callers_n;
			return c;
		}
		if (bulk == NULL && !(m->aside && c->head.verb == FRAME_DATA))
			bulk = c;
	}
	if (bulk != NULL)
		m->turn = (size_t)(bulk - m->callers + 1) % m->callers_n;
	return bulk;
}

/* One that may go by the lane. */
static struct caller *
mux_next_lane(struct mux *m)
{
	struct caller *c;
	size_t i;

	for (i = 0; i < m->callers_n && !m->aside; i++) {
		c = &m->callers[(m->turn + i) % m->callers_n];
		caller_look(m, c);
		if (!c->ready || c->gone || c->to.len > MUX_UNREAD_MAX ||
		    !caller_lane(m, c))
			continue;
		m->turn = (m->turn + i + 1) % m->callers_n;
		return c;
	}
	return NULL;
}

/* Have those bytes been read that the far end was given? */
static bool
mux_drained(const struct mux *m)
{
	int n = 0;

	if (m->send != NULL)
		return true;
	return ioctl(m->far, SIOCOUTQ, &n) != 0 || n == 0;
}

static void
mux_fill(struct mux *m)
{
	struct caller *c;

	if (m->up.len > 0 || !mux_drained(m))
		return;
	/* Our HELLO, which is a caller's, comes before all else. */
	if (m->own.len > 0 && m->said_hello) {
		buf_add(&m->up, m->own.data, m->own.len);
		buf_reset(&m->own);
	}
	for (;;) {
		mux_stand(m);
		if (m->up.len >= MUX_AHEAD || (c = mux_next(m)) == NULL)
			return;
		caller_take(m, c, &m->up);
	}
}

/* How many bytes the far end took; 0: later; -1: it is gone. */
static ssize_t
mux_give(struct mux *m)
{
	ssize_t n;

	if (m->send != NULL)
		return m->send(m->send_arg, m->up.data, m->up.len);
	do {
		n = write(m->far, m->up.data, m->up.len);
	} while (n < 0 && errno == EINTR);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

/* A frame by the lane. Did it go? */
static bool
mux_up_lane(struct mux *m)
{
	struct caller *c;
	ssize_t n = 0;

	if (m->lane_send == NULL)
		return false;
	mux_stand(m);
	if (m->lane.len == 0 && (c = mux_next_lane(m)) != NULL) {
		caller_take(m, c, &m->lane);
		m->lane_begun = false;
	}
	if (m->lane.len == 0)
		return false;
	while (m->lane.len > 0 &&
	    (n = m->lane_send(m->lane_arg, m->lane.data, m->lane.len)) > 0) {
		buf_consume(&m->lane, (size_t)n);
		m->lane_begun = true;
	}
	if (n < 0)
		mux_lane(m, NULL, NULL);
	return m->lane_send != NULL && m->lane.len == 0;
}

static int
mux_up(struct mux *m)
{
	ssize_t n = 0;
	bool some, beside;

	do {
		mux_fill(m);
		some = m->up.len > 0;
		while (m->up.len > 0 && (n = mux_give(m)) > 0)
			buf_consume(&m->up, (size_t)n);
		beside = n >= 0 && mux_up_lane(m);
	} while (n >= 0 && ((some && m->up.len == 0) || beside));
	return n < 0 ? -1 : 0;
}

void
mux_may_lane(struct mux *m)
{
	m->may_lane = true;
}

bool
mux_wants_lane(const struct mux *m)
{
	return m->wants_lane;
}

void
mux_ask_lane(struct mux *m, const char *token)
{
	struct frame f;

	m->lane_asked = 0;
	m->asks_lane = true;
	frame_init(&f, FRAME_LANE, MUX_LANE_ID);
	frame_add(&f, "Token", token);
	frame_write(&m->own, &f);
	frame_free(&f);
}

int
mux_lane_asked(const struct mux *m)
{
	return m->lane_asked;
}

void
mux_lane(struct mux *m, ssize_t (*send)(void *arg, const char *p, size_t len),
    void *arg)
{
	m->lane_send = send;
	m->lane_arg = arg;
	/* Else a part is missing there, and its file is refused. */
	if (!m->lane_begun)
		buf_add(&m->up, m->lane.data, m->lane.len);
	buf_reset(&m->lane);
}

bool
mux_lane_due(const struct mux *m)
{
	return m->lane.len > 0;
}

void
mux_sends(struct mux *m, ssize_t (*send)(void *arg, const char *p, size_t len),
    void *arg)
{
	m->send = send;
	m->send_arg = arg;
}

bool
mux_due(const struct mux *m)
{
	return m->up.len > 0;
}

/* ---- from the far end ---- */

/* To all that asked; PROGRESS is no answer yet. */
static void
mux_answer(struct mux *m, const struct frame *f, size_t size)
{
	uint64_t serial;
	size_t i, k;

	m->unasked++;
	if (m->pinged && str_eq(f->id, MUX_PING_ID)) {
		m->pinged = false;
		m->unasked = 0;
		return;
	}
	if (str_eq(f->id, MUX_LANE_ID) && m->asks_lane) {
		m->asks_lane = false;
		m->lane_asked =
		    frame_number(f, "Code", EXIT_UNPROVEN, EXIT_WIRE) == EXIT_OK
		    ? 1
		    : -1;
		m->unasked = 0;
		return;
	}
	if (str_starts(f->id, MUX_FILE_ID) && file_known(m, f->id)) {
		m->unasked = 0;
		return;
	}
	for (i = m->waits_n; i-- > 0;) {
		if (!str_eq(m->waits[i].id, f->id))
			continue;
		m->unasked = 0;
		serial = m->waits[i].serial;
		if (f->verb != FRAME_PROGRESS)
			m->waits[i] = m->waits[--m->waits_n];
		for (k = 0; serial != 0 && k < m->callers_n; k++)
			if (m->callers[k].serial == serial)
				buf_add(&m->callers[k].to, m->down.data, size);
	}
}

/* What later callers are told: all but the time, which was true once. */
static void
mux_ages(struct mux *m)
{
	struct frame f, g;
	size_t i;

	if (frame_read(&m->hello, &f, NULL) != FRAME_READY)
		return;
	frame_init(&g, FRAME_HELLO, f.id);
	for (i = 0; i < f.headers_n; i++)
		if (strcasecmp(f.headers[i].name, "Time") != 0)
			frame_add(&g, f.headers[i].name, f.headers[i].value);
	frame_write(&m->hello, &g);
	frame_free(&f);
	frame_free(&g);
}

/* Keep its HELLO, once it was told as it came. */
static int
mux_greeted(struct mux *m, struct err *e)
{
	enum frame_result result;
	size_t size = 0, i;
	struct frame f;

	result = frame_skip_noise(&m->down, &m->noise, e);
	if (result == FRAME_READY)
		result = frame_peek(&m->down, &f, &size, e);
	if (result == FRAME_BAD)
		return err_prefix(e, "%s", m->alias);
	if (result == FRAME_MORE)
		return 0;
	m->can_lane = frame_lists(&f, "Can", "lane");
	frame_free(&f);
	buf_add(&m->hello, m->down.data, size);
	buf_consume(&m->down, size);
	for (i = 0; i < m->callers_n; i++)
		caller_told(m, &m->callers[i]);
	mux_ages(m);
	return 1;
}

static int
mux_frames(struct mux *m, struct err *e)
{
	enum frame_result result;
	struct frame f;
	size_t size, i;
	int rc = 1;

	if (m->hello.len == 0)
		rc = mux_greeted(m, e);
	if (rc <= 0)
		return rc;
	while ((result = frame_peek(&m->down, &f, &size, e)) == FRAME_READY) {
		m->heard++;
		m->doubted = false;
		rc = f.verb == FRAME_DONE || f.verb == FRAME_SLICE ||
			f.verb == FRAME_PROGRESS
		    ? 0
		    : err_set(e, EXIT_WIRE,
			  "%s: asks for %s on a connection that we made; "
			  "refused",
			  m->alias, f.word);
		if (rc == 0)
			mux_answer(m, &f, size);
		if (m->unasked > MUX_UNASKED_MAX)
			rc = err_set(e, EXIT_WIRE,
			    "%s: answers what nobody asked", m->alias);
		frame_free(&f);
		if (rc != 0)
			return -1;
		buf_consume(&m->down, size);
	}
	if (result == FRAME_BAD)
		return err_prefix(e, "%s", m->alias);
	for (i = 0; i < m->callers_n; i++)
		caller_told(m, &m->callers[i]);
	return 0;
}

static int
mux_down(struct mux *m, struct err *e)
{
	ssize_t n;

	n = buf_read_fd(&m->down, m->far, MUX_CHUNK);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		m->ended = true;
	return mux_frames(m, e);
}

/* ---- all of it ---- */

/* Answers that nobody waits for and that never came. */
static void
mux_forget(struct mux *m)
{
	int64_t now = clock_mono_ms();
	size_t i;

	for (i = m->waits_n; i-- > 0;)
		if (m->waits[i].serial == 0 &&
		    now - m->waits[i].since > MUX_LOST_MS)
			m->waits[i] = m->waits[--m->waits_n];
}

/* Has it said all, and heard all? */
static bool
mux_through(const struct mux *m, const struct caller *c)
{
	size_t i;

	if (!c->ended || c->ready || c->to.len > 0)
		return false;
	for (i = 0; i < m->waits_n; i++)
		if (m->waits[i].serial == c->serial)
			return false;
	return true;
}

int
mux_turn(struct mux *m, const struct pollfd *pfd, struct err *e)
{
	struct caller *c;
	size_t i;

	for (i = 0; i < m->callers_n; i++) {
		c = &m->callers[i];
		if (pfd[2 + 2 * i].revents & (POLLERR | POLLHUP | POLLNVAL))
			c->gone = true;
		else if (pfd[1 + 2 * i].revents != 0)
			caller_read(c);
	}
	if (pfd[0].revents & ~POLLOUT && mux_down(m, e) != 0)
		return -1;
	if (mux_hello(m) && !m->ended && mux_up(m) != 0)
		m->ended = true;
	for (i = m->callers_n; i-- > 0;) {
		c = &m->callers[i];
		caller_write(c);
		if (!c->gone && !mux_through(m, c))
			continue;
		caller_free(m, c);
		*c = m->callers[--m->callers_n];
		m->turn = 0;
	}
	mux_forget(m);
	return m->ended ? 1 : 0;
}

void
mux_ping(struct mux *m)
{
	struct frame f;

	if (m->pinged)
		return;
	m->pinged = true;
	frame_init(&f, FRAME_PING, MUX_PING_ID);
	frame_write(&m->own, &f);
	frame_free(&f);
}

void
mux_doubt(struct mux *m)
{
	m->doubted = true;
	mux_ping(m);
}

bool
mux_hello(const struct mux *m)
{
	return m->hello.len > 0;
}

bool
mux_doubted(const struct mux *m)
{
	return m->doubted;
}

bool
mux_pinged(const struct mux *m)
{
	return m->pinged;
}

size_t
mux_callers(const struct mux *m)
{
	return m->callers_n;
}

size_t
mux_waits(const struct mux *m)
{
	return m->waits_n;
}

bool
mux_files(const struct mux *m)
{
	size_t i;

	for (i = 0; i < m->waits_n; i++)
		if (m->waits[i].verb == FRAME_FILE)
			return true;
	return m->files_n > 0;
}

unsigned long
mux_heard(const struct mux *m)
{
	return m->heard;
}

void
mux_end(struct mux *m, const struct err *why)
{
	struct frame f;
	size_t i;

	frame_init(&f, FRAME_DONE, "0");
	frame_addf(&f, "Code", "%d", (int)why->code);
	buf_adds(&f.body, why->msg);
	for (i = 0; i < m->callers_n; i++) {
		/* Who was told no HELLO has sent nothing, and goes elsewhere.
		 */
		if (m->callers[i].knows)
			frame_write(&m->callers[i].to, &f);
		caller_write(&m->callers[i]);
	}
	frame_free(&f);
}
