/*
 * One loop reads frames, one child process per message delivers.
 *
 * A message may wait long for its pane, so each is delivered by a fork of this
 * process (no exec: it has all it needs), which writes its answer into a pipe
 * and ends. The loop alone writes to the link, so answers never mix. Files are
 * written by the loop as their bytes come; a message that names files is begun
 * when it is read, since its files come before it.
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
#include <sys/wait.h>
#include <unistd.h>

#include "body.h"
#include "check.h"
#include "clock.h"
#include "drop.h"
#include "exchange.h"
#include "file.h"
#include "frame.h"
#include "log.h"
#include "lookup.h"
#include "mem.h"
#include "path.h"
#include "post.h"
#include "registry.h"
#include "ring.h"
#include "str.h"

enum { SERVE_CHUNK = 65536, SERVE_FOLDER_MAX = BODY_SENDER_MAX + 16 };

/* A message in the hands of a child. */
struct job {
	pid_t pid;
	int fd; /* its answer comes from here */
	char id[FRAME_ID_MAX + 1];
	struct buf answer;
};

/* A file that comes, or that has come. */
struct file {
	char id[FRAME_ID_MAX + 1];
	struct drop drop;
	bool open;
	struct err e; /* code EXIT_OK: all is well */
	int64_t size;
	char *path; /* once it is whole */
};

struct server {
	const struct serve_options *o;
	const struct home *home;
	struct buf in, out;
	bool hello, ended;
	size_t noise;
	char host[HOST_MAX + 1]; /* what the other side calls itself */
	struct job jobs[SERVE_JOBS_MAX];
	size_t jobs_n;
	struct file files[SERVE_FILES_MAX];
	size_t files_n;
	int64_t tokens_ms; /* rate: when the bucket was looked at */
	int64_t tokens;    /* thousandths of a message */
};

/* Who sends, as far as this host can tell. */
struct origin {
	char name[BODY_SENDER_MAX + 1];
	const char *note;
	char folder[SERVE_FOLDER_MAX];
};

static void
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

/* Is `name` an agent in the slice that the other side published? */
static bool
server_verified(const struct server *s, const char *name)
{
	struct registry registry = REGISTRY_INIT;
	int64_t now = clock_real_ms();
	bool verified = false, alias;
	struct agent a;

	if (str_address_ok(name) &&
	    registry_open(&registry, s->home, now, NULL) == 0) {
		verified = registry_find(
			       &registry, name, now, &a, &alias, NULL) == 0 &&
		    !alias && str_eq(a.host, s->host);
		agent_free(&a);
	}
	registry_close(&registry);
	return verified;
}

static int
server_origin(
    struct server *s, const struct frame *f, struct origin *from, struct err *e)
{
	const char *name = frame_get(f, "From", "");

	if (!body_sender_ok(name))
		return err_set(
		    e, EXIT_USAGE, "From: '%.100s' is no sender's name", name);
	memcpy(from->name, name, strlen(name) + 1);
	if (server_verified(s, name)) {
		from->note = NULL;
		(void)snprintf(from->folder, sizeof(from->folder), "%s", name);
		return 0;
	}
	from->note = strchr(name, '@') != NULL ? "no reply" : "unverified";
	(void)snprintf(
	    from->folder, sizeof(from->folder), "unverified-%s", s->host);
	return 0;
}

/* May the other side ask for this? An unrestricted key may; a restricted one
 * as allow= says. */
static bool
server_may(const struct server *s, const struct frame *f, const char *header)
{
	const struct peer *peer;

	if (!str_eq(frame_get(f, header, "0"), "1"))
		return false;
	if (s->o->peer == NULL)
		return true;
	peer = peers_find(s->o->peers, s->o->peer);
	if (peer == NULL)
		return false;
	return str_eq(header, "Type")  ? peer->allow_type
	    : str_eq(header, "Urgent") ? peer->allow_urgent
	    : str_eq(header, "Force")  ? peer->allow_force
				       : false;
}

static struct file *
server_file(struct server *s, const char *id)
{
	size_t i;

	for (i = 0; i < s->files_n; i++)
		if (str_eq(s->files[i].id, id))
			return &s->files[i];
	return NULL;
}

static void
file_forget(struct server *s, struct file *file)
{
	size_t at = (size_t)(file - s->files);

	if (file->open)
		drop_abort(&file->drop);
	X_CLEAR(file->path);
	s->files[at] = s->files[--s->files_n];
}

/*
 * The text of a message: a line for each file it names, then its body. Returns
 * -1 with the error of the first file that did not arrive.
 */
