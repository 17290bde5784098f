#include "exchange_parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "str.h"

enum {
	EXCHANGE_BAD_MAX = 64 * 1024, /* bytes kept of a refused text */
	/* A slice that another, newer one overtook on its way to us: longer
	 * than any conversation lasts. */
	EXCHANGE_OVERTAKEN_MS = 60 * 1000,
	EXCHANGE_AGAIN_MS = 6 * 3600 * 1000,    /* confirm an unchanged one */
	EXCHANGE_BAD_KEEP_MS = 24 * 3600 * 1000 /* show a refused one */
};

/* How a slice came: by an alias of peers.conf (NULL: its host dialled us), or
 * `through` another host, over so many and already so old. */
struct brought {
	const char *alias;
	const char *through; /* NULL: from the host itself */
	unsigned hops;
	int64_t age_ms;
};

char *
exchange_path(const struct home *home, const char *host, const char *suffix)
{
	return x_asprintf("%s/%s.%s", home->hosts, host, suffix);
}

void
exchange_held(const struct home *home, const char *host, struct held *held)
{
	char *path = exchange_path(home, host, "toml");
	char head[EXCHANGE_HEAD + 1];
	ssize_t n = -1;
	int fd;

	*held = (struct held){ .slice = SLICE_INIT };
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	x_free(path);
	if (fd < 0)
		return;
	n = pread(fd, head, EXCHANGE_HEAD, 0);
	(void)close(fd);
	if (n < 0)
		return;
	head[n] = '\0';
	held->there = true;
	slice_read_came(&held->came, head);
	if (slice_parse_head(&held->slice, host, head, (size_t)n, NULL) != 0)
		held->slice.version = 0;
	slice_free(&held->slice);
	held->slice.agents = (struct agent_list)AGENT_LIST_INIT;
}

/* The same, and can all of it be read? What a crash left damaged below its
 * table counts as older than any: it is to come again, from the same host. */
static void
exchange_held_whole(
    const struct home *home, const char *host, struct held *held)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX + EXCHANGE_HEAD);
	struct slice all = SLICE_INIT;
	char *path;

	exchange_held(home, host, held);
	if (held->slice.version == 0)
		return;
	path = exchange_path(home, host, "toml");
	if (file_read_ours(path, &text, NULL) != FILE_READ ||
	    slice_parse(&all, path, text.data, text.len, NULL) != 0)
		held->slice.generation = 0;
	slice_free(&all);
	buf_free(&text);
	x_free(path);
}

void
exchange_have(const struct home *home, const char *host, int64_t *generation,
    char host_id[HOME_ID_LEN + 1])
{
	struct held held = { .slice = SLICE_INIT };

	if (str_host_ok(host))
		exchange_held_whole(home, host, &held);
	*generation = held.slice.generation;
	memcpy(host_id, held.slice.host_id, HOME_ID_LEN + 1);
}

void
exchange_host_id(
    const struct home *home, const char *host, char host_id[HOME_ID_LEN + 1])
{
	struct held held = { .slice = SLICE_INIT };

	if (str_host_ok(host))
		exchange_held(home, host, &held);
	memcpy(host_id, held.slice.host_id, HOME_ID_LEN + 1);
}

bool
exchange_has(const struct home *home, const char *host, int64_t generation)
{
	struct held held = { .slice = SLICE_INIT };

	if (str_host_ok(host))
		exchange_held(home, host, &held);
	return held.there && held.came.hops == 0 && !held.slice.narrow &&
	    generation > 0 && held.slice.generation == generation &&
	    clock_real_ms() - held.came.ms <= EXCHANGE_AGAIN_MS;
}

void
exchange_came(const struct home *home, const char *host, struct slice_came *out)
{
	struct held held = { .slice = SLICE_INIT };

	if (str_host_ok(host))
		exchange_held(home, host, &held);
	*out = held.came;
}

/* ---- putting aside ---- */

