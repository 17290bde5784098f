#include "deliver.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "body.h"
#include "clock.h"
#include "deliver_run.h"
#include "lock.h"
#include "mem.h"
#include "ps.h"
#include "ring.h"
#include "str.h"

/* Asked for before it came: should it come yet, nobody waits for it. */
#define RUN_WITHDRAWN "withdrawn"

/* The longest nap while waiting for a pane to become ready. */
enum { DELIVER_IDLE_NAP_MAX_MS = 500 };

/* The pane's terminal could not be opened. Where the pane still has it and we
 * see no such file, we look at another /dev than tmux does. */
static void
run_explain_hidden(struct run *r, struct err *e)
{
	char tty[sizeof(r->facts.tty)];

	memcpy(tty, r->facts.tty, sizeof(tty));
	if (access(tty, F_OK) == 0 || run_look(r, NULL) != 0 ||
	    !str_eq(r->facts.tty, tty))
		return;
	(void)err_set(e, EXIT_LOCAL,
	    "%s: tmux has this terminal, but it is not here: a sandbox with a "
	    "/dev of its own keeps us from it; run notify-pane outside of it "
	    "(agent-doctor names the setting)",
	    tty);
}

/* Take the pane's lock. 1: we had to wait, so that the look is old. */
static int
run_lock(struct run *r, int64_t deadline, struct err *e)
{
	enum lock_result result;
	int wait_ms = DELIVER_LOCK_MS;

	if (r->d->wait_ms > 0 && clock_left(deadline) < wait_ms)
		wait_ms = (int)clock_left(deadline);

	if (r->tty >= 0)
		return 0;
	r->tty = tty_open(r->facts.tty, e);
	if (r->tty < 0) {
		run_explain_hidden(r, e);
		return -1;
	}
	result = lock_fd(r->tty, r->facts.tty, 0, e);
	if (result == LOCK_TAKEN)
		return 0;
	if (result == LOCK_BUSY)
		result = lock_fd(r->tty, r->facts.tty, wait_ms, e);
	if (result == LOCK_TAKEN)
		return 1;
	if (result == LOCK_BUSY && wait_ms < DELIVER_LOCK_MS)
		(void)err_set(e, EXIT_TIMEOUT,
		    "not ready within %lld s: another sender holds the pane",
		    (long long)(r->d->wait_ms + 999) / 1000);
	else if (result == LOCK_BUSY)
		(void)err_set(e, EXIT_NOT_READY,
		    "another sender has held the pane for %d s",
		    wait_ms / 1000);
	lock_drop(&r->tty);
	return -1;
}

/* Is another sender at work here? Then what stands there may be his. */
static bool
run_others(const struct run *r)
{
	enum lock_result result;
	int fd;

	if (r->tty >= 0 || r->facts.dead)
		return false;
	fd = tty_open(r->facts.tty, NULL);
	if (fd < 0)
		return false;
	result = lock_fd(fd, r->facts.tty, 0, NULL);
	lock_drop(&fd);
	return result == LOCK_BUSY;
}

/* Somebody pressed a key here a moment ago? A time ahead of ours by more than
 * the quiet time is a clock that was set back, not a person. */
static bool
run_person(const struct run *r)
{
	int64_t ago = clock_real_ms() - r->facts.last_key * 1000;

	return r->facts.last_key > 0 && ago < DELIVER_QUIET_MS + 999 &&
	    ago > -DELIVER_QUIET_MS;
}

/*
 * Has the program only just started? Then it may draw its composer before it
 * reads keys as it will: a paste comes in as single keys, and one of them may
 * switch it to running commands. So it must have been at rest for a while.
 */
static bool
run_settling(struct run *r, enum classify_way way)
{
	const struct profile *profile = r->ready.profile;
	int64_t now = clock_mono_ms(), age = 0, oldest = 0;
	size_t i;

	if (way != CLASSIFY_WAY_COMPOSE || profile == NULL ||
	    profile->settle_ms == 0 || r->facts.foreground.n == 0)
		return false;

	for (i = 0; i < r->facts.foreground.n; i++) {
		age = ps_age_ms(&r->facts.foreground.v[i], clock_boot_ms());
		oldest = age > oldest ? age : oldest;
	}
	if (oldest > DELIVER_FRESH_MS)
		return false;
	if (r->rests_since == 0)
		r->rests_since = now;
	return now - r->rests_since < profile->settle_ms;
}

/*
 * Does a message stand in the composer that was pasted and never submitted,
 * because its sender was killed in between? Said as it is, and left alone:
 * since then a person may have made it his own. NULL: no such text.
 */
