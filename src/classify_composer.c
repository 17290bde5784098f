/*
 * Where an agent's composer is: found from the cursor outwards, never by
 * searching the screen from its top, so that look-alikes in what scrolled by
 * have no say.
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"
#include "utf8.h"

enum {
	ROWS_MAX = 200, /* of one composer */
	RULE_MIN = 16,  /* cells; a pane is never that narrow in earnest */
	FOOTER_MAX = 3, /* rows below a composer that show something */
	WRAP_ROOM = 8,  /* columns that a frame, a glyph and blanks take */
};

/* A row's beginning: an edge of a box is passed over. */
struct prefix {
	unsigned col;   /* first visible column after an edge */
	unsigned right; /* one past what may be text */
};

static bool
cell_is(const struct screen *s, unsigned row, unsigned col, const char *text)
{
	return str_eq(screen_at(s, row, col)->text, text);
}

static struct prefix
row_prefix(const struct screen *s, unsigned row)
{
	struct prefix p = { screen_row_start(s, row), s->cols };
	unsigned end = screen_row_end(s, row);

	if (end > p.col + 1 && cell_is(s, row, p.col, "│") &&
	    cell_is(s, row, end - 1, "│")) {
		p.right = end - 1;
		p.col++;
		while (p.col < p.right &&
		    screen_is_blank(screen_at(s, row, p.col)))
			p.col++;
	}
	return p;
}

/* Does `literal` stand in the row at `col`? Returns its columns, else 0. */
static unsigned
literal_at(
    const struct screen *s, unsigned row, unsigned col, const char *literal)
{
	const struct screen_cell *c;
	unsigned start = col;
	size_t len;

	while (*literal != '\0') {
		c = screen_at(s, row, col);
		len = strlen(c->text);
		if (len == 0 && c->width == 1 && *literal == ' ') {
			literal++;
			col++;
			continue;
		}
		if (len == 0 || strncmp(literal, c->text, len) != 0)
			return 0;
		literal += len;
		col += c->width;
	}
	return col - start;
}

unsigned
classify_glyph_end(const struct look *l, unsigned row, const struct composer *c)
{
	struct prefix p = row_prefix(l->screen, row);
	unsigned after;

	if (p.col != c->glyph_col)
		return 0;
	after = literal_at(l->screen, row, p.col, c->glyph);
	return after == 0 ? 0 : p.col + after;
}

unsigned
classify_row_column(
    const struct screen *s, const struct classify_region *g, unsigned row)
{
	unsigned start;

	if (row == g->first)
		return g->column;
	/* The terminal wraps a row that the program believed to fit, where they
	 * differ about a character's width. */
	start = screen_row_start(s, row);
	return !g->edged && start < g->continued ? start : g->continued;
}

/* The glyph of `list` that begins the row and a blank follows. */
static const char *
row_glyph(const struct look *l, const struct argv *list, unsigned row,
    const struct prefix *p, unsigned *after)
{
	unsigned width, follow;
	size_t i;

	for (i = 0; i < list->n; i++) {
		width = literal_at(l->screen, row, p->col, list->v[i]);
		if (width == 0)
			continue;
		if (l->profile->indent >= 0 && p->right == l->screen->cols &&
		    p->col != (unsigned)l->profile->indent)
			continue;
		follow = p->col + width;
		if (!screen_row_blank(
			l->screen, row, follow, follow + l->profile->column))
			continue;
		*after = follow;
		return list->v[i];
	}
	return NULL;
}

/* Cells of a line that is drawn across. */
static unsigned
rule_cells(unsigned cols)
{
	return cols / 2 < RULE_MIN ? RULE_MIN : cols / 2;
}

static unsigned
rule_min(const struct look *l)
{
	return rule_cells(l->screen->cols);
}

/* Set the region from its first row, which must begin with a glyph. */
static bool
take_first_row(
    struct look *l, unsigned first, unsigned last, struct composer *c)
{
	struct classify_region *g = &l->r->composer;
	struct prefix p = row_prefix(l->screen, first);
	unsigned after = p.col;

