#include "tty.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "clock.h"
#include "str.h"

enum {
	TTY_NAP_MS = 2,
	TTY_BRACKETS = 12, /* "ESC [200~" and "ESC [201~" around a paste */
};

int
tty_open(const char *path, struct err *e)
{
	struct stat st;
	int fd;

	if (!str_starts(path, "/dev/") || strstr(path, "/../") != NULL) {
		(void)err_set(
		    e, EXIT_UNKNOWN, "%s: is no terminal of a pane", path);
		return -1;
	}
	fd =
	    open(path, O_RDWR | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		(void)err_set(e,
		    errno == EACCES || errno == EPERM ? EXIT_LOCAL
						      : EXIT_UNKNOWN,
		    "%s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode) || !isatty(fd)) {
		(void)err_set(e, EXIT_UNKNOWN, "%s: is no terminal", path);
		goto fail;
	}
	if (st.st_uid != geteuid()) {
		(void)err_set(e, EXIT_LOCAL, "%s: belongs to uid %u, not to us",
		    path, (unsigned)st.st_uid);
		goto fail;
	}
	return fd;
fail:
	(void)close(fd);
	return -1;
}

unsigned
tty_number(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (unsigned)st.st_rdev : 0;
}

struct tty_modes
tty_modes(int fd)
{
	struct tty_modes modes = { .known = false };
	struct termios t;

	if (tcgetattr(fd, &t) != 0)
		return modes;
	modes.known = true;
	modes.canonical = (t.c_lflag & ICANON) != 0;
	modes.echo = (t.c_lflag & ECHO) != 0;
	modes.signals = (t.c_lflag & ISIG) != 0;
	return modes;
}

int
tty_unread(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) == 0 ? n : 0;
}

bool
tty_take_back(int fd, size_t len)
{
	size_t unread = (size_t)tty_unread(fd);
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	bool done;

	if (len == 0 || (unread != len && unread != len + TTY_BRACKETS))
		return false;
	/* Should it be our own, we would be stopped. */
	(void)sigaction(SIGTTOU, &ignore, &before);
	done = tcflush(fd, TCIFLUSH) == 0;
	(void)sigaction(SIGTTOU, &before, NULL);
	return done;
}

int
tty_write(
    int fd, const void *p, size_t len, int wait_ms, size_t *done, struct err *e)
{
	int64_t deadline = clock_deadline(wait_ms);
	ssize_t n;

	*done = 0;
	while (*done < len) {
		n = write(fd, (const char *)p + *done, len - *done);
		if (n > 0) {
			*done += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno == EAGAIN) {
			if (clock_left(deadline) > 0) {
				clock_nap(TTY_NAP_MS, deadline);
				continue;
			}
			errno = EAGAIN;
		}
		return err_set(e, *done == 0 ? EXIT_NOT_READY : EXIT_UNPROVEN,
		    "terminal: took %zu of %zu bytes: %s", *done, len,
		    errno == EAGAIN ? "its output is stopped (Ctrl-S?)"
				    : strerror(errno));
	}
	return 0;
}