static int
server_text(struct server *s, const struct frame *f, struct buf *text,
    struct buf *dropped, struct err *e)
{
	char *list = x_strdup(frame_get(f, "Files", "")), *id, *rest, *shown;
	struct file *file;
	int rc = 0;

	for (id = strtok_r(list, ", ", &rest); id != NULL && rc == 0;
	     id = strtok_r(NULL, ", ", &rest)) {
		file = server_file(s, id);
		if (file == NULL || file->path == NULL) {
			rc = file == NULL || file->e.code == EXIT_OK
			    ? err_set(
				  e, EXIT_USAGE, "file %s: did not come", id)
			    : err_set(e, file->e.code, "%s", file->e.msg);
			break;
		}
		shown = path_show(file->path);
		buf_addf(dropped, "%sfile dropped at %s (%lld bytes)",
		    dropped->len == 0 ? "" : "; ", shown,
		    (long long)file->size);
		x_free(shown);
	}
	buf_add(text, dropped->data, dropped->len);
	if (dropped->len > 0 && f->body.len > 0)
		buf_adds(text, ": ");
	buf_add(text, f->body.data, f->body.len);
	x_free(list);
	return rc;
}

/* The files that a message named are its own: they make room for others. */
static void
server_forget(struct server *s, const struct frame *f)
{
	char *list = x_strdup(frame_get(f, "Files", "")), *id, *rest;
	struct file *file;

	for (id = strtok_r(list, ", ", &rest); id != NULL;
	     id = strtok_r(NULL, ", ", &rest))
		if ((file = server_file(s, id)) != NULL)
			file_forget(s, file);
	x_free(list);
}

/* The answer to a message. */
static void
job_answer(struct frame *f, const struct agent *to,
    const struct deliver_verdict *v, bool renamed, const char *dropped)
{
	frame_addf(f, "Code", "%d", (int)v->code);
	frame_add(f, "Verdict", v->word);
	frame_add(f, "Address", to->address);
	frame_add(f, "Target", to->target);
	if (renamed)
		frame_add(f, "Renamed", "1");
	if (v->forced)
		frame_add(f, "Forced", "1");
	if (v->queued)
		frame_add(f, "Queued", "1");
	frame_addf(f, "Calls", "%u", v->calls);
	frame_addf(f, "Ms", "%lld", (long long)v->ms);
	if (dropped[0] != '\0')
		frame_add(f, "Dropped", dropped);
	buf_adds(&f->body, v->why);
}

/* In the child: find the agent, deliver, say what became of it. */
static void
job_deliver(struct server *s, const struct frame *f, const struct origin *from,
    const struct buf *text, const char *dropped, struct frame *answer)
{
	struct post p = {
		.reg = s->o->reg,
		.id = f->id,
		.sender = from->name,
		.note = from->note,
		.folder = from->folder,
		.body = text->data,
		.len = text->len,
		.repeat = true,
		.ask = str_eq(frame_get(f, "Ask", "0"), "1"),
		.type = server_may(s, f, "Type"),
		.urgent = server_may(s, f, "Urgent"),
		.force = server_may(s, f, "Force"),
	};
	struct deliver_verdict v;
	bool renamed = false;
	struct agent to;
	struct err e;
	int rc;

	p.wait_ms = (int64_t)frame_number(f, "Wait-Ms", SERVE_WAIT_MAX_MS, 0);
	rc = lookup(p.reg, frame_get(f, "To", ""), &to, &renamed, &e);
	if (rc == 0 && !str_eq(to.host, s->home->host))
		rc = err_set(&e, EXIT_UNKNOWN, "%s: is no agent of host %s",
		    to.address, s->home->host);
	if (rc == 0 && !p.ask)
		rc = post_check(text->data, text->len, &e);
	if (rc == 0)
		(void)post(&p, &to, &v);
	else
		deliver_refuse(&v, &e);
	job_answer(answer, &to, &v, renamed, dropped);
	agent_free(&to);
}

static void
job_check(struct server *s, const struct frame *f, struct frame *answer)
{
	struct buf *out = &answer->body;
	struct err e;
	int rc;

	rc = check(s->o->reg, frame_get(f, "To", ""),
	    str_eq(frame_get(f, "Json", "0"), "1"),
	    str_eq(frame_get(f, "Verbose", "0"), "1"), out, &e);
	if (rc < 0) {
		buf_reset(out);
		buf_adds(out, e.msg);
	}
	frame_addf(answer, "Code", "%d", rc < 0 ? (int)e.code : rc);
}

