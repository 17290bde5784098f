#include "send.h"

#include <stdio.h>
#include <string.h>

#include "away.h"
#include "clock.h"
#include "drop.h"
#include "feed.h"
#include "lookup.h"
#include "mem.h"
#include "messages.h"
#include "outbox.h"
#include "path.h"
#include "post.h"
#include "queue.h"
#include "ring.h"
#include "str.h"

/* Copy the files into the inbox, and say where they are. */
static int
send_files(const struct send *s, struct send_result *result, struct err *e)
{
	struct buf text = BUF_INIT;
	char *path, *shown;
	int64_t size;
	size_t i;
	int rc = -1;

	for (i = 0; i < s->files_n; i++) {
		if (drop_file(s->reg->home->inbox, s->sender.name, s->files[i],
			s->reg->config->inbox_max, &path, &size, e) != 0) {
			/* those before it have arrived, and are named */
			if (text.len > 0)
				(void)err_prefix(e, "%s; then", text.data);
			goto out;
		}
		(void)feed_append(s->reg->home,
		    &(struct feed_event){ .type = "file",
			.agent = s->sender.name,
			.target = result->to.address,
			.preview = path_base(path) },
		    NULL);
		shown = path_show(path);
		buf_addf(&text, "%sfile dropped at %s (%lld bytes)",
		    i == 0 ? "" : "; ", shown, (long long)size);
		x_free(shown);
		x_free(path);
	}
	result->dropped = buf_steal(&text);
	rc = 0;
out:
	buf_free(&text);
	return rc;
}

/* Known before the first file stands there, should we be killed before a
 * message names it; `failed`: none will. */
static void
send_record(const struct send *s, const struct send_result *result, bool failed)
{
	char *ring = path_join(s->reg->home->run, "verdicts");
	struct ring_entry entry = { .code = EXIT_LOCAL };

	(void)snprintf(entry.verdict, sizeof(entry.verdict), "%s",
	    failed ? "failed" : RING_ACCEPTED);
	if (!failed)
		ring_self(entry.text, "with files from %s to %s",
		    s->sender.name, result->to.address);
	(void)ring_put(ring, result->id, &entry, NULL);
	x_free(ring);
}

/* To an agent of this host. */
static int
send_local(const struct send *s, struct send_result *result, struct err *e)
{
	struct buf body = BUF_INIT_MAX(2UL * BODY_MAX);
	struct post p = {
		.reg = s->reg,
		.id = result->id,
		.sender = s->sender.name,
		.note = s->sender.note,
		.card = &s->sender.card,
		.folder = s->sender.name,
		.verified = { .name = s->sender.self,
		    .host = s->reg->home->host },
		.from = s->sender.in_pane ? &s->sender.ident : NULL,
		.wait_ms = s->wait_ms,
		.reply_to = s->reply_to,
		.thread = s->thread,
		.chain = s->chain,
		.hops = s->hops,
		.question = s->question,
		.schema = s->schema,
		.queue = s->queue,
		.grouped = s->grouped,
		.expires = s->ttl_ms == 0 ? 0 : clock_real_ms() + s->ttl_ms,
		.type = s->type,
		.urgent = s->urgent,
		.force = s->force,
	};

	if (post_check_other(p.from, &result->to, e) != 0 ||
	    post_check_other(s->sender.is_agent ? &s->sender.named : NULL,
		&result->to, e) != 0 ||
	    (s->files_n > 0 && post_may(&p, &result->to, e) != 0))
		return -1;
	if (s->files_n > 0) {
		send_record(s, result, false);
		if (send_files(s, result, e) != 0) {
			send_record(s, result, true);
			return -1;
		}
	}
	if (result->dropped != NULL)
		buf_adds(&body, result->dropped);
	if (result->dropped != NULL && s->body != NULL)
		buf_adds(&body, ": ");
	if (s->body != NULL)
		buf_add(&body, s->body, s->len);
	p.body = body.data;
	p.len = body.len;
	(void)queue_post(&p, &result->to, &result->verdict);
	buf_free(&body);
	return 0;
}

/* Which host has it: to be asked what became of it. */
static void
send_remember(const struct home *h, const struct send_result *result)
{
	struct ring_entry entry = { .code = EXIT_OK, .verdict = "sent" };
	char *path = path_join(h->run, "sent");

	(void)snprintf(entry.text, sizeof(entry.text), "%s", result->to.host);
	(void)ring_put(path, result->id, &entry, NULL);
	x_free(path);
}

