/* What stands on the disk: the folder, owners, room, what was left behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "clock.h"
#include "doctor_parts.h"
#include "drop.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "str.h"

enum {
	FILES_MAX = 20000,        /* looked at in one walk */
	FILES_DEPTH = 4,          /* of folders in the agents folder */
	FILES_OLD_MS = 60 * 1000, /* a temporary this old is nobody's */
	LOG_RECENT_MS = 24 * 3600 * 1000,
	LOG_TAIL = 4096,      /* bytes looked at for the last line */
	DISK_INBOX_FULL = 90, /* per cent of inbox_max */
	DISK_INBOX_GOAL = 70,
	DISK_INODES_LOW = 100,
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

static void
walk_one(struct walk *w, const char *path, const struct stat *st)
{
	if (st->st_uid != geteuid() && st->st_uid != 0)
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
walk_dir(struct walk *w, const char *dir, int depth)
{
	struct dirent *entry;
	struct stat st;
	char *path;
	DIR *list;

	list = opendir(dir);
	if (list == NULL)
		return;
	while ((entry = readdir(list)) != NULL && w->n < FILES_MAX) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		path = path_join(dir, entry->d_name);
		w->n++;
		if (lstat(path, &st) == 0) {
			walk_one(w, path, &st);
			if (S_ISDIR(st.st_mode) && depth > 1)
				walk_dir(w, path, depth - 1);
		}
		x_free(path);
	}
	(void)closedir(list);
}

static void
walk(struct walk *w, const struct doctor *d, const char *dir, int depth)
{
	struct stat st;

	*w = (struct walk){ .now = d->now };
	if (lstat(dir, &st) == 0)
		walk_one(w, dir, &st);
	walk_dir(w, dir, depth);
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

/* ---- disk ---- */

/* The files of the inbox, oldest first. */
struct dropped {
	char *path;
	int64_t ms, size;
};

struct inbox {
	struct dropped *v;
	size_t n;
	int64_t used;
};

static int
by_age(const void *a, const void *b)
{
	const struct dropped *x = a, *y = b;

	return x->ms < y->ms ? -1 : x->ms > y->ms;
}

static void
inbox_read(struct inbox *in, const char *dir, int depth)
{
	struct dirent *entry;
	struct stat st;
	char *path;
	DIR *list;

	list = opendir(dir);
	if (list == NULL)
		return;
	while ((entry = readdir(list)) != NULL && in->n < FILES_MAX) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		path = path_join(dir, entry->d_name);
		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			in->v = x_realloc(in->v, in->n + 1, sizeof(*in->v));
			in->v[in->n++] = (struct dropped){ .path = path,
				.ms = (int64_t)st.st_mtim.tv_sec * 1000 +
				    st.st_mtim.tv_nsec / 1000000,
				.size = st.st_size };
			in->used += st.st_size;
			continue;
		}
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth > 1)
			inbox_read(in, path, depth - 1);
		x_free(path);
	}
	(void)closedir(list);
}

static void
inbox_free(struct inbox *in)
{
	size_t i;

	for (i = 0; i < in->n; i++)
		x_free(in->v[i].path);
	x_free(in->v);
}

/* The command that frees `bytes` by removing the oldest files; false if all of
 * them are not enough. find(1) reads the file's age before it removes it. */
static bool
inbox_mend(struct doctor *d, const struct inbox *in, int64_t bytes)
{
	int64_t freed = 0;
	size_t i;

	for (i = 0; i < in->n; i++) {
		freed += in->v[i].size;
		if (freed >= bytes)
			break;
	}
	if (i == in->n)
		return false;
	doctor_mend(d, "find %w -type f ! -newer %w -delete", d->home.inbox,
	    in->v[i].path);
	return true;
}

static void
disk_inbox(struct doctor *d, const struct inbox *in)
{
	int64_t max = d->config.inbox_max;
	char *shown = path_show(d->home.inbox);

	if (in->used > max / 100 * DISK_INBOX_FULL) {
		doctor_bad(d, shown,
		    "%zu files of %lld MiB, inbox_max is %lld MiB: more are "
		    "refused; this removes the oldest",
		    in->n, (long long)in->used >> 20, (long long)max >> 20);
		(void)inbox_mend(d, in, in->used - max / 100 * DISK_INBOX_GOAL);
	} else {
		doctor_ok(d, shown, "%zu files, %lld of %lld MiB", in->n,
		    (long long)in->used >> 20, (long long)max >> 20);
	}
	x_free(shown);
}

