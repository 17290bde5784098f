#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "mem.h"
#include "utf8.h"

/* Every string of an entry that may not be NULL. */
/* clang-format off */
#define AGENT_STRINGS(X)                                                   \
	X(address) X(host) X(base) X(slug) X(target) X(session)            \
	X(window_name) X(role) X(scope) X(project) X(command) X(path)      \
	X(known) X(status)
/* clang-format on */

void
agent_init(struct agent *a)
{
	memset(a, 0, sizeof(*a));
	a->part = -1;
#define X(field) a->field = x_strdup("");
	AGENT_STRINGS(X)
#undef X
}

void
agent_free(struct agent *a)
{
	size_t i;

#define X(field) X_CLEAR(a->field);
	AGENT_STRINGS(X)
#undef X
	X_CLEAR(a->of);
	for (i = 0; i < a->aliases_n; i++)
		x_free(a->aliases[i].name);
	X_CLEAR(a->aliases);
	a->aliases_n = 0;
}

void
agent_copy(struct agent *to, const struct agent *from)
{
	size_t i;

	*to = *from;
#define X(field) to->field = x_strdup(from->field);
	AGENT_STRINGS(X)
#undef X
	to->of = from->of == NULL ? NULL : x_strdup(from->of);
	to->aliases = NULL;
	if (from->aliases_n > 0)
		to->aliases = x_calloc(from->aliases_n, sizeof(*to->aliases));
	for (i = 0; i < from->aliases_n; i++) {
		to->aliases[i].name = x_strdup(from->aliases[i].name);
		to->aliases[i].until = from->aliases[i].until;
	}
}

struct agent *
agent_list_add(struct agent_list *list)
{
	if (list->n == list->cap) {
		list->cap = list->cap == 0 ? 16 : list->cap * 2;
		list->v = x_realloc(list->v, list->cap, sizeof(*list->v));
	}
	agent_init(&list->v[list->n]);
	return &list->v[list->n++];
}

static int
by_address(const void *a, const void *b)
{
	const struct agent *x = a, *y = b;

	return strcmp(x->address, y->address);
}

struct agent *
agent_list_put(struct agent_list *list, const struct agent *from)
{
	struct agent *a = agent_list_add(list);

	agent_free(a);
	agent_copy(a, from);
	return a;
}

void
agent_list_sort(struct agent_list *list)
{
	if (list->n > 1)
		qsort(list->v, list->n, sizeof(*list->v), by_address);
}

void
agent_list_free(struct agent_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		agent_free(&list->v[i]);
	x_free(list->v);
	*list = (struct agent_list)AGENT_LIST_INIT;
}

static int
address_against(const void *key, const void *entry)
{
	const struct agent *a = entry;

	return strcmp(key, a->address);
}

struct agent *
agent_list_find(const struct agent_list *list, const char *address)
{
	if (list->n == 0)
		return NULL;
	return bsearch(
	    address, list->v, list->n, sizeof(*list->v), address_against);
}

/* Nearly every text is this: printable ASCII, short enough. */
static bool
is_plain(const char *s, size_t max)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++)
		if (i == max || s[i] < ' ' || s[i] > '~')
			return false;
	return true;
}

void
agent_text(char **field, const char *value, size_t max)
{
	struct buf clean = BUF_INIT_MAX(max);
	size_t left, n;
	uint32_t ch;
	char *plain;

	if (is_plain(value, max)) {
		plain = x_strdup(value);
		x_free(*field);
		*field = plain;
		return;
	}
	for (left = strlen(value); left > 0; value += n, left -= n) {
		n = utf8_decode(value, left, &ch);
		if (n == 0) {
			n = 1;
			buf_addc(&clean, '?');
		} else if (ch < 0x20) {
			buf_addc(&clean, ' ');
		} else if (!utf8_unsafe(ch)) {
			buf_add(&clean, value, n);
		}
	}
	x_free(*field);
	*field = buf_steal(&clean);
}

static void
alias_remove(struct agent *a, size_t i)
{
	x_free(a->aliases[i].name);
	a->aliases_n--;
	memmove(a->aliases + i, a->aliases + i + 1,
	    (a->aliases_n - i) * sizeof(*a->aliases));
}

void
agent_alias_drop(struct agent *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->aliases_n; i++)
		if (str_eq(a->aliases[i].name, name)) {
			alias_remove(a, i);
			return;
		}
}

