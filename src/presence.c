#include "presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "deliver.h"
#include "feed.h"
#include "file.h"
#include "lock.h"
#include "mem.h"
#include "path.h"
#include "str.h"

enum {
	PRESENCE_FILE_MAX = 1024 * 1024, /* bytes of run/stuck */
	PRESENCE_SLACK_S = 1, /* tmux's seconds against ours, when rounded */
};

static const struct {
	const char *name, *sign;
} presence_words[PRESENCE_STATES] = {
	[PRESENCE_ACTIVE] = { "active", "\u25cf" },
	[PRESENCE_IDLE] = { "idle", "\u25cb" },
	[PRESENCE_AWAY] = { "away", "\u25cc" },
	[PRESENCE_STUCK] = { "stuck", "\u2715" },
	[PRESENCE_ASKING] = { "asking", "?" },
	[PRESENCE_SHELL] = { "shell", "$" },
	[PRESENCE_GONE] = { "gone", "-" },
	[PRESENCE_UNKNOWN] = { "unknown", " " },
};

const char *
presence_name(enum presence_state state)
{
	return presence_words[state].name;
}

const char *
presence_sign(enum presence_state state)
{
	return presence_words[state].sign;
}

enum presence_state
presence_find(const char *name)
{
	size_t i;

	for (i = 0; i < PRESENCE_UNKNOWN; i++)
		if (str_eq(presence_words[i].name, name))
			break;
	return (enum presence_state)i;
}

static enum presence_state
presence_by_time(int64_t quiet_s)
{
	/* A clock that was set back makes nobody away. */
	return quiet_s < PRESENCE_ACTIVE_S ? PRESENCE_ACTIVE
	    : quiet_s < PRESENCE_AWAY_S    ? PRESENCE_IDLE
					   : PRESENCE_AWAY;
}

enum presence_state
presence_of(const struct readiness *r, int64_t quiet_s, int64_t stuck_s)
{
	bool agent = r->profile != NULL && r->profile->kind == PROFILE_AGENT;
	bool stuck = agent && stuck_s > 0 && quiet_s >= stuck_s;

	/* An editor or a pager asks nobody anything. */
	if (r->state == CLASSIFY_MODAL && r->profile != NULL &&
	    r->profile->kind == PROFILE_MODAL)
		return presence_by_time(quiet_s);
	switch (r->state) {
	case CLASSIFY_DEAD:
		return PRESENCE_GONE;
	case CLASSIFY_SHELL_LEFT:
		return PRESENCE_SHELL;
	case CLASSIFY_MODAL:
	case CLASSIFY_PASSWORD:
		return stuck ? PRESENCE_STUCK : PRESENCE_ASKING;
	case CLASSIFY_BUSY:
		return stuck ? PRESENCE_STUCK : PRESENCE_ACTIVE;
	default:
		break;
	}
	if (r->profile != NULL && r->profile->kind == PROFILE_SHELL)
		return PRESENCE_SHELL;
	return presence_by_time(quiet_s);
}

void
presence_judge(struct presence *p, const struct pane_facts *facts,
    const struct readiness *r, const struct config *config)
{
	p->quiet_s = clock_real_ms() / 1000 - facts->activity;
	p->quiet_s = p->quiet_s < 0 ? 0 : p->quiet_s;
	p->state = presence_of(r, p->quiet_s, config->stuck_after);
	(void)snprintf(p->reason, sizeof(p->reason), "%s", r->reason);
}

void
presence_look(struct presence *p, const struct agent *a,
    const struct config *config, const struct profile_set *profiles)
{
	struct pane_facts facts;
	struct readiness r;
	struct err e;

	*p = (struct presence){ .state = PRESENCE_UNKNOWN, .quiet_s = -1 };
	if (deliver_check(&a->ident, profiles, &facts, &r, &e) == 0) {
		presence_judge(p, &facts, &r, config);
	} else {
		if (e.code == EXIT_UNKNOWN)
			p->state = PRESENCE_GONE;
		(void)snprintf(p->reason, sizeof(p->reason), "%.*s",
		    (int)sizeof(p->reason) - 1, e.msg);
	}
	classify_free(&r);
	pane_facts_free(&facts);
}

