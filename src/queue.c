#include "queue.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "asked.h"
#include "clock.h"
#include "drop.h"
#include "feed.h"
#include "mailbox.h"
#include "mem.h"
#include "messages.h"
#include "path.h"
#include "ring.h"
#include "str.h"
#include "wake.h"

#define QUEUE_DAY_MS (24LL * 3600 * 1000)

enum {
	QUEUE_FOLLOW_MS = 5000, /* for another process with the same message */
	QUEUE_NAP_MS = 20,
};

static enum exit_code
queue_verdict(struct deliver_verdict *v, enum exit_code code, const char *word,
    const char *why)
{
	memset(v, 0, sizeof(*v));
	v->code = code;
	v->word = word;
	(void)snprintf(v->why, sizeof(v->why), "%s", why);
	return code;
}

/* ---- what became of one ---- */

const char *
queue_word(const char *word)
{
	static const char *const words[] = { "submitted", "shown", "read",
		"answered", "unsubmitted", "indeterminate", "expired",
		"deleted", "failed", "refused" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(word, words[i]))
			return words[i];
	return NULL;
}

bool
queue_proven(const char *word)
{
	return str_eq(word, "submitted") || str_eq(word, "shown") ||
	    str_eq(word, "read") || str_eq(word, "answered");
}

void
queue_record(const struct home *h, const char *id, enum exit_code code,
    const char *word, const char *why)
{
	struct ring_entry entry = { .code = code };
	char *ring = path_join(h->run, "verdicts");

	(void)snprintf(entry.verdict, sizeof(entry.verdict), "%s", word);
	(void)snprintf(entry.text, sizeof(entry.text), "%s", why);
	(void)ring_put(ring, id, &entry, NULL);
	x_free(ring);
}

bool
queue_begun(const struct home *h, const char *id)
{
	static const char *const words[] = { RING_STARTED, "submitted", "shown",
		"unsubmitted", "indeterminate" };
	char *ring = path_join(h->run, "verdicts");
	struct ring_entry entry;
	bool begun = false;
	size_t i;

	if (ring_get(ring, id, &entry, NULL) == 0)
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			begun = begun || str_eq(entry.verdict, words[i]);
	x_free(ring);
	return begun;
}

/* The end of `id` as the ring has it. */
static bool
queue_recall(const struct home *h, const char *id, struct deliver_verdict *v)
{
	char *ring = path_join(h->run, "verdicts");
	struct ring_entry entry;
	const char *word = NULL;

	if (ring_get(ring, id, &entry, NULL) == 0)
		word = queue_word(entry.verdict);
	if (word != NULL)
		(void)queue_verdict(v, entry.code, word, entry.text);
	x_free(ring);
	return word != NULL;
}

/* Of one that waits: is its time over, without that anybody saw to it yet? */
static bool
queue_over(const struct home *h, const struct mailbox *b,
    const struct mailbox_entry *entry)
{
	struct mail m;
	bool over;

	over = mailbox_read(b, entry, &m, NULL) == 0 &&
	    mail_over(&m, clock_real_ms()) && !queue_begun(h, m.id);
	mail_free(&m);
	return over;
}

