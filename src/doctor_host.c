/* This machine: packages, PATH, the timer. */
#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "doctor_parts.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "ps.h"
#include "str.h"

enum { HOST_OUT_MAX = 256 * 1024 };

/* Run it; its status, or -1 when it could not be run or did not end. */
static int
host_run(struct argv *argv, struct buf *out)
{
	struct proc p = {
		.argv = argv, .out = out, .timeout_ms = DOCTOR_CALL_MS
	};
	int rc = proc_run(&p, NULL);

	argv_free(argv);
	return rc == 0 ? p.status : -1;
}

/* Where PATH leads for `name`; malloc'd, NULL: nowhere. */
static char *
host_which(const char *name)
{
	const char *path = getenv("PATH"), *end;
	struct stat st;
	char *file;

	for (; path != NULL && *path != '\0';
	     path = *end == '\0' ? end : end + 1) {
		end = path + strcspn(path, ":");
		file = x_asprintf("%.*s/%s", (int)(end - path), path, name);
		if (end > path && stat(file, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(file, X_OK) == 0)
			return file;
		x_free(file);
	}
	return NULL;
}

/* ---- packages ---- */

static const struct {
	const char *program, *words, *names[3]; /* as enum doctor_package */
} managers[] = {
	{ "apt-get", "install", { "tmux", "libssh-4", "cron" } },
	{ "dnf", "install", { "tmux", "libssh", "cronie" } },
	{ "pacman", "-S", { "tmux", "libssh", "cronie" } },
	{ "apk", "add", { "tmux", "libssh", "busybox-suid" } },
};

char *
doctor_package(enum doctor_package package)
{
	char *found = NULL;
	size_t i, at = 0;

	for (i = 0; i < sizeof(managers) / sizeof(managers[0]); i++) {
		found = host_which(managers[i].program);
		if (found != NULL) {
			at = i;
			break;
		}
	}
	x_free(found);
	return x_asprintf("%s%s %s %s", doctor_sudo(), managers[at].program,
	    managers[at].words, managers[at].names[package]);
}

void
doctor_mend_again(struct doctor *d)
{
	char *prefix = doctor_program(".."), *real = realpath(prefix, NULL);
	char *source =
	    x_asprintf("%s/share/panemesh/panemesh-" VERSION ".tar.gz",
		real == NULL ? "" : real);

	if (access(source, R_OK) != 0)
		goto out;
	if (real != NULL && str_eq(real, "/usr"))
		doctor_mend(
		    d, "%sapt-get install --reinstall panemesh", doctor_sudo());
	else /* files only: the rest stays as it was chosen */
		doctor_mend(d,
		    "(d=$(mktemp -d) && tar -xzf %w -C \"$d\" && "
		    "\"$d\"/panemesh-*/install.sh --prefix %w --no-demo "
		    "--files; rm -rf \"$d\")",
		    source, real);
out:
	x_free(source);
	x_free(prefix);
	free(real);
}

/* ---- PATH ---- */

static const char *const programs[] = { "notify-pane", "agent-discover",
	"agent-inbox", "agent-link", "agent-register-hook",
	"agent-self-identify", "agent-serve", "agent-sync" };

/* Put `dir` first, now and in the shells that come. */
static void
path_mend(struct doctor *d, const char *dir)
{
	const char *shell = getenv("SHELL");
	const char *file;

	shell = path_base(shell == NULL ? "" : shell);
	if (str_eq(shell, "fish")) {
		doctor_mend(d, "fish_add_path --move %w", dir);
		return;
	}
	file = str_eq(shell, "zsh") ? "~/.zshenv"
	    : str_eq(shell, "bash") ? "~/.bashrc"
				    : "~/.profile";
	doctor_mend(d,
	    "export PATH=%w:\"$PATH\" && echo export PATH=%w:'\"$PATH\"' "
	    ">>%s",
	    dir, dir, file);
}

static bool
same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	    x.st_ino == y.st_ino;
}

static void
path_one(struct doctor *d, const char *name, const char *dir)
{
	char *ours = path_join(dir, name), *found = host_which(name);

	if (access(ours, X_OK) != 0) {
		doctor_bad(d, name,
		    "is missing in %s, where the other programs are; install "
		    "panemesh again",
		    dir);
		doctor_mend_again(d);
	} else if (found == NULL) {
		doctor_bad(d, name, "is in no folder of PATH");
		path_mend(d, dir);
	} else if (!same_file(found, ours)) {
		doctor_bad(d, name,
		    "is found in PATH as %s: another one (the bash "
		    "agent-mesh's?)",
		    found);
		path_mend(d, dir);
	}
	x_free(found);
	x_free(ours);
}

