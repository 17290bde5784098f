/* agent-sync - exchange slices with all peers, and look after the peers. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "config.h"
#include "drain.h"
#include "follow.h"
#include "home.h"
#include "log.h"
#include "mem.h"
#include "outbox.h"
#include "path.h"
#include "peers.h"
#include "prog.h"
#include "setup.h"
#include "str.h"
#include "sync.h"
#include "wake.h"

static const char usage[] =
    "usage: agent-sync [-q] [-t SECONDS]\n"
    "       agent-sync status [-j]\n"
    "       agent-sync fetch [-q] [-t SECONDS] HOST\n"
    "       agent-sync peer add [-r] [-t SECONDS] HOST\n"
    "       agent-sync peer rm HOST\n"
    "       agent-sync peer install [-a NAME] HOST\n"
    "       agent-sync peer leave | uninstall HOST\n"
    "\n"
    "Exchange address books with all peers in ~/.agents/peers.conf, at once.\n";

static const struct prog_option options[] = {
	{ 'a', "as", "NAME", "what HOST calls this host for ssh" },
	{ 'j', "json", NULL, "status as JSON" },
	{ 'q', "quiet", NULL,
	    "for hooks: print nothing, write errors "
	    "to\n~/.agents/log/sync.log, leave to another sync\nwhat it does "
	    "anyway" },
	{ 'r', "restrict", NULL, "print the line that limits our key there" },
	{ 't', "timeout", "SECONDS", "for one peer (default 20)" },
	{ 0, NULL, NULL, NULL },
};

enum {
	EXITS = 1U << EXIT_OK | 1U << EXIT_USAGE | 1U << EXIT_UNKNOWN |
	    1U << EXIT_WIRE | 1U << EXIT_PARTIAL | 1U << EXIT_REFUSED |
	    1U << EXIT_LOCAL,
};

/* What the command line asks for. */
struct request {
	int what; /* 's'ync, s't'atus, 'a'dd, 'r'm, 'i'nstall, 'f'etch */
	const char *verb; /* behind "peer" */
	const char *name;
	const char *as;
	bool json, quiet, restricted;
	struct sync_options sync;
	const struct peers *peers;
	struct follow_end end;
	size_t local; /* peers that something here kept from being asked */
};

/* What a word behind "peer" asks for; 0: it is none. */
static int
peer_verb(const char *word)
{
	static const struct {
		const char *word;
		int what;
	} verbs[] = { { "add", 'a' }, { "rm", 'r' }, { "install", 'i' },
		{ "leave", 'i' }, { "uninstall", 'i' } };
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (str_eq(word, verbs[i].word))
			return verbs[i].what;
	return 0;
}

static int
words(void *request, int n, char **words, struct err *e)
{
	struct request *q = request;
	int used, what;

	/* A person waits for the whole result, and may try anything again. */
	q->sync.stay = q->sync.again = !q->quiet;
	q->what = 's';
	if (n == 0)
		return 0;
	if (str_eq(words[0], "status")) {
		q->what = 't';
		used = 1;
	} else if (str_eq(words[0], "fetch")) {
		if (n < 2)
			return err_set(e, EXIT_USAGE,
			    "fetch: a peer is missing; as in peers.conf");
		q->what = 'f';
		q->name = words[1];
		used = 2;
	} else if (str_eq(words[0], "peer") && n > 1 &&
	    (what = peer_verb(words[1])) != 0) {
		q->what = what;
		q->verb = words[1];
		if (n < 3)
			return err_set(e, EXIT_USAGE,
			    "peer %s: a host is missing; as for ssh", words[1]);
		q->name = words[2];
		used = 3;
	} else {
		return err_set(e, EXIT_USAGE,
		    "'%s': is none of: status, fetch HOST, peer add, rm, "
		    "install, leave or "
		    "uninstall HOST",
		    str_eq(words[0], "peer") && n > 1 ? words[1] : words[0]);
	}
	if (n > used)
		return err_set(
		    e, EXIT_USAGE, "'%s': one word too many", words[used]);
	return 0;
}

