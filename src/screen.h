/* screen - what a pane shows, as cells with their attributes. No tmux, no
 * clock: bytes in, cells out. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

enum {
	SCREEN_CELL_BYTES = 33,        /* tmux's UTF8_SIZE and the NUL */
	SCREEN_SIDE_MAX = 10000,       /* tmux's own WINDOW_MAXIMUM */
	SCREEN_CELLS_MAX = 240 * 1024, /* rows * columns we keep: 11 MiB */
};

/* Attributes that programs use to mean something. */
enum screen_flag {
	SCREEN_BOLD = 1,
	SCREEN_DIM = 2,
	SCREEN_ITALIC = 4,
	SCREEN_UNDERLINE = 8,
	SCREEN_REVERSE = 16,
	SCREEN_HIDDEN = 32,
	SCREEN_ACS = 64,      /* came from the line-drawing set (SO ... SI) */
	SCREEN_WRITTEN = 128, /* the program wrote this cell, maybe a blank */
};

/*
 * A colour in one word: kind in the high byte, below it a palette number
 * (0-255; SGR 30-37 are 0-7, 90-97 are 8-15) or 0xRRGGBB.
 */
enum screen_colour {
	SCREEN_DEFAULT = 0,
	SCREEN_PALETTE = 1 << 24,
	SCREEN_RGB = 2 << 24,
	SCREEN_KIND = 0x7f << 24, /* mask */
};

/*
 * One cell. `text` is one character and its combining marks as UTF-8, as many
 * as fit; "" for a cell nothing was written to and for the right half of a
 * wide character. `width` is 1 or 2, and 0 for that right half.
 */
struct screen_cell {
	char text[SCREEN_CELL_BYTES];
	uint32_t fg;
	uint32_t bg;
	uint8_t width;
	uint8_t flags; /* SCREEN_BOLD ... */
};

/* rows * cols cells, row by row. `cut`: the text held more than that. */
struct screen {
	struct screen_cell *cells;
	unsigned rows;
	unsigned cols;
	bool cut;
};

/*
 * Parse what `capture-pane -p -e -N` printed for a pane of `cols` x `rows`
 * (from the pane's formats). Rows missing at the end are blank, cells past the
 * last column are dropped. Attributes carry over line ends, as tmux prints
 * them. Unknown escapes, OSC 8 links and invalid bytes (one cell U+FFFD each)
 * are tolerated: any bytes give a screen. EXIT_LOCAL when the size is 0 or
 * past the bounds. Free with screen_free(), also after a failure.
 */
int screen_parse(struct screen *s, const char *text, size_t len, unsigned cols,
    unsigned rows, struct err *e);
void screen_free(struct screen *s);

/* The cell at (row, col); a blank one outside of the screen. Never NULL. */
const struct screen_cell *screen_at(
    const struct screen *s, unsigned row, unsigned col);

/*
 * Append the text of columns [from, to) of a row: never written cells are
 * spaces. `to` past the row's end is its end. With `trim` trailing blanks go.
 */
void screen_text(const struct screen *s, unsigned row, unsigned from,
    unsigned to, bool trim, struct buf *out);

/* Shows nothing: a space, NBSP, U+200B, or never written; whatever colours. */
bool screen_is_blank(const struct screen_cell *c);

/* All of columns [from, to) of a row are blank. */
bool screen_row_blank(
    const struct screen *s, unsigned row, unsigned from, unsigned to);

/* First and one past the last column that shows something; cols and 0 when
 * the row is blank. */
unsigned screen_row_start(const struct screen *s, unsigned row);
unsigned screen_row_end(const struct screen *s, unsigned row);

/* The same in the whole screen: one past the last row that shows something. */
unsigned screen_end(const struct screen *s);

/*
 * Is the foreground a grey that programs use for what nobody typed: SGR 90,
 * the greys 238-250 and the cube's greys of the 256 colours, or RGB of small
 * chroma and middle brightness? Neither black nor white, which text is.
 */
bool screen_is_grey(const struct screen_cell *c);

/* Greyed or dim text: a placeholder, a suggestion. */
bool screen_is_ghost(const struct screen_cell *c);

/* Is the row, from its first to its last visible cell, a drawn line of at
 * least `min` cells: only horizontal line, block or edge characters? */
bool screen_is_rule(const struct screen *s, unsigned row, unsigned min);

/* Number of characters in `text` that such a line may be drawn of. */
size_t screen_lines(const char *text, size_t len);

#endif
