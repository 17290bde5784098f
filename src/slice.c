#include "slice.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mem.h"

void
slice_free(struct slice *s)
{
	agent_list_free(&s->agents);
}

void
slice_own(struct slice *s, const char *host, const char *host_id)
{
	size_t i;

	(void)snprintf(s->host, sizeof(s->host), "%s", host);
	(void)snprintf(s->host_id, sizeof(s->host_id), "%s", host_id);
	for (i = 0; i < s->agents.n; i++)
		agent_text(&s->agents.v[i].host, host, HOST_MAX);
}

void
slice_write_table(struct buf *b, const struct slice *s)
{
	toml_write_header(b, "slices", s->host);
	toml_write_integer(b, "version", SLICE_VERSION);
	toml_write_string(b, "host_id", s->host_id);
	toml_write_integer(b, "generation", s->generation);
	toml_write_string(b, "written", s->written);
	if (s->narrow)
		toml_write_boolean(b, "narrow", true);
}

/* A key that most entries do not have. */
static void
write_optional(struct buf *b, const char *key, const char *value)
{
	if (value != NULL && value[0] != '\0')
		toml_write_string(b, key, value);
}

/* `aliases` is all of them; `renamed` says which of them end, and when. */
static void
write_aliases(struct buf *b, const struct agent *a)
{
	const char *names[AGENT_ALIASES_MAX], *ends[AGENT_ALIASES_MAX];
	char text[AGENT_ALIASES_MAX][ADDRESS_MAX + 24];
	size_t i, n = 0;

	for (i = 0; i < a->aliases_n && i < AGENT_ALIASES_MAX; i++) {
		names[i] = a->aliases[i].name;
		if (a->aliases[i].until == 0)
			continue;
		(void)snprintf(text[n], sizeof(text[n]), "%s %" PRId64,
		    a->aliases[i].name, a->aliases[i].until);
		ends[n] = text[n];
		n++;
	}
	if (i > 0)
		toml_write_strings(b, "aliases", names, i);
	if (n > 0)
		toml_write_strings(b, "renamed", ends, n);
}

void
slice_write_agent(struct buf *b, const struct agent *a)
{
	char server[64];

	toml_write_header(b, "agents", a->address);
	toml_write_string(b, "host", a->host);
	if (a->id[0] != '\0' || a->target[0] != '\0') {
		toml_write_string(b, "target", a->target);
		toml_write_string(b, "session", a->session);
		toml_write_string(b, "window", a->window_name);
	}
	toml_write_string(b, "role", a->role);
	toml_write_string(b, "scope", a->scope);
	if (a->hidden)
		toml_write_boolean(b, "explicit", true);
	if (a->id[0] == '\0')
		return; /* narrow, or the bash agent-mesh's: it has no more */
	toml_write_string(b, "id", a->id);
	write_optional(b, "of", a->of);
	toml_write_string(b, "state", a->dead ? "dead" : "live");
	write_optional(b, "agent", a->known);
	toml_write_string(b, "command", a->command);
	toml_write_string(b, "path", a->path);
	write_optional(b, "project", a->project);
	write_optional(b, "status", a->status);
	write_aliases(b, a);
	toml_write_string(b, "socket", a->ident.socket);
	(void)snprintf(server, sizeof(server), "%" PRId64 ".%" PRId64,
	    a->ident.server_pid, a->ident.server_start);
	toml_write_string(b, "server", server);
	toml_write_string(b, "pane", a->ident.pane);
	toml_write_integer(b, "pane_pid", a->ident.pane_pid);
	toml_write_string(b, "window_id", a->window);
	toml_write_string(b, "base", a->base);
	toml_write_string(b, "slug", a->slug);
	if (a->part >= 0)
		toml_write_integer(b, "part", a->part);
	if (a->followed)
		toml_write_boolean(b, "followed", true);
	if (a->role_given)
		toml_write_boolean(b, "role_given", true);
	if (a->scope_given)
		toml_write_boolean(b, "scope_given", true);
	if (a->project_given)
		toml_write_boolean(b, "project_given", true);
}

void
slice_write(struct buf *b, const struct slice *s)
{
	size_t i;

	slice_write_table(b, s);
	for (i = 0; i < s->agents.n; i++)
		slice_write_agent(b, &s->agents.v[i]);
}

