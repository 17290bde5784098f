/*
 * ssh - a session to a peer by libssh, and byte streams to programs there.
 * ssh.c is the only file that includes libssh; only agent-link links it.
 *
 * Opening blocks until a deadline; afterwards nothing here blocks. Whoever
 * holds a link runs one poll(2) loop over ssh_link_poll() and its own
 * descriptors, calls ssh_link_work() on every turn and moves bytes with
 * ssh_stream_read() and ssh_stream_write(). A link may carry several streams,
 * and streams may come and go.
 */
#ifndef SSH_H
#define SSH_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argv.h"
#include "buf.h"
#include "err.h"

enum {
	SSH_TICK_MS = 5000, /* a peer not heard of for so long is asked */
	SSH_TICKS_MAX = 3,  /* so many of them without a byte: it is gone */
	/* Bytes taken at a time: what waits in line. One packet: sshd takes
	 * 32 KiB (channels.h, CHAN_SES_PACKET_DEFAULT), of which libssh 0.10
	 * leaves 10 (channels.c, channel_write_common). */
	SSH_WRITE_MAX = 32 * 1024 - 10,
	SSH_COME_MAX =
	    2 * 1024 * 1024, /* bytes held here: libssh 0.10 opens a window
			      * of 1,280,000 (channels.c, WINDOWBASE) */
	/* A door that was shut before a word (MaxStartups) is tried again, for
	 * so long, after random pauses from SSH_PAUSE_MS up to twice as much,
	 * then four times, ... */
	SSH_SHUT_MS = 5000,
	SSH_PAUSE_MS = 100,
	SSH_PAUSE_MAX_MS = 1600,
};

struct ssh_link;
struct ssh_stream;

/* Whom to reach; strings are the caller's. */
struct ssh_to {
	const char *alias;    /* as on ssh's command line; also names it in
				 errors */
	const char *identity; /* a private key to use, and no other; "": those
				 of ~/.ssh/config, and the agent's */
	const char *home;     /* has .ssh: path_ssh_home() */
};

/*
 * Connect as `ssh ALIAS` would: ~/.ssh/config, all addresses of the host or
 * its ProxyCommand or ProxyJump, known_hosts strictly, keys of the agent and
 * files. No password, no prompt; nothing is ever written. NULL with EXIT_WIRE
 * (EXIT_LOCAL for a broken configuration; EXIT_REFUSED if it took none of our
 * keys or its host key is not known: trying again is of no use) "ALIAS: reason;
 * mend". Where it is closed before its sshd said a word, so that nobody has
 * been told anything, it is tried again until the deadline, SSH_SHUT_MS at
 * most; behind a proxy, which may have logged in elsewhere, once.
 *
 * What cannot be interrupted (the resolver, an agent that does not answer) may
 * outlive the deadline: the caller's own timer ends the process, and
 * ssh_link_stage() says what it was busy with.
 */
struct ssh_link *ssh_link_open(
    const struct ssh_to *to, int64_t deadline, struct err *e);

/*
 * The same with a program that stands in for a session (via=ssh, command=):
 * its stdin and stdout are the only stream, whatever command that is opened
 * with. It is looked up in PATH and ends with the link.
 */
struct ssh_link *ssh_link_program(
    const char *alias, const struct argv *argv, struct err *e);
void ssh_link_close(struct ssh_link *l);

/* For the ssh program to read what we read: nothing, unless `home` is another
 * folder than the one that it would look into. */
void ssh_argv_home(struct argv *argv, const char *home);

/* What opening is doing: "connecting". Static storage, safe in a handler. */
const char *ssh_link_stage(void);

/* What to poll for, and at most for how many ms. */
void ssh_link_poll(const struct ssh_link *l, struct pollfd *pfd);
int ssh_link_timeout(const struct ssh_link *l);

/*
 * Take in what has come and send what waits; once nothing came for
 * SSH_TICK_MS, ask the peer for a sign of life. -1 with EXIT_WIRE when the
 * connection is gone, or silent for SSH_TICKS_MAX ticks.
 */
int ssh_link_work(struct ssh_link *l, struct err *e);

/* Bytes that have come so far, of whatever kind; 0 for a program. */
uint64_t ssh_link_heard(const struct ssh_link *l);

/* How long a round trip to the host takes, in ms, as the kernel sees it
 * (tcp(7), TCP_INFO); -1 where that is not known, as behind a proxy. */
int ssh_link_rtt(const struct ssh_link *l);

/* Run `command` there; NULL with EXIT_WIRE. Blocks until the deadline. */
struct ssh_stream *ssh_stream_open(
    struct ssh_link *l, const char *command, int64_t deadline, struct err *e);

/*
 * The same without blocking: begin, then ask after each ssh_link_work() whether
 * it is open. 1: it is; 0: not yet; -1 with EXIT_WIRE: it will not be, and the
 * link itself stands all the same. `command` is the caller's until then.
 */
struct ssh_stream *ssh_stream_begin(
    struct ssh_link *l, const char *command, struct err *e);
int ssh_stream_opened(struct ssh_stream *s, struct err *e);
void ssh_stream_close(struct ssh_stream *s);

/*
 * Move all that has come from its stdout (or stderr) to the end of `b`; the
 * number of bytes, at most SSH_COME_MAX. Only once what came before was passed
 * on: each read lets the peer send as much again.
 */
size_t ssh_stream_read(struct ssh_stream *s, bool from_stderr, struct buf *b);

/* May something be written now? Not while earlier bytes still wait. */
bool ssh_stream_ready(const struct ssh_stream *s);

/* Write what may be written now, 0 included; the number of bytes taken. -1
 * with EXIT_WIRE when the far end is gone. */
ssize_t ssh_stream_write(
    struct ssh_stream *s, const char *p, size_t len, struct err *e);

/* Nothing more will be written. -1 with EXIT_WIRE. */
int ssh_stream_eof(struct ssh_stream *s, struct err *e);

/* Has it ended, and everything that it wrote been read? Then *status is its
 * exit status, or -1 if a signal ended it. */
bool ssh_stream_ended(const struct ssh_stream *s, int *status);

#endif
