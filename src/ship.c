#include "ship_parts.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "exchange.h"
#include "frame.h"
#include "hops.h"
#include "mem.h"
#include "origin.h"
#include "path.h"
#include "str.h"

enum {
	SHIP_TRIES = 6,      /* connections that may break under a message */
	SHIP_TRY_MS = 10000, /* in which one more is begun after the first */
	SHIP_NAP_MS = 50,    /* before the third; then twice as long each */
};

void
ship_open(struct ship *s, const struct home *home)
{
	memset(s, 0, sizeof(*s));
	s->home = home;
	/* A link that ends is an answer, not our end. */
	(void)signal(SIGPIPE, SIG_IGN);
}

void
ship_close(struct ship *s)
{
	size_t i;

	for (i = 0; i < s->remotes_n; i++)
		remote_close(&s->remotes[i]);
	X_CLEAR(s->remotes);
	s->remotes_n = 0;
	peers_free(&s->peers);
}

/* peers.conf is read when it is first needed: a fault in it must not stop
 * messages on this host. */
static int
ship_load(struct ship *s, struct err *e)
{
	char *conf;
	int rc;

	if (s->loaded)
		return 0;
	conf = path_join(s->home->dir, "peers.conf");
	rc = peers_load(&s->peers, conf, e);
	x_free(conf);
	if (rc != 0)
		peers_free(&s->peers);
	s->loaded = rc == 0;
	return rc;
}

/* The peer for `host`. */
static const struct peer *
ship_route(struct ship *s, const char *host, struct err *e)
{
	return ship_load(s, e) != 0
	    ? NULL
	    : exchange_route(s->home, &s->peers, host, e);
}

/* The same, or the one that hands messages on to it. */
static const struct peer *
ship_way(struct ship *s, const char *host, bool *relayed, struct err *e)
{
	*relayed = false;
	return ship_load(s, e) != 0
	    ? NULL
	    : exchange_way(s->home, &s->peers, host, relayed, e);
}

bool
ship_relays(struct ship *s, const char *host)
{
	bool relayed;

	return ship_way(s, host, &relayed, NULL) != NULL && relayed;
}

bool
ship_dials(struct ship *s, const char *host)
{
	bool relayed;

	return ship_load(s, NULL) != 0 ||
	    ship_way(s, host, &relayed, NULL) != NULL;
}

/* Forget a conversation that broke. */
static void
ship_drop(struct ship *s, const char *alias)
{
	size_t i;

	for (i = 0; i < s->remotes_n; i++) {
		if (!str_eq(s->remotes[i].alias, alias))
			continue;
		remote_close(&s->remotes[i]);
		s->remotes[i] = s->remotes[--s->remotes_n];
		return;
	}
}

/* The conversation with `peer`, begun if there is none. Valid until the next
 * one is begun. */
static struct remote *
ship_remote(struct ship *s, const struct peer *peer, bool alone, struct err *e)
{
	struct remote *r;
	size_t i;

	for (i = 0; i < s->remotes_n; i++)
		if (str_eq(s->remotes[i].alias, peer->alias))
			return &s->remotes[i];
	s->remotes =
	    x_realloc(s->remotes, s->remotes_n + 1, sizeof(*s->remotes));
	r = &s->remotes[s->remotes_n];
	if ((alone ? remote_open_alone : remote_open_within)(
		r, s->home, peer, REMOTE_CONNECT_MS, e) != 0) {
		remote_close(r);
		return NULL;
	}
	s->remotes_n++;
	return r;
}

/* For whom it is, of the hosts of that name, and the way so far. */
static void
ship_hops(struct frame *f, const char *host, const char *pin, const char *path)
{
	if (host != NULL) {
		frame_add(f, "For", host);
		frame_add(f, "For-Id", pin);
	}
	if (path != NULL)
		frame_add(f, "Path", path);
}

