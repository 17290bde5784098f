#include "warm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "buf.h"
#include "contact.h"
#include "file.h"
#include "mem.h"
#include "path.h"

/* Is that a folder of ours that nobody else can enter? */
static bool
warm_ours(const char *dir)
{
	struct stat st;

	return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) &&
	    st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

/* Never from the environment: cron and hooks must find the same one. */
static char *
warm_dir(const struct home *home, struct err *e)
{
	char *user = x_asprintf("/run/user/%u", (unsigned)geteuid());
	char *dir = path_join(user, "panemesh");
	bool ours = warm_ours(user);

	x_free(user);
	if (ours && (warm_ours(dir) || mkdir(dir, 0700) == 0))
		return dir;
	x_free(dir);
	if (warm_ours(home->run))
		return x_strdup(home->run);
	(void)err_set(e, EXIT_LOCAL,
	    "%s: others can enter it; chmod 700 it, for links to be kept",
	    home->run);
	return NULL;
}

int
warm_name(struct warm *w, const struct home *home, const struct peer *peer,
    struct err *e)
{
	char alias[WARM_ALIAS_MAX + 1];
	uint64_t hash;

	memset(w, 0, sizeof(*w));
	w->dir = warm_dir(home, e);
	if (w->dir == NULL)
		return -1;
	(void)snprintf(alias, sizeof(alias), "%s", peer->alias);
	hash = contact_line(home, peer);
	w->sock = x_asprintf("%s/%s-%016" PRIx64 ".sock", w->dir, alias, hash);
	w->lock = x_asprintf("%s/%s-%016" PRIx64 ".lock", w->dir, alias, hash);
	return 0;
}

void
warm_free(struct warm *w)
{
	X_CLEAR(w->dir);
	X_CLEAR(w->sock);
	X_CLEAR(w->lock);
}

/*
 * The address of the socket. A path that is too long for one goes through an
 * open descriptor of its folder, *fd, which is to be closed (-1: none).
 */
static int
warm_address(const struct warm *w, struct sockaddr_un *un, int *fd)
{
	int n;

	memset(un, 0, sizeof(*un));
	un->sun_family = AF_UNIX;
	*fd = -1;
	if (strlen(w->sock) < sizeof(un->sun_path)) {
		memcpy(un->sun_path, w->sock, strlen(w->sock));
		return 0;
	}
	*fd = open(w->dir, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	n = snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/%s",
	    *fd, path_base(w->sock));
	return *fd < 0 || n >= (int)sizeof(un->sun_path) ? -1 : 0;
}

static bool
warm_peer(int fd, pid_t *pid)
{
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
	    cred.uid != geteuid())
		return false;
	if (pid != NULL)
		*pid = cred.pid;
	return true;
}

int
warm_connect(const struct warm *w, pid_t *pid)
{
	struct sockaddr_un un;
	int fd, dir;

	if (warm_address(w, &un, &dir) != 0) {
		if (dir >= 0)
			(void)close(dir);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Non-blocking: a full backlog is a holder that is of no use. */
	if (fd >= 0 &&
	    (connect(fd, (const struct sockaddr *)&un, sizeof(un)) != 0 ||
		!warm_peer(fd, pid))) {
		(void)close(fd);
		fd = -1;
	}
	if (dir >= 0)
		(void)close(dir);
	return fd;
}

bool
warm_stopped(pid_t pid)
{
	char *path = x_asprintf("/proc/%ld/stat", (long)pid);
	struct buf text = BUF_INIT_MAX(4096);
	const char *end;
	bool stopped = false;

	/* "pid (name) STATE ...", and a name may have anything in it. */
	if (file_read(path, &text, NULL) == FILE_READ &&
	    (end = strrchr(text.data, ')')) != NULL && end[1] == ' ')
		stopped = end[2] == 'T' || end[2] == 't';
	buf_free(&text);
	x_free(path);
	return stopped;
}

int
warm_listen(const struct warm *w, struct err *e)
{
	struct sockaddr_un un;
	int fd = -1, dir, rc = -1;

	if (warm_address(w, &un, &dir) == 0)
		fd = socket(
		    AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		(void)unlink(w->sock);
		/* The folder is ours alone. */
		rc = bind(fd, (const struct sockaddr *)&un, sizeof(un)) == 0 &&
			chmod(w->sock, 0600) == 0 &&
			listen(fd, WARM_BACKLOG) == 0
		    ? 0
		    : -1;
	}
	if (rc != 0)
		(void)err_set(e, EXIT_LOCAL, "%s: cannot listen: %s", w->sock,
		    strerror(errno));
	if (rc != 0 && fd >= 0) {
		(void)close(fd);
		fd = -1;
	}
	if (dir >= 0)
		(void)close(dir);
	return fd;
}

int
warm_accept(int fd)
{
	int caller = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (caller >= 0 && !warm_peer(caller, NULL)) {
		(void)close(caller);
		return -1;
	}
	return caller;
}
