#include "unit.h"

#include <dirent.h>
#include <fcntl.h>

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "mailbox.h"
#include "mem.h"
#include "str.h"

#define A "aaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbb"

UNIT_FOLDER

static struct home home;

/* A home of its own for each test, with our slice listing `ids`. */
static void
begin(const char *name, const char *const *ids)
{
	struct buf text = BUF_INIT;
	size_t i;

	home = (struct home){ .dir = x_strdup(unit_path(dir, name)) };
	assert_int_equal(mkdir(home.dir, 0700), 0);
	home.run = x_asprintf("%s/run", home.dir);
	assert_int_equal(mkdir(home.run, 0700), 0);
	home.local = x_asprintf("%s/local.toml", home.dir);
	buf_adds(&text,
	    "[slices.hub]\nversion = 1\nhost_id = \"0123456789abcdef\"\n"
	    "generation = 1\nwritten = \"2026-01-01T00:00:00Z\"\n");
	for (i = 0; ids[i] != NULL; i++)
		buf_addf(&text,
		    "[agents.hub-dev-w%zu]\nhost = \"hub\"\ntarget = "
		    "\"dev:%zu\"\nsession = \"dev\"\nwindow = \"w\"\n"
		    "role = \"\"\nscope = \"\"\nid = \"%s\"\npane = \"%%%zu\"\n"
		    "pane_pid = 1\nserver = \"1.1\"\nsocket = \"/s\"\n"
		    "window_id = \"@1\"\nbase = \"hub-dev-w%zu\"\n"
		    "slug = \"w\"\n",
		    i, i, ids[i], i, i);
	unit_file(home.local, text.data, 0600);
	buf_free(&text);
}

static void
end(void)
{
	x_free(home.dir);
	x_free(home.run);
	x_free(home.local);
}

static const char *const nobody[] = { NULL };

static struct mail
message(unsigned n, const char *from, const char *body)
{
	struct mail m = MAIL_INIT;

	(void)snprintf(m.id, sizeof(m.id), "m%019u", n);
	(void)snprintf(m.from, sizeof(m.from), "%s", from);
	(void)snprintf(m.from_host, sizeof(m.from_host), "hub");
	(void)snprintf(m.to, sizeof(m.to), "hub-dev-w0");
	(void)snprintf(m.to_host, sizeof(m.to_host), "hub");
	m.date = 1767225600000;
	buf_adds(&m.body, body);
	return m;
}

static void
open_box(struct mailbox *b, const char *id, const char *address)
{
	struct err e;

	if (mailbox_open(b, &home, id, address, &e) != 0)
		fail_msg("%s", e.msg);
}

static int
add(struct mailbox *b, unsigned n, enum mailbox_state state, struct err *e)
{
	struct mail m = message(n, "hub-dev-w1", "body");
	int rc = mailbox_add(b, &m, state, e);

	mail_free(&m);
	return rc;
}

static const char *
path_of(const char *id, const char *name)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s/mail/%s/%s", home.dir, id, name);
	return path;
}

