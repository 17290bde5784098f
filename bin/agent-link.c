/* agent-link - a byte stream to agent-serve on a peer; the one program that
 * speaks SSH. */
#include <signal.h>
#include <unistd.h>

#include "home.h"
#include "link.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "peers.h"
#include "prog.h"
#include "str.h"

static const char usage[] =
    "usage: agent-link [-suv] [-t SECONDS] PEER\n"
    "\n"
    "Carry standard input and output to agent-serve on PEER, over SSH.\n"
    "\n"
    "  -h, --help             this text\n"
    "  -s, --slice            print its ~/.agents/local.toml instead\n"
    "  -t, --timeout SECONDS  to be connected within (default 10)\n"
    "  -u, --unlisted         PEER need not stand in peers.conf\n"
    "  -v, --verbose          say what libssh does\n"
    "  -V, --version          print the version\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
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
	int what; /* 'h', 'V' or 0 */
	const char *name;
	uint64_t timeout_s;
	bool slice, unlisted, verbose;
};

static int
run(const struct request *q, struct err *e)
{
	struct peers peers = PEERS_INIT;
	struct home home = HOME_INIT;
	struct link_to to = { .name = q->name,
		.home = &home,
		.timeout_ms = (int64_t)q->timeout_s * 1000 };
	const struct peer *peer;
	char *file = NULL;
	int rc = -1;

	if (home_open(&home, e) != 0)
		goto out;
	file = path_join(home.dir, "peers.conf");
	if (peers_load(&peers, file, e) != 0)
		goto out;
	to.peer = peer = peers_find(&peers, q->name);
	if (peer == NULL && !q->unlisted)
		(void)err_set(e, EXIT_WIRE,
		    "%s: no such peer; agent-sync peer add %s", q->name,
		    q->name);
	else if (q->slice && peer != NULL && peer->command.n > 0)
		(void)err_set(e, EXIT_UNKNOWN,
		    "%s: command= runs agent-serve and nothing else", q->name);
	else
		rc = link_run(&to, q->slice ? LINK_SLICE : LINK_SERVE,
		    STDIN_FILENO, STDOUT_FILENO, e);
out:
	x_free(file);
	peers_free(&peers);
	home_close(&home);
	return rc;
}

static int
parse(struct request *q, int argc, char **argv, struct err *e)
{
	int option;

	while (
	    (option = prog_option(argc, argv, "hst:uvV", options, e)) != -1) {
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
		else if (option == 'u')
			q->unlisted = true;
		else if (option == 'v')
			q->verbose = true;
		else if (option != 't')
			q->what = option;
	}
	if (q->what != 0)
		return 0;
	if (argc - optind != 1)
		return err_set(
		    e, EXIT_USAGE, "one peer is to be named; see --help");
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
	else
		rc = run(&q, &e);
out:
	if (rc < 0)
		rc = log_err(&e);
	return prog_end(rc);
}
