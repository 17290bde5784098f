/*
 * Is what was typed so far a whole entry of a POSIX-like shell? Only asked
 * where a prompt cannot be told from the one for the rest of an entry; not a
 * parser: whatever may want more counts as unfinished.
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"

enum { ENTRY_ROWS = 40 }; /* of an unfinished entry that are looked at */

/* Words that open something a later word must close. */
static const char *const openers[] = { "for", "while", "until", "if", "case",
	"select", "function", "do", "then", "else", "elif", "[[", "{", "begin",
	"switch", "foreach", "repeat", NULL };

static bool
is_opener(const char *word, size_t len)
{
	size_t i;

	for (i = 0; openers[i] != NULL; i++) {
		if (strlen(openers[i]) == len &&
		    memcmp(openers[i], word, len) == 0)
			return true;
	}
	return false;
}

/* The end asks for more: a pipe, a list operator, an escaped newline. */
static bool
ends_open(const char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == ' ')
		len--;
	return len > 0 && strchr("\\|&(", text[len - 1]) != NULL &&
	    !(text[len - 1] == '&' && (len < 2 || text[len - 2] != '&'));
}

bool
classify_entry_open(const char *text)
{
	const char *p, *word = text;
	int depth = 0;
	char quote = '\0';

	for (p = text;; p++) {
		if (quote == '\0' && (*p == '\0' || strchr(" ;\n|&()", *p))) {
			if (is_opener(word, (size_t)(p - word)))
				return true;
			word = p + 1;
		}
		if (*p == '\0')
			break;
		if (*p == '\\' && quote != '\'' && p[1] != '\0')
			p++;
		else if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"' || *p == '`')
			quote = *p;
		else if (*p == '(' || *p == '{')
			depth++;
		else if (*p == ')' || *p == '}')
			depth--;
		else if (p[0] == '<' && p[1] == '<')
			return true;
	}
	return quote != '\0' || depth > 0 || ends_open(text);
}

/* The lines from `first` up to `to`, each after `skip` columns. */
static bool
lines_open(const struct screen *s, unsigned first, unsigned to, unsigned skip)
{
	struct buf text = BUF_INIT;
	bool open;

	for (; first < to; first++) {
		if (first > 0 && classify_row_full(s, first - 1))
			continue; /* the rest of the line before */
		classify_line_text(s, first, skip, to, &text);
		buf_addc(&text, '\n');
	}
	if (text.len > 0)
		buf_truncate(&text, text.len - 1);
	open = classify_entry_open(text.data);
	buf_free(&text);
	return open;
}

/*
 * A prompt like "> " is also how shells ask for the rest of an entry. It is
 * the first kind when nothing stands above it, or when the lines above are
 * output, or whole entries after the same prompt.
 */
bool
classify_may_continue(const struct look *l, unsigned row, unsigned end)
{
	const struct screen *s = l->screen;
	unsigned top = row, up, other;

	if (!classify_span(s, row, 0, end, &l->profile->continuation))
		return false;
	while (top > 0 && row - top < ENTRY_ROWS) {
		up = classify_line_start(s, top - 1);
		if (!classify_span_eq(s, up, end, row, 0))
			break;
		top = up;
		if (lines_open(s, top, row, end))
			return true;
	}
	/* The start may have scrolled away. */
	if (top == 0)
		return l->facts->history > 0;
	if (row - top >= ENTRY_ROWS)
		return true;
	up = classify_line_start(s, top - 1);
	if (screen_row_end(s, up) == 0)
		return true;
	/* Output, if such a prompt was seen further up at all. */
	other = classify_ps1_end(l, up, s->cols);
	return !classify_begins_above(s, up, row, end) ||
	    lines_open(s, up, top, other) ||
	    (other != 0 && classify_ps1_strong(s, up, other));
}
