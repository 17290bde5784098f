/*
 * How addresses are given. The order of the steps is the rule: whoever has a
 * name keeps it before anybody new is asked.
 *
 *   1. entries of other servers, untouched
 *   2. windows and panes that keep their address
 *   3. aliases that run on, and those that begin: addresses given up
 *   4. aliases without end that are still wanted
 *   5. windows that are new or were renamed, by base, session and index
 *   6. panes that are new, by index
 *   7. aliases without end that are wanted for the first time
 */
#include "agent_merge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

/* Where `entry` gets `name` for good; false when somebody else has it. */
static bool
take_name(struct merge *m, size_t entry, const char *name)
{
	struct agent_name *taken = agent_names_find(&m->names, name);
	struct agent *a = &m->out->v[entry];

	if (taken == NULL)
		(void)agent_names_add(&m->names, name, entry, false);
	else if (taken->owner == entry && taken->alias)
		taken->alias = false; /* its own old name: back to it */
	else
		return false;
	agent_alias_drop(a, name);
	agent_text(&a->address, name, ADDRESS_MAX);
	return true;
}

/* Give `entry` alias `name` unless the name is taken. */
static bool
take_alias(struct merge *m, size_t entry, const char *name, int64_t until)
{
	struct agent_name *taken = agent_names_find(&m->names, name);

	if (taken != NULL && (taken->owner != entry || !taken->alias))
		return false;
	if (taken == NULL)
		(void)agent_names_add(&m->names, name, entry, true);
	agent_alias_add(&m->out->v[entry], name, until);
	return true;
}

/* Step 2. */
static void
keep_addresses(struct merge *m)
{
	const struct site *site;
	struct spot *spot;
	size_t i;

	for (i = 0; i < m->sites_n; i++) {
		site = &m->sites[i];
		if (site->keeps)
			(void)take_name(m, site->entry, site->before->address);
	}
	for (i = 0; i < m->spots_n; i++) {
		spot = &m->spots[i];
		site = &m->sites[spot->site];
		if (spot->entry == NOBODY || spot->before == NULL ||
		    !str_eq(spot->before->of, m->out->v[site->entry].address))
			continue;
		if (take_name(m, spot->entry, spot->before->address))
			m->out->v[spot->entry].part = spot->part;
	}
}

/* The entry that stands for the pane with this id: its own, else its
 * window's; NOBODY when it does not live. */
