#include "listing.h"

#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "argv.h"
#include "clock.h"
#include "json.h"
#include "registry.h"
#include "str.h"

enum { LISTING_CHUNK = 32768 }; /* bytes printed at a time */

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
	listing_key(j, "project", a->project);
	listing_key(j, "status", a->status);
	json_key(j, "explicit");
	json_boolean(j, a->hidden);
	listing_key(j, "id", a->id);
	json_key(j, "aliases");
	json_array_begin(j);
	for (i = 0; i < a->aliases_n; i++)
		json_text(j, a->aliases[i].name);
	json_array_end(j);
	json_object_end(j);
}

/* Where lines go, and which. */
struct lines {
	struct buf *out;
	bool hidden;
};

/* Address, tab, role. */
static void
listing_line(void *arg, const char *address, const char *role, bool hidden)
{
	const struct lines *lines = arg;
	struct buf *out = lines->out;

	if (hidden && !lines->hidden)
		return;
	buf_adds(out, address);
	buf_addc(out, '\t');
	buf_adds(out, role);
	buf_addc(out, '\n');
}

/* What is said beyond that begins with a blank. */
static void
listing_more(struct buf *out, const struct agent *a)
{
	size_t i;

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
	struct buf out = BUF_INIT;
	size_t columns = 0, width;

	for (line = lines->data; line < stop; line = end + 1) {
		end = memchr(line, '\n', (size_t)(stop - line));
		tab = memchr(line, '\t', (size_t)(end - line));
		width = tab == NULL ? 0 : (size_t)(tab - line);
		columns = width > columns ? width : columns;
	}
	for (line = lines->data; line < stop; line = end + 1) {
		end = memchr(line, '\n', (size_t)(stop - line));
		tab = memchr(line, '\t', (size_t)(end - line));
		if (tab != NULL) {
			/* addresses are ASCII */
			buf_add(&out, line, (size_t)(tab - line));
			for (width = (size_t)(tab - line); width < columns + 2;
			     width++)
				buf_addc(&out, ' ');
			line = tab + 1;
		}
		buf_add(&out, line, (size_t)(end + 1 - line));
		if (out.len > LISTING_CHUNK || end + 1 == stop) {
			(void)fwrite(out.data, 1, out.len, to);
			buf_reset(&out);
		}
	}
	buf_free(&out);
}

static bool
listing_wants(const struct listing *what, const struct agent *a)
{
	return (what->hidden || !a->hidden) &&
	    (what->project == NULL ||
		(a->project != NULL && str_eq(a->project, what->project)));
}

/* Every entry in full, which takes parsing it. */
static int
listing_all(struct registry *r, struct buf *out, const struct listing *what,
    struct err *e)
{
	struct lines lines = { .out = out, .hidden = true };
	struct json j = JSON_INIT(out);
	struct agent a;
	size_t at = 0;
	int rc;

	if (what->as_json)
		json_array_begin(&j);
	while ((rc = registry_next(r, &at, &a, e)) == 1) {
		if (!listing_wants(what, &a)) {
			agent_free(&a);
			continue;
		}
		if (what->as_json)
			listing_json(&j, &a);
		else
			listing_line(&lines, a.address, a.role, a.hidden);
		if (what->verbose && !what->as_json)
			listing_more(out, &a);
		agent_free(&a);
	}
	if (what->as_json)
		json_array_end(&j);
	return rc;
}

int
listing_print(const struct home *home, FILE *to, const struct listing *what,
    struct err *e)
{
	struct buf out = BUF_INIT_MAX(4U * REGISTRY_SIZE_MAX);
	struct lines lines = { .out = &out, .hidden = what->hidden };
	struct registry r = REGISTRY_INIT;
	int rc;

	rc = registry_open(&r, home, clock_real_ms(), e);
	if (rc == 0)
		rc = what->as_json || what->verbose || what->project != NULL
		    ? listing_all(&r, &out, what, e)
		    : registry_each(&r, listing_line, &lines, e);
	if (rc == 0)
		rc = buf_check(&out, "list", e);
	if (rc == 0 && what->as_json)
		(void)fprintf(to, "%s\n", out.data);
	else if (rc == 0)
		listing_columns(to, &out);
	registry_close(&r);
	buf_free(&out);
	return rc;
}

static void
listing_address(void *arg, const char *address, const char *role, bool hidden)
{
	struct buf *out = arg;

	(void)role;
	if (hidden)
		return;
	buf_adds(out, address);
	buf_addc(out, '\n');
}

int
listing_addresses(const struct home *home, FILE *to, struct err *e)
{
	struct buf out = BUF_INIT_MAX(REGISTRY_SIZE_MAX);
	struct registry r = REGISTRY_INIT;
	int rc;

	rc = registry_open(&r, home, clock_real_ms(), e);
	if (rc == 0)
		rc = registry_each(&r, listing_address, &out, e);
	if (rc == 0)
		rc = buf_check(&out, "list", e);
	if (rc == 0)
		(void)fwrite(out.data, 1, out.len, to);
	registry_close(&r);
	buf_free(&out);
	return rc;
}

/* A name from outside is told only where every shell takes it as it stands. */
static void
listing_group(struct argv *groups, const char *kind, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789_-.";

	if (name != NULL && name[0] != '\0' &&
	    name[strspn(name, plain)] == '\0')
		argv_addf(groups, "@%s:%s", kind, name);
}

static int
listing_compare(const void *a, const void *b)
{
	const char *const *one = a, *const *other = b;

	return strcmp(*one, *other);
}

int
listing_groups(const struct home *home, FILE *to, struct err *e)
{
	struct argv groups = ARGV_INIT;
	struct registry r = REGISTRY_INIT;
	size_t at = 0, i;
	struct agent a;
	int rc;

	rc = registry_open(&r, home, clock_real_ms(), e);
	while (rc == 0 && (rc = registry_next(&r, &at, &a, e)) == 1) {
		rc = 0;
		if (!a.hidden && !a.dead) {
			if (groups.n == 0)
				argv_add(&groups, "@all");
			listing_group(&groups, "host", a.host);
			listing_group(&groups, "session", a.session);
			listing_group(&groups, "project", a.project);
			listing_group(&groups, "role", a.role);
		}
		agent_free(&a);
	}
	if (rc == 0 && groups.n > 0)
		qsort(groups.v, groups.n, sizeof(*groups.v), listing_compare);
	for (i = 0; rc == 0 && i < groups.n; i++)
		if (i == 0 || !str_eq(groups.v[i - 1], groups.v[i]))
			(void)fprintf(to, "%s\n", groups.v[i]);
	registry_close(&r);
	argv_free(&groups);
	return rc;
}
