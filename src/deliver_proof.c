/*
 * What a look proves: is it the program that was typed into, does our text
 * stand there, was it taken? Judged from the newest look, and what was kept of
 * those before: whom it was typed into, how it stood there.
 */
#include "deliver_run.h"

#include <string.h>

#include "ps.h"
#include "str.h"
#include "tty.h"

/* Bytes by which a text is known where it stands: its tag, or its begin. */
enum { TAG_MAX = BODY_SENDER_MAX + 64, HEAD_MAX = 40 };

/*
 * What a line reader shows: is r->text what stands before the cursor, and does
 * it begin in the column where the cursor was before? Compared from the end,
 * cell by cell, without what wrapping and tmux change.
 */
static enum classify_holds
run_line_holds(const struct run *r)
{
	unsigned x = r->facts.cursor_x, y = r->facts.cursor_y;
	enum classify_holds holds = CLASSIFY_HOLDS_OTHER;
	struct buf want = BUF_INIT, cell = BUF_INIT;
	const char *text;

	classify_squeeze(r->text.data, r->text.len, &want);
	while (want.len > 0) {
		if (x == 0 && y == 0) {
			holds = CLASSIFY_HOLDS_PART;
			goto out;
		}
		if (x == 0) {
			y--;
			x = r->facts.width;
			continue;
		}
		text = screen_at(&r->screen, y, --x)->text;
		buf_reset(&cell);
		classify_squeeze(text, strlen(text), &cell);
		if (cell.len > want.len ||
		    memcmp(want.data + want.len - cell.len, cell.data,
			cell.len) != 0)
			goto out;
		buf_truncate(&want, want.len - cell.len);
	}
	if (x == r->start_x || r->v->forced)
		holds = CLASSIFY_HOLDS_EXACT;
out:
	buf_free(&want);
	buf_free(&cell);
	return holds;
}

/* Is this process in front, alone, what the program is known as? */
static bool
run_is_agent(const struct run *r, size_t i)
{
	struct ps_list one = { &r->facts.foreground.v[i], 1, 1 };
	struct argv line = ARGV_INIT;
	struct profile_clues clues = { &one, &line, NULL, NULL };
	bool is;

	ps_lines(&one, &line);
	is = profile_recognise(r->d->profiles, &clues, NULL, 0) ==
	    r->ready.profile;
	argv_free(&line);
	return is;
}

/* The process in front that makes the program what it is known as; where only
 * all of them together do, the first. NULL: none is seen. */
static const struct ps *
run_agent(const struct run *r)
{
	const struct ps_list *front = &r->facts.foreground;
	size_t i;

	for (i = 0; i < front->n; i++)
		if (run_is_agent(r, i))
			return &front->v[i];
	return front->n > 0 ? front->v : NULL;
}

/* Remember whom the text is typed into. */
void
run_know(struct run *r)
{
	const struct classify_region *c = &r->ready.composer;
	const struct ps *agent = NULL;

	r->profile = r->ready.profile;
	if (r->profile != NULL && r->profile->kind == PROFILE_AGENT)
		agent = run_agent(r);
	r->agent = agent == NULL ? 0 : agent->pid;
	r->agent_start = agent == NULL ? 0 : agent->start;
	r->rows = c->found ? c->last - c->first : 0;
}

/* Is it still the agent that the text was typed into? One that died leaves its
 * shell there, or another one that was started in its place. */
bool
run_same(const struct run *r)
{
	const struct ps_list *front = &r->facts.foreground;
	size_t i;

	if (r->profile == NULL || r->profile->kind != PROFILE_AGENT)
		return true;
	for (i = 0; i < front->n && r->agent != 0; i++)
		if (front->v[i].pid == r->agent &&
		    front->v[i].start == r->agent_start)
			break;
	return r->ready.profile == r->profile &&
	    (r->agent == 0 || front->n == 0 || i < front->n);
}

enum classify_holds
run_holds(const struct run *r, enum classify_way way)
{
	if (way == CLASSIFY_WAY_COMPOSE && !run_same(r))
		return CLASSIFY_HOLDS_OTHER;
	if (way == CLASSIFY_WAY_COMPOSE)
		return classify_composer_holds(
		    &r->screen, &r->ready, r->text.data, r->text.len);
	return run_line_holds(r);
}

/* A program that left its input after the paste. A dialog is no such sign by
 * itself: half drawn, a composer with our text in it looks like one. */
bool
run_gone(const struct run *r)
{
	switch (r->ready.state) {
	case CLASSIFY_PASSWORD:
	case CLASSIFY_SHELL_LEFT:
	case CLASSIFY_REMOTE:
	case CLASSIFY_COPY_MODE:
	case CLASSIFY_DEAD:
		return true;
	default:
		return !run_same(r) && r->ready.profile != NULL &&
		    r->ready.profile->kind == PROFILE_SHELL;
	}
}

/* A composer holds the text, but Enter would do something else with it: it is
 * in a mode that runs commands, or a menu is open below. */
bool
run_diverted(const struct run *r, enum classify_way way)
{
	return way == CLASSIFY_WAY_COMPOSE && r->ready.state == CLASSIFY_MODAL;
}