static size_t
count(const char *id, const char *folder)
{
	DIR *d = opendir(path_of(id, folder));
	struct dirent *found;
	size_t n = 0;

	assert_non_null(d);
	while ((found = readdir(d)) != NULL)
		n += found->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void
test_states(void **state)
{
	struct mailbox b;
	struct mailbox_entry at;
	struct mail m;
	struct err e;
	unsigned i;

	(void)state;
	begin("states", nobody);
	open_box(&b, A, "hub-dev-w0");
	for (i = MAILBOX_QUEUED; i <= MAILBOX_DEAD; i++) {
		assert_int_equal(add(&b, i, i, &e), 0);
		assert_int_equal(add(&b, i, i, &e), 1);
		m = message(i, "x", "");
		assert_int_equal(mailbox_find(&b, m.id, &at), 0);
		mail_free(&m);
		assert_int_equal(at.state, i);
		assert_int_equal(mailbox_read(&b, &at, &m, &e), 0);
		assert_string_equal(m.body.data, "body");
		mail_free(&m);
	}
	assert_int_equal(count(A, "new"), 2);
	assert_int_equal(count(A, "cur"), 4);
	assert_int_equal(count(A, "queue"), 1);
	assert_int_equal(count(A, "tmp"), 0);
	assert_int_equal(mailbox_find(&b, "..", &at), 1);
	assert_int_equal(mailbox_find(&b, "m9999999999999999999", &at), 1);
	m = message(0, "x", "");
	assert_int_equal(mailbox_find(&b, m.id, &at), 0);
	assert_int_equal(mailbox_set(&b, &at, MAILBOX_SHOWN, &e), 0);
	assert_int_equal(at.state, MAILBOX_SHOWN);
	assert_int_equal(mailbox_find(&b, m.id, &at), 0);
	assert_int_equal(at.state, MAILBOX_SHOWN);
	assert_int_equal(mailbox_set(&b, &at, MAILBOX_ANSWERED, &e), 0);
	assert_string_equal(at.flags, "RS");
	assert_false(mailbox_waits(&b));
	mail_free(&m);
	mailbox_close(&b);
	end();
}

static void
test_order(void **state)
{
	struct mailbox_list list;
	struct mailbox b;
	struct err e;
	unsigned i;

	(void)state;
	begin("order", nobody);
	open_box(&b, A, "hub-dev-w0");
	for (i = 0; i < 30; i++)
		assert_int_equal(
		    add(&b, 100 - i,
			i % 2 == 0 ? MAILBOX_QUEUED : MAILBOX_SHOWN, &e),
		    0);
	mailbox_queue(&b, &list);
	assert_int_equal(list.n, 15);
	for (i = 0; i < 15; i++)
		assert_int_equal(atoi(mailbox_id(&list.v[i]) + 1), 100 - 2 * i);
	mailbox_list_free(&list);
	mailbox_newest(&b, 4, &list);
	assert_int_equal(list.n, 4);
	assert_int_equal(atoi(mailbox_id(&list.v[0]) + 1), 71);
	assert_int_equal(atoi(mailbox_id(&list.v[3]) + 1), 74);
	mailbox_list_free(&list);
	mailbox_newest(&b, 0, &list);
	assert_int_equal(list.n, 30);
	mailbox_list_free(&list);
	mailbox_close(&b);
	end();
}

static void
test_full(void **state)
{
	struct mailbox_list list;
	struct mailbox b;
	struct err e;
	unsigned i;

	(void)state;
	begin("full", nobody);
	open_box(&b, A, "hub-dev-w0");
	for (i = 0; i < MAILBOX_UNREAD_MAX; i++)
		assert_int_equal(add(&b, i, MAILBOX_QUEUED, &e), 0);
	assert_int_equal(add(&b, i, MAILBOX_QUEUED, &e), -1);
	assert_err(e, EXIT_REFUSED, "mailbox is full: 100 messages");
	/* What was shown is only written down. */
	assert_int_equal(add(&b, i, MAILBOX_SHOWN, &e), 0);
	mailbox_queue(&b, &list);
	assert_int_equal(mailbox_set(&b, &list.v[0], MAILBOX_SHOWN, &e), 0);
	mailbox_list_free(&list);
	assert_int_equal(add(&b, i + 1, MAILBOX_QUEUED, &e), 0);
	mailbox_close(&b);
	end();
}

/* Other mail programs move files and set flags. */
static void
test_foreign(void **state)
{
	static const char *const names[] = { "m0000000000000000000",
		"m0000000000000000001", "m0000000000000000002" };
	char old[4096], name[64];
	struct mailbox_entry at;
	struct mailbox_list list;
	struct mailbox b;
	struct err e;
	unsigned i;

	(void)state;
	begin("foreign", nobody);
	open_box(&b, A, "hub-dev-w0");
	for (i = 0; i < 3; i++) {
		assert_int_equal(add(&b, i, MAILBOX_QUEUED, &e), 0);
		(void)snprintf(
		    name, sizeof(name), "new/%010u.%s", i + 1, names[i]);
		(void)snprintf(old, sizeof(old), "%s", path_of(A, name));
		(void)snprintf(name, sizeof(name), "cur/%010u.%s:2,%s", i + 1,
		    names[i],
		    i == 0       ? ""
			: i == 1 ? "FS"
				 : "DSab");
		assert_int_equal(rename(old, path_of(A, name)), 0);
	}
	assert_int_equal(mailbox_find(&b, names[0], &at), 0);
	assert_int_equal(at.state, MAILBOX_QUEUED);
	assert_int_equal(mailbox_find(&b, names[1], &at), 0);
	assert_int_equal(at.state, MAILBOX_SHOWN);
	assert_int_equal(mailbox_find(&b, names[2], &at), 0);
	assert_int_equal(at.state, MAILBOX_SHOWN);
	assert_string_equal(at.flags, "DSab");
	mailbox_queue(&b, &list);
	assert_int_equal(list.n, 1);
	assert_string_equal(mailbox_id(&list.v[0]), names[0]);
	mailbox_list_free(&list);
	assert_int_equal(count(A, "queue"), 1);
	mailbox_close(&b);
	end();
}

static void
test_corrupt(void **state)
{
	struct mailbox_entry at;
	struct mailbox b, r;
	struct mail m;
	struct err e;

	(void)state;
	begin("corrupt", nobody);
	open_box(&b, A, "hub-dev-w0");
	assert_int_equal(add(&b, 1, MAILBOX_QUEUED, &e), 0);
	assert_int_equal(add(&b, 2, MAILBOX_QUEUED, &e), 0);
	unit_file(
	    path_of(A, "new/0000000001.m0000000000000000001"), "junk", 0600);
	/* One that only reads leaves it where it is while another may be
	 * at it. */
	assert_int_equal(mailbox_look(&r, &home, A, &e), 0);
	assert_int_equal(mailbox_find(&r, "m0000000000000000001", &at), 0);
	assert_int_equal(mailbox_read(&r, &at, &m, &e), -1);
	mail_free(&m);
	assert_int_equal(count(A, "bad"), 0);
	mailbox_unlock(&b);
	assert_int_equal(mailbox_read(&r, &at, &m, &e), -1);
	assert_err(e, EXIT_LOCAL, "0000000001.m0000000000000000001");
	mail_free(&m);
	mailbox_close(&r);
	assert_int_equal(mailbox_lock(&b, &e), 0);
	assert_int_equal(count(A, "bad"), 1);
	/* Its sender is to be told, once. */
	assert_int_equal(
	    mailbox_loss(&b, "m0000000000000000001"), MAILBOX_LOSS_DAMAGED);
	assert_int_equal(count(A, "queue"), 2);
	assert_int_equal(mailbox_lost(&b, &m), MAILBOX_LOSS_DAMAGED);
	assert_string_equal(m.id, "m0000000000000000001");
	mail_free(&m);
	assert_int_equal(mailbox_lost(&b, &m), MAILBOX_LOSS_NONE);
	mail_free(&m);
	assert_int_equal(count(A, "queue"), 1);
	/* Another's message under this name. */
	assert_int_equal(mailbox_find(&b, "m0000000000000000002", &at), 0);
	m = message(3, "x", "y");
	assert_int_equal(mailbox_rewrite(&b, &at, &m, &e), 0);
	mail_free(&m);
	assert_int_equal(mailbox_read(&b, &at, &m, &e), -1);
	mail_free(&m);
	assert_int_equal(count(A, "bad"), 2);
	mailbox_close(&b);
	end();
}

/* What a killed program may leave: names without a file, a torn index. */
static void
test_leftovers(void **state)
{
	static const char *const id = "m0000000000000000007";
	struct mailbox_list list;
	struct mailbox_entry at;
	struct mailbox b;
	struct err e;
	int fd;

	(void)state;
	begin("leftovers", nobody);
	open_box(&b, A, "hub-dev-w0");
	assert_int_equal(add(&b, 1, MAILBOX_QUEUED, &e), 0);
	assert_int_equal(symlink("0000000002.m0000000000000000007",
			     path_of(A, "ids/m0000000000000000007")),
	    0);
	unit_file(
	    path_of(A, "queue/0000000002.m0000000000000000007"), "", 0600);
	unit_file(
	    path_of(A, "tmp/0000000002.m0000000000000000007"), "half", 0600);
	fd = open(path_of(A, "index"), O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "00000000", 8), 8);
	(void)close(fd);
	assert_int_equal(mailbox_find(&b, id, &at), 1);
	mailbox_queue(&b, &list);
	assert_int_equal(list.n, 1);
	mailbox_list_free(&list);
	assert_int_equal(add(&b, 7, MAILBOX_QUEUED, &e), 0);
	assert_int_equal(mailbox_find(&b, id, &at), 0);
	assert_string_equal(at.name, "0000000003.m0000000000000000007");
	mailbox_newest(&b, 0, &list);
	assert_int_equal(list.n, 2);
	mailbox_list_free(&list);
	/* An index that is gone is made again. */
	assert_int_equal(unlink(path_of(A, "index")), 0);
	assert_int_equal(add(&b, 8, MAILBOX_SHOWN, &e), 0);
	mailbox_newest(&b, 0, &list);
	assert_int_equal(list.n, 3);
	assert_string_equal(list.v[0].name, "0000000004.m0000000000000000008");
	mailbox_list_free(&list);
	mailbox_close(&b);
	end();
}