/* Queue the message. `ask`: only what became of it, do not deliver. */
static void
ship_text(struct remote *r, const struct ship_message *m, bool relayed,
    const char *files, bool ask)
{
	const char *vouched = m->path == NULL
	    ? NULL
	    : origin_vouch(
		  m->sender->name, m->sender->note, m->origin, m->path);
	struct frame f;

	frame_init(&f, FRAME_DELIVER, m->id);
	frame_add(&f, "To", m->to);
	frame_add(&f, "From", m->sender->name);
	frame_add(&f, "Sender", m->sender->self);
	ship_hops(&f, relayed ? m->host : NULL, m->pin, m->path);
	if (vouched != NULL)
		frame_add(&f, "Vouched", vouched);
	if (m->sender->note != NULL)
		frame_add(&f, "From-Note", m->sender->note);
	frame_addf(&f, "Wait-Ms", "%lld", (long long)m->wait_ms);
	if (m->reply_to != NULL)
		frame_add(&f, "In-Reply-To", m->reply_to);
	if (m->thread != NULL)
		frame_add(&f, "Thread", m->thread);
	if (m->chain != NULL && m->chain[0] != '\0')
		frame_add(&f, "Chain", m->chain);
	if (m->hops > 0)
		frame_addf(&f, "Hops", "%u", m->hops);
	if (m->queue)
		frame_add(&f, "Queue", "1");
	if (m->question)
		frame_add(&f, "Question", "1");
	if (m->schema != NULL)
		frame_add(&f, "Schema", m->schema);
	if ((m->queue || m->question) && m->ttl_ms > 0)
		frame_addf(&f, "Ttl-Ms", "%lld", (long long)m->ttl_ms);
	if (m->type)
		frame_add(&f, "Type", "1");
	if (m->urgent)
		frame_add(&f, "Urgent", "1");
	if (m->force)
		frame_add(&f, "Force", "1");
	if (files[0] != '\0')
		frame_add(&f, "Files", files);
	if (ask)
		frame_add(&f, "Ask", "1");
	else if (m->body != NULL)
		buf_add(&f.body, m->body, m->len);
	remote_put(r, &f);
	frame_free(&f);
}

/* One attempt at a message. */
struct attempt {
	bool relayed; /* to one that hands it on */
	bool ask;     /* only what became of it */
	bool alone;   /* not over a link that is kept */
	bool left;    /* result: the message may be there */
	bool warm;    /* result: it was over such a link */
	bool broke;   /* result: the connection ended, not only its time */
};

/* Does the peer keep messages? One that does not would refuse them for another
 * reason than it is. */
static int
ship_queues(struct remote *r, struct err *e)
{
	if (remote_greet(r, e) != 0)
		return -1;
	if (r->queues)
		return 0;
	return err_set(e, EXIT_WIRE,
	    "%s: its panemesh %s keeps no messages; update it, or send without "
	    "--queue",
	    r->alias, r->version);
}

/* Does it know questions? */
static int
ship_asks(struct remote *r, struct err *e)
{
	if (remote_greet(r, e) != 0)
		return -1;
	if (r->asks)
		return 0;
	return err_set(e, EXIT_WIRE,
	    "%s: its panemesh %s knows no questions; update it, or send "
	    "without --ask",
	    r->alias, r->version);
}

/* A message that is to be handed on, or was: does the far end know of that, is
 * it who is meant, and does anybody still wait for the answer? */
static int
ship_hands_on(struct remote *r, const char *host, const char *pin,
    const char *path, pid_t parent, bool relayed, struct err *e)
{
	struct hops hops;

	if (remote_greet(r, e) != 0)
		return -1;
	if (!r->relays)
		return err_set(e, EXIT_WIRE,
		    "%s: its panemesh %s %s; update it", r->alias, r->version,
		    relayed ? "hands no messages on"
			    : "takes no messages that were handed on");
	if (path == NULL)
		return 0;
	if (hops_read(&hops, path) == 0 && hops_has(&hops, r->host))
		return err_set(e, EXIT_REFUSED,
		    "host %s: the way to it leads in a circle, by %s", host,
		    r->host);
	if (!relayed && (!str_eq(r->host, host) || !str_eq(r->host_id, pin)))
		return err_set(e, EXIT_REFUSED,
		    "host %s: %s leads to another machine than who sends "
		    "means",
		    host, r->alias);
	if (parent != 0 && getppid() != parent)
		return err_set(e, EXIT_WIRE, "whoever sent it is gone");
	return 0;
}

/* How much longer than its own delivery the hosts may take that hand it on: the
 * less the further it came, so that none gives up before the next one does. */
