#include "fetch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "exchange.h"
#include "file.h"
#include "hops.h"
#include "letter.h"
#include "lookup.h"
#include "mem.h"
#include "origin.h"
#include "path.h"
#include "queue.h"
#include "str.h"

enum { FETCH_OWED_MAX = 1000, /* receipts looked at */ };

#define FETCH_PLACE_MAX 4294967295ULL

/* ---- what is owed ---- */

static char *
fetch_owed(const struct fetch *t, const char *id)
{
	return path_join(t->owed, id);
}

/* Note in a folder that the peer will want to hear what becomes of it. 1: it is
 * noted already; -1: it cannot be. */
static int
fetch_note(const char *owed, const char *id, struct err *e)
{
	char *path = path_join(owed, id);
	int fd, rc = -1;

	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		(void)close(fd);
		rc = 0;
	} else if (errno == EEXIST) {
		rc = 1;
	} else {
		(void)err_set(e, EXIT_LOCAL, "%s: %s", path, strerror(errno));
	}
	x_free(path);
	return rc;
}

static int
fetch_owe(const struct fetch *t, const char *id, struct err *e)
{
	if (file_make_dir(t->owed, e) != 0)
		return -1;
	return fetch_note(t->owed, id, e);
}

void
fetch_answered(const struct home *h, const struct mail *m)
{
	const char *host = m->from_host;
	char id[HOME_ID_LEN + 1];
	struct hops hops;
	char *owed;

	/* Who handed it on gave it to us. */
	if (hops_read(&hops, m->path) == 0 && hops.n > 0)
		host = hops.v[hops.n - 1].host;
	if (!str_host_ok(host))
		return;
	exchange_host_id(h, host, id);
	if (id[0] == '\0')
		return;
	owed = x_asprintf("%s/fetched/%s.%s", h->dir, host, id);
	/* Of hosts that nothing is fetched from there is no such folder. */
	(void)fetch_note(owed, m->id, NULL);
	x_free(owed);
}

static void
fetch_paid(const struct fetch *t, const char *id)
{
	char *path = fetch_owed(t, id);

	(void)unlink(path);
	x_free(path);
}

/* Names in a folder that are ids of messages. */
static void
fetch_list(const char *folder, struct argv *ids)
{
	struct dirent *found;
	DIR *dir = opendir(folder);

	while (dir != NULL && ids->n < FETCH_OWED_MAX &&
	    (found = readdir(dir)) != NULL)
		if (mail_id_ok(found->d_name))
			argv_add(ids, found->d_name);
	if (dir != NULL)
		(void)closedir(dir);
}

/* Has it come to its end? -1: it is not known here (any more). */
static int
fetch_ended(const struct home *h, const char *id, struct deliver_verdict *v)
{
	if (queue_status(h, id, v, NULL) != 0)
		return -1;
	return !str_eq(v->word, "queued");
}

bool
fetch_owes(const struct home *h)
{
	char *all = path_join(h->dir, "fetched"), *path;
	struct argv ids = ARGV_INIT;
	struct deliver_verdict v;
	struct dirent *found;
	DIR *dir = opendir(all);
	bool owes = false;
	size_t i;

	while (dir != NULL && (found = readdir(dir)) != NULL) {
		if (found->d_name[0] == '.')
			continue;
		path = path_join(all, found->d_name);
		fetch_list(path, &ids);
		x_free(path);
	}
	for (i = 0; i < ids.n && !owes; i++)
		owes = fetch_ended(h, ids.v[i], &v) == 1;
	if (dir != NULL)
		(void)closedir(dir);
	argv_free(&ids);
	x_free(all);
	return owes;
}

/* ---- one conversation ---- */

int
fetch_open(struct fetch *t, const struct registrar *reg,
    const struct peer *peer, const char *host, const char *host_id,
    struct err *e)
{
	char known[HOME_ID_LEN + 1];
	struct slice_came came;

