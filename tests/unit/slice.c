#include "unit.h"

#include "mem.h"
#include "slice.h"

#define TABLE                                                         \
	"[slices.hub]\nversion = 1\nhost_id = \"0123456789abcdef\"\n" \
	"generation = 7\nwritten = \"2026-01-02T03:04:05Z\"\n"
#define AGENT                                                              \
	"[agents.hub-dev-w]\nhost = \"hub\"\ntarget = \"dev:0\"\n"         \
	"session = \"dev\"\nwindow = \"w\"\nrole = \"r\"\nscope = \"s\"\n" \
	"id = \"0123456789abcdefghij\"\nstate = \"live\"\n"                \
	"socket = \"/s\"\nserver = \"12.34\"\npane = \"%1\"\n"             \
	"pane_pid = 5\nwindow_id = \"@1\"\n"

static int
parse(struct slice *s, const char *text, struct err *e)
{
	return slice_parse(s, "slice", text, strlen(text), e);
}

static void
fill(struct slice *s)
{
	struct agent *a;

	*s = (struct slice){ .host = "hub",
		.host_id = "0123456789abcdef",
		.version = SLICE_VERSION,
		.generation = 1790000000000,
		.written = "2026-01-02T03:04:05Z" };
	a = agent_list_add(&s->agents);
	agent_text(&a->address, "hub-dev-w", ADDRESS_MAX);
	agent_text(&a->host, "hub", HOST_MAX);
	(void)snprintf(a->id, sizeof(a->id), "0123456789abcdefghij");
	(void)snprintf(a->ident.socket, PANE_SOCKET_MAX, "/tmp/a b'\"\\");
	a->ident.server_pid = 2147483647;
	a->ident.server_start = 1790000000;
	(void)snprintf(a->ident.pane, PANE_ID_MAX, "%%4294967295");
	a->ident.pane_pid = 5;
	(void)snprintf(a->window, PANE_ID_MAX, "@0");
	a->part = 3;
	a->dead = a->followed = a->role_given = a->scope_given = true;
	a->hidden = a->project_given = true;
	agent_text(&a->status, "on \xe2\x9c\x93", 64);
	agent_text(&a->project, "p \"q\"", 64);
	agent_text(&a->base, "hub-dev-w", ADDRESS_MAX);
	agent_text(&a->slug, "w", SLUG_MAX);
	agent_text(&a->target, "d\"ev:0", 64);
	agent_text(&a->session, "d\"ev", 64);
	agent_text(&a->window_name, "\\n\xf0\x9f\x98\x80", 64);
	agent_text(&a->role, "]\n[agents.x]", 64);
	agent_text(&a->scope, "'''", 64);
	agent_text(&a->command, "x", 64);
	agent_text(&a->path, "/home/u", 64);
	agent_text(&a->known, "claude", 64);
	agent_alias_add(a, "fred", 0);
	agent_alias_add(a, "hub-dev-old", 1790000000001);
	a = agent_list_add(&s->agents);
	agent_free(a);
	agent_copy(a, &s->agents.v[0]);
	agent_text(&a->address, "hub-dev-w-p3", ADDRESS_MAX);
	a->of = x_strdup("hub-dev-w");
	a->id[0] = 'z';
	a->dead = a->followed = a->role_given = a->scope_given = false;
	a->hidden = a->project_given = false;
	a->part = -1;
	agent_alias_drop(a, "fred");
	agent_alias_drop(a, "hub-dev-old");
}

