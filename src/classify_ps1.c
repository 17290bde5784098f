/*
 * Where does a prompt end? Nobody knows a person's PS1: the rows above the
 * cursor show how it looked before, and characters that people end prompts
 * with do the rest. Whatever contradicts that makes it unknown.
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"

enum {
	STRONG_CELLS = 3, /* a prompt this long is no accident */
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

bool
classify_span(const struct screen *s, unsigned row, unsigned from, unsigned to,
    const struct argv *patterns)
{
	struct buf text = BUF_INIT;
	bool hit;

	screen_text(s, row, from, to, false, &text);
	hit = profile_match_any(patterns, text.data) != NULL;
	buf_free(&text);
	return hit;
}

static size_t
count_blanks(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == ' ';
	return n;
}

/* [0, end) of the row is a prompt that the profile names. What `*` stands for
 * has no blanks: else "sqlite> a > " would be one. */
static bool
is_named(const struct look *l, unsigned row, unsigned end)
{
	const struct argv *prompts = &l->profile->prompts;
	struct buf text = BUF_INIT;
	bool hit = false;
	size_t i, blanks;

	if (prompts->n == 0)
		return false;
	screen_text(l->screen, row, 0, end, false, &text);
	blanks = count_blanks(text.data);
	for (i = 0; i < prompts->n && !hit; i++)
		hit = count_blanks(prompts->v[i]) == blanks &&
		    profile_match(prompts->v[i], text.data);
	buf_free(&text);
	return hit;
}

/* One past the word at `col`; *branch: it names a branch, as "git:(main)". */
static unsigned
word_end(const struct screen *s, unsigned row, unsigned col, bool *branch)
{
	bool colon = false, open = false;

	for (; !screen_is_blank(screen_at(s, row, col)) && col < s->cols;
	     col++) {
		const char *text = screen_at(s, row, col)->text;

		open |= colon && str_eq(text, "(");
		colon = str_eq(text, ":");
	}
	*branch = open && str_eq(screen_at(s, row, col - 1)->text, ")");
	return col;
}

/*
 * "➜  proj git:(main) ✗ ": a prompt that begins with its sign and two blanks
 * ends after one word, a branch and a character that ends prompts.
 */
static unsigned
headed_end(const struct look *l, unsigned row, unsigned head, unsigned limit)
{
	const struct screen *s = l->screen;
	unsigned end, next;
	bool branch;

	end = word_end(s, row, head + 3, &branch);
	next = word_end(s, row, end + 1, &branch);
	if (branch)
		end = next;
	if (in_words(
		&l->profile->prompt_ends, screen_at(s, row, end + 1)->text) &&
	    screen_is_blank(screen_at(s, row, end + 2)))
		end += 2;
	return end + 1 <= limit ? end + 1 : 0;
}

/* The row begins with a corner: the last of a prompt of several rows. */
static bool
is_cornered(const struct screen *s, unsigned row)
{
	static const char *const corners[] = { "╰", "└", "┗", "╚", NULL };
	unsigned first = screen_row_start(s, row);
	size_t i;

	for (i = 0; corners[i] != NULL && row > 0; i++) {
		if (str_eq(screen_at(s, row, first)->text, corners[i]))
			return true;
	}
	return false;
}

/* "╰─ ", "└─$ ": such a prompt ends after the word that its corner begins. */
static unsigned
cornered_end(const struct look *l, unsigned row, unsigned first, unsigned limit)
{
	const struct screen *s = l->screen;
	unsigned end;
	bool branch;

	if (!is_cornered(s, row))
		return 0;
	end = word_end(s, row, first, &branch) + 1;
	if (in_words(&l->profile->prompt_ends, screen_at(s, row, end)->text) &&
	    screen_is_blank(screen_at(s, row, end + 1)))
		end += 2;
	return end <= limit ? end : 0;
}

