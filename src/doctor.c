/*
 * A table of checks, each a function that adds rows. What may hang is looked at
 * by forks of this process (no exec: they have all they need), which hand their
 * rows back through a pipe: they are started first, and waited for last.
 *
 * A check never repairs: it prints the command. Nothing here may therefore take
 * a lock, make a folder or write a file, and home_look() is used, not
 * home_open().
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "doctor_parts.h"
#include "file.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "register.h"
#include "slice.h"
#include "str.h"
#include "utf8.h"

enum {
	DOCTOR_ROWS_MAX = 1024 * 1024, /* bytes of a process's rows */
	DOCTOR_FIELDS = 5,             /* of a row in the pipe */
	DOCTOR_GRACE_MS = 1500,        /* past its own deadlines */
	DOCTOR_QUIET_MS = 1000,        /* before people are told of waiting */
};

/* In the order of the report. */
static const struct doctor_check checks[] = {
	{ "home", EXIT_LOCAL, false, doctor_look_home },
	{ "files", EXIT_LOCAL, false, doctor_look_files },
	{ "machine", EXIT_LOCAL, false, doctor_look_machine },
	{ "config", EXIT_LOCAL, false, doctor_look_config },
	{ "disk", EXIT_LOCAL, false, doctor_look_disk },
	{ "slices", EXIT_LOCAL, false, doctor_look_slices },
	{ "registry", EXIT_LOCAL, false, doctor_look_registry },
	{ "locks", EXIT_LOCAL, false, doctor_look_locks },
	{ "leftovers", EXIT_LOCAL, false, doctor_look_leftovers },
	{ "log", EXIT_LOCAL, false, doctor_look_log },
	{ "path", EXIT_LOCAL, false, doctor_look_path },
	{ "sandbox", EXIT_LOCAL, false, doctor_look_sandbox },
	{ "timer", EXIT_LOCAL, true, doctor_look_timer },
	{ "keys", EXIT_LOCAL, false, doctor_look_keys },
	{ "tmux", EXIT_LOCAL, false, doctor_look_tmux },
	{ "tmux.conf", EXIT_LOCAL, false, doctor_look_tmux_conf },
	{ "server", EXIT_WIRE, true, doctor_look_servers },
	{ "peer", EXIT_WIRE, true, doctor_look_peers },
};

enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

/* ---- rows ---- */

static struct doctor_row *
row_add(struct doctor *d, enum doctor_state state, const char *object)
{
	struct doctor_report *r = d->report;
	struct doctor_row *row;

	if (r->n == r->cap) {
		r->cap = r->cap == 0 ? 64 : r->cap * 2;
		r->v = x_realloc(r->v, r->cap, sizeof(*r->v));
	}
	row = &r->v[r->n];
	*row = (struct doctor_row){ .state = state,
		.code = state == DOCTOR_BAD ? checks[d->at].code : EXIT_OK,
		.check = checks[d->at].name,
		.object = x_strdup(object),
		/* By check, process and turn. */
		.order =
		    (uint64_t)d->at << 48 | (uint64_t)d->job << 24 | r->n };
	r->n++;
	return row;
}

static void __attribute__((format(printf, 4, 0))) row_say(struct doctor *d,
    enum doctor_state state, const char *object, const char *fmt, va_list ap)
{
	struct doctor_row *row = row_add(d, state, object);

	if (vasprintf(&row->cause, fmt, ap) < 0)
		row->cause = x_strdup("?");
}

void
doctor_ok(struct doctor *d, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	row_say(d, DOCTOR_OK, object, fmt, ap);
	va_end(ap);
}

void
doctor_note(struct doctor *d, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	row_say(d, DOCTOR_NOTE, object, fmt, ap);
	va_end(ap);
}

void
doctor_bad(struct doctor *d, const char *object, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	row_say(d, DOCTOR_BAD, object, fmt, ap);
	va_end(ap);
}

/* Does the shell read this byte as itself, wherever it stands? */
static bool
word_plain(const char *s)
{
	return *s != '\0' &&
	    strspn(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789_-./:@%+,=") == strlen(s);
}

void
doctor_word(struct buf *b, const char *word)
{
	size_t len = strlen(word), at, n;
	bool shown = true;
	uint32_t ch;

	for (at = 0; at < len; at += n) {
		n = utf8_decode(word + at, len - at, &ch);
		if (n == 0 || utf8_unsafe(ch))
			shown = false;
		n = n == 0 ? 1 : n;
	}
	if (word_plain(word)) {
		buf_adds(b, word);
	} else if (shown) {
		buf_addc(b, '\'');
		for (; *word != '\0'; word++)
			if (*word == '\'')
				buf_adds(b, "'\\''");
			else
				buf_addc(b, *word);
		buf_addc(b, '\'');
	} else {
		/* What a terminal cannot show or paste goes in octal. */
		buf_adds(b, "\"$(printf '");
		for (; *word != '\0'; word++)
			if (*word >= ' ' && *word < 0x7f && *word != '\'' &&
			    *word != '\\' && *word != '%')
				buf_addc(b, *word);
			else
				buf_addf(b, "\\%03o", (unsigned char)*word);
		buf_adds(b, "')\"");
	}
}

void
doctor_vmend(struct buf *out, const char *fmt, va_list ap)
{
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			buf_addc(out, *fmt);
			continue;
		}
		fmt++;
		if (*fmt == 'w')
			doctor_word(out, va_arg(ap, const char *));
		else if (*fmt == 's')
			buf_adds(out, va_arg(ap, const char *));
		else if (*fmt == 'd')
			buf_addf(out, "%ld", va_arg(ap, long));
		else
			buf_addc(out, *fmt);
	}
}

