#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "contact.h"
#include "exchange.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "mem.h"
#include "outbox.h"
#include "path.h"
#include "slice.h"
#include "str.h"
#include "sync.h"

enum { STATUS_BAD_LINE = 1024 }; /* bytes of why one was refused */

/* One line of the table: a peer that we dial, or a host that dials us. */
struct row {
	const char *alias; /* NULL: it dials us */
	bool third;        /* known through another peer */
	char host[HOST_MAX + 1];
	struct contact contact;
	struct slice_came came;
	struct slice head;
	size_t agents;
	int waiting;      /* messages that it will fetch; -1: it does not */
	bool slice;       /* we hold one */
	char *bad;        /* why one was refused, or NULL */
	const char *same; /* it dials us, and a newer host has its host_id */
};

struct status {
	const struct home *home;
	struct row *rows;
	size_t n;
	int64_t now;
};

/* What we hold of the host in a row. */
static void
row_fill(const struct status *s, struct row *row)
{
	struct buf text = BUF_INIT_MAX(2UL * SLICE_SIZE_MAX);
	struct buf bad = BUF_INIT_MAX(2UL * SLICE_SIZE_MAX);
	char *path = x_asprintf("%s/%s.toml", s->home->hosts, row->host);
	struct slice all = SLICE_INIT;

	row->waiting = -1;
	if (row->host[0] != '\0' &&
	    file_read_ours(path, &text, NULL) == FILE_READ &&
	    slice_parse(&all, path, text.data, text.len, NULL) == 0) {
		row->slice = true;
		slice_read_came(&row->came, text.data);
		row->agents = all.agents.n;
		row->head = all;
		row->head.agents = (struct agent_list)AGENT_LIST_INIT;
		row->waiting =
		    outbox_waiting(s->home, row->host, row->head.host_id, NULL);
	}
	slice_free(&all);
	x_free(path);
	path = x_asprintf("%s/%s.bad", s->home->hosts, row->host);
	if (row->host[0] != '\0' && file_read(path, &bad, NULL) == FILE_READ &&
	    str_starts(bad.data, "# "))
		row->bad = x_strndup(bad.data + 2,
		    strcspn(bad.data + 2, "\n") < STATUS_BAD_LINE
			? strcspn(bad.data + 2, "\n")
			: STATUS_BAD_LINE);
	x_free(path);
	buf_free(&bad);
	buf_free(&text);
}

static struct row *
row_add(struct status *s)
{
	s->rows = x_realloc(s->rows, s->n + 1, sizeof(*s->rows));
	memset(&s->rows[s->n], 0, sizeof(*s->rows));
	return &s->rows[s->n++];
}

/* A host of which a file in hosts/ speaks, if no row has it yet. */
static void
row_host(struct status *s, const char *file)
{
	size_t len = strcspn(file, "."), i;
	char host[HOST_MAX + 1];
	struct row *row;

	if (len == 0 || len > HOST_MAX ||
	    (!str_eq(file + len, ".toml") && !str_eq(file + len, ".bad")))
		return;
	memcpy(host, file, len);
	host[len] = '\0';
	if (!str_host_ok(host))
		return;
	for (i = 0; i < s->n; i++)
		if (str_eq(s->rows[i].host, host))
			return;
	row = row_add(s);
	memcpy(row->host, host, len + 1);
	row_fill(s, row);
}

static int
by_host(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return strcmp(x->host, y->host);
}

/* Two of one machine and user, of which one dials us and was heard of earlier:
 * it has got another name since, or is a clone. */
static void
status_same(struct status *s)
{
	struct row *old, *row;
	size_t i, k;

	for (i = 0; i < s->n; i++) {
		old = &s->rows[i];
		for (k = 0; k < s->n && old->alias == NULL && old->slice; k++) {
			row = &s->rows[k];
			if (k != i && row->slice &&
			    row->head.host_id[0] != '\0' &&
			    str_eq(row->head.host_id, old->head.host_id) &&
			    row->head.generation > old->head.generation)
				old->same = row->host;
		}
	}
}

static void
status_gather(struct status *s, const struct peers *peers)
{
	struct dirent *entry;
	struct row *row;
	size_t i;
	DIR *dir;

	for (i = 0; i < peers->n; i++) {
		row = row_add(s);
		row->alias = peers->v[i].alias;
		row->third = peers->v[i].through[0] != '\0';
		contact_load(&row->contact, s->home, row->alias);
		memcpy(row->host, row->contact.host, sizeof(row->host));
		if (row->third)
			(void)snprintf(
			    row->host, sizeof(row->host), "%s", row->alias);
		row_fill(s, row);
	}
	dir = opendir(s->home->hosts);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		row_host(s, entry->d_name);
	(void)closedir(dir);
	if (s->n - peers->n > 1)
		qsort(s->rows + peers->n, s->n - peers->n, sizeof(*s->rows),
		    by_host);
	status_same(s);
}

static const char *
row_state(const struct row *row)
{
	if (row->alias == NULL)
		return row->slice ? "dials us" : "refused";
	if (row->contact.tried == 0)
		return "never tried";
	if (row->contact.held != 0)
		return "refused";
	return row->contact.failed[0] == '\0' ? "ok" : "failed";
}

/* When it was last heard of: it answered, or its slice came. */
static int64_t
row_seen(const struct row *row)
{
	return row->contact.answered > row->came.ms && !row->third
	    ? row->contact.answered
	    : row->came.ms;
}

