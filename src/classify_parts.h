/* classify_parts - what the parts of classify say to one another. */
#ifndef CLASSIFY_PARTS_H
#define CLASSIFY_PARTS_H

#include "classify.h"

/* Everything the rules look at. */
struct look {
	const struct pane_facts *facts;
	const struct screen *screen;
	const struct profile *profile; /* NULL: nobody known */
	struct readiness *r;
};

/* Set the verdict and its reason; returns nothing to be checked. */
void classify_say(struct look *l, enum classify_state state, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));

/* Note a rule that fired. */
void classify_note(struct look *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A row without its outer blanks, appended to `out`. */
void classify_row(const struct screen *screen, unsigned row, struct buf *out);

/* The first of `words` that matches a whole row of [from, to); NULL if none
 * does. */
const char *classify_find(const struct screen *screen, const struct argv *words,
    unsigned from, unsigned to);

/* Text of columns [from, to) of a row matches one of `patterns` whole. */
bool classify_span(const struct screen *s, unsigned row, unsigned from,
    unsigned to, const struct argv *patterns);

/* The row reaches the last column: what follows may be its other half. */
bool classify_row_full(const struct screen *s, unsigned row);

/* First row of the line that `row` is the end of. */
unsigned classify_line_start(const struct screen *s, unsigned row);

/* Append the text of a row from column `from`, and of the rows that it wrapped
 * into, up to row `to`. */
void classify_line_text(const struct screen *s, unsigned row, unsigned from,
    unsigned to, struct buf *out);

/* Columns [0, n) of one row look like [at, at + n) of another. */
bool classify_span_eq(const struct screen *s, unsigned row, unsigned n,
    unsigned other, unsigned at);

/* A row above `below` begins with the prompt [0, end) of `row`. */
bool classify_begins_above(
    const struct screen *s, unsigned below, unsigned row, unsigned end);

/*
 * Where does the first thing on the row that can be a whole prompt end? One
 * past its blank, at most `limit`; 0: nowhere. A prompt the profile names
 * counts as much as a character that ends prompts with one blank after it.
 */
unsigned classify_ps1_end(const struct look *l, unsigned row, unsigned limit);

/* Such a prompt is no accident: long, or coloured. */
bool classify_ps1_long(const struct screen *s, unsigned row, unsigned end);
bool classify_ps1_strong(const struct screen *s, unsigned row, unsigned end);

/* The same prompt begins a row further up. */
bool classify_ps1_seen(const struct look *l, unsigned row, unsigned end);

/* What speaks against [0, end) of the row being the prompt; NULL: nothing. */
const char *classify_ps1_doubt(
    const struct look *l, unsigned row, unsigned end);

/* A prompt without a blank ends at column x, as in rows above. */
bool classify_ps1_tight(const struct look *l, unsigned row, unsigned x);

/* Where a prompt ends that no sign ends ("host: "), told by the commands that
 * rows above have after the same; at most `limit`; 0: nowhere. */
unsigned classify_ps1_unmarked(
    const struct look *l, unsigned row, unsigned limit);

/* The prompt of a row above ends at column x, after output that had no
 * newline. */
bool classify_after_output(const struct look *l, unsigned row, unsigned x);

/* May the prompt [0, end) ask for the rest of an entry begun above? */
bool classify_may_continue(const struct look *l, unsigned row, unsigned end);

/* May `text`, lines typed into a shell, want more before it is run? */
bool classify_entry_open(const char *text);

/* What surrounds a composer that was found. */
struct composer {
	const char *glyph; /* "" without one */
	unsigned glyph_col;
	bool shell;     /* the glyph of shell mode */
	bool drawn;     /* found at a cursor that the program draws */
	unsigned below; /* first row under it */
	unsigned above; /* its uppermost row, frame and all */
};

/*
 * Find the agent's composer at the terminal's cursor, or at the one that the
 * program draws itself, and set r->composer; the cursor that was found is left
 * in *cx, *cy. False: there is none, but r->tail may be set.
 */
bool classify_composer(
    struct look *l, unsigned *cx, unsigned *cy, struct composer *c);

/* The column from which on the row, one of the region's, may hold text. */
unsigned classify_row_column(
    const struct screen *s, const struct classify_region *g, unsigned row);

/* The row begins with the composer's glyph, in its column: where the glyph
 * ends. Else 0. */
unsigned classify_glyph_end(
    const struct look *l, unsigned row, const struct composer *c);

/* Is the cell greyed or dim, as the program draws what nobody typed? */
bool classify_is_ghost(const struct profile *p, const struct screen_cell *c);

/*
 * Is the cell at (row, col), where an empty composer has its cursor, the first
 * one of a suggestion? Under the cursor it is drawn in reverse, or underlined
 * where the cursor is the terminal's, and loses its grey; but ghost text goes
 * on behind it, which *behind is then.
 */
bool classify_suggested(const struct profile *p, const struct screen *screen,
    unsigned row, unsigned col, const struct screen_cell **behind);

/* An agent with a composer. */
void classify_agent(struct look *l);

/* A shell or REPL at its prompt, a program that reads lines. */
void classify_prompt(struct look *l);
void classify_lines(struct look *l);

#endif
