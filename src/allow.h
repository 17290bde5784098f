/* allow - who may send to a pane: the value of its option @agent-allow. Pure.
 */
#ifndef ALLOW_H
#define ALLOW_H

#include <stdbool.h>

#include "err.h"

enum { ALLOW_MAX = 4096 }; /* bytes of a value; a longer one allows nobody */

/*
 * Who sends, as far as the recipient's host can tell by itself, never by what
 * a sender says of itself.
 *
 * From this host: the address of the pane that the process runs in, by its
 * ancestors or its terminal, else user@host of its uid. $AGENT_NAME is a claim.
 *
 * From a peer: what that host's notify-pane found out likewise (the frame's
 * `Sender`), if it is an address that this peer published, begins with the
 * peer's own name and with that of no other host; or user@PEER. Else nobody.
 */
struct allow_sender {
	const char *name; /* NULL or "": not known */
	const char *host; /* the host it comes from; NULL: not known */
};

/*
 * May `from` send where the option has the value `list`? NULL or "": everybody
 * may. Else one of its words, between blanks and commas, has to take the
 * sender: `@HOST` its host, any other its name; `*` stands for any bytes. -1
 * with EXIT_REFUSED, and who may, else.
 */
int allow_check(
    const char *list, const struct allow_sender *from, struct err *e);

#endif
