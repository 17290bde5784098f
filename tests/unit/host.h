/* host - a host "me" at a frozen time, and what other hosts publish. */
#ifndef UNIT_HOST_H
#define UNIT_HOST_H

#include "unit.h"

#include "clock.h"
#include "home.h"
#include "mem.h"

/* Open `home` in a fresh folder, which is returned, at `now` (real ms). */
static inline char *
host_up(struct home *home, int64_t now)
{
	char *dir = unit_dir();
	struct err e;

	assert_int_equal(setenv("AGENTS_DIR", unit_path(dir, "agents"), 1), 0);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(home_open(home, &e), 0);
	(void)snprintf(home->host, sizeof(home->host), "me");
	clock_freeze(now);
	return dir;
}

static inline void
host_down(struct home *home, char *dir)
{
	clock_freeze(-1);
	home_close(home);
	unit_dir_remove(dir);
}

/* A slice of `host` with one agent, HOST-dev-w; malloc'd. */
static inline char *
host_slice(
    const char *host, const char *id, int64_t generation, const char *role)
{
	return x_asprintf("[slices.%s]\nversion = 1\nhost_id = \"%s\"\n"
			  "generation = %lld\n"
			  "written = \"2026-01-02T03:04:05Z\"\n"
			  "[agents.%s-dev-w]\nhost = \"%s\"\n"
			  "target = \"dev:0\"\nrole = \"%s\"\n"
			  "id = \"0123456789abcdefghij\"\nsocket = \"/s\"\n"
			  "server = \"12.34\"\npane = \"%%1\"\n"
			  "window_id = \"@1\"\n",
	    host, id, (long long)generation, host, host, role);
}

#endif
