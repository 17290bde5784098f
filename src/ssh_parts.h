/* ssh_parts - what the files of ssh share, and nobody else. */
#ifndef SSH_PARTS_H
#define SSH_PARTS_H

#include <libssh/libssh.h>

#include "argv.h"
#include "dial.h"
#include "ssh.h"
#include "sshconf.h"

enum {
	SSH_WORDS_MAX = 200, /* bytes of a proxy's last line */
	SSH_TRIED_MAX = 300, /* of what an error says of keys */
};

struct ssh_link {
	char *alias;
	char *identity;
	struct sshconf conf;
	struct argv known; /* files of host keys, in order */
	ssh_session session;
	ssh_event event;
	int fd; /* until libssh has it */
	struct dial_command proxy;
	char words[SSH_WORDS_MAX + 1]; /* the proxy's last line */
	struct buf tried;              /* which keys were, and what came */
	unsigned keys;                 /* offered */
	bool no_agent;                 /* it used up the server's patience */
	struct ssh_counter_struct in, out;
	uint64_t heard; /* bytes, when the last tick began */
	int64_t tick;   /* when the next one ends */
	int silent;     /* ticks without a byte */
	/* ssh_program.c: `proxy` itself is the far end. */
	bool is_program;
	bool ended;   /* its stdout */
	bool blocked; /* it does not read */
	bool reaped;
	int status;
	struct buf held;
};

/* Why an attempt failed, when that decides whether there is another. */
enum ssh_outcome {
	SSH_OUTCOME_OK,
	SSH_OUTCOME_FAILED,
	SSH_OUTCOME_SHUT,  /* closed before it said who it is: MaxStartups */
	SSH_OUTCOME_TIRED, /* closed after too many keys: MaxAuthTries */
};

/* What is being done; a string that lives for ever. */
void ssh_stage_set(const char *stage);

/* EXIT_WIRE "ALIAS: reason[; what its proxy said]". Returns -1. */
int ssh_fail(struct ssh_link *l, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Wait for the session's socket; -1 once the deadline has passed. */
int ssh_wait(struct ssh_link *l, int64_t deadline, struct err *e);

/* The same with EXIT_REFUSED: asking again changes nothing. */
int ssh_refuse(struct ssh_link *l, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* ssh_reach.c: a stream to the host in l->fd. */
int ssh_reach(struct ssh_link *l, int64_t deadline, struct err *e);

/* ssh_host.c: which files know host keys; a kind of key that they have of this
 * host is asked for first; is it that host? */
void ssh_known_files(struct ssh_link *l);
void ssh_known_first(struct ssh_link *l);
int ssh_check_host(struct ssh_link *l, struct err *e);

/* ssh_auth.c: keys, one after the other. */
enum ssh_outcome ssh_log_in(
    struct ssh_link *l, int64_t deadline, struct err *e);

/* ssh_program.c: what the functions of ssh.h do when it is a program. */
int ssh_program_start(
    struct ssh_link *l, const struct argv *argv, struct err *e);
void ssh_program_poll(const struct ssh_link *l, struct pollfd *pfd);
int ssh_program_timeout(const struct ssh_link *l);
void ssh_program_work(struct ssh_link *l);
size_t ssh_program_read(struct ssh_link *l, bool from_stderr, struct buf *b);
ssize_t ssh_program_write(
    struct ssh_link *l, const char *p, size_t len, struct err *e);
bool ssh_program_ended(const struct ssh_link *l, int *status);

#endif
