/* path - where things are. Names only: nothing is opened or made here. */
#ifndef PATH_H
#define PATH_H

#include "err.h"

/* All results are malloc'd and the caller's to free. */

/* HOME if it is absolute, else the passwd entry's; NULL with EXIT_LOCAL. */
char *path_home(struct err *e);

/*
 * The folder that has .ssh: the passwd entry's home, whatever HOME says, as
 * OpenSSH has it, so that we find what the user's ssh finds. $AGENT_SSH_HOME
 * (absolute) stands in for it. NULL with EXIT_LOCAL.
 */
char *path_ssh_home(struct err *e);

/* $AGENTS_DIR (absolute), else ~/.agents; NULL with EXIT_LOCAL. */
char *path_agents(struct err *e);

/* $AGENT_INBOX_DIR (absolute), else ~/.agent-inbox; NULL with EXIT_LOCAL. */
char *path_inbox(struct err *e);

/* "dir/name". */
char *path_join(const char *dir, const char *name);

/* What follows the last slash; all of it without one. Points into `path`. */
const char *path_base(const char *path);

/* `path` with a leading $HOME shown as "~". */
char *path_show(const char *path);

#endif
