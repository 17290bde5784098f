/* reply - the answer to a message in a mailbox, to whoever sent it. */
#ifndef REPLY_H
#define REPLY_H

#include "inbox.h"
#include "send.h"

/*
 * Send s->body to the sender of message `id` (or a begin of it) in the mailbox
 * of agent `agent`, as its answer; on whatever host that sender is. The message
 * then counts as answered. Fills `result` as send_message() does, and returns
 * its code; EXIT_UNKNOWN if the message is not there, EXIT_REFUSED if its
 * sender cannot be answered, the answers have gone to and fro MAIL_HOPS_MAX
 * times, or it is a question that was answered or has expired; EXIT_USAGE if it
 * is one that wants JSON, and that is not what it wants. The answer to a
 * question is kept where its pane is not ready.
 */
enum exit_code reply(const struct send *s, const char *agent, const char *id,
    struct send_result *result);

/* The agent that sends: that of his pane, or of this host that $AGENT_NAME
 * names. EXIT_UNKNOWN if there is none. `a` is to be freed in any case. */
int reply_owner(const struct registrar *reg, const struct sender *sender,
    struct agent *a, struct err *e);

/* The mailbox of that agent. */
int reply_mailbox(const struct registrar *reg, const struct sender *sender,
    char agent[AGENT_ID_MAX + 1], struct err *e);

#endif
