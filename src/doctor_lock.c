/*
 * Locks are flock(2): the kernel drops them when the last descriptor of the
 * open file is closed. So one stays only with a process that was stopped, that
 * hangs, or that inherited the descriptor from one that has ended: then
 * /proc/locks (proc(5)) still names the ended one.
 */
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "doctor_parts.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "ps.h"
#include "str.h"

enum {
	LOCK_TABLE_MAX = 1024 * 1024,
	LOCK_LONG_S = 120, /* nothing of ours holds one so long */
	LOCK_STAYS_MS = 1000,
	LOCK_POLL_MS = 20,
};

/* Has `pid` the file `real` open? */
static bool
lock_opened(pid_t pid, const char *real)
{
	char name[64 + 256], link[4096];
	struct dirent *fd;
	bool found = false;
	ssize_t n;
	DIR *fds;

	(void)snprintf(name, sizeof(name), "/proc/%d/fd", (int)pid);
	fds = opendir(name);
	while (fds != NULL && !found && (fd = readdir(fds)) != NULL) {
		(void)snprintf(
		    name, sizeof(name), "/proc/%d/fd/%s", (int)pid, fd->d_name);
		n = readlink(name, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		found = str_eq(link, real);
	}
	if (fds != NULL)
		(void)closedir(fds);
	return found;
}

/* A process, not `not`, that has `real` open; 0 if none is seen. */
static pid_t
lock_opener(const char *real, pid_t not )
{
	struct dirent *process;
	pid_t found = 0, pid;
	DIR *proc;

	proc = opendir("/proc");
	while (
	    proc != NULL && found == 0 && (process = readdir(proc)) != NULL) {
		pid = (pid_t)strtol(process->d_name, NULL, 10);
		if (pid > 0 && pid != not &&pid != getpid() &&
		    lock_opened(pid, real))
			found = pid;
	}
	if (proc != NULL)
		(void)closedir(proc);
	return found;
}

pid_t
doctor_holder(const char *path)
{
	struct buf text = BUF_INIT_MAX(LOCK_TABLE_MAX);
	char *line, *rest, *real;
	unsigned long inode;
	unsigned big, small;
	struct stat st;
	pid_t pid = 0;
	int seen;

	if (stat(path, &st) != 0)
		return 0;
	real = realpath(path, NULL);
	(void)file_read("/proc/locks", &text, NULL);
	for (line = strtok_r(text.data, "\n", &rest); line != NULL && pid == 0;
	     line = strtok_r(NULL, "\n", &rest)) {
		/* "1: FLOCK  ADVISORY  WRITE 123 08:01:42 0 EOF"; who waits has
		 * "->" behind the number. */
		if (sscanf(line, "%*s FLOCK %*s %*s %d %x:%x:%lu", &seen, &big,
			&small, &inode) != 4 ||
		    inode != st.st_ino)
			continue;
		/* stat(2) names another device on an overlay. */
		if ((big == major(st.st_dev) && small == minor(st.st_dev)) ||
		    (seen > 0 && real != NULL && lock_opened(seen, real)))
			pid = seen > 0 ? seen : -1;
	}
	free(real);
	buf_free(&text);
	return pid;
}

/* How many seconds ago a process started. */
static long
lock_age(const struct ps *ps)
{
	struct timespec now;

	if (clock_gettime(CLOCK_BOOTTIME, &now) != 0)
		return 0;
	return (long)now.tv_sec -
	    (long)(ps->start / (uint64_t)sysconf(_SC_CLK_TCK));
}

/* When a lock was taken nobody knows, only when its holder started: one that
 * runs for long may have taken it just now, and lets go of it soon. */
static bool
lock_stays(const char *path, pid_t pid)
{
	int64_t by = clock_deadline(LOCK_STAYS_MS);

	while (clock_left(by) > 0) {
		if (doctor_holder(path) != pid)
			return false;
		(void)poll(NULL, 0, LOCK_POLL_MS);
	}
	return true;
}

bool
doctor_held(struct doctor *d, const char *path, const char *what)
{
	pid_t pid = doctor_holder(path), other;
	char *shown = path_show(path), *real = NULL;
	struct ps ps;
	size_t before = d->report->n;

	if (pid < 0) {
		doctor_note(d, shown,
		    "held by a process that cannot be seen from here (another "
		    "container?)");
	} else if (pid > 0 && (ps_read(pid, &ps) != 0 || ps.state == 'Z')) {
		real = realpath(path, NULL);
		other = lock_opener(real == NULL ? path : real, pid);
		if (other == 0 && doctor_holder(path) != 0) {
			doctor_bad(d, shown,
			    "held for process %d, which has ended; %s waits",
			    (int)pid, what);
		} else if (other != 0) {
			(void)ps_read(other, &ps);
			doctor_bad(d, shown,
			    "held by %s (%d), left over from process %d, which "
			    "has ended; %s waits",
			    ps.comm, (int)other, (int)pid, what);
			doctor_mend(d, "kill %d", (long)other);
		}
	} else if (pid > 0 && (ps.state == 'T' || ps.state == 't')) {
		doctor_bad(d, shown,
		    "held by %s (%d), which is stopped; %s waits", ps.comm,
		    (int)pid, what);
		doctor_mend(d, "kill -CONT %d", (long)pid);
	} else if (pid > 0 && lock_age(&ps) > LOCK_LONG_S &&
	    lock_stays(path, pid)) {
		doctor_bad(d, shown,
		    "held by %s (%d), which runs for %ld s; %s waits", ps.comm,
		    (int)pid, lock_age(&ps), what);
		doctor_mend(d, "kill %d", (long)pid);
	}
	free(real);
	x_free(shown);
	return d->report->n > before;
}

void
doctor_look_locks(struct doctor *d)
{
	size_t before = d->report->n, n = 0;
	struct dirent *entry;
	char *path;
	DIR *dir;

	if (!d->has_home || !d->is_there)
		return;
	dir = opendir(d->home.run);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!str_ends(entry->d_name, ".lock") &&
		    !str_ends(entry->d_name, ".wait"))
			continue;
		n++;
		path = path_join(d->home.run, entry->d_name);
		(void)doctor_held(d, path,
		    str_starts(entry->d_name, "scan-")       ? "registration"
			: str_starts(entry->d_name, "sync-") ? "a sync"
							     : "every program");
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (d->report->n == before)
		doctor_ok(d, "locks", "%zu, none is held for long", n);
}
