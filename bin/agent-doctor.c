/* agent-doctor - say what is wrong, why, and which command mends it. */
#include <stdint.h>
#include <unistd.h>

#include "doctor.h"
#include "log.h"
#include "prog.h"
#include "str.h"

static const char usage[] =
    "usage: agent-doctor [-jq] [-t SECONDS]\n"
    "\n"
    "Look at everything that can be wrong on this host and between it and its\n"
    "peers. Change nothing; below each fault stands the command that mends "
    "it.\n"
    "\n"
    "  -h, --help             this text\n"
    "  -j, --json             as JSON\n"
    "  -q, --quiet            leave out what is well\n"
    "  -t, --timeout SECONDS  for one peer (default 10)\n"
    "  -V, --version          print the version\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "timeout", required_argument, NULL, 't' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_WIRE |
	    1U << EXIT_LOCAL
};

/* What the command line asks for. */
struct request {
	int what; /* 'h', 'V' or 0 */
	bool json, quiet;
	struct doctor_options doctor;
};

static int
parse(struct request *q, int argc, char **argv, struct err *e)
{
	uint64_t seconds;
	int option;

	while ((option = prog_option(argc, argv, "hjqt:V", options, e)) != -1) {
		switch (option) {
		case 'j':
			q->json = true;
			break;
		case 'q':
			q->quiet = true;
			break;
		case 't':
			if (str_number(optarg, DOCTOR_PEER_MAX_S, &seconds) !=
				0 ||
			    seconds == 0)
				return err_set(e, EXIT_USAGE,
				    "--timeout: '%s' is no number of seconds "
				    "from 1 to %d",
				    optarg, DOCTOR_PEER_MAX_S);
			q->doctor.peer_ms = (int)seconds * 1000;
			break;
		case '?':
			return -1;
		default:
			q->what = option;
			return 0;
		}
	}
	if (optind < argc)
		return err_set(
		    e, EXIT_USAGE, "'%s': takes no words", argv[optind]);
	return 0;
}

static int
run(const struct request *q)
{
	struct doctor_report report = DOCTOR_REPORT_INIT;
	int code;

	doctor_run(&report, &q->doctor);
	if (q->json)
		doctor_print_json(&report, stdout);
	else
		doctor_print(&report, q->quiet, stdout);
	code = doctor_code(&report);
	doctor_report_free(&report);
	return code;
}

int
main(int argc, char **argv)
{
	struct request q = { .doctor = { .peer_ms = DOCTOR_PEER_MS } };
	struct err e = { .code = EXIT_OK };

	prog_start("agent-doctor");
	q.doctor.progress = isatty(STDERR_FILENO) == 1;
	if (parse(&q, argc, argv, &e) != 0)
		return log_err(&e);
	if (q.what == 'h')
		prog_help(usage, EXITS);
	else if (q.what == 'V')
		prog_version("agent-doctor");
	else
		return prog_end(run(&q));
	return prog_end(EXIT_OK);
}
