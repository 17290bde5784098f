/* lookup - find addresses in the address book and print where they are: what
 * notify-pane does before it sends, for the benchmark. */
#include <stdio.h>

#include "clock.h"
#include "home.h"
#include "registry.h"

int
main(int argc, char **argv)
{
	struct registry registry = REGISTRY_INIT;
	struct home home = HOME_INIT;
	struct agent agent;
	struct err e;
	bool alias;
	int i, rc = 0;

	if (home_open(&home, &e) != 0 ||
	    registry_open(&registry, &home, clock_real_ms(), &e) != 0)
		rc = 9;
	for (i = 1; i < argc && rc == 0; i++) {
		if (registry_find(&registry, argv[i], clock_real_ms(), &agent,
			&alias, &e) == 0)
			(void)printf("%s %s\n", agent.address, agent.target);
		else
			rc = (int)e.code;
		agent_free(&agent);
	}
	if (rc != 0)
		(void)fprintf(stderr, "lookup: %s\n", e.msg);
	registry_close(&registry);
	home_close(&home);
	return rc;
}