/* How many files hosts/ holds: nobody may fill the disk with names. */
static size_t
exchange_count(const struct home *home)
{
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;

	dir = opendir(home->hosts);
	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

/*
 * Keep what was refused: a line with time and reason, then its first bytes with
 * control characters escaped, so that it can be looked at with cat. A failure
 * here is not the caller's: it reports the refusal.
 */
static void
exchange_put_aside(const struct home *home, const struct brought *b,
    const char *host, const char *text, size_t len, const struct err *why)
{
	const char *way = b->through != NULL ? " through "
	    : b->alias != NULL               ? " by "
					     : "";
	const char *from = b->through != NULL ? b->through
	    : b->alias != NULL                ? b->alias
					      : "";
	char *path = exchange_path(home, host, "bad"), when[CLOCK_TEXT_MAX];
	char *name = x_asprintf("hosts/%s.bad", host);
	struct buf out = BUF_INIT;
	const char *end, *line;
	struct err e;

	if (file_stamp(path).inode == 0 &&
	    exchange_count(home) >= EXCHANGE_HOSTS_MAX)
		goto out;
	clock_text(when, clock_real_ms());
	buf_addf(&out, "# refused %s%s%s: ", when, way, from);
	log_escape(&out, why->msg, strlen(why->msg));
	buf_addc(&out, '\n');
	if (len > EXCHANGE_BAD_MAX)
		len = EXCHANGE_BAD_MAX;
	for (line = text; line < text + len; line = end + 1) {
		end = memchr(line, '\n', (size_t)(text + len - line));
		if (end == NULL)
			end = text + len;
		log_escape(&out, line, (size_t)(end - line));
		buf_addc(&out, '\n');
	}
	home_sweep(home, name);
	if (file_replace(path, out.data, out.len, FILE_FAST, &e) != 0)
		log_line("%s", e.msg);
out:
	buf_free(&out);
	x_free(name);
	x_free(path);
}

/* Forget a refused one once good ones come again and people had time to see
 * it. */
static void
exchange_forget(const struct home *home, const char *host)
{
	char *path = exchange_path(home, host, "bad");
	struct file_stamp stamp = file_stamp(path);

	if (stamp.inode != 0 &&
	    clock_real_ms() - stamp.mtime_ns / 1000000 > EXCHANGE_BAD_KEEP_MS)
		(void)unlink(path);
	x_free(path);
}

/* ---- taking ---- */

/* What is to become of a slice. */
enum taken {
	TAKEN_REFUSED = -1,
	TAKEN_NEW = 0,
	TAKEN_SAME, /* we hold it, or a newer one that overtook it */
};

/* Does the file hold this very text below its first line? */
static bool
exchange_same(const struct home *home, const char *host, const struct buf *text)
{
	char *path = exchange_path(home, host, "toml");
	struct buf held = BUF_INIT_MAX(SLICE_SIZE_MAX + EXCHANGE_HEAD);
	const char *body;
	bool same = false;

	if (file_read_ours(path, &held, NULL) == FILE_READ &&
	    (body = strchr(held.data, '\n')) != NULL) {
		body++;
		same = held.len - (size_t)(body - held.data) == text->len &&
		    memcmp(body, text->data, text->len) == 0;
	}
	buf_free(&held);
	x_free(path);
	return same;
}

/* Whose slice is it? */
static int
exchange_check_host(const struct home *home, const struct brought *b,
    const char *host, struct slice *s, const struct held *held, struct err *e)
{
	const char *alias = b->alias;

	if (b->through != NULL && s->version == 0)
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': says no host_id, so it is not taken from "
		    "%s",
		    host, b->through);
	if (b->through != NULL && (b->hops == 0 || b->hops > SLICE_HOPS_MAX))
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': comes over %u hosts; %d at most", host,
		    b->hops, SLICE_HOPS_MAX);
	/* The bash agent-mesh writes an empty file for no windows. */
	if (s->version == 0 && s->host[0] == '\0')
		memcpy(s->host, host, strlen(host) + 1);
	if (str_eq(s->host, home->host))
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': that is the name of this host; one of the "
		    "two needs another, in its ~/.agents/self.conf",
		    s->host);
	if (s->version == 0 && held->there && held->came.by[0] != '\0' &&
	    alias != NULL && !str_eq(held->came.by, alias))
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': comes by '%s' already, and this one says "
		    "no host_id; install panemesh there",
		    host, held->came.by);
	if (!held->there && exchange_count(home) >= EXCHANGE_HOSTS_MAX)
		return err_set(e, EXIT_REFUSED,
		    "slice of '%s': %s holds %d files already", host,
		    home->hosts, EXCHANGE_HOSTS_MAX);
	return 0;
}

