/* sync - exchange slices with all peers at once. */
#ifndef SYNC_H
#define SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "home.h"
#include "mail.h"
#include "peers.h"
#include "register.h"

enum {
	SYNC_CONNECT_MS = 15 * 1000, /* until a peer says HELLO */
	SYNC_TOTAL_MS = 20 * 1000,   /* until it has answered everything */
	SYNC_TOTAL_MAX_S = 3600,
	/* A peer of the bash agent-mesh is asked this often whether panemesh
	 * was installed there meanwhile. */
	SYNC_BASH_MS = 3600 * 1000,
};

/*
 * One conversation a peer, all at once in one poll loop, each with deadlines
 * of its own. In each our slice goes out and theirs is asked for, without
 * waiting in between. What arrives is checked and kept (exchange.h) and the
 * registry assembled at once: nobody waits for a peer that is dead.
 *
 * Syncs take turns by peer (turn.h): while one talks to a peer another may
 * wait for it, which will publish what changed meanwhile; a third leaves it to
 * that one. A dead peer therefore holds up no sync with the others.
 *
 * A peer without agent-serve has its local.toml read instead: it runs the bash
 * agent-mesh. One that refused our key, or whose host key we refused, is not
 * tried again unless a person asks (`again`) or something changed (contact.h).
 */
struct sync_options {
	int connect_ms;
	int total_ms;
	bool stay;  /* wait for every peer's turn; else leave it to others */
	bool again; /* also those that refused */
	bool back;  /* ask each whether it can reach us */
	/* Set: peers with accept=mail are asked for messages (fetch.h), and
	 * `refused` is told of those that were for good. */
	const struct registrar *reg;
	void (*refused)(
	    void *arg, const struct mail *m, const char *word, const char *why);
	void *refused_arg;
};

/* What a peer says of reaching us. */
enum sync_back {
	SYNC_BACK_UNKNOWN, /* it does not know how to look */
	SYNC_BACK_OK,
	SYNC_BACK_FAILED,
};

/* What became of one peer. */
struct sync_result {
	const char *alias;
	const char *host; /* what it calls itself; "" if it never said */
	bool left;        /* another sync does it */
	bool answered;    /* somebody was there */
	bool bash;        /* no agent-serve there */
	bool changed;     /* its slice did */
	struct err e;     /* EXIT_OK: all went well */
	enum sync_back back;
	const char *back_words; /* how, or why not */
	const char *version;    /* of its panemesh; "" */
};

/*
 * Sync with all of `peers`. `report` (NULL: none) is called for each when it
 * is done. *failed says how many peers had an error. 0; -1 with EXIT_LOCAL
 * when our own slice or registry cannot be read or written.
 */
int sync_run(const struct home *home, const struct peers *peers,
    const struct sync_options *options,
    void (*report)(void *arg, const struct sync_result *result), void *arg,
    size_t *failed, struct err *e);

/* `status`: a row for each peer and each host that dials us, and what was
 * refused; text or JSON. */
int sync_status(const struct home *home, const struct peers *peers,
    bool as_json, struct buf *out, struct err *e);

/*
 * `peer add ALIAS`: look whether it can be reached, exchange slices, ask it
 * whether it can reach us, and write its line into peers.conf. What was found
 * and what is missing goes to `out`, line by line. -1 with EXIT_WIRE when it
 * cannot be reached: then nothing is written.
 */
int sync_peer_add(const struct home *home, const char *alias,
    const struct sync_options *options, struct buf *out, struct err *e);

/*
 * The line for the far side's authorized_keys that limits the key which we
 * use for `alias` to messages, into `line`; what to do with it into `out`.
 * EXIT_LOCAL when there is no public key.
 */
int sync_peer_restrict(const struct home *home, const char *alias,
    struct buf *line, struct buf *out, struct err *e);

/* `peer rm`: by alias or host name: its line in peers.conf, its slice and what
 * is remembered. EXIT_UNKNOWN if there is no such peer. */
int sync_peer_remove(
    const struct home *home, const char *name, struct buf *out, struct err *e);

/*
 * `peer install`, `leave` and `uninstall` (`verb`): a script does it, in place
 * of this program: from here only its status counts. `name` is what that host
 * calls us for ssh (NULL: our alias). Returns -1 only: EXIT_USAGE for names
 * that are none and peers that are not reached by ssh, EXIT_LOCAL when the
 * script is missing.
 */
int sync_peer_helper(const struct home *home, const char *verb,
    const char *alias, const char *name, struct err *e);

#endif
