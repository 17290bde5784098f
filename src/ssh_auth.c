#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "mem.h"
#include "path.h"
#include "ssh_parts.h"
#include "str.h"

enum { SSH_KEY_MAX = 64 * 1024 }; /* bytes of a private key's file */

/* The type is libssh's ssh_auth_callback. */
static int
ssh_no_passphrase(
    /* NOLINTNEXTLINE(readability-non-const-parameter) */
    const char *prompt, char *out, size_t len, int echo, int verify, void *arg)
{
	bool *asked = arg;

	(void)prompt;
	if (len > 0)
		out[0] = '\0';
	(void)echo;
	(void)verify;
	*asked = true;
	return -1;
}

static void __attribute__((format(printf, 2, 3)))
ssh_tried(struct ssh_link *l, const char *fmt, ...)
{
	char text[SSH_TRIED_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (l->tried.len > 0)
		buf_adds(&l->tried, ", ");
	buf_adds(&l->tried, text);
}

/* Read a private key, as strictly as ssh does; NULL: noted why. */
static ssh_key
ssh_load_key(struct ssh_link *l, const char *file, bool wanted, bool *locked)
{
	struct buf b = BUF_INIT_MAX(SSH_KEY_MAX);
	char *shown = path_show(file);
	struct err why = { .code = EXIT_OK };
	ssh_key key = NULL;
	struct stat st;

	*locked = false;
	switch (file_read(file, &b, &why)) {
	case FILE_MISSING:
		if (wanted)
			ssh_tried(l, "%s is missing", shown);
		break;
	case FILE_FAILED:
		ssh_tried(l, "%s", why.msg);
		break;
	case FILE_READ:
		if (stat(file, &st) == 0 && st.st_uid == getuid() &&
		    (st.st_mode & 077) != 0)
			ssh_tried(l, "%s is open to others (chmod 600)", shown);
		else if (ssh_pki_import_privkey_base64(b.data, NULL,
			     ssh_no_passphrase, locked, &key) != SSH_OK)
			ssh_tried(l,
			    *locked ? "%s needs a passphrase"
				    : "%s cannot be read by libssh",
			    shown);
		break;
	}
	if (b.len > 0)
		explicit_bzero(b.data, b.len);
	buf_free(&b);
	x_free(shown);
	return key;
}

/* One step of logging in, repeated until it is through. */
static int
ssh_offer(struct ssh_link *l, ssh_key key, int64_t deadline, struct err *e)
{
	int rc;

	for (;;) {
		rc = key == NULL
		    ? ssh_userauth_agent(l->session, NULL)
		    : ssh_userauth_publickey(l->session, NULL, key);
		if (rc != SSH_AUTH_AGAIN)
			return rc;
		if (ssh_wait(l, deadline, e) != 0)
			return SSH_AUTH_AGAIN;
	}
}

/* May the agent be asked, and which one? */
static bool
ssh_agent_set(struct ssh_link *l)
{
	const char *agent = sshconf_get(&l->conf, SSHCONF_IDENTITY_AGENT);

	if (str_eq(agent, "none") || l->no_agent)
		return false;
	if (str_eq(agent, "") || str_eq(agent, "SSH_AUTH_SOCK"))
		agent = getenv("SSH_AUTH_SOCK");
	else if (agent[0] == '$')
		agent = getenv(agent + 1);
	return agent != NULL && *agent != '\0' &&
	    ssh_options_set(l->session, SSH_OPTIONS_IDENTITY_AGENT, agent) ==
	    SSH_OK;
}

/* What an answer means: 1 we are in, 0 try another key, -1 over (`e`). */
static int
ssh_answer(struct ssh_link *l, int rc, const char *what, struct err *e)
{
	switch (rc) {
	case SSH_AUTH_SUCCESS:
		return 1;
	case SSH_AUTH_AGAIN:
		return -1;
	case SSH_AUTH_PARTIAL:
		return ssh_refuse(l, e,
		    "it took %s but wants a second proof, which panemesh "
		    "cannot give; put via=ssh into peers.conf and keep an ssh "
		    "ControlMaster open",
		    what);
	case SSH_AUTH_ERROR:
		if (!ssh_is_connected(l->session))
			return ssh_fail(l, e, "closed while %s was offered: %s",
			    what, ssh_get_error(l->session));
		/* fallthrough */
	default:
		ssh_tried(l, "%s", what);
		return 0;
	}
}

static int
ssh_try_agent(struct ssh_link *l, int64_t deadline, struct err *e)
{
	if (!ssh_agent_set(l))
		return 0;
	ssh_stage_set("logging in with the ssh agent's keys");
	l->keys++;
	return ssh_answer(
	    l, ssh_offer(l, NULL, deadline, e), "the agent's keys", e);
}

static int
ssh_try_file(struct ssh_link *l, const char *file, bool wanted, bool *locked,
    int64_t deadline, struct err *e)
{
	ssh_key key = ssh_load_key(l, file, wanted, locked);
	char *shown;
	int rc;

	if (key == NULL)
		return 0;
	ssh_stage_set("logging in");
	l->keys++;
	shown = path_show(file);
	rc = ssh_answer(l, ssh_offer(l, key, deadline, e), shown, e);
	x_free(shown);
	ssh_key_free(key);
	return rc;
}

/* ssh's own, in its order; what libssh cannot use is left out. */
static const char *const ssh_default_keys[] = { ".ssh/id_rsa", ".ssh/id_ecdsa",
	".ssh/id_ed25519" };

static int
ssh_try_files(struct ssh_link *l, bool *locked, int64_t deadline, struct err *e)
{
	const struct argv *files = &l->conf.value[SSHCONF_IDENTITY_FILE];
	bool one = false;
	char *file;
	size_t i;
	int rc = 0;

	*locked = false;
	if (l->identity[0] != '\0')
		return ssh_try_file(l, l->identity, true, locked, deadline, e);
	for (i = 0; i < files->n && rc == 0; i++) {
		if (str_eq(files->v[i], "none"))
			continue;
		rc = ssh_try_file(l, files->v[i], true, &one, deadline, e);
		*locked = *locked || one;
	}
	for (i = 0; files->n == 0 && i < 3 && rc == 0; i++) {
		file = path_join(l->conf.home, ssh_default_keys[i]);
		rc = ssh_try_file(l, file, false, &one, deadline, e);
		*locked = *locked || one;
		x_free(file);
	}
	return rc;
}

/*
 * Agent first, then files. With IdentitiesOnly the files come first and the
 * agent is asked only for a key that is locked: libssh cannot pick one of its
 * keys, and each that it offers counts as a try (MaxAuthTries).
 */
static int
ssh_try_all(struct ssh_link *l, bool *agent, int64_t deadline, struct err *e)
{
	bool only = strcasecmp(sshconf_get(&l->conf, SSHCONF_IDENTITIES_ONLY),
			"yes") == 0;
	bool locked = false;
	int rc = 0;

	*agent = l->identity[0] == '\0' && !only;
	if (*agent)
		rc = ssh_try_agent(l, deadline, e);
	if (rc != 0)
		return rc;
	*agent = false;
	rc = ssh_try_files(l, &locked, deadline, e);
	if (rc == 0 && only && locked && l->identity[0] == '\0')
		rc = ssh_try_agent(l, deadline, e);
	return rc;
}

enum ssh_outcome
ssh_log_in(struct ssh_link *l, int64_t deadline, struct err *e)
{
	bool agent;
	int rc;

	buf_reset(&l->tried);
	l->keys = 0;
	rc = ssh_try_all(l, &agent, deadline, e);
	if (rc == 1)
		return SSH_OUTCOME_OK;
	if (rc < 0) {
		if (agent && strstr(e->msg, "Too many auth") != NULL)
			return SSH_OUTCOME_TIRED;
		if (strstr(e->msg, "Too many auth") != NULL) {
			(void)ssh_refuse(l, e,
			    "too many keys for its MaxAuthTries; name the one "
			    "to use: identity=FILE in peers.conf");
			e->code = EXIT_REFUSED;
		}
		return SSH_OUTCOME_FAILED;
	}
	(void)ssh_refuse(l, e,
	    "%s@%s takes none of our keys (%s)%s; see to it that this works "
	    "without a question: ssh -o BatchMode=yes %s true",
	    l->conf.user, l->conf.host,
	    l->tried.len == 0 ? "there is none" : l->tried.data,
	    l->keys > 0 &&
		    ((unsigned)ssh_userauth_list(l->session, NULL) &
			SSH_AUTH_METHOD_PUBLICKEY) == 0
		? ", or no keys at all"
		: "",
	    l->alias);
	e->code = EXIT_REFUSED;
	return SSH_OUTCOME_FAILED;
}
