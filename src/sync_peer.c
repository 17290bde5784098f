#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "contact.h"
#include "exchange.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "registry.h"
#include "sshconf.h"
#include "str.h"
#include "sync.h"

enum {
	PEER_KEY_MAX = 16 * 1024, /* bytes of a public key's file */
	PEER_CONF_MS = 5000,      /* for a Match exec in ~/.ssh/config */
};

/* A line for people; what it quotes may come from outside. */
static void __attribute__((format(printf, 2, 3)))
say(struct buf *out, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0)
		log_escape(out, text, strlen(text));
	va_end(ap);
	buf_addc(out, '\n');
	free(text);
}

static int
peers_open(
    const struct home *home, struct peers *peers, char **path, struct err *e)
{
	*path = path_join(home->dir, "peers.conf");
	return peers_load(peers, *path, e);
}

/* Add or take out a line, while nobody else does: both write the whole file. */
static int
peers_change(const struct home *home,
    int (*change)(const char *path, const char *alias, struct err *e),
    const char *path, const char *alias, struct err *e)
{
	char *lock = path_join(home->run, "peers.lock");
	int fd = -1, rc;

	rc = lock_need(lock, HOME_LOCK_WAIT_MS, &fd, e);
	if (rc == 0)
		rc = change(path, alias, e);
	lock_drop(&fd);
	x_free(lock);
	return rc;
}

/* ---- peer add ---- */

/* What `peer add` found out. */
struct added {
	const struct home *home;
	struct buf *out;
	bool answered;
	struct err e;
};

/* The other way round. */
static void
add_back(const struct added *a, const struct sync_result *r)
{
	switch (r->back) {
	case SYNC_BACK_OK:
		say(a->out, "%s: reaches us: %s", r->alias, r->back_words);
		break;
	case SYNC_BACK_FAILED:
		say(a->out, "%s: does not reach us: %s; mend it there",
		    r->alias, r->back_words);
		break;
	case SYNC_BACK_UNKNOWN:
		say(a->out,
		    "%s: whether it reaches us could not be asked; there: "
		    "agent-sync peer add %s",
		    r->alias, a->home->host);
		break;
	}
}

static void
add_report(void *arg, const struct sync_result *r)
{
	struct added *a = arg;

	a->answered = r->answered;
	a->e = r->e;
	if (!r->answered)
		return;
	if (r->bash) {
		say(a->out,
		    "%s: reached, without panemesh: its panes are listed, "
		    "messages to them are refused; install panemesh there",
		    r->alias);
		return;
	}
	say(a->out, "%s: reached: host %s, panemesh %s", r->alias, r->host,
	    r->version[0] == '\0' ? "?" : r->version);
	if (r->e.code == EXIT_OK)
		add_back(a, r);
	else if (r->e.code != EXIT_REFUSED && r->e.code != EXIT_LOCAL)
		say(a->out, "%s", r->e.msg);
}

/* Talk to it alone, as a sync does. -1: it is not to be added. */
static int
add_try(struct added *a, const struct peer *known, const char *alias,
    const struct sync_options *options, struct err *e)
{
	struct peer one = { .alias = x_strdup(alias),
		.serve = x_strdup(""),
		.identity = x_strdup(""),
		.through = x_strdup(""),
		.unlisted = true };
	const struct peers alone = { .v = &one, .n = 1 };
	struct peer mine = one;
	struct sync_options asking = *options;
	size_t failed;
	int rc;

	if (known != NULL)
		one = *known;
	asking.stay = asking.again = asking.back = true;
	rc = sync_run(a->home, &alone, &asking, add_report, a, &failed, e);
	if (rc == 0 &&
	    (!a->answered || a->e.code == EXIT_REFUSED ||
		a->e.code == EXIT_LOCAL)) {
		*e = a->e;
		rc = -1;
	}
	x_free(mine.alias);
	x_free(mine.serve);
	x_free(mine.identity);
	x_free(mine.through);
	return rc;
}

