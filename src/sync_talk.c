#include "sync_parts.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "clock.h"
#include "exchange.h"
#include "log.h"
#include "slice.h"
#include "str.h"

enum {
	SYNC_GRACE_MS = 700, /* for a link to say why, past its deadline */
	SYNC_END_MS = 500,   /* for a link that closed its stdout to end */
};

/* The exit status of a link that is ending. */
int
link_status(struct proc_child *link)
{
	struct pollfd pfd = { .fd = link->pidfd, .events = POLLIN };

	if (link->pidfd >= 0)
		(void)poll(&pfd, 1, SYNC_END_MS);
	return proc_stop(link);
}

/* Our slice as it stands now; read again only when it changed. */
static int
sync_slice(struct sync *s, struct err *e)
{
	struct file_stamp stamp = file_stamp(s->home->local);

	if (s->stamp.inode != 0 && file_stamp_eq(&stamp, &s->stamp))
		return 0;
	buf_reset(&s->slice);
	if (exchange_publish(s->home, false, &s->slice, &s->generation, e) != 0)
		return -1;
	s->sum = (int64_t)(str_hash(s->slice.data, s->slice.len) >> 1) | 1;
	s->stamp = stamp;
	return 0;
}

/* A request of this conversation. */
void
talk_frame_init(const struct talk *t, struct frame *f, enum frame_verb verb,
    const char *name)
{
	char id[FRAME_ID_MAX + 1];

	/* Others may use the same link: ids are ours alone. */
	(void)snprintf(id, sizeof(id), "%s.%s", name, t->tag);
	frame_init(f, verb, id);
}

/* Is `f` the answer to it? */
bool
talk_answers(const struct talk *t, const struct frame *f, const char *name)
{
	size_t n = strlen(name);

	return str_starts(f->id, name) && f->id[n] == '.' &&
	    str_eq(f->id + n + 1, t->tag);
}

/* Our slice; only its generation if it has that by all we know. */
static void
talk_push(struct sync *s, struct talk *t, bool whole)
{
	struct frame f;

	talk_frame_init(t, &f, FRAME_PUSH, "push");
	frame_addf(&f, "Generation", "%lld", (long long)s->generation);
	if (!whole && t->remote.offers && t->contact.pushed == s->sum)
		frame_add(&f, "Offer", "1");
	else
		buf_add(&f.body, s->slice.data, s->slice.len);
	remote_put(&t->remote, &f);
	frame_free(&f);
}

/* Say all that there is to say, once it said HELLO; the answers may come in any
 * order. */
static void
talk_say(struct sync *s, struct talk *t)
{
	char host_id[HOME_ID_LEN + 1];
	int64_t have = 0;
	struct frame f;

	t->said = true;
	talk_push(s, t, false);
	talk_frame_init(t, &f, FRAME_PULL, "pull");
	if (t->contact.host[0] != '\0' &&
	    exchange_has_way(s->home, t->contact.host, t->peer->alias))
		exchange_have(s->home, t->contact.host, &have, host_id);
	if (have > 0)
		frame_addf(&f, "Have", "%lld", (long long)have);
	remote_put(&t->remote, &f);
	frame_free(&f);
	talk_thirds(s, t);
	t->fetched = s->options->reg == NULL || !t->peer->accept_mail;
	t->ponged = !s->options->back;
	if (t->ponged)
		return;
	talk_frame_init(t, &f, FRAME_PING, "back");
	frame_add(&f, "Back", "1");
	remote_put(&t->remote, &f);
	frame_free(&f);
}

/* Ask for the next message that waits there for us. */
static int
talk_fetch(struct sync *s, struct talk *t, struct err *e)
{
	struct fetch *fetch = &t->fetch;
	struct frame f;

	t->asked = true;
	if (!t->remote.fetches) {
		t->fetched = true;
		return fetch_unable(t->peer, t->remote.version, e);
	}
	if (fetch->host == NULL &&
	    fetch_open(fetch, s->options->reg, t->peer, t->remote.host,
		t->remote.host_id, e) != 0) {
		t->fetched = true;
		return -1;
	}
	if (t->fetch_by == 0)
		t->fetch_by = clock_deadline(s->options->total_ms);
	fetch->refused = s->options->refused;
	fetch->arg = s->options->refused_arg;
	talk_frame_init(t, &f, FRAME_FETCH, "fetch");
	t->fetched = fetch->asked >= FETCH_MOST ||
	    clock_left(t->fetch_by) == 0 || !fetch_next(fetch, &f);
	if (!t->fetched)
		remote_put(&t->remote, &f);
	frame_free(&f);
	return 0;
}

