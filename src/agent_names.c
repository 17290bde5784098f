#include "agent_names.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"
#include "str.h"

enum { NAMES_CAP_MIN = 64 };

/* The slot where `name` is or would stand. */
static struct agent_name *
names_slot(const struct agent_names *names, const char *name)
{
	size_t i = (size_t)str_hash(name, strlen(name)) & (names->cap - 1);

	while (
	    names->slots[i].name != NULL && !str_eq(names->slots[i].name, name))
		i = (i + 1) & (names->cap - 1);
	return &names->slots[i];
}

struct agent_name *
agent_names_find(const struct agent_names *names, const char *name)
{
	struct agent_name *slot;

	if (names->cap == 0)
		return NULL;
	slot = names_slot(names, name);
	return slot->name == NULL ? NULL : slot;
}

static void
names_grow(struct agent_names *names)
{
	struct agent_names old = *names;
	size_t i;

	names->cap = old.cap == 0 ? NAMES_CAP_MIN : old.cap * 2;
	names->slots = x_calloc(names->cap, sizeof(*names->slots));
	for (i = 0; i < old.cap; i++)
		if (old.slots[i].name != NULL)
			*names_slot(names, old.slots[i].name) = old.slots[i];
	x_free(old.slots);
}

bool
agent_names_add(
    struct agent_names *names, const char *name, size_t owner, bool alias)
{
	struct agent_name *slot;

	if (names->n * 2 >= names->cap)
		names_grow(names);
	slot = names_slot(names, name);
	if (slot->name != NULL)
		return false;
	*slot = (struct agent_name){ x_strdup(name), owner, alias };
	names->n++;
	return true;
}

void
agent_names_free(struct agent_names *names)
{
	size_t i;

	for (i = 0; i < names->cap; i++)
		x_free(names->slots[i].name);
	x_free(names->slots);
	*names = (struct agent_names)AGENT_NAMES_INIT;
}
