/*
 * classify - may a message be typed into this pane now? A pure function of
 * what was seen: no tmux, no files, no clock.
 *
 * The safe answer is CLASSIFY_UNKNOWN. Evidence, strongest first: the pane's
 * facts, its terminal's modes, the program in front, the cursor against the
 * composer or prompt, colours, the title, words in the rows next to the
 * composer. What scrolled by above never decides.
 */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "argv.h"
#include "buf.h"
#include "pane.h"
#include "profile.h"
#include "screen.h"

enum { CLASSIFY_REASON_MAX = 256, CLASSIFY_GUARD_MAX = 256 };

enum classify_state {
	CLASSIFY_IDLE,       /* the composer or prompt is empty */
	CLASSIFY_TYPED,      /* a person's text stands there */
	CLASSIFY_BUSY,       /* the program works */
	CLASSIFY_MODAL,      /* keys would answer or command something */
	CLASSIFY_PASSWORD,   /* a prompt without echo */
	CLASSIFY_SHELL_LEFT, /* a shell where an agent was */
	CLASSIFY_REMOTE,     /* somebody else's terminal inside this one */
	CLASSIFY_COPY_MODE,  /* tmux takes the keys */
	CLASSIFY_DEAD,       /* no process */
	CLASSIFY_UNKNOWN,    /* not enough to be sure */
	CLASSIFY_STATES,     /* their number */
};

/* How a message would reach the program. */
enum classify_way {
	CLASSIFY_WAY_NONE,    /* not at all */
	CLASSIFY_WAY_COMPOSE, /* pasted into the composer, then Enter */
	CLASSIFY_WAY_LINE,    /* one line to a program that reads lines */
	CLASSIFY_WAY_SHOW,    /* a line inserted above the prompt */
};

/*
 * Where the composer (or the prompt's text) is: rows first..last, text from
 * `column` in the first and `continued` in later ones up to `right`
 * (exclusive). All 0-based cells. `edged`: what stands before `continued` is
 * drawn by the program; else it may be text.
 */
struct classify_region {
	bool found, edged;
	unsigned first, last;
	unsigned column, continued, right;
};

/*
 * The verdict. `composer_empty` also holds in CLASSIFY_BUSY, where a program
 * that queues can be given a message. `show_ok`: a line may be inserted above
 * (main screen, a shell or REPL reads there), whatever is half typed.
 *
 * For the guard: the pane's cursor, and, unless guard[0] is NUL, a pattern for
 * #{C/r:...} made of shipped text only, which finds row `guard_row` first
 * (0-based) on this screen.
 */
struct readiness {
	enum classify_state state;
	enum classify_way way;
	bool show_ok;
	bool composer_empty;
	bool unfinished; /* a shell or REPL asks for the rest of an entry */
	const struct profile *profile; /* of the set; NULL: nobody known */
	char reason[CLASSIFY_REASON_MAX];
	struct argv evidence; /* which rules fired, in order */
	struct classify_region composer;
	struct classify_region tail; /* maybe the end of a text in one whose
				      * start is out of sight */
	unsigned cursor_x, cursor_y;
	unsigned prompt_rows; /* rows of typed input above the cursor's */
	char guard[CLASSIFY_GUARD_MAX];
	unsigned guard_row;
};

/*
 * Judge a pane. `set` must outlive `r`. Always 0 (-1 never happens today); `r`
 * is to be freed with classify_free().
 */
int classify(const struct pane_facts *facts, const struct screen *screen,
    const struct profile_set *set, struct readiness *r);
void classify_free(struct readiness *r);

/* "idle", "typed", "shell-left" ... */
const char *classify_state_name(enum classify_state state);
const char *classify_way_name(enum classify_way way);

/*
 * Append what stands in the composer: rows joined by newlines, ghost text,
 * trailing blanks and the drawn cursor left out. Nothing if none was found.
 */
void classify_composer_text(
    const struct screen *screen, const struct readiness *r, struct buf *out);

/* What the composer shows of a body that was pasted. */
enum classify_holds {
	CLASSIFY_HOLDS_OTHER,     /* ours and more, or a part of it changed */
	CLASSIFY_HOLDS_FOREIGN,   /* a text that begins like nothing of it */
	CLASSIFY_HOLDS_NOTHING,   /* it is empty */
	CLASSIFY_HOLDS_EXACT,     /* exactly this body */
	CLASSIFY_HOLDS_PART,      /* its end fills the box, which scrolled */
	CLASSIFY_HOLDS_TAIL,      /* the same, and not even its start shows */
	CLASSIFY_HOLDS_COLLAPSED, /* the program's sign for a long paste */
};

/*
 * Append `text` without blanks, which wrapping and indenting change, without
 * characters of no width, of which tmux drops those it does not know, and
 * without signs joined to the one before (a family of emoji), of which it keeps
 * what its cell holds: what a text on a screen is compared by.
 */
void classify_squeeze(const char *text, size_t len, struct buf *out);

/*
 * Would `text` look like the frame of the program's composer, once it stands
 * in it? Then nothing could be told of it. `cols`: of the pane.
 */
bool classify_framed(
    const struct readiness *r, unsigned cols, const char *text, size_t len);

/*
 * Compare the composer with `body`, without regard to blanks and newlines
 * (programs wrap and indent as they like). Grey and dim text counts where it
 * is the body.
 */
enum classify_holds classify_composer_holds(const struct screen *screen,
    const struct readiness *r, const char *body, size_t len);

#endif
