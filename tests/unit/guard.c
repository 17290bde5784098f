/*
 * The guard against a real tmux: true for the pane that was seen, false after
 * any single change.
 */
#include "unit.h"

#include <ctype.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>

#include "argv.h"
#include "buf.h"
#include "clock.h"
#include "guard.h"
#include "mem.h"
#include "tmux.h"

static char *dir;
static struct tmux server;
static pid_t client = -1;
static int client_fd = -1;

/* One tmux call; its output, malloc'd; NULL when it failed. */
static char *__attribute__((sentinel)) tm(const char *first, ...)
{
	struct argv args = ARGV_INIT;
	struct buf out = BUF_INIT;
	struct err e;
	const char *word;
	va_list ap;
	bool fine;

	va_start(ap, first);
	for (word = first; word != NULL; word = va_arg(ap, const char *))
		argv_add(&args, word);
	va_end(ap);
	fine = tmux_call(&server, &args, NULL, 0, &out, &e) == TMUX_OK;
	argv_free(&args);
	while (out.len > 0 && out.data[out.len - 1] == '\n')
		buf_truncate(&out, out.len - 1);
	if (!fine)
		buf_free(&out);
	return fine ? buf_steal(&out) : NULL;
}

#define TM(...) free(tm(__VA_ARGS__, NULL))

static void
look(const char *pane, struct pane_facts *facts)
{
	struct pane_ident ident = { .pane_pid = 0 };
	struct buf cells = BUF_INIT;
	char *pid = tm("display-message", "-p", "#{pid} #{start_time}", NULL);
	long long a, b;
	struct err e;

	assert_non_null(pid);
	assert_int_equal(sscanf(pid, "%lld %lld", &a, &b), 2);
	free(pid);
	ident.server_pid = a;
	ident.server_start = b;
	memcpy(ident.socket, server.socket, sizeof(ident.socket));
	(void)snprintf(ident.pane, sizeof(ident.pane), "%s", pane);
	pane_facts_free(facts);
	if (tmux_look(&server, &ident, facts, &cells, &e) != 0)
		fail_msg("%s", e.msg);
	buf_free(&cells);
}

/* What tmux says to a guard on `pane`. */
static bool
holds(const char *pane, const struct buf *guard)
{
	char *said = tm("if-shell", "-F", "-t", pane, guard->data,
	    "display-message -p yes", "display-message -p no", NULL);
	bool yes;

	assert_non_null(said);
	yes = strcmp(said, "yes") == 0;
	assert_true(yes || strcmp(said, "no") == 0);
	free(said);
	return yes;
}

/* A guard of everything; the pattern is the row the cursor stands on. */
static void
build(struct buf *guard, const char *pane, struct pane_facts *facts)
{
	look(pane, facts);
	buf_reset(guard);
	guard_build(guard, facts, GUARD_CURSOR | GUARD_PEOPLE, "^READY *$", 0);
}

/* Until the pane shows what its program prints. */
static void
await(const char *pane, const char *text)
{
	int64_t deadline = clock_deadline(10000);
	bool seen;
	char *screen;

	do {
		clock_nap(10, deadline);
		screen = tm("capture-pane", "-p", "-t", pane, NULL);
		seen = screen != NULL && strstr(screen, text) != NULL;
		if (clock_left(deadline) == 0)
			fail_msg("%s lacks '%s': %s", pane, text, screen);
		free(screen);
	} while (!seen);
}

/* A pane whose first row says READY; its id. */
static char *
new_pane(void)
{
	char *pane = tm("new-window", "-d", "-P", "-F", "#{pane_id}",
	    "stty -echo; echo READY; exec sleep 1000", NULL);

	assert_non_null(pane);
	await(pane, "READY");
	return pane;
}

