#include "generation.h"

#include <string.h>

#include "buf.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "slice.h"
#include "str.h"

enum { GENERATION_TEXT_MAX = 32 }; /* bytes of the file */

/* The number that was left, if it is no longer ahead; else 0. */
static int64_t
generation_left(const struct home *home, int64_t now)
{
	struct buf text = BUF_INIT_MAX(GENERATION_TEXT_MAX);
	char *path = path_join(home->run, "generation");
	uint64_t left = 0;

	if (file_read_ours(path, &text, NULL) != FILE_READ ||
	    str_number(text.data, INT64_MAX, &left) != 0 ||
	    (int64_t)left > now + SLICE_AHEAD_MS)
		left = 0;
	buf_free(&text);
	x_free(path);
	return (int64_t)left;
}

static int
generation_leave(const struct home *home, int64_t last, struct err *e)
{
	char *path = path_join(home->run, "generation");
	char *text = x_asprintf("%lld", (long long)last);
	int rc;

	home_sweep(home, "run/generation");
	rc = file_replace(path, text, strlen(text), FILE_FAST, e);
	x_free(text);
	x_free(path);
	return rc;
}

int
generation_next(const struct home *home, int64_t last, int64_t now,
    int64_t *next, struct err *e)
{
	int64_t left = generation_left(home, now);

	if (last > now + SLICE_AHEAD_MS) {
		if (generation_leave(home, last, e) != 0)
			return -1;
		last = 0;
	}
	if (left > last)
		last = left;
	*next = now > last ? now : last + 1;
	return 0;
}

bool
generation_overtaken(const struct home *home, int64_t generation, int64_t now)
{
	return generation_left(home, now) > generation;
}
