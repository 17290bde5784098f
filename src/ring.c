#include "ring.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "ps.h"
#include "str.h"

/*
 * A line: "UTC id code verdict text\n", text escaped. Lines are appended with
 * one write(2) each under a lock file that only the trimming
 * needs: without it a line appended while the file is replaced would be lost.
 */
enum {
	RING_LOCK_MS = 2000,
	RING_OPEN_MAX = 256, /* messages without a verdict that are looked at */
};

void
ring_self(char out[RING_TEXT_MAX + 1], const char *fmt, ...)
{
	struct ps self = { .pid = 0 };
	va_list ap;
	int n;

	(void)ps_read(getpid(), &self);
	n = snprintf(out, RING_TEXT_MAX + 1, "%d %llu ", (int)getpid(),
	    (unsigned long long)self.start);
	va_start(ap, fmt);
	if (n < 0 ||
	    vsnprintf(out + n, RING_TEXT_MAX + 1 - (size_t)n, fmt, ap) < 0)
		out[0] = '\0';
	va_end(ap);
}

bool
ring_alive(const char *text)
{
	unsigned long long start;
	struct ps ps;
	int pid;

	return sscanf(text, "%d %llu", &pid, &start) == 2 &&
	    ps_read(pid, &ps) == 0 && ps.start == start;
}

const char *
ring_about(const char *text)
{
	static const char numbers[] = "0123456789";

	text += strspn(text, numbers);
	text += strspn(text, " ");
	text += strspn(text, numbers);
	return text + strspn(text, " ");
}

int
ring_id_ok(const char *id)
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strlen(id);

	return len >= 1 && len <= RING_ID_MAX && strspn(id, set) == len;
}

/* Keep the newer half, from a line's start. */
static int
ring_trim(const char *path, struct err *e)
{
	struct buf old = BUF_INIT_MAX(RING_SIZE_MAX * 2);
	const char *half;
	int rc = 0;

	if (file_read(path, &old, NULL) == FILE_READ &&
	    old.len > RING_SIZE_MAX) {
		half = memchr(old.data + old.len / 2, '\n', old.len / 2);
		half = half == NULL ? old.data + old.len : half + 1;
		rc = file_replace(path, half,
		    old.len - (size_t)(half - old.data), FILE_FAST, e);
	}
	buf_free(&old);
	return rc;
}

/* Append one entry; the lock is held. */
static int
ring_append(const char *path, const char *id, const struct ring_entry *entry,
    struct err *e)
{
	struct buf line = BUF_INIT_MAX(RING_TEXT_MAX * 8 + 256);
	char now[CLOCK_TEXT_MAX];
	int rc;

	clock_text(now, clock_real_ms());
	buf_addf(
	    &line, "%s %s %d %s ", now, id, (int)entry->code, entry->verdict);
	log_escape(&line, entry->text, strnlen(entry->text, RING_TEXT_MAX));
	buf_addc(&line, '\n');
	rc = file_append(path, line.data, line.len, e);
	if (rc == 0 && file_stamp(path).size > RING_SIZE_MAX)
		rc = ring_trim(path, e);
	buf_free(&line);
	return rc;
}

/* Take the ring's lock. */
static int
ring_lock(const char *path, int *fd, struct err *e)
{
	char *lock = x_asprintf("%s.lock", path);
	enum lock_result result = lock_take(lock, RING_LOCK_MS, fd, e);

	x_free(lock);
	if (result == LOCK_BUSY)
		(void)err_set(
		    e, EXIT_LOCAL, "%s: locked for %d ms", path, RING_LOCK_MS);
	return result == LOCK_TAKEN ? 0 : -1;
}

int
ring_put(const char *path, const char *id, const struct ring_entry *entry,
    struct err *e)
{
	int fd, rc;

	if (ring_lock(path, &fd, e) != 0)
		return -1;
	rc = ring_append(path, id, entry, e);
	lock_drop(&fd);
	return rc;
}

