/* proc - the one way to run a program, always with a deadline. */
#ifndef PROC_H
#define PROC_H

#include <stdbool.h>
#include <stddef.h>

#include "argv.h"
#include "buf.h"
#include "err.h"

/*
 * A child process to be run to its end. The caller owns every pointer.
 *
 * It starts with stdin, stdout and stderr as said here and no other
 * descriptor, every signal at its default and none blocked, in a process group
 * of its own that is killed as a whole (SIGTERM, PROC_GRACE_MS later SIGKILL)
 * when the deadline passes.
 */
struct proc {
	const struct argv *argv; /* v[0] is looked up in PATH */
	char *const *env;        /* NULL: ours */
	const void *in;          /* bytes for stdin; NULL: /dev/null */
	size_t in_len;
	struct buf *out; /* stdout goes here, up to its max; NULL: dropped */
	struct buf *err; /* stderr likewise */
	int timeout_ms;  /* > 0 */
	int status;      /* result: exit status, or 128 + signal */
	bool timed_out;  /* result: the deadline ended it */
};

enum { PROC_GRACE_MS = 2000 };

/*
 * Run it. 0 when it ran and ended by itself, whatever `status` says; -1 when
 * it could not be started (EXIT_LOCAL) or the deadline passed (EXIT_WIRE).
 */
int proc_run(struct proc *p, struct err *e);

#endif
