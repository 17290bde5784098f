/* Other hosts: each peer there and back, and what keys may do here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "contact.h"
#include "doctor_parts.h"
#include "exchange.h"
#include "file.h"
#include "frame.h"
#include "mem.h"
#include "path.h"
#include "remote.h"
#include "str.h"

enum {
	PEER_SKEW_NOTE_MS = 5 * 1000,
	PEER_SKEW_BAD_MS =
	    5 * 60 * 1000,      /* at ten minutes slices are refused */
	KEYS_MAX = 1024 * 1024, /* bytes of authorized_keys */
	KEYS_FIELD_MAX = 1024,
};

/* ---- keys that let others in ---- */

/* One line of authorized_keys (sshd(8)). */
struct key {
	char command[KEYS_FIELD_MAX]; /* forced; "" if none */
	bool restricted;              /* `restrict` */
	char data[KEYS_FIELD_MAX];    /* base64 */
	char comment[KEYS_FIELD_MAX];
};

static bool
is_key_type(const char *s)
{
	return str_starts(s, "ssh-") || str_starts(s, "ecdsa-") ||
	    str_starts(s, "sk-");
}

/* Options end at the first blank outside quotes. */
static const char *
key_options(struct key *k, const char *s)
{
	size_t n = 0;

	while (*s != '\0' && *s != ' ' && *s != '\t') {
		if (strncmp(s, "restrict", 8) == 0 &&
		    strchr(", \t", s[8]) != NULL)
			k->restricted = true;
		if (strncmp(s, "command=\"", 9) == 0) {
			for (s += 9; *s != '\0' && *s != '"'; s++) {
				if (*s == '\\' && s[1] == '"')
					s++;
				if (n + 1 < sizeof(k->command))
					k->command[n++] = *s;
			}
			k->command[n] = '\0';
			s += *s == '"';
			continue;
		}
		if (*s == '"') {
			for (s++; *s != '\0' && *s != '"'; s++)
				if (*s == '\\' && s[1] == '"')
					s++;
			s += *s == '"';
			continue;
		}
		s += strcspn(s, ",\" \t");
		s += *s == ',';
	}
	return s + strspn(s, " \t");
}

/* False: no key stands there. */
static bool
key_parse(struct key *k, const char *line)
{
	memset(k, 0, sizeof(*k));
	line += strspn(line, " \t");
	if (*line == '#' || *line == '\0')
		return false;
	if (!is_key_type(line))
		line = key_options(k, line);
	if (!is_key_type(line))
		return false;
	return sscanf(line, "%*s %1023s %1023[^\n]", k->data, k->comment) >= 1;
}

/* `--peer NAME` of the command; "" without. */
static void
key_peer(const struct key *k, char out[KEYS_FIELD_MAX])
{
	const char *at = strstr(k->command, "--peer");

	out[0] = '\0';
	if (at != NULL)
		at += strlen("--peer");
	else if ((at = strstr(k->command, " -p ")) != NULL)
		at += strlen(" -p");
	if (at != NULL)
		(void)sscanf(at, "%*[ =]%1023[A-Za-z0-9_-]", out);
}

