/* log - one escaped line in one write(2), to people or to a log file. */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"

enum { LOG_ONCE_MAX = 16 };

/* The name each line begins with (argv[0]'s last part; not copied) and whether
 * log_debug() prints. Both are the process's own; main sets them once. */
void log_start(const char *program, bool verbose);

/* Where lines go from now on; stderr (2) at first. The caller owns `fd`. */
void log_to(int fd);

/* "program: text", control characters and bad UTF-8 escaped, one write. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same, unless this very line was said before (of the last LOG_ONCE_MAX).
 */
void log_once(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Report `e` and hand back its code: `return log_err(&e);` ends a main. */
int log_err(const struct err *e);

/* Append `s` with what utf8_unsafe() names as \n, \t, \xHH or \u{HEX}. */
void log_escape(struct buf *b, const char *s, size_t len);

#endif
