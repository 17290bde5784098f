/* register_hooks - are our tmux hooks in place, and does anything hide them? */
#ifndef REGISTER_HOOKS_H
#define REGISTER_HOOKS_H

#include "argv.h"
#include "err.h"
#include "tmux.h"

/* The array index that all our hooks have; a user's own stand beside it. */
#define REGISTER_HOOKS_INDEX "[77]"

/*
 * Where panemesh.tmux.conf is: $PANEMESH_HOOKS, else beside the running
 * program, else in ../share/panemesh from there. Malloc'd; NULL with
 * EXIT_LOCAL when there is none.
 */
char *register_hooks_file(struct err *e);

/* Add the names of hooks that this server lacks to `missing`. */
int register_hooks_missing(
    const struct tmux *t, struct argv *missing, struct err *e);

/*
 * Add a line for every hook of a session, window or pane that hides one of
 * ours: "session $1: session-renamed". One beside which ours stands at that
 * level hides nothing. `rows` is a scan of the same server.
 */
int register_hooks_hidden(const struct tmux *t, const struct tmux_rows *rows,
    struct argv *hidden, struct err *e);

/* Source the file on this server, which sets them all. */
int register_hooks_source(
    const struct tmux *t, const char *file, struct err *e);

#endif
