#include "ask.h"

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "clock.h"
#include "inbox.h"
#include "json.h"
#include "lock.h"
#include "lookup.h"
#include "mem.h"
#include "post.h"
#include "reply.h"
#include "str.h"

/* ---- asking ---- */

/* The question as the mailbox remembers it. */
static int
ask_mail(const struct send *s, const struct agent *self, const struct agent *to,
    struct mail *m, struct err *e)
{
	if (s->len > MAIL_BODY_MAX)
		return err_set(e, EXIT_USAGE,
		    "question: larger than %d bytes; send the rest with --file",
		    MAIL_BODY_MAX);
	m->date = clock_real_ms();
	m->expires = m->date + s->ttl_ms;
	m->question = true;
	(void)snprintf(m->id, sizeof(m->id), "%s", s->id);
	(void)snprintf(m->from, sizeof(m->from), "%s", self->address);
	(void)snprintf(m->from_host, sizeof(m->from_host), "%s", self->host);
	(void)snprintf(m->to, sizeof(m->to), "%s", to->address);
	(void)snprintf(m->to_host, sizeof(m->to_host), "%s", to->host);
	if (s->schema != NULL)
		(void)snprintf(m->schema, sizeof(m->schema), "%s", s->schema);
	buf_add(&m->body, s->body, s->len);
	return post_check(s->body, s->len, e);
}

/* Remember it in the mailbox of `self`, or forget it. */
static int
ask_keep(const struct home *h, const struct agent *self, const struct mail *m,
    bool keep, struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	int rc = mailbox_open(&b, h, self->id, self->address, e);

	if (rc == 0 && keep)
		rc = asked_put(&b, m, e);
	else if (rc == 0)
		asked_drop(&b, m->id);
	mailbox_close(&b);
	return rc;
}

enum exit_code
ask(const struct send *s, const char *address, struct send_result *result)
{
	struct send question = *s;
	struct mail m = MAIL_INIT;
	struct agent self, to;
	bool renamed;
	struct err e;
	int rc;

	question.question = true;
	if (question.ttl_ms == 0)
		question.ttl_ms = ASKED_TTL_MS;
	rc = reply_owner(s->reg, &s->sender, &self, &e);
	if (rc == 0)
		rc = lookup(s->reg, address, &to, &renamed, &e);
	else
		agent_init(&to);
	if (rc == 0)
		rc = ask_mail(&question, &self, &to, &m, &e);
	if (rc == 0)
		rc = ask_keep(s->reg->home, &self, &m, true, &e);
	if (rc == 0) {
		(void)send_message(&question, address, result);
		/* Where it may have arrived an answer may come. */
		if (result->verdict.code != EXIT_OK &&
		    result->verdict.code != EXIT_UNPROVEN)
			(void)ask_keep(s->reg->home, &self, &m, false, NULL);
	} else {
		memset(result, 0, sizeof(*result));
		agent_init(&result->to);
		deliver_refuse(&result->verdict, &e);
	}
	mail_free(&m);
	agent_free(&self);
	agent_free(&to);
	return result->verdict.code;
}

/* ---- the answer ---- */

/* Watch for what comes to asked/. */
static int
ask_watch(const struct mailbox *b, int *watch, struct err *e)
{
	char *path = x_asprintf("/proc/self/fd/%d/asked", b->dir);
	int rc = 0;

	*watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (*watch < 0 ||
	    inotify_add_watch(*watch, path, IN_CREATE | IN_MOVED_TO) < 0)
		rc = err_set(e, EXIT_LOCAL,
		    "%s/asked: cannot be watched; too many programs use "
		    "inotify: see fs.inotify.max_user_instances",
		    b->path);
	x_free(path);
	return rc;
}

/* Sleep until something comes, the question expires, or `until`. */
static void
ask_sleep(int watch, const struct asked *a, int64_t until)
{
	struct pollfd pfd = { .fd = watch, .events = POLLIN };
	int64_t left = clock_left(until);
	int64_t alive = a->question.expires - clock_real_ms();
	char events[4096];

	left = alive < left ? alive + 1 : left;
	left = left < 0 ? 0 : left > INT_MAX ? INT_MAX : left;
	if (poll(&pfd, 1, (int)left) > 0)
		(void)!read(watch, events, sizeof(events));
}

/* Look for the answer, and wait for it where that is wanted. */
static int
ask_wait(const struct mailbox *b, const struct ask_view *view, struct asked *a,
    struct err *e)
{
	int64_t until = clock_deadline(view->patience_ms);
	char id[MAIL_ID_MAX + 1];
	int watch = -1, lock = -1, rc;

