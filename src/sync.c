#include "sync.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "argv.h"
#include "clock.h"
#include "contact.h"
#include "exchange.h"
#include "fetch.h"
#include "file.h"
#include "frame.h"
#include "log.h"
#include "mem.h"
#include "register.h"
#include "registry.h"
#include "remote.h"
#include "slice.h"
#include "str.h"
#include "turn.h"

enum {
	SYNC_TURN_MS = 10,     /* between looks whether it is our turn */
	SYNC_QUIET_MS = 150,   /* by itself: once nothing changed for so long */
	SYNC_SETTLE_MS = 1000, /* ... but no later than that */
	SYNC_ASSEMBLE_MS = 200, /* a slice that came waits no longer for more */
	SYNC_REBUILD_MS =
	    3600 * 1000,      /* registry: what is not confirmed goes */
	SYNC_GRACE_MS = 700,  /* for a link to say why, past its deadline */
	SYNC_END_MS = 500,    /* for a link that closed its stdout to end */
	SYNC_SAID_MAX = 8192, /* bytes of a link's complaints */
	THIRD_NAME = 13,      /* "of" and a number */
};

enum talk_stage {
	TALK_TURN,   /* wait for our turn with this peer */
	TALK_SETTLE, /* wait for more to change here */
	TALK_FRAMES, /* a conversation with its agent-serve */
	TALK_THIRD,  /* in the conversation with another peer */
	TALK_SLICE,  /* its local.toml is read */
	TALK_DONE,
};

/* Everything with one peer. */
struct talk {
	const struct peer *peer;
	enum talk_stage stage;
	struct turn turn;
	struct remote remote;
	bool open;               /* `remote` is to be closed */
	struct proc_child child; /* TALK_SLICE: agent-link --slice */
	struct buf text;         /* TALK_SLICE: its stdout */
	struct buf complaints;   /* ... and stderr */
	int64_t connect_by, done_by;
	bool said, pushed, pulled, ponged;
	size_t thirds;              /* slices of other hosts that are due */
	bool due;                   /* TALK_THIRD: ours is one of them */
	bool fetched;               /* nothing is to be asked for (any more) */
	bool asked;                 /* ... and something is */
	int64_t fetch_by;           /* the rest is left to the next time */
	struct fetch fetch;         /* begun if its host is set */
	bool again;                 /* it goes on over a link of its own */
	char tag[AGENT_ID_MAX + 1]; /* behind the names of our requests */
	char back[ERR_MSG_MAX];
	struct contact contact;
	struct sync_result result;
};

struct sync {
	const struct home *home;
	const struct sync_options *options;
	void (*report)(void *arg, const struct sync_result *result);
	void *arg;
	struct talk *talks;
	size_t n;
	/* Our slice as text, and which local.toml it is. */
	struct buf slice;
	struct file_stamp stamp;
	int64_t generation;
	int64_t sum; /* of the text: not 0 */
	/* When local.toml was last seen to change, by monotonic ms. */
	struct file_stamp settling;
	int64_t changed, begun;
	int64_t dirty; /* monotonic ms since when the registry is behind; 0 */
	struct err e;  /* of our own files */
};

/* ---- one peer ---- */

/* The exit status of a link that is ending. */
static int
link_status(struct proc_child *link)
{
	struct pollfd pfd = { .fd = link->pidfd, .events = POLLIN };

	if (link->pidfd >= 0)
		(void)poll(&pfd, 1, SYNC_END_MS);
	return proc_stop(link);
}

static void talk_finish(struct sync *s, struct talk *t);

/* Is `third` of a host whose slice comes in the conversation `t`? */
static bool
talk_has(const struct talk *t, const struct talk *third)
{
	return third->stage == TALK_THIRD &&
	    str_eq(third->peer->through, t->peer->alias);
}

