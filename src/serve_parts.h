/* serve_parts - what the parts of serve share. Only serve*.c include this. */
#ifndef SERVE_PARTS_H
#define SERVE_PARTS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent.h"
#include "delivery.h"
#include "drop.h"
#include "frame.h"
#include "home.h"
#include "letter.h"
#include "origin.h"
#include "serve.h"

enum {
	SERVE_CHUNK = 65536,
	SERVE_PIPE = 256 * 1024, /* bytes that sshd may be ahead of us, where
				  * Linux gives a pipe 64 KiB (pipe(7)) */
};

/* A message in the hands of a child. */
struct job {
	pid_t pid;
	int fd; /* its answer comes from here; -1: it has not begun */
	char id[FRAME_ID_MAX + 1];
	struct frame held; /* until its files stand: what it is to deliver */
	bool finishes;     /* a file, and no message: its id is the file's */
	bool delivers;
	bool relays;   /* hands it on, or asks another host */
	bool keeps;    /* may put it into a mailbox instead */
	bool waits;    /* only while there is somebody to hear of it */
	int64_t begun; /* monotonic ms */
	struct buf answer;
};

/* A file that comes, or that has come. */
struct file {
	char id[FRAME_ID_MAX + 1];
	struct drop drop;
	bool open;      /* more of it may come */
	pid_t finisher; /* the child that syncs and names it; 0: none */
	struct err e;   /* code EXIT_OK: all is well */
	int64_t size;
	int64_t came; /* monotonic ms: when something of it did */
	bool placed;  /* its bytes say where they go: in any order */
	bool laned;   /* some of them came on the lane */
	bool said;    /* that was all; what is missing is on the lane */
	char *path;   /* once it is whole */
};

/* The second stream of a connection, which is another agent-serve's standard
 * input: it gave it to us. Descriptors, or -1. */
struct lane {
	int listens; /* for the other agent-serve to come */
	int conn;    /* it came, and lives until we close this */
	int in;      /* what it gave us: more DATA */
	struct buf buf;
	int64_t moved; /* monotonic ms: when a byte came */
	int64_t deaf;  /* ... and when it could not be read */
};

enum { LANE_FDS = 1 }; /* to poll: it waits for one thing at a time */

/* A file that there was no place for, not even to remember what it is. */
struct turned_away {
	char id[FRAME_ID_MAX + 1];
	const char *why;
};

struct server {
	const struct serve_options *o;
	const struct home *home;
	struct buf in, out;
	int64_t moved; /* monotonic ms: when a byte came */
	int64_t deaf;  /* ... and when it could not be read */
	bool hello, ended;
	bool tells;          /* the other side knows PROGRESS */
	int64_t progress_by; /* when the next ones are due */
	size_t noise;
	char host[HOST_MAX + 1];       /* what the other side calls itself */
	char host_id[HOME_ID_LEN + 1]; /* which machine and user it says */
	bool relays; /* it knows messages that are handed on */
	bool joined; /* we are a lane, and have been one */
	struct lane lane;
	struct err refused; /* code not EXIT_OK: it may nothing */
	struct job jobs[SERVE_SLOTS];
	size_t jobs_n;
	struct file files[SERVE_FILES_MAX];
	size_t files_n;
	struct turned_away away[SERVE_FILES_MAX]; /* the last ones */
	size_t away_n;                            /* how many there ever were */
	int64_t tokens_ms; /* rate: when the bucket was looked at */
	int64_t tokens;    /* thousandths of a request */
};

/* Answer request `id`: a code and words. */
void server_done(
    struct server *s, const char *id, enum exit_code code, const char *words);

/* The files that a message named are its own: they make room for others. */
void server_forget(struct server *s, const struct frame *f);

/* ... or are removed: it is refused, and nobody hears of them. */
void server_drop_named(struct server *s, const struct frame *f);

/* The answer to a STATUS. */
void server_told(struct frame *answer, const struct deliver_verdict *v);

/* serve_file.c: a file is announced; it is refused for `why`, a literal, which
 * its message is to hear, or NULL where it was not; its bytes come, none: that
 * was all; the one with this id or NULL; drop what is known of one. */
void server_open_file(struct server *s, const struct frame *f);
void server_turn_away(struct server *s, const struct frame *f, const char *why);
const char *server_turned_away(const struct server *s, const char *id);
void server_data(struct server *s, const struct frame *f, bool by_lane);
struct file *server_file(struct server *s, const char *id);

/* A finisher ended: `f` is its answer, NULL: it was killed. FILE is answered.
 */
void server_finished(struct server *s, pid_t finisher, const struct frame *f);

/* Give files under way up of which nothing came for SERVE_STALL_MS; ms until
 * that is to be looked at again, -1: not. */
int server_stalled(struct server *s);
void server_forget_file(struct server *s, struct file *file);
void server_drop_file(struct server *s, struct file *file); /* and remove it */

/* More of it may come on the lane, though it was said that that was all. */
bool server_file_waits(const struct file *file);

/* The lane ended: no more comes of what came on it. */
void server_lane_lost(struct server *s);

/* serve_lane.c: to begin with; LANE: another agent-serve will bring a second
 * stream; take it, if it is there, before more of the first stream is read;
 * what to poll for, and what came; the end of it. */
void lane_init(struct lane *n);
void server_lane(struct server *s, const struct frame *f);
void server_lane_come(struct server *s);
size_t server_lane_poll(const struct server *s, struct pollfd *pfd);
void server_lane_turn(struct server *s, bool ready);
void lane_close(struct lane *n);

/* We are the other agent-serve: give our standard input to the one that listens
 * for `token`, say so, and wait for its end. Nothing of it may have been read.
 */
void server_join(struct server *s, const char *token);

/* serve_fetch.c: the other side asks for what waits here for it. True: it told
 * what became of one, which it can as often as there are messages. */
bool server_fetch(struct server *s, struct frame *f);

/* In a child: wait until something does, as long as `f` says. */
void server_await(
    const struct server *s, const struct frame *f, struct frame *answer);

/* serve_job.c: start a child for a message or a check; its answer has come, or
 * it has ended. A message whose files are still being finished is held: its
 * frame is taken out of `f`. */
void server_start(struct server *s, struct frame *f);
void server_reap(struct server *s, size_t at);

/* Start those held whose files have been finished, and forget these files. */
void server_begin_held(struct server *s);

/* Nobody listens any more: wait for all finishers, and start what is held. */
void server_settle(struct server *s);

/* A child for request `id`, with a slot and a pipe of its own. It keeps nothing
 * of the link, and of files that come none but `keep`, or NULL. 0 in the child:
 * its answer goes to *out. Else its pid, and *job is its slot; -1. */
pid_t server_fork(struct server *s, const char *id, const struct file *keep,
    struct job **job, int *out, struct err *e);

/* The message that `f` carries, with what the other side may ask for: all of
 * it, or with a restricted key what allow= says. And the answer to it. */
int server_letter(const struct server *s, const struct frame *f,
    struct letter *l, struct err *e);
void job_answer(const struct server *s, struct frame *f, const struct agent *to,
    const struct deliver_verdict *v, bool renamed, const char *dropped);

/* serve_relay.c, in a child: a message, or a STATUS, for another host that the
 * frame names. `parent` is who started the child. */
void job_relay(struct server *s, const struct frame *f,
    const struct origin *from, pid_t parent, struct frame *answer);

#endif