static const char *
run_stranded(struct run *r)
{
	static const char head[] = "[from ";
	struct buf text = BUF_INIT;
	const char *hit = NULL;
	char *name, *end, *at, *to;

	classify_composer_text(&r->screen, &r->ready, &text);
	/* The composer wraps where it likes. */
	for (at = to = text.data; *at != '\0'; at++) {
		if (*at != '\n')
			*to++ = *at;
	}
	*to = '\0';
	if (str_starts(text.data, head)) {
		name = text.data + sizeof(head) - 1;
		end = strpbrk(name, " ]");
		if (end != NULL)
			*end = '\0';
		if (end != NULL && body_sender_ok(name)) {
			(void)snprintf(r->stranded, sizeof(r->stranded),
			    "a message from %s stands there, typed but not "
			    "submitted; submit or delete it there",
			    name);
			hit = r->stranded;
		}
	}
	buf_free(&text);
	return hit;
}

/* A shell that runs something takes what is typed later, as a command. */
static bool
run_commanded(const struct run *r, bool type)
{
	const struct profile *profile = r->ready.profile;

	return !type && r->ready.way == CLASSIFY_WAY_NONE && profile != NULL &&
	    (profile->kind == PROFILE_SHELL || profile->kind == PROFILE_REPL);
}

/* Did the program not even read what was typed before? What that makes of its
 * composer is not on the screen yet, and ours would stand behind it. */
static bool
run_behind(const struct run *r, enum classify_way way)
{
	return way != CLASSIFY_WAY_SHOW && !r->d->force &&
	    tty_unread(r->tty) > 0;
}

enum gate {
	GATE_OPEN,
	GATE_SOON, /* not now, but it may pass by itself within a moment */
	GATE_SHUT, /* not in this state */
};

/* May it be typed now? Sets the way, and why not. */
static enum gate
run_gate(struct run *r, enum classify_way *way, const char **why)
{
	const struct readiness *ready = &r->ready;
	const struct profile *profile = ready->profile;
	bool type = r->d->type || str_eq(r->facts.shell_way, "type");
	const char *stranded;

	*way = ready->way;
	*why = ready->reason;
	r->v->forced = false;
	r->v->queued = false;
	if (ready->show_ok && !type) {
		*way = CLASSIFY_WAY_SHOW;
		return GATE_OPEN;
	}
	if (*way == CLASSIFY_WAY_SHOW)
		*way = CLASSIFY_WAY_LINE;
	switch (ready->state) {
	case CLASSIFY_IDLE:
		if (*way == CLASSIFY_WAY_NONE)
			return GATE_SHUT;
		break;
	case CLASSIFY_BUSY:
		if (profile != NULL && ready->composer_empty &&
		    *way == CLASSIFY_WAY_COMPOSE &&
		    (profile->busy == PROFILE_BUSY_QUEUES ||
			(profile->busy == PROFILE_BUSY_TAKES &&
			    r->d->urgent))) {
			r->v->queued = profile->busy == PROFILE_BUSY_QUEUES;
			break;
		}
		/* FALLTHROUGH */
	case CLASSIFY_TYPED:
	case CLASSIFY_UNKNOWN:
		if (!r->d->force || run_commanded(r, type)) {
			stranded = run_stranded(r);
			*why = stranded == NULL ? *why : stranded;
			return GATE_SHUT;
		}
		r->v->forced = true;
		if (*way == CLASSIFY_WAY_NONE)
			*way = CLASSIFY_WAY_LINE;
		return GATE_OPEN;
	default:
		return GATE_SHUT;
	}
	if (run_person(r)) {
		*why = "somebody pressed a key there a moment ago";
		return r->d->force ? GATE_OPEN : GATE_SOON;
	}
	if (!r->d->force && run_settling(r, *way)) {
		*why = "it was started a moment ago";
		return GATE_SOON;
	}
	return GATE_OPEN;
}

/* The gate is open: type or show it. EXIT_TIMEOUT: the server saw something
 * else than the look did, nothing was typed. */
static enum exit_code
run_send(struct run *r, enum classify_way way)
{
	enum exit_code code;
	struct err e;
	int rc;

	if (run_text(r, way, &e) != 0)
		return run_verdict(r, e.code,
		    e.code == EXIT_NOT_READY ? "refused" : "failed", "%s",
		    e.msg);
	if (r->d->keep != NULL && r->d->keep(r->d->keep_arg, &e) != 0)
		return run_verdict(r, e.code, "failed",
		    "nothing was typed, since it could not be kept: %s", e.msg);
	if (r->d->begin != NULL && !r->d->begin(r->d->begin_arg, false))
		return run_verdict(r, EXIT_NOT_READY, "refused",
		    "it was changed or taken away at this moment");
	rc = run_record(r, RING_STARTED, EXIT_UNPROVEN, &e);
	if (r->d->begin != NULL)
		(void)r->d->begin(r->d->begin_arg, true);
	/* This alone must not stop a message that is kept. But one that may
	 * come again would then be shown again. */
	if (rc != 0 && r->d->repeat)
		return run_verdict(r, EXIT_LOCAL, "failed",
		    "nothing was typed, since that could not be written down: "
		    "%s",
		    e.msg);
	code = way == CLASSIFY_WAY_SHOW ? run_show(r) : run_type(r, way);
	/* Refused by the server: it waits again. */
	if (code == EXIT_TIMEOUT)
		(void)run_record(r, RING_ACCEPTED, EXIT_NOT_READY, NULL);
	return code;
}

