/* project - what a working folder belongs to. */
#ifndef PROJECT_H
#define PROJECT_H

#include "argv.h"

enum { PROJECT_LEVELS_MAX = 64 };

/*
 * Where file systems are mounted that may not answer (over a network, by a
 * program, on demand), from proc_pid_mountinfo(5). A scan asks once.
 */
void project_mounts(struct argv *slow);

/* The same from text; for tests. */
void project_parse_mounts(char *text, struct argv *slow);

/*
 * The name of the git repository that absolute path `folder` is in: that of
 * the top folder, the nearest one up that has a .git; for a worktree
 * (gitrepository-layout(5)) that of the repository's main one, so that all of
 * them are one project. malloc'd; NULL when there is none, more than
 * PROJECT_LEVELS_MAX levels up, or `folder` is on one of the file systems
 * `slow`. Reads at most one small file, runs nothing.
 */
char *project_of(const char *folder, const struct argv *slow);

/*
 * The branch that the repository or worktree of `folder` has out, found as
 * above: its name, or the begin of a commit's id where it is on none.
 * malloc'd; NULL when there is none, or it cannot be told. Reads at most two
 * small files.
 */
char *project_branch(const char *folder, const struct argv *slow);

#endif
