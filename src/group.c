#include "group.h"

#include <string.h>

#include "clock.h"
#include "mem.h"
#include "registry.h"
#include "str.h"

enum kind { KIND_HOST, KIND_SESSION, KIND_PROJECT, KIND_ROLE, KIND_ALL };
enum { KINDS = KIND_ALL };

static const char *const kind_names[] = { "host", "session", "project", "role",
	"all" };

static const char *
kind_value(const struct agent *a, enum kind kind)
{
	return kind == KIND_HOST   ? a->host
	    : kind == KIND_SESSION ? a->session
	    : kind == KIND_PROJECT ? a->project
	    : kind == KIND_ROLE    ? a->role
				   : "";
}

static bool
group_in_pane(const struct agent *a, const struct pane_ident *pane)
{
	return a->ident.server_pid == pane->server_pid &&
	    str_eq(a->ident.socket, pane->socket) &&
	    str_eq(a->ident.pane, pane->pane);
}

/* By its pane, and by the name that it gives itself. */
static bool
group_is_self(
    const struct agent *a, const struct home *home, const struct sender *self)
{
	return str_eq(a->host, home->host) &&
	    ((self->in_pane && group_in_pane(a, &self->ident)) ||
		(self->is_agent && group_in_pane(a, &self->named)));
}

/* Does a group that has this one in it mean it? */
static bool
group_takes(const struct agent *a, const struct agent_list *book,
    const struct home *home, const struct sender *self)
{
	const struct agent *window;

	if (a->dead || a->hidden || group_is_self(a, home, self))
		return false;
	if (a->of == NULL)
		return true;
	/* The window's address means one of its panes already. */
	window = agent_list_find(book, a->of);
	return a->known[0] != '\0' &&
	    (window == NULL || !str_eq(window->ident.pane, a->ident.pane));
}

static int
group_put(struct group *g, const char *address, const char *host, struct err *e)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (str_eq(g->v[i].address, address))
			return 0;
	if (g->n == GROUP_MAX)
		return err_set(e, EXIT_USAGE,
		    "more than %d recipients; name fewer", GROUP_MAX);
	if (g->n == g->cap) {
		g->cap = g->cap == 0 ? 16 : g->cap * 2;
		g->v = x_realloc(g->v, g->cap, sizeof(*g->v));
	}
	g->v[g->n++] = (struct group_member){ .address = x_strdup(address),
		.host = host == NULL ? NULL : x_strdup(host) };
	return 0;
}

/* What one word asks for. */
struct ask {
	const char *value;
	bool in[KINDS + 1]; /* the kinds it may be */
	bool plain;         /* no kind was said */
};

static void
ask_parse(struct ask *ask, const char *word)
{
	const char *colon = strchr(word, ':');
	size_t i;

	*ask = (struct ask){ .value = word + 1 };
	if (str_eq(word, "@all")) {
		ask->in[KIND_ALL] = true;
		return;
	}
	for (i = 0; i < KINDS && colon != NULL; i++) {
		if ((size_t)(colon - word - 1) == strlen(kind_names[i]) &&
		    str_starts(word + 1, kind_names[i])) {
			ask->in[i] = true;
			ask->value = colon + 1;
			return;
		}
	}
	ask->plain = true;
	for (i = 0; i < KINDS; i++)
		ask->in[i] = true;
}

static bool
ask_takes(const struct ask *ask, const struct agent *a, enum kind kind)
{
	const char *value = kind_value(a, kind);

	if (!ask->in[kind])
		return false;
	if (kind == KIND_ALL)
		return true;
	if (ask->value[0] == '\0' || value[0] == '\0')
		return false;
	return ask->plain && kind != KIND_ROLE ? str_eq(ask->value, value)
					       : str_glob(ask->value, value);
}

/* The kinds that have members: how many; *same: they are the same ones. */
static size_t
ask_count(const struct ask *ask, const struct agent_list *book,
    const struct home *home, const struct sender *self, bool has[KINDS + 1],
    bool *same)
{
	bool takes[KINDS + 1];
	size_t i, k, kinds = 0, n;

	*same = true;
	memset(has, 0, (KINDS + 1) * sizeof(*has));
	for (i = 0; i < book->n; i++) {
		if (!group_takes(&book->v[i], book, home, self))
			continue;
		for (k = 0; k <= KINDS; k++)
			if (ask_takes(ask, &book->v[i], (enum kind)k))
				has[k] = true;
	}
	for (k = 0; k <= KINDS; k++)
		kinds += has[k];
	for (i = 0; i < book->n && kinds > 1; i++) {
		if (!group_takes(&book->v[i], book, home, self))
			continue;
		for (k = n = 0; k <= KINDS; k++) {
			takes[k] = ask_takes(ask, &book->v[i], (enum kind)k);
			n += takes[k];
		}
		*same = *same && (n == 0 || n == kinds);
	}
	return kinds;
}

static int
ask_ambiguous(
    const char *word, const struct ask *ask, const bool *has, struct err *e)
{
	struct buf text = BUF_INIT_MAX(ERR_MSG_MAX / 2);
	size_t k, n = 0;

	for (k = 0; k <= KINDS; k++)
		if (has[k])
			buf_addf(&text, "%s@%s:%s", n++ == 0 ? "" : " or ",
			    kind_names[k], ask->value);
	(void)err_set(
	    e, EXIT_UNKNOWN, "'%.100s': is ambiguous; say %s", word, text.data);
	buf_free(&text);
	return -1;
}

int
group_add_from(struct group *g, const struct agent_list *book,
    const struct home *home, const struct sender *self, const char *word,
    struct err *e)
{
	bool has[KINDS + 1], same, takes;
	struct ask ask;
	size_t i, k, kinds;

	if (word[0] != '@')
		return group_put(g, word, NULL, e);
	ask_parse(&ask, word);
	kinds = ask_count(&ask, book, home, self, has, &same);
	if (kinds == 0)
		return err_set(e, EXIT_UNKNOWN,
		    "'%.100s': names nobody%s; see notify-pane --list --json",
		    word,
		    ask.plain ? ": no host, session, project or role of an "
				"agent but us that lives and is not hidden"
			      : " but us that lives and is not hidden");
	if (kinds > 1 && !same)
		return ask_ambiguous(word, &ask, has, e);
	for (i = 0; i < book->n; i++) {
		takes = false;
		for (k = 0; k <= KINDS; k++)
			takes =
			    takes || ask_takes(&ask, &book->v[i], (enum kind)k);
		if (takes && group_takes(&book->v[i], book, home, self) &&
		    group_put(g, book->v[i].address, book->v[i].host, e) != 0)
			return -1;
	}
	return 0;
}

int
group_add(struct group *g, const struct home *home, const struct sender *self,
    const char *word, struct err *e)
{
	struct registry registry = REGISTRY_INIT;
	struct agent_list book = AGENT_LIST_INIT;
	struct agent a, *slot;
	size_t at = 0;
	int rc;

	if (word[0] != '@')
		return group_put(g, word, NULL, e);
	rc = registry_open(&registry, home, clock_real_ms(), e);
	while (rc == 0 && (rc = registry_next(&registry, &at, &a, e)) == 1) {
		slot = agent_list_add(&book);
		agent_free(slot);
		*slot = a;
		rc = 0;
	}
	registry_close(&registry);
	agent_list_sort(&book);
	if (rc == 0)
		rc = group_add_from(g, &book, home, self, word, e);
	agent_list_free(&book);
	return rc;
}

void
group_free(struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		x_free(g->v[i].address);
		x_free(g->v[i].host);
	}
	x_free(g->v);
	*g = (struct group)GROUP_INIT;
}