/* What a key that runs agent-serve may do, and whether that is as meant. */
static void
key_bound(struct doctor *d, const char *file, long line, const struct key *k)
{
	char object[64], name[KEYS_FIELD_MAX], program[KEYS_FIELD_MAX] = "";
	const struct peer *peer;
	const char *at;
	char *serve;

	(void)snprintf(object, sizeof(object), "authorized_keys:%ld", line);
	key_peer(k, name);
	(void)sscanf(k->command, "%1023s", program);
	if (program[0] == '/' && access(program, X_OK) != 0) {
		doctor_bad(d, object,
		    "key %s runs %s, which is not there: that host cannot "
		    "reach us",
		    k->comment, program);
		serve = doctor_program("agent-serve");
		if (strpbrk(program, "|&\\*[^$'") == NULL)
			doctor_mend_sed(
			    d, file, "%lds|\"%s|\"%s|", line, program, serve);
		x_free(serve);
		return;
	}
	if (name[0] == '\0') {
		doctor_note(d, object,
		    "key %s runs agent-serve without --peer NAME: it may call "
		    "itself anything",
		    k->comment);
		/* The comment most often is USER@HOST. */
		at = strrchr(k->comment, '@');
		at = at == NULL ? k->comment : at + 1;
		if (str_host_ok(at))
			doctor_mend_sed(
			    d, file, "%lds/agent-serve/& --peer %s/", line, at);
		return;
	}
	if (!k->restricted) {
		doctor_bad(d, object,
		    "key %s is bound to host %s, but may also forward ports "
		    "and agents",
		    k->comment, name);
		doctor_mend_sed(
		    d, file, "%lds/command=/restrict,command=/", line);
		return;
	}
	peer = peers_find_any(&d->peers, name);
	doctor_ok(d, object,
	    "key %s is bound to host %s: messages and files from it, its own "
	    "slice%s%s%s%s",
	    k->comment, name, peer != NULL && peer->allow_type ? ", type" : "",
	    peer != NULL && peer->allow_urgent ? ", urgent" : "",
	    peer != NULL && peer->allow_force ? ", force" : "",
	    peer != NULL && peer->allow_relay ? ", relay" : "");
}

/* Is this key let in by an earlier line without being bound? */
static void
key_earlier(struct doctor *d, const char *file, const char *text, long line,
    const struct key *k)
{
	char object[64], row[8192];
	struct key other;
	long i;

	for (i = 1; i < line; i++) {
		(void)snprintf(
		    row, sizeof(row), "%.*s", (int)strcspn(text, "\n"), text);
		text += strcspn(text, "\n");
		text += *text == '\n';
		if (!key_parse(&other, row) || !str_eq(other.data, k->data) ||
		    other.command[0] != '\0')
			continue;
		(void)snprintf(
		    object, sizeof(object), "authorized_keys:%ld", i);
		doctor_bad(d, object,
		    "lets the key of line %ld in without its limits: sshd "
		    "takes the first line of a key",
		    line);
		doctor_mend_sed(d, file, "%ldd", i);
		return;
	}
}

