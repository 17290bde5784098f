#include "unit.h"

#include "agent.h"
#include "agent_names.h"
#include "mem.h"

enum { HOUR = 3600 * 1000 };

/* One made-up scan after another of server "/s", pid 100, started at 5. */
struct fix {
	struct config config;
	struct tmux_rows rows;
	struct agent_sight sights[64];
	struct agent_list book;
	int64_t now, server_pid, server_start;
	const char *socket;
	const char *host;
};

static int
setup(void **state)
{
	struct fix *f = x_calloc(1, sizeof(*f));

	assert_int_equal(config_parse(&f->config, "c", "", 0, NULL), 0);
	f->now = 1000000;
	f->server_pid = 100;
	f->server_start = 5;
	f->socket = "/s";
	f->host = "hub";
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;

	agent_list_free(&f->book);
	tmux_rows_free(&f->rows);
	config_free(&f->config);
	x_free(f);
	return 0;
}

/* A row: session "1:dev", window "1:0:build", pane "1:0". */
static struct tmux_row *
row(struct fix *f, unsigned session, const char *session_name, unsigned window,
    unsigned index, const char *name, unsigned pane, unsigned pane_index)
{
	struct tmux_row *r;

	f->rows.v = x_realloc(f->rows.v, f->rows.n + 1, sizeof(*f->rows.v));
	r = &f->rows.v[f->rows.n++];
	memset(r, 0, sizeof(*r));
	(void)snprintf(
	    r->ident.socket, sizeof(r->ident.socket), "%s", f->socket);
	r->ident.server_pid = f->server_pid;
	r->ident.server_start = f->server_start;
	r->ident.pane_pid = 1000 + pane;
	(void)snprintf(r->ident.pane, PANE_ID_MAX, "%%%u", pane);
	(void)snprintf(r->session, PANE_ID_MAX, "$%u", session);
	(void)snprintf(r->window, PANE_ID_MAX, "@%u", window);
	r->session_number = session;
	r->window_index = index;
	r->pane_index = pane_index;
	r->pane_active = pane_index == 0;
	r->session_name = x_strdup(session_name);
	r->window_name = x_strdup(name);
	r->title = x_strdup("");
	r->role = x_strdup("");
	r->scope = x_strdup("");
	r->name = x_strdup("");
	r->profile = x_strdup("");
	r->project = x_strdup("");
	r->status = x_strdup("");
	return r;
}

/* A window of one pane, pane id = window id. */
static struct tmux_row *
win(struct fix *f, unsigned session, const char *session_name, unsigned window,
    unsigned index, const char *name)
{
	return row(f, session, session_name, window, index, name, window, 0);
}

/* The program in a pane (by id) as the next scan sees it: after the rows. */
static void
known(struct fix *f, unsigned pane, const char *agent)
{
	char id[PANE_ID_MAX];
	size_t i;

	agent_rows_sort(&f->rows);
	(void)snprintf(id, sizeof(id), "%%%u", pane);
	for (i = 0; i < f->rows.n; i++)
		if (str_eq(f->rows.v[i].ident.pane, id))
			f->sights[i].known = f->sights[i].command = agent;
}

/* Scan: the rows become the book, and are used up. Returns "changed". */
static bool
scan(struct fix *f)
{
	const struct agent_scan s = { .socket = f->socket,
		.rows = &f->rows,
		.sights = f->sights,
		.host = f->host,
		.config = &f->config,
		.now = f->now };
	struct agent_list next;
	bool same;

	agent_rows_sort(&f->rows);
	agent_merge(&next, &f->book, &s);
	same = agent_list_same(&f->book, &next);
	agent_list_free(&f->book);
	f->book = next;
	tmux_rows_free(&f->rows);
	memset(f->sights, 0, sizeof(f->sights));
	return !same;
}

/* All addresses, each with its aliases: "a b(c,d)". */
static const char *
book(const struct fix *f)
{
	static char text[8192];
	size_t i, k, n = 0;

	text[0] = '\0';
	for (i = 0; i < f->book.n; i++) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
		    i == 0 ? "" : " ", f->book.v[i].address);
		for (k = 0; k < f->book.v[i].aliases_n; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%c%s%s", k == 0 ? '(' : ',',
			    f->book.v[i].aliases[k].name,
			    k + 1 == f->book.v[i].aliases_n ? ")" : "");
	}
	return text;
}