static void
test_round_trip(void **state)
{
	struct buf text = BUF_INIT, again = BUF_INIT;
	struct slice s, back;
	struct err e;

	(void)state;
	fill(&s);
	slice_write(&text, &s);
	if (parse(&back, text.data, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(agent_list_same(&s.agents, &back.agents));
	assert_string_equal(back.host, "hub");
	assert_string_equal(back.host_id, s.host_id);
	assert_int_equal(back.generation, s.generation);
	assert_string_equal(back.written, s.written);
	slice_write(&again, &back);
	assert_string_equal(text.data, again.data);
	/* One header line for each entry, whatever the texts say. */
	assert_null(strstr(text.data, "\n[agents.x]"));
	slice_free(&s);
	slice_free(&back);
	buf_free(&text);
	buf_free(&again);
}

static void
test_optional(void **state)
{
	struct slice s;
	struct err e;

	(void)state;
	assert_int_equal(
	    parse(&s, TABLE AGENT "later = 1\n[other]\nx=1\n", &e), 0);
	assert_int_equal(s.agents.n, 1);
	assert_int_equal(s.agents.v[0].part, -1);
	assert_int_equal(s.agents.v[0].ident.server_pid, 12);
	assert_int_equal(s.agents.v[0].ident.server_start, 34);
	assert_null(s.agents.v[0].of);
	slice_free(&s);
	assert_int_equal(parse(&s, TABLE, &e), 0);
	assert_int_equal(s.agents.n, 0);
	slice_free(&s);
}

/* The bash agent-mesh's own. */
static void
test_predecessor(void **state)
{
	struct slice s;
	struct buf text = BUF_INIT;
	struct err e;

	(void)state;
	assert_int_equal(
	    parse(&s,
		"[agents.hub-dev-build]\nhost   = \"hub\"\n"
		"target = \"dev:0\"\nsession = \"dev\"\nwindow = \"build\"\n"
		"role   = \"Claude Code agent in dev:build\"\n"
		"scope  = \"Window target dev:0\"\n",
		&e),
	    0);
	assert_int_equal(s.version, 0);
	assert_string_equal(s.host, "hub");
	assert_string_equal(s.agents.v[0].target, "dev:0");
	assert_string_equal(s.agents.v[0].id, "");
	slice_write_agent(&text, &s.agents.v[0]);
	assert_non_null(strstr(text.data, "target = \"dev:0\"\n"));
	assert_null(strstr(text.data, "pane"));
	buf_free(&text);
	slice_free(&s);
	assert_int_equal(parse(&s, "", &e), 0);
	assert_string_equal(s.host, "");
	slice_free(&s);
}

/* AGENT with one line replaced. */
static char *
with(const char *key, const char *line)
{
	const char *text = TABLE AGENT, *at;
	char *start = x_asprintf("\n%s = ", key), *out;

	at = strstr(strstr(text, "[agents"), start);
	if (at == NULL)
		at = text + strlen(text) - 1;
	out = x_asprintf("%.*s\n%s%s", (int)(at - text), text, line,
	    strchr(at + 1, '\n') == NULL ? "\n" : strchr(at + 1, '\n'));
	x_free(start);
	return out;
}

static void
test_bad_agents(void **state)
{
	static const struct {
		const char *key, *line, *error;
	} bad[] = {
		{ "host", "host = \"evil\"", "host is 'evil' in a slice" },
		{ "host", "host = \"a b\"", "host is no host alias" },
		{ "host", "host = 1", "must be a string" },
		{ "host", "", "host is missing" },
		{ "target", "", "target is missing" },
		{ "id", "id = \"short\"", "id must be 16 to 26" },
		{ "id", "id = \"ABCDEFGHIJKLMNOPQRST\"", "id must be" },
		{ "id", "", "id is missing" },
		{ "socket", "socket = \"rel\"", "socket is no path" },
		{ "socket", "socket = \"/a\\u001b\"", "socket is no path" },
		{ "server", "server = \"12\"", "server is not PID.START" },
		{ "server", "server = \"-1.2\"", "server is not PID.START" },
		{ "server", "server = \"1.2.3\"", "server is not" },
		{ "server", "server = \"99999999999.2\"", "server is not" },
		{ "pane", "pane = \"1\"", "pane is no tmux id" },
		{ "pane", "pane = \"%1;\"", "pane is no tmux id" },
		{ "pane_pid", "pane_pid = -1", "pane_pid is no number" },
		{ "pane_pid", "pane_pid = \"1\"", "pane_pid is no number" },
		{ "window_id", "window_id = \"%1\"", "window_id is no" },
		{ "x", "of = \"\"", "of is no address" },
		{ "x", "of = \"a.b\"", "of is no address" },
		{ "x", "base = \"a b\"", "base is no address" },
		{ "x", "part = 3000000000", "part is no number" },
		{ "x", "followed = 1", "followed must be true or false" },
		{ "x", "aliases = \"a\"", "aliases is no array" },
		{ "x", "aliases = [\"a b\"]", "aliases holds no address" },
		{ "x", "aliases = [1]", "aliases holds no address" },
		{ "x", "renamed = [\"a\"]", "renamed is not NAME MS" },
		{ "x", "renamed = [\"a 0\"]", "renamed is not NAME MS" },
		{ "x", "renamed = [\"a -1\"]", "renamed is not NAME MS" },
		{ "x", "renamed = [\"a.b 1\"]", "renamed is not NAME MS" },
	};
	struct slice s;
	struct err e;
	size_t i;
	char *text;

	(void)state;
	text = with("x", "part = 1");
	assert_int_equal(parse(&s, text, &e), 0);
	slice_free(&s);
	x_free(text);
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		text = with(bad[i].key, bad[i].line);
		if (parse(&s, text, &e) == 0)
			fail_msg("taken: %s", text);
		assert_err(e, EXIT_LOCAL, bad[i].error);
		assert_err(e, EXIT_LOCAL, "slice:");
		slice_free(&s);
		x_free(text);
	}
}

static void
test_bad_slices(void **state)
{
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "[slices]\n", "must hold one host" },
		{ "[slices.a]\n[slices.b]\n", "must hold one host" },
		{ "slices = 1\n", "must hold one host" },
		{ "[slices.\"a b\"]\n", "no host alias" },
		{ "slices = { a = 1 }\n", "no host alias" },
		{ "[slices.a]\nversion = 2\nhost_id = \"0123456789abcdef\"\n"
		  "generation = 1\n",
		    "update it" },
		{ "[slices.a]\nversion = 1\nhost_id = \"0123456789abcdef\"\n",
		    "generation is missing" },
		{ "[slices.a]\nversion = 1\nhost_id = \"0123\"\n"
		  "generation = 1\n",
		    "16 hex digits" },
		{ "[slices.a]\nversion = 1\nhost_id = \"0123456789abcdef\"\n"
		  "generation = 1\nwritten = \"\\u001b[31m\"\n",
		    "written is no time" },
		{ "agents = 1\n", "agents is no table" },
		{ "[agents]\na = 1\n", "a is no table" },
		{ "[agents.\"a.b\"]\nhost = \"x\"\n", "is no address" },
		{ "[agents.\"a\\u0000b\"]\nhost = \"x\"\n", "is no address" },
		{ TABLE AGENT AGENT, "slice:" },
		{ TABLE "[agents.a]\nhost = \"hub\"\ntarget = \"t\"\n",
		    "id is missing" },
		{ "[agents.a]\nhost = \"x\"\ntarget = \"t\"\n"
		  "[agents.b]\nhost = \"y\"\ntarget = \"t\"\n",
		    "host is 'y' in a slice of 'x'" },
		{ "[agents.a]\nhost = \"x\"\ntarget = \"t\"\nrole = 1\n",
		    "role must be a string" },
	};
	struct slice s;
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		if (parse(&s, bad[i].text, &e) == 0)
			fail_msg("taken: %s", bad[i].text);
		assert_err(e, EXIT_LOCAL, bad[i].error);
		slice_free(&s);
	}
	assert_int_equal(
	    slice_parse(&s, "slice", "", SLICE_SIZE_MAX + 1UL, &e), -1);
	assert_err(e, EXIT_LOCAL, "larger than");
	slice_free(&s);
}

