#include "inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "body.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "mem.h"
#include "messages.h"
#include "path.h"
#include "post.h"
#include "queue.h"
#include "str.h"
#include "wake.h"

enum { INBOX_NAME_MAX = MAIL_ID_MAX + 32 }; /* bytes of a body's file */

/* ---- one message ---- */

int
inbox_find(const struct mailbox *b, const char *id, struct mailbox_entry *entry,
    struct err *e)
{
	char whole[MAIL_ID_MAX + 1];

	if (mailbox_find(b, id, entry) == 0)
		return 0;
	if (mailbox_resolve(b, "ids", id, whole, e) != 0)
		return -1;
	if (mailbox_find(b, whole, entry) == 0)
		return 0;
	return err_set(
	    e, EXIT_UNKNOWN, "%.40s: no such message in this mailbox", id);
}

static void
inbox_text(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_text(j, value[0] == '\0' ? NULL : value);
}

static void
inbox_time(struct json *j, const char *key, int64_t ms)
{
	char when[CLOCK_TEXT_MAX];

	clock_text(when, ms);
	inbox_text(j, key, ms == 0 ? "" : when);
}

/* Its state, which is "queued" no more once its time is over. */
static const char *
inbox_state(const struct mailbox_entry *entry, const struct mail *m)
{
	return entry->state == MAILBOX_QUEUED && mail_over(m, clock_real_ms())
	    ? "expired"
	    : mailbox_word(entry->state);
}

/* ---- bodies that are files ---- */

/* "[.N] (SIZE bytes)": what may stand behind the file's name, which gets the
 * first of it, since another file may have had that name. */
static bool
inbox_rest(const char *rest, char name[INBOX_NAME_MAX], uint64_t *size)
{
	static const char digits[] = "0123456789";
	size_t n = rest[0] == '.' ? 1 + strspn(rest + 1, digits) : 0;
	size_t len = strlen(name);
	char number[24];

	if (n == 1 || len + n >= INBOX_NAME_MAX)
		return false;
	(void)snprintf(name + len, INBOX_NAME_MAX - len, "%.*s", (int)n, rest);
	rest += n;
	if (!str_starts(rest, " ("))
		return false;
	rest += 2;
	n = strspn(rest, digits);
	if (n >= sizeof(number) || !str_eq(rest + n, " bytes)"))
		return false;
	(void)snprintf(number, sizeof(number), "%.*s", (int)n, rest);
	return str_number(number, BODY_MAX, size) == 0 && *size > MAIL_BODY_MAX;
}

/* The name of the file in the sender's folder that the body says has it all;
 * *size receives its size. Nothing is believed but what we write there: our own
 * inbox, this sender's folder, this message's id. */
static bool
inbox_named(const struct home *h, const struct mail *m,
    char name[INBOX_NAME_MAX], uint64_t *size)
{
	char *inbox, *begin, *body;
	bool named;

	if (h->inbox == NULL || m->folder[0] == '\0' || m->folder[0] == '.' ||
	    strchr(m->folder, '/') != NULL)
		return false;
	(void)snprintf(name, INBOX_NAME_MAX, "message-%s.txt", m->id);
	inbox = path_show(h->inbox);
	begin = x_asprintf(POST_TOO_LONG "%s/%s/%s", inbox, m->folder, name);
	body = x_strndup(m->body.data, m->body.len);
	named = str_starts(body, begin) &&
	    inbox_rest(body + strlen(begin), name, size);
	x_free(body);
	x_free(begin);
	x_free(inbox);
	return named;
}

char *
inbox_file(const struct home *h, const struct mail *m)
{
	char name[INBOX_NAME_MAX];
	uint64_t size;

	if (!inbox_named(h, m, name, &size))
		return NULL;
	return x_asprintf("%s/%s/%s", h->inbox, m->folder, name);
}

