/* doctor - what can be wrong, looked at one by one, with what mends it. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

enum {
	DOCTOR_SERVER_MS = 3000, /* for one tmux server to answer */
	DOCTOR_PEER_MS = 10000,  /* for one peer, there and back */
	DOCTOR_PEER_MAX_S = 3600,
};

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE, /* works; somebody may want to know */
	DOCTOR_BAD,
};

/* What was found of one thing. Strings may hold anything but NUL. */
struct doctor_row {
	enum doctor_state state;
	enum exit_code code; /* of a bad one: EXIT_WIRE for a tmux server or a
				peer, EXIT_LOCAL for what is wrong here */
	const char *check;   /* static */
	char *object;
	char *cause;
	char *mend;     /* a command for sh, whole; NULL: none */
	uint64_t order; /* to sort by */
};

struct doctor_report {
	struct doctor_row *v;
	size_t n;
	size_t cap;
	char *host; /* our alias; "" before the first run */
};

#define DOCTOR_REPORT_INIT \
	{                  \
		.v = NULL  \
	}

struct doctor_options {
	int peer_ms;   /* for each peer */
	bool progress; /* tell people on stderr what is waited for */
};

/*
 * Run all checks. Nothing is changed. What may hang (a tmux server, a peer,
 * systemd) is looked at by a process of its own with a deadline, all at once,
 * so nothing delays the rest. Whatever cannot be looked at is a row too; this
 * does not fail. To be freed.
 */
void doctor_run(struct doctor_report *r, const struct doctor_options *o);
void doctor_report_free(struct doctor_report *r);

/* EXIT_OK when no row is bad, else EXIT_LOCAL if anything of this host is, else
 * EXIT_WIRE. */
int doctor_code(const struct doctor_report *r);

/* Columns for people, the command that mends below each row; `quiet` leaves
 * out what is well. */
void doctor_print(const struct doctor_report *r, bool quiet, FILE *to);

/* One object: host, ok, rows. */
void doctor_print_json(const struct doctor_report *r, FILE *to);

#endif