int
sync_peer_add(const struct home *home, const char *alias,
    const struct sync_options *options, struct buf *out, struct err *e)
{
	struct added a = { .home = home, .out = out };
	struct peers peers = PEERS_INIT;
	const struct peer *known;
	char *path = NULL;
	int rc = -1;

	if (!peers_alias_ok(alias)) {
		(void)err_set(
		    e, EXIT_USAGE, "'%.100s' can be no peer's name", alias);
		goto out;
	}
	if (peers_open(home, &peers, &path, e) != 0)
		goto out;
	known = peers_find_any(&peers, alias);
	if (known != NULL && (known->through[0] != '\0' || known->dials)) {
		(void)err_set(e, EXIT_LOCAL,
		    "%s: stands in %s with %s%s; take that line out "
		    "before: agent-sync peer rm %s",
		    alias, path,
		    known->dials ? "dial=no" : "through=", known->through,
		    alias);
		goto out;
	}
	if (add_try(&a, known, alias, options, e) != 0) {
		if (known == NULL) {
			contact_remove(home, alias);
			say(out, "%s: not added to %s; mend that and try again",
			    alias, path);
		}
		goto out;
	}
	rc = peers_change(home, peers_add, path, alias, e);
	if (rc < 0)
		goto out;
	say(out, rc == 0 ? "%s: added to %s" : "%s: stands in %s already",
	    alias, path);
	rc = 0;
out:
	peers_free(&peers);
	x_free(path);
	return rc;
}

/* ---- peer add --restrict ---- */

/* The first line of FILE.pub, without its comment; false if there is none. */
static bool
public_key(const char *file, struct buf *key)
{
	char *path = x_asprintf("%s.pub", file), *rest, *kind, *data;
	struct buf text = BUF_INIT_MAX(PEER_KEY_MAX);
	bool found = false;

	if (file_read(path, &text, NULL) == FILE_READ) {
		kind = strtok_r(text.data, " \t\r\n", &rest);
		data = kind == NULL ? NULL : strtok_r(NULL, " \t\r\n", &rest);
		if (data != NULL &&
		    strspn(kind,
			"abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-@.") == strlen(kind) &&
		    strspn(data,
			"abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789+/=") == strlen(data)) {
			buf_addf(key, "%s %s", kind, data);
			found = true;
		}
	}
	buf_free(&text);
	x_free(path);
	return found;
}

/* Files of private keys that would be used for this peer, best first. */
static int
key_files(const struct peer *peer, const char *alias, struct argv *files,
    struct err *e)
{
	static const char *const usual[] = { ".ssh/id_ed25519", ".ssh/id_ecdsa",
		".ssh/id_rsa" };
	char *user = path_ssh_home(e), *path = NULL;
	struct sshconf conf = SSHCONF_INIT;
	const struct argv *named;
	int rc = -1;
	size_t i;

	if (user == NULL)
		return -1;
	if (peer != NULL && peer->identity[0] != '\0') {
		if (str_starts(peer->identity, "~/"))
			argv_addf(files, "%s%s", user, peer->identity + 1);
		else
			argv_add(files, peer->identity);
		rc = 0;
		goto out;
	}
	path = path_join(user, ".ssh/config");
	const struct sshconf_files where = { .home = user,
		.user_file = path,
		.system_file = "/etc/ssh/ssh_config" };
	if (sshconf_load(
		&conf, alias, &where, clock_deadline(PEER_CONF_MS), e) != 0)
		goto out;
	named = &conf.value[SSHCONF_IDENTITY_FILE];
	for (i = 0; i < named->n; i++)
		argv_add(files, named->v[i]);
	for (i = 0; named->n == 0 && i < sizeof(usual) / sizeof(usual[0]); i++)
		argv_addf(files, "%s/%s", user, usual[i]);
	rc = 0;
out:
	sshconf_free(&conf);
	x_free(path);
	x_free(user);
	return rc;
}

/* As one word for the shell that sshd starts, inside of the double quotes of
 * authorized_keys (sshd(8)), where a backslash stands for a quote only. */
static int
key_command(struct buf *b, const char *serve, struct err *e)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-";
	bool quoted = serve[strspn(serve, plain)] != '\0';

	if (strpbrk(serve, "'\"\\\n") != NULL)
		return err_set(e, EXIT_LOCAL,
		    "%s: cannot stand in authorized_keys; install panemesh in "
		    "a folder without quotes in its name",
		    serve);
	buf_addf(b, "%s%s%s", quoted ? "'" : "", serve, quoted ? "'" : "");
	return 0;
}

int
sync_peer_restrict(const struct home *home, const char *alias, struct buf *line,
    struct buf *out, struct err *e)
{
	char *path = NULL, *serve = proc_sibling("agent-serve");
	struct peers peers = PEERS_INIT;
	struct argv files = ARGV_INIT;
	const struct peer *peer;
	struct buf key = BUF_INIT;
	int rc = -1;
	size_t i;

