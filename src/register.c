#include "register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"
#include "generation.h"
#include "lock.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "peers.h"
#include "proc.h"
#include "register_feed.h"
#include "register_parked.h"
#include "register_sight.h"
#include "wake.h"
#include "register_view.h"
#include "registry.h"
#include "slice.h"
#include "turn.h"

enum {
	REGISTER_TRIES = 5,   /* scans of which each came too late */
	REGISTER_BATCH = 100, /* options set in one tmux call */
};

/* Set @agent-seen where a known agent is seen for the first time. */
static void
mark_seen(const struct tmux *t, const struct view *v)
{
	struct argv args = ARGV_INIT;
	const struct tmux_row *row;
	struct err e;
	size_t i, n = 0;

	for (i = 0; i < v->rows.n; i++) {
		row = &v->rows.v[i];
		if (v->sights[i].known != NULL && !row->agent_seen &&
		    (i == 0 ||
			!str_eq(
			    row->ident.pane, v->rows.v[i - 1].ident.pane))) {
			argv_addl(&args, "set-option", "-p", "-q", "-t",
			    row->ident.pane, "@agent-seen", "1", ";", NULL);
			n++;
		}
		if (n == REGISTER_BATCH || (n > 0 && i + 1 == v->rows.n)) {
			/* A pane that is gone by now ends the batch: the next
			 * scan marks the rest. */
			if (tmux_call(t, &args, NULL, 0, NULL, &e) != TMUX_OK)
				log_debug("%s", e.msg);
			argv_free(&args);
			n = 0;
		}
	}
	argv_free(&args);
}

/* ---- local.toml ---- */

static void
count_entries(const struct agent_list *list, const char *socket,
    struct register_result *result)
{
	size_t i;

	result->agents = result->known = 0;
	for (i = 0; i < list->n; i++)
		if (str_eq(list->v[i].ident.socket, socket)) {
			result->agents++;
			result->known += list->v[i].known[0] != '\0';
		}
}

static int
write_local(
    const struct registrar *reg, struct slice *s, int64_t now, struct err *e)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	int rc = -1;

	slice_own(s, reg->home->host, reg->home->host_id);
	s->version = SLICE_VERSION;
	if (generation_next(reg->home, s->generation, now, &s->generation, e) !=
	    0)
		goto out;
	clock_text(s->written, now);
	slice_write(&text, s);
	home_sweep(reg->home, "local.toml");
	if (buf_check(&text, reg->home->local, e) == 0)
		rc = file_replace(
		    reg->home->local, text.data, text.len, FILE_FAST, e);
out:
	buf_free(&text);
	return rc;
}

/*
 * Take out the entries of other servers whose process has ended: of a server
 * that ends tmux kills the hooks, so nobody told us. A pid that another process
 * got keeps them until the next discover.
 */
static void
drop_ended(struct agent_list *list, const char *socket)
{
	int64_t last = 0, pid;
	size_t i, kept = 0;
	bool ended = false;

	for (i = 0; i < list->n; i++) {
		pid = list->v[i].ident.server_pid;
		if (pid != last)
			ended = ps_ended((pid_t)pid);
		last = pid;
		if (ended && !str_eq(list->v[i].ident.socket, socket))
			agent_free(&list->v[i]);
		else
			list->v[kept++] = list->v[i];
	}
	list->n = kept;
}

/* Merge a view into local.toml; the caller holds its lock. */
static int
merge_local(const struct registrar *reg, const char *socket, struct view *v,
    struct register_result *result, struct err *e)
{
	const struct agent_scan scan = { .socket = socket,
		.rows = &v->rows,
		.sights = v->sights,
		.host = reg->home->host,
		.config = reg->config,
		.now = clock_real_ms() };
	struct agent_list now = AGENT_LIST_INIT, joined = AGENT_LIST_INIT;
	struct parked parked = PARKED_INIT;
	const struct agent_list *all, *was, *is;
	struct agent_list before;
	size_t recorded, i;
	char *quarantined = NULL;
	struct slice slice;
	int rc = -1;

