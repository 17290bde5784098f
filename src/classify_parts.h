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

/* An agent with a composer. */
void classify_agent(struct look *l);

/* A shell or REPL at its prompt, a program that reads lines. */
void classify_prompt(struct look *l);
void classify_lines(struct look *l);

#endif
