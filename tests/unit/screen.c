#include "unit.h"

#include "buf.h"
#include "screen.h"

static struct screen s;

static const struct screen *
parse(const char *text, unsigned cols, unsigned rows)
{
	struct err e;

	screen_free(&s);
	assert_int_equal(
	    screen_parse(&s, text, strlen(text), cols, rows, &e), 0);
	assert_int_equal(s.cols, cols);
	assert_int_equal(s.rows, rows);
	return &s;
}

static const struct screen_cell *
at(unsigned row, unsigned col)
{
	return screen_at(&s, row, col);
}

static void
assert_row(unsigned row, bool trim, const char *want)
{
	struct buf b = BUF_INIT;

	screen_text(&s, row, 0, s.cols, trim, &b);
	assert_string_equal(b.data, want);
	buf_free(&b);
}

static void
rows_longer_and_shorter(void **state)
{
	(void)state;
	parse("abc\n\nlonger than it is\nx\ntoo many\n", 5, 4);
	assert_row(0, true, "abc");
	assert_row(0, false, "abc  ");
	assert_row(1, true, "");
	assert_row(2, true, "longe");
	assert_row(3, true, "x");
	assert_true(s.cut);
	assert_string_equal(at(9, 9)->text, "");
	assert_int_equal(at(9, 9)->width, 1);
	parse("", 3, 2);
	assert_false(s.cut);
	assert_int_equal(screen_end(&s), 0);
	parse("\n\n z", 3, 4);
	assert_int_equal(screen_end(&s), 3);
	assert_int_equal(screen_row_start(&s, 2), 1);
	assert_int_equal(screen_row_end(&s, 2), 2);
	assert_int_equal(screen_row_start(&s, 0), 3);
}

static void
sizes_out_of_bounds(void **state)
{
	struct err e;

	(void)state;
	screen_free(&s);
	assert_int_equal(screen_parse(&s, "x", 1, 0, 5, &e), -1);
	assert_err(e, EXIT_LOCAL, "screen: ");
	assert_int_equal(screen_parse(&s, "x", 1, 5, 0, &e), -1);
	assert_int_equal(
	    screen_parse(&s, "x", 1, SCREEN_SIDE_MAX + 1, 1, &e), -1);
	assert_int_equal(screen_parse(&s, "x", 1, 1000, 1000, &e), -1);
	assert_int_equal(screen_parse(&s, "x", 1, SCREEN_SIDE_MAX, 1, &e), 0);
	screen_free(&s);
	assert_int_equal(screen_parse(&s, "x", 1, 1024, 240, &e), 0);
}

static void
attributes(void **state)
{
	(void)state;
	parse("\033[1ma\033[2mb\033[0;3mc\033[4md\033[7me\033[8mf"
	      "\033[22;23;24;27;28mg\033[4:3mh\033[4:0mi\033[21mj",
	    20, 1);
	assert_int_equal(at(0, 0)->flags, SCREEN_BOLD | SCREEN_WRITTEN);
	assert_int_equal(
	    at(0, 1)->flags, SCREEN_BOLD | SCREEN_DIM | SCREEN_WRITTEN);
	assert_int_equal(at(0, 2)->flags, SCREEN_ITALIC | SCREEN_WRITTEN);
	assert_true(at(0, 3)->flags & SCREEN_UNDERLINE);
	assert_true(at(0, 4)->flags & SCREEN_REVERSE);
	assert_true(at(0, 5)->flags & SCREEN_HIDDEN);
	assert_int_equal(at(0, 6)->flags, SCREEN_WRITTEN);
	assert_true(at(0, 7)->flags & SCREEN_UNDERLINE);
	assert_false(at(0, 8)->flags & SCREEN_UNDERLINE);
	assert_true(at(0, 9)->flags & SCREEN_UNDERLINE);
	assert_int_equal(at(0, 10)->flags, 0);
}

