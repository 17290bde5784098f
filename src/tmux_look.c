#include "tmux.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "str.h"
#include "tmux_field.h"
#include "utf8.h"

/* Sessions, as "$1 @2 ACTIVITY ATTACHED FRESH;" each. In S:, which walks all
 * sessions, window_id is the window that the session shows. FRESH: made, and
 * nobody came since. */
#define LOOK_PEOPLE_FORMAT                                    \
	"#{S:#{session_id} #{window_id} #{session_activity} " \
	"#{session_attached} "                                \
	"#{==:#{session_activity},#{session_created}};}"

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
	LOOK_HISTORY,
	LOOK_ACTIVITY,
	LOOK_AGENT_SEEN,
	LOOK_TTY,
	LOOK_PEOPLE,
	LOOK_VISITS,
	LOOK_LEFT,
	LOOK_COMMAND,
	LOOK_TITLE,
	LOOK_HOST,
	LOOK_PROFILE,
	LOOK_SHELL_WAY,
	LOOK_ALLOW,
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
	[LOOK_HISTORY] = "history_size",
	[LOOK_ACTIVITY] = "window_activity",
	[LOOK_AGENT_SEEN] = "@agent-seen",
	[LOOK_TTY] = "pane_tty",
	[LOOK_PEOPLE] = LOOK_PEOPLE_FORMAT,
	[LOOK_VISITS] = "@agent-visits",
	[LOOK_LEFT] = "@agent-left",
	[LOOK_COMMAND] = "pane_current_command",
	[LOOK_TITLE] = "pane_title",
	[LOOK_HOST] = "host",
	[LOOK_PROFILE] = "@agent-profile",
	[LOOK_SHELL_WAY] = "@agent-shell",
	[LOOK_ALLOW] = "@agent-allow",
};

char *
tmux_people_format(const char *window)
{
	return x_asprintf("#{?pane_active,#{S:#{?#{&&:#{==:#{window_id},%s},"
			  "#{session_attached}},#{session_id}="
			  "#{session_activity} ,}},away }#{@agent-visits}",
	    window);
}

/*
 * What tmux_people_format() would print, from the sessions listed in `text`:
 * the same text, so that a guard can compare the two. A visit is counted and
 * its end stamped by our hooks: to somebody who is away before and after it
 * nothing else would bear witness.
 */
