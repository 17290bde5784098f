/* agent-register-hook - what tmux hooks run: scan that server again. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "outbox.h"
#include "prog.h"
#include "register.h"
#include "setup.h"
#include "str.h"

static const char usage[] =
    "usage: agent-register-hook [-p PID] [-S SOCKET]\n"
    "\n"
    "Run by tmux hooks: bring the address book up to date with the tmux server "
    "at\nSOCKET. Prints nothing; errors go to ~/.agents/log/hook.log.\n";

static const struct prog_option options[] = {
	{ 'p', "pid", "PID", "the server's process, as the hook knows it" },
	{ 'S', "socket", "SOCKET", "its socket; without it the one in $TMUX" },
	{ 0, NULL, NULL, NULL },
};

/* What the command line asks for. */
struct request {
	uint64_t pid;
	char *socket;
};

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;

	switch (letter) {
	case 'p':
		if (str_number(value, INT32_MAX, &q->pid) != 0)
			return err_set(e, EXIT_USAGE,
			    "--pid: '%s' is no process id", value);
		break;
	case 'S':
		X_CLEAR(q->socket);
		q->socket = x_strdup(value);
		break;
	}
	return 0;
}

/* Words are those of the bash version's hook, "on SESSION": what they say is
 * looked up, not believed. */
static int
words(void *request, int n, char **words, struct err *e)
{
	const char *tmux = getenv("TMUX");
	struct request *q = request;

	(void)n;
	(void)words;
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

	if (setup_profiles_part(arg, &e) != 0)
		log_line("%s; the rest of profiles.d is left out", e.msg);
}

/*
 * Anything printed and any status but 0 would throw the person's pane into
 * view mode: a hook only writes its log.
 */
static int
run(void *request, struct err *e)
{
	const struct request *q = request;
	struct setup setup = SETUP_INIT;
	struct err no_log;
	struct register_result result;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles,
		.meanwhile = load_profiles,
		.arg = &setup };
	int rc, fd = -1;

	rc = setup_open(&setup, e);
	if (setup.home.log != NULL)
		fd = home_log(&setup.home, "hook.log", &no_log);
	log_to(fd);
	if (rc == 0)
		rc = register_server(
		    &reg, q->socket, (int64_t)q->pid, &result, e);
	if (rc == 0)
		outbox_wake(&setup.home);
	if (rc != 0 && fd >= 0)
		(void)log_err(e);
	if (fd >= 0)
		(void)close(fd);
	setup_close(&setup);
	return EXIT_OK;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-register-hook",
		.usage = usage,
		.options = options,
		.exits = 1U << EXIT_OK | 1U << EXIT_USAGE,
		.set = set,
		.words = words,
		.run = run,
		.silent = true };
	struct request q = { .socket = NULL };
	int rc = prog_main(&prog, &q, argc, argv);

	x_free(q.socket);
	return rc;
}
