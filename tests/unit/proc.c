#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "clock.h"
#include "proc.h"

/* Far more than anything here takes, also under valgrind. */
enum { LONG_MS = 60000 };

/* What one child did. */
struct run {
	struct argv argv;
	struct buf out, err;
	struct proc proc;
	struct err e;
	int rc;
};

static void
run_init(struct run *r)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->out, BUF_MAX_DEFAULT);
	buf_init(&r->err, BUF_MAX_DEFAULT);
	r->proc.argv = &r->argv;
	r->proc.out = &r->out;
	r->proc.err = &r->err;
	r->proc.timeout_ms = LONG_MS;
}

/* `sh -c script`, with "$1" set to `arg`. */
static void
run_shell(struct run *r, const char *script, const char *arg)
{
	argv_addl(
	    &r->argv, "sh", "-c", script, "sh", arg == NULL ? "" : arg, NULL);
	r->rc = proc_run(&r->proc, &r->e);
}

static void
run_free(struct run *r)
{
	argv_free(&r->argv);
	buf_free(&r->out);
	buf_free(&r->err);
}

static void
test_streams(void **state)
{
	struct run r;

	(void)state;
	run_init(&r);
	r.proc.in = "hello";
	r.proc.in_len = 5;
	run_shell(&r, "cat; echo problem >&2; exit 3", NULL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 3);
	assert_false(r.proc.timed_out);
	assert_string_equal(r.out.data, "hello");
	assert_string_equal(r.err.data, "problem\n");
	run_free(&r);
	/* No stdin is /dev/null, and dropped output blocks nobody. */
	run_init(&r);
	r.proc.out = NULL;
	run_shell(&r, "cat; head -c 300000 /dev/zero; echo 0 >&2", NULL);
	assert_int_equal(r.proc.status, 0);
	assert_string_equal(r.err.data, "0\n");
	run_free(&r);
	/* Nothing on stdin is an end of file, too. */
	run_init(&r);
	r.proc.in = "";
	r.proc.err = NULL;
	run_shell(&r, "cat; echo end; echo x >&2", NULL);
	assert_string_equal(r.out.data, "end\n");
	run_free(&r);
}

/* More than any pipe holds, both ways at once. */
static void
test_big(void **state)
{
	enum { BIG = 3 * 1024 * 1024 };
	struct run r;
	char *in = malloc(BIG);
	size_t i;

	(void)state;
	assert_non_null(in);
	for (i = 0; i < BIG; i++)
		in[i] = (char)(i * 7 % 251);
	run_init(&r);
	r.proc.in = in;
	r.proc.in_len = BIG;
	run_shell(&r, "tee /dev/stderr", NULL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.out.len, BIG);
	assert_memory_equal(r.out.data, in, BIG);
	assert_int_equal(r.err.len, BIG);
	assert_memory_equal(r.err.data, in, BIG);
	run_free(&r);
	free(in);
}

static void
test_stdin_closed_early(void **state)
{
	enum { BIG = 1024 * 1024 };
	struct run r;
	char *in = calloc(1, BIG);

	(void)state;
	run_init(&r);
	r.proc.in = in;
	r.proc.in_len = BIG;
	run_shell(&r, "exec <&-; sleep 0.1; echo done", NULL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 0);
	assert_string_equal(r.out.data, "done\n");
	run_free(&r);
	run_init(&r);
	r.proc.in = in;
	r.proc.in_len = BIG;
	run_shell(&r, "exit 4", NULL);
	assert_int_equal(r.proc.status, 4);
	run_free(&r);
	free(in);
}

static void
test_status(void **state)
{
	struct run r;

	(void)state;
	run_init(&r);
	run_shell(&r, "exit 255", NULL);
	assert_int_equal(r.proc.status, 255);
	run_free(&r);
	run_init(&r);
	run_shell(&r, "kill -KILL $$", NULL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 128 + SIGKILL);
	assert_false(r.proc.timed_out);
	run_free(&r);
	run_init(&r);
	run_shell(&r, "kill -TERM $$", NULL);
	assert_int_equal(r.proc.status, 128 + SIGTERM);
	run_free(&r);
}

static void
test_missing(void **state)
{
	struct run r;

	(void)state;
	if (unit_valgrind())
		skip();
	/* A folder that we may not look into would be the answer instead. */
	assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
	run_init(&r);
	argv_add(&r.argv, "no-such-program-anywhere");
	assert_int_equal(proc_run(&r.proc, &r.e), -1);
	assert_err(r.e, EXIT_LOCAL, "no-such-program-anywhere: cannot run: No");
	assert_false(r.proc.timed_out);
	run_free(&r);
	run_init(&r);
	argv_add(&r.argv, "/dev/null");
	assert_int_equal(proc_run(&r.proc, &r.e), -1);
	assert_err(r.e, EXIT_LOCAL, "/dev/null: cannot run: Permission denied");
	run_free(&r);
}

