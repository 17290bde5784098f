#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libssh/callbacks.h>
#include <libssh/server.h> /* ssh_send_keepalive() */

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "path.h"
#include "ssh_parts.h"
#include "str.h"

/* Packets' worth of reads before others have their turn. */
enum { SSH_TURNS_MAX = 256 };

struct ssh_stream {
	struct ssh_link *link;
	ssh_channel channel;
	const char *command; /* to be run there */
	bool open;           /* ... now */
};

static const char *volatile ssh_stage = "starting";

const char *
ssh_link_stage(void)
{
	return ssh_stage;
}

static void
ssh_log_debug(int priority, const char *function, const char *text, void *arg)
{
	(void)priority;
	(void)arg;
	log_debug("libssh: %s: %s", function, text);
}

void
ssh_stage_set(const char *stage)
{
	ssh_stage = stage;
}

/* The proxy's stderr, so that it neither fills up nor is lost. */
static void
ssh_hear_proxy(struct ssh_link *l)
{
	char text[4096], *line, *rest;
	ssize_t n;

	while (l->proxy.err >= 0 &&
	    (n = read(l->proxy.err, text, sizeof(text) - 1)) > 0) {
		text[n] = '\0';
		for (line = strtok_r(text, "\r\n", &rest); line != NULL;
		     line = strtok_r(NULL, "\r\n", &rest))
			(void)snprintf(l->words, sizeof(l->words), "%s", line);
	}
}

static int __attribute__((format(printf, 4, 0))) ssh_say(struct ssh_link *l,
    struct err *e, enum exit_code code, const char *fmt, va_list ap)
{
	char why[ERR_MSG_MAX];

	(void)vsnprintf(why, sizeof(why), fmt, ap);
	if (!l->is_program)
		ssh_hear_proxy(l);
	return err_set(e, code, "%s: %s%s%s", l->alias, why,
	    l->words[0] == '\0' ? "" : "; its proxy says: ", l->words);
}

int
ssh_fail(struct ssh_link *l, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)ssh_say(l, e, EXIT_WIRE, fmt, ap);
	va_end(ap);
	return -1;
}

int
ssh_refuse(struct ssh_link *l, struct err *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)ssh_say(l, e, EXIT_REFUSED, fmt, ap);
	va_end(ap);
	return -1;
}

int
ssh_wait(struct ssh_link *l, int64_t deadline, struct err *e)
{
	struct pollfd pfd;
	int left = clock_left(deadline);

	/* Some calls go on asking to be called again. */
	if (l->fd < 0 && !ssh_is_connected(l->session))
		return ssh_fail(l, e, "closed while %s: %s", ssh_stage,
		    ssh_get_error(l->session));
	if (left == 0)
		return ssh_fail(l, e, "no answer in time while %s", ssh_stage);
	ssh_link_poll(l, &pfd);
	(void)poll(&pfd, 1, left);
	ssh_hear_proxy(l);
	return 0;
}

/* Set an option; words of the configuration may be none that libssh knows. */
static int
ssh_option(struct ssh_link *l, enum ssh_options_e option, const void *value,
    struct err *e)
{
	if (ssh_options_set(l->session, option, value) == SSH_OK)
		return 0;
	return ssh_fail(l, e,
	    "libssh: %s; via=ssh in peers.conf uses the ssh "
	    "program instead",
	    ssh_get_error(l->session));
}

static int
ssh_option_word(struct ssh_link *l, enum ssh_options_e option,
    enum sshconf_key key, struct err *e)
{
	const char *value = sshconf_get(&l->conf, key);

	return *value == '\0' ? 0 : ssh_option(l, option, value, e);
}

/* AES-GCM first: with AES in hardware, which is everywhere, it is several
 * times as fast as libssh's default. */
static const char ssh_ciphers[] =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
    "chacha20-poly1305@openssh.com,aes256-ctr,aes192-ctr,aes128-ctr";