static void
colours(void **state)
{
	(void)state;
	parse("\033[31ma\033[97;44mb\033[38;5;246;48;5;237mc"
	      "\033[38;2;1;2;3;48;2;250;251;252md\033[38:2::9:8:7me"
	      "\033[38:5:12mf\033[58;2;1;1;1;1mg\033[39;49mh\033[0;105mi",
	    20, 1);
	assert_int_equal(at(0, 0)->fg, SCREEN_PALETTE | 1);
	assert_int_equal(at(0, 1)->fg, SCREEN_PALETTE | 15);
	assert_int_equal(at(0, 1)->bg, SCREEN_PALETTE | 4);
	assert_int_equal(at(0, 2)->fg, SCREEN_PALETTE | 246);
	assert_int_equal(at(0, 2)->bg, SCREEN_PALETTE | 237);
	assert_int_equal(at(0, 3)->fg, SCREEN_RGB | 0x010203);
	assert_int_equal(at(0, 3)->bg, SCREEN_RGB | 0xfafbfc);
	assert_int_equal(at(0, 4)->fg, SCREEN_RGB | 0x090807);
	assert_int_equal(at(0, 5)->fg, SCREEN_PALETTE | 12);
	assert_true(at(0, 6)->flags & SCREEN_BOLD);
	assert_int_equal(at(0, 7)->fg, SCREEN_DEFAULT);
	assert_int_equal(at(0, 7)->bg, SCREEN_DEFAULT);
	assert_int_equal(at(0, 8)->bg, SCREEN_PALETTE | 13);
}

/* tmux does not reset at a line's end. */
static void
attributes_carry_over_lines(void **state)
{
	(void)state;
	parse("\033[2mdim\nstill\033[0m no", 10, 2);
	assert_true(at(1, 0)->flags & SCREEN_DIM);
	assert_false(at(1, 6)->flags & SCREEN_DIM);
	assert_int_equal(at(0, 5)->flags, 0);
}

static void
wide_and_combining(void **state)
{
	(void)state;
	/* U+4F60, e + U+0301, U+1F389, U+200B after a blank */
	parse("\xe4\xbd\xa0"
	      "e\xcc\x81\xf0\x9f\x8e\x89 \xe2\x80\x8bz",
	    10, 1);
	assert_int_equal(at(0, 0)->width, 2);
	assert_int_equal(at(0, 1)->width, 0);
	assert_string_equal(at(0, 2)->text, "e\xcc\x81");
	assert_int_equal(at(0, 3)->width, 2);
	assert_true(screen_is_blank(at(0, 5)));
	assert_false(screen_is_blank(at(0, 1)));
	assert_string_equal(at(0, 6)->text, "z");
	assert_row(0, true,
	    "\xe4\xbd\xa0"
	    "e\xcc\x81\xf0\x9f\x8e\x89 \xe2\x80\x8bz");
	/* A mark on a wide character joins its left half. */
	parse("\xe4\xbd\xa0\xcc\x81", 4, 1);
	assert_string_equal(at(0, 0)->text, "\xe4\xbd\xa0\xcc\x81");
	assert_string_equal(at(0, 1)->text, "");
	/* No room for the right half; no cell for a mark. */
	parse("\xcc\x81"
	      "ab\xe4\xbd\xa0",
	    3, 1);
	assert_row(0, true, "ab");
	assert_true(s.cut);
}

static void
marks_are_bounded(void **state)
{
	struct buf b = BUF_INIT;
	unsigned i;

	(void)state;
	buf_addc(&b, 'a');
	for (i = 0; i < 100; i++)
		buf_adds(&b, "\xcc\x81");
	parse(b.data, 4, 1);
	assert_true(strlen(at(0, 0)->text) < SCREEN_CELL_BYTES);
	assert_true(strlen(at(0, 0)->text) >= SCREEN_CELL_BYTES - 3);
	buf_free(&b);
}

static void
escapes_are_skipped(void **state)
{
	(void)state;
	parse("a\033]8;;http://x/\033\\b\033]8;;\ac\033(0q\033(Bd\033=e"
	      "\033[?25hf\033[3Jg\033Pq\033\\h\033#8i",
	    20, 1);
	assert_row(0, true, "abc─defghi");
	assert_true(at(0, 3)->flags & SCREEN_ACS);
	parse("\016lqk\017x", 10, 1);
	assert_row(0, true, "┌─┐x");
	/* Cut off in the middle of anything. */
	parse("a\033", 5, 1);
	assert_row(0, true, "a");
	parse("a\033[", 5, 1);
	parse("a\033[38;2;1", 5, 1);
	parse("a\033]8;;never ends", 5, 1);
	assert_row(0, true, "a");
	parse("a\033]8;;line\nb", 5, 2);
	assert_row(1, true, "b");
	parse("a\033[1\033[2mb", 5, 1);
	assert_row(0, true, "ab");
	assert_true(at(0, 1)->flags & SCREEN_DIM);
}

