/* register_parked - what is remembered of windows whose session is ignored for
 * the moment: renamed back or on, they have their id and their old names. */
#ifndef REGISTER_PARKED_H
#define REGISTER_PARKED_H

#include "agent.h"
#include "buf.h"
#include "home.h"
#include "slice.h"

/*
 * The entries in ~/.agents/run/parked.toml, which is written like a slice, and
 * is there only while there are any. An entry is parked when its panes are
 * shown by ignored sessions alone, for alias_hours at most. Its names are not
 * reserved meanwhile. The caller holds the lock of local.toml throughout.
 */
struct parked {
	struct buf text; /* of the file */
	struct slice slice;
};

#define PARKED_INIT                                                       \
	{                                                                 \
		.text = BUF_INIT_MAX(SLICE_SIZE_MAX), .slice = SLICE_INIT \
	}

/* Read the file; nothing there, or nothing valid, is nothing parked. */
void parked_load(struct parked *p, const struct home *home);
void parked_free(struct parked *p);

/*
 * `before` as agent_merge() is to get it: with the entries parked of that
 * server. Returns `before` itself when there are none, else `joined`, which is
 * filled and to be freed in any case.
 */
const struct agent_list *parked_join(const struct parked *p,
    const struct agent_list *before, const struct agent_scan *scan,
    struct agent_list *joined);

/* Write the file anew, if that changes it: `now` is what stands in the place of
 * `before`, without what was joined. Until that is `written` to local.toml,
 * none that it has leaves the file. What cannot be written is logged: it is a
 * name less. */
void parked_keep(struct parked *p, const struct home *home,
    const struct agent_list *before, const struct agent_list *now,
    const struct agent_scan *scan, bool written);

#endif
