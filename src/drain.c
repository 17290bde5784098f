#include "drain.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "clock.h"
#include "fetch.h"
#include "file.h"
#include "lock.h"
#include "lookup.h"
#include "mailbox.h"
#include "mem.h"
#include "outbox.h"
#include "queue.h"
#include "send.h"
#include "slice.h"
#include "str.h"
#include "wake.h"

enum { DRAIN_BRIEF = 60 }; /* columns of a message in a report */

/* One process at one mailbox. */
struct drain {
	const struct registrar *reg;
	const char *id;
	struct mailbox box;
	struct agent to;
	struct mailbox_entry chosen; /* what is to be shown */
	uint64_t stamp;              /* of its text */
	int64_t ends;                /* its time, real ms; 0: never */
	int watch;                   /* inotify on queue/; -1: none */
	int64_t until;               /* monotonic */
	bool ended;                  /* one came to its end */
};

/* What a round came to. */
enum round {
	ROUND_NEXT,  /* one less waits */
	ROUND_AGAIN, /* it waits still */
	ROUND_EMPTY, /* nothing waits */
	ROUND_OVER,  /* nothing can be done now */
};

/* The agent with this id in our slice: 0; 1 if there is none. */
static int
drain_agent(const struct home *h, const char *id, struct agent *to)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice slice = SLICE_INIT;
	const struct agent *a, *best = NULL;
	size_t i;

	agent_init(to);
	if (file_read_ours(h->local, &text, NULL) == FILE_READ &&
	    slice_parse(&slice, h->local, text.data, text.len, NULL) == 0)
		for (i = 0; i < slice.agents.n && best == NULL; i++) {
			a = &slice.agents.v[i];
			if (str_eq(a->id, id))
				best = a;
		}
	if (best != NULL) {
		agent_free(to);
		agent_copy(to, best);
	}
	slice_free(&slice);
	buf_free(&text);
	return best == NULL;
}

/* ---- reports ---- */

void
drain_report(const struct registrar *reg, const struct mail *m,
    const char *word, const char *why)
{
	struct buf body = BUF_INIT;
	struct send_result result;
	struct ship ship;
	struct send s = { .reg = reg, .ship = &ship, .queue = true };

	/* Only an agent has one, and a report is answered by none. */
	if (!mail_answerable(m->from, m->note))
		return;
	(void)snprintf(s.sender.name, sizeof(s.sender.name), "panemesh@%s",
	    reg->home->host);
	(void)snprintf(
	    s.sender.self, sizeof(s.sender.self), "%s", s.sender.name);
	s.sender.note = "no reply";
	buf_addf(&body, "your message %s to %s was %s%s%s: ", m->id, m->to,
	    str_eq(word, "indeterminate") ? "not seen shown" : word,
	    why[0] == '\0' ? "" : ", ", why);
	mail_brief(&body, m->body.data, m->body.len, DRAIN_BRIEF);
	/* Whoever waits for the answer waits in vain. */
	if (m->question && !str_eq(word, "indeterminate")) {
		s.reply_to = s.thread = m->id;
		s.hops = m->hops + 1;
	}
	s.body = body.data;
	s.len = body.len;
	ship_open(&ship, reg->home);
	(void)send_message(&s, m->from, &result);
	send_result_free(&result);
	ship_close(&ship);
	buf_free(&body);
}

/* A message that its host did not fetch in time. */
static void
drain_unfetched(void *arg, const struct mail *m)
{
	drain_report(arg, m, "expired", "before its host fetched it");
}

void
drain_outboxes(const struct registrar *reg)
{
	struct registrar own = *reg;

	outbox_sweep(reg->home, clock_real_ms(), drain_unfetched, &own);
}

/* The end of a message that was not shown. */
static enum round
drain_bury(struct drain *d, struct mailbox_entry *entry, const struct mail *m,
    enum exit_code code, const char *word, const char *why)
{
	int rc;

	if (mailbox_lock(&d->box, NULL) != 0)
		return ROUND_OVER;
	/* A person may have read it meanwhile. */
	rc = mailbox_find(&d->box, m->id, entry);
	if (rc == 0 && entry->state == MAILBOX_QUEUED) {
		queue_record(d->reg->home, m->id, code, word, why);
		rc = mailbox_set(&d->box, entry, MAILBOX_DEAD, NULL);
		if (rc == 0)
			rc = 2;
	}
	mailbox_unlock(&d->box);
	if (rc == 2)
		drain_report(d->reg, m, word, why);
	return rc < 0 ? ROUND_OVER : ROUND_NEXT;
}

