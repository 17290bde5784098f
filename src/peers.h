/* peers - ~/.agents/peers.conf: which hosts we know, and how to reach them. */
#ifndef PEERS_H
#define PEERS_H

#include <stdbool.h>
#include <stddef.h>

#include "argv.h"
#include "err.h"
#include "str.h"

enum {
	PEERS_SIZE_MAX = 256 * 1024, /* bytes of peers.conf */
	PEERS_MAX = 1000,            /* peers */
	PEERS_ALIAS_MAX = 255,       /* bytes of an ssh alias */
};

/*
 * One line: ALIAS [key=value ...]. Keys: serve=/PATH (agent-serve there),
 * identity=FILE (a private key to use, and no other), via=ssh (the ssh program
 * instead of libssh), accept=mail (the far end may hand us mail on a link that
 * we dialled), allow=WORD[,WORD] (what a restricted key may ask for: type,
 * urgent, force, relay), relay=yes (its messages are handed on to other hosts;
 * for a restricted key allow=relay says so), command=WORDS... (last; the rest
 * of the line as argv: run that instead of ssh). Strings are "" when not set.
 *
 * Or through=ALIAS, alone: a host that is not dialled, of which only the slice
 * is taken, from the peer of that alias, which hands messages on to it. The
 * line's own alias is then the name of that host. Whether there is such a peer
 * is not looked at here.
 *
 * Or dial=no, beside allow= and relay= at most: a host that dials us and is not
 * dialled, by its name. Such a line says only what it may.
 */
struct peer {
	char *alias;
	char *serve;
	char *identity;
	bool unlisted; /* does not stand there: `peer add` looks at it */
	char *through; /* alias of the peer that has its slice */
	bool via_ssh;
	bool accept_mail;
	bool allow_type, allow_urgent, allow_force, allow_relay;
	bool relay;
	bool dials; /* dial=no */
	struct argv command;
};

/* Those with dial=no stand apart: whoever goes through `v` wants to reach
 * somebody. */
struct peers {
	struct peer *v, *dialling;
	size_t n, dialling_n;
	size_t cap;
};

#define PEERS_INIT        \
	{                 \
		.v = NULL \
	}

/* Read the file; missing: no peers. -1 with EXIT_LOCAL "path:line: reason".
 * To be freed in any case. */
int peers_load(struct peers *p, const char *path, struct err *e);
int peers_parse(struct peers *p, const char *path, const char *text, size_t len,
    struct err *e);
void peers_free(struct peers *p);

/* By alias; NULL if there is none, or it says dial=no. */
const struct peer *peers_find(const struct peers *p, const char *alias);

/* The same with those that say dial=no: what the line says that it may. */
const struct peer *peers_find_any(const struct peers *p, const char *alias);

/* May this be an alias: [A-Za-z0-9][A-Za-z0-9._@:-]{0,254}? It becomes a word
 * of ssh's command line and so never begins with '-'. */
bool peers_alias_ok(const char *alias);

/* Append a line for `alias`, or take its line out; durable. 1 if nothing had
 * to be changed. */
int peers_add(const char *path, const char *alias, struct err *e);
int peers_remove(const char *path, const char *alias, struct err *e);

#endif
