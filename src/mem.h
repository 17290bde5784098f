/* mem - allocation that cannot fail: out of memory ends the process with
 * EXIT_LOCAL and one line. Everything these return is released by free() or
 * x_free(). */
#ifndef MEM_H
#define MEM_H

#include <stddef.h>

void *x_malloc(size_t size);
void *x_calloc(size_t count, size_t size);

/* Like reallocarray(3): count * size may not overflow. */
void *x_realloc(void *p, size_t count, size_t size);

char *x_strdup(const char *s);

/* At most `len` bytes of `s`, always NUL-terminated. */
char *x_strndup(const char *s, size_t len);

char *x_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* free(3), for symmetry; NULL is fine. */
void x_free(void *p);

/* Release *p and set it to NULL, as an `out:` label wants it. */
#define X_CLEAR(p) (x_free(p), (p) = NULL)

#endif
