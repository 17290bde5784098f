/* prog - what every main does first and last. */
#ifndef PROG_H
#define PROG_H

#include <getopt.h>
#include <stdio.h>

#include "err.h"

/*
 * Begin: descriptors 0 to 2 open (on /dev/null if the caller closed them, so
 * that no file of ours gets their number), umask 077, the log's name.
 */
void prog_start(const char *name);

/*
 * getopt_long(3) without its own messages: returns what it returns, but '?'
 * comes with EXIT_USAGE and a line that names the word, and the nearest option
 * if there is one.
 */
int prog_option(int argc, char **argv, const char *letters,
    const struct option *options, struct err *e);

/* --help: text, then EXIT STATUS for the codes in `mask` (1 << code). */
void prog_help(const char *text, unsigned mask);

/* --version: "NAME (panemesh) VERSION". */
void prog_version(const char *name);

/* The end: EXIT_LOCAL if stdout could not be written, else `code`. */
int prog_end(int code);

#endif
