#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mem.h"
#include "path.h"
#include "ssh_parts.h"
#include "str.h"

void
ssh_argv_home(struct argv *argv, const char *home)
{
	const struct passwd *pw = getpwuid(getuid());
	char *path;

	if (pw != NULL && str_eq(pw->pw_dir, home))
		return;
	path = path_join(home, ".ssh/config");
	if (access(path, R_OK) == 0)
		argv_addl(argv, "-F", path, (char *)NULL);
	x_free(path);
	/* Keys and known hosts that no line names; first come, first served, so
	 * this would overrule a line: it is only for AGENT_SSH_HOME. */
	argv_add(argv, "-o");
	argv_addf(argv,
	    "UserKnownHostsFile=\"%s/.ssh/known_hosts\" "
	    "\"%s/.ssh/known_hosts2\"",
	    home, home);
}

/* The program that reaches it: ssh -W for a ProxyJump, by argv. */
static void
ssh_jump(const struct ssh_link *l, const char *jump, struct argv *argv)
{
	const char *last = strrchr(jump, ','), *at, *port, *colon;

	argv_addl(argv, "ssh", "-o", "BatchMode=yes", "-o",
	    "ClearAllForwardings=yes", (char *)NULL);
	ssh_argv_home(argv, l->conf.home);
	if (last != NULL) {
		argv_add(argv, "-J");
		argv_addf(argv, "%.*s", (int)(last - jump), jump);
		jump = last + 1;
	}
	at = strrchr(jump, '@');
	if (at != NULL) {
		argv_add(argv, "-l");
		argv_addf(argv, "%.*s", (int)(at - jump), jump);
		jump = at + 1;
	}
	colon = strrchr(jump, ':');
	/* [::1]:22 has a port, ::1 has none. */
	port = colon != NULL &&
		(strchr(jump, ':') == colon ||
		    (colon > jump && colon[-1] == ']'))
	    ? colon + 1
	    : NULL;
	if (port != NULL)
		argv_addl(argv, "-p", port, (char *)NULL);
	argv_addl(argv, "-W", (char *)NULL);
	argv_addf(argv, "[%s]:%s", l->conf.host, l->conf.port);
	argv_add(argv, "--");
	if (jump[0] == '[')
		argv_addf(argv, "%.*s", (int)strcspn(jump + 1, "]"), jump + 1);
	else
		argv_addf(argv, "%.*s",
		    (int)(port != NULL ? (size_t)(port - 1 - jump)
				       : strlen(jump)),
		    jump);
}

/* As OpenSSH runs a ProxyCommand: by the user's shell, with exec. */
static void
ssh_proxy(const char *command, struct argv *argv)
{
	const char *shell = getenv("SHELL");

	argv_addl(argv, shell == NULL || *shell != '/' ? "/bin/sh" : shell,
	    "-c", (char *)NULL);
	argv_addf(argv, "exec %s",
	    str_starts(command, "exec ") ? command + 5 : command);
}

int
ssh_reach(struct ssh_link *l, int64_t deadline, struct err *e)
{
	const struct sshconf *c = &l->conf;
	const char *jump = sshconf_get(c, SSHCONF_PROXY_JUMP);
	const char *command = sshconf_get(c, SSHCONF_PROXY_COMMAND);
	const char *family = sshconf_get(c, SSHCONF_ADDRESS_FAMILY);
	struct dial d = { .host = c->host,
		.port = c->port,
		.bind = sshconf_get(c, SSHCONF_BIND_ADDRESS),
		.family = str_eq(family, "inet") ? AF_INET
		    : str_eq(family, "inet6")    ? AF_INET6
						 : AF_UNSPEC };
	struct argv argv = ARGV_INIT;

	if (*jump != '\0' && !str_eq(jump, "none"))
		ssh_jump(l, jump, &argv);
	else if (*command != '\0' && !str_eq(command, "none"))
		ssh_proxy(command, &argv);
	if (argv.n > 0) {
		ssh_stage_set("starting its proxy command");
		if (dial_command_start(&l->proxy, &argv, e) == 0) {
			l->fd = l->proxy.fd;
			l->proxy.fd = -1;
		}
	} else {
		ssh_stage_set("looking up its address or connecting");
		l->fd = dial_tcp(&d, deadline, e);
	}
	argv_free(&argv);
	if (l->fd < 0)
		return err_prefix(e, "%s", l->alias);
	return 0;
}
