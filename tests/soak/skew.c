/*
 * skew - preloaded into the programs of one host of the lab. The file that
 * $SKEW names has two numbers, int64_t: the seconds by which the host's wall
 * clock is ahead of the machine's, a change of which is seen at once by whoever
 * runs already; and one in how many of our programs and tmux clients is to be
 * killed (SIGKILL) within its first 40 ms, 0: none. From outside, programs that
 * live so short are hardly ever hit.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { DOOM_MS = 40 };

static const volatile int64_t *
numbers(void)
{
	static const volatile int64_t *shared;
	static bool tried;
	const char *path = getenv("SKEW");
	void *map;
	int fd;

	if (tried || path == NULL)
		return shared;
	tried = true;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	map = mmap(NULL, 2 * sizeof(*shared), PROT_READ, MAP_SHARED, fd, 0);
	if (map != MAP_FAILED)
		shared = map;
	(void)close(fd);
	return shared;
}

static time_t
ahead(void)
{
	const volatile int64_t *n = numbers();

	return n != NULL ? (time_t)n[0] : 0;
}

static bool
is_ours(const char *name)
{
	return strncmp(name, "agent-", 6) == 0 ||
	    strcmp(name, "notify-pane") == 0 || strcmp(name, "tmux") == 0;
}

/* A timer is not inherited: a tmux client's server is not hit. */
__attribute__((constructor)) static void
doom(void)
{
	const volatile int64_t *n = numbers();
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGKILL };
	struct itimerspec when = { .it_value = { 0, 0 } };
	uint32_t dice[2];
	timer_t timer;

	if (n == NULL || n[1] <= 0 || !is_ours(program_invocation_short_name) ||
	    getrandom(dice, sizeof(dice), GRND_NONBLOCK) != sizeof(dice) ||
	    dice[0] % (uint64_t)n[1] != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
		return;
	when.it_value.tv_nsec = 1 + (long)(dice[1] % (DOOM_MS * 1000)) * 1000;
	(void)timer_settime(timer, 0, &when, NULL);
}

int
clock_gettime(clockid_t id, struct timespec *tp)
{
	int status = (int)syscall(SYS_clock_gettime, id, tp);

	if (status == 0 &&
	    (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		tp->tv_sec += ahead();
	return status;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *timer)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (timer != NULL)
		*timer = ts.tv_sec;
	return ts.tv_sec;
}
