/*
 * agent-link - a byte stream to agent-serve on a peer; the one program that
 * speaks SSH.
 *
 * One loop moves bytes both ways between our stdin and stdout and the stream
 * there, whatever they mean. It holds little of either direction: what cannot
 * be passed on is not taken, so that the pipe on one side and SSH's window on
 * the other hold back who writes too fast. What comes
 * is moved before what goes, and nothing is given to SSH while earlier bytes
 * wait there, so that little stands in line before a later message.
 *
 * Setting up has a deadline. Since parts of it cannot be interrupted (the
 * resolver, an agent), a timer half a second later ends the process with the
 * same words.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "clock.h"
#include "home.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "peers.h"
#include "prog.h"
#include "ssh.h"

static const char usage[] =
    "usage: agent-link [-suv] [-t SECONDS] PEER\n"
    "\n"
    "Carry standard input and output to agent-serve on PEER, over SSH.\n"
    "\n"
    "  -h, --help             this text\n"
    "  -s, --slice            print its ~/.agents/local.toml instead\n"
    "  -t, --timeout SECONDS  to be connected within (default 10)\n"
    "  -u, --unlisted         PEER need not stand in peers.conf\n"
    "  -v, --verbose          say what libssh does\n"
    "  -V, --version          print the version\n";

static const struct option options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "slice", no_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' },
	{ "unlisted", no_argument, NULL, 'u' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_UNKNOWN |
	    1U << EXIT_WIRE | 1U << EXIT_REFUSED | 1U << EXIT_LOCAL,
	LINK_TIMEOUT_S = 10,
	LINK_TIMEOUT_MAX_S = 3600,
	LINK_GRACE_MS = 500,       /* of the timer behind the deadline */
	LINK_HELD = 64 * 1024,     /* bytes of a direction in our hands */
	LINK_SAID_MAX = 64 * 1024, /* bytes of the far stderr that are logged */
	LINK_LINE_MAX = 1024,      /* of a line of it */
};

/* The far shell's own PATH seldom has the places where people install. */
static const char serve_there[] =
    "sh -c 'PATH=\"$HOME/.local/bin:$HOME/bin:$PATH\"; exec agent-serve'";

/* What the bash agent-mesh has, behind a line of ours, since start-up files may
 * have printed something. */
#define SLICE_MARK "# panemesh: local.toml"
static const char slice_there[] =
    "sh -c 'echo \"" SLICE_MARK "\"; exec cat \"$HOME/.agents/local.toml\"'";

/* What the command line asks for. */
struct request {
	int what; /* 'h', 'V' or 0 */
	const char *name;
	uint64_t timeout_s;
	bool slice, unlisted, verbose;
};

/* One link while it runs. */
struct link {
	struct ssh_link *ssh;
	struct ssh_stream *stream;
	struct buf up, down;          /* to be sent; to be written to stdout */
	size_t written;               /* of `down` */
	struct buf said;              /* an unfinished line of the far stderr */
	char last[LINK_LINE_MAX + 1]; /* the last whole one */
	size_t logged;                /* bytes of it in the log */
	int log;                      /* descriptor, or -1 */
	const char *name;
	bool slice;       /* it is no agent-serve that runs there */
	int64_t speak_by; /* when it must have said something; 0: it did */
	bool is_program;
	bool mark; /* SLICE_MARK is still to come */
	bool in_open, eof_sent;
};

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

/* One line of the far stderr: into the log, up to a cap. */
static void
hear_line(struct link *k, const char *line, size_t len)
{
	if (len > LINK_LINE_MAX)
		len = LINK_LINE_MAX;
	while (len > 0 && line[len - 1] == '\r')
		len--;
	if (len == 0)
		return;
	(void)snprintf(k->last, sizeof(k->last), "%.*s", (int)len, line);
	if (k->log < 0 || k->logged >= LINK_SAID_MAX)
		return;
	log_to(k->log);
	log_line("%s: %s", k->name, k->last);
	k->logged += len;
	if (k->logged >= LINK_SAID_MAX)
		log_line("%s: (more is not logged)", k->name);
	log_to(STDERR_FILENO);
}

