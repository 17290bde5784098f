#include "mailbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "lock.h"
#include "mailbox_parts.h"
#include "mem.h"
#include "path.h"
#include "slice.h"
#include "str.h"

/* Is `id` an agent in our own slice? What cannot be read counts as yes. */
static bool
mailbox_lives(const struct home *h, const char *id)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice slice = SLICE_INIT;
	enum file_found found = file_read_ours(h->local, &text, NULL);
	bool lives = found == FILE_FAILED;
	size_t i;

	if (found == FILE_READ) {
		lives = slice_parse(
			    &slice, h->local, text.data, text.len, NULL) != 0;
		for (i = 0; i < slice.agents.n && !lives; i++)
			lives = str_eq(slice.agents.v[i].id, id);
	}
	slice_free(&slice);
	buf_free(&text);
	return lives;
}

/* The id that mail/by-name/ADDRESS names; "" if none. */
static void
mailbox_named(char id[AGENT_ID_MAX + 1], const char *link)
{
	char text[AGENT_ID_MAX + 4];
	ssize_t n = readlink(link, text, sizeof(text) - 1);

	id[0] = '\0';
	if (n < 3)
		return;
	text[n] = '\0';
	if (str_starts(text, "../") && agent_id_ok(text + 3))
		memcpy(id, text + 3, strlen(text + 3) + 1);
}

/* Make by-name/ADDRESS lead to `id`. */
static int
mailbox_link(const char *link, const char *id, struct err *e)
{
	char *temp = x_asprintf("%s.tmp", link);
	char *target = x_asprintf("../%s", id);
	int rc = 0;

	/* One that was killed may have left it; we have the lock. */
	(void)unlink(temp);
	if (symlink(target, temp) != 0 || rename(temp, link) != 0)
		rc = err_set(e, EXIT_LOCAL, "%s: %s", link, strerror(errno));
	x_free(target);
	x_free(temp);
	return rc;
}

static int
mailbox_make(const char *path, struct err *e)
{
	static const char *const parts[] = { "tmp", "new", "cur", "ids",
		"queue", "bad" };
	char *part;
	size_t i;
	int rc = 0;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]) && rc == 0; i++) {
		part = path_join(path, parts[i]);
		rc = file_make_dir(part, e);
		x_free(part);
	}
	return rc;
}

/* The mailbox of `before` becomes that of `id`, and waits as it did. */
static void
mailbox_inherit(const char *mail, const char *before, const char *id)
{
	/* The mailbox last: before that a kill leaves it to the next. */
	static const char *const folders[] = { "waiting/", "" };
	char *from, *to;
	size_t i;

	for (i = 0; i < 2; i++) {
		from = x_asprintf("%s/%s%s", mail, folders[i], before);
		to = x_asprintf("%s/%s%s", mail, folders[i], id);
		/* There may be none: then a new one is made. */
		(void)rename(from, to);
		x_free(to);
		x_free(from);
	}
}

/* Make the mailbox, or take over that of the agent that had the address. */
static int
mailbox_prepare(const struct home *h, const char *mail, const char *path,
    const char *link, const char *id, struct err *e)
{
	char *lock = path_join(h->run, "mail.lock");
	char *names = path_join(mail, "by-name");
	char before[AGENT_ID_MAX + 1];
	int fd = -1, rc = -1;

	if (file_make_dir(names, e) != 0 ||
	    lock_need(lock, MAILBOX_LOCK_MS, &fd, e) != 0)
		goto out;
	mailbox_named(before, link);
	if (before[0] != '\0' && !str_eq(before, id) &&
	    access(path, F_OK) != 0 && !mailbox_lives(h, before)) {
		mailbox_inherit(mail, before, id);
	}
	if (mailbox_make(path, e) == 0)
		rc = str_eq(before, id) ? 0 : mailbox_link(link, id, e);
out:
	lock_drop(&fd);
	x_free(names);
	x_free(lock);
	return rc;
}

