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
#include "path.h"
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
	    "%s: is this pane itself; send to another one", to->address);
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
	}
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

/* Keep what was shown. That this fails changes nothing in what was. */
static void
post_keep(const struct post *p, const struct agent *to,
    const struct deliver_verdict *v)
{
	struct mailbox b = MAILBOX_INIT;
	enum mailbox_state state;
	char *folder;
	struct mail m;

	if (p->ask || !post_state(v, &state) || !mail_id_ok(p->id))
		return;
	post_mail(&m, p, to);
	/* All of it is the file that the pane's line names. */
	if (p->len > MAIL_BODY_MAX) {
		folder = path_show(p->reg->home->inbox);
		buf_addf(&m.body,
		    "message too long to keep: %s/%s/message-%s.txt (%zu "
		    "bytes)",
		    folder, p->folder, p->id, p->len);
		x_free(folder);
	}
	if (mailbox_open(&b, p->reg->home, to->id, to->address, NULL) == 0 &&
	    mailbox_add(&b, &m, state, NULL) == 0)
		asked_settle(&b, &m);
	mailbox_close(&b);
	mail_free(&m);
}

/* What to answer it by: "[id ...]", or how, for whoever can be answered. */
static void
post_tail(struct buf *out, const struct post *p)
{
	if (!mail_id_ok(p->id) || !mail_answerable(p->sender, p->note) ||
	    p->hops + 1 >= MAIL_HOPS_MAX)
		return;
	if (!p->question)
		buf_addf(out, "[id %.*s]", MAIL_SHORT, p->id);
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

static enum exit_code
post_once(
    const struct post *p, const struct agent *to, struct deliver_verdict *v)
{
	char *ring = path_join(p->reg->home->run, "verdicts");
	struct buf tail = BUF_INIT;
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
		.repeat = p->repeat,
		.ask = p->ask,
		.wait_ms = p->wait_ms,
		.nap = p->nap,
		.nap_arg = p->nap_arg,
		.known = p->known,
		.known_arg = p->known_arg,
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
	post_keep(p, to, v);
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
