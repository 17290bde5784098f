/*
 * An agent's composer: where it is, whether anybody's text stands in it,
 * whether the program works or asks. Found from the cursor outwards, never by
 * searching the screen from its top, so that look-alikes in what scrolled by
 * have no say.
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"

enum {
	ROWS_MAX = 200,  /* of one composer */
	RULE_MIN = 16,   /* cells; a pane is never that narrow in earnest */
	INDENT_MAX = 60, /* of a composer in the middle of the screen */
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

static unsigned
rule_min(const struct look *l)
{
	unsigned half = l->screen->cols / 2;

	return half < RULE_MIN ? RULE_MIN : half;
}

/* What find_composer() reports. */
struct composer {
	const char *glyph; /* "" without one */
	unsigned glyph_col;
	bool shell;     /* the glyph of shell mode */
	bool drawn;     /* found at a cursor that the program draws */
	bool no_start;  /* the glyph was not found */
	unsigned below; /* first row under it */
	unsigned above; /* its uppermost row, frame and all */
};

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
		if (c->glyph == NULL) {
			c->no_start = true;
			return false;
		}
		g->column = after + l->profile->column;
	}
	g->first = first;
	g->last = last;
	g->continued = g->column;
	g->right = p.right;
	g->found = true;
	return true;
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
	if (first == 0 || last + 1 >= s->rows || cy - first >= ROWS_MAX ||
	    last - cy >= ROWS_MAX)
		return false;
	c->above = first - 1;
	c->below = last + 1;
	return take_first_row(l, first, last, c);
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

	while (!take_first_row(l, first, first, c)) {
		if (first == 0 || cy - first >= ROWS_MAX ||
		    (first != cy && screen_row_end(l->screen, first) != 0 &&
			!continues(l, first)))
			return false;
		first--;
	}
	c->no_start = false;
	while (last + 1 < l->screen->rows && continues(l, last + 1))
		last++;
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
is_ghost(const struct profile *p, const struct screen_cell *c)
{
	return (p->ghost_dim && (c->flags & SCREEN_DIM) != 0) ||
	    (p->ghost_grey && screen_is_grey(c));
}

/* What stands in the composer. */
struct content {
	unsigned visible; /* cells that show something */
	unsigned ghost;   /* of them greyed or dim */
	bool placeholder; /* the shipped text for an empty one */
};

/*
 * Count. A cell under the cursor is drawn in reverse and loses its grey: it
 * counts as ghost where ghost text goes on behind it.
 */
static struct content
read_content(const struct look *l, unsigned cx, unsigned cy)
{
	const struct classify_region *g = &l->r->composer;
	const struct screen_cell *c, *next;
	struct content n = { .visible = 0 };
	unsigned row, col;

	for (row = g->first; row <= g->last; row++) {
		col = row == g->first ? g->column : 0;
		if (l->profile->frame == PROFILE_FRAME_BAR)
			col = g->column;
		for (; col < g->right; col++) {
			c = screen_at(l->screen, row, col);
			if (screen_is_blank(c) || c->width == 0)
				continue;
			if (col < g->continued && row != g->first &&
			    g->right != l->screen->cols)
				continue; /* the box's edge */
			n.visible++;
			next = screen_at(l->screen, row, col + c->width);
			if (is_ghost(l->profile, c) ||
			    (row == cy && col == cx &&
				(c->flags & SCREEN_REVERSE) != 0 &&
				!screen_is_blank(next) &&
				is_ghost(l->profile, next)))
				n.ghost++;
		}
	}
	return n;
}

/* The shipped placeholder that the first row shows, and nothing else. */
static const char *
find_placeholder(const struct look *l)
{
	const struct classify_region *g = &l->r->composer;
	struct buf row = BUF_INIT;
	const char *hit = NULL, *text;
	size_t i;

	screen_text(l->screen, g->first, g->column, g->right, true, &row);
	for (text = row.data; *text == ' '; text++)
		;
	for (i = 0; i < l->profile->placeholders.n && hit == NULL; i++) {
		if (str_starts(text, l->profile->placeholders.v[i]))
			hit = l->profile->placeholders.v[i];
	}
	buf_free(&row);
	return hit;
}

/* Append `text` as a regular expression that matches it. */
static void
add_pattern(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		buf_addc(
		    b, strchr("\\.[]*+?()|^$", *text) != NULL ? '.' : *text);
}

