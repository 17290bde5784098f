#include "unit.h"

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "clock.h"
#include "tty.h"

/* A pseudo terminal: we hold the far end, as tmux does. */
static int master;
static char name[64];

static int
setup(void **state)
{
	int slave;

	(void)state;
	if (openpty(&master, &slave, name, NULL, NULL) != 0)
		return -1;
	/* Raw output: one byte in, one byte out. */
	{
		struct termios t;

		if (tcgetattr(slave, &t) != 0)
			return -1;
		t.c_oflag &= ~(tcflag_t)OPOST;
		if (tcsetattr(slave, TCSANOW, &t) != 0)
			return -1;
	}
	return close(slave);
}

static int
teardown(void **state)
{
	(void)state;
	(void)close(master);
	return 0;
}

static void
set_modes(int fd, bool canonical, bool echo, bool signals)
{
	struct termios t;

	assert_int_equal(tcgetattr(fd, &t), 0);
	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO | ISIG);
	t.c_lflag |= (tcflag_t)(canonical ? ICANON : 0) |
	    (tcflag_t)(echo ? ECHO : 0) | (tcflag_t)(signals ? ISIG : 0);
	assert_int_equal(tcsetattr(fd, TCSANOW, &t), 0);
}

static void
test_modes(void **state)
{
	struct tty_modes modes;
	struct stat st;
	struct err e;
	int fd, i;

	(void)state;
	fd = tty_open(name, &e);
	assert_true(fd >= 0);
	assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	assert_int_not_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(tty_number(fd), st.st_rdev);
	for (i = 0; i < 8; i++) {
		set_modes(fd, i & 1, i & 2, i & 4);
		modes = tty_modes(fd);
		assert_true(modes.known);
		assert_int_equal(modes.canonical, (i & 1) != 0);
		assert_int_equal(modes.echo, (i & 2) != 0);
		assert_int_equal(modes.signals, (i & 4) != 0);
	}
	(void)close(fd);
	assert_false(tty_modes(-1).known);
	assert_int_equal(tty_number(-1), 0);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	assert_false(tty_modes(fd).known);
	(void)close(fd);
}

static void
test_unread(void **state)
{
	int fd, i;

	(void)state;
	fd = tty_open(name, NULL);
	assert_true(fd >= 0);
	set_modes(fd, false, false, false);
	assert_int_equal(tty_unread(fd), 0);
	assert_int_equal(write(master, "abc", 3), 3);
	for (i = 0; i < 1000 && tty_unread(fd) < 3; i++)
		clock_nap(5, clock_deadline(1000));
	assert_int_equal(tty_unread(fd), 3);
	/* More or less was typed: left as it is. */
	assert_false(tty_take_back(fd, 2));
	assert_false(tty_take_back(fd, 4));
	assert_int_equal(tty_unread(fd), 3);
	assert_true(tty_take_back(fd, 3));
	assert_int_equal(tty_unread(fd), 0);
	assert_false(tty_take_back(fd, 0));
	assert_int_equal(write(master, "\033[200~abc\033[201~", 15), 15);
	for (i = 0; i < 1000 && tty_unread(fd) < 15; i++)
		clock_nap(5, clock_deadline(1000));
	assert_true(tty_take_back(fd, 3));
	assert_int_equal(tty_unread(fd), 0);
	(void)close(fd);
	assert_int_equal(tty_unread(-1), 0);
}

/* Opening a pane's terminal never makes it ours. */
static int
open_in_session(void *arg)
{
	struct err e;
	int fd;

	(void)arg;
	if (setsid() < 0)
		return 1;
	fd = tty_open(name, &e);
	if (fd < 0)
		return 2;
	(void)close(fd);
	fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
	return fd >= 0 ? 3 : 0;
}

static void
test_not_controlling(void **state)
{
	(void)state;
	assert_int_equal(unit_child(open_in_session, NULL), 0);
}

static void
test_refused(void **state)
{
	static const char *const bad[] = { "", "/dev/null", "/dev",
		"/etc/passwd", "/dev/../etc/passwd", "/dev/no-such-terminal",
		"pts/0", "/dev/pts/999999", "/dev/stdin" };
	struct err e;
	char *dir = unit_dir();
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		err_clear(&e);
		assert_int_equal(tty_open(bad[i], &e), -1);
		if (e.code != EXIT_UNKNOWN)
			fail_msg("%s: code %d", bad[i], (int)e.code);
	}
	/* A link to a terminal, from a place where others may write. */
	assert_int_equal(symlink(name, unit_path(dir, "tty")), 0);
	assert_int_equal(tty_open(unit_path(dir, "tty"), &e), -1);
	assert_err(e, EXIT_UNKNOWN, "is no terminal of a pane");
	unit_dir_remove(dir);
}

