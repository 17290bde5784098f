/* turn - one does it, one waits, the rest leave it to that one. */
#ifndef TURN_H
#define TURN_H

#include <stdbool.h>

#include "err.h"

/*
 * Work that brings something up to date (a scan, a sync) answers for everybody
 * who asked before it began. Two locks, flock(2) on files that stay:
 *
 *   1. try the wait lock; if it is held, somebody is going to begin who has
 *      not begun: leave it to them
 *   2. take the run lock, waiting for whoever runs
 *   3. drop the wait lock: from here on a new event needs a new turn
 *   4. work; drop the run lock
 *
 * So one runs and one waits, however many ask, and the last event is always
 * followed by a whole turn. The kernel drops the locks of a killed program.
 */
struct turn {
	char *wait_path, *run_path;
	int wait_fd, run_fd;
};

#define TURN_INIT                           \
	{                                   \
		.wait_fd = -1, .run_fd = -1 \
	}

enum turn_result {
	TURN_FAILED = -1,
	TURN_MINE = 0,  /* go on, and turn_close() when it is done */
	TURN_LEFT = 1,  /* somebody else waits already */
	TURN_LATER = 2, /* we are the one that waits: try again */
};

/* The turns of `what`, by locks dir/KIND-HASH.wait and .lock. To be closed. */
void turn_open(
    struct turn *t, const char *dir, const char *kind, const char *what);
void turn_close(struct turn *t);

/* One attempt, without waiting. TURN_FAILED with EXIT_LOCAL. */
enum turn_result turn_try(struct turn *t, struct err *e);

/*
 * Wait for the turn, at most wait_ms: past that EXIT_LOCAL. `stay`: never leave
 * it to another, so TURN_LEFT does not happen.
 */
enum turn_result turn_take(
    struct turn *t, bool stay, int wait_ms, struct err *e);

#endif
