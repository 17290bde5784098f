/*
 * A link that is kept, from its first byte on.
 *
 *   callers ... mux =========session======== agent-serve
 *                 ==socket pair== pipe ==
 *
 * The pipe (link_pipe.c) knows streams and no frames, the mux (mux.c) frames
 * and no streams; the socket pair between them has both ends here, so one
 * thread and one poll(2) move everything. What goes to the far end, files among
 * it, spares the pair.
 *
 * Three things must be found out: that the host is gone, which the session's
 * own heartbeat does; that agent-serve there is stuck, for which it is asked
 * now and then while it owes answers; and that this machine slept, for which
 * the clock goes on meanwhile: a caller that comes after a silence longer than
 * the heartbeat would have allowed is told nothing until a PING came back.
 *
 * The link ends when it was not used for so long, when it was made by what is
 * not so any more (the name of its socket would be another), when its socket or
 * the program itself was replaced, or when it breaks. Who waits for an answer
 * then hears it, and asks again by its id on another link.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "link_parts.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "mux.h"
#include "path.h"
#include "str.h"

enum {
	HOLD_LOOK_MS = 1000,   /* between looks at files, and at clocks */
	HOLD_TRUST_MS = 13000, /* of silence: two ticks of the session */
	HOLD_PING_MS = 3000,   /* without a frame, while answers are owed */
	HOLD_MUTE_MS = 8000,   /* ... and none to PING either: it is stuck */
	/* It ends for good, so that a key which the far end has taken away or
	 * bound to less is not good for ever. */
	HOLD_AGE_MS = 3600 * 1000,
	HOLD_DISK_MS = 120000, /* ... or has a file to write to its disk */
};

/* One that runs. */
struct hold {
	const struct link_to *to;
	struct link_holder *h;
	struct link k;
	struct link_pipe p;
	struct mux *m;
	struct link_lane lane;
	struct peers peers; /* once `reread` */
	bool reread;        /* peers.conf, since it changed */
	struct file_stamp conf, self, sock;
	char *conf_path;
	int pair[2];
	int listens; /* -1 before it holds, and once it is out of use */
	bool held, stale;
	uint64_t heard; /* of the session and the mux, together */
	unsigned long frames;
	int64_t heard_ms, frame_ms, used_ms, look_ms; /* boot time */
	int64_t since_ms;                             /* when it was made */
	int64_t doubt_ms; /* since when the link is in doubt */
};

static volatile sig_atomic_t hold_stop;

static void
hold_stopped(int signal_number)
{
	(void)signal_number;
	hold_stop = 1;
}

static struct file_stamp
hold_self(void)
{
	struct file_stamp none = { .inode = 0 };
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n <= 0)
		return none;
	path[n] = '\0';
	return file_stamp(path);
}

/* The far end said HELLO: from now on it is everybody's, and nobody's child. */
static void
hold_begin(struct hold *o)
{
	struct err e;
	int null;

	o->listens = warm_listen(&o->h->warm, &e);
	if (o->listens < 0) {
		log_line("%s", e.msg);
		return;
	}
	o->held = true;
	(void)prctl(PR_SET_PDEATHSIG, 0);
	o->sock = file_stamp(o->h->warm.sock);
	(void)!chdir("/");
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDERR_FILENO);
		(void)close(null);
	}
	(void)!write(o->h->status, "", 1);
	(void)close(o->h->status);
	o->h->status = -1;
}

/* Out of use: nobody finds it any more, and another may be made. */
static void
hold_retire(struct hold *o)
{
	struct file_stamp there = file_stamp(o->h->warm.sock);

	if (o->listens < 0)
		return;
	if (there.inode == o->sock.inode)
		(void)unlink(o->h->warm.sock);
	(void)close(o->listens);
	o->listens = -1;
	(void)unlink(o->h->warm.lock);
	lock_drop(&o->h->lock);
}

/* Would it be made in another way today? */
static bool
hold_is_stale(struct hold *o)
{
	struct file_stamp conf = file_stamp(o->conf_path), self;
	const struct peer *peer = o->to->peer;
	struct warm now;
	bool stale;

	if (!file_stamp_eq(&conf, &o->conf)) {
		o->conf = conf;
		peers_free(&o->peers);
		o->peers = (struct peers)PEERS_INIT;
		if (peers_load(&o->peers, o->conf_path, NULL) != 0)
			return true;
		o->reread = true;
	}
	if (o->reread)
		peer = peers_find(&o->peers, o->to->name);
	self = hold_self();
	if (peer == NULL || !file_stamp_eq(&self, &o->self) ||
	    file_stamp(o->h->warm.sock).inode != o->sock.inode)
		return true;
	stale = warm_name(&now, o->to->home, peer, NULL) != 0 ||
	    !str_eq(now.sock, o->h->warm.sock);
	warm_free(&now);
	return stale;
}