/* What a mailbox says of a message; the ring may know more of its end. */
static void
queue_tell(const struct home *h, const struct mailbox *b,
    const struct mailbox_entry *entry, struct deliver_verdict *v)
{
	const char *id = mailbox_id(entry);

	switch (entry->state) {
	case MAILBOX_QUEUED:
		if (queue_over(h, b, entry))
			(void)queue_verdict(
			    v, EXIT_TIMEOUT, "expired", QUEUE_LATE);
		else
			(void)queue_verdict(v, EXIT_OK, "queued", id);
		break;
	case MAILBOX_UNREAD:
		if (!queue_recall(h, id, v))
			(void)queue_verdict(v, EXIT_OK, "queued", id);
		break;
	case MAILBOX_ANSWERED:
		(void)queue_verdict(
		    v, EXIT_OK, "answered", "as its mailbox says");
		break;
	case MAILBOX_SHOWN:
		if (!queue_recall(h, id, v) || v->code != EXIT_OK)
			(void)queue_verdict(
			    v, EXIT_OK, "shown", "as its mailbox says");
		break;
	case MAILBOX_UNPROVEN:
		if (!queue_recall(h, id, v) || v->code != EXIT_UNPROVEN)
			(void)queue_verdict(v, EXIT_UNPROVEN, "indeterminate",
			    "it may have been shown");
		break;
	case MAILBOX_DEAD:
		/* Not that it was not ready when that happened. */
		if (!queue_recall(h, id, v) || v->code == EXIT_OK ||
		    (str_eq(v->word, "refused") && v->code != EXIT_REFUSED))
			(void)queue_verdict(
			    v, EXIT_REFUSED, "deleted", "it was not shown");
		break;
	}
}

/* It was taken away, and its sender is not told yet. */
static void
queue_tell_loss(enum mailbox_loss loss, struct deliver_verdict *v)
{
	if (loss == MAILBOX_LOSS_DAMAGED)
		(void)queue_verdict(v, EXIT_LOCAL, QUEUE_DAMAGED);
	else
		(void)queue_verdict(v, EXIT_REFUSED, QUEUE_TAKEN);
}

/* Is it in this mailbox? */
static bool
queue_known(const struct home *h, const char *agent, const char *id,
    struct deliver_verdict *v)
{
	enum mailbox_loss loss = MAILBOX_LOSS_NONE;
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_entry entry;
	bool known = false;

	if (mailbox_look(&b, h, agent, NULL) == 0) {
		loss = mailbox_loss(&b, id);
		known = mailbox_find(&b, id, &entry) == 0 ||
		    mailbox_gone(&b, id, &entry) == 0;
	}
	if (loss != MAILBOX_LOSS_NONE && !queue_begun(h, id)) {
		queue_tell_loss(loss, v);
		known = true;
	} else if (known) {
		queue_tell(h, &b, &entry, v);
	}
	mailbox_close(&b);
	return known;
}

/* Is it a question of this mailbox, of which the end is known? */
static bool
queue_told(const struct home *h, const char *agent, const char *id,
    struct deliver_verdict *v)
{
	struct mailbox b = MAILBOX_INIT;
	bool told;

	told = mailbox_look(&b, h, agent, NULL) == 0 && asked_tell(&b, id, v);
	mailbox_close(&b);
	return told;
}

/* Is it in any mailbox? */
static bool
queue_anywhere(const struct home *h, const char *id, struct deliver_verdict *v)
{
	char *mail = path_join(h->dir, "mail");
	struct dirent *found;
	DIR *dir = opendir(mail);
	bool known = false, told = false;

	/* Of a question, who asked knows more than who was asked. */
	while (dir != NULL && !told && (found = readdir(dir)) != NULL) {
		if (!agent_id_ok(found->d_name))
			continue;
		told = queue_told(h, found->d_name, id, v);
		known = told || known || queue_known(h, found->d_name, id, v);
	}
	if (dir != NULL)
		(void)closedir(dir);
	x_free(mail);
	return known;
}

int
queue_status(const struct home *h, const char *id, struct deliver_verdict *v,
    struct err *e)
{
	if (queue_anywhere(h, id, v) ||
	    (ring_id_ok(id) && queue_recall(h, id, v)))
		return 0;
	return err_set(
	    e, EXIT_UNKNOWN, "%.40s: no message with this id is known", id);
}

/* ---- keeping one ---- */

enum ahead { AHEAD_NONE, AHEAD_OTHERS, AHEAD_OWN };

