#include "remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "argv.h"
#include "clock.h"
#include "mem.h"
#include "str.h"
#include "warm.h"

enum {
	REMOTE_CHUNK = 65536,
	REMOTE_SAID_MAX = 8192,
	REMOTE_LATE_MS = 2000, /* for a HELLO once the link stands at last */
};

/* What either side can do, by verb. */
#define REMOTE_CAPABILITIES "deliver file check pull push ping progress relay"

/* The command that makes a link, or uses one that is being made. */
static void
remote_command(struct remote *r, const struct peer *peer)
{
	char *program = proc_sibling("agent-link");

	argv_addl(&r->cold, program, "-t", NULL);
	argv_addf(&r->cold, "%d", (r->connect_ms + 999) / 1000);
	if (peer->unlisted)
		argv_add(&r->cold, "-u");
	else if (!r->alone)
		argv_add(&r->cold, "-k");
	argv_addl(&r->cold, "--", peer->alias, NULL);
	x_free(program);
}

/* A socket and a timer in the place of a child. */
static bool
remote_join(struct remote *r, const struct home *home, const struct peer *peer)
{
	struct itimerspec soon = { .it_value = {
				       .tv_nsec = WARM_GREET_MS * 1000000L } };
	struct warm w;

	if (peer->unlisted || r->alone)
		return false;
	if (warm_name(&w, home, peer, NULL) == 0)
		r->link.out = warm_connect(&w, NULL);
	warm_free(&w);
	if (r->link.out < 0)
		return false;
	r->warm = true;
	r->link.in = fcntl(r->link.out, F_DUPFD_CLOEXEC, 3);
	r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	(void)timerfd_settime(r->timer, 0, &soon, NULL);
	return true;
}

/* Leave a holder that is of no use; it was told nothing. */
static int
remote_go_cold(struct remote *r, struct err *e)
{
	if (r->warm) {
		(void)proc_stop(&r->link);
		(void)close(r->timer);
		r->timer = -1;
		r->warm = false;
		r->ended = false;
		r->noise = 0;
		buf_reset(&r->in);
		r->hello_by = clock_deadline(r->connect_ms + REMOTE_LATE_MS);
	}
	return proc_start(&r->link, &r->cold, e);
}

static int
remote_begin(struct remote *r, const struct home *home, const struct peer *peer,
    int connect_ms, bool alone, struct err *e)
{
	struct frame hello;

	memset(r, 0, sizeof(*r));
	r->alone = alone;
	r->link = (struct proc_child)PROC_CHILD_INIT;
	r->timer = r->file = -1;
	buf_init(&r->in, 2UL * FRAME_BODY_MAX);
	buf_init(&r->out, REMOTE_QUEUE_MAX);
	buf_init(&r->said, REMOTE_SAID_MAX);
	r->alias = x_strdup(peer->alias);
	r->home = home;
	r->begun = r->moved = clock_mono_ms();
	r->silent_ms = REMOTE_SILENT_MS;
	r->connect_ms = connect_ms;
	r->hello_by = clock_deadline(connect_ms + REMOTE_LATE_MS);
	remote_command(r, peer);
	if (!remote_join(r, home, peer) && remote_go_cold(r, e) != 0)
		return -1;
	frame_init(&hello, FRAME_HELLO, "0");
	frame_add(&hello, "Host", home->host);
	frame_add(&hello, "Host-Id", home->host_id);
	frame_add(&hello, "Can", REMOTE_CAPABILITIES);
	frame_add(&hello, "Version", VERSION);
	remote_put(r, &hello);
	frame_free(&hello);
	return 0;
}

int
remote_open_within(struct remote *r, const struct home *home,
    const struct peer *peer, int connect_ms, struct err *e)
{
	return remote_begin(r, home, peer, connect_ms, false, e);
}

int
remote_open_alone(struct remote *r, const struct home *home,
    const struct peer *peer, int connect_ms, struct err *e)
{
	return remote_begin(r, home, peer, connect_ms, true, e);
}