static int
ssh_algorithms(struct ssh_link *l, struct err *e)
{
	const char *ciphers = sshconf_get(&l->conf, SSHCONF_CIPHERS);

	if (*ciphers == '\0')
		ciphers = ssh_ciphers;
	if (ssh_option(l, SSH_OPTIONS_CIPHERS_C_S, ciphers, e) != 0 ||
	    ssh_option(l, SSH_OPTIONS_CIPHERS_S_C, ciphers, e) != 0 ||
	    ssh_option_word(l, SSH_OPTIONS_HMAC_C_S, SSHCONF_MACS, e) != 0 ||
	    ssh_option_word(l, SSH_OPTIONS_HMAC_S_C, SSHCONF_MACS, e) != 0 ||
	    ssh_option_word(
		l, SSH_OPTIONS_KEY_EXCHANGE, SSHCONF_KEX_ALGORITHMS, e) != 0 ||
	    ssh_option_word(
		l, SSH_OPTIONS_HOSTKEYS, SSHCONF_HOST_KEY_ALGORITHMS, e) != 0)
		return -1;
	return ssh_option_word(l, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES,
	    SSHCONF_PUBKEY_ALGORITHMS, e);
}

/* Under which name and port known_hosts has it. */
static int
ssh_name(struct ssh_link *l, struct err *e)
{
	const char *alias = sshconf_get(&l->conf, SSHCONF_HOST_KEY_ALIAS);
	unsigned port = (unsigned)strtoul(l->conf.port, NULL, 10);

	if (*alias != '\0')
		port = 22;
	if (*alias == '\0')
		alias = l->conf.host;
	/* It refuses what a shell might run, and does not say so. */
	if (ssh_options_set(l->session, SSH_OPTIONS_HOST, alias) != SSH_OK)
		return ssh_fail(l, e,
		    "libssh takes '%s' for no name of a host; is its HostName "
		    "in ~/.ssh/config right?",
		    alias);
	return ssh_option(l, SSH_OPTIONS_PORT, &port, e);
}

static int
ssh_prepare(struct ssh_link *l, struct err *e)
{
	bool no = false;
	char *dir;
	int rc;

	l->session = ssh_new();
	if (l->session == NULL)
		return ssh_fail(l, e, "libssh cannot make a session");
	dir = path_join(l->conf.home, ".ssh");
	rc = ssh_option(l, SSH_OPTIONS_PROCESS_CONFIG, &no, e) != 0 ||
		ssh_option(l, SSH_OPTIONS_SSH_DIR, dir, e) != 0 ||
		ssh_option(l, SSH_OPTIONS_USER, l->conf.user, e) != 0 ||
		ssh_option(l, SSH_OPTIONS_FD, &l->fd, e) != 0 ||
		ssh_name(l, e) != 0 || ssh_algorithms(l, e) != 0
	    ? -1
	    : 0;
	x_free(dir);
	if (rc != 0)
		return -1;
	ssh_known_first(l);
	ssh_set_blocking(l->session, 0);
	ssh_set_counters(l->session, &l->out, &l->in);
	return 0;
}

static enum ssh_outcome
ssh_handshake(struct ssh_link *l, int64_t deadline, struct err *e)
{
	const char *why;
	int rc;

	ssh_stage_set("waiting for the first words of its sshd");
	for (;;) {
		rc = ssh_connect(l->session);
		l->fd = -1; /* libssh's, and closed with the session */
		if (ssh_get_serverbanner(l->session) != NULL)
			ssh_stage_set("exchanging keys");
		if (rc != SSH_AGAIN || !ssh_is_connected(l->session))
			break;
		if (ssh_wait(l, deadline, e) != 0)
			return SSH_OUTCOME_FAILED;
	}
	if (rc == SSH_OK)
		return SSH_OUTCOME_OK;
	why = ssh_get_error(l->session);
	if (ssh_get_serverbanner(l->session) == NULL) {
		(void)ssh_fail(l, e,
		    "%s port %s: closed before it said who it is (%s); is that "
		    "sshd, and does it let us in (MaxStartups, ban lists)?",
		    l->conf.host, l->conf.port, why);
		return SSH_OUTCOME_SHUT;
	}
	(void)ssh_fail(l, e,
	    "key exchange failed: %s; via=ssh in peers.conf uses the ssh "
	    "program instead",
	    why);
	return SSH_OUTCOME_FAILED;
}

