/*
 * composer - a small full-line composer like those of agents, for tests.
 *
 * usage: composer [-l LOG] [-e ECHO_MS] [-s SWALLOW_MS] [-b BUSY_MS] [-d]
 *                 [-p] [-h] [-n] [-x] [-t] [-g] [-r ROWS] [-w FILE] [-c]
 *                 [-f FORGET_MS] [-k] [-q] [-u] [-z FILE]
 *
 * Draws "❯ TEXT" between two rules at the end of its output, takes bracketed
 * paste, submits on Enter. Every submitted text is appended to LOG as one line
 * "N BYTES-IN-HEX", every key that arrives outside of a paste to LOG.keys.
 *
 *   -e  shows what came in only ECHO_MS later (a slow renderer)
 *   -s  takes an Enter within SWALLOW_MS of other input as a newline
 *   -b  is busy for BUSY_MS after each submission (shows "Working")
 *   -d  opens a permission dialog at the first submission; Enter approves it,
 *       which is logged as "approved"; Ctrl-O opens it at any time
 *   -f  at an Enter within FORGET_MS of showing the text it puts a newline in
 *       the place of all of it
 *   -p  collapses pasted text of more than one line to "[Pasted text, N chars]"
 *   -h  the same, but takes only half of it, as if the rest were still to come
 *   -n  no bracketed paste
 *   -x  an "x" gets into the text with each paste, as if somebody typed it
 *   -t  shows the submitted text above, not only how long it was
 *   -g  draws the text as grey as a placeholder (a theme)
 *   -w  takes no Enter before FILE is there
 *   -z  the same, and is busy all the while
 *   -r  shows the last ROWS rows of a longer text, the glyph only before the
 *       first of all
 *   -k  swallows every Enter, and is seen empty while it draws its text anew
 *   -q  dies of an Enter, and takes nothing
 *   -u  opens the dialog in the place of its text when Enter comes
 *   -c  draws its cursor and hides the terminal's, two rows below
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "mem.h"
#include "utf8.h"

static struct buf text = BUF_INIT;    /* what is in the composer */
static struct buf pending = BUF_INIT; /* input not yet taken apart */
static int64_t last_input, shown, show_at = -1, busy_until;
static int echo_ms, swallow_ms, forget_ms, busy_ms, rows_max;
static bool pasting, dialog, want_dialog, collapse, collapsed, intrude;
static bool show_text, halve, draws_cursor, grey, quits, intervenes, flickers;
static bool sleeps;
static size_t pasted; /* characters of what is collapsed */
static const char *log_path, *wait_path;
static unsigned submissions, cursor_rows;

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
put(const char *s, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, s, len);

		if (n <= 0)
			exit(1);
		s += n;
		len -= (size_t)n;
	}
}

static void
record(const char *suffix, const char *line, size_t len)
{
	char path[4096];
	int fd;

	if (log_path == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s%s", log_path, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, len) < 0)
		exit(1);
	(void)close(fd);
}

static unsigned
columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 4)
		return 80;
	return size.ws_col;
}

static void
rule(struct buf *out)
{
	unsigned i;

	for (i = 0; i < columns(); i++)
		buf_adds(out, "─");
}

/* Where the rows begin that a box of rows_max shows. */
static size_t
scrolled(unsigned width)
{
	size_t *starts = NULL, rows = 0, at, n, from = 0;
	unsigned used = width;
	uint32_t ch = 0;

	for (at = 0; rows_max > 0 && at < text.len; at += n) {
		n = utf8_decode(text.data + at, text.len - at, &ch);
		n = n == 0 ? 1 : n;
		if (used + utf8_width(ch) >= width) {
			starts = x_realloc(starts, rows + 1, sizeof(*starts));
			starts[rows++] = at;
			used = 2;
		}
		used =
		    ch == '\n' ? width : used + utf8_width(ch) + (ch == '\t');
	}
	if (rows > (size_t)rows_max)
		from = starts[rows - (size_t)rows_max];
	x_free(starts);
	return from;
}

