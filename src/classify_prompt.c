/*
 * Prompts: shells, REPLs, programs that read lines. Nobody knows a person's
 * PS1; what can be known is where the earliest prompt on the cursor's row may
 * end, and whether anything stands after it. Shells run what is typed, so for
 * them a message is shown, not typed, and a wrong guess between idle and typed
 * costs nothing but politeness.
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"

enum {
	RIGHT_GAP = 2,    /* blanks between the input and a right prompt */
	RIGHT_MARGIN = 2, /* a right prompt ends this near to the edge */
	STRONG_CELLS = 3, /* a prompt this long is no accident */
	ROWS_UP = 200,
	PROMPT_MAX = 256, /* columns; a longer one is looked for in vain */
};

static bool
in_words(const struct argv *words, const char *text)
{
	size_t i;

	for (i = 0; i < words->n; i++) {
		if (str_eq(words->v[i], text))
			return true;
	}
	return false;
}

/* Text of [from, to) matches one of `patterns` whole. */
static bool
span_matches(const struct screen *s, unsigned row, unsigned from, unsigned to,
    const struct argv *patterns)
{
	struct buf text = BUF_INIT;
	bool hit;

	screen_text(s, row, from, to, false, &text);
	hit = profile_match_any(patterns, text.data) != NULL;
	buf_free(&text);
	return hit;
}

/*
 * Where does the first thing on the row that can be a whole prompt end? One
 * past its blank; 0: nowhere. A prompt the profile names counts as much as a
 * character that ends prompts with one blank after it.
 */
static unsigned
prompt_end(const struct look *l, unsigned row, unsigned limit)
{
	const struct profile *p = l->profile;
	const struct screen *s = l->screen;
	const struct screen_cell *c;
	unsigned col, first = screen_row_start(s, row);

	if (limit > PROMPT_MAX)
		limit = PROMPT_MAX;
	for (col = first + 2; col <= limit; col++) {
		if (!screen_is_blank(screen_at(s, row, col - 1)))
			continue;
		if (span_matches(s, row, 0, col, &p->prompts))
			return col;
		c = screen_at(s, row, col - 2);
		if (!in_words(&p->prompt_ends, c->text))
			continue;
		/* "➜  proj": what begins such a prompt does not end it. */
		if (col - 2 == first && in_words(&p->prompt_heads, c->text) &&
		    screen_is_blank(screen_at(s, row, col)))
			continue;
		return col;
	}
	return 0;
}

static bool
cell_eq(const struct screen_cell *a, const struct screen_cell *b)
{
	if (screen_is_blank(a) && screen_is_blank(b))
		return true;
	return a->fg == b->fg && str_eq(a->text, b->text);
}

/* Columns [0, n) of one row look like [at, at + n) of another. */
static bool
span_eq(const struct screen *s, unsigned row, unsigned n, unsigned other,
    unsigned at)
{
	unsigned col;

	for (col = 0; col < n; col++) {
		if (!cell_eq(
			screen_at(s, row, col), screen_at(s, other, at + col)))
			return false;
	}
	return true;
}

/* A prompt that text cannot look like by accident. */
static bool
is_strong(const struct screen *s, unsigned row, unsigned end)
{
	unsigned col, cells = 0;
	bool coloured = false;

	for (col = 0; col < end; col++) {
		const struct screen_cell *c = screen_at(s, row, col);

		cells += !screen_is_blank(c);
		coloured |= !screen_is_blank(c) && c->fg != SCREEN_DEFAULT;
	}
	return cells >= STRONG_CELLS || coloured;
}

/*
 * Output without a newline pushes the prompt to the right. A row further up
 * shows the prompt at its start, and it stands here, once, at the end.
 */
static bool
after_output(const struct look *l, unsigned row, unsigned x)
{
	const struct screen *s = l->screen;
	unsigned up, end, col, times;

	for (up = row; up > 0; up--) {
		end = prompt_end(l, up - 1, s->cols);
		if (end == 0 || end > x || !is_strong(s, up - 1, end) ||
		    span_eq(s, up - 1, end, row, 0))
			continue;
		times = 0;
		for (col = 0; col + end <= x; col++)
			times += span_eq(s, up - 1, end, row, col);
		if (times == 1 && span_eq(s, up - 1, end, row, x - end))
			return true;
	}
	return false;
}

