/*
 * Is it that host? known_hosts is read line by line, and libssh parses each: of
 * a whole file it would give up all lines because of one that is long or
 * broken, and it passes over the marks, @revoked and @cert-authority.
 */
#include <ctype.h>
#include <string.h>

#include "file.h"
#include "mem.h"
#include "path.h"
#include "ssh_parts.h"
#include "str.h"

enum { SSH_KNOWN_MAX = 16 << 20 }; /* bytes of a known_hosts */

/* What is known of the key that the host shows. The later ones are stronger. */
enum known_what {
	KNOWN_NOT,
	KNOWN_UNREAD,    /* there is a line for this host, but not for libssh */
	KNOWN_AUTHORITY, /* only who may certify its keys */
	KNOWN_OTHER,     /* it has keys of other kinds */
	KNOWN_CHANGED,   /* another key of this kind */
	KNOWN_SAME,
	KNOWN_REVOKED,
};

struct known {
	const char *name; /* as the lines have it */
	ssh_key key;      /* what it shows; NULL: nothing yet */
	enum known_what what;
	const char *file;  /* that says so */
	struct buf *kinds; /* NULL, or gets the algorithms of its keys */
};

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

/* Under which name it stands there: malloc'd. `bare`: without its port. */
static char *
ssh_known_name(const struct ssh_link *l, bool bare)
{
	const char *alias = sshconf_get(&l->conf, SSHCONF_HOST_KEY_ALIAS);
	char *name, *p;

	if (*alias != '\0')
		name = x_strdup(alias);
	else if (bare || str_eq(l->conf.port, "22"))
		name = x_strdup(l->conf.host);
	else
		name = x_asprintf("[%s]:%s", l->conf.host, l->conf.port);
	for (p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return name;
}

/* Remember the strongest, and who said it first. */
static void
known_add(struct known *k, enum known_what what, const char *file)
{
	if (what <= k->what)
		return;
	k->what = what;
	k->file = file;
}

/* Which algorithms a key is used with. */
static const char *
known_kind(ssh_key key)
{
	switch (ssh_key_type(key)) {
	case SSH_KEYTYPE_RSA:
		return "rsa-sha2-512,rsa-sha2-256";
	case SSH_KEYTYPE_ED25519:
	case SSH_KEYTYPE_ECDSA_P256:
	case SSH_KEYTYPE_ECDSA_P384:
	case SSH_KEYTYPE_ECDSA_P521:
		return ssh_key_type_to_char(ssh_key_type(key));
	default:
		return NULL;
	}
}

static void
known_key(struct known *k, ssh_key key, const char *file)
{
	const char *kind = known_kind(key);

	if (k->kinds != NULL && kind != NULL)
		buf_addf(k->kinds, "%s,", kind);
	if (k->key == NULL)
		known_add(k, KNOWN_OTHER, file);
	else if (ssh_key_cmp(key, k->key, SSH_KEY_CMP_PUBLIC) == 0)
		known_add(k, KNOWN_SAME, file);
	else
		known_add(k,
		    ssh_key_type(key) == ssh_key_type(k->key) ? KNOWN_CHANGED
							      : KNOWN_OTHER,
		    file);
}

static void
known_line(struct known *k, const char *line, const char *file)
{
	struct ssh_knownhosts_entry *entry = NULL;
	bool revoked, authority;
	int rc;

	line += strspn(line, " \t");
	revoked = str_starts(line, "@revoked");
	authority = str_starts(line, "@cert-authority");
	if (*line == '\0' || *line == '#' ||
	    (*line == '@' && !revoked && !authority))
		return;
	if (*line == '@') {
		line += strcspn(line, " \t");
		line += strspn(line, " \t");
	}
	/* Whatever host it was written for, a revoked key is burnt. */
	rc = ssh_known_hosts_parse_line(revoked ? NULL : k->name, line, &entry);
	if (rc == SSH_OK && authority)
		known_add(k, KNOWN_AUTHORITY, file);
	else if (rc == SSH_OK && !revoked)
		known_key(k, entry->publickey, file);
	else if (rc == SSH_OK && k->key != NULL &&
	    ssh_key_cmp(entry->publickey, k->key, SSH_KEY_CMP_PUBLIC) == 0)
		known_add(k, KNOWN_REVOKED, file);
	else if (rc == SSH_ERROR && strstr(line, k->name) != NULL)
		known_add(k, KNOWN_UNREAD, file);
	if (rc == SSH_OK)
		ssh_knownhosts_entry_free(entry);
}

/* What all files say. */
static void
known_look(const struct ssh_link *l, struct known *k)
{
	struct buf b = BUF_INIT_MAX(SSH_KNOWN_MAX);
	char *line, *end;
	size_t i, n;

	for (i = 0; i < l->known.n; i++) {
		buf_reset(&b);
		if (file_read(l->known.v[i], &b, NULL) != FILE_READ)
			continue;
		for (n = 0; n < b.len; n++)
			if (b.data[n] == '\0' || b.data[n] == '\r')
				b.data[n] = ' ';
		for (line = b.data; *line != '\0'; line = end) {
			end = line + strcspn(line, "\n");
			if (*end != '\0')
				*end++ = '\0';
			known_line(k, line, l->known.v[i]);
		}
	}
	buf_free(&b);
}

/* It is asked for a key of a kind that we know, if we know any; libssh itself
 * looks into no file. */
void
ssh_known_first(struct ssh_link *l)
{
	struct buf kinds = BUF_INIT;
	struct known k = { .kinds = &kinds };
	char *name;

	(void)ssh_options_set(l->session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
	(void)ssh_options_set(
	    l->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
	if (*sshconf_get(&l->conf, SSHCONF_HOST_KEY_ALGORITHMS) != '\0')
		return;
	name = ssh_known_name(l, false);
	k.name = name;
	known_look(l, &k);
	if (kinds.len == 0) {
		x_free(name);
		k.name = name = ssh_known_name(l, true);
		known_look(l, &k);
	}
	buf_adds(&kinds,
	    "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
	    "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256");
	(void)ssh_options_set(l->session, SSH_OPTIONS_HOSTKEYS, kinds.data);
	buf_free(&kinds);
	x_free(name);
}

/* RevokedHostKeys: is the key in that list? As ssh(1) has it, nobody is let
 * through who cannot be looked up there. */
static int
ssh_check_revoked(
    struct ssh_link *l, ssh_key key, const char *print, struct err *e)
{
	const char *file = sshconf_get(&l->conf, SSHCONF_REVOKED_HOST_KEYS);
	struct buf b = BUF_INIT_MAX(SSH_KNOWN_MAX);
	struct ssh_knownhosts_entry *entry = NULL;
	char *line, *rest, *text;
	struct err why;
	int rc = 0;

	if (*file == '\0' || str_eq(file, "none"))
		return 0;
	err_clear(&why);
	if (file_read(file, &b, &why) != FILE_READ)
		rc = ssh_refuse(l, e, "RevokedHostKeys: %s",
		    why.msg[0] != '\0' ? why.msg : "the file is not there");
	else if (str_starts(b.data, "SSHKRL"))
		rc = ssh_refuse(l, e,
		    "RevokedHostKeys: %s is of a kind that libssh cannot read; "
		    "put via=ssh into peers.conf",
		    file);
	for (line = rc == 0 ? strtok_r(b.data, "\r\n", &rest) : NULL;
	     line != NULL && rc == 0; line = strtok_r(NULL, "\r\n", &rest)) {
		/* As if it were a line of known_hosts. */
		text = x_asprintf("x %s", line + strspn(line, " \t"));
		if (ssh_known_hosts_parse_line(NULL, text, &entry) == SSH_OK) {
			if (ssh_key_cmp(
				entry->publickey, key, SSH_KEY_CMP_PUBLIC) == 0)
				rc = ssh_refuse(l, e,
				    "its host key (%s) is revoked by %s: do "
				    "not use that host before it has another",
				    print, file);
			ssh_knownhosts_entry_free(entry);
			entry = NULL;
		}
		x_free(text);
	}
	buf_free(&b);
	return rc;
}

static int
ssh_refuse_host(
    struct ssh_link *l, const struct known *k, const char *print, struct err *e)
{
	char *shown = path_show(k->file);
	int rc;

	switch (k->what) {
	case KNOWN_REVOKED:
		rc = ssh_refuse(l, e,
		    "its host key (%s) is marked @revoked in %s: do not use "
		    "that host before it has another",
		    print, shown);
		break;
	case KNOWN_CHANGED:
	case KNOWN_OTHER:
		rc = ssh_refuse(l, e,
		    "its host key is not the one in %s: somebody may be in "
		    "between; if it was changed on purpose (to %s): "
		    "ssh-keygen -f '%s' -R '%s' && ssh %s true",
		    shown, print, k->file, k->name, l->alias);
		break;
	case KNOWN_AUTHORITY:
		rc = ssh_refuse(l, e,
		    "%s knows it by a @cert-authority line only, which libssh "
		    "cannot use; put via=ssh into peers.conf",
		    shown);
		break;
	case KNOWN_UNREAD:
		rc = ssh_refuse(l, e,
		    "libssh cannot read what %s says of '%s'; mend that line, "
		    "or put via=ssh into peers.conf",
		    shown, k->name);
		break;
	case KNOWN_NOT:
	default:
		rc = ssh_refuse(l, e,
		    "its host key (%s) is not in known_hosts as '%s'; compare "
		    "it and accept it by: ssh %s true",
		    print, k->name, l->alias);
		break;
	}
	x_free(shown);
	return rc;
}

/* As ssh(1): where nothing is known of it with its port, a line without one
 * will do. */
static int
ssh_check_known(
    struct ssh_link *l, ssh_key key, const char *print, struct err *e)
{
	char *name = ssh_known_name(l, false), *bare = ssh_known_name(l, true);
	struct known k = { .name = name, .key = key, .file = "" };
	struct known any = { .name = bare, .key = key, .file = "" };
	int rc = 0;

	known_look(l, &k);
	if (k.what == KNOWN_NOT)
		known_look(l, &any);
	if (k.what != KNOWN_SAME && any.what != KNOWN_SAME)
		rc = ssh_refuse_host(l, &k, print, e);
	x_free(name);
	x_free(bare);
	return rc;
}

int
ssh_check_host(struct ssh_link *l, struct err *e)
{
	unsigned char *hash = NULL;
	ssh_key key = NULL;
	char *print = NULL;
	size_t len;
	int rc = -1;

	ssh_stage_set("checking its host key");
	if (ssh_get_server_publickey(l->session, &key) != SSH_OK ||
	    ssh_get_publickey_hash(
		key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) != 0 ||
	    (print = ssh_get_fingerprint_hash(
		 SSH_PUBLICKEY_HASH_SHA256, hash, len)) == NULL)
		(void)ssh_fail(l, e, "it shows no host key");
	else if (ssh_check_known(l, key, print, e) == 0)
		rc = ssh_check_revoked(l, key, print, e);
	ssh_string_free_char(print);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
	return rc;
}
