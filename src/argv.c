#include "argv.h"

#include <stdarg.h>
#include <stdio.h>

#include "mem.h"

/* Takes `word` over. */
static void
argv_push(struct argv *a, char *word)
{
	if (a->n + 2 > a->cap) {
		a->cap = a->cap == 0 ? 16 : a->cap * 2;
		a->v = x_realloc(a->v, a->cap, sizeof(*a->v));
	}
	a->v[a->n++] = word;
	a->v[a->n] = NULL;
}

void
argv_add(struct argv *a, const char *word)
{
	argv_push(a, x_strdup(word));
}

void
argv_addf(struct argv *a, const char *fmt, ...)
{
	va_list ap, again;
	char *word;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	word = x_malloc((size_t)(n < 0 ? 0 : n) + 1);
	if (vsnprintf(word, (size_t)(n < 0 ? 0 : n) + 1, fmt, again) < 0)
		word[0] = '\0';
	va_end(again);
	argv_push(a, word);
}

void
argv_addl(struct argv *a, ...)
{
	va_list ap;
	const char *word;

	va_start(ap, a);
	while ((word = va_arg(ap, const char *)) != NULL)
		argv_add(a, word);
	va_end(ap);
}

void
argv_free(struct argv *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		x_free(a->v[i]);
	x_free(a->v);
	*a = (struct argv)ARGV_INIT;
}
