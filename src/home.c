#include "home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "lock.h"
#include "mem.h"
#include "path.h"

enum {
	HOME_MACHINE_MAX = 4096, /* bytes of a machine-id file */
	HOME_HEAD_MAX = 4096, /* of local.toml: its slice table stands first */
};

static bool
is_alias_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '_' || c == '-';
}

void
home_short_name(char out[HOST_MAX + 1], const char *name)
{
	size_t n = 0;

	for (; *name != '\0' && *name != '.' && n < HOST_MAX; name++) {
		if (n == 0 &&
		    (!is_alias_byte(*name) || *name == '_' || *name == '-'))
			continue;
		out[n++] = is_alias_byte(*name) ? *name : '-';
	}
	out[n] = '\0';
	if (n == 0)
		(void)snprintf(out, HOST_MAX + 1, "host");
}

int
home_alias(
    const char *path, const char *text, char out[HOST_MAX + 1], struct err *e)
{
	char word[HOST_MAX + 2], *dot;
	size_t n;

	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			break;
		text += strcspn(text, "\n");
	}
	n = strcspn(text, "\n#");
	while (n > 0 && strchr(" \t\r", text[n - 1]) != NULL)
		n--;
	if (n == 0)
		return err_set(e, EXIT_LOCAL,
		    "%s: names no host; write one word there, such as 'hub'",
		    path);
	(void)snprintf(word, sizeof(word), "%.*s", (int)n, text);
	while ((dot = strchr(word, '.')) != NULL)
		*dot = '-';
	/* What stands behind the word is not left out in silence. */
	if (n > HOST_MAX || !str_host_ok(word))
		return err_set(e, EXIT_LOCAL,
		    "%s: '%.*s' is no host alias; write 1 to %d of A-Z a-z "
		    "0-9 _ -, the first a letter or digit",
		    path, (int)(n > 64 ? 64 : n), text, HOST_MAX);
	memcpy(out, word, n + 1);
	return 0;
}

/* Is `dir` where this user's agents folder is unless told otherwise? */
static bool
home_usual(const char *dir)
{
	const struct passwd *pw = getpwuid(geteuid());
	char *usual;
	bool same;

	if (pw == NULL || pw->pw_dir == NULL)
		return true;
	usual = path_join(pw->pw_dir, ".agents");
	same = str_eq(usual, dir);
	x_free(usual);
	return same;
}

/* What stands for this machine and user. */
static void
home_machine_text(struct buf *text)
{
	static const char *const files[] = { "/etc/machine-id",
		"/var/lib/dbus/machine-id" };
	char name[256] = "";
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		buf_reset(text);
		if (file_read(files[i], text, NULL) == FILE_READ)
			while (
			    text->len > 0 && text->data[text->len - 1] == '\n')
				buf_truncate(text, text->len - 1);
		if (text->len >= 32)
			break;
	}
	if (text->len < 32) {
		/* "uninitialized" and empty files are no ids either. */
		buf_reset(text);
		(void)gethostname(name, sizeof(name) - 1);
		buf_adds(text, name);
	}
	buf_addf(text, "\n%u", (unsigned)geteuid());
}

/* The id of `machine` (as above) for the folder `dir`; NULL: the usual one. */
static void
home_hash(char out[HOME_ID_LEN + 1], const struct buf *machine, const char *dir)
{
	struct buf text = BUF_INIT;

	buf_add(&text, machine->data, machine->len);
	if (dir != NULL)
		buf_addf(&text, "\n%s", dir);
	(void)snprintf(
	    out, HOME_ID_LEN + 1, "%016" PRIx64, str_hash(text.data, text.len));
	buf_free(&text);
}

void
home_machine(char out[HOME_ID_LEN + 1], const char *dir)
{
	struct buf machine = BUF_INIT_MAX(HOME_MACHINE_MAX);

	home_machine_text(&machine);
	home_hash(out, &machine, home_usual(dir) ? NULL : dir);
	buf_free(&machine);
}

/* The first run: one of several programs that start at once writes the file,
 * the others then read it. */
static enum file_found
home_first_run(
    struct home *h, const char *path, struct buf *text, struct err *e)
{
	char *lock = path_join(h->run, "self.lock"), name[256] = "";
	enum file_found found = FILE_FAILED;
	int fd = -1;

