/* agent-status - who is there, and what are they doing? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "argv.h"
#include "mem.h"
#include "prog.h"
#include "setup.h"
#include "status.h"
#include "str.h"
#include "tmux.h"

static const char usage[] =
    "usage: agent-status [-aj] [peers]\n"
    "       agent-status [-j] whois NAME\n"
    "       agent-status set [TEXT]\n"
    "       agent-status [-p PANE] line\n"
    "\n"
    "Say who is there and what they are doing, what is known of one, or what "
    "we are\ndoing ourselves; or one line for tmux's status line.\n";

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_UNKNOWN |
	    1U << EXIT_WIRE | 1U << EXIT_LOCAL,
	STATUS_MAX = 100, /* bytes of a text of one's own */
};

static const struct prog_option options[] = {
	{ 'a', "ask", NULL, "ask the other hosts too" },
	{ 'j', "json", NULL, "peers and whois as JSON" },
	{ 'p', "pane", "PANE", "line: for this pane, such as %3" },
	{ 0, NULL, NULL, NULL },
};

struct request {
	const char *what; /* peers, whois, set or line */
	const char *word; /* behind it; NULL: none */
	const char *pane;
	bool ask, json;
};

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;

	switch (letter) {
	case 'a':
		q->ask = true;
		break;
	case 'j':
		q->json = true;
		break;
	case 'p':
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
	struct request *q = request;
	int most;

	q->what = n == 0 ? "peers" : words[0];
	q->word = n > 1 ? words[1] : NULL;
	if (str_eq(q->what, "peers") || str_eq(q->what, "line"))
		most = 1;
	else if (str_eq(q->what, "whois") || str_eq(q->what, "set"))
		most = 2;
	else
		return err_set(e, EXIT_USAGE,
		    "'%s': is none of peers, whois, set and line", q->what);
	if (n > most)
		return err_set(e, EXIT_USAGE, "'%s': one word too many%s",
		    words[most],
		    str_eq(q->what, "set") ? "; put the text into quotes" : "");
	if (str_eq(q->what, "whois") && q->word == NULL)
		return err_set(e, EXIT_USAGE, "whois: a name is missing");
	if (str_eq(q->what, "set") && q->word != NULL &&
	    strlen(q->word) > STATUS_MAX)
		return err_set(
		    e, EXIT_USAGE, "set: longer than %d bytes", STATUS_MAX);
	return 0;
}

/* The option of our pane, and the address book after it. */
static int
set_status(const struct registrar *reg, const char *text, struct err *e)
{
	struct register_result result;
	struct tmux_rows rows = { .v = NULL };
	struct argv args = ARGV_INIT;
	const struct tmux_row *row;
	struct tmux t;
	int rc;

	rc = register_self(reg->home, &t, &rows, &row, e);
	if (rc == 0) {
		register_option(&args, row->ident.pane, "@agent-status", text);
		rc = tmux_call(&t, &args, NULL, 0, NULL, e) == TMUX_OK ? 0 : -1;
	}
	if (rc == 0)
		rc = register_server(reg, t.socket, 0, &result, e);
	argv_free(&args);
	tmux_rows_free(&rows);
	return rc;
}

/* The pane that the line is for, on the server that runs us. */
static int
line(const struct request *q, const struct home *home, struct err *e)
{
	const char *value = getenv("TMUX");
	char *socket = NULL;
	int rc;

	if (value != NULL && value[0] == '/')
		socket = x_strndup(value, strcspn(value, ","));
	rc = status_line(home, q->pane != NULL ? q->pane : getenv("TMUX_PANE"),
	    socket, stdout, e);
	x_free(socket);
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
	struct sender self;
	struct ship ship;
	struct status s = { .reg = &reg,
		.self = &self,
		.ship = &ship,
		.ask = q->ask,
		.as_json = q->json };
	int rc;

	rc = setup_open(&setup, e);
	if (rc == 0 && str_eq(q->what, "line")) {
		rc = line(q, &setup.home, e);
	} else if (rc == 0 && setup_profiles(&setup, e) != 0) {
		rc = -1;
	} else if (rc == 0 && str_eq(q->what, "set")) {
		rc = set_status(&reg, q->word, e);
	} else if (rc == 0) {
		ship_open(&ship, &setup.home);
		rc = sender_find(&self, &setup.home, e);
		if (rc == 0)
			rc = str_eq(q->what, "whois")
			    ? status_whois(&s, q->word, stdout, e)
			    : status_peers(&s, stdout, e);
		ship_close(&ship);
	}
	setup_close(&setup);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-status",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.words = words,
		.run = run };
	struct request q = { .what = NULL };

	return prog_main(&prog, &q, argc, argv);
}
