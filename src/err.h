/* err - the one way errors travel: filled where the fact is known, printed
 * once by main. */
#ifndef ERR_H
#define ERR_H

#include "exit.h"

enum { ERR_MSG_MAX = 512 };

/*
 * A failure: the exit code it leads to and one line "object: reason[; mend]".
 * `msg` is always NUL-terminated; it may hold bytes from outside, so whoever
 * prints it uses log_line(), which escapes them.
 */
struct err {
	enum exit_code code;
	char msg[ERR_MSG_MAX];
};

/*
 * Fill `e` (which may be NULL when the caller does not want to know) from a
 * printf format, cut at ERR_MSG_MAX. Always returns -1, so that a function can
 * end with `return err_set(...)`.
 */
int err_set(struct err *e, enum exit_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "prefix: " before what `e` says already, unless it begins with that.
 * Always returns -1. */
int err_prefix(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* An err with nothing in it, code EXIT_OK. */
void err_clear(struct err *e);

#endif
