/* Whatever list-panes prints: rows are whole, and an address book made of them
 * has unique names and is the same when it is made again. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "agent_names.h"
#include "mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check_names(const struct agent_list *list)
{
	struct agent_names names = AGENT_NAMES_INIT;
	size_t i, k;

	for (i = 0; i < list->n; i++) {
		if (!str_address_ok(list->v[i].address) ||
		    !agent_names_add(&names, list->v[i].address, i, false))
			abort();
		for (k = 0; k < list->v[i].aliases_n; k++)
			if (!agent_names_add(
				&names, list->v[i].aliases[k].name, i, true))
				abort();
	}
	agent_names_free(&names);
}

/* Is this a world that tmux can be in: each pane in one place of one window? */
static bool
possible(const struct tmux_rows *rows)
{
	const struct tmux_row *a, *b;
	size_t i, k;

	for (i = 0; i < rows->n; i++)
		for (k = 0; k < i; k++) {
			a = &rows->v[i];
			b = &rows->v[k];
			if (strtoul(a->ident.pane + 1, NULL, 10) ==
				strtoul(b->ident.pane + 1, NULL, 10) &&
			    (a->pane_index != b->pane_index ||
				strtoul(a->window + 1, NULL, 10) !=
				    strtoul(b->window + 1, NULL, 10)))
				return false;
		}
	return true;
}

/* The corpus writes the mark as "|~|". */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct tmux_rows rows = { .v = NULL };
	struct agent_list before = AGENT_LIST_INIT, first, second;
	struct config config;
	struct agent_sight *sights;
	struct agent_scan scan = { .socket = "/s",
		.rows = &rows,
		.host = "hub",
		.config = &config,
		.now = 1 };
	size_t i;

	(void)tmux_parse_rows((const char *)data, len, "|~|", "/s", &rows);
	for (i = 0; i < rows.n; i++)
		if (!str_id_ok(rows.v[i].ident.pane, '%') ||
		    !str_id_ok(rows.v[i].window, '@') ||
		    !str_id_ok(rows.v[i].session, '$'))
			abort();
	(void)config_parse(&config, "c", "", 0, NULL);
	sights = x_calloc(rows.n, sizeof(*sights));
	scan.sights = sights;
	agent_rows_sort(&rows);
	agent_merge(&first, &before, &scan);
	check_names(&first);
	agent_merge(&second, &first, &scan);
	check_names(&second);
	if (possible(&rows) && !agent_list_same(&first, &second))
		abort();
	agent_list_free(&first);
	agent_list_free(&second);
	x_free(sights);
	config_free(&config);
	tmux_rows_free(&rows);
	return 0;
}
