/* lookup - an address as a person wrote it, to an agent. */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stdbool.h>

#include "agent.h"
#include "register.h"

/*
 * Find `name` in the address book. *renamed: it is an older name,
 * which ends; not another that the agent has for good.
 * EXIT_UNKNOWN with the nearest names, or, when a window of that name lives
 * here but is not registered, why not and how to mend that. `a` is initialised
 * here and to be freed in any case. Where local.toml is not ours, as the bash
 * agent-mesh leaves it, all our tmux servers are scanned for one of this host.
 */
int lookup(const struct registrar *reg, const char *name, struct agent *a,
    bool *renamed, struct err *e);

#endif
