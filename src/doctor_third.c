/*
 * Hosts that are known through a peer, the hub, which is to hand messages on.
 * Whether it does is asked as notify-pane --status asks: what became of a
 * message by an id that nobody has. That goes the whole way and changes
 * nothing; "not known", by the host at its end, is that all is well.
 */
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "clock.h"
#include "doctor_parts.h"
#include "exchange.h"
#include "frame.h"
#include "mem.h"
#include "path.h"
#include "remote.h"
#include "str.h"

/* The line of ours in the hub's peers.conf, as its refusal names it. The words
 * are the hub's: only an alias is taken from them. */
static void
third_line(char out[PEERS_ALIAS_MAX + 1], const char *words, const char *self)
{
	static const char before[] = " in the line of ";
	const char *at = strstr(words, before);
	size_t n;

	(void)snprintf(out, PEERS_ALIAS_MAX + 1, "%s", self);
	if (at == NULL)
		return;
	at += sizeof(before) - 1;
	n = strcspn(at, " ");
	if (n == 0 || n > PEERS_ALIAS_MAX)
		return;
	memcpy(out, at, n);
	out[n] = '\0';
	if (!peers_alias_ok(out))
		(void)snprintf(out, PEERS_ALIAS_MAX + 1, "%s", self);
}

/* The hub may not hand on what comes from us. */
static void
third_barred(struct doctor *d, const struct peer *peer, const struct peer *hub,
    const char *hub_host, const char *words)
{
	const char *word = strstr(words, "allow=relay in ") != NULL
	    ? "allow=relay"
	    : "relay=yes";
	char line[PEERS_ALIAS_MAX + 1], *command;

	third_line(line, words, d->home.host);
	doctor_bad(d, peer->alias,
	    "host %s hands nothing on for us: on it, in ~/.agents/peers.conf, "
	    "the line of %s needs %s (if there is none: '%s dial=no %s')",
	    hub_host, line, word, line, word);
	/* A key that is bound there runs no other command. */
	if (str_eq(word, "allow=relay"))
		return;
	command = x_asprintf(
	    "f=~/.agents/peers.conf; if grep -q \"^%s\\([[:blank:]]\\|\\$\\)\" "
	    "$f; then sed -i \"s/^%s\\([[:blank:]]\\|\\$\\)/%s relay=yes\\1/\" "
	    "$f; else echo %s dial=no relay=yes >>$f; fi",
	    line, line, line, line);
	doctor_mend_there(d, hub, command);
	x_free(command);
}

/* What the hub, or one further on, said of a message that is not there. */
static void
third_judge(struct doctor *d, const struct peer *peer, const struct peer *hub,
    const char *hub_host, const struct frame *f)
{
	enum exit_code code =
	    (enum exit_code)frame_number(f, "Code", EXIT_LOCAL, EXIT_WIRE);
	const char *words = f->body.data;
	char *path;

	if (code == EXIT_UNKNOWN) {
		doctor_ok(d, peer->alias,
		    "is not dialled: known through %s, which hands messages "
		    "on to it",
		    hub->alias);
	} else if (code != EXIT_REFUSED) {
		doctor_note(d, peer->alias,
		    "%s hands messages on, but does not reach it now, which "
		    "is well for a host that fetches its messages there: %s",
		    hub->alias, words);
	} else if (strstr(words, "hands nothing on for ") != NULL &&
	    !str_starts(words, "on ")) {
		third_barred(d, peer, hub, hub_host, words);
	} else {
		doctor_bad(d, peer->alias, "%s hands nothing on to it: %s",
		    hub->alias, words);
		path = x_asprintf("%s/%s.toml", d->home.hosts, peer->alias);
		if (strstr(words, "gave us no slice") != NULL)
			doctor_mend(d, "agent-sync");
		else if (strstr(words, "another machine for ") != NULL)
			doctor_mend(d, "rm %w && agent-sync", path);
		x_free(path);
	}
}

/* Ask the hub, whose HELLO is there. */
static void
third_ask(struct doctor *d, const struct peer *peer, const struct peer *hub,
    struct remote *r, const char *pin)
{
	char request[AGENT_ID_MAX + 1], nobodys[AGENT_ID_MAX + 1];
	struct err e = { .code = EXIT_OK };
	struct frame f, answer;

	agent_id_new(request);
	agent_id_new(nobodys);
	frame_init(&f, FRAME_STATUS, request);
	frame_add(&f, "Message", nobodys);
	frame_add(&f, "For", peer->alias);
	frame_add(&f, "For-Id", pin);
	remote_put(r, &f);
	frame_free(&f);
	if (remote_wait(
		r, request, clock_deadline(d->o->peer_ms), &answer, &e) != 0) {
		doctor_note(d, peer->alias,
		    "is known through %s, which does not say in time whether "
		    "it reaches it",
		    hub->alias);
		return;
	}
	third_judge(d, peer, hub, r->host, &answer);
	frame_free(&answer);
}

static void
third_look(struct doctor *d, const void *arg)
{
	const struct peer *peer = arg;
	const struct peer *hub = peers_find(&d->peers, peer->through);
	char pin[HOME_ID_LEN + 1];
	struct err e = { .code = EXIT_OK };
	struct remote r = { .alias = NULL };

	exchange_host_id(&d->home, peer->alias, pin);
	if (pin[0] == '\0') {
		doctor_bad(d, peer->alias,
		    "nothing came of it yet from %s, through which it is known",
		    hub->alias);
		doctor_mend(d, "agent-sync");
		return;
	}
	if (remote_open_within(&r, &d->home, hub, d->o->peer_ms / 4 * 3, &e) !=
		0 ||
	    remote_greet(&r, &e) != 0) {
		/* Why stands in the hub's own row. */
		doctor_note(d, peer->alias,
		    "is known through %s, which gives no answer", hub->alias);
	} else if (!r.relays || !r.queues) {
		doctor_bad(d, peer->alias,
		    "is known through %s, whose panemesh %s hands no messages "
		    "on",
		    hub->alias, r.version);
		doctor_mend(d, "agent-sync peer install %w", hub->alias);
	} else {
		third_ask(d, peer, hub, &r, pin);
	}
	remote_close(&r);
}

void
doctor_third(struct doctor *d, const struct peer *peer)
{
	const struct peer *hub;
	bool relayed;

	hub = exchange_way(&d->home, &d->peers, peer->alias, &relayed, NULL);
	if (hub == NULL) {
		doctor_bad(d, peer->alias,
		    "is known through %s, which is no peer that is dialled",
		    peer->through);
		doctor_mend(d, "agent-sync peer add %w", peer->through);
	} else if (!relayed) {
		doctor_ok(d, peer->alias,
		    "is not needed to be known through %s: %s leads there",
		    peer->through, hub->alias);
	} else {
		doctor_aside(d, peer->alias, d->o->peer_ms, third_look, peer);
	}
}
