#include "unit.h"

#include "mem.h"
#include "buf.h"
#include "project.h"
#include "str.h"

UNIT_FOLDER

static void
make(const char *name)
{
	assert_int_equal(mkdir(unit_path(dir, name), 0700), 0);
}

static void
is(const char *folder, const char *want)
{
	struct argv slow = ARGV_INIT;
	char *got = project_of(folder[0] == '/' || folder[0] == '\0'
		? folder
		: unit_path(dir, folder),
	    &slow);

	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
	x_free(got);
}

static void
test_folders(void **state)
{
	char text[4096];

	(void)state;
	make("repo");
	make("repo/.git");
	make("repo/src");
	make("repo/src/deep er");
	is("repo", "repo");
	is("repo/src/deep er", "repo");
	is("repo/gone/too", "repo");
	/* A worktree belongs to its repository, a submodule is its own. */
	make("tree");
	(void)snprintf(text, sizeof(text), "gitdir: %s/.git/worktrees/tree\n",
	    unit_path(dir, "repo"));
	unit_file(unit_path(dir, "tree/.git"), text, 0600);
	is("tree", "repo");
	make("repo/sub");
	unit_file(unit_path(dir, "repo/sub/.git"),
	    "gitdir: ../.git/modules/sub\n", 0600);
	is("repo/sub", "sub");
	/* No file of git's, a device, none at all. */
	make("odd");
	unit_file(unit_path(dir, "odd/.git"), "\xff\n", 0600);
	is("odd", "odd");
	make("pipe");
	assert_int_equal(mkfifo(unit_path(dir, "pipe/.git"), 0600), 0);
	is("pipe", "pipe");
	make("none");
	is("none", NULL);
	is("/", NULL);
	is("", NULL);
}

static void
on(const char *folder, const char *want)
{
	struct argv slow = ARGV_INIT;
	char *got = project_branch(unit_path(dir, folder), &slow);

	if (want == NULL)
		assert_null(got);
	else
		assert_string_equal(got, want);
	x_free(got);
}

static void
test_branch(void **state)
{
	char text[4096];

	(void)state;
	make("b");
	make("b/src");
	on("b/src", NULL);
	make("b/.git");
	on("b/src", NULL);
	unit_file(
	    unit_path(dir, "b/.git/HEAD"), "ref: refs/heads/fix/a b\n", 0600);
	on("b", "fix/a b");
	on("b/src", "fix/a b");
	/* On none; something else. */
	unit_file(unit_path(dir, "b/.git/HEAD"),
	    "0123456789abcdef0123456789abcdef01234567\n", 0600);
	on("b", "0123456789ab");
	unit_file(unit_path(dir, "b/.git/HEAD"), "root:x:0:0\n", 0600);
	on("b", NULL);
	/* A worktree and a submodule have their own. */
	make("b/.git/worktrees");
	make("b/.git/worktrees/t");
	unit_file(unit_path(dir, "b/.git/worktrees/t/HEAD"),
	    "ref: refs/heads/t\n", 0600);
	make("t");
	(void)snprintf(text, sizeof(text), "gitdir: %s/.git/worktrees/t\n",
	    unit_path(dir, "b"));
	unit_file(unit_path(dir, "t/.git"), text, 0600);
	on("t", "t");
	make("b/sub");
	unit_file(unit_path(dir, "b/sub/.git"), "gitdir: ../.git/worktrees/t\n",
	    0600);
	on("b/sub", "t");
	/* A reftable's stub; a link, wherever that leads. */
	unit_file(
	    unit_path(dir, "b/.git/HEAD"), "ref: refs/heads/.invalid\n", 0600);
	on("b", NULL);
	assert_int_equal(unlink(unit_path(dir, "b/.git/HEAD")), 0);
	assert_int_equal(
	    symlink("worktrees/t/HEAD", unit_path(dir, "b/.git/HEAD")), 0);
	on("b", NULL);
	make("p");
	make("p/.git");
	assert_int_equal(mkfifo(unit_path(dir, "p/.git/HEAD"), 0600), 0);
	on("p", NULL);
}

static void
test_deep(void **state)
{
	struct buf path = BUF_INIT_MAX(4096);
	size_t i;

	(void)state;
	buf_adds(&path, unit_path(dir, "repo"));
	for (i = 0; i < PROJECT_LEVELS_MAX; i++)
		buf_adds(&path, "/d");
	is(path.data, NULL);
	buf_free(&path);
}

static void
test_slow(void **state)
{
	char text[] =
	    "36 35 0:5 / / rw - ext4 /dev/root rw\n"
	    "37 36 0:6 / /net/my\\040home rw,x shared:1 - nfs4 h:/ rw\n"
	    "rubbish\n - nfs4\n1 2 - nfs\n"
	    "38 36 0:7 / /f rw - fuse.sshfs x rw\n";
	struct argv slow = ARGV_INIT;

	(void)state;
	project_parse_mounts(text, &slow);
	assert_int_equal(slow.n, 2);
	assert_string_equal(slow.v[0], "/net/my home");
	assert_string_equal(slow.v[1], "/f");
	argv_add(&slow, unit_path(dir, "repo"));
	assert_null(project_of(unit_path(dir, "repo/src"), &slow));
	assert_null(project_of(unit_path(dir, "repo"), &slow));
	argv_free(&slow);
	/* By a way that does not begin so. */
	make("far");
	unit_file(unit_path(dir, "far/HEAD"), "ref: refs/heads/x\n", 0600);
	make("near");
	unit_file(
	    unit_path(dir, "near/.git"), "gitdir: .././/near/../far\n", 0600);
	on("near", "x");
	argv_add(&slow, unit_path(dir, "far"));
	assert_null(project_branch(unit_path(dir, "near"), &slow));
	argv_free(&slow);
	/* Whatever this machine has. */
	project_mounts(&slow);
	argv_free(&slow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_branch),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_slow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
