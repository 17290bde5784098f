#include "exchange_parts.h"

#include "clock.h"
#include "file.h"
#include "mem.h"
#include "register.h"
#include "registry.h"
#include "str.h"

/* May what we hold of `host` go on to `asker`? */
static int
exchange_may_give(
    const struct held *held, const char *host, const char *asker, struct err *e)
{
	const struct slice_came *came = &held->came;

	if (str_eq(host, asker) || str_eq(came->through, asker))
		return err_set(e, EXIT_UNKNOWN,
		    "host %s: its slice comes from %s itself", host, asker);
	if (!held->there || held->slice.generation == 0 ||
	    clock_real_ms() - came->ms > REGISTRY_KEEP_MS)
		return err_set(e, EXIT_UNKNOWN,
		    "host %s: no slice of it is here, or none of these days",
		    host);
	/* What we are shown less of is not ours to show. */
	if (held->slice.narrow)
		return err_set(e, EXIT_REFUSED,
		    "host %s: lets us see part of its slice only, by a bound "
		    "key; that is not handed on",
		    host);
	if (came->hops >= SLICE_HOPS_MAX)
		return err_set(e, EXIT_REFUSED,
		    "host %s: its slice came over %u hosts; it goes no further",
		    host, came->hops);
	return 0;
}

int
exchange_give(const struct home *home, const char *host, const char *asker,
    int64_t have, struct buf *out, int64_t *generation, struct slice_came *came,
    struct err *e)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX + EXCHANGE_HEAD);
	struct held held = { .slice = SLICE_INIT };
	struct slice s = SLICE_INIT;
	char *path = NULL;
	int rc = -1;

	if (!str_host_ok(host)) {
		(void)err_set(e, EXIT_USAGE, "'%.100s' is no host", host);
		goto out;
	}
	exchange_held(home, host, &held);
	if (exchange_may_give(&held, host, asker, e) != 0)
		goto out;
	*generation = held.slice.generation;
	*came = held.came;
	if (held.slice.generation <= have) {
		rc = 0;
		goto out;
	}
	/* Another may stand there by now: all is told of what is read. */
	path = exchange_path(home, host, "toml");
	if (file_read_ours(path, &text, NULL) != FILE_READ ||
	    slice_parse(&s, path, text.data, text.len, NULL) != 0 ||
	    s.version == 0) {
		(void)err_set(e, EXIT_UNKNOWN,
		    "host %s: its slice cannot be read here", host);
		goto out;
	}
	slice_read_came(&held.came, text.data);
	held.slice.generation = s.generation;
	held.slice.narrow = s.narrow;
	if (exchange_may_give(&held, host, asker, e) != 0)
		goto out;
	*generation = s.generation;
	*came = held.came;
	slice_write(out, &s);
	rc = buf_check(out, host, e);
out:
	slice_free(&s);
	buf_free(&text);
	x_free(path);
	return rc;
}

static int
exchange_write_narrow(const struct home *home, const struct buf *text,
    struct buf *out, struct err *e)
{
	struct slice s = SLICE_INIT;
	int rc;

	rc = slice_parse(&s, home->local, text->data, text->len, e);
	if (rc == 0 && s.version == 0)
		rc = err_set(e, EXIT_LOCAL,
		    "%s: was written by the bash agent-mesh; run "
		    "agent-discover",
		    home->local);
	if (rc == 0) {
		slice_narrow(&s);
		slice_write(out, &s);
	}
	slice_free(&s);
	return rc;
}

/* Our slice; an empty one is made if there is none, an old one confirmed. */
static int
exchange_local(const struct home *home, struct buf *text, struct slice *head,
    struct err *e)
{
	enum file_found found;

	if (register_confirm(home, e) != 0)
		return -1;
	found = file_read_ours(home->local, text, e);
	if (found == FILE_MISSING)
		(void)err_set(e, EXIT_LOCAL, "%s: is gone", home->local);
	if (found != FILE_READ)
		return -1;
	return slice_parse_head(head, home->local, text->data, text->len, e);
}

int
exchange_publish(const struct home *home, bool narrow, struct buf *out,
    int64_t *generation, struct err *e)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice head = SLICE_INIT;
	int rc = -1;

	if (exchange_local(home, &text, &head, e) != 0)
		goto out;
	*generation = head.generation;
	if (narrow) {
		rc = exchange_write_narrow(home, &text, out, e);
	} else {
		buf_add(out, text.data, text.len);
		rc = 0;
	}
	if (rc == 0)
		rc = buf_check(out, home->local, e);
out:
	slice_free(&head);
	buf_free(&text);
	return rc;
}
