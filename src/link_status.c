#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "link_parts.h"
#include "str.h"

enum {
	STOP_MS = 3000, /* for one that was asked to end */
	STOP_NAP_MS = 10,
};

/* What the holder says of itself. */
struct greeting {
	uint64_t pid, callers, open;
};

/* The number behind " key=". */
static uint64_t
greeting_number(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	uint64_t n = 0;

	for (at = at == NULL ? "" : at + strlen(key);
	     *at >= '0' && *at <= '9' && n < UINT32_MAX; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

/* Its first line; false if it says none. */
static bool
greeting_read(int fd, struct greeting *g)
{
	struct buf b = BUF_INIT_MAX(2 * WARM_GREET_MAX);
	int64_t until = clock_deadline(WARM_GREET_MS);
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	bool whole = false;

	while (!whole && poll(&pfd, 1, clock_left(until)) > 0) {
		if (buf_read_fd(&b, fd, WARM_GREET_MAX) <= 0)
			break;
		whole = memchr(b.data, '\n', b.len) != NULL;
	}
	whole = whole && str_starts(b.data, WARM_GREETING " ");
	if (whole) {
		g->pid = greeting_number(b.data, " pid=");
		/* We are one of them. */
		g->callers = greeting_number(b.data, " callers=") - 1;
		g->open = greeting_number(b.data, " open=");
	}
	buf_free(&b);
	return whole;
}

static void
status_of(const struct peer *peer, const struct warm *w, struct buf *out,
    struct json *json)
{
	struct greeting g;
	bool answers;
	int fd = warm_connect(w, NULL);

	if (fd < 0)
		return;
	answers = greeting_read(fd, &g);
	(void)close(fd);
	if (json == NULL && !answers) {
		buf_addf(out, "%s: does not answer\n", peer->alias);
	} else if (json == NULL) {
		buf_addf(out,
		    "%s: kept by process %u, used by %u, %u without answer\n",
		    peer->alias, (unsigned)g.pid, (unsigned)g.callers,
		    (unsigned)g.open);
	} else {
		json_object_begin(json);
		json_key(json, "peer");
		json_text(json, peer->alias);
		json_key(json, "answers");
		json_boolean(json, answers);
		if (answers) {
			json_key(json, "pid");
			json_integer(json, (int64_t)g.pid);
			json_key(json, "callers");
			json_integer(json, (int64_t)g.callers);
			json_key(json, "open");
			json_integer(json, (int64_t)g.open);
		}
		json_object_end(json);
	}
}

int
link_status(const struct home *home, const struct peers *peers, bool as_json,
    struct buf *out)
{
	struct json json = JSON_INIT(out);
	struct warm w;
	size_t i;

	if (as_json)
		json_array_begin(&json);
	for (i = 0; i < peers->n; i++) {
		if (warm_name(&w, home, &peers->v[i], NULL) == 0)
			status_of(
			    &peers->v[i], &w, out, as_json ? &json : NULL);
		warm_free(&w);
	}
	if (as_json) {
		json_array_end(&json);
		buf_addc(out, '\n');
	}
	return 0;
}

/* Does it still listen? Only then is the number still its. */
static bool
stop_listens(const struct warm *w, pid_t *pid)
{
	int fd = warm_connect(w, pid);

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 && *pid > 1;
}

static int
stop_one(const struct warm *w, const char *alias, struct err *e)
{
	int64_t until = clock_deadline(STOP_MS);
	pid_t pid;

	if (!stop_listens(w, &pid))
		return 0;
	(void)kill(pid, warm_stopped(pid) ? SIGKILL : SIGTERM);
	while (stop_listens(w, &pid)) {
		if (clock_left(until) == 0)
			return err_set(e, EXIT_LOCAL,
			    "%s: process %ld does not end", alias, (long)pid);
		clock_nap(STOP_NAP_MS, until);
	}
	return 0;
}

int
link_stop(const struct home *home, const struct peers *peers, const char *name,
    struct err *e)
{
	struct warm w;
	int rc = 0;
	size_t i;

	for (i = 0; i < peers->n; i++) {
		if (name != NULL && !str_eq(peers->v[i].alias, name))
			continue;
		if (warm_name(&w, home, &peers->v[i], NULL) == 0 &&
		    stop_one(&w, peers->v[i].alias, e) != 0)
			rc = -1;
		warm_free(&w);
	}
	return rc;
}
