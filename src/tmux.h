/* tmux - the one file that runs the tmux client and reads its answers. */
#ifndef TMUX_H
#define TMUX_H

#include <stdbool.h>
#include <stdint.h>

#include "argv.h"
#include "buf.h"
#include "err.h"
#include "pane.h"
#include "proc.h"

enum {
	TMUX_TIMEOUT_MS =
	    5000, /* for one call; a wedged server answers never */
	TMUX_OUT_MAX = 8 * 1024 * 1024,
	/* How often a question is asked whose answer is cut: from 3.7 on a
	 * format is given up after 100 ms, which a busy machine takes. */
	TMUX_ASK_MAX = 5,
};

/* Our buffers' names begin so; an id follows. */
#define TMUX_BUFFER_PREFIX "panemesh-"

/* One server, named by its socket. */
struct tmux {
	char socket[PANE_SOCKET_MAX];
	int timeout_ms;
};

/*
 * Name a server. -1 with EXIT_USAGE if the path does not fit, is relative or
 * not printable;
 * EXIT_LOCAL if the socket belongs to another uid. A path where nothing is
 * yet passes: the first call says "no server".
 */
int tmux_open(struct tmux *t, const char *socket, struct err *e);

enum tmux_result {
	TMUX_FAILED = -1,
	TMUX_OK = 0,
	TMUX_NO_SERVER = 1, /* nobody listens there; `e` says so, EXIT_WIRE */
};

/*
 * Run `tmux -u -S SOCKET ARGS...` in the C.UTF-8 locale (in C, names and
 * titles lose their marks) with `in` on stdin, its output appended to `out`
 * (may be NULL). $TMUX_BIN replaces the program. TMUX_FAILED is EXIT_WIRE with
 * what tmux said, or EXIT_LOCAL when we may not reach the socket (a sandbox).
 */
enum tmux_result tmux_call(const struct tmux *t, const struct argv *args,
    const void *in, size_t in_len, struct buf *out, struct err *e);

/*
 * TMUX_OK and not a word, from a call that prints something whatever happens:
 * a server that ends lets its clients end so, with status 0. EXIT_WIRE.
 */
void tmux_no_answer(const struct tmux *t, struct err *e);

/*
 * The same in two steps, for those who have something to do while tmux works.
 * tmux_finish() is to be called once, whatever happened; until then `a`, `in`
 * and `out` stay where they are.
 */
struct tmux_asked {
	const struct tmux *t;
	struct argv argv, env;
	struct buf said;
	struct proc p;
	struct proc_running running;
	bool runs;
};

void tmux_begin(struct tmux_asked *a, const struct tmux *t,
    const struct argv *args, const void *in, size_t in_len, struct buf *out);
enum tmux_result tmux_finish(struct tmux_asked *a, struct err *e);

/*
 * A separator that nothing on the other side can forge: random per process,
 * printable, no byte that a format or the shell knows. Fields stand between
 * two of them, so a name with newlines or tabs in it stays one field.
 */
const char *tmux_mark(void);

/*
 * Split `line` (modified: marks become NULs) at `mark`. Returns the number of
 * fields stored, at most `max`; fields[i] points into `line`.
 */
size_t tmux_split(char *line, const char *mark, char **fields, size_t max);

/* One row of list-panes -a: a pane as one session shows it. */
struct tmux_row {
	struct pane_ident ident;
	char version[16];
	char session[PANE_ID_MAX]; /* "$1" */
	char window[PANE_ID_MAX];  /* "@1" */
	unsigned session_number;   /* the digits of `session`, to sort by */
	unsigned window_index;
	unsigned pane_index;
	bool pane_active;
	bool dead;
	bool automatic_rename;
	bool agent_pane;     /* option @agent-pane */
	bool agent_seen;     /* option @agent-seen */
	bool agent_explicit; /* option @agent-explicit */
	char tty[64];
	char *session_name; /* these are never NULL; any valid UTF-8, */
	char *window_name;  /* control characters are possible */
	char *title;
	char *role;    /* option @agent-role, "" if not set */
	char *scope;   /* option @agent-scope */
	char *name;    /* option @agent-name */
	char *profile; /* option @agent-profile */
	char *project; /* option @agent-project */
	char *status;  /* option @agent-status */
};

struct tmux_rows {
	struct tmux_row *v;
	size_t n;
	size_t cap;
};

/*
 * All panes of a server in one call. Rows that do not parse are left out and
 * counted in the log. TMUX_NO_SERVER leaves `rows` empty. A server older than
 * 3.2 is TMUX_FAILED, EXIT_WIRE.
 */
enum tmux_result tmux_scan(
    const struct tmux *t, struct tmux_rows *rows, struct err *e);

/* The same in two steps, as tmux_begin() and tmux_finish(). */
struct tmux_scanning {
	struct tmux_asked asked;
	struct buf out;
};

void tmux_scan_begin(struct tmux_scanning *s, const struct tmux *t);
enum tmux_result tmux_scan_finish(
    struct tmux_scanning *s, struct tmux_rows *rows, struct err *e);
void tmux_rows_free(struct tmux_rows *rows);

/*
 * Parse what tmux_scan() read: rows end with the mark and a newline. A
 * function of its own so that it can be fuzzed. Returns rows left out.
 */
size_t tmux_parse_rows(const char *text, size_t len, const char *mark,
    const char *socket, struct tmux_rows *rows);

/*
 * Sockets of this user's servers, without duplicates: $TMUX_SOCKET, the one in
 * $TMUX, and every socket of ours in /tmp/tmux-UID and $TMUX_TMPDIR/tmux-UID.
 * `out` may hold some already (those that a slice recorded).
 */
void tmux_sockets(struct argv *out);

/*
 * The format whose value, in a guard on a pane of `window` ("@3"), is the
 * text of pane_facts.people as long as nobody pressed a key, came or went.
 * malloc'd.
 */
char *tmux_people_format(const char *window);

/*
 * Look at a pane: formats and screen with attributes in one call, then its
 * terminal's modes and its foreground processes. `screen` receives what
 * capture-pane -p -e -N printed. EXIT_UNKNOWN when the pane is gone or is not
 * `ident` any more (an ident with pane_pid 0 matches any process);
 * `facts` is to be released in any case.
 */
int tmux_look(const struct tmux *t, const struct pane_ident *ident,
    struct pane_facts *facts, struct buf *screen, struct err *e);

/*
 * The same for who makes the call, to look in the same call behind commands of
 * his own: the commands, and, with the same errors, what they answer
 * (modified).
 */
void tmux_look_args(struct argv *args, const struct pane_ident *ident);
int tmux_look_read(const struct tmux *t, const struct pane_ident *ident,
    char *answer, struct pane_facts *facts, struct buf *screen, struct err *e);

/*
 * The value of a user option of a pane ("" if it is not set): its own, else
 * its window's, else its session's. malloc'd; the same errors.
 */
int tmux_option(const struct tmux *t, const struct pane_ident *ident,
    const char *option, char **value, struct err *e);

#endif
