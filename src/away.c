#include "away.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "exchange.h"
#include "feed.h"
#include "outbox.h"
#include "post.h"

/* As it is kept. */
static void
away_mail(const struct ship *s, const struct ship_message *m,
    const struct agent *to, struct mail *out)
{
	const struct post p = {
		.id = m->id,
		.sender = m->sender->name,
		.host = m->path == NULL ? s->home->host : m->origin,
		.note = m->sender->note,
		.path = m->path,
		.folder = m->sender->name,
		.verified = { .name = m->sender->self },
		.body = m->body,
		.len = m->len,
		.reply_to = m->reply_to,
		.thread = m->thread,
		.chain = m->chain,
		.hops = m->hops,
		.question = m->question,
		.schema = m->schema,
		.expires = m->ttl_ms == 0 ? 0 : clock_real_ms() + m->ttl_ms,
		.type = m->type,
		.urgent = m->urgent,
	};

	post_mail(out, &p, to);
}

/* To one that only dials us: kept here until it fetches it. */
static int
away_keep(const struct ship *s, const struct ship_message *m,
    const char *host_id, const struct agent *to, struct deliver_verdict *v,
    struct err *e)
{
	struct mail mail;
	int rc;

	if (!m->queue)
		return err_set(e, EXIT_WIRE,
		    "host %s: fetches its messages %s%s; add --queue", m->host,
		    m->path == NULL ? "here" : "at ",
		    m->path == NULL ? "" : s->home->host);
	if (m->files_n > 0 || m->len > MAIL_BODY_MAX)
		return err_set(e, EXIT_USAGE,
		    "host %s: fetches its messages %s%s, which may have %d "
		    "bytes and no files",
		    m->host, m->path == NULL ? "here" : "at ",
		    m->path == NULL ? "" : s->home->host, MAIL_BODY_MAX);
	/* The next message of who sent it must not come before this one. */
	if (m->parent != 0 && getppid() != m->parent)
		return err_set(e, EXIT_WIRE, "whoever sent it is gone");
	away_mail(s, m, to, &mail);
	rc = outbox_add(s->home, m->host, host_id, &mail, e);
	if (rc == 0)
		(void)feed_append(s->home,
		    &(struct feed_event){ .type = "queued",
			.agent = m->sender->name,
			.target = to->address,
			.preview = mail.body.data },
		    NULL);
	mail_free(&mail);
	outbox_wake(s->home);
	if (rc < 0)
		return -1;
	memset(v, 0, sizeof(*v));
	v->code = EXIT_OK;
	v->word = "queued";
	(void)snprintf(v->why, sizeof(v->why), "%s", m->id);
	return 0;
}

/* It could not be dialled, which is sure: may it wait here all the same? */
static bool
away_may_wait(const struct ship_message *m, const struct err *e)
{
	return m->queue && e->code == EXIT_WIRE && m->files_n == 0 &&
	    m->len <= MAIL_BODY_MAX;
}

int
away_send(struct ship *s, const struct ship_message *m, struct agent *to,
    bool *renamed, char **dropped, struct deliver_verdict *v, struct err *e)
{
	char host_id[HOME_ID_LEN + 1];
	int waiting;

	*dropped = NULL;
	exchange_host_id(s->home, m->host, host_id);
	waiting = outbox_waiting(s->home, m->host, host_id, m->to);
	/* None overtakes those that wait. */
	if (waiting > 0 || (waiting == 0 && !ship_dials(s, m->host)))
		return away_keep(s, m, host_id, to, v, e);
	if (ship_send(s, m, to, renamed, dropped, v, e) == 0)
		return 0;
	if (waiting < 0 || !away_may_wait(m, e))
		return -1;
	return away_keep(s, m, host_id, to, v, e);
}