static void
ssh_drop(struct ssh_link *l)
{
	if (l->event != NULL) {
		if (l->session != NULL)
			(void)ssh_event_remove_session(l->event, l->session);
		ssh_event_free(l->event);
	}
	l->event = NULL;
	if (l->session != NULL) {
		/* Its polite sister leaks, and does not close what it was
		 * given. */
		ssh_silent_disconnect(l->session);
		ssh_free(l->session);
	}
	l->session = NULL;
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
	dial_command_end(&l->proxy);
}

/* Before another attempt at a door that was shut, of which there were `shut`:
 * a pause at random, since those who came together were shut out together.
 * False: there is no time for it. */
static bool
ssh_pause(const struct ssh_link *l, unsigned shut, int64_t until)
{
	unsigned most = SSH_PAUSE_MS, dice = 0;
	unsigned i;

	for (i = 0; i < shut && most < SSH_PAUSE_MAX_MS; i++)
		most *= 2;
	(void)!getrandom(&dice, sizeof(dice), 0);
	most = SSH_PAUSE_MS + dice % (most - SSH_PAUSE_MS + 1);
	if (clock_left(until) < (int)most || (shut > 1 && l->proxy.pid > 0))
		return false;
	clock_nap(most, until);
	return true;
}

static enum ssh_outcome
ssh_attempt(struct ssh_link *l, int64_t deadline, struct err *e)
{
	enum ssh_outcome outcome;
	int flags;

	l->words[0] = '\0';
	if (ssh_reach(l, deadline, e) != 0 || ssh_prepare(l, e) != 0)
		return SSH_OUTCOME_FAILED;
	outcome = ssh_handshake(l, deadline, e);
	if (outcome != SSH_OUTCOME_OK)
		return outcome;
	/* libssh made it block, and would do so when it writes. */
	flags = fcntl(ssh_get_fd(l->session), F_GETFL);
	(void)fcntl(ssh_get_fd(l->session), F_SETFL, flags | O_NONBLOCK);
	if (ssh_check_host(l, e) != 0)
		return SSH_OUTCOME_FAILED;
	return ssh_log_in(l, deadline, e);
}

static enum ssh_outcome
ssh_attempts(struct ssh_link *l, int64_t deadline, struct err *e)
{
	int64_t until = clock_deadline(SSH_SHUT_MS);
	enum ssh_outcome outcome;
	unsigned shut = 0;

	if (deadline < until)
		until = deadline;
	for (;;) {
		outcome = ssh_attempt(l, deadline, e);
		if (outcome == SSH_OUTCOME_TIRED && !l->no_agent)
			l->no_agent = true;
		else if (outcome != SSH_OUTCOME_SHUT ||
		    !ssh_pause(l, ++shut, until))
			return outcome;
		ssh_drop(l);
	}
}

static int
ssh_configure(struct ssh_link *l, const struct ssh_to *to, int64_t deadline,
    struct err *e)
{
	char *file = path_join(to->home, ".ssh/config");
	const struct sshconf_files files = { .home = to->home,
		.user_file = file,
		.system_file = "/etc/ssh/ssh_config" };
	int rc;

	ssh_stage_set("reading ~/.ssh/config");
	rc = sshconf_load(&l->conf, to->alias, &files, deadline, e);
	x_free(file);
	if (rc != 0)
		return -1;
	ssh_known_files(l);
	l->identity = str_starts(to->identity, "~/")
	    ? path_join(to->home, to->identity + 2)
	    : x_strdup(to->identity);
	return 0;
}

static struct ssh_link *
ssh_link_new(const char *alias)
{
	struct ssh_link *l = x_calloc(1, sizeof(*l));

	l->alias = x_strdup(alias);
	l->conf = (struct sshconf)SSHCONF_INIT;
	l->fd = -1;
	l->proxy = (struct dial_command)DIAL_COMMAND_INIT;
	buf_init(&l->tried, SSH_TRIED_MAX);
	buf_init(&l->held, 0);
	return l;
}

struct ssh_link *
ssh_link_program(const char *alias, const struct argv *argv, struct err *e)
{
	struct ssh_link *l = ssh_link_new(alias);

	ssh_stage_set("starting its program");
	if (ssh_program_start(l, argv, e) == 0)
		return l;
	(void)err_prefix(e, "%s", alias);
	ssh_link_close(l);
	return NULL;
}