static int
setup(void **state)
{
	struct argv args = ARGV_INIT;
	char path[512], conf[512];
	struct err e;

	(void)state;
	dir = unit_dir();
	(void)snprintf(path, sizeof(path), "%s/tmux.sock", dir);
	(void)setenv("LC_ALL", "C.UTF-8", 1);
	if (tmux_open(&server, path, &e) != 0)
		return -1;
	/* whoever runs this may have no shell that runs commands */
	(void)snprintf(conf, sizeof(conf), "%s/conf", dir);
	unit_file(conf, "set -g default-shell /bin/sh\n", 0600);
	argv_addl(&args, "-f", conf, "new-session", "-d", "-s", "main", "-x",
	    "100", "-y", "30", "exec sleep 1000", NULL);
	if (tmux_call(&server, &args, NULL, 0, NULL, &e) != TMUX_OK) {
		(void)fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	argv_free(&args);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	TM("kill-server");
	if (client > 0)
		(void)waitpid(client, NULL, 0);
	if (client_fd >= 0)
		(void)close(client_fd);
	unit_dir_remove(dir);
	return 0;
}

/* Ids, numbers, names of formats and the pattern: no text from outside. */
static void
test_text(void **state)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz_0123456789"
				  "#{}?:=&,@$%/CS -";
	struct pane_facts facts = { .width = 80 };
	const char pattern[] = "^> *$";
	struct buf b = BUF_INIT;
	unsigned parts;

	(void)state;
	facts.ident.server_pid = INT64_MAX;
	facts.ident.server_start = 1;
	memcpy(facts.ident.pane, "%4294967295", 12);
	memcpy(facts.window, "@4294967295", 12);
	memcpy(facts.people, "$3=17", 6);
	(void)snprintf(facts.title, sizeof(facts.title), "#(touch TITLE)");
	(void)snprintf(facts.command, sizeof(facts.command), "#(CMD)");
	(void)snprintf(facts.profile, sizeof(facts.profile), "#(PROFILE)");
	(void)snprintf(facts.tty, sizeof(facts.tty), "/dev/TTY");
	(void)snprintf(
	    facts.ident.socket, sizeof(facts.ident.socket), "/tmp/SOCKET");
	for (parts = 0; parts < 4; parts++) {
		buf_reset(&b);
		guard_build(&b, &facts, parts, NULL, 0);
		assert_int_equal(strspn(b.data, set), b.len);
		assert_null(strstr(b.data, "#("));
		assert_non_null(strstr(b.data, " 0000"));
		assert_non_null(strstr(b.data, "%4294967295"));
		assert_non_null(strstr(b.data, "9223372036854775807"));
		assert_int_equal(strstr(b.data, "#{cursor_x}") != NULL,
		    (parts & GUARD_CURSOR) != 0);
		assert_int_equal(strstr(b.data, "$3=17") != NULL,
		    (parts & GUARD_PEOPLE) != 0);
	}
	buf_reset(&b);
	guard_build(&b, &facts, 0, pattern, 4);
	assert_non_null(strstr(b.data, "#{==:#{C/r:^> *$},5}"));
	buf_free(&b);
}

/* The pattern counts, and its row. */
static void
test_pattern(void **state)
{
	struct buf guard = BUF_INIT;
	struct pane_facts facts = { .width = 0 };
	char *pane = new_pane();

	(void)state;
	build(&guard, pane, &facts);
	assert_true(holds(pane, &guard));
	buf_reset(&guard);
	guard_build(&guard, &facts, GUARD_CURSOR, "^READY *$", 1);
	assert_false(holds(pane, &guard));
	buf_reset(&guard);
	guard_build(&guard, &facts, GUARD_CURSOR, "^NEVER", 0);
	assert_false(holds(pane, &guard));
	buf_reset(&guard);
	guard_build(&guard, &facts, 0, NULL, 0);
	assert_true(holds(pane, &guard));
	pane_facts_free(&facts);
	buf_free(&guard);
	TM("kill-pane", "-t", pane);
	free(pane);
}

