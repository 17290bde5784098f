#include "contact.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "str.h"
#include "toml.h"

enum {
	CONTACT_NAME_MAX = 200, /* leaves room for a temporary's suffix */
	CONTACT_KEYS_MAX = 4096 /* files of ~/.ssh that are looked at */
};

static char *
contact_path(const struct home *home, const char *alias)
{
	if (strlen(alias) > CONTACT_NAME_MAX)
		return x_asprintf("%s/peers/long-%016" PRIx64, home->run,
		    str_hash(alias, strlen(alias)));
	return x_asprintf("%s/peers/%s", home->run, alias);
}

static void
contact_text(const struct toml *root, const char *key, char *to, size_t size)
{
	(void)snprintf(to, size, "%s", toml_string(toml_get(root, key), ""));
}

static int64_t
contact_time(const struct toml *root, const char *key)
{
	int64_t value = toml_integer(toml_get(root, key), 0);

	return value > 0 ? value : 0;
}

void
contact_load(struct contact *c, const struct home *home, const char *alias)
{
	char *path = contact_path(home, alias), *end;
	struct buf text = BUF_INIT_MAX(CONTACT_FILE_MAX);
	struct toml *root = NULL;

	memset(c, 0, sizeof(*c));
	if (file_read_ours(path, &text, NULL) == FILE_READ)
		root = toml_parse(path, text.data, text.len, NULL);
	if (root != NULL) {
		contact_text(root, "host", c->host, sizeof(c->host));
		if (!str_host_ok(c->host))
			c->host[0] = '\0';
		contact_text(root, "version", c->version, sizeof(c->version));
		contact_text(root, "failed", c->failed, sizeof(c->failed));
		c->bash = toml_boolean(toml_get(root, "bash"), false);
		c->tried = contact_time(root, "tried");
		c->answered = contact_time(root, "answered");
		c->held = strtoull(
		    toml_string(toml_get(root, "held"), "0"), &end, 16);
	}
	toml_free(root);
	buf_free(&text);
	x_free(path);
}

int
contact_save(const struct contact *c, const struct home *home,
    const char *alias, struct err *e)
{
	char *path = contact_path(home, alias), held[20];
	char *folder = path_join(home->run, "peers"), *sweep;
	struct buf text = BUF_INIT_MAX(CONTACT_FILE_MAX);
	int rc = -1;

	if (file_make_dir(folder, e) != 0)
		goto out;
	toml_write_string(&text, "host", c->host);
	toml_write_string(&text, "version", c->version);
	if (c->bash)
		toml_write_boolean(&text, "bash", true);
	toml_write_integer(&text, "tried", c->tried);
	toml_write_integer(&text, "answered", c->answered);
	if (c->failed[0] != '\0')
		toml_write_string(&text, "failed", c->failed);
	if (c->held != 0) {
		(void)snprintf(held, sizeof(held), "%016" PRIx64, c->held);
		toml_write_string(&text, "held", held);
	}
	/* Only who has the turn with this peer writes here. */
	sweep = x_asprintf("run/peers/%s", path_base(path));
	home_sweep(home, sweep);
	x_free(sweep);
	rc = file_replace(path, text.data, text.len, FILE_FAST, e);
out:
	buf_free(&text);
	x_free(folder);
	x_free(path);
	return rc;
}

void
contact_remove(const struct home *home, const char *alias)
{
	char *path = contact_path(home, alias);

	(void)unlink(path);
	x_free(path);
}

/* Names and stamps of the regular files in ~/.ssh, in no order. */
static uint64_t
contact_folder(const char *folder)
{
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;
	char *line;
	DIR *dir;
	int n = 0;

	dir = opendir(folder);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL && n++ < CONTACT_KEYS_MAX) {
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) != 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		line = x_asprintf("%s %ju %jd %jd.%09ld", entry->d_name,
		    (uintmax_t)st.st_ino, (intmax_t)st.st_size,
		    (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		sum += str_hash(line, strlen(line));
		x_free(line);
	}
	(void)closedir(dir);
	return sum;
}

uint64_t
contact_keys(const struct home *home, const struct peer *peer)
{
	const char *agent = getenv("SSH_AUTH_SOCK");
	char *user = path_ssh_home(NULL), *path, *identity;
	struct buf all = BUF_INIT;
	struct file_stamp stamp;
	const char *files[2];
	uint64_t sum;
	size_t i;

	path = path_join(home->dir, "peers.conf");
	files[0] = path;
	identity = peer->identity[0] == '~' && user != NULL
	    ? x_asprintf("%s%s", user, peer->identity + 1)
	    : x_strdup(peer->identity);
	files[1] = identity;
	for (i = 0; i < 2; i++) {
		stamp = file_stamp(files[i]);
		buf_addf(&all, "%s %" PRIu64 " %" PRId64 " %" PRId64 "\n",
		    files[i], stamp.inode, stamp.size, stamp.mtime_ns);
	}
	x_free(identity);
	x_free(path);
	if (agent != NULL) {
		/* A new agent is a new socket. */
		stamp = file_stamp(agent);
		buf_addf(&all, "%s %" PRIu64 "\n", agent, stamp.inode);
	}
	if (user != NULL) {
		path = path_join(user, ".ssh");
		buf_addf(&all, "%" PRIu64 "\n", contact_folder(path));
		x_free(path);
	}
	sum = str_hash(all.data, all.len);
	buf_free(&all);
	x_free(user);
	return sum == 0 ? 1 : sum;
}
