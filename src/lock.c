#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "clock.h"

enum { LOCK_NAP_MIN_MS = 1, LOCK_NAP_MAX_MS = 16 };

static enum lock_result
lock_as(int how, int fd, const char *name, int wait_ms, struct err *e)
{
	int64_t deadline = clock_deadline(wait_ms), nap = LOCK_NAP_MIN_MS;

	/* Not a blocking flock: that has no deadline without a signal. */
	while (flock(fd, how | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK) {
			(void)err_set(e, EXIT_LOCAL, "%s: cannot lock: %s",
			    name, strerror(errno));
			return LOCK_FAILED;
		}
		if (clock_left(deadline) == 0)
			return LOCK_BUSY;
		clock_nap(nap, deadline);
		if (nap < LOCK_NAP_MAX_MS)
			nap *= 2;
	}
	return LOCK_TAKEN;
}

enum lock_result
lock_fd(int fd, const char *name, int wait_ms, struct err *e)
{
	return lock_as(LOCK_EX, fd, name, wait_ms, e);
}

enum lock_result
lock_shared(int fd, const char *name, int wait_ms, struct err *e)
{
	return lock_as(LOCK_SH, fd, name, wait_ms, e);
}

enum lock_result
lock_take(const char *path, int wait_ms, int *fd, struct err *e)
{
	enum lock_result result;

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot lock: %s", path,
		    strerror(errno));
		return LOCK_FAILED;
	}
	result = lock_fd(*fd, path, wait_ms, e);
	if (result != LOCK_TAKEN)
		lock_drop(fd);
	return result;
}

int
lock_need(const char *path, int wait_ms, int *fd, struct err *e)
{
	switch (lock_take(path, wait_ms, fd, e)) {
	case LOCK_TAKEN:
		return 0;
	case LOCK_BUSY:
		return err_set(e, EXIT_LOCAL,
		    "%s: still locked by another program after %d s; is one "
		    "stopped?",
		    path, wait_ms / 1000);
	case LOCK_FAILED:
		break;
	}
	return -1;
}

void
lock_drop(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