static void
test_texts_are_cleaned(void **state)
{
	char *text = with("role", "role = \"a\\u001b[31m\\nb\\u202e\"");
	struct slice s;
	struct err e;

	(void)state;
	assert_int_equal(parse(&s, text, &e), 0);
	assert_string_equal(s.agents.v[0].role, "a [31m b");
	slice_free(&s);
	x_free(text);
}

static void
test_too_many(void **state)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice s;
	struct err e;
	int i;

	(void)state;
	for (i = 0; i <= SLICE_AGENTS_MAX; i++)
		buf_addf(
		    &text, "[agents.a%d]\nhost = \"x\"\ntarget = \"t\"\n", i);
	assert_int_equal(parse(&s, text.data, &e), -1);
	assert_err(e, EXIT_LOCAL, "more than 20000 agents");
	slice_free(&s);
	buf_free(&text);
}

static void
test_accept(void **state)
{
	struct slice s = { .host = "hub",
		.host_id = "0123456789abcdef",
		.version = 1,
		.generation = 1000 };
	struct slice_known none = { NULL, 0 };
	struct slice_known known = { "0123456789abcdef", 999 };
	struct slice_known other = { "fedcba9876543210", 999 };
	struct err e;

	(void)state;
	assert_int_equal(slice_accept(&s, "hub", &none, 1000, &e), 0);
	assert_int_equal(slice_accept(&s, "hub", &known, 1000, &e), 0);
	assert_int_equal(slice_accept(&s, "lap", &none, 1000, &e), -1);
	assert_err(e, EXIT_REFUSED, "publishes only its own");
	assert_int_equal(slice_accept(&s, "hub", &other, 1000, &e), -1);
	assert_err(e, EXIT_REFUSED, "not the known");
	known.generation = 1000;
	assert_int_equal(slice_accept(&s, "hub", &known, 1000, &e), -1);
	assert_err(e, EXIT_REFUSED, "not newer");
	known.generation = 0;
	s.generation = 1000 + SLICE_AHEAD_MS;
	assert_int_equal(slice_accept(&s, "hub", &known, 1000, &e), 0);
	s.generation++;
	assert_int_equal(slice_accept(&s, "hub", &known, 1000, &e), -1);
	assert_err(e, EXIT_REFUSED, "clock");
	s.version = 0;
	assert_int_equal(slice_accept(&s, "hub", &known, 1000, &e), -1);
	assert_err(e, EXIT_REFUSED, "install panemesh");
}