/* The same prompt begins a row further up. */
static bool
seen_above(const struct look *l, unsigned row, unsigned end)
{
	unsigned up;

	for (up = row; up > 0; up--) {
		if (span_eq(l->screen, up - 1, end, row, 0))
			return true;
	}
	return false;
}

/*
 * Is another prompt in use here? The nearest row above that begins with a
 * strong prompt and a command tells how prompts end in this shell; one that
 * ends otherwise and was never seen before is a question ("read> "). Rows with
 * a ">" do not count: output is full of them.
 */
static bool
is_stranger(const struct look *l, unsigned row, unsigned end)
{
	const struct screen *s = l->screen;
	unsigned up, other;

	if (seen_above(l, row, end))
		return false;
	for (up = row; up > 0; up--) {
		other = prompt_end(l, up - 1, s->cols);
		if (other < 2 || !is_strong(s, up - 1, other) ||
		    str_eq(screen_at(s, up - 1, other - 2)->text, ">") ||
		    screen_is_blank(screen_at(s, up - 1, other)))
			continue;
		return !cell_eq(screen_at(s, up - 1, other - 2),
		    screen_at(s, row, end - 2));
	}
	return false;
}

/* The row reaches the last column: what follows may be its other half. */
static bool
is_full(const struct screen *s, unsigned row)
{
	return screen_row_end(s, row) == s->cols;
}

/*
 * A prompt like "> " is also how shells ask for the rest of an entry. It is
 * the first kind when the row above is output: neither such a prompt nor any
 * other begins it, wrapped rows taken together.
 */
static bool
may_continue(const struct look *l, unsigned row, unsigned end)
{
	unsigned up = row;

	if (!span_matches(l->screen, row, 0, end, &l->profile->continuation))
		return false;
	if (row == 0)
		return true;
	up = row - 1;
	while (up > 0 && is_full(l->screen, up - 1))
		up--;
	return screen_row_end(l->screen, up) == 0 ||
	    prompt_end(l, up, l->screen->cols) != 0 ||
	    span_eq(l->screen, up, end, row, 0);
}

/* What stands right of the cursor is a right prompt, or nothing. */
static bool
right_is_free(const struct screen *s, unsigned row, unsigned x)
{
	unsigned end = screen_row_end(s, row), col = x;

	if (end <= x)
		return true;
	while (col < end && screen_is_blank(screen_at(s, row, col)))
		col++;
	return col - x >= RIGHT_GAP && end + RIGHT_MARGIN >= s->cols;
}

static bool
below_is_free(const struct screen *s, unsigned row)
{
	return screen_end(s) <= row + 1;
}

/* The region a person's text takes, as far as it can be known. */
static void
take_region(struct look *l, unsigned column)
{
	struct classify_region *g = &l->r->composer;

	g->found = true;
	g->first = g->last = l->facts->cursor_y;
	g->column = column;
	g->continued = 0;
	g->right = l->screen->cols;
}

/* Rows of the same wrapped input above the cursor's. */
static unsigned
rows_above(const struct look *l)
{
	unsigned row = l->facts->cursor_y, n = 0;

	while (row > 0 && n < ROWS_UP && is_full(l->screen, row - 1) &&
	    prompt_end(l, row, l->screen->cols) == 0) {
		row--;
		n++;
	}
	return n;
}

