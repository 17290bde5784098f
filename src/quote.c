#include "quote.h"

#include <string.h>

#include "utf8.h"

static void
quote_one(
    struct buf *b, uint32_t ch, void (*escape)(struct buf *b, uint32_t ch))
{
	static const char names[] = "btnfr\"\\";
	static const char means[] = "\b\t\n\f\r\"\\";
	const char *p;

	p = ch > 0 && ch < 0x80 ? strchr(means, (int)ch) : NULL;
	if (p == NULL) {
		escape(b, ch);
		return;
	}
	buf_addc(b, '\\');
	buf_addc(b, names[p - means]);
}

void
quote(struct buf *b, const char *s, size_t len,
    void (*escape)(struct buf *b, uint32_t ch))
{
	size_t from = 0, i = 0, n;
	uint32_t ch;

	buf_addc(b, '"');
	while (i < len) {
		n = utf8_decode(s + i, len - i, &ch);
		if (n > 0 && ch != '"' && ch != '\\' && !utf8_unsafe(ch)) {
			i += n;
			continue;
		}
		buf_add(b, s + from, i - from);
		if (n == 0)
			buf_adds(b, "\xef\xbf\xbd");
		else
			quote_one(b, ch, escape);
		i += n == 0 ? 1 : n;
		from = i;
	}
	buf_add(b, s + from, i - from);
	buf_addc(b, '"');
}