/* Those that another program took away, or damaged, while they waited. */
static void
drain_lost(struct drain *d)
{
	enum mailbox_loss loss;
	struct mail m;

	do {
		if (mailbox_lock(&d->box, NULL) != 0)
			return;
		loss = mailbox_lost(&d->box, &m);
		if (loss != MAILBOX_LOSS_NONE &&
		    (m.id[0] == '\0' || queue_begun(d->reg->home, m.id)))
			m.from[0] = '\0';
		else if (loss == MAILBOX_LOSS_TAKEN)
			queue_record(
			    d->reg->home, m.id, EXIT_REFUSED, QUEUE_TAKEN);
		else if (loss == MAILBOX_LOSS_DAMAGED)
			queue_record(
			    d->reg->home, m.id, EXIT_LOCAL, QUEUE_DAMAGED);
		mailbox_unlock(&d->box);
		if (loss == MAILBOX_LOSS_TAKEN && m.from[0] != '\0')
			drain_report(d->reg, &m, QUEUE_TAKEN);
		else if (loss == MAILBOX_LOSS_DAMAGED && m.from[0] != '\0')
			drain_report(d->reg, &m, QUEUE_DAMAGED);
		d->ended = d->ended || loss != MAILBOX_LOSS_NONE;
		mail_free(&m);
	} while (loss != MAILBOX_LOSS_NONE);
}

/* ---- one round ---- */

/* Is it still there as it was chosen? */
static bool
drain_there(const struct drain *d)
{
	struct mailbox_entry now;

	return mailbox_find(&d->box, mailbox_id(&d->chosen), &now) == 0 &&
	    now.state == MAILBOX_QUEUED &&
	    mailbox_stamp(&d->box, &now) == d->stamp;
}

/* Wait for a change in the mailbox. */
static bool
drain_nap(void *arg, int64_t ms)
{
	struct drain *d = arg;
	struct pollfd pfd = { .fd = d->watch, .events = POLLIN };

	(void)ms;
	if (clock_left(d->until) < DRAIN_NAP_MS)
		return false;
	/* Other programs do not touch what is watched. */
	return poll(&pfd, 1, DRAIN_NAP_MS) <= 0 && drain_there(d);
}

/* Forget what was seen of it so far. */
static void
drain_calm(const struct drain *d)
{
	struct pollfd pfd = { .fd = d->watch, .events = POLLIN };
	char events[4096];

	while (
	    poll(&pfd, 1, 0) > 0 && read(d->watch, events, sizeof(events)) > 0)
		continue;
}

bool
drain_before(const struct mail *a, const struct mail *b)
{
	if (a->urgent != b->urgent)
		return a->urgent;
	return a->first && !b->first;
}

/*
 * What is next, with the lock: one that has expired, else what is to be shown.
 * *soonest is when one will (real ms; 0: never). False: nothing waits.
 */
static bool
drain_pick(struct drain *d, struct mailbox_entry *entry, struct mail *m,
    int64_t *soonest)
{
	int64_t now = clock_real_ms();
	bool found = false, expired = false;
	struct mailbox_list list;
	struct mail each;
	size_t i;

	*soonest = 0;
	mailbox_queue(&d->box, &list);
	for (i = 0; i < list.n && !expired; i++) {
		if (mailbox_read(&d->box, &list.v[i], &each, NULL) == 0) {
			if (each.expires > 0 &&
			    (*soonest == 0 || each.expires < *soonest))
				*soonest = each.expires;
			expired = mail_over(&each, now);
			if (!found || expired || drain_before(&each, m)) {
				mail_free(m);
				*m = each;
				*entry = list.v[i];
				found = true;
				continue;
			}
		}
		mail_free(&each);
	}
	mailbox_list_free(&list);
	return found;
}

/*
 * Choose it. 1: nothing waits; -1: not now. The lock is held here, so that a
 * file that is no message is put aside.
 */
