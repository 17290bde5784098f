#include "wake.h"

#include <dirent.h>

#include "agent.h"
#include "lock.h"
#include "mem.h"
#include "path.h"
#include "proc.h"

int
wake_claim(const struct home *h, const char *id, int *fd, struct err *e)
{
	char *path = x_asprintf("%s/waiter-%s.lock", h->run, id);
	enum lock_result result = lock_take(path, 0, fd, e);

	x_free(path);
	return result == LOCK_TAKEN ? 0 : result == LOCK_BUSY ? 1 : -1;
}

void
wake(const struct home *h, const char *id)
{
	struct argv argv = ARGV_INIT;
	char *program;
	int fd;

	if (!agent_id_ok(id) || wake_claim(h, id, &fd, NULL) != 0)
		return;
	lock_drop(&fd);
	program = proc_sibling("agent-inbox");
	argv_addl(&argv, program, "drain", "-a", id, NULL);
	/* The next one who comes by tries again. */
	(void)proc_detach(&argv, NULL);
	argv_free(&argv);
	x_free(program);
}

void
wake_all(const struct home *h)
{
	char *path = path_join(h->dir, "mail/waiting");
	struct dirent *found;
	DIR *dir = opendir(path);

	while (dir != NULL && (found = readdir(dir)) != NULL)
		if (agent_id_ok(found->d_name))
			wake(h, found->d_name);
	if (dir != NULL)
		(void)closedir(dir);
	x_free(path);
}
