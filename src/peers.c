#include "peers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "mem.h"

enum {
	PEERS_KEYS = 9,
	PEERS_ALLOW = 4,
	PEERS_THROUGH = 5,
	PEERS_RELAY = 6,
	PEERS_DIAL = 7,
};

static const char *const peers_keys[PEERS_KEYS] = {
	"serve",
	"identity",
	"via",
	"accept",
	"allow",
	"through",
	"relay",
	"dial",
	"command",
};

/* One line while it is read. */
struct peers_line {
	const char *path;
	unsigned number;
	struct peer *peer;
	unsigned seen; /* bits of keys */
};

static int __attribute__((format(printf, 3, 4)))
peers_bad(const struct peers_line *l, struct err *e, const char *fmt, ...)
{
	char why[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(e, EXIT_LOCAL, "%s:%u: %s", l->path, l->number, why);
}

bool
peers_alias_ok(const char *alias)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789._@:-";
	size_t len = strlen(alias);

	return len > 0 && len <= PEERS_ALIAS_MAX &&
	    strchr(first, alias[0]) != NULL && strspn(alias, more) == len;
}

/* A path that any login shell takes as one plain word. */
static bool
peers_path_ok(const char *path)
{
	static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789/._+-";

	return path[0] == '/' && strspn(path, safe) == strlen(path);
}

static int
peers_allow(const struct peers_line *l, const char *list, struct err *e)
{
	static const char *const words[] = { "type", "urgent", "force",
		"relay" };
	bool *flags[] = { &l->peer->allow_type, &l->peer->allow_urgent,
		&l->peer->allow_force, &l->peer->allow_relay };
	const size_t words_n = sizeof(words) / sizeof(words[0]);
	size_t n, i;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		for (i = 0; i < words_n; i++)
			if (strlen(words[i]) == n &&
			    strncmp(list, words[i], n) == 0)
				break;
		if (i == words_n)
			return peers_bad(l, e,
			    "allow=: '%.*s' is none of type, urgent, force, "
			    "relay",
			    (int)n, list);
		*flags[i] = true;
		if (list[n] == '\0')
			return 0;
	}
}

/* The alias of such a line is a host's name: its slice is asked for by it. */
static int
peers_through(const struct peers_line *l, const char *value, struct err *e)
{
	struct peer *peer = l->peer;

	if (!peers_alias_ok(value) || str_eq(value, peer->alias))
		return peers_bad(
		    l, e, "through=: '%s' is no alias of another peer", value);
	if (!str_host_ok(peer->alias))
		return peers_bad(l, e,
		    "through=: before it stands the name of a host, as it "
		    "calls itself, and '%s' can be none",
		    peer->alias);
	x_free(peer->through);
	peer->through = x_strdup(value);
	return 0;
}

static int
peers_set(
    const struct peers_line *l, size_t key, const char *value, struct err *e)
{
	struct peer *peer = l->peer;

	switch (key) {
	case 0:
		if (!peers_path_ok(value))
			return peers_bad(l, e,
			    "serve=: '%s' is no absolute path of letters, "
			    "digits and /._+-",
			    value);
		x_free(peer->serve);
		peer->serve = x_strdup(value);
		return 0;
	case 1:
		if (value[0] != '/' && !str_starts(value, "~/"))
			return peers_bad(l, e,
			    "identity=: '%s' begins neither with / nor with ~/",
			    value);
		x_free(peer->identity);
		peer->identity = x_strdup(value);
		return 0;
	case 2:
		if (!str_eq(value, "ssh"))
			return peers_bad(l, e, "via=: '%s' is not ssh", value);
		peer->via_ssh = true;
		return 0;
	case 3:
		if (!str_eq(value, "mail"))
			return peers_bad(
			    l, e, "accept=: '%s' is not mail", value);
		peer->accept_mail = true;
		return 0;
	case PEERS_ALLOW:
		return peers_allow(l, value, e);
	case PEERS_THROUGH:
		return peers_through(l, value, e);
	case PEERS_RELAY:
		if (!str_eq(value, "yes"))
			return peers_bad(
			    l, e, "relay=: '%s' is not yes", value);
		peer->relay = true;
		return 0;
	case PEERS_DIAL:
		if (!str_eq(value, "no"))
			return peers_bad(l, e, "dial=: '%s' is not no", value);
		peer->dials = true;
		return 0;
	default:
		if (*value == '\0')
			return peers_bad(l, e, "command=: no program");
		argv_add(&peer->command, value);
		return 0;
	}
}