static struct agent *
get(const struct fix *f, const char *address)
{
	struct agent *a = agent_list_find(&f->book, address);

	if (a == NULL)
		fail_msg("%s is not in: %s", address, book(f));
	return a;
}

static void
test_first_sight(void **state)
{
	struct fix *f = *state;
	struct agent *a;

	win(f, 1, "dev", 1, 0, "Build It!");
	win(f, 2, "my proj", 2, 3, "\xe6\x97\xa5");
	win(f, 3, "test-x", 3, 0, "ignored");
	assert_true(scan(f));
	assert_string_equal(book(f), "hub-dev-build-it hub-my-proj-win3");
	a = get(f, "hub-dev-build-it");
	assert_string_equal(a->target, "dev:0");
	assert_string_equal(a->window, "@1");
	assert_true(agent_id_ok(a->id));
	assert_null(a->of);
}

static void
test_duplicates(void **state)
{
	struct fix *f = *state;
	int i;

	/* X4: in window order, whatever the order of the rows; the first keeps
	 * the plain address, also when it comes later in the list. */
	for (i = 0; i < 2; i++) {
		win(f, 1, "dev", 3, 2, "fix api");
		win(f, 1, "dev", 2, 1, "Fix: API");
		win(f, 1, "dev", 4, 3, "fix-api-2");
		assert_int_equal(scan(f), i == 0);
		assert_string_equal(book(f),
		    "hub-dev-fix-api hub-dev-fix-api-2 hub-dev-fix-api-2-2");
	}
	assert_string_equal(get(f, "hub-dev-fix-api")->window, "@2");
	/* The first goes: nobody moves up, and its name is free again. */
	win(f, 1, "dev", 3, 2, "fix api");
	win(f, 1, "dev", 9, 5, "fix api");
	scan(f);
	assert_string_equal(get(f, "hub-dev-fix-api")->window, "@9");
}

static void
test_rename(void **state)
{
	struct fix *f = *state;
	char id[AGENT_ID_MAX + 1];

	win(f, 1, "dev", 1, 0, "a");
	scan(f);
	(void)snprintf(id, sizeof(id), "%s", f->book.v[0].id);
	win(f, 1, "dev", 1, 0, "b");
	assert_true(scan(f));
	assert_string_equal(book(f), "hub-dev-b(hub-dev-a)");
	assert_string_equal(f->book.v[0].id, id);
	/* An alias is not handed out... */
	win(f, 1, "dev", 1, 0, "b");
	win(f, 1, "dev", 2, 1, "a");
	scan(f);
	assert_string_equal(book(f), "hub-dev-a-2 hub-dev-b(hub-dev-a)");
	/* ...but to whom it belongs. */
	win(f, 1, "dev", 1, 0, "a");
	win(f, 1, "dev", 2, 1, "a");
	scan(f);
	assert_string_equal(book(f), "hub-dev-a(hub-dev-b) hub-dev-a-2");
	/* It lasts 24 h from the day it was given up. */
	f->now += 24 * HOUR - 1;
	win(f, 1, "dev", 1, 0, "a");
	win(f, 1, "dev", 2, 1, "a");
	assert_false(scan(f));
	f->now += 1;
	win(f, 1, "dev", 1, 0, "a");
	win(f, 1, "dev", 2, 1, "a");
	assert_true(scan(f));
	assert_string_equal(book(f), "hub-dev-a hub-dev-a-2");
}

static void
test_swapped_names(void **state)
{
	struct fix *f = *state;

	win(f, 1, "dev", 1, 0, "a");
	win(f, 1, "dev", 2, 1, "b");
	scan(f);
	win(f, 1, "dev", 1, 0, "b");
	win(f, 1, "dev", 2, 1, "a");
	scan(f);
	assert_string_equal(
	    book(f), "hub-dev-a-2(hub-dev-b) hub-dev-b-2(hub-dev-a)");
}

