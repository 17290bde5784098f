/*
 * How a message gets into a composer without hitting a person.
 *
 *	look		one tmux call: formats and screen; then classify()
 *	paste		one tmux call: the body on stdin into a buffer; the
 *			server compares pane, modes, cursor and people with
 *			the look and pastes in the same turn, or deletes the
 *			buffer; a moment later, in the same call, it looks
 *	look ...	until the composer shows exactly the body, and then
 *			until the program's paste window has passed and its
 *			state may be as its screen is
 *	Enter		one tmux call, guarded again by the newest look; people
 *			must be as they were at the first; looks, too
 *	look ...	until the composer is empty or the program works;
 *			else Enter alone again, never the body
 *
 * A program that reacts at once and shows what it was given takes three tmux
 * calls.
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
#include "tty.h"

enum step {
	STEP_DONE,
	STEP_REFUSED,
	STEP_UNREACHED, /* nobody took the call: nothing happened */
	STEP_BROKEN,    /* it may have happened */
};

/* The answer to one guarded call: a word and, if all went well, a look. */
static enum step
run_answer(struct run *r, enum tmux_result result, struct buf *out,
    int64_t look_ms, struct err *e)
{
	char *line = out->data, *look = line;

	/* A user's own hooks may print something before it; behind the look's
	 * first line comes the screen. */
	for (; look != NULL; line = look) {
		look = strchr(line, '\n');
		if (look != NULL)
			*look++ = '\0';
		if (strstr(line, tmux_mark()) != NULL)
			break;
		if (str_eq(line, "not-now"))
			return STEP_REFUSED;
		if (!str_eq(line, "did-it"))
			continue;
		/* Where this look failed another one will say why. */
		r->fresh = result == TMUX_OK && look != NULL &&
		    run_look_read(r, look, NULL) == 0;
		if (r->fresh)
			r->v->waited += look_ms;
		return STEP_DONE;
	}
	if (result == TMUX_NO_SERVER)
		return STEP_UNREACHED;
	if (result == TMUX_OK)
		tmux_no_answer(&r->tmux, e);
	return STEP_BROKEN;
}

/* The server waits for us alone (run-shell -d, tmux 3.2). */
static void
run_wait_args(struct argv *args, int64_t ms, bool inside)
{
	argv_addf(args, "%s%lld.%03lld", inside ? "run-shell -d " : "",
	    (long long)(ms / 1000), (long long)(ms % 1000));
}

/* It waits `least` ms, and then, in steps that grow, until the cursor has moved
 * or `most` ms are over. A program that hides its cursor takes them all. */
static void
run_look_args(
    const struct run *r, struct argv *args, int64_t least, int64_t most)
{
	const struct pane_facts *f = &r->facts;
	int64_t step = 1, ms = least;

	if (least > 0) {
		argv_addl(args, ";", "run-shell", "-d", NULL);
		run_wait_args(args, least, false);
	}
	for (; ms < most; ms += step, step = ms - least) {
		if (step > most - ms)
			step = most - ms;
		argv_addl(
		    args, ";", "if-shell", "-F", "-t", r->d->ident.pane, NULL);
		argv_addf(args, "#{==:#{cursor_x} #{cursor_y},%u %u}",
		    f->cursor_x, f->cursor_y);
		run_wait_args(args, step, true);
	}
	argv_addl(args, ";", NULL);
	tmux_look_args(args, &r->d->ident);
}

/*
 * One guarded tmux call: `yes` runs if the guard holds, else `no`. Each branch
 * ends by printing a word, which alone proves that it ran. Then it waits and
 * looks, see run_look_args().
 */
static enum step
run_guarded(struct run *r, struct argv *args, const struct buf *guard,
    const char *yes, const char *no, const struct buf *in, int64_t least,
    int64_t most, struct err *e)
{
	struct buf out = BUF_INIT_MAX(TMUX_OUT_MAX);
	int64_t begun = clock_mono_ms();
	enum tmux_result result;
	enum step step;

	argv_addl(
	    args, "if-shell", "-F", "-t", r->d->ident.pane, guard->data, NULL);
	argv_addf(args, "%s ; display-message -p did-it", yes);
	argv_addf(args, "%s ; display-message -p not-now", no);
	run_look_args(r, args, least, most);
	r->v->calls++;
	r->fresh = false;
	result = tmux_call(&r->tmux, args, in->data, in->len, &out, e);
	/* Of a call that took less, part of it. */
	if (most > clock_mono_ms() - begun)
		most = clock_mono_ms() - begun;
	step = run_answer(r, result, &out, most, e);
	buf_free(&out);
	return step;
}

