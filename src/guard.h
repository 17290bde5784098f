/* guard - a tmux format that restates what was seen of a pane, so that the
 * server itself checks it in the same turn as the keys it guards. */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>

#include "buf.h"
#include "pane.h"

/* What a guard insists on. Identity, alive, no mode, input on and not
 * synchronised are always part of it. */
enum guard_part {
	GUARD_CURSOR = 1, /* cursor, size, screen and paste mode as seen */
	GUARD_PEOPLE = 2, /* no key by anybody since the look */
};

/*
 * Append to `out` the condition for `if-shell -F -t PANE`. With `pattern` (a
 * shipped one, free of `# { } , '`; NULL: none) row `row` must also be the
 * first that matches it. It holds ids, numbers and `pattern` only: a format
 * with a name or a message in it could run #(commands).
 */
void guard_build(struct buf *out, const struct pane_facts *facts,
    unsigned parts, const char *pattern, unsigned row);

#endif
