#include "origin.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "exchange.h"
#include "registry.h"
#include "sender.h"
#include "str.h"

/* Is `name` an agent in the slice that `host` published? What that says of it
 * goes into `card`, if that is not NULL. */
static bool
origin_verified(const struct home *home, const char *host, const char *name,
    struct mail_card *card)
{
	struct registry registry = REGISTRY_INIT;
	int64_t now = clock_real_ms();
	bool verified = false, alias;
	struct agent a;

	if (str_address_ok(name) &&
	    registry_open(&registry, home, now, NULL) == 0) {
		verified = registry_find(
			       &registry, name, now, &a, &alias, NULL) == 0 &&
		    !alias && str_eq(a.host, host);
		if (verified && card != NULL)
			sender_card(card, &a);
		agent_free(&a);
	}
	registry_close(&registry);
	return verified;
}

/*
 * Who sends, for @agent-allow: not what `From` claims, but what the other
 * side's notify-pane found out; and no name that would be another host's.
 */
static void
origin_verify(
    const struct home *home, const char *host, const struct frame *f, char *out)
{
	const char *name = frame_get(f, "Sender", ""), *at;

	out[0] = '\0';
	at = strrchr(name, '@');
	if (!body_sender_ok(name) ||
	    (at != NULL ? !str_eq(at + 1, host)
			: !registry_names(home, name, host) ||
			!origin_verified(home, host, name, NULL)))
		return;
	memcpy(out, name, strlen(name) + 1);
}

/* What was handed on: where it began is believed as far as who brought it
 * vouches for that, and peers.conf believes who brought it. */
static void
origin_relayed(const struct home *home, const char *host, const struct frame *f,
    struct origin *from)
{
	const char *vouched = frame_get(f, "Vouched", ""), *at;
	const struct hop *began = &from->path.v[0];
	char known[HOME_ID_LEN + 1];

	from->verified[0] = '\0';
	from->note = "unverified";
	(void)snprintf(
	    from->folder, sizeof(from->folder), "unverified-%s", host);
	exchange_host_id(home, began->host, known);
	if ((!str_eq(vouched, ORIGIN_HOST) &&
		!str_eq(vouched, ORIGIN_SENDER)) ||
	    !str_eq(known, began->id) ||
	    !exchange_through(home, began->host, host))
		return;
	from->host = began->host;
	at = strrchr(from->name, '@');
	if (at != NULL && str_eq(at + 1, began->host))
		from->note = "no reply";
	if (!str_eq(vouched, ORIGIN_SENDER) ||
	    !origin_verified(home, began->host, from->name, &from->card))
		return;
	(void)snprintf(
	    from->through, sizeof(from->through), MAIL_THROUGH "%s", host);
	from->note = from->through;
}

int
origin_read(const struct home *home, const char *host, const struct frame *f,
    struct origin *from, struct err *e)
{
	const char *name = frame_get(f, "From", "");

	if (!body_sender_ok(name))
		return err_set(
		    e, EXIT_USAGE, "From: '%.100s' is no sender's name", name);
	if (hops_read(&from->path, frame_get(f, "Path", "")) != 0)
		return err_set(e, EXIT_USAGE, "Path: '%.100s' is no way",
		    frame_get(f, "Path", ""));
	from->host = host;
	from->card = (struct mail_card){ .project = "" };
	memcpy(from->name, name, strlen(name) + 1);
	if (from->path.n > 0) {
		origin_relayed(home, host, f, from);
		return 0;
	}
	origin_verify(home, host, f, from->verified);
	if (origin_verified(home, host, name, &from->card)) {
		from->note = NULL;
		(void)snprintf(from->folder, sizeof(from->folder), "%s", name);
		return 0;
	}
	from->note = strchr(name, '@') != NULL ? "no reply" : "unverified";
	(void)snprintf(
	    from->folder, sizeof(from->folder), "unverified-%s", host);
	return 0;
}

const char *
origin_vouch(
    const char *from, const char *note, const char *host, const char *path)
{
	struct hops hops;

	if (mail_answerable(from, note))
		return ORIGIN_SENDER;
	if (path == NULL || hops_read(&hops, path) != 0 || hops.n == 0 ||
	    !str_eq(hops.v[0].host, host))
		return NULL;
	return ORIGIN_HOST;
}

struct allow_sender
origin_sender(const struct origin *from, const char *host)
{
	return (struct allow_sender){ .name = from->verified,
		.host = from->path.n > 0 ? NULL : host };
}
