/* prog - what every main does: options, --help and --version, the report of
 * what went wrong, the end. A main is a table of options and two functions. */
#ifndef PROG_H
#define PROG_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

/* One option; the table ends with one whose name is NULL, and says nothing of
 * --help and --version, which every program has. */
struct prog_option {
	int letter;        /* PROG_LONG or more: it has no short form */
	const char *name;  /* "json": --json */
	const char *value; /* what --help calls its value; NULL: takes none */
	const char *help;  /* what it does; more lines after '\n' */
};

enum { PROG_LONG = 256 };

/*
 * A program. `set` gets each option as it comes, with its value, `words` what
 * is left after them (NULL: there may be none), `run` does the work and returns
 * an exit code. A negative value of any is an error, told in `e`. All of them
 * get the request of prog_main().
 */
struct prog {
	const char *name;
	const char *usage; /* --help up to the options, its last line ended */
	const struct prog_option *options;
	unsigned exits; /* bits (1 << code) of what --help tells */
	int (*set)(void *request, int letter, const char *value, struct err *e);
	int (*words)(void *request, int n, char **words, struct err *e);
	int (*run)(void *request, struct err *e);
	/* Wrong usage is told on a terminal only, and is no failure anywhere
	 * else: who runs it would show it to a person who has done nothing. */
	bool silent;
};

/*
 * All of main: descriptors 0 to 2 open (on /dev/null if the caller closed
 * them, so that no file of ours gets their number), umask 077, the log's name;
 * options and words; the work; one line for an error. Returns the exit code:
 * EXIT_LOCAL if standard output could not be written.
 */
int prog_main(const struct prog *p, void *request, int argc, char **argv);

/* The value of --NAME, a number from `min` to `max`, `of` " of seconds" or "".
 * For `set`: -1 with EXIT_USAGE that says all that. */
int prog_number(const char *name, const char *of, const char *value,
    uint64_t min, uint64_t max, uint64_t *number, struct err *e);

/* Append the text that a word stands for: itself, or for "-" all of standard
 * input. -1 with `e`, also where it is more than `out` takes. */
int prog_text(const char *word, struct buf *out, struct err *e);

/* The number in environment variable `name`, from `min` to `max`; where that is
 * unset or empty *number stays. -1 with EXIT_USAGE. */
int prog_env(const char *name, uint64_t min, uint64_t max, uint64_t *number,
    struct err *e);

/* The value of an option as a time, "90s", "30m", "4h", "2d" or seconds, from
 * `min_s` to `max_s` seconds: in ms. -1 with EXIT_USAGE. */
int prog_time(const char *option, const char *word, int64_t min_s,
    int64_t max_s, int64_t *ms, struct err *e);

#endif