/* One that is done, well or not. */
static void
talk_third_done(struct sync *s, struct talk *third, const struct err *e)
{
	third->due = false;
	third->contact.tried = clock_real_ms();
	if (e->code == EXIT_OK)
		third->contact.answered = third->contact.tried;
	third->result.e = *e;
	talk_finish(s, third);
}

/* The conversation ends: what did not come in it does not come. */
static void
talk_thirds_end(struct sync *s, struct talk *t)
{
	struct talk *third;
	struct err e;
	size_t i;

	for (i = 0; i < s->n; i++) {
		third = &s->talks[i];
		if (!talk_has(t, third))
			continue;
		third->result.left = t->result.left;
		err_clear(&e);
		if (!t->result.left)
			(void)err_set(&e, EXIT_WIRE,
			    "%s: known through %s, which gave no answer",
			    third->peer->alias, t->peer->alias);
		talk_third_done(s, third, &e);
	}
}

static void
talk_finish(struct sync *s, struct talk *t)
{
	struct contact *c = &t->contact;
	struct err e;

	if (t->open && t->remote.hello)
		t->result.answered = true;
	if (t->open)
		remote_close(&t->remote);
	t->open = false;
	(void)proc_stop(&t->child);
	t->stage = TALK_DONE;
	talk_thirds_end(s, t);
	/* A third is asked for in another's turn. */
	if ((t->turn.run_fd >= 0 ||
		(t->peer->through[0] != '\0' && !t->result.left)) &&
	    c->tried != 0) {
		memcpy(c->failed, t->result.e.msg, sizeof(c->failed));
		if (contact_save(c, s->home, t->peer->alias, &e) != 0)
			log_line("%s", e.msg);
	}
	if (t->fetch.host != NULL)
		fetch_close(&t->fetch);
	turn_close(&t->turn);
	t->result.host = c->host;
	t->result.bash = c->bash;
	t->result.version = c->version;
	t->result.back_words = t->back;
	if (s->report != NULL)
		s->report(s->arg, &t->result);
}

/* Our slice as it stands now; read again only when it changed. */
static int
sync_slice(struct sync *s, struct err *e)
{
	struct file_stamp stamp = file_stamp(s->home->local);

	if (s->stamp.inode != 0 && file_stamp_eq(&stamp, &s->stamp))
		return 0;
	buf_reset(&s->slice);
	if (exchange_publish(s->home, false, &s->slice, &s->generation, e) != 0)
		return -1;
	s->sum = (int64_t)(str_hash(s->slice.data, s->slice.len) >> 1) | 1;
	s->stamp = stamp;
	return 0;
}

/* A request of this conversation. */
static void
talk_frame_init(const struct talk *t, struct frame *f, enum frame_verb verb,
    const char *name)
{
	char id[FRAME_ID_MAX + 1];

	/* Others may use the same link: ids are ours alone. */
	(void)snprintf(id, sizeof(id), "%s.%s", name, t->tag);
	frame_init(f, verb, id);
}

/* Is `f` the answer to it? */
static bool
talk_answers(const struct talk *t, const struct frame *f, const char *name)
{
	size_t n = strlen(name);

	return str_starts(f->id, name) && f->id[n] == '.' &&
	    str_eq(f->id + n + 1, t->tag);
}

/* Our slice; only its generation if it has that by all we know. */
static void
talk_push(struct sync *s, struct talk *t, bool whole)
{
	struct frame f;

	talk_frame_init(t, &f, FRAME_PUSH, "push");
	frame_addf(&f, "Generation", "%lld", (long long)s->generation);
	if (!whole && t->remote.offers && t->contact.pushed == s->sum)
		frame_add(&f, "Offer", "1");
	else
		buf_add(&f.body, s->slice.data, s->slice.len);
	remote_put(&t->remote, &f);
	frame_free(&f);
}

/* Ask for the slices of hosts that are known through this peer. An older one
 * would pass over `Of` and give its own. */