static int
drain_choose(struct drain *d, struct mailbox_entry *entry, struct mail *m,
    int64_t *soonest)
{
	bool found;

	if (mailbox_lock(&d->box, NULL) != 0)
		return -1;
	found = drain_pick(d, entry, m, soonest);
	d->chosen = *entry;
	d->ends = m->expires;
	d->stamp = found ? mailbox_stamp(&d->box, entry) : 0;
	if (!found)
		(void)mailbox_idle(&d->box);
	mailbox_unlock(&d->box);
	return found ? 0 : 1;
}

/* Has one come since that goes before it? With the lock. */
static bool
drain_overtaken(struct drain *d)
{
	struct pollfd pfd = { .fd = d->watch, .events = POLLIN };
	struct mailbox_entry entry = { .in_new = false };
	struct mail m = MAIL_INIT;
	int64_t soonest;
	bool other;

	if (poll(&pfd, 1, 0) <= 0)
		return false;
	other = drain_pick(d, &entry, &m, &soonest) &&
	    !str_eq(mailbox_id(&entry), mailbox_id(&d->chosen));
	mail_free(&m);
	return other;
}

/* It is about to be shown. Whoever would edit or delete it does so under the
 * mailbox's lock, and either comes before this or finds it begun. */
static bool
drain_begin(void *arg, bool recorded)
{
	struct drain *d = arg;

	if (!recorded && mailbox_lock(&d->box, NULL) != 0)
		return false;
	/* Whoever looks is told that it expired. */
	if (!recorded && (d->ends == 0 || d->ends > clock_real_ms()) &&
	    drain_there(d) && !drain_overtaken(d))
		return true;
	mailbox_unlock(&d->box);
	return recorded;
}

/* Deliver what was chosen. */
static void
drain_deliver(struct drain *d, const struct mail *m, int64_t soonest,
    struct deliver_verdict *v)
{
	int64_t wait = clock_left(d->until);
	const struct post p = {
		.reg = d->reg,
		.id = m->id,
		.sender = m->from,
		.host = m->from_host,
		/* What was handed on is nobody's. */
		.verified = { .name = m->sender,
		    .host = m->path[0] == '\0' ? m->from_host : NULL },
		.path = m->path[0] == '\0' ? NULL : m->path,
		.note = m->note[0] == '\0' ? NULL : m->note,
		.folder = m->folder[0] == '\0' ? m->from : m->folder,
		.body = m->body.data,
		.len = m->body.len,
		.repeat = true,
		.reply_to = m->reply_to[0] == '\0' ? NULL : m->reply_to,
		.thread = m->thread,
		.chain = m->chain,
		.hops = m->hops,
		.question = m->question,
		.schema = m->schema[0] == '\0' ? NULL : m->schema,
		.nap = drain_nap,
		.nap_arg = d,
		.begin = drain_begin,
		.begin_arg = d,
		.queue = true,
		.type = m->type,
		.urgent = m->urgent,
		.wait_ms = soonest > 0 && soonest - clock_real_ms() < wait
		    ? soonest - clock_real_ms()
		    : wait,
	};

	(void)post(&p, &d->to, v);
}

/* It was not shown: did a person read or delete it meanwhile? Then that is its
 * end, and not that we gave up. */
static void
drain_confirm(const struct drain *d, const char *id)
{
	struct mailbox_entry entry;

	if (mailbox_find(&d->box, id, &entry) != 0)
		return;
	if (entry.state == MAILBOX_SHOWN || entry.state == MAILBOX_ANSWERED)
		queue_record(d->reg->home, id, EXIT_OK, QUEUE_READ);
	else if (entry.state == MAILBOX_DEAD &&
	    mailbox_loss(&d->box, id) == MAILBOX_LOSS_NONE)
		queue_record(d->reg->home, id, EXIT_REFUSED, QUEUE_DELETED);
}

/* Write down what became of it. */
static enum round
drain_settle(struct drain *d, struct mailbox_entry *entry, const struct mail *m,
    const struct deliver_verdict *v)
{
	enum mailbox_state state = MAILBOX_SHOWN;
	int rc;

	if (v->code == EXIT_USAGE || v->code == EXIT_REFUSED)
		return drain_bury(d, entry, m, v->code,
		    v->code == EXIT_USAGE ? "failed" : "refused", v->why);
	if (v->code == EXIT_NOT_READY || v->code == EXIT_TIMEOUT) {
		drain_confirm(d, m->id);
		return ROUND_AGAIN;
	}
	if (v->code == EXIT_UNPROVEN)
		state = MAILBOX_UNPROVEN;
	else if (v->code != EXIT_OK)
		return ROUND_OVER;
	/* A person may have read it meanwhile. */
	if (mailbox_lock(&d->box, NULL) != 0)
		return ROUND_OVER;
	rc = mailbox_find(&d->box, m->id, entry);
	if (rc == 0 && entry->state == MAILBOX_QUEUED)
		rc = mailbox_set(&d->box, entry, state, NULL);
	mailbox_unlock(&d->box);
	if (v->code == EXIT_UNPROVEN)
		drain_report(d->reg, m, "indeterminate", v->why);
	return rc < 0 ? ROUND_OVER : ROUND_NEXT;
}

