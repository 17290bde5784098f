/*
 * A thread has two halves: what came is in the mailbox, whole and with its
 * state, and what was sent is only a line of messages.h, which also says what
 * came in between.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "inbox.h"
#include "mem.h"
#include "messages.h"
#include "slice.h"
#include "str.h"

/* So many rows are looked through for the place of what came; else it stands
 * by its date, which is nearly the same. */
enum { THREAD_NEAR = 4096 };

/* What is to be shown of a row. */
struct shown {
	struct mailbox_entry entry;
	struct mail m;
	char *to; /* of one that was sent */
};

/* There may be as many as the log has lines: small. */
struct row {
	char ts[CLOCK_TEXT_MAX];
	char id[MAIL_ID_MAX + 1];
	bool sent;
	size_t order;        /* among those of one second */
	struct shown *shown; /* NULL: only its place counts */
};

struct thread {
	const struct inbox_view *view;
	struct argv own;             /* the agent's addresses */
	char first[MAIL_ID_MAX + 1]; /* of the thread; "": with view->about */
	struct row *v;
	size_t n, cap, order;
	size_t met; /* the row behind the last one that thread_put() found */
	/* While an id is looked for: what it means, and whether that is all. */
	char whole[MAIL_ID_MAX + 1];
	bool several;
};

static bool
thread_own(const struct thread *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->own.n; i++)
		if (str_eq(t->own.v[i], name))
			return true;
	return false;
}

/* Did the agent send it, and nobody who only says so? */
static bool
thread_sent(const struct thread *t, const struct message_line *l)
{
	return l->note[0] == '\0' && thread_own(t, l->from);
}

static bool
thread_came(const struct thread *t, const struct message_line *l)
{
	size_t i;

	for (i = 0; i < t->own.n; i++)
		if (messages_to(l, t->own.v[i]))
			return true;
	return false;
}

static bool
thread_has(const struct thread *t, const char *id, const char *thread,
    const char *reply_to)
{
	return messages_same(id, t->first) || messages_same(thread, t->first) ||
	    messages_same(reply_to, t->first);
}

static struct row *
thread_add(struct thread *t)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 16 : 2 * t->cap;
		t->v = x_realloc(t->v, t->cap, sizeof(*t->v));
	}
	memset(&t->v[t->n], 0, sizeof(*t->v));
	t->v[t->n].order = ++t->order;
	return &t->v[t->n++];
}

static struct shown *
thread_show(struct row *row)
{
	row->shown = x_calloc(1, sizeof(*row->shown));
	row->shown->m = (struct mail)MAIL_INIT;
	return row->shown;
}

/* The names that messages of and to the agent carry. */
static void
thread_names(struct thread *t, const struct home *h, const struct mailbox *b)
{
	struct slice_ahead own;
	struct mailbox_list last = { .v = NULL };
	const struct agent *a;
	struct mail m;
	size_t i, k;

	slice_read_ahead(&own, h);
	for (i = 0; i < own.slice.agents.n; i++) {
		a = &own.slice.agents.v[i];
		if (!str_eq(a->id, t->view->agent))
			continue;
		argv_add(&t->own, a->address);
		for (k = 0; k < a->aliases_n; k++)
			argv_add(&t->own, a->aliases[k].name);
	}
	slice_ahead_free(&own);
	/* One that is gone: as it was called last. */
	if (t->own.n == 0 && b->dir >= 0) {
		mailbox_newest(b, 1, &last);
		if (last.n > 0 && mailbox_read(b, &last.v[0], &m, NULL) == 0)
			argv_add(&t->own, m.to);
		if (last.n > 0)
			mail_free(&m);
		mailbox_list_free(&last);
	}
}

/* ---- what is meant ---- */

static int
thread_seek(void *arg, const struct message_line *l)
{
	struct thread *t = arg;

	if (!str_starts(l->id, t->view->about) ||
	    (!thread_sent(t, l) && !thread_came(t, l)))
		return 0;
	t->several = t->several ||
	    (t->whole[0] != '\0' && !messages_same(t->whole, l->id));
	(void)snprintf(t->whole, sizeof(t->whole), "%s", l->id);
	(void)snprintf(t->first, sizeof(t->first), "%s",
	    l->thread[0] != '\0'         ? l->thread
		: l->reply_to[0] != '\0' ? l->reply_to
					 : l->id);
	return 0;
}

/* The first message of the thread; "": all with an agent. */
static int
thread_mean(struct thread *t, const struct home *h, const struct mailbox *b,
    struct err *e)
{
	const char *about = t->view->about;
	struct mailbox_entry entry;
	struct mail m;
	int rc = -1;

	if (strchr(about, '-') != NULL || strchr(about, '@') != NULL)
		return 0;
	if (b->dir >= 0 && inbox_find(b, about, &entry, e) == 0) {
		rc = mailbox_read(b, &entry, &m, e);
		(void)snprintf(t->first, sizeof(t->first), "%s",
		    m.thread[0] != '\0'         ? m.thread
			: m.reply_to[0] != '\0' ? m.reply_to
						: m.id);
		mail_free(&m);
		return rc;
	}
	/* One that was sent, then. */
	if (strlen(about) >= MAILBOX_BEGIN_MIN)
		rc = messages_each(h, thread_seek, t, NULL);
	if (rc == 0 && t->first[0] != '\0' && !t->several)
		return 0;
	if (t->several || b->dir < 0)
		return err_set(e, EXIT_UNKNOWN,
		    t->several ? "%.40s: several messages begin so"
			       : "%.40s: no such message",
		    about);
	return -1;
}

