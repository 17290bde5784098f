/* argv - a growing, NULL-terminated list of strings that it owns. */
#ifndef ARGV_H
#define ARGV_H

#include <stddef.h>

/* `v` is never NULL once something was added; v[n] is NULL. */
struct argv {
	char **v;
	size_t n;
	size_t cap;
};

/* clang-format off */
#define ARGV_INIT { .v = NULL }
/* clang-format on */

void argv_add(struct argv *a, const char *word);
void argv_addf(struct argv *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Several words, ended by NULL. */
void argv_addl(struct argv *a, ...) __attribute__((sentinel));

void argv_free(struct argv *a);

#endif
