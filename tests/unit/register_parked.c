#include "unit.h"

#include "mem.h"
#include "register_parked.h"
#include "str.h"

enum { HOUR = 3600 * 1000 };

/* One entry, %1 of server "/s", and a scan that shows its pane. */
struct fix {
	char *dir, *path;
	struct home home;
	struct config config;
	struct tmux_row row;
	struct tmux_rows rows;
	struct agent_list before, none;
	struct agent_scan scan;
};

static int
setup(void **state)
{
	struct fix *f = x_calloc(1, sizeof(*f));
	struct agent *a;

	f->dir = unit_dir();
	f->home.run = x_asprintf("%s/run", f->dir);
	f->home.dir = x_strdup(f->dir);
	assert_int_equal(mkdir(f->home.run, 0700), 0);
	f->path = x_asprintf("%s/parked.toml", f->home.run);
	memcpy(f->home.host, "hub", 4);
	memcpy(f->home.host_id, "0123456789abcdef", 17);
	assert_int_equal(config_parse(&f->config, "c", "", 0, NULL), 0);
	f->row.session_name = x_strdup("tmp");
	f->rows = (struct tmux_rows){ .v = &f->row, .n = 1 };
	a = agent_list_add(&f->before);
	agent_text(&a->address, "hub-dev-w", ADDRESS_MAX);
	agent_text(&a->host, "hub", HOST_MAX);
	agent_text(&a->base, "hub-dev-w", ADDRESS_MAX);
	agent_text(&a->slug, "w", SLUG_MAX);
	agent_id_new(a->id);
	memcpy(a->ident.socket, "/s", 3);
	memcpy(a->ident.pane, "%1", 3);
	memcpy(a->window, "@1", 3);
	a->ident.server_pid = getpid();
	a->ident.server_start = 5;
	a->ident.pane_pid = 7;
	f->row.ident = a->ident;
	f->scan = (struct agent_scan){ .socket = "/s",
		.rows = &f->rows,
		.host = "hub",
		.config = &f->config,
		.now = 1000 * (int64_t)HOUR };
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fix *f = *state;

	unit_dir_remove(f->dir);
	agent_list_free(&f->before);
	config_free(&f->config);
	x_free(f->row.session_name);
	x_free(f->home.run);
	x_free(f->home.dir);
	x_free(f->path);
	x_free(f);
	return 0;
}

/* One scan after which `now` is in the book; how many are parked. */
static size_t
pass(struct fix *f, const struct agent_list *before,
    const struct agent_list *now)
{
	struct parked p;
	size_t n;

	parked_load(&p, &f->home);
	parked_keep(&p, &f->home, before, now, &f->scan, true);
	parked_free(&p);
	parked_load(&p, &f->home);
	n = p.slice.agents.n;
	parked_free(&p);
	return n;
}

static void
test_times(void **state)
{
	struct fix *f = *state;
	int64_t begun = f->scan.now;

	assert_int_equal(pass(f, &f->before, &f->none), 1);
	f->scan.now = begun + 23 * (int64_t)HOUR;
	assert_int_equal(pass(f, &f->none, &f->none), 1);
	f->scan.now = begun + 25 * (int64_t)HOUR;
	assert_int_equal(pass(f, &f->none, &f->none), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	f->config.alias_hours = 0;
	assert_int_equal(pass(f, &f->before, &f->none), 0);
}

static void
test_whose(void **state)
{
	struct fix *f = *state;
	struct agent_list joined;
	struct parked p;

	/* In the book, in a session that is not ignored, gone: not parked. */
	assert_int_equal(pass(f, &f->before, &f->before), 0);
	memcpy(f->row.session_name, "dev", 4);
	assert_int_equal(pass(f, &f->before, &f->none), 0);
	memcpy(f->row.session_name, "tmp", 4);
	f->rows.n = 0;
	assert_int_equal(pass(f, &f->before, &f->none), 0);
	f->rows.n = 1;
	f->row.ident.server_start = 6;
	assert_int_equal(pass(f, &f->before, &f->none), 0);
	f->row.ident.server_start = 5;
	assert_int_equal(pass(f, &f->before, &f->none), 1);
	/* The scan of another server leaves it, and gets none of it. */
	f->scan.socket = "/other";
	assert_int_equal(pass(f, &f->none, &f->none), 1);
	parked_load(&p, &f->home);
	assert_ptr_equal(
	    parked_join(&p, &f->none, &f->scan, &joined), &f->none);
	f->scan.socket = "/s";
	assert_ptr_equal(parked_join(&p, &f->none, &f->scan, &joined), &joined);
	assert_int_equal(joined.n, 1);
	assert_string_equal(joined.v[0].base, "");
	assert_string_equal(joined.v[0].id, f->before.v[0].id);
	agent_list_free(&joined);
	assert_ptr_equal(
	    parked_join(&p, &f->before, &f->scan, &joined), &f->before);
	parked_free(&p);
	/* Back in the book, once that is written. */
	parked_load(&p, &f->home);
	parked_keep(&p, &f->home, &f->none, &f->before, &f->scan, false);
	assert_int_equal(access(f->path, F_OK), 0);
	parked_keep(&p, &f->home, &f->none, &f->before, &f->scan, true);
	assert_int_equal(access(f->path, F_OK), -1);
	parked_free(&p);
}

static void
test_rubbish(void **state)
{
	struct fix *f = *state;

	unit_file(f->path, "[agents.x]\nhost = 3\n", 0600);
	assert_int_equal(pass(f, &f->none, &f->none), 0);
	assert_int_equal(access(f->path, F_OK), -1);
	unit_file(f->path, "\xff", 0600);
	assert_int_equal(pass(f, &f->before, &f->none), 1);
}

#define PARKED_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PARKED_TEST(test_times),
		PARKED_TEST(test_whose),
		PARKED_TEST(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
