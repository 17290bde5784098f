/* Who this host is, its settings, the address book. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "contact.h"
#include "doctor_parts.h"
#include "exchange.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "registry.h"
#include "slice.h"
#include "str.h"

enum {
	BOOK_OLD_MS = 25 * 3600 * 1000, /* owners confirm daily */
	BOOK_NAME_MAX = 64,
	BOOK_BAD_MAX = 4096, /* bytes of a refused slice that are read */
	BOOK_TRY_S = 5,
};

/* ---- machine id ---- */

/* 0 when the file holds an id. */
static int
machine_file(const char *path)
{
	struct buf text = BUF_INIT_MAX(4096);
	int rc = -1;

	if (file_read(path, &text, NULL) == FILE_READ &&
	    strspn(text.data, "0123456789abcdef") == 32)
		rc = 0;
	buf_free(&text);
	return rc;
}

/* Another host that has our id: one was copied from the other. */
static void
machine_twins(struct doctor *d)
{
	char host_id[HOME_ID_LEN + 1], host[BOOK_NAME_MAX];
	struct dirent *entry;
	int64_t generation;
	size_t len;
	DIR *dir;

	dir = opendir(d->home.hosts);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		len = strcspn(entry->d_name, ".");
		if (!str_eq(entry->d_name + len, ".toml") ||
		    len >= sizeof(host))
			continue;
		memcpy(host, entry->d_name, len);
		host[len] = '\0';
		exchange_have(&d->home, host, &generation, host_id);
		if (!str_eq(host_id, d->home.host_id))
			continue;
		doctor_note(d, host,
		    "has the host id of this machine: one is a copy of the "
		    "other; a new id here (peers must then forget the old one: "
		    "agent-sync peer rm %s, peer add %s)",
		    d->home.host, d->home.host);
		doctor_mend(d,
		    "tr -d - </proc/sys/kernel/random/uuid | %stee "
		    "/etc/machine-id && rm %w && agent-discover",
		    doctor_sudo(), d->home.local);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

void
doctor_look_machine(struct doctor *d)
{
	size_t before = d->report->n;

	if (machine_file("/etc/machine-id") != 0 &&
	    machine_file("/var/lib/dbus/machine-id") != 0) {
		doctor_note(d, "/etc/machine-id",
		    "holds no id: the host's name is taken in its place, and "
		    "two hosts of one name cannot be told apart");
		doctor_mend(d,
		    "tr -d - </proc/sys/kernel/random/uuid | %stee "
		    "/etc/machine-id && rm -f %w && agent-discover",
		    doctor_sudo(), d->has_home ? d->home.local : "");
	}
	if (d->has_home)
		machine_twins(d);
	if (d->report->n == before)
		doctor_ok(d, "/etc/machine-id", "is this machine's own");
}

/* ---- settings ---- */

/* The line that "PATH:LINE: ..." or "PATH:LINE:COLUMN: ..." names; 0: none. */
static long
error_line(const char *path, const char *msg)
{
	size_t len = strlen(path);

	if (!str_starts(msg, path) || msg[len] != ':')
		return 0;
	return strtol(msg + len + 1, NULL, 10);
}

static void
config_file(struct doctor *d, const char *path, const struct err *e)
{
	long line = error_line(path, e->msg);
	char *shown = path_show(path);
	const char *why = e->msg;
	struct stat st;

	if (str_starts(why, path))
		why += strlen(path) + 1;
	if (e->code != EXIT_OK && line > 0) {
		doctor_bad(d, shown,
		    "line %s; until then no program starts; this makes a "
		    "comment of that line",
		    why);
		doctor_mend_sed(d, path, "%lds/^/# /", line);
	} else if (e->code != EXIT_OK) {
		doctor_bad(
		    d, shown, "%s", str_starts(why, " ") ? why + 1 : why);
		if (strstr(why, "writable by others") != NULL)
			doctor_mend(d, "chmod go-w %w", path);
		else if (strstr(why, "belongs to uid") != NULL)
			doctor_mend(d, "%schown %d %w", doctor_sudo(),
			    (long)geteuid(), path);
		else
			doctor_mend(d, "mv %w %w.away", path, path);
	} else {
		doctor_ok(d, shown,
		    stat(path, &st) == 0 ? "understood"
					 : "not there: the defaults hold");
	}
	x_free(shown);
}

/* Each by itself: one that is wrong hides the others from a set. */
static void
config_profiles(struct doctor *d)
{
	char *folder = path_join(d->home.dir, "profiles.d"), *path, *shown;
	struct profile_set one = { .v = NULL };
	struct buf text = BUF_INIT_MAX(CONFIG_SIZE_MAX);
	struct dirent *entry;
	size_t n = 0, bad = 0;
	struct err e;
	DIR *dir;

	dir = opendir(folder);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    !str_ends(entry->d_name, ".toml"))
			continue;
		n++;
		path = path_join(folder, entry->d_name);
		buf_reset(&text);
		err_clear(&e);
		if (file_read_ours(path, &text, &e) == FILE_READ) {
			char *name =
			    x_strndup(entry->d_name, strlen(entry->d_name) - 5);

			(void)profile_set_add(
			    &one, name, path, text.data, text.len, &e);
			profile_set_free(&one);
			one = (struct profile_set){ .v = NULL };
			x_free(name);
		}
		if (e.code != EXIT_OK) {
			bad++;
			shown = path_show(path);
			doctor_bad(d, shown,
			    "%s; until then no program starts; this puts it "
			    "aside",
			    str_starts(e.msg, path) ? e.msg + strlen(path) + 1
						    : e.msg);
			doctor_mend(d, "mv %w %w.away", path, path);
			x_free(shown);
		}
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (n > 0 && bad == 0) {
		shown = path_show(folder);
		doctor_ok(d, shown, "%zu profiles understood", n);
		x_free(shown);
	}
	buf_free(&text);
	x_free(folder);
}

