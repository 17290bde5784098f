#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json.h"
#include "lock.h"
#include "mem.h"
#include "path.h"
#include "str.h"
#include "utf8.h"

enum { FEED_CHUNK = 65536, FEED_TRIES = 8 };

/* ---- one line ---- */

struct scan {
	const char *at, *end;
};

static bool
scan_char(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* \uXXXX; surrogates are not what we write. */
static bool
scan_hex(struct scan *s, uint32_t *ch)
{
	int i, digit;

	*ch = 0;
	for (i = 0; i < 4; i++) {
		if (s->at == s->end)
			return false;
		digit = (unsigned char)*s->at++;
		if (digit >= '0' && digit <= '9')
			digit -= '0';
		else if (digit >= 'a' && digit <= 'f')
			digit -= 'a' - 10;
		else if (digit >= 'A' && digit <= 'F')
			digit -= 'A' - 10;
		else
			return false;
		*ch = *ch * 16 + (uint32_t)digit;
	}
	return true;
}

/* One character of a string into `utf8`; its length, 0 if it is none. */
static size_t
scan_one(struct scan *s, char utf8[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	uint32_t ch;
	size_t n;

	if (*s->at != '\\') {
		n = utf8_decode(s->at, (size_t)(s->end - s->at), &ch);
		if (n > 0 && ch >= 0x20)
			memcpy(utf8, s->at, n);
		else
			n = 0;
		s->at += n;
		return n;
	}
	if (++s->at == s->end)
		return 0;
	if (*s->at == 'u') {
		s->at++;
		return scan_hex(s, &ch) && ch != 0 ? utf8_encode(ch, utf8) : 0;
	}
	hit = *s->at == '\0' ? NULL : strchr(from, *s->at);
	if (hit == NULL)
		return 0;
	s->at++;
	utf8[0] = to[hit - from];
	return 1;
}

/* A string; what does not fit into `out` is dropped. */
static bool
scan_string(struct scan *s, char *out, size_t size)
{
	size_t len = 0, n;
	char utf8[4];
	bool full = false;

	if (!scan_char(s, '"'))
		return false;
	while (s->at < s->end && *s->at != '"') {
		n = scan_one(s, utf8);
		if (n == 0)
			return false;
		full = full || len + n >= size;
		if (!full) {
			memcpy(out + len, utf8, n);
			len += n;
		}
	}
	out[len] = '\0';
	return scan_char(s, '"');
}

bool
feed_fields(
    const char *text, size_t len, const struct feed_field *fields, size_t n)
{
	struct scan s = { .at = text, .end = text + len };
	char key[16], other[FEED_PREVIEW_MAX + 1];
	size_t i;

	for (i = 0; i < n; i++)
		fields[i].value[0] = '\0';
	if (!scan_char(&s, '{'))
		return false;
	do {
		if (!scan_string(&s, key, sizeof(key)) || !scan_char(&s, ':'))
			return false;
		for (i = 0; i < n; i++)
			if (str_eq(fields[i].key, key))
				break;
		if (i == n ? !scan_string(&s, other, sizeof(other))
			   : !scan_string(&s, fields[i].value, fields[i].size))
			return false;
	} while (scan_char(&s, ','));
	return scan_char(&s, '}') && s.at == s.end;
}

bool
feed_parse(const char *text, size_t len, struct feed_line *line)
{
	const struct feed_field fields[] = {
		{ "ts", line->ts, sizeof(line->ts) },
		{ "type", line->type, sizeof(line->type) },
		{ "agent", line->agent, sizeof(line->agent) },
		{ "target", line->target, sizeof(line->target) },
		{ "preview", line->preview, sizeof(line->preview) },
	};

	return feed_fields(
		   text, len, fields, sizeof(fields) / sizeof(fields[0])) &&
	    line->ts[0] != '\0' && line->type[0] != '\0';
}

void
feed_write(struct buf *b, const struct feed_line *line)
{
	struct json j = JSON_INIT(b);

	json_object_begin(&j);
	json_key(&j, "ts");
	json_text(&j, line->ts);
	json_key(&j, "type");
	json_text(&j, line->type);
	json_key(&j, "agent");
	json_text(&j, line->agent);
	json_key(&j, "target");
	json_text(&j, line->target);
	json_key(&j, "preview");
	json_text(&j, line->preview);
	json_object_end(&j);
	buf_addc(b, '\n');
}

/* ---- files ---- */

static int
feed_open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)))
		lock_drop(&fd);
	return fd;
}

