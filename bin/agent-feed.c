/* agent-feed - what happened on this host: messages, files, who came and went.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argv.h"
#include "feed.h"
#include "json.h"
#include "log.h"
#include "mail.h"
#include "mem.h"
#include "messages.h"
#include "prog.h"
#include "setup.h"
#include "str.h"
#include "utf8.h"

static const char usage[] =
    "usage: agent-feed [-fj] [-n COUNT] [-t TYPE[,TYPE]...]\n"
    "       agent-feed --messages [-j] [-n COUNT]\n"
    "\n"
    "Print what happened on this host, oldest first: messages, files, who came "
    "and\nwent.\n";

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_LOCAL,
	LINES = 20,
	LINES_MAX = 1000000,
	MESSAGES_LINES_MAX = 400,
	COLUMNS = 90, /* of a text */
};

static const struct prog_option options[] = {
	{ 'f', "follow", NULL, "go on as it happens" },
	{ 'j', "json", NULL, "JSON, an object a line" },
	{ 'm', "messages", NULL,
	    "the messages sent from here and come here, with their text" },
	{ 'n', "lines", "COUNT", "the last COUNT events (20)" },
	{ 't', "type", "TYPES", "only these, between commas" },
	{ 0, NULL, NULL, NULL },
};

/* What is wanted, and the last events of it so far: a ring of lines. */
struct request {
	bool follow, json, messages;
	struct argv types;
	uint64_t lines;
	char **kept;
	size_t seen;
	bool live; /* the ring was printed: print at once */
};

static bool
known_type(const char *word)
{
	const struct feed_type *type;

	for (type = feed_types; type->name != NULL; type++)
		if (str_eq(type->name, word))
			return true;
	return false;
}

static int
parse_types(struct request *q, const char *words, struct err *e)
{
	char *copy = x_strdup(words), *word, *rest;
	struct buf all = BUF_INIT;
	const struct feed_type *type;
	int rc = 0;

	for (word = strtok_r(copy, ",", &rest); word != NULL && rc == 0;
	     word = strtok_r(NULL, ",", &rest)) {
		argv_add(&q->types, word);
		if (known_type(word))
			continue;
		for (type = feed_types; type->name != NULL; type++)
			buf_addf(&all, " %s", type->name);
		rc = err_set(e, EXIT_USAGE, "--type: '%.50s' is none of%s",
		    word, all.data);
	}
	buf_free(&all);
	x_free(copy);
	return rc;
}

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;

	switch (letter) {
	case 'f':
		q->follow = true;
		break;
	case 'j':
		q->json = true;
		break;
	case 'm':
		q->messages = true;
		break;
	case 'n':
		return prog_number(
		    "lines", "", value, 0, LINES_MAX, &q->lines, e);
	case 't':
		return parse_types(q, value, e);
	}
	return 0;
}

/* "2026-01-02T03:04:05Z  delivered  a -> b  text", the text cut to COLUMNS. */
static void
format_line(struct buf *out, const struct feed_line *line)
{
	size_t len = strlen(line->preview), fits;

	buf_addf(out, "%s  ", line->ts);
	log_escape(out, line->type, strlen(line->type));
	buf_addf(out, "%*s  ",
	    strlen(line->type) < 9 ? (int)(9 - strlen(line->type)) : 0, "");
	log_escape(out, line->agent, strlen(line->agent));
	if (line->target[0] != '\0') {
		buf_adds(out, " \u2192 ");
		log_escape(out, line->target, strlen(line->target));
	}
	if (len > 0) {
		buf_adds(out, "  ");
		fits = utf8_columns(line->preview, len) <= COLUMNS
		    ? len
		    : utf8_fit(line->preview, len, COLUMNS - 1);
		log_escape(out, line->preview, fits);
		if (fits < len)
			buf_adds(out, "\u2026");
	}
	buf_addc(out, '\n');
}