static void
test_no_aliases(void **state)
{
	struct fix *f = *state;

	f->config.alias_hours = 0;
	win(f, 1, "dev", 1, 0, "a");
	scan(f);
	win(f, 1, "dev", 1, 0, "b");
	scan(f);
	assert_string_equal(book(f), "hub-dev-b");
}

static void
test_automatic(void **state)
{
	struct fix *f = *state;

	win(f, 1, "dev", 1, 0, "bash")->automatic_rename = true;
	scan(f);
	/* Its own renaming is no event. */
	win(f, 1, "dev", 1, 0, "vim")->automatic_rename = true;
	assert_false(scan(f));
	/* The agent is there, but the name is still the shell's. */
	win(f, 1, "dev", 1, 0, "sh")->automatic_rename = true;
	known(f, 1, "claude");
	assert_true(scan(f));
	assert_string_equal(book(f), "hub-dev-bash");
	assert_false(f->book.v[0].followed);
	win(f, 1, "dev", 1, 0, "claude")->automatic_rename = true;
	known(f, 1, "claude");
	assert_true(scan(f));
	assert_string_equal(book(f), "hub-dev-claude(hub-dev-bash)");
	/* Only once. */
	win(f, 1, "dev", 1, 0, "codex")->automatic_rename = true;
	known(f, 1, "claude");
	assert_false(scan(f));
	/* Who ran there last is remembered. */
	win(f, 1, "dev", 1, 0, "bash")->automatic_rename = true;
	assert_false(scan(f));
	assert_string_equal(f->book.v[0].known, "claude");
	/* An explicit rename moves it whatever was. */
	win(f, 1, "dev", 1, 0, "mine");
	scan(f);
	assert_string_equal(
	    book(f), "hub-dev-mine(hub-dev-bash,hub-dev-claude)");
}

static void
test_automatic_agent_first(void **state)
{
	struct fix *f = *state;

	win(f, 1, "dev", 1, 0, "claude")->automatic_rename = true;
	known(f, 1, "claude");
	scan(f);
	assert_true(f->book.v[0].followed);
	win(f, 1, "dev", 1, 0, "codex")->automatic_rename = true;
	known(f, 1, "codex");
	scan(f);
	assert_string_equal(book(f), "hub-dev-claude");
}

static void
test_early_name(void **state)
{
	struct fix *f = *state;

	win(f, 1, "dev", 1, 0, "tmux")->automatic_rename = true;
	f->sights[0].command = "bash";
	scan(f);
	assert_string_equal(book(f), "hub-dev-bash");
	win(f, 1, "dev", 1, 0, "bash")->automatic_rename = true;
	assert_false(scan(f));
	win(f, 1, "dev", 2, 0, "tmux")->automatic_rename = true;
	f->sights[0].command = "tmux: client";
	scan(f);
	assert_string_equal(book(f), "hub-dev-tmux");
}

static void
test_index_name(void **state)
{
	struct fix *f = *state;

	win(f, 1, "dev", 1, 3, "...");
	scan(f);
	win(f, 1, "dev", 1, 5, "...");
	assert_true(scan(f));
	assert_string_equal(book(f), "hub-dev-win3");
	assert_string_equal(f->book.v[0].target, "dev:5");
	win(f, 1, "dev", 1, 5, "x");
	scan(f);
	assert_string_equal(book(f), "hub-dev-x(hub-dev-win3)");
	win(f, 1, "dev", 1, 5, "!");
	scan(f);
	assert_string_equal(book(f), "hub-dev-win5(hub-dev-win3,hub-dev-x)");
}

