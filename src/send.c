#include "send.h"

#include <stdio.h>
#include <string.h>

#include "body.h"
#include "drop.h"
#include "mem.h"
#include "path.h"
#include "register.h"
#include "lookup.h"
#include "str.h"

static enum exit_code
send_fail(struct send_result *result, enum exit_code code, const char *word,
    const char *why)
{
	result->verdict.code = code;
	result->verdict.word = word;
	(void)snprintf(
	    result->verdict.why, sizeof(result->verdict.why), "%s", why);
	return code;
}

static int
send_find(const struct send *s, const char *address, struct send_result *result,
    struct err *e)
{
	if (result->found)
		agent_free(&result->to);
	result->found = false;
	if (lookup(s->reg, address, &result->to, &result->renamed, e) != 0) {
		agent_free(&result->to);
		return -1;
	}
	result->found = true;
	return 0;
}

/* Copy the files into the recipient's inbox, and say where they are. */
static int
send_files(const struct send *s, struct send_result *result, struct err *e)
{
	struct buf text = BUF_INIT;
	char *path, *shown;
	int64_t size;
	size_t i;

	for (i = 0; i < s->files_n; i++) {
		if (drop_file(s->reg->home->inbox, s->sender.name, s->files[i],
			s->reg->config->inbox_max, &path, &size, e) != 0) {
			/* those before it have arrived, and are named */
			if (text.len > 0)
				(void)err_prefix(e, "%s; then", text.data);
			buf_free(&text);
			return -1;
		}
		shown = path_show(path);
		buf_addf(&text, "%sfile dropped at %s (%lld bytes)",
		    i == 0 ? "" : "; ", shown, (long long)size);
		x_free(shown);
		x_free(path);
	}
	result->dropped = buf_steal(&text);
	return 0;
}

/* Deliver to a pane of this host. */
static enum exit_code
send_local(const struct send *s, struct send_result *result)
{
	char *ring = path_join(s->reg->home->run, "verdicts");
	struct buf body = BUF_INIT;
	struct deliver d = {
		.ident = result->to.ident,
		.id = result->id,
		.sender = s->sender.name,
		.note = s->sender.note,
		.inbox = s->reg->home->inbox,
		.inbox_max = s->reg->config->inbox_max,
		.ring = ring,
		.profiles = s->reg->profiles,
		.wait_ms = s->wait_ms,
		.type = s->type,
		.urgent = s->urgent,
		.force = s->force,
	};
	enum exit_code code;

	if (result->dropped != NULL)
		buf_adds(&body, result->dropped);
	if (result->dropped != NULL && s->body != NULL)
		buf_adds(&body, ": ");
	if (s->body != NULL)
		buf_add(&body, s->body, s->len);
	d.body = body.data;
	d.len = body.len;
	code = deliver(&d, &result->verdict);
	buf_free(&body);
	x_free(ring);
	return code;
}

/* Refuse what cannot be delivered, before anything is kept anywhere. */
static int
send_check(const struct send *s, const struct agent *to, struct err *e)
{
	struct buf clean = BUF_INIT;
	int rc = 0;

	if (!str_eq(to->host, s->reg->home->host))
		return err_set(e, EXIT_WIRE,
		    "%s: no route to host %s; add it: agent-sync peer add %s",
		    to->address, to->host, to->host);
	if (s->sender.in_pane && str_eq(s->sender.ident.pane, to->ident.pane) &&
	    str_eq(s->sender.ident.socket, to->ident.socket))
		return err_set(e, EXIT_USAGE,
		    "%s: is this pane itself; send to another one",
		    to->address);
	if (s->body != NULL)
		rc = body_clean(&clean, s->body, s->len, BODY_FOLDED, e);
	buf_free(&clean);
	return rc;
}

enum exit_code
send_message(
    const struct send *s, const char *address, struct send_result *result)
{
	struct register_result scanned;
	enum exit_code code;
	struct err e;

	memset(result, 0, sizeof(*result));
	agent_id_new(result->id);
	if (send_find(s, address, result, &e) != 0 ||
	    send_check(s, &result->to, &e) != 0)
		return send_fail(result, e.code, "failed", e.msg);
	if (s->files_n > 0 && send_files(s, result, &e) != 0)
		return send_fail(result, e.code, "failed", e.msg);
	code = send_local(s, result);
	if (code != EXIT_UNKNOWN)
		return code;
	/* The address book was behind: once more with a fresh one. */
	if (register_server(s->reg, result->to.ident.socket, 0, &scanned, &e) !=
		0 ||
	    send_find(s, address, result, &e) != 0 ||
	    send_check(s, &result->to, &e) != 0)
		return send_fail(result, e.code, "failed", e.msg);
	return send_local(s, result);
}

void
send_result_free(struct send_result *result)
{
	if (result->found)
		agent_free(&result->to);
	X_CLEAR(result->dropped);
}