void
slice_narrow(struct slice *s)
{
	struct agent bare, *a;
	size_t i;

	for (i = 0; i < s->agents.n; i++) {
		a = &s->agents.v[i];
		agent_init(&bare);
		agent_text(&bare.address, a->address, ADDRESS_MAX);
		agent_text(&bare.host, a->host, HOST_MAX);
		agent_text(&bare.role, a->role, AGENT_LONG_MAX);
		agent_text(&bare.scope, a->scope, AGENT_LONG_MAX);
		bare.hidden = a->hidden;
		agent_free(a);
		*a = bare;
	}
	s->narrow = true;
}

void
slice_write_came(struct buf *b, const struct slice_came *came)
{
	char when[CLOCK_TEXT_MAX];

	clock_text(when, came->ms);
	buf_addf(b, "# came %s %" PRId64 " ", when, came->ms);
	if (came->hops > 0)
		buf_addf(b, "through %s %u", came->through, came->hops);
	if (came->by[0] != '\0')
		buf_addf(b, "%sby %s", came->hops > 0 ? " " : "", came->by);
	else if (came->hops == 0)
		buf_adds(b, "from the host itself");
	buf_addc(b, '\n');
}

/* "through HOST N", if that stands there: how long it is. */
static size_t
read_through(struct slice_came *came, const char *text)
{
	char host[HOST_MAX + 1] = "";
	unsigned hops = 0;
	int n = 0;

	if (sscanf(text, "through %32[A-Za-z0-9_-] %9u%n", host, &hops, &n) !=
		2 ||
	    hops == 0 || !str_host_ok(host))
		return 0;
	memcpy(came->through, host, sizeof(host));
	came->hops = hops > SLICE_HOPS_MAX ? SLICE_HOPS_MAX + 1 : hops;
	return (size_t)n;
}

void
slice_read_came(struct slice_came *came, const char *text)
{
	char by[SLICE_BY_MAX + 1] = "";
	int64_t ms;
	int n = 0;

	*came = (struct slice_came){ .ms = 0 };
	if (sscanf(text, "# came %*31[0-9TZ:-] %18" SCNd64 " %n", &ms, &n) <
		1 ||
	    ms < 0)
		return;
	came->ms = ms;
	text += n;
	text += read_through(came, text);
	if (sscanf(text, " by %255[!-~]", by) != 1)
		return;
	memcpy(came->by, by, sizeof(by));
}

/* One entry being read: its table and what errors begin with. */
struct reader {
	const char *name;
	const char *address;
	const struct toml *table;
	struct err *e;
};

static int
reader_fail(const struct reader *r, const char *key, const char *reason)
{
	const struct toml *at = toml_get(r->table, key);

	return err_set(r->e, EXIT_LOCAL, "%s:%u: %s: %s %s", r->name,
	    toml_line(at != NULL ? at : r->table), r->address, key, reason);
}

/* A text that people read: cleaned and cut. */
static int
read_text(const struct reader *r, const char *key, bool needed, char **field,
    size_t max)
{
	const struct toml *t = toml_get(r->table, key);
	const char *value;

	if (t == NULL)
		return needed ? reader_fail(r, key, "is missing") : 0;
	value = toml_string(t, NULL);
	if (value == NULL)
		return reader_fail(r, key, "must be a string without NUL");
	agent_text(field, value, max);
	return 0;
}

/* A string that programs compare: taken as it stands, or refused. */
static int
read_word(
    const struct reader *r, const char *key, bool needed, const char **value)
{
	const struct toml *t = toml_get(r->table, key);

	*value = "";
	if (t == NULL)
		return needed ? reader_fail(r, key, "is missing") : 0;
	*value = toml_string(t, NULL);
	if (*value == NULL)
		return reader_fail(r, key, "must be a string without NUL");
	return 0;
}

static int
read_flag(const struct reader *r, const char *key, bool *field)
{
	const struct toml *t = toml_get(r->table, key);

	if (t != NULL && toml_type(t) != TOML_BOOLEAN)
		return reader_fail(r, key, "must be true or false");
	*field = toml_boolean(t, false);
	return 0;
}

static int
read_number(const struct reader *r, const char *key, int64_t max,
    int64_t missing, int64_t *field)
{
	const struct toml *t = toml_get(r->table, key);

	*field = toml_integer(t, missing);
	if (t != NULL &&
	    (toml_type(t) != TOML_INTEGER || *field < 0 || *field > max))
		return reader_fail(r, key, "is no number, or out of bounds");
	return 0;
}

