#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "str.h"

enum { FILE_CHUNK = 65536 };

/* EXIT_LOCAL "path: what errno says". */
static int
file_errno(struct err *e, const char *path)
{
	return err_set(e, EXIT_LOCAL, "%s: %s", path, strerror(errno));
}

/* Is what `st` describes ours (or root's), and writable by its owner only? */
static int
file_check_ours(const char *path, const struct stat *st, struct err *e)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return err_set(e, EXIT_LOCAL,
		    "%s: belongs to uid %u, not to us; remove it or "
		    "chown it to uid %u",
		    path, (unsigned)st->st_uid, (unsigned)geteuid());
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EXIT_LOCAL,
		    "%s: writable by others (mode %03o); chmod go-w '%s'", path,
		    (unsigned)st->st_mode & 0777, path);
	return 0;
}

static enum file_found
file_slurp(const char *path, bool ours, struct buf *b, struct err *e)
{
	enum file_found found = FILE_FAILED;
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		if (errno == ENOENT)
			return FILE_MISSING;
		(void)file_errno(e, path);
		return FILE_FAILED;
	}
	if (fstat(fd, &st) != 0) {
		(void)file_errno(e, path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)err_set(e, EXIT_LOCAL, "%s: %s", path,
		    S_ISDIR(st.st_mode) ? "is a folder, not a file"
					: "is not a regular file");
		goto out;
	}
	if (ours && file_check_ours(path, &st, e) != 0)
		goto out;
	do {
		n = buf_read_fd(b, fd, FILE_CHUNK);
	} while ((n > 0 && !b->overflow) || (n < 0 && errno == EINTR));
	if (n < 0)
		(void)file_errno(e, path);
	else if (buf_check(b, path, e) == 0)
		found = FILE_READ;
out:
	(void)close(fd);
	return found;
}

enum file_found
file_read(const char *path, struct buf *b, struct err *e)
{
	return file_slurp(path, false, b, e);
}

enum file_found
file_read_ours(const char *path, struct buf *b, struct err *e)
{
	return file_slurp(path, true, b, e);
}

/* Behind what was written before where `at` is -1. */
static int
file_write_out(int fd, const char *p, size_t len, int64_t at)
{
	ssize_t n;

	while (len > 0) {
		n = at < 0 ? write(fd, p, len) : pwrite(fd, p, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0) {
			errno = ENOSPC;
			return -1;
		}
		p += n;
		at = at < 0 ? at : at + n;
		len -= (size_t)n;
	}
	return 0;
}

int
file_write_all(int fd, const void *p, size_t len)
{
	return file_write_out(fd, p, len, -1);
}

int
file_write_at(int fd, const void *p, size_t len, int64_t at)
{
	if (at < 0) {
		errno = EINVAL;
		return -1;
	}
	return file_write_out(fd, p, len, at);
}

/* fsync the folder that holds `path`, so that a rename in it is kept. */
static int
file_sync_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd, rc;

	dir = slash == NULL
	    ? x_strdup(".")
	    : x_strndup(path, slash == path ? 1 : (size_t)(slash - path));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	x_free(dir);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	(void)close(fd);
	return rc;
}

int
file_replace(const char *path, const void *p, size_t len, enum file_sync sync,
    struct err *e)
{
	char *temp;
	int fd, rc = -1;

	temp = x_asprintf("%s.tmp.XXXXXX", path);
	fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
	if (fd < 0) {
		(void)file_errno(e, path);
		goto out;
	}
	/* Without blocks of its own, ext4 writes it to the disk in the rename:
	 * for a millisecond or more, and for nothing that FAST promises. */
	if (sync == FILE_FAST && len > 0)
		(void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)len);
	if (file_write_all(fd, p, len) != 0 ||
	    (sync == FILE_DURABLE && fsync(fd) != 0)) {
		(void)file_errno(e, path);
		(void)close(fd);
		(void)unlink(temp);
		goto out;
	}
	/* A network file system says "disk full" only here. */
	if (close(fd) != 0 || rename(temp, path) != 0) {
		if (errno == EISDIR)
			(void)err_set(e, EXIT_LOCAL,
			    "%s: is a folder, where a file is to be; move it "
			    "away",
			    path);
		else
			(void)file_errno(e, path);
		(void)unlink(temp);
		goto out;
	}
	if (sync == FILE_DURABLE && file_sync_parent(path) != 0) {
		(void)file_errno(e, path);
		goto out;
	}
	rc = 0;
out:
	x_free(temp);
	return rc;
}

int
file_overwrite(const char *path, const void *p, size_t len, struct err *e)
{
	int fd, rc = -1;
	struct stat st;

	fd = open(path,
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return file_errno(e, path);
	if (file_write_all(fd, p, len) == 0 && fstat(fd, &st) == 0 &&
	    (st.st_size == (off_t)len || ftruncate(fd, (off_t)len) == 0))
		rc = 0;
	else
		(void)file_errno(e, path);
	(void)close(fd);
	return rc;
}

int
file_append(const char *path, const void *p, size_t len, struct err *e)
{
	int fd, rc;

	fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	    0600);
	if (fd < 0)
		return file_errno(e, path);
	rc = file_write_all(fd, p, len);
	if (rc != 0)
		(void)file_errno(e, path);
	(void)close(fd);
	return rc;
}

/* mkdir -p, mode 0700. */
static int
file_make_dirs(const char *path, struct err *e)
{
	char *part = x_strdup(path), *slash;
	int rc = 0;

	/* An empty path goes to mkdir(2), which says what it is. */
	slash = part[0] == '\0' ? part : part + 1;
	while (rc == 0 && (slash = strchr(slash, '/')) != NULL) {
		*slash = '\0';
		/* Linux says EEXIST first, whatever else forbids it. */
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			rc = file_errno(e, part);
		*slash++ = '/';
	}
	if (rc == 0 && mkdir(path, 0700) != 0 && errno != EEXIST)
		rc = file_errno(e, path);
	x_free(part);
	return rc;
}

int
file_make_dir(const char *path, struct err *e)
{
	struct stat st;

	/* Nearly always it is there. */
	if (stat(path, &st) != 0) {
		if (file_make_dirs(path, e) != 0)
			return -1;
		if (stat(path, &st) != 0)
			return file_errno(e, path);
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(e, EXIT_LOCAL, "%s: is not a folder", path);
	return file_check_ours(path, &st, e);
}

struct file_stamp
file_stamp(const char *path)
{
	struct file_stamp stamp = { 0 };
	struct stat st;

	if (stat(path, &st) != 0)
		return stamp;
	stamp.inode = (uint64_t)st.st_ino;
	stamp.size = (int64_t)st.st_size;
	stamp.mtime_ns =
	    (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
	return stamp;
}

bool
file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->inode == b->inode && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns;
}

uint64_t
file_folder_stamp(const char *folder)
{
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;
	char *line;
	DIR *dir;
	int n = 0;

	dir = opendir(folder);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL && n++ < FILE_FOLDER_MAX) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		line = x_asprintf("%s %ju %jd %jd.%09ld", entry->d_name,
		    (uintmax_t)st.st_ino, (intmax_t)st.st_size,
		    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		sum += str_hash(line, strlen(line));
		x_free(line);
	}
	(void)closedir(dir);
	return sum;
}
