/* What fills up: the file system, the inbox, the logs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor_parts.h"
#include "drop.h"
#include "mem.h"
#include "path.h"
#include "str.h"

enum {
	LOG_RECENT_MS = 24 * 3600 * 1000,
	LOG_TAIL = 4096,      /* bytes looked at for the last line */
	DISK_INBOX_FULL = 90, /* per cent of inbox_max */
	DISK_INBOX_GOAL = 70,
	DISK_INODES_LOW = 100,
};

/* ---- room ---- */

/* The files of the inbox, oldest first. */
struct dropped {
	char *path;
	int64_t ms, size;
};

struct inbox {
	struct dropped *v;
	size_t n;
	int64_t used;
};

static int
by_age(const void *a, const void *b)
{
	const struct dropped *x = a, *y = b;

	return x->ms < y->ms ? -1 : x->ms > y->ms;
}

static void
inbox_add(void *arg, const char *path, const struct stat *st)
{
	struct inbox *in = arg;

	if (!S_ISREG(st->st_mode))
		return;
	in->v = x_realloc(in->v, in->n + 1, sizeof(*in->v));
	in->v[in->n++] = (struct dropped){ .path = x_strdup(path),
		.ms = (int64_t)st->st_mtim.tv_sec * 1000 +
		    st->st_mtim.tv_nsec / 1000000,
		.size = st->st_size };
	in->used += st->st_size;
}

static void
inbox_free(struct inbox *in)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		x_free(in->v[i].path);
	x_free(in->v);
}

/* The command that frees `bytes` by removing the oldest files; false if all of
 * them are not enough. find(1) reads the file's age before it removes it. */
static bool
inbox_mend(struct doctor *d, const struct inbox *in, int64_t bytes)
{
	int64_t freed = 0;
	size_t i;

	for (i = 0; i < in->n; i++) {
		freed += in->v[i].size;
		if (freed >= bytes)
			break;
	}
	if (i == in->n)
		return false;
	doctor_mend(d, "find %w -type f ! -newer %w -delete", d->home.inbox,
	    in->v[i].path);
	return true;
}

static void
disk_inbox(struct doctor *d, const struct inbox *in)
{
	int64_t max = d->config.inbox_max;
	char *shown = path_show(d->home.inbox);

	if (in->used > max / 100 * DISK_INBOX_FULL) {
		doctor_bad(d, shown,
		    "%zu files of %lld MiB, inbox_max is %lld MiB: more are "
		    "refused; this removes the oldest",
		    in->n, (long long)in->used >> 20, (long long)max >> 20);
		(void)inbox_mend(d, in, in->used - max / 100 * DISK_INBOX_GOAL);
	} else {
		doctor_ok(d, shown, "%zu files, %lld of %lld MiB", in->n,
		    (long long)in->used >> 20, (long long)max >> 20);
	}
	x_free(shown);
}

static void
disk_room(struct doctor *d, const char *dir, const struct inbox *in)
{
	char *shown = path_show(dir);
	struct statvfs fs;
	uint64_t keep, room;

	if (statvfs(dir, &fs) != 0) {
		if (errno != ENOENT)
			doctor_bad(d, shown, "%s", strerror(errno));
		goto out;
	}
	keep = (uint64_t)fs.f_blocks / 100 * DROP_FREE_PERCENT;
	room = (uint64_t)fs.f_bavail;
	if (fs.f_blocks > 0 && room <= keep) {
		doctor_bad(d, shown,
		    "%llu MiB free, less than %d %% of the disk: files are "
		    "refused%s",
		    (unsigned long long)(room * fs.f_frsize >> 20),
		    DROP_FREE_PERCENT,
		    room == 0 ? ", nothing can be written" : "");
		if (!inbox_mend(
			d, in, (int64_t)((keep - room + 1) * fs.f_frsize)))
			doctor_mend(
			    d, "du -xah %w | sort -h | tail -n 20", "/");
	} else if (fs.f_files > 0 && fs.f_favail < DISK_INODES_LOW) {
		doctor_bad(d, shown,
		    "%llu inodes free: no file can be made; too many small "
		    "files are somewhere on that disk",
		    (unsigned long long)fs.f_favail);
		if (in->n < DISK_INODES_LOW || !inbox_mend(d, in, in->used / 2))
			doctor_mend(
			    d, "du -x --inodes %w | sort -n | tail -n 20", "/");
	} else {
		doctor_ok(d, shown, "%llu MiB free",
		    (unsigned long long)(room * fs.f_frsize >> 20));
	}
out:
	x_free(shown);
}