/* One that is being shown: nobody sees it before, and it is sure of a place. */
static void
test_reserve(void **state)
{
	static const struct timespec old[2] = { { .tv_sec = 1 },
		{ .tv_sec = 1 } };
	struct mail m = message(1, "hub-dev-w1", "body");
	struct mailbox_entry at, other;
	struct mailbox_list list;
	struct mailbox b;
	struct err e;
	unsigned i;

	(void)state;
	begin("reserve", nobody);
	open_box(&b, A, "hub-dev-w0");
	assert_int_equal(mailbox_reserve(&b, &m, &at, &e), 0);
	assert_int_equal(mailbox_find(&b, m.id, &other), 1);
	mailbox_newest(&b, 0, &list);
	assert_int_equal(list.n, 0);
	/* Another comes, and the index is mended meanwhile. */
	assert_int_equal(unlink(path_of(A, "index")), 0);
	assert_int_equal(add(&b, 2, MAILBOX_SHOWN, &e), 0);
	assert_int_equal(mailbox_keep(&b, &at, MAILBOX_SHOWN, &e), 0);
	assert_int_equal(mailbox_find(&b, m.id, &at), 0);
	assert_int_equal(at.state, MAILBOX_SHOWN);
	mailbox_newest(&b, 0, &list);
	assert_int_equal(list.n, 2);
	assert_string_equal(mailbox_id(&list.v[1]), m.id);
	mailbox_list_free(&list);
	assert_int_equal(mailbox_reserve(&b, &m, &at, &e), 1);
	mail_free(&m);
	/* Not shown after all; or another process kept it. */
	m = message(3, "hub-dev-w1", "body");
	assert_int_equal(mailbox_reserve(&b, &m, &at, &e), 0);
	mailbox_release(&b, &at);
	assert_int_equal(count(A, "tmp"), 0);
	assert_int_equal(mailbox_find(&b, m.id, &other), 1);
	assert_int_equal(mailbox_reserve(&b, &m, &at, &e), 0);
	assert_int_equal(add(&b, 3, MAILBOX_SHOWN, &e), 0);
	assert_int_equal(mailbox_keep(&b, &at, MAILBOX_SHOWN, &e), 1);
	assert_int_equal(count(A, "cur"), 3);
	assert_int_equal(count(A, "tmp"), 0);
	mail_free(&m);
	/* Its text is gone: said. */
	m = message(4, "hub-dev-w1", "body");
	assert_int_equal(mailbox_reserve(&b, &m, &at, &e), 0);
	mailbox_release(&b, &at);
	assert_int_equal(mailbox_keep(&b, &at, MAILBOX_SHOWN, &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
	/* Killed: much later it is removed. */
	assert_int_equal(mailbox_reserve(&b, &m, &at, &e), 0);
	assert_int_equal(
	    utimensat(AT_FDCWD,
		path_of(A, "tmp/0000000007.m0000000000000000004"), old, 0),
	    0);
	for (i = 10; i < 10 + MAILBOX_CLEAN_EACH; i++)
		assert_int_equal(add(&b, i, MAILBOX_SHOWN, &e), 0);
	assert_int_equal(count(A, "tmp"), 0);
	mail_free(&m);
	mailbox_close(&b);
	end();
}

static void
empty_ids(void)
{
	DIR *d = opendir(path_of(A, "ids"));
	struct dirent *found;

	assert_non_null(d);
	while ((found = readdir(d)) != NULL)
		if (found->d_name[0] != '.')
			assert_int_equal(
			    unlinkat(dirfd(d), found->d_name, 0), 0);
	(void)closedir(d);
}

/* Break an index or ids/ in one of the ways. */
static void
damage(unsigned how)
{
	switch (how) {
	case 0:
		assert_int_equal(truncate(path_of(A, "index"), 0), 0);
		break;
	case 1:
		assert_int_equal(unlink(path_of(A, "index")), 0);
		break;
	case 2:
		assert_int_equal(truncate(path_of(A, "index"), 100), 0);
		break;
	case 3: /* of lines, but none */
		unit_file(path_of(A, "index"),
		    "...............................................\n"
		    "...............................................\n",
		    0600);
		break;
	case 4:
		empty_ids();
		break;
	case 5:
		empty_ids();
		assert_int_equal(rmdir(path_of(A, "ids")), 0);
		break;
	case 6: /* one of them, and not the last */
		assert_int_equal(
		    unlink(path_of(A, "ids/m0000000000000000001")), 0);
		break;
	}
}

/* Whoever looks finds all there is, in order, and so does the next message. */
static void
test_mended(void **state)
{
	char name[] = "mended0";
	struct mailbox_entry at;
	struct mailbox_list list;
	struct mailbox b;
	struct err e;
	unsigned how, by, i;

	(void)state;
	for (how = 0; how < 14; how++) {
		by = how % 2;
		name[6] = (char)('a' + how);
		begin(name, nobody);
		open_box(&b, A, "hub-dev-w0");
		for (i = 0; i < 4; i++)
			assert_int_equal(
			    add(&b, i, i % 2 ? MAILBOX_QUEUED : MAILBOX_SHOWN,
				&e),
			    0);
		mailbox_close(&b);
		damage(how / 2);
		if (by == 0)
			assert_int_equal(mailbox_look(&b, &home, A, &e), 0);
		else
			open_box(&b, A, "hub-dev-w0");
		mailbox_queue(&b, &list);
		assert_int_equal(list.n, 2);
		mailbox_list_free(&list);
		mailbox_newest(&b, 0, &list);
		assert_int_equal(list.n, 4);
		assert_string_equal(
		    list.v[0].name, "0000000004.m0000000000000000003");
		mailbox_list_free(&list);
		assert_int_equal(
		    mailbox_find(&b, "m0000000000000000001", &at), 0);
		if (by == 0)
			assert_int_equal(mailbox_lock(&b, &e), 0);
		assert_int_equal(add(&b, 1, MAILBOX_QUEUED, &e), 1);
		assert_int_equal(add(&b, 9, MAILBOX_QUEUED, &e), 0);
		mailbox_newest(&b, 1, &list);
		assert_string_equal(
		    list.v[0].name, "0000000005.m0000000000000000009");
		mailbox_list_free(&list);
		mailbox_close(&b);
		end();
	}
}

static void
check_named(const char *address, const char *id)
{
	char link[4096], want[64];
	ssize_t n;

	n = readlink(path_of("by-name", address), link, sizeof(link) - 1);
	assert_true(n > 0);
	link[n] = '\0';
	(void)snprintf(want, sizeof(want), "../%s", id);
	assert_string_equal(link, want);
}

static void
test_inherit(void **state)
{
	static const char *const both[] = { A, B, NULL };
	struct mailbox b;
	struct err e;

	(void)state;
	/* The old one lives: a rename moves nothing, the name goes on. */
	begin("lives", both);
	open_box(&b, A, "hub-dev-w0");
	assert_int_equal(add(&b, 1, MAILBOX_QUEUED, &e), 0);
	mailbox_close(&b);
	open_box(&b, A, "hub-dev-new");
	assert_true(mailbox_waits(&b));
	mailbox_close(&b);
	open_box(&b, B, "hub-dev-w0");
	assert_false(mailbox_waits(&b));
	mailbox_close(&b);
	check_named("hub-dev-new", A);
	check_named("hub-dev-w0", B);
	end();
	/* It is gone: its mail goes to who has the address now, once. */
	begin("gone", nobody);
	open_box(&b, A, "hub-dev-w0");
	assert_int_equal(add(&b, 1, MAILBOX_QUEUED, &e), 0);
	mailbox_close(&b);
	open_box(&b, B, "hub-dev-w0");
	assert_true(mailbox_waits(&b));
	mailbox_close(&b);
	check_named("hub-dev-w0", B);
	assert_int_not_equal(access(path_of(A, "."), F_OK), 0);
	end();
	/* A slice that cannot be read proves nothing. */
	begin("unread", nobody);
	open_box(&b, A, "hub-dev-w0");
	assert_int_equal(add(&b, 1, MAILBOX_QUEUED, &e), 0);
	mailbox_close(&b);
	unit_file(home.local, "[broken", 0600);
	open_box(&b, B, "hub-dev-w0");
	assert_false(mailbox_waits(&b));
	mailbox_close(&b);
	end();
}

static int
writer(void *arg)
{
	unsigned first = *(unsigned *)arg, i;
	struct mailbox b;
	struct mail m;
	char from[32];
	int rc;

	(void)snprintf(from, sizeof(from), "writer-%u", first);
	for (i = first; i < first + 60; i++) {
		m = message(i, from, "body");
		rc = mailbox_open(&b, &home, A, "hub-dev-w0", NULL);
		if (rc == 0)
			rc = mailbox_add(&b, &m, MAILBOX_SHOWN, NULL);
		mailbox_close(&b);
		mail_free(&m);
		if (rc != 0)
			return 1;
	}
	return 0;
}

/* Many at once: none is lost, each writer's come in his order. */
static void
test_writers(void **state)
{
	unsigned first[8], last[8] = { 0 }, i, n;
	struct mailbox_list list;
	struct mailbox b;
	pid_t pid[8];
	int status;

	(void)state;
	begin("writers", nobody);
	for (i = 0; i < 8; i++) {
		first[i] = i * 1000 + 1;
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(writer(&first[i]));
	}
	for (i = 0; i < 8; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	open_box(&b, A, "hub-dev-w0");
	mailbox_newest(&b, 0, &list);
	assert_int_equal(list.n, 8 * 60);
	for (i = (unsigned)list.n; i-- > 0;) {
		n = (unsigned)atoi(mailbox_id(&list.v[i]) + 1);
		assert_true(n > last[n / 1000]);
		last[n / 1000] = n;
	}
	mailbox_list_free(&list);
	mailbox_close(&b);
	end();
}

static void
test_bad_ids(void **state)
{
	struct mailbox b;
	struct err e;

	(void)state;
	begin("ids", nobody);
	assert_int_equal(
	    mailbox_open(&b, &home, "../../x", "hub-dev-w0", &e), -1);
	assert_err(e, EXIT_LOCAL, "hub-dev-w0: has no id");
	mailbox_close(&b);
	assert_int_equal(mailbox_look(&b, &home, "..", &e), 1);
	mailbox_close(&b);
	assert_int_equal(mailbox_look(&b, &home, A, &e), 1);
	mailbox_close(&b);
	open_box(&b, A, "hub-dev-w0");
	mailbox_close(&b);
	end();
}

/* A question that waits for its answer. */
static void
add_question(struct mailbox *b, unsigned n, int64_t expires)
{
	struct mail m = message(n, "hub-dev-w1", "well?");
	struct err e;

	m.question = true;
	m.expires = expires;
	assert_int_equal(mailbox_add(b, &m, MAILBOX_SHOWN, &e), 0);
	mail_free(&m);
}

static const char *
id_of(unsigned n)
{
	static char id[MAIL_ID_MAX + 1];

	(void)snprintf(id, sizeof(id), "m%019u", n);
	return id;
}

static size_t
pruned(struct mailbox *b, int64_t before, int64_t now)
{
	struct err e;
	size_t n;

	if (mailbox_prune(b, before, now, &n, &e) != 0)
		fail_msg("%s", e.msg);
	return n;
}

static void
test_prune(void **state)
{
	static const int64_t day = 24LL * 3600 * 1000;
	int64_t now = clock_real_ms(), soon = now + 3600 * 1000;
	char name[64], other[128];
	struct mailbox_entry at;
	struct mailbox_list list;
	struct mailbox b;
	struct err e;
	unsigned i;

	(void)state;
	begin("prune", nobody);
	open_box(&b, A, "hub-dev-w0");
	for (i = MAILBOX_QUEUED; i <= MAILBOX_DEAD; i++)
		assert_int_equal(add(&b, i, i, &e), 0);
	/* 6 is marked, 7 a question, 8 an answer; 9's end was interrupted */
	for (; i < 10; i++)
		if (i == 7)
			add_question(&b, i, now + 2 * day);
		else
			assert_int_equal(add(&b, i, MAILBOX_SHOWN, &e), 0);
	assert_int_equal(mailbox_find(&b, id_of(6), &at), 0);
	(void)snprintf(other, sizeof(other), "cur/%s:2,FS", at.name);
	(void)snprintf(name, sizeof(name), "cur/%s:2,S", at.name);
	assert_int_equal(renameat(b.dir, name, b.dir, other), 0);
	assert_int_equal(mkdirat(b.dir, "asked", 0700), 0);
	assert_int_equal(symlinkat(id_of(8), b.dir, "asked/" A ".answer"), 0);
	(void)snprintf(name, sizeof(name), "ids/%s", id_of(9));
	assert_int_equal(unlinkat(b.dir, name, 0), 0);
	assert_int_equal(symlinkat(".shown", b.dir, name), 0);
	mailbox_unlock(&b);
	assert_int_equal(pruned(&b, now - day, now), 0);
	assert_int_equal(pruned(&b, soon, soon), 4);
	assert_int_equal(pruned(&b, soon, soon), 0);
	for (i = 0; i < 10; i++) {
		bool gone = i == MAILBOX_SHOWN || i == MAILBOX_ANSWERED ||
		    i == MAILBOX_DEAD || i == 9;

		assert_int_equal(mailbox_find(&b, id_of(i), &at), gone);
		assert_int_equal(mailbox_gone(&b, id_of(i), &at), !gone);
		if (!gone)
			continue;
		assert_int_equal(at.state, i == 9 ? MAILBOX_SHOWN : i);
		assert_string_equal(mailbox_id(&at), id_of(i));
	}
	mailbox_newest(&b, 0, &list);
	assert_int_equal(list.n, 6);
	mailbox_list_free(&list);
	assert_int_equal(count(A, "cur"), 4);
	assert_int_equal(count(A, "tmp"), 0);
	/* it is told as before, and numbers go on */
	assert_int_equal(mailbox_lock(&b, &e), 0);
	assert_int_equal(add(&b, MAILBOX_SHOWN, MAILBOX_QUEUED, &e), 1);
	assert_int_equal(add(&b, 10, MAILBOX_QUEUED, &e), 0);
	assert_int_equal(mailbox_find(&b, id_of(10), &at), 0);
	assert_string_equal(at.name, "0000000011.m0000000000000000010");
	mailbox_unlock(&b);
	/* in the end even the question goes, and its id is forgotten */
	assert_int_equal(pruned(&b, soon, now + 3 * day), 1);
	assert_int_equal(mailbox_gone(&b, id_of(7), &at), 0);
	assert_int_equal(pruned(&b, soon, now + 31 * day), 0);
	assert_int_equal(mailbox_gone(&b, id_of(7), &at), 1);
	mailbox_close(&b);
	end();
}

/* Is message 20 gone after a sweep at that time? */
static bool
swept(int64_t days, int64_t now)
{
	struct mailbox_entry at;
	struct mailbox b;
	struct err e;
	bool gone;

	assert_int_equal(mailbox_sweep(&home, days, now, &e), 0);
	assert_int_equal(mailbox_look(&b, &home, A, &e), 0);
	gone = mailbox_find(&b, id_of(20), &at) != 0;
	mailbox_close(&b);
	return gone;
}

static void
test_sweep(void **state)
{
	static const int64_t hour = 3600 * 1000, day = 24 * hour;
	int64_t now = clock_real_ms();
	struct mailbox b;
	struct err e;

	(void)state;
	begin("sweep", nobody);
	open_box(&b, A, "hub-dev-w0");
	assert_int_equal(add(&b, 20, MAILBOX_SHOWN, &e), 0);
	mailbox_close(&b);
	/* kept for ever; or not so old */
	assert_false(swept(0, now + 9 * day));
	assert_false(swept(0, now + 9 * day + 2 * hour));
	assert_false(swept(7, now));
	assert_false(swept(7, now + 2 * hour));
	/* a clock that is ahead, and right again */
	assert_false(swept(7, now + 400 * day));
	assert_false(swept(7, now + 400 * day + hour / 2));
	assert_false(swept(7, now + 3 * hour));
	assert_false(swept(7, now + 5 * hour));
	/* one that goes on; but once an hour */
	assert_false(swept(7, now + 8 * day));
	assert_false(swept(7, now + 8 * day + hour / 2));
	assert_true(swept(7, now + 8 * day + 2 * hour));
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_mended),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_inherit),
		cmocka_unit_test(test_writers),
		cmocka_unit_test(test_bad_ids),
		cmocka_unit_test(test_prune),
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
