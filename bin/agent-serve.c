/* agent-serve - the far end of a link: what sshd runs for agent-link. */
#include <unistd.h>

#include "config.h"
#include "home.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "peers.h"
#include "profile.h"
#include "prog.h"
#include "serve.h"
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
	struct home home = HOME_INIT;
	struct config config = CONFIG_INIT;
	struct profile_set profiles = { .v = NULL };
	struct peers peers = PEERS_INIT;
	const struct registrar reg = {
		.home = &home, .config = &config, .profiles = &profiles
	};
	const struct serve_options o = { .reg = &reg,
		.peer = peer,
		.peers = &peers,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO };
	char *conf = NULL, *own = NULL;
	int rc = -1;

	if (home_open(&home, e) != 0 ||
	    config_load(&config, home.config, e) != 0)
		goto out;
	conf = path_join(home.dir, "peers.conf");
	own = path_join(home.dir, "profiles.d");
	if (profile_set_load(&profiles, own, e) == 0 &&
	    peers_load(&peers, conf, e) == 0)
		rc = serve(&o, e);
out:
	x_free(conf);
	x_free(own);
	peers_free(&peers);
	profile_set_free(&profiles);
	config_free(&config);
	home_close(&home);
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