/*
 * Judge a slice against what we hold; `text` becomes what is to be written
 * below the first line: not the peer's bytes, but what we understood of them.
 */
static enum taken
exchange_judge(const struct home *home, const struct brought *b,
    const char *host, struct slice *s, const struct held *held,
    struct buf *text, struct err *e)
{
	bool third = b->through != NULL;
	struct slice_known known = { .host_id = NULL };
	int64_t now = clock_real_ms();
	size_t i;

	if (exchange_check_host(home, b, host, s, held, e) != 0)
		return TAKEN_REFUSED;
	if (held->slice.version != 0) {
		known.host_id = held->slice.host_id;
		/* One from when our own clock was wrong binds nobody, nor does
		 * what others said of a host the host itself. */
		if (held->slice.generation <= now + SLICE_AHEAD_MS &&
		    (third || held->came.hops == 0))
			known.generation = held->slice.generation;
	}
	if (s->version != 0)
		slice_write(text, s);
	else
		for (i = 0; i < s->agents.n; i++)
			slice_write_agent(text, &s->agents.v[i]);
	if (buf_check(text, host, e) != 0) {
		e->code = EXIT_REFUSED;
		return TAKEN_REFUSED;
	}
	if (s->version == 0 ? known.host_id == NULL
			    : s->generation == known.generation &&
		    str_eq(s->host_id, held->slice.host_id)) {
		if (held->there &&
		    ((third && held->came.hops == 0) ||
			(s->narrow && !held->slice.narrow) ||
			exchange_same(home, host, text)))
			return TAKEN_SAME;
		/* Its own word again, of which more is understood: it gave us
		 * less then, or we were of another version. */
		if ((!s->narrow && held->slice.narrow) ||
		    (!third && s->version != 0))
			known.generation--;
	}
	if (slice_accept(s, host, &known, now, e) == 0)
		return TAKEN_NEW;
	if (str_eq(s->host, host) && s->version != 0 &&
	    str_eq(s->host_id, held->slice.host_id) &&
	    s->generation < known.generation &&
	    now - held->came.ms < EXCHANGE_OVERTAKEN_MS)
		return TAKEN_SAME;
	return TAKEN_REFUSED;
}

/* Replace the file. */
static int
exchange_keep(const struct home *home, const struct brought *b,
    const char *host, const struct held *held, const struct buf *text,
    struct err *e)
{
	char *path = exchange_path(home, host, "toml");
	char *name = x_asprintf("hosts/%s.toml", host);
	struct buf out = BUF_INIT_MAX(SLICE_SIZE_MAX + EXCHANGE_HEAD);
	struct slice_came came = held->came;
	int rc;

	came.ms = clock_real_ms() - b->age_ms;
	came.hops = b->hops;
	(void)snprintf(came.through, sizeof(came.through), "%s",
	    b->through == NULL ? "" : b->through);
	if (b->alias != NULL)
		(void)snprintf(came.by, sizeof(came.by), "%s", b->alias);
	slice_write_came(&out, &came);
	buf_add(&out, text->data, text->len);
	home_sweep(home, name);
	rc = file_replace(path, out.data, out.len, FILE_FAST, e);
	buf_free(&out);
	x_free(name);
	x_free(path);
	return rc;
}

/* An alias leads to one host: what came by it earlier, from the same machine
 * and user under another name, is of before it was renamed. */
