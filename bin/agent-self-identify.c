/* agent-self-identify - say who the agent in this pane is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mem.h"
#include "prog.h"
#include "register.h"
#include "registry.h"
#include "setup.h"
#include "clock.h"

static const char usage[] =
    "usage: agent-self-identify [-r TEXT] [-s TEXT] [-n NAME] [-t %ID]\n"
    "       agent-self-identify -c [-t %ID]\n"
    "\n"
    "Say who the agent in this pane is, and make it the one that the window's "
    "address\nmeans. Prints the address.\n";

static const struct prog_option options[] = {
	{ 'c', "clear", NULL, "take back all that was said" },
	{ 'n', "name", "NAME",
	    "another name it is found by; '' takes it away" },
	{ 'r', "role", "TEXT", "what it does; '' takes it away" },
	{ 's', "scope", "TEXT", "what it works on; '' takes it away" },
	{ 't', "pane", "%ID", "the pane, instead of the one this runs in" },
	{ 0, NULL, NULL, NULL },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_UNKNOWN |
	    1U << EXIT_WIRE | 1U << EXIT_LOCAL
};

/* What the command line asks for; a NULL text was not given. */
struct request {
	const char *role, *scope, *name, *pane;
	bool clear;
};

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;

	switch (letter) {
	case 'c':
		q->clear = true;
		break;
	case 'n':
		if (value[0] != '\0' && !agent_name_ok(value))
			return err_set(e, EXIT_USAGE,
			    "--name: '%s' is no name: 1 to %d of A-Z a-z 0-9 _ "
			    "-, no - first",
			    value, AGENT_NAME_LEN);
		q->name = value;
		break;
	case 'r':
		q->role = value;
		break;
	case 's':
		q->scope = value;
		break;
	case 't':
		if (!str_id_ok(value, '%'))
			return err_set(e, EXIT_USAGE,
			    "--pane: '%s' is no pane id such as %%3", value);
		q->pane = value;
		break;
	}
	return 0;
}

static int
words(void *request, int n, char **words, struct err *e)
{
	const struct request *q = request;

	if (n > 0)
		return err_set(e, EXIT_USAGE, "'%s': takes no words", words[0]);
	if (q->clear &&
	    (q->role != NULL || q->scope != NULL || q->name != NULL))
		return err_set(e, EXIT_USAGE,
		    "--clear: goes with --pane only; '' takes one thing away");
	return 0;
}

/* Does a known agent run in this pane, or is it a shell that chose? */
static bool
runs_agent(const struct profile_set *profiles, const struct tmux_row *row)
{
	struct ps_list foreground = { .v = NULL };
	struct argv lines = ARGV_INIT;
	const struct profile_clues clues = {
		.foreground = &foreground, .lines = &lines, .title = row->title
	};
	const struct profile *profile;

	ps_foreground((pid_t)row->ident.pane_pid, &foreground);
	ps_lines(&foreground, &lines);
	profile = profile_recognise(profiles, &clues, NULL, 0);
	argv_free(&lines);
	ps_list_free(&foreground);
	return profile != NULL && profile->kind == PROFILE_AGENT;
}

/* Set the options of the pane, all in one call. */
static int
identify(const struct request *q, const struct profile_set *profiles,
    const struct tmux *t, const struct tmux_rows *rows,
    const struct tmux_row *self, struct err *e)
{
	const char *pane = self->ident.pane;
	struct argv args = ARGV_INIT;
	const struct tmux_row *row;
	size_t i;
	int rc;

	if (q->role != NULL || q->clear)
		register_option(&args, pane, "@agent-role", q->role);
	if (q->scope != NULL || q->clear)
		register_option(&args, pane, "@agent-scope", q->scope);
	if (q->name != NULL || q->clear)
		register_option(&args, pane, "@agent-name", q->name);
	/* A window's address means one pane: the last that said so. */
	for (i = 0; !q->clear && i < rows->n; i++) {
		row = &rows->v[i];
		if (row->agent_pane && strcmp(row->window, self->window) == 0 &&
		    strcmp(row->ident.pane, pane) != 0)
			register_option(
			    &args, row->ident.pane, "@agent-pane", NULL);
	}
	register_option(&args, pane, "@agent-pane", q->clear ? NULL : "1");
	if (!runs_agent(profiles, self))
		register_option(&args, pane, "@agent-seen", NULL);
	rc = tmux_call(t, &args, NULL, 0, NULL, e) == TMUX_OK ? 0 : -1;
	argv_free(&args);
	return rc;
}

/* The pane of --pane: on the server in $TMUX, else on the only one that has
 * such a pane. */
