/* Each tmux server that runs: does it answer, are our hooks in place? */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "doctor_parts.h"
#include "mem.h"
#include "path.h"
#include "ps.h"
#include "register_hooks.h"
#include "str.h"
#include "tmux.h"

enum {
	SERVER_OUT_MAX = 1024 * 1024, /* bytes of what a server tells */
	SERVER_WORD_MAX = 1024,
	SERVER_CALLS = 3,         /* deadlines that one look may use up */
	SERVER_BUFFER_OLD_S = 60, /* a message is pasted at once */
};

/* Connect: 0 and who listens there, else errno. */
static int
server_connect(const char *socket_path, pid_t *pid)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct ucred who = { .pid = 0 };
	socklen_t len = sizeof(who);
	int fd, rc = 0;

	*pid = 0;
	if (strlen(socket_path) >= sizeof(to.sun_path))
		return ENAMETOOLONG;
	memcpy(to.sun_path, socket_path, strlen(socket_path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		rc = errno;
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0)
		*pid = who.pid;
	(void)close(fd);
	return rc;
}

/* The server that local.toml knows there; 0: none. */
static pid_t
server_known(const struct doctor *d, const char *socket_path)
{
	size_t i;

	for (i = 0; i < d->agents.n; i++)
		if (str_eq(d->agents.v[i].ident.socket, socket_path))
			return (pid_t)d->agents.v[i].ident.server_pid;
	return 0;
}

/* One server as it is looked at. */
struct server {
	struct doctor *d;
	struct tmux t;
	struct tmux_rows rows;
	size_t before; /* rows of the report */
};

/* The command of tmux on this server, in a mend: `rest` is for doctor_vmend().
 */
static void
server_mend(struct server *s, const char *fmt, ...)
{
	struct buf out = BUF_INIT;
	va_list ap;

	doctor_word(&out, doctor_tmux());
	buf_adds(&out, " -S ");
	doctor_word(&out, s->t.socket);
	buf_addc(&out, ' ');
	va_start(ap, fmt);
	doctor_vmend(&out, fmt, ap);
	va_end(ap);
	doctor_mend(s->d, "%s", out.data);
	buf_free(&out);
}

/* Why does it not answer? */
static void
server_failed(struct server *s, const struct err *e, pid_t pid)
{
	struct ps ps = { .state = '?' };
	const char *why = e->msg;
	bool hangs;

	if (str_starts(why, s->t.socket))
		why += strlen(s->t.socket) + 2;
	if (pid <= 0)
		pid = server_known(s->d, s->t.socket);
	if (pid > 0 && ps_read(pid, &ps) == 0 &&
	    (ps.state == 'T' || ps.state == 't')) {
		doctor_bad(s->d, s->t.socket,
		    "the server (%d) is stopped and answers nobody", (int)pid);
		doctor_mend(s->d, "kill -CONT %d", (long)pid);
		return;
	}
	if (strstr(why, "protocol version mismatch") != NULL && pid > 0) {
		doctor_bad(s->d, s->t.socket,
		    "the server is of another tmux than %s, and they do not "
		    "understand each other",
		    doctor_tmux());
		doctor_mend(s->d, "export TMUX_BIN=/proc/%d/exe", (long)pid);
		return;
	}
	hangs = strstr(why, "does not answer") != NULL;
	doctor_bad(s->d, s->t.socket, "%s%s%s", why,
	    ps.state == 'D'       ? " (it waits for a disk)"
		: ps.state == 'R' ? " (it is busy)"
				  : "",
	    !hangs         ? ""
		: pid <= 0 ? "; who that is cannot be seen from here"
			   : "; if it stays so, this ends it, and what runs "
			     "in its windows");
	/* It does not hear SIGTERM either. */
	if (hangs && pid > 0)
		doctor_mend(s->d, "kill -KILL %d && rm -f %w && agent-discover",
		    (long)pid, s->t.socket);
}

static void
server_versions(struct server *s)
{
	char *ours = doctor_tmux_version(doctor_tmux());
	const struct tmux_row *row = &s->rows.v[0];

	if (ours != NULL && !str_eq(ours, row->version)) {
		doctor_note(s->d, s->t.socket,
		    "the server is tmux %s, the client %s: works as long as "
		    "they understand each other",
		    row->version, ours);
		doctor_mend(s->d, "export TMUX_BIN=/proc/%d/exe",
		    (long)row->ident.server_pid);
	}
	x_free(ours);
}

