/* register - keep local.toml and registry.toml what tmux says. */
#ifndef REGISTER_H
#define REGISTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "config.h"
#include "err.h"
#include "home.h"
#include "profile.h"
#include "tmux.h"

/*
 * Who scans when.
 *
 * A hook says only that something changed, so one scan may answer for any
 * number of hooks, as long as it begins after the last of them: the scans of a
 * server take turns (turn.h), named by its socket. The turn lasts until
 * local.toml is written, so an older view of a server never overwrites a newer
 * one.
 * local.toml is shared by the scans of several servers and has a lock of its
 * own, taken after the scan and held while it is read, merged and replaced. A
 * program that was stopped between its scan and that lock scans again.
 */

enum {
	REGISTER_WAIT_MS = 30 * 1000, /* for another scan of the same server */
	REGISTER_STALE_MS = 2000,     /* a view this old is taken again */
	REGISTER_CONFIRM_MS = 20 * 3600 * 1000, /* a slice this old is, too */
};

/* What all scans of one program share; nothing is owned. */
struct registrar {
	const struct home *home;
	const struct config *config;
	const struct profile_set *profiles;
	/* Called while tmux works on a scan, if set: what it does need not be
	 * done before, such as loading the profiles. */
	void (*meanwhile)(void *arg);
	void *arg;
	/* Set: gets a copy of each entry as the scans find it, whatever becomes
	 * of the file; an entry may come several times. */
	struct agent_list *found;
	bool dry_run; /* look and compare, write nothing */
	bool quiet;   /* do not tell peers */
	bool wait;    /* never leave it to another: return when a scan that
			 began after the call has been written */
};

/* What one scan of one server came to. */
struct register_result {
	bool server;   /* a server answered there */
	bool left;     /* nothing done: another program is about to scan */
	bool changed;  /* local.toml was written, or would have been */
	size_t panes;  /* panes of the server */
	size_t agents; /* its entries now */
	size_t known;  /* those of them with a known agent, now or before */
};

/*
 * Scan the server at `socket` and bring local.toml and registry.toml up to
 * date. Its entries go when there is no server; when it does not answer they
 * stay, and this is -1 with EXIT_WIRE. Panes where a known agent is seen for
 * the first time get the option @agent-seen. `server_pid` is the server that
 * a hook named, else 0: a failure of a server that is just ending is none.
 */
int register_server(const struct registrar *reg, const char *socket,
    int64_t server_pid, struct register_result *result, struct err *e);

/*
 * Every server of this user: the sockets in local.toml and those that
 * tmux_sockets() finds. `report` is called for each, with e->code EXIT_OK when
 * all went well. Returns how many failed.
 */
size_t register_all(const struct registrar *reg,
    void (*report)(void *arg, const char *socket,
	const struct register_result *result, const struct err *e),
    void *arg);

/*
 * Tell the peers that something changed: a detached `agent-sync -q`, if
 * peers.conf names any. register_server() does so when local.toml was written,
 * register_all() each time. Failures are logged.
 */
void register_bell(const struct home *home);

/*
 * See to it that there is a slice to publish, written less than
 * REGISTER_CONFIRM_MS ago: peers leave out what is not confirmed for long.
 */
int register_confirm(const struct home *home, struct err *e);

/* The sockets that register_all() goes through. */
void register_sockets(const struct home *home, struct argv *out);

/* Add a set-option of pane option `name`, ended by ";", to a tmux call; without
 * a value (NULL, "") one that takes it away. */
void register_option(
    struct argv *args, const char *pane, const char *name, const char *value);

/*
 * The pane that we run in: the one whose terminal is our controlling one, on
 * any server; without one the pane in $TMUX_PANE if the server that $TMUX
 * names, by socket and pid, has it. `t` names its server. -1 with EXIT_UNKNOWN
 * when there is none. `row` is to be freed with tmux_rows_free() on `rows`,
 * which owns it.
 */
int register_self(const struct home *home, struct tmux *t,
    struct tmux_rows *rows, const struct tmux_row **row, struct err *e);

#endif
