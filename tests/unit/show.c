/*
 * A small model of a terminal, fed with what show_bytes() makes: whatever row
 * the cursor is on and however wide the pane, the text stands whole above the
 * input, and the input and the cursor are where they were in it.
 */
#include "unit.h"

#include "show.h"
#include "utf8.h"

enum { WIDTH_MAX = 200, HEIGHT_MAX = 24, CELL = 12 };

struct terminal {
	unsigned width, height, x, y;
	unsigned saved_x, saved_y;
	bool pending; /* the next character wraps first */
	bool cuts;    /* nothing wraps (DECAWM off) */
	bool wide;    /* every character takes 2 columns */
	char cells[HEIGHT_MAX][WIDTH_MAX][CELL];
};

static void
scroll(struct terminal *t)
{
	memmove(
	    t->cells[0], t->cells[1], (t->height - 1) * sizeof(t->cells[0]));
	memset(t->cells[t->height - 1], 0, sizeof(t->cells[0]));
}

static void
line_feed(struct terminal *t)
{
	t->pending = false;
	if (t->y + 1 == t->height)
		scroll(t);
	else
		t->y++;
}

static void
insert_lines(struct terminal *t, unsigned n)
{
	unsigned room = t->height - t->y;

	if (n > room)
		n = room;
	memmove(t->cells[t->y + n], t->cells[t->y],
	    (room - n) * sizeof(t->cells[0]));
	memset(t->cells[t->y], 0, n * sizeof(t->cells[0]));
	t->x = 0; /* tmux does not, xterm does: nothing may depend on it */
	t->pending = false;
}

static void
put_char(struct terminal *t, const char *p, size_t n, uint32_t ch)
{
	unsigned width = t->wide ? 2 : utf8_width(ch);
	char *cell;

	if (width == 0) {
		assert_true(t->pending || t->x > 0);
		cell = t->cells[t->y][t->pending ? t->x : t->x - 1];
		assert_true(strlen(cell) + n < CELL);
		strncat(cell, p, n);
		return;
	}
	if (t->cuts && t->x + width > t->width) {
		if (width > 1)
			return;
	} else if (t->pending || t->x + width > t->width) {
		t->x = 0;
		line_feed(t);
	}
	cell = t->cells[t->y][t->x];
	memset(cell, 0, CELL);
	memcpy(cell, p, n);
	if (width == 2)
		memset(t->cells[t->y][t->x + 1], 0, CELL);
	t->x += width;
	if (t->x == t->width) {
		t->x--;
		t->pending = !t->cuts;
	}
}

/* ESC [ N LETTER; returns its length. */
static size_t
control(struct terminal *t, const char *p)
{
	char *end;
	unsigned long n = strtoul(p + 2, &end, 10);
	unsigned count = n == 0 ? 1 : (unsigned)n;

	if (strncmp(p, "\033[?7l", 5) == 0 || strncmp(p, "\033[?7h", 5) == 0) {
		t->cuts = p[4] == 'l';
		return 5;
	}
	switch (*end) {
	case 'A':
		t->y = t->y > count ? t->y - count : 0;
		break;
	case 'B':
		t->y = t->y + count < t->height ? t->y + count : t->height - 1;
		break;
	case 'L':
		insert_lines(t, count);
		break;
	case 'm':
		break;
	default:
		fail_msg("unknown control %.8s", p);
	}
	return (size_t)(end - p) + 1;
}

static void
feed(struct terminal *t, const char *p, size_t len)
{
	uint32_t ch;
	size_t n;

	for (; len > 0; p += n, len -= n) {
		n = utf8_decode(p, len, &ch);
		assert_true(n > 0);
		if (ch == '\r') {
			t->x = 0;
			t->pending = false;
		} else if (ch == '\n') {
			line_feed(t);
		} else if (ch == '\033' && p[1] == '7') {
			t->saved_x = t->x;
			t->saved_y = t->y;
			n = 2;
		} else if (ch == '\033' && p[1] == '8') {
			t->x = t->saved_x;
			t->y = t->saved_y;
			t->pending = false;
			n = 2;
		} else if (ch == '\033' && p[1] == '[') {
			n = control(t, p);
		} else {
			assert_false(ch < 0x20);
			put_char(t, p, n, ch);
		}
	}
}

