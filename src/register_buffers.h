/* register_buffers - message bodies that killed senders left in a server. */
#ifndef REGISTER_BUFFERS_H
#define REGISTER_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "tmux.h"

/*
 * A body stands in a tmux buffer of ours between load-buffer and paste-buffer,
 * which is one call of at most TMUX_TIMEOUT_MS. One that is older than this,
 * its sender or the tmux client was killed between the two.
 */
enum { REGISTER_BUFFERS_OLD_S = 4 * TMUX_TIMEOUT_MS / 1000 };

/*
 * Delete those that are old at `now` (seconds since 1970); with `dry_run` only
 * count them, in *n. -1 when tmux fails.
 */
int register_buffers_sweep(
    const struct tmux *t, int64_t now, bool dry_run, size_t *n, struct err *e);

#endif
