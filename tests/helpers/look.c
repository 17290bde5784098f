/*
 * look - judge a live pane, or keep it as a packed screen.
 *
 *   look [-p DIR] [-v] SOCKET PANE
 *   look -k STATE -n PROGRAM -t VARIANT SOCKET PANE
 *
 * Prints "verdict<TAB>way<TAB>profile<TAB>reason", with -v the evidence. With
 * -k prints what was seen as tests/helpers/judge.c reads it (the label is
 * yours: it says what the pane was brought into).
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "classify.h"
#include "deliver.h"
#include "profile.h"
#include "screen.h"
#include "str.h"
#include "tmux.h"

struct label {
	const char *state, *program, *variant;
};

static void
keep(const struct pane_facts *f, const char *cells, const struct label *label)
{
	static const char *const reading[] = { "unknown", "no", "yes" };
	size_t i;

	(void)printf("program: %s\nstate: %s\nvariant: %s\n", label->program,
	    label->state, label->variant);
	(void)printf("cursor_x: %u\ncursor_y: %u\ncursor_flag: %d\n",
	    f->cursor_x, f->cursor_y, f->cursor_shown);
	(void)printf(
	    "alternate_on: %d\nmouse_any_flag: %d\n", f->alternate, f->mouse);
	(void)printf("pane_in_mode: %u\npane_dead: %d\npane_input_off: %d\n",
	    f->modes, f->dead, f->input_off);
	(void)printf("pane_synchronized: %d\npane_width: %u\npane_height: %u\n",
	    f->synchronized, f->width, f->height);
	(void)printf("history_size: %u\n", f->history);
	(void)printf(
	    "pane_current_command: %s\npane_title: %s\n", f->command, f->title);
	(void)printf("untitled: %d\n", f->untitled);
	if (f->modes_tty.known)
		(void)printf("tty:%s%s%s\n",
		    f->modes_tty.canonical ? " icanon" : "",
		    f->modes_tty.echo ? " echo" : "",
		    f->modes_tty.signals ? " isig" : "");
	(void)printf("reading: %s\n", reading[f->reading]);
	for (i = 0; i < f->foreground.n; i++)
		(void)printf("%s: %s\t%s\n%s",
		    f->foreground.v[i].pid == f->foreground.v[i].pgrp
			? "leader"
			: "process",
		    f->foreground.v[i].comm,
		    i < f->lines.n ? f->lines.v[i] : "",
		    f->foreground.v[i].state == 'R' ? "running: yes\n" : "");
	(void)printf("\n%s", cells);
}

static int
look(const struct tmux *tmux, const struct pane_ident *ident,
    const struct profile_set *set, const struct label *label, bool verbose)
{
	struct screen screen = { .cells = NULL };
	struct buf cells = BUF_INIT;
	struct pane_facts facts;
	struct readiness r;
	struct err e;
	size_t i;
	int rc = 4;

	memset(&r, 0, sizeof(r));
	if (tmux_look(tmux, ident, &facts, &cells, &e) != 0 ||
	    screen_parse(&screen, cells.data, cells.len, facts.width,
		facts.height, &e) != 0) {
		(void)fprintf(stderr, "look: %s\n", e.msg);
		goto out;
	}
	rc = 0;
	if (label->state != NULL) {
		keep(&facts, cells.data, label);
		goto out;
	}
	(void)classify(&facts, &screen, set, &r);
	(void)printf("%s\t%s\t%s\t%s\n", classify_state_name(r.state),
	    r.show_ok ? "show" : classify_way_name(r.way),
	    r.profile == NULL ? "-" : r.profile->name, r.reason);
	for (i = 0; verbose && i < r.evidence.n; i++)
		(void)printf("\t%s\n", r.evidence.v[i]);
out:
	classify_free(&r);
	screen_free(&screen);
	pane_facts_free(&facts);
	buf_free(&cells);
	return rc;
}

int
main(int argc, char **argv)
{
	struct label label = { NULL, "", "" };
	struct tmux_rows rows = { .v = NULL };
	struct profile_set set;
	const char *dir = NULL;
	struct tmux tmux;
	bool verbose = false;
	struct err e;
	int c, rc = 1;
	size_t i;

	while ((c = getopt(argc, argv, "k:n:p:t:v")) != -1) {
		if (c == 'k')
			label.state = optarg;
		else if (c == 'n')
			label.program = optarg;
		else if (c == 'p')
			dir = optarg;
		else if (c == 't')
			label.variant = optarg;
		else if (c == 'v')
			verbose = true;
		else
			return 1;
	}
	if (argc - optind != 2)
		return 1;
	if (profile_set_load(&set, dir, &e) != 0 ||
	    tmux_open(&tmux, argv[optind], &e) != 0 ||
	    tmux_scan(&tmux, &rows, &e) != 0) {
		(void)fprintf(stderr, "look: %s\n", e.msg);
		goto out;
	}
	for (i = 0; i < rows.n && rc == 1; i++) {
		if (str_eq(rows.v[i].ident.pane, argv[optind + 1]))
			rc = look(
			    &tmux, &rows.v[i].ident, &set, &label, verbose);
	}
	if (rc == 1)
		(void)fprintf(
		    stderr, "look: %s: no such pane\n", argv[optind + 1]);
out:
	tmux_rows_free(&rows);
	profile_set_free(&set);
	return rc;
}
