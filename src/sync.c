#include "sync.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "clock.h"
#include "mem.h"
#include "registry.h"
#include "slice.h"
#include "str.h"
#include "sync_parts.h"

enum {
	SYNC_TURN_MS = 10,     /* between looks whether it is our turn */
	SYNC_QUIET_MS = 150,   /* by itself: once nothing changed for so long */
	SYNC_SETTLE_MS = 1000, /* ... but no later than that */
	SYNC_ASSEMBLE_MS = 200, /* a slice that came waits no longer for more */
	SYNC_REBUILD_MS =
	    3600 * 1000, /* registry: what is not confirmed goes */
};

/* ---- one peer ---- */

/*
 * A sync that hooks began tells of a burst once: windows come one by one, and a
 * link that is kept would let each have a sync of its own.
 */
static bool
sync_settled(struct sync *s)
{
	struct file_stamp now = file_stamp(s->home->local);
	int64_t ms = clock_mono_ms();

	if (s->options->stay)
		return true;
	if (!file_stamp_eq(&now, &s->settling))
		s->changed = ms;
	s->settling = now;
	return ms - s->changed >= SYNC_QUIET_MS ||
	    ms - s->begun >= SYNC_SETTLE_MS;
}

/* Move one talk on as far as it goes. */
static void
talk_turn(struct sync *s, struct talk *t)
{
	struct err e = { .code = EXIT_OK };
	int rc = 0;

	switch (t->stage) {
	case TALK_TURN:
		switch (turn_try(&t->turn, &e)) {
		case TURN_MINE:
			t->stage = TALK_SETTLE;
			break;
		case TURN_LEFT:
			if (!s->options->stay) {
				t->result.left = true;
				rc = 1;
			}
			break;
		case TURN_LATER:
			break;
		case TURN_FAILED:
			rc = -1;
			break;
		}
		break;
	case TALK_SETTLE:
		break;
	case TALK_FRAMES:
		rc = talk_frames(s, t, &e);
		break;
	case TALK_SLICE:
		rc = talk_slice(s, t, &e);
		break;
	case TALK_THIRD:
	case TALK_DONE:
		return;
	}
	if (rc == 0 && t->stage == TALK_SETTLE && sync_settled(s))
		rc = talk_begin(s, t, &e);
	if (rc == 0 && clock_left(t->done_by) == 0)
		rc = t->stage == TALK_TURN
		    ? err_set(&e, EXIT_LOCAL,
			  "%s: another sync holds this peer for too long; is "
			  "one stopped?",
			  t->peer->alias)
		    : err_set(&e, EXIT_WIRE, "%s: no answer within %d s",
			  t->peer->alias, s->options->total_ms / 1000);
	if (rc < 0 && t->result.e.code == EXIT_OK)
		t->result.e = e;
	if (rc != 0)
		talk_finish(s, t);
}

/* What to poll for; returns the earliest time to look again. */
static size_t
talk_poll(const struct talk *t, struct pollfd *pfd, int *wait)
{
	int left = clock_left(t->done_by);

	switch (t->stage) {
	case TALK_THIRD:
	case TALK_DONE:
		return 0;
	case TALK_TURN:
	case TALK_SETTLE:
		if (left > SYNC_TURN_MS)
			left = SYNC_TURN_MS;
		if (*wait < 0 || left < *wait)
			*wait = left;
		return 0;
	case TALK_FRAMES:
		if (!t->remote.hello && clock_left(t->connect_by) < left)
			left = clock_left(t->connect_by);
		remote_poll(&t->remote, pfd);
		break;
	case TALK_SLICE:
		pfd[0] =
		    (struct pollfd){ .fd = t->child.out, .events = POLLIN };
		pfd[1] = (struct pollfd){ .fd = -1 };
		pfd[2] = (struct pollfd){ .fd = -1 };
		break;
	}
	if (*wait < 0 || left < *wait)
		*wait = left;
	return REMOTE_FDS;
}