	*t = (struct fetch){ .reg = reg,
		.peer = peer,
		.host = host,
		.receipts = ARGV_INIT,
		.stay = ARGV_INIT };
	exchange_host_id(reg->home, host, known);
	exchange_came(reg->home, host, &came);
	if (came.by[0] != '\0' && !str_eq(came.by, peer->alias) &&
	    str_eq(known, host_id))
		return err_set(e, EXIT_REFUSED,
		    "%s: calls itself %s, whose slice comes by %s; its mail is "
		    "not taken; accept=mail belongs in that line of peers.conf "
		    "alone, or agent-sync peer rm %s",
		    peer->alias, host, came.by, peer->alias);
	if (known[0] == '\0' || !str_eq(known, host_id) ||
	    !str_eq(came.by, peer->alias))
		return err_set(e, EXIT_REFUSED,
		    "%s: calls itself %s, but that is not the host whose "
		    "slice we have; its mail is not taken",
		    peer->alias, host);
	t->owed = x_asprintf("%s/fetched/%s.%s", reg->home->dir, host, host_id);
	fetch_list(t->owed, &t->receipts);
	return 0;
}

void
fetch_close(struct fetch *t)
{
	X_CLEAR(t->owed);
	argv_free(&t->receipts);
	argv_free(&t->stay);
}

int
fetch_unable(const struct peer *peer, const char *version, struct err *e)
{
	return err_set(e, EXIT_WIRE,
	    "%s: its panemesh %s keeps no mail for us; update it, or take "
	    "accept=mail out of its line in peers.conf",
	    peer->alias, version);
}

/* It was told, and is owed no more; unless it was answered meanwhile. */
static void
fetch_told(const struct fetch *t)
{
	struct deliver_verdict v;

	fetch_paid(t, t->took);
	if (!str_eq(t->word, "answered") &&
	    fetch_ended(t->reg->home, t->took, &v) == 1 &&
	    str_eq(v.word, "answered"))
		(void)fetch_owe(t, t->took, NULL);
}

/* What is to be said of the next message that is owed: false if none is. */
static bool
fetch_receipt(struct fetch *t)
{
	struct deliver_verdict v;

	for (; t->at < t->receipts.n; t->at++) {
		switch (fetch_ended(t->reg->home, t->receipts.v[t->at], &v)) {
		case 0:
			continue;
		case -1:
			fetch_paid(t, t->receipts.v[t->at]);
			continue;
		}
		(void)snprintf(
		    t->took, sizeof(t->took), "%s", t->receipts.v[t->at]);
		t->code = v.code;
		t->word = v.word;
		(void)snprintf(t->why, sizeof(t->why), "%s", v.why);
		return true;
	}
	return false;
}

bool
fetch_next(struct fetch *t, struct frame *f)
{
	if (t->done)
		return false;
	if (t->took[0] == '\0')
		(void)fetch_receipt(t);
	if (t->took[0] != '\0') {
		frame_add(f, "Took", t->took);
		frame_addf(f, "Code", "%d", (int)t->code);
		frame_add(f, "Verdict", t->word);
		buf_adds(&f->body, t->why);
	}
	if (t->last || t->at < t->receipts.n)
		frame_add(f, "Only", "1");
	else
		frame_addf(f, "Past", "%llu", (unsigned long long)t->past);
	return true;
}

/* Do messages of this agent stay where they are? */
static bool
fetch_stays(const struct fetch *t, const char *name)
{
	size_t i;

	for (i = 0; i < t->stay.n; i++)
		if (str_eq(t->stay.v[i], name))
			return true;
	return false;
}

/* Is this the end of it, or will it be offered again? */
static bool
fetch_settled(const struct deliver_verdict *v)
{
	return v->code == EXIT_OK || v->code == EXIT_UNPROVEN ||
	    v->code == EXIT_USAGE || v->repeated || v->barred;
}

/* Keep it for its agent, as one of our own that was queued. */
static void
fetch_keep(struct fetch *t, const struct frame *f, const struct origin *from,
    struct deliver_verdict *v)
{
	const char *to = frame_get(f, "To", "");
	struct letter l;
	struct agent a;
	struct post p;
	bool renamed;
	struct err e;
	int rc;

