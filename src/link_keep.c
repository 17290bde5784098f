/*
 * Who makes the link, and who uses it.
 *
 * The lock beside the socket (warm.h) belongs to whoever makes or holds the
 * link. Who finds it taken waits a little for the socket and goes through
 * that, as a caller like any other: many programs that begin at once make one
 * connection. Who waited in vain makes a link of its own, for itself alone.
 *
 * The maker forks before anything else, so that proxy programs are children of
 * the process that stays. The parent stays for as long as the link is being
 * made: its end and its exit status are what the caller sees of a link that
 * could not be made. The child's descriptors are the caller's two and, until it
 * holds, its stderr; then nobody waits for it: no tmux, no sshd, no cron.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "frame.h"
#include "link_parts.h"
#include "lock.h"
#include "mem.h"
#include "warm.h"

enum {
	KEEP_WAIT_MS = 5000, /* for a link that another is making */
	KEEP_NAP_MS = 10,
};

/* What the relay does with a socket. */
enum keep_relay {
	KEEP_DONE,
	KEEP_MUTE, /* it did not answer; nothing was taken or passed on */
};

/* ---- through somebody else's link ---- */

/* Wait for the HELLO behind the socket; what came is in `b`. */
static enum keep_relay
keep_greeted(int fd, struct buf *b)
{
	int64_t until = clock_deadline(WARM_GREET_MS);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t noise = 0;
	ssize_t n;

	for (;;) {
		if (poll(&pfd, 1, clock_left(until)) == 0)
			return KEEP_MUTE;
		n = buf_read_fd(b, fd, LINK_HELD);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return KEEP_MUTE;
		if (n > 0 && noise == 0 && b->len == (size_t)n)
			until = clock_deadline(WARM_GREET_MS + WARM_PROVE_MS);
		switch (frame_skip_noise(b, &noise, NULL)) {
		case FRAME_READY:
			return KEEP_DONE;
		case FRAME_BAD:
			return KEEP_MUTE;
		case FRAME_MORE:
			break;
		}
	}
}

/* Some more of `from` to `to`. False: one of the two is through. */
static bool
keep_move(int from, int to, struct buf *b, bool readable)
{
	ssize_t n;

	if (readable && b->len == 0) {
		n = buf_read_fd(b, from, LINK_HELD);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return false;
	}
	if (b->len == 0)
		return true;
	n = write(to, b->data, b->len);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	buf_consume(b, (size_t)n);
	return true;
}

static enum keep_relay
keep_relay(int fd, int in, int out)
{
	struct buf up = BUF_INIT_MAX(2 * LINK_HELD);
	struct buf down = BUF_INIT_MAX(2 * LINK_HELD);
	enum keep_relay result = keep_greeted(fd, &down);
	struct pollfd pfd[4];
	bool in_open = true;

	if (result == KEEP_DONE) {
		link_never_block(in);
		link_never_block(out);
	}
	while (result == KEEP_DONE) {
		pfd[0] =
		    (struct pollfd){ .fd = in_open && up.len == 0 ? in : -1,
			    .events = POLLIN };
		pfd[1] = (struct pollfd){ .fd = up.len > 0 ? fd : -1,
			.events = POLLOUT };
		pfd[2] = (struct pollfd){ .fd = down.len == 0 ? fd : -1,
			.events = POLLIN };
		pfd[3] = (struct pollfd){ .fd = out,
			.events = down.len > 0 ? POLLOUT : 0 };
		if (poll(pfd, 4, -1) < 0 && errno != EINTR)
			break;
		if (pfd[3].revents & (POLLERR | POLLNVAL))
			break;
		if (!keep_move(fd, out, &down, pfd[2].revents != 0))
			break;
		if (in_open && !keep_move(in, fd, &up, pfd[0].revents != 0)) {
			in_open = false;
			(void)shutdown(fd, SHUT_WR);
		}
	}
	buf_free(&up);
	buf_free(&down);
	return result;
}

/* ---- one of our own ---- */

