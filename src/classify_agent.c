/*
 * An agent with a composer: does anybody's text stand in it, does the program
 * work or ask?
 */
#include "classify_parts.h"

#include <string.h>

#include "str.h"

/* Fewer bytes than this are no sign that a placeholder begins. */
enum { PART_MIN = 8 };

static bool
is_dim(const struct profile *p, const struct screen_cell *c)
{
	return p->ghost_dim && (c->flags & SCREEN_DIM) != 0;
}

/* What stands in the composer. */
struct content {
	unsigned visible; /* cells that show something */
	unsigned ghost;   /* of them greyed or dim */
	unsigned grey;    /* of them by their colour alone */
};

/* Count. */
static struct content
read_content(const struct look *l, unsigned cx, unsigned cy)
{
	const struct classify_region *g = &l->r->composer;
	const struct screen_cell *c;
	struct content n = { .visible = 0 };
	unsigned row, col;
	bool suggested;

	for (row = g->first; row <= g->last; row++) {
		col = classify_row_column(l->screen, g, row);
		for (; col < g->right; col++) {
			c = screen_at(l->screen, row, col);
			if (screen_is_blank(c) || c->width == 0)
				continue;
			n.visible++;
			suggested = row == cy && col == cx &&
			    classify_suggested(
				l->profile, l->screen, row, col, &c);
			if (suggested || classify_is_ghost(l->profile, c)) {
				n.ghost++;
				n.grey += !is_dim(l->profile, c);
			}
		}
	}
	return n;
}

/* The shipped placeholder that the first row shows, and nothing else; with
 * `part` also one of which it shows the beginning. */
static const char *
find_placeholder(const struct look *l, bool part)
{
	const struct classify_region *g = &l->r->composer;
	struct buf row = BUF_INIT;
	const char *hit = NULL, *text, *known;
	size_t i;

	screen_text(l->screen, g->first, g->column, g->right, true, &row);
	while (row.len > 0 && row.data[row.len - 1] == ' ')
		buf_truncate(&row, row.len - 1);
	for (text = row.data; *text == ' '; text++)
		;
	for (i = 0; i < l->profile->placeholders.n && hit == NULL; i++) {
		known = l->profile->placeholders.v[i];
		if (str_starts(text, known) ||
		    (part && strlen(text) >= PART_MIN &&
			str_starts(known, text)))
			hit = known;
	}
	buf_free(&row);
	return hit;
}

/*
 * Ghost text that is none of this composer's. What a program shows in an empty
 * one is known by its words, though in a narrow pane they go on in the next
 * row, unless it shows ever new ones. Other words may be a person's, if they
 * are grey, as some themes draw what is typed, or the hint of a field that asks
 * for something else.
 */
static bool
is_strange(const struct look *l, const struct content *n)
{
	const struct profile *p = l->profile;

	return (p->fields_alike ? n->ghost : n->grey) > 0 &&
	    p->placeholders.n > 0 && !p->suggests &&
	    find_placeholder(l, true) == NULL;
}

/* Append `text` as a regular expression that matches it. */
static void
add_pattern(struct buf *b, const char *text)
{
	for (; *text != '\0'; text++)
		buf_addc(
		    b, strchr("\\.[]*+?()|^$", *text) != NULL ? '.' : *text);
}

/*
 * The guard's pattern: the composer's first row as shipped text describes it.
 * Left out when another row further up would match first, for #{C/r:} tells
 * the first.
 */
static void
make_guard(struct look *l, const struct composer *c, const char *placeholder,
    bool blank)
{
	struct buf b = BUF_INIT_MAX(CLASSIFY_GUARD_MAX - 1);
	struct classify_region *g = &l->r->composer;
	unsigned row, after;

	if (c->glyph[0] == '\0' || g->right != l->screen->cols)
		return;
	for (row = 0; row < g->first; row++) {
		after = classify_glyph_end(l, row, c);
		if (after == 0)
			continue;
		if (!blank && placeholder == NULL)
			return;
		if (blank &&
		    screen_row_blank(l->screen, row, after, l->screen->cols))
			return;
		if (placeholder != NULL)
			return;
	}
	buf_addc(&b, '^');
	for (row = 0; row < c->glyph_col; row++)
		buf_addc(&b, ' ');
	add_pattern(&b, c->glyph);
	if (blank) {
		/* U+00A0 is no [[:space:]]. */
		buf_adds(&b, "[ \xc2\xa0]*$");
	} else if (placeholder != NULL) {
		buf_adds(&b, "[ \xc2\xa0]*");
		add_pattern(&b, placeholder);
	}
	if (!b.overflow) {
		memcpy(l->r->guard, b.data, b.len + 1);
		l->r->guard_row = g->first;
	}
	buf_free(&b);
}

