/* feed - what happened here, a line an event: log/feed.jsonl. */
#ifndef FEED_H
#define FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "home.h"

enum {
	FEED_SIZE_MAX = 2 * 1024 * 1024, /* bytes of a file before a new one */
	FEED_LOCK_MS = 50,               /* for another writer's one line */
	FEED_WORD_MAX = 24,              /* bytes of a type */
	FEED_NAME_MAX = 200,             /* bytes of an agent or a target */
	FEED_PREVIEW_MAX = 200,          /* bytes kept of a text */
	FEED_LINE_MAX = 4096,            /* bytes of a line as we write it */
};

/*
 * One event. `type` is one word, see feed_types; `agent` is who did it;
 * `target` whom it was done to, `preview` a text: NULL or "" where there is
 * none. Texts come from anywhere: they are cleaned and cut as agent_text()
 * does it.
 */
struct feed_event {
	const char *type;
	const char *agent;
	const char *target;
	const char *preview;
};

/* Every type that is written today, and what it means; ends with NULL. */
struct feed_type {
	const char *name;
	const char *meaning;
};
extern const struct feed_type feed_types[];

/*
 * Append one event: a JSON object of strings on one line, `ts type agent
 * target preview`. Over FEED_SIZE_MAX the file becomes feed.jsonl.1 first, so
 * that both together have a bound. Writers take turns by a flock on the file,
 * for the length of one write; one that is stopped in there delays another by
 * at most FEED_LOCK_MS, and then only the change of files is put off. A writer
 * that was killed, or a full disk, leaves at most a part of a line: the next
 * line begins on a line of its own, and readers skip the part. Nothing is
 * synced: a feed is not mail.
 *
 * -1 with EXIT_LOCAL. Nobody's work depends on it: most callers ignore it.
 */
int feed_append(
    const struct home *h, const struct feed_event *event, struct err *e);

/* The same for any path and bound. */
int feed_append_to(const char *path, size_t size_max,
    const struct feed_event *event, struct err *e);

/*
 * Append one line, which ends with its newline, to a file of any lines, as
 * feed_append() does: 0, or 1 if the file is new. -1 with EXIT_LOCAL.
 */
int feed_put(
    const char *path, size_t size_max, const struct buf *line, struct err *e);

/* An event as it was read. */
struct feed_line {
	char ts[CLOCK_TEXT_MAX];
	char type[FEED_WORD_MAX + 1];
	char agent[FEED_NAME_MAX + 1];
	char target[FEED_NAME_MAX + 1];
	char preview[FEED_PREVIEW_MAX + 1];
};

/*
 * Read a line (without its newline) as feed_append() writes it. false for a
 * part of one and for anything else; keys that are not known are passed over
 * if they have strings for values.
 */
bool feed_parse(const char *text, size_t len, struct feed_line *line);

/* A string in a line: its key, and where its value goes. */
struct feed_field {
	const char *key;
	char *value; /* "" if there is none; cut to `size` with the NUL */
	size_t size;
};

/* Read a line of strings, whatever keys it has, as feed_parse() does. */
bool feed_fields(
    const char *text, size_t len, const struct feed_field *fields, size_t n);

/*
 * Call `each` with every whole line of `path` and of the file that was put
 * aside for it, oldest first; longer ones than `line_max` (at most 64 KiB) may
 * be left out. 0, what `each` returned, or -1 with EXIT_LOCAL; that there is no
 * file is none.
 */
int feed_read(const char *path, size_t line_max,
    int (*each)(void *arg, const char *text, size_t len), void *arg,
    struct err *e);

/* Append an event as JSON and a newline. */
void feed_write(struct buf *b, const struct feed_line *line);

/* Who reads: the file being read and where, the watch while following. */
struct feed {
	char *folder;
	char *path;
	int fd;    /* -1: no file yet */
	int watch; /* inotify on the folder; -1: nobody follows */
	struct buf text;
	size_t line_max;
	/* Called with each line, where it is no event. */
	int (*raw)(void *arg, const char *text, size_t len);
	/* Called for each event; a value that is not 0 ends the reading. */
	int (*each)(void *arg, const struct feed_line *line);
	void *arg;
};

/*
 * Begin: everything that is there is read, oldest first. With `follow` what
 * comes later is seen by feed_follow(); nothing in between is missed. 0, what
 * `each` returned, or -1 with EXIT_LOCAL. `f` is to be closed in any case.
 */
int feed_open(struct feed *f, const struct home *h, bool follow,
    int (*each)(void *arg, const struct feed_line *line), void *arg,
    struct err *e);

/*
 * Wait for events, across changes of files, without polling, until `each`
 * returns something else than 0 or nobody reads descriptor `out` any more: 0
 * then. -1 with EXIT_LOCAL.
 */
int feed_follow(struct feed *f, int out, struct err *e);
void feed_close(struct feed *f);

#endif
