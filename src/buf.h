/* buf - the one growable byte buffer, with a hard maximum. */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

/* The maximum of a buffer that nobody gave another: 16 MiB. */
enum { BUF_MAX_DEFAULT = 16 * 1024 * 1024 };

/*
 * `data` is never NULL and always NUL-terminated at data[len] (bytes inside
 * may be NUL too). Adding past `max` adds nothing and sets `overflow`, which
 * stays set until buf_reset(): a writer adds freely and checks once at the end.
 */
struct buf {
	char *data;
	size_t len;
	size_t cap; /* bytes from `data` on */
	size_t max;
	size_t consumed; /* bytes before `data` */
	bool overflow;
};

extern char buf_empty[1];

/* clang-format off */
#define BUF_INIT { .data = buf_empty, .max = BUF_MAX_DEFAULT }
#define BUF_INIT_MAX(bytes) { .data = buf_empty, .max = (bytes) }
/* clang-format on */

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);

/* Forget the content, keep the memory; clears `overflow`. */
void buf_reset(struct buf *b);

void buf_add(struct buf *b, const void *p, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Cut the content down to `len` bytes; longer than the content is a no-op. */
void buf_truncate(struct buf *b, size_t len);

/* Drop the first `len` bytes (at most all of them): `data` moves on, the rest
 * stays where it is. */
void buf_consume(struct buf *b, size_t len);

/*
 * One read(2) of at most `want` bytes appended to `b`. Returns what read
 * returned (0 at the end, -1 with errno). Bytes over the maximum are read and
 * dropped, with `overflow` set, so that a writer on the other end never blocks.
 */
ssize_t buf_read_fd(struct buf *b, int fd, size_t want);

/* 0, or -1 with EXIT_LOCAL "what: larger than N bytes" once it overflowed. */
int buf_check(const struct buf *b, const char *what, struct err *e);

/* Hand the memory over: a malloc'd, NUL-terminated string. `b` is empty. */
char *buf_steal(struct buf *b);

#endif