/* Callers that wait to be taken. */
static void
hold_accept(struct hold *o, int64_t now)
{
	int fd;

	while (o->listens >= 0 && (fd = warm_accept(o->listens)) >= 0) {
		if (now - o->heard_ms > HOLD_TRUST_MS && !mux_doubted(o->m)) {
			mux_doubt(o->m);
			o->doubt_ms = now;
		}
		(void)mux_add(o->m, fd, fd);
	}
}

/* What was heard, and whether it was enough. */
static int
hold_listen(struct hold *o, int64_t now, struct err *e)
{
	uint64_t heard = ssh_link_heard(o->k.ssh) + mux_heard(o->m);
	int64_t silence;

	/* Who waited for it is gone; nobody else can come. */
	if (!mux_hello(o->m) && mux_callers(o->m) == 0 &&
	    now - o->since_ms > o->to->timeout_ms)
		return err_set(e, EXIT_WIRE,
		    "%s: no HELLO came, and nobody waits for it any more",
		    o->to->name);
	if (heard != o->heard)
		o->heard_ms = now;
	o->heard = heard;
	if (mux_heard(o->m) != o->frames || mux_waits(o->m) == 0)
		o->frame_ms = now;
	o->frames = mux_heard(o->m);
	if (mux_doubted(o->m)) {
		if (now - o->doubt_ms > WARM_PROVE_MS)
			return err_set(e, EXIT_WIRE,
			    "%s: does not answer any more", o->to->name);
		return 0;
	}
	silence = now - o->frame_ms;
	if (silence > HOLD_PING_MS)
		mux_ping(o->m);
	if (silence > (mux_files(o->m) ? HOLD_DISK_MS : HOLD_MUTE_MS))
		return err_set(e, EXIT_WIRE,
		    "%s: agent-serve there says nothing any more", o->to->name);
	return 0;
}

/* Is it to end? */
static bool
hold_over(struct hold *o, int64_t now)
{
	if (mux_waits(o->m) > 0)
		o->used_ms = now;
	if (hold_stop)
		return true;
	if (o->held && now - o->look_ms >= HOLD_LOOK_MS) {
		o->look_ms = now;
		if (!o->stale &&
		    (now - o->since_ms > HOLD_AGE_MS || hold_is_stale(o))) {
			o->stale = true;
			hold_retire(o);
		}
	}
	if (mux_callers(o->m) > 0)
		return false;
	if (!o->held || o->stale)
		return mux_hello(o->m) && mux_waits(o->m) == 0;
	return now - o->used_ms >= o->h->idle_ms && mux_waits(o->m) == 0;
}

/* The callers' bytes: from the mux into the session, past the socket pair. */
static ssize_t
hold_send(void *arg, const char *p, size_t len)
{
	struct hold *o = arg;
	struct err e;

	return ssh_stream_write(o->p.stream, p, len, &e);
}

static int
hold_patience(const struct hold *o)
{
	int ms = link_pipe_patience(&o->p, ssh_link_timeout(o->k.ssh));
	int aside = mux_patience(o->m);

	if (mux_due(o->m) && ssh_stream_ready(o->p.stream))
		return 0;
	if (aside >= 0 && (ms < 0 || aside < ms))
		ms = aside;
	/* Somebody waits, so clocks matter. */
	if (ms > HOLD_LOOK_MS &&
	    (mux_callers(o->m) > 0 || mux_waits(o->m) > 0 ||
		mux_doubted(o->m) || o->h->idle_ms < 2L * SSH_TICK_MS))
		ms = HOLD_LOOK_MS;
	return link_lane_patience(&o->lane, o->m, ms);
}

/* The pipe is through: what came over it is passed on. */
static int
hold_drain(struct hold *o, struct err *e)
{
	struct pollfd pfd[MUX_FDS_MAX];
	size_t n;
	int rc;

	(void)close(o->pair[0]);
	o->pair[0] = -1;
	do {
		n = mux_poll(o->m, pfd);
		(void)poll(pfd, n, 0);
		rc = mux_turn(o->m, pfd, e);
	} while (rc == 0);
	return rc < 0
	    ? -1
	    : err_set(e, EXIT_WIRE, "%s: agent-serve there ended", o->to->name);
}

