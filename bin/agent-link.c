/* agent-link - a byte stream to agent-serve on a peer; the one program that
 * speaks SSH. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "buf.h"
#include "link.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "peers.h"
#include "prog.h"
#include "setup.h"
#include "str.h"

static const char usage[] =
    "usage: agent-link [-ksuv] [-t SECONDS] PEER\n"
    "       agent-link --status [-j]\n"
    "       agent-link --stop [PEER]\n"
    "\n"
    "Carry standard input and output to agent-serve on PEER, over SSH.\n";

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_UNKNOWN |
	    1U << EXIT_WIRE | 1U << EXIT_REFUSED | 1U << EXIT_LOCAL,
	STATUS = PROG_LONG, /* options without a letter */
	STOP,
	TIMEOUT_S = 10,
	TIMEOUT_MAX_S = 3600,
};

static const struct prog_option options[] = {
	{ 'j', "json", NULL, "status as JSON" },
	{ 'k', "keep", NULL, "use the link that is kept, or keep this one" },
	{ 's', "slice", NULL, "print its ~/.agents/local.toml instead" },
	{ STATUS, "status", NULL, "which links are kept" },
	{ STOP, "stop", NULL, "end them, or that to PEER" },
	{ 't', "timeout", "SECONDS", "to be connected within (default 10)" },
	{ 'u', "unlisted", NULL, "PEER need not stand in peers.conf" },
	{ 'v', "verbose", NULL, "say what libssh does" },
	{ 0, NULL, NULL, NULL },
};

/* What the command line asks for. */
struct request {
	int what; /* STATUS, STOP or 0 */
	const char *name;
	uint64_t timeout_s;
	bool slice, unlisted, verbose, keep, json;
};

/* What is to be opened, and the peers of this host. */
static int
open_all(struct setup *setup, struct peers *peers, struct err *e)
{
	char *file;
	int rc;

	if (setup_open(setup, e) != 0)
		return -1;
	file = path_join(setup->home.dir, "peers.conf");
	rc = peers_load(peers, file, e);
	x_free(file);
	return rc;
}

/* Nobody but who started us has a descriptor that must stay open. */
static int
keep(const struct link_to *to, int64_t idle_s, struct err *e)
{
	bool ended;
	int rc;

	rc = link_keep(
	    to, idle_s * 1000, STDIN_FILENO, STDOUT_FILENO, &ended, e);
	return ended ? 0 : rc;
}

static int
carry(const struct request *q, struct err *e)
{
	struct peers peers = PEERS_INIT;
	struct setup setup = SETUP_INIT;
	struct link_to to = { .name = q->name,
		.home = &setup.home,
		.timeout_ms = (int64_t)q->timeout_s * 1000 };
	int rc = -1;

	if (q->keep)
		(void)close_range(3, ~0U, 0);
	if (open_all(&setup, &peers, e) != 0)
		goto out;
	to.peer = peers_find_any(&peers, q->name);
	if (to.peer == NULL && !q->unlisted)
		(void)err_set(e, EXIT_WIRE,
		    "%s: no such peer; agent-sync peer add %s", q->name,
		    q->name);
	else if (to.peer != NULL && to.peer->dials)
		(void)err_set(e, EXIT_WIRE,
		    "%s: is not dialled: dial=no (peers.conf)", q->name);
	else if (to.peer != NULL && to.peer->through[0] != '\0')
		(void)err_set(e, EXIT_WIRE,
		    "%s: is not dialled, but known through %s (peers.conf)",
		    q->name, to.peer->through);
	else if (q->slice && to.peer != NULL && to.peer->command.n > 0)
		(void)err_set(e, EXIT_UNKNOWN,
		    "%s: command= runs agent-serve and nothing else", q->name);
	else if (q->keep)
		rc = keep(&to, setup.config.link_idle, e);
	else
		rc = link_run(&to, q->slice ? LINK_SLICE : LINK_SERVE,
		    STDIN_FILENO, STDOUT_FILENO, e);
out:
	peers_free(&peers);
	setup_close(&setup);
	return rc;
}

/* --status and --stop: links are found by the peers that they lead to. */
static int
look_after(const struct request *q, struct err *e)
{
	struct peers peers = PEERS_INIT;
	struct setup setup = SETUP_INIT;
	struct buf out = BUF_INIT;
	int rc = -1;

	if (open_all(&setup, &peers, e) != 0)
		goto out;
	if (q->name != NULL && peers_find(&peers, q->name) == NULL)
		(void)err_set(e, EXIT_WIRE,
		    "%s: no such peer; agent-sync peer add %s", q->name,
		    q->name);
	else if (q->what == STATUS)
		rc = link_status(&setup.home, &peers, q->json, &out);
	else
		rc = link_stop(&setup.home, &peers, q->name, e);
	(void)fputs(out.data, stdout);
out:
	buf_free(&out);
	peers_free(&peers);
	setup_close(&setup);
	return rc;
}

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;

	switch (letter) {
	case 'j':
		q->json = true;
		break;
	case 'k':
		q->keep = true;
		break;
	case 's':
		q->slice = true;
		break;
	case 't':
		return prog_number("timeout", " of seconds", value, 1,
		    TIMEOUT_MAX_S, &q->timeout_s, e);
	case 'u':
		q->unlisted = true;
		break;
	case 'v':
		q->verbose = true;
		break;
	default:
		q->what = letter;
		break;
	}
	return 0;
}

static int
words(void *request, int n, char **words, struct err *e)
{
	struct request *q = request;

	if (q->what != 0 ? n > (q->what == STOP) : n != 1)
		return err_set(e, EXIT_USAGE,
		    q->what != 0 ? "'%s': one word too many"
				 : "one peer is to be named; see --help",
		    n > 0 ? words[n - 1] : "");
	if (n == 0)
		return 0;
	q->name = words[0];
	if (!peers_alias_ok(q->name))
		return err_set(
		    e, EXIT_USAGE, "'%s' can be no peer's name", q->name);
	return 0;
}

static int
run(void *request, struct err *e)
{
	const struct request *q = request;

	log_start("agent-link", q->verbose);
	(void)signal(SIGPIPE, SIG_IGN);
	return q->what != 0 ? look_after(q, e) : carry(q, e);
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-link",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.words = words,
		.run = run };
	struct request q = { .timeout_s = TIMEOUT_S };

	return prog_main(&prog, &q, argc, argv);
}
