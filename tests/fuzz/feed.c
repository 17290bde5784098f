/* A line that feed_parse() takes is written as one that says the same, on one
 * line, and without a byte that a terminal obeys. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf text = BUF_INIT;
	struct feed_line line, back;
	size_t i;

	if (!feed_parse((const char *)data, len, &line))
		return 0;
	feed_write(&text, &line);
	if (text.len == 0 || text.data[text.len - 1] != '\n')
		abort();
	for (i = 0; i + 1 < text.len; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
			abort();
	if (!feed_parse(text.data, text.len - 1, &back) ||
	    !str_eq(line.ts, back.ts) || !str_eq(line.type, back.type) ||
	    !str_eq(line.agent, back.agent) ||
	    !str_eq(line.target, back.target) ||
	    !str_eq(line.preview, back.preview))
		abort();
	buf_free(&text);
	return 0;
}
