#include "unit.h"

#include <signal.h>

#include "clock.h"
#include "mem.h"
#include "remote.h"
#include "str.h"

/* In the place of agent-link: a shell script, found in PATH. */

static struct home home;
static struct remote remote;
static char *dir;

static int
setup(void **state)
{
	static char nowhere[] = "/nonexistent";
	char *path;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	dir = unit_dir();
	path = x_asprintf("%s:/usr/bin:/bin", dir);
	assert_int_equal(setenv("PATH", path, 1), 0);
	x_free(path);
	(void)snprintf(home.host, sizeof(home.host), "me");
	home.run = nowhere; /* no link is kept */
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unit_dir_remove(dir);
	return 0;
}

static void
begin(const char *script)
{
	static char alias[] = "box";
	const struct peer peer = { .alias = alias };
	char *text = x_asprintf("#!/bin/sh\n%s\n", script);
	struct err e;

	unit_file(unit_path(dir, "agent-link"), text, 0755);
	x_free(text);
	assert_int_equal(
	    remote_open_within(&remote, &home, &peer, 1000, &e), 0);
}

/* Wait for the answer to "a" for so long. */
static int
await(int ms, struct frame *f, struct err *e)
{
	return remote_wait(&remote, "a", clock_deadline(ms), f, e);
}

#define HELLO "printf 'panemesh/1 HELLO 0 0\\nHost: far\\nHost-Id: ab\\n\\n'\n"
#define DONE(id) "printf 'panemesh/1 DONE " id " 2\\nCode: 0\\n\\nok'\n"

static void
answers(void **state)
{
	struct frame f;
	struct err e;

	(void)state;
	begin("echo welcome\n" HELLO "head -c 5 >/dev/null\n" DONE("b")
		DONE("a") "exec cat >/dev/null");
	assert_int_equal(await(5000, &f, &e), 0);
	assert_string_equal(f.body.data, "ok");
	frame_free(&f);
	assert_true(remote.hello);
	assert_string_equal(remote.host, "far");
	assert_string_equal(remote.host_id, "ab");
	assert_int_equal(remote.noise, strlen("welcome\n"));
	assert_false(remote_unsent(&remote));
	remote_close(&remote);
}

/* What it says and how it ends; -1 and the reason. */
static void
fails(const char *script, int ms, const char *reason, bool unsent)
{
	struct frame f;
	struct err e;

	begin(script);
	assert_int_equal(await(ms, &f, &e), -1);
	assert_err(e, EXIT_WIRE, reason);
	assert_true(str_starts(e.msg, "box: "));
	if (remote_unsent(&remote) != unsent)
		fail_msg("%s: unsent is not %d", script, unsent);
	remote_close(&remote);
}

static void
failures(void **state)
{
	(void)state;
	/* Before and after it took what we say. */
	fails("echo 'agent-link: box: no way' >&2; exit 4", 5000, "box: no way",
	    true);
	fails("echo 'agent-link: odd' >&2; exit 7", 5000, "box: odd", true);
	fails("exit 0", 5000, "before a HELLO", true);
	fails("kill -9 $$", 5000, "before a HELLO", true);
	fails(HELLO "head -c 5 >/dev/null; exit 4", 5000, "ended early", false);
	fails(HELLO "head -c 5 >/dev/null; kill -9 $$", 5000, "ended early",
	    false);
	fails(HELLO "head -c 5 >/dev/null; printf 'panemesh/1 DONE a "
		    "9\n\nhalf'",
	    5000, "ended early", false);
	/* What it must not say. */
	fails("printf 'panemesh/1 HELLO 0 0\nHost: ../x\n\n'; exec cat", 5000,
	    "not as agent-serve does", true);
	fails(HELLO "head -c 5 >/dev/null; printf 'panemesh/1 DELIVER x "
		    "0\n\n'; exec cat",
	    5000, "asks for DELIVER", false);
	fails(HELLO "head -c 5 >/dev/null; echo garbage; exec cat", 5000,
	    "begin a frame", false);
	/* A shell in the place of agent-serve is told nothing to run. */
	fails("head -c 1 >/dev/null && " HELLO "exec cat", 300,
	    "no connection within", true);
	fails("yes; :", 5000, "before a HELLO", true);
}

#define TELLS                                                              \
	"printf 'panemesh/1 HELLO 0 0\\nHost: far\\nHost-Id: ab\\nCan: x " \
	"progress\\n\\n'\n"
#define PROGRESS "printf 'panemesh/1 PROGRESS a 0\\n\\n'\n"

/* Silence after HELLO: who says that he goes on is waited for. */
static void
silences(void **state)
{
	int64_t begun = clock_mono_ms();
	struct frame f;
	struct err e;

	(void)state;
	begin(TELLS "for i in 1 2 3 4 5 6 7 8; do " PROGRESS
		    "sleep 0.2; done\n" DONE("a") "exec cat >/dev/null");
	remote.silent_ms = 1000;
	assert_int_equal(await(20000, &f, &e), 0);
	frame_free(&f);
	remote_close(&remote);
	assert_true(clock_mono_ms() - begun > 1500);

	begun = clock_mono_ms();
	begin(TELLS PROGRESS "exec sleep 100");
	remote.silent_ms = 500;
	remote.untold_ms = 60000;
	assert_int_equal(await(60000, &f, &e), -1);
	assert_err(e, EXIT_WIRE, "box: says nothing for 0 s");
	assert_false(remote_unsent(&remote));
	remote_close(&remote);

	/* One that cannot tell is given the time that it was asked to wait. */
	begin(HELLO "exec sleep 100");
	remote.silent_ms = 300;
	remote.untold_ms = 900;
	assert_int_equal(await(60000, &f, &e), -1);
	assert_err(e, EXIT_WIRE, "box: says nothing for 1 s");
	remote_close(&remote);
	assert_true(clock_mono_ms() - begun < 6000);
}

static void
deadlines(void **state)
{
	int64_t begun = clock_mono_ms();

	(void)state;
	fails("exec sleep 100", 300, "no connection within 0 s", true);
	fails(HELLO "exec sleep 100", 300, "no answer within 0 s", false);
	/* Answers to others do not keep it alive. */
	fails(HELLO "while :; do " DONE("b") " done", 300, "no answer", false);
	assert_true(clock_mono_ms() - begun < 5000);
	/* Its HELLO is due before the answer. */
	begun = clock_mono_ms();
	fails("exec sleep 100", 60000, "no connection within", true);
	assert_true(clock_mono_ms() - begun < 6000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(failures),
		cmocka_unit_test(silences),
		cmocka_unit_test(deadlines),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
