#include "project.h"

#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "str.h"

enum {
	PROJECT_FILE_MAX = 4096, /* bytes of a .git that is a file */
	PROJECT_MOUNTS_MAX = 1024 * 1024,
	PROJECT_COMMIT = 12, /* digits shown of a commit's id */
};

/* File systems on which a look at a file may take for ever. */
static const char *const slow_types[] = { "nfs*", "cifs", "smb*", "fuse*", "9p",
	"afs", "ceph", "autofs", "ncpfs", "coda", "gfs*", "ocfs*", "lustre" };

/* \\040 and the like, as mountinfo writes blanks. */
static void
project_unescape(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' &&
		    s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 +
			    (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw" */
void
project_parse_mounts(char *text, struct argv *slow)
{
	char *line, *lines, *type, *word, *words;
	size_t i;
	int n;

	for (line = strtok_r(text, "\n", &lines); line != NULL;
	     line = strtok_r(NULL, "\n", &lines)) {
		type = strstr(line, " - ");
		if (type == NULL)
			continue;
		*type = '\0';
		type += 3;
		type[strcspn(type, " ")] = '\0';
		word = strtok_r(line, " ", &words);
		for (n = 0; n < 4 && word != NULL; n++)
			word = strtok_r(NULL, " ", &words);
		for (i = 0; word != NULL &&
		     i < sizeof(slow_types) / sizeof(slow_types[0]);
		     i++) {
			if (str_glob(slow_types[i], type)) {
				project_unescape(word);
				argv_add(slow, word);
				break;
			}
		}
	}
}

void
project_mounts(struct argv *slow)
{
	struct buf text = BUF_INIT_MAX(PROJECT_MOUNTS_MAX);

	if (file_read("/proc/self/mountinfo", &text, NULL) == FILE_READ)
		project_parse_mounts(text.data, slow);
	buf_free(&text);
}

static bool
project_on(const char *folder, const struct argv *slow)
{
	size_t i, len;

	for (i = 0; i < slow->n; i++) {
		len = strlen(slow->v[i]);
		if (strncmp(folder, slow->v[i], len) == 0 &&
		    (folder[len] == '/' || folder[len] == '\0'))
			return true;
	}
	return false;
}

/* The main repository of a worktree whose .git is the file `path`; NULL: it is
 * none. "gitdir: /main/.git/worktrees/NAME". */
static char *
project_main(const char *path)
{
	static const char start[] = "gitdir: /", marker[] = "/.git/worktrees/";
	struct buf text = BUF_INIT_MAX(PROJECT_FILE_MAX);
	char *name = NULL, *end;

	if (file_read(path, &text, NULL) == FILE_READ && !text.overflow &&
	    str_starts(text.data, start) &&
	    (end = strstr(text.data, marker)) != NULL) {
		*end = '\0';
		name = x_strdup(path_base(text.data));
	}
	buf_free(&text);
	return name;
}

/* The nearest .git at or above `folder`, and what it is; NULL: none. */
static char *
project_git(const char *folder, const struct argv *slow, struct stat *st)
{
	char *at = x_strdup(folder), *git = NULL;
	int levels;

	for (levels = 0; levels < PROJECT_LEVELS_MAX && at[0] == '/' &&
	     at[1] != '\0' && !project_on(folder, slow);
	     levels++) {
		git = path_join(at, ".git");
		if (lstat(git, st) == 0)
			break;
		X_CLEAR(git);
		*strrchr(at, '/') = '\0';
	}
	x_free(at);
	return git;
}

char *
project_of(const char *folder, const struct argv *slow)
{
	char *name = NULL, *git;
	struct stat st;

	git = project_git(folder, slow, &st);
	if (git != NULL && S_ISREG(st.st_mode))
		name = project_main(git);
	if (git != NULL && name == NULL) {
		*strrchr(git, '/') = '\0';
		name = x_strdup(path_base(git));
	}
	x_free(git);
	return name;
}

/* Take "." and ".." out of an absolute path, as it is written. */
static void
project_clean(char *path)
{
	char *from = path, *to = path;
	size_t len;

	for (; *from != '\0'; from += len) {
		from += strspn(from, "/");
		len = strcspn(from, "/");
		if (len == 2 && strncmp(from, "..", 2) == 0) {
			while (to > path && *--to != '/')
				continue;
		} else if (len > 0 && (len != 1 || from[0] != '.')) {
			*to++ = '/';
			memmove(to, from, len);
			to += len;
		}
	}
	*to = '\0';
}

/* Where HEAD is: `git` itself, or what it names as a file; NULL: unknown. */
static char *
project_gitdir(const char *git, const struct stat *st)
{
	static const char start[] = "gitdir: ";
	struct buf text = BUF_INIT_MAX(PROJECT_FILE_MAX);
	char *dir = NULL, *name;

	if (S_ISDIR(st->st_mode))
		return x_strdup(git);
	if (S_ISREG(st->st_mode) && file_read(git, &text, NULL) == FILE_READ &&
	    !text.overflow && str_starts(text.data, start)) {
		name = text.data + strlen(start);
		name[strcspn(name, "\n")] = '\0';
		dir = name[0] == '/'
		    ? x_strdup(name)
		    : x_asprintf("%.*s/%s", (int)(path_base(git) - git - 1),
			  git, name);
		project_clean(dir);
	}
	buf_free(&text);
	return dir;
}

char *
project_branch(const char *folder, const struct argv *slow)
{
	static const char start[] = "ref: refs/heads/";
	struct buf text = BUF_INIT_MAX(PROJECT_FILE_MAX);
	char *git, *dir = NULL, *head = NULL, *branch = NULL;
	struct stat st;

	git = project_git(folder, slow, &st);
	if (git != NULL)
		dir = project_gitdir(git, &st);
	if (dir != NULL && !project_on(dir, slow))
		head = path_join(dir, "HEAD");
	/* A link may lead to where a look takes for ever. */
	if (head != NULL && lstat(head, &st) == 0 && S_ISREG(st.st_mode) &&
	    file_read(head, &text, NULL) == FILE_READ && !text.overflow) {
		text.data[strcspn(text.data, "\n")] = '\0';
		/* ".invalid" stands for what a reftable says. */
		if (str_starts(text.data, start) &&
		    text.data[strlen(start)] != '.')
			branch = x_strdup(text.data + strlen(start));
		else if (strspn(text.data, "0123456789abcdef") >= 40)
			branch = x_strndup(text.data, PROJECT_COMMIT);
	}
	buf_free(&text);
	x_free(head);
	x_free(dir);
	x_free(git);
	return branch;
}
