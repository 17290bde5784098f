#include "unit.h"

#include "file.h"
#include "log.h"
#include "mem.h"
#include "registry.h"
#include "slice.h"
#include "toml.h"

struct fix {
	char *dir;
	struct home home;
};

static int
setup(void **state)
{
	struct fix *f = x_calloc(1, sizeof(*f));
	struct err e;

	f->dir = unit_dir();
	(void)setenv("HOME", f->dir, 1);
	(void)unsetenv("AGENTS_DIR");
	assert_int_equal(mkdir(unit_path(f->dir, ".agents"), 0700), 0);
	unit_file(unit_path(f->dir, ".agents/self.conf"), "hub\n", 0600);
	if (home_open(&f->home, &e) != 0)
		fail_msg("%s", e.msg);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;

	home_close(&f->home);
	unit_dir_remove(f->dir);
	x_free(f);
	return 0;
}

static struct agent *
add(struct slice *s, const char *address)
{
	static unsigned serial;
	struct agent *a = agent_list_add(&s->agents);

	agent_text(&a->address, address, ADDRESS_MAX);
	agent_text(&a->host, s->host, HOST_MAX);
	agent_text(&a->target, "dev:0", 64);
	(void)snprintf(a->id, sizeof(a->id), "%020u", serial++);
	(void)snprintf(a->ident.socket, PANE_SOCKET_MAX, "/s");
	a->ident.server_pid = 1;
	(void)snprintf(a->ident.pane, PANE_ID_MAX, "%%1");
	(void)snprintf(a->window, PANE_ID_MAX, "@1");
	return a;
}

static void
start(struct slice *s, const struct fix *f, const char *host)
{
	*s = (struct slice)SLICE_INIT;
	(void)snprintf(s->host, sizeof(s->host), "%s", host);
	(void)snprintf(s->host_id, sizeof(s->host_id), "%s",
	    str_eq(host, "hub") ? f->home.host_id : "fedcba9876543210");
	s->generation = 1;
}

/* Write it where it belongs, and release it. */
static void
put(struct slice *s, const struct fix *f)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	char *path;

	agent_list_sort(&s->agents);
	slice_write(&text, s);
	path = str_eq(s->host, "hub")
	    ? x_strdup(f->home.local)
	    : x_asprintf("%s/%s.toml", f->home.hosts, s->host);
	assert_int_equal(
	    file_replace(path, text.data, text.len, FILE_FAST, NULL), 0);
	x_free(path);
	buf_free(&text);
	slice_free(s);
}

/* What `name` leads to, "!" before an alias; the error's text for none. */
static const char *
find(const struct fix *f, const char *name, int64_t now)
{
	static char out[ERR_MSG_MAX + 2];
	struct registry r;
	struct agent a;
	struct err e;
	bool alias;

	if (registry_open(&r, &f->home, now, &e) != 0)
		fail_msg("%s", e.msg);
	if (registry_find(&r, name, now, &a, &alias, &e) == 0) {
		(void)snprintf(
		    out, sizeof(out), "%s%s", alias ? "!" : "", a.address);
		assert_string_equal(a.target, "dev:0");
	} else {
		assert_int_equal(e.code, EXIT_UNKNOWN);
		(void)snprintf(out, sizeof(out), "%s", e.msg);
	}
	agent_free(&a);
	registry_close(&r);
	return out;
}

static void
check_all(const struct fix *f)
{
	assert_string_equal(find(f, "hub-dev-build", 5), "hub-dev-build");
	assert_string_equal(find(f, "hub-a", 5), "hub-a");
	assert_string_equal(find(f, "zed-z", 5), "zed-z");
	assert_string_equal(find(f, "fred", 5), "!hub-dev-build");
	assert_string_equal(find(f, "hub-old", 5), "!hub-a");
	assert_non_null(strstr(find(f, "hub-old", 10), "no such agent"));
	assert_string_equal(find(f, "joe", 5),
	    "joe: means 2 agents: hub-a, zed-z; use an address");
	assert_string_equal(find(f, "hub-dev-biuld", 5),
	    "hub-dev-biuld: no such agent; did you mean hub-dev-build, "
	    "hub-dev-build2?");
	assert_non_null(strstr(find(f, "nothinglikeit", 5), "--list"));
	/* Names that stand in the file otherwise. */
	assert_non_null(strstr(find(f, "hub", 5), "no such agent"));
	assert_non_null(strstr(find(f, "live", 5), "no such agent"));
	assert_non_null(strstr(find(f, "", 5), "is no address"));
	assert_non_null(strstr(find(f, "a.b", 5), "is no address"));
	assert_non_null(strstr(find(f, "a]", 5), "is no address"));
}

static void
fill(const struct fix *f)
{
	struct agent *a;
	struct slice s;

	start(&s, f, "hub");
	a = add(&s, "hub-dev-build");
	agent_alias_add(a, "fred", 0);
	(void)add(&s, "hub-dev-build2");
	a = add(&s, "hub-a");
	agent_alias_add(a, "hub-old", 10);
	agent_alias_add(a, "joe", 0);
	agent_text(&a->role, "aliases = [\"trick\"]", 64);
	put(&s, f);
	start(&s, f, "zed");
	a = add(&s, "zed-z");
	agent_alias_add(a, "joe", 0);
	put(&s, f);
}

