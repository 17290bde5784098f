/* agent-doctor - say what is wrong, why, and which command mends it. */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "doctor.h"
#include "prog.h"

static const char usage[] =
    "usage: agent-doctor [-jq] [-t SECONDS]\n"
    "\n"
    "Look at everything that can be wrong on this host and between it and its\n"
    "peers. Change nothing; below each fault stands the command that mends "
    "it.\n";

static const struct prog_option options[] = {
	{ 'j', "json", NULL, "as JSON" },
	{ 'q', "quiet", NULL, "leave out what is well" },
	{ 't', "timeout", "SECONDS", "for one peer (default 10)" },
	{ 0, NULL, NULL, NULL },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_WIRE |
	    1U << EXIT_LOCAL
};

/* What the command line asks for. */
struct request {
	bool json, quiet;
	struct doctor_options doctor;
};

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;
	uint64_t seconds;

	switch (letter) {
	case 'j':
		q->json = true;
		break;
	case 'q':
		q->quiet = true;
		break;
	case 't':
		if (prog_number("timeout", " of seconds", value, 1,
			DOCTOR_PEER_MAX_S, &seconds, e) != 0)
			return -1;
		q->doctor.peer_ms = (int)seconds * 1000;
		break;
	}
	return 0;
}

static int
run(void *request, struct err *e)
{
	struct doctor_report report = DOCTOR_REPORT_INIT;
	const struct request *q = request;
	int code;

	(void)e;
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
	static const struct prog prog = { .name = "agent-doctor",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.run = run };
	struct request q = { .doctor = { .peer_ms = DOCTOR_PEER_MS } };

	q.doctor.progress = isatty(STDERR_FILENO) == 1;
	return prog_main(&prog, &q, argc, argv);
}