static void
test_panes(void **state)
{
	struct fix *f = *state;
	char id[AGENT_ID_MAX + 1];

	row(f, 1, "dev", 1, 0, "w", 1, 0);
	scan(f);
	(void)snprintf(id, sizeof(id), "%s", f->book.v[0].id);
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	scan(f);
	assert_string_equal(book(f), "hub-dev-w hub-dev-w-p0 hub-dev-w-p1");
	assert_string_equal(get(f, "hub-dev-w")->id, id);
	assert_string_equal(get(f, "hub-dev-w")->target, "dev:0.0");
	assert_string_equal(get(f, "hub-dev-w-p1")->of, "hub-dev-w");
	/* A pane between: it gets the next free number. */
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 3, 1);
	row(f, 1, "dev", 1, 0, "w", 2, 2);
	scan(f);
	assert_string_equal(get(f, "hub-dev-w-p1")->ident.pane, "%2");
	assert_string_equal(get(f, "hub-dev-w-p2")->ident.pane, "%3");
	/* The first goes: the others keep theirs; the window means another. */
	row(f, 1, "dev", 1, 0, "w", 3, 0)->pane_active = false;
	row(f, 1, "dev", 1, 0, "w", 2, 1)->pane_active = true;
	scan(f);
	assert_string_equal(book(f), "hub-dev-w hub-dev-w-p1 hub-dev-w-p2");
	assert_string_equal(get(f, "hub-dev-w")->ident.pane, "%2");
	/* One is left: its number is an alias, and remembered. */
	row(f, 1, "dev", 1, 0, "w", 3, 0);
	scan(f);
	assert_string_equal(book(f), "hub-dev-w(hub-dev-w-p2)");
	row(f, 1, "dev", 1, 0, "w", 3, 0);
	row(f, 1, "dev", 1, 0, "w", 4, 1);
	scan(f);
	assert_string_equal(get(f, "hub-dev-w-p1")->ident.pane, "%4");
}

/* An address that vanished while its pane was alone belongs to the window for
 * 24 h, and the pane may have it back. */
static void
test_pane_number_back(void **state)
{
	struct fix *f = *state;

	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	scan(f);
	row(f, 1, "dev", 1, 0, "w", 2, 0);
	scan(f);
	assert_string_equal(book(f), "hub-dev-w(hub-dev-w-p1)");
	assert_int_equal(f->book.v[0].part, 1);
	f->now += 24 * HOUR;
	row(f, 1, "dev", 1, 0, "w", 2, 0);
	row(f, 1, "dev", 1, 0, "w", 3, 1);
	scan(f);
	assert_string_equal(book(f), "hub-dev-w hub-dev-w-p1 hub-dev-w-p2");
	assert_string_equal(get(f, "hub-dev-w-p1")->ident.pane, "%2");
}

static void
test_pane_names_clash(void **state)
{
	struct fix *f = *state;

	/* A window is called as a pane's address would be. */
	win(f, 1, "dev", 9, 5, "w-p1");
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	scan(f);
	assert_string_equal(
	    book(f), "hub-dev-w hub-dev-w-p0 hub-dev-w-p1 hub-dev-w-p2");
	assert_string_equal(get(f, "hub-dev-w-p1")->window, "@9");
}

static void
test_renamed_with_panes(void **state)
{
	struct fix *f = *state;

	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	scan(f);
	row(f, 1, "dev", 1, 0, "v", 1, 0);
	row(f, 1, "dev", 1, 0, "v", 2, 1);
	scan(f);
	assert_string_equal(book(f),
	    "hub-dev-v(hub-dev-w) hub-dev-v-p0(hub-dev-w-p0) "
	    "hub-dev-v-p1(hub-dev-w-p1)");
	assert_string_equal(get(f, "hub-dev-v-p1")->of, "hub-dev-v");
}

static void
test_agent_pane(void **state)
{
	struct fix *f = *state;

	/* Marked, else known, else active; what it meant stays if it can. */
	row(f, 1, "dev", 1, 0, "w", 1, 0)->pane_active = false;
	row(f, 1, "dev", 1, 0, "w", 2, 1)->pane_active = true;
	row(f, 1, "dev", 1, 0, "w", 3, 2)->pane_active = false;
	scan(f);
	assert_string_equal(get(f, "hub-dev-w")->ident.pane, "%2");
	row(f, 1, "dev", 1, 0, "w", 1, 0)->pane_active = true;
	row(f, 1, "dev", 1, 0, "w", 2, 1)->pane_active = false;
	row(f, 1, "dev", 1, 0, "w", 3, 2);
	assert_false(scan(f));
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	row(f, 1, "dev", 1, 0, "w", 3, 2);
	known(f, 3, "codex");
	scan(f);
	assert_string_equal(get(f, "hub-dev-w")->ident.pane, "%3");
	assert_string_equal(get(f, "hub-dev-w")->role, "codex agent");
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	row(f, 1, "dev", 1, 0, "w", 3, 2);
	known(f, 1, "claude");
	known(f, 3, "codex");
	scan(f);
	assert_string_equal(get(f, "hub-dev-w")->ident.pane, "%3");
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1)->agent_pane = true;
	row(f, 1, "dev", 1, 0, "w", 3, 2);
	known(f, 3, "codex");
	scan(f);
	assert_string_equal(get(f, "hub-dev-w")->ident.pane, "%2");
}