/* "key=value"; once command= was seen, one more word of it. */
static int
peers_word(struct peers_line *l, const char *word, struct err *e)
{
	const char *equals = strchr(word, '=');
	size_t len, key;

	if (l->peer->command.n > 0) {
		argv_add(&l->peer->command, word);
		return 0;
	}
	if (equals == NULL)
		return peers_bad(l, e,
		    "'%s' is no key=value; one peer a line, and # before a "
		    "comment",
		    word);
	len = (size_t)(equals - word);
	for (key = 0; key < PEERS_KEYS; key++)
		if (strlen(peers_keys[key]) == len &&
		    strncmp(peers_keys[key], word, len) == 0)
			break;
	if (key == PEERS_KEYS)
		return peers_bad(l, e,
		    "%.*s=: no such key; there are serve, identity, via, "
		    "accept, allow, through, relay, dial, command",
		    (int)len, word);
	if (l->seen & 1U << key)
		return peers_bad(l, e, "%s= stands twice", peers_keys[key]);
	l->seen |= 1U << key;
	return peers_set(l, key, equals + 1, e);
}

/* It dials us, and is not looked for among those that are dialled. */
static int
peers_dialling(struct peers *p, const struct peers_line *l, struct err *e)
{
	const unsigned beside =
	    1U << PEERS_DIAL | 1U << PEERS_ALLOW | 1U << PEERS_RELAY;

	if (l->seen & ~beside)
		return peers_bad(l, e,
		    "dial=no: that host is not dialled; only allow= and "
		    "relay= go with it");
	if (!str_host_ok(l->peer->alias))
		return peers_bad(l, e,
		    "dial=no: before it stands the name of a host, as it "
		    "calls itself, and '%s' can be none",
		    l->peer->alias);
	p->dialling =
	    x_realloc(p->dialling, p->dialling_n + 1, sizeof(*p->dialling));
	p->dialling[p->dialling_n++] = p->v[--p->n];
	return 0;
}

/* The end of a line: do its keys go together? */
static int
peers_whole(struct peers *p, const struct peers_line *l, struct err *e)
{
	size_t key;

	if (l->peer->dials)
		return peers_dialling(p, l, e);
	if (l->seen & 1U << PEERS_THROUGH && l->seen != 1U << PEERS_THROUGH)
		return peers_bad(
		    l, e, "through= stands alone: that host is not dialled");
	if (l->peer->command.n == 0)
		return 0;
	for (key = 0; key < 3; key++)
		if (l->seen & 1U << key)
			return peers_bad(l, e,
			    "%s= means nothing beside command=",
			    peers_keys[key]);
	return 0;
}

static int
peers_first(
    struct peers *p, struct peers_line *l, const char *alias, struct err *e)
{
	if (!peers_alias_ok(alias))
		return peers_bad(l, e,
		    "'%s' is no alias: letters, digits and ._@:-, a letter or "
		    "digit first, at most %d bytes",
		    alias, PEERS_ALIAS_MAX);
	if (peers_find_any(p, alias) != NULL)
		return peers_bad(l, e, "'%s' stands in a line above", alias);
	if (p->n + p->dialling_n == PEERS_MAX)
		return peers_bad(l, e, "more than %d peers", PEERS_MAX);
	if (p->n == p->cap) {
		p->cap = p->cap == 0 ? 16 : p->cap * 2;
		p->v = x_realloc(p->v, p->cap, sizeof(*p->v));
	}
	l->peer = &p->v[p->n++];
	*l->peer = (struct peer){ .alias = x_strdup(alias),
		.serve = x_strdup(""),
		.identity = x_strdup(""),
		.through = x_strdup(""),
		.command = ARGV_INIT };
	return 0;
}

/* `line` is cut into words; a word that begins with # ends it. */
static int
peers_line(struct peers *p, struct peers_line *l, char *line, struct err *e)
{
	char *word, *rest;

	for (word = strtok_r(line, " \t\r", &rest);
	     word != NULL && word[0] != '#';
	     word = strtok_r(NULL, " \t\r", &rest)) {
		if (l->peer == NULL) {
			if (peers_first(p, l, word, e) != 0)
				return -1;
		} else if (peers_word(l, word, e) != 0) {
			return -1;
		}
	}
	return l->peer == NULL ? 0 : peers_whole(p, l, e);
}

int
peers_parse(struct peers *p, const char *path, const char *text, size_t len,
    struct err *e)
{
	struct peers_line l = { .path = path };
	const char *end;
	char *line;
	size_t n;
	int rc = 0;

	*p = (struct peers)PEERS_INIT;
	if (memchr(text, '\0', len) != NULL)
		return err_set(
		    e, EXIT_LOCAL, "%s: holds a NUL byte; no text", path);
	while (len > 0 && rc == 0) {
		end = memchr(text, '\n', len);
		n = end == NULL ? len : (size_t)(end - text);
		line = x_strndup(text, n);
		l.number++;
		l.peer = NULL;
		l.seen = 0;
		rc = peers_line(p, &l, line, e);
		x_free(line);
		n += end != NULL;
		text += n;
		len -= n;
	}
	return rc;
}

