/*
 * A second stream for the bytes of files.
 *
 * What a sender may have under way on one stream is a window of 2 MiB (OpenSSH,
 * channels.h, CHAN_SES_WINDOW_DEFAULT), so over a distance a long file goes no
 * faster than that a round trip. Two streams have two windows. sshd starts an
 * agent-serve for each; the second is told the token of the first by its HELLO,
 * gives it its own standard input over a socket, and has nothing more to do. So
 * one process writes a file, whichever way its bytes come, and one judges what
 * comes. The socket has a name without a file, so a kill leaves nothing behind;
 * who is at its other end must be a process of ours.
 *
 * Messages wait for files whose bytes come here, so it is read however many
 * of them do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "serve_parts.h"

/* So long it may take until the other one has heard of us. */
enum { LANE_JOIN_MS = 5000 };

/* Room for one descriptor, aligned as cmsg(3) wants it. */
union lane_control {
	char room[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

void
lane_init(struct lane *n)
{
	n->listens = n->conn = n->in = -1;
	buf_init(&n->buf, 2UL * FRAME_BODY_MAX);
}

static void
lane_shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

void
lane_close(struct lane *n)
{
	lane_shut(&n->listens);
	lane_shut(&n->conn);
	lane_shut(&n->in);
	buf_free(&n->buf);
}

/* unix(7), abstract: it is gone with the socket. */
static socklen_t
lane_address(struct sockaddr_un *un, const char *token)
{
	int len;

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	len = snprintf(un->sun_path + 1, sizeof(un->sun_path) - 1,
	    "panemesh-lane-%s", token);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
	    (size_t)len);
}

/* Names without a file have no permissions. */
static bool
lane_is_ours(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	    who.uid == geteuid();
}

/* ---- who takes it ---- */

void
server_lane(struct server *s, const struct frame *f)
{
	const char *token = frame_get(f, "Token", "");
	struct lane *n = &s->lane;
	struct sockaddr_un un;

	if (!agent_id_ok(token)) {
		server_done(s, f->id, EXIT_USAGE, "Token: is none");
		return;
	}
	lane_close(n);
	server_lane_lost(s);
	n->listens =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (n->listens < 0 ||
	    bind(n->listens, (const struct sockaddr *)&un,
		lane_address(&un, token)) != 0 ||
	    listen(n->listens, 4) != 0) {
		lane_shut(&n->listens);
		server_done(s, f->id, EXIT_LOCAL, "cannot make a socket");
		return;
	}
	server_done(s, f->id, EXIT_OK, "");
}

/* ... and gives us its standard input. */
static void
lane_take(struct lane *n)
{
	union lane_control control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		/* Room for one: others are not taken. */
		.msg_controllen = CMSG_LEN(sizeof(n->in)) };
	const struct cmsghdr *head;
	ssize_t got;

	got = recvmsg(n->conn, &msg, MSG_CMSG_CLOEXEC);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	head = got == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (head == NULL || head->cmsg_level != SOL_SOCKET ||
	    head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(n->in))) {
		lane_shut(&n->conn);
		return;
	}
	memcpy(&n->in, CMSG_DATA(head), sizeof(n->in));
	(void)fcntl(n->in, F_SETFL, O_NONBLOCK);
}

void
server_lane_come(struct server *s)
{
	struct lane *n = &s->lane;

	while (n->listens >= 0 &&
	    (n->conn = accept4(
		 n->listens, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0 &&
	    !lane_is_ours(n->conn))
		lane_shut(&n->conn);
	/* One is enough. */
	if (n->conn >= 0)
		lane_shut(&n->listens);
	if (n->conn >= 0 && n->in < 0)
		lane_take(n);
}

/* Is there room for the process that finishes a file, and for the answer? */
static bool
lane_room(const struct server *s)
{
	return s->jobs_n < SERVE_SLOTS && s->out.len <= FRAME_BODY_MAX;
}

size_t
server_lane_poll(const struct server *s, struct pollfd *pfd)
{
	const struct lane *n = &s->lane;

	pfd->fd = n->in >= 0 ? n->in : n->conn >= 0 ? n->conn : n->listens;
	if (n->in >= 0 && !lane_room(s))
		pfd->fd = -1;
	pfd->events = POLLIN;
	pfd->revents = 0;
	return LANE_FDS;
}

/* Bytes of files, and nothing else. False: it is of no use any more. */
static bool
lane_frames(struct server *s)
{
	enum frame_result result;
	struct frame f;
	struct err e;
	bool data;

	while (lane_room(s)) {
		result = frame_read(&s->lane.buf, &f, &e);
		if (result != FRAME_READY)
			return result == FRAME_MORE;
		data = f.verb == FRAME_DATA && f.body.len > 0 &&
		    frame_get(&f, "Abort", NULL) == NULL;
		if (data)
			server_data(s, &f, true);
		frame_free(&f);
		if (!data)
			return false;
	}
	return true;
}

void
server_lane_turn(struct server *s, bool ready)
{
	struct lane *n = &s->lane;
	bool well = true;
	ssize_t got;

	if (n->in < 0)
		return;
	if (!lane_room(s))
		n->deaf = clock_mono_ms();
	if (ready && lane_room(s)) {
		do {
			got = buf_read_fd(&n->buf, n->in, SERVE_CHUNK);
		} while (got < 0 && errno == EINTR);
		well = got > 0 || (got < 0 && errno == EAGAIN);
		if (got > 0)
			n->moved = clock_mono_ms();
	}
	if (lane_frames(s) && well)
		return;
	lane_close(n);
	server_lane_lost(s);
}

/* ---- who gives it ---- */

/* Connect to who listens for the token: it was told of us before we began. */
static int
lane_connect(const char *token)
{
	struct sockaddr_un un;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 &&
	    (!agent_id_ok(token) ||
		connect(fd, (const struct sockaddr *)&un,
		    lane_address(&un, token)) != 0 ||
		!lane_is_ours(fd)))
		lane_shut(&fd);
	return fd;
}

static bool
lane_give(int fd, int in)
{
	union lane_control control;
	char byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room) };
	struct cmsghdr *head;

	memset(&control, 0, sizeof(control));
	head = CMSG_FIRSTHDR(&msg);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(in));
	memcpy(CMSG_DATA(head), &in, sizeof(in));
	return sendmsg(fd, &msg, MSG_NOSIGNAL) == 1;
}

void
server_join(struct server *s, const char *token)
{
	struct pollfd pfd[2];
	int64_t deadline = clock_deadline(LANE_JOIN_MS);
	int fd = lane_connect(token);

	s->joined = true;
	if (fd < 0 || s->in.len > 0 || !lane_give(fd, s->o->in)) {
		server_done(s, "0", EXIT_REFUSED,
		    "Lane: nobody waits for a second stream of that name");
		lane_shut(&fd);
	} else {
		server_done(s, "0", EXIT_OK, "");
	}
	while (s->out.len > 0 && clock_left(deadline) > 0) {
		ssize_t n = write(s->o->out, s->out.data, s->out.len);

		if (n > 0)
			buf_consume(&s->out, (size_t)n);
		else if (errno != EINTR && errno != EAGAIN)
			break;
		else
			(void)poll(&(struct pollfd){ .fd = s->o->out,
				       .events = POLLOUT },
			    1, clock_left(deadline));
	}
	/* Its end, or that of whoever hears us. */
	pfd[0] = (struct pollfd){ .fd = fd, .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = s->o->out };
	while (fd >= 0 && poll(pfd, 2, -1) < 0 && errno == EINTR)
		continue;
	lane_shut(&fd);
}
