/* What stands on the disk: the folder, owners, what was left behind. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "doctor_parts.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "str.h"

enum {
	FILES_DEPTH = 4,          /* of folders in the agents folder */
	FILES_OLD_MS = 60 * 1000, /* a temporary this old is nobody's */
};

/* ---- home ---- */

/* Is it a file system that several machines may have mounted? The numbers are
 * those of statfs(2) and linux/magic.h. */
static bool
home_is_shared(const struct statfs *fs)
{
	static const uint32_t types[] = {
		0x6969,     /* NFS */
		0x517b,     /* SMB */
		0xff534d42, /* CIFS */
		0xfe534d42, /* SMB2 */
		0x5346414f, /* AFS */
		0x01021997, /* 9p */
		0x00c36400, /* Ceph */
		0x47504653, /* GPFS */
		0x0bd00bd0, /* Lustre */
		0x65735546, /* FUSE: sshfs, GlusterFS, virtiofs, ... */
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if ((uint32_t)fs->f_type == types[i])
			return true;
	return false;
}

/* Which of the two it is when local.toml is another machine's: a home that
 * machines share, or a machine that got a new id? */
static void
home_mend_owner(struct doctor *d)
{
	char name[256] = "", shown[HOST_MAX + 1];
	struct statfs fs;
	bool shared;

	shared = statfs(d->home.dir, &fs) == 0 && home_is_shared(&fs);
	(void)gethostname(name, sizeof(name) - 1);
	home_short_name(shown, name);
	if (shared) {
		char *other = x_asprintf("%s.d/%s", d->home.dir, shown);

		doctor_mend(d, "mkdir -p -m 700 %w && agent-discover", other);
		x_free(other);
	} else {
		doctor_mend(d, "rm %w && agent-discover", d->home.local);
	}
}

static void
home_self(struct doctor *d)
{
	char *path = path_join(d->home.dir, "self.conf");
	char *shown = path_show(path), name[256] = "";
	char word[HOST_MAX + 1];

	if (d->home_err.code == EXIT_OK && d->home.host[0] == '\0') {
		doctor_note(d, shown,
		    "not there: no program of panemesh has run here yet");
		doctor_mend(d, "agent-discover");
	} else if (d->home_err.code != EXIT_OK &&
	    str_starts(d->home_err.msg, path)) {
		doctor_bad(d, shown, "%s",
		    d->home_err.msg + strlen(path) +
			strspn(d->home_err.msg + strlen(path), ": "));
		(void)gethostname(name, sizeof(name) - 1);
		home_short_name(word, name);
		if (strstr(d->home_err.msg, "names no host") != NULL ||
		    strstr(d->home_err.msg, "no host alias") != NULL)
			doctor_mend(d, "echo %w >%w", word, path);
		else if (strstr(d->home_err.msg, "is a folder") != NULL)
			doctor_mend(
			    d, "mv %w %w.away && agent-discover", path, path);
	} else if (d->home_err.code != EXIT_OK) {
		char *dir = path_show(d->home.dir);

		doctor_bad(d, dir, "%s", d->home_err.msg);
		if (strstr(d->home_err.msg, "another machine") != NULL)
			home_mend_owner(d);
		x_free(dir);
	}
	x_free(shown);
	x_free(path);
}

/* run, log and hosts: what stands there in their place. */
static void
home_folders(struct doctor *d)
{
	const char *const folders[] = { d->home.run, d->home.log,
		d->home.hosts };
	struct stat st;
	char *shown;
	size_t i;

	for (i = 0; i < 3; i++) {
		if (stat(folders[i], &st) != 0 || S_ISDIR(st.st_mode))
			continue;
		shown = path_show(folders[i]);
		doctor_bad(d, shown, "is no folder: no program works");
		doctor_mend(d, "mv %w %w.away && agent-discover", folders[i],
		    folders[i]);
		x_free(shown);
	}
}

void
doctor_look_home(struct doctor *d)
{
	struct stat st;
	char *shown;

	if (!d->has_home) {
		doctor_bad(d, "~/.agents", "%s", d->home_err.msg);
		if (strstr(d->home_err.msg, "_DIR") != NULL)
			doctor_mend(d, "unset AGENTS_DIR AGENT_INBOX_DIR");
		return;
	}
	shown = path_show(d->home.dir);
	if (stat(d->home.dir, &st) != 0 && errno == ENOENT) {
		doctor_bad(d, shown, "not there: nothing has run here yet");
		doctor_mend(d, "agent-discover");
	} else if (stat(d->home.dir, &st) != 0) {
		doctor_bad(d, shown, "%s", strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		doctor_bad(d, shown, "is no folder");
		doctor_mend(d, "mv %w %w.away && agent-discover", d->home.dir,
		    d->home.dir);
	} else {
		home_self(d);
		home_folders(d);
		if (d->home_err.code == EXIT_OK && d->home.host[0] != '\0')
			doctor_ok(d, shown, "this host is %s, host id %s",
			    d->home.host, d->home.host_id);
	}
	x_free(shown);
}

/* ---- all that stands below a folder ---- */

static void
walk_folder(const char *dir, int depth, size_t *left,
    void (*each)(void *arg, const char *path, const struct stat *st), void *arg)
{
	struct dirent *entry;
	struct stat st;
	char *path;
	DIR *list;

	list = opendir(dir);
	if (list == NULL)
		return;
	while ((entry = readdir(list)) != NULL && *left > 0) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		path = path_join(dir, entry->d_name);
		(*left)--;
		if (lstat(path, &st) == 0) {
			each(arg, path, &st);
			if (S_ISDIR(st.st_mode) && depth > 1)
				walk_folder(path, depth - 1, left, each, arg);
		}
		x_free(path);
	}
	(void)closedir(list);
}

void
doctor_walk(const char *dir, int depth,
    void (*each)(void *arg, const char *path, const struct stat *st), void *arg)
{
	size_t left = DOCTOR_WALK_MAX;

	walk_folder(dir, depth, &left, each, arg);
}

/* ---- owners and permissions ---- */

/* What a walk through a folder found. */
struct walk {
	int64_t now;
	size_t n;
	char *foreign, *open, *odd, *closed; /* the first of each; malloc'd */
	size_t foreigns, opens, odds, closeds;
	struct argv old; /* temporaries */
};

static void
walk_first(char **first, size_t *n, const char *path)
{
	if ((*n)++ == 0)
		*first = x_strdup(path);
}

/* Is this the name of a temporary of file_replace()? */
static bool
is_temporary(const char *name)
{
	const char *at = strstr(name, ".tmp.");

	return at != NULL && at > name && strlen(at) == strlen(".tmp.") + 6;
}

/* Is it root's, who may hand us files, but not to read? */
static bool
is_kept_from_us(const char *path, const struct stat *st)
{
	int mode = S_ISDIR(st->st_mode) ? R_OK | W_OK | X_OK : R_OK;

	return st->st_uid == 0 && geteuid() != 0 && !S_ISLNK(st->st_mode) &&
	    access(path, mode) != 0 && errno == EACCES;
}

static void
walk_one(void *arg, const char *path, const struct stat *st)
{
	struct walk *w = arg;

	w->n++;
	if ((st->st_uid != geteuid() && st->st_uid != 0) ||
	    is_kept_from_us(path, st))
		walk_first(&w->foreign, &w->foreigns, path);
	else if (!S_ISLNK(st->st_mode) &&
	    (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		walk_first(&w->open, &w->opens, path);
	else if ((st->st_mode & (S_IRUSR | S_IWUSR)) != (S_IRUSR | S_IWUSR) ||
	    (S_ISDIR(st->st_mode) && !(st->st_mode & S_IXUSR)))
		walk_first(&w->closed, &w->closeds, path);
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) &&
	    !S_ISLNK(st->st_mode) && !S_ISSOCK(st->st_mode))
		walk_first(&w->odd, &w->odds, path);
	if (S_ISREG(st->st_mode) && is_temporary(path_base(path)) &&
	    w->now - (int64_t)st->st_mtim.tv_sec * 1000 > FILES_OLD_MS)
		argv_add(&w->old, path);
}

static void
walk(struct walk *w, const struct doctor *d, const char *dir, int depth)
{
	struct stat st;

	*w = (struct walk){ .now = d->now };
	if (lstat(dir, &st) == 0)
		walk_one(w, dir, &st);
	w->n = 0;
	doctor_walk(dir, depth, walk_one, w);
}

static void
walk_free(struct walk *w)
{
	x_free(w->foreign);
	x_free(w->open);
	x_free(w->odd);
	x_free(w->closed);
	argv_free(&w->old);
}

/* One row for each kind of fault, whatever the number: the command mends the
 * whole folder. */
static void
files_of(struct doctor *d, const char *dir, int depth)
{
	size_t before = d->report->n;
	char *shown = path_show(dir);
	struct walk w;

	walk(&w, d, dir, depth);
	if (w.foreigns > 0) {
		doctor_bad(d, shown,
		    "%zu files there are not ours, first %s: we refuse them",
		    w.foreigns, w.foreign);
		doctor_mend(d, "%schown -R -h %d %w", doctor_sudo(),
		    (long)geteuid(), dir);
	}
	if (w.opens > 0) {
		doctor_bad(d, shown,
		    "%zu files there can be written by others, first %s: we "
		    "refuse them",
		    w.opens, w.open);
		doctor_mend(d, "chmod -R go-w %w", dir);
	}
	if (w.closeds > 0) {
		doctor_bad(d, shown,
		    "%zu files there we may not read and write, first %s",
		    w.closeds, w.closed);
		doctor_mend(d, "chmod -R u+rwX %w", dir);
	}
	if (w.odds > 0) {
		doctor_bad(d, shown, "%s is neither file nor folder", w.odd);
		doctor_mend(d, "rm %w", w.odd);
	}
	if (d->report->n == before && access(dir, W_OK) != 0 &&
	    errno == EROFS && !doctor_boxed(d)) {
		doctor_bad(d, shown,
		    "the file system is read-only: nothing is registered or "
		    "kept; put the folder elsewhere, for hooks too (in "
		    "tmux.conf: set-environment -g AGENTS_DIR ...)");
		doctor_mend(d,
		    "export AGENTS_DIR=/var/tmp/agents-%d "
		    "AGENT_INBOX_DIR=/var/tmp/agents-%d/inbox && "
		    "agent-discover",
		    (long)geteuid(), (long)geteuid());
	}
	if (d->report->n == before)
		doctor_ok(
		    d, shown, "%zu files, all ours, written by us only", w.n);
	walk_free(&w);
	x_free(shown);
}

void
doctor_look_files(struct doctor *d)
{
	struct stat st;

	if (!d->has_home || !d->is_there)
		return;
	files_of(d, d->home.dir, FILES_DEPTH);
	if (stat(d->home.inbox, &st) == 0)
		files_of(d, d->home.inbox, 2);
}

/* ---- what was left behind ---- */

void
doctor_look_leftovers(struct doctor *d)
{
	struct buf names = BUF_INIT;
	struct walk w;
	size_t i;

	if (!d->has_home || !d->is_there)
		return;
	walk(&w, d, d->home.dir, FILES_DEPTH);
	if (w.old.n == 0) {
		doctor_ok(d, "temporary files", "none is left behind");
		goto out;
	}
	doctor_note(d, "temporary files",
	    "%zu were left behind by programs that were killed, first %s",
	    w.old.n, w.old.v[0]);
	for (i = 0; i < w.old.n && i < DOCTOR_LIST_MAX; i++) {
		buf_addc(&names, ' ');
		doctor_word(&names, w.old.v[i]);
	}
	if (w.old.n <= DOCTOR_LIST_MAX)
		doctor_mend(d, "rm%s", names.data);
	else
		doctor_mend(d,
		    "find %w -type f -name '*.tmp.[0-9A-Za-z]*' -mmin +1 "
		    "-delete",
		    d->home.dir);
out:
	buf_free(&names);
	walk_free(&w);
}
