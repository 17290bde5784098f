#include "dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum {
	DIAL_GRACE_MS = 200, /* for a program to obey SIGTERM */
	DIAL_TICK_MS = 5,
};

/* The race. fd[i] belongs to address[i]; -1: failed or not begun. */
struct dial_race {
	const struct addrinfo *address[DIAL_ADDRESSES_MAX];
	int fd[DIAL_ADDRESSES_MAX];
	unsigned n;       /* addresses */
	unsigned begun;   /* of them */
	unsigned running; /* not yet answered */
	int failed;       /* errno of the last that failed */
	const struct addrinfo *failed_at;
};

/* "[::1] port 22" of an address, or the name we were given. */
static void
dial_show(
    char *out, size_t size, const struct dial *d, const struct addrinfo *at)
{
	char host[NI_MAXHOST];

	if (at == NULL ||
	    getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof(host), NULL,
		0, NI_NUMERICHOST) != 0)
		(void)snprintf(out, size, "%s port %s", d->host, d->port);
	else if (strcmp(host, d->host) == 0)
		(void)snprintf(out, size, "%s port %s", host, d->port);
	else
		(void)snprintf(
		    out, size, "%s (%s) port %s", d->host, host, d->port);
}

/* In turn one of each family, the resolver's order kept within each. */
static void
dial_order(struct dial_race *r, const struct addrinfo *list)
{
	const struct addrinfo *next[2] = { list, list };
	int family = list->ai_family, turn = 0, empty = 0;

	while (empty < 2 && r->n < DIAL_ADDRESSES_MAX) {
		while (next[turn] != NULL &&
		    (next[turn]->ai_family == family) != (turn == 0))
			next[turn] = next[turn]->ai_next;
		if (next[turn] != NULL) {
			r->address[r->n++] = next[turn];
			next[turn] = next[turn]->ai_next;
			empty = 0;
		} else {
			empty++;
		}
		turn = !turn;
	}
}

