#include "serve_parts.h"

#include <stdio.h>
#include <string.h>

#include "away.h"
#include "feed.h"
#include "mem.h"
#include "outbox.h"
#include "queue.h"
#include "relay.h"
#include "str.h"

/* May it be handed on? Then the way so far, as text. */
static int
relay_ask_may(const struct server *s, const struct frame *f,
    char path[HOPS_TEXT_MAX + 1], struct err *e)
{
	struct relay_ask ask = {
		.host = s->host,
		.host_id = s->host_id,
		.target = frame_get(f, "For", ""),
		.pin = frame_get(f, "For-Id", ""),
		.path = frame_get(f, "Path", ""),
	};
	struct hops hops;

	if (relay_may(s->home, s->o->peers, &ask, s->o->peer, &hops, e) != 0)
		return -1;
	hops_write(path, &hops);
	return 0;
}

/* Is it known here what became of it, before anybody is asked? */
static bool
relay_known(const struct server *s, const char *id, struct deliver_verdict *v)
{
	if (outbox_status(s->home, id, v) == 0)
		return true;
	return queue_before(s->home, id, v);
}

/* A message goes on, or into the outbox of its host. */
static int
relay_message(struct server *s, struct ship *ship, const struct frame *f,
    const struct origin *from, pid_t parent, const char *path, struct agent *to,
    bool *renamed, struct deliver_verdict *v, struct err *e)
{
	struct sender sender = { .note = from->note };
	struct ship_message m;
	struct letter l;
	char *dropped = NULL;
	int rc;

	if (server_letter(s, f, &l, e) != 0)
		return -1;
	m = (struct ship_message){
		.id = l.id,
		.to = l.to,
		.host = frame_get(f, "For", ""),
		.sender = &sender,
		.body = f->body.data,
		.len = f->body.len,
		.wait_ms = l.wait_ms,
		.reply_to = l.reply_to,
		.thread = l.thread,
		.chain = l.chain,
		.hops = l.hops,
		.question = l.question,
		.schema = l.schema,
		.queue = l.queue,
		.ttl_ms = l.ttl_ms,
		.type = l.type,
		.urgent = l.urgent,
		.path = path,
		.pin = frame_get(f, "For-Id", ""),
		.origin = from->host,
		.parent = parent,
	};
	if (!mail_id_ok(m.id) || !str_address_ok(m.to))
		return err_set(
		    e, EXIT_USAGE, "host %s: id or address is none", m.host);
	(void)snprintf(sender.name, sizeof(sender.name), "%s", from->name);
	(void)snprintf(sender.self, sizeof(sender.self), "%s", from->verified);
	agent_text(&to->address, m.to, ADDRESS_MAX);
	agent_text(&to->host, m.host, HOST_MAX);
	if (relay_known(s, m.id, v))
		return 0;
	rc = away_send(ship, &m, to, renamed, &dropped, v, e);
	x_free(dropped);
	return rc;
}

/* What became of one: as it is known here, else there. */
static int
relay_status(struct server *s, struct ship *ship, const struct frame *f,
    const char *path, struct deliver_verdict *v, struct err *e)
{
	const char *id = frame_get(f, "Message", "");

	if (!mail_id_ok(id))
		return err_set(e, EXIT_UNKNOWN,
		    "%.40s: no message with this id is known", id);
	if (outbox_status(s->home, id, v) == 0 ||
	    queue_status(s->home, id, v, NULL) == 0)
		return 0;
	return ship_status(ship, frame_get(f, "For", ""), id, path, v, e);
}

/* Whoever looks after this host sees what others send by way of it, and what
 * they may not; not the text, which is for others. */
static void
relay_tell(const struct server *s, const struct frame *f,
    const struct origin *from, const struct deliver_verdict *v, bool may)
{
	char *why;

	if (f->verb != FRAME_DELIVER || v->repeated ||
	    (may && (v->code != EXIT_OK || str_eq(v->word, "queued"))))
		return;
	why = may
	    ? x_asprintf("to host %s: %s", frame_get(f, "For", ""), v->word)
	    : x_strdup(v->why);
	(void)feed_append(s->home,
	    &(struct feed_event){ .type = may ? "relayed" : "refused",
		.agent = from->name,
		.target = frame_get(f, "To", ""),
		.preview = why },
	    NULL);
	x_free(why);
}

void
job_relay(struct server *s, const struct frame *f, const struct origin *from,
    pid_t parent, struct frame *answer)
{
	char path[HOPS_TEXT_MAX + 1];
	struct deliver_verdict v = { .code = EXIT_LOCAL };
	bool renamed = false;
	struct agent to;
	struct ship ship;
	struct err e;
	bool may;
	int rc;

	agent_init(&to);
	ship_open(&ship, s->home);
	rc = relay_ask_may(s, f, path, &e);
	may = rc == 0;
	if (rc == 0 && f->verb == FRAME_STATUS)
		rc = relay_status(s, &ship, f, path, &v, &e);
	else if (rc == 0)
		rc = relay_message(
		    s, &ship, f, from, parent, path, &to, &renamed, &v, &e);
	/* What is missing is missing here. */
	if (rc != 0 && may)
		(void)err_prefix(&e, "on %s", s->home->host);
	if (rc != 0)
		deliver_refuse(&v, &e);
	if (f->verb == FRAME_STATUS) {
		server_told(answer, &v);
	} else {
		if (v.code == EXIT_REFUSED)
			v.word = "refused";
		relay_tell(s, f, from, &v, may);
		job_answer(s, answer, &to, &v, renamed, "");
	}
	ship_close(&ship);
	agent_free(&to);
}
