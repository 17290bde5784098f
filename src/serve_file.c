#include "serve_parts.h"

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "lookup.h"
#include "mem.h"
#include "post.h"
#include "str.h"

struct file *
server_file(struct server *s, const char *id)
{
	size_t i;

	for (i = 0; i < s->files_n; i++)
		if (str_eq(s->files[i].id, id))
			return &s->files[i];
	return NULL;
}

void
server_forget_file(struct server *s, struct file *file)
{
	size_t at = (size_t)(file - s->files);

	drop_abort(&file->drop);
	X_CLEAR(file->path);
	s->files[at] = s->files[--s->files_n];
}

/* No message will name it any more: a file that nobody is told of is of no use,
 * and its sender hears that the message did not come. */
void
server_drop_file(struct server *s, struct file *file)
{
	if (file->path != NULL)
		(void)unlink(file->path);
	server_forget_file(s, file);
}

/* May its sender send to whom the file is for? Asked before any of it is kept.
 * A small one is judged with its message, which comes with it: tmux need not be
 * asked twice. So is that of an older version, which does not say for whom. */
static int
server_may_file(struct server *s, const struct frame *f,
    const struct origin *from, int64_t size, struct err *e)
{
	const struct post p = { .reg = s->o->reg,
		.sender = from->name,
		.verified = origin_sender(from, s->host) };
	const char *address = frame_get(f, "To", NULL);
	bool renamed;
	struct agent to;
	int rc = 0;

	if (address == NULL || size <= SERVE_SMALL)
		return 0;
	if (lookup(s->o->reg, address, &to, &renamed, NULL) == 0 &&
	    str_eq(to.host, s->home->host))
		rc = post_may(&p, &to, e);
	agent_free(&to);
	return rc;
}

/* Bytes of files that are under way, or being finished. */
static int64_t
server_coming(const struct server *s)
{
	int64_t bytes = 0;
	size_t i;

	for (i = 0; i < s->files_n; i++)
		bytes += drop_coming(&s->files[i].drop);
	return bytes;
}

void
server_turn_away(struct server *s, const struct frame *f, const char *why)
{
	struct turned_away *away = &s->away[s->away_n++ % SERVE_FILES_MAX];

	memcpy(away->id, f->id, sizeof(away->id));
	away->why = why;
	server_done(s, f->id, EXIT_REFUSED, why);
}

const char *
server_turned_away(const struct server *s, const char *id)
{
	size_t i;

	for (i = 0; i < SERVE_FILES_MAX && i < s->away_n; i++)
		if (str_eq(s->away[i].id, id))
			return s->away[i].why;
	return NULL;
}

