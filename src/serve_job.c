#include "serve_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "exchange.h"
#include "feed.h"
#include "file.h"
#include "lookup.h"
#include "mem.h"
#include "path.h"
#include "post.h"
#include "queue.h"
#include "remote.h"
#include "ring.h"
#include "str.h"

int
server_letter(const struct server *s, const struct frame *f, struct letter *l,
    struct err *e)
{
	if (letter_read(l, f, e) != 0)
		return -1;
	if (s->o->peer != NULL)
		letter_bind(l, peers_find_any(s->o->peers, s->o->peer));
	return 0;
}

/* Why did file `id` not come? -1. */
static int
server_missing(const struct server *s, const char *id, const struct file *file,
    struct err *e)
{
	const char *why = server_turned_away(s, id);

	if (file != NULL && file->e.code != EXIT_OK)
		return err_set(e, file->e.code, "%s", file->e.msg);
	if (file == NULL && why != NULL)
		return err_set(
		    e, EXIT_REFUSED, "on %s: %s", s->home->host, why);
	return err_set(e, EXIT_USAGE, "file %s: did not come", id);
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
			rc = server_missing(s, id, file, e);
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

void
job_answer(const struct server *s, struct frame *f, const struct agent *to,
    const struct deliver_verdict *v, bool renamed, const char *dropped)
{
	frame_addf(f, "Code", "%d", (int)v->code);
	frame_add(f, "Verdict", v->word);
	frame_add(f, "Address", to->address);
	if (s->o->peer == NULL)
		frame_add(f, "Target", to->target);
	if (renamed)
		frame_add(f, "Renamed", "1");
	if (v->forced)
		frame_add(f, "Forced", "1");
	if (v->queued)
		frame_add(f, "Queued", "1");
	frame_addf(f, "Calls", "%u", v->calls);
	frame_addf(f, "Ms", "%lld", (long long)v->ms);
	frame_addf(f, "Waited", "%lld", (long long)v->waited);
	if (dropped[0] != '\0')
		frame_add(f, "Dropped", dropped);
	buf_adds(&f->body, v->why);
}

/* The files that a message named have arrived; those of one who may not send
 * here are taken away again. */
static void
job_files(struct server *s, const struct frame *f, const struct origin *from,
    const struct agent *to, bool barred)
{
	char *list = x_strdup(frame_get(f, "Files", "")), *id, *rest;
	const struct file *file;

	for (id = strtok_r(list, ", ", &rest); id != NULL;
	     id = strtok_r(NULL, ", ", &rest)) {
		file = server_file(s, id);
		if (file == NULL || file->path == NULL)
			continue;
		if (barred)
			(void)unlink(file->path);
		else
			(void)feed_append(s->home,
			    &(struct feed_event){ .type = "file",
				.agent = from->name,
				.target = to->address,
				.preview = path_base(file->path) },
			    NULL);
	}
	x_free(list);
}

/* In the child: find the agent, deliver, say what became of it. */
static void
job_deliver(struct server *s, const struct frame *f, const struct origin *from,
    pid_t parent, const struct buf *text, const char *dropped,
    struct frame *answer)
{
	struct deliver_verdict v;
	bool renamed = false;
	struct letter l;
	struct agent to;
	struct post p;
	struct err e;
	int rc;

