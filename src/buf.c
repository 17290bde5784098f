#include "buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"

char buf_empty[1];

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT_MAX(max);
}

void
buf_free(struct buf *b)
{
	if (b->data != buf_empty)
		x_free(b->data - b->consumed);
	buf_init(b, b->max);
}

/* Move the content to where the memory begins. */
static void
buf_rewind(struct buf *b)
{
	if (b->consumed == 0)
		return;
	memmove(b->data - b->consumed, b->data, b->len + 1);
	b->data -= b->consumed;
	b->cap += b->consumed;
	b->consumed = 0;
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data != buf_empty)
		b->data[0] = '\0';
	buf_rewind(b);
	b->overflow = false;
}

/* Room for `extra` more bytes and the NUL; false past the maximum. */
static bool
buf_grow(struct buf *b, size_t extra)
{
	size_t need, cap;

	if (b->overflow || extra > b->max || b->len > b->max - extra) {
		b->overflow = true;
		return false;
	}
	need = b->len + extra + 1;
	if (need <= b->cap)
		return true;
	/* Where that frees less than it moves, more memory is wanted: so a byte
	 * is moved as seldom as it would be copied by growing. */
	cap = b->consumed < b->len ? b->consumed + b->cap + 1 : need;
	buf_rewind(b);
	need = need > cap ? need : cap;
	if (need <= b->cap)
		return true;
	cap = b->cap < 64 ? 64 : b->cap;
	while (cap < need)
		cap *= 2;
	b->data = x_realloc(b->data == buf_empty ? NULL : b->data, cap, 1);
	b->cap = cap;
	return true;
}

void
buf_add(struct buf *b, const void *p, size_t len)
{
	if (len == 0 || !buf_grow(b, len))
		return;
	memcpy(b->data + b->len, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !buf_grow(b, (size_t)n))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
buf_truncate(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

void
buf_consume(struct buf *b, size_t len)
{
	if (len > b->len)
		len = b->len;
	b->data += len;
	b->cap -= len;
	b->consumed += len;
	b->len -= len;
	if (b->len == 0)
		buf_rewind(b);
}

ssize_t
buf_read_fd(struct buf *b, int fd, size_t want)
{
	char drop[4096];
	ssize_t n;

	if (b->overflow || b->len >= b->max) {
		n = read(fd, drop, sizeof(drop));
		if (n > 0)
			b->overflow = true;
		return n;
	}
	if (want > b->max - b->len)
		want = b->max - b->len;
	(void)buf_grow(b, want);
	n = read(fd, b->data + b->len, want);
	if (n > 0)
		b->len += (size_t)n;
	b->data[b->len] = '\0';
	return n;
}

int
buf_check(const struct buf *b, const char *what, struct err *e)
{
	if (!b->overflow)
		return 0;
	return err_set(
	    e, EXIT_LOCAL, "%s: larger than %zu bytes", what, b->max);
}

char *
buf_steal(struct buf *b)
{
	char *s;

	buf_rewind(b);
	s = b->data == buf_empty ? x_strdup("") : b->data;
	buf_init(b, b->max);
	return s;
}
