/*
 * One loop reads frames, one child process per message delivers.
 *
 * A message may wait long for its pane, so each is delivered by a fork of this
 * process (no exec: it has all it needs), which writes its answer into a pipe
 * and ends. The loop alone writes to the link, so answers never mix. Files are
 * written by the loop as their bytes come, but synced and named by a child: a
 * disk may take long for that, and others wait. A message that names files
 * comes after them, and is held until they stand.
 *
 * When the link breaks, children go on to their end: the verdict is recorded,
 * and a sender that asks again by the same id hears it.
 *
 * Everything that comes in is hostile: frames are bounded by frame.h, names
 * are validated before they touch a path, and a restricted peer (--peer) is
 * held to its slice and its rate.
 */
#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "exchange.h"
#include "mem.h"
#include "queue.h"
#include "registry.h"
#include "serve_parts.h"
#include "str.h"

void
server_done(
    struct server *s, const char *id, enum exit_code code, const char *words)
{
	struct frame f;

	frame_init(&f, FRAME_DONE, id);
	frame_addf(&f, "Code", "%d", (int)code);
	buf_adds(&f.body, words);
	frame_write(&s->out, &f);
	frame_free(&f);
}

/* To each file that a message names. */
static void
server_each(struct server *s, const struct frame *f,
    void (*end)(struct server *, struct file *))
{
	char *list = x_strdup(frame_get(f, "Files", "")), *id, *rest;
	struct file *file;

	for (id = strtok_r(list, ", ", &rest); id != NULL;
	     id = strtok_r(NULL, ", ", &rest))
		if ((file = server_file(s, id)) != NULL)
			end(s, file);
	x_free(list);
}

void
server_forget(struct server *s, const struct frame *f)
{
	server_each(s, f, server_forget_file);
}

void
server_drop_named(struct server *s, const struct frame *f)
{
	server_each(s, f, server_drop_file);
}

static void
server_push(struct server *s, const struct frame *f)
{
	bool changed = false;
	struct frame answer;
	struct err e;

	if (frame_get(f, "Offer", NULL) != NULL) {
		frame_init(&answer, FRAME_DONE, f->id);
		frame_add(&answer, "Code", "0");
		if (!exchange_has(s->home, s->host,
			(int64_t)frame_number(f, "Generation", INT64_MAX, 0)))
			frame_add(&answer, "Want", "1");
		frame_write(&s->out, &answer);
		frame_free(&answer);
		return;
	}
	if (exchange_take(s->home, NULL, s->host, f->body.data, f->body.len,
		&changed, &e) != 0 ||
	    (changed && registry_assemble(s->home, clock_real_ms(), &e) != 0)) {
		server_done(s, f->id, e.code, e.msg);
		return;
	}
	server_done(s, f->id, EXIT_OK, "");
}

/* To PULL: it has that one already. */
static void
server_unchanged(struct server *s, const char *id)
{
	struct frame answer;

	frame_init(&answer, FRAME_DONE, id);
	frame_add(&answer, "Code", "0");
	frame_add(&answer, "Unchanged", "1");
	frame_write(&s->out, &answer);
	frame_free(&answer);
}

/* The slice of another host, which it asks for by name. A restricted peer is
 * given none: what it may see of others is for them to say. */
static void
server_pull_third(struct server *s, const struct frame *f)
{
	int64_t have = (int64_t)frame_number(f, "Have", INT64_MAX, 0);
	int64_t generation, age;
	struct slice_came came;
	struct frame answer;
	struct err e;

	frame_init(&answer, FRAME_SLICE, f->id);
	if (s->o->peer != NULL) {
		server_done(s, f->id, EXIT_REFUSED,
		    "a key bound by --peer is given no slices of other hosts");
	} else if (exchange_give(s->home, frame_get(f, "Of", ""), s->host, have,
		       &answer.body, &generation, &came, &e) != 0) {
		server_done(s, f->id, e.code, e.msg);
	} else if (answer.body.len == 0) {
		server_unchanged(s, f->id);
	} else {
		age = clock_real_ms() - came.ms;
		frame_addf(
		    &answer, "Generation", "%lld", (long long)generation);
		frame_addf(&answer, "Hops", "%u", came.hops + 1);
		frame_addf(
		    &answer, "Age-Ms", "%lld", (long long)(age < 0 ? 0 : age));
		frame_write(&s->out, &answer);
	}
	frame_free(&answer);
}

