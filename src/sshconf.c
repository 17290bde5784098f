#include "sshconf.h"

#include <glob.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "str.h"

enum {
	SSHCONF_TEXT_MAX = 8192, /* bytes of an expanded value */
};

static const struct {
	const char *word;
	enum sshconf_kind kind;
} sshconf_keys[] = {
#define X(symbol, word, kind) { word, kind },
	SSHCONF_KEYS(X)
#undef X
};

/* One file while it is read. */
struct sshconf_reader {
	struct sshconf *c;
	int64_t deadline;
	const char *dir; /* relative Includes are from here */
	bool ours;       /* the user's: must not be writable by others */
	unsigned files;
	const char *path;
	unsigned line;
};

static int __attribute__((format(printf, 3, 4)))
sshconf_bad(const struct sshconf_reader *r, struct err *e, const char *fmt, ...)
{
	char why[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, EXIT_LOCAL, "%s:%u: %s", r->path, r->line, why);
}

const char *
sshconf_get(const struct sshconf *c, enum sshconf_key key)
{
	return c->value[key].n == 0 ? "" : c->value[key].v[0];
}

static const char *
sshconf_or(const struct sshconf *c, enum sshconf_key key, const char *other)
{
	return c->value[key].n == 0 ? other : c->value[key].v[0];
}

/* One %-token of ssh_config(5), TOKENS. */
static int
sshconf_token(const struct sshconf *c, char token, struct buf *out)
{
	char name[256] = "";
	const char *host = c->host == NULL ? c->alias : c->host;

	switch (token) {
	case '%':
		buf_addc(out, '%');
		return 0;
	case 'd':
		buf_adds(out, c->home);
		return 0;
	case 'h':
		buf_adds(out, host);
		return 0;
	case 'i':
		buf_addf(out, "%u", (unsigned)getuid());
		return 0;
	case 'k':
		buf_adds(out, sshconf_or(c, SSHCONF_HOST_KEY_ALIAS, host));
		return 0;
	case 'L':
	case 'l':
		(void)gethostname(name, sizeof(name) - 1);
		if (token == 'L')
			name[strcspn(name, ".")] = '\0';
		buf_adds(out, name);
		return 0;
	case 'n':
		buf_adds(out, c->alias);
		return 0;
	case 'p':
		buf_adds(out, sshconf_or(c, SSHCONF_PORT, "22"));
		return 0;
	case 'r':
		buf_adds(out, sshconf_or(c, SSHCONF_USER, c->local_user));
		return 0;
	case 'u':
		buf_adds(out, c->local_user);
		return 0;
	default:
		return -1;
	}
}

/* "${NAME}" at s; its length, or 0 if this is none. */
static size_t
sshconf_variable(const char *s, struct buf *out)
{
	const char *end = str_starts(s, "${") ? strchr(s, '}') : NULL;
	const char *value;
	char *name;

	if (end == NULL)
		return 0;
	name = x_strndup(s + 2, (size_t)(end - s) - 2);
	value = getenv(name);
	buf_adds(out, value == NULL ? "" : value);
	x_free(name);
	return (size_t)(end - s) + 1;
}

enum { SSHCONF_TILDE = 1, SSHCONF_VARIABLES = 2 };

/* `s` with tokens (and what `how` names) expanded; NULL with `e`. */
static char *
sshconf_expand(
    const struct sshconf *c, const char *s, unsigned how, struct err *e)
{
	struct buf b = BUF_INIT_MAX(SSHCONF_TEXT_MAX);
	const char *whole = s;
	size_t n;

	if (how & SSHCONF_TILDE && s[0] == '~' && (s[1] == '/' || !s[1])) {
		buf_adds(&b, c->home);
		s++;
	}
	for (; *s != '\0'; s++) {
		if (how & SSHCONF_VARIABLES &&
		    (n = sshconf_variable(s, &b)) > 0) {
			s += n - 1;
		} else if (*s != '%') {
			buf_addc(&b, *s);
		} else if (s[1] == '\0' || sshconf_token(c, *++s, &b) != 0) {
			(void)err_set(e, EXIT_LOCAL,
			    "ssh_config: '%s' has a %%-token that panemesh "
			    "does not know",
			    whole);
			buf_free(&b);
			return NULL;
		}
	}
	if (buf_check(&b, "ssh_config: value", e) != 0) {
		buf_free(&b);
		return NULL;
	}
	return buf_steal(&b);
}

/* Patterns between commas; one with ! before it that fits rules all out. */
static bool
sshconf_list(const char *list, const char *s)
{
	char *copy = x_strdup(list), *rest, *one;
	bool fits = false, out = false;

	for (one = strtok_r(copy, ",", &rest); one != NULL && !out;
	     one = strtok_r(NULL, ",", &rest)) {
		if (one[0] == '!')
			out = str_glob_one(one + 1, s, '?');
		else
			fits = fits || str_glob_one(one, s, '?');
	}
	x_free(copy);
	return fits && !out;
}