/* The program that our hooks call, in a line of show-hooks; malloc'd. */
static char *
hook_program(const char *line)
{
	const char *start = strchr(line, '\''), *end;

	end = start == NULL ? NULL : strchr(start + 1, '\'');
	return end == NULL ? NULL
			   : x_strndup(start + 1, (size_t)(end - start - 1));
}

/* Hooks of others that call the bash agent-mesh, and ours that call nothing. */
static void
server_hook_lines(struct server *s, const char *hooks)
{
	struct buf out = BUF_INIT_MAX(SERVER_OUT_MAX), old = BUF_INIT;
	struct argv args = ARGV_INIT;
	char *line, *rest, *program, name[80];
	bool gone = false;
	size_t len;

	argv_addl(&args, "show-hooks", "-g", ";", "show-hooks", "-gw", NULL);
	if (tmux_call(&s->t, &args, NULL, 0, &out, NULL) != TMUX_OK)
		goto out;
	for (line = strtok_r(out.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (strstr(line, "agent-register-hook") == NULL)
			continue;
		len = strcspn(line, " ");
		if (len >= sizeof(name))
			continue;
		memcpy(name, line, len);
		name[len] = '\0';
		if (str_ends(name, REGISTER_HOOKS_INDEX)) {
			program = hook_program(line);
			if (program != NULL && !gone &&
			    access(program, X_OK) != 0) {
				gone = true;
				doctor_bad(s->d, s->t.socket,
				    "its hooks call %s, which is not there",
				    program);
				server_mend(s, "source-file %w", hooks);
			}
			x_free(program);
		} else if (strstr(line, "agent-register-hook on") != NULL ||
		    strstr(line, "agent-register-hook off") != NULL) {
			buf_adds(&old, old.len == 0 ? "" : " '\\;' ");
			buf_adds(&old, "set-hook -gu ");
			doctor_word(&old, name);
		}
	}
	if (old.len > 0) {
		doctor_note(s->d, s->t.socket,
		    "has hooks of the bash agent-mesh beside ours");
		server_mend(s, "%s", old.data);
	}
out:
	argv_free(&args);
	buf_free(&old);
	buf_free(&out);
}

/* A line of register_hooks_hidden(), "session $1: session-renamed". */
static void
server_hidden(struct server *s, const char *line)
{
	char *program = doctor_program("agent-register-hook"), *run;
	char level[16] = "", id[16] = "", hook[64] = "", *indexed;

	if (sscanf(line, "%15s %15[^:]: %63s", level, id, hook) != 3)
		return;
	doctor_bad(s->d, s->t.socket,
	    "%s %s has a hook %s of its own, which hides ours; this sets ours "
	    "beside it",
	    level, id, hook);
	run = x_asprintf("run-shell -b \"'%s' -p #{pid} -S #{q:socket_path} "
			 ">/dev/null 2>&1; exit 0\"",
	    program);
	indexed = x_asprintf("%s%s", hook, REGISTER_HOOKS_INDEX);
	server_mend(s, "set-hook%s -t %w %w %w",
	    str_eq(level, "pane")         ? " -p"
		: str_eq(level, "window") ? " -w"
					  : "",
	    id, indexed, run);
	x_free(indexed);
	x_free(run);
	x_free(program);
}

static void
server_hooks(struct server *s)
{
	struct argv missing = ARGV_INIT, hidden = ARGV_INIT;
	char *hooks = register_hooks_file(NULL);
	struct err e;
	size_t i;

	if (hooks == NULL)
		return; /* "tmux.conf" says so */
	if (register_hooks_missing(&s->t, &missing, &e) == 0 && missing.n > 0) {
		doctor_bad(s->d, s->t.socket,
		    "%zu of our hooks are not set, first %s: new windows are "
		    "not seen",
		    missing.n, missing.v[0]);
		server_mend(s, "source-file %w", hooks);
	}
	if (register_hooks_hidden(&s->t, &s->rows, &hidden, &e) == 0)
		for (i = 0; i < hidden.n && i < DOCTOR_LIST_MAX; i++)
			server_hidden(s, hidden.v[i]);
	server_hook_lines(s, hooks);
	argv_free(&missing);
	argv_free(&hidden);
	x_free(hooks);
}

/* A name for an ignored session that no pattern takes. tmux expands formats in
 * it, which '#' begins. */
static char *
session_name(const struct doctor *d, const struct tmux_row *row)
{
	char *name = x_asprintf("my-%s", row->session_name),
	     slug[SESSION_MAX + 1];

	if (config_ignored(&d->config, name) != NULL ||
	    strcspn(name, ":.#") < strlen(name)) {
		str_session(slug, row->session_name);
		x_free(name);
		name = x_asprintf("work-%s", slug);
	}
	return name;
}

static void
server_sessions(struct server *s)
{
	struct argv done = ARGV_INIT;
	const struct tmux_row *row;
	const char *glob_;
	char *name;
	size_t i, k;

	for (i = 0; i < s->rows.n && done.n < DOCTOR_LIST_MAX; i++) {
		row = &s->rows.v[i];
		for (k = 0; k < done.n; k++)
			if (str_eq(done.v[k], row->session))
				break;
		glob_ = config_ignored(&s->d->config, row->session_name);
		if (k < done.n || glob_ == NULL)
			continue;
		argv_add(&done, row->session);
		doctor_note(s->d, s->t.socket,
		    "session %s has no addresses: ignore_sessions has '%s'; "
		    "this gives it another name",
		    row->session_name, glob_);
		name = session_name(s->d, row);
		server_mend(s, "rename-session -t %w %w", row->session, name);
		x_free(name);
	}
	argv_free(&done);
}

/* Is every window in local.toml? */
static void
server_book(struct server *s)
{
	const struct tmux_row *row, *first = NULL;
	const struct agent *a;
	size_t i, k, n = 0;

	for (i = 0; i < s->rows.n; i++) {
		row = &s->rows.v[i];
		if (config_ignored(&s->d->config, row->session_name) != NULL)
			continue;
		for (k = 0; k < s->d->agents.n; k++) {
			a = &s->d->agents.v[k];
			if (str_eq(a->window, row->window) &&
			    a->ident.server_pid == row->ident.server_pid &&
			    str_eq(a->ident.socket, s->t.socket))
				break;
		}
		if (k == s->d->agents.n) {
			n++;
			first = first == NULL ? row : first;
		}
	}
	if (first == NULL)
		return;
	doctor_bad(s->d, s->t.socket,
	    "%zu panes are not in the address book, first in window %s of "
	    "session %s",
	    n, first->window_name, first->session_name);
	doctor_mend(s->d, "agent-discover");
}

/* tmux has this pane's terminal, and we see no such file. */
static void
server_no_tty(struct server *s, const struct tmux_row *row)
{
	doctor_bad(s->d, row->tty,
	    "pane %s of %s: its terminal is not here: a sandbox with a /dev of "
	    "its own keeps us from it; let notify-pane run outside of it "
	    "(docs/AGENTS.md has the setting of each agent)",
	    row->ident.pane, s->t.socket);
}

/* Terminals that we may not write to, and those that a sender holds. */
static void
server_ttys(struct server *s)
{
	const struct tmux_row *row, *hidden = NULL;
	struct stat st;
	size_t i;

	for (i = 0; i < s->rows.n; i++) {
		row = &s->rows.v[i];
		if (row->dead || row->tty[0] != '/' ||
		    (i > 0 && str_eq(row->tty, s->rows.v[i - 1].tty)))
			continue;
		if (stat(row->tty, &st) != 0) {
			hidden = errno == ENOENT ? row : hidden;
			continue;
		}
		if (st.st_uid != geteuid()) {
			doctor_bad(s->d, row->tty,
			    "pane %s of %s: the terminal belongs to uid %u: "
			    "nothing can be shown there",
			    row->ident.pane, s->t.socket, (unsigned)st.st_uid);
			doctor_mend(s->d, "%schown %d %w", doctor_sudo(),
			    (long)geteuid(), row->tty);
		} else if ((st.st_mode & (S_IRUSR | S_IWUSR)) !=
		    (S_IRUSR | S_IWUSR)) {
			doctor_bad(s->d, row->tty,
			    "pane %s of %s: the terminal may not be written "
			    "(mode %03o)",
			    row->ident.pane, s->t.socket,
			    (unsigned)st.st_mode & 0777);
			doctor_mend(s->d, "chmod u+rw %w", row->tty);
		}
		(void)doctor_held(s->d, row->tty, "every message to that pane");
	}
	if (hidden != NULL)
		server_no_tty(s, hidden);
}

/* Messages that a killed sender left in the server. */
static void
server_buffers(struct server *s)
{
	struct buf out = BUF_INIT_MAX(SERVER_OUT_MAX), mend = BUF_INIT;
	struct argv args = ARGV_INIT;
	char *line, *rest, name[SERVER_WORD_MAX];
	long long created;
	size_t n = 0;

	argv_addl(&args, "list-buffers", "-F",
	    "#{buffer_created} #{buffer_name}", NULL);
	if (tmux_call(&s->t, &args, NULL, 0, &out, NULL) != TMUX_OK)
		goto out;
	for (line = strtok_r(out.data, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "%lld %1023s", &created, name) != 2 ||
		    !str_starts(name, "panemesh-") ||
		    s->d->now / 1000 - created < SERVER_BUFFER_OLD_S ||
		    n >= DOCTOR_LIST_MAX)
			continue;
		buf_adds(&mend, n++ == 0 ? "" : " '\\;' ");
		buf_adds(&mend, "delete-buffer -b ");
		doctor_word(&mend, name);
	}
	if (n > 0) {
		doctor_note(s->d, s->t.socket,
		    "%zu messages were left in its buffers by senders that "
		    "were killed",
		    n);
		server_mend(s, "%s", mend.data);
	}
out:
	argv_free(&args);
	buf_free(&mend);
	buf_free(&out);
}