	rc = letter_read(&l, f, &e);
	if (rc == 0)
		rc = lookup(t->reg, to, &a, &renamed, &e);
	else
		agent_init(&a);
	if (rc == 0 && !str_eq(a.host, t->reg->home->host))
		rc =
		    err_set(&e, EXIT_UNKNOWN, "%s: is on another host now", to);
	if (rc == 0 && fetch_stays(t, a.id))
		rc = err_set(&e, EXIT_NOT_READY, "%s: earlier ones wait", to);
	if (rc == 0)
		rc = post_check(f->body.data, f->body.len, &e);
	if (rc == 0) {
		letter_bind(&l, t->peer);
		p = letter_post(&l, from, t->host);
		p.reg = t->reg;
		p.queue = true;
		p.later = true;
		p.ask = false;
		p.wait_ms = 0;
		p.force = false;
		(void)queue_post(&p, &a, v);
	} else {
		deliver_refuse(v, &e);
	}
	if (!fetch_settled(v))
		argv_add(&t->stay, a.id[0] == '\0' ? to : a.id);
	agent_free(&a);
}

/* It stays with the peer, because of this host. Returns -1. */
static int
fetch_left(const struct fetch *t, const char *id, struct err *e)
{
	return err_prefix(e, "%s: message %s stays there", t->peer->alias, id);
}

/* A message for us, from a peer that may say anything. */
static int
fetch_message(struct fetch *t, const struct frame *f, struct err *e)
{
	const char *id = frame_get(f, "Message", "");
	const char *to = frame_get(f, "To", "");
	struct deliver_verdict v;
	struct mail m = MAIL_INIT;
	struct origin from;
	uint64_t place = frame_number(f, "Place", FETCH_PLACE_MAX, 0);
	bool known;
	int noted;

	if (!mail_id_ok(id) || !str_address_ok(to) || place <= t->past ||
	    f->body.len > MAIL_BODY_MAX)
		return err_set(e, EXIT_WIRE,
		    "%s: hands over what is no message", t->peer->alias);
	if (origin_read(t->reg->home, t->host, f, &from, e) != 0)
		return -1;
	t->past = place;
	/* Its pane may have closed since it was kept: that is no reason to have
	 * it wait there. */
	known = queue_before(t->reg->home, id, &v);
	if (!known && fetch_stays(t, to))
		return 0;
	/* Without that its sender would be told that it expired. */
	noted = fetch_owe(t, id, e);
	if (noted < 0) {
		argv_add(&t->stay, to);
		return fetch_left(t, id, e);
	}
	if (!known)
		fetch_keep(t, f, &from, &v);
	if (!fetch_settled(&v)) {
		/* A sync and a follower may have the same one at once: what the
		 * other noted, or kept meanwhile, is owed. */
		if (noted == 0 && !queue_before(t->reg->home, id, &v))
			fetch_paid(t, id);
		if (v.code != EXIT_LOCAL)
			return 0;
		(void)err_set(e, v.code, "%s", v.why);
		return fetch_left(t, id, e);
	}
	memcpy(t->took, id, strlen(id) + 1);
	t->code = v.code;
	t->word = v.word;
	(void)snprintf(t->why, sizeof(t->why), "%s", v.why);
	if (v.code == EXIT_OK || v.code == EXIT_UNPROVEN || v.repeated)
		return 0;
	(void)snprintf(m.id, sizeof(m.id), "%s", id);
	(void)snprintf(m.from, sizeof(m.from), "%s", from.name);
	(void)snprintf(m.to, sizeof(m.to), "%s", to);
	(void)snprintf(
	    m.note, sizeof(m.note), "%s", from.note == NULL ? "" : from.note);
	buf_add(&m.body, f->body.data, f->body.len);
	t->refusal = true;
	if (t->refused != NULL)
		t->refused(t->arg, &m, v.word, v.why);
	mail_free(&m);
	return 0;
}

int
fetch_take(struct fetch *t, const struct frame *f, struct err *e)
{
	enum exit_code code =
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_WIRE);

	if (code != EXIT_OK) {
		t->done = true;
		return err_set(e, code, "%s: hands over no mail: %s",
		    t->peer->alias, f->body.data);
	}
	/* It has written down what we told it. */
	if (t->took[0] != '\0' && !str_eq(t->word, "queued"))
		fetch_told(t);
	t->took[0] = '\0';
	if (t->at < t->receipts.n) {
		t->at++;
		return 0;
	}
	if (t->last || frame_get(f, "Message", NULL) == NULL) {
		t->done = true;
		return 0;
	}
	t->asked++;
	if (fetch_message(t, f, e) == 0)
		return 0;
	/* What one mailbox cannot take does not keep others waiting. */
	t->done = e->code != EXIT_LOCAL;
	return -1;
}
