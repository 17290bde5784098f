#include "unit.h"

#include "asked.h"
#include "clock.h"
#include "lock.h"
#include "mem.h"

#define SELF "aaaaaaaaaaaaaaaaaaaa"
#define Q1 "q1aaaaaaaaaaaaaaaaaa"
#define Q2 "q1bbbbbbbbbbbbbbbbbb"
#define Q3 "q3aaaaaaaaaaaaaaaaaa"
#define ANSWER "m1aaaaaaaaaaaaaaaaaa"

UNIT_FOLDER

static struct home home;

static void
begin(struct mailbox *b, const char *name)
{
	struct err e;

	home = (struct home){ .dir = x_strdup(unit_path(dir, name)) };
	assert_int_equal(mkdir(home.dir, 0700), 0);
	home.run = x_asprintf("%s/run", home.dir);
	assert_int_equal(mkdir(home.run, 0700), 0);
	home.local = x_asprintf("%s/local.toml", home.dir);
	assert_int_equal(mailbox_open(b, &home, SELF, "hub-dev-w", &e), 0);
}

static void
end(struct mailbox *b)
{
	mailbox_close(b);
	x_free(home.dir);
	x_free(home.run);
	x_free(home.local);
}

static void
fill(struct mail *m, const char *id, const char *from, const char *host)
{
	*m = (struct mail)MAIL_INIT;
	(void)snprintf(m->id, sizeof(m->id), "%s", id);
	(void)snprintf(m->from, sizeof(m->from), "%s", from);
	(void)snprintf(m->from_host, sizeof(m->from_host), "%s", host);
	(void)snprintf(m->to, sizeof(m->to), "box-dev-x");
	(void)snprintf(m->to_host, sizeof(m->to_host), "box");
	m->date = clock_real_ms();
	buf_adds(&m->body, "text");
}

/* hub-dev-w asks box-dev-x. */
static void
put(struct mailbox *b, const char *id, int64_t expires)
{
	struct mail m;
	struct err e;

	fill(&m, id, "hub-dev-w", "hub");
	m.expires = expires;
	m.question = true;
	assert_int_equal(asked_put(b, &m, &e), 0);
	mail_free(&m);
}

static void
settle(struct mailbox *b, const char *id, const char *question,
    const char *from, const char *host)
{
	struct mail m;

	fill(&m, id, from, host);
	(void)snprintf(m.reply_to, sizeof(m.reply_to), "%s", question);
	assert_int_equal(asked_settle(b, &m, NULL), 0);
	mail_free(&m);
}

/* "pending", "answered ID"; "none". */
static const char *
state_of(struct mailbox *b, const char *id)
{
	static char out[64];
	struct asked a;
	struct err e;

	if (asked_find(b, id, &a, &e) != 0) {
		assert_int_equal(e.code, EXIT_UNKNOWN);
		(void)snprintf(out, sizeof(out), "none");
	} else {
		(void)snprintf(out, sizeof(out), "%s%s%s", asked_word(a.state),
		    a.answer[0] == '\0' ? "" : " ", a.answer);
	}
	asked_free(&a);
	return out;
}

static void
test_answered(void **state)
{
	int64_t later = clock_real_ms() + 60000;
	struct deliver_verdict v;
	struct mailbox b;
	struct err e;

	(void)state;
	begin(&b, "answered");
	assert_string_equal(state_of(&b, Q1), "none");
	put(&b, Q1, later);
	assert_string_equal(state_of(&b, Q1), "pending");
	assert_false(asked_tell(&b, Q1, &v));
	assert_int_equal(asked_may(&b, Q1, "box", &e), 0);
	/* Not from there, not to that. */
	settle(&b, ANSWER, Q1, "web-dev-x", "web");
	settle(&b, ANSWER, "../../../../../../x", "box-dev-x", "box");
	assert_string_equal(state_of(&b, Q1), "pending");
	settle(&b, ANSWER, Q1, "box-dev-x", "box");
	assert_string_equal(state_of(&b, Q1), "answered " ANSWER);
	/* Nothing changes that. */
	settle(&b, Q2, Q1, "box-dev-x", "box");
	settle(&b, Q3, Q1, "panemesh@box", "box");
	assert_string_equal(state_of(&b, Q1), "answered " ANSWER);
	assert_int_equal(asked_may(&b, Q1, "box", &e), -1);
	assert_err(e, EXIT_REFUSED, "was answered already");
	/* To others it is no question of theirs. */
	assert_int_equal(asked_may(&b, Q1, "web", &e), 0);
	assert_true(asked_tell(&b, Q1, &v));
	assert_string_equal(v.word, "answered");
	assert_int_equal(v.code, EXIT_OK);
	end(&b);
}

