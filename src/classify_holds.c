/*
 * What stands in a composer, and is it what was pasted? Enter is pressed on
 * that, and that it is gone proves that it was submitted.
 */
#include "classify_parts.h"

#include <stdint.h>
#include <string.h>

#include "mem.h"
#include "str.h"
#include "utf8.h"

/* Fewer bytes than this are no sign that a part of a body is ours. */
enum {
	PART_MIN = 16,
	PART_ROWS_MIN = 3, /* a box that scrolls has more rows than that */
	START_MAX = 8,  /* bytes at a text's start that tell it from a body */
	TAB_MAX = 8,    /* blanks in the place of a tab */
	BEHIND_MAX = 3, /* columns in which a suggestion goes on */
};

bool
classify_is_ghost(const struct profile *p, const struct screen_cell *c)
{
	return (p->ghost_dim && (c->flags & SCREEN_DIM) != 0) ||
	    (p->ghost_grey && screen_is_grey(c));
}

bool
classify_suggested(const struct profile *p, const struct screen *screen,
    unsigned row, unsigned col, const struct screen_cell **behind)
{
	const struct screen_cell *c = screen_at(screen, row, col), *next;
	unsigned i;

	if ((c->flags & (SCREEN_REVERSE | SCREEN_UNDERLINE)) == 0 ||
	    classify_is_ghost(p, c))
		return false;
	/* Its first word may be one letter. */
	for (i = 0, next = c; i < BEHIND_MAX; i++) {
		next = screen_at(screen, row, col + c->width + i);
		if (!screen_is_blank(next))
			break;
	}
	if (screen_is_blank(next) || !classify_is_ghost(p, next))
		return false;
	*behind = next;
	return true;
}

/* Does this cell hold something a person typed or we pasted? `first`: it is the
 * composer's first. */
static bool
is_text(const struct screen *screen, unsigned row, unsigned col, bool first,
    const struct profile *p, bool ghosts)
{
	const struct screen_cell *c = screen_at(screen, row, col);

	if (screen_is_blank(c))
		return false;
	if (ghosts || p == NULL || p->kind != PROFILE_AGENT)
		return true;
	if (first && classify_suggested(p, screen, row, col, &c))
		return false;
	return (c->flags & SCREEN_REVERSE) != 0 || !classify_is_ghost(p, c);
}

/* The same as classify_composer_text(), or with ghost text. */
static void
composer_text(const struct screen *screen, const struct readiness *r,
    bool ghosts, struct buf *out)
{
	const struct classify_region *c = &r->composer;
	unsigned row, col, from, end;

	if (!c->found)
		return;
	for (row = c->first; row <= c->last && row < screen->rows; row++) {
		from = classify_row_column(screen, c, row);
		end = from;
		for (col = from; col < c->right; col++) {
			if (is_text(screen, row, col,
				row == c->first && col == from, r->profile,
				ghosts))
				end = col + 1;
		}
		if (row > c->first)
			buf_addc(out, '\n');
		screen_text(screen, row, from, end, true, out);
	}
	while (out->len > 0 && out->data[out->len - 1] == '\n')
		buf_truncate(out, out->len - 1);
}

void
classify_composer_text(
    const struct screen *screen, const struct readiness *r, struct buf *out)
{
	composer_text(screen, r, false, out);
}

/* Does the character show nothing: a blank, a filler, of no width, or one that
 * some terminals leave out? */
static bool
shows_nothing(uint32_t ch)
{
	return ch <= ' ' || ch == 0xa0 || ch == 0x200b || ch == 0x3000 ||
	    ch == 0x3164 || utf8_width(ch) == 0 || !utf8_assigned(ch);
}

