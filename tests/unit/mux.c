#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "clock.h"
#include "frame.h"
#include "mem.h"
#include "mux_parts.h"
#include "str.h"
#include "warm.h"

/* A far end and callers, all ends in our hands. */

enum { CALLERS = 4 };

static struct mux *m;
static int far, mux_far, caller[CALLERS];
static struct buf heard, told[CALLERS];

#define HELLO "panemesh/1 HELLO 0 0\nHost: far\n\n"

static void
pair_of(int fd[2])
{
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
}

static void
join(int i)
{
	int fd[2];

	pair_of(fd);
	caller[i] = fd[0];
	assert_true(mux_add(m, fd[1], fd[1]));
}

static int
setup(void **state)
{
	int fd[2], i;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	pair_of(fd);
	far = fd[0];
	mux_far = fd[1];
	m = mux_new("box", mux_far);
	buf_init(&heard, 64UL << 20);
	for (i = 0; i < CALLERS; i++) {
		buf_init(&told[i], 64UL << 20);
		caller[i] = -1;
	}
	return 0;
}

static int
teardown(void **state)
{
	int i;

	(void)state;
	mux_free(m);
	(void)close(far);
	(void)close(mux_far);
	buf_free(&heard);
	for (i = 0; i < CALLERS; i++) {
		buf_free(&told[i]);
		if (caller[i] >= 0)
			(void)close(caller[i]);
	}
	return 0;
}

static void
take(int fd, struct buf *b)
{
	while (fd >= 0 && buf_read_fd(b, fd, 65536) > 0)
		continue;
}

/* Let it go as far as it goes; what mux_turn() said last. */
static int
turn(struct err *e)
{
	struct pollfd pfd[MUX_FDS_MAX];
	int i, k, rc = 0;
	size_t n;

	for (i = 0; i < 50 && rc == 0; i++) {
		n = mux_poll(m, pfd);
		(void)poll(pfd, n, 0);
		rc = mux_turn(m, pfd, e);
		take(far, &heard);
		for (k = 0; k < CALLERS; k++)
			take(caller[k], &told[k]);
	}
	return rc;
}