static void
test_lookup(void **state)
{
	struct fix *f = *state;
	struct err e;

	fill(f);
	/* First in memory, then from the file. */
	assert_false(registry_fresh(&f->home));
	check_all(f);
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	assert_true(registry_fresh(&f->home));
	check_all(f);
	assert_non_null(strstr(find(f, "trick", 5), "no such agent"));
}

static void
test_text(void **state)
{
	struct fix *f = *state;
	struct buf text = BUF_INIT;
	struct toml *root;
	struct err e;

	fill(f);
	assert_int_equal(registry_assemble(&f->home, 1767323045000, &e), 0);
	assert_int_equal(file_read(f->home.registry, &text, &e), FILE_READ);
	assert_non_null(strstr(text.data,
	    "# Hosts: hub zed\n"
	    "# Last assembled: 2026-01-02T03:04:05Z\n"
	    "[slices.hub]\n"));
	root = toml_parse("r", text.data, text.len, &e);
	assert_non_null(root);
	assert_int_equal(toml_count(toml_get(root, "agents")), 4);
	assert_int_equal(toml_count(toml_get(root, "slices")), 2);
	toml_free(root);
	buf_free(&text);
}

static void
test_stale(void **state)
{
	struct fix *f = *state;
	struct slice s;
	struct err e;

	fill(f);
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	/* The bash version overwrites it in place. */
	unit_file(f->home.registry, "[agents.evil]\nhost = \"x\"\n", 0600);
	assert_false(registry_fresh(&f->home));
	check_all(f);
	unit_file(f->home.registry, "", 0600);
	check_all(f);
	assert_int_equal(unlink(f->home.registry), 0);
	check_all(f);
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	/* An input is replaced, one is new, one is gone. */
	start(&s, f, "zed");
	(void)add(&s, "zed-new");
	put(&s, f);
	assert_false(registry_fresh(&f->home));
	assert_string_equal(find(f, "zed-new", 0), "zed-new");
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	start(&s, f, "yes");
	(void)add(&s, "yes-new");
	put(&s, f);
	assert_string_equal(find(f, "yes-new", 0), "yes-new");
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	assert_int_equal(unlink(unit_path(f->home.hosts, "zed.toml")), 0);
	assert_non_null(strstr(find(f, "zed-new", 0), "no such agent"));
}

static void
test_bad_inputs(void **state)
{
	struct fix *f = *state;
	struct slice s;
	struct err e;

	log_to(-1);
	/* One that says it is we. */
	start(&s, f, f->home.host);
	(void)add(&s, "hub-liar");
	put(&s, f);
	assert_int_equal(
	    rename(f->home.local, unit_path(f->home.hosts, "liar.toml")), 0);
	fill(f);
	unit_file(unit_path(f->home.hosts, "bad.toml"), "[agents.x]\n", 0600);
	unit_file(unit_path(f->home.hosts, "open.toml"), "", 0666);
	unit_file(unit_path(f->home.hosts, ".hidden.toml"), "x", 0600);
	unit_file(unit_path(f->home.hosts, "note.txt"), "x", 0600);
	/* A second slice of one host. */
	start(&s, f, "zed");
	(void)add(&s, "zed-two");
	put(&s, f);
	assert_int_equal(rename(unit_path(f->home.hosts, "zed.toml"),
			     unit_path(f->home.hosts, "zzz.toml")),
	    0);
	start(&s, f, "zed");
	(void)add(&s, "zed-one");
	put(&s, f);
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	assert_string_equal(find(f, "hub-a", 0), "hub-a");
	assert_string_equal(find(f, "zed-one", 0), "zed-one");
	assert_non_null(strstr(find(f, "zed-two", 0), "no such agent"));
	assert_non_null(strstr(find(f, "hub-liar", 0), "no such agent"));
}

/* Two hosts publish one address. */
static void
test_clash(void **state)
{
	struct fix *f = *state;
	struct registry r;
	struct agent a;
	struct slice s;
	struct err e;
	size_t at = 0;
	int n;

	log_to(-1);
	start(&s, f, "aaa");
	(void)add(&s, "hub-a"); /* ours: a peer never takes it */
	(void)add(&s, "zed-x"); /* zed's, by its name */
	(void)add(&s, "other"); /* nobody's: the first host's */
	put(&s, f);
	start(&s, f, "zed");
	(void)add(&s, "zed-x");
	(void)add(&s, "other");
	put(&s, f);
	start(&s, f, "hub");
	(void)add(&s, "hub-a");
	put(&s, f);
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	assert_int_equal(registry_open(&r, &f->home, 0, &e), 0);
	for (n = 0; registry_next(&r, &at, &a, &e) == 1; n++) {
		if (str_eq(a.address, "hub-a"))
			assert_string_equal(a.host, "hub");
		if (str_eq(a.address, "zed-x"))
			assert_string_equal(a.host, "zed");
		if (str_eq(a.address, "other"))
			assert_string_equal(a.host, "aaa");
		agent_free(&a);
	}
	assert_int_equal(n, 3);
	registry_close(&r);
}