static void
talk_thirds(struct sync *s, struct talk *t)
{
	char name[THIRD_NAME], host_id[HOME_ID_LEN + 1];
	struct talk *third;
	struct frame f;
	struct err e;
	int64_t have;
	size_t i;

	t->thirds = 0;
	for (i = 0; i < s->n; i++) {
		third = &s->talks[i];
		if (!talk_has(t, third))
			continue;
		if (!t->remote.passes) {
			(void)err_set(&e, EXIT_WIRE,
			    "%s: %s has panemesh %s, which gives no slices of "
			    "other hosts; update it there",
			    third->peer->alias, t->peer->alias,
			    t->remote.version[0] == '\0' ? "?"
							 : t->remote.version);
			talk_third_done(s, third, &e);
			continue;
		}
		(void)snprintf(name, sizeof(name), "of%u", (unsigned)i);
		talk_frame_init(t, &f, FRAME_PULL, name);
		frame_add(&f, "Of", third->peer->alias);
		exchange_have(s->home, third->peer->alias, &have, host_id);
		if (have > 0)
			frame_addf(&f, "Have", "%lld", (long long)have);
		remote_put(&t->remote, &f);
		frame_free(&f);
		third->due = true;
		t->thirds++;
	}
}

/* Say all that there is to say, once it said HELLO; the answers may come in any
 * order. */
static void
talk_say(struct sync *s, struct talk *t)
{
	char host_id[HOME_ID_LEN + 1];
	int64_t have = 0;
	struct frame f;

	t->said = true;
	talk_push(s, t, false);
	talk_frame_init(t, &f, FRAME_PULL, "pull");
	if (t->contact.host[0] != '\0' &&
	    exchange_has_way(s->home, t->contact.host, t->peer->alias))
		exchange_have(s->home, t->contact.host, &have, host_id);
	if (have > 0)
		frame_addf(&f, "Have", "%lld", (long long)have);
	remote_put(&t->remote, &f);
	frame_free(&f);
	talk_thirds(s, t);
	t->fetched = s->options->reg == NULL || !t->peer->accept_mail;
	t->ponged = !s->options->back;
	if (t->ponged)
		return;
	talk_frame_init(t, &f, FRAME_PING, "back");
	frame_add(&f, "Back", "1");
	remote_put(&t->remote, &f);
	frame_free(&f);
}

/* Ask for the next message that waits there for us. */
static int
talk_fetch(struct sync *s, struct talk *t, struct err *e)
{
	struct fetch *fetch = &t->fetch;
	struct frame f;

	t->asked = true;
	if (!t->remote.fetches) {
		t->fetched = true;
		return fetch_unable(t->peer, t->remote.version, e);
	}
	if (fetch->host == NULL &&
	    fetch_open(fetch, s->options->reg, t->peer, t->remote.host,
		t->remote.host_id, e) != 0) {
		t->fetched = true;
		return -1;
	}
	if (t->fetch_by == 0)
		t->fetch_by = clock_deadline(s->options->total_ms);
	fetch->refused = s->options->refused;
	fetch->arg = s->options->refused_arg;
	talk_frame_init(t, &f, FRAME_FETCH, "fetch");
	t->fetched = fetch->asked >= FETCH_MOST ||
	    clock_left(t->fetch_by) == 0 || !fetch_next(fetch, &f);
	if (!t->fetched)
		remote_put(&t->remote, &f);
	frame_free(&f);
	return 0;
}

/* Read the local.toml of a peer that has no agent-serve. */
static int
talk_read_slice(struct sync *s, struct talk *t, struct err *e)
{
	char *program = proc_sibling("agent-link");
	struct argv argv = ARGV_INIT;
	int rc;

	buf_init(&t->text, SLICE_SIZE_MAX);
	buf_init(&t->complaints, SYNC_SAID_MAX);
	argv_addl(&argv, program, "--slice", "-t", NULL);
	argv_addf(&argv, "%d", (s->options->connect_ms + 999) / 1000);
	if (t->peer->unlisted)
		argv_add(&argv, "-u");
	argv_addl(&argv, "--", t->peer->alias, NULL);
	rc = proc_start(&t->child, &argv, e);
	argv_free(&argv);
	x_free(program);
	t->stage = TALK_SLICE;
	return rc;
}