int
send_status(const struct home *h, struct ship *ship, const char *id,
    struct deliver_verdict *v, struct err *e)
{
	char *path = path_join(h->run, "sent");
	struct ring_entry entry;
	int rc = queue_status(h, id, v, e);

	if (rc != 0 && outbox_status(h, id, v) == 0)
		rc = 0;
	if (rc != 0 && ring_id_ok(id) &&
	    ring_get(path, id, &entry, NULL) == 0 && str_host_ok(entry.text))
		rc = ship_status(ship, entry.text, id, NULL, v, e);
	x_free(path);
	return rc;
}

void
send_note(const struct send *s, const char *id, int64_t at, const char *to,
    const char *dropped)
{
	const char *body = s->body != NULL ? s->body : dropped;

	messages_add(s->reg->home,
	    &(struct message){ .id = id,
		.from = s->sender.name,
		.note = s->sender.note,
		.to = to,
		.reply_to = s->reply_to,
		.thread = s->thread,
		.urgent = s->urgent,
		.question = s->question,
		.at = at,
		.body = body,
		.len = s->body != NULL ? s->len
		    : body != NULL     ? strlen(body)
				       : 0 });
}

/* Is it there, or may it be? */
static bool
send_left(int rc, const struct send_result *result, const struct err *e)
{
	enum exit_code code = rc == 0 ? result->verdict.code : e->code;

	return code == EXIT_OK || code == EXIT_UNPROVEN;
}

/* To an agent of another host. */
static int
send_away(const struct send *s, struct send_result *result, struct err *e)
{
	char *address = x_strdup(result->to.address);
	int64_t began = clock_real_ms();
	const struct ship_message m = {
		.id = result->id,
		.to = address,
		.host = result->to.host,
		.sender = &s->sender,
		.files = s->files,
		.files_n = s->files_n,
		.body = s->body,
		.len = s->len,
		.wait_ms = s->wait_ms,
		.reply_to = s->reply_to,
		.thread = s->thread,
		.chain = s->chain,
		.hops = s->hops,
		.question = s->question,
		.schema = s->schema,
		.queue = s->queue,
		.ttl_ms = s->ttl_ms,
		.type = s->type,
		.urgent = s->urgent,
		.force = s->force,
		.progress = s->progress,
	};
	int rc;

	rc = away_send(s->ship, &m, &result->to, &result->renamed,
	    &result->dropped, &result->verdict, e);
	x_free(address);
	/* Over another host it may be that only the verdict was lost. */
	if (rc == 0 ? s->question || str_eq(result->verdict.word, "queued") ||
		    (result->verdict.code == EXIT_UNPROVEN &&
			ship_relays(s->ship, result->to.host))
		    : e->code == EXIT_UNPROVEN &&
		    ship_relays(s->ship, result->to.host))
		send_remember(s->reg->home, result);
	/* One of this host's is written down where its mailbox keeps it. */
	if (!s->grouped && send_left(rc, result, e))
		send_note(
		    s, result->id, began, result->to.address, result->dropped);
	return rc;
}

enum exit_code
send_message(
    const struct send *s, const char *address, struct send_result *result)
{
	struct err e;
	int rc;

	memset(result, 0, sizeof(*result));
	if (s->id != NULL)
		(void)snprintf(result->id, sizeof(result->id), "%s", s->id);
	else
		agent_id_new(result->id);
	(void)snprintf(result->asked, sizeof(result->asked), "%s", address);
	rc = lookup(s->reg, address, &result->to, &result->renamed, &e);
	result->found = rc == 0;
	/* Before anything is kept anywhere. */
	if (rc == 0 && s->body != NULL)
		rc = post_check(s->body, s->len, &e);
	if (rc == 0 && !str_eq(result->to.host, s->reg->home->host))
		rc = send_away(s, result, &e);
	else if (rc == 0)
		rc = send_local(s, result, &e);
	if (rc != 0)
		deliver_refuse(&result->verdict, &e);
	return result->verdict.code;
}

void
send_result_free(struct send_result *result)
{
	agent_free(&result->to);
	X_CLEAR(result->dropped);
}
