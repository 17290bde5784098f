/* show - a message as lines above a shell's prompt, not typed, not run. */
#ifndef SHOW_H
#define SHOW_H

#include <stddef.h>

#include "buf.h"

/* The most lines that fit above a prompt in a pane of `height` rows whose
 * input has `wrapped` rows above the cursor's. */
unsigned show_room(unsigned height, unsigned wrapped);

/*
 * Append to `out` the bytes that insert `text` (clean UTF-8 without tabs;
 * newlines start lines) above the line the cursor is on, when they are written
 * to the terminal in one piece: half-typed input and the cursor stay as they
 * are. A row that continues a line is indented by two columns, in panes of 8
 * or more, so that a body of blanks cannot have what follows them pass for a
 * message's start. `wrapped` is the number of rows of the same input above the
 * cursor's row; a wrong one only puts the text in the middle of that input's
 * display. Returns the rows it takes on a terminal of `width` columns, 0 if
 * `width` is.
 */
unsigned show_bytes(struct buf *out, const char *text, size_t len,
    unsigned width, unsigned wrapped);

/* Append `text` with its tabs as blanks up to the next multiple of 8 columns,
 * as a terminal would have them: show_bytes() wants none. */
void show_expand(struct buf *out, const char *text, size_t len);

/*
 * Append to `out` what must stand on the screen afterwards, as tmux captures
 * it: the rows that show_bytes() writes, without colour and without blanks at
 * their ends, newlines between them. It stops at the first character without a
 * width (tmux keeps few of those in a cell) or not assigned and after `max`
 * rows.
 */
void show_rows(struct buf *out, const char *text, size_t len, unsigned width,
    unsigned max);

#endif