/* Open it, through no link. */
static int
inbox_open_file(const struct home *h, const struct mail *m, const char *name)
{
	int root = open(h->inbox, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int dir, fd = -1;

	dir = root < 0 ? -1
		       : openat(root, m->folder,
			     O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0) {
		fd = openat(dir, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		(void)close(dir);
	}
	if (root >= 0)
		(void)close(root);
	return fd;
}

int
inbox_whole(const struct home *h, struct mail *m, char **file, struct err *e)
{
	struct buf text = BUF_INIT_MAX(BODY_MAX);
	char name[INBOX_NAME_MAX];
	struct stat st;
	uint64_t size;
	int fd, rc = 0;

	*file = inbox_file(h, m);
	if (*file == NULL || !inbox_named(h, m, name, &size))
		return 0;
	fd = inbox_open_file(h, m, name);
	if (fd < 0)
		return err_set(e, errno == ENOENT ? EXIT_UNKNOWN : EXIT_LOCAL,
		    "%s: has the text of message %s: %s", *file, m->id,
		    errno == ENOENT ? "it is there no more" : strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    st.st_uid != geteuid() || (uint64_t)st.st_size != size)
		rc = err_set(e, EXIT_LOCAL,
		    "%s: is not the file that had the text of %s", *file,
		    m->id);
	while (rc == 0 && text.len < size)
		if (buf_read_fd(&text, fd, (size_t)size - text.len) <= 0)
			rc = err_set(e, EXIT_LOCAL, "%s: cannot be read: %s",
			    *file, strerror(errno));
	(void)close(fd);
	if (rc == 0) {
		buf_free(&m->body);
		m->body = text;
	} else {
		buf_free(&text);
	}
	return rc;
}

/* `when` and `to` are those of `m` in words. */
static void
inbox_json_as(struct json *j, const char *state, const char *when,
    const char *to, const struct mail *m, const char *file)
{
	json_object_begin(j);
	inbox_text(j, "id", m->id);
	inbox_text(j, "state", state);
	inbox_text(j, "from", m->from);
	inbox_text(j, "from_host", m->from_host);
	inbox_text(j, "note", m->note);
	inbox_text(j, "project", m->card.project);
	inbox_text(j, "branch", m->card.branch);
	inbox_text(j, "program", m->card.program);
	inbox_text(j, "directory", m->card.directory);
	inbox_text(j, "to", to);
	inbox_text(j, "date", when);
	inbox_text(j, "in_reply_to", m->reply_to);
	inbox_text(j, "thread", m->thread);
	json_key(j, "urgent");
	json_boolean(j, m->urgent);
	json_key(j, "question");
	json_boolean(j, m->question);
	inbox_text(j, "schema", m->schema);
	json_key(j, "hops");
	json_integer(j, m->hops);
	inbox_time(j, "expires", m->expires);
	json_key(j, "body");
	json_string(j, m->body.data, m->body.len);
	json_key(j, "file");
	json_text(j, file);
	json_object_end(j);
}

void
inbox_json(struct json *j, const struct mailbox_entry *entry,
    const struct mail *m, const char *file)
{
	char when[CLOCK_TEXT_MAX];

	clock_text(when, m->date);
	inbox_json_as(j, inbox_state(entry, m), when, m->to, m, file);
}

/* Who that is. */
static void
inbox_card(struct buf *out, const struct mail_card *c)
{
	if (c->project[0] != '\0')
		buf_addf(out, "Project: %s%s%s\n", c->project,
		    c->branch[0] == '\0' ? "" : ", branch ", c->branch);
	if (c->program[0] != '\0')
		buf_addf(out, "Program: %s\n", c->program);
	if (c->directory[0] != '\0')
		buf_addf(out, "Folder: %s\n", c->directory);
}

/* For a person: what a pane's line says, and then all of the body. */
static void
inbox_print(
    struct buf *out, const struct mailbox_entry *entry, const struct mail *m)
{
	char when[CLOCK_TEXT_MAX];

	clock_text(when, m->date);
	buf_addf(out, "From: %s%s%s%s\n", m->from,
	    m->note[0] == '\0' ? "" : " (", m->note,
	    m->note[0] == '\0' ? "" : ")");
	inbox_card(out, &m->card);
	buf_addf(out, "To: %s\n", m->to);
	buf_addf(out, "Date: %s\n", when);
	buf_addf(out, "Id: %s\n", m->id);
	if (m->reply_to[0] != '\0')
		buf_addf(out, "Answers: %s\n", m->reply_to);
	if (m->question) {
		clock_text(when, m->expires);
		buf_addf(out, "Wants an answer until: %s\n", when);
	}
	if (m->schema[0] != '\0')
		buf_addf(out, "As JSON: %s\n", m->schema);
	buf_addf(out, "State: %s%s\n", inbox_state(entry, m),
	    m->urgent ? ", urgent" : "");
	buf_addc(out, '\n');
	body_plain(out, m->body.data, m->body.len, true);
	buf_addc(out, '\n');
}

static void
inbox_line(struct buf *out, const char *state, const char *when,
    const char *who, const struct mail *m)
{
	/* Names hold ASCII only, so bytes are columns. */
	buf_addf(out, "%.*s  %s  %-11s  %-24s  ", MAIL_SHORT, m->id, when,
	    state, who);
	mail_brief(out, m->body.data, m->body.len, INBOX_SUBJECT);
	buf_addc(out, '\n');
}

void
inbox_show(const struct home *h, struct json *j, struct buf *out,
    const struct mailbox_entry *entry, const struct mail *m)
{
	char *file = j == NULL ? NULL : inbox_file(h, m);
	char when[CLOCK_TEXT_MAX];

	clock_text(when, m->date);
	if (j != NULL)
		inbox_json(j, entry, m, file);
	else
		inbox_line(out, inbox_state(entry, m), when, m->from, m);
	x_free(file);
}

void
inbox_show_sent(struct json *j, struct buf *out, const char *when,
    const char *to, const struct mail *m)
{
	char *who;

	if (j != NULL) {
		inbox_json_as(j, "sent", when, to, m, NULL);
		return;
	}
	who = x_asprintf("to %s", to);
	inbox_line(out, "sent", when, who, m);
	x_free(who);
}

/* ---- many ---- */

/* Does `text` stand in it? Letters of ASCII in either case. */
static bool
inbox_contains(const char *p, size_t len, const char *text)
{
	size_t want = strlen(text), at;

	for (at = 0; at + want <= len; at++)
		if (strncasecmp(p + at, text, want) == 0)
			return true;
	return false;
}

static bool
inbox_in_thread(const struct mail *m, const char *thread)
{
	return messages_same(m->id, thread) ||
	    messages_same(m->thread, thread) ||
	    messages_same(m->reply_to, thread);
}

bool
inbox_wanted(const struct inbox_view *view, const char *thread,
    const struct mailbox_entry *entry, const struct mail *m)
{
	if (view->waiting && entry->state != MAILBOX_QUEUED &&
	    entry->state != MAILBOX_UNREAD && entry->state != MAILBOX_UNPROVEN)
		return false;
	if (view->text != NULL &&
	    !inbox_contains(m->body.data, m->body.len, view->text) &&
	    !inbox_contains(m->from, strlen(m->from), view->text))
		return false;
	if (view->about != NULL && thread[0] == '\0')
		return str_eq(m->from, view->about) ||
		    str_eq(m->to, view->about);
	return view->about == NULL || inbox_in_thread(m, thread);
}

bool
inbox_take(const struct mailbox *b, const struct mailbox_entry *entry,
    struct mail *m, size_t *bad)
{
	struct err e = { .code = EXIT_OK };

	if (mailbox_read(b, entry, m, &e) == 0)
		return true;
	*bad += e.code == EXIT_LOCAL;
	mail_free(m);
	return false;
}

/* Print those that are wanted, the newest last. How many were no message. */
static size_t
inbox_select(const struct home *h, const struct mailbox *b,
    const struct inbox_view *view, struct json *j, struct buf *out)
{
	bool picks = view->waiting || view->text != NULL;
	struct mailbox_list list;
	size_t i, n = 0, first = 0, bad = 0;
	struct mail m;

	/* Where some are left out, as many as it takes are looked at. */
	mailbox_newest(b, picks ? 0 : view->most, &list);
	for (i = 0; picks && i < list.n && (view->most == 0 || n < view->most);
	     i++) {
		if (!inbox_take(b, &list.v[i], &m, &bad))
			continue;
		if (inbox_wanted(view, "", &list.v[i], &m))
			list.v[n++] = list.v[i];
		mail_free(&m);
	}
	for (i = picks ? n : list.n; i > first; i--) {
		if (!inbox_take(b, &list.v[i - 1], &m, &bad))
			continue;
		inbox_show(h, view->json ? j : NULL, out, &list.v[i - 1], &m);
		mail_free(&m);
	}
	mailbox_list_free(&list);
	return bad;
}

int
inbox_list(const struct home *h, const struct inbox_view *view, struct buf *out,
    struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct json j = JSON_INIT(out);
	size_t bad = 0;
	int rc;

	j.pretty = true;
	rc = mailbox_look(&b, h, view->agent, e);
	if (rc < 0)
		goto out;
	if (view->about != NULL) {
		if (inbox_thread(h, &b, view, &j, out, &bad, e) != 0) {
			rc = -1;
			goto out;
		}
	} else {
		if (view->json)
			json_array_begin(&j);
		if (rc == 0)
			bad = inbox_select(h, &b, view, &j, out);
		if (view->json)
			json_array_end(&j);
	}
	if (bad > 0)
		log_line("%zu left out that are no message; look into %s/bad",
		    bad, b.path);
	if (view->json)
		buf_addc(out, '\n');
	rc = buf_check(out, "list", e);
out:
	mailbox_close(&b);
	return rc;
}

/* ---- reading ---- */

int
inbox_claim(
    const struct home *h, const char *id, const char *address, struct err *e)
{
	int rc = mailbox_claim(h, id, address, e);

	if (rc == 1)
		wake(h, id);
	return rc < 0 ? -1 : 0;
}

bool
inbox_there(const struct home *h, const char *agent)
{
	struct mailbox b = MAILBOX_INIT;
	bool there = mailbox_look(&b, h, agent, NULL) == 0;

	mailbox_close(&b);
	return there;
}

int
inbox_open(
    struct mailbox *b, const struct home *h, const char *agent, struct err *e)
{
	int rc = mailbox_look(b, h, agent, e);

	if (rc == 1)
		return err_set(e, EXIT_UNKNOWN, "the mailbox is empty");
	return rc == 0 ? mailbox_lock(b, e) : -1;
}

int
inbox_done(struct mailbox *b, const struct home *h, struct mailbox_entry *entry,
    struct err *e)
{
	bool waited =
	    entry->state == MAILBOX_QUEUED || entry->state == MAILBOX_UNREAD;

	if (entry->state == MAILBOX_SHOWN || entry->state == MAILBOX_ANSWERED ||
	    entry->state == MAILBOX_DEAD)
		return 0;
	if (mailbox_set(b, entry, MAILBOX_SHOWN, e) != 0)
		return -1;
	if (waited)
		queue_record(h, mailbox_id(entry), EXIT_OK, QUEUE_READ);
	return 0;
}

static int
inbox_choose(const struct mailbox *b, const char *id,
    struct mailbox_entry *entry, struct err *e)
{
	struct mailbox_list list;
	int rc = 0;

	if (id[0] != '\0')
		return inbox_find(b, id, entry, e);
	mailbox_queue(b, &list);
	if (list.n > 0)
		*entry = list.v[0];
	else
		rc = err_set(e, EXIT_UNKNOWN, "no message waits");
	mailbox_list_free(&list);
	return rc;
}

int
inbox_read(const struct home *h, const char *agent, const char *id, bool json,
    struct buf *out, struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct json j = JSON_INIT(out);
	struct mailbox_entry entry = { .in_new = false };
	struct mail m = MAIL_INIT;
	char *file = NULL;
	int rc, whole = 0;

	j.pretty = true;
	rc = inbox_open(&b, h, agent, e);
	if (rc == 0)
		rc = inbox_choose(&b, id, &entry, e);
	if (rc == 0)
		rc = mailbox_read(&b, &entry, &m, e);
	if (rc == 0)
		rc = inbox_done(&b, h, &entry, e);
	if (rc == 0)
		whole = inbox_whole(h, &m, &file, e);
	if (rc == 0 && json) {
		inbox_json(&j, &entry, &m, file);
		buf_addc(out, '\n');
	} else if (rc == 0) {
		inbox_print(out, &entry, &m);
	}
	x_free(file);
	mail_free(&m);
	mailbox_close(&b);
	return rc == 0 ? whole : rc;
}

int
inbox_ack(const struct home *h, const char *agent, const struct argv *ids,
    size_t *count, struct err *e)
{
	struct mailbox b = MAILBOX_INIT;
	struct mailbox_list list = { .v = NULL };
	struct mailbox_entry entry = { .in_new = false };
	size_t i;
	int rc;

	*count = 0;
	rc = inbox_open(&b, h, agent, e);
	if (rc == 0 && ids->n == 0)
		mailbox_queue(&b, &list);
	for (i = 0; rc == 0 && i < list.n; i++, ++*count)
		rc = inbox_done(&b, h, &list.v[i], e);
	for (i = 0; rc == 0 && i < ids->n; i++) {
		rc = inbox_find(&b, ids->v[i], &entry, e);
		if (rc == 0)
			rc = inbox_done(&b, h, &entry, e);
		*count += rc == 0;
	}
	mailbox_list_free(&list);
	mailbox_close(&b);
	return rc;
}
