/* listing - what --list prints. */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>
#include <stdio.h>

#include "home.h"

/*
 * Print the whole address book: one line an agent, address and role; with
 * `verbose` also host and target, program, folder and other names; or all of
 * it as a JSON array. EXIT_OK, or -1 with `e` filled.
 */
int listing_print(const struct home *home, FILE *to, bool as_json, bool verbose,
    struct err *e);

/* Print the addresses alone, a line each: for completions, which take them for
 * words of the shell. 0, or -1 with `e` filled. */
int listing_addresses(const struct home *home, FILE *to, struct err *e);

#endif