static void
test_load_local(void **state)
{
	char *dir = unit_dir(), *bad = NULL;
	struct home h = { .dir = dir, .host = "hub" };
	struct slice s;
	struct err e;

	(void)state;
	h.local = x_asprintf("%s/local.toml", dir);
	assert_int_equal(slice_load_local(&s, &h, NULL, &bad, &e), 0);
	assert_null(bad);
	assert_int_equal(s.agents.n, 0);
	slice_free(&s);
	unit_file(h.local, TABLE AGENT, 0600);
	assert_int_equal(slice_load_local(&s, &h, NULL, &bad, &e), 0);
	assert_int_equal(s.agents.n, 1);
	slice_free(&s);
	unit_file(
	    h.local, "[agents.a]\nhost = \"hub\"\ntarget = \"t\"\n", 0600);
	assert_int_equal(slice_load_local(&s, &h, NULL, &bad, &e), 0);
	assert_int_equal(s.agents.n, 0);
	assert_null(bad);
	slice_free(&s);
	/* Not valid: set aside, with what it held. */
	clock_freeze(1767323045000);
	unit_file(h.local, TABLE "torn", 0600);
	assert_int_equal(slice_load_local(&s, &h, NULL, &bad, &e), 0);
	assert_non_null(bad);
	assert_non_null(strstr(bad, "local.toml.bad-2026-01-02T03-04-05Z"));
	assert_int_equal(access(bad, R_OK), 0);
	assert_int_equal(access(h.local, F_OK), -1);
	x_free(bad);
	slice_free(&s);
	clock_freeze(-1);
	unit_file(h.local, TABLE, 0666);
	assert_int_equal(slice_load_local(&s, &h, NULL, &bad, &e), -1);
	assert_err(e, EXIT_LOCAL, "chmod");
	slice_free(&s);
	x_free(h.local);
	unit_dir_remove(dir);
}

/* The first line of a slice as it is kept. */
static void
test_came(void **state)
{
	static const struct slice_came all[] = {
		{ .ms = 1790000000123 },
		{ .ms = 1790000000123, .by = "u@h:2" },
		{ .ms = 1790000000123, .through = "hub", .hops = 1 },
		{ .ms = 1, .by = "lap", .through = "h-b_2", .hops = 5 },
	};
	static const struct {
		const char *text;
		struct slice_came came;
	} odd[] = {
		{ "", { .ms = 0 } },
		{ "# came x 5 by h\n", { .ms = 0 } },
		{ "# came 2026-09-21T12:53:20Z -5 by h\n", { .ms = 0 } },
		{ "# came 2026-09-21T12:53:20Z 7 through h 0\n", { .ms = 7 } },
		{ "# came 2026-09-21T12:53:20Z 7 through ../x 1\n",
		    { .ms = 7 } },
		{ "# came 2026-09-21T12:53:20Z 7 through h 4000\n",
		    { .ms = 7, .through = "h", .hops = SLICE_HOPS_MAX + 1 } },
	};
	struct slice_came came;
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(all); i++) {
		struct buf b = BUF_INIT;

		slice_write_came(&b, &all[i]);
		slice_read_came(&came, b.data);
		assert_memory_equal(&came, &all[i], sizeof(came));
		buf_free(&b);
	}
	for (i = 0; i < UNIT_COUNT(odd); i++) {
		slice_read_came(&came, odd[i].text);
		assert_memory_equal(&came, &odd[i].came, sizeof(came));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_optional),
		cmocka_unit_test(test_predecessor),
		cmocka_unit_test(test_bad_agents),
		cmocka_unit_test(test_bad_slices),
		cmocka_unit_test(test_texts_are_cleaned),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_came),
		cmocka_unit_test(test_load_local),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
