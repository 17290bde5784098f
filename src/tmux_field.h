/* tmux_field - single fields of tmux's answers. */
#ifndef TMUX_FIELD_H
#define TMUX_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pane.h"

/* The format "#{a}MARK#{b}MARK..." for tmux_split(): a mark after the last one
 * too. malloc'd. */
char *tmux_field_format(const char *const *names, size_t n);

/* The field copied whole; -1 if it does not fit. */
int tmux_field_copy(char *out, size_t size, const char *field);

/* The same for an id that begins with `mark`; -1 if it is none. */
int tmux_field_id(char out[PANE_ID_MAX], const char *field, char mark);

/* A number without a sign; -1 if it is none or too large. */
int tmux_field_int(const char *field, int64_t *out);
int tmux_field_unsigned(const char *field, unsigned *out);

/* Flags are "1", options "on" or any text; "", "0" and "off" are not set. */
bool tmux_field_flag(const char *field);

/* Valid UTF-8 whatever came: each bad byte becomes '?'. malloc'd. */
char *tmux_field_text(const char *field);

#endif