static void
test_begins(void **state)
{
	int64_t later = clock_real_ms() + 60000;
	struct mailbox b;
	struct asked a;
	struct err e;

	(void)state;
	begin(&b, "begins");
	put(&b, Q1, later);
	put(&b, Q2, later);
	assert_string_equal(state_of(&b, "q1aa"), "pending");
	assert_string_equal(state_of(&b, "q1a"), "none");
	assert_string_equal(state_of(&b, "../q"), "none");
	asked_drop(&b, Q2);
	assert_string_equal(state_of(&b, Q2), "none");
	put(&b, "q1aabbbbbbbbbbbbbbbb", later);
	assert_int_equal(asked_find(&b, "q1aa", &a, &e), -1);
	assert_err(e, EXIT_UNKNOWN, "several messages: q1aa");
	asked_free(&a);
	end(&b);
}

static void
test_ends(void **state)
{
	int64_t now = clock_real_ms();
	struct deliver_verdict v;
	struct mailbox b;
	struct err e;

	(void)state;
	begin(&b, "ends");
	put(&b, Q1, now - 5000);
	assert_string_equal(state_of(&b, Q1), "expired");
	settle(&b, ANSWER, Q1, "box-dev-x", "box");
	assert_string_equal(state_of(&b, Q1), "expired");
	assert_int_equal(asked_may(&b, Q1, "box", &e), -1);
	assert_err(e, EXIT_REFUSED, "has expired");
	assert_true(asked_tell(&b, Q1, &v));
	assert_int_equal(v.code, EXIT_TIMEOUT);
	put(&b, Q2, now + 60000);
	settle(&b, ANSWER, Q2, "panemesh@box", "box");
	assert_string_equal(state_of(&b, Q2), "failed " ANSWER);
	assert_true(asked_tell(&b, Q2, &v));
	assert_string_equal(v.word, "failed");
	/* A day later it is forgotten, by who asks next. */
	put(&b, Q3, now - ASKED_KEEP_MS - 5000);
	assert_string_equal(state_of(&b, Q3), "expired");
	put(&b, "q4aaaaaaaaaaaaaaaaaa", now + 60000);
	assert_string_equal(state_of(&b, Q3), "none");
	assert_string_equal(state_of(&b, Q1), "expired");
	end(&b);
}

static void
test_awaited(void **state)
{
	int64_t later = clock_real_ms() + 60000;
	struct mailbox b;
	int one, two;
	struct err e;

	(void)state;
	begin(&b, "awaited");
	put(&b, Q1, later);
	assert_false(asked_awaited(&b, Q1, "box"));
	assert_false(asked_awaited(&b, "nonsense", "box"));
	assert_int_equal(asked_await(&b, Q1, &one, &e), 0);
	assert_int_equal(asked_await(&b, Q1, &two, &e), 0);
	assert_true(asked_awaited(&b, Q1, "box"));
	lock_drop(&one);
	assert_true(asked_awaited(&b, Q1, "box"));
	assert_false(asked_awaited(&b, Q1, "web"));
	lock_drop(&two);
	assert_false(asked_awaited(&b, Q1, "box"));
	assert_int_equal(asked_await(&b, Q2, &one, &e), -1);
	end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_begins),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_awaited),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