void
doctor_look_path(struct doctor *d)
{
	size_t before = d->report->n, i;
	struct argv argv = ARGV_INIT;
	struct buf out = BUF_INIT_MAX(HOST_OUT_MAX);
	char *dir = doctor_program("."), *link, *words;

	if (str_ends(dir, "/."))
		dir[strlen(dir) - 2] = '\0';
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		path_one(d, programs[i], dir);
		/* One command mends it for all. */
		if (d->report->n > before &&
		    d->report->v[d->report->n - 1].mend != NULL)
			break;
	}
	link = doctor_program("agent-link");
	argv_addl(&argv, link, "--version", NULL);
	if (access(link, X_OK) == 0 && host_run(&argv, &out) != 0) {
		doctor_bad(d, "agent-link",
		    "does not start: libssh is missing, no other host can be "
		    "reached");
		words = doctor_package(DOCTOR_LIBSSH);
		doctor_mend(d, "%s", words);
		x_free(words);
	}
	argv_free(&argv);
	if (d->report->n == before)
		doctor_ok(d, "PATH", "leads to the programs in %s", dir);
	buf_free(&out);
	x_free(link);
	x_free(dir);
}

/* ---- the timer ---- */

/* The value of "KEY=value" in lines of systemctl show; malloc'd. */
static char *
unit_value(const struct buf *out, const char *key)
{
	const char *line = out->data;
	size_t len = strlen(key);

	while (line != NULL && *line != '\0') {
		if (strncmp(line, key, len) == 0 && line[len] == '=') {
			line += len + 1;
			return x_strndup(line, strcspn(line, "\n"));
		}
		line = strchr(line, '\n');
		line = line == NULL ? NULL : line + 1;
	}
	return x_strdup("");
}

/* Does cron do it? */
static bool
timer_cron(void)
{
	struct buf out = BUF_INIT_MAX(HOST_OUT_MAX);
	struct argv argv = ARGV_INIT;
	char *line, *rest;
	bool found = false;

	argv_addl(&argv, "crontab", "-l", NULL);
	if (host_run(&argv, &out) == 0)
		for (line = strtok_r(out.data, "\n", &rest);
		     line != NULL && !found; line = strtok_r(NULL, "\n", &rest))
			found = line[strspn(line, " \t")] != '#' &&
			    strstr(line, "agent-discover") != NULL;
	buf_free(&out);
	return found;
}

static bool
timer_cron_runs(void)
{
	static const char *const names[] = { "cron", "crond", "fcron",
		"busybox" };
	struct dirent *entry;
	bool found = false;
	struct ps ps;
	size_t i;
	DIR *proc;

	proc = opendir("/proc");
	while (proc != NULL && !found && (entry = readdir(proc)) != NULL) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || ps_read((pid_t)pid, &ps) != 0)
			continue;
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			found = found || str_eq(ps.comm, names[i]);
	}
	if (proc != NULL)
		(void)closedir(proc);
	return found;
}

static void
timer_mend_cron(struct doctor *d)
{
	char *discover = doctor_program("agent-discover"), *which, *first;
	struct buf line = BUF_INIT, word = BUF_INIT;

	which = host_which("crontab");
	first = which == NULL ? doctor_package(DOCTOR_CRON) : x_strdup("");
	/* cron's sh reads the line, where % ends the command. */
	doctor_word(&word, discover);
	buf_addf(&line, "*/5 * * * * %s --quiet >/dev/null 2>&1", word.data);
	/* The marks of install.sh, which then knows it as its own. */
	doctor_mend(d,
	    "%s%s(crontab -l 2>/dev/null; printf '%%s\\n' %w %w %w) | "
	    "crontab -",
	    first, which == NULL ? " && " : "", "# >>> panemesh >>>", line.data,
	    "# <<< panemesh <<<");
	buf_free(&line);
	buf_free(&word);
	x_free(first);
	x_free(which);
	x_free(discover);
}

