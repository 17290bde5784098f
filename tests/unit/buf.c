#include "unit.h"

#include <errno.h>
#include <fcntl.h>

#include "buf.h"

static void
test_empty(void **state)
{
	struct buf b = BUF_INIT;
	char *s;

	(void)state;
	assert_string_equal(b.data, "");
	buf_add(&b, NULL, 0);
	buf_adds(&b, "");
	buf_truncate(&b, 0);
	buf_consume(&b, 9);
	buf_reset(&b);
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
	s = buf_steal(&b);
	assert_string_equal(s, "");
	free(s);
	buf_free(&b);
	buf_free(&b);
	assert_int_equal(b.max, BUF_MAX_DEFAULT);
	assert_string_equal(buf_empty, "");
}

static void
test_add(void **state)
{
	struct buf b = BUF_INIT;
	size_t i;

	(void)state;
	buf_adds(&b, "ab");
	buf_addc(&b, 'c');
	buf_add(&b, "\0d", 2);
	buf_addf(&b, "%d%s", 12, "x");
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "abc\0d12x", 9);
	buf_addf(&b, "%s", "");
	assert_int_equal(b.len, 8);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	for (i = 0; i < 100000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		assert_int_equal(b.data[b.len], '\0');
	}
	for (i = 0; i < 100000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_free(&b);
	assert_string_equal(b.data, "");
}

static void
test_cut(void **state)
{
	struct buf b = BUF_INIT;
	char *s;

	(void)state;
	buf_adds(&b, "abcdef");
	buf_truncate(&b, 9);
	buf_truncate(&b, 6);
	assert_string_equal(b.data, "abcdef");
	buf_truncate(&b, 5);
	assert_string_equal(b.data, "abcde");
	buf_consume(&b, 0);
	buf_consume(&b, 2);
	assert_string_equal(b.data, "cde");
	assert_int_equal(b.len, 3);
	s = buf_steal(&b);
	assert_string_equal(s, "cde");
	free(s);
	assert_int_equal(b.len, 0);
	buf_adds(&b, "xy");
	buf_consume(&b, 3);
	assert_string_equal(b.data, "");
	buf_free(&b);
}

/* A stream through a buffer: what was consumed makes room again. */
static void
test_stream(void **state)
{
	struct buf b = BUF_INIT;
	unsigned in = 0, out = 0;
	size_t n, most = 0;
	char *s;

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		for (n = round % 97; n > 0; n--)
			buf_addc(&b, (char)in++);
		assert_int_equal(b.data[b.len], '\0');
		n = round * 31 % 101;
		if (n > b.len)
			n = b.len;
		for (size_t i = 0; i < n; i++)
			assert_int_equal(b.data[i], (char)out++);
		buf_consume(&b, n);
		assert_int_equal(b.data[b.len], '\0');
		assert_int_equal(b.len, in - out);
		if (b.len > most)
			most = b.len;
	}
	assert_true(b.consumed + b.cap <= 4 * most + 256);
	/* What is freed, given away or begun again is the whole of it. */
	buf_reset(&b);
	buf_adds(&b, "abcdef");
	buf_consume(&b, 2);
	assert_int_equal(b.consumed, 2);
	s = buf_steal(&b);
	assert_string_equal(s, "cdef");
	free(s);
	buf_adds(&b, "abcdef");
	buf_consume(&b, 2);
	buf_reset(&b);
	assert_int_equal(b.consumed, 0);
	buf_adds(&b, "gh");
	buf_consume(&b, 1);
	assert_string_equal(b.data, "h");
	buf_free(&b);
	assert_int_equal(b.consumed, 0);
}

static void
test_overflow(void **state)
{
	struct buf b = BUF_INIT_MAX(4);
	struct err e;

	(void)state;
	buf_adds(&b, "abcd");
	assert_false(b.overflow);
	assert_int_equal(buf_check(&b, "it", &e), 0);
	buf_addc(&b, 'e');
	assert_true(b.overflow);
	assert_string_equal(b.data, "abcd");
	/* Nothing more comes in, even where it would fit again. */
	buf_truncate(&b, 1);
	buf_addc(&b, 'x');
	buf_addf(&b, "%s", "y");
	assert_string_equal(b.data, "a");
	assert_int_equal(buf_check(&b, "it", &e), -1);
	assert_int_equal(e.code, EXIT_LOCAL);
	assert_string_equal(e.msg, "it: larger than 4 bytes");
	assert_int_equal(buf_check(&b, "it", NULL), -1);
	buf_reset(&b);
	assert_false(b.overflow);
	/* All or nothing. */
	buf_adds(&b, "abcde");
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	buf_addf(&b, "%d", 12345);
	assert_true(b.overflow);
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	buf_addf(&b, "%d", 1234);
	assert_string_equal(b.data, "1234");
	buf_add(&b, "x", SIZE_MAX);
	assert_true(b.overflow);
	buf_free(&b);
	assert_int_equal(b.max, 4);

	buf_init(&b, 0);
	buf_adds(&b, "");
	assert_false(b.overflow);
	buf_addc(&b, 'x');
	assert_true(b.overflow);
	buf_free(&b);
}

static void
test_read(void **state)
{
	struct buf b = BUF_INIT_MAX(6);
	int fd[2];

	(void)state;
	assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
	errno = 0;
	assert_int_equal(buf_read_fd(&b, fd[0], 100), -1);
	assert_int_equal(errno, EAGAIN);
	assert_string_equal(b.data, "");
	assert_int_equal(write(fd[1], "abc", 3), 3);
	assert_int_equal(buf_read_fd(&b, fd[0], 2), 2);
	assert_string_equal(b.data, "ab");
	assert_int_equal(buf_read_fd(&b, fd[0], 100), 1);
	/* Up to the maximum is kept, what is over it is read and dropped. */
	assert_int_equal(write(fd[1], "defgh", 5), 5);
	assert_int_equal(buf_read_fd(&b, fd[0], 100), 3);
	assert_false(b.overflow);
	assert_int_equal(buf_read_fd(&b, fd[0], 100), 2);
	assert_true(b.overflow);
	assert_string_equal(b.data, "abcdef");
	(void)close(fd[1]);
	assert_int_equal(buf_read_fd(&b, fd[0], 100), 0);
	assert_string_equal(b.data, "abcdef");
	(void)close(fd[0]);
	errno = 0;
	assert_int_equal(buf_read_fd(&b, -1, 100), -1);
	assert_int_equal(errno, EBADF);
	buf_free(&b);
}

/* A stream of exactly the maximum is no overflow. */
static void
test_read_exact(void **state)
{
	struct buf b = BUF_INIT_MAX(3);
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "abc", 3), 3);
	(void)close(fd[1]);
	assert_int_equal(buf_read_fd(&b, fd[0], 100), 3);
	assert_int_equal(buf_read_fd(&b, fd[0], 100), 0);
	assert_false(b.overflow);
	(void)close(fd[0]);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_read_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