void
server_open_file(struct server *s, const struct frame *f)
{
	struct origin from = { .note = NULL };
	struct file *file;
	struct err e;

	if (s->files_n == SERVE_FILES_MAX) {
		server_turn_away(s, f, "too many files on one connection");
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
	file->came = clock_mono_ms();
	file->drop = (struct drop){ .dir = -1, .fd = -1 };
	err_clear(&file->e);
	if (file->size < 0)
		(void)err_set(&e, EXIT_USAGE, "Size: is missing");
	else if (origin_read(s->home, s->host, f, &from, &e) == 0 &&
	    server_may_file(s, f, &from, file->size, &e) == 0 &&
	    drop_begin(&file->drop, s->home->inbox, from.folder,
		frame_get(f, "Name", "file"), file->size,
		s->o->reg->config->inbox_max, server_coming(s), &e) == 0)
		return;
	/* Its bytes may be on their way: they are dropped. */
	drop_abort(&file->drop);
	file->e = e;
	(void)err_prefix(&file->e, "on %s", s->home->host);
	server_done(s, f->id, file->e.code, file->e.msg);
}

/* It failed: its sender hears of it, and so does the message that names it. Its
 * paths are ours, not those of the host where it is read. */
static void
file_fail(struct server *s, struct file *file)
{
	drop_abort(&file->drop);
	file->open = false;
	(void)err_prefix(&file->e, "on %s", s->home->host);
	server_done(s, file->id, file->e.code, file->e.msg);
}

/* In the child: the body of its answer is where the file stands, or what is
 * wrong. Without `parent` nobody will be told of the file. */
static void
file_finish(struct file *file, pid_t parent, int to)
{
	struct buf out = BUF_INIT_MAX(FRAME_BODY_MAX);
	struct frame answer;
	struct err e;
	char *path;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return;
	frame_init(&answer, FRAME_DONE, file->id);
	err_clear(&e);
	if (drop_finish(&file->drop, &path, &e) == 0)
		buf_adds(&answer.body, path);
	else
		buf_adds(&answer.body, e.msg);
	frame_addf(&answer, "Code", "%d", (int)e.code);
	frame_write(&out, &answer);
	(void)file_write_all(to, out.data, out.len);
}

/* All of it came. */
static void
file_whole(struct server *s, struct file *file)
{
	pid_t self = getpid(), pid;
	struct job *job;
	int out;

	pid = server_fork(s, file->id, file, &job, &out, &file->e);
	if (pid == 0) {
		file_finish(file, self, out);
		_exit(0);
	}
	if (pid < 0) {
		file_fail(s, file);
		return;
	}
	job->finishes = true;
	file->finisher = pid;
	file->open = false;
}

void
server_finished(struct server *s, pid_t finisher, const struct frame *f)
{
	enum exit_code code = EXIT_LOCAL;
	struct file *file = NULL;
	struct frame answer;
	size_t i;

	if (f != NULL)
		code = (enum exit_code)frame_number(
		    f, "Code", EXIT_UNPROVEN, EXIT_LOCAL);
	for (i = 0; i < s->files_n; i++)
		if (s->files[i].finisher == finisher)
			file = &s->files[i];
	/* It was given up meanwhile. */
	if (file == NULL && code == EXIT_OK)
		(void)unlink(f->body.data);
	if (file == NULL)
		return;
	file->finisher = 0;
	if (code != EXIT_OK) {
		(void)err_set(&file->e, code, "%s",
		    f == NULL ? "the process that finished it was killed"
			      : f->body.data);
		file_fail(s, file);
		return;
	}
	file->path = x_strdup(f->body.data);
	drop_abort(&file->drop);
	frame_init(&answer, FRAME_DONE, file->id);
	frame_add(&answer, "Code", "0");
	frame_add(&answer, "Path", file->path);
	frame_write(&s->out, &answer);
	frame_free(&answer);
}

/* A part of it went another way, which is gone. */
static void
file_lost(struct server *s, struct file *file)
{
	(void)err_set(&file->e, EXIT_WIRE,
	    "the second stream that a part of it came on has ended; send it "
	    "again");
	file_fail(s, file);
}

bool
server_file_waits(const struct file *file)
{
	return file->open && file->said && file->e.code == EXIT_OK;
}

void
server_lane_lost(struct server *s)
{
	size_t i;

	for (i = 0; i < s->files_n; i++) {
		struct file *file = &s->files[i];

		if (file->open && file->e.code == EXIT_OK &&
		    (file->laned || file->said))
			file_lost(s, file);
	}
}

void
server_data(struct server *s, const struct frame *f, bool by_lane)
{
	struct file *file = server_file(s, f->id);
	struct drop *d;
	int64_t at;

	/* Who sent it is gone, and no message will name it. */
	if (file != NULL && frame_get(f, "Abort", NULL) != NULL) {
		server_drop_file(s, file);
		return;
	}
	if (file == NULL || !file->open || file->e.code != EXIT_OK)
		return;
	d = &file->drop;
	at = (int64_t)frame_number(f, "At", INT64_MAX, UINT64_MAX);
	file->came = clock_mono_ms();
	file->placed = file->placed || at >= 0;
	file->laned = file->laned || by_lane;
	file->said = file->said || f->body.len == 0;
	if (f->body.len > 0 &&
	    drop_write_at(d, f->body.data, f->body.len, at < 0 ? d->done : at,
		&file->e) != 0)
		file_fail(s, file);
	else if (file->said && (d->done == d->size || !file->placed))
		file_whole(s, file);
	else if (file->said && s->lane.in < 0)
		file_lost(s, file);
}

/* How long more of it may still take. */
static int
file_left(const struct server *s, const struct file *file)
{
	int64_t since = file->came > s->deaf ? file->came : s->deaf;

	/* What is missing comes on the lane. */
	if (file->said) {
		since = file->came > s->lane.deaf ? file->came : s->lane.deaf;
		if (s->lane.buf.len > 0 && s->lane.moved > since)
			since = s->lane.moved;
		return clock_left(since + SERVE_STALL_MS);
	}

	/* What has come in part may be its own, and the line slow. */
	if (s->in.len > 0 && s->moved > since)
		since = s->moved;
	return clock_left(since + SERVE_STALL_MS);
}

/* Who sends it may be gone without a word, as a host that is cut off is: sshd
 * hears of that in hours, and the disk is reserved. */
int
server_stalled(struct server *s)
{
	int patience = -1, left;
	struct file *file;
	size_t i;

	for (i = 0; i < s->files_n; i++) {
		file = &s->files[i];
		if (!file->open || file->e.code != EXIT_OK)
			continue;
		left = file_left(s, file);
		if (left > 0) {
			if (patience < 0 || left < patience)
				patience = left;
			continue;
		}
		drop_abort(&file->drop);
		file->open = false;
		(void)err_set(&file->e, EXIT_WIRE,
		    "on %s: nothing of it came for %d s", s->home->host,
		    SERVE_STALL_MS / 1000);
		server_done(s, file->id, file->e.code, file->e.msg);
	}
	return patience;
}