/* Redraw the composer where it stands; the cursor ends behind the text. */
static void
draw(void)
{
	struct buf out = BUF_INIT;
	unsigned width = columns(), used = 2, rows = 0;
	size_t at = 0, n;
	uint32_t ch;

	buf_adds(&out, "\r");
	if (cursor_rows > 0)
		buf_addf(&out, "\033[%uA", cursor_rows);
	buf_adds(&out, "\033[J");
	if (dialog) {
		buf_adds(&out, "Do you want to proceed?\r\n");
		buf_adds(&out, draws_cursor ? "  " : "❯ ");
		buf_adds(&out, "1. Yes\r\n  2. No\r\n\r\nEsc to cancel");
		if (draws_cursor)
			buf_adds(&out, "\r");
		cursor_rows = 4;
		put(out.data, out.len);
		buf_free(&out);
		return;
	}
	if (now_ms() < busy_until) {
		buf_adds(&out, "* Working (esc to interrupt)\r\n");
		rows++;
	}
	rule(&out);
	at = scrolled(width);
	buf_adds(&out, at > 0 ? "\r\n  " : "\r\n❯ ");
	rows++;
	if (grey)
		buf_adds(&out, "\033[38;2;131;148;150m");
	if (collapsed) {
		buf_addf(&out, "[Pasted text, %zu chars]", pasted);
		used += (unsigned)strlen("[Pasted text,  chars]");
		for (n = pasted; n > 0; n /= 10)
			used++;
		at = text.len;
	}
	for (; at < text.len; at += n) {
		n = utf8_decode(text.data + at, text.len - at, &ch);
		n = n == 0 ? 1 : n;
		if (ch == '\n' || used + utf8_width(ch) >= width) {
			buf_adds(&out, "\r\n  ");
			rows++;
			used = 2;
		}
		if (ch == '\n')
			continue;
		if (ch == '\t') {
			/* how far it would jump is the terminal's affair */
			buf_addc(&out, ' ');
			used++;
			continue;
		}
		used += utf8_width(ch);
		buf_add(&out, text.data + at, n);
	}
	if (draws_cursor)
		buf_adds(&out, "\033[7m \033[0m");
	/* what stands below, then back up to the end of the text: relative,
	 * since the screen may have scrolled */
	buf_adds(&out, "\033[0m\r\n");
	rule(&out);
	if (draws_cursor) {
		buf_adds(&out, "\r\n  ready\r\n");
		rows += 3;
	} else {
		buf_addf(&out, "\r\n  ready\033[2A\r\033[%uC", used);
	}
	cursor_rows = rows;
	put(out.data, out.len);
	buf_free(&out);
}

static void
submit(void)
{
	struct pollfd none = { .fd = STDIN_FILENO, .events = 0 };
	struct buf line = BUF_INIT;
	size_t i;

	/* In both it reads nothing; but a poll of no descriptor is a sleep. */
	while (wait_path != NULL && access(wait_path, F_OK) != 0)
		(void)poll(&none, sleeps ? 0 : 1, 10);
	buf_addf(&line, "%u ", ++submissions);
	for (i = 0; i < text.len; i++)
		buf_addf(&line, "%02x", (unsigned char)text.data[i]);
	buf_addc(&line, '\n');
	record("", line.data, line.len);
	buf_reset(&line);
	buf_adds(&line, "\r");
	if (cursor_rows > 0)
		buf_addf(&line, "\033[%uA", cursor_rows);
	buf_adds(&line, "\033[J> ");
	if (show_text)
		buf_add(&line, text.data, text.len);
	else
		buf_addf(&line, "message %u, %zu bytes", submissions, text.len);
	buf_adds(&line, "\r\n\r\n\r\n\033[2A");
	put(line.data, line.len);
	cursor_rows = 0;
	buf_free(&line);
	buf_reset(&text);
	collapsed = false;
	if (busy_ms > 0)
		busy_until = now_ms() + busy_ms;
	if (want_dialog) {
		want_dialog = false;
		dialog = true;
	}
}

static void
key(const char *p, size_t n)
{
	int64_t now = now_ms();

	if (!pasting)
		record(".keys", p, n);
	if (dialog && *p == '\r' && !pasting) {
		record("", "approved\n", 9);
		dialog = false;
	} else if (dialog) {
		/* only Enter and Escape mean something there */
	} else if (*p == '\r' && !pasting && flickers) {
		put("\033[2K\r❯ ", 10);
		(void)poll(NULL, 0, 20);
	} else if (*p == '\r' && !pasting && text.len > 0 && quits) {
		put("\r\033[J\033[?2004l", 13);
		exit(1);
	} else if (*p == '\r' && !pasting && text.len > 0 && intervenes) {
		buf_reset(&text);
		dialog = true;
	} else if (*p == '\r' && !pasting) {
		if (text.len > 0 && now - shown < forget_ms) {
			buf_reset(&text);
			buf_addc(&text, '\n');
		} else if (text.len > 0 && now - last_input >= swallow_ms)
			submit();
		else if (text.len > 0)
			buf_addc(&text, '\n');
	} else if (*p == '\r') {
		buf_addc(&text, '\n');
	} else if (*p == 0x7f) {
		buf_truncate(&text, text.len > 0 ? text.len - 1 : 0);
	} else if (*p == 0x15) {
		buf_reset(&text);
	} else if (*p == 0x0f) {
		dialog = true;
	} else if (*p == 0x04 && text.len == 0) {
		exit(0);
	} else if (*p != '\033') {
		buf_add(&text, p, n);
	}
	last_input = now;
}