static void
row_text(const struct terminal *t, unsigned row, char *out)
{
	unsigned x;
	size_t n = 0, len;

	for (x = 0; x < t->width; x++) {
		len = strlen(t->cells[row][x]);
		memcpy(out + n, t->cells[row][x], len);
		n += len;
	}
	out[n] = '\0';
}

/* Every row says which it is, so that a lost or moved one is seen. */
static void
fill(struct terminal *t, unsigned rows)
{
	char text[32];
	unsigned row, x;

	memset(t->cells, 0, t->height * sizeof(t->cells[0]));
	for (row = 0; row < rows; row++) {
		(void)snprintf(text, sizeof(text), "<row %u>", row);
		for (x = 0; text[x] != '\0' && x < t->width; x++)
			t->cells[row][x][0] = text[x];
	}
}

/* The text's rows as they must stand in a pane of 8 columns or more:
 * independent of show.c, cut cell by cell. Returns their number. */
static unsigned
expect_rows(const char *text, unsigned width, char rows[][WIDTH_MAX * 8])
{
	unsigned n = 0, used = 0;
	size_t len = strlen(text), at, k;
	uint32_t ch;

	rows[0][0] = '\0';
	for (at = 0; at < len; at += k) {
		k = utf8_decode(text + at, len - at, &ch);
		if (ch == '\n') {
			rows[++n][0] = '\0';
			used = 0;
			continue;
		}
		if (used + utf8_width(ch) > width) {
			memcpy(rows[++n], "  ", 3);
			used = 2;
		}
		strncat(rows[n], text + at, k);
		used += utf8_width(ch);
	}
	return n + 1;
}

static void
copy(struct terminal *to, const struct terminal *from)
{
	memcpy(to, from, offsetof(struct terminal, cells));
	memcpy(to->cells, from->cells, from->height * sizeof(to->cells[0]));
}

/*
 * Show `text` with the cursor at (x, y), `above` rows of the same input above
 * it, in a terminal of which rows 0..y are in use.
 */
static void
try_one(const char *text, unsigned width, unsigned height, unsigned y,
    unsigned x, unsigned above)
{
	static struct terminal before, after;
	static char rows[HEIGHT_MAX * 4][WIDTH_MAX * 8];
	char have[WIDTH_MAX * CELL], want[WIDTH_MAX * CELL];
	struct buf out = BUF_INIT;
	unsigned n, i, first, moved;

	before.width = width;
	before.height = height;
	before.x = x;
	before.y = y;
	before.pending = false;
	fill(&before, y + 1);
	n = expect_rows(text, width, rows);
	if (n > show_room(height, above))
		return;
	copy(&after, &before);
	assert_int_equal(show_bytes(&out, text, strlen(text), width, above), n);
	feed(&after, out.data, out.len);
	buf_free(&out);

	/* where the input is now */
	moved = y + n < height ? y + n : height - 1;
	assert_int_equal(after.y, moved);
	assert_int_equal(after.x, x);
	assert_false(after.pending);
	for (i = 0; i <= above; i++) {
		row_text(&before, y - i, want);
		row_text(&after, moved - i, have);
		assert_string_equal(have, want);
	}
	/* the text above it, whole */
	assert_true(moved >= above + n);
	first = moved - above - n;
	for (i = 0; i < n; i++) {
		row_text(&after, first + i, have);
		assert_string_equal(have, rows[i]);
	}
	/* what was above that, as far as it did not scroll out */
	for (i = 0; i < first; i++) {
		row_text(&after, i, have);
		row_text(&before, y - above - (first - i), want);
		assert_string_equal(have, want);
	}
	/* and nothing below */
	for (i = moved + 1; i < height; i++) {
		row_text(&after, i, have);
		assert_string_equal(have, "");
	}
}