/* The next look: the one behind the paste or Enter, or a new one, after a nap
 * that grows. */
static int
run_look_next(struct run *r, int64_t *nap, int64_t deadline, struct err *e)
{
	if (r->fresh) {
		r->fresh = false;
		return 0;
	}
	clock_nap(*nap, deadline);
	*nap = run_next_nap(*nap);
	return run_look(r, e);
}

static int64_t
run_paste_ms(const struct run *r)
{
	return r->ready.profile == NULL ? 0 : r->ready.profile->paste_ms;
}

/* How long the server waits before it looks, at most. */
static int64_t
run_look_ms(int64_t expected, int64_t most)
{
	if (expected < DELIVER_NAP_MIN_MS)
		return DELIVER_NAP_MIN_MS;
	return expected > most ? most : expected;
}

/* A guarded call that pastes `in`; see run_guarded(). `how`: flags for
 * paste-buffer. */
static enum step
run_paste(struct run *r, const char *how, const struct buf *guard,
    const struct buf *in, int64_t least, int64_t most, struct err *e)
{
	struct argv args = ARGV_INIT;
	char *yes, *no, *name;
	enum step step;

	name = x_asprintf(TMUX_BUFFER_PREFIX "%s", r->d->id);
	yes = x_asprintf(
	    "paste-buffer %s -b %s -t %s", how, name, r->d->ident.pane);
	no = x_asprintf("delete-buffer -b %s", name);
	argv_addl(&args, "load-buffer", "-b", name, "-", ";", NULL);
	step = run_guarded(r, &args, guard, yes, no, in, least, most, e);
	if (step == STEP_BROKEN) {
		/* Our body does not stay behind in the server. */
		argv_free(&args);
		argv_addl(&args, "delete-buffer", "-b", name, NULL);
		(void)tmux_call(&r->tmux, &args, NULL, 0, NULL, NULL);
	}
	argv_free(&args);
	x_free(name);
	x_free(yes);
	x_free(no);
	return step;
}

/* The pane is still what the newest look saw. A cursor that the program draws
 * itself tells nothing of a dialog; then the composer's glyph does. */
static void
run_guard(const struct run *r, struct buf *out)
{
	const struct readiness *ready = &r->ready;

	if (r->v->forced)
		guard_build(out, &r->facts, 0, NULL, 0);
	else
		guard_build(out, &r->facts, GUARD_CURSOR | GUARD_PEOPLE,
		    ready->guard[0] == '\0' ? NULL : ready->guard,
		    ready->guard_row);
}

/* Paste r->text if the pane is still what the look saw. */
static enum step
run_paste_text(struct run *r, struct err *e)
{
	/* A paste window must pass anyway. */
	int64_t window = run_paste_ms(r);
	int64_t look_ms = run_look_ms(window, DELIVER_LOOK_MAX_MS);
	struct buf guard = BUF_INIT;
	enum step step;

	run_guard(r, &guard);
	step = run_paste(r, "-p -r -d", &guard, &r->text,
	    window < look_ms ? window : look_ms, look_ms, e);
	buf_free(&guard);
	return step;
}

/*
 * Press Enter if nothing changed since the newest look. It is pasted, too: not
 * framed, and tmux makes a carriage return of a newline. From tmux 3.7 on
 * send-keys fails where the client that was active last is read-only.
 */
static enum step
run_enter(struct run *r, struct err *e)
{
	int64_t look_ms = run_look_ms(r->echo_ms, DELIVER_NAP_MAX_MS);
	struct buf guard = BUF_INIT, enter = BUF_INIT;
	enum step step;

	buf_addc(&enter, '\n');
	run_guard(r, &guard);
	run_keep_row(r);
	/* It takes about what the text took. Not sooner: a program that
	 * swallows Enter may empty its composer for a moment while it draws
	 * anew, and the cursor moves then. */
	step = run_paste(r, "-d", &guard, &enter, look_ms, look_ms, e);
	buf_free(&guard);
	buf_free(&enter);
	return step;
}

static enum exit_code
run_broken(struct run *r, const struct err *e)
{
	return run_verdict(r, EXIT_UNPROVEN, "indeterminate",
	    "it may have been typed, not sent again: %s", e->msg);
}

/* Count what was waited for the program; a look behind a paste or Enter began
 * before we waited. */
