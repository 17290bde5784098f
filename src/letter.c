#include "letter.h"

#include "clock.h"
#include "str.h"

/* The header's value where `ok` takes it; NULL where there is none. */
static int
letter_take(const char **out, const struct frame *f, const char *name,
    bool (*ok)(const char *), struct err *e)
{
	*out = frame_get(f, name, NULL);
	if (*out == NULL || ok(*out))
		return 0;
	return err_set(e, EXIT_USAGE, "%s: '%.100s' is none", name,
	    frame_get(f, name, ""));
}

static bool
letter_says(const struct frame *f, const char *name)
{
	return str_eq(frame_get(f, name, ""), "1");
}

/* Empty: nobody handed it on. */
static bool
letter_path_ok(const char *path)
{
	return path[0] == '\0' || hops_text_ok(path);
}

int
letter_read(struct letter *l, const struct frame *f, struct err *e)
{
	*l = (struct letter){
		.frame = f,
		.id = f->verb == FRAME_DELIVER ? f->id
					       : frame_get(f, "Message", ""),
		.to = frame_get(f, "To", ""),
		.wait_ms =
		    (int64_t)frame_number(f, "Wait-Ms", LETTER_WAIT_MAX_MS, 0),
		.ttl_ms =
		    (int64_t)frame_number(f, "Ttl-Ms", LETTER_TTL_MAX_MS, 0),
		.question = letter_says(f, "Question"),
		.queue = letter_says(f, "Queue"),
		.ask = letter_says(f, "Ask"),
		.type = letter_says(f, "Type"),
		.urgent = letter_says(f, "Urgent"),
		.force = letter_says(f, "Force"),
	};
	if (frame_get(f, "Hops", NULL) != NULL)
		l->hops = (unsigned)frame_number(
		    f, "Hops", MAIL_HOPS_MAX, MAIL_HOPS_MAX);
	if (letter_take(&l->path, f, "Path", letter_path_ok, e) != 0 ||
	    letter_take(&l->reply_to, f, "In-Reply-To", mail_id_ok, e) != 0 ||
	    letter_take(&l->thread, f, "Thread", mail_id_ok, e) != 0 ||
	    letter_take(&l->chain, f, "Chain", mail_chain_ok, e) != 0 ||
	    letter_take(&l->schema, f, "Schema", schema_ok, e) != 0)
		return -1;
	if (l->path != NULL && l->path[0] == '\0')
		l->path = NULL;
	return 0;
}

void
letter_bind(struct letter *l, const struct peer *peer)
{
	l->type = l->type && peer != NULL && peer->allow_type;
	l->urgent = l->urgent && peer != NULL && peer->allow_urgent;
	l->force = l->force && peer != NULL && peer->allow_force;
}

struct post
letter_post(const struct letter *l, const struct origin *from, const char *host)
{
	return (struct post){
		.id = l->id,
		.sender = from->name,
		.host = from->host,
		.note = from->note,
		.card = &from->card,
		.path = l->path,
		.folder = from->folder,
		.verified = origin_sender(from, host),
		.body = l->frame->body.data,
		.len = l->frame->body.len,
		.repeat = true,
		.ask = l->ask,
		.wait_ms = l->wait_ms,
		.reply_to = l->reply_to,
		.thread = l->thread,
		.chain = l->chain,
		.hops = l->hops,
		.question = l->question,
		.schema = l->schema,
		.queue = l->queue,
		.expires = l->ttl_ms > 0 ? clock_real_ms() + l->ttl_ms : 0,
		.type = l->type,
		.urgent = l->urgent,
		.force = l->force,
	};
}
