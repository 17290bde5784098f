#include "ring.h"

#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "str.h"

/*
 * A line: "UTC id code verdict text\n", text escaped. Lines are appended with
 * one write(2) each under a lock file that only the trimming
 * needs: without it a line appended while the file is replaced would be lost.
 */
enum { RING_LOCK_MS = 2000 };

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

int
ring_put(const char *path, const char *id, const struct ring_entry *entry,
    struct err *e)
{
	char now[CLOCK_TEXT_MAX], *lock = x_asprintf("%s.lock", path);
	struct buf line = BUF_INIT_MAX(RING_TEXT_MAX * 8 + 256);
	int fd = -1, rc = -1;

	clock_text(now, clock_real_ms());
	buf_addf(
	    &line, "%s %s %d %s ", now, id, (int)entry->code, entry->verdict);
	log_escape(&line, entry->text, strnlen(entry->text, RING_TEXT_MAX));
	buf_addc(&line, '\n');
	switch (lock_take(lock, RING_LOCK_MS, &fd, e)) {
	case LOCK_TAKEN:
		break;
	case LOCK_BUSY:
		(void)err_set(
		    e, EXIT_LOCAL, "%s: locked for %d ms", path, RING_LOCK_MS);
		goto out;
	case LOCK_FAILED:
		goto out;
	}
	if (file_append(path, line.data, line.len, e) != 0)
		goto out;
	rc = file_stamp(path).size > RING_SIZE_MAX ? ring_trim(path, e) : 0;
out:
	lock_drop(&fd);
	buf_free(&line);
	x_free(lock);
	return rc;
}

/* Does this line speak of `id`? Then take it apart. */
static int
ring_parse(const char *line, const char *id, struct ring_entry *entry)
{
	char when[CLOCK_TEXT_MAX], who[RING_ID_MAX + 1];
	int code, text = 0;

	if (sscanf(line, "%31s %40s %d %23s %n", when, who, &code,
		entry->verdict, &text) != 4 ||
	    text == 0 || !str_eq(who, id) || code < EXIT_OK ||
	    code > EXIT_LOCAL)
		return -1;
	entry->code = (enum exit_code)code;
	(void)snprintf(entry->text, sizeof(entry->text), "%s", line + text);
	return 0;
}

int
ring_get(
    const char *path, const char *id, struct ring_entry *entry, struct err *e)
{
	struct buf all = BUF_INIT_MAX(RING_SIZE_MAX * 2);
	struct ring_entry found;
	char *line, *rest;
	int rc = 1;

	switch (file_read(path, &all, e)) {
	case FILE_READ:
		break;
	case FILE_MISSING:
		goto out;
	case FILE_FAILED:
		rc = -1;
		goto out;
	}
	for (line = strtok_r(all.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (ring_parse(line, id, &found) == 0) {
			*entry = found;
			rc = 0;
		}
	}
out:
	buf_free(&all);
	return rc;
}
