/* tty - a pane's terminal device: its modes, its lock, one write to it. */
#ifndef TTY_H
#define TTY_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* What a terminal's line discipline does now: termios(3). */
struct tty_modes {
	bool known;
	bool canonical; /* ICANON: lines, edited by the kernel */
	bool echo;      /* ECHO */
	bool signals;   /* ISIG */
};

/*
 * Open the terminal `path` of a pane, never as our controlling one, without
 * following links and without blocking. It must be a character device that
 * belongs to us and lies under /dev. Returns a descriptor the caller closes,
 * or -1: EXIT_UNKNOWN when it is gone, EXIT_LOCAL when it is not ours.
 */
int tty_open(const char *path, struct err *e);

/* The device number of an open terminal. */
unsigned tty_number(int fd);

/* Its modes; `known` is false when they cannot be read. */
struct tty_modes tty_modes(int fd);

/* Bytes that were typed and that no program has read yet, in a cooked terminal
 * those of whole lines (FIONREAD); 0 where that is not told. */
int tty_unread(int fd);

/*
 * Drop what was typed and not read yet (TCIFLUSH), if that is `len` bytes, or
 * these and the brackets of a paste, and not a byte of it was read: whoever had
 * the first half would wait for the second. false: it was left as it is.
 */
bool tty_take_back(int fd, size_t len);

/*
 * Write all of `p`, trying again every 2 ms while the terminal takes nothing
 * (Ctrl-S, a full queue), at most wait_ms. *done is what went out. 0 when all
 * of it did; -1 with EXIT_NOT_READY (nothing) or EXIT_UNPROVEN (a part).
 */
int tty_write(int fd, const void *p, size_t len, int wait_ms, size_t *done,
    struct err *e);

#endif