/* Start a child for a message or a check. */
static void
server_start(struct server *s, const struct frame *f)
{
	struct buf text = BUF_INIT_MAX(FRAME_BODY_MAX),
		   out = BUF_INIT_MAX(FRAME_BODY_MAX), dropped = BUF_INIT;
	struct origin from = { .note = NULL };
	struct frame answer;
	struct err e;
	struct job *job;
	int fd[2];

	if (f->verb == FRAME_DELIVER &&
	    (server_origin(s, f, &from, &e) != 0 ||
		server_text(s, f, &text, &dropped, &e) != 0)) {
		server_done(s, f->id, e.code, e.msg);
		goto out;
	}
	if (pipe2(fd, O_CLOEXEC) != 0) {
		server_done(s, f->id, EXIT_LOCAL, "cannot make a pipe");
		goto out;
	}
	job = &s->jobs[s->jobs_n];
	job->pid = fork();
	if (job->pid == 0) {
		/* Whoever waits for the link's end must not wait for us. */
		(void)close(s->o->in);
		(void)close(s->o->out);
		frame_init(&answer, FRAME_DONE, f->id);
		if (f->verb == FRAME_CHECK)
			job_check(s, f, &answer);
		else
			job_deliver(s, f, &from, &text, dropped.data, &answer);
		frame_write(&out, &answer);
		(void)file_write_all(fd[1], out.data, out.len);
		_exit(0);
	}
	(void)close(fd[1]);
	if (job->pid < 0) {
		(void)close(fd[0]);
		server_done(s, f->id, EXIT_LOCAL, "cannot fork");
		goto out;
	}
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	job->fd = fd[0];
	memcpy(job->id, f->id, sizeof(job->id));
	buf_init(&job->answer, FRAME_BODY_MAX);
	s->jobs_n++;
out:
	buf_free(&text);
	buf_free(&out);
	buf_free(&dropped);
}

/* A child has answered or ended. True when it is gone from the list. */
static bool
server_reap(struct server *s, size_t at)
{
	struct job *job = &s->jobs[at];
	ssize_t n;

	do {
		n = buf_read_fd(&job->answer, job->fd, SERVE_CHUNK);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 && errno == EAGAIN)
		return false;
	while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (job->answer.len > 0)
		buf_add(&s->out, job->answer.data, job->answer.len);
	else
		server_done(s, job->id, EXIT_UNPROVEN,
		    "the process that delivered it was killed");
	(void)close(job->fd);
	buf_free(&job->answer);
	s->jobs[at] = s->jobs[--s->jobs_n];
	return true;
}

/* A file is announced. */
static void
server_open_file(struct server *s, const struct frame *f)
{
	struct origin from = { .note = NULL };
	struct file *file;
	struct err e;

	if (s->files_n == SERVE_FILES_MAX) {
		server_done(
		    s, f->id, EXIT_REFUSED, "too many files on one connection");
		return;
	}
	if (server_file(s, f->id) != NULL) {
		server_done(
		    s, f->id, EXIT_USAGE, "this file is coming already");
		return;
	}
	file = &s->files[s->files_n++];
	memset(file, 0, sizeof(*file));
	memcpy(file->id, f->id, sizeof(file->id));
	file->size = (int64_t)frame_number(f, "Size", INT64_MAX, UINT64_MAX);
	file->open = true;
	file->drop = (struct drop){ .dir = -1, .fd = -1 };
	err_clear(&file->e);
	if (file->size < 0)
		(void)err_set(&e, EXIT_USAGE, "Size: is missing");
	else if (server_origin(s, f, &from, &e) == 0 &&
	    drop_begin(&file->drop, s->home->inbox, from.folder,
		frame_get(f, "Name", "file"), file->size,
		s->o->reg->config->inbox_max, &e) == 0)
		return;
	/* Its bytes may be on their way: they are dropped. */
	file->e = e;
	server_done(s, f->id, e.code, e.msg);
}

/* Bytes of a file; none: that was all. */
static void
server_data(struct server *s, const struct frame *f)
{
	struct file *file = server_file(s, f->id);
	struct frame answer;

	if (file == NULL || !file->open || file->e.code != EXIT_OK)
		return;
	if (f->body.len > 0) {
		if (drop_write(
			&file->drop, f->body.data, f->body.len, &file->e) == 0)
			return;
	} else if (drop_finish(&file->drop, &file->path, &file->e) == 0) {
		frame_init(&answer, FRAME_DONE, f->id);
		frame_add(&answer, "Code", "0");
		frame_add(&answer, "Path", file->path);
		frame_write(&s->out, &answer);
		frame_free(&answer);
	}
	drop_abort(&file->drop);
	file->open = false;
	if (file->e.code != EXIT_OK)
		server_done(s, f->id, file->e.code, file->e.msg);
}

