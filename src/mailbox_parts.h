/* mailbox_parts - what the parts of mailbox share. Only mailbox*.c include
 * this. */
#ifndef MAILBOX_PARTS_H
#define MAILBOX_PARTS_H

#include "mailbox.h"

enum {
	MAILBOX_WIDTH = MAILBOX_NAME_MAX + 1, /* of a line of the index */
	MAILBOX_DIGITS = 10,                  /* of the number in a name */
	MAILBOX_BORROW_MS = 500, /* who only reads waits for the lock */
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

/* The same without reading cur/, so also 1 where it has flags that we do not
 * know; no state. True if it is there. */
bool mailbox_near(
    const struct mailbox *b, const char *name, struct mailbox_entry *entry);

/* The base name that ids/ID leads to, "" and false if there is none. */
bool mailbox_linked(
    const struct mailbox *b, const char *id, char name[MAILBOX_WIDTH]);

/* A link ids/ID to NAME; one that a killed program left leads nowhere. */
int mailbox_name(
    const struct mailbox *b, const char *id, const char *name, struct err *e);

/* Sync a folder or file of the mailbox. */
int mailbox_sync(const struct mailbox *b, const char *name, struct err *e);

/* Is any message's name in this folder? Reads no more than that. */
bool mailbox_has(const struct mailbox *b, const char *folder);

/* All names in new/ and cur/, and in tmp/, where those are that are being
 * shown; in order, each once. To be freed. */
void mailbox_names(const struct mailbox *b, struct mailbox_list *list);

/* A zeroed entry at the end of it. */
struct mailbox_entry *mailbox_list_add(struct mailbox_list *list);

/* Do index and ids/ look as if they agreed with the folders? Looks at the last
 * message only, so it costs the same however many there are. */
bool mailbox_whole(const struct mailbox *b);

/* Make index and ids/ anew from the folders; the lock is held. */
int mailbox_rebuild(const struct mailbox *b, struct err *e);

/* The same by whoever notices: takes the lock for it where it is not held. */
void mailbox_repair(const struct mailbox *b);

/* mailbox_lock(), but waiting only so long. */
int mailbox_lock_for(struct mailbox *b, int wait_ms, struct err *e);

/* The mailbox of a reader with the lock, for a short time: `own` needs only
 * mailbox_unlock(). False: it could not be had. */
bool mailbox_borrow(struct mailbox *own, const struct mailbox *b);

/* Is anything noted of this base name in queue/? */
bool mailbox_noted(const struct mailbox *b, const char *name);

/* Note there what is to be known of the message should it be lost. Where that
 * cannot be, it waits all the same. */
void mailbox_note(
    const struct mailbox *b, const char *name, const struct mail *m);

/* mailbox_loss() by the base name. */
enum mailbox_loss mailbox_loss_of(const struct mailbox *b, const char *name);

/* All names in queue/, in no order; to be freed. */
void mailbox_marked(const struct mailbox *b, struct mailbox_list *list);

/* The number for the next message, after the index was mended if it is not
 * whole; the lock is held. */
int mailbox_next(struct mailbox *b, unsigned long *number, struct err *e);

/* With the lock: write the index anew if it has lines of messages that are
 * gone, but for the last. -1 with EXIT_LOCAL. */
int mailbox_index_whole(struct mailbox *b, struct err *e);

/* EXIT_LOCAL "MAILBOX/NAME: what errno says". */
int mailbox_errno(struct err *e, const struct mailbox *b, const char *name);

#endif