/* Each change by itself, from which the pane comes back. */
static void
test_modes(void **state)
{
	struct buf guard = BUF_INIT;
	struct pane_facts facts = { .width = 0 };
	char *pane = new_pane(), *target, *tty;
	FILE *f;

	(void)state;
	build(&guard, pane, &facts);
	assert_true(holds(pane, &guard));

	TM("copy-mode", "-t", pane);
	assert_false(holds(pane, &guard));
	TM("copy-mode", "-q", "-t", pane);
	assert_true(holds(pane, &guard));

	TM("select-pane", "-d", "-t", pane);
	assert_false(holds(pane, &guard));
	TM("select-pane", "-e", "-t", pane);
	assert_true(holds(pane, &guard));

	TM("set-option", "-w", "-t", pane, "synchronize-panes", "on");
	assert_false(holds(pane, &guard));
	TM("set-option", "-w", "-t", pane, "synchronize-panes", "off");
	assert_true(holds(pane, &guard));

	/* the size */
	target = tm("display-message", "-p", "-t", pane, "#{window_id}", NULL);
	TM("resize-window", "-t", target, "-x", "90", "-y", "30");
	assert_false(holds(pane, &guard));
	TM("resize-window", "-t", target, "-x", "100", "-y", "30");
	free(target);
	await(pane, "READY");
	build(&guard, pane, &facts);
	assert_true(holds(pane, &guard));

	/* the cursor, the alternate screen */
	tty = tm("display-message", "-p", "-t", pane, "#{pane_tty}", NULL);
	f = fopen(tty, "we");
	assert_non_null(f);
	(void)fputs("\033[5;7H", f);
	(void)fflush(f);
	clock_nap(100, clock_deadline(100));
	assert_false(holds(pane, &guard));
	(void)fputs("\033[2;1H", f);
	(void)fflush(f);
	clock_nap(100, clock_deadline(100));
	assert_true(holds(pane, &guard));
	(void)fputs("\033[?1049h\033[2;1H", f);
	(void)fflush(f);
	clock_nap(100, clock_deadline(100));
	buf_reset(&guard);
	guard_build(&guard, &facts, GUARD_CURSOR, NULL, 0);
	assert_false(holds(pane, &guard));
	(void)fclose(f);
	free(tty);
	pane_facts_free(&facts);
	buf_free(&guard);
	TM("kill-pane", "-t", pane);
	free(pane);
}

/* Is the pane dead within a second? */
static bool
dies(const char *pane)
{
	int64_t deadline = clock_deadline(1000);
	bool dead = false;
	char *said;

	while (!dead && clock_left(deadline) > 0) {
		said = tm(
		    "display-message", "-p", "-t", pane, "#{pane_dead}", NULL);
		dead = said != NULL && said[0] == '1';
		free(said);
		clock_nap(10, deadline);
	}
	return dead;
}

/* End the pane's process. Now and then tmux 3.3a never notices: again then,
 * with another one. */
static void
kill_pane_process(const char *pane, struct buf *guard, struct pane_facts *facts)
{
	unsigned tries = 0;

	do {
		assert_true(tries++ < 5);
		TM("respawn-pane", "-k", "-t", pane,
		    "echo READY; exec sleep 1000");
		await(pane, "READY");
		look(pane, facts);
		buf_reset(guard);
		guard_build(guard, facts, 0, NULL, 0);
		assert_true(holds(pane, guard));
		assert_int_equal(
		    kill((pid_t)facts->ident.pane_pid, SIGKILL), 0);
	} while (!dies(pane));
}

/* A pane that lives on as another one, or not at all. */
static void
test_identity(void **state)
{
	struct buf guard = BUF_INIT;
	struct pane_facts facts = { .width = 0 };
	char *pane = new_pane(), *other = new_pane();

	(void)state;
	build(&guard, pane, &facts);
	assert_true(holds(pane, &guard));
	assert_false(holds(other, &guard));
	/* tmux takes another pane for one that is not there */
	assert_false(holds("%999", &guard));

	facts.ident.server_start++;
	buf_reset(&guard);
	guard_build(&guard, &facts, 0, NULL, 0);
	assert_false(holds(pane, &guard));
	facts.ident.server_start--;
	facts.ident.server_pid++;
	buf_reset(&guard);
	guard_build(&guard, &facts, 0, NULL, 0);
	assert_false(holds(pane, &guard));
	facts.ident.server_pid--;
	buf_reset(&guard);
	guard_build(&guard, &facts, 0, NULL, 0);
	assert_true(holds(pane, &guard));

	/* into another window */
	TM("join-pane", "-d", "-s", pane, "-t", other);
	assert_false(holds(pane, &guard));
	TM("break-pane", "-d", "-s", pane);
	build(&guard, pane, &facts);
	buf_reset(&guard);
	guard_build(&guard, &facts, 0, NULL, 0);
	assert_true(holds(pane, &guard));
	TM("respawn-pane", "-k", "-t", pane, "echo READY; exec sleep 1000");
	await(pane, "READY");
	assert_false(holds(pane, &guard));

	/* dead, and its window stays */
	TM("set-option", "-w", "-t", pane, "remain-on-exit", "on");
	kill_pane_process(pane, &guard, &facts);
	assert_false(holds(pane, &guard));
	TM("kill-pane", "-t", pane);
	assert_false(holds(pane, &guard));
	pane_facts_free(&facts);
	buf_free(&guard);
	TM("kill-pane", "-t", other);
	free(other);
	free(pane);
}

