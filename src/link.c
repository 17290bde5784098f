#include "link.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "link_parts.h"
#include "mem.h"
#include "path.h"
#include "str.h"

enum { LINK_GRACE_MS = 500 }; /* of the timer behind the deadline */

/* For the timer's handler, which may not format. */
static char timer_text[PEERS_ALIAS_MAX + 64];

static void
timer_fired(int signal_number)
{
	static const char end[] = "\n";
	const char *stage = ssh_link_stage();

	(void)signal_number;
	(void)!write(STDERR_FILENO, timer_text, strlen(timer_text));
	(void)!write(STDERR_FILENO, stage, strlen(stage));
	(void)!write(STDERR_FILENO, end, 1);
	_exit(EXIT_WIRE);
}

/* In `ms` milliseconds; 0: not at all. */
static void
timer_set(const char *name, int64_t ms)
{
	const struct itimerval it = { .it_value = { .tv_sec = ms / 1000,
					  .tv_usec = ms % 1000 * 1000 } };
	struct sigaction sa = { .sa_handler = timer_fired };

	(void)snprintf(timer_text, sizeof(timer_text),
	    "agent-link: %s: no answer in time while ", name);
	(void)sigaction(SIGALRM, &sa, NULL);
	(void)setitimer(ITIMER_REAL, &it, NULL);
}

void
link_never_block(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* The program that stands in for a session. */
static void
link_program(const struct link_to *to, const char *home, const char *command,
    struct argv *argv)
{
	const struct peer *peer = to->peer;
	size_t i;

	for (i = 0; i < peer->command.n; i++)
		argv_add(argv, peer->command.v[i]);
	if (argv->n > 0)
		return;
	argv_addl(argv, "ssh", "-T", "-o", "BatchMode=yes", "-o",
	    "ClearAllForwardings=yes", "-o", "ServerAliveInterval=5", "-o",
	    "ServerAliveCountMax=3", "-o", "RemoteCommand=none", "-o",
	    (char *)NULL);
	argv_addf(
	    argv, "ConnectTimeout=%d", (int)((to->timeout_ms + 999) / 1000));
	ssh_argv_home(argv, home);
	if (peer->identity[0] != '\0')
		argv_addl(argv, "-o", "IdentitiesOnly=yes", "-i", (char *)NULL);
	if (str_starts(peer->identity, "~/"))
		argv_addf(argv, "%s%s", home, peer->identity + 1);
	else if (peer->identity[0] != '\0')
		argv_add(argv, peer->identity);
	argv_addl(argv, "--", peer->alias, command, (char *)NULL);
}

int
link_open(struct link *k, const struct link_to *to, enum link_what what,
    int64_t deadline, struct err *e)
{
	const struct peer *peer = to->peer;
	struct ssh_to ssh = { .alias = to->name,
		.identity = peer == NULL ? "" : peer->identity };
	struct argv argv = ARGV_INIT;
	char *home = path_ssh_home(e);

	*k = (struct link){ .name = to->name, .log = -1 };
	if (home == NULL)
		return -1;
	timer_set(to->name, to->timeout_ms + LINK_GRACE_MS);
	ssh.home = home;
	if (peer != NULL && (peer->via_ssh || peer->command.n > 0)) {
		link_program(to, home, link_command(to, what), &argv);
		k->is_program = true;
		k->ssh = ssh_link_program(to->name, &argv, e);
	} else {
		k->ssh = ssh_link_open(&ssh, deadline, e);
	}
	argv_free(&argv);
	x_free(home);
	return k->ssh == NULL ? -1 : 0;
}

void
link_opened(struct link *k, const struct link_to *to)
{
	timer_set(to->name, 0);
	k->log = home_log(to->home, "link", NULL);
}

void
link_close(struct link *k)
{
	ssh_link_close(k->ssh);
	if (k->log >= 0)
		(void)close(k->log);
}

static int
link_loop(struct link *k, struct link_pipe *p, struct err *e)
{
	struct pollfd pfd[1 + LINK_PIPE_FDS];
	int rc;

	for (;;) {
		ssh_link_poll(k->ssh, &pfd[0]);
		link_pipe_poll(p, &pfd[1]);
		rc = poll(pfd, 1 + LINK_PIPE_FDS,
		    link_pipe_patience(p, ssh_link_timeout(k->ssh)));
		if (rc < 0 && errno != EINTR)
			return err_set(
			    e, EXIT_LOCAL, "poll: %s", strerror(errno));
		if (rc < 0)
			continue;
		if (ssh_link_work(k->ssh, e) != 0)
			return -1;
		rc = link_pipe_turn(p, &pfd[1], e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
}

int
link_run(const struct link_to *to, enum link_what what, int in, int out,
    struct err *e)
{
	int64_t deadline = clock_deadline(to->timeout_ms);
	struct link_pipe p = { .link = NULL };
	struct link k;
	int rc;

	rc = link_open(&k, to, what, deadline, e);
	if (rc == 0)
		rc = link_pipe_open(&p, &k, to, what, in, out, deadline, e);
	timer_set(to->name, 0);
	if (rc == 0) {
		link_opened(&k, to);
		link_never_block(in);
		link_never_block(out);
		rc = link_loop(&k, &p, e);
	}
	link_pipe_close(&p);
	link_close(&k);
	return rc;
}
