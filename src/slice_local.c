/* This host's own slice: local.toml. */
#include "slice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

/* Parse what local.toml holds: -1 if that is no slice of ours. */
static int
slice_parse_local(struct slice *s, const struct home *h, const struct buf *text,
    struct err *e)
{
	if (slice_parse(s, h->local, text->data, text->len, e) != 0)
		return -1;
	if (s->narrow)
		return err_set(e, EXIT_LOCAL, "it is narrow");
	if (s->version == 0)
		agent_list_free(&s->agents);
	return 0;
}

void
slice_read_ahead(struct slice_ahead *a, const struct home *h)
{
	*a = (struct slice_ahead)SLICE_AHEAD_INIT;
	a->valid = file_read_ours(h->local, &a->text, NULL) == FILE_READ &&
	    slice_parse_local(&a->slice, h, &a->text, NULL) == 0;
	if (!a->valid) {
		slice_free(&a->slice);
		a->slice = (struct slice)SLICE_INIT;
	}
}

void
slice_ahead_free(struct slice_ahead *a)
{
	buf_free(&a->text);
	slice_free(&a->slice);
	*a = (struct slice_ahead)SLICE_AHEAD_INIT;
}

int
slice_load_local(struct slice *s, const struct home *h,
    struct slice_ahead *ahead, char **quarantined, struct err *e)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	char when[CLOCK_TEXT_MAX], *colon;
	struct err why = { .code = EXIT_OK };
	int rc = -1;

	*s = (struct slice)SLICE_INIT;
	*quarantined = NULL;
	switch (file_read_ours(h->local, &text, e)) {
	case FILE_READ:
		break;
	case FILE_MISSING:
		rc = 0;
		goto out;
	case FILE_FAILED:
		goto out;
	}
	if (ahead != NULL && ahead->valid && ahead->text.len == text.len &&
	    memcmp(ahead->text.data, text.data, text.len) == 0) {
		*s = ahead->slice;
		ahead->slice = (struct slice)SLICE_INIT;
		ahead->valid = false;
		rc = 0;
		goto out;
	}
	if (slice_parse_local(s, h, &text, &why) == 0) {
		rc = 0;
		goto out;
	}
	slice_free(s);
	*s = (struct slice)SLICE_INIT;
	clock_text(when, clock_real_ms());
	while ((colon = strchr(when, ':')) != NULL)
		*colon = '-';
	*quarantined = x_asprintf("%s.bad-%s", h->local, when);
	if (rename(h->local, *quarantined) != 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot set aside: %s; %s",
		    h->local, strerror(errno), why.msg);
		goto out;
	}
	rc = 0;
out:
	buf_free(&text);
	return rc;
}
