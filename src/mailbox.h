/* mailbox - the messages of one agent: a Maildir that cat and any mail program
 * can read. */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "err.h"
#include "home.h"
#include "mail.h"

enum {
	MAILBOX_UNREAD_MAX = 100, /* messages that wait to be shown */
	MAILBOX_NAME_MAX = 47,    /* bytes of a file's base name */
	MAILBOX_FLAGS_MAX = 16,   /* bytes of the flags that we look at */
	MAILBOX_LOCK_MS = 5000,
	MAILBOX_HEAD = 60,     /* columns of a body that are noted */
	MAILBOX_BEGIN_MIN = 4, /* bytes of an id that may stand for all of it */
	MAILBOX_LISTED = 5,    /* ids that are named where one is ambiguous */
	/* What a killed program left in tmp/ is removed so late (s), and looked
	 * for with every so many messages. */
	MAILBOX_TEMP_S = 36 * 3600,
	MAILBOX_CLEAN_EACH = 32,
};

/*
 * ~/.agents/mail/ID/, ID being the agent's, which a rename does not change:
 *
 *	tmp/ new/ cur/	the Maildir: NUMBER.MESSAGE-ID, in cur/ with ":2,FLAGS"
 *	ids/		MESSAGE-ID -> base name: one look tells a repeated id;
 *			of one that mailbox_prune() removed -> .STATE
 *	queue/		base names of what waits to be shown; in them, but not
 *			in those of an outbox, the message with its body cut:
 *			whom to tell when its file is taken away
 *	asked/		questions that the agent sent: asked.h
 *	bad/		files that are no message, for people; never deleted
 *	index		base names in the order they came, a fixed width each
 *	.lock		held by whoever changes something
 *
 * mail/waiting/ID is there while something may wait in it.
 *
 * mail/by-name/ADDRESS is a link to the mailbox of the agent that has, or had
 * last, that address.
 *
 * A message is what its flags say, whoever set them: S was shown or read, R was
 * answered too, F (look at it) may have been shown, T (trashed) will not be
 * shown any more. One without flags that is named in queue/ waits; mail
 * programs that move it from new/ to cur/ change nothing in that.
 *
 * Nothing here is known only once: of a message that was accepted, file and
 * queue/ are synced; ids/ and index stand before the file has its name, so that
 * a kill leaves a name without a file, which is passed over, and never a file
 * without a name. Where they do not agree with the folders all the same (a full
 * or broken disk, a backup without links), whoever opens or reads the mailbox
 * and notices makes them anew.
 */
enum mailbox_state {
	MAILBOX_QUEUED,   /* waits to be shown */
	MAILBOX_UNREAD,   /* neither waits nor was it seen */
	MAILBOX_SHOWN,    /* shown, submitted or read */
	MAILBOX_ANSWERED, /* and answered */
	MAILBOX_UNPROVEN, /* it may have been shown */
	MAILBOX_DEAD,     /* expired, failed or deleted before it was shown */
};

struct mailbox {
	int dir;    /* the folder; -1: closed */
	int lock;   /* -1: for reading only */
	bool heads; /* what is added is noted in queue/ */
	char *path; /* of the folder when it was opened, for messages */
};

#define MAILBOX_INIT                                                \
	{                                                           \
		.dir = -1, .lock = -1, .heads = false, .path = NULL \
	}

/* A message's file. */
struct mailbox_entry {
	char name[MAILBOX_NAME_MAX + 1];
	char flags[MAILBOX_FLAGS_MAX + 1]; /* as they stand in its name */
	bool in_new;
	enum mailbox_state state;
};

struct mailbox_list {
	struct mailbox_entry *v;
	size_t n;
};

/* The word for a state: "queued", "unread", "shown", "answered", "unproven",
 * "undelivered". */
const char *mailbox_word(enum mailbox_state state);

/*
 * Open an agent's mailbox to change it, making it if there is none, and take
 * its lock (EXIT_LOCAL after MAILBOX_LOCK_MS). A new agent at an address gets
 * the mailbox of the one before if that is in our slice no more. `b` is to be
 * closed in any case.
 */
int mailbox_open(struct mailbox *b, const struct home *h, const char *id,
    const char *address, struct err *e);

/* An agent has another address now: by-name/ADDRESS leads to its mailbox, if it
 * has one. What fails is done with the next message. */
void mailbox_follow(const struct home *h, const char *id, const char *address);

/* The agent at this address is about to look into its mailbox: if it has none
 * yet, it takes over that of the one before as mailbox_open() does. 1 if it
 * did: something may wait in it. -1 with EXIT_LOCAL. */
int mailbox_claim(
    const struct home *h, const char *id, const char *address, struct err *e);

/* Open one to read it, without lock, which is taken for a moment only where
 * something must be mended. 1: there is none. */
int mailbox_look(
    struct mailbox *b, const struct home *h, const char *id, struct err *e);

/* The same two for a folder that is no agent's mailbox but built like one; what
 * is beside it in waiting/ names it by the last part of `path`. */
int mailbox_open_folder(struct mailbox *b, const char *path, struct err *e);
int mailbox_look_folder(struct mailbox *b, const char *path, struct err *e);

/* For one opened by mailbox_look(): take the lock after all. */
int mailbox_lock(struct mailbox *b, struct err *e);
void mailbox_unlock(struct mailbox *b);
void mailbox_close(struct mailbox *b);

/*
 * Keep a message. MAILBOX_QUEUED and MAILBOX_UNREAD: it is synced when this
 * returns, and the former is refused with EXIT_REFUSED where MAILBOX_UNREAD_MAX
 * wait whose time is not over; any other state is a record of what happened,
 * and written fast. 1: its id is there already, nothing done.
 */
