#include "screen.h"

#include <string.h>

#include "mem.h"
#include "utf8.h"

enum {
	PARAMS_MAX = 32, /* of one SGR; tmux prints at most 20 */
	PARAM_MAX = 65535,
	TAB = 8,
};

/* Where the parser is and with which attributes it writes. */
struct pen {
	struct screen *s;
	unsigned row, col;
	uint32_t fg, bg;
	uint8_t flags;
	bool acs;
};

/* tmux's line-drawing letters that mean something to a reader. */
static const struct {
	char letter;
	const char *text;
} acs_table[] = {
	{ 'a', "▒" },
	{ 'j', "┘" },
	{ 'k', "┐" },
	{ 'l', "┌" },
	{ 'm', "└" },
	{ 'n', "┼" },
	{ 'q', "─" },
	{ 't', "├" },
	{ 'u', "┤" },
	{ 'v', "┴" },
	{ 'w', "┬" },
	{ 'x', "│" },
	{ '~', "·" },
	{ '`', "◆" },
};

static const struct screen_cell screen_nothing = { .width = 1 };

/* The four kinds of an RGB colour, a palette colour, or nothing usable. */
static uint32_t
pen_colour(const unsigned *p, size_t n, size_t *used)
{
	if (n >= 2 && p[0] == 5) {
		*used = 2;
		return SCREEN_PALETTE | (p[1] & 0xff);
	}
	if (n >= 4 && p[0] == 2) {
		*used = 4;
		return SCREEN_RGB | (p[1] & 0xff) << 16 | (p[2] & 0xff) << 8 |
		    (p[3] & 0xff);
	}
	*used = n;
	return SCREEN_DEFAULT;
}

static void
pen_flag(struct pen *pen, unsigned flag, bool on)
{
	pen->flags = (uint8_t)(on ? pen->flags | flag : pen->flags & ~flag);
}

static void
pen_sgr_one(struct pen *pen, unsigned p)
{
	switch (p) {
	case 0:
		pen->flags = 0;
		pen->fg = pen->bg = SCREEN_DEFAULT;
		break;
	case 1:
		pen_flag(pen, SCREEN_BOLD, true);
		break;
	case 2:
		pen_flag(pen, SCREEN_DIM, true);
		break;
	case 3:
		pen_flag(pen, SCREEN_ITALIC, true);
		break;
	case 4:
	case 21:
		pen_flag(pen, SCREEN_UNDERLINE, true);
		break;
	case 7:
		pen_flag(pen, SCREEN_REVERSE, true);
		break;
	case 8:
		pen_flag(pen, SCREEN_HIDDEN, true);
		break;
	case 22:
		pen_flag(pen, SCREEN_BOLD | SCREEN_DIM, false);
		break;
	case 23:
		pen_flag(pen, SCREEN_ITALIC, false);
		break;
	case 24:
		pen_flag(pen, SCREEN_UNDERLINE, false);
		break;
	case 27:
		pen_flag(pen, SCREEN_REVERSE, false);
		break;
	case 28:
		pen_flag(pen, SCREEN_HIDDEN, false);
		break;
	case 39:
		pen->fg = SCREEN_DEFAULT;
		break;
	case 49:
		pen->bg = SCREEN_DEFAULT;
		break;
	default:
		if (p >= 30 && p <= 37)
			pen->fg = SCREEN_PALETTE | (p - 30);
		else if (p >= 90 && p <= 97)
			pen->fg = SCREEN_PALETTE | (p - 90 + 8);
		else if (p >= 40 && p <= 47)
			pen->bg = SCREEN_PALETTE | (p - 40);
		else if (p >= 100 && p <= 107)
			pen->bg = SCREEN_PALETTE | (p - 100 + 8);
	}
}

