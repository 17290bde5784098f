/* home - the folder ~/.agents: opened once, then every file has a name. */
#ifndef HOME_H
#define HOME_H

#include "err.h"
#include "str.h"

enum {
	HOME_ID_LEN = 16,             /* hex digits of a host id */
	HOME_LOG_MAX = 256 * 1024,    /* bytes of a log before it is rotated */
	HOME_CONF_MAX = 64 * 1024,    /* bytes of self.conf */
	HOME_LOCK_WAIT_MS = 10 * 1000 /* for the lock of a file of ours */
};

/* Every path is absolute and owned by the struct. */
struct home {
	char *dir;      /* the agents folder */
	char *inbox;    /* where file drops go; not made here */
	char *run;      /* dir/run: locks and stamps */
	char *log;      /* dir/log */
	char *hosts;    /* dir/hosts: the last good slice of each peer */
	char *config;   /* dir/config.toml */
	char *local;    /* dir/local.toml: this host's slice */
	char *registry; /* dir/registry.toml: all slices assembled */
	char host[HOST_MAX + 1]; /* the alias in self.conf */
	char host_id[HOME_ID_LEN + 1];
};

#define HOME_INIT           \
	{                   \
		.dir = NULL \
	}

/*
 * Open $AGENTS_DIR or ~/.agents, making it, run/, log/ and hosts/ (0700) and,
 * on the first run, self.conf from the short host name. EXIT_LOCAL, naming the
 * mend, when the folder belongs to somebody else or others can write it, when
 * self.conf names no host, or when local.toml was written by another machine
 * (a home on a network file system): then FOLDER.d/SHORT-HOST-NAME is opened
 * in its place if it exists. `h` is to be closed in any case.
 */
int home_open(struct home *h, struct err *e);

/*
 * The same without making or changing anything: `host` is "" when there is no
 * self.conf yet. All paths are set even if this is -1, except when there is no
 * home folder at all (`dir` or `inbox` is then NULL).
 */
int home_look(struct home *h, struct err *e);
void home_close(struct home *h);

/*
 * Which machine and user this is: 16 hex digits, FNV-1a of /etc/machine-id
 * (machine-id(5)), a line end and our uid. Where there is no machine id
 * (containers), /var/lib/dbus/machine-id, else the host's name takes its place.
 * An agents folder `dir` elsewhere than in the user's home ($AGENTS_DIR,
 * another $HOME) is a host of its own: its path counts too.
 */
void home_machine(char out[HOME_ID_LEN + 1], const char *dir);

/* The host's name up to its first dot, as an alias: every byte outside
 * [A-Za-z0-9_-] becomes '-'; "host" when nothing is left. */
void home_short_name(char out[HOST_MAX + 1], const char *name);

/*
 * The alias that the text of a self.conf names: the first line that is more
 * than a comment, dots turned into '-'. -1 with EXIT_LOCAL if there is none or
 * it is no alias (str_host_ok).
 */
int home_alias(
    const char *path, const char *text, char out[HOST_MAX + 1], struct err *e);

/*
 * Remove the temporaries that killed writers of dir/`name` ("hosts/x.toml" too)
 * left behind. The caller holds the lock of that file, so nobody else is
 * writing it.
 */
void home_sweep(const struct home *h, const char *name);

/*
 * Open log/`name` for appending; over HOME_LOG_MAX it becomes `name`.1 first.
 * A descriptor that the caller closes, or -1 with EXIT_LOCAL.
 */
int home_log(const struct home *h, const char *name, struct err *e);

#endif
