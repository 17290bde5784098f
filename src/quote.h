/* quote - a text in double quotes, as JSON and TOML both write it. */
#ifndef QUOTE_H
#define QUOTE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/*
 * Append `s` in double quotes: \" \\ \b \t \n \f \r as both formats have them,
 * U+FFFD for every byte that is no valid UTF-8, and what else is not safe to
 * show by `escape`, in the format's own way. The rest stands as it is.
 */
void quote(struct buf *b, const char *s, size_t len,
    void (*escape)(struct buf *b, uint32_t ch));

#endif
