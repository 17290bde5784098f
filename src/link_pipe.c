/*
 * One stream and two descriptors: bytes both ways, whatever they mean. Little
 * of either direction is held: what cannot be passed on is not taken, so that
 * the pipe on one side and SSH's window on the other hold back who writes too
 * fast. What comes is moved before what goes, and nothing is given to SSH while
 * earlier bytes wait there, so that little stands in line before a later
 * message.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "link_parts.h"
#include "log.h"

enum {
	LINK_SAID_MAX = 64 * 1024, /* bytes of a far stderr that are logged */
	LINK_HEARS_MAX = 64, /* reads of it before others have their turn */
};

/* The far shell's own PATH seldom has the places where people install. */
static const char serve_there[] =
    "sh -c 'PATH=\"$HOME/.local/bin:$HOME/bin:$PATH\"; exec agent-serve'";

/* What the bash agent-mesh has, behind a line of ours, since start-up files may
 * have printed something. */
#define SLICE_MARK "# panemesh: local.toml"
static const char slice_there[] =
    "sh -c 'echo \"" SLICE_MARK "\"; exec cat \"$HOME/.agents/local.toml\"'";

const char *
link_command(const struct link_to *to, enum link_what what)
{
	if (what == LINK_SLICE)
		return slice_there;
	return to->peer != NULL && to->peer->serve[0] != '\0' ? to->peer->serve
							      : serve_there;
}

int
link_pipe_open(struct link_pipe *p, struct link *link, const struct link_to *to,
    enum link_what what, int in, int out, int64_t deadline, struct err *e)
{
	*p = (struct link_pipe){ .link = link,
		.what = what,
		.in = in,
		.out = out,
		.speak_by = deadline,
		.mark = what == LINK_SLICE,
		.in_open = what != LINK_SLICE };
	buf_init(&p->up, 2 * LINK_HELD);
	buf_init(&p->down, 2UL * SSH_COME_MAX);
	buf_init(&p->said, 2UL * SSH_COME_MAX);
	p->stream =
	    ssh_stream_open(link->ssh, link_command(to, what), deadline, e);
	return p->stream == NULL ? -1 : 0;
}

void
link_pipe_close(struct link_pipe *p)
{
	if (p->link == NULL)
		return;
	ssh_stream_close(p->stream);
	buf_free(&p->up);
	buf_free(&p->down);
	buf_free(&p->said);
}

