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

/* Field copied whole into `out`; -1 if it does not fit. */
static int
tmux_copy(char *out, size_t size, const char *field)
{
	size_t len = strlen(field);

	if (len >= size)
		return -1;
	memcpy(out, field, len + 1);
	return 0;
}

static int
tmux_copy_id(char out[PANE_ID_MAX], const char *field, char mark)
{
	if (!str_id_ok(field, mark))
		return -1;
	return tmux_copy(out, PANE_ID_MAX, field);
}

static int
tmux_int(const char *field, int64_t *out)
{
	uint64_t n;

	if (str_number(field, INT64_MAX, &n) != 0)
		return -1;
	*out = (int64_t)n;
	return 0;
}

static int
tmux_unsigned(const char *field, unsigned *out)
{
	uint64_t n;

	if (str_number(field, UINT32_MAX, &n) != 0)
		return -1;
	*out = (unsigned)n;
	return 0;
}

/* A flag is "1" or a set option such as "on"; "", "0" and "off" are not. */
static bool
tmux_flag(const char *field)
{
	return field[0] != '\0' && !str_eq(field, "0") && !str_eq(field, "off");
}

/* Valid UTF-8 whatever came: bad bytes become '?'. */
static char *
tmux_text(const char *field)
{
	char *copy = x_strdup(field);
	size_t len = strlen(copy), at = 0, n;
	uint32_t ch;

	while (at < len) {
		n = utf8_decode(copy + at, len - at, &ch);
		if (n == 0)
			copy[at++] = '?';
		at += n;
	}
	return copy;
}

/* The fields of a row in the order asked for; names and options come last. */
enum row_field {
	ROW_SERVER_PID,
	ROW_SERVER_START,
	ROW_VERSION,
	ROW_SESSION,
	ROW_WINDOW,
	ROW_WINDOW_INDEX,
	ROW_PANE,
	ROW_PANE_PID,
	ROW_PANE_INDEX,
	ROW_PANE_ACTIVE,
	ROW_DEAD,
	ROW_AUTOMATIC_RENAME,
	ROW_TTY,
	ROW_AGENT_PANE,
	ROW_AGENT_SEEN,
	ROW_AGENT_EXPLICIT,
	ROW_SESSION_NAME,
	ROW_WINDOW_NAME,
	ROW_TITLE,
	ROW_ROLE,
	ROW_SCOPE,
	ROW_NAME,
	ROW_PROFILE,
	ROW_END, /* what stands after the last mark: nothing */
	ROW_FIELDS,
};

static const char *const row_formats[] = {
	[ROW_SERVER_PID] = "pid",
	[ROW_SERVER_START] = "start_time",
	[ROW_VERSION] = "version",
	[ROW_SESSION] = "session_id",
	[ROW_WINDOW] = "window_id",
	[ROW_WINDOW_INDEX] = "window_index",
	[ROW_PANE] = "pane_id",
	[ROW_PANE_PID] = "pane_pid",
	[ROW_PANE_INDEX] = "pane_index",
	[ROW_PANE_ACTIVE] = "pane_active",
	[ROW_DEAD] = "pane_dead",
	[ROW_AUTOMATIC_RENAME] = "automatic-rename",
	[ROW_TTY] = "pane_tty",
	[ROW_AGENT_PANE] = "@agent-pane",
	[ROW_AGENT_SEEN] = "@agent-seen",
	[ROW_AGENT_EXPLICIT] = "@agent-explicit",
	[ROW_SESSION_NAME] = "session_name",
	[ROW_WINDOW_NAME] = "window_name",
	[ROW_TITLE] = "pane_title",
	[ROW_ROLE] = "@agent-role",
	[ROW_SCOPE] = "@agent-scope",
	[ROW_NAME] = "@agent-name",
	[ROW_PROFILE] = "@agent-profile",
};

/* "#{a}MARK#{b}MARK...", a mark after the last one too. */
static char *
tmux_format(const char *const *names, size_t n)
{
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < n; i++)
		buf_addf(&b, "#{%s}%s", names[i], tmux_mark());
	return buf_steal(&b);
}

