/*
 * Old messages are taken out: first the link in ids/ says in which state one
 * was, synced, then its file goes. A kill in between leaves a file whose id is
 * told as removed, for the next time to remove, and never an id that is not
 * known: what comes a second time is not shown a second time.
 */
#include "mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "argv.h"
#include "file.h"
#include "mailbox_parts.h"
#include "mem.h"
#include "path.h"

#define PRUNE_DAY_MS (24LL * 3600 * 1000)

enum {
	PRUNE_BATCH = 128, /* messages for which the lock is held */
	PRUNE_EVERY_MS = 3600 * 1000,
	PRUNE_GAP_MS = 24 * 3600 * 1000, /* a clock may go on */
	PRUNE_ID_DAYS = 30, /* an id is known after its message is gone */
};

struct prune {
	struct mailbox *b;
	int64_t before; /* real ms: what is done with since then stays */
	int64_t now;
	const struct argv *answers; /* ids that are kept */
	size_t count;
};

static int64_t
prune_ms(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

/* Is it done with, and for so long? A rename, which gives it another state,
 * counts. What a person marked in a mail program stays. */
static bool
prune_old(const struct prune *p, const struct mailbox_entry *entry)
{
	char path[MAILBOX_FILE_MAX];
	struct stat st;

	if ((entry->state != MAILBOX_SHOWN &&
		entry->state != MAILBOX_ANSWERED &&
		entry->state != MAILBOX_DEAD) ||
	    strchr(entry->flags, 'F') != NULL)
		return false;
	mailbox_file(path, entry);
	return fstatat(p->b->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    prune_ms(&st.st_ctim) < p->before;
}

/* Does anybody still need it: who awaits its answer, or who asked? */
static bool
prune_needed(const struct prune *p, const struct mailbox_entry *entry)
{
	bool needed;
	struct mail m;
	size_t i;

	for (i = 0; i < p->answers->n; i++)
		if (str_eq(p->answers->v[i], mailbox_id(entry)))
			return true;
	/* One that is no message is put aside, and not here any more. */
	needed = mailbox_read(p->b, entry, &m, NULL) != 0 ||
	    (m.question && entry->state == MAILBOX_SHOWN && m.expires > p->now);
	mail_free(&m);
	return needed;
}

/* Its id is known by the word of its state from now on. */
static int
prune_mark(
    const struct mailbox *b, const struct mailbox_entry *entry, struct err *e)
{
	char path[MAILBOX_FILE_MAX], word[MAILBOX_NAME_MAX + 1];

	(void)snprintf(word, sizeof(word), ".%s", mailbox_word(entry->state));
	(void)snprintf(path, sizeof(path), "ids/%s", mailbox_id(entry));
	/* A killed one may have left it. */
	(void)unlinkat(b->dir, "tmp/id", 0);
	if (symlinkat(word, b->dir, "tmp/id") != 0 ||
	    renameat(b->dir, "tmp/id", b->dir, path) != 0)
		return mailbox_errno(e, b, path);
	return 0;
}

int
mailbox_gone(
    const struct mailbox *b, const char *id, struct mailbox_entry *entry)
{
	static const enum mailbox_state states[] = { MAILBOX_SHOWN,
		MAILBOX_ANSWERED, MAILBOX_DEAD };
	char path[MAILBOX_FILE_MAX], word[MAILBOX_NAME_MAX + 1];
	ssize_t n;
	size_t i;

	if (!mail_id_ok(id))
		return 1;
	(void)snprintf(path, sizeof(path), "ids/%s", id);
	n = readlinkat(b->dir, path, word, sizeof(word) - 1);
	word[n > 0 ? n : 0] = '\0';
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (word[0] != '.' ||
		    !str_eq(word + 1, mailbox_word(states[i])))
			continue;
		*entry = (struct mailbox_entry){ .state = states[i] };
		(void)snprintf(entry->name, sizeof(entry->name), "%0*d.%s",
		    MAILBOX_DIGITS, 0, id);
		return 0;
	}
	return 1;
}

/* Up to PRUNE_BATCH of these, with the lock. */
static int
prune_batch(
    struct prune *p, const struct mailbox_entry *v, size_t n, struct err *e)
{
	struct mailbox_entry done[PRUNE_BATCH];
	char path[MAILBOX_FILE_MAX];
	size_t i, kept = 0;

	if (mailbox_lock(p->b, e) != 0)
		return -1;
	for (i = 0; i < n; i++)
		if (mailbox_place(p->b, v[i].name, &done[kept]) == 0 &&
		    prune_old(p, &done[kept]) &&
		    !prune_needed(p, &done[kept])) {
			if (prune_mark(p->b, &done[kept], e) != 0)
				return -1;
			kept++;
		}
	if (kept > 0 && mailbox_sync(p->b, "ids", e) != 0)
		return -1;
	for (i = 0; i < kept; i++) {
		mailbox_file(path, &done[i]);
		if (unlinkat(p->b->dir, path, 0) == 0)
			p->count++;
		else if (errno != ENOENT)
			return mailbox_errno(e, p->b, path);
	}
	mailbox_unlock(p->b);
	return 0;
}

/* Call `take` for every link in folder `name` of the mailbox. */
static void
prune_links(const struct mailbox *b, const char *name,
    void (*take)(void *arg, int dir, const char *link), void *arg)
{
	int fd = openat(b->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *found;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((found = readdir(dir)) != NULL)
		if (found->d_name[0] != '.')
			take(arg, fd, found->d_name);
	(void)closedir(dir);
}

/* A question's answer, for who asked. */
static void
prune_answer(void *arg, int dir, const char *link)
{
	char id[MAIL_ID_MAX + 2];
	ssize_t n = readlinkat(dir, link, id, sizeof(id) - 1);

	if (n <= 0)
		return;
	id[n] = '\0';
	argv_add(arg, id);
}

/* An id whose message went long ago. */
static void
prune_id(void *arg, int dir, const char *link)
{
	const struct prune *p = arg;
	struct stat st;
	char word[2];

	if (readlinkat(dir, link, word, sizeof(word)) > 0 && word[0] == '.' &&
	    fstatat(dir, link, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    prune_ms(&st.st_mtim) < p->now - PRUNE_ID_DAYS * PRUNE_DAY_MS)
		(void)unlinkat(dir, link, 0);
}

int
mailbox_prune(struct mailbox *b, int64_t before, int64_t now, size_t *count,
    struct err *e)
{
	struct argv answers = ARGV_INIT;
	struct prune p = {
		.b = b, .before = before, .now = now, .answers = &answers
	};
	struct mailbox_list list;
	size_t i, n = 0;
	int rc = 0;

	prune_links(b, "asked", prune_answer, &answers);
	mailbox_all(b, &list);
	for (i = 0; i < list.n; i++)
		if (prune_old(&p, &list.v[i]))
			list.v[n++] = list.v[i];
	for (i = 0; rc == 0 && i < n; i += PRUNE_BATCH)
		rc = prune_batch(&p, list.v + i,
		    n - i < PRUNE_BATCH ? n - i : PRUNE_BATCH, e);
	/* Lines of messages that are gone cost much to pass over. */
	if (rc == 0 && (rc = mailbox_lock(b, e)) == 0) {
		prune_links(b, "ids", prune_id, &p);
		rc = mailbox_index_whole(b, e);
	}
	mailbox_unlock(b);
	mailbox_list_free(&list);
	argv_free(&answers);
	*count = p.count;
	return rc;
}

/* ---- all of them ---- */

/*
 * Is it time? The stamp has the time of the last one. Where that is in the
 * future, or long ago, the machine slept, or its clock is wrong: then nothing
 * goes before it has been the same for an hour, so that one that is ahead for a
 * moment costs nobody his mail.
 */
static bool
prune_due(const char *stamp, int64_t now)
{
	const struct timespec when[2] = {
		{ .tv_sec = (time_t)(now / 1000) },
		{ .tv_sec = (time_t)(now / 1000) },
	};
	struct stat st;
	int64_t age = -1;

	if (stat(stamp, &st) == 0)
		age = now - prune_ms(&st.st_mtim);
	if (age >= 0 && age < PRUNE_EVERY_MS)
		return false;
	if (file_replace(stamp, "", 0, FILE_FAST, NULL) != 0 ||
	    utimensat(AT_FDCWD, stamp, when, 0) != 0)
		return false;
	return age >= 0 && age < PRUNE_GAP_MS;
}

int
mailbox_sweep(const struct home *h, int64_t days, int64_t now, struct err *e)
{
	char *stamp = path_join(h->run, "pruned");
	char *mail = path_join(h->dir, "mail");
	struct dirent *found;
	struct mailbox b;
	int rc = 0;
	size_t n;
	DIR *dir;

	dir = days == 0 || !prune_due(stamp, now) ? NULL : opendir(mail);
	while (dir != NULL && rc == 0 && (found = readdir(dir)) != NULL) {
		if (mailbox_look(&b, h, found->d_name, e) == 0)
			rc = mailbox_prune(
			    &b, now - days * PRUNE_DAY_MS, now, &n, e);
		mailbox_close(&b);
	}
	if (dir != NULL)
		(void)closedir(dir);
	x_free(mail);
	x_free(stamp);
	return rc;
}