/* It is our turn. */
static int
talk_begin(struct sync *s, struct talk *t, struct err *e)
{
	struct contact *c = &t->contact;
	int64_t now = clock_real_ms(), before;

	contact_load(c, s->home, t->peer->alias);
	before = c->tried;
	if (!s->options->again && c->held != 0 &&
	    c->held == contact_keys(s->home, t->peer)) {
		char why[ERR_MSG_MAX];

		memcpy(why, c->failed, sizeof(why));
		c->tried = 0;
		return err_set(e, EXIT_REFUSED, "%s", why);
	}
	if (sync_slice(s, e) != 0)
		return -1;
	c->tried = now;
	c->held = 0;
	/* The link has the better words for what it waited for. */
	t->connect_by =
	    clock_deadline((int64_t)s->options->connect_ms + SYNC_GRACE_MS);
	t->done_by = clock_deadline(s->options->total_ms);
	if (t->done_by < t->connect_by)
		t->done_by = t->connect_by;
	if (c->bash && !s->options->again && now >= before &&
	    now - before < SYNC_BASH_MS)
		return talk_read_slice(s, t, e);
	t->stage = TALK_FRAMES;
	t->open = true;
	if (remote_open_within(
		&t->remote, s->home, t->peer, s->options->connect_ms, e) != 0)
		return -1;
	return 0;
}

/* A slice came: keep it. */
static int
talk_take(struct sync *s, struct talk *t, const char *host, const char *text,
    size_t len, struct err *e)
{
	bool changed;
	int rc;

	rc = exchange_take(
	    s->home, t->peer->alias, host, text, len, &changed, e);
	if (changed) {
		t->result.changed = true;
		if (s->dirty == 0)
			s->dirty = clock_mono_ms();
	}
	return rc;
}

/* The slice of `third` came, or why not. */
static void
talk_take_third(struct sync *s, const struct talk *t, struct talk *third,
    const struct frame *f)
{
	const char *host = third->peer->alias;
	int64_t age = (int64_t)frame_number(
	    f, "Age-Ms", REGISTRY_KEEP_MS, REGISTRY_KEEP_MS);
	unsigned hops =
	    (unsigned)frame_number(f, "Hops", SLICE_HOPS_MAX + 1, 0);
	enum exit_code code =
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_WIRE);
	struct err e = { .code = EXIT_OK };

	if (f->verb == FRAME_SLICE)
		(void)exchange_take_third(s->home, t->remote.host, host, hops,
		    age, f->body.data, f->body.len, &third->result.changed, &e);
	else if (code != EXIT_OK)
		(void)err_set(&e, code, "%s: %s gives no slice of it: %s", host,
		    t->peer->alias, f->body.data);
	if (third->result.changed && s->dirty == 0)
		s->dirty = clock_mono_ms();
	third->result.answered = e.code == EXIT_OK;
	talk_third_done(s, third, &e);
}

/* Is it the answer to one of these? */
static bool
talk_third(struct sync *s, struct talk *t, const struct frame *f)
{
	char name[THIRD_NAME];
	size_t i;

	if (!str_starts(f->id, "of"))
		return false;
	for (i = 0; i < s->n; i++) {
		(void)snprintf(name, sizeof(name), "of%u", (unsigned)i);
		if (!s->talks[i].due || !talk_has(t, &s->talks[i]) ||
		    !talk_answers(t, f, name))
			continue;
		t->thirds--;
		talk_take_third(s, t, &s->talks[i], f);
		return true;
	}
	return false;
}

