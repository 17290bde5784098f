#include "unit.h"

#include "file.h"
#include "lock.h"
#include "ring.h"
#include "str.h"

UNIT_FOLDER

static struct ring_entry
entry(enum exit_code code, const char *verdict, const char *text)
{
	struct ring_entry r = { .code = code };

	(void)snprintf(r.verdict, sizeof(r.verdict), "%s", verdict);
	(void)snprintf(r.text, sizeof(r.text), "%s", text);
	return r;
}

static void
put(const char *path, const char *id, enum exit_code code, const char *verdict,
    const char *text)
{
	struct ring_entry r = entry(code, verdict, text);
	struct err e;

	assert_int_equal(ring_put(path, id, &r, &e), 0);
}

static void
test_id(void **state)
{
	char id[RING_ID_MAX + 2];

	(void)state;
	assert_true(ring_id_ok("a"));
	assert_true(ring_id_ok("0Z.z_-9"));
	assert_false(ring_id_ok(""));
	assert_false(ring_id_ok("a b"));
	assert_false(ring_id_ok("a\n"));
	assert_false(ring_id_ok("a/b"));
	assert_false(ring_id_ok("é"));
	memset(id, 'x', sizeof(id));
	id[RING_ID_MAX] = '\0';
	assert_true(ring_id_ok(id));
	id[RING_ID_MAX] = 'x';
	id[RING_ID_MAX + 1] = '\0';
	assert_false(ring_id_ok(id));
}

static void
test_newest(void **state)
{
	const char *path = unit_path(dir, "newest");
	struct ring_entry r;
	struct err e;

	(void)state;
	assert_int_equal(ring_get(path, "id1", &r, &e), 1);
	put(path, "id1", EXIT_UNPROVEN, "started", "");
	assert_int_equal(ring_get(path, "id1", &r, &e), 0);
	assert_int_equal(r.code, EXIT_UNPROVEN);
	assert_string_equal(r.verdict, "started");
	assert_string_equal(r.text, "");
	put(path, "id2", EXIT_NOT_READY, "refused", "a dialog");
	put(path, "id1", EXIT_OK, "submitted", "composer emptied");
	assert_int_equal(ring_get(path, "id1", &r, &e), 0);
	assert_int_equal(r.code, EXIT_OK);
	assert_string_equal(r.verdict, "submitted");
	assert_string_equal(r.text, "composer emptied");
	assert_int_equal(ring_get(path, "id2", &r, &e), 0);
	assert_int_equal(r.code, EXIT_NOT_READY);
	assert_int_equal(ring_get(path, "id", &r, &e), 1);
	assert_int_equal(ring_get(path, "id12", &r, &e), 1);
}

/* A text cannot end its line, nor be longer than what is kept. */
static void
test_text(void **state)
{
	const char *path = unit_path(dir, "text");
	char text[RING_TEXT_MAX * 2];
	struct ring_entry r;
	struct err e;

	(void)state;
	put(path, "id1", EXIT_LOCAL, "failed",
	    "a\nT id2 0 submitted forged\033[2J");
	assert_int_equal(ring_get(path, "id2", &r, &e), 1);
	assert_int_equal(ring_get(path, "id1", &r, &e), 0);
	assert_string_equal(r.text, "a\\nT id2 0 submitted forged\\x1b[2J");
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memset(&r, 'x', sizeof(r));
	r.code = EXIT_OK;
	memcpy(r.verdict, "shown", 6);
	memcpy(r.text, text, sizeof(r.text)); /* no NUL in it */
	assert_int_equal(ring_put(path, "id3", &r, &e), 0);
	memset(&r, 0, sizeof(r));
	assert_int_equal(ring_get(path, "id3", &r, &e), 0);
	assert_int_equal(strlen(r.text), RING_TEXT_MAX);
}