void
presence_list(struct presence_list *list, const struct home *home,
    const struct config *config, const struct profile_set *profiles,
    bool known_only)
{
	const struct agent_list *own;
	size_t i;

	*list = (struct presence_list){ .own = SLICE_AHEAD_INIT };
	slice_read_ahead(&list->own, home);
	own = &list->own.slice.agents;
	list->v = x_calloc(own->n, sizeof(*list->v));
	for (i = 0; i < own->n; i++) {
		if (!str_eq(own->v[i].host, home->host) ||
		    (known_only && own->v[i].known[0] == '\0'))
			continue;
		list->v[list->n].agent = &own->v[i];
		presence_look(
		    &list->v[list->n++].now, &own->v[i], config, profiles);
	}
}

void
presence_list_free(struct presence_list *list)
{
	x_free(list->v);
	slice_ahead_free(&list->own);
	*list = (struct presence_list){ .v = NULL };
}

/* ---- who is stuck ---- */

/* When did this one, that was told of, print something before? -1: it was not
 * told of. */
static int64_t
notice_find(const struct buf *told, const char *id)
{
	const char *line = told->data, *end;
	long long then;
	char name[AGENT_ID_MAX + 1];

	for (; *line != '\0'; line = *end == '\0' ? end : end + 1) {
		end = line + strcspn(line, "\n");
		if (sscanf(line, "%26s %lld", name, &then) == 2 &&
		    str_eq(name, id))
			return then;
	}
	return -1;
}

static void
notice_tell(const struct home *home, const struct presence_seen *seen)
{
	char text[FEED_PREVIEW_MAX];

	(void)snprintf(text, sizeof(text),
	    "nothing printed for %lld min: %.150s",
	    (long long)(seen->now.quiet_s / 60), seen->now.reason);
	(void)feed_append(home,
	    &(struct feed_event){ .type = "stuck",
		.agent = seen->agent->address,
		.preview = text },
	    NULL);
}

/* Tell of one that is stuck, unless that was done since it printed something
 * last; what is to be remembered of it, -1: nothing. It is remembered until it
 * prints again, whatever is seen there meanwhile, if anything. */
static int64_t
notice_one(const struct home *home, const struct buf *told,
    const struct presence_seen *seen)
{
	int64_t since = clock_real_ms() / 1000 - seen->now.quiet_s;
	int64_t then = notice_find(told, seen->agent->id);

	if (then >= 0 &&
	    (seen->now.quiet_s < 0 ||
		(then - since <= PRESENCE_SLACK_S &&
		    since - then <= PRESENCE_SLACK_S)))
		return then;
	if (seen->now.state != PRESENCE_STUCK)
		return -1;
	notice_tell(home, seen);
	return since;
}

int
presence_notice(
    const struct home *home, const struct presence_list *list, struct err *e)
{
	char *path = path_join(home->run, "stuck");
	char *lock = path_join(home->run, "stuck.lock");
	struct buf told = BUF_INIT_MAX(PRESENCE_FILE_MAX), now = BUF_INIT;
	const struct presence_seen *seen;
	int fd = -1, rc = 0;
	int64_t since;
	size_t i;

	switch (lock_take(lock, 0, &fd, e)) {
	case LOCK_TAKEN:
		break;
	case LOCK_BUSY:
		goto out;
	case LOCK_FAILED:
		rc = -1;
		goto out;
	}
	/* One that cannot be read is as good as none: told of once more. */
	if (file_read_ours(path, &told, NULL) != FILE_READ)
		buf_reset(&told);
	for (i = 0; i < list->n; i++) {
		seen = &list->v[i];
		since = notice_one(home, &told, seen);
		if (since >= 0)
			buf_addf(&now, "%s %lld\n", seen->agent->id,
			    (long long)since);
	}
	if (!str_eq(now.data, told.data))
		rc = file_replace(path, now.data, now.len, FILE_FAST, e);
out:
	lock_drop(&fd);
	buf_free(&told);
	buf_free(&now);
	x_free(lock);
	x_free(path);
	return rc;
}
