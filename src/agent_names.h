/* agent_names - which names are taken, and by whom: a set for agent_merge. */
#ifndef AGENT_NAMES_H
#define AGENT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct agent_name {
	char *name; /* NULL: free slot */
	size_t owner;
	bool alias;
};

/* Open addressing, at most half full. */
struct agent_names {
	struct agent_name *slots;
	size_t n;
	size_t cap; /* a power of two */
};

#define AGENT_NAMES_INIT      \
	{                     \
		.slots = NULL \
	}

/* The entry of `name`, or NULL. Valid until the next addition. */
struct agent_name *agent_names_find(
    const struct agent_names *names, const char *name);

/* Take `name` (copied). False when it was taken. */
bool agent_names_add(
    struct agent_names *names, const char *name, size_t owner, bool alias);
void agent_names_free(struct agent_names *names);

#endif