	if (slice_load_local(&slice, reg->home, &v->ahead, &quarantined, e) !=
	    0)
		goto out;
	if (quarantined != NULL)
		log_line("%s: was not valid; kept as %s and rebuilt",
		    reg->home->local, quarantined);
	recorded = slice.agents.n;
	if (!result->server && sight_hidden(reg->home, &slice.agents, socket)) {
		count_entries(&slice.agents, socket, result);
		rc = 0;
		goto out;
	}
	if (sight_clear(reg->home))
		drop_ended(&slice.agents, socket);
	else
		sight_recall(v, &slice.agents);
	parked_load(&parked, reg->home);
	was = &slice.agents;
	is = &now;
	all = parked_join(&parked, was, &scan, &joined);
	agent_merge(&now, all, &scan);
	if (!reg->dry_run)
		parked_keep(&parked, reg->home, was, is, &scan, false);
	count_entries(&now, socket, result);
	for (i = 0; reg->found != NULL && i < now.n; i++)
		(void)agent_list_put(reg->found, &now.v[i]);
	result->changed = slice.version == 0 || slice.agents.n != recorded ||
	    !str_eq(slice.host, reg->home->host) ||
	    !str_eq(slice.host_id, reg->home->host_id) ||
	    !agent_list_same(&slice.agents, &now);
	/* A socket that nobody answers at is no reason to begin a slice. */
	if (!result->server && slice.version == 0 && recorded == 0)
		result->changed = false;
	rc = 0;
	if (result->changed && !reg->dry_run) {
		before = slice.agents;
		slice.agents = now;
		now = before;
		was = &now;
		is = &slice.agents;
		rc = write_local(reg, &slice, scan.now, e);
		if (rc == 0)
			register_feed(reg->home, was, is);
	}
	if (rc == 0 && !reg->dry_run)
		parked_keep(&parked, reg->home, was, is, &scan, true);
out:
	agent_list_free(&now);
	agent_list_free(&joined);
	parked_free(&parked);
	slice_free(&slice);
	x_free(quarantined);
	return rc;
}

/* Under the scan lock. */
static int
scan_and_write(const struct registrar *reg, const struct tmux *t,
    int64_t server_pid, struct register_result *result, struct err *e)
{
	char *path = path_join(reg->home->run, "local.lock");
	enum tmux_result answer;
	struct view v = VIEW_INIT;
	int fd = -1, rc = -1, i;

	for (i = 0;; i++) {
		answer = view_take(&v, reg, t, server_pid, e);
		if (answer == TMUX_FAILED)
			goto out;
		if (!reg->dry_run &&
		    lock_need(path, HOME_LOCK_WAIT_MS, &fd, e) != 0)
			goto out;
		if (clock_mono_ms() - v.taken < REGISTER_STALE_MS ||
		    i + 1 >= REGISTER_TRIES)
			break;
		/* Stopped, or long in the queue: the view may be old. */
		lock_drop(&fd);
		view_free(&v);
	}
	result->server = answer == TMUX_OK;
	result->panes = v.panes;
	if (answer == TMUX_OK && v.rows.n > 0 && !reg->dry_run)
		sight_note(reg->home, v.rows.v[0].ident.server_pid);
	rc = merge_local(reg, t->socket, &v, result, e);
	lock_drop(&fd);
	if (rc != 0 || reg->dry_run)
		goto out;
	if (answer == TMUX_OK && !v.recalled)
		mark_seen(t, &v);
	if (!registry_fresh(reg->home))
		rc = registry_assemble(reg->home, clock_real_ms(), e);
out:
	lock_drop(&fd);
	view_free(&v);
	x_free(path);
	return rc;
}

int
register_server(const struct registrar *reg, const char *socket,
    int64_t server_pid, struct register_result *result, struct err *e)
{
	struct turn turn = TURN_INIT;
	struct tmux t;
	int rc = -1;

	*result = (struct register_result){ .panes = 0 };
	if (tmux_open(&t, socket, e) != 0)
		return -1;
	if (reg->dry_run)
		return scan_and_write(reg, &t, server_pid, result, e);
	turn_open(&turn, reg->home->run, "scan", socket);
	switch (turn_take(&turn, reg->wait, REGISTER_WAIT_MS, e)) {
	case TURN_MINE:
		rc = scan_and_write(reg, &t, server_pid, result, e);
		break;
	case TURN_LEFT:
	case TURN_LATER:
		result->left = true;
		rc = 0;
		break;
	case TURN_FAILED:
		break;
	}
	turn_close(&turn);
	if (rc == 0 && result->changed && !reg->quiet)
		register_bell(reg->home);
	wake_all(reg->home);
	return rc;
}