/* Take a line apart. */
static int
ring_parse(const char *line, char id[RING_ID_MAX + 1], struct ring_entry *entry)
{
	char when[CLOCK_TEXT_MAX];
	int code, text = 0;

	if (sscanf(line, "%31s %40s %d %23s %n", when, id, &code,
		entry->verdict, &text) != 4 ||
	    text == 0 || code < EXIT_OK || code > EXIT_LOCAL)
		return -1;
	entry->code = (enum exit_code)code;
	(void)snprintf(entry->text, sizeof(entry->text), "%s", line + text);
	return 0;
}

/* The whole file: 0; 1 if there is none. */
static int
ring_read(const char *path, struct buf *all, struct err *e)
{
	switch (file_read(path, all, e)) {
	case FILE_READ:
		return 0;
	case FILE_MISSING:
		return 1;
	case FILE_FAILED:
		break;
	}
	return -1;
}

int
ring_get(
    const char *path, const char *id, struct ring_entry *entry, struct err *e)
{
	struct buf all = BUF_INIT_MAX(RING_SIZE_MAX * 2);
	char who[RING_ID_MAX + 1];
	struct ring_entry found;
	char *line, *rest;
	int rc;

	rc = ring_read(path, &all, e);
	if (rc != 0)
		goto out;
	rc = 1;
	for (line = strtok_r(all.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (ring_parse(line, who, &found) == 0 && str_eq(who, id)) {
			*entry = found;
			rc = 0;
		}
	}
out:
	buf_free(&all);
	return rc;
}

static bool
ring_same(const struct ring_entry *a, const struct ring_entry *b)
{
	return a->code == b->code && str_eq(a->verdict, b->verdict) &&
	    str_eq(a->text, b->text);
}

int
ring_claim(const char *path, const char *id, const struct ring_entry *old,
    const struct ring_entry *mine, struct ring_entry *theirs, struct err *e)
{
	int fd, rc;

	if (ring_lock(path, &fd, e) != 0)
		return -1;
	rc = ring_get(path, id, theirs, e);
	if (rc == 1 || (rc == 0 && old != NULL && ring_same(theirs, old)))
		rc = ring_append(path, id, mine, e) == 0 ? 1 : -1;
	lock_drop(&fd);
	return rc;
}

/* Messages that were begun, and have no verdict so far. */
struct ring_open {
	char id[RING_OPEN_MAX][RING_ID_MAX + 1];
	struct ring_entry entry[RING_OPEN_MAX];
	size_t n;
};

static void
ring_open_take(
    struct ring_open *o, const char *id, const struct ring_entry *entry)
{
	size_t i;

	for (i = 0; i < o->n && !str_eq(o->id[i], id); i++)
		;
	if (str_eq(entry->verdict, RING_ACCEPTED) ||
	    str_eq(entry->verdict, RING_STARTED)) {
		if (i == RING_OPEN_MAX)
			return;
		(void)snprintf(o->id[i], sizeof(o->id[i]), "%s", id);
		o->entry[i] = *entry;
		o->n += i == o->n;
	} else if (i < o->n) {
		o->n--;
		memcpy(o->id[i], o->id[o->n], sizeof(o->id[i]));
		o->entry[i] = o->entry[o->n];
	}
}

int
ring_killed(const char *path,
    void (*each)(void *arg, const char *id, const struct ring_entry *entry),
    void *arg, struct err *e)
{
	struct buf all = BUF_INIT_MAX(RING_SIZE_MAX * 2);
	struct ring_open *open = x_calloc(1, sizeof(*open));
	char id[RING_ID_MAX + 1];
	struct ring_entry entry;
	char *line, *rest;
	size_t i;
	int rc;

	rc = ring_read(path, &all, e);
	if (rc != 0) {
		rc = rc > 0 ? 0 : -1;
		goto out;
	}
	for (line = strtok_r(all.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (ring_parse(line, id, &entry) == 0)
			ring_open_take(open, id, &entry);
	}
	for (i = 0; i < open->n; i++) {
		if (!ring_alive(open->entry[i].text))
			each(arg, open->id[i], &open->entry[i]);
	}
out:
	x_free(open);
	buf_free(&all);
	return rc;
}