/* ---- all of them ---- */

/* Bring the registry up to date if nobody has since. */
static void
sync_assemble(struct sync *s)
{
	struct err e;

	s->dirty = 0;
	if (!registry_fresh(s->home) &&
	    registry_assemble(s->home, clock_real_ms(), &e) != 0)
		s->e = e;
}

static void
sync_loop(struct sync *s)
{
	struct pollfd *pfd = x_calloc(s->n * REMOTE_FDS + 1, sizeof(*pfd));
	bool open = true;
	size_t i, n;
	int wait;

	while (open) {
		open = false;
		n = 0;
		wait = -1;
		/* First all turns: one may end what another waits for. */
		for (i = 0; i < s->n; i++)
			talk_turn(s, &s->talks[i]);
		for (i = 0; i < s->n; i++) {
			n += talk_poll(&s->talks[i], pfd + n, &wait);
			open = open || s->talks[i].stage != TALK_DONE;
		}
		if (!open)
			break;
		/* Assemble in a quiet moment, or when it gets late. */
		if (s->dirty != 0 &&
		    (poll(pfd, n, 0) == 0 ||
			clock_mono_ms() - s->dirty > SYNC_ASSEMBLE_MS))
			sync_assemble(s);
		(void)poll(pfd, n, wait);
	}
	x_free(pfd);
}

static void
sync_begin(struct sync *s, struct talk *t, const struct peer *peer)
{
	t->peer = peer;
	t->stage = TALK_TURN;
	t->child = (struct proc_child)PROC_CHILD_INIT;
	agent_id_new(t->tag);
	buf_init(&t->text, SLICE_SIZE_MAX);
	buf_init(&t->complaints, SYNC_SAID_MAX);
	turn_open(&t->turn, s->home->run, "sync", peer->alias);
	t->result.alias = peer->alias;
	/* One runs and one waits before us, at the most. */
	t->done_by = clock_deadline(3LL * s->options->total_ms);
}

/* Is the registry older than its inputs, or so old that some of them may be
 * too? */
static bool
sync_stale(const struct home *home)
{
	struct file_stamp stamp = file_stamp(home->registry);

	return !registry_fresh(home) ||
	    clock_real_ms() - stamp.mtime_ns / 1000000 > SYNC_REBUILD_MS;
}

int
sync_run(const struct home *home, const struct peers *peers,
    const struct sync_options *options,
    void (*report)(void *arg, const struct sync_result *result), void *arg,
    size_t *failed, struct err *e)
{
	struct sync s = { .home = home,
		.options = options,
		.report = report,
		.arg = arg,
		.slice = BUF_INIT_MAX(SLICE_SIZE_MAX),
		.n = peers->n };
	int rc = -1;
	size_t i;

	*failed = 0;
	/* A link that ends is an answer, not our end. */
	(void)signal(SIGPIPE, SIG_IGN);
	s.begun = clock_mono_ms();
	s.talks = x_calloc(s.n, sizeof(*s.talks));
	for (i = 0; i < s.n; i++)
		sync_begin(&s, &s.talks[i], &peers->v[i]);
	for (i = 0; i < s.n; i++)
		if (peers->v[i].through[0] != '\0')
			sync_begin_third(&s, &s.talks[i], peers);
	sync_loop(&s);
	for (i = 0; i < s.n; i++)
		*failed += s.talks[i].result.e.code != EXIT_OK;
	if (sync_stale(home) &&
	    registry_assemble(home, clock_real_ms(), &s.e) != 0)
		goto out;
	rc = 0;
out:
	if (rc != 0 && s.e.code != EXIT_OK)
		*e = s.e;
	for (i = 0; i < s.n; i++) {
		turn_close(&s.talks[i].turn);
		buf_free(&s.talks[i].text);
		buf_free(&s.talks[i].complaints);
	}
	x_free(s.talks);
	buf_free(&s.slice);
	return rc;
}