static int
set(void *request, int letter, const char *value, struct err *e)
{
	struct request *q = request;
	uint64_t seconds;

	switch (letter) {
	case 'a':
		q->as = value;
		break;
	case 'j':
		q->json = true;
		break;
	case 'q':
		q->quiet = true;
		break;
	case 'r':
		q->restricted = true;
		break;
	case 't':
		if (prog_number("timeout", " of seconds", value, 1,
			SYNC_TOTAL_MAX_S, &seconds, e) != 0)
			return -1;
		q->sync.total_ms = (int)seconds * 1000;
		/* Three quarters for the connecting, as the defaults. */
		q->sync.connect_ms =
		    seconds < 4 ? q->sync.total_ms : q->sync.total_ms / 4 * 3;
		break;
	}
	return 0;
}

/* One line a peer as it is done. */
static void
print(void *arg, const struct sync_result *r)
{
	struct request *q = arg;
	const struct registrar *reg = q->sync.reg;
	const struct peer *peer = peers_find(q->peers, r->alias);

	if (r->left)
		return;
	/* What comes while the link is kept is fetched as it comes. */
	if (reg != NULL && r->answered && r->e.code == EXIT_OK &&
	    peer != NULL && peer->accept_mail && reg->config->link_idle > 0)
		follow_start(reg->home, r->alias,
		    reg->config->link_idle < SYNC_TOTAL_MAX_S
			? reg->config->link_idle
			: SYNC_TOTAL_MAX_S);
	q->local += r->e.code == EXIT_LOCAL;
	if (r->e.code != EXIT_OK)
		log_once("%s", r->e.msg);
	else if (!q->quiet)
		(void)printf("%s: %s%s\n", r->alias,
		    r->changed ? "updated" : "up to date",
		    r->bash ? " (no panemesh there)" : "");
	(void)fflush(stdout);
}

/* Messages that a peer handed over and that cannot be kept here. */
struct refused {
	struct refusal {
		struct mail m;
		const char *word;
		char why[ERR_MSG_MAX];
	} * v;
	size_t n;
};

static void
refused(void *arg, const struct mail *m, const char *word, const char *why)
{
	struct refused *all = arg;
	struct refusal *r;

	all->v = x_realloc(all->v, all->n + 1, sizeof(*all->v));
	r = &all->v[all->n++];
	r->m = *m;
	r->m.body = (struct buf)BUF_INIT_MAX(MAIL_BODY_MAX);
	buf_add(&r->m.body, m->body.data, m->body.len);
	r->word = word;
	(void)snprintf(r->why, sizeof(r->why), "%s", why);
}

/* Their senders hear of it, once nobody waits for us. */
static void
report_refused(const struct registrar *reg, struct refused *all)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		drain_report(reg, &all->v[i].m, all->v[i].word, all->v[i].why);
		mail_free(&all->v[i].m);
	}
	x_free(all->v);
	*all = (struct refused){ .v = NULL };
}

/* Does any peer hand us mail? */
static bool
accepts(const struct peers *peers)
{
	size_t i;

	for (i = 0; i < peers->n; i++)
		if (peers->v[i].accept_mail)
			return true;
	return false;
}

static int
do_sync(const struct home *home, struct request *q, const struct peers *peers,
    struct err *e)
{
	struct setup setup = SETUP_INIT;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles,
		.quiet = true };
	struct refused all = { .v = NULL };
	struct config config;
	bool due, ready;
	size_t failed;
	int rc;

	/* Without it no link begins, and each would say so. */
	rc = config_load(&config, home->config, e);
	config_free(&config);
	if (rc != 0)
		return -1;
	if (peers->n == 0 && !q->quiet)
		(void)printf("no peers; agent-sync peer add HOST\n");
	due = outbox_due(home, clock_real_ms());
	ready = (due || accepts(peers)) && setup_open_all(&setup, e) == 0;
	if ((due || accepts(peers)) && !ready)
		(void)log_err(e);
	if (ready && accepts(peers)) {
		q->sync.reg = &reg;
		q->sync.refused = refused;
		q->sync.refused_arg = &all;
	}
	rc = sync_run(home, peers, &q->sync, print, q, &failed, e);
	report_refused(&reg, &all);
	if (ready && due)
		drain_outboxes(&reg);
	setup_close(&setup);
	if (rc != 0)
		return -1;
	wake_all(home);
	return failed == 0       ? EXIT_OK
	    : failed < peers->n  ? EXIT_PARTIAL
	    : failed == q->local ? EXIT_LOCAL
				 : EXIT_WIRE;
}

