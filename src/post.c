#include "post.h"

#include <stdio.h>
#include <string.h>

#include "asked.h"
#include "body.h"
#include "clock.h"
#include "feed.h"
#include "lookup.h"
#include "mailbox.h"
#include "mem.h"
#include "messages.h"
#include "path.h"
#include "ring.h"
#include "str.h"

enum { POST_SCAN_MS = 3000, POST_NAP_MS = 20 };

int
post_check(const char *body, size_t len, struct err *e)
{
	struct buf clean = BUF_INIT_MAX(4UL * BODY_MAX);
	int rc;

	if (len > BODY_MAX)
		return err_set(e, EXIT_USAGE,
		    "body: larger than %d bytes; send it with --file",
		    BODY_MAX);
	rc = body_clean(&clean, body, len, BODY_FOLDED, e);
	buf_free(&clean);
	return rc;
}

int
post_check_other(
    const struct pane_ident *from, const struct agent *to, struct err *e)
{
	if (from == NULL || !str_eq(from->pane, to->ident.pane) ||
	    !str_eq(from->socket, to->ident.socket))
		return 0;
	return err_set(e, EXIT_USAGE,
	    "%s: is the sender itself; send to another one", to->address);
}

void
post_mail(struct mail *m, const struct post *p, const struct agent *to)
{
	const char *host = p->host == NULL ? p->reg->home->host : p->host;

	*m = (struct mail)MAIL_INIT;
	m->date = clock_real_ms();
	m->type = p->type;
	m->urgent = p->urgent;
	m->expires = p->expires;
	m->hops = p->hops;
	m->question = p->question;
	if (p->schema != NULL)
		(void)snprintf(m->schema, sizeof(m->schema), "%s", p->schema);
	if (p->reply_to != NULL && mail_id_ok(p->reply_to)) {
		(void)snprintf(
		    m->reply_to, sizeof(m->reply_to), "%s", p->reply_to);
		(void)snprintf(m->thread, sizeof(m->thread), "%s",
		    p->thread != NULL && mail_id_ok(p->thread) ? p->thread
							       : p->reply_to);
		if (p->chain != NULL && mail_chain_ok(p->chain))
			(void)snprintf(
			    m->chain, sizeof(m->chain), "%s", p->chain);
	}
	if (p->card != NULL)
		m->card = *p->card;
	(void)snprintf(m->id, sizeof(m->id), "%s", p->id);
	(void)snprintf(m->from, sizeof(m->from), "%s", p->sender);
	(void)snprintf(m->from_host, sizeof(m->from_host), "%s", host);
	(void)snprintf(m->to, sizeof(m->to), "%s", to->address);
	(void)snprintf(m->to_host, sizeof(m->to_host), "%s", to->host);
	if (p->verified.name != NULL)
		(void)snprintf(
		    m->sender, sizeof(m->sender), "%s", p->verified.name);
	if (p->path != NULL && hops_text_ok(p->path))
		(void)snprintf(m->path, sizeof(m->path), "%s", p->path);
	if (p->note != NULL)
		(void)snprintf(m->note, sizeof(m->note), "%s", p->note);
	(void)snprintf(m->folder, sizeof(m->folder), "%s", p->folder);
	if (p->len <= MAIL_BODY_MAX)
		buf_add(&m->body, p->body, p->len);
}

/* Is this verdict one of a message that was shown, or may have been? */
static bool
post_state(const struct deliver_verdict *v, enum mailbox_state *state)
{
	*state = v->code == EXIT_OK ? MAILBOX_SHOWN : MAILBOX_UNPROVEN;
	return str_eq(v->word, "submitted") || str_eq(v->word, "shown") ||
	    str_eq(v->word, "unsubmitted") || str_eq(v->word, "indeterminate");
}

/* A message on its way into the mailbox. */
struct keep {
	const struct post *p;
	const struct agent *to;
	struct mailbox box;
	struct mailbox_entry entry; /* where it is reserved */
	struct mail m;
	bool reserved;
};

