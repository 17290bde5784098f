#include <string.h>

#include "file.h"
#include "mem.h"
#include "path.h"
#include "ssh_parts.h"
#include "str.h"

enum { SSH_KNOWN_MAX = 16 << 20 }; /* bytes of a known_hosts */

/* The files of known_hosts, the user's before the system's. */
void
ssh_known_files(struct ssh_link *l)
{
	static const char *const names[] = { ".ssh/known_hosts",
		".ssh/known_hosts2" };
	const struct argv *user = &l->conf.value[SSHCONF_USER_KNOWN_HOSTS];
	const struct argv *all = &l->conf.value[SSHCONF_GLOBAL_KNOWN_HOSTS];
	char *path;
	size_t i;

	for (i = 0; i < user->n; i++)
		argv_add(&l->known, user->v[i]);
	for (i = 0; user->n == 0 && i < 2; i++) {
		path = path_join(l->conf.home, names[i]);
		argv_add(&l->known, path);
		x_free(path);
	}
	for (i = 0; i < all->n; i++)
		argv_add(&l->known, all->v[i]);
	if (all->n == 0)
		argv_addl(&l->known, "/etc/ssh/ssh_known_hosts",
		    "/etc/ssh/ssh_known_hosts2", (char *)NULL);
}

static void
ssh_known_file(struct ssh_link *l, const char *file)
{
	(void)ssh_options_set(l->session, SSH_OPTIONS_KNOWNHOSTS, file);
	(void)ssh_options_set(
	    l->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
}

/* The key that we know decides which kind libssh asks for: name the file. */
void
ssh_known_first(struct ssh_link *l)
{
	size_t i;

	for (i = 0; i < l->known.n; i++) {
		ssh_known_file(l, l->known.v[i]);
		if (ssh_session_has_known_hosts_entry(l->session) ==
		    SSH_KNOWN_HOSTS_OK)
			return;
	}
	ssh_known_file(l, "/dev/null");
}

/* Is there a line "@revoked HOST KEY" for this key? libssh skips those. */
static bool
ssh_revoked(const char *file, ssh_key key)
{
	struct ssh_knownhosts_entry *entry = NULL;
	struct buf b = BUF_INIT_MAX(SSH_KNOWN_MAX);
	char *line, *rest, *at;
	bool revoked = false;

	if (file_read(file, &b, NULL) != FILE_READ)
		goto out;
	for (line = strtok_r(b.data, "\r\n", &rest); line != NULL && !revoked;
	     line = strtok_r(NULL, "\r\n", &rest)) {
		at = line + strspn(line, " \t");
		if (!str_starts(at, "@revoked"))
			continue;
		at += strlen("@revoked");
		at += strspn(at, " \t");
		/* Whatever host it was written for: that key is burnt. */
		if (ssh_known_hosts_parse_line(NULL, at, &entry) != SSH_OK)
			continue;
		revoked =
		    ssh_key_cmp(entry->publickey, key, SSH_KEY_CMP_PUBLIC) == 0;
		ssh_knownhosts_entry_free(entry);
		entry = NULL;
	}
out:
	buf_free(&b);
	return revoked;
}

/* What all files say of the key that the server showed. */
static enum ssh_known_hosts_e
ssh_known(struct ssh_link *l, const char **file)
{
	enum ssh_known_hosts_e found = SSH_KNOWN_HOSTS_UNKNOWN, one;
	size_t i;

	*file = "";
	for (i = 0; i < l->known.n; i++) {
		ssh_known_file(l, l->known.v[i]);
		one = ssh_session_is_known_server(l->session);
		if (one == SSH_KNOWN_HOSTS_OK)
			return one;
		/* A line of this host's that it cannot read hides the others,
		 * and only the other call says so. */
		if (one == SSH_KNOWN_HOSTS_UNKNOWN &&
		    ssh_session_has_known_hosts_entry(l->session) ==
			SSH_KNOWN_HOSTS_ERROR)
			one = SSH_KNOWN_HOSTS_ERROR;
		if (one != SSH_KNOWN_HOSTS_UNKNOWN &&
		    one != SSH_KNOWN_HOSTS_NOT_FOUND &&
		    (found == SSH_KNOWN_HOSTS_UNKNOWN ||
			one == SSH_KNOWN_HOSTS_CHANGED)) {
			found = one;
			*file = l->known.v[i];
		}
	}
	return found;
}

static int
ssh_refuse_host(struct ssh_link *l, enum ssh_known_hosts_e found,
    const char *file, const char *print, struct err *e)
{
	const char *name = sshconf_get(&l->conf, SSHCONF_HOST_KEY_ALIAS);
	bool plain = *name != '\0' || str_eq(l->conf.port, "22");
	char *known, *shown = path_show(file);
	int rc;

	known = plain ? x_strdup(*name != '\0' ? name : l->conf.host)
		      : x_asprintf("[%s]:%s", l->conf.host, l->conf.port);
	if (found == SSH_KNOWN_HOSTS_CHANGED || found == SSH_KNOWN_HOSTS_OTHER)
		rc = ssh_refuse(l, e,
		    "its host key is not the one in %s: somebody may be in "
		    "between; if it was changed on purpose (to %s): "
		    "ssh-keygen -f '%s' -R '%s' && ssh %s true",
		    shown, print, file, known, l->alias);
	else if (found == SSH_KNOWN_HOSTS_ERROR)
		rc = ssh_refuse(l, e,
		    "libssh cannot read what %s says of '%s'; mend that line, "
		    "or put via=ssh into peers.conf",
		    shown, known);
	else
		rc = ssh_refuse(l, e,
		    "its host key (%s) is not in known_hosts as '%s'; compare "
		    "it and accept it by: ssh %s true",
		    print, known, l->alias);
	e->code = EXIT_REFUSED;
	x_free(known);
	x_free(shown);
	return rc;
}

int
ssh_check_host(struct ssh_link *l, struct err *e)
{
	enum ssh_known_hosts_e found;
	unsigned char *hash = NULL;
	ssh_key key = NULL;
	const char *file;
	char *print = NULL;
	size_t len, i;
	int rc = -1;

	ssh_stage_set("checking its host key");
	if (ssh_get_server_publickey(l->session, &key) != SSH_OK ||
	    ssh_get_publickey_hash(
		key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0 ||
	    (print = ssh_get_fingerprint_hash(
		 SSH_PUBLICKEY_HASH_SHA256, hash, len)) == NULL) {
		(void)ssh_fail(l, e, "it shows no host key");
		goto out;
	}
	found = ssh_known(l, &file);
	if (found != SSH_KNOWN_HOSTS_OK) {
		(void)ssh_refuse_host(l, found, file, print, e);
		goto out;
	}
	for (i = 0; i < l->known.n; i++) {
		if (!ssh_revoked(l->known.v[i], key))
			continue;
		(void)ssh_refuse(l, e,
		    "its host key (%s) is marked @revoked in %s: do not use "
		    "that host before it has another",
		    print, l->known.v[i]);
		e->code = EXIT_REFUSED;
		goto out;
	}
	rc = 0;
out:
	ssh_string_free_char(print);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
	return rc;
}
