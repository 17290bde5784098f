/* clock - the only file that asks what time it is. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* "2026-01-02T03:04:05Z" and the NUL. */
enum { CLOCK_TEXT_MAX = 32 };

/* Milliseconds of CLOCK_MONOTONIC: for deadlines, never stored. */
int64_t clock_mono_ms(void);

/* Milliseconds since boot, suspended ones included: CLOCK_BOOTTIME. */
int64_t clock_boot_ms(void);

/* Milliseconds since 1970 UTC; what clock_freeze() set, once it was called. */
int64_t clock_real_ms(void);

/* For tests: stop the real clock at `ms`; a negative value lets it run. */
void clock_freeze(int64_t ms);

/* RFC 3339 in UTC with whole seconds; years 0001 to 9999, else the epoch. */
void clock_text(char out[CLOCK_TEXT_MAX], int64_t ms);

/* A deadline `ms` from now, and what is left of one: 0 when it has passed,
 * never more than INT_MAX, so that it fits poll(2). */
int64_t clock_deadline(int64_t ms);
int clock_left(int64_t deadline);

/* Sleep `ms`, at most until `deadline`. */
void clock_nap(int64_t ms, int64_t deadline);

#endif