/* The next word of a line: quotes, or up to a blank. NULL at its end. */
static char *
sshconf_word(char **at)
{
	char *s = *at, *out;
	char quote = '\0';
	struct buf b = BUF_INIT_MAX(SSHCONF_TEXT_MAX);
	bool any = false;

	s += strspn(s, " \t\r\f");
	for (; *s != '\0'; s++) {
		if (quote != '\0' && *s == quote)
			quote = '\0';
		else if (quote == '\0' && (*s == '"' || *s == '\''))
			quote = *s;
		else if (quote == '\0' && strchr(" \t\r\f", *s) != NULL)
			break;
		else if (quote == '\0' && !any && *s == '#') {
			s += strlen(s);
			break;
		} else if (*s == '\\' && s[1] != '\0' &&
		    (s[1] == '"' || s[1] == '\'' || s[1] == '\\' ||
			(quote == '\0' && s[1] == ' ')))
			buf_addc(&b, *++s);
		else
			buf_addc(&b, *s);
		any = true;
	}
	*at = s;
	out = any ? buf_steal(&b) : NULL;
	buf_free(&b);
	return out;
}

/* Run the command of a Match exec: did it succeed? */
static bool
sshconf_exec(const struct sshconf_reader *r, const char *word)
{
	const char *shell = getenv("SHELL");
	char *command = sshconf_expand(r->c, word, 0, NULL);
	struct argv argv = ARGV_INIT;
	struct proc p = { .argv = &argv,
		.timeout_ms = clock_left(r->deadline) };
	bool yes = false;

	if (command != NULL && p.timeout_ms > 0) {
		argv_addl(&argv,
		    shell == NULL || *shell != '/' ? "/bin/sh" : shell, "-c",
		    command, (char *)NULL);
		yes = proc_run(&p, NULL) == 0 && p.status == 0;
	}
	argv_free(&argv);
	x_free(command);
	return yes;
}

/* One criterion of a Match line; *at stands behind its name. */
static int
sshconf_criterion(const struct sshconf_reader *r, const char *name, char **at,
    bool before, bool *fits, struct err *e)
{
	const struct sshconf *c = r->c;
	char *word, *host;

	if (strcasecmp(name, "all") == 0) {
		*fits = true;
		return 0;
	}
	*fits = false;
	if (strcasecmp(name, "canonical") == 0 ||
	    strcasecmp(name, "final") == 0)
		return 0;
	word = sshconf_word(at);
	if (word == NULL)
		return sshconf_bad(r, e, "Match %s: needs a value", name);
	if (strcasecmp(name, "originalhost") == 0) {
		*fits = sshconf_list(word, c->alias);
	} else if (strcasecmp(name, "user") == 0) {
		*fits = sshconf_list(
		    word, sshconf_or(c, SSHCONF_USER, c->local_user));
	} else if (strcasecmp(name, "localuser") == 0) {
		*fits = sshconf_list(word, c->local_user);
	} else if (strcasecmp(name, "host") == 0) {
		host = sshconf_expand(
		    c, sshconf_or(c, SSHCONF_HOST_NAME, c->alias), 0, e);
		*fits = host != NULL && sshconf_list(word, host);
		x_free(host);
	} else if (strcasecmp(name, "exec") == 0) {
		/* Not for nothing: some of these open doors. */
		*fits = before && sshconf_exec(r, word);
	}
	x_free(word);
	return 0;
}

/* Do the criteria of a Match line hold? 0, or -1 for a broken line. */
static int
sshconf_match(
    const struct sshconf_reader *r, char *at, bool *holds, struct err *e)
{
	unsigned n = 0;
	char *word;
	bool fits;
	int rc = 0;

	while (rc == 0 && (word = sshconf_word(&at)) != NULL) {
		rc = sshconf_criterion(
		    r, word + (word[0] == '!'), &at, *holds, &fits, e);
		if (rc == 0 && fits == (word[0] == '!'))
			*holds = false;
		x_free(word);
		n++;
	}
	if (rc == 0 && n == 0)
		rc = sshconf_bad(r, e, "Match: needs a criterion");
	return rc;
}

static bool
sshconf_host(const struct sshconf_reader *r, char *at)
{
	bool fits = false, out = false;
	char *word;

	while ((word = sshconf_word(&at)) != NULL) {
		if (word[0] == '!')
			out = out || str_glob_one(word + 1, r->c->alias, '?');
		else
			fits = fits || str_glob_one(word, r->c->alias, '?');
		x_free(word);
	}
	return fits && !out;
}

