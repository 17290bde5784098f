#include "classify.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "classify_parts.h"
#include "str.h"

static const char *const state_names[] = {
	[CLASSIFY_IDLE] = "idle",
	[CLASSIFY_TYPED] = "typed",
	[CLASSIFY_BUSY] = "busy",
	[CLASSIFY_MODAL] = "modal",
	[CLASSIFY_PASSWORD] = "password",
	[CLASSIFY_SHELL_LEFT] = "shell-left",
	[CLASSIFY_REMOTE] = "remote",
	[CLASSIFY_COPY_MODE] = "copy-mode",
	[CLASSIFY_DEAD] = "dead",
	[CLASSIFY_UNKNOWN] = "unknown",
};

static const char *const way_names[] = {
	[CLASSIFY_WAY_NONE] = "none",
	[CLASSIFY_WAY_COMPOSE] = "compose",
	[CLASSIFY_WAY_LINE] = "line",
	[CLASSIFY_WAY_SHOW] = "show",
};

const char *
classify_state_name(enum classify_state state)
{
	return state < CLASSIFY_STATES ? state_names[state] : "unknown";
}

const char *
classify_way_name(enum classify_way way)
{
	return way_names[way];
}

void
classify_say(struct look *l, enum classify_state state, const char *fmt, ...)
{
	va_list ap;

	l->r->state = state;
	va_start(ap, fmt);
	(void)vsnprintf(l->r->reason, sizeof(l->r->reason), fmt, ap);
	va_end(ap);
}

