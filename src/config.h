/* config - ~/.agents/config.toml: settings, all with defaults. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "argv.h"
#include "err.h"

enum { CONFIG_SIZE_MAX = 256 * 1024 }; /* bytes of config.toml */

struct config {
	/* Sessions that are not registered: globs with `*`. Default: scratch
	 * tmp temp test test-* _* (the bash agent-mesh's own). */
	struct argv ignore_sessions;
	int64_t inbox_max;   /* bytes of all file drops; default 1 GiB */
	int64_t alias_hours; /* how long an old address is kept; default 24 */
	int64_t stuck_after; /* seconds without output; default 900, 0: never */
	int64_t link_idle;   /* seconds a link stays warm; default 600 */
	int64_t mail_keep;   /* days a message that is done with stays in its
				mailbox; default 7, 0: for ever */
	bool queue;          /* notify-pane --queue always; default false */
};

#define CONFIG_INIT                          \
	{                                    \
		.ignore_sessions = ARGV_INIT \
	}

/*
 * Read `path`; a missing file means the defaults. -1 with EXIT_LOCAL
 * "path:line: reason" for an unknown key, a wrong type or a value out of its
 * bounds. `c` is to be freed in any case.
 */
int config_load(struct config *c, const char *path, struct err *e);

/* The same from text in memory. */
int config_parse(struct config *c, const char *path, const char *text,
    size_t len, struct err *e);
void config_free(struct config *c);

/* The glob of ignore_sessions that takes `session`; NULL when none does. */
const char *config_ignored(const struct config *c, const char *session);

#endif
