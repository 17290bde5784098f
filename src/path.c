#include "path.h"

#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "str.h"

char *
path_home(struct err *e)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home != NULL && home[0] == '/')
		return x_strdup(home);
	pw = getpwuid(geteuid());
	if (pw != NULL && pw->pw_dir != NULL && pw->pw_dir[0] == '/')
		return x_strdup(pw->pw_dir);
	(void)err_set(e, EXIT_LOCAL,
	    "HOME: not set, and uid %u has no home folder; set HOME",
	    (unsigned)geteuid());
	return NULL;
}

/* The folder that `variable` names, else `name` in the home folder. */
static char *
path_choose(const char *variable, const char *name, struct err *e)
{
	const char *value = getenv(variable);
	char *home, *path;

	if (value != NULL && value[0] != '\0') {
		if (value[0] == '/')
			return x_strdup(value);
		(void)err_set(e, EXIT_LOCAL, "%s: '%s' is not an absolute path",
		    variable, value);
		return NULL;
	}
	home = path_home(e);
	if (home == NULL)
		return NULL;
	path = path_join(home, name);
	x_free(home);
	return path;
}

char *
path_ssh_home(struct err *e)
{
	const char *home = getenv("AGENT_SSH_HOME");
	const struct passwd *pw;

	if (home != NULL && home[0] == '/')
		return x_strdup(home);
	if (home != NULL && home[0] != '\0') {
		(void)err_set(e, EXIT_LOCAL,
		    "AGENT_SSH_HOME: '%s' is not an absolute path", home);
		return NULL;
	}
	pw = getpwuid(getuid());
	if (pw != NULL && pw->pw_dir != NULL && pw->pw_dir[0] == '/')
		return x_strdup(pw->pw_dir);
	/* ssh itself would give up. */
	return path_home(e);
}

char *
path_agents(struct err *e)
{
	return path_choose("AGENTS_DIR", ".agents", e);
}

char *
path_inbox(struct err *e)
{
	return path_choose("AGENT_INBOX_DIR", ".agent-inbox", e);
}

char *
path_join(const char *dir, const char *name)
{
	return x_asprintf("%s%s%s", dir, str_ends(dir, "/") ? "" : "/", name);
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

char *
path_show(const char *path)
{
	char *home = path_home(NULL), *shown = NULL;
	size_t len;

	if (home != NULL) {
		len = strlen(home);
		while (len > 0 && home[len - 1] == '/')
			len--;
		if (len > 0 && strncmp(path, home, len) == 0 &&
		    (path[len] == '/' || path[len] == '\0'))
			shown = x_asprintf("~%s", path + len);
	}
	x_free(home);
	return shown != NULL ? shown : x_strdup(path);
}
