/* agent-register-hook - what tmux hooks run: scan that server again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "prog.h"
#include "register.h"
#include "setup.h"
#include "str.h"

static const char usage[] =
    "usage: agent-register-hook [-p PID] [-S SOCKET]\n"
    "\n"
    "Run by tmux hooks: bring the address book up to date with the tmux server "
    "at\nSOCKET. Prints nothing; errors go to ~/.agents/log/hook.log.\n"
    "\n"
    "  -h, --help           this text\n"
    "  -p, --pid PID        the server's process, as the hook knows it\n"
    "  -S, --socket SOCKET  its socket; without it the one in $TMUX\n"
    "  -V, --version        print the version\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "pid", required_argument, NULL, 'p' },
	{ "socket", required_argument, NULL, 'S' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* What the command line asks for. */
struct request {
	int what; /* 'h', 'V' or 0 */
	uint64_t pid;
	char *socket;
};

static int
parse(struct request *q, int argc, char **argv, struct err *e)
{
	const char *tmux = getenv("TMUX");
	int option;

	while ((option = prog_option(argc, argv, "hp:S:V", options, e)) != -1) {
		switch (option) {
		case 'p':
			if (str_number(optarg, INT32_MAX, &q->pid) != 0)
				return err_set(e, EXIT_USAGE,
				    "--pid: '%s' is no process id", optarg);
			break;
		case 'S':
			X_CLEAR(q->socket);
			q->socket = x_strdup(optarg);
			break;
		case '?':
			return -1;
		default:
			q->what = option;
			return 0;
		}
	}
	/* Words are those of the bash version's hook, "on SESSION": what they
	 * say is looked up, not believed. */
	if (q->socket == NULL && tmux != NULL && tmux[0] == '/')
		q->socket = x_strndup(tmux, strcspn(tmux, ","));
	if (q->socket == NULL)
		return err_set(e, EXIT_USAGE,
		    "no tmux server named: give --socket, or run in tmux");
	return 0;
}

/* One wrong profile of the user's must not stop the address book. */
static void
load_profiles(void *arg)
{
	struct err e;

	if (setup_profiles(arg, &e) != 0)
		log_line("%s; the rest of profiles.d is left out", e.msg);
}

/*
 * Anything printed and any status but 0 would throw the person's pane into
 * view mode: a hook only writes its log.
 */
static int
run_hook(const struct request *q)
{
	struct setup setup = SETUP_INIT;
	struct err e = { .code = EXIT_OK }, no_log;
	struct register_result result;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles,
		.meanwhile = load_profiles,
		.arg = &setup };
	int rc, fd = -1;

	rc = setup_open(&setup, &e);
	if (setup.home.log != NULL)
		fd = home_log(&setup.home, "hook.log", &no_log);
	log_to(fd);
	if (rc == 0)
		rc = register_server(
		    &reg, q->socket, (int64_t)q->pid, &result, &e);
	if (rc != 0 && fd >= 0)
		(void)log_err(&e);
	if (fd >= 0)
		(void)close(fd);
	setup_close(&setup);
	return EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct request q = { .socket = NULL };
	struct err e = { .code = EXIT_OK };
	int rc = EXIT_OK;

	prog_start("agent-register-hook");
	if (parse(&q, argc, argv, &e) != 0) {
		/* A person learns what is wrong; a hook is silent. */
		if (isatty(STDERR_FILENO))
			rc = log_err(&e);
	} else if (q.what == 'h') {
		prog_help(usage, 1U << EXIT_OK | 1U << EXIT_USAGE);
		rc = prog_end(rc);
	} else if (q.what == 'V') {
		prog_version("agent-register-hook");
		rc = prog_end(rc);
	} else {
		rc = run_hook(&q);
	}
	x_free(q.socket);
	return rc;
}