void
doctor_mend(struct doctor *d, const char *fmt, ...)
{
	struct doctor_row *row = &d->report->v[d->report->n - 1];
	struct buf out = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	doctor_vmend(&out, fmt, ap);
	va_end(ap);
	x_free(row->mend);
	row->mend = buf_steal(&out);
}

void
doctor_mend_sed(struct doctor *d, const char *file, const char *fmt, ...)
{
	char *script = NULL, *real = realpath(file, NULL);
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&script, fmt, ap) >= 0)
		doctor_mend(
		    d, "sed -i %w %w", script, real == NULL ? file : real);
	va_end(ap);
	free(script);
	free(real);
}

const char *
doctor_sudo(void)
{
	return geteuid() == 0 ? "" : "sudo ";
}

char *
doctor_program(const char *name)
{
	return proc_sibling(name);
}

const char *
doctor_tmux(void)
{
	const char *bin = getenv("TMUX_BIN");

	return bin != NULL && bin[0] != '\0' ? bin : "tmux";
}

void
doctor_report_free(struct doctor_report *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		x_free(r->v[i].object);
		x_free(r->v[i].cause);
		x_free(r->v[i].mend);
	}
	x_free(r->v);
	x_free(r->host);
	*r = (struct doctor_report)DOCTOR_REPORT_INIT;
}

int
doctor_code(const struct doctor_report *r)
{
	int code = EXIT_OK;
	size_t i;

	for (i = 0; i < r->n; i++)
		if (r->v[i].state == DOCTOR_BAD && (int)r->v[i].code > code)
			code = (int)r->v[i].code;
	return code;
}

/* ---- processes ---- */

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
		row = row_add(d,
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

static void
jobs_start(struct doctor *d)
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

static void
jobs_wait(struct doctor *d)
{
	struct pollfd *pfd = x_calloc(d->jobs_n + 1, sizeof(*pfd));
	int64_t tell = clock_deadline(DOCTOR_QUIET_MS);
	bool open = true, told = false;
	struct doctor_job *job;
	int wait, left;
	size_t i;

	while (open) {
		jobs_start(d);
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
}

/* ---- all of it ---- */

/* What all checks know. */
static void
doctor_learn(struct doctor *d)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice slice = SLICE_INIT;
	char *own;
	struct stat st;

	d->now = clock_real_ms();
	(void)home_look(&d->home, &d->home_err);
	d->has_home = d->home.dir != NULL && d->home.inbox != NULL;
	(void)config_parse(&d->config, "", "", 0, NULL);
	(void)profile_set_load(&d->profiles, NULL, NULL);
	if (!d->has_home)
		return;
	d->is_there = stat(d->home.dir, &st) == 0;
	config_free(&d->config);
	if (config_load(&d->config, d->home.config, &d->config_err) != 0) {
		config_free(&d->config);
		(void)config_parse(&d->config, "", "", 0, NULL);
	}
	d->peers_path = path_join(d->home.dir, "peers.conf");
	(void)peers_load(&d->peers, d->peers_path, &d->peers_err);
	own = path_join(d->home.dir, "profiles.d");
	profile_set_free(&d->profiles);
	(void)profile_set_load(&d->profiles, own, NULL);
	x_free(own);
	if (file_read_ours(d->home.local, &text, NULL) == FILE_READ &&
	    slice_parse(&slice, d->home.local, text.data, text.len, NULL) ==
		0) {
		d->agents = slice.agents;
		slice.agents = (struct agent_list)AGENT_LIST_INIT;
	}
	slice_free(&slice);
	buf_free(&text);
	register_sockets(&d->home, &d->sockets);
}

static int
by_order(const void *a, const void *b)
{
	const struct doctor_row *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* Rows in the order of the table; those of one check as they were added, those
 * of processes in the order in which these were started. */
static void
doctor_sort(struct doctor_report *r)
{
	if (r->n > 1)
		qsort(r->v, r->n, sizeof(*r->v), by_order);
}

void
doctor_run(struct doctor_report *r, const struct doctor_options *o)
{
	struct doctor d = { .o = o,
		.report = r,
		.config = CONFIG_INIT,
		.peers = PEERS_INIT,
		.agents = AGENT_LIST_INIT };
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	doctor_learn(&d);
	r->host = x_strdup(d.home.host);
	for (d.at = 0; d.at < CHECKS; d.at++)
		if (checks[d.at].early)
			checks[d.at].look(&d);
	jobs_start(&d);
	for (d.at = 0; d.at < CHECKS; d.at++)
		if (!checks[d.at].early)
			checks[d.at].look(&d);
	jobs_wait(&d);
	doctor_sort(r);
	for (i = 0; i < d.jobs_n; i++)
		x_free(d.jobs[i].object);
	x_free(d.jobs);
	x_free(d.peers_path);
	argv_free(&d.sockets);
	agent_list_free(&d.agents);
	profile_set_free(&d.profiles);
	peers_free(&d.peers);
	config_free(&d.config);
	home_close(&d.home);
}
