/* away - a message to another host: sent there, or kept here until that host
 * fetches it. */
#ifndef AWAY_H
#define AWAY_H

#include <stdbool.h>

#include "ship.h"

/*
 * ship_send(). With m->queue and a host that fetches its messages (outbox.h) it
 * is kept here, verdict "queued", where there is no way to that host, where it
 * was surely not reached, or where others wait for the agent already. `to` is
 * the recipient as it is known here.
 */
int away_send(struct ship *s, const struct ship_message *m, struct agent *to,
    bool *renamed, char **dropped, struct deliver_verdict *v, struct err *e);

#endif
