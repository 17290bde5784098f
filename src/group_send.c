/*
 * Each recipient is served by a child of its own, which has its own links and
 * deadlines, so that a slow pane or host delays nobody else. What became of it
 * is left in memory that child and parent share: a verdict's word is a constant
 * at the same place in both. A child that was killed has left nothing: that
 * message may have been delivered.
 */
#include "group.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem.h"
#include "str.h"

enum { GROUP_DROPPED_MAX = 4096 };

enum state { STATE_WAITS, STATE_RUNS, STATE_DONE };

/* One recipient: what the child leaves. */
struct slot {
	enum state state;
	pid_t pid;
	bool told; /* the child got to the end */
	bool found, renamed;
	char id[AGENT_ID_MAX + 1];
	char address[ADDRESS_MAX + 1], host[HOST_MAX + 1];
	char target[AGENT_LONG_MAX + 1];
	char dropped[GROUP_DROPPED_MAX];
	struct deliver_verdict verdict;
};

static void
slot_fill(struct slot *slot, const struct send_result *r)
{
	slot->found = r->found;
	slot->renamed = r->renamed;
	slot->verdict = r->verdict;
	(void)snprintf(
	    slot->address, sizeof(slot->address), "%s", r->to.address);
	(void)snprintf(slot->host, sizeof(slot->host), "%s", r->to.host);
	(void)snprintf(slot->target, sizeof(slot->target), "%s", r->to.target);
	(void)snprintf(slot->dropped, sizeof(slot->dropped), "%s",
	    r->dropped == NULL ? "" : r->dropped);
	slot->told = true;
}

/* In the child. */
static void
slot_serve(struct slot *slot, const struct send *all, const char *address)
{
	struct send_result result;
	struct send s = *all;
	struct ship ship;

	ship_open(&ship, s.reg->home);
	s.ship = &ship;
	s.id = slot->id;
	s.grouped = true;
	s.progress = NULL;
	(void)send_message(&s, address, &result);
	slot_fill(slot, &result);
	send_result_free(&result);
	ship_close(&ship);
}

static void
slot_fail(struct slot *slot, const struct group_member *m, enum exit_code code,
    const char *why)
{
	const struct err e = { .code = code };

	slot->state = STATE_DONE;
	slot->told = true;
	deliver_refuse(&slot->verdict, &e);
	(void)snprintf(slot->verdict.why, sizeof(slot->verdict.why), "%s", why);
	(void)snprintf(slot->host, sizeof(slot->host), "%s",
	    m->host == NULL ? "" : m->host);
}

static void
slot_start(
    struct slot *slot, const struct send *s, const struct group_member *m)
{
	slot->pid = fork();
	if (slot->pid == 0) {
		slot_serve(slot, s, m->address);
		_exit(0);
	}
	if (slot->pid < 0)
		slot_fail(slot, m, EXIT_LOCAL, "cannot fork");
	else
		slot->state = STATE_RUNS;
}

static bool
same_host(const struct group_member *a, const struct group_member *b)
{
	return a->host != NULL && b->host != NULL && str_eq(a->host, b->host);
}

/* May this one be begun now? */
static bool
slot_room(
    const struct group *g, const struct slot *slots, const char *own, size_t at)
{
	size_t i, all = 0, there = 0;

	for (i = 0; i < g->n; i++) {
		if (slots[i].state != STATE_RUNS)
			continue;
		all++;
		there += same_host(&g->v[i], &g->v[at]);
	}
	return all < GROUP_JOBS &&
	    (g->v[at].host == NULL || str_eq(g->v[at].host, own) ||
		there < GROUP_JOBS_OF_HOST);
}

/* The host of `at` could not be reached: nobody else there is tried. */
static void
slot_unreached(
    const struct group *g, struct slot *slots, const char *own, size_t at)
{
	const struct deliver_verdict *v = &slots[at].verdict;
	size_t i;

	if (v->code != EXIT_WIRE || v->calls > 0 || g->v[at].host == NULL ||
	    str_eq(g->v[at].host, own))
		return;
	for (i = 0; i < g->n; i++)
		if (slots[i].state == STATE_WAITS &&
		    same_host(&g->v[i], &g->v[at]))
			slot_fail(&slots[i], &g->v[i], EXIT_WIRE, v->why);
}

