/*
 * Prompts: shells, REPLs, programs that read lines. What can be known is where
 * the earliest prompt on the cursor's row may end (classify_ps1), and whether
 * anything stands after it. Shells run what is typed, so for them a message is
 * shown, not typed, and a wrong guess between idle and typed costs nothing but
 * politeness.
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"

enum {
	RIGHT_GAP = 2,    /* blanks between the input and a right prompt */
	RIGHT_MARGIN = 2, /* a right prompt ends this near to the edge */
	ROWS_UP = 200,
	JOB_ROWS = 40, /* that a job in the background may have written */
};

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

	while (row > 0 && n < ROWS_UP &&
	    classify_row_full(l->screen, row - 1) &&
	    classify_ps1_end(l, row, l->screen->cols) == 0) {
		row--;
		n++;
	}
	return n;
}

static void
say_idle(struct look *l)
{
	l->r->composer_empty = true;
	classify_say(
	    l, CLASSIFY_IDLE, "%s waits at its prompt", l->profile->label);
}

/* The process that reads is computing instead. */
static bool
is_running(const struct look *l)
{
	size_t i;

	for (i = 0; i < l->facts->foreground.n; i++) {
		if (l->facts->foreground.v[i].state == 'R')
			return true;
	}
	return false;
}

/* Braces that rows above the cursor's open and none of them closes: of a
 * program without a prompt an unfinished entry. */
static bool
braces_open(const struct screen *s, unsigned row)
{
	unsigned up, col;
	int depth = 0;

	for (up = 0; up < row; up++) {
		for (col = 0; col < s->cols; col++) {
			const char *text = screen_at(s, up, col)->text;

			depth += str_eq(text, "{") - str_eq(text, "}");
		}
	}
	return depth > 0 ||
	    (row > 0 && screen_row_end(s, row - 1) > 0 &&
		str_eq(
		    screen_at(s, row - 1, screen_row_end(s, row - 1) - 1)->text,
		    "\\"));
}

/*
 * A job in the background has written over the prompt and ended its line: the
 * shell's notice of the job ("[1] 2345") stands above the row that begins with
 * a prompt. A pasted line that ends in a newline would look alike, but it is
 * drawn in reverse.
 */
static bool
after_job(const struct look *l, unsigned row)
{
	static char notice_word[] = "[*] *";
	static char *notice_words[] = { notice_word };
	const struct argv notice = { notice_words, 1, 1 };
	const struct screen *s = l->screen;
	struct buf text = BUF_INIT;
	unsigned up, col, end = 0;
	bool hit = false;

	for (up = row; up > 1 && row - up < JOB_ROWS && end == 0; up--)
		end = classify_ps1_end(l, up - 1, s->cols);
	if (end == 0 || !classify_ps1_strong(s, up, end))
		return false;
	for (col = 0; col < s->cols; col++) {
		if ((screen_at(s, up, col)->flags & SCREEN_REVERSE) != 0)
			return false;
	}
	classify_row(s, up - 1, &text);
	if (profile_match_any(&notice, text.data) != NULL)
		hit = text.data[strspn(text.data, "[]0123456789 ")] == '\0';
	buf_free(&text);
	return hit;
}

/* The cursor's row is blank and the cursor at its start: the prompt is empty,
 * or something has written over it. */
static void
judge_blank(struct look *l)
{
	const struct screen *s = l->screen;
	const struct profile *p = l->profile;
	unsigned y = l->facts->cursor_y;

	take_region(l, 0);
	if (p->no_prompt && is_running(l)) {
		classify_note(l, "process: it computes");
		classify_say(l, CLASSIFY_BUSY, "%s runs something", p->label);
	} else if (p->no_prompt && braces_open(s, y)) {
		classify_note(l, "rows above: a brace or a backslash is open");
		classify_say(l, CLASSIFY_TYPED,
		    "an unfinished entry may stand in %s", p->label);
	} else if (y > 0 && classify_row_full(s, y - 1)) {
		classify_note(l, "the row above may be the first half");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "a line of just the pane's width may stand in %s",
		    p->label);
	} else if (p->no_prompt) {
		classify_note(l, "prompt: it has none, and the row is empty");
		say_idle(l);
	} else if (screen_end(s) == 0 && l->facts->history == 0) {
		classify_note(l, "prompt: empty, nothing was ever shown");
		say_idle(l);
	} else if (after_job(l, y)) {
		classify_note(l, "prompt: overwritten by a background job");
		say_idle(l);
	} else {
		classify_note(l, "prompt: none, the row is empty");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s reads, but its prompt is not to be seen", p->label);
	}
}

