#include "asked.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "lock.h"
#include "mem.h"

enum {
	ASKED_PATH_MAX = MAIL_ID_MAX + 16,
	ASKED_LOCK_MS = 5000,
};

const char *
asked_word(enum asked_state state)
{
	static const char *const words[] = { "pending", "answered", "failed",
		"expired" };

	return words[state];
}

void
asked_free(struct asked *a)
{
	mail_free(&a->question);
}

static void
asked_path(char out[ASKED_PATH_MAX], const char *id, const char *what)
{
	(void)snprintf(
	    out, ASKED_PATH_MAX, "asked/%.*s%s", MAIL_ID_MAX, id, what);
}

/* ---- keeping ---- */

static int
asked_errno(const struct mailbox *b, const char *path, struct err *e)
{
	return err_set(
	    e, EXIT_LOCAL, "%s/%s: %s", b->path, path, strerror(errno));
}

void
asked_drop(struct mailbox *b, const char *id)
{
	static const char *const parts[] = { "", ".answer", ".failed",
		".coming" };
	char path[ASKED_PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		asked_path(path, id, parts[i]);
		(void)unlinkat(b->dir, path, 0);
	}
}

/* Forget those whose time is long over, which a file's own time says. How many
 * are left? */
static size_t
asked_clean(struct mailbox *b)
{
	int fd = openat(b->dir, "asked", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int64_t now = clock_real_ms();
	struct dirent *found;
	struct stat st;
	size_t n = 0;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((found = readdir(dir)) != NULL) {
		if (!mail_id_ok(found->d_name) ||
		    fstatat(fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if ((int64_t)st.st_mtim.tv_sec * 1000 + ASKED_KEEP_MS < now)
			asked_drop(b, found->d_name);
		else
			n++;
	}
	(void)closedir(dir);
	return n;
}

int
asked_put(struct mailbox *b, const struct mail *m, struct err *e)
{
	struct timespec when[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)(m->expires / 1000) } };
	struct buf text = BUF_INIT_MAX(MAIL_SIZE_MAX);
	char *path = x_asprintf("/proc/self/fd/%d/asked/%s", b->dir, m->id);
	int rc;

	mail_write(&text, m);
	if (mkdirat(b->dir, "asked", 0700) != 0 && errno != EEXIST)
		rc = asked_errno(b, "asked", e);
	else if (asked_clean(b) >= ASKED_MAX)
		rc = err_set(e, EXIT_REFUSED,
		    "%d questions are remembered already, for a day after "
		    "their time; try again later",
		    ASKED_MAX);
	else if (buf_check(&text, "question", e) != 0)
		rc = -1;
	else
		rc = file_replace(path, text.data, text.len, FILE_DURABLE, e);
	if (rc == 0)
		(void)utimensat(AT_FDCWD, path, when, 0);
	else
		mailbox_error(b, e);
	buf_free(&text);
	x_free(path);
	return rc;
}

/* ---- looking ---- */

/* The id that asked/ID.WHAT leads to. */
static bool
asked_link(const struct mailbox *b, const char *id, const char *what,
    char answer[MAIL_ID_MAX + 1])
{
	char path[ASKED_PATH_MAX];
	ssize_t n;

	asked_path(path, id, what);
	n = readlinkat(b->dir, path, answer, MAIL_ID_MAX);
	answer[n > 0 ? n : 0] = '\0';
	return n > 0 && mail_id_ok(answer);
}

static enum asked_state
asked_state(const struct mailbox *b, struct asked *a)
{
	const struct mail *m = &a->question;

	if (asked_link(b, m->id, ".answer", a->answer))
		return ASKED_ANSWERED;
	if (asked_link(b, m->id, ".failed", a->answer))
		return ASKED_FAILED;
	a->answer[0] = '\0';
	return m->expires <= clock_real_ms() ? ASKED_EXPIRED : ASKED_OPEN;
}

/* The question with exactly this id: 0; 1: none; -1: not to be read. */
static int
asked_read(
    const struct mailbox *b, const char *id, struct asked *a, struct err *e)
{
	struct buf text = BUF_INIT_MAX(MAIL_SIZE_MAX);
	char *path = x_asprintf("/proc/self/fd/%d/asked/%s", b->dir, id);
	int rc = 1;

	*a = (struct asked)ASKED_INIT;
	if (mail_id_ok(id)) {
		switch (file_read(path, &text, e)) {
		case FILE_READ:
			rc = mail_parse(
			    &a->question, id, text.data, text.len, e);
			break;
		case FILE_MISSING:
			break;
		case FILE_FAILED:
			mailbox_error(b, e);
			rc = -1;
		}
	}
	if (rc == 0 && !str_eq(a->question.id, id))
		rc = err_set(e, EXIT_LOCAL, "%s: holds another question", id);
	if (rc == 0)
		a->state = asked_state(b, a);
	x_free(path);
	buf_free(&text);
	return rc;
}

int
asked_find(
    const struct mailbox *b, const char *id, struct asked *a, struct err *e)
{
	char whole[MAIL_ID_MAX + 1];
	int rc;

	*a = (struct asked)ASKED_INIT;
	if (mailbox_resolve(b, "asked", id, whole, e) != 0)
		return -1;
	rc = asked_read(b, whole, a, e);
	return rc == 1 ? err_set(e, EXIT_UNKNOWN, "%.40s: is forgotten", id)
		       : rc;
}

bool
asked_tell(const struct mailbox *b, const char *id, struct deliver_verdict *v)
{
	struct asked a;
	bool told;

	told = asked_read(b, id, &a, NULL) == 0 && a.state != ASKED_OPEN;
	if (told) {
		memset(v, 0, sizeof(*v));
		v->word = asked_word(a.state);
		v->code = a.state == ASKED_ANSWERED ? EXIT_OK
		    : a.state == ASKED_EXPIRED      ? EXIT_TIMEOUT
						    : EXIT_REFUSED;
		(void)snprintf(v->why, sizeof(v->why), "%s%s",
		    a.state == ASKED_EXPIRED ? "no answer within its time"
					     : "by message ",
		    a.answer);
	}
	asked_free(&a);
	return told;
}

/* ---- answers ---- */

int
asked_may(
    const struct mailbox *b, const char *id, const char *host, struct err *e)
{
	struct asked a;
	int rc = 0;

	if (asked_read(b, id, &a, NULL) == 0 &&
	    str_eq(a.question.to_host, host)) {
		if (a.state == ASKED_ANSWERED)
			rc = err_set(e, EXIT_REFUSED,
			    "the question %.*s was answered already; send it "
			    "without --reply",
			    MAIL_SHORT, id);
		else if (a.state == ASKED_EXPIRED)
			rc = err_set(e, EXIT_REFUSED,
			    "the question %.*s has expired; send it without "
			    "--reply",
			    MAIL_SHORT, id);
	}
	asked_free(&a);
	return rc;
}

static int
asked_open(const struct mailbox *b, const char *id)
{
	char path[ASKED_PATH_MAX];

	if (!mail_id_ok(id))
		return -1;
	asked_path(path, id, "");
	return openat(b->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

bool
asked_awaited(const struct mailbox *b, const char *id, const char *host)
{
	int fd = asked_open(b, id);
	struct asked a;
	bool awaited;

	awaited = fd >= 0 && lock_fd(fd, id, 0, NULL) == LOCK_BUSY;
	lock_drop(&fd);
	if (!awaited)
		return false;
	awaited = asked_read(b, id, &a, NULL) == 0 &&
	    str_eq(a.question.to_host, host);
	asked_free(&a);
	return awaited;
}

int
asked_await(const struct mailbox *b, const char *id, int *fd, struct err *e)
{
	*fd = asked_open(b, id);
	if (*fd < 0)
		return err_set(e, EXIT_UNKNOWN, "%.40s: is forgotten", id);
	/* Whoever looks whether it is awaited has it for a moment. */
	if (lock_shared(*fd, id, ASKED_LOCK_MS, e) == LOCK_TAKEN)
		return 0;
	lock_drop(fd);
	return err_set(e, EXIT_LOCAL, "%.40s: cannot be locked", id);
}

/* Does `m` answer an open question of this mailbox, or report on it? */
static bool
asked_meant(const struct mailbox *b, const struct mail *m)
{
	struct asked a = ASKED_INIT;
	bool meant;

	meant = m->reply_to[0] != '\0' &&
	    asked_read(b, m->reply_to, &a, NULL) == 0 &&
	    a.state == ASKED_OPEN && str_eq(a.question.to_host, m->from_host);
	asked_free(&a);
	return meant;
}

int
asked_reserve(struct mailbox *b, const struct mail *m, struct err *e)
{
	char path[ASKED_PATH_MAX];

	if (!asked_meant(b, m))
		return 0;
	asked_path(path, m->reply_to, ".coming");
	(void)unlinkat(b->dir, path, 0);
	if (symlinkat(m->id, b->dir, path) != 0)
		return asked_errno(b, path, e);
	return 0;
}

int
asked_settle(struct mailbox *b, const struct mail *m, struct err *e)
{
	bool report = strchr(m->from, '@') != NULL;
	char path[ASKED_PATH_MAX], coming[ASKED_PATH_MAX];
	char id[MAIL_ID_MAX + 1];

	if (!asked_meant(b, m))
		return 0;
	asked_path(path, m->reply_to, report ? ".failed" : ".answer");
	asked_path(coming, m->reply_to, ".coming");
	/* It may be another's, who answered at the same moment. */
	if (asked_link(b, m->reply_to, ".coming", id) && str_eq(id, m->id) &&
	    renameat(b->dir, coming, b->dir, path) == 0)
		return 0;
	return symlinkat(m->id, b->dir, path) == 0 ? 0
						   : asked_errno(b, path, e);
}