/* A slice came: keep it. */
int
talk_take(struct sync *s, struct talk *t, const char *host, const char *text,
    size_t len, struct err *e)
{
	bool changed;
	int rc;

	rc = exchange_take(
	    s->home, t->peer->alias, host, text, len, &changed, e);
	if (changed) {
		t->result.changed = true;
		if (s->dirty == 0)
			s->dirty = clock_mono_ms();
	}
	return rc;
}

/* The peer answers what we asked. */
static int
talk_frame(struct sync *s, struct talk *t, struct frame *f, struct err *e)
{
	enum exit_code code =
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_WIRE);

	if (talk_answers(t, f, "back")) {
		t->ponged = true;
		(void)snprintf(t->back, sizeof(t->back), "%s", f->body.data);
		if (frame_get(f, "Back", NULL) != NULL)
			t->result.back =
			    code == EXIT_OK ? SYNC_BACK_OK : SYNC_BACK_FAILED;
		return 0;
	}
	if (talk_answers(t, f, "fetch")) {
		if (!t->asked || t->fetched)
			return err_set(e, EXIT_WIRE,
			    "%s: hands over what was not asked for; refused",
			    t->peer->alias);
		t->asked = false;
		t->done_by = clock_deadline(s->options->total_ms);
		return fetch_take(&t->fetch, f, e);
	}
	if (talk_answers(t, f, "push")) {
		if (code == EXIT_OK && frame_get(f, "Want", NULL) != NULL) {
			talk_push(s, t, true);
			return 0;
		}
		t->pushed = true;
		if (code == EXIT_OK)
			t->contact.pushed = s->sum;
		if (f->verb == FRAME_DONE && code != EXIT_OK)
			return err_set(e, code,
			    "%s: does not take our slice: %s", t->peer->alias,
			    f->body.data);
		return 0;
	}
	if (talk_third(s, t, f) || !talk_answers(t, f, "pull"))
		return 0;
	t->pulled = true;
	if (f->verb == FRAME_SLICE)
		return talk_take(
		    s, t, t->remote.host, f->body.data, f->body.len, e);
	if (code != EXIT_OK)
		return err_set(e, code, "%s: gives no slice: %s",
		    t->peer->alias, f->body.data);
	if (!str_eq(t->remote.host, t->contact.host)) {
		/* Another host by this alias since: what we have is not its. */
		frame_free(f);
		talk_frame_init(t, f, FRAME_PULL, "pull");
		remote_put(&t->remote, f);
		memcpy(t->contact.host, t->remote.host, sizeof(t->remote.host));
		t->pulled = false;
	}
	return 0;
}

/*
 * The link ended early: its status tells whether asking again is of use.
 * Returns true when the talk goes on in another way.
 */
static bool
talk_lost(struct sync *s, struct talk *t, struct err *e)
{
	int status;

	/* One that was kept and broke says nothing of the host. */
	if (t->remote.warm && !t->again) {
		t->again = true;
		t->said = t->pushed = t->pulled = t->ponged = t->asked = false;
		/* Another may be there now. */
		fetch_close(&t->fetch);
		memset(&t->fetch, 0, sizeof(t->fetch));
		remote_close(&t->remote);
		return remote_open_alone(&t->remote, s->home, t->peer,
			   s->options->connect_ms, e) == 0;
	}
	status = link_status(&t->remote.link);
	if (t->remote.hello)
		return false;
	if (status == EXIT_REFUSED) {
		e->code = EXIT_REFUSED;
		t->contact.held = contact_keys(s->home, t->peer);
	}
	/* A program of the user's own has no slice to read beside it. */
	if (status != EXIT_UNKNOWN || t->peer->command.n > 0)
		return false;
	remote_close(&t->remote);
	t->open = false;
	return talk_read_slice(s, t, e) == 0;
}

