/* check - what --check prints: a pane's state, and why. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>

#include "allow.h"
#include "buf.h"
#include "presence.h"
#include "register.h"

/*
 * Look at the pane of `address`, an agent of this host, and append its state
 * and the reason as one line, more with `verbose`, or one JSON object.
 * `narrow`: to one that may know little of us, so neither which pane and
 * program it is nor what is seen there and who may send. EXIT_OK if a message
 * would be typed or shown now, EXIT_NOT_READY if not, EXIT_REFUSED if none of
 * `from` ever would (@agent-allow); `now` (may be NULL) is what it is doing. -1
 * with `e` filled when the pane cannot be looked at.
 */
int check(const struct registrar *reg, const char *address,
    const struct allow_sender *from, bool as_json, bool verbose, bool narrow,
    struct buf *out, struct presence *now, struct err *e);

#endif
