/* presence - what an agent of this host is doing, told by its pane. */
#ifndef PRESENCE_H
#define PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "classify.h"
#include "config.h"
#include "err.h"
#include "home.h"
#include "profile.h"
#include "slice.h"

enum {
	PRESENCE_ACTIVE_S = 30, /* without output: idle from then on */
	PRESENCE_AWAY_S = 300,  /* away from then on */
};

enum presence_state {
	PRESENCE_ACTIVE, /* something was printed a moment ago, or it works */
	PRESENCE_IDLE,
	PRESENCE_AWAY,
	PRESENCE_STUCK,   /* an agent that works or asks, and has printed
			   * nothing for long */
	PRESENCE_ASKING,  /* a dialog, a menu, a password: it waits for one */
	PRESENCE_SHELL,   /* a shell: no agent, or one that has ended */
	PRESENCE_GONE,    /* no process, or no pane any more */
	PRESENCE_UNKNOWN, /* it could not be looked at */
	PRESENCE_STATES,  /* their number */
};

struct presence {
	enum presence_state state;
	int64_t quiet_s; /* since its window printed anything; -1: unknown */
	char reason[CLASSIFY_REASON_MAX]; /* the classifier's, for a person */
};

/*
 * What a pane's state means, `quiet_s` after its window's last output, where
 * `stuck_s` without any is too long for work and questions (0: never). Pure.
 */
enum presence_state presence_of(
    const struct readiness *r, int64_t quiet_s, int64_t stuck_s);

/* "active", ... and a sign of one column for it: "●". */
const char *presence_name(enum presence_state state);
const char *presence_sign(enum presence_state state);

/* The state of that name; PRESENCE_UNKNOWN for any other. */
enum presence_state presence_find(const char *name);

/* The presence of a pane that was looked at. */
void presence_judge(struct presence *p, const struct pane_facts *facts,
    const struct readiness *r, const struct config *config);

/* Look at one agent of this host. */
void presence_look(struct presence *p, const struct agent *a,
    const struct config *config, const struct profile_set *profiles);

/* The agents of this host, each looked at. */
struct presence_seen {
	const struct agent *agent; /* of `own` */
	struct presence now;
};

struct presence_list {
	struct slice_ahead own;
	struct presence_seen *v;
	size_t n;
};

/* Look at all of them, or only where a known agent was seen. To be freed. */
void presence_list(struct presence_list *list, const struct home *home,
    const struct config *config, const struct profile_set *profiles,
    bool known_only);
void presence_list_free(struct presence_list *list);

/*
 * Tell the feed of those that are stuck, once for each time: until something is
 * printed there again. run/stuck knows who was told of. Where another program
 * is at it this does nothing. -1 with EXIT_LOCAL.
 */
int presence_notice(
    const struct home *home, const struct presence_list *list, struct err *e);

#endif