	rc = server_letter(s, f, &l, &e);
	if (rc == 0)
		rc = lookup(s->o->reg, l.to, &to, &renamed, &e);
	else
		agent_init(&to);
	if (rc == 0 && !str_eq(to.host, s->home->host))
		rc = err_set(&e, EXIT_UNKNOWN, "%s: is no agent of host %s",
		    to.address, s->home->host);
	if (rc == 0 && !l.ask)
		rc = post_check(text->data, text->len, &e);
	if (rc == 0) {
		p = letter_post(&l, from, s->host);
		p.reg = s->o->reg;
		p.body = text->data;
		p.len = text->len;
		p.parent = parent;
		(void)queue_post(&p, &to, &v);
		if (v.barred)
			dropped = "";
		job_files(s, f, from, &to, v.barred);
	} else if (e.code == EXIT_UNKNOWN && l.id != NULL &&
	    queue_status(s->home, l.id, &v, NULL) == 0) {
		/* It had the message, and went before that was heard. */
		v.repeated = true;
	} else
		deliver_refuse(&v, &e);
	job_answer(s, answer, &to, &v, renamed, dropped);
	agent_free(&to);
}

static void
job_check(struct server *s, const struct frame *f, struct frame *answer)
{
	struct buf *out = &answer->body;
	struct origin from = { .note = NULL };
	struct allow_sender sender;
	struct presence now;
	struct err e;
	int rc;

	/* Of an older version we know the host only. */
	(void)origin_read(s->home, s->host, f, &from, NULL);
	sender = origin_sender(&from, s->host);

	rc = check(s->o->reg, frame_get(f, "To", ""), &sender,
	    str_eq(frame_get(f, "Json", "0"), "1"),
	    str_eq(frame_get(f, "Verbose", "0"), "1"), s->o->peer != NULL, out,
	    &now, &e);
	if (rc < 0) {
		buf_reset(out);
		buf_adds(out, e.msg);
	}
	frame_addf(answer, "Code", "%d", rc < 0 ? (int)e.code : rc);
	if (rc == EXIT_REFUSED)
		frame_add(answer, "Barred", "1");
	frame_add(answer, "Presence", presence_name(now.state));
	if (now.quiet_s >= 0)
		frame_addf(answer, "Quiet-S", "%lld", (long long)now.quiet_s);
	frame_add(answer, "Reason", now.reason);
}

/* In the child: can we reach the host that asks? */
static void
job_back(struct server *s, struct frame *answer)
{
	const struct peer *peer;
	struct remote r = { .alias = NULL };
	struct frame ping, pong;
	struct err e;
	int rc = -1;

	peer = exchange_route(s->home, s->o->peers, s->host, &e);
	if (peer != NULL &&
	    remote_open_alone(&r, s->home, peer, SERVE_BACK_MS, &e) == 0) {
		frame_init(&ping, FRAME_PING, "back");
		remote_put(&r, &ping);
		frame_free(&ping);
		rc = remote_wait(&r, "back",
		    clock_deadline(SERVE_BACK_MS + SERVE_BACK_MS / 10), &pong,
		    &e);
		if (rc == 0)
			frame_free(&pong);
		if (rc == 0 && !str_eq(r.host, s->host))
			rc = err_set(&e, EXIT_WIRE,
			    "%s: is host %s there, not %s", peer->alias, r.host,
			    s->host);
	}
	frame_addf(answer, "Code", "%d", rc == 0 ? EXIT_OK : (int)e.code);
	frame_add(answer, "Back", "1");
	buf_adds(&answer->body, rc == 0 ? peer->alias : e.msg);
	if (peer != NULL)
		remote_close(&r);
}

pid_t
server_fork(struct server *s, const char *id, const struct file *keep,
    struct job **job, int *out, struct err *e)
{
	struct job *new = &s->jobs[s->jobs_n];
	int fd[2], drop;
	pid_t pid;
	size_t i;

