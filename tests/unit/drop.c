#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

/* Set to 0 by a test: a file system without O_TMPFILE. */
static int tmpfile_flag;
static const int real_flag = O_TMPFILE;
#undef O_TMPFILE
#define O_TMPFILE tmpfile_flag

/* What NFS and FUSE say to a rename that must not replace, some to a link. */
static int rename_errno, link_errno;

static int
unit_renameat2(int from, const char *a, int to, const char *b, unsigned flags)
{
	errno = rename_errno;
	return rename_errno != 0 ? -1 : renameat2(from, a, to, b, flags);
}

static int
unit_linkat(int from, const char *a, int to, const char *b, int flags)
{
	errno = link_errno;
	return link_errno != 0 ? -1 : linkat(from, a, to, b, flags);
}

/* A disk that breaks when a folder is synced. */
static int fsync_errno;

static int
unit_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	if (fsync_errno == 0 || !S_ISDIR(st.st_mode))
		return fsync(fd);
	errno = fsync_errno;
	return -1;
}
#define fsync unit_fsync
#define renameat2 unit_renameat2
#define linkat unit_linkat

#include "../../src/drop.c"

static char *dir;
static char inbox[512], me[512]; /* the inbox; of sender "me" */

static int
setup(void **state)
{
	(void)state;
	tmpfile_flag = real_flag;
	rename_errno = link_errno = fsync_errno = 0;
	dir = unit_dir();
	(void)snprintf(inbox, sizeof(inbox), "%s/inbox", dir);
	(void)snprintf(me, sizeof(me), "%s/inbox/me", dir);
	(void)umask(077);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	unit_dir_remove(dir);
	return 0;
}