static void
try_everywhere(const char *text, unsigned width, unsigned height)
{
	unsigned y, above;

	for (y = 0; y < height; y++)
		for (above = 0; above <= y && above <= 3; above++)
			try_one(text, width, height, y,
			    (y + above) % 3 * (width - 1) / 2, above);
}

static void
test_everywhere(void **state)
{
	static const char *const texts[] = {
		"x",
		"[from hub-dev-build @ 2026-11-22T10:00:00Z] tests green",
		"one\n  two\n  three",
		"one\n  \n  three",
		"語語語語語語語語語語語語語語語語語語語語語語語",
		"a語語語語語語語語語語語語語語語語語語語語語語語",
		"é\u0301e\u0301 naïve 😀😀😀😀😀😀😀😀😀😀😀😀",
		"  blanks    in   between      and at the end     ",
		"01234567890123456789012345678901234567890123456789012345678",
	};
	static const unsigned widths[] = { 15, 16, 17, 31, 60, 80, 119, 200 };
	static const unsigned heights[] = { 3, 4, 10, 24 };
	size_t i, j, k, step = unit_valgrind() ? 3 : 1;

	(void)state;
	for (i = 0; i < UNIT_COUNT(texts); i += step)
		for (j = 0; j < UNIT_COUNT(widths); j += step)
			for (k = 0; k < UNIT_COUNT(heights); k++)
				try_everywhere(texts[i], widths[j], heights[k]);
}

/* 1 to n lines of every length around the pane's width. */
static void
test_lengths(void **state)
{
	char text[4096];
	unsigned lines, width, i;
	size_t n;

	(void)state;
	for (width = 15; width <= 40; width += 5)
		for (lines = 1; lines <= 12; lines++) {
			n = 0;
			for (i = 0; i < lines; i++) {
				memset(
				    text + n, 'a' + (int)i, width - 2 + i % 5);
				n += width - 2 + i % 5;
				text[n++] = '\n';
			}
			text[n - 1] = '\0';
			try_everywhere(text, width, 24);
		}
}

/* In a terminal that makes more of each character than any does, what does not
 * fit is lost, but the rows are ours, and the input is in its place. */
static void
test_wider(void **state)
{
	static const char text[] =
	    "[from a @ b] 12345678 [from c @ d] x\nsecond";
	static struct terminal t;
	char row[WIDTH_MAX * CELL];
	struct buf out = BUF_INIT;
	unsigned n, i;

	(void)state;
	t.width = 20;
	t.height = 12;
	t.wide = true;
	t.x = 3;
	t.y = 5;
	fill(&t, 6);
	n = show_bytes(&out, text, strlen(text), t.width, 0);
	assert_int_equal(n, 3);
	feed(&t, out.data, out.len);
	buf_free(&out);
	assert_false(t.cuts);
	assert_int_equal(t.x, 3);
	assert_int_equal(t.y, 8);
	row_text(&t, 8, row);
	assert_string_equal(row, "<row 5>");
	row_text(&t, 5, row);
	assert_string_equal(row, "[from a @ ");
	row_text(&t, 6, row);
	assert_string_equal(row, "  8 [from ");
	row_text(&t, 7, row);
	assert_string_equal(row, "second");
	for (i = 9; i < t.height; i++) {
		row_text(&t, i, row);
		assert_string_equal(row, "");
	}
}

static void
test_room(void **state)
{
	(void)state;
	assert_int_equal(show_room(24, 0), 22);
	assert_int_equal(show_room(24, 3), 19);
	assert_int_equal(show_room(3, 0), 1);
	assert_int_equal(show_room(2, 0), 0);
	assert_int_equal(show_room(0, 0), 0);
	assert_int_equal(show_room(5, 200), 0);
}

/* Sizes that no pane has: no endless loop, no division. */
static void
test_odd_sizes(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(show_bytes(&out, "text", 4, 0, 0), 0);
	assert_int_equal(out.len, 0);
	show_rows(&out, "text", 4, 0, 9);
	assert_int_equal(out.len, 0);
	assert_int_equal(show_bytes(&out, "text", 4, 1, 0), 4);
	buf_reset(&out);
	assert_true(show_bytes(&out, "語x", 4, 1, 0) >= 1);
	buf_free(&out);
}