/* "2026-01-02T03:04:05Z  kq3v0d7x  a -> b c, answers 7f3mzq1c  text" */
static void
format_message(struct buf *out, const struct message_line *m)
{
	buf_addf(out, "%s  %.*s  %s", m->ts, MAIL_SHORT, m->id, m->from);
	if (m->note[0] != '\0')
		buf_addf(out, " (%s)", m->note);
	buf_addf(out, " \u2192 %s", m->to);
	if (m->reply_to[0] != '\0')
		buf_addf(out, ", answers %.*s", MAIL_SHORT, m->reply_to);
	if (m->question)
		buf_adds(out, ", question");
	if (m->urgent)
		buf_adds(out, ", urgent");
	buf_adds(out, "  ");
	mail_brief(out, m->body, strlen(m->body), COLUMNS);
	buf_addc(out, '\n');
}

static bool
wanted(const struct request *q, const struct feed_line *line)
{
	size_t i;

	for (i = 0; i < q->types.n; i++)
		if (str_eq(q->types.v[i], line->type))
			return true;
	return q->types.n == 0;
}

/* Keep it to be printed when no newer one takes its place, or print it. */
static int
put(struct request *q, struct buf *out)
{
	int rc = 0;

	if (q->live) {
		(void)fwrite(out->data, 1, out->len, stdout);
		rc = fflush(stdout) != 0;
	} else if (q->lines > 0) {
		x_free(q->kept[q->seen % q->lines]);
		q->kept[q->seen++ % q->lines] = buf_steal(out);
	}
	buf_free(out);
	return rc;
}

static int
each_message(void *arg, const struct message_line *m)
{
	struct buf out = BUF_INIT;
	struct json j = JSON_INIT(&out);
	struct request *q = arg;

	if (q->json) {
		messages_json(&j, m);
		buf_addc(&out, '\n');
	} else {
		format_message(&out, m);
	}
	return put(q, &out);
}

static int
each(void *arg, const struct feed_line *line)
{
	struct buf out = BUF_INIT;
	struct request *q = arg;

	if (!wanted(q, line))
		return 0;
	if (q->json)
		feed_write(&out, line);
	else
		format_line(&out, line);
	return put(q, &out);
}

static int
print_kept(struct request *q)
{
	size_t i = q->seen > q->lines ? q->seen - q->lines : 0;

	for (; i < q->seen; i++)
		(void)fputs(q->kept[i % q->lines], stdout);
	q->live = true;
	return fflush(stdout);
}

static int
words(void *request, int n, char **list, struct err *e)
{
	const struct request *q = request;

	if (n > 0)
		return err_set(e, EXIT_USAGE, "'%s': takes no words", list[0]);
	if (q->messages && (q->follow || q->types.n > 0))
		return err_set(
		    e, EXIT_USAGE, "--messages: not with --follow or --type");
	if (q->messages && q->lines > MESSAGES_LINES_MAX)
		return err_set(e, EXIT_USAGE,
		    "--lines: with --messages at most %d", MESSAGES_LINES_MAX);
	return 0;
}

static int
run(void *request, struct err *e)
{
	struct request *q = request;
	struct setup setup = SETUP_INIT;
	struct feed feed = { .fd = -1, .watch = -1 };
	size_t i;
	int rc;

	q->kept = x_calloc(q->lines, sizeof(*q->kept));
	rc = setup_open(&setup, e);
	if (rc == 0 && q->messages) {
		rc = messages_each(&setup.home, each_message, q, e);
		if (rc == 0)
			(void)print_kept(q);
	} else if (rc == 0) {
		rc = feed_open(&feed, &setup.home, q->follow, each, q, e);
		if (rc == 0 && print_kept(q) == 0 && q->follow)
			rc = feed_follow(&feed, STDOUT_FILENO, e);
		feed_close(&feed);
	}
	for (i = 0; i < q->lines; i++)
		x_free(q->kept[i]);
	x_free(q->kept);
	setup_close(&setup);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-feed",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.words = words,
		.run = run };
	struct request q = { .types = ARGV_INIT, .lines = LINES };
	int rc = prog_main(&prog, &q, argc, argv);

	argv_free(&q.types);
	return rc;
}