	switch (lock_take(lock, HOME_LOCK_WAIT_MS, &fd, e)) {
	case LOCK_TAKEN:
		break;
	case LOCK_BUSY:
		(void)err_set(
		    e, EXIT_LOCAL, "%s: still locked by another program", lock);
		goto out;
	case LOCK_FAILED:
		goto out;
	}
	found = file_read_ours(path, text, e);
	if (found != FILE_MISSING)
		goto out;
	(void)gethostname(name, sizeof(name) - 1);
	home_short_name(h->host, name);
	buf_addf(text, "%s\n", h->host);
	home_sweep(h, path_base(path));
	found = file_replace(path, text->data, text->len, FILE_DURABLE, e) == 0
	    ? FILE_READ
	    : FILE_FAILED;
out:
	lock_drop(&fd);
	x_free(lock);
	return found;
}

static int
home_read_alias(struct home *h, bool make, struct err *e)
{
	char *path = path_join(h->dir, "self.conf");
	struct buf text = BUF_INIT_MAX(HOME_CONF_MAX);
	enum file_found found;
	int rc = -1;

	found = file_read_ours(path, &text, e);
	if (found == FILE_MISSING && make)
		found = home_first_run(h, path, &text, e);
	if (found == FILE_READ)
		rc = home_alias(path, text.data, h->host, e);
	else if (found == FILE_MISSING)
		rc = 0;
	buf_free(&text);
	x_free(path);
	return rc;
}

/*
 * The host id that local.toml begins with; false when there is no such file or
 * it says none. Only the head is read: a lookup must not pay for the rest.
 */
static bool
home_owner(const char *dir, char out[HOME_ID_LEN + 1])
{
	static const char key[] = "\nhost_id = \"";
	char *path = path_join(dir, "local.toml"), *at, *end;
	char head[HOME_HEAD_MAX + 2];
	bool found = false;
	ssize_t n = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	x_free(path);
	if (fd < 0)
		return false;
	head[0] = '\n'; /* a header may be the first line */
	n = pread(fd, head + 1, HOME_HEAD_MAX, 0);
	(void)close(fd);
	if (n <= 0)
		return false;
	head[n + 1] = '\0';
	at = strstr(head, key);
	end = strstr(head, "\n[agents.");
	if (at != NULL && (end == NULL || at < end)) {
		at += sizeof(key) - 1;
		if (strspn(at, "0123456789abcdef") == HOME_ID_LEN &&
		    at[HOME_ID_LEN] == '"') {
			memcpy(out, at, HOME_ID_LEN);
			out[HOME_ID_LEN] = '\0';
			found = true;
		}
	}
	return found;
}

/*
 * The folder's id. Asking for our entry in passwd is the dearest thing that
 * most programs do; local.toml says what was found out the first time.
 */
static void
home_identify(struct home *h)
{
	struct buf machine = BUF_INIT_MAX(HOME_MACHINE_MAX);
	char owner[HOME_ID_LEN + 1], *usual = NULL;
	const char *home = getenv("HOME");
	bool has = home_owner(h->dir, owner), elsewhere = true;

	home_machine_text(&machine);
	if (home != NULL) {
		usual = path_join(home, ".agents");
		elsewhere = !str_eq(usual, h->dir);
	}
	home_hash(h->host_id, &machine, elsewhere ? h->dir : NULL);
	if (!has || !str_eq(owner, h->host_id))
		home_hash(
		    h->host_id, &machine, home_usual(h->dir) ? NULL : h->dir);
	x_free(usual);
	buf_free(&machine);
}

/* Is the folder this machine's? Else take FOLDER.d/SHORT-NAME. */
static int
home_choose(struct home *h, struct err *e)
{
	char owner[HOME_ID_LEN + 1], name[256] = "", shown[HOST_MAX + 1];
	struct stat st;
	char *other;

	if (!home_owner(h->dir, owner) || str_eq(owner, h->host_id))
		return 0;
	(void)gethostname(name, sizeof(name) - 1);
	home_short_name(shown, name);
	other = x_asprintf("%s.d/%s", h->dir, shown);
	if (stat(other, &st) != 0 || !S_ISDIR(st.st_mode)) {
		(void)err_set(e, EXIT_LOCAL,
		    "%s/local.toml: written by another machine (host_id %s, "
		    "this one is %s); if machines share this home, mkdir -p -m "
		    "700 '%s'; if this machine got a new id, remove that file",
		    h->dir, owner, h->host_id, other);
		x_free(other);
		return -1;
	}
	x_free(h->dir);
	h->dir = other;
	if (file_make_dir(h->dir, e) != 0)
		return -1;
	if (home_owner(h->dir, owner) && !str_eq(owner, h->host_id))
		return err_set(e, EXIT_LOCAL,
		    "%s/local.toml: written by another machine (host_id %s, "
		    "this one is %s); remove that file",
		    h->dir, owner, h->host_id);
	return 0;
}

