#include "messages.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "argv.h"
#include "body.h"
#include "feed.h"
#include "mem.h"
#include "path.h"
#include "str.h"

#define MESSAGES_BEGIN "messages-"
#define MESSAGES_END ".jsonl"
#define MESSAGES_OLD ".1" /* behind one that was full */

/* ---- files ---- */

/* "messages-202601.jsonl", or that with ".1", which may be all that is left. */
static bool
messages_file(const char *name)
{
	const char *month = name + strlen(MESSAGES_BEGIN);

	return str_starts(name, MESSAGES_BEGIN) &&
	    strspn(month, "0123456789") == 6 &&
	    (str_eq(month + 6, MESSAGES_END) ||
		str_eq(month + 6, MESSAGES_END MESSAGES_OLD));
}

static int
messages_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The months that are there, each as the name of its file without
 * MESSAGES_OLD, the oldest first. */
static void
messages_files(const struct home *h, struct argv *names)
{
	struct argv all = ARGV_INIT;
	struct dirent *entry;
	DIR *dir = opendir(h->log);
	size_t i;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (messages_file(entry->d_name))
			argv_addf(&all, "%.*s",
			    (int)(strlen(MESSAGES_BEGIN MESSAGES_END) + 6),
			    entry->d_name);
	if (dir != NULL)
		(void)closedir(dir);
	if (all.n > 1)
		qsort(all.v, all.n, sizeof(*all.v), messages_compare);
	for (i = 0; i < all.n; i++)
		if (i == 0 || !str_eq(all.v[i], all.v[i - 1]))
			argv_add(names, all.v[i]);
	argv_free(&all);
}

/* By their number and not by the date: a clock that went wrong for a while
 * costs months, and not those to come. The one of `current` stays. */
static void
messages_prune(const struct home *h, const char *current)
{
	struct argv names = ARGV_INIT;
	char *path, *old;
	size_t i, over;

	messages_files(h, &names);
	over = names.n > MESSAGES_MONTHS ? names.n - MESSAGES_MONTHS : 0;
	for (i = 0; i < names.n && over > 0; i++) {
		if (str_eq(names.v[i], path_base(current)))
			continue;
		over--;
		path = path_join(h->log, names.v[i]);
		old = x_asprintf("%s" MESSAGES_OLD, path);
		(void)unlink(old);
		(void)unlink(path);
		x_free(old);
		x_free(path);
	}
	argv_free(&names);
}

/* ---- writing ---- */

static void
messages_text(struct json *j, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	json_key(j, key);
	json_text(j, value);
}

/* As many names as fit, and how many more there are. */
static void
messages_names(struct json *j, const char *to)
{
	struct buf out = BUF_INIT_MAX(MESSAGES_TO_MAX);
	size_t more = 0, len;

	for (; *to != '\0'; to += len + (to[len] == ' ')) {
		len = strcspn(to, " ");
		if (more > 0 || out.len + 1 + len > MESSAGES_TO_MAX)
			more++;
		else
			buf_addf(&out, "%s%.*s", out.len > 0 ? " " : "",
			    (int)len, to);
	}
	out.max += 32;
	if (more > 0)
		buf_addf(&out, " +%zu", more);
	messages_text(j, "to", out.data);
	buf_free(&out);
}

void
messages_add(const struct home *h, const struct message *m)
{
	struct buf body = BUF_INIT_MAX(MESSAGES_BODY_MAX);
	struct buf line = BUF_INIT_MAX(MESSAGES_LINE_MAX);
	struct json j = JSON_INIT(&line);
	char ts[CLOCK_TEXT_MAX];
	size_t len = m->len;
	char *path;

	clock_text(ts, m->at == 0 ? clock_real_ms() : m->at);
	/* A character is not cut. */
	if (len > MESSAGES_BODY_MAX)
		for (len = MESSAGES_BODY_MAX;
		     len > 0 && (m->body[len] & 0xc0) == 0x80; len--)
			continue;
	body_plain(&body, m->body == NULL ? "" : m->body, len, true);
	json_object_begin(&j);
	messages_text(&j, "ts", ts);
	messages_text(&j, "id", m->id);
	messages_text(&j, "from", m->from);
	messages_text(&j, "note", m->note);
	messages_names(&j, m->to);
	messages_text(&j, "reply_to", m->reply_to);
	messages_text(&j, "thread", m->thread);
	messages_text(&j, "urgent", m->urgent ? "yes" : "");
	messages_text(&j, "question", m->question ? "yes" : "");
	messages_text(&j, "body", body.data);
	json_object_end(&j);
	buf_addc(&line, '\n');
	path = x_asprintf(
	    "%s/" MESSAGES_BEGIN "%.4s%.2s" MESSAGES_END, h->log, ts, ts + 5);
	if (!line.overflow &&
	    feed_put(path, MESSAGES_SIZE_MAX, &line, NULL) == 1)
		messages_prune(h, path);
	x_free(path);
	buf_free(&line);
	buf_free(&body);
}