/* Apply the parameters of one SGR. `sub[i]`: a colon stood before p[i]. */
static void
pen_sgr(struct pen *pen, const unsigned *p, const bool *sub, size_t n)
{
	size_t i, used, run;
	uint32_t colour;

	for (i = 0; i < n; i++) {
		for (run = 1; i + run < n && sub[i + run]; run++)
			;
		if (p[i] == 38 || p[i] == 48 || p[i] == 58) {
			/* 38:2::R:G:B has a colour space nobody uses. */
			if (run == 6 && p[i + 1] == 2) {
				unsigned rgb[] = { 2, p[i + 3], p[i + 4],
					p[i + 5] };

				colour = pen_colour(rgb, 4, &used);
			} else {
				colour = pen_colour(p + i + 1,
				    run > 1 ? run - 1 : n - i - 1, &used);
			}
			if (p[i] == 38)
				pen->fg = colour;
			else if (p[i] == 48)
				pen->bg = colour;
			i += run > 1 ? run - 1 : used;
			continue;
		}
		if (p[i] == 4 && run > 1)
			pen_flag(pen, SCREEN_UNDERLINE, p[i + 1] != 0);
		else
			pen_sgr_one(pen, p[i]);
		i += run - 1;
	}
}

/* A control sequence after ESC [: returns the bytes it takes. */
static size_t
pen_csi(struct pen *pen, const char *p, size_t len)
{
	unsigned params[PARAMS_MAX] = { 0 };
	bool sub[PARAMS_MAX] = { false };
	size_t i, n = 0;
	bool plain = true;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= '0' && c <= '9') {
			if (params[n] < PARAM_MAX)
				params[n] = params[n] * 10 + (c - '0');
		} else if (c == ';' || c == ':') {
			if (n + 1 == PARAMS_MAX)
				plain = false;
			else
				sub[++n] = c == ':';
		} else if (c >= 0x20 && c <= 0x3f) {
			plain = false;
		} else if (c >= 0x40 && c <= 0x7e) {
			if (c == 'm' && plain)
				pen_sgr(pen, params, sub, n + 1);
			return i + 1;
		} else {
			/* Cut off: what comes is text again. */
			return i;
		}
	}
	return len;
}

/* A string sequence (OSC, DCS, ...): to BEL, ST, or the end of the line. */
static size_t
skip_string(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == '\a')
			return i + 1;
		if (p[i] == '\n')
			return i;
		if (p[i] == '\033')
			return i + 1 < len && p[i + 1] == '\\' ? i + 2 : i;
	}
	return len;
}

/* What follows an ESC: returns the bytes it takes. */
static size_t
pen_escape(struct pen *pen, const char *p, size_t len)
{
	if (len == 0)
		return 0;
	switch (p[0]) {
	case '[':
		return 1 + pen_csi(pen, p + 1, len - 1);
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
	case 'k':
		return 1 + skip_string(p + 1, len - 1);
	case '(':
		if (len > 1 && (p[1] == '0' || p[1] == 'B'))
			pen->acs = p[1] == '0';
		return len > 1 && p[1] >= 0x20 ? 2 : 1;
	case ')':
	case '*':
	case '+':
	case '#':
	case ' ':
		return len > 1 && p[1] >= 0x20 ? 2 : 1;
	default:
		return p[0] >= 0x20 && p[0] < 0x7f ? 1 : 0;
	}
}

static struct screen_cell *
pen_cell(const struct pen *pen, unsigned col)
{
	return &pen->s->cells[(size_t)pen->row * pen->s->cols + col];
}

/* A character of no width: it joins the one before. */
static void
pen_mark(struct pen *pen, const char *p, size_t len)
{
	struct screen_cell *c;
	size_t have;

	if (pen->row >= pen->s->rows || pen->col == 0 ||
	    pen->col > pen->s->cols)
		return;
	c = pen_cell(pen, pen->col - 1);
	if (c->width == 0 && pen->col > 1)
		c = pen_cell(pen, pen->col - 2);
	have = strlen(c->text);
	if (have + len < sizeof(c->text))
		memcpy(c->text + have, p, len);
}

static void
pen_put(struct pen *pen, const char *p, size_t len, unsigned width)
{
	struct screen_cell *c;

	if (width == 0) {
		pen_mark(pen, p, len);
		return;
	}
	if (pen->row >= pen->s->rows || pen->col + width > pen->s->cols) {
		pen->s->cut = true;
		return;
	}
	c = pen_cell(pen, pen->col);
	memcpy(c->text, p, len);
	c->text[len] = '\0';
	c->fg = pen->fg;
	c->bg = pen->bg;
	c->flags = (uint8_t)(pen->flags | SCREEN_WRITTEN |
	    (pen->acs ? SCREEN_ACS : 0));
	c->width = (uint8_t)width;
	if (width == 2) {
		c[1] = c[0];
		c[1].text[0] = '\0';
		c[1].width = 0;
	}
	pen->col += width;
}