/* Its agent is gone: whoever has the address now takes the mailbox over. */
static enum round
drain_hand_on(struct drain *d, const struct mail *m)
{
	struct mailbox b = MAILBOX_INIT;
	struct agent heir;
	bool renamed;

	if (lookup(d->reg, m->to, &heir, &renamed, NULL) == 0 &&
	    str_eq(heir.host, d->reg->home->host) && !str_eq(heir.id, d->id) &&
	    mailbox_open(&b, d->reg->home, heir.id, heir.address, NULL) == 0) {
		mailbox_unlock(&b);
		if (mailbox_waits(&b))
			wake(d->reg->home, heir.id);
	}
	mailbox_close(&b);
	agent_free(&heir);
	return ROUND_OVER;
}

static enum round
drain_round(struct drain *d)
{
	struct mailbox_entry entry = { .in_new = false };
	struct mail m = MAIL_INIT;
	struct deliver_verdict v;
	enum round round;
	int64_t soonest;

	drain_calm(d);
	drain_lost(d);
	switch (drain_choose(d, &entry, &m, &soonest)) {
	case 0:
		break;
	case 1:
		return ROUND_EMPTY;
	default:
		return ROUND_OVER;
	}
	agent_free(&d->to);
	if (mail_over(&m, clock_real_ms())) {
		agent_init(&d->to);
		round = drain_bury(
		    d, &entry, &m, EXIT_TIMEOUT, "expired", QUEUE_LATE);
	} else if (drain_agent(d->reg->home, d->id, &d->to) != 0) {
		round = drain_hand_on(d, &m);
	} else {
		drain_deliver(d, &m, soonest, &v);
		round = drain_settle(d, &entry, &m, &v);
	}
	mail_free(&m);
	return round;
}

/* ---- all ---- */

static int
drain_open(struct drain *d, struct err *e)
{
	char *path;
	int rc = mailbox_look(&d->box, d->reg->home, d->id, e);

	if (rc != 0)
		return rc;
	path = x_asprintf("%s/queue", d->box.path);
	d->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	/* Without it a change is seen when the wait is over. */
	(void)inotify_add_watch(
	    d->watch, path, IN_CREATE | IN_DELETE | IN_ATTRIB);
	x_free(path);
	return 0;
}

int
drain(const struct registrar *reg, const char *id, int64_t patience_ms,
    struct err *e)
{
	struct drain d = { .reg = reg,
		.id = id,
		.box = MAILBOX_INIT,
		.watch = -1,
		.until = clock_deadline(patience_ms) };
	enum round round = ROUND_OVER;
	int fd = -1, rc;

	agent_init(&d.to);
	rc = drain_open(&d, e);
	/* What came while we ended found the lock taken: look once more. */
	while (rc == 0) {
		rc = wake_claim(reg->home, id, &fd, e);
		if (rc != 0)
			break;
		do {
			round = drain_round(&d);
			d.ended = d.ended || round == ROUND_NEXT;
		} while (round == ROUND_NEXT ||
		    (round == ROUND_AGAIN && clock_left(d.until) > 0));
		lock_drop(&fd);
		if (round != ROUND_EMPTY || !mailbox_waits(&d.box))
			break;
	}
	if (d.watch >= 0)
		(void)close(d.watch);
	mailbox_close(&d.box);
	agent_free(&d.to);
	/* What was fetched from a host that cannot dial us: it hears of it. Not
	 * of what could not be told before: a sync wakes us again. */
	if (d.ended && fetch_owes(reg->home))
		register_bell(reg->home);
	if (rc < 0)
		return -1;
	return rc == 0 && round == ROUND_AGAIN ? EXIT_TIMEOUT : EXIT_OK;
}
