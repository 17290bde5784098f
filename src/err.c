#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
err_clear(struct err *e)
{
	e->code = EXIT_OK;
	e->msg[0] = '\0';
}

int
err_set(struct err *e, enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return -1;
	e->code = code;
	va_start(ap, fmt);
	if (vsnprintf(e->msg, sizeof(e->msg), fmt, ap) < 0)
		e->msg[0] = '\0';
	va_end(ap);
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char prefix[ERR_MSG_MAX / 2];
	va_list ap;
	size_t len, keep;

	if (e == NULL)
		return -1;
	va_start(ap, fmt);
	if (vsnprintf(prefix, sizeof(prefix), fmt, ap) < 0)
		prefix[0] = '\0';
	va_end(ap);
	len = strlen(prefix);
	/* A host is often called what its alias is. */
	if (strncmp(e->msg, prefix, len) == 0 && e->msg[len] == ':')
		return -1;
	/* A cut end is better than no message at all. */
	keep = strnlen(e->msg, sizeof(e->msg) - len - 3);
	memmove(e->msg + len + 2, e->msg, keep);
	memcpy(e->msg, prefix, len);
	memcpy(e->msg + len, ": ", 2);
	e->msg[len + 2 + keep] = '\0';
	return -1;
}