/* The peer answers what we asked. */
static int
talk_frame(struct sync *s, struct talk *t, struct frame *f, struct err *e)
{
	enum exit_code code =
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_WIRE);

	if (talk_answers(t, f, "back")) {
		t->ponged = true;
		(void)snprintf(t->back, sizeof(t->back), "%s", f->body.data);
		if (frame_get(f, "Back", NULL) != NULL)
			t->result.back =
			    code == EXIT_OK ? SYNC_BACK_OK : SYNC_BACK_FAILED;
		return 0;
	}
	if (talk_answers(t, f, "fetch")) {
		if (!t->asked || t->fetched)
			return err_set(e, EXIT_WIRE,
			    "%s: hands over what was not asked for; refused",
			    t->peer->alias);
		t->asked = false;
		t->done_by = clock_deadline(s->options->total_ms);
		return fetch_take(&t->fetch, f, e);
	}
	if (talk_answers(t, f, "push")) {
		if (code == EXIT_OK && frame_get(f, "Want", NULL) != NULL) {
			talk_push(s, t, true);
			return 0;
		}
		t->pushed = true;
		if (code == EXIT_OK)
			t->contact.pushed = s->sum;
		if (f->verb == FRAME_DONE && code != EXIT_OK)
			return err_set(e, code,
			    "%s: does not take our slice: %s", t->peer->alias,
			    f->body.data);
		return 0;
	}
	if (talk_third(s, t, f) || !talk_answers(t, f, "pull"))
		return 0;
	t->pulled = true;
	if (f->verb == FRAME_SLICE)
		return talk_take(
		    s, t, t->remote.host, f->body.data, f->body.len, e);
	if (code != EXIT_OK)
		return err_set(e, code, "%s: gives no slice: %s",
		    t->peer->alias, f->body.data);
	if (!str_eq(t->remote.host, t->contact.host)) {
		/* Another host by this alias since: what we have is not its. */
		frame_free(f);
		talk_frame_init(t, f, FRAME_PULL, "pull");
		remote_put(&t->remote, f);
		memcpy(t->contact.host, t->remote.host, sizeof(t->remote.host));
		t->pulled = false;
	}
	return 0;
}

/*
 * The link ended early: its status tells whether asking again is of use.
 * Returns true when the talk goes on in another way.
 */
static bool
talk_lost(struct sync *s, struct talk *t, struct err *e)
{
	int status;

	/* One that was kept and broke says nothing of the host. */
	if (t->remote.warm && !t->again) {
		t->again = true;
		t->said = t->pushed = t->pulled = t->ponged = t->asked = false;
		/* Another may be there now. */
		fetch_close(&t->fetch);
		memset(&t->fetch, 0, sizeof(t->fetch));
		remote_close(&t->remote);
		return remote_open_alone(&t->remote, s->home, t->peer,
			   s->options->connect_ms, e) == 0;
	}
	status = link_status(&t->remote.link);
	if (t->remote.hello)
		return false;
	if (status == EXIT_REFUSED) {
		e->code = EXIT_REFUSED;
		t->contact.held = contact_keys(s->home, t->peer);
	}
	/* A program of the user's own has no slice to read beside it. */
	if (status != EXIT_UNKNOWN || t->peer->command.n > 0)
		return false;
	remote_close(&t->remote);
	t->open = false;
	return talk_read_slice(s, t, e) == 0;
}