static int64_t
ship_slack(const char *path, bool relayed)
{
	struct hops hops = { .n = 0 };

	if (!relayed)
		return 0;
	if (path != NULL)
		(void)hops_read(&hops, path);
	return (int64_t)(HOPS_MAX + 1 - hops.n) *
	    (REMOTE_CONNECT_MS + SHIP_ANSWER_MS);
}

/* Send and wait for the answer, once. */
static int
ship_once(struct ship *s, const struct peer *peer, const struct ship_message *m,
    struct attempt *a, struct frame *answer, struct err *e)
{
	struct buf files = BUF_INIT_MAX(FRAME_LINE_MAX);
	struct remote *r;
	int64_t deadline, bytes = 0, disk_ms;
	int rc = -1;

	a->left = false;
	r = ship_remote(s, peer, a->alone, e);
	if (r != NULL &&
	    (((a->relayed || m->path != NULL) &&
		 ship_hands_on(r, m->host, m->pin, m->path, m->parent,
		     a->relayed, e) != 0) ||
		(m->queue && ship_queues(r, e) != 0) ||
		(m->question && ship_asks(r, e) != 0)))
		goto out;
	if (r != NULL && !a->ask && m->files_n > 0 &&
	    (ship_prove(r, e) != 0 || ship_files(r, m, &files, &bytes, e) != 0))
		goto out;
	if (r == NULL)
		goto out;
	ship_text(r, m, a->relayed, files.data, a->ask);
	/* It syncs files before it says another word. */
	disk_ms = bytes / SHIP_DISK_RATE;
	r->silent_ms = REMOTE_SILENT_MS + disk_ms;
	r->untold_ms = m->wait_ms;
	deadline =
	    clock_deadline((r->hello ? 0 : REMOTE_CONNECT_MS) + SHIP_ANSWER_MS +
		m->wait_ms + disk_ms + ship_slack(m->path, a->relayed));
	rc = remote_wait(r, m->id, deadline, answer, e);
	if (rc == 0 || !remote_unsent(r))
		a->left = true;
out:
	a->warm = r != NULL && r->warm;
	a->broke = rc != 0 && e->code == EXIT_WIRE && r != NULL && r->ended;
	if (rc != 0)
		ship_drop(s, peer->alias);
	buf_free(&files);
	return rc;
}

/* Is it worth another connection? After the second only where one ended: one
 * that is silent has had its time. Then files are asked for, not sent again. */
static bool
ship_again(const struct attempt *a, const struct ship_message *m, bool left,
    int tried, int64_t deadline)
{
	/* A link that was kept and broke says nothing of the host. */
	if (tried == 1)
		return a->left || a->warm;
	return a->broke && (left || m->files_n == 0) && tried < SHIP_TRIES &&
	    clock_left(deadline) > 0;
}

/* Send until there is an answer. -1 with the first error; *left: it may be
 * there all the same. */
static int
ship_try(struct ship *s, const struct peer *peer, const struct ship_message *m,
    bool relayed, struct frame *answer, bool *left, struct err *e)
{
	struct attempt a = { .relayed = relayed };
	int64_t nap = SHIP_NAP_MS, deadline;
	struct err again;
	int tried = 1, rc;

	rc = ship_once(s, peer, m, &a, answer, e);
	*left = a.left;
	deadline = clock_deadline(SHIP_TRY_MS);
	if (rc != 0 && !a.left && e->code != EXIT_WIRE)
		return rc;
	while (rc != 0 && ship_again(&a, m, *left, tried, deadline)) {
		if (++tried > 2) {
			clock_nap(nap, deadline);
			nap *= 2;
		}
		/* With files it is only asked for: they may have arrived. */
		a = (struct attempt){ .alone = true,
			.relayed = relayed,
			.ask = *left && m->files_n > 0 };
		rc = ship_once(s, peer, m, &a, answer, &again);
		if (rc != 0 && !*left)
			*e = again;
		*left = *left || a.left;
	}
	return rc;
}

