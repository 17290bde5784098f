/*
 * The sandbox of an agent. Each is another: Claude Code and Codex filter calls
 * (EPERM), Gemini's has a /tmp and a /dev of its own and the rest read-only; a
 * container has nothing of ours, and nobody runs us there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "doctor_parts.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "ps.h"
#include "str.h"

enum { BOX_TEXT_MAX = 256 * 1024, BOX_ANCESTORS_MAX = 32 };

/* Which agent's sandbox may this be? */
struct box {
	const char *name;     /* of the agent */
	const char *variable; /* that it sets for its commands; NULL: any */
	const char *ancestor; /* a program we descend from */
	const char *setting;
	const char *mend; /* how to start it; NULL: not known */
	const char *rule; /* what is added to Codex's; NULL: none */
	/* A file in the home folder that has the setting, if `key` is in it. */
	const char *file, *key, *script;
};

/* Where a sandbox has a /dev of its own it is not enough to open it: what needs
 * the terminals runs outside of it (docs/AGENTS.md). */
static const struct box boxes[] = {
	{ .name = "Codex",
	    .variable = "CODEX_SANDBOX_NETWORK_DISABLED",
	    .ancestor = "codex",
	    .setting =
		"a rule in ~/.codex/rules that has notify-pane run outside of "
		"it",
	    .rule = "prefix_rule(pattern = [[\"notify-pane\", "
		    "\"agent-inbox\"]], decision = \"allow\")" },
	{ .name = "Claude Code",
	    .variable = "CLAUDECODE",
	    .ancestor = "claude",
	    .setting = "permissions.allow and sandbox.excludedCommands in "
		       "~/.claude/settings.json",
	    .mend = "claude --settings '{\"permissions\":{\"allow\":"
		    "[\"Bash(notify-pane:*)\",\"Bash(agent-inbox:*)\"]},"
		    "\"sandbox\":{\"excludedCommands\":"
		    "[\"notify-pane:*\",\"agent-inbox:*\"]}}'" },
	{ .name = "Gemini",
	    .variable = "GEMINI_CLI",
	    .ancestor = "gemini",
	    .setting = "security.toolSandboxing and tools.sandbox in "
		       "~/.gemini/settings.json",
	    .mend = "gemini --sandbox=false",
	    .file = ".gemini/settings.json",
	    .key = "\"toolSandboxing\"",
	    .script = "s/\\(\"toolSandboxing\" *: *\\)true/\\1false/" },
	{ .name = "Qwen",
	    .variable = "QWEN_CODE",
	    .ancestor = "qwen",
	    .setting = "tools.sandbox in ~/.qwen/settings.json",
	    .mend = "qwen --sandbox=false" },
	{ .name = "a sandbox",
	    .ancestor = "bwrap",
	    .setting = "its --bind of these places" },
	{ .name = "a sandbox",
	    .ancestor = "firejail",
	    .setting = "its --whitelist of these places" },
};

/* The agent whose command we are; NULL when none is known. */
static const struct box *
box_find(void)
{
	struct ps ps = { .ppid = getppid() };
	pid_t pid = getppid();
	size_t i;
	int n;

	for (i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
		if (boxes[i].variable != NULL &&
		    getenv(boxes[i].variable) != NULL)
			return &boxes[i];
	for (n = 0; n < BOX_ANCESTORS_MAX && pid > 1; n++) {
		if (ps_read(pid, &ps) != 0)
			break;
		for (i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++)
			if (str_starts(ps.comm, boxes[i].ancestor))
				return &boxes[i];
		pid = ps.ppid;
	}
	return NULL;
}

bool
doctor_boxed(const struct doctor *d)
{
	return d->has_home && d->is_there && box_find() != NULL &&
	    access(d->home.dir, W_OK) != 0 && errno == EROFS;
}

/* Does the kernel filter what we may ask of it? */
static bool
box_seccomp(void)
{
	struct buf text = BUF_INIT_MAX(BOX_TEXT_MAX);
	bool filtered;

	(void)file_read("/proc/self/status", &text, NULL);
	filtered = strstr(text.data, "\nSeccomp:\t2") != NULL;
	buf_free(&text);
	return filtered;
}

/* 0, or why a socket may not be reached, if that is a matter of rights. A
 * sandbox with a /tmp of its own (`hidden`) does not show it. */
static int
box_connect(const char *socket_path, bool hidden)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, rc = 0;

	if (strlen(socket_path) >= sizeof(to.sun_path))
		return 0;
	memcpy(to.sun_path, socket_path, strlen(socket_path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof(to)) != 0)
		rc = errno;
	if (fd >= 0)
		(void)close(fd);
	return rc == EPERM || rc == EACCES || (rc == ENOENT && hidden) ? rc : 0;
}