static int
talk_frames(struct sync *s, struct talk *t, struct err *e)
{
	struct err bad = { .code = EXIT_OK };
	struct frame f;
	int rc = 0;

	remote_turn(&t->remote);
	while (!t->pushed || !t->pulled || !t->ponged || !t->fetched ||
	    t->thirds > 0) {
		/* Its slice first: it says who may send us mail. */
		if (t->pushed && t->pulled && !t->fetched && !t->asked) {
			if (talk_fetch(s, t, &bad) != 0 &&
			    t->result.e.code == EXIT_OK)
				t->result.e = bad;
			remote_turn(&t->remote);
			continue;
		}
		switch (remote_next(&t->remote, &f, e)) {
		case FRAME_BAD:
			return talk_lost(s, t, e) ? 0 : -1;
		case FRAME_MORE:
			if (t->remote.hello && !t->said) {
				talk_say(s, t);
				remote_turn(&t->remote);
				continue;
			}
			if (!t->remote.hello && clock_left(t->connect_by) == 0)
				return err_set(e, EXIT_WIRE,
				    "%s: no connection within %d s",
				    t->peer->alias,
				    s->options->connect_ms / 1000);
			return rc;
		case FRAME_READY:
			break;
		}
		/* The answer to the other request is of use all the same. */
		if (talk_frame(s, t, &f, &bad) != 0 &&
		    t->result.e.code == EXIT_OK)
			t->result.e = bad;
		frame_free(&f);
	}
	memcpy(t->contact.host, t->remote.host, sizeof(t->contact.host));
	(void)snprintf(t->contact.version, sizeof(t->contact.version), "%s",
	    t->remote.version);
	t->contact.bash = false;
	t->contact.answered = clock_real_ms();
	return 1;
}

/* All of its local.toml is here. */
static int
talk_slice_ends(struct sync *s, struct talk *t, struct err *e)
{
	int status = link_status(&t->child);
	const char *host = t->contact.host;
	struct slice slice = SLICE_INIT;
	const char *line;
	int rc = 0;

	while (t->complaints.len > 0 &&
	    t->complaints.data[t->complaints.len - 1] == '\n')
		buf_truncate(&t->complaints, t->complaints.len - 1);
	line = strrchr(t->complaints.data, '\n');
	line = line == NULL ? t->complaints.data : line + 1;
	if (str_starts(line, "agent-link: "))
		line += strlen("agent-link: ");
	if (status == EXIT_REFUSED)
		t->contact.held = contact_keys(s->home, t->peer);
	if (status != EXIT_OK) {
		(void)err_set(e, EXIT_WIRE, "%s",
		    line[0] != '\0' ? line
				    : "has neither agent-serve nor "
				      "~/.agents/local.toml; install "
				      "panemesh there");
		return err_prefix(e, "%s", t->peer->alias);
	}
	if (!t->contact.bash || host[0] == '\0') {
		/* Seen for the first time: it is who its slice says. */
		if (slice_parse(&slice, t->peer->alias, t->text.data,
			t->text.len, NULL) == 0 &&
		    slice.host[0] != '\0')
			(void)snprintf(t->contact.host, sizeof(t->contact.host),
			    "%s", slice.host);
		else if (strlen(t->peer->alias) <= HOST_MAX &&
		    str_host_ok(t->peer->alias))
			(void)snprintf(t->contact.host, sizeof(t->contact.host),
			    "%s", t->peer->alias);
		slice_free(&slice);
	}
	if (buf_check(&t->text, t->peer->alias, e) != 0)
		rc = -1;
	else if (host[0] != '\0')
		rc = talk_take(s, t, host, t->text.data, t->text.len, e);
	t->result.answered = true;
	t->contact.bash = true;
	t->contact.version[0] = '\0';
	t->contact.answered = clock_real_ms();
	return rc == 0 ? 1 : -1;
}

static int
talk_slice(struct sync *s, struct talk *t, struct err *e)
{
	ssize_t n;

	do {
		n = buf_read_fd(&t->complaints, t->child.err, SYNC_SAID_MAX);
	} while (n > 0 || (n < 0 && errno == EINTR));
	do {
		n = buf_read_fd(&t->text, t->child.out, 65536);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0 || errno != EAGAIN)
		return talk_slice_ends(s, t, e);
	return 0;
}

/*
 * A sync that hooks began tells of a burst once: windows come one by one, and a
 * link that is kept would let each have a sync of its own.
 */