int
talk_frames(struct sync *s, struct talk *t, struct err *e)
{
	struct err bad = { .code = EXIT_OK };
	struct frame f;
	int rc = 0;

	remote_turn(&t->remote);
	while (!t->pushed || !t->pulled || !t->ponged || !t->fetched ||
	    t->thirds > 0) {
		/* Its slice first: it says who may send us mail. */
		if (t->pushed && t->pulled && !t->fetched && !t->asked) {
			if (talk_fetch(s, t, &bad) != 0 &&
			    t->result.e.code == EXIT_OK)
				t->result.e = bad;
			remote_turn(&t->remote);
			continue;
		}
		switch (remote_next(&t->remote, &f, e)) {
		case FRAME_BAD:
			return talk_lost(s, t, e) ? 0 : -1;
		case FRAME_MORE:
			if (t->remote.hello && !t->said) {
				talk_say(s, t);
				remote_turn(&t->remote);
				continue;
			}
			if (!t->remote.hello && clock_left(t->connect_by) == 0)
				return err_set(e, EXIT_WIRE,
				    "%s: no connection within %d s",
				    t->peer->alias,
				    s->options->connect_ms / 1000);
			return rc;
		case FRAME_READY:
			break;
		}
		/* The answer to the other request is of use all the same. */
		if (talk_frame(s, t, &f, &bad) != 0 &&
		    t->result.e.code == EXIT_OK)
			t->result.e = bad;
		frame_free(&f);
	}
	memcpy(t->contact.host, t->remote.host, sizeof(t->contact.host));
	(void)snprintf(t->contact.version, sizeof(t->contact.version), "%s",
	    t->remote.version);
	t->contact.bash = false;
	t->contact.answered = clock_real_ms();
	return 1;
}

/* It is our turn. */
int
talk_begin(struct sync *s, struct talk *t, struct err *e)
{
	struct contact *c = &t->contact;
	int64_t now = clock_real_ms(), before;

	contact_load(c, s->home, t->peer->alias);
	before = c->tried;
	if (!s->options->again && c->held != 0 &&
	    c->held == contact_keys(s->home, t->peer)) {
		char why[ERR_MSG_MAX];

		memcpy(why, c->failed, sizeof(why));
		c->tried = 0;
		return err_set(e, EXIT_REFUSED, "%s", why);
	}
	if (sync_slice(s, e) != 0)
		return -1;
	c->tried = now;
	c->held = 0;
	/* The link has the better words for what it waited for. */
	t->connect_by =
	    clock_deadline((int64_t)s->options->connect_ms + SYNC_GRACE_MS);
	t->done_by = clock_deadline(s->options->total_ms);
	if (t->done_by < t->connect_by)
		t->done_by = t->connect_by;
	if (c->bash && !s->options->again && now >= before &&
	    now - before < SYNC_BASH_MS)
		return talk_read_slice(s, t, e);
	t->stage = TALK_FRAMES;
	t->open = true;
	if (remote_open_within(
		&t->remote, s->home, t->peer, s->options->connect_ms, e) != 0)
		return -1;
	return 0;
}

void
talk_finish(struct sync *s, struct talk *t)
{
	struct contact *c = &t->contact;
	struct err e;

	if (t->open && t->remote.hello)
		t->result.answered = true;
	if (t->open)
		remote_close(&t->remote);
	t->open = false;
	(void)proc_stop(&t->child);
	t->stage = TALK_DONE;
	talk_thirds_end(s, t);
	/* A third is asked for in another's turn. */
	if ((t->turn.run_fd >= 0 ||
		(t->peer->through[0] != '\0' && !t->result.left)) &&
	    c->tried != 0) {
		memcpy(c->failed, t->result.e.msg, sizeof(c->failed));
		if (contact_save(c, s->home, t->peer->alias, &e) != 0)
			log_line("%s", e.msg);
	}
	if (t->fetch.host != NULL)
		fetch_close(&t->fetch);
	turn_close(&t->turn);
	t->result.host = c->host;
	t->result.bash = c->bash;
	t->result.version = c->version;
	t->result.back_words = t->back;
	if (s->report != NULL)
		s->report(s->arg, &t->result);
}
