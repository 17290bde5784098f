#include "body.h"

#include <string.h>

#include "clock.h"
#include "str.h"
#include "utf8.h"

static void
body_newline(struct buf *out, enum body_form form)
{
	buf_adds(out, form == BODY_LINES ? "\n  " : " \u23ce ");
}

int
body_clean(struct buf *out, const char *body, size_t len, enum body_form form,
    struct err *e)
{
	size_t at, n, start = out->len, newlines = 0;
	bool text = false;
	uint32_t ch;

	for (at = 0; at < len; at += n) {
		n = utf8_decode(body + at, len - at, &ch);
		if (n == 0) {
			buf_truncate(out, start);
			return err_set(e, EXIT_USAGE,
			    "body: byte %zu is not valid UTF-8; send it with "
			    "--file",
			    at + 1);
		}
		if (ch == '\r' && at + 1 < len && body[at + 1] == '\n')
			continue;
		if (ch == '\n' || ch == '\r') {
			newlines++;
			continue;
		}
		if (ch != '\t' && utf8_unsafe(ch))
			continue;
		/* Written when text follows: none stand at the end. */
		for (; newlines > 0; newlines--)
			body_newline(out, form);
		if (ch == '\t' && form == BODY_FOLDED)
			buf_addc(out, ' ');
		else
			buf_add(out, body + at, n);
		text = text || (ch != ' ' && ch != '\t');
	}
	if (!text) {
		buf_truncate(out, start);
		return err_set(e, EXIT_USAGE, "body: is empty");
	}
	return buf_check(out, "body", e);
}

void
body_plain(struct buf *out, const char *p, size_t len, bool lines)
{
	size_t n;
	uint32_t ch;

	for (; len > 0; p += n, len -= n) {
		n = utf8_decode(p, len, &ch);
		if (n > 0 &&
		    (!utf8_unsafe(ch) || (lines && (ch == '\n' || ch == '\t'))))
			buf_add(out, p, n);
		else
			buf_addc(out, '?');
		n = n == 0 ? 1 : n;
	}
}

size_t
body_lines(const char *text, size_t len)
{
	size_t lines = 1, at;

	for (at = 0; at < len; at++)
		lines += text[at] == '\n';
	return lines;
}

bool
body_ends_open(const char *text, size_t len, const char *chars)
{
	size_t at;

	for (at = len; at > 0 && strchr(" \n\t", text[at - 1]) == NULL; at--) {
		if (strchr(chars, text[at - 1]) != NULL)
			return true;
	}
	return false;
}

bool
body_sender_ok(const char *name)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789._@+-";
	size_t len = strlen(name);

	return len >= 1 && len <= BODY_SENDER_MAX && name[0] != '.' &&
	    name[0] != '-' && strspn(name, set) == len;
}

void
body_tag(struct buf *out, const char *name, const char *note, int64_t now_ms)
{
	char now[CLOCK_TEXT_MAX];

	clock_text(now, now_ms);
	if (note == NULL)
		buf_addf(out, "[from %s @ %s] ", name, now);
	else
		buf_addf(out, "[from %s (%s) @ %s] ", name, note, now);
}
