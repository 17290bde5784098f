#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "argv.h"
#include "mem.h"
#include "path.h"
#include "proc.h"
#include "str.h"
#include "sync.h"

/* Beside the programs as they are installed. */
static char *
helper_find(struct err *e)
{
	char *self = proc_sibling("agent-sync"), *path;
	const int folder = (int)(path_base(self) - self);

	path = x_asprintf("%.*s../share/panemesh/setup/peer", folder, self);
	if (folder == 0 || access(path, X_OK) != 0) {
		(void)err_set(e, EXIT_LOCAL,
		    "%s: is missing; this works with an installed panemesh: "
		    "./install.sh",
		    path);
		x_free(path);
		path = NULL;
	}
	x_free(self);
	return path;
}

int
sync_peer_helper(const struct home *home, const char *verb, const char *alias,
    const char *name, struct err *e)
{
	char *conf = path_join(home->dir, "peers.conf"), *helper = NULL;
	struct peers peers = PEERS_INIT;
	struct argv argv = ARGV_INIT;
	const struct peer *peer;

	if (name == NULL)
		name = home->host;
	if (!peers_alias_ok(alias) || !peers_alias_ok(name)) {
		(void)err_set(e, EXIT_USAGE, "'%.100s' can be no peer's name",
		    peers_alias_ok(alias) ? name : alias);
		goto out;
	}
	if (peers_load(&peers, conf, e) != 0)
		goto out;
	peer = peers_find_any(&peers, alias);
	if (peer != NULL && peer->command.n > 0) {
		(void)err_set(e, EXIT_USAGE,
		    "%s: is reached by a command= of %s, not by ssh; run "
		    "install.sh there by hand",
		    alias, conf);
		goto out;
	}
	if (peer != NULL && peer->dials) {
		(void)err_set(e, EXIT_USAGE,
		    "%s: is not dialled: dial=no in %s", alias, conf);
		goto out;
	}
	if (peer != NULL && peer->through[0] != '\0') {
		(void)err_set(e, EXIT_USAGE,
		    "%s: is not dialled, but known through %s (%s)", alias,
		    peer->through, conf);
		goto out;
	}
	helper = helper_find(e);
	if (helper == NULL)
		goto out;
	argv_addl(&argv, helper, verb, alias, home->host, name,
	    peer == NULL ? "" : peer->identity, NULL);
	/* In our place: it talks to the person, and its status is ours. */
	(void)execv(helper, (char *const *)argv.v);
	(void)err_set(e, EXIT_LOCAL, "%s: %s", helper, strerror(errno));
out:
	argv_free(&argv);
	peers_free(&peers);
	x_free(helper);
	x_free(conf);
	return -1;
}