static void
server_pull(struct server *s, const struct frame *f)
{
	struct frame answer;
	int64_t generation;
	struct err e;

	frame_init(&answer, FRAME_SLICE, f->id);
	if (exchange_publish(s->home, s->o->peer != NULL, &answer.body,
		&generation, &e) != 0) {
		server_done(s, f->id, e.code, e.msg);
	} else if (generation > 0 &&
	    frame_number(f, "Have", INT64_MAX, 0) == (uint64_t)generation) {
		server_unchanged(s, f->id);
	} else {
		frame_addf(
		    &answer, "Generation", "%lld", (long long)generation);
		frame_write(&s->out, &answer);
	}
	frame_free(&answer);
}

/* Who is it? A restricted key is who its line says. */
static int
server_hello(struct server *s, const struct frame *f, struct err *e)
{
	const char *host = frame_get(f, "Host", "");

	if (f->verb != FRAME_HELLO || !str_host_ok(host))
		return err_set(
		    e, EXIT_WIRE, "the other side does not say who it is");
	if (s->o->peer != NULL && !str_eq(host, s->o->peer))
		(void)err_set(&s->refused, EXIT_REFUSED,
		    "the key of peer %s was used by a host that calls itself "
		    "%s",
		    s->o->peer, host);
	memcpy(s->host, host, strlen(host) + 1);
	(void)snprintf(
	    s->host_id, sizeof(s->host_id), "%s", frame_get(f, "Host-Id", ""));
	s->tells = frame_lists(f, "Can", "progress");
	s->relays = frame_lists(f, "Can", "relay");
	s->hello = true;
	return 0;
}

/* A restricted peer's share: SERVE_BURST at once, SERVE_RATE a second. */
static bool
server_rate(struct server *s)
{
	int64_t now = clock_mono_ms();

	if (s->o->peer == NULL)
		return true;
	s->tokens += (now - s->tokens_ms) * SERVE_RATE;
	s->tokens_ms = now;
	if (s->tokens > SERVE_BURST * 1000)
		s->tokens = SERVE_BURST * 1000;
	if (s->tokens < 1000)
		return false;
	s->tokens -= 1000;
	return true;
}

/* What a restricted peer may ask for so often only: all that forks, writes to
 * disk or reads the book. A file's bytes are bounded by its size and the
 * inbox's; what is answered with a word by the link's own pace. */
static bool
server_counts(enum frame_verb verb)
{
	return verb == FRAME_DELIVER || verb == FRAME_CHECK ||
	    verb == FRAME_FILE || verb == FRAME_PUSH || verb == FRAME_PULL ||
	    verb == FRAME_STATUS || verb == FRAME_FETCH;
}

void
server_told(struct frame *answer, const struct deliver_verdict *v)
{
	frame_addf(answer, "Code", "%d", (int)v->code);
	/* An older dialler would take another word for a failure. */
	if (str_eq(v->word, "answered"))
		frame_add(answer, "Answered", "1");
	frame_add(
	    answer, "Verdict", str_eq(v->word, "answered") ? "shown" : v->word);
	buf_adds(&answer->body, v->why);
}

/* What became of a message? Whoever knows its id may ask. */
static void
server_status(struct server *s, const struct frame *f)
{
	const char *id = frame_get(f, "Message", "");
	struct deliver_verdict v;
	struct frame answer;
	struct err e;

	if (queue_status(s->home, id, &v, &e) != 0)
		deliver_refuse(&v, &e);
	frame_init(&answer, FRAME_DONE, f->id);
	server_told(&answer, &v);
	frame_write(&s->out, &answer);
	frame_free(&answer);
}

