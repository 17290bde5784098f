/* agent-serve - the far end of a link: what sshd runs for agent-link. */
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "path.h"
#include "peers.h"
#include "prog.h"
#include "serve.h"
#include "setup.h"
#include "str.h"

static const char usage[] =
    "usage: agent-serve [--peer NAME]\n"
    "\n"
    "Take messages, files and slices of the address book from another host's\n"
    "agent-link on standard input, and answer on standard output.\n"
    "\n"
    "  -h, --help       this text\n"
    "  -p, --peer NAME  the key that runs this is bound to host NAME: it may\n"
    "                   publish that host's slice only\n"
    "  -V, --version    print the version\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "peer", required_argument, NULL, 'p' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Open the state and answer. */
static int
run(const char *peer, struct err *e)
{
	struct setup setup = SETUP_INIT;
	struct peers peers = PEERS_INIT;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles };
	const struct serve_options o = { .reg = &reg,
		.peer = peer,
		.peers = &peers,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO };
	char *conf = NULL;
	int rc = -1;

	if (setup_open_all(&setup, e) != 0)
		goto out;
	conf = path_join(setup.home.dir, "peers.conf");
	if (peers_load(&peers, conf, e) == 0)
		rc = serve(&o, e);
out:
	x_free(conf);
	peers_free(&peers);
	setup_close(&setup);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *peer = NULL;
	struct err e = { .code = EXIT_OK };
	int option, rc = EXIT_OK;

	prog_start("agent-serve");
	while ((option = prog_option(argc, argv, "hp:V", options, &e)) != -1) {
		switch (option) {
		case 'p':
			if (!str_host_ok(optarg)) {
				(void)err_set(&e, EXIT_USAGE,
				    "--peer: '%s' is no host's name", optarg);
				return log_err(&e);
			}
			peer = optarg;
			break;
		case 'h':
			prog_help(usage,
			    1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_WIRE |
				1U << EXIT_LOCAL);
			return prog_end(EXIT_OK);
		case 'V':
			prog_version("agent-serve");
			return prog_end(EXIT_OK);
		default:
			return log_err(&e);
		}
	}
	if (optind < argc) {
		(void)err_set(
		    &e, EXIT_USAGE, "'%s': one word too many", argv[optind]);
		return log_err(&e);
	}
	if (run(peer, &e) != 0)
		rc = log_err(&e);
	return rc;
}