static void
pen_letter(struct pen *pen, char letter)
{
	size_t i;

	if (pen->acs) {
		for (i = 0; i < sizeof(acs_table) / sizeof(*acs_table); i++) {
			if (acs_table[i].letter == letter) {
				pen_put(pen, acs_table[i].text,
				    strlen(acs_table[i].text), 1);
				return;
			}
		}
	}
	pen_put(pen, &letter, 1, 1);
}

/* One byte below 0x20. */
static void
pen_control(struct pen *pen, char c)
{
	switch (c) {
	case '\n':
		pen->row++;
		pen->col = 0;
		break;
	case '\t':
		/* tmux 3.6 keeps tabs; their cells show nothing. */
		do {
			pen_put(pen, " ", 1, 1);
		} while (pen->col % TAB != 0 && pen->col < pen->s->cols);
		break;
	case '\016':
		pen->acs = true;
		break;
	case '\017':
		pen->acs = false;
		break;
	default:
		break;
	}
}

int
screen_parse(struct screen *s, const char *text, size_t len, unsigned cols,
    unsigned rows, struct err *e)
{
	struct pen pen = { .s = s };
	uint32_t ch;
	size_t at, n;

	*s = (struct screen){ .cells = NULL };
	if (cols == 0 || rows == 0 || cols > SCREEN_SIDE_MAX ||
	    rows > SCREEN_SIDE_MAX || (size_t)cols * rows > SCREEN_CELLS_MAX)
		return err_set(e, EXIT_LOCAL,
		    "screen: %u x %u cells are more than %d; make the pane "
		    "smaller",
		    cols, rows, SCREEN_CELLS_MAX);
	s->cells = x_calloc((size_t)cols * rows, sizeof(*s->cells));
	s->rows = rows;
	s->cols = cols;
	for (at = 0; at < (size_t)cols * rows; at++)
		s->cells[at].width = 1;
	for (at = 0; at < len; at += n) {
		n = 1;
		if (text[at] == '\033') {
			n += pen_escape(&pen, text + at + 1, len - at - 1);
		} else if (text[at] >= 0 && text[at] < 0x20) {
			pen_control(&pen, text[at]);
		} else if (text[at] > 0 && text[at] < 0x7f) {
			pen_letter(&pen, text[at]);
		} else if (text[at] != 0x7f) {
			n = utf8_decode(text + at, len - at, &ch);
			if (n == 0)
				pen_put(&pen, "\xef\xbf\xbd", 3, 1);
			else
				pen_put(&pen, text + at, n, utf8_width(ch));
			n = n == 0 ? 1 : n;
		}
	}
	return 0;
}

void
screen_free(struct screen *s)
{
	x_free(s->cells);
	*s = (struct screen){ .cells = NULL };
}

const struct screen_cell *
screen_at(const struct screen *s, unsigned row, unsigned col)
{
	if (row >= s->rows || col >= s->cols)
		return &screen_nothing;
	return &s->cells[(size_t)row * s->cols + col];
}

void
screen_text(const struct screen *s, unsigned row, unsigned from, unsigned to,
    bool trim, struct buf *out)
{
	const struct screen_cell *c;

	if (to > s->cols)
		to = s->cols;
	while (trim && to > from && screen_is_blank(screen_at(s, row, to - 1)))
		to--;
	for (; from < to; from++) {
		c = screen_at(s, row, from);
		if (c->text[0] != '\0')
			buf_adds(out, c->text);
		else if (c->width != 0)
			buf_addc(out, ' ');
	}
}