static void
test_broken_lines(void **state)
{
	const char *path = unit_path(dir, "broken");
	struct ring_entry r;
	struct err e;

	(void)state;
	unit_file(path,
	    "\n"
	    "2026-01-01T00:00:00Z id1 0 submitted good\n"
	    "2026-01-01T00:00:00Z id1 x submitted no number\n"
	    "2026-01-01T00:00:00Z id1 10 submitted no code\n"
	    "2026-01-01T00:00:00Z id1 -1 submitted no code\n"
	    "2026-01-01T00:00:00Z id1\n"
	    "id1 0 submitted\n"
	    "2026-01-01T00:00:00Z xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxx 0 a b\n"
	    "2026-01-01T00:00:00Z id2 0 "
	    "averyveryveryveryverylongverdict b\n"
	    "2026-01-01T00:00:00Z id3 0 subm",
	    0600);
	assert_int_equal(ring_get(path, "id1", &r, &e), 0);
	assert_string_equal(r.text, "good");
	/* a verdict cut short is none that anybody compares with */
	if (ring_get(path, "id2", &r, &e) == 0)
		assert_int_equal(strlen(r.verdict), sizeof(r.verdict) - 1);
}

static void
test_trim(void **state)
{
	const char *path = unit_path(dir, "trim");
	struct ring_entry r;
	char id[32], text[RING_TEXT_MAX];
	struct file_stamp stamp;
	int64_t before = 0;
	unsigned many = unit_valgrind() ? 2000 : 4000;
	unsigned every = unit_valgrind() ? 16 : 1, i, cuts = 0;
	struct err e;

	(void)state;
	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < many; i++) {
		(void)snprintf(id, sizeof(id), "id%u", i);
		put(path, id, EXIT_OK, "submitted", text);
		stamp = file_stamp(path);
		assert_true(stamp.size <= RING_SIZE_MAX);
		cuts += stamp.size < before;
		before = stamp.size;
		if (i % every == 0)
			assert_int_equal(ring_get(path, id, &r, &e), 0);
	}
	assert_true(cuts >= 2);
	/* half of what there was is kept, whole lines of it */
	assert_int_equal(ring_get(path, id, &r, &e), 0);
	(void)snprintf(id, sizeof(id), "id%u", many - 500);
	assert_int_equal(ring_get(path, id, &r, &e), 0);
	assert_string_equal(r.text, text);
	assert_int_equal(ring_get(path, "id0", &r, &e), 1);
}

enum { WRITERS = 4, ROUNDS = 150 };

static int
writer(void *arg)
{
	unsigned who = *(unsigned *)arg, i;
	struct ring_entry r = entry(EXIT_OK, "shown", "by many");
	char id[32];
	struct err e;

	for (i = 0; i < ROUNDS; i++) {
		(void)snprintf(id, sizeof(id), "w%u-%u", who, i);
		if (ring_put(unit_path(dir, "many"), id, &r, &e) != 0)
			return 1;
	}
	return 0;
}

