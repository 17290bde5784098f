#include "mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "argv.h"
#include "file.h"
#include "mailbox_parts.h"
#include "mem.h"

void
mailbox_file(char out[MAILBOX_FILE_MAX], const struct mailbox_entry *entry)
{
	if (entry->in_new)
		(void)snprintf(out, MAILBOX_FILE_MAX, "new/%s", entry->name);
	else
		(void)snprintf(out, MAILBOX_FILE_MAX, "cur/%s:2,%s",
		    entry->name, entry->flags);
}

bool
mailbox_name_ok(const char *name)
{
	return strspn(name, "0123456789") == MAILBOX_DIGITS &&
	    name[MAILBOX_DIGITS] == '.' &&
	    mail_id_ok(name + MAILBOX_DIGITS + 1);
}

const char *
mailbox_id(const struct mailbox_entry *entry)
{
	return entry->name + MAILBOX_DIGITS + 1;
}

void
mailbox_list_free(struct mailbox_list *list)
{
	X_CLEAR(list->v);
	list->n = 0;
}

struct mailbox_entry *
mailbox_list_add(struct mailbox_list *list)
{
	struct mailbox_entry *entry;

	if ((list->n & (list->n - 1)) == 0)
		list->v = x_realloc(
		    list->v, list->n == 0 ? 1 : list->n * 2, sizeof(*list->v));
	entry = &list->v[list->n++];
	memset(entry, 0, sizeof(*entry));
	return entry;
}

/* ---- one message ---- */

