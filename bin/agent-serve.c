/* agent-serve - the far end of a link: what sshd runs for agent-link. */
#include <unistd.h>

#include "file.h"
#include "mem.h"
#include "path.h"
#include "peers.h"
#include "proc.h"
#include "prog.h"
#include "serve.h"
#include "setup.h"
#include "str.h"

static const char usage[] =
    "usage: agent-serve [--peer NAME]\n"
    "\n"
    "Take messages, files and slices of the address book from another host's\n"
    "agent-link on standard input, and answer on standard output.\n";

static const struct prog_option options[] = {
	{ 'p', "peer", "NAME",
	    "the key that runs this is bound to host NAME: it may\npublish "
	    "that host's slice only" },
	{ 0, NULL, NULL, NULL },
};

/* What is read from files, and which files that was. */
struct state {
	struct setup setup;
	struct peers peers;
	char *conf, *own, *self;
	struct file_stamp config_stamp, conf_stamp, self_stamp, program;
	uint64_t own_stamp;
	bool bad; /* one of them cannot be read */
};

/* The program as it is installed now; this one may be older. */
static struct file_stamp
installed(void)
{
	char *path = proc_sibling("agent-serve");
	struct file_stamp stamp = file_stamp(path);

	x_free(path);
	return stamp;
}

static void
look(struct state *st)
{
	st->config_stamp = file_stamp(st->setup.home.config);
	st->conf_stamp = file_stamp(st->conf);
	st->self_stamp = file_stamp(st->self);
	st->own_stamp = file_folder_stamp(st->own);
}

static int
load(struct state *st, struct err *e)
{
	look(st);
	profile_set_free(&st->setup.profiles);
	config_free(&st->setup.config);
	peers_free(&st->peers);
	st->setup.profiles = (struct profile_set){ .v = NULL };
	st->setup.config = (struct config)CONFIG_INIT;
	st->peers = (struct peers)PEERS_INIT;
	if (config_load(&st->setup.config, st->setup.home.config, e) != 0 ||
	    setup_profiles(&st->setup, e) != 0)
		return -1;
	return peers_load(&st->peers, st->conf, e);
}

/* A link may last for hours: its far end must not answer from what was. */
static int
refresh(void *arg, struct err *e)
{
	struct state *st = arg, now = *st;
	struct file_stamp program = installed();

	if (!file_stamp_eq(&program, &st->program))
		return err_set(
		    e, EXIT_WIRE, "agent-serve was replaced; ask again");
	look(&now);
	if (!file_stamp_eq(&now.self_stamp, &st->self_stamp))
		return err_set(
		    e, EXIT_WIRE, "this host has another name now; ask again");
	if (!st->bad && file_stamp_eq(&now.config_stamp, &st->config_stamp) &&
	    file_stamp_eq(&now.conf_stamp, &st->conf_stamp) &&
	    now.own_stamp == st->own_stamp)
		return 0;
	st->bad = load(st, e) != 0;
	return st->bad ? 1 : 0;
}

static int
set(void *request, int letter, const char *value, struct err *e)
{
	const char **peer = request;

	if (letter == 'p' && !str_host_ok(value))
		return err_set(
		    e, EXIT_USAGE, "--peer: '%s' is no host's name", value);
	*peer = value;
	return 0;
}

/* Open the state and answer. */
static int
run(void *request, struct err *e)
{
	const char **peer = request;
	struct state st = { .setup = SETUP_INIT, .peers = PEERS_INIT };
	const struct registrar reg = { .home = &st.setup.home,
		.config = &st.setup.config,
		.profiles = &st.setup.profiles };
	const struct serve_options o = { .reg = &reg,
		.peer = *peer,
		.peers = &st.peers,
		.refresh = refresh,
		.arg = &st,
		.in = STDIN_FILENO,
		.out = STDOUT_FILENO };
	int rc = -1;

	st.program = installed();
	if (setup_open(&st.setup, e) != 0)
		goto out;
	st.conf = path_join(st.setup.home.dir, "peers.conf");
	st.self = path_join(st.setup.home.dir, "self.conf");
	st.own = path_join(st.setup.home.dir, "profiles.d");
	if (load(&st, e) == 0)
		rc = serve(&o, e);
out:
	x_free(st.conf);
	x_free(st.own);
	x_free(st.self);
	peers_free(&st.peers);
	setup_close(&st.setup);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-serve",
		.usage = usage,
		.options = options,
		.exits = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_WIRE |
		    1U << EXIT_LOCAL,
		.set = set,
		.run = run };
	const char *peer = NULL;

	return prog_main(&prog, &peer, argc, argv);
}
