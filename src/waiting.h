/* waiting - what agent-inbox queue does with messages that wait to be shown. */
#ifndef WAITING_H
#define WAITING_H

#include <stddef.h>

#include "argv.h"
#include "buf.h"
#include "err.h"
#include "inbox.h"
#include "register.h"
#include "sender.h"

/*
 * All that change something are safe against the process that shows the same
 * message at that moment (drain.h): what comes too late is EXIT_UNKNOWN, "it
 * waits no more". `agent` is the id of the mailbox's owner; ids may be cut as
 * inbox_find() has it.
 */

/* Print what waits, in the order in which it would be shown now. */
int waiting_list(const struct home *h, const struct inbox_view *view,
    struct buf *out, struct err *e);

/* They are not shown any more. Their senders are told, but for `self`. *count
 * is how many; an error ends it. */
int waiting_delete(const struct registrar *reg, const char *agent,
    const struct sender *self, const struct argv *ids, size_t *count,
    struct err *e);

/* Another text in the place of one that `self` sent himself: EXIT_REFUSED for
 * others'. EXIT_USAGE for a text that is none or has over MAIL_BODY_MAX. */
int waiting_edit(const struct registrar *reg, const char *agent,
    const struct sender *self, const char *id, const struct buf *body,
    struct err *e);

/* Show it before all others but the urgent ones. */
int waiting_first(const struct registrar *reg, const char *agent,
    const char *id, struct err *e);

#endif
