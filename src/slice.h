/* slice - one host's part of the address book, as TOML and as entries. */
#ifndef SLICE_H
#define SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "buf.h"
#include "clock.h"
#include "err.h"
#include "file.h"
#include "home.h"
#include "toml.h"

enum {
	SLICE_VERSION = 1,
	SLICE_SIZE_MAX = 16 * 1024 * 1024, /* bytes of one host's slice */
	SLICE_AGENTS_MAX = 20000,          /* entries of one host */
	SLICE_AHEAD_MS = 10 * 60 * 1000,   /* how far a clock may be ahead */
	SLICE_BY_MAX = 255,                /* bytes of a peer's alias */
	SLICE_HOPS_MAX = 5,                /* hosts that pass one on */
};

/*
 * What a host publishes. `version` 0 is a slice of the bash agent-mesh, which
 * has no [slices.HOST] table: entries with only host, target, session, window,
 * role and scope, no id, generation 0. A narrow one is what a restricted peer
 * is shown: entries with only host, role and scope, and which are hidden.
 */
struct slice {
	char host[HOST_MAX + 1];
	char host_id[HOME_ID_LEN + 1];
	int64_t version;
	bool narrow;
	int64_t generation;           /* strictly growing: ms since 1970 */
	char written[CLOCK_TEXT_MAX]; /* for people */
	struct agent_list agents;     /* sorted by address */
};

#define SLICE_INIT                        \
	{                                 \
		.agents = AGENT_LIST_INIT \
	}

void slice_free(struct slice *s);

/* Append the slice as TOML: its own table, then the entries as they stand (the
 * caller has sorted them). */
void slice_write(struct buf *b, const struct slice *s);
void slice_write_table(struct buf *b, const struct slice *s);
void slice_write_agent(struct buf *b, const struct agent *a);

/* Make it the slice of this host, which may have had another name when some of
 * its entries were written. */
void slice_own(struct slice *s, const char *host, const char *host_id);

/* Take all but host, role, scope and `explicit` out of every entry. */
void slice_narrow(struct slice *s);

/*
 * Parse and validate a slice that may come from anybody: sizes, every address,
 * id and alias, one host named everywhere. Texts are cleaned and cut as
 * agent_text() does it. -1 with EXIT_LOCAL "name:line: reason". `s` is to be
 * freed in any case.
 */
int slice_parse(struct slice *s, const char *name, const char *text, size_t len,
    struct err *e);

/*
 * Entries of a slice, one table at a time: `t` is what [agents.ADDRESS] holds.
 * The same checks. `a` is initialised here and to be freed in any case.
 */
int slice_parse_agent(struct agent *a, const char *name, const char *address,
    const struct toml *t, struct err *e);

/* The same for [slices.HOST]. */
int slice_parse_table(struct slice *s, const char *name, const char *host,
    const struct toml *t, struct err *e);

/* Parse only what stands before the first entry: no agents. For text that
 * slice_write() made. */
int slice_parse_head(struct slice *s, const char *name, const char *text,
    size_t len, struct err *e);

/*
 * The first line of a peer's slice as we keep it: when its host last confirmed
 * it (real ms by our clock), by which alias of peers.conf its host is reached
 * ("": it dialled us) and, if it came from another one, the name of that and
 * over how many hosts it came; 0: from the host itself.
 */
struct slice_came {
	int64_t ms;
	char by[SLICE_BY_MAX + 1];
	char through[HOST_MAX + 1];
	unsigned hops;
};

void slice_write_came(struct buf *b, const struct slice_came *came);

/* Read that line off a text; without one 0 and "". One that says more hosts
 * than SLICE_HOPS_MAX is read as one more than that. */
void slice_read_came(struct slice_came *came, const char *text);

/* What is known of a peer before its slice is taken. */
struct slice_known {
	const char *host_id; /* NULL: never seen; pinned by the first */
	int64_t generation;  /* 0: never seen */
};

/*
 * May `s`, which came from the peer that calls itself `host`, replace what we
 * have? Its own host's, the host_id we know, a generation that grew and is at
 * most SLICE_AHEAD_MS ahead of `now`. One of the bash agent-mesh, which says
 * neither, may stand where no host_id is known. -1 with EXIT_REFUSED and why.
 */
int slice_accept(const struct slice *s, const char *host,
    const struct slice_known *known, int64_t now, struct err *e);

/*
 * This host's own slice, read before its lock is held: what takes time is then
 * done already. Nothing there, or nothing valid, is an empty one.
 */
struct slice_ahead {
	struct buf text;
	struct slice slice;
	bool valid;
};

#define SLICE_AHEAD_INIT                                                  \
	{                                                                 \
		.text = BUF_INIT_MAX(SLICE_SIZE_MAX), .slice = SLICE_INIT \
	}

void slice_read_ahead(struct slice_ahead *a, const struct home *h);
void slice_ahead_free(struct slice_ahead *a);

/*
 * Read this host's own slice. What `ahead` (may be NULL) read is taken out of
 * it if the file still holds the same bytes. A missing file gives an empty
 * slice, as does one of the bash agent-mesh. One that is not valid is renamed
 * to local.toml.bad-TIME, which *quarantined (malloc'd, else NULL) names, and
 * gives an empty slice too: it is rebuilt from tmux. -1 with EXIT_LOCAL if it
 * cannot be read or renamed. The caller holds the lock.
 */
int slice_load_local(struct slice *s, const struct home *h,
    struct slice_ahead *ahead, char **quarantined, struct err *e);

#endif