static void
test_break_and_join(void **state)
{
	struct fix *f = *state;
	char id[AGENT_ID_MAX + 1];

	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	scan(f);
	(void)snprintf(id, sizeof(id), "%s", get(f, "hub-dev-w-p1")->id);
	/* break-pane */
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 2, 1, "own", 2, 0);
	scan(f);
	assert_string_equal(
	    book(f), "hub-dev-own(hub-dev-w-p1) hub-dev-w(hub-dev-w-p0)");
	assert_string_equal(get(f, "hub-dev-own")->id, id);
	/* join-pane */
	row(f, 1, "dev", 1, 0, "w", 1, 0);
	row(f, 1, "dev", 1, 0, "w", 2, 1);
	scan(f);
	assert_string_equal(
	    book(f), "hub-dev-w hub-dev-w-p0 hub-dev-w-p1(hub-dev-own)");
	assert_string_equal(get(f, "hub-dev-w-p1")->id, id);
}

static void
test_sessions(void **state)
{
	struct fix *f = *state;

	/* X1: sessions of which one begins the other. */
	win(f, 1, "dev", 1, 0, "w");
	win(f, 2, "dev-api", 2, 0, "w");
	scan(f);
	win(f, 2, "dev-api", 2, 0, "w");
	scan(f);
	assert_string_equal(book(f), "hub-dev-api-w");
	/* rename-session, move-window */
	win(f, 2, "x.y", 2, 0, "w");
	scan(f);
	assert_string_equal(book(f), "hub-x-y-w(hub-dev-api-w)");
	win(f, 3, "z", 2, 4, "w");
	scan(f);
	assert_string_equal(book(f), "hub-z-w(hub-dev-api-w,hub-x-y-w)");
	/* Into an ignored session, and out again: a new registration. */
	win(f, 4, "test", 2, 4, "w");
	scan(f);
	assert_int_equal(f->book.n, 0);
}

static void
test_links(void **state)
{
	struct fix *f = *state;

	/* The lowest session, not the first row; "_x" is ignored. */
	win(f, 10, "b", 1, 0, "w");
	win(f, 9, "a", 1, 3, "w");
	win(f, 2, "_x", 1, 0, "w");
	win(f, 9, "a", 2, 4, "b");
	scan(f);
	assert_string_equal(book(f), "hub-a-b hub-a-w(hub-b-w)");
	assert_string_equal(get(f, "hub-a-w")->target, "a:3");
	/* The same again is no change; linked twice in one session is one. */
	win(f, 10, "b", 1, 0, "w");
	win(f, 10, "b", 1, 7, "w");
	win(f, 9, "a", 1, 3, "w");
	win(f, 9, "a", 2, 4, "b");
	assert_false(scan(f));
	/* The session that named it goes: the alias becomes the address. */
	win(f, 10, "b", 1, 0, "w");
	scan(f);
	assert_string_equal(book(f), "hub-b-w(hub-a-w)");
}

static void
test_link_alias_taken(void **state)
{
	struct fix *f = *state;
	int i;

	for (i = 0; i < 2; i++) {
		win(f, 1, "a", 1, 0, "w");
		win(f, 2, "b", 1, 0, "w");
		win(f, 2, "b", 2, 1, "w");
		assert_int_equal(scan(f), i == 0);
		assert_string_equal(book(f), "hub-a-w(hub-b-w-2) hub-b-w");
	}
	/* Session names that look the same after cleaning. */
	win(f, 3, "x y", 3, 0, "w");
	win(f, 4, "x-y", 3, 0, "w");
	scan(f);
	assert_string_equal(book(f), "hub-x-y-w");
}

