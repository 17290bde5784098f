#include "status.h"

#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "mailbox.h"
#include "mem.h"
#include "presence.h"
#include "registry.h"
#include "status_parts.h"
#include "str.h"
#include "utf8.h"

enum { STATUS_ROLE = 30, STATUS_TEXT = 60 }; /* columns */

/* One line of the list. */
struct row {
	struct agent agent;
	struct presence now;
};

struct rows {
	struct row *v;
	size_t n, cap;
};

bool
status_is_you(const struct status *s, const struct agent *a)
{
	return s->self->in_pane && str_eq(a->host, s->reg->home->host) &&
	    str_eq(a->ident.socket, s->self->ident.socket) &&
	    str_eq(a->ident.pane, s->self->ident.pane);
}

const char *
status_quiet(char out[STATUS_QUIET_MAX], int64_t seconds)
{
	long long n = seconds;

	if (n < 0)
		return "-";
	if (n < 120)
		(void)snprintf(out, STATUS_QUIET_MAX, "%llds", n);
	else if (n < 7200)
		(void)snprintf(out, STATUS_QUIET_MAX, "%lldm", n / 60);
	else if (n < 172800)
		(void)snprintf(out, STATUS_QUIET_MAX, "%lldh", n / 3600);
	else
		(void)snprintf(out, STATUS_QUIET_MAX, "%lldd", n / 86400);
	return out;
}

int
status_ask(const struct status *s, const struct agent *a, struct presence *now,
    struct err *e)
{
	struct buf text = BUF_INIT;
	int rc;

	*now = (struct presence){ .state = PRESENCE_UNKNOWN, .quiet_s = -1 };
	if (str_eq(a->host, s->reg->home->host)) {
		presence_look(now, a, s->reg->config, s->reg->profiles);
		return 0;
	}
	rc = ship_check(
	    s->ship, a->host, a->address, s->self, false, false, &text, now, e);
	buf_free(&text);
	return rc < 0 ? -1 : 0;
}

void
status_json(struct json *j, const struct status *s, const struct agent *a,
    const struct presence *now)
{
	const struct {
		const char *key, *value;
	} texts[] = {
		{ "address", a->address },
		{ "host", a->host },
		{ "state", presence_name(now->state) },
		{ "reason", now->reason },
		{ "role", a->role },
		{ "scope", a->scope },
		{ "project", a->project },
		{ "status", a->status },
		{ "command", a->command },
		{ "path", a->path },
		{ "target", a->target },
		{ "id", a->id },
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_key(j, texts[i].key);
		json_text(j, texts[i].value);
	}
	json_key(j, "quiet");
	if (now->quiet_s < 0)
		json_null(j);
	else
		json_integer(j, now->quiet_s);
	json_key(j, "unread");
	json_integer(j, (int64_t)status_unread(s->reg->home, a));
	json_key(j, "you");
	json_boolean(j, status_is_you(s, a));
}

/* `text` in `columns` columns, cut or filled; 0: as it is. */
static void
add_column(struct buf *b, const char *text, unsigned columns)
{
	size_t len = strlen(text), fits;
	unsigned width;

	fits = columns == 0 || utf8_columns(text, len) <= columns
	    ? len
	    : utf8_fit(text, len, columns - 1);
	log_escape(b, text, fits);
	width = utf8_columns(text, fits);
	if (fits < len) {
		buf_adds(b, "\u2026");
		width++;
	}
	for (; width < columns; width++)
		buf_addc(b, ' ');
}

static void
print_rows(const struct status *s, const struct rows *rows, struct buf *out)
{
	unsigned address = 0, project = 0, role = 0, n;
	char quiet[STATUS_QUIET_MAX];
	const struct row *row;
	size_t i, begun;

	for (i = 0; i < rows->n; i++) {
		row = &rows->v[i];
		n = (unsigned)strlen(row->agent.address) +
		    (status_is_you(s, &row->agent) ? 6 : 0);
		address = n > address ? n : address;
		n = utf8_columns(
		    row->agent.project, strlen(row->agent.project));
		project = n > project ? n : project;
		n = utf8_columns(row->agent.role, strlen(row->agent.role));
		role = n > role ? n : role;
	}
	project = project > STATUS_ROLE ? STATUS_ROLE : project;
	role = role > STATUS_ROLE ? STATUS_ROLE : role;
	for (i = 0; i < rows->n; i++) {
		row = &rows->v[i];
		begun = out->len;
		buf_addf(out, "%s %s%s%*s  %-7s %4s  ",
		    presence_sign(row->now.state), row->agent.address,
		    status_is_you(s, &row->agent) ? " (you)" : "",
		    (int)address - (int)strlen(row->agent.address) -
			(status_is_you(s, &row->agent) ? 6 : 0),
		    "", presence_name(row->now.state),
		    status_quiet(quiet, row->now.quiet_s));
		if (project > 0) {
			add_column(out, row->agent.project, project);
			buf_adds(out, "  ");
		}
		add_column(out, row->agent.role, role);
		if (row->agent.status[0] != '\0') {
			buf_adds(out, "  ");
			add_column(out, row->agent.status,
			    utf8_columns(row->agent.status,
				strlen(row->agent.status)) > STATUS_TEXT
				? STATUS_TEXT
				: 0);
		}
		while (out->len > begun && out->data[out->len - 1] == ' ')
			buf_truncate(out, out->len - 1);
		buf_addc(out, '\n');
	}
}

static const struct presence *
find_seen(const struct presence_list *list, const char *address)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (str_eq(list->v[i].agent->address, address))
			return &list->v[i].now;
	return NULL;
}

