/* drop - files that arrive: INBOX/SENDER/NAME, whole or not at all. */
#ifndef DROP_H
#define DROP_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	DROP_NAME_MAX = 200,    /* bytes of a file's name here */
	DROP_TRIES_MAX = 10000, /* name, name.1, ... */
	DROP_FREE_PERCENT = 5,  /* of the file system that must stay free */
};

/* The last part of path `name`: no leading dot, dash or space, no control
 * characters, valid UTF-8; "file" when nothing is left. A sender does it too,
 * so that a name is the same on every host. */
void drop_clean_name(char out[DROP_NAME_MAX + 16], const char *name);

/*
 * A file being received. A reader never sees a part of it: it has no name
 * (O_TMPFILE) until drop_finish(), so that a kill at any point leaves nothing.
 */
struct drop {
	int dir;                       /* INBOX/SENDER */
	int fd;                        /* the file */
	int64_t size;                  /* bytes announced */
	int64_t inbox_max;             /* that the inbox may hold with it */
	int64_t done;                  /* bytes written so far */
	int64_t begun;                 /* of them given to the disk, about */
	char name[DROP_NAME_MAX + 16]; /* cleaned; the final one in the end */
	char temp[64]; /* its temporary name, where O_TMPFILE is missing */
	char *folder;  /* path of `dir` */
};

/*
 * Begin: make INBOX/SENDER (0700, every step opened with O_NOFOLLOW, ours),
 * clean `name` (its last part; no leading dot, separators, control characters;
 * "file" when nothing is left), reserve `size` bytes. Refused with EXIT_REFUSED
 * when the inbox would hold more than inbox_max bytes, together with `coming`
 * of other files that are being received; EXIT_LOCAL when less than
 * DROP_FREE_PERCENT would stay free. What killed receivers left in the inbox is
 * removed. drop_abort() in any case afterwards.
 */
int drop_begin(struct drop *d, const char *inbox, const char *sender,
    const char *name, int64_t size, int64_t inbox_max, int64_t coming,
    struct err *e);

/* More bytes, behind those that came, or at an offset: they may come in any
 * order then. Past the announced size is an error, as is more than that in all.
 */
int drop_write(struct drop *d, const void *p, size_t len, struct err *e);
int drop_write_at(
    struct drop *d, const void *p, size_t len, int64_t at, struct err *e);

/*
 * All is there: check the size, sync, look at inbox_max again (EXIT_REFUSED),
 * give it its name without replacing anything (NAME, NAME.1, ...), sync the
 * folder. *path is malloc'd.
 */
int drop_finish(struct drop *d, char **path, struct err *e);

/* Bytes that it holds without being a file of the inbox yet. */
int64_t drop_coming(const struct drop *d);

/* Release everything; an unfinished file is gone. */
void drop_abort(struct drop *d);

/*
 * All of the above for a local file: it must be a regular file that does not
 * change while it is read. *size receives its size.
 */
int drop_file(const char *inbox, const char *sender, const char *source,
    int64_t inbox_max, char **path, int64_t *size, struct err *e);

/* The same for bytes in memory. */
int drop_bytes(const char *inbox, const char *sender, const char *name,
    const void *p, size_t len, int64_t inbox_max, char **path, struct err *e);

#endif
