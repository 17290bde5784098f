#include "generation.h"

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "slice.h"
#include "str.h"

enum {
	GENERATION_KEPT = 16,      /* numbers in the file */
	GENERATION_GAP_MS = 60000, /* a step that may be a clock's */
	GENERATION_TEXT_MAX = 32 * GENERATION_KEPT, /* bytes of the file */
};

/* The numbers that were given out before others that may be void, growing. */
struct generations {
	int64_t v[GENERATION_KEPT + 1];
	size_t n;
};

static char *
generation_path(const struct home *home)
{
	return path_join(home->run, "generation");
}

/* Put one in its place. Of too many the least likely to be known to anybody
 * goes: the furthest ahead, else the oldest. */
static void
generation_keep(struct generations *kept, int64_t number, int64_t limit)
{
	size_t at = kept->n;

	while (at > 0 && kept->v[at - 1] > number)
		at--;
	if (number <= 0 || (at > 0 && kept->v[at - 1] == number))
		return;
	memmove(kept->v + at + 1, kept->v + at,
	    (kept->n - at) * sizeof(kept->v[0]));
	kept->v[at] = number;
	if (++kept->n <= GENERATION_KEPT)
		return;
	kept->n--;
	if (kept->v[GENERATION_KEPT / 2] <= limit)
		memmove(kept->v, kept->v + 1, kept->n * sizeof(kept->v[0]));
}

/* What the file holds; nothing if it is none of ours. */
static void
generation_read(const struct home *home, struct generations *kept)
{
	struct buf text = BUF_INIT_MAX(GENERATION_TEXT_MAX);
	char *path = generation_path(home), *word, *rest;
	uint64_t number;

	kept->n = 0;
	if (file_read_ours(path, &text, NULL) == FILE_READ)
		for (word = strtok_r(text.data, " ", &rest); word != NULL;
		     word = strtok_r(NULL, " ", &rest))
			if (str_number(word, INT64_MAX, &number) == 0)
				generation_keep(kept, (int64_t)number, 0);
	buf_free(&text);
	x_free(path);
}

static int
generation_write(
    const struct home *home, const struct generations *kept, struct err *e)
{
	struct buf text = BUF_INIT_MAX(GENERATION_TEXT_MAX);
	char *path = generation_path(home);
	size_t i;
	int rc;

	for (i = 0; i < kept->n; i++)
		buf_addf(
		    &text, "%s%lld", i == 0 ? "" : " ", (long long)kept->v[i]);
	home_sweep(home, "run/generation");
	rc = file_replace(path, text.data, text.len, FILE_FAST, e);
	buf_free(&text);
	x_free(path);
	return rc;
}

/* The highest that is not above `limit`; 0: none. */
static int64_t
generation_highest(const struct generations *kept, int64_t limit)
{
	size_t i = kept->n;

	while (i > 0 && kept->v[i - 1] > limit)
		i--;
	return i == 0 ? 0 : kept->v[i - 1];
}

int
generation_next(const struct home *home, int64_t last, int64_t now,
    int64_t *next, struct err *e)
{
	int64_t limit = now + SLICE_AHEAD_MS, above = last;
	struct generations kept;

	generation_read(home, &kept);
	if (above > limit || generation_highest(&kept, limit) > above)
		above = generation_highest(&kept, limit);
	above = now > above ? now : above + 1;
	if (last > above || above - last > GENERATION_GAP_MS) {
		generation_keep(&kept, last, limit);
		if (last > 0 && generation_write(home, &kept, e) != 0)
			return -1;
	}
	*next = above;
	return 0;
}

bool
generation_overtaken(const struct home *home, int64_t generation, int64_t now)
{
	struct generations kept;

	generation_read(home, &kept);
	return generation_highest(&kept, now + SLICE_AHEAD_MS) > generation;
}
