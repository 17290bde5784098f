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
    "Carry standard input and output to agent-serve on PEER, over SSH.\n"
    "\n"
    "  -h, --help             this text\n"
    "  -j, --json             status as JSON\n"
    "  -k, --keep             use the link that is kept, or keep this one\n"
    "  -s, --slice            print its ~/.agents/local.toml instead\n"
    "      --status           which links are kept\n"
    "      --stop             end them, or that to PEER\n"
    "  -t, --timeout SECONDS  to be connected within (default 10)\n"
    "  -u, --unlisted         PEER need not stand in peers.conf\n"
    "  -v, --verbose          say what libssh does\n"
    "  -V, --version          print the version\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "keep", no_argument, NULL, 'k' },
	{ "status", no_argument, NULL, 'S' },
	{ "stop", no_argument, NULL, 'E' },
	{ "slice", no_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' },
	{ "unlisted", no_argument, NULL, 'u' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_UNKNOWN |
	    1U << EXIT_WIRE | 1U << EXIT_REFUSED | 1U << EXIT_LOCAL,
	TIMEOUT_S = 10,
	TIMEOUT_MAX_S = 3600,
};

/* What the command line asks for. */
struct request {
	int what; /* 'h', 'V', 'S'tatus, 'E'nd or 0 */
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
	to.peer = peers_find(&peers, q->name);
	if (to.peer == NULL && !q->unlisted)
		(void)err_set(e, EXIT_WIRE,
		    "%s: no such peer; agent-sync peer add %s", q->name,
		    q->name);
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
	else if (q->what == 'S')
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
parse(struct request *q, int argc, char **argv, struct err *e)
{
	int option;

	while (
	    (option = prog_option(argc, argv, "hjkst:uvV", options, e)) != -1) {
		if (option == '?')
			return -1;
		if (option == 't' &&
		    (str_number(optarg, TIMEOUT_MAX_S, &q->timeout_s) != 0 ||
			q->timeout_s == 0))
			return err_set(e, EXIT_USAGE,
			    "--timeout: '%s' is no number of seconds from 1 to "
			    "%d",
			    optarg, TIMEOUT_MAX_S);
		if (option == 's')
			q->slice = true;
		else if (option == 'k')
			q->keep = true;
		else if (option == 'j')
			q->json = true;
		else if (option == 'u')
			q->unlisted = true;
		else if (option == 'v')
			q->verbose = true;
		else if (option != 't')
			q->what = option;
	}
	if (q->what == 'h' || q->what == 'V')
		return 0;
	if (q->what != 0 ? argc - optind > (q->what == 'E')
			 : argc - optind != 1)
		return err_set(e, EXIT_USAGE,
		    q->what != 0 ? "'%s': one word too many"
				 : "one peer is to be named; see --help",
		    argv[argc - 1]);
	if (q->what != 0 && optind == argc)
		return 0;
	q->name = argv[optind];
	if (!peers_alias_ok(q->name))
		return err_set(
		    e, EXIT_USAGE, "'%s' can be no peer's name", q->name);
	return 0;
}

int
main(int argc, char **argv)
{
	struct request q = { .timeout_s = TIMEOUT_S };
	struct err e = { .code = EXIT_OK };
	int rc = -1;

	prog_start("agent-link");
	(void)signal(SIGPIPE, SIG_IGN);
	if (parse(&q, argc, argv, &e) != 0)
		goto out;
	log_start("agent-link", q.verbose);
	rc = EXIT_OK;
	if (q.what == 'h')
		prog_help(usage, EXITS);
	else if (q.what == 'V')
		prog_version("agent-link");
	else if (q.what != 0)
		rc = look_after(&q, &e);
	else
		rc = carry(&q, &e);
out:
	if (rc < 0)
		rc = log_err(&e);
	return prog_end(rc);
}