bool
screen_is_blank(const struct screen_cell *c)
{
	const char *p = c->text;

	if (c->width == 0 || (c->flags & SCREEN_HIDDEN) != 0)
		return c->width != 0;
	while (*p != '\0') {
		if (*p == ' ')
			p++;
		else if (memcmp(p, "\xc2\xa0", 2) == 0)
			p += 2; /* NBSP */
		else if (strncmp(p, "\xe2\x80\x8b", 3) == 0)
			p += 3; /* U+200B */
		else
			return false;
	}
	return true;
}

bool
screen_row_blank(
    const struct screen *s, unsigned row, unsigned from, unsigned to)
{
	for (; from < to && from < s->cols; from++) {
		if (!screen_is_blank(screen_at(s, row, from)))
			return false;
	}
	return true;
}

unsigned
screen_row_start(const struct screen *s, unsigned row)
{
	unsigned col;

	for (col = 0; col < s->cols; col++) {
		if (!screen_is_blank(screen_at(s, row, col)))
			break;
	}
	return col;
}

unsigned
screen_row_end(const struct screen *s, unsigned row)
{
	unsigned col;

	for (col = s->cols; col > 0; col--) {
		if (!screen_is_blank(screen_at(s, row, col - 1)))
			break;
	}
	return col;
}

unsigned
screen_end(const struct screen *s)
{
	unsigned row;

	for (row = s->rows; row > 0; row--) {
		if (screen_row_end(s, row - 1) > 0)
			break;
	}
	return row;
}

bool
screen_is_grey(const struct screen_cell *c)
{
	uint32_t kind = c->fg & (uint32_t)SCREEN_KIND, n = c->fg & 0xffffff;
	unsigned r = n >> 16 & 0xff, g = n >> 8 & 0xff, b = n & 0xff;
	unsigned low, high;

	if (kind == SCREEN_PALETTE)
		return n == 8 || (n >= 238 && n <= 250) || n == 59 ||
		    n == 102 || n == 145;
	if (kind != SCREEN_RGB)
		return false;
	low = r < g ? r : g;
	low = low < b ? low : b;
	high = r > g ? r : g;
	high = high > b ? high : b;
	/* Measured: 85 (fish) to 175 (gemini); blue-grey 108,112,134 (qwen).
	 * What is typed was 205 and more. */
	return high - low <= 32 && low >= 64 && high <= 190;
}

bool
screen_is_ghost(const struct screen_cell *c)
{
	return (c->flags & SCREEN_DIM) != 0 || screen_is_grey(c);
}

/* A character that lines and edges of boxes are drawn with: box drawing
 * (U+2500-257F) but for its verticals, and block elements (U+2580-2594). */
static bool
is_horizontal(uint32_t ch)
{
	return (ch >= 0x2500 && ch <= 0x2501) ||
	    (ch >= 0x2504 && ch <= 0x2505) || (ch >= 0x2508 && ch <= 0x2509) ||
	    (ch >= 0x254c && ch <= 0x254d) || ch == 0x2550 || ch == 0x2580 ||
	    ch == 0x2581 || ch == 0x2584 || ch == 0x2594;
}

static bool
is_line(const struct screen_cell *c, bool *horizontal)
{
	uint32_t ch;

	*horizontal = false;
	if (utf8_decode(c->text, strlen(c->text), &ch) == 0)
		return false;
	*horizontal = is_horizontal(ch);
	return ch >= 0x2500 && ch <= 0x2594;
}

bool
screen_is_rule(const struct screen *s, unsigned row, unsigned min)
{
	unsigned start = screen_row_start(s, row), end = screen_row_end(s, row);
	unsigned col, lines = 0;
	bool horizontal;

	if (row >= s->rows || start >= end || end - start < min)
		return false;
	if (!is_line(screen_at(s, row, start), &horizontal))
		return false;
	for (col = start; col < end; col++) {
		(void)is_line(screen_at(s, row, col), &horizontal);
		lines += horizontal;
	}
	/* A title or a counter may stand in it. */
	return lines >= min && lines * 10 >= (end - start) * 6;
}

size_t
screen_lines(const char *text, size_t len)
{
	size_t at, n, lines = 0;
	uint32_t ch;

	for (at = 0; at < len; at += n) {
		n = utf8_decode(text + at, len - at, &ch);
		if (n == 0)
			n = 1;
		else
			lines += is_horizontal(ch);
	}
	return lines;
}
