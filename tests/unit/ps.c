#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

#include "clock.h"
#include "ps.h"

/* Ask again until it is so; false when it never was. */
#define WAIT_FOR(condition)                                        \
	do {                                                       \
		int64_t wait_until = clock_deadline(20000);        \
		while (!(condition) && clock_left(wait_until) > 0) \
			clock_nap(5, wait_until);                  \
		assert_true(condition);                            \
	} while (0)

static char
state_of(pid_t pid)
{
	struct ps ps;

	return ps_read(pid, &ps) == 0 ? ps.state : '-';
}

static void
test_read(void **state)
{
	struct ps ps, child;
	double uptime, age;
	FILE *f;
	pid_t pid;

	(void)state;
	assert_int_equal(ps_read(getpid(), &ps), 0);
	assert_int_equal(ps.pid, getpid());
	assert_int_equal(ps.ppid, getppid());
	assert_int_equal(ps.pgrp, getpgrp());
	assert_int_equal(ps.state, 'R');
	/* Field 22, not its neighbour: we began a moment ago. */
	f = fopen("/proc/uptime", "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lf", &uptime), 1);
	(void)fclose(f);
	age = uptime - (double)ps.start / (double)sysconf(_SC_CLK_TCK);
	assert_true(age > -1 && age < 300);
	assert_int_equal(ps_read(0, &ps), -1);
	assert_int_equal(ps_read(-5, &ps), -1);
	assert_int_equal(ps_read(INT32_MAX, &ps), -1);
	/* A zombie is still there, one that was waited for is not. */
	pid = fork();
	if (pid == 0)
		_exit(0);
	WAIT_FOR(state_of(pid) == 'Z');
	assert_int_equal(ps_read(pid, &child), 0);
	assert_int_equal(child.ppid, getpid());
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ps_read(pid, &child), -1);
}

static void
test_ended(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_false(ps_ended(pid));
	assert_int_equal(kill(pid, SIGKILL), 0);
	/* a zombie until we wait for it */
	WAIT_FOR(ps_ended(pid));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(ps_ended(pid));
	assert_false(ps_ended(getpid()));
	assert_false(ps_ended(1));
	assert_false(ps_ended(0));
	assert_false(ps_ended(-1));
}

/* A name made to look like the fields behind it. */
static void
test_hostile_name(void **state)
{
	static const char name[] = ") R 1 1 1 (\n ";
	char old[17];
	struct ps ps;

	(void)state;
	assert_int_equal(prctl(PR_GET_NAME, old), 0);
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
	assert_int_equal(ps_read(getpid(), &ps), 0);
	assert_int_equal(prctl(PR_SET_NAME, old), 0);
	assert_int_equal(ps.ppid, getppid());
	assert_int_equal(ps.pgrp, getpgrp());
	assert_string_equal(ps.comm, name);
}

/* Has it this first word? */
static bool
says(pid_t pid, const char *word)
{
	struct argv words = ARGV_INIT;
	bool yes;

	ps_cmdline(pid, &words);
	yes = words.n > 0 && strcmp(words.v[0], word) == 0;
	argv_free(&words);
	return yes;
}

/* A child that stands in `dir` and runs `v`, until it is killed. */
static pid_t
spawn(const char *dir, char *const *v)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (chdir(dir) == 0)
			(void)execvp(v[0], v);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void