int
remote_open(struct remote *r, const struct home *home, const struct peer *peer,
    struct err *e)
{
	return remote_open_within(r, home, peer, REMOTE_CONNECT_MS, e);
}

void
remote_close(struct remote *r)
{
	(void)proc_stop(&r->link);
	if (r->timer >= 0)
		(void)close(r->timer);
	argv_free(&r->cold);
	buf_free(&r->in);
	buf_free(&r->out);
	buf_free(&r->said);
	X_CLEAR(r->alias);
}

void
remote_put(struct remote *r, const struct frame *f)
{
	frame_write(&r->out, f);
}

void
remote_put_file(
    struct remote *r, const struct frame *f, int fd, int64_t at, size_t len)
{
	frame_write_head(&r->out, f, len);
	r->file = fd;
	r->file_at = at;
	r->file_left = len;
}

size_t
remote_queued(const struct remote *r)
{
	return r->out.len + r->file_left;
}

void
remote_poll(const struct remote *r, struct pollfd *pfd)
{
	pfd[0] = (struct pollfd){ .fd = r->link.out, .events = POLLIN };
	pfd[1] = (struct pollfd){ .fd = r->warm && !r->hello ? r->timer
							     : r->link.err,
		.events = POLLIN };
	pfd[2] =
	    (struct pollfd){ .fd = r->hello && remote_queued(r) > 0 ? r->link.in
								    : -1,
		    .events = POLLOUT };
}

bool
remote_unsent(const struct remote *r)
{
	return r->written == 0;
}

