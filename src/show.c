/*
 * The bytes, for n rows of text and k rows of input above the cursor:
 *
 *	ESC 7		save the cursor (x, y)
 *	LF * n		make room below; at the bottom the screen scrolls by s
 *	ESC [ n A	back: now on the cursor's line, at row y - s
 *	ESC [ k A, CR	to the first row of the input
 *	ESC [ n L	insert n rows: the input moves down to y - s + n
 *	text		the rows, CR LF between them, none of them wrapped
 *	ESC 8		restore (x, y): column right, row short by n - s
 *	ESC [ n B	down n, stopped by the bottom: the input's row again
 *
 * y + n - s is y + n, or the last row when the screen scrolled, so that both
 * ends agree. Nothing depends on knowing y. On the alternate screen this would
 * destroy a picture that nobody redraws: the caller checks.
 */
#include "show.h"

#include <string.h>

#include "utf8.h"

/* Colour of a message, so that nobody takes it for output: cyan. */
#define SHOW_COLOUR "\033[36m"

/*
 * Whether a row goes on in the next (DECAWM; tmux does as xterm). Off for ours:
 * one that the terminal makes wider than we reckon would begin another row with
 * what its sender chose, and push the input out of its place. A program that
 * reads lines has it on.
 */
#define SHOW_WRAP_OFF "\033[?7l"
#define SHOW_WRAP_ON "\033[?7h"

enum {
	SHOW_TAB = 8,
	SHOW_INDENT = 2, /* of a row that continues a line */
	SHOW_NARROW = 8, /* columns; with fewer no row holds "[from a" */
};

unsigned
show_room(unsigned height, unsigned wrapped)
{
	return height > wrapped + 2 ? height - wrapped - 2 : 0;
}

/* Blanks before the row that begins at `at`: one that continues a line must
 * not stand where a message starts. */
static unsigned
show_indent(const char *text, size_t at, unsigned width)
{
	return at > 0 && text[at - 1] != '\n' && width >= SHOW_NARROW
	    ? SHOW_INDENT
	    : 0;
}

/* Append the blanks before the row that begins at `at`. Returns the bytes of
 * it; *skip is set to what to skip after them. */
static size_t
show_row(struct buf *out, const char *text, size_t len, size_t at,
    unsigned width, size_t *skip)
{
	const char *end = memchr(text + at, '\n', len - at);
	size_t line = (end == NULL ? len : (size_t)(end - text)) - at, fit;
	unsigned indent = show_indent(text, at, width);

	buf_addf(out, "%*s", (int)indent, "");
	fit = utf8_fit_most(text + at, line, width - indent);
	/* A character wider than the pane: never stand still. */
	if (fit == 0 && line > 0)
		fit = line;
	*skip = fit == line && end != NULL ? 1 : 0;
	return fit;
}

unsigned
show_bytes(struct buf *out, const char *text, size_t len, unsigned width,
    unsigned wrapped)
{
	struct buf rows = BUF_INIT;
	size_t at, fit, skip;
	unsigned n = 0, i;

	if (width == 0)
		return 0;
	for (at = 0; at < len; at += fit + skip) {
		if (n++ > 0)
			buf_adds(&rows, "\r\n");
		buf_adds(&rows, SHOW_COLOUR);
		fit = show_row(&rows, text, len, at, width, &skip);
		buf_add(&rows, text + at, fit);
	}
	buf_adds(out, "\0337");
	for (i = 0; i < n; i++)
		buf_addc(out, '\n');
	buf_addf(out, "\033[%uA", n);
	if (wrapped > 0)
		buf_addf(out, "\033[%uA", wrapped);
	buf_addf(out, "\r\033[%uL" SHOW_WRAP_OFF, n);
	buf_add(out, rows.data, rows.len);
	buf_addf(out, "\033[0m" SHOW_WRAP_ON "\0338\033[%uB", n);
	buf_free(&rows);
	return n;
}

void
show_expand(struct buf *out, const char *text, size_t len)
{
	unsigned column = 0;
	uint32_t ch;
	size_t at, n;

	for (at = 0; at < len; at += n) {
		n = utf8_decode(text + at, len - at, &ch);
		n = n == 0 ? 1 : n;
		if (text[at] == '\t') {
			do {
				buf_addc(out, ' ');
			} while (++column % SHOW_TAB != 0);
			continue;
		}
		buf_add(out, text + at, n);
		column =
		    text[at] == '\n' ? 0 : column + utf8_columns(text + at, n);
	}
}

void
show_rows(
    struct buf *out, const char *text, size_t len, unsigned width, unsigned max)
{
	size_t skip, row, at, n, done;
	uint32_t ch;

	for (done = 0; done < len && width > 0 && max > 0; max--) {
		if (done > 0)
			buf_addc(out, '\n');
		row = show_row(out, text, len, done, width, &skip);
		for (at = 0; at < row; at += n) {
			n = utf8_decode(text + done + at, row - at, &ch);
			if (n == 0 || utf8_width(ch) == 0 || !utf8_assigned(ch))
				break;
		}
		buf_add(out, text + done, at);
		while (out->len > 0 && out->data[out->len - 1] == ' ')
			buf_truncate(out, out->len - 1);
		if (at < row)
			break;
		done += row + skip;
	}
}