static struct row *
rows_add(struct rows *rows)
{
	if (rows->n == rows->cap) {
		rows->cap = rows->cap == 0 ? 64 : rows->cap * 2;
		rows->v = x_realloc(rows->v, rows->cap, sizeof(*rows->v));
	}
	return &rows->v[rows->n++];
}

static void
rows_free(struct rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		agent_free(&rows->v[i].agent);
	x_free(rows->v);
}

/* Those of the address book that are shown, with what is known of ours. */
static int
read_rows(const struct status *s, const struct presence_list *list,
    struct rows *rows, struct err *e)
{
	struct registry registry = REGISTRY_INIT;
	const struct presence *seen;
	struct agent a;
	struct row *row;
	size_t at = 0;
	int rc;

	rc = registry_open(&registry, s->reg->home, clock_real_ms(), e);
	while (rc == 0 && (rc = registry_next(&registry, &at, &a, e)) == 1) {
		rc = 0;
		if (a.hidden || (a.of != NULL && a.known[0] == '\0')) {
			agent_free(&a);
			continue;
		}
		row = rows_add(rows);
		row->agent = a;
		row->now = (struct presence){ .state = PRESENCE_UNKNOWN,
			.quiet_s = -1 };
		seen = str_eq(a.host, s->reg->home->host)
		    ? find_seen(list, a.address)
		    : NULL;
		if (seen != NULL)
			row->now = *seen;
	}
	registry_close(&registry);
	return rc;
}

/* Ask the other hosts; one that cannot be reached is asked once. */
static int
ask_hosts(const struct status *s, struct rows *rows)
{
	struct argv dead = ARGV_INIT;
	struct row *row;
	struct err e;
	size_t i, k;
	int rc = EXIT_OK;

	for (i = 0; i < rows->n; i++) {
		row = &rows->v[i];
		if (str_eq(row->agent.host, s->reg->home->host))
			continue;
		for (k = 0; k < dead.n; k++)
			if (str_eq(dead.v[k], row->agent.host))
				break;
		if (k < dead.n ||
		    status_ask(s, &row->agent, &row->now, &e) == 0)
			continue;
		if (e.code == EXIT_WIRE) {
			argv_add(&dead, row->agent.host);
			rc = EXIT_WIRE;
		}
		log_line("%s: %s", row->agent.host, e.msg);
	}
	argv_free(&dead);
	return rc;
}

int
status_peers(const struct status *s, FILE *to, struct err *e)
{
	struct presence_list list;
	struct rows rows = { .v = NULL };
	struct buf out = BUF_INIT_MAX(4U * REGISTRY_SIZE_MAX);
	struct json j = JSON_INIT(&out);
	struct err notice;
	size_t i;
	int rc;

	presence_list(
	    &list, s->reg->home, s->reg->config, s->reg->profiles, false);
	if (presence_notice(s->reg->home, &list, &notice) != 0)
		log_line("%s", notice.msg);
	rc = read_rows(s, &list, &rows, e);
	if (rc == 0 && s->ask)
		rc = ask_hosts(s, &rows);
	if (rc >= 0 && !s->as_json)
		print_rows(s, &rows, &out);
	if (rc >= 0 && s->as_json) {
		json_array_begin(&j);
		for (i = 0; i < rows.n; i++) {
			json_object_begin(&j);
			status_json(&j, s, &rows.v[i].agent, &rows.v[i].now);
			json_object_end(&j);
		}
		json_array_end(&j);
		buf_addc(&out, '\n');
	}
	if (rc >= 0)
		(void)fwrite(out.data, 1, out.len, to);
	rows_free(&rows);
	presence_list_free(&list);
	buf_free(&out);
	return rc;
}

size_t
status_unread(const struct home *home, const struct agent *a)
{
	struct mailbox_list list = { .v = NULL };
	struct mailbox box = MAILBOX_INIT;
	size_t i, n = 0;

	if (str_eq(a->host, home->host) &&
	    mailbox_look(&box, home, a->id, NULL) == 0) {
		mailbox_newest(&box, STATUS_UNREAD_MAX, &list);
		for (i = 0; i < list.n; i++)
			n += list.v[i].state == MAILBOX_QUEUED ||
			    list.v[i].state == MAILBOX_UNREAD;
		mailbox_list_free(&list);
	}
	mailbox_close(&box);
	return n;
}

int
status_line(const struct home *home, const char *pane, const char *socket,
    FILE *to, struct err *e)
{
	struct registry registry = REGISTRY_INIT;
	char name[ADDRESS_MAX + 1] = "";
	struct agent a;
	size_t at = 0, peers = 0, unread = 0;
	int rc;

	rc = registry_open(&registry, home, clock_real_ms(), e);
	while (rc == 0 && (rc = registry_next(&registry, &at, &a, e)) == 1) {
		rc = 0;
		if (pane != NULL && socket != NULL &&
		    str_eq(a.host, home->host) && str_eq(a.ident.pane, pane) &&
		    str_eq(a.ident.socket, socket)) {
			/* The window's name is the better one. */
			if (name[0] == '\0' || a.of == NULL) {
				(void)snprintf(
				    name, sizeof(name), "%s", a.address);
				unread = status_unread(home, &a);
			}
		} else if (a.of == NULL && !a.hidden && !a.dead) {
			peers++;
		}
		agent_free(&a);
	}
	registry_close(&registry);
	if (rc == 0)
		(void)fprintf(to, "%s (%zu peer%s)",
		    name[0] == '\0' ? home->host : name, peers,
		    peers == 1 ? "" : "s");
	if (rc == 0 && unread > 0)
		(void)fprintf(to, " \u25cf%zu", unread);
	if (rc == 0)
		(void)fputc('\n', to);
	return rc;
}