static int sshconf_file(struct sshconf_reader *r, const char *path,
    unsigned depth, bool active, struct err *e);

static int
sshconf_include(struct sshconf_reader *r, char *at, unsigned depth, bool active,
    struct err *e)
{
	char *word, *path;
	glob_t found;
	size_t i;
	int rc = 0;

	while (rc == 0 && (word = sshconf_word(&at)) != NULL) {
		if (str_starts(word, "~/"))
			path = path_join(r->c->home, word + 2);
		else
			path = word[0] == '/' ? x_strdup(word)
					      : path_join(r->dir, word);
		if (glob(path, 0, NULL, &found) == 0) {
			for (i = 0; i < found.gl_pathc && rc == 0; i++)
				rc = sshconf_file(
				    r, found.gl_pathv[i], depth + 1, active, e);
			globfree(&found);
		}
		x_free(path);
		x_free(word);
	}
	return rc;
}

/* Take the value of a keyword whose block applies. */
static int
sshconf_set(const struct sshconf_reader *r, enum sshconf_key key, char *at,
    struct err *e)
{
	struct argv *value = &r->c->value[key];
	enum sshconf_kind kind = sshconf_keys[key].kind;
	char *word;
	size_t i;

	if (value->n > 0 && kind != SSHCONF_EVERY)
		return 0;
	/* Whichever of the two stands first rules the other out. */
	if ((key == SSHCONF_PROXY_COMMAND &&
		r->c->value[SSHCONF_PROXY_JUMP].n > 0) ||
	    (key == SSHCONF_PROXY_JUMP &&
		r->c->value[SSHCONF_PROXY_COMMAND].n > 0))
		return 0;
	if (kind == SSHCONF_REST) {
		at += strspn(at, " \t\r\f");
		if (*at == '\0')
			return sshconf_bad(
			    r, e, "%s: needs a value", sshconf_keys[key].word);
		argv_add(value, at);
		return 0;
	}
	word = sshconf_word(&at);
	if (word == NULL)
		return sshconf_bad(
		    r, e, "%s: needs a value", sshconf_keys[key].word);
	while (word != NULL && value->n < SSHCONF_LIST_MAX) {
		for (i = 0; i < value->n && !str_eq(value->v[i], word); i++)
			continue;
		if (i == value->n)
			argv_add(value, word);
		x_free(word);
		word = kind == SSHCONF_WORDS ? sshconf_word(&at) : NULL;
	}
	x_free(word);
	return 0;
}

/*
 * One line. `outer` is whether the file itself applies (it may be included in
 * a block that does not), *active whether the present block does.
 */
static int
sshconf_line(struct sshconf_reader *r, char *line, unsigned depth, bool outer,
    bool *active, struct err *e)
{
	size_t len = strlen(line), n;
	char *at, *word;
	int key;

	while (len > 0 && strchr(" \t\r\n\f", line[len - 1]) != NULL)
		line[--len] = '\0';
	line += strspn(line, " \t\r\f");
	if (*line == '\0' || *line == '#')
		return 0;
	n = strcspn(line, " \t\r\f=");
	word = x_strndup(line, n);
	at = line + n;
	at += strspn(at, " \t\r\f");
	if (*at == '=')
		at++;
	if (strcasecmp(word, "Host") == 0) {
		*active = outer && sshconf_host(r, at);
		key = -1;
	} else if (strcasecmp(word, "Match") == 0) {
		*active = outer;
		key = sshconf_match(r, at, active, e) == 0 ? -1 : -2;
	} else if (strcasecmp(word, "Include") == 0) {
		key = sshconf_include(r, at, depth, *active, e) == 0 ? -1 : -2;
	} else {
		for (key = 0; key < SSHCONF_KEYS_N; key++)
			if (strcasecmp(word, sshconf_keys[key].word) == 0)
				break;
		/* Its older name. */
		if (strcasecmp(word, "PubkeyAcceptedKeyTypes") == 0)
			key = SSHCONF_PUBKEY_ALGORITHMS;
		if (key == SSHCONF_KEYS_N || !*active)
			key = -1;
		else if (sshconf_set(r, (enum sshconf_key)key, at, e) != 0)
			key = -2;
	}
	x_free(word);
	return key == -2 ? -1 : 0;
}

static int
sshconf_text(struct sshconf_reader *r, char *text, unsigned depth, bool outer,
    struct err *e)
{
	bool active = outer;
	char *line, *rest;
	int rc = 0;

	for (line = text; line != NULL && rc == 0; line = rest) {
		rest = strchr(line, '\n');
		if (rest != NULL)
			*rest++ = '\0';
		r->line++;
		rc = sshconf_line(r, line, depth, outer, &active, e);
	}
	return rc;
}

