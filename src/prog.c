#include "prog.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "str.h"

enum {
	PROG_FAR = 3, /* edits between an option and its suggestion */
	PROG_HELP = 'h',
	PROG_VERSION = 'V',
};

static const struct prog_option everybodys[] = {
	{ PROG_HELP, "help", NULL, "this text" },
	{ PROG_VERSION, "version", NULL, "print the version" },
};
enum { EVERYBODYS = sizeof(everybodys) / sizeof(everybodys[0]) };

/* The program's options and everybody's, as getopt_long(3) wants them. */
struct table {
	const struct prog_option **v; /* sorted by name */
	struct option *longs;
	struct buf letters;
	size_t n;
};

static void
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

static void
table_add(struct table *t, const struct prog_option *o)
{
	size_t i;

	for (i = t->n; i > 0 && strcmp(t->v[i - 1]->name, o->name) > 0; i--)
		t->v[i] = t->v[i - 1];
	t->v[i] = o;
	t->n++;
	if (o->letter < PROG_LONG)
		buf_addf(&t->letters, "%c%s", o->letter,
		    o->value == NULL ? "" : ":");
}

static void
table_make(struct table *t, const struct prog_option *options)
{
	size_t i, n = 0;

	while (options[n].name != NULL)
		n++;
	t->n = 0;
	t->v = x_calloc(n + EVERYBODYS, sizeof(struct prog_option *));
	t->longs = x_calloc(n + EVERYBODYS + 1, sizeof(t->longs[0]));
	buf_init(&t->letters, 2 * (n + EVERYBODYS) + 1);
	for (i = 0; i < n; i++)
		table_add(t, &options[i]);
	for (i = 0; i < EVERYBODYS; i++)
		table_add(t, &everybodys[i]);
	for (i = 0; i < t->n; i++)
		t->longs[i] = (struct option){ .name = t->v[i]->name,
			.has_arg = t->v[i]->value != NULL,
			.val = t->v[i]->letter };
}

static void
table_free(struct table *t)
{
	buf_free(&t->letters);
	x_free(t->longs);
	x_free(t->v);
}

/* The long option nearest to `word` ("nmae"), or NULL. */
static const char *
table_nearest(const struct table *t, const char *word)
{
	unsigned best = PROG_FAR, distance;
	const char *name = NULL;
	size_t i;

	for (i = 0; i < t->n; i++) {
		distance = str_distance(word, t->v[i]->name, PROG_FAR);
		if (distance < best) {
			best = distance;
			name = t->v[i]->name;
		}
	}
	return name;
}

/*
 * getopt_long(3) without its own messages: returns what it returns, but '?'
 * comes with EXIT_USAGE and a line that names the word, and the nearest option
 * if there is one.
 */
static int
prog_next(const struct table *t, int argc, char **argv, struct err *e)
{
	const char *word, *near;
	int option, at;

	opterr = 0;
	at = optind < 1 ? 1 : optind;
	option = getopt_long(argc, argv, t->letters.data, t->longs, NULL);
	if (option != '?' && option != ':')
		return option;
	/* getopt may have moved words: the culprit is just before optind, but
	 * a cluster of letters is still being read at optind. */
	word = optind > at && optind <= argc ? argv[optind - 1] : argv[at];
	if (optopt != 0 && strchr(t->letters.data, optopt) != NULL &&
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
	} else if ((near = table_nearest(t, word + 2)) != NULL) {
		(void)err_set(e, EXIT_USAGE,
		    "%s: no such option; did you mean --%s?", word, near);
	} else {
		(void)err_set(
		    e, EXIT_USAGE, "%s: no such option; see --help", word);
	}
	return '?';
}

/* "  -w, --wait SECONDS" */
static int
option_left(const struct prog_option *o, char *out, size_t size)
{
	char letter[8] = "    ";

	if (o->letter < PROG_LONG)
		(void)snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	return snprintf(out, size, "  %s--%s%s%s", letter, o->name,
	    o->value == NULL ? "" : " ", o->value == NULL ? "" : o->value);
}

