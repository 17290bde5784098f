#include "register_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "mailbox.h"
#include "mem.h"
#include "str.h"

struct told {
	const struct home *home;
	size_t n;
};

/* An entry in the order of ids. */
struct place {
	const struct agent *agent;
};

static void
tell(struct told *told, const char *type, const struct agent *a,
    const struct agent *to)
{
	const struct feed_event event = { .type = type,
		.agent = a->address,
		.target = to == NULL ? NULL : to->address,
		.preview = to == NULL ? a->role : NULL };

	if (told->n++ < REGISTER_FEED_MAX)
		(void)feed_append(told->home, &event, NULL);
}

static void
renamed(struct told *told, const struct agent *a, const struct agent *to)
{
	tell(told, "rename", a, to);
	if (str_eq(to->host, told->home->host))
		mailbox_follow(told->home, to->id, to->address);
}

static int
by_id(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return strcmp(x->agent->id, y->agent->id);
}

/* Entries in the order of their ids; malloc'd. */
static struct place *
sorted(const struct agent_list *list)
{
	struct place *v = x_calloc(list->n, sizeof(*v));
	size_t i;

	for (i = 0; i < list->n; i++)
		v[i].agent = &list->v[i];
	qsort(v, list->n, sizeof(*v), by_id);
	return v;
}

void
register_feed(const struct home *home, const struct agent_list *before,
    const struct agent_list *now)
{
	struct place *old = sorted(before), *new = sorted(now);
	struct told told = { .home = home };
	char more[48];
	size_t i = 0, j = 0;
	int order;

	while (i < before->n || j < now->n) {
		order = i == before->n ? 1
		    : j == now->n      ? -1
				  : strcmp(old[i].agent->id, new[j].agent->id);
		if (order < 0)
			tell(&told, "leave", old[i].agent, NULL);
		else if (order > 0)
			tell(&told, "join", new[j].agent, NULL);
		else if (!str_eq(old[i].agent->address, new[j].agent->address))
			renamed(&told, old[i].agent, new[j].agent);
		i += order <= 0;
		j += order >= 0;
	}
	if (told.n > REGISTER_FEED_MAX) {
		(void)snprintf(more, sizeof(more), "and %zu more changes",
		    told.n - REGISTER_FEED_MAX);
		(void)feed_append(home,
		    &(struct feed_event){ .type = "join", .preview = more },
		    NULL);
	}
	x_free(old);
	x_free(new);
}