/* Show what was pasted from `start` on as a sign. */
static void
fold(size_t start)
{
	uint32_t ch;
	size_t at, n;

	if (halve)
		buf_truncate(&text, start + (text.len - start) / 2);
	pasted = 0;
	for (at = start; at < text.len; at += n == 0 ? 1 : n, pasted++)
		n = utf8_decode(text.data + at, text.len - at, &ch);
	collapsed = true;
}

/* Take whole characters and paste frames off `pending`. */
static void
take(void)
{
	static const char begin[] = "\033[200~", end[] = "\033[201~";
	size_t n, start = text.len;
	uint32_t ch;

	while (pending.len > 0) {
		if (pending.data[0] == '\033' && pending.len < 6 &&
		    (strncmp(pending.data, begin, pending.len) == 0 ||
			strncmp(pending.data, end, pending.len) == 0))
			return;
		if (strncmp(pending.data, begin, 6) == 0) {
			pasting = true;
			start = text.len;
			buf_consume(&pending, 6);
			continue;
		}
		if (strncmp(pending.data, end, 6) == 0) {
			pasting = false;
			if (intrude)
				buf_addc(&text, 'x');
			if (collapse &&
			    memchr(text.data + start, '\n', text.len - start))
				fold(start);
			last_input = now_ms();
			buf_consume(&pending, 6);
			continue;
		}
		n = utf8_decode(pending.data, pending.len, &ch);
		if (n == 0 && pending.len < 4 &&
		    (unsigned char)pending.data[0] >= 0xc0)
			return;
		n = n == 0 ? 1 : n;
		key(pending.data, n);
		buf_consume(&pending, n);
	}
}

int
main(int argc, char **argv)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	struct termios t;
	bool bracketed = true, was_busy = false;
	int opt;

	while (
	    (opt = getopt(argc, argv, "l:e:s:b:cdf:ghknpqutxr:w:z:")) != -1) {
		switch (opt) {
		case 'l':
			log_path = optarg;
			break;
		case 'e':
			echo_ms = atoi(optarg);
			break;
		case 's':
			swallow_ms = atoi(optarg);
			break;
		case 'b':
			busy_ms = atoi(optarg);
			break;
		case 'c':
			draws_cursor = true;
			break;
		case 'd':
			want_dialog = true;
			break;
		case 'f':
			forget_ms = atoi(optarg);
			break;
		case 'g':
			grey = true;
			break;
		case 'h':
			halve = true;
			collapse = true;
			break;
		case 'k':
			flickers = true;
			break;
		case 'p':
			collapse = true;
			break;
		case 'n':
			bracketed = false;
			break;
		case 'q':
			quits = true;
			break;
		case 'u':
			intervenes = true;
			break;
		case 'x':
			intrude = true;
			break;
		case 'r':
			rows_max = atoi(optarg);
			break;
		case 'z':
			sleeps = true;
			/* FALLTHROUGH */
		case 'w':
			wait_path = optarg;
			break;
		case 't':
			show_text = true;
			break;
		default:
			return 1;
		}
	}
	if (tcgetattr(STDIN_FILENO, &t) != 0)
		return 1;
	cfmakeraw(&t);
	t.c_oflag |= OPOST;
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &t);
	if (bracketed)
		put("\033[?2004h", 8);
	if (draws_cursor)
		put("\033[?25l", 6);
	put("\033]2;composer\007\r\n\r\n\r\n\033[2A", 23);
	draw();
	for (;;) {
		int wait = -1;
		int64_t now = now_ms();

		if (show_at >= 0)
			wait = show_at > now ? (int)(show_at - now) : 0;
		if (busy_until > now &&
		    (wait < 0 || wait > (int)(busy_until - now)))
			wait = (int)(busy_until - now);
		(void)poll(&pfd, 1, wait);
		if (pfd.revents & POLLIN) {
			if (buf_read_fd(&pending, STDIN_FILENO, 65536) <= 0)
				return 0;
			take();
			if (show_at < 0)
				show_at = now_ms() + echo_ms;
		} else if (pfd.revents != 0) {
			return 0;
		}
		now = now_ms();
		if ((show_at >= 0 && show_at <= now) ||
		    was_busy != (busy_until > now)) {
			was_busy = busy_until > now;
			show_at = -1;
			draw();
			shown = now_ms();
		}
	}
}
