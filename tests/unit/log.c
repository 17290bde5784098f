#include "unit.h"

#include <fcntl.h>

#include "log.h"

static int pipe_fd[2];

static int
setup(void **state)
{
	(void)state;
	if (pipe2(pipe_fd, O_NONBLOCK) != 0)
		return -1;
	log_start("/usr/bin/prog", false);
	log_to(pipe_fd[1]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	log_to(STDERR_FILENO);
	(void)close(pipe_fd[0]);
	(void)close(pipe_fd[1]);
	return 0;
}

/* What one write put into the pipe; "" if nothing. */
static const char *
written(void)
{
	static char text[65536];
	ssize_t n = read(pipe_fd[0], text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void
test_line(void **state)
{
	struct err e;

	(void)state;
	log_line("%s %d", "a", 1);
	assert_string_equal(written(), "prog: a 1\n");
	log_start("plain", false);
	log_line("%s", "");
	assert_string_equal(written(), "plain: \n");
	(void)err_set(&e, EXIT_NOT_READY, "pane: has a\033[31mdialog");
	assert_int_equal(log_err(&e), EXIT_NOT_READY);
	assert_string_equal(written(), "plain: pane: has a\\x1b[31mdialog\n");
}

static void
test_once(void **state)
{
	(void)state;
	log_once("%d", 1);
	log_once("%d", 2);
	log_once("%d", 1);
	log_once("%d", 2);
	assert_string_equal(written(), "prog: 1\nprog: 2\n");
}

static void
test_debug(void **state)
{
	(void)state;
	log_debug("quiet");
	assert_string_equal(written(), "");
	log_start("p", true);
	log_debug("%s", "loud");
	assert_string_equal(written(), "p: loud\n");
}

static void
test_escape(void **state)
{
	static const char in[] = "a\n\t\r\x7f \xc3\xbc\xff\xe2\x80\xae"
				 "\xc2\x85\xf3\xa0\x81\x81\\";
	struct buf b = BUF_INIT;

	(void)state;
	log_escape(&b, in, sizeof(in)); /* the NUL too */
	assert_string_equal(b.data,
	    "a\\n\\t\\x0d\\x7f \xc3\xbc\\xff\\u{202e}"
	    "\\x85\\u{e0041}\\\\x00");
	buf_reset(&b);
	log_escape(&b, "", 0);
	assert_string_equal(b.data, "");
	buf_free(&b);
}

/* Too long a line is cut, and still one whole line. */
static void
test_long(void **state)
{
	char text[10000];
	const char *out;

	(void)state;
	memset(text, '\001', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_line("%s", text);
	out = written();
	assert_int_equal(out[strlen(out) - 1], '\n');
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
	assert_in_range(strlen(out), 4095 * 4, 4095 * 4 + 16);
}

/* A log that cannot be written harms nobody. */
static void
test_lost(void **state)
{
	(void)state;
	log_to(-1);
	log_line("nowhere");
	log_line("again");
	log_to(pipe_fd[1]);
	log_line("back");
	assert_string_equal(written(), "prog: back\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_debug, setup, teardown),
		cmocka_unit_test_setup_teardown(test_escape, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
