#include "register_hooks.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "path.h"
#include "str.h"

enum { HOOKS_BATCH = 100 }; /* targets asked for in one tmux call */

/* The same names stand in hooks/panemesh.tmux.conf.in. The last three count
 * visits; that one of them is hidden loses no window. */
static const char *const hook_names[] = { "session-created", "session-closed",
	"session-renamed", "window-linked", "window-unlinked", "window-renamed",
	"window-layout-changed", "pane-exited", "pane-died",
	"after-split-window", "after-kill-pane", "after-set-hook",
	"window-pane-changed", "session-window-changed",
	"client-session-changed" };

enum {
	HOOKS_COUNT = sizeof(hook_names) / sizeof(hook_names[0]),
	HOOKS_BELLS = HOOKS_COUNT - 3,
};

char *
register_hooks_file(struct err *e)
{
	/* Beside the programs, and from the folder above. */
	static const char *const places[] = { "panemesh.tmux.conf",
		"share/panemesh/panemesh.tmux.conf" };
	const char *given = getenv("PANEMESH_HOOKS");
	char self[4096], *slash, *path;
	ssize_t n;
	size_t i;

	if (given != NULL && given[0] == '/')
		return x_strdup(given);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[n < 0 ? 0 : n] = '\0';
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		slash = strrchr(self, '/');
		if (slash == NULL)
			break;
		*slash = '\0';
		path = path_join(self, places[i]);
		if (access(path, R_OK) == 0)
			return path;
		x_free(path);
	}
	(void)err_set(e, EXIT_LOCAL,
	    "panemesh.tmux.conf: not found beside the programs; name it with "
	    "--hooks FILE");
	return NULL;
}

int
register_hooks_missing(
    const struct tmux *t, struct argv *missing, struct err *e)
{
	struct buf out = BUF_INIT;
	struct argv args = ARGV_INIT;
	char *start;
	int rc = -1;
	size_t i;

	/* Session hooks and window hooks are two tables. */
	argv_addl(&args, "show-hooks", "-g", ";", "show-hooks", "-gw", NULL);
	buf_addc(&out, '\n');
	if (tmux_call(t, &args, NULL, 0, &out, e) == TMUX_OK) {
		for (i = 0; i < HOOKS_COUNT; i++) {
			start = x_asprintf(
			    "\n%s" REGISTER_HOOKS_INDEX " ", hook_names[i]);
			if (strstr(out.data, start) == NULL)
				argv_add(missing, hook_names[i]);
			x_free(start);
		}
		rc = 0;
	}
	argv_free(&args);
	buf_free(&out);
	return rc;
}

/* Add what `out` (lines of show-hooks, behind lines "MARK what") shows. */
static void
read_hidden(char *out, struct argv *hidden)
{
	char *line, *rest, *what = NULL;
	const char *last = "";
	size_t i, len, before = 0;

	for (line = strtok_r(out, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (str_starts(line, tmux_mark())) {
			what = line + strlen(tmux_mark());
			last = "";
			continue;
		}
		len = strcspn(line, "[ ");
		for (i = 0; what != NULL && i < HOOKS_BELLS; i++)
			if (strlen(hook_names[i]) == len &&
			    strncmp(line, hook_names[i], len) == 0) {
				if (!str_eq(hook_names[i], last)) {
					before = hidden->n;
					argv_addf(hidden, "%s: %s", what,
					    hook_names[i]);
					last = hook_names[i];
				}
				/* Ours stands beside it there, too. */
				if (hidden->n > before &&
				    str_starts(
					line + len, REGISTER_HOOKS_INDEX)) {
					hidden->n--;
					X_CLEAR(hidden->v[hidden->n]);
				}
			}
	}
}

static int
ask_hidden(
    const struct tmux *t, struct argv *args, struct argv *hidden, struct err *e)
{
	struct buf out = BUF_INIT;
	int rc = -1;

	if (args->n == 0)
		return 0;
	if (tmux_call(t, args, NULL, 0, &out, e) == TMUX_OK) {
		read_hidden(out.data, hidden);
		rc = 0;
	}
	buf_free(&out);
	argv_free(args);
	return rc;
}

/* What a row can hide hooks by: its session, its window, its pane. */
static const struct hook_level {
	const char *name, *flag;
	size_t offset;
} levels[] = {
	{ "session", NULL, offsetof(struct tmux_row, session) },
	{ "window", "-w", offsetof(struct tmux_row, window) },
	{ "pane", "-p", offsetof(struct tmux_row, ident.pane) },
};

int
register_hooks_hidden(const struct tmux *t, const struct tmux_rows *rows,
    struct argv *hidden, struct err *e)
{
	struct argv args = ARGV_INIT, done = ARGV_INIT;
	const char *id;
	size_t i, k, n = 0, level;
	int rc = 0;

	for (level = 0; rc == 0 && level < 3; level++)
		for (i = 0; rc == 0 && i < rows->n; i++) {
			id = (const char *)&rows->v[i] + levels[level].offset;
			for (k = 0; k < done.n; k++)
				if (str_eq(done.v[k], id))
					break;
			if (k < done.n)
				continue;
			argv_add(&done, id);
			/* Ids only: names would be expanded as formats. */
			argv_addl(&args, "display-message", "-p", NULL);
			argv_addf(&args, "%s%s %s", tmux_mark(),
			    levels[level].name, id);
			argv_addl(&args, ";", "show-hooks", "-t", id, NULL);
			if (levels[level].flag != NULL)
				argv_add(&args, levels[level].flag);
			argv_add(&args, ";");
			if (++n % HOOKS_BATCH == 0)
				rc = ask_hidden(t, &args, hidden, e);
		}
	if (rc == 0)
		rc = ask_hidden(t, &args, hidden, e);
	argv_free(&args);
	argv_free(&done);
	return rc;
}

int
register_hooks_source(const struct tmux *t, const char *file, struct err *e)
{
	struct argv args = ARGV_INIT;
	int rc;

	argv_addl(&args, "source-file", file, NULL);
	rc = tmux_call(t, &args, NULL, 0, NULL, e) == TMUX_OK ? 0 : -1;
	argv_free(&args);
	return rc;
}