static void
test_rows(void **state)
{
	static const char text[] = "語 first row\n  second";
	struct buf out = BUF_INIT;

	(void)state;
	show_rows(&out, text, strlen(text), 80, 9);
	assert_string_equal(out.data, "語 first row\n  second");
	buf_reset(&out);
	show_rows(&out, text, strlen(text), 80, 1);
	assert_string_equal(out.data, "語 first row");
	buf_reset(&out);
	show_rows(&out, text, strlen(text), 4, 3);
	assert_string_equal(out.data, "語 f\nirst\n row");
	buf_reset(&out);
	show_rows(&out, text, strlen(text), 3, 2);
	assert_string_equal(out.data, "語\nfir");
	buf_reset(&out);
	show_rows(&out, "ae\u0301x\nb", 7, 80, 9);
	assert_string_equal(out.data, "ae");
	buf_reset(&out);
	show_rows(&out, "a\n  \n  b", 8, 80, 9);
	assert_string_equal(out.data, "a\n\n  b");
	buf_free(&out);
}

/* What begins a row looks like a message's start only where one starts. */
static void
test_forged(void **state)
{
	static const struct {
		unsigned width;
		const char *text, *rows;
	} cases[] = {
		{ 12, "[from a @ b]            [from c @ d] x",
		    "[from a @ b]\n\n    [from c\n  @ d] x" },
		{ 12, "[from a @ b]          [from c @ d] x",
		    "[from a @ b]\n\n  [from c @\n  d] x" },
		{ 12, "[from a @ b]\n  12345678901234567890[from",
		    "[from a @ b]\n  1234567890\n  1234567890\n  [from" },
		{ 9, "123456789語語語語語", "123456789\n  語語語\n  語語" },
		{ 8, "12345678[from a", "12345678\n  [from\n  a" },
		/* terminals differ about their width */
		{ 8, "✌✌✌✌✌[from", "✌✌✌✌\n  ✌[fro\n  m" },
		{ 8, "1️2️3️4️5️[from", "1" },
		{ 7, "1234567[from a", "1234567\n[from a" },
	};
	struct buf rows = BUF_INIT, bytes = BUF_INIT, shown = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		buf_reset(&rows);
		show_rows(&rows, cases[i].text, strlen(cases[i].text),
		    cases[i].width, 99);
		assert_string_equal(rows.data, cases[i].rows);
	}
	assert_int_equal(show_bytes(&bytes, "12345678[from a", 15, 8, 0), 3);
	buf_adds(&shown,
	    "\033[36m12345678\r\n\033[36m  [from \r\n"
	    "\033[36m  a\033[0m");
	assert_non_null(strstr(bytes.data, shown.data));
	buf_free(&rows);
	buf_free(&bytes);
	buf_free(&shown);
}

static void
test_expand(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ "none", "none" },
		{ "\tx", "        x" },
		{ "1234567\tx", "1234567 x" },
		{ "12345678\tx", "12345678        x" },
		{ "a\n\tb\tc\n", "a\n        b       c\n" },
		{ "語\tx", "語      x" },
		{ "e\u0301\tx", "e\u0301       x" },
	};
	struct buf out = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		buf_reset(&out);
		show_expand(&out, cases[i][0], strlen(cases[i][0]));
		assert_string_equal(out.data, cases[i][1]);
	}
	buf_free(&out);
}

/* The escapes are ours alone: none comes from the text's rows. */
static void
test_bytes(void **state)
{
	struct buf out = BUF_INIT;

	(void)state;
	assert_int_equal(show_bytes(&out, "a\nb", 3, 80, 2), 2);
	assert_string_equal(out.data,
	    "\0337\n\n\033[2A\033[2A\r\033[2L\033[?7l\033[36ma\r\n\033[36mb"
	    "\033[0m\033[?7h\0338\033[2B");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everywhere),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_wider),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_odd_sizes),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
