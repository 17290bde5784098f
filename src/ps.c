#include "ps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "buf.h"
#include "mem.h"
#include "str.h"

enum {
	PS_READ = 4096,
	PS_STAT_MAX = 4096,
	PS_CHILDREN_MAX = 65536,
	PS_PATH_MAX = 96,
};

/*
 * The text of a /proc file, at most the buffer's max; empty when unreadable.
 * Short answers are whole: the kernel ends one early only at a page.
 */
static void
ps_slurp(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	do {
		n = buf_read_fd(b, fd, PS_READ);
	} while (
	    (n > PS_READ / 2 && b->len < b->max) || (n < 0 && errno == EINTR));
	(void)close(fd);
}

int
ps_read(pid_t pid, struct ps *out)
{
	struct buf text = BUF_INIT_MAX(PS_STAT_MAX);
	char path[PS_PATH_MAX], *open_paren, *close_paren;
	unsigned long long start;
	size_t len;
	int rc = -1, tty, n;

	memset(out, 0, sizeof(*out));
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	ps_slurp(path, &text);
	/* The name may hold anything, ')' too: it ends at the last one. */
	open_paren = strchr(text.data, '(');
	close_paren = strrchr(text.data, ')');
	if (open_paren == NULL || close_paren == NULL ||
	    close_paren < open_paren)
		goto out;
	len = (size_t)(close_paren - open_paren - 1);
	if (len >= sizeof(out->comm))
		len = sizeof(out->comm) - 1;
	memcpy(out->comm, open_paren + 1, len);
	/* proc(5): 3 state, 4 ppid, 5 pgrp, 6 session, 7 tty, 8 tpgid, 20
	 * threads, 22 start */
	n = sscanf(close_paren + 1,
	    " %c %d %d %*d %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
	    "%d %*s %llu",
	    &out->state, &out->ppid, &out->pgrp, &tty, &out->tpgid,
	    &out->threads, &start);
	if (n != 7)
		goto out;
	out->pid = pid;
	out->tty = (unsigned)tty;
	out->start = start;
	rc = 0;
out:
	buf_free(&text);
	return rc;
}

bool
ps_ended(pid_t pid)
{
	struct ps ps;

	if (pid <= 1)
		return false;
	if (kill(pid, 0) != 0)
		return errno == ESRCH;
	return ps_read(pid, &ps) == 0 && (ps.state == 'Z' || ps.state == 'X');
}

int64_t
ps_age_ms(const struct ps *ps, int64_t boot_ms)
{
	long ticks = sysconf(_SC_CLK_TCK);

	if (ticks <= 0)
		ticks = 100;
	return boot_ms - (int64_t)(ps->start * 1000 / (uint64_t)ticks);
}

void
ps_cmdline(pid_t pid, struct argv *out)
{
	struct buf text = BUF_INIT_MAX(PS_CMDLINE_MAX);
	char path[PS_PATH_MAX];
	size_t at = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	ps_slurp(path, &text);
	while (at < text.len) {
		argv_add(out, text.data + at);
		at += strlen(text.data + at) + 1;
	}
	buf_free(&text);
}

void
ps_lines(const struct ps_list *list, struct argv *out)
{
	struct buf line;
	struct argv words;
	size_t i, k;

	for (i = 0; i < list->n; i++) {
		words = (struct argv)ARGV_INIT;
		buf_init(&line, PS_CMDLINE_MAX * 2);
		ps_cmdline(list->v[i].pid, &words);
		for (k = 0; k < words.n; k++) {
			if (k > 0)
				buf_addc(&line, ' ');
			buf_adds(&line, words.v[k]);
		}
		buf_truncate(&line, PS_LINE_MAX);
		argv_add(out, line.data);
		buf_free(&line);
		argv_free(&words);
	}
}

char *
ps_cwd(pid_t pid)
{
	char path[PS_PATH_MAX], target[4096];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)pid);
	n = readlink(path, target, sizeof(target));
	if (n <= 0 || (size_t)n >= sizeof(target))
		return NULL;
	return x_strndup(target, (size_t)n);
}

