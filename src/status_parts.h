/* status_parts - what the parts of status share; nobody else includes it. */
#ifndef STATUS_PARTS_H
#define STATUS_PARTS_H

#include "json.h"
#include "presence.h"
#include "status.h"

enum {
	STATUS_QUIET_MAX = 24,
	STATUS_UNREAD_MAX = 200, /* messages looked at */
};

/* Is it the pane that we run in? */
bool status_is_you(const struct status *s, const struct agent *a);

/* "12s", "3m", "-". */
const char *status_quiet(char out[STATUS_QUIET_MAX], int64_t seconds);

/* How many of an agent's last STATUS_UNREAD_MAX messages here nobody has seen
 * yet. */
size_t status_unread(const struct home *home, const struct agent *a);

/* What an agent is doing, on whatever host. -1: its host could not be asked. */
int status_ask(const struct status *s, const struct agent *a,
    struct presence *now, struct err *e);

/* The members of one agent's object. */
void status_json(struct json *j, const struct status *s, const struct agent *a,
    const struct presence *now);

#endif
