/*
 * How a message gets into a composer without hitting a person.
 *
 *	look		one tmux call: formats and screen; then classify()
 *	paste		one tmux call: the body on stdin into a buffer; the
 *			server compares pane, modes, cursor and people with
 *			the look and pastes in the same turn, or deletes the
 *			buffer
 *	look ...	until the composer shows exactly the body and the
 *			program's paste window has passed
 *	Enter		one tmux call, guarded again by the newest look; people
 *			must be as they were at the first
 *	look ...	until the composer is empty or the program works;
 *			else Enter alone again, never the body
 *
 * A key that somebody presses changes session_activity before the program
 * sees it, so a guard that compares it cannot miss one. Between paste and
 * Enter a person may type into our text: then it is not exactly ours, Enter is
 * not pressed, and the verdict says so. The lock on the pane's terminal keeps
 * other senders away; the kernel drops it when we die.
 *
 * After the paste may have happened, nothing leads back to pasting: a broken
 * call is "indeterminate".
 */
#include "deliver_run.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "guard.h"
#include "mem.h"
#include "str.h"

enum step {
	STEP_DONE,
	STEP_REFUSED,
	STEP_UNREACHED, /* nobody took the call: nothing happened */
	STEP_BROKEN,    /* it may have happened */
};

/*
 * One guarded tmux call: `yes` runs if the guard holds, else `no`. Each branch
 * ends by printing a word, which alone proves that it ran.
 */
static enum step
run_guarded(struct run *r, struct argv *args, const struct buf *guard,
    const char *yes, const char *no, const struct buf *in, struct err *e)
{
	struct buf out = BUF_INIT_MAX(4096);
	enum step step = STEP_BROKEN;
	enum tmux_result result;

	argv_addl(
	    args, "if-shell", "-F", "-t", r->d->ident.pane, guard->data, NULL);
	argv_addf(args, "%s ; display-message -p did-it", yes);
	argv_addf(args, "%s%sdisplay-message -p not-now", no == NULL ? "" : no,
	    no == NULL ? "" : " ; ");
	r->v->calls++;
	result = tmux_call(&r->tmux, args, in == NULL ? NULL : in->data,
	    in == NULL ? 0 : in->len, &out, e);
	if (result == TMUX_OK && strstr(out.data, "did-it") != NULL)
		step = STEP_DONE;
	else if (result == TMUX_OK && strstr(out.data, "not-now") != NULL)
		step = STEP_REFUSED;
	else if (result == TMUX_NO_SERVER)
		step = STEP_UNREACHED;
	else if (result == TMUX_OK)
		tmux_no_answer(&r->tmux, e);
	buf_free(&out);
	return step;
}

/* Paste r->text if the pane is still what the look saw. */
static enum step
run_paste(struct run *r, struct err *e)
{
	unsigned parts = r->v->forced ? 0 : GUARD_CURSOR | GUARD_PEOPLE;
	const struct readiness *ready = &r->ready;
	struct buf guard = BUF_INIT;
	struct argv args = ARGV_INIT;
	char *yes, *no, *name;
	enum step step;

	name = x_asprintf(TMUX_BUFFER_PREFIX "%s", r->d->id);
	yes = x_asprintf(
	    "paste-buffer -p -r -d -b %s -t %s", name, r->d->ident.pane);
	no = x_asprintf("delete-buffer -b %s", name);
	guard_build(&guard, &r->facts, parts,
	    ready->guard[0] != '\0' && !r->v->forced ? ready->guard : NULL,
	    ready->guard_row);
	argv_addl(&args, "load-buffer", "-b", name, "-", ";", NULL);
	step = run_guarded(r, &args, &guard, yes, no, &r->text, e);
	if (step == STEP_BROKEN) {
		/* Our body does not stay behind in the server. */
		argv_free(&args);
		argv_addl(&args, "delete-buffer", "-b", name, NULL);
		(void)tmux_call(&r->tmux, &args, NULL, 0, NULL, NULL);
	}
	argv_free(&args);
	buf_free(&guard);
	x_free(name);
	x_free(yes);
	x_free(no);
	return step;
}

/* Press Enter if nothing changed since the newest look. */
static enum step
run_enter(struct run *r, struct err *e)
{
	unsigned parts = r->v->forced ? 0 : GUARD_CURSOR | GUARD_PEOPLE;
	struct buf guard = BUF_INIT;
	struct argv args = ARGV_INIT;
	char *yes;
	enum step step;

	yes = x_asprintf("send-keys -t %s Enter", r->d->ident.pane);
	guard_build(&guard, &r->facts, parts, NULL, 0);
	step = run_guarded(r, &args, &guard, yes, NULL, NULL, e);
	argv_free(&args);
	buf_free(&guard);
	x_free(yes);
	return step;
}

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