/* Make a folder inside the agents folder, which only we can write. */
static int
home_folder(const char *path, struct err *e)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	return err_set(e, EXIT_LOCAL, "%s: %s", path, strerror(errno));
}

/* Where it is, by the environment. */
static int
home_find(struct home *h, struct err *e)
{
	*h = (struct home)HOME_INIT;
	h->dir = path_agents(e);
	h->inbox = path_inbox(e);
	if (h->dir == NULL || h->inbox == NULL)
		return -1;
	home_identify(h);
	return 0;
}

static void
home_names(struct home *h)
{
	h->run = path_join(h->dir, "run");
	h->log = path_join(h->dir, "log");
	h->hosts = path_join(h->dir, "hosts");
	h->config = path_join(h->dir, "config.toml");
	h->local = path_join(h->dir, "local.toml");
	h->registry = path_join(h->dir, "registry.toml");
}

/* The mend of a folder that cannot be made or used, unless one is said. */
static int
home_unusable(struct err *e)
{
	char *said;

	if (e == NULL || strstr(e->msg, "; ") != NULL)
		return -1;
	said = x_strdup(e->msg);
	(void)err_set(e, e->code,
	    "%s; let us write there (does a sandbox forbid it?), or set "
	    "AGENTS_DIR to a folder of yours",
	    said);
	x_free(said);
	return -1;
}

int
home_open(struct home *h, struct err *e)
{
	if (home_find(h, e) != 0)
		return -1;
	if (file_make_dir(h->dir, e) != 0)
		return home_unusable(e);
	if (home_choose(h, e) != 0)
		return -1;
	home_names(h);
	if (home_folder(h->run, e) != 0 || home_folder(h->log, e) != 0 ||
	    home_folder(h->hosts, e) != 0)
		return home_unusable(e);
	return home_read_alias(h, true, e);
}

int
home_look(struct home *h, struct err *e)
{
	int rc;

	if (home_find(h, e) != 0)
		return -1;
	rc = home_choose(h, e);
	home_names(h);
	return rc == 0 ? home_read_alias(h, false, e) : rc;
}

void
home_close(struct home *h)
{
	X_CLEAR(h->dir);
	X_CLEAR(h->inbox);
	X_CLEAR(h->run);
	X_CLEAR(h->log);
	X_CLEAR(h->hosts);
	X_CLEAR(h->config);
	X_CLEAR(h->local);
	X_CLEAR(h->registry);
}

void
home_sweep(const struct home *h, const char *name)
{
	char *path = path_join(h->dir, name), *prefix;
	struct dirent *entry;
	DIR *dir;

	prefix = x_asprintf("%s.tmp.", path_base(name));
	path[strlen(path) - strlen(path_base(name))] = '\0';
	dir = opendir(path);
	if (dir != NULL) {
		while ((entry = readdir(dir)) != NULL)
			if (str_starts(entry->d_name, prefix))
				(void)unlinkat(dirfd(dir), entry->d_name, 0);
		(void)closedir(dir);
	}
	x_free(prefix);
	x_free(path);
}

int
home_log(const struct home *h, const char *name, struct err *e)
{
	char *path = path_join(h->log, name), *old = NULL;
	struct stat st;
	int fd;

	if (stat(path, &st) == 0 && st.st_size > HOME_LOG_MAX) {
		old = x_asprintf("%s.1", path);
		(void)rename(path, old);
	}
	fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
	    0600);
	if (fd < 0)
		(void)err_set(e, EXIT_LOCAL, "%s: %s", path, strerror(errno));
	x_free(old);
	x_free(path);
	return fd;
}