void
agent_alias_add(struct agent *a, const char *name, int64_t until)
{
	size_t i, first;

	for (i = 0; i < a->aliases_n; i++) {
		if (!str_eq(a->aliases[i].name, name))
			continue;
		if (until == 0 || a->aliases[i].until == 0)
			until = 0;
		if (until == 0 || until > a->aliases[i].until)
			a->aliases[i].until = until;
		return;
	}
	if (a->aliases_n == AGENT_ALIASES_MAX) {
		for (first = a->aliases_n, i = 0; i < a->aliases_n; i++)
			if (a->aliases[i].until != 0 &&
			    (first == a->aliases_n ||
				a->aliases[i].until < a->aliases[first].until))
				first = i;
		if (first == a->aliases_n)
			return;
		alias_remove(a, first);
	}
	a->aliases =
	    x_realloc(a->aliases, a->aliases_n + 1, sizeof(*a->aliases));
	for (i = 0; i < a->aliases_n; i++)
		if (strcmp(a->aliases[i].name, name) > 0)
			break;
	memmove(a->aliases + i + 1, a->aliases + i,
	    (a->aliases_n - i) * sizeof(*a->aliases));
	a->aliases[i].name = x_strdup(name);
	a->aliases[i].until = until;
	a->aliases_n++;
}

bool
agent_has_alias(const struct agent *a, const char *name, int64_t now)
{
	size_t i;

	for (i = 0; i < a->aliases_n; i++)
		if (str_eq(a->aliases[i].name, name))
			return a->aliases[i].until == 0 ||
			    a->aliases[i].until > now;
	return false;
}

bool
agent_name_ok(const char *s)
{
	return s[0] != '-' && strlen(s) <= AGENT_NAME_LEN && str_address_ok(s);
}

bool
agent_id_ok(const char *s)
{
	size_t n = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz");

	return s[n] == '\0' && n >= AGENT_ID_MIN && n <= AGENT_ID_MAX;
}

void
agent_id_new(char out[AGENT_ID_MAX + 1])
{
	static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
	unsigned char bytes[AGENT_ID_LEN];
	size_t i;

	/* Up to 256 bytes getrandom(2) gives whole, once the pool is ready. */
	while (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		if (errno != EINTR)
			abort();
	for (i = 0; i < AGENT_ID_LEN; i++)
		out[i] = digits[bytes[i] & 31];
	out[AGENT_ID_LEN] = '\0';
}

static bool
same_aliases(const struct agent *a, const struct agent *b)
{
	size_t i;

	if (a->aliases_n != b->aliases_n)
		return false;
	for (i = 0; i < a->aliases_n; i++)
		if (a->aliases[i].until != b->aliases[i].until ||
		    !str_eq(a->aliases[i].name, b->aliases[i].name))
			return false;
	return true;
}

static bool
same_ident(const struct pane_ident *a, const struct pane_ident *b)
{
	return a->server_pid == b->server_pid &&
	    a->server_start == b->server_start && a->pane_pid == b->pane_pid &&
	    str_eq(a->pane, b->pane) && str_eq(a->socket, b->socket);
}

/* `b` is the newer: only it knows about automatic-rename. */
static bool
same_agent(const struct agent *a, const struct agent *b)
{
	if (a->role_given != b->role_given || a->scope_given != b->scope_given)
		return false;
	if (a->hidden != b->hidden || !str_eq(a->status, b->status) ||
	    a->project_given != b->project_given ||
	    (b->project_given && !str_eq(a->project, b->project)))
		return false;
	if (b->role_given && !str_eq(a->role, b->role))
		return false;
	if (b->scope_given && !str_eq(a->scope, b->scope))
		return false;
	if (!b->automatic && !str_eq(a->window_name, b->window_name))
		return false;
	if ((a->of == NULL) != (b->of == NULL) ||
	    (a->of != NULL && !str_eq(a->of, b->of)))
		return false;
	return str_eq(a->address, b->address) && str_eq(a->host, b->host) &&
	    str_eq(a->id, b->id) && same_ident(&a->ident, &b->ident) &&
	    str_eq(a->window, b->window) && a->part == b->part &&
	    a->dead == b->dead && str_eq(a->base, b->base) &&
	    str_eq(a->slug, b->slug) && a->followed == b->followed &&
	    str_eq(a->target, b->target) && str_eq(a->session, b->session) &&
	    str_eq(a->known, b->known) && same_aliases(a, b);
}

bool
agent_list_same(const struct agent_list *before, const struct agent_list *now)
{
	size_t i;

	if (before->n != now->n)
		return false;
	for (i = 0; i < now->n; i++)
		if (!same_agent(&before->v[i], &now->v[i]))
			return false;
	return true;
}
