/* agent_merge - what agent_sites.c and agent_merge.c share; nobody else
 * includes it. A scan is first turned into sites (windows) and spots (panes),
 * matched with the entries before; then names are given. */
#ifndef AGENT_MERGE_H
#define AGENT_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "agent_names.h"

#define NOBODY SIZE_MAX

/* One pane of a window. */
struct spot {
	const struct tmux_row *row;
	const struct agent_sight *sight;
	const struct agent *before; /* its own entry, in the same window */
	size_t site;
	size_t entry; /* its own entry in `out`; NOBODY in a window of one */
	int part;
};

/* One window that at least one session shows that is not ignored. */
struct site {
	const struct tmux_row *row; /* as its lowest session shows it */
	size_t link, links;         /* rows of its first pane: all sessions */
	size_t spot, spots;
	const struct agent *before;
	size_t chosen; /* the spot that the window's address means */
	size_t entry;
	bool known; /* a known agent runs in one of its panes */
	bool followed;
	bool keeps; /* the base is what it was */
	char *slug;
	char *base;
};

/* An entry of this server before. */
struct past {
	const struct agent *agent;
	unsigned long number; /* of its window or pane, to sort by */
	bool lives;
};

/* An alias without end. */
struct want {
	size_t entry;
	char *base;
	const char *joint; /* what stands before 2, 3 */
	bool met;
};

struct merge {
	const struct agent_scan *scan;
	struct agent_list *out;
	struct agent_names names;
	const struct agent **before;  /* of out->v[i]; NULL: new */
	const struct tmux_row **rows; /* those of sessions not ignored */
	size_t rows_n;
	struct spot *spots;
	size_t spots_n;
	size_t *by_pane; /* spots, sorted by pane id */
	struct site *sites;
	size_t sites_n;
	struct past *windows, *panes;
	size_t windows_n, panes_n;
	struct want *wants;
	size_t wants_n, wants_cap;
};

/* The number in a tmux id; 0 for "". */
unsigned long merge_id(const char *id);

/* -1, 0 or 1, as qsort(3) wants it. */
int merge_compare(unsigned long a, unsigned long b);

/* "host-session-slug"; malloc'd. */
char *merge_base(const char *host, const char *session, const char *slug);

/* In this order: rows without the ignored sessions; the entries before, those
 * of other servers into `out` and `names`; windows and panes; their entries in
 * `out`, without address. */
void merge_pick_rows(struct merge *m);
void merge_take_before(struct merge *m, const struct agent_list *before);
void merge_build_sites(struct merge *m);
void merge_build_entries(struct merge *m);

#endif