/* Follow it; who sent what is refused hears of that before the next comes. */
static int
follow_on(const struct registrar *reg, const struct peer *peer,
    const struct request *q, unsigned *n, struct err *e)
{
	struct refused all = { .v = NULL };
	unsigned came;
	bool again;
	int rc;

	*n = 0;
	do {
		rc = follow(reg, peer, &q->end, q->sync.total_ms, refused, &all,
		    &came, e);
		*n += came;
		again = rc == 0 && all.n > 0;
		report_refused(reg, &all);
	} while (again);
	return rc;
}

static int
do_fetch(struct request *q, const struct peers *peers, struct err *e)
{
	const struct peer *peer = peers_find(peers, q->name);
	struct setup setup = SETUP_INIT;
	const struct registrar reg = { .home = &setup.home,
		.config = &setup.config,
		.profiles = &setup.profiles,
		.quiet = true };
	unsigned n;
	int rc;

	if (peer == NULL)
		return err_set(e, EXIT_WIRE,
		    "%s: no such peer; agent-sync peer add %s", q->name,
		    q->name);
	if (!peer->accept_mail)
		return err_set(e, EXIT_REFUSED,
		    "%s: its line in peers.conf does not say accept=mail",
		    q->name);
	(void)signal(SIGPIPE, SIG_IGN);
	rc = setup_open_all(&setup, e);
	if (rc == 0)
		rc = follow_on(&reg, peer, q, &n, e);
	setup_close(&setup);
	if (rc == 0 && !q->quiet)
		(void)printf("%s: %u fetched\n", q->name, n);
	if (rc > 0 && !q->quiet)
		(void)printf("%s: another process fetches\n", q->name);
	return rc < 0 ? -1 : EXIT_OK;
}

static int
do_add(const struct home *home, const struct request *q, struct err *e)
{
	struct buf line = BUF_INIT, out = BUF_INIT;
	int rc;

	rc = q->restricted ? sync_peer_restrict(home, q->name, &line, &out, e)
			   : sync_peer_add(home, q->name, &q->sync, &out, e);
	/* The line alone on stdout, so that it can be piped. */
	(void)fputs(line.data, stdout);
	(void)fflush(stdout);
	(void)fputs(out.data, q->restricted || rc != 0 ? stderr : stdout);
	buf_free(&line);
	buf_free(&out);
	return rc;
}

static int
act(struct request *q, const struct home *home, struct err *e)
{
	char *path = path_join(home->dir, "peers.conf");
	struct peers peers = PEERS_INIT;
	struct buf out = BUF_INIT;
	int rc = -1;

	q->end = follow_end(path);
	if (q->what == 'a') {
		rc = do_add(home, q, e);
	} else if (q->what == 'i') {
		rc = sync_peer_helper(home, q->verb, q->name, q->as, e);
	} else if (q->what == 'r') {
		rc = sync_peer_remove(home, q->name, &out, e);
	} else if (peers_load(&peers, path, e) == 0) {
		q->peers = &peers;
		rc = q->what == 't'
		    ? sync_status(home, &peers, q->json, &out, e)
		    : q->what == 'f' ? do_fetch(q, &peers, e)
				     : do_sync(home, q, &peers, e);
	}
	(void)fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	peers_free(&peers);
	x_free(path);
	return rc;
}

static int
run(void *request, struct err *e)
{
	struct home home = HOME_INIT;
	struct request *q = request;
	int rc, fd = -1;

	rc = home_open(&home, e);
	if (rc == 0 && q->quiet && (fd = home_log(&home, "sync.log", e)) >= 0)
		log_to(fd);
	if (rc == 0)
		rc = act(q, &home, e);
	if (rc < 0)
		rc = log_err(e);
	log_to(STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
	home_close(&home);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct prog prog = { .name = "agent-sync",
		.usage = usage,
		.options = options,
		.exits = EXITS,
		.set = set,
		.words = words,
		.run = run };
	struct request q = { .sync = { .connect_ms = SYNC_CONNECT_MS,
				 .total_ms = SYNC_TOTAL_MS } };

	return prog_main(&prog, &q, argc, argv);
}