void
messages_add_mail(const struct home *h, const struct mail *m)
{
	messages_add(h,
	    &(struct message){ .id = m->id,
		.from = m->from,
		.note = m->note,
		.to = m->to,
		.reply_to = m->reply_to,
		.thread = m->thread,
		.urgent = m->urgent,
		.question = m->question,
		.body = m->body.data,
		.len = m->body.len });
}

/* ---- reading ---- */

static bool
messages_note_ok(const char *note)
{
	for (; *note != '\0'; note++)
		if (*note < ' ' || *note > '~')
			return false;
	return true;
}

static bool
messages_names_ok(const char *to)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789_- +";

	return to[0] != '\0' && to[strspn(to, set)] == '\0';
}

bool
messages_parse(const char *text, size_t len, struct message_line *m)
{
	char urgent[8], question[8];
	const struct feed_field fields[] = {
		{ "ts", m->ts, sizeof(m->ts) },
		{ "id", m->id, sizeof(m->id) },
		{ "from", m->from, sizeof(m->from) },
		{ "note", m->note, sizeof(m->note) },
		{ "to", m->to, sizeof(m->to) },
		{ "reply_to", m->reply_to, sizeof(m->reply_to) },
		{ "thread", m->thread, sizeof(m->thread) },
		{ "urgent", urgent, sizeof(urgent) },
		{ "question", question, sizeof(question) },
		{ "body", m->body, sizeof(m->body) },
	};

	if (!feed_fields(text, len, fields, sizeof(fields) / sizeof(fields[0])))
		return false;
	m->urgent = str_eq(urgent, "yes");
	m->question = str_eq(question, "yes");
	return m->ts[0] != '\0' &&
	    m->ts[strspn(m->ts, "0123456789-:TZ")] == '\0' &&
	    mail_id_ok(m->id) && body_sender_ok(m->from) &&
	    messages_note_ok(m->note) && messages_names_ok(m->to) &&
	    (m->reply_to[0] == '\0' || mail_id_ok(m->reply_to)) &&
	    (m->thread[0] == '\0' || mail_id_ok(m->thread));
}

struct reading {
	int (*each)(void *arg, const struct message_line *m);
	void *arg;
	struct message_line line;
};

static int
messages_one(void *arg, const char *text, size_t len)
{
	struct reading *r = arg;

	return messages_parse(text, len, &r->line) ? r->each(r->arg, &r->line)
						   : 0;
}

int
messages_each(const struct home *h,
    int (*each)(void *arg, const struct message_line *m), void *arg,
    struct err *e)
{
	struct reading r = { .each = each, .arg = arg };
	struct argv names = ARGV_INIT;
	char *path;
	int rc = 0;
	size_t i;

	messages_files(h, &names);
	for (i = 0; rc == 0 && i < names.n; i++) {
		path = path_join(h->log, names.v[i]);
		rc = feed_read(path, MESSAGES_LINE_MAX, messages_one, &r, e);
		x_free(path);
	}
	argv_free(&names);
	return rc;
}

bool
messages_to(const struct message_line *m, const char *name)
{
	size_t want = strlen(name), len;
	const char *to;

	for (to = m->to; *to != '\0'; to += len + (to[len] == ' ')) {
		len = strcspn(to, " ");
		if (len == want && strncmp(to, name, len) == 0)
			return true;
	}
	return false;
}

bool
messages_same(const char *a, const char *b)
{
	size_t len = strcspn(a, ".");

	return a[0] != '\0' && len == strcspn(b, ".") &&
	    strncmp(a, b, len) == 0 &&
	    (a[len] == '\0' || b[len] == '\0' || str_eq(a + len, b + len));
}

static void
messages_value(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_text(j, value[0] == '\0' ? NULL : value);
}

void
messages_json(struct json *j, const struct message_line *m)
{
	const char *to;
	size_t len;

	json_object_begin(j);
	messages_value(j, "ts", m->ts);
	messages_value(j, "id", m->id);
	messages_value(j, "from", m->from);
	messages_value(j, "note", m->note);
	json_key(j, "to");
	json_array_begin(j);
	for (to = m->to; *to != '\0'; to += len + (to[len] == ' ')) {
		len = strcspn(to, " ");
		json_string(j, to, len);
	}
	json_array_end(j);
	messages_value(j, "in_reply_to", m->reply_to);
	messages_value(j, "thread", m->thread);
	json_key(j, "urgent");
	json_boolean(j, m->urgent);
	json_key(j, "question");
	json_boolean(j, m->question);
	json_key(j, "body");
	json_text(j, m->body);
	json_object_end(j);
}