/* Has nobody waited for the verdict any more since our parent ended? Whoever
 * does not know what became of a message may send the next one. */
static bool
run_orphaned(const struct run *r)
{
	return r->d->parent != 0 && getppid() != r->d->parent;
}

/* Nap while the pane is not ready. false: give up. */
static bool
run_nap(const struct run *r, int64_t nap, int64_t deadline)
{
	if (r->d->nap != NULL)
		return r->d->nap(r->d->nap_arg, nap);
	clock_nap(nap, deadline);
	return true;
}

/* Look, lock, judge, send; again while there is time. */
static enum exit_code
run_loop(struct run *r)
{
	int64_t deadline = clock_deadline(r->d->wait_ms);
	int64_t soon = clock_deadline(DELIVER_QUIET_MS + 1500);
	int64_t nap = DELIVER_NAP_MIN_MS;
	const char *why = "";
	enum classify_way way;
	enum exit_code code;
	unsigned tries = 0;
	bool given_up = false;
	enum gate gate;
	struct err e;
	int waited;

	for (;;) {
		if (run_look(r, &e) != 0)
			return run_verdict(r, e.code, "failed", "%s", e.msg);
		if (run_orphaned(r))
			return run_verdict(r, EXIT_WIRE, "failed",
			    "the connection broke before it was shown");
		/* Before anything is said of the pane, and at every look. */
		if (!r->d->wanted &&
		    allow_check(r->facts.allow, &r->d->from, &e) != 0) {
			r->v->barred = true;
			return run_verdict(r, e.code, "refused", "%s", e.msg);
		}
		gate = run_gate(r, &way, &why);
		if (gate == GATE_SHUT)
			r->rests_since = 0;
		if (gate == GATE_OPEN || run_others(r)) {
			waited = run_lock(r, deadline, &e);
			if (waited < 0)
				return run_verdict(
				    r, e.code, "refused", "%s", e.msg);
			if (waited > 0 || gate != GATE_OPEN)
				continue;
			gate = GATE_SOON;
			if (run_behind(r, way)) {
				why = "its program has not read what was typed "
				      "there before";
			} else {
				code = run_send(r, way);
				if (code != EXIT_TIMEOUT)
					return code;
				why = "the pane changes too fast to type into "
				      "it";
				if (++tries >= DELIVER_TRIES_MAX &&
				    r->d->wait_ms == 0)
					break;
			}
		}
		if (clock_left(deadline) == 0 &&
		    (gate == GATE_SHUT || clock_left(soon) == 0)) {
			/* What stood there may have been another sender's, who
			 * went between our look and now: the last look is
			 * made under the lock. */
			if (r->tty >= 0 || run_lock(r, deadline, &e) < 0)
				break;
			continue;
		}
		/* While we wait, others may have their turn. */
		lock_drop(&r->tty);
		r->v->waited -= clock_mono_ms();
		given_up = !run_nap(r, nap, deadline > soon ? deadline : soon);
		r->v->waited += clock_mono_ms();
		if (given_up)
			break;
		if (nap < DELIVER_IDLE_NAP_MAX_MS)
			nap *= 2;
	}
	if (given_up)
		return run_verdict(r, EXIT_TIMEOUT, "refused",
		    "not waited for any longer: %s", why);
	if (r->d->wait_ms > 0)
		return run_verdict(r, EXIT_TIMEOUT, "refused",
		    "not ready within %lld s: %s",
		    (long long)(r->d->wait_ms / 1000), why);
	return run_verdict(r, EXIT_NOT_READY, "refused", "%s", why);
}

/* A recorded verdict as it stands; false when it is none to be repeated:
 * nothing was typed then, and it may be tried again. */
static bool
run_replay(struct run *r, const struct ring_entry *entry)
{
	static const char *const words[] = { "submitted", "shown",
		"unsubmitted", "indeterminate", "refused", "failed" };
	size_t n = sizeof(words) / sizeof(words[0]), i;

	/* Where nothing was typed there is nothing that may not be repeated,
	 * unless it is only asked for. */
	if (!r->d->ask)
		n -= 2;
	for (i = 0; i < n; i++) {
		if (str_eq(entry->verdict, words[i])) {
			(void)run_verdict(
			    r, entry->code, words[i], "%s", entry->text);
			return true;
		}
	}
	if (str_eq(entry->verdict, RUN_WITHDRAWN)) {
		(void)run_verdict(r, EXIT_WIRE, "failed",
		    "the connection broke before the message arrived");
		return true;
	}
	if (!str_eq(entry->verdict, RING_STARTED))
		return false;
	(void)run_verdict(r, EXIT_UNPROVEN, "indeterminate",
	    "it was begun before, and its end is not known");
	return true;
}

