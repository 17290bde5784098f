#include "tmux.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "mem.h"
#include "str.h"
#include "tmux_field.h"

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
	ROW_PROJECT,
	ROW_STATUS,
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
	[ROW_PROJECT] = "@agent-project",
	[ROW_STATUS] = "@agent-status",
};

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
	x_free(row->project);
	x_free(row->status);
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
	if (tmux_field_int(f[ROW_PANE_PID], &row->ident.pane_pid) != 0)
		row->ident.pane_pid = 0;
	if (tmux_field_copy(
		row->ident.socket, sizeof(row->ident.socket), socket) != 0 ||
	    tmux_field_int(f[ROW_SERVER_PID], &row->ident.server_pid) != 0 ||
	    tmux_field_int(f[ROW_SERVER_START], &row->ident.server_start) !=
		0 ||
	    tmux_field_id(row->ident.pane, f[ROW_PANE], '%') != 0 ||
	    tmux_field_id(row->session, f[ROW_SESSION], '$') != 0 ||
	    tmux_field_id(row->window, f[ROW_WINDOW], '@') != 0 ||
	    tmux_field_int(f[ROW_SESSION] + 1, &number) != 0 ||
	    number > UINT32_MAX ||
	    tmux_field_unsigned(f[ROW_WINDOW_INDEX], &row->window_index) != 0 ||
	    tmux_field_unsigned(f[ROW_PANE_INDEX], &row->pane_index) != 0 ||
	    tmux_field_copy(
		row->version, sizeof(row->version), f[ROW_VERSION]) != 0 ||
	    tmux_field_copy(row->tty, sizeof(row->tty), f[ROW_TTY]) != 0)
		return -1;
	row->session_number = (unsigned)number;
	row->pane_active = tmux_field_flag(f[ROW_PANE_ACTIVE]);
	row->dead = tmux_field_flag(f[ROW_DEAD]);
	row->automatic_rename = tmux_field_flag(f[ROW_AUTOMATIC_RENAME]);
	row->agent_pane = tmux_field_flag(f[ROW_AGENT_PANE]);
	row->agent_seen = tmux_field_flag(f[ROW_AGENT_SEEN]);
	row->agent_explicit = tmux_field_flag(f[ROW_AGENT_EXPLICIT]);
	row->session_name = tmux_field_text(f[ROW_SESSION_NAME]);
	row->window_name = tmux_field_text(f[ROW_WINDOW_NAME]);
	row->title = tmux_field_text(f[ROW_TITLE]);
	row->role = tmux_field_text(f[ROW_ROLE]);
	row->scope = tmux_field_text(f[ROW_SCOPE]);
	row->name = tmux_field_text(f[ROW_NAME]);
	row->profile = tmux_field_text(f[ROW_PROFILE]);
	row->project = tmux_field_text(f[ROW_PROJECT]);
	row->status = tmux_field_text(f[ROW_STATUS]);
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

void
tmux_scan_begin(struct tmux_scanning *s, const struct tmux *t)
{
	char *format = tmux_field_format(row_formats, ROW_END);
	struct argv args = ARGV_INIT;

	buf_init(&s->out, TMUX_OUT_MAX);
	argv_addl(&args, "list-panes", "-a", "-F", format, NULL);
	tmux_begin(&s->asked, t, &args, NULL, 0, &s->out);
	argv_free(&args);
	x_free(format);
}

enum tmux_result
tmux_scan_finish(struct tmux_scanning *s, struct tmux_rows *rows, struct err *e)
{
	const char *socket = s->asked.t->socket;
	const struct tmux *t = s->asked.t;
	enum tmux_result result = tmux_finish(&s->asked, e);
	unsigned asked = 1;
	size_t bad;

	/* A server that was held up leaves out the last fields of a row: it is
	 * asked again. */
	while (result == TMUX_OK) {
		bad = tmux_parse_rows(
		    s->out.data, s->out.len, tmux_mark(), socket, rows);
		if (bad == 0 || asked++ == TMUX_ASK_MAX)
			break;
		tmux_rows_free(rows);
		buf_free(&s->out);
		tmux_scan_begin(s, t);
		result = tmux_finish(&s->asked, e);
	}
	if (result == TMUX_OK) {
		if (bad > 0)
			log_line(
			    "%s: %zu panes could not be read", socket, bad);
		if (rows->n > 0 && !tmux_version_ok(rows->v[0].version)) {
			(void)err_set(e, EXIT_WIRE,
			    "%s: tmux %s is too old: 3.2 or later is needed",
			    socket, rows->v[0].version);
			result = TMUX_FAILED;
			tmux_rows_free(rows);
		}
	}
	buf_free(&s->out);
	return result;
}

enum tmux_result
tmux_scan(const struct tmux *t, struct tmux_rows *rows, struct err *e)
{
	struct tmux_scanning s;

	tmux_scan_begin(&s, t);
	return tmux_scan_finish(&s, rows, e);
}
