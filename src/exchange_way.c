#include "exchange_parts.h"

#include "contact.h"
#include "mem.h"
#include "path.h"
#include "str.h"

/* Does this line lead to `host` still, by all that was heard of it? */
static bool
exchange_leads(
    const struct home *home, const struct peer *line, const char *host)
{
	struct contact contact;

	contact_load(&contact, home, line->alias);
	return contact.host[0] == '\0' || str_eq(contact.host, host);
}

static bool
exchange_dialled(const struct peer *line)
{
	return !line->dials && line->through[0] == '\0';
}

/* The line that the name `host` belongs to: the one by which its slice came,
 * else the one of that very name. */
static const struct peer *
exchange_owner(const struct home *home, const struct peers *peers,
    const char *host, const struct slice_came *came)
{
	const struct peer *line = NULL;

	if (came->by[0] != '\0')
		line = peers_find(peers, came->by);
	if (line != NULL && exchange_dialled(line) &&
	    exchange_leads(home, line, host))
		return line;
	line = peers_find_any(peers, host);
	if (line != NULL && exchange_dialled(line) &&
	    !exchange_leads(home, line, host))
		return NULL;
	return line;
}

int
exchange_other_way(const struct home *home, const char *host,
    const struct slice_came *came, const char *alias, struct err *e)
{
	char *path = path_join(home->dir, "peers.conf");
	struct peers peers = PEERS_INIT;
	const struct peer *owner;
	struct contact contact;
	int rc = -1;

	if (str_eq(came->by, alias)) {
		rc = 0;
		goto out;
	}
	if (peers_load(&peers, path, e) != 0)
		goto out;
	owner = exchange_owner(home, &peers, host, came);
	if (owner == NULL || str_eq(owner->alias, alias)) {
		rc = 0;
		goto out;
	}
	contact_load(&contact, home, owner->alias);
	if (exchange_dialled(owner) && contact.failed[0] == '\0')
		rc = 1;
	else
		(void)err_set(e, EXIT_REFUSED,
		    "slice of '%s': not taken from %s, since that name is of "
		    "%s in peers.conf, which %s; if %s is that host: "
		    "agent-sync peer rm %s",
		    host, alias, owner->alias,
		    exchange_dialled(owner) ? "failed" : "is not dialled",
		    alias, owner->alias);
out:
	peers_free(&peers);
	x_free(path);
	return rc;
}

bool
exchange_has_way(const struct home *home, const char *host, const char *alias)
{
	struct slice_came came;

	exchange_came(home, host, &came);
	/* What others said of it is no reason to leave its own word out. */
	return came.hops == 0 && came.by[0] != '\0' &&
	    (str_eq(came.by, alias) ||
		exchange_other_way(home, host, &came, alias, NULL) != 0);
}

/* The line by which `host` is reached; one that says through= only leads to
 * another one. NULL: there is none. */
static const struct peer *
exchange_line(
    const struct home *home, const struct peers *peers, const char *host)
{
	const struct peer *peer = NULL;
	struct slice_came came;

	exchange_came(home, host, &came);
	if (came.by[0] != '\0')
		peer = peers_find(peers, came.by);
	if (peer == NULL || peer->through[0] != '\0')
		peer = peers_find(peers, host);
	return peer;
}

/* No line leads there: what is to be written into peers.conf? */
static void
exchange_no_route(const struct home *home, const struct peers *peers,
    const char *host, struct err *e)
{
	struct slice_came came, hub = { .ms = 0 };

	exchange_came(home, host, &came);
	if (peers_find_any(peers, host) != NULL) {
		(void)err_set(e, EXIT_WIRE,
		    "host %s: is not dialled (dial=no in peers.conf), and "
		    "fetches no messages here; no route",
		    host);
		return;
	}
	if (came.hops > 0)
		exchange_came(home, came.through, &hub);
	if (hub.by[0] != '\0' && peers_find(peers, hub.by) != NULL)
		(void)err_set(e, EXIT_WIRE,
		    "host %s: no route; '%s through=%s' in peers.conf, or "
		    "agent-sync peer add %s",
		    host, host, hub.by, host);
	else
		(void)err_set(e, EXIT_WIRE,
		    "host %s: no route; agent-sync peer add %s", host, host);
}

const struct peer *
exchange_way(const struct home *home, const struct peers *peers,
    const char *host, bool *relayed, struct err *e)
{
	const struct peer *peer = exchange_line(home, peers, host), *hub;

	*relayed = peer != NULL && peer->through[0] != '\0';
	if (peer == NULL)
		exchange_no_route(home, peers, host, e);
	if (!*relayed)
		return peer;
	hub = peers_find(peers, peer->through);
	if (hub != NULL && hub->through[0] == '\0')
		return hub;
	(void)err_set(e, EXIT_WIRE,
	    "host %s: known through %s, which is no peer that is dialled; no "
	    "route",
	    host, peer->through);
	return NULL;
}

const struct peer *
exchange_route(const struct home *home, const struct peers *peers,
    const char *host, struct err *e)
{
	const struct peer *peer;
	bool relayed;

	peer = exchange_way(home, peers, host, &relayed, e);
	if (peer == NULL || !relayed)
		return peer;
	(void)err_set(e, EXIT_WIRE,
	    "host %s: known through %s only, which hands on messages alone",
	    host, peer->alias);
	return NULL;
}

bool
exchange_through(const struct home *home, const char *host, const char *through)
{
	char *path = path_join(home->dir, "peers.conf");
	struct peers peers = PEERS_INIT;
	const struct peer *line;
	struct slice_came came;
	bool named = false;

	if (peers_load(&peers, path, NULL) == 0 &&
	    (line = peers_find(&peers, host)) != NULL &&
	    line->through[0] != '\0') {
		exchange_came(home, through, &came);
		named = str_eq(
		    line->through, came.by[0] == '\0' ? through : came.by);
	}
	peers_free(&peers);
	x_free(path);
	return named;
}
