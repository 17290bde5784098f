/* link_parts - what the parts of link share. Only link*.c include this. */
#ifndef LINK_PARTS_H
#define LINK_PARTS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent.h"
#include "buf.h"
#include "link.h"
#include "mux.h"
#include "ssh.h"
#include "warm.h"

enum {
	LINK_HELD = 64 * 1024, /* bytes of a direction in our hands */
	LINK_LINE_MAX = 1024,  /* kept of a line of the far stderr */
	LINK_PIPE_FDS = 2,     /* descriptors of a pipe on our side */
};

/* A peer that was reached. */
struct link {
	const char *name;
	struct ssh_link *ssh;
	bool is_program; /* that stands in for a session */
	int log;         /* where far ends' complaints go, or -1 */
};

/* How a link is kept: link_keep.c fills it in. */
struct link_holder {
	struct warm warm;
	int64_t idle_ms; /* unused for so long, it ends */
	int lock;        /* held while it can be found */
	int status;      /* a byte goes there when it holds; then it is -1 */
};

/* One stream of it, and the two descriptors that it is tied to. */
struct link_pipe {
	struct link *link;
	struct ssh_stream *stream;
	enum link_what what;
	int in, out;
	struct buf up, down;          /* to be sent; to be written to `out` */
	size_t written;               /* of `down` */
	struct buf said;              /* an unfinished line of the far stderr */
	char last[LINK_LINE_MAX + 1]; /* the last whole one */
	size_t logged;                /* bytes of it in the log */
	bool loud;                    /* there may be more of it at once */
	int64_t speak_by; /* when it must have said something; 0: it did */
	bool mark;        /* the line before a slice is still to come */
	bool in_open, eof_sent;
};

/*
 * Reach the peer in the way that peers.conf says; with a timer behind the
 * deadline that ends the process (link.h), until link_opened().
 */
int link_open(struct link *k, const struct link_to *to, enum link_what what,
    int64_t deadline, struct err *e);
void link_opened(struct link *k, const struct link_to *to);
void link_close(struct link *k);

/* A pipe or socket is ours alone; a terminal is not, and stays as it is. */
void link_never_block(int fd);

/* The command that is run there. */
const char *link_command(const struct link_to *to, enum link_what what);

/* Run it on an open link. To be closed in any case. */
int link_pipe_open(struct link_pipe *p, struct link *link,
    const struct link_to *to, enum link_what what, int in, int out,
    int64_t deadline, struct err *e);
void link_pipe_close(struct link_pipe *p);

/*
 * Make a link for the caller at `in` and `out`, hold it once it stands, end
 * when it is over. 0; -1 with what link_run() says, which is of interest only
 * as long as `status` is not -1.
 */
int link_hold(const struct link_to *to, struct link_holder *h, int in, int out,
    struct err *e);

/* A second stream for files, where the mux wants one (mux.h). */
struct link_lane {
	enum {
		LANE_NONE,    /* not wanted yet */
		LANE_ASKED,   /* agent-serve there has been told of it */
		LANE_OPENING, /* sshd there starts another */
		LANE_JOINING, /* which is told whose it is */
		LANE_UP,
		LANE_OVER, /* not to be tried again on this link */
	} state;
	struct ssh_stream *stream;
	char token[AGENT_ID_MAX + 1];
	struct buf in, out; /* until it is up */
	size_t noise;
	bool hello;
	int64_t by; /* monotonic ms: when it must be up, or be listened to */
};

/* Move on, after ssh_link_work(). Whatever happens to it, the link goes on. */
void link_lane_turn(struct link_lane *n, struct link *link,
    const struct link_to *to, struct mux *m);
void link_lane_close(struct link_lane *n);

/* For how many of `ms` (-1: any) nothing need be done for it. */
int link_lane_patience(const struct link_lane *n, const struct mux *m, int ms);

/* What to poll for: LINK_PIPE_FDS entries; and at most for how long, given
 * that the session wants to be looked at within `ms`. */
void link_pipe_poll(const struct link_pipe *p, struct pollfd *pfd);
int link_pipe_patience(const struct link_pipe *p, int ms);

/*
 * Move bytes both ways, after ssh_link_work(). 1 when the pipe is through, 0
 * when it goes on; -1 as link_run() says.
 */
int link_pipe_turn(
    struct link_pipe *p, const struct pollfd *pfd, struct err *e);

#endif
