#include "unit.h"

#include "clock.h"
#include "mem.h"
#include "outbox.h"
#include "queue.h"
#include "str.h"

#define ID "0123456789abcdef"

UNIT_FOLDER

static struct home home;

static void
begin(const char *name)
{
	home = (struct home){ .dir = x_strdup(unit_path(dir, name)),
		.host = "hub" };
	assert_int_equal(mkdir(home.dir, 0700), 0);
	home.run = x_asprintf("%s/run", home.dir);
	assert_int_equal(mkdir(home.run, 0700), 0);
	home.log = x_asprintf("%s/log", home.dir);
	assert_int_equal(mkdir(home.log, 0700), 0);
}

static void
end(void)
{
	x_free(home.dir);
	x_free(home.run);
	x_free(home.log);
	home.dir = home.run = home.log = NULL;
}

static struct mail
message(unsigned n)
{
	struct mail m = MAIL_INIT;

	(void)snprintf(m.id, sizeof(m.id), "m%019u", n);
	(void)snprintf(m.from, sizeof(m.from), "hub-dev-w0");
	(void)snprintf(m.from_host, sizeof(m.from_host), "hub");
	(void)snprintf(m.to, sizeof(m.to), "lap-s-one");
	(void)snprintf(m.to_host, sizeof(m.to_host), "lap");
	m.date = clock_real_ms();
	buf_addf(&m.body, "text %u", n);
	return m;
}

static int
add_from(unsigned n, const char *from, const char *host, int64_t expires,
    struct err *e)
{
	struct mail m = message(n);
	int rc;

	(void)snprintf(m.from, sizeof(m.from), "%s", from);
	(void)snprintf(m.from_host, sizeof(m.from_host), "%s", host);
	m.expires = expires;
	rc = outbox_add(&home, "lap", ID, &m, e);
	mail_free(&m);
	return rc;
}

static int
add(unsigned n, int64_t expires, struct err *e)
{
	return add_from(n, "hub-dev-w0", "hub", expires, e);
}

/* The number of the next one's text; 0: none. */
static unsigned
next(uint64_t *past)
{
	struct mailbox b;
	unsigned n = 0;
	struct mail m;
	struct err e;

	assert_int_equal(outbox_open(&b, &home, "lap", ID, &e), 0);
	if (outbox_next(&b, *past, past, &m) == 0)
		assert_int_equal(sscanf(m.body.data, "text %u", &n), 1);
	mail_free(&m);
	mailbox_close(&b);
	return n;
}

static int
settle(unsigned n, enum exit_code code, const char *word)
{
	struct mail m = message(n);
	struct mailbox b;
	struct err e;
	int rc;

	assert_int_equal(outbox_open(&b, &home, "lap", ID, &e), 0);
	rc = outbox_settle(&home, &b, m.id, code, word, "why", &e);
	mailbox_close(&b);
	mail_free(&m);
	return rc;
}

/* What is known of one: its word and code. */
static const char *
known(unsigned n, enum exit_code *code)
{
	struct mail m = message(n);
	struct deliver_verdict v;
	int rc = outbox_status(&home, m.id, &v);

	if (rc != 0)
		rc = queue_status(&home, m.id, &v, NULL);
	mail_free(&m);
	*code = v.code;
	return rc == 0 ? v.word : "";
}

static void
test_names(void **state)
{
	struct mailbox b;
	struct err e;

	(void)state;
	begin("names");
	assert_false(outbox_known(&home, "lap", ID));
	assert_false(outbox_known(&home, "../x", ID));
	assert_false(outbox_known(&home, "lap", ""));
	assert_int_equal(
	    outbox_open(&b, &home, "lap", "../../etc/passwd", &e), -1);
	mailbox_close(&b);
	assert_int_equal(outbox_open(&b, &home, "a/b", ID, &e), -1);
	mailbox_close(&b);
	assert_int_equal(outbox_open(&b, &home, "lap", ID, &e), 0);
	mailbox_close(&b);
	assert_true(outbox_known(&home, "lap", ID));
	assert_false(outbox_known(&home, "lap", "fedcba9876543210"));
	assert_int_equal(
	    outbox_waiting(&home, "lap", "fedcba9876543210", NULL), -1);
	assert_int_equal(outbox_waiting(&home, "lap", ID, NULL), 0);
	end();
}