static void
test_names(void **state)
{
	struct fix *f = *state;
	struct tmux_row *r;
	int i;

	for (i = 0; i < 2; i++) {
		r = win(f, 1, "a", 1, 0, "w");
		x_free(r->name);
		r->name = x_strdup("fred");
		r = win(f, 1, "a", 2, 1, "v");
		x_free(r->name);
		r->name = x_strdup("fred");
		r = win(f, 1, "a", 3, 2, "u");
		x_free(r->name);
		r->name = x_strdup("-bad");
		assert_int_equal(scan(f), i == 0);
		assert_string_equal(
		    book(f), "hub-a-u hub-a-v(fred2) hub-a-w(fred)");
	}
	/* The first gives it up: the second keeps what it has. */
	win(f, 1, "a", 1, 0, "w");
	r = win(f, 1, "a", 2, 1, "v");
	x_free(r->name);
	r->name = x_strdup("fred");
	scan(f);
	assert_string_equal(book(f), "hub-a-v(fred2) hub-a-w");
	/* In a window of several panes it is the pane's. */
	row(f, 1, "a", 1, 0, "w", 1, 0);
	r = row(f, 1, "a", 1, 0, "w", 7, 1);
	x_free(r->name);
	r->name = x_strdup("joe");
	scan(f);
	assert_string_equal(book(f), "hub-a-w hub-a-w-p0 hub-a-w-p1(joe)");
}

static void
test_servers(void **state)
{
	struct fix *f = *state;
	char id[AGENT_ID_MAX + 1];

	win(f, 1, "dev", 1, 0, "w");
	scan(f);
	(void)snprintf(id, sizeof(id), "%s", f->book.v[0].id);
	f->socket = "/t";
	f->server_pid = 200;
	win(f, 1, "dev", 1, 0, "w");
	win(f, 1, "dev", 2, 1, "w");
	scan(f);
	assert_string_equal(book(f), "hub-dev-w hub-dev-w-2 hub-dev-w-3");
	/* A new server behind the socket: ids and names are used again. */
	f->server_start = 6;
	win(f, 1, "dev", 1, 0, "w");
	scan(f);
	assert_string_equal(book(f), "hub-dev-w hub-dev-w-2");
	assert_string_equal(get(f, "hub-dev-w")->id, id);
	/* No server: its entries go, those of the other stay. */
	scan(f);
	assert_string_equal(book(f), "hub-dev-w");
	/* The first one restarts: same address, another registration. */
	f->socket = "/s";
	win(f, 1, "dev", 1, 0, "w");
	scan(f);
	assert_string_equal(book(f), "hub-dev-w");
	assert_string_not_equal(f->book.v[0].id, id);
}

static void
test_host_alias_changes(void **state)
{
	struct fix *f = *state;

	win(f, 1, "dev", 1, 0, "w");
	scan(f);
	f->host = "lap";
	win(f, 1, "dev", 1, 0, "w");
	scan(f);
	assert_string_equal(book(f), "lap-dev-w(hub-dev-w)");
	assert_string_equal(f->book.v[0].host, "lap");
}

static void
test_volatile(void **state)
{
	struct fix *f = *state;
	struct tmux_row *r;

	win(f, 1, "dev", 1, 0, "w");
	f->sights[0].command = "bash";
	f->sights[0].path = "/a";
	scan(f);
	assert_string_equal(f->book.v[0].role, "bash");
	assert_string_equal(f->book.v[0].scope, "/a");
	win(f, 1, "dev", 1, 0, "w");
	f->sights[0].command = "make";
	f->sights[0].path = "/b";
	assert_false(scan(f));
	/* What an option says is no guess. */
	r = win(f, 1, "dev", 1, 0, "w");
	x_free(r->role);
	r->role = x_strdup("tester\n\x1b[31m");
	assert_true(scan(f));
	assert_string_equal(f->book.v[0].role, "tester  [31m");
	win(f, 1, "dev", 1, 0, "w");
	assert_true(scan(f));
	/* A process that was replaced, a program that ended. */
	win(f, 1, "dev", 1, 0, "w")->ident.pane_pid = 77;
	assert_true(scan(f));
	win(f, 1, "dev", 1, 0, "w")->dead = true;
	assert_true(scan(f));
	assert_true(f->book.v[0].dead);
	assert_int_equal(f->book.v[0].ident.pane_pid, 0);
}

