/* What body_clean() lets through is valid UTF-8 of harmless characters, no
 * line of it can pass for the start of a message, and cleaning it once more
 * changes nothing that indenting does not. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "body.h"
#include "show.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/* Only characters that body.h promises; every later line indented. */
static void
check_text(const struct buf *b, enum body_form form)
{
	size_t at, n;
	uint32_t ch;

	must(strlen(b->data) == b->len);
	for (at = 0; at < b->len; at += n) {
		n = utf8_decode(b->data + at, b->len - at, &ch);
		must(n > 0);
		if (ch == '\n')
			must(form == BODY_LINES &&
			    strncmp(b->data + at + 1, "  ", 2) == 0);
		else if (ch == '\t')
			must(form == BODY_LINES);
		else
			must(!utf8_unsafe(ch));
	}
}

/* Take the two blanks after each newline out again. */
static void
unindent(const struct buf *b, struct buf *out)
{
	size_t at;

	for (at = 0; at < b->len; at++) {
		buf_addc(out, b->data[at]);
		if (b->data[at] == '\n')
			at += 2;
	}
}

static void
same(const struct buf *a, const struct buf *b)
{
	must(a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

/* As a shell's pane gets it: no tabs, and show_bytes() ends. */
static void
check_shown(const struct buf *b)
{
	struct buf flat = BUF_INIT, bytes = BUF_INIT;

	show_expand(&flat, b->data, b->len);
	must(memchr(flat.data, '\t', flat.len) == NULL);
	must(body_lines(flat.data, flat.len) == body_lines(b->data, b->len));
	must(show_bytes(&bytes, flat.data, flat.len, 15, 0) >=
	    body_lines(flat.data, flat.len));
	buf_free(&flat);
	buf_free(&bytes);
}

static void
try_form(const char *p, size_t len, enum body_form form, bool valid)
{
	struct buf first = BUF_INIT, again = BUF_INIT, plain = BUF_INIT;
	struct err e;

	err_clear(&e);
	buf_adds(&first, "tag ");
	if (body_clean(&first, p, len, form, &e) != 0) {
		must(first.len == 4);
		must(e.code == EXIT_USAGE && strncmp(e.msg, "body: ", 6) == 0);
		must((strstr(e.msg, "is empty") != NULL) == valid);
		goto out;
	}
	must(valid);
	buf_consume(&first, 4);
	check_text(&first, form);
	if (form == BODY_LINES) {
		unindent(&first, &plain);
		check_shown(&first);
	} else {
		buf_add(&plain, first.data, first.len);
		must(body_lines(first.data, first.len) == 1);
	}
	must(body_clean(&again, plain.data, plain.len, form, &e) == 0);
	same(&again, &first);
out:
	buf_free(&first);
	buf_free(&again);
	buf_free(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data;
	bool valid = utf8_valid(p, len);

	try_form(p, len, BODY_LINES, valid);
	try_form(p, len, BODY_FOLDED, valid);
	(void)body_ends_open(p, len, "@#");
	return 0;
}