/* A child has ended: what is left of it counts. */
static void
slot_end(const struct group *g, struct slot *slots, const char *own, size_t at)
{
	const struct err killed = { EXIT_UNPROVEN,
		"the process that sent it was killed: it may have been "
		"delivered" };

	slots[at].state = STATE_DONE;
	if (!slots[at].told)
		deliver_refuse(&slots[at].verdict, &killed);
	slot_unreached(g, slots, own, at);
}

/* Wait for a child to end. */
static void
slot_wait(const struct group *g, struct slot *slots, const char *own)
{
	pid_t pid = waitpid(-1, NULL, 0);
	size_t i;

	if (pid < 0 && errno == EINTR)
		return;
	/* Where SIGCHLD is ignored, they have all ended when this fails. */
	for (i = 0; i < g->n; i++)
		if (slots[i].state == STATE_RUNS &&
		    (pid < 0 || slots[i].pid == pid))
			slot_end(g, slots, own, i);
}

static void
slot_tell(const struct slot *slot, const struct group_member *m,
    void (*each)(
	void *arg, const char *address, const struct send_result *result),
    void *arg)
{
	struct send_result r = { .found = slot->found,
		.renamed = slot->renamed,
		.verdict = slot->verdict };

	agent_init(&r.to);
	agent_text(&r.to.address, slot->address, ADDRESS_MAX);
	agent_text(&r.to.host, slot->host, HOST_MAX);
	agent_text(&r.to.target, slot->target, AGENT_LONG_MAX);
	memcpy(r.id, slot->id, sizeof(r.id));
	if (slot->dropped[0] != '\0')
		r.dropped = x_strdup(slot->dropped);
	each(arg, m->address, &r);
	send_result_free(&r);
}

/* One line, however many recipients. */
static void
slots_note(const struct slot *slots, size_t n, const struct send *s,
    const char *id, int64_t began)
{
	struct buf to = BUF_INIT;
	const char *dropped = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		if (slots[i].verdict.code != EXIT_OK &&
		    slots[i].verdict.code != EXIT_UNPROVEN)
			continue;
		if (slots[i].address[0] == '\0')
			continue;
		buf_addf(&to, "%s%s", to.len > 0 ? " " : "", slots[i].address);
		if (dropped == NULL && slots[i].dropped[0] != '\0')
			dropped = slots[i].dropped;
	}
	if (to.len > 0)
		send_note(s, id, began, to.data, dropped);
	buf_free(&to);
}

int
group_send(const struct group *g, const struct send *s, const char *id,
    void (*each)(
	void *arg, const char *address, const struct send_result *result),
    void *arg, struct err *e)
{
	const char *own = s->reg->home->host;
	/* An answer may come before the last of them is shown. */
	int64_t began = clock_real_ms();
	struct slot *slots;
	size_t i, told = 0;

	slots = mmap(NULL, g->n * sizeof(*slots), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		return err_set(e, EXIT_LOCAL, "memory for %zu recipients: %s",
		    g->n, strerror(errno));
	for (i = 0; i < g->n; i++)
		(void)snprintf(slots[i].id, sizeof(slots[i].id), "%.*s.%u",
		    AGENT_ID_LEN, id, (unsigned)(i + 1) % 10000U);
	/* What was printed so far must not be printed by children too. */
	(void)fflush(NULL);
	while (told < g->n) {
		for (i = told; i < g->n; i++)
			if (slots[i].state == STATE_WAITS &&
			    slot_room(g, slots, own, i))
				slot_start(&slots[i], s, &g->v[i]);
		for (; told < g->n && slots[told].state == STATE_DONE; told++)
			slot_tell(&slots[told], &g->v[told], each, arg);
		if (told == g->n)
			break;
		(void)fflush(NULL);
		slot_wait(g, slots, own);
	}
	slots_note(slots, g->n, s, id, began);
	(void)munmap(slots, g->n * sizeof(*slots));
	return 0;
}