static void
look_people(struct pane_facts *facts, char *text, const char *visits,
    const char *left, bool active)
{
	char *entry, *rest, session[PANE_ID_MAX], window[PANE_ID_MAX];
	struct buf people = BUF_INIT_MAX(sizeof(facts->people) - 1);
	long long activity;
	uint64_t number;
	int attached, fresh;

	if (!active)
		buf_adds(&people, "away ");
	for (entry = strtok_r(text, ";", &rest); entry != NULL && active;
	     entry = strtok_r(NULL, ";", &rest)) {
		if (sscanf(entry, "%11s %11s %lld %d %d", session, window,
			&activity, &attached, &fresh) != 5 ||
		    !str_eq(window, facts->window) || !str_id_ok(session, '$'))
			continue;
		if (attached > 0)
			buf_addf(&people, "%s=%lld ", session, activity);
		/* Whoever is gone may have pressed it a moment before. */
		if ((attached > 0 || fresh == 0) && activity > facts->last_key)
			facts->last_key = activity;
	}
	/* Anything else than a number is not ours to put into a guard. */
	if (str_number(visits, INT64_MAX, &number) == 0)
		buf_adds(&people, visits);
	if (str_number(left, INT64_MAX, &number) == 0 &&
	    (int64_t)number > facts->last_key)
		facts->last_key = (int64_t)number;
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
	char *text = tmux_field_text(field);
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
	if (tmux_field_int(f[LOOK_PANE_PID], &facts->ident.pane_pid) != 0)
		facts->ident.pane_pid = 0;
	if (tmux_field_copy(facts->ident.socket, PANE_SOCKET_MAX, socket) !=
		0 ||
	    tmux_field_int(f[LOOK_SERVER_PID], &facts->ident.server_pid) != 0 ||
	    tmux_field_int(f[LOOK_SERVER_START], &facts->ident.server_start) !=
		0 ||
	    tmux_field_id(facts->ident.pane, f[LOOK_PANE], '%') != 0 ||
	    tmux_field_id(facts->window, f[LOOK_WINDOW], '@') != 0 ||
	    tmux_field_unsigned(f[LOOK_MODES], &facts->modes) != 0 ||
	    tmux_field_unsigned(f[LOOK_WIDTH], &facts->width) != 0 ||
	    tmux_field_unsigned(f[LOOK_HEIGHT], &facts->height) != 0 ||
	    tmux_field_unsigned(f[LOOK_CURSOR_X], &facts->cursor_x) != 0 ||
	    tmux_field_unsigned(f[LOOK_CURSOR_Y], &facts->cursor_y) != 0 ||
	    tmux_field_unsigned(f[LOOK_HISTORY], &facts->history) != 0)
		return -1;
	if (tmux_field_int(f[LOOK_ACTIVITY], &facts->activity) != 0)
		facts->activity = 0;
	facts->dead = tmux_field_flag(f[LOOK_DEAD]);
	facts->active = tmux_field_flag(f[LOOK_ACTIVE]);
	facts->input_off = tmux_field_flag(f[LOOK_INPUT_OFF]);
	facts->synchronized = tmux_field_flag(f[LOOK_SYNCHRONIZED]);
	facts->alternate = tmux_field_flag(f[LOOK_ALTERNATE]);
	facts->cursor_shown = tmux_field_flag(f[LOOK_CURSOR_SHOWN]);
	facts->mouse = tmux_field_flag(f[LOOK_MOUSE]);
	facts->bracketed = f[LOOK_BRACKETED][0] == '\0' ? -1
	    : tmux_field_flag(f[LOOK_BRACKETED])        ? 1
							: 0;
	facts->agent_seen = tmux_field_flag(f[LOOK_AGENT_SEEN]);
	if (tmux_field_copy(facts->tty, sizeof(facts->tty), f[LOOK_TTY]) != 0)
		facts->tty[0] = '\0';
	look_people(
	    facts, f[LOOK_PEOPLE], f[LOOK_VISITS], f[LOOK_LEFT], facts->active);
	look_text(facts->command, f[LOOK_COMMAND]);
	look_text(facts->title, f[LOOK_TITLE]);
	facts->untitled = str_eq(f[LOOK_TITLE], f[LOOK_HOST]);
	look_text(facts->profile, f[LOOK_PROFILE]);
	look_text(facts->shell_way, f[LOOK_SHELL_WAY]);
	facts->allow = tmux_field_text(f[LOOK_ALLOW]);
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
	ps_mark(&facts->foreground);
	ps_lines(&facts->foreground, &facts->lines);
	facts->reading = ps_reading_tty(&facts->foreground, facts->tty_number);
}

/* tmux said that there is no such pane? */
static void
look_gone(const struct pane_ident *ident, struct err *e)
{
	if (e != NULL && strstr(e->msg, "can't find pane") != NULL)
		(void)err_set(
		    e, EXIT_UNKNOWN, "%s: the pane is gone", ident->pane);
}

static int
look_same(
    const struct pane_ident *want, const struct pane_ident *have, struct err *e)
{
	if (pane_ident_eq(want, have))
		return 0;
	return err_set(e, EXIT_UNKNOWN,
	    "%s: is another pane now (the server was restarted or the "
	    "pane respawned)",
	    want->pane);
}

void
tmux_look_args(struct argv *args, const struct pane_ident *ident)
{
	struct buf format = BUF_INIT;
	size_t i;

	for (i = 0; i < LOOK_SCREEN; i++)
		buf_addf(&format, i == LOOK_PEOPLE ? "%s%s" : "#{%s}%s",
		    look_formats[i], tmux_mark());
	argv_addl(args, "display-message", "-p", "-t", ident->pane, format.data,
	    ";", "capture-pane", "-p", "-e", "-N", "-t", ident->pane, NULL);
	buf_free(&format);
}