void
doctor_look_disk(struct doctor *d)
{
	struct inbox in = { .v = NULL };
	struct stat a, b;

	if (!d->has_home || !d->is_there)
		return;
	doctor_walk(d->home.inbox, 2, inbox_add, &in);
	if (in.n > 1)
		qsort(in.v, in.n, sizeof(*in.v), by_age);
	disk_room(d, d->home.dir, &in);
	if (stat(d->home.inbox, &b) == 0) {
		if (stat(d->home.dir, &a) != 0 || a.st_dev != b.st_dev)
			disk_room(d, d->home.inbox, &in);
		disk_inbox(d, &in);
	}
	inbox_free(&in);
}

/* ---- log ---- */

/* The last line of a file; malloc'd, NULL when there is none. */
static char *
last_line(const char *path)
{
	char text[LOG_TAIL + 1], *at;
	struct stat st;
	ssize_t n = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = pread(fd, text, LOG_TAIL,
		    st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0);
	(void)close(fd);
	if (n <= 0)
		return NULL;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	at = strrchr(text, '\n');
	return n == 0 ? NULL : x_strdup(at == NULL ? text : at + 1);
}

static void
log_file(struct doctor *d, const char *path, const char *shown)
{
	struct stat st;
	char *line;

	if (lstat(path, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode)) {
		doctor_bad(d, shown,
		    "is no regular file, so errors of hooks and syncs are "
		    "lost");
		doctor_mend(d, "mv %w %w.away", path, path);
		return;
	}
	if (access(path, W_OK) != 0 && !doctor_boxed(d)) {
		doctor_bad(d, shown, "cannot be written: %s", strerror(errno));
		doctor_mend(d, "chmod u+rw %w", path);
		return;
	}
	if (st.st_size > 4LL * HOME_LOG_MAX) {
		doctor_bad(d, shown, "%lld KiB, though it is put away at %d",
		    (long long)st.st_size >> 10, HOME_LOG_MAX >> 10);
		doctor_mend(d, "mv %w %w.1", path, path);
		return;
	}
	line = last_line(path);
	if (line != NULL &&
	    d->now - (int64_t)st.st_mtim.tv_sec * 1000 < LOG_RECENT_MS) {
		doctor_note(d, shown, "last line, %lld min ago: %s",
		    (long long)(d->now / 1000 - st.st_mtim.tv_sec) / 60, line);
		doctor_mend(d, "tail -n 20 %w && mv %w %w.1", path, path, path);
	}
	x_free(line);
}

void
doctor_look_log(struct doctor *d)
{
	size_t before = d->report->n;
	char *path, *shown;
	struct dirent *entry;
	DIR *dir;

	if (!d->has_home || !d->is_there)
		return;
	shown = path_show(d->home.log);
	dir = opendir(d->home.log);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || str_ends(entry->d_name, ".1") ||
		    str_ends(entry->d_name, ".away") ||
		    str_ends(entry->d_name, ".jsonl"))
			continue; /* .jsonl: what was done, not what failed */
		path = path_join(d->home.log, entry->d_name);
		x_free(shown);
		shown = path_show(path);
		log_file(d, path, shown);
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (d->report->n == before)
		doctor_ok(d, "log", "nothing was logged in the last day");
	x_free(shown);
}
