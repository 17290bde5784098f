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
	/* Whatever this machine has. */
	project_mounts(&slow);
	argv_free(&slow);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_slow),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
