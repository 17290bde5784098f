/* doctor_parts - what the parts of doctor share; nobody else includes it. */
#ifndef DOCTOR_PARTS_H
#define DOCTOR_PARTS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "agent.h"
#include "argv.h"
#include "buf.h"
#include "config.h"
#include "doctor.h"
#include "home.h"
#include "peers.h"
#include "profile.h"

enum {
	DOCTOR_JOBS_MAX = 32,    /* processes that look at the same time */
	DOCTOR_CALL_MS = 2000,   /* for a program that says its version */
	DOCTOR_LIST_MAX = 40,    /* objects that one command names */
	DOCTOR_WALK_MAX = 20000, /* files looked at in one walk */
};

struct doctor;

/* One check of the table in doctor.c. */
struct doctor_check {
	const char *name;
	enum exit_code code; /* of its bad rows */
	bool early;          /* starts processes: before the others */
	void (*look)(struct doctor *d);
};

/* A process that looks at one thing. */
struct doctor_job {
	size_t check; /* in the table */
	char *object;
	int ms; /* it may take so long */
	void (*look)(struct doctor *d, const void *arg);
	const void *arg;
	pid_t pid; /* 0: not started yet */
	int fd;    /* its rows come from here */
	int64_t by;
	struct buf in;
	bool done;
};

struct doctor {
	const struct doctor_options *o;
	struct doctor_report *report;
	size_t at;  /* the check that runs */
	size_t job; /* whose rows are added: its number from 1, or 0 */

	/* What all checks know. Where something cannot be read its default
	 * stands here, and the check whose business it is says so. */
	struct home home;
	bool has_home;       /* paths in `home` are set */
	bool is_there;       /* the agents folder exists */
	struct err home_err; /* of home_look() */
	struct config config;
	struct err config_err;
	struct peers peers;
	struct err peers_err;
	char *peers_path;
	struct profile_set profiles;
	struct agent_list agents; /* of local.toml, sorted */
	struct argv sockets;      /* every socket of ours */
	int64_t now;              /* real ms */

	struct doctor_job *jobs;
	size_t jobs_n;
};

/* Add a row of the running check; this one without cause and mend. */
struct doctor_row *doctor_row(
    struct doctor *d, enum doctor_state state, const char *object);
void doctor_ok(struct doctor *d, const char *object, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_note(struct doctor *d, const char *object, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_bad(struct doctor *d, const char *object, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * What mends the row that was added last: a command for sh. In `fmt` only `%w`
 * (a string as one word for the shell, whatever is in it), `%s` (a string as it
 * stands), `%d` (a long) and `%%`.
 */
void doctor_mend(struct doctor *d, const char *fmt, ...);
void doctor_vmend(struct buf *out, const char *fmt, va_list ap);

/* What mends it is a change to `file` by sed: the script is a printf format. A
 * link is followed, since sed -i makes a file of one. */
void doctor_mend_sed(struct doctor *d, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Append `word` so that sh reads exactly it; printable whatever it holds. */
void doctor_word(struct buf *b, const char *word);

/* "" for root, else "sudo ". */
const char *doctor_sudo(void);

/* Does the sandbox of an agent show us our folder read-only? Then what cannot
 * be written or is not seen is its doing, and "sandbox" says so. */
bool doctor_boxed(const struct doctor *d);

/* What may be missing on this system, by one name or another. */
enum doctor_package { DOCTOR_TMUX, DOCTOR_LIBSSH, DOCTOR_CRON };

/* The command that installs it here, such as "sudo apt-get install tmux";
 * malloc'd. */
char *doctor_package(enum doctor_package package);

/* A file of panemesh itself is missing: what installs it again, by the source
 * that stands beside the programs. Without that no command is added. */
void doctor_mend_again(struct doctor *d);

/* The same for a command that is to be run on a peer, by its sh: one command
 * here. None where no ssh leads there (command= in its line). */
void doctor_mend_there(
    struct doctor *d, const struct peer *peer, const char *command);

/* A host that is known through a peer: is that one dialled, and does it hand on
 * what is for this host? */
void doctor_third(struct doctor *d, const struct peer *peer);

/* The program of the suite beside ours; malloc'd. */
char *doctor_program(const char *name);

/* tmux as tmux_call() runs it: $TMUX_BIN or "tmux". */
const char *doctor_tmux(void);

/* The version that `BIN -V` says; malloc'd, NULL when it cannot be run. */
char *doctor_tmux_version(const char *bin);

/* Look at `object` in a process of its own, which may take `ms`. `arg` lives
 * until the end. */
void doctor_aside(struct doctor *d, const char *object, int ms,
    void (*look)(struct doctor *d, const void *arg), const void *arg);

/* Start what waits to be looked at so, as many as may run; wait for all of it
 * and take the rows. */
void doctor_jobs_start(struct doctor *d);
void doctor_jobs_wait(struct doctor *d);

/*
 * Call `each` for all that stands below folder `dir`, `depth` folders deep, up
 * to DOCTOR_WALK_MAX of it. Links are not followed.
 */
void doctor_walk(const char *dir, int depth,
    void (*each)(void *arg, const char *path, const struct stat *st),
    void *arg);

/*
 * Who holds the flock on `path`, as /proc/locks says? 0 nobody; else the pid,
 * which is -1 for a process that cannot be seen from here.
 */
pid_t doctor_holder(const char *path);

/* Say what is wrong with the one that holds `path`, if anything is. `what`
 * cannot go on without it. True if a row was added. */
bool doctor_held(struct doctor *d, const char *path, const char *what);

/* The checks. */
void doctor_look_home(struct doctor *d);
void doctor_look_files(struct doctor *d);
void doctor_look_machine(struct doctor *d);
void doctor_look_config(struct doctor *d);
void doctor_look_disk(struct doctor *d);
void doctor_look_slices(struct doctor *d);
void doctor_look_registry(struct doctor *d);
void doctor_look_locks(struct doctor *d);
void doctor_look_leftovers(struct doctor *d);
void doctor_look_log(struct doctor *d);
void doctor_look_path(struct doctor *d);
void doctor_look_sandbox(struct doctor *d);
void doctor_look_timer(struct doctor *d);
void doctor_look_keys(struct doctor *d);
void doctor_look_tmux(struct doctor *d);
void doctor_look_tmux_conf(struct doctor *d);
void doctor_look_servers(struct doctor *d);
void doctor_look_peers(struct doctor *d);

#endif