static int
find_pane(const struct home *home, const char *id, struct tmux *t,
    struct tmux_rows *rows, const struct tmux_row **row, struct err *e)
{
	struct argv sockets = ARGV_INIT;
	const char *tmux = getenv("TMUX");
	struct tmux_rows here = { .v = NULL };
	struct err said, failed = { .code = EXIT_OK };
	enum tmux_result result;
	size_t i, k, found = 0;
	struct tmux at;
	char *own;

	if (tmux != NULL && tmux[0] == '/') {
		own = x_strndup(tmux, strcspn(tmux, ","));
		argv_add(&sockets, own);
		x_free(own);
	} else {
		register_sockets(home, &sockets);
	}
	for (i = 0; i < sockets.n; i++) {
		result = tmux_open(&at, sockets.v[i], &said) != 0
		    ? TMUX_FAILED
		    : tmux_scan(&at, &here, &said);
		if (result == TMUX_FAILED)
			failed = said;
		if (result != TMUX_OK)
			continue;
		for (k = 0; k < here.n; k++)
			if (strcmp(here.v[k].ident.pane, id) == 0)
				break;
		if (k < here.n && found++ == 0) {
			*t = at;
			*rows = here;
			*row = &rows->v[k];
			here = (struct tmux_rows){ .v = NULL };
		}
		tmux_rows_free(&here);
	}
	argv_free(&sockets);
	if (found == 1)
		return 0;
	/* It may be on the server that did not answer. */
	if (found == 0 && failed.code != EXIT_OK) {
		*e = failed;
		return -1;
	}
	return err_set(e, EXIT_UNKNOWN, "%s: %s", id,
	    found == 0 ? "no such pane on any tmux server of ours"
		       : "several tmux servers have such a pane; run this "
			 "inside the right one");
}

/* An address comes before a name that is the same: say so where `name` is one
 * of another host, which no number behind it keeps apart. */
static void
warn_of_name(
    struct registry *registry, const struct home *home, const char *name)
{
	struct agent a;
	bool alias;

	if (name == NULL || name[0] == '\0')
		return;
	if (registry_find(registry, name, clock_real_ms(), &a, &alias, NULL) ==
		0 &&
	    !alias && strcmp(a.host, home->host) != 0)
		log_line("--name: '%s' is the address of an agent of host %s, "
			 "which gets the messages to it; take another name",
		    name, a.host);
	agent_free(&a);
}

/* The address that the pane has now; `name` is what it was to be called. */
static int
print_address(const struct home *home, const struct tmux_row *self,
    const char *name, struct err *e)
{
	struct registry registry = REGISTRY_INIT;
	char *address = NULL;
	struct agent a;
	size_t at = 0;
	int rc;

	rc = registry_open(&registry, home, clock_real_ms(), e);
	if (rc != 0)
		goto out;
	while ((rc = registry_next(&registry, &at, &a, e)) == 1) {
		/* The window's own address is the shorter: it comes first. */
		if (address == NULL && strcmp(a.host, home->host) == 0 &&
		    strcmp(a.ident.pane, self->ident.pane) == 0 &&
		    strcmp(a.ident.socket, self->ident.socket) == 0)
			address = x_strdup(a.address);
		agent_free(&a);
	}
	if (rc == 0 && address == NULL)
		rc = err_set(e, EXIT_UNKNOWN,
		    "%s: not registered: its session '%s' is ignored; see "
		    "ignore_sessions in %s",
		    self->ident.pane, self->session_name, home->config);
	if (rc == 0)
		(void)printf("%s\n", address);
	if (rc == 0)
		warn_of_name(&registry, home, name);
out:
	x_free(address);
	registry_close(&registry);
	return rc;
}

static int
run(void *request, struct err *e)
{
	const struct request *q = request;
	struct setup setup = SETUP_INIT;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles,
		.wait = true };
	struct register_result result;
	struct tmux_rows rows = { .v = NULL };
	const struct tmux_row *row = NULL;
	struct tmux t;
	int rc;

	rc = setup_open_all(&setup, e);
	if (rc == 0)
		rc = q->pane != NULL
		    ? find_pane(&setup.home, q->pane, &t, &rows, &row, e)
		    : register_self(&setup.home, &t, &rows, &row, e);
	if (rc != 0 || row == NULL)
		goto out;
	rc = identify(q, &setup.profiles, &t, &rows, row, e);
	if (rc == 0)
		rc = register_server(&reg, t.socket, 0, &result, e);
	if (rc == 0)
		rc = print_address(&setup.home, row, q->name, e);
out:
	tmux_rows_free(&rows);
	setup_close(&setup);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-self-identify",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.words = words,
		.run = run };
	struct request q = { .role = NULL };

	return prog_main(&prog, &q, argc, argv);
}
