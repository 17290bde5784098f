#include "setup.h"

#include "mem.h"
#include "path.h"

int
setup_open(struct setup *s, struct err *e)
{
	*s = (struct setup)SETUP_INIT;
	if (home_open(&s->home, e) != 0)
		return -1;
	return config_load(&s->config, s->home.config, e);
}

int
setup_open_all(struct setup *s, struct err *e)
{
	return setup_open(s, e) == 0 ? setup_profiles(s, e) : -1;
}

static int
load(struct setup *s,
    int (*load_set)(struct profile_set *, const char *, struct err *),
    struct err *e)
{
	char *own;
	int rc;

	if (s->profiles.n > 0)
		return 0;
	own = path_join(s->home.dir, "profiles.d");
	rc = load_set(&s->profiles, own, e);
	x_free(own);
	return rc;
}

int
setup_profiles(struct setup *s, struct err *e)
{
	return load(s, profile_set_load, e);
}

int
setup_profiles_part(struct setup *s, struct err *e)
{
	return load(s, profile_set_load_part, e);
}

void
setup_close(struct setup *s)
{
	profile_set_free(&s->profiles);
	config_free(&s->config);
	home_close(&s->home);
}
