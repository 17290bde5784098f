#include "deliver_run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "body.h"
#include "clock.h"
#include "drop.h"
#include "mem.h"
#include "path.h"
#include "show.h"
#include "str.h"

enum exit_code
run_verdict(
    struct run *r, enum exit_code code, const char *word, const char *fmt, ...)
{
	va_list ap;

	r->v->code = code;
	r->v->word = word;
	va_start(ap, fmt);
	if (vsnprintf(r->v->why, sizeof(r->v->why), fmt, ap) < 0)
		r->v->why[0] = '\0';
	va_end(ap);
	return code;
}

void
run_about(const struct run *r, char out[RING_TEXT_MAX + 1])
{
	const char *file = r->spilled == NULL ? "" : r->spilled;

	ring_self(out, "from %s to %s%s%s", r->d->sender, r->d->ident.pane,
	    file[0] == '\0' ? "" : RING_FILE, file);
}

int
run_record(struct run *r, const char *word, enum exit_code code, struct err *e)
{
	struct ring_entry entry = { .code = code };

	if (r->d->ring == NULL)
		return 0;
	(void)snprintf(entry.verdict, sizeof(entry.verdict), "%s", word);
	if (str_eq(word, RING_STARTED) || str_eq(word, RING_ACCEPTED))
		run_about(r, entry.text);
	else
		(void)snprintf(entry.text, sizeof(entry.text), "%.*s",
		    RING_TEXT_MAX, r->v->why);
	return ring_put(r->d->ring, r->d->id, &entry, e);
}

void
run_forget(struct run *r)
{
	if (!r->looked)
		return;
	pane_facts_free(&r->facts);
	screen_free(&r->screen);
	classify_free(&r->ready);
	buf_reset(&r->cells);
	r->looked = false;
}

/* Make room for a look that begins now. */
static void
run_look_begin(struct run *r)
{
	run_forget(r);
	memset(&r->screen, 0, sizeof(r->screen));
	memset(&r->ready, 0, sizeof(r->ready));
	r->looked = true;
	r->looked_at = clock_mono_ms();
}

static int
run_look_judge(struct run *r, struct err *e)
{
	if (screen_parse(&r->screen, r->cells.data, r->cells.len,
		r->facts.width, r->facts.height, e) != 0)
		return -1;
	return classify(&r->facts, &r->screen, r->d->profiles, &r->ready);
}

int
run_look(struct run *r, struct err *e)
{
	run_look_begin(r);
	r->v->calls++;
	if (tmux_look(&r->tmux, &r->d->ident, &r->facts, &r->cells, e) != 0)
		return -1;
	return run_look_judge(r, e);
}

int
run_look_read(struct run *r, char *answer, struct err *e)
{
	run_look_begin(r);
	if (tmux_look_read(
		&r->tmux, &r->d->ident, answer, &r->facts, &r->cells, e) != 0)
		return -1;
	return run_look_judge(r, e);
}

int64_t
run_next_nap(int64_t nap)
{
	if (nap == 0)
		return DELIVER_NAP_MIN_MS;
	return nap * 2 > DELIVER_NAP_MAX_MS ? DELIVER_NAP_MAX_MS : nap * 2;
}

/* What stands behind the body. A shell would run it too. */
static void
run_tail(struct run *r, enum classify_way way)
{
	bool run = way != CLASSIFY_WAY_SHOW &&
	    (r->d->type || str_eq(r->facts.shell_way, "type"));

	if (r->d->tail != NULL && !run)
		buf_addf(&r->text, " %s", r->d->tail);
}

/* The body as a pointer to a file with all of it. */
static int
run_spill(struct run *r, enum classify_way way, struct err *e)
{
	const struct deliver *d = r->d;
	char *name, *shown;

	/* Once, however often the server refuses the paste. */
	if (r->spilled == NULL) {
		name = x_asprintf("message-%s.txt", d->id);
		/* Known before it stands there, should we be killed. */
		r->spilled = x_asprintf("%s/%s/%s", d->inbox, d->folder, name);
		(void)run_record(r, RING_ACCEPTED, EXIT_UNPROVEN, NULL);
		X_CLEAR(r->spilled);
		(void)drop_bytes(d->inbox, d->folder, name, d->body, d->len,
		    d->inbox_max, &r->spilled, e);
		x_free(name);
		if (r->spilled == NULL)
			return -1;
	}
	shown = path_show(r->spilled);
	buf_reset(&r->text);
	body_tag(&r->text, d->sender, d->note, clock_real_ms());
	buf_addf(&r->text, "message too long to show: %s (%zu bytes)", shown,
	    d->len);
	run_tail(r, way);
	x_free(shown);
	return 0;
}

