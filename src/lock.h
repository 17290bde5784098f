/* lock - flock(2) with a deadline; the kernel releases it when we die. */
#ifndef LOCK_H
#define LOCK_H

#include "err.h"

enum lock_result {
	LOCK_FAILED = -1,
	LOCK_TAKEN = 0,
	LOCK_BUSY = 1, /* someone else held it until the deadline */
};

/*
 * Lock file `path` (made if missing, mode 0600, never renamed or removed, so
 * that everybody locks the same inode), waiting at most wait_ms (0: only try).
 * On LOCK_TAKEN *fd is a descriptor; lock_drop() releases it. On LOCK_FAILED
 * (EXIT_LOCAL) and LOCK_BUSY *fd is -1; LOCK_BUSY does not touch `e`.
 */
enum lock_result lock_take(
    const char *path, int wait_ms, int *fd, struct err *e);

/* For a lock that nothing can be done without: 0; -1 with EXIT_LOCAL also when
 * someone else held it until the deadline. */
int lock_need(const char *path, int wait_ms, int *fd, struct err *e);

/* lock_take() on an open descriptor, such as a pane's tty; `name` is for `e`.
 */
enum lock_result lock_fd(int fd, const char *name, int wait_ms, struct err *e);

/* The same for a lock that several may hold at once, and lock_fd() none of
 * them. */
enum lock_result lock_shared(
    int fd, const char *name, int wait_ms, struct err *e);

/* Release and close; *fd becomes -1. -1 is fine. */
void lock_drop(int *fd);

#endif