static int
read_name(const struct reader *r, const char *key, char **field)
{
	const char *value;

	if (read_word(r, key, false, &value) != 0)
		return -1;
	if (value[0] != '\0' && !str_address_ok(value))
		return reader_fail(r, key, "is no address");
	agent_text(field, value, ADDRESS_MAX);
	return 0;
}

static int
read_id(const struct reader *r, const char *key, char mark, char *field)
{
	const char *value;

	if (read_word(r, key, true, &value) != 0)
		return -1;
	if (!str_id_ok(value, mark))
		return reader_fail(r, key, "is no tmux id");
	(void)snprintf(field, PANE_ID_MAX, "%s", value);
	return 0;
}

/* "1234.1767225600": pid and start time of the server. */
static int
read_server(const struct reader *r, struct pane_ident *ident)
{
	const char *value, *dot;
	uint64_t pid, start;
	char text[24];

	if (read_word(r, "server", true, &value) != 0)
		return -1;
	dot = strchr(value, '.');
	if (dot == NULL || (size_t)(dot - value) >= sizeof(text))
		return reader_fail(r, "server", "is not PID.START");
	memcpy(text, value, (size_t)(dot - value));
	text[dot - value] = '\0';
	if (str_number(text, INT32_MAX, &pid) != 0 ||
	    str_number(dot + 1, INT64_MAX, &start) != 0)
		return reader_fail(r, "server", "is not PID.START");
	ident->server_pid = (int64_t)pid;
	ident->server_start = (int64_t)start;
	return 0;
}

static int
read_socket(const struct reader *r, struct pane_ident *ident)
{
	const char *value;
	char *clean = NULL;
	bool same;

	if (read_word(r, "socket", true, &value) != 0)
		return -1;
	agent_text(&clean, value, PANE_SOCKET_MAX - 1);
	same = str_eq(clean, value);
	x_free(clean);
	if (value[0] != '/' || !same)
		return reader_fail(r, "socket", "is no path of a socket");
	(void)snprintf(ident->socket, sizeof(ident->socket), "%s", value);
	return 0;
}

static int
read_aliases(const struct reader *r, struct agent *a)
{
	const struct toml *all = toml_get(r->table, "aliases");
	const struct toml *ends = toml_get(r->table, "renamed");
	char name[ADDRESS_MAX + 1];
	const char *value, *blank;
	uint64_t until;
	size_t i;

	if ((all != NULL && toml_type(all) != TOML_ARRAY) ||
	    toml_count(all) > AGENT_ALIASES_MAX)
		return reader_fail(r, "aliases", "is no array, or too long");
	if ((ends != NULL && toml_type(ends) != TOML_ARRAY) ||
	    toml_count(ends) > AGENT_ALIASES_MAX)
		return reader_fail(r, "renamed", "is no array, or too long");
	/* First those that end, so that a plain one does not make them last. */
	for (i = 0; i < toml_count(ends); i++) {
		value = toml_string(toml_at(ends, i, NULL), "");
		blank = strchr(value, ' ');
		if (blank == NULL || blank - value > ADDRESS_MAX)
			return reader_fail(r, "renamed", "is not NAME MS");
		memcpy(name, value, (size_t)(blank - value));
		name[blank - value] = '\0';
		if (!str_address_ok(name) ||
		    str_number(blank + 1, INT64_MAX, &until) != 0 || until == 0)
			return reader_fail(r, "renamed", "is not NAME MS");
		agent_alias_add(a, name, (int64_t)until);
	}
	for (i = 0; i < toml_count(all); i++) {
		value = toml_string(toml_at(all, i, NULL), "");
		if (!str_address_ok(value))
			return reader_fail(r, "aliases", "holds no address");
		if (!agent_has_alias(a, value, 0))
			agent_alias_add(a, value, 0);
	}
	return 0;
}

