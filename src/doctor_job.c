/*
 * What may hang is looked at by forks of this process (no exec: they have all
 * they need), which hand their rows back through a pipe: they are started
 * first, and waited for last.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "doctor_parts.h"
#include "file.h"
#include "log.h"
#include "mem.h"

enum {
	DOCTOR_ROWS_MAX = 1024 * 1024, /* bytes of a process's rows */
	DOCTOR_FIELDS = 5,             /* of a row in the pipe */
	DOCTOR_GRACE_MS = 1500,        /* past its own deadlines */
	DOCTOR_QUIET_MS = 1000,        /* before people are told of waiting */
};

void
doctor_aside(struct doctor *d, const char *object, int ms,
    void (*look)(struct doctor *d, const void *arg), const void *arg)
{
	struct doctor_job *job;

	d->jobs = x_realloc(d->jobs, d->jobs_n + 1, sizeof(*d->jobs));
	job = &d->jobs[d->jobs_n++];
	*job = (struct doctor_job){ .check = d->at,
		.object = x_strdup(object),
		.ms = ms,
		.look = look,
		.arg = arg,
		.fd = -1 };
	buf_init(&job->in, DOCTOR_ROWS_MAX);
}

static void
write_field(struct buf *out, const char *text)
{
	buf_add(out, text, strlen(text) + 1);
}

/* In the child: look, and write the rows. */
static void
job_child(struct doctor *d, const struct doctor_job *job, int fd)
{
	struct doctor_report rows = DOCTOR_REPORT_INIT;
	struct buf out = BUF_INIT_MAX(DOCTOR_ROWS_MAX);
	const struct doctor_row *row;
	size_t i;

	d->report = &rows;
	d->at = job->check;
	job->look(d, job->arg);
	for (i = 0; i < rows.n; i++) {
		row = &rows.v[i];
		buf_addc(&out, (char)('0' + row->state));
		buf_addc(&out, '\0');
		write_field(&out, row->object);
		write_field(&out, row->cause);
		buf_addc(&out, row->mend == NULL ? '-' : '+');
		buf_addc(&out, '\0');
		write_field(&out, row->mend == NULL ? "" : row->mend);
	}
	(void)file_write_all(fd, out.data, out.len);
	_exit(0);
}

static void
job_start(struct doctor *d, struct doctor_job *job)
{
	int fd[2];

	job->by = clock_deadline(job->ms + DOCTOR_GRACE_MS);
	if (pipe2(fd, O_CLOEXEC) != 0) {
		job->pid = -1;
		return;
	}
	job->pid = fork();
	if (job->pid == 0)
		job_child(d, job, fd[1]);
	(void)close(fd[1]);
	if (job->pid < 0) {
		(void)close(fd[0]);
		return;
	}
	(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	job->fd = fd[0];
}

/* Rows that a child wrote, each whole. */
static void
job_rows(struct doctor *d, const struct doctor_job *job)
{
	const char *field[DOCTOR_FIELDS], *at = job->in.data,
					  *stop = at + job->in.len;
	struct doctor_row *row;
	int n = 0;

	while (at < stop) {
		field[n++] = at;
		at += strlen(at) + 1;
		if (at > stop)
			break;
		if (n < DOCTOR_FIELDS)
			continue;
		n = 0;
		row = doctor_row(d,
		    field[0][0] == '0'       ? DOCTOR_OK
			: field[0][0] == '1' ? DOCTOR_NOTE
					     : DOCTOR_BAD,
		    field[1]);
		row->cause = x_strdup(field[2]);
		row->mend = field[3][0] == '+' ? x_strdup(field[4]) : NULL;
	}
}

static void
job_finish(struct doctor *d, struct doctor_job *job, bool late)
{
	size_t before = d->report->n;

	d->at = job->check;
	d->job = (size_t)(job - d->jobs) + 1;
	if (job->fd >= 0)
		(void)close(job->fd);
	job->fd = -1;
	if (job->pid > 0) {
		if (late)
			(void)kill(job->pid, SIGKILL);
		while (waitpid(job->pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	job->done = true;
	job_rows(d, job);
	if (d->report->n == before)
		doctor_bad(d, job->object, "%s",
		    late ? "could not be looked at in time"
			 : "the process that looked at it was killed");
	buf_free(&job->in);
}

/* Read what has come; true at the end. */
static bool
job_read(struct doctor_job *job)
{
	ssize_t n;

	do {
		n = buf_read_fd(&job->in, job->fd, 65536);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n == 0 || errno != EAGAIN;
}

void
doctor_jobs_start(struct doctor *d)
{
	size_t i, running = 0;

	for (i = 0; i < d->jobs_n; i++)
		running += d->jobs[i].pid > 0 && !d->jobs[i].done;
	for (i = 0; i < d->jobs_n && running < DOCTOR_JOBS_MAX; i++)
		if (d->jobs[i].pid == 0) {
			job_start(d, &d->jobs[i]);
			running++;
		}
}

/* One line on stderr, rewritten: who is waited for. */
static void
jobs_tell(const struct doctor *d, bool end)
{
	struct buf line = BUF_INIT_MAX(4096);
	size_t i, n = 0;

	buf_adds(&line, "\r\033[K");
	for (i = 0; !end && i < d->jobs_n; i++) {
		if (d->jobs[i].done)
			continue;
		if (n++ < 4) {
			buf_adds(&line, n == 1 ? "waiting for " : ", ");
			log_escape(&line, d->jobs[i].object,
			    strnlen(d->jobs[i].object, 40));
		}
	}
	if (n > 4)
		buf_addf(&line, " and %zu more", n - 4);
	(void)file_write_all(STDERR_FILENO, line.data, line.len);
	buf_free(&line);
}

void
doctor_jobs_wait(struct doctor *d)
{
	struct pollfd *pfd = x_calloc(d->jobs_n + 1, sizeof(*pfd));
	int64_t tell = clock_deadline(DOCTOR_QUIET_MS);
	bool open = true, told = false;
	struct doctor_job *job;
	int wait, left;
	size_t i;

	while (open) {
		doctor_jobs_start(d);
		open = false;
		wait = d->o->progress && !told ? clock_left(tell) : INT_MAX;
		for (i = 0; i < d->jobs_n; i++) {
			job = &d->jobs[i];
			pfd[i] =
			    (struct pollfd){ .fd = job->fd, .events = POLLIN };
			if (job->done)
				continue;
			open = true;
			left = job->pid == 0 ? INT_MAX : clock_left(job->by);
			wait = left < wait ? left : wait;
		}
		if (!open)
			break;
		(void)poll(pfd, d->jobs_n, wait);
		for (i = 0; i < d->jobs_n; i++) {
			job = &d->jobs[i];
			if (job->done || job->pid == 0)
				continue;
			if (job->fd < 0 || job_read(job))
				job_finish(d, job, false);
			else if (clock_left(job->by) == 0)
				job_finish(d, job, true);
		}
		if (d->o->progress && clock_left(tell) == 0) {
			jobs_tell(d, false);
			told = true;
		}
	}
	if (told)
		jobs_tell(d, true);
	x_free(pfd);
	for (i = 0; i < d->jobs_n; i++)
		x_free(d->jobs[i].object);
	X_CLEAR(d->jobs);
	d->jobs_n = 0;
}
