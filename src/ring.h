/* ring - what became of the last messages: id -> verdict, on disk. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>

#include "err.h"

/* Until there is a verdict: before and after the first byte may have left. The
 * text begins with who works on it, ring_self(). */
#define RING_ACCEPTED "accepted"
#define RING_STARTED "started"
/* Before the path of a file that belongs to it, at the end of what is known. */
#define RING_FILE "; its body is in "

enum {
	RING_ID_MAX = 40,          /* bytes of an id: [A-Za-z0-9._-] */
	RING_TEXT_MAX = 400,       /* bytes kept of a verdict's words */
	RING_SIZE_MAX = 512 * 1024 /* bytes of the file; then half is dropped */
};

/* A message's fate as far as it was recorded. */
struct ring_entry {
	enum exit_code code;
	char verdict[24]; /* "submitted", "shown", "started", ... */
	char text[RING_TEXT_MAX + 1];
};

/* This process, by pid and start time, which no reused pid shares; and what
 * is to be known of the message, should the process be killed. */
void ring_self(char out[RING_TEXT_MAX + 1], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Does the process that ring_self() described in `text` still live? */
bool ring_alive(const char *text);

/* What was to be known; "" if nothing. */
const char *ring_about(const char *text);

/* Is this an id that can be recorded? */
int ring_id_ok(const char *id);

/*
 * Append a line to the file `path`. "started" is recorded before the first
 * byte may leave, the verdict afterwards: a kill in between leaves "started",
 * and whoever asks again hears "indeterminate". Not synced: it must survive a
 * killed process, not a power cut, which ends the panes too.
 */
int ring_put(const char *path, const char *id, const struct ring_entry *entry,
    struct err *e);

/* The newest entry for `id`: 0; 1 when there is none; -1 on failure. */
int ring_get(
    const char *path, const char *id, struct ring_entry *entry, struct err *e);

/*
 * Compare and put in one step, for an id that several may bring at once. If
 * the newest entry for `id` is `old` (NULL: if there is none, which also holds
 * when `old` has been trimmed away), `mine` is put and the answer is 1: the id
 * is ours. Else 0 and the newest entry in `theirs`. Of those that saw the same
 * `old` one alone hears 1. -1 on failure.
 */
int ring_claim(const char *path, const char *id, const struct ring_entry *old,
    const struct ring_entry *mine, struct ring_entry *theirs, struct err *e);

/*
 * Call `each` with every message that was begun by a process which has ended
 * without a verdict: it was killed. `each` may put entries.
 */
int ring_killed(const char *path,
    void (*each)(void *arg, const char *id, const struct ring_entry *entry),
    void *arg, struct err *e);

#endif
