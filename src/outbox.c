#include "outbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "feed.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "queue.h"
#include "ring.h"
#include "str.h"

#define OUTBOX_DAY_MS (24LL * 3600 * 1000)

static char *
outbox_path(const struct home *h, const char *host, const char *host_id)
{
	return x_asprintf("%s/outbox/%s.%s", h->dir, host, host_id);
}

/* Both become part of a path. */
static bool
outbox_names_ok(const char *host, const char *host_id)
{
	return str_host_ok(host) && strlen(host_id) == HOME_ID_LEN &&
	    strspn(host_id, "0123456789abcdef") == HOME_ID_LEN;
}

bool
outbox_known(const struct home *h, const char *host, const char *host_id)
{
	char *path;
	bool known;

	if (!outbox_names_ok(host, host_id))
		return false;
	path = outbox_path(h, host, host_id);
	known = access(path, F_OK) == 0;
	x_free(path);
	return known;
}

int
outbox_waiting(
    const struct home *h, const char *host, const char *host_id, const char *to)
{
	struct mailbox_list list = { .v = NULL };
	int64_t now = clock_real_ms();
	struct mailbox b;
	struct mail m;
	int n = -1;
	char *path;
	size_t i;

	if (!outbox_names_ok(host, host_id))
		return -1;
	path = outbox_path(h, host, host_id);
	if (mailbox_look_folder(&b, path, NULL) == 0) {
		mailbox_queue(&b, &list);
		n = 0;
	}
	for (i = 0; i < list.n; i++) {
		if (mailbox_read(&b, &list.v[i], &m, NULL) == 0 &&
		    !mail_over(&m, now) && (to == NULL || str_eq(m.to, to)))
			n++;
		mail_free(&m);
	}
	mailbox_list_free(&list);
	mailbox_close(&b);
	x_free(path);
	return n;
}

int
outbox_open(struct mailbox *b, const struct home *h, const char *host,
    const char *host_id, struct err *e)
{
	char *path;
	int rc;

	*b = (struct mailbox)MAILBOX_INIT;
	if (!outbox_names_ok(host, host_id))
		return err_set(e, EXIT_LOCAL,
		    "host %.40s: '%.40s' is no host id", host, host_id);
	path = outbox_path(h, host, host_id);
	rc = mailbox_open_folder(b, path, e);
	x_free(path);
	return rc;
}

/* Who has one share of the places: an agent or user of this host, as far as it
 * was found out, or all of another host. */
static const char *
outbox_sender(const struct home *h, const struct mail *m)
{
	return !str_eq(m->from_host, h->host) ? m->from_host
	    : m->sender[0] != '\0'            ? m->sender
					      : m->from;
}

/* May one more of this sender wait here? */
static int
outbox_room(const struct mailbox *b, const struct home *h, const char *host,
    const struct mail *m, struct err *e)
{
	struct mailbox_list list;
	const char *sender = outbox_sender(h, m);
	struct mail other;
	size_t i, n = 0;

	mailbox_queue(b, &list);
	/* Of fewer none has more than his share. */
	for (i = 0; i < list.n && list.n >= OUTBOX_SHARE; i++) {
		if (mailbox_read(b, &list.v[i], &other, NULL) == 0 &&
		    !mail_over(&other, clock_real_ms()))
			n += str_eq(other.from_host, m->from_host) &&
			    str_eq(outbox_sender(h, &other), sender);
		mail_free(&other);
	}
	mailbox_list_free(&list);
	if (n < OUTBOX_SHARE)
		return 0;
	return err_set(e, EXIT_REFUSED,
	    "host %s: %zu messages of %s wait here for it, and no more may; "
	    "try again when some were fetched",
	    host, n, sender);
}

/* ---- when the first of them ends ---- */