/* What only our own slices have. */
static int
read_identity(const struct reader *r, struct agent *a)
{
	const char *value;
	int64_t number;

	if (read_word(r, "id", true, &value) != 0)
		return -1;
	if (!agent_id_ok(value))
		return reader_fail(r, "id", "must be 16 to 26 of 0-9 a-z");
	(void)snprintf(a->id, sizeof(a->id), "%s", value);
	if (read_word(r, "state", false, &value) != 0 ||
	    read_socket(r, &a->ident) != 0 || read_server(r, &a->ident) != 0 ||
	    read_id(r, "pane", '%', a->ident.pane) != 0 ||
	    read_id(r, "window_id", '@', a->window) != 0 ||
	    read_aliases(r, a) != 0)
		return -1;
	a->dead = str_eq(value, "dead");
	if (toml_get(r->table, "of") != NULL &&
	    (read_name(r, "of", &a->of) != 0 || a->of[0] == '\0'))
		return reader_fail(r, "of", "is no address");
	if (read_number(r, "pane_pid", INT32_MAX, 0, &a->ident.pane_pid) != 0 ||
	    read_number(r, "part", INT32_MAX, -1, &number) != 0)
		return -1;
	a->part = (int)number;
	if (read_name(r, "base", &a->base) != 0 ||
	    read_name(r, "slug", &a->slug) != 0 ||
	    read_text(r, "agent", false, &a->known, AGENT_SHORT_MAX) != 0 ||
	    read_text(r, "command", false, &a->command, AGENT_SHORT_MAX) != 0 ||
	    read_text(r, "path", false, &a->path, AGENT_LONG_MAX) != 0 ||
	    read_flag(r, "followed", &a->followed) != 0 ||
	    read_flag(r, "role_given", &a->role_given) != 0 ||
	    read_text(r, "status", false, &a->status, AGENT_SHORT_MAX) != 0 ||
	    read_text(r, "project", false, &a->project, AGENT_SHORT_MAX) != 0 ||
	    read_flag(r, "scope_given", &a->scope_given) != 0 ||
	    read_flag(r, "project_given", &a->project_given) != 0)
		return -1;
	return 0;
}

int
slice_parse_agent(struct agent *a, const char *name, const char *address,
    const struct toml *t, struct err *e)
{
	const struct reader r = { name, address, t, e };

	agent_init(a);
	if (!str_address_ok(address))
		return err_set(e, EXIT_LOCAL, "%s:%u: '%.*s' is no address",
		    name, toml_line(t), ADDRESS_MAX, address);
	if (toml_type(t) != TOML_TABLE)
		return err_set(e, EXIT_LOCAL, "%s:%u: %s is no table", name,
		    toml_line(t), address);
	agent_text(&a->address, address, ADDRESS_MAX);
	if (read_text(&r, "host", true, &a->host, HOST_MAX) != 0 ||
	    read_text(&r, "target", toml_get(t, "id") != NULL, &a->target,
		AGENT_LONG_MAX) != 0 ||
	    read_text(&r, "session", false, &a->session, AGENT_SHORT_MAX) !=
		0 ||
	    read_text(&r, "window", false, &a->window_name, AGENT_SHORT_MAX) !=
		0 ||
	    read_text(&r, "role", false, &a->role, AGENT_LONG_MAX) != 0 ||
	    read_text(&r, "scope", false, &a->scope, AGENT_LONG_MAX) != 0 ||
	    read_flag(&r, "explicit", &a->hidden) != 0)
		return -1;
	if (!str_host_ok(a->host))
		return reader_fail(&r, "host", "is no host alias");
	if (toml_get(t, "id") == NULL && toml_get(t, "pane") == NULL)
		return 0; /* narrow, or the bash agent-mesh's */
	return read_identity(&r, a);
}

int
slice_parse_table(struct slice *s, const char *name, const char *host,
    const struct toml *t, struct err *e)
{
	const struct reader r = { name, host, t, e };
	const char *id, *written;

	if (!str_host_ok(host) || toml_type(t) != TOML_TABLE)
		return err_set(e, EXIT_LOCAL, "%s:%u: slices: no host alias",
		    name, toml_line(t));
	(void)snprintf(s->host, sizeof(s->host), "%s", host);
	if (read_number(&r, "version", INT32_MAX, 0, &s->version) != 0 ||
	    read_number(&r, "generation", INT64_MAX, 0, &s->generation) != 0 ||
	    read_word(&r, "host_id", true, &id) != 0 ||
	    read_word(&r, "written", false, &written) != 0 ||
	    read_flag(&r, "narrow", &s->narrow) != 0)
		return -1;
	if (s->version != SLICE_VERSION)
		return reader_fail(&r, "version",
		    "is one that this panemesh does not know; update it");
	if (s->generation == 0)
		return reader_fail(&r, "generation", "is missing");
	if (strlen(id) != HOME_ID_LEN ||
	    strspn(id, "0123456789abcdef") != HOME_ID_LEN)
		return reader_fail(&r, "host_id", "must be 16 hex digits");
	if (strlen(written) >= CLOCK_TEXT_MAX ||
	    strspn(written, "0123456789-:TZ") != strlen(written))
		return reader_fail(&r, "written", "is no time");
	memcpy(s->host_id, id, HOME_ID_LEN + 1);
	memcpy(s->written, written, strlen(written) + 1);
	return 0;
}