/* Only a message itself is handed on. True: it was answered. */
static bool
server_alone(struct server *s, const struct frame *f)
{
	if (frame_get(f, "For", NULL) == NULL ||
	    (frame_get(f, "Files", NULL) == NULL &&
		frame_get(f, "Ask", NULL) == NULL))
		return false;
	server_done(
	    s, f->id, EXIT_USAGE, "For: neither files nor Ask are handed on");
	server_drop_named(s, f);
	return true;
}

static void
server_frame(struct server *s, struct frame *f)
{
	static const char slow_down[] =
	    "too many requests from this peer; slow down";
	bool slow = server_counts(f->verb) && !server_rate(s);

	if (slow && f->verb == FRAME_FILE)
		server_turn_away(s, f, slow_down);
	else if (slow)
		server_done(s, f->id, EXIT_REFUSED, slow_down);
	switch (f->verb) {
	case FRAME_DELIVER:
		if (!slow && server_alone(s, f))
			break;
		/* fall through */
	case FRAME_CHECK:
		if (slow)
			server_drop_named(s, f);
		else
			server_start(s, f);
		server_forget(s, f);
		break;
	case FRAME_FILE:
		if (!slow)
			server_open_file(s, f);
		break;
	case FRAME_DATA:
		server_data(s, f, false);
		break;
	case FRAME_LANE:
		server_lane(s, f);
		break;
	case FRAME_PUSH:
		if (!slow)
			server_push(s, f);
		break;
	case FRAME_PULL:
		if (!slow && frame_get(f, "Of", NULL) != NULL)
			server_pull_third(s, f);
		else if (!slow)
			server_pull(s, f);
		break;
	case FRAME_STATUS:
		if (!slow && frame_get(f, "For", NULL) != NULL)
			server_start(s, f);
		else if (!slow)
			server_status(s, f);
		break;
	case FRAME_FETCH:
		/* That is not counted. */
		if (!slow && server_fetch(s, f) && s->o->peer != NULL)
			s->tokens += 1000;
		break;
	case FRAME_PING:
		/* A restricted peer cannot make us dial. */
		if (s->o->peer == NULL && frame_get(f, "Back", NULL) != NULL)
			server_start(s, f);
		else
			server_done(s, f->id, EXIT_OK, "");
		break;
	case FRAME_HELLO:
	case FRAME_SLICE:
	case FRAME_PROGRESS:
	case FRAME_DONE:
		break; /* nobody asked; a later version may */
	case FRAME_OTHER:
		server_done(s, f->id, EXIT_USAGE,
		    "not supported by this version of panemesh");
		break;
	}
}

/* To one that may nothing: its messages are answered, so that it need not think
 * that they may have been delivered. Anything else ends the connection. */
static int
server_refuse(struct server *s, const struct frame *f, struct err *e)
{
	switch (f->verb) {
	case FRAME_DELIVER:
	case FRAME_CHECK:
	case FRAME_FILE:
		server_done(s, f->id, s->refused.code, s->refused.msg);
		return 0;
	case FRAME_DATA:
		return 0;
	default:
		*e = s->refused;
		return -1;
	}
}

static size_t
server_jobs_max(const struct server *s)
{
	return s->o->peer == NULL ? SERVE_JOBS_MAX : SERVE_JOBS_BOUND;
}

/* Is there room for what the next frame starts, and for its answer? */
static bool
server_room(const struct server *s)
{
	return s->jobs_n < server_jobs_max(s) && s->out.len <= FRAME_BODY_MAX;
}

/* Before a request is answered: by what holds now. 1: it was answered so. */
static int
server_refresh(struct server *s, const struct frame *f, struct err *e)
{
	bool due = f->verb == FRAME_DELIVER || f->verb == FRAME_CHECK ||
	    f->verb == FRAME_FILE || f->verb == FRAME_PUSH ||
	    f->verb == FRAME_PULL || f->verb == FRAME_FETCH ||
	    (f->verb == FRAME_STATUS && frame_get(f, "For", NULL) != NULL);
	int rc = 0;

	if (s->hello && due && s->o->refresh != NULL)
		rc = s->o->refresh(s->o->arg, e);
	if (rc > 0) {
		server_done(s, f->id, e->code, e->msg);
		server_drop_named(s, f);
	}
	return rc;
}