/* Who waits there already? */
static enum ahead
queue_ahead(const struct post *p, const struct agent *to, size_t *own)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_list list = { .v = NULL };
	enum ahead ahead;
	struct mail m;
	size_t i;

	*own = 0;
	if (mailbox_look(&b, p->reg->home, to->id, NULL) == 0 &&
	    mailbox_waits(&b))
		mailbox_queue(&b, &list);
	for (i = 0; i < list.n; i++) {
		if (mailbox_read(&b, &list.v[i], &m, NULL) == 0 &&
		    !mail_over(&m, clock_real_ms()) &&
		    str_eq(m.from, p->sender))
			++*own;
		mail_free(&m);
	}
	ahead = *own > 0 ? AHEAD_OWN : list.n > 0 ? AHEAD_OTHERS : AHEAD_NONE;
	mailbox_list_free(&list);
	mailbox_close(&b);
	return ahead;
}

/* Is it left to us to keep it? An id that came over a link may be in several
 * hands: who says so first has it. */
static bool
queue_claim(const struct post *p)
{
	static const struct ring_entry mine = { .code = EXIT_OK,
		.verdict = "queued" };
	char *ring = path_join(p->reg->home->run, "verdicts");
	struct ring_entry old, theirs;
	bool claimed = true;

	if (p->repeat && ring_get(ring, p->id, &old, NULL) == 0)
		claimed = str_eq(old.verdict, "refused") &&
		    ring_claim(ring, p->id, &old, &mine, &theirs, NULL) != 0;
	x_free(ring);
	return claimed;
}

/* The message as it is kept; *file is what holds a body that is too long. */
static int
queue_mail(const struct post *p, const struct agent *to, struct mail *m,
    char **file, struct err *e)
{
	char *name, *shown;

	post_mail(m, p, to);
	if (m->expires == 0)
		m->expires = m->date + QUEUE_DAYS * QUEUE_DAY_MS;
	if (p->len <= MAIL_BODY_MAX)
		return 0;
	name = x_asprintf("message-%s.txt", p->id);
	(void)drop_bytes(p->reg->home->inbox, p->folder, name, p->body, p->len,
	    p->reg->config->inbox_max, file, e);
	x_free(name);
	if (*file == NULL)
		return -1;
	shown = path_show(*file);
	buf_addf(&m->body, POST_TOO_LONG "%s (%zu bytes)", shown, p->len);
	x_free(shown);
	return 0;
}

/* Keep it in the mailbox, and beside the question that it answers: both or
 * neither. 1: it is there already. */
static int
queue_keep(struct mailbox *b, const struct mail *m, enum mailbox_state state,
    struct err *e)
{
	struct mailbox_entry entry;
	int rc = asked_reserve(b, m, e);

	if (rc == 0)
		rc = mailbox_add(b, m, state, e);
	if (rc == 0 && asked_settle(b, m, e) != 0) {
		rc = -1;
		if (mailbox_find(b, m->id, &entry) == 0)
			(void)mailbox_remove(b, &entry, NULL);
	}
	return rc;
}

/* Keep it: MAILBOX_QUEUED, or MAILBOX_UNREAD for what somebody awaits. */
static enum exit_code
queue_store(const struct post *p, const struct agent *to,
    enum mailbox_state state, struct deliver_verdict *v)
{
	const struct home *h = p->reg->home;
	struct feed_event event = {
		.type = "queued", .agent = p->sender, .target = to->address
	};
	struct mailbox b = MAILBOX_INIT;
	struct mail m = MAIL_INIT;
	char *file = NULL;
	int rc = -1;
	struct err e;

	if (queue_mail(p, to, &m, &file, &e) == 0 &&
	    mailbox_open(&b, h, to->id, to->address, &e) == 0)
		rc = queue_keep(&b, &m, state, &e);
	mailbox_close(&b);
	if (rc < 0) {
		deliver_refuse(v, &e);
		if (e.code == EXIT_REFUSED)
			v->word = "refused";
		queue_record(h, p->id, v->code, v->word, v->why);
		if (file != NULL)
			(void)unlink(file);
	} else {
		(void)queue_verdict(v, EXIT_OK, "queued", p->id);
		event.preview = m.body.data;
		if (rc == 0)
			(void)feed_append(h, &event, NULL);
		if (rc == 0 && !p->grouped)
			messages_add_mail(h, &m);
		if (state == MAILBOX_QUEUED)
			wake(h, to->id);
	}
	x_free(file);
	mail_free(&m);
	return v->code;
}

