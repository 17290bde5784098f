#include "unit.h"

#include "../../src/link_pipe.c"

/* A far end in our hands, in the place of ssh.c. */

static bool complains;
static unsigned reads; /* of its stderr */

struct ssh_stream *
ssh_stream_open(
    struct ssh_link *l, const char *command, int64_t deadline, struct err *e)
{
	static int stream;

	(void)l;
	(void)command;
	(void)deadline;
	(void)e;
	return (struct ssh_stream *)&stream;
}

void
ssh_stream_close(struct ssh_stream *s)
{
	(void)s;
}

size_t
ssh_stream_read(struct ssh_stream *s, bool from_stderr, struct buf *b)
{
	(void)s;
	if (!from_stderr)
		return 0;
	reads++;
	assert_true(reads < 100000);
	if (complains)
		buf_adds(b, "a word\nand half of an");
	return complains ? 21 : 0;
}

bool
ssh_stream_ready(const struct ssh_stream *s)
{
	(void)s;
	return true;
}

ssize_t
ssh_stream_write(struct ssh_stream *s, const char *p, size_t len, struct err *e)
{
	(void)s;
	(void)p;
	(void)e;
	return (ssize_t)len;
}

int
ssh_stream_eof(struct ssh_stream *s, struct err *e)
{
	(void)s;
	(void)e;
	return 0;
}

bool
ssh_stream_ended(const struct ssh_stream *s, int *status)
{
	(void)s;
	*status = 0;
	return false;
}

/* Who complains without end does not keep us from all else, and is heard again
 * without a wait. */
static void
endless_complaints(void **state)
{
	struct pollfd pfd[LINK_PIPE_FDS] = { { .fd = -1 }, { .fd = -1 } };
	struct link link = { .name = "box", .log = -1 };
	const struct link_to to = { .name = "box" };
	struct link_pipe p;
	struct err e;

	(void)state;
	assert_int_equal(link_pipe_open(&p, &link, &to, LINK_SERVE, -1, -1,
			     clock_deadline(60000), &e),
	    0);
	complains = true;
	assert_int_equal(link_pipe_turn(&p, pfd, &e), 0);
	assert_true(reads > 0);
	assert_int_equal(link_pipe_patience(&p, 5000), 0);
	assert_string_equal(p.last, "and half of ana word");
	complains = false;
	assert_int_equal(link_pipe_turn(&p, pfd, &e), 0);
	assert_int_equal(link_pipe_patience(&p, 5000), 5000);
	link_pipe_close(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endless_complaints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
