#include "unit.h"

#include "mem.h"
#include "ship_parts.h"

/* What a far end may make of our words to a person. */

static struct deliver_verdict v;
static struct agent to;
static bool renamed;
static char *dropped;

static void
verdict(const char *code, const char *word, const char *body, size_t len)
{
	struct frame f;

	frame_init(&f, FRAME_DONE, "a");
	frame_add(&f, "Code", code);
	frame_add(&f, "Verdict", word);
	frame_add(&f, "Address", "not an address");
	buf_add(&f.body, body, len);
	ship_verdict(&f, &to, &renamed, &dropped, &v);
	frame_free(&f);
}

static void
codes(void **state)
{
	static const struct {
		const char *code, *word;
		enum exit_code want;
		const char *said;
	} cases[] = {
		{ "0", "submitted", EXIT_OK, "submitted" },
		{ "0", "shown", EXIT_OK, "shown" },
		{ "3", "refused", EXIT_NOT_READY, "refused" },
		{ "5", "unsubmitted", EXIT_UNPROVEN, "unsubmitted" },
		/* a success without proof */
		{ "0", "refused", EXIT_UNPROVEN, "refused" },
		{ "0", "", EXIT_UNPROVEN, "failed" },
		{ "0", "Submitted", EXIT_UNPROVEN, "failed" },
		/* no codes */
		{ "", "submitted", EXIT_UNPROVEN, "submitted" },
		{ "-1", "shown", EXIT_UNPROVEN, "shown" },
		{ "10", "shown", EXIT_UNPROVEN, "shown" },
		{ "99999999999999999999", "x", EXIT_UNPROVEN, "failed" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < UNIT_COUNT(cases); i++) {
		verdict(cases[i].code, cases[i].word, "why", 3);
		assert_int_equal(v.code, cases[i].want);
		assert_string_equal(v.word, cases[i].said);
		assert_string_equal(v.why, "why");
	}
	assert_null(to.address);
	assert_false(renamed);
	assert_null(dropped);
}

static void
words(void **state)
{
	char large[3 * sizeof(v.why)];

	(void)state;
	verdict("3", "refused", "a\033[2J\n\302\233b\342\200\256\377c", 14);
	assert_string_equal(v.why, "a?[2J??b??c");
	memset(large, 'x', sizeof(large));
	verdict("3", "refused", large, sizeof(large));
	assert_int_equal(strlen(v.why), sizeof(v.why) - 1);
	verdict("3", "refused", "", 0);
	assert_string_equal(v.why, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