static void
hear(struct link *k)
{
	const char *end;
	size_t n;

	while (ssh_stream_read(k->stream, true, &k->said) > 0) {
		while (
		    (end = memchr(k->said.data, '\n', k->said.len)) != NULL) {
			n = (size_t)(end - k->said.data);
			hear_line(k, k->said.data, n);
			buf_consume(&k->said, n + 1);
		}
		if (k->said.len > LINK_LINE_MAX) {
			hear_line(k, k->said.data, k->said.len);
			buf_reset(&k->said);
		}
	}
}

/* stdin to the stream. */
static int
move_up(struct link *k, bool readable, struct err *e)
{
	ssize_t n;

	/* Until its program has spoken nobody need be there to hear us: bytes
	 * that are still in our stdin when we end have reached nobody. */
	if (k->is_program && k->speak_by != 0)
		return 0;
	if (readable && k->up.len < LINK_HELD) {
		n = buf_read_fd(&k->up, STDIN_FILENO, LINK_HELD - k->up.len);
		if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
			k->in_open = false;
	}
	if (k->up.len > 0) {
		n = ssh_stream_write(k->stream, k->up.data, k->up.len, e);
		if (n < 0)
			return -1;
		buf_consume(&k->up, (size_t)n);
	}
	if (!k->in_open && k->up.len == 0 && !k->eof_sent) {
		k->eof_sent = true;
		return ssh_stream_eof(k->stream, e);
	}
	return 0;
}

/* Drop all before and with the line that begins the slice. */
static void
skip_to_mark(struct link *k)
{
	char *at = memmem(
	    k->down.data, k->down.len, SLICE_MARK "\n", sizeof(SLICE_MARK));

	if (at != NULL) {
		k->written = (size_t)(at - k->down.data) + sizeof(SLICE_MARK);
		k->mark = false;
	} else if (k->down.len > sizeof(SLICE_MARK)) {
		buf_consume(&k->down, k->down.len - sizeof(SLICE_MARK));
	}
}

/* More from the stream, once what came before is out. */
static bool
take_down(struct link *k)
{
	if (!k->mark && k->down.len > k->written)
		return true;
	if (!k->mark) {
		buf_reset(&k->down);
		k->written = 0;
	}
	if (ssh_stream_read(k->stream, false, &k->down) > 0)
		k->speak_by = 0;
	if (k->mark)
		skip_to_mark(k);
	return !k->mark && k->down.len > k->written;
}

/* The stream to stdout. 1: nobody reads that any more. */
static int
move_down(struct link *k, struct err *e)
{
	ssize_t n;

	while (take_down(k)) {
		n = write(STDOUT_FILENO, k->down.data + k->written,
		    k->down.len - k->written);
		if (n >= 0) {
			k->written += (size_t)n;
			continue;
		}
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		if (errno == EPIPE)
			return 1;
		return err_set(
		    e, EXIT_LOCAL, "standard output: %s", strerror(errno));
	}
	return 0;
}

/* Is that how the ssh program says that asking again changes nothing? */
static bool
refused_words(const char *words)
{
	return strstr(words, "Permission denied (") != NULL ||
	    strstr(words, "Host key verification failed") != NULL ||
	    strstr(words, "Too many authentication failures") != NULL;
}

/* The far end is through: what became of it? */
static int
judge(struct link *k, int status, struct err *e)
{
	const char *what = k->is_program ? "its program" : "agent-serve";
	const char *colon;

	if (k->said.len > 0)
		hear_line(k, k->said.data, k->said.len);
	if (status == 0 && !k->mark)
		return 0;
	colon = k->last[0] == '\0' ? "" : ": ";
	/* 255 is what the ssh program has for its own failures. */
	if (k->is_program && status == 255)
		return err_set(e,
		    refused_words(k->last) ? EXIT_REFUSED : EXIT_WIRE,
		    "%s: ssh failed%s%s; try: ssh -o BatchMode=yes %s true",
		    k->name, colon, k->last, k->name);
	if (k->slice)
		return err_set(e, EXIT_UNKNOWN,
		    "%s: neither agent-serve nor ~/.agents/local.toml is "
		    "there; "
		    "install panemesh there",
		    k->name);
	if (status == 127)
		return err_set(e, EXIT_UNKNOWN,
		    "%s: no agent-serve there%s%s; install panemesh there, or "
		    "name it by serve=/PATH in peers.conf",
		    k->name, colon, k->last);
	if (status < 0)
		return err_set(e, EXIT_WIRE, "%s: %s was ended by a signal%s%s",
		    k->name, what, colon, k->last);
	return err_set(e, EXIT_WIRE, "%s: %s ended with status %d%s%s", k->name,
	    what, status, colon, k->last);
}

