#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "file.h"

UNIT_FOLDER

static const char *
in_dir(const char *name)
{
	return unit_path(dir, name);
}

/* How many entries a folder has. */
static unsigned
entries(const char *path)
{
	struct dirent *entry;
	unsigned n = 0;
	DIR *d = opendir(path);

	if (d == NULL)
		return 9999;
	while ((entry = readdir(d)) != NULL)
		n += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	(void)closedir(d);
	return n;
}

static void
check_content(const char *path, const char *want)
{
	struct buf b = BUF_INIT;

	assert_int_equal(file_read(path, &b, NULL), FILE_READ);
	assert_string_equal(b.data, want);
	buf_free(&b);
}

static void
test_read(void **state)
{
	struct buf b = BUF_INIT_MAX(8);
	struct err e = { .code = EXIT_OK };

	(void)state;
	assert_int_equal(file_read(in_dir("missing"), &b, &e), FILE_MISSING);
	assert_int_equal(e.code, EXIT_OK);
	unit_file(in_dir("a"), "12345", 0644);
	assert_int_equal(file_read(in_dir("a"), &b, &e), FILE_READ);
	assert_string_equal(b.data, "12345");
	/* Appended, and the cap holds for all of it. */
	assert_int_equal(file_read(in_dir("a"), &b, &e), FILE_FAILED);
	assert_err(e, EXIT_LOCAL, "a: larger than 8 bytes");
	buf_reset(&b);
	unit_file(in_dir("full"), "12345678", 0644);
	assert_int_equal(file_read(in_dir("full"), &b, &e), FILE_READ);
	buf_reset(&b);
	unit_file(in_dir("empty"), "", 0644);
	assert_int_equal(file_read(in_dir("empty"), &b, &e), FILE_READ);
	assert_int_equal(b.len, 0);
	assert_int_equal(symlink("a", in_dir("link")), 0);
	assert_int_equal(file_read(in_dir("link"), &b, &e), FILE_READ);
	buf_free(&b);
}