/* Is the user's systemd there until he logs out only? */
static void
timer_linger(struct doctor *d)
{
	const struct passwd *pw = getpwuid(geteuid());
	struct argv argv = ARGV_INIT;
	struct buf out = BUF_INIT_MAX(HOST_OUT_MAX);
	char *value;

	argv_addl(&argv, "loginctl", "show-user", "-p", "Linger", NULL);
	argv_add(&argv, pw == NULL ? "" : pw->pw_name);
	if (host_run(&argv, &out) == 0) {
		value = unit_value(&out, "Linger");
		if (str_eq(value, "no")) {
			doctor_note(d, "linger",
			    "is off: the timer runs only while you are logged "
			    "in");
			doctor_mend(d, "loginctl enable-linger %w",
			    pw == NULL ? "" : pw->pw_name);
		}
		x_free(value);
	}
	buf_free(&out);
}

/* What the user's systemd says of the timer. */
static void
timer_unit(struct doctor *d, const struct buf *timer)
{
	char *load = unit_value(timer, "LoadState");
	char *active = unit_value(timer, "ActiveState");
	char *last = unit_value(timer, "LastTriggerUSec");
	char *result,
	    *since = unit_value(timer, "ActiveEnterTimestampMonotonic");
	struct buf service = BUF_INIT_MAX(HOST_OUT_MAX);
	struct argv argv = ARGV_INIT;
	struct timespec now = { .tv_sec = 0 };

	argv_addl(&argv, "systemctl", "--user", "show", "agent-resync.service",
	    "-p", "Result", NULL);
	(void)host_run(&argv, &service);
	result = unit_value(&service, "Result");
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (str_eq(load, "not-found") || !str_eq(active, "active")) {
		doctor_note(d, "agent-resync.timer",
		    "is %s: what tmux tells nobody (a killed server) stays in "
		    "the address book",
		    str_eq(load, "not-found") ? "not known to systemd"
					      : "not running");
		if (str_eq(load, "not-found"))
			timer_mend_cron(d);
		else
			doctor_mend(d,
			    "systemctl --user enable --now "
			    "agent-resync.timer");
	} else if (result[0] != '\0' && !str_eq(result, "success")) {
		doctor_bad(d, "agent-resync.service",
		    "failed when it last ran (%s); journalctl --user -u "
		    "agent-resync says why",
		    result);
		doctor_mend(d, "systemctl --user restart agent-resync.service");
	} else if ((last[0] == '\0' || str_eq(last, "n/a") ||
		       str_eq(last, "0")) &&
	    now.tv_sec - strtoll(since, NULL, 10) / 1000000 > 600) {
		doctor_note(d, "agent-resync.timer", "never ran");
		doctor_mend(d, "systemctl --user restart agent-resync.timer");
	} else {
		doctor_ok(d, "agent-resync.timer", "runs; last: %s",
		    last[0] == '\0' || str_eq(last, "n/a") ? "not yet" : last);
	}
	timer_linger(d);
	x_free(load);
	x_free(active);
	x_free(last);
	x_free(since);
	x_free(result);
	buf_free(&service);
}

static void
timer_look(struct doctor *d, const void *arg)
{
	struct buf out = BUF_INIT_MAX(HOST_OUT_MAX);
	struct argv argv = ARGV_INIT;

	(void)arg;
	argv_addl(&argv, "systemctl", "--user", "show", "agent-resync.timer",
	    "-p", "LoadState", "-p", "ActiveState", "-p", "LastTriggerUSec",
	    "-p", "ActiveEnterTimestampMonotonic", NULL);
	if (timer_cron()) {
		if (timer_cron_runs()) {
			doctor_ok(d, "cron", "runs agent-discover");
		} else {
			doctor_note(d, "cron",
			    "has a line for agent-discover, but no cron is "
			    "running");
			doctor_mend(d, "%sservice cron start", doctor_sudo());
		}
		argv_free(&argv);
	} else if (host_run(&argv, &out) == 0 && out.len > 0) {
		timer_unit(d, &out);
	} else {
		doctor_note(d, "timer",
		    "there is no systemd for this user, and cron does not run "
		    "agent-discover: what tmux tells nobody (a killed server) "
		    "stays in the address book");
		timer_mend_cron(d);
	}
	buf_free(&out);
}

void
doctor_look_timer(struct doctor *d)
{
	doctor_aside(d, "timer", 4 * DOCTOR_CALL_MS, timer_look, NULL);
}
