#include "mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exit.h"

static _Noreturn void
mem_die(void)
{
	static const char line[] = "panemesh: out of memory\n";

	if (write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		_exit(EXIT_LOCAL);
	_exit(EXIT_LOCAL);
}

static void *
mem_check(void *p)
{
	if (p == NULL)
		mem_die();
	return p;
}

void *
x_malloc(size_t size)
{
	return mem_check(malloc(size == 0 ? 1 : size));
}

void *
x_calloc(size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	return mem_check(calloc(count, size));
}

void *
x_realloc(void *p, size_t count, size_t size)
{
	if (count == 0 || size == 0)
		count = size = 1;
	return mem_check(reallocarray(p, count, size));
}

char *
x_strdup(const char *s)
{
	return mem_check(strdup(s));
}

char *
x_strndup(const char *s, size_t len)
{
	return mem_check(strndup(s, len));
}

char *
x_asprintf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		mem_die();
	va_end(ap);
	return s;
}

void
x_free(void *p)
{
	free(p);
}
