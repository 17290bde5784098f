/* proc - the one way to run a program, always with a deadline. */
#ifndef PROC_H
#define PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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

/* The three pipes between us and a child; -1 when not (or no longer) there. */
struct proc_pipes {
	int in, out, err;
	int child_in, child_out, child_err;
};

/*
 * The same in two steps, for those who have something to do while it runs; its
 * output waits in the pipes meanwhile. When proc_begin() gives 0, proc_finish()
 * is to be called once, with the same `p`.
 */
struct proc_running {
	struct proc_pipes pipes;
	pid_t pid;
	int pidfd;
	int64_t deadline;
	struct sigaction pipe_old, child_old;
};

int proc_begin(struct proc *p, struct proc_running *r, struct err *e);
int proc_finish(struct proc *p, struct proc_running *r, struct err *e);

/*
 * A child that we talk to while it runs. The descriptors are non-blocking and
 * ours; -1 once closed. Start-up as in struct proc.
 */
struct proc_child {
	pid_t pid;
	int pidfd; /* readable when it has ended */
	int in;    /* its stdin */
	int out;   /* its stdout */
	int err;   /* its stderr */
};

#define PROC_CHILD_INIT                                                \
	{                                                              \
		.pid = -1, .pidfd = -1, .in = -1, .out = -1, .err = -1 \
	}

/* Start it: -1 with EXIT_LOCAL when that fails. */
int proc_start(
    struct proc_child *child, const struct argv *argv, struct err *e);

/*
 * Close what is open, end its process group if it still runs (SIGTERM, after
 * PROC_GRACE_MS SIGKILL) and reap it. Returns its exit status, 128 + signal, or
 * -1 when it was never started.
 */
int proc_stop(struct proc_child *child);

/*
 * Run argv in the background, with no tie to us: a session of its own,
 * /dev/null for stdin, stdout and stderr, so that neither tmux nor sshd waits
 * for it. 0 as soon as it was forked, -1 with EXIT_LOCAL.
 */
int proc_detach(const struct argv *argv, struct err *e);

/* Become that program, with our stdin, stdout and stderr. Returns only when it
 * cannot be started: -1 with EXIT_LOCAL. */
int proc_exec(const struct argv *argv, struct err *e);

/* The path of the suite's program `name`: beside the running one, as installed
 * together, else just `name` for PATH to find. malloc'd. */
char *proc_sibling(const char *name);

#endif
