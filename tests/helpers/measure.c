/*
 * measure - run a program and print "WALL-MS CPU-MS PEAK-KIB", for benchmarks.
 *
 * usage: measure PROGRAM [ARG...]
 *
 * Small itself, since a child's peak memory begins with its parent's. The
 * program's output is dropped. Exits as the program did.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
milliseconds(const struct timeval *t)
{
	return (double)t->tv_sec * 1000 + (double)t->tv_usec / 1000;
}

int
main(int argc, char **argv)
{
	struct timespec begun, ended;
	struct rusage usage;
	posix_spawn_file_actions_t actions;
	int status;
	pid_t pid;

	if (argc < 2)
		return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	if (posix_spawn_file_actions_init(&actions) != 0 ||
	    posix_spawn_file_actions_addopen(
		&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(
		&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) != 0 ||
	    posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ) != 0)
		return 127;
	(void)posix_spawn_file_actions_destroy(&actions);
	if (wait4(pid, &status, 0, &usage) != pid)
		return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	(void)printf("%.3f %.3f %ld\n",
	    (double)(ended.tv_sec - begun.tv_sec) * 1000 +
		(double)(ended.tv_nsec - begun.tv_nsec) / 1e6,
	    milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime),
	    usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