static void
tmux_row_free(struct tmux_row *row)
{
	x_free(row->session_name);
	x_free(row->window_name);
	x_free(row->title);
	x_free(row->role);
	x_free(row->scope);
	x_free(row->name);
	x_free(row->profile);
}

/* Fill `row` from one line; -1 if it is no row of ours. */
static int
tmux_parse_row(
    char *line, const char *mark, const char *socket, struct tmux_row *row)
{
	char *f[ROW_FIELDS + 1];
	int64_t number;

	memset(row, 0, sizeof(*row));
	if (tmux_split(line, mark, f, ROW_FIELDS + 1) != ROW_FIELDS ||
	    f[ROW_END][0] != '\0')
		return -1;
	/* A dead pane may have pid -1. */
	if (tmux_int(f[ROW_PANE_PID], &row->ident.pane_pid) != 0)
		row->ident.pane_pid = 0;
	if (tmux_copy(row->ident.socket, sizeof(row->ident.socket), socket) !=
		0 ||
	    tmux_int(f[ROW_SERVER_PID], &row->ident.server_pid) != 0 ||
	    tmux_int(f[ROW_SERVER_START], &row->ident.server_start) != 0 ||
	    tmux_copy_id(row->ident.pane, f[ROW_PANE], '%') != 0 ||
	    tmux_copy_id(row->session, f[ROW_SESSION], '$') != 0 ||
	    tmux_copy_id(row->window, f[ROW_WINDOW], '@') != 0 ||
	    tmux_int(f[ROW_SESSION] + 1, &number) != 0 || number > UINT32_MAX ||
	    tmux_unsigned(f[ROW_WINDOW_INDEX], &row->window_index) != 0 ||
	    tmux_unsigned(f[ROW_PANE_INDEX], &row->pane_index) != 0 ||
	    tmux_copy(row->version, sizeof(row->version), f[ROW_VERSION]) !=
		0 ||
	    tmux_copy(row->tty, sizeof(row->tty), f[ROW_TTY]) != 0)
		return -1;
	row->session_number = (unsigned)number;
	row->pane_active = tmux_flag(f[ROW_PANE_ACTIVE]);
	row->dead = tmux_flag(f[ROW_DEAD]);
	row->automatic_rename = tmux_flag(f[ROW_AUTOMATIC_RENAME]);
	row->agent_pane = tmux_flag(f[ROW_AGENT_PANE]);
	row->agent_seen = tmux_flag(f[ROW_AGENT_SEEN]);
	row->agent_explicit = tmux_flag(f[ROW_AGENT_EXPLICIT]);
	row->session_name = tmux_text(f[ROW_SESSION_NAME]);
	row->window_name = tmux_text(f[ROW_WINDOW_NAME]);
	row->title = tmux_text(f[ROW_TITLE]);
	row->role = tmux_text(f[ROW_ROLE]);
	row->scope = tmux_text(f[ROW_SCOPE]);
	row->name = tmux_text(f[ROW_NAME]);
	row->profile = tmux_text(f[ROW_PROFILE]);
	return 0;
}

size_t
tmux_parse_rows(const char *text, size_t len, const char *mark,
    const char *socket, struct tmux_rows *rows)
{
	char *copy = x_strndup(text, len), *end = NULL, *line, *stop;
	size_t bad = 0;
	struct tmux_row row;

	/* A row ends with a mark and a newline: names may hold newlines. */
	end = x_asprintf("%s\n", mark);
	for (line = copy; *line != '\0'; line = stop) {
		stop = strstr(line, end);
		if (stop == NULL) {
			bad++;
			break;
		}
		stop += strlen(mark);
		*stop++ = '\0';
		if (tmux_parse_row(line, mark, socket, &row) != 0) {
			bad++;
			continue;
		}
		if (rows->n == rows->cap) {
			rows->cap = rows->cap == 0 ? 64 : rows->cap * 2;
			rows->v =
			    x_realloc(rows->v, rows->cap, sizeof(*rows->v));
		}
		rows->v[rows->n++] = row;
	}
	x_free(end);
	x_free(copy);
	return bad;
}