void
doctor_look_config(struct doctor *d)
{
	if (!d->has_home || !d->is_there)
		return;
	config_file(d, d->home.config, &d->config_err);
	config_file(d, d->peers_path, &d->peers_err);
	config_profiles(d);
}

/* ---- slices ---- */

/* Our own local.toml. */
static void
slices_own(struct doctor *d)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	char *shown = path_show(d->home.local);
	struct slice s = SLICE_INIT;
	enum file_found found;
	struct err e;

	found = file_read_ours(d->home.local, &text, &e);
	if (found == FILE_MISSING) {
		if (d->sockets.n > 0 || d->peers.n > 0) {
			doctor_bad(d, shown,
			    "not there: nobody knows the windows of this host");
			doctor_mend(d, "agent-discover && agent-sync");
		}
		goto out;
	}
	if (found == FILE_FAILED)
		goto out; /* "files" has said it */
	if (slice_parse(&s, d->home.local, text.data, text.len, &e) != 0) {
		doctor_bad(d, shown, "%s; it is rebuilt from tmux", e.msg);
		doctor_mend(d, "mv %w %w.away && agent-discover && agent-sync",
		    d->home.local, d->home.local);
	} else if (s.version == 0) {
		doctor_note(d, shown, "was written by the bash agent-mesh");
		doctor_mend(d, "agent-discover && agent-sync");
	} else if (d->home.host[0] != '\0' && !str_eq(s.host, d->home.host)) {
		doctor_bad(d, shown, "is of host %s, self.conf says %s", s.host,
		    d->home.host);
		doctor_mend(d, "agent-discover && agent-sync");
	} else if (s.generation > d->now + SLICE_AHEAD_MS) {
		doctor_bad(d, shown,
		    "is from the future (%s): peers refuse it; was the clock "
		    "wrong?",
		    s.written);
		doctor_mend(
		    d, "rm %w && agent-discover && agent-sync", d->home.local);
	} else if (d->peers.n > 0 && d->now - s.generation > BOOK_OLD_MS) {
		doctor_note(d, shown,
		    "was confirmed %lld h ago: peers drop it after seven days; "
		    "does the timer run?",
		    (long long)(d->now - s.generation) / 3600000);
		doctor_mend(d, "agent-sync");
	} else {
		doctor_ok(
		    d, shown, "%zu entries, written %s", s.agents.n, s.written);
	}
out:
	slice_free(&s);
	buf_free(&text);
	x_free(shown);
}

/* Copies of ours that were not valid. */
static void
slices_aside(struct doctor *d)
{
	struct argv found = ARGV_INIT;
	struct buf names = BUF_INIT;
	struct dirent *entry;
	char *path;
	size_t i;
	DIR *dir;

	dir = opendir(d->home.dir);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (!str_starts(entry->d_name, "local.toml.bad-") ||
		    found.n >= DOCTOR_LIST_MAX)
			continue;
		path = path_join(d->home.dir, entry->d_name);
		argv_add(&found, path);
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
	if (found.n > 0) {
		doctor_note(d, path_base(found.v[0]),
		    "%zu such: local.toml was not valid, was put aside and "
		    "rebuilt",
		    found.n);
		for (i = 0; i < found.n; i++) {
			buf_addc(&names, ' ');
			doctor_word(&names, found.v[i]);
		}
		doctor_mend(d, "rm%s", names.data);
	}
	buf_free(&names);
	argv_free(&found);
}

