#include "drop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "lock.h"
#include "mem.h"
#include "path.h"
#include "str.h"
#include "utf8.h"

enum {
	DROP_CHUNK = 256 * 1024,
	DROP_AHEAD = 4 * 1024 * 1024, /* bytes that wait for the disk */
	DROP_OLD_S = 3600,   /* a receiver writes at least every minute */
	DROP_LOCK_MS = 5000, /* for others that finish a file just now */
};

/* How temporary names begin. */
#define DROP_TEMP ".drop-"

static int
drop_errno(struct err *e, const char *what)
{
	return err_set(e, EXIT_LOCAL, "%s: %s", what,
	    errno == ENOSPC || errno == EDQUOT
		? "no space left; nothing was kept"
		: strerror(errno));
}

void
drop_clean_name(char out[DROP_NAME_MAX + 16], const char *name)
{
	const char *base = path_base(name);
	size_t len = strlen(base), at, n, used = 0;
	uint32_t ch;

	for (at = 0; at < len; at += n) {
		n = utf8_decode(base + at, len - at, &ch);
		if (n == 0 || utf8_unsafe(ch)) {
			n = n == 0 ? 1 : n;
			continue;
		}
		if (used == 0 && (ch == '.' || ch == '-' || ch == ' '))
			continue;
		if (used + n > DROP_NAME_MAX)
			break;
		memcpy(out + used, base + at, n);
		used += n;
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	if (used == 0)
		memcpy(out, "file", sizeof("file"));
}

/* Open folder `name` in `parent`, made if missing: never through a link. */
static int
drop_open_dir(int parent, const char *name, const char *shown, struct err *e)
{
	struct stat st;
	int fd;

	if (mkdirat(parent, name, 0700) != 0 && errno != EEXIST)
		return drop_errno(e, shown);
	fd = openat(
	    parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return drop_errno(e, shown);
	if (fstat(fd, &st) != 0 || st.st_uid != geteuid() ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		(void)close(fd);
		return err_set(e, EXIT_LOCAL,
		    "%s: must be ours and not writable by others; chown or "
		    "chmod go-w it",
		    shown);
	}
	return fd;
}

/* A file with a temporary name that nobody writes any more: whoever received it
 * was killed. */
static void
drop_sweep(int dir, const char *name)
{
	int fd = openat(
	    dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st, named;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    clock_real_ms() / 1000 - st.st_mtim.tv_sec > DROP_OLD_S &&
	    lock_fd(fd, name, 0, NULL) == LOCK_TAKEN &&
	    fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == named.st_dev && st.st_ino == named.st_ino)
		(void)unlinkat(dir, name, 0);
	(void)close(fd);
}

/* Bytes of the regular files in the folder `fd` and one level below, but for
 * those that are still coming; what is left of those that will not is removed.
 */
static int64_t
drop_used(int fd, unsigned depth)
{
	struct dirent *entry;
	struct stat st;
	int64_t used = 0;
	int copy, child;
	DIR *d;

	copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = copy < 0 ? NULL : fdopendir(copy);
	if (d == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return 0;
	}
	while ((entry = readdir(d)) != NULL) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..") ||
		    fstatat(copy, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (depth == 0 && str_starts(entry->d_name, DROP_TEMP)) {
			drop_sweep(copy, entry->d_name);
		} else if (S_ISREG(st.st_mode)) {
			used += st.st_size;
		} else if (S_ISDIR(st.st_mode) && depth > 0) {
			child = openat(copy, entry->d_name,
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			if (child < 0)
				continue;
			used += drop_used(child, depth - 1);
			(void)close(child);
		}
	}
	(void)closedir(d);
	return used;
}

/* Is there room by the inbox's own limit, with `coming` more bytes that have no
 * name there yet? */
static int
drop_check_max(const struct drop *d, int inbox, int64_t coming, struct err *e)
{
	int64_t used = drop_used(inbox, 1) + coming;

	if (d->size <= d->inbox_max && used <= d->inbox_max - d->size)
		return 0;
	return err_set(e, EXIT_REFUSED,
	    "%s: holds %lld bytes%s, and inbox_max is %lld; remove some, or "
	    "raise inbox_max in config.toml",
	    d->folder, (long long)used,
	    coming > 0 ? " with what is coming" : "", (long long)d->inbox_max);
}

/* ... and by the file system? */
static int
drop_check_room(const struct drop *d, int inbox, int64_t coming, struct err *e)
{
	struct statvfs fs;
	uint64_t keep, free_bytes;

	if (fstatvfs(d->dir, &fs) == 0 && fs.f_blocks > 0) {
		keep = (uint64_t)fs.f_blocks / 100 * DROP_FREE_PERCENT *
		    (uint64_t)fs.f_frsize;
		free_bytes = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
		if (free_bytes < keep || free_bytes - keep < (uint64_t)d->size)
			return err_set(e, EXIT_LOCAL,
			    "%s: no room for %lld bytes (%d %% of the disk "
			    "stay free); nothing was kept",
			    d->folder, (long long)d->size, DROP_FREE_PERCENT);
	}
	return drop_check_max(d, inbox, coming, e);
}

/* A file without a name, or with a hidden one where that is not supported. */
static int
drop_open_file(struct drop *d, struct err *e)
{
	unsigned try;

	d->fd = openat(d->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	for (try = 0; d->fd < 0 && try < 100; try++) {
		(void)snprintf(d->temp, sizeof(d->temp), DROP_TEMP "%d-%u",
		    (int)getpid(), try);
		d->fd = openat(d->dir, d->temp,
		    O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);
		if (d->fd < 0 && errno != EEXIST)
			break;
	}
	if (d->fd < 0) {
		d->temp[0] = '\0';
		return drop_errno(e, d->folder);
	}
	/* Others see by that that it is not left over. */
	if (d->temp[0] != '\0')
		(void)lock_fd(d->fd, d->folder, 0, NULL);
	/* Not every file system can reserve; the writes will tell then. */
	if (d->size > 0 && fallocate(d->fd, 0, 0, d->size) != 0 &&
	    errno != EOPNOTSUPP && errno != ENOSYS)
		return drop_errno(e, d->folder);
	return 0;
}

int
drop_begin(struct drop *d, const char *inbox, const char *sender,
    const char *name, int64_t size, int64_t inbox_max, int64_t coming,
    struct err *e)
{
	int root = -1, rc = -1;

	memset(d, 0, sizeof(*d));
	d->dir = d->fd = -1;
	d->size = size;
	d->inbox_max = inbox_max;
	d->folder = path_join(inbox, sender);
	drop_clean_name(d->name, name);
	if (file_make_dir(inbox, e) != 0)
		return -1;
	root = open(inbox, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return drop_errno(e, inbox);
	d->dir = drop_open_dir(root, sender, d->folder, e);
	if (d->dir >= 0 && drop_check_room(d, root, coming, e) == 0)
		rc = drop_open_file(d, e);
	(void)close(root);
	return rc;
}

/* Have the disk begin while more comes: little is left for the fsync. */
static void
drop_write_back(struct drop *d)
{
	if (d->done - d->begun < DROP_AHEAD)
		return;
	(void)sync_file_range(
	    d->fd, d->begun, d->done - d->begun, SYNC_FILE_RANGE_WRITE);
	d->begun = d->done;
}

int
drop_write_at(
    struct drop *d, const void *p, size_t len, int64_t at, struct err *e)
{
	if (len > (uint64_t)(d->size - d->done) || at < 0 ||
	    at > d->size - (int64_t)len)
		return err_set(e, EXIT_LOCAL,
		    "%s: larger than announced; it changed while being sent; "
		    "send it again",
		    d->name);
	if (file_write_at(d->fd, p, len, at) != 0)
		return drop_errno(e, d->folder);
	d->done += (int64_t)len;
	drop_write_back(d);
	return 0;
}

int
drop_write(struct drop *d, const void *p, size_t len, struct err *e)
{
	return drop_write_at(d, p, len, d->done, e);
}

/* Does errno say that the file system cannot do it at all? */
static bool
drop_cannot(void)
{
	return errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP ||
	    errno == EPERM;
}

/*
 * Give the file this name if it is free; else EEXIST. NFS and FUSE have no
 * rename that replaces nothing, and some of them no links either: there an
 * empty file claims the name first.
 */
static int
drop_take_name(struct drop *d, const char *source, const char *name)
{
	int fd;

	if (d->temp[0] == '\0')
		return linkat(
		    AT_FDCWD, source, d->dir, name, AT_SYMLINK_FOLLOW);
	if (renameat2(d->dir, d->temp, d->dir, name, RENAME_NOREPLACE) == 0)
		goto gone;
	if (!drop_cannot())
		return -1;
	if (linkat(d->dir, d->temp, d->dir, name, 0) == 0) {
		(void)unlinkat(d->dir, d->temp, 0);
		goto gone;
	}
	if (!drop_cannot())
		return -1;
	fd = openat(d->dir, name,
	    O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	(void)close(fd);
	if (renameat(d->dir, d->temp, d->dir, name) != 0) {
		int why = errno;

		(void)unlinkat(d->dir, name, 0);
		errno = why;
		return -1;
	}
gone:
	d->temp[0] = '\0';
	return 0;
}

/* Link the file to the first of NAME, NAME.1, ... that is free. */
static int
drop_name(struct drop *d, struct err *e)
{
	char source[64], plain[sizeof(d->name)];
	unsigned try;

	memcpy(plain, d->name, sizeof(plain));
	(void)snprintf(source, sizeof(source), "/proc/self/fd/%d", d->fd);
	for (try = 0; try < DROP_TRIES_MAX; try++) {
		if (try > 0)
			(void)snprintf(d->name, sizeof(d->name), "%.*s.%u",
			    DROP_NAME_MAX, plain, try);
		if (drop_take_name(d, source, d->name) == 0)
			return 0;
		if (errno != EEXIST)
			return drop_errno(e, d->folder);
	}
	return err_set(e, EXIT_LOCAL, "%s/%s: %d files of that name already",
	    d->folder, plain, DROP_TRIES_MAX);
}

/* Its name, if there still is room: others may have come meanwhile. Who gets no
 * lock, as on some NFS, looks without it. */
static int
drop_place(struct drop *d, struct err *e)
{
	int inbox, rc;

	inbox = openat(d->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (inbox < 0)
		return drop_errno(e, d->folder);
	(void)lock_fd(inbox, d->folder, DROP_LOCK_MS, NULL);
	rc = drop_check_max(d, inbox, 0, e);
	if (rc == 0)
		rc = drop_name(d, e);
	lock_drop(&inbox);
	return rc;
}

int
drop_finish(struct drop *d, char **path, struct err *e)
{
	*path = NULL;
	if (d->done != d->size)
		return err_set(e, EXIT_LOCAL,
		    "%s: %lld of %lld bytes came; it changed while being sent",
		    d->name, (long long)d->done, (long long)d->size);
	if (fsync(d->fd) != 0)
		return drop_errno(e, d->folder);
	if (drop_place(d, e) != 0)
		return -1;
	/* Where a folder cannot be synced, the server does it. */
	if (fsync(d->dir) != 0 && !drop_cannot()) {
		(void)drop_errno(e, d->folder);
		(void)unlinkat(d->dir, d->name, 0);
		return -1;
	}
	*path = path_join(d->folder, d->name);
	return 0;
}

/* Is that still its name? Another process may have given it its final one. */
static bool
drop_is_temp(const struct drop *d)
{
	struct stat st, named;

	return d->temp[0] != '\0' && d->dir >= 0 && d->fd >= 0 &&
	    fstat(d->fd, &st) == 0 &&
	    fstatat(d->dir, d->temp, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_dev == named.st_dev && st.st_ino == named.st_ino;
}

int64_t
drop_coming(const struct drop *d)
{
	struct stat st;
	bool named;

	if (d->fd < 0)
		return 0;
	named = d->temp[0] != '\0' ? !drop_is_temp(d)
				   : fstat(d->fd, &st) == 0 && st.st_nlink > 0;
	return named ? 0 : d->size;
}

void
drop_abort(struct drop *d)
{
	if (drop_is_temp(d))
		(void)unlinkat(d->dir, d->temp, 0);
	if (d->fd >= 0)
		(void)close(d->fd);
	if (d->dir >= 0)
		(void)close(d->dir);
	d->fd = d->dir = -1;
	d->temp[0] = '\0';
	X_CLEAR(d->folder);
}

/* Open a file to be sent: regular, readable. */
static int
drop_open_source(const char *source, struct stat *st, struct err *e)
{
	int fd = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return err_set(
		    e, EXIT_USAGE, "%s: %s", source, strerror(errno));
	if (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)) {
		(void)close(fd);
		return err_set(e, EXIT_USAGE,
		    "%s: is not a regular file; pack it (tar) and send that",
		    source);
	}
	return fd;
}

/* Copy the file's bytes and make sure that it is still the same file. */
static int
drop_copy(struct drop *d, const char *source, int fd, const struct stat *st,
    struct err *e)
{
	char *chunk = x_malloc(DROP_CHUNK);
	struct stat now;
	ssize_t n;
	int rc = -1;

	for (;;) {
		n = read(fd, chunk, DROP_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			(void)err_set(
			    e, EXIT_USAGE, "%s: %s", source, strerror(errno));
			goto out;
		}
		if (n == 0)
			break;
		if (drop_write(d, chunk, (size_t)n, e) != 0)
			goto out;
	}
	if (fstat(fd, &now) != 0 || now.st_size != st->st_size ||
	    now.st_mtim.tv_sec != st->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != st->st_mtim.tv_nsec) {
		(void)err_set(e, EXIT_LOCAL,
		    "%s: changed while being sent; send it again", source);
		goto out;
	}
	rc = 0;
out:
	x_free(chunk);
	return rc;
}

int
drop_file(const char *inbox, const char *sender, const char *source,
    int64_t inbox_max, char **path, int64_t *size, struct err *e)
{
	struct drop d = { .dir = -1, .fd = -1 };
	struct stat st = { .st_size = 0 };
	int fd, rc = -1;

	*path = NULL;
	fd = drop_open_source(source, &st, e);
	if (fd < 0)
		return -1;
	*size = st.st_size;
	if (drop_begin(
		&d, inbox, sender, source, st.st_size, inbox_max, 0, e) == 0 &&
	    drop_copy(&d, source, fd, &st, e) == 0)
		rc = drop_finish(&d, path, e);
	drop_abort(&d);
	(void)close(fd);
	return rc;
}

int
drop_bytes(const char *inbox, const char *sender, const char *name,
    const void *p, size_t len, int64_t inbox_max, char **path, struct err *e)
{
	struct drop d = { .dir = -1, .fd = -1 };
	int rc = -1;

	*path = NULL;
	if (drop_begin(
		&d, inbox, sender, name, (int64_t)len, inbox_max, 0, e) == 0 &&
	    drop_write(&d, p, len, e) == 0)
		rc = drop_finish(&d, path, e);
	drop_abort(&d);
	return rc;
}
