#include "lookup.h"

#include "clock.h"
#include "file.h"
#include "mem.h"
#include "registry.h"
#include "slice.h"
#include "str.h"
#include "tmux.h"

/* Would this row's window have `name` for its address, were it registered? */
static bool
lookup_explain_row(const struct registrar *reg, const char *name,
    const struct tmux_row *row, struct err *e)
{
	char *base = agent_base(reg->home->host, row);
	bool same = str_eq(base, name);
	const char *glob;

	x_free(base);
	if (!same)
		return false;
	glob = config_ignored(reg->config, row->session_name);
	if (glob != NULL)
		(void)err_set(e, EXIT_UNKNOWN,
		    "%s: its session '%s' is ignored (ignore_sessions has "
		    "'%s'); rename the session, or set ignore_sessions in "
		    "config.toml and run agent-discover",
		    name, row->session_name, glob);
	else
		(void)err_set(e, EXIT_UNKNOWN,
		    "%s: lives here but is not registered; run agent-discover",
		    name);
	return true;
}

/* Nobody has the name: is there an unregistered window that would? */
static void
lookup_explain(const struct registrar *reg, const char *name, struct err *e)
{
	struct tmux_rows rows = { .v = NULL };
	struct argv sockets = ARGV_INIT;
	bool explained = false;
	struct tmux tmux;
	size_t i, j;

	register_sockets(reg->home, &sockets);
	for (i = 0; i < sockets.n && !explained; i++) {
		if (tmux_open(&tmux, sockets.v[i], NULL) != 0)
			continue;
		(void)tmux_scan(&tmux, &rows, NULL);
		for (j = 0; j < rows.n && !explained; j++)
			explained =
			    lookup_explain_row(reg, name, &rows.v[j], e);
		tmux_rows_free(&rows);
	}
	argv_free(&sockets);
}

/* Did the bash agent-mesh write local.toml, or somebody tear it? Its entries
 * say no pane, and our panes may be missing. */
static bool
lookup_foreign(const struct home *home)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice s = SLICE_INIT;
	enum file_found found = file_read_ours(home->local, &text, NULL);
	bool foreign = found == FILE_FAILED;

	if (found == FILE_READ)
		foreign = slice_parse(&s, home->local, text.data, text.len,
			      NULL) != 0 ||
		    s.version == 0;
	slice_free(&s);
	buf_free(&text);
	return foreign;
}

static void
lookup_no_report(void *arg, const char *socket,
    const struct register_result *result, const struct err *e)
{
	(void)arg;
	(void)socket;
	(void)result;
	(void)e;
}

/* What tmux says, since local.toml does not: it is written again, and who
 * overwrites it at once does not matter. */
static int
lookup_scan(const struct registrar *reg, const char *name, struct agent *a,
    bool *renamed)
{
	struct agent_list list = AGENT_LIST_INIT;
	struct registrar each = *reg;
	int64_t now = clock_real_ms();
	size_t i;
	int rc = -1;

	each.found = &list;
	each.wait = true;
	(void)register_all(&each, lookup_no_report, NULL);
	for (i = 0; i < list.n && rc != 0; i++) {
		*renamed = !str_eq(list.v[i].address, name);
		if (*renamed && !agent_has_alias(&list.v[i], name, now))
			continue;
		agent_free(a);
		agent_copy(a, &list.v[i]);
		rc = 0;
	}
	agent_list_free(&list);
	return rc;
}

/* Was it found, and if it is ours, where it is? */
static bool
lookup_done(const struct registrar *reg, int rc, const struct agent *a)
{
	return rc == 0 &&
	    (!str_eq(a->host, reg->home->host) || a->ident.socket[0] != '\0');
}

/* Will this name be forgotten? */
static bool
lookup_ends(const struct agent *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->aliases_n; i++)
		if (str_eq(a->aliases[i].name, name))
			return a->aliases[i].until != 0;
	return true;
}

int
lookup(const struct registrar *reg, const char *name, struct agent *a,
    bool *renamed, struct err *e)
{
	struct registry registry = REGISTRY_INIT;
	int64_t now = clock_real_ms();
	struct err why;
	int rc = -1;

	*renamed = false;
	if (!str_address_ok(name)) {
		agent_init(a);
		return err_set(e, EXIT_UNKNOWN,
		    "'%.200s': is no address; see notify-pane --list", name);
	}
	err_clear(&why);
	if (registry_open(&registry, reg->home, now, &why) == 0) {
		rc = registry_find(&registry, name, now, a, renamed, &why);
		if (!lookup_done(reg, rc, a) && why.code != EXIT_LOCAL &&
		    lookup_foreign(reg->home)) {
			rc = lookup_scan(reg, name, a, renamed);
			if (rc != 0)
				(void)err_set(&why, EXIT_UNKNOWN,
				    "%s: no such agent, and local.toml was "
				    "written by another program; run "
				    "agent-discover",
				    name);
		}
		if (rc != 0 && why.code == EXIT_UNKNOWN &&
		    registry_unread(reg->home, name, &why) == 0)
			lookup_explain(reg, name, &why);
	} else {
		agent_init(a);
	}
	if (rc == 0 && *renamed)
		*renamed = lookup_ends(a, name);
	if (rc != 0 && e != NULL)
		*e = why;
	registry_close(&registry);
	return rc;
}
