/* ship_parts - what the parts of ship share. Only ship*.c and its unit test
 * include this. */
#ifndef SHIP_PARTS_H
#define SHIP_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "frame.h"
#include "remote.h"
#include "ship.h"

/* ---- ship_file.c: the files of a message ---- */

/* Files are sent once only: not over a link that was kept and died since. 0
 * where it is there, or -1 with EXIT_WIRE. */
int ship_prove(struct remote *r, struct err *e);

/* All files one after the other; `ids` names them for the message. *bytes is
 * what they have. 0, or -1 with why the first did not go. */
int ship_files(struct remote *r, const struct ship_message *m, struct buf *ids,
    int64_t *bytes, struct err *e);

/* ---- ship_answer.c: what the far end says, as far as we believe it ---- */

/* The answer to a DELIVER or STATUS, as ship_send() has it. *renamed and
 * *dropped stay as they are where nothing is said of that. */
void ship_verdict(const struct frame *f, struct agent *to, bool *renamed,
    char **dropped, struct deliver_verdict *v);

/* What an agent there is doing, if its host says so. */
void ship_presence(const struct frame *f, struct presence *now);

#endif