/* Is it the HELLO of a second stream? */
static int
server_lane_hello(struct server *s, const struct frame *f, struct err *e)
{
	const char *token = frame_get(f, "Lane", NULL);

	if (token == NULL)
		return 0;
	if (s->refused.code != EXIT_OK) {
		*e = s->refused;
		return -1;
	}
	server_join(s, token);
	return 0;
}

/* Take apart what has come, as long as there is room for what it starts. */
static int
server_frames(struct server *s, struct err *e)
{
	struct frame f = FRAME_INIT;
	enum frame_result result;
	int rc;

	while (server_room(s)) {
		result = FRAME_READY;
		if (!s->hello)
			result = frame_skip_noise(&s->in, &s->noise, e);
		if (result == FRAME_READY)
			result = frame_read(&s->in, &f, e);
		if (result == FRAME_BAD)
			return -1;
		if (result == FRAME_MORE)
			return 0;
		rc = server_refresh(s, &f, e);
		if (rc == 0 && !s->hello) {
			rc = server_hello(s, &f, e);
			if (rc == 0)
				rc = server_lane_hello(s, &f, e);
		} else if (rc == 0 && s->refused.code != EXIT_OK)
			rc = server_refuse(s, &f, e);
		else if (rc == 0)
			server_frame(s, &f);
		frame_free(&f);
		if (rc < 0)
			return -1;
		if (s->joined)
			return 0;
	}
	return 0;
}

/* Say who we are, first of all. */
static void
server_greet(struct server *s)
{
	struct frame f;

	frame_init(&f, FRAME_HELLO, "0");
	frame_add(&f, "Host", s->home->host);
	frame_add(&f, "Host-Id", s->home->host_id);
	frame_add(&f, "Can",
	    "deliver file check pull push ping progress "
	    "offer queue fetch ask third relay lane");
	frame_add(&f, "Version", VERSION);
	frame_addf(&f, "Time", "%lld", (long long)clock_real_ms());
	frame_write(&s->out, &f);
	frame_free(&f);
}