	if (!peers_alias_ok(alias)) {
		(void)err_set(
		    e, EXIT_USAGE, "'%.100s' can be no peer's name", alias);
		goto out;
	}
	if (peers_open(home, &peers, &path, e) != 0)
		goto out;
	peer = peers_find(&peers, alias);
	if (key_files(peer, alias, &files, e) != 0)
		goto out;
	for (i = 0; i < files.n && !public_key(files.v[i], &key); i++)
		continue;
	if (i == files.n) {
		(void)err_set(e, EXIT_LOCAL,
		    "%s: no public key beside %s; make one: ssh-keygen -t "
		    "ed25519 -f ~/.ssh/panemesh, and write identity="
		    "~/.ssh/panemesh behind %s in %s",
		    alias, files.n > 0 ? files.v[0] : "the agent's", alias,
		    path);
		goto out;
	}
	buf_adds(line, "restrict,command=\"");
	if (key_command(line,
		peer != NULL && peer->serve[0] != '\0' ? peer->serve : serve,
		e) != 0)
		goto out;
	buf_addf(
	    line, " --peer %s\" %s %s\n", home->host, key.data, home->host);
	say(out,
	    "This line belongs into ~/.ssh/authorized_keys on %s, before any "
	    "other line with that key (%s.pub), with the path of agent-serve "
	    "there. From then on the key is good for panemesh only: for "
	    "logging in use another one.",
	    alias, files.v[i]);
	rc = 0;
out:
	argv_free(&files);
	buf_free(&key);
	peers_free(&peers);
	x_free(serve);
	x_free(path);
	return rc;
}

/* ---- peer rm ---- */

static void
forget_host(const struct home *home, const char *host)
{
	static const char *const ends[] = { "toml", "bad" };
	char *path;
	size_t i;

	for (i = 0; i < 2; i++) {
		path = x_asprintf("%s/%s.%s", home->hosts, host, ends[i]);
		(void)unlink(path);
		x_free(path);
	}
}

/* Is there a slice of that host which was refused? */
static bool
was_refused(const struct home *home, const char *host)
{
	char *path = x_asprintf("%s/%s.bad", home->hosts, host);
	bool there = str_host_ok(host) && file_stamp(path).inode != 0;

	x_free(path);
	return there;
}

/* The alias that `name` means: one of peers.conf, or by which that host is
 * reached. */
static const char *
find_alias(const struct home *home, const struct peers *peers, const char *name)
{
	struct slice_came came;
	struct contact contact;
	size_t i;

	if (peers_find_any(peers, name) != NULL)
		return name;
	for (i = 0; i < peers->n; i++) {
		contact_load(&contact, home, peers->v[i].alias);
		exchange_came(home, name, &came);
		if (str_eq(contact.host, name) ||
		    str_eq(came.by, peers->v[i].alias))
			return peers->v[i].alias;
	}
	return NULL;
}

int
sync_peer_remove(
    const struct home *home, const char *name, struct buf *out, struct err *e)
{
	struct peers peers = PEERS_INIT;
	struct contact contact = { .host = "" };
	struct slice_came came;
	const char *alias;
	char *path = NULL;
	int rc = -1;

	if (peers_open(home, &peers, &path, e) != 0)
		goto out;
	alias = find_alias(home, &peers, name);
	exchange_came(home, name, &came);
	if (alias == NULL && came.ms == 0 && !was_refused(home, name)) {
		(void)err_set(e, EXIT_UNKNOWN,
		    "%.100s: is no peer and no host; agent-sync status lists "
		    "them",
		    name);
		goto out;
	}
	if (alias != NULL) {
		contact_load(&contact, home, alias);
		if (peers_change(home, peers_remove, path, alias, e) < 0)
			goto out;
		contact_remove(home, alias);
		say(out, "%s: taken out of %s", alias, path);
	} else if (str_host_ok(name)) {
		(void)snprintf(contact.host, sizeof(contact.host), "%s", name);
	}
	if (contact.host[0] != '\0') {
		forget_host(home, contact.host);
		say(out,
		    "%s: its slice is forgotten; if it dials us, it comes "
		    "again: take its key out of ~/.ssh/authorized_keys",
		    contact.host);
	}
	rc = registry_assemble(home, clock_real_ms(), e);
out:
	peers_free(&peers);
	x_free(path);
	return rc;
}
