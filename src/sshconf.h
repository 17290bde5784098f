/*
 * sshconf - what ~/.ssh/config and /etc/ssh/ssh_config say of one host.
 *
 * libssh 0.10 has a parser of its own, which is not used: after a HostName it
 * compares later Host lines with the new name, it reverses the order of
 * IdentityFile and hands out only one of them, reads `%d` as ~/.ssh, knows no
 * originalhost, HostKeyAlias, IdentitiesOnly or AddressFamily, and runs `Match
 * exec` without a time limit. This one follows ssh_config(5) for the keywords
 * below; tests/it/sshconf.t compares it with `ssh -G`.
 */
#ifndef SSHCONF_H
#define SSHCONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "argv.h"
#include "err.h"

enum {
	SSHCONF_SIZE_MAX = 1024 * 1024, /* bytes of one file */
	SSHCONF_FILES_MAX = 256,        /* files read, includes and all */
	SSHCONF_DEPTH_MAX = 16,         /* of includes, as OpenSSH has it */
	SSHCONF_LIST_MAX = 64,          /* values of one keyword */
};

/* How many values a keyword takes: the first one that is set (FIRST), the
 * rest of its line as it stands (REST), all words of the first line (WORDS),
 * the first word of every line (EVERY). */
enum sshconf_kind { SSHCONF_FIRST, SSHCONF_REST, SSHCONF_WORDS, SSHCONF_EVERY };

#define SSHCONF_KEYS(X)                                                      \
	X(SSHCONF_ADDRESS_FAMILY, "AddressFamily", SSHCONF_FIRST)            \
	X(SSHCONF_BIND_ADDRESS, "BindAddress", SSHCONF_FIRST)                \
	X(SSHCONF_CIPHERS, "Ciphers", SSHCONF_FIRST)                         \
	X(SSHCONF_GLOBAL_KNOWN_HOSTS, "GlobalKnownHostsFile", SSHCONF_WORDS) \
	X(SSHCONF_HOST_KEY_ALGORITHMS, "HostKeyAlgorithms", SSHCONF_FIRST)   \
	X(SSHCONF_HOST_KEY_ALIAS, "HostKeyAlias", SSHCONF_FIRST)             \
	X(SSHCONF_HOST_NAME, "HostName", SSHCONF_FIRST)                      \
	X(SSHCONF_IDENTITIES_ONLY, "IdentitiesOnly", SSHCONF_FIRST)          \
	X(SSHCONF_IDENTITY_AGENT, "IdentityAgent", SSHCONF_FIRST)            \
	X(SSHCONF_IDENTITY_FILE, "IdentityFile", SSHCONF_EVERY)              \
	X(SSHCONF_KEX_ALGORITHMS, "KexAlgorithms", SSHCONF_FIRST)            \
	X(SSHCONF_MACS, "MACs", SSHCONF_FIRST)                               \
	X(SSHCONF_PORT, "Port", SSHCONF_FIRST)                               \
	X(SSHCONF_PROXY_COMMAND, "ProxyCommand", SSHCONF_REST)               \
	X(SSHCONF_PROXY_JUMP, "ProxyJump", SSHCONF_FIRST)                    \
	X(SSHCONF_PUBKEY_ALGORITHMS, "PubkeyAcceptedAlgorithms",             \
	    SSHCONF_FIRST)                                                   \
	X(SSHCONF_REVOKED_HOST_KEYS, "RevokedHostKeys", SSHCONF_FIRST)       \
	X(SSHCONF_USER, "User", SSHCONF_FIRST)                               \
	X(SSHCONF_USER_KNOWN_HOSTS, "UserKnownHostsFile", SSHCONF_WORDS)

enum sshconf_key {
#define X(symbol, word, kind) symbol,
	SSHCONF_KEYS(X)
#undef X
	    SSHCONF_KEYS_N,
};

/*
 * What was found. `%` tokens and `~` are expanded; unset keywords have no
 * value, except host, user and port, which are never empty.
 */
struct sshconf {
	char *alias;      /* as on ssh's command line, without "user@" */
	char *home;       /* whose ~ it is */
	char *local_user; /* who we are */
	char *host;       /* the name or address to dial */
	char *user;
	char *port;
	struct argv value[SSHCONF_KEYS_N];
};

#define SSHCONF_INIT          \
	{                     \
		.alias = NULL \
	}

/* Where to read. `user_file` must be ours and not writable by others. */
struct sshconf_files {
	const char *home;        /* that ~ stands for: path_ssh_home() */
	const char *user_file;   /* usually .ssh/config in it */
	const char *system_file; /* usually /etc/ssh/ssh_config */
};

/*
 * Ask about `alias` ("host" or "user@host"). A missing file is empty. -1 with
 * EXIT_LOCAL "path:line: reason". `Match exec` commands are run by the user's
 * shell until the deadline; `Match final`, `canonical` and what OpenSSH added
 * since 9.2 do not match. `c` is to be freed in any case.
 */
int sshconf_load(struct sshconf *c, const char *alias,
    const struct sshconf_files *files, int64_t deadline, struct err *e);
void sshconf_free(struct sshconf *c);

/* The (first) value of a keyword; "" when it is not set. */
const char *sshconf_get(const struct sshconf *c, enum sshconf_key key);

#endif