static int
hold_turn(struct hold *o, struct pollfd *pfd, struct err *e)
{
	struct pollfd *pipe = pfd + 1, *mux = pfd + 2 + LINK_PIPE_FDS;
	size_t n;
	int rc;

	ssh_link_poll(o->k.ssh, &pfd[0]);
	link_pipe_poll(&o->p, pipe);
	pfd[1 + LINK_PIPE_FDS] =
	    (struct pollfd){ .fd = o->listens, .events = POLLIN };
	n = mux_poll(o->m, mux);
	rc = poll(pfd, 2 + LINK_PIPE_FDS + n, hold_patience(o));
	if (rc < 0 && errno != EINTR)
		return err_set(e, EXIT_LOCAL, "poll: %s", strerror(errno));
	if (rc < 0)
		return 0;
	if (ssh_link_work(o->k.ssh, e) != 0)
		return -1;
	/* First: it may take in what the others are to see. */
	link_lane_turn(&o->lane, &o->k, o->to, o->m);
	rc = link_pipe_turn(&o->p, pipe, e);
	if (rc > 0)
		return hold_drain(o, e);
	if (rc < 0)
		return -1;
	rc = mux_turn(o->m, mux, e);
	return rc > 0
	    ? err_set(e, EXIT_WIRE, "%s: the stream broke", o->to->name)
	    : rc;
}

static int
hold_loop(struct hold *o, struct err *e)
{
	struct pollfd *pfd =
	    x_calloc(2 + LINK_PIPE_FDS + MUX_FDS_MAX, sizeof(*pfd));
	int64_t now = clock_boot_ms();
	int rc = 0;

	o->since_ms = o->heard_ms = now;
	o->frame_ms = o->used_ms = o->look_ms = now;
	while (rc == 0 && !hold_over(o, now)) {
		rc = hold_turn(o, pfd, e);
		now = clock_boot_ms();
		if (rc == 0 && pfd[1 + LINK_PIPE_FDS].revents != 0)
			hold_accept(o, now);
		if (rc == 0)
			rc = hold_listen(o, now, e);
		if (rc == 0 && !o->held && o->h->status >= 0 && mux_hello(o->m))
			hold_begin(o);
	}
	x_free(pfd);
	return rc;
}

int
link_hold(const struct link_to *to, struct link_holder *h, int in, int out,
    struct err *e)
{
	struct hold o = { .to = to, .h = h, .pair = { -1, -1 }, .listens = -1 };
	int64_t deadline = clock_deadline(to->timeout_ms);
	struct sigaction sa = { .sa_handler = hold_stopped };
	struct err end;
	int rc = -1;

	o.conf_path = path_join(to->home->dir, "peers.conf");
	o.conf = file_stamp(o.conf_path);
	o.self = hold_self();
	(void)sigaction(SIGTERM, &sa, NULL);
	link_never_block(in);
	link_never_block(out);
	if (link_open(&o.k, to, LINK_SERVE, deadline, e) != 0)
		goto out;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		o.pair) != 0) {
		(void)err_set(e, EXIT_LOCAL, "cannot make a socket pair");
		goto out;
	}
	if (link_pipe_open(&o.p, &o.k, to, LINK_SERVE, o.pair[0], o.pair[0],
		deadline, e) != 0)
		goto out;
	link_opened(&o.k, to);
	o.m = mux_new(to->name, o.pair[1]);
	mux_sends(o.m, hold_send, &o);
	if (!o.k.is_program)
		mux_may_lane(o.m);
	(void)mux_add(o.m, in, out);
	rc = hold_loop(&o, e);
	if (rc == 0)
		(void)err_set(
		    &end, EXIT_WIRE, "%s: the link was ended", to->name);
	mux_end(o.m, rc == 0 ? &end : e);
	if (rc != 0 && o.held && o.k.log >= 0) {
		log_to(o.k.log);
		log_line("%s", e->msg);
	}
out:
	hold_retire(&o);
	link_lane_close(&o.lane);
	mux_free(o.m);
	link_pipe_close(&o.p);
	link_close(&o.k);
	if (o.pair[0] >= 0)
		(void)close(o.pair[0]);
	if (o.pair[1] >= 0)
		(void)close(o.pair[1]);
	peers_free(&o.peers);
	x_free(o.conf_path);
	return rc;
}