static void
test_many(void **state)
{
	const char *path = unit_path(dir, "many");
	struct ring_entry r;
	pid_t pids[WRITERS];
	char id[32];
	struct err e;
	unsigned i, j;
	int status;

	(void)state;
	(void)fflush(NULL);
	for (i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(writer(&i));
	}
	for (i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	for (i = 0; i < WRITERS; i++)
		for (j = 0; j < ROUNDS; j += 7) {
			(void)snprintf(id, sizeof(id), "w%u-%u", i, j);
			assert_int_equal(ring_get(path, id, &r, &e), 0);
		}
}

/* An id that was refused is brought again by several at once: each saw the
 * refusal, one may try. */
enum { CLAIMERS = 4, CLAIMS = 60 };

static int
claimer(const char *path, int go, int out)
{
	struct ring_entry mine = entry(EXIT_NOT_READY, "accepted", ""), theirs;
	struct ring_entry old;
	char id[32], byte, won[CLAIMS];
	struct err e;
	unsigned i;

	(void)snprintf(mine.text, sizeof(mine.text), "%d", (int)getpid());
	for (i = 0; i < CLAIMS; i++) {
		(void)snprintf(id, sizeof(id), "c%u", i);
		if (ring_get(path, id, &old, &e) != 0)
			return 1;
		/* every one has looked before any one claims */
		if (write(out, "r", 1) != 1 || read(go, &byte, 1) != 1)
			return 2;
		won[i] = (char)ring_claim(path, id, &old, &mine, &theirs, &e);
		if (won[i] < 0 ||
		    (won[i] == 0 && !str_eq(theirs.verdict, "accepted")))
			return 3;
		if (write(out, won[i] == 1 ? "y" : "n", 1) != 1)
			return 4;
	}
	return 0;
}

static void
test_claim(void **state)
{
	const char *path = unit_path(dir, "claim");
	struct ring_entry mine = entry(EXIT_NOT_READY, "accepted", "me");
	struct ring_entry none = entry(EXIT_NOT_READY, "refused", "a dialog");
	struct ring_entry theirs;
	int go[CLAIMERS][2], out[CLAIMERS][2], status;
	pid_t pids[CLAIMERS];
	unsigned i, j, won;
	char id[32], byte;
	struct err e;

	(void)state;
	assert_int_equal(ring_claim(path, "new", NULL, &mine, &theirs, &e), 1);
	assert_int_equal(ring_claim(path, "new", NULL, &mine, &theirs, &e), 0);
	assert_string_equal(theirs.text, "me");
	assert_int_equal(ring_claim(path, "new", &none, &mine, &theirs, &e), 0);
	assert_int_equal(
	    ring_claim(path, "new", &theirs, &none, &theirs, &e), 1);
	assert_int_equal(
	    ring_claim(path, "trimmed", &none, &mine, &theirs, &e), 1);
	for (j = 0; j < CLAIMS; j++) {
		(void)snprintf(id, sizeof(id), "c%u", j);
		put(path, id, EXIT_NOT_READY, "refused", "a dialog\x1b");
	}
	(void)fflush(NULL);
	for (i = 0; i < CLAIMERS; i++) {
		assert_int_equal(pipe(go[i]), 0);
		assert_int_equal(pipe(out[i]), 0);
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			_exit(claimer(path, go[i][0], out[i][1]));
		/* one that ends early is an end here, not a wait */
		(void)close(out[i][1]);
	}
	for (j = 0; j < CLAIMS; j++) {
		for (i = 0; i < CLAIMERS; i++)
			assert_int_equal(read(out[i][0], &byte, 1), 1);
		for (i = 0; i < CLAIMERS; i++)
			assert_int_equal(write(go[i][1], "g", 1), 1);
		for (won = 0, i = 0; i < CLAIMERS; i++) {
			assert_int_equal(read(out[i][0], &byte, 1), 1);
			won += byte == 'y';
		}
		assert_int_equal(won, 1);
	}
	for (i = 0; i < CLAIMERS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
		(void)close(go[i][0]);
		(void)close(go[i][1]);
		(void)close(out[i][0]);
	}
}

static void
test_failures(void **state)
{
	struct ring_entry r = entry(EXIT_OK, "shown", "x");
	const char *path = unit_path(dir, "locked"), *lock;
	struct err e;
	int fd;

	(void)state;
	lock = unit_path(dir, "locked.lock");
	assert_int_equal(lock_take(lock, 0, &fd, &e), LOCK_TAKEN);
	assert_int_equal(ring_put(path, "id1", &r, &e), -1);
	assert_err(e, EXIT_LOCAL, "locked for");
	lock_drop(&fd);
	assert_int_equal(ring_put(path, "id1", &r, &e), 0);

	path = unit_path(dir, "nowhere/ring");
	assert_int_equal(ring_put(path, "id1", &r, &e), -1);
	assert_err(e, EXIT_LOCAL, "nowhere/ring");

	path = unit_path(dir, "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ring_get(path, "id1", &r, &e), -1);
	assert_err(e, EXIT_LOCAL, "is not a regular file");

	path = unit_path(dir, "large");
	unit_file(path, "x\n", 0600);
	assert_int_equal(truncate(path, RING_SIZE_MAX * 2 + 1), 0);
	assert_int_equal(ring_get(path, "id1", &r, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id),
		cmocka_unit_test(test_newest),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_broken_lines),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
