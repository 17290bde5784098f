/* killed - messages whose sender was killed on the way: told, once. */
#ifndef KILLED_H
#define KILLED_H

#include <stdbool.h>

#include "err.h"
#include "home.h"

/*
 * Find those of this host that were begun by a process which has ended and
 * has left no verdict. Each gets one (nothing was typed: failed; else:
 * indeterminate), a line in log/killed, and a call of `tell` with that line. A
 * file that a long body was put into stays, and is named. With `dry_run` they
 * are only told.
 */
int killed_sweep(const struct home *home, bool dry_run,
    void (*tell)(void *arg, const char *line), void *arg, struct err *e);

#endif
