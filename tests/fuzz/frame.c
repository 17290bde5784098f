/* What frame_read() takes, frame_write() writes so that it reads as the same;
 * in one piece or in two, a stream gives the same frames. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool
same(const struct frame *a, const struct frame *b)
{
	size_t i;

	if (a->verb != b->verb || strcmp(a->word, b->word) != 0 ||
	    strcmp(a->id, b->id) != 0 || a->headers_n != b->headers_n ||
	    a->body.len != b->body.len ||
	    memcmp(a->body.data, b->body.data, a->body.len) != 0)
		return false;
	for (i = 0; i < a->headers_n; i++)
		if (strcmp(a->headers[i].name, b->headers[i].name) != 0 ||
		    strcmp(a->headers[i].value, b->headers[i].value) != 0)
			return false;
	return true;
}

static void
check_again(const struct frame *f)
{
	struct buf out = BUF_INIT_MAX(2 * FRAME_BODY_MAX);
	struct frame g;
	struct err e;

	frame_write(&out, f);
	if (frame_read(&out, &g, &e) != FRAME_READY || !same(f, &g) ||
	    out.len != 0)
		abort();
	frame_free(&g);
	buf_free(&out);
}

/* How many frames a stream gives, fed in two pieces cut at `cut`. */
static unsigned
count(const uint8_t *data, size_t len, size_t cut, enum frame_result *last)
{
	struct buf in = BUF_INIT_MAX(FRAME_BODY_MAX);
	size_t dropped = 0, taken;
	bool hello = false;
	unsigned n = 0;
	struct frame f;
	struct err e;
	int piece;

	for (piece = 0; piece < 2; piece++) {
		taken = piece == 0 ? cut : len - cut;
		buf_add(&in, data + (piece == 0 ? 0 : cut), taken);
		*last = FRAME_READY;
		if (!hello) {
			*last = frame_skip_noise(&in, &dropped, &e);
			hello = *last == FRAME_READY;
		}
		while (*last == FRAME_READY &&
		    (*last = frame_read(&in, &f, &e)) == FRAME_READY) {
			n++;
			check_again(&f);
			frame_free(&f);
		}
		if (*last == FRAME_BAD)
			break;
	}
	buf_free(&in);
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum frame_result one, two;
	unsigned whole, parts;

	whole = count(data, len, 0, &one);
	parts = count(data, len, len == 0 ? 0 : data[0] % len, &two);
	if (whole != parts || one != two)
		abort();
	return 0;
}
