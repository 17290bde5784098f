#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "mem.h"
#include "ssh_parts.h"

/*
 * A program in the place of a session: its one stream is its stdin and stdout.
 * What it writes is held here up to SSH_HELD_MAX, then left in the socket.
 */
enum {
	SSH_HELD_MAX = 128 * 1024,
	SSH_SAID_MAX = 4096, /* of its stderr at a time */
	SSH_REAP_MS = 20,    /* between looks at one that closed its stdout */
};

int
ssh_program_start(struct ssh_link *l, const struct argv *argv, struct err *e)
{
	if (dial_command_start(&l->proxy, argv, e) != 0)
		return -1;
	l->is_program = true;
	l->fd = l->proxy.fd;
	l->proxy.fd = -1;
	buf_init(&l->held, 2 * SSH_HELD_MAX);
	return fcntl(l->fd, F_SETFL, O_NONBLOCK);
}

void
ssh_program_poll(const struct ssh_link *l, struct pollfd *pfd)
{
	short events = 0;

	if (!l->ended && l->held.len < SSH_HELD_MAX)
		events |= POLLIN;
	if (l->blocked)
		events |= POLLOUT;
	/* A socket whose other end is closed would wake us without end. */
	*pfd = (struct pollfd){ .fd = l->ended ? -1 : l->fd, .events = events };
}

int
ssh_program_timeout(const struct ssh_link *l)
{
	return l->ended && !l->reaped ? SSH_REAP_MS : SSH_TICK_MS;
}

void
ssh_program_work(struct ssh_link *l)
{
	pid_t pid = 0;
	ssize_t n;

	l->blocked = false;
	if (!l->reaped)
		pid = waitpid(l->proxy.pid, &l->status, WNOHANG);
	while (!l->ended && l->held.len < SSH_HELD_MAX) {
		n = buf_read_fd(&l->held, l->fd, SSH_HELD_MAX - l->held.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			l->ended = true;
	}
	if (pid != 0) {
		/* Whoever holds its stdout still, it is through. */
		l->reaped = true;
		l->ended = l->ended || l->held.len == 0;
	}
}

size_t
ssh_program_read(struct ssh_link *l, bool from_stderr, struct buf *b)
{
	size_t n = l->held.len;
	ssize_t got;

	if (from_stderr) {
		got = l->proxy.err < 0
		    ? 0
		    : buf_read_fd(b, l->proxy.err, SSH_SAID_MAX);
		return got > 0 ? (size_t)got : 0;
	}
	buf_add(b, l->held.data, n);
	buf_reset(&l->held);
	return n;
}

ssize_t
ssh_program_write(struct ssh_link *l, const char *p, size_t len, struct err *e)
{
	ssize_t n = send(l->fd, p, len, MSG_NOSIGNAL);

	if (n >= 0)
		return n;
	if (errno == EINTR)
		return 0;
	if (errno == EAGAIN) {
		l->blocked = true;
		return 0;
	}
	/* It has ended, and its status says more. */
	if (errno == EPIPE || errno == ECONNRESET)
		return (ssize_t)len;
	return ssh_fail(l, e, "writing to its program: %s", strerror(errno));
}

bool
ssh_program_ended(const struct ssh_link *l, int *status)
{
	if (!l->reaped || l->held.len > 0)
		return false;
	*status = WIFEXITED(l->status) ? WEXITSTATUS(l->status) : -1;
	return true;
}