static bool
mailbox_there(const struct mailbox *b, const char *path)
{
	struct stat st;

	return fstatat(b->dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The flags as a set of "DFPRST", which stand in this order. */
static void
mailbox_flags(char out[MAILBOX_FLAGS_MAX + 1], unsigned set)
{
	static const char all[] = "DFPRST";
	size_t i, n = 0;

	for (i = 0; all[i] != '\0'; i++)
		if (set & 1U << i)
			out[n++] = all[i];
	out[n] = '\0';
}

/* In cur/, by trying: a folder of 100,000 is not read for one name. */
static bool
mailbox_guess(const struct mailbox *b, struct mailbox_entry *entry)
{
	static const unsigned likely[] = { 020, 0, 030, 002, 040 };
	char path[MAILBOX_FILE_MAX];
	unsigned i;

	for (i = 0; i < 5 + 64; i++) {
		mailbox_flags(entry->flags, i < 5 ? likely[i] : i - 5);
		mailbox_file(path, entry);
		if (mailbox_there(b, path))
			return true;
	}
	return false;
}

/* Flags that we do not know: then it is read. */
static bool
mailbox_search(const struct mailbox *b, struct mailbox_entry *entry)
{
	int fd = openat(b->dir, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t len = strlen(entry->name);
	struct dirent *found = NULL;
	const char *flags;
	DIR *dir;

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	while ((found = readdir(dir)) != NULL) {
		flags = found->d_name + len;
		if (strncmp(found->d_name, entry->name, len) != 0 ||
		    !str_starts(flags, ":2,") ||
		    strlen(flags + 3) > MAILBOX_FLAGS_MAX)
			continue;
		(void)snprintf(
		    entry->flags, sizeof(entry->flags), "%s", flags + 3);
		break;
	}
	(void)closedir(dir);
	return found != NULL;
}

static enum mailbox_state
mailbox_state(const struct mailbox *b, const struct mailbox_entry *entry)
{
	char path[MAILBOX_FILE_MAX];

	if (strchr(entry->flags, 'R') != NULL)
		return MAILBOX_ANSWERED;
	if (strchr(entry->flags, 'S') != NULL)
		return MAILBOX_SHOWN;
	if (strchr(entry->flags, 'T') != NULL)
		return MAILBOX_DEAD;
	if (strchr(entry->flags, 'F') != NULL)
		return MAILBOX_UNPROVEN;
	(void)snprintf(path, sizeof(path), "queue/%s", entry->name);
	return mailbox_there(b, path) ? MAILBOX_QUEUED : MAILBOX_UNREAD;
}

bool
mailbox_near(
    const struct mailbox *b, const char *name, struct mailbox_entry *entry)
{
	char path[MAILBOX_FILE_MAX];

	*entry = (struct mailbox_entry){ .in_new = true };
	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	mailbox_file(path, entry);
	if (mailbox_there(b, path))
		return true;
	entry->in_new = false;
	return mailbox_guess(b, entry);
}

static bool
mailbox_seek(
    const struct mailbox *b, const char *name, struct mailbox_entry *entry)
{
	return mailbox_near(b, name, entry) || mailbox_search(b, entry);
}

int
mailbox_place(
    const struct mailbox *b, const char *name, struct mailbox_entry *entry)
{
	struct mailbox_entry at;
	bool found = false;
	int tries;

	/* Twice: a mail program may have given it another name in between. */
	for (tries = 0; tries < 2 && !found && mailbox_name_ok(name); tries++)
		found = mailbox_seek(b, name, &at);
	if (!found)
		return 1;
	at.state = mailbox_state(b, &at);
	*entry = at;
	return 0;
}

bool
mailbox_linked(
    const struct mailbox *b, const char *id, char name[MAILBOX_WIDTH])
{
	char path[MAILBOX_FILE_MAX];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "ids/%s", id);
	n = readlinkat(b->dir, path, name, MAILBOX_WIDTH - 1);
	name[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

int
mailbox_find(
    const struct mailbox *b, const char *id, struct mailbox_entry *entry)
{
	char name[MAILBOX_WIDTH];

	if (!mail_id_ok(id) || !mailbox_linked(b, id, name))
		return 1;
	return mailbox_place(b, name, entry);
}

/* The names in a folder that begin so, up to one more than are listed. */
static void
mailbox_begins(const struct mailbox *b, const char *folder, const char *begin,
    struct argv *ids)
{
	int fd = openat(b->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	bool messages = str_eq(folder, "ids");
	struct mailbox_entry entry;
	struct dirent *found;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((found = readdir(dir)) != NULL && ids->n <= MAILBOX_LISTED)
		if (str_starts(found->d_name, begin) &&
		    mail_id_ok(found->d_name) &&
		    (!messages || mailbox_find(b, found->d_name, &entry) == 0))
			argv_add(ids, found->d_name);
	(void)closedir(dir);
}

/* Several are meant: say which. */
static int
mailbox_ambiguous(const char *id, const struct argv *ids, struct err *e)
{
	struct buf list = BUF_INIT;
	size_t i;

	for (i = 0; i < ids->n && i < MAILBOX_LISTED; i++)
		buf_addf(&list, "%s%s", i == 0 ? "" : ", ", ids->v[i]);
	(void)err_set(e, EXIT_UNKNOWN,
	    "%.40s: begins the ids of several messages: %s%s; give more of it",
	    id, list.data, ids->n > MAILBOX_LISTED ? " and others" : "");
	buf_free(&list);
	return -1;
}

int
mailbox_resolve(const struct mailbox *b, const char *folder, const char *id,
    char whole[MAIL_ID_MAX + 1], struct err *e)
{
	struct argv ids = ARGV_INIT;
	int rc = 0;

	if (strlen(id) < MAILBOX_BEGIN_MIN || str_starts(id, "."))
		return err_set(e, EXIT_UNKNOWN,
		    "'%.40s': is no message's id, nor %d or more letters of "
		    "its begin",
		    id, MAILBOX_BEGIN_MIN);
	mailbox_begins(b, folder, id, &ids);
	if (ids.n > 1 && !str_eq(ids.v[0], id))
		rc = mailbox_ambiguous(id, &ids, e);
	else if (ids.n == 0)
		rc = err_set(e, EXIT_UNKNOWN,
		    "%.40s: no such %s in this mailbox", id,
		    str_eq(folder, "asked") ? "question" : "message");
	else
		(void)snprintf(whole, MAIL_ID_MAX + 1, "%s", ids.v[0]);
	argv_free(&ids);
	return rc;
}

uint64_t
mailbox_stamp(const struct mailbox *b, const struct mailbox_entry *entry)
{
	char path[MAILBOX_FILE_MAX];
	struct stat st;

	mailbox_file(path, entry);
	if (fstatat(b->dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	/* A new file may have the inode of the one that it replaced. */
	return ((uint64_t)st.st_ino << 40) ^
	    ((uint64_t)st.st_mtim.tv_sec * 1000000000 +
		(uint64_t)st.st_mtim.tv_nsec);
}

/* Out of the way, for people to look at. */
static void
mailbox_put_aside(const struct mailbox *b, const struct mailbox_entry *entry,
    const char *file)
{
	char path[MAILBOX_FILE_MAX];

	(void)snprintf(path, sizeof(path), "bad/%s", entry->name);
	if (renameat(b->dir, file, b->dir, path) != 0)
		return;
	/* Its sender is to be told. */
	if (mailbox_noted(b, entry->name))
		return;
	(void)snprintf(path, sizeof(path), "queue/%s", entry->name);
	(void)unlinkat(b->dir, path, 0);
}

/* Read it; *broken: what is there is no message. */
static int
mailbox_parse(const struct mailbox *b, const struct mailbox_entry *entry,
    const char *file, struct mail *m, bool *broken, struct err *e)
{
	struct buf text = BUF_INIT_MAX(MAIL_SIZE_MAX);
	char *path = x_asprintf("/proc/self/fd/%d/%s", b->dir, file);
	int rc = -1;

	*m = (struct mail)MAIL_INIT;
	*broken = false;
	switch (file_read(path, &text, e)) {
	case FILE_READ:
		rc = mail_parse(m, entry->name, text.data, text.len, e);
		if (rc == 0 && !str_eq(m->id, mailbox_id(entry)))
			rc = err_set(e, EXIT_LOCAL,
			    "%s: holds another message, %s", entry->name,
			    m->id);
		*broken = rc != 0;
		break;
	case FILE_MISSING:
		(void)err_set(
		    e, EXIT_UNKNOWN, "%s: is there no more", entry->name);
		break;
	case FILE_FAILED:
		mailbox_error(b, e);
		*broken = text.overflow;
		break;
	}
	x_free(path);
	buf_free(&text);
	return rc;
}

int
mailbox_read(const struct mailbox *b, const struct mailbox_entry *entry,
    struct mail *m, struct err *e)
{
	struct mailbox own;
	char file[MAILBOX_FILE_MAX];
	bool broken;
	int rc;

	mailbox_file(file, entry);
	rc = mailbox_parse(b, entry, file, m, &broken, e);
	if (broken && b->lock >= 0)
		mailbox_put_aside(b, entry, file);
	if (!broken || b->lock >= 0 || !mailbox_borrow(&own, b))
		return rc;
	/* Nobody is at it now. */
	mail_free(m);
	rc = mailbox_read(&own, entry, m, e);
	mailbox_unlock(&own);
	return rc;
}

/* ---- many ---- */

/* Call `take` for every name of ours in a folder, until it says no. */
static void
mailbox_each(const struct mailbox *b, const char *folder,
    bool (*take)(void *arg, const char *name), void *arg)
{
	int fd = openat(b->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[MAILBOX_NAME_MAX + 1];
	struct dirent *found;
	size_t len;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((found = readdir(dir)) != NULL) {
		len = strcspn(found->d_name, ":");
		if (len > MAILBOX_NAME_MAX)
			continue;
		memcpy(name, found->d_name, len);
		name[len] = '\0';
		if (mailbox_name_ok(name) && !take(arg, name))
			break;
	}
	(void)closedir(dir);
}

static bool
mailbox_collect(void *arg, const char *name)
{
	struct mailbox_entry *entry = mailbox_list_add(arg);

	(void)snprintf(entry->name, sizeof(entry->name), "%s", name);
	return true;
}

static int
mailbox_compare(const void *a, const void *b)
{
	const struct mailbox_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void
mailbox_marked(const struct mailbox *b, struct mailbox_list *list)
{
	*list = (struct mailbox_list){ .v = NULL };
	mailbox_each(b, "queue", mailbox_collect, list);
}

void
mailbox_queue(const struct mailbox *b, struct mailbox_list *list)
{
	char path[MAILBOX_FILE_MAX], name[MAILBOX_WIDTH];
	struct mailbox_entry *entry;
	size_t i, kept = 0;
	bool lost = false;

	mailbox_marked(b, list);
	for (i = 0; i < list->n; i++) {
		entry = &list->v[i];
		(void)snprintf(path, sizeof(path), "queue/%s", entry->name);
		if (mailbox_place(b, entry->name, entry) == 0 &&
		    entry->state == MAILBOX_QUEUED) {
			lost =
			    lost || !mailbox_linked(b, mailbox_id(entry), name);
			list->v[kept++] = *entry;
		} else if (b->lock >= 0 &&
		    mailbox_loss_of(b, entry->name) == MAILBOX_LOSS_NONE) {
			(void)unlinkat(b->dir, path, 0);
		}
	}
	list->n = kept;
	if (lost)
		mailbox_repair(b);
	if (kept > 1)
		qsort(list->v, kept, sizeof(*list->v), mailbox_compare);
}

static bool
mailbox_any(void *arg, const char *name)
{
	(void)name;
	*(bool *)arg = true;
	return false;
}

bool
mailbox_has(const struct mailbox *b, const char *folder)
{
	bool any = false;

	mailbox_each(b, folder, mailbox_any, &any);
	return any;
}

bool
mailbox_waits(const struct mailbox *b)
{
	return mailbox_has(b, "queue");
}

void
mailbox_all(const struct mailbox *b, struct mailbox_list *list)
{
	size_t i, kept = 0;

	*list = (struct mailbox_list){ .v = NULL };
	mailbox_each(b, "new", mailbox_collect, list);
	mailbox_each(b, "cur", mailbox_collect, list);
	for (i = 0; i < list->n; i++)
		if (mailbox_place(b, list->v[i].name, &list->v[i]) == 0)
			list->v[kept++] = list->v[i];
	list->n = kept;
}

void
mailbox_names(const struct mailbox *b, struct mailbox_list *list)
{
	size_t i, kept = 0;

	*list = (struct mailbox_list){ .v = NULL };
	mailbox_each(b, "tmp", mailbox_collect, list);
	mailbox_each(b, "new", mailbox_collect, list);
	mailbox_each(b, "cur", mailbox_collect, list);
	if (list->n > 1)
		qsort(list->v, list->n, sizeof(*list->v), mailbox_compare);
	for (i = 0; i < list->n; i++)
		if (kept == 0 ||
		    mailbox_compare(&list->v[kept - 1], &list->v[i]) != 0)
			list->v[kept++] = list->v[i];
	list->n = kept;
}