	c->glyph = "";
	c->glyph_col = p.col;
	if (l->profile->glyphs.n == 0) {
		g->column = l->profile->column;
		p.right = l->screen->cols;
	} else {
		c->glyph = row_glyph(l, &l->profile->glyphs, first, &p, &after);
		if (c->glyph == NULL) {
			c->glyph = row_glyph(
			    l, &l->profile->shell_glyphs, first, &p, &after);
			c->shell = c->glyph != NULL;
		}
		if (c->glyph == NULL)
			return false;
		g->column = after + l->profile->column;
	}
	g->first = first;
	g->last = last;
	g->continued = g->column;
	g->right = p.right;
	g->edged = p.right != l->screen->cols;
	g->found = true;
	return true;
}

/*
 * Rows without a glyph before the first: the end of a text that is taller than
 * the composer shows, or something else altogether.
 */
static void
take_tail(struct look *l, unsigned first, unsigned last)
{
	struct classify_region *g = &l->r->tail;
	struct prefix p = row_prefix(l->screen, first);

	g->found = true;
	g->first = first;
	g->last = last;
	g->right = p.right;
	g->column = g->continued = p.right == l->screen->cols
	    ? 0
	    : screen_row_start(l->screen, first) + 1;
}

/* Is there a wider drawn line further down? Then what stands above it is a
 * field of something larger: below a composer there are words, or what is left
 * of another picture of it. */
static bool
is_nested(const struct look *l, unsigned below)
{
	const struct screen *s = l->screen;
	unsigned row;

	for (row = below + 1; row < s->rows; row++) {
		if (screen_is_rule(s, row, rule_min(l)) &&
		    (screen_row_start(s, row) < screen_row_start(s, below) ||
			screen_row_end(s, row) > screen_row_end(s, below)))
			return true;
	}
	return false;
}

/* Between two drawn lines. */
static bool
find_ruled(struct look *l, unsigned cy, struct composer *c)
{
	const struct screen *s = l->screen;
	unsigned first = cy, last = cy;

	if (screen_is_rule(s, cy, rule_min(l)))
		return false;
	while (first > 0 && cy - first < ROWS_MAX &&
	    !screen_is_rule(s, first - 1, rule_min(l)))
		first--;
	while (last + 1 < s->rows && last - cy < ROWS_MAX &&
	    !screen_is_rule(s, last + 1, rule_min(l)))
		last++;
	if (last + 1 >= s->rows || cy - first >= ROWS_MAX ||
	    last - cy >= ROWS_MAX)
		return false;
	c->above = first == 0 ? 0 : first - 1;
	c->below = last + 1;
	if (is_nested(l, c->below))
		return false;
	if (first > 0 && take_first_row(l, first, last, c))
		return true;
	take_tail(l, first, last);
	return false;
}

/* A row that goes on with the text of the one above: indented as far. */
static bool
continues(const struct look *l, unsigned row)
{
	unsigned start = screen_row_start(l->screen, row);
	unsigned indent =
	    l->profile->indent < 0 ? 0 : (unsigned)l->profile->indent;

	return start < l->screen->cols &&
	    start >= indent + l->profile->column + 1;
}

/* After a glyph, with nothing drawn around. */
static bool
find_bare(struct look *l, unsigned cy, struct composer *c)
{
	unsigned first = cy, last = cy;

	while (last + 1 < l->screen->rows && continues(l, last + 1))
		last++;
	while (!take_first_row(l, first, first, c)) {
		if (first == 0 || cy - first >= ROWS_MAX ||
		    (first != cy && screen_row_end(l->screen, first) != 0 &&
			!continues(l, first))) {
			take_tail(l, first, last);
			return false;
		}
		first--;
	}
	l->r->composer.last = last;
	c->above = first;
	c->below = last + 1;
	return true;
}