void
classify_squeeze(const char *text, size_t len, struct buf *out)
{
	const uint32_t joiner = 0x200d, first_sign = 0x2190;
	uint32_t ch, before = 0;
	size_t at, n;

	for (at = 0; at < len; at += n, before = ch) {
		ch = 0;
		n = utf8_decode(text + at, len - at, &ch);
		if (n == 0)
			n = 1;
		else if (shows_nothing(ch) ||
		    (before == joiner && ch >= first_sign))
			continue;
		buf_add(out, text + at, n);
	}
}

/* The squeezed text of r->tail from row `first` on. */
static void
tail_text(const struct screen *screen, const struct readiness *r,
    unsigned first, bool ghosts, struct buf *out)
{
	struct readiness tail = *r;
	struct buf text = BUF_INIT;

	tail.composer = r->tail;
	tail.composer.first = first;
	composer_text(screen, &tail, ghosts, &text);
	classify_squeeze(text.data, text.len, out);
	buf_free(&text);
}

static bool
is_end(const struct buf *want, const struct buf *have)
{
	return have->len >= PART_MIN && have->len < want->len &&
	    memcmp(want->data + want->len - have->len, have->data, have->len) ==
	    0;
}

/*
 * No composer is found, but the rows at the cursor are the end of `want`. In a
 * composer that nothing is drawn around they may begin below a blank row.
 */
static bool
holds_tail(const struct screen *screen, const struct readiness *r,
    const struct buf *want, bool ghosts)
{
	const struct classify_region *g = &r->tail;
	struct buf have = BUF_INIT;
	bool hit = false;
	unsigned row;

	for (row = g->first;
	     g->found && !hit && row + PART_ROWS_MIN <= g->last + 1; row++) {
		if (row > g->first &&
		    (r->profile->frame != PROFILE_FRAME_NONE ||
			screen_row_end(screen, row - 1) != 0))
			continue;
		buf_reset(&have);
		tail_text(screen, r, row, ghosts, &have);
		hit = is_end(want, &have);
	}
	buf_free(&have);
	return hit;
}

/* ---- a sign for a long paste ---- */

/* How much a text is, in the ways in which programs count. */
struct measure {
	uint64_t points; /* characters of Unicode */
	uint64_t units;  /* the same in UTF-16, as JavaScript has them */
	uint64_t bytes;
	uint64_t tabs; /* which some programs turn into blanks */
	uint64_t lines;
};

static void
measure(struct measure *m, const char *text, size_t len)
{
	uint32_t ch;
	size_t at, n;

	*m = (struct measure){ .bytes = len, .lines = 1 };
	for (at = 0; at < len; at += n) {
		n = utf8_decode(text + at, len - at, &ch);
		if (n == 0)
			n = 1;
		m->points++;
		m->units += n == 4 ? 2 : 1;
		m->tabs += text[at] == '\t';
		m->lines += text[at] == '\n';
	}
}

/* The number before `word` in `sign`: false if there is none. */
static bool
sign_number(const char *sign, size_t len, const char *word, uint64_t *n)
{
	const char *at = memmem(sign, len, word, strlen(word)), *from = at;
	char digits[12];

	while (
	    from != NULL && from > sign && from[-1] >= '0' && from[-1] <= '9')
		from--;
	if (from == NULL || from == at || (size_t)(at - from) >= sizeof(digits))
		return false;
	memcpy(digits, from, (size_t)(at - from));
	digits[at - from] = '\0';
	return str_number(digits, UINT32_MAX, n) == 0;
}

/* The first character from `at` on that shows. */
static const char *
skip_blank(const char *at)
{
	uint32_t ch;
	size_t n;

	for (; *at != '\0'; at += n) {
		n = utf8_decode(at, strlen(at), &ch);
		if (n == 0 || !shows_nothing(ch))
			break;
	}
	return at;
}

/*
 * Is `shown` nothing but the program's signs for a long paste, and do they say
 * as much as `body` is? A program that is late may take a paste for two: the
 * sign of the first half is not the whole, and what follows it may be typed
 * text to it, of which the first character may be a command.
 */