static void
server_look(struct doctor *d, const void *arg)
{
	struct server s = { .d = d };
	struct err e = { .code = EXIT_OK };
	struct ps ps;
	pid_t pid;

	if (tmux_open(&s.t, arg, &e) != 0) {
		doctor_bad(d, arg, "%s", e.msg);
		return;
	}
	s.t.timeout_ms = DOCTOR_SERVER_MS;
	/* No need to wait for one that is known not to run. */
	if (server_connect(s.t.socket, &pid) == 0 && pid > 0 &&
	    ps_read(pid, &ps) == 0 && (ps.state == 'T' || ps.state == 't')) {
		server_failed(&s, &e, pid);
		return;
	}
	switch (tmux_scan(&s.t, &s.rows, &e)) {
	case TMUX_NO_SERVER:
		doctor_ok(d, s.t.socket, "has just ended");
		return;
	case TMUX_FAILED:
		server_failed(&s, &e, pid);
		return;
	case TMUX_OK:
		break;
	}
	if (s.rows.n > 0) {
		agent_rows_sort(&s.rows);
		server_versions(&s);
		server_hooks(&s);
		server_sessions(&s);
		server_book(&s);
		server_ttys(&s);
		server_buffers(&s);
	}
	if (d->report->n == 0)
		doctor_ok(d, s.t.socket,
		    "tmux %s, %zu panes, all registered, hooks are live",
		    s.rows.n == 0 ? "" : s.rows.v[0].version, s.rows.n);
	tmux_rows_free(&s.rows);
}