static int
parse_agents(
    struct slice *s, const char *name, const struct toml *agents, struct err *e)
{
	const struct toml *t;
	const char *address;
	struct agent *a;
	size_t i, len;

	if (agents != NULL && toml_type(agents) != TOML_TABLE)
		return err_set(e, EXIT_LOCAL, "%s:%u: agents is no table", name,
		    toml_line(agents));
	if (toml_count(agents) > SLICE_AGENTS_MAX)
		return err_set(e, EXIT_LOCAL, "%s: more than %d agents", name,
		    SLICE_AGENTS_MAX);
	for (i = 0; i < toml_count(agents); i++) {
		t = toml_at(agents, i, &address);
		(void)toml_key(agents, i, &len);
		a = agent_list_add(&s->agents);
		agent_free(a);
		/* A key with a NUL inside must not pass for what stands
		 * before it. */
		if (slice_parse_agent(a, name,
			strlen(address) == len ? address : "", t, e) != 0)
			return -1;
		if (s->version == 0 && s->host[0] == '\0')
			(void)snprintf(s->host, sizeof(s->host), "%s", a->host);
		if (!str_eq(a->host, s->host))
			return err_set(e, EXIT_LOCAL,
			    "%s:%u: %s: host is '%s' in a slice of '%s'", name,
			    toml_line(t), a->address, a->host, s->host);
		if (s->version != 0 && !s->narrow && a->id[0] == '\0')
			return err_set(e, EXIT_LOCAL,
			    "%s:%u: %s: id is missing", name, toml_line(t),
			    a->address);
	}
	return 0;
}

int
slice_parse(struct slice *s, const char *name, const char *text, size_t len,
    struct err *e)
{
	const struct toml *tables, *t;
	struct toml *root;
	const char *host;
	int rc = -1;

	*s = (struct slice)SLICE_INIT;
	if (len > SLICE_SIZE_MAX)
		return err_set(e, EXIT_LOCAL, "%s: larger than %d bytes", name,
		    SLICE_SIZE_MAX);
	root = toml_parse(name, text, len, e);
	if (root == NULL)
		return -1;
	tables = toml_get(root, "slices");
	if (tables != NULL) {
		if (toml_type(tables) != TOML_TABLE ||
		    toml_count(tables) != 1) {
			(void)err_set(e, EXIT_LOCAL,
			    "%s:%u: slices: must hold one host", name,
			    toml_line(tables));
			goto out;
		}
		t = toml_at(tables, 0, &host);
		if (slice_parse_table(s, name, host, t, e) != 0)
			goto out;
	}
	rc = parse_agents(s, name, toml_get(root, "agents"), e);
	agent_list_sort(&s->agents);
out:
	toml_free(root);
	return rc;
}

int
slice_parse_head(struct slice *s, const char *name, const char *text,
    size_t len, struct err *e)
{
	static const char entry[] = "\n[agents.";
	const char *end = memmem(text, len, entry, sizeof(entry) - 1);

	return slice_parse(
	    s, name, text, end == NULL ? len : (size_t)(end - text) + 1, e);
}

int
slice_accept(const struct slice *s, const char *host,
    const struct slice_known *known, int64_t now, struct err *e)
{
	if (!str_eq(s->host, host))
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': came from host '%s'; a host publishes only "
		    "its own",
		    s->host, host);
	if (s->version == 0 && known->host_id == NULL)
		return 0;
	if (s->version == 0)
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': has no generation, but earlier ones had; "
		    "install panemesh there again, or remove its "
		    "hosts/%s.toml",
		    host, host);
	if (known->host_id != NULL && !str_eq(known->host_id, s->host_id))
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': host_id %s is not the known %s; two hosts "
		    "of one name, or that host was set up anew: remove its "
		    "hosts/%s.toml",
		    host, s->host_id, known->host_id, host);
	if (s->generation > now + SLICE_AHEAD_MS)
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': written more than %d min in the future "
		    "of its reader's clock; set the one that is wrong",
		    host, SLICE_AHEAD_MS / 60000);
	if (s->generation <= known->generation)
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': not newer than the one we have", host);
	return 0;
}