/* ---- all servers ---- */

static void
add_once(struct argv *list, const char *word)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (str_eq(list->v[i], word))
			return;
	argv_add(list, word);
}

void
register_sockets(const struct home *home, struct argv *out)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	const char *last = "";
	struct slice slice;
	size_t i;

	if (file_read_ours(home->local, &text, NULL) == FILE_READ) {
		if (slice_parse(
			&slice, home->local, text.data, text.len, NULL) == 0)
			for (i = 0; i < slice.agents.n; i++) {
				if (!str_eq(
					slice.agents.v[i].ident.socket, last))
					add_once(out,
					    slice.agents.v[i].ident.socket);
				last = slice.agents.v[i].ident.socket;
			}
		slice_free(&slice);
	}
	buf_free(&text);
	tmux_sockets(out);
}

size_t
register_all(const struct registrar *reg,
    void (*report)(void *arg, const char *socket,
	const struct register_result *result, const struct err *e),
    void *arg)
{
	struct argv sockets = ARGV_INIT;
	struct registrar each = *reg;
	struct register_result result;
	size_t i, failed = 0;
	struct err e;

	each.quiet = true;
	register_sockets(reg->home, &sockets);
	for (i = 0; i < sockets.n; i++) {
		err_clear(&e);
		if (register_server(&each, sockets.v[i], 0, &result, &e) == 0)
			err_clear(&e);
		else
			failed++;
		report(arg, sockets.v[i], &result, &e);
	}
	argv_free(&sockets);
	if (!reg->dry_run && !reg->quiet)
		register_bell(reg->home);
	return failed;
}

/* ---- peers ---- */

void
register_bell(const struct home *home)
{
	char *path = path_join(home->dir, "peers.conf"), *program = NULL;
	struct peers peers = PEERS_INIT;
	struct argv argv = ARGV_INIT;
	struct err e = { .code = EXIT_OK };

	if (peers_load(&peers, path, &e) == 0 && peers.n > 0) {
		program = proc_sibling("agent-sync");
		argv_addl(&argv, program, "-q", NULL);
		(void)proc_detach(&argv, &e);
	}
	if (e.code != EXIT_OK)
		log_line("%s", e.msg);
	argv_free(&argv);
	x_free(program);
	peers_free(&peers);
	x_free(path);
}

/* Is there a slice of ours that peers need no newer one of? A file that is not
 * valid, or the bash agent-mesh's, is left to the next scan. */
static bool
is_confirmed(const struct home *home, int64_t now)
{
	struct buf text = BUF_INIT_MAX(SLICE_SIZE_MAX);
	struct slice head = SLICE_INIT;
	enum file_found found;
	bool confirmed;

	found = file_read_ours(home->local, &text, NULL);
	confirmed = found != FILE_MISSING;
	if (found == FILE_READ &&
	    slice_parse_head(&head, home->local, text.data, text.len, NULL) ==
		0)
		confirmed = head.version == 0 ||
		    (str_eq(head.host, home->host) &&
			str_eq(head.host_id, home->host_id) &&
			head.generation <= now + SLICE_AHEAD_MS &&
			now - head.generation < REGISTER_CONFIRM_MS &&
			!generation_overtaken(home, head.generation, now));
	slice_free(&head);
	buf_free(&text);
	return confirmed;
}

int
register_confirm(const struct home *home, struct err *e)
{
	const struct registrar reg = { .home = home };
	char *path = path_join(home->run, "local.lock");
	char *quarantined = NULL;
	struct slice slice = SLICE_INIT;
	int64_t now = clock_real_ms();
	int fd = -1, rc = 0;

	if (is_confirmed(home, now))
		goto out;
	rc = -1;
	if (lock_need(path, HOME_LOCK_WAIT_MS, &fd, e) != 0 ||
	    slice_load_local(&slice, home, NULL, &quarantined, e) != 0)
		goto out;
	if (quarantined != NULL)
		log_line(
		    "%s: was not valid; kept as %s", home->local, quarantined);
	rc = write_local(&reg, &slice, now, e);
	lock_drop(&fd);
	if (rc == 0)
		rc = registry_assemble(home, now, e);
out:
	lock_drop(&fd);
	slice_free(&slice);
	x_free(quarantined);
	x_free(path);
	return rc;
}