void
tmux_rows_free(struct tmux_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		tmux_row_free(&rows->v[i]);
	x_free(rows->v);
	*rows = (struct tmux_rows){ .v = NULL };
}

/* Is "3.1c", "3.2", "3.3a", "next-3.4", "openbsd-7.4" 3.2 or later? What does
 * not begin with a number is taken for newer than any release. */
static bool
tmux_version_ok(const char *version)
{
	const char *digits = version + strcspn(version, "0123456789");
	unsigned major, minor;

	if (sscanf(digits, "%u.%u", &major, &minor) != 2)
		return true;
	return str_starts(version, "openbsd") || major > 3 ||
	    (major == 3 && minor >= 2);
}

enum tmux_result
tmux_scan(const struct tmux *t, struct tmux_rows *rows, struct err *e)
{
	struct buf out = BUF_INIT_MAX(TMUX_OUT_MAX);
	struct argv args = ARGV_INIT;
	enum tmux_result result;
	char *format;
	size_t bad;

	format = tmux_format(row_formats, ROW_END);
	argv_addl(&args, "list-panes", "-a", "-F", format, NULL);
	result = tmux_call(t, &args, NULL, 0, &out, e);
	if (result == TMUX_OK) {
		bad = tmux_parse_rows(
		    out.data, out.len, tmux_mark(), t->socket, rows);
		if (bad > 0)
			log_line(
			    "%s: %zu panes could not be read", t->socket, bad);
		if (rows->n > 0 && !tmux_version_ok(rows->v[0].version)) {
			(void)err_set(e, EXIT_WIRE,
			    "%s: tmux %s is too old: 3.2 or later is needed",
			    t->socket, rows->v[0].version);
			result = TMUX_FAILED;
			tmux_rows_free(rows);
		}
	}
	x_free(format);
	argv_free(&args);
	buf_free(&out);
	return result;
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

/* Sessions with a client, as "$1 @2 ACTIVITY;" each. In S:, which walks all
 * sessions, window_id is the window that the session shows. */
#define LOOK_PEOPLE_FORMAT                                    \
	"#{S:#{?session_attached,#{session_id} #{window_id} " \
	"#{session_activity};,}}"

enum look_field {
	LOOK_SERVER_PID,
	LOOK_SERVER_START,
	LOOK_PANE,
	LOOK_PANE_PID,
	LOOK_WINDOW,
	LOOK_ACTIVE,
	LOOK_DEAD,
	LOOK_MODES,
	LOOK_INPUT_OFF,
	LOOK_SYNCHRONIZED,
	LOOK_ALTERNATE,
	LOOK_CURSOR_SHOWN,
	LOOK_MOUSE,
	LOOK_BRACKETED,
	LOOK_WIDTH,
	LOOK_HEIGHT,
	LOOK_CURSOR_X,
	LOOK_CURSOR_Y,
	LOOK_AGENT_SEEN,
	LOOK_TTY,
	LOOK_PEOPLE,
	LOOK_COMMAND,
	LOOK_TITLE,
	LOOK_PROFILE,
	LOOK_SHELL_WAY,
	LOOK_SCREEN, /* a newline, then the screen */
	LOOK_FIELDS,
};

static const char *const look_formats[] = {
	[LOOK_SERVER_PID] = "pid",
	[LOOK_SERVER_START] = "start_time",
	[LOOK_PANE] = "pane_id",
	[LOOK_PANE_PID] = "pane_pid",
	[LOOK_WINDOW] = "window_id",
	[LOOK_ACTIVE] = "pane_active",
	[LOOK_DEAD] = "pane_dead",
	[LOOK_MODES] = "pane_in_mode",
	[LOOK_INPUT_OFF] = "pane_input_off",
	[LOOK_SYNCHRONIZED] = "pane_synchronized",
	[LOOK_ALTERNATE] = "alternate_on",
	[LOOK_CURSOR_SHOWN] = "cursor_flag",
	[LOOK_MOUSE] = "mouse_any_flag",
	[LOOK_BRACKETED] = "bracket_paste_flag",
	[LOOK_WIDTH] = "pane_width",
	[LOOK_HEIGHT] = "pane_height",
	[LOOK_CURSOR_X] = "cursor_x",
	[LOOK_CURSOR_Y] = "cursor_y",
	[LOOK_AGENT_SEEN] = "@agent-seen",
	[LOOK_TTY] = "pane_tty",
	[LOOK_PEOPLE] = LOOK_PEOPLE_FORMAT,
	[LOOK_COMMAND] = "pane_current_command",
	[LOOK_TITLE] = "pane_title",
	[LOOK_PROFILE] = "@agent-profile",
	[LOOK_SHELL_WAY] = "@agent-shell",
};

char *
tmux_people_format(const char *window)
{
	return x_asprintf("#{?pane_active,#{S:#{?#{&&:#{==:#{window_id},%s},"
			  "#{session_attached}},#{session_id}="
			  "#{session_activity} ,}},away}",
	    window);
}

/*
 * What tmux_people_format() would print, from the sessions listed in `text`:
 * the same text, so that a guard can compare the two.
 */
static void
look_people(struct pane_facts *facts, char *text, bool active)
{
	char *entry, *rest, session[PANE_ID_MAX], window[PANE_ID_MAX];
	struct buf people = BUF_INIT_MAX(sizeof(facts->people) - 1);
	long long activity;

	if (!active)
		buf_adds(&people, "away");
	for (entry = strtok_r(text, ";", &rest); entry != NULL && active;
	     entry = strtok_r(NULL, ";", &rest)) {
		if (sscanf(entry, "%11s %11s %lld", session, window,
			&activity) != 3 ||
		    !str_eq(window, facts->window) || !str_id_ok(session, '$'))
			continue;
		buf_addf(&people, "%s=%lld ", session, activity);
		if (activity > facts->last_key)
			facts->last_key = activity;
	}
	/* More sessions than fit: never equal to what tmux prints. */
	if (people.overflow) {
		buf_reset(&people);
		buf_adds(&people, "too many");
	}
	memcpy(facts->people, people.data, people.len + 1);
	buf_free(&people);
}

/* Keep what fits of a text that is only looked at. */
static void
look_text(char out[PANE_TEXT_MAX], const char *field)
{
	char *text = tmux_text(field);
	size_t len = utf8_fit(text, strlen(text), PANE_TEXT_MAX);

	while (len >= PANE_TEXT_MAX)
		len = utf8_fit(text, len - 1, PANE_TEXT_MAX);
	memcpy(out, text, len);
	out[len] = '\0';
	x_free(text);
}

/* The formats' answer into facts; -1 when it is none of ours. */
static int
look_parse(
    char *text, const char *socket, struct pane_facts *facts, char **screen)
{
	char *f[LOOK_FIELDS + 1];

	if (tmux_split(text, tmux_mark(), f, LOOK_FIELDS + 1) != LOOK_FIELDS ||
	    f[LOOK_SCREEN][0] != '\n')
		return -1;
	*screen = f[LOOK_SCREEN] + 1;
	if (tmux_int(f[LOOK_PANE_PID], &facts->ident.pane_pid) != 0)
		facts->ident.pane_pid = 0;
	if (tmux_copy(facts->ident.socket, PANE_SOCKET_MAX, socket) != 0 ||
	    tmux_int(f[LOOK_SERVER_PID], &facts->ident.server_pid) != 0 ||
	    tmux_int(f[LOOK_SERVER_START], &facts->ident.server_start) != 0 ||
	    tmux_copy_id(facts->ident.pane, f[LOOK_PANE], '%') != 0 ||
	    tmux_copy_id(facts->window, f[LOOK_WINDOW], '@') != 0 ||
	    tmux_unsigned(f[LOOK_MODES], &facts->modes) != 0 ||
	    tmux_unsigned(f[LOOK_WIDTH], &facts->width) != 0 ||
	    tmux_unsigned(f[LOOK_HEIGHT], &facts->height) != 0 ||
	    tmux_unsigned(f[LOOK_CURSOR_X], &facts->cursor_x) != 0 ||
	    tmux_unsigned(f[LOOK_CURSOR_Y], &facts->cursor_y) != 0)
		return -1;
	facts->dead = tmux_flag(f[LOOK_DEAD]);
	facts->active = tmux_flag(f[LOOK_ACTIVE]);
	facts->input_off = tmux_flag(f[LOOK_INPUT_OFF]);
	facts->synchronized = tmux_flag(f[LOOK_SYNCHRONIZED]);
	facts->alternate = tmux_flag(f[LOOK_ALTERNATE]);
	facts->cursor_shown = tmux_flag(f[LOOK_CURSOR_SHOWN]);
	facts->mouse = tmux_flag(f[LOOK_MOUSE]);
	facts->bracketed = f[LOOK_BRACKETED][0] == '\0' ? -1
	    : tmux_flag(f[LOOK_BRACKETED])              ? 1
							: 0;
	facts->agent_seen = tmux_flag(f[LOOK_AGENT_SEEN]);
	if (tmux_copy(facts->tty, sizeof(facts->tty), f[LOOK_TTY]) != 0)
		facts->tty[0] = '\0';
	look_people(facts, f[LOOK_PEOPLE], facts->active);
	look_text(facts->command, f[LOOK_COMMAND]);
	look_text(facts->title, f[LOOK_TITLE]);
	look_text(facts->profile, f[LOOK_PROFILE]);
	look_text(facts->shell_way, f[LOOK_SHELL_WAY]);
	return 0;
}

/* What the kernel knows: the terminal's modes, who is in front, who reads. */
static void
look_kernel(struct pane_facts *facts)
{
	int fd;

	if (facts->dead || facts->ident.pane_pid == 0)
		return;
	fd = tty_open(facts->tty, NULL);
	if (fd >= 0) {
		facts->tty_number = tty_number(fd);
		facts->modes_tty = tty_modes(fd);
		(void)close(fd);
	}
	ps_foreground((pid_t)facts->ident.pane_pid, &facts->foreground);
	facts->reading = ps_reading_tty(&facts->foreground, facts->tty_number);
}

int
tmux_look(const struct tmux *t, const struct pane_ident *ident,
    struct pane_facts *facts, struct buf *screen, struct err *e)
{
	struct buf out = BUF_INIT_MAX(TMUX_OUT_MAX), format = BUF_INIT;
	struct argv args = ARGV_INIT;
	enum tmux_result result;
	char *cells = NULL;
	int rc = -1;
	size_t i;

	memset(facts, 0, sizeof(*facts));
	for (i = 0; i < LOOK_SCREEN; i++)
		buf_addf(&format, i == LOOK_PEOPLE ? "%s%s" : "#{%s}%s",
		    look_formats[i], tmux_mark());
	argv_addl(&args, "display-message", "-p", "-t", ident->pane,
	    format.data, ";", "capture-pane", "-p", "-e", "-N", "-t",
	    ident->pane, NULL);
	result = tmux_call(t, &args, NULL, 0, &out, e);
	if (result != TMUX_OK) {
		if (e != NULL && strstr(e->msg, "can't find pane") != NULL)
			(void)err_set(e, EXIT_UNKNOWN, "%s: the pane is gone",
			    ident->pane);
		goto out;
	}
	if (look_parse(out.data, t->socket, facts, &cells) != 0) {
		(void)err_set(e, EXIT_WIRE,
		    "tmux: answer about %s not understood", ident->pane);
		goto out;
	}
	if (!pane_ident_eq(ident, &facts->ident)) {
		(void)err_set(e, EXIT_UNKNOWN,
		    "%s: is another pane now (the server was restarted or the "
		    "pane respawned)",
		    ident->pane);
		goto out;
	}
	buf_adds(screen, cells);
	look_kernel(facts);
	rc = buf_check(screen, "screen", e);
out:
	argv_free(&args);
	buf_free(&format);
	buf_free(&out);
	return rc;
}