bool
queue_before(const struct home *h, const char *id, struct deliver_verdict *v)
{
	v->repeated = queue_anywhere(h, id, v) ||
	    (queue_recall(h, id, v) && !str_eq(v->word, "refused") &&
		!str_eq(v->word, "failed"));
	return v->repeated;
}

/* Another process has it, from the same frame: what it comes to there. */
static enum exit_code
queue_follow(
    const struct post *p, const struct agent *to, struct deliver_verdict *v)
{
	int64_t deadline = clock_deadline(p->wait_ms + QUEUE_FOLLOW_MS);

	for (;;) {
		if (queue_known(p->reg->home, to->id, p->id, v) ||
		    (queue_recall(p->reg->home, p->id, v) &&
			!str_eq(v->word, "refused"))) {
			v->repeated = true;
			return v->code;
		}
		if (clock_left(deadline) == 0)
			return queue_verdict(v, EXIT_UNPROVEN, "indeterminate",
			    "another process has it, and does not say what "
			    "became of it");
		clock_nap(QUEUE_NAP_MS, deadline);
	}
}

/* Where a message is told to be, and by what id. */
struct queue_at {
	const struct home *home;
	const struct agent *to; /* as it is known now */
	const char *id;
};

/* Is it kept, by another process that had the same frame? */
static bool
queue_kept(void *arg)
{
	const struct queue_at *at = arg;
	struct deliver_verdict v;

	return queue_known(at->home, at->to->id, at->id, &v);
}

/* Show it now, if that can be done. */
static void
queue_try(const struct post *p, struct agent *to, struct deliver_verdict *v)
{
	struct queue_at at = { p->reg->home, to, p->id };
	struct post now = *p;

	if (!p->queue || !p->repeat) {
		(void)post(p, to, v);
		return;
	}
	now.known = queue_kept;
	now.known_arg = &at;
	(void)post(&now, to, v);
	if (v->repeated && v->code == EXIT_UNPROVEN &&
	    queue_known(at.home, to->id, p->id, v))
		v->repeated = true;
}

/* How often did this sender answer or ask here a moment ago, and how often with
 * these words? */
static void
queue_count(const struct post *p, const struct mailbox *b, unsigned *all,
    unsigned *same)
{
	int64_t now = clock_real_ms();
	const char *host = p->host == NULL ? p->reg->home->host : p->host;
	struct mailbox_list list;
	struct mail m;
	size_t i;
	bool old = false;

	*all = *same = 0;
	mailbox_newest(b, QUEUE_RATE_LOOK, &list);
	for (i = 0; i < list.n && !old; i++) {
		if (mailbox_read(b, &list.v[i], &m, NULL) == 0) {
			old = m.date < now - QUEUE_RATE_MS;
			/* Not what came before a clock was set back. */
			if (!old && m.date < now + QUEUE_RATE_MS &&
			    (m.reply_to[0] != '\0' || m.question) &&
			    str_eq(m.from, p->sender) &&
			    str_eq(m.from_host, host)) {
				++*all;
				*same += m.body.len == p->len &&
				    memcmp(m.body.data, p->body, p->len) == 0;
			}
		}
		mail_free(&m);
	}
	mailbox_list_free(&list);
}

/* Two that answer each other without end are stopped, whatever they answer. */
static int
queue_rate(const struct post *p, const struct mailbox *b, struct err *e)
{
	unsigned all, same;

	queue_count(p, b, &all, &same);
	if (same >= QUEUE_RATE_SAME)
		return err_set(e, EXIT_REFUSED,
		    "rate limit reached: %u times the same text from %s within "
		    "a minute",
		    same, p->sender);
	if (all >= QUEUE_RATE_ALL)
		return err_set(e, EXIT_REFUSED,
		    "rate limit reached: %u questions and answers from %s "
		    "within a minute; wait, or leave it at that",
		    all, p->sender);
	return 0;
}

