#include "unit.h"

#include "group.h"
#include "mem.h"
#include "str.h"

static struct agent_list book = AGENT_LIST_INIT;
static const struct home home = { .host = "hub" };
static struct sender self;

static struct agent *
add(const char *address, const char *host, const char *session,
    const char *role, const char *project)
{
	struct agent *a = agent_list_add(&book);

	agent_text(&a->address, address, ADDRESS_MAX);
	agent_text(&a->host, host, HOST_MAX);
	agent_text(&a->session, session, AGENT_SHORT_MAX);
	agent_text(&a->role, role, AGENT_LONG_MAX);
	agent_text(&a->project, project, AGENT_SHORT_MAX);
	(void)snprintf(a->ident.pane, PANE_ID_MAX, "%%%zu", book.n);
	(void)snprintf(a->ident.socket, PANE_SOCKET_MAX, "/s");
	a->ident.server_pid = 7;
	return a;
}

static int
setup(void **state)
{
	struct agent *a;

	(void)state;
	(void)add("box-dev-a", "box", "dev", "reviews C", "mesh");
	(void)add("hub-dev-b", "hub", "dev", "tests", "mesh");
	a = add("hub-dev-b-p1", "hub", "dev", "tests", "mesh");
	a->of = x_strdup("hub-dev-b");
	memcpy(a->ident.pane, "%2", 3); /* the window's own */
	agent_text(&a->known, "claude", 64);
	a = add("hub-dev-b-p2", "hub", "dev", "sh", "mesh");
	a->of = x_strdup("hub-dev-b");
	a = add("hub-dev-b-p3", "hub", "dev", "codex agent", "");
	a->of = x_strdup("hub-dev-b");
	agent_text(&a->known, "codex", 64);
	add("hub-dev-dead", "hub", "dev", "tests", "mesh")->dead = true;
	add("hub-dev-hid", "hub", "dev", "tests", "mesh")->hidden = true;
	a = add("hub-dev-me", "hub", "dev", "tests", "mesh");
	self.in_pane = true;
	self.ident = a->ident;
	(void)add("hub-mesh-x", "hub", "mesh", "x", "other");
	(void)add("web-web-y", "web", "web", "y", "");
	(void)add("old-z", "old", "", "z", "");
	agent_list_sort(&book);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	agent_list_free(&book);
	return 0;
}

/* Addresses with a blank behind each, or the error. */
static void
names(const char *words, const char *want)
{
	struct group g = GROUP_INIT;
	struct buf got = BUF_INIT;
	char *copy = x_strdup(words), *word, *rest;
	struct err e;
	size_t i;
	int rc = 0;

	for (word = strtok_r(copy, ",", &rest); word != NULL && rc == 0;
	     word = strtok_r(NULL, ",", &rest))
		rc = group_add_from(&g, &book, &home, &self, word, &e);
	for (i = 0; i < g.n && rc == 0; i++)
		buf_addf(&got, "%s ", g.v[i].address);
	if (rc != 0)
		buf_addf(&got, "%d %s", e.code, e.msg);
	if (rc != 0 && want[0] != '\0' && strstr(got.data, want) != NULL)
		buf_reset(&got), buf_adds(&got, want);
	assert_string_equal(got.data, want);
	group_free(&g);
	buf_free(&got);
	x_free(copy);
}

static void
test_kinds(void **state)
{
	(void)state;
	names("x,y,x", "x y ");
	names("@all",
	    "box-dev-a hub-dev-b hub-dev-b-p3 hub-mesh-x old-z web-web-y ");
	names("@box", "box-dev-a ");
	names("@hub", "hub-dev-b hub-dev-b-p3 hub-mesh-x ");
	names("@dev", "box-dev-a hub-dev-b hub-dev-b-p3 ");
	names("@other", "hub-mesh-x ");
	names("@reviews*", "box-dev-a ");
	names("@tests", "hub-dev-b ");
	names("@host:*b*",
	    "box-dev-a hub-dev-b hub-dev-b-p3 hub-mesh-x web-web-y ");
	names("@project:mesh", "box-dev-a hub-dev-b ");
	names("@session:mesh", "hub-mesh-x ");
	names("@role:*",
	    "box-dev-a hub-dev-b hub-dev-b-p3 hub-mesh-x old-z "
	    "web-web-y ");
	/* Nor is who sends by its name one of them. */
	self.is_agent = true;
	self.named = agent_list_find(&book, "hub-mesh-x")->ident;
	names("@all", "box-dev-a hub-dev-b hub-dev-b-p3 old-z web-web-y ");
	self.is_agent = false;
	/* Each once, and hidden ones by their name alone. */
	names("@box,box-dev-a,@dev,hub-dev-hid",
	    "box-dev-a hub-dev-b hub-dev-b-p3 hub-dev-hid ");
}

static void
test_ambiguous(void **state)
{
	(void)state;
	names("@mesh",
	    "2 '@mesh': is ambiguous; say @session:mesh or "
	    "@project:mesh");
	/* Two kinds with the same members are one. */
	names("@web", "web-web-y ");
}

static void
test_nobody(void **state)
{
	(void)state;
	names("@nobody", "2 '@nobody': names nobody");
	names("@", "names nobody");
	names("@host:", "names nobody");
	names("@project:", "names nobody");
	names("@kind:x", "names nobody");
	names("@h*b", "names nobody");
	names("@ALL", "names nobody");
}

static void
test_many(void **state)
{
	struct group g = GROUP_INIT;
	char name[32];
	struct err e;
	int i;

	(void)state;
	for (i = 0; i < GROUP_MAX; i++) {
		(void)snprintf(name, sizeof(name), "hub-dev-%d", i);
		assert_int_equal(
		    group_add_from(&g, &book, &home, &self, name, &e), 0);
	}
	assert_int_equal(
	    group_add_from(&g, &book, &home, &self, "hub-dev-1", &e), 0);
	assert_int_equal(
	    group_add_from(&g, &book, &home, &self, "one-more", &e), -1);
	assert_err(e, EXIT_USAGE, "more than 2000 recipients");
	group_free(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