static void
test_long_names(void **state)
{
	struct fix *f = *state;
	char session[300], name[300];
	size_t i;

	memset(session, 'S', sizeof(session) - 1);
	memset(name, 'n', sizeof(name) - 1);
	session[299] = name[299] = '\0';
	f->host = "h1234567890123456789012345678901";
	for (i = 0; i < 12; i++)
		row(f, 1, session, 1, 0, name, (unsigned)i, (unsigned)i);
	win(f, 1, session, 20, 1, name);
	scan(f);
	assert_int_equal(f->book.n, 14);
	for (i = 0; i < f->book.n; i++)
		assert_true(str_address_ok(f->book.v[i].address));
}

static void
test_many(void **state)
{
	struct fix *f = *state;
	unsigned many = unit_valgrind() ? 1000 : 10000;
	struct agent_sight *sights = x_calloc(many, sizeof(*sights));
	const struct agent_scan s = { .socket = "/s",
		.rows = &f->rows,
		.sights = sights,
		.host = "hub",
		.config = &f->config,
		.now = 1 };
	struct agent_list first, second;
	char last[32];
	unsigned i;

	for (i = 0; i < many; i++)
		win(f, 1, "dev", i, i, "same");
	agent_rows_sort(&f->rows);
	agent_merge(&first, &f->book, &s);
	agent_merge(&second, &first, &s);
	assert_int_equal(first.n, many);
	assert_true(agent_list_same(&first, &second));
	(void)snprintf(last, sizeof(last), "hub-dev-same-%u", many);
	assert_non_null(agent_list_find(&first, last));
	agent_list_free(&first);
	agent_list_free(&second);
	x_free(sights);
}

static void
test_aliases(void **state)
{
	struct agent a;
	char name[16];
	int i;

	(void)state;
	agent_init(&a);
	agent_alias_add(&a, "b", 10);
	agent_alias_add(&a, "a", 0);
	agent_alias_add(&a, "b", 5);
	assert_int_equal(a.aliases_n, 2);
	assert_string_equal(a.aliases[0].name, "a");
	assert_int_equal(a.aliases[1].until, 10);
	assert_true(agent_has_alias(&a, "b", 9));
	assert_false(agent_has_alias(&a, "b", 10));
	assert_true(agent_has_alias(&a, "a", INT64_MAX));
	agent_alias_drop(&a, "c");
	agent_alias_drop(&a, "a");
	assert_false(agent_has_alias(&a, "a", 0));
	/* Full: what ends first makes room; without any nothing is added. */
	for (i = 0; i < AGENT_ALIASES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%d", i);
		agent_alias_add(&a, name, 0);
	}
	assert_int_equal(a.aliases_n, AGENT_ALIASES_MAX);
	assert_false(agent_has_alias(&a, "b", 0));
	agent_alias_add(&a, "late", 99);
	assert_false(agent_has_alias(&a, "late", 0));
	agent_free(&a);
}

static void
test_words(void **state)
{
	char id[AGENT_ID_MAX + 1], other[AGENT_ID_MAX + 1], *text = NULL;

	(void)state;
	agent_id_new(id);
	agent_id_new(other);
	assert_true(agent_id_ok(id));
	assert_string_not_equal(id, other);
	assert_false(agent_id_ok("0123456789abcde"));
	assert_true(agent_id_ok("0123456789abcdef"));
	assert_false(agent_id_ok("0123456789abcdeF"));
	assert_false(agent_id_ok("0123456789abcdef0123456789a"));
	assert_true(agent_name_ok("_a-b"));
	assert_false(agent_name_ok(""));
	assert_false(agent_name_ok("-a"));
	assert_false(agent_name_ok("a b"));
	assert_true(agent_name_ok(
	    "12345678901234567890123456789012345678901234567890"));
	assert_false(agent_name_ok(
	    "123456789012345678901234567890123456789012345678901"));
	agent_text(&text, "a\tb\x7f\xc2\x85\xe2\x80\xae\xff\xc3\xa9", 64);
	assert_string_equal(text, "a b?\xc3\xa9");
	agent_text(&text, "abc\xc3\xa9", 4);
	assert_string_equal(text, "abc");
	x_free(text);
}