static void
remote_shut(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Read some of what is there, so that whoever takes frames apart has the next
 * turn; true at the end of the stream. */
static bool
remote_read(int fd, struct buf *b)
{
	ssize_t n = buf_read_fd(b, fd, REMOTE_CHUNK);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Is the peer's HELLO at the front of what came? Drops what is before it. */
static bool
remote_has_hello(struct remote *r)
{
	struct frame f;
	size_t size;

	if (frame_skip_noise(&r->in, &r->noise, NULL) != FRAME_READY ||
	    frame_peek(&r->in, &f, &size, NULL) != FRAME_READY)
		return false;
	frame_free(&f);
	return true;
}

/* sendfile(2) moved nothing, be it for the file or for the socket. Reading and
 * then writing says which, or does it. */
static void
remote_read_file(struct remote *r)
{
	char bytes[FRAME_CHUNK];
	size_t want =
	    r->file_left < sizeof(bytes) ? r->file_left : sizeof(bytes);
	ssize_t n;

	do {
		n = pread(r->file, bytes, want, (off_t)r->file_at);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		buf_add(&r->out, bytes, (size_t)n);
		r->file_at += n;
		r->file_left -= (size_t)n;
		return;
	}
	r->file_errno = n < 0 ? errno : ENODATA;
	r->file_left = 0;
	remote_shut(&r->link.in);
}

static void
remote_write_file(struct remote *r)
{
	struct pollfd pfd = { .fd = r->link.in, .events = POLLOUT };
	off_t at;
	ssize_t n;

	while (r->link.in >= 0 && r->out.len == 0 && r->file_left > 0) {
		/* Linux before 6.0, and some 6.5, wait in there all the same.
		 */
		if (poll(&pfd, 1, 0) <= 0)
			return;
		at = (off_t)r->file_at;
		n = sendfile(r->link.in, r->file, &at, r->file_left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			remote_read_file(r);
			return;
		}
		r->moved = clock_mono_ms();
		r->written += (size_t)n;
		r->file_at += n;
		r->file_left -= (size_t)n;
	}
}

/* Until agent-serve has spoken, what reads there may be a shell that a start-up
 * file began: it would run a message. */
static void
remote_write(struct remote *r)
{
	size_t done = 0;
	ssize_t n;

	while (r->hello && r->link.in >= 0 && done < r->out.len) {
		n = write(r->link.in, r->out.data + done, r->out.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		r->moved = clock_mono_ms();
		if (n <= 0) {
			remote_shut(&r->link.in);
			break;
		}
		r->written += (size_t)n;
		done += (size_t)n;
	}
	buf_consume(&r->out, done);
	if (r->hello)
		remote_write_file(r);
}

/* Before the HELLO on a link that is kept: does its holder live? */
static void
remote_greeting(struct remote *r)
{
	struct itimerspec prove = { .it_value = {
					.tv_sec = WARM_PROVE_MS / 1000,
					.tv_nsec = 500 * 1000000L } };
	uint64_t ticks;
	struct err e;

	if (!r->greeted && (r->in.len > 0 || r->noise > 0)) {
		r->greeted = true;
		(void)timerfd_settime(r->timer, 0, &prove, NULL);
	}
	if (!r->ended && read(r->timer, &ticks, sizeof(ticks)) < 0)
		return;
	if (remote_go_cold(r, &e) != 0) {
		r->ended = true;
		buf_adds(&r->said, e.msg);
	}
}

void
remote_turn(struct remote *r)
{
	size_t before;

	remote_write(r);
	if (r->link.err >= 0 && remote_read(r->link.err, &r->said))
		remote_shut(&r->link.err);
	before = r->in.len;
	if (r->link.out >= 0 && remote_read(r->link.out, &r->in)) {
		remote_shut(&r->link.out);
		r->ended = true;
	}
	if (r->in.len > before)
		r->moved = clock_mono_ms();
	/* An end with the HELLO before it is for remote_next() to see. */
	if (r->warm && !r->hello && !remote_has_hello(r))
		remote_greeting(r);
}

/* The link ended: its last line says why, if it said anything. */
static enum frame_result
remote_lost(struct remote *r, struct err *e)
{
	const char *line;
	size_t len;

	/* The reason may come after the end of the stream. */
	if (r->link.err >= 0) {
		clock_nap(20, clock_deadline(20));
		while (!r->said.overflow && r->said.len < REMOTE_SAID_MAX) {
			size_t before = r->said.len;

			(void)remote_read(r->link.err, &r->said);
			if (r->said.len == before)
				break;
		}
	}
	for (len = r->said.len; len > 0 && r->said.data[len - 1] == '\n';)
		len--;
	buf_truncate(&r->said, len);
	line = strrchr(r->said.data, '\n');
	line = line == NULL ? r->said.data : line + 1;
	if (str_starts(line, "agent-link: "))
		line += strlen("agent-link: ");
	len = strlen(r->alias);
	if (str_starts(line, r->alias) && line[len] == ':')
		(void)err_set(e, EXIT_WIRE, "%s", line);
	else
		(void)err_set(e, EXIT_WIRE, "%s: %s", r->alias,
		    line[0] != '\0' ? line
			: r->hello  ? "the connection ended early"
				    : "the connection ended before a HELLO; "
				      "does a start-up file of the login "
				      "shell there end it?");
	return FRAME_BAD;
}

/* Take the peer's HELLO to heart. */
static int
remote_hello(struct remote *r, const struct frame *f, struct err *e)
{
	const char *host = frame_get(f, "Host", "");
	const char *id = frame_get(f, "Host-Id", "");

	if (f->verb != FRAME_HELLO || !str_host_ok(host) ||
	    strlen(id) > HOME_ID_LEN)
		return err_set(e, EXIT_WIRE,
		    "%s: answers, but not as agent-serve does", r->alias);
	if (str_eq(host, r->home->host) && str_eq(id, r->home->host_id))
		return err_set(e, EXIT_REFUSED,
		    "%s: leads back to this host itself, '%s'; no host is its "
		    "own peer: agent-sync peer rm %s",
		    r->alias, host, r->alias);
	memcpy(r->host, host, strlen(host) + 1);
	memcpy(r->host_id, id, strlen(id) + 1);
	(void)snprintf(
	    r->version, sizeof(r->version), "%s", frame_get(f, "Version", ""));
	r->tells = frame_lists(f, "Can", "progress");
	r->time = (int64_t)frame_number(f, "Time", INT64_MAX, 0);
	r->came = clock_real_ms();
	r->offers = frame_lists(f, "Can", "offer");
	r->queues = frame_lists(f, "Can", "queue");
	r->fetches = frame_lists(f, "Can", "fetch");
	r->asks = frame_lists(f, "Can", "ask");
	r->passes = frame_lists(f, "Can", "third");
	r->relays = frame_lists(f, "Can", "relay");
	r->hello = true;
	return 0;
}

enum frame_result
remote_next(struct remote *r, struct frame *f, struct err *e)
{
	enum frame_result result;

	for (;;) {
		result = FRAME_READY;
		if (!r->hello)
			result = frame_skip_noise(&r->in, &r->noise, e);
		if (result == FRAME_READY)
			result = frame_read(&r->in, f, e);
		if (result == FRAME_BAD) {
			(void)err_prefix(e, "%s", r->alias);
			return result;
		}
		if (result == FRAME_MORE)
			return r->ended ? remote_lost(r, e) : FRAME_MORE;
		if (!r->hello) {
			int rc = remote_hello(r, f, e);

			frame_free(f);
			if (rc != 0)
				return FRAME_BAD;
			/* What waited for it leaves at once. */
			remote_write(r);
			continue;
		}
		if (f->verb == FRAME_DONE && str_eq(f->id, "0")) {
			(void)err_set(e, EXIT_WIRE, "%s", f->body.data);
			frame_free(f);
			return FRAME_BAD;
		}
		if (f->verb == FRAME_PROGRESS) {
			frame_free(f);
			continue;
		}
		if (f->verb == FRAME_DONE || f->verb == FRAME_SLICE)
			return FRAME_READY;
		(void)err_set(e, EXIT_WIRE,
		    "%s: asks for %s on a connection that we made; refused",
		    r->alias, f->word);
		frame_free(f);
		return FRAME_BAD;
	}
}

/* When the wait for an answer is over, for a reason of the peer's own. */
static int64_t
remote_until(const struct remote *r, int64_t asked)
{
	int64_t since = r->moved > asked ? r->moved : asked;

	if (!r->hello)
		return r->hello_by;
	return since + r->silent_ms + (r->tells ? 0 : r->untold_ms);
}

int
remote_late(const struct remote *r, struct err *e)
{
	return err_set(e, EXIT_WIRE, "%s: no connection within %lld s",
	    r->alias, (long long)(clock_mono_ms() - r->begun) / 1000);
}

int
remote_greet(struct remote *r, struct err *e)
{
	struct pollfd pfd[REMOTE_FDS];
	enum frame_result result;
	struct frame f;

	while (!r->hello) {
		remote_turn(r);
		result = remote_next(r, &f, e);
		if (result == FRAME_BAD)
			return -1;
		if (result == FRAME_READY)
			frame_free(&f);
		if (r->hello)
			break;
		if (clock_left(r->hello_by) == 0)
			return remote_late(r, e);
		remote_poll(r, pfd);
		(void)poll(pfd, REMOTE_FDS, clock_left(r->hello_by));
	}
	return 0;
}

int
remote_wait(struct remote *r, const char *id, int64_t deadline, struct frame *f,
    struct err *e)
{
	struct pollfd pfd[REMOTE_FDS];
	int64_t asked = clock_mono_ms(), until;
	enum frame_result result;
	bool silent;

	for (;;) {
		remote_turn(r);
		while ((result = remote_next(r, f, e)) == FRAME_READY) {
			if (str_eq(f->id, id))
				return 0;
			frame_free(f);
		}
		if (result == FRAME_BAD)
			return -1;
		until = remote_until(r, asked);
		silent = r->hello && until < deadline;
		if (deadline < until)
			until = deadline;
		if (clock_left(until) == 0)
			break;
		remote_poll(r, pfd);
		(void)poll(pfd, REMOTE_FDS, clock_left(until));
	}
	if (!r->hello)
		return remote_late(r, e);
	if (silent && r->moved > asked)
		asked = r->moved;
	return err_set(e, EXIT_WIRE,
	    silent ? "%s: says nothing for %lld s, although it is connected"
		   : "%s: no answer within %lld s",
	    r->alias, (long long)(clock_mono_ms() - asked) / 1000);
}