int
ship_send(struct ship *s, const struct ship_message *m, struct agent *to,
    bool *renamed, char **dropped, struct deliver_verdict *v, struct err *e)
{
	struct ship_message mine = *m;
	char pin[HOME_ID_LEN + 1];
	const struct peer *peer;
	struct frame answer;
	bool left, relayed;

	*dropped = NULL;
	if (m->files_n > SHIP_FILES_MAX)
		return err_set(e, EXIT_USAGE,
		    "--file: more than %d for one message to another host; "
		    "pack them (tar)",
		    SHIP_FILES_MAX);
	peer = ship_way(s, m->host, &relayed, e);
	if (peer == NULL)
		return -1;
	if (relayed && m->files_n > 0)
		return err_set(e, EXIT_USAGE,
		    "--file: host %s is known through %s, which hands on "
		    "messages only",
		    m->host, peer->alias);
	if (m->pin == NULL) {
		exchange_host_id(s->home, m->host, pin);
		mine.pin = pin;
	}
	if (ship_try(s, peer, &mine, relayed, &answer, &left, e) == 0) {
		ship_verdict(&answer, to, renamed, dropped, v);
		frame_free(&answer);
		return 0;
	}
	if (left) {
		e->code = EXIT_UNPROVEN;
		(void)err_prefix(e, "it may have been delivered");
	}
	return -1;
}

int
ship_check(struct ship *s, const char *host, const char *address,
    const struct sender *sender, bool as_json, bool verbose, struct buf *out,
    struct presence *now, struct err *e)
{
	const struct peer *peer = ship_route(s, host, e);
	struct frame f, answer;
	char id[AGENT_ID_MAX + 1];
	struct remote *r;
	int rc;

	if (peer == NULL || (r = ship_remote(s, peer, false, e)) == NULL)
		return -1;
	agent_id_new(id);
	frame_init(&f, FRAME_CHECK, id);
	frame_add(&f, "To", address);
	frame_add(&f, "From", sender->name);
	frame_add(&f, "Sender", sender->self);
	frame_add(&f, "Json", as_json ? "1" : "0");
	frame_add(&f, "Verbose", verbose ? "1" : "0");
	remote_put(r, &f);
	frame_free(&f);
	if (remote_wait(r, id,
		clock_deadline(REMOTE_CONNECT_MS + SHIP_ANSWER_MS), &answer,
		e) != 0)
		return -1;
	rc = (int)frame_number(&answer, "Code", EXIT_LOCAL, EXIT_WIRE);
	/* It may refuse to look as well: that is no judgement. */
	if (rc == EXIT_OK || rc == EXIT_NOT_READY ||
	    (rc == EXIT_REFUSED && frame_get(&answer, "Barred", NULL) != NULL))
		body_plain(out, answer.body.data, answer.body.len, true);
	else
		rc = err_set(e, (enum exit_code)rc, "%s", answer.body.data);
	if (now != NULL)
		ship_presence(&answer, now);
	frame_free(&answer);
	return rc;
}

int
ship_status(struct ship *s, const char *host, const char *id, const char *path,
    struct deliver_verdict *v, struct err *e)
{
	char request[AGENT_ID_MAX + 1], pin[HOME_ID_LEN + 1], *dropped = NULL;
	bool relayed;
	const struct peer *peer = ship_way(s, host, &relayed, e);
	struct frame f, answer;
	bool renamed = false;
	struct remote *r;
	struct agent to;

	exchange_host_id(s->home, host, pin);
	if (peer == NULL || (r = ship_remote(s, peer, false, e)) == NULL ||
	    ship_queues(r, e) != 0 ||
	    ((relayed || path != NULL) &&
		ship_hands_on(r, host, pin, path, 0, relayed, e) != 0))
		return -1;
	agent_id_new(request);
	frame_init(&f, FRAME_STATUS, request);
	frame_add(&f, "Message", id);
	ship_hops(&f, relayed ? host : NULL, pin, path);
	remote_put(r, &f);
	frame_free(&f);
	if (remote_wait(r, request,
		clock_deadline(SHIP_ANSWER_MS + ship_slack(path, relayed)),
		&answer, e) != 0)
		return -1;
	agent_init(&to);
	ship_verdict(&answer, &to, &renamed, &dropped, v);
	agent_free(&to);
	x_free(dropped);
	frame_free(&answer);
	/* The answer is of who was to hand the question on. */
	if (relayed && str_eq(v->word, "failed") &&
	    (v->code == EXIT_REFUSED || v->code == EXIT_WIRE))
		return err_set(e, v->code, "%s: %s", peer->alias, v->why);
	return v->code == EXIT_UNKNOWN
	    ? err_set(e, EXIT_UNKNOWN, "%s: %s", host, v->why)
	    : 0;
}