/*
 * The guard's pattern: the composer's first row as shipped text describes it.
 * Left out when another row further up would match first, for #{C/r:} tells
 * the first.
 */
static void
make_guard(struct look *l, const struct composer *c, const char *placeholder,
    bool blank)
{
	struct buf b = BUF_INIT_MAX(CLASSIFY_GUARD_MAX - 1);
	struct classify_region *g = &l->r->composer;
	struct prefix p;
	unsigned row, after;

	if (c->glyph[0] == '\0' || g->right != l->screen->cols)
		return;
	for (row = 0; row < g->first; row++) {
		p = row_prefix(l->screen, row);
		if (p.col != c->glyph_col)
			continue;
		after = literal_at(l->screen, row, p.col, c->glyph);
		if (after == 0)
			continue;
		if (!blank && placeholder == NULL)
			return;
		after += p.col;
		if (blank &&
		    screen_row_blank(l->screen, row, after, l->screen->cols))
			return;
		if (placeholder != NULL)
			return;
	}
	buf_addc(&b, '^');
	for (row = 0; row < c->glyph_col; row++)
		buf_addc(&b, ' ');
	add_pattern(&b, c->glyph);
	if (blank) {
		/* U+00A0 is no [[:space:]]. */
		buf_adds(&b, "[ \xc2\xa0]*$");
	} else if (placeholder != NULL) {
		buf_adds(&b, "[ \xc2\xa0]*");
		add_pattern(&b, placeholder);
	}
	if (!b.overflow) {
		memcpy(l->r->guard, b.data, b.len + 1);
		l->r->guard_row = g->first;
	}
	buf_free(&b);
}

/* Nothing is where the composer should be: what else is it? */
static void
judge_without(struct look *l)
{
	static char menu1[] = "❯ 1. *", menu2[] = "› 1. *", menu3[] = "● 1. *",
		    menu4[] = "*(y/n)*", menu5[] = "*[Y/n]*",
		    menu6[] = "*[y/N]*";
	static char *menus[] = { menu1, menu2, menu3, menu4, menu5, menu6 };
	const struct argv generic = { menus, 6, 6 };
	const struct profile *p = l->profile;
	unsigned rows = l->screen->rows;
	const char *hit;

	hit = profile_match_any(&p->modal_titles, l->facts->title);
	if (hit == NULL)
		hit = classify_find(l->screen, &p->modal_words, 0, rows);
	if (hit == NULL)
		hit = classify_find(l->screen, &generic, 0, rows);
	if (hit != NULL) {
		classify_note(l, "instead of the composer: %s", hit);
		classify_say(
		    l, CLASSIFY_MODAL, "%s shows a dialog or a menu", p->label);
		return;
	}
	if (p->modal_cursor && !l->facts->cursor_shown) {
		classify_note(l, "no composer, and the cursor is hidden");
		classify_say(l, CLASSIFY_MODAL,
		    "%s shows something else than its composer", p->label);
		return;
	}
	classify_note(l, "no composer at the cursor");
	classify_say(l, CLASSIFY_UNKNOWN,
	    "%s runs, but its composer is not where the cursor is", p->label);
}

/* Signs of a dialog while the composer is there. */
static bool
judge_modal(struct look *l, const struct composer *c)
{
	const struct profile *p = l->profile;
	const char *hit;

	if (c->shell) {
		l->r->way = CLASSIFY_WAY_NONE;
		classify_note(l, "glyph: '%s' stands for commands", c->glyph);
		classify_say(l, CLASSIFY_MODAL,
		    "%s would run the text as a shell command", p->label);
		return true;
	}
	hit = profile_match_any(&p->modal_titles, l->facts->title);
	if (hit == NULL)
		hit = classify_find(
		    l->screen, &p->modal_words, c->below, l->screen->rows);
	if (hit == NULL && p->modal_cursor && !l->facts->cursor_shown &&
	    !c->drawn)
		hit = "hidden cursor";
	if (hit == NULL)
		return false;
	l->r->way = CLASSIFY_WAY_NONE;
	classify_note(l, "dialog: %s", hit);
	classify_say(l, CLASSIFY_MODAL, "%s waits for an answer", p->label);
	return true;
}

