/* group - several agents by one word, and one message to all of them. */
#ifndef GROUP_H
#define GROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "agent.h"
#include "err.h"
#include "send.h"
#include "sender.h"

enum {
	GROUP_MAX = 2000,      /* recipients of one message */
	GROUP_JOBS = 8,        /* of them served at once */
	GROUP_JOBS_OF_HOST = 4 /* of those on one other host */
};

struct group_member {
	char *address;
	char *host; /* NULL: not looked up yet */
};

/* Recipients, each once, in the order they were named. */
struct group {
	struct group_member *v;
	size_t n, cap;
};

#define GROUP_INIT        \
	{                 \
		.v = NULL \
	}

/*
 * Add what `word` names. Without '@' first an address, as it stands. Else:
 *
 *	@all		every agent
 *	@host:NAME	those of hosts, @session:NAME of sessions (as tmux has
 *	@session:NAME	them, on any host), @project:NAME of projects,
 *	@project:NAME	@role:NAME whose role it is; `*` stands for any bytes
 *	@role:NAME
 *	@NAME		the one of these that has members: a host, a session or
 *			a project of exactly that name, a role with `*` as it
 *			stands. Where more than one has, and not the same
 *			members, it is ambiguous
 *
 * A member is a window by its address, and in a window of several panes also
 * each other pane where a known agent was seen. Not one that is dead, hidden
 * (@agent-explicit) or the sender's own pane, or that of its
 * $AGENT_NAME. EXIT_UNKNOWN for nobody and for
 * an ambiguous name, EXIT_USAGE past GROUP_MAX, EXIT_LOCAL.
 */
int group_add(struct group *g, const struct home *home,
    const struct sender *self, const char *word, struct err *e);

/* The same with the book at hand, sorted. */
int group_add_from(struct group *g, const struct agent_list *book,
    const struct home *home, const struct sender *self, const char *word,
    struct err *e);
void group_free(struct group *g);

/*
 * Send to each, GROUP_JOBS at once, and call `each` with what became of it, in
 * the order of the group. All have the id `id` with ".1", ".2" behind it; one
 * alone has it as it is. Where a host turns out not to be reached, its other
 * agents are not tried. -1 with EXIT_LOCAL if it cannot be begun at all.
 */
int group_send(const struct group *g, const struct send *s, const char *id,
    void (*each)(
	void *arg, const char *address, const struct send_result *result),
    void *arg, struct err *e);

#endif