static void
says(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
goes(void)
{
	struct err e;

	assert_int_equal(turn(&e), 0);
}

/* Two callers and a far end that said HELLO; nothing said is kept. */
static void
begin(void)
{
	join(0);
	join(1);
	says(caller[0], "panemesh/1 HELLO 0 0\nHost: me\n\n");
	says(caller[1], "panemesh/1 HELLO 0 0\nHost: me too\n\n");
	says(far, "noise\n" HELLO);
	goes();
	buf_reset(&heard);
	buf_reset(&told[0]);
	buf_reset(&told[1]);
}

static void
one_hello(void **state)
{
	struct err e;

	(void)state;
	join(0);
	join(1);
	says(caller[0], "panemesh/1 HELLO 0 0\nHost: me\n\n");
	says(caller[1], "panemesh/1 HELLO 0 0\nHost: me too\n\n");
	goes();
	/* Nothing leaves before the far end has spoken. */
	assert_string_equal(heard.data, "");
	assert_string_equal(told[0].data, "");
	assert_true(str_starts(told[1].data, WARM_GREETING " pid="));
	assert_false(mux_hello(m));
	says(far, "welcome\npanemesh/1 HELLO 0 0\nHost: far\nTime: 5\n\n");
	goes();
	assert_string_equal(heard.data, "panemesh/1 HELLO 0 0\nHost: me\n\n");
	assert_string_equal(
	    told[0].data, "panemesh/1 HELLO 0 0\nHost: far\nTime: 5\n\n");
	assert_non_null(strstr(told[1].data, "\nTime: 5\n"));
	/* What time it is there is not told later. */
	join(2);
	assert_int_equal(turn(&e), 0);
	assert_non_null(strstr(told[2].data, "\n" HELLO));
	assert_true(mux_hello(m));
}

static void
answers_find_who_asked(void **state)
{
	(void)state;
	begin();
	says(caller[0], "panemesh/1 CHECK a 0\n\n");
	says(caller[1], "panemesh/1 CHECK b 0\n\npanemesh/1 PING c 0\n\n");
	goes();
	assert_int_equal(mux_waits(m), 3);
	says(far,
	    "panemesh/1 PROGRESS b 0\n\npanemesh/1 DONE b 1\n\nB"
	    "panemesh/1 DONE x 0\n\npanemesh/1 DONE a 1\n\nA");
	goes();
	assert_string_equal(told[0].data, "panemesh/1 DONE a 1\n\nA");
	assert_string_equal(told[1].data,
	    "panemesh/1 PROGRESS b 0\n\npanemesh/1 DONE b 1\n\nB");
	assert_int_equal(mux_waits(m), 1);
	/* Not whole yet. */
	buf_reset(&told[1]);
	says(far, "panemesh/1 DONE c 4\n\nsl");
	goes();
	assert_string_equal(told[1].data, "");
	says(far, "ow");
	goes();
	assert_string_equal(told[1].data, "panemesh/1 DONE c 4\n\nslow");
}

static void
asked_twice_sent_once(void **state)
{
	(void)state;
	begin();
	says(caller[0], "panemesh/1 DELIVER id 2\n\nhi");
	goes();
	/* Who asked is gone; another comes for the same. */
	(void)close(caller[0]);
	caller[0] = -1;
	goes();
	assert_int_equal(mux_callers(m), 1);
	says(caller[1], "panemesh/1 DELIVER id 2\n\nhi");
	goes();
	assert_string_equal(heard.data, "panemesh/1 DELIVER id 2\n\nhi");
	says(far, "panemesh/1 DONE id 0\n\n");
	goes();
	assert_string_equal(told[1].data, "panemesh/1 DONE id 0\n\n");
	assert_int_equal(mux_waits(m), 0);
	/* Anything else with an id in use is refused here. */
	says(caller[1], "panemesh/1 CHECK k 0\n\n");
	goes();
	buf_reset(&told[1]);
	says(caller[1], "panemesh/1 PULL k 0\n\npanemesh/1 PING ..link 0\n\n");
	goes();
	assert_non_null(strstr(told[1].data, "DONE k"));
	assert_non_null(strstr(told[1].data, "DONE ..link"));
	assert_non_null(strstr(told[1].data, "Code: 1"));
}

static void
half_a_frame_goes_nowhere(void **state)
{
	struct err e;

	(void)state;
	begin();
	says(caller[0], "panemesh/1 DELIVER id 20\n\nhalf");
	goes();
	assert_string_equal(heard.data, "");
	(void)close(caller[0]);
	caller[0] = -1;
	says(caller[1], "panemesh/1 PING p 0\n\n");
	goes();
	assert_string_equal(heard.data, "panemesh/1 PING p 0\n\n");
	/* One that speaks another language is dropped, and nobody else. */
	join(2);
	says(caller[2], "GET / HTTP/1.0\n\n");
	goes();
	assert_int_equal(mux_callers(m), 1);
	/* The far end may not. */
	says(far, "panemesh/1 DELIVER id 0\n\n");
	assert_int_equal(turn(&e), -1);
	assert_err(e, EXIT_WIRE, "box: asks for DELIVER");
}

static void
endless_answers_end(void **state)
{
	struct err e;
	int i, rc = 0;

	(void)state;
	begin();
	for (i = 0; i < 2000 && rc == 0; i++) {
		says(far, "panemesh/1 DONE x 0\n\n");
		if (i % 100 == 0)
			rc = turn(&e);
	}
	assert_int_equal(rc, -1);
	assert_err(e, EXIT_WIRE, "box: answers what nobody asked");
}

static void
put_data(int fd, size_t bytes)
{
	char *body = x_calloc(1, bytes);
	char *head = x_asprintf("panemesh/1 DATA f %zu\n\n", bytes);

	says(fd, head);
	assert_int_equal(write(fd, body, bytes), bytes);
	x_free(head);
	x_free(body);
}

static void
messages_before_files(void **state)
{
	struct pollfd pfd[MUX_FDS_MAX];
	struct err e;
	const char *at;
	size_t n;
	int i;

	(void)state;
	begin();
	says(caller[0], "panemesh/1 FILE f 0\n\n");
	put_data(caller[0], 30000);
	put_data(caller[0], 30000);
	put_data(caller[0], 30000);
	/* The far end does not read: no more than a little is given. */
	for (i = 0; i < 20; i++) {
		n = mux_poll(m, pfd);
		(void)poll(pfd, n, 0);
		assert_int_equal(mux_turn(m, pfd, &e), 0);
	}
	says(caller[1], "panemesh/1 DELIVER text 2\n\nhi");
	for (i = 0; i < 5; i++) {
		n = mux_poll(m, pfd);
		(void)poll(pfd, n, 0);
		assert_int_equal(mux_turn(m, pfd, &e), 0);
	}
	goes();
	at = memmem(heard.data, heard.len, "DELIVER text", 12);
	assert_non_null(at);
	assert_true(at - heard.data < 70000);
	says(far, "panemesh/1 DONE text 0\nCode: 0\n\n");
	goes();
	assert_true(heard.len > 90000);
	/* A message that names a file stays behind its bytes. */
	buf_reset(&heard);
	put_data(caller[0], 30000);
	put_data(caller[0], 0);
	says(caller[0], "panemesh/1 DELIVER m 0\nFiles: f\n\n");
	goes();
	assert_non_null(
	    memmem(heard.data + 30000, heard.len - 30000, "DELIVER m", 9));
}

static bool
data_went(void)
{
	goes();
	return memmem(heard.data, heard.len, "DATA f", 6) != NULL;
}

static void
files_stand_aside(void **state)
{
	int i, patience;
	char text[100];

	(void)state;
	begin();
	assert_int_equal(mux_patience(m), -1);
	says(caller[0], "panemesh/1 FILE f 0\n\n");
	says(caller[1], "panemesh/1 DELIVER one 0\n\n");
	goes();
	/* Until it is answered, ... */
	m->waits[1].since = clock_mono_ms() + 10000;
	put_data(caller[0], 30000);
	assert_false(data_went());
	patience = mux_patience(m);
	assert_in_range(patience, 1, MUX_ASIDE_MAX_MS);
	says(far, "panemesh/1 DONE one 0\nCode: 0\n\n");
	assert_true(data_went());
	assert_int_equal(mux_patience(m), -1);
	/* ... or for as long as one takes as a rule, ... */
	says(caller[1], "panemesh/1 DELIVER two 0\n\n");
	goes();
	buf_reset(&heard);
	put_data(caller[0], 30000);
	for (i = 0; i < 2 * MUX_ASIDE_MS && !data_went(); i++) {
		patience = mux_patience(m);
		assert_in_range(patience, 1, MUX_ASIDE_MS);
		(void)poll(NULL, 0, patience);
	}
	assert_true(data_went());
	/* ... and not for ever, if there is always another one. */
	for (i = 0; i < 1000; i++) {
		(void)snprintf(
		    text, sizeof(text), "panemesh/1 DELIVER more%d 0\n\n", i);
		says(caller[1], text);
		(void)snprintf(
		    text, sizeof(text), "panemesh/1 DONE more%d 0\n\n", i - 1);
		if (i > 0)
			says(far, text);
		if (data_went() && i > 0)
			break;
		if (i == 0) {
			buf_reset(&heard);
			put_data(caller[0], 30000);
		}
		(void)poll(NULL, 0, 5);
	}
	assert_in_range(i, 2, 999);
}

static void
unfinished_files_are_given_up(void **state)
{
	static const char give_up[] = "panemesh/1 DATA f 0\nAbort: 1\n\n";

	(void)state;
	begin();
	says(caller[0], "panemesh/1 FILE f 0\n\npanemesh/1 FILE g 0\n\n");
	says(caller[0], "panemesh/1 DELIVER m 0\nFiles: g\n\n");
	put_data(caller[0], 10);
	/* Not ours: it goes no further. */
	put_data(caller[1], 20);
	goes();
	assert_null(memmem(heard.data, heard.len, "DATA f 20", 9));
	buf_reset(&heard);
	(void)close(caller[0]);
	caller[0] = -1;
	goes();
	assert_string_equal(heard.data, give_up);
	assert_true(mux_files(m) == false);
}

/* A table full of files holds back further files and nothing else. */
static void
many_files(void **state)
{
	char text[100];
	int i;

	(void)state;
	begin();
	join(2);
	for (i = 0; i < MUX_FILES_MAX; i++) {
		(void)snprintf(
		    text, sizeof(text), "panemesh/1 FILE f%d 0\n\n", i);
		says(caller[0], text);
		goes();
	}
	says(caller[0], "panemesh/1 FILE more 0\n\n");
	says(caller[1], "panemesh/1 PING p 0\n\n");
	goes();
	assert_null(strstr(heard.data, "FILE more"));
	assert_non_null(strstr(heard.data, "PING p"));
	says(caller[1], "panemesh/1 DELIVER text 0\n\n");
	goes();
	assert_non_null(strstr(heard.data, "DELIVER text"));
	/* Who has them takes one out. */
	says(caller[2], "panemesh/1 DELIVER m 0\nFiles: f0\n\n");
	goes();
	assert_non_null(strstr(heard.data, "DELIVER m"));
	assert_non_null(strstr(heard.data, "FILE more"));
}

static void
doubt_keeps_callers_waiting(void **state)
{
	struct err why;

	(void)state;
	begin();
	mux_doubt(m);
	mux_doubt(m);
	join(2);
	goes();
	assert_string_equal(heard.data, "panemesh/1 PING ..link 0\n\n");
	assert_null(strstr(told[2].data, "HELLO"));
	says(far, "panemesh/1 DONE ..link 0\nCode: 0\n\n");
	goes();
	assert_non_null(strstr(told[2].data, "HELLO"));
	assert_false(mux_doubted(m));
	/* Who was told no HELLO is told nothing at the end. */
	mux_doubt(m);
	join(3);
	buf_reset(&told[2]);
	(void)err_set(&why, EXIT_WIRE, "box: gone");
	mux_end(m, &why);
	take(caller[2], &told[2]);
	take(caller[3], &told[3]);
	assert_string_equal(
	    told[2].data, "panemesh/1 DONE 0 9\nCode: 4\n\nbox: gone");
	assert_null(strstr(told[3].data, "DONE"));
}

static void
nothing_grows(void **state)
{
	char text[100];
	int i, frames = unit_valgrind() ? 2000 : 100000;

	(void)state;
	begin();
	for (i = 0; i < frames; i++) {
		struct pollfd pfd[MUX_FDS_MAX];
		struct err e;
		size_t n;

		(void)snprintf(text, sizeof(text),
		    "panemesh/1 DELIVER id%d 2\nTo: x\n\nhi", i);
		says(caller[i % 2], text);
		(void)snprintf(
		    text, sizeof(text), "panemesh/1 DONE id%d 0\n\n", i);
		n = mux_poll(m, pfd);
		(void)poll(pfd, n, 0);
		assert_int_equal(mux_turn(m, pfd, &e), 0);
		take(far, &heard);
		says(far, text);
		buf_reset(&heard);
		n = mux_poll(m, pfd);
		(void)poll(pfd, n, 0);
		assert_int_equal(mux_turn(m, pfd, &e), 0);
		take(caller[i % 2], &told[0]);
		assert_int_equal(told[0].len, strlen(text));
		buf_reset(&told[0]);
	}
	assert_int_equal(mux_waits(m), 0);
	assert_int_equal(mux_callers(m), 2);
}

static void
full(void **state)
{
	int fd[2], i, ends[MUX_CALLERS_MAX];

	(void)state;
	for (i = 0; i < MUX_CALLERS_MAX; i++) {
		pair_of(fd);
		ends[i] = fd[0];
		assert_true(mux_add(m, fd[1], fd[1]));
	}
	pair_of(fd);
	assert_false(mux_add(m, fd[1], fd[1]));
	(void)close(fd[0]);
	for (i = 0; i < MUX_CALLERS_MAX; i++)
		(void)close(ends[i]);
	goes();
	assert_int_equal(mux_callers(m), 0);
}

/* Takes three bytes each time while there is room. */
static size_t room;
static bool broken;

static ssize_t
give(void *arg, const char *p, size_t len)
{
	size_t n = len < 3 ? len : 3;

	if (broken)
		return -1;
	if (n > room)
		n = room;
	room -= n;
	buf_add(arg, p, n);
	return (ssize_t)n;
}

static void
sends(void **state)
{
	const char ping[] = "panemesh/1 PING one 0\n\n";
	struct buf sent = BUF_INIT;
	struct err e;

	(void)state;
	begin();
	mux_sends(m, give, &sent);
	room = 10;
	says(caller[0], ping);
	goes();
	assert_int_equal(sent.len, 10);
	assert_true(mux_due(m));
	room = 1000;
	goes();
	assert_string_equal(sent.data, ping);
	assert_false(mux_due(m));
	assert_int_equal(heard.len, 0);
	/* What comes, comes as before. */
	says(far, "panemesh/1 DONE one 0\nCode: 0\n\n");
	goes();
	assert_string_equal(told[0].data, "panemesh/1 DONE one 0\nCode: 0\n\n");
	broken = true;
	says(caller[0], "panemesh/1 PING two 0\n\n");
	assert_int_equal(turn(&e), 1);
	broken = false;
	buf_free(&sent);
}

static size_t lane_room;
static bool lane_broken;

static ssize_t
by_lane(void *arg, const char *p, size_t len)
{
	size_t n = len < lane_room ? len : lane_room;

	if (lane_broken)
		return -1;
	buf_add(arg, p, n);
	lane_room -= n;
	return (ssize_t)n;
}

static void
put_data_at(size_t bytes, size_t at)
{
	char *body = x_calloc(1, bytes);
	char *head =
	    x_asprintf("panemesh/1 DATA f %zu\nAt: %zu\n\n", bytes, at);

	says(caller[0], head);
	assert_int_equal(write(caller[0], body, bytes), bytes);
	x_free(head);
	x_free(body);
}

static bool
has(const struct buf *b, const char *text)
{
	return memmem(b->data, b->len, text, strlen(text)) != NULL;
}

/* A long file is announced, and the far end, which can, is asked for it. */
static void
long_file(const char *can)
{
	mux_may_lane(m);
	join(0);
	says(caller[0], "panemesh/1 HELLO 0 0\nHost: me\n\n");
	says(far, "panemesh/1 HELLO 0 0\nHost: far\nCan: ");
	says(far, can);
	says(far, "\n\n");
	goes();
	says(caller[0], "panemesh/1 FILE f 0\nSize: 5000000\n\n");
	goes();
}

static void
long_files_go_by_the_lane(void **state)
{
	struct buf lane = BUF_INIT_MAX(64UL << 20);
	struct buf sent = BUF_INIT_MAX(64UL << 20);

	(void)state;
	long_file("file lane");
	assert_true(has(&heard, "FILE f 0"));
	assert_true(has(&heard, "PING ..file.f 0"));
	assert_false(mux_wants_lane(m));
	/* It is a long way off. */
	m->files[0].asked -= MUX_LANE_RTT_MS;
	says(far, "panemesh/1 DONE ..file.f 0\nCode: 0\n\n");
	goes();
	assert_true(mux_wants_lane(m));
	mux_ask_lane(m, "token");
	goes();
	assert_true(has(&heard, "LANE ..lane 0\nToken: token\n"));
	assert_int_equal(mux_lane_asked(m), 0);
	says(far, "panemesh/1 DONE ..lane 0\nCode: 0\n\n");
	goes();
	assert_int_equal(mux_lane_asked(m), 1);
	/* Before it stands, all goes as it went. */
	put_data_at(30000, 0);
	goes();
	assert_true(has(&heard, "At: 0\n"));
	/* Both take turns, and none a part of a frame of the other. */
	mux_lane(m, by_lane, &lane);
	lane_room = 40000;
	mux_sends(m, give, &sent);
	room = 50000;
	put_data_at(30000, 30000);
	put_data_at(30000, 60000);
	put_data_at(30000, 90000);
	put_data_at(30000, 120000);
	goes();
	assert_int_equal(lane.len, 40000);
	assert_true(mux_lane_due(m));
	lane_room = room = 1 << 20;
	goes();
	assert_false(mux_lane_due(m));
	assert_true(has(&lane, "DATA f 30000\nAt: 90000\n"));
	assert_true(has(&sent, "DATA f 30000\nAt: 30000\n"));
	assert_true(lane.len > 60000 && sent.len > 60000);
	/* The end, a message and the word that it is given up never do. */
	buf_reset(&lane);
	says(caller[0],
	    "panemesh/1 DATA f 0\nAt: 5000000\n\n"
	    "panemesh/1 DELIVER m 0\nFiles: f\n\n");
	goes();
	assert_int_equal(lane.len, 0);
	assert_true(has(&sent, "At: 5000000\n"));
	assert_true(has(&sent, "DELIVER m"));
	buf_free(&lane);
	buf_free(&sent);
}

static void
lanes_break(void **state)
{
	struct buf lane = BUF_INIT_MAX(64UL << 20);
	struct buf sent = BUF_INIT_MAX(64UL << 20);
	int i;

	(void)state;
	long_file("file lane");
	/* Next door it is not worth a session. */
	m->files[0].asked = clock_mono_ms() + 10000;
	says(far, "panemesh/1 DONE ..file.f 0\nCode: 0\n\n");
	goes();
	assert_false(mux_wants_lane(m));
	mux_lane(m, by_lane, &lane);
	lane_room = 1000;
	mux_sends(m, give, &sent);
	room = 50000;
	for (i = 0; i < 4; i++)
		put_data_at(30000, (size_t)i * 30000);
	goes();
	assert_true(mux_lane_due(m));
	lane_broken = true;
	goes();
	lane_broken = false;
	assert_false(mux_lane_due(m));
	room = 1 << 20;
	put_data_at(30000, 500000);
	put_data_at(30000, 530000);
	goes();
	assert_true(has(&sent, "At: 500000\n"));
	assert_true(has(&sent, "At: 530000\n"));
	/* Nobody asked for these. */
	for (i = 0; i < 3; i++)
		says(far,
		    "panemesh/1 DONE ..file.f 0\n\n"
		    "panemesh/1 DONE ..file.x 0\n\n"
		    "panemesh/1 DONE ..lane 0\nCode: 0\n\n");
	goes();
	assert_int_equal(mux_lane_asked(m), 0);
	assert_int_equal(m->unasked, 9);
	buf_free(&lane);
	buf_free(&sent);
}

static void
older_far_ends_are_asked_nothing(void **state)
{
	(void)state;
	long_file("file");
	assert_false(has(&heard, "PING"));
	assert_false(has(&heard, "LANE"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_hello),
		TEST(sends),
		TEST(answers_find_who_asked),
		TEST(asked_twice_sent_once),
		TEST(half_a_frame_goes_nowhere),
		TEST(endless_answers_end),
		TEST(messages_before_files),
		TEST(files_stand_aside),
		TEST(long_files_go_by_the_lane),
		TEST(lanes_break),
		TEST(older_far_ends_are_asked_nothing),
		TEST(unfinished_files_are_given_up),
		TEST(many_files),
		TEST(doubt_keeps_callers_waiting),
		TEST(nothing_grows),
		TEST(full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