static const char *
find_busy(const struct look *l, const struct composer *c)
{
	const struct profile *p = l->profile;
	unsigned from =
	    c->above > p->status_rows ? c->above - p->status_rows : 0;
	const char *hit;

	hit = profile_match_any(&p->busy_titles, l->facts->title);
	if (hit == NULL)
		hit = classify_find(
		    l->screen, &p->busy_words, c->below, l->screen->rows);
	if (hit == NULL)
		hit = classify_find(l->screen, &p->busy_words, from, c->above);
	return hit;
}

static void
judge_empty(struct look *l, const struct composer *c)
{
	const struct profile *p = l->profile;
	const char *hit = find_busy(l, c);

	l->r->composer_empty = true;
	if (hit != NULL) {
		classify_note(l, "busy: %s", hit);
		classify_say(l, CLASSIFY_BUSY, "%s is working", p->label);
		return;
	}
	if (p->busy_needs_title && l->facts->untitled && !l->facts->alternate) {
		l->r->composer_empty = false;
		l->r->way = CLASSIFY_WAY_NONE;
		classify_note(l, "title: the terminal's first one");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "only its title would tell whether %s works, and it has "
		    "set none",
		    p->label);
		return;
	}
	if (p->idle_words.n > 0 &&
	    classify_find(
		l->screen, &p->idle_words, c->below, l->screen->rows) == NULL) {
		l->r->composer_empty = false;
		l->r->way = CLASSIFY_WAY_NONE;
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s shows none of its signs of rest", p->label);
		return;
	}
	classify_say(
	    l, CLASSIFY_IDLE, "%s waits, its composer is empty", p->label);
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

/*
 * The composer at the terminal's cursor, or at the one that the program draws
 * itself: versions differ, so a hidden cursor that stands elsewhere does not
 * count. The cursor that was found is left in *cx, *cy.
 */
static bool
find_at_cursor(struct look *l, unsigned *cx, unsigned *cy, struct composer *c)
{
	const struct composer none = { .glyph = "" };
	bool drawn = l->profile->cursor_drawn;

	if (!drawn && find_composer(l, *cy, c))
		return true;
	if (drawn || !l->facts->cursor_shown) {
		*c = none;
		if (find_drawn(l, cx, cy) && find_composer(l, *cy, c)) {
			classify_note(l, "cursor: drawn, in column %u", *cx);
			c->drawn = true;
			return true;
		}
	}
	if (!drawn || !l->facts->cursor_shown)
		return false;
	*c = none;
	*cx = l->facts->cursor_x;
	*cy = l->facts->cursor_y;
	return find_composer(l, *cy, c);
}

void
classify_agent(struct look *l)
{
	struct composer c = { .glyph = "" };
	struct content n;
	const char *placeholder;
	unsigned cx = l->facts->cursor_x, cy = l->facts->cursor_y;

	if (l->facts->modes_tty.known && l->facts->modes_tty.canonical) {
		classify_note(l, "terminal: cooked, not as a composer has it");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s does not read keys now: it starts, ends or runs "
		    "something",
		    l->profile->label);
		return;
	}
	if (!find_at_cursor(l, &cx, &cy, &c)) {
		l->r->composer.found = false;
		judge_without(l);
		return;
	}
	classify_note(l, "composer: rows %u-%u, text from column %u",
	    l->r->composer.first, l->r->composer.last, l->r->composer.column);
	l->r->way = CLASSIFY_WAY_COMPOSE; /* what a forced send would take */
	n = read_content(l, cx, cy);
	placeholder = n.visible > 0 ? find_placeholder(l) : NULL;
	if (judge_modal(l, &c))
		return;
	if (n.visible > n.ghost && placeholder == NULL) {
		classify_note(
		    l, "composer: %u cells of text", n.visible - n.ghost);
		classify_say(l, CLASSIFY_TYPED,
		    "text stands in the composer of %s", l->profile->label);
		return;
	}
	if (cx != l->r->composer.column || cy != l->r->composer.first) {
		classify_note(l,
		    "cursor: column %u, an empty composer has it "
		    "at %u",
		    cx, l->r->composer.column);
		classify_say(l, CLASSIFY_TYPED,
		    "blanks or lines stand in the composer of %s",
		    l->profile->label);
		return;
	}
	if (n.visible > 0)
		classify_note(l, "composer: only %s",
		    placeholder != NULL ? "its placeholder" : "greyed text");
	make_guard(l, &c, placeholder, n.visible == 0);
	judge_empty(l, &c);
}
