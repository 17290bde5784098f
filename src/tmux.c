#include "tmux.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "str.h"
#include "utf8.h"

enum { TMUX_ERR_MAX = 4096, TMUX_FIELDS_MAX = 32 };

int
tmux_open(struct tmux *t, const char *socket, struct err *e)
{
	struct stat st;

	memset(t, 0, sizeof(*t));
	t->timeout_ms = TMUX_TIMEOUT_MS;
	if (socket[0] != '/' || strlen(socket) >= sizeof(t->socket))
		return err_set(e, EXIT_USAGE,
		    "%s: is no path of a tmux socket (absolute, at most %d "
		    "bytes)",
		    socket, PANE_SOCKET_MAX - 1);
	/* The address book could not hold it as it is, and never find it again.
	 */
	if (!utf8_plain(socket))
		return err_set(e, EXIT_USAGE,
		    "%s: a tmux socket whose path is not printable UTF-8 "
		    "cannot be named; start that server with another -S",
		    socket);
	if (stat(socket, &st) == 0 && st.st_uid != geteuid())
		return err_set(e, EXIT_LOCAL,
		    "%s: tmux server of uid %u, not ours; send from that "
		    "user's "
		    "account",
		    socket, (unsigned)st.st_uid);
	memcpy(t->socket, socket, strlen(socket));
	return 0;
}

/* The few variables a client needs: its answers must not depend on ours. */
static void
tmux_env(struct argv *env)
{
	const char *path = getenv("PATH"), *home = getenv("HOME");

	argv_addf(env, "PATH=%s",
	    path != NULL ? path : "/usr/local/bin:/usr/bin:/bin");
	if (home != NULL)
		argv_addf(env, "HOME=%s", home);
	argv_addl(env, "LC_ALL=C.UTF-8", "TERM=dumb", NULL);
}

void
tmux_no_answer(const struct tmux *t, struct err *e)
{
	(void)err_set(e, EXIT_WIRE,
	    "%s: the tmux server ended before it answered", t->socket);
}

/* What tmux said on stderr, as one of our errors. */
static enum tmux_result
tmux_complain(const struct tmux *t, const char *said, int status, struct err *e)
{
	const char *end = strchr(said, '\n');
	int len = (int)(end == NULL ? strlen(said) : (size_t)(end - said));

	if (str_starts(said, "no server running") ||
	    (str_starts(said, "error connecting to") &&
		(strstr(said, "No such file") != NULL ||
		    strstr(said, "Connection refused") != NULL))) {
		(void)err_set(e, EXIT_WIRE,
		    "%s: no tmux server is running there", t->socket);
		return TMUX_NO_SERVER;
	}
	if (str_starts(said, "error connecting to") &&
	    (strstr(said, "not permitted") != NULL ||
		strstr(said, "denied") != NULL)) {
		(void)err_set(e, EXIT_LOCAL,
		    "%s: may not be reached from here (%.*s); if an agent's "
		    "sandbox does this, allow this socket in its settings",
		    t->socket, len, said);
		return TMUX_FAILED;
	}
	if (strstr(said, "protocol version mismatch") != NULL) {
		(void)err_set(e, EXIT_WIRE,
		    "tmux: %.*s; set TMUX_BIN to the tmux that started the "
		    "server",
		    len, said);
		return TMUX_FAILED;
	}
	if (str_starts(said, "server exited") ||
	    str_starts(said, "lost server"))
		tmux_no_answer(t, e);
	else if (len == 0)
		(void)err_set(
		    e, EXIT_WIRE, "tmux: failed with status %d", status);
	else
		(void)err_set(e, EXIT_WIRE, "tmux: %.*s", len, said);
	return TMUX_FAILED;
}

/* What a client that could not be run, or had no answer in time, means. */
static enum tmux_result
tmux_lost(const struct tmux *t, const struct proc *p, struct err *e)
{
	if (p->timed_out)
		(void)err_set(e, EXIT_WIRE,
		    "%s: the tmux server does not answer", t->socket);
	else
		(void)err_set(e, EXIT_WIRE,
		    "%s: cannot run it; install tmux 3.2 or later, or set "
		    "TMUX_BIN",
		    p->argv->v[0]);
	return TMUX_FAILED;
}