/* hosts/NAME.bad: its first line says when and why it was refused. */
static void
slices_refused(struct doctor *d, const char *host, const char *path)
{
	struct buf text = BUF_INIT_MAX(BOOK_BAD_MAX);
	char *kept = x_asprintf("%s/%s.toml", d->home.hosts, host);
	char line[BOOK_BAD_MAX];
	size_t len;

	/* Longer ones overflow: the first line is there all the same. */
	(void)file_read(path, &text, NULL);
	len = strcspn(text.data, "\n");
	len = len < sizeof(line) ? len : sizeof(line) - 1;
	memcpy(line, text.data, len);
	line[len] = '\0';
	doctor_bad(d, host, "its slice was not taken: %s",
	    str_starts(line, "# ") ? line + 2 : line);
	if (strstr(line, "host_id") != NULL)
		/* A new machine, or somebody who takes its name. */
		doctor_mend(d, "rm %w %w && agent-sync", kept, path);
	else
		doctor_mend(d, "rm %w && agent-sync", path);
	x_free(kept);
	buf_free(&text);
}

static void
slices_of(struct doctor *d, const char *host, const char *path)
{
	struct buf text = BUF_INIT_MAX(2UL * SLICE_SIZE_MAX);
	struct slice s = SLICE_INIT;
	struct slice_came came;
	struct err e = { .code = EXIT_OK };
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		doctor_bad(d, host,
		    "%s is no regular file: its agents are not known",
		    path_base(path));
		doctor_mend(d, "mv %w %w.moved && agent-sync", path, path);
		goto out;
	}
	if (file_read_ours(path, &text, &e) != FILE_READ)
		goto out; /* "files" has said it */
	slice_read_came(&came, text.data);
	if (slice_parse(&s, path, text.data, text.len, &e) != 0) {
		doctor_bad(d, host, "%s; its agents are not known", e.msg);
		doctor_mend(d, "rm %w && agent-sync", path);
	} else if (d->now - came.ms > REGISTRY_KEEP_MS) {
		doctor_bad(d, host,
		    "was not heard of for %lld days: its agents are no longer "
		    "listed; this forgets it",
		    (long long)(d->now - came.ms) / 86400000);
		doctor_mend(d, "agent-sync peer rm %w", host);
	} else if (d->now - came.ms > BOOK_OLD_MS) {
		doctor_note(d, host,
		    "was not heard of for %lld h: its agents may be others by "
		    "now; this asks it",
		    (long long)(d->now - came.ms) / 3600000);
		doctor_mend(d, "agent-sync");
	} else {
		doctor_ok(d, host, "%zu agents, confirmed %lld min ago",
		    s.agents.n, (long long)(d->now - came.ms) / 60000);
	}
out:
	slice_free(&s);
	buf_free(&text);
}

void
doctor_look_slices(struct doctor *d)
{
	char host[HOST_MAX + 1], *path;
	struct dirent *entry;
	size_t len;
	DIR *dir;

	if (!d->has_home || !d->is_there)
		return;
	slices_own(d);
	slices_aside(d);
	dir = opendir(d->home.hosts);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		len = strcspn(entry->d_name, ".");
		if (len == 0 || len > HOST_MAX)
			continue;
		memcpy(host, entry->d_name, len);
		host[len] = '\0';
		if (!str_host_ok(host))
			continue;
		path = path_join(d->home.hosts, entry->d_name);
		if (str_eq(entry->d_name + len, ".toml"))
			slices_of(d, host, path);
		else if (str_eq(entry->d_name + len, ".bad"))
			slices_refused(d, host, path);
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* ---- registry ---- */

void
doctor_look_registry(struct doctor *d)
{
	char *shown, *stamp_path;
	struct file_stamp file, stamp;
	struct buf text = BUF_INIT_MAX(4096);
	struct stat st;
	uint64_t inode;

	if (!d->has_home || !d->is_there)
		return;
	shown = path_show(d->home.registry);
	stamp_path = path_join(d->home.run, "registry.stamp");
	file = file_stamp(d->home.registry);
	stamp = file_stamp(stamp_path);
	(void)file_read(stamp_path, &text, NULL);
	inode = strtoull(text.data, NULL, 10);
	if (stat(d->home.registry, &st) == 0 && !S_ISREG(st.st_mode)) {
		doctor_bad(d, shown,
		    "is no regular file: the registry cannot be written, and "
		    "is assembled in memory");
		doctor_mend(d, "mv %w %w.moved && agent-sync", d->home.registry,
		    d->home.registry);
	} else if (registry_fresh(&d->home)) {
		doctor_ok(d, shown, "is ours and up to date");
	} else if (file.inode == 0 && stamp.inode == 0 && d->peers.n == 0 &&
	    d->sockets.n == 0) {
		doctor_ok(d, shown, "nothing to assemble yet");
	} else if (file.inode == 0) {
		doctor_note(d, shown, "not there: it is assembled in memory");
		doctor_mend(d, "agent-sync");
	} else if (file.inode != inode || file.mtime_ns > stamp.mtime_ns) {
		doctor_bad(d, shown,
		    "was overwritten by another program (the bash agent-mesh?):"
		    " it is not read");
		doctor_mend(d, "agent-sync");
	} else {
		doctor_note(d, shown,
		    "is older than what it was made of: it is assembled in "
		    "memory");
		doctor_mend(d, "agent-sync");
	}
	buf_free(&text);
	x_free(stamp_path);
	x_free(shown);
}
