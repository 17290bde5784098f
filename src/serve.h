/* serve - the far end of a link: frames in, answers out. */
#ifndef SERVE_H
#define SERVE_H

#include <stdbool.h>

#include "err.h"
#include "peers.h"
#include "register.h"

enum {
	SERVE_HELLO_MS = 15000, /* until the other side has said who it is */
	SERVE_JOBS_MAX = 256,   /* messages being delivered at once */
	SERVE_JOBS_BOUND = 32,  /* the same for a restricted peer */
	SERVE_FILES_MAX = 64,   /* files coming in at once */
	/* Processes at once: a file is finished however many messages wait. */
	SERVE_SLOTS = SERVE_JOBS_MAX + SERVE_FILES_MAX,
	SERVE_SMALL = 65536,      /* bytes of a file judged with its message */
	SERVE_STALL_MS = 60000,   /* without a byte of it a file is given up */
	SERVE_PROGRESS_MS = 3000, /* between words that it goes on */
	SERVE_AWAIT_MAX_MS = 60000, /* that a FETCH waits for a message */
	SERVE_BACK_MS = 8000, /* to reach a host that asks whether we do */
	SERVE_BURST = 200,    /* requests a restricted peer may make */
	SERVE_RATE = 20,      /* ... and how many more a second */
};

struct serve_options {
	const struct registrar *reg;
	/* The name that the key is bound to, "agent-serve --peer NAME": it may
	 * publish that slice only, sees the narrow form of ours, and asks for
	 * what its line in peers.conf allows. NULL: an unrestricted key. */
	const char *peer;
	const struct peers *peers;
	/* A link lasts: bring `reg` and `peers` up to date before a request.
	 * 1: they cannot be read, which is the answer. -1: what this process is
	 * has changed, and another must answer. NULL: not. */
	int (*refresh)(void *arg, struct err *e);
	void *arg;
	int in;
	int out;
};

/*
 * Answer until `in` ends and all answers are out. 0; -1 with EXIT_WIRE when
 * the stream is broken or says no HELLO in time.
 */
int serve(const struct serve_options *options, struct err *e);

#endif