static void
run_waited(struct run *r, int64_t from, int64_t to)
{
	if (to > from)
		r->v->waited += to - from;
}

/* Look until the program shows the text. EXIT_OK, or the verdict. */
static enum exit_code
run_watch_text(struct run *r, enum classify_way way, int64_t pasted)
{
	bool at_once = r->fresh;
	int64_t deadline = clock_deadline(DELIVER_ECHO_MS), nap = 0;
	int64_t slow = clock_deadline(DELIVER_SLOW_MS);
	enum classify_holds holds;
	struct err e;

	for (;;) {
		if (run_look_next(r, &nap, slow, &e) != 0)
			return run_broken(r, &e);
		if (!str_eq(r->facts.people, r->people) && !r->v->forced)
			return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
			    "somebody pressed a key after it was pasted, or "
			    "went there: Enter was not pressed");
		holds = run_holds(r, way);
		if (run_stands(r, way, holds))
			break;
		at_once = false;
		if (run_gone(r))
			return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
			    "it was pasted, then: %s", r->ready.reason);
		/* One that shows none of it yet has not read it: it waits in
		 * the terminal. */
		if (clock_left(deadline) == 0 &&
		    (holds != CLASSIFY_HOLDS_NOTHING || r->v->forced ||
			clock_left(slow) == 0)) {
			if (r->v->forced && !run_diverted(r, way))
				break;
			if (r->ready.state == CLASSIFY_MODAL)
				return run_verdict(r, EXIT_UNPROVEN,
				    "unsubmitted", "it was pasted, then: %s",
				    r->ready.reason);
			/* Should the program end, its shell would read it. */
			if (holds == CLASSIFY_HOLDS_NOTHING && !r->v->forced &&
			    tty_take_back(r->tty, r->text.len))
				return run_verdict(r, EXIT_UNPROVEN,
				    "unsubmitted",
				    "the program does not read its terminal: "
				    "what was pasted was taken back");
			return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
			    "it was pasted, but the program does not show "
			    "exactly this text: Enter was not pressed");
		}
	}
	r->end_x = r->facts.cursor_x;
	r->end_y = r->facts.cursor_y;
	if (r->shown_at == 0) {
		r->shown_at = r->looked_at;
		r->echo_ms = at_once ? 0 : r->shown_at - pasted;
	}
	return EXIT_OK;
}

/* When Enter may be pressed. The program's paste window begins with the paste.
 * And one that just showed the text may not have its state behind it: Claude
 * Code 2.1.55, slow, made a line of an Enter at that moment and lost the text.
 * How long that takes goes by how long showing it took. */
static int64_t
run_enter_at(const struct run *r, int64_t pasted)
{
	int64_t window = pasted + run_paste_ms(r);
	int64_t gap = run_paste_ms(r) / 3;

	if (r->echo_ms / 2 > gap)
		gap = r->echo_ms / 2;
	if (gap > DELIVER_GAP_MAX_MS)
		gap = DELIVER_GAP_MAX_MS;
	return window > r->shown_at + gap ? window : r->shown_at + gap;
}

/* Look until the program shows the text, and wait until Enter may be pressed.
 * EXIT_OK, or the verdict. */
static enum exit_code
run_await_text(struct run *r, enum classify_way way, int64_t pasted)
{
	int64_t begun = clock_mono_ms();
	enum exit_code code;

	code = run_watch_text(r, way, pasted);
	run_waited(r, begun, r->looked_at);
	if (code != EXIT_OK)
		return code;
	begun = clock_mono_ms();
	clock_nap(
	    run_enter_at(r, pasted) - begun, clock_deadline(DELIVER_ECHO_MS));
	run_waited(r, begun, clock_mono_ms());
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

/* A line was taken by what reads lines. A shell may want more of it: the next
 * look tells, once there was time to ask for it. */
static enum exit_code
run_line_taken(struct run *r, int64_t entered, int64_t deadline)
{
	int64_t nap = DELIVER_STEADY_MS;

	if (r->profile != NULL && r->profile->continuation.n > 0 &&
	    !r->v->forced && !run_unfinished(r))
		(void)run_look_next(r, &nap, deadline, NULL);
	if (run_unfinished(r))
		return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
		    "Enter was pressed, and %s waits for the rest of an entry: "
		    "a quote, a block or a line is not closed",
		    r->profile == NULL ? "it" : r->profile->label);
	return run_submitted(r, entered, "line taken");
}