finish(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static bool
runs(pid_t pid, const char *comm)
{
	struct ps ps;

	return ps_read(pid, &ps) == 0 && strcmp(ps.comm, comm) == 0;
}

static size_t
words_of(pid_t pid)
{
	struct argv words = ARGV_INIT;
	size_t n;

	ps_cmdline(pid, &words);
	n = words.n;
	argv_free(&words);
	return n;
}

static void
test_cmdline(void **state)
{
	char *v[] = { (char[]){ "sleep" }, (char[]){ "1000" }, NULL };
	struct argv words = ARGV_INIT;
	char *cwd;
	pid_t pid;

	(void)state;
	pid = spawn("/usr", v);
	/* execve sets the name before the words. */
	WAIT_FOR(runs(pid, "sleep") && words_of(pid) > 0);
	ps_cmdline(pid, &words);
	assert_int_equal(words.n, 2);
	assert_string_equal(words.v[0], "sleep");
	assert_string_equal(words.v[1], "1000");
	argv_free(&words);
	cwd = ps_cwd(pid);
	assert_non_null(cwd);
	assert_string_equal(cwd, "/usr");
	free(cwd);
	assert_int_equal(kill(pid, SIGKILL), 0);
	WAIT_FOR(state_of(pid) == 'Z');
	ps_cmdline(pid, &words);
	assert_int_equal(words.n, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	ps_cmdline(pid, &words);
	assert_int_equal(words.n, 0);
	assert_null(ps_cwd(pid));
	argv_free(&words);
}

/* Empty words count, and far too many are cut. */
static void
test_cmdline_bounds(void **state)
{
	enum { MANY = 3000 };
	char sh[] = "sh", c[] = "-c", none[] = "", word[] = "12345678";
	char script[] = "kill -STOP $$", *v[MANY + 4];
	struct argv words = ARGV_INIT;
	size_t i, bytes = 0;
	pid_t pid;

	(void)state;
	v[0] = sh;
	v[1] = c;
	v[2] = script;
	v[3] = none;
	for (i = 4; i < MANY + 3; i++)
		v[i] = word;
	v[MANY + 3] = NULL;
	pid = spawn("/", v);
	WAIT_FOR(state_of(pid) == 'T');
	ps_cmdline(pid, &words);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(words.n > 4);
	assert_string_equal(words.v[3], "");
	assert_string_equal(words.v[4], word);
	for (i = 0; i < words.n; i++)
		bytes += strlen(words.v[i]) + 1;
	assert_in_range(bytes, PS_CMDLINE_MAX - 16, PS_CMDLINE_MAX + 1);
	argv_free(&words);
}

static void
test_lines(void **state)
{
	char *v[] = { (char[]){ "sleep" }, (char[]){ "999" }, (char[]){ "0.5" },
		NULL };
	struct ps_list list = { .v = NULL };
	struct argv lines = ARGV_INIT;
	struct ps two[2] = { { .pid = 0 }, { .pid = INT32_MAX } };

	(void)state;
	list.v = two;
	list.n = 2;
	two[0].pid = spawn("/", v);
	/* The kernel gives a process its name before its words. */
	WAIT_FOR(says(two[0].pid, "sleep"));
	ps_lines(&list, &lines);
	assert_int_equal(lines.n, 2);
	assert_string_equal(lines.v[0], "sleep 999 0.5");
	assert_string_equal(lines.v[1], "");
	finish(two[0].pid);
	argv_free(&lines);
}

/* A process group of its own on a terminal of its own. */
struct terminal {
	int master;
	pid_t pid; /* the session's leader: a shell without job control */
	unsigned number;
};

static void
terminal_start(struct terminal *t, const char *script)
{
	struct ps ps;

	t->pid = forkpty(&t->master, NULL, NULL, NULL);
	if (t->pid == 0) {
		(void)execlp("sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	assert_true(t->pid > 0);
	/* The child is still on its way to its terminal. */
	WAIT_FOR(ps_read(t->pid, &ps) == 0 && ps.tty != 0);
	t->number = ps.tty;
}

static void
terminal_end(struct terminal *t)
{
	(void)close(t->master);
	(void)kill(-t->pid, SIGKILL);
	(void)kill(t->pid, SIGKILL);
	assert_int_equal(waitpid(t->pid, NULL, 0), t->pid);
}

/* The comm of the i-th foreground process; "-" if there is none. */
static const char *
foreground(pid_t pid, size_t i)
{
	static char comm[PS_COMM_MAX];
	struct ps_list list = { .v = NULL };

	ps_foreground(pid, &list);
	(void)snprintf(
	    comm, sizeof(comm), "%s", i < list.n ? list.v[i].comm : "-");
	ps_list_free(&list);
	return comm;
}

static enum ps_reading
reading(const struct terminal *t)
{
	struct ps_list list = { .v = NULL };
	enum ps_reading answer;

	ps_foreground(t->pid, &list);
	answer = ps_reading_tty(&list, t->number);
	ps_list_free(&list);
	return answer;
}

static void
test_foreground(void **state)
{
	struct ps_list list = { .v = NULL };
	struct terminal t;
	pid_t pid;

	(void)state;
	ps_foreground(INT32_MAX, &list);
	assert_int_equal(list.n, 0);
	/* One group: the shell leads it, its child is in it. */
	terminal_start(&t, "sleep 1000; :");
	WAIT_FOR(strcmp(foreground(t.pid, 1), "sleep") == 0);
	assert_string_equal(foreground(t.pid, 0), "sh");
	assert_string_equal(foreground(t.pid, 2), "-");
	terminal_end(&t);
	/* With job control the child has its own, and the shell is not in. */
	terminal_start(&t, "set -m; sleep 1000 | cat; :");
	WAIT_FOR(strcmp(foreground(t.pid, 0), "sleep") == 0 &&
	    strcmp(foreground(t.pid, 1), "cat") == 0);
	assert_string_equal(foreground(t.pid, 2), "-");
	terminal_end(&t);
	/* The group's leader has ended, the others live on. */
	terminal_start(&t, "set -m; true | sleep 1000; :");
	WAIT_FOR(strcmp(foreground(t.pid, 0), "sleep") == 0);
	terminal_end(&t);
	/* No terminal at all: the process itself. */
	pid = fork();
	if (pid == 0) {
		(void)setsid();
		(void)execlp("sleep", "sleep", "1000", (char *)NULL);
		_exit(127);
	}
	WAIT_FOR(runs(pid, "sleep"));
	assert_string_equal(foreground(pid, 0), "sleep");
	assert_string_equal(foreground(pid, 1), "-");
	finish(pid);
}

static void
test_reading(void **state)
{
	struct ps_list none = { .v = NULL };
	struct terminal t;

	(void)state;
	assert_int_equal(ps_reading_tty(&none, 5), PS_READING_NO);
	terminal_start(&t, "sleep 1000; :");
	WAIT_FOR(strcmp(foreground(t.pid, 1), "sleep") == 0);
	if (reading(&t) == PS_READING_UNKNOWN) {
		/* The kernel forbids it here; then it must keep saying so. */
		terminal_end(&t);
		skip();
	}
	WAIT_FOR(reading(&t) == PS_READING_NO);
	terminal_end(&t);
	terminal_start(&t, "exec cat");
	WAIT_FOR(reading(&t) == PS_READING_YES);
	/* Reading another terminal is not reading this one. */
	t.number ^= 1;
	assert_int_equal(reading(&t), PS_READING_NO);
	terminal_end(&t);
	terminal_start(&t, "exec cat </dev/tty");
	WAIT_FOR(reading(&t) == PS_READING_YES);
	terminal_end(&t);
	/* read(2), but from a pipe */
	terminal_start(&t, "sleep 1000 | cat; :");
	WAIT_FOR(strcmp(foreground(t.pid, 2), "cat") == 0);
	WAIT_FOR(reading(&t) == PS_READING_NO);
	terminal_end(&t);
}

/* A child that does `what`; its pid. */
static pid_t
child(char what)
{
	pid_t pid = fork();
	int fds[2];

	if (pid != 0)
		return pid;
	if (pipe(fds) != 0)
		_exit(1);
	for (;;) {
		struct pollfd pfd = { .fd = fds[0], .events = POLLIN };

		if (what == 'p')
			(void)poll(&pfd, 1, 100000);
		else if (what == 'e')
			(void)poll(NULL, 0, 100000);
		else if (what == 's')
			(void)sleep(100);
		else if (what == 'r')
			(void)!read(fds[0], fds, 1);
	}
}

static void
test_waiting(void **state)
{
	static const struct {
		char what;
		enum ps_reading answer;
	} cases[] = {
		{ 'p', PS_READING_YES }, { 'r', PS_READING_YES },
		{ 'e', PS_READING_NO }, { 's', PS_READING_NO },
		{ 'x', PS_READING_NO }, /* computes */
	};
	bool known = false;
	pid_t pid;
	size_t i;

	(void)state;
	assert_int_equal(ps_waiting(INT32_MAX), PS_READING_UNKNOWN);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pid = child(cases[i].what);
		/* Where the kernel forbids it, it only tells who computes. */
		known |= ps_waiting(pid) == PS_READING_YES;
		if (cases[i].what == 'x' || known || i == 0)
			WAIT_FOR(ps_waiting(pid) == cases[i].answer ||
			    (i == 0 && ps_waiting(pid) == PS_READING_UNKNOWN));
		known |= i == 0 && ps_waiting(pid) == PS_READING_YES;
		finish(pid);
	}
}

static void
test_own_tty(void **state)
{
	struct terminal t;
	int status;

	(void)state;
	t.pid = forkpty(&t.master, NULL, NULL, NULL);
	if (t.pid == 0) {
		struct stat st;

		_exit(fstat(STDIN_FILENO, &st) == 0 &&
			    ps_own_tty() == (unsigned)st.st_rdev
			? 0
			: 1);
	}
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	assert_int_equal(status, 0);
	(void)close(t.master);
	t.pid = fork();
	if (t.pid == 0)
		_exit(setsid() > 0 && ps_own_tty() == 0 ? 0 : 1);
	assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_hostile_name),
		cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_cmdline_bounds),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_foreground),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_waiting),
		cmocka_unit_test(test_own_tty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