static void
disk_room(struct doctor *d, const char *dir, const struct inbox *in)
{
	char *shown = path_show(dir);
	struct statvfs fs;
	uint64_t keep, room;

	if (statvfs(dir, &fs) != 0) {
		if (errno != ENOENT)
			doctor_bad(d, shown, "%s", strerror(errno));
		goto out;
	}
	keep = (uint64_t)fs.f_blocks / 100 * DROP_FREE_PERCENT;
	room = (uint64_t)fs.f_bavail;
	if (fs.f_blocks > 0 && room <= keep) {
		doctor_bad(d, shown,
		    "%llu MiB free, less than %d %% of the disk: files are "
		    "refused%s",
		    (unsigned long long)(room * fs.f_frsize >> 20),
		    DROP_FREE_PERCENT,
		    room == 0 ? ", nothing can be written" : "");
		if (!inbox_mend(
			d, in, (int64_t)((keep - room + 1) * fs.f_frsize)))
			doctor_mend(
			    d, "du -xah %w | sort -h | tail -n 20", "/");
	} else if (fs.f_files > 0 && fs.f_favail < DISK_INODES_LOW) {
		doctor_bad(d, shown,
		    "%llu inodes free: no file can be made; too many small "
		    "files are somewhere on that disk",
		    (unsigned long long)fs.f_favail);
		if (in->n < DISK_INODES_LOW || !inbox_mend(d, in, in->used / 2))
			doctor_mend(
			    d, "du -x --inodes %w | sort -n | tail -n 20", "/");
	} else {
		doctor_ok(d, shown, "%llu MiB free",
		    (unsigned long long)(room * fs.f_frsize >> 20));
	}
out:
	x_free(shown);
}

void
doctor_look_disk(struct doctor *d)
{
	struct inbox in = { .v = NULL };
	struct stat a, b;

	if (!d->has_home || !d->is_there)
		return;
	inbox_read(&in, d->home.inbox, 2);
	if (in.n > 1)
		qsort(in.v, in.n, sizeof(*in.v), by_age);
	disk_room(d, d->home.dir, &in);
	if (stat(d->home.inbox, &b) == 0) {
		if (stat(d->home.dir, &a) != 0 || a.st_dev != b.st_dev)
			disk_room(d, d->home.inbox, &in);
		disk_inbox(d, &in);
	}
	inbox_free(&in);
}

/* ---- log ---- */

/* The last line of a file; malloc'd, NULL when there is none. */
static char *
last_line(const char *path)
{
	char text[LOG_TAIL + 1], *at;
	struct stat st;
	ssize_t n = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = pread(fd, text, LOG_TAIL,
		    st.st_size > LOG_TAIL ? st.st_size - LOG_TAIL : 0);
	(void)close(fd);
	if (n <= 0)
		return NULL;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	at = strrchr(text, '\n');
	return n == 0 ? NULL : x_strdup(at == NULL ? text : at + 1);
}

static void
log_file(struct doctor *d, const char *path, const char *shown)
{
	struct stat st;
	char *line;

	if (lstat(path, &st) != 0)
		return;
	if (!S_ISREG(st.st_mode)) {
		doctor_bad(d, shown,
		    "is no regular file, so errors of hooks and syncs are "
		    "lost");
		doctor_mend(d, "mv %w %w.away", path, path);
		return;
	}
	if (access(path, W_OK) != 0 && !doctor_boxed(d)) {
		doctor_bad(d, shown, "cannot be written: %s", strerror(errno));
		doctor_mend(d, "chmod u+rw %w", path);
		return;
	}
	if (st.st_size > 4LL * HOME_LOG_MAX) {
		doctor_bad(d, shown, "%lld KiB, though it is put away at %d",
		    (long long)st.st_size >> 10, HOME_LOG_MAX >> 10);
		doctor_mend(d, "mv %w %w.1", path, path);
		return;
	}
	line = last_line(path);
	if (line != NULL &&
	    d->now - (int64_t)st.st_mtim.tv_sec * 1000 < LOG_RECENT_MS) {
		doctor_note(d, shown, "last line, %lld min ago: %s",
		    (long long)(d->now / 1000 - st.st_mtim.tv_sec) / 60, line);
		doctor_mend(d, "tail -n 20 %w && mv %w %w.1", path, path, path);
	}
	x_free(line);
}

void
doctor_look_log(struct doctor *d)
{
	size_t before = d->report->n;
	char *path, *shown;
	struct dirent *entry;
	DIR *dir;

	if (!d->has_home || !d->is_there)
		return;
	shown = path_show(d->home.log);
	dir = opendir(d->home.log);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' || str_ends(entry->d_name, ".1") ||
		    str_ends(entry->d_name, ".away") ||
		    str_ends(entry->d_name, ".jsonl"))
			continue; /* .jsonl: what was done, not what failed */
		path = path_join(d->home.log, entry->d_name);
		x_free(shown);
		shown = path_show(path);
		log_file(d, path, shown);
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (d->report->n == before)
		doctor_ok(d, "log", "nothing was logged in the last day");
	x_free(shown);
}
