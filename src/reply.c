#include "reply.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "fetch.h"
#include "lookup.h"
#include "mailbox.h"
#include "schema.h"
#include "str.h"

int
reply_owner(const struct registrar *reg, const struct sender *sender,
    struct agent *a, struct err *e)
{
	bool renamed;

	if (lookup(reg, sender->name, a, &renamed, NULL) == 0 &&
	    str_eq(a->host, reg->home->host))
		return 0;
	return err_set(e, EXIT_UNKNOWN,
	    "%s: is no agent of this host, and has no mailbox", sender->name);
}

int
reply_mailbox(const struct registrar *reg, const struct sender *sender,
    char agent[AGENT_ID_MAX + 1], struct err *e)
{
	struct agent a;
	int rc = reply_owner(reg, sender, &a, e);

	if (rc == 0) {
		memcpy(agent, a.id, sizeof(a.id));
		rc = inbox_claim(reg->home, a.id, a.address, e);
	}
	agent_free(&a);
	return rc;
}

/* May this question be answered so? */
static int
reply_fits(const struct send *s, const struct mail *m,
    const struct mailbox_entry *entry, struct err *e)
{
	char when[CLOCK_TEXT_MAX];

	if (!m->question)
		return 0;
	if (entry->state == MAILBOX_ANSWERED)
		return err_set(e, EXIT_REFUSED,
		    "%s: was answered already; send more with notify-pane %s",
		    m->id, m->from);
	clock_text(when, m->expires);
	if (m->expires <= clock_real_ms())
		return err_set(e, EXIT_REFUSED,
		    "%s: the question has expired at %s; send it with "
		    "notify-pane %s",
		    m->id, when, m->from);
	if (m->schema[0] == '\0')
		return 0;
	if (s->body == NULL)
		return err_set(e, EXIT_USAGE,
		    "%s: a body is missing: JSON of %.300s", m->id, m->schema);
	return schema_check(m->schema, s->body, s->len, e);
}

/* May it be answered? */
static int
reply_may(const struct send *s, const struct mail *m, struct err *e)
{
	unsigned most = s->hops_max == 0 ? MAIL_HOPS_MAX : s->hops_max;

	if (!mail_answerable(m->from, m->note))
		return err_set(e, EXIT_REFUSED,
		    "%s: cannot be answered: its sender, %s, is %s", m->id,
		    m->from, m->note[0] == '\0' ? "no agent" : m->note);
	if (m->hops + 1 >= most)
		return err_set(e, EXIT_REFUSED,
		    "%s: hop limit reached: answers have gone to and fro %u "
		    "times; begin anew with notify-pane %s",
		    m->id, m->hops, m->from);
	return 0;
}

static int
reply_find(const struct send *s, const char *agent, const char *id,
    struct mail *m, struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_entry entry = { .in_new = false };
	int rc;

	*m = (struct mail)MAIL_INIT;
	rc = mailbox_look(&b, s->reg->home, agent, e);
	if (rc == 1)
		rc = err_set(e, EXIT_UNKNOWN, "the mailbox is empty");
	if (rc == 0)
		rc = inbox_find(&b, id, &entry, e);
	if (rc == 0)
		rc = mailbox_read(&b, &entry, m, e);
	if (rc == 0)
		rc = reply_may(s, m, e);
	if (rc == 0)
		rc = reply_fits(s, m, &entry, e);
	mailbox_close(&b);
	return rc;
}

/* Whoever looks sees that it was answered, here and where it came from. */
static void
reply_mark(const struct home *h, const char *agent, const struct mail *m)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_entry entry;

	if (mailbox_look(&b, h, agent, NULL) == 0 &&
	    mailbox_lock(&b, NULL) == 0 &&
	    mailbox_find(&b, m->id, &entry) == 0 &&
	    mailbox_set(&b, &entry, MAILBOX_ANSWERED, NULL) == 0)
		fetch_answered(h, m);
	mailbox_close(&b);
}

enum exit_code
reply(const struct send *s, const char *agent, const char *id,
    struct send_result *result)
{
	char chain[MAIL_CHAIN_TEXT_MAX + 1];
	struct send answer = *s;
	struct mail m;
	struct err e;

	memset(result, 0, sizeof(*result));
	if (reply_find(s, agent, id, &m, &e) != 0) {
		agent_init(&result->to);
		deliver_refuse(&result->verdict, &e);
		mail_free(&m);
		return result->verdict.code;
	}
	answer.reply_to = m.id;
	answer.thread = m.thread[0] != '\0' ? m.thread
	    : m.reply_to[0] != '\0'         ? m.reply_to
					    : m.id;
	/* What it answers is no longer the last. */
	(void)snprintf(chain, sizeof(chain), "%s", m.chain);
	if (m.reply_to[0] != '\0' && !str_eq(m.reply_to, answer.thread))
		mail_chain_add(chain, m.reply_to);
	answer.chain = chain;
	answer.hops = m.hops + 1;
	/* Whoever waits for it is busy with that. */
	answer.queue = answer.queue || m.question;
	(void)send_message(&answer, m.from, result);
	if (result->verdict.code == EXIT_OK)
		reply_mark(s->reg->home, agent, &m);
	mail_free(&m);
	return result->verdict.code;
}