/* sshd takes no key from a file that others could have written. */
static void
keys_modes(struct doctor *d, const char *user, const char *file)
{
	char *ssh = path_join(user, ".ssh"), *shown;
	const char *const places[] = { user, ssh, file };
	struct stat st;
	size_t i;

	for (i = 0; i < 3; i++) {
		if (stat(places[i], &st) != 0 ||
		    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
			continue;
		shown = path_show(places[i]);
		doctor_bad(d, shown,
		    "can be written by others: sshd then lets nobody in by "
		    "key");
		doctor_mend(d, "chmod go-w %w", places[i]);
		x_free(shown);
	}
	x_free(ssh);
}

void
doctor_look_keys(struct doctor *d)
{
	struct buf text = BUF_INIT_MAX(KEYS_MAX);
	char *user = path_home(NULL), *file = NULL, row[8192];
	const char *at;
	size_t before = d->report->n, n = 0;
	struct key k;
	long line = 0;

	if (user == NULL)
		return;
	file = path_join(user, ".ssh/authorized_keys");
	if (file_read(file, &text, NULL) != FILE_READ) {
		if (d->peers.n > 0) {
			doctor_note(d, "authorized_keys",
			    "is not there: no other host can reach us; on "
			    "it: ssh-copy-id %s",
			    d->home.host);
		}
		goto out;
	}
	keys_modes(d, user, file);
	for (at = text.data; *at != '\0'; at += *at == '\n') {
		line++;
		(void)snprintf(
		    row, sizeof(row), "%.*s", (int)strcspn(at, "\n"), at);
		at += strcspn(at, "\n");
		if (!key_parse(&k, row))
			continue;
		n++;
		if (strstr(k.command, "agent-serve") == NULL)
			continue;
		key_earlier(d, file, text.data, line, &k);
		key_bound(d, file, line, &k);
	}
	if (d->report->n == before)
		doctor_ok(d, "authorized_keys",
		    "%zu keys, none bound to messages only", n);
out:
	buf_free(&text);
	x_free(file);
	x_free(user);
}

/* ---- peers ---- */

void
doctor_mend_there(
    struct doctor *d, const struct peer *peer, const char *command)
{
	struct buf inner = BUF_INIT;
	char *script;

	if (peer->command.n > 0)
		return;
	buf_adds(&inner, "sh -c ");
	script = x_asprintf(
	    "PATH=\"$HOME/.local/bin:$HOME/bin:$PATH\"; %s", command);
	doctor_word(&inner, script);
	doctor_mend(d, "ssh %w %w", peer->alias, inner.data);
	buf_free(&inner);
	x_free(script);
}

/* It takes none of our keys: give it one. */
static void
peer_mend_key(struct doctor *d, const struct peer *peer, const char *why)
{
	static const char *const usual[] = { "id_ed25519", "id_ecdsa",
		"id_rsa" };
	char *user = path_home(NULL), *key = NULL, *public, *open;
	const char *at = strstr(why, " is open to others (chmod 600)");
	size_t i;

	if (user == NULL)
		return;
	if (at != NULL) {
		/* The word before it is the file. */
		for (open = x_strndup(why, (size_t)(at - why)),
		    i = strlen(open);
		     i > 0 && strchr("( ", open[i - 1]) == NULL;)
			i--;
		key = str_starts(open + i, "~/")
		    ? x_asprintf("%s%s", user, open + i + 1)
		    : x_strdup(open + i);
		doctor_mend(d, "chmod 600 %w", key);
		x_free(open);
		goto out;
	}
	if (peer->identity[0] != '\0')
		key = peer->identity[0] == '~'
		    ? x_asprintf("%s%s", user, peer->identity + 1)
		    : x_strdup(peer->identity);
	for (i = 0; key == NULL && i < 3; i++) {
		key = x_asprintf("%s/.ssh/%s", user, usual[i]);
		if (access(key, R_OK) != 0)
			X_CLEAR(key);
	}
	if (key == NULL)
		key = x_asprintf("%s/.ssh/id_ed25519", user);
	public = x_asprintf("%s.pub", key);
	if (access(key, R_OK) != 0)
		doctor_mend(d,
		    "ssh-keygen -q -t ed25519 -N '' -f %w && ssh-copy-id -f -i "
		    "%w "
		    "%w",
		    key, public, peer->alias);
	else
		doctor_mend(d, "ssh-copy-id -f -i %w %w", public, peer->alias);
	x_free(public);
out:
	x_free(key);
	x_free(user);
}

/* We did not reach it: `why` is what our own agent-link says. */
static void
peer_unreached(struct doctor *d, const struct peer *peer, const char *why)
{
	const char *text = why, *at;

	if (str_starts(why, peer->alias) && why[strlen(peer->alias)] == ':')
		text = why + strlen(peer->alias) + 2;
	if (strstr(text, "takes none of our keys") != NULL) {
		doctor_bad(d, peer->alias, "%s", text);
		peer_mend_key(d, peer, text);
	} else if (strstr(text, "is not in known_hosts") != NULL) {
		doctor_bad(d, peer->alias, "%s", text);
		doctor_mend(d, "ssh %w true", peer->alias);
	} else if ((at = strstr(text, "ssh-keygen -f ")) != NULL) {
		doctor_bad(d, peer->alias, "%s", text);
		doctor_mend(d, "%s", at);
	} else if (strstr(text, "no agent-serve there") != NULL) {
		doctor_bad(d, peer->alias, "%s", text);
		doctor_mend(d, "agent-sync peer install %w", peer->alias);
	} else if (strstr(text, "via=ssh") != NULL && !peer->via_ssh) {
		doctor_bad(d, peer->alias, "%s", text);
		doctor_mend_sed(d, d->peers_path,
		    "s/^%s\\([ \\t].*\\)\\{0,1\\}$/& via=ssh/", peer->alias);
	} else {
		doctor_bad(d, peer->alias,
		    "%s; if that host is gone for good, this forgets it", text);
		doctor_mend(d, "agent-sync peer rm %w", peer->alias);
	}
}

/* What a PING with Back came to: `words` are the peer's, not to be trusted. */
static void
peer_back(struct doctor *d, const struct peer *peer, const struct remote *r,
    const struct frame *pong)
{
	const char *words = pong->body.data;
	char command[256];

	if (frame_get(pong, "Back", NULL) == NULL) {
		doctor_note(d, peer->alias,
		    "does not say whether it reaches us: our key is bound "
		    "there (agent-serve --peer), or its panemesh is old; "
		    "agent-doctor there says so");
		return;
	}
	if (frame_number(pong, "Code", EXIT_LOCAL, EXIT_WIRE) == EXIT_OK)
		return;
	doctor_bad(d, peer->alias, "does not reach us: %s", words);
	(void)r;
	if (strstr(words, "no route") != NULL) {
		(void)snprintf(command, sizeof(command),
		    "agent-sync peer add %s", d->home.host);
		doctor_mend_there(d, peer, command);
	} else if (strstr(words, "takes none of our keys") != NULL) {
		doctor_mend(d, "ssh %w %w >>~/.ssh/authorized_keys",
		    peer->alias,
		    "sh -c 'test -e ~/.ssh/id_ed25519 || ssh-keygen -q -t "
		    "ed25519 -N \"\" -f ~/.ssh/id_ed25519; cat "
		    "~/.ssh/id_*.pub'");
	} else {
		doctor_mend_there(d, peer, "agent-doctor -q");
	}
}

static void
peer_clock(struct doctor *d, const struct peer *peer, const struct remote *r)
{
	int64_t skew = r->time - r->came;
	int64_t off = skew < 0 ? -skew : skew;

	if (r->time == 0 || off < PEER_SKEW_NOTE_MS)
		return;
	if (off < PEER_SKEW_BAD_MS)
		doctor_note(d, peer->alias, "its clock is %lld s %s ours",
		    (long long)off / 1000, skew > 0 ? "ahead of" : "behind");
	else
		doctor_bad(d, peer->alias,
		    "its clock is %lld s %s ours: from ten minutes on slices "
		    "are refused",
		    (long long)off / 1000, skew > 0 ? "ahead of" : "behind");
	if (peer->command.n == 0)
		doctor_mend(d, "ssh -t %w %w; %stimedatectl set-ntp true",
		    peer->alias,
		    "sh -c 'test \"$(id -u)\" = 0 || s=sudo; $s timedatectl "
		    "set-ntp true'",
		    doctor_sudo());
	else
		doctor_mend(d, "%stimedatectl set-ntp true", doctor_sudo());
}

static void
peer_names(struct doctor *d, const struct peer *peer, const struct remote *r)
{
	struct contact other;
	char command[256];
	size_t i;

	if (str_eq(r->host, d->home.host)) {
		doctor_bad(d, peer->alias,
		    "calls itself %s, as this host does: one of the two needs "
		    "another name",
		    r->host);
		if (str_host_ok(peer->alias) &&
		    !str_eq(peer->alias, d->home.host)) {
			(void)snprintf(command, sizeof(command),
			    "echo %s >~/.agents/self.conf && agent-discover",
			    peer->alias);
			doctor_mend_there(d, peer, command);
		}
		return;
	}
	for (i = 0; i < d->peers.n; i++) {
		if (&d->peers.v[i] == peer)
			break;
		contact_load(&other, &d->home, d->peers.v[i].alias);
		if (!str_eq(other.host, r->host) ||
		    d->peers.v[i].through[0] != '\0')
			continue;
		doctor_note(d, peer->alias,
		    "is host %s, which peers.conf has as %s too", r->host,
		    d->peers.v[i].alias);
		/* The one that fetches mail is the one to keep. */
		doctor_mend(d, "agent-sync peer rm %w",
		    peer->accept_mail && !d->peers.v[i].accept_mail
			? d->peers.v[i].alias
			: peer->alias);
	}
}

/* Its line says accept=mail: is what waits there for us really fetched? */
static void
peer_mail(struct doctor *d, const struct peer *peer, const struct remote *r)
{
	char host_id[HOME_ID_LEN + 1];
	const struct peer *other;
	struct slice_came came;
	struct contact last;

	if (!peer->accept_mail)
		return;
	if (!r->fetches) {
		doctor_bad(d, peer->alias,
		    "its panemesh keeps no mail for us, whatever accept=mail "
		    "says");
		doctor_mend(d, "agent-sync peer install %w", peer->alias);
		return;
	}
	exchange_came(&d->home, r->host, &came);
	exchange_host_id(&d->home, r->host, host_id);
	contact_load(&last, &d->home, peer->alias);
	other = peers_find(&d->peers, came.by);
	if (host_id[0] != '\0' && !str_eq(host_id, r->host_id)) {
		doctor_bad(d, peer->alias,
		    "is not the host %s whose slice we have: mail that waits "
		    "there is not fetched; if it is the one that is meant, "
		    "this forgets the other",
		    r->host);
		doctor_mend(
		    d, "rm %w/%w.toml && agent-sync", d->home.hosts, r->host);
	} else if (other != NULL && other != peer) {
		doctor_bad(d, peer->alias,
		    "the slice of host %s comes by %s: by this line no mail is "
		    "fetched",
		    r->host, other->alias);
		if (other->accept_mail)
			doctor_mend(d, "agent-sync peer rm %w", peer->alias);
		else
			doctor_mend(d, "agent-sync peer rm %w && agent-sync",
			    other->alias);
	} else if (other == NULL || last.failed[0] != '\0') {
		doctor_bad(d, peer->alias,
		    "mail that waits there is not fetched: %s",
		    last.failed[0] != '\0' ? last.failed
					   : "no sync with it was done yet");
		doctor_mend(d, "agent-sync");
	}
}

static void
peer_version(struct doctor *d, const struct peer *peer, const struct remote *r)
{
	if (r->version[0] == '\0' || str_eq(r->version, VERSION))
		return;
	doctor_note(
	    d, peer->alias, "has panemesh %s, this host " VERSION, r->version);
	if (strverscmp(r->version, VERSION) < 0)
		doctor_mend(d, "agent-sync peer install %w", peer->alias);
}

static void
peer_look(struct doctor *d, const void *arg)
{
	int64_t begun = clock_mono_ms();
	const struct peer *peer = arg;
	struct remote r = { .alias = NULL };
	struct err e = { .code = EXIT_OK };
	struct frame ping, pong;
	int rc;

	rc = remote_open_within(&r, &d->home, peer, d->o->peer_ms / 4 * 3, &e);
	if (rc == 0) {
		frame_init(&ping, FRAME_PING, "back");
		frame_add(&ping, "Back", "1");
		remote_put(&r, &ping);
		frame_free(&ping);
		rc = remote_wait(
		    &r, "back", clock_deadline(d->o->peer_ms), &pong, &e);
	}
	if (rc != 0 && r.hello) {
		doctor_bad(d, peer->alias, "%s", e.msg);
		doctor_mend(d, "agent-sync peer rm %w", peer->alias);
	} else if (rc != 0) {
		peer_unreached(d, peer, e.msg);
	}
	if (r.hello) {
		peer_names(d, peer, &r);
		peer_version(d, peer, &r);
		peer_clock(d, peer, &r);
		peer_mail(d, peer, &r);
	}
	if (rc == 0) {
		peer_back(d, peer, &r, &pong);
		frame_free(&pong);
		if (d->report->n == 0)
			doctor_ok(d, peer->alias,
			    "host %s, panemesh %s, there and back in %lld "
			    "ms%s",
			    r.host, r.version,
			    (long long)(clock_mono_ms() - begun),
			    peer->accept_mail ? ", mail is fetched" : "");
	}
	remote_close(&r);
}

void
doctor_look_peers(struct doctor *d)
{
	size_t i;

	if (!d->has_home || !d->is_there || d->home_err.code != EXIT_OK ||
	    d->peers_err.code != EXIT_OK)
		return;
	for (i = 0; i < d->peers.n; i++)
		if (d->peers.v[i].through[0] != '\0')
			doctor_third(d, &d->peers.v[i]);
		else
			doctor_aside(d, d->peers.v[i].alias, d->o->peer_ms,
			    peer_look, &d->peers.v[i]);
	if (d->peers.n == 0)
		doctor_ok(d, "peers", "no other host is in peers.conf");
}
