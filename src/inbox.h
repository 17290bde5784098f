/* inbox - what agent-inbox does with a mailbox: list, read, search. */
#ifndef INBOX_H
#define INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "argv.h"
#include "buf.h"
#include "err.h"
#include "home.h"
#include "json.h"
#include "mail.h"
#include "mailbox.h"

enum {
	INBOX_LIST_MAX = 20, /* messages listed where nobody says how many */
	INBOX_SUBJECT = 48,  /* columns of a body's begin in a list */
};

/* Which messages, and how they are printed. */
struct inbox_view {
	const char *agent; /* id of the mailbox's owner */
	bool json;
	bool waiting;      /* only what was not shown */
	size_t most;       /* 0: all */
	const char *text;  /* only those with this in body or names; NULL */
	const char *about; /* only the thread of this id, or with this agent,
			    * with what was sent */
};

/*
 * Print messages, oldest of them last of all but in the order they came: a line
 * each, or a JSON array. A mailbox that does not exist is an empty one; a file
 * that is no message is left out, and the log told so. EXIT_UNKNOWN if `about`
 * is an id that is not there.
 */
int inbox_list(const struct home *h, const struct inbox_view *view,
    struct buf *out, struct err *e);

/* The agent at this address looks into its mailbox: it takes over that of the
 * one before, if it has none, and what waits there is to be shown to it. -1
 * with EXIT_LOCAL. */
int inbox_claim(
    const struct home *h, const char *id, const char *address, struct err *e);

/* Has this agent a mailbox? */
bool inbox_there(const struct home *h, const char *agent);

/*
 * Print one message, by its id or a begin of it that only one has; "": the
 * oldest that waits (EXIT_UNKNOWN if none does). It counts as read then, and is
 * not shown in the pane any more. Where a file that holds the body is gone,
 * what names it is printed, and the error returned.
 */
int inbox_read(const struct home *h, const char *agent, const char *id,
    bool json, struct buf *out, struct err *e);

/* With the lock: it was read, so it waits no more, and whoever asks hears so.
 */
int inbox_done(struct mailbox *b, const struct home *h,
    struct mailbox_entry *entry, struct err *e);

/* The file that holds a body too long for the mailbox, by its path: it stands
 * in the sender's folder of our inbox, under the message's id. malloc'd; NULL:
 * the body is all there is. */
char *inbox_file(const struct home *h, const struct mail *m);

/*
 * Put all of the body in the place of the line that names its file, if it does.
 * *file is as inbox_file() says, also on failure: EXIT_UNKNOWN: it is there no
 * more; EXIT_LOCAL: it cannot be read, or is another file by now.
 */
int inbox_whole(
    const struct home *h, struct mail *m, char **file, struct err *e);

/* A message as a JSON object; `file` as inbox_file() says. */
void inbox_json(struct json *j, const struct mailbox_entry *entry,
    const struct mail *m, const char *file);

/* inbox_read() without printing, for each of `ids`; none: all that waits.
 * *count is how many. */
int inbox_ack(const struct home *h, const char *agent, const struct argv *ids,
    size_t *count, struct err *e);

/* Open it and take the lock; that there is none is an error: EXIT_UNKNOWN. To
 * be closed in any case. */
int inbox_open(
    struct mailbox *b, const struct home *h, const char *agent, struct err *e);

/* One message of a list: as JSON, or where `j` is NULL as a line. */
void inbox_show(const struct home *h, struct json *j, struct buf *out,
    const struct mailbox_entry *entry, const struct mail *m);

/* The same for one that the agent sent, to `to`, at `when`. */
void inbox_show_sent(struct json *j, struct buf *out, const char *when,
    const char *to, const struct mail *m);

/* Does `view` want this one? `thread`: the first message of the thread that is
 * wanted; "": view->about is an agent. */
bool inbox_wanted(const struct inbox_view *view, const char *thread,
    const struct mailbox_entry *entry, const struct mail *m);

/* Read one for a list: false for what is none, and counted where it is no
 * message. `m` is to be freed where it is one. */
bool inbox_take(const struct mailbox *b, const struct mailbox_entry *entry,
    struct mail *m, size_t *bad);

/* inbox_list() of the thread view->about, for a mailbox that is open or does
 * not exist: what came and what was sent, in the order it was. *bad grows by
 * what is no message. */
int inbox_thread(const struct home *h, const struct mailbox *b,
    const struct inbox_view *view, struct json *j, struct buf *out, size_t *bad,
    struct err *e);

/* The message that `id`, or a begin of an id, means. EXIT_UNKNOWN if there is
 * none or there are several. */
int inbox_find(const struct mailbox *b, const char *id,
    struct mailbox_entry *entry, struct err *e);

#endif
