/*
 * judge - run the classifier over packed screens (tests/screens/pack.py).
 *
 *   judge [-p DIR] [-v] [-x PROFILE] FILE...
 *
 * Prints "state<TAB>verdict<TAB>program<TAB>variant<TAB>file<TAB>reason<TAB>
 * profile" for each, and with -v the evidence. -x leaves a profile out, -p adds
 * the user's.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "classify.h"
#include "file.h"
#include "mem.h"
#include "profile.h"
#include "screen.h"
#include "str.h"

enum { FILE_MAX = 4 * 1024 * 1024 };

struct kase {
	struct pane_facts facts;
	char state[32], program[64], variant[64];
};

static void
set_text(char *out, size_t size, const char *value)
{
	(void)snprintf(out, size, "%s", value);
}

static void
add_process(struct pane_facts *f, char *value, bool leader)
{
	char *line = strchr(value, '\t');
	size_t at = leader ? 0 : f->foreground.n;
	/* All the others count as started by the leader. */
	struct ps ps = { .pid = leader ? 1 : (pid_t)at + 2,
		.ppid = leader ? 0 : 1 };
	struct argv again = ARGV_INIT;
	size_t i;

	if (line != NULL)
		*line++ = '\0';
	set_text(ps.comm, sizeof(ps.comm), value);
	f->foreground.v =
	    x_realloc(f->foreground.v, f->foreground.n + 1, sizeof(ps));
	memmove(f->foreground.v + at + 1, f->foreground.v + at,
	    (f->foreground.n - at) * sizeof(ps));
	f->foreground.v[at] = ps;
	f->foreground.n++;
	for (i = 0; i <= f->lines.n; i++) {
		if (i == at)
			argv_add(&again, line == NULL ? "" : line);
		if (i < f->lines.n)
			argv_add(&again, f->lines.v[i]);
	}
	argv_free(&f->lines);
	f->lines = again;
}

static void
set_fact(struct kase *k, const char *key, char *value)
{
	struct pane_facts *f = &k->facts;
	unsigned n = (unsigned)strtoul(value, NULL, 10);

	if (str_eq(key, "program"))
		set_text(k->program, sizeof(k->program), value);
	else if (str_eq(key, "state"))
		set_text(k->state, sizeof(k->state), value);
	else if (str_eq(key, "variant"))
		set_text(k->variant, sizeof(k->variant), value);
	else if (str_eq(key, "cursor_x"))
		f->cursor_x = n;
	else if (str_eq(key, "cursor_y"))
		f->cursor_y = n;
	else if (str_eq(key, "cursor_flag"))
		f->cursor_shown = n != 0;
	else if (str_eq(key, "alternate_on"))
		f->alternate = n != 0;
	else if (str_eq(key, "mouse_any_flag"))
		f->mouse = n != 0;
	else if (str_eq(key, "pane_in_mode"))
		f->modes = n;
	else if (str_eq(key, "pane_dead"))
		f->dead = n != 0;
	else if (str_eq(key, "pane_input_off"))
		f->input_off = n != 0;
	else if (str_eq(key, "pane_synchronized"))
		f->synchronized = n != 0;
	else if (str_eq(key, "pane_width"))
		f->width = n;
	else if (str_eq(key, "pane_height"))
		f->height = n;
	else if (str_eq(key, "history_size"))
		f->history = n;
	else if (str_eq(key, "pane_current_command"))
		set_text(f->command, sizeof(f->command), value);
	else if (str_eq(key, "pane_title"))
		set_text(f->title, sizeof(f->title), value);
	else if (str_eq(key, "untitled"))
		f->untitled = n != 0;
	else if (str_eq(key, "agent_seen"))
		f->agent_seen = n != 0;
	else if (str_eq(key, "agent_profile"))
		set_text(f->profile, sizeof(f->profile), value);
	else if (str_eq(key, "reading"))
		f->reading = str_eq(value, "yes") ? PS_READING_YES
		    : str_eq(value, "no")         ? PS_READING_NO
						  : PS_READING_UNKNOWN;
	else if (str_eq(key, "tty"))
		f->modes_tty =
		    (struct tty_modes){ true, strstr(value, "icanon") != NULL,
			    strstr(value, "echo") != NULL,
			    strstr(value, "isig") != NULL };
	else if (str_eq(key, "running") && f->foreground.n > 0)
		f->foreground.v[f->foreground.n - 1].state = 'R';
	else if (str_eq(key, "leader") || str_eq(key, "process"))
		add_process(f, value, str_eq(key, "leader"));
}

/* Read the header; returns where the screen begins. */
static char *
read_header(struct kase *k, char *text)
{
	char *line, *end, *value;

	for (line = text; *line != '\0' && *line != '\n'; line = end + 1) {
		end = strchr(line, '\n');
		if (end == NULL)
			return text + strlen(text);
		*end = '\0';
		value = strstr(line, ": ");
		if (value != NULL) {
			*value = '\0';
			set_fact(k, line, value + 2);
		}
	}
	return *line == '\n' ? line + 1 : line;
}

static int
judge(const struct profile_set *set, const char *path, bool verbose)
{
	struct buf text = BUF_INIT_MAX(FILE_MAX);
	struct kase k = { .state = "" };
	struct readiness r;
	struct screen screen;
	struct err e;
	char *cells;
	size_t i;
	int rc = 1;

	memset(&screen, 0, sizeof(screen));
	memset(&r, 0, sizeof(r));
	if (file_read(path, &text, &e) != FILE_READ) {
		(void)fprintf(stderr, "judge: %s: cannot read\n", path);
		goto out;
	}
	cells = read_header(&k, text.data);
	if (screen_parse(&screen, cells, text.len - (size_t)(cells - text.data),
		k.facts.width, k.facts.height, &e) != 0) {
		(void)fprintf(stderr, "judge: %s: %s\n", path, e.msg);
		goto out;
	}
	(void)classify(&k.facts, &screen, set, &r);
	(void)printf("%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.state,
	    classify_state_name(r.state), k.program, k.variant, path, r.reason,
	    r.profile == NULL ? "-" : r.profile->name);
	for (i = 0; verbose && i < r.evidence.n; i++)
		(void)printf("\t%s\n", r.evidence.v[i]);
	if (verbose)
		(void)printf("\tway %s, show_ok %d, guard '%s' row %u\n",
		    classify_way_name(r.way), r.show_ok, r.guard, r.guard_row);
	rc = 0;
out:
	classify_free(&r);
	screen_free(&screen);
	pane_facts_free(&k.facts);
	buf_free(&text);
	return rc;
}

int
main(int argc, char **argv)
{
	struct profile_set set;
	const char *dir = NULL, *leave_out = NULL;
	bool verbose = false;
	struct err e;
	size_t i;
	int c, rc = 0;

	while ((c = getopt(argc, argv, "p:vx:")) != -1) {
		if (c == 'p')
			dir = optarg;
		else if (c == 'v')
			verbose = true;
		else if (c == 'x')
			leave_out = optarg;
		else
			return 1;
	}
	if (profile_set_load(&set, dir, &e) != 0) {
		(void)fprintf(stderr, "judge: %s\n", e.msg);
		profile_set_free(&set);
		return 9;
	}
	for (i = 0; i < set.n && leave_out != NULL; i++) {
		if (str_eq(set.v[i].name, leave_out)) {
			argv_free(&set.v[i].commands);
			argv_free(&set.v[i].scripts);
			argv_free(&set.v[i].titles);
		}
	}
	for (; optind < argc; optind++)
		rc |= judge(&set, argv[optind], verbose);
	profile_set_free(&set);
	return rc;
}