static bool
holds_signs(
    const struct profile *p, const char *shown, const char *body, size_t len)
{
	uint64_t n, chars = 0, lines = 0;
	size_t signs = 0, with_chars = 0, with_lines = 0;
	const char *at, *end;
	struct measure m;
	char *sign;
	bool known;

	for (at = skip_blank(shown); *at != '\0'; at = skip_blank(end + 1)) {
		end = *at == '[' ? strchr(at, ']') : NULL;
		if (end == NULL)
			return false;
		sign = x_strndup(at, (size_t)(end + 1 - at));
		known = profile_match_any(&p->collapsed, sign) != NULL;
		if (sign_number(sign, strlen(sign), " chars", &n)) {
			with_chars++;
			chars += n;
		} else if (sign_number(sign, strlen(sign), " lines", &n)) {
			with_lines++;
			lines += n;
		}
		x_free(sign);
		if (!known)
			return false;
		signs++;
	}
	measure(&m, body, len);
	if (with_chars > 0)
		return with_chars == signs &&
		    (chars == m.points || chars == m.units ||
			chars == m.bytes ||
			(m.tabs > 0 && chars > m.points &&
			    chars <= m.units + TAB_MAX * m.tabs));
	/* Some count newlines. */
	if (with_lines > 0)
		return with_lines == signs && lines + signs >= m.lines &&
		    lines <= m.lines + signs;
	return signs > 0;
}

static enum classify_holds
composer_holds(const struct screen *screen, const struct readiness *r,
    const char *body, size_t len, bool ghosts)
{
	struct buf shown = BUF_INIT, have = BUF_INIT, want = BUF_INIT;
	enum classify_holds holds = CLASSIFY_HOLDS_OTHER;
	size_t start = START_MAX;

	composer_text(screen, r, ghosts, &shown);
	classify_squeeze(shown.data, shown.len, &have);
	classify_squeeze(body, len, &want);
	if (start > have.len)
		start = have.len;
	if (start > want.len)
		start = want.len;
	if (!r->composer.found)
		holds = holds_tail(screen, r, &want, ghosts)
		    ? CLASSIFY_HOLDS_TAIL
		    : CLASSIFY_HOLDS_OTHER;
	else if (have.len == 0)
		holds = CLASSIFY_HOLDS_NOTHING;
	else if (have.len == want.len &&
	    memcmp(have.data, want.data, want.len) == 0)
		holds = CLASSIFY_HOLDS_EXACT;
	else if (r->profile != NULL &&
	    holds_signs(r->profile, shown.data, body, len))
		holds = CLASSIFY_HOLDS_COLLAPSED;
	else if (r->composer.last - r->composer.first + 1 >= PART_ROWS_MIN &&
	    is_end(&want, &have))
		holds = CLASSIFY_HOLDS_PART;
	else if (memmem(want.data, want.len, have.data, start) == NULL)
		holds = CLASSIFY_HOLDS_FOREIGN;
	buf_free(&shown);
	buf_free(&have);
	buf_free(&want);
	return holds;
}

/* Is it `body`, all of it or what can be seen of it? */
static bool
is_body(enum classify_holds holds)
{
	return holds == CLASSIFY_HOLDS_EXACT ||
	    holds == CLASSIFY_HOLDS_COLLAPSED || holds == CLASSIFY_HOLDS_PART ||
	    holds == CLASSIFY_HOLDS_TAIL;
}

enum classify_holds
classify_composer_holds(const struct screen *screen, const struct readiness *r,
    const char *body, size_t len)
{
	enum classify_holds holds = composer_holds(screen, r, body, len, false);
	enum classify_holds all;

	/* Some themes draw what is typed as grey as a placeholder. What is ours
	 * word for word needs no colour to be known by. */
	if (!is_body(holds)) {
		all = composer_holds(screen, r, body, len, true);
		if (is_body(all))
			return all;
	}
	return holds;
}