static void
garbage_is_tolerated(void **state)
{
	struct buf b = BUF_INIT;
	unsigned i;
	struct err e;

	(void)state;
	parse("a\xff"
	      "b\xc3",
	    10, 1);
	assert_row(0, true,
	    "a\xef\xbf\xbd"
	    "b\xef\xbf\xbd");
	screen_free(&s);
	assert_int_equal(screen_parse(&s,
			     "a\0b\x7f"
			     "c",
			     5, 5, 1, &e),
	    0);
	assert_row(0, true, "abc");
	/* More parameters than anybody sends, and numbers past any bound. */
	buf_adds(&b, "\033[99999999999999");
	for (i = 0; i < 100; i++)
		buf_adds(&b, ";1");
	buf_adds(&b, "mx");
	parse(b.data, 5, 1);
	assert_row(0, true, "x");
	parse("\033[38;5mx\033[38my\033[48;2;1mz\033[38;5;999mw", 5, 1);
	assert_row(0, true, "xyzw");
	buf_free(&b);
}

static void
tabs(void **state)
{
	(void)state;
	parse("a\tb\t\t\tc", 20, 1);
	assert_string_equal(at(0, 8)->text, "b");
	assert_int_equal(screen_row_end(&s, 0), 9);
}

static void
blank_cells(void **state)
{
	(void)state;
	parse("\xc2\xa0 x\033[8my", 6, 1);
	assert_true(screen_is_blank(at(0, 0)));
	assert_true(screen_is_blank(at(0, 1)));
	assert_false(screen_is_blank(at(0, 2)));
	assert_true(screen_is_blank(at(0, 3)));
	assert_true(screen_is_blank(at(0, 5)));
	assert_true(screen_row_blank(&s, 0, 0, 2));
	assert_false(screen_row_blank(&s, 0, 0, 99));
	assert_true(screen_row_blank(&s, 7, 0, 99));
}

static void
ghosts(void **state)
{
	static const char *const grey[] = { "\033[90m", "\033[38;5;241m",
		"\033[38;5;246m", "\033[38;2;85;85;85m",
		"\033[38;2;108;112;134m", "\033[38;2;175;175;175m", "\033[2m" };
	static const char *const text[] = { "", "\033[37m", "\033[97m",
		"\033[38;2;255;255;255m", "\033[38;2;238;238;238m",
		"\033[38;2;26;26;26m", "\033[38;2;92;156;245m", "\033[38;5;16m",
		"\033[38;5;255m", "\033[30m", "\033[1m" };
	char line[64];
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(grey); i++) {
		(void)snprintf(line, sizeof(line), "%sx", grey[i]);
		parse(line, 2, 1);
		assert_true(screen_is_ghost(at(0, 0)));
	}
	for (i = 0; i < UNIT_COUNT(text); i++) {
		(void)snprintf(line, sizeof(line), "%sx", text[i]);
		parse(line, 2, 1);
		assert_false(screen_is_ghost(at(0, 0)));
	}
}

static void
rules(void **state)
{
	(void)state;
	parse("──────────\n"
	      "  ▀▀▀▀▀▀▀▀\n"
	      "───┤ x ├──\n"
	      "─ words ──\n"
	      "----------\n"
	      "╭────────╮\n"
	      "│ x      │\n"
	      "──\n",
	    10, 9);
	assert_true(screen_is_rule(&s, 0, 5));
	assert_true(screen_is_rule(&s, 1, 5));
	assert_false(screen_is_rule(&s, 2, 5));
	assert_false(screen_is_rule(&s, 3, 3));
	assert_false(screen_is_rule(&s, 4, 5));
	assert_true(screen_is_rule(&s, 5, 5));
	assert_false(screen_is_rule(&s, 6, 1));
	assert_false(screen_is_rule(&s, 7, 5));
	assert_false(screen_is_rule(&s, 8, 1));
	assert_false(screen_is_rule(&s, 50, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_longer_and_shorter),
		cmocka_unit_test(sizes_out_of_bounds),
		cmocka_unit_test(attributes),
		cmocka_unit_test(colours),
		cmocka_unit_test(attributes_carry_over_lines),
		cmocka_unit_test(wide_and_combining),
		cmocka_unit_test(marks_are_bounded),
		cmocka_unit_test(escapes_are_skipped),
		cmocka_unit_test(garbage_is_tolerated),
		cmocka_unit_test(tabs),
		cmocka_unit_test(blank_cells),
		cmocka_unit_test(ghosts),
		cmocka_unit_test(rules),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	screen_free(&s);
	return failed;
}