static enum classify_holds
run_holds(const struct run *r, enum classify_way way)
{
	if (way == CLASSIFY_WAY_COMPOSE)
		return classify_composer_holds(
		    &r->screen, &r->ready, r->text.data, r->text.len);
	return run_line_holds(r);
}

/* A program that left its input after the paste. A dialog is no such sign by
 * itself: half drawn, a composer with our text in it looks like one. */
static bool
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
		return false;
	}
}

/* A composer holds the text, but Enter would do something else with it: it is
 * in a mode that runs commands, or a menu is open below. */
static bool
run_diverted(const struct run *r, enum classify_way way)
{
	return way == CLASSIFY_WAY_COMPOSE && r->ready.state == CLASSIFY_MODAL;
}

/* Our text stands in the composer, and Enter would submit it. */
static bool
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

static enum exit_code
run_broken(struct run *r, const struct err *e)
{
	return run_verdict(r, EXIT_UNPROVEN, "indeterminate",
	    "it may have been typed, not sent again: %s", e->msg);
}

/* Look until the program shows the text. EXIT_OK, or the verdict. */
static enum exit_code
run_watch_text(struct run *r, enum classify_way way)
{
	int64_t deadline = clock_deadline(DELIVER_ECHO_MS), nap = 0;
	int64_t slow = clock_deadline(DELIVER_SLOW_MS);
	enum classify_holds holds;
	struct err e;

	for (;;) {
		clock_nap(nap, slow);
		if (run_look(r, &e) != 0)
			return run_broken(r, &e);
		if (!str_eq(r->facts.people, r->people) && !r->v->forced)
			return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
			    "somebody pressed a key after it was pasted: Enter "
			    "was not pressed");
		holds = run_holds(r, way);
		if (run_stands(r, way, holds))
			break;
		if (run_gone(r))
			return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
			    "it was pasted, then: %s", r->ready.reason);
		/* One that shows none of it yet has not read it: it waits in
		 * the terminal, and cannot be taken back. */
		if (clock_left(deadline) == 0 &&
		    (holds != CLASSIFY_HOLDS_NOTHING || r->v->forced ||
			clock_left(slow) == 0)) {
			if (r->v->forced && !run_diverted(r, way))
				break;
			if (r->ready.state == CLASSIFY_MODAL)
				return run_verdict(r, EXIT_UNPROVEN,
				    "unsubmitted", "it was pasted, then: %s",
				    r->ready.reason);
			return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
			    "it was pasted, but the program does not show "
			    "exactly this text: Enter was not pressed");
		}
		nap = run_next_nap(nap);
	}
	r->end_x = r->facts.cursor_x;
	r->end_y = r->facts.cursor_y;
	return EXIT_OK;
}

/* The same, and then until the program's paste window, which begins with the
 * paste, is over. */
static enum exit_code
run_await_text(struct run *r, enum classify_way way, int64_t pasted)
{
	int64_t begun = clock_mono_ms();
	enum exit_code code;
	unsigned paste_ms =
	    r->ready.profile == NULL ? 0 : r->ready.profile->paste_ms;

	code = run_watch_text(r, way);
	r->v->waited += r->looked_at - begun;
	if (code != EXIT_OK)
		return code;
	begun = clock_mono_ms();
	clock_nap(pasted + paste_ms - begun, clock_deadline(DELIVER_ECHO_MS));
	r->v->waited += clock_mono_ms() - begun;
	return EXIT_OK;
}

static enum exit_code
run_submitted(struct run *r, int64_t entered, const char *evidence)
{
	const char *label =
	    r->ready.profile == NULL ? "" : r->ready.profile->label;
	char enters[32] = "";

	if (r->enters > 1)
		(void)snprintf(
		    enters, sizeof(enters), " of Enter %u", r->enters);
	return run_verdict(r, EXIT_OK, "submitted",
	    "%s%s%s%s after %lld ms%s%s", label, label[0] == '\0' ? "" : ": ",
	    evidence, enters, (long long)(clock_mono_ms() - entered),
	    r->v->queued ? "; it works, and takes it up after its turn" : "",
	    r->v->forced ? "; forced" : "");
}

/* Look until Enter had its effect. EXIT_OK: submitted. EXIT_TIMEOUT: the text
 * still stands there, unchanged. Else the verdict. */