static uint64_t
feed_inode(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* The lines that are whole; what is left of the last one stays. */
static int
feed_lines(struct feed *f)
{
	char *at = f->text.data, *end = f->text.data + f->text.len, *stop;
	struct feed_line line;
	int rc = 0;

	while (rc == 0 && at < end &&
	    (stop = memchr(at, '\n', (size_t)(end - at))) != NULL) {
		if (f->raw != NULL)
			rc = f->raw(f->arg, at, (size_t)(stop - at));
		else if (feed_parse(at, (size_t)(stop - at), &line))
			rc = f->each(f->arg, &line);
		at = stop + 1;
	}
	buf_consume(&f->text, (size_t)(at - f->text.data));
	/* No line of ours is that long. */
	if (f->text.len > f->line_max)
		buf_reset(&f->text);
	return rc;
}

/* All that `fd` has now. */
static int
feed_drain(struct feed *f, int fd, struct err *e)
{
	int rc = 0;
	ssize_t n;

	while (rc == 0 && fd >= 0) {
		n = buf_read_fd(&f->text, fd, FEED_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(
			    e, EXIT_LOCAL, "%s: %s", f->path, strerror(errno));
		if (n == 0)
			break;
		rc = feed_lines(f);
	}
	return rc;
}

/* The file that is written to and the one before it, as they are at one moment;
 * -1 where there is none. */
static void
feed_open_both(const struct feed *f, int *fd, int *old)
{
	char *path = x_asprintf("%s.1", f->path);
	int tries;

	*fd = *old = -1;
	for (tries = 0; tries < FEED_TRIES; tries++) {
		lock_drop(fd);
		lock_drop(old);
		*fd = feed_open_file(f->path);
		*old = feed_open_file(path);
		if (*fd < 0 || feed_inode(*fd) != feed_inode(*old))
			break;
	}
	x_free(path);
}

static int
feed_watch(struct feed *f, struct err *e)
{
	f->watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->watch < 0 ||
	    inotify_add_watch(f->watch, f->folder,
		IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF |
		    IN_MOVE_SELF) < 0)
		return err_set(e, EXIT_LOCAL, "%s: cannot be watched: %s",
		    f->folder, strerror(errno));
	return 0;
}

/* All that is there. */
static int
feed_whole(struct feed *f, struct err *e)
{
	int old, rc;

	feed_open_both(f, &f->fd, &old);
	rc = feed_drain(f, old, e);
	buf_reset(&f->text);
	if (rc == 0)
		rc = feed_drain(f, f->fd, e);
	lock_drop(&old);
	return rc;
}

int
feed_read(const char *path, size_t line_max,
    int (*each)(void *arg, const char *text, size_t len), void *arg,
    struct err *e)
{
	struct feed f = { .fd = -1,
		.watch = -1,
		.line_max = line_max,
		.raw = each,
		.arg = arg };
	int rc;

	buf_init(&f.text, 2UL * FEED_CHUNK);
	f.path = x_strdup(path);
	rc = feed_whole(&f, e);
	feed_close(&f);
	return rc;
}

int
feed_open(struct feed *f, const struct home *h, bool follow,
    int (*each)(void *arg, const struct feed_line *line), void *arg,
    struct err *e)
{
	int rc = 0;

	*f = (struct feed){ .fd = -1,
		.watch = -1,
		.line_max = FEED_LINE_MAX,
		.each = each,
		.arg = arg };
	buf_init(&f->text, 2UL * FEED_CHUNK);
	f->folder = x_strdup(h->log);
	f->path = path_join(h->log, "feed.jsonl");
	if (follow && feed_watch(f, e) != 0)
		rc = -1;
	return rc == 0 ? feed_whole(f, e) : rc;
}

/* Something happened in the folder: read on, and go on to a new file. */
static int
feed_more(struct feed *f, struct err *e)
{
	uint64_t mine;
	struct stat st;
	int old, rc;

	for (;;) {
		rc = feed_drain(f, f->fd, e);
		mine = feed_inode(f->fd);
		if (rc != 0 || stat(f->path, &st) != 0 ||
		    (f->fd >= 0 && st.st_ino == mine))
			return rc;
		/* Nobody writes to the old one any more: its last lines. */
		rc = feed_drain(f, f->fd, e);
		lock_drop(&f->fd);
		buf_reset(&f->text);
		feed_open_both(f, &f->fd, &old);
		/* Files change faster than we read: one in between. */
		if (rc == 0 && mine != 0 && feed_inode(old) != mine)
			rc = feed_drain(f, old, e);
		lock_drop(&old);
		buf_reset(&f->text);
		if (rc != 0 || f->fd < 0)
			return rc;
	}
}

/* Take the events off; -1: the folder is gone. */
static int
feed_events(struct feed *f)
{
	_Alignas(struct inotify_event) char data[FEED_CHUNK / 16];
	const struct inotify_event *event;
	int rc = 0;
	ssize_t n;
	char *at;

	while ((n = read(f->watch, data, sizeof(data))) > 0) {
		for (at = data; at < data + n;
		     at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)(void *)at;
			if (event->mask &
			    (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED))
				rc = -1;
		}
	}
	return rc;
}

int
feed_follow(struct feed *f, int out, struct err *e)
{
	struct pollfd pfd[2] = { { .fd = f->watch, .events = POLLIN },
		{ .fd = out, .events = 0 } };
	int rc;

	for (;;) {
		if (poll(pfd, 2, -1) < 0 && errno != EINTR)
			return err_set(
			    e, EXIT_LOCAL, "poll: %s", strerror(errno));
		if (pfd[1].revents & (POLLERR | POLLHUP | POLLNVAL))
			return 0;
		if (feed_events(f) != 0)
			return err_set(e, EXIT_LOCAL,
			    "%s: was removed or renamed", f->folder);
		rc = feed_more(f, e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
}

void
feed_close(struct feed *f)
{
	lock_drop(&f->fd);
	lock_drop(&f->watch);
	buf_free(&f->text);
	X_CLEAR(f->folder);
	X_CLEAR(f->path);
}