struct ssh_link *
ssh_link_open(const struct ssh_to *to, int64_t deadline, struct err *e)
{
	struct ssh_link *l = ssh_link_new(to->alias);
	enum ssh_outcome outcome = SSH_OUTCOME_FAILED;

	(void)ssh_set_log_callback(ssh_log_debug);
	(void)ssh_set_log_level(SSH_LOG_INFO);
	if (ssh_configure(l, to, deadline, e) != 0)
		goto out;
	outcome = ssh_attempts(l, deadline, e);
	if (outcome != SSH_OUTCOME_OK)
		goto out;
	l->event = ssh_event_new();
	if (l->event == NULL ||
	    ssh_event_add_session(l->event, l->session) != SSH_OK) {
		outcome = SSH_OUTCOME_FAILED;
		(void)ssh_fail(l, e, "libssh cannot make an event");
	}
	l->tick = clock_deadline(SSH_TICK_MS);
out:
	if (outcome != SSH_OUTCOME_OK) {
		ssh_link_close(l);
		return NULL;
	}
	return l;
}

void
ssh_link_close(struct ssh_link *l)
{
	if (l == NULL)
		return;
	ssh_drop(l);
	sshconf_free(&l->conf);
	argv_free(&l->known);
	buf_free(&l->tried);
	buf_free(&l->held);
	x_free(l->alias);
	x_free(l->identity);
	x_free(l);
}

void
ssh_link_poll(const struct ssh_link *l, struct pollfd *pfd)
{
	int flags;

	if (l->is_program) {
		ssh_program_poll(l, pfd);
		return;
	}
	flags = ssh_get_poll_flags(l->session);
	*pfd = (struct pollfd){ .fd = ssh_get_fd(l->session),
		.events =
		    flags & SSH_WRITE_PENDING ? POLLIN | POLLOUT : POLLIN };
}

int
ssh_link_timeout(const struct ssh_link *l)
{
	return l->is_program ? ssh_program_timeout(l) : clock_left(l->tick);
}

uint64_t
ssh_link_heard(const struct ssh_link *l)
{
	return l->is_program ? 0 : l->in.in_bytes;
}

/* Ticks are counted, not time: of a suspended machine one has passed. */
static int
ssh_heartbeat(struct ssh_link *l, struct err *e)
{
	if (l->in.in_bytes != l->heard) {
		l->heard = l->in.in_bytes;
		l->silent = 0;
		l->tick = clock_deadline(SSH_TICK_MS);
		return 0;
	}
	if (clock_left(l->tick) > 0)
		return 0;
	if (++l->silent >= SSH_TICKS_MAX)
		return ssh_fail(l, e,
		    "no sign of life for %d seconds; the host or the way to "
		    "it is down",
		    SSH_TICK_MS / 1000 * SSH_TICKS_MAX);
	l->tick = clock_deadline(SSH_TICK_MS);
	(void)ssh_send_keepalive(l->session);
	return 0;
}

int
ssh_link_work(struct ssh_link *l, struct err *e)
{
	int i, rc = SSH_OK;

	if (l->is_program) {
		ssh_program_work(l);
		return 0;
	}
	ssh_hear_proxy(l);
	for (i = 0; i < SSH_TURNS_MAX && rc == SSH_OK; i++)
		rc = ssh_event_dopoll(l->event, 0);
	if (!ssh_is_connected(l->session) || rc == SSH_ERROR)
		return ssh_fail(l, e, "the connection broke: %s",
		    ssh_get_error(l->session));
	return ssh_heartbeat(l, e);
}

int
ssh_link_rtt(const struct ssh_link *l)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (l->is_program ||
	    getsockopt(ssh_get_fd(l->session), IPPROTO_TCP, TCP_INFO, &info,
		&len) != 0)
		return -1;
	return (int)(info.tcpi_rtt / 1000);
}

struct ssh_stream *
ssh_stream_begin(struct ssh_link *l, const char *command, struct err *e)
{
	struct ssh_stream *s = x_calloc(1, sizeof(*s));

	s->link = l;
	s->command = command;
	if (l->is_program)
		return s;
	s->channel = ssh_channel_new(l->session);
	if (s->channel != NULL)
		return s;
	(void)ssh_fail(l, e, "libssh cannot make a channel");
	ssh_stream_close(s);
	return NULL;
}

