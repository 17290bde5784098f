#include "contact.h"

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

enum { CONTACT_NAME_MAX = 200 /* leaves room for a temporary's suffix */ };

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
		c->pushed = contact_time(root, "pushed");
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
	toml_write_integer(&text, "pushed", c->pushed);
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

static void
contact_stamp(struct buf *all, const char *path)
{
	struct file_stamp stamp = file_stamp(path);

	buf_addf(all, "%s %" PRIu64 " %" PRId64 " %" PRId64 "\n", path,
	    stamp.inode, stamp.size, stamp.mtime_ns);
}

/* What both numbers are made of: the identity file, ~/.ssh. */
static void
contact_files(struct buf *all, const struct peer *peer)
{
	char *user = path_ssh_home(NULL), *path;

	path = peer->identity[0] == '~' && user != NULL
	    ? x_asprintf("%s%s", user, peer->identity + 1)
	    : x_strdup(peer->identity);
	contact_stamp(all, path);
	x_free(path);
	if (user != NULL) {
		path = path_join(user, ".ssh");
		buf_addf(all, "%" PRIu64 "\n", file_folder_stamp(path));
		x_free(path);
	}
	x_free(user);
}

static uint64_t
contact_sum(struct buf *all)
{
	uint64_t sum = str_hash(all->data, all->len);

	buf_free(all);
	return sum == 0 ? 1 : sum;
}

uint64_t
contact_keys(const struct home *home, const struct peer *peer)
{
	const char *agent = getenv("SSH_AUTH_SOCK");
	char *path = path_join(home->dir, "peers.conf");
	struct buf all = BUF_INIT;
	struct file_stamp stamp;

	contact_stamp(&all, path);
	x_free(path);
	contact_files(&all, peer);
	if (agent != NULL) {
		/* A new agent is a new socket. */
		stamp = file_stamp(agent);
		buf_addf(&all, "%s %" PRIu64 "\n", agent, stamp.inode);
	}
	return contact_sum(&all);
}

uint64_t
contact_line(const struct home *home, const struct peer *peer)
{
	struct buf all = BUF_INIT;
	size_t i;

	buf_addf(&all, "%s\n%s\n%s\n%s\n%d\n", home->dir, home->host,
	    peer->alias, peer->serve, peer->via_ssh);
	for (i = 0; i < peer->command.n; i++)
		buf_addf(&all, "%s\n", peer->command.v[i]);
	contact_stamp(&all, home->config);
	contact_files(&all, peer);
	return contact_sum(&all);
}
