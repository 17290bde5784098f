/* file - reading, replacing and appending, the one way. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "buf.h"
#include "err.h"

/* What file_read() and its like found. */
enum file_found {
	FILE_FAILED = -1,
	FILE_READ = 0,
	FILE_MISSING = 1, /* no such file; `e` is not touched */
};

/*
 * Append the whole of regular file `path` to `b`, whose max is the cap. Never
 * blocks on a FIFO or device: those are errors. EXIT_LOCAL on failure.
 */
enum file_found file_read(const char *path, struct buf *b, struct err *e);

/*
 * The same for configuration and state: refused, naming the chmod or chown
 * that mends it, unless it belongs to us (or root) and only its owner can
 * write it.
 */
enum file_found file_read_ours(const char *path, struct buf *b, struct err *e);

/*
 * How sure a replacement is. FILE_DURABLE also syncs file and folder. FILE_FAST
 * is for what can be made again: whatever is killed, it is old or new; but when
 * the machine loses its power, what was written in the last half minute may be
 * empty.
 */
enum file_sync { FILE_FAST, FILE_DURABLE };

/*
 * Replace `path` by `len` bytes, mode 0600: a temporary beside it, then
 * rename(2), so that a reader sees the old or the new, whatever is killed.
 * Nothing is left behind on failure (EXIT_LOCAL).
 */
int file_replace(const char *path, const void *p, size_t len,
    enum file_sync sync, struct err *e);

/*
 * Make `path` (made 0600) these `len` bytes where it stands: cheaper than
 * file_replace(), but a reader, or whoever comes after a kill, may see half of
 * it. For what is checked against something else.
 */
int file_overwrite(const char *path, const void *p, size_t len, struct err *e);

/* Append to `path` (made 0600) in one write(2). */
int file_append(const char *path, const void *p, size_t len, struct err *e);

/* write(2) until all is out; -1 with errno. The same at an offset in bytes. */
int file_write_all(int fd, const void *p, size_t len);
int file_write_at(int fd, const void *p, size_t len, int64_t at);

/*
 * Make folder `path` and its parents, those made with mode 0700. An existing
 * one must be ours and not writable by others.
 */
int file_make_dir(const char *path, struct err *e);

/* Which file this is and which content: equal stamps, same bytes. */
struct file_stamp {
	uint64_t inode;
	int64_t size;
	int64_t mtime_ns;
};

/* The stamp of `path`; all zero when it cannot be read. */
struct file_stamp file_stamp(const char *path);
bool file_stamp_eq(const struct file_stamp *a, const struct file_stamp *b);

/* A number made of names and stamps of the regular files in a folder, up to
 * FILE_FOLDER_MAX of them; 0 when there is none. */
enum { FILE_FOLDER_MAX = 4096 };
uint64_t file_folder_stamp(const char *folder);

#endif