/* How long to wait for something to happen. */
static int
patience(const struct link *k)
{
	int ms = ssh_link_timeout(k->ssh), left;

	if (k->speak_by != 0) {
		left = clock_left(k->speak_by);
		ms = left < ms ? left : ms;
	}
	return k->up.len > 0 && ssh_stream_ready(k->stream) ? 0 : ms;
}

static int
shuttle(struct link *k, struct err *e)
{
	struct pollfd pfd[3];
	int rc, status;

	for (;;) {
		ssh_link_poll(k->ssh, &pfd[0]);
		pfd[1] = (struct pollfd){ .fd = k->in_open &&
				k->up.len < LINK_HELD &&
				!(k->is_program && k->speak_by != 0)
			    ? STDIN_FILENO
			    : -1,
			.events = POLLIN };
		/* Without POLLOUT too: it says when the reader is gone. */
		pfd[2] = (struct pollfd){ .fd = STDOUT_FILENO,
			.events = k->down.len > k->written ? POLLOUT : 0 };
		rc = poll(pfd, 3, patience(k));
		if (rc < 0 && errno != EINTR)
			return err_set(
			    e, EXIT_LOCAL, "poll: %s", strerror(errno));
		if (rc < 0)
			continue;
		if (ssh_link_work(k->ssh, e) != 0)
			return -1;
		hear(k);
		rc = move_down(k, e);
		if (rc == 0 && pfd[2].revents & (POLLERR | POLLNVAL))
			rc = 1;
		if (rc != 0)
			return rc == 1 ? 0 : -1;
		if ((k->mark || k->down.len == k->written) &&
		    ssh_stream_ended(k->stream, &status))
			return judge(k, status, e);
		if (k->speak_by != 0 && clock_left(k->speak_by) == 0)
			return err_set(e, EXIT_WIRE,
			    "%s: its program says nothing", k->name);
		if (!k->eof_sent && move_up(k, pfd[1].revents != 0, e) != 0)
			return -1;
	}
}