int
mailbox_open(struct mailbox *b, const struct home *h, const char *id,
    const char *address, struct err *e)
{
	char *mail = path_join(h->dir, "mail");
	char *link = x_asprintf("%s/by-name/%s", mail, address);
	char named[AGENT_ID_MAX + 1];
	int rc = -1;

	*b = (struct mailbox)MAILBOX_INIT;
	b->heads = true;
	b->path = path_join(mail, id);
	if (!agent_id_ok(id)) {
		(void)err_set(e, EXIT_LOCAL,
		    "%s: has no id yet; run agent-discover", address);
		goto out;
	}
	mailbox_named(named, link);
	b->dir = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0 || !str_eq(named, id)) {
		if (mailbox_prepare(h, mail, b->path, link, id, e) != 0)
			goto out;
		if (b->dir < 0)
			b->dir =
			    open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	rc = b->dir < 0 ? mailbox_errno(e, b, ".") : mailbox_lock(b, e);
out:
	x_free(link);
	x_free(mail);
	return rc;
}

void
mailbox_follow(const struct home *h, const char *id, const char *address)
{
	char *mail = path_join(h->dir, "mail");
	char *link = x_asprintf("%s/by-name/%s", mail, address);
	char *path = path_join(mail, id);

	if (agent_id_ok(id) && access(path, F_OK) == 0)
		(void)mailbox_prepare(h, mail, path, link, id, NULL);
	x_free(path);
	x_free(link);
	x_free(mail);
}

int
mailbox_claim(
    const struct home *h, const char *id, const char *address, struct err *e)
{
	char *mail = path_join(h->dir, "mail");
	char *link = x_asprintf("%s/by-name/%s", mail, address);
	char *path = path_join(mail, id);
	char before[AGENT_ID_MAX + 1];
	int rc = 0;

	mailbox_named(before, link);
	if (agent_id_ok(id) && before[0] != '\0' && !str_eq(before, id) &&
	    access(path, F_OK) != 0 && !mailbox_lives(h, before))
		rc = mailbox_prepare(h, mail, path, link, id, e) == 0 ? 1 : -1;
	x_free(path);
	x_free(link);
	x_free(mail);
	return rc;
}

int
mailbox_look_folder(struct mailbox *b, const char *path, struct err *e)
{
	*b = (struct mailbox)MAILBOX_INIT;
	b->path = x_strdup(path);
	b->dir = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (b->dir < 0)
		return errno == ENOENT ? 1 : mailbox_errno(e, b, ".");
	if (!mailbox_whole(b))
		mailbox_repair(b);
	return 0;
}

int
mailbox_look(
    struct mailbox *b, const struct home *h, const char *id, struct err *e)
{
	char *path;
	int rc;

	*b = (struct mailbox)MAILBOX_INIT;
	if (!agent_id_ok(id))
		return 1;
	path = x_asprintf("%s/mail/%s", h->dir, id);
	rc = mailbox_look_folder(b, path, e);
	x_free(path);
	return rc;
}

int
mailbox_open_folder(struct mailbox *b, const char *path, struct err *e)
{
	int rc = mailbox_look_folder(b, path, e);

	/* Whoever made it may have been killed before its last part. */
	if (rc == 0 && faccessat(b->dir, "bad", F_OK, 0) != 0)
		rc = mailbox_make(path, e);
	else if (rc == 1 && mailbox_make(path, e) == 0) {
		b->dir = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = b->dir < 0 ? mailbox_errno(e, b, ".") : 0;
	}
	return rc == 0 ? mailbox_lock(b, e) : -1;
}

int
mailbox_lock_for(struct mailbox *b, int wait_ms, struct err *e)
{
	enum lock_result result;

	b->lock = openat(
	    b->dir, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (b->lock < 0)
		return mailbox_errno(e, b, ".lock");
	result = lock_fd(b->lock, b->path, wait_ms, e);
	if (result == LOCK_TAKEN)
		return 0;
	if (result == LOCK_BUSY)
		(void)err_set(e, EXIT_LOCAL,
		    "%s: locked for %d s; is a program stopped?", b->path,
		    wait_ms / 1000);
	lock_drop(&b->lock);
	return -1;
}

int
mailbox_lock(struct mailbox *b, struct err *e)
{
	if (mailbox_lock_for(b, MAILBOX_LOCK_MS, e) != 0)
		return -1;
	if (!mailbox_whole(b))
		mailbox_repair(b);
	return 0;
}

void
mailbox_unlock(struct mailbox *b)
{
	lock_drop(&b->lock);
}

void
mailbox_close(struct mailbox *b)
{
	lock_drop(&b->lock);
	if (b->dir >= 0)
		(void)close(b->dir);
	b->dir = -1;
	X_CLEAR(b->path);
}