int mailbox_add(struct mailbox *b, const struct mail *m,
    enum mailbox_state state, struct err *e);

/*
 * With the lock: write all of a message that is about to be shown but its own
 * name, so that mailbox_keep(), which gives it that, needs no more room. Not
 * synced. `entry` is for that or for mailbox_release(), whichever comes; the
 * lock may be dropped meanwhile. 1: its id is there already, nothing done; -1
 * with EXIT_LOCAL, nothing kept.
 */
int mailbox_reserve(struct mailbox *b, const struct mail *m,
    struct mailbox_entry *entry, struct err *e);

/* With the lock: it was shown, or may have been. 1: another has its id by now;
 * -1 with EXIT_LOCAL. Then it is released. */
int mailbox_keep(struct mailbox *b, struct mailbox_entry *entry,
    enum mailbox_state state, struct err *e);

/* It was not shown. Needs no lock. */
void mailbox_release(struct mailbox *b, const struct mailbox_entry *entry);

/* Give a message another state: synced. `entry` then is the new one. */
int mailbox_set(struct mailbox *b, struct mailbox_entry *entry,
    enum mailbox_state state, struct err *e);

/* Put another text in the place of a message. */
int mailbox_rewrite(struct mailbox *b, const struct mailbox_entry *entry,
    const struct mail *m, struct err *e);

/* A number that mailbox_rewrite() changes, and so does whoever writes another
 * text there; 0: it is there no more. */
uint64_t mailbox_stamp(
    const struct mailbox *b, const struct mailbox_entry *entry);

/* Take a message out, with the lock: its file is gone, synced. */
int mailbox_remove(
    struct mailbox *b, const struct mailbox_entry *entry, struct err *e);

/* The entry of a message's id: 0; 1 if there is none. */
int mailbox_find(
    const struct mailbox *b, const char *id, struct mailbox_entry *entry);

/* The id that `id`, or a begin of one, means among the names in folder "ids" or
 * "asked". EXIT_UNKNOWN if there is none, or several, which are named. */
int mailbox_resolve(const struct mailbox *b, const char *folder, const char *id,
    char whole[MAIL_ID_MAX + 1], struct err *e);

/* Read a message. One that is none is moved to bad/ (for which the lock is
 * taken, if it can be had soon) and is -1 with EXIT_LOCAL. `m` is to be freed
 * in any case. */
int mailbox_read(const struct mailbox *b, const struct mailbox_entry *entry,
    struct mail *m, struct err *e);

/* What happened to a message that waited, and by none of our programs. */
enum mailbox_loss {
	MAILBOX_LOSS_NONE,
	MAILBOX_LOSS_TAKEN,   /* its file is gone, or trashed */
	MAILBOX_LOSS_DAMAGED, /* it is in bad/ */
};

/* Of one message, by its id. */
enum mailbox_loss mailbox_loss(const struct mailbox *b, const char *id);

/* With the lock: the first that was lost, and what was noted of it when it came
 * (its body is cut), which is forgotten by this. `m` is to be freed in any
 * case; without an id it is not known any more. */
enum mailbox_loss mailbox_lost(const struct mailbox *b, struct mail *m);

/* What waits to be shown, oldest first; to be freed. With the lock, names that
 * no message has, or that were shown meanwhile, are taken out of queue/, but
 * for those of mailbox_lost(). */
void mailbox_queue(const struct mailbox *b, struct mailbox_list *list);

/* Does anything wait? Does not look whether the file is there. */
bool mailbox_waits(const struct mailbox *b);

/* With the lock: if nothing waits or was lost, take it out of mail/waiting.
 * True then. */
bool mailbox_idle(struct mailbox *b);

/* The newest `most` messages (0: all), newest first; to be freed. Reads no more
 * of index and folders than that, however many there are. */
void mailbox_newest(
    const struct mailbox *b, size_t most, struct mailbox_list *list);
void mailbox_list_free(struct mailbox_list *list);

/* All that are there, in no order, from the folders: for a mailbox from which
 * messages are taken out, whose index has many more. To be freed. */
void mailbox_all(const struct mailbox *b, struct mailbox_list *list);

/*
 * With the lock, where messages are taken out: once the index has more than
 * `most` lines, most of them of messages that are gone, it is written anew
 * without those. Its last line stays whatever it is of: the next number is one
 * more. -1 with EXIT_LOCAL; then it is as it was.
 */
int mailbox_trim(struct mailbox *b, size_t most, struct err *e);

/*
 * Take out what was shown, read, answered, deleted or has expired, and is so
 * since before `before` (real ms): not what may have been shown, what a mail
 * program marked (flag F), an answer that asked/ remembers, or a question whose
 * time is not over. The lock is taken for a few at a time, and not held by who
 * calls. *count says how many went, also on failure: -1 with EXIT_LOCAL. Their
 * ids are known for 30 days more.
 */
int mailbox_prune(struct mailbox *b, int64_t before, int64_t now, size_t *count,
    struct err *e);

/* Was there a message of this id, which mailbox_prune() removed? 0, and its
 * state in an entry without file; 1 if not. */
int mailbox_gone(
    const struct mailbox *b, const char *id, struct mailbox_entry *entry);

/* mailbox_prune() for every mailbox, of what is older than `days` (0: nothing),
 * at most once an hour, and not before the clock has gone on for that long.
 * -1 with EXIT_LOCAL. */
int mailbox_sweep(
    const struct home *h, int64_t days, int64_t now, struct err *e);

/* In an error about a path that begins with /proc/self/fd/, the mailbox's own
 * folder in the place of that. `e` may be NULL. */
void mailbox_error(const struct mailbox *b, struct err *e);

/* The message id in an entry's name. */
const char *mailbox_id(const struct mailbox_entry *entry);

#endif
