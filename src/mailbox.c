#include "mailbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "mailbox_parts.h"
#include "mem.h"
#include "path.h"

int
mailbox_errno(struct err *e, const struct mailbox *b, const char *name)
{
	return err_set(
	    e, EXIT_LOCAL, "%s/%s: %s", b->path, name, strerror(errno));
}

void
mailbox_error(const struct mailbox *b, struct err *e)
{
	char *fd = x_asprintf("/proc/self/fd/%d/", b->dir);
	struct err said;

	if (e != NULL && str_starts(e->msg, fd)) {
		said = *e;
		(void)err_set(
		    e, said.code, "%s/%s", b->path, said.msg + strlen(fd));
	}
	x_free(fd);
}

const char *
mailbox_word(enum mailbox_state state)
{
	static const char *const words[] = { "queued", "unread", "shown",
		"answered", "unproven", "undelivered" };

	return words[state];
}

/* The flags of a state, as the Maildir has them, and with those that other
 * mail programs set. */
static void
mailbox_flag(char out[MAILBOX_FLAGS_MAX + 1], const char *before,
    enum mailbox_state state)
{
	static const char *const own[] = { "", "", "S", "RS", "F", "T" };
	static const char all[] = "DFPRST";
	size_t i, n = 0;

	for (i = 0; all[i] != '\0'; i++)
		if (strchr(own[state], all[i]) != NULL ||
		    strchr(before, all[i]) != NULL)
			out[n++] = all[i];
	out[n] = '\0';
}