	*job = NULL;
	*out = -1;
	if (pipe2(fd, O_CLOEXEC) != 0) {
		(void)err_set(e, EXIT_LOCAL, "cannot make a pipe");
		return -1;
	}
	pid = fork();
	if (pid == 0) {
		/* Whoever waits for the link's end must not wait for us. */
		(void)close(s->o->in);
		(void)close(s->o->out);
		lane_close(&s->lane);
		/* A file that is given up must not live on in us. */
		for (i = 0; i < s->files_n; i++) {
			drop = s->files[i].drop.fd;
			if (drop >= 0 && &s->files[i] != keep)
				(void)close(drop);
		}
		*out = fd[1];
		return 0;
	}
	(void)close(fd[1]);
	if (pid < 0) {
		(void)close(fd[0]);
		(void)err_set(e, EXIT_LOCAL, "cannot fork");
		return -1;
	}
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	memset(new, 0, sizeof(*new));
	new->pid = pid;
	new->fd = fd[0];
	memcpy(new->id, id, strlen(id) + 1);
	new->begun = clock_mono_ms();
	buf_init(&new->answer, FRAME_BODY_MAX);
	s->jobs_n++;
	*job = new;
	return pid;
}

/* In the child: do what `f` asks for, and write the answer to `to`. */
static void
job_run(struct server *s, const struct frame *f, const struct origin *from,
    pid_t parent, const struct buf *text, const char *dropped, int to)
{
	struct buf out = BUF_INIT_MAX(FRAME_BODY_MAX);
	struct frame answer;

	frame_init(&answer, FRAME_DONE, f->id);
	if (f->verb == FRAME_FETCH)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (f->verb == FRAME_FETCH && getppid() != parent)
		return;
	if (f->verb == FRAME_CHECK)
		job_check(s, f, &answer);
	else if (f->verb == FRAME_FETCH)
		server_await(s, f, &answer);
	else if (f->verb == FRAME_PING)
		job_back(s, &answer);
	else if (frame_get(f, "For", NULL) != NULL)
		job_relay(s, f, from, parent, &answer);
	else
		job_deliver(s, f, from, parent, text, dropped, &answer);
	frame_write(&out, &answer);
	(void)file_write_all(to, out.data, out.len);
}

/* Is any file that it names still being finished? */
static bool
job_early(struct server *s, const struct frame *f)
{
	char *list = x_strdup(frame_get(f, "Files", "")), *id, *rest;
	const struct file *file;
	bool early = false;

	for (id = strtok_r(list, ", ", &rest); id != NULL && !early;
	     id = strtok_r(NULL, ", ", &rest)) {
		file = server_file(s, id);
		early = file != NULL &&
		    (file->finisher != 0 || server_file_waits(file));
	}
	x_free(list);
	return early;
}

/* Its slot says that it is under way. */
static void
job_hold(struct server *s, struct frame *f)
{
	struct job *job = &s->jobs[s->jobs_n++];

	memset(job, 0, sizeof(*job));
	job->fd = -1;
	memcpy(job->id, f->id, sizeof(job->id));
	job->begun = clock_mono_ms();
	job->held = *f;
	frame_init(f, job->held.verb, job->held.id);
}

void
server_start(struct server *s, struct frame *f)
{
	struct buf text = BUF_INIT_MAX(FRAME_BODY_MAX), dropped = BUF_INIT;
	struct origin from = { .note = NULL };
	pid_t self = getpid(), pid;
	struct job *job;
	struct err e;
	int out;

	if (f->verb == FRAME_DELIVER && job_early(s, f)) {
		job_hold(s, f);
		return;
	}
	if (f->verb == FRAME_DELIVER &&
	    (origin_read(s->home, s->host, f, &from, &e) != 0 ||
		server_text(s, f, &text, &dropped, &e) != 0)) {
		server_done(s, f->id, e.code, e.msg);
		server_drop_named(s, f);
		goto out;
	}
	pid = server_fork(s, f->id, NULL, &job, &out, &e);
	if (pid == 0) {
		job_run(s, f, &from, self, &text, dropped.data, out);
		_exit(0);
	}
	if (pid < 0) {
		server_done(s, f->id, e.code, e.msg);
		server_drop_named(s, f);
		goto out;
	}
	job->delivers = f->verb == FRAME_DELIVER;
	job->relays = frame_get(f, "For", NULL) != NULL;
	job->keeps = str_eq(frame_get(f, "Queue", "0"), "1");
	job->waits = f->verb == FRAME_FETCH;
out:
	buf_free(&text);
	buf_free(&dropped);
}

void
server_begin_held(struct server *s)
{
	struct frame f;
	size_t i;

	for (i = s->jobs_n; i-- > 0;) {
		if (s->jobs[i].fd >= 0 || job_early(s, &s->jobs[i].held))
			continue;
		f = s->jobs[i].held;
		s->jobs[i] = s->jobs[--s->jobs_n];
		server_start(s, &f);
		server_forget(s, &f);
		frame_free(&f);
	}
}

void
server_settle(struct server *s)
{
	struct pollfd pfd = { .events = POLLIN };
	size_t i = 0;

	while (i < s->jobs_n) {
		if (!s->jobs[i].finishes) {
			i++;
			continue;
		}
		pfd.fd = s->jobs[i].fd;
		(void)poll(&pfd, 1, -1);
		/* Once it has ended, another is in its place. */
		server_reap(s, i);
	}
	server_begin_held(s);
}

/* The child was killed before it could say what became of it. */
static void
job_lost(struct server *s, const struct job *job)
{
	struct ring_entry entry;
	struct frame f;
	bool waited;
	char *ring;
	int rc;

	if (!job->delivers) {
		server_done(s, job->id, EXIT_LOCAL,
		    "the process that looked was killed");
		return;
	}
	ring = path_join(s->home->run, "verdicts");
	rc = ring_get(ring, job->id, &entry, NULL);
	/* One that may be kept may be kept by now. */
	waited = !job->keeps && !job->relays &&
	    (rc == 1 || (rc == 0 && str_eq(entry.verdict, RING_ACCEPTED)));
	x_free(ring);
	frame_init(&f, FRAME_DONE, job->id);
	frame_addf(&f, "Code", "%d", waited ? EXIT_LOCAL : EXIT_UNPROVEN);
	frame_add(&f, "Verdict", waited ? "failed" : "indeterminate");
	buf_adds(&f.body,
	    waited ? "the process that delivered it was killed before anything "
		     "was typed; send it again"
		   : "the process that delivered it was killed");
	frame_write(&s->out, &f);
	frame_free(&f);
}

void
server_reap(struct server *s, size_t at)
{
	struct job *job = &s->jobs[at];
	struct frame f;
	bool told;
	ssize_t n;

	do {
		n = buf_read_fd(&job->answer, job->fd, SERVE_CHUNK);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 && errno == EAGAIN)
		return;
	while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	/* A part of an answer would break the stream for all that follow. */
	told = frame_read(&job->answer, &f, NULL) == FRAME_READY;
	if (job->finishes)
		server_finished(s, job->pid, told ? &f : NULL);
	else if (told)
		frame_write(&s->out, &f);
	else
		job_lost(s, job);
	if (told)
		frame_free(&f);
	(void)close(job->fd);
	buf_free(&job->answer);
	s->jobs[at] = s->jobs[--s->jobs_n];
}