static void
exchange_forget_former(
    const struct home *home, const char *alias, const struct slice *s)
{
	struct dirent *entry;
	char host[HOST_MAX + 1], *path;
	struct held held;
	size_t len;
	DIR *dir;

	dir = opendir(home->hosts);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		len = strcspn(entry->d_name, ".");
		if (len > HOST_MAX || !str_eq(entry->d_name + len, ".toml"))
			continue;
		memcpy(host, entry->d_name, len);
		host[len] = '\0';
		if (!str_host_ok(host) || str_eq(host, s->host))
			continue;
		exchange_held(home, host, &held);
		if (!str_eq(held.came.by, alias) ||
		    !str_eq(held.slice.host_id, s->host_id))
			continue;
		path = exchange_path(home, host, "toml");
		if (unlink(path) == 0)
			log_line("%s: calls itself %s now, not %s", alias,
			    s->host, host);
		x_free(path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

static int
exchange_take_locked(const struct home *home, const struct brought *b,
    const char *host, struct slice *s, bool *changed, struct err *e)
{
	const char *alias = b->alias;
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct held held;
	bool again = false;
	int rc = -1, other = 0;

	exchange_held_whole(home, host, &held);
	switch (exchange_judge(home, b, host, s, &held, &text, e)) {
	case TAKEN_REFUSED:
		goto out;
	case TAKEN_SAME:
		if (alias != NULL)
			other = exchange_other_way(
			    home, host, &held.came, alias, NULL);
		again = other == 0 &&
		    (clock_real_ms() - held.came.ms > EXCHANGE_AGAIN_MS ||
			(alias != NULL && !str_eq(held.came.by, alias)));
		/* A newer one is there: its text is not at hand. And of others
		 * none is confirmed but by a newer one. */
		if (b->through != NULL ||
		    s->generation != held.slice.generation ||
		    s->narrow != held.slice.narrow)
			again = false;
		break;
	case TAKEN_NEW:
		if (alias != NULL)
			other = exchange_other_way(
			    home, host, &held.came, alias, e);
		if (other < 0)
			goto out;
		again = other == 0;
		break;
	}
	rc = again ? exchange_keep(home, b, host, &held, &text, e) : 0;
	*changed = again;
	if (rc == 0 && again && alias != NULL && s->host_id[0] != '\0' &&
	    !str_eq(held.came.by, alias))
		exchange_forget_former(home, alias, s);
	if (rc == 0)
		exchange_forget(home, host);
out:
	buf_free(&text);
	return rc;
}

static int
exchange_take_by(const struct home *home, const struct brought *b,
    const char *host, const char *text, size_t len, bool *changed,
    struct err *e)
{
	struct slice s = SLICE_INIT;
	char *lock = NULL, *name = NULL;
	struct err why;
	int fd = -1, rc = -1;

	*changed = false;
	if (!str_host_ok(host))
		return err_set(e, EXIT_REFUSED,
		    "'%.100s': is no host alias; its slice is not taken", host);
	lock = path_join(home->run, "hosts.lock");
	name = x_asprintf("slice of '%s'", host);
	if (lock_need(lock, HOME_LOCK_WAIT_MS, &fd, e) != 0)
		goto out;
	err_clear(&why);
	if (slice_parse(&s, name, text, len, &why) != 0)
		why.code = EXIT_REFUSED;
	else
		rc = exchange_take_locked(home, b, host, &s, changed, &why);
	if (rc != 0 && why.code == EXIT_REFUSED)
		exchange_put_aside(home, b, host, text, len, &why);
	if (rc != 0)
		(void)err_set(e, why.code, "%s", why.msg);
out:
	lock_drop(&fd);
	slice_free(&s);
	x_free(name);
	x_free(lock);
	return rc;
}

int
exchange_take(const struct home *home, const char *alias, const char *host,
    const char *text, size_t len, bool *changed, struct err *e)
{
	const struct brought b = { .alias = alias };

	return exchange_take_by(home, &b, host, text, len, changed, e);
}

int
exchange_take_third(const struct home *home, const char *through,
    const char *host, unsigned hops, int64_t age_ms, const char *text,
    size_t len, bool *changed, struct err *e)
{
	const struct brought b = {
		.through = through, .hops = hops, .age_ms = age_ms
	};

	return exchange_take_by(home, &b, host, text, len, changed, e);
}
