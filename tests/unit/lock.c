#include "unit.h"

#include <fcntl.h>
#include <signal.h>

#include "clock.h"
#include "lock.h"

UNIT_FOLDER

static void
test_take(void **state)
{
	const char *path = unit_path(dir, "x.lock");
	struct err e = { .code = EXIT_OK };
	struct stat st, again;
	int64_t before;
	int fd, other = 7;

	(void)state;
	assert_int_equal(lock_take(path, 0, &fd, &e), LOCK_TAKEN);
	assert_true(fd >= 0);
	assert_int_not_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* Another open file, even of our own, is somebody else. */
	assert_int_equal(lock_take(path, 0, &other, &e), LOCK_BUSY);
	assert_int_equal(other, -1);
	assert_int_equal(lock_take(path, -3, &other, &e), LOCK_BUSY);
	before = clock_mono_ms();
	assert_int_equal(lock_take(path, 50, &other, &e), LOCK_BUSY);
	assert_in_range(clock_mono_ms() - before, 50, 10000);
	assert_int_equal(e.code, EXIT_OK);
	lock_drop(&fd);
	assert_int_equal(fd, -1);
	lock_drop(&fd);
	assert_int_equal(lock_take(path, 0, &fd, &e), LOCK_TAKEN);
	assert_int_equal(fstat(fd, &again), 0);
	assert_int_equal(again.st_ino, st.st_ino);
	lock_drop(&fd);
}

static void
test_failed(void **state)
{
	struct err e;
	int fd = 5;

	(void)state;
	assert_int_equal(
	    lock_take(unit_path(dir, "no/x"), 0, &fd, &e), LOCK_FAILED);
	assert_err(e, EXIT_LOCAL, "no/x: cannot lock: No such file");
	assert_int_equal(fd, -1);
	assert_int_equal(lock_take(dir, 0, &fd, &e), LOCK_FAILED);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_int_equal(symlink("x", unit_path(dir, "link")), 0);
	assert_int_equal(
	    lock_take(unit_path(dir, "link"), 0, &fd, &e), LOCK_FAILED);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_int_equal(lock_fd(-1, "pane", 0, &e), LOCK_FAILED);
	assert_err(e, EXIT_LOCAL, "pane: cannot lock");
}

/* Wait as long as the lock is another process's, not longer. */
static void
test_two_processes(void **state)
{
	const char *path = unit_path(dir, "x.lock");
	int told[2], go[2], fd, status;
	struct err e;
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(go[1]);
		if (lock_take(path, 0, &fd, &e) != LOCK_TAKEN ||
		    write(told[1], "x", 1) != 1)
			_exit(1);
		/* until we are told, or whoever tells has died */
		_exit(read(go[0], &c, 1) == 1 ? 0 : 2);
	}
	(void)close(go[0]);
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_int_equal(lock_take(path, 20, &fd, &e), LOCK_BUSY);
	assert_int_equal(write(go[1], "x", 1), 1);
	assert_int_equal(lock_take(path, 20000, &fd, &e), LOCK_TAKEN);
	lock_drop(&fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(go[1]);
	(void)close(told[0]);
	(void)close(told[1]);
}

static void
test_shared(void **state)
{
	const char *path = unit_path(dir, "shared");
	int one, two, all;
	struct err e;

	(void)state;
	unit_file(path, "", 0600);
	one = open(path, O_RDONLY | O_CLOEXEC);
	two = open(path, O_RDONLY | O_CLOEXEC);
	all = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(lock_shared(one, path, 0, &e), LOCK_TAKEN);
	assert_int_equal(lock_shared(two, path, 0, &e), LOCK_TAKEN);
	assert_int_equal(lock_fd(all, path, 0, &e), LOCK_BUSY);
	lock_drop(&one);
	assert_int_equal(lock_fd(all, path, 0, &e), LOCK_BUSY);
	lock_drop(&two);
	assert_int_equal(lock_fd(all, path, 0, &e), LOCK_TAKEN);
	lock_drop(&all);
}

/* A holder that is killed holds nothing. */
static void
test_killed(void **state)
{
	const char *path = unit_path(dir, "x.lock");
	int told[2], fd, status;
	struct err e;
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		if (lock_take(path, 0, &fd, &e) != LOCK_TAKEN ||
		    write(told[1], "x", 1) != 1)
			_exit(1);
		(void)alarm(60);
		(void)pause();
		_exit(0);
	}
	assert_int_equal(read(told[0], &c, 1), 1);
	assert_int_equal(lock_take(path, 0, &fd, &e), LOCK_BUSY);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(lock_take(path, 0, &fd, &e), LOCK_TAKEN);
	lock_drop(&fd);
	(void)close(told[0]);
	(void)close(told[1]);
}

#define LOCK_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LOCK_TEST(test_take),
		LOCK_TEST(test_failed),
		LOCK_TEST(test_two_processes),
		LOCK_TEST(test_shared),
		LOCK_TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
