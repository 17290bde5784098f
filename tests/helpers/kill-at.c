/*
 * kill-at - run a program and kill it before its Nth system call that changes
 * something.
 *
 * usage: kill-at [-c] LOG N PROGRAM [ARG]...
 *
 * Such calls are what writes, sends, makes, renames, removes or locks, and what
 * starts a process; open(2) only to write. LOG gets a line for each of them,
 * "killed" at last if it came to that; N = 0: only to count them. Where LOG
 * exists the program is just run: whoever tries again gets through.
 *
 *   -c  count the calls of the first process that it forked, and kill that one
 *
 * Programs that it runs (vfork, posix_spawn) are left alone. Its status is that
 * of PROGRAM, 128 + signal where one ended it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "str.h"

static const struct {
	long nr;
	const char *name;
} changing[] = {
#define CALL(name)                \
	{                         \
		SYS_##name, #name \
	}
	CALL(openat),
	CALL(mkdirat),
	CALL(renameat),
	CALL(renameat2),
	CALL(linkat),
	CALL(unlinkat),
	CALL(symlinkat),
	CALL(write),
	CALL(pwrite64),
	CALL(writev),
	CALL(ftruncate),
	CALL(fallocate),
	CALL(fsync),
	CALL(fdatasync),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(fchown),
	CALL(utimensat),
	CALL(flock),
	CALL(clone),
	CALL(clone3),
	CALL(kill),
	CALL(connect),
	CALL(sendto),
	CALL(sendmsg),
	CALL(shutdown),
#ifdef SYS_open /* what newer architectures do not have */
	CALL(open),
	CALL(mkdir),
	CALL(rename),
	CALL(link),
	CALL(unlink),
	CALL(rmdir),
	CALL(symlink),
	CALL(chmod),
	CALL(fork),
	CALL(vfork),
#endif
#undef CALL
};

static int out = -1;
static uint64_t at, seen;

/* The name of the call that `pid` is about to make, if it changes something. */
static const char *
about_to(pid_t pid)
{
	struct __ptrace_syscall_info info;
	size_t i;
	uint64_t flags;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return NULL;
	for (i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		if (changing[i].nr == (long)info.entry.nr)
			break;
	if (i == sizeof(changing) / sizeof(changing[0]))
		return NULL;
	if (str_starts(changing[i].name, "open")) {
		flags =
		    info.entry.args[str_eq(changing[i].name, "open") ? 1 : 2];
		if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) == 0)
			return NULL;
	}
	return changing[i].name;
}

/* Let it go on; or, at the point, not. */
static void
judge(pid_t pid)
{
	const char *name = about_to(pid);

	if (name == NULL)
		return;
	(void)dprintf(out, "%s\n", name);
	if (++seen != at)
		return;
	(void)dprintf(out, "killed\n");
	(void)kill(pid, SIGKILL);
}

/* Until both have ended: `root`, and the one that is judged, which is root or,
 * -c, the first that it forks. The status is root's. */
static int
watch(pid_t root, bool child)
{
	pid_t pid, judged = child ? -1 : root;
	bool gone = false, judged_gone = false;
	int status, number, rc = 1;

	while (!gone || (judged > 0 && !judged_gone)) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno != EINTR)
			break;
		if (pid < 0)
			continue;
		if (!WIFSTOPPED(status)) {
			judged_gone |= pid == judged;
			gone |= pid == root;
			if (pid == root)
				rc = WIFSIGNALED(status)
				    ? 128 + WTERMSIG(status)
				    : WEXITSTATUS(status);
			continue;
		}
		number = WSTOPSIG(status);
		if (pid != root && judged == -1)
			judged = pid;
		if (number == (SIGTRAP | 0x80) && pid == judged)
			judge(pid);
		if (pid != root && pid != judged) {
			(void)ptrace(PTRACE_DETACH, pid, NULL, NULL);
			continue;
		}
		/* A stop of ptrace's own; all else is the program's. */
		if (number == (SIGTRAP | 0x80) || status >> 16 != 0 ||
		    number == SIGSTOP || number == SIGTRAP)
			number = 0;
		(void)ptrace(pid == judged ? PTRACE_SYSCALL : PTRACE_CONT, pid,
		    NULL, number);
	}
	return rc;
}

static int
run(char **argv, bool child)
{
	unsigned options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (child)
		options |= PTRACE_O_TRACEFORK;
	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, options) != 0) {
		log_line("cannot trace: %s", strerror(errno));
		if (pid > 0)
			(void)kill(pid, SIGKILL);
		return 77;
	}
	(void)ptrace(PTRACE_CONT, pid, NULL, NULL);
	/* Nothing of what execvp tries counts. */
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 127;
	(void)ptrace(child ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL, NULL);
	return watch(pid, child);
}

int
main(int argc, char **argv)
{
	bool child = argc > 1 && str_eq(argv[1], "-c");

	log_start("kill-at", false);
	argc -= child;
	argv += child;
	if (argc < 4 || str_number(argv[2], UINT32_MAX, &at) != 0) {
		log_line("usage: kill-at [-c] LOG N PROGRAM [ARG]...");
		return 1;
	}
	out = open(
	    argv[1], O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (out < 0 && errno == EEXIST) {
		(void)execvp(argv[3], argv + 3);
		log_line("%s: %s", argv[3], strerror(errno));
		return 127;
	}
	if (out < 0) {
		log_line("%s: %s", argv[1], strerror(errno));
		return 1;
	}
	return run(argv + 3, child);
}
