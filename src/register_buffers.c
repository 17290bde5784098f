#include "register_buffers.h"

#include <string.h>

#include "mem.h"
#include "str.h"

/* Is this a name that we give: the prefix, then nothing that tmux or a format
 * would read as more than a name? */
static bool
is_ours(const char *name)
{
	size_t begun = strlen(TMUX_BUFFER_PREFIX);

	return str_starts(name, TMUX_BUFFER_PREFIX) && name[begun] != '\0' &&
	    strspn(name + begun,
		"0123456789abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ._-") == strlen(name + begun);
}

int
register_buffers_sweep(
    const struct tmux *t, int64_t now, bool dry_run, size_t *n, struct err *e)
{
	struct argv args = ARGV_INIT;
	struct buf out = BUF_INIT_MAX(TMUX_OUT_MAX);
	char *line, *name, *rest;
	uint64_t made;
	int rc = -1;

	*n = 0;
	argv_addl(&args, "list-buffers", "-F",
	    "#{buffer_created} #{buffer_name}", NULL);
	if (tmux_call(t, &args, NULL, 0, &out, e) != TMUX_OK)
		goto out;
	argv_free(&args);
	for (line = strtok_r(out.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		name = strchr(line, ' ');
		if (name == NULL)
			continue;
		*name++ = '\0';
		if (!is_ours(name) || str_number(line, INT64_MAX, &made) != 0 ||
		    (int64_t)made > now - REGISTER_BUFFERS_OLD_S)
			continue;
		argv_addl(&args, "delete-buffer", "-b", name, ";", NULL);
		++*n;
	}
	rc = *n == 0 || dry_run ||
		tmux_call(t, &args, NULL, 0, NULL, e) == TMUX_OK
	    ? 0
	    : -1;
out:
	argv_free(&args);
	buf_free(&out);
	return rc;
}