/* Write what fits. -1: nobody reads any more. */
static int
server_flush(struct server *s)
{
	ssize_t n;

	while (s->out.len > 0) {
		n = write(s->o->out, s->out.data, s->out.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return -1;
		buf_consume(&s->out, (size_t)n);
	}
	return 0;
}

static void
server_read(struct server *s)
{
	ssize_t n;
	size_t i;

	do {
		n = buf_read_fd(&s->in, s->o->in, SERVE_CHUNK);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		s->moved = clock_mono_ms();
	if (n == 0 || (n < 0 && errno != EAGAIN))
		s->ended = true;
	for (i = 0; s->ended && i < s->jobs_n; i++)
		if (s->jobs[i].waits)
			(void)kill(s->jobs[i].pid, SIGKILL);
}

/* Whoever waits for an answer need not take silence for death. */
static void
server_progress(struct server *s)
{
	struct frame f;
	size_t i;

	if (!s->tells || s->jobs_n == 0 || clock_left(s->progress_by) > 0)
		return;
	s->progress_by = clock_deadline(SERVE_PROGRESS_MS);
	/* To one that does not even take these it need not be said again. */
	for (i = 0; i < s->jobs_n && s->out.len < FRAME_CHUNK; i++) {
		frame_init(&f, FRAME_PROGRESS, s->jobs[i].id);
		frame_addf(&f, "Ms", "%lld",
		    (long long)(clock_mono_ms() - s->jobs[i].begun));
		frame_write(&s->out, &f);
		frame_free(&f);
	}
}

/* How long nothing needs to be done; -1: for ever. */
static int
server_patience(struct server *s, int64_t hello_by)
{
	int stall = server_stalled(s), left;

	if (s->jobs_n == 0)
		s->progress_by = clock_deadline(SERVE_PROGRESS_MS);
	if (!s->hello)
		return clock_left(hello_by);
	if (!s->tells || s->jobs_n == 0)
		return stall;
	left = clock_left(s->progress_by);
	return stall >= 0 && stall < left ? stall : left;
}

/* One round: poll, move, answer. 1 when all is done. */
static int
server_turn(struct server *s, int64_t hello_by, struct err *e)
{
	struct pollfd pfd[2 + SERVE_SLOTS + LANE_FDS];
	size_t i, n = 0, lane;
	bool full;

	if (s->joined)
		return 1;
	/* A file that they waited for may have failed since. */
	server_begin_held(s);
	full = !server_room(s);
	if (s->ended && s->jobs_n == 0 && s->out.len == 0)
		return 1;
	if (full)
		s->deaf = clock_mono_ms();
	pfd[n++] = (struct pollfd){ .fd = s->ended || full ? -1 : s->o->in,
		.events = POLLIN };
	/* Without POLLOUT too: it says when the reader is gone. */
	pfd[n++] = (struct pollfd){ .fd = s->o->out,
		.events = s->out.len > 0 ? POLLOUT : 0 };
	for (i = 0; i < s->jobs_n; i++)
		pfd[n++] =
		    (struct pollfd){ .fd = s->jobs[i].fd, .events = POLLIN };
	lane = n;
	n += server_lane_poll(s, &pfd[n]);
	(void)poll(pfd, n, server_patience(s, hello_by));
	if (!s->hello && clock_left(hello_by) == 0)
		return err_set(e, EXIT_WIRE, "no HELLO within %d s",
		    SERVE_HELLO_MS / 1000);
	for (i = s->jobs_n; i-- > 0;)
		if (pfd[2 + i].revents != 0)
			server_reap(s, i);
	server_begin_held(s);
	if (pfd[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		return 1;
	if (pfd[0].revents != 0)
		server_read(s);
	server_lane_turn(s, pfd[lane].revents != 0);
	server_lane_come(s);
	if (server_frames(s, e) != 0)
		return -1;
	if (s->ended && !s->hello && s->in.len == 0 && s->noise == 0)
		return 1;
	(void)server_stalled(s);
	server_progress(s);
	if (server_flush(s) != 0)
		return 1;
	return 0;
}

int
serve(const struct serve_options *options, struct err *e)
{
	struct server *s = x_calloc(1, sizeof(*s));
	int64_t hello_by = clock_deadline(SERVE_HELLO_MS);
	int rc;

	s->o = options;
	s->home = options->reg->home;
	s->tokens = SERVE_BURST * 1000;
	s->tokens_ms = clock_mono_ms();
	buf_init(&s->in, 2UL * FRAME_BODY_MAX);
	buf_init(&s->out, 4UL * FRAME_BODY_MAX);
	lane_init(&s->lane);
	(void)signal(SIGPIPE, SIG_IGN);
	if (fcntl(options->in, F_GETPIPE_SZ) < SERVE_PIPE)
		(void)fcntl(options->in, F_SETPIPE_SZ, SERVE_PIPE);
	(void)fcntl(options->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(options->out, F_SETFL, O_NONBLOCK);
	server_greet(s);
	do {
		rc = server_turn(s, hello_by, e);
	} while (rc == 0);
	/* What was answered before it broke. */
	if (rc < 0)
		(void)server_flush(s);
	if (rc > 0 && s->refused.code != EXIT_OK) {
		*e = s->refused;
		rc = -1;
	}
	lane_close(&s->lane);
	server_lane_lost(s);
	server_settle(s);
	while (s->files_n > 0)
		server_drop_file(s, &s->files[0]);
	while (s->jobs_n > 0) {
		s->jobs_n--;
		(void)close(s->jobs[s->jobs_n].fd);
		buf_free(&s->jobs[s->jobs_n].answer);
	}
	buf_free(&s->in);
	buf_free(&s->out);
	x_free(s);
	return rc < 0 ? -1 : 0;
}