unsigned
classify_ps1_end(const struct look *l, unsigned row, unsigned limit)
{
	const struct profile *p = l->profile;
	const struct screen *s = l->screen;
	const struct screen_cell *c;
	unsigned col, first = screen_row_start(s, row);

	if (limit > PROMPT_MAX)
		limit = PROMPT_MAX;
	if (limit < 2 || first >= limit)
		return 0;
	if (p->prompt_heads.n > 0) {
		col = cornered_end(l, row, first, limit);
		if (col > 0)
			return col;
	}
	for (col = first + 2; col <= limit; col++) {
		if (!screen_is_blank(screen_at(s, row, col - 1)))
			continue;
		if (is_named(l, row, col))
			return col;
		c = screen_at(s, row, col - 2);
		if (!in_words(&p->prompt_ends, c->text))
			continue;
		if (col - 2 == first && in_words(&p->prompt_heads, c->text) &&
		    screen_is_blank(screen_at(s, row, col)) &&
		    !screen_is_blank(screen_at(s, row, col + 1)))
			return headed_end(l, row, first, limit);
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

bool
classify_span_eq(const struct screen *s, unsigned row, unsigned n,
    unsigned other, unsigned at)
{
	unsigned col;

	for (col = 0; col < n; col++) {
		if (!cell_eq(
			screen_at(s, row, col), screen_at(s, other, at + col)))
			return false;
	}
	return true;
}

bool
classify_ps1_long(const struct screen *s, unsigned row, unsigned end)
{
	unsigned col, cells = 0;

	for (col = 0; col < end; col++)
		cells += !screen_is_blank(screen_at(s, row, col));
	return cells >= STRONG_CELLS;
}

bool
classify_ps1_strong(const struct screen *s, unsigned row, unsigned end)
{
	unsigned col;

	for (col = 0; col < end; col++) {
		const struct screen_cell *c = screen_at(s, row, col);

		if (!screen_is_blank(c) && c->fg != SCREEN_DEFAULT)
			return true;
	}
	return classify_ps1_long(s, row, end);
}

bool
classify_row_full(const struct screen *s, unsigned row)
{
	unsigned end = screen_row_end(s, row);

	/* The line may have wrapped at a blank between two words. */
	return end == s->cols ||
	    (end > 0 && end + 1 == s->cols &&
		(screen_at(s, row, end)->flags & SCREEN_WRITTEN) != 0);
}

void
classify_line_text(const struct screen *s, unsigned row, unsigned from,
    unsigned to, struct buf *out)
{
	for (; row < to; row++, from = 0) {
		screen_text(s, row, from, s->cols, true, out);
		if (!classify_row_full(s, row))
			break;
	}
}

/* Does a prompt that reads [0, end) of `up` stand in `row` just left of x,
 * and nowhere else in it? */
static bool
stands_once(
    const struct screen *s, unsigned up, unsigned end, unsigned row, unsigned x)
{
	unsigned col, times = 0;

	for (col = 0; col + end <= x; col++)
		times += classify_span_eq(s, up, end, row, col);
	return times == 1 && classify_span_eq(s, up, end, row, x - end);
}

/*
 * Output without a newline pushes the prompt to the right. A row further up
 * shows the prompt at its start, and it stands here, once, at the end. A
 * prompt that text could look like counts only where the row above is the
 * whole command that said it.
 */
bool
classify_after_output(const struct look *l, unsigned row, unsigned x)
{
	const struct screen *s = l->screen;
	struct buf text = BUF_INIT;
	unsigned up, end;
	bool open;

	for (up = row; up > 0; up--) {
		end = classify_ps1_end(l, up - 1, s->cols);
		if (end == 0 || end > x ||
		    classify_span_eq(s, up - 1, end, row, 0) ||
		    !stands_once(s, up - 1, end, row, x))
			continue;
		if (classify_ps1_strong(s, up - 1, end))
			return true;
		buf_reset(&text);
		classify_line_text(s, up - 1, end, row, &text);
		open = text.len == 0 || up != row ||
		    classify_entry_open(text.data);
		buf_free(&text);
		if (!open)
			return true;
	}
	return false;
}

bool
classify_begins_above(
    const struct screen *s, unsigned below, unsigned row, unsigned end)
{
	for (; below > 0; below--) {
		if (classify_span_eq(s, below - 1, end, row, 0))
			return true;
	}
	return false;
}

bool
classify_ps1_seen(const struct look *l, unsigned row, unsigned end)
{
	return classify_begins_above(l->screen, row, row, end);
}

/*
 * The nearest row above that begins with a strong prompt and a command tells
 * how prompts end in this shell; one that ends otherwise and was never seen
 * before is a question ("read> "). Rows with a ">" do not count: output is
 * full of them.
 */
static bool
is_stranger(const struct look *l, unsigned row, unsigned end)
{
	const struct screen *s = l->screen;
	unsigned up, other;

	for (up = row; up > 0; up--) {
		other = classify_ps1_end(l, up - 1, s->cols);
		if (other < 2 || !classify_ps1_strong(s, up - 1, other) ||
		    str_eq(screen_at(s, up - 1, other - 2)->text, ">") ||
		    screen_is_blank(screen_at(s, up - 1, other)))
			continue;
		/* Its colour may tell how the last command ended. */
		return !str_eq(screen_at(s, up - 1, other - 2)->text,
		    screen_at(s, row, end - 2)->text);
	}
	return false;
}

/* Columns that two rows have in common at their start. */
static unsigned
common_start(const struct screen *s, unsigned a, unsigned b)
{
	unsigned col;

	for (col = 0; col < s->cols; col++) {
		if (!cell_eq(screen_at(s, a, col), screen_at(s, b, col)))
			break;
	}
	return col;
}

/*
 * A row above begins as this one does, up to a blank or a character that ends
 * prompts, and goes on otherwise, without a prompt as it was found here: that
 * beginning is the prompt, and what follows it was typed.
 */
static bool
is_contradicted(const struct look *l, unsigned row, unsigned end)
{
	const struct screen *s = l->screen;
	unsigned up, same, other;

	for (up = row; up > 0; up--) {
		same = common_start(s, up - 1, row);
		if (same == 0 || same >= end ||
		    screen_row_end(s, up - 1) <= same)
			continue;
		if (!screen_is_blank(screen_at(s, row, same - 1)) &&
		    !in_words(&l->profile->prompt_ends,
			screen_at(s, row, same - 1)->text))
			continue;
		if (screen_row_start(s, row) >= same)
			continue; /* blanks only */
		other = classify_ps1_end(l, up - 1, s->cols);
		if (other < 2 || end < 2 ||
		    !cell_eq(screen_at(s, up - 1, other - 2),
			screen_at(s, row, end - 2)))
			return true;
	}
	return false;
}

/*
 * Could the row be a command whose last word ends as prompts do ("ls > ")? A
 * blank before that character, and nothing that tells it from a command: no
 * colour, for "$" nothing that names a place or a person. "%" and "#" are
 * hardly ever typed so.
 */
static bool
is_command_like(const struct screen *s, unsigned row, unsigned end)
{
	const char *last = screen_at(s, row, end - 2)->text;
	unsigned col;

	if (end < 4 || !screen_is_blank(screen_at(s, row, end - 3)) ||
	    str_eq(last, "%") || str_eq(last, "#"))
		return false;
	for (col = 0; col + 2 < end; col++) {
		const struct screen_cell *c = screen_at(s, row, col);

		if (screen_is_blank(c))
			continue;
		if (c->fg != SCREEN_DEFAULT || (unsigned char)c->text[0] > 127)
			return false;
		if (c->text[0] != '\0' &&
		    strchr("~@])}:/", c->text[0]) != NULL && str_eq(last, "$"))
			return false;
	}
	return true;
}

/*
 * In a console with named prompts: a short one ("> ") where rows above begin
 * with a longer one asks for the rest of an entry; so does a numbered one that
 * the row just above has too, for numbers count entries.
 */
static bool
is_second(const struct look *l, unsigned row, unsigned end)
{
	const struct screen *s = l->screen;
	bool strong = classify_ps1_strong(s, row, end), number = false;
	unsigned up, col, other;

	for (col = 0; col < end; col++) {
		const char *text = screen_at(s, row, col)->text;

		number |= text[0] >= '0' && text[0] <= '9';
	}
	if (number && row > 0 && classify_span_eq(s, row - 1, end, row, 0) &&
	    !screen_row_blank(s, row - 1, end, s->cols))
		return true;
	for (up = row; up > 0 && !strong; up--) {
		other = classify_ps1_end(l, up - 1, s->cols);
		if (other > 0 && classify_ps1_strong(s, up - 1, other) &&
		    !screen_row_blank(s, up - 1, other, s->cols))
			return true;
	}
	return false;
}

const char *
classify_ps1_doubt(const struct look *l, unsigned row, unsigned end)
{
	if (is_contradicted(l, row, end))
		return "a shorter prompt stands in rows above";
	if (l->profile->prompts.n > 0 && l->profile->kind == PROFILE_REPL)
		return is_second(l, row, end) ? "it may be that of an entry"
						" begun above"
					      : NULL;
	if (classify_ps1_seen(l, row, end) || is_cornered(l->screen, row))
		return NULL;
	if (l->profile->prompts.n == 0 && is_stranger(l, row, end))
		return "another prompt is in use above";
	if (l->profile->prompts.n == 0 && is_command_like(l->screen, row, end))
		return "what ends it may as well be typed";
	return NULL;
}

/*
 * A prompt without a blank after it: the row ends with the first character
 * that ends prompts, and two rows above begin with it and a command.
 */
bool
classify_ps1_tight(const struct look *l, unsigned row, unsigned x)
{
	const struct screen *s = l->screen;
	unsigned up, col, times = 0;

	for (col = 0; col < x; col++) {
		if (in_words(
			&l->profile->prompt_ends, screen_at(s, row, col)->text))
			break;
	}
	if (x == 0 || col + 1 != x || is_contradicted(l, row, x))
		return false;
	for (up = row; up > 0; up--)
		times += classify_span_eq(s, up - 1, x, row, 0) &&
		    !screen_is_blank(screen_at(s, up - 1, x));
	return times >= 2;
}

unsigned
classify_line_start(const struct screen *s, unsigned row)
{
	while (row > 0 && classify_row_full(s, row - 1))
		row--;
	return row;
}

/* Where a word of a prompt that ends in no sign may end: in a character that
 * words do not end in, or it is a path and nothing else. */
static bool
ends_unmarked(const struct screen *s, unsigned row, unsigned end)
{
	const char *last = screen_at(s, row, end - 2)->text;
	const char *first = screen_at(s, row, 0)->text;
	unsigned col;

	if (last[0] == '\0' || !screen_is_blank(screen_at(s, row, end - 1)))
		return false;
	if (strchr(":|])}~", last[0]) != NULL || (unsigned char)last[0] > 127)
		return true;
	for (col = 0; col + 1 < end; col++) {
		if (screen_is_blank(screen_at(s, row, col)))
			return false;
	}
	return first[0] == '/' || first[0] == '~';
}

/* Two rows above begin with [0, end) of the row and go on with different
 * words. */
static bool
begins_commands(const struct screen *s, unsigned row, unsigned end)
{
	unsigned up, one = row, same;

	for (up = row; up > 0; up--) {
		if (!classify_span_eq(s, up - 1, end, row, 0) ||
		    screen_is_blank(screen_at(s, up - 1, end)))
			continue;
		if (one == row)
			one = up - 1;
		same = common_start(s, one, up - 1);
		if (one != up - 1 && same == end)
			return true;
	}
	return false;
}

unsigned
classify_ps1_unmarked(const struct look *l, unsigned row, unsigned limit)
{
	const struct screen *s = l->screen;
	unsigned end;

	for (end = 2; end <= limit; end++) {
		if (ends_unmarked(s, row, end) && begins_commands(s, row, end))
			return is_stranger(l, row, end) ? 0 : end;
	}
	return 0;
}
