/* check - what --check prints: a pane's state, and why. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>

#include "register.h"

/*
 * Look at the pane of `address` and print its state and the reason, as one
 * line, more with `verbose`, or as one JSON object. EXIT_OK if a message would
 * be typed or shown now, EXIT_NOT_READY if not; -1 with `e` filled when the
 * pane cannot be looked at.
 */
int check_print(const struct registrar *reg, const char *address, FILE *to,
    bool as_json, bool verbose, struct err *e);

#endif