static void
test_order(void **state)
{
	enum exit_code code;
	uint64_t past = 0;
	struct err e;

	(void)state;
	begin("order");
	assert_int_equal(next(&past), 0);
	assert_int_equal(add(1, 0, &e), 0);
	assert_int_equal(add(2, 0, &e), 0);
	assert_int_equal(add(3, 0, &e), 0);
	assert_int_equal(add(2, 0, &e), 1);
	assert_int_equal(outbox_waiting(&home, "lap", ID, NULL), 3);
	assert_int_equal(outbox_waiting(&home, "lap", ID, "lap-s-one"), 3);
	assert_int_equal(outbox_waiting(&home, "lap", ID, "lap-s-two"), 0);
	past = 0;
	assert_int_equal(next(&past), 1);
	/* left where it is, and offered again another time */
	assert_int_equal(next(&past), 2);
	assert_int_equal(settle(2, EXIT_OK, "queued"), 0);
	assert_int_equal(next(&past), 3);
	assert_int_equal(next(&past), 0);
	past = 0;
	assert_int_equal(next(&past), 1);
	assert_int_equal(next(&past), 3);
	assert_string_equal(known(2, &code), "queued");
	assert_int_equal(settle(2, EXIT_OK, "queued"), 1);
	assert_int_equal(settle(2, EXIT_OK, "submitted"), 0);
	assert_string_equal(known(2, &code), "submitted");
	assert_int_equal(code, EXIT_OK);
	/* the same again, and one that never was */
	assert_int_equal(settle(2, EXIT_OK, "queued"), 1);
	assert_int_equal(settle(77, EXIT_OK, "submitted"), 1);
	assert_string_equal(known(77, &code), "");
	/* one that was seen was answered later, and nothing else */
	assert_int_equal(settle(2, EXIT_OK, "read"), 1);
	assert_int_equal(settle(2, EXIT_UNPROVEN, "answered"), 1);
	assert_int_equal(settle(2, EXIT_OK, "answered"), 0);
	assert_string_equal(known(2, &code), "answered");
	assert_int_equal(settle(2, EXIT_OK, "answered"), 1);
	assert_int_equal(settle(77, EXIT_OK, "answered"), 1);
	assert_string_equal(known(77, &code), "");
	/* no such word; and no success without proof */
	assert_int_equal(settle(1, EXIT_OK, "eaten"), -1);
	assert_string_equal(known(1, &code), "queued");
	assert_int_equal(settle(1, EXIT_OK, "refused"), 0);
	assert_string_equal(known(1, &code), "refused");
	assert_int_equal(code, EXIT_UNPROVEN);
	end();
}

static void
test_full(void **state)
{
	char name[32];
	struct err e;
	unsigned i;

	(void)state;
	begin("full");
	/* of one sender half of them, by whatever name of another host */
	for (i = 1; i <= OUTBOX_SHARE; i++)
		assert_int_equal(add(i, 0, &e), 0);
	assert_int_equal(add(i, 0, &e), -1);
	assert_int_equal(e.code, EXIT_REFUSED);
	assert_string_equal(e.msg,
	    "host lap: 50 messages of hub-dev-w0 wait here for it, and no "
	    "more may; try again when some were fetched");
	assert_int_equal(add(7, 0, &e), 1);
	for (; i < MAILBOX_UNREAD_MAX; i++) {
		(void)snprintf(name, sizeof(name), "web-s-w%u", i);
		assert_int_equal(add_from(i, name, "web", 0, &e), 0);
	}
	assert_int_equal(add_from(i, "hub-dev-w1", "hub", 0, &e), 0);
	i++;
	/* and all of them are all */
	assert_int_equal(add_from(i, "web-s-two", "web", 0, &e), -1);
	assert_int_equal(e.code, EXIT_REFUSED);
	assert_int_equal(settle(7, EXIT_OK, "queued"), 0);
	assert_int_equal(add_from(i, "web-s-two", "web", 0, &e), 0);
	i++;
	assert_int_equal(settle(8, EXIT_OK, "queued"), 0);
	assert_int_equal(add_from(i, "web-s-three", "web", 0, &e), -1);
	assert_int_equal(e.code, EXIT_REFUSED);
	assert_non_null(strstr(e.msg, "50 messages of web wait here"));
	assert_int_equal(add(i, 0, &e), 0);
	end();
}

static void
count(void *arg, const struct mail *m)
{
	(void)m;
	++*(int *)arg;
}