/* Look until Enter had its effect. EXIT_OK: submitted. EXIT_TIMEOUT: the text
 * still stands there, unchanged. Else the verdict. */
static enum exit_code
run_watch_submit(struct run *r, enum classify_way way, int64_t entered)
{
	int64_t deadline = clock_deadline(DELIVER_SUBMIT_MS), nap = 0;
	int64_t slow = clock_deadline(DELIVER_SLOW_MS);
	enum classify_holds holds;
	bool swallowed;
	struct err e;

	for (;;) {
		if (run_look_next(r, &nap, slow, &e) != 0) {
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
			if (run_emptied(r, holds))
				return run_submitted(
				    r, entered, "composer emptied");
			if (r->empty_since != 0)
				nap = DELIVER_STEADY_MS;
			if (holds != CLASSIFY_HOLDS_EXACT &&
			    r->ready.state == CLASSIFY_BUSY &&
			    r->ready.composer_empty && run_same(r))
				return run_submitted(
				    r, entered, "program started");
			if (run_dialog(r, holds) && clock_left(deadline) == 0)
				return run_submitted(
				    r, entered, "program opened a dialog");
		} else if ((holds == CLASSIFY_HOLDS_OTHER ||
			       r->facts.cursor_x != r->end_x ||
			       r->facts.cursor_y != r->end_y) &&
		    (r->v->queued || tty_unread(r->tty) == 0)) {
			/* The program may print the same line again. */
			return run_line_taken(r, entered, slow);
		}
		swallowed = clock_left(deadline) == 0 && run_swallowed(r);
		if (clock_left(deadline) == 0 &&
		    (clock_left(slow) == 0 || swallowed ||
			!str_eq(r->facts.people, r->people)))
			break;
	}
	if (run_stands(r, way, holds)) {
		/* What somebody typed may not be shown yet. */
		if (!str_eq(r->facts.people, r->people) && !r->v->forced)
			return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
			    "the program did not take Enter, and somebody "
			    "pressed a key since: it was not pressed again");
		if (swallowed)
			return EXIT_TIMEOUT;
		if (tty_unread(r->tty) == 0)
			return run_verdict(r, EXIT_UNPROVEN, "indeterminate",
			    "Enter was pressed and read, but the program does "
			    "something else: it was not pressed again");
	}
	if (tty_unread(r->tty) > 0)
		return run_verdict(r, EXIT_UNPROVEN, "indeterminate",
		    "Enter was pressed, but the program does not read its "
		    "terminal");
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

	run_waited(r, begun, r->looked_at);
	return code;
}

/* The server refused Enter: the program redrew, or somebody came. An Enter that
 * went before may have been taken by now; before the first, the text has to be
 * seen again. EXIT_TIMEOUT: Enter may be pressed. Else the verdict. */
static enum exit_code
run_look_again(
    struct run *r, enum classify_way way, int64_t pasted, int64_t entered)
{
	enum exit_code code;

	if (r->enters > 0)
		return run_await_submit(r, way, entered);
	code = run_await_text(r, way, pasted);
	return code == EXIT_OK ? EXIT_TIMEOUT : code;
}

/* From the pasted text to the verdict. */
static enum exit_code
run_submit(struct run *r, enum classify_way way, int64_t pasted)
{
	unsigned refused = 0;
	enum exit_code code;
	int64_t entered = 0, now;
	struct err e;

	code = run_await_text(r, way, pasted);
	if (code != EXIT_OK)
		return code;
	while (r->enters < DELIVER_ENTERS_MAX && refused <= DELIVER_TRIES_MAX) {
		now = clock_mono_ms();
		switch (run_enter(r, &e)) {
		case STEP_DONE:
			r->enters++;
			entered = now;
			code = run_await_submit(r, way, entered);
			break;
		case STEP_REFUSED:
			refused++;
			code = run_look_again(r, way, pasted, entered);
			break;
		case STEP_UNREACHED:
		case STEP_BROKEN:
			return run_broken(r, &e);
		}
		if (code != EXIT_TIMEOUT)
			return code;
	}
	if (r->enters == 0)
		return run_verdict(r, EXIT_UNPROVEN, "unsubmitted",
		    "it was pasted, but the pane does not come to rest: Enter "
		    "was not pressed");
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
	r->idle = r->ready.state == CLASSIFY_IDLE;
	r->start_x = r->facts.cursor_x;
	run_keep_prompt(r);
	r->shown_at = 0;
	run_know(r);
	switch (run_paste_text(r, &e)) {
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
