#include "register_parked.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "ps.h"
#include "str.h"

static char *
parked_path(const struct home *home)
{
	return path_join(home->run, "parked.toml");
}

void
parked_load(struct parked *p, const struct home *home)
{
	char *path = parked_path(home);
	struct err e;

	*p = (struct parked)PARKED_INIT;
	if (file_read_ours(path, &p->text, NULL) == FILE_READ &&
	    slice_parse(&p->slice, path, p->text.data, p->text.len, &e) != 0) {
		log_line("%s; it is left out", e.msg);
		slice_free(&p->slice);
		p->slice = (struct slice)SLICE_INIT;
	}
	x_free(path);
}

void
parked_free(struct parked *p)
{
	slice_free(&p->slice);
	buf_free(&p->text);
}

static const struct agent *
find_id(const struct agent_list *list, const char *id)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (str_eq(list->v[i].id, id))
			return &list->v[i];
	return NULL;
}

const struct agent_list *
parked_join(const struct parked *p, const struct agent_list *before,
    const struct agent_scan *scan, struct agent_list *joined)
{
	const struct agent *a;
	struct agent *copy;
	size_t i, k;

	*joined = (struct agent_list)AGENT_LIST_INIT;
	for (i = 0; i < p->slice.agents.n; i++) {
		a = &p->slice.agents.v[i];
		if (!str_eq(a->ident.socket, scan->socket) ||
		    !agent_has_alias(a, a->address, scan->now) ||
		    find_id(before, a->id) != NULL)
			continue;
		for (k = 0; joined->n == 0 && k < before->n; k++)
			(void)agent_list_put(joined, &before->v[k]);
		copy = agent_list_put(joined, a);
		/* It asks for its address as one that was renamed: whoever
		 * has it now keeps it. */
		x_free(copy->base);
		copy->base = x_strdup("");
	}
	if (joined->n == 0)
		return before;
	agent_list_sort(joined);
	return joined;
}

/* Is the entry's pane shown, and by ignored sessions alone? */
static bool
is_out_of_sight(const struct agent *a, const struct agent_scan *scan)
{
	const struct tmux_row *row;
	bool shown = false;
	size_t i;

	for (i = 0; i < scan->rows->n; i++) {
		row = &scan->rows->v[i];
		if (row->ident.server_pid != a->ident.server_pid ||
		    row->ident.server_start != a->ident.server_start ||
		    !str_eq(row->ident.pane, a->ident.pane))
			continue;
		shown = true;
		if (config_ignored(scan->config, row->session_name) == NULL)
			return false;
	}
	return shown;
}

/* Add to what is kept; of two that had the same address the last has it. */
static void
keep(struct agent_list *kept, const struct agent *a)
{
	size_t i;

	for (i = 0; i < kept->n; i++)
		if (str_eq(kept->v[i].address, a->address)) {
			agent_free(&kept->v[i]);
			agent_copy(&kept->v[i], a);
			return;
		}
	(void)agent_list_put(kept, a);
}

/* Those parked before, of all servers, that have time left. */
static void
keep_old(struct agent_list *kept, const struct parked *p,
    const struct agent_list *now, const struct agent_scan *scan, bool written)
{
	const struct agent *a;
	size_t i;

	for (i = 0; i < p->slice.agents.n; i++) {
		a = &p->slice.agents.v[i];
		if (!agent_has_alias(a, a->address, scan->now))
			continue;
		if (str_eq(a->ident.socket, scan->socket)
			? !written ||
			    (find_id(now, a->id) == NULL &&
				is_out_of_sight(a, scan))
			: !ps_ended((pid_t)a->ident.server_pid))
			keep(kept, a);
	}
}

static void
keep_new(struct agent_list *kept, const struct agent_list *before,
    const struct agent_list *now, const struct agent_scan *scan)
{
	int64_t until =
	    scan->now + scan->config->alias_hours * 3600 * INT64_C(1000);
	const struct agent *a;
	struct agent copy;
	size_t i;

	for (i = 0; i < before->n && scan->config->alias_hours > 0; i++) {
		a = &before->v[i];
		if (!str_eq(a->ident.socket, scan->socket) ||
		    find_id(now, a->id) != NULL || !is_out_of_sight(a, scan))
			continue;
		agent_copy(&copy, a);
		agent_alias_add(&copy, a->address, until);
		keep(kept, &copy);
		agent_free(&copy);
	}
}

void
parked_keep(struct parked *p, const struct home *home,
    const struct agent_list *before, const struct agent_list *now,
    const struct agent_scan *scan, bool written)
{
	struct slice s = { .version = SLICE_VERSION,
		.generation = 1,
		.agents = AGENT_LIST_INIT };
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	char *path = parked_path(home);
	struct err e = { .code = EXIT_OK };

	keep_old(&s.agents, p, now, scan, written);
	keep_new(&s.agents, before, now, scan);
	agent_list_sort(&s.agents);
	slice_own(&s, home->host, home->host_id);
	clock_text(s.written, 0);
	if (s.agents.n > 0)
		slice_write(&text, &s);
	if (str_eq(text.data, p->text.data))
		goto out;
	if (text.len == 0) {
		if (unlink(path) != 0)
			(void)err_set(
			    &e, EXIT_LOCAL, "%s: %s", path, strerror(errno));
	} else {
		home_sweep(home, "run/parked.toml");
		if (buf_check(&text, path, &e) == 0)
			(void)file_replace(
			    path, text.data, text.len, FILE_FAST, &e);
	}
	if (e.code != EXIT_OK)
		log_line("%s", e.msg);
	buf_reset(&p->text);
	buf_add(&p->text, text.data, text.len);
out:
	agent_list_free(&s.agents);
	buf_free(&text);
	x_free(path);
}