/* ---- our own pane ---- */

/* Look for our pane among the rows of one server. */
static const struct tmux_row *
find_self(const struct tmux_rows *rows, unsigned tty, const char *pane,
    int64_t server_pid)
{
	const struct tmux_row *row;
	struct stat st;
	size_t i;

	for (i = 0; i < rows->n; i++) {
		row = &rows->v[i];
		if (row->dead)
			continue;
		if (tty != 0 && stat(row->tty, &st) == 0 &&
		    S_ISCHR(st.st_mode) && (unsigned)st.st_rdev == tty)
			return row;
		if (tty == 0 && pane != NULL && str_eq(row->ident.pane, pane) &&
		    row->ident.server_pid == server_pid)
			return row;
	}
	return NULL;
}

/* $TMUX is "socket,pid,session". The socket (malloc'd, NULL: not in tmux). */
static char *
own_server(int64_t *pid)
{
	const char *value = getenv("TMUX"), *comma;
	char *socket;

	*pid = 0;
	if (value == NULL || value[0] != '/')
		return NULL;
	comma = strrchr(value, ',');
	if (comma == NULL)
		return NULL;
	socket = x_strndup(value, (size_t)(comma - value));
	comma = strrchr(socket, ',');
	if (comma == NULL) {
		x_free(socket);
		return NULL;
	}
	*pid = strtoll(comma + 1, NULL, 10);
	socket[comma - socket] = '\0';
	return socket;
}

int
register_self(const struct home *home, struct tmux *t, struct tmux_rows *rows,
    const struct tmux_row **row, struct err *e)
{
	const char *pane = getenv("TMUX_PANE");
	struct argv sockets = ARGV_INIT;
	unsigned tty = ps_own_tty();
	int64_t server_pid;
	char *socket = own_server(&server_pid);
	size_t i, n;

	*row = NULL;
	*rows = (struct tmux_rows){ .v = NULL };
	/* The server in our environment is nearly always the right one. */
	if (socket != NULL)
		argv_add(&sockets, socket);
	if (tty != 0 || socket == NULL) {
		register_sockets(home, &sockets);
		n = sockets.n;
	} else {
		n = 1;
	}
	for (i = 0; *row == NULL && i < n; i++) {
		if (i > 0 && socket != NULL && str_eq(sockets.v[i], socket))
			continue;
		if (tmux_open(t, sockets.v[i], NULL) != 0)
			continue;
		tmux_rows_free(rows);
		if (tmux_scan(t, rows, NULL) == TMUX_OK)
			*row = find_self(rows, tty, pane,
			    socket != NULL && i == 0 ? server_pid : -1);
	}
	argv_free(&sockets);
	x_free(socket);
	if (*row != NULL)
		return 0;
	tmux_rows_free(rows);
	return err_set(e, EXIT_UNKNOWN,
	    "this pane: not found on any tmux server of ours; run this inside "
	    "tmux, or name the pane with -t %%ID");
}

void
register_option(
    struct argv *args, const char *pane, const char *name, const char *value)
{
	char *text = x_strdup("");
	size_t len;

	if (value == NULL || value[0] == '\0') {
		argv_addl(args, "set-option", "-p", "-q", "-u", "-t", pane,
		    name, ";", NULL);
	} else {
		agent_text(&text, value, AGENT_LONG_MAX);
		argv_addl(
		    args, "set-option", "-p", "-q", "-t", pane, name, NULL);
		/* A last ';' would end the command: tmux takes one backslash
		 * away, whatever stands before. */
		len = strlen(text);
		if (len > 0 && text[len - 1] == ';')
			argv_addf(args, "%.*s\\;", (int)(len - 1), text);
		else
			argv_add(args, text);
		argv_add(args, ";");
	}
	x_free(text);
}