static bool
sync_settled(struct sync *s)
{
	struct file_stamp now = file_stamp(s->home->local);
	int64_t ms = clock_mono_ms();

	if (s->options->stay)
		return true;
	if (!file_stamp_eq(&now, &s->settling))
		s->changed = ms;
	s->settling = now;
	return ms - s->changed >= SYNC_QUIET_MS ||
	    ms - s->begun >= SYNC_SETTLE_MS;
}

/* Move one talk on as far as it goes. */
static void
talk_turn(struct sync *s, struct talk *t)
{
	struct err e = { .code = EXIT_OK };
	int rc = 0;

	switch (t->stage) {
	case TALK_TURN:
		switch (turn_try(&t->turn, &e)) {
		case TURN_MINE:
			t->stage = TALK_SETTLE;
			break;
		case TURN_LEFT:
			if (!s->options->stay) {
				t->result.left = true;
				rc = 1;
			}
			break;
		case TURN_LATER:
			break;
		case TURN_FAILED:
			rc = -1;
			break;
		}
		break;
	case TALK_SETTLE:
		break;
	case TALK_FRAMES:
		rc = talk_frames(s, t, &e);
		break;
	case TALK_SLICE:
		rc = talk_slice(s, t, &e);
		break;
	case TALK_THIRD:
	case TALK_DONE:
		return;
	}
	if (rc == 0 && t->stage == TALK_SETTLE && sync_settled(s))
		rc = talk_begin(s, t, &e);
	if (rc == 0 && clock_left(t->done_by) == 0)
		rc = t->stage == TALK_TURN
		    ? err_set(&e, EXIT_LOCAL,
			  "%s: another sync holds this peer for too long; is "
			  "one stopped?",
			  t->peer->alias)
		    : err_set(&e, EXIT_WIRE, "%s: no answer within %d s",
			  t->peer->alias, s->options->total_ms / 1000);
	if (rc < 0 && t->result.e.code == EXIT_OK)
		t->result.e = e;
	if (rc != 0)
		talk_finish(s, t);
}

/* What to poll for; returns the earliest time to look again. */
static size_t
talk_poll(const struct talk *t, struct pollfd *pfd, int *wait)
{
	int left = clock_left(t->done_by);

	switch (t->stage) {
	case TALK_THIRD:
	case TALK_DONE:
		return 0;
	case TALK_TURN:
	case TALK_SETTLE:
		if (left > SYNC_TURN_MS)
			left = SYNC_TURN_MS;
		if (*wait < 0 || left < *wait)
			*wait = left;
		return 0;
	case TALK_FRAMES:
		if (!t->remote.hello && clock_left(t->connect_by) < left)
			left = clock_left(t->connect_by);
		remote_poll(&t->remote, pfd);
		break;
	case TALK_SLICE:
		pfd[0] =
		    (struct pollfd){ .fd = t->child.out, .events = POLLIN };
		pfd[1] = (struct pollfd){ .fd = -1 };
		pfd[2] = (struct pollfd){ .fd = -1 };
		break;
	}
	if (*wait < 0 || left < *wait)
		*wait = left;
	return REMOTE_FDS;
}

/* ---- all of them ---- */

/* Bring the registry up to date if nobody has since. */
static void
sync_assemble(struct sync *s)
{
	struct err e;

	s->dirty = 0;
	if (!registry_fresh(s->home) &&
	    registry_assemble(s->home, clock_real_ms(), &e) != 0)
		s->e = e;
}

static void
sync_loop(struct sync *s)
{
	struct pollfd *pfd = x_calloc(s->n * REMOTE_FDS + 1, sizeof(*pfd));
	bool open = true;
	size_t i, n;
	int wait;

	while (open) {
		open = false;
		n = 0;
		wait = -1;
		/* First all turns: one may end what another waits for. */
		for (i = 0; i < s->n; i++)
			talk_turn(s, &s->talks[i]);
		for (i = 0; i < s->n; i++) {
			n += talk_poll(&s->talks[i], pfd + n, &wait);
			open = open || s->talks[i].stage != TALK_DONE;
		}
		if (!open)
			break;
		/* Assemble in a quiet moment, or when it gets late. */
		if (s->dirty != 0 &&
		    (poll(pfd, n, 0) == 0 ||
			clock_mono_ms() - s->dirty > SYNC_ASSEMBLE_MS))
			sync_assemble(s);
		(void)poll(pfd, n, wait);
	}
	x_free(pfd);
}

