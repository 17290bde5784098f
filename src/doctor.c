/*
 * A table of checks, each a function that adds rows. A check never repairs: it
 * prints the command. Nothing here may therefore take a lock, make a folder or
 * write a file, and home_look() is used, not home_open().
 */
#include "doctor.h"

#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "doctor_parts.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "register.h"
#include "slice.h"
#include "utf8.h"

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

struct doctor_row *
doctor_row(struct doctor *d, enum doctor_state state, const char *object)
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
	struct doctor_row *row = doctor_row(d, state, object);

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

	(void)signal(SIGPIPE, SIG_IGN);
	doctor_learn(&d);
	r->host = x_strdup(d.home.host);
	for (d.at = 0; d.at < CHECKS; d.at++)
		if (checks[d.at].early)
			checks[d.at].look(&d);
	doctor_jobs_start(&d);
	for (d.at = 0; d.at < CHECKS; d.at++)
		if (!checks[d.at].early)
			checks[d.at].look(&d);
	doctor_jobs_wait(&d);
	doctor_sort(r);
	x_free(d.peers_path);
	argv_free(&d.sockets);
	agent_list_free(&d.agents);
	profile_set_free(&d.profiles);
	peers_free(&d.peers);
	config_free(&d.config);
	home_close(&d.home);
}
