#include "serve_parts.h"

#include <string.h>

#include "clock.h"
#include "exchange.h"
#include "outbox.h"
#include "str.h"

/* Is it the machine whose slice we hold under that name? */
static int
fetch_check(const struct server *s, struct err *e)
{
	char known[HOME_ID_LEN + 1];
	int64_t generation;

	exchange_have(s->home, s->host, &generation, known);
	if (known[0] != '\0' && str_eq(known, s->host_id))
		return 0;
	return err_set(e, EXIT_REFUSED,
	    "host %s: %s, so nothing is handed to it", s->host,
	    known[0] == '\0' ? "gave us no slice"
			     : "was another machine before");
}

/* What became of the last one, or of an earlier one. */
static int
fetch_settle(const struct server *s, struct mailbox *b, const struct frame *f,
    struct err *e)
{
	const char *id = frame_get(f, "Took", "");
	struct buf why = BUF_INIT;
	int rc;

	if (id[0] == '\0')
		return 0;
	body_plain(&why, f->body.data,
	    f->body.len < ERR_MSG_MAX ? f->body.len : ERR_MSG_MAX - 1, false);
	rc = outbox_settle(s->home, b, id,
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_UNPROVEN),
	    frame_get(f, "Verdict", ""), why.data, e);
	buf_free(&why);
	return rc < 0 ? -1 : 0;
}

static void
fetch_mail(struct frame *f, uint64_t number, struct mail *m)
{
	frame_add(f, "Message", m->id);
	frame_addf(f, "Place", "%llu", (unsigned long long)number);
	frame_add(f, "To", m->to);
	frame_add(f, "From", m->from);
	frame_add(f, "Sender", m->sender);
	frame_addf(
	    f, "Ttl-Ms", "%lld", (long long)(m->expires - clock_real_ms()));
	if (m->reply_to[0] != '\0')
		frame_add(f, "In-Reply-To", m->reply_to);
	if (m->thread[0] != '\0')
		frame_add(f, "Thread", m->thread);
	if (m->hops > 0)
		frame_addf(f, "Hops", "%u", m->hops);
	if (m->type)
		frame_add(f, "Type", "1");
	if (m->urgent)
		frame_add(f, "Urgent", "1");
	buf_add(&f->body, m->body.data, m->body.len);
}

void
server_fetch(struct server *s, const struct frame *f)
{
	struct mailbox b = MAILBOX_INIT;
	struct mail m = MAIL_INIT;
	struct frame answer;
	uint64_t number = 0;
	struct err e;

	frame_init(&answer, FRAME_DONE, f->id);
	if (fetch_check(s, &e) != 0 ||
	    outbox_open(&b, s->home, s->host, s->host_id, &e) != 0 ||
	    fetch_settle(s, &b, f, &e) != 0) {
		server_done(s, f->id, e.code, e.msg);
		goto out;
	}
	frame_add(&answer, "Code", "0");
	if (frame_get(f, "Only", NULL) == NULL &&
	    outbox_next(&b, frame_number(f, "Past", OUTBOX_NUMBER_MAX, 0),
		&number, &m) == 0)
		fetch_mail(&answer, number, &m);
	frame_write(&s->out, &answer);
out:
	frame_free(&answer);
	mail_free(&m);
	mailbox_close(&b);
}