/* Sockets where nobody listens. */
static void
servers_gone(struct doctor *d, const struct argv *gone)
{
	struct buf names = BUF_INIT;
	size_t i;

	doctor_note(d, gone->v[0],
	    "%zu sockets without a server: one was killed, or the machine "
	    "restarted",
	    gone->n);
	for (i = 0; i < gone->n; i++) {
		buf_addc(&names, ' ');
		doctor_word(&names, gone->v[i]);
	}
	doctor_mend(d, "rm -f%s && agent-discover", names.data);
	buf_free(&names);
}

void
doctor_look_servers(struct doctor *d)
{
	struct argv gone = ARGV_INIT;
	const char *path;
	size_t i;
	pid_t pid;

	for (i = 0; i < d->sockets.n; i++) {
		path = d->sockets.v[i];
		switch (server_connect(path, &pid)) {
		case ECONNREFUSED:
		case ENOENT:
			if (gone.n < DOCTOR_LIST_MAX)
				argv_add(&gone, path);
			break;
		case EPERM:
		case EACCES:
			break; /* "sandbox" says so */
		default:
			doctor_aside(d, path, SERVER_CALLS * DOCTOR_SERVER_MS,
			    server_look, path);
			break;
		}
	}
	if (gone.n > 0 && !doctor_boxed(d))
		servers_gone(d, &gone);
	if (d->sockets.n == 0)
		doctor_ok(d, "tmux", "no server is running");
	argv_free(&gone);
}
