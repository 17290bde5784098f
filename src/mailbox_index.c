#include "mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mailbox_parts.h"
#include "mem.h"

/* Line `at` of it: a base name. */
static bool
mailbox_line(int fd, off_t at, char name[MAILBOX_WIDTH])
{
	if (pread(fd, name, MAILBOX_WIDTH, at * MAILBOX_WIDTH) != MAILBOX_WIDTH)
		return false;
	name[MAILBOX_WIDTH - 1] = '\0';
	name[strcspn(name, " ")] = '\0';
	return mailbox_name_ok(name);
}

/* False: a line of it is none, or names a message whose id leads nowhere. */
static bool
mailbox_latest(const struct mailbox *b, size_t most, struct mailbox_list *list)
{
	int fd = openat(b->dir, "index", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct mailbox_entry entry;
	char name[MAILBOX_WIDTH];
	struct stat st;
	bool good = true;
	off_t at;

	*list = (struct mailbox_list){ .v = NULL };
	if (fd < 0)
		return true;
	at = fstat(fd, &st) == 0 ? st.st_size / MAILBOX_WIDTH : 0;
	while (at > 0 && good && (most == 0 || list->n < most)) {
		good = mailbox_line(fd, --at, name);
		if (!good || mailbox_place(b, name, &entry) != 0)
			continue;
		*mailbox_list_add(list) = entry;
		good = mailbox_linked(b, mailbox_id(&entry), name);
	}
	(void)close(fd);
	return good;
}

void
mailbox_newest(const struct mailbox *b, size_t most, struct mailbox_list *list)
{
	if (mailbox_latest(b, most, list))
		return;
	mailbox_list_free(list);
	mailbox_repair(b);
	(void)mailbox_latest(b, most, list);
}

/* Write the index anew: these, in order, and `last` behind them where it is
 * not the last of them ("": nothing). */
static int
mailbox_index(const struct mailbox *b, const struct mailbox_list *list,
    const char *last, struct err *e)
{
	struct buf text = BUF_INIT_MAX(1UL << 30);
	char *path = x_asprintf("/proc/self/fd/%d/index", b->dir);
	size_t i;
	int rc;

	for (i = 0; i < list->n; i++)
		buf_addf(&text, "%-*s\n", MAILBOX_WIDTH - 1, list->v[i].name);
	if (last[0] != '\0' &&
	    (list->n == 0 || !str_eq(list->v[list->n - 1].name, last)))
		buf_addf(&text, "%-*s\n", MAILBOX_WIDTH - 1, last);
	rc = file_replace(path, text.data, text.len, FILE_DURABLE, e);
	if (rc != 0)
		mailbox_error(b, e);
	buf_free(&text);
	x_free(path);
	return rc;
}

/* The last line of it, "" if it has none, and how many there are: 0; 1 when it
 * is not whole. */
static int
mailbox_last(const struct mailbox *b, char name[MAILBOX_WIDTH], size_t *lines)
{
	int fd = openat(b->dir, "index", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int rc = 1;

	name[0] = '\0';
	*lines = 0;
	if (fd < 0)
		return errno != ENOENT;
	if (fstat(fd, &st) == 0 && st.st_size % MAILBOX_WIDTH == 0) {
		*lines = (size_t)(st.st_size / MAILBOX_WIDTH);
		rc = *lines > 0 && !mailbox_line(fd, (off_t)*lines - 1, name);
	}
	(void)close(fd);
	return rc;
}

/* ---- what does not agree with the folders ---- */

bool
mailbox_whole(const struct mailbox *b)
{
	char name[MAILBOX_WIDTH], link[MAILBOX_WIDTH];
	struct mailbox_entry at;
	size_t lines;

	if (mailbox_last(b, name, &lines) != 0)
		return false;
	if (lines == 0)
		return !mailbox_has(b, "new") && !mailbox_has(b, "cur") &&
		    !mailbox_has(b, "tmp");
	return mailbox_linked(b, name + MAILBOX_DIGITS + 1, link) ||
	    !mailbox_near(b, name, &at);
}

/* An id for each of these that is there, where it has none. */
static void
mailbox_relink(const struct mailbox *b, const struct mailbox_list *list)
{
	struct mailbox_entry at;
	char link[MAILBOX_WIDTH];
	const char *id;
	size_t i;

	(void)mkdirat(b->dir, "ids", 0700);
	for (i = 0; i < list->n; i++) {
		id = mailbox_id(&list->v[i]);
		if (!mailbox_linked(b, id, link) &&
		    mailbox_place(b, list->v[i].name, &at) == 0)
			(void)mailbox_name(b, id, list->v[i].name, NULL);
	}
	(void)mailbox_sync(b, "ids", NULL);
}

int
mailbox_rebuild(const struct mailbox *b, struct err *e)
{
	char last[MAILBOX_WIDTH];
	struct mailbox_list list;
	size_t lines;
	int rc;

	mailbox_names(b, &list);
	/* The next number is more than the last, whatever became of that. */
	if (mailbox_last(b, last, &lines) != 0 ||
	    (list.n > 0 && strcmp(list.v[list.n - 1].name, last) > 0))
		last[0] = '\0';
	rc = mailbox_index(b, &list, last, e);
	mailbox_relink(b, &list);
	mailbox_list_free(&list);
	return rc;
}

bool
mailbox_borrow(struct mailbox *own, const struct mailbox *b)
{
	*own = *b;
	return mailbox_lock_for(own, MAILBOX_BORROW_MS, NULL) == 0;
}

void
mailbox_repair(const struct mailbox *b)
{
	struct mailbox own;

	if (b->lock >= 0) {
		(void)mailbox_rebuild(b, NULL);
	} else if (mailbox_borrow(&own, b)) {
		(void)mailbox_rebuild(&own, NULL);
		mailbox_unlock(&own);
	}
}

int
mailbox_next(struct mailbox *b, unsigned long *number, struct err *e)
{
	char name[MAILBOX_WIDTH];
	size_t lines;

	if (mailbox_last(b, name, &lines) != 0 || lines == 0) {
		if (!mailbox_whole(b) && mailbox_rebuild(b, e) != 0)
			return -1;
		if (mailbox_last(b, name, &lines) != 0)
			return mailbox_errno(e, b, "index");
	}
	*number = strtoul(name, NULL, 10) + 1;
	return 0;
}

/* Write the index anew if it has more than `most` lines, and `part` times as
 * many as there are messages. */
static int
mailbox_shorten(struct mailbox *b, size_t most, size_t part, struct err *e)
{
	char name[MAILBOX_WIDTH];
	struct mailbox_list list;
	size_t lines;
	int rc = 0;

	/* One that is not whole is mended when the next message comes. */
	if (mailbox_last(b, name, &lines) != 0 || lines <= most)
		return 0;
	mailbox_names(b, &list);
	/* The last line may be of one that is gone. */
	if (list.n + 1 < lines / part &&
	    (list.n == 0 || strcmp(list.v[list.n - 1].name, name) <= 0))
		rc = mailbox_index(b, &list, name, e);
	mailbox_list_free(&list);
	return rc;
}

int
mailbox_trim(struct mailbox *b, size_t most, struct err *e)
{
	return mailbox_shorten(b, most, 2, e);
}

int
mailbox_index_whole(struct mailbox *b, struct err *e)
{
	return mailbox_shorten(b, 0, 1, e);
}
