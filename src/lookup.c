#include "lookup.h"

#include "clock.h"
#include "registry.h"
#include "mem.h"
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
	if (registry_open(&registry, reg->home, now, &why) == 0) {
		rc = registry_find(&registry, name, now, a, renamed, &why);
		if (rc != 0 && why.code == EXIT_UNKNOWN &&
		    registry_unread(reg->home, name, &why) == 0)
			lookup_explain(reg, name, &why);
	} else {
		agent_init(a);
	}
	if (rc != 0 && e != NULL)
		*e = why;
	registry_close(&registry);
	return rc;
}
