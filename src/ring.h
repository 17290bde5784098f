/* ring - what became of the last messages: id -> verdict, on disk. */
#ifndef RING_H
#define RING_H

#include "err.h"

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

#endif
