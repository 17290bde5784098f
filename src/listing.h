/* listing - what --list prints. */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>
#include <stdio.h>

#include "home.h"

/* What is listed, and how. */
struct listing {
	bool as_json;
	bool verbose;
	bool hidden;         /* those with @agent-explicit too */
	const char *project; /* only those in it; NULL: all */
};

/*
 * Print the address book: one line an agent, address and role; with `verbose`
 * also host and target, program, folder and other names; or all of it as a JSON
 * array. EXIT_OK, or -1 with `e` filled.
 */
int listing_print(const struct home *home, FILE *to, const struct listing *what,
    struct err *e);

/* Print the addresses alone, without the hidden ones, a line each: for
 * completions, which take them for words of the shell. 0, or -1 with `e`
 * filled. */
int listing_addresses(const struct home *home, FILE *to, struct err *e);

/* The same for the groups (group.h) that these agents are in: "@all",
 * "@host:NAME" and so on, sorted. A name that is not letters, digits, '_', '-'
 * and '.' alone is left out. */
int listing_groups(const struct home *home, FILE *to, struct err *e);

#endif