/* A bar left of each row, closed by its lower end. */
static bool
find_barred(struct look *l, unsigned cy, struct composer *c)
{
	const struct screen *s = l->screen;
	const char *bar = l->profile->glyphs.v[0];
	unsigned col = screen_row_start(s, cy), top = cy, bottom = cy, label;
	struct classify_region *g = &l->r->composer;

	if (!cell_is(s, cy, col, bar))
		return false;
	while (top > 0 && cell_is(s, top - 1, col, bar))
		top--;
	while (bottom + 1 < s->rows && cell_is(s, bottom + 1, col, bar))
		bottom++;
	/* Messages have the same bar, but no end below. */
	if (bottom + 1 >= s->rows || !cell_is(s, bottom + 1, col, "╹"))
		return false;
	for (label = bottom; label > top; label--) {
		if (!screen_row_blank(s, label, col + 1, s->cols))
			break;
	}
	if (label < top + 3 || cy >= label)
		return false;
	c->glyph = bar;
	c->glyph_col = col;
	c->above = top;
	c->below = label;
	g->found = true;
	g->first = top + 1;
	g->last = label - 2;
	g->column = g->continued = col + 1 + l->profile->column;
	g->right = s->cols;
	g->edged = true;
	return cy >= g->first && cy <= g->last;
}

/* The drawn cursor: a single reverse cell, the lowest of them. */
static bool
find_drawn(const struct look *l, unsigned *x, unsigned *y)
{
	const struct screen *s = l->screen;
	unsigned row, col;

	for (row = s->rows; row > 0; row--) {
		for (col = 0; col < s->cols; col++) {
			const struct screen_cell *c =
			    screen_at(s, row - 1, col);

			if ((c->flags & SCREEN_REVERSE) == 0 || c->width == 0)
				continue;
			*x = col;
			*y = row - 1;
			return true;
		}
	}
	return false;
}

static bool
find_composer(struct look *l, unsigned cy, struct composer *c)
{
	switch (l->profile->frame) {
	case PROFILE_FRAME_RULE:
		return find_ruled(l, cy, c);
	case PROFILE_FRAME_BAR:
		return find_barred(l, cy, c);
	case PROFILE_FRAME_NONE:
		break;
	}
	return find_bare(l, cy, c);
}

/* What stands below is the composer's footer: it is not the last frame of a
 * program that was killed, with a shell's rows after it. */
static bool
is_lowest(const struct look *l, const struct composer *c)
{
	unsigned row, rows = 0;

	for (row = c->below; row < l->screen->rows; row++)
		rows += screen_row_end(l->screen, row) != 0;
	return rows <= FOOTER_MAX;
}

/* Versions differ, so a hidden cursor that stands elsewhere does not count. */
bool
classify_composer(
    struct look *l, unsigned *cx, unsigned *cy, struct composer *c)
{
	const struct composer none = { .glyph = "" };
	bool shown = l->facts->cursor_shown;

	if ((shown || !l->profile->cursor_drawn) && find_composer(l, *cy, c))
		return true;
	*c = none;
	if (shown || !find_drawn(l, cx, cy) || !find_composer(l, *cy, c) ||
	    !is_lowest(l, c))
		return false;
	classify_note(l, "cursor: drawn, in column %u", *cx);
	c->drawn = true;
	return true;
}

/* May a row of this line, once it stands in a composer, be a drawn line? It
 * begins with one, or wraps. */
static bool
draws_rule(const char *line, size_t len, unsigned cols)
{
	size_t at, n, blanks = 0, width = WRAP_ROOM;
	uint32_t ch;

	if (screen_lines(line, len) < rule_cells(cols))
		return false;
	while (blanks < len && line[blanks] == ' ')
		blanks++;
	n = utf8_decode(line + blanks, len - blanks, &ch);
	if (n > 0 && screen_lines(line + blanks, n) > 0)
		return true;
	for (at = 0; at < len; at += n) {
		n = utf8_decode(line + at, len - at, &ch);
		width += n == 0 ? 1 : utf8_width(ch);
		n = n == 0 ? 1 : n;
	}
	return width > cols;
}

bool
classify_framed(
    const struct readiness *r, unsigned cols, const char *text, size_t len)
{
	const struct profile *p = r->profile;
	const char *end;
	size_t n;

	if (p == NULL || p->kind != PROFILE_AGENT ||
	    p->frame != PROFILE_FRAME_RULE)
		return false;
	for (; len > 0; text += n, len -= n) {
		end = memchr(text, '\n', len);
		n = end == NULL ? len : (size_t)(end - text) + 1;
		if (draws_rule(text, n, cols))
			return true;
	}
	return false;
}