/* One line of the far stderr: into the log, up to a cap. */
static void
pipe_hear_line(struct link_pipe *p, const char *line, size_t len)
{
	if (len > LINK_LINE_MAX)
		len = LINK_LINE_MAX;
	while (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	(void)snprintf(p->last, sizeof(p->last), "%.*s", (int)len, line);
	if (p->link->log < 0 || p->logged >= LINK_SAID_MAX)
		return;
	log_to(p->link->log);
	log_line("%s: %s", p->link->name, p->last);
	p->logged += len;
	if (p->logged >= LINK_SAID_MAX)
		log_line("%s: (more is not logged)", p->link->name);
	log_to(STDERR_FILENO);
}

static void
pipe_hear(struct link_pipe *p)
{
	const char *end;
	size_t at, reads = 0;

	p->loud = true;
	while (p->loud && reads++ < LINK_HEARS_MAX) {
		p->loud = ssh_stream_read(p->stream, true, &p->said) > 0;
		at = 0;
		while ((end = memchr(p->said.data + at, '\n',
			    p->said.len - at)) != NULL) {
			pipe_hear_line(p, p->said.data + at,
			    (size_t)(end - p->said.data) - at);
			at = (size_t)(end - p->said.data) + 1;
		}
		/* Not line by line: it may be a flood. */
		buf_consume(&p->said, at);
		if (p->said.len > LINK_LINE_MAX) {
			pipe_hear_line(p, p->said.data, p->said.len);
			buf_reset(&p->said);
		}
	}
}

/* Until it has spoken nobody need be there to hear us, or somebody else, such
 * as a shell that a start-up file began: bytes that are still in `in` when we
 * end have reached nobody. */
static bool
pipe_mute(const struct link_pipe *p)
{
	return p->speak_by != 0;
}

/* `in` to the stream. */
static int
pipe_up(struct link_pipe *p, bool readable, struct err *e)
{
	ssize_t n;

	if (pipe_mute(p))
		return 0;
	if (readable && p->up.len < LINK_HELD) {
		n = buf_read_fd(&p->up, p->in, LINK_HELD - p->up.len);
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			p->in_open = false;
	}
	if (p->up.len > 0) {
		n = ssh_stream_write(p->stream, p->up.data, p->up.len, e);
		if (n < 0)
			return -1;
		buf_consume(&p->up, (size_t)n);
	}
	if (!p->in_open && p->up.len == 0 && !p->eof_sent) {
		p->eof_sent = true;
		return ssh_stream_eof(p->stream, e);
	}
	return 0;
}

/* Drop all before and with the line that begins the slice. */
static void
pipe_skip_to_mark(struct link_pipe *p)
{
	char *at = memmem(
	    p->down.data, p->down.len, SLICE_MARK "\n", sizeof(SLICE_MARK));

	if (at != NULL) {
		p->written = (size_t)(at - p->down.data) + sizeof(SLICE_MARK);
		p->mark = false;
	} else if (p->down.len > sizeof(SLICE_MARK)) {
		buf_consume(&p->down, p->down.len - sizeof(SLICE_MARK));
	}
}

/* More from the stream, once what came before is out. */
static bool
pipe_take(struct link_pipe *p)
{
	if (!p->mark && p->down.len > p->written)
		return true;
	if (!p->mark) {
		buf_reset(&p->down);
		p->written = 0;
	}
	if (ssh_stream_read(p->stream, false, &p->down) > 0)
		p->speak_by = 0;
	if (p->mark)
		pipe_skip_to_mark(p);
	return !p->mark && p->down.len > p->written;
}

/* The stream to `out`. 1: nobody reads that any more. */
static int
pipe_down(struct link_pipe *p, struct err *e)
{
	ssize_t n;

	while (pipe_take(p)) {
		n = write(p->out, p->down.data + p->written,
		    p->down.len - p->written);
		if (n >= 0) {
			p->written += (size_t)n;
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		if (errno == EPIPE)
			return 1;
		return err_set(
		    e, EXIT_LOCAL, "standard output: %s", strerror(errno));
	}
	return 0;
}

/* Is that how the ssh program says that asking again changes nothing? */
static bool
pipe_refused(const char *words)
{
	return strstr(words, "Permission denied (") != NULL ||
	    strstr(words, "Host key verification failed") != NULL ||
	    strstr(words, "Too many authentication failures") != NULL;
}

/* The far end is through: what became of it? 1, or -1. */
static int
pipe_judge(struct link_pipe *p, int status, struct err *e)
{
	bool is_program = p->link->is_program;
	const char *what = is_program ? "its program" : "agent-serve";
	const char *name = p->link->name, *colon;

	if (p->said.len > 0)
		pipe_hear_line(p, p->said.data, p->said.len);
	if (status == 0 && !p->mark)
		return 1;
	colon = p->last[0] == '\0' ? "" : ": ";
	/* 255 is what the ssh program has for its own failures. */
	if (is_program && status == 255)
		return err_set(e,
		    pipe_refused(p->last) ? EXIT_REFUSED : EXIT_WIRE,
		    "%s: ssh failed%s%s; try: ssh -o BatchMode=yes %s true",
		    name, colon, p->last, name);
	if (p->what == LINK_SLICE)
		return err_set(e, EXIT_UNKNOWN,
		    "%s: neither agent-serve nor ~/.agents/local.toml is "
		    "there; install panemesh there",
		    name);
	if (status == 127)
		return err_set(e, EXIT_UNKNOWN,
		    "%s: no agent-serve there%s%s; install panemesh there, or "
		    "name it by serve=/PATH in peers.conf",
		    name, colon, p->last);
	if (status < 0)
		return err_set(e, EXIT_WIRE, "%s: %s was ended by a signal%s%s",
		    name, what, colon, p->last);
	/* An account without a shell says so on standard output, if at all. */
	if (p->last[0] == '\0' && !is_program)
		return err_set(e, EXIT_WIRE,
		    "%s: %s ended with status %d; try: ssh %s agent-serve "
		    "--version",
		    name, what, status, name);
	return err_set(e, EXIT_WIRE, "%s: %s ended with status %d%s%s", name,
	    what, status, colon, p->last);
}

void
link_pipe_poll(const struct link_pipe *p, struct pollfd *pfd)
{
	bool room = p->in_open && p->up.len < LINK_HELD && !pipe_mute(p);

	pfd[0] = (struct pollfd){ .fd = room ? p->in : -1, .events = POLLIN };
	/* Without POLLOUT too: it says when the reader is gone. */
	pfd[1] = (struct pollfd){ .fd = p->out,
		.events = p->down.len > p->written ? POLLOUT : 0 };
}

int
link_pipe_patience(const struct link_pipe *p, int ms)
{
	int left;

	if (p->speak_by != 0) {
		left = clock_left(p->speak_by);
		ms = left < ms ? left : ms;
	}
	return p->loud || (p->up.len > 0 && ssh_stream_ready(p->stream)) ? 0
									 : ms;
}

int
link_pipe_turn(struct link_pipe *p, const struct pollfd *pfd, struct err *e)
{
	int rc, status;

	pipe_hear(p);
	rc = pipe_down(p, e);
	if (rc == 0 && pfd[1].revents & (POLLERR | POLLNVAL))
		rc = 1;
	if (rc != 0)
		return rc;
	if ((p->mark || p->down.len == p->written) &&
	    ssh_stream_ended(p->stream, &status))
		return pipe_judge(p, status, e);
	if (p->speak_by != 0 && clock_left(p->speak_by) == 0)
		return err_set(e, EXIT_WIRE,
		    p->link->is_program
			? "%s: its program says nothing"
			: "%s: it lets us in, but agent-serve says nothing; "
			  "does a start-up file of the login shell there run "
			  "another program or read its input?",
		    p->link->name);
	if (!p->eof_sent && pipe_up(p, pfd[0].revents != 0, e) != 0)
		return -1;
	return 0;
}
