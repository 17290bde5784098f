/* agent - one entry of the address book, and how addresses are given. */
#ifndef AGENT_H
#define AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "pane.h"
#include "str.h"
#include "tmux.h"

enum {
	AGENT_ID_LEN = 20,   /* of the ids we make */
	AGENT_ID_MIN = 16,   /* of those we take */
	AGENT_ID_MAX = 26,   /* a ULID's length */
	AGENT_NAME_LEN = 50, /* bytes of an @agent-name */
	AGENT_ALIASES_MAX =
	    16, /* other names one entry keeps; see agent_alias_add() */
	AGENT_SHORT_MAX = 128, /* bytes kept of session, window, command */
	AGENT_LONG_MAX = 512,  /* bytes kept of role, scope, path */
};

/* Another name of an entry. */
struct agent_alias {
	char *name;
	int64_t until; /* real ms; 0: as long as what it stands for */
};

/*
 * One entry: a window's, which means the window's agent pane, or, in a window
 * of several panes, one pane's (`of` is then the window's address). Strings
 * are never NULL but where said, valid UTF-8 without control characters, and
 * owned by the entry.
 */
struct agent {
	char *address;
	char *host;
	char *of;                  /* NULL for a window's entry */
	char id[AGENT_ID_MAX + 1]; /* [0-9a-z]; for ever this registration's */

	struct pane_ident ident;
	char window[PANE_ID_MAX];
	int part;  /* N of the pane's -pN; -1 if it never had one */
	bool dead; /* its program has ended, the pane is kept open */

	char *base;    /* what the address was made of, before -2, -3 */
	char *slug;    /* the window's part of `base` */
	bool followed; /* the address has followed an automatic name already */

	char *target; /* "dev:0", "dev:0.1" in a window of several panes */
	char *session;
	char *window_name;
	char *role;
	char *scope;
	char *project;   /* what it works on: a name */
	char *status;    /* what it says of itself: @agent-status */
	bool hidden;     /* named by no group: @agent-explicit */
	bool role_given; /* by an option, not inferred */
	bool scope_given;
	bool project_given;
	char *command; /* foreground program */
	char *path;    /* its working folder */
	char *known;   /* the known agent seen here last; "" if never */

	struct agent_alias *aliases; /* sorted by name */
	size_t aliases_n;

	bool automatic; /* automatic-rename is on; not written anywhere */
};

/* Entries, sorted by address where a function does not say otherwise. */
struct agent_list {
	struct agent *v;
	size_t n;
	size_t cap;
};

#define AGENT_LIST_INIT   \
	{                 \
		.v = NULL \
	}

/* All strings "" (but `of`), part -1. To be freed. */
void agent_init(struct agent *a);
void agent_free(struct agent *a);
void agent_copy(struct agent *to, const struct agent *from);

/* A new entry at the end of the list, initialised. Moves the list. */
struct agent *agent_list_add(struct agent_list *list);
/* The same as a copy of `from`. */
struct agent *agent_list_put(struct agent_list *list, const struct agent *from);
void agent_list_sort(struct agent_list *list);
void agent_list_free(struct agent_list *list);

/* The entry with this address in a sorted list, or NULL. */
struct agent *agent_list_find(
    const struct agent_list *list, const char *address);

/* Free *field and keep `value`, cleaned, cut to `max` bytes between
 * characters: newlines, tabs and other C0 become blanks, the rest of what
 * utf8_unsafe() names is dropped, an invalid byte becomes '?'. */
void agent_text(char **field, const char *value, size_t max);

/* Add an alias; a name the entry has already keeps the later `until`. When
 * there are AGENT_ALIASES_MAX, the one that ends first makes room; if none
 * ends, nothing is added. */
void agent_alias_add(struct agent *a, const char *name, int64_t until);

/* Take alias `name` away, if it is one. */
void agent_alias_drop(struct agent *a, const char *name);

/* Is `name` an alias of `a` at `now`? */
bool agent_has_alias(const struct agent *a, const char *name, int64_t now);

/* Is this a name for agent-self-identify: [A-Za-z0-9_][A-Za-z0-9_-]{0,49}? */
bool agent_name_ok(const char *s);

/* Is this an id: [0-9a-z]{16,26}? */
bool agent_id_ok(const char *s);

/* Fill `out` with a new id: 100 random bits of getrandom(2). */
void agent_id_new(char out[AGENT_ID_MAX + 1]);

/*
 * Do two sorted lists say the same, but for what changes all the time: command
 * and path, inferred role and scope, and the window's name while tmux renames
 * it by itself (as the entries of `now` say)?
 */
bool agent_list_same(
    const struct agent_list *before, const struct agent_list *now);

/* What the kernel says of a row's pane. The strings are the caller's. */
struct agent_sight {
	const char *known;   /* the known agent that runs there; NULL: none */
	const char *command; /* foreground program; NULL: unknown */
	const char *path;    /* its working folder; NULL: unknown */
	const char *project; /* which that folder belongs to; NULL: none */
};

/* Sort rows by window, pane and session, as agent_merge() wants them. */
void agent_rows_sort(struct tmux_rows *rows);

/* What one scan of one server found. */
struct agent_scan {
	const char *socket;
	const struct tmux_rows *rows;     /* sorted; may be empty */
	const struct agent_sight *sights; /* one for each row */
	const char *host;                 /* our alias */
	const struct config *config;      /* ignored sessions, alias_hours */
	int64_t now;                      /* real ms */
};

/*
 * The address book after a scan: `before` (sorted; all servers of this host)
 * with the entries of scan->socket replaced by what lives there now. A pure
 * function but for the ids of new entries. `out` is sorted.
 *
 * - An entry is the same as one before if socket, server pid and start time
 *   and the window's id (a pane's entry: the pane's id too) agree. It keeps its
 *   id, its aliases and, while its base is the same, its address.
 * - The base is host, session and slug. The session is the one of the lowest
 *   id that is not ignored. The slug is that of the window's name; under
 *   automatic-rename that of the first sight, and once more when a known
 *   agent first appears under another name.
 * - Addresses are unique among all entries and aliases: the first comer has
 *   the base, others get -2, -3.
 * - An address that an entry gives up, and that of an entry whose pane lives
 *   on elsewhere, becomes an alias of that pane's entry for alias_hours.
 * - Aliases without end: the name under each other session that links the
 *   window, and @agent-name (2, 3, ... is appended when it is taken).
 */
void agent_merge(struct agent_list *out, const struct agent_list *before,
    const struct agent_scan *scan);

/* The base that a row's window would get if it were seen for the first time;
 * malloc'd. */
char *agent_base(const char *host, const struct tmux_row *row);

#endif
