/* wake - let somebody show what waits in mailboxes, if nobody does. */
#ifndef WAKE_H
#define WAKE_H

#include "err.h"
#include "home.h"

/*
 * Nothing runs as a service, so whoever comes by looks: a sender, a hook, a
 * sync, the timer. Each mailbox in which something waits is named in
 * mail/waiting/, and has at most one process that waits for its pane: the
 * holder of run/waiter-ID.lock, "agent-inbox drain".
 */

/* Start the process for a mailbox unless it runs. */
void wake(const struct home *h, const char *id);

/* The same for all mailboxes. Without any that waits this is one look at a
 * folder. */
void wake_all(const struct home *h);

/*
 * Be that process: a lock to be dropped by lock_drop(). 1: another is. What was
 * stored before a call that gave 1 is seen by the other one if it looks once
 * more after it dropped its lock.
 */
int wake_claim(const struct home *h, const char *id, int *fd, struct err *e);

#endif