int
tmux_look_read(const struct tmux *t, const struct pane_ident *ident,
    char *answer, struct pane_facts *facts, struct buf *screen, struct err *e)
{
	char *cells = NULL;

	memset(facts, 0, sizeof(*facts));
	if (look_parse(answer, t->socket, facts, &cells) != 0)
		return err_set(e, EXIT_WIRE,
		    "tmux: answer about %s not understood", ident->pane);
	if (look_same(ident, &facts->ident, e) != 0)
		return -1;
	buf_adds(screen, cells);
	look_kernel(facts);
	return buf_check(screen, "screen", e);
}

/* The answer to one display-message of `fields` fields. A server that was held
 * up leaves out the last of them: it is asked again. */
static enum tmux_result
look_ask(const struct tmux *t, const struct argv *args, size_t fields,
    struct buf *out, struct err *e)
{
	enum tmux_result result;
	unsigned asked = 0;
	const char *at;
	size_t n;

	do {
		buf_reset(out);
		result = tmux_call(t, args, NULL, 0, out, e);
		at = out->len > 0 ? strstr(out->data, tmux_mark()) : NULL;
		for (n = 0; at != NULL && n < fields; n++)
			at = strstr(at + strlen(tmux_mark()), tmux_mark());
	} while (result == TMUX_OK && out->len > 0 && n < fields &&
	    ++asked < TMUX_ASK_MAX);
	return result;
}

int
tmux_look(const struct tmux *t, const struct pane_ident *ident,
    struct pane_facts *facts, struct buf *screen, struct err *e)
{
	struct buf out = BUF_INIT_MAX(TMUX_OUT_MAX);
	struct argv args = ARGV_INIT;
	int rc = -1;

	memset(facts, 0, sizeof(*facts));
	tmux_look_args(&args, ident);
	if (look_ask(t, &args, LOOK_SCREEN, &out, e) != TMUX_OK)
		look_gone(ident, e);
	else if (out.len == 0)
		tmux_no_answer(t, e);
	else
		rc = tmux_look_read(t, ident, out.data, facts, screen, e);
	argv_free(&args);
	buf_free(&out);
	return rc;
}

int
tmux_option(const struct tmux *t, const struct pane_ident *ident,
    const char *option, char **value, struct err *e)
{
	const char *const formats[] = { "pid", "start_time", "pane_id",
		"pane_pid", option };
	enum { FIELDS = sizeof(formats) / sizeof(formats[0]) };
	struct buf out = BUF_INIT_MAX(TMUX_OUT_MAX);
	char *format = tmux_field_format(formats, FIELDS), *f[FIELDS + 2];
	struct pane_ident have = { .pane_pid = 0 };
	struct argv args = ARGV_INIT;
	int rc = -1;

	*value = NULL;
	argv_addl(
	    &args, "display-message", "-p", "-t", ident->pane, format, NULL);
	if (look_ask(t, &args, FIELDS, &out, e) != TMUX_OK) {
		look_gone(ident, e);
	} else if (tmux_split(out.data, tmux_mark(), f, FIELDS + 2) !=
		FIELDS + 1 ||
	    tmux_field_copy(have.socket, PANE_SOCKET_MAX, t->socket) != 0 ||
	    tmux_field_int(f[0], &have.server_pid) != 0 ||
	    tmux_field_int(f[1], &have.server_start) != 0 ||
	    tmux_field_id(have.pane, f[2], '%') != 0) {
		(void)err_set(e, EXIT_WIRE,
		    "tmux: answer about %s not understood", ident->pane);
	} else {
		if (tmux_field_int(f[3], &have.pane_pid) != 0)
			have.pane_pid = 0;
		rc = look_same(ident, &have, e);
		if (rc == 0)
			*value = tmux_field_text(f[4]);
	}
	argv_free(&args);
	buf_free(&out);
	x_free(format);
	return rc;
}
