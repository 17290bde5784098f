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
#include "mem.h"

enum {
	PROC_CHUNK = 65536,
	PROC_TICK_MS = 5,             /* where there is no pidfd */
	PROC_DRAIN_MAX = 1024 * 1024, /* of a stream at a time; > a pipe */
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

/*
 * Away from 0, 1 and 2, which a caller may have closed: there the child's ends
 * would overwrite each other while they are put in place.
 */
static int
proc_raise(int *fd)
{
	int low = *fd;

	if (low > STDERR_FILENO)
		return 0;
	*fd = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(low);
	return *fd < 0 ? -1 : 0;
}

/* One pipe, our end non-blocking; or /dev/null as the child's end. */
static int
proc_pipe(bool wanted, bool child_reads, int *ours, int *childs)
{
	int fd[2];

	*ours = *childs = -1;
	if (!wanted) {
		*childs = open("/dev/null", O_RDWR | O_CLOEXEC);
		return *childs < 0 ? -1 : proc_raise(childs);
	}
	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
	*ours = child_reads ? fd[1] : fd[0];
	*childs = child_reads ? fd[0] : fd[1];
	if (proc_raise(childs) != 0)
		return -1;
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
proc_spawn(char *const *argv, char *const *env, const struct proc_pipes *pipes,
    pid_t *pid)
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
		rc = posix_spawnp(pid, argv[0], &actions, &attr, argv,
		    env == NULL ? environ : env);
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

/*
 * Take what is there, but no more than PROC_DRAIN_MAX: a child that writes
 * faster than we read must not keep us from the clock. Closes at the end of
 * the stream.
 */
static void
proc_drain(int *fd, struct buf *b)
{
	size_t taken = 0;
	ssize_t n;

	if (*fd < 0)
		return;
	while (taken < PROC_DRAIN_MAX) {
		n = buf_read_fd(b, *fd, PROC_CHUNK);
		if (n > 0)
			taken += (size_t)n;
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		proc_close(fd);
		return;
	}
}

/* Has the child ended? It stays to be waited for. */
static bool
proc_ended(pid_t pid)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) !=
	    0 ||
	    info.si_pid == pid;
}

/*
 * Move bytes until the child has ended (1), or the deadline has passed (0).
 * An end of file alone proves nothing: what counts is the pidfd, since a
 * grandchild may keep a pipe open for ever.
 */
static int
proc_pump(struct proc *p, struct proc_pipes *pipes, pid_t pid, int pidfd,
    int64_t deadline)
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
		rc = poll(pfd, 4,
		    pidfd < 0 && left > PROC_TICK_MS ? PROC_TICK_MS : left);
		if (rc < 0 && errno != EINTR)
			return 0;
		if (rc > 0 && pfd[3].revents != 0)
			proc_feed(pipes, p, &done);
		proc_drain(&pipes->out, p->out);
		proc_drain(&pipes->err, p->err);
		if (pidfd < 0 ? proc_ended(pid) : rc > 0 && pfd[0].revents != 0)
			return 1;
		if (left == 0)
			return 0;
	}
}

/* End the whole group, politely first. */
static void
proc_kill(pid_t pid, int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	int64_t deadline = clock_deadline(PROC_GRACE_MS);

	(void)kill(-pid, SIGTERM);
	if (pidfd >= 0)
		(void)poll(&pfd, 1, PROC_GRACE_MS);
	else
		while (!proc_ended(pid) && clock_left(deadline) > 0)
			clock_nap(PROC_TICK_MS, deadline);
	/* Also when it has obeyed: its own children may not have. */
	(void)kill(-pid, SIGKILL);
}

/*
 * A child that closes its stdin early must not end us, and whoever started us
 * may have left SIGCHLD ignored, with which no exit status can be had.
 */
static void
proc_signals(struct sigaction *pipe_old, struct sigaction *child_old)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &sa, pipe_old);
	(void)sigaction(SIGCHLD, NULL, child_old);
	sa.sa_handler = SIG_DFL;
	if (child_old->sa_handler == SIG_IGN)
		(void)sigaction(SIGCHLD, &sa, NULL);
}

/* Its exit status, or 128 + signal. */
static int
proc_reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 128;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Whatever has become of the child: put back what was before it. */
static void
proc_clear(struct proc_running *r)
{
	proc_close(&r->pidfd);
	proc_close_all(&r->pipes);
	(void)sigaction(SIGPIPE, &r->pipe_old, NULL);
	(void)sigaction(SIGCHLD, &r->child_old, NULL);
}