/* ---- what belongs to it ---- */

/* Out of the log: what was sent, and where what came stands between that. */
static int
thread_line(void *arg, const struct message_line *l)
{
	struct thread *t = arg;
	bool sent = thread_sent(t, l), came = thread_came(t, l);
	struct shown *shown;
	struct row *row;

	if (t->first[0] != '\0' ? !(sent || came) ||
		    !thread_has(t, l->id, l->thread, l->reply_to)
				: !(sent && messages_to(l, t->view->about)) &&
		    !(came && str_eq(l->from, t->view->about)))
		return 0;
	if (sent && t->view->waiting)
		return 0;
	row = thread_add(t);
	memcpy(row->ts, l->ts, sizeof(row->ts));
	memcpy(row->id, l->id, sizeof(row->id));
	row->sent = sent;
	if (!sent)
		return 0;
	shown = thread_show(row);
	shown->to = x_strdup(l->to);
	memcpy(shown->m.id, l->id, sizeof(shown->m.id));
	memcpy(shown->m.from, l->from, sizeof(shown->m.from));
	memcpy(shown->m.reply_to, l->reply_to, sizeof(shown->m.reply_to));
	memcpy(shown->m.thread, l->thread, sizeof(shown->m.thread));
	shown->m.urgent = l->urgent;
	shown->m.question = l->question;
	buf_adds(&shown->m.body, l->body);
	return 0;
}

/* One of the mailbox, which is `m`'s new owner. Log and mailbox have one order,
 * so the row is mostly the next. */
static void
thread_put(
    struct thread *t, const struct mailbox_entry *entry, const struct mail *m)
{
	struct row *row = NULL;
	struct shown *shown;
	size_t i, at;

	for (i = 0; i < t->n && i < THREAD_NEAR && row == NULL; i++) {
		at = (t->met + i) % t->n;
		if (!t->v[at].sent && t->v[at].shown == NULL &&
		    messages_same(t->v[at].id, m->id)) {
			row = &t->v[at];
			t->met = at + 1;
		}
	}
	if (row == NULL) {
		row = thread_add(t);
		memcpy(row->id, m->id, sizeof(row->id));
		clock_text(row->ts, m->date);
	}
	shown = thread_show(row);
	shown->entry = *entry;
	shown->m = *m;
}

static void
thread_mailbox(struct thread *t, const struct mailbox *b, size_t *bad)
{
	struct mailbox_list list;
	struct mail m;
	size_t i;

	mailbox_newest(b, 0, &list);
	/* The oldest first, so that those of one second keep their order. */
	for (i = list.n; i > 0; i--) {
		if (!inbox_take(b, &list.v[i - 1], &m, bad))
			continue;
		if (inbox_wanted(t->view, t->first, &list.v[i - 1], &m))
			thread_put(t, &list.v[i - 1], &m);
		else
			mail_free(&m);
	}
	mailbox_list_free(&list);
}

static int
thread_compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int rc = strcmp(x->ts, y->ts);

	return rc != 0 ? rc : (x->order > y->order) - (x->order < y->order);
}

static void
thread_print(
    struct thread *t, const struct home *h, struct json *j, struct buf *out)
{
	const struct shown *shown;
	size_t i, n = 0, skip;

	if (t->n > 1)
		qsort(t->v, t->n, sizeof(*t->v), thread_compare);
	for (i = 0; i < t->n; i++)
		n += t->v[i].shown != NULL;
	skip = t->view->most > 0 && n > t->view->most ? n - t->view->most : 0;
	for (i = 0; i < t->n; i++) {
		shown = t->v[i].shown;
		if (shown == NULL || (skip > 0 && skip-- > 0))
			continue;
		if (t->v[i].sent)
			inbox_show_sent(
			    j, out, t->v[i].ts, shown->to, &shown->m);
		else
			inbox_show(h, j, out, &shown->entry, &shown->m);
	}
}

int
inbox_thread(const struct home *h, const struct mailbox *b,
    const struct inbox_view *view, struct json *j, struct buf *out, size_t *bad,
    struct err *e)
{
	struct thread t = { .view = view, .own = ARGV_INIT };
	size_t i;
	int rc;

	thread_names(&t, h, b);
	rc = thread_mean(&t, h, b, e);
	if (rc == 0) {
		if (view->json)
			json_array_begin(j);
		(void)messages_each(h, thread_line, &t, NULL);
		if (b->dir >= 0)
			thread_mailbox(&t, b, bad);
		thread_print(&t, h, view->json ? j : NULL, out);
		if (view->json)
			json_array_end(j);
	}
	for (i = 0; i < t.n; i++) {
		if (t.v[i].shown == NULL)
			continue;
		mail_free(&t.v[i].shown->m);
		x_free(t.v[i].shown->to);
		x_free(t.v[i].shown);
	}
	x_free(t.v);
	argv_free(&t.own);
	return rc;
}