/* A pipe or socket is ours alone; a terminal is not, and stays as it is. */
static void
never_block(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 &&
	    (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* The program that stands in for a session. */
static void
program_of(const struct request *q, const struct peer *peer, const char *home,
    const char *command, struct argv *argv)
{
	size_t i;

	for (i = 0; i < peer->command.n; i++)
		argv_add(argv, peer->command.v[i]);
	if (argv->n > 0)
		return;
	argv_addl(argv, "ssh", "-T", "-o", "BatchMode=yes", "-o",
	    "ClearAllForwardings=yes", "-o", "ServerAliveInterval=5", "-o",
	    "ServerAliveCountMax=3", "-o", (char *)NULL);
	argv_addf(argv, "ConnectTimeout=%u", (unsigned)q->timeout_s);
	if (peer->identity[0] != '\0')
		argv_addl(argv, "-o", "IdentitiesOnly=yes", "-i", (char *)NULL);
	if (str_starts(peer->identity, "~/"))
		argv_addf(argv, "%s%s", home, peer->identity + 1);
	else if (peer->identity[0] != '\0')
		argv_add(argv, peer->identity);
	argv_addl(argv, "--", peer->alias, command, (char *)NULL);
}

/* Reach the peer in the way that peers.conf says. */
static int
connect_to(struct link *k, const struct request *q, const struct peer *peer,
    struct err *e)
{
	int64_t ms = (int64_t)q->timeout_s * 1000;
	int64_t deadline = clock_deadline(ms);
	struct ssh_to to = { .alias = q->name, .identity = "" };
	const char *command = serve_there;
	struct argv argv = ARGV_INIT;
	char *home = path_home(e);

	if (home == NULL)
		return -1;
	to.home = home;
	if (q->slice)
		command = slice_there;
	else if (peer != NULL && peer->serve[0] != '\0')
		command = peer->serve;
	if (peer != NULL)
		to.identity = peer->identity;
	timer_set(q->name, ms + LINK_GRACE_MS);
	if (peer != NULL && (peer->via_ssh || peer->command.n > 0)) {
		program_of(q, peer, home, command, &argv);
		k->is_program = true;
		k->speak_by = deadline;
		k->ssh = ssh_link_program(q->name, &argv, e);
	} else {
		k->ssh = ssh_link_open(&to, deadline, e);
	}
	if (k->ssh != NULL)
		k->stream = ssh_stream_open(k->ssh, command, deadline, e);
	timer_set(q->name, 0);
	argv_free(&argv);
	x_free(home);
	return k->stream == NULL ? -1 : 0;
}

static int
run(const struct request *q, const struct peer *peer, const struct home *home,
    struct err *e)
{
	struct link k = { .name = q->name,
		.log = -1,
		.slice = q->slice,
		.mark = q->slice,
		.in_open = !q->slice };
	int rc = -1;

	buf_init(&k.up, 2 * LINK_HELD);
	buf_init(&k.down, 2UL * SSH_COME_MAX);
	buf_init(&k.said, 2UL * SSH_COME_MAX);
	if (connect_to(&k, q, peer, e) == 0) {
		k.log = home_log(home, "link", NULL);
		never_block(STDIN_FILENO);
		never_block(STDOUT_FILENO);
		rc = shuttle(&k, e);
	}
	ssh_stream_close(k.stream);
	ssh_link_close(k.ssh);
	if (k.log >= 0)
		(void)close(k.log);
	buf_free(&k.up);
	buf_free(&k.down);
	buf_free(&k.said);
	return rc;
}

static int
link_to(const struct request *q, struct err *e)
{
	struct peers peers = PEERS_INIT;
	struct home home = HOME_INIT;
	const struct peer *peer;
	char *file = NULL;
	int rc = -1;

	if (home_open(&home, e) != 0)
		goto out;
	file = path_join(home.dir, "peers.conf");
	if (peers_load(&peers, file, e) != 0)
		goto out;
	peer = peers_find(&peers, q->name);
	if (peer == NULL && !q->unlisted)
		(void)err_set(e, EXIT_WIRE,
		    "%s: no such peer; agent-sync peer add %s", q->name,
		    q->name);
	else if (q->slice && peer != NULL && peer->command.n > 0)
		(void)err_set(e, EXIT_UNKNOWN,
		    "%s: command= runs agent-serve and nothing else", q->name);
	else
		rc = run(q, peer, &home, e);
out:
	x_free(file);
	peers_free(&peers);
	home_close(&home);
	return rc;
}

static int
parse(struct request *q, int argc, char **argv, struct err *e)
{
	int option;

	while (
	    (option = prog_option(argc, argv, "hst:uvV", options, e)) != -1) {
		if (option == '?')
			return -1;
		if (option == 't' &&
		    (str_number(optarg, LINK_TIMEOUT_MAX_S, &q->timeout_s) !=
			    0 ||
			q->timeout_s == 0))
			return err_set(e, EXIT_USAGE,
			    "--timeout: '%s' is no number of seconds from 1 to "
			    "%d",
			    optarg, LINK_TIMEOUT_MAX_S);
		if (option == 's')
			q->slice = true;
		else if (option == 'u')
			q->unlisted = true;
		else if (option == 'v')
			q->verbose = true;
		else if (option != 't')
			q->what = option;
	}
	if (q->what != 0)
		return 0;
	if (argc - optind != 1)
		return err_set(
		    e, EXIT_USAGE, "one peer is to be named; see --help");
	q->name = argv[optind];
	if (!peers_alias_ok(q->name))
		return err_set(
		    e, EXIT_USAGE, "'%s' can be no peer's name", q->name);
	return 0;
}

int
main(int argc, char **argv)
{
	struct request q = { .timeout_s = LINK_TIMEOUT_S };
	struct err e = { .code = EXIT_OK };
	int rc = -1;

	prog_start("agent-link");
	(void)signal(SIGPIPE, SIG_IGN);
	if (parse(&q, argc, argv, &e) != 0)
		goto out;
	log_start("agent-link", q.verbose);
	rc = EXIT_OK;
	if (q.what == 'h')
		prog_help(usage, EXITS);
	else if (q.what == 'V')
		prog_version("agent-link");
	else
		rc = link_to(&q, &e);
out:
	if (rc < 0)
		rc = log_err(&e);
	return prog_end(rc);
}