int
proc_begin(struct proc *p, struct proc_running *r, struct err *e)
{
	int failed;

	p->status = 0;
	p->timed_out = false;
	r->deadline = clock_deadline(p->timeout_ms);
	r->pidfd = -1;
	proc_signals(&r->pipe_old, &r->child_old);
	if (proc_open_pipes(p, &r->pipes) != 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot make a pipe: %s",
		    p->argv->v[0], strerror(errno));
		goto fail;
	}
	failed = proc_spawn(p->argv->v, p->env, &r->pipes, &r->pid);
	if (failed != 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot run: %s",
		    p->argv->v[0], strerror(failed));
		goto fail;
	}
	proc_close(&r->pipes.child_in);
	proc_close(&r->pipes.child_out);
	proc_close(&r->pipes.child_err);
	/* Valgrind and kernels before 5.3 have none: then we ask now and then.
	 */
	r->pidfd = pidfd_open(r->pid, 0);
	return 0;
fail:
	proc_clear(r);
	return -1;
}

int
proc_finish(struct proc *p, struct proc_running *r, struct err *e)
{
	int rc = 0;

	if (proc_pump(p, &r->pipes, r->pid, r->pidfd, r->deadline) != 1) {
		p->timed_out = true;
		rc = err_set(e, EXIT_WIRE, "%s: no answer within %d ms",
		    p->argv->v[0], p->timeout_ms);
		proc_kill(r->pid, r->pidfd);
	}
	p->status = proc_reap(r->pid);
	if (rc == 0) {
		proc_drain(&r->pipes.out, p->out);
		proc_drain(&r->pipes.err, p->err);
	}
	proc_clear(r);
	return rc;
}

int
proc_run(struct proc *p, struct err *e)
{
	struct proc_running r;

	return proc_begin(p, &r, e) == 0 ? proc_finish(p, &r, e) : -1;
}

int
proc_start(struct proc_child *child, const struct argv *argv, struct err *e)
{
	const struct proc all = { .in = "",
		.out = &(struct buf)BUF_INIT,
		.err = &(struct buf)BUF_INIT };
	struct proc_pipes pipes;
	int failed, rc = -1;

	*child = (struct proc_child)PROC_CHILD_INIT;
	if (proc_open_pipes(&all, &pipes) != 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot make a pipe: %s",
		    argv->v[0], strerror(errno));
		goto out;
	}
	failed = proc_spawn(argv->v, NULL, &pipes, &child->pid);
	if (failed != 0) {
		child->pid = -1;
		(void)err_set(e, EXIT_LOCAL, "%s: cannot run: %s", argv->v[0],
		    strerror(failed));
		goto out;
	}
	child->pidfd = pidfd_open(child->pid, 0);
	child->in = pipes.in;
	child->out = pipes.out;
	child->err = pipes.err;
	pipes.in = pipes.out = pipes.err = -1;
	rc = 0;
out:
	proc_close_all(&pipes);
	return rc;
}

int
proc_stop(struct proc_child *child)
{
	int status = -1;

	proc_close(&child->in);
	proc_close(&child->out);
	proc_close(&child->err);
	if (child->pid > 0) {
		if (!proc_ended(child->pid))
			proc_kill(child->pid, child->pidfd);
		status = proc_reap(child->pid);
	}
	proc_close(&child->pidfd);
	*child = (struct proc_child)PROC_CHILD_INIT;
	return status;
}

int
proc_detach(const struct argv *argv, struct err *e)
{
	struct proc_pipes pipes = { -1, -1, -1, -1, -1, -1 };
	pid_t child, grandchild;
	int null;

	child = fork();
	if (child < 0)
		return err_set(e, EXIT_LOCAL, "%s: cannot fork: %s", argv->v[0],
		    strerror(errno));
	if (child > 0)
		return proc_reap(child) == 0
		    ? 0
		    : err_set(e, EXIT_LOCAL, "%s: cannot run", argv->v[0]);
	/* A session without a terminal; its leader leaves at once. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (setsid() < 0 || null < 0)
		_exit(1);
	pipes.child_in = pipes.child_out = pipes.child_err = null;
	_exit(proc_spawn(argv->v, NULL, &pipes, &grandchild) == 0 ? 0 : 1);
}

int
proc_exec(const struct argv *argv, struct err *e)
{
	(void)execvp(argv->v[0], argv->v);
	return err_set(
	    e, EXIT_LOCAL, "%s: cannot run: %s", argv->v[0], strerror(errno));
}

char *
proc_sibling(const char *name)
{
	char self[4096], *slash, *path;
	ssize_t n;

	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return x_strdup(name);
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (slash == NULL)
		return x_strdup(name);
	path = x_asprintf("%.*s/%s", (int)(slash - self), self, name);
	if (access(path, X_OK) == 0)
		return path;
	x_free(path);
	return x_strdup(name);
}
