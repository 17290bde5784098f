/* register_feed - who came, went and got another name, for the feed. */
#ifndef REGISTER_FEED_H
#define REGISTER_FEED_H

#include "agent.h"
#include "home.h"

/* Events told one by one; the rest of a large change is only counted. */
enum { REGISTER_FEED_MAX = 64 };

/* Tell what changed between two states of this host's part of the book. */
void register_feed(const struct home *home, const struct agent_list *before,
    const struct agent_list *now);

#endif
