#include "serve_parts.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "clock.h"
#include "exchange.h"
#include "mem.h"
#include "origin.h"
#include "outbox.h"
#include "path.h"
#include "str.h"

/* Is it the machine whose slice we hold under that name? */
static int
fetch_check(const struct server *s, struct err *e)
{
	char known[HOME_ID_LEN + 1];

	exchange_host_id(s->home, s->host, known);
	if (known[0] != '\0' && str_eq(known, s->host_id))
		return 0;
	return err_set(e, EXIT_REFUSED,
	    "host %s: %s, so nothing is handed to it", s->host,
	    known[0] == '\0' ? "gave us no slice"
			     : "was another machine before");
}

/* What became of the last one, or of an earlier one. 1: nothing new. */
static int
fetch_settle(const struct server *s, struct mailbox *b, const struct frame *f,
    struct err *e)
{
	const char *id = frame_get(f, "Took", "");
	struct buf why = BUF_INIT;
	int rc;

	if (id[0] == '\0')
		return 1;
	body_plain(&why, f->body.data,
	    f->body.len < ERR_MSG_MAX ? f->body.len : ERR_MSG_MAX - 1, false);
	rc = outbox_settle(s->home, b, id,
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_UNPROVEN),
	    frame_get(f, "Verdict", ""), why.data, e);
	buf_free(&why);
	return rc;
}

static void
fetch_mail(struct frame *f, uint64_t number, struct mail *m)
{
	const char *vouched;

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
	if (m->chain[0] != '\0')
		frame_add(f, "Chain", m->chain);
	if (m->hops > 0)
		frame_addf(f, "Hops", "%u", m->hops);
	if (m->question)
		frame_add(f, "Question", "1");
	if (m->schema[0] != '\0')
		frame_add(f, "Schema", m->schema);
	if (m->path[0] != '\0') {
		vouched = origin_vouch(m->from, m->note, m->from_host, m->path);
		frame_add(f, "Path", m->path);
		if (vouched != NULL)
			frame_add(f, "Vouched", vouched);
	}
	if (m->type)
		frame_add(f, "Type", "1");
	if (m->urgent)
		frame_add(f, "Urgent", "1");
	buf_add(&f->body, m->body.data, m->body.len);
}

/* The first message behind the one that `f` names: 0, in `answer`. */
static int
fetch_answer(const struct server *s, struct mailbox *b, const struct frame *f,
    struct frame *answer)
{
	struct mail m = MAIL_INIT;
	uint64_t number = frame_number(f, "Past", OUTBOX_NUMBER_MAX, 0);
	int rc;

	/* An older version would take our word for who sent what another host
	 * did: that waits until it is updated. */
	do {
		mail_free(&m);
		rc = outbox_next(b, number, &number, &m);
	} while (rc == 0 && m.path[0] != '\0' && !s->relays);
	if (rc == 0)
		fetch_mail(answer, number, &m);
	mail_free(&m);
	return rc;
}

bool
server_fetch(struct server *s, struct frame *f)
{
	bool only = frame_get(f, "Only", NULL) != NULL, settled = false;
	struct mailbox b = MAILBOX_INIT;
	struct frame answer;
	struct err e;
	int rc;

	frame_init(&answer, FRAME_DONE, f->id);
	frame_add(&answer, "Code", "0");
	rc = fetch_check(s, &e);
	if (rc == 0)
		rc = outbox_open(&b, s->home, s->host, s->host_id, &e);
	if (rc == 0) {
		rc = fetch_settle(s, &b, f, &e);
		settled = rc == 0;
	}
	if (rc >= 0)
		rc = only ? 0 : fetch_answer(s, &b, f, &answer);
	/* A child would hold the lock as well. */
	mailbox_close(&b);
	outbox_wake(s->home);
	if (rc < 0)
		server_done(s, f->id, e.code, e.msg);
	else if (rc > 0 && frame_number(f, "Wait-Ms", INT32_MAX, 0) > 0)
		server_start(s, f);
	else
		frame_write(&s->out, &answer);
	frame_free(&answer);
	return settled;
}

void
server_await(
    const struct server *s, const struct frame *f, struct frame *answer)
{
	uint64_t wait = frame_number(f, "Wait-Ms", INT32_MAX, 0);
	struct pollfd pfd = { .fd = inotify_init1(IN_CLOEXEC),
		.events = POLLIN };
	struct mailbox b = MAILBOX_INIT;
	char events[4096], *queue;
	int64_t deadline;
	int rc;

	if (wait > SERVE_AWAIT_MAX_MS)
		wait = SERVE_AWAIT_MAX_MS;
	deadline = clock_deadline((int64_t)wait);
	frame_add(answer, "Code", "0");
	do {
		rc = outbox_open(&b, s->home, s->host, s->host_id, NULL);
		if (rc == 0) {
			queue = path_join(b.path, "queue");
			(void)inotify_add_watch(pfd.fd, queue, IN_CREATE);
			x_free(queue);
			rc = fetch_answer(s, &b, f, answer);
		}
		mailbox_close(&b);
		if (rc != 0 && poll(&pfd, 1, clock_left(deadline)) > 0 &&
		    read(pfd.fd, events, sizeof(events)) < 0)
			break;
	} while (rc != 0 && clock_left(deadline) > 0);
	if (pfd.fd >= 0)
		(void)close(pfd.fd);
}