/* Has it a place in a mailbox at all? */
static bool
keep_able(const struct keep *k)
{
	return !k->p->ask && mail_id_ok(k->p->id) && agent_id_ok(k->to->id);
}

/* Open the mailbox and have the message as it stands there. */
static int
keep_open(struct keep *k, struct err *e)
{
	const struct home *h = k->p->reg->home;
	char *folder;

	post_mail(&k->m, k->p, k->to);
	/* All of it is the file that the pane's line names. */
	if (k->p->len > MAIL_BODY_MAX) {
		folder = path_show(h->inbox);
		buf_addf(&k->m.body,
		    POST_TOO_LONG "%s/%s/message-%s.txt (%zu bytes)", folder,
		    k->p->folder, k->p->id, k->p->len);
		x_free(folder);
	}
	return mailbox_open(&k->box, h, k->to->id, k->to->address, e);
}

static void
keep_close(struct keep *k)
{
	mailbox_close(&k->box);
	mail_free(&k->m);
	k->m = (struct mail)MAIL_INIT;
}

/* Before it is shown: all that needs room on the disk. */
static int
keep_reserve(void *arg, struct err *e)
{
	struct keep *k = arg;
	int rc;

	if (k->reserved || !keep_able(k))
		return 0;
	rc = keep_open(k, e);
	if (rc == 0)
		rc = mailbox_reserve(&k->box, &k->m, &k->entry, e);
	k->reserved = rc == 0;
	if (rc == 0)
		rc = asked_reserve(&k->box, &k->m, e);
	if (rc < 0 && k->reserved) {
		mailbox_release(&k->box, &k->entry);
		k->reserved = false;
	}
	if (k->reserved)
		mailbox_unlock(&k->box);
	else
		keep_close(k);
	return rc < 0 ? -1 : 0;
}

/* It is in the pane and not in the mailbox: no success, nor to be sent again
 * unasked. */
static void
keep_failed(const struct keep *k, const char *ring, const struct err *e,
    struct deliver_verdict *v)
{
	struct ring_entry entry = { .code = EXIT_UNPROVEN };

	v->code = EXIT_UNPROVEN;
	v->word = "indeterminate";
	(void)snprintf(v->why, sizeof(v->why),
	    "it was shown, or may have been, but could not be kept: %.*s",
	    RING_TEXT_MAX, e->msg);
	(void)snprintf(entry.verdict, sizeof(entry.verdict), "%s", v->word);
	(void)snprintf(
	    entry.text, sizeof(entry.text), "%.*s", RING_TEXT_MAX, v->why);
	(void)ring_put(ring, k->p->id, &entry, NULL);
}

/* When the verdict is known. One that is repeated may have been shown by a
 * process that was killed before it came as far as this. */
static void
keep_end(struct keep *k, const char *ring, struct deliver_verdict *v)
{
	enum mailbox_state state;
	struct err e;
	int rc;

	if (!post_state(v, &state) || !keep_able(k)) {
		if (k->reserved)
			mailbox_release(&k->box, &k->entry);
	} else {
		rc = k->reserved ? mailbox_lock(&k->box, &e) : keep_open(k, &e);
		if (rc == 0)
			rc = k->reserved
			    ? mailbox_keep(&k->box, &k->entry, state, &e)
			    : mailbox_add(&k->box, &k->m, state, &e);
		if (rc == 0 && !k->p->grouped)
			messages_add_mail(k->p->reg->home, &k->m);
		if (rc == 0)
			rc = asked_settle(&k->box, &k->m, &e);
		if (rc < 0)
			keep_failed(k, ring, &e, v);
	}
	keep_close(k);
}

/* What to answer it by, and what it answers: "[id ..., answers ...]", or how,
 * for whoever can be answered. */