/* The end of a text may only be one where nothing outside of it tells of a
 * dialog or a menu. */
static void
judge_tail(struct look *l)
{
	const struct profile *p = l->profile;
	struct classify_region *g = &l->r->tail;

	if (!g->found)
		return;
	g->found =
	    profile_match_any(&p->modal_titles, l->facts->title) == NULL &&
	    classify_find(l->screen, &p->modal_words, g->last + 1,
		l->screen->rows) == NULL &&
	    (!p->modal_cursor || l->facts->cursor_shown);
}

/* Nothing is where the composer should be: what else is it? */
static void
judge_without(struct look *l)
{
	static char menu1[] = "❯ 1. *", menu2[] = "› 1. *", menu3[] = "● 1. *",
		    menu4[] = "*(y/n)*", menu5[] = "*[Y/n]*",
		    menu6[] = "*[y/N]*";
	static char *menus[] = { menu1, menu2, menu3, menu4, menu5, menu6 };
	const struct argv generic = { menus, 6, 6 };
	const struct profile *p = l->profile;
	unsigned rows = l->screen->rows;
	const char *hit;

	hit = profile_match_any(&p->modal_titles, l->facts->title);
	if (hit == NULL)
		hit = classify_find(l->screen, &p->modal_words, 0, rows);
	if (hit == NULL)
		hit = classify_find(l->screen, &generic, 0, rows);
	if (hit != NULL) {
		classify_note(l, "instead of the composer: %s", hit);
		classify_say(
		    l, CLASSIFY_MODAL, "%s shows a dialog or a menu", p->label);
		return;
	}
	if (p->modal_cursor && !l->facts->cursor_shown) {
		classify_note(l, "no composer, and the cursor is hidden");
		classify_say(l, CLASSIFY_MODAL,
		    "%s shows something else than its composer", p->label);
		return;
	}
	classify_note(l, "no composer at the cursor");
	classify_say(l, CLASSIFY_UNKNOWN,
	    "%s runs, but its composer is not where the cursor is%s", p->label,
	    l->r->tail.found ? ", or holds more text than it shows" : "");
}

/* Signs of a dialog while the composer is there. */
static bool
judge_modal(struct look *l, const struct composer *c)
{
	const struct profile *p = l->profile;
	const char *hit;

	if (c->shell) {
		l->r->way = CLASSIFY_WAY_NONE;
		classify_note(l, "glyph: '%s' stands for commands", c->glyph);
		classify_say(l, CLASSIFY_MODAL,
		    "%s would run the text as a shell command", p->label);
		return true;
	}
	hit = profile_match_any(&p->modal_titles, l->facts->title);
	if (hit == NULL)
		hit = classify_find(
		    l->screen, &p->modal_words, c->below, l->screen->rows);
	if (hit == NULL && p->modal_cursor && !l->facts->cursor_shown &&
	    !c->drawn)
		hit = "hidden cursor";
	if (hit == NULL)
		return false;
	l->r->way = CLASSIFY_WAY_NONE;
	classify_note(l, "dialog: %s", hit);
	classify_say(l, CLASSIFY_MODAL, "%s waits for an answer", p->label);
	return true;
}

static const char *
find_busy(const struct look *l, const struct composer *c)
{
	const struct profile *p = l->profile;
	unsigned from =
	    c->above > p->status_rows ? c->above - p->status_rows : 0;
	const char *hit;

	hit = profile_match_any(&p->busy_titles, l->facts->title);
	if (hit == NULL)
		hit = classify_find(
		    l->screen, &p->busy_words, c->below, l->screen->rows);
	if (hit == NULL)
		hit = classify_find(l->screen, &p->busy_words, from, c->above);
	return hit;
}