int
peers_load(struct peers *p, const char *path, struct err *e)
{
	struct buf b = BUF_INIT_MAX(PEERS_SIZE_MAX);
	int rc = -1;

	*p = (struct peers)PEERS_INIT;
	switch (file_read_ours(path, &b, e)) {
	case FILE_READ:
		rc = peers_parse(p, path, b.data, b.len, e);
		break;
	case FILE_MISSING:
		rc = 0;
		break;
	case FILE_FAILED:
		break;
	}
	buf_free(&b);
	return rc;
}

static void
peers_clear(struct peer *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		x_free(v[i].alias);
		x_free(v[i].serve);
		x_free(v[i].identity);
		x_free(v[i].through);
		argv_free(&v[i].command);
	}
	x_free(v);
}

void
peers_free(struct peers *p)
{
	peers_clear(p->v, p->n);
	peers_clear(p->dialling, p->dialling_n);
	*p = (struct peers)PEERS_INIT;
}

const struct peer *
peers_find(const struct peers *p, const char *alias)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (str_eq(p->v[i].alias, alias))
			return &p->v[i];
	return NULL;
}

const struct peer *
peers_find_any(const struct peers *p, const char *alias)
{
	const struct peer *peer = peers_find(p, alias);
	size_t i;

	for (i = 0; i < p->dialling_n && peer == NULL; i++)
		if (str_eq(p->dialling[i].alias, alias))
			peer = &p->dialling[i];
	return peer;
}

/* The text of a peers.conf that can be read; 1 when `alias` is in it. */
static int
peers_text(const char *path, const char *alias, struct buf *text, struct err *e)
{
	struct peers p = PEERS_INIT;
	int rc = -1;

	if (file_read_ours(path, text, e) == FILE_FAILED)
		return -1;
	if (peers_parse(&p, path, text->data, text->len, e) == 0)
		rc = peers_find_any(&p, alias) != NULL;
	peers_free(&p);
	return rc;
}

/* People keep such files elsewhere and link to them: the link stays. */
static int
peers_replace(const char *path, const struct buf *text, struct err *e)
{
	char *real = realpath(path, NULL);
	int rc;

	rc = buf_check(text, path, e);
	if (rc == 0)
		rc = file_replace(real == NULL ? path : real, text->data,
		    text->len, FILE_DURABLE, e);
	free(real);
	return rc;
}

int
peers_add(const char *path, const char *alias, struct err *e)
{
	struct buf text = BUF_INIT_MAX(PEERS_SIZE_MAX);
	int rc = -1;

	if (!peers_alias_ok(alias)) {
		(void)err_set(e, EXIT_USAGE,
		    "'%s' is no alias: letters, digits and ._@:-, a letter or "
		    "digit first, at most %d bytes",
		    alias, PEERS_ALIAS_MAX);
		goto out;
	}
	rc = peers_text(path, alias, &text, e);
	if (rc != 0)
		goto out;
	if (text.len > 0 && text.data[text.len - 1] != '\n')
		buf_addc(&text, '\n');
	buf_addf(&text, "%s\n", alias);
	rc = peers_replace(path, &text, e);
out:
	buf_free(&text);
	return rc;
}

/* Does this line speak of `alias`? */
static bool
peers_is_line(const char *line, size_t len, const char *alias)
{
	size_t skip = 0, n = strlen(alias);

	while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
		skip++;
	line += skip;
	len -= skip;
	return len >= n && strncmp(line, alias, n) == 0 &&
	    (len == n || strchr(" \t\r\n", line[n]) != NULL);
}

int
peers_remove(const char *path, const char *alias, struct err *e)
{
	struct buf text = BUF_INIT_MAX(PEERS_SIZE_MAX);
	struct buf kept = BUF_INIT_MAX(PEERS_SIZE_MAX);
	const char *line, *end;
	size_t left, n;
	int rc;

	rc = peers_text(path, alias, &text, e);
	if (rc != 1) {
		rc = rc == 0 ? 1 : rc;
		goto out;
	}
	for (line = text.data, left = text.len; left > 0;
	     line += n, left -= n) {
		end = memchr(line, '\n', left);
		n = end == NULL ? left : (size_t)(end - line) + 1;
		if (!peers_is_line(line, n, alias))
			buf_add(&kept, line, n);
	}
	rc = peers_replace(path, &kept, e);
out:
	buf_free(&kept);
	buf_free(&text);
	return rc;
}