/* A message that was here before, or still is in the hands of another process
 * of ours: whoever asks again must not have it typed twice. */
static bool
run_repeated(struct run *r)
{
	int64_t deadline = clock_deadline(r->d->wait_ms + DELIVER_LOCK_MS);
	int64_t nap = 0;
	struct ring_entry mine = { .code = EXIT_NOT_READY,
		.verdict = RING_ACCEPTED };
	struct ring_entry entry, old;
	const struct ring_entry *seen = NULL;
	int rc;

	if (r->d->ring == NULL || !r->d->repeat)
		return false;
	if (r->d->ask)
		mine = (struct ring_entry){ .code = EXIT_WIRE,
			.verdict = RUN_WITHDRAWN };
	else
		run_about(r, mine.text);
	for (;;) {
		rc =
		    ring_claim(r->d->ring, r->d->id, seen, &mine, &entry, NULL);
		if (rc < 0 && r->d->ask) {
			(void)run_verdict(r, EXIT_UNPROVEN, "indeterminate",
			    "what became of it cannot be read");
			return true;
		}
		if (rc != 0)
			return r->d->ask && run_replay(r, &mine);
		if ((str_eq(entry.verdict, RING_ACCEPTED) ||
			str_eq(entry.verdict, RING_STARTED)) &&
		    ring_alive(entry.text)) {
			if (clock_left(deadline) == 0 ||
			    (r->d->known != NULL &&
				r->d->known(r->d->known_arg)))
				break;
			clock_nap(nap, deadline);
			nap = run_next_nap(nap);
			continue;
		}
		if (run_replay(r, &entry))
			return true;
		/* Nothing was typed: it may be tried again, by whoever is the
		 * first to say so. */
		old = entry;
		seen = &old;
	}
	(void)run_verdict(r, EXIT_UNPROVEN, "indeterminate",
	    "it is still being delivered by process %s", entry.text);
	return true;
}

enum exit_code
deliver(const struct deliver *d, struct deliver_verdict *v)
{
	struct run r = { .d = d,
		.v = v,
		.tty = -1,
		.cells = BUF_INIT,
		.text = BUF_INIT,
		.prompt = BUF_INIT,
		.stood = BUF_INIT };
	int64_t begun = clock_mono_ms();
	struct err e;

	memset(v, 0, sizeof(*v));
	if (run_repeated(&r)) {
		v->repeated = true;
		goto out;
	}
	if (d->ask) {
		(void)run_verdict(&r, EXIT_WIRE, "failed",
		    "the connection broke before the message arrived");
		goto out;
	}
	if (tmux_open(&r.tmux, d->ident.socket, &e) != 0)
		(void)run_verdict(&r, e.code, "failed", "%s", e.msg);
	else
		(void)run_loop(&r);
	(void)run_record(&r, v->word, v->code, NULL);
	/* A file that no line names is of no use to anybody. */
	if (r.spilled != NULL &&
	    (str_eq(v->word, "refused") || str_eq(v->word, "failed")))
		(void)unlink(r.spilled);
out:
	v->ms = clock_mono_ms() - begun;
	run_forget(&r);
	lock_drop(&r.tty);
	x_free(r.spilled);
	buf_free(&r.cells);
	buf_free(&r.text);
	buf_free(&r.prompt);
	buf_free(&r.stood);
	return v->code;
}

void
deliver_refuse(struct deliver_verdict *v, const struct err *e)
{
	memset(v, 0, sizeof(*v));
	v->code = e->code;
	v->word = e->code == EXIT_UNPROVEN ? "indeterminate" : "failed";
	(void)snprintf(v->why, sizeof(v->why), "%s", e->msg);
}

int
deliver_check(const struct pane_ident *ident,
    const struct profile_set *profiles, struct pane_facts *facts,
    struct readiness *r, struct err *e)
{
	struct screen screen = { .cells = NULL };
	struct buf cells = BUF_INIT;
	struct tmux tmux;
	int rc = -1;

	memset(facts, 0, sizeof(*facts));
	memset(r, 0, sizeof(*r));
	if (tmux_open(&tmux, ident->socket, e) == 0 &&
	    tmux_look(&tmux, ident, facts, &cells, e) == 0 &&
	    screen_parse(&screen, cells.data, cells.len, facts->width,
		facts->height, e) == 0)
		rc = classify(facts, &screen, profiles, r);
	screen_free(&screen);
	buf_free(&cells);
	return rc;
}
