/* pane - what is known of one tmux pane at one moment. */
#ifndef PANE_H
#define PANE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ps.h"
#include "tty.h"

enum {
	PANE_ID_MAX = 12,      /* "%4294967295" and the NUL */
	PANE_SOCKET_MAX = 108, /* sun_path, unix(7) */
	PANE_TEXT_MAX = 512,   /* bytes kept of a title or an option */
};

/*
 * The truth of a pane: ids are reused when a server restarts, and a respawn
 * keeps the pane's id, so only all of this together names one.
 */
struct pane_ident {
	char socket[PANE_SOCKET_MAX];
	int64_t server_pid;
	int64_t server_start;   /* #{start_time}, seconds since 1970 */
	char pane[PANE_ID_MAX]; /* "%3" */
	int64_t pane_pid;       /* 0: has ended, or is not known */
};

/* Everything one look at a pane tells, but for the screen's cells. */
struct pane_facts {
	struct pane_ident ident;
	char window[PANE_ID_MAX]; /* "@1" */

	bool active; /* its window's active pane: keys go there */
	bool dead;
	unsigned modes; /* #{pane_in_mode}: a count */
	bool input_off;
	bool synchronized;
	bool alternate;    /* alternate screen in use */
	bool cursor_shown; /* #{cursor_flag} */
	bool mouse;        /* #{mouse_any_flag} */
	int bracketed;     /* DECSET 2004: 1, 0, -1 unknown (< 3.7) */
	unsigned width, height;
	unsigned cursor_x, cursor_y; /* 0-based; x == width: waits to wrap */
	unsigned history;            /* rows that have scrolled away */
	int64_t activity; /* its window's last output, seconds since 1970 */

	char title[PANE_TEXT_MAX];
	bool untitled; /* the title is the one tmux gives: the host's name */
	char command[PANE_TEXT_MAX]; /* #{pane_current_command} */
	char profile[PANE_TEXT_MAX]; /* option @agent-profile; "" if not set */
	char shell_way[PANE_TEXT_MAX]; /* option @agent-shell: "type" or "" */
	bool agent_seen;               /* option @agent-seen */
	char *allow; /* option @agent-allow; NULL or "": not set */

	char tty[64];
	unsigned tty_number; /* device number; 0 unknown */
	struct tty_modes modes_tty;
	struct ps_list foreground; /* leader first; may be empty */
	struct argv lines;         /* their command lines, see ps_lines() */
	enum ps_reading reading;   /* blocked reading its terminal? */

	/*
	 * The people whose keys reach this pane: for each session that has a
	 * client and shows its window "ID=ACTIVITY ", the last key in seconds
	 * since 1970; "away " when the pane is not its window's active one.
	 * Then how often it became what a person's keys go to (option
	 * @agent-visits, by our hooks; nothing without them). Equal text, no
	 * key in between.
	 */
	char people[PANE_TEXT_MAX];
	/* The newest of them, or when it was left by one (option @agent-left);
	 * 0: nobody was there. */
	int64_t last_key;
};

/*
 * Same pane? A pane_pid of 0 stands for any process: a slice does not know the
 * process of a pane that was respawned since, and tmux (from 3.8) tells none
 * of a pane whose process has ended.
 */
bool pane_ident_eq(
    const struct pane_ident *want, const struct pane_ident *have);

void pane_facts_free(struct pane_facts *facts);

#endif