static int
sshconf_file(struct sshconf_reader *r, const char *path, unsigned depth,
    bool active, struct err *e)
{
	struct buf b = BUF_INIT_MAX(SSHCONF_SIZE_MAX);
	const char *outer_path = r->path;
	unsigned outer_line = r->line;
	enum file_found found;
	int rc = -1;

	if (depth > SSHCONF_DEPTH_MAX || r->files == SSHCONF_FILES_MAX)
		return sshconf_bad(r, e, "Include: too deep or too many files");
	r->files++;
	found = r->ours ? file_read_ours(path, &b, e) : file_read(path, &b, e);
	r->path = path;
	r->line = 0;
	if (found == FILE_MISSING)
		rc = 0;
	else if (found == FILE_READ)
		rc = sshconf_text(r, b.data, depth, active, e);
	r->path = outer_path;
	r->line = outer_line;
	buf_free(&b);
	return rc;
}

static int
sshconf_expand_all(
    struct sshconf *c, enum sshconf_key key, unsigned how, struct err *e)
{
	char *value;
	size_t i;

	for (i = 0; i < c->value[key].n; i++) {
		value = sshconf_expand(c, c->value[key].v[i], how, e);
		if (value == NULL)
			return -1;
		x_free(c->value[key].v[i]);
		c->value[key].v[i] = value;
	}
	return 0;
}

/* All is read: host, user, port, and what the tokens stand for. */
static int
sshconf_finish(struct sshconf *c, struct err *e)
{
	const unsigned file = SSHCONF_TILDE | SSHCONF_VARIABLES;
	uint64_t port;

	c->host =
	    sshconf_expand(c, sshconf_or(c, SSHCONF_HOST_NAME, c->alias), 0, e);
	if (c->host == NULL)
		return -1;
	c->user = x_strdup(sshconf_or(c, SSHCONF_USER, c->local_user));
	c->port = x_strdup(sshconf_or(c, SSHCONF_PORT, "22"));
	if (str_number(c->port, 65535, &port) != 0 || port == 0)
		return err_set(e, EXIT_LOCAL,
		    "ssh_config: Port '%s' for %s is no port", c->port,
		    c->alias);
	if (sshconf_expand_all(c, SSHCONF_IDENTITY_FILE, file, e) != 0 ||
	    sshconf_expand_all(c, SSHCONF_IDENTITY_AGENT, file, e) != 0 ||
	    sshconf_expand_all(c, SSHCONF_USER_KNOWN_HOSTS, file, e) != 0 ||
	    sshconf_expand_all(c, SSHCONF_REVOKED_HOST_KEYS, file, e) != 0 ||
	    sshconf_expand_all(c, SSHCONF_GLOBAL_KNOWN_HOSTS, file, e) != 0)
		return -1;
	return sshconf_expand_all(c, SSHCONF_PROXY_COMMAND, 0, e);
}

/* Who we are, as the passwd file has it. */
static char *
sshconf_local_user(void)
{
	const struct passwd *pw = getpwuid(getuid());
	const char *name = getenv("USER");

	if (pw != NULL)
		return x_strdup(pw->pw_name);
	return x_strdup(name == NULL ? "" : name);
}

int
sshconf_load(struct sshconf *c, const char *alias,
    const struct sshconf_files *files, int64_t deadline, struct err *e)
{
	struct sshconf_reader r = {
		.c = c, .deadline = deadline, .path = files->user_file
	};
	const char *at = strrchr(alias, '@');
	char *dir = path_join(files->home, ".ssh"), *user;
	int rc;

	*c = (struct sshconf)SSHCONF_INIT;
	c->home = x_strdup(files->home);
	c->local_user = sshconf_local_user();
	c->alias = x_strdup(at == NULL ? alias : at + 1);
	if (at != NULL) {
		user = x_strndup(alias, (size_t)(at - alias));
		argv_add(&c->value[SSHCONF_USER], user);
		x_free(user);
	}
	r.dir = dir;
	r.ours = true;
	rc = sshconf_file(&r, files->user_file, 0, true, e);
	r.dir = "/etc/ssh";
	r.ours = false;
	if (rc == 0)
		rc = sshconf_file(&r, files->system_file, 0, true, e);
	if (rc == 0)
		rc = sshconf_finish(c, e);
	x_free(dir);
	return rc;
}

void
sshconf_free(struct sshconf *c)
{
	int key;

	for (key = 0; key < SSHCONF_KEYS_N; key++)
		argv_free(&c->value[key]);
	X_CLEAR(c->alias);
	X_CLEAR(c->home);
	X_CLEAR(c->local_user);
	X_CLEAR(c->host);
	X_CLEAR(c->user);
	X_CLEAR(c->port);
}
