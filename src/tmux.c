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
	if (len == 0)
		(void)err_set(
		    e, EXIT_WIRE, "tmux: failed with status %d", status);
	else
		(void)err_set(e, EXIT_WIRE, "tmux: %.*s", len, said);
	return TMUX_FAILED;
}

enum tmux_result
tmux_call(const struct tmux *t, const struct argv *args, const void *in,
    size_t in_len, struct buf *out, struct err *e)
{
	const char *bin = getenv("TMUX_BIN");
	struct buf said = BUF_INIT_MAX(TMUX_ERR_MAX);
	struct argv argv = ARGV_INIT, env = ARGV_INIT;
	enum tmux_result result = TMUX_FAILED;
	struct proc p = { .argv = &argv };
	size_t i;

	if (bin == NULL || bin[0] == '\0')
		bin = "tmux";
	argv_addl(&argv, bin, "-u", "-S", t->socket, NULL);
	for (i = 0; i < args->n; i++)
		argv_add(&argv, args->v[i]);
	tmux_env(&env);
	p.env = env.v;
	p.in = in;
	p.in_len = in_len;
	p.out = out;
	p.err = &said;
	p.timeout_ms = t->timeout_ms;
	if (proc_run(&p, e) != 0) {
		if (p.timed_out)
			(void)err_set(e, EXIT_WIRE,
			    "%s: the tmux server does not answer", t->socket);
		else
			(void)err_set(e, EXIT_WIRE,
			    "%s: cannot run it; install tmux 3.2 or later, or "
			    "set TMUX_BIN",
			    bin);
		goto out;
	}
	if (p.status != 0) {
		result = tmux_complain(t, said.data, p.status, e);
		goto out;
	}
	if (out != NULL && buf_check(out, "answer of tmux", e) != 0)
		goto out;
	result = TMUX_OK;
out:
	argv_free(&env);
	argv_free(&argv);
	buf_free(&said);
	return result;
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

/* Every socket in DIR/tmux-UID, as tmux(1) names its sockets. */
static void
tmux_add_folder(struct argv *out, const char *dir)
{
	char *folder = x_asprintf("%s/tmux-%u", dir, (unsigned)geteuid());
	struct dirent *entry;
	char *path;
	DIR *d;

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