	rc = asked_find(b, view->id, a, e);
	if (rc != 0 || a->state != ASKED_OPEN || !view->wait)
		return rc;
	memcpy(id, a->question.id, sizeof(id));
	/* First the lock, so that what comes from now on is kept for us; then
	 * the watch; then a look, for what came before. */
	rc = asked_await(b, id, &lock, e);
	if (rc == 0)
		rc = ask_watch(b, &watch, e);
	while (rc == 0) {
		asked_free(a);
		rc = asked_find(b, id, a, e);
		if (rc != 0 || a->state != ASKED_OPEN || clock_left(until) == 0)
			break;
		ask_sleep(watch, a, until);
	}
	if (watch >= 0)
		(void)close(watch);
	lock_drop(&lock);
	return rc;
}

/* The message that answers; it counts as read. */
static int
ask_take(struct mailbox *b, const struct home *h, const struct asked *a,
    struct mailbox_entry *entry, struct mail *m, struct err *e)
{
	int rc = mailbox_lock(b, e);

	if (rc == 0 && mailbox_find(b, a->answer, entry) != 0)
		rc = err_set(e, EXIT_UNKNOWN,
		    "%s: its answer, %s, is in the mailbox no more",
		    a->question.id, a->answer);
	if (rc == 0)
		rc = mailbox_read(b, entry, m, e);
	if (rc == 0)
		rc = inbox_done(b, h, entry, e);
	mailbox_unlock(b);
	return rc;
}

static void
ask_text(struct json *j, const char *key, const char *text)
{
	json_key(j, key);
	json_text(j, text);
}

static void
ask_json(struct buf *out, const struct asked *a,
    const struct mailbox_entry *entry, const struct mail *answer,
    const char *file)
{
	struct json j = JSON_INIT(out);
	char when[CLOCK_TEXT_MAX];

	j.pretty = true;
	json_object_begin(&j);
	ask_text(&j, "id", a->question.id);
	ask_text(&j, "state", asked_word(a->state));
	ask_text(&j, "to", a->question.to);
	clock_text(when, a->question.date);
	ask_text(&j, "date", when);
	clock_text(when, a->question.expires);
	ask_text(&j, "expires", when);
	json_key(&j, "answer");
	if (answer == NULL)
		json_null(&j);
	else
		inbox_json(&j, entry, answer, file);
	json_object_end(&j);
	buf_addc(out, '\n');
}

/* Why there is no answer. */
static int
ask_missing(const struct asked *a, const struct ask_view *view,
    const struct mail *report, struct err *e)
{
	const struct mail *q = &a->question;
	char when[CLOCK_TEXT_MAX];
	struct buf brief = BUF_INIT;

	clock_text(when, q->expires);
	if (a->state == ASKED_OPEN)
		return err_set(e, EXIT_TIMEOUT,
		    "%s: no answer from %s yet; it may come until %s", q->id,
		    q->to, when);
	if (a->state == ASKED_EXPIRED)
		return err_set(e, EXIT_REFUSED,
		    "%s: expired at %s without an answer from %s", q->id, when,
		    q->to);
	mail_brief(&brief, report->body.data, report->body.len,
	    view->json ? INBOX_SUBJECT : 4 * INBOX_SUBJECT);
	(void)err_set(
	    e, EXIT_REFUSED, "%s: will not be answered: %s", q->id, brief.data);
	buf_free(&brief);
	return -1;
}

int
ask_answer(const struct home *h, const struct ask_view *view, struct buf *out,
    struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_entry entry = { .in_new = false };
	struct asked a = ASKED_INIT;
	struct mail m = MAIL_INIT;
	char *file = NULL;
	bool came;
	int rc;

	rc = mailbox_look(&b, h, view->agent, e);
	if (rc == 1)
		rc = err_set(e, EXIT_UNKNOWN,
		    "%.40s: no such question: nothing was asked here",
		    view->id);
	if (rc == 0)
		rc = ask_wait(&b, view, &a, e);
	came = a.state == ASKED_ANSWERED || a.state == ASKED_FAILED;
	if (rc == 0 && came)
		rc = ask_take(&b, h, &a, &entry, &m, e);
	if (rc == 0 && came)
		rc = inbox_whole(h, &m, &file, e);
	if (rc == 0 && view->json)
		ask_json(out, &a, &entry, came ? &m : NULL, file);
	if (rc == 0 && a.state != ASKED_ANSWERED)
		rc = ask_missing(&a, view, &m, e);
	else if (rc == 0 && !view->json) {
		body_plain(out, m.body.data, m.body.len, true);
		buf_addc(out, '\n');
	}
	x_free(file);
	mail_free(&m);
	asked_free(&a);
	mailbox_close(&b);
	return rc;
}
