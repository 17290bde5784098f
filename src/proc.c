#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

extern char **environ;

enum { PROC_CHUNK = 65536 };

/* The parent's ends of the three pipes; -1 when not (or no longer) there. */
struct proc_pipes {
	int in, out, err;
	int child_in, child_out, child_err;
};

static void
proc_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void
proc_close_all(struct proc_pipes *pipes)
{
	proc_close(&pipes->in);
	proc_close(&pipes->out);
	proc_close(&pipes->err);
	proc_close(&pipes->child_in);
	proc_close(&pipes->child_out);
	proc_close(&pipes->child_err);
}

/* One pipe, our end non-blocking; or /dev/null as the child's end. */
static int
proc_pipe(bool wanted, bool child_reads, int *ours, int *childs)
{
	int fd[2];

	*ours = *childs = -1;
	if (!wanted) {
		*childs = open("/dev/null", O_RDWR | O_CLOEXEC);
		return *childs < 0 ? -1 : 0;
	}
	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	*ours = child_reads ? fd[1] : fd[0];
	*childs = child_reads ? fd[0] : fd[1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int
proc_open_pipes(const struct proc *p, struct proc_pipes *pipes)
{
	*pipes = (struct proc_pipes){ -1, -1, -1, -1, -1, -1 };
	if (proc_pipe(p->in != NULL, true, &pipes->in, &pipes->child_in) != 0 ||
	    proc_pipe(p->out != NULL, false, &pipes->out, &pipes->child_out) !=
		0 ||
	    proc_pipe(p->err != NULL, false, &pipes->err, &pipes->child_err) !=
		0)
		return -1;
	return 0;
}

/* posix_spawn with everything reset; returns an errno value. */
static int
proc_spawn(const struct proc *p, const struct proc_pipes *pipes, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t all, none;
	int rc;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	if ((rc = posix_spawn_file_actions_init(&actions)) != 0)
		return rc;
	if ((rc = posix_spawnattr_init(&attr)) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return rc;
	}
	(void)posix_spawnattr_setsigdefault(&attr, &all);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	(void)posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
		POSIX_SPAWN_SETPGROUP);
	if ((rc = posix_spawn_file_actions_adddup2(
		 &actions, pipes->child_in, STDIN_FILENO)) == 0 &&
	    (rc = posix_spawn_file_actions_adddup2(
		 &actions, pipes->child_out, STDOUT_FILENO)) == 0 &&
	    (rc = posix_spawn_file_actions_adddup2(
		 &actions, pipes->child_err, STDERR_FILENO)) == 0 &&
	    (rc = posix_spawn_file_actions_addclosefrom_np(
		 &actions, STDERR_FILENO + 1)) == 0)
		rc = posix_spawnp(pid, p->argv->v[0], &actions, &attr,
		    p->argv->v, p->env == NULL ? environ : p->env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* Feed stdin; closes it when all is written or the child stopped reading. */
static void
proc_feed(struct proc_pipes *pipes, const struct proc *p, size_t *done)
{
	ssize_t n;

	while (*done < p->in_len) {
		n = write(
		    pipes->in, (const char *)p->in + *done, p->in_len - *done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		*done += (size_t)n;
	}
	proc_close(&pipes->in);
}

/* Take what is there; closes at the end of the stream. */
static void
proc_drain(int *fd, struct buf *b)
{
	ssize_t n;

	if (*fd < 0)
		return;
	for (;;) {
		n = buf_read_fd(b, *fd, PROC_CHUNK);
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		break;
	}
	proc_close(fd);
}

/*
 * Move bytes until the child has ended (1), or the deadline has passed (0).
 * An end of file alone proves nothing: what counts is the pidfd, since a
 * grandchild may keep a pipe open for ever.
 */
static int
proc_pump(struct proc *p, struct proc_pipes *pipes, int pidfd, int64_t deadline)
{
	struct pollfd pfd[4];
	size_t done = 0;
	int left, rc;

	if (pipes->in >= 0)
		proc_feed(pipes, p, &done);
	for (;;) {
		pfd[0] = (struct pollfd){ .fd = pidfd, .events = POLLIN };
		pfd[1] = (struct pollfd){ .fd = pipes->out, .events = POLLIN };
		pfd[2] = (struct pollfd){ .fd = pipes->err, .events = POLLIN };
		pfd[3] = (struct pollfd){ .fd = pipes->in, .events = POLLOUT };
		left = clock_left(deadline);
		rc = poll(pfd, 4, left);
		if (rc < 0 && errno != EINTR)
			return 0;
		if (rc > 0 && pfd[3].revents != 0)
			proc_feed(pipes, p, &done);
		proc_drain(&pipes->out, p->out);
		proc_drain(&pipes->err, p->err);
		if (rc > 0 && pfd[0].revents != 0)
			return 1;
		if (rc == 0 && left == 0)
			return 0;
	}
}

/* Ended on its own after the signal, within the grace time? */
static bool
proc_gone(int pidfd, int wait_ms)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return poll(&pfd, 1, wait_ms) > 0;
}

static void
proc_reap(struct proc *p, pid_t pid)
{
	int status;

	p->status = 128;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return;
	if (WIFEXITED(status))
		p->status = WEXITSTATUS(status);
	else if (WIFSIGNALED(status))
		p->status = 128 + WTERMSIG(status);
}

int
proc_run(struct proc *p, struct err *e)
{
	int64_t deadline = clock_deadline(p->timeout_ms);
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	struct proc_pipes pipes;
	pid_t pid = -1;
	int pidfd = -1, rc = -1, failed;

	p->status = 0;
	p->timed_out = false;
	/* A child that closes its stdin early must not end us. */
	(void)sigaction(SIGPIPE, &ignore, &old);
	if (proc_open_pipes(p, &pipes) != 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot make a pipe: %s",
		    p->argv->v[0], strerror(errno));
		goto out;
	}
	failed = proc_spawn(p, &pipes, &pid);
	if (failed != 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot run: %s",
		    p->argv->v[0], strerror(failed));
		goto out;
	}
	proc_close(&pipes.child_in);
	proc_close(&pipes.child_out);
	proc_close(&pipes.child_err);
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: pidfd_open: %s",
		    p->argv->v[0], strerror(errno));
		(void)kill(-pid, SIGKILL);
	} else if (proc_pump(p, &pipes, pidfd, deadline) == 1) {
		rc = 0;
	} else {
		p->timed_out = true;
		(void)err_set(e, EXIT_WIRE, "%s: no answer within %d ms",
		    p->argv->v[0], p->timeout_ms);
		(void)kill(-pid, SIGTERM);
		if (!proc_gone(pidfd, PROC_GRACE_MS))
			(void)kill(-pid, SIGKILL);
	}
	proc_reap(p, pid);
	if (rc == 0) {
		proc_drain(&pipes.out, p->out);
		proc_drain(&pipes.err, p->err);
	}
out:
	proc_close(&pidfd);
	proc_close_all(&pipes);
	(void)sigaction(SIGPIPE, &old, NULL);
	return rc;
}
