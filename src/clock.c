#include "clock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

static int64_t clock_frozen = -1;

static int64_t
clock_read(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts) != 0)
		return 0;
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_mono_ms(void)
{
	return clock_read(CLOCK_MONOTONIC);
}

int64_t
clock_boot_ms(void)
{
	return clock_read(CLOCK_BOOTTIME);
}

int64_t
clock_real_ms(void)
{
	return clock_frozen >= 0 ? clock_frozen : clock_read(CLOCK_REALTIME);
}

void
clock_freeze(int64_t ms)
{
	clock_frozen = ms;
}

void
clock_text(char out[CLOCK_TEXT_MAX], int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < -1899 ||
	    tm.tm_year > 8099) {
		seconds = 0;
		(void)gmtime_r(&seconds, &tm);
	}
	/* Not strftime's %Y: it writes the year 1 as "1". */
	(void)snprintf(out, 5, "%04u", (unsigned)(tm.tm_year + 1900) % 10000U);
	(void)strftime(out + 4, CLOCK_TEXT_MAX - 4, "-%m-%dT%H:%M:%SZ", &tm);
}

int64_t
clock_deadline(int64_t ms)
{
	return clock_mono_ms() + ms;
}

int
clock_left(int64_t deadline)
{
	int64_t left = deadline - clock_mono_ms();

	if (left <= 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

void
clock_nap(int64_t ms, int64_t deadline)
{
	int64_t left = clock_left(deadline);
	struct timespec ts;

	if (ms > left)
		ms = left;
	if (ms <= 0)
		return;
	ts.tv_sec = (time_t)(ms / 1000);
	ts.tv_nsec = (long)(ms % 1000) * 1000000;
	while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
		continue;
}
