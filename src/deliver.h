/* deliver - a message into a pane of this host, proven. The only place where
 * anything is typed into a pane or written to its terminal. */
#ifndef DELIVER_H
#define DELIVER_H

#include "classify.h"
#include "delivery.h"
#include "err.h"
#include "pane.h"
#include "profile.h"

/*
 * Deliver it. Returns the verdict's code; `v` is always filled. A repeated id
 * answers the recorded verdict and types nothing.
 */
enum exit_code deliver(const struct deliver *d, struct deliver_verdict *v);

/* The verdict for a message that did not come as far: "failed", or
 * "indeterminate" where even that is not sure (EXIT_UNPROVEN). */
void deliver_refuse(struct deliver_verdict *v, const struct err *e);

/* Look at a pane and judge it, for --check. `r` and `facts` are to be freed
 * by the caller in any case. */
int deliver_check(const struct pane_ident *ident,
    const struct profile_set *profiles, struct pane_facts *facts,
    struct readiness *r, struct err *e);

#endif