static void
sync_begin(struct sync *s, struct talk *t, const struct peer *peer)
{
	t->peer = peer;
	t->stage = TALK_TURN;
	t->child = (struct proc_child)PROC_CHILD_INIT;
	agent_id_new(t->tag);
	buf_init(&t->text, SLICE_SIZE_MAX);
	buf_init(&t->complaints, SYNC_SAID_MAX);
	turn_open(&t->turn, s->home->run, "sync", peer->alias);
	t->result.alias = peer->alias;
	/* One runs and one waits before us, at the most. */
	t->done_by = clock_deadline(3LL * s->options->total_ms);
}

/* A host that is known through a peer: nothing is done for it but in the
 * conversation with that one, if there is one. */
static void
sync_begin_third(struct sync *s, struct talk *t, const struct peers *peers)
{
	const struct peer *through = peers_find(peers, t->peer->through);
	struct err e;

	turn_close(&t->turn);
	t->stage = TALK_THIRD;
	contact_load(&t->contact, s->home, t->peer->alias);
	(void)snprintf(
	    t->contact.host, sizeof(t->contact.host), "%s", t->peer->alias);
	if (through != NULL && through->through[0] == '\0')
		return;
	(void)err_set(&e, EXIT_WIRE,
	    through == NULL ? "%s: through=%s: is no peer; agent-sync peer add "
			      "it"
			    : "%s: through=%s: is not dialled itself",
	    t->peer->alias, t->peer->through);
	talk_third_done(s, t, &e);
}

/* Is the registry older than its inputs, or so old that some of them may be
 * too? */
static bool
sync_stale(const struct home *home)
{
	struct file_stamp stamp = file_stamp(home->registry);

	return !registry_fresh(home) ||
	    clock_real_ms() - stamp.mtime_ns / 1000000 > SYNC_REBUILD_MS;
}

int
sync_run(const struct home *home, const struct peers *peers,
    const struct sync_options *options,
    void (*report)(void *arg, const struct sync_result *result), void *arg,
    size_t *failed, struct err *e)
{
	struct sync s = { .home = home,
		.options = options,
		.report = report,
		.arg = arg,
		.slice = BUF_INIT_MAX(SLICE_SIZE_MAX),
		.n = peers->n };
	int rc = -1;
	size_t i;

	*failed = 0;
	/* A link that ends is an answer, not our end. */
	(void)signal(SIGPIPE, SIG_IGN);
	s.begun = clock_mono_ms();
	s.talks = x_calloc(s.n, sizeof(*s.talks));
	for (i = 0; i < s.n; i++)
		sync_begin(&s, &s.talks[i], &peers->v[i]);
	for (i = 0; i < s.n; i++)
		if (peers->v[i].through[0] != '\0')
			sync_begin_third(&s, &s.talks[i], peers);
	sync_loop(&s);
	for (i = 0; i < s.n; i++)
		*failed += s.talks[i].result.e.code != EXIT_OK;
	if (sync_stale(home) &&
	    registry_assemble(home, clock_real_ms(), &s.e) != 0)
		goto out;
	rc = 0;
out:
	if (rc != 0 && s.e.code != EXIT_OK)
		*e = s.e;
	for (i = 0; i < s.n; i++) {
		turn_close(&s.talks[i].turn);
		buf_free(&s.talks[i].text);
		buf_free(&s.talks[i].complaints);
	}
	x_free(s.talks);
	buf_free(&s.slice);
	return rc;
}