static int
open_dropped(void *arg)
{
	struct err e;

	(void)arg;
	if (unit_drop_root() != 0)
		return 1;
	return tty_open(name, &e) == -1 && e.code == EXIT_LOCAL ? 0 : 2;
}

static void
test_foreign(void **state)
{
	struct err e;

	(void)state;
	if (geteuid() != 0)
		skip();
	/* Not ours and closed to us; not ours and open to everybody. */
	assert_int_equal(unit_child(open_dropped, NULL), 0);
	assert_int_equal(chmod(name, 0666), 0);
	assert_int_equal(unit_child(open_dropped, NULL), 0);
	assert_int_equal(chown(name, UNIT_NOBODY, (gid_t)-1), 0);
	assert_int_equal(tty_open(name, &e), -1);
	assert_err(e, EXIT_LOCAL, "belongs to uid 65534, not to us");
}

static void
test_write(void **state)
{
	char got[64];
	struct err e;
	size_t done = 9;
	int fd;

	(void)state;
	fd = tty_open(name, &e);
	assert_true(fd >= 0);
	assert_int_equal(tty_write(fd, "", 0, 0, &done, &e), 0);
	assert_int_equal(done, 0);
	assert_int_equal(tty_write(fd, "line\n", 5, 100, &done, &e), 0);
	assert_int_equal(done, 5);
	assert_int_equal(read(master, got, sizeof(got)), 5);
	assert_memory_equal(got, "line\n", 5);
	(void)close(fd);
}

/* Ctrl-S: nothing goes out; Ctrl-Q while we wait: all of it. */
static void
test_stopped(void **state)
{
	int64_t before;
	struct err e;
	size_t done;
	pid_t pid;
	int fd, status;

	(void)state;
	fd = tty_open(name, &e);
	assert_true(fd >= 0);
	assert_int_equal(tcflow(fd, TCOOFF), 0);
	before = clock_mono_ms();
	assert_int_equal(tty_write(fd, "abc", 3, 60, &done, &e), -1);
	assert_err(e, EXIT_NOT_READY, "took 0 of 3 bytes");
	assert_err(e, EXIT_NOT_READY, "Ctrl-S");
	assert_int_equal(done, 0);
	assert_in_range(clock_mono_ms() - before, 60, 20000);
	pid = fork();
	if (pid == 0) {
		clock_nap(50, clock_deadline(1000));
		_exit(tcflow(fd, TCOON) == 0 ? 0 : 1);
	}
	assert_int_equal(tty_write(fd, "abc", 3, 20000, &done, &e), 0);
	assert_int_equal(done, 3);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(fd);
}

/* Nobody reads the far end: it takes a part, and we say so. */
static void
test_full(void **state)
{
	enum { BIG = 1024 * 1024 };
	char *big = malloc(BIG);
	struct err e;
	size_t done;
	int fd;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', BIG);
	fd = tty_open(name, &e);
	assert_true(fd >= 0);
	assert_int_equal(tty_write(fd, big, BIG, 30, &done, &e), -1);
	assert_int_equal(e.code, EXIT_UNPROVEN);
	assert_in_range(done, 1, BIG - 1);
	assert_int_equal(tty_write(fd, big, BIG, 0, &done, &e), -1);
	assert_int_equal(e.code, EXIT_NOT_READY);
	assert_int_equal(done, 0);
	(void)close(fd);
	free(big);
}

static void
test_gone(void **state)
{
	struct err e;
	size_t done;
	int fd;

	(void)state;
	fd = tty_open(name, &e);
	assert_true(fd >= 0);
	(void)close(master);
	master = -1;
	assert_int_equal(tty_write(fd, "x", 1, 20000, &done, &e), -1);
	assert_int_equal(e.code, EXIT_NOT_READY);
	assert_int_equal(done, 0);
	(void)close(fd);
	assert_int_equal(tty_open(name, &e), -1);
	assert_int_equal(e.code, EXIT_UNKNOWN);
}

#define TTY_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TTY_TEST(test_modes),
		TTY_TEST(test_unread),
		TTY_TEST(test_not_controlling),
		TTY_TEST(test_refused),
		TTY_TEST(test_foreign),
		TTY_TEST(test_write),
		TTY_TEST(test_stopped),
		TTY_TEST(test_full),
		TTY_TEST(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
