#include "relay.h"

#include <string.h>

#include "exchange.h"
#include "str.h"

/* Whose machines are these, and does the way lead on? */
static int
relay_way(const struct relay_ask *ask, struct hops *path, struct err *e)
{
	if (ask->known_id[0] == '\0' || !str_eq(ask->known_id, ask->host_id))
		return err_set(e, EXIT_REFUSED,
		    "host %s: %s, so nothing is handed on for it", ask->host,
		    ask->known_id[0] == '\0' ? "gave us no slice"
					     : "was another machine before");
	if (str_eq(ask->target, ask->self) || str_eq(ask->target, ask->host) ||
	    str_eq(ask->host, ask->self) || hops_has(path, ask->self) ||
	    hops_has(path, ask->host) || hops_has(path, ask->target))
		return err_set(e, EXIT_REFUSED,
		    "host %s: the way to it leads in a circle, by %s",
		    ask->target, ask->self);
	if (hops_add(path, ask->host, ask->host_id) != 0)
		return err_set(e, EXIT_REFUSED,
		    "host %s: %d hosts handed it on already; it goes no "
		    "further",
		    ask->target, HOPS_MAX);
	if (ask->target_id[0] == '\0')
		return err_set(e, EXIT_WIRE,
		    "host %s: %s knows none of that name; no route",
		    ask->target, ask->self);
	if (!str_eq(ask->target_id, ask->pin))
		return err_set(e, EXIT_REFUSED,
		    "host %s: is another machine for %s than for who sends",
		    ask->target, ask->self);
	return 0;
}

int
relay_judge(const struct relay_ask *ask, struct hops *path, struct err *e)
{
	bool may = ask->line != NULL &&
	    (ask->bound ? ask->line->allow_relay : ask->line->relay);

	if (!str_host_ok(ask->target) || hops_read(path, ask->path) != 0)
		return err_set(e, EXIT_USAGE,
		    "For '%.40s', Path '%.100s': are no hosts", ask->target,
		    ask->path);
	if (!may)
		return err_set(e, EXIT_REFUSED,
		    "host %s: %s hands nothing on for %s; %s in the line of %s "
		    "in its peers.conf allows it",
		    ask->target, ask->self, ask->host,
		    ask->bound ? "allow=relay" : "relay=yes",
		    ask->line == NULL ? ask->host : ask->line->alias);
	return relay_way(ask, path, e);
}

/* The line of who asks with an unrestricted key. */
static const struct peer *
relay_line(const struct home *home, const struct peers *peers, const char *host)
{
	const struct peer *line = NULL;
	struct slice_came came;

	exchange_came(home, host, &came);
	if (came.by[0] != '\0')
		line = peers_find(peers, came.by);
	return line != NULL ? line : peers_find_any(peers, host);
}

int
relay_may(const struct home *home, const struct peers *peers,
    struct relay_ask *ask, const char *bound, struct hops *path, struct err *e)
{
	char known[HOME_ID_LEN + 1], target[HOME_ID_LEN + 1];

	exchange_host_id(home, ask->host, known);
	exchange_host_id(home, ask->target, target);
	ask->self = home->host;
	ask->known_id = known;
	ask->target_id = target;
	ask->bound = bound != NULL;
	ask->line = bound != NULL ? peers_find_any(peers, bound)
				  : relay_line(home, peers, ask->host);
	return relay_judge(ask, path, e);
}