/* Our text stands in the composer, and Enter would submit it. */
bool
run_stands(
    const struct run *r, enum classify_way way, enum classify_holds holds)
{
	switch (holds) {
	case CLASSIFY_HOLDS_EXACT:
	case CLASSIFY_HOLDS_COLLAPSED:
	case CLASSIFY_HOLDS_PART:
		return !run_diverted(r, way);
	case CLASSIFY_HOLDS_TAIL:
		/* Words in the text itself may read like a menu. */
		return true;
	default:
		return false;
	}
}

/* Does the screen show how the text begins, up to the end of its tag? */
static bool
run_shown(const struct run *r)
{
	struct buf line = BUF_INIT, all = BUF_INIT, want = BUF_INIT;
	const char *end = memchr(
	    r->text.data, ']', r->text.len < TAG_MAX ? r->text.len : TAG_MAX);
	size_t len = end != NULL     ? (size_t)(end - r->text.data) + 1
	    : r->text.len < HEAD_MAX ? r->text.len
				     : HEAD_MAX;
	unsigned row;
	bool shown;

	classify_squeeze(r->text.data, len, &want);
	for (row = 0; row < r->screen.rows; row++) {
		buf_reset(&line);
		screen_text(&r->screen, row, 0, r->screen.cols, true, &line);
		classify_squeeze(line.data, line.len, &all);
	}
	shown = memmem(all.data, all.len, want.data, want.len) != NULL;
	buf_free(&line);
	buf_free(&all);
	buf_free(&want);
	return shown;
}

/* A row of the screen as it looks, attributes and all. */
static void
run_row(const struct run *r, unsigned row, struct buf *out)
{
	const struct screen_cell *c;
	unsigned col;

	for (col = 0; col < r->screen.cols; col++) {
		c = screen_at(&r->screen, row, col);
		buf_addf(out, "%s %x %x %x\n", c->text, (unsigned)c->fg,
		    (unsigned)c->bg, (unsigned)c->flags);
	}
}

void
run_keep_row(struct run *r)
{
	buf_reset(&r->stood);
	r->empty_since = 0;
	r->stood_row = r->ready.composer.first;
	if (r->ready.composer.found)
		run_row(r, r->stood_row, &r->stood);
}

/* Does the text's first row look as it did before Enter? */
static bool
run_unmoved(const struct run *r)
{
	struct buf now = BUF_INIT;
	bool same;

	run_row(r, r->stood_row, &now);
	same = r->stood.len > 0 && now.len == r->stood.len &&
	    memcmp(now.data, r->stood.data, now.len) == 0;
	buf_free(&now);
	return same;
}

/* Did the program take Enter and open a dialog? One of a running turn, one that
 * opened before it took the text, one below the text as it stood, what a person
 * called and what tmux itself keeps from us prove nothing. */
bool
run_dialog(const struct run *r, enum classify_holds holds)
{
	const struct pane_facts *f = &r->facts;

	return r->ready.state == CLASSIFY_MODAL && !r->ready.composer.found &&
	    holds != CLASSIFY_HOLDS_TAIL && r->idle && !f->input_off &&
	    !f->synchronized && str_eq(f->people, r->people) && run_same(r) &&
	    run_shown(r) && !run_unmoved(r);
}

/* Is the composer empty, and no line higher than it was before? Else Enter was
 * taken for a line, and the text is lost. */
static bool
run_empty(const struct run *r, enum classify_holds holds)
{
	const struct classify_region *c = &r->ready.composer;

	if (holds != CLASSIFY_HOLDS_NOTHING)
		return false;
	if (r->v->forced)
		return true;
	return r->ready.state != CLASSIFY_TYPED &&
	    (c->last - c->first <= r->rows ||
		!screen_row_blank(&r->screen, c->last, c->continued, c->right));
}

/* A program that draws its composer anew, text and all, may be seen between
 * clearing and writing it. It has the text where that is seen elsewhere, where
 * it began to work, and where the composer stays empty. */
bool
run_emptied(struct run *r, enum classify_holds holds)
{
	if (!run_empty(r, holds)) {
		r->empty_since = 0;
		return false;
	}
	if (r->empty_since == 0)
		r->empty_since = r->looked_at;
	return run_shown(r) || (r->idle && r->ready.state == CLASSIFY_BUSY) ||
	    r->looked_at - r->empty_since >= DELIVER_STEADY_MS;
}

void
run_keep_prompt(struct run *r)
{
	buf_reset(&r->prompt);
	screen_text(&r->screen, r->facts.cursor_y, 0, r->facts.cursor_x, false,
	    &r->prompt);
}

/* The prompt that stood there before is none for the rest of an entry. */
bool
run_unfinished(const struct run *r)
{
	struct buf now = BUF_INIT;
	bool same;

	screen_text(
	    &r->screen, r->facts.cursor_y, 0, r->facts.cursor_x, false, &now);
	same = str_eq(now.data, r->prompt.data);
	buf_free(&now);
	return r->ready.unfinished && !r->v->forced && !same;
}

/* Of a launcher and the program that it started the launcher always waits. */
bool
run_swallowed(const struct run *r)
{
	const struct ps_list *front = &r->facts.foreground;
	bool asked = false;
	size_t i;

	if (tty_unread(r->tty) > 0)
		return false;
	for (i = 0; i < front->n; i++) {
		if (front->v[i].piped || !run_is_agent(r, i))
			continue;
		asked = true;
		if (ps_waiting(front->v[i].pid) == PS_READING_NO)
			return false;
	}
	return asked || front->n == 0 ||
	    ps_waiting(front->v[0].pid) != PS_READING_NO;
}