static size_t
entry_of_pane(const struct merge *m, const char *pane)
{
	unsigned long number = merge_id(pane), at;
	size_t low = 0, high = m->spots_n, middle;
	const struct spot *spot;

	while (low < high) {
		middle = low + (high - low) / 2;
		spot = &m->spots[m->by_pane[middle]];
		at = merge_id(spot->row->ident.pane);
		if (at == number)
			return spot->entry != NOBODY
			    ? spot->entry
			    : m->sites[spot->site].entry;
		if (at < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NOBODY;
}

/* Is this the address that the pane of a window's entry had while the window
 * had several? */
static bool
is_part_name(const struct agent *whole, const char *name)
{
	size_t len = strlen(whole->address);
	uint64_t part;

	return whole->of == NULL && whole->part >= 0 &&
	    str_starts(name, whole->address) && str_starts(name + len, "-p") &&
	    str_number(name + len + 2, INT32_MAX, &part) == 0 &&
	    part == (uint64_t)whole->part;
}

/* The address and the running aliases of `from` become aliases of `entry`. */
static void
carry_names(struct merge *m, size_t entry, const struct agent *from)
{
	int64_t now = m->scan->now;
	size_t i, to;

	for (i = 0; i < from->aliases_n; i++) {
		to = entry;
		if (is_part_name(from, from->aliases[i].name))
			to = entry_of_pane(m, from->ident.pane);
		if (to != NOBODY && from->aliases[i].until > now)
			(void)take_alias(m, to, from->aliases[i].name,
			    from->aliases[i].until);
	}
	if (m->scan->config->alias_hours > 0 &&
	    !str_eq(m->out->v[entry].address, from->address))
		(void)take_alias(m, entry, from->address,
		    now + m->scan->config->alias_hours * 3600 * 1000);
}

/* An entry whose place is gone: its pane, if it lives on, inherits. */
static void
inherit(struct merge *m, const struct agent *gone)
{
	size_t entry = entry_of_pane(m, gone->ident.pane);
	struct agent *a;

	if (entry == NOBODY)
		return;
	a = &m->out->v[entry];
	if (m->before[entry] == NULL && a->id[0] == '\0')
		(void)snprintf(a->id, sizeof(a->id), "%s", gone->id);
	carry_names(m, entry, gone);
}

static int
by_pane_id(const void *a, const void *b, void *merge)
{
	const struct merge *m = merge;
	const size_t *x = a, *y = b;

	return merge_compare(merge_id(m->spots[*x].row->ident.pane),
	    merge_id(m->spots[*y].row->ident.pane));
}

/* Step 3. */
static void
carry_aliases(struct merge *m)
{
	size_t i;

	m->by_pane = x_calloc(m->spots_n, sizeof(*m->by_pane));
	for (i = 0; i < m->spots_n; i++)
		m->by_pane[i] = i;
	qsort_r(m->by_pane, m->spots_n, sizeof(*m->by_pane), by_pane_id, m);
	for (i = 0; i < m->out->n; i++)
		if (m->before[i] != NULL)
			carry_names(m, i, m->before[i]);
	/* A pane's own entry knows better than its window's which id it had. */
	for (i = 0; i < m->panes_n; i++)
		if (!m->panes[i].lives)
			inherit(m, m->panes[i].agent);
	for (i = 0; i < m->windows_n; i++)
		if (!m->windows[i].lives)
			inherit(m, m->windows[i].agent);
}

/* The caller sets its base. */
static struct want *
add_want(struct merge *m, size_t entry, const char *joint)
{
	if (m->wants_n == m->wants_cap) {
		m->wants_cap = m->wants_cap == 0 ? 64 : m->wants_cap * 2;
		m->wants = x_realloc(m->wants, m->wants_cap, sizeof(*m->wants));
	}
	m->wants[m->wants_n] = (struct want){ entry, NULL, joint, false };
	return &m->wants[m->wants_n++];
}

static void
build_wants(struct merge *m)
{
	const struct tmux_row *row, *last;
	const struct site *site;
	const struct spot *spot;
	size_t i, j;

	for (i = 0; i < m->sites_n; i++) {
		site = &m->sites[i];
		for (j = 1; j < site->links; j++) {
			row = m->rows[site->link + j];
			last = m->rows[site->link + j - 1];
			if (row->session_number == last->session_number)
				continue; /* linked twice in one session */
			add_want(m, site->entry, "-")->base = merge_base(
			    m->scan->host, row->session_name, site->slug);
		}
	}
	for (i = 0; i < m->spots_n; i++) {
		spot = &m->spots[i];
		if (agent_name_ok(spot->row->name))
			add_want(m,
			    spot->entry != NOBODY ? spot->entry
						  : m->sites[spot->site].entry,
			    "")
			    ->base = x_strdup(spot->row->name);
	}
}

/* Is `name` the want's base, or the base with a number behind? */
static bool
want_fits(const struct want *want, const char *name)
{
	const char *rest = name + strlen(want->base);

	if (!str_starts(name, want->base))
		return false;
	if (*rest == '\0')
		return true;
	if (!str_starts(rest, want->joint))
		return false;
	rest += strlen(want->joint);
	return *rest != '\0' && strspn(rest, "0123456789") == strlen(rest);
}

/* Step 4. */
static void
keep_wants(struct merge *m)
{
	const struct agent *before;
	struct want *want;
	size_t i, j;

	for (i = 0; i < m->wants_n; i++) {
		want = &m->wants[i];
		before = m->before[want->entry];
		for (j = 0;
		     before != NULL && !want->met && j < before->aliases_n; j++)
			if (before->aliases[j].until == 0 &&
			    want_fits(want, before->aliases[j].name))
				want->met = take_alias(
				    m, want->entry, before->aliases[j].name, 0);
	}
}

/*
 * Give `entry` an address made of `base`: one of its own aliases that fits,
 * else the first free of base, base-2, base-3... `*next` is where the last
 * search among the same base ended: 10,000 windows of one name stay linear.
 */
static void
give_address(struct merge *m, size_t entry, const char *base, uint64_t *next)
{
	const struct want fits = { .base = m->out->v[entry].base,
		.joint = "-" };
	const struct agent *a = &m->out->v[entry];
	char *name;
	bool done;
	size_t i;

	if (*next <= 1 && take_name(m, entry, base)) {
		*next = 2;
		return;
	}
	for (i = 0; i < a->aliases_n; i++)
		if (want_fits(&fits, a->aliases[i].name)) {
			name = x_strdup(a->aliases[i].name);
			done = take_name(m, entry, name);
			x_free(name);
			if (done)
				return;
		}
	for (*next = *next < 2 ? 2 : *next;; (*next)++) {
		name = x_asprintf("%s-%" PRIu64, base, *next);
		done = take_name(m, entry, name);
		x_free(name);
		if (done)
			return;
	}
}

static int
by_base(const void *a, const void *b, void *merge)
{
	const struct merge *m = merge;
	const struct site *x = &m->sites[*(const size_t *)a];
	const struct site *y = &m->sites[*(const size_t *)b];
	int order;

	order = strcmp(x->base, y->base);
	if (order == 0)
		order = merge_compare(
		    x->row->session_number, y->row->session_number);
	if (order == 0)
		order =
		    merge_compare(x->row->window_index, y->row->window_index);
	return order != 0
	    ? order
	    : merge_compare(merge_id(x->row->window), merge_id(y->row->window));
}

/* Step 5. */
static void
name_sites(struct merge *m)
{
	size_t *order = x_calloc(m->sites_n, sizeof(*order)), n = 0, i;
	const char *last = "";
	struct site *site;
	uint64_t next = 0;

	for (i = 0; i < m->sites_n; i++)
		if (m->out->v[m->sites[i].entry].address[0] == '\0')
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), by_base, m);
	for (i = 0; i < n; i++) {
		site = &m->sites[order[i]];
		if (!str_eq(site->base, last))
			next = 0;
		last = site->base;
		give_address(m, site->entry, site->base, &next);
	}
	x_free(order);
}

