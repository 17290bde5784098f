#include "log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "str.h"
#include "utf8.h"

enum { LOG_LINE_MAX = 4096 };

static const char *log_program = "panemesh";
static bool log_verbose;
static int log_fd = STDERR_FILENO;

void
log_start(const char *program, bool verbose)
{
	const char *slash = strrchr(program, '/');

	log_program = slash == NULL ? program : slash + 1;
	log_verbose = verbose;
}

void
log_to(int fd)
{
	log_fd = fd;
}

void
log_escape(struct buf *b, const char *s, size_t len)
{
	uint32_t ch;
	size_t n;

	for (; len > 0; s += n, len -= n) {
		n = utf8_decode(s, len, &ch);
		if (n == 0) {
			n = 1;
			buf_addf(b, "\\x%02x", (unsigned char)*s);
		} else if (!utf8_unsafe(ch)) {
			buf_add(b, s, n);
		} else if (ch == '\n') {
			buf_adds(b, "\\n");
		} else if (ch == '\t') {
			buf_adds(b, "\\t");
		} else if (ch < 0x100) {
			buf_addf(b, "\\x%02x", (unsigned)ch);
		} else {
			buf_addf(b, "\\u{%x}", (unsigned)ch);
		}
	}
}

static void __attribute__((format(printf, 1, 0)))
log_write(const char *fmt, va_list ap)
{
	struct buf line = BUF_INIT_MAX(LOG_LINE_MAX * 8);
	char text[LOG_LINE_MAX];

	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		return;
	buf_addf(&line, "%s: ", log_program);
	log_escape(&line, text, strlen(text));
	buf_addc(&line, '\n');
	/* Nowhere is left to say that the log itself cannot be written. */
	if (write(log_fd, line.data, line.len) < 0)
		log_fd = -1;
	buf_free(&line);
}

void
log_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_write(fmt, ap);
	va_end(ap);
}

void
log_once(const char *fmt, ...)
{
	static uint64_t said[LOG_ONCE_MAX];
	static size_t n;
	char text[LOG_LINE_MAX];
	uint64_t sum;
	va_list ap;
	size_t i;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	sum = str_hash(text, strlen(text));
	for (i = 0; i < LOG_ONCE_MAX && i < n; i++)
		if (said[i] == sum)
			return;
	said[n++ % LOG_ONCE_MAX] = sum;
	log_line("%s", text);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!log_verbose)
		return;
	va_start(ap, fmt);
	log_write(fmt, ap);
	va_end(ap);
}

int
log_err(const struct err *e)
{
	log_line("%s", e->msg);
	return (int)e->code;
}
