/* mailbox_parts - what the parts of mailbox share. Only mailbox*.c include
 * this. */
#ifndef MAILBOX_PARTS_H
#define MAILBOX_PARTS_H

#include "mailbox.h"

enum {
	MAILBOX_WIDTH = MAILBOX_NAME_MAX + 1, /* of a line of the index */
	MAILBOX_DIGITS = 10,                  /* of the number in a name */
	MAILBOX_FILE_MAX = MAILBOX_NAME_MAX + MAILBOX_FLAGS_MAX + 16,
};

/* "new/NAME" or "cur/NAME:2,FLAGS". */
void mailbox_file(
    char out[MAILBOX_FILE_MAX], const struct mailbox_entry *entry);

/* Is this a base name of ours: ten digits, a dot, a message's id? */
bool mailbox_name_ok(const char *name);

/* Where is the file with this base name? 0; 1 if there is none. */
int mailbox_place(
    const struct mailbox *b, const char *name, struct mailbox_entry *entry);

/* The number for the next message, after the index was mended if it is not
 * whole; the lock is held. */
int mailbox_next(struct mailbox *b, unsigned long *number, struct err *e);

/* With the lock: write the index anew if it has lines of messages that are
 * gone, but for the last. -1 with EXIT_LOCAL. */
int mailbox_index_whole(struct mailbox *b, struct err *e);

/* Sync a folder or file of the mailbox. */
int mailbox_sync(const struct mailbox *b, const char *name, struct err *e);

/* EXIT_LOCAL "MAILBOX/NAME: what errno says". */
int mailbox_errno(struct err *e, const struct mailbox *b, const char *name);

#endif