/* Questions and answers: may it come? -1: never; 1: not now. *awaited: somebody
 * waits for it, so that the pane need not show it. */
static int
queue_may(
    const struct post *p, const struct agent *to, bool *awaited, struct err *e)
{
	const char *host = p->host == NULL ? p->reg->home->host : p->host;
	struct mailbox b = MAILBOX_INIT;
	int rc = 0;

	*awaited = false;
	if (p->hops >= MAIL_HOPS_MAX)
		return err_set(
		    e, EXIT_REFUSED, "hop limit reached: %u answers", p->hops);
	if (p->ask || (p->reply_to == NULL && !p->question))
		return 0;
	if (p->schema != NULL && !schema_ok(p->schema))
		return err_set(e, EXIT_USAGE, "schema: is none");
	if (p->question && !mail_answerable(p->sender, p->note))
		return err_set(e, EXIT_REFUSED,
		    "cannot be asked by %s, who is %s here and cannot be "
		    "answered",
		    p->sender, p->note == NULL ? "no agent" : p->note);
	if (mailbox_look(&b, p->reg->home, to->id, NULL) == 0) {
		/* Of the others nobody begins a loop: reports, for example. */
		if (mail_answerable(p->sender, p->note)) {
			rc = queue_rate(p, &b, e) != 0;
			if (rc == 0 && p->reply_to != NULL)
				rc = asked_may(&b, p->reply_to, host, e);
		}
		*awaited = rc == 0 && p->reply_to != NULL &&
		    asked_awaited(&b, p->reply_to, host);
	}
	mailbox_close(&b);
	return rc;
}

/* Without a try at the pane, which would have asked this. */
static int
queue_admit(const struct post *p, struct agent *to, struct deliver_verdict *v)
{
	struct err e;

	if (post_check_other(p->from, to, &e) == 0 && post_may(p, to, &e) == 0)
		return 0;
	deliver_refuse(v, &e);
	v->barred = e.code == EXIT_REFUSED;
	if (v->barred)
		v->word = "refused";
	return -1;
}

enum exit_code
queue_post(const struct post *p, struct agent *to, struct deliver_verdict *v)
{
	const struct home *h = p->reg->home;
	enum ahead ahead;
	bool awaited;
	struct err e;
	int may;
	size_t own;

	if (p->later ? queue_before(h, p->id, v)
		     : p->repeat && queue_known(h, to->id, p->id, v)) {
		v->repeated = true;
		return v->code;
	}
	may = queue_may(p, to, &awaited, &e);
	if (may != 0) {
		deliver_refuse(v, &e);
		v->word = "refused";
		v->barred = may < 0;
		return v->code;
	}
	if (awaited)
		return queue_admit(p, to, v) != 0
		    ? v->code
		    : queue_store(p, to, MAILBOX_UNREAD, v);
	ahead = p->ask ? AHEAD_NONE : queue_ahead(p, to, &own);
	if (ahead != AHEAD_NONE)
		wake(h, to->id);
	if (ahead == AHEAD_OWN && !p->queue && !p->force) {
		(void)err_set(&e, EXIT_NOT_READY,
		    "%zu earlier of your messages wait there; add --queue to "
		    "wait behind them",
		    own);
		deliver_refuse(v, &e);
		v->word = "refused";
		return v->code;
	}
	if (!p->later && (ahead == AHEAD_NONE || !p->queue || p->urgent)) {
		queue_try(p, to, v);
		if (!p->queue || p->ask || !str_eq(v->word, "refused") ||
		    (v->code != EXIT_NOT_READY && v->code != EXIT_TIMEOUT))
			return v->code;
		if (!queue_claim(p))
			return queue_follow(p, to, v);
	} else if (queue_admit(p, to, v) != 0) {
		return v->code;
	}
	return queue_store(p, to, MAILBOX_QUEUED, v);
}