static enum exit_code
run_watch_submit(struct run *r, enum classify_way way, int64_t entered)
{
	int64_t deadline = clock_deadline(DELIVER_SUBMIT_MS), nap = 0;
	enum classify_holds holds;
	struct err e;

	for (;;) {
		clock_nap(nap, deadline);
		if (run_look(r, &e) != 0) {
			/* It may have ended because of what it was told. */
			return run_verdict(r, EXIT_UNPROVEN, "indeterminate",
			    "Enter was pressed, then: %s", e.msg);
		}
		holds = run_holds(r, way);
		if (way == CLASSIFY_WAY_COMPOSE) {
			/* Had Enter been swallowed, a person's own could have
			 * sent it since, with what he typed. */
			if ((holds == CLASSIFY_HOLDS_NOTHING ||
				holds == CLASSIFY_HOLDS_FOREIGN) &&
			    !r->v->forced &&
			    !str_eq(r->facts.people, r->people))
				return run_verdict(r, EXIT_UNPROVEN,
				    "indeterminate",
				    "Enter was pressed, and the text is gone "
				    "from the composer; but somebody pressed a "
				    "key there at that moment");
			if (holds == CLASSIFY_HOLDS_NOTHING)
				return run_submitted(
				    r, entered, "composer emptied");
			if (holds != CLASSIFY_HOLDS_EXACT &&
			    r->ready.state == CLASSIFY_BUSY &&
			    r->ready.composer_empty)
				return run_submitted(
				    r, entered, "program started");
			if (!r->ready.composer.found &&
			    holds != CLASSIFY_HOLDS_TAIL &&
			    (r->ready.state == CLASSIFY_MODAL || run_gone(r)) &&
			    clock_left(deadline) == 0)
				return run_submitted(
				    r, entered, "program opened a dialog");
		} else if (holds == CLASSIFY_HOLDS_OTHER ||
		    r->facts.cursor_x != r->end_x ||
		    r->facts.cursor_y != r->end_y) {
			/* The program may print the same line again. */
			return run_submitted(r, entered, "line taken");
		}
		if (clock_left(deadline) == 0)
			break;
		nap = run_next_nap(nap);
	}
	if (run_stands(r, way, holds))
		return EXIT_TIMEOUT;
	return run_verdict(r, EXIT_UNPROVEN, "indeterminate",
	    "Enter was pressed, but neither an empty composer nor the text is "
	    "seen: %s",
	    r->ready.reason);
}

static enum exit_code
run_await_submit(struct run *r, enum classify_way way, int64_t entered)
{
	int64_t begun = clock_mono_ms();
	enum exit_code code = run_watch_submit(r, way, entered);

	r->v->waited += r->looked_at - begun;
	return code;
}

/* From the pasted text to the verdict. */
static enum exit_code
run_submit(struct run *r, enum classify_way way, int64_t pasted)
{
	unsigned refused = 0;
	enum exit_code code;
	int64_t entered;
	struct err e;

	code = run_await_text(r, way, pasted);
	if (code != EXIT_OK)
		return code;
	while (r->enters < DELIVER_ENTERS_MAX) {
		entered = clock_mono_ms();
		switch (run_enter(r, &e)) {
		case STEP_DONE:
			r->enters++;
			code = run_await_submit(r, way, entered);
			if (code != EXIT_TIMEOUT)
				return code;
			break;
		case STEP_REFUSED:
			/* The program redrew, or somebody came: look again. */
			if (++refused > DELIVER_TRIES_MAX)
				return run_verdict(r, EXIT_UNPROVEN,
				    "unsubmitted",
				    "it was pasted, but the pane does not come "
				    "to rest: Enter was not pressed");
			code = run_await_text(r, way, pasted);
			if (code != EXIT_OK)
				return code;
			break;
		case STEP_UNREACHED:
		case STEP_BROKEN:
			return run_broken(r, &e);
		}
	}
	return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
	    "the program did not take Enter %u times; the text stands in its "
	    "composer",
	    r->enters);
}

enum exit_code
run_type(struct run *r, enum classify_way way)
{
	int64_t pasted = clock_mono_ms();
	struct err e;

	memcpy(r->people, r->facts.people, sizeof(r->people));
	r->start_x = r->facts.cursor_x;
	switch (run_paste(r, &e)) {
	case STEP_DONE:
		return run_submit(r, way, pasted);
	case STEP_REFUSED:
		return EXIT_TIMEOUT;
	case STEP_UNREACHED:
		return run_verdict(
		    r, EXIT_WIRE, "failed", "nothing was typed: %s", e.msg);
	case STEP_BROKEN:
		break;
	}
	return run_broken(r, &e);
}
