/* register_sight - what we can see of tmux's servers from where we run;
 * private to register. */
#ifndef REGISTER_SIGHT_H
#define REGISTER_SIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent.h"
#include "home.h"
#include "register_view.h"

/*
 * A program in a sandbox may have a PID namespace or a /tmp of its own: there
 * every server looks ended. run/pid-namespace has the number of the one that a
 * server was last seen in, from pid_namespaces(7).
 */

/* A server answered. If we see its process, ours is the right namespace. */
void sight_note(const struct home *home, int64_t server_pid);

/* Is our namespace the one noted? True while none is. */
bool sight_clear(const struct home *home);

/* Nobody answers at `socket`. Does the server of the entries there live all the
 * same, or can we not tell? */
bool sight_hidden(
    const struct home *home, const struct agent_list *list, const char *socket);

/* The panes' programs are not to be seen: have them as `before` has them. The
 * sights then point into `before`. */
void sight_recall(struct view *v, const struct agent_list *before);

#endif
