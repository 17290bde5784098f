/* dial - a stream to a host: TCP to the first address that answers, or a
 * program that stands in for it (ssh's ProxyCommand). */
#ifndef DIAL_H
#define DIAL_H

#include <stdint.h>
#include <sys/types.h>

#include "argv.h"
#include "err.h"

enum {
	DIAL_STAGGER_MS = 250,   /* between attempts: RFC 8305, section 5 */
	DIAL_ADDRESSES_MAX = 16, /* of a name, tried */
	/* Bytes that the kernel holds unsent before it stops asking for more:
	 * what is written later need not wait long behind them. */
	DIAL_UNSENT_MAX = 16 * 1024,
};

/* Where to. Strings are the caller's. */
struct dial {
	const char *host; /* a name or an address */
	const char *port; /* digits */
	const char *bind; /* our own address; NULL or "": any */
	int family;       /* AF_UNSPEC, AF_INET or AF_INET6 */
};

/*
 * Connect. All addresses of the name are tried, IPv6 and IPv4 in turn, the
 * next one DIAL_STAGGER_MS after the last or as soon as that failed; the first
 * that answers is taken. Returns a descriptor of the caller's: non-blocking,
 * close-on-exec, TCP_NODELAY, keep-alive, TCP_NOTSENT_LOWAT; or -1 with
 * EXIT_WIRE "host port N: reason".
 *
 * The deadline holds for the connecting, not for getaddrinfo(3), which can
 * only be ended by a signal: whoever calls this keeps a timer of its own.
 */
int dial_tcp(const struct dial *d, int64_t deadline, struct err *e);

/* A running program whose stdin and stdout are one end of a socket pair. */
struct dial_command {
	pid_t pid;
	int fd;  /* our end; close-on-exec, blocking */
	int err; /* its stderr, to be read now and then; non-blocking */
};

#define DIAL_COMMAND_INIT                      \
	{                                      \
		.pid = -1, .fd = -1, .err = -1 \
	}

/*
 * Start argv->v[0] (looked up in PATH) in a process group of its own, signals
 * at their defaults, no other descriptors. It is killed by the kernel when we
 * die. -1 with EXIT_LOCAL when it cannot be started.
 */
int dial_command_start(
    struct dial_command *c, const struct argv *argv, struct err *e);

/* Close both descriptors (-1: given away), end the whole group, reap. */
void dial_command_end(struct dial_command *c);

#endif