static void
prog_help(const struct prog *p, const struct table *t)
{
	int width = 0, n;
	const char *c;
	char left[80];
	size_t i;

	for (i = 0; i < t->n; i++) {
		n = option_left(t->v[i], left, sizeof(left));
		width = n > width ? n : width;
	}
	(void)printf("%s\n", p->usage);
	for (i = 0; i < t->n; i++) {
		(void)option_left(t->v[i], left, sizeof(left));
		(void)printf("%-*s  ", width, left);
		for (c = t->v[i]->help; *c != '\0'; c++) {
			(void)putchar(*c);
			if (*c == '\n')
				(void)printf("%*s  ", width, "");
		}
		(void)putchar('\n');
	}
	(void)printf("\nExit status:\n%s", exit_help(p->exits));
}

/* Everything up to the work. 1: do it; 0: --help or --version was all. */
static int
prog_parse(const struct prog *p, const struct table *t, void *request, int argc,
    char **argv, struct err *e)
{
	int option;

	while ((option = prog_next(t, argc, argv, e)) != -1) {
		switch (option) {
		case PROG_HELP:
			prog_help(p, t);
			return 0;
		case PROG_VERSION:
			(void)printf("%s (panemesh) %s\n", p->name, VERSION);
			return 0;
		case '?':
			return -1;
		default:
			if (p->set(request, option, optarg, e) < 0)
				return -1;
		}
	}
	if (p->words != NULL)
		return p->words(request, argc - optind, argv + optind, e) < 0
		    ? -1
		    : 1;
	if (optind < argc)
		return err_set(
		    e, EXIT_USAGE, "'%s': takes no words", argv[optind]);
	return 1;
}

static int
prog_end(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	log_line("standard output: %s", strerror(errno));
	return EXIT_LOCAL;
}

int
prog_main(const struct prog *p, void *request, int argc, char **argv)
{
	struct err e = { .code = EXIT_OK };
	struct table table;
	int rc;

	prog_start(p->name);
	table_make(&table, p->options);
	rc = prog_parse(p, &table, request, argc, argv, &e);
	table_free(&table);
	if (rc < 0 && p->silent && !isatty(STDERR_FILENO))
		return EXIT_OK;
	if (rc > 0)
		rc = p->run(request, &e);
	if (rc < 0)
		rc = log_err(&e);
	return prog_end(rc);
}

int
prog_number(const char *name, const char *of, const char *value, uint64_t min,
    uint64_t max, uint64_t *number, struct err *e)
{
	if (str_number(value, max, number) == 0 && *number >= min)
		return 0;
	return err_set(e, EXIT_USAGE,
	    "--%s: '%s' is no number%s from %llu to %llu", name, value, of,
	    (unsigned long long)min, (unsigned long long)max);
}

int
prog_env(const char *name, uint64_t min, uint64_t max, uint64_t *number,
    struct err *e)
{
	const char *value = getenv(name);
	uint64_t n;

	if (value == NULL || value[0] == '\0')
		return 0;
	if (str_number(value, max, &n) != 0 || n < min)
		return err_set(e, EXIT_USAGE,
		    "%s: '%.40s' is no number from %llu to %llu; correct or "
		    "unset it",
		    name, value, (unsigned long long)min,
		    (unsigned long long)max);
	*number = n;
	return 0;
}

int
prog_text(const char *word, struct buf *out, struct err *e)
{
	ssize_t n;

	if (!str_eq(word, "-")) {
		buf_adds(out, word);
		return buf_check(out, "body", e);
	}
	do {
		n = buf_read_fd(out, STDIN_FILENO, 65536);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return err_set(
		    e, EXIT_LOCAL, "standard input: %s", strerror(errno));
	return buf_check(out, "body", e);
}

int
prog_time(const char *option, const char *word, int64_t min_s, int64_t max_s,
    int64_t *ms, struct err *e)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = { 1, 60, 3600, 86400 };
	size_t len = strlen(word);
	const char *unit = len > 0 ? strchr(units, word[len - 1]) : NULL;
	char *number = x_strndup(word, unit == NULL ? len : len - 1);
	int64_t each = unit == NULL ? 1 : seconds[unit - units];
	uint64_t n;
	int rc = 0;

	if (str_number(number, (uint64_t)(max_s / each), &n) != 0 ||
	    (int64_t)n * each < min_s)
		rc = err_set(e, EXIT_USAGE,
		    "--%s: '%s' is no time from %llds to %lldd, such as 90s, "
		    "30m, 4h, 2d",
		    option, word, (long long)min_s, (long long)(max_s / 86400));
	else
		*ms = (int64_t)n * each * 1000;
	x_free(number);
	return rc;
}