void
classify_note(struct look *l, const char *fmt, ...)
{
	char line[CLASSIFY_REASON_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	argv_add(&l->r->evidence, line);
}

void
classify_row(const struct screen *screen, unsigned row, struct buf *out)
{
	screen_text(screen, row, screen_row_start(screen, row),
	    screen_row_end(screen, row), true, out);
}

const char *
classify_find(const struct screen *screen, const struct argv *words,
    unsigned from, unsigned to)
{
	struct buf text = BUF_INIT;
	const char *hit = NULL;

	for (; from < to && from < screen->rows && hit == NULL; from++) {
		buf_reset(&text);
		classify_row(screen, from, &text);
		if (text.len > 0)
			hit = profile_match_any(words, text.data);
	}
	buf_free(&text);
	return hit;
}

/* What tmux itself says. Returns whether that decides. */
static bool
judge_pane(struct look *l)
{
	const struct pane_facts *f = l->facts;

	if (f->dead)
		classify_say(l, CLASSIFY_DEAD, "the pane's process has ended");
	else if (f->modes > 0)
		classify_say(l, CLASSIFY_COPY_MODE,
		    "the pane is in copy mode or another mode of tmux");
	else if (f->input_off)
		classify_say(l, CLASSIFY_MODAL,
		    "the pane's input is switched off in tmux");
	else if (f->synchronized)
		classify_say(l, CLASSIFY_MODAL,
		    "the pane is synchronised: others would get it too");
	else
		return false;
	classify_note(l, "tmux: %s", l->r->reason);
	return true;
}

/* The cursor's row begins with a prompt that the profile names, if only for
 * the rest of an entry. */
static bool
at_named_prompt(const struct look *l)
{
	const struct pane_facts *f = l->facts;

	return classify_ps1_end(l, f->cursor_y, f->cursor_x) > 0 ||
	    classify_span(l->screen, f->cursor_y, 0, f->cursor_x,
		&l->profile->continuation);
}

/*
 * An interpreter is in front, and nobody knows of which script. Its REPL has a
 * prompt of its own, on the main screen, and never hides the cursor: else it is
 * a program, which its screen or its title may name.
 */
static void
judge_veiled(struct look *l, const struct profile_set *set,
    const struct profile_clues *clues)
{
	const struct pane_facts *f = l->facts;
	const struct profile *p = NULL;
	const char *row = NULL;
	size_t i;

	bool editor = !f->alternate && f->cursor_shown;

	if ((l->profile != NULL && l->profile->kind != PROFILE_REPL) ||
	    !profile_veiled(clues) ||
	    (editor && (l->profile == NULL || at_named_prompt(l))))
		return;
	for (i = set->n; p == NULL && i > 0; i--) {
		if (set->v[i - 1].kind == PROFILE_AGENT)
			row = classify_find(l->screen, &set->v[i - 1].screens,
			    0, l->screen->rows);
		p = row == NULL ? NULL : &set->v[i - 1];
	}
	/* Spinners in titles are much alike, and titles are left behind. */
	if (p == NULL && !editor)
		p = profile_by_title(set, f->title);
	if (p == NULL)
		return;
	l->profile = p;
	classify_note(l, "its %s tells that it is %s: %.80s",
	    row == NULL ? "title" : "screen", p->name,
	    row == NULL ? f->title : row);
}

/* The profile that the option names is not a shell's, but the option stays when
 * the program ends, and its shell is in front again. One that runs a loop of
 * `read` is what the option may mean; at its prompt it edits lines itself. */
static bool
outlived(const struct look *l, const struct profile_set *set)
{
	const struct pane_facts *f = l->facts;
	struct profile_clues clues = { &f->foreground, &f->lines, NULL, NULL };
	const struct profile *front;

	if (l->profile->kind == PROFILE_SHELL || f->foreground.n == 0)
		return false;
	front = profile_recognise(set, &clues, NULL, 0);
	return front != NULL && front->kind == PROFILE_SHELL &&
	    (front->cooked || !f->modes_tty.canonical ||
		f->reading == PS_READING_NO);
}

/* Who is in front? Returns whether the answer ends the matter. */
static bool
judge_program(struct look *l, const struct profile_set *set)
{
	const struct pane_facts *f = l->facts;
	struct profile_clues clues = { &f->foreground, &f->lines, f->command,
		f->title };
	char why[CLASSIFY_REASON_MAX] = "";

	if (f->profile[0] != '\0') {
		l->profile = profile_find(set, f->profile);
		classify_note(l, "option @agent-profile: %.80s", f->profile);
		if (l->profile == NULL) {
			classify_say(l, CLASSIFY_UNKNOWN,
			    "@agent-profile names no known profile: %.80s",
			    f->profile);
			return true;
		}
		if (outlived(l, set)) {
			classify_note(l, "process in front: a shell");
			classify_say(l, CLASSIFY_SHELL_LEFT,
			    "@agent-profile says %.64s, but a shell is in "
			    "front and would run the message",
			    l->profile->name);
			return true;
		}
	} else {
		l->profile = profile_recognise(set, &clues, why, sizeof(why));
		if (why[0] != '\0')
			classify_note(l, "%s", why);
		judge_veiled(l, set, &clues);
	}
	l->r->profile = l->profile;
	return false;
}

/* Without the terminal's modes, words at the cursor have to do. */
static bool
asks_password(const struct look *l)
{
	static const char *const words[] = { "*assword*:", "*assphrase*:",
		"*PIN*:", "*asscode*:", "*erification code*:" };
	struct buf row = BUF_INIT;
	bool hit = false;
	size_t i;

	screen_text(l->screen, l->r->cursor_y, 0, l->r->cursor_x, true, &row);
	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		hit |= str_glob(words[i], row.data);
	buf_free(&row);
	return hit;
}

/* What the line discipline says. Returns whether that decides. */
static bool
judge_tty(struct look *l)
{
	const struct tty_modes *t = &l->facts->modes_tty;

	if (t->known && t->canonical && !t->echo) {
		classify_note(l, "terminal: lines without echo");
		classify_say(
		    l, CLASSIFY_PASSWORD, "something asks for a password");
		return true;
	}
	if (!t->known && asks_password(l)) {
		classify_note(l, "words: the cursor's row asks for a secret");
		classify_say(l, CLASSIFY_PASSWORD,
		    "something seems to ask for a password");
		return true;
	}
	return false;
}

/* The row the cursor is on shows something left of it. */
static bool
row_unfinished(const struct look *l)
{
	return !screen_row_blank(l->screen, l->r->cursor_y, 0, l->r->cursor_x);
}

/*
 * A program nobody knows that edits lines: its prompt ends as prompts do, is
 * long enough to be no pointer of a menu, and began a row with a command
 * further up. Menus hide the cursor or fill the screen.
 */
static bool
judge_editor(struct look *l, const struct profile_set *set, const char *name)
{
	const struct pane_facts *f = l->facts;
	unsigned end;

	l->profile = profile_find(set, "console");
	if (l->profile == NULL || f->agent_seen || f->alternate ||
	    !f->cursor_shown ||
	    (f->foreground.n > 0 && f->foreground.v[0].foreign) ||
	    !f->modes_tty.known || f->modes_tty.canonical || f->modes_tty.echo)
		goto none;
	end = classify_ps1_end(l, f->cursor_y, f->cursor_x);
	if (end == 0 || !classify_ps1_long(l->screen, f->cursor_y, end) ||
	    !classify_ps1_seen(l, f->cursor_y, end))
		goto none;
	classify_note(l,
	    "program: %.64s is not known, its prompt was seen "
	    "above",
	    name);
	l->r->profile = l->profile;
	classify_prompt(l);
	return true;
none:
	l->profile = NULL;
	return false;
}

/* A program nobody knows. */
static void
judge_unknown(struct look *l, const struct profile_set *set)
{
	const struct pane_facts *f = l->facts;
	const char *name =
	    f->foreground.n > 0 ? f->foreground.v[0].comm : f->command;

	if (judge_editor(l, set, name))
		return;

	if (f->alternate)
		classify_say(l, CLASSIFY_MODAL,
		    "%.64s fills the screen and takes keys as commands", name);
	else if (!f->modes_tty.known || !f->modes_tty.canonical)
		classify_say(l, CLASSIFY_UNKNOWN,
		    "no profile knows %.64s, nor what it does with keys", name);
	else if (f->reading == PS_READING_NO && !row_unfinished(l))
		classify_say(l, CLASSIFY_BUSY, "%.64s is running", name);
	else if (row_unfinished(l))
		classify_say(l, CLASSIFY_MODAL,
		    "%.64s may wait for an answer on its last row", name);
	else if (f->reading == PS_READING_YES)
		classify_say(l, CLASSIFY_MODAL,
		    "%.64s reads input; if it may have ours, set "
		    "@agent-profile lines",
		    name);
	else
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%.64s runs, or reads input: no profile knows it", name);
	classify_note(l, "program: %.64s is not known", name);
}

static void
judge_remote(struct look *l)
{
	if (l->facts->modes_tty.known && l->facts->modes_tty.canonical &&
	    row_unfinished(l))
		classify_say(l, CLASSIFY_MODAL, "%s waits for an answer",
		    l->profile->label);
	else
		classify_say(l, CLASSIFY_REMOTE,
		    "the pane shows %s: another machine's, user's or "
		    "server's",
		    l->profile->label);
}

static void
judge_kind(struct look *l, const struct profile_set *set)
{
	enum profile_kind kind;

	if (l->profile == NULL) {
		judge_unknown(l, set);
		return;
	}
	kind = l->profile->kind;
	if (l->facts->foreground.n > 0 && l->facts->foreground.v[0].foreign &&
	    kind != PROFILE_MODAL && kind != PROFILE_REMOTE) {
		classify_note(l, "process in front: another user's");
		classify_say(l, CLASSIFY_REMOTE,
		    "the pane shows %s of another user (su, sudo)",
		    l->profile->label);
		return;
	}
	if (l->facts->agent_seen && kind == PROFILE_SHELL) {
		classify_note(l, "option @agent-seen, and a shell in front");
		classify_say(l, CLASSIFY_SHELL_LEFT,
		    "the agent has left; a shell would run the message");
		return;
	}
	switch (kind) {
	case PROFILE_AGENT:
		classify_agent(l);
		break;
	case PROFILE_SHELL:
	case PROFILE_REPL:
		classify_prompt(l);
		break;
	case PROFILE_LINES:
		classify_lines(l);
		break;
	case PROFILE_REMOTE:
		judge_remote(l);
		break;
	case PROFILE_MODAL:
		classify_say(l, CLASSIFY_MODAL,
		    "%s is open: keys are commands to it", l->profile->label);
		break;
	}
}

int
classify(const struct pane_facts *facts, const struct screen *screen,
    const struct profile_set *set, struct readiness *r)
{
	struct look l = { .facts = facts, .screen = screen, .r = r };

	memset(r, 0, sizeof(*r));
	r->state = CLASSIFY_UNKNOWN;
	r->cursor_x = facts->cursor_x;
	r->cursor_y = facts->cursor_y;
	if (judge_pane(&l))
		return 0;
	if (screen->cells == NULL || screen->cols != facts->width ||
	    screen->rows != facts->height || facts->cursor_y >= facts->height) {
		classify_say(
		    &l, CLASSIFY_UNKNOWN, "the screen could not be read");
		return 0;
	}
	if (judge_program(&l, set) || judge_tty(&l))
		return 0;
	judge_kind(&l, set);
	return 0;
}

void
classify_free(struct readiness *r)
{
	argv_free(&r->evidence);
}