/* Attach a client on a pty, as a person has one. */
static void
attach(void)
{
	struct winsize size = { .ws_row = 31, .ws_col = 100 };
	int64_t deadline = clock_deadline(10000);
	char *clients = NULL;

	client = forkpty(&client_fd, NULL, NULL, &size);
	assert_true(client >= 0);
	if (client == 0) {
		(void)setenv("TERM", "xterm", 1);
		(void)execlp("tmux", "tmux", "-u", "-S", server.socket,
		    "attach-session", "-t", "main", (char *)NULL);
		_exit(127);
	}
	do {
		free(clients);
		clock_nap(20, deadline);
		clients = tm("list-clients", NULL);
		assert_non_null(clients);
		assert_true(clock_left(deadline) > 0);
	} while (clients[0] == '\0');
	free(clients);
}

/* What the client shows is read, or tmux waits for it. */
static void
rest(int ms)
{
	int64_t deadline = clock_deadline(ms);
	char bytes[4096];

	(void)fcntl(client_fd, F_SETFL, O_NONBLOCK);
	while (clock_left(deadline) > 0) {
		if (read(client_fd, bytes, sizeof(bytes)) <= 0)
			clock_nap(10, deadline);
	}
}

static void
test_people(void **state)
{
	struct buf guard = BUF_INIT;
	struct pane_facts facts = { .width = 0 };
	char *pane = new_pane(), *window;

	(void)state;
	build(&guard, pane, &facts);
	assert_string_equal(facts.people, "");
	assert_int_equal(facts.last_key, 0);
	attach();
	rest(1200);
	/* looks at another window */
	assert_true(holds(pane, &guard));
	window = tm("display-message", "-p", "-t", pane, "#{window_id}", NULL);
	TM("select-window", "-t", window);
	rest(200);
	assert_false(holds(pane, &guard));

	build(&guard, pane, &facts);
	assert_int_equal(facts.people[0], '$');
	assert_true(facts.last_key > 0);
	assert_true(holds(pane, &guard));
	rest(1200); /* activity counts in seconds */
	assert_true(holds(pane, &guard));
	/* a key that the program does not even show: only people tell */
	assert_int_equal(write(client_fd, "\033[Z", 3), 3);
	rest(300);
	buf_reset(&guard);
	guard_build(&guard, &facts, GUARD_CURSOR, NULL, 0);
	assert_true(holds(pane, &guard));
	buf_reset(&guard);
	guard_build(&guard, &facts, GUARD_PEOPLE, NULL, 0);
	assert_false(holds(pane, &guard));

	/* keys go elsewhere in a split window: away */
	TM("split-window", "-t", pane, "exec sleep 1000");
	build(&guard, pane, &facts);
	assert_string_equal(facts.people, "away ");
	assert_true(holds(pane, &guard));
	rest(1200);
	assert_int_equal(write(client_fd, "x", 1), 1);
	rest(300);
	assert_true(holds(pane, &guard));
	TM("select-pane", "-t", pane);
	assert_false(holds(pane, &guard));

	/* a visit between two looks, which our hooks count */
	TM("select-pane", "-l", "-t", pane);
	build(&guard, pane, &facts);
	assert_true(holds(pane, &guard));
	TM("set-option", "-p", "-t", pane, "@agent-visits", "1");
	assert_false(holds(pane, &guard));
	build(&guard, pane, &facts);
	assert_string_equal(facts.people, "away 1");
	assert_true(holds(pane, &guard));
	TM("select-pane", "-t", pane);

	/* the person leaves */
	build(&guard, pane, &facts);
	assert_true(holds(pane, &guard));
	TM("detach-client", "-s", "main");
	rest(300);
	assert_false(holds(pane, &guard));
	pane_facts_free(&facts);
	buf_free(&guard);
	free(window);
	free(pane);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_pattern),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_people),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
