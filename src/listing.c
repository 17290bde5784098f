#include "listing.h"

#include <string.h>

#include "agent.h"
#include "clock.h"
#include "json.h"
#include "registry.h"
#include "utf8.h"

/* `s` and blanks up to `columns`. */
static void
listing_pad(struct buf *out, const char *s, unsigned columns)
{
	unsigned width = utf8_columns(s, strlen(s));

	buf_adds(out, s);
	for (; width < columns; width++)
		buf_addc(out, ' ');
}

static void
listing_key(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_text(j, value);
}

static void
listing_json(struct json *j, const struct agent *a)
{
	size_t i;

	json_object_begin(j);
	listing_key(j, "address", a->address);
	listing_key(j, "host", a->host);
	listing_key(j, "target", a->target);
	listing_key(j, "session", a->session);
	listing_key(j, "window", a->window_name);
	listing_key(j, "pane", a->ident.pane);
	listing_key(j, "role", a->role);
	listing_key(j, "scope", a->scope);
	listing_key(j, "command", a->command);
	listing_key(j, "path", a->path);
	listing_key(j, "id", a->id);
	json_key(j, "aliases");
	json_array_begin(j);
	for (i = 0; i < a->aliases_n; i++)
		json_text(j, a->aliases[i].name);
	json_array_end(j);
	json_object_end(j);
}

static void
listing_line(
    struct buf *out, const struct agent *a, unsigned columns, bool verbose)
{
	size_t i;

	listing_pad(out, a->address, columns);
	buf_addf(out, "  %s\n", a->role);
	if (!verbose)
		return;
	buf_addf(out, "    %s[%s]  %s  %s\n", a->host, a->target, a->command,
	    a->path);
	for (i = 0; i < a->aliases_n; i++)
		buf_addf(out, "%s%s%s", i == 0 ? "    also: " : ", ",
		    a->aliases[i].name, i + 1 == a->aliases_n ? "\n" : "");
}

/* The widest address, so that the second column stands straight. */
static int
listing_width(struct registry *r, unsigned *columns, struct err *e)
{
	struct agent a;
	size_t at = 0, len;
	int rc;

	*columns = 0;
	while ((rc = registry_next(r, &at, &a, e)) == 1) {
		len = strlen(a.address);
		if (len > *columns)
			*columns = (unsigned)len;
		agent_free(&a);
	}
	return rc;
}

int
listing_print(const struct home *home, FILE *to, bool as_json, bool verbose,
    struct err *e)
{
	struct registry r = REGISTRY_INIT;
	struct buf out = BUF_INIT_MAX(4U * REGISTRY_SIZE_MAX);
	struct json j = JSON_INIT(&out);
	struct agent a;
	unsigned columns;
	size_t at = 0;
	int rc;

	rc = registry_open(&r, home, clock_real_ms(), e);
	if (rc != 0 || listing_width(&r, &columns, e) != 0) {
		rc = -1;
		goto out;
	}
	if (as_json)
		json_array_begin(&j);
	while ((rc = registry_next(&r, &at, &a, e)) == 1) {
		if (as_json)
			listing_json(&j, &a);
		else
			listing_line(&out, &a, columns, verbose);
		agent_free(&a);
	}
	if (rc != 0)
		goto out;
	if (as_json) {
		json_array_end(&j);
		buf_addc(&out, '\n');
	}
	rc = buf_check(&out, "list", e);
	if (rc == 0)
		(void)fwrite(out.data, 1, out.len, to);
out:
	registry_close(&r);
	buf_free(&out);
	return rc;
}