/* The file of the user's that turns it on; malloc'd, NULL: none does. */
static char *
box_file(const struct box *box)
{
	struct buf text = BUF_INIT_MAX(BOX_TEXT_MAX);
	char *user = path_home(NULL), *path = NULL;

	if (user == NULL || box->file == NULL)
		goto out;
	path = path_join(user, box->file);
	if (file_read(path, &text, NULL) != FILE_READ ||
	    strstr(text.data, box->key) == NULL)
		X_CLEAR(path);
out:
	buf_free(&text);
	x_free(user);
	return path;
}

static void
box_mend(struct doctor *d, const struct box *box)
{
	char *user = path_home(NULL), *file = NULL, *folder = NULL;
	const char *codex = getenv("CODEX_HOME");

	if (box == NULL || user == NULL)
		goto out;
	file = box_file(box);
	if (file != NULL) {
		doctor_mend_sed(d, file, "%s", box->script);
	} else if (box->rule != NULL) {
		folder = codex != NULL && codex[0] == '/'
		    ? path_join(codex, "rules")
		    : path_join(user, ".codex/rules");
		file = path_join(folder, "panemesh.rules");
		doctor_mend(
		    d, "mkdir -p %w && echo %w >>%w", folder, box->rule, file);
	} else if (box->mend != NULL) {
		doctor_mend(d, "%s", box->mend);
	}
out:
	x_free(folder);
	x_free(file);
	x_free(user);
}

void
doctor_look_sandbox(struct doctor *d)
{
	const struct box *box = box_find();
	const char *name, *setting;
	size_t before = d->report->n, i;
	struct stat st;
	int why;

	name = box != NULL  ? box->name
	    : box_seccomp() ? "a sandbox (seccomp)"
			    : "a sandbox";
	setting = box != NULL ? box->setting : "its settings";
	for (i = 0; i < d->sockets.n; i++) {
		why = box_connect(d->sockets.v[i], doctor_boxed(d));
		if (why == 0 ||
		    (stat(d->sockets.v[i], &st) == 0 && st.st_uid != geteuid()))
			continue;
		doctor_bad(d, d->sockets.v[i],
		    "may not be reached from here (%s): %s keeps us from it; "
		    "setting: %s",
		    strerror(why), name, setting);
		box_mend(d, box);
		break;
	}
	/* Modes and owners that do not explain it are the business of "files".
	 */
	if (d->has_home && d->is_there && access(d->home.dir, W_OK) != 0 &&
	    stat(d->home.dir, &st) == 0 && st.st_uid == geteuid() &&
	    (st.st_mode & S_IWUSR) != 0 && (errno != EROFS || box != NULL)) {
		doctor_bad(d, d->home.dir,
		    "may not be written from here (%s): %s keeps us from it; "
		    "setting: %s",
		    strerror(access(d->home.dir, W_OK) != 0 ? errno : EACCES),
		    name, setting);
		box_mend(d, box);
	}
	if (d->report->n == before)
		doctor_ok(d, "sandbox", "%s",
		    box == NULL ? "none keeps us from tmux and ~/.agents"
				: "lets us reach tmux and ~/.agents");
}