static void
test_environment(void **state)
{
	char one[] = "ONE=1";
	char *env[] = { one, NULL };
	struct run r;

	(void)state;
	run_init(&r);
	r.proc.env = env;
	argv_add(&r.argv, "env");
	assert_int_equal(proc_run(&r.proc, &r.e), 0);
	assert_string_equal(r.out.data, "ONE=1\n");
	run_free(&r);
	assert_int_equal(setenv("UNIT_PROC", "here", 1), 0);
	run_init(&r);
	run_shell(&r, "echo $UNIT_PROC", NULL);
	assert_string_equal(r.out.data, "here\n");
	run_free(&r);
}

/* The child is a fresh start: signals, process group, descriptors. */
static void
test_fresh(void **state)
{
	unsigned long long blocked, ignored;
	int at = 0, group, pid;
	sigset_t set, old;
	struct run r;

	(void)state;
	assert_int_equal(sigemptyset(&set), 0);
	assert_int_equal(sigaddset(&set, SIGUSR1), 0);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
	assert_true(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
	run_init(&r);
	r.proc.in = "";
	run_shell(&r,
	    "cut -d' ' -f5 /proc/$$/stat; "
	    /* Not of the shell: it blocks signals while it waits. */
	    "echo $$; exec sed -n 's/^Sig\\(Blk\\|Ign\\)://p' "
	    "/proc/self/status",
	    NULL);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	(void)signal(SIGUSR2, SIG_DFL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(sscanf(r.out.data, "%d %d %llx %llx%n", &group, &pid,
			     &blocked, &ignored, &at),
	    4);
	assert_int_equal(at, (int)r.out.len - 1);
	assert_true(blocked == 0);
	/* 32 and 33 are the C library's own; it leaves them as they are. */
	assert_true((ignored & ~0x180000000ULL) == 0);
	assert_int_equal(group, pid);
	assert_int_not_equal(group, (int)getpgrp());
	run_free(&r);
}

static void
test_no_descriptors(void **state)
{
	struct run r;
	int fd;

	(void)state;
	fd = fcntl(STDERR_FILENO, F_DUPFD, 20); /* not close-on-exec */
	assert_true(fd >= 20);
	run_init(&r);
	r.proc.in = "";
	argv_addl(&r.argv, "ls", "/proc/self/fd", NULL);
	assert_int_equal(proc_run(&r.proc, &r.e), 0);
	/* 3 is the folder that it reads */
	assert_string_equal(r.out.data, "0\n1\n2\n3\n");
	run_free(&r);
	(void)close(fd);
}

static void
test_cap(void **state)
{
	struct run r;

	(void)state;
	run_init(&r);
	r.out.max = 1000;
	run_shell(&r, "head -c 500000 /dev/zero | tr '\\0' x; exit 2", NULL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 2);
	assert_true(r.out.overflow);
	assert_int_equal(r.out.len, 1000);
	run_free(&r);
}

/* A child that writes without end, kept or dropped, meets its deadline. */
static void
test_flood(void **state)
{
	int64_t before = clock_mono_ms();
	struct run r;

	(void)state;
	run_init(&r);
	r.proc.timeout_ms = 300;
	r.out.max = 1000;
	argv_add(&r.argv, "yes");
	assert_int_equal(proc_run(&r.proc, &r.e), -1);
	assert_true(r.proc.timed_out);
	assert_err(r.e, EXIT_WIRE, "yes: no answer within 300 ms");
	assert_in_range(clock_mono_ms() - before, 300, 20000);
	run_free(&r);
}

/* Is process `pid` gone, at the latest in a while? */
static bool
ends(pid_t pid)
{
	int64_t deadline = clock_deadline(20000);
	char path[64], c;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	while (clock_left(deadline) > 0) {
		/* Whoever adopts it may take its time to reap it. */
		f = fopen(path, "re");
		if (f == NULL)
			return true;
		c = '?';
		if (fscanf(f, "%*d %*s %c", &c) != 1)
			c = 'X';
		(void)fclose(f);
		if (c == 'Z' || c == 'X')
			return true;
		clock_nap(10, deadline);
	}
	return false;
}

static void
check_deadline(const char *script, int64_t least, int64_t most, int status)
{
	int64_t before = clock_mono_ms();
	struct run r;
	int pid;

	run_init(&r);
	r.proc.timeout_ms = 400;
	run_shell(&r, script, NULL);
	assert_int_equal(r.rc, -1);
	assert_true(r.proc.timed_out);
	assert_err(r.e, EXIT_WIRE, "sh: no answer within 400 ms");
	assert_in_range(clock_mono_ms() - before, least, most);
	if (status != 0)
		assert_int_equal(r.proc.status, status);
	/* The script told us the grandchild's number. */
	assert_int_equal(sscanf(r.out.data, "%d", &pid), 1);
	assert_true(ends(pid));
	run_free(&r);
}

static void
test_deadline(void **state)
{
	(void)state;
	check_deadline("sleep 1000 & echo $!; wait", 400, 2000, 128 + SIGTERM);
	/* One that does not listen gets the grace time, then no choice. */
	check_deadline("trap '' TERM; sleep 1000 & echo $!; wait; wait",
	    400 + PROC_GRACE_MS, 20000, 128 + SIGKILL);
	/* The child obeys, its own child does not. */
	check_deadline("(trap '' TERM; sleep 1000) & echo $!; wait", 400, 20000,
	    128 + SIGTERM);
	/* Stopped, even the grace time passes unheard. */
	check_deadline("echo $$; kill -STOP $$", 400, 20000, 0);
}

/* A grandchild keeps our pipe: what counts is that the child has ended. */
static void
test_grandchild(void **state)
{
	int64_t before = clock_mono_ms();
	struct run r;
	int pid;

	(void)state;
	run_init(&r);
	run_shell(&r, "sleep 1000 & echo $!; exit 6", NULL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 6);
	assert_true(clock_mono_ms() - before < LONG_MS / 2);
	assert_int_equal(sscanf(r.out.data, "%d", &pid), 1);
	/* That one is not ours to end. */
	assert_int_equal(kill(pid, 0), 0);
	(void)kill(pid, SIGKILL);
	run_free(&r);
	/* Also when it writes on and on. */
	run_init(&r);
	r.out.max = 100;
	run_shell(&r, "yes & echo $! >&2; exit 7", NULL);
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.proc.status, 7);
	assert_int_equal(sscanf(r.err.data, "%d", &pid), 1);
	/* It may have died of the pipe that nobody reads any more. */
	(void)kill(pid, SIGKILL);
	run_free(&r);
}

/* What the child wrote last arrives, however fast it ended. */
static void
test_last_words(void **state)
{
	struct run r;
	int i;

	(void)state;
	for (i = 0; i < 50; i++) {
		run_init(&r);
		run_shell(&r, "printf %s \"$1\"", "last words");
		assert_string_equal(r.out.data, "last words");
		run_free(&r);
	}
}

/* Started with stdin, stdout and stderr closed. */
static int
closed_streams(void *arg)
{
	struct run r;
	int rc;

	(void)arg;
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	(void)close(STDERR_FILENO);
	run_init(&r);
	r.proc.in = "in";
	r.proc.in_len = 2;
	run_shell(&r, "cat; echo err >&2", NULL);
	rc = r.rc != 0                         ? 1
	    : r.proc.status != 0               ? 2
	    : strcmp(r.out.data, "in") != 0    ? 3
	    : strcmp(r.err.data, "err\n") != 0 ? 4
					       : 0;
	run_free(&r);
	return rc;
}

static int
closed_streams_dropped(void *arg)
{
	struct run r;
	int rc;

	(void)arg;
	(void)close(STDIN_FILENO);
	(void)close(STDOUT_FILENO);
	(void)close(STDERR_FILENO);
	run_init(&r);
	r.proc.out = NULL;
	run_shell(&r, "cat && echo x && echo err >&2", NULL);
	rc = r.proc.status != 0 || strcmp(r.err.data, "err\n") != 0;
	run_free(&r);
	return rc;
}

static int
ignored_child_signal(void *arg)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };
	struct run r;
	int status;

	(void)arg;
	(void)sigaction(SIGCHLD, &sa, NULL);
	run_init(&r);
	run_shell(&r, "exit 5", NULL);
	status = r.proc.status;
	run_free(&r);
	(void)sigaction(SIGCHLD, NULL, &sa);
	return status == 5 && sa.sa_handler == SIG_IGN ? 0 : 1;
}

static void
test_odd_starts(void **state)
{
	(void)state;
	assert_int_equal(unit_child(closed_streams, NULL), 0);
	assert_int_equal(unit_child(closed_streams_dropped, NULL), 0);
	assert_int_equal(unit_child(ignored_child_signal, NULL), 0);
}

/* Nothing is left open, whichever way it ended. */
static void
test_descriptors(void **state)
{
	struct run r;
	int before, after;

	(void)state;
	before = dup(STDERR_FILENO);
	(void)close(before);
	run_init(&r);
	r.proc.in = "x";
	r.proc.in_len = 1;
	run_shell(&r, "cat", NULL);
	run_free(&r);
	run_init(&r);
	argv_add(&r.argv, "no-such-program-anywhere");
	assert_int_equal(proc_run(&r.proc, NULL), unit_valgrind() ? 0 : -1);
	run_free(&r);
	run_init(&r);
	r.proc.timeout_ms = 1;
	run_shell(&r, "sleep 1000", NULL);
	run_free(&r);
	after = dup(STDERR_FILENO);
	(void)close(after);
	assert_int_equal(after, before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_stdin_closed_early),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_grandchild),
		cmocka_unit_test(test_last_words),
		cmocka_unit_test(test_odd_starts),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