void
tmux_begin(struct tmux_asked *a, const struct tmux *t, const struct argv *args,
    const void *in, size_t in_len, struct buf *out)
{
	const char *bin = getenv("TMUX_BIN");
	size_t i;

	memset(a, 0, sizeof(*a));
	a->t = t;
	buf_init(&a->said, TMUX_ERR_MAX);
	if (bin == NULL || bin[0] == '\0')
		bin = "tmux";
	argv_addl(&a->argv, bin, "-u", "-S", t->socket, NULL);
	for (i = 0; i < args->n; i++)
		argv_add(&a->argv, args->v[i]);
	tmux_env(&a->env);
	a->p.argv = &a->argv;
	a->p.env = a->env.v;
	a->p.in = in;
	a->p.in_len = in_len;
	a->p.out = out;
	a->p.err = &a->said;
	a->p.timeout_ms = t->timeout_ms;
	a->runs = proc_begin(&a->p, &a->running, NULL) == 0;
}

enum tmux_result
tmux_finish(struct tmux_asked *a, struct err *e)
{
	enum tmux_result result;

	if (!a->runs || proc_finish(&a->p, &a->running, NULL) != 0)
		result = tmux_lost(a->t, &a->p, e);
	else if (a->p.status != 0)
		result = tmux_complain(a->t, a->said.data, a->p.status, e);
	else if (a->p.out != NULL &&
	    buf_check(a->p.out, "answer of tmux", e) != 0)
		result = TMUX_FAILED;
	else
		result = TMUX_OK;
	argv_free(&a->env);
	argv_free(&a->argv);
	buf_free(&a->said);
	return result;
}

enum tmux_result
tmux_call(const struct tmux *t, const struct argv *args, const void *in,
    size_t in_len, struct buf *out, struct err *e)
{
	struct tmux_asked asked;

	tmux_begin(&asked, t, args, in, in_len, out);
	return tmux_finish(&asked, e);
}

const char *
tmux_mark(void)
{
	static char mark[24];
	uint64_t random = 0;

	if (mark[0] == '\0') {
		if (getrandom(&random, sizeof(random), 0) < 0)
			random = (uint64_t)getpid();
		(void)snprintf(mark, sizeof(mark), "~%016llx~",
		    (unsigned long long)random);
	}
	return mark;
}

size_t
tmux_split(char *line, const char *mark, char **fields, size_t max)
{
	size_t n = 0, len = strlen(mark);
	char *end;

	while (n < max) {
		fields[n++] = line;
		end = strstr(line, mark);
		if (end == NULL)
			break;
		*end = '\0';
		line = end + len;
	}
	return n;
}

static void
tmux_add_socket(struct argv *out, const char *path)
{
	struct stat st;
	size_t i;

	if (path[0] != '/' || strlen(path) >= PANE_SOCKET_MAX)
		return;
	for (i = 0; i < out->n; i++)
		if (str_eq(out->v[i], path))
			return;
	if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    st.st_uid == geteuid())
		argv_add(out, path);
}

/* Every socket in DIR/tmux-UID, as tmux(1) names its sockets: without links in
 * DIR, so that a server has one name. */
static void
tmux_add_folder(struct argv *out, const char *dir)
{
	char *real = realpath(dir, NULL), *folder, *path;
	struct dirent *entry;
	DIR *d;

	folder = x_asprintf(
	    "%s/tmux-%u", real == NULL ? dir : real, (unsigned)geteuid());
	free(real);
	d = opendir(folder);
	while (d != NULL && (entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		path = path_join(folder, entry->d_name);
		tmux_add_socket(out, path);
		x_free(path);
	}
	if (d != NULL)
		(void)closedir(d);
	x_free(folder);
}

void
tmux_sockets(struct argv *out)
{
	const char *env;
	char *socket;

	env = getenv("TMUX_SOCKET");
	if (env != NULL)
		tmux_add_socket(out, env);
	env = getenv("TMUX"); /* "socket,pid,session" */
	if (env != NULL) {
		socket = x_strndup(env, strcspn(env, ","));
		tmux_add_socket(out, socket);
		x_free(socket);
	}
	tmux_add_folder(out, "/tmp");
	env = getenv("TMUX_TMPDIR");
	if (env != NULL && env[0] == '/')
		tmux_add_folder(out, env);
}
