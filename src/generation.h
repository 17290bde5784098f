/* generation - the number of this host's slice, when clocks go wrong. */
#ifndef GENERATION_H
#define GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "home.h"

/*
 * A generation is the time in ms at which a slice was written, and grows: peers
 * take none that is not above the last one. Where our last one is further
 * ahead than peers allow (SLICE_AHEAD_MS), we begin anew at `now`: either it
 * was written while the clock was ahead, and nobody has it, or the clock is
 * behind now, and everybody has it. In the second case what we write is
 * refused until the clock is right, and then, if nothing changes any more, it
 * still stands behind. And a number that nobody takes stands above one that
 * peers have, if the clock was ahead a little first, and then far.
 *
 * So a number that is left, backwards or by a step that may be a clock's, is
 * kept in run/generation (decimal, a blank between them). The next one is above
 * all of these that peers may have; when they turn out to be above the newest,
 * the slice is written once more.
 */

/* The generation after `last`: *next. -1 with EXIT_LOCAL if the one that is
 * left cannot be kept. The caller holds the lock of local.toml. */
int generation_next(const struct home *home, int64_t last, int64_t now,
    int64_t *next, struct err *e);

/* Was a number above `generation`, the newest, given out before it? */
bool generation_overtaken(
    const struct home *home, int64_t generation, int64_t now);

#endif
