#include "register_sight.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "ps.h"
#include "str.h"

enum { SIGHT_TEXT_MAX = 64 }; /* bytes of "pid:[4026531836]" */

static char *
sight_path(const struct home *home)
{
	return path_join(home->run, "pid-namespace");
}

/* Our PID namespace; "" when the kernel does not tell. */
static void
sight_ours(char out[SIGHT_TEXT_MAX])
{
	ssize_t n = readlink("/proc/self/ns/pid", out, SIGHT_TEXT_MAX - 1);

	out[n < 0 ? 0 : n] = '\0';
}

/* The one that is noted; "" for none. */
static void
sight_noted(const struct home *home, char out[SIGHT_TEXT_MAX])
{
	struct buf text = BUF_INIT_MAX(SIGHT_TEXT_MAX - 1);
	char *path = sight_path(home);

	out[0] = '\0';
	if (file_read_ours(path, &text, NULL) == FILE_READ)
		memcpy(out, text.data, text.len + 1);
	buf_free(&text);
	x_free(path);
}

/* tmux calls its server "tmux: server". */
static bool
sight_server(int64_t pid)
{
	struct ps ps;

	return pid > 1 && !ps_ended((pid_t)pid) &&
	    ps_read((pid_t)pid, &ps) == 0 && str_starts(ps.comm, "tmux");
}

void
sight_note(const struct home *home, int64_t server_pid)
{
	char ours[SIGHT_TEXT_MAX], noted[SIGHT_TEXT_MAX], *path;
	struct err e;

	sight_ours(ours);
	sight_noted(home, noted);
	if (ours[0] == '\0' || str_eq(ours, noted) || !sight_server(server_pid))
		return;
	path = sight_path(home);
	/* Half of it would be none, and is written again. */
	if (file_overwrite(path, ours, strlen(ours), &e) != 0)
		log_debug("%s", e.msg);
	x_free(path);
}

bool
sight_clear(const struct home *home)
{
	char ours[SIGHT_TEXT_MAX], noted[SIGHT_TEXT_MAX];

	sight_ours(ours);
	sight_noted(home, noted);
	return noted[0] == '\0' || str_eq(ours, noted);
}

bool
sight_hidden(
    const struct home *home, const struct agent_list *list, const char *socket)
{
	int64_t last = 0, pid;
	size_t i;

	if (!sight_clear(home))
		return true;
	for (i = 0; i < list->n; i++) {
		pid = list->v[i].ident.server_pid;
		if (pid != last && str_eq(list->v[i].ident.socket, socket) &&
		    sight_server(pid))
			return true;
		last = pid;
	}
	return false;
}

/* The entry that tells most of a row's pane: its own, else its window's. */
static const struct agent *
sight_find(const struct agent_list *before, const struct tmux_row *row)
{
	const struct agent *a, *found = NULL;
	size_t i;

	for (i = 0; i < before->n; i++) {
		a = &before->v[i];
		if (a->ident.server_pid == row->ident.server_pid &&
		    a->ident.server_start == row->ident.server_start &&
		    str_eq(a->ident.pane, row->ident.pane) &&
		    (found == NULL || a->of != NULL))
			found = a;
	}
	return found;
}

/* What an entry does not know is "" there. */
static const char *
sight_word(const char *s)
{
	return s[0] == '\0' ? NULL : s;
}

void
sight_recall(struct view *v, const struct agent_list *before)
{
	const struct agent *a;
	size_t i;

	v->recalled = true;
	for (i = 0; i < v->rows.n; i++) {
		a = sight_find(before, &v->rows.v[i]);
		v->sights[i] = (struct agent_sight){ .known = NULL };
		if (a == NULL)
			continue;
		v->sights[i] =
		    (struct agent_sight){ .known = sight_word(a->known),
			    .command = sight_word(a->command),
			    .path = sight_word(a->path),
			    .project = sight_word(a->project) };
	}
}