/* None of these may block, and none is a file. */
static void
test_read_others(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct buf b = BUF_INIT;
	struct err e;
	int fd;

	(void)state;
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(file_read(in_dir("fifo"), &b, &e), FILE_FAILED);
	assert_err(e, EXIT_LOCAL, "fifo: is not a regular file");
	assert_int_equal(file_read(dir, &b, &e), FILE_FAILED);
	assert_err(e, EXIT_LOCAL, "is a folder, not a file");
	assert_int_equal(file_read("/dev/zero", &b, &e), FILE_FAILED);
	assert_err(e, EXIT_LOCAL, "/dev/zero: is not a regular file");
	unit_file(in_dir("a"), "x", 0600);
	assert_int_equal(file_read(in_dir("a/b"), &b, &e), FILE_FAILED);
	assert_err(e, EXIT_LOCAL, "Not a directory");
	assert_int_equal(symlink("loop", in_dir("loop")), 0);
	assert_int_equal(file_read(in_dir("loop"), &b, &e), FILE_FAILED);
	assert_int_equal(e.code, EXIT_LOCAL);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", in_dir("s"));
	assert_int_equal(
	    bind(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(file_read(in_dir("s"), &b, &e), FILE_FAILED);
	assert_int_equal(e.code, EXIT_LOCAL);
	(void)close(fd);
	buf_free(&b);
}

static int
read_unreadable(void *arg)
{
	struct buf b = BUF_INIT;
	struct err e;

	if (unit_drop_root() != 0)
		return 1;
	if (file_read(arg, &b, &e) != FILE_FAILED || e.code != EXIT_LOCAL)
		return 2;
	return strstr(e.msg, "Permission denied") == NULL ? 3 : 0;
}

static void
test_read_unreadable(void **state)
{
	char path[4096];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", in_dir("a"));
	unit_file(path, "x", 0);
	assert_int_equal(unit_child(read_unreadable, path), 0);
}

static void
test_read_ours(void **state)
{
	static const struct {
		mode_t mode;
		enum file_found found;
	} cases[] = {
		{ 0600, FILE_READ },
		{ 0644, FILE_READ },
		{ 0400, FILE_READ },
		{ 0620, FILE_FAILED },
		{ 0602, FILE_FAILED },
		{ 0666, FILE_FAILED },
	};
	struct buf b = BUF_INIT;
	struct err e;
	size_t i;

	(void)state;
	assert_int_equal(
	    file_read_ours(in_dir("missing"), &b, &e), FILE_MISSING);
	unit_file(in_dir("a"), "x", 0600);
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		assert_int_equal(chmod(in_dir("a"), cases[i].mode), 0);
		assert_int_equal(
		    file_read_ours(in_dir("a"), &b, &e), cases[i].found);
		if (cases[i].found == FILE_FAILED)
			assert_err(e, EXIT_LOCAL, "chmod go-w");
		/* Reading anybody's file is another matter. */
		assert_int_equal(file_read(in_dir("a"), &b, &e), FILE_READ);
	}
	buf_free(&b);
}

static void
test_read_foreign(void **state)
{
	struct buf b = BUF_INIT;
	struct err e;

	(void)state;
	/* root's files are as good as ours */
	assert_int_equal(file_read_ours("/etc/passwd", &b, &e), FILE_READ);
	buf_free(&b);
	if (geteuid() != 0)
		skip();
	unit_file(in_dir("a"), "x", 0600);
	assert_int_equal(chown(in_dir("a"), UNIT_NOBODY, (gid_t)-1), 0);
	assert_int_equal(file_read_ours(in_dir("a"), &b, &e), FILE_FAILED);
	assert_err(e, EXIT_LOCAL, "belongs to uid 65534, not to us");
	buf_free(&b);
}

static void
test_replace(void **state)
{
	struct stat st;
	struct err e;
	mode_t mask;

	(void)state;
	mask = umask(0);
	assert_int_equal(file_replace(in_dir("a"), "one", 3, FILE_FAST, &e), 0);
	(void)umask(mask);
	check_content(in_dir("a"), "one");
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(
	    file_replace(in_dir("a"), "two", 3, FILE_DURABLE, &e), 0);
	check_content(in_dir("a"), "two");
	assert_int_equal(file_replace(in_dir("a"), "", 0, FILE_FAST, &e), 0);
	check_content(in_dir("a"), "");
	/* A link is replaced, not followed. */
	unit_file(in_dir("target"), "kept", 0600);
	assert_int_equal(symlink("target", in_dir("link")), 0);
	assert_int_equal(
	    file_replace(in_dir("link"), "new", 3, FILE_FAST, &e), 0);
	check_content(in_dir("target"), "kept");
	check_content(in_dir("link"), "new");
	assert_int_equal(entries(dir), 3);
}

/* Without a folder in its name the path means the working folder. */
static int
replace_relative(void *arg)
{
	struct err e;

	if (chdir(arg) != 0)
		return 1;
	return file_replace("a", "x", 1, FILE_DURABLE, &e) != 0;
}

static void
test_replace_relative(void **state)
{
	(void)state;
	assert_int_equal(unit_child(replace_relative, dir), 0);
	check_content(in_dir("a"), "x");
}

static void
test_replace_refused(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(
	    file_replace(in_dir("no/a"), "x", 1, FILE_FAST, &e), -1);
	assert_err(e, EXIT_LOCAL, "no/a: No such file");
	assert_int_equal(mkdir(in_dir("folder"), 0700), 0);
	assert_int_equal(
	    file_replace(in_dir("folder"), "x", 1, FILE_DURABLE, &e), -1);
	assert_err(e, EXIT_LOCAL,
	    "folder: is a folder, where a file is to be; move it away");
	assert_int_equal(entries(dir), 1);
}

/* A full disk, as a limit on the size of files. */
static int
replace_full(void *arg)
{
	struct rlimit limit = { .rlim_cur = 8, .rlim_max = 8 };
	struct err e;

	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 1;
	if (file_replace(arg, "123456789", 9, FILE_FAST, &e) != -1)
		return 2;
	if (e.code != EXIT_LOCAL || strstr(e.msg, "too large") == NULL)
		return 3;
	if (file_append(arg, "123456789", 9, &e) != -1 || e.code != EXIT_LOCAL)
		return 4;
	return file_replace(arg, "12345678", 8, FILE_FAST, &e) != 0 ? 5 : 0;
}

static void
test_replace_full(void **state)
{
	char path[4096];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", in_dir("a"));
	unit_file(path, "old", 0600);
	assert_int_equal(unit_child(replace_full, path), 0);
	check_content(path, "12345678");
	assert_int_equal(entries(dir), 1);
}

static int
replace_unwritable(void *arg)
{
	struct err e;

	if (unit_drop_root() != 0)
		return 1;
	if (file_replace(arg, "x", 1, FILE_FAST, &e) != -1 ||
	    e.code != EXIT_LOCAL || strstr(e.msg, "Permission") == NULL)
		return 2;
	if (file_append(arg, "x", 1, &e) != -1 || e.code != EXIT_LOCAL)
		return 3;
	return 0;
}

static void
test_replace_unwritable(void **state)
{
	char path[4096];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s", in_dir("a"));
	unit_file(path, "old", 0444);
	assert_int_equal(chmod(dir, 0555), 0);
	assert_int_equal(unit_child(replace_unwritable, path), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	check_content(path, "old");
	assert_int_equal(entries(dir), 1);
}

static void
test_append(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(file_append(in_dir("a"), "one\n", 4, &e), 0);
	assert_int_equal(file_append(in_dir("a"), "", 0, &e), 0);
	assert_int_equal(file_append(in_dir("a"), "two\n", 4, &e), 0);
	check_content(in_dir("a"), "one\ntwo\n");
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_append(dir, "x", 1, &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(file_append(in_dir("fifo"), "x", 1, &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_int_equal(symlink("a", in_dir("link")), 0);
	assert_int_equal(file_append(in_dir("link"), "x", 1, &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_int_equal(file_append(in_dir("no/a"), "x", 1, &e), -1);
	assert_err(e, EXIT_LOCAL, "No such file");
}

static void
test_overwrite(void **state)
{
	struct stat st, after;
	struct err e;

	(void)state;
	assert_int_equal(file_overwrite(in_dir("o"), "longer", 6, &e), 0);
	check_content(in_dir("o"), "longer");
	assert_int_equal(stat(in_dir("o"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_overwrite(in_dir("o"), "four", 4, &e), 0);
	check_content(in_dir("o"), "four");
	assert_int_equal(stat(in_dir("o"), &after), 0);
	assert_int_equal(after.st_ino, st.st_ino);
	assert_int_equal(file_overwrite(dir, "x", 1, &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_int_equal(symlink("o", in_dir("to-o")), 0);
	assert_int_equal(file_overwrite(in_dir("to-o"), "x", 1, &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_int_equal(file_overwrite("/dev/full", "x", 1, &e), -1);
	assert_err(e, EXIT_LOCAL, "No space left");
	check_content(in_dir("o"), "four");
}

static void
test_write_all(void **state)
{
	int fd[2];

	(void)state;
	assert_int_equal(file_write_all(-1, "x", 0), 0);
	assert_int_equal(file_write_all(-1, "x", 1), -1);
	assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
	assert_int_equal(file_write_all(fd[1], "abc", 3), 0);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

static void
test_make_dir(void **state)
{
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(file_make_dir(in_dir("a/b//c"), &e), 0);
	assert_int_equal(stat(in_dir("a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(in_dir("a/b/c"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	/* again, and with a slash at the end */
	assert_int_equal(file_make_dir(in_dir("a/b/c"), &e), 0);
	assert_int_equal(file_make_dir(in_dir("a/b/d/"), &e), 0);
	assert_int_equal(chmod(in_dir("a"), 0770), 0);
	assert_int_equal(file_make_dir(in_dir("a"), &e), -1);
	assert_err(e, EXIT_LOCAL, "writable by others");
	unit_file(in_dir("f"), "x", 0600);
	assert_int_equal(file_make_dir(in_dir("f"), &e), -1);
	assert_err(e, EXIT_LOCAL, "f: is not a folder");
	assert_int_equal(file_make_dir(in_dir("f/g/h"), &e), -1);
	assert_err(e, EXIT_LOCAL, "Not a directory");
	assert_int_equal(file_make_dir("", &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
}

/* The reason is that of the part that could not be made. */
static int
make_dir_unwritable(void *arg)
{
	struct err e;

	if (unit_drop_root() != 0)
		return 1;
	if (file_make_dir(unit_path(arg, "x/y/z"), &e) != -1 ||
	    e.code != EXIT_LOCAL)
		return 2;
	if (strstr(e.msg, "/x: Permission denied") == NULL)
		return 3;
	if (file_make_dir(unit_path(arg, "x"), &e) != -1 ||
	    strstr(e.msg, "/x: Permission denied") == NULL)
		return 4;
	return 0;
}

static void
test_make_dir_unwritable(void **state)
{
	(void)state;
	assert_int_equal(chmod(dir, 0555), 0);
	assert_int_equal(unit_child(make_dir_unwritable, dir), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	assert_int_equal(entries(dir), 0);
}

static void
test_make_dir_foreign(void **state)
{
	struct err e;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdir(in_dir("a"), 0700), 0);
	assert_int_equal(chown(in_dir("a"), UNIT_NOBODY, (gid_t)-1), 0);
	assert_int_equal(file_make_dir(in_dir("a"), &e), -1);
	assert_err(e, EXIT_LOCAL, "belongs to uid 65534");
}

static void
test_stamp(void **state)
{
	struct file_stamp none = { 0 }, a, b;
	struct err e;

	(void)state;
	a = file_stamp(in_dir("a"));
	assert_true(file_stamp_eq(&a, &none));
	unit_file(in_dir("a"), "one", 0600);
	a = file_stamp(in_dir("a"));
	b = file_stamp(in_dir("a"));
	assert_true(file_stamp_eq(&a, &b));
	assert_false(file_stamp_eq(&a, &none));
	assert_int_equal(a.size, 3);
	/* Same size, replaced: another inode. */
	assert_int_equal(file_replace(in_dir("a"), "two", 3, FILE_FAST, &e), 0);
	b = file_stamp(in_dir("a"));
	assert_false(file_stamp_eq(&a, &b));
	assert_int_equal(truncate(in_dir("a"), 1), 0);
	a = file_stamp(in_dir("a"));
	assert_false(file_stamp_eq(&a, &b));
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(test_read),
		FILE_TEST(test_read_others),
		FILE_TEST(test_read_unreadable),
		FILE_TEST(test_read_ours),
		FILE_TEST(test_read_foreign),
		FILE_TEST(test_replace),
		FILE_TEST(test_replace_relative),
		FILE_TEST(test_replace_refused),
		FILE_TEST(test_replace_full),
		FILE_TEST(test_replace_unwritable),
		FILE_TEST(test_append),
		FILE_TEST(test_overwrite),
		FILE_TEST(test_write_all),
		FILE_TEST(test_make_dir),
		FILE_TEST(test_make_dir_unwritable),
		FILE_TEST(test_make_dir_foreign),
		FILE_TEST(test_stamp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
