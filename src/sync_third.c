#include "sync_parts.h"

#include <stdio.h>

#include "clock.h"
#include "exchange.h"
#include "registry.h"
#include "slice.h"
#include "str.h"

enum {
	THIRD_NAME = 13, /* "of" and a number */
};

/* Is `third` of a host whose slice comes in the conversation `t`? */
static bool
talk_has(const struct talk *t, const struct talk *third)
{
	return third->stage == TALK_THIRD &&
	    str_eq(third->peer->through, t->peer->alias);
}

/* One that is done, well or not. */
static void
talk_third_done(struct sync *s, struct talk *third, const struct err *e)
{
	third->due = false;
	third->contact.tried = clock_real_ms();
	if (e->code == EXIT_OK)
		third->contact.answered = third->contact.tried;
	third->result.e = *e;
	talk_finish(s, third);
}

/* The conversation ends: what did not come in it does not come. */
void
talk_thirds_end(struct sync *s, struct talk *t)
{
	struct talk *third;
	struct err e;
	size_t i;

	for (i = 0; i < s->n; i++) {
		third = &s->talks[i];
		if (!talk_has(t, third))
			continue;
		third->result.left = t->result.left;
		err_clear(&e);
		if (!t->result.left)
			(void)err_set(&e, EXIT_WIRE,
			    "%s: known through %s, which gave no answer",
			    third->peer->alias, t->peer->alias);
		talk_third_done(s, third, &e);
	}
}

/* Ask for the slices of hosts that are known through this peer. An older one
 * would pass over `Of` and give its own. */
void
talk_thirds(struct sync *s, struct talk *t)
{
	char name[THIRD_NAME], host_id[HOME_ID_LEN + 1];
	struct talk *third;
	struct frame f;
	struct err e;
	int64_t have;
	size_t i;

	t->thirds = 0;
	for (i = 0; i < s->n; i++) {
		third = &s->talks[i];
		if (!talk_has(t, third))
			continue;
		if (!t->remote.passes) {
			(void)err_set(&e, EXIT_WIRE,
			    "%s: %s has panemesh %s, which gives no slices of "
			    "other hosts; update it there",
			    third->peer->alias, t->peer->alias,
			    t->remote.version[0] == '\0' ? "?"
							 : t->remote.version);
			talk_third_done(s, third, &e);
			continue;
		}
		(void)snprintf(name, sizeof(name), "of%u", (unsigned)i);
		talk_frame_init(t, &f, FRAME_PULL, name);
		frame_add(&f, "Of", third->peer->alias);
		exchange_have(s->home, third->peer->alias, &have, host_id);
		if (have > 0)
			frame_addf(&f, "Have", "%lld", (long long)have);
		remote_put(&t->remote, &f);
		frame_free(&f);
		third->due = true;
		t->thirds++;
	}
}

/* The slice of `third` came, or why not. */
static void
talk_take_third(struct sync *s, const struct talk *t, struct talk *third,
    const struct frame *f)
{
	const char *host = third->peer->alias;
	int64_t age = (int64_t)frame_number(
	    f, "Age-Ms", REGISTRY_KEEP_MS, REGISTRY_KEEP_MS);
	unsigned hops =
	    (unsigned)frame_number(f, "Hops", SLICE_HOPS_MAX + 1, 0);
	enum exit_code code =
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_WIRE);
	struct err e = { .code = EXIT_OK };

	if (f->verb == FRAME_SLICE)
		(void)exchange_take_third(s->home, t->remote.host, host, hops,
		    age, f->body.data, f->body.len, &third->result.changed, &e);
	else if (code != EXIT_OK)
		(void)err_set(&e, code, "%s: %s gives no slice of it: %s", host,
		    t->peer->alias, f->body.data);
	if (third->result.changed && s->dirty == 0)
		s->dirty = clock_mono_ms();
	third->result.answered = e.code == EXIT_OK;
	talk_third_done(s, third, &e);
}

/* Is it the answer to one of these? */
bool
talk_third(struct sync *s, struct talk *t, const struct frame *f)
{
	char name[THIRD_NAME];
	size_t i;

	if (!str_starts(f->id, "of"))
		return false;
	for (i = 0; i < s->n; i++) {
		(void)snprintf(name, sizeof(name), "of%u", (unsigned)i);
		if (!s->talks[i].due || !talk_has(t, &s->talks[i]) ||
		    !talk_answers(t, f, name))
			continue;
		t->thirds--;
		talk_take_third(s, t, &s->talks[i], f);
		return true;
	}
	return false;
}

/* A host that is known through a peer: nothing is done for it but in the
 * conversation with that one, if there is one. */
void
sync_begin_third(struct sync *s, struct talk *t, const struct peers *peers)
{
	const struct peer *through = peers_find(peers, t->peer->through);
	struct err e;

	turn_close(&t->turn);
	t->stage = TALK_THIRD;
	contact_load(&t->contact, s->home, t->peer->alias);
	(void)snprintf(
	    t->contact.host, sizeof(t->contact.host), "%s", t->peer->alias);
	if (through != NULL && through->through[0] == '\0')
		return;
	(void)err_set(&e, EXIT_WIRE,
	    through == NULL ? "%s: through=%s: is no peer; agent-sync peer add "
			      "it"
			    : "%s: through=%s: is not dialled itself",
	    t->peer->alias, t->peer->through);
	talk_third_done(s, t, &e);
}