int
mailbox_sync(const struct mailbox *b, const char *name, struct err *e)
{
	int fd = openat(b->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int rc = fd < 0 || fsync(fd) != 0 ? mailbox_errno(e, b, name) : 0;

	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* Write a message into tmp/NAME. */
static int
mailbox_write(const struct mailbox *b, const char *temp, const struct mail *m,
    bool durable, struct err *e)
{
	struct buf text = BUF_INIT_MAX(MAIL_SIZE_MAX);
	int fd = -1, rc = -1;

	mail_write(&text, m);
	if (buf_check(&text, "message", e) != 0)
		goto out;
	/* A killed one may have left it; the lock is ours. */
	fd = openat(b->dir, temp,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || file_write_all(fd, text.data, text.len) != 0 ||
	    (durable && fsync(fd) != 0)) {
		(void)mailbox_errno(e, b, temp);
		goto out;
	}
	rc = close(fd) == 0 ? 0 : mailbox_errno(e, b, temp);
	fd = -1;
out:
	if (fd >= 0)
		(void)close(fd);
	if (rc != 0)
		(void)unlinkat(b->dir, temp, 0);
	buf_free(&text);
	return rc;
}

/* Put a name into the index, at a line's begin. */
static int
mailbox_append(const struct mailbox *b, const char *name, struct err *e)
{
	char line[MAILBOX_WIDTH + 1];
	int fd, rc;

	(void)snprintf(line, sizeof(line), "%-*s\n", MAILBOX_WIDTH - 1, name);
	fd = openat(b->dir, "index",
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return mailbox_errno(e, b, "index");
	rc = file_write_all(fd, line, MAILBOX_WIDTH);
	if (rc != 0)
		(void)mailbox_errno(e, b, "index");
	(void)close(fd);
	return rc;
}

int
mailbox_name(
    const struct mailbox *b, const char *id, const char *name, struct err *e)
{
	char path[MAILBOX_FILE_MAX];

	(void)snprintf(path, sizeof(path), "ids/%s", id);
	(void)unlinkat(b->dir, path, 0);
	if (symlinkat(name, b->dir, path) != 0)
		return mailbox_errno(e, b, path);
	return 0;
}

/* Name it in queue/, or take its name out of there. */
static int
mailbox_mark(
    const struct mailbox *b, const char *name, bool waits, struct err *e)
{
	char path[MAILBOX_FILE_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "queue/%s", name);
	if (!waits)
		return unlinkat(b->dir, path, 0) == 0 || errno == ENOENT
		    ? 0
		    : mailbox_errno(e, b, path);
	fd = openat(
	    b->dir, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return mailbox_errno(e, b, path);
	(void)close(fd);
	return 0;
}

/* The mailbox's file in mail/waiting. */
static char *
mailbox_waiting(const struct mailbox *b)
{
	return x_asprintf("../waiting/%s", path_base(b->path));
}

/* Name the mailbox there. */
static int
mailbox_announce(const struct mailbox *b, struct err *e)
{
	static const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	char *name = mailbox_waiting(b);
	int fd = openat(b->dir, name, flags, 0600), rc = 0;

	if (fd < 0 && errno == ENOENT &&
	    (mkdirat(b->dir, "../waiting", 0700) == 0 || errno == EEXIST))
		fd = openat(b->dir, name, flags, 0600);
	if (fd < 0)
		rc = mailbox_errno(e, b, name);
	else
		(void)close(fd);
	x_free(name);
	return rc;
}

bool
mailbox_idle(struct mailbox *b)
{
	struct mailbox_list list;
	bool idle;
	char *name;

	mailbox_queue(b, &list);
	idle = list.n == 0 && !mailbox_waits(b);
	mailbox_list_free(&list);
	if (idle) {
		name = mailbox_waiting(b);
		(void)unlinkat(b->dir, name, 0);
		x_free(name);
	}
	return idle;
}

/* Is it told to be safe, while nobody has seen it? */
static bool
mailbox_durable(enum mailbox_state state)
{
	return state == MAILBOX_QUEUED || state == MAILBOX_UNREAD;
}

/* Everything that names it. */
static int
mailbox_enter(
    struct mailbox *b, const struct mailbox_entry *entry, struct err *e)
{
	bool waits = entry->state == MAILBOX_QUEUED;

	if ((waits && mailbox_announce(b, e) != 0) ||
	    mailbox_append(b, entry->name, e) != 0 ||
	    mailbox_name(b, mailbox_id(entry), entry->name, e) != 0 ||
	    (waits && mailbox_mark(b, entry->name, true, e) != 0))
		return -1;
	return 0;
}

/* The name of its text until it has its own. */
static void
mailbox_temp(char out[MAILBOX_FILE_MAX], const struct mailbox_entry *entry)
{
	(void)snprintf(out, MAILBOX_FILE_MAX, "tmp/%s", entry->name);
}

/* Its own name, behind which it is whole. */
static int
mailbox_settle(
    struct mailbox *b, const struct mailbox_entry *entry, struct err *e)
{
	static const char *const synced[] = { "index", "ids", "queue", "new" };
	bool durable = mailbox_durable(entry->state);
	char temp[MAILBOX_FILE_MAX], file[MAILBOX_FILE_MAX];
	size_t i;

	mailbox_temp(temp, entry);
	mailbox_file(file, entry);
	if (renameat(b->dir, temp, b->dir, file) != 0)
		return mailbox_errno(e, b, file);
	for (i = 0; durable && i < sizeof(synced) / sizeof(synced[0]); i++)
		if (mailbox_sync(b, synced[i], e) != 0) {
			/* Not accepted, so not kept either. */
			(void)unlinkat(b->dir, file, 0);
			return -1;
		}
	return 0;
}

/* How many wait whose time is not over, of so many that nobody may keep more
 * of either. Few are not read. */
static size_t
mailbox_count(const struct mailbox *b)
{
	int64_t now = clock_real_ms();
	struct mailbox_list list;
	struct mail m;
	size_t i, n;

	mailbox_queue(b, &list);
	n = list.n;
	for (i = 0; i < list.n && n >= MAILBOX_UNREAD_MAX &&
	     list.n < 10 * MAILBOX_UNREAD_MAX;
	     i++) {
		if (mailbox_read(b, &list.v[i], &m, NULL) == 0 &&
		    mail_over(&m, now))
			n--;
		mail_free(&m);
	}
	mailbox_list_free(&list);
	return n;
}

/* May one more wait here? */
static int
mailbox_room(const struct mailbox *b, struct err *e)
{
	size_t n = mailbox_count(b);

	if (n < MAILBOX_UNREAD_MAX)
		return 0;
	return err_set(e, EXIT_REFUSED,
	    "its mailbox is full: %zu messages wait to be shown; try again "
	    "when some were",
	    n);
}

/* Texts in tmp/ of programs that were killed. */
static void
mailbox_clean(const struct mailbox *b)
{
	time_t old = (time_t)(clock_real_ms() / 1000) - MAILBOX_TEMP_S;
	int fd = openat(b->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *found;
	struct stat st;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((found = readdir(dir)) != NULL)
		if (mailbox_name_ok(found->d_name) &&
		    fstatat(fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtime < old)
			(void)unlinkat(fd, found->d_name, 0);
	(void)closedir(dir);
}

/* Choose its name, put its text into tmp/ and name it everywhere; 1: its id is
 * there already. */
static int
mailbox_begin(struct mailbox *b, const struct mail *m,
    struct mailbox_entry *entry, struct err *e)
{
	char temp[MAILBOX_FILE_MAX];
	struct mailbox_entry old;
	unsigned long number;

	if (!mail_id_ok(m->id))
		return err_set(e, EXIT_USAGE,
		    "'%.40s': is no id that a mailbox keeps", m->id);
	if (mailbox_find(b, m->id, &old) == 0 ||
	    mailbox_gone(b, m->id, &old) == 0)
		return 1;
	if ((entry->state == MAILBOX_QUEUED && mailbox_room(b, e) != 0) ||
	    mailbox_next(b, &number, e) != 0)
		return -1;
	if (number % MAILBOX_CLEAN_EACH == 0)
		mailbox_clean(b);
	(void)snprintf(entry->name, sizeof(entry->name), "%0*lu.%s",
	    MAILBOX_DIGITS, number, m->id);
	mailbox_flag(entry->flags, "", entry->state);
	mailbox_temp(temp, entry);
	if (mailbox_write(b, temp, m, mailbox_durable(entry->state), e) != 0)
		return -1;
	if (mailbox_enter(b, entry, e) == 0)
		return 0;
	mailbox_release(b, entry);
	return -1;
}

int
mailbox_add(struct mailbox *b, const struct mail *m, enum mailbox_state state,
    struct err *e)
{
	struct mailbox_entry entry = { .in_new = mailbox_durable(state),
		.state = state };
	int rc = mailbox_begin(b, m, &entry, e);

	if (rc == 0 && mailbox_settle(b, &entry, e) != 0) {
		mailbox_release(b, &entry);
		rc = -1;
	}
	/* Not before: one that was killed here took nothing away. */
	if (rc == 0 && state == MAILBOX_QUEUED && b->heads)
		mailbox_note(b, entry.name, m);
	return rc;
}

int
mailbox_reserve(struct mailbox *b, const struct mail *m,
    struct mailbox_entry *entry, struct err *e)
{
	*entry = (struct mailbox_entry){ .state = MAILBOX_UNPROVEN };
	return mailbox_begin(b, m, entry, e);
}

int
mailbox_keep(struct mailbox *b, struct mailbox_entry *entry,
    enum mailbox_state state, struct err *e)
{
	struct mailbox_entry other;
	int rc = 1;

	entry->state = state;
	mailbox_flag(entry->flags, "", state);
	if (mailbox_find(b, mailbox_id(entry), &other) != 0)
		rc = mailbox_settle(b, entry, e);
	if (rc != 0)
		mailbox_release(b, entry);
	return rc;
}

void
mailbox_release(struct mailbox *b, const struct mailbox_entry *entry)
{
	char temp[MAILBOX_FILE_MAX];

	mailbox_temp(temp, entry);
	(void)unlinkat(b->dir, temp, 0);
	(void)mailbox_mark(b, entry->name, false, NULL);
}

int
mailbox_set(struct mailbox *b, struct mailbox_entry *entry,
    enum mailbox_state state, struct err *e)
{
	struct mailbox_entry to = *entry;
	char from[MAILBOX_FILE_MAX], file[MAILBOX_FILE_MAX];

	to.in_new = false;
	to.state = state;
	mailbox_flag(to.flags, entry->flags, state);
	mailbox_file(from, entry);
	mailbox_file(file, &to);
	if (!str_eq(from, file) && renameat(b->dir, from, b->dir, file) != 0)
		return mailbox_errno(e, b, from);
	if (mailbox_sync(b, "cur", e) != 0 ||
	    mailbox_mark(b, entry->name, state == MAILBOX_QUEUED, e) != 0)
		return -1;
	*entry = to;
	return 0;
}

int
mailbox_remove(
    struct mailbox *b, const struct mailbox_entry *entry, struct err *e)
{
	char path[MAILBOX_FILE_MAX];

	mailbox_file(path, entry);
	if (unlinkat(b->dir, path, 0) != 0 && errno != ENOENT)
		return mailbox_errno(e, b, path);
	if (mailbox_mark(b, entry->name, false, e) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "ids/%s", mailbox_id(entry));
	(void)unlinkat(b->dir, path, 0);
	return mailbox_sync(b, entry->in_new ? "new" : "cur", e);
}

int
mailbox_rewrite(struct mailbox *b, const struct mailbox_entry *entry,
    const struct mail *m, struct err *e)
{
	char temp[MAILBOX_FILE_MAX], file[MAILBOX_FILE_MAX];

	mailbox_temp(temp, entry);
	mailbox_file(file, entry);
	if (mailbox_write(b, temp, m, true, e) != 0)
		return -1;
	if (renameat(b->dir, temp, b->dir, file) == 0) {
		/* Who waits to show it sees that it is another text. */
		if (mailbox_noted(b, entry->name))
			mailbox_note(b, entry->name, m);
		(void)snprintf(temp, sizeof(temp), "queue/%s", entry->name);
		(void)utimensat(b->dir, temp, NULL, 0);
		return mailbox_sync(b, entry->in_new ? "new" : "cur", e);
	}
	(void)mailbox_errno(e, b, file);
	(void)unlinkat(b->dir, temp, 0);
	return -1;
}