/* Take the place of stdin and stdout, and leave those to nobody. */
static int
keep_descriptors(int *in, int *out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	*in = fcntl(*in, F_DUPFD_CLOEXEC, 3);
	*out = fcntl(*out, F_DUPFD_CLOEXEC, 3);
	if (null < 0 || *in < 0 || *out < 0)
		return -1;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		return -1;
	(void)close(null);
	return 0;
}

/* The parent: until the child holds the link, or has ended. */
static int
keep_wait(pid_t child, int fd)
{
	int status;
	ssize_t n;
	char byte;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		return EXIT_OK;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_WIRE;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_WIRE;
}

static int
keep_make(const struct link_to *to, struct link_holder *h, int in, int out,
    bool *ended, struct err *e)
{
	pid_t parent = getpid(), child;
	int status[2], rc;

	if (pipe2(status, O_CLOEXEC) != 0)
		return err_set(e, EXIT_LOCAL, "cannot make a pipe");
	child = fork();
	if (child != 0) {
		(void)close(status[1]);
		if (child > 0) {
			/* Its child has the rest. */
			rc = keep_wait(child, status[0]);
			_exit(rc);
		}
		(void)close(status[0]);
		return err_set(e, EXIT_LOCAL, "cannot fork");
	}
	(void)close(status[0]);
	/* Who gives up a link that is being made, gives up all of it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_WIRE);
	(void)setsid();
	(void)signal(SIGHUP, SIG_IGN);
	h->status = status[1];
	if (keep_descriptors(&in, &out) != 0)
		return err_set(e, EXIT_LOCAL, "no descriptors are left");
	rc = link_hold(to, h, in, out, e);
	/* Once it holds there is nobody to hear why it ends. */
	*ended = h->status < 0;
	return rc;
}

/* Is what we locked still the file of that name? Its last holder took it away
 * with it. */
static bool
keep_locked(const struct warm *w, int lock)
{
	struct stat mine, there;

	return fstat(lock, &mine) == 0 && stat(w->lock, &there) == 0 &&
	    mine.st_ino == there.st_ino && mine.st_dev == there.st_dev;
}

/* Through the link of somebody else. */
static enum keep_relay
keep_join(const struct warm *w, int in, int out)
{
	enum keep_relay result = KEEP_MUTE;
	pid_t pid = 0;
	int fd;

	fd = warm_connect(w, &pid);
	if (fd < 0)
		return KEEP_MUTE;
	/* A stopped one answers nobody, and keeps all from making another. */
	if (pid > 1 && warm_stopped(pid))
		(void)kill(pid, SIGKILL);
	else
		result = keep_relay(fd, in, out);
	(void)close(fd);
	return result;
}

int
link_keep(const struct link_to *to, int64_t idle_ms, int in, int out,
    bool *ended, struct err *e)
{
	int64_t until = clock_deadline(
	    to->timeout_ms < KEEP_WAIT_MS ? to->timeout_ms : KEEP_WAIT_MS);
	struct link_holder h = { .idle_ms = idle_ms, .lock = -1, .status = -1 };
	enum lock_result got = LOCK_FAILED;
	struct err why;
	int rc;

	*ended = false;
	if (to->peer == NULL || idle_ms == 0 ||
	    warm_name(&h.warm, to->home, to->peer, &why) != 0)
		goto plain;
	for (;;) {
		got = lock_take(h.warm.lock, 0, &h.lock, &why);
		if (got == LOCK_TAKEN && keep_locked(&h.warm, h.lock))
			break;
		lock_drop(&h.lock);
		if (got == LOCK_FAILED)
			goto plain;
		if (got == LOCK_BUSY &&
		    keep_join(&h.warm, in, out) == KEEP_DONE) {
			warm_free(&h.warm);
			return 0;
		}
		if (clock_left(until) == 0)
			goto plain;
		clock_nap(KEEP_NAP_MS, until);
	}
	rc = keep_make(to, &h, in, out, ended, e);
	lock_drop(&h.lock);
	warm_free(&h.warm);
	return rc;
plain:
	warm_free(&h.warm);
	return link_run(to, LINK_SERVE, in, out, e);
}