static void
judge_line(struct look *l)
{
	const struct screen *s = l->screen;
	const struct profile *p = l->profile;
	unsigned x = l->facts->cursor_x, y = l->facts->cursor_y, end;

	end = prompt_end(l, y, x);
	if (end > 0)
		take_region(l, end);
	if (!right_is_free(s, y, x) || !below_is_free(s, y)) {
		classify_note(l,
		    "something stands right of or below the "
		    "cursor");
		classify_say(l, end == 0 ? CLASSIFY_UNKNOWN : CLASSIFY_TYPED,
		    "text stands at the prompt of %s", p->label);
		return;
	}
	if (end == 0) {
		if (x > 0 && span_matches(s, y, 0, x, &p->continuation)) {
			classify_note(l, "prompt: of an unfinished entry");
			classify_say(l, CLASSIFY_TYPED,
			    "an unfinished entry stands in %s", p->label);
			return;
		}
		classify_note(l, "prompt: none found at the cursor");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s reads, but its prompt cannot be told from typed "
		    "text",
		    p->label);
		return;
	}
	if (may_continue(l, y, end)) {
		classify_note(l, "prompt: maybe of an unfinished entry");
		classify_say(l, CLASSIFY_TYPED,
		    "an unfinished entry may stand in %s", p->label);
		return;
	}
	if (end == x && y > 0 && is_full(s, y - 1) && !seen_above(l, y, end)) {
		classify_note(l, "the row above may be the first half");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "what stands at the cursor of %s may be half a line",
		    p->label);
		return;
	}
	if (end != x && after_output(l, y, x)) {
		classify_note(l, "prompt: as further up, after output");
		take_region(l, x);
		end = x;
	}
	if (end != x) {
		classify_note(l,
		    "prompt: ends at column %u, the cursor is "
		    "at %u",
		    end, x);
		classify_say(l, CLASSIFY_TYPED,
		    "text stands at the prompt of %s", p->label);
		return;
	}
	if (p->prompts.n == 0 && is_stranger(l, y, end)) {
		classify_note(l, "prompt: another one is in use above");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "what stands at the cursor of %s may be a question, not "
		    "its prompt",
		    p->label);
		return;
	}
	classify_note(l, "prompt: ends at column %u, nothing after it", end);
	l->r->composer_empty = true;
	classify_say(l, CLASSIFY_IDLE, "%s waits at its prompt", p->label);
}

/* A cooked terminal under a program that edits its own lines. */
static void
judge_cooked(struct look *l)
{
	const struct profile *p = l->profile;

	classify_note(
	    l, "terminal: cooked, so %s is not at its prompt", p->name);
	if (!screen_row_blank(
		l->screen, l->facts->cursor_y, 0, l->facts->cursor_x))
		classify_say(l, CLASSIFY_MODAL,
		    "%s may wait for an answer on its last row", p->label);
	else if (l->facts->reading == PS_READING_YES)
		classify_say(l, CLASSIFY_MODAL, "%s reads input", p->label);
	else
		classify_say(l, CLASSIFY_BUSY, "%s runs something", p->label);
}

void
classify_prompt(struct look *l)
{
	const struct pane_facts *f = l->facts;
	bool canonical = f->modes_tty.known && f->modes_tty.canonical;

	if (f->alternate) {
		classify_note(l, "alternate screen under %s", l->profile->name);
		classify_say(l, CLASSIFY_UNKNOWN,
		    "a full-screen program stands or stood before %s",
		    l->profile->label);
		return;
	}
	if (canonical && !l->profile->cooked) {
		judge_cooked(l);
		return;
	}
	if (f->modes_tty.known && !canonical && f->modes_tty.echo) {
		classify_note(l, "terminal: single keys with echo");
		classify_say(l, CLASSIFY_MODAL, "%s waits for one key",
		    l->profile->label);
		return;
	}
	if (canonical && f->reading == PS_READING_NO) {
		classify_say(
		    l, CLASSIFY_BUSY, "%s runs something", l->profile->label);
		return;
	}
	l->r->prompt_rows = rows_above(l);
	judge_line(l);
	if (canonical && l->r->state == CLASSIFY_UNKNOWN) {
		judge_cooked(l);
		return;
	}
	l->r->show_ok = true;
	l->r->way = CLASSIFY_WAY_SHOW;
}

void
classify_lines(struct look *l)
{
	const struct pane_facts *f = l->facts;
	const struct screen *s = l->screen;
	unsigned x = f->cursor_x, y = f->cursor_y;
	const char *label = l->profile->label;

	if (f->modes_tty.known && f->modes_tty.canonical &&
	    f->reading == PS_READING_NO) {
		classify_say(l, CLASSIFY_BUSY, "%s does not read now", label);
		return;
	}
	if (!screen_row_blank(s, y, x, s->cols) || !below_is_free(s, y)) {
		classify_say(l, CLASSIFY_TYPED,
		    "text stands right of or below the cursor");
		return;
	}
	if (x > 0 && !span_matches(s, y, 0, x, &l->profile->prompts)) {
		classify_note(l, "the last row is not empty");
		classify_say(l, CLASSIFY_MODAL,
		    "%s has begun its last row: a question or typed text",
		    label);
		return;
	}
	take_region(l, x);
	l->r->composer_empty = true;
	l->r->way = CLASSIFY_WAY_LINE;
	classify_say(l, CLASSIFY_IDLE, "%s waits for a line", label);
}
