#include "agent_merge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

unsigned long
merge_id(const char *id)
{
	return id[0] == '\0' ? 0 : strtoul(id + 1, NULL, 10);
}

/* "@07" is "@7": what sorts equal must be equal. */
static bool
same_id(const char *a, const char *b)
{
	return merge_id(a) == merge_id(b);
}

int
merge_compare(unsigned long a, unsigned long b)
{
	return a < b ? -1 : a > b;
}

static int
by_place(const void *a, const void *b)
{
	const struct tmux_row *x = a, *y = b;
	int order;

	order = merge_compare(merge_id(x->window), merge_id(y->window));
	if (order == 0)
		order = merge_compare(x->pane_index, y->pane_index);
	if (order == 0)
		order = merge_compare(
		    merge_id(x->ident.pane), merge_id(y->ident.pane));
	if (order == 0)
		order = merge_compare(x->session_number, y->session_number);
	if (order == 0)
		order = merge_compare(x->window_index, y->window_index);
	return order;
}

void
agent_rows_sort(struct tmux_rows *rows)
{
	if (rows->n > 1)
		qsort(rows->v, rows->n, sizeof(*rows->v), by_place);
}

char *
merge_base(const char *host, const char *session, const char *slug)
{
	char part[SESSION_MAX + 1];

	str_session(part, session);
	return x_asprintf("%s-%s-%s", host, part, slug);
}

/* The slug of a row's window as it is called now; malloc'd. */
static char *
make_slug(const struct tmux_row *row)
{
	char slug[SLUG_MAX + 1];

	str_slug(slug, row->window_name);
	return slug[0] != '\0' ? x_strdup(slug)
			       : x_asprintf("win%u", row->window_index);
}

char *
agent_base(const char *host, const struct tmux_row *row)
{
	char *slug = make_slug(row), *base;

	base = merge_base(host, row->session_name, slug);
	x_free(slug);
	return base;
}

/* Is `slug` what make_slug() gives a window whose name leaves nothing? */
static bool
is_index_slug(const char *slug)
{
	return str_starts(slug, "win") && slug[3] != '\0' &&
	    strspn(slug + 3, "0123456789") == strlen(slug + 3);
}

/*
 * Does automatic-rename still show what stood there before the agent? tmux
 * looks at a pane's program only after output, at most twice a second, and
 * while it has not, the name is that of the shell.
 */
static bool
is_stale_name(const char *slug)
{
	static const char *const shells[] = { "sh", "ash", "bash", "csh",
		"dash", "fish", "ksh", "mksh", "tcsh", "tmux", "zsh" };
	size_t i;

	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		if (str_eq(slug, shells[i]))
			return true;
	return false;
}

/* The slug of a window as it is called now. In its first half second tmux may
 * call a window by itself; the program's own name is what comes next. */
static char *
current_slug(const struct merge *m, const struct site *site)
{
	const char *command = m->spots[site->chosen].sight->command;
	char slug[SLUG_MAX + 1];

	if (site->row->automatic_rename && command != NULL &&
	    str_eq(site->row->window_name, "tmux") &&
	    !str_starts(command, "tmux")) {
		str_slug(slug, command);
		if (slug[0] != '\0')
			return x_strdup(slug);
	}
	return make_slug(site->row);
}

/* Choose a window's slug: see agent.h for automatic-rename. */
static void
choose_slug(const struct merge *m, struct site *site)
{
	char name[SLUG_MAX + 1], *now = current_slug(m, site);
	const struct agent *before = site->before;
	bool move;

	site->followed = site->known && !is_stale_name(now);
	if (before != NULL) {
		site->followed = before->followed;
		if (site->row->automatic_rename) {
			move = site->known && !before->followed &&
			    !is_stale_name(now) && !str_eq(now, before->slug);
			site->followed = before->followed || move;
		} else {
			/* An index is no name: it may change, the address
			 * does not. */
			str_slug(name, site->row->window_name);
			move = name[0] != '\0' || !is_index_slug(before->slug);
		}
		if (!move) {
			x_free(now);
			now = x_strdup(before->slug);
		}
	}
	site->slug = now;
}

static int
by_number(const void *a, const void *b)
{
	const struct past *x = a, *y = b;

	return merge_compare(x->number, y->number);
}

static struct past *
past_find(struct past *past, size_t n, const char *id)
{
	struct past key = { .number = merge_id(id) };

	if (n == 0)
		return NULL;
	return bsearch(&key, past, n, sizeof(*past), by_number);
}

/* A copy of an entry of before, without the aliases that have ended. */
static void
copy_entry(struct merge *m, const struct agent *from)
{
	struct agent *a = agent_list_add(m->out);
	size_t i;

	agent_free(a);
	agent_copy(a, from);
	for (i = a->aliases_n; i-- > 0;)
		if (a->aliases[i].until != 0 &&
		    a->aliases[i].until <= m->scan->now)
			agent_alias_drop(a, a->aliases[i].name);
}