/* The time of `ends`, real ms; 0: it was never looked at. */
static int64_t
outbox_ends(const struct mailbox *b)
{
	struct stat st;

	if (fstatat(b->dir, "ends", &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

/* With the lock. Where it cannot be noted, the next one looks at all. */
static void
outbox_note(const struct mailbox *b, int64_t ends)
{
	const struct timespec at = { .tv_sec = ends / 1000,
		.tv_nsec = ends % 1000 * 1000000 };
	const struct timespec times[2] = { at, at };
	int fd = openat(
	    b->dir, "ends", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || futimens(fd, times) != 0)
		(void)unlinkat(b->dir, "ends", 0);
	if (fd >= 0)
		(void)close(fd);
}

/* When its time here is over (real ms); 0: never. */
static int64_t
outbox_end(const struct mailbox_entry *entry, const struct mail *m)
{
	if (m->expires == 0)
		return 0;
	switch (entry->state) {
	case MAILBOX_QUEUED:
		return m->expires;
	case MAILBOX_UNREAD:
		return m->expires + OUTBOX_OVERDUE_MS;
	default:
		return 0;
	}
}

int
outbox_add(const struct home *h, const char *host, const char *host_id,
    struct mail *m, struct err *e)
{
	struct mailbox_entry entry;
	struct mailbox b;
	int64_t ends;
	int rc;

	if (m->expires == 0)
		m->expires = m->date + QUEUE_DAYS * OUTBOX_DAY_MS;
	rc = outbox_open(&b, h, host, host_id, e);
	if (rc == 0 && mailbox_find(&b, m->id, &entry) != 0)
		rc = outbox_room(&b, h, host, m, e);
	/* First, so that a kill leaves it too early, never too late; in its
	 * file the time has whole seconds. */
	ends = m->expires - m->expires % 1000;
	if (rc == 0 && outbox_ends(&b) > ends)
		outbox_note(&b, ends);
	if (rc == 0)
		rc = mailbox_add(&b, m, MAILBOX_QUEUED, e);
	mailbox_close(&b);
	return rc;
}

int
outbox_next(struct mailbox *b, uint64_t past, uint64_t *number, struct mail *m)
{
	int64_t now = clock_real_ms();
	struct mailbox_list list;
	int rc = 1;
	size_t i;

	*m = (struct mail)MAIL_INIT;
	mailbox_queue(b, &list);
	for (i = 0; i < list.n && rc != 0; i++) {
		*number = strtoul(list.v[i].name, NULL, 10);
		if (*number <= past)
			continue;
		mail_free(m);
		if (mailbox_read(b, &list.v[i], m, NULL) == 0 &&
		    !mail_over(m, now))
			rc = 0;
	}
	mailbox_list_free(&list);
	return rc;
}

/* ---- what a host says ---- */

/* Note which host had it in the end: who asks may ask there, and it may say
 * later that it was answered. */
static void
outbox_remember(const struct home *h, const struct mailbox *b, const char *id)
{
	const char *name = path_base(b->path);
	struct ring_entry entry = { .code = EXIT_OK, .verdict = "sent" };
	char *ring = path_join(h->run, "sent");

	(void)snprintf(entry.text, sizeof(entry.text), "%.*s",
	    (int)strcspn(name, "."), name);
	(void)ring_put(ring, id, &entry, NULL);
	x_free(ring);
}

/* Was it last known that this host had shown it? */
static bool
outbox_was_seen(const struct home *h, const struct mailbox *b, const char *id)
{
	const char *name = path_base(b->path);
	char *ring = path_join(h->run, "sent");
	struct deliver_verdict v;
	struct ring_entry entry;
	bool seen;

	seen = ring_id_ok(id) && ring_get(ring, id, &entry, NULL) == 0 &&
	    strlen(entry.text) == strcspn(name, ".") &&
	    str_starts(name, entry.text) &&
	    queue_status(h, id, &v, NULL) == 0 && queue_proven(v.word) &&
	    !str_eq(v.word, "answered");
	x_free(ring);
	return seen;
}

int
outbox_settle(const struct home *h, struct mailbox *b, const char *id,
    enum exit_code code, const char *word, const char *why, struct err *e)
{
	const char *end = queue_word(word);
	struct mailbox_entry entry;

	if (mailbox_find(b, id, &entry) != 0) {
		if (!str_eq(word, "answered") || code != EXIT_OK ||
		    !outbox_was_seen(h, b, id))
			return 1;
		queue_record(h, id, code, end, why);
		return 0;
	}
	if (str_eq(word, "queued"))
		return entry.state == MAILBOX_QUEUED
		    ? mailbox_set(b, &entry, MAILBOX_UNREAD, e)
		    : 1;
	if (end == NULL)
		return err_set(
		    e, EXIT_USAGE, "'%.40s': is no end of a message", word);
	/* Only a proof is a success. */
	if (code == EXIT_OK && !queue_proven(end))
		code = EXIT_UNPROVEN;
	queue_record(h, id, code, end, why);
	if (code == EXIT_OK)
		outbox_remember(h, b, id);
	return mailbox_remove(b, &entry, e);
}

/* ---- all of them ---- */

/* Call `each` with every outbox, opened for reading, and its host's name, until
 * it says no. */
static void
outbox_each(const struct home *h,
    bool (*each)(void *arg, struct mailbox *b, const char *host), void *arg)
{
	char *all = path_join(h->dir, "outbox"), *path;
	char host[HOST_MAX + 1];
	struct dirent *found;
	struct mailbox b;
	bool more = true;
	DIR *dir;
	size_t n;

	dir = opendir(all);
	while (dir != NULL && more && (found = readdir(dir)) != NULL) {
		n = strcspn(found->d_name, ".");
		if (n == 0 || n > HOST_MAX || found->d_name[n] == '\0')
			continue;
		memcpy(host, found->d_name, n);
		host[n] = '\0';
		if (!outbox_names_ok(host, found->d_name + n + 1))
			continue;
		path = path_join(all, found->d_name);
		if (mailbox_look_folder(&b, path, NULL) == 0)
			more = each(arg, &b, host);
		mailbox_close(&b);
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	x_free(all);
}

struct outbox_asked {
	const char *id;
	struct deliver_verdict *v;
	bool known;
};

static bool
outbox_tell(void *arg, struct mailbox *b, const char *host)
{
	struct outbox_asked *asked = arg;
	struct mailbox_entry entry;
	bool waits, over;
	struct mail m;

	if (mailbox_find(b, asked->id, &entry) != 0 ||
	    (entry.state != MAILBOX_QUEUED && entry.state != MAILBOX_UNREAD))
		return true;
	waits = entry.state == MAILBOX_QUEUED;
	over = mailbox_read(b, &entry, &m, NULL) == 0 &&
	    mail_over(&m, clock_real_ms());
	mail_free(&m);
	memset(asked->v, 0, sizeof(*asked->v));
	asked->v->code = !over ? EXIT_OK : waits ? EXIT_TIMEOUT : EXIT_UNPROVEN;
	asked->v->word = !over ? "queued" : waits ? "expired" : "indeterminate";
	(void)snprintf(asked->v->why, sizeof(asked->v->why),
	    waits && over ? "before host %s fetched it"
		: waits   ? "it waits here until host %s fetches it"
		: over    ? "host %s has fetched it, and did not say yet what "
			    "became of it"
			  : "host %s has fetched it",
	    host);
	asked->known = true;
	return false;
}

int
outbox_status(const struct home *h, const char *id, struct deliver_verdict *v)
{
	struct outbox_asked asked = { .id = id, .v = v };

	if (mail_id_ok(id))
		outbox_each(h, outbox_tell, &asked);
	return asked.known ? 0 : 1;
}

struct outbox_sweeping {
	const struct home *home;
	int64_t now;
	void (*expired)(void *arg, const struct mail *m);
	void *arg;
};

/* Is it past its time? Then it is taken out: true if it was not fetched. */
static bool
outbox_bury(const struct outbox_sweeping *s, struct mailbox *b,
    struct mailbox_entry *entry, const struct mail *m)
{
	bool waits = entry->state == MAILBOX_QUEUED;
	int64_t end = outbox_end(entry, m);

	if (end == 0 || end > s->now)
		return false;
	if (waits)
		queue_record(s->home, m->id, EXIT_TIMEOUT, "expired",
		    "before its host fetched it");
	else
		queue_record(s->home, m->id, EXIT_UNPROVEN, "indeterminate",
		    "its host fetched it, and did not say what became of it");
	return mailbox_remove(b, entry, NULL) == 0 && waits;
}

/* Note when the first of those that are left ends; the lock is held. */
static void
outbox_note_first(const struct outbox_sweeping *s, struct mailbox *b)
{
	int64_t first = s->now + OUTBOX_EMPTY_S * 1000LL, end;
	struct mailbox_list list;
	struct mail m;
	size_t i;

	mailbox_all(b, &list);
	for (i = 0; i < list.n; i++) {
		end = mailbox_read(b, &list.v[i], &m, NULL) == 0
		    ? outbox_end(&list.v[i], &m)
		    : 0;
		if (end > 0 && end < first)
			first = end;
		mail_free(&m);
	}
	mailbox_list_free(&list);
	outbox_note(b, first);
}

static bool
outbox_sweep_one(void *arg, struct mailbox *b, const char *host)
{
	const struct outbox_sweeping *s = arg;
	struct mailbox_list list = { .v = NULL };
	bool due = outbox_ends(b) <= s->now;
	struct mail m;
	bool expired;
	size_t i;

	(void)host;
	if (due)
		mailbox_all(b, &list);
	for (i = 0; i < list.n; i++) {
		m = (struct mail)MAIL_INIT;
		/* It may be fetched meanwhile. */
		if (mailbox_lock(b, NULL) == 0 &&
		    mailbox_find(b, mailbox_id(&list.v[i]), &list.v[i]) == 0 &&
		    mailbox_read(b, &list.v[i], &m, NULL) == 0) {
			expired = outbox_bury(s, b, &list.v[i], &m);
			/* Telling its sender may take long. */
			mailbox_unlock(b);
			if (expired)
				s->expired(s->arg, &m);
		}
		mail_free(&m);
		mailbox_unlock(b);
	}
	mailbox_list_free(&list);
	if (mailbox_lock(b, NULL) == 0) {
		if (due)
			outbox_note_first(s, b);
		(void)mailbox_trim(b, OUTBOX_LINES_MAX, NULL);
	}
	mailbox_unlock(b);
	return true;
}

void
outbox_sweep(const struct home *h, int64_t now,
    void (*expired)(void *arg, const struct mail *m), void *arg)
{
	struct outbox_sweeping s = {
		.home = h, .now = now, .expired = expired, .arg = arg
	};

	outbox_each(h, outbox_sweep_one, &s);
}

static bool
outbox_due_one(void *arg, struct mailbox *b, const char *host)
{
	int64_t *now = arg;

	(void)host;
	if (outbox_ends(b) > *now)
		return true;
	*now = 0;
	return false;
}

bool
outbox_due(const struct home *h, int64_t now)
{
	outbox_each(h, outbox_due_one, &now);
	return now == 0;
}

void
outbox_wake(const struct home *h)
{
	struct argv argv = ARGV_INIT;
	char *program;

	if (!outbox_due(h, clock_real_ms()))
		return;
	program = proc_sibling("agent-discover");
	argv_addl(&argv, program, "-q", NULL);
	/* The next one who comes by tries again. */
	(void)proc_detach(&argv, NULL);
	argv_free(&argv);
	x_free(program);
}
