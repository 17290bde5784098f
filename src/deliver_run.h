/* deliver_run - one delivery under way: what its steps share. Only the
 * deliver_*.c files include this. */
#ifndef DELIVER_RUN_H
#define DELIVER_RUN_H

#include "body.h"
#include "buf.h"
#include "classify.h"
#include "delivery.h"
#include "pane.h"
#include "ring.h"
#include "screen.h"
#include "tmux.h"

enum {
	DELIVER_NAP_MIN_MS = 4,
	DELIVER_NAP_MAX_MS = 40,
	DELIVER_LOOK_MAX_MS = 1000, /* that the server waits; see run_guarded */
};

/* One delivery under way. */
struct run {
	const struct deliver *d;
	struct deliver_verdict *v;
	struct tmux tmux;
	int tty; /* locked once >= 0 */

	/* the newest look */
	struct pane_facts facts;
	struct buf cells;
	struct screen screen;
	struct readiness ready;
	bool looked;
	bool fresh;          /* made behind a paste or Enter, not judged yet */
	int64_t looked_at;   /* when it began */
	int64_t rests_since; /* idle at every look; 0: not */

	char *spilled;   /* file with a body too long to show */
	struct buf text; /* tag and body as this pane takes them */
	char stranded[BODY_SENDER_MAX + 128]; /* run_stranded()'s words */
	char people[PANE_TEXT_MAX];    /* at the look that led to the paste */
	bool idle;                     /* so was the program then */
	const struct profile *profile; /* what the program was known as then */
	pid_t agent;                   /* its process; 0: unseen */
	uint64_t agent_start;
	unsigned rows;     /* of its empty composer, but for one */
	struct buf prompt; /* the cursor's row left of it */
	struct buf stood;  /* the text's first row when Enter came */
	unsigned stood_row;
	int64_t empty_since;   /* at every look; 0: not */
	unsigned start_x;      /* its cursor's column */
	unsigned end_x, end_y; /* the cursor behind the pasted text */
	unsigned enters;       /* pressed so far */
	int64_t shown_at;      /* when the text was seen first; 0: not yet */
	int64_t echo_ms;       /* it took to show it; 0: no more */
};

/* Fill the verdict. Returns its code. `word` is static. */
enum exit_code run_verdict(struct run *r, enum exit_code code, const char *word,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* For the ring: this process, and what is to be known should it be killed. */
void run_about(const struct run *r, char out[RING_TEXT_MAX + 1]);

/* Put it into the ring that the message is now `word`. -1 with EXIT_LOCAL. */
int run_record(
    struct run *r, const char *word, enum exit_code code, struct err *e);

/* Look at the pane again and judge it. */
int run_look(struct run *r, struct err *e);

/* The same with what tmux_look_args() answered in a call that did more. */
int run_look_read(struct run *r, char *answer, struct err *e);

/* Forget the newest look. */
void run_forget(struct run *r);

/* The next nap of a wait: doubled from DELIVER_NAP_MIN_MS to the maximum. */
int64_t run_next_nap(int64_t nap);

/* Make r->text, the tag and body as this pane takes them that way; one that is
 * too long becomes a file and a line that names it. -1 with EXIT_NOT_READY
 * where not even that line has room, and with what body_clean() or the file's
 * writing ended with. */
int run_text(struct run *r, enum classify_way way, struct err *e);

/* deliver_proof.c, all of it about the newest look. Remember whom the text is
 * typed into. */
void run_know(struct run *r);

/* Is it still the agent that the text was typed into? */
bool run_same(const struct run *r);

/* What stands there of the text. */
enum classify_holds run_holds(const struct run *r, enum classify_way way);

/* All of it, and Enter would submit it. */
bool run_stands(
    const struct run *r, enum classify_way way, enum classify_holds holds);

/* Has the program left its input? Would Enter do something else with the text
 * than submit it? */
bool run_gone(const struct run *r);
bool run_diverted(const struct run *r, enum classify_way way);

/* Remember how the text stands there when Enter is pressed. */
void run_keep_row(struct run *r);

/* Was it taken: is the composer empty, and is that more than a moment's
 * picture, or did the program open a dialog? */
bool run_emptied(struct run *r, enum classify_holds holds);
bool run_dialog(const struct run *r, enum classify_holds holds);

/* Remember the prompt before it is typed at. */
void run_keep_prompt(struct run *r);

/* Does a shell or REPL wait for the rest of the line that it took? */
bool run_unfinished(const struct run *r);

/* May Enter be pressed again on a text that still stands there? Not while one
 * is unread, and not while the program does something else: it may come to it
 * yet, and the next would answer what it opens then. */
bool run_swallowed(const struct run *r);

/*
 * Paste r->text, and press Enter once it stands there. Returns the verdict's
 * code, or EXIT_TIMEOUT when the server saw something else than the look did
 * and nothing was typed.
 */
enum exit_code run_type(struct run *r, enum classify_way way);

/* Write r->text above the prompt. Returns the verdict's code. */
enum exit_code run_show(struct run *r);

#endif