/* Step 1, and the entries of this server sorted for matching. */
void
merge_take_before(struct merge *m, const struct agent_list *before)
{
	const struct tmux_row *row = m->rows_n == 0 ? NULL : m->rows[0];
	const struct agent *a;
	size_t i, j;

	m->windows = x_calloc(before->n, sizeof(*m->windows));
	m->panes = x_calloc(before->n, sizeof(*m->panes));
	for (i = 0; i < before->n; i++) {
		a = &before->v[i];
		if (!str_eq(a->ident.socket, m->scan->socket))
			copy_entry(m, a);
		else if (row == NULL ||
		    a->ident.server_pid != row->ident.server_pid ||
		    a->ident.server_start != row->ident.server_start)
			continue; /* gone with its server */
		else if (a->of == NULL)
			m->windows[m->windows_n++] =
			    (struct past){ a, merge_id(a->window), false };
		else
			m->panes[m->panes_n++] =
			    (struct past){ a, merge_id(a->ident.pane), false };
	}
	qsort(m->windows, m->windows_n, sizeof(*m->windows), by_number);
	qsort(m->panes, m->panes_n, sizeof(*m->panes), by_number);
	for (i = 0; i < m->out->n; i++)
		(void)agent_names_add(
		    &m->names, m->out->v[i].address, i, false);
	for (i = 0; i < m->out->n; i++)
		for (j = m->out->v[i].aliases_n; j-- > 0;)
			if (!agent_names_add(&m->names,
				m->out->v[i].aliases[j].name, i, true))
				agent_alias_drop(&m->out->v[i],
				    m->out->v[i].aliases[j].name);
}

/* The spot that a window's address means: see DESIGN: marked, known, active;
 * the one it meant before wins among equals. */
static void
choose_spot(struct merge *m, struct site *site)
{
	size_t i, end = site->spot + site->spots, marked = NOBODY;
	size_t known = NOBODY, same = NOBODY, active = NOBODY;
	const struct spot *spot;

	for (i = end; i-- > site->spot;) {
		spot = &m->spots[i];
		if (spot->row->agent_pane)
			marked = i;
		if (spot->sight->known != NULL)
			known = i;
		if (spot->row->pane_active)
			active = i;
		if (site->before != NULL &&
		    same_id(site->before->ident.pane, spot->row->ident.pane))
			same = i;
	}
	site->known = known != NOBODY;
	if (known != NOBODY && same != NOBODY &&
	    m->spots[same].sight->known != NULL)
		known = same;
	site->chosen = marked != NOBODY ? marked
	    : known != NOBODY           ? known
	    : same != NOBODY            ? same
	    : active != NOBODY          ? active
					: site->spot;
}

static void
add_site(struct merge *m, size_t from, size_t to)
{
	struct site *site = &m->sites[m->sites_n];
	const struct tmux_row *row;
	struct past *past;
	struct spot *spot;
	size_t i;

	*site = (struct site){ .row = m->rows[from],
		.link = from,
		.spot = m->spots_n,
		.entry = NOBODY };
	past = past_find(m->windows, m->windows_n, site->row->window);
	if (past != NULL) {
		past->lives = true;
		site->before = past->agent;
	}
	for (i = from; i < to; i++) {
		row = m->rows[i];
		if (same_id(row->ident.pane, site->row->ident.pane))
			site->links++;
		if (i > from &&
		    same_id(row->ident.pane, m->rows[i - 1]->ident.pane))
			continue;
		spot = &m->spots[m->spots_n++];
		*spot = (struct spot){ .row = row,
			.sight = m->scan->sights + (row - m->scan->rows->v),
			.site = m->sites_n,
			.entry = NOBODY,
			.part = -1 };
		site->spots++;
	}
	choose_spot(m, site);
	choose_slug(m, site);
	site->base =
	    merge_base(m->scan->host, site->row->session_name, site->slug);
	site->keeps =
	    site->before != NULL && str_eq(site->before->base, site->base);
	m->sites_n++;
}

static const struct tmux_rows *
rows_of(const struct merge *m)
{
	return m->scan->rows;
}

void
merge_pick_rows(struct merge *m)
{
	const struct tmux_row *row;
	size_t i;

	m->rows = x_calloc(rows_of(m)->n, sizeof(const struct tmux_row *));
	for (i = 0; i < rows_of(m)->n; i++) {
		row = &rows_of(m)->v[i];
		/* One scan is of one server; a text that says otherwise is no
		 * answer of tmux's. */
		if (row->ident.server_pid !=
			rows_of(m)->v[0].ident.server_pid ||
		    row->ident.server_start !=
			rows_of(m)->v[0].ident.server_start)
			continue;
		if (config_ignored(m->scan->config, row->session_name) == NULL)
			m->rows[m->rows_n++] = row;
	}
}

