#include "pane.h"

#include "mem.h"
#include "str.h"

bool
pane_ident_eq(const struct pane_ident *want, const struct pane_ident *have)
{
	return str_eq(want->pane, have->pane) &&
	    str_eq(want->socket, have->socket) &&
	    want->server_pid == have->server_pid &&
	    want->server_start == have->server_start &&
	    (want->pane_pid == 0 || have->pane_pid == 0 ||
		want->pane_pid == have->pane_pid);
}

void
pane_facts_free(struct pane_facts *facts)
{
	ps_list_free(&facts->foreground);
	argv_free(&facts->lines);
	X_CLEAR(facts->allow);
}