static void
test_expire(void **state)
{
	int64_t now = clock_real_ms();
	enum exit_code code;
	uint64_t past = 0;
	struct err e;
	char *index;
	int n = 0;

	(void)state;
	begin("expire");
	assert_int_equal(add(1, now - 5000, &e), 0);
	assert_int_equal(add(2, now + 3600 * 1000, &e), 0);
	assert_int_equal(add(3, 0, &e), 0);
	assert_int_equal(settle(3, EXIT_OK, "queued"), 0);
	/* what expired is not handed out, even before it is swept */
	assert_int_equal(next(&past), 2);
	assert_int_equal(outbox_waiting(&home, "lap", ID, NULL), 1);
	/* what is there counts, not all that ever was */
	index = x_asprintf("%s/outbox/lap." ID "/index", home.dir);
	assert_int_equal(truncate(index, 0), 0);
	x_free(index);
	/* and told to be over */
	assert_string_equal(known(1, &code), "expired");
	assert_int_equal(code, EXIT_TIMEOUT);
	assert_true(outbox_due(&home, now));
	outbox_sweep(&home, now, count, &n);
	assert_int_equal(n, 1);
	assert_string_equal(known(1, &code), "expired");
	assert_int_equal(code, EXIT_TIMEOUT);
	/* when there will be something again is known without a look */
	assert_false(outbox_due(&home, now));
	assert_false(outbox_due(&home, now + 3500 * 1000));
	assert_true(outbox_due(&home, now + 3600 * 1000));
	assert_int_equal(add(4, now + 60 * 1000, &e), 0);
	assert_false(outbox_due(&home, now + 59 * 1000));
	assert_true(outbox_due(&home, now + 60 * 1000));
	outbox_sweep(&home, now + 60 * 1000, count, &n);
	assert_int_equal(n, 2);
	assert_false(outbox_due(&home, now + 60 * 1000));
	assert_string_equal(known(2, &code), "queued");
	/* fetched, and never heard of again: not reported from here */
	outbox_sweep(&home,
	    now + QUEUE_DAYS * 24LL * 3600 * 1000 + OUTBOX_OVERDUE_MS + 5000,
	    count, &n);
	assert_int_equal(n, 3);
	assert_string_equal(known(2, &code), "expired");
	assert_string_equal(known(3, &code), "indeterminate");
	end();
}

/* What expired takes no place of those that may wait. */
static void
test_full_of_old(void **state)
{
	int64_t now = clock_real_ms();
	struct err e;
	unsigned i;

	(void)state;
	begin("full-of-old");
	assert_int_equal(add(200, now - 5000, &e), 0);
	assert_int_equal(add(201, now - 5000, &e), 0);
	for (i = 1; i <= OUTBOX_SHARE; i++)
		assert_int_equal(add(i, now + 3600 * 1000, &e), 0);
	assert_int_equal(add(202, 0, &e), -1);
	for (; i <= MAILBOX_UNREAD_MAX; i++)
		assert_int_equal(add_from(i, "web-s-one", "web", 0, &e), 0);
	assert_int_equal(add_from(203, "sun-s-one", "sun", 0, &e), -1);
	assert_err(e, EXIT_REFUSED, "mailbox is full");
	end();
}

/* Lines of the index; `write`: so many, of messages that are gone. */
static size_t
index_lines(unsigned write)
{
	char *path = x_asprintf("%s/outbox/lap." ID "/index", home.dir);
	FILE *f = fopen(path, write > 0 ? "w" : "r");
	unsigned i;
	long size;

	assert_non_null(f);
	for (i = 1; i <= write; i++)
		assert_int_equal(fprintf(f, "%010u.m%019u%*s\n", i, i,
				     MAILBOX_NAME_MAX - 31, ""),
		    MAILBOX_NAME_MAX + 1);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_int_equal(fclose(f), 0);
	x_free(path);
	assert_int_equal(size % (MAILBOX_NAME_MAX + 1), 0);
	return (size_t)size / (MAILBOX_NAME_MAX + 1);
}

/* What went out long ago leaves no lines; numbers go on all the same. */
static void
test_trim(void **state)
{
	uint64_t past = 0;
	struct err e;
	int n = 0;

	(void)state;
	begin("trim");
	assert_int_equal(add(1, 0, &e), 0);
	assert_int_equal(settle(1, EXIT_OK, "submitted"), 0);
	outbox_sweep(&home, clock_real_ms(), count, &n);
	assert_int_equal(index_lines(0), 1);
	assert_int_equal(index_lines(OUTBOX_LINES_MAX), OUTBOX_LINES_MAX);
	outbox_sweep(&home, clock_real_ms(), count, &n);
	assert_int_equal(index_lines(0), OUTBOX_LINES_MAX);
	assert_int_equal(add(2, 0, &e), 0);
	assert_int_equal(add(3, 0, &e), 0);
	assert_int_equal(settle(3, EXIT_OK, "submitted"), 0);
	outbox_sweep(&home, clock_real_ms(), count, &n);
	/* the one that is there, and the last one */
	assert_int_equal(index_lines(0), 2);
	assert_int_equal(next(&past), 2);
	assert_int_equal(past, OUTBOX_LINES_MAX + 1);
	assert_int_equal(add(4, 0, &e), 0);
	assert_int_equal(next(&past), 4);
	assert_int_equal(past, OUTBOX_LINES_MAX + 3);
	assert_int_equal(n, 0);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_expire),
		cmocka_unit_test(test_full_of_old),
		cmocka_unit_test(test_trim),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
