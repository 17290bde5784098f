#include "listing.h"

#include <string.h>

#include "agent.h"
#include "clock.h"
#include "json.h"
#include "registry.h"

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

/* Address, tab, role; what is said beyond that begins with a blank. */
static void
listing_line(struct buf *out, const struct agent *a, bool verbose)
{
	size_t i;

	buf_addf(out, "%s\t%s\n", a->address, a->role);
	if (!verbose)
		return;
	buf_addf(out, "    %s[%s]  %s  %s\n", a->host, a->target, a->command,
	    a->path);
	for (i = 0; i < a->aliases_n; i++)
		buf_addf(out, "%s%s%s", i == 0 ? "    also: " : ", ",
		    a->aliases[i].name, i + 1 == a->aliases_n ? "\n" : "");
}

/* Print lines with their first tab as blanks up to one column. No text of an
 * agent holds a tab. */
static void
listing_columns(FILE *to, const struct buf *lines)
{
	const char *line, *tab, *end, *stop = lines->data + lines->len;
	int columns = 0, width;

	for (line = lines->data; line < stop; line = end + 1) {
		end = memchr(line, '\n', (size_t)(stop - line));
		tab = memchr(line, '\t', (size_t)(end - line));
		width = tab == NULL ? 0 : (int)(tab - line);
		columns = width > columns ? width : columns;
	}
	for (line = lines->data; line < stop; line = end + 1) {
		end = memchr(line, '\n', (size_t)(stop - line));
		tab = memchr(line, '\t', (size_t)(end - line));
		if (tab != NULL) {
			/* addresses are ASCII */
			(void)fprintf(
			    to, "%-*.*s  ", columns, (int)(tab - line), line);
			line = tab + 1;
		}
		(void)fwrite(line, 1, (size_t)(end + 1 - line), to);
	}
}

int
listing_print(const struct home *home, FILE *to, bool as_json, bool verbose,
    struct err *e)
{
	struct buf out = BUF_INIT_MAX(4U * REGISTRY_SIZE_MAX);
	struct registry r = REGISTRY_INIT;
	struct json j = JSON_INIT(&out);
	struct agent a;
	size_t at = 0;
	int rc;

	rc = registry_open(&r, home, clock_real_ms(), e);
	if (rc != 0)
		goto out;
	if (as_json)
		json_array_begin(&j);
	while ((rc = registry_next(&r, &at, &a, e)) == 1) {
		if (as_json)
			listing_json(&j, &a);
		else
			listing_line(&out, &a, verbose);
		agent_free(&a);
	}
	if (rc != 0 || (rc = buf_check(&out, "list", e)) != 0)
		goto out;
	if (as_json) {
		json_array_end(&j);
		(void)fprintf(to, "%s\n", out.data);
	} else {
		listing_columns(to, &out);
	}
out:
	registry_close(&r);
	buf_free(&out);
	return rc;
}