static void
ps_list_add(struct ps_list *list, const struct ps *ps)
{
	if (list->n == list->cap) {
		list->cap = list->cap == 0 ? 16 : list->cap * 2;
		list->v = x_realloc(list->v, list->cap, sizeof(*list->v));
	}
	list->v[list->n++] = *ps;
}

void
ps_list_free(struct ps_list *list)
{
	x_free(list->v);
	*list = (struct ps_list){ .v = NULL };
}

/* The pids of the children of one thread, each with a blank behind it. */
static void
ps_thread_children(pid_t pid, pid_t thread, struct buf *text)
{
	char path[PS_PATH_MAX];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)pid, (int)thread);
	ps_slurp(path, text);
	buf_addc(text, ' ');
}

/* The same of every thread. */
static void
ps_all_children(pid_t pid, struct buf *text)
{
	char path[PS_PATH_MAX];
	struct dirent *entry;
	uint64_t id;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (str_number(entry->d_name, INT32_MAX, &id) == 0)
			ps_thread_children(pid, (pid_t)id, text);
	if (dir != NULL)
		(void)closedir(dir);
}

/* The children of `ps`, appended to `queue`. */
static void
ps_children(const struct ps *ps, struct ps_list *queue)
{
	struct buf text = BUF_INIT_MAX(PS_CHILDREN_MAX);
	char *word, *rest;
	struct ps child;
	uint64_t id;

	/* Most have one thread, and its number is known. */
	if (ps->threads == 1)
		ps_thread_children(ps->pid, ps->pid, &text);
	else
		ps_all_children(ps->pid, &text);
	for (word = strtok_r(text.data, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		if (str_number(word, INT32_MAX, &id) == 0 &&
		    ps_read((pid_t)id, &child) == 0 && queue->n < PS_WALK_MAX)
			ps_list_add(queue, &child);
	buf_free(&text);
}

void
ps_foreground(pid_t pid, struct ps_list *out)
{
	struct ps_list queue = { .v = NULL };
	struct ps first, leader;
	size_t i;

	if (ps_read(pid, &first) != 0)
		return;
	if (first.tty == 0 || first.tpgid <= 0) {
		ps_list_add(out, &first);
		return;
	}
	if (first.tpgid != pid && ps_read(first.tpgid, &leader) == 0 &&
	    leader.tty == first.tty)
		ps_list_add(out, &leader);
	ps_list_add(&queue, &first);
	for (i = 0; i < queue.n; i++) {
		/* ps_children() may move the list */
		struct ps ps = queue.v[i];

		if (ps.tty == first.tty && ps.pgrp == first.tpgid &&
		    !(out->n > 0 && ps.pid == out->v[0].pid))
			ps_list_add(out, &ps);
		ps_children(&ps, &queue);
	}
	ps_list_free(&queue);
}

void
ps_mark(struct ps_list *list)
{
	char path[PS_PATH_MAX];
	struct stat st;
	size_t i;

	for (i = 0; i < list->n; i++) {
		(void)snprintf(
		    path, sizeof(path), "/proc/%d", (int)list->v[i].pid);
		list->v[i].foreign =
		    stat(path, &st) == 0 && st.st_uid != geteuid();
		(void)snprintf(
		    path, sizeof(path), "/proc/%d/fd/0", (int)list->v[i].pid);
		list->v[i].piped = stat(path, &st) == 0 && !S_ISCHR(st.st_mode);
	}
}

/* Is descriptor `fd` of process `pid` the terminal `tty`, or /dev/tty? */
static bool
ps_fd_is_tty(pid_t pid, unsigned long fd, unsigned tty)
{
	/* devices.txt: 5,0 is /dev/tty, the process's own terminal */
	const unsigned dev_tty = 5U << 8;
	char path[PS_PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd/%lu", (int)pid, fd);
	if (stat(path, &st) != 0 || !S_ISCHR(st.st_mode))
		return false;
	return (unsigned)st.st_rdev == tty || (unsigned)st.st_rdev == dev_tty;
}

/* Linux 5.11; Bun waits in it, headers may be older. */
enum { PS_EPOLL_PWAIT2 = 441 };

/* Do we not see what it waits for? Its descriptors stand in its memory. */
static bool
ps_waits_for_many(long number)
{
	static const long calls[] = {
		SYS_ppoll, SYS_pselect6, SYS_epoll_pwait, PS_EPOLL_PWAIT2,
#ifdef SYS_poll
		SYS_poll, SYS_select, SYS_epoll_wait
#endif
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (calls[i] == number)
			return true;
	}
	return false;
}

/* Does it sleep, or wait for a child? So does a poll of no descriptor. */
static bool
ps_only_sleeps(long number, const unsigned long arg[2])
{
	if (number == SYS_nanosleep || number == SYS_clock_nanosleep ||
	    number == SYS_wait4 || number == SYS_waitid)
		return true;
	if (number == SYS_pselect6)
		return arg[0] == 0;
#ifdef SYS_poll
	if (number == SYS_select)
		return arg[0] == 0;
	if (number == SYS_poll)
		return arg[1] == 0;
#endif
	return number == SYS_ppoll && arg[1] == 0;
}

/* One thread: is it in read(2) on the terminal? */
static enum ps_reading
ps_thread_reading(pid_t pid, uint64_t thread, unsigned tty)
{
	struct buf text = BUF_INIT_MAX(PS_STAT_MAX);
	enum ps_reading reading = PS_READING_NO;
	char path[PS_PATH_MAX];
	unsigned long fd;
	long number;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid,
	    (int)thread);
	ps_slurp(path, &text);
	if (text.len == 0 ||
	    (sscanf(text.data, "%ld", &number) == 1 &&
		ps_waits_for_many(number)))
		reading = PS_READING_UNKNOWN;
	else if (sscanf(text.data, "%ld 0x%lx", &number, &fd) == 2 &&
	    number == SYS_read && ps_fd_is_tty(pid, fd, tty))
		reading = PS_READING_YES;
	buf_free(&text);
	return reading;
}

enum ps_reading
ps_reading_tty(const struct ps_list *list, unsigned tty)
{
	enum ps_reading reading = PS_READING_NO, one;
	char path[PS_PATH_MAX];
	struct dirent *entry;
	uint64_t thread;
	size_t i;
	DIR *dir;

	for (i = 0; i < list->n && reading != PS_READING_YES; i++) {
		(void)snprintf(
		    path, sizeof(path), "/proc/%d/task", (int)list->v[i].pid);
		dir = opendir(path);
		if (dir == NULL)
			continue;
		while ((entry = readdir(dir)) != NULL) {
			if (str_number(entry->d_name, INT32_MAX, &thread) != 0)
				continue;
			one = ps_thread_reading(list->v[i].pid, thread, tty);
			if (one == PS_READING_YES ||
			    (one == PS_READING_UNKNOWN &&
				reading == PS_READING_NO))
				reading = one;
			if (one == PS_READING_YES)
				break;
		}
		(void)closedir(dir);
	}
	return reading;
}

enum ps_reading
ps_waiting(pid_t pid)
{
	struct buf text = BUF_INIT_MAX(PS_STAT_MAX);
	enum ps_reading waiting = PS_READING_UNKNOWN;
	char path[PS_PATH_MAX];
	unsigned long arg[2] = { 0, 0 };
	struct ps ps;
	long number;

	if (ps_read(pid, &ps) != 0)
		return waiting;
	(void)snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	ps_slurp(path, &text);
	/* "running", or a number. */
	if (ps.state != 'S' || str_starts(text.data, "running")) {
		waiting = PS_READING_NO;
	} else if (sscanf(text.data, "%ld 0x%lx 0x%lx", &number, &arg[0],
		       &arg[1]) == 3) {
		if (ps_only_sleeps(number, arg))
			waiting = PS_READING_NO;
		else if (number == SYS_read || number == SYS_futex ||
		    ps_waits_for_many(number))
			waiting = PS_READING_YES;
	}
	buf_free(&text);
	return waiting;
}

unsigned
ps_own_tty(void)
{
	struct ps self;

	return ps_read(getpid(), &self) == 0 ? self.tty : 0;
}