/* Files in a folder, hidden ones too. */
static unsigned
count_files(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	unsigned n = 0;

	if (d == NULL)
		return 0;
	while ((entry = readdir(d)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	(void)closedir(d);
	return n;
}

static void
assert_file(const char *path, const char *text)
{
	struct buf b = BUF_INIT;
	struct stat st;

	assert_int_equal(file_read(path, &b, NULL), FILE_READ);
	assert_string_equal(b.data, text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	buf_free(&b);
}

static void
test_names(void **state)
{
	static const char *const cases[][2] = {
		{ "plain.txt", "plain.txt" },
		{ "/etc/passwd", "passwd" },
		{ "../../x", "x" },
		{ "..", "file" },
		{ ".", "file" },
		{ "", "file" },
		{ "dir/", "file" },
		{ ".bashrc", "bashrc" },
		{ "...-- x", "x" },
		{ "-rf", "rf" },
		{ "a\nb\tc\033[31m", "abc[31m" },
		{ "\u202etxt.exe", "txt.exe" },
		{ "bad\xff\xfename", "badname" },
		{ "x   ", "x" },
		{ "$(touch x);`y`'z'", "$(touch x);`y`'z'" },
		{ "größe 語.txt", "größe 語.txt" },
	};
	char out[DROP_NAME_MAX + 16], name[DROP_NAME_MAX * 2];
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		drop_clean_name(out, cases[i][0]);
		assert_string_equal(out, cases[i][1]);
	}
	/* cut between characters */
	memset(name, 'x', sizeof(name));
	memcpy(name + DROP_NAME_MAX - 1, "語", 3);
	name[sizeof(name) - 1] = '\0';
	drop_clean_name(out, name);
	assert_int_equal(strlen(out), DROP_NAME_MAX - 1);
	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	drop_clean_name(out, name);
	assert_int_equal(strlen(out), DROP_NAME_MAX);
}

static void
bytes_drop(const char *name, const char *text, char **path)
{
	struct err e;

	assert_int_equal(drop_bytes(inbox, "me", name, text, strlen(text),
			     1 << 20, path, &e),
	    0);
}

static void
collisions(void)
{
	char *path[4];
	struct stat st;
	unsigned i;

	for (i = 0; i < 3; i++)
		bytes_drop("a.log", i == 0 ? "old" : "new", &path[i]);
	bytes_drop("a.log.1", "other", &path[3]);
	assert_string_equal(path[0], unit_path(me, "a.log"));
	assert_string_equal(path[1], unit_path(me, "a.log.1"));
	assert_string_equal(path[2], unit_path(me, "a.log.2"));
	assert_string_equal(path[3], unit_path(me, "a.log.1.1"));
	assert_file(path[0], "old");
	assert_file(path[1], "new");
	assert_file(path[3], "other");
	assert_int_equal(count_files(me), 4);
	for (i = 0; i < 4; i++)
		free(path[i]);
	assert_int_equal(stat(inbox, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(me, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void
test_collisions(void **state)
{
	(void)state;
	collisions();
}

static void
test_no_tmpfile(void **state)
{
	(void)state;
	tmpfile_flag = 0;
	collisions();
}

static void
test_collisions_nfs(void **state)
{
	(void)state;
	tmpfile_flag = 0;
	rename_errno = EINVAL;
	collisions();
}

static void
test_collisions_no_links(void **state)
{
	(void)state;
	tmpfile_flag = 0;
	rename_errno = EINVAL;
	link_errno = EPERM;
	collisions();
}

/* A link or a folder of the name is passed over, never followed. */
static void
test_occupied(void **state)
{
	char *path;

	(void)state;
	bytes_drop("x", "1", &path);
	free(path);
	assert_int_equal(symlink("/dev/null", unit_path(me, "a")), 0);
	assert_int_equal(mkdir(unit_path(me, "a.1"), 0700), 0);
	bytes_drop("a", "text", &path);
	assert_string_equal(path, unit_path(me, "a.2"));
	assert_file(path, "text");
	free(path);
}

static void
sizes(void)
{
	struct drop d;
	struct err e;
	char *path;

	assert_int_equal(
	    drop_begin(&d, inbox, "me", "short", 4, 1 << 20, 0, &e), 0);
	assert_int_equal(drop_write(&d, "abc", 3, &e), 0);
	assert_int_equal(drop_finish(&d, &path, &e), -1);
	assert_err(e, EXIT_LOCAL, "short: 3 of 4 bytes came");
	assert_null(path);
	drop_abort(&d);

	assert_int_equal(
	    drop_begin(&d, inbox, "me", "long", 4, 1 << 20, 0, &e), 0);
	assert_int_equal(drop_write(&d, "abc", 3, &e), 0);
	assert_int_equal(drop_write(&d, "de", 2, &e), -1);
	assert_err(e, EXIT_LOCAL, "long: larger than announced");
	drop_abort(&d);
	drop_abort(&d);

	assert_int_equal(
	    drop_begin(&d, inbox, "me", "empty", 0, 1 << 20, 0, &e), 0);
	assert_int_equal(drop_finish(&d, &path, &e), 0);
	assert_file(path, "");
	free(path);
	drop_abort(&d);
	/* of the unfinished ones nothing is left */
	assert_int_equal(count_files(me), 1);

	/* in any order, and never more than was announced */
	assert_int_equal(
	    drop_begin(&d, inbox, "me", "order", 6, 1 << 20, 0, &e), 0);
	assert_int_equal(drop_write_at(&d, "ef", 2, 4, &e), 0);
	assert_int_equal(drop_write_at(&d, "ab", 2, 0, &e), 0);
	assert_int_equal(drop_write_at(&d, "x", 1, 6, &e), -1);
	assert_int_equal(drop_write_at(&d, "xx", 2, 5, &e), -1);
	assert_int_equal(drop_write_at(&d, "x", 1, INT64_MAX, &e), -1);
	assert_int_equal(drop_write_at(&d, "x", 1, -1, &e), -1);
	assert_int_equal(drop_write_at(&d, "abc", 3, 0, &e), -1);
	assert_err(e, EXIT_LOCAL, "order: larger than announced");
	assert_int_equal(drop_write_at(&d, "cd", 2, 2, &e), 0);
	assert_int_equal(drop_finish(&d, &path, &e), 0);
	assert_file(path, "abcdef");
	free(path);
	drop_abort(&d);
}

static void
test_sizes(void **state)
{
	(void)state;
	sizes();
}

static void
test_sizes_no_tmpfile(void **state)
{
	(void)state;
	tmpfile_flag = 0;
	sizes();
}

static void
test_inbox_max(void **state)
{
	struct err e;
	char *path;

	(void)state;
	/* exactly full is still room */
	assert_int_equal(
	    drop_bytes(inbox, "me", "a", "12345", 5, 10, &path, &e), 0);
	free(path);
	assert_int_equal(
	    drop_bytes(inbox, "you", "a", "12345", 5, 10, &path, &e), 0);
	free(path);
	assert_int_equal(
	    drop_bytes(inbox, "me", "b", "1", 1, 10, &path, &e), -1);
	assert_err(e, EXIT_REFUSED, "inbox_max is 10");
	assert_null(path);
	assert_int_equal(
	    drop_bytes(inbox, "me", "b", "12", 2, 1, &path, &e), -1);
	assert_err(e, EXIT_REFUSED, "inbox_max");
	assert_int_equal(count_files(me), 1);
}

/* What comes at the same time counts before it has a name, and what came
 * meanwhile when it gets one. */
static void
together(void)
{
	struct drop a, b;
	struct err e;
	char *path;

	assert_int_equal(drop_begin(&a, inbox, "me", "a", 6, 10, 0, &e), 0);
	assert_int_equal(drop_coming(&a), 6);
	assert_int_equal(drop_begin(&b, inbox, "you", "b", 6, 10, 6, &e), -1);
	assert_err(e, EXIT_REFUSED, "holds 6 bytes with what is coming");
	assert_int_equal(drop_coming(&b), 0);
	drop_abort(&b);
	assert_int_equal(drop_begin(&b, inbox, "you", "b", 4, 10, 6, &e), 0);
	drop_abort(&b);

	assert_int_equal(drop_begin(&b, inbox, "you", "b", 6, 10, 0, &e), 0);
	assert_int_equal(drop_write(&a, "abcdef", 6, &e), 0);
	assert_int_equal(drop_write(&b, "abcdef", 6, &e), 0);
	assert_int_equal(drop_finish(&a, &path, &e), 0);
	free(path);
	assert_int_equal(drop_coming(&a), 0);
	assert_int_equal(drop_finish(&b, &path, &e), -1);
	assert_err(e, EXIT_REFUSED, "holds 6 bytes, and inbox_max is 10");
	assert_null(path);
	drop_abort(&a);
	drop_abort(&b);
	assert_int_equal(count_files(me), 1);
	assert_int_equal(count_files(unit_path(inbox, "you")), 0);
}

static void
test_together(void **state)
{
	(void)state;
	together();
}

static void
test_together_no_tmpfile(void **state)
{
	(void)state;
	tmpfile_flag = 0;
	together();
}

/* A file that cannot be relied on is not there. */
static void
test_folder_sync(void **state)
{
	struct err e;
	char *path;

	(void)state;
	fsync_errno = EIO;
	assert_int_equal(
	    drop_bytes(inbox, "me", "a", "1", 1, 10, &path, &e), -1);
	assert_err(e, EXIT_LOCAL, "Input/output error");
	assert_null(path);
	assert_int_equal(count_files(me), 0);
	/* where it cannot be done at all it is done elsewhere */
	fsync_errno = EINVAL;
	bytes_drop("a", "1", &path);
	free(path);
}

/* What a receiver that was killed left goes, but not that of one that lives,
 * and not at once. */
static void
test_leftovers(void **state)
{
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct drop d;
	struct err e;
	char *path;

	(void)state;
	tmpfile_flag = 0;
	assert_int_equal(drop_begin(&d, inbox, "me", "a", 6, 10, 0, &e), 0);
	assert_int_equal(futimens(d.fd, old), 0);
	unit_file(unit_path(me, ".drop-1-0"), "12345678", 0600);
	unit_file(unit_path(me, ".drop-2-0"), "12345678", 0600);
	assert_int_equal(utimensat(AT_FDCWD, unit_path(me, ".drop-1-0"), old,
			     AT_SYMLINK_NOFOLLOW),
	    0);
	assert_int_equal(
	    drop_bytes(inbox, "you", "b", "123", 3, 10, &path, &e), 0);
	free(path);
	assert_int_equal(access(unit_path(me, ".drop-1-0"), F_OK), -1);
	assert_int_equal(access(unit_path(me, ".drop-2-0"), F_OK), 0);
	assert_int_equal(access(unit_path(me, d.temp), F_OK), 0);
	assert_int_equal(drop_write(&d, "abcdef", 6, &e), 0);
	assert_int_equal(drop_finish(&d, &path, &e), 0);
	free(path);
	drop_abort(&d);
}

/* More than any disk has. */
static void
test_no_room(void **state)
{
	struct drop d;
	struct err e;

	(void)state;
	assert_int_equal(drop_begin(&d, inbox, "me", "big", INT64_C(1) << 60,
			     INT64_MAX, 0, &e),
	    -1);
	assert_err(e, EXIT_LOCAL, "no room for");
	drop_abort(&d);
}

static void
test_folders(void **state)
{
	struct err e;
	char *path;

	(void)state;
	assert_int_equal(mkdir(inbox, 0700), 0);
	assert_int_equal(symlink("/tmp", unit_path(inbox, "link")), 0);
	assert_int_equal(
	    drop_bytes(inbox, "link", "a", "1", 1, 10, &path, &e), -1);
	assert_err(e, EXIT_LOCAL, "inbox/link");
	unit_file(unit_path(inbox, "file"), "x", 0600);
	assert_int_equal(
	    drop_bytes(inbox, "file", "a", "1", 1, 10, &path, &e), -1);
	assert_err(e, EXIT_LOCAL, "inbox/file: Not a directory");
	assert_int_equal(mkdir(unit_path(inbox, "open"), 0700), 0);
	assert_int_equal(chmod(unit_path(inbox, "open"), 0777), 0);
	assert_int_equal(
	    drop_bytes(inbox, "open", "a", "1", 1, 10, &path, &e), -1);
	assert_err(e, EXIT_LOCAL, "must be ours and not writable by others");
	if (geteuid() == 0) {
		assert_int_equal(mkdir(unit_path(inbox, "its"), 0700), 0);
		assert_int_equal(
		    chown(unit_path(inbox, "its"), UNIT_NOBODY, 0), 0);
		assert_int_equal(
		    drop_bytes(inbox, "its", "a", "1", 1, 10, &path, &e), -1);
		assert_err(e, EXIT_LOCAL, "must be ours");
	}
	assert_int_equal(chmod(inbox, 0770), 0);
	assert_int_equal(
	    drop_bytes(inbox, "me", "a", "1", 1, 10, &path, &e), -1);
	assert_err(e, EXIT_LOCAL, "writable by others");
}

static int
no_permission(void *arg)
{
	const char *source = unit_path(dir, "secret");
	struct err e = { .code = EXIT_OK };
	char *path;
	int64_t size;

	(void)arg;
	if (unit_drop_root() != 0)
		return 99;
	if (drop_file(
		unit_path(dir, "in"), "me", source, 10, &path, &size, &e) != -1)
		return 1;
	return e.code == EXIT_USAGE &&
		strstr(e.msg, "Permission denied") != NULL
	    ? 0
	    : 2;
}

static void
test_sources(void **state)
{
	static const char *const bad[][2] = {
		{ "missing", "No such file" },
		{ "folder", "is not a regular file" },
		{ "fifo", "is not a regular file" },
		{ "loop", "Too many levels" },
		{ "null", "is not a regular file" },
	};
	const char *source;
	struct err e;
	char *path;
	int64_t size;
	size_t i;

	(void)state;
	assert_int_equal(mkdir(unit_path(dir, "folder"), 0700), 0);
	assert_int_equal(mkfifo(unit_path(dir, "fifo"), 0600), 0);
	assert_int_equal(symlink("loop", unit_path(dir, "loop")), 0);
	assert_int_equal(symlink("/dev/null", unit_path(dir, "null")), 0);
	for (i = 0; i < UNIT_COUNT(bad); i++) {
		source = unit_path(dir, bad[i][0]);
		assert_int_equal(
		    drop_file(inbox, "me", source, 1 << 20, &path, &size, &e),
		    -1);
		assert_err(e, EXIT_USAGE, bad[i][1]);
		assert_err(e, EXIT_USAGE, source);
		assert_null(path);
	}
	assert_int_equal(count_files(inbox), 0);
	unit_file(unit_path(dir, "secret"), "x", 0);
	assert_int_equal(unit_child(no_permission, NULL), 0);

	/* a link to a file is the file */
	source = unit_path(dir, "real");
	unit_file(source, "text", 0644);
	assert_int_equal(symlink("real", unit_path(dir, "alias")), 0);
	assert_int_equal(drop_file(inbox, "me", unit_path(dir, "alias"),
			     1 << 20, &path, &size, &e),
	    0);
	assert_int_equal(size, 4);
	assert_string_equal(path, unit_path(me, "alias"));
	assert_file(path, "text");
	free(path);
}

/* The file changes after it was opened, and before it is copied. */
static void
changed(const char *now, const char *why)
{
	const char *source = unit_path(dir, "source");
	struct drop d;
	struct stat st;
	struct err e;
	int fd;

	unit_file(source, "0123456789", 0600);
	fd = drop_open_source(source, &st, &e);
	assert_true(fd >= 0);
	/* an mtime of another second, whatever the clock's grain */
	st.st_mtim.tv_sec--;
	assert_int_equal(
	    drop_begin(&d, inbox, "me", "source", st.st_size, 1 << 20, 0, &e),
	    0);
	unit_file(source, now, 0600);
	assert_int_equal(drop_copy(&d, source, fd, &st, &e), -1);
	assert_err(e, EXIT_LOCAL, why);
	drop_abort(&d);
	(void)close(fd);
}

static void
test_changes(void **state)
{
	(void)state;
	changed("0123456789+", "changed while being sent");
	changed("0", "changed while being sent");
	changed("9876543210", "changed while being sent");
	assert_int_equal(count_files(me), 0);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_names),
		TEST(test_collisions),
		TEST(test_collisions_nfs),
		TEST(test_collisions_no_links),
		TEST(test_no_tmpfile),
		TEST(test_occupied),
		TEST(test_sizes),
		TEST(test_sizes_no_tmpfile),
		TEST(test_inbox_max),
		TEST(test_together),
		TEST(test_together_no_tmpfile),
		TEST(test_folder_sync),
		TEST(test_leftovers),
		TEST(test_no_room),
		TEST(test_folders),
		TEST(test_sources),
		TEST(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
