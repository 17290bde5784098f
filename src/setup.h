/* setup - what most programs open before they do anything: whose home this is,
 * its settings, the profiles. */
#ifndef SETUP_H
#define SETUP_H

#include "config.h"
#include "err.h"
#include "home.h"
#include "profile.h"

struct setup {
	struct home home;
	struct config config;
	struct profile_set profiles;
};

#define SETUP_INIT                                                      \
	{                                                               \
		.home = HOME_INIT, .config = CONFIG_INIT, .profiles = { \
			.v = NULL                                       \
		}                                                       \
	}

/*
 * Home and settings: -1 with EXIT_LOCAL. setup_open_all() loads the profiles
 * too. Free with setup_close() in any case.
 */
int setup_open(struct setup *s, struct err *e);
int setup_open_all(struct setup *s, struct err *e);

/*
 * Load the profiles, the user's own over ours; nothing if they are loaded. -1
 * with EXIT_LOCAL for the first that is wrong, and the set holds those before
 * it.
 */
int setup_profiles(struct setup *s, struct err *e);

/* The same with profile_set_load_part(). */
int setup_profiles_part(struct setup *s, struct err *e);

void setup_close(struct setup *s);

#endif
