#include "register_view.h"

#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "project.h"
#include "ps.h"
#include "str.h"

/*
 * A scan is mostly waiting for tmux, so what can be found out without it is
 * found out meanwhile: the panes that local.toml knows are looked at, and the
 * profiles are read. Everything happens after the turn was taken, so whatever
 * a hook rang for has happened before it.
 */

enum {
	VIEW_TRIES = 5,   /* scans of a server that is not settled */
	VIEW_NAP_MS = 60, /* between them */
};

struct view_facts {
	int64_t pane_pid;
	struct ps_list foreground;
	struct argv lines;
	char *command; /* the leader's name; NULL: nothing is known */
	char *path;
	char *project;
};

static void
facts_read(struct view_facts *f, const struct argv *slow, int64_t pane_pid)
{
	*f = (struct view_facts){ .pane_pid = pane_pid };
	ps_foreground((pid_t)pane_pid, &f->foreground);
	ps_lines(&f->foreground, &f->lines);
	/* We are not what people run in our own pane: take its shell. */
	if (f->foreground.n > 0 && f->foreground.v[0].pid == getpid())
		(void)ps_read((pid_t)pane_pid, &f->foreground.v[0]);
	if (f->foreground.n > 0) {
		f->command = x_strdup(f->foreground.v[0].comm);
		f->path = ps_cwd(f->foreground.v[0].pid);
		f->project = f->path == NULL ? NULL : project_of(f->path, slow);
	}
}

static void
facts_free(struct view_facts *f)
{
	ps_list_free(&f->foreground);
	argv_free(&f->lines);
	x_free(f->command);
	x_free(f->path);
	x_free(f->project);
}

static int
facts_compare(const void *a, const void *b)
{
	const struct view_facts *x = a, *y = b;

	return (x->pane_pid > y->pane_pid) - (x->pane_pid < y->pane_pid);
}

/* Look at the panes of this server that local.toml knows. */
static void
view_ahead(struct view *v, const char *socket)
{
	const struct agent_list *known = &v->ahead.slice.agents;
	struct view_facts *facts = x_calloc(known->n, sizeof(*facts));
	size_t i, n = 0, kept;
	int64_t pid;

	for (i = 0; i < known->n; i++) {
		pid = known->v[i].ident.pane_pid;
		if (pid > 0 && str_eq(known->v[i].ident.socket, socket))
			facts[n++].pane_pid = pid;
	}
	qsort(facts, n, sizeof(*facts), facts_compare);
	/* A pane may have a window's address and one of its own. */
	for (i = 0, kept = 0; i < n; i++)
		if (kept == 0 || facts[kept - 1].pane_pid != facts[i].pane_pid)
			facts_read(&facts[kept++], &v->slow, facts[i].pane_pid);
	v->facts = facts;
	v->facts_n = kept;
}

static void
view_sight(const struct registrar *reg, const struct tmux_row *row,
    const struct view_facts *f, struct agent_sight *sight)
{
	const struct profile_clues clues = { .foreground = &f->foreground,
		.lines = &f->lines,
		.command = f->command,
		.title = row->title };
	const struct profile *profile;

	profile = row->profile[0] != '\0'
	    ? profile_find(reg->profiles, row->profile)
	    : NULL;
	if (profile == NULL)
		profile = profile_recognise(reg->profiles, &clues, NULL, 0);
	sight->command = f->command;
	sight->path = f->path;
	sight->project = f->project;
	if (profile != NULL && profile->kind == PROFILE_AGENT)
		sight->known = profile->name;
}

static void
view_fill(struct view *v, const struct registrar *reg)
{
	struct view_facts key, *found;
	const size_t ahead = v->facts_n;
	const struct tmux_row *row;
	size_t i;

	agent_rows_sort(&v->rows);
	v->sights = x_calloc(v->rows.n, sizeof(*v->sights));
	v->facts = x_realloc(v->facts, ahead + v->rows.n, sizeof(*v->facts));
	for (i = 0; i < v->rows.n; i++) {
		row = &v->rows.v[i];
		/* A pane has a row for each session that shows it. */
		if (i > 0 &&
		    str_eq(row->ident.pane, v->rows.v[i - 1].ident.pane)) {
			v->sights[i] = v->sights[i - 1];
			continue;
		}
		v->panes++;
		if (row->dead || row->ident.pane_pid <= 0)
			continue;
		key.pane_pid = row->ident.pane_pid;
		found =
		    bsearch(&key, v->facts, ahead, sizeof(key), facts_compare);
		if (found == NULL) {
			found = &v->facts[v->facts_n++];
			facts_read(found, &v->slow, row->ident.pane_pid);
		}
		view_sight(reg, row, found, &v->sights[i]);
	}
}

void
view_free(struct view *v)
{
	size_t i;

	for (i = 0; i < v->facts_n; i++)
		facts_free(&v->facts[i]);
	x_free(v->facts);
	x_free(v->sights);
	tmux_rows_free(&v->rows);
	slice_ahead_free(&v->ahead);
	argv_free(&v->slow);
	*v = (struct view)VIEW_INIT;
}

/*
 * Is a window there whose name tmux has not made yet? Between fork and exec the
 * program of a new pane is the tmux server itself, and automatic-rename then
 * calls the window "tmux".
 */
static bool
view_is_early(const struct view *v)
{
	size_t i;

	for (i = 0; i < v->rows.n; i++)
		if (v->rows.v[i].automatic_rename &&
		    str_eq(v->rows.v[i].window_name, "tmux") &&
		    v->sights[i].command != NULL &&
		    str_starts(v->sights[i].command, "tmux: server"))
			return true;
	return false;
}

/* One look. */
static enum tmux_result
view_look(struct view *v, const struct registrar *reg, const struct tmux *t,
    struct err *e)
{
	struct tmux_scanning scanning;
	enum tmux_result result;

	view_free(v);
	v->taken = clock_mono_ms();
	tmux_scan_begin(&scanning, t);
	slice_read_ahead(&v->ahead, reg->home);
	project_mounts(&v->slow);
	view_ahead(v, t->socket);
	if (reg->meanwhile != NULL)
		reg->meanwhile(reg->arg);
	result = tmux_scan_finish(&scanning, &v->rows, e);
	if (result != TMUX_FAILED)
		view_fill(v, reg);
	return result;
}

enum tmux_result
view_take(struct view *v, const struct registrar *reg, const struct tmux *t,
    int64_t server_pid, struct err *e)
{
	enum tmux_result result = TMUX_FAILED;
	int64_t started = clock_mono_ms();
	struct err why = { .code = EXIT_OK };
	int i, tries = server_pid > 1 ? 2 * VIEW_TRIES : VIEW_TRIES;

	for (i = 0; i < tries; i++) {
		if (i > 0)
			clock_nap(VIEW_NAP_MS, clock_deadline(VIEW_NAP_MS));
		result = view_look(v, reg, t, &why);
		if (result != TMUX_FAILED && !view_is_early(v))
			break;
		if (result == TMUX_FAILED &&
		    (why.code != EXIT_WIRE ||
			clock_mono_ms() - started > REGISTER_STALE_MS))
			break;
	}
	if (result == TMUX_FAILED)
		(void)err_set(e, why.code, "%s", why.msg);
	return result;
}
