#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent.h"
#include "json.h"
#include "lock.h"
#include "mem.h"
#include "path.h"
#include "str.h"

/* How often a writer opens anew because another one changed the file. */
enum { FEED_TRIES = 4 };

const struct feed_type feed_types[] = {
	{ "delivered", "a message was submitted or shown" },
	{ "queued", "a message waits for its pane" },
	{ "refused", "a message was not taken: why" },
	{ "failed", "a message was not proven delivered: why" },
	{ "relayed", "a message was handed on to another host: which" },
	{ "told", "what a crew's worker had to say to a group" },
	{ "file", "a file arrived: its name" },
	{ "join", "a window or pane has an address now" },
	{ "leave", "it is gone" },
	{ "rename", "it is called `target` now" },
	{ "stuck", "it works or asks, and has printed nothing for long" },
	{ NULL, NULL },
};

static void
feed_text(struct json *j, const char *key, const char *value, size_t max)
{
	char *clean = NULL;

	if (value == NULL || value[0] == '\0')
		return;
	agent_text(&clean, value, max);
	json_key(j, key);
	json_text(j, clean);
	x_free(clean);
}

/* Does what stands there end within a line? Then somebody was killed in it. */
static bool
feed_torn(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

/* A file of its own at `path`, and its size: it was not put aside meanwhile. */
static bool
feed_current(int fd, const char *path, off_t *size)
{
	struct stat here, there;

	if (fstat(fd, &here) != 0 || stat(path, &there) != 0 ||
	    here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		return false;
	*size = here.st_size;
	return true;
}

/* Open the file to append to, locked if that is possible in time. */
static int
feed_begin(const char *path, size_t size_max, off_t *size, struct err *e)
{
	char *old = x_asprintf("%s.1", path);
	struct stat st;
	bool locked;
	int fd, tries;

	for (tries = 0;; tries++) {
		fd = open(path,
		    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
			O_NONBLOCK,
		    0600);
		if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
			(void)err_set(e, EXIT_LOCAL, "%s: %s", path,
			    fd < 0 ? strerror(errno) : "is no regular file");
			lock_drop(&fd);
			break;
		}
		locked = lock_fd(fd, path, FEED_LOCK_MS, NULL) == LOCK_TAKEN;
		if (tries == FEED_TRIES || !locked)
			break;
		if (feed_current(fd, path, size)) {
			if (*size < (off_t)size_max || rename(path, old) != 0)
				break;
		}
		lock_drop(&fd);
	}
	if (fd >= 0 && fstat(fd, &st) == 0)
		*size = st.st_size;
	x_free(old);
	return fd;
}

int
feed_put(
    const char *path, size_t size_max, const struct buf *line, struct err *e)
{
	static char newline[] = "\n";
	struct iovec parts[] = { { newline, 0 }, { line->data, line->len } };
	ssize_t n, want = (ssize_t)line->len;
	off_t size = 0;
	struct stat st;
	int fd, rc;

	fd = feed_begin(path, size_max, &size, e);
	if (fd < 0)
		return -1;
	if (feed_torn(fd, size)) {
		parts[0].iov_len = 1;
		want++;
	}
	do {
		n = writev(fd, parts, 2);
	} while (n < 0 && errno == EINTR);
	rc = n != want ? -1 : size == 0;
	if (rc < 0)
		(void)err_set(e, EXIT_LOCAL, "%s: %s", path,
		    n < 0 ? strerror(errno) : "no space left for a line");
	/* A part of a line is of no use, if it still is the last. */
	if (rc < 0 && n > 0 && fstat(fd, &st) == 0 && st.st_size == size + n &&
	    ftruncate(fd, size) != 0)
		(void)err_prefix(e, "a part of a line stands there");
	lock_drop(&fd);
	return rc;
}

int
feed_append_to(const char *path, size_t size_max,
    const struct feed_event *event, struct err *e)
{
	struct buf line = BUF_INIT_MAX(FEED_LINE_MAX);
	struct json j = JSON_INIT(&line);
	char ts[CLOCK_TEXT_MAX];
	int rc;

	clock_text(ts, clock_real_ms());
	json_object_begin(&j);
	json_key(&j, "ts");
	json_text(&j, ts);
	feed_text(&j, "type", event->type, FEED_WORD_MAX);
	feed_text(&j, "agent", event->agent, FEED_NAME_MAX);
	feed_text(&j, "target", event->target, FEED_NAME_MAX);
	feed_text(&j, "preview", event->preview, FEED_PREVIEW_MAX);
	json_object_end(&j);
	buf_addc(&line, '\n');
	rc = feed_put(path, size_max, &line, e);
	buf_free(&line);
	return rc < 0 ? -1 : 0;
}

int
feed_append(const struct home *h, const struct feed_event *event, struct err *e)
{
	char *path = path_join(h->log, "feed.jsonl");
	int rc = feed_append_to(path, FEED_SIZE_MAX, event, e);

	x_free(path);
	return rc;
}