int
ssh_stream_opened(struct ssh_stream *s, struct err *e)
{
	struct ssh_link *l = s->link;
	int rc;

	if (l->is_program)
		return 1;
	if (!s->open) {
		rc = ssh_channel_open_session(s->channel);
		if (rc == SSH_AGAIN)
			return 0;
		if (rc != SSH_OK)
			return ssh_fail(l, e,
			    "it takes the key but gives no session: %s",
			    ssh_get_error(l->session));
		s->open = true;
	}
	rc = ssh_channel_request_exec(s->channel, s->command);
	if (rc == SSH_AGAIN)
		return 0;
	return rc == SSH_OK ? 1
			    : ssh_fail(l, e, "it runs no command for us: %s",
				  ssh_get_error(l->session));
}

struct ssh_stream *
ssh_stream_open(
    struct ssh_link *l, const char *command, int64_t deadline, struct err *e)
{
	struct ssh_stream *s;
	int rc;

	ssh_stage_set("starting a program there");
	s = ssh_stream_begin(l, command, e);
	if (s == NULL)
		return NULL;
	while ((rc = ssh_stream_opened(s, e)) == 0)
		if (ssh_wait(l, deadline, e) != 0)
			break;
	if (rc == 1)
		return s;
	ssh_stream_close(s);
	return NULL;
}

void
ssh_stream_close(struct ssh_stream *s)
{
	if (s == NULL)
		return;
	if (s->channel != NULL)
		ssh_channel_free(s->channel);
	x_free(s);
}

/*
 * Exactly what libssh holds. At every read it opens the window again by what
 * is missing, whatever it still holds: whoever took less than all would make
 * its buffer grow without end. It polls the socket only when it holds nothing.
 */
size_t
ssh_stream_read(struct ssh_stream *s, bool from_stderr, struct buf *b)
{
	char chunk[SSH_WRITE_MAX];
	size_t done = 0, all;
	int n;

	if (s->link->is_program)
		return ssh_program_read(s->link, from_stderr, b);
	n = ssh_channel_poll(s->channel, from_stderr);
	for (all = n > 0 ? (size_t)n : 0; done < all; done += (size_t)n) {
		n = ssh_channel_read_nonblocking(s->channel, chunk,
		    (uint32_t)(all - done < sizeof(chunk) ? all - done
							  : sizeof(chunk)),
		    from_stderr);
		if (n <= 0)
			break;
		buf_add(b, chunk, (size_t)n);
	}
	return done;
}

bool
ssh_stream_ready(const struct ssh_stream *s)
{
	if (s->link->is_program)
		return !s->link->blocked;
	return !(ssh_get_poll_flags(s->link->session) & SSH_WRITE_PENDING) &&
	    ssh_channel_window_size(s->channel) > 0;
}

ssize_t
ssh_stream_write(struct ssh_stream *s, const char *p, size_t len, struct err *e)
{
	size_t window;
	int n;

	if (len == 0 || !ssh_stream_ready(s))
		return 0;
	if (s->link->is_program)
		return ssh_program_write(s->link, p, len, e);
	window = ssh_channel_window_size(s->channel);
	if (len > window)
		len = window;
	if (len > SSH_WRITE_MAX)
		len = SSH_WRITE_MAX;
	n = ssh_channel_write(s->channel, p, (uint32_t)len);
	if (n < 0)
		return ssh_fail(s->link, e, "the connection broke: %s",
		    ssh_get_error(s->link->session));
	return n;
}

int
ssh_stream_eof(struct ssh_stream *s, struct err *e)
{
	if (s->link->is_program) {
		(void)shutdown(s->link->fd, SHUT_WR);
		return 0;
	}
	if (ssh_channel_send_eof(s->channel) != SSH_ERROR)
		return 0;
	return ssh_fail(s->link, e, "the connection broke: %s",
	    ssh_get_error(s->link->session));
}

bool
ssh_stream_ended(const struct ssh_stream *s, int *status)
{
	if (s->link->is_program)
		return ssh_program_ended(s->link, status);
	if (!ssh_channel_is_eof(s->channel) ||
	    !ssh_channel_is_closed(s->channel))
		return false;
	*status = ssh_channel_get_exit_status(s->channel);
	return true;
}