static void
post_tail(struct buf *out, const struct post *p)
{
	bool answers = p->reply_to != NULL && mail_id_ok(p->reply_to);

	if (!mail_id_ok(p->id) || !mail_answerable(p->sender, p->note) ||
	    p->hops + 1 >= MAIL_HOPS_MAX) {
		if (answers)
			buf_addf(
			    out, "[answers %.*s]", MAIL_SHORT, p->reply_to);
		return;
	}
	if (!p->question)
		buf_addf(out, "[id %.*s%s%.*s]", MAIL_SHORT, p->id,
		    answers ? ", answers " : "", answers ? MAIL_SHORT : 0,
		    answers ? p->reply_to : "");
	else if (p->schema == NULL)
		buf_addf(out,
		    "[question %.*s: answer by notify-pane --reply %.*s "
		    "'TEXT']",
		    MAIL_SHORT, p->id, MAIL_SHORT, p->id);
	else
		buf_addf(out,
		    "[question %.*s: answer by notify-pane --reply %.*s "
		    "'JSON', of %s]",
		    MAIL_SHORT, p->id, MAIL_SHORT, p->id, p->schema);
}

/* Is it the answer of the agent that the recipient asked? The id of a question
 * is known to that agent's host and to those on the way, and to nobody else. */
static bool
post_wanted(const struct post *p, const struct agent *to)
{
	const char *host = p->host == NULL ? p->reg->home->host : p->host;
	struct mailbox b = MAILBOX_INIT;
	struct asked a = ASKED_INIT;
	struct agent asked;
	bool renamed, wanted;

	if (p->reply_to == NULL || !mail_id_ok(p->reply_to) ||
	    !mail_answerable(p->sender, p->note))
		return false;
	wanted = mailbox_look(&b, p->reg->home, to->id, NULL) == 0 &&
	    asked_find(&b, p->reply_to, &a, NULL) == 0 &&
	    str_eq(a.question.id, p->reply_to) &&
	    str_eq(a.question.to_host, host) &&
	    (a.state == ASKED_OPEN || str_eq(a.answer, p->id));
	if (wanted && !str_eq(a.question.to, p->sender)) {
		wanted = lookup(p->reg, a.question.to, &asked, &renamed,
			     NULL) == 0 &&
		    str_eq(asked.address, p->sender);
		agent_free(&asked);
	}
	asked_free(&a);
	mailbox_close(&b);
	return wanted;
}

static enum exit_code
post_once(
    const struct post *p, const struct agent *to, struct deliver_verdict *v)
{
	char *ring = path_join(p->reg->home->run, "verdicts");
	struct buf tail = BUF_INIT;
	struct keep keep = {
		.p = p, .to = to, .box = MAILBOX_INIT, .m = MAIL_INIT
	};
	struct deliver d = {
		.ident = to->ident,
		.id = p->id,
		.sender = p->sender,
		.note = p->note,
		.from = p->verified,
		.folder = p->folder,
		.body = p->body,
		.len = p->len,
		.inbox = p->reg->home->inbox,
		.inbox_max = p->reg->config->inbox_max,
		.ring = ring,
		.profiles = p->reg->profiles,
		.wanted = post_wanted(p, to),
		.repeat = p->repeat,
		.ask = p->ask,
		.wait_ms = p->wait_ms,
		.nap = p->nap,
		.nap_arg = p->nap_arg,
		.known = p->known,
		.known_arg = p->known_arg,
		.keep = keep_reserve,
		.keep_arg = &keep,
		.begin = p->begin,
		.begin_arg = p->begin_arg,
		.parent = p->parent,
		.type = p->type,
		.urgent = p->urgent,
		.force = p->force,
	};
	struct err e;

	post_tail(&tail, p);
	if (tail.len > 0)
		d.tail = tail.data;
	d.tail_needed = p->question;
	if (post_check_other(p->from, to, &e) != 0)
		deliver_refuse(v, &e);
	else
		(void)deliver(&d, v);
	keep_end(&keep, ring, v);
	buf_free(&tail);
	x_free(ring);
	return v->code;
}