/* How it is written, and how much of it the program takes. */
static enum body_form
run_form(const struct run *r, enum classify_way way, size_t *bytes)
{
	const struct profile *profile = r->ready.profile;
	enum body_form form = BODY_FOLDED;

	*bytes = BODY_INLINE_MAX;
	if (profile != NULL && profile->inline_bytes > 0)
		*bytes = profile->inline_bytes;
	if (way == CLASSIFY_WAY_SHOW)
		return BODY_LINES;
	if (profile != NULL && profile->paste == PROFILE_YES &&
	    r->facts.bracketed != 0)
		form = BODY_LINES;
	if ((r->facts.modes_tty.canonical || form == BODY_FOLDED) &&
	    *bytes > BODY_COOKED_MAX)
		*bytes = BODY_COOKED_MAX;
	return form;
}

/* The whole of it in r->text. */
static int
run_whole(struct run *r, enum classify_way way, enum body_form form, bool tail,
    struct err *e)
{
	struct buf expanded = BUF_INIT;

	buf_reset(&r->text);
	body_tag(&r->text, r->d->sender, r->d->note, clock_real_ms());
	if (body_clean(&r->text, r->d->body, r->d->len, form, e) != 0)
		return -1;
	if (tail)
		run_tail(r, way);
	if (way == CLASSIFY_WAY_SHOW) {
		show_expand(&expanded, r->text.data, r->text.len);
		buf_reset(&r->text);
		buf_add(&r->text, expanded.data, expanded.len);
	}
	buf_free(&expanded);
	return 0;
}

/* Is there room for it above the prompt? Else it would push that away. */
static bool
run_room(const struct run *r, enum classify_way way)
{
	struct buf shown = BUF_INIT;
	unsigned rows;

	if (way != CLASSIFY_WAY_SHOW)
		return true;
	rows = show_bytes(&shown, r->text.data, r->text.len, r->facts.width, 0);
	buf_free(&shown);
	return rows <= show_room(r->facts.height, r->ready.prompt_rows);
}

/* Is r->text to be written there as it is? */
static bool
run_fits(const struct run *r, enum classify_way way, size_t bytes)
{
	const struct profile *profile = r->ready.profile;
	size_t lines = profile != NULL && profile->inline_lines > 0
	    ? profile->inline_lines
	    : BODY_LINES_MAX;

	return r->text.len <= bytes &&
	    body_lines(r->text.data, r->text.len) <= lines &&
	    run_room(r, way) &&
	    (way != CLASSIFY_WAY_COMPOSE ||
		!classify_framed(
		    &r->ready, r->facts.width, r->text.data, r->text.len));
}

int
run_text(struct run *r, enum classify_way way, struct err *e)
{
	bool tail = r->d->tail != NULL, fits;
	enum body_form form;
	size_t bytes;

	form = run_form(r, way, &bytes);
	for (;;) {
		if (run_whole(r, way, form, tail, e) != 0)
			return -1;
		fits = run_fits(r, way, bytes);
		if (fits || !tail || r->d->tail_needed)
			break;
		/* Rather the text than what to answer it by. */
		tail = false;
	}
	if (!fits && run_spill(r, way, e) != 0)
		return -1;
	if (!fits && !run_room(r, way))
		return err_set(e, EXIT_NOT_READY,
		    "the pane, of %u rows and %u columns, has no room for it "
		    "above the prompt",
		    r->facts.height, r->facts.width);
	/* A menu that opens on the last word would take the Enter. */
	if (way == CLASSIFY_WAY_COMPOSE &&
	    body_ends_open(
		r->text.data, r->text.len, r->ready.profile->completion_chars))
		buf_addc(&r->text, ' ');
	return 0;
}
