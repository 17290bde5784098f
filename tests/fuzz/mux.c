/* Whatever callers and the far end say, in whatever pieces: no crash, and the
 * far end is told whole frames only. A 0xFF byte begins the next piece, whose
 * first byte says who speaks. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "frame.h"
#include "mux.h"

enum { ENDS = 3 }; /* the far end and two callers */

/* What the lane was given. */
static struct buf beside = BUF_INIT_MAX(8 * FRAME_BODY_MAX);

static ssize_t
by_lane(void *arg, const char *p, size_t len)
{
	size_t n = len > 1000 ? 1000 : len;

	(void)arg;
	buf_add(&beside, p, n);
	return (ssize_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int
turn(struct mux *m, int far, struct buf *heard)
{
	struct pollfd pfd[MUX_FDS_MAX];
	struct err e;
	size_t n = mux_poll(m, pfd);
	int rc;

	(void)poll(pfd, n, 0);
	rc = mux_turn(m, pfd, &e);
	while (buf_read_fd(heard, far, 65536) > 0)
		continue;
	return rc;
}

/* Frames and nothing else, the last one whole. */
static void
check(struct buf *heard)
{
	struct frame f;
	struct err e;

	while (heard->len > 0) {
		if (frame_read(heard, &f, &e) != FRAME_READY)
			abort();
		frame_free(&f);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct buf heard = BUF_INIT_MAX(8 * FRAME_BODY_MAX);
	const uint8_t *end;
	int pair[ENDS][2], i, rc = 0;
	struct mux *m;
	char drop[4096];
	size_t n;

	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ENDS; i++)
		if (socketpair(
			AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair[i]) != 0)
			return 0;
	m = mux_new("fuzz", pair[0][1]);
	mux_may_lane(m);
	mux_lane(m, by_lane, NULL);
	for (i = 1; i < ENDS; i++)
		(void)mux_add(m, pair[i][1], pair[i][1]);
	while (len > 0 && rc == 0) {
		i = data[0] % ENDS;
		data++;
		len--;
		end = memchr(data, 0xFF, len);
		n = end == NULL ? len : (size_t)(end - data);
		if (n > 0)
			(void)!write(pair[i][0], data, n);
		data += end == NULL ? n : n + 1;
		len -= end == NULL ? n : n + 1;
		rc = turn(m, pair[0][0], &heard);
		for (i = 1; i < ENDS; i++)
			while (read(pair[i][0], drop, sizeof(drop)) > 0)
				continue;
	}
	for (i = 0; i < 20 && rc == 0; i++)
		rc = turn(m, pair[0][0], &heard);
	if (rc == 0)
		check(&heard);
	if (rc == 0)
		check(&beside);
	buf_reset(&beside);
	mux_free(m);
	(void)close(pair[0][1]);
	for (i = 0; i < ENDS; i++)
		(void)close(pair[i][0]);
	buf_free(&heard);
	return 0;
}