static void
server_push(struct server *s, const struct frame *f)
{
	bool changed = false;
	struct err e;

	if (exchange_take(s->home, NULL, s->host, f->body.data, f->body.len,
		&changed, &e) != 0 ||
	    (changed && registry_assemble(s->home, clock_real_ms(), &e) != 0)) {
		server_done(s, f->id, e.code, e.msg);
		return;
	}
	server_done(s, f->id, EXIT_OK, "");
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
		frame_free(&answer);
		frame_init(&answer, FRAME_DONE, f->id);
		frame_add(&answer, "Code", "0");
		frame_add(&answer, "Unchanged", "1");
		frame_write(&s->out, &answer);
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
		return err_set(e, EXIT_REFUSED,
		    "the key of peer %s was used by a host that calls itself "
		    "%s",
		    s->o->peer, host);
	memcpy(s->host, host, strlen(host) + 1);
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

static void
server_frame(struct server *s, const struct frame *f)
{
	switch (f->verb) {
	case FRAME_DELIVER:
	case FRAME_CHECK:
		if (!server_rate(s))
			server_done(s, f->id, EXIT_REFUSED,
			    "too many messages from this peer; slow down");
		else
			server_start(s, f);
		server_forget(s, f);
		break;
	case FRAME_FILE:
		server_open_file(s, f);
		break;
	case FRAME_DATA:
		server_data(s, f);
		break;
	case FRAME_PUSH:
		server_push(s, f);
		break;
	case FRAME_PULL:
		server_pull(s, f);
		break;
	case FRAME_PING:
		server_done(s, f->id, EXIT_OK, "");
		break;
	case FRAME_HELLO:
	case FRAME_SLICE:
	case FRAME_DONE:
		break; /* nobody asked; a later version may */
	case FRAME_OTHER:
		server_done(s, f->id, EXIT_USAGE,
		    "not supported by this version of panemesh");
		break;
	}
}

/* Take apart what has come, as long as there is room for what it starts. */
static int
server_frames(struct server *s, struct err *e)
{
	enum frame_result result;
	struct frame f;
	int rc;

	while (s->jobs_n < SERVE_JOBS_MAX) {
		result = FRAME_READY;
		if (!s->hello)
			result = frame_skip_noise(&s->in, &s->noise, e);
		if (result == FRAME_READY)
			result = frame_read(&s->in, &f, e);
		if (result == FRAME_BAD)
			return -1;
		if (result == FRAME_MORE)
			return 0;
		rc = 0;
		if (s->hello)
			server_frame(s, &f);
		else
			rc = server_hello(s, &f, e);
		frame_free(&f);
		if (rc != 0)
			return -1;
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
	frame_add(&f, "Can", "deliver file check pull push ping");
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

	do {
		n = buf_read_fd(&s->in, s->o->in, SERVE_CHUNK);
	} while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		s->ended = true;
}

/* One round: poll, move, answer. 1 when all is done. */
static int
server_turn(struct server *s, int64_t hello_by, struct err *e)
{
	struct pollfd pfd[2 + SERVE_JOBS_MAX];
	bool full = s->jobs_n == SERVE_JOBS_MAX || s->out.len > FRAME_BODY_MAX;
	size_t i, n = 0;

	if (s->ended && s->jobs_n == 0 && s->out.len == 0)
		return 1;
	pfd[n++] = (struct pollfd){ .fd = s->ended || full ? -1 : s->o->in,
		.events = POLLIN };
	pfd[n++] = (struct pollfd){ .fd = s->out.len > 0 ? s->o->out : -1,
		.events = POLLOUT };
	for (i = 0; i < s->jobs_n; i++)
		pfd[n++] =
		    (struct pollfd){ .fd = s->jobs[i].fd, .events = POLLIN };
	(void)poll(pfd, n, s->hello ? -1 : clock_left(hello_by));
	if (!s->hello && clock_left(hello_by) == 0)
		return err_set(e, EXIT_WIRE, "no HELLO within %d s",
		    SERVE_HELLO_MS / 1000);
	for (i = s->jobs_n; i-- > 0;)
		if (pfd[2 + i].revents != 0)
			(void)server_reap(s, i);
	if (pfd[0].revents != 0)
		server_read(s);
	if (server_frames(s, e) != 0)
		return -1;
	if (s->ended && !s->hello && s->in.len == 0 && s->noise == 0)
		return 1;
	/* Nobody there to hear it: what is being delivered goes on. */
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
	(void)signal(SIGPIPE, SIG_IGN);
	(void)fcntl(options->in, F_SETFL, O_NONBLOCK);
	(void)fcntl(options->out, F_SETFL, O_NONBLOCK);
	server_greet(s);
	do {
		rc = server_turn(s, hello_by, e);
	} while (rc == 0);
	while (s->files_n > 0)
		file_forget(s, &s->files[0]);
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