/* Scan the server of `to` and look its address up again. */
static int
post_again(const struct post *p, struct agent *to, struct err *e)
{
	int64_t deadline = clock_deadline(POST_SCAN_MS);
	struct register_result result;
	char *address = x_strdup(to->address);
	bool renamed;
	int rc;

	/* If another program is about to scan, what it finds is as good. */
	do {
		rc = register_server(p->reg, to->ident.socket, 0, &result, e);
		if (rc == 0 && result.left)
			clock_nap(POST_NAP_MS, deadline);
	} while (rc == 0 && result.left && clock_left(deadline) > 0);
	if (rc == 0) {
		agent_free(to);
		rc = lookup(p->reg, address, to, &renamed, e);
	}
	if (rc == 0 && !str_eq(to->host, p->reg->home->host))
		rc = err_set(
		    e, EXIT_UNKNOWN, "%s: is on another host now", address);
	x_free(address);
	return rc;
}

static enum exit_code
post_found(const struct post *p, struct agent *to, struct deliver_verdict *v)
{
	struct register_result result;
	enum exit_code code;
	struct err e;

	code = post_once(p, to, v);
	/* Nobody else notices that a server was killed. */
	if (code == EXIT_WIRE && ps_ended((pid_t)to->ident.server_pid))
		(void)register_server(
		    p->reg, to->ident.socket, 0, &result, NULL);
	if (code != EXIT_UNKNOWN)
		return code;
	/* The address book was behind. */
	if (post_again(p, to, &e) == 0)
		return post_once(p, to, v);
	deliver_refuse(v, &e);
	return v->code;
}

static int
post_may_once(const struct post *p, const struct agent *to, struct err *e)
{
	char *list = NULL;
	struct tmux t;
	int rc = -1;

	if (post_wanted(p, to))
		return 0;
	if (tmux_open(&t, to->ident.socket, e) == 0 &&
	    tmux_option(&t, &to->ident, "@agent-allow", &list, e) == 0)
		rc = allow_check(list, &p->verified, e);
	x_free(list);
	return rc;
}

int
post_may(const struct post *p, struct agent *to, struct err *e)
{
	struct err why = { .code = EXIT_OK };
	int rc;

	rc = post_may_once(p, to, &why);
	if (rc != 0 && why.code == EXIT_UNKNOWN && post_again(p, to, &why) == 0)
		rc = post_may_once(p, to, &why);
	if (rc != 0 && why.code == EXIT_REFUSED)
		(void)feed_append(p->reg->home,
		    &(struct feed_event){ .type = "refused",
			.agent = p->sender,
			.target = to->address,
			.preview = why.msg },
		    NULL);
	if (rc != 0)
		(void)err_set(e, why.code, "%s", why.msg);
	return rc;
}

/* What became of it, for the feed; once, however often its id is asked for. */
static void
post_tell(const struct post *p, const struct agent *to,
    const struct deliver_verdict *v)
{
	char *body = x_strndup(p->body, p->len);
	const struct feed_event event = {
		.type = v->code == EXIT_OK       ? "delivered"
		    : str_eq(v->word, "refused") ? "refused"
						 : "failed",
		.agent = p->sender,
		.target = to->address,
		.preview = v->code == EXIT_OK ? body : v->why,
	};

	/* One that is kept is not refused: who keeps it tells. */
	if (!p->ask && !v->repeated &&
	    !(p->queue && str_eq(v->word, "refused")))
		(void)feed_append(p->reg->home, &event, NULL);
	x_free(body);
}

enum exit_code
post(const struct post *p, struct agent *to, struct deliver_verdict *v)
{
	(void)post_found(p, to, v);
	post_tell(p, to, v);
	return v->code;
}
