/* link_parts - what the parts of link share. Only link*.c include this. */
#ifndef LINK_PARTS_H
#define LINK_PARTS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "link.h"
#include "ssh.h"

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
	int64_t speak_by; /* when it must have said something; 0: it did */
	bool mark;        /* the line before a slice is still to come */
	bool in_open, eof_sent;
};

/* The command that is run there. */
const char *link_command(const struct link_to *to, enum link_what what);

/* Run it on an open link. To be closed in any case. */
int link_pipe_open(struct link_pipe *p, struct link *link,
    const struct link_to *to, enum link_what what, int in, int out,
    int64_t deadline, struct err *e);
void link_pipe_close(struct link_pipe *p);

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