/* Has the program set no title? What stands there may be the shell's, which
 * names the command that it started, or where it is. */
static bool
is_untitled(const struct pane_facts *f)
{
	const char *comm = f->foreground.n > 0 ? f->foreground.v[0].comm : "";
	size_t len = strlen(comm), at = strcspn(f->title, "@ ");

	return f->untitled ||
	    (f->title[at] == '@' &&
		f->title[at + strcspn(f->title + at, ": ")] == ':') ||
	    (len > 0 && str_starts(f->title, comm) && f->title[len] == ' ');
}

static void
judge_empty(struct look *l, const struct composer *c)
{
	const struct profile *p = l->profile;
	const char *hit = find_busy(l, c);

	l->r->composer_empty = true;
	if (hit != NULL) {
		classify_note(l, "busy: %s", hit);
		classify_say(l, CLASSIFY_BUSY, "%s is working", p->label);
		return;
	}
	if (p->busy_needs_title && is_untitled(l->facts)) {
		l->r->composer_empty = false;
		l->r->way = CLASSIFY_WAY_NONE;
		classify_note(l, "title: the terminal's first one");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "only its title would tell whether %s works, and it has "
		    "set none so far",
		    p->label);
		return;
	}
	if (p->idle_words.n > 0 &&
	    classify_find(
		l->screen, &p->idle_words, c->below, l->screen->rows) == NULL) {
		l->r->composer_empty = false;
		l->r->way = CLASSIFY_WAY_NONE;
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s shows none of its signs of rest", p->label);
		return;
	}
	classify_say(
	    l, CLASSIFY_IDLE, "%s waits, its composer is empty", p->label);
}

void
classify_agent(struct look *l)
{
	struct composer c = { .glyph = "" };
	struct content n;
	const char *placeholder;
	unsigned cx = l->facts->cursor_x, cy = l->facts->cursor_y;

	if (l->facts->modes_tty.known && l->facts->modes_tty.canonical) {
		classify_note(l, "terminal: cooked, not as a composer has it");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s does not read keys now: it starts, ends or runs "
		    "something",
		    l->profile->label);
		return;
	}
	if (!classify_composer(l, &cx, &cy, &c)) {
		l->r->composer.found = false;
		judge_tail(l);
		judge_without(l);
		return;
	}
	classify_note(l, "composer: rows %u-%u, text from column %u",
	    l->r->composer.first, l->r->composer.last, l->r->composer.column);
	l->r->way = CLASSIFY_WAY_COMPOSE; /* what a forced send would take */
	n = read_content(l, cx, cy);
	placeholder = n.visible > 0 ? find_placeholder(l, false) : NULL;
	if (judge_modal(l, &c))
		return;
	if (n.visible > n.ghost && placeholder == NULL) {
		make_guard(l, &c, NULL, false);
		classify_note(
		    l, "composer: %u cells of text", n.visible - n.ghost);
		classify_say(l, CLASSIFY_TYPED,
		    "text stands in the composer of %s", l->profile->label);
		return;
	}
	/* A theme may show what is typed in grey: Enter on ours is guarded. */
	if (n.visible > 0)
		make_guard(l, &c, NULL, false);
	if (cx != l->r->composer.column || cy != l->r->composer.first) {
		classify_note(l,
		    "cursor: column %u, an empty composer has it "
		    "at %u",
		    cx, l->r->composer.column);
		classify_say(l, CLASSIFY_TYPED,
		    "blanks or lines stand in the composer of %s",
		    l->profile->label);
		return;
	}
	if (is_strange(l, &n)) {
		classify_note(l, "composer: %u cells of %s text", n.ghost,
		    n.grey > 0 ? "grey" : "dim");
		classify_say(l, CLASSIFY_UNKNOWN,
		    "%s text stands in the composer of %s: no placeholder "
		    "that is known, so %s",
		    n.grey > 0 ? "grey" : "dim", l->profile->label,
		    n.grey > 0 ? "somebody may have typed it"
			       : "it may be a field for something else");
		return;
	}
	if (n.visible > 0)
		classify_note(l, "composer: only %s",
		    placeholder != NULL ? "its placeholder" : "greyed text");
	make_guard(l, &c, placeholder, n.visible == 0);
	judge_empty(l, &c);
}