void
merge_build_sites(struct merge *m)
{
	size_t from, to;

	m->sites = x_calloc(m->rows_n, sizeof(*m->sites));
	m->spots = x_calloc(m->rows_n, sizeof(*m->spots));
	for (from = 0; from < m->rows_n; from = to) {
		for (to = from + 1; to < m->rows_n; to++)
			if (!same_id(
				m->rows[to]->window, m->rows[from]->window))
				break;
		add_site(m, from, to);
	}
}

/* What an entry says of its pane now. */
static void
fill_entry(struct merge *m, struct agent *a, const struct site *site,
    const struct spot *spot)
{
	const struct tmux_row *row = spot->row;
	const struct agent_sight *sight = spot->sight;
	char *text;

	agent_text(&a->host, m->scan->host, HOST_MAX);
	a->ident = row->ident;
	if (row->dead)
		a->ident.pane_pid = 0;
	(void)snprintf(a->window, sizeof(a->window), "%s", row->window);
	a->dead = row->dead;
	a->automatic = row->automatic_rename;
	a->followed = site->followed;
	agent_text(&a->base, site->base, ADDRESS_MAX);
	agent_text(&a->slug, site->slug, SLUG_MAX);
	agent_text(&a->session, site->row->session_name, AGENT_SHORT_MAX);
	agent_text(&a->window_name, site->row->window_name, AGENT_SHORT_MAX);
	if (site->spots > 1)
		text = x_asprintf("%s:%u.%u", a->session,
		    site->row->window_index, row->pane_index);
	else
		text = x_asprintf("%s:%u", a->session, site->row->window_index);
	agent_text(&a->target, text, AGENT_LONG_MAX);
	x_free(text);
	if (sight->known != NULL)
		agent_text(&a->known, sight->known, AGENT_SHORT_MAX);
	agent_text(&a->command, sight->command == NULL ? "" : sight->command,
	    AGENT_SHORT_MAX);
	agent_text(
	    &a->path, sight->path == NULL ? "" : sight->path, AGENT_LONG_MAX);
	a->role_given = row->role[0] != '\0';
	a->scope_given = row->scope[0] != '\0';
	a->project_given = row->project[0] != '\0';
	a->hidden = row->agent_explicit;
	agent_text(&a->status, row->status, AGENT_SHORT_MAX);
	text = sight->known != NULL ? x_asprintf("%s agent", sight->known)
				    : x_strdup(a->command);
	agent_text(&a->role, a->role_given ? row->role : text, AGENT_LONG_MAX);
	x_free(text);
	agent_text(
	    &a->scope, a->scope_given ? row->scope : a->path, AGENT_LONG_MAX);
	agent_text(&a->project,
	    a->project_given             ? row->project
		: sight->project != NULL ? sight->project
					 : "",
	    AGENT_SHORT_MAX);
}

/* A new entry in `out`, as it was `before` where there was one. */
static size_t
add_entry(struct merge *m, const struct agent *before, const struct site *site,
    const struct spot *spot)
{
	struct agent *a = agent_list_add(m->out);
	size_t entry = m->out->n - 1;

	m->before[entry] = before;
	if (before != NULL) {
		(void)snprintf(a->id, sizeof(a->id), "%s", before->id);
		agent_text(&a->known, before->known, AGENT_SHORT_MAX);
	}
	fill_entry(m, a, site, spot);
	return entry;
}

void
merge_build_entries(struct merge *m)
{
	struct site *site;
	struct spot *spot;
	struct past *past;
	size_t i, j;

	m->before = x_calloc(
	    m->out->n + m->sites_n + m->spots_n, sizeof(const struct agent *));
	for (i = 0; i < m->sites_n; i++) {
		site = &m->sites[i];
		site->entry =
		    add_entry(m, site->before, site, &m->spots[site->chosen]);
		for (j = 0; j < site->spots; j++) {
			spot = &m->spots[site->spot + j];
			past = past_find(
			    m->panes, m->panes_n, spot->row->ident.pane);
			if (past != NULL &&
			    same_id(past->agent->window, spot->row->window)) {
				spot->before = past->agent;
				spot->part = past->agent->part;
				past->lives = site->spots > 1;
			} else if (site->before != NULL &&
			    same_id(site->before->ident.pane,
				spot->row->ident.pane)) {
				spot->part = site->before->part;
			}
			if (site->spots > 1)
				spot->entry =
				    add_entry(m, spot->before, site, spot);
			else
				m->out->v[site->entry].part = spot->part;
		}
	}
}