static const char *
row_version(const struct row *row)
{
	if (row->contact.bash || (row->slice && row->head.version == 0))
		return "bash";
	return row->contact.version[0] == '\0' ? "-" : row->contact.version;
}

/* "5 min" */
static void
age(char out[32], int64_t now, int64_t then)
{
	long long s = (long long)(now - then) / 1000;

	if (then == 0)
		(void)snprintf(out, 32, "never");
	else if (s < 120)
		(void)snprintf(out, 32, "%lld s", s < 0 ? 0 : s);
	else if (s < 7200)
		(void)snprintf(out, 32, "%lld min", s / 60);
	else if (s < 48 * 3600LL)
		(void)snprintf(out, 32, "%lld h", s / 3600);
	else
		(void)snprintf(out, 32, "%lld d", s / 86400);
}

static void
add_escaped(struct buf *out, const char *prefix, const char *text)
{
	buf_adds(out, prefix);
	log_escape(out, text, strlen(text));
	buf_addc(out, '\n');
}

static void
print_text(const struct status *s, struct buf *out)
{
	char seen[32], when[CLOCK_TEXT_MAX], version[CONTACT_VERSION_MAX + 64];
	struct buf clean = BUF_INIT;
	const struct row *row;
	size_t i, width = 4;

	for (i = 0; i < s->n; i++)
		if (s->rows[i].alias != NULL &&
		    strlen(s->rows[i].alias) > width)
			width = strlen(s->rows[i].alias);
	if (s->n == 0)
		buf_adds(out, "no peers; agent-sync peer add HOST\n");
	else
		buf_addf(out, "%-*s  %-12s  %-11s  %-8s  %6s  %-20s  %s\n",
		    (int)width, "PEER", "HOST", "STATE", "SEEN", "AGENTS",
		    "WRITTEN", "VERSION");
	for (i = 0; i < s->n; i++) {
		row = &s->rows[i];
		age(seen, s->now, row_seen(row));
		if (row->head.generation > 0)
			clock_text(when, row->head.generation);
		else
			(void)snprintf(when, sizeof(when), "-");
		buf_reset(&clean);
		log_escape(&clean, row_version(row), strlen(row_version(row)));
		(void)snprintf(version, sizeof(version), "%s", clean.data);
		buf_addf(out, "%-*s  %-12s  %-11s  %-8s  %6zu  %-20s  %s\n",
		    (int)width, row->alias == NULL ? "-" : row->alias,
		    row->host[0] == '\0' ? "-" : row->host, row_state(row),
		    seen, row->agents, when, version);
		if (row->contact.failed[0] != '\0')
			add_escaped(out, "  ", row->contact.failed);
		if (row->came.hops > 0)
			buf_addf(out, "  its slice comes through host %s\n",
			    row->came.through);
		if (row->waiting >= 0)
			buf_addf(out,
			    "  fetches its messages; %d wait here for it\n",
			    row->waiting);
		if (row->same != NULL)
			buf_addf(out,
			    "  same machine and user as %s: if that is the "
			    "new name, agent-sync peer rm %s\n",
			    row->same, row->host);
		if (row->bad != NULL) {
			buf_adds(out, "  ");
			log_escape(out, row->bad, strlen(row->bad));
			buf_addf(out, " (hosts/%s.bad)\n", row->host);
		}
	}
	buf_free(&clean);
}

static void
json_time(struct json *j, const char *key, int64_t ms)
{
	json_key(j, key);
	if (ms > 0)
		json_integer(j, ms);
	else
		json_null(j);
}

static void
json_field(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_text(j, value == NULL || value[0] == '\0' ? NULL : value);
}

static void
print_json(const struct status *s, struct buf *out)
{
	struct json j = JSON_INIT(out);
	const struct row *row;
	size_t i;

	j.pretty = true;
	json_object_begin(&j);
	json_field(&j, "host", s->home->host);
	json_field(&j, "host_id", s->home->host_id);
	json_key(&j, "peers");
	json_array_begin(&j);
	for (i = 0; i < s->n; i++) {
		row = &s->rows[i];
		json_object_begin(&j);
		json_field(&j, "alias", row->alias);
		json_field(&j, "host", row->host);
		json_field(&j, "state", row_state(row));
		json_time(&j, "seen", row_seen(row));
		json_time(&j, "answered", row->contact.answered);
		json_time(&j, "tried", row->contact.tried);
		json_field(&j, "failed", row->contact.failed);
		json_time(&j, "generation", row->head.generation);
		json_time(&j, "came", row->came.ms);
		json_field(&j, "by", row->came.by);
		json_field(&j, "through", row->came.through);
		json_key(&j, "agents");
		json_integer(&j, (int64_t)row->agents);
		json_key(&j, "waiting");
		if (row->waiting < 0)
			json_null(&j);
		else
			json_integer(&j, row->waiting);
		json_field(&j, "host_id", row->head.host_id);
		json_field(&j, "version", row->contact.version);
		json_key(&j, "bash");
		json_boolean(&j, str_eq(row_version(row), "bash"));
		json_field(&j, "refused", row->bad);
		json_field(&j, "same_as", row->same);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
	buf_addc(out, '\n');
}

int
sync_status(const struct home *home, const struct peers *peers, bool as_json,
    struct buf *out, struct err *e)
{
	struct status s = { .home = home, .now = clock_real_ms() };
	size_t i;

	status_gather(&s, peers);
	if (as_json)
		print_json(&s, out);
	else
		print_text(&s, out);
	for (i = 0; i < s.n; i++)
		x_free(s.rows[i].bad);
	x_free(s.rows);
	return buf_check(out, "status", e);
}
