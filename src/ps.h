/* ps - what the kernel says of processes: proc(5). */
#ifndef PS_H
#define PS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "argv.h"

enum {
	PS_COMM_MAX = 64,      /* bytes of a command name */
	PS_CMDLINE_MAX = 8192, /* bytes of a command line looked at */
	PS_LINE_MAX = 1024,    /* bytes of one that are worth judging */
	PS_WALK_MAX = 4096,    /* processes looked at in one walk */
};

/* One line of /proc/PID/stat. `comm` is what the process says of itself. */
struct ps {
	pid_t pid;
	pid_t ppid;
	pid_t pgrp;
	pid_t tpgid; /* foreground group of its terminal; -1: none */
	int threads;
	unsigned tty;   /* device number of its terminal; 0: none */
	char state;     /* R S D T Z ... */
	uint64_t start; /* clock ticks after boot: tells a reused pid */
	bool foreign;   /* another user's; only after ps_mark() */
	bool piped;     /* its input is no terminal; likewise */
	char comm[PS_COMM_MAX];
};

/* A list of processes, owned by whoever it was filled for. */
struct ps_list {
	struct ps *v;
	size_t n;
	size_t cap;
};

/* Read one process: 0, or -1 when it is gone. */
int ps_read(pid_t pid, struct ps *out);

/* Has it ended for certain? A zombie that nobody waits for has. One whose pid
 * another process got, or that we may not see, has not. */
bool ps_ended(pid_t pid);

/* Milliseconds since it was started, `boot_ms` being now after boot. */
int64_t ps_age_ms(const struct ps *ps, int64_t boot_ms);

/* Its command line, at most PS_CMDLINE_MAX bytes of it; empty for a kernel
 * thread, a zombie or another user's hidden process. */
void ps_cmdline(pid_t pid, struct argv *out);

/*
 * The command line of each process of `list`, words separated by blanks, at
 * most PS_LINE_MAX bytes of each: out->v[i] belongs to list->v[i].
 */
void ps_lines(const struct ps_list *list, struct argv *out);

/* Its working folder; malloc'd, NULL when it cannot be read. Any bytes. */
char *ps_cwd(pid_t pid);

/*
 * The processes of the foreground group of the terminal that `pid` (a pane's
 * first process) runs on: found among its descendants, the group's leader
 * first if it still lives. Empty when `pid` is gone.
 */
void ps_foreground(pid_t pid, struct ps_list *out);
void ps_list_free(struct ps_list *list);

/*
 * Fill in `foreign` and `piped` of each process; both stay false where the
 * kernel does not tell. A process that may not be traced counts as root's.
 */
void ps_mark(struct ps_list *list);

enum ps_reading {
	PS_READING_UNKNOWN, /* the kernel does not let us see */
	PS_READING_NO,
	PS_READING_YES,
};

/*
 * Is one of these processes blocked in read(2) on terminal `tty` (its device
 * number)? Read from /proc/P/task/T/syscall, whose first two words are the
 * system call's number and first argument; with Yama's ptrace_scope that file
 * is closed, and poll(2) does not show what it waits for: then the answer is
 * PS_READING_UNKNOWN.
 */
enum ps_reading ps_reading_tty(const struct ps_list *list, unsigned tty);

/*
 * Does process `pid` wait for what comes next, its first thread being asleep in
 * poll(2), select(2), epoll(7), futex(2) or read(2)? PS_READING_NO: it runs,
 * stopped, sleeps for a time or waits for a child.
 */
enum ps_reading ps_waiting(pid_t pid);

/* Device number of our controlling terminal; 0 without one. */
unsigned ps_own_tty(void);

#endif
