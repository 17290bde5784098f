#include "origin.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "registry.h"
#include "str.h"

/* Is `name` an agent in the slice that `host` published? */
static bool
origin_verified(const struct home *home, const char *host, const char *name)
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
			!origin_verified(home, host, name)))
		return;
	memcpy(out, name, strlen(name) + 1);
}

int
origin_read(const struct home *home, const char *host, const struct frame *f,
    struct origin *from, struct err *e)
{
	const char *name = frame_get(f, "From", "");

	if (!body_sender_ok(name))
		return err_set(
		    e, EXIT_USAGE, "From: '%.100s' is no sender's name", name);
	memcpy(from->name, name, strlen(name) + 1);
	origin_verify(home, host, f, from->verified);
	if (origin_verified(home, host, name)) {
		from->note = NULL;
		(void)snprintf(from->folder, sizeof(from->folder), "%s", name);
		return 0;
	}
	from->note = strchr(name, '@') != NULL ? "no reply" : "unverified";
	(void)snprintf(
	    from->folder, sizeof(from->folder), "unverified-%s", host);
	return 0;
}

struct allow_sender
origin_sender(const struct origin *from, const char *host)
{
	return (struct allow_sender){ .name = from->verified, .host = host };
}