static bool
part_taken(const struct merge *m, const struct site *site, int part)
{
	size_t i;

	for (i = 0; i < site->spots; i++)
		if (m->spots[site->spot + i].entry != NOBODY &&
		    m->out->v[m->spots[site->spot + i].entry].part == part)
			return true;
	return false;
}

static void
name_spot(struct merge *m, const struct spot *spot)
{
	const struct site *site = &m->sites[spot->site];
	struct agent *a = &m->out->v[spot->entry];
	int part;
	char *name;
	bool done = false;

	part = spot->part >= 0 ? spot->part : (int)spot->row->pane_index;
	for (; !done; part++) {
		if (part_taken(m, site, part))
			continue;
		name =
		    x_asprintf("%s-p%d", m->out->v[site->entry].address, part);
		done = take_name(m, spot->entry, name);
		x_free(name);
		if (done)
			a->part = part;
	}
}

/* Step 6: first those that had a number, then the others. */
static void
name_spots(struct merge *m)
{
	const struct spot *spot;
	size_t i;
	int pass;

	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < m->spots_n; i++) {
			spot = &m->spots[i];
			if (spot->entry != NOBODY &&
			    m->out->v[spot->entry].address[0] == '\0' &&
			    (pass == 1 || spot->part >= 0))
				name_spot(m, spot);
		}
	for (i = 0; i < m->spots_n; i++) {
		spot = &m->spots[i];
		if (spot->entry != NOBODY)
			m->out->v[spot->entry].of = x_strdup(
			    m->out->v[m->sites[spot->site].entry].address);
	}
}

/* Step 7. */
static void
name_wants(struct merge *m)
{
	const struct agent_name *taken;
	struct want *want;
	uint64_t n;
	char *name;
	size_t i;

	for (i = 0; i < m->wants_n; i++) {
		want = &m->wants[i];
		taken = agent_names_find(&m->names, want->base);
		if (taken != NULL && taken->owner == want->entry)
			want->met = true;
		if (!want->met)
			want->met = take_alias(m, want->entry, want->base, 0);
		for (n = 2; !want->met; n++) {
			name = x_asprintf(
			    "%s%s%" PRIu64, want->base, want->joint, n);
			want->met = take_alias(m, want->entry, name, 0);
			x_free(name);
		}
	}
}

static void
merge_free(struct merge *m)
{
	size_t i;

	for (i = 0; i < m->sites_n; i++) {
		x_free(m->sites[i].slug);
		x_free(m->sites[i].base);
	}
	for (i = 0; i < m->wants_n; i++)
		x_free(m->wants[i].base);
	x_free(m->wants);
	x_free(m->sites);
	x_free(m->spots);
	x_free(m->by_pane);
	x_free(m->windows);
	x_free(m->panes);
	x_free(m->rows);
	x_free(m->before);
	agent_names_free(&m->names);
}

void
agent_merge(struct agent_list *out, const struct agent_list *before,
    const struct agent_scan *scan)
{
	struct merge m = { .scan = scan, .out = out };
	size_t i;

	*out = (struct agent_list)AGENT_LIST_INIT;
	merge_pick_rows(&m);
	merge_take_before(&m, before);
	merge_build_sites(&m);
	merge_build_entries(&m);
	keep_addresses(&m);
	carry_aliases(&m);
	build_wants(&m);
	keep_wants(&m);
	name_sites(&m);
	name_spots(&m);
	name_wants(&m);
	for (i = 0; i < out->n; i++)
		if (out->v[i].id[0] == '\0')
			agent_id_new(out->v[i].id);
	agent_list_sort(out);
	merge_free(&m);
}
