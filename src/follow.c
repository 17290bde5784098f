#include "follow.h"

#include <string.h>

#include "agent.h"
#include "clock.h"
#include "lock.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "remote.h"
#include "str.h"

enum { FOLLOW_ANSWER_MS = 45000 }; /* for an answer, past what it may wait */

/* 0, and the lock; 1: another process has it. */
static int
follow_claim(const struct home *h, const char *alias, int *fd, struct err *e)
{
	char *path = x_asprintf("%s/fetch-%016llx.lock", h->run,
	    (unsigned long long)str_hash(alias, strlen(alias)));
	enum lock_result result = lock_take(path, 0, fd, e);

	x_free(path);
	return result == LOCK_TAKEN ? 0 : result == LOCK_BUSY ? 1 : -1;
}

struct follow_end
follow_end(const char *peers_conf)
{
	return (struct follow_end){ .peers = file_stamp(peers_conf),
		.by = clock_deadline(FOLLOW_MOST_MS) };
}

static bool
follow_changed(const struct home *h, const struct follow_end *end)
{
	char *path = path_join(h->dir, "peers.conf");
	struct file_stamp now = file_stamp(path);

	x_free(path);
	return !file_stamp_eq(&now, &end->peers);
}

/* Ask once more, and hear the answer. */
static int
follow_ask(struct remote *r, struct fetch *t, const struct follow_end *end,
    int64_t until, struct err *e)
{
	int wait = t->last ? 0 : clock_left(until);
	char id[AGENT_ID_MAX + 1];
	struct frame f;
	int rc = 0;

	if (wait > FOLLOW_WAIT_MS)
		wait = FOLLOW_WAIT_MS;
	agent_id_new(id);
	frame_init(&f, FRAME_FETCH, id);
	frame_addf(&f, "Wait-Ms", "%d", wait);
	(void)fetch_next(t, &f);
	remote_put(r, &f);
	frame_free(&f);
	if (remote_wait(
		r, id, clock_deadline(wait + FOLLOW_ANSWER_MS), &f, e) != 0)
		return -1;
	/* It may have waited there while its line was taken out here. */
	if (t->last || !follow_changed(t->reg->home, end))
		rc = fetch_take(t, &f, e);
	frame_free(&f);
	return rc;
}

static int
follow_talk(struct remote *r, struct fetch *t, const struct follow_end *end,
    int64_t idle_ms, unsigned *n, struct err *e)
{
	int64_t until = clock_deadline(idle_ms), asked;
	unsigned before;

	do {
		if (clock_left(end->by) == 0 ||
		    follow_changed(t->reg->home, end))
			break;
		before = t->asked;
		asked = clock_mono_ms();
		if (follow_ask(r, t, end, until, e) != 0)
			return -1;
		if (t->asked != before) {
			++*n;
			until = clock_deadline(idle_ms);
		} else if (t->done && clock_mono_ms() - asked < 1000 &&
		    clock_left(until) > 1000) {
			/* It does not wait: nor do we ask in a circle. */
			return 0;
		}
		t->done = false;
	} while (!t->refusal && clock_left(until) > 0);
	/* Its sender is to be told now; the peer is first. */
	t->last = true;
	return t->refusal || t->took[0] != '\0'
	    ? follow_ask(r, t, end, until, e)
	    : 0;
}

int
follow(const struct registrar *reg, const struct peer *peer,
    const struct follow_end *end, int64_t idle_ms,
    void (*refused)(
	void *arg, const struct mail *m, const char *word, const char *why),
    void *arg, unsigned *n, struct err *e)
{
	struct remote r;
	struct fetch t;
	int fd = -1, rc;

	*n = 0;
	rc = follow_claim(reg->home, peer->alias, &fd, e);
	if (rc != 0)
		return rc;
	rc = remote_open_within(&r, reg->home, peer, REMOTE_CONNECT_MS, e);
	if (rc == 0)
		rc = remote_greet(&r, e);
	if (rc == 0 && !r.fetches)
		rc = fetch_unable(peer, r.version, e);
	if (rc == 0) {
		rc = fetch_open(&t, reg, peer, r.host, r.host_id, e);
		t.refused = refused;
		t.arg = arg;
		if (rc == 0)
			rc = follow_talk(&r, &t, end, idle_ms, n, e);
		fetch_close(&t);
	}
	remote_close(&r);
	lock_drop(&fd);
	return rc;
}

void
follow_start(const struct home *h, const char *alias, int64_t idle_s)
{
	struct argv argv = ARGV_INIT;
	char *program;
	int fd;

	if (follow_claim(h, alias, &fd, NULL) != 0)
		return;
	lock_drop(&fd);
	program = proc_sibling("agent-sync");
	argv_addl(&argv, program, "-q", "-t", NULL);
	argv_addf(&argv, "%lld", (long long)idle_s);
	argv_addl(&argv, "fetch", alias, NULL);
	(void)proc_detach(&argv, NULL);
	argv_free(&argv);
	x_free(program);
}
