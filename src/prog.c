#include "prog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "str.h"

enum { PROG_FAR = 3 }; /* edits between an option and its suggestion */

void
prog_start(const char *name)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
	(void)umask(077);
	log_start(name, false);
}

/* The long option nearest to `word` ("--nmae"), or NULL. */
static const char *
prog_nearest(const char *word, const struct option *options)
{
	unsigned best = PROG_FAR, distance;
	const char *name = NULL;
	size_t i;

	for (i = 0; options[i].name != NULL; i++) {
		distance = str_distance(word, options[i].name, PROG_FAR);
		if (distance < best) {
			best = distance;
			name = options[i].name;
		}
	}
	return name;
}

int
prog_option(int argc, char **argv, const char *letters,
    const struct option *options, struct err *e)
{
	const char *word, *near;
	int option, at;

	opterr = 0;
	at = optind < 1 ? 1 : optind;
	option = getopt_long(argc, argv, letters, options, NULL);
	if (option != '?' && option != ':')
		return option;
	/* getopt may have moved words: the culprit is just before optind, but
	 * a cluster of letters is still being read at optind. */
	word = optind > at && optind <= argc ? argv[optind - 1] : argv[at];
	if (optopt != 0 && strchr(letters, optopt) != NULL &&
	    !str_starts(word, "--")) {
		(void)err_set(
		    e, EXIT_USAGE, "-%c: needs a value; see --help", optopt);
	} else if (optopt != 0 && !str_starts(word, "--")) {
		(void)err_set(e, EXIT_USAGE,
		    "-%c: no such option (in '%s'); see --help, and write -- "
		    "before a word that begins with '-'",
		    optopt, word);
	} else if (optopt != 0) {
		(void)err_set(e, EXIT_USAGE,
		    "%s: needs a value, or takes none; see --help", word);
	} else if ((near = prog_nearest(word + 2, options)) != NULL) {
		(void)err_set(e, EXIT_USAGE,
		    "%s: no such option; did you mean --%s?", word, near);
	} else {
		(void)err_set(
		    e, EXIT_USAGE, "%s: no such option; see --help", word);
	}
	return '?';
}

void
prog_help(const char *text, unsigned mask)
{
	(void)printf("%s\nExit status:\n%s", text, exit_help(mask));
}

void
prog_version(const char *name)
{
	(void)printf("%s (panemesh) %s\n", name, VERSION);
}

int
prog_end(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	log_line("standard output: %s", strerror(errno));
	return EXIT_LOCAL;
}
