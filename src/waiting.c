#include "waiting.h"

#include <string.h>

#include "drain.h"
#include "json.h"
#include "mem.h"
#include "post.h"
#include "queue.h"
#include "str.h"
#include "wake.h"

/* ---- looking ---- */

struct waiting {
	struct mailbox_entry entry;
	struct mail m;
};

/* Read what waits, in the order in which it is shown; returns how many. */
static size_t
waiting_read(
    const struct mailbox *b, const struct mailbox_list *list, struct waiting *v)
{
	struct waiting one;
	size_t i, n = 0, at;

	for (i = 0; i < list->n; i++) {
		one.entry = list->v[i];
		if (mailbox_read(b, &one.entry, &one.m, NULL) != 0) {
			mail_free(&one.m);
			continue;
		}
		for (at = n; at > 0 && drain_before(&one.m, &v[at - 1].m); at--)
			v[at] = v[at - 1];
		v[at] = one;
		n++;
	}
	return n;
}

int
waiting_list(const struct home *h, const struct inbox_view *view,
    struct buf *out, struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_list list = { .v = NULL };
	struct json j = JSON_INIT(out);
	struct waiting *v = NULL;
	size_t i, n = 0;
	int rc;

	j.pretty = true;
	rc = mailbox_look(&b, h, view->agent, e);
	if (rc == 0)
		mailbox_queue(&b, &list);
	if (list.n > 0) {
		v = x_realloc(NULL, list.n, sizeof(*v));
		n = waiting_read(&b, &list, v);
	}
	if (rc >= 0 && view->json)
		json_array_begin(&j);
	for (i = 0; i < n; i++) {
		inbox_show(
		    h, view->json ? &j : NULL, out, &v[i].entry, &v[i].m);
		mail_free(&v[i].m);
	}
	if (rc >= 0 && view->json) {
		json_array_end(&j);
		buf_addc(out, '\n');
	}
	x_free(v);
	mailbox_list_free(&list);
	mailbox_close(&b);
	return rc < 0 ? -1 : buf_check(out, "list", e);
}

/* ---- changing ---- */

/* Find one that waits and that nobody has begun to show; the lock is held. */
static int
waiting_take(struct mailbox *b, const struct home *h, const char *id,
    struct mailbox_entry *entry, struct mail *m, struct err *e)
{
	if (inbox_find(b, id, entry, e) != 0)
		return -1;
	if (entry->state != MAILBOX_QUEUED)
		return err_set(e, EXIT_UNKNOWN,
		    "%.40s: waits no more: it is %s", id,
		    mailbox_word(entry->state));
	if (queue_begun(h, mailbox_id(entry)))
		return err_set(e, EXIT_UNKNOWN,
		    "%.40s: waits no more: it is being shown", id);
	return mailbox_read(b, entry, m, e);
}

/* Did `self` send it, from this host? */
static bool
waiting_own(
    const struct home *h, const struct mail *m, const struct sender *self)
{
	return str_eq(m->sender, self->self) && str_eq(m->from_host, h->host);
}

static int
waiting_delete_one(const struct registrar *reg, const char *agent,
    const struct sender *self, const char *id, struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_entry entry = { .in_new = false };
	struct mail m = MAIL_INIT;
	int rc;

	rc = inbox_open(&b, reg->home, agent, e);
	if (rc == 0)
		rc = waiting_take(&b, reg->home, id, &entry, &m, e);
	if (rc == 0) {
		queue_record(reg->home, m.id, EXIT_REFUSED, QUEUE_DELETED);
		rc = mailbox_set(&b, &entry, MAILBOX_DEAD, e);
	}
	mailbox_close(&b);
	if (rc == 0 && !waiting_own(reg->home, &m, self))
		drain_report(reg, &m, QUEUE_DELETED);
	mail_free(&m);
	return rc;
}

int
waiting_delete(const struct registrar *reg, const char *agent,
    const struct sender *self, const struct argv *ids, size_t *count,
    struct err *e)
{
	int rc = 0;
	size_t i;

	*count = 0;
	for (i = 0; i < ids->n && rc == 0; i++) {
		rc = waiting_delete_one(reg, agent, self, ids->v[i], e);
		*count += rc == 0;
	}
	return rc;
}

static int
waiting_check(const struct buf *body, struct err *e)
{
	if (body->len > MAIL_BODY_MAX)
		return err_set(e, EXIT_USAGE,
		    "body: larger than %d bytes; delete the message and send "
		    "another",
		    MAIL_BODY_MAX);
	return post_check(body->data, body->len, e);
}

int
waiting_edit(const struct registrar *reg, const char *agent,
    const struct sender *self, const char *id, const struct buf *body,
    struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_entry entry = { .in_new = false };
	struct mail m = MAIL_INIT;
	int rc;

	if (waiting_check(body, e) != 0)
		return -1;
	rc = inbox_open(&b, reg->home, agent, e);
	if (rc == 0)
		rc = waiting_take(&b, reg->home, id, &entry, &m, e);
	if (rc == 0 && !waiting_own(reg->home, &m, self))
		rc = err_set(e, EXIT_REFUSED,
		    "%.40s: is from %s, who alone may edit it", id, m.from);
	if (rc == 0) {
		buf_reset(&m.body);
		buf_add(&m.body, body->data, body->len);
		rc = mailbox_rewrite(&b, &entry, &m, e);
	}
	mail_free(&m);
	mailbox_close(&b);
	if (rc == 0)
		wake(reg->home, agent);
	return rc;
}

/* The others are first no more; the lock is held. */
static int
waiting_step_back(
    struct mailbox *b, const struct home *h, const char *but, struct err *e)
{
	struct mailbox_list list;
	struct mail m;
	size_t i;
	int rc = 0;

	mailbox_queue(b, &list);
	for (i = 0; i < list.n && rc == 0; i++) {
		if (mailbox_read(b, &list.v[i], &m, NULL) == 0 && m.first &&
		    !str_eq(m.id, but) && !queue_begun(h, m.id)) {
			m.first = false;
			rc = mailbox_rewrite(b, &list.v[i], &m, e);
		}
		mail_free(&m);
	}
	mailbox_list_free(&list);
	return rc;
}

int
waiting_first(const struct registrar *reg, const char *agent, const char *id,
    struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_entry entry = { .in_new = false };
	struct mail m = MAIL_INIT;
	int rc;

	rc = inbox_open(&b, reg->home, agent, e);
	if (rc == 0)
		rc = waiting_take(&b, reg->home, id, &entry, &m, e);
	if (rc == 0)
		rc = waiting_step_back(&b, reg->home, m.id, e);
	if (rc == 0 && !m.first) {
		m.first = true;
		rc = mailbox_rewrite(&b, &entry, &m, e);
	}
	mail_free(&m);
	mailbox_close(&b);
	if (rc == 0)
		wake(reg->home, agent);
	return rc;
}
