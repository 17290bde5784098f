/* register_view - one look at a tmux server: its panes and what runs in them;
 * private to register. */
#ifndef REGISTER_VIEW_H
#define REGISTER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "err.h"
#include "register.h"
#include "slice.h"
#include "tmux.h"

struct view_facts; /* what runs in one pane */

/* The rows, sorted, and sights[i] of rows.v[i]. */
struct view {
	struct tmux_rows rows;
	struct agent_sight *sights; /* point into `facts` and the profiles */
	struct view_facts *facts;
	size_t facts_n;
	size_t panes;
	bool recalled;            /* `sights` are what was seen before */
	int64_t taken;            /* monotonic ms, before the look */
	struct slice_ahead ahead; /* local.toml as it was then */
	struct argv slow; /* mounts that may not answer, see project.h */
};

#define VIEW_INIT                                         \
	{                                                 \
		.sights = NULL, .ahead = SLICE_AHEAD_INIT \
	}

/*
 * Scan; again after a moment when a name is not made yet, or when tmux fails at
 * once: of a server that is just ending a client sees any of several errors
 * before it sees that there is no server. A hook's server (server_pid) may well
 * be ending, and nobody waits for a hook: it has more patience.
 */
enum tmux_result view_take(struct view *v, const struct registrar *reg,
    const struct tmux *t, int64_t server_pid, struct err *e);
void view_free(struct view *v);

#endif
