/*
 * measure - run a program and print "WALL-MS CPU-MS PEAK-KIB", for benchmarks.
 *
 * usage: measure PROGRAM [ARG...]
 *
 * Small itself, since a child's peak memory begins with its parent's. The
 * program's output is dropped. Exits as the program did.
 */
#include <fcntl.h>
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
	int status, null;
	pid_t pid;

	if (argc < 2)
		return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	pid = vfork();
	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)execvp(argv[1], argv + 1);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return 1;
	(void)clock_gettime(CLOCK_MONOTONIC, &ended);
	(void)printf("%.3f %.3f %ld\n",
	    (double)(ended.tv_sec - begun.tv_sec) * 1000 +
		(double)(ended.tv_nsec - begun.tv_nsec) / 1e6,
	    milliseconds(&usage.ru_utime) + milliseconds(&usage.ru_stime),
	    usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