static int
dial_bind(int fd, const struct dial *d, int family)
{
	const struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *list = NULL;
	int rc = -1;

	if (d->bind == NULL || *d->bind == '\0')
		return 0;
	if (getaddrinfo(d->bind, NULL, &hints, &list) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	rc = bind(fd, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	return rc;
}

static void
dial_failed(struct dial_race *r, unsigned i, int why)
{
	r->failed = why;
	r->failed_at = r->address[i];
	if (r->fd[i] >= 0)
		(void)close(r->fd[i]);
	r->fd[i] = -1;
}

/* Begin the next address. */
static void
dial_begin(struct dial_race *r, const struct dial *d)
{
	unsigned i = r->begun++;
	const struct addrinfo *at = r->address[i];

	r->fd[i] = socket(at->ai_family,
	    at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
	if (r->fd[i] < 0 || dial_bind(r->fd[i], d, at->ai_family) != 0 ||
	    (connect(r->fd[i], at->ai_addr, at->ai_addrlen) != 0 &&
		errno != EINPROGRESS))
		dial_failed(r, i, errno);
	else
		r->running++;
}

/* Wait for one of the running; the descriptor of the first that is there. */
static int
dial_wait(struct dial_race *r, int ms)
{
	struct pollfd pfd[DIAL_ADDRESSES_MAX];
	socklen_t len;
	unsigned i;
	int why, fd;

	for (i = 0; i < r->begun; i++)
		pfd[i] = (struct pollfd){ .fd = r->fd[i], .events = POLLOUT };
	if (poll(pfd, r->begun, ms) <= 0)
		return -1;
	for (i = 0; i < r->begun; i++) {
		if (r->fd[i] < 0 || pfd[i].revents == 0)
			continue;
		len = sizeof(why);
		if (getsockopt(r->fd[i], SOL_SOCKET, SO_ERROR, &why, &len) != 0)
			why = errno;
		if (why == 0) {
			fd = r->fd[i];
			r->fd[i] = -1;
			return fd;
		}
		dial_failed(r, i, why);
		r->running--;
	}
	return -1;
}

/* Which of these a socket takes depends on the kernel; none is needed. */
static void
dial_tune(int fd)
{
	const int on = 1, unsent = DIAL_UNSENT_MAX;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(
	    fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

static int
dial_run(struct dial_race *r, const struct dial *d, int64_t deadline)
{
	int64_t next = 0; /* when to begin another one */
	int left, wait, fd = -1;

	while (fd < 0 && (left = clock_left(deadline)) > 0) {
		if (r->begun < r->n &&
		    (r->running == 0 || clock_left(next) == 0)) {
			dial_begin(r, d);
			next = clock_deadline(DIAL_STAGGER_MS);
			continue;
		}
		if (r->running == 0)
			break;
		wait = r->begun < r->n ? clock_left(next) : left;
		fd = dial_wait(r, wait < left ? wait : left);
	}
	return fd;
}

int
dial_tcp(const struct dial *d, int64_t deadline, struct err *e)
{
	const struct addrinfo hints = { .ai_family = d->family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV };
	struct dial_race race = { .n = 0 };
	struct addrinfo *list = NULL;
	char shown[NI_MAXHOST + 300];
	unsigned i;
	int fd, rc;

	rc = getaddrinfo(d->host, d->port, &hints, &list);
	if (rc != 0)
		return err_set(e, EXIT_WIRE,
		    "%s: no address for this name: %s; is its HostName in "
		    "~/.ssh/config?",
		    d->host,
		    rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
	dial_order(&race, list);
	fd = dial_run(&race, d, deadline);
	if (fd >= 0) {
		dial_tune(fd);
	} else {
		dial_show(shown, sizeof(shown), d,
		    race.running > 0 ? NULL : race.failed_at);
		(void)err_set(e, EXIT_WIRE, "%s: %s", shown,
		    race.running > 0
			? "no answer; is it up, and is this its address?"
			: strerror(race.failed));
	}
	for (i = 0; i < race.begun; i++)
		if (race.fd[i] >= 0)
			(void)close(race.fd[i]);
	freeaddrinfo(list);
	return fd;
}

/* In the child: become the program. Only async-signal-safe calls. */
static void
dial_exec(const struct argv *argv, int io, int err, pid_t parent)
{
	static const char missing[] = "the program cannot be run\n";
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;
	int i;

	for (i = 1; i < NSIG; i++)
		(void)sigaction(i, &sa, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || dup2(io, STDIN_FILENO) < 0 ||
	    dup2(io, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(126);
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	(void)execvp(argv->v[0], argv->v);
	(void)!write(STDERR_FILENO, missing, sizeof(missing) - 1);
	_exit(127);
}

static void
dial_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int
dial_command_start(
    struct dial_command *c, const struct argv *argv, struct err *e)
{
	int pair[2] = { -1, -1 }, err[2] = { -1, -1 };
	pid_t parent = getpid();

	*c = (struct dial_command)DIAL_COMMAND_INIT;
	/* Nor may what it says block it: non-blocking at both ends. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 ||
	    pipe2(err, O_CLOEXEC | O_NONBLOCK) != 0 || (c->pid = fork()) < 0) {
		(void)err_set(e, EXIT_LOCAL, "%s: cannot start: %s", argv->v[0],
		    strerror(errno));
		dial_close(&pair[0]);
		dial_close(&err[0]);
	} else if (c->pid == 0) {
		dial_exec(argv, pair[1], err[1], parent);
	} else {
		/* Both of us do it, whoever comes first. */
		(void)setpgid(c->pid, c->pid);
		c->fd = pair[0];
		c->err = err[0];
	}
	dial_close(&pair[1]);
	dial_close(&err[1]);
	return c->pid > 0 ? 0 : -1;
}

/* Has it ended? Then it is reaped. */
static bool
dial_reaped(struct dial_command *c)
{
	pid_t pid;

	do {
		pid = waitpid(c->pid, NULL, WNOHANG);
	} while (pid < 0 && errno == EINTR);
	return pid != 0;
}

void
dial_command_end(struct dial_command *c)
{
	int64_t deadline = clock_deadline(DIAL_GRACE_MS);

	dial_close(&c->fd);
	dial_close(&c->err);
	if (c->pid <= 0)
		return;
	(void)kill(-c->pid, SIGTERM);
	while (!dial_reaped(c)) {
		if (clock_left(deadline) == 0)
			(void)kill(-c->pid, SIGKILL);
		clock_nap(DIAL_TICK_MS, INT64_MAX);
	}
	c->pid = -1;
}
