/* agent-discover - look at every tmux server and rebuild the address book. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "prog.h"
#include "register.h"
#include "register_buffers.h"
#include "register_hooks.h"
#include "setup.h"

static const char usage[] =
    "usage: agent-discover [-nq] [-H FILE]\n"
    "\n"
    "Look at every tmux server of this user, bring the address book up to "
    "date, and\nput missing hooks back.\n"
    "\n"
    "  -h, --help        this text\n"
    "  -H, --hooks FILE  the hooks to source instead of the installed ones\n"
    "  -n, --dry-run     say what would be done, change nothing\n"
    "  -q, --quiet       print only what needs attention\n"
    "  -V, --version     print the version\n";

static const struct option options[] = {
	{ "dry-run", no_argument, NULL, 'n' },
	{ "help", no_argument, NULL, 'h' },
	{ "hooks", required_argument, NULL, 'H' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_WIRE |
	    1U << EXIT_LOCAL
};

/* What the command line asks for, and how it goes. */
struct request {
	int what; /* 'h', 'V' or 0 */
	const char *hooks;
	bool dry_run, quiet;
	struct err last; /* of what failed; EXIT_OK: nothing yet */
};

/* A file that is wrong fails for every server: say it once. */
static void
failed(struct request *q, const struct err *e)
{
	if (strcmp(q->last.msg, e->msg) != 0)
		(void)log_err(e);
	q->last = *e;
}

/* Look at the hooks of one server; put back those that are gone. */
static void
check_hooks(struct request *q, const char *socket)
{
	struct argv missing = ARGV_INIT, hidden = ARGV_INIT;
	struct tmux_rows rows = { .v = NULL };
	struct err e = { .code = EXIT_OK };
	char *file = NULL;
	struct tmux t;
	size_t i;

	if (tmux_open(&t, socket, &e) != 0 ||
	    register_hooks_missing(&t, &missing, &e) != 0) {
		failed(q, &e);
		goto out;
	}
	if (missing.n > 0) {
		(void)printf("%s: %zu hooks %s, first %s\n", socket, missing.n,
		    q->dry_run ? "are missing" : "were missing: put back",
		    missing.v[0]);
		file = q->hooks != NULL ? x_strdup(q->hooks)
					: register_hooks_file(&e);
		if (file == NULL ||
		    (!q->dry_run && register_hooks_source(&t, file, &e) != 0))
			failed(q, &e);
	}
	if (tmux_scan(&t, &rows, &e) == TMUX_OK &&
	    register_hooks_hidden(&t, &rows, &hidden, &e) == 0)
		for (i = 0; i < hidden.n; i++)
			(void)printf("%s: %s: a hook of its own hides ours; "
				     "put that one into the global table "
				     "(set-hook -g) instead\n",
			    socket, hidden.v[i]);
out:
	x_free(file);
	tmux_rows_free(&rows);
	argv_free(&missing);
	argv_free(&hidden);
}

/* Message bodies that killed senders left behind. */
static void
check_buffers(struct request *q, const char *socket)
{
	struct err e = { .code = EXIT_OK };
	struct tmux t;
	size_t n;

	if (tmux_open(&t, socket, &e) != 0 ||
	    register_buffers_sweep(
		&t, clock_real_ms() / 1000, q->dry_run, &n, &e) != 0)
		failed(q, &e);
	else if (n > 0)
		(void)printf("%s: %zu buffers of killed senders %s\n", socket,
		    n, q->dry_run ? "would be deleted" : "deleted");
}

static void
report(void *arg, const char *socket, const struct register_result *result,
    const struct err *e)
{
	struct request *q = arg;

	if (e->code != EXIT_OK) {
		failed(q, e);
		return;
	}
	if (!result->server) {
		if (result->changed)
			(void)printf("%s: no server any more: entries %s\n",
			    socket,
			    q->dry_run ? "would be dropped" : "dropped");
		return;
	}
	if (!q->quiet)
		(void)printf("%s: %zu panes, %zu entries, %zu with a known "
			     "agent%s\n",
		    socket, result->panes, result->agents, result->known,
		    !result->changed ? ""
			: q->dry_run ? "; would change"
				     : "; changed");
	check_hooks(q, socket);
	check_buffers(q, socket);
}

static int
discover(struct request *q, struct err *e)
{
	struct setup setup = SETUP_INIT;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles,
		.dry_run = q->dry_run,
		.wait = true };
	int rc;

	rc = setup_open_all(&setup, e);
	if (rc == 0) {
		(void)register_all(&reg, report, q);
		rc = (int)q->last.code;
	}
	setup_close(&setup);
	return rc;
}

int
main(int argc, char **argv)
{
	struct request q = { .last = { .code = EXIT_OK } };
	struct err e = { .code = EXIT_OK };
	int option, rc = -1;

	prog_start("agent-discover");
	while (
	    (option = prog_option(argc, argv, "hH:nqV", options, &e)) != -1) {
		if (option == '?')
			goto out;
		else if (option == 'H')
			q.hooks = optarg;
		else if (option == 'n')
			q.dry_run = true;
		else if (option == 'q')
			q.quiet = true;
		else
			q.what = option;
	}
	if (q.what == 0 && optind < argc) {
		(void)err_set(
		    &e, EXIT_USAGE, "'%s': takes no words", argv[optind]);
		goto out;
	}
	rc = EXIT_OK;
	if (q.what == 'h')
		prog_help(usage, EXITS);
	else if (q.what == 'V')
		prog_version("agent-discover");
	else
		rc = discover(&q, &e);
out:
	if (rc < 0)
		rc = log_err(&e);
	return prog_end(rc);
}