static void
test_empty(void **state)
{
	struct fix *f = *state;
	struct registry r;
	struct agent a;
	struct err e;
	size_t at = 0;

	assert_non_null(strstr(find(f, "x", 0), "no such agent"));
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	assert_true(registry_fresh(&f->home));
	assert_non_null(strstr(find(f, "x", 0), "no such agent"));
	assert_int_equal(registry_open(&r, &f->home, 0, &e), 0);
	assert_int_equal(registry_next(&r, &at, &a, &e), 0);
	registry_close(&r);
}

/* Every one of many is found by halving, and nothing between them. */
static void
test_many(void **state)
{
	struct fix *f = *state;
	struct registry r;
	struct agent a;
	struct slice s;
	struct err e;
	char name[64];
	size_t at = 0;
	bool alias;
	int i, n;

	start(&s, f, "hub");
	for (i = 0; i < 2000; i++) {
		(void)snprintf(name, sizeof(name), "hub-dev-%d", i * 2);
		/* Blocks of all lengths. */
		agent_text(&add(&s, name)->role, name, (size_t)(i % 9));
	}
	put(&s, f);
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	assert_int_equal(registry_open(&r, &f->home, 0, &e), 0);
	for (i = 0; i < 4000; i += 2) {
		(void)snprintf(name, sizeof(name), "hub-dev-%d", i);
		assert_int_equal(registry_find(&r, name, 0, &a, &alias, &e), 0);
		assert_string_equal(a.address, name);
		assert_false(alias);
		agent_free(&a);
	}
	assert_true(r.fd >= 0);
	for (n = 0; registry_next(&r, &at, &a, &e) == 1; n++)
		agent_free(&a);
	assert_int_equal(n, 2000);
	assert_int_equal(registry_find(&r, "hub-dev-1", 0, &a, &alias, &e), -1);
	agent_free(&a);
	registry_close(&r);
}

/* What stands there is no longer what the stamp vouched for. */
static void
test_torn(void **state)
{
	struct fix *f = *state;
	struct registry r;
	struct agent a;
	struct err e;
	bool alias;

	fill(f);
	assert_int_equal(registry_assemble(&f->home, 0, &e), 0);
	assert_int_equal(registry_open(&r, &f->home, 0, &e), 0);
	assert_int_equal(truncate(f->home.registry, 700), 0);
	assert_int_equal(registry_find(&r, "zed-z", 0, &a, &alias, &e), -1);
	assert_err(e, EXIT_LOCAL, "changed while it was read");
	agent_free(&a);
	registry_close(&r);
}

static void
list_one(void *arg, const char *address, const char *role, bool hidden)
{
	buf_addf(arg, "%s|%s%s\n", address, role, hidden ? "|hidden" : "");
}

/* A list in one pass says what parsing every entry says. */
static void
test_each(void **state)
{
	static const char *const roles[] = { "", "plain", "say \"hi\"", "a\\b",
		"r\u00e9viseur \U0001f600", "role = \"x\"", "[agents.evil]",
		"ends in \\", "x" };
	struct fix *f = *state;
	struct buf want = BUF_INIT, got = BUF_INIT;
	char address[40];
	struct registry r;
	struct slice s;
	struct agent a, *one;
	struct err e;
	size_t i, at;
	int pass;

	start(&s, f, "hub");
	/* Enough for several pages, so that lines go over their ends. */
	for (i = 0; i < 900; i++) {
		(void)snprintf(address, sizeof(address), "hub-dev-w%zu", i);
		one = add(&s, address);
		agent_text(
		    &one->role, roles[i % UNIT_COUNT(roles)], AGENT_LONG_MAX);
	}
	put(&s, f);
	/* From memory, then from the file. */
	for (pass = 0; pass < 2; pass++) {
		assert_int_equal(registry_open(&r, &f->home, 1, &e), 0);
		assert_int_equal(r.fd >= 0, pass == 1);
		assert_int_equal(registry_each(&r, list_one, &got, &e), 0);
		for (at = 0; registry_next(&r, &at, &a, &e) == 1;
		     agent_free(&a))
			list_one(&want, a.address, a.role, a.hidden);
		assert_true(want.len > 900 * 10);
		assert_string_equal(got.data, want.data);
		buf_reset(&got);
		buf_reset(&want);
		registry_close(&r);
		assert_int_equal(registry_assemble(&f->home, 1, &e), 0);
	}
	assert_int_equal(registry_open(&r, &f->home, 1, &e), 0);
	assert_int_equal(truncate(f->home.registry, 700), 0);
	assert_int_equal(registry_each(&r, list_one, &got, &e), -1);
	assert_err(e, EXIT_LOCAL, "changed while it was read");
	registry_close(&r);
	buf_free(&want);
	buf_free(&got);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_lookup),
		TEST(test_text),
		TEST(test_stale),
		TEST(test_bad_inputs),
		TEST(test_clash),
		TEST(test_empty),
		TEST(test_many),
		TEST(test_torn),
		TEST(test_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