/*
 * Blank cells right of the cursor that the program wrote: text that stood
 * there was taken back. tmux 3.3 tells them from cells that were never
 * written; others pad a row to the room they keep for it, which is a quarter,
 * a half or the whole of the width.
 */
static bool
was_edited(const struct screen *s, unsigned row, unsigned x)
{
	unsigned end = x;

	while (end < s->cols &&
	    (screen_at(s, row, end)->flags & SCREEN_WRITTEN) != 0)
		end++;
	return end > x && screen_row_end(s, row) <= x && end != s->cols / 4 &&
	    end != s->cols / 2 && end != s->cols;
}

/* The cursor's row is the end of a line that wrapped, and its first row begins
 * with a prompt: typed, half a line or a whole one. */
static bool
judge_wrapped(struct look *l)
{
	const struct screen *s = l->screen;
	unsigned y = l->facts->cursor_y, top = classify_line_start(s, y), end;

	end = top == y ? 0 : classify_ps1_end(l, top, s->cols);
	if (end == 0 ||
	    (!classify_ps1_strong(s, top, end) &&
		!classify_ps1_seen(l, top, end)) ||
	    classify_ps1_doubt(l, top, end) != NULL)
		return false;
	take_region(l, end);
	l->r->composer.first = top;
	classify_note(l, "prompt: in row %u, and text up to the cursor", top);
	classify_say(l, CLASSIFY_TYPED, "text stands at the prompt of %s",
	    l->profile->label);
	return true;
}

static void
judge_line(struct look *l)
{
	const struct screen *s = l->screen;
	const struct profile *p = l->profile;
	unsigned x = l->facts->cursor_x, y = l->facts->cursor_y, end;
	const char *doubt;

	end = classify_ps1_end(l, y, x);
	if (end == 0 && x > 0 && l->profile->prompts.n == 0)
		end = classify_ps1_unmarked(l, y, x);
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
	if (end == 0 && judge_wrapped(l))
		return;
	if (x == 0 && screen_row_blank(s, y, 0, s->cols)) {
		judge_blank(l);
		return;
	}
	if (end == 0 && classify_ps1_tight(l, y, x)) {
		classify_note(l, "prompt: ends at column %u, as above", x);
		say_idle(l);
		return;
	}
	if (end == 0) {
		if (x > 0 && classify_span(s, y, 0, x, &p->continuation)) {
			classify_note(l, "prompt: of an unfinished entry");
			l->r->unfinished = true;
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
	if (classify_may_continue(l, y, end)) {
		classify_note(l, "prompt: maybe of an unfinished entry");
		l->r->unfinished = true;
		classify_say(l, CLASSIFY_TYPED,
		    "an unfinished entry may stand in %s", p->label);
		return;
	}
	if (end == x && y > 0 && classify_row_full(s, y - 1) &&
	    !classify_ps1_seen(l, y, end)) {
		classify_note(l, "the row above may be the first half");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "what stands at the cursor of %s may be half a line",
		    p->label);
		return;
	}
	if (end != x && classify_after_output(l, y, x)) {
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
	doubt = classify_ps1_doubt(l, y, end);
	if (doubt != NULL) {
		classify_note(l, "prompt: %s", doubt);
		classify_say(l, CLASSIFY_UNKNOWN,
		    "what stands at the cursor of %s may be a question or "
		    "typed text, not its prompt",
		    p->label);
		return;
	}
	if (p->edited_blanks && was_edited(s, y, x)) {
		classify_note(l, "cells right of the cursor: written, blank");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "somebody edited the line of %s and emptied it; keys may "
		    "be commands",
		    p->label);
		return;
	}
	classify_note(l, "prompt: ends at column %u, nothing after it", end);
	say_idle(l);
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
	const char *mark;

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
	mark = classify_find(
	    l->screen, &l->profile->command_rows, f->cursor_y, f->cursor_y + 1);
	if (mark != NULL) {
		classify_note(l, "prompt: says %s", mark);
		classify_say(l, CLASSIFY_MODAL,
		    "the keys are commands to the line editor of %s",
		    l->profile->label);
	} else {
		judge_line(l);
	}
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
	const struct profile *p = l->profile;
	unsigned x = f->cursor_x, y = f->cursor_y;
	const char *label = p->label;

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
	/* Where it is known what stands there while it waits, nothing is a
	 * program that works: it has ended a line. */
	if (x == 0 && p->prompts.n > 0 && !p->no_prompt) {
		classify_note(l, "prompt: none, the row is empty");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s is not at its prompt: it may be at work", label);
		return;
	}
	if (x > 0 && !classify_span(s, y, 0, x, &p->prompts)) {
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