static void
test_name_set(void **state)
{
	struct agent_names names = AGENT_NAMES_INIT;
	char name[16];
	size_t i;

	(void)state;
	assert_null(agent_names_find(&names, "x"));
	for (i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "n%zu", i);
		assert_true(agent_names_add(&names, name, i, i % 2 == 0));
		assert_false(agent_names_add(&names, name, 0, false));
	}
	for (i = 0; i < 1000; i++) {
		(void)snprintf(name, sizeof(name), "n%zu", i);
		assert_int_equal(agent_names_find(&names, name)->owner, i);
	}
	assert_null(agent_names_find(&names, "n1000"));
	agent_names_free(&names);
}

/*
 * Random worlds: whatever happens between two scans, names stay unique, every
 * live window has its entry, ids stay with their windows, and scanning again
 * without a change changes nothing.
 */
static unsigned seed = 1;

static unsigned
roll(unsigned n)
{
	seed = seed * 1103515245U + 12345U;
	return (seed >> 16) % n;
}

struct toy {
	bool lives;
	unsigned session, panes, name;
	bool automatic;
};

static void
rows_of_toys(struct fix *f, const struct toy *toys, unsigned n)
{
	static const char *const names[] = { "a", "b", "b-2", "a-p1", "claude",
		"!", "sh" };
	static const char *const sessions[] = { "s", "t", "s-b", "test" };
	unsigned i, p;
	struct tmux_row *r;

	for (i = 0; i < n; i++)
		for (p = 0; toys[i].lives && p < toys[i].panes; p++) {
			r = row(f, toys[i].session, sessions[toys[i].session],
			    i, i, names[toys[i].name], i * 10 + p, p);
			r->automatic_rename = toys[i].automatic;
		}
}

static void
check_book(struct fix *f)
{
	struct agent_names names = AGENT_NAMES_INIT;
	size_t i, k;

	for (i = 0; i < f->book.n; i++) {
		assert_true(
		    agent_names_add(&names, f->book.v[i].address, i, false));
		assert_true(str_address_ok(f->book.v[i].address));
		for (k = 0; k < f->book.v[i].aliases_n; k++)
			assert_true(agent_names_add(
			    &names, f->book.v[i].aliases[k].name, i, true));
	}
	agent_names_free(&names);
}

static void
test_random(void **state)
{
	struct toy toys[12] = { { false, 0, 0, 0, false } };
	struct fix *f = *state;
	unsigned rounds = unit_valgrind() ? 300 : 3000, round, i, live;
	size_t whole;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < 12; i++) {
			if (roll(4) != 0)
				continue;
			toys[i].lives = roll(5) != 0;
			toys[i].session = roll(4);
			toys[i].panes = 1 + roll(3);
			toys[i].name = roll(7);
			toys[i].automatic = roll(2) == 0;
		}
		f->now += roll(HOUR * 6);
		rows_of_toys(f, toys, 12);
		if (f->rows.n > 0 && roll(2) == 0)
			known(f, roll(12) * 10, "claude");
		(void)scan(f);
		check_book(f);
		for (live = 0, i = 0; i < 12; i++)
			live += toys[i].lives && toys[i].session != 3;
		for (whole = 0, i = 0; i < f->book.n; i++)
			whole += f->book.v[i].of == NULL;
		assert_int_equal(whole, live);
		rows_of_toys(f, toys, 12);
		assert_false(scan(f));
	}
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_first_sight),
		TEST(test_duplicates),
		TEST(test_rename),
		TEST(test_swapped_names),
		TEST(test_no_aliases),
		TEST(test_automatic),
		TEST(test_automatic_agent_first),
		TEST(test_early_name),
		TEST(test_index_name),
		TEST(test_panes),
		TEST(test_pane_number_back),
		TEST(test_pane_names_clash),
		TEST(test_renamed_with_panes),
		TEST(test_agent_pane),
		TEST(test_break_and_join),
		TEST(test_sessions),
		TEST(test_links),
		TEST(test_link_alias_taken),
		TEST(test_names),
		TEST(test_servers),
		TEST(test_host_alias_changes),
		TEST(test_volatile),
		TEST(test_long_names),
		TEST(test_many),
		TEST(test_random),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_name_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
